/* Every operating error has its own phrase. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/err.h"

#include <string.h>

static void every_error_has_its_own_phrase(void **state)
{
    (void)state;
    for (int a = ERR_OK; a <= ERR_UNSUPPORTED; a++) {
        assert_true(strlen(err_text((enum err)a)) > 0);
        for (int b = ERR_OK; b < a; b++)
            assert_string_not_equal(err_text((enum err)a), err_text((enum err)b));
    }
}

static void a_number_that_is_no_error_still_has_text(void **state)
{
    (void)state;
    assert_non_null(err_text((enum err)(ERR_UNSUPPORTED + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_phrase),
        cmocka_unit_test(a_number_that_is_no_error_still_has_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
