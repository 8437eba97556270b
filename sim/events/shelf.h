/* What the publisher has stored: a disk that is all or nothing, and does wrong when it is told to.
 *
 * A store that fails for want of room leaves all as it was. One that fails in the middle may have been carried out, and each one
 * after it fails, until the process begins anew. */
#ifndef TELLER_SIM_EVENTS_SHELF_H
#define TELLER_SIM_EVENTS_SHELF_H

#include "actors/publisher/publisher.h"

enum { SHELF_SUBSCRIBERS_MAX = 16 };

enum shelf_fault { SHELF_FINE, SHELF_FULL, SHELF_LOST, SHELF_KEPT }; /* the last two: carried out, or not */

struct shelf_subscriber {
    bool is_taken;
    struct publisher_subscriber subscriber;
    struct publisher_cursors cursors;
};

struct shelf {
    struct shelf_subscriber subscribers[SHELF_SUBSCRIBERS_MAX];
    struct publisher_letter *letters; /* by id */
    size_t letter_count, letter_capacity;
    uint64_t last_letter_id;
    bool is_broken; /* until shelf_open */
};

void shelf_release(struct shelf *self);

/* *is_kept: whether the changes stand there now. */
enum err shelf_store(struct shelf *self, const struct publisher_change *changes, size_t count,
                     enum shelf_fault fault, bool *is_kept);

/* Gives a new publisher what is stored. false: it did not take it. */
bool shelf_open(struct shelf *self, struct publisher *publisher);

const struct shelf_subscriber *shelf_find(const struct shelf *self, const char *name);

#endif
