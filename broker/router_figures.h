/* What the router counts of its own work since it started, and its part of metrics. */
#ifndef TELLER_BROKER_ROUTER_FIGURES_H
#define TELLER_BROKER_ROUTER_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/figures.h"
#include "actors/ledger/ledger.h"
#include "broker/route.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"

/* Mailboxes of partitions by their number, then of services. */
enum { ROUTER_MAILBOXES_MAX = LEDGER_PARTITIONS_MAX + SERVICE_COUNT };

/* What the router tells of itself in status. */
struct router_counters {
    uint64_t requests; /* read from clients */
    uint64_t replies;  /* sent to clients */
    uint64_t busy;     /* answered BUSY by the router */
    uint64_t dropped;  /* requests with too many frames, and replies that no client took */
    uint64_t bad;      /* refused by the router for what they say */
};

/* One mailbox: what it has in hand, without an answer. */
struct router_queue {
    bool is_there;
    enum partition_state state;
    struct figures_level requests, bytes;
};

/* A request whose operation could not be read counts as OPERATION_COUNT. */
struct router_figures {
    uint64_t answers[OPERATION_COUNT + 1][CODE_COUNT];
    struct figures_histogram times_us[OPERATION_COUNT + 1]; /* from arrival to answer */
    struct router_queue queues[ROUTER_MAILBOXES_MAX];
    struct figures_level bytes; /* of all queues */
    uint64_t connections_opened, connections_closed, handshakes_failed;
};

/* A request gets its answer. */
static inline void router_figures_answer(struct router_figures *self, enum wire_operation operation,
                                         enum code code, int64_t took_us)
{
    self->answers[operation][code]++;
    figures_record(&self->times_us[operation], took_us > 0 ? (uint64_t)took_us : 0);
}

/* A request is put into a queue; it leaves it. */
void router_figures_enter(struct router_figures *self, uint32_t number, uint64_t bytes);
void router_figures_leave(struct router_figures *self, uint32_t number, uint64_t bytes);

/* A map. */
void router_figures_write(const struct router_figures *self, const struct router_counters *counters,
                          struct mp_writer *w);

#endif
