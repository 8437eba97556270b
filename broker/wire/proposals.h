/* Manual deposits and withdrawals: the bodies of proposal.* and their replies. The rules for bodies are those of
 * accounts.h. */
#ifndef TELLER_WIRE_PROPOSALS_H
#define TELLER_WIRE_PROPOSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_PROPOSALS_LIMIT = 100 };

/* ---- requests --------------------------------------------------------------------------------- */

/* proposal.open. CODE_OK, or why not with *field. Strings stay in the frame. */
enum code wire_proposal_read(const struct wire_header *header, struct ledger_proposal_command *out,
                             enum field *field);

/* proposal.approve, proposal.reject */
enum code wire_decision_read(const struct wire_header *header, struct ledger_decision_command *out,
                             enum field *field);

enum code wire_proposal_show_read(const struct wire_header *header, struct str *account,
                                  struct uuid *proposal, enum field *field);

struct wire_proposals_query {
    uint32_t limit;    /* 1 .. LEDGER_PAGE_MAX */
    struct str cursor; /* as that of struct wire_list_query */
};

enum code wire_proposals_read(const struct wire_header *header, struct wire_proposals_query *out,
                              enum field *field);

/* ---- replies ---------------------------------------------------------------------------------- */

void wire_proposal_write(struct mp_writer *w, uint64_t request_id, const struct ledger_proposal_view *view);

/* cursor empty: this was the last page. */
void wire_proposals_write(struct mp_writer *w, uint64_t request_id, const struct ledger_proposal_view *views,
                          size_t count, struct str cursor);

/* ---- the client's side: bodies behind wire_header_write, and reading of OK replies --------------- */

void wire_proposal_body_write(struct mp_writer *w, const struct ledger_proposal_command *command);
void wire_decision_body_write(struct mp_writer *w, const struct ledger_decision_command *command);
void wire_proposal_show_body_write(struct mp_writer *w, struct str account, const struct uuid *proposal);
void wire_proposals_body_write(struct mp_writer *w, const struct wire_proposals_query *query);

/* The view's position and account_index are not on the wire: 0. false: malformed. */
bool wire_proposal_reply_read(const struct wire_reply *reply, struct ledger_proposal_view *out);

/* false: malformed, or more than capacity proposals. The cursor stays in the frame; empty: last page. */
bool wire_proposals_reply_read(const struct wire_reply *reply, struct ledger_proposal_view *views,
                               size_t capacity, size_t *count, struct str *cursor);

#endif
