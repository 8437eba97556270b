#include "actors/publisher/shell/publisher_actor.h"

#include <stdlib.h>
#include <time.h>

#include "actors/base/check.h"
#include "actors/base/handover.h"
#include "actors/ledger/shell/mailbox.h"
#include "actors/ledger/shell/memory.h"
#include "actors/ledger/shell/requests.h"
#include "actors/publisher/shell/event_write.h"
#include "actors/publisher/shell/journal_tail.h"
#include "actors/publisher/shell/publisher_requests.h"
#include "actors/publisher/shell/publisher_store.h"
#include "actors/publisher/shell/stream_socket.h"
#include "actors/publisher/shell/webhook_calls.h"

_Static_assert((int)PUBLISHER_ENDPOINT_MAX == (int)STREAM_ENDPOINT_MAX, "one size");

enum {
    LOOK_MS = 20,  /* how often new facts are looked for */
    CALLS_MS = 10, /* how long outcomes of posts are waited for while sockets are not */
    BURST = 64,    /* messages of a socket in one turn */
    ENDS_MS = 1000 /* how often the ends of journals are asked for, for figures */
};

struct actor {
    struct publisher_actor_options options;
    zsock_t *pipe;
    void *inbox, *router, *stream; /* stream NULL: there is none */
    void *ledgers[PUBLISHER_PARTITIONS_MAX];
    struct journal_tail *tails[PUBLISHER_PARTITIONS_MAX];
    uint64_t damage_said[PUBLISHER_PARTITIONS_MAX];
    int64_t ends_due_ms;
    struct publisher *publisher;
    struct webhook_calls *calls;
    struct publisher_requests requests;
    struct mp_writer writer;
    bool is_closing; /* outcomes count no more */
};

static struct publisher_now now(void)
{
    struct timespec wall, mono;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (struct publisher_now){
        .mono_ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
        .wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
    };
}

/* ---- the core's ports ------------------------------------------------------------------------------------------- */

static enum publisher_look port_look(void *context, uint32_t partition, uint64_t *position, uint64_t *next)
{
    struct actor *self = context;
    return tail_look(self->tails[partition], position, next);
}

static bool port_post(void *context, const struct publisher_post *post)
{
    struct actor *self = context;
    struct event event;
    uint64_t next;
    struct journal_tail *tail = self->tails[post->partition];
    if (!tail_is_open(tail))
        return false;
    bool is_there = tail_event(tail, post->position, &event, &next);
    if (!is_there && tail_lacks_names(tail))
        return false; /* a letter of an account that is not known yet: names come */
    return webhook_calls_post(self->calls, post, is_there ? &event : NULL, now().wall_us / 1000000);
}

static enum publisher_sent port_send(void *context, const struct publisher_peer *peer, uint32_t partition,
                                     uint64_t from, uint64_t to)
{
    struct actor *self = context;
    uint32_t count = 0;
    size_t begin = stream_begin_events(&self->writer, partition, to);
    while (from < to) {
        struct event event;
        uint64_t next = 0;
        if (tail_event(self->tails[partition], from, &event, &next)) {
            event_write_msgpack(&self->writer, &event);
            count++;
        }
        if (next == 0)
            return SENT_FULL; /* it cannot be read now: nothing may be left out */
        from = next;
    }
    stream_end_events(&self->writer, begin, count);
    return stream_send(self->stream, peer->id, peer->id_length, &self->writer);
}

static enum publisher_sent port_beat(void *context, const struct publisher_peer *peer)
{
    struct actor *self = context;
    stream_write_heartbeat(&self->writer, &peer->cursors, self->options.partitions);
    return stream_send(self->stream, peer->id, peer->id_length, &self->writer);
}

static enum err port_store(void *context, const struct publisher_change *changes, size_t count)
{
    struct actor *self = context;
    return publisher_store_apply(self->options.state, self->options.partitions, changes, count);
}

static void port_say(void *context, bool is_warning, const char *what, const char *subject)
{
    (void)context;
    if (is_warning)
        zsys_warning("subscriber %s: %s", subject, what);
    else
        zsys_info("subscriber %s: %s", subject, what);
}

/* ---- webhooks ---------------------------------------------------------------------------------------------------- */

static void call_done(void *context, const struct webhook_outcome *outcome)
{
    struct actor *self = context;
    if (!self->is_closing)
        publisher_posted(self->publisher, outcome->token, outcome->outcome, outcome->error,
                         outcome->retry_after_ms, now());
}

/* ---- ledgers ------------------------------------------------------------------------------------------------------ */

static void ask_ledger(struct actor *self, uint32_t partition, enum box_kind kind, uint32_t value)
{
    struct box box = {.kind = kind, .number = partition, .value = value};
    (void)mailbox_send(self->ledgers[partition], &box); /* a ledger that has ended needs no publishing */
}

static void ask_for_names(struct actor *self)
{
    uint32_t first;
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        if (tail_wants_names(self->tails[p], &first))
            ask_ledger(self, p, BOX_NAMES, first);
    }
}

static void take_journal(struct actor *self, uint32_t partition, struct journal *journal)
{
    uint64_t end;
    if (tail_is_open(self->tails[partition]))
        return;
    enum err err = tail_open(self->tails[partition], journal, &end);
    if (err != ERR_OK)
        zsys_error("publisher: the journal of partition %u cannot be read: %s", partition, err_text(err));
    else
        publisher_set_end(self->publisher, partition, end);
}

static bool journal_ends(void *context, struct publisher_cursors *out)
{
    struct actor *self = context;
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        if (!tail_is_open(self->tails[p]) || tail_end(self->tails[p], &out->at[p]) != ERR_OK)
            return false;
    }
    return true;
}

/* Where journals end, for those who lag behind; and what cannot be read, once. */
static void look_around(struct actor *self, int64_t mono_ms)
{
    uint64_t end;
    if (mono_ms < self->ends_due_ms)
        return;
    self->ends_due_ms = mono_ms + ENDS_MS;
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        struct journal_tail *tail = self->tails[p];
        if (tail_is_open(tail) && tail_end(tail, &end) == ERR_OK)
            publisher_set_end(self->publisher, p, end);
        if (tail_damage(tail) == self->damage_said[p])
            continue;
        self->damage_said[p] = tail_damage(tail);
        zsys_error(
            "publisher: the journal of partition %u cannot be read at position %llu: run teller verify", p,
            (unsigned long long)self->damage_said[p]);
    }
}

/* ---- the inbox ---------------------------------------------------------------------------------------------------- */

static void work_requests(struct actor *self, struct request *list)
{
    struct box answered = {.kind = BOX_ANSWERED, .pointer = list};
    for (struct request *request = list; request != NULL; request = request->next)
        publisher_request_work(&self->requests, request, now());
    bool sent = mailbox_send(self->router, &answered);
    CHECK(sent);
}

static bool read_inbox(struct actor *self)
{
    struct box box;
    int taken = 0;
    while (taken < BURST && mailbox_receive(self->inbox, &box)) {
        taken++;
        if (box.kind == BOX_REQUESTS)
            work_requests(self, box.pointer);
        else if (box.kind == BOX_JOURNAL)
            take_journal(self, box.number, box.pointer);
        else if (box.kind == BOX_NAMES)
            tail_add_names(self->tails[box.number], box.pointer);
        else
            CHECK_UNREACHABLE();
    }
    return taken > 0;
}

/* ---- the stream --------------------------------------------------------------------------------------------------- */

static void refuse_peer(struct actor *self, const struct stream_message *message, enum code code,
                        const char *field, const char *text)
{
    stream_write_error(&self->writer, code, field, text);
    (void)stream_send(self->stream, message->id, message->id_length, &self->writer);
}

/* false: it has been refused. */
static bool check_cursors(struct actor *self, struct stream_message *message)
{
    struct publisher_cursors ends;
    if (!journal_ends(self, &ends)) {
        refuse_peer(self, message, CODE_BUSY, NULL, "the journals are not open yet: try again");
        return false;
    }
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        if (message->is_now >> p & 1)
            message->cursors.at[p] = ends.at[p];
        else if (tail_check(self->tails[p], message->cursors.at[p]) != ERR_OK) {
            refuse_peer(self, message, CODE_INVALID_FIELD, "cursor", "no event can begin there");
            return false;
        }
    }
    return true;
}

static void subscribe(struct actor *self, struct stream_message *message)
{
    struct publisher_peer replaced;
    const struct str id = {(const char *)message->id, message->id_length};
    if (!check_cursors(self, message))
        return;
    if (!publisher_subscribe(self->publisher, id, str_from(message->name), &message->cursors, message->credit,
                             &replaced, now())) {
        refuse_peer(self, message, CODE_BUSY, NULL, "there are too many streams");
        return;
    }
    if (replaced.is_taken) {
        stream_write_error(&self->writer, CODE_CONFLICT, "name", "another stream has taken this name");
        (void)stream_send(self->stream, replaced.id, replaced.id_length, &self->writer);
    }
    stream_write_subscribed(&self->writer, &message->cursors, self->options.partitions);
    (void)stream_send(self->stream, message->id, message->id_length, &self->writer);
}

static void take_message(struct actor *self, struct stream_message *message)
{
    const struct str id = {(const char *)message->id, message->id_length};
    switch (message->kind) {
    case STREAM_SUBSCRIBE:
        subscribe(self, message);
        return;
    case STREAM_CREDIT:
        if (!publisher_credit(self->publisher, id, message->credit))
            refuse_peer(self, message, CODE_NOT_FOUND, NULL, "there is no such stream: subscribe");
        return;
    case STREAM_UNSUBSCRIBE:
        (void)publisher_leave(self->publisher, id);
        return;
    case STREAM_WRONG:
        refuse_peer(self, message, message->code, message->field, "the message is not understood");
        return;
    }
    CHECK_UNREACHABLE();
}

static bool read_stream(struct actor *self)
{
    struct stream_message message;
    int taken = 0;
    while (self->stream != NULL && taken < BURST &&
           stream_receive(self->stream, self->options.partitions, &message)) {
        take_message(self, &message);
        taken++;
    }
    return taken > 0;
}

/* ---- the loop ----------------------------------------------------------------------------------------------------- */

static int wait_ms(struct actor *self, bool was_busy)
{
    int64_t mono_ms = now().mono_ms;
    int64_t due_ms = publisher_due_ms(self->publisher);
    if (was_busy || due_ms <= mono_ms)
        return 0;
    if (publisher_is_hungry(self->publisher) && due_ms > mono_ms + LOOK_MS)
        due_ms = mono_ms + LOOK_MS;
    return due_ms == INT64_MAX ? -1 : (int)(due_ms - mono_ms);
}

/* true: the actor is to end. */
static bool wait_for_work(struct actor *self, int timeout_ms)
{
    zmq_pollitem_t items[] = {
        {.socket = self->inbox, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        {.socket = self->stream, .events = ZMQ_POLLIN},
    };
    if (webhook_calls_count(self->calls) > 0) {
        webhook_calls_run(self->calls, timeout_ms < 0 || timeout_ms > CALLS_MS ? CALLS_MS : timeout_ms);
        timeout_ms = 0;
    }
    zmq_poll(items, self->stream != NULL ? 3 : 2, timeout_ms);
    if (!(items[1].revents & ZMQ_POLLIN))
        return false;
    char *command = zstr_recv(self->pipe);
    bool is_end = command == NULL || streq(command, "$TERM");
    zstr_free(&command);
    return is_end;
}

static void run(struct actor *self)
{
    bool is_ended = false;
    while (!is_ended) {
        bool was_busy = read_inbox(self);
        was_busy = read_stream(self) || was_busy;
        look_around(self, now().mono_ms);
        was_busy = publisher_work(self->publisher, now()) || was_busy;
        ask_for_names(self);
        is_ended = wait_for_work(self, wait_ms(self, was_busy));
    }
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void say_operator(void *context, const char *text)
{
    (void)context;
    zsys_notice("%s", text);
}

static void release(struct actor *self)
{
    self->is_closing = true;
    webhook_calls_destroy(&self->calls);
    publisher_destroy(&self->publisher);
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        tail_destroy(&self->tails[p]);
        if (self->ledgers[p] != NULL)
            zmq_close(self->ledgers[p]);
    }
    mp_writer_release(&self->writer);
    mp_writer_release(&self->requests.writer);
    if (self->stream != NULL)
        zmq_close(self->stream);
    if (self->inbox != NULL)
        zmq_close(self->inbox);
    if (self->router != NULL)
        zmq_close(self->router);
    state_close(&self->options.state);
    free(self);
}

static void publisher_main(zsock_t *pipe, void *argument)
{
    struct actor *self = argument;
    handover_take(self);
    self->pipe = pipe;
    check_enter("publisher");
    self->router = mailbox_connect(self->options.context, "router", UINT32_MAX);
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        self->ledgers[p] = mailbox_connect(self->options.context, "ledger", p);
        ask_ledger(self, p, BOX_JOURNAL, 0);
    }
    zsock_signal(pipe, 0);
    run(self);
    if (publisher_save(self->publisher) != ERR_OK)
        zsys_warning("publisher: cursors could not be stored; some events will be delivered again");
    release(self);
}

/* The error, in words; NULL: it is open. */
static const char *open_all(struct actor *self)
{
    const struct mem mem = memory_pages();
    struct publisher_options options = publisher_options_default(self->options.partitions);
    if (self->options.retry_ms > 0)
        options.retry_ms = self->options.retry_ms;
    const struct publisher_ports ports = {self,      port_look,  port_post, port_send,
                                          port_beat, port_store, port_say};
    self->publisher = publisher_new(&options, &ports, &mem);
    self->calls = webhook_calls_new(&self->options.http, call_done, self);
    bool has_memory = self->publisher != NULL && self->calls != NULL;
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        self->tails[p] = tail_new(p);
        has_memory = has_memory && self->tails[p] != NULL;
    }
    if (!has_memory)
        return "no memory";
    self->requests = (struct publisher_requests){.publisher = self->publisher,
                                                 .partitions = self->options.partitions,
                                                 .context = self,
                                                 .ends = journal_ends,
                                                 .say = say_operator};
    if (publisher_store_load(self->options.state, self->options.partitions, self->publisher) != ERR_OK)
        return "the publisher's store is damaged: move DIR/publisher away, start, and add the subscribers "
               "again";
    self->inbox = mailbox_bind(self->options.context, "publisher", UINT32_MAX);
    return self->inbox != NULL ? NULL : "there is a publisher already";
}

zactor_t *publisher_actor_new(const struct publisher_actor_options *options,
                              char endpoint[PUBLISHER_ENDPOINT_MAX], const char **why)
{
    zactor_t *actor = NULL;
    struct actor *self = calloc(1, sizeof *self);
    CHECK(self);
    CHECK(options->partitions >= 1 && options->partitions <= PUBLISHER_PARTITIONS_MAX);
    self->options = *options;
    endpoint[0] = '\0';
    *why = open_all(self);
    if (*why == NULL && options->events != NULL) {
        self->stream = stream_socket_new(options->context, options->events, endpoint);
        if (self->stream == NULL)
            *why = zmq_strerror(zmq_errno());
    }
    if (*why == NULL) {
        handover_give(self);
        actor = zactor_new(publisher_main, self);
        if (actor == NULL)
            *why = "no thread";
    }
    if (actor == NULL)
        release(self);
    return actor;
}
