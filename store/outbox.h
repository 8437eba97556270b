/* What the bank adapter must not forget: jobs on their way, jobs that are done, callbacks that were seen, serials.
 *
 *     table (8 bits) | key → value
 *
 * The bank adapter's core says what rows mean; here they are bytes. A row that is lost could pay twice, so more than damage is
 * noticed: each value has a seal over its key and itself, and a record beside them has the count and the sum of all seals, as of the last
 * commit. Nothing here can be rebuilt from elsewhere: back it up with the rest.
 *
 * Two kinds behind one interface: on LMDB, and in memory for tests and the simulator. One thread. */
#ifndef TELLER_STORE_OUTBOX_H
#define TELLER_STORE_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"

enum { OUTBOX_KEY_MAX = 63, OUTBOX_VALUE_MAX = 2048 };

#define OUTBOX_MAP_SIZE_BYTES (UINT64_C(1) << 34)

struct outbox_put {
    uint8_t table; /* 1 .. 255 */
    const uint8_t *key;
    size_t key_length;    /* 1 .. OUTBOX_KEY_MAX */
    const uint8_t *value; /* NULL: delete the row (absent is fine) */
    size_t value_length;  /* up to OUTBOX_VALUE_MAX */
};

struct outbox;

/* An error of visit is handed through. Bytes are valid during the call only. */
typedef enum err outbox_visit(void *context, uint8_t table, const uint8_t *key, size_t key_length,
                              const uint8_t *value, size_t value_length);

struct outbox_methods {
    enum err (*apply)(struct outbox *self, const struct outbox_put *puts, size_t count);
    enum err (*scan)(struct outbox *self, outbox_visit *visit, void *context);
    void (*close)(struct outbox *self);
};

struct outbox {
    const struct outbox_methods *methods;
};

/* The directory is made when it is absent. ERR_CORRUPT, ERR_VERSION: not one of ours, or damaged. */
enum err outbox_open(const char *path, uint64_t map_size_bytes, struct outbox **out) MUST_USE;
/* To read what is there, beside a process that writes it or without one. ERR_NOT_FOUND: nothing is. */
enum err outbox_open_to_read(const char *path, uint64_t map_size_bytes, struct outbox **out) MUST_USE;
/* In memory. NULL: no memory. */
struct outbox *outbox_memory_new(void);

/* All or none, durable when it returns, in order (the last put of a row counts). ERR_FULL, ERR_NO_MEMORY: nothing was written. ERR_IO:
 * unknown, and every later apply answers ERR_IO too. */
static inline enum err outbox_apply(struct outbox *self, const struct outbox_put *puts, size_t count)
{
    return self->methods->apply(self, puts, count);
}

/* Every row, by table and key. ERR_CORRUPT: a value is damaged, and is not shown to visit; or, at the end, the rows shown are not those
 * of the last commit. */
static inline enum err outbox_scan(struct outbox *self, outbox_visit *visit, void *context)
{
    return self->methods->scan(self, visit, context);
}

/* Sets it to NULL; a NULL store is fine. */
static inline void outbox_close(struct outbox **self_p)
{
    if (*self_p != NULL)
        (*self_p)->methods->close(*self_p);
    *self_p = NULL;
}

#endif
