/* Result codes and fields keep their numbers, which are journaled, and each has one word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/code.h"

#include <string.h>

static void every_code_has_its_own_word(void **state)
{
    (void)state;
    for (int a = 0; a < CODE_COUNT; a++) {
        assert_non_null(code_name((enum code)a));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(code_name((enum code)a), code_name((enum code)b));
    }
}

static void every_field_but_none_has_its_own_word(void **state)
{
    (void)state;
    assert_null(field_name(FIELD_NONE));
    for (int a = 1; a < FIELD_COUNT; a++) {
        assert_non_null(field_name((enum field)a));
        for (int b = 1; b < a; b++)
            assert_string_not_equal(field_name((enum field)a), field_name((enum field)b));
    }
}

static void journaled_numbers_do_not_move(void **state)
{
    static const struct {
        int number;
        const char *word;
    } rows[] = {
        {0, "OK"},
        {1, "BAD_REQUEST"},
        {4, "BUSY"},
        {5, "UNKNOWN"},
        {8, "INVALID_FIELD"},
        {11, "CONFLICT"},
        {16, "ACCOUNT_FROZEN"},
        {17, "INSUFFICIENT_FUNDS"},
        {22, "GROUP_REFUSED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(code_name((enum code)rows[i].number), rows[i].word);
    assert_string_equal(field_name((enum field)1), "transaction_id");
    assert_string_equal(field_name((enum field)23), "body");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_own_word),
        cmocka_unit_test(every_field_but_none_has_its_own_word),
        cmocka_unit_test(journaled_numbers_do_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
