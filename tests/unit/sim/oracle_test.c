/* The oracle finds nothing in what real cores do, and finds everything that is tampered with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sim/tape.h"

enum { CLEAN_SEEDS = 300, COMMANDS = 100 };

static void clean_runs_give_no_breach(void **state)
{
    (void)state;
    struct oracle_counts sum = {0};
    const char *only = getenv("ORACLE_SEED");
    uint64_t first = only ? strtoull(only, NULL, 10) : 1, last = only ? first : CLEAN_SEEDS;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct oracle_counts counts;
        struct tape *tape = tape_record(seed, COMMANDS);
        struct tape_verdict verdict = tape_play(tape, NULL, NULL, true, NULL, &counts);
        if (verdict.count > 0)
            fail_msg("seed %llu: %u breaches, first %s, operation %llu, partition %u: %s",
                     (unsigned long long)seed, verdict.count, verdict.first.invariant,
                     (unsigned long long)verdict.first.operation, verdict.first.partition,
                     verdict.first.text);
        sum.crossings += counts.crossings;
        sum.groups += counts.groups;
        sum.reads_checked += counts.reads_checked;
        sum.repeats += counts.repeats;
        sum.conflicts += counts.conflicts;
        sum.refusals += counts.refusals;
        tape_destroy(&tape);
    }
    if (!only) {
        assert_true(sum.crossings > 1000 && sum.groups > 300 && sum.reads_checked > 10000);
        assert_true(sum.repeats > 5000 && sum.conflicts > 500 && sum.refusals > 1000);
    }
}

static void clean_runs_of_products_give_no_breach(void **state)
{
    (void)state;
    uint64_t groups = 0;
    for (uint64_t seed = 1; seed <= CLEAN_SEEDS; seed++) {
        struct oracle_counts counts;
        struct tape *tape = tape_record_products(seed, COMMANDS);
        struct tape_verdict verdict = tape_play(tape, NULL, NULL, true, NULL, &counts);
        if (verdict.count > 0)
            fail_msg("seed %llu: %u breaches, first %s, operation %llu, partition %u: %s",
                     (unsigned long long)seed, verdict.count, verdict.first.invariant,
                     (unsigned long long)verdict.first.operation, verdict.first.partition,
                     verdict.first.text);
        groups += counts.groups;
        tape_destroy(&tape);
    }
    assert_true(groups > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_runs_give_no_breach),
        cmocka_unit_test(clean_runs_of_products_give_no_breach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
