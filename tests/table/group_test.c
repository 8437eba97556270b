/* Atomic groups: all or none, in one partition and across two; who is named as the culprit; what is held
 * back while the others are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/table/cast.h"

enum { ITEMS_MAX = 4, ID = 1 };

struct item {
    enum role from, to; /* NOBODY: the house */
    int64_t amount;
    const char *currency;
};

struct row {
    const char *what;
    struct item items[ITEMS_MAX];
    enum code code;
    enum field field;
    int culprit;
};

static const struct row rows[] = {
    {"one item", {{RICH, POOR, 1, "KRW"}}, CODE_OK, FIELD_NONE, 0},
    {"each kind",
     {{RICH, POOR, 1, "KRW"}, {NOBODY, RICH, 2, "KRW"}, {RICH, NOBODY, 3, "KRW"}},
     CODE_OK,
     FIELD_NONE,
     0},
    {"two currencies", {{RICH, POOR, 1, "KRW"}, {DOLLARS, NOBODY, 2, "USD"}}, CODE_OK, FIELD_NONE, 0},
    {"the whole balance in parts",
     {{RICH, POOR, 9999, "KRW"}, {RICH, CAPPED, 1, "KRW"}},
     CODE_OK,
     FIELD_NONE,
     0},
    {"a won too much in parts",
     {{RICH, POOR, 9999, "KRW"}, {RICH, CAPPED, 2, "KRW"}},
     CODE_INSUFFICIENT_FUNDS,
     FIELD_FROM_ACCOUNT,
     1},
    {"what arrives cannot be spent",
     {{RICH, POOR, 10, "KRW"}, {POOR, NOBODY, 10, "KRW"}},
     CODE_INSUFFICIENT_FUNDS,
     FIELD_FROM_ACCOUNT,
     1},
    {"what leaves makes no room",
     {{CAPPED, POOR, 100, "KRW"}, {RICH, CAPPED, 401, "KRW"}},
     CODE_CEILING_EXCEEDED,
     FIELD_TO_ACCOUNT,
     1},
    {"the ceiling in parts",
     {{RICH, CAPPED, 300, "KRW"}, {NOBODY, CAPPED, 100, "KRW"}},
     CODE_OK,
     FIELD_NONE,
     0},
    {"above the ceiling in parts",
     {{RICH, CAPPED, 300, "KRW"}, {NOBODY, CAPPED, 101, "KRW"}},
     CODE_CEILING_EXCEEDED,
     FIELD_TO_ACCOUNT,
     1},
    {"the overdraft in parts",
     {{OWING, POOR, 150, "KRW"}, {OWING, NOBODY, 50, "KRW"}},
     CODE_OK,
     FIELD_NONE,
     0},
    {"there and back",
     {{RICH, POOR, 10000, "KRW"}, {FROZEN, RICH, 1, "KRW"}},
     CODE_ACCOUNT_FROZEN,
     FIELD_FROM_ACCOUNT,
     1},
    {"no payer",
     {{RICH, POOR, 1, "KRW"}, {MISSING, POOR, 1, "KRW"}},
     CODE_ACCOUNT_NOT_FOUND,
     FIELD_FROM_ACCOUNT,
     1},
    {"no receiver",
     {{RICH, MISSING, 1, "KRW"}, {RICH, POOR, 1, "KRW"}},
     CODE_ACCOUNT_NOT_FOUND,
     FIELD_TO_ACCOUNT,
     0},
    {"another currency",
     {{RICH, POOR, 1, "KRW"}, {RICH, POOR, 1, "USD"}},
     CODE_CURRENCY_MISMATCH,
     FIELD_FROM_ACCOUNT,
     1},
    {"receiver in another currency",
     {{RICH, POOR, 1, "KRW"}, {RICH, DOLLARS, 1, "KRW"}},
     CODE_CURRENCY_MISMATCH,
     FIELD_TO_ACCOUNT,
     1},
    {"closed",
     {{RICH, POOR, 1, "KRW"}, {NOBODY, CLOSED, 1, "KRW"}},
     CODE_ACCOUNT_CLOSED,
     FIELD_TO_ACCOUNT,
     1},
    {"frozen",
     {{RICH, POOR, 1, "KRW"}, {NOBODY, FROZEN, 1, "KRW"}},
     CODE_ACCOUNT_FROZEN,
     FIELD_TO_ACCOUNT,
     1},
    {"beyond counting",
     {{RICH, POOR, 1, "KRW"}, {YEN, BRIMFUL, 1, "JPY"}},
     CODE_BALANCE_OVERFLOW,
     FIELD_TO_ACCOUNT,
     1},
    {"the house cannot count it",
     {{RICH, POOR, 1, "KRW"}, {NOBODY, YEN, 1, "JPY"}},
     CODE_BALANCE_OVERFLOW,
     FIELD_AMOUNT,
     1},
    {"the first of two culprits",
     {{RICH, FROZEN, 1, "KRW"}, {RICH, CLOSED, 1, "KRW"}},
     CODE_ACCOUNT_FROZEN,
     FIELD_TO_ACCOUNT,
     0},
};

enum { ROWS = sizeof rows / sizeof *rows };

static uint16_t items_of(const struct cast *cast, const struct row *row, uint32_t payer, uint32_t receiver,
                         uint64_t first_id, struct ledger_command *out)
{
    uint16_t count = 0;
    for (; count < ITEMS_MAX && row->items[count].amount > 0; count++) {
        const struct item *item = &row->items[count];
        /* Each role stands in one partition: a group must not find twins of an account. */
        const char *from = cast_id(cast, payer, item->from), *to = cast_id(cast, receiver, item->to);
        uint64_t id = first_id + count;
        out[count] = !from ? world_deposit(id, to, item->amount, item->currency)
                     : !to ? world_withdraw(id, from, item->amount, item->currency)
                           : world_transfer(id, from, to, item->amount, item->currency);
    }
    return count;
}

static void answer_is(const struct row *row, const struct ledger_row *answer, uint16_t count)
{
    if (answer[0].code != row->code || answer[0].field != row->field)
        print_error("%s: %s %d\n", row->what, code_name((enum code)answer[0].code), answer[0].field);
    assert_int_equal(answer[0].code, row->code);
    assert_int_equal(answer[0].field, row->field);
    assert_int_equal(answer[0].group_count, count);
    for (int i = 0; i < count; i++) {
        const struct ledger_row *item = &answer[i + 1];
        bool culprit = i == row->culprit;
        assert_int_equal(item->code, row->code == CODE_OK || culprit ? row->code : CODE_GROUP_REFUSED);
        assert_int_equal(item->field, culprit ? row->field : FIELD_NONE);
        int has =
            (row->items[i].from != NOBODY ? ROW_HAS_FROM : 0) | (row->items[i].to != NOBODY ? ROW_HAS_TO : 0);
        assert_int_equal(item->has, row->code == CODE_OK ? has : 0);
    }
}

static void ids_are(struct cast *cast, const struct ledger_command *items, uint16_t count, bool used)
{
    for (uint16_t i = 0; i < count; i++) {
        uint32_t home = world_home(&items[i], CAST_PARTITIONS);
        uint64_t found = ledger_transaction_find(runner_ledger(cast->runner, home), &items[i].id);
        assert_int_equal(found != 0, used);
    }
}

/* The group's first item may belong to either partition, so that both coordinate. */
static void row_run(const struct row *row, uint32_t payer, uint32_t receiver)
{
    struct cast cast;
    struct ledger_command items[ITEMS_MAX];
    cast_open(&cast);
    uint16_t count = items_of(&cast, row, payer, receiver, 10, items);
    const struct ledger_command group = world_group(ID, items, count);
    answer_is(row, world_run(cast.runner, &group), count);
    ids_are(&cast, items, count, row->code == CODE_OK);
    assert_int_equal(cast_changed(&cast) > 0, row->code == CODE_OK);
    /* What a refused group would have used is free for another. */
    if (row->code != CODE_OK) {
        const struct ledger_command single = world_deposit(10, cast_id(&cast, payer, POOR), 1, "KRW");
        assert_int_equal(world_run(cast.runner, &single)->code, CODE_OK);
    }
    cast_close(&cast);
}

static void a_group_has_its_answer_in_one_partition(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        row_run(&rows[i], 0, 0);
}

/* The same roles, payers here and receivers there: verdicts that depend on one account being on both sides
 * need it in one place, and are left out. */
static bool needs_one_place(const struct row *row)
{
    for (int i = 0; i < ITEMS_MAX; i++) {
        for (int j = 0; j < ITEMS_MAX; j++) {
            if (row->items[i].from != NOBODY && row->items[i].from == row->items[j].to)
                return true;
        }
    }
    return false;
}

static void a_group_has_the_same_answer_across_partitions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        if (needs_one_place(&rows[i]))
            continue;
        row_run(&rows[i], 0, 1);
        row_run(&rows[i], 1, 0);
    }
}

static void a_row_of_a_group_has_the_balances_after_its_own_posting(void **state)
{
    (void)state;
    for (uint32_t receiver = 0; receiver < 2; receiver++) {
        struct cast cast;
        cast_open(&cast);
        const char *rich = cast_id(&cast, 0, RICH), *poor = cast_id(&cast, receiver, POOR);
        const struct ledger_command items[] = {world_transfer(11, rich, poor, 10, "KRW"),
                                               world_transfer(12, rich, poor, 20, "KRW"),
                                               world_deposit(13, poor, 5, "KRW")};
        const struct ledger_command group = world_group(ID, items, 3);
        const struct ledger_row *answer = world_run(cast.runner, &group);
        assert_int_equal(answer[1].from_balance, 9990);
        assert_int_equal(answer[1].to_balance, 10);
        assert_int_equal(answer[2].from_balance, 9970);
        assert_int_equal(answer[2].to_balance, 30);
        assert_int_equal(answer[3].to_balance, 35);
        cast_close(&cast);
    }
}

/* Decided by this partition, not yet answered by the other. */
static void half_way(struct cast *cast, const struct ledger_command *group)
{
    runner_post(cast->runner, 0, group, 1);
    runner_flush(cast->runner, 0);
}

static void what_a_group_may_pay_is_held_until_it_is_decided(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH), *poor = cast_id(&cast, 0, POOR),
               *far = cast_id(&cast, 1, POOR);
    const struct ledger_command item = world_transfer(11, rich, far, 9000, "KRW");
    const struct ledger_command group = world_group(ID, &item, 1);
    half_way(&cast, &group);
    assert_int_equal(world_view(cast.runner, rich).pending, 9000);
    assert_int_equal(world_view(cast.runner, rich).balance, 10000);
    const struct ledger_command commands[] = {world_transfer(2, rich, poor, 1001, "KRW"),
                                              world_transfer(3, rich, poor, 1000, "KRW"),
                                              world_withdraw(11, rich, 1, "KRW")};
    static const enum code expected[] = {CODE_INSUFFICIENT_FUNDS, CODE_OK, CODE_CONFLICT};
    const struct runner_request *request = runner_post(cast.runner, 0, commands, 3);
    const struct ledger_command other_item = world_transfer(21, rich, far, 1, "KRW");
    const struct ledger_command other = world_group(20, &other_item, 1);
    const struct runner_request *second = runner_post(cast.runner, 0, &other, 1);
    runner_settle(cast.runner);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(request->rows[i].code, expected[i]);
    assert_int_equal(second->rows[0].code, CODE_INSUFFICIENT_FUNDS);
    assert_int_equal(world_view(cast.runner, rich).pending, 0);
    assert_int_equal(world_view(cast.runner, rich).balance, 0);
    cast_close(&cast);
}

static void room_that_a_group_needs_is_kept_until_it_is_decided(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *capped = cast_id(&cast, 0, CAPPED), *far = cast_id(&cast, 1, RICH);
    const struct ledger_command items[] = {world_deposit(11, capped, 300, "KRW"),
                                           world_withdraw(12, far, 1, "KRW")};
    const struct ledger_command group = world_group(ID, items, 2);
    half_way(&cast, &group);
    const struct ledger_command commands[] = {world_deposit(2, capped, 101, "KRW"),
                                              world_deposit(3, capped, 100, "KRW")};
    const struct runner_request *request = runner_post(cast.runner, 0, commands, 2);
    struct ledger_account_command close = world_account(ACCOUNT_CLOSE, cast_id(&cast, 0, POOR), "KRW");
    assert_int_equal(runner_account(cast.runner, &close).code, CODE_OK);
    runner_settle(cast.runner);
    assert_int_equal(request->rows[0].code, CODE_CEILING_EXCEEDED);
    assert_int_equal(request->rows[1].code, CODE_OK);
    assert_int_equal(world_view(cast.runner, capped).balance, 500);
    cast_close(&cast);
}

static void an_account_that_a_group_will_pay_to_cannot_be_closed(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *poor = cast_id(&cast, 0, POOR);
    const struct ledger_command items[] = {world_deposit(11, poor, 300, "KRW"),
                                           world_withdraw(12, cast_id(&cast, 1, RICH), 1, "KRW")};
    const struct ledger_command group = world_group(ID, items, 2);
    half_way(&cast, &group);
    struct ledger_account_command close = world_account(ACCOUNT_CLOSE, poor, "KRW");
    assert_int_equal(runner_account(cast.runner, &close).code, CODE_NOT_EMPTY);
    struct ledger_account_command freeze = world_account(ACCOUNT_FREEZE, poor, "KRW");
    assert_int_equal(runner_account(cast.runner, &freeze).code, CODE_OK);
    runner_settle(cast.runner); /* what was promised is kept */
    assert_int_equal(world_view(cast.runner, poor).balance, 300);
    cast_close(&cast);
}

static void a_fault_of_the_message_refuses_the_group_and_is_not_remembered(void **state)
{
    static const struct {
        enum code code;
        enum field field;
        int64_t late_us;
    } faults[] = {{CODE_INVALID_FIELD, FIELD_AMOUNT, 0}, {CODE_DEADLINE_EXCEEDED, FIELD_NONE, 1}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct cast cast;
        cast_open(&cast);
        struct ledger_command items[] = {world_withdraw(11, cast_id(&cast, 0, RICH), 1, "KRW"),
                                         world_withdraw(12, cast_id(&cast, 0, RICH), 1, "KRW")};
        if (faults[i].late_us)
            items[1].deadline_us = runner_now(cast.runner) - 1;
        else
            items[1].code = (uint8_t)faults[i].code, items[1].field = (uint8_t)faults[i].field;
        const struct ledger_command group = world_group(ID, items, 2);
        const struct ledger_row *answer = world_run(cast.runner, &group);
        assert_int_equal(answer[0].code, faults[i].code);
        assert_int_equal(answer[1].code, CODE_GROUP_REFUSED);
        assert_int_equal(answer[2].code, faults[i].code);
        assert_int_equal(answer[2].field, faults[i].field);
        assert_int_equal(cast_changed(&cast), 0);
        items[1].code = CODE_OK;
        items[1].field = FIELD_NONE;
        items[1].deadline_us = 0;
        assert_int_equal(world_run(cast.runner, &group)[0].code, CODE_OK);
        cast_close(&cast);
    }
}

static void a_group_belongs_to_the_partition_of_its_first_item(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const struct ledger_command items[] = {world_withdraw(11, cast_id(&cast, 1, RICH), 1, "KRW"),
                                           world_withdraw(12, cast_id(&cast, 0, RICH), 1, "KRW")};
    const struct ledger_command group = world_group(ID, items, 2);
    const struct ledger_row *answer = runner_run(cast.runner, 0, &group, 1);
    assert_int_equal(answer[0].code, CODE_WRONG_PARTITION);
    assert_int_equal(answer[1].field, FIELD_FROM_ACCOUNT);
    assert_int_equal(answer[2].code, CODE_GROUP_REFUSED);
    assert_int_equal(world_run(cast.runner, &group)[0].code, CODE_OK);
    cast_close(&cast);
}

static void a_group_of_the_most_items_is_carried_out(void **state)
{
    (void)state;
    for (uint32_t receiver = 0; receiver < 2; receiver++) {
        static struct ledger_command items[LEDGER_GROUP_MAX];
        struct cast cast;
        cast_open(&cast);
        for (uint64_t i = 0; i < LEDGER_GROUP_MAX; i++) {
            items[i] =
                world_transfer(100 + i, cast_id(&cast, 0, RICH), cast_id(&cast, receiver, POOR), 10, "KRW");
            items[i].memo =
                (struct str){"0123456789012345678901234567890123456789012345678901234567890123456789"
                             "0123456789012345678901234567890123456789012345678901234567890123456789",
                             MEMO_MAX};
            items[i].reference = (struct str){items[i].memo.data, REFERENCE_MAX};
        }
        const struct ledger_command group = world_group(ID, items, LEDGER_GROUP_MAX);
        assert_int_equal(world_run(cast.runner, &group)[0].code, CODE_OK);
        assert_int_equal(cast_balance(&cast, receiver, POOR), 10 * LEDGER_GROUP_MAX);
        assert_int_equal(world_run(cast.runner, &group)[0].code, CODE_OK);
        assert_int_equal(cast_balance(&cast, 0, RICH), 10000 - 10 * LEDGER_GROUP_MAX);
        cast_close(&cast);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_has_its_answer_in_one_partition),
        cmocka_unit_test(a_group_has_the_same_answer_across_partitions),
        cmocka_unit_test(a_row_of_a_group_has_the_balances_after_its_own_posting),
        cmocka_unit_test(what_a_group_may_pay_is_held_until_it_is_decided),
        cmocka_unit_test(room_that_a_group_needs_is_kept_until_it_is_decided),
        cmocka_unit_test(an_account_that_a_group_will_pay_to_cannot_be_closed),
        cmocka_unit_test(a_fault_of_the_message_refuses_the_group_and_is_not_remembered),
        cmocka_unit_test(a_group_belongs_to_the_partition_of_its_first_item),
        cmocka_unit_test(a_group_of_the_most_items_is_carried_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
