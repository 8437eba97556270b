/* Transaction ids over many tables and runs: exact, whatever stage a run is at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/scenario/world.h"

enum { BATCH = 60, BATCHES = 80 };

static struct ledger_command deposit_of(uint32_t number)
{
    return world_deposit(number + 1, "acc", 1 + number % 7, "KRW");
}

static struct runner_request *batch_post(struct runner *runner, uint32_t first)
{
    struct ledger_command commands[BATCH];
    for (uint32_t i = 0; i < BATCH; i++)
        commands[i] = deposit_of(first + i);
    return runner_post(runner, 0, commands, BATCH);
}

static int64_t sum_of(uint32_t count)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += 1 + i % 7;
    return sum;
}

static struct runner *open_runner(uint64_t seed, uint32_t ids_in_memory)
{
    struct runner_config config = runner_config_default(1);
    config.seed = seed;
    config.check_each_step = false;
    config.ledger.ids_in_memory = ids_in_memory;
    config.ledger.checkpoint_words = 256;
    struct runner *runner = runner_new(&config);
    world_open(runner, "acc", "KRW");
    runner_settle(runner);
    return runner;
}

/* Batches, steps between them, and earlier batches again: their rows must be what they were. */
static void ids_stay(uint64_t seed, uint32_t ids_in_memory, uint32_t crash_percent)
{
    struct runner *runner = open_runner(seed, ids_in_memory);
    struct runner_request *firsts[BATCHES], *again[BATCHES * 3];
    uint32_t which[BATCHES * 3], agains = 0;
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        firsts[batch] = batch_post(runner, batch * BATCH);
        for (uint32_t steps = runner_random(runner, 6); steps > 0; steps--)
            runner_step(runner);
        for (int i = 0; i < 3; i++) {
            which[agains] = runner_random(runner, batch + 1);
            again[agains] = batch_post(runner, which[agains] * BATCH);
            agains++;
            runner_step(runner);
        }
        if (runner_random(runner, 100) < crash_percent) {
            runner_settle(runner);
            runner_crash(runner, 0, RUNNER_STATE_KEPT);
        }
    }
    runner_settle(runner);
    for (uint32_t i = 0; i < agains; i++) {
        assert_true(again[i]->done && firsts[which[i]]->done);
        assert_memory_equal(again[i]->rows, firsts[which[i]]->rows, BATCH * sizeof again[i]->rows[0]);
    }
    assert_int_equal(world_view(runner, "acc").balance, sum_of(BATCH * BATCHES));
    runner_destroy(&runner);
}

static void an_id_is_known_while_its_table_is_sealed_written_and_dropped(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        ids_stay(seed, seed % 2 ? 16 : 1024, 0);
}

static void an_id_is_known_after_restarts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        ids_stay(seed, seed % 2 ? 64 : 512, 20);
}

static void recovery_finds_the_same_ids_with_state_without_and_with_an_old_one(void **state)
{
    (void)state;
    static struct uuid ids[BATCH * BATCHES];
    struct runner *runner = open_runner(5, 32);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        batch_post(runner, batch * BATCH);
        runner_flush(runner, 0);
        if (batch == BATCHES / 2)
            runner_snapshot(runner, 0);
    }
    for (uint32_t i = 0; i < BATCH * BATCHES; i++)
        ids[i] = world_uuid(i + 1);
    for (int found = RUNNER_STATE_KEPT; found <= RUNNER_STATE_STALE; found++)
        runner_compare(runner, 0, (enum runner_state)found, ids, BATCH * BATCHES);
    runner_destroy(&runner);
}

static void an_id_is_forgotten_only_after_the_retention_time(void **state)
{
    (void)state;
    struct runner *runner = open_runner(3, 16);
    const int64_t retention_us = ledger_config_default().id_retention_us;
    struct runner_request *first = batch_post(runner, 0);
    runner_settle(runner);
    for (uint32_t batch = 1; batch < BATCHES / 2; batch++)
        batch_post(runner, batch * BATCH), runner_flush(runner, 0);
    runner_advance(runner, retention_us - 60000000);
    struct runner_request *again = batch_post(runner, 0);
    runner_settle(runner);
    assert_memory_equal(first->rows, again->rows, BATCH * sizeof first->rows[0]);
    struct ledger_stats before, after;
    ledger_stats(runner_ledger(runner, 0), &before);
    runner_advance(runner, 2 * 60000000);
    for (uint32_t batch = BATCHES / 2; batch < BATCHES * 2; batch++)
        batch_post(runner, batch * BATCH), runner_flush(runner, 0);
    ledger_stats(runner_ledger(runner, 0), &after);
    struct uuid oldest = world_uuid(1);
    assert_int_equal(ledger_transaction_find(runner_ledger(runner, 0), &oldest), 0);
    assert_true(before.ids_stored > 0 && after.ids_stored > 0);
    runner_destroy(&runner);
}

/* An item's id belongs to its group as soon as the group has begun: an account opened under it would have it twice. */
static void an_opening_does_not_take_the_id_of_an_item_of_an_open_group(void **state)
{
    (void)state;
    struct runner_config config = runner_config_default(2);
    struct runner *runner = runner_new(&config);
    char here[WORLD_ID_MAX], there[WORLD_ID_MAX], other[WORLD_ID_MAX];
    world_open(runner, world_account_id(0, 2, "acc", 0, here), "KRW");
    world_open(runner, world_account_id(1, 2, "acc", 0, there), "KRW");
    struct ledger_command funds = world_deposit(1, here, 500, "KRW");
    world_run(runner, &funds);
    const struct ledger_command items[] = {world_transfer(11, here, there, 300, "KRW")};
    const struct ledger_command group = world_group(10, items, 1);
    struct runner_request *request = runner_post(runner, 0, &group, 1);
    struct ledger_account_command open =
        world_account(ACCOUNT_OPEN, world_account_id(0, 2, "acc", 1, other), "KRW");
    open.id = world_uuid(11);
    struct ledger_account_answer answer = runner_account(runner, &open);
    assert_int_equal(answer.code, CODE_CONFLICT);
    assert_int_equal(answer.field, FIELD_TRANSACTION_ID);
    runner_settle(runner);
    assert_int_equal(request->rows[0].code, CODE_OK);
    runner_destroy(&runner);
}

/* ---- what is open for longer than ids are remembered ---------------------------------------------------- */

enum { LONG_OPEN = 5000000, ITS_GROUP, ITS_ITEM };

static struct runner *funded_runner(void)
{
    struct runner *runner = open_runner(3, 16);
    batch_post(runner, 0);
    runner_settle(runner);
    return runner;
}

/* Until the ids of now are forgotten. */
static void age(struct runner *runner)
{
    for (uint32_t batch = 1; batch < BATCHES / 4; batch++)
        batch_post(runner, batch * BATCH), runner_flush(runner, 0);
    runner_advance(runner, ledger_config_default().id_retention_us + 60000000);
    for (uint32_t batch = BATCHES / 4; batch < BATCHES; batch++)
        batch_post(runner, batch * BATCH), runner_flush(runner, 0);
    struct uuid oldest = world_uuid(1);
    assert_int_equal(ledger_transaction_find(runner_ledger(runner, 0), &oldest), 0);
}

static struct ledger_command long_hold(void)
{
    struct ledger_command hold = world_withdraw(LONG_OPEN, "acc", 3, "KRW");
    hold.kind = COMMAND_HOLD;
    return hold;
}

/* Every command of money under the id, and a group of one. */
static void money_conflicts(struct runner *runner)
{
    const struct ledger_command commands[] = {
        world_deposit(LONG_OPEN, "acc", 3, "KRW"),
        world_withdraw(LONG_OPEN, "acc", 3, "KRW"),
        world_transfer(LONG_OPEN, "acc", "nobody", 3, "KRW"),
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct ledger_row *row = world_run(runner, &commands[i]);
        assert_int_equal(row->code, CODE_CONFLICT);
        assert_int_equal(row->field, FIELD_TRANSACTION_ID);
    }
    const struct ledger_command items[] = {world_deposit(ITS_ITEM, "acc", 3, "KRW")};
    const struct ledger_command group = world_group(LONG_OPEN, items, 1);
    assert_int_equal(world_run(runner, &group)->code, CODE_CONFLICT);
    const struct ledger_command item = world_deposit(LONG_OPEN, "acc", 3, "KRW");
    const struct ledger_command around = world_group(ITS_GROUP, &item, 1);
    assert_int_equal(world_run(runner, &around)[1].code, CODE_CONFLICT);
}

static void openings_conflict(struct runner *runner)
{
    struct ledger_account_command open = world_account(ACCOUNT_OPEN, "another", "KRW");
    open.id = world_uuid(LONG_OPEN);
    assert_int_equal(runner_account(runner, &open).code, CODE_CONFLICT);
    struct ledger_quote_command command = {.id = open.id,
                                           .account = STR_LITERAL("acc"),
                                           .sell = world_currency("KRW"),
                                           .buy = world_currency("USD"),
                                           .side = QUOTE_SELL,
                                           .amount = 1};
    struct ledger_quote_answer quote;
    ledger_quote(runner_ledger(runner, 0), runner_now(runner), &command, &quote);
    assert_int_equal(quote.code, CODE_CONFLICT);
}

static void nothing_takes_the_id_of_an_open_hold_however_old(void **state)
{
    (void)state;
    for (int restarted = 0; restarted <= 1; restarted++) {
        struct ledger_command hold = long_hold(), capture = hold;
        struct runner *runner = funded_runner();
        assert_int_equal(world_run(runner, &hold)->code, CODE_OK);
        age(runner);
        if (restarted)
            runner_crash(runner, 0, RUNNER_STATE_KEPT);
        int64_t before = world_view(runner, "acc").balance;
        money_conflicts(runner);
        openings_conflict(runner);
        capture.kind = COMMAND_CAPTURE;
        capture.of = hold.id;
        assert_int_equal(world_run(runner, &capture)->code, CODE_CONFLICT);
        assert_int_equal(world_view(runner, "acc").balance, before);
        assert_int_equal(world_view(runner, "acc").pending, 3);
        runner_destroy(&runner);
    }
}

static void an_old_opening_that_comes_again_gets_its_first_answer(void **state)
{
    (void)state;
    struct ledger_command hold = long_hold();
    struct runner *runner = funded_runner();
    struct ledger_row first = *world_run(runner, &hold);
    age(runner);
    struct ledger_row again = *world_run(runner, &hold);
    assert_memory_equal(&again, &first, sizeof again);
    hold.deadline_us = 1; /* no part of the payload: what is known is answered behind it too */
    again = *world_run(runner, &hold);
    assert_memory_equal(&again, &first, sizeof again);
    hold.amount++;
    assert_int_equal(world_run(runner, &hold)->code, CODE_CONFLICT);
    assert_int_equal(world_view(runner, "acc").pending, 3);
    runner_destroy(&runner);
}

static void nothing_takes_the_id_of_an_open_proposal_however_old(void **state)
{
    (void)state;
    struct runner *runner = funded_runner();
    const struct ledger_proposal_command proposal = {
        .kind = COMMAND_DEPOSIT,
        .currency = world_currency("KRW"),
        .id = world_uuid(LONG_OPEN),
        .account = STR_LITERAL("acc"),
        .amount = 3,
        .expires_us = runner_now(runner) + 3 * ledger_config_default().id_retention_us,
        .reason = STR_LITERAL("counted twice"),
        .operator_name = STR_LITERAL("ann"),
    };
    struct ledger_proposal_answer answer;
    ledger_propose(runner_ledger(runner, 0), runner_now(runner), &proposal, &answer);
    assert_int_equal(answer.code, CODE_OK);
    age(runner);
    int64_t before = world_view(runner, "acc").balance;
    struct ledger_command hold = long_hold();
    assert_int_equal(world_run(runner, &hold)->code, CODE_CONFLICT);
    money_conflicts(runner);
    openings_conflict(runner);
    assert_int_equal(world_view(runner, "acc").balance, before);
    runner_destroy(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_opening_does_not_take_the_id_of_an_item_of_an_open_group),
        cmocka_unit_test(an_id_is_known_while_its_table_is_sealed_written_and_dropped),
        cmocka_unit_test(an_id_is_known_after_restarts),
        cmocka_unit_test(recovery_finds_the_same_ids_with_state_without_and_with_an_old_one),
        cmocka_unit_test(an_id_is_forgotten_only_after_the_retention_time),
        cmocka_unit_test(nothing_takes_the_id_of_an_open_hold_however_old),
        cmocka_unit_test(an_old_opening_that_comes_again_gets_its_first_answer),
        cmocka_unit_test(nothing_takes_the_id_of_an_open_proposal_however_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
