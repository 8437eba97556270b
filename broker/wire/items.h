/* Items: the bodies of transfer, deposit, withdraw, exchange and batch, as docs/WIRE.md has them.
 *
 * The decoder reads the whole body before anything is carried out, so a message that is cut short moves
 * nothing. Two kinds of fault: bytes that are not msgpack, or a body of another shape, refuse the message;
 * a fault of one item (a missing field, a wrong type, an unknown currency) is noted in that item's
 * command, and decoding goes on with the next.
 *
 * This is the hot path: no allocation once the arrays have grown, no copies of strings.
 */
#ifndef TELLER_WIRE_ITEMS_H
#define TELLER_WIRE_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"

/* ---- the node's side -------------------------------------------------------------------------- */

/* Decoded items; reused from message to message. All zero is a valid empty one. */
struct wire_items {
    struct ledger_command *commands; /* top level, in order; strings point into the frame */
    uint32_t count;
    uint32_t row_count; /* rows of the answer: items, and items of groups */
    /* its own: */
    uint32_t capacity;
    uint32_t group_used, group_capacity;
    struct ledger_command *group_items;
};

void wire_items_release(struct wire_items *self);

/* Decodes the body of a money operation. CODE_OK: every item is in commands, good or with its code and
 * field set. Else the message is refused as a whole: BAD_REQUEST, INVALID_FIELD (an empty batch), TOO_LARGE, or BUSY (no memory).
 *
 * An item's deadline is the earlier of its own and the header's. A group's own code is about the group itself (its id,
 * its items array); each of its items has its own code. A group whose items array cannot be used has
 * group_count 0 and takes one row. Items of other partitions are not looked for here. */
enum code wire_items_read(struct wire_items *self, const struct wire_header *header, enum field *field);

/* ---- the client's side ------------------------------------------------------------------------ */

/* Writes one item, by position, without trailing nils. code and field are not used. */
void wire_item_write(struct mp_writer *w, const struct ledger_command *command);

#endif
