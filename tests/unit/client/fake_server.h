/* A broker that does as it is told: a ROUTER in a thread of its own, which answers by the wire protocol from a script.
 *
 * It keeps no accounts. The answer to an item is OK, with its amount as the balance of the payer and the double as that of the
 * receiver, so that a test sees which row belongs to which item. A script is a list of what to do with the first
 * requests, one after the other; those after its end are answered. */
#ifndef TELLER_TESTS_FAKE_SERVER_H
#define TELLER_TESTS_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/uuid.h"
#include "broker/wire/request.h"

enum fake_action {
    FAKE_ANSWER,
    FAKE_IGNORE,       /* no answer: it was lost */
    FAKE_BUSY,         /* the whole message */
    FAKE_UNKNOWN,      /* the whole message */
    FAKE_REFUSE,       /* the whole message, INVALID_FIELD items */
    FAKE_SOME_BUSY,    /* every second row is BUSY */
    FAKE_SOME_UNKNOWN, /* every second row is UNKNOWN */
    FAKE_FRAUD,        /* other balances than the true ones */
    FAKE_GARBAGE,      /* a good head with a body that is none */
    FAKE_WRONG_ID,     /* an answer to another request, and then the good one */
    FAKE_TWICE,        /* the same answer twice */
    FAKE_NOISE,        /* bytes that are no reply, then two frames, then the good one */
    FAKE_HOLD,         /* answered after the next request has been */
};

/* What came in. */
struct fake_seen {
    enum wire_operation operation;
    uint64_t request_id;
    uint32_t partition;
    int64_t deadline_us;
    uint32_t rows;
    struct uuid first_id;
    uint32_t identity; /* a hash of the connection's name */
};

enum { FAKE_SEEN_MAX = 4096 };

struct fake_server;

/* endpoint: of 48 bytes; receives where to connect. partitions: what it says of itself. */
struct fake_server *fake_server_new(uint32_t partitions, const enum fake_action *script, size_t count,
                                    char *endpoint);
/* Stops it. seen has room for FAKE_SEEN_MAX; may be NULL. Returns how many requests came in. */
size_t fake_server_destroy(struct fake_server **self_p, struct fake_seen *seen);

#endif
