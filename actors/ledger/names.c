#include "actors/ledger/names.h"

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/hash.h"

void names_init(struct names *self, const struct mem *mem, uint64_t hash_key)
{
    *self = (struct names){.mem = mem, .hash_key = hash_key, .segment_used = NAME_SEGMENT};
}

void names_release(struct names *self)
{
    for (uint32_t i = 0; i < self->segment_count; i++)
        mem_free(self->mem, self->segments[i], NAME_SEGMENT);
    mem_free(self->mem, self->segments, self->segment_capacity * sizeof *self->segments);
    mem_free(self->mem, self->where, self->where_capacity * sizeof *self->where);
    mem_free(self->mem, self->slots, self->slot_capacity * sizeof *self->slots);
    names_init(self, self->mem, self->hash_key);
}

static uint32_t names_hash(const struct names *self, struct str text)
{
    return (uint32_t)hash_bytes(text.data, text.length, self->hash_key);
}

/* A bigger copy of an array, or false with the old one in place. */
static bool names_grow(struct names *self, void **array, size_t *capacity, size_t wanted, size_t size)
{
    void *bigger = mem_alloc(self->mem, wanted * size);
    if (!bigger)
        return false;
    if (*capacity > 0)
        memcpy(bigger, *array, *capacity * size);
    mem_free(self->mem, *array, *capacity * size);
    *array = bigger;
    *capacity = wanted;
    return true;
}

static void names_place(uint32_t *slots, size_t capacity, uint32_t hash, uint32_t name)
{
    size_t i = hash & (capacity - 1);
    while (slots[i] != 0)
        i = (i + 1) & (capacity - 1);
    slots[i] = name + 1;
}

static bool names_rehash(struct names *self, size_t capacity)
{
    uint32_t *slots = mem_alloc(self->mem, capacity * sizeof *slots);
    if (!slots) {
        MARK("no memory for a bigger index of names");
        return false;
    }
    for (uint32_t name = 0; name < self->count; name++)
        names_place(slots, capacity, names_hash(self, names_at(self, name)), name);
    mem_free(self->mem, self->slots, self->slot_capacity * sizeof *self->slots);
    self->slots = slots;
    self->slot_capacity = capacity;
    return true;
}

/* Segments are added one at a time and `more` names fit one segment. */
static bool names_ensure_segment(struct names *self, uint32_t more)
{
    CHECK(more <= NAME_SEGMENT / 256);
    if (self->segment_used + more * 256u <= NAME_SEGMENT)
        return true;
    if (self->segment_count == NAME_SEGMENTS_MAX)
        return false;
    if (self->segment_count == self->segment_capacity) {
        size_t wanted = self->segment_capacity ? self->segment_capacity * 2 : 16;
        if (!names_grow(self, (void **)&self->segments, &self->segment_capacity, wanted,
                        sizeof *self->segments))
            return false;
    }
    char *segment = mem_alloc(self->mem, NAME_SEGMENT);
    if (!segment) {
        MARK("no memory for names");
        return false;
    }
    self->segments[self->segment_count++] = segment;
    self->segment_used = 0;
    return true;
}

bool names_ensure(struct names *self, uint32_t more)
{
    if (self->count + more > self->where_capacity) {
        size_t wanted = self->where_capacity ? self->where_capacity * 2 : 256;
        if (!names_grow(self, (void **)&self->where, &self->where_capacity, wanted, sizeof *self->where))
            return false;
    }
    if ((self->count + more) * 3u / 2u > self->slot_capacity) {
        if (!names_rehash(self, self->slot_capacity ? self->slot_capacity * 2 : 512))
            return false;
    }
    return names_ensure_segment(self, more);
}

uint32_t names_find(const struct names *self, struct str text)
{
    if (self->slot_capacity == 0)
        return NAME_NONE;
    size_t i = names_hash(self, text) & (self->slot_capacity - 1);
    while (self->slots[i] != 0) {
        uint32_t name = self->slots[i] - 1;
        if (str_equal(names_at(self, name), text))
            return name;
        i = (i + 1) & (self->slot_capacity - 1);
    }
    return NAME_NONE;
}

uint32_t names_intern(struct names *self, struct str text)
{
    CHECK(text.length <= 255);
    uint32_t found = names_find(self, text);
    if (found != NAME_NONE)
        return found;
    CHECK(self->count < self->where_capacity && self->segment_used + text.length + 1 <= NAME_SEGMENT);
    char *at = self->segments[self->segment_count - 1] + self->segment_used;
    at[0] = (char)(unsigned char)text.length;
    if (text.length > 0)
        memcpy(at + 1, text.data, text.length);
    uint32_t name = self->count++;
    self->where[name] = (self->segment_count - 1) * NAME_SEGMENT + self->segment_used;
    self->segment_used += text.length + 1;
    names_place(self->slots, self->slot_capacity, names_hash(self, text), name);
    return name;
}

struct str names_at(const struct names *self, uint32_t name)
{
    CHECK(name < self->count);
    const char *at = self->segments[self->where[name] / NAME_SEGMENT] + self->where[name] % NAME_SEGMENT;
    return (struct str){at + 1, (unsigned char)at[0]};
}
