/* The journal of one partition: an append-only, hash-chained log of commits.
 *
 * A commit is a run of facts with one header. This interface is all the ledger's shell knows of storage,
 * so that the log may stand on LMDB (journal_lmdb.h), in memory with crash semantics (journal_memory.h),
 * or on a distributed log. It treats facts as bytes: it never looks inside.
 *
 * Positions are fact positions: 8-byte words from the start of the stream, the first is 1 (see
 * actors/ledger/fact.h). Header bytes are not counted.
 *
 * Threads: one writer. Reads may run in other threads and, for LMDB, in other processes, beside the
 * writer; they see whole durable commits only. The in-memory journal is for one thread.
 *
 * Memory of facts, as handed to a visitor, has no alignment: copy, never cast.
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
    uint64_t sequence; /* of the last commit; 0: empty */
    uint64_t epoch;
    uint64_t next_position;          /* of the next commit's first fact; 1: empty */
    int64_t time_us;                 /* of the last commit; 0: empty */
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

/* What is wrong with a damaged journal, and where: for a report to the operator. */
struct journal_fault {
    uint64_t position; /* of the commit that failed a check; 0: not known */
    uint64_t sequence; /* expected there; 0: not known */
    const char *what;  /* a lower-case English phrase, static storage; NULL: no fault was found */
};

struct journal;
struct journal_reader;

/* Many reads by one thread, faster than journal_fetch: reads between begin and end share one snapshot.
 * Begin, fetch a burst, end; never wait between begin and end, because a snapshot keeps the writer
 * from using freed space again. A reader may move to another thread between end and begin. */
struct journal_reader_methods {
    enum err (*begin)(struct journal_reader *self);
    /* As journal_fetch; only between begin and end. */
    enum err (*fetch)(struct journal_reader *self, uint64_t position, uint8_t *out, size_t capacity,
                      size_t *length, int64_t *time_us);
    void (*end)(struct journal_reader *self);
    void (*close)(struct journal_reader **self);
};

struct journal_reader {
    const struct journal_reader_methods *methods;
};

struct journal_methods {
    /* CHECKs that sequence and position continue the head and that time does not fall. After
     * JOURNAL_UNKNOWN or JOURNAL_FENCED every later append answers the same. */
    enum journal_outcome (*append)(struct journal *self, const struct journal_commit *commit);
    /* Copies the fact words at `position`: up to `capacity` bytes, to the end of its commit at the most.
     * ERR_NOT_FOUND: no such position. *length: bytes copied; *time_us: of its commit. The commit's
     * header is tested, its hash is not: that is walk's work. */
    enum err (*fetch)(struct journal *self, uint64_t position, uint8_t *out, size_t capacity, size_t *length,
                      int64_t *time_us);
    /* Calls visit for the commit that holds `position` and each later one, in order, until visit returns
     * an error (handed through) or the end. Every commit's hash and chain link is verified before it is
     * handed out, the link to the commit before the first one too: ERR_CORRUPT otherwise, and
     * journal_find_fault says what and where. ERR_VERSION: a commit of another format. The end of the
     * journal is a valid position with nothing to visit; ERR_NOT_FOUND: 0, or beyond the end.
     * The commit's memory is valid during the call only. */
    enum err (*walk)(struct journal *self, uint64_t position,
                     enum err (*visit)(void *context, const struct journal_commit *commit), void *context);
    /* *position: of the first fact of the last commit whose time is <= time_us; 0: none. *end: of the
     * fact after that commit; 1: none. */
    enum err (*find_time)(struct journal *self, int64_t time_us, uint64_t *position, uint64_t *end);
    enum err (*head)(struct journal *self, struct journal_head *out);
    /* The writer has nothing to do: whatever makes the next appends cheaper may be done now. NULL: nothing. */
    void (*idle)(struct journal *self);
    enum err (*space)(struct journal *self, struct journal_space *out);
    /* The last fault that a read of this object came upon. */
    void (*fault)(struct journal *self, struct journal_fault *out);
    /* Close every reader before the journal. */
    enum err (*reader_new)(struct journal *self, struct journal_reader **out);
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

static inline enum err journal_fetch(struct journal *j, uint64_t position, uint8_t *out, size_t capacity,
                                     size_t *length, int64_t *time_us)
{
    return j->methods->fetch(j, position, out, capacity, length, time_us);
}

static inline enum err journal_walk(struct journal *j, uint64_t position,
                                    enum err (*visit)(void *context, const struct journal_commit *commit),
                                    void *context)
{
    return j->methods->walk(j, position, visit, context);
}

static inline enum err journal_find_time(struct journal *j, int64_t time_us, uint64_t *position,
                                         uint64_t *end)
{
    return j->methods->find_time(j, time_us, position, end);
}

static inline enum err journal_get_head(struct journal *j, struct journal_head *out)
{
    return j->methods->head(j, out);
}

static inline void journal_idle(struct journal *j)
{
    if (j->methods->idle != NULL)
        j->methods->idle(j);
}

static inline enum err journal_get_space(struct journal *j, struct journal_space *out)
{
    return j->methods->space(j, out);
}

static inline void journal_find_fault(struct journal *j, struct journal_fault *out)
{
    j->methods->fault(j, out);
}

/* Sets *j to NULL; a NULL journal is fine. */
static inline void journal_close(struct journal **j)
{
    if (*j != NULL)
        (*j)->methods->close(j);
}

static inline enum err journal_reader_new(struct journal *j, struct journal_reader **out)
{
    return j->methods->reader_new(j, out);
}

static inline enum err journal_reader_begin(struct journal_reader *r)
{
    return r->methods->begin(r);
}

static inline enum err journal_reader_fetch(struct journal_reader *r, uint64_t position, uint8_t *out,
                                            size_t capacity, size_t *length, int64_t *time_us)
{
    return r->methods->fetch(r, position, out, capacity, length, time_us);
}

static inline void journal_reader_end(struct journal_reader *r)
{
    r->methods->end(r);
}

/* Sets *r to NULL; a NULL reader is fine. */
static inline void journal_reader_close(struct journal_reader **r)
{
    if (*r != NULL)
        (*r)->methods->close(r);
}

#endif
