#include "sim/broker.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "broker/join.h"
#include "broker/route.h"
#include "broker/wire/node.h"
#include "broker/wire/rows.h"
#include "sim/disk/heap.h"

struct asked {
    struct request request; /* first: members see only this */
    struct asked *next, **link;
    uint32_t client;
    bool is_lost; /* a part of it went down with its partition: there will be no answer */
};

struct broker {
    struct broker_config config;
    struct asked *all;
    uint64_t count;
    struct {
        enum partition_state state;
        uint32_t requests, limit;
    } mailboxes[LEDGER_PARTITIONS_MAX];
    struct wire_split split;
    struct mp_writer writer;
    struct router_turn turn;
    struct router_figures figures; /* stays empty */
};

struct broker *broker_new(const struct broker_config *config)
{
    struct broker *self = calloc(1, sizeof *self);
    CHECK(self);
    self->config = *config;
    for (uint32_t p = 0; p < config->partitions; p++)
        self->mailboxes[p].limit = config->mailbox_requests;
    return self;
}

void broker_destroy(struct broker **self_p)
{
    struct broker *self = *self_p;
    *self_p = NULL;
    CHECK(!self->all && self->count == 0);
    wire_split_release(&self->split);
    mp_writer_release(&self->writer);
    free(self);
}

uint64_t broker_outstanding(const struct broker *self)
{
    return self->count;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static struct asked *asked_new(struct broker *self, uint32_t client)
{
    struct asked *asked = calloc(1, sizeof *asked);
    CHECK(asked);
    zmq_msg_init(&asked->request.frame);
    zmq_msg_init(&asked->request.reply);
    zmq_msg_init(&asked->request.identity);
    asked->client = client;
    asked->next = self->all;
    asked->link = &self->all;
    if (asked->next)
        asked->next->link = &asked->next;
    self->all = asked;
    self->count++;
    return asked;
}

static void asked_free(struct broker *self, struct asked *asked)
{
    *asked->link = asked->next;
    if (asked->next)
        asked->next->link = asked->link;
    self->count--;
    zmq_msg_close(&asked->request.frame);
    zmq_msg_close(&asked->request.reply);
    zmq_msg_close(&asked->request.identity);
    free(asked);
}

static struct asked *asked_of(struct request *request)
{
    return (struct asked *)request;
}

/* ---- answers ------------------------------------------------------------------------------------ */

static void answer(struct broker *self, struct request *request);

static void set_reply(struct broker *self, struct request *request, enum code code)
{
    request->code = code;
    zmq_msg_close(&request->reply);
    bool made = wire_message_init(&request->reply, &self->writer);
    CHECK(made);
}

static void refuse(struct broker *self, struct request *request, enum code code, enum field field)
{
    mp_writer_reset(&self->writer);
    wire_error_write(&self->writer, request->header.request_id, code, field, NULL);
    set_reply(self, request, code);
    answer(self, request);
}

static void send_reply(struct broker *self, struct asked *asked)
{
    zmq_msg_t *reply = &asked->request.reply;
    if (zmq_msg_size(reply) == 0) { /* who should have answered had no memory */
        mp_writer_reset(&self->writer);
        wire_error_write(&self->writer, asked->request.header.request_id, CODE_UNKNOWN, FIELD_NONE, NULL);
        set_reply(self, &asked->request, CODE_UNKNOWN);
    }
    if (!asked->is_lost) {
        struct packet *packet =
            network_packet(WORLD_BROKER, NETWORK_CLIENT + asked->client, 0, zmq_msg_size(reply));
        memcpy(packet->bytes, zmq_msg_data(reply), packet->length);
        self->config.send(self->config.context, packet);
    }
    asked_free(self, asked);
}

static void join_free(struct broker *self, struct join *join)
{
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        if (join->parts[p])
            asked_free(self, asked_of(join->parts[p]));
    }
    wire_split_release(&join->split);
    free(join);
}

/* One thing less to wait for. */
static void join_step(struct broker *self, struct join *join)
{
    if (--join->open_count > 0)
        return;
    struct request *origin = join->origin;
    struct join_node node = {.partitions = self->config.partitions, .figures = &self->figures};
    bool is_lost = false;
    for (uint32_t p = 0; p < self->config.partitions; p++)
        is_lost = is_lost || (join->parts[p] && asked_of(join->parts[p])->is_lost);
    asked_of(origin)->is_lost = is_lost;
    if (!is_lost) {
        mp_writer_reset(&self->writer);
        set_reply(self, origin, join_write(join, &node, &self->writer));
    }
    join_free(self, join);
    send_reply(self, asked_of(origin));
}

static void answer(struct broker *self, struct request *request)
{
    struct join *join = request->join;
    if (!join) {
        send_reply(self, asked_of(request));
        return;
    }
    join->parts[request->join_part] = request;
    join_step(self, join);
}

void broker_answered(struct broker *self, uint32_t partition, struct request *list, bool is_lost)
{
    heap_pause(); /* the memory of the router is not the partition's */
    while (list) {
        struct request *request = list;
        list = request->next;
        CHECK(self->mailboxes[partition].requests > 0);
        self->mailboxes[partition].requests--;
        asked_of(request)->is_lost = is_lost;
        answer(self, request);
    }
    heap_resume();
}

void broker_state(struct broker *self, uint32_t partition, enum partition_state state)
{
    self->mailboxes[partition].state = state;
}

void broker_mailbox(struct broker *self, uint32_t partition, uint32_t requests)
{
    self->mailboxes[partition].limit = requests;
}

/* ---- to partitions ------------------------------------------------------------------------------ */

static void deliver(struct broker *self, struct request *request, uint32_t partition)
{
    enum partition_state state = self->mailboxes[partition].state;
    if (state == PARTITION_STARTING || state == PARTITION_STOPPED ||
        self->mailboxes[partition].requests >= self->mailboxes[partition].limit) {
        refuse(self, request, CODE_BUSY, FIELD_NONE);
        return;
    }
    struct box box = {.kind = BOX_REQUESTS, .number = partition, .pointer = request};
    request->partition = partition;
    request->next = NULL;
    self->mailboxes[partition].requests++;
    if (self->config.give(self->config.context, partition, &box))
        return;
    self->mailboxes[partition].requests--;
    refuse(self, request, CODE_BUSY, FIELD_NONE);
}

static void header_read(struct request *request)
{
    enum code code;
    enum field field;
    bool is_read = wire_header_read(zmq_msg_data(&request->frame), zmq_msg_size(&request->frame),
                                    &request->header, &code, &field);
    CHECK(is_read);
}

static void ask_part(struct broker *self, struct join *join, uint32_t partition, bool is_split)
{
    struct request *part = &asked_new(self, 0)->request;
    part->join = join;
    part->join_part = partition;
    part->header = join->origin->header; /* its body stays in the origin's frame, which outlives the part */
    join->open_count++;
    if (is_split) {
        mp_writer_reset(&self->writer);
        wire_split_write(&join->split, &join->origin->header, partition, &self->writer);
        bool made = wire_message_init(&part->frame, &self->writer);
        CHECK(made);
        header_read(part);
    }
    deliver(self, part, partition);
}

static void ask_parts(struct broker *self, struct request *origin, bool is_split)
{
    struct join *join = calloc(1, sizeof *join);
    CHECK(join);
    join->origin = origin;
    join->open_count = 1; /* held open until every part is on its way */
    if (is_split) {
        join->split = self->split;
        self->split = (struct wire_split){0};
    }
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        if (!is_split || join->split.by_partition[p] > 0)
            ask_part(self, join, p, is_split);
    }
    join_step(self, join);
}

void broker_receive(struct broker *self, const struct packet *packet)
{
    enum code code;
    enum field field;
    struct request *request = &asked_new(self, packet->from - NETWORK_CLIENT)->request;
    zmq_msg_init_size(&request->frame, packet->length);
    memcpy(zmq_msg_data(&request->frame), packet->bytes, packet->length);
    if (!wire_header_read(zmq_msg_data(&request->frame), packet->length, &request->header, &code, &field)) {
        refuse(self, request, code, field);
        return;
    }
    struct route route = route_of(&request->header, self->config.partitions, &self->split, &self->turn);
    switch (route.kind) {
    case ROUTE_ONE:
        deliver(self, request, route.partition);
        break;
    case ROUTE_SPLIT:
    case ROUTE_ALL:
    case ROUTE_METRICS:
        ask_parts(self, request, route.kind == ROUTE_SPLIT);
        break;
    case ROUTE_SELF: /* health and version: no client of the world asks */
    case ROUTE_REFUSED:
        refuse(self, request, route.kind == ROUTE_SELF ? CODE_UNSUPPORTED : route.code, route.field);
        break;
    case ROUTE_SERVICE: /* none runs in the world */
        refuse(self, request, CODE_UNSUPPORTED, FIELD_OPERATION);
        break;
    }
}
