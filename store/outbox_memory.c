/* The outbox in memory: rows sorted by table and key. What an apply brings is copied first, so it is all or none. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "store/outbox.h"

struct row {
    uint8_t *value;
    size_t value_length;
    size_t key_length;
    uint8_t key[1 + OUTBOX_KEY_MAX]; /* the table first */
};

struct outbox_memory {
    struct outbox base;
    struct row *rows;
    size_t count, capacity;
};

static struct outbox_memory *self_of(struct outbox *outbox)
{
    return (struct outbox_memory *)outbox;
}

static int compare(const struct row *a, const struct row *b)
{
    size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);
    return order != 0 ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

/* Index of the first row whose key is not below that of `row`. */
static size_t find(const struct outbox_memory *self, const struct row *row)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&self->rows[middle], row) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct outbox_memory *self, size_t more)
{
    if (self->count + more <= self->capacity)
        return true;
    size_t capacity = (self->count + more) * 2;
    struct row *rows = realloc(self->rows, capacity * sizeof *rows);
    if (rows == NULL)
        return false;
    self->rows = rows;
    self->capacity = capacity;
    return true;
}

/* A row without a value deletes. */
static bool copy(const struct outbox_put *put, struct row *row)
{
    CHECK(put->table != 0 && put->key_length >= 1 && put->key_length <= OUTBOX_KEY_MAX);
    CHECK(put->value_length <= OUTBOX_VALUE_MAX);
    *row = (struct row){.key_length = 1 + put->key_length, .value_length = put->value_length};
    row->key[0] = put->table;
    memcpy(row->key + 1, put->key, put->key_length);
    if (put->value == NULL)
        return true;
    row->value = malloc(put->value_length + 1);
    if (row->value != NULL && put->value_length > 0)
        memcpy(row->value, put->value, put->value_length);
    return row->value != NULL;
}

static void release(struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(rows[i].value);
    free(rows);
}

static void keep(struct outbox_memory *self, const struct row *row)
{
    size_t index = find(self, row);
    struct row *at = self->rows + index;
    bool is_there = index < self->count && compare(at, row) == 0;
    if (is_there)
        free(at->value);
    if (is_there && row->value == NULL)
        memmove(at, at + 1, (--self->count - index) * sizeof *at);
    if (row->value == NULL)
        return;
    if (!is_there)
        memmove(at + 1, at, (self->count++ - index) * sizeof *at);
    *at = *row;
}

static enum err memory_apply(struct outbox *outbox, const struct outbox_put *puts, size_t count)
{
    struct outbox_memory *self = self_of(outbox);
    struct row *rows = calloc(count + 1, sizeof *rows);
    bool is_good = rows != NULL && make_room(self, count);
    for (size_t i = 0; is_good && i < count; i++)
        is_good = copy(&puts[i], &rows[i]);
    if (!is_good) {
        if (rows != NULL)
            release(rows, count);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++)
        keep(self, &rows[i]);
    free(rows);
    return ERR_OK;
}

static enum err memory_scan(struct outbox *outbox, outbox_visit *visit, void *context)
{
    const struct outbox_memory *self = self_of(outbox);
    enum err err = ERR_OK;
    for (size_t i = 0; i < self->count && err == ERR_OK; i++) {
        const struct row *row = &self->rows[i];
        err = visit(context, row->key[0], row->key + 1, row->key_length - 1, row->value, row->value_length);
    }
    return err;
}

static void memory_close(struct outbox *outbox)
{
    struct outbox_memory *self = self_of(outbox);
    release(self->rows, self->count);
    free(self);
}

static const struct outbox_methods METHODS = {
    .apply = memory_apply, .scan = memory_scan, .close = memory_close};

struct outbox *outbox_memory_new(void)
{
    struct outbox_memory *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->base.methods = &METHODS;
    return &self->base;
}
