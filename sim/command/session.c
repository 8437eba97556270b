/* Seeds given to a pool of children, and what becomes of them.
 *
 * A failure is reported when it comes, as one line; with its last events at the end, for the first few. Stopping
 * (Ctrl-C) ends what runs, and the summary tells of what had ended by then.
 */
#include "sim/command/session.h"

#include <inttypes.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/command/progress.h"
#include "sim/command/report.h"
#include "sim/command/shrink.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)

enum { TICK_MS = 200, FAILURES_TOLD = 5, SHRINK_MINUTES = 20, PLAN_LINE_MAX = 200 };

struct digest_line {
    uint64_t seed, digest;
    enum ending ending;
};

struct session {
    const struct sim_options *options;
    FILE *out;
    struct marks *marks;
    struct pool *pool;
    struct totals totals;
    struct progress progress;
    int64_t began_us;
    uint64_t next; /* seed */
    bool is_over;  /* no seed begins any more */
    bool is_stopped;
    struct outcome *failed; /* the first ones */
    size_t failed_count;
    struct digest_line *digests;
    size_t digest_count, digest_capacity;
    uint32_t **dropped; /* of --only, kept for as long as outcomes point there */
    size_t dropped_count, dropped_capacity;
};

static void *grown(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    void *out = reallocarray(array, *capacity, size);
    CHECK(out != NULL);
    return out;
}

static struct run_config seed_config(struct session *self, uint64_t seed)
{
    uint32_t *dropped;
    struct run_config config = sim_options_config(self->options, seed, &dropped);
    if (dropped != NULL) {
        self->dropped =
            grown(self->dropped, self->dropped_count, &self->dropped_capacity, sizeof *self->dropped);
        self->dropped[self->dropped_count++] = dropped;
    }
    return config;
}

static void session_begin(struct session *self, const struct sim_options *options, int stop_fd, FILE *out)
{
    bool has_progress = !options->quiet && !options->trace;
    *self = (struct session){.options = options, .out = out, .next = options->seed, .marks = marks_new()};
    self->began_us = pool_real_us();
    self->pool = pool_new((uint32_t)options->jobs, self->marks, stop_fd);
    self->failed = calloc(FAILURES_TOLD, sizeof *self->failed);
    CHECK(self->failed != NULL);
    totals_init(&self->totals, self->marks);
    progress_init(&self->progress, has_progress ? stderr : NULL);
}

static void session_end(struct session *self)
{
    pool_destroy(&self->pool);
    totals_release(&self->totals);
    marks_destroy(&self->marks);
    for (size_t i = 0; i < self->dropped_count; i++)
        free(self->dropped[i]);
    free(self->dropped);
    free(self->digests);
    free(self->failed);
}

static int64_t real_us(const struct session *self)
{
    return pool_real_us() - self->began_us;
}

/* ---- many seeds --------------------------------------------------------------------------------- */

static void start_seeds(struct session *self)
{
    const struct sim_options *options = self->options;
    if (options->minutes_us > 0 && real_us(self) >= options->minutes_us)
        self->is_over = true;
    while (!self->is_over && !pool_is_full(self->pool)) {
        if (options->seed_count > 0 && self->next - options->seed >= options->seed_count) {
            self->is_over = true;
            return;
        }
        struct job job = {.config = seed_config(self, self->next++)};
        pool_start(self->pool, &job);
    }
}

static void take_failure(struct session *self, const struct outcome *outcome)
{
    progress_clear(&self->progress);
    if (!self->options->json && !self->options->digest)
        outcome_print(outcome, self->out);
    if (self->failed_count < FAILURES_TOLD)
        self->failed[self->failed_count++] = *outcome;
    self->is_over = self->is_over || self->options->until_failure;
}

static void take_outcome(struct session *self, const struct outcome *outcome)
{
    totals_add(&self->totals, outcome);
    if (self->options->digest) {
        self->digests =
            grown(self->digests, self->digest_count, &self->digest_capacity, sizeof *self->digests);
        self->digests[self->digest_count++] =
            (struct digest_line){outcome->config.seed, outcome->result.digest, outcome->ending};
    }
    if (outcome->ending != ENDED_FINE)
        take_failure(self, outcome);
}

static void run_seeds(struct session *self)
{
    struct outcome outcome;
    const struct sim_options *options = self->options;
    for (start_seeds(self); pool_running(self->pool) > 0; start_seeds(self)) {
        enum pool_event event = pool_wait(self->pool, TICK_MS, &outcome);
        if (event == POOL_DONE)
            take_outcome(self, &outcome);
        self->is_stopped = event == POOL_STOPPED;
        if (self->is_stopped || (options->until_failure && self->failed_count > 0)) {
            self->is_over = true;
            pool_cancel(self->pool);
        }
        progress_show(&self->progress, &self->totals, options->seed_count);
    }
    progress_clear(&self->progress);
    self->totals.real_us = real_us(self);
}

static int compare_lines(const void *a, const void *b)
{
    const struct digest_line *x = a, *y = b;
    return x->seed < y->seed ? -1 : x->seed > y->seed;
}

static void print_digests(struct session *self)
{
    static const char *const words[] = {
        [ENDED_FINE] = "", [ENDED_BROKEN] = " broke", [ENDED_DIED] = " died", [ENDED_HANGING] = " hangs"};
    if (self->digest_count > 0)
        qsort(self->digests, self->digest_count, sizeof *self->digests, compare_lines);
    for (size_t i = 0; i < self->digest_count; i++)
        fprintf(self->out, "%" PRIu64 " %016" PRIx64 "%s\n", self->digests[i].seed, self->digests[i].digest,
                words[self->digests[i].ending]);
}

static void print_session(struct session *self)
{
    json_t *json = self->options->json ? totals_json(&self->totals) : NULL, *failures = json_array();
    for (size_t i = 0; i < self->failed_count && !self->is_stopped; i++) {
        struct failure failure = failure_of(&self->failed[i], self->pool, self->options->program);
        if (self->options->json)
            json_array_append_new(failures, failure_json(&failure));
        else
            failure_print(&failure, self->out);
        failure_release(&failure);
    }
    if (self->options->json) {
        json_object_set(json, "failed", failures);
        json_dumpf(json, self->out, JSON_INDENT(2));
        fputc('\n', self->out);
    } else {
        totals_print(&self->totals, self->out);
    }
    json_decref(failures);
    json_decref(json);
}

static void many(struct session *self)
{
    run_seeds(self);
    if (self->options->digest)
        print_digests(self);
    else
        print_session(self);
}

/* ---- one seed ----------------------------------------------------------------------------------- */

static void print_plan(struct session *self)
{
    char line[PLAN_LINE_MAX];
    struct run_config config = seed_config(self, self->options->seed);
    struct fault_plan plan = run_plan(&config);
    for (size_t i = 0; i < plan.count; i++)
        fprintf(self->out, "%4" PRIu32 "  %s\n", plan.faults[i].number,
                fault_say(&plan.faults[i], line, sizeof line));
    fault_plan_release(&plan);
}

/* Runs the one seed. false: stopped. */
static bool run_one(struct session *self, FILE *trace, struct outcome *out)
{
    struct job job = {.config = seed_config(self, self->options->seed)};
    job.config.trace = trace;
    pool_start(self->pool, &job);
    enum pool_event event;
    do
        event = pool_wait(self->pool, TICK_MS, out);
    while (event == POOL_TICK);
    if (event == POOL_STOPPED)
        return false;
    totals_add(&self->totals, out);
    return true;
}

static void print_trace(struct session *self)
{
    struct outcome outcome;
    if (!run_one(self, self->out, &outcome))
        return;
    if (outcome.ending == ENDED_FINE)
        fprintf(self->out, "nothing broke; digest %016" PRIx64 "\n", outcome.result.digest);
    else
        outcome_print(&outcome, self->out);
    if (outcome.said[0] != '\0')
        fputs(outcome.said, self->out);
}

static void print_shrunk(struct session *self)
{
    struct outcome outcome;
    int64_t minutes_us = self->options->minutes_us;
    struct shrink_config config = {.pool = self->pool,
                                   .until_us = self->began_us +
                                               (minutes_us > 0 ? minutes_us : SHRINK_MINUTES * MINUTE_US),
                                   .progress = self->options->quiet ? NULL : stderr};
    if (!run_one(self, NULL, &outcome))
        return;
    if (outcome.ending == ENDED_FINE) {
        fprintf(self->out, "seed %" PRIu64 " does not break: there is nothing to shrink\n",
                self->options->seed);
        return;
    }
    struct shrunk shrunk = shrink(&config, &outcome);
    struct failure failure = failure_of(&shrunk.outcome, self->pool, self->options->program);
    failure_print(&failure, self->out);
    fprintf(self->out, "\n%" PRIu64 " tries%s\n", shrunk.tries,
            shrunk.is_finished ? "" : "; stopped before the end: it may go shorter");
    failure_release(&failure);
    shrunk_release(&shrunk);
}

int session_run(const struct sim_options *options, int stop_fd, FILE *out)
{
    struct session self;
    session_begin(&self, options, stop_fd, out);
    if (options->plan)
        print_plan(&self);
    else if (options->trace)
        print_trace(&self);
    else if (options->shrink)
        print_shrunk(&self);
    else
        many(&self);
    fflush(out);
    int code = self.totals.failures > 0 ? EXIT_CODE_ERROR : EXIT_CODE_OK;
    session_end(&self);
    return code;
}
