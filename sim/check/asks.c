/* What clients have sent: payloads by transaction id, account commands by account; and what docs/WIRE.md says of a
 * command by itself, before any ledger looks at it. */
#include "sim/check/inside.h"

/* ---- where it belongs ------------------------------------------------------------------------- */

/* Reserved ids end in ":" and their partition's number. */
static bool reserved_partition(const struct oracle *self, struct str account, uint32_t *out)
{
    uint32_t number = 0, at = account.length;
    while (at > 0 && account.data[at - 1] != ':')
        at--;
    if (at == account.length)
        return false;
    for (; at < account.length; at++) {
        if (account.data[at] < '0' || account.data[at] > '9' || number > LEDGER_PARTITIONS_MAX)
            return false;
        number = number * 10 + (uint32_t)(account.data[at] - '0');
    }
    *out = number;
    return number < self->config.partitions;
}

uint32_t partition_of(const struct oracle *self, struct str account)
{
    uint32_t number;
    if (text_is_reserved_id(account) && reserved_partition(self, account, &number))
        return number;
    uint64_t h = hash_text(account);
    h ^= h >> 32;
    return (uint32_t)(h % self->config.partitions);
}

struct str command_party(const struct ledger_command *command)
{
    if (command->kind == COMMAND_GROUP)
        return command->group_count > 0 ? command_party(&command->items[0]) : (struct str){0};
    return command->kind == COMMAND_DEPOSIT ? command->to : command->from;
}

/* ---- what is wrong with it -------------------------------------------------------------------- */

static bool is_party(struct str account)
{
    return text_is_account_id(account) && !text_is_reserved_id(account);
}

static bool is_text(struct str text, uint32_t length_max)
{
    return text.length <= length_max && text_is_clean(text);
}

static bool is_amount(const struct ledger_command *command)
{
    if (command->kind == COMMAND_RELEASE || command->kind == COMMAND_EXCHANGE ||
        (command->kind == COMMAND_CAPTURE && command->amount == 0))
        return command->amount == 0;
    return command->amount >= 1 && command->amount <= MONEY_MAX;
}

static enum field field_fault(const struct ledger_command *command)
{
    bool pays = command->kind != COMMAND_DEPOSIT;
    bool receives = command->kind == COMMAND_DEPOSIT || command->kind == COMMAND_TRANSFER ||
                    command->kind == COMMAND_EXCHANGE;
    bool names_hold = command->kind == COMMAND_CAPTURE || command->kind == COMMAND_RELEASE;
    if (uuid_is_nil(&command->id))
        return FIELD_TRANSACTION_ID;
    if (pays ? !is_party(command->from) : command->from.length > 0)
        return FIELD_FROM_ACCOUNT;
    if (receives ? !is_party(command->to) : command->to.length > 0)
        return FIELD_TO_ACCOUNT;
    if (!is_amount(command))
        return FIELD_AMOUNT;
    if ((command->kind == COMMAND_RELEASE || command->kind == COMMAND_EXCHANGE) &&
        command->currency != CURRENCY_NONE)
        return FIELD_CURRENCY;
    if (!is_text(command->memo, MEMO_MAX))
        return FIELD_MEMO;
    if (!is_text(command->reference, REFERENCE_MAX))
        return FIELD_REFERENCE;
    if (names_hold && uuid_is_nil(&command->of))
        return FIELD_HOLD;
    if (command->kind == COMMAND_EXCHANGE && uuid_is_nil(&command->of))
        return FIELD_QUOTE;
    return FIELD_NONE;
}

static bool is_item_kind(uint8_t kind, bool in_group)
{
    bool moves = kind >= COMMAND_TRANSFER && kind <= COMMAND_WITHDRAW;
    return moves || (!in_group && kind >= COMMAND_HOLD && kind <= COMMAND_EXCHANGE);
}

static struct verdict item_fault(const struct ledger_command *command, bool in_group)
{
    if (command->code != CODE_OK)
        return (struct verdict){command->code, command->field, 0};
    if (!is_item_kind(command->kind, in_group))
        return (struct verdict){CODE_INVALID_FIELD, FIELD_KIND, 0};
    enum field field = field_fault(command);
    if (field != FIELD_NONE)
        return (struct verdict){CODE_INVALID_FIELD, field, 0};
    if (command->currency == CURRENCY_NONE && command->kind != COMMAND_RELEASE &&
        command->kind != COMMAND_EXCHANGE)
        return (struct verdict){CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY, 0};
    if ((command->kind == COMMAND_TRANSFER || command->kind == COMMAND_EXCHANGE) &&
        str_equal(command->from, command->to))
        return (struct verdict){CODE_SAME_ACCOUNT, FIELD_TO_ACCOUNT, 0};
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

static struct verdict group_fault(const struct ledger_command *group)
{
    if (group->code != CODE_OK)
        return (struct verdict){group->code, group->field, 0};
    if (uuid_is_nil(&group->id))
        return (struct verdict){CODE_INVALID_FIELD, FIELD_TRANSACTION_ID, 0};
    if (group->group_count == 0)
        return (struct verdict){CODE_INVALID_FIELD, FIELD_ITEMS, 0};
    if (group->group_count > LEDGER_GROUP_MAX)
        return (struct verdict){CODE_TOO_LARGE, FIELD_ITEMS, 0};
    for (uint16_t i = 0; i < group->group_count; i++) {
        struct verdict fault = item_fault(&group->items[i], true);
        if (fault.code != CODE_OK) {
            fault.item = (uint8_t)i;
            return fault;
        }
    }
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

struct verdict ask_fault(const struct operation *operation, const struct ledger_command *command)
{
    static const uint8_t kinds[] = {
        [OPERATION_TRANSFER] = COMMAND_TRANSFER, [OPERATION_DEPOSIT] = COMMAND_DEPOSIT,
        [OPERATION_WITHDRAW] = COMMAND_WITHDRAW, [OPERATION_HOLD] = COMMAND_HOLD,
        [OPERATION_CAPTURE] = COMMAND_CAPTURE,   [OPERATION_RELEASE] = COMMAND_RELEASE,
    };
    if (operation->kind != OPERATION_BATCH && command->code == CODE_OK &&
        command->kind != kinds[operation->kind])
        return (struct verdict){CODE_INVALID_FIELD, FIELD_KIND, 0};
    return command->kind == COMMAND_GROUP ? group_fault(command) : item_fault(command, false);
}

/* ---- payloads of ids -------------------------------------------------------------------------- */

struct known *known_find(const struct oracle *self, const struct uuid *id)
{
    struct known *known = table_first(&self->ids, hash_id(id));
    while (known != NULL && !uuid_equal(&known->id, id))
        known = table_next(known);
    return known;
}

struct known *known_of(struct oracle *self, const struct uuid *id)
{
    struct known *known = known_find(self, id);
    if (known == NULL) {
        known = pool_take(&self->pool, sizeof *known);
        known->id = *id;
        table_add(&self->ids, &known->node, hash_id(id));
    }
    return known;
}

bool ask_is(const struct ask *ask, const struct ledger_command *command)
{
    uint32_t items = command->kind == COMMAND_GROUP ? command->group_count : 0;
    if (ask->kind != command->kind || !uuid_equal(&ask->id, &command->id) || ask->item_count != items)
        return false;
    for (uint32_t i = 0; i < items; i++) {
        if (!ask_is(&ask->items[i], &command->items[i]))
            return false;
    }
    bool names_hold =
        ask->kind == COMMAND_CAPTURE || ask->kind == COMMAND_RELEASE || ask->kind == COMMAND_EXCHANGE;
    bool moves = ask->kind >= COMMAND_TRANSFER && ask->kind <= COMMAND_WITHDRAW;
    if ((names_hold && !uuid_equal(&ask->of, &command->of)) || (moves && ask->rate != command->rate) ||
        ask->flags != command->flags || (ask->kind == COMMAND_HOLD && ask->expires_us != command->expires_us))
        return false;
    return items > 0 ||
           (ask->amount == command->amount && ask->currency == command->currency &&
            str_equal(ask->from, command->from) && str_equal(ask->to, command->to) &&
            str_equal(ask->memo, command->memo) && str_equal(ask->reference, command->reference));
}

const struct ask *ask_find(const struct oracle *self, const struct ledger_command *command)
{
    const struct known *known = known_find(self, &command->id);
    const struct ask *ask = known != NULL ? known->asks : NULL;
    while (ask != NULL && !ask_is(ask, command))
        ask = ask->next;
    return ask;
}

static void ask_fill(struct oracle *self, struct ask *ask, const struct ledger_command *command)
{
    ask->kind = command->kind;
    ask->flags = command->flags;
    ask->currency = command->currency;
    ask->amount = command->amount;
    ask->expires_us = command->kind == COMMAND_HOLD ? command->expires_us : 0;
    if (command->kind >= COMMAND_TRANSFER && command->kind <= COMMAND_WITHDRAW)
        ask->rate = command->rate;
    if (command->kind == COMMAND_CAPTURE || command->kind == COMMAND_RELEASE ||
        command->kind == COMMAND_EXCHANGE)
        ask->of = command->of;
    ask->id = command->id;
    ask->from = pool_text(&self->pool, command->from);
    ask->to = pool_text(&self->pool, command->to);
    ask->memo = pool_text(&self->pool, command->memo);
    ask->reference = pool_text(&self->pool, command->reference);
    ask->home = partition_of(self, command_party(command));
    if (command->kind != COMMAND_GROUP || command->group_count == 0)
        return;
    ask->item_count = command->group_count;
    ask->items = pool_take(&self->pool, command->group_count * sizeof *ask->items);
    for (uint32_t i = 0; i < command->group_count; i++) {
        ask_fill(self, &ask->items[i], &command->items[i]);
        (void)known_of(self, &command->items[i].id);
    }
}

/* A group is late as soon as one of its items is. */
static int64_t command_deadline(const struct operation *operation, const struct ledger_command *command)
{
    int64_t deadline_us = operation->deadline_us;
    if (command->kind != COMMAND_GROUP)
        return deadline_of(deadline_us, command->deadline_us);
    for (uint32_t i = 0; i < command->group_count; i++)
        deadline_us = deadline_of(deadline_us, command->items[i].deadline_us);
    return deadline_us;
}

bool deadline_may_be_past(const struct oracle *self, uint32_t partition, int64_t deadline_us)
{
    return deadline_us != 0 &&
           (self->config.clock_us == NULL || deadline_us < self->config.clock_us(self->context, partition));
}

static void command_note(struct oracle *self, const struct operation *operation,
                         const struct ledger_command *command)
{
    struct verdict fault = ask_fault(operation, command);
    if (fault.code != CODE_OK)
        return; /* it can be no payload */
    struct ask *ask = (struct ask *)ask_find(self, command);
    if (ask == NULL) {
        struct known *known = known_of(self, &command->id);
        ask = pool_take(&self->pool, sizeof *ask);
        ask_fill(self, ask, command);
        ask->number = operation->number;
        ask->next = known->asks;
        known->asks = ask;
    }
    int64_t deadline_us = command_deadline(operation, command);
    if (deadline_us == 0 || deadline_us > ask->latest_us)
        ask->latest_us = deadline_us == 0 ? INT64_MAX : deadline_us;
    if (operation->partition == WIRE_PARTITION_ANY || operation->partition == ask->home)
        ask->reach |= UINT64_C(1) << ask->home;
}

/* ---- account commands ------------------------------------------------------------------------- */

bool account_command_is_sound(const struct ledger_account_command *command, currency_index base_currency)
{
    bool opens = command->kind == ACCOUNT_OPEN, changes = command->kind == ACCOUNT_CHANGE;
    unsigned sets = opens ? UINT32_MAX : changes ? command->sets : 0;
    bool minimum = sets & ACCOUNT_SETS_MINIMUM, ceiling = sets & ACCOUNT_SETS_CEILING;
    if (!is_party(command->account) && (!opens || command->account.length > 0))
        return false;
    if ((sets & ACCOUNT_SETS_OWNER) && (command->owner.length == 0 || !is_text(command->owner, OWNER_MAX)))
        return false;
    if ((sets & ACCOUNT_SETS_PRODUCT) && command->product.length > 0 && !text_is_product(command->product))
        return false;
    if (minimum && (command->minimum_balance < -MONEY_MAX || command->minimum_balance > MONEY_MAX))
        return false;
    if (ceiling && (command->ceiling < 0 || (minimum && command->ceiling < command->minimum_balance)))
        return false;
    if (opens && command->has_book && command->currency == base_currency)
        return false;
    return (!opens || command->currency != CURRENCY_NONE) && is_text(command->memo, MEMO_MAX);
}

static uint64_t account_hash(enum ledger_account_kind kind, struct str account, const struct uuid *id,
                             struct str owner)
{
    uint8_t word = (uint8_t)kind;
    uint64_t hash = hash_more(hash_text(account), &word, sizeof word);
    if (kind != ACCOUNT_OPEN)
        return hash;
    hash = hash_more(hash, id->bytes, sizeof id->bytes);
    return hash_more(hash, owner.data, owner.length);
}

const struct account_ask *account_ask_first(const struct oracle *self, enum ledger_account_kind kind,
                                            struct str account, const struct uuid *id, struct str owner)
{
    const struct account_ask *ask = table_first(&self->account_asks, account_hash(kind, account, id, owner));
    while (ask != NULL && (ask->command.kind != kind || !str_equal(ask->command.account, account)))
        ask = table_next(ask);
    return ask;
}

const struct account_ask *account_ask_next(const struct account_ask *ask)
{
    const struct account_ask *next = table_next(ask);
    while (next != NULL && (next->command.kind != ask->command.kind ||
                            !str_equal(next->command.account, ask->command.account)))
        next = table_next(next);
    return next;
}

bool account_ask_same(const struct ledger_account_command *a, const struct ledger_account_command *b)
{
    bool opens = a->kind == ACCOUNT_OPEN;
    unsigned sets = opens ? UINT32_MAX : a->kind == ACCOUNT_CHANGE ? a->sets : 0;
    if (a->kind != b->kind || !str_equal(a->account, b->account) || !str_equal(a->memo, b->memo))
        return false;
    if (opens ? a->currency != b->currency || a->has_book != b->has_book || !uuid_equal(&a->id, &b->id)
              : a->kind == ACCOUNT_CHANGE && a->sets != b->sets)
        return false;
    return (!(sets & ACCOUNT_SETS_OWNER) || str_equal(a->owner, b->owner)) &&
           (!(sets & ACCOUNT_SETS_PRODUCT) || str_equal(a->product, b->product)) &&
           (!(sets & ACCOUNT_SETS_MINIMUM) || a->minimum_balance == b->minimum_balance) &&
           (!(sets & ACCOUNT_SETS_CEILING) || a->ceiling == b->ceiling);
}

/* Where an account without an id is opened is the broker's to choose. */
static uint64_t account_reach(const struct oracle *self, const struct operation *operation)
{
    struct str account = operation->account.account;
    if (account.length == 0 && operation->partition == WIRE_PARTITION_ANY)
        return UINT64_MAX;
    if (account.length == 0)
        return UINT64_C(1) << operation->partition;
    uint32_t home = partition_of(self, account);
    bool reaches = operation->partition == WIRE_PARTITION_ANY || operation->partition == home;
    return reaches ? UINT64_C(1) << home : 0;
}

static void account_note(struct oracle *self, const struct operation *operation)
{
    struct ledger_account_command command = operation->account;
    if (!account_command_is_sound(&command, self->config.base_currency) ||
        (operation->partition != WIRE_PARTITION_ANY && operation->partition >= self->config.partitions))
        return;
    const struct account_ask *found =
        account_ask_first(self, command.kind, command.account, &command.id, command.owner);
    while (found != NULL && !account_ask_same(&found->command, &command))
        found = account_ask_next(found);
    struct account_ask *ask = (struct account_ask *)found;
    if (ask == NULL) {
        ask = pool_take(&self->pool, sizeof *ask);
        command.account = pool_text(&self->pool, command.account);
        command.owner = pool_text(&self->pool, command.owner);
        command.product = pool_text(&self->pool, command.product);
        command.memo = pool_text(&self->pool, command.memo);
        ask->number = operation->number;
        ask->command = command;
        table_add(&self->account_asks, &ask->node,
                  account_hash(command.kind, command.account, &command.id, command.owner));
    }
    ask->reach |= account_reach(self, operation);
}

void asks_note(struct oracle *self, const struct operation *operation)
{
    if (operation->kind <= OPERATION_BATCH) {
        for (uint32_t i = 0; i < operation->count; i++)
            command_note(self, operation, &operation->commands[i]);
        self->counts.commands += operation->count;
    } else if (operation->kind <= OPERATION_ACCOUNT_CLOSE) {
        account_note(self, operation);
        self->counts.commands++;
    } else if (operation->kind >= OPERATION_PROPOSAL_OPEN && operation->kind <= OPERATION_PROPOSAL_REJECT) {
        proposals_note(self, operation);
        self->counts.commands++;
    } else if (operation->kind >= OPERATION_QUOTE && operation->kind <= OPERATION_PAIR_SET) {
        desk_note(self, operation);
        self->counts.commands++;
    }
}
