/* Inside this folder: what a kind of rates store has to do, in bytes. rates.c gives the bytes their meaning. */
#ifndef TELLER_STORE_RATES_TABLE_H
#define TELLER_STORE_RATES_TABLE_H

#include <stdbool.h>

#include "store/rates.h"

enum rates_direction { RATES_AT_OR_AFTER, RATES_AT_OR_BEFORE };

struct rates_record {
    uint8_t key[RATES_KEY_MAX];
    size_t key_length; /* 1 .. RATES_KEY_MAX */
    uint8_t value[RATES_VALUE_MAX];
    size_t value_length; /* 0 in a put: the key is deleted, if it is there */
};

struct rates_methods {
    /* begin, puts, then commit; or abort, which an error of put or commit leaves nothing to do for. count: of puts. */
    enum err (*begin)(struct rates *self, size_t count);
    enum err (*put)(struct rates *self, const struct rates_record *record);
    enum err (*commit)(struct rates *self);
    /* The nearest record by the order of keys; ERR_NOT_FOUND. */
    enum err (*seek)(struct rates *self, const uint8_t *key, size_t key_length,
                     enum rates_direction direction, struct rates_record *out);
    void (*close)(struct rates *self);
};

struct rates {
    const struct rates_methods *methods;
};

#endif
