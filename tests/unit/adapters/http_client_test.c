/* The HTTP client against a server that does what servers should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/http/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/adapters/hostile_server.h"

enum { SHORT_MS = 40, LONG_MS = 30000, SEEN_MAX = 65536 };

/* What `done` was told, and how often. */
struct seen {
    uint32_t count;
    enum http_result result;
    long status;
    size_t length;
    int64_t retry_after_s;
    bool has_error;
    uint32_t order;
    char header[64]; /* "-": none */
    char body[SEEN_MAX];
};

static uint32_t told;

static void done(void *context, const struct http_outcome *outcome)
{
    struct seen *seen = context;
    seen->count++;
    seen->result = outcome->result;
    seen->status = outcome->status;
    seen->length = outcome->length;
    seen->retry_after_s = outcome->retry_after_s;
    seen->has_error = outcome->error != NULL;
    seen->order = told++;
    snprintf(seen->header, sizeof seen->header, "%s", outcome->header != NULL ? outcome->header : "-");
    if (outcome->result == HTTP_REPLY) {
        assert_int_equal(outcome->body[outcome->length], 0);
        snprintf(seen->body, sizeof seen->body, "%s", outcome->body);
    }
}

/* A server, a client, and a place for outcomes. */
struct world {
    struct hostile_server *server;
    struct http_client *client;
    char url[256];
    struct seen seen[8];
};

static struct world *world_with(enum hostile_tls tls, struct http_client_options options)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->server = hostile_server_new(tls);
    self->client = http_client_new(&options);
    assert_non_null(self->client);
    told = 0;
    return self;
}

static struct world *world_new(void)
{
    struct http_client_options options = http_client_options_default();
    options.allows_http = true;
    return world_with(HOSTILE_PLAIN, options);
}

static void world_end(struct world *self)
{
    http_client_destroy(&self->client);
    hostile_server_destroy(&self->server);
    free(self);
}

static const char *url(struct world *self, const char *path)
{
    bool is_tls = hostile_server_certificate(self->server) != NULL;
    snprintf(self->url, sizeof self->url, "%s://127.0.0.1:%u%s", is_tls ? "https" : "http",
             hostile_server_port(self->server), path);
    return self->url;
}

static enum err start(struct world *self, struct http_request request, const char *path, struct seen *seen)
{
    request.url = url(self, path);
    if (request.method == NULL)
        request.method = "GET";
    if (request.timeout_ms == 0)
        request.timeout_ms = LONG_MS;
    return http_client_start(self->client, &request, done, seen);
}

static void run_all(struct world *self)
{
    while (http_client_count(self->client) > 0)
        http_client_run(self->client, -1, LONG_MS);
}

static const struct seen *call(struct world *self, struct http_request request, const char *path)
{
    memset(&self->seen[0], 0, sizeof self->seen[0]);
    assert_int_equal(start(self, request, path, &self->seen[0]), ERR_OK);
    assert_int_equal(self->seen[0].count, 0);
    run_all(self);
    assert_int_equal(self->seen[0].count, 1);
    return &self->seen[0];
}

static const struct seen *get(struct world *self, const char *path)
{
    return call(self, (struct http_request){0}, path);
}

static void assert_result(const struct seen *seen, enum http_result result)
{
    assert_int_equal(seen->result, result);
    assert_int_equal(seen->has_error, result != HTTP_REPLY);
    assert_true(result == HTTP_REPLY || seen->retry_after_s == -1);
}

/* ---- replies ----------------------------------------------------------------------------------------- */

static void a_reply_of_any_status_is_a_reply(void **state)
{
    static const struct {
        const char *path, *body;
        long status;
    } rows[] = {
        {"/ok", "hello", 200},    {"/empty", "", 204},      {"/status/404", "", 404},
        {"/status/429", "", 429}, {"/status/500", "", 500}, {"/status/599", "", 599},
    };
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct seen *seen = get(world, rows[i].path);
        assert_result(seen, HTTP_REPLY);
        assert_int_equal(seen->status, rows[i].status);
        assert_string_equal(seen->body, rows[i].body);
        assert_int_equal(seen->length, strlen(rows[i].body));
    }
    world_end(world);
}

static void method_headers_and_body_arrive_as_given_and_are_not_kept(void **state)
{
    struct world *world = world_new();
    char body[] = "{\"a\": 1}", header[] = "X-Signature: t=1,v=abc";
    const char *headers[] = {"Content-Type: application/json", header, NULL};
    struct http_request request = {
        .method = "POST", .headers = headers, .body = body, .length = strlen(body)};
    (void)state;
    assert_int_equal(start(world, request, "/echo", &world->seen[0]), ERR_OK);
    memset(body, '-', sizeof body);
    memset(header, '-', sizeof header);
    memset(headers, 0, sizeof headers);
    memset(world->url, '-', sizeof world->url);
    run_all(world);
    const char *echo = world->seen[0].body;
    assert_ptr_equal(strstr(echo, "POST /echo HTTP/1.1\r\n"), echo);
    assert_non_null(strstr(echo, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(echo, "\r\nX-Signature: t=1,v=abc\r\n"));
    assert_non_null(strstr(echo, "\r\n\r\n{\"a\": 1}"));
    assert_null(strstr(echo, "Expect"));
    world_end(world);
}

static void every_method_is_sent_by_its_name(void **state)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct world *world = world_new();
    char head[32];
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const struct seen *seen = call(world, (struct http_request){.method = methods[i]}, "/echo");
        snprintf(head, sizeof head, "%s /echo ", methods[i]);
        assert_ptr_equal(strstr(seen->body, head), seen->body);
    }
    world_end(world);
}

static void retry_after_is_told_where_it_is_a_number(void **state)
{
    static const struct {
        const char *path;
        int64_t seconds;
    } rows[] = {
        {"/retry/17", 17},         {"/retry/0", 0},          {"/retry/999999999", 999999999},
        {"/retry/1000000000", -1}, {"/retry/-3", -1},        {"/retry/1.5", -1},
        {"/retry/", -1},           {"/retry/Fri,11Dec", -1}, {"/status/503", -1},
    };
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct seen *seen = get(world, rows[i].path);
        assert_result(seen, HTTP_REPLY);
        assert_int_equal(seen->retry_after_s, rows[i].seconds);
    }
    world_end(world);
}

static void a_header_that_is_asked_for_is_told(void **state)
{
    static const struct {
        const char *path, *wanted, *value;
    } rows[] = {
        {"/signed/abc", "x-jws-signature", "abc"},
        {"/signed/", "x-jws-signature", ""},
        {"/ok", "x-jws-signature", "-"},
        {"/signed/abc", NULL, "-"},
        {"/signed/abc", "x-jws", "-"},
    };
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct seen *seen =
            call(world, (struct http_request){.reply_header = rows[i].wanted}, rows[i].path);
        assert_result(seen, HTTP_REPLY);
        assert_string_equal(seen->header, rows[i].value);
    }
    world_end(world);
}

static void a_redirect_is_not_followed(void **state)
{
    struct world *world = world_new();
    (void)state;
    const struct seen *seen = get(world, "/redirect");
    assert_result(seen, HTTP_REPLY);
    assert_int_equal(seen->status, 302);
    assert_int_equal(hostile_server_requests(world->server), 1);
    world_end(world);
}

/* ---- what goes wrong --------------------------------------------------------------------------------- */

static void a_call_ends_in_its_time_before_and_during_the_answer(void **state)
{
    static const char *const paths[] = {"/silent", "/half"};
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_result(call(world, (struct http_request){.timeout_ms = SHORT_MS}, paths[i]), HTTP_TIMEOUT);
    world_end(world);
}

static void a_connection_that_ends_early_is_no_answer(void **state)
{
    static const char *const paths[] = {"/cut", "/chunks", "/bad-chunk", "/hang-up", "/garbage"};
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_result(get(world, paths[i]), HTTP_NO_ANSWER);
    world_end(world);
}

static void where_nobody_listens_nothing_was_sent(void **state)
{
    struct world *world = world_new();
    char address[64];
    struct http_request request = {.method = "GET", .url = address};
    (void)state;
    snprintf(address, sizeof address, "http://127.0.0.1:1/");
    assert_int_equal(http_client_start(world->client, &request, done, &world->seen[0]), ERR_OK);
    run_all(world);
    assert_result(&world->seen[0], HTTP_NOT_SENT);
    world_end(world);
}

static void a_reply_has_its_longest_length_and_no_more(void **state)
{
    static const struct {
        const char *path;
        size_t reply_max;
        enum http_result result;
    } rows[] = {
        {"/long/10000", 10000, HTTP_REPLY}, {"/long/10001", 10000, HTTP_TOO_LARGE},
        {"/long/1048576", 0, HTTP_REPLY},   {"/long/1048577", 0, HTTP_TOO_LARGE},
        {"/endless", 0, HTTP_TOO_LARGE},    {"/endless", 8 << 20, HTTP_TOO_LARGE},
    };
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_result(call(world, (struct http_request){.reply_max = rows[i].reply_max}, rows[i].path),
                      rows[i].result);
    world_end(world);
}

static void headers_without_an_end_are_too_large(void **state)
{
    static const char *const paths[] = {"/headers", "/header", "/interim"};
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_result(get(world, paths[i]), HTTP_TOO_LARGE);
    world_end(world);
}

static void a_post_is_sent_once_where_the_connection_ends(void **state)
{
    struct world *world = world_new();
    (void)state;
    assert_result(get(world, "/ok"), HTTP_REPLY); /* its connection stays open */
    assert_result(call(world, (struct http_request){.method = "POST"}, "/hang-up"), HTTP_NO_ANSWER);
    assert_int_equal(hostile_server_requests(world->server), 2);
    world_end(world);
}

static void a_body_on_a_kept_connection_that_ends_without_an_answer_arrives_once(void **state)
{
    static const size_t lengths[] = {1, 1000, 15000};
    char *body = calloc(1, 15001);
    (void)state;
    assert_non_null(body);
    memset(body, 'x', 15000);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct world *world = world_new();
        struct http_request request = {.method = "POST", .body = body, .length = lengths[i]};
        assert_result(call(world, request, "/ok"), HTTP_REPLY);
        assert_result(call(world, request, "/hang-up"), HTTP_NO_ANSWER);
        assert_int_equal(hostile_server_requests(world->server), 2);
        assert_int_equal(hostile_server_last_connection(world->server), 0);
        world_end(world);
    }
    free(body);
}

/* The next post may find the connection open, closed, or on its way there. */
static void a_body_arrives_once_at_most_whenever_a_kept_connection_ends(void **state)
{
    struct world *world = world_new();
    struct http_request request = {.method = "POST", .body = "pay", .length = 3};
    uint32_t sent = 0, answered = 0;
    (void)state;
    for (; sent < 60; sent++) {
        const struct seen *seen = call(world, request, "/bye");
        assert_true(seen->result == HTTP_REPLY || seen->result == HTTP_NO_ANSWER);
        answered += seen->result == HTTP_REPLY;
    }
    assert_true(answered <= hostile_server_requests(world->server));
    assert_true(hostile_server_requests(world->server) <= sent);
    world_end(world);
}

static void a_repeatable_post_may_be_sent_again(void **state)
{
    struct world *world = world_new();
    (void)state;
    assert_result(get(world, "/ok"), HTTP_REPLY);
    struct http_request request = {.method = "POST", .is_repeatable = true};
    assert_result(call(world, request, "/hang-up"), HTTP_NO_ANSWER);
    assert_int_equal(hostile_server_requests(world->server), 3);
    world_end(world);
}

/* ---- what is not even tried -------------------------------------------------------------------------- */

static void a_url_that_cannot_be_is_refused(void **state)
{
    static const char *const urls[] = {
        "",
        "127.0.0.1/ok",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http://h:x/",
        "http://a:b@127.0.0.1/",
        "http://h\r\nX: y/",
        "gopher://h/",
        NULL,
    };
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct http_request request = {.method = "GET", .url = urls[i]};
        assert_int_equal(http_client_start(world->client, &request, done, &world->seen[0]), ERR_INVALID);
    }
    assert_int_equal(http_client_count(world->client), 0);
    assert_int_equal(world->seen[0].count, 0);
    world_end(world);
}

static void a_header_or_method_that_cannot_be_is_refused(void **state)
{
    static const char *const bad[] = {"no colon", ": no name", "A b: c", "A: b\r\nC: d", "A: b\nC: d",
                                      "A:",       "A;",        "A:  ",   "A: \x01",      ""};
    static const char *const methods[] = {"", "get", "GET /x", "CONNECT", "HEAD", "PO\r\nST", NULL};
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *headers[] = {"Good: yes", bad[i], NULL};
        struct http_request request = {.headers = headers};
        assert_int_equal(start(world, request, "/ok", &world->seen[0]), ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct http_request request = {.method = methods[i], .url = url(world, "/ok")};
        assert_int_equal(http_client_start(world->client, &request, done, &world->seen[0]), ERR_INVALID);
    }
    assert_int_equal(hostile_server_requests(world->server), 0);
    world_end(world);
}

static void http_is_refused_where_it_is_not_allowed(void **state)
{
    struct world *world = world_with(HOSTILE_PLAIN, http_client_options_default());
    (void)state;
    assert_int_equal(start(world, (struct http_request){0}, "/ok", &world->seen[0]), ERR_INVALID);
    assert_int_equal(hostile_server_requests(world->server), 0);
    world_end(world);
}

static void the_environment_names_no_proxy(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    struct world *world = world_new();
    assert_result(get(world, "/ok"), HTTP_REPLY);
    world_end(world);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static void no_password_comes_from_a_netrc(void **state)
{
    char directory[] = "/tmp/teller-home-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/.netrc", directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "machine 127.0.0.1 login ann password secret\n");
    assert_int_equal(fclose(file), 0);
    setenv("HOME", directory, 1);
    struct world *world = world_new();
    assert_null(strstr(get(world, "/echo")->body, "Authorization"));
    world_end(world);
    unlink(path);
    rmdir(directory);
}

/* ---- many at once ------------------------------------------------------------------------------------ */

static void calls_are_under_way_at_once(void **state)
{
    struct world *world = world_new();
    (void)state;
    for (size_t i = 0; i < 8; i++) /* the gate opens when all eight stand there */
        assert_int_equal(start(world, (struct http_request){0}, "/gate/8", &world->seen[i]), ERR_OK);
    assert_int_equal(http_client_count(world->client), 8);
    run_all(world);
    for (size_t i = 0; i < 8; i++) {
        assert_result(&world->seen[i], HTTP_REPLY);
        assert_int_equal(world->seen[i].count, 1);
    }
    world_end(world);
}

static void one_host_gets_so_many_at_once_and_no_more(void **state)
{
    struct http_client_options options = {.allows_http = true, .calls_max = 8, .calls_per_host_max = 2};
    struct world *world = world_with(HOSTILE_PLAIN, options);
    (void)state;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(start(world, (struct http_request){0}, "/gate/2", &world->seen[i]), ERR_OK);
    run_all(world);
    for (size_t i = 0; i < 8; i++)
        assert_result(&world->seen[i], HTTP_REPLY);
    assert_int_equal(hostile_server_gate_peak(world->server), 2);
    world_end(world);
}

static void an_idle_connection_makes_room_for_another(void **state)
{
    struct http_client_options options = {.allows_http = true, .calls_max = 1, .calls_per_host_max = 1};
    struct world *world = world_with(HOSTILE_PLAIN, options);
    struct http_request request = {.method = "GET", .url = world->url, .timeout_ms = LONG_MS};
    (void)state;
    assert_result(get(world, "/ok"), HTTP_REPLY);
    assert_result(call(world, (struct http_request){.method = "POST"}, "/ok"), HTTP_REPLY);
    snprintf(world->url, sizeof world->url, "http://localhost:%u/ok", hostile_server_port(world->server));
    assert_int_equal(http_client_start(world->client, &request, done, &world->seen[1]), ERR_OK);
    run_all(world);
    assert_result(&world->seen[1], HTTP_REPLY);
    world_end(world);
}

static void one_more_than_all_is_refused(void **state)
{
    struct http_client_options options = {.allows_http = true, .calls_max = 2, .calls_per_host_max = 1};
    struct world *world = world_with(HOSTILE_PLAIN, options);
    (void)state;
    assert_int_equal(start(world, (struct http_request){0}, "/ok", &world->seen[0]), ERR_OK);
    assert_int_equal(start(world, (struct http_request){0}, "/ok", &world->seen[1]), ERR_OK);
    assert_int_equal(start(world, (struct http_request){0}, "/ok", &world->seen[2]), ERR_FULL);
    run_all(world);
    assert_int_equal(start(world, (struct http_request){0}, "/ok", &world->seen[2]), ERR_OK);
    run_all(world);
    for (size_t i = 0; i < 3; i++)
        assert_result(&world->seen[i], HTTP_REPLY);
    world_end(world);
}

static void a_call_that_waits_for_its_host_ends_in_its_time_too(void **state)
{
    struct http_client_options options = {.allows_http = true, .calls_max = 2, .calls_per_host_max = 1};
    struct world *world = world_with(HOSTILE_PLAIN, options);
    struct http_request first = {.timeout_ms = 8 * SHORT_MS}, second = {.timeout_ms = SHORT_MS};
    (void)state;
    assert_int_equal(start(world, first, "/silent", &world->seen[0]), ERR_OK);
    assert_int_equal(start(world, second, "/ok", &world->seen[1]), ERR_OK);
    run_all(world);
    assert_result(&world->seen[0], HTTP_TIMEOUT);
    assert_result(&world->seen[1], HTTP_NOT_SENT);
    assert_true(world->seen[1].order < world->seen[0].order);
    world_end(world);
}

struct chain {
    struct world *world;
    uint32_t left;
};

static void start_the_next(void *context, const struct http_outcome *outcome)
{
    struct chain *chain = context;
    struct http_request request = {.method = "GET", .url = chain->world->url, .timeout_ms = LONG_MS};
    assert_int_equal(outcome->result, HTTP_REPLY);
    if (--chain->left > 0)
        assert_int_equal(http_client_start(chain->world->client, &request, start_the_next, chain), ERR_OK);
}

static void a_call_may_be_started_when_one_is_told(void **state)
{
    struct world *world = world_new();
    struct chain chain = {world, 20};
    struct http_request request = {.method = "GET", .url = url(world, "/ok"), .timeout_ms = LONG_MS};
    (void)state;
    assert_int_equal(http_client_start(world->client, &request, start_the_next, &chain), ERR_OK);
    run_all(world);
    assert_int_equal(chain.left, 0);
    assert_int_equal(hostile_server_requests(world->server), 20);
    world_end(world);
}

/* ---- waiting, and the end ---------------------------------------------------------------------------- */

static void a_readable_descriptor_ends_the_wait(void **state)
{
    struct world *world = world_new();
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    http_client_run(world->client, ends[0], LONG_MS); /* no call is under way */
    assert_int_equal(start(world, (struct http_request){0}, "/silent", &world->seen[0]), ERR_OK);
    http_client_run(world->client, ends[0], LONG_MS);
    assert_int_equal(world->seen[0].count, 0);
    close(ends[0]);
    close(ends[1]);
    world_end(world);
}

static void a_wait_ends_in_its_time(void **state)
{
    struct world *world = world_new();
    (void)state;
    assert_int_equal(start(world, (struct http_request){0}, "/silent", &world->seen[0]), ERR_OK);
    http_client_run(world->client, -1, 0);
    http_client_run(world->client, -1, SHORT_MS);
    assert_int_equal(world->seen[0].count, 0);
    assert_int_equal(http_client_count(world->client), 1);
    world_end(world);
}

static void start_in_vain(void *context, const struct http_outcome *outcome)
{
    struct chain *chain = context;
    struct http_request request = {.method = "GET", .url = chain->world->url};
    assert_int_equal(outcome->result, HTTP_ABANDONED);
    assert_int_equal(http_client_start(chain->world->client, &request, start_in_vain, chain), ERR_CLOSED);
    chain->left--;
}

static void calls_under_way_are_abandoned_at_the_end_and_start_none(void **state)
{
    struct world *world = world_new();
    struct chain chain = {world, 2};
    struct http_request request = {.method = "GET", .url = url(world, "/half")};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(http_client_start(world->client, &request, start_in_vain, &chain), ERR_OK);
    http_client_run(world->client, -1, SHORT_MS);
    http_client_destroy(&world->client);
    assert_int_equal(chain.left, 0);
    assert_null(world->client);
    http_client_destroy(&world->client);
    world_end(world);
}

/* ---- TLS --------------------------------------------------------------------------------------------- */

static enum http_result result_over_tls(enum hostile_tls tls, bool knows_certificate)
{
    struct world *world = world_with(tls, http_client_options_default());
    if (knows_certificate) {
        struct http_client_options options = http_client_options_default();
        options.ca_file = hostile_server_certificate(world->server);
        http_client_destroy(&world->client);
        world->client = http_client_new(&options);
        assert_non_null(world->client);
    }
    const struct seen *seen = get(world, "/ok");
    enum http_result result = seen->result;
    assert_int_equal(hostile_server_requests(world->server), result == HTTP_REPLY ? 1 : 0);
    world_end(world);
    return result;
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    (void)state;
    assert_int_equal(result_over_tls(HOSTILE_TLS, false), HTTP_TLS);
}

static void a_certificate_of_the_ca_file_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(result_over_tls(HOSTILE_TLS, true), HTTP_REPLY);
}

static void a_certificate_for_another_host_is_refused(void **state)
{
    (void)state;
    assert_int_equal(result_over_tls(HOSTILE_TLS_OTHER_HOST, true), HTTP_TLS);
}

static void an_old_tls_is_refused(void **state)
{
    (void)state;
    assert_int_equal(result_over_tls(HOSTILE_TLS_OLD, true), HTTP_TLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_of_any_status_is_a_reply),
        cmocka_unit_test(method_headers_and_body_arrive_as_given_and_are_not_kept),
        cmocka_unit_test(every_method_is_sent_by_its_name),
        cmocka_unit_test(retry_after_is_told_where_it_is_a_number),
        cmocka_unit_test(a_header_that_is_asked_for_is_told),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_call_ends_in_its_time_before_and_during_the_answer),
        cmocka_unit_test(a_connection_that_ends_early_is_no_answer),
        cmocka_unit_test(where_nobody_listens_nothing_was_sent),
        cmocka_unit_test(a_reply_has_its_longest_length_and_no_more),
        cmocka_unit_test(headers_without_an_end_are_too_large),
        cmocka_unit_test(a_post_is_sent_once_where_the_connection_ends),
        cmocka_unit_test(a_body_on_a_kept_connection_that_ends_without_an_answer_arrives_once),
        cmocka_unit_test(a_body_arrives_once_at_most_whenever_a_kept_connection_ends),
        cmocka_unit_test(a_repeatable_post_may_be_sent_again),
        cmocka_unit_test(a_url_that_cannot_be_is_refused),
        cmocka_unit_test(a_header_or_method_that_cannot_be_is_refused),
        cmocka_unit_test(http_is_refused_where_it_is_not_allowed),
        cmocka_unit_test(the_environment_names_no_proxy),
        cmocka_unit_test(no_password_comes_from_a_netrc),
        cmocka_unit_test(calls_are_under_way_at_once),
        cmocka_unit_test(one_host_gets_so_many_at_once_and_no_more),
        cmocka_unit_test(an_idle_connection_makes_room_for_another),
        cmocka_unit_test(one_more_than_all_is_refused),
        cmocka_unit_test(a_call_that_waits_for_its_host_ends_in_its_time_too),
        cmocka_unit_test(a_call_may_be_started_when_one_is_told),
        cmocka_unit_test(a_readable_descriptor_ends_the_wait),
        cmocka_unit_test(a_wait_ends_in_its_time),
        cmocka_unit_test(calls_under_way_are_abandoned_at_the_end_and_start_none),
        cmocka_unit_test(a_certificate_that_nobody_vouches_for_is_refused),
        cmocka_unit_test(a_certificate_of_the_ca_file_is_accepted),
        cmocka_unit_test(a_certificate_for_another_host_is_refused),
        cmocka_unit_test(an_old_tls_is_refused),
    };
    if (http_global_init() != ERR_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_release();
    return failed;
}
