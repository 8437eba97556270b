/* Sets rates at the desk, as any client does: one rate.set at a time to all partitions, over the node's own endpoint. */
#ifndef TELLER_RATEFEED_DESK_CLIENT_H
#define TELLER_RATEFEED_DESK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ratefeed/ratefeed.h"
#include "broker/wire/msgpack.h"

enum { DESK_WAIT_MS = 5000 };

struct desk_client {
    void *socket;
    uint64_t request_id; /* of the last order */
    bool is_open;        /* it has no answer yet */
    int64_t until_ms;
    struct ratefeed_order order;
    struct mp_writer writer;
};

/* false: the endpoint cannot be one. */
bool desk_client_init(struct desk_client *self, void *context, const char *endpoint);
void desk_client_release(struct desk_client *self);

/* Nothing is open. */
void desk_client_send(struct desk_client *self, const struct ratefeed_order *order, const char *source,
                      int64_t mono_ms);

enum desk_outcome { DESK_NO_OUTCOME, DESK_SET, DESK_REFUSED, DESK_NO_ANSWER };

/* What has become of the open order. Does not wait. *code is set with DESK_REFUSED. */
enum desk_outcome desk_client_take(struct desk_client *self, int64_t mono_ms, enum code *code);

#endif
