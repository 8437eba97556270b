#include "tests/table/cast.h"

#include <stdio.h>

#include "actors/base/check.h"

static const struct {
    const char *currency;
    int64_t balance, minimum, ceiling;
} members[ROLES] = {
    [RICH] = {"KRW", 10000, 0, INT64_MAX},
    [POOR] = {"KRW", 0, 0, INT64_MAX},
    [FROZEN] = {"KRW", 1000, 0, INT64_MAX},
    [CLOSED] = {"KRW", 0, 0, INT64_MAX},
    [DOLLARS] = {"USD", 1000, 0, INT64_MAX},
    [CAPPED] = {"KRW", 100, 0, 500},
    [OWING] = {"KRW", 0, -200, INT64_MAX},
    [KEEPING] = {"KRW", 150, 100, INT64_MAX},
    [BRIMFUL] = {"JPY", 40 * MONEY_MAX, 0, INT64_MAX},
    [YEN] = {"JPY", 0, -1000, INT64_MAX},
};

static void member_fill(struct cast *cast, uint32_t partition, enum role role, uint64_t *next_id)
{
    for (int64_t left = members[role].balance; left > 0;) {
        int64_t amount = left < MONEY_MAX ? left : MONEY_MAX;
        struct ledger_command deposit =
            world_deposit((*next_id)++, cast->ids[partition][role], amount, members[role].currency);
        CHECK(world_run(cast->runner, &deposit)[0].code == CODE_OK);
        left -= amount;
    }
}

static void member_open(struct cast *cast, uint32_t partition, enum role role, uint64_t *next_id)
{
    char prefix[WORLD_ID_MAX];
    snprintf(prefix, sizeof prefix, "r%d-", (int)role);
    world_account_id(partition, CAST_PARTITIONS, prefix, 0, cast->ids[partition][role]);
    if (role == MISSING)
        return;
    struct ledger_account_command command =
        world_account(ACCOUNT_OPEN, cast->ids[partition][role], members[role].currency);
    command.minimum_balance = members[role].minimum;
    command.ceiling = members[role].ceiling;
    CHECK(runner_account(cast->runner, &command).code == CODE_OK);
    member_fill(cast, partition, role, next_id);
    command.kind = role == FROZEN ? ACCOUNT_FREEZE : ACCOUNT_CLOSE;
    if (role == FROZEN || role == CLOSED)
        CHECK(runner_account(cast->runner, &command).code == CODE_OK);
}

void cast_open(struct cast *cast)
{
    cast_open_told(cast, NULL, NULL);
}

void cast_open_told(struct cast *cast,
                    void (*told)(void *context, uint32_t partition, const struct ledger_unit *unit),
                    void *context)
{
    struct runner_config config = runner_config_default(CAST_PARTITIONS);
    config.check_each_step = false;
    config.told = told;
    config.told_context = context;
    uint64_t next_id = CAST_FIRST_FREE_ID + 1;
    *cast = (struct cast){.runner = runner_new(&config)};
    for (uint32_t partition = 0; partition < CAST_PARTITIONS; partition++) {
        for (int role = RICH; role < ROLES; role++)
            member_open(cast, partition, (enum role)role, &next_id);
    }
    runner_settle(cast->runner);
    runner_check(cast->runner);
    cast_note(cast);
}

void cast_close(struct cast *cast)
{
    runner_settle(cast->runner);
    runner_check(cast->runner);
    runner_destroy(&cast->runner);
}

const char *cast_id(const struct cast *cast, uint32_t partition, enum role role)
{
    return role == NOBODY ? NULL : cast->ids[partition][role];
}

int64_t cast_balance(const struct cast *cast, uint32_t partition, enum role role)
{
    return world_view(cast->runner, cast->ids[partition][role]).balance;
}

void cast_note(struct cast *cast)
{
    for (uint32_t partition = 0; partition < CAST_PARTITIONS; partition++) {
        for (int role = RICH; role < MISSING; role++)
            cast->balances[partition][role] = cast_balance(cast, partition, (enum role)role);
    }
}

int cast_changed(const struct cast *cast)
{
    int changed = 0;
    for (uint32_t partition = 0; partition < CAST_PARTITIONS; partition++) {
        for (int role = RICH; role < MISSING; role++)
            changed += cast->balances[partition][role] != cast_balance(cast, partition, (enum role)role);
    }
    return changed;
}
