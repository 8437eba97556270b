/* Decide: requesting a remittance, and what operators do with one. */
#include "actors/ledger/remittance.h"

static void answer(struct ledger_remittance_answer *out, enum code code, enum field field)
{
    out->code = code;
    out->field = field;
}

/* The account that a command names. ACCOUNT_NONE: answered. */
static uint32_t account_of(const struct ledger *self, struct str id, struct ledger_remittance_answer *out)
{
    uint32_t index = account_find(&self->accounts, id, account_hash(&self->accounts, id));
    bool ours = ledger_partition_of(id, self->config.partitions) == self->config.partition;
    if (index == ACCOUNT_NONE)
        answer(out, ours ? CODE_ACCOUNT_NOT_FOUND : CODE_WRONG_PARTITION, FIELD_ACCOUNT);
    return index;
}

/* ---- requesting ------------------------------------------------------------------------------------------ */

static bool text_is(const char *text, struct str wanted)
{
    return str_equal(str_from(text), wanted);
}

static bool same(const struct ledger_remittance_view *view, const struct ledger_remit_command *command)
{
    bool operator_refunds = view->flags & FACT_REMITTANCE_OPERATOR_REFUNDS;
    return view->currency == command->currency && view->amount == command->amount &&
           operator_refunds == command->operator_refunds && text_is(view->account, command->account) &&
           text_is(view->bank, command->bank) && text_is(view->payer, command->payer) &&
           text_is(view->payee, command->payee) && text_is(view->memo, command->memo) &&
           text_is(view->reference, command->reference);
}

/* true: answered, because the id is known. */
static bool repeat(struct ledger *self, const struct ledger_remit_command *command,
                   struct ledger_remittance_answer *out)
{
    uint64_t position = ledger_transaction_find(self, &command->id);
    if (position == 0) {
        if (!group_holds_id(self, &command->id))
            return false;
        MARK("a remittance with the id of an item of an open group");
        answer(out, CODE_CONFLICT, FIELD_TRANSACTION_ID);
        return true;
    }
    enum code code = remittance_view(self, position, &out->view);
    if (code == CODE_OK && same(&out->view, command)) {
        MARK("a remittance is requested again");
        answer(out, CODE_OK, FIELD_NONE);
    } else if (code == CODE_UNKNOWN) {
        answer(out, CODE_UNKNOWN, FIELD_NONE);
    } else {
        MARK("a remittance's id is taken");
        answer(out, CODE_CONFLICT, FIELD_TRANSACTION_ID);
    }
    return true;
}

static struct verdict check_account(const struct ledger *self, uint32_t index,
                                    const struct ledger_remit_command *command)
{
    const struct account *account = account_at(&self->accounts, index);
    if (account->currency != command->currency)
        return (struct verdict){CODE_CURRENCY_MISMATCH, FIELD_ACCOUNT};
    if (account->state == ACCOUNT_CLOSED)
        return (struct verdict){CODE_ACCOUNT_CLOSED, FIELD_ACCOUNT};
    if (account->flags & ACCOUNT_HAS_BOOK)
        return (struct verdict){CODE_RATE_REQUIRED, FIELD_RATE};
    return (struct verdict){CODE_OK, FIELD_NONE};
}

static struct fact_strings request_strings(const struct ledger_remit_command *command)
{
    struct fact_strings strings = {0};
    strings.by_tag[FACT_TAG_BANK] = command->bank;
    strings.by_tag[FACT_TAG_PAYER] = command->payer;
    strings.by_tag[FACT_TAG_PAYEE] = command->payee;
    strings.by_tag[FACT_TAG_MEMO] = command->memo;
    strings.by_tag[FACT_TAG_REFERENCE] = command->reference;
    return strings;
}

/* Both facts or neither. */
static bool append_requested(struct ledger *self, uint32_t account, uint32_t slot,
                             const struct ledger_remit_command *command)
{
    int64_t alarm_us = self->config.remittances.alarm_us;
    struct fact_strings strings = request_strings(command);
    size_t size = sizeof(struct fact_remittance) + fact_strings_size(&strings);
    uint8_t *room =
        id_table_ensure(&self->ids, 2) && remittance_room(self, slot) && remittance_effects_ensure(self)
            ? core_fact_room(self, size + sizeof(struct fact_remittance))
            : NULL;
    if (!room) {
        MARK("no memory for a remittance");
        return false;
    }
    struct fact_remittance fact = {
        .head = {.kind = FACT_REMITTANCE_REQUESTED, .words = (uint16_t)(size / FACT_WORD)},
        .account = account,
        .id = command->id,
        .amount = command->amount,
        .part =
            {
                .due_us = self->now_us,
                .alarm_us = alarm_us > 0 ? self->now_us + alarm_us : 0,
                .slot = slot,
                .state = REMITTANCE_REQUESTED,
                .step = REMITTANCE_STEP_PULL,
                .flags = command->operator_refunds ? FACT_REMITTANCE_OPERATOR_REFUNDS : 0,
            },
    };
    memcpy(room, &fact, sizeof fact);
    fact_strings_write(&strings, room + sizeof fact);
    core_fact_commit(self, size);
    struct remittance_case on;
    remittance_case_init(&on, slot);
    remittance_carry_on(self, &on);
    return true;
}

void ledger_remit(struct ledger *self, int64_t now_us, const struct ledger_remit_command *command,
                  struct ledger_remittance_answer *out)
{
    core_set_now(self, now_us);
    if (repeat(self, command, out))
        return;
    uint32_t account = account_of(self, command->account, out);
    if (account == ACCOUNT_NONE)
        return;
    struct verdict verdict = check_account(self, account, command);
    uint32_t slot = remittance_free_slot(&self->remittances);
    if (verdict.code == CODE_OK && slot == REMITTANCE_NONE) {
        MARK("as many remittances are open as may be");
        verdict.code = CODE_BUSY;
    }
    if (verdict.code != CODE_OK)
        answer(out, verdict.code, verdict.field);
    else if (self->refuse_new || !append_requested(self, account, slot, command))
        answer(out, CODE_BUSY, FIELD_NONE);
    else
        answer(out, remittance_view(self, remittance_at(&self->remittances, slot)->last_position, &out->view),
               FIELD_NONE);
}

/* ---- operators ------------------------------------------------------------------------------------------- */

/* The remittance of this id and account, open or ended. */
static enum code load(struct ledger *self, uint32_t account, const struct uuid *id,
                      struct ledger_remittance_view *view)
{
    uint64_t position = ledger_transaction_find(self, id);
    enum code code = position == 0 ? CODE_REMITTANCE_NOT_FOUND : remittance_view(self, position, view);
    return code == CODE_OK && view->account_index != account ? CODE_REMITTANCE_NOT_FOUND : code;
}

/* true: it waits, is listed, or is a dead letter, at this step. */
static bool stands_at(const struct remittance *remittance, uint8_t step)
{
    return remittance->step == step &&
           (remittance_is_listed(remittance->state) ||
            remittance->state == remittance_state_of(step, REMITTANCE_PHASE_WAITING));
}

static bool may_cancel(const struct remittance *remittance)
{
    return stands_at(remittance, REMITTANCE_STEP_PULL) || stands_at(remittance, REMITTANCE_STEP_WITHDRAWAL) ||
           stands_at(remittance, REMITTANCE_STEP_PUSH);
}

static bool is_clearing(const struct remittance *remittance)
{
    return remittance_money(remittance->state, remittance->step) == REMITTANCE_MONEY_CLEARING;
}

/* Whether the action fits where the remittance stands. */
static struct verdict check_action(const struct remittance *remittance,
                                   const struct ledger_remittance_command *command)
{
    bool settles = command->action == REMITTANCE_SETTLE, fits = false;
    if (remittance_is_at_bank(remittance->state) && !(settles && remittance_is_unknown(remittance->state)))
        return (struct verdict){CODE_REMITTANCE_IN_BANK, FIELD_REMITTANCE};
    switch ((enum remittance_action)command->action) {
    case REMITTANCE_RETRY:
        fits = stands_at(remittance, remittance->step);
        break;
    case REMITTANCE_REFUND:
        fits = stands_at(remittance, REMITTANCE_STEP_DEPOSIT) || stands_at(remittance, REMITTANCE_STEP_PUSH);
        break;
    case REMITTANCE_CANCEL:
        fits = may_cancel(remittance);
        break;
    case REMITTANCE_RESOLVE:
        fits = remittance_is_listed(remittance->state);
        break;
    case REMITTANCE_SETTLE:
        fits = remittance_is_unknown(remittance->state);
        break;
    }
    if (!fits)
        return (struct verdict){CODE_REMITTANCE_NOT_HERE, FIELD_REMITTANCE};
    if (settles && command->call != remittance->call) {
        MARK("what a bank says of a call comes when there is a newer one");
        return (struct verdict){CODE_REMITTANCE_NOT_HERE, FIELD_CALL};
    }
    if (command->action == REMITTANCE_RESOLVE &&
        is_clearing(remittance) != (command->money != REMITTANCE_MONEY_STAYS))
        return (struct verdict){CODE_INVALID_FIELD, FIELD_MONEY};
    return (struct verdict){CODE_OK, FIELD_NONE};
}

/* Ends it; money in clearing goes to the account, or back to where it is at the bank. */
static struct verdict end(struct ledger *self, struct remittance_case *on, enum remittance_state state,
                          bool to_account)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    struct remittance_move move = {
        .kind = FACT_REMITTANCE_MOVED,
        .state = (uint8_t)state,
        .at = {remittance->step, remittance->tries, remittance->rounds},
        .code = remittance->code,
    };
    if (is_clearing(remittance)) {
        move.kind = to_account ? FACT_REMITTANCE_RETURNED : FACT_REMITTANCE_PAID;
        struct verdict verdict = {CODE_OK, FIELD_NONE};
        if (to_account)
            verdict = remittance_check_posting(self, remittance, true);
        if (verdict.code != CODE_OK)
            return verdict;
    }
    bool done = remittance_write(self, on, &move);
    return (struct verdict){done ? CODE_OK : CODE_BUSY, FIELD_NONE};
}

static struct verdict act(struct ledger *self, struct remittance_case *on,
                          const struct ledger_remittance_command *command)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    bool done = false;
    switch ((enum remittance_action)command->action) {
    case REMITTANCE_RETRY:
        done = remittance_begin(self, on, (struct remittance_try){remittance->step, 1, 0});
        if (done)
            remittance_carry_on(self, on);
        break;
    case REMITTANCE_REFUND:
        done = remittance_begin(self, on, (struct remittance_try){REMITTANCE_STEP_REFUND, 1, 0});
        break;
    case REMITTANCE_CANCEL:
        return end(self, on, REMITTANCE_CANCELLED, true);
    case REMITTANCE_RESOLVE:
        return end(self, on, REMITTANCE_RESOLVED, command->money == REMITTANCE_MONEY_TO_ACCOUNT);
    case REMITTANCE_SETTLE:
        done = remittance_take(self, on, command->outcome, true);
        break;
    }
    return (struct verdict){done ? CODE_OK : CODE_BUSY, FIELD_NONE};
}

static void act_on(struct ledger *self, uint32_t slot, const struct ledger_remittance_command *command,
                   struct ledger_remittance_answer *out)
{
    struct remittance_case on;
    remittance_case_init(&on, slot);
    on.words.reason = command->reason;
    on.words.operator_name = command->operator_name;
    struct verdict verdict = check_action(remittance_at(&self->remittances, slot), command);
    if (verdict.code == CODE_OK)
        verdict = act(self, &on, command);
    if (verdict.code == CODE_OK)
        verdict.code = remittance_view(self, ledger_transaction_find(self, &command->remittance), &out->view);
    answer(out, verdict.code, verdict.field);
}

void ledger_remittance_act(struct ledger *self, int64_t now_us,
                           const struct ledger_remittance_command *command,
                           struct ledger_remittance_answer *out)
{
    core_set_now(self, now_us);
    uint32_t account = account_of(self, command->account, out);
    if (account == ACCOUNT_NONE)
        return;
    enum code code = load(self, account, &command->remittance, &out->view);
    uint32_t slot = remittance_find(&self->remittances, &command->remittance);
    if (code != CODE_OK)
        answer(out, code, code == CODE_UNKNOWN ? FIELD_NONE : FIELD_REMITTANCE);
    else if (slot == REMITTANCE_NONE)
        answer(out, CODE_REMITTANCE_ENDED, FIELD_REMITTANCE);
    else
        act_on(self, slot, command, out);
}

/* ---- the retry batch --------------------------------------------------------------------------------------- */

static bool has_rounds(const struct ledger *self, const struct remittance *remittance)
{
    return remittance->state != REMITTANCE_DEAD_LETTER && remittance_is_listed(remittance->state) &&
           !(remittance->flags & FACT_REMITTANCE_CONTRADICTED) &&
           remittance->rounds < self->config.remittances.rounds;
}

uint32_t ledger_remittance_batch(struct ledger *self, int64_t now_us, enum remittance_list list,
                                 uint32_t limit)
{
    uint32_t count = 0;
    core_set_now(self, now_us);
    uint32_t slot = self->remittances.oldest - 1, next;
    for (; slot != REMITTANCE_NONE && count < limit; slot = next) {
        const struct remittance *at = remittance_at(&self->remittances, slot);
        next = remittance_after(&self->remittances, slot);
        if (!has_rounds(self, at) || !(remittance_lists(at->state, at->step, at->flags) >> list & 1))
            continue;
        if (!remittance_due(self, slot)) {
            MARK("no memory for all of a retry batch");
            break;
        }
        count++;
    }
    return count;
}

/* ---- looking ----------------------------------------------------------------------------------------------- */

void ledger_remittance_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *id,
                            struct ledger_remittance_answer *out)
{
    core_set_now(self, now_us);
    uint32_t index = account_of(self, account, out);
    if (index == ACCOUNT_NONE)
        return;
    enum code code = load(self, index, id, &out->view);
    answer(out, code, code == CODE_REMITTANCE_NOT_FOUND ? FIELD_REMITTANCE : FIELD_NONE);
}
