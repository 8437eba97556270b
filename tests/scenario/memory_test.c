/* Memory that runs out anywhere: the answer is BUSY or the right one, nothing is lost, and asking again
 * later succeeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/scenario/world.h"

enum { PARTITIONS = 2, COMMANDS = 11, ITEMS = 3 };

struct play {
    struct runner *runner;
    char here[2][WORLD_ID_MAX], there[WORLD_ID_MAX], frozen[WORLD_ID_MAX];
    struct ledger_command commands[COMMANDS];
    struct ledger_command items[2][ITEMS];
};

static const enum code expected[COMMANDS] = {CODE_OK,
                                             CODE_OK,
                                             CODE_OK,
                                             CODE_OK,
                                             CODE_ACCOUNT_FROZEN,
                                             CODE_INSUFFICIENT_FUNDS,
                                             CODE_OK,
                                             CODE_ACCOUNT_FROZEN,
                                             CODE_OK,
                                             CODE_OK,
                                             CODE_OK};

static void play_write(struct play *p)
{
    const char *a = p->here[0], *b = p->here[1], *c = p->there, *f = p->frozen;
    struct ledger_command *out = p->commands;
    out[0] = world_deposit(1, a, 1000, "KRW");
    out[1] = world_deposit(2, c, 1000, "KRW");
    out[2] = world_transfer(3, a, b, 10, "KRW");
    out[3] = world_transfer(4, a, c, 20, "KRW");
    out[4] = world_transfer(5, a, f, 30, "KRW");
    out[5] = world_transfer(6, b, c, 5000, "KRW");
    p->items[0][0] = world_transfer(11, a, c, 1, "KRW");
    p->items[0][1] = world_transfer(12, c, b, 2, "KRW");
    p->items[0][2] = world_withdraw(13, c, 3, "KRW");
    out[6] = world_group(7, p->items[0], ITEMS);
    p->items[1][0] = world_transfer(21, a, c, 1, "KRW");
    p->items[1][1] = world_transfer(22, c, b, 2, "KRW");
    p->items[1][2] = world_withdraw(23, f, 3, "KRW");
    out[7] = world_group(8, p->items[1], ITEMS);
    out[8] = world_transfer(9, c, a, 7, "KRW");
    out[9] = world_withdraw(10, c, 8, "KRW");
    out[10] = world_group(14, p->items[0], 1);
    p->items[0][0].memo = STR_LITERAL("memo");
    static struct ledger_command local[1];
    local[0] = world_transfer(31, a, b, 4, "KRW");
    out[10].items = local;
}

static void play_open(struct play *p, uint64_t seed, unsigned lose_percent)
{
    struct runner_config config = runner_config_default(PARTITIONS);
    config.seed = seed;
    config.lose_percent = lose_percent;
    config.ledger.checkpoint_words = 64;
    p->runner = runner_new(&config);
    world_account_id(0, PARTITIONS, "h", 0, p->here[0]);
    world_account_id(0, PARTITIONS, "h", 1, p->here[1]);
    world_account_id(1, PARTITIONS, "t", 0, p->there);
    world_account_id(1, PARTITIONS, "f", 0, p->frozen);
    play_write(p);
}

/* CODE_OK, or CODE_BUSY and nothing done. */
static bool accounts_open(struct play *p)
{
    const char *ids[] = {p->here[0], p->here[1], p->there, p->frozen};
    bool all = true;
    for (int i = 0; i < 4; i++) {
        struct ledger_account_command command = world_account(ACCOUNT_OPEN, ids[i], "KRW");
        struct ledger_account_answer answer = runner_account(p->runner, &command);
        assert_true(answer.code == CODE_OK || answer.code == CODE_BUSY);
        command.kind = i == 3 ? ACCOUNT_FREEZE : ACCOUNT_UNFREEZE;
        if (answer.code == CODE_OK)
            answer = runner_account(p->runner, &command);
        all = all && answer.code == CODE_OK;
    }
    runner_settle(p->runner);
    return all;
}

/* One row is right, or BUSY; after a BUSY, others that built on it may be refused. */
static bool play_run(struct play *p, bool must_be_right)
{
    bool right = true;
    for (int i = 0; i < COMMANDS; i++) {
        const struct runner_request *request =
            runner_post(p->runner, world_home(&p->commands[i], PARTITIONS), &p->commands[i], 1);
        runner_settle(p->runner);
        if (!request)
            return false;
        assert_true(request->done);
        if (must_be_right)
            assert_int_equal(request->rows[0].code, expected[i]);
        right = right && request->rows[0].code == expected[i];
        if (request->rows[0].code != expected[i])
            assert_true(request->rows[0].code == CODE_BUSY || request->rows[0].code == CODE_UNKNOWN);
        if (request->rows[0].code == CODE_BUSY || request->rows[0].code == CODE_UNKNOWN)
            return false;
    }
    return right;
}

static void balances_are_right(struct play *p)
{
    assert_int_equal(world_view(p->runner, p->here[0]).balance, 1000 - 10 - 20 - 1 + 7 - 4);
    assert_int_equal(world_view(p->runner, p->here[1]).balance, 10 + 2 + 4);
    assert_int_equal(world_view(p->runner, p->there).balance, 1000 + 20 + 1 - 2 - 3 - 7 - 8);
    assert_int_equal(world_view(p->runner, p->frozen).balance, 0);
}

/* How many allocations failed. */
static uint64_t failing_run(uint64_t nth, uint64_t count, unsigned lose_percent)
{
    struct play play;
    play_open(&play, nth, lose_percent);
    struct counting_mem *mem = runner_mem(play.runner);
    counting_mem_fail(mem, nth, count);
    bool opened = accounts_open(&play);
    if (opened)
        play_run(&play, false);
    counting_mem_fail(mem, 0, 0);
    assert_true(accounts_open(&play));
    for (int again = 0; again < 2; again++)
        assert_true(play_run(&play, true));
    balances_are_right(&play);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        runner_compare(play.runner, i, RUNNER_STATE_KEPT, NULL, 0);
        runner_compare(play.runner, i, RUNNER_STATE_DELETED, NULL, 0);
    }
    uint64_t failed = mem->failed;
    runner_destroy(&play.runner);
    return failed;
}

static void any_one_allocation_may_fail(void **state)
{
    uint64_t nth = 1;
    (void)state;
    while (failing_run(nth, 1, 0) > 0)
        nth++;
    assert_true(nth > 50); /* the failures really were there */
}

static void any_few_allocations_in_a_row_may_fail(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 150; nth++) {
        failing_run(nth, 2, 0);
        failing_run(nth, 7, 0);
    }
}

static void they_may_fail_on_a_network_that_loses_messages(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 200; nth += 3)
        failing_run(nth, 3, 20);
}

static void a_ledger_that_cannot_be_made_or_recovered_says_so(void **state)
{
    struct play play;
    (void)state;
    play_open(&play, 1, 0);
    assert_true(accounts_open(&play));
    assert_true(play_run(&play, true));
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        for (int found = RUNNER_STATE_KEPT; found <= RUNNER_STATE_DELETED; found++) {
            uint64_t nth = 0, failed;
            do {
                failed = runner_mem(play.runner)->failed;
                counting_mem_fail(runner_mem(play.runner), ++nth, 1);
                enum err err = runner_recover(play.runner, partition, (enum runner_state)found);
                assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
            } while (runner_mem(play.runner)->failed > failed);
            assert_true(nth > 5);
        }
    }
    counting_mem_fail(runner_mem(play.runner), 0, 0);
    runner_destroy(&play.runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_one_allocation_may_fail),
        cmocka_unit_test(any_few_allocations_in_a_row_may_fail),
        cmocka_unit_test(they_may_fail_on_a_network_that_loses_messages),
        cmocka_unit_test(a_ledger_that_cannot_be_made_or_recovered_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
