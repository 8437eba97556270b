/* Plans of faults: drawn from a seed alone, never empty, stable when something is taken away, and with room left for
 * the world to go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sim/fault.h"

#define HOUR_US INT64_C(3600000000)

enum { SEEDS = 300, COUNT = 30, PARTITIONS = 3 };

static struct fault_plan plan_of(uint64_t seed, uint32_t families)
{
    struct fault_plan_config config = {seed, PARTITIONS, families, HOUR_US, COUNT};
    return fault_plan_draw(&config);
}

static bool is_same(const struct fault *a, const struct fault *b)
{
    return a->number == b->number && a->kind == b->kind && a->at_us == b->at_us && a->target == b->target &&
           a->peer == b->peer && a->length_us == b->length_us && a->amount == b->amount;
}

static void a_seed_gives_the_same_plan_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan a = plan_of(seed, FAMILIES_ALL), b = plan_of(seed, FAMILIES_ALL);
        assert_int_equal(a.count, b.count);
        for (size_t i = 0; i < a.count; i++)
            assert_true(is_same(&a.faults[i], &b.faults[i]));
        fault_plan_release(&a);
        fault_plan_release(&b);
    }
}

static void a_plan_has_at_least_the_count_and_is_numbered_by_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan plan = plan_of(seed, FAMILIES_ALL);
        assert_in_range(plan.count, COUNT, COUNT + FAULT_KIND_COUNT);
        for (size_t i = 0; i < plan.count; i++) {
            assert_int_equal(plan.faults[i].number, i + 1);
            assert_in_range(plan.faults[i].at_us, 0, HOUR_US);
            assert_true(i == 0 || plan.faults[i - 1].at_us <= plan.faults[i].at_us);
        }
        fault_plan_release(&plan);
    }
}

static void taking_a_family_out_leaves_the_other_faults_as_they_were(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint32_t families = (uint32_t)seed & FAMILIES_ALL;
        struct fault_plan whole = plan_of(seed, FAMILIES_ALL), part = plan_of(seed, families);
        size_t found = 0;
        for (size_t i = 0; i < whole.count; i++) {
            if (families >> fault_family_of(whole.faults[i].kind) & 1) {
                assert_true(found < part.count);
                assert_true(is_same(&whole.faults[i], &part.faults[found]));
                found++;
            }
        }
        assert_int_equal(found, part.count);
        fault_plan_release(&whole);
        fault_plan_release(&part);
    }
}

static bool holds_back(enum fault_kind kind)
{
    return kind == FAULT_PAUSE || kind == FAULT_CUT || kind == FAULT_CLOG || kind == FAULT_NO_SPACE ||
           kind == FAULT_CAPACITY || kind == FAULT_SLOW_DISK || kind == FAULT_CLOCK_FREEZE;
}

static void the_world_is_held_back_for_no_more_than_two_fifths_of_the_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan plan = plan_of(seed, FAMILIES_ALL);
        int64_t held_us = 0;
        for (size_t i = 0; i < plan.count; i++)
            held_us += holds_back(plan.faults[i].kind) ? plan.faults[i].length_us : 0;
        assert_true(held_us <= HOUR_US * 2 / 5);
        fault_plan_release(&plan);
    }
}

static void every_kind_comes_and_every_kind_is_sometimes_left_out(void **state)
{
    uint32_t with[FAULT_KIND_COUNT] = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        bool seen[FAULT_KIND_COUNT] = {false};
        struct fault_plan plan = plan_of(seed, FAMILIES_ALL);
        for (size_t i = 0; i < plan.count; i++)
            seen[plan.faults[i].kind] = true;
        for (size_t kind = 0; kind < FAULT_KIND_COUNT; kind++)
            with[kind] += seen[kind];
        fault_plan_release(&plan);
    }
    for (size_t kind = 0; kind < FAULT_KIND_COUNT; kind++)
        assert_in_range(with[kind], SEEDS / 2, SEEDS * 7 / 10);
}

static void check_ends(const struct fault *fault)
{
    bool is_network = fault_family_of(fault->kind) == FAMILY_NETWORK;
    bool from_outside = fault->target == WORLD_CLIENTS || fault->target == WORLD_BROKER;
    bool to_outside = fault->peer == WORLD_CLIENTS || fault->peer == WORLD_BROKER;
    assert_true(fault->target < PARTITIONS || fault->target == WORLD_ANY || (is_network && from_outside));
    assert_true(fault->peer < PARTITIONS || fault->peer == WORLD_ANY || (is_network && to_outside));
    assert_true(!is_network || from_outside == to_outside);
    assert_true(fault->target != fault->peer || fault->target == WORLD_ANY);
}

static void amounts_and_ends_are_within_what_their_kinds_allow(void **state)
{
    static const struct {
        int64_t least, most;
    } allowed[FAULT_KIND_COUNT] = {
        [FAULT_KILL] = {0, 40},
        [FAULT_POWER] = {0, 40},
        [FAULT_RELAPSE] = {1, 4},
        [FAULT_MEMORY] = {1, 200},
        [FAULT_MAILBOX] = {1, 8},
        [FAULT_SLOW_DISK] = {2, 200},
        [FAULT_WRITE_ERROR] = {1, 60},
        [FAULT_SYNC_ERROR] = {1, 20},
        [FAULT_WRITTEN_ERROR] = {1, 60},
        [FAULT_CAPACITY] = {0, 2000},
        [FAULT_LOSE] = {1000, 400000},
        [FAULT_REPEAT] = {1000, 500000},
        [FAULT_REORDER] = {1000, 800000},
        [FAULT_DELAY] = {1000, 5000000},
        [FAULT_CLOCK_FORWARD] = {1000, 2 * HOUR_US},
        [FAULT_CLOCK_BACK] = {1000, 2 * HOUR_US},
        [FAULT_STORM] = {1, 5},
    };
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan plan = plan_of(seed, FAMILIES_ALL);
        for (size_t i = 0; i < plan.count; i++) {
            const struct fault *fault = &plan.faults[i];
            assert_in_range(fault->amount, allowed[fault->kind].least, allowed[fault->kind].most);
            assert_true(fault->length_us >= 0);
            check_ends(fault);
        }
        fault_plan_release(&plan);
    }
}

static void some_faults_come_close_upon_another_on_the_same_partition(void **state)
{
    uint32_t close = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fault_plan plan = plan_of(seed, FAMILIES_ALL);
        bool is_close = false;
        for (size_t i = 1; i < plan.count; i++) {
            const struct fault *a = &plan.faults[i - 1], *b = &plan.faults[i];
            is_close = is_close || (a->target == b->target && b->at_us - a->at_us < 100000);
        }
        close += is_close;
        fault_plan_release(&plan);
    }
    assert_true(close > SEEDS / 2);
}

static void a_plan_of_no_time_or_one_partition_can_be_drawn(void **state)
{
    (void)state;
    struct fault_plan_config config = {.seed = 5, .partitions = 1, .families = FAMILIES_ALL, .count = COUNT};
    struct fault_plan plan = fault_plan_draw(&config);
    assert_true(plan.count >= COUNT);
    fault_plan_release(&plan);
    config.count = 0;
    plan = fault_plan_draw(&config);
    assert_int_equal(plan.count, 0);
    fault_plan_release(&plan);
}

static void words_name_kinds_and_families_both_ways(void **state)
{
    (void)state;
    for (enum fault_kind kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        enum fault_kind found;
        assert_true(fault_find(fault_word(kind), &found));
        assert_int_equal(found, kind);
    }
    for (enum fault_family family = 0; family < FAMILY_COUNT; family++) {
        enum fault_family found;
        assert_true(fault_family_find(fault_family_word(family), &found));
        assert_int_equal(found, family);
    }
    enum fault_kind kind;
    enum fault_family family;
    assert_false(fault_find("earthquake", &kind));
    assert_false(fault_family_find("weather", &family));
}

static void a_fault_is_said_in_one_line(void **state)
{
    static const struct {
        struct fault fault;
        const char *said;
    } rows[] = {
        {{.kind = FAULT_POWER, .at_us = 3250000, .target = 1, .amount = 4},
         "3.250 s  power partition 1, at its 4th call"},
        {{.kind = FAULT_KILL, .target = WORLD_ANY}, "0.000 s  kill all partitions, at once"},
        {{.kind = FAULT_WRITE_ERROR, .target = 2, .amount = 22, .length_us = 1},
         "0.000 s  write-error partition 2, at its 22nd call, and all after it"},
        {{.kind = FAULT_MEMORY, .target = 0, .amount = 111, .length_us = 3},
         "0.000 s  memory partition 0, at its 111th call, and 3 after it"},
        {{.kind = FAULT_CUT, .target = WORLD_CLIENTS, .peer = WORLD_BROKER, .length_us = 1500},
         "0.000 s  cut from clients to broker, for 1.500 ms"},
        {{.kind = FAULT_LOSE, .target = WORLD_ANY, .peer = 1, .amount = 5000, .length_us = 61000000},
         "0.000 s  lose from anyone to partition 1, 5000 of 1000000 messages, for 61.000 s"},
        {{.kind = FAULT_CLOCK_BACK, .target = 1, .amount = 900},
         "0.000 s  clock-back partition 1, by 900 us"},
        {{.kind = FAULT_STORM, .target = WORLD_ANY, .amount = 2}, "0.000 s  storm, 2 times"},
    };
    char said[160];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(fault_say(&rows[i].fault, said, sizeof said), rows[i].said);
    assert_true(strlen(fault_say(&rows[0].fault, said, 10)) < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_same_plan_again),
        cmocka_unit_test(a_plan_has_at_least_the_count_and_is_numbered_by_time),
        cmocka_unit_test(taking_a_family_out_leaves_the_other_faults_as_they_were),
        cmocka_unit_test(the_world_is_held_back_for_no_more_than_two_fifths_of_the_time),
        cmocka_unit_test(every_kind_comes_and_every_kind_is_sometimes_left_out),
        cmocka_unit_test(amounts_and_ends_are_within_what_their_kinds_allow),
        cmocka_unit_test(some_faults_come_close_upon_another_on_the_same_partition),
        cmocka_unit_test(a_plan_of_no_time_or_one_partition_can_be_drawn),
        cmocka_unit_test(words_name_kinds_and_families_both_ways),
        cmocka_unit_test(a_fault_is_said_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
