/* Stored holds against replayed ones: each row is a slot as it may stand in a state store whose seals are good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/ledger/checkpoint.h"
#include "broker/offline/state_check.h"
#include "store/state.h"
#include "tests/scenario/world.h"
#include "tests/unit/store/scratch.h"

enum change {
    NOTHING,
    HELD,
    OPENED,
    OPENED_US,
    EXPIRES,
    ACCOUNT,
    ID,
    AT_ANOTHER_TIME,
    SLOT_UNKNOWN,
    AHEAD,
    CUT
};

static const struct {
    enum change change;
    uint64_t compared, other;
    const char *wrong; /* a part of what is said; NULL: all is well */
} rows[] = {
    {NOTHING, 1, 0, NULL},      {HELD, 1, 0, "slot 0"},
    {OPENED, 1, 0, "slot 0"},   {OPENED_US, 1, 0, "slot 0"},
    {EXPIRES, 1, 0, "slot 0"},  {ACCOUNT, 1, 0, "slot 0"},
    {ID, 1, 0, "slot 0"},       {AT_ANOTHER_TIME, 0, 1, NULL},
    {SLOT_UNKNOWN, 0, 1, NULL}, {AHEAD, 0, 1, "the journal does not have"},
    {CUT, 0, 0, "damaged"},
};

static struct checkpoint_hold stored_of(const struct ledger *ledger, enum change change)
{
    struct ledger_open_hold hold;
    assert_true(ledger_hold_at(ledger, 0, &hold));
    struct checkpoint_hold stored = {
        .id = hold.id,
        .opened = hold.opened + (change == OPENED),
        .last_position = hold.last_position,
        .held = hold.held + (change == HELD),
        .expires_us = hold.expires_us + (change == EXPIRES),
        .opened_us = hold.opened_us + (change == OPENED_US),
        .account = hold.account + (change == ACCOUNT),
        .slot = change == SLOT_UNKNOWN,
    };
    stored.id.bytes[15] ^= change == ID;
    stored.last_position -= change == AT_ANOTHER_TIME;
    stored.last_position += change == AHEAD ? 1000000 : 0;
    return stored;
}

static void store(struct datadir *datadir, const struct checkpoint_hold *stored, size_t length)
{
    struct datadir_error error;
    struct state *state = NULL;
    const uint8_t key[4] = {0};
    const struct state_put put = {STATE_HOLDS, key, sizeof key, (const uint8_t *)stored, length};
    assert_int_equal(datadir_state(datadir, 0, &state, &error), ERR_OK);
    assert_int_equal(state_apply(state, &put, 1), ERR_OK);
    state_close(&state);
}

static struct runner *runner_with_a_hold(void)
{
    struct runner_config config = runner_config_default(1);
    struct runner *runner = runner_new(&config);
    world_open(runner, "acc", "KRW");
    struct ledger_command deposit = world_deposit(1, "acc", 10, "KRW");
    struct ledger_command hold = world_withdraw(2, "acc", 3, "KRW");
    hold.kind = COMMAND_HOLD;
    assert_int_equal(world_run(runner, &deposit)->code, CODE_OK);
    assert_int_equal(world_run(runner, &hold)->code, CODE_OK);
    runner_flush(runner, 0);
    return runner;
}

static void a_hold_that_is_stored_otherwise_is_found(void **state)
{
    const struct datadir_config config = {.partitions = 1, .id_retention_seconds = 1};
    struct runner *runner = runner_with_a_hold();
    const struct ledger *ledger = runner_ledger(runner, 0);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char scratch[SCRATCH_PATH_BYTES], path[SCRATCH_PATH_BYTES + 8];
        struct datadir_error error;
        struct datadir *datadir;
        struct state_check out = {0};
        struct fault fault = {0};
        struct checkpoint_hold stored = stored_of(ledger, rows[i].change);
        scratch_make(scratch);
        (void)snprintf(path, sizeof path, "%s/data", scratch);
        assert_int_equal(datadir_init(path, &config, &error), ERR_OK);
        assert_int_equal(datadir_open(path, DATADIR_SERVING, &datadir, &error), ERR_OK);
        store(datadir, &stored, sizeof stored - (rows[i].change == CUT));
        enum err err = state_check_run(datadir, path, 0, runner_journal(runner, 0), ledger, &out, &fault);
        assert_int_equal(err, rows[i].wrong ? ERR_CORRUPT : ERR_OK);
        if (rows[i].wrong)
            assert_non_null(strstr(fault.what, rows[i].wrong));
        assert_int_equal(out.compared, rows[i].compared);
        assert_int_equal(out.other, rows[i].other);
        datadir_close(&datadir);
        scratch_remove(scratch);
    }
    runner_destroy(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_that_is_stored_otherwise_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
