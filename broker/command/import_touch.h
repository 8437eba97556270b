/* Which accounts an import has met, and which a batch touches through which partition. By 64-bit hash: two accounts that
 * share one are rarer than a broken disk. */
#ifndef TELLER_COMMAND_IMPORT_TOUCH_H
#define TELLER_COMMAND_IMPORT_TOUCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/str.h"

struct touch_slot {
    uint64_t hash;       /* 0: empty */
    uint64_t generation; /* of the batch that touched it last */
    uint32_t partition;
    bool has_seen;
};

struct import_touch {
    struct touch_slot *slots;
    size_t capacity, count;
    uint64_t generation;
};

bool import_touch_init(struct import_touch *self); /* false: no memory */
void import_touch_release(struct import_touch *self);

/* Was it asked for before? The first time: false. */
bool import_touch_has_seen(struct import_touch *self, struct str account);

/* true: this batch has touched the account through another partition. */
bool import_touch_is_elsewhere(struct import_touch *self, struct str account, uint32_t partition);
void import_touch_note(struct import_touch *self, struct str account, uint32_t partition);

/* A new batch begins. */
void import_touch_clear(struct import_touch *self);

#endif
