#include "actors/ledger/hold_table.h"

#include <string.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/hash.h"

enum { FIRST_PLACES = 1024, FIRST_SEGMENTS = 16, WORD_BITS = 64 };

void hold_table_init(struct hold_table *self, const struct mem *mem, uint64_t hash_key)
{
    *self = (struct hold_table){.mem = mem, .hash_key = hash_key, .oldest_us = INT64_MAX};
}

static void segment_free(struct hold_table *self, struct hold *segment, struct hold_more *more)
{
    mem_free(self->mem, segment, HOLD_SEGMENT * sizeof *segment);
    mem_free(self->mem, more, HOLD_SEGMENT * sizeof *more);
}

void hold_table_release(struct hold_table *self)
{
    for (size_t i = 0; i < self->segment_capacity && self->segments[i]; i++)
        segment_free(self, self->segments[i], self->more_segments[i]);
    mem_free(self->mem, self->segments, self->segment_capacity * sizeof *self->segments);
    mem_free(self->mem, self->more_segments, self->segment_capacity * sizeof *self->more_segments);
    mem_free(self->mem, self->used, self->used_capacity * sizeof *self->used);
    if (self->places)
        mem_free(self->mem, self->places, ((size_t)self->place_mask + 1) * sizeof *self->places);
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static bool segment_pointers_grow(struct hold_table *self)
{
    size_t now = self->segment_capacity, wanted = now ? now * 2 : FIRST_SEGMENTS;
    struct hold **segments = mem_alloc(self->mem, wanted * sizeof *segments);
    struct hold_more **more = mem_alloc(self->mem, wanted * sizeof *more);
    if (!segments || !more) {
        MARK("no memory for more segments of holds");
        mem_free(self->mem, segments, wanted * sizeof *segments);
        mem_free(self->mem, more, wanted * sizeof *more);
        return false;
    }
    if (now > 0) {
        memcpy(segments, self->segments, now * sizeof *segments);
        memcpy(more, self->more_segments, now * sizeof *more);
    }
    mem_free(self->mem, self->segments, now * sizeof *segments);
    mem_free(self->mem, self->more_segments, now * sizeof *more);
    self->segments = segments;
    self->more_segments = more;
    self->segment_capacity = wanted;
    return true;
}

static bool segments_ensure(struct hold_table *self, size_t number)
{
    if (number >= self->segment_capacity && !segment_pointers_grow(self))
        return false;
    if (self->segments[number])
        return true;
    struct hold *segment = mem_alloc(self->mem, HOLD_SEGMENT * sizeof *segment);
    struct hold_more *more = mem_alloc(self->mem, HOLD_SEGMENT * sizeof *more);
    if (!segment || !more) {
        MARK("no memory for a segment of holds");
        segment_free(self, segment, more);
        return false;
    }
    self->segments[number] = segment;
    self->more_segments[number] = more;
    return true;
}

static bool used_ensure(struct hold_table *self, size_t words)
{
    if (words <= self->used_capacity)
        return true;
    size_t wanted = self->used_capacity ? self->used_capacity * 2 : HOLD_SEGMENT / WORD_BITS;
    uint64_t *used = mem_alloc(self->mem, wanted * sizeof *used);
    if (!used) {
        MARK("no memory for more bits of used holds");
        return false;
    }
    if (self->used_capacity > 0)
        memcpy(used, self->used, self->used_capacity * sizeof *used);
    mem_free(self->mem, self->used, self->used_capacity * sizeof *used);
    self->used = used;
    self->used_capacity = wanted;
    return true;
}

static void place_put(struct hold_place *places, uint32_t mask, struct hold_place place)
{
    uint32_t i = place.hash & mask;
    while (places[i].slot_plus_1 != 0)
        i = (i + 1) & mask;
    places[i] = place;
}

/* The index is at most 7/10 full. */
static bool places_ensure(struct hold_table *self)
{
    uint64_t now = self->places ? (uint64_t)self->place_mask + 1 : 0;
    if (((uint64_t)self->open_count + 1) * 10 <= now * 7)
        return true;
    uint64_t wanted = now ? now * 2 : FIRST_PLACES;
    struct hold_place *places = wanted <= UINT32_MAX ? mem_alloc(self->mem, wanted * sizeof *places) : NULL;
    if (!places) {
        MARK("no memory for a bigger index of holds");
        return false;
    }
    for (uint64_t i = 0; i < now; i++) {
        if (self->places[i].slot_plus_1 != 0)
            place_put(places, (uint32_t)(wanted - 1), self->places[i]);
    }
    mem_free(self->mem, self->places, now * sizeof *self->places);
    self->places = places;
    self->place_mask = (uint32_t)(wanted - 1);
    return true;
}

bool hold_ensure(struct hold_table *self, uint32_t slot)
{
    CHECK(slot <= self->count);
    return slot < HOLD_SLOTS_MAX && segments_ensure(self, slot / HOLD_SEGMENT) &&
           used_ensure(self, slot / WORD_BITS + 1) && places_ensure(self);
}

/* ---- slots ------------------------------------------------------------------------------------------ */

uint32_t hold_free_slot(const struct hold_table *self)
{
    size_t word = self->used_hint;
    while (word < self->used_capacity && self->used[word] == UINT64_MAX)
        word++;
    if (word == self->used_capacity)
        return (uint32_t)(word * WORD_BITS);
    return (uint32_t)(word * WORD_BITS) + (uint32_t)__builtin_ctzll(~self->used[word]);
}

struct hold *hold_fill(struct hold_table *self, uint32_t slot, const struct uuid *id, uint64_t opened,
                       uint32_t account)
{
    struct hold *hold = hold_at(self, slot);
    CHECK(hold->held == 0);
    hold->id = *id;
    hold->opened = opened;
    hold->account = account;
    if (slot >= self->count)
        self->count = slot + 1;
    self->used[slot / WORD_BITS] |= UINT64_C(1) << (slot % WORD_BITS);
    while (self->used_hint < self->used_capacity && self->used[self->used_hint] == UINT64_MAX)
        self->used_hint++;
    self->open_count++;
    return hold;
}

void hold_free(struct hold_table *self, uint32_t slot)
{
    struct hold *hold = hold_at(self, slot);
    *hold = (struct hold){.last_position = hold->last_position};
    self->used[slot / WORD_BITS] &= ~(UINT64_C(1) << (slot % WORD_BITS));
    if (slot / WORD_BITS < self->used_hint)
        self->used_hint = slot / WORD_BITS;
    self->open_count--;
}

/* ---- index ------------------------------------------------------------------------------------------ */

uint32_t hold_hash(const struct hold_table *self, const struct uuid *id)
{
    return hold_hash_of(hash_uuid(id, self->hash_key));
}

void hold_prefetch(const struct hold_table *self, uint32_t hash)
{
    if (self->places)
        __builtin_prefetch(&self->places[hash & self->place_mask], 1);
}

/* Where in the index a hold stands; the index is not empty, and ends with an empty place. */
static uint32_t place_of(const struct hold_table *self, const struct uuid *id, uint32_t hash)
{
    uint32_t i = hash & self->place_mask;
    for (; self->places[i].slot_plus_1 != 0; i = (i + 1) & self->place_mask) {
        const struct hold_place *place = &self->places[i];
        if (place->hash == hash && uuid_equal(&hold_at(self, place->slot_plus_1 - 1)->id, id))
            break;
    }
    return i;
}

uint32_t hold_find(const struct hold_table *self, const struct uuid *id, uint32_t hash)
{
    return self->places ? self->places[place_of(self, id, hash)].slot_plus_1 - 1 : HOLD_NONE;
}

/* Places behind an emptied one move up, where their search would otherwise end too early. */
static void place_empty(struct hold_table *self, uint32_t hole)
{
    uint32_t mask = self->place_mask;
    for (uint32_t i = (hole + 1) & mask; self->places[i].slot_plus_1 != 0; i = (i + 1) & mask) {
        uint32_t home = self->places[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        self->places[hole] = self->places[i];
        hole = i;
    }
    self->places[hole] = (struct hold_place){0};
}

/* ---- rings ------------------------------------------------------------------------------------------ */

static void all_join(struct hold_table *self, uint32_t slot)
{
    struct hold_more *more = hold_more_at(self, slot);
    more->older = slot;
    more->newer = slot;
    if (self->oldest == 0) {
        self->oldest = slot + 1;
        self->oldest_us = more->opened_us;
        return;
    }
    struct hold_more *oldest = hold_more_at(self, self->oldest - 1);
    more->newer = self->oldest - 1;
    more->older = oldest->older;
    hold_more_at(self, oldest->older)->newer = slot;
    oldest->older = slot;
}

static void all_leave(struct hold_table *self, uint32_t slot)
{
    const struct hold_more *more = hold_more_at(self, slot);
    if (self->oldest == slot + 1) {
        self->oldest = more->newer == slot ? 0 : more->newer + 1;
        self->oldest_us = self->oldest == 0 ? INT64_MAX : hold_more_at(self, more->newer)->opened_us;
    }
    hold_more_at(self, more->newer)->older = more->older;
    hold_more_at(self, more->older)->newer = more->newer;
}

static void own_join(struct hold_table *self, uint32_t slot, uint32_t *head)
{
    struct hold *hold = hold_at(self, slot);
    hold->next = slot;
    hold->previous = slot;
    if (*head == 0) {
        *head = slot + 1;
        return;
    }
    struct hold *first = hold_at(self, *head - 1);
    hold->next = *head - 1;
    hold->previous = first->previous;
    hold_at(self, first->previous)->next = slot;
    first->previous = slot;
}

static void own_leave(struct hold_table *self, uint32_t slot, uint32_t *head)
{
    const struct hold *hold = hold_at(self, slot);
    if (*head == slot + 1)
        *head = hold->next == slot ? 0 : hold->next + 1;
    hold_at(self, hold->next)->previous = hold->previous;
    hold_at(self, hold->previous)->next = hold->next;
}

void hold_table_join(struct hold_table *self, uint32_t slot, uint32_t *head)
{
    uint32_t hash = hold_hash(self, &hold_at(self, slot)->id);
    place_put(self->places, self->place_mask, (struct hold_place){hash, slot + 1});
    all_join(self, slot);
    own_join(self, slot, head);
}

void hold_table_leave(struct hold_table *self, uint32_t slot, uint32_t *head)
{
    const struct uuid *id = &hold_at(self, slot)->id;
    uint32_t place = place_of(self, id, hold_hash(self, id));
    CHECK(self->places[place].slot_plus_1 == slot + 1);
    place_empty(self, place);
    all_leave(self, slot);
    own_leave(self, slot, head);
}
