/* Decide: opening, changing, freezing and closing accounts; and looking at them. */
#include "actors/ledger/account_states.h"
#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"

#include <stdio.h>

static const char HOUSE_OWNER[] = "teller";

/* ---- facts -------------------------------------------------------------------------------------------- */

static bool account_append(struct ledger *self, struct fact_account *fact, const struct fact_strings *strings)
{
    size_t trailer = fact_strings_size(strings);
    uint8_t *room = core_fact_room(self, sizeof *fact + trailer);
    if (!room)
        return false;
    fact->head.words = (uint16_t)((sizeof *fact + trailer) / FACT_WORD);
    memcpy(room, fact, sizeof *fact);
    fact_strings_write(strings, room + sizeof *fact);
    core_fact_commit(self, sizeof *fact + trailer);
    return true;
}

/* ACCOUNT_NONE: no memory. */
static uint32_t account_append_opened(struct ledger *self, const struct ledger_account_command *command,
                                      struct str id)
{
    uint32_t index = self->accounts.count;
    if (!account_ensure(&self->accounts, index) ||
        !checkpoint_ensure(self, CHECKPOINT_CHUNKS_ACCOUNTS, index / ACCOUNT_CHUNK + 1) ||
        !id_table_ensure(&self->ids, 1) || (command->has_book && !account_ensure_book(&self->accounts))) {
        MARK("no memory for another account");
        return ACCOUNT_NONE;
    }
    struct fact_account fact = {
        .head = {.kind = FACT_ACCOUNT_OPENED},
        .account = index,
        .minimum_balance = command->minimum_balance,
        .ceiling = command->ceiling,
        .id = command->id,
        .has_book = command->has_book,
    };
    memcpy(fact.currency, currency_at(command->currency)->code, CURRENCY_CODE_LENGTH);
    struct fact_strings strings = {0};
    strings.by_tag[FACT_TAG_ACCOUNT] = id;
    strings.by_tag[FACT_TAG_OWNER] = command->owner;
    strings.by_tag[FACT_TAG_PRODUCT] = command->product;
    strings.by_tag[FACT_TAG_MEMO] = command->memo;
    return account_append(self, &fact, &strings) ? index : ACCOUNT_NONE;
}

/* ---- teller's own accounts ------------------------------------------------------------------------------ */

static uint32_t open_own(struct ledger *self, const char *id, currency_index currency)
{
    struct ledger_account_command command = {
        .kind = ACCOUNT_OPEN,
        .owner = STR_LITERAL(HOUSE_OWNER),
        .currency = currency,
        .minimum_balance = -LEDGER_BALANCE_MAX,
        .ceiling = INT64_MAX,
    };
    return account_append_opened(self, &command, str_from(id));
}

static void house_id(const struct ledger *self, currency_index currency, char out[ACCOUNT_ID_MAX + 1])
{
    snprintf(out, ACCOUNT_ID_MAX + 1, "house:cash:%s:%u", currency_at(currency)->code,
             self->config.partition);
}

static void house_kind_id(const struct ledger *self, enum house_kind house, currency_index currency,
                          char out[ACCOUNT_ID_MAX + 1])
{
    static const char *const names[HOUSE_KINDS] = {"fx", "spread", "residue", "bank", "remittance"};
    snprintf(out, ACCOUNT_ID_MAX + 1, "house:%s:%s:%u", names[house], currency_at(currency)->code,
             self->config.partition);
}

static void transit_id(const struct ledger *self, uint32_t peer, currency_index currency,
                       char out[ACCOUNT_ID_MAX + 1])
{
    snprintf(out, ACCOUNT_ID_MAX + 1, "transit:%s:%u:%u", currency_at(currency)->code, peer,
             self->config.partition);
}

uint32_t posting_house(struct ledger *self, currency_index currency)
{
    char id[ACCOUNT_ID_MAX + 1];
    if (__builtin_expect(self->house[currency] != ACCOUNT_NONE, 1))
        return self->house[currency];
    house_id(self, currency, id);
    return open_own(self, id, currency);
}

uint32_t posting_house_of(struct ledger *self, enum house_kind house, currency_index currency)
{
    char id[ACCOUNT_ID_MAX + 1];
    uint32_t known = self->houses[house][currency];
    if (known != ACCOUNT_NONE)
        return known;
    house_kind_id(self, house, currency, id);
    return open_own(self, id, currency);
}

uint32_t posting_transit(struct ledger *self, uint32_t peer, currency_index currency)
{
    char id[ACCOUNT_ID_MAX + 1];
    uint32_t known = self->transit[peer * 256u + currency];
    if (__builtin_expect(known != ACCOUNT_NONE, 1))
        return known;
    transit_id(self, peer, currency, id);
    return open_own(self, id, currency);
}

bool posting_id_fits(const struct ledger *self, struct str id, currency_index currency)
{
    char own[ACCOUNT_ID_MAX + 1];
    if (!text_is_reserved_id(id))
        return true;
    house_id(self, currency, own);
    bool fits = str_equal(id, str_from(own));
    for (int house = 0; house < HOUSE_KINDS && !fits; house++) {
        house_kind_id(self, (enum house_kind)house, currency, own);
        fits = str_equal(id, str_from(own));
    }
    for (uint32_t peer = 0; peer < self->config.partitions && !fits; peer++) {
        transit_id(self, peer, currency, own);
        fits = peer != self->config.partition && str_equal(id, str_from(own));
    }
    return fits;
}

/* ---- views ---------------------------------------------------------------------------------------------- */

static uint8_t text_copy(char *out, struct str text)
{
    if (text.length > 0)
        memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    return (uint8_t)text.length;
}

static void view_fill(const struct ledger *self, uint32_t index, struct ledger_account_view *view)
{
    const struct account *account = account_at(&self->accounts, index);
    const struct account_more *more = account_more_at(&self->accounts, index);
    *view = (struct ledger_account_view){
        .index = index,
        .state = account->state,
        .currency = account->currency,
        .balance = account->balance,
        .pending = account->pending,
        .minimum_balance = account->minimum_balance,
        .ceiling = account->ceiling,
        .opened_us = more->opened_us,
        .last_position = account->last_position,
    };
    if (account->flags & ACCOUNT_HAS_BOOK) {
        view->base = self->config.base_currency;
        view->book_value = *account_book_at(&self->accounts, index);
    }
    view->id_length = (uint8_t)account_id_copy(&self->accounts, index, view->id);
    view->owner_length = text_copy(view->owner, names_at(&self->accounts.names, more->owner));
    view->product_length = text_copy(view->product, names_at(&self->accounts.names, more->product));
}

static uint32_t find(const struct ledger *self, struct str id)
{
    return account_find(&self->accounts, id, account_hash(&self->accounts, id));
}

static enum code missing(const struct ledger *self, struct str id)
{
    bool ours = ledger_partition_of(id, self->config.partitions) == self->config.partition;
    return ours ? CODE_ACCOUNT_NOT_FOUND : CODE_WRONG_PARTITION;
}

enum code ledger_account_show(const struct ledger *self, struct str account_id,
                              struct ledger_account_view *view)
{
    uint32_t index = find(self, account_id);
    if (index == ACCOUNT_NONE)
        return missing(self, account_id);
    view_fill(self, index, view);
    return CODE_OK;
}

uint32_t ledger_account_count(const struct ledger *self)
{
    return self->accounts.count;
}

bool ledger_account_at(const struct ledger *self, uint32_t index, struct ledger_account_view *view)
{
    if (index >= self->accounts.count || account_at(&self->accounts, index)->id_length == 0)
        return false;
    view_fill(self, index, view);
    return true;
}

size_t ledger_account_list(const struct ledger *self, struct str owner, uint32_t after,
                           struct ledger_account_view *views, size_t limit)
{
    size_t count = 0;
    bool house = str_equal(owner, STR_LITERAL(HOUSE_OWNER));
    uint32_t index = after == UINT32_MAX ? 0 : after + 1;
    if (owner.length > 0) {
        index = account_owner_first(&self->accounts, owner);
        while (index != ACCOUNT_NONE && after != UINT32_MAX && index <= after)
            index = account_more_at(&self->accounts, index)->owner_next;
    }
    while (count < limit && index != ACCOUNT_NONE && index < self->accounts.count) {
        const struct account *account = account_at(&self->accounts, index);
        if (account->id_length > 0 && (house || !(account->flags & ACCOUNT_IS_HOUSE)))
            view_fill(self, index, &views[count++]);
        index = owner.length > 0 ? account_more_at(&self->accounts, index)->owner_next : index + 1;
    }
    return count;
}

/* ---- decide --------------------------------------------------------------------------------------------- */

static void answer(struct ledger_account_answer *out, enum code code, enum field field)
{
    out->code = code;
    out->field = field;
}

static void answer_account(const struct ledger *self, struct ledger_account_answer *out, uint32_t index)
{
    answer(out, CODE_OK, FIELD_NONE);
    view_fill(self, index, &out->view);
}

static bool account_same(const struct ledger *self, uint32_t index,
                         const struct ledger_account_command *command)
{
    const struct account *account = account_at(&self->accounts, index);
    const struct account_more *more = account_more_at(&self->accounts, index);
    return account->currency == command->currency && account->state != ACCOUNT_CLOSED &&
           account->minimum_balance == command->minimum_balance && account->ceiling == command->ceiling &&
           ((account->flags & ACCOUNT_HAS_BOOK) != 0) == command->has_book &&
           str_equal(names_at(&self->accounts.names, more->owner), command->owner) &&
           str_equal(names_at(&self->accounts.names, more->product), command->product);
}

/* An id of our own making that this partition owns: the next number whose id hashes to here. */
static struct str assign_id(const struct ledger *self, char *out)
{
    for (uint64_t number = self->next_account_number;; number++) {
        int length = snprintf(out, ACCOUNT_ID_MAX + 1, "T%u-%010llu", self->config.partition,
                              (unsigned long long)number);
        struct str id = {out, (uint32_t)length};
        if (ledger_partition_of(id, self->config.partitions) == self->config.partition &&
            find(self, id) == ACCOUNT_NONE)
            return id;
    }
}

/* Does the command ask for what this fact opened? The account may have changed since then. */
static bool open_same(const struct ledger *self, const uint8_t *bytes, size_t size,
                      const struct ledger_account_command *command)
{
    struct fact_account fact;
    struct fact_strings strings;
    if (size < sizeof fact || bytes[0] != FACT_ACCOUNT_OPENED ||
        fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return false;
    memcpy(&fact, bytes, sizeof fact);
    return memcmp(fact.currency, currency_at(command->currency)->code, CURRENCY_CODE_LENGTH) == 0 &&
           fact.minimum_balance == command->minimum_balance && fact.ceiling == command->ceiling &&
           fact.has_book == command->has_book && str_equal(strings.by_tag[FACT_TAG_OWNER], command->owner) &&
           str_equal(strings.by_tag[FACT_TAG_PRODUCT], command->product) &&
           (command->account.length == 0 || account_id_is(&self->accounts, fact.account, command->account));
}

/* An open that was made under a transaction id is found by it, whatever id the account was assigned. */
static bool open_repeat(struct ledger *self, const struct ledger_account_command *command,
                        struct ledger_account_answer *out)
{
    if (uuid_is_nil(&command->id))
        return false;
    uint64_t position = ledger_transaction_find(self, &command->id);
    if (position == 0 && group_holds_id(self, &command->id)) {
        MARK("an opening with the id of an item of an open group");
        answer(out, CODE_CONFLICT, FIELD_TRANSACTION_ID);
        return true;
    }
    if (position == 0)
        return false;
    uint8_t bytes[CORE_FACT_MAX];
    struct fact_account fact;
    size_t size = core_fact_read(self, position, bytes, sizeof bytes);
    if (open_same(self, bytes, size, command)) {
        MARK("an opening comes again, known by its transaction id");
        memcpy(&fact, bytes, sizeof fact);
        answer_account(self, out, fact.account);
    } else {
        MARK("an opening's transaction id is taken");
        answer(out, CODE_CONFLICT, FIELD_TRANSACTION_ID);
    }
    return true;
}

static void decide_open(struct ledger *self, const struct ledger_account_command *command,
                        struct ledger_account_answer *out)
{
    char space[ACCOUNT_ID_MAX + 1];
    struct str id = command->account;
    if (command->has_book && command->currency == self->config.base_currency) {
        MARK("an account of the base currency would keep a book value");
        answer(out, CODE_INVALID_FIELD, FIELD_FX);
        return;
    }
    if (open_repeat(self, command, out))
        return;
    if (id.length > 0 && ledger_partition_of(id, self->config.partitions) != self->config.partition) {
        answer(out, CODE_WRONG_PARTITION, FIELD_ACCOUNT);
        return;
    }
    uint32_t index = id.length > 0 ? find(self, id) : ACCOUNT_NONE;
    if (index != ACCOUNT_NONE) {
        if (account_same(self, index, command)) {
            MARK("an opening comes again, known by the account's id");
            answer_account(self, out, index);
        } else {
            MARK("an account is there already, and is another");
            answer(out, CODE_ACCOUNT_EXISTS, FIELD_ACCOUNT);
        }
        return;
    }
    if (self->refuse_new) {
        MARK("a new account is refused because the disk is nearly full");
        answer(out, CODE_BUSY, FIELD_NONE);
        return;
    }
    if (id.length == 0) {
        MARK("an account is given an id");
        id = assign_id(self, space);
    }
    index = account_append_opened(self, command, id);
    if (index == ACCOUNT_NONE)
        answer(out, CODE_BUSY, FIELD_NONE);
    else
        answer_account(self, out, index);
}

static bool append_change(struct ledger *self, enum fact_kind kind, uint32_t index,
                          const struct ledger_account_command *command)
{
    const struct account *account = account_at(&self->accounts, index);
    struct fact_account fact = {
        .head = {.kind = (uint8_t)kind},
        .account = index,
        .previous = account->last_position,
        .minimum_balance = account->minimum_balance,
        .ceiling = account->ceiling,
        .id = command->id,
    };
    struct fact_strings strings = {0};
    memcpy(fact.currency, currency_at(account->currency)->code, CURRENCY_CODE_LENGTH);
    strings.by_tag[FACT_TAG_MEMO] = command->memo;
    if (kind == FACT_ACCOUNT_CHANGED) {
        const struct account_more *more = account_more_at(&self->accounts, index);
        strings.by_tag[FACT_TAG_OWNER] = names_at(&self->accounts.names, more->owner);
        strings.by_tag[FACT_TAG_PRODUCT] = names_at(&self->accounts.names, more->product);
        if (command->sets & ACCOUNT_SETS_OWNER)
            strings.by_tag[FACT_TAG_OWNER] = command->owner;
        if (command->sets & ACCOUNT_SETS_PRODUCT)
            strings.by_tag[FACT_TAG_PRODUCT] = command->product;
        if (command->sets & ACCOUNT_SETS_MINIMUM)
            fact.minimum_balance = command->minimum_balance;
        if (command->sets & ACCOUNT_SETS_CEILING)
            fact.ceiling = command->ceiling;
    }
    return account_ensure_names(&self->accounts) && account_append(self, &fact, &strings);
}

static bool change_changes(const struct ledger *self, uint32_t index,
                           const struct ledger_account_command *command)
{
    const struct account *account = account_at(&self->accounts, index);
    const struct account_more *more = account_more_at(&self->accounts, index);
    const struct names *names = &self->accounts.names;
    return ((command->sets & ACCOUNT_SETS_OWNER) &&
            !str_equal(command->owner, names_at(names, more->owner))) ||
           ((command->sets & ACCOUNT_SETS_PRODUCT) &&
            !str_equal(command->product, names_at(names, more->product))) ||
           ((command->sets & ACCOUNT_SETS_MINIMUM) && command->minimum_balance != account->minimum_balance) ||
           ((command->sets & ACCOUNT_SETS_CEILING) && command->ceiling != account->ceiling);
}

/* The limits an account would have must agree with each other. */
static bool limits_agree(const struct account *account, const struct ledger_account_command *command)
{
    int64_t minimum =
        command->sets & ACCOUNT_SETS_MINIMUM ? command->minimum_balance : account->minimum_balance;
    int64_t ceiling = command->sets & ACCOUNT_SETS_CEILING ? command->ceiling : account->ceiling;
    return minimum <= ceiling;
}

/* What a step needs beyond the account being there. */
static struct verdict check_step(const struct ledger *self, uint32_t index,
                                 const struct ledger_account_command *command)
{
    const struct account *account = account_at(&self->accounts, index);
    if (account->flags & ACCOUNT_IS_HOUSE)
        return (struct verdict){CODE_INVALID_FIELD, FIELD_ACCOUNT};
    if (account->state == ACCOUNT_CLOSED && command->kind != ACCOUNT_CLOSE)
        return (struct verdict){CODE_ACCOUNT_CLOSED, FIELD_ACCOUNT};
    if (command->kind == ACCOUNT_CHANGE && !limits_agree(account, command))
        return (struct verdict){CODE_INVALID_FIELD,
                                command->sets & ACCOUNT_SETS_CEILING ? FIELD_CEILING : FIELD_MINIMUM_BALANCE};
    bool empty = account->balance == 0 && account->pending == 0 && !(account->flags & ACCOUNT_HAS_INCOMING) &&
                 !link_account_is_open(self, index) && !remittance_uses_account(self, index);
    if (command->kind == ACCOUNT_CLOSE && account->state != ACCOUNT_CLOSED && !empty) {
        if (account->balance == 0)
            MARK("closing an empty account waits for something on its way");
        return (struct verdict){CODE_NOT_EMPTY, FIELD_ACCOUNT};
    }
    return (struct verdict){CODE_OK, FIELD_NONE};
}

/* The fact that a step writes, or 0 where the account already is as asked. */
static enum fact_kind step_fact(const struct ledger *self, uint32_t index,
                                const struct ledger_account_command *command)
{
    static const enum fact_kind facts[] = {
        [ACCOUNT_FREEZE] = FACT_ACCOUNT_FROZEN,
        [ACCOUNT_UNFREEZE] = FACT_ACCOUNT_UNFROZEN,
        [ACCOUNT_CLOSE] = FACT_ACCOUNT_CLOSED,
    };
    if (command->kind == ACCOUNT_CHANGE)
        return change_changes(self, index, command) ? FACT_ACCOUNT_CHANGED : (enum fact_kind)0;
    uint8_t state = account_at(&self->accounts, index)->state;
    enum fact_kind fact = facts[command->kind];
    return account_state_after((uint8_t)fact, state) == state ? (enum fact_kind)0 : fact;
}

void ledger_account(struct ledger *self, int64_t now_us, const struct ledger_account_command *command,
                    struct ledger_account_answer *out)
{
    core_set_now(self, now_us);
    if (command->kind == ACCOUNT_OPEN) {
        decide_open(self, command, out);
        return;
    }
    uint32_t index = find(self, command->account);
    if (index == ACCOUNT_NONE) {
        answer(out, missing(self, command->account), FIELD_ACCOUNT);
        return;
    }
    struct verdict verdict = check_step(self, index, command);
    if (verdict.code != CODE_OK) {
        answer(out, verdict.code, verdict.field);
        return;
    }
    enum fact_kind kind = step_fact(self, index, command);
    if (kind == 0)
        MARK("an account step that changes nothing");
    if (kind != 0 && !append_change(self, kind, index, command)) {
        MARK("no memory to change an account");
        answer(out, CODE_BUSY, FIELD_NONE);
    } else {
        answer_account(self, out, index);
    }
}
