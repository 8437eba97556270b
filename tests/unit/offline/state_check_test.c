/* Stored holds and remittances against replayed ones: each row is a slot as it may stand in a state store whose seals are good. */
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

static void store(struct datadir *datadir, enum state_table table, const void *stored, size_t length)
{
    struct datadir_error error;
    struct state *state = NULL;
    const uint8_t key[4] = {0};
    const struct state_put put = {table, key, sizeof key, stored, length};
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
        store(datadir, STATE_HOLDS, &stored, sizeof stored - (rows[i].change == CUT));
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

/* ---- remittances -------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    size_t offset; /* of a byte of the stored slot that is changed */
    uint64_t compared, other;
    const char *wrong;
} remittance_rows[] = {
    {"nothing", SIZE_MAX, 1, 0, NULL},
    {"id", offsetof(struct checkpoint_remittance, id), 1, 0, "slot 0"},
    {"requested", offsetof(struct checkpoint_remittance, requested), 1, 0, "slot 0"},
    {"amount", offsetof(struct checkpoint_remittance, amount), 1, 0, "slot 0"},
    {"due", offsetof(struct checkpoint_remittance, due_us), 1, 0, "slot 0"},
    {"alarm", offsetof(struct checkpoint_remittance, alarm_us), 1, 0, "slot 0"},
    {"account", offsetof(struct checkpoint_remittance, account), 1, 0, "slot 0"},
    {"call", offsetof(struct checkpoint_remittance, call), 1, 0, "slot 0"},
    {"state", offsetof(struct checkpoint_remittance, state), 1, 0, "slot 0"},
    {"step", offsetof(struct checkpoint_remittance, step), 1, 0, "slot 0"},
    {"tries", offsetof(struct checkpoint_remittance, tries), 1, 0, "slot 0"},
    {"rounds", offsetof(struct checkpoint_remittance, rounds), 1, 0, "slot 0"},
    {"flags", offsetof(struct checkpoint_remittance, flags), 1, 0, "slot 0"},
    {"code", offsetof(struct checkpoint_remittance, code), 1, 0, "slot 0"},
    {"requested at", offsetof(struct checkpoint_remittance, requested_us), 1, 0, "slot 0"},
    {"called at", offsetof(struct checkpoint_remittance, called_us), 1, 0, "slot 0"},
    {"at another time", offsetof(struct checkpoint_remittance, last_position), 0, 1, NULL},
    {"slot", offsetof(struct checkpoint_remittance, slot), 0, 1, NULL},
    {"ahead", offsetof(struct checkpoint_remittance, last_position) + 4, 0, 1, "the journal does not have"},
};

static struct checkpoint_remittance remittance_stored(const struct ledger *ledger)
{
    struct ledger_open_remittance open;
    assert_true(ledger_remittance_next(ledger, 0, &open));
    return (struct checkpoint_remittance){.id = open.id,
                                          .requested = open.requested,
                                          .last_position = open.last_position,
                                          .amount = open.amount,
                                          .due_us = open.due_us,
                                          .alarm_us = open.alarm_us,
                                          .requested_us = open.requested_us,
                                          .called_us = open.called_us,
                                          .account = open.account,
                                          .slot = open.slot,
                                          .call = open.call,
                                          .state = open.state,
                                          .step = open.step,
                                          .tries = open.tries,
                                          .rounds = open.rounds,
                                          .flags = open.flags,
                                          .code = open.code};
}

static struct runner *runner_with_a_remittance(void)
{
    struct runner_config config = runner_config_default(1);
    struct runner *runner = runner_new(&config);
    struct ledger_remittance_answer answer;
    world_open(runner, "acc", "KRW");
    const struct ledger_remit_command command = {.currency = world_currency("KRW"),
                                                 .id = world_uuid(1),
                                                 .account = STR_LITERAL("acc"),
                                                 .amount = 5,
                                                 .bank = STR_LITERAL("kftc"),
                                                 .payer = STR_LITERAL("p"),
                                                 .payee = STR_LITERAL("q")};
    ledger_remit(runner_ledger(runner, 0), runner_now(runner), &command, &answer);
    assert_int_equal(answer.code, CODE_OK);
    runner_flush(runner, 0);
    return runner;
}

static void a_remittance_that_is_stored_otherwise_is_found(void **state)
{
    const struct datadir_config config = {.partitions = 1, .id_retention_seconds = 1};
    struct runner *runner = runner_with_a_remittance();
    const struct ledger *ledger = runner_ledger(runner, 0);
    (void)state;
    for (size_t i = 0; i < sizeof remittance_rows / sizeof *remittance_rows; i++) {
        char scratch[SCRATCH_PATH_BYTES], path[SCRATCH_PATH_BYTES + 8];
        struct datadir_error error;
        struct datadir *datadir;
        struct state_check out = {0};
        struct fault fault = {0};
        struct checkpoint_remittance stored = remittance_stored(ledger);
        if (remittance_rows[i].offset != SIZE_MAX)
            ((uint8_t *)&stored)[remittance_rows[i].offset] ^= 1;
        scratch_make(scratch);
        (void)snprintf(path, sizeof path, "%s/data", scratch);
        assert_int_equal(datadir_init(path, &config, &error), ERR_OK);
        assert_int_equal(datadir_open(path, DATADIR_SERVING, &datadir, &error), ERR_OK);
        store(datadir, STATE_REMITTANCES, &stored, sizeof stored);
        enum err err = state_check_run(datadir, path, 0, runner_journal(runner, 0), ledger, &out, &fault);
        if (err != (remittance_rows[i].wrong ? ERR_CORRUPT : ERR_OK))
            print_error("row: %s\n", remittance_rows[i].what);
        assert_int_equal(err, remittance_rows[i].wrong ? ERR_CORRUPT : ERR_OK);
        if (remittance_rows[i].wrong)
            assert_non_null(strstr(fault.what, remittance_rows[i].wrong));
        assert_int_equal(out.compared, remittance_rows[i].compared);
        assert_int_equal(out.other, remittance_rows[i].other);
        datadir_close(&datadir);
        scratch_remove(scratch);
    }
    runner_destroy(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_that_is_stored_otherwise_is_found),
        cmocka_unit_test(a_remittance_that_is_stored_otherwise_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
