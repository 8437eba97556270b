/* A failure as somebody needs it who has to find its cause: what broke and when, what was going on, the last events, and how
 * to see it again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/command/options.h"
#include "sim/command/report.h"
#include "sim/command/tail.h"

#define SECOND_US INT64_C(1000000)

enum { TIMELINE_LINES = 40, TIMELINE_SECONDS = 10, FAULTS_BEFORE = 6, FAULT_LINE_MAX = 200 };

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

struct failure failure_of(const struct outcome *outcome, struct pool *pool, const char *program)
{
    struct failure self = {.outcome = *outcome};
    struct outcome again;
    struct tail *tail = tail_new();
    self.outcome.hits = NULL;
    self.is_repeated = run_again(outcome, pool, tail, &again) && outcome_is_same(outcome, &again) &&
                       outcome->result.digest == again.result.digest;
    self.timeline = tail_text(tail, TIMELINE_LINES);
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
