#include "tests/property/workload.h"

#include <stdio.h>

#include "actors/base/check.h"

static uint32_t random_of(struct workload *self, uint32_t bound)
{
    return runner_random(self->runner, bound);
}

static bool chance(struct workload *self, uint32_t percent)
{
    return random_of(self, 100) < percent;
}

void workload_init(struct workload *self, struct runner *runner)
{
    *self = (struct workload){.runner = runner, .next_id = 1};
    for (int i = 0; i <= WORKLOAD_ACCOUNTS; i++) {
        const char *form = i % 3 == 2 ? "account-with-a-longer-id-%u-%d" : "a%u-%d";
        snprintf(self->accounts[i], sizeof self->accounts[i], form, random_of(self, 1000), i);
    }
}

static struct str account_of(struct workload *self, bool known)
{
    /* The first accounts are hot. */
    uint32_t bound = chance(self, 50) ? 3 : WORKLOAD_ACCOUNTS + (known ? 0 : 1);
    return str_from(self->accounts[random_of(self, bound)]);
}

static currency_index currency_of(struct workload *self)
{
    return world_currency(chance(self, 97) ? "KRW" : "USD");
}

struct ledger_account_command workload_open(const struct workload *self, int n)
{
    struct ledger_account_command command = world_account(ACCOUNT_OPEN, self->accounts[n], "KRW");
    command.owner = n % 2 ? STR_LITERAL("ann") : STR_LITERAL("ben");
    command.product = n % 4 == 3 ? STR_LITERAL("saver") : (struct str){0};
    if (n % 4 == 1)
        command.minimum_balance = -500;
    if (n % 5 == 4)
        command.ceiling = 2000;
    return command;
}

struct ledger_account_command workload_account(struct workload *self)
{
    static const struct str owners[] = {{"ann", 3}, {"ben", 3}, {"cleo", 4}};
    struct ledger_account_command command = workload_open(self, (int)random_of(self, WORKLOAD_ACCOUNTS));
    uint32_t kind = random_of(self, 10);
    command.kind = kind < 2   ? ACCOUNT_OPEN
                   : kind < 5 ? ACCOUNT_CHANGE
                   : kind < 6 ? ACCOUNT_FREEZE
                   : kind < 9 ? ACCOUNT_UNFREEZE
                              : ACCOUNT_CLOSE;
    if (command.kind == ACCOUNT_CHANGE) {
        command.sets = random_of(self, 16);
        command.owner = owners[random_of(self, 3)];
        command.minimum_balance = -(int64_t)random_of(self, 1000);
        command.ceiling = chance(self, 50) ? INT64_MAX : (int64_t)random_of(self, 3000);
    }
    if (command.kind == ACCOUNT_FREEZE && chance(self, 10))
        command.account = str_from(self->accounts[WORKLOAD_ACCOUNTS]);
    return command;
}

static void single_make(struct workload *self, struct ledger_command *out)
{
    static const struct str texts[] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {"tea", 3}, {"rent for May", 12}};
    uint32_t kind = random_of(self, 10);
    *out = (struct ledger_command){
        .kind = kind < 6   ? COMMAND_TRANSFER
                : kind < 8 ? COMMAND_DEPOSIT
                           : COMMAND_WITHDRAW,
        .currency = currency_of(self),
        .amount = 1 + (int64_t)random_of(self, chance(self, 20) ? 1500 : 200),
        .id = world_uuid(self->next_id++),
        .memo = texts[random_of(self, 5)],
        .reference = texts[random_of(self, 5)],
    };
    if (out->kind != COMMAND_DEPOSIT)
        out->from = account_of(self, false);
    while (out->kind != COMMAND_WITHDRAW && (out->to.length == 0 || str_equal(out->from, out->to)))
        out->to = account_of(self, false);
    if (self->deadlines && chance(self, 5))
        out->deadline_us = runner_now(self->runner) + (chance(self, 50) ? -1000 : 1000000000);
}

static void group_make(struct workload *self, struct workload_entry *entry)
{
    uint16_t count = (uint16_t)(1 + random_of(self, MODEL_ITEMS_MAX));
    for (uint16_t i = 0; i < count; i++) {
        single_make(self, &entry->items[i]);
        entry->items[i].amount = 1 + entry->items[i].amount / 8;
        if (chance(self, 2))
            entry->items[i].id = world_uuid(1 + random_of(self, (uint32_t)self->next_id));
    }
    entry->command = world_group(self->next_id++, entry->items, count);
}

/* The same again. */
static void entry_repeat(struct workload *self, struct workload_entry *entry, int earlier)
{
    *entry = self->entries[earlier];
    if (entry->command.kind == COMMAND_GROUP)
        entry->command.items = entry->items;
}

/* The same id, something else. */
static void entry_conflict(struct workload *self, struct workload_entry *entry, int earlier)
{
    struct uuid id = self->entries[earlier].command.id;
    if (self->entries[earlier].command.kind == COMMAND_GROUP)
        group_make(self, entry);
    else
        single_make(self, &entry->command);
    entry->command.id = id;
}

struct workload_entry *workload_next(struct workload *self)
{
    CHECK(self->count < WORKLOAD_COMMANDS_MAX);
    struct workload_entry *entry = &self->entries[self->count];
    *entry = (struct workload_entry){0};
    uint32_t kind = random_of(self, 100);
    int earlier = self->count > 0 ? (int)random_of(self, (uint32_t)self->count) : -1;
    if (earlier >= 0 && kind < 15) {
        entry_repeat(self, entry, earlier);
    } else if (earlier >= 0 && kind < 20) {
        entry_conflict(self, entry, earlier);
    } else if (kind < 35) {
        group_make(self, entry);
    } else {
        single_make(self, &entry->command);
    }
    self->count++;
    return entry;
}

size_t workload_ids(const struct workload *self, struct uuid *out, size_t capacity)
{
    size_t count = 0;
    for (int i = 0; i < self->count; i++) {
        const struct ledger_command *command = &self->entries[i].command;
        if (count < capacity)
            out[count++] = command->id;
        for (uint16_t item = 0; command->kind == COMMAND_GROUP && item < command->group_count; item++) {
            if (count < capacity)
                out[count++] = command->items[item].id;
        }
    }
    return count;
}
