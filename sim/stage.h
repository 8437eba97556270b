/* What a small world stands on: a clock, what is to happen, a trace, a digest, and the first breach.
 *
 * The worlds of the publisher (events/) and of the rate feed (rates/) have one thread, no disk and no network; each of them has
 * one stage. Times are microseconds since the world began. */
#ifndef TELLER_SIM_STAGE_H
#define TELLER_SIM_STAGE_H

#include "sim/events.h"
#include "sim/random.h"
#include "sim/run.h"

struct stage {
    const struct run_config *config;
    struct events events;
    int64_t now_us;
    int64_t breach_us;
    uint64_t happened; /* events */
    uint64_t digest;
    bool is_broken;
    struct breach breach; /* the first one */
};

void stage_init(struct stage *self, const struct run_config *config);
void stage_release(struct stage *self);

/* Calls back so much later. pointer: NULL, or what is freed when that never happens. */
void stage_after(struct stage *self, int64_t delay_us, event_fn *call, void *context, void *pointer,
                 uint64_t number);

/* Runs until the time (which it then is), or the first breach. */
void stage_run(struct stage *self, int64_t until_us);

/* What has happened; it is part of the digest, together with the time. */
void stage_mix(struct stage *self, uint64_t value);
void stage_mix_text(struct stage *self, const char *text);

/* A line in the trace, with the time in front. */
bool stage_is_traced(const struct stage *self);
void stage_note(struct stage *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* invariant: static storage. Only the first one counts. */
void stage_breach(struct stage *self, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Load and faults end here. */
int64_t stage_stop_us(const struct stage *self);

/* Whether faults of a family are on. */
bool stage_has(const struct stage *self, enum fault_family family);

/* Everything of a result that is the stage's to know. */
void stage_result(const struct stage *self, struct run_result *out);

#endif
