#include "broker/feed_http.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/http/http_client.h"
#include "adapters/rates/ecb.h"
#include "adapters/rates/ecb_csv.h"
#include "adapters/rates/koreaexim.h"
#include "broker/rate_rows.h"

enum {
    TIMEOUT_MS = 15000,
    HISTORY_TIMEOUT_MS = 60000,
    URL_MAX = FEED_URL_MAX + FEED_KEY_MAX + 64,
    REPLY_MAX = 1 << 20,
    STATUS_OK = 200,
};

struct feed_http {
    struct http_client *client;
    struct feed_config *config;
};

/* What a call needs to tell its outcome. */
struct call {
    struct feed_http *feed;
    uint32_t source;
    int32_t date;
    int64_t now_us;
    ratefeed_sheet_done *done;
    void *context;
};

static void tell_error(const struct call *call, const char *error, int64_t retry_after_s)
{
    const struct ratefeed_sheet sheet = {.error = error, .retry_after_s = retry_after_s};
    call->done(call->context, call->source, &sheet);
}

static enum err read_sheet(const struct call *call, const struct http_outcome *outcome,
                           struct rate_sheet *out, const char **why)
{
    switch (call->feed->config->origins[call->source].kind) {
    case FEED_ECB:
    case FEED_ECB_HISTORY:
        if (outcome->length > 0 && outcome->body[0] == 'D') /* "Date,USD,…" */
            return ecb_csv_read(outcome->body, outcome->length, out, why);
        return ecb_read(outcome->body, outcome->length, out, why);
    case FEED_KOREAEXIM:
        return koreaexim_read(outcome->body, outcome->length, call->date, out, why);
    }
    *why = "a kind that is not known";
    return ERR_INVALID;
}

static void tell_sheet(const struct call *call, const struct http_outcome *outcome)
{
    struct rate_sheet sheet;
    const char *why = NULL;
    enum err err = read_sheet(call, outcome, &sheet, &why);
    if (err != ERR_OK) {
        tell_error(call, why != NULL ? why : err_text(err), -1);
        return;
    }
    struct published_rate *rows = rate_rows_new(&sheet, call->now_us);
    const struct ratefeed_sheet told = {.rows = rows, .count = sheet.count, .retry_after_s = -1};
    rate_sheet_release(&sheet);
    if (rows == NULL)
        tell_error(call, "no memory", -1);
    else
        call->done(call->context, call->source, &told);
    free(rows);
}

static void done(void *context, const struct http_outcome *outcome)
{
    struct call call = *(struct call *)context;
    char text[32];
    free(context);
    if (outcome->result != HTTP_REPLY) {
        tell_error(&call, outcome->error, -1);
    } else if (outcome->status != STATUS_OK) {
        snprintf(text, sizeof text, "HTTP status %ld", outcome->status);
        tell_error(&call, text, outcome->retry_after_s);
    } else {
        tell_sheet(&call, outcome);
    }
}

static void write_url(const struct feed_origin *origin, int32_t date, char url[URL_MAX])
{
    if (origin->kind == FEED_KOREAEXIM)
        snprintf(url, URL_MAX, "%s?authkey=%s&searchdate=%u&data=AP01", origin->url, origin->key,
                 (unsigned)rate_date_number(date));
    else
        snprintf(url, URL_MAX, "%s", origin->url);
}

static enum err start(void *context, uint32_t source, int32_t date, int64_t now_us, ratefeed_sheet_done *told,
                      void *told_context)
{
    struct feed_http *self = context;
    const struct feed_origin *origin = &self->config->origins[source];
    bool is_history = origin->kind == FEED_ECB_HISTORY;
    char url[URL_MAX];
    const struct http_request request = {
        .method = "GET",
        .url = url,
        .timeout_ms = is_history ? HISTORY_TIMEOUT_MS : TIMEOUT_MS,
        .reply_max = is_history ? RATE_SHEET_BYTES_MAX : REPLY_MAX,
    };
    struct call *call = malloc(sizeof *call);
    if (call == NULL)
        return ERR_NO_MEMORY;
    *call = (struct call){self, source, date, now_us, told, told_context};
    write_url(origin, date, url);
    enum err err = http_client_start(self->client, &request, done, call);
    explicit_bzero(url, sizeof url);
    if (err != ERR_OK)
        free(call);
    return err;
}

static void run(void *context, int timeout_ms)
{
    struct feed_http *self = context;
    http_client_run(self->client, -1, timeout_ms);
}

static uint32_t count(void *context)
{
    struct feed_http *self = context;
    return http_client_count(self->client);
}

static void destroy(void *context)
{
    struct feed_http *self = context;
    http_client_destroy(&self->client);
    feed_config_destroy(&self->config);
    free(self);
}

struct ratefeed_port feed_http_new(struct feed_config *config)
{
    struct http_client_options options = http_client_options_default();
    struct feed_http *self = calloc(1, sizeof *self);
    if (self == NULL) {
        feed_config_destroy(&config);
        return (struct ratefeed_port){.context = NULL};
    }
    options.allows_http = config->allow_http;
    options.ca_file = config->ca_file[0] != '\0' ? config->ca_file : NULL;
    options.calls_max = RATEFEED_SOURCES_MAX;
    self->config = config;
    self->client = http_client_new(&options);
    if (self->client == NULL) {
        feed_config_destroy(&self->config);
        free(self);
        return (struct ratefeed_port){.context = NULL};
    }
    return (struct ratefeed_port){self, start, run, count, destroy};
}
