/* Looking at holds: the bodies of hold.show and hold.list, and their replies. The rules for bodies are those of
 * accounts.h. Opening, capture and release are items: items.h.
 */
#ifndef TELLER_WIRE_HOLDS_H
#define TELLER_WIRE_HOLDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_HOLDS_LIMIT = 100 };

/* ---- requests --------------------------------------------------------------------------------- */

enum code wire_hold_show_read(const struct wire_header *header, struct str *account, struct uuid *hold,
                              enum field *field);

struct wire_holds_query {
    struct str account;
    uint32_t limit;    /* 1 .. LEDGER_PAGE_MAX */
    struct str cursor; /* empty: from the oldest */
};

enum code wire_holds_read(const struct wire_header *header, struct wire_holds_query *out, enum field *field);

/* A cursor says where the last page ended. false: it is none of ours. An empty one is the start. */
bool wire_hold_cursor_read(struct str cursor, struct ledger_hold_place *out);
/* Writes one; out has WIRE_CURSOR_MAX bytes. */
struct str wire_hold_cursor(const struct ledger_hold_place *place, char *out);

/* ---- replies ---------------------------------------------------------------------------------- */

/* A hold as it is on the wire, and as the client's side reads it. Strings are borrowed. */
struct wire_hold {
    struct str account;
    currency_index currency;
    struct ledger_hold_view view; /* slot and opened are not on the wire: 0 */
};

void wire_hold_write(struct mp_writer *w, uint64_t request_id, const struct wire_hold *hold);

/* All are of one account. cursor empty: this was the last page. */
void wire_holds_write(struct mp_writer *w, uint64_t request_id, struct str account, currency_index currency,
                      const struct ledger_hold_view *views, size_t count, struct str cursor);

/* ---- the client's side ------------------------------------------------------------------------ */

void wire_hold_show_body_write(struct mp_writer *w, struct str account, const struct uuid *hold);
void wire_holds_body_write(struct mp_writer *w, const struct wire_holds_query *query);

/* Each reads the body of an OK reply. false: malformed, or above capacity. The cursor stays in the frame. */
bool wire_hold_reply_read(const struct wire_reply *reply, struct wire_hold *out);
bool wire_holds_reply_read(const struct wire_reply *reply, struct wire_hold *holds, size_t capacity,
                           size_t *count, struct str *cursor);

#endif
