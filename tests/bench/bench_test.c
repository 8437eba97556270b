/* The parts of the load generator that a wrong figure could come from: latencies, ids, and who pays whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/ledger/ledger.h"
#include "broker/bench/histogram.h"
#include "broker/bench/random.h"
#include "broker/bench/workload.h"

enum { PAIRS = 1000, ROUNDS = 20 };

/* ---- latencies -------------------------------------------------------------------------------- */

static struct histogram histogram;

static void a_share_is_found_within_a_bucket(void **state)
{
    (void)state;
    histogram = (struct histogram){0};
    for (int64_t us = 1; us <= 100000; us++)
        histogram_add(&histogram, us * 1000);
    const struct {
        double share;
        int64_t exact_ns;
    } rows[] = {{0, 1000}, {0.5, 50000000}, {0.99, 99000000}, {0.999, 99900000}, {1, 100000000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t found_ns = histogram_at(&histogram, rows[i].share);
        assert_in_range(found_ns, rows[i].exact_ns, rows[i].exact_ns + rows[i].exact_ns / 30 + 1000);
    }
}

static void extremes_have_a_bucket(void **state)
{
    (void)state;
    const int64_t values_ns[] = {INT64_MIN, -1, 0, 31, 32, 63, 64, INT64_C(1) << 41, INT64_MAX};
    for (size_t i = 0; i < sizeof values_ns / sizeof *values_ns; i++) {
        histogram = (struct histogram){0};
        histogram_add(&histogram, values_ns[i]);
        int64_t found_ns = histogram_at(&histogram, 0.5);
        int64_t least_ns = values_ns[i] < 0 ? 0 : values_ns[i];
        assert_true(found_ns == least_ns || values_ns[i] == INT64_MAX);
        assert_int_equal(histogram.total, 1);
    }
}

static void nothing_has_no_latency(void **state)
{
    (void)state;
    histogram = (struct histogram){0};
    assert_int_equal(histogram_at(&histogram, 0.99), 0);
}

/* ---- pairs ------------------------------------------------------------------------------------ */

static uint32_t count_crossing(struct workload *workload, uint32_t partitions, uint32_t payer)
{
    struct workload_pair pairs[PAIRS];
    uint32_t crossing = 0;
    workload_draw(workload, payer, pairs, PAIRS);
    for (uint32_t i = 0; i < PAIRS; i++) {
        assert_int_equal(ledger_partition_of(pairs[i].from, partitions), payer);
        assert_false(str_equal(pairs[i].from, pairs[i].to));
        crossing += ledger_partition_of(pairs[i].to, partitions) != payer;
    }
    return crossing;
}

static void exactly_the_share_crosses(void **state)
{
    (void)state;
    static const struct {
        uint32_t partitions;
        double share;
        uint32_t crossing;
    } rows[] = {{1, 0.5, 0},          {2, 0, 0},    {2, 0.5, PAIRS / 2}, {2, 1, PAIRS},
                {3, 0.25, PAIRS / 4}, {8, 1, PAIRS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct workload_options options = {
            .accounts = 5000, .partitions = rows[i].partitions, .cross_share = rows[i].share};
        struct workload *workload = workload_new(&options);
        assert_non_null(workload);
        for (uint32_t round = 0; round < ROUNDS; round++)
            assert_int_equal(count_crossing(workload, rows[i].partitions, round % rows[i].partitions),
                             rows[i].crossing);
        workload_destroy(&workload);
    }
}

static void every_account_is_in_one_partition(void **state)
{
    (void)state;
    const struct workload_options options = {.accounts = 1000, .partitions = 3};
    struct workload *workload = workload_new(&options);
    assert_non_null(workload);
    uint32_t count = 0;
    for (uint32_t p = 0; p < options.partitions; p++) {
        for (uint32_t i = 0; i < workload_count(workload, p); i++, count++)
            assert_int_equal(ledger_partition_of(workload_at(workload, p, i), options.partitions), p);
    }
    assert_int_equal(count, options.accounts);
    workload_destroy(&workload);
}

static void hot_one_pays_one_account(void **state)
{
    (void)state;
    const struct workload_options options = {.accounts = 100, .partitions = 1, .hot_one = true};
    struct workload *workload = workload_new(&options);
    struct workload_pair pairs[PAIRS];
    assert_non_null(workload);
    workload_draw(workload, 0, pairs, PAIRS);
    for (uint32_t i = 0; i < PAIRS; i++)
        assert_true(str_equal(pairs[i].to, workload_at(workload, 0, 0)));
    workload_destroy(&workload);
}

/* With s = 2 the first rank has six of ten draws: 1 / (1 + 1/4 + 1/9 + …) = 6 / π². */
static void zipf_prefers_one_account(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    const struct workload_options options = {.accounts = 1000, .partitions = 1, .zipf = 2};
    struct workload *workload = workload_new(&options);
    assert_non_null(workload);
    struct str first = workload_at(workload, 0, 0);
    uint32_t hits = 0;
    for (uint32_t i = 0; i < DRAWS; i++)
        hits += str_equal(workload_account(workload, 0), first);
    assert_in_range(hits, DRAWS * 58 / 100, DRAWS * 64 / 100);
    workload_destroy(&workload);
}

static void too_few_accounts_are_refused(void **state)
{
    (void)state;
    const struct workload_options options = {.accounts = 3, .partitions = 2};
    assert_null(workload_new(&options));
}

static void ids_are_random_uuids(void **state)
{
    (void)state;
    struct random_source random;
    random_seed(&random);
    struct uuid a = random_uuid(&random), b = random_uuid(&random);
    assert_false(uuid_equal(&a, &b));
    assert_int_equal(a.bytes[6] >> 4, 4);
    assert_int_equal(a.bytes[8] >> 6, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_found_within_a_bucket),
        cmocka_unit_test(extremes_have_a_bucket),
        cmocka_unit_test(nothing_has_no_latency),
        cmocka_unit_test(exactly_the_share_crosses),
        cmocka_unit_test(every_account_is_in_one_partition),
        cmocka_unit_test(hot_one_pays_one_account),
        cmocka_unit_test(zipf_prefers_one_account),
        cmocka_unit_test(too_few_accounts_are_refused),
        cmocka_unit_test(ids_are_random_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
