#include "broker/bank_http.h"

#include <stdlib.h>

#include "adapters/http/http_client.h"

enum { CONNECT_TIMEOUT_MS = 3000, SPARE_CALLS = RAIL_TOKENS_MAX };

struct bank_http {
    struct http_client *client;
};

/* What a call needs to tell its outcome. */
struct call {
    uint64_t request;
    bank_port_done *done;
    void *context;
};

static enum rail_arrival arrival_of(enum http_result result)
{
    switch (result) {
    case HTTP_REPLY:
        return RAIL_ARRIVED;
    case HTTP_NOT_SENT:
    case HTTP_TLS:
        return RAIL_NOT_SENT;
    case HTTP_TIMEOUT:
    case HTTP_NO_ANSWER:
    case HTTP_TOO_LARGE:
    case HTTP_ABANDONED:
        break;
    }
    return RAIL_LOST;
}

static void done(void *context, const struct http_outcome *outcome)
{
    struct call call = *(struct call *)context;
    bool is_reply = outcome->result == HTTP_REPLY;
    free(context);
    const struct rail_reply reply = {
        .arrival = arrival_of(outcome->result),
        .status = is_reply ? outcome->status : 0,
        .body = is_reply ? outcome->body : "",
        .length = is_reply ? outcome->length : 0,
        .retry_after_s = is_reply ? outcome->retry_after_s : -1,
        .signature = is_reply ? outcome->header : NULL,
    };
    call.done(call.context, call.request, &reply);
}

static enum err start(void *context, const struct bank_request *request, bank_port_done *told,
                      void *told_context)
{
    struct bank_http *self = context;
    const struct rail_request *asked = &request->http;
    const char *headers[RAIL_HEADERS_MAX + 1] = {NULL};
    for (size_t i = 0; i < asked->header_count && i < RAIL_HEADERS_MAX; i++)
        headers[i] = asked->headers[i];
    const struct http_request http = {
        .method = asked->method,
        .url = asked->url,
        .headers = headers,
        .body = asked->body,
        .length = asked->length,
        .connect_timeout_ms =
            request->timeout_ms < CONNECT_TIMEOUT_MS ? request->timeout_ms : CONNECT_TIMEOUT_MS,
        .timeout_ms = request->timeout_ms,
        .reply_max = RAIL_REPLY_MAX,
        .is_repeatable = request->is_repeatable,
        .reply_header = "x-jws-signature",
    };
    struct call *call = malloc(sizeof *call);
    if (call == NULL)
        return ERR_NO_MEMORY;
    *call = (struct call){request->number, told, told_context};
    enum err err = http_client_start(self->client, &http, done, call);
    if (err != ERR_OK)
        free(call);
    return err;
}

static void run(void *context, int wake_fd, int timeout_ms)
{
    struct bank_http *self = context;
    http_client_run(self->client, wake_fd, timeout_ms);
}

static uint32_t count(void *context)
{
    struct bank_http *self = context;
    return http_client_count(self->client);
}

static void destroy(void *context)
{
    struct bank_http *self = context;
    http_client_destroy(&self->client);
    free(self);
}

uint32_t bank_http_connections(const struct banks_config *config)
{
    uint32_t connections = 0;
    for (uint32_t b = 0; b < config->count; b++)
        connections += config->banks[b].limits.parallel + SPARE_CALLS;
    return connections;
}

/* The core bounds the calls of each bank; two banks may be at one host. */
struct bank_port bank_http_new(const struct banks_config *config)
{
    struct http_client_options options = http_client_options_default();
    struct bank_http *self = calloc(1, sizeof *self);
    if (self == NULL)
        return (struct bank_port){.context = NULL};
    options.allows_http = config->allow_http;
    options.ca_file = config->ca_file[0] != '\0' ? config->ca_file : NULL;
    options.calls_max = bank_http_connections(config);
    options.calls_per_host_max = options.calls_max;
    options.kept_max = options.calls_max;
    self->client = http_client_new(&options);
    if (self->client == NULL) {
        free(self);
        return (struct bank_port){.context = NULL};
    }
    return (struct bank_port){self, start, run, count, destroy};
}
