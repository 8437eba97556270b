/* Keyed hashes of what clients choose. XXH3 is inlined, so that the core needs no library at run time. */
#ifndef TELLER_LEDGER_HASH_H
#define TELLER_LEDGER_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "actors/base/str.h"
#include "actors/base/uuid.h"

static inline uint64_t hash_bytes(const void *bytes, size_t length, uint64_t key)
{
    return XXH3_64bits_withSeed(bytes, length, key);
}

static inline uint64_t hash_uuid(const struct uuid *id, uint64_t key)
{
    return XXH3_64bits_withSeed(id->bytes, sizeof id->bytes, key);
}

#endif
