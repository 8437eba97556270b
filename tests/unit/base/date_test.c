/* Days of the calendar: text both ways, and the day of a moment at an offset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/date.h"

enum { UNTOUCHED = -77 };

static void a_day_is_read_or_refused(void **state)
{
    static const struct {
        const char *text;
        int32_t days; /* UNTOUCHED: refused */
    } rows[] = {
        {"1970-01-01", 0},         {"1970-12-31", 364},       {"1999-01-04", 10595},
        {"2000-02-29", 11016},     {"2000-03-01", 11017},     {"2026-11-21", 20778},
        {"2199-12-31", 84005},     {"2100-02-29", UNTOUCHED}, {"2026-02-29", UNTOUCHED},
        {"2026-04-31", UNTOUCHED}, {"2026-00-10", UNTOUCHED}, {"2026-13-10", UNTOUCHED},
        {"2026-10-00", UNTOUCHED}, {"1969-12-31", UNTOUCHED}, {"2200-01-01", UNTOUCHED},
        {"2026-1-21", UNTOUCHED},  {"2026/11/21", UNTOUCHED}, {"2026-11-21 ", UNTOUCHED},
        {"+026-11-21", UNTOUCHED}, {"", UNTOUCHED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t days = UNTOUCHED;
        assert_int_equal(date_parse(str_from(rows[i].text), &days), rows[i].days != UNTOUCHED);
        if (days != rows[i].days)
            fail_msg("%s: %d", rows[i].text, days);
    }
}

static void each_day_is_read_as_it_is_written_and_weekdays_follow_each_other(void **state)
{
    char text[DATE_TEXT_MAX];
    (void)state;
    assert_int_equal(date_weekday(0), 3);
    for (int32_t days = 0; days <= DATE_DAYS_MAX; days++) {
        int32_t same = UNTOUCHED;
        date_format(days, text);
        assert_true(date_parse(str_from(text), &same));
        assert_int_equal(same, days);
        assert_int_equal(date_weekday(days + 1), (date_weekday(days) + 1) % 7);
    }
}

static void the_day_of_a_moment_depends_on_where_it_is(void **state)
{
    (void)state;
    assert_int_equal(date_of_time(0, 0), 0);
    assert_int_equal(date_of_time(-1, 0), -1);
    assert_int_equal(date_of_time(0, -1), -1);
    assert_int_equal(date_of_time(DATE_DAY_US - 1, 0), 0);
    assert_int_equal(date_of_time(15 * INT64_C(3600000000), 9 * 3600), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_read_or_refused),
        cmocka_unit_test(each_day_is_read_as_it_is_written_and_weekdays_follow_each_other),
        cmocka_unit_test(the_day_of_a_moment_depends_on_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
