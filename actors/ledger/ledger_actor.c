#include "actors/ledger/ledger_actor.h"

#include <stdlib.h>
#include <time.h>

#include "actors/base/check.h"
#include "actors/base/handover.h"
#include "actors/ledger/mailbox.h"
#include "actors/ledger/memory.h"
#include "actors/ledger/read_job.h"
#include "actors/ledger/recovery.h"
#include "actors/ledger/requests.h"
#include "store/datadir.h"

enum {
    ROUND_BYTES_MAX = 4 * 1024 * 1024, /* of facts in one commit */
    ROUND_BOXES_MAX = 1024,
    TICK_MS = 1000,
    SPACE_EVERY_BYTES = 32 * 1024 * 1024,
    FULL_PERCENT = 85,
    WARN_PERCENT = 70,
};

struct actor {
    struct ledger_actor_options options;
    zsock_t *pipe;
    void *inbox, *router, *reader;
    void *peers[LEDGER_PARTITIONS_MAX];
    struct journal *journal;
    struct state *state;
    struct recovery_ports ports;
    struct mem mem;
    struct journal_head head; /* as of the last append */
    uint64_t epoch;
    struct ledger *ledger;
    struct requests requests; /* decoding, and what waits for the next commit */
    struct request *todo;     /* received and not yet worked */
    uint32_t names_sent;
    uint64_t space_checked_bytes, appended_bytes;
    uint64_t open_before; /* links open at the last tick: to see progress */
    uint64_t position_before;
    enum partition_state state_said;
    bool is_warned;
    bool is_stopped; /* the store cannot be trusted any more */
    bool is_ending;
};

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void say_state(struct actor *self, enum partition_state state)
{
    if (self->state_said == state)
        return;
    self->state_said = state;
    struct box box = {.kind = BOX_STATE, .number = self->options.partition, .value = (uint32_t)state};
    bool sent = mailbox_send(self->router, &box);
    CHECK(sent);
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static void send_answered(struct actor *self, struct request_list *list)
{
    if (!list->first)
        return;
    struct box box = {.kind = BOX_ANSWERED, .number = self->options.partition, .pointer = list->first};
    bool sent = mailbox_send(self->router, &box);
    CHECK(sent);
    request_list_init(list);
}

static void send_names(struct actor *self)
{
    struct read_names *names;
    while ((names = requests_names(self->ledger, &self->names_sent)) != NULL) {
        struct box box = {.kind = BOX_NAMES, .pointer = names};
        if (!mailbox_send(self->reader, &box))
            free(names);
    }
}

static void send_reads(struct actor *self)
{
    if (!self->requests.reads)
        return;
    struct box box = {.kind = BOX_READ, .pointer = self->requests.reads};
    bool sent = mailbox_send(self->reader, &box);
    CHECK(sent);
    self->requests.reads = NULL;
    self->requests.reads_end = &self->requests.reads;
}

static void send_messages(struct actor *self, const struct ledger_unit *unit)
{
    for (size_t i = 0; i < unit->message_count; i++) {
        struct ledger_peer_message *message = unit->messages[i];
        struct box box = {.kind = BOX_PEER, .pointer = message};
        if (!mailbox_send(self->peers[message->to], &box))
            ledger_peer_message_free(self->ledger, &message); /* it has ended: a resend will bring it */
    }
}

/* Everything that waited for this unit, and what needed no facts, leaves. */
static void run_effects(struct actor *self, struct ledger_unit *unit)
{
    send_messages(self, unit);
    while (unit->tickets) {
        struct ledger_ticket *ticket = unit->tickets;
        unit->tickets = ticket->next;
        requests_answer_ticket(&self->requests, ticket);
        ledger_ticket_free(self->ledger, &ticket);
    }
    send_names(self);
    send_reads(self);
    send_answered(self, &self->requests.answered);
}

/* ---- stopping ------------------------------------------------------------------------------------------------ */

static void answer_all(struct actor *self, struct request *list, enum code code)
{
    struct request_list answered;
    request_list_init(&answered);
    while (list) {
        struct request *request = list;
        list = request->next;
        requests_refuse(&self->requests, request, code, FIELD_NONE);
        request_list_add(&answered, request);
    }
    send_answered(self, &answered);
}

/* Whether the unit is on disk is not known: nobody is told anything else. */
static void stop(struct actor *self, struct ledger_unit *unit, const char *why)
{
    zsys_error("partition %u stops: %s", self->options.partition, why);
    self->is_stopped = true;
    while (unit && unit->tickets) {
        struct ledger_ticket *ticket = unit->tickets;
        struct request *request = ticket->user;
        unit->tickets = ticket->next;
        ledger_ticket_free(self->ledger, &ticket);
        request->next = NULL;
        answer_all(self, request, CODE_UNKNOWN);
    }
    requests_unanswer(&self->requests, CODE_UNKNOWN);
    send_answered(self, &self->requests.answered);
    answer_all(self, self->todo, CODE_BUSY); /* never begun */
    self->todo = NULL;
    say_state(self, PARTITION_STOPPED);
}

/* ---- the mailbox ---------------------------------------------------------------------------------------------- */

static void box_drop(struct actor *self, struct box *box)
{
    struct ledger_peer_message *message = box->pointer;
    if (box->kind == BOX_REQUESTS)
        answer_all(self, box->pointer, CODE_BUSY);
    else if (box->kind == BOX_PEER)
        ledger_peer_message_free(self->ledger, &message);
}

/* Reads the pipe without waiting; true: the actor is to end. */
static bool told_to_end(struct actor *self)
{
    while (zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv_nowait(self->pipe);
        if (!command)
            break;
        self->is_ending = self->is_ending || streq(command, "$TERM");
        zstr_free(&command);
    }
    return self->is_ending;
}

static void wait_for_mail(struct actor *self, long timeout_ms)
{
    zmq_pollitem_t items[] = {
        {.socket = self->inbox, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
    };
    zmq_poll(items, 2, timeout_ms);
}

/* While there is no room on disk: each second another try, and BUSY to whoever comes. true: go on trying. */
static bool wait_for_room(struct actor *self)
{
    struct box box;
    say_state(self, PARTITION_FULL);
    answer_all(self, self->todo, CODE_BUSY);
    self->todo = NULL;
    int64_t until = zclock_mono() + TICK_MS;
    while (zclock_mono() < until && !told_to_end(self)) {
        wait_for_mail(self, (long)(until - zclock_mono()) + 1);
        while (mailbox_receive(self->inbox, &box))
            box_drop(self, &box);
    }
    return !self->is_ending;
}

/* ---- commits ---------------------------------------------------------------------------------------------------- */

/* A guard before the disk is really full: what is on its way can still be finished. */
static void check_space(struct actor *self)
{
    struct journal_space space;
    self->space_checked_bytes = self->appended_bytes;
    if (journal_get_space(self->journal, &space) != ERR_OK || space.limit_bytes == 0)
        return;
    uint64_t percent = space.used_bytes / (space.limit_bytes / 100 + 1);
    if (percent >= WARN_PERCENT && !self->is_warned)
        zsys_warning("partition %u: the journal takes %llu %% of its space", self->options.partition,
                     (unsigned long long)percent);
    self->is_warned = percent >= WARN_PERCENT;
    ledger_refuse_new(self->ledger, percent >= FULL_PERCENT);
    say_state(self, percent >= FULL_PERCENT ? PARTITION_FULL : PARTITION_SERVING);
}

/* false: the actor has stopped. */
static bool append(struct actor *self, struct ledger_unit *unit)
{
    const struct journal_commit commit = {
        .sequence = self->head.sequence + 1,
        .epoch = self->epoch,
        .position = unit->position,
        .time_us = unit->time_us,
        .fact_count = unit->fact_count,
        .facts = unit->facts,
        .length = unit->length,
    };
    enum journal_outcome outcome;
    while ((outcome = journal_append(self->journal, &commit)) == JOURNAL_FULL) {
        if (!wait_for_room(self)) {
            stop(self, unit, "there is no room and it was told to end");
            return false;
        }
    }
    if (outcome != JOURNAL_OK) {
        stop(self, unit, outcome == JOURNAL_FENCED ? "another owner has taken over" : "a commit failed");
        return false;
    }
    self->head.sequence++;
    self->appended_bytes += unit->length;
    return true;
}

/* The state store follows behind: the facts that it reflects are durable. false: the actor has stopped. */
static bool apply_puts(struct actor *self, const struct ledger_unit *unit)
{
    enum err err;
    while ((err = recovery_apply(self->state, unit)) == ERR_FULL || err == ERR_NO_MEMORY) {
        if (!wait_for_room(self))
            return true; /* a restart replays more of the journal, that is all */
    }
    if (err == ERR_OK)
        return true;
    stop(self, NULL, "the state store failed");
    return false;
}

static void commit(struct actor *self)
{
    struct ledger_unit *unit = ledger_take(self->ledger);
    if (!unit) {
        send_names(self);
        send_reads(self);
        send_answered(self, &self->requests.answered);
        return;
    }
    bool durable = unit->length == 0 || append(self, unit);
    if (durable) {
        run_effects(self, unit);
        durable = apply_puts(self, unit);
    }
    ledger_release(self->ledger, unit);
    if (!durable)
        return;
    if (self->appended_bytes - self->space_checked_bytes >= SPACE_EVERY_BYTES ||
        self->state_said == PARTITION_FULL)
        check_space(self);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static void work_todo(struct actor *self)
{
    while (self->todo && ledger_pending_bytes(self->ledger) < ROUND_BYTES_MAX) {
        struct request *request = self->todo;
        self->todo = request->next;
        request->next = NULL;
        requests_work(&self->requests, self->ledger, request, wall_us());
    }
}

static void todo_append(struct actor *self, struct request *list)
{
    struct request **end = &self->todo;
    while (*end)
        end = &(*end)->next;
    *end = list;
}

static void receive(struct actor *self, struct box *box)
{
    if (self->is_stopped) {
        box_drop(self, box);
        return;
    }
    if (box->kind == BOX_REQUESTS) {
        todo_append(self, box->pointer);
        work_todo(self);
        return;
    }
    CHECK(box->kind == BOX_PEER);
    struct ledger_peer_message *message = box->pointer;
    check_note("peer message", message->from, message->request_count);
    ledger_peer(self->ledger, wall_us(), message);
    ledger_peer_message_free(self->ledger, &message);
}

/* Takes what is in the mailbox, up to the size of a commit. */
static void round_once(struct actor *self)
{
    struct box box;
    work_todo(self);
    for (int i = 0; i < ROUND_BOXES_MAX && !self->todo; i++) {
        if (ledger_pending_bytes(self->ledger) >= ROUND_BYTES_MAX || !mailbox_receive(self->inbox, &box))
            break;
        receive(self, &box);
    }
    if (!self->is_stopped)
        commit(self);
}

/* Once a second: what a peer has not answered is sent again, and a quiet ledger writes its checkpoint. */
static void tick(struct actor *self)
{
    struct ledger_stats stats;
    ledger_stats(self->ledger, &stats);
    bool quiet = stats.position == self->position_before;
    if (stats.links_open > 0 && quiet)
        ledger_resend(self->ledger);
    if (quiet)
        ledger_checkpoint_hurry(self->ledger);
    self->position_before = stats.position;
    check_space(self);
}

static void run(struct actor *self)
{
    int64_t next_tick = zclock_mono() + TICK_MS;
    while (!told_to_end(self)) {
        bool busy = self->todo || (!self->is_stopped && ledger_has_work(self->ledger));
        int64_t now = zclock_mono();
        if (now >= next_tick && !self->is_stopped) {
            tick(self);
            next_tick = now + TICK_MS;
        }
        if (!busy)
            wait_for_mail(self, (long)(next_tick > now ? next_tick - now : TICK_MS));
        round_once(self);
    }
}

/* At a clean end everything is checkpointed, so that the next start replays nothing. */
static void finish(struct actor *self)
{
    struct box box;
    while (!self->is_stopped && (self->todo || zmq_poll(&(zmq_pollitem_t){.socket = self->inbox,
                                                                          .events = ZMQ_POLLIN},
                                                        1, 0) > 0))
        round_once(self);
    while (!self->is_stopped && ledger_checkpoint_hurry(self->ledger))
        commit(self);
    while (mailbox_receive(self->inbox, &box))
        box_drop(self, &box);
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

static struct ledger *ledger_make(struct actor *self)
{
    const struct datadir_meta *meta = datadir_meta(self->options.datadir);
    struct ledger_config config = ledger_config_default();
    config.partition = self->options.partition;
    config.partitions = self->options.partitions;
    config.hash_key = meta->hash_key;
    config.id_retention_us = meta->id_retention_seconds * 1000000;
    self->ports.state = self->state;
    struct ledger_ports ports = recovery_ports(&self->ports);
    return ledger_new(&config, &ports, &self->mem);
}

static enum err recover_once(struct actor *self, struct datadir_error *error)
{
    enum err err = datadir_state(self->options.datadir, self->options.partition, &self->state, error);
    if (err != ERR_OK)
        return err;
    self->ledger = ledger_make(self);
    if (!self->ledger)
        return ERR_NO_MEMORY;
    return recovery_run(self->ledger, self->journal, self->state);
}

/* A state store that cannot be used is dropped and built anew: the journal is the truth. */
static enum err recover(struct actor *self)
{
    struct datadir_error error = {{0}};
    enum err err =
        datadir_journal(self->options.datadir, self->options.partition, &self->journal, &error);
    if (err == ERR_OK)
        err = journal_get_head(self->journal, &self->head);
    self->ports.journal = self->journal;
    self->epoch = self->head.epoch + 1;
    if (err == ERR_OK)
        err = recover_once(self, &error);
    if (err == ERR_CORRUPT || err == ERR_VERSION) {
        struct journal_fault fault = {0};
        journal_find_fault(self->journal, &fault);
        zsys_warning("partition %u: the state store cannot be used (%s); it is built anew",
                     self->options.partition, fault.what ? fault.what : err_text(err));
        ledger_destroy(&self->ledger);
        state_close(&self->state);
        err = datadir_drop_state(self->options.datadir, self->options.partition, &error);
        if (err == ERR_OK)
            err = recover_once(self, &error);
    }
    if (err != ERR_OK)
        zsys_error("partition %u cannot be recovered: %s. %s", self->options.partition, err_text(err),
                   error.text);
    return err;
}

static void connect_all(struct actor *self)
{
    void *context = self->options.context;
    self->router = mailbox_connect(context, "router", UINT32_MAX);
    self->reader = mailbox_connect(context, "reader", self->options.partition);
    for (uint32_t peer = 0; peer < self->options.partitions; peer++) {
        if (peer != self->options.partition)
            self->peers[peer] = mailbox_connect(context, "ledger", peer);
    }
}

static void close_all(struct actor *self)
{
    requests_release(&self->requests);
    ledger_destroy(&self->ledger);
    state_close(&self->state);
    journal_close(&self->journal);
    recovery_ports_release(&self->ports);
    for (uint32_t peer = 0; peer < self->options.partitions; peer++) {
        if (self->peers[peer])
            zmq_close(self->peers[peer]);
    }
    zmq_close(self->reader);
    zmq_close(self->router);
    zmq_close(self->inbox);
    free(self);
}

static void ledger_main(zsock_t *pipe, void *argument)
{
    struct actor *self = argument;
    char name[32];
    self->pipe = pipe;
    snprintf(name, sizeof name, "ledger %u", self->options.partition);
    check_enter(name);
    self->mem = memory_pages();
    self->state_said = PARTITION_STARTING;
    connect_all(self);
    zsock_signal(pipe, 0);
    if (recover(self) == ERR_OK) {
        requests_init(&self->requests, self->options.partition, self->options.partitions, self->journal);
        ledger_resend(self->ledger);
        check_space(self);
        say_state(self, self->state_said == PARTITION_FULL ? PARTITION_FULL : PARTITION_SERVING);
    } else {
        requests_init(&self->requests, self->options.partition, self->options.partitions, NULL);
        self->is_stopped = true;
        say_state(self, PARTITION_STOPPED);
    }
    run(self);
    finish(self);
    close_all(self);
}

zactor_t *ledger_actor_new(const struct ledger_actor_options *options)
{
    struct actor *self = calloc(1, sizeof *self);
    CHECK(self);
    self->options = *options;
    self->inbox = mailbox_bind(options->context, "ledger", options->partition);
    if (!self->inbox) {
        free(self);
        return NULL;
    }
    return zactor_new(ledger_main, self);
}
