/* Shrinking: one candidate after another is a run with something taken away; the first that breaks as before is gone on
 * from. Candidates are tried side by side, and yet the one that counts is the first in their order, so that the number of jobs
 * changes nothing in what is found. */
#include "sim/command/shrink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/command/report.h"

#define MS_US INT64_C(1000)
#define SECOND_US INT64_C(1000000)

enum {
    TICK_MS = 1000,
    HANG_BOUND_SECONDS = 60,
    PARTS = 7,
    PARTS_OF = 32,
    MASK_BITS = 32,
    OPERATIONS_UNKNOWN = 8192
};

struct candidate {
    struct run_config config;
    uint32_t *dropped; /* its own, or NULL: the present one's */
};

struct shrinking {
    const struct shrink_config *config;
    struct shrunk best;
    bool is_over;
};

static int64_t end_of(const struct run_config *config)
{
    return config->stop_us > 0 && config->stop_us < config->length_us ? config->stop_us : config->length_us;
}

/* ---- trying ------------------------------------------------------------------------------------- */

static void say(const struct shrinking *self)
{
    const struct run_config *config = &self->best.outcome.config;
    if (self->config->progress == NULL)
        return;
    struct fault_plan plan = run_plan(config);
    fprintf(self->config->progress,
            "  %" PRIu64 " tries: %" PRId64 ".%03" PRId64 " s, %zu faults, %d features", self->best.tries,
            end_of(config) / SECOND_US, end_of(config) % SECOND_US / MS_US, plan.count,
            __builtin_popcount(config->features));
    if (config->operation_limit > 0)
        fprintf(self->config->progress, ", %" PRIu64 " requests", config->operation_limit);
    fputc('\n', self->config->progress);
    fflush(self->config->progress);
    fault_plan_release(&plan);
}

static void start(struct shrinking *self, const struct candidate *candidate, uint64_t tag)
{
    struct job job = {.tag = tag, .config = candidate->config};
    if (self->best.outcome.ending == ENDED_HANGING)
        job.bound_us = HANG_BOUND_SECONDS * SECOND_US;
    pool_start(self->config->pool, &job);
    self->best.tries++;
}

static size_t first_open(const bool *is_done, size_t from, size_t end)
{
    while (from < end && is_done[from])
        from++;
    return from;
}

/* The first candidate that breaks as before, in their order; count: none. */
static size_t first_broken(struct shrinking *self, const struct candidate *candidates, size_t count,
                           struct outcome *found)
{
    struct pool *pool = self->config->pool;
    struct outcome outcome;
    bool *is_done = calloc(count + 1, sizeof *is_done);
    CHECK(is_done != NULL);
    size_t next = 0, best = count;
    while (!self->is_over && first_open(is_done, 0, best) < best) {
        while (next < best && !pool_is_full(pool)) {
            start(self, &candidates[next], next);
            next++;
        }
        enum pool_event event = pool_wait(pool, TICK_MS, &outcome);
        if (event == POOL_DONE) {
            is_done[outcome.tag] = true;
            if (outcome.tag < best && outcome_is_same(&self->best.outcome, &outcome)) {
                best = outcome.tag;
                *found = outcome;
            }
        }
        self->is_over = event == POOL_STOPPED || pool_real_us() >= self->config->until_us;
    }
    pool_cancel(pool);
    free(is_done);
    return best;
}

/* Goes on from the first candidate that breaks as before; frees what belongs to the others. Returns its index, or count. */
static size_t try_all(struct shrinking *self, struct candidate *candidates, size_t count)
{
    struct outcome found;
    size_t best = self->is_over ? count : first_broken(self, candidates, count, &found);
    if (best < count) {
        if (candidates[best].dropped != NULL) {
            free(self->best.dropped);
            self->best.dropped = candidates[best].dropped;
            candidates[best].dropped = NULL;
        }
        found.hits = NULL;
        self->best.outcome = found;
        self->best.outcome.config.dropped = self->best.dropped;
    }
    for (size_t i = 0; i < count; i++)
        free(candidates[i].dropped);
    if (best < count)
        say(self);
    return best;
}

static struct candidate like_best(const struct shrinking *self)
{
    return (struct candidate){.config = self->best.outcome.config};
}

/* ---- time and requests -------------------------------------------------------------------------- */

/* How much of it is tried, in parts of 32. */
static const int64_t parts_tried[PARTS] = {4, 8, 16, 24, 28, 30, 31};

/* Load and faults end earlier: after a part of the time, or just behind the breach. */
static void shrink_time(struct shrinking *self)
{
    while (true) {
        struct candidate candidates[PARTS + 1];
        const struct outcome *best = &self->best.outcome;
        int64_t end_us = end_of(&best->config), most_us = end_us;
        int64_t behind_us = (best->result.breach_us / MS_US + 1) * MS_US;
        if (best->ending == ENDED_BROKEN && behind_us < end_us)
            most_us = behind_us;
        size_t count = 0;
        for (size_t i = 0; i <= PARTS; i++) {
            int64_t stop_us = i < PARTS ? end_us * parts_tried[i] / PARTS_OF / MS_US * MS_US : most_us;
            if (stop_us <= 0 || stop_us >= end_us || (i < PARTS && stop_us >= most_us))
                continue;
            candidates[count] = like_best(self);
            candidates[count++].config.stop_us = stop_us;
        }
        if (count == 0 || try_all(self, candidates, count) == count)
            return;
    }
}

/* A run that died has not told how many requests it made: it is tried with so many. */
static uint64_t operations_of(const struct outcome *outcome)
{
    uint64_t limit = outcome->config.operation_limit, made = outcome->result.world.operations;
    if (made > 0 && (limit == 0 || made < limit))
        return made + 1;
    return limit > 0 ? limit : OPERATIONS_UNKNOWN;
}

static void shrink_operations(struct shrinking *self)
{
    while (true) {
        struct candidate candidates[PARTS + 1];
        uint64_t most = operations_of(&self->best.outcome), last = 0;
        size_t count = 0;
        for (size_t i = 0; i <= PARTS; i++) {
            uint64_t operations = i < PARTS ? most * (uint64_t)parts_tried[i] / PARTS_OF : most - 1;
            if (operations <= last)
                continue;
            candidates[count] = like_best(self);
            candidates[count++].config.operation_limit = last = operations;
        }
        if (count == 0 || try_all(self, candidates, count) == count)
            return;
    }
}

/* ---- families and features ---------------------------------------------------------------------- */

/* Takes bits out of a mask of the configuration: all of them, or else one after another, as long as it goes. */
static void shrink_mask(struct shrinking *self, uint32_t bits, uint32_t *(*mask_of)(struct run_config *))
{
    while (true) {
        struct candidate candidates[MASK_BITS + 1];
        uint32_t mask = *mask_of(&self->best.outcome.config);
        size_t count = 0;
        for (uint32_t bit = 0; mask != 0 && bit <= bits; bit++) {
            bool takes_all = bit == 0;
            uint32_t taken = takes_all ? mask : UINT32_C(1) << (bit - 1);
            if ((mask & taken) == 0)
                continue;
            candidates[count] = like_best(self);
            *mask_of(&candidates[count++].config) = mask & ~taken;
        }
        if (count == 0 || try_all(self, candidates, count) == count)
            return;
    }
}

static uint32_t *families_of(struct run_config *config)
{
    return &config->families;
}

static uint32_t *features_of(struct run_config *config)
{
    return &config->features;
}

/* Families without a fault in the plan, and features that the seed has off, go without a question. */
static void drop_unused(struct shrinking *self)
{
    struct candidate candidate = like_best(self);
    struct fault_plan plan = run_plan(&candidate.config);
    uint32_t used = 0;
    for (size_t i = 0; i < plan.count; i++)
        used |= UINT32_C(1) << fault_family_of(plan.faults[i].kind);
    candidate.config.families &= used;
    if (self->best.outcome.ending == ENDED_BROKEN)
        candidate.config.features &= self->best.outcome.result.features;
    fault_plan_release(&plan);
    try_all(self, &candidate, 1);
}

/* ---- faults ------------------------------------------------------------------------------------- */

/* Numbers of planned faults. */
struct numbers {
    uint32_t *at;
    size_t count;
};

static struct numbers numbers_of(const struct run_config *config)
{
    struct fault_plan plan = run_plan(config);
    struct numbers out = {calloc(plan.count + 1, sizeof *out.at), plan.count};
    CHECK(out.at != NULL);
    for (size_t i = 0; i < plan.count; i++)
        out.at[i] = plan.faults[i].number;
    fault_plan_release(&plan);
    return out;
}

/* Those of kept from begin to end stay, or with is_complement all others of kept. */
static struct candidate keep(const struct shrinking *self, const struct numbers *kept, size_t begin,
                             size_t end, bool is_complement)
{
    struct candidate out = like_best(self);
    size_t count = out.config.dropped_count;
    out.dropped = calloc(count + kept->count + 1, sizeof *out.dropped);
    CHECK(out.dropped != NULL);
    if (count > 0)
        memcpy(out.dropped, out.config.dropped, count * sizeof *out.dropped);
    for (size_t i = 0; i < kept->count; i++) {
        if ((i >= begin && i < end) == is_complement)
            out.dropped[count++] = kept->at[i];
    }
    out.config.dropped = out.dropped;
    out.config.dropped_count = count;
    return out;
}

/* One round of ddmin: each of the parts alone, then all but each. Returns how many parts the next round has; 0: none. */
static size_t split_faults(struct shrinking *self, size_t parts)
{
    struct numbers kept = numbers_of(&self->best.outcome.config);
    size_t count = 0, next = 0;
    if (kept.count >= 2) {
        parts = parts < kept.count ? parts : kept.count;
        struct candidate *candidates = calloc(2 * parts, sizeof *candidates);
        CHECK(candidates != NULL);
        for (size_t i = 0; i < parts * (parts > 2 ? 2 : 1); i++) {
            size_t part = i % parts;
            candidates[count++] =
                keep(self, &kept, part * kept.count / parts, (part + 1) * kept.count / parts, i >= parts);
        }
        size_t best = try_all(self, candidates, count);
        if (best < parts)
            next = 2;
        else if (best < count)
            next = parts - 1;
        else
            next = parts < kept.count ? 2 * parts : 0;
        free(candidates);
    }
    free(kept.at);
    return next;
}

static void shrink_faults(struct shrinking *self)
{
    struct numbers kept = numbers_of(&self->best.outcome.config);
    struct candidate none = keep(self, &kept, 0, 0, false);
    bool is_empty = kept.count == 0;
    free(kept.at);
    if (is_empty) {
        free(none.dropped);
        return;
    }
    if (try_all(self, &none, 1) == 0)
        return;
    for (size_t parts = 2; parts > 0 && !self->is_over;)
        parts = split_faults(self, parts);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

struct shrunk shrink(const struct shrink_config *config, const struct outcome *broken)
{
    struct shrinking self = {.config = config, .best = {.outcome = *broken}};
    size_t count = broken->config.dropped_count;
    self.best.dropped = calloc(count + 1, sizeof *self.best.dropped);
    CHECK(self.best.dropped != NULL);
    if (count > 0)
        memcpy(self.best.dropped, broken->config.dropped, count * sizeof *self.best.dropped);
    self.best.outcome.config.dropped = self.best.dropped;
    self.best.outcome.hits = NULL;
    say(&self);
    shrink_time(&self);
    drop_unused(&self);
    shrink_mask(&self, FAMILY_COUNT, families_of);
    shrink_mask(&self, FEATURE_COUNT, features_of);
    shrink_faults(&self);
    shrink_operations(&self);
    shrink_time(&self);
    drop_unused(&self);
    self.best.is_finished = !self.is_over;
    return self.best;
}

void shrunk_release(struct shrunk *self)
{
    free(self->dropped);
    self->dropped = NULL;
}
