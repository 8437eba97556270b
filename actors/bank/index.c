#include "actors/bank/index.h"

#include "actors/bank/slots.h"
#include "actors/base/check.h"
#include "actors/base/mark.h"

enum { FIRST_CAPACITY = 64 };

void index_init(struct index *self, const struct mem *mem)
{
    *self = (struct index){.mem = mem};
}

void index_release(struct index *self)
{
    if (self->mem != NULL)
        mem_free(self->mem, self->cells, self->capacity * sizeof *self->cells);
    self->cells = NULL;
    self->capacity = 0;
}

static void place(struct index *self, struct index_cell cell)
{
    uint32_t at = cell.hash & (self->capacity - 1);
    while (self->cells[at].slot != 0)
        at = (at + 1) & (self->capacity - 1);
    self->cells[at] = cell;
}

bool index_ensure(struct index *self, uint32_t count)
{
    if (count <= self->capacity / 2)
        return true;
    uint32_t capacity = self->capacity > 0 ? self->capacity : FIRST_CAPACITY;
    while (count > capacity / 2)
        capacity *= 2;
    struct index bigger = {.mem = self->mem, .capacity = capacity, .count = self->count};
    bigger.cells = mem_alloc(self->mem, capacity * sizeof *bigger.cells);
    if (bigger.cells == NULL) {
        MARK("the bank adapter has no memory for an index");
        return false;
    }
    for (uint32_t i = 0; i < self->capacity; i++) {
        if (self->cells[i].slot != 0)
            place(&bigger, self->cells[i]);
    }
    index_release(self);
    *self = bigger;
    return true;
}

/* Upper bits: those below choose nothing else. */
static uint32_t short_hash(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

void index_put(struct index *self, uint64_t hash, uint32_t slot)
{
    CHECK(self->count < self->capacity / 2);
    place(self, (struct index_cell){short_hash(hash), slot + 1});
    self->count++;
}

/* Whatever stands behind the hole and would be found through it moves into it. */
static void close_hole(struct index *self, uint32_t hole)
{
    uint32_t mask = self->capacity - 1;
    for (uint32_t at = (hole + 1) & mask; self->cells[at].slot != 0; at = (at + 1) & mask) {
        uint32_t home = self->cells[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        self->cells[hole] = self->cells[at];
        hole = at;
    }
    self->cells[hole] = (struct index_cell){0};
}

void index_remove(struct index *self, uint64_t hash, uint32_t slot)
{
    CHECK(self->count > 0);
    uint32_t mask = self->capacity - 1, at = short_hash(hash) & mask;
    while (self->cells[at].slot != slot + 1) {
        CHECK(self->cells[at].slot != 0);
        at = (at + 1) & mask;
    }
    close_hole(self, at);
    self->count--;
}

uint32_t index_next(const struct index *self, uint64_t hash, uint32_t *at)
{
    uint32_t mask = self->capacity - 1, start = short_hash(hash);
    while (self->capacity > 0) {
        const struct index_cell *cell = &self->cells[(start + *at) & mask];
        if (cell->slot == 0)
            break;
        ++*at;
        if (cell->hash == start)
            return cell->slot - 1;
    }
    return SLOT_NONE;
}
