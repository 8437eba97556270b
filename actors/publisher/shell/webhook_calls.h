/* Posts to webhooks: an event as JSON, signed, over the HTTP that the publisher was given. */
#ifndef TELLER_PUBLISHER_WEBHOOK_CALLS_H
#define TELLER_PUBLISHER_WEBHOOK_CALLS_H

#include "actors/publisher/event.h"
#include "actors/publisher/publisher.h"
#include "actors/publisher/shell/publisher_actor.h"
#include "broker/wire/msgpack.h"

struct webhook_outcome {
    uint64_t token;
    enum publisher_outcome outcome;
    const char *error; /* in words; valid during the call */
    int64_t retry_after_ms;
};
typedef void webhook_done(void *context, const struct webhook_outcome *outcome);

struct webhook_calls;

/* done is called from webhook_calls_run and _destroy only. NULL: no memory. */
struct webhook_calls *webhook_calls_new(const struct publisher_http *http, webhook_done *done, void *context);
/* Destroys the http too. */
void webhook_calls_destroy(struct webhook_calls **self_p);

/* event NULL: it cannot be read; that is told as a failure. false: not now; done is not called. */
bool webhook_calls_post(struct webhook_calls *self, const struct publisher_post *post,
                        const struct event *event, int64_t now_s);

uint32_t webhook_calls_count(const struct webhook_calls *self);
/* Waits for outcomes, at most so long, and tells them. */
void webhook_calls_run(struct webhook_calls *self, int timeout_ms);

#endif
