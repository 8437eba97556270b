/* The open remittances of one partition, in memory.
 *
 * A remittance is a slot, as a hold is: facts name the slot, a new one takes the lowest free slot, and a slot keeps the position
 * of the last fact applied to it after its remittance has ended, so that a replay over a table that is newer than the
 * facts passes over what the slot has already.
 *
 * Beside the slots stands what can be built from them: an index by id (chains; the hash is keyed, because clients choose ids), a
 * ring of all open ones in order of their requests, and counts by list. During a recovery only slots are filled;
 * remittance_table_join then makes the rest, one by one.
 */
#ifndef TELLER_LEDGER_REMITTANCE_TABLE_H
#define TELLER_LEDGER_REMITTANCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/mem.h"
#include "actors/base/uuid.h"
#include "actors/ledger/ledger.h"

#define REMITTANCE_NONE UINT32_MAX

enum {
    REMITTANCE_SEGMENT = 1024, /* slots allocated at once */
    REMITTANCE_SEGMENTS = LEDGER_REMITTANCES_MAX / REMITTANCE_SEGMENT,
    REMITTANCE_CHUNK = 256, /* slots of one checkpoint value */
    REMITTANCE_USED_WORDS = LEDGER_REMITTANCES_MAX / 64,
};

struct remittance {
    struct uuid id;
    uint64_t requested;     /* position of its FACT_REMITTANCE_REQUESTED */
    uint64_t last_position; /* of the last fact applied to the slot; 0: it was never used */
    int64_t amount;
    int64_t due_us, alarm_us; /* 0: none */
    int64_t requested_us;
    int64_t called_us; /* when the newest call to the bank was made; 0: none yet */
    uint32_t account;
    uint32_t call;  /* number of the newest call; 0: none yet */
    uint8_t state;  /* enum remittance_state; 0: the slot is free */
    uint8_t step;   /* enum remittance_step */
    uint8_t tries;  /* of the step in this round, begun ones */
    uint8_t rounds; /* of the retry batch, begun ones */
    uint8_t flags;  /* enum fact_remittance_flag, without BY_OPERATOR */
    uint8_t code;   /* enum code */
    uint8_t zero[2];
    uint32_t due_deadline, alarm_deadline; /* where their entries stand among the deadlines */
    uint32_t older, newer;                 /* in the ring of all open ones */
    uint32_t chain;                        /* slot + 1 of the next of the same bucket */
    uint32_t zero2;
};

struct remittance_table {
    const struct mem *mem;
    uint64_t hash_key;
    struct remittance *segments[REMITTANCE_SEGMENTS];
    uint32_t count; /* slots 0 .. count - 1 have been used */
    uint32_t open_count;
    uint64_t used[REMITTANCE_USED_WORDS]; /* one bit a slot: it holds something */
    uint32_t *buckets;                    /* slot + 1; a power of two of them */
    uint32_t bucket_count;
    uint32_t oldest; /* slot + 1 of the one that was requested first; 0: none is open */
    uint32_t counts[REMITTANCE_LIST_COUNT];
};

void remittance_table_init(struct remittance_table *self, const struct mem *mem, uint64_t hash_key);
void remittance_table_release(struct remittance_table *self);

static inline struct remittance *remittance_at(const struct remittance_table *self, uint32_t slot)
{
    return &self->segments[slot / REMITTANCE_SEGMENT][slot % REMITTANCE_SEGMENT];
}

/* The slot of an open one; REMITTANCE_NONE. */
uint32_t remittance_find(const struct remittance_table *self, const struct uuid *id);

/* The lowest free slot; REMITTANCE_NONE: as many are open as may be. */
uint32_t remittance_free_slot(const struct remittance_table *self);

/* Memory for one more in this slot, in the index too. */
bool remittance_ensure(struct remittance_table *self, uint32_t slot);

/* Fills a free slot (memory has been ensured) and returns it; the caller sets the rest. */
struct remittance *remittance_fill(struct remittance_table *self, uint32_t slot, const struct uuid *id,
                                   uint64_t requested);

/* Frees a slot; all but last_position is cleared. It has left the index and the ring before. */
void remittance_free(struct remittance_table *self, uint32_t slot);

/* Into the index, to the end of the ring, and into the counts. */
void remittance_table_join(struct remittance_table *self, uint32_t slot);
void remittance_table_leave(struct remittance_table *self, uint32_t slot);

/* The lists that a remittance in this state is on: bits 1 << enum remittance_list. */
uint32_t remittance_lists(uint8_t state, uint8_t step, uint8_t flags);

/* It has moved from the lists `before` to those `after`. */
void remittance_count(struct remittance_table *self, uint32_t before, uint32_t after);

/* The next one in order of requests; REMITTANCE_NONE behind the last. */
static inline uint32_t remittance_after(const struct remittance_table *self, uint32_t slot)
{
    uint32_t newer = remittance_at(self, slot)->newer;
    return newer + 1 == self->oldest ? REMITTANCE_NONE : newer;
}

/* What does not hold of index, ring and counts, in words; NULL: all does. */
const char *remittance_table_broken(const struct remittance_table *self);

#endif
