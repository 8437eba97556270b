/* The stores beside the ledgers: the publisher's, the rate feed's, the bank adapter's. Proving them, and copying them for backup and restore.
 *
 * A store that a data directory does not have is no fault: its service has never run. One whose directory is there without its file is. */
#ifndef TELLER_BROKER_OFFLINE_STORES_H
#define TELLER_BROKER_OFFLINE_STORES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/offline/fault.h"
#include "store/datadir.h"

struct stores {
    bool is_there[DATADIR_STORE_COUNT];
    uint64_t rows[DATADIR_STORE_COUNT];
};

/* Opens each store of a data directory and reads every row: seals, sums, and what the bank adapter would not start with. A process may serve
 * it. ERR_CORRUPT: the fault names the store. */
enum err stores_prove(const char *path, const struct datadir_meta *meta, struct stores *out,
                      struct fault *fault) MUST_USE;

/* Copies a store as its last commit left it, from a data directory that may be served to one that is being made; on disk when it returns. Where
 * there is none, none is made. The copy has still to be proven. */
enum err stores_copy(const char *from, const char *to, enum datadir_store store,
                     struct fault *fault) MUST_USE;

/* Says in the bank adapter's store, which is made when it is absent, that this directory is a copy that was made at that time (bank.h tells what follows). */
enum err stores_mark_copied(const char *path, int64_t copied_us, struct fault *fault) MUST_USE;

/* For people, a line for each store that is there; and {"rates": rows or null, …}. */
void stores_print(const struct stores *self);
json_t *stores_json(const struct stores *self);

#endif
