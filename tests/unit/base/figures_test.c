/* Histograms: where values go, and what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/base/figures.h"

static void test_bounds_rise_and_hold_their_own_value(void **state)
{
    (void)state;
    uint64_t before = 0;
    for (size_t bucket = 0; bucket < FIGURES_BUCKETS - 1; bucket++) {
        uint64_t bound = figures_bound(bucket);
        assert_true(bound > before);
        assert_int_equal(figures_bucket(bound), bucket);
        assert_int_equal(figures_bucket(before + 1), bucket);
        before = bound;
    }
    assert_int_equal(before, UINT64_C(1) << FIGURES_VALUE_BITS);
    assert_int_equal(figures_bucket(before + 1), FIGURES_BUCKETS - 1);
    assert_int_equal(figures_bucket(UINT64_MAX), FIGURES_BUCKETS - 1);
    assert_int_equal(figures_bound(FIGURES_BUCKETS - 1), UINT64_MAX);
    assert_int_equal(figures_bucket(0), 0);
}

static void test_powers_of_two_are_bounds(void **state)
{
    (void)state;
    for (unsigned power = 0; power <= FIGURES_VALUE_BITS; power++) {
        uint64_t value = UINT64_C(1) << power;
        assert_int_equal(figures_bound(figures_bucket(value)), value);
    }
}

static void test_a_bucket_is_never_wider_than_a_quarter(void **state)
{
    (void)state;
    for (size_t bucket = 1; bucket < FIGURES_BUCKETS - 1; bucket++) {
        uint64_t below = figures_bound(bucket - 1);
        uint64_t width = figures_bound(bucket) - below;
        assert_true(width == 1 || width <= below / 4);
    }
}

static void test_quantiles_are_bounds_and_never_above_the_largest(void **state)
{
    static const struct {
        uint32_t per_mille;
        uint64_t value;
    } rows[] = {{1, 1}, {500, 512}, {990, 1000}, {1000, 1000}};
    (void)state;
    struct figures_histogram h = {0};
    assert_int_equal(figures_quantile(&h, 500), 0);
    for (uint64_t value = 1; value <= 1000; value++)
        figures_record(&h, value);
    assert_int_equal(h.count, 1000);
    assert_int_equal(h.sum, 500500);
    assert_int_equal(h.max, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(figures_quantile(&h, rows[i].per_mille), rows[i].value);
}

static void test_what_is_beyond_the_range_is_counted(void **state)
{
    (void)state;
    struct figures_histogram h = {0};
    figures_record(&h, UINT64_C(1) << 40);
    figures_record(&h, 0);
    assert_int_equal(h.buckets[FIGURES_BUCKETS - 1], 1);
    assert_int_equal(figures_quantile(&h, 1000), UINT64_C(1) << 40);
    assert_int_equal(figures_quantile(&h, 500), 1);
}

static void test_a_level_remembers_its_highest(void **state)
{
    (void)state;
    struct figures_level level = {0};
    figures_level_set(&level, 7);
    figures_level_set(&level, 3);
    assert_int_equal(level.now, 3);
    assert_int_equal(level.highest, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_rise_and_hold_their_own_value),
        cmocka_unit_test(test_powers_of_two_are_bounds),
        cmocka_unit_test(test_a_bucket_is_never_wider_than_a_quarter),
        cmocka_unit_test(test_quantiles_are_bounds_and_never_above_the_largest),
        cmocka_unit_test(test_what_is_beyond_the_range_is_counted),
        cmocka_unit_test(test_a_level_remembers_its_highest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
