/* What the publisher keeps: subscribers with their secrets, cursors, dead letters.
 *
 * It stands on a state store of its own (DIR/publisher, store/state.h): what is read back is what one commit left, or
 * ERR_CORRUPT; files are 0600. Unlike a partition's state it cannot be built anew: a store that is lost loses the
 * subscribers, never money.
 *
 * Records, by key, all in STATE_RECORDS; a record begins with its version, numbers are little-endian:
 *
 *     s NAME   url, secret, whether it has stopped
 *     c NAME   a position for each partition
 *     l ID     a dead letter; the id big-endian, so that they are read in order
 *     n        the highest id of a letter
 */
#ifndef TELLER_PUBLISHER_STORE_H
#define TELLER_PUBLISHER_STORE_H

#include "actors/publisher/publisher.h"
#include "store/state.h"

/* Applies changes in one commit. */
enum err publisher_store_apply(struct state *state, uint32_t partitions,
                               const struct publisher_change *changes, size_t count) MUST_USE;

/* Gives a new publisher what is stored. ERR_CORRUPT, ERR_VERSION, ERR_IO. */
enum err publisher_store_load(struct state *state, uint32_t partitions, struct publisher *publisher) MUST_USE;

#endif
