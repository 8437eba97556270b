/* Accounts: the bodies of account.* and their replies.
 *
 * Requests are maps with named keys in any order. Keys that are not known or come twice refuse the message
 * with BAD_REQUEST; a value that is missing, of a wrong type or out of range is INVALID_FIELD, or
 * UNKNOWN_CURRENCY, with the field's name. nil is the same as leaving a key out, except ceiling in account.change.
 * Every reader of a request checks that nothing follows the body.
 */
#ifndef TELLER_WIRE_ACCOUNTS_H
#define TELLER_WIRE_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_LIST_LIMIT = 100 };

/* ---- requests --------------------------------------------------------------------------------- */

/* account.open, .change, .freeze, .unfreeze, .close. CODE_OK, or why not with *field. Strings stay in the frame. */
enum code wire_account_read(const struct wire_header *header, struct ledger_account_command *out,
                            enum field *field);

/* account.show: just the id. */
enum code wire_account_show_read(const struct wire_header *header, struct str *account, enum field *field);

struct wire_list_query {
    struct str owner;  /* empty: all */
    uint32_t limit;    /* 1 .. LEDGER_PAGE_MAX */
    struct str cursor; /* empty: from the start; else clean text of at most WIRE_CURSOR_MAX bytes;
                          what it says is up to who made it */
};

enum code wire_list_read(const struct wire_header *header, struct wire_list_query *out, enum field *field);

/* health, version, status: the body is nil. */
enum code wire_nothing_read(const struct wire_header *header, enum field *field);

/* ---- replies ---------------------------------------------------------------------------------- */

void wire_account_write(struct mp_writer *w, uint64_t request_id, const struct ledger_account_view *view);

/* cursor empty: this was the last page. */
void wire_list_write(struct mp_writer *w, uint64_t request_id, const struct ledger_account_view *views,
                     size_t count, struct str cursor);

/* ---- the client's side: bodies behind wire_header_write, and reading of OK replies --------------- */

void wire_account_body_write(struct mp_writer *w, const struct ledger_account_command *command);
void wire_account_show_body_write(struct mp_writer *w, struct str account);
void wire_list_body_write(struct mp_writer *w, const struct wire_list_query *query);

/* The view's index and last_position are not on the wire: 0. false: malformed. */
bool wire_account_reply_read(const struct wire_reply *reply, struct ledger_account_view *out);

/* false: malformed, or more than capacity accounts. The cursor stays in the frame; empty: last page. */
bool wire_list_reply_read(const struct wire_reply *reply, struct ledger_account_view *views, size_t capacity,
                          size_t *count, struct str *cursor);

#endif
