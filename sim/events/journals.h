/* Journals as the publisher sees them: places of several words, some of which are events, and an end that grows.
 *
 * A journal never asks the publisher for anything, and never waits for it. Checkers count events instead of places: the event with
 * the number n of a partition has n events before it. */
#ifndef TELLER_SIM_EVENTS_JOURNALS_H
#define TELLER_SIM_EVENTS_JOURNALS_H

#include "actors/publisher/publisher.h"

enum { JOURNALS_MAX = 4, JOURNALS_LOOK_MOST = 16 };

struct place {
    uint64_t position, next;
    uint64_t before; /* events before it */
    bool is_event;
};

struct journal_line {
    struct place *places;
    size_t count, capacity;
    uint64_t events;
    bool is_hidden; /* what comes cannot be read yet */
};

struct journals {
    uint32_t partitions;
    struct journal_line lines[JOURNALS_MAX];
};

void journals_init(struct journals *self, uint32_t partitions);
void journals_release(struct journals *self);

/* CHECKs for memory. */
void journals_append(struct journals *self, uint32_t partition, uint32_t words, bool is_event);

/* Position behind the last place; 1 where there is none. */
uint64_t journals_end(const struct journals *self, uint32_t partition);

/* How many events stand before a position. */
uint64_t journals_before(const struct journals *self, uint32_t partition, uint64_t position);

/* The place that begins there; NULL: none does. */
const struct place *journals_at(const struct journals *self, uint32_t partition, uint64_t position);

/* The port of the publisher: at most JOURNALS_LOOK_MOST places are looked at. */
enum publisher_look journals_look(const struct journals *self, uint32_t partition, uint64_t *position,
                                  uint64_t *next);

#endif
