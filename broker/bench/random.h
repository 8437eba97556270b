/* Fast random numbers for load (xoshiro256**), seeded by the system. Not for secrets. */
#ifndef TELLER_BENCH_RANDOM_H
#define TELLER_BENCH_RANDOM_H

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "actors/base/check.h"
#include "actors/base/uuid.h"

struct random_source {
    uint64_t s[4];
};

static inline void random_seed(struct random_source *self)
{
    CHECK(getrandom(self->s, sizeof self->s, 0) == (ssize_t)sizeof self->s);
    self->s[0] |= 1; /* all zero would stay so */
}

static inline uint64_t random_rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline uint64_t random_next(struct random_source *self)
{
    uint64_t *s = self->s;
    uint64_t result = random_rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = random_rotate(s[3], 45);
    return result;
}

/* 0 .. bound - 1. The bias of one part in 2^32 / bound does not matter here. */
static inline uint32_t random_below(struct random_source *self, uint32_t bound)
{
    return (uint32_t)((random_next(self) >> 32) * bound >> 32);
}

/* A UUID of version 4. */
static inline struct uuid random_uuid(struct random_source *self)
{
    struct uuid id;
    uint64_t halves[2] = {random_next(self), random_next(self)};
    memcpy(id.bytes, halves, sizeof id.bytes);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

#endif
