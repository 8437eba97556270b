/* What makes damage to a state store noticed: a seal for each value, and for each table a count and a sum of them.
 *
 * LMDB has no checksums, and a page that is an older one is well formed. A seal tells that a value is not the one that
 * was put under its key; the sum tells that a value is missing, is an older one, or has come back. The sum of a table
 * does not depend on the order of its values, so a put changes it without looking at the others.
 *
 * Nobody forges a state store: the seals are against faults, and need no secret. */
#ifndef TELLER_STORE_STATE_SEAL_H
#define TELLER_STORE_STATE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/state.h"

/* Of all values of a table. */
struct state_sum {
    uint64_t count;
    uint64_t sum; /* of their seals, modulo 2^64 */
};

static inline uint64_t state_seal(enum state_table table, const uint8_t *key, size_t key_length,
                                  const uint8_t *value, size_t value_length)
{
    return XXH3_64bits_withSeed(value, value_length, XXH3_64bits_withSeed(key, key_length, (uint64_t)table));
}

static inline void state_sum_add(struct state_sum *self, uint64_t seal)
{
    self->count++;
    self->sum += seal;
}

static inline void state_sum_remove(struct state_sum *self, uint64_t seal)
{
    self->count--;
    self->sum -= seal;
}

static inline bool state_sum_equals(const struct state_sum *self, const struct state_sum *other)
{
    return self->count == other->count && self->sum == other->sum;
}

#endif
