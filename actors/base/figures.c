#include "actors/base/figures.h"

#include "actors/base/check.h"

uint64_t figures_bound(size_t bucket)
{
    CHECK(bucket < FIGURES_BUCKETS);
    if (bucket == FIGURES_BUCKETS - 1)
        return UINT64_MAX;
    if (bucket < 1u << FIGURES_SUB_BITS)
        return bucket + 1;
    size_t shift = (bucket >> FIGURES_SUB_BITS) - 1;
    return (uint64_t)(bucket - (shift << FIGURES_SUB_BITS) + 1) << shift;
}

uint64_t figures_quantile(const struct figures_histogram *self, uint32_t per_mille)
{
    CHECK(per_mille >= 1 && per_mille <= 1000);
    if (self->count == 0)
        return 0;
    uint64_t wanted = self->count / 1000 * per_mille + (self->count % 1000 * per_mille + 999) / 1000;
    uint64_t seen = 0;
    size_t bucket = 0;
    while (bucket < FIGURES_BUCKETS - 1 && seen + self->buckets[bucket] < wanted)
        seen += self->buckets[bucket++];
    uint64_t bound = figures_bound(bucket);
    return bound < self->max ? bound : self->max;
}
