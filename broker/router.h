/* The router: the actor between clients and partitions.
 *
 *     clients ── tcp ──► ROUTER │ read, route, list ──► PUSH "inproc://ledger-N", ratefeed, publisher
 *     clients ◄───────── ROUTER │ join, send       ◄── PULL "inproc://router"
 *
 * A round reads what has come (bounded), puts each request on its partition's list, sends every list as one
 * box, then sends the answers that came back. A request is never copied; a reply is moved.
 *
 * Services. The rate feed and the publisher run or not, as the options say; a request for one that does not is
 * UNSUPPORTED. One that runs takes requests from the start: what comes before its actor is there waits. An actor
 * that ends by itself says so by BOX_STATE with PARTITION_STOPPED and answers what it had; the ledger goes on without it.
 *
 * Bounds. A partition or service has at most so many requests, and bytes of them, without an answer; a request above
 * either is answered BUSY at once. A peer that does not read loses its replies; the router never waits for
 * one. A message with too many frames is dropped, a frame far above the limit closes its connection. What ZeroMQ
 * cannot bound: it collects a multipart message whole before the router sees its first frame.
 *
 * Life: router_new binds, so its endpoints stand before the actors that connect to them start. To stop
 * without losing an answer: router_drain, wait for ROUTER_DRAINED, destroy the ledger and reader actors,
 * zactor_destroy. zactor_destroy alone drains too, but then requests that got no answer in time must
 * not be in another thread's hands any more.
 */
#ifndef TELLER_BROKER_ROUTER_H
#define TELLER_BROKER_ROUTER_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "broker/route.h"
#include "broker/wire/request.h"

#define ROUTER_LISTEN_DEFAULT "tcp://127.0.0.1:7700"
#define ROUTER_ANSWERS_ENDPOINT "inproc://router"
#define ROUTER_LEDGER_ENDPOINT "inproc://ledger-%u" /* with the partition's number */
#define ROUTER_RATEFEED_ENDPOINT \
    "inproc://ratefeed" /* where it runs: takes BOX_REQUESTS as a ledger does, answers BOX_ANSWERED */
#define ROUTER_PUBLISHER_ENDPOINT "inproc://publisher"
#define ROUTER_BANK_ENDPOINT "inproc://bank"

enum {
    ROUTER_ENDPOINT_MAX = 256,
    ROUTER_MAILBOX_REQUESTS_MAX = 65536,
    ROUTER_MAILBOX_BYTES_MIN =
        2 * WIRE_FRAME_MAX, /* the largest request always has room in an empty mailbox */
};

struct router_options {
    const char *listen;           /* a ZeroMQ endpoint; port 0 or "*": any free one */
    uint32_t partitions;          /* 1 .. LEDGER_PARTITIONS_MAX */
    bool services[SERVICE_COUNT]; /* true: it runs */
    uint32_t
        mailbox_requests; /* 1 .. ROUTER_MAILBOX_REQUESTS_MAX, of a partition or service without an answer */
    uint64_t mailbox_bytes;   /* >= ROUTER_MAILBOX_BYTES_MIN, of the same */
    int64_t drain_timeout_ms; /* how long a drain waits for answers */
};

/* One partition, no service; 8,192 requests, 256 MiB, 10 s. */
struct router_options router_options_default(void);

/* Binds and starts. endpoint receives what was bound, with the real port. NULL: *why says why (static storage). */
zactor_t *router_new(const struct router_options *options, char endpoint[ROUTER_ENDPOINT_MAX],
                     const char **why);

/* Stop reading from clients, and tell when all answers are out. */
void router_drain(zactor_t *self);

enum router_event_kind {
    ROUTER_STATE,         /* `partition` was for the first time seen in `state` */
    ROUTER_SERVICE_STATE, /* the same of `service` */
    ROUTER_DRAINED,       /* `outstanding` requests got no answer in time */
};

struct router_event {
    enum router_event_kind kind;
    uint32_t partition;
    enum route_service service;
    enum partition_state state;
    size_t outstanding;
};

/* Waits for the next event; -1: for ever. false: none in time, or interrupted. */
bool router_next_event(zactor_t *self, int timeout_ms, struct router_event *out);

#endif
