/* Days of the calendar, as sheets of rates have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/rates/rate_sheet.h"

#include <stdio.h>

enum { UNTOUCHED = -77 };

static void a_date_is_read_or_refused(void **state)
{
    static const struct {
        const char *text;
        int32_t days; /* UNTOUCHED: it is none */
    } rows[] = {
        {"1970-01-01", 0},          {"1999-01-04", 10595},      {"2000-02-29", 11016},
        {"2026-11-21", 20778},      {"2199-12-31", 84005},      {"1969-12-31", UNTOUCHED},
        {"2200-01-01", UNTOUCHED},  {"2026-02-29", UNTOUCHED},  {"2100-02-29", UNTOUCHED},
        {"2026-04-31", UNTOUCHED},  {"2026-00-01", UNTOUCHED},  {"2026-13-01", UNTOUCHED},
        {"2026-01-00", UNTOUCHED},  {"2026-1-01", UNTOUCHED},   {"2026/01/01", UNTOUCHED},
        {"2026-01-01 ", UNTOUCHED}, {" 2026-01-01", UNTOUCHED}, {"20260101", UNTOUCHED},
        {"2026-01-0x", UNTOUCHED},  {"+026-01-01", UNTOUCHED},  {"", UNTOUCHED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t days = UNTOUCHED;
        assert_int_equal(rate_date_parse(str_from(rows[i].text), &days), rows[i].days != UNTOUCHED);
        assert_int_equal(days, rows[i].days);
    }
}

static void every_day_is_written_and_read_as_it_was_and_they_follow_each_other(void **state)
{
    char text[RATE_DATE_TEXT];
    uint32_t before = 0;
    int32_t last, days;
    (void)state;
    assert_true(rate_date_parse(STR_LITERAL("2199-12-31"), &last));
    for (int32_t i = 0; i <= last; i++) {
        rate_date_format(i, text);
        assert_true(rate_date_parse(str_from(text), &days));
        assert_int_equal(days, i);
        assert_true(rate_date_number(i) > before);
        before = rate_date_number(i);
    }
    assert_int_equal(before, 21991231);
}

static void a_day_begins_where_its_publisher_is(void **state)
{
    static const int64_t hour_us = INT64_C(3600000000);
    const int32_t seoul_s = 9 * 3600;
    (void)state;
    assert_int_equal(rate_date_of_time(0, 0), 0);
    assert_int_equal(rate_date_of_time(24 * hour_us - 1, 0), 0);
    assert_int_equal(rate_date_of_time(24 * hour_us, 0), 1);
    assert_int_equal(rate_date_of_time(15 * hour_us - 1, seoul_s), 0);
    assert_int_equal(rate_date_of_time(15 * hour_us, seoul_s), 1);
    assert_int_equal(rate_date_of_time(INT64_MAX, 0), 84005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_read_or_refused),
        cmocka_unit_test(every_day_is_written_and_read_as_it_was_and_they_follow_each_other),
        cmocka_unit_test(a_day_begins_where_its_publisher_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
