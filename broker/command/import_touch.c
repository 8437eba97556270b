#include "broker/command/import_touch.h"

#include <stdlib.h>

#include "actors/base/check.h"

enum { FIRST_CAPACITY = 1 << 14 };

bool import_touch_init(struct import_touch *self)
{
    self->slots = calloc(FIRST_CAPACITY, sizeof *self->slots);
    self->capacity = FIRST_CAPACITY;
    self->count = 0;
    self->generation = 1;
    return self->slots != NULL;
}

void import_touch_release(struct import_touch *self)
{
    free(self->slots);
    self->slots = NULL;
}

static uint64_t hash_of(struct str account)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < account.length; i++)
        hash = (hash ^ (uint8_t)account.data[i]) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return hash == 0 ? 1 : hash;
}

static struct touch_slot *probe(struct touch_slot *slots, size_t capacity, uint64_t hash)
{
    size_t i = hash & (capacity - 1);
    while (slots[i].hash != 0 && slots[i].hash != hash)
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static void grow(struct import_touch *self)
{
    size_t wider = self->capacity * 2;
    struct touch_slot *slots = calloc(wider, sizeof *slots);
    CHECK(slots != NULL); /* 32 bytes an account */
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->slots[i].hash != 0)
            *probe(slots, wider, self->slots[i].hash) = self->slots[i];
    }
    free(self->slots);
    self->slots = slots;
    self->capacity = wider;
}

struct touch_slot *import_touch_slot(struct import_touch *self, struct str account)
{
    uint64_t hash = hash_of(account);
    struct touch_slot *slot = probe(self->slots, self->capacity, hash);
    if (slot->hash != 0)
        return slot;
    if (self->count * 2 >= self->capacity) {
        grow(self);
        slot = probe(self->slots, self->capacity, hash);
    }
    slot->hash = hash;
    self->count++;
    return slot;
}

bool import_touch_is_touched(struct import_touch *self, struct str account)
{
    return import_touch_slot(self, account)->generation == self->generation;
}

uint32_t import_touch_wave(struct import_touch *self, struct str account, uint32_t partition)
{
    const struct touch_slot *slot = import_touch_slot(self, account);
    if (slot->generation != self->generation)
        return 0;
    return slot->wave + (slot->partition != partition);
}

void import_touch_note(struct import_touch *self, struct str account, uint32_t partition, uint32_t wave)
{
    struct touch_slot *slot = import_touch_slot(self, account);
    slot->generation = self->generation;
    slot->partition = partition;
    slot->wave = wave;
}

void import_touch_clear(struct import_touch *self)
{
    self->generation++;
}
