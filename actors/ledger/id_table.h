/* Transaction ids: which fact answers for an id. Exact, for the whole retention time, in bounded memory.
 *
 * An id is known by a 64-bit keyed hash; the fact it leads to holds the id itself, so a collision of
 * hashes costs a look and never a wrong answer. An id may be put again with a later position: the
 * newest is found first.
 *
 * New ids go into the active table. It is open-addressed and ordered: a slot's place is the top bits of
 * its hash and clusters are kept sorted, so that reading the table from front to back gives the hashes in
 * order. A full table is sealed, and its content is written to the state store slice by slice, as a run,
 * while it is still searched in memory; no sorting is needed and no single commit does much. In front of the
 * stored runs stand Bloom filters, one for a generation of runs, one cache line a look. Runs older than
 * the retention time are dropped.
 *
 * A run of the state store: RUN_SLICES values; slice s holds the entries whose hash's top byte is s, sorted,
 * each RUN_ENTRY bytes: hash (8, little-endian), position (6).
 */
#ifndef TELLER_LEDGER_ID_TABLE_H
#define TELLER_LEDGER_ID_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/mem.h"

enum {
    RUN_SLICES = 256,
    RUN_ENTRY = 14,
    ID_RUNS_MAX = 4096,
    ID_GENERATIONS_MAX = 16,
    ID_SEALED_MAX = 4,
    ID_WRITTEN_MAX = 4,
};

struct id_slot {
    uint64_t hash;
    uint64_t position; /* 0: empty */
};

struct id_memory {
    struct id_slot *slots; /* capacity + slack */
    uint32_t capacity;     /* a power of two */
    uint32_t count;
    uint32_t shift;          /* 64 - log2(capacity) */
    uint64_t first_position; /* facts before it are not in this table */
    int64_t newest_us;
};

struct id_filter {
    uint64_t *blocks; /* 8 words a block */
    uint64_t block_count;
    uint32_t runs, runs_max;
    uint32_t first_run; /* index into id_table.runs */
};

struct id_run {
    uint32_t number;
    uint32_t count;
    uint64_t end_position; /* replay for ids need not go before it */
    int64_t newest_us;
    bool dropped;
};

struct id_table {
    const struct mem *mem;
    uint64_t key;
    uint32_t limit; /* ids of one memory table; 0: ids are not kept at all */
    int64_t retention_us;
    struct id_memory active;
    struct id_memory sealed[ID_SEALED_MAX]; /* oldest first */
    uint32_t sealed_count;
    struct id_memory spare; /* of a table that was written: its slots, for the next one */
    uint32_t flush_slice;   /* next slice of sealed[0] to write */
    uint32_t flush_slot;    /* where that slice begins */
    struct id_memory
        written[ID_WRITTEN_MAX]; /* oldest first: runs whose last slices are on their way to disk */
    uint32_t written_count;
    struct id_run *runs;           /* oldest first */
    uint32_t run_count, run_first; /* runs before run_first are dropped; they leave with their generation */
    uint32_t next_run;
    struct id_filter filters[ID_GENERATIONS_MAX];
    uint32_t filter_count;
    bool is_filtered; /* the active table's ids are in the newest filter too */
    uint64_t stored_count;
    uint64_t restore_position; /* recovery: ids of facts before it are already in runs */
};

bool id_table_init(struct id_table *self, const struct mem *mem, uint64_t key, uint32_t limit,
                   int64_t retention_us);
void id_table_release(struct id_table *self);

/* Room for `more` further ids. false: no memory, or too many sealed tables wait to be written. */
bool id_table_ensure(struct id_table *self, uint32_t more);

/* After id_table_ensure; cannot fail. The newest position wins. */
void id_table_put(struct id_table *self, uint64_t hash, uint64_t position, int64_t now_us);

/* false: ids of the fact at this position are not kept in memory (any more). */
static inline bool id_table_takes(const struct id_table *self, uint64_t position)
{
    return self->limit > 0 && position >= self->restore_position;
}

/* The answer for an id has moved from one fact to a later one. Room as for a put. */
void id_table_move(struct id_table *self, uint64_t hash, uint64_t old, uint64_t position, int64_t now_us);

void id_table_prefetch(const struct id_table *self, uint64_t hash);

/* Positions for a hash, newest first, until match returns true (then so does this).
 * run_find looks into one stored run (ledger_ports). */
struct id_lookup {
    void (*run_find)(void *context, uint32_t run, uint64_t hash,
                     bool (*match)(void *match_context, uint64_t position), void *match_context);
    void *run_context;
    bool (*match)(void *match_context, uint64_t position);
    void *match_context;
};
bool id_table_find(const struct id_table *self, uint64_t hash, const struct id_lookup *lookup);

/* false quickly, for nearly every id that was never put. */
bool id_table_may_have(const struct id_table *self, uint64_t hash);

/* Position before which a restart need not look for ids. */
uint64_t id_table_replay_from(const struct id_table *self);

/* Writing a run: the next slice of the oldest sealed table. false: there is none. The entries are put into
 * `out` (RUN_ENTRY bytes each, at most id_table_slice_bound() bytes). *finished: that was the last one. */
bool id_table_flush(struct id_table *self, uint32_t *run, uint32_t *slice, uint8_t *out, size_t *length,
                    bool *finished);
size_t id_table_slice_bound(const struct id_table *self);

/* The oldest so many finished runs can be found in the state store: until this is said, their ids are
 * looked for in memory. */
void id_table_settle(struct id_table *self, uint32_t runs);

/* A run that has outlived the retention time: its slices may be deleted. false: none. */
bool id_table_expire(struct id_table *self, int64_t now_us, uint32_t *run);

/* The list of runs, for the state store. */
size_t id_table_store_size(const struct id_table *self);
void id_table_store(const struct id_table *self, uint8_t *out);
enum err id_table_load(struct id_table *self, const uint8_t *bytes, size_t length);
/* One stored slice, for the filters. Slices of runs that are not in the list are ignored. */
enum err id_table_load_slice(struct id_table *self, uint32_t run, const uint8_t *bytes, size_t length);

size_t id_table_memory_count(const struct id_table *self);

#endif
