/* A hash table from hashes to slots: open addressing, at most half full. Several slots may stand under one hash; whoever looks compares
 * the things themselves. */
#ifndef TELLER_BANK_INDEX_H
#define TELLER_BANK_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/mem.h"

struct index_cell {
    uint32_t hash;
    uint32_t slot; /* and one; 0: empty */
};

struct index {
    const struct mem *mem;
    struct index_cell *cells;
    uint32_t capacity; /* 0, or a power of two */
    uint32_t count;
};

void index_init(struct index *self, const struct mem *mem);
void index_release(struct index *self);

/* Room for so many in all. false: no memory. */
bool index_ensure(struct index *self, uint32_t count);
/* After index_ensure; cannot fail. */
void index_put(struct index *self, uint64_t hash, uint32_t slot);
/* It must be there. */
void index_remove(struct index *self, uint64_t hash, uint32_t slot);

/* Slots under a hash, one after the other: *at is 0 at first. SLOT_NONE: no more. Nothing may be put or removed meanwhile. */
uint32_t index_next(const struct index *self, uint64_t hash, uint32_t *at);

#endif
