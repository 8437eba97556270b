/* What is to happen, in the order of (virtual time, number): of two events at one time, the one that was planned first comes
 * first. */
#ifndef TELLER_SIM_EVENTS_H
#define TELLER_SIM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void event_fn(void *context, void *pointer, uint64_t number);

struct event {
    int64_t at_us;
    uint64_t sequence;
    event_fn *call;
    void *context;
    void *pointer; /* the callee's; drop frees it when the event never happens */
    uint64_t number;
    void (*drop)(void *pointer);
};

/* All zero is an empty queue. */
struct events {
    struct event *heap;
    size_t count, capacity;
    uint64_t sequence;
};

/* event.sequence is set here. CHECKs for memory. */
void events_add(struct events *self, struct event event);

/* The next event; false: there is none. */
bool events_take(struct events *self, struct event *out);

/* When the next one is; INT64_MAX: there is none. */
int64_t events_next_us(const struct events *self);

/* Drops what is left. */
void events_release(struct events *self);

#endif
