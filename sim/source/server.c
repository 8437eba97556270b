/* The server, on libmicrohttpd. A thread that waits (no answer, a pause) also watches stop_fd, so that the end is prompt. */
#include "sim/source/server.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "actors/base/check.h"

#define ECB_PATH "/stats/eurofxref/"
#define KOREAEXIM_PATH "/site/program/financial/exchangeJSON"

enum {
    LOG_MAX = 10000,
    UPLOAD_MAX = 1 << 20,
    CONNECTIONS_MAX = 256,
    SLOW_BYTES = 64,
    GARBAGE_BYTES = 997,
    FIELD_MAX = 128
};

struct entry {
    char path[FIELD_MAX], query[FIELD_MAX];
    enum rule_action action;
};

struct source_server {
    const struct documents *documents;
    struct rules *rules;
    struct MHD_Daemon *daemon;
    int stop_fd;
    pthread_mutex_t lock; /* of what follows */
    int32_t today;
    uint64_t count; /* of requests; the log has the last LOG_MAX */
    struct entry log[LOG_MAX];
};

/* What was sent to /admin. */
struct upload {
    char *data;
    size_t length;
    bool is_too_long;
};

/* A body that leaves bit by bit, or ends early. */
struct stream {
    struct source_server *server;
    struct rule rule;
    char *data;
    size_t length, end; /* end: where the connection breaks */
};

/* ---- answers ----------------------------------------------------------------------------------------- */

/* Takes the response. */
static enum MHD_Result queue(struct MHD_Connection *connection, uint32_t status, const char *type,
                             struct MHD_Response *response)
{
    CHECK(response != NULL);
    if (type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Takes the text. */
static enum MHD_Result answer(struct MHD_Connection *connection, uint32_t status, const char *type,
                              char *text, size_t length)
{
    return queue(connection, status, type,
                 MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result answer_empty(struct MHD_Connection *connection, uint32_t status)
{
    return queue(connection, status, NULL, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_json(struct MHD_Connection *connection, uint32_t status, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    json_decref(value);
    CHECK(text != NULL);
    return answer(connection, status, "application/json", text, strlen(text));
}

static enum MHD_Result answer_error(struct MHD_Connection *connection, uint32_t status, const char *why)
{
    return answer_json(connection, status, json_pack("{s:s}", "error", why));
}

/* ---- answers that go wrong --------------------------------------------------------------------------- */

static bool is_stopped_within(struct source_server *self, int timeout_ms)
{
    struct pollfd stop = {.fd = self->stop_fd, .events = POLLIN};
    return poll(&stop, 1, timeout_ms) != 0;
}

/* Until the client goes or the server ends. */
static enum MHD_Result never_answer(struct source_server *self, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd ends[] = {{.fd = info->connect_fd, .events = POLLRDHUP},
                            {.fd = self->stop_fd, .events = POLLIN}};
    while (poll(ends, 2, -1) < 0)
        ;
    return MHD_NO;
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t room)
{
    struct stream *self = context;
    size_t length = self->end - (size_t)position;
    if (position >= self->end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (self->rule.action == RULE_SLOW) {
        size_t piece = self->rule.bytes > 0 ? self->rule.bytes : SLOW_BYTES;
        if (position > 0 && is_stopped_within(self->server, (int)self->rule.pause_ms))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        length = length < piece ? length : piece;
    }
    length = length < room ? length : room;
    memcpy(out, self->data + position, length);
    return (ssize_t)length;
}

static void free_stream(void *context)
{
    struct stream *self = context;
    free(self->data);
    free(self);
}

static enum MHD_Result answer_stream(struct source_server *server, struct MHD_Connection *connection,
                                     const struct rule *rule, const char *type, char *data, size_t length)
{
    struct stream *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    *self = (struct stream){.server = server, .rule = *rule, .data = data, .length = length, .end = length};
    if (rule->action == RULE_CUT)
        self->end = rule->bytes > 0 && rule->bytes < length ? rule->bytes : length / 2;
    return queue(connection, 200, type,
                 MHD_create_response_from_callback(length, 4096, read_stream, self, free_stream));
}

static enum MHD_Result answer_status(struct MHD_Connection *connection, const struct rule *rule)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)rule->retry_after_s);
    if (rule->retry_after_s >= 0)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    return queue(connection, rule->status, NULL, response);
}

static enum MHD_Result answer_redirect(struct MHD_Connection *connection, const char *path)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    char where[FIELD_MAX + 16];
    snprintf(where, sizeof where, "%.*s?followed", FIELD_MAX, path);
    MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, where);
    return queue(connection, 302, NULL, response);
}

static enum MHD_Result answer_garbage(struct MHD_Connection *connection)
{
    char *data = malloc(GARBAGE_BYTES);
    CHECK(data != NULL);
    for (uint32_t i = 0; i < GARBAGE_BYTES; i++)
        data[i] = (char)(i * i * 31 + 7);
    return answer(connection, 200, "application/octet-stream", data, GARBAGE_BYTES);
}

/* The document with spaces behind it. Takes the text. */
static enum MHD_Result answer_long(struct MHD_Connection *connection, const struct rule *rule,
                                   const char *type, char *text, size_t length)
{
    size_t whole = rule->bytes > length ? rule->bytes : length;
    char *longer = realloc(text, whole);
    CHECK(longer != NULL);
    memset(longer + length, ' ', whole - length);
    return answer(connection, 200, type, longer, whole);
}

/* Serves a document the way the rule wants it. Takes the text. */
static enum MHD_Result answer_document(struct source_server *self, struct MHD_Connection *connection,
                                       const struct rule *rule, const char *type, char *text, size_t length)
{
    if (rule->action == RULE_SLOW || rule->action == RULE_CUT)
        return answer_stream(self, connection, rule, type, text, length);
    if (rule->action == RULE_LONG)
        return answer_long(connection, rule, type, text, length);
    return answer(connection, 200, type, text, length);
}

/* ---- documents --------------------------------------------------------------------------------------- */

static int32_t today_of(struct source_server *self)
{
    pthread_mutex_lock(&self->lock);
    int32_t today = self->today;
    pthread_mutex_unlock(&self->lock);
    return today >= 0 ? today : documents_newest_day(self->documents);
}

static char *copy(const char *data, size_t length)
{
    char *text = malloc(length > 0 ? length : 1);
    CHECK(text != NULL);
    memcpy(text, data, length);
    return text;
}

/* The bank's own file, where it is what would be served anyway. */
static bool is_own_daily(struct source_server *self, const struct rule *rule)
{
    pthread_mutex_lock(&self->lock);
    bool is_set = self->today >= 0;
    pthread_mutex_unlock(&self->lock);
    return self->documents->daily != NULL && !is_set && rule->action < RULE_DOCTYPE;
}

static enum MHD_Result serve_ecb(struct source_server *self, struct MHD_Connection *connection,
                                 const char *name, const struct rule *rule)
{
    const struct documents *documents = self->documents;
    static const struct {
        const char *name;
        int32_t days;
    } files[] = {{"eurofxref-daily.xml", 0},
                 {"eurofxref-hist-90d.xml", DAYS_OF_90},
                 {"eurofxref-hist.xml", INT32_MAX}};
    size_t length = documents->daily_length;
    if (strcmp(name, "eurofxref-hist.csv") == 0)
        return answer_document(self, connection, rule, "text/csv",
                               copy(documents->csv, documents->csv_length), documents->csv_length);
    if (strcmp(name, "eurofxref-daily.xml") == 0 && is_own_daily(self, rule))
        return answer_document(self, connection, rule, "text/xml", copy(documents->daily, length), length);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(name, files[i].name) == 0) {
            char *text = document_ecb(documents, today_of(self), files[i].days, rule, &length);
            return answer_document(self, connection, rule, "text/xml", text, length);
        }
    }
    return answer_empty(connection, 404);
}

/* "20261120"; -1: no day. */
static int32_t read_searchdate(const char *text)
{
    char dashed[16];
    int32_t date;
    if (text == NULL || strlen(text) != 8)
        return -1;
    snprintf(dashed, sizeof dashed, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
    return rate_date_parse(str_from(dashed), &date) ? date : -1;
}

/* What the bank's rules are: a key, and AP01. */
static enum MHD_Result serve_koreaexim(struct source_server *self, struct MHD_Connection *connection,
                                       const struct rule *rule)
{
    const char *key = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "authkey");
    const char *data = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "data");
    int32_t date =
        read_searchdate(MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "searchdate"));
    struct rule own = *rule;
    size_t length;
    if (own.action == RULE_NONE &&
        (key == NULL || *key == '\0' || data == NULL || strcmp(data, "AP01") != 0)) {
        own.action = RULE_RESULT;
        own.result = key == NULL || *key == '\0' ? 3 : 2;
    }
    char *text = document_koreaexim(self->documents, today_of(self), date, &own, &length);
    return answer_document(self, connection, rule, "application/json", text, length);
}

static enum MHD_Result serve(struct source_server *self, struct MHD_Connection *connection, const char *path,
                             const struct rule *rule)
{
    switch ((int)rule->action) {
    case RULE_TIMEOUT:
        return never_answer(self, connection);
    case RULE_STATUS:
        return answer_status(connection, rule);
    case RULE_REDIRECT:
        return answer_redirect(connection, path);
    case RULE_EMPTY:
        return answer_empty(connection, 200);
    case RULE_GARBAGE:
        return answer_garbage(connection);
    default:
        break;
    }
    if (strncmp(path, ECB_PATH, sizeof ECB_PATH - 1) == 0)
        return serve_ecb(self, connection, path + sizeof ECB_PATH - 1, rule);
    if (strcmp(path, KOREAEXIM_PATH) == 0)
        return serve_koreaexim(self, connection, rule);
    return answer_empty(connection, 404);
}

/* ---- the log ----------------------------------------------------------------------------------------- */

static enum MHD_Result add_argument(void *context, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    char *query = context;
    size_t length = strlen(query);
    (void)kind;
    snprintf(query + length, FIELD_MAX - length, "%s%s=%s", length > 0 ? "&" : "", key,
             value != NULL ? value : "");
    return MHD_YES;
}

/* Noted before the answer leaves, so that whoever has the answer finds it in the log. */
static void note(struct source_server *self, struct MHD_Connection *connection, const char *path,
                 const struct rule *rule)
{
    pthread_mutex_lock(&self->lock);
    struct entry *entry = &self->log[self->count++ % LOG_MAX];
    *entry = (struct entry){.action = rule->action};
    snprintf(entry->path, sizeof entry->path, "%s", path);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, entry->query);
    pthread_mutex_unlock(&self->lock);
}

static json_t *log_as_json(struct source_server *self)
{
    json_t *requests = json_array();
    pthread_mutex_lock(&self->lock);
    uint64_t first = self->count > LOG_MAX ? self->count - LOG_MAX : 0;
    for (uint64_t i = first; i < self->count; i++) {
        const struct entry *entry = &self->log[i % LOG_MAX];
        json_array_append_new(requests, json_pack("{s:I, s:s, s:s, s:s?}", "number", (json_int_t)i + 1,
                                                  "path", entry->path, "query", entry->query, "did",
                                                  rule_action_name(entry->action)));
    }
    uint64_t count = self->count;
    pthread_mutex_unlock(&self->lock);
    return json_pack("{s:I, s:o}", "count", (json_int_t)count, "requests", requests);
}

/* ---- administration ---------------------------------------------------------------------------------- */

static enum MHD_Result set_rules(struct source_server *self, struct MHD_Connection *connection,
                                 const struct upload *upload)
{
    char why[160];
    if (rules_set(self->rules, upload->data != NULL ? upload->data : "", upload->length, why) != ERR_OK)
        return answer_error(connection, 400, why);
    return answer_json(connection, 200, json_object());
}

/* {"today": "2026-04-10"}, or null: the newest day there is. */
static enum MHD_Result set_day(struct source_server *self, struct MHD_Connection *connection,
                               const struct upload *upload)
{
    json_error_t error;
    json_t *value =
        json_loadb(upload->data != NULL ? upload->data : "", upload->length, JSON_REJECT_DUPLICATES, &error);
    const json_t *today = json_object_get(value, "today");
    int32_t date = -1;
    bool good = json_is_null(today) ||
                (json_is_string(today) && rate_date_parse(str_from(json_string_value(today)), &date));
    json_decref(value);
    if (!good)
        return answer_error(connection, 400, "today is not a date");
    pthread_mutex_lock(&self->lock);
    self->today = date;
    pthread_mutex_unlock(&self->lock);
    return answer_json(connection, 200, json_object());
}

static enum MHD_Result administer(struct source_server *self, struct MHD_Connection *connection,
                                  const char *method, const char *path, const struct upload *upload)
{
    bool is_post = strcmp(method, "POST") == 0;
    if (upload->is_too_long)
        return answer_error(connection, 413, "too long");
    if (is_post && strcmp(path, "/admin/rules") == 0)
        return set_rules(self, connection, upload);
    if (is_post && strcmp(path, "/admin/day") == 0)
        return set_day(self, connection, upload);
    if (!is_post && strcmp(path, "/admin/log") == 0)
        return answer_json(connection, 200, log_as_json(self));
    return answer_error(connection, 404, "there is no such thing");
}

/* ---- requests ---------------------------------------------------------------------------------------- */

static void take_upload(struct upload *self, const char *data, size_t length)
{
    char *longer = self->is_too_long || self->length + length > UPLOAD_MAX
                       ? NULL
                       : realloc(self->data, self->length + length);
    self->is_too_long = longer == NULL;
    if (longer == NULL)
        return;
    memcpy(longer + self->length, data, length);
    self->data = longer;
    self->length += length;
}

/* Called first with the head, then with each piece of the body, then with none. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *length,
                                  void **state)
{
    struct source_server *self = context;
    struct upload *upload = *state;
    (void)version;
    if (upload == NULL) {
        *state = calloc(1, sizeof *upload);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*length > 0) {
        take_upload(upload, data, *length);
        *length = 0;
        return MHD_YES;
    }
    if (strncmp(path, "/admin/", 7) == 0)
        return administer(self, connection, method, path, upload);
    if (strcmp(method, "GET") != 0)
        return answer_empty(connection, 405);
    struct rule rule = rules_match(self->rules, path);
    note(self, connection, path, &rule);
    return serve(self, connection, path, &rule);
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    struct upload *upload = *state;
    (void)context;
    (void)connection;
    (void)why;
    if (upload != NULL)
        free(upload->data);
    free(upload);
    *state = NULL;
}

/* ---- life -------------------------------------------------------------------------------------------- */

struct source_server *source_server_new(const struct source_server_options *options,
                                        const struct documents *documents, struct rules *rules)
{
    struct source_server *self = calloc(1, sizeof *self);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(options->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    CHECK(self != NULL);
    self->documents = documents;
    self->rules = rules;
    self->today = options->today;
    self->stop_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(self->stop_fd >= 0);
    pthread_mutex_init(&self->lock, NULL);
    bool has_tls = options->certificate != NULL;
    self->daemon = MHD_start_daemon(
        flags | (has_tls ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, self, MHD_OPTION_SOCK_ADDR,
        (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_ARRAY, has_tls ? tls : none, MHD_OPTION_END);
    if (self->daemon == NULL)
        source_server_destroy(&self);
    return self;
}

void source_server_destroy(struct source_server **self_p)
{
    struct source_server *self = *self_p;
    CHECK(eventfd_write(self->stop_fd, 1) == 0);
    if (self->daemon != NULL)
        MHD_stop_daemon(self->daemon);
    close(self->stop_fd);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

uint16_t source_server_port(const struct source_server *self)
{
    return MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}
