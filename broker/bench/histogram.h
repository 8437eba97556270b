/* Latencies in buckets whose width grows with the value: 32 to each power of two, so a bucket is never wider than
 * 3.2 % of what it holds. Adding one sample is a few instructions and no memory.
 */
#ifndef TELLER_BENCH_HISTOGRAM_H
#define TELLER_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 5,
    HISTOGRAM_VALUE_BITS = 42, /* of a nanosecond: over an hour; what is longer counts as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS,
};

/* All zero is an empty one. */
struct histogram {
    uint64_t total;
    int64_t max_ns;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *self, int64_t value_ns);

/* The value that `share` (0 .. 1) of all samples do not exceed, as the upper end of its bucket; 0 when empty. */
int64_t histogram_at(const struct histogram *self, double share);

#endif
