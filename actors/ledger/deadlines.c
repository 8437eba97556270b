#include "actors/ledger/deadlines.h"

#include <string.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"

enum { FIRST_CAPACITY = 64 };

void deadlines_init(struct deadlines *self, const struct mem *mem,
                    void (*moved)(void *context, const struct deadline *entry, uint32_t index), void *context)
{
    *self = (struct deadlines){.mem = mem, .moved = moved, .context = context};
}

void deadlines_release(struct deadlines *self)
{
    mem_free(self->mem, self->heap, self->capacity * sizeof *self->heap);
    self->heap = NULL;
    self->capacity = 0;
    self->count = 0;
}

bool deadlines_ensure(struct deadlines *self, size_t count)
{
    if (count <= self->capacity)
        return true;
    size_t wanted = self->capacity ? self->capacity : FIRST_CAPACITY;
    while (wanted < count)
        wanted *= 2;
    struct deadline *heap = count < UINT32_MAX ? mem_alloc(self->mem, wanted * sizeof *heap) : NULL;
    if (!heap) {
        MARK("no memory for more deadlines");
        return false;
    }
    if (self->count > 0)
        memcpy(heap, self->heap, self->count * sizeof *heap);
    mem_free(self->mem, self->heap, self->capacity * sizeof *self->heap);
    self->heap = heap;
    self->capacity = wanted;
    return true;
}

static bool is_before(const struct deadline *a, const struct deadline *b)
{
    if (a->due_us != b->due_us)
        return a->due_us < b->due_us;
    return a->sequence != b->sequence ? a->sequence < b->sequence : a->owner < b->owner;
}

static void place(struct deadlines *self, uint32_t index, struct deadline entry)
{
    self->heap[index] = entry;
    self->moved(self->context, &self->heap[index], index);
}

static void rise(struct deadlines *self, uint32_t index, struct deadline entry)
{
    while (index > 0 && is_before(&entry, &self->heap[(index - 1) / 2])) {
        place(self, index, self->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place(self, index, entry);
}

static void sink(struct deadlines *self, uint32_t index, struct deadline entry)
{
    for (;;) {
        uint64_t child = (uint64_t)index * 2 + 1;
        if (child >= self->count)
            break;
        if (child + 1 < self->count && is_before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (!is_before(&self->heap[child], &entry))
            break;
        place(self, index, self->heap[child]);
        index = (uint32_t)child;
    }
    place(self, index, entry);
}

void deadlines_put(struct deadlines *self, const struct deadline *entry)
{
    CHECK(self->count < self->capacity);
    rise(self, self->count++, *entry);
}

void deadlines_remove(struct deadlines *self, uint32_t index)
{
    CHECK(index < self->count);
    struct deadline last = self->heap[--self->count];
    if (index == self->count)
        return;
    if (index > 0 && is_before(&last, &self->heap[(index - 1) / 2]))
        rise(self, index, last);
    else
        sink(self, index, last);
}

bool deadlines_in_order(const struct deadlines *self)
{
    for (uint32_t i = 1; i < self->count; i++) {
        if (is_before(&self->heap[i], &self->heap[(i - 1) / 2]))
            return false;
    }
    return true;
}
