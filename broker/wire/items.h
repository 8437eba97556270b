/* Items: the bodies of transfer, deposit, withdraw and batch, as docs/WIRE.md has them.
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
enum code wire_items_read(struct wire_items *self, const struct wire_header *header,
                          enum field *field);

/* ---- the router's side ------------------------------------------------------------------------ */

/* ledger_partition_of, handed in so that this folder needs no ledger code. */
typedef uint32_t wire_partition_fn(struct str account_id, uint32_t partitions);

/* The partition of a body that names one account: transfer, deposit, withdraw, account.*, balance,
 * history. WIRE_PARTITION_ANY: it names none (account.open without an id, account.list, transfer.show, a batch) or is
 * malformed; then any partition gives the right answer to it, or the operation needs them all. */
uint32_t wire_partition_of(const struct wire_header *header, uint32_t partitions,
                           wire_partition_fn *partition_of);

/* One element of a batch (or of histories) and where it belongs. */
struct wire_span {
    const uint8_t *at; /* in the request's frame */
    uint32_t length;
    uint32_t partition;
};

/* A batch (or histories) cut up by partition. All zero is a valid empty one. */
struct wire_split {
    struct wire_span *spans;
    uint32_t count;
    uint32_t capacity;
    uint32_t by_partition[LEDGER_PARTITIONS_MAX]; /* elements for each */
    uint32_t part_count;                          /* partitions with at least one */
};

void wire_split_release(struct wire_split *self);

/* Finds each element's byte range and partition. Elements that name no account go to partition 0, which
 * refuses them. CODE_OK, or why the message is refused as a whole (as wire_items_read). */
enum code wire_items_split(struct wire_split *self, const struct wire_header *header,
                           uint32_t partitions, wire_partition_fn *partition_of,
                           enum field *field);

/* Writes the whole request frame for one partition: the header with its number, and its elements. */
void wire_split_write(const struct wire_split *self, const struct wire_header *header,
                      uint32_t partition, struct mp_writer *w);

/* Joins the partitions' reply frames to one, rows in the order of the request. replies[p] is the
 * reply frame of partition p (not read where by_partition[p] is 0). A part that was refused as a whole gives
 * its code to each of its rows. false: a reply is not what this folder writes. */
bool wire_split_join(const struct wire_split *self, const struct wire_header *header,
                     const struct str *replies, struct mp_writer *w);

/* ---- the client's side ------------------------------------------------------------------------ */

/* Writes one item, by position, without trailing nils. code and field are not used. */
void wire_item_write(struct mp_writer *w, const struct ledger_command *command);

#endif
