/* A serving node: a data directory, a router, a publisher, a rate feed, a bank adapter and a gateway where they are configured, and for each partition a ledger actor and a reader actor.
 *
 * Order. Start: publisher, router, rate feed, bank adapter, readers, ledgers, gateway; a request that comes early is answered BUSY. Stop: the gateway ends; the router reads
 * no more and waits for what is open; then rate feed, publisher, readers, ledgers, bank adapter (which sends nothing from before the ledgers' end), router end, and the directory is closed. The
 * last replies are sent by zsys_shutdown, which the caller runs.
 */
#ifndef TELLER_BROKER_NODE_H
#define TELLER_BROKER_NODE_H

#include <czmq.h>

#include "actors/ledger/ledger.h"
#include "broker/bank_config.h"
#include "broker/feed_config.h"
#include "broker/gateway.h"
#include "broker/router.h"
#include "store/datadir.h"

struct node;

struct node_options {
    struct datadir *datadir;      /* open for serving; stays the caller's */
    struct router_options router; /* partitions is taken from the data directory */
    struct feed_config *feed;     /* of the rate feed; the node's from then on. NULL: there is none */
    struct banks_config *banks;   /* that remittances go to; the node's from then on. NULL: there are none */
    struct ledger_remittance_terms remittances;
    const char *events;       /* where streams of events are served; NULL: nowhere */
    int64_t webhook_retry_ms; /* the first delay; 0: the default */
    bool webhook_allows_http; /* http:// too */
    struct gateway_options
        gateway; /* listen NULL: there is none. context, endpoint and banks are the node's to say */
};

/* NULL: *why says why (static storage). */
struct node *node_new(const struct node_options *options, const char **why);

/* Drains, and ends all actors. Returns how many requests were left without an answer. */
size_t node_destroy(struct node **self_p);

/* What clients connect to. */
const char *node_endpoint(const struct node *self);

/* What subscribers to streams connect to; "": nothing. */
const char *node_events(const struct node *self);

/* What banks and collectors of figures connect to; "": nothing. */
const char *node_gateway(const struct node *self);

/* To wait on with zmq_poll, and then to read events with router_next_event. */
zactor_t *node_router(struct node *self);

#endif
