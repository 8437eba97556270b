/* What a session of the simulator says at its end: totals over all seeds, and each failure so that somebody can go
 * after it.
 */
#ifndef TELLER_SIM_COMMAND_REPORT_H
#define TELLER_SIM_COMMAND_REPORT_H

#include <jansson.h>

#include "sim/command/pool.h"

/* Sums over the seeds that ended fine or with a breach. */
struct totals {
    uint64_t seeds, failures; /* all that ended; those that did not end fine */
    int64_t simulated_us, cpu_us, real_us;
    struct world_counts world;
    struct oracle_counts oracle;
    uint64_t digest; /* of all digests, in whichever order they came */
    uint64_t *hits;  /* of marks */
    const struct marks *marks;
};

void totals_init(struct totals *self, const struct marks *marks);
void totals_release(struct totals *self);
void totals_add(struct totals *self, const struct outcome *outcome);

void totals_print(const struct totals *self, FILE *out);
json_t *totals_json(const struct totals *self);

/* A failure with its last events. */
struct failure {
    struct outcome outcome;
    char *timeline;   /* the last events; "" when there are none */
    char *command;    /* that replays it */
    bool is_repeated; /* the second run ended in the same way */
};

/* Runs the seed again, with a trace. The pool must be idle. */
struct failure failure_of(const struct outcome *outcome, struct pool *pool, const char *program);
void failure_release(struct failure *self);

void failure_print(const struct failure *self, FILE *out);
json_t *failure_json(const struct failure *self);

/* True when two runs ended in the same way: the same invariant, or for a crash the same place. */
bool outcome_is_same(const struct outcome *a, const struct outcome *b);

/* One line: "seed 7: I3 at 12.500000 s: …". */
void outcome_print(const struct outcome *outcome, FILE *out);

#endif
