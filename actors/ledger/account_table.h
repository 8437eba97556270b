/* The accounts of one partition, in memory.
 *
 * An account is its index, given in order of opening. What a posting needs stands in one cache line
 * (struct account), the rest in a second array (struct account_more). Both grow by segments, so that
 * an address never changes. Ids are found through an open-addressed table of 32-bit hashes; the hash is keyed,
 * because clients choose ids. Owners and products are interned; accounts of one owner are chained.
 */
#ifndef TELLER_LEDGER_ACCOUNT_TABLE_H
#define TELLER_LEDGER_ACCOUNT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/mem.h"
#include "actors/base/money.h"
#include "actors/base/str.h"
#include "actors/base/text.h"
#include "actors/ledger/names.h"

#define ACCOUNT_NONE UINT32_MAX

enum {
    ACCOUNT_ID_INLINE = 20,  /* bytes of the id that stand in the account itself */
    ACCOUNT_SEGMENT = 32768, /* 2 MiB of accounts: one huge page */
    ACCOUNT_CHUNK = 256,     /* accounts of one checkpoint value */
    ACCOUNT_SEGMENTS_MAX = 1 << 13,
};

enum account_flag {
    ACCOUNT_IS_HOUSE = 1, /* teller's own: cash or transit; may be below zero */
    ACCOUNT_IS_TRANSIT = 2,
    ACCOUNT_HAS_INCOMING = 4, /* an open group has reserved a credit */
    ACCOUNT_HAS_BOOK = 8,     /* it keeps a book value in the base currency */
};

struct account {
    int64_t balance;
    int64_t pending;
    int64_t minimum_balance;
    int64_t ceiling;        /* INT64_MAX: none */
    uint64_t last_position; /* of the last fact applied to it; 0: the slot is not open */
    currency_index currency;
    uint8_t state; /* enum account_state */
    uint8_t id_length;
    uint8_t flags;
    char id[ACCOUNT_ID_INLINE];
};

_Static_assert(sizeof(struct account) == 64, "one cache line");

struct account_more {
    uint32_t owner;      /* name */
    uint32_t owner_next; /* next account of the same owner; ACCOUNT_NONE */
    uint32_t product;    /* name */
    uint32_t id_rest;    /* name: the id beyond ACCOUNT_ID_INLINE bytes; NAME_NONE */
    uint32_t holds;      /* slot + 1 of its oldest open hold; 0: none */
    uint32_t book;       /* ACCOUNT_HAS_BOOK: index in account_table.books */
    int64_t opened_us;
};

_Static_assert(sizeof(struct account_more) == 32, "half a cache line");

struct account_owner {
    uint32_t first, last; /* accounts; ACCOUNT_NONE */
};

struct account_slot {
    uint32_t hash;
    uint32_t index_plus_1; /* 0: empty */
};

struct account_table {
    const struct mem *mem;
    uint64_t hash_key;
    struct account **segments;
    struct account_more **more_segments;
    size_t segment_capacity;
    uint32_t count; /* indices 0 .. count - 1 are used */
    uint32_t house_count;
    struct account_slot *slots;
    uint32_t slot_mask;
    struct names names;
    struct account_owner *owners; /* by name */
    size_t owner_capacity;
    int64_t *books; /* book values, minor units of the base currency */
    size_t book_count, book_capacity;
};

bool account_table_init(struct account_table *self, const struct mem *mem, uint64_t hash_key);
void account_table_release(struct account_table *self);

static inline struct account *account_at(const struct account_table *self, uint32_t index)
{
    return &self->segments[index / ACCOUNT_SEGMENT][index % ACCOUNT_SEGMENT];
}

static inline struct account_more *account_more_at(const struct account_table *self, uint32_t index)
{
    return &self->more_segments[index / ACCOUNT_SEGMENT][index % ACCOUNT_SEGMENT];
}

uint32_t account_hash(const struct account_table *self, struct str id);

/* The slot where a search for the hash begins: for prefetching. */
static inline const struct account_slot *account_slot_at(const struct account_table *self, uint32_t hash)
{
    return &self->slots[hash & self->slot_mask];
}

/* ACCOUNT_NONE: not there. */
uint32_t account_find(const struct account_table *self, struct str id, uint32_t hash);

/* The first account with this hash, whatever its id; ACCOUNT_NONE. */
static inline uint32_t account_candidate(const struct account_table *self, uint32_t hash)
{
    uint32_t i = hash & self->slot_mask;
    while (self->slots[i].index_plus_1 != 0 && self->slots[i].hash != hash)
        i = (i + 1) & self->slot_mask;
    return self->slots[i].index_plus_1 - 1;
}

/* Copies the id; out has ACCOUNT_ID_MAX + 1 bytes and is NUL-terminated. Returns its length. */
uint32_t account_id_copy(const struct account_table *self, uint32_t index, char *out);
bool account_long_id_is(const struct account_table *self, uint32_t index, struct str id);

/* Up to 20 bytes, compared in overlapping words. */
static inline bool account_bytes_equal(const char *a, const char *b, uint32_t length)
{
    uint64_t a8, b8, a8_end, b8_end;
    if (length < 8) {
        unsigned different = 0;
        for (uint32_t i = 0; i < length; i++)
            different |= (unsigned char)a[i] ^ (unsigned char)b[i];
        return different == 0;
    }
    memcpy(&a8, a, 8);
    memcpy(&b8, b, 8);
    memcpy(&a8_end, a + length - 8, 8);
    memcpy(&b8_end, b + length - 8, 8);
    if (((a8 ^ b8) | (a8_end ^ b8_end)) != 0)
        return false;
    if (length <= 16)
        return true;
    memcpy(&a8, a + 8, 8);
    memcpy(&b8, b + 8, 8);
    return a8 == b8;
}

static inline bool account_id_is(const struct account_table *self, uint32_t index, struct str id)
{
    const struct account *account = account_at(self, index);
    if (account->id_length != id.length)
        return false;
    if (__builtin_expect(id.length > ACCOUNT_ID_INLINE, 0))
        return account_long_id_is(self, index, id);
    return account_bytes_equal(account->id, id.data, id.length);
}

/* Memory for one more account at `index`, whatever its strings, so that account_insert cannot fail. */
bool account_ensure(struct account_table *self, uint32_t index);

/* Puts an account at `index`, which must be unused; the caller then fills balance and the like. */
struct account *account_insert(struct account_table *self, uint32_t index, struct str id, struct str owner,
                               struct str product);

/* Memory for one more book value. */
bool account_ensure_book(struct account_table *self);
/* The account keeps a book value from now on; 0 at first. */
void account_keep_book(struct account_table *self, uint32_t index);

/* The book value of an account with ACCOUNT_HAS_BOOK. */
static inline int64_t *account_book_at(const struct account_table *self, uint32_t index)
{
    return &self->books[account_more_at(self, index)->book];
}

/* Memory for the names first: account_ensure_names. */
bool account_ensure_names(struct account_table *self);
void account_set_owner(struct account_table *self, uint32_t index, struct str owner);
void account_set_product(struct account_table *self, uint32_t index, struct str product);

/* Accounts of an owner, in order of opening or of joining; ACCOUNT_NONE: none. */
uint32_t account_owner_first(const struct account_table *self, struct str owner);

#endif
