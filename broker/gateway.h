/* The gateway: an HTTP(S) server in the node. Banks post what has happened to it, a collector of figures and a probe ask it.
 *
 *     POST /banks/NAME/event-notifications   application/jwt: an OBIE event notification, for rails that have callbacks of their own
 *     POST /banks/NAME/callbacks             application/json: the generic callback with an HMAC
 *     GET  /metrics                          what `teller metrics --text` says, asked of the node as a client does
 *     GET  /health                           200: all partitions serve; 503: they do not
 *
 * A callback is answered 202 when the bank actor says that it is kept, and not before: whoever got another answer, or none, posts it again.
 * It carries no news that is believed: it makes the adapter ask the bank (actors/bank/rail.h).
 *
 *     400 signature, time or form are not good    404 no such bank, or it has no such callbacks    405 411 413 415
 *     429 too many are on their way    503 it was not kept in time, or the node does not answer
 *
 * One thread has the server, the rails' instances and all connections; nobody waits in it. A connection whose answer is not there yet
 * is suspended. Each connection has one deadline at any time: by it the next request is there whole (which covers silence, slow handshakes,
 * heads and bodies, and idling), or the answer is there, or it has been taken. Else the connection is cut, or answered 503.
 *
 * Bounds: GATEWAY_CONNECTIONS_MAX connections, GATEWAY_CONNECTIONS_OF_ONE of one address, GATEWAY_BODY_MAX bytes of a body,
 * GATEWAY_HEAD_MAX of a head, CALLBACK_POSTS_MAX callbacks on their way.
 *
 * Life: the last to start and the first to end. It ends when its posts are back from the bank actor (callback_post.h), or after a moment.
 */
#ifndef TELLER_BROKER_GATEWAY_H
#define TELLER_BROKER_GATEWAY_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/bank/rail.h"

enum {
    GATEWAY_URL_MAX = 128,
    GATEWAY_WHY_MAX = 256,
    GATEWAY_CONNECTIONS_MAX = 512,
    GATEWAY_CONNECTIONS_OF_ONE = 128,
    GATEWAY_BODY_MAX = 32 * 1024,
    GATEWAY_HEAD_MAX = 32 * 1024,
    GATEWAY_REQUEST_MS = 10000, /* to send a request, or to take an answer */
    GATEWAY_ANSWER_MS = 5000,   /* to know the answer */
};

enum gateway_door { GATEWAY_EVENTS, GATEWAY_CALLBACKS };

/* Who can tell a good callback from a bad one: the configured banks (gateway_callbacks.h), or a test. Called by the gateway's thread. */
struct gateway_banks {
    void *context;
    /* false: there is no such bank, or it takes no such callbacks. */
    bool (*has)(void *context, const char *bank, enum gateway_door door);
    enum rail_post_result (*verify)(void *context, const char *bank, enum gateway_door door,
                                    const struct rail_post *post, int64_t now_us, struct rail_notice *out);
    void (*destroy)(void *context);
};

struct gateway_options {
    void *context;                 /* of all inproc sockets */
    const char *listen;            /* "HOST:PORT": an address, [address] or localhost; port 0: any free one */
    const char *certificate, *key; /* files, PEM; NULL: plain http, on loopback only */
    const char *endpoint;          /* of the node, to ask it about itself */
    struct gateway_banks
        banks; /* context NULL: there are none. Destroyed with the gateway, or when it cannot start */
    int64_t request_ms, answer_ms; /* 0: the defaults */
};

/* What can be said of the options before anything is begun. false: why says what is wrong. */
bool gateway_options_check(const struct gateway_options *options, char why[GATEWAY_WHY_MAX]);

/* Binds and starts; url receives "https://127.0.0.1:8443" or the like. NULL: why says why. */
zactor_t *gateway_new(const struct gateway_options *options, char url[GATEWAY_URL_MAX],
                      char why[GATEWAY_WHY_MAX]);

#endif
