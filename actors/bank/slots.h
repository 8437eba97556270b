/* Things of one size in numbered slots. A slot stays where it is until it is freed; memory comes chunk by chunk, as it is needed, and
 * is kept until the end. */
#ifndef TELLER_BANK_SLOTS_H
#define TELLER_BANK_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/mem.h"

enum { SLOTS_CHUNK = 256 };

#define SLOT_NONE UINT32_MAX

struct slots {
    const struct mem *mem;
    size_t item_bytes;
    uint8_t **chunks;
    uint32_t chunk_count, chunk_max;
    uint32_t *free; /* a stack of free slots */
    uint32_t free_count, free_capacity;
    uint32_t end;   /* slots below it have been used */
    uint32_t count; /* in use */
};

/* max: slots, a multiple of SLOTS_CHUNK. false: no memory. */
bool slots_init(struct slots *self, const struct mem *mem, size_t item_bytes, uint32_t max);
void slots_release(struct slots *self);

/* Room for one more. false: no memory, or it is full. */
bool slots_ensure(struct slots *self);
/* After slots_ensure; cannot fail. The thing is zero. */
uint32_t slots_take(struct slots *self);
void slots_free(struct slots *self, uint32_t slot);

static inline void *slots_at(const struct slots *self, uint32_t slot)
{
    return self->chunks[slot / SLOTS_CHUNK] + (size_t)(slot % SLOTS_CHUNK) * self->item_bytes;
}

#endif
