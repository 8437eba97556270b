/* Figures that an actor keeps of its own work since it started: counters are plain uint64_t, what goes up and down is a
 * level, and times and sizes go into histograms.
 *
 * A histogram has four buckets to each power of two, so a bucket is never wider than a quarter of its lower end. Recording is a few
 * instructions and no memory. Buckets are the same for all, so histograms may be added bucket by bucket.
 *
 * No locks: an actor owns its figures and gives copies away.
 */
#ifndef TELLER_BASE_FIGURES_H
#define TELLER_BASE_FIGURES_H

#include <stddef.h>
#include <stdint.h>

enum {
    FIGURES_SUB_BITS = 2,
    FIGURES_VALUE_BITS =
        32, /* over an hour in microseconds, 4 GiB in bytes; what is more is in the last bucket */
    FIGURES_BUCKETS = ((FIGURES_VALUE_BITS - FIGURES_SUB_BITS + 1) << FIGURES_SUB_BITS) + 1,
};

/* All zero is an empty one. */
struct figures_histogram {
    uint64_t count, sum, max;
    uint64_t buckets[FIGURES_BUCKETS];
};

/* The first bucket whose bound is not below the value. */
static inline size_t figures_bucket(uint64_t value)
{
    uint64_t below = value > 0 ? value - 1 : 0; /* bounds belong to their bucket */
    if (below < 1u << FIGURES_SUB_BITS)
        return (size_t)below;
    unsigned shift = 63u - (unsigned)__builtin_clzll(below) - FIGURES_SUB_BITS;
    if (shift >= FIGURES_VALUE_BITS - FIGURES_SUB_BITS)
        return FIGURES_BUCKETS - 1;
    return (size_t)(shift << FIGURES_SUB_BITS) + (size_t)(below >> shift);
}

static inline void figures_record(struct figures_histogram *self, uint64_t value)
{
    self->count++;
    self->sum += value;
    self->max = value > self->max ? value : self->max;
    self->buckets[figures_bucket(value)]++;
}

/* The largest value that belongs to a bucket; UINT64_MAX for the last. All powers of two up to 2^32 are bounds. */
uint64_t figures_bound(size_t bucket);

/* The value that per_mille (1 .. 1,000) of all do not exceed: a bucket's bound, but never more than the largest value; 0
 * when there are none. */
uint64_t figures_quantile(const struct figures_histogram *self, uint32_t per_mille);

/* What goes up and down, and the highest it has been. */
struct figures_level {
    uint64_t now, highest;
};

static inline void figures_level_set(struct figures_level *self, uint64_t now)
{
    self->now = now;
    self->highest = now > self->highest ? now : self->highest;
}

#endif
