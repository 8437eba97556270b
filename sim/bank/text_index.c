/* From a text to a number (text_index.h). At most half full; probes one slot after another. */
#include "sim/bank/text_index.h"

#include <stdlib.h>
#include <string.h>

void text_index_init(struct text_index *self, const char *(*text_of)(const void *owner, uint32_t number))
{
    *self = (struct text_index){.text_of = text_of};
}

void text_index_release(struct text_index *self)
{
    free(self->slots);
    self->slots = NULL;
    self->count = self->capacity = 0;
}

/* FNV-1a, its high bits mixed into the low ones. */
static size_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 29);
}

/* The slot that holds the text, or the free one where it belongs. */
static size_t slot_of(const struct text_index *self, const void *owner, const char *text)
{
    size_t slot = hash_of(text) & (self->capacity - 1);
    while (self->slots[slot] && strcmp(self->text_of(owner, self->slots[slot] - 1), text) != 0)
        slot = (slot + 1) & (self->capacity - 1);
    return slot;
}

int64_t text_index_find(const struct text_index *self, const void *owner, const char *text)
{
    if (self->capacity == 0)
        return TEXT_INDEX_NONE;
    return (int64_t)self->slots[slot_of(self, owner, text)] - 1;
}

static bool grow(struct text_index *self, const void *owner)
{
    struct text_index wider = *self;
    wider.capacity = self->capacity ? self->capacity * 2 : 64;
    wider.slots = calloc(wider.capacity, sizeof *wider.slots);
    if (!wider.slots)
        return false;
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->slots[i])
            wider.slots[slot_of(&wider, owner, self->text_of(owner, self->slots[i] - 1))] = self->slots[i];
    }
    free(self->slots);
    *self = wider;
    return true;
}

bool text_index_put(struct text_index *self, const void *owner, uint32_t number)
{
    if (self->count * 2 >= self->capacity && !grow(self, owner))
        return false;
    size_t slot = slot_of(self, owner, self->text_of(owner, number));
    self->count += self->slots[slot] == 0;
    self->slots[slot] = number + 1;
    return true;
}
