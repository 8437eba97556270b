/* Inside the oracle: memory that lives as long as the oracle does, and tables over it. Out of memory is a CHECK. */
#ifndef TELLER_SIM_CHECK_POOL_H
#define TELLER_SIM_CHECK_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/str.h"
#include "actors/base/uuid.h"

/* ---- memory ----------------------------------------------------------------------------------- */

struct pool_block;

struct pool {
    struct pool_block *blocks;
};

/* Zeroed. */
void *pool_take(struct pool *self, size_t bytes);
/* A copy of a string. */
struct str pool_text(struct pool *self, struct str text);
void pool_release(struct pool *self);

/* Room for one more element of `size` bytes in an array that realloc has made. */
void *array_grow(void *array, size_t *capacity, size_t count, size_t size);

/* ---- tables ----------------------------------------------------------------------------------- */

/* The first member of what is kept in a table. */
struct node {
    struct node *next;
    uint64_t hash;
};

struct table {
    struct node **slots;
    size_t capacity, count; /* capacity: a power of two */
};

void table_add(struct table *self, struct node *node, uint64_t hash);
/* The newest node of this hash, and the one before it; NULL: none. */
void *table_first(const struct table *self, uint64_t hash);
void *table_next(const void *node);
void table_release(struct table *self);

/* FNV-1a 64, and on from an earlier hash. */
#define HASH_BASIS UINT64_C(14695981039346656037)
uint64_t hash_more(uint64_t hash, const void *bytes, size_t length);

static inline uint64_t hash_text(struct str text)
{
    return hash_more(HASH_BASIS, text.data, text.length);
}

static inline uint64_t hash_id(const struct uuid *id)
{
    return hash_more(HASH_BASIS, id->bytes, sizeof id->bytes);
}

#endif
