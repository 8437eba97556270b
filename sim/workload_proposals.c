/* Manual deposits and withdrawals: proposed by one operator, approved or rejected by another, or left to expire. What has been
 * asked for is remembered, ended or not, so that some are decided twice, by the same person, or just when they expire. */
#include <stdio.h>

#include "actors/base/check.h"
#include "sim/workload_inside.h"

enum { MILLISECOND_US = 1000, SECOND_US = 1000000, OPERATORS = 4 };

static struct str operator_text(struct operation *op, uint32_t number)
{
    char name[24];
    int length = snprintf(name, sizeof name, "operator-%u", number);
    return operation_text(op, (struct str){name, (uint32_t)length});
}

static void set_header(struct workload *self, struct operation *op, struct str account)
{
    op->partition = workload_header(self, workload_partition(self, account));
    if (workload_chance(self, self->deadlines_per_million / 4))
        op->deadline_us = workload_deadline(self);
    else if (workload_chance(self, self->trouble[FEATURE_DEADLINES] / 8))
        op->deadline_us = workload_past(self);
}

/* ---- proposing ----------------------------------------------------------------------------------- */

/* Near, so that it passes soon, or far, or as the ledger likes. */
static int64_t draw_expiry(struct workload *self)
{
    uint32_t way = workload_below(self, 8);
    if (way < 2)
        return 0;
    if (way == 2)
        return self->now_us + 3600 * (int64_t)SECOND_US;
    if (way == 3 && workload_chance(self, self->trouble[FEATURE_MISTAKES]))
        return self->now_us - SECOND_US;
    int64_t ahead_us = MILLISECOND_US + (int64_t)sim_random_below(&self->random, 60 * (int64_t)SECOND_US);
    return self->now_us + ahead_us;
}

static int64_t draw_amount(struct workload *self, const struct known_account *account, bool deposits)
{
    int64_t most = deposits ? workload_scale(self, account->currency) / 4 : known_available(account);
    if (most > MONEY_MAX / 2)
        most = MONEY_MAX / 2;
    if (most < 1)
        most = 1;
    int64_t amount = 1 + (int64_t)sim_random_below(&self->random, (uint64_t)most);
    return workload_chance(self, self->trouble[FEATURE_OVERDRAWS]) ? 2 * most : amount;
}

static void proposal_keep(struct workload *self, const struct operation *op, uint32_t by)
{
    const struct ledger_proposal_command *c = &op->proposal;
    uint32_t at = self->proposal_count < WORKLOAD_PROPOSALS ? self->proposal_count++
                                                            : workload_below(self, WORKLOAD_PROPOSALS);
    struct known_proposal *proposal = &self->proposals[at];
    if (c->account.length > ACCOUNT_ID_MAX)
        return;
    *proposal = (struct known_proposal){.id = c->id, .by = by, .is_open = true, .expires_us = c->expires_us};
    memcpy(proposal->account, c->account.data, c->account.length);
}

/* What is wrong with it by itself, or for the ledger. */
static void spoil(struct workload *self, struct operation *op)
{
    struct ledger_proposal_command *c = &op->proposal;
    switch (workload_below(self, 6)) {
    case 0:
        c->account = workload_unknown(self, op);
        return;
    case 1:
        c->currency = self->units[workload_below(self, self->unit_count)].currency;
        return;
    case 2:
        c->reason = workload_text(self, op, MEMO_MAX + 1);
        return;
    case 3:
        c->operator_name = (struct str){0};
        return;
    case 4:
        c->amount = workload_one_in(self, 2) ? 0 : MONEY_MAX + 1;
        return;
    default:
        c->account = STR_LITERAL("house:cash:USD:0");
        return;
    }
}

static struct operation *propose(struct workload *self)
{
    bool deposits = workload_one_in(self, 2);
    struct known_account *account = workload_pick(self, &(struct wish){.in = WIRE_PARTITION_ANY,
                                                                       .not_in = WIRE_PARTITION_ANY,
                                                                       .available = deposits ? 0 : 1});
    if (account == NULL)
        return NULL;
    struct operation *op = operation_new(OPERATION_PROPOSAL_OPEN);
    uint32_t by = workload_below(self, OPERATORS);
    op->proposal = (struct ledger_proposal_command){
        .kind = deposits ? COMMAND_DEPOSIT : COMMAND_WITHDRAW,
        .currency = account->currency,
        .id = workload_id(self),
        .account = operation_text(op, known_id(account)),
        .amount = draw_amount(self, account, deposits),
        .rate = workload_rate(self, account),
        .expires_us = draw_expiry(self),
        .reason = workload_note(self, op, MEMO_MAX),
        .operator_name = operator_text(op, by),
    };
    if (op->proposal.reason.length == 0)
        op->proposal.reason = STR_LITERAL("by hand");
    proposal_keep(self, op, by);
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES]))
        spoil(self, op);
    set_header(self, op, op->proposal.account);
    workload_remember(self, operation_copy(op));
    return op;
}

/* The same again, or its id with another payload. */
static struct operation *propose_again(struct workload *self)
{
    for (uint32_t tries = 0; tries < 50 && self->memory_count > 0; tries++) {
        const struct operation *earlier = self->memory[workload_below(self, self->memory_count)];
        if (earlier->kind != OPERATION_PROPOSAL_OPEN)
            continue;
        struct operation *op = operation_copy(earlier);
        struct ledger_proposal_command *c = &op->proposal;
        switch (workload_below(self, 6)) {
        case 0:
            c->amount++;
            break;
        case 1:
            c->operator_name = operator_text(op, workload_below(self, OPERATORS));
            break;
        case 2:
            c->expires_us = c->expires_us == 0 ? self->now_us + SECOND_US : 0;
            break;
        default:
            break;
        }
        op->deadline_us = 0;
        return op;
    }
    return NULL;
}

/* ---- deciding ------------------------------------------------------------------------------------ */

static struct operation *decision_on(struct workload *self, const struct known_proposal *proposal,
                                     uint32_t by)
{
    bool approves = !workload_one_in(self, 3);
    struct operation *op = operation_new(approves ? OPERATION_PROPOSAL_APPROVE : OPERATION_PROPOSAL_REJECT);
    op->decision = (struct ledger_decision_command){
        .approves = approves,
        .account = operation_text(op, str_from(proposal->account)),
        .proposal = proposal->id,
        .operator_name = operator_text(op, by),
        .reason = workload_note(self, op, MEMO_MAX),
    };
    return op;
}

/* One that is believed to be open, or any; NULL: none. */
static struct known_proposal *pick(struct workload *self, bool is_open)
{
    for (int tries = 0; tries < 12 && self->proposal_count > 0; tries++) {
        struct known_proposal *proposal = &self->proposals[workload_below(self, self->proposal_count)];
        if (!is_open || proposal->is_open)
            return proposal;
    }
    return NULL;
}

/* Sometimes it names another account of the same partition. */
static void name_another(struct workload *self, struct operation *op)
{
    uint32_t home = workload_partition(self, op->decision.account);
    if (!workload_has(self, FEATURE_MISTAKES) || !workload_one_in(self, 3))
        return;
    struct known_account *other =
        workload_pick(self, &(struct wish){.in = home, .not_in = WIRE_PARTITION_ANY, .any_state = true});
    if (other != NULL)
        op->decision.account = operation_text(op, known_id(other));
}

/* By somebody else; sometimes by the same person, of another account, or of a proposal that never was. */
static struct operation *decide(struct workload *self)
{
    struct known_proposal *proposal = pick(self, !workload_one_in(self, 6));
    if (proposal == NULL)
        return NULL;
    uint32_t by = (proposal->by + 1 + workload_below(self, OPERATORS - 1)) % OPERATORS;
    struct operation *op = decision_on(self, proposal, workload_one_in(self, 8) ? proposal->by : by);
    proposal->is_open = false;
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES])) {
        if (workload_one_in(self, 2))
            op->decision.proposal = workload_id(self);
        else
            op->decision.reason = workload_text(self, op, MEMO_MAX + 1);
    }
    name_another(self, op);
    set_header(self, op, op->decision.account);
    return op;
}

/* ---- looking ------------------------------------------------------------------------------------- */

static struct operation *show(struct workload *self)
{
    struct known_proposal *proposal = pick(self, false);
    if (proposal == NULL)
        return NULL;
    struct operation *op = operation_new(OPERATION_PROPOSAL_SHOW);
    op->decision.account = operation_text(op, str_from(proposal->account));
    op->decision.proposal =
        workload_chance(self, self->trouble[FEATURE_MISTAKES]) ? workload_id(self) : proposal->id;
    op->partition = workload_header(self, workload_partition(self, op->decision.account));
    return op;
}

static struct operation *list(struct workload *self)
{
    struct operation *op = workload_one_in(self, 2) ? workload_go_on(self, OPERATION_PROPOSAL_LIST) : NULL;
    if (op != NULL)
        return op;
    op = operation_new(OPERATION_PROPOSAL_LIST);
    op->proposals.limit = 1 + workload_below(self, workload_one_in(self, 2) ? 4 : OPERATION_PAGE_MAX);
    if (workload_one_in(self, 2))
        op->partition = workload_below(self, self->config.partitions);
    return op;
}

struct operation *workload_proposal(struct workload *self)
{
    uint32_t way = workload_below(self, 20);
    if (way < 9)
        return propose(self);
    if (way < 16)
        return decide(self);
    if (way == 16)
        return list(self);
    return way < 19 ? show(self) : propose_again(self);
}

/* ---- races --------------------------------------------------------------------------------------- */

/* Some of those that expire: a little before, at the moment, or a little after. */
static int64_t race_at(const struct known_proposal *proposal)
{
    bool is_raced = proposal->is_open && proposal->expires_us != 0 && proposal->id.bytes[15] % 4 == 0;
    return is_raced
               ? proposal->expires_us - MILLISECOND_US + proposal->id.bytes[14] % 4 * (MILLISECOND_US / 2)
               : INT64_MAX;
}

static struct known_proposal *race_next(const struct workload *self)
{
    const struct known_proposal *next = NULL;
    for (uint32_t i = 0; i < self->proposal_count; i++) {
        const struct known_proposal *proposal = &self->proposals[i];
        if (race_at(proposal) != INT64_MAX && (next == NULL || race_at(proposal) < race_at(next)))
            next = proposal;
    }
    return (struct known_proposal *)next;
}

int64_t workload_proposal_race_at(const struct workload *self)
{
    const struct known_proposal *next = race_next(self);
    return next != NULL ? race_at(next) : INT64_MAX;
}

struct operation *workload_proposal_race(struct workload *self)
{
    struct known_proposal *proposal = race_next(self);
    if (proposal == NULL || race_at(proposal) > self->now_us)
        return NULL;
    struct operation *op = decision_on(self, proposal, (proposal->by + 1) % OPERATORS);
    op->partition = workload_right_header(self, workload_partition(self, op->decision.account));
    proposal->is_open = false;
    return op;
}

/* ---- answers ------------------------------------------------------------------------------------- */

void workload_hear_proposal(struct workload *self, const struct operation *operation,
                            const struct answer *answer)
{
    const struct ledger_proposal_view *view = &answer->proposal;
    if (answer->code != CODE_OK)
        return;
    if (operation->kind == OPERATION_PROPOSAL_LIST) {
        workload_hear_page(self, operation, answer);
        return;
    }
    struct known_account *account = workload_find(self, str_from(view->account));
    if (account != NULL && view->state == PROPOSAL_APPROVED && operation->kind == OPERATION_PROPOSAL_APPROVE)
        account->balance = view->balance;
}
