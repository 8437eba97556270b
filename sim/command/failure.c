/* A failure as somebody needs it who has to find its cause: what broke and when, what was going on, the last events, and how
 * to see it again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/command/options.h"
#include "sim/command/report.h"
#include "sim/command/tail.h"

#define SECOND_US INT64_C(1000000)

enum {
    TIMELINE_LINES = 40,
    TAIL_LINES = 1000,
    LIKE_MAX = 2,
    TIMELINE_SECONDS = 10,
    FAULTS_BEFORE = 6,
    FAULT_LINE_MAX = 200
};

/* Addresses differ from run to run. */
static size_t length_without_address(const char *why)
{
    const char *address = strstr(why, "0x");
    return address != NULL ? (size_t)(address - why) : strlen(why);
}

bool outcome_is_same(const struct outcome *a, const struct outcome *b)
{
    if (a->ending != b->ending || strcmp(a->invariant, b->invariant) != 0)
        return false;
    size_t length = length_without_address(a->why);
    return a->ending != ENDED_DIED ||
           (length == length_without_address(b->why) && memcmp(a->why, b->why, length) == 0);
}

static bool is_breach(const struct outcome *outcome)
{
    return outcome->ending == ENDED_BROKEN;
}

/* The child that runs a seed again waits for nobody: the pool is idle. false: somebody wants to stop. */
static bool run_again(const struct outcome *outcome, struct pool *pool, struct tail *tail,
                      struct outcome *again)
{
    struct job job = {.config = outcome->config};
    int64_t from_us = outcome->result.breach_us - TIMELINE_SECONDS * SECOND_US;
    job.config.trace = tail_file(tail);
    job.config.trace_from_us = is_breach(outcome) && from_us > 0 ? from_us : 0;
    pool_start(pool, &job);
    enum pool_event event;
    do
        event = pool_wait(pool, 1000, again);
    while (event == POOL_TICK);
    if (event == POOL_STOPPED)
        pool_cancel(pool);
    return event == POOL_DONE;
}

/* What an event is, without its time. */
static const char *event_of(const char *line)
{
    const char *gap = strstr(line, " s  ");
    const char *end = strchr(line, '\n');
    return gap != NULL && (end == NULL || gap < end) ? gap : line;
}

static bool is_like(const char *a, const char *b)
{
    size_t length = strcspn(event_of(a), "\n");
    return length == strcspn(event_of(b), "\n") && memcmp(event_of(a), event_of(b), length) == 0;
}

static char *text_of(const char *const *lines, size_t count, size_t left_out)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    if (left_out > 0)
        fprintf(out, "  (%zu more events that are like some of these are left out)\n", left_out);
    while (count > 0) {
        const char *line = lines[--count];
        fprintf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
    }
    CHECK(fclose(out) == 0);
    return text;
}

/* The last lines of a trace. What happens again and again, as with a partition that cannot start, is there a few
 * times only: the last ones. */
static char *timeline_fold(const char *trace)
{
    const char *kept[TIMELINE_LINES];
    size_t count = 0, left_out = 0;
    const char *end = trace + strlen(trace);
    while (end > trace && count < TIMELINE_LINES) {
        const char *line = end - 1;
        while (line > trace && line[-1] != '\n')
            line--;
        size_t like = 0;
        for (size_t i = 0; i < count; i++)
            like += is_like(kept[i], line);
        if (like < LIKE_MAX)
            kept[count++] = line;
        else
            left_out++;
        end = line;
    }
    return text_of(kept, count, left_out);
}

struct failure failure_of(const struct outcome *outcome, struct pool *pool, const char *program)
{
    struct failure self = {.outcome = *outcome};
    struct outcome again;
    struct tail *tail = tail_new();
    self.outcome.hits = NULL;
    self.is_repeated = run_again(outcome, pool, tail, &again) && outcome_is_same(outcome, &again) &&
                       outcome->result.digest == again.result.digest;
    char *all = tail_text(tail, TAIL_LINES);
    self.timeline = timeline_fold(all);
    free(all);
    self.command = sim_replay_command(program, &outcome->config);
    tail_destroy(&tail);
    return self;
}

void failure_release(struct failure *self)
{
    free(self->timeline);
    free(self->command);
    self->timeline = self->command = NULL;
}

/* ---- for people --------------------------------------------------------------------------------- */

void outcome_print(const struct outcome *outcome, FILE *out)
{
    fprintf(out, "seed %" PRIu64 ": %s", outcome->config.seed, outcome->invariant);
    if (is_breach(outcome))
        fprintf(out, " at %" PRId64 ".%06" PRId64 " s", outcome->result.breach_us / SECOND_US,
                outcome->result.breach_us % SECOND_US);
    fprintf(out, ": %s\n", outcome->why);
}

static void print_features(const struct outcome *outcome, FILE *out)
{
    if (outcome->config.kind != RUN_LEDGER)
        return;
    fputs("\nclients do:", out);
    for (enum feature feature = 0; feature < FEATURE_COUNT; feature++) {
        if (outcome->result.features >> feature & 1)
            fprintf(out, " %s", feature_name(feature));
    }
    fputc('\n', out);
}

/* Still going on, or among the last that came before the breach. */
static void print_faults(const struct outcome *outcome, FILE *out)
{
    char line[FAULT_LINE_MAX];
    if (outcome->config.kind != RUN_LEDGER)
        return; /* in the trace, as they come */
    struct fault_plan plan = run_plan(&outcome->config);
    int64_t end_us = is_breach(outcome) ? outcome->result.breach_us : INT64_MAX;
    size_t before = 0;
    while (before < plan.count && plan.faults[before].at_us <= end_us)
        before++;
    fprintf(out, "\n%zu planned faults%s, of which the last, and those still in force:\n", before,
            is_breach(outcome) ? " came before" : "");
    for (size_t i = 0; i < before; i++) {
        const struct fault *fault = &plan.faults[i];
        bool is_in_force = is_breach(outcome) && fault->at_us + fault->length_us >= end_us;
        if (is_in_force || i + FAULTS_BEFORE >= before)
            fprintf(out, "  %4" PRIu32 "  %s\n", fault->number, fault_say(fault, line, sizeof line));
    }
    fault_plan_release(&plan);
}

void failure_print(const struct failure *self, FILE *out)
{
    const struct outcome *outcome = &self->outcome;
    fprintf(out, "\n==== teller %s, ", TELLER_VERSION);
    outcome_print(outcome, out);
    if (is_breach(outcome)) {
        fprintf(out, "\n%" PRIu32 " partitions, %" PRIu32 " clients, %" PRIu64 " requests so far",
                outcome->result.partitions, outcome->result.clients, outcome->result.world.operations);
        if (outcome->result.breach.operation > 0)
            fprintf(out, "; it is about request #%" PRIu64, outcome->result.breach.operation);
        if (outcome->result.breach.partition != UINT32_MAX)
            fprintf(out, "; in partition %" PRIu32, outcome->result.breach.partition);
        fputc('\n', out);
        print_features(outcome, out);
    }
    print_faults(outcome, out);
    if (outcome->said[0] != '\0')
        fprintf(out, "\nit said:\n%s\n", outcome->said);
    if (self->timeline[0] != '\0')
        fprintf(out, "\nthe last events:\n%s", self->timeline);
    if (!self->is_repeated)
        fputs("\nA second run of it did not end in the same way: something in it does not depend on the seed "
              "alone.\n",
              out);
    fprintf(out, "\nto see it again:\n  %s\n", self->command);
}

/* ---- for programs ------------------------------------------------------------------------------- */

json_t *failure_json(const struct failure *self)
{
    const struct outcome *outcome = &self->outcome;
    json_t *out = json_object();
    json_object_set_new(out, "seed", json_integer((json_int_t)outcome->config.seed));
    json_object_set_new(out, "invariant", json_string(outcome->invariant));
    json_object_set_new(out, "text", json_string(outcome->why));
    json_object_set_new(out, "at_us", json_integer(outcome->result.breach_us));
    json_object_set_new(out, "said", json_string(outcome->said));
    json_object_set_new(out, "timeline", json_string(self->timeline));
    json_object_set_new(out, "repeated", json_boolean(self->is_repeated));
    json_object_set_new(out, "command", json_string(self->command));
    return out;
}
