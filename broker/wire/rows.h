/* Answers: reply frames of money operations and errors, written by the node and read by clients.
 *
 *     [1, request_id, code, body]
 */
#ifndef TELLER_WIRE_ROWS_H
#define TELLER_WIRE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"

/* A sentence for people that tells what a code means; static storage. */
const char *wire_code_message(enum code code);

/* false: no code of that name. */
bool wire_code_find(struct str name, enum code *out);

/* "" and nil are no field: FIELD_NONE. false: no field of that name. */
bool wire_field_find(struct str name, enum field *out);

/* ---- writing ---------------------------------------------------------------------------------- */

/* The head of a reply; the caller writes one body value behind it. */
void wire_reply_begin(struct mp_writer *w, uint64_t request_id, enum code code);

/* The reply to a batch: all rows of a ticket, groups' rows nested. */
void wire_rows_write(struct mp_writer *w, uint64_t request_id, const struct ledger_row *rows,
                     size_t row_count);

/* The reply to transfer, deposit or withdraw. id: nil where the request had none that could be read. */
void wire_row_write_single(struct mp_writer *w, uint64_t request_id, const struct uuid *id,
                           const struct ledger_row *row);

/* The reply to a request that was refused as a whole. message NULL: wire_code_message(code). */
void wire_error_write(struct mp_writer *w, uint64_t request_id, enum code code, enum field field,
                      const char *message);

/* The body of an error, {"field", "message"}, for rows that carry one. */
void wire_error_body_write(struct mp_writer *w, enum code code, enum field field, const char *message);

/* ---- reading ---------------------------------------------------------------------------------- */

struct wire_reply {
    uint64_t request_id;
    enum code code;
    struct str body; /* the rest of the frame: one value, not looked at yet */
};

/* Reads a reply frame up to its body. false: malformed, or a version or code that is not known. */
bool wire_reply_read(const uint8_t *frame, size_t length, struct wire_reply *out);

/* Reads the body of an OK reply to a batch, as wire_rows_write takes it: a group's row is followed by the rows of
 * its items. false: malformed, or more than `capacity` rows. */
bool wire_rows_read(const struct wire_reply *reply, struct ledger_row *rows, size_t capacity,
                    size_t *row_count);

/* Reads the body of a reply to transfer, deposit or withdraw, which has one whatever its code is. Replies that
 * were refused before an item was read have an error's body: then the row has code and field only, and the id is nil.
 * message may be NULL; it receives "" when there is none. */
bool wire_row_read_single(const struct wire_reply *reply, struct uuid *id, struct ledger_row *row,
                          struct str *message);

/* Reads the body of a reply whose code is not CODE_OK. message may be NULL. */
bool wire_error_read(const struct wire_reply *reply, enum field *field, struct str *message);

#endif
