#include "sim/check/pool.h"

#include <stdlib.h>

#include "actors/base/check.h"

enum { BLOCK = 1 << 16, ALIGN = 16, TABLE_LEAST = 256 };

struct pool_block {
    struct pool_block *next;
    size_t used, capacity;
    _Alignas(ALIGN) uint8_t bytes[];
};

static struct pool_block *block_new(size_t capacity, struct pool_block *next)
{
    struct pool_block *block = calloc(1, sizeof *block + capacity);
    CHECK(block != NULL);
    block->next = next;
    block->capacity = capacity;
    return block;
}

void *pool_take(struct pool *self, size_t bytes)
{
    size_t whole = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    struct pool_block *block = self->blocks;
    if (block == NULL || block->capacity - block->used < whole) {
        block = block_new(whole > BLOCK ? whole : BLOCK, self->blocks);
        self->blocks = block;
    }
    void *at = block->bytes + block->used;
    block->used += whole;
    return at;
}

struct str pool_text(struct pool *self, struct str text)
{
    if (text.length == 0)
        return (struct str){0};
    char *copy = pool_take(self, text.length);
    memcpy(copy, text.data, text.length);
    return (struct str){copy, text.length};
}

void pool_release(struct pool *self)
{
    while (self->blocks != NULL) {
        struct pool_block *next = self->blocks->next;
        free(self->blocks);
        self->blocks = next;
    }
}

void *array_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity > 0 ? *capacity * 2 : 4;
    void *bigger = realloc(array, *capacity * size);
    CHECK(bigger != NULL);
    return bigger;
}

/* ---- tables ----------------------------------------------------------------------------------- */

/* FNV's low bits are good enough with the high ones folded in. */
static size_t slot_of(const struct table *self, uint64_t hash)
{
    return (size_t)(hash ^ hash >> 32) & (self->capacity - 1);
}

static void rehash(struct table *self)
{
    struct table wider = {.capacity = self->capacity > 0 ? self->capacity * 2 : TABLE_LEAST,
                          .count = self->count};
    wider.slots = calloc(wider.capacity, sizeof *wider.slots);
    CHECK(wider.slots != NULL);
    for (size_t i = 0; i < self->capacity; i++) {
        struct node **at[2] = {NULL, NULL}; /* a slot falls in two; the order of its nodes stays */
        at[0] = &wider.slots[i];
        at[1] = &wider.slots[i + self->capacity];
        for (struct node *node = self->slots[i]; node != NULL; node = node->next) {
            struct node ***end = &at[slot_of(&wider, node->hash) == i ? 0 : 1];
            **end = node;
            *end = &node->next;
        }
        *at[0] = *at[1] = NULL;
    }
    free(self->slots);
    *self = wider;
}

void table_add(struct table *self, struct node *node, uint64_t hash)
{
    if (self->count >= self->capacity)
        rehash(self);
    struct node **slot = &self->slots[slot_of(self, hash)];
    node->hash = hash;
    node->next = *slot;
    *slot = node;
    self->count++;
}

static void *skip(struct node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

void *table_first(const struct table *self, uint64_t hash)
{
    return self->capacity == 0 ? NULL : skip(self->slots[slot_of(self, hash)], hash);
}

void *table_next(const void *node)
{
    const struct node *at = node;
    return skip(at->next, at->hash);
}

void table_release(struct table *self)
{
    free(self->slots);
    *self = (struct table){0};
}

uint64_t hash_more(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}
