/* The simulator's command line: seeds in children, reports, and shrinking, over a run that this file makes up.
 *
 * run_seed here breaks by rule: some seeds break, crash or hang, and one breaks only when two certain faults, one
 * feature and enough requests come together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/base/check.h"
#include "sim/command/report.h"
#include "sim/command/session.h"
#include "sim/command/shrink.h"
#include "sim/command/tail.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)

enum {
    SEED_CRASHES = 3,
    SEED_HANGS = 4,
    SEED_BREAKS = 5,
    SEED_GUILTY = 6,  /* breaks when both guilty faults are in the plan */
    SEED_DIES_OF = 7, /* crashes when both are */
    GUILTY_A = 4,
    GUILTY_B = 11,
    GUILTY_OPERATIONS = 37,
    FAULTS = 30,
    PARTITIONS = 3,
};

/* ---- the made-up run ---------------------------------------------------------------------------- */

struct run_config run_config_default(uint64_t seed)
{
    return (struct run_config){
        .seed = seed, .length_us = HOUR_US, .families = FAMILIES_ALL, .features = FEATURES_ALL};
}

static bool is_dropped(const struct run_config *config, const struct fault *fault)
{
    if (config->stop_us > 0 && fault->at_us > config->stop_us)
        return true;
    for (size_t i = 0; i < config->dropped_count; i++) {
        if (config->dropped[i] == fault->number)
            return true;
    }
    return false;
}

struct fault_plan run_plan(const struct run_config *config)
{
    struct fault_plan_config drawn = {config->seed, PARTITIONS, config->families, config->length_us, FAULTS};
    struct fault_plan plan = fault_plan_draw(&drawn);
    size_t kept = 0;
    for (size_t i = 0; i < plan.count; i++) {
        if (!is_dropped(config, &plan.faults[i]))
            plan.faults[kept++] = plan.faults[i];
    }
    plan.count = kept;
    return plan;
}

/* Both guilty faults are there, and what they need. *at_us: the time of the second. */
static bool is_guilty(const struct run_config *config, int64_t *at_us)
{
    struct fault_plan plan = run_plan(config);
    unsigned found = 0;
    for (size_t i = 0; i < plan.count; i++) {
        found += plan.faults[i].number == GUILTY_A || plan.faults[i].number == GUILTY_B;
        *at_us = plan.faults[i].number == GUILTY_B ? plan.faults[i].at_us + 1500 : *at_us;
    }
    fault_plan_release(&plan);
    return found == 2 && (config->features & 1u << FEATURE_GROUPS) &&
           (config->operation_limit == 0 || config->operation_limit >= GUILTY_OPERATIONS);
}

static void break_it(struct run_result *out, int64_t at_us, const char *text)
{
    out->is_broken = true;
    out->breach.invariant = "I3";
    out->breach.partition = UINT32_MAX;
    snprintf(out->breach.text, sizeof out->breach.text, "%s", text);
    out->breach_us = at_us;
}

static void leave_traces(const struct run_config *config)
{
    char path[300];
    snprintf(path, sizeof path, "%s/scratch", config->root);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fclose(file) == 0);
    snprintf(path, sizeof path, "%s.aside", config->root);
    CHECK(mkdir(path, 0700) == 0);
    for (int second = 0; config->trace != NULL && second < 100; second++) {
        if (second * SECOND_US >= config->trace_from_us)
            fprintf(config->trace, "%12.6f s  event %d\n", (double)second, second);
    }
}

void run_seed(const struct run_config *config, struct run_result *out)
{
    int64_t at_us = 0;
    *out = (struct run_result){.digest = config->seed * 1000, .features = config->features};
    out->simulated_us = config->length_us;
    out->world.operations = 500;
    out->world.faults[FAULT_KILL] = 2;
    leave_traces(config);
    if (config->seed == SEED_CRASHES)
        CHECK(config->seed != SEED_CRASHES);
    while (config->seed == SEED_HANGS)
        pause();
    if (config->seed == SEED_BREAKS)
        break_it(out, 5 * SECOND_US, config->root);
    if (config->seed == SEED_GUILTY && is_guilty(config, &at_us))
        break_it(out, at_us, "two faults came together");
    if (config->seed == SEED_DIES_OF)
        CHECK(!is_guilty(config, &at_us));
}

/* ---- the pool ----------------------------------------------------------------------------------- */

static struct outcome outcome_of(struct pool *pool, const struct job *job)
{
    struct outcome outcome;
    pool_start(pool, job);
    while (pool_wait(pool, 1000, &outcome) != POOL_DONE)
        ;
    return outcome;
}

static void each_way_to_end_is_told(void **state)
{
    static const struct {
        uint64_t seed;
        int64_t bound_us;
        enum ending ending;
        const char *invariant;
        const char *why; /* part of it */
    } rows[] = {
        {1, 0, ENDED_FINE, "", ""},
        {SEED_CRASHES, 0, ENDED_DIED, "crash", "CHECK failed: "},
        {SEED_HANGS, SECOND_US / 20, ENDED_HANGING, "hang", "real time"},
        {SEED_BREAKS, 0, ENDED_BROKEN, "I3", "/teller-disk-"},
    };
    struct pool *pool = pool_new(1, NULL, -1);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct job job = {.tag = 7, .config = run_config_default(rows[i].seed), .bound_us = rows[i].bound_us};
        struct outcome outcome = outcome_of(pool, &job);
        assert_int_equal(outcome.tag, 7);
        assert_int_equal(outcome.ending, rows[i].ending);
        assert_string_equal(outcome.invariant, rows[i].invariant);
        assert_non_null(strstr(outcome.why, rows[i].why));
    }
    pool_destroy(&pool);
}

static void a_scratch_directory_goes_with_its_run_and_what_is_beside_it(void **state)
{
    struct pool *pool = pool_new(1, NULL, -1);
    struct job job = {.config = run_config_default(SEED_BREAKS)};
    (void)state;
    struct outcome outcome = outcome_of(pool, &job);
    char *slash = strrchr(outcome.why, '/'); /* the text of the breach is the path */
    assert_non_null(slash);
    *slash = '\0';
    assert_int_equal(access(outcome.why, F_OK), -1);
    slash = strrchr(outcome.why, '/');
    *slash = '\0';
    assert_int_equal(access(outcome.why, F_OK), 0);
    pool_destroy(&pool);
    assert_int_equal(access(outcome.why, F_OK), -1);
}

static void several_run_at_once_and_each_outcome_comes_once(void **state)
{
    enum { JOBS = 5 };
    struct pool *pool = pool_new(JOBS, NULL, -1);
    uint64_t seen = 0;
    (void)state;
    for (uint64_t i = 0; i < JOBS; i++) {
        assert_false(pool_is_full(pool));
        struct job job = {.tag = i, .config = run_config_default(100 + i)};
        pool_start(pool, &job);
    }
    assert_true(pool_is_full(pool));
    while (pool_running(pool) > 0) {
        struct outcome outcome;
        if (pool_wait(pool, 1000, &outcome) != POOL_DONE)
            continue;
        assert_int_equal(outcome.result.digest, (100 + outcome.tag) * 1000);
        seen |= UINT64_C(1) << outcome.tag;
    }
    assert_int_equal(seen, (1 << JOBS) - 1);
    pool_destroy(&pool);
}

/* ---- shrinking ---------------------------------------------------------------------------------- */

static struct shrunk shrink_seed(struct pool *pool, uint64_t seed)
{
    struct job job = {.config = run_config_default(seed)};
    struct outcome broken = outcome_of(pool, &job);
    assert_int_not_equal(broken.ending, ENDED_FINE);
    struct shrink_config config = {.pool = pool, .until_us = pool_real_us() + 120 * SECOND_US};
    return shrink(&config, &broken);
}

static void check_guilty_ones_are_left(const struct run_config *config)
{
    struct fault_plan plan = run_plan(config);
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.faults[0].number, GUILTY_A);
    assert_int_equal(plan.faults[1].number, GUILTY_B);
    assert_true(config->stop_us > 0 && config->stop_us <= plan.faults[1].at_us + 2500);
    fault_plan_release(&plan);
    assert_int_equal(config->features, 1u << FEATURE_GROUPS);
    assert_int_equal(config->operation_limit, GUILTY_OPERATIONS);
}

static void shrinking_finds_the_two_guilty_faults_with_any_number_of_jobs(void **state)
{
    struct run_config first;
    (void)state;
    for (uint32_t jobs = 1; jobs <= 3; jobs += 2) {
        struct pool *pool = pool_new(jobs, NULL, -1);
        struct shrunk shrunk = shrink_seed(pool, SEED_GUILTY);
        const struct run_config *config = &shrunk.outcome.config;
        assert_true(shrunk.is_finished);
        check_guilty_ones_are_left(config);
        if (jobs > 1)
            assert_int_equal(config->stop_us, first.stop_us);
        first = *config;
        shrunk_release(&shrunk);
        pool_destroy(&pool);
    }
}

static void a_crash_is_shrunk_too(void **state)
{
    struct pool *pool = pool_new(2, NULL, -1);
    (void)state;
    struct shrunk shrunk = shrink_seed(pool, SEED_DIES_OF);
    struct fault_plan plan = run_plan(&shrunk.outcome.config);
    assert_int_equal(plan.count, 2);
    fault_plan_release(&plan);
    assert_int_equal(shrunk.outcome.config.features, 1u << FEATURE_GROUPS);
    assert_int_equal(shrunk.outcome.config.operation_limit, GUILTY_OPERATIONS);
    shrunk_release(&shrunk);
    pool_destroy(&pool);
}

/* ---- the command line --------------------------------------------------------------------------- */

/* Splits at blanks, in place. */
static int split(char *line, char **words, int most)
{
    int count = 0;
    for (char *word = strtok(line, " "); word != NULL && count < most; word = strtok(NULL, " "))
        words[count++] = word;
    return count;
}

static enum options_result read_line(struct sim_options *options, const char *text)
{
    char line[600], *words[40];
    snprintf(line, sizeof line, "%s", text);
    return sim_options_read(options, split(line, words, 40), words);
}

static void a_command_that_replays_says_the_whole_configuration(void **state)
{
    static const uint32_t many[] = {1, 2, 3};
    static const struct {
        struct run_config config;
        const char *text;
    } rows[] = {
        {{.seed = 7, .length_us = HOUR_US, .families = FAMILIES_ALL, .features = FEATURES_ALL},
         "sim --seed 7"},
        {{.seed = 8,
          .length_us = HOUR_US / 8 + 36,
          .families = 1 << FAMILY_DISK | 1 << FAMILY_TIME,
          .features = FEATURES_ALL & ~(1u << FEATURE_HOT)},
         "sim --seed 8 --hours 0.12500001 --faults disk,time --without hot"},
        {{.seed = 9,
          .length_us = 2 * HOUR_US,
          .stop_us = 12345678,
          .features = 1u << FEATURE_LOCAL,
          .operation_limit = 3},
         "sim --seed 9 --hours 2 --stop 12.345678 --faults none --features local --operations 3"},
        {{.seed = 10,
          .length_us = HOUR_US,
          .families = FAMILIES_ALL,
          .features = FEATURES_ALL,
          .dropped = many,
          .dropped_count = 3},
         "sim --seed 10 --drop 1,2,3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_options options;
        uint32_t *dropped;
        char *text = sim_replay_command("sim", &rows[i].config);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(read_line(&options, text), OPTIONS_OK);
        struct run_config again = sim_options_config(&options, options.seed, &dropped);
        assert_int_equal(options.seed_count, 1);
        assert_int_equal(again.seed, rows[i].config.seed);
        assert_int_equal(again.length_us, rows[i].config.length_us);
        assert_int_equal(again.stop_us, rows[i].config.stop_us);
        assert_int_equal(again.families, rows[i].config.families);
        assert_int_equal(again.features, rows[i].config.features);
        assert_int_equal(again.operation_limit, rows[i].config.operation_limit);
        assert_int_equal(again.dropped_count, rows[i].config.dropped_count);
        free(dropped);
        free(text);
        sim_options_release(&options);
    }
}

static void few_faults_that_stay_are_named_instead_of_many_that_go(void **state)
{
    struct run_config config = run_config_default(10);
    struct fault_plan plan = run_plan(&config);
    uint32_t *dropped = calloc(plan.count, sizeof *dropped), *again_dropped;
    struct sim_options options;
    (void)state;
    for (size_t i = 0; i < plan.count; i++) {
        if (plan.faults[i].number != 5 && plan.faults[i].number != 9)
            dropped[config.dropped_count++] = plan.faults[i].number;
    }
    fault_plan_release(&plan);
    config.dropped = dropped;
    char *text = sim_replay_command("sim", &config);
    assert_string_equal(text, "sim --seed 10 --only 5,9");
    assert_int_equal(read_line(&options, text), OPTIONS_OK);
    struct run_config again = sim_options_config(&options, 10, &again_dropped);
    assert_int_equal(again.dropped_count, config.dropped_count);
    assert_memory_equal(again.dropped, dropped, again.dropped_count * sizeof *dropped);
    free(again_dropped);
    free(dropped);
    free(text);
    sim_options_release(&options);
}

static void a_wrong_line_is_refused(void **state)
{
    static const char *const lines[] = {
        "sim --hours 0",
        "sim --hours 1.123456789",
        "sim --hours .5",
        "sim --hours x",
        "sim --hours 1e3",
        "sim --hours 5.",
        "sim --minutes -1",
        "sim --faults weather",
        "sim --faults disk,",
        "sim --features ,",
        "sim --without nothing",
        "sim --drop 1,,2",
        "sim --drop 0",
        "sim --drop 1,",
        "sim --drop 4294967296",
        "sim --drop 1 --only 2",
        "sim --trace --plan",
        "sim --plan --seeds 2",
        "sim --seed 99999999999999999999",
        "sim --jobs 0",
        "sim word",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct sim_options options;
        assert_int_equal(read_line(&options, lines[i]), OPTIONS_WRONG);
        sim_options_release(&options);
    }
}

static void how_many_seeds_follows_from_what_is_asked(void **state)
{
    static const struct {
        const char *line;
        uint64_t seed, count;
    } rows[] = {
        {"sim", 1, 10},
        {"sim --seed 5", 5, 1},
        {"sim --seed 5 --seeds 3", 5, 3},
        {"sim --seeds 3", 1, 3},
        {"sim --minutes 2", 1, 0},
        {"sim --until-failure --seed 9", 9, 0},
        {"sim --plan", 1, 1},
        {"sim --shrink --seed 2 --minutes 5", 2, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_options options;
        assert_int_equal(read_line(&options, rows[i].line), OPTIONS_OK);
        assert_int_equal(options.seed, rows[i].seed);
        assert_int_equal(options.seed_count, rows[i].count);
        sim_options_release(&options);
    }
}

/* ---- sessions ----------------------------------------------------------------------------------- */

/* What a session prints. The caller frees it. */
static char *session_of(const char *line, int stop_fd, int *code)
{
    struct sim_options options;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_int_equal(read_line(&options, line), OPTIONS_OK);
    options.program = "teller sim";
    *code = session_run(&options, stop_fd, out);
    fclose(out);
    sim_options_release(&options);
    return text;
}

static void digests_are_in_order_with_any_number_of_jobs(void **state)
{
    int code;
    (void)state;
    char *one = session_of("sim --seeds 3 --seed 20 --digest --quiet --jobs 1", -1, &code);
    char *many = session_of("sim --seeds 3 --seed 20 --digest --quiet --jobs 4", -1, &code);
    assert_int_equal(code, EXIT_CODE_OK);
    assert_string_equal(one, many);
    assert_string_equal(one, "20 0000000000004e20\n21 0000000000005208\n22 00000000000055f0\n");
    free(one);
    free(many);
}

static void a_failure_is_told_with_its_last_events_and_the_command_that_replays_it(void **state)
{
    int code;
    (void)state;
    char *text = session_of("sim --seed 6 --quiet --without hot", -1, &code);
    assert_int_equal(code, EXIT_CODE_ERROR);
    assert_non_null(strstr(text, "seed 6: I3 at "));
    assert_non_null(strstr(text, "two faults came together"));
    assert_non_null(strstr(text, "\n  teller sim --seed 6 --without hot\n"));
    assert_null(strstr(text, "did not end in the same way"));
    free(text);
    text = session_of("sim --seed 3 --quiet", -1, &code);
    assert_int_equal(code, EXIT_CODE_ERROR);
    assert_non_null(strstr(text, "CHECK failed: "));
    assert_non_null(strstr(text, "event 99\n"));
    assert_null(strstr(text, "event 59\n"));
    free(text);
}

static void until_failure_ends_with_the_first_that_breaks(void **state)
{
    int code;
    (void)state;
    char *text = session_of("sim --until-failure --seed 1 --jobs 1 --quiet --json", -1, &code);
    json_t *json = json_loads(text, 0, NULL);
    assert_int_equal(code, EXIT_CODE_ERROR);
    assert_non_null(json);
    assert_int_equal(json_integer_value(json_object_get(json, "seeds")), SEED_CRASHES);
    json_t *failure = json_array_get(json_object_get(json, "failed"), 0);
    assert_int_equal(json_integer_value(json_object_get(failure, "seed")), SEED_CRASHES);
    assert_true(json_is_true(json_object_get(failure, "repeated")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "faults"), "kill")), 4);
    json_decref(json);
    free(text);
}

static void a_session_that_is_stopped_tells_what_it_has(void **state)
{
    int code, ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "!", 1), 1);
    char *text = session_of("sim --seed 4 --until-failure --jobs 2 --quiet", ends[0], &code);
    assert_int_equal(code, EXIT_CODE_OK);
    assert_non_null(strstr(text, "\nseeds "));
    free(text);
    close(ends[0]);
    close(ends[1]);
}

static void a_plan_is_printed_without_a_run(void **state)
{
    int code;
    (void)state;
    char *all = session_of("sim --seed 4 --plan", -1, &code);
    assert_int_equal(code, EXIT_CODE_OK);
    char *one = session_of("sim --seed 4 --plan --only 2", -1, &code);
    assert_true(strlen(one) > 0 && strchr(one, '\n')[1] == '\0');
    assert_non_null(strstr(all, one));
    free(all);
    free(one);
}

static void shrinking_prints_the_last_command(void **state)
{
    int code;
    (void)state;
    char *text = session_of("sim --seed 6 --shrink --quiet --jobs 2", -1, &code);
    assert_int_equal(code, EXIT_CODE_ERROR);
    assert_non_null(strstr(text, " --features groups"));
    assert_non_null(strstr(text, " --operations 37\n"));
    free(text);
}

/* ---- the tail ----------------------------------------------------------------------------------- */

static void the_tail_of_a_long_text_is_its_last_whole_lines(void **state)
{
    struct tail *tail = tail_new();
    (void)state;
    char *text = tail_text(tail, 3);
    assert_string_equal(text, "");
    free(text);
    for (int i = 0; i < 100000; i++)
        fprintf(tail_file(tail), "line %d\n", i);
    text = tail_text(tail, 3);
    assert_string_equal(text, "line 99997\nline 99998\nline 99999\n");
    free(text);
    tail_destroy(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_to_end_is_told),
        cmocka_unit_test(a_scratch_directory_goes_with_its_run_and_what_is_beside_it),
        cmocka_unit_test(several_run_at_once_and_each_outcome_comes_once),
        cmocka_unit_test(shrinking_finds_the_two_guilty_faults_with_any_number_of_jobs),
        cmocka_unit_test(a_crash_is_shrunk_too),
        cmocka_unit_test(a_command_that_replays_says_the_whole_configuration),
        cmocka_unit_test(few_faults_that_stay_are_named_instead_of_many_that_go),
        cmocka_unit_test(a_wrong_line_is_refused),
        cmocka_unit_test(how_many_seeds_follows_from_what_is_asked),
        cmocka_unit_test(digests_are_in_order_with_any_number_of_jobs),
        cmocka_unit_test(a_failure_is_told_with_its_last_events_and_the_command_that_replays_it),
        cmocka_unit_test(until_failure_ends_with_the_first_that_breaks),
        cmocka_unit_test(a_session_that_is_stopped_tells_what_it_has),
        cmocka_unit_test(a_plan_is_printed_without_a_run),
        cmocka_unit_test(shrinking_prints_the_last_command),
        cmocka_unit_test(the_tail_of_a_long_text_is_its_last_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
