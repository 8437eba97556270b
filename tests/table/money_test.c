/* Every answer of the core to a transfer, a deposit and a withdrawal: in one partition and between two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/table/cast.h"

struct row {
    const char *what;
    enum role from, to;
    int64_t amount;
    const char *currency;
    enum code code;
    enum field field;
};

static const struct row rows[] = {
    {"a won", RICH, POOR, 1, "KRW", CODE_OK, FIELD_NONE},
    {"the whole balance", RICH, POOR, 10000, "KRW", CODE_OK, FIELD_NONE},
    {"a won too much", RICH, POOR, 10001, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"the largest amount", RICH, POOR, MONEY_MAX, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"nothing there", POOR, RICH, 1, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"the whole overdraft", OWING, POOR, 200, "KRW", CODE_OK, FIELD_NONE},
    {"beyond the overdraft", OWING, POOR, 201, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"down to the minimum", KEEPING, POOR, 50, "KRW", CODE_OK, FIELD_NONE},
    {"below the minimum", KEEPING, POOR, 51, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"up to the ceiling", RICH, CAPPED, 400, "KRW", CODE_OK, FIELD_NONE},
    {"above the ceiling", RICH, CAPPED, 401, "KRW", CODE_CEILING_EXCEEDED, FIELD_TO_ACCOUNT},
    {"a ceiling does not stop paying", CAPPED, POOR, 100, "KRW", CODE_OK, FIELD_NONE},
    {"more than can be counted", YEN, BRIMFUL, 1, "JPY", CODE_BALANCE_OVERFLOW, FIELD_TO_ACCOUNT},
    {"from the fullest", BRIMFUL, YEN, MONEY_MAX, "JPY", CODE_OK, FIELD_NONE},
    {"no payer", MISSING, POOR, 1, "KRW", CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT},
    {"no receiver", RICH, MISSING, 1, "KRW", CODE_ACCOUNT_NOT_FOUND, FIELD_TO_ACCOUNT},
    {"payer in dollars", DOLLARS, POOR, 1, "KRW", CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"receiver in dollars", RICH, DOLLARS, 1, "KRW", CODE_CURRENCY_MISMATCH, FIELD_TO_ACCOUNT},
    {"neither in dollars", RICH, POOR, 1, "USD", CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"payer closed", CLOSED, POOR, 1, "KRW", CODE_ACCOUNT_CLOSED, FIELD_FROM_ACCOUNT},
    {"receiver closed", RICH, CLOSED, 1, "KRW", CODE_ACCOUNT_CLOSED, FIELD_TO_ACCOUNT},
    {"payer frozen", FROZEN, POOR, 1, "KRW", CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT},
    {"receiver frozen", RICH, FROZEN, 1, "KRW", CODE_ACCOUNT_FROZEN, FIELD_TO_ACCOUNT},
    /* which comes first */
    {"currency before closed", CLOSED, POOR, 1, "USD", CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"currency before frozen", FROZEN, POOR, 1, "USD", CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"frozen before funds", FROZEN, POOR, 1001, "KRW", CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT},
    {"closed before funds", CLOSED, POOR, 1001, "KRW", CODE_ACCOUNT_CLOSED, FIELD_FROM_ACCOUNT},
    {"payer whole before receiver: funds", POOR, MISSING, 1, "KRW", CODE_INSUFFICIENT_FUNDS,
     FIELD_FROM_ACCOUNT},
    {"payer whole before receiver: frozen", FROZEN, CLOSED, 1, "KRW", CODE_ACCOUNT_FROZEN,
     FIELD_FROM_ACCOUNT},
    {"payer whole before receiver: none", MISSING, FROZEN, 1, "KRW", CODE_ACCOUNT_NOT_FOUND,
     FIELD_FROM_ACCOUNT},
    {"receiver: currency before ceiling", DOLLARS, CAPPED, 900, "USD", CODE_CURRENCY_MISMATCH,
     FIELD_TO_ACCOUNT},
    {"receiver: frozen whatever the amount", RICH, FROZEN, 10000, "KRW", CODE_ACCOUNT_FROZEN,
     FIELD_TO_ACCOUNT},
    /* deposits */
    {"deposit", NOBODY, POOR, 1, "KRW", CODE_OK, FIELD_NONE},
    {"deposit of the largest amount", NOBODY, POOR, MONEY_MAX, "KRW", CODE_OK, FIELD_NONE},
    {"deposit to nobody", NOBODY, MISSING, 1, "KRW", CODE_ACCOUNT_NOT_FOUND, FIELD_TO_ACCOUNT},
    {"deposit of dollars", NOBODY, POOR, 1, "USD", CODE_CURRENCY_MISMATCH, FIELD_TO_ACCOUNT},
    {"deposit to closed", NOBODY, CLOSED, 1, "KRW", CODE_ACCOUNT_CLOSED, FIELD_TO_ACCOUNT},
    {"deposit to frozen", NOBODY, FROZEN, 1, "KRW", CODE_ACCOUNT_FROZEN, FIELD_TO_ACCOUNT},
    {"deposit to the ceiling", NOBODY, CAPPED, 400, "KRW", CODE_OK, FIELD_NONE},
    {"deposit above the ceiling", NOBODY, CAPPED, 401, "KRW", CODE_CEILING_EXCEEDED, FIELD_TO_ACCOUNT},
    {"deposit beyond counting", NOBODY, BRIMFUL, 1, "JPY", CODE_BALANCE_OVERFLOW, FIELD_TO_ACCOUNT},
    {"deposit the house cannot count", NOBODY, YEN, 1, "JPY", CODE_BALANCE_OVERFLOW, FIELD_AMOUNT},
    /* withdrawals */
    {"withdrawal", RICH, NOBODY, 1, "KRW", CODE_OK, FIELD_NONE},
    {"withdrawal of all", RICH, NOBODY, 10000, "KRW", CODE_OK, FIELD_NONE},
    {"withdrawal of too much", RICH, NOBODY, 10001, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"withdrawal of the overdraft", OWING, NOBODY, 200, "KRW", CODE_OK, FIELD_NONE},
    {"withdrawal beyond it", OWING, NOBODY, 201, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"withdrawal to the minimum", KEEPING, NOBODY, 50, "KRW", CODE_OK, FIELD_NONE},
    {"withdrawal below it", KEEPING, NOBODY, 51, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"withdrawal from nobody", MISSING, NOBODY, 1, "KRW", CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT},
    {"withdrawal of dollars", RICH, NOBODY, 1, "USD", CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"withdrawal from closed", CLOSED, NOBODY, 1, "KRW", CODE_ACCOUNT_CLOSED, FIELD_FROM_ACCOUNT},
    {"withdrawal from frozen", FROZEN, NOBODY, 1, "KRW", CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT},
};

enum { ROWS = sizeof rows / sizeof *rows };

static struct ledger_command command_of(const struct cast *cast, const struct row *row, uint32_t receiver,
                                        uint64_t id)
{
    const char *from = cast_id(cast, 0, row->from);
    const char *to = cast_id(cast, receiver, row->to);
    if (!from)
        return world_deposit(id, to, row->amount, row->currency);
    if (!to)
        return world_withdraw(id, from, row->amount, row->currency);
    return world_transfer(id, from, to, row->amount, row->currency);
}

/* Balances in the answer are those of the accounts, and of nobody else. */
static void balances_match(const struct cast *cast, const struct row *row, uint32_t receiver,
                           const struct ledger_row *answer)
{
    int has = 0, changed = 0;
    if (row->code == CODE_OK && row->from != NOBODY) {
        has |= ROW_HAS_FROM;
        changed++;
        assert_int_equal(answer->from_balance, cast_balance(cast, 0, row->from));
        assert_int_equal(answer->from_balance, cast->balances[0][row->from] - row->amount);
    }
    if (row->code == CODE_OK && row->to != NOBODY) {
        has |= ROW_HAS_TO;
        changed++;
        assert_int_equal(answer->to_balance, cast_balance(cast, receiver, row->to));
        assert_int_equal(answer->to_balance, cast->balances[receiver][row->to] + row->amount);
    }
    assert_int_equal(answer->has, has);
    assert_int_equal(cast_changed(cast), changed);
}

static void row_run(const struct row *row, uint32_t receiver)
{
    struct cast cast;
    cast_open(&cast);
    struct ledger_command command = command_of(&cast, row, receiver, 1);
    struct ledger_row answer = *world_run(cast.runner, &command);
    if (answer.code != row->code || answer.field != row->field)
        print_error("%s, %s: %s %d\n", row->what, receiver ? "crossing" : "local",
                    code_name((enum code)answer.code), answer.field);
    assert_int_equal(answer.code, row->code);
    assert_int_equal(answer.field, row->field);
    balances_match(&cast, row, receiver, &answer);
    /* The same id again: the same answer, and nothing moves. */
    cast_note(&cast);
    assert_memory_equal(world_run(cast.runner, &command), &answer, sizeof answer);
    assert_int_equal(cast_changed(&cast), 0);
    /* … and with another amount: CONFLICT, and nothing moves. */
    command.amount += command.amount == MONEY_MAX ? -1 : 1;
    const struct ledger_row *other = world_run(cast.runner, &command);
    assert_int_equal(other->code, CODE_CONFLICT);
    assert_int_equal(other->field, FIELD_TRANSACTION_ID);
    assert_int_equal(cast_changed(&cast), 0);
    cast_close(&cast);
}

static void each_command_has_its_answer_in_one_partition(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        row_run(&rows[i], 0);
}

static void between_partitions_the_answer_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].from != NOBODY && rows[i].to != NOBODY)
            row_run(&rows[i], 1);
    }
}

/* One row of a batch is what it is whatever stands before it, money that has just arrived included. */
static void a_batch_is_decided_in_order(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH), *poor = cast_id(&cast, 0, POOR),
               *far = cast_id(&cast, 1, POOR);
    struct ledger_command commands[] = {
        world_transfer(1, poor, rich, 1, "KRW"),
        world_transfer(2, rich, poor, 10, "KRW"),
        world_transfer(3, poor, far, 10, "KRW"),
        world_withdraw(4, poor, 1, "KRW"),
        world_deposit(5, poor, 3, "KRW"),
        world_withdraw(6, poor, 3, "KRW"),
        world_transfer(2, rich, poor, 10, "KRW"),
        world_transfer(2, rich, poor, 11, "KRW"),
        {.code = CODE_INVALID_FIELD, .field = FIELD_AMOUNT, .kind = COMMAND_DEPOSIT},
    };
    static const enum code expected[] = {CODE_INSUFFICIENT_FUNDS,
                                         CODE_OK,
                                         CODE_OK,
                                         CODE_INSUFFICIENT_FUNDS,
                                         CODE_OK,
                                         CODE_OK,
                                         CODE_OK,
                                         CODE_CONFLICT,
                                         CODE_INVALID_FIELD};
    const struct ledger_row *answers = runner_run(cast.runner, 0, commands, 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(answers[i].code, expected[i]);
    assert_int_equal(answers[8].field, FIELD_AMOUNT);
    assert_int_equal(answers[2].from_balance, 0);
    assert_int_equal(answers[2].to_balance, 10);
    assert_memory_equal(&answers[6], &answers[1], sizeof answers[1]);
    cast_close(&cast);
}

static void an_item_of_another_partition_is_refused_and_not_remembered(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *far = cast_id(&cast, 1, RICH), *near = cast_id(&cast, 0, POOR);
    const struct ledger_command commands[] = {world_transfer(1, far, near, 1, "KRW"),
                                              world_withdraw(2, far, 1, "KRW"),
                                              world_deposit(3, far, 1, "KRW")};
    static const enum field fields[] = {FIELD_FROM_ACCOUNT, FIELD_FROM_ACCOUNT, FIELD_TO_ACCOUNT};
    for (size_t i = 0; i < 3; i++) {
        const struct ledger_row *answer = runner_run(cast.runner, 0, &commands[i], 1);
        assert_int_equal(answer->code, CODE_WRONG_PARTITION);
        assert_int_equal(answer->field, fields[i]);
        assert_int_equal(ledger_transaction_find(runner_ledger(cast.runner, 0), &commands[i].id), 0);
        assert_int_equal(world_run(cast.runner, &commands[i])->code, CODE_OK);
    }
    cast_close(&cast);
}

static void a_deadline_holds_to_its_microsecond_and_a_late_command_is_not_remembered(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_command command = world_deposit(1, cast_id(&cast, 0, POOR), 5, "KRW");
    command.deadline_us = runner_now(cast.runner) - 1;
    const struct runner_request *late = runner_post(cast.runner, 0, &command, 1);
    runner_settle(cast.runner);
    assert_int_equal(late->rows[0].code, CODE_DEADLINE_EXCEEDED);
    assert_int_equal(late->rows[0].field, FIELD_NONE);
    command.deadline_us = runner_now(cast.runner);
    const struct runner_request *just = runner_post(cast.runner, 0, &command, 1);
    runner_settle(cast.runner);
    assert_int_equal(just->rows[0].code, CODE_OK);
    runner_advance(cast.runner, 1000000); /* a repeat of what was carried out is never too late */
    assert_int_equal(world_run(cast.runner, &command)->code, CODE_OK);
    assert_int_equal(cast_balance(&cast, 0, POOR), 5);
    cast_close(&cast);
}

static void while_space_is_low_new_commands_are_busy_and_old_ones_answered(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH), *poor = cast_id(&cast, 0, POOR),
               *far = cast_id(&cast, 1, POOR);
    const struct ledger_command old = world_transfer(1, rich, poor, 1, "KRW");
    const struct ledger_command flying = world_transfer(2, rich, far, 2, "KRW");
    assert_int_equal(world_run(cast.runner, &old)->code, CODE_OK);
    const struct runner_request *request = runner_post(cast.runner, 0, &flying, 1);
    ledger_refuse_new(runner_ledger(cast.runner, 0), true);
    runner_settle(cast.runner);
    assert_int_equal(request->rows[0].code, CODE_OK);
    assert_int_equal(world_run(cast.runner, &old)->code, CODE_OK);
    const struct ledger_command fresh[] = {
        world_transfer(3, rich, poor, 1, "KRW"),
        world_deposit(4, poor, 1, "KRW"),
        world_withdraw(5, rich, 1, "KRW"),
        world_group(6, &fresh[0], 1),
    };
    cast_note(&cast);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(world_run(cast.runner, &fresh[i])->code, CODE_BUSY);
    assert_int_equal(cast_changed(&cast), 0);
    ledger_refuse_new(runner_ledger(cast.runner, 0), false);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(world_run(cast.runner, &fresh[i])->code, CODE_OK);
    cast_close(&cast);
}

static void beyond_the_window_between_partitions_commands_are_busy(void **state)
{
    char near[WORLD_ID_MAX], far[WORLD_ID_MAX];
    (void)state;
    struct runner_config config = runner_config_default(2);
    config.ledger.link_window = 3;
    struct runner *runner = runner_new(&config);
    world_open(runner, world_account_id(0, 2, "n", 0, near), "KRW");
    world_open(runner, world_account_id(1, 2, "f", 0, far), "KRW");
    const struct ledger_command deposit = world_deposit(100, near, 100, "KRW");
    assert_int_equal(world_run(runner, &deposit)->code, CODE_OK);
    struct ledger_command commands[5];
    for (uint64_t i = 0; i < 5; i++)
        commands[i] = world_transfer(1 + i, near, far, 10, "KRW");
    const struct ledger_row *answers = runner_run(runner, 0, commands, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(answers[i].code, i < 3 ? CODE_OK : CODE_BUSY);
    assert_int_equal(world_view(runner, near).balance, 70);
    answers = runner_run(runner, 0, commands, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(answers[i].code, CODE_OK);
    assert_int_equal(world_view(runner, far).balance, 50);
    runner_destroy(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_has_its_answer_in_one_partition),
        cmocka_unit_test(between_partitions_the_answer_is_the_same),
        cmocka_unit_test(a_batch_is_decided_in_order),
        cmocka_unit_test(an_item_of_another_partition_is_refused_and_not_remembered),
        cmocka_unit_test(a_deadline_holds_to_its_microsecond_and_a_late_command_is_not_remembered),
        cmocka_unit_test(while_space_is_low_new_commands_are_busy_and_old_ones_answered),
        cmocka_unit_test(beyond_the_window_between_partitions_commands_are_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
