/* The gateway over real sockets, with a bank actor and a node that the test plays: what is answered when, and what is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/bank/shell/callback_post.h"
#include "actors/ledger/shell/mailbox.h"
#include "broker/gateway.h"
#include "broker/wire/node.h"
#include "broker/wire/rows.h"

#define NODE "inproc://node-of-gateway-test"
#define JSON_TYPE "Content-Type: application/json\r\n"

enum { SHORT_MS = 150, LONG_MS = 20000, REPLY_MAX = 65536, CROWD = 2 * GATEWAY_CONNECTIONS_MAX };

struct world {
    zactor_t *gateway;
    void *context; /* its own: a name that was closed is free a little later */
    void *bank_inbox, *gateway_box, *node;
    uint16_t port;
    char reply[REPLY_MAX];
};

/* ---- banks by the body's first word ----------------------------------------------------------------- */

static bool has(void *context, const char *bank, enum gateway_door door)
{
    (void)context;
    return strcmp(bank, "acme") == 0 && door == GATEWAY_CALLBACKS;
}

static enum rail_post_result verify(void *context, const char *bank, enum gateway_door door,
                                    const struct rail_post *post, int64_t now_us, struct rail_notice *out)
{
    (void)context;
    assert_string_equal(bank, "acme");
    assert_int_equal(door, GATEWAY_CALLBACKS);
    assert_true(now_us > 0 && strlen(post->body) == post->length);
    if (strcmp(post->body, "forged") == 0)
        return RAIL_POST_FORGED;
    if (strcmp(post->body, "old") == 0)
        return RAIL_POST_TOO_OLD;
    if (strcmp(post->body, "broken") == 0)
        return RAIL_POST_BROKEN;
    snprintf(out->event, sizeof out->event, "%s", post->body);
    return RAIL_POST_TAKEN;
}

static void let_go(void *context)
{
    (void)context;
}

/* ---- the world ------------------------------------------------------------------------------------- */

static struct gateway_options options_of(struct world *self, int64_t request_ms, int64_t answer_ms)
{
    return (struct gateway_options){.context = self->context,
                                    .listen = "127.0.0.1:0",
                                    .endpoint = NODE,
                                    .banks = {self, has, verify, let_go},
                                    .request_ms = request_ms,
                                    .answer_ms = answer_ms};
}

static void start(struct world *self, int64_t request_ms, int64_t answer_ms)
{
    char url[GATEWAY_URL_MAX], why[GATEWAY_WHY_MAX] = "";
    self->context = zmq_ctx_new();
    const struct gateway_options options = options_of(self, request_ms, answer_ms);
    self->node = zmq_socket(self->context, ZMQ_ROUTER);
    assert_int_equal(zmq_bind(self->node, NODE), 0);
    self->bank_inbox = mailbox_bind(self->context, CALLBACK_BANK_INBOX, UINT32_MAX);
    self->gateway_box = mailbox_connect(self->context, CALLBACK_GATEWAY_INBOX, UINT32_MAX);
    self->gateway = gateway_new(&options, url, why);
    assert_string_equal(why, "");
    assert_non_null(self->gateway);
    self->port = (uint16_t)atoi(strrchr(url, ':') + 1);
}

static void stop(struct world *self)
{
    int none = 0;
    zactor_destroy(&self->gateway);
    zmq_close(self->bank_inbox);
    zmq_close(self->gateway_box);
    zmq_setsockopt(self->node, ZMQ_LINGER, &none, sizeof none);
    zmq_close(self->node);
    zmq_ctx_term(self->context);
}

static int connect_to(const struct world *self)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(self->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* false: the gateway has cut the connection. */
static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* The whole reply is in self->reply. 0: the connection was cut without one. */
static int hear(struct world *self, int fd)
{
    size_t length = 0, body = 0;
    char *end = NULL;
    while (end == NULL || length < (size_t)(end + 4 - self->reply) + body) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&item, 1, LONG_MS), 1);
        ssize_t got = recv(fd, self->reply + length, REPLY_MAX - 1 - length, 0);
        if (got <= 0)
            return 0;
        length += (size_t)got;
        self->reply[length] = '\0';
        end = strstr(self->reply, "\r\n\r\n");
        const char *said = strstr(self->reply, "Content-Length: ");
        body = said == NULL ? 0 : (size_t)atoi(said + strlen("Content-Length: "));
    }
    return atoi(self->reply + strlen("HTTP/1.1 "));
}

static void post_to(int fd, const char *path, const char *headers, const char *body)
{
    char text[4096];
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s", path,
             headers, strlen(body), body);
    assert_true(say(fd, text));
}

static void post(int fd, const char *body)
{
    post_to(fd, "/banks/acme/callbacks", JSON_TYPE, body);
}

/* What the bank actor gets; NULL: nothing within the time. */
static struct callback_post *take(struct world *self, int timeout_ms)
{
    zmq_pollitem_t item = {.socket = self->bank_inbox, .events = ZMQ_POLLIN};
    struct box box = {0};
    if (zmq_poll(&item, 1, timeout_ms) < 1 || !mailbox_receive(self->bank_inbox, &box))
        return NULL;
    assert_int_equal(box.kind, BOX_CALLBACK);
    return box.pointer;
}

static void give_back(struct world *self, struct callback_post *lent, bool is_kept)
{
    lent->is_kept = is_kept;
    assert_true(mailbox_send(self->gateway_box, &(struct box){.kind = BOX_CALLBACK, .pointer = lent}));
}

/* ---- callbacks ------------------------------------------------------------------------------------- */

static void a_callback_is_accepted_when_it_is_kept_and_not_before(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, LONG_MS);
    int fd = connect_to(&world);
    post_to(fd, "/banks/acme/callbacks", JSON_TYPE "x-fapi-interaction-id: 93bac548-d2de\r\n", "one");
    struct callback_post *lent = take(&world, LONG_MS);
    struct pollfd item = {.fd = fd, .events = POLLIN};
    assert_string_equal(lent->bank, "acme");
    assert_string_equal(lent->notice.event, "one");
    assert_int_equal(poll(&item, 1, 0), 0);
    give_back(&world, lent, true);
    assert_int_equal(hear(&world, fd), 202);
    assert_non_null(strstr(world.reply, "x-fapi-interaction-id: 93bac548-d2de\r\n"));
    post(fd, "two");
    give_back(&world, take(&world, LONG_MS), false);
    assert_int_equal(hear(&world, fd), 503);
    assert_non_null(strstr(world.reply, "Retry-After: "));
    assert_non_null(strstr(world.reply, "x-fapi-interaction-id: "));
    close(fd);
    stop(&world);
}

static void what_is_not_good_is_refused_and_goes_nowhere(void **state)
{
    static const struct {
        const char *body, *why;
    } rows[] = {{"forged", "authentication_failed"}, {"old", "its time"}, {"broken", "in the form"}};
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, LONG_MS);
    int fd = connect_to(&world);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        post(fd, rows[i].body);
        assert_int_equal(hear(&world, fd), 400);
        assert_non_null(strstr(world.reply, rows[i].why));
    }
    assert_null(take(&world, 0));
    close(fd);
    stop(&world);
}

static void a_callback_without_an_answer_is_to_come_again_and_its_post_harms_nobody(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, SHORT_MS);
    int fd = connect_to(&world);
    post(fd, "slow");
    struct callback_post *slow = take(&world, LONG_MS);
    assert_int_equal(hear(&world, fd), 503);
    give_back(&world, slow, true);
    post(fd, "next");
    give_back(&world, take(&world, LONG_MS), true);
    assert_int_equal(hear(&world, fd), 202);
    close(fd);
    stop(&world);
}

static void a_client_that_leaves_while_it_waits_harms_nobody(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, LONG_MS);
    int gone = connect_to(&world), fd = connect_to(&world);
    post(gone, "gone");
    struct callback_post *lent = take(&world, LONG_MS);
    const struct linger reset = {.l_onoff = 1};
    setsockopt(gone, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(gone);
    give_back(&world, lent, true);
    post(fd, "stays");
    give_back(&world, take(&world, LONG_MS), true);
    assert_int_equal(hear(&world, fd), 202);
    close(fd);
    stop(&world);
}

static void it_ends_though_the_bank_actor_does_not_answer(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, SHORT_MS);
    int fd = connect_to(&world);
    post(fd, "kept by nobody");
    struct callback_post *lent = take(&world, LONG_MS);
    stop(&world);
    assert_int_equal(hear(&world, fd), 503);
    assert_int_equal(hear(&world, fd), 0);
    free(lent); /* nobody is there to take it back */
    close(fd);
}

/* ---- heads and bodies ------------------------------------------------------------------------------ */

#define TO "POST /banks/acme/callbacks HTTP/1.1\r\nHost: h\r\n"

static const struct {
    const char *text;
    int status; /* 0: cut without a word */
} heads[] = {
    {TO JSON_TYPE "Content-Length: 6\r\nContent-Length: 6\r\n\r\nforged", 400},
    {TO JSON_TYPE "Content-Length: 6\r\nContent-Length: 3\r\n\r\nforged", 400},
    {TO JSON_TYPE "Content-Length: 6\r\ntransfer-encoding: chunked\r\n\r\nforged", 400},
    {TO JSON_TYPE "Content-Length: -1\r\n\r\n", 400},
    {TO JSON_TYPE "Content-Length: 6, 6\r\n\r\nforged", 400},
    {TO JSON_TYPE "Content-Length: 32769\r\n\r\n", 413},
    {TO JSON_TYPE "Content-Length: 1000000000000\r\n\r\n", 413},
    {TO JSON_TYPE "\r\n", 411},
    {TO JSON_TYPE "Transfer-Encoding: gzip\r\n\r\n", 501},
    {TO JSON_TYPE "Transfer-Encoding: chunked\r\n\r\n6\r\nforged\r\n0\r\n\r\n", 400},
    {TO JSON_TYPE "Transfer-Encoding: chunked\r\n\r\nzz\r\nforged\r\n0\r\n\r\n", 400},
    {TO JSON_TYPE "Teller-Signature: a\r\nTeller-Signature: b\r\nContent-Length: 6\r\n\r\nforged", 400},
    {TO "Content-Length: 6\r\n\r\nforged", 415},
    {TO "Content-Type: application/jsonp\r\nContent-Length: 6\r\n\r\nforged", 415},
    {TO "Content-Type: application/json; charset=utf-8\r\nContent-Length: 6\r\n\r\nforged", 400},
    {"POST /banks/acme/callbacks HTTP/1.1\r\n" JSON_TYPE "Content-Length: 6\r\n\r\nforged", 400},
    {"POST /banks/acme/event-notifications HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404},
    {"POST /banks/none/callbacks HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404},
    {"POST /banks/%61cme/callbacks HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404},
    {"POST /banks/acme/callbacks%00 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404},
    {"POST /banks/acme/callbacks/../callbacks HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404},
    {"POST /banks//callbacks HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404},
    {"POST /banks/acme HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404},
    {"GET /banks/acme/callbacks HTTP/1.1\r\nHost: h\r\n\r\n", 405},
    {"POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405},
    {"GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n.", 400},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404},
    {"\r\n\r\n\r\nnonsense\r\n\r\n", 0},
};

static void each_wrong_head_has_its_answer_and_nothing_is_handed_over(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, LONG_MS);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        int fd = connect_to(&world);
        assert_true(say(fd, heads[i].text));
        if (heads[i].status == 0)
            shutdown(fd, SHUT_WR);
        int status = hear(&world, fd);
        if (status != heads[i].status)
            fail_msg("%s: %d", heads[i].text, status);
        close(fd);
    }
    assert_null(take(&world, 0));
    stop(&world);
}

static void a_body_in_pieces_without_an_end_is_cut_at_its_limit(void **state)
{
    char piece[1024 + 16];
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, LONG_MS);
    int fd = connect_to(&world);
    snprintf(piece, sizeof piece, "400\r\n%01024d\r\n", 0);
    assert_true(say(fd, TO JSON_TYPE "Transfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < GATEWAY_BODY_MAX / 1024 + 1; i++)
        (void)say(fd, piece);
    assert_int_equal(hear(&world, fd), 0);
    close(fd);
    stop(&world);
}

/* ---- slow ones, and crowds ------------------------------------------------------------------------- */

/* A byte whenever nothing has come for a moment: it never idles, and it is never done. false: it was answered. */
static bool is_cut_while_it_drips(struct world *self, const char *head, char drop)
{
    int fd = connect_to(self);
    struct pollfd item = {.fd = fd, .events = POLLIN};
    assert_true(say(fd, head));
    while (poll(&item, 1, SHORT_MS / 10) == 0)
        (void)send(fd, &drop, 1, MSG_NOSIGNAL);
    bool is_cut = recv(fd, self->reply, 1, 0) <= 0;
    close(fd);
    return is_cut;
}

static void heads_and_bodies_that_drip_are_cut(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, SHORT_MS, LONG_MS);
    assert_true(is_cut_while_it_drips(&world, "", 'A'));
    assert_true(is_cut_while_it_drips(&world, TO "X: ", 'x'));
    assert_true(is_cut_while_it_drips(&world, TO JSON_TYPE "Content-Length: 32768\r\n\r\n", '.'));
    stop(&world);
}

static void a_crowd_that_says_nothing_is_sent_away_and_the_next_is_served(void **state)
{
    struct world world = {0};
    static int crowd[CROWD];
    (void)state;
    start(&world, SHORT_MS, LONG_MS);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = connect_to(&world);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(hear(&world, crowd[i]), 0);
        close(crowd[i]);
    }
    int fd = connect_to(&world);
    post(fd, "served");
    give_back(&world, take(&world, LONG_MS), true);
    assert_int_equal(hear(&world, fd), 202);
    close(fd);
    stop(&world);
}

/* ---- figures and health ---------------------------------------------------------------------------- */

/* Answers the node's next question; partition 1 is in the state. Metrics has a text instead. */
static void answer_question(struct world *self, enum partition_state health)
{
    zmq_msg_t peer, frame, reply;
    struct wire_header header;
    struct mp_writer w;
    enum code code;
    enum field field;
    zmq_msg_init(&peer);
    zmq_msg_init(&frame);
    mp_writer_init(&w);
    assert_true(zmq_msg_recv(&peer, self->node, 0) >= 0 && zmq_msg_recv(&frame, self->node, 0) >= 0);
    assert_true(wire_header_read(zmq_msg_data(&frame), zmq_msg_size(&frame), &header, &code, &field));
    if (header.operation == OPERATION_HEALTH) {
        const struct wire_health answer = {.partitions = 2, .states = {PARTITION_SERVING, health}};
        wire_health_write(&w, header.request_id, &answer);
    } else {
        assert_int_equal(header.operation, OPERATION_METRICS);
        wire_reply_begin(&w, header.request_id, CODE_OK);
        mp_write_text(&w, "teller_figure 1\n");
    }
    assert_true(wire_message_init(&reply, &w));
    assert_true(zmq_msg_send(&peer, self->node, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_msg_send(&reply, self->node, 0) >= 0);
    zmq_msg_close(&frame);
    mp_writer_release(&w);
}

static void figures_and_health_are_the_nodes_own(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, LONG_MS);
    int fd = connect_to(&world);
    assert_true(say(fd, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"));
    answer_question(&world, PARTITION_SERVING);
    assert_int_equal(hear(&world, fd), 200);
    assert_non_null(strstr(world.reply, "text/plain; version=0.0.4"));
    assert_string_equal(strstr(world.reply, "\r\n\r\n") + 4, "teller_figure 1\n");
    assert_true(say(fd, "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"));
    answer_question(&world, PARTITION_SERVING);
    assert_int_equal(hear(&world, fd), 200);
    assert_true(say(fd, "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"));
    answer_question(&world, PARTITION_STARTING);
    assert_int_equal(hear(&world, fd), 503);
    close(fd);
    stop(&world);
}

static void a_node_that_does_not_answer_is_not_well(void **state)
{
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, SHORT_MS);
    int fd = connect_to(&world);
    assert_true(say(fd, "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_int_equal(hear(&world, fd), 503);
    close(fd);
    stop(&world);
}

/* ---- options --------------------------------------------------------------------------------------- */

static void where_it_may_listen(void **state)
{
    static const struct {
        const char *listen, *certificate, *key;
        bool is_good;
    } rows[] = {
        {"127.0.0.1:0", NULL, NULL, true},          {"localhost:8080", NULL, NULL, true},
        {"[::1]:8080", NULL, NULL, true},           {"127.1.2.3:80", NULL, NULL, true},
        {"0.0.0.0:8443", NULL, NULL, false},        {"[::]:8443", NULL, NULL, false},
        {"192.0.2.1:8443", NULL, NULL, false},      {"0.0.0.0:8443", "c", "k", true},
        {"127.0.0.1:8443", "c", NULL, false},       {"127.0.0.1:8443", NULL, "k", false},
        {"127.0.0.1", NULL, NULL, false},           {":8080", NULL, NULL, false},
        {"bank.example:8443", "c", "k", false},     {"127.0.0.1:http", NULL, NULL, false},
        {"127.0.0.1:99999", NULL, NULL, false},     {"::1:8080", NULL, NULL, false},
        {"http://127.0.0.1:80", NULL, NULL, false}, {"", NULL, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[GATEWAY_WHY_MAX] = "";
        const struct gateway_options options = {
            .listen = rows[i].listen, .certificate = rows[i].certificate, .key = rows[i].key};
        if (gateway_options_check(&options, why) != rows[i].is_good)
            fail_msg("%s: %s", rows[i].listen, why);
        assert_int_equal(why[0] == '\0', rows[i].is_good);
    }
}

static void a_port_that_is_taken_is_told(void **state)
{
    char url[GATEWAY_URL_MAX], why[GATEWAY_WHY_MAX] = "", listen[32];
    struct world world = {0};
    (void)state;
    start(&world, LONG_MS, LONG_MS);
    snprintf(listen, sizeof listen, "127.0.0.1:%u", world.port);
    struct gateway_options options = options_of(&world, 0, 0);
    options.listen = listen;
    assert_null(gateway_new(&options, url, why));
    assert_non_null(strstr(why, "in use"));
    stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_is_accepted_when_it_is_kept_and_not_before),
        cmocka_unit_test(what_is_not_good_is_refused_and_goes_nowhere),
        cmocka_unit_test(a_callback_without_an_answer_is_to_come_again_and_its_post_harms_nobody),
        cmocka_unit_test(a_client_that_leaves_while_it_waits_harms_nobody),
        cmocka_unit_test(it_ends_though_the_bank_actor_does_not_answer),
        cmocka_unit_test(each_wrong_head_has_its_answer_and_nothing_is_handed_over),
        cmocka_unit_test(a_body_in_pieces_without_an_end_is_cut_at_its_limit),
        cmocka_unit_test(heads_and_bodies_that_drip_are_cut),
        cmocka_unit_test(a_crowd_that_says_nothing_is_sent_away_and_the_next_is_served),
        cmocka_unit_test(figures_and_health_are_the_nodes_own),
        cmocka_unit_test(a_node_that_does_not_answer_is_not_well),
        cmocka_unit_test(where_it_may_listen),
        cmocka_unit_test(a_port_that_is_taken_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
