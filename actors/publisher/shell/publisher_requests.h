/* Operations on subscribers and dead letters: decode, ask the core, encode the answer. */
#ifndef TELLER_PUBLISHER_REQUESTS_H
#define TELLER_PUBLISHER_REQUESTS_H

#include "actors/publisher/publisher.h"
#include "broker/wire/request.h"

struct publisher_requests {
    struct publisher *publisher;
    uint32_t partitions;
    struct mp_writer writer;
    void *context;
    /* Where a new subscriber that wants no past begins. false: the journals are not all open yet. */
    bool (*ends)(void *context, struct publisher_cursors *out);
    /* What an operator has done, for the log. */
    void (*say)(void *context, const char *text);
};

/* Works one request: its reply is set. */
void publisher_request_work(struct publisher_requests *self, struct request *request,
                            struct publisher_now now);

#endif
