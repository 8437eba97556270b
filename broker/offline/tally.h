/* What the facts of one partition say of its links to the others, counted from the journal alone.
 *
 * actors/ledger/link.h tells how a link works. The count is made here a second time, apart from the ledger
 * core: verify must not trust what it checks, and backup needs the numbers without the accounts.
 *
 * For each peer four numbers: `made`, requests to it; `resolved`, those of them whose answers have been taken;
 * `processed`, its requests to us; `pruned`, those of them whose answers it is known to have.
 */
#ifndef TELLER_BROKER_OFFLINE_TALLY_H
#define TELLER_BROKER_OFFLINE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"
#include "actors/ledger/link.h"

enum { TALLY_NO_PEER = 255 };

struct tally_numbers {
    uint64_t made[LEDGER_PARTITIONS_MAX];
    uint64_t resolved[LEDGER_PARTITIONS_MAX];
    uint64_t processed[LEDGER_PARTITIONS_MAX];
    uint64_t pruned[LEDGER_PARTITIONS_MAX];
};

/* A group across partitions that is open: at its coordinator from STARTED to ANSWERED, at a participant from
 * PREPARED to CLOSED. Sets of partitions are a bit each. */
struct tally_group {
    struct tally_group *next;
    struct uuid id;
    uint32_t coordinator;
    uint64_t asked, voted, agreed, done;
    bool is_decided;
    uint32_t count; /* items */
    size_t length;
    uint8_t items[]; /* struct link_item, … */
};

struct tally {
    uint32_t partition, partitions;
    struct tally_numbers numbers;
    struct tally_group *groups;
    uint8_t *peers; /* by account: the peer of a transit account, TALLY_NO_PEER */
    uint32_t account_count, account_capacity;
};

/* What one fact did to the links. */
enum tally_event {
    TALLY_NOTHING,
    TALLY_MADE,      /* one request to each partition of `peers` */
    TALLY_RESOLVED,  /* the oldest open request to `peer` */
    TALLY_PROCESSED, /* the next request of `peer` */
    TALLY_PRUNED,
};

struct tally_step {
    enum tally_event event;
    enum link_kind kind;
    uint32_t peer;
    uint64_t peers;
};

void tally_init(struct tally *self, uint32_t partition, uint32_t partitions);
void tally_release(struct tally *self);

/* Takes one fact, which fact_check has found well formed. ERR_CORRUPT: *what says why it cannot follow what
 * came before (static storage). */
enum err tally_fact(struct tally *self, const uint8_t *fact, size_t size, struct tally_step *step,
                    const char **what) MUST_USE;

/* Takes all facts of a commit. On ERR_CORRUPT *position is that of the fact. */
enum err tally_commit(struct tally *self, uint64_t first, const uint8_t *facts, size_t length,
                      uint64_t *position, const char **what) MUST_USE;

/* NULL: not open here. */
struct tally_group *tally_group_find(const struct tally *self, const struct uuid *id, uint32_t coordinator);

/* The partition of an account id, as docs/WIRE.md has it; teller's own ids end in their partition's number. */
uint32_t tally_home(struct str id, uint32_t partitions);

/* The partitions of a group's items, a bit each. */
uint64_t tally_homes(const uint8_t *items, size_t length, uint32_t partitions);

#endif
