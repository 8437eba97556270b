/* Chance for the simulator: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
 * OOPSLA 2014). A seed always gives the same numbers, on every machine and with every compiler: only 64-bit
 * unsigned arithmetic is used, and never a float.
 *
 *     state += 0x9E3779B97F4A7C15
 *     z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9
 *     z = (z ^ z >> 27) * 0x94D049BB133111EB
 *     number = z ^ z >> 31
 *
 * Each part of the world (network, disk, clients, faults …) has a stream of its own, split off by its name, so that
 * one more number drawn in one part changes nothing in another. Shrinking a failure depends on it.
 */
#ifndef TELLER_SIM_RANDOM_H
#define TELLER_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

static inline struct sim_random sim_random_of(uint64_t seed)
{
    return (struct sim_random){seed};
}

static inline uint64_t sim_random_next(struct sim_random *self)
{
    uint64_t z = self->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* A stream of its own for the part with this name: FNV-1a of the name and the seed. */
static inline struct sim_random sim_random_split(uint64_t seed, const char *name)
{
    struct sim_random stream = {UINT64_C(14695981039346656037) ^ seed};
    for (; *name; name++)
        stream.state = (stream.state ^ (uint8_t)*name) * UINT64_C(1099511628211);
    stream.state = sim_random_next(&stream);
    return stream;
}

/* 0 .. bound - 1; 0 when bound is 0. */
static inline uint64_t sim_random_below(struct sim_random *self, uint64_t bound)
{
    return (uint64_t)((unsigned __int128)sim_random_next(self) * bound >> 64);
}

/* low .. high, both included. */
static inline int64_t sim_random_between(struct sim_random *self, int64_t low, int64_t high)
{
    return low + (int64_t)sim_random_below(self, (uint64_t)(high - low) + 1);
}

/* True so many times in a million. */
static inline bool sim_random_chance(struct sim_random *self, uint32_t per_million)
{
    return sim_random_below(self, 1000000) < per_million;
}

#endif
