/* The router over real sockets, with the test in the actors' place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/wire/figures.h"
#include "broker/wire/node.h"
#include "tests/unit/broker/router_world.h"

static int set_up(void **state)
{
    static struct world world;
    struct router_options options = world_options();
    world_start(&world, &options);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_stop(*state);
    return 0;
}

/* ---- ways to connect -------------------------------------------------------------------------- */

static void test_a_req_client_gets_its_reply(void **state)
{
    struct world *w = *state;
    void *client = world_client(w, ZMQ_REQ);
    world_send_balance(w, client, 7, world_account(1, 0));
    world_answer_number(w, world_take(w, 1), 100);
    world_expect_number(w, client, 7, 100);
    zmq_close(client);
}

static void test_a_dealer_gets_a_reply_without_a_delimiter(void **state)
{
    struct world *w = *state;
    world_send_balance(w, w->client, 8, world_account(0, 0));
    world_answer_number(w, world_take(w, 0), 1);
    world_expect_number(w, w->client, 8, 1);
}

static void test_a_dealer_that_sends_a_delimiter_gets_one(void **state)
{
    struct world *w = *state;
    world_send_bytes(w->client, "", 0, ZMQ_SNDMORE);
    world_send_balance(w, w->client, 9, world_account(0, 0));
    world_answer_number(w, world_take(w, 0), 1);
    assert_int_equal(zmq_msg_recv(&w->frame, w->client, 0), 0);
    assert_true(zmq_msg_more(&w->frame));
    world_expect_number(w, w->client, 9, 1);
}

static void test_replies_may_come_in_another_order(void **state)
{
    struct world *w = *state;
    world_send_balance(w, w->client, 1, world_account(0, 0));
    world_send_balance(w, w->client, 2, world_account(1, 0));
    struct request *first = world_take(w, 0);
    world_answer_number(w, world_take(w, 1), 22);
    world_expect_number(w, w->client, 2, 22);
    world_answer_number(w, first, 11);
    world_expect_number(w, w->client, 1, 11);
}

static void test_a_reply_to_a_client_that_left_harms_nobody(void **state)
{
    struct world *w = *state;
    void *client = world_client(w, ZMQ_DEALER);
    world_send_balance(w, client, 1, world_account(0, 0));
    struct request *request = world_take(w, 0);
    zmq_close(client);
    world_answer_number(w, request, 1);
    world_send_balance(w, w->client, 2, world_account(0, 0));
    world_answer_number(w, world_take(w, 0), 2);
    world_expect_number(w, w->client, 2, 2);
}

static void test_an_actor_without_memory_for_a_reply_means_unknown(void **state)
{
    struct world *w = *state;
    world_send_balance(w, w->client, 5, world_account(0, 0));
    struct request *request = world_take(w, 0);
    struct box box = {.kind = BOX_ANSWERED, .pointer = request};
    zmq_send(w->answers, &box, sizeof box, 0);
    world_expect_error(w, w->client, 5, CODE_UNKNOWN, FIELD_NONE);
}

/* ---- bounds ----------------------------------------------------------------------------------- */

/* Takes `count` requests from a partition's mailbox, which may come in any number of boxes. */
static void take_many(struct world *w, uint32_t partition, struct request **out, size_t count)
{
    size_t taken = 0;
    while (taken < count) {
        struct request *list = world_take(w, partition);
        for (; list != NULL; list = list->next) {
            assert_true(taken < count);
            out[taken++] = list;
        }
    }
}

static void test_requests_keep_their_order(void **state)
{
    enum { COUNT = 1000 };
    struct world *w = *state;
    struct request *requests[COUNT];
    for (uint64_t i = 0; i < COUNT; i++)
        world_send_balance(w, w->client, i, world_account(0, 0));
    take_many(w, 0, requests, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(requests[i]->header.request_id, i);
        world_answer_number(w, requests[i], i);
    }
    for (uint64_t i = 0; i < COUNT; i++)
        world_expect_number(w, w->client, i, i);
}

static void test_a_full_mailbox_answers_busy_at_once(void **state)
{
    (void)state;
    struct world w;
    struct router_options options = world_options();
    options.mailbox_requests = 2;
    world_start(&w, &options);
    struct request *requests[2];
    for (uint64_t i = 1; i <= 3; i++)
        world_send_balance(&w, w.client, i, world_account(0, 0));
    world_expect_error(&w, w.client, 3, CODE_BUSY, FIELD_NONE);
    world_send_balance(&w, w.client, 4, world_account(1, 0));
    world_answer_number(&w, world_take(&w, 1), 4);
    world_expect_number(&w, w.client, 4, 4);
    take_many(&w, 0, requests, 2);
    world_answer_number(&w, requests[0], 1);
    world_expect_number(&w, w.client, 1, 1);
    world_send_balance(&w, w.client, 5, world_account(0, 0));
    world_answer_number(&w, world_take(&w, 0), 5);
    world_expect_number(&w, w.client, 5, 5);
    world_answer_number(&w, requests[1], 2);
    world_expect_number(&w, w.client, 2, 2);
    world_stop(&w);
}

/* A balance request that is made long by an array of nils behind its account. */
static void send_large(struct world *w, uint64_t request_id, uint32_t bytes)
{
    world_begin(w, OPERATION_BALANCE, request_id, 0);
    mp_write_array(&w->writer, bytes);
    for (uint32_t i = 0; i < bytes; i++)
        mp_write_nil(&w->writer);
    world_send(w, w->client);
}

static void test_too_many_bytes_answer_busy(void **state)
{
    (void)state;
    struct world w;
    struct router_options options = world_options();
    options.mailbox_bytes = ROUTER_MAILBOX_BYTES_MIN;
    world_start(&w, &options);
    struct request *requests[2];
    for (uint64_t i = 1; i <= 3; i++)
        send_large(&w, i, 3 * 1024 * 1024);
    world_expect_error(&w, w.client, 3, CODE_BUSY, FIELD_NONE);
    take_many(&w, 0, requests, 2);
    for (int i = 0; i < 2; i++) {
        world_answer_number(&w, requests[i], 1);
        assert_int_equal(world_receive(&w, w.client).code, CODE_OK);
    }
    send_large(&w, 4, 3 * 1024 * 1024);
    world_answer_number(&w, world_take(&w, 0), 4);
    world_expect_number(&w, w.client, 4, 4);
    world_stop(&w);
}

static void test_a_partition_that_does_not_serve_answers_busy(void **state)
{
    static const struct {
        enum partition_state state;
        bool is_busy;
    } rows[] = {
        {PARTITION_STARTING, true},
        {PARTITION_STOPPED, true},
        {PARTITION_FULL, false},
        {PARTITION_SERVING, false},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_set_state(w, 0, rows[i].state);
        /* The state and the request come by different ways: an answer through the first orders them. */
        world_send_balance(w, w->client, 1, world_account(1, 0));
        world_answer_number(w, world_take(w, 1), 1);
        world_expect_number(w, w->client, 1, 1);
        world_send_balance(w, w->client, i, world_account(0, 0));
        if (rows[i].is_busy) {
            world_expect_error(w, w->client, i, CODE_BUSY, FIELD_NONE);
        } else {
            world_answer_number(w, world_take(w, 0), i);
            world_expect_number(w, w->client, i, i);
        }
    }
}

static void expect_good_connection(struct world *w)
{
    world_send_balance(w, w->client, 99, world_account(0, 0));
    world_answer_number(w, world_take(w, 0), 99);
    world_expect_number(w, w->client, 99, 99);
}

static void test_messages_with_too_many_frames_are_dropped(void **state)
{
    static const unsigned surplus[] = {4, 5, 1000, 20000};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof surplus / sizeof *surplus; i++) {
        for (unsigned frame = 1; frame < surplus[i]; frame++)
            world_send_bytes(w->client, "bomb", 4, ZMQ_SNDMORE);
        world_send_bytes(w->client, "bomb", 4, 0);
        expect_good_connection(w);
    }
}

static void test_two_payload_frames_are_refused_with_the_request_id(void **state)
{
    struct world *w = *state;
    world_begin(w, OPERATION_HEALTH, 12, WIRE_PARTITION_ANY);
    mp_write_nil(&w->writer);
    world_send_bytes(w->client, w->writer.data, w->writer.length, ZMQ_SNDMORE);
    world_send_bytes(w->client, "more", 4, 0);
    world_expect_error(w, w->client, 12, CODE_BAD_REQUEST, FIELD_NONE);
    expect_good_connection(w);
}

static void test_a_frame_above_the_limit_is_too_large(void **state)
{
    struct world *w = *state;
    send_large(w, 31, WIRE_FRAME_MAX);
    world_expect_error(w, w->client, 31, CODE_TOO_LARGE, FIELD_NONE);
    expect_good_connection(w);
}

static void test_a_frame_far_above_the_limit_harms_nobody_else(void **state)
{
    static const size_t enormous = (size_t)3 * WIRE_FRAME_MAX;
    struct world *w = *state;
    void *attacker = world_client(w, ZMQ_DEALER);
    void *bytes = calloc(1, enormous);
    world_send_bytes(attacker, bytes, enormous, 0);
    expect_good_connection(w);
    zmq_close(attacker);
    free(bytes);
}

static void test_a_client_that_does_not_read_stops_nobody(void **state)
{
    enum { REQUESTS = 60000 }; /* more replies than ZeroMQ keeps for one peer on both sides */
    struct world *w = *state;
    void *deaf = world_client(w, ZMQ_DEALER);
    world_begin(w, OPERATION_VERSION, 1, WIRE_PARTITION_ANY);
    mp_write_nil(&w->writer);
    for (int i = 0; i < REQUESTS; i++)
        world_send(w, deaf);
    expect_good_connection(w);
    zmq_close(deaf);
}

/* ---- refusals --------------------------------------------------------------------------------- */

static void test_bad_heads_are_answered(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        uint64_t request_id;
        enum code code;
        enum field field;
    } rows[] = {
        {"", 0, 0, CODE_BAD_REQUEST, FIELD_NONE},
        {"\xc1", 1, 0, CODE_BAD_REQUEST, FIELD_NONE},
        {"\x80", 1, 0, CODE_BAD_REQUEST, FIELD_NONE},
        {"\x96\x01\xa6health\x05\xc0\xc0", 12, 5, CODE_BAD_REQUEST, FIELD_BODY},
        {"\x96\x02\xa6health\x05\xc0\xc0\xc0", 13, 5, CODE_UNSUPPORTED, FIELD_VERSION},
        {"\x96\x01\xa6wealth\x05\xc0\xc0\xc0", 13, 5, CODE_UNSUPPORTED, FIELD_OPERATION},
        {"\x96\x01\xa6health\x05\x02\xc0\xc0", 13, 5, CODE_WRONG_PARTITION, FIELD_PARTITION},
        {"\x96\x01\xa6health\xa1x\xc0\xc0\xc0", 14, 0, CODE_BAD_REQUEST, FIELD_REQUEST_ID},
        {"\xdd\xff\x00\x00\x00", 5, 0, CODE_BAD_REQUEST, FIELD_NONE},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_send_bytes(w->client, rows[i].bytes, rows[i].length, 0);
        world_expect_error(w, w->client, rows[i].request_id, rows[i].code, rows[i].field);
    }
    expect_good_connection(w);
}

/* ---- the node --------------------------------------------------------------------------------- */

static void send_nil(struct world *w, enum wire_operation operation)
{
    world_begin(w, operation, 3, WIRE_PARTITION_ANY);
    mp_write_nil(&w->writer);
    world_send(w, w->client);
}

static void test_version_is_answered_without_the_partitions(void **state)
{
    struct world *w = *state;
    struct wire_version version;
    send_nil(w, OPERATION_VERSION);
    struct wire_reply reply = world_receive(w, w->client);
    assert_true(wire_version_reply_read(&reply, &version));
    assert_true(str_equal(version.name, STR_LITERAL("teller")));
    assert_true(str_equal(version.version, STR_LITERAL(TELLER_VERSION)));
    assert_int_equal(version.partitions, WORLD_PARTITIONS);
}

static void test_health_tells_each_partitions_state(void **state)
{
    struct world *w = *state;
    struct wire_health health;
    struct router_event event;
    world_set_state(w, 1, PARTITION_STOPPED);
    assert_true(router_next_event(w->router, -1, &event));
    assert_int_equal(event.state, PARTITION_STOPPED);
    send_nil(w, OPERATION_HEALTH);
    struct wire_reply reply = world_receive(w, w->client);
    assert_true(wire_health_reply_read(&reply, &health));
    assert_int_equal(health.states[0], PARTITION_SERVING);
    assert_int_equal(health.states[1], PARTITION_STOPPED);
}

static bool find_key(struct mp_reader *map, const char *key)
{
    uint32_t count = 0;
    assert_true(mp_read_map(map, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct str name = {0};
        assert_true(mp_read_str(map, &name));
        if (str_equal(name, str_from(key)))
            return true;
        assert_true(mp_skip(map, MP_DEPTH_MAX));
    }
    return false;
}

static void test_status_gathers_all_partitions(void **state)
{
    struct world *w = *state;
    send_nil(w, OPERATION_STATUS);
    world_answer_number(w, world_take(w, 1), 41);
    world_answer_number(w, world_take(w, 0), 40);
    struct wire_reply reply = world_receive(w, w->client);
    assert_int_equal(reply.code, CODE_OK);
    struct mp_reader body = mp_reader_of(reply.body.data, reply.body.length);
    uint32_t count;
    uint64_t first, second;
    assert_true(find_key(&body, "partitions"));
    assert_true(mp_read_array(&body, &count) && count == 2);
    assert_true(mp_read_uint(&body, &first) && first == 40);
    assert_true(mp_read_uint(&body, &second) && second == 41);
    body = mp_reader_of(reply.body.data, reply.body.length);
    assert_true(find_key(&body, "router"));
    assert_true(find_key(&body, "requests"));
    assert_true(mp_read_uint(&body, &first) && first == 1);
    body = mp_reader_of(reply.body.data, reply.body.length);
    assert_true(mp_skip(&body, MP_DEPTH_MAX) && mp_at_end(&body));
}

static void test_status_tells_which_partition_could_not_answer(void **state)
{
    struct world *w = *state;
    send_nil(w, OPERATION_STATUS);
    world_answer_error(w, world_take(w, 1), CODE_UNKNOWN);
    world_answer_number(w, world_take(w, 0), 40);
    struct wire_reply reply = world_receive(w, w->client);
    struct mp_reader body = mp_reader_of(reply.body.data, reply.body.length);
    uint32_t count;
    struct str code = {0};
    assert_true(find_key(&body, "partitions"));
    assert_true(mp_read_array(&body, &count) && mp_skip(&body, 0));
    assert_true(find_key(&body, "code"));
    assert_true(mp_read_str(&body, &code) && str_equal(code, STR_LITERAL("UNKNOWN")));
}

/* ---- services --------------------------------------------------------------------------------- */

static void send_to_service(struct world *w, uint64_t request_id, enum wire_operation operation)
{
    world_begin(w, operation, request_id, WIRE_PARTITION_ANY);
    mp_write_nil(&w->writer);
    world_send(w, w->client);
}

static void start_with_services(struct world *w, uint32_t mailbox_requests)
{
    struct router_options options = world_options();
    options.services[SERVICE_RATEFEED] = options.services[SERVICE_PUBLISHER] = true;
    options.mailbox_requests = mailbox_requests;
    world_start(w, &options);
}

static void test_a_service_that_does_not_run_is_unsupported(void **state)
{
    struct world *w = *state;
    send_to_service(w, 1, OPERATION_RATE_SOURCES);
    world_expect_error(w, w->client, 1, CODE_UNSUPPORTED, FIELD_OPERATION);
    send_to_service(w, 2, OPERATION_SUBSCRIBER_LIST);
    world_expect_error(w, w->client, 2, CODE_UNSUPPORTED, FIELD_OPERATION);
    send_to_service(w, 3, OPERATION_BANK_LIST);
    world_expect_error(w, w->client, 3, CODE_UNSUPPORTED, FIELD_OPERATION);
}

static void test_remittances_are_only_looked_at_where_there_are_no_banks(void **state)
{
    struct world *w = *state;
    send_to_service(w, 1, OPERATION_REMITTANCE_OPEN);
    world_expect_error(w, w->client, 1, CODE_UNSUPPORTED, FIELD_OPERATION);
    send_to_service(w, 2, OPERATION_REMITTANCE_LIST);
    world_answer_number(w, world_take(w, 0), 20);
    world_expect_number(w, w->client, 2, 20);
}

static void test_remittances_go_on_where_there_are_banks(void **state)
{
    (void)state;
    struct world w;
    struct router_options options = world_options();
    options.services[SERVICE_BANK] = true;
    world_start(&w, &options);
    send_to_service(&w, 1, OPERATION_REMITTANCE_OPEN);
    world_answer_number(&w, world_take(&w, 0), 10);
    world_expect_number(&w, w.client, 1, 10);
    send_to_service(&w, 2, OPERATION_BANK_LIST);
    world_answer_number(&w, world_take_service(&w, SERVICE_BANK), 20);
    world_expect_number(&w, w.client, 2, 20);
    world_stop(&w);
}

static void test_services_are_asked_and_answer(void **state)
{
    (void)state;
    struct world w;
    start_with_services(&w, 8);
    send_to_service(&w, 1, OPERATION_RATE_SOURCES);
    send_to_service(&w, 2, OPERATION_SUBSCRIBER_LIST);
    world_answer_number(&w, world_take_service(&w, SERVICE_PUBLISHER), 20);
    world_expect_number(&w, w.client, 2, 20);
    world_answer_number(&w, world_take_service(&w, SERVICE_RATEFEED), 10);
    world_expect_number(&w, w.client, 1, 10);
    world_stop(&w);
}

static void test_a_services_full_mailbox_answers_busy(void **state)
{
    (void)state;
    struct world w;
    start_with_services(&w, 1);
    send_to_service(&w, 1, OPERATION_RATE_SOURCES);
    struct request *first = world_take_service(&w, SERVICE_RATEFEED);
    send_to_service(&w, 2, OPERATION_RATE_LATEST);
    world_expect_error(&w, w.client, 2, CODE_BUSY, FIELD_NONE);
    send_to_service(&w, 3, OPERATION_DEADLETTER_LIST); /* the other one has room */
    world_answer_number(&w, world_take_service(&w, SERVICE_PUBLISHER), 30);
    world_expect_number(&w, w.client, 3, 30);
    world_answer_number(&w, first, 10);
    world_expect_number(&w, w.client, 1, 10);
    world_stop(&w);
}

static void test_a_service_that_stopped_is_told_once_and_answers_busy(void **state)
{
    (void)state;
    struct world w;
    struct router_event event;
    start_with_services(&w, 8);
    world_set_state(&w, LEDGER_PARTITIONS_MAX + SERVICE_PUBLISHER, PARTITION_STOPPED);
    assert_true(router_next_event(w.router, -1, &event));
    assert_int_equal(event.kind, ROUTER_SERVICE_STATE);
    assert_int_equal(event.service, SERVICE_PUBLISHER);
    assert_int_equal(event.state, PARTITION_STOPPED);
    send_to_service(&w, 1, OPERATION_SUBSCRIBER_LIST);
    world_expect_error(&w, w.client, 1, CODE_BUSY, FIELD_NONE);
    world_stop(&w);
}

static void test_a_drain_waits_for_services_too(void **state)
{
    (void)state;
    struct world w;
    struct router_event event;
    start_with_services(&w, 8);
    send_to_service(&w, 1, OPERATION_RATE_SOURCES);
    struct request *request = world_take_service(&w, SERVICE_RATEFEED);
    router_drain(w.router);
    assert_false(router_next_event(w.router, 0, &event));
    world_answer_number(&w, request, 10);
    world_expect_number(&w, w.client, 1, 10);
    assert_true(router_next_event(w.router, -1, &event));
    assert_int_equal(event.kind, ROUTER_DRAINED);
    assert_int_equal(event.outstanding, 0);
    world_stop(&w);
}

/* Answers a request for metrics with {key: number}. */
static void answer_figure(struct world *w, struct request *request, const char *key, uint64_t number)
{
    assert_int_equal(request->header.operation, OPERATION_METRICS);
    mp_writer_reset(&w->writer);
    wire_reply_begin(&w->writer, request->header.request_id, CODE_OK);
    mp_write_map(&w->writer, 1);
    wire_figure_write(&w->writer, key, number);
    world_answer(w, request);
}

static void expect_figure(struct mp_reader body, const char *section, const char *key, uint64_t number)
{
    uint64_t found;
    assert_true(find_key(&body, section));
    assert_true(find_key(&body, key));
    assert_true(mp_read_uint(&body, &found));
    assert_int_equal(found, number);
}

static void test_metrics_asks_partitions_and_the_services_that_run(void **state)
{
    (void)state;
    struct world w;
    struct router_options options = world_options();
    options.services[SERVICE_RATEFEED] = true;
    world_start(&w, &options);
    send_nil(&w, OPERATION_METRICS);
    answer_figure(&w, world_take_service(&w, SERVICE_RATEFEED), "waiting", 3);
    answer_figure(&w, world_take(&w, 1), "postings", 4);
    world_answer_error(&w, world_take(&w, 0), CODE_UNKNOWN);
    struct wire_reply reply = world_receive(&w, w.client);
    assert_int_equal(reply.code, CODE_OK);
    struct mp_reader body = mp_reader_of(reply.body.data, reply.body.length);
    expect_figure(body, "ratefeed", "waiting", 3);
    expect_figure(body, "router", "requests", 1);
    struct mp_reader publisher = body;
    assert_true(find_key(&publisher, "publisher"));
    assert_true(mp_is_nil(&publisher));
    world_stop(&w);
}

static void test_metrics_without_an_answer_of_a_service_tells_the_rest(void **state)
{
    (void)state;
    struct world w;
    start_with_services(&w, 1);
    send_to_service(&w, 1, OPERATION_SUBSCRIBER_LIST); /* its queue is full now */
    struct request *first = world_take_service(&w, SERVICE_PUBLISHER);
    send_nil(&w, OPERATION_METRICS);
    answer_figure(&w, world_take_service(&w, SERVICE_RATEFEED), "waiting", 3);
    answer_figure(&w, world_take(&w, 0), "postings", 4);
    answer_figure(&w, world_take(&w, 1), "postings", 4);
    struct wire_reply reply = world_receive(&w, w.client);
    assert_int_equal(reply.code, CODE_OK);
    struct mp_reader body = mp_reader_of(reply.body.data, reply.body.length);
    expect_figure(body, "ratefeed", "waiting", 3);
    expect_figure(body, "router", "busy", 1);
    assert_true(find_key(&body, "publisher"));
    assert_true(mp_is_nil(&body));
    world_answer_number(&w, first, 10);
    world_stop(&w);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void test_a_drain_waits_for_the_last_answer(void **state)
{
    struct world *w = *state;
    struct router_event event;
    world_send_balance(w, w->client, 1, world_account(0, 0));
    struct request *request = world_take(w, 0);
    router_drain(w->router);
    assert_false(router_next_event(w->router, 0, &event));
    world_answer_number(w, request, 10);
    world_expect_number(w, w->client, 1, 10);
    assert_true(router_next_event(w->router, -1, &event));
    assert_int_equal(event.kind, ROUTER_DRAINED);
    assert_int_equal(event.outstanding, 0);
}

static void test_a_drain_gives_up_after_its_time(void **state)
{
    (void)state;
    struct world w;
    struct router_event event;
    struct router_options options = world_options();
    options.drain_timeout_ms = 1;
    world_start(&w, &options);
    world_send_balance(&w, w.client, 1, world_account(0, 0));
    struct request *request = world_take(&w, 0);
    router_drain(w.router);
    assert_true(router_next_event(w.router, -1, &event));
    assert_int_equal(event.outstanding, 1);
    world_answer_error(&w, request, CODE_UNKNOWN); /* an actor's last word is still passed on */
    world_expect_error(&w, w.client, 1, CODE_UNKNOWN, FIELD_NONE);
    world_stop(&w);
}

static void test_requests_without_an_answer_are_freed_at_the_end(void **state)
{
    (void)state;
    struct world w;
    struct router_options options = world_options();
    options.drain_timeout_ms = 1;
    world_start(&w, &options);
    send_large(&w, 1, 100000);
    world_begin(&w, OPERATION_STATUS, 3, WIRE_PARTITION_ANY);
    mp_write_nil(&w.writer);
    world_send(&w, w.client);
    world_take(&w, 1);
    world_stop(&w);
}

static void test_an_address_in_use_is_told(void **state)
{
    struct world *w = *state;
    const char *why = NULL;
    char endpoint[ROUTER_ENDPOINT_MAX];
    struct router_options options = world_options();
    options.listen = w->endpoint;
    assert_null(router_new(&options, endpoint, &why));
    assert_non_null(why);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_req_client_gets_its_reply),
        WITH_WORLD(test_a_dealer_gets_a_reply_without_a_delimiter),
        WITH_WORLD(test_a_dealer_that_sends_a_delimiter_gets_one),
        WITH_WORLD(test_replies_may_come_in_another_order),
        WITH_WORLD(test_a_reply_to_a_client_that_left_harms_nobody),
        WITH_WORLD(test_an_actor_without_memory_for_a_reply_means_unknown),
        WITH_WORLD(test_requests_keep_their_order),
        cmocka_unit_test(test_a_full_mailbox_answers_busy_at_once),
        cmocka_unit_test(test_too_many_bytes_answer_busy),
        WITH_WORLD(test_a_partition_that_does_not_serve_answers_busy),
        WITH_WORLD(test_messages_with_too_many_frames_are_dropped),
        WITH_WORLD(test_two_payload_frames_are_refused_with_the_request_id),
        WITH_WORLD(test_a_frame_above_the_limit_is_too_large),
        WITH_WORLD(test_a_frame_far_above_the_limit_harms_nobody_else),
        WITH_WORLD(test_a_client_that_does_not_read_stops_nobody),
        WITH_WORLD(test_bad_heads_are_answered),
        WITH_WORLD(test_version_is_answered_without_the_partitions),
        WITH_WORLD(test_health_tells_each_partitions_state),
        WITH_WORLD(test_status_gathers_all_partitions),
        WITH_WORLD(test_status_tells_which_partition_could_not_answer),
        WITH_WORLD(test_a_service_that_does_not_run_is_unsupported),
        WITH_WORLD(test_remittances_are_only_looked_at_where_there_are_no_banks),
        cmocka_unit_test(test_remittances_go_on_where_there_are_banks),
        cmocka_unit_test(test_services_are_asked_and_answer),
        cmocka_unit_test(test_a_services_full_mailbox_answers_busy),
        cmocka_unit_test(test_a_service_that_stopped_is_told_once_and_answers_busy),
        cmocka_unit_test(test_a_drain_waits_for_services_too),
        cmocka_unit_test(test_metrics_asks_partitions_and_the_services_that_run),
        cmocka_unit_test(test_metrics_without_an_answer_of_a_service_tells_the_rest),
        WITH_WORLD(test_a_drain_waits_for_the_last_answer),
        cmocka_unit_test(test_a_drain_gives_up_after_its_time),
        cmocka_unit_test(test_requests_without_an_answer_are_freed_at_the_end),
        WITH_WORLD(test_an_address_in_use_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
