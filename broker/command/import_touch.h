/* What an import knows of the accounts it has met: in which wave of the current window each was touched last, and through which
 * partition. By 64-bit hash: two accounts that share one are rarer than a broken disk. */
#ifndef TELLER_COMMAND_IMPORT_TOUCH_H
#define TELLER_COMMAND_IMPORT_TOUCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/money.h"
#include "actors/base/str.h"

struct touch_slot {
    uint64_t hash;       /* 0: empty */
    uint64_t generation; /* of the window that touched it last */
    uint32_t partition;
    uint32_t wave;
    bool is_open;            /* opened or found open by this import */
    currency_index currency; /* CURRENCY_NONE: not known */
};

struct import_touch {
    struct touch_slot *slots;
    size_t capacity, count;
    uint64_t generation;
};

bool import_touch_init(struct import_touch *self); /* false: no memory */
void import_touch_release(struct import_touch *self);

/* The account's slot, made when it is new. Good until the next call. */
struct touch_slot *import_touch_slot(struct import_touch *self, struct str account);

/* Has the current window touched it? */
bool import_touch_is_touched(struct import_touch *self, struct str account);

/* The earliest wave in which a line may touch the account through a partition, after what touched it before. */
uint32_t import_touch_wave(struct import_touch *self, struct str account, uint32_t partition);
void import_touch_note(struct import_touch *self, struct str account, uint32_t partition, uint32_t wave);

/* A new window begins. */
void import_touch_clear(struct import_touch *self);

#endif
