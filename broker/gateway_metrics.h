/* Inside the gateway: what the node says about itself, asked over its own endpoint as any client asks. */
#ifndef TELLER_BROKER_GATEWAY_METRICS_H
#define TELLER_BROKER_GATEWAY_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "actors/base/str.h"
#include "broker/wire/msgpack.h"

struct gateway_metrics {
    void *socket; /* to wait on */
    struct mp_writer writer;
    zmq_msg_t reply;
    uint64_t last; /* number of the last question */
};

/* What was asked, by its number. */
struct gateway_news {
    uint64_t number;
    bool is_good;    /* health: all partitions serve; metrics: there is a text */
    struct str text; /* of metrics; valid until the next call */
};

/* false: no memory, or no such endpoint. Release it either way. */
bool gateway_metrics_init(struct gateway_metrics *self, void *context, const char *endpoint);
void gateway_metrics_release(struct gateway_metrics *self);

/* The number of the question; 0: the node does not take it now. */
uint64_t gateway_metrics_ask(struct gateway_metrics *self, bool is_health);

/* The next answer; false: there is none yet. */
bool gateway_metrics_next(struct gateway_metrics *self, struct gateway_news *out);

#endif
