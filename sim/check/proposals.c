/* Manual deposits and withdrawals: one operator proposes, another approves or rejects, or their time ends them. Each ends once;
 * the posting comes with the approval, exactly as it was proposed, and nothing moves before. */
#include "sim/check/inside.h"

#define CODE_NAME(verdict) code_name((verdict).code)
#define DAY_US (INT64_C(24) * 3600 * 1000000)

enum { OPEN_MOST = 4096 };

static const struct verdict fine = {CODE_OK, FIELD_NONE, 0};

/* ---- what was asked --------------------------------------------------------------------------- */

static bool is_text(struct str text, uint32_t length_max)
{
    return text.length <= length_max && text_is_clean(text);
}

static bool is_party(struct str account)
{
    return text_is_account_id(account) && !text_is_reserved_id(account);
}

static bool proposal_is_sound(const struct ledger_proposal_command *command)
{
    return !uuid_is_nil(&command->id) && is_party(command->account) && command->amount >= 1 &&
           command->amount <= MONEY_MAX && command->currency != CURRENCY_NONE && command->reason.length > 0 &&
           is_text(command->reason, MEMO_MAX) && command->operator_name.length > 0 &&
           is_text(command->operator_name, OWNER_MAX);
}

static bool decision_is_sound(const struct ledger_decision_command *command)
{
    return !uuid_is_nil(&command->proposal) && is_party(command->account) &&
           command->operator_name.length > 0 && is_text(command->operator_name, OWNER_MAX) &&
           is_text(command->reason, MEMO_MAX);
}

static bool proposal_same(const struct ledger_proposal_command *a, const struct ledger_proposal_command *b)
{
    return a->kind == b->kind && a->currency == b->currency && a->amount == b->amount && a->rate == b->rate &&
           a->expires_us == b->expires_us && str_equal(a->account, b->account) &&
           str_equal(a->reason, b->reason) && str_equal(a->operator_name, b->operator_name);
}

static bool decision_same(const struct ledger_decision_command *a, const struct ledger_decision_command *b)
{
    return a->approves == b->approves && str_equal(a->account, b->account) &&
           str_equal(a->operator_name, b->operator_name) && str_equal(a->reason, b->reason);
}

/* The latest deadline counts, and none at all is later than all. */
static void sent_note(const struct oracle *self, const struct operation *operation, struct str account,
                      struct sent *sent)
{
    uint32_t home = partition_of(self, account);
    int64_t deadline_us = operation->deadline_us == 0 ? INT64_MAX : operation->deadline_us;
    if (sent->number == 0)
        sent->number = operation->number;
    if (deadline_us > sent->latest_us)
        sent->latest_us = deadline_us;
    if (operation->partition == WIRE_PARTITION_ANY || operation->partition == home)
        sent->reach |= UINT64_C(1) << home;
}

static void proposal_note(struct oracle *self, const struct operation *operation)
{
    const struct ledger_proposal_command *command = &operation->proposal;
    if (!proposal_is_sound(command))
        return;
    struct known *known = known_of(self, &command->id);
    struct proposal_ask *ask = known->proposal_asks;
    while (ask != NULL && !proposal_same(&ask->command, command))
        ask = ask->next;
    if (ask == NULL) {
        ask = pool_take(&self->pool, sizeof *ask);
        ask->command = *command;
        ask->command.account = pool_text(&self->pool, command->account);
        ask->command.reason = pool_text(&self->pool, command->reason);
        ask->command.operator_name = pool_text(&self->pool, command->operator_name);
        ask->next = known->proposal_asks;
        known->proposal_asks = ask;
    }
    sent_note(self, operation, command->account, &ask->sent);
}

static void decision_note(struct oracle *self, const struct operation *operation)
{
    const struct ledger_decision_command *command = &operation->decision;
    if (!decision_is_sound(command))
        return;
    struct known *known = known_of(self, &command->proposal);
    struct decision_ask *ask = known->decision_asks;
    while (ask != NULL && !decision_same(&ask->command, command))
        ask = ask->next;
    if (ask == NULL) {
        ask = pool_take(&self->pool, sizeof *ask);
        ask->command = *command;
        ask->command.account = pool_text(&self->pool, command->account);
        ask->command.reason = pool_text(&self->pool, command->reason);
        ask->command.operator_name = pool_text(&self->pool, command->operator_name);
        ask->next = known->decision_asks;
        known->decision_asks = ask;
    }
    sent_note(self, operation, command->account, &ask->sent);
}

void proposals_note(struct oracle *self, const struct operation *operation)
{
    if (operation->kind == OPERATION_PROPOSAL_OPEN)
        proposal_note(self, operation);
    else
        decision_note(self, operation);
}

static bool was_sent(const struct sent *sent, const struct book *book)
{
    return sent->reach >> book->partition & 1 && sent->latest_us >= book->time_us;
}

/* ---- facts ------------------------------------------------------------------------------------ */

struct proposal_sight {
    struct fact_proposal fact;
    struct str operator_name, reason;
};

static void wrong(struct oracle *self, const struct sight *sight, const char *invariant, uint64_t number,
                  const char *what)
{
    breach_say(self, invariant, number, sight->book->partition, "the proposal's fact at %llu %s",
               (unsigned long long)sight->position, what);
}

/* An expiry that was left out is a day from the moment of the decision, which is not before the commit's time. */
static bool expires_as(const struct oracle *self, const struct book *book, int64_t asked_us, int64_t said_us)
{
    if (asked_us != 0)
        return asked_us == said_us;
    return said_us >= book->time_us + DAY_US && moment_may_have_come(self, book->partition, said_us - DAY_US);
}

static const struct proposal_ask *proposed_ask(const struct oracle *self, const struct book *book,
                                               const struct proposal_sight *seen,
                                               const struct account *account, const struct known *known)
{
    const struct fact_proposal *fact = &seen->fact;
    const struct proposal_ask *ask = known->proposal_asks;
    for (; ask != NULL; ask = ask->next) {
        const struct ledger_proposal_command *command = &ask->command;
        if (was_sent(&ask->sent, book) && command->kind == fact->head.detail &&
            command->currency == account->currency && command->amount == fact->amount &&
            command->rate == fact->rate && expires_as(self, book, command->expires_us, fact->expires_us) &&
            str_equal(command->account, account->id) && str_equal(command->reason, seen->reason) &&
            str_equal(command->operator_name, seen->operator_name))
            return ask;
    }
    return NULL;
}

static struct ask posting_of(struct oracle *self, const struct book *book, const struct proposal_sight *seen,
                             const struct account *account, uint64_t number)
{
    bool deposits = seen->fact.head.detail == COMMAND_DEPOSIT;
    return (struct ask){
        .number = number,
        .reach = UINT64_C(1) << book->partition,
        .home = book->partition,
        .kind = seen->fact.head.detail,
        .latest_us = INT64_MAX,
        .currency = account->currency,
        .amount = seen->fact.amount,
        .rate = seen->fact.rate,
        .id = seen->fact.id,
        .from = deposits ? (struct str){0} : account->id,
        .to = deposits ? account->id : (struct str){0},
        .memo = pool_text(&self->pool, seen->reason),
    };
}

static void proposed(struct oracle *self, const struct sight *sight, const struct proposal_sight *seen,
                     struct account *account)
{
    struct book *book = sight->book;
    struct uuid id = seen->fact.id;
    struct known *known = known_of(self, &id);
    const struct proposal_ask *ask = proposed_ask(self, book, seen, account, known);
    uint64_t number = ask != NULL ? ask->sent.number : 0;
    id_must_be_new(self, book, known, number);
    if (ask == NULL)
        wrong(self, sight, "I8", number, "proposes what nobody has proposed so");
    else if (ask->command.expires_us != 0 && ask->command.expires_us <= book->time_us)
        wrong(self, sight, "I8", number, "proposes what has expired already");
    else if (account->has_book && ask->command.kind == COMMAND_DEPOSIT && ask->command.rate == 0)
        wrong(self, sight, "I8", number, "proposes a deposit that needs a rate, without one");
    if (book->proposals_open >= OPEN_MOST)
        wrong(self, sight, "I10", number, "is one too many");
    struct proposal *proposal = pool_take(&self->pool, sizeof *proposal);
    *proposal = (struct proposal){
        .next = known->proposals,
        .partition = book->partition,
        .account = account,
        .posting = posting_of(self, book, seen, account, number),
        .proposer = pool_text(&self->pool, seen->operator_name),
        .expires_us = seen->fact.expires_us,
        .position = sight->position,
        .opened = book->step,
        .state = PROPOSAL_PROPOSED,
    };
    known->proposals = proposal;
    proposal->record = record_add(self, book, known, RECORD_PROPOSAL);
    proposal->record->command = seen->fact.head.detail;
    proposal->record->ask = &proposal->posting;
    book->proposals = array_grow(book->proposals, &book->proposal_capacity, book->proposal_count,
                                 sizeof(struct proposal *));
    book->proposals[book->proposal_count++] = proposal;
    book->proposals_open++;
}

/* What is wrong with an operator's step on an open proposal; NULL: nothing. */
static const char *decision_fault(const struct book *book, const struct proposal_sight *seen,
                                  const struct proposal *proposal, const struct known *known)
{
    bool approves = seen->fact.head.kind == FACT_PROPOSAL_APPROVED;
    const struct decision_ask *ask = known->decision_asks;
    while (ask != NULL && (!was_sent(&ask->sent, book) || ask->command.approves != approves ||
                           !str_equal(ask->command.account, proposal->account->id) ||
                           !str_equal(ask->command.operator_name, seen->operator_name) ||
                           !str_equal(ask->command.reason, seen->reason)))
        ask = ask->next;
    if (ask == NULL)
        return "decides what nobody has decided so";
    if (approves && str_equal(proposal->proposer, seen->operator_name))
        return "approves what the same operator has proposed";
    return proposal->expires_us <= book->time_us ? "decides what has expired" : NULL;
}

static void ended(struct oracle *self, const struct sight *sight, const struct proposal_sight *seen,
                  const struct account *account)
{
    static const uint8_t states[] = {[FACT_PROPOSAL_APPROVED] = PROPOSAL_APPROVED,
                                     [FACT_PROPOSAL_REJECTED] = PROPOSAL_REJECTED,
                                     [FACT_PROPOSAL_EXPIRED] = PROPOSAL_EXPIRED};
    struct book *book = sight->book;
    const struct fact_proposal *fact = &seen->fact;
    struct uuid id = fact->id;
    struct known *known = known_of(self, &id);
    struct proposal *proposal = known->proposals;
    while (proposal != NULL && proposal->partition != book->partition)
        proposal = proposal->next;
    if (proposal == NULL || proposal->state != PROPOSAL_PROPOSED) {
        wrong(self, sight, "I3", 0, "ends what is not open here");
        return;
    }
    uint64_t number = proposal->posting.number;
    if (proposal->position != fact->proposed || proposal->account != account ||
        proposal->posting.amount != fact->amount || proposal->posting.rate != fact->rate ||
        proposal->expires_us != fact->expires_us)
        wrong(self, sight, "I8", number, "tells another proposal than was made");
    const char *fault = NULL;
    if (fact->head.kind != FACT_PROPOSAL_EXPIRED)
        fault = decision_fault(book, seen, proposal, known);
    else if (!moment_may_have_come(self, book->partition, proposal->expires_us))
        fault = "comes before its time";
    if (fault != NULL)
        wrong(self, sight, "I8", number, fault);
    proposal->state = states[fact->head.kind];
    proposal->ended = book->step;
    proposal->ended_us = book->time_us;
    proposal->decider = pool_text(&self->pool, seen->operator_name);
    proposal->decided_reason = pool_text(&self->pool, seen->reason);
    proposal->balance = fact->balance;
    book->proposals_open--;
    struct record *record = proposal->record;
    record->time_us = book->time_us;
    if (fact->head.kind == FACT_PROPOSAL_APPROVED) {
        record_end(book, record, RECORD_OK, fine);
        book->approved = proposal;
    } else {
        record_end(book, record, RECORD_REFUSED,
                   (struct verdict){proposal->state == PROPOSAL_REJECTED ? CODE_PROPOSAL_REJECTED
                                                                         : CODE_PROPOSAL_EXPIRED,
                                    FIELD_PROPOSAL, 0});
    }
}

void proposals_fact(struct oracle *self, const struct sight *sight)
{
    struct proposal_sight seen;
    struct fact_strings strings;
    memcpy(&seen.fact, sight->bytes, sizeof seen.fact);
    (void)trailer_read(sight->bytes + sizeof seen.fact, sight->size - sizeof seen.fact, &strings);
    seen.operator_name = strings.by_tag[FACT_TAG_OPERATOR];
    seen.reason = strings.by_tag[FACT_TAG_MEMO];
    struct account *account = book_account(sight->book, seen.fact.account);
    if (account == NULL)
        wrong(self, sight, "I7", 0, "is of an account that is not there");
    else if (seen.fact.head.kind == FACT_PROPOSED)
        proposed(self, sight, &seen, account);
    else
        ended(self, sight, &seen, account);
}

bool proposals_posting(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    struct book *book = sight->book;
    const struct proposal *proposal = book->approved;
    char text[ID_TEXT];
    if (proposal == NULL) {
        wrong(self, sight, "I3", 0, "carries out what was not approved");
        return false;
    }
    book->approved = NULL;
    const struct ask *ask = &proposal->posting;
    struct verdict verdict = decide_single(self, book, ask);
    bool deposits = ask->kind == COMMAND_DEPOSIT;
    int64_t balance = deposits ? posting->fact.credit_balance : posting->fact.debit_balance;
    if (!posting_is(self, book, posting, ask))
        wrong(self, sight, "I8", ask->number, "carries out something else than was proposed");
    else if (verdict.code != CODE_OK)
        breach_say(self, verdict.code == CODE_INSUFFICIENT_FUNDS ? "I4" : "I8", ask->number, book->partition,
                   "proposal %s is carried out at %llu, where the answer is %s %s", id_text(&ask->id, text),
                   (unsigned long long)sight->position, CODE_NAME(verdict), field_text(verdict.field));
    if (balance != proposal->balance)
        wrong(self, sight, "I8", ask->number, "leaves another balance than the approval says");
    return true;
}

void proposals_interrupt(struct oracle *self, struct book *book)
{
    char text[ID_TEXT];
    if (book->approved != NULL)
        breach_say(self, "I1", book->approved->posting.number, book->partition,
                   "proposal %s is approved, and its posting does not follow",
                   id_text(&book->approved->posting.id, text));
    book->approved = NULL;
}

/* ---- answers ---------------------------------------------------------------------------------- */

struct asked {
    const struct operation *operation;
    const struct answer *answer;
    struct str account;
    const struct known *known; /* NULL: an id that means nothing */
    uint32_t where;
    struct window window;
};

static void answered_wrong(struct oracle *self, const struct asked *q, const char *why)
{
    breach_say(self, "I8", q->operation->number, q->where, "%s: answered %s %s, but %s",
               wire_operation_name(q->operation->kind), code_name(q->answer->code),
               field_text(q->answer->field), why);
}

/* It was open at some point of the window, whatever the clock said. */
static bool is_open_in(const struct proposal *proposal, struct window window)
{
    return proposal->opened <= window.to && (proposal->ended == 0 || proposal->ended > window.from);
}

static bool may_be(const struct oracle *self, const struct proposal *proposal, struct window window,
                   uint8_t state)
{
    bool is_open = is_open_in(proposal, window);
    if (state == PROPOSAL_PROPOSED)
        return is_open && window.time_us < proposal->expires_us;
    if (state == PROPOSAL_EXPIRED && is_open &&
        moment_may_have_come(self, proposal->partition, proposal->expires_us))
        return true;
    return proposal->state == state && proposal->ended <= window.to;
}

static bool text_is(const char *text, uint8_t length, struct str expected)
{
    return str_equal((struct str){text, length}, expected);
}

/* A view that the proposal had at some point of the window. */
static bool shows(const struct oracle *self, const struct proposal *proposal, struct window window,
                  const struct ledger_proposal_view *view)
{
    const struct ask *posting = &proposal->posting;
    bool is_decided = view->state == PROPOSAL_APPROVED || view->state == PROPOSAL_REJECTED;
    struct str nobody = {0};
    return uuid_equal(&view->id, &posting->id) && view->kind == posting->kind &&
           view->currency == posting->currency && view->amount == posting->amount &&
           view->rate == posting->rate && view->expires_us == proposal->expires_us &&
           text_is(view->account, view->account_length, proposal->account->id) &&
           text_is(view->reason, view->reason_length, posting->memo) &&
           text_is(view->proposer, view->proposer_length, proposal->proposer) &&
           text_is(view->decider, view->decider_length, is_decided ? proposal->decider : nobody) &&
           text_is(view->decided_reason, view->decided_reason_length,
                   is_decided ? proposal->decided_reason : nobody) &&
           view->balance == (view->state == PROPOSAL_APPROVED ? proposal->balance : 0) &&
           may_be(self, proposal, window, view->state);
}

/* The newest of this id here, behind `after`. */
static const struct proposal *of_here(const struct asked *q, const struct proposal *after)
{
    const struct proposal *proposal = after != NULL      ? after->next
                                      : q->known != NULL ? q->known->proposals
                                                         : NULL;
    while (proposal != NULL &&
           (proposal->partition != q->where || !str_equal(proposal->account->id, q->account)))
        proposal = proposal->next;
    return proposal;
}

static bool is_as_asked(const struct operation *operation, const struct ledger_proposal_view *view)
{
    const struct ledger_proposal_command *c = &operation->proposal;
    struct str decider = {view->decider, view->decider_length};
    if (operation->kind == OPERATION_PROPOSAL_SHOW)
        return true;
    if (operation->kind != OPERATION_PROPOSAL_OPEN)
        return view->state == (operation->decision.approves ? PROPOSAL_APPROVED : PROPOSAL_REJECTED) &&
               str_equal(decider, operation->decision.operator_name);
    return c->kind == view->kind && c->currency == view->currency && c->amount == view->amount &&
           c->rate == view->rate && (c->expires_us == 0 || c->expires_us == view->expires_us) &&
           text_is(view->reason, view->reason_length, c->reason) &&
           text_is(view->proposer, view->proposer_length, c->operator_name);
}

static void ok_answer(struct oracle *self, const struct asked *q)
{
    const struct ledger_proposal_view *view = &q->answer->proposal;
    for (const struct proposal *proposal = of_here(q, NULL); proposal; proposal = of_here(q, proposal)) {
        if (shows(self, proposal, q->window, view)) {
            if (!is_as_asked(q->operation, view))
                answered_wrong(self, q, "that is not what was asked");
            return;
        }
    }
    answered_wrong(self, q, "the proposal was so at no point between sending and receiving");
}

/* The id was used for something else. */
static bool open_conflicts(const struct oracle *self, const struct asked *q)
{
    const struct record *record = q->known != NULL ? q->known->records : NULL;
    (void)self;
    for (; record != NULL; record = record->next) {
        if (record->partition != q->where ||
            (record->state == RECORD_FORGOTTEN && record->ended <= q->window.from))
            continue;
        const struct proposal *proposal = q->known->proposals;
        while (proposal != NULL && proposal->record != record)
            proposal = proposal->next;
        const struct ledger_proposal_command *c = &q->operation->proposal;
        bool same = proposal != NULL && proposal->posting.kind == c->kind &&
                    proposal->posting.currency == c->currency && proposal->posting.amount == c->amount &&
                    proposal->posting.rate == c->rate &&
                    (c->expires_us == 0 || c->expires_us == proposal->expires_us) &&
                    str_equal(proposal->account->id, c->account) &&
                    str_equal(proposal->posting.memo, c->reason) &&
                    str_equal(proposal->proposer, c->operator_name);
        if (!same)
            return true;
    }
    return q->known != NULL && is_held_in(q->known, q->where, q->window);
}

static bool open_refusal_fits(const struct oracle *self, const struct asked *q, const struct account *account)
{
    const struct ledger_proposal_command *c = &q->operation->proposal;
    enum code code = q->answer->code;
    enum field field = q->answer->field;
    if (code == CODE_CONFLICT)
        return field == FIELD_TRANSACTION_ID && open_conflicts(self, q);
    if (code == CODE_DEADLINE_EXCEEDED)
        return field == FIELD_EXPIRES && c->expires_us != 0 &&
               moment_may_have_come(self, q->where, c->expires_us);
    if (code == CODE_CURRENCY_MISMATCH)
        return field == FIELD_ACCOUNT && account != NULL && account->currency != c->currency;
    return code == CODE_RATE_REQUIRED && field == FIELD_RATE && account != NULL && account->has_book &&
           c->kind == COMMAND_DEPOSIT && c->rate == 0;
}

/* What a posting of these values may have been answered at some version of its account. Limits of what teller counts are not
 * worked out to the last unit here. */
static bool posting_refusal_fits(const struct account *account, const struct version *version,
                                 const struct ask *posting, struct verdict said)
{
    const struct attributes *attributes = version->attributes;
    bool deposits = posting->kind == COMMAND_DEPOSIT;
    __int128 available = (__int128)version->balance - version->pending - attributes->minimum_balance;
    __int128 after = (__int128)version->balance + posting->amount;
    if (said.code == CODE_BALANCE_OVERFLOW && said.field != FIELD_ACCOUNT)
        return said.field == FIELD_AMOUNT || (said.field == FIELD_RATE && account->has_book);
    if (said.field != FIELD_ACCOUNT)
        return false;
    if (attributes->state != ACCOUNT_ACTIVE)
        return said.code == (attributes->state == ACCOUNT_CLOSED ? CODE_ACCOUNT_CLOSED : CODE_ACCOUNT_FROZEN);
    if (said.code == CODE_INSUFFICIENT_FUNDS)
        return !deposits && posting->amount > available;
    if (said.code == CODE_CEILING_EXCEEDED)
        return deposits && (version->is_expecting || after > attributes->ceiling);
    return said.code == CODE_BALANCE_OVERFLOW && deposits && (version->is_expecting || after > BALANCE_LIMIT);
}

static bool posting_refused(const struct asked *q, const struct proposal *proposal)
{
    struct verdict said = {q->answer->code, q->answer->field, 0};
    size_t first = 0, last = 0;
    bool there = versions_in(proposal->account, q->window, &first, &last);
    for (size_t i = first; there && i <= last; i++) {
        if (posting_refusal_fits(proposal->account, &proposal->account->versions[i], &proposal->posting,
                                 said))
            return true;
    }
    return false;
}

/* No proposal of that id and account, or one that has had its time. */
static bool may_not_be_found(const struct oracle *self, const struct asked *q)
{
    const struct book *book = &self->books[q->where];
    const struct proposal *proposal = of_here(q, NULL);
    for (; proposal != NULL; proposal = of_here(q, proposal)) {
        bool is_forgotten =
            proposal->ended != 0 && book->time_us - proposal->ended_us >= self->config.id_retention_us;
        if (proposal->opened <= q->window.from && !is_forgotten)
            return false;
    }
    return true;
}

static bool decision_refusal_fits(const struct oracle *self, const struct asked *q)
{
    static const uint8_t states[CODE_COUNT] = {[CODE_PROPOSAL_APPROVED] = PROPOSAL_APPROVED,
                                               [CODE_PROPOSAL_REJECTED] = PROPOSAL_REJECTED,
                                               [CODE_PROPOSAL_EXPIRED] = PROPOSAL_EXPIRED};
    const struct ledger_decision_command *c = &q->operation->decision;
    enum code code = q->answer->code;
    const struct proposal *proposal = of_here(q, NULL);
    for (; proposal != NULL; proposal = of_here(q, proposal)) {
        uint8_t state = states[code];
        bool own = state == (c->approves ? PROPOSAL_APPROVED : PROPOSAL_REJECTED) &&
                   str_equal(proposal->decider, c->operator_name);
        if (state != 0 && q->answer->field == FIELD_PROPOSAL && !own &&
            may_be(self, proposal, q->window, state))
            return true;
        if (state != 0 || !may_be(self, proposal, q->window, PROPOSAL_PROPOSED) || !c->approves)
            continue;
        bool same = str_equal(proposal->proposer, c->operator_name);
        if (code == CODE_SAME_OPERATOR ? same && q->answer->field == FIELD_OPERATOR
                                       : !same && posting_refused(q, proposal))
            return true;
    }
    return false;
}

static bool names_none(const struct oracle *self, const struct operation *operation)
{
    return operation->partition != WIRE_PARTITION_ANY && operation->partition >= self->config.partitions;
}

static bool is_sound(const struct operation *operation)
{
    if (operation->kind == OPERATION_PROPOSAL_OPEN)
        return proposal_is_sound(&operation->proposal);
    if (operation->kind == OPERATION_PROPOSAL_SHOW)
        return !uuid_is_nil(&operation->decision.proposal) && text_is_account_id(operation->decision.account);
    return decision_is_sound(&operation->decision);
}

static bool refusal_fits(const struct oracle *self, const struct asked *q)
{
    const struct operation *operation = q->operation;
    const struct account *account = account_named(self, q->account);
    enum code code = q->answer->code;
    enum field field = q->answer->field;
    bool elsewhere = partition_of(self, q->account) != q->where;
    if (code == CODE_DEADLINE_EXCEEDED && field == FIELD_NONE)
        return deadline_may_be_past(self, q->where, operation->deadline_us);
    if (names_none(self, operation))
        return code == CODE_WRONG_PARTITION && field == FIELD_PARTITION;
    if (elsewhere && (code == CODE_WRONG_PARTITION || operation->kind != OPERATION_PROPOSAL_OPEN))
        return code == CODE_WRONG_PARTITION && field == FIELD_ACCOUNT;
    if (code == CODE_ACCOUNT_NOT_FOUND)
        return field == FIELD_ACCOUNT && is_absent_in(account, q->window);
    if (operation->kind == OPERATION_PROPOSAL_OPEN)
        return open_refusal_fits(self, q, account);
    if (code == CODE_PROPOSAL_NOT_FOUND)
        return field == FIELD_PROPOSAL && may_not_be_found(self, q);
    return operation->kind != OPERATION_PROPOSAL_SHOW && decision_refusal_fits(self, q);
}

/* ---- lists ------------------------------------------------------------------------------------ */

/* Is this the page after a step? Those whose time may have come may be left out. *next: the earliest step at which it may be
 * another; *end: how many proposals it has gone through. */
static bool page_is(const struct oracle *self, const struct asked *q, size_t index, uint64_t step,
                    uint64_t *next, size_t *end)
{
    const struct book *book = &self->books[q->where];
    const struct answer *answer = q->answer;
    struct window then = {step, step, q->window.time_us};
    size_t found = 0;
    *next = UINT64_MAX;
    for (; index < book->proposal_count && found < q->operation->proposals.limit; index++) {
        const struct proposal *proposal = book->proposals[index];
        if (proposal->opened > step && proposal->opened < *next)
            *next = proposal->opened;
        if (proposal->ended > step && proposal->ended < *next)
            *next = proposal->ended;
        if (proposal->opened > step || (proposal->ended != 0 && proposal->ended <= step))
            continue;
        if (found < answer->count && shows(self, proposal, then, &answer->proposals[found]))
            found++;
        else if (!moment_may_have_come(self, q->where, proposal->expires_us))
            return false;
    }
    *end = index;
    return found == answer->count;
}

static void list_ok(struct oracle *self, struct asked *q, size_t index)
{
    uint32_t limit = q->operation->proposals.limit;
    for (uint64_t step = q->window.from, next; step <= q->window.to; step = next) {
        size_t end;
        if (!page_is(self, q, index, step, &next, &end))
            continue;
        bool is_full = q->answer->count == limit;
        bool more = is_full || q->where + 1 < self->config.partitions;
        if (more != (q->answer->cursor.length > 0))
            answered_wrong(self, q, "there is a cursor too many, or too few");
        cursor_note(self, q->answer->cursor, CURSOR_PROPOSALS, is_full ? q->where : q->where + 1, NULL,
                    is_full ? end : 0);
        return;
    }
    answered_wrong(self, q, "its proposals were so at no point between sending and receiving");
}

static void list_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                        const struct answer *answer)
{
    const struct wire_proposals_query *query = &operation->proposals;
    struct asked q = {.operation = operation, .answer = answer};
    const struct cursor *cursor = NULL;
    q.where = operation->partition == WIRE_PARTITION_ANY ? 0 : operation->partition;
    if (names_none(self, operation))
        return;
    if (query->cursor.length > 0) {
        cursor = cursor_find(self, query->cursor, CURSOR_PROPOSALS, NULL);
        if (cursor == NULL || (operation->partition != WIRE_PARTITION_ANY && q.where != cursor->partition))
            return; /* nothing can be said about it */
        q.where = cursor->partition;
    }
    q.window = window_of(self, q.where, sent_us);
    if (answer->code == CODE_OK)
        list_ok(self, &q, cursor != NULL ? cursor->next : 0);
    else if (answer->code != CODE_INVALID_FIELD || (query->limit >= 1 && query->limit <= LEDGER_PAGE_MAX))
        answered_wrong(self, &q, "nothing about it is so");
}

void proposals_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                      const struct answer *answer)
{
    bool opens = operation->kind == OPERATION_PROPOSAL_OPEN;
    if (code_is_open(answer->code))
        return;
    if (operation->kind == OPERATION_PROPOSAL_LIST) {
        list_answer(self, sent_us, operation, answer);
        return;
    }
    struct asked q = {.operation = operation,
                      .answer = answer,
                      .account = opens ? operation->proposal.account : operation->decision.account};
    q.known = known_find(self, opens ? &operation->proposal.id : &operation->decision.proposal);
    bool named = operation->partition < self->config.partitions;
    q.where = named ? operation->partition : partition_of(self, q.account);
    q.window = window_of(self, q.where, sent_us);
    bool sound = is_sound(operation);
    if (answer->code == CODE_OK && sound)
        ok_answer(self, &q);
    else if (!sound ? answer->code != CODE_INVALID_FIELD && answer->code != CODE_UNKNOWN_CURRENCY &&
                          answer->code != CODE_WRONG_PARTITION
                    : !refusal_fits(self, &q))
        answered_wrong(self, &q, "nothing about it is so");
}
