/* See histogram.h. Values below 32 have a bucket each; above, the highest bit and the five behind it tell the bucket. */
#include "broker/bench/histogram.h"

#define VALUE_MAX ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)

enum { SUB_COUNT = 1 << HISTOGRAM_SUB_BITS };

static uint32_t bucket_of(uint64_t value)
{
    if (value < SUB_COUNT)
        return (uint32_t)value;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (uint32_t)(value >> shift);
}

static uint64_t bucket_end(uint32_t bucket)
{
    if (bucket < 2 * SUB_COUNT)
        return bucket;
    uint32_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t start = (uint64_t)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
    return start + (UINT64_C(1) << shift) - 1;
}

void histogram_add(struct histogram *self, int64_t value_ns)
{
    uint64_t value = value_ns > 0 ? (uint64_t)value_ns : 0;
    self->counts[bucket_of(value < VALUE_MAX ? value : VALUE_MAX)]++;
    self->total++;
    if (value_ns > self->max_ns)
        self->max_ns = value_ns;
}

int64_t histogram_at(const struct histogram *self, double share)
{
    uint64_t wanted = (uint64_t)((double)self->total * share);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && self->total > 0; i++) {
        seen += self->counts[i];
        if (seen > wanted || seen == self->total) {
            int64_t end_ns = (int64_t)bucket_end(i);
            return end_ns < self->max_ns ? end_ns : self->max_ns;
        }
    }
    return 0;
}
