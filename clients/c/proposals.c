/* Manual deposits and withdrawals by proposal and approval. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/proposals.h"
#include "clients/c/client.h"

_Static_assert((int)TELLER_PROPOSED == (int)PROPOSAL_PROPOSED && (int)TELLER_EXPIRED == (int)PROPOSAL_EXPIRED,
               "as in the ledger");

static void copy_text(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    out[length] = '\0';
}

static void proposal_of(const struct ledger_proposal_view *view, struct teller_proposal *out)
{
    *out = (struct teller_proposal){.id = view->id,
                                    .kind = view->kind == COMMAND_DEPOSIT ? TELLER_DEPOSIT : TELLER_WITHDRAW,
                                    .state = (enum teller_proposal_state)view->state,
                                    .currency = view->currency,
                                    .amount = view->amount,
                                    .rate = view->rate,
                                    .expires_us = view->expires_us,
                                    .balance = view->balance};
    copy_text(out->account, view->account, view->account_length);
    copy_text(out->reason, view->reason, view->reason_length);
    copy_text(out->proposed_by, view->proposer, view->proposer_length);
    copy_text(out->decided_by, view->decider, view->decider_length);
    copy_text(out->decided_reason, view->decided_reason, view->decided_reason_length);
}

static enum err ask_proposal(struct teller *self, struct waiting *w, struct teller_proposal *out,
                             struct teller_answer *answer)
{
    struct ledger_proposal_view view;
    enum err err = waiting_answer(self, w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_proposal_reply_read(&w->reply, &view))
        return client_answer_malformed(answer);
    proposal_of(&view, out);
    return ERR_OK;
}

enum err teller_propose(struct teller *self, const struct teller_proposal_command *command,
                        struct teller_proposal *out, struct teller_answer *answer)
{
    struct waiting w;
    CHECK(command->kind == TELLER_DEPOSIT || command->kind == TELLER_WITHDRAW);
    struct ledger_proposal_command wire = {
        .kind = command->kind == TELLER_DEPOSIT ? COMMAND_DEPOSIT : COMMAND_WITHDRAW,
        .currency = command->currency,
        .id = command->id,
        .account = command->account,
        .amount = command->amount,
        .rate = command->rate,
        .expires_us = command->expires_us,
        .reason = command->reason,
        .operator_name = command->operator_name,
    };
    waiting_begin_anywhere(self, &w, OPERATION_PROPOSAL_OPEN);
    wire_proposal_body_write(&self->writer, &wire);
    return ask_proposal(self, &w, out, answer);
}

enum err teller_decide(struct teller *self, const struct teller_decision *decision,
                       struct teller_proposal *out, struct teller_answer *answer)
{
    struct waiting w;
    struct ledger_decision_command wire = {
        .approves = decision->approves,
        .account = decision->account,
        .proposal = decision->proposal,
        .operator_name = decision->operator_name,
        .reason = decision->reason,
    };
    waiting_begin_anywhere(self, &w,
                           decision->approves ? OPERATION_PROPOSAL_APPROVE : OPERATION_PROPOSAL_REJECT);
    wire_decision_body_write(&self->writer, &wire);
    return ask_proposal(self, &w, out, answer);
}

enum err teller_proposal_show(struct teller *self, struct str account, const struct uuid *proposal,
                              struct teller_proposal *out, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_PROPOSAL_SHOW);
    wire_proposal_show_body_write(&self->writer, account, proposal);
    return ask_proposal(self, &w, out, answer);
}

enum err teller_proposal_list(struct teller *self, uint32_t limit, struct str from,
                              struct teller_proposal *proposals, size_t *count, struct str *cursor,
                              struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_PROPOSAL_LIST);
    wire_proposals_body_write(&self->writer, &(struct wire_proposals_query){limit, from});
    *count = 0;
    *cursor = (struct str){0};
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    struct ledger_proposal_view *views = malloc(limit * sizeof *views);
    if (views == NULL)
        return ERR_NO_MEMORY;
    bool is_read = wire_proposals_reply_read(&w.reply, views, limit, count, cursor);
    for (size_t i = 0; is_read && i < *count; i++)
        proposal_of(&views[i], &proposals[i]);
    free(views);
    return is_read ? ERR_OK : client_answer_malformed(answer);
}
