/* Decide: proposing a deposit or a withdrawal, approving it, rejecting it; and looking at proposals. */
#include "actors/ledger/proposal.h"

#include "actors/ledger/core.h"
#include "actors/ledger/proposal_states.h"

#define PROPOSAL_DAY_US (INT64_C(24) * 3600 * 1000000)

/* ---- views ----------------------------------------------------------------------------------------------- */

static uint8_t text_copy(char *out, struct str text)
{
    if (text.length > 0)
        memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    return (uint8_t)text.length;
}

static void view_opening(const struct ledger *self, uint64_t position, const struct fact_proposal *fact,
                         const struct fact_strings *strings, struct ledger_proposal_view *view)
{
    view->id = fact->id;
    view->position = position;
    view->account_index = fact->account;
    view->kind = fact->head.detail;
    view->currency = account_at(&self->accounts, fact->account)->currency;
    view->account_length = (uint8_t)account_id_copy(&self->accounts, fact->account, view->account);
    view->reason_length = text_copy(view->reason, strings->by_tag[FACT_TAG_MEMO]);
    view->proposer_length = text_copy(view->proposer, strings->by_tag[FACT_TAG_OPERATOR]);
    view->amount = fact->amount;
    view->rate = fact->rate;
    view->expires_us = fact->expires_us;
}

/* The fact at `position`, if it is one about a proposal. CODE_UNKNOWN: it cannot be read. */
static enum code fact_load(struct ledger *self, uint64_t position, uint8_t bytes[CORE_FACT_MAX],
                           struct fact_proposal *fact, struct fact_strings *strings)
{
    size_t size = core_fact_read(self, position, bytes, CORE_FACT_MAX);
    if (size == 0) {
        MARK("a proposal cannot be read");
        return CODE_UNKNOWN;
    }
    if (!proposal_is_fact(bytes[0]))
        return CODE_PROPOSAL_NOT_FOUND;
    if (size < sizeof *fact || proposal_fact_check(bytes, size) != ERR_OK)
        return CODE_UNKNOWN;
    memcpy(fact, bytes, sizeof *fact);
    bool is_whole = fact_strings_read(bytes + sizeof *fact, size - sizeof *fact, strings) == ERR_OK &&
                    fact->account < self->accounts.count &&
                    account_at(&self->accounts, fact->account)->id_length > 0;
    return is_whole ? CODE_OK : CODE_UNKNOWN;
}

/* From the newest fact of a proposal: what it says, and what the opening said. */
static enum code view_load(struct ledger *self, uint64_t position, struct ledger_proposal_view *view)
{
    uint8_t bytes[CORE_FACT_MAX];
    struct fact_proposal fact;
    struct fact_strings strings;
    *view = (struct ledger_proposal_view){0};
    enum code code = fact_load(self, position, bytes, &fact, &strings);
    if (code != CODE_OK)
        return code;
    view->state = proposal_state_after(fact.head.kind);
    if (fact.head.kind != FACT_PROPOSED) {
        view->balance = fact.balance;
        view->decider_length = text_copy(view->decider, strings.by_tag[FACT_TAG_OPERATOR]);
        view->decided_reason_length = text_copy(view->decided_reason, strings.by_tag[FACT_TAG_MEMO]);
        position = fact.proposed;
        code = fact_load(self, position, bytes, &fact, &strings);
        if (code != CODE_OK || fact.head.kind != FACT_PROPOSED)
            return CODE_UNKNOWN;
    }
    view_opening(self, position, &fact, &strings, view);
    if (view->state == PROPOSAL_PROPOSED && view->expires_us <= self->now_us)
        view->state = PROPOSAL_EXPIRED; /* though there may have been no room to say so */
    return CODE_OK;
}

/* The proposal of this id and account, open or ended. */
static enum code load(struct ledger *self, uint32_t account, const struct uuid *id,
                      struct ledger_proposal_view *view)
{
    uint64_t position = ledger_transaction_find(self, id);
    enum code code = position == 0 ? CODE_PROPOSAL_NOT_FOUND : view_load(self, position, view);
    return code == CODE_OK && view->account_index != account ? CODE_PROPOSAL_NOT_FOUND : code;
}

static void answer(struct ledger_proposal_answer *out, enum code code, enum field field)
{
    out->code = code;
    out->field = field;
}

/* The account that a step names. ACCOUNT_NONE: answered. */
static uint32_t account_of(const struct ledger *self, struct str id, struct ledger_proposal_answer *out)
{
    uint32_t index = account_find(&self->accounts, id, account_hash(&self->accounts, id));
    bool ours = ledger_partition_of(id, self->config.partitions) == self->config.partition;
    if (index == ACCOUNT_NONE)
        answer(out, ours ? CODE_ACCOUNT_NOT_FOUND : CODE_WRONG_PARTITION, FIELD_ACCOUNT);
    return index;
}

/* ---- facts ----------------------------------------------------------------------------------------------- */

static size_t fact_size(const struct fact_strings *strings)
{
    return sizeof(struct fact_proposal) + fact_strings_size(strings);
}

static bool append(struct ledger *self, struct fact_proposal *fact, const struct fact_strings *strings)
{
    size_t size = fact_size(strings);
    uint8_t *room = id_table_ensure(&self->ids, 1) ? core_fact_room(self, size) : NULL;
    if (!room) {
        MARK("no memory for a step of a proposal");
        return false;
    }
    fact->head.words = (uint16_t)(size / FACT_WORD);
    memcpy(room, fact, sizeof *fact);
    fact_strings_write(strings, room + sizeof *fact);
    core_fact_commit(self, size);
    return true;
}

static struct fact_strings strings_of(struct str operator_name, struct str reason)
{
    struct fact_strings strings = {0};
    strings.by_tag[FACT_TAG_OPERATOR] = operator_name;
    strings.by_tag[FACT_TAG_MEMO] = reason;
    return strings;
}

static struct fact_proposal ending_of(enum fact_kind kind, const struct ledger_proposal_view *view)
{
    return (struct fact_proposal){
        .head = {.kind = (uint8_t)kind},
        .account = view->account_index,
        .proposed = view->position,
        .amount = view->amount,
        .rate = view->rate,
        .expires_us = view->expires_us,
        .id = view->id,
    };
}

void proposal_expire(struct ledger *self)
{
    static const struct fact_strings nothing;
    for (int i = 0; i < PROPOSAL_EXPIRE_MAX && self->proposals.due_us <= self->now_us; i++) {
        struct ledger_proposal_view view;
        if (view_load(self, proposal_earliest(self)->proposed, &view) != CODE_OK)
            return;
        struct fact_proposal fact = ending_of(FACT_PROPOSAL_EXPIRED, &view);
        if (!append(self, &fact, &nothing))
            return;
        MARK("a proposal's time has come");
    }
}

/* ---- proposing --------------------------------------------------------------------------------------------- */

static bool same(const struct ledger_proposal_view *view, const struct ledger_proposal_command *command)
{
    return view->kind == command->kind && view->currency == command->currency &&
           view->amount == command->amount && view->rate == command->rate &&
           (command->expires_us == 0 || view->expires_us == command->expires_us) &&
           str_equal((struct str){view->account, view->account_length}, command->account) &&
           str_equal((struct str){view->reason, view->reason_length}, command->reason) &&
           str_equal((struct str){view->proposer, view->proposer_length}, command->operator_name);
}

/* true: answered, because the id is known. */
static bool repeat(struct ledger *self, const struct ledger_proposal_command *command,
                   struct ledger_proposal_answer *out)
{
    uint64_t position = ledger_transaction_find(self, &command->id);
    if (position == 0) {
        if (!group_holds_id(self, &command->id))
            return false;
        MARK("a proposal with the id of an item of an open group");
        answer(out, CODE_CONFLICT, FIELD_TRANSACTION_ID);
        return true;
    }
    enum code code = view_load(self, position, &out->view);
    if (code == CODE_OK && same(&out->view, command)) {
        MARK("a proposal comes again");
        answer(out, CODE_OK, FIELD_NONE);
    } else if (code == CODE_UNKNOWN) {
        answer(out, CODE_UNKNOWN, FIELD_NONE);
    } else {
        MARK("a proposal's id is taken");
        answer(out, CODE_CONFLICT, FIELD_TRANSACTION_ID);
    }
    return true;
}

static bool append_proposed(struct ledger *self, uint32_t account,
                            const struct ledger_proposal_command *command)
{
    struct fact_proposal fact = {
        .head = {.kind = FACT_PROPOSED, .detail = command->kind},
        .account = account,
        .amount = command->amount,
        .rate = command->rate,
        .expires_us = command->expires_us != 0 ? command->expires_us : self->now_us + PROPOSAL_DAY_US,
        .id = command->id,
    };
    struct fact_strings strings = strings_of(command->operator_name, command->reason);
    return proposal_ensure(self) && append(self, &fact, &strings);
}

void ledger_propose(struct ledger *self, int64_t now_us, const struct ledger_proposal_command *command,
                    struct ledger_proposal_answer *out)
{
    core_set_now(self, now_us);
    if (repeat(self, command, out))
        return;
    if (command->expires_us != 0 && command->expires_us <= self->now_us) {
        answer(out, CODE_DEADLINE_EXCEEDED, FIELD_EXPIRES);
        return;
    }
    uint32_t account = account_of(self, command->account, out);
    if (account == ACCOUNT_NONE)
        return;
    if (account_at(&self->accounts, account)->currency != command->currency) {
        answer(out, CODE_CURRENCY_MISMATCH, FIELD_ACCOUNT);
        return;
    }
    bool keeps_book = account_at(&self->accounts, account)->flags & ACCOUNT_HAS_BOOK;
    if (keeps_book && command->kind == COMMAND_DEPOSIT && command->rate == 0) {
        MARK("a deposit to an account with a book value is proposed without a rate");
        answer(out, CODE_RATE_REQUIRED, FIELD_RATE);
        return;
    }
    uint64_t position = self->position;
    if (self->refuse_new || !append_proposed(self, account, command))
        answer(out, CODE_BUSY, FIELD_NONE);
    else
        answer(out, view_load(self, position, &out->view), FIELD_NONE);
}

/* ---- deciding ------------------------------------------------------------------------------------------------ */

/* A step on a proposal that has ended. Its own repeat is fine. */
static void answer_ended(const struct ledger_decision_command *command, struct ledger_proposal_answer *out)
{
    const struct ledger_proposal_view *view = &out->view;
    uint8_t wanted = command->approves ? PROPOSAL_APPROVED : PROPOSAL_REJECTED;
    struct str decider = {view->decider, view->decider_length};
    if (view->state == wanted && str_equal(decider, command->operator_name)) {
        MARK("a decision on a proposal comes again");
        answer(out, CODE_OK, FIELD_NONE);
    } else {
        answer(out, proposal_state_code(view->state), FIELD_PROPOSAL);
    }
}

/* The deposit or withdrawal that is proposed, as far as tests of book values need it. */
static struct ledger_command command_of(const struct ledger_proposal_view *view)
{
    return (struct ledger_command){
        .kind = view->kind, .currency = view->currency, .amount = view->amount, .rate = view->rate};
}

/* What a deposit or withdrawal of these values would be answered. ACCOUNT_NONE in *house: no memory. */
static struct verdict check_posting(struct ledger *self, const struct ledger_proposal_view *view,
                                    uint32_t *house)
{
    const struct account *account = account_at(&self->accounts, view->account_index);
    struct verdict verdict = view->kind == COMMAND_DEPOSIT
                                 ? posting_check_credit(account, view->currency, view->amount,
                                                        posting_incoming(self, view->account_index))
                                 : posting_check_debit(account, view->currency, view->amount, 0);
    const struct ledger_command command = command_of(view);
    if (verdict.code == CODE_OK && view->kind == COMMAND_WITHDRAW)
        verdict = book_check_debit(self, view->account_index, &command);
    *house = verdict.code == CODE_OK ? posting_house(self, view->currency) : ACCOUNT_NONE;
    if (*house != ACCOUNT_NONE)
        verdict = posting_check_house(self, *house, view->amount);
    if (*house != ACCOUNT_NONE && verdict.code == CODE_OK && view->kind == COMMAND_DEPOSIT)
        verdict = book_check_credit(self, view->account_index, &command, 0);
    if (verdict.field == FIELD_FROM_ACCOUNT || verdict.field == FIELD_TO_ACCOUNT)
        verdict.field = FIELD_ACCOUNT; /* a proposal names but one */
    return verdict;
}

/* Both facts or neither. */
static bool append_approved(struct ledger *self, const struct ledger_decision_command *command,
                            struct ledger_proposal_view *view, uint32_t house)
{
    bool deposits = view->kind == COMMAND_DEPOSIT;
    uint32_t account = view->account_index;
    int64_t balance = account_at(&self->accounts, account)->balance;
    struct fact_proposal fact = ending_of(FACT_PROPOSAL_APPROVED, view);
    fact.balance = deposits ? balance + view->amount : balance - view->amount;
    struct fact_strings decision = strings_of(command->operator_name, command->reason);
    struct fact_strings posting =
        strings_of((struct str){0}, (struct str){view->reason, view->reason_length});
    book_rate_put(&posting, &view->rate);
    size_t needed = fact_size(&decision) + sizeof(struct fact_posting) + FACT_TRAILER_MAX;
    if (!core_fact_room(self, needed) || !append(self, &fact, &decision))
        return false;
    bool done = posting_append(self, deposits ? FACT_DEPOSIT : FACT_WITHDRAWAL, FACT_FLAG_PROPOSED,
                               deposits ? house : account, deposits ? account : house, view->amount,
                               &view->id, &posting);
    CHECK(done); /* there was room for both */
    return true;
}

static void approve(struct ledger *self, const struct ledger_decision_command *command,
                    struct ledger_proposal_answer *out)
{
    struct str proposer = {out->view.proposer, out->view.proposer_length};
    if (str_equal(proposer, command->operator_name)) {
        MARK("nobody approves what he proposed himself");
        answer(out, CODE_SAME_OPERATOR, FIELD_OPERATOR);
        return;
    }
    if (self->refuse_new) {
        MARK("an approval waits because the disk is nearly full");
        answer(out, CODE_BUSY, FIELD_NONE);
        return;
    }
    uint32_t house;
    struct verdict verdict = check_posting(self, &out->view, &house);
    if (verdict.code != CODE_OK) {
        MARK("what was proposed is refused, and stays proposed");
        answer(out, verdict.code, verdict.field);
        return;
    }
    uint64_t position = self->position;
    if (house == ACCOUNT_NONE || !append_approved(self, command, &out->view, house))
        answer(out, CODE_BUSY, FIELD_NONE);
    else
        answer(out, view_load(self, position, &out->view), FIELD_NONE);
}

static void reject(struct ledger *self, const struct ledger_decision_command *command,
                   struct ledger_proposal_answer *out)
{
    struct fact_proposal fact = ending_of(FACT_PROPOSAL_REJECTED, &out->view);
    struct fact_strings strings = strings_of(command->operator_name, command->reason);
    uint64_t position = self->position;
    if (!append(self, &fact, &strings))
        answer(out, CODE_BUSY, FIELD_NONE);
    else
        answer(out, view_load(self, position, &out->view), FIELD_NONE);
}

void ledger_proposal_decide(struct ledger *self, int64_t now_us,
                            const struct ledger_decision_command *command, struct ledger_proposal_answer *out)
{
    core_set_now(self, now_us);
    uint32_t account = account_of(self, command->account, out);
    if (account == ACCOUNT_NONE)
        return;
    enum code code = load(self, account, &command->proposal, &out->view);
    if (code != CODE_OK) {
        answer(out, code, code == CODE_UNKNOWN ? FIELD_NONE : FIELD_PROPOSAL);
    } else if (out->view.state != PROPOSAL_PROPOSED) {
        answer_ended(command, out);
    } else if (command->approves) {
        approve(self, command, out);
    } else {
        reject(self, command, out);
    }
}

/* ---- looking -------------------------------------------------------------------------------------------------- */

void ledger_proposal_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *id,
                          struct ledger_proposal_answer *out)
{
    core_set_now(self, now_us);
    uint32_t index = account_of(self, account, out);
    if (index == ACCOUNT_NONE)
        return;
    enum code code = load(self, index, id, &out->view);
    answer(out, code, code == CODE_PROPOSAL_NOT_FOUND ? FIELD_PROPOSAL : FIELD_NONE);
}

size_t ledger_proposal_list(struct ledger *self, int64_t now_us, uint64_t after,
                            struct ledger_proposal_view *views, size_t limit)
{
    size_t count = 0;
    struct ledger_open_proposal open;
    core_set_now(self, now_us);
    while (count < limit && ledger_proposal_next(self, after, &open)) {
        after = open.position;
        if (open.expires_us > self->now_us && view_load(self, after, &views[count]) == CODE_OK)
            count++;
    }
    return count;
}
