/* Inside this folder: where the values of one item stand, be it a map or an array. */
#ifndef TELLER_WIRE_ITEM_INDEX_H
#define TELLER_WIRE_ITEM_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/wire/fields.h"
#include "broker/wire/msgpack.h"

/* The values of an item, in the order of docs/WIRE.md; then those that not every kind has. */
enum item_value {
    ITEM_KIND,
    ITEM_TRANSACTION_ID,
    ITEM_FROM_ACCOUNT,
    ITEM_TO_ACCOUNT,
    ITEM_AMOUNT,
    ITEM_CURRENCY,
    ITEM_MEMO,
    ITEM_REFERENCE,
    ITEM_DEADLINE,
    ITEM_REST,
    ITEM_RATE,
    ITEM_EXPIRES,
    ITEM_HOLD,
    ITEM_QUOTE,
    ITEM_ITEMS,
    ITEM_VALUE_COUNT
};

/* Places of an array behind those: the kind's own value, and a capture's rest. */
enum { ITEM_PLACE_OWN = ITEM_DEADLINE + 1, ITEM_PLACE_REST };

/* Levels that an item itself stands in: of a single, of a batch, of a group. */
enum { ITEM_LEVEL_SINGLE = 2, ITEM_LEVEL_BATCH = 3, ITEM_LEVEL_GROUP = 5 };

/* An item's kind: 1 .. 8 or its word. false: neither; not moved. */
bool item_take_kind(struct mp_reader *r, uint8_t *kind);

/* Indexes one item and moves past it. *kind: from the item; else `fallback` where the item names none; 0: none
 * that is known. Faults of the item's shape are in out->code: not an array or map, unknown or doubled keys,
 * too many values, values that its kind does not have. false: malformed. */
bool item_index(struct mp_reader *r, unsigned level, uint8_t fallback, struct wire_values *out,
                uint8_t *kind);

#endif
