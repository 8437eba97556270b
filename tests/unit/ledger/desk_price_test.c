/* The arithmetic of the FX desk, worked by hand: ways over rates, amounts of quotes, and what rounding leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/ledger/desk_price.h"
#include "sim/random.h"

#include <string.h>

enum { RATES_MAX = 4, NOW = 1000 };

struct rate_row {
    const char *base, *counter, *rate;
    uint32_t units;
    int64_t as_of;
};

static currency_index currency(const char *code)
{
    return currency_find(code, CURRENCY_CODE_LENGTH);
}

static struct desk *desk_of(const struct rate_row *rows)
{
    static struct desk desk;
    memset(&desk, 0, sizeof desk);
    for (int i = 0; i < RATES_MAX && rows[i].base; i++) {
        struct ledger_rate *rate = &desk.rates[desk.rate_count++];
        *rate = (struct ledger_rate){.base = currency(rows[i].base),
                                     .counter = currency(rows[i].counter),
                                     .units = rows[i].units ? rows[i].units : 1,
                                     .as_of_us = rows[i].as_of,
                                     .age_limit_us = 500};
        assert_int_equal(rate_parse(str_from(rows[i].rate), &rate->rate), ERR_OK);
    }
    return &desk;
}

/* ---- ways ----------------------------------------------------------------------------------------------------- */

struct way_row {
    const char *what;
    struct rate_row rates[RATES_MAX];
    const char *from, *to;
    enum code code;
    int64_t amount, value; /* minor units, rounded down */
};

static const struct way_row ways[] = {
    {"the pair itself", {{"USD", "KRW", "1350.25", 1, NOW}}, "USD", "KRW", CODE_OK, 10000, 135025},
    {"the pair turned round", {{"USD", "KRW", "1350.25", 1, NOW}}, "KRW", "USD", CODE_OK, 135025, 10000},
    {"the pair itself before the pair turned round",
     {{"KRW", "USD", "0.001", 1, NOW}, {"USD", "KRW", "1350", 1, NOW}},
     "USD",
     "KRW",
     CODE_OK,
     100,
     1350},
    {"the pair turned round before a third currency",
     {{"KRW", "USD", "0.001", 1, NOW}, {"EUR", "USD", "1.1", 1, NOW}, {"EUR", "KRW", "1500", 1, NOW}},
     "USD",
     "KRW",
     CODE_OK,
     100,
     1000},
    {"over a third currency, unrounded",
     {{"EUR", "USD", "1.1", 1, NOW}, {"EUR", "JPY", "163", 1, NOW}},
     "USD",
     "JPY",
     CODE_OK,
     1100,
     1630},
    {"over a third currency, both turned round",
     {{"USD", "EUR", "0.5", 1, NOW}, {"EUR", "KWD", "0.25", 1, NOW}},
     "KWD",
     "USD",
     CODE_OK,
     1000,
     800},
    {"per hundred", {{"JPY", "KRW", "912.34", 100, NOW}}, "JPY", "KRW", CODE_OK, 12345, 112628},
    {"per hundred, turned round", {{"JPY", "KRW", "912.34", 100, NOW}}, "KRW", "JPY", CODE_OK, 112629, 12345},
    {"the third currency whose older rate is youngest",
     {{"EUR", "USD", "1", 1, 900},
      {"EUR", "KRW", "1000", 1, 800},
      {"GBP", "USD", "1", 1, 850},
      {"GBP", "KRW", "2000", 1, 850}},
     "USD",
     "KRW",
     CODE_OK,
     100,
     2000},
    {"of equals the first by code",
     {{"GBP", "USD", "1", 1, 850},
      {"GBP", "KRW", "2000", 1, 850},
      {"EUR", "USD", "1", 1, 900},
      {"EUR", "KRW", "1000", 1, 850}},
     "USD",
     "KRW",
     CODE_OK,
     100,
     1000},
    {"at its limit", {{"USD", "KRW", "1350", 1, NOW - 500}}, "USD", "KRW", CODE_OK, 100, 1350},
    {"beyond its limit", {{"USD", "KRW", "1350", 1, NOW - 501}}, "USD", "KRW", CODE_RATE_STALE, 0, 0},
    {"one of two beyond its limit",
     {{"EUR", "USD", "1.1", 1, NOW}, {"EUR", "JPY", "163", 1, NOW - 501}},
     "USD",
     "JPY",
     CODE_RATE_STALE,
     0,
     0},
    {"no rate", {{0}}, "USD", "KRW", CODE_RATE_NOT_FOUND, 0, 0},
    {"half a way", {{"EUR", "USD", "1.1", 1, NOW}}, "USD", "JPY", CODE_RATE_NOT_FOUND, 0, 0},
};

static void a_way_is_found_in_the_order_of_the_contract(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const struct way_row *row = &ways[i];
        struct desk_way way;
        int64_t value = 0;
        enum code code =
            desk_way_find(desk_of(row->rates), currency(row->from), currency(row->to), NOW, &way);
        if (code == CODE_OK)
            assert_true(desk_way_value(&way, row->amount, ROUND_DOWN, &value));
        if (code != row->code || value != row->value)
            fail_msg("%s: %s, %lld", row->what, code_name(code), (long long)value);
    }
}

/* ---- quotes --------------------------------------------------------------------------------------------------- */

struct price_row {
    const char *what;
    struct rate_row rates[RATES_MAX];
    const char *sell, *buy;
    uint32_t spread_ppm;
    enum quote_side side;
    int64_t amount;
    enum code code;
    struct desk_price price;
};

static const struct price_row prices[] = {
    /* x = 135,025; x × 0.99 = 133,674.75; x × 0.01 = 1,350.25 */
    {"dollars into won, sell",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "USD",
     "KRW",
     10000,
     QUOTE_SELL,
     10000,
     CODE_OK,
     {10000, 133674, 1350, 1, INT64_C(13502500000000), INT64_C(13367475000000)}},
    /* 133,674 / 13.367475 = 9,999.94… */
    {"dollars into won, buy",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "USD",
     "KRW",
     10000,
     QUOTE_BUY,
     133674,
     CODE_OK,
     {10000, 133674, 1350, 1, INT64_C(13502500000000), INT64_C(13367475000000)}},
    /* a cent is worth 13 won: 1,000 / 13.5025 = 74.06…, 75 cents are worth 1,012.68… */
    {"a coarse unit leaves a large residue",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "USD",
     "KRW",
     0,
     QUOTE_BUY,
     1000,
     CODE_OK,
     {75, 1000, 0, 12, INT64_C(13502500000000), INT64_C(13502500000000)}},
    /* x = 7,406.03…; x × 0.99 = 7,331.97…; x × 0.01 = 74.06… */
    {"won into dollars, turned round",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "KRW",
     "USD",
     10000,
     QUOTE_SELL,
     100000,
     CODE_OK,
     {100000, 7331, 74, 1, 7406035, 7331975}},
    /* x = 112,628.373 */
    {"yen per hundred, no spread",
     {{"JPY", "KRW", "912.34", 100, NOW}},
     "JPY",
     "KRW",
     0,
     QUOTE_SELL,
     12345,
     CODE_OK,
     {12345, 112628, 0, 0, INT64_C(91234000000), INT64_C(91234000000)}},
    /* 100,000 / 9.077783 = 11,015.90…; 11,016 × 9.1234 = 100,503.37…; × 0.005 = 502.51… */
    {"yen per hundred, buy",
     {{"JPY", "KRW", "912.34", 100, NOW}},
     "JPY",
     "KRW",
     5000,
     QUOTE_BUY,
     100000,
     CODE_OK,
     {11016, 100000, 502, 1, INT64_C(91234000000), INT64_C(90777830000)}},
    /* x = 1.234 × 4,400.5 = 5,430.217; × 0.98 = 5,321.61…; × 0.02 = 108.60… */
    {"dinars have three decimals",
     {{"KWD", "KRW", "4400.5", 1, NOW}},
     "KWD",
     "KRW",
     20000,
     QUOTE_SELL,
     1234,
     CODE_OK,
     {1234, 5321, 108, 1, INT64_C(44005000000000), INT64_C(43124900000000)}},
    /* 3.25 / 0.3 = 10.8333… dollars a dinar; x = 1,083.33… cents; × 0.5 twice */
    {"over the euro, with half of it as spread",
     {{"EUR", "USD", "3.25", 1, NOW}, {"EUR", "KWD", "0.3", 1, NOW}},
     "KWD",
     "USD",
     500000,
     QUOTE_SELL,
     1000,
     CODE_OK,
     {1000, 541, 541, 1, INT64_C(108333333333), INT64_C(54166666666)}},
    {"nothing for something",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "KRW",
     "USD",
     0,
     QUOTE_SELL,
     13,
     CODE_AMOUNT_TOO_SMALL,
     {0}},
    {"a cent for the least that is one",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "KRW",
     "USD",
     0,
     QUOTE_SELL,
     14,
     CODE_OK,
     {14, 1, 0, 0, 7406035, 7406035}},
    {"more won than there may be",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "USD",
     "KRW",
     0,
     QUOTE_SELL,
     MONEY_MAX,
     CODE_INVALID_FIELD,
     {0}},
    {"more won to pay than there may be",
     {{"USD", "KRW", "1350.25", 1, NOW}},
     "KRW",
     "USD",
     0,
     QUOTE_BUY,
     MONEY_MAX,
     CODE_INVALID_FIELD,
     {0}},
    {"what the spread takes counts, too",
     {{"EUR", "USD", "1.5", 1, NOW}},
     "EUR",
     "USD",
     400000,
     QUOTE_SELL,
     MONEY_MAX,
     CODE_INVALID_FIELD,
     {0}},
    {"the largest amount at par",
     {{"EUR", "USD", "1", 1, NOW}},
     "EUR",
     "USD",
     1,
     QUOTE_SELL,
     MONEY_MAX,
     CODE_OK,
     {MONEY_MAX, MONEY_MAX - MONEY_MAX / 1000000, MONEY_MAX / 1000000, 0, RATE_ONE, INT64_C(9999990000)}},
    {"a rate that cannot be shown",
     {{"EUR", "USD", "100000000", 1, NOW}, {"GBP", "EUR", "100000000", 1, NOW}},
     "GBP",
     "USD",
     0,
     QUOTE_SELL,
     1,
     CODE_INVALID_FIELD,
     {0}},
    {"a product beyond 128 bits",
     {{"EUR", "USD", "99999999.9999999999", 1, NOW}, {"GBP", "EUR", "99999999.9999999997", 1, NOW}},
     "GBP",
     "USD",
     499999,
     QUOTE_SELL,
     MONEY_MAX - 1,
     CODE_INVALID_FIELD,
     {0}},
};

static void a_quote_says_what_is_worked_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++) {
        const struct price_row *row = &prices[i];
        struct desk_way way;
        struct desk_price price;
        assert_int_equal(
            desk_way_find(desk_of(row->rates), currency(row->sell), currency(row->buy), NOW, &way), CODE_OK);
        enum code code = desk_price_of(&way, row->spread_ppm, (uint8_t)row->side, row->amount, &price);
        if (code != row->code || (code == CODE_OK && memcmp(&price, &row->price, sizeof price) != 0))
            fail_msg("%s: %s, sell %lld, buy %lld, spread %lld, residue %lld, mid %lld, rate %lld", row->what,
                     code_name(code), (long long)price.sell_amount, (long long)price.buy_amount,
                     (long long)price.spread, (long long)price.residue, (long long)price.mid,
                     (long long)price.rate);
    }
}

/* ---- sums ----------------------------------------------------------------------------------------------------- */

/* Won into dinars and back: x = sell × rate × 1,000 / (10^10 × units), looked at with plain 128-bit products. */
static void sums_are_exact(const struct desk_price *price, int64_t rate, uint32_t units, uint32_t ppm,
                           enum quote_side side)
{
    unsigned __int128 above = (unsigned __int128)price->sell_amount * (uint64_t)rate * 1000;
    unsigned __int128 below = (unsigned __int128)RATE_ONE * units;
    assert_true((int64_t)(above / below) == price->buy_amount + price->spread + price->residue);
    assert_true((int64_t)(above * ppm / (below * DESK_PPM)) == price->spread);
    unsigned __int128 kept = above * (DESK_PPM - ppm), whole = below * DESK_PPM;
    assert_true((unsigned __int128)price->buy_amount * whole <= kept);
    assert_true(price->residue >= 0);
    if (side == QUOTE_SELL)
        assert_true(((unsigned __int128)price->buy_amount + 1) * whole > kept);
    else /* one won less would not do */
        assert_true((unsigned __int128)price->buy_amount * whole >
                    kept - kept / (uint64_t)price->sell_amount);
}

static void what_is_bought_and_earned_and_left_is_all_there_is(void **state)
{
    struct sim_random random = sim_random_of(7);
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint32_t units = sim_random_chance(&random, 500000) ? 100 : 1;
        uint32_t ppm = (uint32_t)sim_random_between(&random, 0, LEDGER_SPREAD_PPM_MAX);
        int64_t rate = sim_random_between(&random, 1, INT64_C(1) << sim_random_between(&random, 1, 40));
        enum quote_side side = sim_random_chance(&random, 500000) ? QUOTE_SELL : QUOTE_BUY;
        int64_t amount = sim_random_between(&random, 1, INT64_C(1) << sim_random_between(&random, 1, 30));
        struct rate_row rows[RATES_MAX] = {{"KRW", "KWD", "1", units, NOW}};
        struct desk *desk = desk_of(rows);
        struct desk_way way;
        struct desk_price price;
        desk->rates[0].rate = rate;
        assert_int_equal(desk_way_find(desk, currency("KRW"), currency("KWD"), NOW, &way), CODE_OK);
        if (desk_price_of(&way, ppm, (uint8_t)side, amount, &price) == CODE_OK)
            sums_are_exact(&price, rate, units, ppm, side);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_way_is_found_in_the_order_of_the_contract),
        cmocka_unit_test(a_quote_says_what_is_worked_by_hand),
        cmocka_unit_test(what_is_bought_and_earned_and_left_is_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
