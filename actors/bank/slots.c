#include "actors/bank/slots.h"

#include <string.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"

bool slots_init(struct slots *self, const struct mem *mem, size_t item_bytes, uint32_t max)
{
    CHECK(max % SLOTS_CHUNK == 0);
    *self = (struct slots){.mem = mem, .item_bytes = item_bytes, .chunk_max = max / SLOTS_CHUNK};
    self->chunks = mem_alloc(mem, self->chunk_max * sizeof *self->chunks);
    return self->chunks != NULL;
}

void slots_release(struct slots *self)
{
    if (self->chunks == NULL)
        return;
    for (uint32_t i = 0; i < self->chunk_count; i++)
        mem_free(self->mem, self->chunks[i], SLOTS_CHUNK * self->item_bytes);
    mem_free(self->mem, self->chunks, self->chunk_max * sizeof *self->chunks);
    mem_free(self->mem, self->free, self->free_capacity * sizeof *self->free);
    self->chunks = NULL;
}

/* The stack of free slots holds every slot there is, so that freeing one never needs memory. */
static bool stack_ensure(struct slots *self)
{
    uint32_t needed = (self->chunk_count + 1) * SLOTS_CHUNK;
    if (needed <= self->free_capacity)
        return true;
    uint32_t capacity = needed > 2 * self->free_capacity ? needed : 2 * self->free_capacity;
    uint32_t *bigger = mem_alloc(self->mem, capacity * sizeof *bigger);
    if (bigger == NULL)
        return false;
    if (self->free_count > 0)
        memcpy(bigger, self->free, self->free_count * sizeof *bigger);
    mem_free(self->mem, self->free, self->free_capacity * sizeof *self->free);
    self->free = bigger;
    self->free_capacity = capacity;
    return true;
}

bool slots_ensure(struct slots *self)
{
    if (self->free_count > 0 || self->end < self->chunk_count * SLOTS_CHUNK)
        return true;
    if (self->chunk_count == self->chunk_max) {
        MARK("the bank adapter has no slot left");
        return false;
    }
    uint8_t *chunk = stack_ensure(self) ? mem_alloc(self->mem, SLOTS_CHUNK * self->item_bytes) : NULL;
    if (chunk == NULL) {
        MARK("the bank adapter has no memory for slots");
        return false;
    }
    self->chunks[self->chunk_count++] = chunk;
    return true;
}

uint32_t slots_take(struct slots *self)
{
    uint32_t slot;
    if (self->free_count > 0)
        slot = self->free[--self->free_count];
    else
        slot = self->end++;
    CHECK(slot < self->chunk_count * SLOTS_CHUNK);
    memset(slots_at(self, slot), 0, self->item_bytes);
    self->count++;
    return slot;
}

void slots_free(struct slots *self, uint32_t slot)
{
    CHECK(self->count > 0 && slot < self->end && self->free_count < self->free_capacity);
    self->free[self->free_count++] = slot;
    self->count--;
}
