/* A binary heap. */
#include "sim/events.h"

#include <stdlib.h>

#include "actors/base/check.h"

static bool comes_before(const struct event *a, const struct event *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->sequence < b->sequence);
}

static void swap(struct event *a, struct event *b)
{
    struct event kept = *a;
    *a = *b;
    *b = kept;
}

void events_add(struct events *self, struct event event)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 256;
        self->heap = realloc(self->heap, self->capacity * sizeof *self->heap);
        CHECK(self->heap);
    }
    event.sequence = ++self->sequence;
    size_t at = self->count++;
    self->heap[at] = event;
    while (at > 0 && comes_before(&self->heap[at], &self->heap[(at - 1) / 2])) {
        swap(&self->heap[at], &self->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sink(struct events *self)
{
    size_t at = 0;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < self->count; child++) {
            if (comes_before(&self->heap[child], &self->heap[least]))
                least = child;
        }
        if (least == at)
            return;
        swap(&self->heap[at], &self->heap[least]);
        at = least;
    }
}

bool events_take(struct events *self, struct event *out)
{
    if (self->count == 0)
        return false;
    *out = self->heap[0];
    self->heap[0] = self->heap[--self->count];
    sink(self);
    return true;
}

int64_t events_next_us(const struct events *self)
{
    return self->count == 0 ? INT64_MAX : self->heap[0].at_us;
}

void events_release(struct events *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->heap[i].drop)
            self->heap[i].drop(self->heap[i].pointer);
    }
    free(self->heap);
    *self = (struct events){0};
}
