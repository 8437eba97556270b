/* Amounts: checked sums, and decimal text both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/money.h"

#include <string.h>

enum { UNTOUCHED = -77 };

static void sums_and_differences_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        int64_t a, b;
        bool sum_fits, difference_fits;
    } rows[] = {
        {0, 0, true, true},
        {INT64_MAX, 0, true, true},
        {INT64_MAX, 1, false, true},
        {INT64_MAX, -1, true, false},
        {INT64_MIN, 0, true, true},
        {INT64_MIN, 1, true, false},
        {INT64_MIN, -1, false, true},
        {INT64_MIN, INT64_MIN, false, true},
        {INT64_MAX, INT64_MAX, false, true},
        {INT64_MAX, INT64_MIN, true, false},
        {0, INT64_MIN, true, false},
        {-1, INT64_MIN, false, true},
        {MONEY_MAX, MONEY_MAX, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t sum = UNTOUCHED;
        int64_t difference = UNTOUCHED;
        assert_int_equal(money_add(rows[i].a, rows[i].b, &sum), rows[i].sum_fits);
        assert_int_equal(money_sub(rows[i].a, rows[i].b, &difference), rows[i].difference_fits);
        if (!rows[i].sum_fits)
            assert_int_equal(sum, UNTOUCHED);
        if (!rows[i].difference_fits)
            assert_int_equal(difference, UNTOUCHED);
    }
}

static void ninety_two_of_the_largest_amounts_fit(void **state)
{
    int64_t sum = 0;
    (void)state;
    for (int i = 0; i < 92; i++)
        assert_true(money_add(sum, MONEY_MAX, &sum));
    assert_false(money_add(sum, MONEY_MAX, &sum));
}

static void decimal_text_is_read_exactly_or_refused(void **state)
{
    static const struct {
        const char *text;
        uint8_t exponent;
        enum err err;
        int64_t minor;
    } rows[] = {
        {"12.34", 2, ERR_OK, 1234},
        {"12.3", 2, ERR_OK, 1230},
        {"12", 2, ERR_OK, 1200},
        {"0", 0, ERR_OK, 0},
        {"0.00", 2, ERR_OK, 0},
        {"0.01", 2, ERR_OK, 1},
        {"000000000000000000000000012.34", 2, ERR_OK, 1234},
        {"1", 3, ERR_OK, 1000},
        {"1.005", 3, ERR_OK, 1005},
        {"50000", 0, ERR_OK, 50000},
        {"9223372036854775807", 0, ERR_OK, INT64_MAX},
        {"92233720368547758.07", 2, ERR_OK, INT64_MAX},
        {"9223372036854775808", 0, ERR_RANGE, 0},
        {"92233720368547758.08", 2, ERR_RANGE, 0},
        {"92233720368547759", 2, ERR_RANGE, 0},
        {"99999999999999999999999999", 0, ERR_RANGE, 0},
        {"1.0", 0, ERR_RANGE, 0},
        {"1.234", 2, ERR_RANGE, 0},
        {"1.000", 2, ERR_RANGE, 0},
        {"", 2, ERR_INVALID, 0},
        {".", 2, ERR_INVALID, 0},
        {"1.", 2, ERR_INVALID, 0},
        {".5", 2, ERR_INVALID, 0},
        {"1..2", 2, ERR_INVALID, 0},
        {"1.2.3", 2, ERR_INVALID, 0},
        {"+1", 2, ERR_INVALID, 0},
        {"-1", 2, ERR_INVALID, 0},
        {" 1", 2, ERR_INVALID, 0},
        {"1 ", 2, ERR_INVALID, 0},
        {"1e3", 2, ERR_INVALID, 0},
        {"0x10", 2, ERR_INVALID, 0},
        {"1,000", 2, ERR_INVALID, 0},
        {"1,5", 2, ERR_INVALID, 0},
        {"\xEF\xBC\x91", 2, ERR_INVALID, 0},
        {"NaN", 2, ERR_INVALID, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t minor = UNTOUCHED;
        enum err err = money_parse(str_from(rows[i].text), rows[i].exponent, &minor);
        if (err != rows[i].err)
            fail_msg("\"%s\": %s", rows[i].text, err_text(err));
        assert_int_equal(minor, err == ERR_OK ? rows[i].minor : UNTOUCHED);
    }
}

static void a_nul_inside_the_text_is_refused(void **state)
{
    int64_t minor = UNTOUCHED;
    (void)state;
    assert_int_equal(money_parse(STR_LITERAL("1\0"), 2, &minor), ERR_INVALID);
    assert_int_equal(minor, UNTOUCHED);
}

static void amounts_are_written_with_all_their_decimals(void **state)
{
    static const struct {
        int64_t minor;
        uint8_t exponent;
        const char *text;
    } rows[] = {
        {0, 0, "0"},
        {0, 2, "0.00"},
        {1, 2, "0.01"},
        {-1, 2, "-0.01"},
        {10, 2, "0.10"},
        {100, 2, "1.00"},
        {-123450, 2, "-1234.50"},
        {50000, 0, "50000"},
        {1005, 3, "1.005"},
        {5, 3, "0.005"},
        {INT64_MAX, 0, "9223372036854775807"},
        {INT64_MIN, 0, "-9223372036854775808"},
        {INT64_MAX, 2, "92233720368547758.07"},
        {INT64_MIN, 2, "-92233720368547758.08"},
        {INT64_MIN, 18, "-9.223372036854775808"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[MONEY_TEXT_MAX];
        size_t length = money_format(rows[i].minor, rows[i].exponent, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(length, strlen(rows[i].text));
    }
}

static void what_is_written_is_read_back(void **state)
{
    uint64_t seed = 42;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[MONEY_TEXT_MAX];
        int64_t back = UNTOUCHED;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t minor = (int64_t)(seed >> (1 + i % 63));
        uint8_t exponent = (uint8_t)(i % 5);
        struct str written = {text, (uint32_t)money_format(minor, exponent, text)};
        assert_int_equal(money_parse(written, exponent, &back), ERR_OK);
        assert_int_equal(back, minor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_differences_that_do_not_fit_are_refused),
        cmocka_unit_test(ninety_two_of_the_largest_amounts_fit),
        cmocka_unit_test(decimal_text_is_read_exactly_or_refused),
        cmocka_unit_test(a_nul_inside_the_text_is_refused),
        cmocka_unit_test(amounts_are_written_with_all_their_decimals),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
