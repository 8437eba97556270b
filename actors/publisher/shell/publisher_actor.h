/* The publisher: a thread around its core (publisher.h), with the journals, the stream's socket, HTTP, a clock and a store.
 *
 * Its inbox is "inproc://publisher": BOX_REQUESTS from the router, BOX_JOURNAL and BOX_NAMES from ledgers, in answer to its
 * own boxes of these kinds. Ledgers do nothing for it unasked, and what they send waits here and not there: so a publisher
 * that is slow holds up nobody.
 *
 * It looks for new facts every 20 ms while somebody would take some; with nobody there, it waits for its sockets only.
 *
 * The journals belong to the ledger actors: end the publisher before them. */
#ifndef TELLER_PUBLISHER_ACTOR_H
#define TELLER_PUBLISHER_ACTOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/base/err.h"

struct state;

/* The way out to webhooks. Whoever puts the node together brings it, so that actors need to know no adapter. All calls are
 * made by the publisher's thread. */
struct publisher_http_outcome {
    int status;             /* of the reply; 0: there was none */
    int64_t retry_after_ms; /* -1: none */
    const char *error;      /* without a reply: why, in words; valid during the call */
};
typedef void publisher_http_done(void *context, const struct publisher_http_outcome *outcome);
struct publisher_http {
    void *context; /* NULL: no webhook can be posted to */
    /* As http_client_start: ERR_OK promises one call of done, from run or destroy. headers end with NULL. */
    enum err (*start)(void *context, const char *url, const char *const *headers, const void *body,
                      size_t length, publisher_http_done *done, void *done_context);
    void (*run)(void *context, int timeout_ms);
    uint32_t (*count)(void *context);
    void (*destroy)(void *context);
};

struct publisher_actor_options {
    void *context; /* of all inproc sockets */
    uint32_t partitions;
    struct state *state;        /* belongs to the actor from then on */
    const char *events;         /* the stream's endpoint; NULL: no stream */
    int64_t retry_ms;           /* the first delay of a webhook; 0: the default */
    struct publisher_http http; /* destroyed with the actor */
};

enum { PUBLISHER_ENDPOINT_MAX = 256 };

/* endpoint receives what the stream is bound to, "" without one. NULL: *why says why (static storage); the state is closed
 * and http destroyed then too. */
zactor_t *publisher_actor_new(const struct publisher_actor_options *options,
                              char endpoint[PUBLISHER_ENDPOINT_MAX], const char **why);

#endif
