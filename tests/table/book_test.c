/* Foreign-currency accounts, worked by hand: value, cost, gain and book value of each posting, in won.
 *
 * The base currency is KRW, which has no decimals. In the comments: value = amount × rate; cost = book value × amount / balance; both
 * half to even.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "actors/ledger/fact.h"
#include "store/journal.h"
#include "tests/table/cast.h"

#include <string.h>

enum { PARTITIONS = 2, FACT_SPACE = 1024 };

struct desk {
    struct runner *runner;
    uint64_t next_id;
    char usd[PARTITIONS][WORLD_ID_MAX]; /* accounts with a book value */
    char jpy[WORLD_ID_MAX], kwd[WORLD_ID_MAX];
    char plain[PARTITIONS][WORLD_ID_MAX]; /* dollars without one */
};

static void open_fx(struct desk *desk, const char *id, const char *currency, int64_t minimum)
{
    struct ledger_account_command command = world_account(ACCOUNT_OPEN, id, currency);
    command.has_book = true;
    command.minimum_balance = minimum;
    assert_int_equal(runner_account(desk->runner, &command).code, CODE_OK);
}

static int setup(void **state)
{
    static struct desk desk;
    struct runner_config config = runner_config_default(PARTITIONS);
    desk = (struct desk){.runner = runner_new(&config), .next_id = 1};
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        open_fx(&desk, world_account_id(p, PARTITIONS, "usd", 0, desk.usd[p]), "USD", 0);
        world_open(desk.runner, world_account_id(p, PARTITIONS, "plain", 0, desk.plain[p]), "USD");
    }
    open_fx(&desk, world_account_id(0, PARTITIONS, "jpy", 0, desk.jpy), "JPY", 0);
    open_fx(&desk, world_account_id(0, PARTITIONS, "kwd", 0, desk.kwd), "KWD", 0);
    runner_settle(desk.runner);
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        runner_flush(desk->runner, p);
        runner_compare(desk->runner, p, RUNNER_STATE_DELETED, NULL, 0);
        runner_compare(desk->runner, p, RUNNER_STATE_KEPT, NULL, 0);
    }
    runner_destroy(&desk->runner);
    return 0;
}

static int64_t rate_of(const char *text)
{
    int64_t rate = 0;
    assert_int_equal(rate_parse(str_from(text), &rate), ERR_OK);
    return rate;
}

static struct ledger_row post(struct desk *desk, struct ledger_command command, const char *rate)
{
    if (rate)
        command.rate = rate_of(rate);
    struct ledger_row row = *world_run(desk->runner, &command);
    runner_settle(desk->runner);
    return row;
}

static struct ledger_row deposit(struct desk *desk, const char *to, int64_t amount, const char *currency,
                                 const char *rate)
{
    return post(desk, world_deposit(desk->next_id++, to, amount, currency), rate);
}

static struct ledger_row withdraw(struct desk *desk, const char *from, int64_t amount, const char *currency,
                                  const char *rate)
{
    return post(desk, world_withdraw(desk->next_id++, from, amount, currency), rate);
}

static struct ledger_row transfer(struct desk *desk, const char *from, const char *to, int64_t amount,
                                  const char *rate)
{
    return post(desk, world_transfer(desk->next_id++, from, to, amount, "USD"), rate);
}

static int64_t book_of(struct desk *desk, const char *id)
{
    return world_view(desk->runner, id).book_value;
}

/* What the last fact of an account says of its book value. */
static struct fact_book last_book(struct desk *desk, const char *id, enum fact_tag tag)
{
    uint8_t bytes[FACT_SPACE];
    struct fact_strings strings;
    struct fact_book book;
    struct journal_reader *reader;
    size_t length, size;
    int64_t time_us;
    struct ledger_account_view view = world_view(desk->runner, id);
    uint32_t partition = ledger_partition_of(str_from(id), PARTITIONS);
    runner_flush(desk->runner, partition);
    assert_int_equal(journal_reader_new(runner_journal(desk->runner, partition), &reader), ERR_OK);
    assert_int_equal(journal_reader_begin(reader), ERR_OK);
    assert_int_equal(journal_reader_fetch(reader, view.last_position, bytes, sizeof bytes, &length, &time_us),
                     ERR_OK);
    assert_int_equal(fact_check(bytes, length, &size), ERR_OK);
    size_t fixed = fact_fixed_size(bytes[0]);
    assert_int_equal(fact_strings_read(bytes + fixed, size - fixed, &strings), ERR_OK);
    assert_int_equal(strings.by_tag[tag].length, sizeof book);
    memcpy(&book, strings.by_tag[tag].data, sizeof book);
    journal_reader_close(&reader);
    return book;
}

static void check_book(struct fact_book book, int64_t value, int64_t cost, int64_t after)
{
    assert_int_equal(book.value, value);
    assert_int_equal(book.cost, cost);
    assert_int_equal(book.book, after);
}

static void check_credit(struct desk *desk, const char *id, int64_t value, int64_t after)
{
    check_book(last_book(desk, id, FACT_TAG_BOOK_CREDIT), value, value, after);
    assert_int_equal(book_of(desk, id), after);
}

static void check_debit(struct desk *desk, const char *id, int64_t value, int64_t cost, int64_t after)
{
    check_book(last_book(desk, id, FACT_TAG_BOOK_DEBIT), value, cost, after);
    assert_int_equal(book_of(desk, id), after);
}

static void check_refused(struct ledger_row row, enum code code, enum field field)
{
    assert_int_equal(row.code, code);
    assert_int_equal(row.field, field);
}

static void buying_averages_and_selling_realises_a_gain(void **state)
{
    struct desk *desk = *state;
    const char *usd = desk->usd[0];
    deposit(desk, usd, 10000, "USD", "1350.25"); /* 100.00 × 1,350.25 = 135,025 */
    check_credit(desk, usd, 135025, 135025);
    deposit(desk, usd, 5000, "USD", "1400"); /* 50.00 × 1,400 = 70,000; 205,025 for 150.00: 1,366.8333… */
    check_credit(desk, usd, 70000, 205025);
    assert_int_equal(rate_between(15000, 2, book_of(desk, usd), 0), rate_of("1366.8333333333"));
    /* 75.00 × 1,380 = 103,500; cost 205,025 × 75 / 150 = 102,512.5: to the even 102,512; gain 988 */
    withdraw(desk, usd, 7500, "USD", "1380");
    check_debit(desk, usd, 103500, 102512, 102513);
}

static void selling_below_the_average_is_a_loss(void **state)
{
    struct desk *desk = *state;
    const char *usd = desk->usd[0];
    deposit(desk, usd, 10000, "USD", "1350.25");
    withdraw(desk, usd, 4000, "USD", "1300"); /* 52,000; cost 135,025 × 0.4 = 54,010; loss 2,010 */
    check_debit(desk, usd, 52000, 54010, 81015);
    withdraw(desk, usd, 1000, "USD", NULL); /* without a rate: worth its cost, 81,015 / 6 = 13,502.5 */
    check_debit(desk, usd, 13502, 13502, 67513);
}

static void halves_go_to_the_even_won(void **state)
{
    struct desk *desk = *state;
    const char *usd = desk->usd[0];
    deposit(desk, usd, 1, "USD", "50"); /* 0.01 × 50 = 0.5: 0 */
    check_credit(desk, usd, 0, 0);
    deposit(desk, usd, 1, "USD", "150"); /* 1.5: 2 */
    check_credit(desk, usd, 2, 2);
    deposit(desk, usd, 1, "USD", "250"); /* 2.5: 2 */
    check_credit(desk, usd, 2, 4);
    deposit(desk, usd, 1, "USD", "250.0000000001");
    check_credit(desk, usd, 3, 7);
    deposit(desk, usd, 1, "USD", "849.9999999999"); /* 8.499…: 8 */
    check_credit(desk, usd, 8, 15);
    withdraw(desk, usd, 1, "USD", "1250"); /* worth 12.5: 12; cost 15 / 5 = 3 */
    check_debit(desk, usd, 12, 3, 12);
    withdraw(desk, usd, 3, "USD", "1"); /* 0.03: 0; cost 12 × 3 / 4 = 9 */
    check_debit(desk, usd, 0, 9, 3);
}

static void decimals_of_currencies_are_moved(void **state)
{
    struct desk *desk = *state;
    deposit(desk, desk->jpy, 10000, "JPY", "9.0523"); /* 10,000 yen × 9.0523 = 90,523 */
    check_credit(desk, desk->jpy, 90523, 90523);
    withdraw(desk, desk->jpy, 3333, "JPY", "9"); /* 29,997; cost 90,523 × 3,333 / 10,000 = 30,171.3 */
    check_debit(desk, desk->jpy, 29997, 30171, 60352);
    deposit(desk, desk->kwd, 1234, "KWD", "4402.15"); /* 1.234 × 4,402.15 = 5,432.25 */
    check_credit(desk, desk->kwd, 5432, 5432);
    withdraw(desk, desk->kwd, 617, "KWD", "4500.5"); /* 0.617 × 4,500.5 = 2,776.8; cost 2,716 */
    check_debit(desk, desk->kwd, 2777, 2716, 2716);
}

static void the_last_unit_takes_all_of_the_book_value(void **state)
{
    struct desk *desk = *state;
    const char *usd = desk->usd[0];
    deposit(desk, usd, 3, "USD", "3333.33"); /* 0.03 × 3,333.33 = 99.9999: 100 */
    withdraw(desk, usd, 1, "USD", NULL);     /* 33.3: 33 */
    check_debit(desk, usd, 33, 33, 67);
    withdraw(desk, usd, 1, "USD", NULL); /* 33.5: the even 34 */
    check_debit(desk, usd, 34, 34, 33);
    withdraw(desk, usd, 1, "USD", "0.1"); /* 0.001: 0; all of it: 33 */
    check_debit(desk, usd, 0, 33, 0);
}

static void an_overdraft_takes_all_and_a_credit_counts_whole(void **state)
{
    struct desk *desk = *state;
    char id[WORLD_ID_MAX];
    world_account_id(0, PARTITIONS, "owing", 0, id);
    open_fx(desk, id, "USD", -100000);
    deposit(desk, id, 1000, "USD", "1000");  /* 10.00: 10,000 */
    withdraw(desk, id, 1500, "USD", "1100"); /* worth 16,500; the balance falls to -5.00: all 10,000 */
    check_debit(desk, id, 16500, 10000, 0);
    withdraw(desk, id, 500, "USD", NULL); /* nothing is left to cost */
    check_debit(desk, id, 0, 0, 0);
    deposit(desk, id, 1500, "USD", "1200"); /* up to 5.00, and all of the 18,000 counts */
    check_credit(desk, id, 18000, 18000);
    assert_int_equal(world_view(desk->runner, id).balance, 500);
}

static void a_credit_without_a_rate_is_refused(void **state)
{
    struct desk *desk = *state;
    deposit(desk, desk->plain[0], 1000, "USD", NULL);
    check_refused(deposit(desk, desk->usd[0], 1, "USD", NULL), CODE_RATE_REQUIRED, FIELD_RATE);
    check_refused(transfer(desk, desk->plain[0], desk->usd[0], 1, NULL), CODE_RATE_REQUIRED, FIELD_RATE);
    check_refused(transfer(desk, desk->plain[0], desk->usd[1], 1, NULL), CODE_RATE_REQUIRED, FIELD_RATE);
    check_refused(deposit(desk, desk->usd[0], 1, "KRW", NULL), CODE_CURRENCY_MISMATCH, FIELD_TO_ACCOUNT);
    assert_int_equal(world_view(desk->runner, desk->plain[0]).balance, 1000);
    /* A refusal is kept with its id, whichever partition gave it. */
    struct ledger_command here = world_transfer(500, desk->plain[0], desk->usd[0], 1, "USD");
    struct ledger_command there = world_transfer(501, desk->plain[0], desk->usd[1], 1, "USD");
    for (int turn = 0; turn < 2; turn++) {
        check_refused(post(desk, here, NULL), CODE_RATE_REQUIRED, FIELD_RATE);
        check_refused(post(desk, there, NULL), CODE_RATE_REQUIRED, FIELD_RATE);
    }
}

static void values_that_do_not_fit_are_refused(void **state)
{
    struct desk *desk = *state;
    for (uint32_t p = 0; p < PARTITIONS; p++)
        deposit(desk, desk->plain[p], MONEY_MAX, "USD", NULL);
    /* 10^15.00 dollars × 10^8 is 10^23 */
    check_refused(deposit(desk, desk->usd[0], MONEY_MAX, "USD", "100000000"), CODE_BALANCE_OVERFLOW,
                  FIELD_RATE);
    deposit(desk, desk->usd[0], MONEY_MAX, "USD", "4000"); /* 10^15 × 4,000: the most there is */
    assert_int_equal(book_of(desk, desk->usd[0]), INT64_C(4000000000000000000));
    check_refused(deposit(desk, desk->usd[0], 100, "USD", "1"), CODE_BALANCE_OVERFLOW, FIELD_RATE);
    check_refused(transfer(desk, desk->plain[1], desk->usd[0], 100, "1"), CODE_BALANCE_OVERFLOW, FIELD_RATE);
    check_refused(withdraw(desk, desk->usd[0], MONEY_MAX, "USD", "100000000"), CODE_BALANCE_OVERFLOW,
                  FIELD_RATE);
    assert_int_equal(deposit(desk, desk->usd[0], 1, "USD", "0.0000000001").code, CODE_OK);
}

static void a_transfer_carries_its_rate_to_both_sides(void **state)
{
    struct desk *desk = *state;
    char other[WORLD_ID_MAX];
    world_account_id(0, PARTITIONS, "other", 0, other);
    open_fx(desk, other, "USD", 0);
    deposit(desk, desk->usd[0], 10000, "USD", "1000"); /* 100,000 */
    transfer(desk, desk->usd[0], other, 2500, "1200"); /* worth 30,000, cost 25,000 */
    check_debit(desk, desk->usd[0], 30000, 25000, 75000);
    check_credit(desk, other, 30000, 30000);
    transfer(desk, desk->usd[0], desk->usd[1], 2500, "1300"); /* worth 32,500, cost 25,000 */
    check_debit(desk, desk->usd[0], 32500, 25000, 50000);
    check_credit(desk, desk->usd[1], 32500, 32500);
    transfer(desk, desk->usd[1], desk->plain[0], 1000, NULL); /* 32,500 × 10 / 25 = 13,000 */
    check_debit(desk, desk->usd[1], 13000, 13000, 19500);
    assert_int_equal(world_view(desk->runner, desk->plain[0]).base, CURRENCY_NONE);
}

static void what_comes_back_restores_just_what_it_took(void **state)
{
    struct desk *desk = *state;
    struct ledger_account_command freeze = world_account(ACCOUNT_FREEZE, desk->usd[1], "USD");
    assert_int_equal(runner_account(desk->runner, &freeze).code, CODE_OK);
    runner_settle(desk->runner);
    deposit(desk, desk->usd[0], 3, "USD", "3333.33"); /* 100 */
    /* worth 20, cost 33.3: 33; it comes back at its cost */
    check_refused(transfer(desk, desk->usd[0], desk->usd[1], 1, "2000"), CODE_ACCOUNT_FROZEN,
                  FIELD_TO_ACCOUNT);
    check_credit(desk, desk->usd[0], 33, 100);
    assert_int_equal(world_view(desk->runner, desk->usd[0]).balance, 3);
}

static void a_crash_between_the_halves_keeps_rate_and_book_value(void **state)
{
    struct desk *desk = *state;
    deposit(desk, desk->usd[0], 10000, "USD", "1000");
    for (int kind = 0; kind < 3; kind++) {
        static const enum runner_state states[] = {RUNNER_STATE_KEPT, RUNNER_STATE_DELETED,
                                                   RUNNER_STATE_STALE};
        struct ledger_command command =
            world_transfer(desk->next_id++, desk->usd[0], desk->usd[1], 1000, "USD");
        command.rate = rate_of("1500");
        runner_snapshot(desk->runner, 0);
        runner_post(desk->runner, 0, &command, 1);
        runner_flush(desk->runner, 0);
        runner_crash(desk->runner, 0, states[kind]);
        runner_settle(desk->runner);
        runner_crash(desk->runner, 1, states[kind]);
        runner_settle(desk->runner);
        assert_int_equal(book_of(desk, desk->usd[0]), 100000 - 10000 * (kind + 1));
        assert_int_equal(book_of(desk, desk->usd[1]), 15000 * (kind + 1)); /* 10.00 × 1,500 */
    }
}

static void another_rate_is_another_payload(void **state)
{
    struct desk *desk = *state;
    deposit(desk, desk->usd[0], 10000, "USD", "1000");
    const struct ledger_command commands[] = {
        world_deposit(700, desk->usd[0], 100, "USD"),
        world_withdraw(701, desk->usd[0], 100, "USD"),
        world_transfer(702, desk->usd[0], desk->plain[0], 100, "USD"),
        world_transfer(703, desk->usd[0], desk->usd[1], 100, "USD"),
        world_deposit(704, desk->plain[0], 100, "USD"),
        world_withdraw(705, desk->usd[0], 1000000, "USD"), /* refused */
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct ledger_row first = post(desk, commands[i], "1100");
        struct ledger_row again = post(desk, commands[i], "1100.0");
        assert_int_equal(again.code, first.code);
        assert_int_equal(again.from_balance, first.from_balance);
        check_refused(post(desk, commands[i], "1100.01"), CODE_CONFLICT, FIELD_TRANSACTION_ID);
        check_refused(post(desk, commands[i], NULL), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    }
}

static struct ledger_row run_group(struct desk *desk, struct ledger_command *items, uint16_t count)
{
    struct ledger_command group = world_group(desk->next_id++, items, count);
    const struct ledger_row *rows = world_run(desk->runner, &group);
    struct ledger_row row = rows[0];
    runner_settle(desk->runner);
    return row;
}

static void items_of_a_group_cost_in_their_order(void **state)
{
    struct desk *desk = *state;
    deposit(desk, desk->usd[0], 300, "USD", "1000.5"); /* 3,001.5: the even 3,002 */
    struct ledger_command items[] = {
        world_transfer(desk->next_id++, desk->usd[0], desk->usd[1], 100, "USD"),
        world_withdraw(desk->next_id++, desk->usd[0], 100, "USD"),
        world_deposit(desk->next_id++, desk->usd[1], 100, "USD"),
    };
    items[0].rate = rate_of("1100");
    items[2].rate = rate_of("900");
    assert_int_equal(run_group(desk, items, 3).code, CODE_OK);
    /* 3,002 / 3 = 1,000.7: 1,001; then 2,001 / 2 = 1,000.5: 1,000 */
    check_debit(desk, desk->usd[0], 1000, 1000, 1001);
    check_credit(desk, desk->usd[1], 900, 2000);
}

static void a_group_is_refused_for_a_rate_in_one_partition_and_in_two(void **state)
{
    struct desk *desk = *state;
    deposit(desk, desk->plain[0], 1000, "USD", NULL);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        struct ledger_command items[] = {
            world_withdraw(desk->next_id++, desk->plain[0], 100, "USD"),
            world_transfer(desk->next_id++, desk->plain[0], desk->usd[p], 100, "USD"),
        };
        check_refused(run_group(desk, items, 2), CODE_RATE_REQUIRED, FIELD_RATE);
        items[0].id = world_uuid(desk->next_id++);
        items[1].id = world_uuid(desk->next_id++);
        items[1].rate = rate_of("1234.5");
        assert_int_equal(run_group(desk, items, 2).code, CODE_OK);
        check_credit(desk, desk->usd[p], 1234, 1234); /* 1,234.5 */
    }
}

static void the_sum_of_a_groups_values_is_tested_before_it_is_promised(void **state)
{
    struct desk *desk = *state;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        deposit(desk, desk->plain[0], MONEY_MAX, "USD", NULL);
        struct ledger_command items[] = {
            world_transfer(desk->next_id++, desk->plain[0], desk->usd[p], MONEY_MAX / 2, "USD"),
            world_transfer(desk->next_id++, desk->plain[0], desk->usd[p], MONEY_MAX / 2, "USD"),
        };
        items[0].rate = items[1].rate = rate_of("4001");
        check_refused(run_group(desk, items, 2), CODE_BALANCE_OVERFLOW, FIELD_RATE);
        assert_int_equal(book_of(desk, desk->usd[p]), 0);
    }
}

static void opening_with_a_book_value_is_part_of_what_is_asked(void **state)
{
    struct desk *desk = *state;
    struct ledger_account_command command = world_account(ACCOUNT_OPEN, desk->usd[0], "USD");
    assert_int_equal(runner_account(desk->runner, &command).code, CODE_ACCOUNT_EXISTS);
    command.has_book = true;
    assert_int_equal(runner_account(desk->runner, &command).code, CODE_OK);
    char won[WORLD_ID_MAX];
    command = world_account(ACCOUNT_OPEN, world_account_id(0, PARTITIONS, "won", 0, won), "KRW");
    command.has_book = true;
    struct ledger_account_answer answer = runner_account(desk->runner, &command);
    assert_int_equal(answer.code, CODE_INVALID_FIELD);
    assert_int_equal(answer.field, FIELD_FX);
}

#define BOOK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(buying_averages_and_selling_realises_a_gain),
        BOOK_TEST(selling_below_the_average_is_a_loss),
        BOOK_TEST(halves_go_to_the_even_won),
        BOOK_TEST(decimals_of_currencies_are_moved),
        BOOK_TEST(the_last_unit_takes_all_of_the_book_value),
        BOOK_TEST(an_overdraft_takes_all_and_a_credit_counts_whole),
        BOOK_TEST(a_credit_without_a_rate_is_refused),
        BOOK_TEST(values_that_do_not_fit_are_refused),
        BOOK_TEST(a_transfer_carries_its_rate_to_both_sides),
        BOOK_TEST(what_comes_back_restores_just_what_it_took),
        BOOK_TEST(a_crash_between_the_halves_keeps_rate_and_book_value),
        BOOK_TEST(another_rate_is_another_payload),
        BOOK_TEST(items_of_a_group_cost_in_their_order),
        BOOK_TEST(a_group_is_refused_for_a_rate_in_one_partition_and_in_two),
        BOOK_TEST(the_sum_of_a_groups_values_is_tested_before_it_is_promised),
        BOOK_TEST(opening_with_a_book_value_is_part_of_what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
