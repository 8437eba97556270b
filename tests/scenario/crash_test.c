/* A crash between any two steps: money arrives once or goes back once, and asking again tells which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/scenario/world.h"

enum { STEPS_MAX = 60 };

struct pair {
    struct runner *runner;
    char here[WORLD_ID_MAX], there[WORLD_ID_MAX];
};

/* Two partitions, an account of 1,000 in each. */
static void pair_open(struct pair *pair, uint64_t seed)
{
    struct runner_config config = runner_config_default(2);
    config.seed = seed;
    config.ledger.checkpoint_words = 64;
    pair->runner = runner_new(&config);
    world_account_id(0, 2, "h", 0, pair->here);
    world_account_id(1, 2, "t", 0, pair->there);
    world_open(pair->runner, pair->here, "KRW");
    world_open(pair->runner, pair->there, "KRW");
    const struct ledger_command deposits[] = {world_deposit(1, pair->here, 1000, "KRW"),
                                              world_deposit(2, pair->there, 1000, "KRW")};
    assert_int_equal(world_run(pair->runner, &deposits[0])[0].code, CODE_OK);
    assert_int_equal(world_run(pair->runner, &deposits[1])[0].code, CODE_OK);
    runner_snapshot(pair->runner, 0);
    runner_snapshot(pair->runner, 1);
}

/* Posts, takes so many steps, crashes one partition, settles, and asks again. */
static void crash_after(struct pair *pair, const struct ledger_command *command, unsigned steps,
                        uint32_t victim, enum runner_state state, enum code expected)
{
    const struct runner_request *first = runner_post(pair->runner, world_home(command, 2), command, 1);
    for (unsigned i = 0; i < steps && runner_step(pair->runner); i++) {
    }
    runner_crash(pair->runner, victim, state);
    runner_settle(pair->runner);
    const struct ledger_row *rows = world_run(pair->runner, command);
    assert_int_equal(rows[0].code, expected);
    if (first->done)
        assert_memory_equal(rows, first->rows, first->row_count * sizeof rows[0]);
}

static void balances_are(struct pair *pair, int64_t here, int64_t there)
{
    assert_int_equal(world_view(pair->runner, pair->here).balance, here);
    assert_int_equal(world_view(pair->runner, pair->there).balance, there);
    assert_int_equal(world_view(pair->runner, pair->here).pending, 0);
    assert_int_equal(world_view(pair->runner, pair->there).pending, 0);
}

static void each_crash(void (*scenario)(unsigned steps, uint32_t victim, enum runner_state state))
{
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        for (uint32_t victim = 0; victim < 2; victim++) {
            scenario(steps, victim, RUNNER_STATE_KEPT);
            scenario(steps, victim, RUNNER_STATE_DELETED);
            scenario(steps, victim, RUNNER_STATE_STALE);
        }
    }
}

static void transfer_crash(unsigned steps, uint32_t victim, enum runner_state state)
{
    struct pair pair;
    pair_open(&pair, steps + 1);
    struct ledger_command command = world_transfer(10, pair.here, pair.there, 300, "KRW");
    crash_after(&pair, &command, steps, victim, state, CODE_OK);
    balances_are(&pair, 700, 1300);
    runner_destroy(&pair.runner);
}

static void a_crossing_transfer_survives_a_crash_at_any_step(void **state)
{
    (void)state;
    each_crash(transfer_crash);
}

static void returned_crash(unsigned steps, uint32_t victim, enum runner_state state)
{
    struct pair pair;
    pair_open(&pair, steps + 1);
    struct ledger_account_command freeze = world_account(ACCOUNT_FREEZE, pair.there, "KRW");
    assert_int_equal(runner_account(pair.runner, &freeze).code, CODE_OK);
    runner_settle(pair.runner);
    struct ledger_command command = world_transfer(10, pair.here, pair.there, 300, "KRW");
    crash_after(&pair, &command, steps, victim, state, CODE_ACCOUNT_FROZEN);
    balances_are(&pair, 1000, 1000);
    runner_destroy(&pair.runner);
}

static void a_refused_crossing_transfer_is_returned_after_a_crash_at_any_step(void **state)
{
    (void)state;
    each_crash(returned_crash);
}

static void group_crash(unsigned steps, uint32_t victim, enum runner_state state)
{
    struct pair pair;
    pair_open(&pair, steps + 1);
    const struct ledger_command items[] = {world_transfer(11, pair.here, pair.there, 300, "KRW"),
                                           world_transfer(12, pair.there, pair.here, 50, "KRW"),
                                           world_deposit(13, pair.there, 7, "KRW")};
    struct ledger_command command = world_group(10, items, 3);
    crash_after(&pair, &command, steps, victim, state, CODE_OK);
    balances_are(&pair, 750, 1257);
    runner_destroy(&pair.runner);
}

static void a_crossing_group_survives_a_crash_at_any_step(void **state)
{
    (void)state;
    each_crash(group_crash);
}

static void refused_group_crash(unsigned steps, uint32_t victim, enum runner_state state)
{
    struct pair pair;
    pair_open(&pair, steps + 1);
    const struct ledger_command items[] = {world_transfer(11, pair.here, pair.there, 300, "KRW"),
                                           world_withdraw(12, pair.there, 1001, "KRW")};
    struct ledger_command command = world_group(10, items, 2);
    crash_after(&pair, &command, steps, victim, state, CODE_INSUFFICIENT_FUNDS);
    balances_are(&pair, 1000, 1000);
    runner_destroy(&pair.runner);
}

static void a_refused_crossing_group_moves_nothing_after_a_crash_at_any_step(void **state)
{
    (void)state;
    each_crash(refused_group_crash);
}

/* The peer still keeps many answers that this side has already settled, and after the restart nothing is open here. */
static void many_answers_that_come_again_after_a_restart_do_nothing(void **state)
{
    enum { TRANSFERS = 64 };
    struct pair pair;
    struct ledger_command commands[TRANSFERS];
    (void)state;
    pair_open(&pair, 1);
    for (unsigned i = 0; i < TRANSFERS; i++)
        commands[i] = world_transfer(100 + i, pair.here, pair.there, 1, "KRW");
    const struct ledger_row *rows = runner_run(pair.runner, 0, commands, TRANSFERS);
    for (unsigned i = 0; i < TRANSFERS; i++)
        assert_int_equal(rows[i].code, CODE_OK);
    while (ledger_checkpoint_hurry(runner_ledger(pair.runner, 0)))
        runner_flush(pair.runner, 0);
    runner_crash(pair.runner, 0, RUNNER_STATE_KEPT);
    runner_settle(pair.runner);
    balances_are(&pair, 1000 - TRANSFERS, 1000 + TRANSFERS);
    runner_destroy(&pair.runner);
}

/* So many steps, a crash, and the rest. */
static void crash_within(struct pair *pair, unsigned steps, enum runner_state state)
{
    for (unsigned i = 0; i < steps && runner_step(pair->runner); i++) {
    }
    runner_crash(pair->runner, 0, state);
    runner_settle(pair->runner);
}

/* As a client does: the same again until there is an answer that has left. */
static void proposal_crash(unsigned steps, enum runner_state state, bool approves)
{
    struct pair pair;
    struct ledger_proposal_answer answer;
    pair_open(&pair, steps + 1);
    const struct ledger_proposal_command command = {
        .kind = COMMAND_WITHDRAW,
        .currency = world_currency("KRW"),
        .id = world_uuid(10),
        .account = str_from(pair.here),
        .amount = 300,
        .reason = STR_LITERAL("counted"),
        .operator_name = STR_LITERAL("ann"),
    };
    const struct ledger_decision_command decision = {
        .approves = approves,
        .account = command.account,
        .proposal = command.id,
        .operator_name = STR_LITERAL("bob"),
    };
    for (int asks = 0; asks < 2; asks++) {
        ledger_propose(runner_ledger(pair.runner, 0), runner_now(pair.runner), &command, &answer);
        assert_int_equal(answer.code, CODE_OK);
        if (asks == 0)
            crash_within(&pair, steps, state);
    }
    runner_settle(pair.runner);
    for (int asks = 0; asks < 2; asks++) {
        ledger_proposal_decide(runner_ledger(pair.runner, 0), runner_now(pair.runner), &decision, &answer);
        assert_int_equal(answer.code, CODE_OK);
        if (asks == 0)
            crash_within(&pair, steps, state);
    }
    runner_settle(pair.runner);
    balances_are(&pair, approves ? 700 : 1000, 1000);
    runner_flush(pair.runner, 0);
    runner_compare(pair.runner, 0, state, &command.id, 1);
    runner_destroy(&pair.runner);
}

static void a_proposal_is_opened_and_decided_once_whatever_step_crashes(void **state)
{
    enum { STEPS = 8 };
    (void)state;
    for (unsigned steps = 0; steps < STEPS; steps++) {
        for (int approves = 0; approves < 2; approves++) {
            proposal_crash(steps, RUNNER_STATE_KEPT, approves);
            proposal_crash(steps, RUNNER_STATE_DELETED, approves);
            proposal_crash(steps, RUNNER_STATE_STALE, approves);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_answers_that_come_again_after_a_restart_do_nothing),
        cmocka_unit_test(a_crossing_transfer_survives_a_crash_at_any_step),
        cmocka_unit_test(a_refused_crossing_transfer_is_returned_after_a_crash_at_any_step),
        cmocka_unit_test(a_crossing_group_survives_a_crash_at_any_step),
        cmocka_unit_test(a_proposal_is_opened_and_decided_once_whatever_step_crashes),
        cmocka_unit_test(a_refused_crossing_group_moves_nothing_after_a_crash_at_any_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
