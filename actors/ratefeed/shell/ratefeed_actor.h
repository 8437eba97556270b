/* The rate feed: a thread around its core (ratefeed.h) and store, with a mailbox, clocks, a way to sources and one to the desk.
 *
 * Its inbox is "inproc://ratefeed": BOX_REQUESTS from the router, answered at once. Sources are asked through a port that
 * whoever puts the node together brings, so that actors need to know no adapter. When its store fails it says
 * PARTITION_STOPPED to the router and answers BUSY; money moves all the same. */
#ifndef TELLER_RATEFEED_ACTOR_H
#define TELLER_RATEFEED_ACTOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/ratefeed/ratefeed.h"
#include "store/rates.h"

/* What came of asking a source: rows in order of days, or why there are none. Valid during the call of done. */
struct ratefeed_sheet {
    const struct published_rate *rows;
    size_t count;
    const char *error;     /* NULL: it is a sheet; else in words, without secrets */
    int64_t retry_after_s; /* -1: the source did not say */
};
typedef void ratefeed_sheet_done(void *context, uint32_t source, const struct ratefeed_sheet *sheet);

/* All calls are made by the feed's thread. */
struct ratefeed_port {
    void *context;
    /* date: the day that is asked for, where a source is asked by day. ERR_OK promises one call of done, from run or destroy. */
    enum err (*start)(void *context, uint32_t source, int32_t date, int64_t now_us, ratefeed_sheet_done *done,
                      void *done_context);
    void (*run)(void *context, int timeout_ms);
    uint32_t (*count)(void *context);
    void (*destroy)(void *context);
};

struct ratefeed_actor_options {
    void *context;        /* of all inproc sockets */
    uint32_t number;      /* of the mailbox: see struct box */
    struct rates *rates;  /* belongs to the actor from then on */
    const char *endpoint; /* the node's, where the desk is told */
    const struct ratefeed_source_config *sources;
    uint32_t source_count;
    struct ratefeed_port port; /* destroyed with the actor */
};

/* NULL: *why says why (static storage); store and port are closed then too. The options are copied. */
zactor_t *ratefeed_actor_new(const struct ratefeed_actor_options *options, const char **why);

#endif
