/* Manual deposits and withdrawals: one operator proposes, another approves or rejects, or the time runs out.
 *
 * An open proposal is small in memory: who and until when. Everything else is read from its FACT_PROPOSED when it is
 * needed. It is in the table from FACT_PROPOSED until the fact that ends it; its id is in the id table all the time and
 * leads to the newer of the two. As a proposal may stay open for longer than ids are remembered, the table is
 * asked too where an id must be new.
 *
 * FACT_PROPOSAL_APPROVED is followed at once by its posting, which has FACT_FLAG_PROPOSED and the proposal's id. The
 * table remembers that the posting is awaited, so that a journal in which anything else follows is not taken.
 */
#ifndef TELLER_LEDGER_PROPOSAL_H
#define TELLER_LEDGER_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

enum { PROPOSAL_BUCKETS = 1024, PROPOSAL_NONE = 0, PROPOSAL_EXPIRE_MAX = 256 };

/* Slots are named by their number plus one; PROPOSAL_NONE: none. */
struct proposal {
    struct uuid id;
    uint64_t proposed; /* position of its FACT_PROPOSED */
    int64_t expires_us;
    uint32_t account;
    uint16_t next, previous; /* in order of opening; next of a free slot: the next free one */
    uint16_t chain;          /* the next of the same bucket */
    uint8_t state;           /* enum proposal_state; 0: the slot is free */
};

struct proposal_table {
    struct proposal *slots;
    size_t capacity;
    uint32_t used; /* slots that have been taken so far */
    uint32_t count;
    uint16_t free;
    uint16_t first, last;
    uint16_t buckets[PROPOSAL_BUCKETS]; /* by hash of the id */
    int64_t due_us;                     /* the earliest time at which one expires; INT64_MAX: never */
    /* Of the approval whose posting must be the next fact; awaited is 0 where there is none. */
    uint8_t awaited; /* FACT_PROPOSAL_APPROVED */
    uint32_t awaited_account;
    int64_t awaited_amount, awaited_balance;
    struct uuid awaited_id;
};

void proposal_table_init(struct ledger *self);
void proposal_table_release(struct ledger *self);

/* NULL: no proposal of this id is open. Valid until the next one opens. */
const struct proposal *proposal_find(const struct ledger *self, const struct uuid *id);
bool proposal_is_open(const struct ledger *self, const struct uuid *id);

/* The one whose time comes first; of several, the one that was opened first. NULL: none is open. */
const struct proposal *proposal_earliest(const struct ledger *self);

/* Memory for one more. */
bool proposal_ensure(struct ledger *self);

/* Ends those whose time has come, at most PROPOSAL_EXPIRE_MAX. The others, and those for which there is no memory, are ended
 * by a later call; whoever looks is told already that they have expired. */
void proposal_expire(struct ledger *self);

/* ---- facts -------------------------------------------------------------------------------------- */

static inline bool proposal_is_fact(uint8_t kind)
{
    return kind >= FACT_PROPOSED && kind <= FACT_PROPOSAL_EXPIRED;
}

/* What fact_check asks of a fact of these kinds, `size` bytes in all. */
enum err proposal_fact_check(const uint8_t *fact, size_t size) MUST_USE;

void proposal_evolve(struct ledger *self, uint64_t position, const uint8_t *fact);
/* A posting with FACT_FLAG_PROPOSED has been evolved. */
void proposal_note_posting(struct ledger *self, uint64_t position);

/* ERR_CORRUPT: a stored fact does not continue the state. ERR_NO_MEMORY: evolve would need more. */
enum err proposal_fits(struct ledger *self, uint64_t position, const uint8_t *fact) MUST_USE;
/* false: the fact is not the posting that an approval announced, or is one that none has. For every fact. */
bool proposal_lets_follow(const struct ledger *self, uint64_t position, const uint8_t *fact);

/* The promise that does not hold, in words; NULL: all do. */
const char *proposal_broken(const struct ledger *self);

/* ---- the small state ------------------------------------------------------------------------------ */

size_t proposal_store_size(const struct ledger *self);
uint8_t *proposal_store(const struct ledger *self, uint8_t *at);
enum err proposal_load(struct ledger *self, const uint8_t **at, const uint8_t *end) MUST_USE;

#endif
