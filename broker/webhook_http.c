#include "broker/webhook_http.h"

#include <stdlib.h>

#include "adapters/http/http_client.h"

enum { TIMEOUT_MS = 10000, REPLY_MAX = 64 * 1024, CALLS_MAX = 256, PER_HOST_MAX = 64 };

/* What a call needs to tell its outcome. */
struct call {
    publisher_http_done *done;
    void *context;
};

static void done(void *context, const struct http_outcome *outcome)
{
    struct call call = *(struct call *)context;
    free(context);
    bool is_reply = outcome->result == HTTP_REPLY;
    struct publisher_http_outcome told = {
        .status = is_reply ? (int)outcome->status : 0,
        .retry_after_ms = is_reply && outcome->retry_after_s >= 0 && outcome->retry_after_s <= INT32_MAX
                              ? outcome->retry_after_s * 1000
                              : -1,
        .error = is_reply ? NULL : outcome->error,
    };
    call.done(call.context, &told);
}

/* A post may arrive twice: it has its key, and whoever takes it is told so (docs/EVENTS.md). */
static enum err start(void *context, const char *url, const char *const *headers, const void *body,
                      size_t length, publisher_http_done *told, void *told_context)
{
    const struct http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = body,
        .length = length,
        .timeout_ms = TIMEOUT_MS,
        .reply_max = REPLY_MAX,
        .is_repeatable = true,
    };
    struct call *call = malloc(sizeof *call);
    if (call == NULL)
        return ERR_NO_MEMORY;
    *call = (struct call){told, told_context};
    enum err err = http_client_start(context, &request, done, call);
    if (err != ERR_OK)
        free(call);
    return err;
}

static void run(void *context, int timeout_ms)
{
    http_client_run(context, -1, timeout_ms);
}

static uint32_t count(void *context)
{
    return http_client_count(context);
}

static void destroy(void *context)
{
    struct http_client *client = context;
    http_client_destroy(&client);
}

struct publisher_http webhook_http_new(bool allows_http)
{
    struct http_client_options options = http_client_options_default();
    options.allows_http = allows_http;
    options.calls_max = CALLS_MAX;
    options.calls_per_host_max = PER_HOST_MAX;
    return (struct publisher_http){http_client_new(&options), start, run, count, destroy};
}
