/* The Eximbank's JSON: what is read, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/rates/koreaexim.h"

#include "tests/unit/adapters/sheets.h"

enum { DATE = 20777 }; /* 2026-11-20 */

#define ROW(unit, ttb, tts, rate)                                                                            \
    "{\"result\":1,\"cur_unit\":\"" unit "\",\"ttb\":\"" ttb "\",\"tts\":\"" tts "\",\"deal_bas_r\":\"" rate \
    "\",\"bkpr\":\"1,234\",\"yy_efee_r\":\"0\",\"ten_dd_efee_r\":\"0\",\"kftc_bkpr\":\"1\",\"cur_nm\":"      \
    "\"\xeb\x8b\xac\"}"
#define USD(rate) "[" ROW("USD", "0", "0", rate) "]"
#define BUY(rate) "[" ROW("USD", rate, "0", "1") "]"
#define UNIT(unit) "[" ROW(unit, "0", "0", "1") "]"

static enum err read(const char *data, size_t length, struct rate_sheet *out, const char **why)
{
    return koreaexim_read(data, length, DATE, out, why);
}

static void rows_are_read_as_published_with_units_and_both_sides(void **state)
{
    (void)state;
    assert_sheet(read,
                 "[" ROW("USD", "1,325.91", "1,352.7", "1,339.31") "," ROW(
                     "JPY(100)", "935.66", "954.57",
                     "945.12") "," ROW("KRW", "0", "0",
                                       "1") "," ROW("KWD", "3,677.8", "3,752.1",
                                                    "3,714.95") "," ROW("CNH", "184.2", "187.93",
                                                                        "186.07") "," ROW("IDR(100)", "0",
                                                                                          "8.6", "8.51") "]",
                 "2026-11-20 USD/KRW 1 1339.31 1325.91 1352.7\n2026-11-20 JPY/KRW 100 945.12 935.66 954.57\n"
                 "2026-11-20 KWD/KRW 1 3714.95 3677.8 3752.1\n2026-11-20 CNH/KRW 1 186.07 184.2 187.93\n"
                 "2026-11-20 IDR/KRW 100 8.51 - 8.6");
}

static void no_rates_that_day_is_no_error(void **state)
{
    (void)state;
    assert_sheet(read, "[]", "");
    assert_sheet(read, "null", "");
    assert_sheet(read, " \n[ ]\n", "");
}

static void thousands_commas_are_read_where_they_belong(void **state)
{
    static const char *const comma = "a rate with a comma where none belongs, or too long";
    (void)state;
    assert_sheet(read, USD("1,234,567.891"), "2026-11-20 USD/KRW 1 1234567.891");
    assert_sheet(read, USD("12,345"), "2026-11-20 USD/KRW 1 12345");
    assert_sheet(read, USD("1339.31"), "2026-11-20 USD/KRW 1 1339.31");
    assert_refused(read, USD("1339,31"), comma);
    assert_refused(read, USD("1,33,931"), comma);
    assert_refused(read, USD("1,3393"), comma);
    assert_refused(read, USD("1234,567"), comma);
    assert_refused(read, USD("1,2345,678"), comma);
    assert_refused(read, USD("1,23"), comma);
    assert_refused(read, USD(",339"), comma);
    assert_refused(read, USD("1,"), comma);
    assert_refused(read, USD("1,,339"), comma);
    assert_refused(read, USD("0,950"), comma);
    assert_refused(read, USD("1,339,"), comma);
    assert_refused(read, USD("1.339,31"), "a rate that is not a number above zero");
    assert_refused(read, USD("1.339.000"), "a rate that is not a number above zero");
    assert_refused(read, USD("1.00000000000000000000000000000000"), comma);
}

static void a_rate_that_is_none_is_refused(void **state)
{
    static const char *const range = "a rate of zero, too high or with too many decimals";
    static const char *const number = "a rate that is not a number above zero";
    static const char *const text = "a row without a text for its currency or its rates";
    (void)state;
    assert_refused(read, USD("0"), range);
    assert_refused(read, USD("0.00"), range);
    assert_refused(read, USD("1,000,000,000"), range);
    assert_refused(read, USD("-1,339.31"), number);
    assert_refused(read, USD(""), number);
    assert_refused(read, USD("N/A"), number);
    assert_refused(read, BUY("-1"), number);
    assert_refused(read, BUY(""), number);
    assert_refused(read, BUY("-0"), number);
    assert_refused(read,
                   "[{\"result\":1,\"cur_unit\":\"USD\",\"ttb\":\"1\",\"tts\":\"1\",\"deal_bas_r\":1339.31}]",
                   text);
    assert_refused(read, "[{\"result\":1,\"cur_unit\":\"USD\",\"ttb\":1,\"tts\":\"1\",\"deal_bas_r\":\"1\"}]",
                   text);
    assert_refused(read, "[{\"result\":1,\"cur_unit\":\"USD\",\"ttb\":\"1\",\"deal_bas_r\":\"1\"}]", text);
    assert_refused(
        read, "[{\"result\":1,\"cur_unit\":null,\"ttb\":\"1\",\"tts\":\"1\",\"deal_bas_r\":\"1\"}]", text);
}

static void a_side_of_zero_is_not_published(void **state)
{
    (void)state;
    assert_sheet(read, BUY("0.00"), "2026-11-20 USD/KRW 1 1");
    assert_sheet(read, BUY("2"), "2026-11-20 USD/KRW 1 1 2 -");
}

static void a_unit_that_is_none_is_refused(void **state)
{
    static const char *const unit = "a unit that is none";
    static const char *const code = "a currency that is not three capital letters";
    (void)state;
    assert_sheet(read, UNIT("VND(10000)"), "2026-11-20 VND/KRW 10000 1");
    assert_refused(read, UNIT("JPY(0)"), unit);
    assert_refused(read, UNIT("JPY(0100)"), unit);
    assert_refused(read, UNIT("JPY()"), unit);
    assert_refused(read, UNIT("JPY(100"), unit);
    assert_refused(read, UNIT("JPY 100"), unit);
    assert_refused(read, UNIT("JPY(1e2)"), unit);
    assert_refused(read, UNIT("JPY(10001)"), unit);
    assert_refused(read, UNIT("JPY(99999999999999999999)"), unit);
    assert_refused(read, UNIT("JPY(100) "), unit);
    assert_refused(read, UNIT("USDT"), unit);
    assert_refused(read, UNIT("usd"), code);
    assert_refused(read, UNIT("US"), code);
    assert_refused(read, UNIT(""), code);
}

static void a_currency_twice_is_refused_also_per_other_units(void **state)
{
    (void)state;
    assert_refused(read, "[" ROW("JPY(100)", "0", "0", "945") "," ROW("JPY", "0", "0", "9.45") "]",
                   "a currency stands there twice");
}

static void a_result_that_is_not_1_is_told_in_words(void **state)
{
    (void)state;
    assert_refused(read, "[{\"result\":2,\"cur_unit\":null,\"ttb\":null}]",
                   "result 2: the data code is refused");
    assert_refused(read, "[{\"result\":3,\"cur_unit\":null}]", "result 3: the key is refused");
    assert_refused(read, "[{\"result\":4}]", "result 4: the calls of the day are used up");
    assert_refused(read, "[" ROW("USD", "0", "0", "1") ",{\"result\":4}]",
                   "result 4: the calls of the day are used up");
    assert_refused(read, "[{\"result\":5}]", "a result that is not known");
    assert_refused(read, "[{\"result\":\"1\"}]", "a row without a result");
    assert_refused(read, "[{}]", "a row without a result");
    assert_refused(read, "[1]", "a row without a result");
    assert_refused(read, "[null]", "a row without a result");
    assert_refused(read, "[" ROW("KRW", "0", "0", "1") "]", "a day without a rate");
}

static void what_is_not_an_array_of_json_is_refused(void **state)
{
    static const char *const documents[] = {
        "",
        "{}",
        "1",
        "\"\"",
        "true",
        "[] []",
        "[]x",
        "<html></html>",
        "[1e999]",
        "\xef\xbb\xbf[]",
        "[{\"result\":1,\"result\":1}]",
        "[{\"cur_unit\":\"A\\u0000\"}]",
        "[{\"cur_unit\":\"\xff\"}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        assert_refused(read, documents[i], "not an array of JSON");
}

static void a_cut_answer_gives_nothing_and_a_changed_one_no_nonsense(void **state)
{
    static const char document[] = "[" ROW("USD", "1,325.91", "1,352.7",
                                           "1,339.31") "," ROW("JPY(100)", "935.66", "954.57", "945.12") "]";
    (void)state;
    assert_cuts_refused(read, document);
    assert_changes_safe(read, document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_as_published_with_units_and_both_sides),
        cmocka_unit_test(no_rates_that_day_is_no_error),
        cmocka_unit_test(thousands_commas_are_read_where_they_belong),
        cmocka_unit_test(a_rate_that_is_none_is_refused),
        cmocka_unit_test(a_side_of_zero_is_not_published),
        cmocka_unit_test(a_unit_that_is_none_is_refused),
        cmocka_unit_test(a_currency_twice_is_refused_also_per_other_units),
        cmocka_unit_test(a_result_that_is_not_1_is_told_in_words),
        cmocka_unit_test(what_is_not_an_array_of_json_is_refused),
        cmocka_unit_test(a_cut_answer_gives_nothing_and_a_changed_one_no_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
