/* A request goes through on_uri (its path as it came), on_request (head, pieces of the body, end) and on_end. One that waits is asked for again by
 * on_request when it is put back, with its reply ready. */
#include "sim/bank/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "sim/bank/poster.h"
#include "sim/bank/shared_bank.h"
#include "sim/bank/waiting.h"

enum {
    THREADS = 2,
    CONNECTIONS_MAX = 16384,
    IDLE_S = 120,
    BACKLOG = 1024,
    BODY_MAX = 1 << 20,
    HEADERS_MAX = 64,
    URL_MAX = 64,
};

struct bank_server {
    struct shared_bank shared;
    struct waiting *waiting;
    struct poster *poster;
    struct MHD_Daemon *daemon;
    enum bank_log log;
    uint16_t port;
    char url[URL_MAX];
};

enum stage { STAGE_NEW, STAGE_READING, STAGE_READY };

/* A request under way. */
struct asking {
    enum stage stage;
    char *path; /* with its query, as it came */
    char *body;
    size_t length, capacity;
    bool is_too_long;
    /* READY */
    struct MHD_Response *response;
    unsigned status;
    enum virtual_delivery delivery;
};

/* ---- replies ----------------------------------------------------------------------------------------- */

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    CHECK(response != NULL);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* The first half of a body that is said to be whole. */
struct cut {
    size_t length;
    char bytes[];
};

static ssize_t read_cut(void *context, uint64_t position, char *out, size_t room)
{
    const struct cut *cut = context;
    if (position >= cut->length)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t left = cut->length - (size_t)position, length = left < room ? left : room;
    memcpy(out, cut->bytes + position, length);
    return (ssize_t)length;
}

static struct MHD_Response *cut_response(const struct virtual_reply *reply)
{
    size_t half = reply->length / 2;
    struct cut *cut = malloc(sizeof *cut + half);
    CHECK(cut != NULL);
    cut->length = half;
    if (half > 0)
        memcpy(cut->bytes, reply->body, half);
    return MHD_create_response_from_callback(reply->length, half > 0 ? half : 1, read_cut, cut, free);
}

/* The bank's body is good until its next call only. */
static void make_response(struct asking *asking, const struct virtual_reply *reply)
{
    asking->status = (unsigned)reply->status;
    asking->delivery = reply->delivery;
    if (reply->delivery == VIRTUAL_SILENCE || reply->delivery == VIRTUAL_HANGUP)
        return;
    asking->response =
        reply->delivery == VIRTUAL_CUT
            ? cut_response(reply)
            : MHD_create_response_from_buffer(reply->length, reply->body, MHD_RESPMEM_MUST_COPY);
    CHECK(asking->response != NULL);
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(asking->response, reply->headers[i].name, reply->headers[i].value);
}

static enum MHD_Result send_reply(const struct asking *asking, struct MHD_Connection *connection)
{
    if (asking->response == NULL)
        return MHD_NO;
    return MHD_queue_response(connection, asking->status, asking->response);
}

/* ---- the log ----------------------------------------------------------------------------------------- */

static void say(const struct bank_server *self, int64_t now_us, const struct virtual_request *request,
                const struct virtual_reply *reply)
{
    static const char *const deliveries[] = {
        [VIRTUAL_ANSWER] = "answer",
        [VIRTUAL_SILENCE] = "silence",
        [VIRTUAL_HANGUP] = "hangup",
        [VIRTUAL_CUT] = "cut",
    };
    if (self->log == BANK_LOG_NONE || (reply->rule == NULL && reply->status < 400))
        return;
    json_t *line = json_pack("{s:I, s:s, s:s, s:i, s:s, s:s?}", "time_us", (json_int_t)now_us, "method",
                             request->method, "path", request->path, "status", reply->status, "delivery",
                             deliveries[reply->delivery], "rule", reply->rule);
    char *json = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    if (json != NULL && self->log == BANK_LOG_JSON)
        fprintf(stderr, "%s\n", json);
    else if (json != NULL)
        fprintf(stderr, "teller bank: %s %s: %s, status %d, %s\n", request->method, request->path,
                reply->rule != NULL ? reply->rule : "refused", reply->status, deliveries[reply->delivery]);
    free(json);
    json_decref(line);
}

/* ---- requests ---------------------------------------------------------------------------------------- */

struct header_list {
    struct virtual_header headers[HEADERS_MAX];
    size_t count;
};

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct header_list *list = context;
    (void)kind;
    if (list->count < HEADERS_MAX)
        list->headers[list->count++] = (struct virtual_header){name, value != NULL ? value : ""};
    return MHD_YES;
}

/* Returns how long the reply waits. */
static int64_t work(struct bank_server *self, struct MHD_Connection *connection, const char *method,
                    struct asking *asking)
{
    struct header_list list = {.count = 0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &list);
    const struct virtual_request request = {.method = method,
                                            .path = asking->path,
                                            .headers = list.headers,
                                            .header_count = list.count,
                                            .body = asking->body != NULL ? asking->body : "",
                                            .length = asking->length};
    struct virtual_reply reply = {0};
    int64_t now_us = shared_bank_enter(&self->shared);
    virtual_bank_handle(self->shared.bank, now_us, &request, &reply);
    make_response(asking, &reply);
    poster_look(self->poster);
    shared_bank_leave(&self->shared);
    asking->stage = STAGE_READY;
    say(self, now_us, &request, &reply);
    return reply.delivery == VIRTUAL_SILENCE ? INT64_MAX : reply.delay_us;
}

/* Pieces of a body, and a NUL behind them. */
static void take(struct asking *self, const char *data, size_t length)
{
    self->is_too_long = self->is_too_long || self->length + length > BODY_MAX;
    if (self->is_too_long)
        return;
    if (self->length + length + 1 > self->capacity) {
        self->capacity = 2 * (self->length + length + 1);
        self->body = realloc(self->body, self->capacity);
        CHECK(self->body != NULL);
    }
    memcpy(self->body + self->length, data, length);
    self->length += length;
    self->body[self->length] = '\0';
}

struct framing {
    unsigned lengths, encodings;
};

static enum MHD_Result count_framing(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct framing *framing = context;
    (void)kind;
    (void)value;
    framing->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    framing->encodings += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/* Two lengths of a body, or a length and chunks: where the next request begins is anybody's guess. */
static enum MHD_Result begin(struct MHD_Connection *connection, struct asking *asking)
{
    struct framing framing = {0};
    asking->stage = STAGE_READING;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, count_framing, &framing);
    if (framing.lengths + framing.encodings > 1)
        return refuse(connection, MHD_HTTP_BAD_REQUEST);
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != NULL && strtoull(length, NULL, 10) > BODY_MAX)
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE);
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *length,
                                  void **state)
{
    struct bank_server *self = context;
    struct asking *asking = *state;
    (void)url;
    (void)version;
    if (asking->stage == STAGE_NEW)
        return begin(connection, asking);
    if (asking->stage == STAGE_READY)
        return send_reply(asking, connection);
    if (*length > 0) {
        take(asking, data, *length);
        *length = 0;
        return MHD_YES;
    }
    if (asking->is_too_long)
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE);
    int64_t delay_us = work(self, connection, method, asking);
    if (delay_us > 0)
        return waiting_suspend(self->waiting, connection, delay_us) ? MHD_YES : MHD_NO;
    return send_reply(asking, connection);
}

static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct asking *asking = calloc(1, sizeof *asking);
    (void)context;
    (void)connection;
    CHECK(asking != NULL);
    asking->path = strdup(uri);
    CHECK(asking->path != NULL);
    return asking;
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    struct asking *asking = *state;
    (void)context;
    (void)connection;
    (void)why;
    if (asking == NULL)
        return;
    if (asking->response != NULL)
        MHD_destroy_response(asking->response);
    free(asking->path);
    free(asking->body);
    free(asking);
    *state = NULL;
}

/* ---- life -------------------------------------------------------------------------------------------- */

/* -1: errno tells. */
static int listen_on(uint16_t port, uint16_t *out)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
        *out = ntohs(address.sin_port);
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Takes the socket once it has started. */
static struct MHD_Daemon *start(struct bank_server *self, const struct bank_server_options *options, int fd)
{
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    bool has_tls = options->certificate != NULL;
    return MHD_start_daemon(flags | (has_tls ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, self,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
                            MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_end,
                            NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_ARRAY,
                            has_tls ? tls : none, MHD_OPTION_END);
}

static struct virtual_bank *make_bank(const struct bank_server *self,
                                      const struct bank_server_options *options, char why[160])
{
    struct virtual_bank_options bank_options = options->bank;
    bank_options.base_url = self->url;
    struct virtual_bank *bank = virtual_bank_new(&bank_options);
    if (bank == NULL) {
        snprintf(why, 160, "--signing-key or --client-key cannot be read");
        return NULL;
    }
    if (options->rules != NULL &&
        virtual_bank_rules(bank, options->rules, strlen(options->rules), why) != ERR_OK)
        virtual_bank_destroy(&bank);
    return bank;
}

struct bank_server *bank_server_new(const struct bank_server_options *options, char why[160])
{
    struct bank_server *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->log = options->log;
    int fd = listen_on(options->port, &self->port);
    if (fd < 0) {
        snprintf(why, 160, "it cannot listen: %.100s", strerror(errno));
        free(self);
        return NULL;
    }
    snprintf(self->url, sizeof self->url, "%s://127.0.0.1:%u",
             options->certificate != NULL ? "https" : "http", self->port);
    struct virtual_bank *bank = make_bank(self, options, why);
    if (bank == NULL) {
        close(fd);
        free(self);
        return NULL;
    }
    shared_bank_init(&self->shared, bank);
    self->waiting = waiting_new();
    self->poster = poster_new(&self->shared, options->ca_file);
    CHECK(self->poster != NULL);
    self->daemon = start(self, options, fd);
    if (self->daemon == NULL) {
        snprintf(why, 160, "--certificate and --key cannot be served with");
        close(fd);
        bank_server_destroy(&self);
    }
    return self;
}

void bank_server_destroy(struct bank_server **self_p)
{
    struct bank_server *self = *self_p;
    waiting_stop(self->waiting);
    if (self->daemon != NULL)
        MHD_stop_daemon(self->daemon);
    waiting_destroy(&self->waiting);
    poster_destroy(&self->poster);
    shared_bank_release(&self->shared);
    free(self);
    *self_p = NULL;
}

uint16_t bank_server_port(const struct bank_server *self)
{
    return self->port;
}

const char *bank_server_url(const struct bank_server *self)
{
    return self->url;
}
