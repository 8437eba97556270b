/* Quotes: each code and which comes first; repeats; rates and terms that change; replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/rate.h"
#include "tests/table/cast.h"

#include <string.h>

#define SECOND INT64_C(1000000)

enum { AGE_LIMIT_S = 60, VALID_S = 30, SPREAD_PPM = 10000 };

/* ---- a desk --------------------------------------------------------------------------------------------------- */

static struct ledger_rate rate_of(const struct cast *cast, const char *base, const char *counter,
                                  const char *text)
{
    struct ledger_rate rate = {.base = world_currency(base),
                               .counter = world_currency(counter),
                               .units = 1,
                               .as_of_us = runner_now(cast->runner),
                               .age_limit_us = AGE_LIMIT_S * SECOND};
    assert_int_equal(rate_parse(str_from(text), &rate.rate), ERR_OK);
    return rate;
}

static void rate_set(struct cast *cast, const struct ledger_rate *rate)
{
    for (uint32_t p = 0; p < CAST_PARTITIONS; p++)
        assert_int_equal(
            ledger_rate_set(runner_ledger(cast->runner, p), runner_now(cast->runner), rate, (struct str){0}),
            CODE_OK);
}

static void pair_set(struct cast *cast, const char *one, const char *other)
{
    struct ledger_pair pair = {world_currency(one), world_currency(other), SPREAD_PPM, VALID_S * SECOND};
    for (uint32_t p = 0; p < CAST_PARTITIONS; p++)
        assert_int_equal(ledger_pair_set(runner_ledger(cast->runner, p), runner_now(cast->runner), &pair,
                                         STR_LITERAL("kim")),
                         CODE_OK);
}

static void desk_open(struct cast *cast)
{
    cast_open(cast);
    struct ledger_rate dollars = rate_of(cast, "USD", "KRW", "1350.25");
    struct ledger_rate yen = rate_of(cast, "JPY", "KRW", "9.1");
    rate_set(cast, &dollars);
    rate_set(cast, &yen);
    pair_set(cast, "USD", "KRW");
    pair_set(cast, "USD", "EUR");
    runner_settle(cast->runner);
}

static struct ledger_quote_command quote_of(uint64_t id, const char *account, const char *sell,
                                            const char *buy, enum quote_side side, int64_t amount)
{
    return (struct ledger_quote_command){.id = world_uuid(id),
                                         .account = str_from(account),
                                         .sell = world_currency(sell),
                                         .buy = world_currency(buy),
                                         .side = (uint8_t)side,
                                         .amount = amount};
}

static struct ledger_quote_answer quote_ask(struct cast *cast, const struct ledger_quote_command *command)
{
    struct ledger_quote_answer answer;
    memset(&answer, 0, sizeof answer);
    ledger_quote(runner_ledger(cast->runner, 0), runner_now(cast->runner), command, &answer);
    return answer;
}

static struct ledger_quote_answer quote_show(struct cast *cast, const char *account, uint64_t id)
{
    struct ledger_quote_answer answer;
    struct uuid uuid = world_uuid(id);
    ledger_quote_show(runner_ledger(cast->runner, 0), runner_now(cast->runner), str_from(account), &uuid,
                      &answer);
    return answer;
}

/* ---- codes ---------------------------------------------------------------------------------------------------- */

struct row {
    const char *what;
    enum role account;
    uint32_t home; /* of the account; the quote is asked for in partition 0 */
    const char *sell, *buy;
    int64_t amount;
    enum code code;
    enum field field;
};

static const struct row rows[] = {
    {"won into dollars", RICH, 0, "KRW", "USD", 100000, CODE_OK, FIELD_NONE},
    {"dollars into won", DOLLARS, 0, "USD", "KRW", 100, CODE_OK, FIELD_NONE},
    {"more than the account has", POOR, 0, "KRW", "USD", 100000, CODE_OK, FIELD_NONE},
    {"elsewhere", RICH, 1, "KRW", "USD", 100000, CODE_WRONG_PARTITION, FIELD_FROM_ACCOUNT},
    {"elsewhere and missing", MISSING, 1, "KRW", "USD", 100000, CODE_WRONG_PARTITION, FIELD_FROM_ACCOUNT},
    {"missing", MISSING, 0, "KRW", "USD", 100000, CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT},
    {"another currency", RICH, 0, "USD", "KRW", 100, CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"another currency of a closed one", CLOSED, 0, "USD", "USD", 100, CODE_CURRENCY_MISMATCH,
     FIELD_FROM_ACCOUNT},
    {"closed", CLOSED, 0, "KRW", "USD", 100, CODE_ACCOUNT_CLOSED, FIELD_FROM_ACCOUNT},
    {"frozen, and into itself", FROZEN, 0, "KRW", "KRW", 100, CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT},
    {"into itself", RICH, 0, "KRW", "KRW", 100, CODE_INVALID_FIELD, FIELD_BUY},
    {"a pair without terms", YEN, 0, "JPY", "KRW", 100, CODE_RATE_NOT_FOUND, FIELD_BUY},
    {"a pair without a way", DOLLARS, 0, "USD", "EUR", 100, CODE_RATE_NOT_FOUND, FIELD_BUY},
    {"too little", RICH, 0, "KRW", "USD", 13, CODE_AMOUNT_TOO_SMALL, FIELD_AMOUNT},
    {"too much", DOLLARS, 0, "USD", "KRW", MONEY_MAX, CODE_INVALID_FIELD, FIELD_AMOUNT},
};

static void a_quote_has_its_code_and_only_a_good_one_is_kept(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct ledger_quote_command command = quote_of(i + 1, cast_id(&cast, row->home, row->account),
                                                       row->sell, row->buy, QUOTE_SELL, row->amount);
        struct ledger_quote_answer answer = quote_ask(&cast, &command);
        if (answer.code != row->code || answer.field != row->field)
            fail_msg("%s: %s %d", row->what, code_name(answer.code), answer.field);
        bool kept = ledger_transaction_find(runner_ledger(cast.runner, 0), &command.id) != 0;
        assert_int_equal(kept, row->code == CODE_OK);
    }
    assert_int_equal(cast_changed(&cast), 0);
    cast_close(&cast);
}

/* x = 7,406.03… cents; less one per cent 7,331.97…; one per cent 74.06… */
static void a_quote_says_all_that_it_promises(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    struct ledger_quote_command command =
        quote_of(1, cast_id(&cast, 0, RICH), "KRW", "USD", QUOTE_SELL, 100000);
    struct ledger_quote_view view = quote_ask(&cast, &command).view;
    assert_int_equal(view.state, QUOTE_OPEN);
    assert_string_equal(view.account, cast_id(&cast, 0, RICH));
    assert_int_equal(view.sell_amount, 100000);
    assert_int_equal(view.buy_amount, 7331);
    assert_int_equal(view.spread, 74);
    assert_int_equal(view.residue, 1);
    assert_int_equal(view.mid, 7406035);
    assert_int_equal(view.rate, 7331975);
    assert_int_equal(view.expires_us, runner_now(cast.runner) + VALID_S * SECOND);
    cast_close(&cast);
}

/* ---- repeats -------------------------------------------------------------------------------------------------- */

static void a_quote_asked_for_again_is_the_same_though_rates_have_changed(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    struct ledger_quote_command command = quote_of(1, cast_id(&cast, 0, RICH), "KRW", "USD", QUOTE_BUY, 500);
    struct ledger_quote_answer first = quote_ask(&cast, &command);
    assert_int_equal(first.code, CODE_OK);
    runner_settle(cast.runner);
    runner_advance(cast.runner, SECOND);
    struct ledger_rate dearer = rate_of(&cast, "USD", "KRW", "1400");
    rate_set(&cast, &dearer);
    struct ledger_quote_answer again = quote_ask(&cast, &command);
    assert_memory_equal(&again, &first, sizeof first);
    command.id = world_uuid(2);
    assert_true(quote_ask(&cast, &command).view.sell_amount > first.view.sell_amount);
    cast_close(&cast);
}

static void a_quote_with_an_id_that_is_taken_is_a_conflict(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH);
    struct ledger_quote_command good = quote_of(1, rich, "KRW", "USD", QUOTE_SELL, 100000);
    assert_int_equal(quote_ask(&cast, &good).code, CODE_OK);
    const struct ledger_quote_command others[] = {
        quote_of(1, rich, "KRW", "USD", QUOTE_SELL, 100001),
        quote_of(1, rich, "KRW", "USD", QUOTE_BUY, 100000),
        quote_of(1, rich, "KRW", "JPY", QUOTE_SELL, 100000),
        quote_of(1, cast_id(&cast, 0, POOR), "KRW", "USD", QUOTE_SELL, 100000),
        quote_of(1, cast_id(&cast, 1, RICH), "KRW", "USD", QUOTE_SELL, 100000)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct ledger_quote_answer answer = quote_ask(&cast, &others[i]);
        assert_int_equal(answer.code, CODE_CONFLICT);
        assert_int_equal(answer.field, FIELD_TRANSACTION_ID);
    }
    struct ledger_command deposit = world_deposit(1, rich, 5, "KRW");
    assert_int_equal(world_run(cast.runner, &deposit)->code, CODE_CONFLICT);
    deposit.id = world_uuid(2);
    assert_int_equal(world_run(cast.runner, &deposit)->code, CODE_OK);
    good.id = world_uuid(2);
    assert_int_equal(quote_ask(&cast, &good).code, CODE_CONFLICT);
    cast_close(&cast);
}

/* ---- time ----------------------------------------------------------------------------------------------------- */

static void a_quote_is_shown_until_it_expires_and_after(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH);
    struct ledger_quote_command command = quote_of(1, rich, "KRW", "USD", QUOTE_SELL, 100000);
    assert_int_equal(quote_ask(&cast, &command).code, CODE_OK);
    runner_settle(cast.runner);
    int64_t left = quote_show(&cast, rich, 1).view.expires_us - runner_now(cast.runner);
    runner_advance(cast.runner, left - 1);
    assert_int_equal(quote_show(&cast, rich, 1).view.state, QUOTE_OPEN);
    runner_advance(cast.runner, 1);
    assert_int_equal(quote_show(&cast, rich, 1).view.state, QUOTE_EXPIRED);
    assert_int_equal(quote_show(&cast, cast_id(&cast, 0, POOR), 1).code, CODE_QUOTE_NOT_FOUND);
    assert_int_equal(quote_show(&cast, rich, 2).code, CODE_QUOTE_NOT_FOUND);
    assert_int_equal(quote_show(&cast, cast_id(&cast, 0, MISSING), 1).code, CODE_ACCOUNT_NOT_FOUND);
    assert_int_equal(quote_show(&cast, cast_id(&cast, 1, RICH), 1).code, CODE_WRONG_PARTITION);
    cast_close(&cast);
}

static void a_rate_beyond_its_limit_is_stale(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    struct ledger_quote_command command =
        quote_of(1, cast_id(&cast, 0, RICH), "KRW", "USD", QUOTE_SELL, 100000);
    runner_advance(cast.runner, (AGE_LIMIT_S + 1) * SECOND);
    struct ledger_quote_answer answer = quote_ask(&cast, &command);
    assert_int_equal(answer.code, CODE_RATE_STALE);
    assert_int_equal(answer.field, FIELD_BUY);
    struct ledger_rate fresh = rate_of(&cast, "USD", "KRW", "1350.25");
    rate_set(&cast, &fresh);
    assert_int_equal(quote_ask(&cast, &command).code, CODE_OK);
    cast_close(&cast);
}

/* ---- the tables ------------------------------------------------------------------------------------------------ */

static void what_is_known_already_writes_nothing(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    struct ledger *ledger = runner_ledger(cast.runner, 0);
    struct ledger_rate rate = rate_of(&cast, "EUR", "USD", "1.08");
    rate_set(&cast, &rate);
    uint64_t position = ledger_position(ledger);
    rate_set(&cast, &rate);
    pair_set(&cast, "KRW", "USD");
    struct ledger_rate older = rate;
    older.as_of_us--;
    older.rate++;
    rate_set(&cast, &older);
    assert_int_equal(ledger_position(ledger), position);
    rate.rate++;
    rate_set(&cast, &rate);
    assert_true(ledger_position(ledger) > position);
    const struct ledger_rate *known;
    size_t count = ledger_rates(ledger, &known);
    assert_int_equal(count, 3);
    assert_int_equal(known[count - 1].rate, rate.rate);
    cast_close(&cast);
}

static void tables_are_bounded(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger *ledger = runner_ledger(cast.runner, 0);
    int64_t now = runner_now(cast.runner);
    int set = 0, busy = 0, pairs = 0, pairs_busy = 0;
    for (currency_index base = 1; base < 40; base++) {
        for (currency_index counter = 1; counter < 40; counter++) {
            struct ledger_rate rate = {base, counter, 0, "", 1, RATE_ONE, now, SECOND};
            struct ledger_pair pair = {base, counter, 0, SECOND};
            if (base == counter)
                continue;
            enum code code = ledger_rate_set(ledger, now, &rate, (struct str){0});
            set += code == CODE_OK;
            busy += code == CODE_BUSY;
            if (base > counter)
                continue;
            code = ledger_pair_set(ledger, now, &pair, (struct str){0});
            pairs += code == CODE_OK;
            pairs_busy += code == CODE_BUSY;
        }
    }
    assert_int_equal(set, LEDGER_RATES_MAX);
    assert_int_equal(pairs, LEDGER_PAIRS_MAX);
    assert_true(busy > 0 && pairs_busy > 0);
    struct ledger_rate known = {1, 2, 0, "", 1, 2 * RATE_ONE, now, SECOND};
    assert_int_equal(ledger_rate_set(ledger, now, &known, (struct str){0}), CODE_OK);
    runner_settle(cast.runner);
    runner_crash(cast.runner, 0, RUNNER_STATE_KEPT);
    const struct ledger_rate *back;
    assert_int_equal(ledger_rates(runner_ledger(cast.runner, 0), &back), LEDGER_RATES_MAX);
    assert_int_equal(back[0].rate, 2 * RATE_ONE);
    cast_close(&cast);
}

static void a_rate_from_more_than_a_day_ahead_is_refused_and_keeps_no_later_one_away(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    struct ledger *ledger = runner_ledger(cast.runner, 0);
    int64_t now = runner_now(cast.runner);
    struct ledger_rate rate = rate_of(&cast, "USD", "KRW", "1.35025");
    const struct ledger_rate *known;
    const int64_t refused[] = {now + LEDGER_RATE_AHEAD_MAX_US + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        rate.as_of_us = refused[i];
        assert_int_equal(ledger_rate_set(ledger, now, &rate, (struct str){0}), CODE_INVALID_FIELD);
    }
    struct ledger_rate later = rate_of(&cast, "USD", "KRW", "1360");
    later.as_of_us = now + 1;
    rate_set(&cast, &later);
    ledger_rates(ledger, &known);
    assert_int_equal(known[0].rate, later.rate);
    rate.as_of_us = now + LEDGER_RATE_AHEAD_MAX_US;
    assert_int_equal(ledger_rate_set(ledger, now, &rate, (struct str){0}), CODE_OK);
    cast_close(&cast);
}

static void while_new_money_is_refused_quotes_are_busy_and_rates_are_not(void **state)
{
    struct cast cast;
    (void)state;
    desk_open(&cast);
    struct ledger_quote_command command =
        quote_of(1, cast_id(&cast, 0, RICH), "KRW", "USD", QUOTE_SELL, 100000);
    struct ledger_quote_command again =
        quote_of(2, cast_id(&cast, 0, RICH), "KRW", "USD", QUOTE_SELL, 100000);
    assert_int_equal(quote_ask(&cast, &again).code, CODE_OK);
    ledger_refuse_new(runner_ledger(cast.runner, 0), true);
    assert_int_equal(quote_ask(&cast, &command).code, CODE_BUSY);
    assert_int_equal(quote_ask(&cast, &again).code, CODE_OK);
    struct ledger_rate rate = rate_of(&cast, "EUR", "USD", "1.08");
    rate_set(&cast, &rate);
    ledger_refuse_new(runner_ledger(cast.runner, 0), false);
    cast_close(&cast);
}

/* ---- restarts -------------------------------------------------------------------------------------------------- */

static void quotes_and_rates_come_back_from_a_restart(void **state)
{
    static const enum runner_state states[] = {RUNNER_STATE_KEPT, RUNNER_STATE_DELETED, RUNNER_STATE_STALE};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct cast cast;
        desk_open(&cast);
        runner_snapshot(cast.runner, 0);
        struct ledger_quote_command command =
            quote_of(1, cast_id(&cast, 0, RICH), "KRW", "USD", QUOTE_SELL, 100000);
        struct ledger_quote_answer first = quote_ask(&cast, &command);
        runner_settle(cast.runner);
        runner_crash(cast.runner, 0, states[i]);
        struct ledger_quote_answer again = quote_ask(&cast, &command);
        assert_memory_equal(&again, &first, sizeof first);
        struct ledger_stats stats;
        ledger_stats(runner_ledger(cast.runner, 0), &stats);
        assert_int_equal(stats.rates, 2);
        assert_int_equal(stats.quotes, 1);
        runner_compare(cast.runner, 0, states[i], &command.id, 1);
        cast_close(&cast);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quote_has_its_code_and_only_a_good_one_is_kept),
        cmocka_unit_test(a_quote_says_all_that_it_promises),
        cmocka_unit_test(a_quote_asked_for_again_is_the_same_though_rates_have_changed),
        cmocka_unit_test(a_quote_with_an_id_that_is_taken_is_a_conflict),
        cmocka_unit_test(a_quote_is_shown_until_it_expires_and_after),
        cmocka_unit_test(a_rate_beyond_its_limit_is_stale),
        cmocka_unit_test(what_is_known_already_writes_nothing),
        cmocka_unit_test(tables_are_bounded),
        cmocka_unit_test(a_rate_from_more_than_a_day_ahead_is_refused_and_keeps_no_later_one_away),
        cmocka_unit_test(while_new_money_is_refused_quotes_are_busy_and_rates_are_not),
        cmocka_unit_test(quotes_and_rates_come_back_from_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
