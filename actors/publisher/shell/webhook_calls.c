#include "actors/publisher/shell/webhook_calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/publisher/shell/event_write.h"
#include "actors/publisher/shell/signature.h"

enum { HEADER_MAX = 128, STATUS_GONE = 410 };

/* One post under way, or refused and to be told. */
struct call {
    struct webhook_calls *calls;
    struct call *next; /* of the refused */
    uint64_t token;
    const char *why;
};

struct webhook_calls {
    struct publisher_http http;
    webhook_done *done;
    void *context;
    struct call *refused;
    struct mp_writer writer;
};

struct webhook_calls *webhook_calls_new(const struct publisher_http *http, webhook_done *done, void *context)
{
    struct webhook_calls *self = calloc(1, sizeof *self);
    if (self != NULL)
        *self = (struct webhook_calls){.http = *http, .done = done, .context = context};
    return self;
}

/* ---- outcomes ------------------------------------------------------------------------------------------------- */

static void tell(struct call *call, const struct webhook_outcome *outcome)
{
    call->calls->done(call->calls->context, outcome);
    free(call);
}

/* 2xx: taken. 410: no more. Anything else may be different next time. */
static void http_done(void *context, const struct publisher_http_outcome *http)
{
    struct call *call = context;
    char text[32];
    snprintf(text, sizeof text, "status %d", http->status);
    bool is_reply = http->status != 0;
    bool is_taken = http->status >= 200 && http->status < 300;
    tell(call, &(struct webhook_outcome){
                   .token = call->token,
                   .outcome = is_taken                      ? POSTED_TAKEN
                              : http->status == STATUS_GONE ? POSTED_STOP
                                                            : POSTED_FAILED,
                   .error = is_taken   ? NULL
                            : is_reply ? text
                                       : http->error,
                   .retry_after_ms = http->retry_after_ms,
               });
}

static void tell_refused(struct webhook_calls *self)
{
    while (self->refused != NULL) {
        struct call *call = self->refused;
        self->refused = call->next;
        tell(call,
             &(struct webhook_outcome){
                 .token = call->token, .outcome = POSTED_FAILED, .error = call->why, .retry_after_ms = -1});
    }
}

/* ---- posting -------------------------------------------------------------------------------------------------- */

static enum err start(struct webhook_calls *self, const struct publisher_post *post, int64_t now_s,
                      struct call *call)
{
    char signature[SIGNATURE_TEXT_MAX];
    char time[HEADER_MAX], signed_by[HEADER_MAX], event[HEADER_MAX], key[HEADER_MAX];
    const struct publisher_subscriber *subscriber = post->subscriber;
    if (!signature_write(subscriber->secret, subscriber->secret_length, now_s, self->writer.data,
                         self->writer.length, signature))
        return ERR_NO_MEMORY;
    snprintf(time, sizeof time, "Teller-Timestamp: %" PRId64, now_s);
    snprintf(signed_by, sizeof signed_by, "Teller-Signature: %s", signature);
    snprintf(event, sizeof event, "Teller-Event: %" PRIu32 ":%" PRIu64, post->partition, post->position);
    snprintf(key, sizeof key, "Idempotency-Key: %" PRIu32 ":%" PRIu64, post->partition, post->position);
    const char *const headers[] = {"Content-Type: application/json", time, signed_by, event, key, NULL};
    return self->http.start(self->http.context, subscriber->url, headers, self->writer.data,
                            self->writer.length, http_done, call);
}

static bool refuse(struct webhook_calls *self, struct call *call, const char *why)
{
    call->why = why;
    call->next = self->refused;
    self->refused = call;
    return true;
}

bool webhook_calls_post(struct webhook_calls *self, const struct publisher_post *post,
                        const struct event *event, int64_t now_s)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return false;
    call->calls = self;
    call->token = post->token;
    if (event == NULL)
        return refuse(self, call, "the event is not in the journal");
    if (self->http.context == NULL)
        return refuse(self, call, "this node has no way out");
    mp_writer_reset(&self->writer);
    event_write_json(&self->writer, event);
    enum err err = self->writer.failed ? ERR_NO_MEMORY : start(self, post, now_s, call);
    if (err == ERR_OK)
        return true;
    if (err == ERR_INVALID)
        return refuse(self, call, "the URL cannot be used (only https, unless the node allows http)");
    free(call);
    return false;
}

uint32_t webhook_calls_count(const struct webhook_calls *self)
{
    uint32_t count = self->http.context != NULL ? self->http.count(self->http.context) : 0;
    return count + (self->refused != NULL);
}

void webhook_calls_run(struct webhook_calls *self, int timeout_ms)
{
    bool was_refused = self->refused != NULL;
    tell_refused(self);
    if (self->http.context != NULL)
        self->http.run(self->http.context, was_refused ? 0 : timeout_ms);
}

void webhook_calls_destroy(struct webhook_calls **self_p)
{
    struct webhook_calls *self = *self_p;
    if (self == NULL)
        return;
    tell_refused(self);
    if (self->http.context != NULL)
        self->http.destroy(self->http.context);
    mp_writer_release(&self->writer);
    free(self);
    *self_p = NULL;
}
