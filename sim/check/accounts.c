/* Account facts, and the answers to account commands. */
#include <inttypes.h>
#include <stdio.h>

#include "sim/check/inside.h"

/* ---- facts ------------------------------------------------------------------------------------ */

struct account_sight {
    struct fact_account fact;
    struct fact_strings strings;
};

static struct str text_at(const struct account_sight *seen, enum fact_tag tag)
{
    return seen->strings.by_tag[tag];
}

static const struct attributes *attributes_of(struct oracle *self, const struct account_sight *seen,
                                              uint8_t state)
{
    struct attributes *attributes = pool_take(&self->pool, sizeof *attributes);
    attributes->owner = pool_text(&self->pool, text_at(seen, FACT_TAG_OWNER));
    attributes->product = pool_text(&self->pool, text_at(seen, FACT_TAG_PRODUCT));
    attributes->minimum_balance = seen->fact.minimum_balance;
    attributes->ceiling = seen->fact.ceiling;
    attributes->state = state;
    return attributes;
}

static void account_line(struct oracle *self, const struct sight *sight, struct account *account,
                         const struct account_sight *seen)
{
    static const enum wire_entry_kind kinds[FACT_KIND_COUNT] = {
        [FACT_ACCOUNT_OPENED] = ENTRY_OPENED, [FACT_ACCOUNT_CHANGED] = ENTRY_CHANGED,
        [FACT_ACCOUNT_FROZEN] = ENTRY_FROZEN, [FACT_ACCOUNT_UNFROZEN] = ENTRY_UNFROZEN,
        [FACT_ACCOUNT_CLOSED] = ENTRY_CLOSED,
    };
    struct entry entry = {
        .kind = kinds[seen->fact.head.kind],
        .direction = DIRECTION_NONE,
        .position = sight->position,
        .time_us = sight->book->time_us,
        .balance = account->balance,
        .id = seen->fact.id,
        .memo = pool_text(&self->pool, text_at(seen, FACT_TAG_MEMO)),
    };
    account_entry(account, &entry);
    account_version(sight->book, account);
    account->last_position = sight->position;
}

/* "house:cash:CUR:P" or "transit:CUR:PEER:P", with what teller's own accounts have. */
static bool is_own(const struct oracle *self, const struct book *book, const struct account_sight *seen)
{
    struct str id = text_at(seen, FACT_TAG_ACCOUNT);
    static const char *const houses[] = {"cash", "fx", "spread", "residue"};
    char text[64];
    int currency_length = CURRENCY_CODE_LENGTH;
    bool fits;
    fits = false;
    for (size_t i = 0; i < sizeof houses / sizeof *houses && !fits; i++) {
        snprintf(text, sizeof text, "house:%s:%.*s:%u", houses[i], currency_length, seen->fact.currency,
                 book->partition);
        fits = str_equal(id, str_from(text));
    }
    for (uint32_t peer = 0; peer < self->config.partitions && !fits; peer++) {
        snprintf(text, sizeof text, "transit:%.*s:%u:%u", currency_length, seen->fact.currency, peer,
                 book->partition);
        fits = peer != book->partition && str_equal(id, str_from(text));
    }
    struct uuid fact_id = seen->fact.id;
    return fits && str_equal(text_at(seen, FACT_TAG_OWNER), STR_LITERAL("teller")) &&
           text_at(seen, FACT_TAG_PRODUCT).length == 0 && seen->fact.minimum_balance == -BALANCE_LIMIT &&
           seen->fact.ceiling == INT64_MAX && uuid_is_nil(&fact_id);
}

static bool opens_as(const struct account_sight *seen, const struct account_ask *ask, uint32_t partition)
{
    const struct ledger_account_command *command = &ask->command;
    struct uuid id = seen->fact.id;
    return (ask->reach >> partition & 1) && uuid_equal(&id, &command->id) &&
           str_equal(text_at(seen, FACT_TAG_OWNER), command->owner) &&
           str_equal(text_at(seen, FACT_TAG_PRODUCT), command->product) &&
           str_equal(text_at(seen, FACT_TAG_MEMO), command->memo) &&
           seen->fact.minimum_balance == command->minimum_balance && seen->fact.ceiling == command->ceiling &&
           (seen->fact.has_book != 0) == command->has_book &&
           memcmp(seen->fact.currency, currency_at(command->currency)->code, CURRENCY_CODE_LENGTH) == 0;
}

static const struct account_ask *opener_named(const struct oracle *self, const struct book *book,
                                              const struct account_sight *seen, struct str name)
{
    struct uuid id = seen->fact.id;
    const struct account_ask *ask =
        account_ask_first(self, ACCOUNT_OPEN, name, &id, text_at(seen, FACT_TAG_OWNER));
    while (ask != NULL && !opens_as(seen, ask, book->partition))
        ask = account_ask_next(ask);
    return ask;
}

/* Who asked for it: by its id, or for any account, which then has an id of teller's making. */
static const struct account_ask *opener_of(const struct oracle *self, const struct book *book,
                                           const struct account_sight *seen)
{
    struct str id = text_at(seen, FACT_TAG_ACCOUNT);
    char prefix[16];
    const struct account_ask *ask = opener_named(self, book, seen, id);
    int length = snprintf(prefix, sizeof prefix, "T%u-", book->partition);
    if (ask != NULL || id.length <= (uint32_t)length || memcmp(id.data, prefix, (size_t)length) != 0)
        return ask;
    return opener_named(self, book, seen, (struct str){0});
}

static void open_judge(struct oracle *self, const struct sight *sight, const struct account_sight *seen,
                       const struct account_ask *opener)
{
    struct str id = text_at(seen, FACT_TAG_ACCOUNT);
    const struct book *book = sight->book;
    uint64_t number = opener != NULL ? opener->number : 0;
    const char *what = NULL;
    if (seen->fact.account != book->count || account_named(self, id) != NULL || seen->fact.previous != 0)
        what = "is there already, or has the index of another";
    else if (partition_of(self, id) != book->partition)
        what = "belongs to another partition";
    else if (opener == NULL && !is_own(self, book, seen))
        what = "was not asked for";
    if (what != NULL)
        breach_say(self, "I8", number, book->partition, "the account %.*s, opened at %llu, %s",
                   (int)id.length, id.data, (unsigned long long)sight->position, what);
}

static void opened(struct oracle *self, const struct sight *sight, const struct account_sight *seen)
{
    struct book *book = sight->book;
    struct str name = text_at(seen, FACT_TAG_ACCOUNT);
    struct uuid id = seen->fact.id;
    currency_index currency = currency_find(seen->fact.currency, CURRENCY_CODE_LENGTH);
    const struct account_ask *opener = text_is_reserved_id(name) ? NULL : opener_of(self, book, seen);
    open_judge(self, sight, seen, opener);
    if (currency == CURRENCY_NONE || account_named(self, name) != NULL)
        return;
    struct account *account =
        account_add(self, book, name, currency, attributes_of(self, seen, ACCOUNT_ACTIVE), sight->position);
    account->opener = opener;
    account->has_book = seen->fact.has_book != 0;
    if (!uuid_is_nil(&id)) {
        struct known *known = known_of(self, &id);
        id_must_be_new(self, book, known, opener != NULL ? opener->number : 0);
        struct record *record = record_add(self, book, known, RECORD_ACCOUNT);
        record->account_ask = opener;
        record->account = account;
        record_end(book, record, RECORD_OK, (struct verdict){CODE_OK, FIELD_NONE, 0});
    }
    account_line(self, sight, account, seen);
}

/* ---- changes ---------------------------------------------------------------------------------- */

/* What an account would be after a change. */
static struct attributes changed(const struct attributes *before,
                                 const struct ledger_account_command *command)
{
    struct attributes after = *before;
    if (command->sets & ACCOUNT_SETS_OWNER)
        after.owner = command->owner;
    if (command->sets & ACCOUNT_SETS_PRODUCT)
        after.product = command->product;
    if (command->sets & ACCOUNT_SETS_MINIMUM)
        after.minimum_balance = command->minimum_balance;
    if (command->sets & ACCOUNT_SETS_CEILING)
        after.ceiling = command->ceiling;
    return after;
}

static bool attributes_same(const struct attributes *a, const struct attributes *b)
{
    return str_equal(a->owner, b->owner) && str_equal(a->product, b->product) &&
           a->minimum_balance == b->minimum_balance && a->ceiling == b->ceiling;
}

/* What a command needs beyond the account being there. */
static struct verdict decide_step(const struct version *version, const struct ledger_account_command *command)
{
    uint8_t state = version->attributes->state;
    if (state == ACCOUNT_CLOSED && command->kind != ACCOUNT_CLOSE)
        return (struct verdict){CODE_ACCOUNT_CLOSED, FIELD_ACCOUNT, 0};
    if (command->kind == ACCOUNT_CHANGE) {
        struct attributes after = changed(version->attributes, command);
        if (after.minimum_balance > after.ceiling)
            return (struct verdict){
                CODE_INVALID_FIELD,
                command->sets & ACCOUNT_SETS_CEILING ? FIELD_CEILING : FIELD_MINIMUM_BALANCE, 0};
    }
    bool empty =
        version->balance == 0 && version->pending == 0 && !version->is_expecting && !version->is_paying;
    if (command->kind == ACCOUNT_CLOSE && state != ACCOUNT_CLOSED && !empty)
        return (struct verdict){CODE_NOT_EMPTY, FIELD_ACCOUNT, 0};
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

static enum ledger_account_kind command_of(uint8_t kind)
{
    return kind == FACT_ACCOUNT_CHANGED    ? ACCOUNT_CHANGE
           : kind == FACT_ACCOUNT_FROZEN   ? ACCOUNT_FREEZE
           : kind == FACT_ACCOUNT_UNFROZEN ? ACCOUNT_UNFREEZE
                                           : ACCOUNT_CLOSE;
}

static uint8_t state_after(uint8_t kind, uint8_t before)
{
    return kind == FACT_ACCOUNT_FROZEN     ? ACCOUNT_FROZEN
           : kind == FACT_ACCOUNT_UNFROZEN ? ACCOUNT_ACTIVE
           : kind == FACT_ACCOUNT_CLOSED   ? ACCOUNT_CLOSED
                                           : before;
}

/* The command that this fact carries out, on the account as it is. */
static bool steps_as(const struct account *account, const struct account_sight *seen,
                     const struct account_ask *ask, const struct attributes *after)
{
    const struct version *now = &account->versions[account->version_count - 1];
    struct attributes expected = changed(account->attributes, &ask->command);
    if (!(ask->reach >> account->partition & 1) ||
        !str_equal(text_at(seen, FACT_TAG_MEMO), ask->command.memo) ||
        decide_step(now, &ask->command).code != CODE_OK)
        return false;
    if (ask->command.kind != ACCOUNT_CHANGE)
        return after->state != account->attributes->state;
    return attributes_same(&expected, after) && !attributes_same(account->attributes, after);
}

static void step_judge(struct oracle *self, const struct sight *sight, const struct account *account,
                       const struct account_sight *seen, const struct attributes *after)
{
    struct uuid nil = {0};
    const struct account_ask *ask =
        account_ask_first(self, command_of(seen->fact.head.kind), account->id, &nil, (struct str){0});
    while (ask != NULL && !steps_as(account, seen, ask, after))
        ask = account_ask_next(ask);
    if (ask == NULL)
        breach_say(self, "I8", 0, sight->book->partition,
                   "%.*s is changed at %llu as nobody has asked, or where it is to be refused",
                   (int)account->id.length, account->id.data, (unsigned long long)sight->position);
    if (seen->fact.previous != account->last_position)
        breach_say(self, "I7", 0, sight->book->partition, "the chain of %.*s is broken at %llu",
                   (int)account->id.length, account->id.data, (unsigned long long)sight->position);
}

static void stepped(struct oracle *self, const struct sight *sight, struct account_sight *seen)
{
    struct account *account = book_account(sight->book, seen->fact.account);
    if (account == NULL) {
        breach_say(self, "I7", 0, sight->book->partition,
                   "the fact at %llu changes an account that is not there",
                   (unsigned long long)sight->position);
        return;
    }
    struct attributes *after = pool_take(&self->pool, sizeof *after);
    *after = *account->attributes;
    after->state = state_after(seen->fact.head.kind, account->attributes->state);
    after->minimum_balance = seen->fact.minimum_balance;
    after->ceiling = seen->fact.ceiling;
    if (seen->fact.head.kind == FACT_ACCOUNT_CHANGED) {
        after->owner = pool_text(&self->pool, text_at(seen, FACT_TAG_OWNER));
        after->product = pool_text(&self->pool, text_at(seen, FACT_TAG_PRODUCT));
    } else if (!attributes_same(after, account->attributes)) {
        breach_say(self, "I8", 0, sight->book->partition,
                   "the limits of %.*s change at %llu without a change", (int)account->id.length,
                   account->id.data, (unsigned long long)sight->position);
    }
    step_judge(self, sight, account, seen, after);
    account->attributes = after;
    account_line(self, sight, account, seen);
}

void accounts_fact(struct oracle *self, const struct sight *sight)
{
    struct account_sight seen;
    memcpy(&seen.fact, sight->bytes, sizeof seen.fact);
    (void)trailer_read(sight->bytes + sizeof seen.fact, sight->size - sizeof seen.fact, &seen.strings);
    if (seen.fact.head.kind == FACT_ACCOUNT_OPENED)
        opened(self, sight, &seen);
    else
        stepped(self, sight, &seen);
}

/* ---- answers ---------------------------------------------------------------------------------- */

static bool text_is(const char *text, uint8_t length, struct str expected)
{
    return str_equal((struct str){text, length}, expected);
}

bool view_is(const struct account *account, const struct version *version,
             const struct ledger_account_view *view)
{
    const struct attributes *attributes = version->attributes;
    return text_is(view->id, view->id_length, account->id) && view->currency == account->currency &&
           view->opened_us == account->opened_us && view->state == attributes->state &&
           text_is(view->owner, view->owner_length, attributes->owner) &&
           text_is(view->product, view->product_length, attributes->product) &&
           view->minimum_balance == attributes->minimum_balance && view->ceiling == attributes->ceiling &&
           view->balance == version->balance && view->pending == version->pending &&
           (view->base != CURRENCY_NONE) == account->has_book &&
           (!account->has_book || view->book_value == version->book);
}

const char *view_text(const struct ledger_account_view *view, char out[VIEW_TEXT])
{
    snprintf(out, VIEW_TEXT, "%s, state %u, balance %" PRId64 ", pending %" PRId64 ", minimum %" PRId64,
             view->id, view->state, view->balance, view->pending, view->minimum_balance);
    return out;
}

static bool opens_same(const struct account *account, const struct version *version,
                       const struct ledger_account_command *command)
{
    const struct attributes wanted = {command->owner, command->product, command->minimum_balance,
                                      command->ceiling, ACCOUNT_ACTIVE};
    return account->currency == command->currency && version->attributes->state != ACCOUNT_CLOSED &&
           attributes_same(version->attributes, &wanted);
}

/* What was asked for is so, in this version. */
static bool is_as_asked(const struct account *account, const struct version *version,
                        const struct ledger_account_command *command)
{
    uint8_t state = version->attributes->state;
    struct attributes after = changed(version->attributes, command);
    switch (command->kind) {
    case ACCOUNT_OPEN:
        return opens_same(account, version, command) ||
               (account->opener != NULL && account_ask_same(&account->opener->command, command) &&
                (!uuid_is_nil(&command->id) || version == account->versions));
    case ACCOUNT_CHANGE:
        return state != ACCOUNT_CLOSED && attributes_same(version->attributes, &after);
    case ACCOUNT_FREEZE:
        return state == ACCOUNT_FROZEN;
    case ACCOUNT_UNFREEZE:
        return state == ACCOUNT_ACTIVE;
    case ACCOUNT_CLOSE:
        return state == ACCOUNT_CLOSED;
    }
    return false;
}

static void ok_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                      const struct ledger_account_view *view)
{
    const struct ledger_account_command *command = &operation->account;
    const struct account *account = account_named(self, (struct str){view->id, view->id_length});
    char text[VIEW_TEXT];
    size_t first = 0, last = 0;
    if (account == NULL) {
        breach_say(self, "I2", operation->number, NOBODY, "was answered OK, but no durable fact opens %s",
                   view->id);
        return;
    }
    bool named = command->account.length == 0 || str_equal(command->account, account->id);
    struct window window = window_of(self, account->partition, sent_us);
    bool there = named && versions_in(account, window, &first, &last);
    for (size_t i = first; there && i <= last; i++) {
        if (view_is(account, &account->versions[i], view) &&
            is_as_asked(account, &account->versions[i], command))
            return;
    }
    breach_say(self, "I8", operation->number, account->partition,
               "was answered OK with an account that was not so between sending and receiving: %s",
               view_text(view, text));
}

/* An id that was used for something else than this opening. */
static bool open_conflicts(const struct oracle *self, int64_t sent_us, const struct operation *operation)
{
    const struct ledger_account_command *command = &operation->account;
    const struct known *known = known_find(self, &command->id);
    uint32_t where = operation->partition;
    if (where == WIRE_PARTITION_ANY && command->account.length > 0)
        where = partition_of(self, command->account);
    for (const struct record *record = known != NULL ? known->records : NULL; record; record = record->next) {
        bool same = record->kind == RECORD_ACCOUNT && record->account_ask != NULL &&
                    account_ask_same(&record->account_ask->command, command);
        if (!same && (where == WIRE_PARTITION_ANY || record->partition == where))
            return true;
    }
    for (uint32_t partition = 0; known != NULL && partition < self->config.partitions; partition++) {
        if ((where == WIRE_PARTITION_ANY || partition == where) &&
            is_held_in(known, partition, window_of(self, partition, sent_us)))
            return true;
    }
    return false;
}

/* Was there a version, in the window, that this refusal fits? */
static bool refusal_fits(const struct oracle *self, int64_t sent_us, const struct operation *operation,
                         struct verdict said)
{
    const struct ledger_account_command *command = &operation->account;
    uint32_t home = partition_of(self, command->account);
    const struct account *account = account_named(self, command->account);
    struct window window = window_of(self, home, sent_us);
    size_t first = 0, last = 0;
    bool there = versions_in(account, window, &first, &last);
    if (command->kind != ACCOUNT_OPEN && is_absent_in(account, window) && said.code == CODE_ACCOUNT_NOT_FOUND)
        return said.field == FIELD_ACCOUNT;
    for (size_t i = first; there && i <= last; i++) {
        const struct version *version = &account->versions[i];
        if (command->kind == ACCOUNT_OPEN ? said.code == CODE_ACCOUNT_EXISTS && said.field == FIELD_ACCOUNT &&
                                                !opens_same(account, version, command)
                                          : verdict_same(decide_step(version, command), said))
            return true;
    }
    return false;
}

static bool is_elsewhere(const struct oracle *self, const struct operation *operation)
{
    const struct ledger_account_command *command = &operation->account;
    return operation->partition != WIRE_PARTITION_ANY &&
           (operation->partition >= self->config.partitions ||
            (command->account.length > 0 && partition_of(self, command->account) != operation->partition));
}

/* Where an account without an id is opened is not known: any clock will do. */
static bool is_late(const struct oracle *self, const struct operation *operation)
{
    uint32_t first = operation->partition, last = first;
    if (operation->partition == WIRE_PARTITION_ANY && operation->account.account.length > 0) {
        first = last = partition_of(self, operation->account.account);
    } else if (operation->partition == WIRE_PARTITION_ANY) {
        first = 0;
        last = self->config.partitions - 1;
    }
    for (uint32_t partition = first; partition <= last && partition < self->config.partitions; partition++) {
        if (deadline_may_be_past(self, partition, operation->deadline_us))
            return true;
    }
    return false;
}

/* Refusals that come before any account is looked at. */
static bool refusal_is_early(const struct oracle *self, int64_t sent_us, const struct operation *operation,
                             struct verdict said)
{
    const struct ledger_account_command *command = &operation->account;
    if (said.code == CODE_DEADLINE_EXCEEDED)
        return account_command_is_sound(command, self->config.base_currency) && is_late(self, operation);
    if (said.code == CODE_WRONG_PARTITION)
        return is_elsewhere(self, operation);
    if (said.code == CODE_CONFLICT)
        return command->kind == ACCOUNT_OPEN && said.field == FIELD_TRANSACTION_ID &&
               open_conflicts(self, sent_us, operation);
    return !account_command_is_sound(command, self->config.base_currency) &&
           (said.code == CODE_INVALID_FIELD || said.code == CODE_UNKNOWN_CURRENCY ||
            said.code == CODE_BAD_REQUEST);
}

void accounts_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                     const struct answer *answer)
{
    struct verdict said = {answer->code, answer->field, 0};
    if (code_is_open(answer->code))
        return;
    if (answer->code == CODE_OK) {
        ok_answer(self, sent_us, operation, &answer->view);
        return;
    }
    bool looked = !is_elsewhere(self, operation) &&
                  account_command_is_sound(&operation->account, self->config.base_currency);
    if (refusal_is_early(self, sent_us, operation, said) ||
        (looked && refusal_fits(self, sent_us, operation, said)))
        return;
    breach_say(self, "I8", operation->number, NOBODY,
               "was answered %s %s, which was so at no point since it was sent", code_name(said.code),
               field_text(said.field));
}
