/* The state store in memory: an array of rows for each table, sorted by key. */
#include "store/state_memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "store/state_seal.h"

enum { KEY_MAX = 64 };

struct row {
    uint8_t key[KEY_MAX];
    size_t key_length;
    uint8_t *value;
    size_t value_length;
    uint64_t seal;
};

struct table {
    struct row *rows;
    size_t count, capacity;
    struct state_sum sum; /* of the rows that were put and not deleted */
};

struct state_memory {
    struct state base;
    struct table tables[STATE_TABLE_COUNT];
    uint32_t fail_in; /* 0: no plan */
    enum err fail_with;
    bool stopped;
};

static struct state_memory *self_of(struct state *state)
{
    return (struct state_memory *)state;
}

static int compare(const struct row *row, const uint8_t *key, size_t key_length)
{
    size_t shorter = row->key_length < key_length ? row->key_length : key_length;
    int order = shorter > 0 ? memcmp(row->key, key, shorter) : 0;
    if (order != 0)
        return order;
    return (row->key_length > key_length) - (row->key_length < key_length);
}

/* Index of the first row whose key is not below `key`. */
static size_t find(const struct table *table, const uint8_t *key, size_t key_length)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&table->rows[middle], key, key_length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds(const struct table *table, size_t index, const uint8_t *key, size_t key_length)
{
    return index < table->count && compare(&table->rows[index], key, key_length) == 0;
}

static bool make_room(struct table *table, size_t more)
{
    if (table->count + more <= table->capacity)
        return true;
    size_t capacity = (table->count + more) * 2;
    struct row *rows = realloc(table->rows, capacity * sizeof *rows);
    if (rows == NULL)
        return false;
    table->rows = rows;
    table->capacity = capacity;
    return true;
}

static void remove_row(struct table *table, size_t index)
{
    free(table->rows[index].value);
    table->count--;
    memmove(&table->rows[index], &table->rows[index + 1], (table->count - index) * sizeof table->rows[0]);
}

/* Takes over `value`. Room for a new row is there. */
static void set_row(struct table *table, const struct state_put *put, uint8_t *value)
{
    size_t index = find(table, put->key, put->key_length);
    if (holds(table, index, put->key, put->key_length)) {
        state_sum_remove(&table->sum, table->rows[index].seal);
        free(table->rows[index].value);
    } else {
        memmove(&table->rows[index + 1], &table->rows[index], (table->count - index) * sizeof table->rows[0]);
        table->count++;
        table->rows[index].key_length = put->key_length;
        memcpy(table->rows[index].key, put->key, put->key_length);
    }
    struct row *row = &table->rows[index];
    row->value = value;
    row->value_length = put->value_length;
    row->seal = state_seal(put->table, put->key, put->key_length, value, put->value_length);
    state_sum_add(&table->sum, row->seal);
}

/* Copies every value first, so that nothing can fail once the first row changes. */
static uint8_t **copy_values(const struct state_put *puts, size_t count)
{
    uint8_t **values = calloc(count + 1, sizeof *values);
    for (size_t i = 0; values != NULL && i < count; i++) {
        if (puts[i].value == NULL)
            continue;
        values[i] = malloc(puts[i].value_length + 1);
        if (values[i] == NULL) {
            while (i-- > 0)
                free(values[i]);
            free(values);
            return NULL;
        }
        if (puts[i].value_length > 0)
            memcpy(values[i], puts[i].value, puts[i].value_length);
    }
    return values;
}

static void apply_all(struct state_memory *self, const struct state_put *puts, size_t count, uint8_t **values)
{
    for (size_t i = 0; i < count; i++) {
        struct table *table = &self->tables[puts[i].table];
        if (values[i] != NULL) {
            set_row(table, &puts[i], values[i]);
            continue;
        }
        size_t index = find(table, puts[i].key, puts[i].key_length);
        if (!holds(table, index, puts[i].key, puts[i].key_length))
            continue;
        state_sum_remove(&table->sum, table->rows[index].seal);
        remove_row(table, index);
    }
    free(values);
}

static enum err memory_apply(struct state *state, const struct state_put *puts, size_t count)
{
    struct state_memory *self = self_of(state);
    if (self->stopped)
        return ERR_IO;
    if (self->fail_in > 0 && --self->fail_in == 0) {
        self->stopped = self->fail_with == ERR_IO;
        return self->fail_with;
    }
    for (size_t i = 0; i < count; i++)
        CHECK(puts[i].table < STATE_TABLE_COUNT && puts[i].key_length >= 1 && puts[i].key_length <= KEY_MAX);
    for (int t = 0; t < STATE_TABLE_COUNT; t++) {
        if (!make_room(&self->tables[t], count))
            return ERR_NO_MEMORY;
    }
    uint8_t **values = copy_values(puts, count);
    if (values == NULL)
        return ERR_NO_MEMORY;
    apply_all(self, puts, count, values);
    return ERR_OK;
}

static bool is_sealed(enum state_table table, const struct row *row)
{
    return row->seal == state_seal(table, row->key, row->key_length, row->value, row->value_length);
}

static enum err memory_get(struct state *state, enum state_table table, const uint8_t *key, size_t key_length,
                           uint8_t *out, size_t capacity, size_t *length)
{
    CHECK(table < STATE_TABLE_COUNT && key_length >= 1 && key_length <= KEY_MAX);
    const struct table *rows = &self_of(state)->tables[table];
    size_t index = find(rows, key, key_length);
    if (!holds(rows, index, key, key_length))
        return ERR_NOT_FOUND;
    const struct row *row = &rows->rows[index];
    if (!is_sealed(table, row))
        return ERR_CORRUPT;
    *length = row->value_length;
    if (row->value_length > capacity)
        return ERR_RANGE;
    if (row->value_length > 0)
        memcpy(out, row->value, row->value_length);
    return ERR_OK;
}

static enum err memory_walk(struct state *state, enum state_table table, const uint8_t *prefix,
                            size_t prefix_length,
                            enum err (*visit)(void *context, const uint8_t *key, size_t key_length,
                                              const uint8_t *value, size_t value_length),
                            void *context)
{
    CHECK(table < STATE_TABLE_COUNT && prefix_length <= KEY_MAX);
    const struct table *rows = &self_of(state)->tables[table];
    struct state_sum seen = {0, 0};
    for (size_t i = find(rows, prefix, prefix_length); i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        if (row->key_length < prefix_length ||
            (prefix_length > 0 && memcmp(row->key, prefix, prefix_length) != 0))
            break;
        if (!is_sealed(table, row))
            return ERR_CORRUPT;
        enum err err = visit(context, row->key, row->key_length, row->value, row->value_length);
        if (err != ERR_OK)
            return err;
        state_sum_add(&seen, row->seal);
    }
    return prefix_length > 0 || state_sum_equals(&seen, &rows->sum) ? ERR_OK : ERR_CORRUPT;
}

static void memory_close(struct state **state_p)
{
    state_memory_clear(*state_p);
    free(self_of(*state_p));
    *state_p = NULL;
}

static const struct state_methods METHODS = {
    .apply = memory_apply,
    .get = memory_get,
    .walk = memory_walk,
    .close = memory_close,
};

struct state *state_memory_new(void)
{
    struct state_memory *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->base.methods = &METHODS;
    return &self->base;
}

/* Seals are copied too: damage stays damage. */
static bool copy_table(const struct table *from, struct table *to)
{
    *to = (struct table){.sum = from->sum};
    if (from->count == 0)
        return true;
    to->rows = malloc(from->count * sizeof *to->rows);
    to->capacity = to->rows == NULL ? 0 : from->count;
    for (; to->count < to->capacity; to->count++) {
        struct row *row = &to->rows[to->count];
        *row = from->rows[to->count];
        row->value = malloc(row->value_length + 1);
        if (row->value == NULL)
            return false;
        if (row->value_length > 0)
            memcpy(row->value, from->rows[to->count].value, row->value_length);
    }
    return to->rows != NULL;
}

struct state *state_memory_copy(const struct state *state)
{
    const struct state_memory *from = (const struct state_memory *)state;
    struct state *copy = state_memory_new();
    bool is_whole = copy != NULL;
    for (int t = 0; t < STATE_TABLE_COUNT && is_whole; t++)
        is_whole = copy_table(&from->tables[t], &self_of(copy)->tables[t]);
    if (!is_whole)
        state_close(&copy);
    return copy;
}

void state_memory_fail(struct state *state, uint32_t nth, enum err err)
{
    self_of(state)->fail_in = nth;
    self_of(state)->fail_with = err;
}

void state_memory_restart(struct state *state)
{
    self_of(state)->stopped = false;
}

void state_memory_clear(struct state *state)
{
    struct state_memory *self = self_of(state);
    for (int t = 0; t < STATE_TABLE_COUNT; t++) {
        for (size_t i = 0; i < self->tables[t].count; i++)
            free(self->tables[t].rows[i].value);
        free(self->tables[t].rows);
        self->tables[t] = (struct table){0};
    }
}

void state_memory_flip(struct state *state, enum state_table table, size_t bit)
{
    struct table *rows = &self_of(state)->tables[table];
    for (size_t i = 0; i < rows->count; i++) {
        size_t bits = rows->rows[i].value_length * 8;
        if (bit < bits) {
            rows->rows[i].value[bit / 8] ^= (uint8_t)(1 << (bit % 8));
            return;
        }
        bit -= bits;
    }
    CHECK_UNREACHABLE();
}

void state_memory_lose(struct state *state, enum state_table table, size_t nth)
{
    struct table *rows = &self_of(state)->tables[table];
    CHECK(nth < rows->count);
    remove_row(rows, nth);
}
