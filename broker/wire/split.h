/* The router's view of a body: which partition it belongs to, and cutting a batch up by partition.
 *
 * A request whose header names its partition never comes here. For the others the router reads just enough of
 * each element to find its account, and copies the raw bytes of elements; it never decodes them.
 */
#ifndef TELLER_WIRE_SPLIT_H
#define TELLER_WIRE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"

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
enum code wire_items_split(struct wire_split *self, const struct wire_header *header, uint32_t partitions,
                           wire_partition_fn *partition_of, enum field *field);

/* Writes the whole request frame for one partition: the header with its number, and its elements. */
void wire_split_write(const struct wire_split *self, const struct wire_header *header, uint32_t partition,
                      struct mp_writer *w);

/* Joins the partitions' reply frames to one, rows in the order of the request. replies[p] is the
 * reply frame of partition p (not read where by_partition[p] is 0). A part that was refused as a whole gives
 * its code to each of its rows. false: a reply is not what this folder writes. */
bool wire_split_join(const struct wire_split *self, const struct wire_header *header,
                     const struct str *replies, struct mp_writer *w);

#endif
