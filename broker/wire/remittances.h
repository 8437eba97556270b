/* Remittances: the bodies of remittance.* and their replies. The rules for bodies are those of accounts.h. */
#ifndef TELLER_WIRE_REMITTANCES_H
#define TELLER_WIRE_REMITTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_REMITTANCES_LIMIT = 100 };

/* ---- words: static storage; CHECK the range ------------------------------------------------------- */

/* "PULL_UNKNOWN": of enum remittance_state */
const char *wire_remittance_state_name(uint8_t state);
/* "pull": of enum remittance_step */
const char *wire_remittance_step_name(uint8_t step);
/* "requested", "pulled": of a remittance's facts */
const char *wire_remittance_kind_name(uint8_t kind);
/* "open", "failed", "pull" */
const char *wire_remittance_list_name(enum remittance_list list);
/* false: no list of that name. */
bool wire_remittance_list_find(struct str name, enum remittance_list *out);

/* ---- requests --------------------------------------------------------------------------------- */

/* remittance.open. CODE_OK, or why not with *field. Strings stay in the frame. */
enum code wire_remit_read(const struct wire_header *header, struct ledger_remit_command *out,
                          enum field *field);

/* remittance.retry, .refund, .cancel, .resolve, .settle */
enum code wire_remittance_act_read(const struct wire_header *header, struct ledger_remittance_command *out,
                                   enum field *field);

enum code wire_remittance_show_read(const struct wire_header *header, struct str *account,
                                    struct uuid *remittance, enum field *field);

struct wire_remittances_query {
    enum remittance_list list;
    uint32_t limit;    /* 1 .. LEDGER_PAGE_MAX */
    struct str cursor; /* as that of struct wire_list_query */
};

enum code wire_remittances_read(const struct wire_header *header, struct wire_remittances_query *out,
                                enum field *field);

/* remittance.retry_batch: a failure list, or all of them; no cursor */
enum code wire_remittance_batch_read(const struct wire_header *header, struct wire_remittances_query *out,
                                     enum field *field);

/* ---- replies ---------------------------------------------------------------------------------- */

void wire_remittance_write(struct mp_writer *w, uint64_t request_id,
                           const struct ledger_remittance_view *view);

/* With its trail. entries: newest first, as the ledger gives them; on the wire they are turned round. */
void wire_remittance_trail_write(struct mp_writer *w, uint64_t request_id,
                                 const struct ledger_remittance_view *view,
                                 const struct ledger_remittance_entry *entries, size_t count);

/* cursor empty: this was the last page. */
void wire_remittances_write(struct mp_writer *w, uint64_t request_id,
                            const struct ledger_remittance_view *views, size_t count, struct str cursor);

void wire_remittance_batch_write(struct mp_writer *w, uint64_t request_id, uint32_t retried);

/* ---- the client's side: bodies behind wire_header_write, and reading of OK replies --------------- */

void wire_remit_body_write(struct mp_writer *w, const struct ledger_remit_command *command);
/* By command->action. */
void wire_remittance_act_body_write(struct mp_writer *w, const struct ledger_remittance_command *command);
void wire_remittance_show_body_write(struct mp_writer *w, struct str account, const struct uuid *remittance);
void wire_remittances_body_write(struct mp_writer *w, const struct wire_remittances_query *query);
void wire_remittance_batch_body_write(struct mp_writer *w, const struct wire_remittances_query *query);

/* The operation of an action. */
enum wire_operation wire_remittance_operation(enum remittance_action action);

/* The view's positions and account_index are not on the wire: 0. Of its flags ALARMED, CONTRADICTED and OPERATOR_REFUNDS are.
 * false: malformed. */
bool wire_remittance_reply_read(const struct wire_reply *reply, struct ledger_remittance_view *out);

/* Oldest first; positions: 0. false: malformed, or more than capacity entries. */
bool wire_remittance_trail_reply_read(const struct wire_reply *reply, struct ledger_remittance_view *view,
                                      struct ledger_remittance_entry *entries, size_t capacity,
                                      size_t *count);

/* false: malformed, or more than capacity remittances. The cursor stays in the frame; empty: last page. */
bool wire_remittances_reply_read(const struct wire_reply *reply, struct ledger_remittance_view *views,
                                 size_t capacity, size_t *count, struct str *cursor);

bool wire_remittance_batch_reply_read(const struct wire_reply *reply, uint32_t *retried);

#endif
