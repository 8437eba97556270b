#include "tests/scenario/world.h"

#include <stdio.h>
#include <string.h>

#include "actors/base/check.h"

struct uuid world_uuid(uint64_t number)
{
    struct uuid id = {{0}};
    for (int i = 0; i < 8; i++)
        id.bytes[15 - i] = (uint8_t)(number >> (8 * i));
    return id;
}

currency_index world_currency(const char *code)
{
    currency_index currency = currency_find(code, strlen(code));
    CHECK(currency != CURRENCY_NONE);
    return currency;
}

const char *world_account_id(uint32_t partition, uint32_t partitions, const char *prefix, unsigned nth,
                             char out[WORLD_ID_MAX])
{
    for (unsigned number = 0;; number++) {
        snprintf(out, WORLD_ID_MAX, "%s%u", prefix, number);
        if (ledger_partition_of(str_from(out), partitions) == partition && nth-- == 0)
            return out;
    }
}

struct ledger_account_command world_account(enum ledger_account_kind kind, const char *id,
                                            const char *currency)
{
    return (struct ledger_account_command){
        .kind = kind,
        .account = str_from(id),
        .owner = STR_LITERAL("owner"),
        .currency = world_currency(currency),
        .ceiling = INT64_MAX,
    };
}

void world_open(struct runner *runner, const char *id, const char *currency)
{
    struct ledger_account_command command = world_account(ACCOUNT_OPEN, id, currency);
    CHECK(runner_account(runner, &command).code == CODE_OK);
}

static struct ledger_command command_of(enum ledger_command_kind kind, uint64_t id, const char *from,
                                        const char *to, int64_t amount, const char *currency)
{
    struct ledger_command command = {
        .kind = (uint8_t)kind, .currency = world_currency(currency), .amount = amount, .id = world_uuid(id)};
    if (from)
        command.from = str_from(from);
    if (to)
        command.to = str_from(to);
    return command;
}

struct ledger_command world_transfer(uint64_t id, const char *from, const char *to, int64_t amount,
                                     const char *currency)
{
    return command_of(COMMAND_TRANSFER, id, from, to, amount, currency);
}

struct ledger_command world_deposit(uint64_t id, const char *to, int64_t amount, const char *currency)
{
    return command_of(COMMAND_DEPOSIT, id, NULL, to, amount, currency);
}

struct ledger_command world_withdraw(uint64_t id, const char *from, int64_t amount, const char *currency)
{
    return command_of(COMMAND_WITHDRAW, id, from, NULL, amount, currency);
}

struct ledger_command world_group(uint64_t id, const struct ledger_command *items, uint16_t count)
{
    return (struct ledger_command){
        .kind = COMMAND_GROUP, .group_count = count, .id = world_uuid(id), .items = items};
}

uint32_t world_home(const struct ledger_command *command, uint32_t partitions)
{
    const struct ledger_command *item = command->kind == COMMAND_GROUP ? &command->items[0] : command;
    return ledger_partition_of(item->kind == COMMAND_DEPOSIT ? item->to : item->from, partitions);
}

const struct ledger_row *world_run(struct runner *runner, const struct ledger_command *command)
{
    return runner_run(runner, world_home(command, runner_partitions(runner)), command, 1);
}

struct ledger_account_view world_view(struct runner *runner, const char *id)
{
    struct ledger_account_view view;
    uint32_t home = ledger_partition_of(str_from(id), runner_partitions(runner));
    CHECK(ledger_account_show(runner_ledger(runner, home), str_from(id), &view) == CODE_OK);
    return view;
}
