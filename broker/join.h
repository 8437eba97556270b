/* One request that several partitions answer, and the one reply that comes of it.
 *
 * The kinds, told by the operation: a batch or histories (each partition has its own elements, the rows go back
 * in the client's order), transfer.show (every partition is asked, the one that knows the id answers), rate.set and pair.set (OK
 * where every partition says so), remittance.retry_batch (the same, and what each has counted is added), status (every partition
 * is asked, their bodies stand side by side), metrics (the same with every service that runs, and as text if asked for).
 *
 * A part that was refused as a whole does not spoil the others: its rows carry its code.
 */
#ifndef TELLER_BROKER_JOIN_H
#define TELLER_BROKER_JOIN_H

#include <stdint.h>

#include "actors/ledger/ledger.h"
#include "broker/route.h"
#include "broker/router_figures.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/split.h"

struct join_node {
    uint32_t partitions;
    int64_t uptime_us;
    struct router_counters counters;
    const struct router_figures *figures;
};

struct join {
    struct join *next;
    struct request *origin;                      /* what the client sent: its frame stays until the reply */
    struct wire_split split;                     /* batch and histories; owned */
    uint32_t open_count;                         /* parts without an answer */
    struct request *parts[ROUTER_MAILBOXES_MAX]; /* answered ones, by partition or service */
};

/* Writes the reply when every part has answered; the parts' replies stay theirs. CODE_UNKNOWN, and an error
 * reply, when the parts' replies do not fit together. A failed writer means: no memory. */
enum code join_write(const struct join *self, const struct join_node *node, struct mp_writer *w);

#endif
