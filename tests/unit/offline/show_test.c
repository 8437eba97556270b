/* Times and sums as people write and read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/offline/show.h"

static void a_time_is_read_as_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        bool is_time;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-11-20T10:15:30Z", true, INT64_C(1795169730000000)},
        {"2026-11-20T10:15:30.5Z", true, INT64_C(1795169730500000)},
        {"2026-11-20T10:15:30.000001Z", true, INT64_C(1795169730000001)},
        {"2026-11-20T10:15:30.0000019Z", true, INT64_C(1795169730000001)},
        {"2026-11-20T19:15:30+09:00", true, INT64_C(1795169730000000)},
        {"2026-11-20t05:15:30-05:00", true, INT64_C(1795169730000000)},
        {"2026-11-20 10:15:30Z", true, INT64_C(1795169730000000)},
        {"2026-11-20T10:15:30", false, 0},
        {"2026-11-20T10:15:30.Z", false, 0},
        {"2026-11-20T10:15:30Zulu", false, 0},
        {"2026-11-20T10:15:30+9", false, 0},
        {"2026-04-31T10:15:30Z", false, 0},
        {"2026-13-01T10:15:30Z", false, 0},
        {"1969-12-31T23:59:59Z", false, 0},
        {"2026-11-20", false, 0},
        {"", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = 0;
        assert_int_equal(show_time_parse(rows[i].text, &us), rows[i].is_time);
        if (rows[i].is_time)
            assert_int_equal(us, rows[i].us);
    }
}

static void a_time_is_written_so_that_it_can_be_read_again(void **state)
{
    char text[SHOW_TIME];
    int64_t us;
    (void)state;
    show_time(INT64_C(1795169730000042), text);
    assert_string_equal(text, "2026-11-20T10:15:30.000042Z");
    assert_true(show_time_parse(text, &us));
    assert_int_equal(us, INT64_C(1795169730000042));
}

static void a_sum_is_written_in_major_units(void **state)
{
    static const struct {
        __int128 minor;
        uint8_t exponent;
        const char *text;
    } rows[] = {
        {0, 0, "0"},      {0, 2, "0.00"},
        {5, 2, "0.05"},   {-5, 2, "-0.05"},
        {123, 2, "1.23"}, {-1234, 0, "-1234"},
        {1, 3, "0.001"},  {(__int128)INT64_MAX * 100, 2, "9223372036854775807.00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[SHOW_SUM];
        show_sum(rows[i].minor, rows[i].exponent, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_read_as_rfc_3339),
        cmocka_unit_test(a_time_is_written_so_that_it_can_be_read_again),
        cmocka_unit_test(a_sum_is_written_in_major_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
