/* What the ledger core keeps in the state store, so that a restart is quick.
 *
 * A checkpoint is fuzzy: it is written in passes while facts go on. A pass remembers the position S at which it
 * began and, as of S, the small state (links, groups, counters); then, a slice a commit, it writes every chunk
 * of accounts, and of slots of holds and remittances, that had changed. A chunk may be newer than S: each account and each slot holds the
 * position of the last fact applied to it, so that replay from S skips what it already has. When all chunks are
 * written, the record "checkpoint" with S and the small state is written with the last of them.
 * Everything is put only after the facts it reflects are durable.
 *
 * Records: "checkpoint" (above) and "ids" (the list of id runs and where replay for ids begins). Replay begins at
 * the smaller of the two positions; between them facts change nothing but the id table.
 */
#ifndef TELLER_LEDGER_CHECKPOINT_H
#define TELLER_LEDGER_CHECKPOINT_H

#include "actors/ledger/fact.h"

enum { CHECKPOINT_VERSION = 2, CHECKPOINT_SLICES = 2048 };

/* Table numbers of store/state.h. */
enum {
    CHECKPOINT_ACCOUNTS = 0,
    CHECKPOINT_IDS = 1,
    CHECKPOINT_RECORDS = 2,
    CHECKPOINT_HOLDS = 3,
    CHECKPOINT_REMITTANCES = 4
};

/* One account in a chunk, followed by id, owner and product, and by the book value (int64_t) where it keeps one. The chunk's key is its number, big-endian. */
struct FACT_PACKED checkpoint_account {
    uint32_t index;
    uint8_t state;
    uint8_t id_length, owner_length, product_length;
    char currency[3];
    uint8_t has_book;
    uint8_t zero[4];
    int64_t balance, minimum_balance, ceiling, opened_us;
    uint64_t last_position;
};

/* One slot of holds in a chunk. The chunk's key is its number, big-endian. */
struct FACT_PACKED checkpoint_hold {
    struct uuid id;
    uint64_t opened, last_position;
    int64_t held, expires_us, opened_us; /* held 0: the slot is free, and only last_position is set */
    uint32_t account, slot;
};

/* One slot of remittances in a chunk. The chunk's key is its number, big-endian. */
struct FACT_PACKED checkpoint_remittance {
    struct uuid id;
    uint64_t requested, last_position; /* requested 0: the slot is free, and only last_position is set */
    int64_t amount, due_us, alarm_us, requested_us, called_us;
    uint32_t account, slot, call;
    uint8_t state, step, tries, rounds, flags, code;
    uint8_t zero[6];
};

static inline void checkpoint_big_endian(uint32_t value, uint8_t out[4])
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The key of one slice of a run of ids. */
static inline void checkpoint_run_key(uint32_t run, uint32_t slice, uint8_t out[8])
{
    checkpoint_big_endian(run, out);
    checkpoint_big_endian(slice, out + 4);
}

#endif
