/* The feed's core: plans and back-off, sheets, operators, the desk. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/base/date.h"
#include "actors/base/rate.h"
#include "actors/ratefeed/ratefeed.h"

enum { FRIDAY = 20777, MONDAY = FRIDAY + 3, AT = 16 * 60 + 30, SPIKE_PPM = 100000, AGE_LIMIT_S = 4 * 86400 };

#define SECOND INT64_C(1000000)
#define ONE RATE_ONE

struct fixture {
    struct ratefeed *feed;
    int64_t now_us;
    struct ratefeed_put put;
};

static void *take(void *context, size_t bytes)
{
    (void)context;
    return calloc(1, bytes);
}

static void give(void *context, void *pointer, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(pointer);
}

static const struct mem mem = {NULL, take, give};

static int64_t moment(int32_t day, int minute)
{
    return day * DATE_DAY_US + minute * 60 * SECOND;
}

static struct ratefeed_source_config config_of(void)
{
    return (struct ratefeed_source_config){
        .name = "ecb",
        .schedule = {.time_count = 1, .minutes = {AT}, .weekdays_only = true},
        .spike_ppm = SPIKE_PPM,
        .age_limit_s = AGE_LIMIT_S,
        .desk_count = 1,
        .desk = {{"EUR", "USD"}},
    };
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct ratefeed_source_config config = config_of();
    assert_non_null(f);
    f->feed = ratefeed_new(&config, 1, &mem);
    assert_non_null(f->feed);
    f->now_us = moment(FRIDAY, AT);
    *state = f;
    return 0;
}

static int finish(void **state)
{
    struct fixture *f = *state;
    ratefeed_destroy(&f->feed);
    free(f);
    return 0;
}

static struct published_rate rate_of(const char *counter, int32_t date, int64_t rate, int64_t taken_us)
{
    struct published_rate row = {.base = "EUR", .date = date, .units = 1, .rate = rate, .taken_us = taken_us};
    memcpy(row.counter, counter, CURRENCY_CODE_LENGTH);
    return row;
}

static bool fetches(struct fixture *f)
{
    uint32_t source;
    return ratefeed_next_fetch(f->feed, f->now_us, &source);
}

static bool row(struct fixture *f, const char *counter, int32_t date, int64_t rate)
{
    static struct published_rate kept; /* what the put points to */
    kept = rate_of(counter, date, rate, f->now_us);
    return ratefeed_row(f->feed, &kept, NULL, &f->put);
}

/* A sheet of one rate. Returns what has to be stored: a kind, or -1. */
static int sheet(struct fixture *f, int32_t date, int64_t rate)
{
    ratefeed_sheet_begin(f->feed, 0, f->now_us);
    int kind = row(f, "USD", date, rate) ? (int)f->put.kind : -1;
    ratefeed_sheet_end(f->feed, f->now_us);
    return kind;
}

static struct ratefeed_source_figures source(struct fixture *f)
{
    return ratefeed_source_figures(f->feed, 0);
}

static void a_start_fetches_at_once_where_a_day_is_missing(void **state)
{
    struct fixture *f = *state;
    ratefeed_begin(f->feed, f->now_us);
    assert_true(fetches(f));
    assert_int_equal(source(f).state, RATEFEED_FETCHING);
    assert_false(fetches(f));
}

static void a_start_waits_for_the_schedule_where_the_newest_day_is_there(void **state)
{
    struct fixture *f = *state;
    struct published_rate latest = rate_of("USD", FRIDAY, ONE, 0);
    assert_true(ratefeed_load_latest(f->feed, 0, &latest));
    ratefeed_begin(f->feed, f->now_us);
    assert_false(fetches(f));
    assert_int_equal(source(f).next_try_us, moment(MONDAY, AT));
    f->now_us = moment(MONDAY, AT);
    assert_true(fetches(f));
}

static void failures_double_the_wait_up_to_a_limit_and_never_beyond_the_schedule(void **state)
{
    static const int waits_s[] = {30, 60, 120, 240, 480, 960, 1800, 1800};
    struct fixture *f = *state;
    f->now_us = moment(FRIDAY, 0);
    ratefeed_begin(f->feed, f->now_us);
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        assert_true(fetches(f));
        ratefeed_failed(f->feed, 0, "no answer in time", -1, f->now_us);
        assert_int_equal(source(f).state, RATEFEED_BACKING_OFF);
        assert_int_equal(source(f).next_try_us, f->now_us + waits_s[i] * SECOND);
        assert_int_equal(source(f).failures, i + 1);
        f->now_us = source(f).next_try_us;
    }
    assert_string_equal(source(f).note, "no answer in time");
    f->now_us = moment(FRIDAY, AT) - SECOND;
    assert_true(fetches(f));
    ratefeed_failed(f->feed, 0, "no answer in time", -1, f->now_us);
    assert_int_equal(source(f).next_try_us, moment(FRIDAY, AT));
}

static void a_good_sheet_ends_the_back_off(void **state)
{
    struct fixture *f = *state;
    ratefeed_begin(f->feed, f->now_us);
    assert_true(fetches(f));
    ratefeed_failed(f->feed, 0, "HTTP status 503", -1, f->now_us);
    f->now_us = source(f).next_try_us;
    assert_true(fetches(f));
    assert_int_equal(sheet(f, FRIDAY, ONE), RATEFEED_PUT_HISTORY);
    assert_int_equal(source(f).state, RATEFEED_WAITING);
    assert_int_equal(source(f).failures, 0);
    assert_string_equal(source(f).note, "");
    assert_int_equal(source(f).next_try_us, moment(MONDAY, AT));
}

static void a_source_that_names_a_time_to_come_back_gets_it(void **state)
{
    struct fixture *f = *state;
    ratefeed_begin(f->feed, f->now_us);
    assert_true(fetches(f));
    ratefeed_failed(f->feed, 0, "HTTP status 429", 3600, f->now_us);
    assert_int_equal(source(f).next_try_us, f->now_us + 3600 * SECOND);
}

static void a_source_that_names_a_time_to_come_back_is_not_asked_earlier_by_the_schedule(void **state)
{
    struct fixture *f = *state;
    f->now_us = moment(MONDAY, AT - 60);
    ratefeed_begin(f->feed, f->now_us);
    assert_true(fetches(f));
    ratefeed_failed(f->feed, 0, "HTTP status 429", 7200, f->now_us);
    f->now_us = moment(MONDAY, AT - 30);
    assert_false(fetches(f));
    f->now_us = moment(MONDAY, AT);
    assert_false(fetches(f));
    f->now_us = moment(MONDAY, AT + 60) - 1;
    assert_false(fetches(f));
    f->now_us++;
    assert_true(fetches(f));
}

static void a_clock_that_goes_back_puts_off_a_source_that_named_a_time_by_a_day_at_most(void **state)
{
    struct fixture *f = *state;
    f->now_us = moment(MONDAY, AT - 60);
    ratefeed_begin(f->feed, f->now_us);
    assert_true(fetches(f));
    ratefeed_failed(f->feed, 0, "HTTP status 429", 7200, f->now_us);
    f->now_us = moment(FRIDAY - 28, AT - 1);
    assert_false(fetches(f));
    f->now_us = moment(FRIDAY - 27, AT - 1);
    assert_true(fetches(f));
}

static void a_sheet_that_is_not_todays_yet_is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    ratefeed_begin(f->feed, f->now_us);
    assert_true(fetches(f));
    sheet(f, FRIDAY - 1, ONE);
    assert_int_equal(source(f).state, RATEFEED_BACKING_OFF);
    assert_int_equal(source(f).failures, 0);
    assert_string_equal(source(f).note, "stale: the newest day is older than expected");
    assert_int_equal(source(f).next_try_us, f->now_us + 1800 * SECOND);
}

static void a_clock_that_goes_back_does_not_put_off_the_next_fetch(void **state)
{
    struct fixture *f = *state;
    struct published_rate latest = rate_of("USD", FRIDAY, ONE, 0);
    assert_true(ratefeed_load_latest(f->feed, 0, &latest));
    ratefeed_begin(f->feed, f->now_us);
    f->now_us -= 86400 * SECOND;
    f->now_us -= SECOND;
    assert_false(fetches(f));
    f->now_us += SECOND;
    assert_true(fetches(f));
}

static void a_missing_currency_is_noted(void **state)
{
    struct fixture *f = *state;
    ratefeed_sheet_begin(f->feed, 0, f->now_us);
    assert_true(row(f, "JPY", FRIDAY - 1, 160 * ONE));
    assert_true(row(f, "USD", FRIDAY - 1, ONE));
    ratefeed_sheet_end(f->feed, f->now_us);
    assert_int_equal(sheet(f, FRIDAY, ONE), RATEFEED_PUT_HISTORY);
    assert_string_equal(source(f).note, "missing: EUR/JPY");
    f->now_us = moment(MONDAY, AT);
    assert_int_equal(sheet(f, MONDAY, ONE), RATEFEED_PUT_HISTORY);
    assert_string_equal(source(f).note, "");
}

static void a_spike_waits_once_and_is_the_latest_when_it_is_accepted(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_order order;
    struct ratefeed_put puts[2];
    struct published_rate rate;
    sheet(f, FRIDAY - 1, ONE);
    assert_int_equal(sheet(f, FRIDAY, 2 * ONE), RATEFEED_PUT_WAITING);
    assert_int_equal(f->put.id, 1);
    assert_string_equal(f->put.why, "spike: too far from the last accepted rate");
    assert_int_equal(sheet(f, FRIDAY, 2 * ONE), -1);
    assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
    assert_int_equal(order.rate.rate, ONE);
    ratefeed_desk_done(f->feed, &order, true, f->now_us);
    assert_int_equal(ratefeed_accept(f->feed, 2, STR_LITERAL("kim"), &rate, puts), CODE_RATE_NOT_FOUND);
    assert_int_equal(ratefeed_accept(f->feed, 1, STR_LITERAL("kim"), &rate, puts), CODE_OK);
    assert_int_equal(puts[0].kind, RATEFEED_PUT_HISTORY);
    assert_int_equal(puts[1].kind, RATEFEED_PUT_REMOVE_WAITING);
    assert_string_equal(puts[0].rate->accepted_by, "kim");
    assert_int_equal(ratefeed_accept(f->feed, 1, STR_LITERAL("kim"), &rate, puts), CODE_RATE_NOT_FOUND);
    assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
    assert_int_equal(order.rate.rate, 2 * ONE);
    f->now_us = moment(MONDAY, AT);
    assert_int_equal(sheet(f, MONDAY, 2 * ONE + 1), RATEFEED_PUT_HISTORY);
}

static void what_is_rejected_does_not_come_back(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_put puts[2];
    struct published_rate rate;
    sheet(f, FRIDAY - 1, ONE);
    assert_int_equal(sheet(f, FRIDAY, 2 * ONE), RATEFEED_PUT_WAITING);
    assert_int_equal(ratefeed_reject(f->feed, 1, STR_LITERAL("kim"), &rate, puts), CODE_OK);
    assert_int_equal(puts[0].kind, RATEFEED_PUT_REJECTED);
    assert_int_equal(sheet(f, FRIDAY, 2 * ONE), -1);
    assert_int_equal(sheet(f, FRIDAY, 3 * ONE), RATEFEED_PUT_WAITING);
    assert_int_equal(f->put.id, 2);
    assert_int_equal(ratefeed_figures(f->feed).waiting, 1);
}

static void an_older_rate_that_is_accepted_is_not_the_latest(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_order order;
    struct ratefeed_put puts[2];
    struct published_rate rate;
    sheet(f, FRIDAY - 2, ONE);
    assert_int_equal(sheet(f, FRIDAY - 1, 2 * ONE), RATEFEED_PUT_WAITING);
    assert_int_equal(sheet(f, FRIDAY, ONE), RATEFEED_PUT_HISTORY);
    assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
    ratefeed_desk_done(f->feed, &order, true, f->now_us);
    assert_int_equal(ratefeed_accept(f->feed, 1, STR_LITERAL("kim"), &rate, puts), CODE_OK);
    assert_false(ratefeed_next_order(f->feed, f->now_us, &order));
}

static void the_first_sheet_of_a_pair_brings_years(void **state)
{
    struct fixture *f = *state;
    ratefeed_sheet_begin(f->feed, 0, f->now_us);
    for (int32_t day = 0; day < 3; day++)
        assert_true(row(f, "USD", FRIDAY - 1000 + day, ONE << day) && f->put.kind == RATEFEED_PUT_HISTORY);
    ratefeed_sheet_end(f->feed, f->now_us);
    assert_int_equal(source(f).newest_date, FRIDAY - 998);
    assert_int_equal(sheet(f, FRIDAY, 8 * ONE), RATEFEED_PUT_WAITING);
}

static void the_desk_is_told_until_it_has_it_and_of_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_order order;
    ratefeed_sheet_begin(f->feed, 0, f->now_us);
    assert_true(row(f, "JPY", FRIDAY, 160 * ONE)); /* not configured */
    assert_true(row(f, "USD", FRIDAY, ONE));
    ratefeed_sheet_end(f->feed, f->now_us);
    for (int wait_s = 1; wait_s <= 64; wait_s *= 2) {
        assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
        assert_string_equal(order.rate.counter, "USD");
        assert_int_equal(order.as_of_us, moment(FRIDAY, AT));
        assert_int_equal(order.age_limit_s, AGE_LIMIT_S);
        ratefeed_desk_done(f->feed, &order, false, f->now_us);
        assert_int_equal(ratefeed_due_us(f->feed), f->now_us + wait_s * SECOND);
        f->now_us += wait_s * SECOND - 1;
        assert_false(ratefeed_next_order(f->feed, f->now_us, &order));
        f->now_us++;
    }
    assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
    ratefeed_desk_done(f->feed, &order, true, f->now_us);
    f->now_us += 1000 * SECOND;
    assert_false(ratefeed_next_order(f->feed, f->now_us, &order));
}

static void a_rate_that_came_while_the_desk_was_told_another_is_told_next(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_order order;
    sheet(f, FRIDAY - 1, ONE);
    assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
    sheet(f, FRIDAY, ONE + 1);
    ratefeed_desk_done(f->feed, &order, true, f->now_us);
    assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
    assert_int_equal(order.rate.rate, ONE + 1);
}

static void a_restart_tells_the_desk_the_newest_again_and_an_old_day_does_not_look_fresh(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_order order;
    struct published_rate latest = rate_of("USD", FRIDAY - 7, ONE, f->now_us);
    assert_true(ratefeed_load_latest(f->feed, 0, &latest));
    assert_true(ratefeed_next_order(f->feed, f->now_us, &order));
    assert_int_equal(order.as_of_us, moment(FRIDAY - 6, 0) - 1);
}

static void no_more_wait_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;
    sheet(f, FRIDAY - 1, ONE);
    for (int64_t i = 0; i < RATEFEED_WAITING_MAX; i++)
        assert_int_equal(sheet(f, FRIDAY, 2 * ONE + i), RATEFEED_PUT_WAITING);
    assert_int_equal(sheet(f, FRIDAY, ONE * 9), -1);
    assert_string_equal(source(f).note,
                        "too many pairs, or too many rates wait for an operator: some were not taken");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_fetches_at_once_where_a_day_is_missing),
        TEST(a_start_waits_for_the_schedule_where_the_newest_day_is_there),
        TEST(failures_double_the_wait_up_to_a_limit_and_never_beyond_the_schedule),
        TEST(a_good_sheet_ends_the_back_off),
        TEST(a_source_that_names_a_time_to_come_back_gets_it),
        TEST(a_source_that_names_a_time_to_come_back_is_not_asked_earlier_by_the_schedule),
        TEST(a_clock_that_goes_back_puts_off_a_source_that_named_a_time_by_a_day_at_most),
        TEST(a_sheet_that_is_not_todays_yet_is_asked_for_again),
        TEST(a_clock_that_goes_back_does_not_put_off_the_next_fetch),
        TEST(a_missing_currency_is_noted),
        TEST(a_spike_waits_once_and_is_the_latest_when_it_is_accepted),
        TEST(what_is_rejected_does_not_come_back),
        TEST(an_older_rate_that_is_accepted_is_not_the_latest),
        TEST(the_first_sheet_of_a_pair_brings_years),
        TEST(the_desk_is_told_until_it_has_it_and_of_nothing_else),
        TEST(a_rate_that_came_while_the_desk_was_told_another_is_told_next),
        TEST(a_restart_tells_the_desk_the_newest_again_and_an_old_day_does_not_look_fresh),
        TEST(no_more_wait_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
