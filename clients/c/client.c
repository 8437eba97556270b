/* The client object: its socket, and calls with their attempts. See client.h. */
#include "clients/c/client.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "actors/base/check.h"

enum {
    US_PER_MS = 1000,
    PAUSE_MS_MAX = 1000,
    HEARTBEAT_MS = 5000,
    HEARTBEAT_TIMEOUT_MS = 15000,
    RECONNECT_MS = 50,
    RECONNECT_MS_MAX = 1000,
};

#define NEVER_US INT64_MAX
#define REPLY_MAX (INT64_C(64) << 20)
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)

int64_t client_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- the socket ------------------------------------------------------------------------------- */

static void set_int(void *socket, int option, int value)
{
    CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

static bool socket_open(struct teller *self)
{
    int64_t reply_max = REPLY_MAX;
    self->socket = zmq_socket(self->context, ZMQ_DEALER);
    if (self->socket == NULL)
        return false;
    set_int(self->socket, ZMQ_LINGER, 0);
    set_int(self->socket, ZMQ_IMMEDIATE, 1);
    set_int(self->socket, ZMQ_SNDHWM, 0); /* the window is the bound */
    set_int(self->socket, ZMQ_RCVHWM, 0);
    set_int(self->socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    set_int(self->socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
    set_int(self->socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_int(self->socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX);
    CHECK(zmq_setsockopt(self->socket, ZMQ_MAXMSGSIZE, &reply_max, sizeof reply_max) == 0);
    self->quiet_since_us = client_now_us();
    if (zmq_connect(self->socket, self->endpoint) == 0)
        return true;
    zmq_close(self->socket);
    self->socket = NULL;
    return false;
}

/* ---- life ------------------------------------------------------------------------------------- */

struct teller_options teller_options_default(void)
{
    return (struct teller_options){
        .endpoint = TELLER_ENDPOINT_DEFAULT,
        .connect_timeout_ms = 2000,
        .timeout_ms = 5000,
        .pause_ms = 20,
        .retries = 5,
        .window = 64,
    };
}

static bool calls_init(struct teller *self)
{
    self->call_count = self->options.window + SLOTS_SPARE;
    self->calls = calloc(self->call_count, sizeof *self->calls);
    if (self->calls == NULL)
        return false;
    for (uint32_t i = 0; i < self->call_count; i++)
        self->calls[i].next = i + 1 < self->call_count ? i + 1 : SLOT_NONE;
    self->free_slot = 0;
    self->queue_head = self->queue_tail = SLOT_NONE;
    self->next_due_us = NEVER_US;
    return true;
}

struct teller *teller_new(const struct teller_options *options)
{
    CHECK(options->window >= 1 && options->window <= TELLER_WINDOW_MAX);
    CHECK(options->timeout_ms > 0 && options->connect_timeout_ms >= 0 && options->pause_ms >= 0);
    struct teller *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    zmq_msg_init(&self->reply);
    self->options = *options;
    self->endpoint = strdup(options->endpoint);
    self->options.endpoint = self->endpoint;
    self->owns_context = options->context == NULL;
    self->context = self->owns_context ? zmq_ctx_new() : options->context;
    ids_seed(self);
    if (self->endpoint == NULL || self->context == NULL || !calls_init(self) || !socket_open(self)) {
        int why = errno;
        teller_destroy(&self);
        errno = why;
    }
    return self;
}

void teller_destroy(struct teller **self_p)
{
    struct teller *self = *self_p;
    if (self == NULL)
        return;
    *self_p = NULL;
    teller_batch_destroy(&self->batch);
    for (uint32_t i = 0; self->calls != NULL && i < self->call_count; i++) {
        if (self->calls[i].state != CALL_FREE)
            zmq_msg_close(&self->calls[i].frame);
    }
    if (self->socket != NULL)
        zmq_close(self->socket);
    if (self->owns_context && self->context != NULL)
        zmq_ctx_term(self->context);
    zmq_msg_close(&self->reply);
    shipments_release(self);
    mp_writer_release(&self->writer);
    free(self->rows);
    free(self->calls);
    free(self->endpoint);
    free(self);
}

uint32_t teller_in_flight(const struct teller *self)
{
    return self->in_flight;
}

/* ---- slots ------------------------------------------------------------------------------------ */

static uint32_t slot_of(const struct teller *self, const struct call *call)
{
    return (uint32_t)(call - self->calls);
}

struct call *call_new(struct teller *self, const struct call_type *type, void *owner, uint32_t part)
{
    if (self->free_slot == SLOT_NONE)
        return NULL;
    uint32_t slot = self->free_slot;
    struct call *call = &self->calls[slot];
    self->free_slot = call->next;
    call->request_id = ++self->sequence << SLOT_BITS | slot;
    call->type = type;
    call->owner = owner;
    call->part = part;
    call->next = SLOT_NONE;
    call->attempts = 0;
    call->may_have_happened = false;
    return call;
}

void call_abandon(struct teller *self, struct call *call)
{
    call->state = CALL_FREE;
    call->next = self->free_slot;
    self->free_slot = slot_of(self, call);
}

/* The callback may start other calls, in this very slot. */
static void call_end(struct teller *self, struct call *call, enum err err)
{
    struct call ended = *call;
    zmq_msg_close(&call->frame);
    call_abandon(self, call);
    self->in_flight--;
    self->ended++;
    ended.type->end(self, &ended, err);
}

enum code call_settled_code(const struct call *call, enum code code)
{
    bool nothing_happened = code == CODE_BUSY || code == CODE_DEADLINE_EXCEEDED;
    return nothing_happened && call->may_have_happened ? CODE_UNKNOWN : code;
}

/* ---- sending ---------------------------------------------------------------------------------- */

static void set_due(struct teller *self, struct call *call, int64_t due_us)
{
    call->due_us = due_us;
    if (due_us < self->next_due_us)
        self->next_due_us = due_us;
}

/* false: no server is there. The frame is shared with the socket, not copied. */
static bool send_frame(struct teller *self, struct call *call, int64_t now_us)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_copy(&message, &call->frame) != 0 || zmq_msg_send(&message, self->socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&message);
        return false;
    }
    call->state = CALL_SENT;
    call->attempts++;
    set_due(self, call, now_us + self->options.timeout_ms * US_PER_MS);
    return true;
}

static void queue_push(struct teller *self, struct call *call)
{
    uint32_t slot = slot_of(self, call);
    call->state = CALL_QUEUED;
    call->next = SLOT_NONE;
    if (self->queue_head == SLOT_NONE)
        self->queue_head = slot;
    else
        self->calls[self->queue_tail].next = slot;
    self->queue_tail = slot;
}

static void queue_flush(struct teller *self, int64_t now_us)
{
    while (self->queue_head != SLOT_NONE) {
        struct call *call = &self->calls[self->queue_head];
        uint32_t next = call->next;
        if (!send_frame(self, call, now_us))
            return;
        self->queue_head = next;
    }
}

static void queue_remove(struct teller *self, const struct call *call)
{
    uint32_t slot = slot_of(self, call);
    uint32_t before = SLOT_NONE;
    for (uint32_t i = self->queue_head; i != slot; i = self->calls[i].next)
        before = i;
    if (before == SLOT_NONE)
        self->queue_head = call->next;
    else
        self->calls[before].next = call->next;
    if (self->queue_tail == slot)
        self->queue_tail = before;
}

void call_start(struct teller *self, struct call *call)
{
    int64_t now_us = client_now_us();
    self->in_flight++;
    if (self->queue_head == SLOT_NONE && send_frame(self, call, now_us))
        return;
    queue_push(self, call);
    set_due(self, call, now_us + self->options.connect_timeout_ms * US_PER_MS);
}

/* ---- attempts --------------------------------------------------------------------------------- */

static bool is_last(const struct teller *self, const struct call *call)
{
    return call->attempts > self->options.retries;
}

/* Sends again what is kept, in the order in which it was first sent. */
static int compare_requests(const void *a, const void *b)
{
    uint64_t first = (*(struct call *const *)a)->request_id;
    uint64_t second = (*(struct call *const *)b)->request_id;
    return (first > second) - (first < second);
}

static void requeue_sent(struct teller *self, int64_t now_us)
{
    struct call **sent = malloc(self->call_count * sizeof(struct call *));
    size_t count = 0;
    if (sent == NULL)
        return; /* they are sent again when they are due */
    for (uint32_t i = 0; i < self->call_count; i++) {
        if (self->calls[i].state == CALL_SENT)
            sent[count++] = &self->calls[i];
    }
    qsort(sent, count, sizeof(struct call *), compare_requests);
    for (size_t i = 0; i < count; i++) {
        sent[i]->may_have_happened = true;
        queue_push(self, sent[i]);
        if (sent[i]->due_us <= now_us && !is_last(self, sent[i]))
            set_due(self, sent[i], now_us + self->options.timeout_ms * US_PER_MS);
    }
    free(sent);
}

/* The connection may be dead without knowing: a new socket, which has a new name at the server. */
static void reconnect(struct teller *self, int64_t now_us)
{
    void *old = self->socket;
    if (!socket_open(self)) {
        self->socket = old;
        return;
    }
    zmq_close(old);
    requeue_sent(self, now_us);
}

static void pause_call(struct teller *self, struct call *call, int64_t now_us)
{
    uint32_t doublings = call->attempts > 10 ? 10 : call->attempts;
    int64_t pause_ms = self->options.pause_ms << (doublings > 0 ? doublings - 1 : 0);
    int64_t pause_us = (pause_ms < PAUSE_MS_MAX ? pause_ms : PAUSE_MS_MAX) * US_PER_MS;
    int64_t spread_us = pause_us > 1 ? (int64_t)(ids_random(self) % (uint64_t)pause_us) / 2 : 0;
    call->state = CALL_PAUSED;
    set_due(self, call, now_us + pause_us - spread_us);
}

static void expire_queued(struct teller *self, struct call *call, int64_t now_us)
{
    if (call->attempts == 0 || is_last(self, call)) {
        queue_remove(self, call);
        call_end(self, call, call->may_have_happened ? ERR_TIMEOUT : ERR_CLOSED);
        return;
    }
    call->attempts++;
    set_due(self, call, now_us + self->options.timeout_ms * US_PER_MS);
}

static void expire_sent(struct teller *self, struct call *call, int64_t now_us)
{
    call->may_have_happened = true;
    if (is_last(self, call)) {
        call_end(self, call, ERR_TIMEOUT);
        return;
    }
    set_due(self, call, now_us + self->options.timeout_ms * US_PER_MS);
    if (now_us - self->quiet_since_us >= self->options.timeout_ms * US_PER_MS)
        reconnect(self, now_us);
    if (call->state == CALL_SENT)
        queue_push(self, call);
}

static void expire_call(struct teller *self, struct call *call, int64_t now_us)
{
    switch (call->state) {
    case CALL_FREE:
        return;
    case CALL_QUEUED:
        expire_queued(self, call, now_us);
        return;
    case CALL_SENT:
        expire_sent(self, call, now_us);
        return;
    case CALL_PAUSED:
        queue_push(self, call);
        set_due(self, call, now_us + self->options.timeout_ms * US_PER_MS);
        return;
    }
    CHECK_UNREACHABLE();
}

/* Looks at every call, but only when one may be due: next_due_us is never too late. */
static void expire(struct teller *self, int64_t now_us)
{
    if (now_us < self->next_due_us)
        return;
    self->next_due_us = NEVER_US;
    for (uint32_t i = 0; i < self->call_count; i++) {
        if (self->calls[i].state != CALL_FREE && self->calls[i].due_us <= now_us)
            expire_call(self, &self->calls[i], now_us);
    }
    for (uint32_t i = 0; i < self->call_count; i++) {
        if (self->calls[i].state != CALL_FREE && self->calls[i].due_us < self->next_due_us)
            self->next_due_us = self->calls[i].due_us;
    }
}

/* ---- receiving -------------------------------------------------------------------------------- */

static void handle_reply(struct teller *self, const struct wire_reply *reply)
{
    uint64_t slot = reply->request_id & SLOT_MASK;
    if (slot >= self->call_count)
        return;
    struct call *call = &self->calls[slot];
    bool is_waiting = call->state == CALL_SENT || call->state == CALL_PAUSED;
    if (!is_waiting || call->request_id != reply->request_id)
        return;
    switch (call->type->take(self, call, reply, is_last(self, call))) {
    case TAKE_FINAL:
        call_end(self, call, ERR_OK);
        return;
    case TAKE_AGAIN:
        pause_call(self, call, client_now_us());
        return;
    case TAKE_MALFORMED:
        call->may_have_happened = true;
        call_end(self, call, ERR_INVALID);
        return;
    }
    CHECK_UNREACHABLE();
}

/* A reply is one frame, as requests are sent without a delimiter; anything else is dropped. */
bool client_receive(struct teller *self)
{
    struct wire_reply reply;
    if (zmq_msg_recv(&self->reply, self->socket, ZMQ_DONTWAIT) < 0)
        return false;
    self->quiet_since_us = client_now_us();
    bool is_single = !zmq_msg_more(&self->reply);
    while (zmq_msg_more(&self->reply) && zmq_msg_recv(&self->reply, self->socket, ZMQ_DONTWAIT) >= 0)
        continue;
    if (is_single && wire_reply_read(zmq_msg_data(&self->reply), zmq_msg_size(&self->reply), &reply))
        handle_reply(self, &reply);
    return true;
}

void client_wait(struct teller *self, int64_t end_us)
{
    int64_t now_us = client_now_us();
    uint64_t ended = self->ended;
    expire(self, now_us);
    queue_flush(self, now_us);
    if (self->ended != ended)
        return;
    int64_t until_us = end_us >= 0 && end_us < self->next_due_us ? end_us : self->next_due_us;
    bool has_queue = self->queue_head != SLOT_NONE;
    zmq_pollitem_t item = {.socket = self->socket,
                           .events = (short)(ZMQ_POLLIN | (has_queue ? ZMQ_POLLOUT : 0))};
    long wait_ms = -1;
    if (until_us != NEVER_US)
        wait_ms = until_us <= now_us ? 0 : (long)((until_us - now_us + US_PER_MS - 1) / US_PER_MS);
    if (zmq_poll(&item, 1, wait_ms) > 0 && (item.revents & ZMQ_POLLOUT))
        queue_flush(self, client_now_us());
}

/* Callbacks may start new calls whose answers come at once: bounded. */
static void receive_many(struct teller *self)
{
    for (uint32_t i = 0; i < self->call_count && client_receive(self); i++)
        continue;
}

size_t teller_poll(struct teller *self, int64_t timeout_ms)
{
    size_t before = self->completed;
    int64_t end_us = timeout_ms < 0 ? -1 : client_now_us() + timeout_ms * US_PER_MS;
    bool is_over = false;
    receive_many(self);
    while (self->completed == before && self->in_flight > 0 && !is_over) {
        is_over = end_us >= 0 && client_now_us() >= end_us;
        client_wait(self, is_over ? 0 : end_us);
        receive_many(self);
    }
    if (client_now_us() >= self->next_due_us)
        client_wait(self, 0);
    return self->completed - before;
}

void teller_drain(struct teller *self)
{
    while (self->in_flight > 0)
        teller_poll(self, -1);
}
