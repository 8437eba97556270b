/* The state store of one partition on LMDB: an environment of its own, three named tables.
 *
 * It is apart from the journal, because the small pages it frees would slow LMDB's search for the long
 * runs of pages that the journal needs.
 */
#ifndef TELLER_STORE_STATE_LMDB_H
#define TELLER_STORE_STATE_LMDB_H

#include <stdbool.h>
#include <stdint.h>

#include "store/state.h"

#define STATE_LMDB_MAP_SIZE_BYTES (UINT64_C(1) << 38)

struct state_lmdb_options {
    const char *path;        /* a directory; its parent exists */
    uint64_t map_size_bytes; /* address space: the most the file may hold */
    bool read_only;
    bool create; /* make the store when it is absent; otherwise that is ERR_NOT_FOUND */
};

/* To write, to create; the size above. */
struct state_lmdb_options state_lmdb_options_default(const char *path);

/* ERR_CORRUPT, ERR_VERSION: delete the directory, and the partition rebuilds it from its journal. */
enum err state_lmdb_open(const struct state_lmdb_options *options, struct state **out) MUST_USE;

#endif
