/* See router_world.h. */
#include "tests/unit/broker/router_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/base/handover.h"
#include "actors/ledger/ledger.h"

enum { PATIENCE_MS = 5000, LEDGER_ENDPOINT_MAX = 64 };

static const char *const service_endpoints[SERVICE_COUNT] = {
    [SERVICE_RATEFEED] = ROUTER_RATEFEED_ENDPOINT,
    [SERVICE_PUBLISHER] = ROUTER_PUBLISHER_ENDPOINT,
    [SERVICE_BANK] = ROUTER_BANK_ENDPOINT,
};

static void set_option(void *socket, int option, int value)
{
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

struct router_options world_options(void)
{
    struct router_options options = router_options_default();
    options.listen = "tcp://127.0.0.1:0";
    options.partitions = WORLD_PARTITIONS;
    return options;
}

void *world_client(struct world *self, int type)
{
    void *socket = zmq_socket(self->context, type);
    assert_non_null(socket);
    set_option(socket, ZMQ_RCVTIMEO, PATIENCE_MS);
    set_option(socket, ZMQ_SNDTIMEO, PATIENCE_MS);
    set_option(socket, ZMQ_LINGER, 0);
    assert_int_equal(zmq_connect(socket, self->endpoint), 0);
    return socket;
}

void world_start(struct world *self, const struct router_options *options)
{
    const char *why = "";
    *self = (struct world){0};
    zsys_handler_set(NULL);
    self->context = zsys_init();
    zmq_msg_init(&self->frame);
    self->router = router_new(options, self->endpoint, &why);
    if (self->router == NULL)
        fail_msg("router_new: %s", why);
    self->answers = zmq_socket(self->context, ZMQ_PUSH);
    assert_int_equal(zmq_connect(self->answers, ROUTER_ANSWERS_ENDPOINT), 0);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        char endpoint[LEDGER_ENDPOINT_MAX];
        snprintf(endpoint, sizeof endpoint, ROUTER_LEDGER_ENDPOINT, p);
        self->ledgers[p] = zmq_socket(self->context, ZMQ_PULL);
        set_option(self->ledgers[p], ZMQ_RCVTIMEO, PATIENCE_MS);
        assert_int_equal(zmq_bind(self->ledgers[p], endpoint), 0);
        world_set_state(self, p, PARTITION_SERVING);
        struct router_event event;
        assert_true(router_next_event(self->router, PATIENCE_MS, &event));
        assert_int_equal(event.kind, ROUTER_STATE);
        assert_int_equal(event.partition, p);
    }
    for (int s = 0; s < SERVICE_COUNT; s++) {
        if (!options->services[s])
            continue;
        self->services[s] = zmq_socket(self->context, ZMQ_PULL);
        set_option(self->services[s], ZMQ_RCVTIMEO, PATIENCE_MS);
        assert_int_equal(zmq_bind(self->services[s], service_endpoints[s]), 0);
    }
    self->client = world_client(self, ZMQ_DEALER);
}

void world_stop(struct world *self)
{
    zmq_close(self->client);
    zmq_close(self->answers);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        char endpoint[LEDGER_ENDPOINT_MAX];
        snprintf(endpoint, sizeof endpoint, ROUTER_LEDGER_ENDPOINT, p);
        zmq_unbind(self->ledgers[p], endpoint); /* at once; closing takes its time */
        zmq_close(self->ledgers[p]);
    }
    for (int s = 0; s < SERVICE_COUNT; s++) {
        if (self->services[s] == NULL)
            continue;
        zmq_unbind(self->services[s], service_endpoints[s]);
        zmq_close(self->services[s]);
    }
    zactor_destroy(&self->router);
    mp_writer_release(&self->writer);
    zmq_msg_close(&self->frame);
}

/* ---- the actors' side ------------------------------------------------------------------------- */

void world_set_state(struct world *self, uint32_t number, enum partition_state state)
{
    struct box box = {.kind = BOX_STATE, .number = number, .value = state};
    assert_int_equal(zmq_send(self->answers, &box, sizeof box, 0), sizeof box);
}

static struct request *take(void *mailbox, uint32_t number)
{
    struct box box;
    assert_int_equal(zmq_recv(mailbox, &box, sizeof box, 0), sizeof box);
    assert_int_equal(box.kind, BOX_REQUESTS);
    assert_int_equal(box.number, number);
    assert_non_null(box.pointer);
    handover_take(box.pointer);
    return box.pointer;
}

struct request *world_take(struct world *self, uint32_t partition)
{
    return take(self->ledgers[partition], partition);
}

struct request *world_take_service(struct world *self, enum route_service service)
{
    return take(self->services[service], LEDGER_PARTITIONS_MAX + service);
}

bool world_is_idle(struct world *self, uint32_t partition)
{
    struct box box;
    world_begin(self, OPERATION_HEALTH, UINT64_MAX, WIRE_PARTITION_ANY);
    mp_write_nil(&self->writer);
    world_send(self, self->client);
    assert_int_equal(world_receive(self, self->client).code, CODE_OK);
    return zmq_recv(self->ledgers[partition], &box, sizeof box, ZMQ_DONTWAIT) < 0;
}

void world_answer(struct world *self, struct request *request)
{
    request->next = NULL;
    assert_true(wire_message_init(&request->reply, &self->writer));
    struct box box = {.kind = BOX_ANSWERED, .pointer = request};
    handover_give(request);
    assert_int_equal(zmq_send(self->answers, &box, sizeof box, 0), sizeof box);
}

void world_answer_number(struct world *self, struct request *request, uint64_t number)
{
    mp_writer_reset(&self->writer);
    wire_reply_begin(&self->writer, request->header.request_id, CODE_OK);
    mp_write_uint(&self->writer, number);
    world_answer(self, request);
}

void world_answer_error(struct world *self, struct request *request, enum code code)
{
    mp_writer_reset(&self->writer);
    wire_error_write(&self->writer, request->header.request_id, code, FIELD_NONE, NULL);
    world_answer(self, request);
}

/* ---- the clients' side ------------------------------------------------------------------------ */

void world_begin(struct world *self, enum wire_operation operation, uint64_t request_id, uint32_t partition)
{
    struct wire_header header = {.operation = operation, .request_id = request_id, .partition = partition};
    mp_writer_reset(&self->writer);
    wire_header_write(&self->writer, &header);
}

void world_send_bytes(void *socket, const void *bytes, size_t length, int flags)
{
    assert_int_equal(zmq_send(socket, bytes, length, flags), (int)length);
}

void world_send(struct world *self, void *socket)
{
    world_send_bytes(socket, self->writer.data, self->writer.length, 0);
}

struct wire_reply world_receive(struct world *self, void *socket)
{
    struct wire_reply reply;
    if (zmq_msg_recv(&self->frame, socket, 0) < 0)
        fail_msg("no reply: %s", zmq_strerror(zmq_errno()));
    assert_false(zmq_msg_more(&self->frame));
    assert_true(wire_reply_read(zmq_msg_data(&self->frame), zmq_msg_size(&self->frame), &reply));
    return reply;
}

void world_expect_error(struct world *self, void *socket, uint64_t request_id, enum code code,
                        enum field field)
{
    enum field found;
    struct wire_reply reply = world_receive(self, socket);
    assert_string_equal(code_name(reply.code), code_name(code));
    assert_int_equal(reply.request_id, request_id);
    assert_true(wire_error_read(&reply, &found, NULL));
    assert_int_equal(found, field);
}

void world_expect_number(struct world *self, void *socket, uint64_t request_id, uint64_t number)
{
    uint64_t found;
    struct wire_reply reply = world_receive(self, socket);
    assert_string_equal(code_name(reply.code), code_name(CODE_OK));
    assert_int_equal(reply.request_id, request_id);
    struct mp_reader reader = mp_reader_of(reply.body.data, reply.body.length);
    assert_true(mp_read_uint(&reader, &found));
    assert_int_equal(found, number);
}

void world_send_balance(struct world *self, void *socket, uint64_t request_id, const char *account)
{
    world_begin(self, OPERATION_BALANCE, request_id, WIRE_PARTITION_ANY);
    mp_write_map(&self->writer, 1);
    mp_write_text(&self->writer, "account");
    mp_write_text(&self->writer, account);
    world_send(self, socket);
}

const char *world_account(uint32_t partition, unsigned number)
{
    static char names[WORLD_PARTITIONS][ACCOUNT_ID_MAX];
    char *name = names[partition];
    for (unsigned i = 0;; i++) {
        snprintf(name, ACCOUNT_ID_MAX, "account-%u-%u", number, i);
        if (ledger_partition_of(str_from(name), WORLD_PARTITIONS) == partition)
            return name;
    }
}
