/* Holds: docs/WIRE.md says what may be set aside, what may be taken from it, and when it ends by itself. Each ends once. */
#include "sim/check/inside.h"

#define CODE_NAME(verdict) code_name((verdict).code)

struct hold *hold_here(const struct oracle *self, const struct book *book, const struct uuid *id)
{
    const struct known *known = known_find(self, id);
    struct hold *hold = known != NULL ? known->holds : NULL;
    while (hold != NULL && hold->partition != book->partition)
        hold = hold->next;
    return hold;
}

/* ---- the rules -------------------------------------------------------------------------------- */

int64_t capture_amount(const struct oracle *self, const struct book *book, const struct ask *ask)
{
    if (ask->kind != COMMAND_CAPTURE || ask->amount > 0)
        return ask->amount;
    const struct hold *hold = hold_here(self, book, &ask->of);
    return hold != NULL ? hold->held : 0;
}

static struct verdict decide_capture(const struct oracle *self, const struct book *book,
                                     const struct ask *ask, const struct hold *hold)
{
    const struct account *account = hold->account;
    int64_t amount = capture_amount(self, book, ask);
    struct verdict verdict = account_is_usable(account, ask->currency, FIELD_FROM_ACCOUNT);
    if (verdict.code != CODE_OK)
        return verdict;
    if (amount > hold->held)
        return (struct verdict){CODE_HOLD_EXCEEDED, FIELD_AMOUNT, 0};
    /* What this hold has set aside is its own to take. */
    verdict = decide_pay(self, book, ask->from, ask->currency, amount, -(__int128)hold->held);
    if (verdict.code == CODE_OK && !house_counts(book->house[ask->currency], amount))
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT, 0};
    return verdict;
}

struct verdict holds_decide(const struct oracle *self, const struct book *book, const struct ask *ask)
{
    const struct account *account = account_here(self, book, ask->from);
    if (ask->kind == COMMAND_HOLD)
        return decide_pay(self, book, ask->from, ask->currency, ask->amount, 0);
    if (account == NULL)
        return (struct verdict){CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT, 0};
    const struct hold *hold = hold_here(self, book, &ask->of);
    if (hold == NULL || hold->account != account)
        return (struct verdict){CODE_HOLD_NOT_FOUND, FIELD_HOLD, 0};
    if (hold->end != CODE_OK)
        return (struct verdict){hold->end, FIELD_HOLD, 0};
    if (ask->kind == COMMAND_CAPTURE)
        return decide_capture(self, book, ask, hold);
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

bool holds_may_say(const struct oracle *self, const struct book *book, const struct ask *ask,
                   struct verdict said)
{
    bool names_hold = ask->kind == COMMAND_CAPTURE || ask->kind == COMMAND_RELEASE;
    const struct hold *hold = names_hold ? hold_here(self, book, &ask->of) : NULL;
    if (hold == NULL || said.field != FIELD_HOLD || hold->account != account_here(self, book, ask->from))
        return false;
    if (said.code == CODE_HOLD_EXPIRED)
        return hold->end == CODE_OK && moment_may_have_come(self, book->partition, hold->expires_us);
    return said.code == CODE_HOLD_NOT_FOUND && hold->end != CODE_OK &&
           book->time_us - hold->ended_us >= self->config.id_retention_us;
}

/* ---- the books -------------------------------------------------------------------------------- */

static void pending_is(struct oracle *self, const struct sight *sight, const struct account *account,
                       int64_t said)
{
    if (said != account->pending)
        breach_say(self, "I4", 0, sight->book->partition,
                   "the fact at %llu leaves %lld pending on %.*s, the books %lld",
                   (unsigned long long)sight->position, (long long)said, (int)account->id.length,
                   account->id.data, (long long)account->pending);
}

/* The hold has less set aside; nothing: it has ended so. */
static void hold_sinks(struct book *book, struct hold *hold, int64_t amount, enum code end)
{
    hold->held -= amount;
    hold->account->held -= amount;
    hold->account->pending -= amount;
    if (hold->held > 0)
        return;
    hold->end = end;
    hold->ended_us = hold->record->kept_us = book->time_us; /* its id leads to its end */
    book->holds_open--;
}

/* A line of the history, and a version of the account. */
static void line_add(struct oracle *self, const struct sight *sight, struct account *account,
                     const struct fact_hold *fact, enum wire_entry_kind kind)
{
    struct fact_strings strings;
    (void)trailer_read(sight->bytes + sizeof *fact, sight->size - sizeof *fact, &strings);
    struct entry entry = {
        .kind = kind,
        .position = sight->position,
        .time_us = sight->book->time_us,
        .amount = fact->amount,
        .balance = account->balance,
        .id = fact->id,
        .hold = fact->hold,
        .pending = fact->pending,
        .expires_us = fact->expires_us,
        .memo = pool_text(&self->pool, strings.by_tag[FACT_TAG_MEMO]),
        .reference = pool_text(&self->pool, strings.by_tag[FACT_TAG_REFERENCE]),
    };
    account_entry(account, &entry);
    account_version(sight->book, account);
}

static struct record *outcome_record(struct oracle *self, const struct sight *sight, struct known *known,
                                     const struct ask *ask, enum ledger_command_kind command, int64_t amount,
                                     const struct account *account)
{
    struct record *record = record_add(self, sight->book, known, RECORD_SINGLE);
    record->ask = ask;
    record->command = (uint8_t)command;
    record->has = ROW_HAS_FROM;
    record->from_balance = account->balance;
    record->amount = amount;
    record->currency = account->currency;
    record_end(sight->book, record, RECORD_OK, (struct verdict){CODE_OK, FIELD_NONE, 0});
    return record;
}

void holds_settled(struct oracle *self, const struct book *book)
{
    enum { LATE_MOST_US = 60 * 1000000 };
    char text[ID_TEXT];
    for (const struct hold *hold = book->holds; hold != NULL; hold = hold->next_of_book)
        if (hold->end == CODE_OK && hold->expires_us != 0 && hold->expires_us + LATE_MOST_US < book->time_us)
            breach_say(self, "I10", 0, book->partition, "hold %s is still open at %lld, it expired at %lld",
                       id_text(&hold->id, text), (long long)book->time_us, (long long)hold->expires_us);
}

/* ---- what was asked --------------------------------------------------------------------------- */

static bool strings_are(const struct sight *sight, const struct ask *ask)
{
    struct fact_strings strings;
    (void)trailer_read(sight->bytes + sizeof(struct fact_hold), sight->size - sizeof(struct fact_hold),
                       &strings);
    return str_equal(strings.by_tag[FACT_TAG_MEMO], ask->memo) &&
           str_equal(strings.by_tag[FACT_TAG_REFERENCE], ask->reference);
}

static bool hold_is(const struct sight *sight, const struct fact_hold *fact, const struct account *account,
                    const struct ask *ask)
{
    if (!str_equal(ask->from, account->id) || !strings_are(sight, ask))
        return false;
    if (fact->head.kind == FACT_HOLD_RELEASED) {
        struct uuid hold = fact->hold;
        return ask->kind == COMMAND_RELEASE && uuid_equal(&ask->of, &hold);
    }
    return ask->kind == COMMAND_HOLD && ask->amount == fact->amount && ask->expires_us == fact->expires_us &&
           ask->currency == account->currency;
}

static const struct ask *hold_ask(struct oracle *self, const struct sight *sight,
                                  const struct fact_hold *fact, const struct account *account,
                                  const struct known *known)
{
    const struct ask *ask = known->asks;
    char text[ID_TEXT];
    while (ask != NULL && (!ask_reaches(ask, sight->book->partition) || !hold_is(sight, fact, account, ask)))
        ask = ask->next;
    if (ask == NULL)
        breach_say(self, "I8", known->asks != NULL ? known->asks->number : 0, sight->book->partition,
                   "the fact at %llu carries out %s, which nobody has sent so",
                   (unsigned long long)sight->position, id_text(&known->id, text));
    return ask;
}

static void hold_judge(struct oracle *self, const struct sight *sight, const struct ask *ask)
{
    struct verdict verdict = holds_decide(self, sight->book, ask);
    char text[ID_TEXT];
    if (ask_is_late(ask, sight->book->time_us))
        verdict = (struct verdict){CODE_DEADLINE_EXCEEDED, FIELD_NONE, 0};
    else if (ask->kind == COMMAND_HOLD && ask->expires_us != 0 && ask->expires_us <= sight->book->time_us)
        verdict = (struct verdict){CODE_DEADLINE_EXCEEDED, FIELD_EXPIRES, 0};
    if (verdict.code != CODE_OK)
        breach_say(self, verdict.code == CODE_INSUFFICIENT_FUNDS ? "I4" : "I8", ask->number,
                   sight->book->partition, "%s is carried out at %llu, where the answer is %s %s",
                   id_text(&ask->id, text), (unsigned long long)sight->position, CODE_NAME(verdict),
                   field_text(verdict.field));
}

/* ---- the four facts --------------------------------------------------------------------------- */

static void opened(struct oracle *self, const struct sight *sight, const struct fact_hold *fact,
                   struct account *account)
{
    struct uuid id = fact->id, of = fact->hold;
    struct known *known = known_of(self, &id);
    const struct ask *ask = hold_ask(self, sight, fact, account, known);
    id_must_be_new(self, sight->book, known, ask != NULL ? ask->number : 0);
    if (ask != NULL)
        hold_judge(self, sight, ask);
    if (!uuid_equal(&id, &of))
        breach_say(self, "I4", 0, sight->book->partition, "the hold at %llu has two ids",
                   (unsigned long long)sight->position);
    struct hold *hold = pool_take(&self->pool, sizeof *hold);
    *hold = (struct hold){.next = known->holds,
                          .next_of_book = sight->book->holds,
                          .id = id,
                          .partition = sight->book->partition,
                          .account = account,
                          .held = fact->amount,
                          .expires_us = fact->expires_us,
                          .opened = sight->position};
    known->holds = hold;
    sight->book->holds = hold;
    sight->book->holds_open++;
    account->held += fact->amount;
    account->pending += fact->amount;
    pending_is(self, sight, account, fact->pending);
    line_add(self, sight, account, fact, ENTRY_HOLD_OPENED);
    hold->record = outcome_record(self, sight, known, ask, COMMAND_HOLD, fact->amount, account);
    hold->record->hold = hold;
}

/* The open hold that a fact ends or takes from; NULL: there is none. */
static struct hold *hold_open(struct oracle *self, const struct sight *sight, const struct uuid *id,
                              const struct account *account, uint64_t opened_at)
{
    struct hold *hold = hold_here(self, sight->book, id);
    char text[ID_TEXT];
    if (hold != NULL && hold->end == CODE_OK && hold->account == account && hold->opened == opened_at)
        return hold;
    breach_say(self, "I4", 0, sight->book->partition, "the fact at %llu ends hold %s, which is not open here",
               (unsigned long long)sight->position, id_text(id, text));
    return NULL;
}

static void sinks_whole(struct oracle *self, const struct sight *sight, const struct fact_hold *fact,
                        struct hold *hold, enum code end)
{
    if (fact->amount != hold->held)
        breach_say(self, "I4", 0, sight->book->partition, "the fact at %llu lets %lld go, but %lld is held",
                   (unsigned long long)sight->position, (long long)fact->amount, (long long)hold->held);
    hold_sinks(sight->book, hold, hold->held, end);
    pending_is(self, sight, hold->account, fact->pending);
}

static void released(struct oracle *self, const struct sight *sight, const struct fact_hold *fact,
                     struct account *account)
{
    struct uuid id = fact->id, of = fact->hold;
    struct known *known = known_of(self, &id);
    const struct ask *ask = hold_ask(self, sight, fact, account, known);
    id_must_be_new(self, sight->book, known, ask != NULL ? ask->number : 0);
    if (ask != NULL)
        hold_judge(self, sight, ask);
    struct hold *hold = hold_open(self, sight, &of, account, fact->opened);
    if (hold != NULL)
        sinks_whole(self, sight, fact, hold, CODE_HOLD_RELEASED);
    line_add(self, sight, account, fact, ENTRY_HOLD_RELEASED);
    (void)outcome_record(self, sight, known, ask, COMMAND_RELEASE, fact->amount, account);
}

static void expired(struct oracle *self, const struct sight *sight, const struct fact_hold *fact,
                    struct account *account)
{
    struct uuid of = fact->hold;
    struct hold *hold = hold_open(self, sight, &of, account, fact->opened);
    if (hold != NULL && !moment_may_have_come(self, sight->book->partition, hold->expires_us))
        breach_say(self, "I4", 0, sight->book->partition, "the hold that ends at %llu expires at %lld, later",
                   (unsigned long long)sight->position, (long long)hold->expires_us);
    if (hold != NULL)
        sinks_whole(self, sight, fact, hold, CODE_HOLD_EXPIRED);
    line_add(self, sight, account, fact, ENTRY_HOLD_EXPIRED);
}

void holds_fact(struct oracle *self, const struct sight *sight)
{
    struct fact_hold fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    struct account *account = book_account(sight->book, fact.account);
    if (account == NULL) {
        breach_say(self, "I7", 0, sight->book->partition, "the hold at %llu is of account %u",
                   (unsigned long long)sight->position, fact.account);
        return;
    }
    chain_goes_on(self, sight, account, fact.previous);
    if (fact.balance != account->balance)
        breach_say(self, "I1", 0, sight->book->partition,
                   "the hold at %llu leaves %lld on %.*s, the books %lld",
                   (unsigned long long)sight->position, (long long)fact.balance, (int)account->id.length,
                   account->id.data, (long long)account->balance);
    if (fact.head.kind == FACT_HOLD_OPENED)
        opened(self, sight, &fact, account);
    else if (fact.head.kind == FACT_HOLD_RELEASED)
        released(self, sight, &fact, account);
    else
        expired(self, sight, &fact, account);
}

void holds_captured(struct oracle *self, const struct sight *sight, const struct posting *posting,
                    const struct ask *ask)
{
    struct fact_capture fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    struct uuid of = fact.hold;
    struct hold *hold = hold_open(self, sight, &of, posting->debit, fact.opened);
    if (hold == NULL)
        return;
    int64_t rest = hold->held - fact.posting.amount;
    bool keeps = ask != NULL && (ask->flags & COMMAND_KEEPS_REST);
    if (hold->expires_us != 0 && hold->expires_us <= sight->book->time_us)
        breach_say(self, "I4", ask != NULL ? ask->number : 0, sight->book->partition,
                   "the hold that is captured at %llu expired at %lld", (unsigned long long)sight->position,
                   (long long)hold->expires_us);
    if (rest < 0 || (ask != NULL && (fact.kept != (keeps ? rest : 0) || fact.released != (keeps ? 0 : rest))))
        breach_say(self, "I4", ask != NULL ? ask->number : 0, sight->book->partition,
                   "the capture at %llu takes %lld of %lld, keeps %lld and releases %lld",
                   (unsigned long long)sight->position, (long long)fact.posting.amount, (long long)hold->held,
                   (long long)fact.kept, (long long)fact.released);
    hold_sinks(sight->book, hold, hold->held - fact.kept, CODE_HOLD_CAPTURED);
    pending_is(self, sight, hold->account, fact.pending);
}
