/* The holds of one partition, in memory.
 *
 * A hold is a slot of one cache line. Facts name the slot, so applying one needs no search. A new hold takes the lowest
 * free slot. A slot keeps the position of the last fact applied to it after its hold has ended, so that a replay over a
 * table that is newer than the facts passes over what the slot has already.
 *
 * Beside the slots stands what can be built from them: an index by id (open-addressed; the hash is keyed, because clients
 * choose ids), a ring of all open holds in order of opening, and for each account a ring of its own, whose head is the
 * account's. During a recovery only slots are filled; hold_table_join then makes the rest, hold by hold.
 */
#ifndef TELLER_LEDGER_HOLD_TABLE_H
#define TELLER_LEDGER_HOLD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/mem.h"
#include "actors/base/uuid.h"

#define HOLD_NONE UINT32_MAX

enum {
    HOLD_SEGMENT = 4096, /* slots allocated at once */
    HOLD_CHUNK = 256,    /* slots of one checkpoint value */
    HOLD_SLOTS_MAX = 1 << 30,
};

struct hold {
    struct uuid id;         /* the transaction id that opened it */
    uint64_t opened;        /* position of the FACT_HOLD_OPENED */
    uint64_t last_position; /* of the last fact applied to the slot; 0: it was never used */
    int64_t held;           /* minor units; 0: the slot is free */
    int64_t expires_us;     /* 0: never */
    uint32_t account;
    uint32_t next, previous; /* in the account's ring */
    uint32_t deadline;       /* its entry's place among the deadlines */
};

_Static_assert(sizeof(struct hold) == 64, "one cache line");

struct hold_more {
    int64_t opened_us;
    uint32_t older, newer; /* in the ring of all open holds, in order of opening */
};

struct hold_place {
    uint32_t hash;
    uint32_t slot_plus_1; /* 0: empty */
};

struct hold_table {
    const struct mem *mem;
    uint64_t hash_key;
    struct hold **segments;
    struct hold_more **more_segments;
    size_t segment_capacity;
    uint32_t count; /* slots 0 .. count - 1 have been used */
    uint32_t open_count;
    uint64_t *used; /* one bit a slot: it holds something */
    size_t used_capacity;
    size_t used_hint;          /* all words before it are full */
    struct hold_place *places; /* the index */
    uint32_t place_mask;
    uint32_t oldest;   /* slot + 1 of the hold that is open the longest; 0: none */
    int64_t oldest_us; /* when that was opened; INT64_MAX: none is open */
};

void hold_table_init(struct hold_table *self, const struct mem *mem, uint64_t hash_key);
void hold_table_release(struct hold_table *self);

static inline struct hold *hold_at(const struct hold_table *self, uint32_t slot)
{
    return &self->segments[slot / HOLD_SEGMENT][slot % HOLD_SEGMENT];
}

static inline struct hold_more *hold_more_at(const struct hold_table *self, uint32_t slot)
{
    return &self->more_segments[slot / HOLD_SEGMENT][slot % HOLD_SEGMENT];
}

uint32_t hold_hash(const struct hold_table *self, const struct uuid *id);

/* The same, of an id whose hash_uuid by the table's key is known. */
static inline uint32_t hold_hash_of(uint64_t id_hash)
{
    return (uint32_t)id_hash;
}

/* Asks for the memory where a search for this hash begins. */
void hold_prefetch(const struct hold_table *self, uint32_t hash);

/* The slot of an open hold; HOLD_NONE. */
uint32_t hold_find(const struct hold_table *self, const struct uuid *id, uint32_t hash);

/* The lowest free slot: at most `count`. */
uint32_t hold_free_slot(const struct hold_table *self);

/* Memory for one more hold in this slot, in the index too. false: none, or too many slots. */
bool hold_ensure(struct hold_table *self, uint32_t slot);

/* Fills a free slot (memory has been ensured) and returns it; the caller sets last_position. */
struct hold *hold_fill(struct hold_table *self, uint32_t slot, const struct uuid *id, uint64_t opened,
                       uint32_t account);

/* Frees a slot; all but last_position is cleared. It has left the index and its rings before. */
void hold_free(struct hold_table *self, uint32_t slot);

/* Into the index and to the end of the rings; opened_us has been set. *head: slot + 1 of the account's oldest open hold,
 * 0: none. */
void hold_table_join(struct hold_table *self, uint32_t slot, uint32_t *head);
void hold_table_leave(struct hold_table *self, uint32_t slot, uint32_t *head);

/* The next hold of the same account, in order of opening; HOLD_NONE behind the last. */
static inline uint32_t hold_after(const struct hold_table *self, uint32_t slot, uint32_t head)
{
    uint32_t next = hold_at(self, slot)->next;
    return next + 1 == head ? HOLD_NONE : next;
}

#endif
