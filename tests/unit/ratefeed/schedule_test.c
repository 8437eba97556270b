/* Schedules: a row a case. Times are written as day and minute, where the publisher is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/date.h"
#include "actors/ratefeed/schedule.h"

enum {
    THURSDAY = 20776, /* 2026-11-19 */
    FRIDAY,
    SATURDAY,
    SUNDAY,
    MONDAY,
    AT = 16 * 60 + 30,
    EARLY = 9 * 60,
    SEOUL_S = 9 * 3600,
    CARACAS_S = -(4 * 3600 + 1800),
};

static int64_t moment(int32_t day, int minute, int32_t offset_s)
{
    return day * DATE_DAY_US + minute * INT64_C(60000000) - offset_s * INT64_C(1000000);
}

static struct schedule daily(bool weekdays_only, int32_t offset_s)
{
    return (struct schedule){
        .offset_s = offset_s, .time_count = 1, .minutes = {AT}, .weekdays_only = weekdays_only};
}

static void the_next_and_the_last_moment(void **state)
{
    static const struct {
        const char *what;
        bool weekdays_only;
        int32_t day;
        int minute;
        int32_t next_day, last_day; /* at AT */
    } rows[] = {
        {"before the time of a working day", true, FRIDAY, AT - 1, FRIDAY, THURSDAY},
        {"at the time: the next is tomorrow's", true, THURSDAY, AT, FRIDAY, THURSDAY},
        {"after Friday's the next is Monday's", true, FRIDAY, AT + 1, MONDAY, FRIDAY},
        {"on Saturday", true, SATURDAY, AT, MONDAY, FRIDAY},
        {"on Sunday, the last minute", true, SUNDAY, 1439, MONDAY, FRIDAY},
        {"on Monday, the first minute", true, MONDAY, 0, MONDAY, FRIDAY},
        {"every day: Saturday", false, SATURDAY, AT, SUNDAY, SATURDAY},
        {"every day: midnight", false, SATURDAY, 0, SATURDAY, FRIDAY},
    };
    static const int32_t offsets[] = {
        0, 3600, SEOUL_S, CARACAS_S, SCHEDULE_OFFSET_MAX_S, -SCHEDULE_OFFSET_MAX_S};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++) {
            struct schedule schedule = daily(rows[i].weekdays_only, offsets[o]);
            int64_t now_us = moment(rows[i].day, rows[i].minute, offsets[o]);
            if (schedule_next_us(&schedule, now_us) != moment(rows[i].next_day, AT, offsets[o]) ||
                schedule_last_us(&schedule, now_us) != moment(rows[i].last_day, AT, offsets[o]) ||
                schedule_expected_date(&schedule, now_us) != rows[i].last_day)
                fail_msg("%s, at %d s", rows[i].what, offsets[o]);
        }
    }
}

static void several_times_of_a_day_come_in_turn(void **state)
{
    struct schedule schedule = {.time_count = 2, .minutes = {EARLY, AT}, .weekdays_only = true};
    (void)state;
    assert_int_equal(schedule_next_us(&schedule, moment(FRIDAY, EARLY - 1, 0)), moment(FRIDAY, EARLY, 0));
    assert_int_equal(schedule_next_us(&schedule, moment(FRIDAY, EARLY, 0)), moment(FRIDAY, AT, 0));
    assert_int_equal(schedule_next_us(&schedule, moment(FRIDAY, AT, 0)), moment(MONDAY, EARLY, 0));
    assert_int_equal(schedule_last_us(&schedule, moment(FRIDAY, AT - 1, 0)), moment(FRIDAY, EARLY, 0));
}

static void midnight_is_a_time_of_the_day_that_begins(void **state)
{
    struct schedule schedule = {.time_count = 2, .minutes = {0, 1439}};
    (void)state;
    assert_int_equal(schedule_next_us(&schedule, moment(FRIDAY, 1439, 0)), moment(SATURDAY, 0, 0));
    assert_int_equal(schedule_next_us(&schedule, moment(SATURDAY, 0, 0) - 1), moment(SATURDAY, 0, 0));
    assert_int_equal(schedule_last_us(&schedule, moment(SATURDAY, 0, 0)), moment(SATURDAY, 0, 0));
}

static void an_interval_knows_no_days(void **state)
{
    struct schedule schedule = {.every_s = 90, .weekdays_only = true};
    (void)state;
    int64_t now_us = moment(SATURDAY, 7, 0);
    assert_int_equal(schedule_next_us(&schedule, now_us), now_us + 90000000);
    assert_int_equal(schedule_last_us(&schedule, now_us), now_us);
    assert_int_equal(schedule_expected_date(&schedule, now_us), INT32_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_and_the_last_moment),
        cmocka_unit_test(several_times_of_a_day_come_in_turn),
        cmocka_unit_test(midnight_is_a_time_of_the_day_that_begins),
        cmocka_unit_test(an_interval_knows_no_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
