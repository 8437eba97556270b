/* The state store of one partition: what may be rebuilt from the journal, kept so that a restart is quick.
 *
 * Five tables of byte keys and values: account chunks, id runs, one-of-a-kind records, and chunks of holds and of remittances. A commit is
 * a set of puts and deletes, applied together. The ledger core decides what they say; see
 * actors/ledger/checkpoint.h. Nothing here is needed for correctness: delete it, and the partition
 * rebuilds it from its journal at the next start.
 *
 * Damage is noticed: a flipped bit, a page that is an older one, a value that is missing. Each value is kept with a seal,
 * and for each table a count and a sum of the seals (store/state_seal.h). Whoever walks all tables to their end, as a
 * recovery does, has read what one single commit left, or is told ERR_CORRUPT. What get and a walk of a part give
 * was put under that key at some time.
 *
 * Threads: one writer. For LMDB, reads may run in other threads and processes beside it.
 */
#ifndef TELLER_STORE_STATE_H
#define TELLER_STORE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"

enum state_table {
    STATE_ACCOUNTS,    /* chunk number, big-endian 32 bits → packed account records */
    STATE_IDS,         /* run number and slice number, big-endian 32 bits each → id entries */
    STATE_RECORDS,     /* name → bytes */
    STATE_HOLDS,       /* chunk number, big-endian 32 bits → packed slots of holds */
    STATE_REMITTANCES, /* chunk number, big-endian 32 bits → packed slots of remittances */
    STATE_TABLE_COUNT
};

struct state_put {
    enum state_table table;
    const uint8_t *key;
    size_t key_length;    /* 1 .. 64 */
    const uint8_t *value; /* NULL: delete the key (absent is fine) */
    size_t value_length;
};

struct state;

struct state_methods {
    /* All or none, durable, in order (the last put of a key counts). ERR_FULL, ERR_NO_MEMORY: nothing was
     * written. ERR_IO: unknown; every later apply answers ERR_IO too. */
    enum err (*apply)(struct state *self, const struct state_put *puts, size_t count);
    /* Copies a value: ERR_NOT_FOUND; ERR_RANGE when longer than capacity (*length says how long); ERR_CORRUPT. */
    enum err (*get)(struct state *self, enum state_table table, const uint8_t *key, size_t key_length,
                    uint8_t *out, size_t capacity, size_t *length);
    /* Visits all keys of a table that begin with `prefix`, in byte order, until visit returns an error
     * (handed through). Keys and values are valid during the call only; visit must not wait. ERR_CORRUPT: a value is
     * damaged, and is not shown to visit; or, with no prefix and at the end, the values shown are not those of the
     * last commit. */
    enum err (*walk)(struct state *self, enum state_table table, const uint8_t *prefix, size_t prefix_length,
                     enum err (*visit)(void *context, const uint8_t *key, size_t key_length,
                                       const uint8_t *value, size_t value_length),
                     void *context);
    void (*close)(struct state **self);
};

struct state {
    const struct state_methods *methods;
};

static inline enum err state_apply(struct state *s, const struct state_put *puts, size_t count)
{
    return s->methods->apply(s, puts, count);
}

static inline enum err state_get(struct state *s, enum state_table table, const uint8_t *key,
                                 size_t key_length, uint8_t *out, size_t capacity, size_t *length)
{
    return s->methods->get(s, table, key, key_length, out, capacity, length);
}

static inline enum err state_walk(struct state *s, enum state_table table, const uint8_t *prefix,
                                  size_t prefix_length,
                                  enum err (*visit)(void *context, const uint8_t *key, size_t key_length,
                                                    const uint8_t *value, size_t value_length),
                                  void *context)
{
    return s->methods->walk(s, table, prefix, prefix_length, visit, context);
}

/* Sets *s to NULL; a NULL store is fine. */
static inline void state_close(struct state **s)
{
    if (*s != NULL)
        (*s)->methods->close(s);
}

#endif
