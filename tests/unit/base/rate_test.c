/* Rates: decimal text both ways, each rounding, and products at the edges of 64 and 128 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/rate.h"

#include <string.h>

enum { UNTOUCHED = -77, KRW = 0, USD = 2, KWD = 3, UYW = 4 };

#define HALF_MAX (MONEY_MAX * 20)

static void a_rate_is_read_exactly_or_refused(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        int64_t rate;
    } rows[] = {
        {"1350.25", ERR_OK, INT64_C(13502500000000)},
        {"1", ERR_OK, RATE_ONE},
        {"0.0000000001", ERR_OK, 1},
        {"0.1234567891", ERR_OK, INT64_C(1234567891)},
        {"100000000", ERR_OK, RATE_MAX},
        {"100000000.0000000000", ERR_OK, RATE_MAX},
        {"100000000.0000000001", ERR_RANGE, 0},
        {"999999999999", ERR_RANGE, 0},
        {"0", ERR_RANGE, 0},
        {"0.0000000000", ERR_RANGE, 0},
        {"1.00000000000", ERR_RANGE, 0},
        {"", ERR_INVALID, 0},
        {"1.", ERR_INVALID, 0},
        {".5", ERR_INVALID, 0},
        {"-1", ERR_INVALID, 0},
        {"1,350.25", ERR_INVALID, 0},
        {"1e3", ERR_INVALID, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t rate = UNTOUCHED;
        enum err err = rate_parse(str_from(rows[i].text), &rate);
        if (err != rows[i].err)
            fail_msg("\"%s\": %s", rows[i].text, err_text(err));
        assert_int_equal(rate, err == ERR_OK ? rows[i].rate : UNTOUCHED);
    }
}

static void a_rate_is_written_without_trailing_zeros(void **state)
{
    static const struct {
        int64_t rate;
        const char *text;
    } rows[] = {
        {INT64_C(13502500000000), "1350.25"},
        {RATE_ONE, "1"},
        {100 * RATE_ONE, "100"},
        {1, "0.0000000001"},
        {RATE_MAX, "100000000"},
        {RATE_MAX - 1, "99999999.9999999999"},
        {0, "0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[RATE_TEXT_MAX];
        assert_int_equal(rate_format(rows[i].rate, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void each_rounding_is_exact(void **state)
{
    static const struct {
        uint64_t numerator, denominator;
        int64_t down, up, even;
    } rows[] = {
        {0, 7, 0, 0, 0},  {14, 7, 2, 2, 2},
        {15, 7, 2, 3, 2}, {20, 7, 2, 3, 3},
        {1, 2, 0, 1, 0}, /* a half: to the even neighbour */
        {3, 2, 1, 2, 2},  {5, 2, 2, 3, 2},
        {1, 1, 1, 1, 1},  {UINT64_C(9223372036854775807), 1, INT64_MAX, INT64_MAX, INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t out;
        assert_true(rate_divide(rows[i].numerator, rows[i].denominator, ROUND_DOWN, &out));
        assert_int_equal(out, rows[i].down);
        assert_true(rate_divide(rows[i].numerator, rows[i].denominator, ROUND_UP, &out));
        assert_int_equal(out, rows[i].up);
        assert_true(rate_divide(rows[i].numerator, rows[i].denominator, ROUND_HALF_EVEN, &out));
        assert_int_equal(out, rows[i].even);
    }
}

static void a_quotient_that_does_not_fit_is_refused(void **state)
{
    const unsigned __int128 widest = ~(unsigned __int128)0;
    const unsigned __int128 max = INT64_MAX;
    int64_t out = UNTOUCHED;
    (void)state;
    assert_false(rate_divide(max + 1, 1, ROUND_DOWN, &out));
    assert_false(rate_divide(widest, 1, ROUND_DOWN, &out));
    assert_false(rate_divide(max * 2 + 1, 2, ROUND_UP, &out));
    assert_false(rate_divide(max * 2 + 1, 2, ROUND_HALF_EVEN, &out)); /* INT64_MAX is odd */
    assert_int_equal(out, UNTOUCHED);
    assert_true(rate_divide(max * 2 + 1, 2, ROUND_DOWN, &out));
    assert_int_equal(out, INT64_MAX);
    assert_true(rate_divide(widest, widest, ROUND_HALF_EVEN, &out));
    assert_int_equal(out, 1);
    assert_true(rate_divide(widest - 1, widest, ROUND_HALF_EVEN, &out));
    assert_int_equal(out, 1);
    assert_true(rate_divide(widest / 2, widest, ROUND_HALF_EVEN, &out));
    assert_int_equal(out, 0);
}

static void a_value_moves_between_the_decimals_of_two_currencies(void **state)
{
    static const struct {
        int64_t amount, rate;
        uint32_t units;
        uint8_t from, to;
        int64_t value;
    } rows[] = {
        {10000, INT64_C(13502500000000), 1, USD, KRW, 135025}, /* 100.00 × 1350.25 = 135,025 */
        {10000, INT64_C(9052300000000), 100, KRW, KRW, 90523}, /* 10,000 yen, 905.23 for a hundred */
        {1000, INT64_C(44021500000000), 1, KWD, KRW, 4402},    /* 1.000 × 4402.15 */
        {1350, INT64_C(7400000), 1, KRW, USD, 100},            /* 1,350 × 0.00074 = 0.999 */
        {1, INT64_C(15000000000), 1, KRW, KRW, 2},             /* 1.5: a half, to the even 2 */
        {1, INT64_C(25000000000), 1, KRW, KRW, 2},             /* 2.5: a half, to the even 2 */
        {1, RATE_ONE, 1, KRW, UYW, 10000},
        {10000, RATE_ONE, 1, UYW, KRW, 1},
        {0, RATE_MAX, 1, KRW, UYW, 0},
        {4 * MONEY_MAX * 10, RATE_ONE, 1, USD, USD, 4 * MONEY_MAX * 10},
        {4 * MONEY_MAX * 10, 1, 1000000, UYW, KRW, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = UNTOUCHED;
        assert_true(rate_value(rows[i].amount, rows[i].rate, rows[i].units, rows[i].from, rows[i].to,
                               ROUND_HALF_EVEN, &value));
        if (value != rows[i].value)
            fail_msg("row %zu: %lld", i, (long long)value);
    }
}

static void a_value_that_does_not_fit_is_refused(void **state)
{
    int64_t value = UNTOUCHED;
    (void)state;
    assert_false(rate_value(MONEY_MAX * 40, RATE_MAX, 1, KRW, UYW, ROUND_HALF_EVEN, &value));
    assert_false(rate_value(MONEY_MAX * 40, RATE_MAX, 1, UYW, KRW, ROUND_DOWN, &value));
    assert_false(rate_value(HALF_MAX, 5 * RATE_ONE, 1, KRW, KRW, ROUND_DOWN, &value)); /* 10^19 */
    assert_int_equal(value, UNTOUCHED);
    assert_true(rate_value(HALF_MAX, 4 * RATE_ONE, 1, KRW, KRW, ROUND_DOWN, &value));
    assert_int_equal(value, INT64_C(8000000000000000000));
}

static void an_average_rate_is_value_for_amount(void **state)
{
    (void)state;
    /* 205,025 won for 150.00 dollars: 1366.8333… */
    assert_int_equal(rate_between(15000, USD, 205025, KRW), INT64_C(13668333333333));
    assert_int_equal(rate_between(3, KRW, 2, KRW), INT64_C(6666666667));
    assert_int_equal(rate_between(1, UYW, 1, KRW), 10000 * RATE_ONE);
    assert_int_equal(rate_between(INT64_C(40000000000), KRW, 2, KRW), 0); /* 0.5 × 10^-10: to the even 0 */
    assert_int_equal(rate_between(INT64_C(40000000000), KRW, 6, KRW), 2); /* 1.5 × 10^-10: to the even 2 */
    assert_int_equal(rate_between(0, USD, 5, KRW), 0);
    assert_int_equal(rate_between(7, USD, 0, KRW), 0);
    assert_int_equal(rate_between(1, KRW, 100000000, KRW), RATE_MAX);
    assert_int_equal(rate_between(1, KRW, 100000001, KRW), 0);
    assert_int_equal(rate_between(1, UYW, INT64_MAX, KRW), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_read_exactly_or_refused),
        cmocka_unit_test(a_rate_is_written_without_trailing_zeros),
        cmocka_unit_test(each_rounding_is_exact),
        cmocka_unit_test(a_quotient_that_does_not_fit_is_refused),
        cmocka_unit_test(a_value_moves_between_the_decimals_of_two_currencies),
        cmocka_unit_test(a_value_that_does_not_fit_is_refused),
        cmocka_unit_test(an_average_rate_is_value_for_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
