/* The currency table is ISO 4217's, and its lookup finds exactly what is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/money.h"

#include <string.h>

static void decimals_are_those_of_iso_4217(void **state)
{
    static const struct {
        const char *codes;
        uint8_t exponent;
    } rows[] = {
        {"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF", 0},
        {"BHD IQD JOD KWD LYD OMR TND", 3},
        {"AED AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR MGA MRU MXN MYR NOK NZD PHP PLN "
         "SAR SEK SGD SLE THB TRY TWD UAH USD UYU VED VES XCD XCG ZAR ZMW ZWG",
         2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (const char *code = rows[i].codes;; code += 4) {
            currency_index index = currency_find(code, 3);
            if (index == CURRENCY_NONE)
                fail_msg("%.3s is missing", code);
            assert_int_equal(currency_at(index)->exponent, rows[i].exponent);
            if (code[3] == '\0')
                break;
        }
    }
}

static void nothing_else_has_other_than_two_decimals(void **state)
{
    size_t without = 0;
    size_t with_three = 0;
    (void)state;
    for (size_t i = 1; i < currency_count(); i++) {
        uint8_t exponent = currency_at((currency_index)i)->exponent;
        without += exponent == 0;
        with_three += exponent == 3;
        assert_true(exponent == 0 || exponent == 2 || exponent == 3);
    }
    assert_int_equal(currency_count() - 1, 155);
    assert_int_equal(without, 16);
    assert_int_equal(with_three, 7);
}

static void every_code_is_found_at_its_own_index(void **state)
{
    (void)state;
    for (size_t i = 1; i < currency_count(); i++) {
        const struct currency *currency = currency_at((currency_index)i);
        assert_int_equal(strlen(currency->code), CURRENCY_CODE_LENGTH);
        assert_int_equal(currency_find(currency->code, 3), i);
    }
}

static void only_the_codes_of_the_table_are_found(void **state)
{
    size_t found = 0;
    (void)state;
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            for (int c = 0; c < 256; c++) {
                const char code[3] = {(char)a, (char)b, (char)c};
                found += currency_find(code, 3) != CURRENCY_NONE;
            }
        }
    }
    assert_int_equal(found, currency_count() - 1);
}

static void what_is_no_active_currency_is_not_found(void **state)
{
    static const char *const rows[] = {
        "",    "K",   "KR",  "KRWW", "krw", "Krw", "XXX", "XTS", "XAU", "XAG", "XPT", "XPD",
        "XDR", "XSU", "XUA", "CLF",  "CHE", "CHW", "COU", "MXV", "USN", "UYI", "UYW", "BOV",
        "HRK", "BGN", "SLL", "ZWL",  "ANG", "CUC", "DEM", "AAA", "ZZZ", "K W", "KR1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (currency_find(rows[i], strlen(rows[i])) != CURRENCY_NONE)
            fail_msg("\"%s\" was found", rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_those_of_iso_4217),
        cmocka_unit_test(nothing_else_has_other_than_two_decimals),
        cmocka_unit_test(every_code_is_found_at_its_own_index),
        cmocka_unit_test(only_the_codes_of_the_table_are_found),
        cmocka_unit_test(what_is_no_active_currency_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
