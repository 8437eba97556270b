/* The feed with its store: what the core alone cannot know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/rate.h"
#include "actors/ratefeed/shell/feed_service.h"
#include "sim/counting_mem.h"

enum { DAY = 20777 };

static const int64_t now_us = (DAY + INT64_C(1)) * 86400000000 - 1;

static void say(void *context, bool is_error, const char *text)
{
    (void)context;
    (void)is_error;
    assert_non_null(text);
}

static struct published_rate rate_of(int32_t date, int64_t rate)
{
    return (struct published_rate){.base = "EUR", .counter = "USD", .date = date, .units = 1, .rate = rate};
}

static void a_day_that_stands_twice_in_a_sheet_with_other_values_waits(void **state)
{
    struct counting_mem counting = {0};
    const struct mem mem = counting_mem_port(&counting);
    const struct ratefeed_source_config config = {
        .name = "ecb", .schedule = {.every_s = 3600}, .spike_ppm = 100000, .age_limit_s = 86400};
    struct feed_service service = {.say = say};
    struct rates *rates = rates_memory_new();
    struct feed_taken taken;
    struct published_rate stored;
    const struct published_rate rows[] = {rate_of(DAY - 1, RATE_ONE), rate_of(DAY - 1, RATE_ONE + 1),
                                          rate_of(DAY, RATE_ONE), rate_of(DAY, RATE_ONE),
                                          rate_of(DAY, RATE_ONE + 1)};
    (void)state;
    assert_int_equal(feed_service_open(&service, &config, 1, rates, &mem), ERR_OK);
    assert_int_equal(feed_service_sheet(&service, 0, rows, 5, now_us, &taken), ERR_OK);
    assert_int_equal(taken.accepted, 2);
    assert_int_equal(taken.unchanged, 1);
    assert_int_equal(taken.to_review, 2);
    assert_int_equal(rates_find(rates, "ecb", "EUR", "USD", DAY - 1, &stored), ERR_OK);
    assert_int_equal(stored.rate, RATE_ONE);
    assert_int_equal(rates_find(rates, "ecb", "EUR", "USD", DAY, &stored), ERR_OK);
    assert_int_equal(stored.rate, RATE_ONE);
    feed_service_close(&service);
    rates_close(&rates);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_that_stands_twice_in_a_sheet_with_other_values_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
