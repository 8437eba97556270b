/* What falls due: a binary heap of times, each with the thing that it is about.
 *
 * Order is by time, of one time by sequence (the position of the fact that opened the thing), and of one thing by owner, so that it is
 * the same wherever the heap was built. A thing that has a deadline remembers where its entry stands: `moved` tells it
 * each time that changes.
 */
#ifndef TELLER_LEDGER_DEADLINES_H
#define TELLER_LEDGER_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/mem.h"

struct deadline {
    int64_t due_us;
    uint64_t sequence;
    uint32_t owner; /* what kind of thing: the caller's numbers */
    uint32_t slot;  /* which one of its kind */
};

struct deadlines {
    const struct mem *mem;
    struct deadline *heap;
    size_t capacity;
    uint32_t count;
    /* entry->slot of entry->owner now stands at `index`. */
    void (*moved)(void *context, const struct deadline *entry, uint32_t index);
    void *context;
};

void deadlines_init(struct deadlines *self, const struct mem *mem,
                    void (*moved)(void *context, const struct deadline *entry, uint32_t index),
                    void *context);
void deadlines_release(struct deadlines *self);

/* Memory for so many entries in all. */
bool deadlines_ensure(struct deadlines *self, size_t count);

/* After deadlines_ensure; cannot fail. */
void deadlines_put(struct deadlines *self, const struct deadline *entry);

/* Takes out the entry that stands at `index`. */
void deadlines_remove(struct deadlines *self, uint32_t index);

/* The one that is due first; NULL: there is none. */
static inline const struct deadline *deadlines_first(const struct deadlines *self)
{
    return self->count > 0 ? self->heap : NULL;
}

/* INT64_MAX: nothing is due, ever. */
static inline int64_t deadlines_due_us(const struct deadlines *self)
{
    return self->count > 0 ? self->heap[0].due_us : INT64_MAX;
}

/* false: an entry stands behind one that is due later. */
bool deadlines_in_order(const struct deadlines *self);

#endif
