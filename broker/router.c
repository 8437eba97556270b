/* The router's rounds. One thread owns everything here; requests leave it and come back by pointer.
 *
 * Invariants: a request that was taken from the pool is in exactly one place: being read, on a mailbox's
 * list, in an actor's hands (counted in its mailbox), held by a join as origin or answered part, or being
 * answered. Each gets exactly one reply or one counted drop, and goes back to the pool.
 */
#include "broker/router.h"

#include <time.h>

#include "actors/base/check.h"
#include "actors/base/handover.h"
#include "broker/connections.h"
#include "broker/join.h"
#include "broker/request_pool.h"
#include "broker/route.h"
#include "broker/wire/node.h"
#include "broker/wire/rows.h"

enum {
    ROUND_REQUESTS = 256,  /* read in one round */
    ROUND_BOXES = 256,     /* of answers taken in one round */
    ROUND_DISCARDS = 1024, /* surplus frames thrown away in one round */
    COMMAND_ROUNDS = 64,   /* busy rounds between two looks at the pipe */
    FRAMES_MAX = 3,        /* of a request, a delimiter included */

    MESSAGE_BYTES_MAX = 2 * WIRE_FRAME_MAX, /* up to here too large is answered, above it disconnects */
    HANDSHAKE_MS = 3000,
    HEARTBEAT_MS = 5000,
    HEARTBEAT_TTL_MS = 15000,
    LINGER_MS = 2000,
    BACKLOG = 512,
    RECEIVE_HWM = 256, /* messages of one peer that wait to be read */
    SEND_HWM = 16384,  /* replies that wait for one peer */
};

/* The way to one partition or service; what it has in hand is in the figures. One without a socket is not there. */
struct mailbox {
    void *socket;
    struct request *first, *last; /* to be sent at the end of the round */
    unsigned states_told;         /* a bit for each state that the parent knows of */
};

struct router {
    struct router_options options;
    zsock_t *pipe;
    void *clients; /* ROUTER */
    void *answers; /* PULL */
    struct mailbox mailboxes[ROUTER_MAILBOXES_MAX];
    struct request_pool requests;
    struct join *joins; /* one block, as the pool of requests */
    size_t joins_touched, joins_capacity;
    struct join *joins_free;
    struct request *reading; /* to be filled by the next message */
    struct wire_split split;
    struct mp_writer writer;
    struct router_turn turn;
    struct router_counters counters;
    struct router_figures figures;
    struct connections connections; /* of clients */
    size_t outstanding;             /* sum of mailboxes' requests */
    unsigned rounds;
    int64_t started_us, now_us, drain_until_us;
    bool discarding; /* the rest of a message with too many frames comes next */
    bool draining, drained, ending;
};

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- to clients ------------------------------------------------------------------------------- */

static void answer(struct router *self, struct request *request);

/* Puts what the writer holds into the request's reply. Without memory it stays empty. */
static void set_reply(struct router *self, struct request *request, enum code code)
{
    request->code = code;
    zmq_msg_close(&request->reply);
    if (!wire_message_init(&request->reply, &self->writer))
        zmq_msg_init(&request->reply);
}

static void set_error(struct router *self, struct request *request, enum code code, enum field field,
                      const char *message)
{
    mp_writer_reset(&self->writer);
    wire_error_write(&self->writer, request->header.request_id, code, field, message);
    set_reply(self, request, code);
}

static void refuse(struct router *self, struct request *request, enum code code, enum field field,
                   const char *message)
{
    if (code == CODE_BUSY)
        self->counters.busy++;
    else
        self->counters.bad++;
    set_error(self, request, code, field, message);
    answer(self, request);
}

/* Once the identity is taken, ZeroMQ takes the rest of the message too. */
static bool send_frames(struct router *self, struct request *request)
{
    if (zmq_msg_send(&request->identity, self->clients, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return false; /* the peer is gone, or does not read */
    if (request->has_delimiter)
        zmq_send(self->clients, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    return zmq_msg_send(&request->reply, self->clients, ZMQ_DONTWAIT) >= 0;
}

static void send_reply(struct router *self, struct request *request)
{
    if (zmq_msg_size(&request->reply) == 0) /* who should have answered had no memory */
        set_error(self, request, CODE_UNKNOWN, FIELD_NONE, NULL);
    if (zmq_msg_size(&request->reply) > 0 && send_frames(self, request))
        self->counters.replies++;
    else
        self->counters.dropped++;
    router_figures_answer(&self->figures, request->header.operation, request->code,
                          self->now_us - request->arrived_us);
    request_pool_give(&self->requests, request);
}

/* ---- joins ------------------------------------------------------------------------------------ */

static struct join *join_take(struct router *self, struct request *origin)
{
    struct join *join = self->joins_free;
    if (join != NULL) {
        self->joins_free = join->next;
    } else {
        CHECK(self->joins_touched < self->joins_capacity); /* each has an admitted part */
        join = &self->joins[self->joins_touched++];
    }
    *join = (struct join){.origin = origin};
    return join;
}

static void join_give(struct router *self, struct join *join)
{
    for (uint32_t i = 0; i < ROUTER_MAILBOXES_MAX; i++) {
        if (join->parts[i] != NULL)
            request_pool_give(&self->requests, join->parts[i]);
    }
    wire_split_release(&join->split);
    join->origin = NULL;
    join->next = self->joins_free;
    self->joins_free = join;
}

/* One thing less to wait for; after the last the client gets its reply. */
static void join_step(struct router *self, struct join *join)
{
    if (--join->open_count > 0)
        return;
    struct request *origin = join->origin;
    struct join_node node = {
        .partitions = self->options.partitions,
        .uptime_us = self->now_us - self->started_us,
        .counters = self->counters,
        .figures = &self->figures,
    };
    set_reply(self, origin, join_write(join, &node, &self->writer));
    join_give(self, join);
    send_reply(self, origin);
}

/* Every answer comes through here, the partitions' and the router's own. */
static void answer(struct router *self, struct request *request)
{
    struct join *join = request->join;
    if (join == NULL) {
        send_reply(self, request);
        return;
    }
    join->parts[request->join_part] = request;
    join_step(self, join);
}

/* ---- to partitions and services --------------------------------------------------------------- */

static uint64_t request_bytes(const struct request *request)
{
    return request->header.body.length + sizeof *request;
}

static const char STOPPED[] = "it has stopped";

/* NULL: there is room for it. */
static const char *reason_to_refuse(const struct router *self, const struct router_queue *queue,
                                    const struct request *request)
{
    switch (queue->state) {
    case PARTITION_STARTING:
        return "not serving yet";
    case PARTITION_STOPPED:
        return STOPPED;
    case PARTITION_SERVING:
    case PARTITION_FULL:
        break;
    }
    if (queue->requests.now >= self->options.mailbox_requests ||
        queue->bytes.now + request_bytes(request) > self->options.mailbox_bytes)
        return "the queue is full";
    return NULL;
}

static void release_place(struct router *self, const struct request *request)
{
    router_figures_leave(&self->figures, request->partition, request_bytes(request));
    self->outstanding--;
}

/* number: of the mailbox. */
static void deliver(struct router *self, struct request *request, uint32_t number)
{
    struct mailbox *mailbox = &self->mailboxes[number];
    const char *reason = reason_to_refuse(self, &self->figures.queues[number], request);
    if (reason != NULL) {
        refuse(self, request, CODE_BUSY, FIELD_NONE, reason);
        return;
    }
    request->partition = number;
    request->next = NULL;
    if (mailbox->first == NULL)
        mailbox->first = request;
    else
        mailbox->last->next = request;
    mailbox->last = request;
    router_figures_enter(&self->figures, number, request_bytes(request));
    self->outstanding++;
}

/* The actor is gone: nothing of its list has been started. */
static void refuse_list(struct router *self, struct mailbox *mailbox)
{
    struct request *list = mailbox->first;
    mailbox->first = mailbox->last = NULL;
    while (list != NULL) {
        struct request *request = list;
        list = request->next;
        release_place(self, request);
        refuse(self, request, CODE_BUSY, FIELD_NONE, STOPPED);
    }
}

static void send_box(struct router *self, uint32_t number)
{
    struct mailbox *mailbox = &self->mailboxes[number];
    if (mailbox->first == NULL)
        return;
    struct box box = {.kind = BOX_REQUESTS, .number = number, .pointer = mailbox->first};
    handover_give(box.pointer);
    if (zmq_send(mailbox->socket, &box, sizeof box, ZMQ_DONTWAIT) >= 0)
        mailbox->first = mailbox->last = NULL;
    else
        refuse_list(self, mailbox);
}

/* Boxes cannot outnumber requests, which are bounded, so the inproc queues are not. */
static void send_boxes(struct router *self)
{
    for (uint32_t p = 0; p < self->options.partitions; p++)
        send_box(self, p);
    for (uint32_t s = 0; s < SERVICE_COUNT; s++)
        send_box(self, LEDGER_PARTITIONS_MAX + s);
}

/* A part's frame has its own elements. false: no memory. */
static bool write_split_frame(struct router *self, const struct join *join, struct request *part,
                              uint32_t partition)
{
    enum code code;
    enum field field;
    mp_writer_reset(&self->writer);
    wire_split_write(&join->split, &join->origin->header, partition, &self->writer);
    if (!wire_message_init(&part->frame, &self->writer)) {
        zmq_msg_init(&part->frame);
        return false;
    }
    bool is_read = wire_header_read(zmq_msg_data(&part->frame), zmq_msg_size(&part->frame), &part->header,
                                    &code, &field);
    CHECK(is_read);
    return true;
}

static struct request *new_request(struct router *self)
{
    struct request *request = request_pool_take(&self->requests);
    CHECK(request != NULL); /* the pool was sized for all that the mailboxes admit */
    request->arrived_us = self->now_us;
    return request;
}

static void ask_part(struct router *self, struct join *join, uint32_t number, bool is_split)
{
    struct request *part = new_request(self);
    part->join = join;
    part->join_part = number;
    part->header = join->origin->header; /* its body stays in the origin's frame, which outlives the part */
    join->open_count++;
    if (is_split && !write_split_frame(self, join, part, number))
        refuse(self, part, CODE_BUSY, FIELD_NONE, NULL);
    else
        deliver(self, part, number);
}

/* The join is held open until every part is on its way, because a part may be refused at once. */
static void ask_parts(struct router *self, struct request *origin, enum route_kind kind)
{
    bool is_split = kind == ROUTE_SPLIT;
    struct join *join = join_take(self, origin);
    join->open_count = 1;
    if (is_split) {
        join->split = self->split;
        self->split = (struct wire_split){0};
    }
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        if (!is_split || join->split.by_partition[p] > 0)
            ask_part(self, join, p, is_split);
    }
    for (uint32_t s = 0; s < SERVICE_COUNT; s++) {
        if (kind == ROUTE_METRICS && self->options.services[s])
            ask_part(self, join, LEDGER_PARTITIONS_MAX + s, false);
    }
    join_step(self, join);
}

/* ---- what the router knows by itself ---------------------------------------------------------- */

static void answer_self(struct router *self, struct request *request)
{
    uint64_t request_id = request->header.request_id;
    mp_writer_reset(&self->writer);
    if (request->header.operation == OPERATION_VERSION) {
        struct wire_version version = {
            .name = STR_LITERAL("teller"),
            .version = STR_LITERAL(TELLER_VERSION),
            .protocol = WIRE_VERSION,
            .partitions = self->options.partitions,
        };
        wire_version_write(&self->writer, request_id, &version);
    } else {
        struct wire_health health = {.partitions = self->options.partitions};
        for (uint32_t p = 0; p < self->options.partitions; p++)
            health.states[p] = self->figures.queues[p].state;
        wire_health_write(&self->writer, request_id, &health);
    }
    set_reply(self, request, CODE_OK);
    answer(self, request);
}

/* ---- from clients ----------------------------------------------------------------------------- */

static void deliver_to_service(struct router *self, struct request *request, enum route_service service)
{
    if (self->options.services[service])
        deliver(self, request, LEDGER_PARTITIONS_MAX + service);
    else
        refuse(self, request, CODE_UNSUPPORTED, FIELD_OPERATION, "the node does not run this service");
}

static void dispatch(struct router *self, struct request *request)
{
    enum code code;
    enum field field;
    if (!wire_header_read(zmq_msg_data(&request->frame), zmq_msg_size(&request->frame), &request->header,
                          &code, &field)) {
        request->header.operation = OPERATION_COUNT;
        refuse(self, request, code, field, NULL);
        return;
    }
    struct route route = route_of(&request->header, self->options.partitions, &self->split, &self->turn);
    if (route.needs_bank && !self->options.services[SERVICE_BANK]) {
        refuse(self, request, CODE_UNSUPPORTED, FIELD_OPERATION, "the node has no banks");
        return;
    }
    switch (route.kind) {
    case ROUTE_ONE:
        deliver(self, request, route.partition);
        break;
    case ROUTE_SPLIT:
    case ROUTE_ALL:
    case ROUTE_METRICS:
        ask_parts(self, request, route.kind);
        break;
    case ROUTE_SELF:
        answer_self(self, request);
        break;
    case ROUTE_SERVICE:
        deliver_to_service(self, request, route.service);
        break;
    case ROUTE_REFUSED:
        refuse(self, request, route.code, route.field, NULL);
        break;
    }
}

/* Throws away what is left of a message, a bounded number of frames at a time. */
static void discard(struct router *self)
{
    zmq_msg_t surplus;
    zmq_msg_init(&surplus);
    for (int i = 0; i < ROUND_DISCARDS && self->discarding; i++) {
        if (zmq_msg_recv(&surplus, self->clients, ZMQ_DONTWAIT) < 0)
            break;
        self->discarding = zmq_msg_more(&surplus);
    }
    zmq_msg_close(&surplus);
}

/* The frames behind the payload frame. Returns how many there were, and stops at `most`. */
static int skip_frames(struct router *self, bool more, int most)
{
    int skipped = 0;
    zmq_msg_t surplus;
    zmq_msg_init(&surplus);
    while (more && skipped < most && zmq_msg_recv(&surplus, self->clients, ZMQ_DONTWAIT) >= 0) {
        more = zmq_msg_more(&surplus);
        skipped++;
    }
    self->discarding = more;
    zmq_msg_close(&surplus);
    return skipped;
}

/* Reads one message into self->reading. false: none is waiting, or it was dropped (see self->discarding).
 * *is_single: it has one payload frame. */
static bool read_message(struct router *self, struct request *request, bool *is_single)
{
    request->has_delimiter = false;
    if (zmq_msg_recv(&request->frame, self->clients, ZMQ_DONTWAIT) < 0)
        return false;
    bool more = zmq_msg_more(&request->frame);
    int frames = 1;
    if (more && zmq_msg_size(&request->frame) == 0) {
        request->has_delimiter = true;
        if (zmq_msg_recv(&request->frame, self->clients, ZMQ_DONTWAIT) < 0)
            return false;
        more = zmq_msg_more(&request->frame);
        frames++;
    }
    int skipped = skip_frames(self, more, FRAMES_MAX - frames);
    *is_single = skipped == 0;
    return !self->discarding;
}

/* false: nothing was waiting. */
static bool read_request(struct router *self)
{
    if (self->discarding) {
        discard(self);
        return true;
    }
    if (self->reading == NULL)
        self->reading = new_request(self);
    struct request *request = self->reading;
    bool is_single = true;
    if (zmq_msg_recv(&request->identity, self->clients, ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more(&request->identity) || !read_message(self, request, &is_single)) {
        self->counters.dropped++;
        return true;
    }
    self->reading = NULL;
    self->counters.requests++;
    request->arrived_us = self->now_us;
    if (is_single) {
        dispatch(self, request);
    } else {
        enum code code;
        enum field field;
        wire_header_read(zmq_msg_data(&request->frame), zmq_msg_size(&request->frame), &request->header,
                         &code, &field);
        request->header.operation = OPERATION_COUNT;
        refuse(self, request, CODE_BAD_REQUEST, FIELD_NONE, "a message has one payload frame");
    }
    return true;
}

/* ---- from actors ------------------------------------------------------------------------------ */

static void take_answers(struct router *self, struct request *list)
{
    while (list != NULL) {
        struct request *request = list;
        list = request->next;
        release_place(self, request);
        answer(self, request);
    }
}

/* The parent hears of each state once, so that what waits in the pipe is bounded. */
static void take_state(struct router *self, uint32_t number, enum partition_state state)
{
    CHECK(number < ROUTER_MAILBOXES_MAX && self->mailboxes[number].socket != NULL);
    struct mailbox *mailbox = &self->mailboxes[number];
    self->figures.queues[number].state = state;
    if ((mailbox->states_told & (1u << state)) != 0)
        return;
    mailbox->states_told |= 1u << state;
    struct router_event event = {.kind = ROUTER_STATE, .partition = number, .state = state};
    if (number >= LEDGER_PARTITIONS_MAX) {
        event.kind = ROUTER_SERVICE_STATE;
        event.partition = 0;
        event.service = (enum route_service)(number - LEDGER_PARTITIONS_MAX);
    }
    zmq_send(zsock_resolve(self->pipe), &event, sizeof event, 0);
}

static void take_box(struct router *self, const struct box *box)
{
    switch (box->kind) {
    case BOX_ANSWERED:
        handover_take(box->pointer);
        take_answers(self, box->pointer);
        return;
    case BOX_STATE:
        take_state(self, box->number, (enum partition_state)box->value);
        return;
    case BOX_REQUESTS:
    case BOX_PEER:
    case BOX_READ:
    case BOX_NAMES:
    case BOX_JOURNAL:
    case BOX_CALLS:
    case BOX_REPORTS:
    case BOX_CALLBACK:
        break;
    }
    CHECK_UNREACHABLE();
}

/* false: nothing was waiting. */
static bool read_answers(struct router *self)
{
    struct box box;
    int taken = 0;
    while (taken < ROUND_BOXES && zmq_recv(self->answers, &box, sizeof box, ZMQ_DONTWAIT) >= 0) {
        take_box(self, &box);
        taken++;
    }
    return taken > 0;
}

/* ---- the actor -------------------------------------------------------------------------------- */

static bool run_round(struct router *self)
{
    int read = 0;
    self->now_us = monotonic_us();
    while (!self->draining && read < ROUND_REQUESTS && read_request(self))
        read++;
    send_boxes(self);
    self->now_us = monotonic_us(); /* what is answered now was not answered when the round began */
    bool answered = read_answers(self);
    return read > 0 || answered;
}

static void start_drain(struct router *self)
{
    if (self->draining)
        return;
    self->draining = true;
    self->drain_until_us = monotonic_us() + self->options.drain_timeout_ms * 1000;
}

static void read_command(struct router *self)
{
    char *command = zstr_recv(self->pipe);
    if (command == NULL)
        return;
    start_drain(self); /* DRAIN and $TERM both begin so */
    if (streq(command, "$TERM"))
        self->ending = true;
    zstr_free(&command);
}

static void check_drained(struct router *self)
{
    if (!self->draining || self->drained)
        return;
    if (self->outstanding > 0 && monotonic_us() < self->drain_until_us)
        return;
    self->drained = true;
    struct router_event event = {.kind = ROUTER_DRAINED, .outstanding = self->outstanding};
    zmq_send(zsock_resolve(self->pipe), &event, sizeof event, 0);
}

static void note_connections(struct router *self)
{
    connections_count(&self->connections);
    self->figures.connections_opened = self->connections.opened;
    self->figures.connections_closed = self->connections.closed;
    self->figures.handshakes_failed = self->connections.failed;
}

/* Waits for the pipe, for answers and, unless draining, for clients. */
static void wait_for_work(struct router *self, bool was_busy)
{
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        {.socket = self->answers, .events = ZMQ_POLLIN},
        {.socket = self->connections.monitor, .events = ZMQ_POLLIN},
        {.socket = self->clients, .events = ZMQ_POLLIN},
    };
    long timeout_ms = -1;
    if (was_busy)
        timeout_ms = 0;
    else if (self->draining && !self->drained)
        timeout_ms = (self->drain_until_us - monotonic_us()) / 1000 + 1;
    if (timeout_ms < -1)
        timeout_ms = 0;
    if (zmq_poll(items, self->draining ? 3 : 4, timeout_ms) > 0 && items[0].revents != 0)
        read_command(self);
    if (items[2].revents != 0)
        note_connections(self);
}

static void router_destroy(struct router **self_p)
{
    struct router *self = *self_p;
    for (uint32_t i = 0; i < ROUTER_MAILBOXES_MAX; i++) {
        if (self->mailboxes[i].socket != NULL)
            zmq_close(self->mailboxes[i].socket);
    }
    if (self->answers != NULL) {
        zmq_unbind(self->answers, ROUTER_ANSWERS_ENDPOINT); /* at once; closing takes its time */
        zmq_close(self->answers);
    }
    connections_release(&self->connections);
    if (self->clients != NULL)
        zmq_close(self->clients);
    request_pool_release(&self->requests);
    for (size_t i = 0; i < self->joins_touched; i++)
        wire_split_release(&self->joins[i].split);
    free(self->joins);
    wire_split_release(&self->split);
    mp_writer_release(&self->writer);
    free(self);
    *self_p = NULL;
}

static void router_actor(zsock_t *pipe, void *args)
{
    struct router *self = args;
    handover_take(self);
    self->pipe = pipe;
    check_enter("router");
    zsock_signal(pipe, 0);
    for (;;) {
        bool was_busy = run_round(self);
        check_drained(self);
        if (self->ending && self->drained)
            break;
        if (!was_busy || ++self->rounds % COMMAND_ROUNDS == 0)
            wait_for_work(self, was_busy);
    }
    while (read_answers(self)) /* what actors said while they ended */
        continue;
    router_destroy(&self);
}

/* ---- starting --------------------------------------------------------------------------------- */

struct router_options router_options_default(void)
{
    return (struct router_options){
        .listen = ROUTER_LISTEN_DEFAULT,
        .partitions = 1,
        .mailbox_requests = 8192,
        .mailbox_bytes = UINT64_C(256) << 20,
        .drain_timeout_ms = 10000,
    };
}

/* Outstanding requests may all be parts, each with an origin of its own; besides one that is being read and its parts. */
static bool take_memory(struct router *self)
{
    size_t mailboxes = self->options.partitions;
    for (int s = 0; s < SERVICE_COUNT; s++)
        mailboxes += self->options.services[s];
    size_t admitted = mailboxes * self->options.mailbox_requests;
    self->joins_capacity = admitted + 1;
    self->joins = calloc(self->joins_capacity, sizeof *self->joins);
    return self->joins != NULL && request_pool_init(&self->requests, 2 * admitted + 2 + ROUTER_MAILBOXES_MAX);
}

static void set_option(void *socket, int option, int value)
{
    CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

static bool bind_clients(struct router *self, void *context, char endpoint[ROUTER_ENDPOINT_MAX])
{
    int64_t bytes_max = MESSAGE_BYTES_MAX;
    size_t length = ROUTER_ENDPOINT_MAX;
    self->clients = zmq_socket(context, ZMQ_ROUTER);
    if (self->clients == NULL)
        return false;
    set_option(self->clients, ZMQ_ROUTER_MANDATORY, 1);
    set_option(self->clients, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    set_option(self->clients, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    set_option(self->clients, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS);
    set_option(self->clients, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TTL_MS);
    set_option(self->clients, ZMQ_LINGER, LINGER_MS);
    set_option(self->clients, ZMQ_BACKLOG, BACKLOG);
    set_option(self->clients, ZMQ_RCVHWM, RECEIVE_HWM);
    set_option(self->clients, ZMQ_SNDHWM, SEND_HWM);
    CHECK(zmq_setsockopt(self->clients, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) == 0);
    return connections_watch(&self->connections, context, self->clients, self->started_us) &&
           zmq_bind(self->clients, self->options.listen) == 0 &&
           zmq_getsockopt(self->clients, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0;
}

static bool open_mailbox(struct router *self, void *context, uint32_t number, const char *endpoint)
{
    void *socket = zmq_socket(context, ZMQ_PUSH);
    if (socket == NULL)
        return false;
    self->mailboxes[number].socket = socket;
    self->figures.queues[number].is_there = true;
    set_option(socket, ZMQ_SNDHWM, 0);
    set_option(socket, ZMQ_LINGER, 0);
    return zmq_connect(socket, endpoint) == 0;
}

static bool open_services(struct router *self, void *context)
{
    static const char *const endpoints[SERVICE_COUNT] = {
        [SERVICE_RATEFEED] = ROUTER_RATEFEED_ENDPOINT,
        [SERVICE_PUBLISHER] = ROUTER_PUBLISHER_ENDPOINT,
        [SERVICE_BANK] = ROUTER_BANK_ENDPOINT,
    };
    for (uint32_t s = 0; s < SERVICE_COUNT; s++) {
        uint32_t number = LEDGER_PARTITIONS_MAX + s;
        if (!self->options.services[s])
            continue;
        self->figures.queues[number].state = PARTITION_SERVING;
        if (!open_mailbox(self, context, number, endpoints[s]))
            return false;
    }
    return true;
}

static bool open_inproc(struct router *self, void *context)
{
    self->answers = zmq_socket(context, ZMQ_PULL);
    if (self->answers == NULL)
        return false;
    set_option(self->answers, ZMQ_RCVHWM, 0);
    if (zmq_bind(self->answers, ROUTER_ANSWERS_ENDPOINT) != 0)
        return false;
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        char endpoint[sizeof ROUTER_LEDGER_ENDPOINT + 10];
        snprintf(endpoint, sizeof endpoint, ROUTER_LEDGER_ENDPOINT, p);
        if (!open_mailbox(self, context, p, endpoint))
            return false;
    }
    return open_services(self, context);
}

zactor_t *router_new(const struct router_options *options, char endpoint[ROUTER_ENDPOINT_MAX],
                     const char **why)
{
    CHECK(options->partitions >= 1 && options->partitions <= LEDGER_PARTITIONS_MAX);
    CHECK(options->mailbox_requests >= 1 && options->mailbox_requests <= ROUTER_MAILBOX_REQUESTS_MAX);
    CHECK(options->mailbox_bytes >= ROUTER_MAILBOX_BYTES_MIN);
    struct router *self = calloc(1, sizeof *self);
    void *context = zsys_init();
    if (self == NULL || context == NULL) {
        free(self);
        *why = "no memory";
        return NULL;
    }
    self->options = *options;
    self->started_us = monotonic_us();
    if (!take_memory(self) || !open_inproc(self, context) || !bind_clients(self, context, endpoint)) {
        *why = zmq_strerror(zmq_errno());
        router_destroy(&self);
        return NULL;
    }
    handover_give(self);
    zactor_t *actor = zactor_new(router_actor, self);
    if (actor == NULL) {
        *why = "no thread";
        router_destroy(&self);
    }
    return actor;
}

/* ---- the parent's side ------------------------------------------------------------------------ */

void router_drain(zactor_t *self)
{
    zstr_send(self, "DRAIN");
}

bool router_next_event(zactor_t *self, int timeout_ms, struct router_event *out)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(self), .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, timeout_ms) <= 0)
        return false;
    return zmq_recv(item.socket, out, sizeof *out, 0) == (int)sizeof *out;
}
