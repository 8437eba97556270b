/* The journal of one partition on LMDB: the embedded default.
 *
 * One environment in a directory of its own, one table: the key is the position of a commit's first fact, the
 * value is the commit as commit.h describes it. A commit of facts is one LMDB transaction with both its
 * syncs. Commits are only ever appended.
 *
 * The file grows ahead of the writer in steps, because a commit into space that is there already costs
 * far fewer file system operations than one that makes the file longer. So data.mdb is longer than what is in use:
 * journal_get_space says what is. A step takes at most an eighth of the free space.
 *
 * Without that, a full file system may end in JOURNAL_UNKNOWN: LMDB reports a write cut short as an I/O error.
 *
 * Outcomes: no room in the map or on the disk leaves the journal as it was (JOURNAL_FULL). Any other
 * failure of a commit is JOURNAL_UNKNOWN, for good: LMDB 0.9 would let the next commit succeed
 * after a sync has failed. An append that finds a commit it did not write, or that has an epoch below
 * the stored one, is JOURNAL_FENCED, for good.
 *
 * Any number of processes may read while one writes. One process opens a journal once. LMDB maps the
 * file, so readers need the address space of the map size, but no memory.
 */
#ifndef TELLER_STORE_JOURNAL_LMDB_H
#define TELLER_STORE_JOURNAL_LMDB_H

#include <stdbool.h>
#include <stdint.h>

#include "store/journal.h"

#define JOURNAL_LMDB_MAP_SIZE_BYTES (UINT64_C(1) << 40)
#define JOURNAL_LMDB_PREALLOCATE_BYTES (UINT64_C(128) << 20)

struct journal_lmdb_options {
    const char *path;           /* a directory; its parent exists */
    uint32_t partition;         /* every commit must belong to it */
    uint64_t map_size_bytes;    /* address space: the most the file may hold; raise it by opening again */
    uint64_t preallocate_bytes; /* how far the file grows ahead of the writer; 0: not at all */
    bool read_only;
    bool create; /* make the journal when it is absent; otherwise that is ERR_NOT_FOUND */
};

/* To write, not to create; the sizes above. */
struct journal_lmdb_options journal_lmdb_options_default(const char *path, uint32_t partition);

/* Verifies the last commit's hash (all the others': journal_walk from position 1). ERR_NOT_FOUND: there
 * is no journal; ERR_CORRUPT: the file or its last commit is damaged; ERR_VERSION: another format; fault,
 * which may be NULL, receives where and what. */
enum err journal_lmdb_open(const struct journal_lmdb_options *options, struct journal **out,
                           struct journal_fault *fault) MUST_USE;

struct journal_lmdb_copy_options {
    uint64_t end_position;    /* copy the commits that begin below it; UINT64_MAX: all */
    const char *to_directory; /* for the new journal; holds none yet */
    /* Called now and then with the position reached and the one to reach. May be NULL. */
    void (*progress)(void *context, uint64_t position, uint64_t end_position);
    void *context;
};

/* Copies commits of `from`, any kind of journal, into a fresh journal, verifying the chain on the way.
 * Safe while another process or thread writes: what is appended after the start is left out. The copy is
 * durable on return. ERR_EXISTS: a journal is there already; ERR_CORRUPT: journal_find_fault(from). After
 * an error an unfinished copy may remain; remove it. */
enum err journal_lmdb_copy(struct journal *from, uint32_t partition,
                           const struct journal_lmdb_copy_options *options) MUST_USE;

#endif
