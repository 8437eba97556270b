/* The rates store in memory: records sorted by key. What a commit brings is gathered first, so it is all or none. */
#include <stdlib.h>
#include <string.h>

#include "store/rates_table.h"

struct list {
    struct rates_record *records;
    size_t count, capacity;
};

struct rates_memory {
    struct rates base;
    struct list kept; /* sorted */
    struct list puts; /* of the commit that is being gathered */
};

static struct rates_memory *self_of(struct rates *rates)
{
    return (struct rates_memory *)rates;
}

static bool make_room(struct list *list, size_t more)
{
    if (list->count + more <= list->capacity)
        return true;
    size_t capacity = (list->count + more) * 2;
    struct rates_record *records = realloc(list->records, capacity * sizeof *records);
    if (records == NULL)
        return false;
    list->records = records;
    list->capacity = capacity;
    return true;
}

static int compare(const struct rates_record *record, const uint8_t *key, size_t key_length)
{
    size_t shorter = record->key_length < key_length ? record->key_length : key_length;
    int order = memcmp(record->key, key, shorter);
    return order != 0 ? order : (record->key_length > key_length) - (record->key_length < key_length);
}

/* Index of the first record whose key is not below `key`. */
static size_t find(const struct list *list, const uint8_t *key, size_t key_length)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&list->records[middle], key, key_length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds(const struct list *list, size_t index, const uint8_t *key, size_t key_length)
{
    return index < list->count && compare(&list->records[index], key, key_length) == 0;
}

static enum err memory_begin(struct rates *rates, size_t count)
{
    struct rates_memory *self = self_of(rates);
    self->puts.count = 0;
    return make_room(&self->puts, count) && make_room(&self->kept, count) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err memory_put(struct rates *rates, const struct rates_record *record)
{
    struct rates_memory *self = self_of(rates);
    self->puts.records[self->puts.count++] = *record;
    return ERR_OK;
}

static void keep(struct list *list, const struct rates_record *record)
{
    size_t index = find(list, record->key, record->key_length);
    bool is_there = holds(list, index, record->key, record->key_length);
    struct rates_record *at = list->records + index;
    if (record->value_length == 0) {
        if (is_there)
            memmove(at, at + 1, (--list->count - index) * sizeof *at);
        return;
    }
    if (!is_there)
        memmove(at + 1, at, (list->count++ - index) * sizeof *at);
    *at = *record;
}

static enum err memory_commit(struct rates *rates)
{
    struct rates_memory *self = self_of(rates);
    for (size_t i = 0; i < self->puts.count; i++)
        keep(&self->kept, &self->puts.records[i]);
    return ERR_OK;
}

static enum err memory_seek(struct rates *rates, const uint8_t *key, size_t key_length,
                            enum rates_direction direction, struct rates_record *out)
{
    const struct list *kept = &self_of(rates)->kept;
    size_t index = find(kept, key, key_length);
    if (direction == RATES_AT_OR_BEFORE && !holds(kept, index, key, key_length)) {
        if (index == 0)
            return ERR_NOT_FOUND;
        index--;
    }
    if (index >= kept->count)
        return ERR_NOT_FOUND;
    *out = kept->records[index];
    return ERR_OK;
}

static void memory_close(struct rates *rates)
{
    struct rates_memory *self = self_of(rates);
    free(self->kept.records);
    free(self->puts.records);
    free(self);
}

static const struct rates_methods METHODS = {
    .begin = memory_begin,
    .put = memory_put,
    .commit = memory_commit,
    .seek = memory_seek,
    .close = memory_close,
};

struct rates *rates_memory_new(void)
{
    struct rates_memory *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->base.methods = &METHODS;
    return &self->base;
}
