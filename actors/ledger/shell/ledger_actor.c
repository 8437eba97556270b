#include "actors/ledger/shell/ledger_actor.h"

#include <stdlib.h>
#include <time.h>

#include "actors/base/check.h"
#include "actors/base/handover.h"
#include "actors/ledger/shell/commit_writer.h"
#include "actors/ledger/shell/mailbox.h"
#include "actors/ledger/shell/memory.h"
#include "actors/ledger/shell/read_job.h"
#include "actors/ledger/shell/recovery.h"
#include "actors/ledger/shell/requests.h"
#include "store/datadir.h"

enum {
    ROUND_BYTES_MAX = 4 * 1024 * 1024, /* of facts in one commit */
    ROUND_BOXES_MAX = 1024,
    TICK_MS = 1000,
    SPACE_EVERY_BYTES_MAX = 32 * 1024 * 1024, /* of appended facts; less where there is little room */
    SPACE_CHECKS = 64,
    FULL_PERCENT = 85,
    WARN_PERCENT = 70,
    INLINE_BYTES_MAX = 32 * 1024, /* a smaller unit is committed in place */
};

/* A unit that has been taken goes through two lanes: its facts are appended to the journal, then its effects run, then
 * its puts are applied to the state store, while the next unit is appended. Each lane has one job at a time.
 *
 *     take ──► APPEND ──durable: effects──► queue ──► APPLY ──► release
 *               ▲  │ no room: again                    ▲  │ no room: again
 *               └──┘ each second                       └──┘ each second
 */
enum lane_state { LANE_IDLE, LANE_BUSY, LANE_NO_ROOM };

struct lane {
    enum lane_state state;
    struct commit_job job;
    int64_t retry_ms; /* NO_ROOM: when to try again */
    zactor_t *writer;
};

/* What was answered while a unit was filled leaves with it. */
struct held {
    struct request_list answered;
    struct read_job *reads;
};

static const char LEDGER_ACTOR_FINISH[] = "FINISH";

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
    struct lane append, apply;
    struct held held;                              /* of the unit in the append lane */
    struct ledger_unit *durable[LEDGER_UNITS_MAX]; /* wait to be applied, the oldest first */
    size_t durable_count;
    struct ledger *ledger;
    struct requests requests; /* decoding, and what waits for the next commit */
    struct request *todo;     /* received and not yet worked */
    uint32_t names_sent;
    uint64_t appended_bytes, space_checked_bytes;
    uint64_t space_every_bytes; /* how much may be appended before the next look at the space */
    uint64_t position_before;   /* at the last tick: to see whether it is quiet */
    enum partition_state state_said;
    bool is_warned;
    bool is_stopped; /* the store cannot be trusted any more */
    bool is_ending;  /* told to finish: no new work */
    bool is_ended;   /* told to end: nobody sends to it any more */
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

static void send_reads(struct actor *self, struct read_job *jobs)
{
    if (!jobs)
        return;
    struct box box = {.kind = BOX_READ, .pointer = jobs};
    bool sent = mailbox_send(self->reader, &box);
    CHECK(sent);
}

static void send_messages(struct actor *self, const struct ledger_unit *unit)
{
    for (size_t i = 0; i < unit->message_count; i++) {
        struct ledger_peer_message *message = unit->messages[i];
        struct box box = {.kind = BOX_PEER, .pointer = message};
        if (!mailbox_send(self->peers[message->to], &box))
            ledger_peer_message_free(&self->mem, &message); /* it has ended: a resend will bring it */
    }
}

/* What was answered while the unit was filled leaves with it. */
static void held_load(struct actor *self)
{
    request_list_move(&self->held.answered, &self->requests.answered);
    self->held.reads = self->requests.reads;
    self->requests.reads = NULL;
    self->requests.reads_end = &self->requests.reads;
}

/* Everything that waited for this unit leaves; without a unit, what needed no facts. */
static void run_effects(struct actor *self, struct ledger_unit *unit)
{
    struct request_list *answered = &self->held.answered;
    if (unit)
        send_messages(self, unit);
    while (unit && unit->tickets) {
        struct ledger_ticket *ticket = unit->tickets;
        unit->tickets = ticket->next;
        request_list_add(answered, requests_answer_ticket(&self->requests, ticket));
        ledger_ticket_free(self->ledger, &ticket);
    }
    send_names(self);
    send_reads(self, self->held.reads);
    self->held.reads = NULL;
    send_answered(self, answered);
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

static void answer_tickets(struct actor *self, struct ledger_ticket *list, enum code code)
{
    while (list) {
        struct ledger_ticket *ticket = list;
        struct request *request = ticket->user;
        list = ticket->next;
        ledger_ticket_free(self->ledger, &ticket);
        request->next = NULL;
        answer_all(self, request, code);
    }
}

static void answer_held(struct actor *self, enum code code)
{
    requests_unanswer(&self->requests, &self->held.answered, &self->held.reads, code);
    send_answered(self, &self->held.answered);
}

static void messages_drop(struct actor *self, struct ledger_unit *unit)
{
    for (size_t i = 0; i < unit->message_count; i++)
        ledger_peer_message_free(&self->mem, &unit->messages[i]);
    unit->message_count = 0;
}

/* Whoever still waits is told that the outcome is not known, and the core is not used any more. */
static void abandon(struct actor *self, struct ledger_unit *unit)
{
    self->is_stopped = true;
    if (unit) {
        answer_tickets(self, unit->tickets, CODE_UNKNOWN);
        unit->tickets = NULL;
        messages_drop(self, unit);
    }
    answer_held(self, CODE_UNKNOWN);
    held_load(self);
    answer_held(self, CODE_UNKNOWN);
    if (self->ledger)
        answer_tickets(self, ledger_abandon(self->ledger), CODE_UNKNOWN);
    answer_all(self, self->todo, CODE_BUSY); /* never begun */
    self->todo = NULL;
}

/* Whether the unit is on disk is not known: nobody is told anything else. */
static void stop(struct actor *self, struct ledger_unit *unit, const char *why)
{
    zsys_error("partition %u stops: %s", self->options.partition, why);
    abandon(self, unit);
    say_state(self, PARTITION_STOPPED);
}

/* ---- the mailbox ---------------------------------------------------------------------------------------------- */

static void box_drop(struct actor *self, struct box *box)
{
    struct ledger_peer_message *message = box->pointer;
    if (box->kind == BOX_REQUESTS)
        answer_all(self, box->pointer, CODE_BUSY);
    else if (box->kind == BOX_PEER)
        ledger_peer_message_free(&self->mem, &message);
}

/* Reads the pipe without waiting; true: the actor is to end. */
static bool told_to_end(struct actor *self)
{
    while (zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv_nowait(self->pipe);
        if (!command)
            break;
        self->is_ended = self->is_ended || streq(command, "$TERM");
        self->is_ending = self->is_ending || self->is_ended || streq(command, LEDGER_ACTOR_FINISH);
        zstr_free(&command);
    }
    return self->is_ending;
}

/* ---- commits ---------------------------------------------------------------------------------------------------- */

/* A guard before the disk is really full: what is on its way can still be finished. */
static void check_space(struct actor *self)
{
    struct journal_space space;
    self->space_checked_bytes = self->appended_bytes;
    if (journal_get_space(self->journal, &space) != ERR_OK || space.limit_bytes == 0)
        return;
    self->space_every_bytes = space.limit_bytes / SPACE_CHECKS;
    if (self->space_every_bytes > SPACE_EVERY_BYTES_MAX)
        self->space_every_bytes = SPACE_EVERY_BYTES_MAX;
    uint64_t percent = space.used_bytes / (space.limit_bytes / 100 + 1);
    if (percent >= WARN_PERCENT && !self->is_warned)
        zsys_warning("partition %u: the journal takes %llu %% of its space", self->options.partition,
                     (unsigned long long)percent);
    self->is_warned = percent >= WARN_PERCENT;
    ledger_refuse_new(self->ledger, percent >= FULL_PERCENT);
    say_state(self, percent >= FULL_PERCENT ? PARTITION_FULL : PARTITION_SERVING);
}

static void lane_no_room(struct actor *self, struct lane *lane)
{
    say_state(self, PARTITION_FULL);
    lane->state = LANE_NO_ROOM;
    lane->retry_ms = zclock_mono() + TICK_MS;
}

static void durable_release(struct actor *self)
{
    ledger_release(self->ledger, self->durable[0]);
    self->durable_count--;
    memmove(&self->durable[0], &self->durable[1], self->durable_count * sizeof self->durable[0]);
}

/* The state store follows behind: the facts that it reflects are durable. */
static void apply_next(struct actor *self)
{
    while (self->durable_count > 0 && self->apply.state == LANE_IDLE) {
        struct ledger_unit *unit = self->durable[0];
        if (unit->put_count == 0) {
            durable_release(self);
            continue;
        }
        self->apply.job = (struct commit_job){.step = COMMIT_APPLY, .state = self->state, .unit = unit};
        self->apply.state = LANE_BUSY;
        commit_writer_give(self->apply.writer, &self->apply.job);
    }
}

static void apply_done(struct actor *self)
{
    enum err err = self->apply.job.err;
    self->apply.state = LANE_IDLE;
    if (self->is_stopped)
        return;
    if (err == ERR_FULL || err == ERR_NO_MEMORY) {
        lane_no_room(self, &self->apply);
    } else if (err == ERR_OK) {
        durable_release(self);
        apply_next(self);
    } else {
        stop(self, NULL, "the state store failed");
    }
}

/* The unit's facts are durable, or it has none. */
static void unit_durable(struct actor *self, struct ledger_unit *unit)
{
    self->append.state = LANE_IDLE;
    run_effects(self, unit);
    self->durable[self->durable_count++] = unit;
    apply_next(self);
    if (self->appended_bytes - self->space_checked_bytes >= self->space_every_bytes ||
        self->state_said == PARTITION_FULL)
        check_space(self);
}

static void append_done(struct actor *self)
{
    struct commit_job *job = &self->append.job;
    self->append.state = LANE_IDLE;
    if (self->is_stopped) {
        abandon(self, job->unit);
    } else if (job->outcome == JOURNAL_FULL) {
        lane_no_room(self, &self->append);
    } else if (job->outcome != JOURNAL_OK) {
        stop(self, job->unit,
             job->outcome == JOURNAL_FENCED ? "another owner has taken over" : "a commit failed");
    } else {
        self->head.sequence++;
        self->appended_bytes += job->unit->length;
        unit_durable(self, job->unit);
    }
}

static void append_submit(struct actor *self)
{
    struct commit_job *job = &self->append.job;
    self->append.state = LANE_BUSY;
    if (job->unit->length > INLINE_BYTES_MAX) {
        commit_writer_give(self->append.writer, job);
        return;
    }
    commit_writer_run(job);
    append_done(self);
}

/* Sends the next unit on its way, when there is a place for it. */
static void commit(struct actor *self)
{
    if (self->append.state != LANE_IDLE || self->is_stopped || self->durable_count == LEDGER_UNITS_MAX)
        return;
    struct ledger_unit *unit = ledger_take(self->ledger);
    held_load(self);
    if (!unit) {
        run_effects(self, NULL);
        return;
    }
    if (unit->length == 0) {
        unit_durable(self, unit);
        return;
    }
    self->append.job = (struct commit_job){
        .step = COMMIT_APPEND,
        .journal = self->journal,
        .unit = unit,
        .sequence = self->head.sequence + 1,
        .epoch = self->epoch,
    };
    append_submit(self);
}

/* Nothing can become durable until there is room again. */
static bool is_stuck(const struct actor *self)
{
    return self->append.state == LANE_NO_ROOM ||
           (self->apply.state == LANE_NO_ROOM && self->durable_count == LEDGER_UNITS_MAX);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static bool has_room(const struct actor *self)
{
    return ledger_pending_bytes(self->ledger) < ROUND_BYTES_MAX;
}

static void work_todo(struct actor *self)
{
    while (self->todo && has_room(self)) {
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
    if (self->is_stopped || is_stuck(self)) {
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
    ledger_peer_message_free(&self->mem, &message);
}

/* Takes what is in the mailbox, up to the size of a commit. true: the mailbox is empty. */
static bool read_mail(struct actor *self)
{
    struct box box;
    for (int i = 0; i < ROUND_BOXES_MAX; i++) {
        if (!self->is_stopped && (self->todo || !has_room(self)))
            return false;
        if (!mailbox_receive(self->inbox, &box))
            return true;
        receive(self, &box);
    }
    return false;
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

/* While there is no room, what has come is told so, and each second the step is tried again. */
static void retry(struct actor *self, int64_t now_ms)
{
    if (is_stuck(self)) {
        answer_all(self, self->todo, CODE_BUSY);
        self->todo = NULL;
    }
    if (self->apply.state == LANE_NO_ROOM && now_ms >= self->apply.retry_ms) {
        self->apply.state = LANE_IDLE;
        apply_next(self);
    }
    if (self->append.state == LANE_NO_ROOM && now_ms >= self->append.retry_ms)
        append_submit(self);
}

/* One turn: what the writers have done, what has come, what is next. wait_ms: the most to wait for any of it. */
static void turn(struct actor *self, long wait_ms)
{
    zmq_pollitem_t items[] = {
        {.socket = self->inbox, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->append.writer), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->apply.writer), .events = ZMQ_POLLIN},
    };
    bool closed = !self->is_stopped && (self->todo || !has_room(self));
    if (closed)
        items[0].events = 0;
    zmq_poll(items, 4, wait_ms);
    if (commit_writer_take(self->append.writer))
        append_done(self);
    if (commit_writer_take(self->apply.writer))
        apply_done(self);
    if (!self->is_stopped)
        work_todo(self);
    read_mail(self);
    commit(self);
}

static bool can_go_on(const struct actor *self)
{
    return !self->is_stopped && self->append.state == LANE_IDLE && self->durable_count < LEDGER_UNITS_MAX &&
           (self->todo || ledger_has_work(self->ledger));
}

static void run(struct actor *self)
{
    int64_t next_tick = zclock_mono() + TICK_MS;
    while (!told_to_end(self)) {
        int64_t now = zclock_mono();
        if (now >= next_tick) {
            next_tick = now + TICK_MS;
            if (!self->is_stopped)
                tick(self);
        }
        retry(self, now);
        turn(self, can_go_on(self) ? 0 : (long)(next_tick - now));
    }
}

/* What is under way is finished, as far as there is room for it. */
static void finish_lanes(struct actor *self)
{
    while (self->append.state == LANE_BUSY || self->apply.state == LANE_BUSY)
        turn(self, TICK_MS);
    if (self->append.state == LANE_NO_ROOM)
        stop(self, self->append.job.unit, "there is no room and it was told to end");
    else if (self->apply.state == LANE_NO_ROOM)
        abandon(self, NULL); /* a checkpoint that found no room: a restart replays more, that is all */
}

static bool has_mail(struct actor *self)
{
    zmq_pollitem_t item = {.socket = self->inbox, .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, 0) > 0;
}

/* At a clean end everything is checkpointed, so that the next start replays nothing. */
static void finish(struct actor *self)
{
    finish_lanes(self);
    while (!self->is_stopped && (self->todo || has_mail(self) || ledger_checkpoint_hurry(self->ledger))) {
        turn(self, 0);
        finish_lanes(self);
    }
    zactor_destroy(&self->append.writer);
    zactor_destroy(&self->apply.writer);
    if (!self->is_stopped)
        abandon(self, NULL); /* a peer has finished before it could answer */
}

/* All actors have finished when it is told to end, so what is in the mailbox now is all there will be. */
static void end(struct actor *self)
{
    struct box box;
    if (!self->is_ended)
        zsock_signal(self->pipe, 0);
    while (!self->is_ended) {
        char *command = zstr_recv(self->pipe);
        self->is_ended = !command || streq(command, "$TERM");
        zstr_free(&command);
    }
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

static enum err open_journal(struct actor *self, struct datadir_error *error)
{
    enum err err = datadir_journal(self->options.datadir, self->options.partition, &self->journal, error);
    if (err == ERR_OK)
        err = journal_get_head(self->journal, &self->head);
    self->ports.journal = self->journal;
    self->epoch = self->head.epoch + 1;
    return err;
}

/* A state store that cannot be used is dropped and built anew: the journal is the truth. Not so when it is the
 * journal that is damaged. */
static enum err rebuild_state(struct actor *self, enum err why, struct datadir_error *error)
{
    struct journal_fault fault = {0};
    journal_find_fault(self->journal, &fault);
    if (fault.what) {
        snprintf(error->text, sizeof error->text, "The journal is damaged at position %llu: %s.",
                 (unsigned long long)fault.position, fault.what);
        return why;
    }
    zsys_warning("partition %u: the state store cannot be used (%s); it is built anew",
                 self->options.partition, err_text(why));
    ledger_destroy(&self->ledger);
    state_close(&self->state);
    enum err err = datadir_drop_state(self->options.datadir, self->options.partition, error);
    return err == ERR_OK ? recover_once(self, error) : err;
}

static enum err recover(struct actor *self)
{
    struct datadir_error error = {{0}};
    enum err err = open_journal(self, &error);
    if (err == ERR_OK) {
        err = recover_once(self, &error);
        if (err == ERR_CORRUPT || err == ERR_VERSION)
            err = rebuild_state(self, err, &error);
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
    self->append.writer = commit_writer_new();
    self->apply.writer = commit_writer_new();
    request_list_init(&self->held.answered);
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
    end(self);
    close_all(self);
}

void ledger_actor_finish(zactor_t *actor)
{
    zstr_send(actor, LEDGER_ACTOR_FINISH);
}

void ledger_actor_finished(zactor_t *actor)
{
    zsock_wait(actor);
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
