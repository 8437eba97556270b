/* The journal of one partition: an append-only, hash-chained log of commits.
 *
 * A commit is a run of facts with one header. This interface is all the ledger's shell knows of storage,
 * so that the log may stand on LMDB (journal_lmdb.h), in memory with crash semantics (journal_memory.h),
 * or on a distributed log. It treats facts as bytes: it never looks inside.
 *
 * Positions are fact positions: 8-byte words from the start of the stream, the first is 1 (see
 * actors/ledger/fact.h). Header bytes are not counted.
 *
 * Threads: one writer. Reads (journal_fetch, journal_walk) may run in other threads and, for LMDB, in
 * other processes, beside the writer; they see whole durable commits only.
 */
#ifndef TELLER_STORE_JOURNAL_H
#define TELLER_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"

enum { JOURNAL_HASH_SIZE = 32 };

/* One commit, as written and as read back. */
struct journal_commit {
    uint64_t sequence;   /* 1, 2, 3 … without a gap */
    uint64_t epoch;      /* of the owner that wrote it; never falls */
    uint64_t position;   /* of its first fact */
    int64_t time_us;     /* since 1970-01-01 UTC; never falls */
    uint32_t fact_count; /* for reports */
    const uint8_t *facts;
    size_t length; /* bytes of facts, a multiple of 8, > 0 */
};

/* Where the log ends. */
struct journal_head {
    uint64_t sequence;      /* of the last commit; 0: empty */
    uint64_t epoch;
    uint64_t next_position; /* of the next commit's first fact; 1: empty */
    int64_t time_us;
    uint8_t hash[JOURNAL_HASH_SIZE]; /* of the last commit: SHA-256 over its header (which holds the
                                        previous commit's hash) and its facts; zero: empty */
};

/* Outcome of an append. */
enum journal_outcome {
    JOURNAL_OK,      /* durable */
    JOURNAL_FULL,    /* nothing was written: the same append may be tried again */
    JOURNAL_FENCED,  /* another owner has a higher epoch: stop */
    JOURNAL_UNKNOWN, /* it may or may not be on disk: stop serving, restart from disk */
};

/* Space, for the guard. */
struct journal_space {
    uint64_t used_bytes;
    uint64_t limit_bytes; /* the smaller of the map size and used + free space of the file system */
};

struct journal;

struct journal_methods {
    enum journal_outcome (*append)(struct journal *self, const struct journal_commit *commit);
    /* Copies the fact words at `position`: up to `capacity` bytes, to the end of its commit at the most.
     * ERR_NOT_FOUND: no such position. *length: bytes copied; *time_us: of its commit. */
    enum err (*fetch)(struct journal *self, uint64_t position, uint8_t *out, size_t capacity,
                      size_t *length, int64_t *time_us);
    /* Calls visit for the commit that holds `position` and each later one, in order, until visit returns
     * an error (handed through) or the end. Every commit's checksum and chain link is verified before it
     * is handed out: ERR_CORRUPT otherwise. The commit's memory is valid during the call only. */
    enum err (*walk)(struct journal *self, uint64_t position,
                     enum err (*visit)(void *context, const struct journal_commit *commit),
                     void *context);
    /* Position of the first fact of the last commit whose time is <= time_us; 0: none. */
    enum err (*find_time)(struct journal *self, int64_t time_us, uint64_t *position, uint64_t *end);
    enum err (*head)(struct journal *self, struct journal_head *out);
    enum err (*space)(struct journal *self, struct journal_space *out);
    void (*close)(struct journal **self);
};

/* Implementations embed this as their first member. */
struct journal {
    const struct journal_methods *methods;
};

static inline enum journal_outcome journal_append(struct journal *j, const struct journal_commit *c)
{
    return j->methods->append(j, c);
}

#endif
