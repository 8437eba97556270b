#include "actors/ledger/shell/ledger_actor.h"

#include <stdlib.h>
#include <time.h>

#include "actors/base/check.h"
#include "actors/ledger/shell/commit_writer.h"
#include "actors/ledger/shell/mailbox.h"
#include "actors/ledger/shell/memory.h"
#include "actors/ledger/shell/partition.h"
#include "actors/ledger/shell/recovery.h"
#include "actors/ledger/shell/requests.h"
#include "store/datadir.h"

enum {
    ROUND_BOXES_MAX = 1024,
    FINISH_WAIT_MS = 1000,
    INLINE_BYTES_MAX =
        32 * 1024, /* a smaller unit is appended in place: a thread's way there and back costs more */
};

static const char LEDGER_ACTOR_FINISH[] = "FINISH";

struct actor {
    struct ledger_actor_options options;
    struct partition *partition;
    struct recovered stores;
    struct datadir_error error; /* of the recovery */
    zsock_t *pipe;
    void *inbox, *router, *reader;
    void *publisher; /* NULL until it asks */
    void *bank;      /* NULL: the node has no banks */
    void *peers[LEDGER_PARTITIONS_MAX];
    zactor_t *append_writer, *apply_writer;
    struct mem mem;
    bool is_ending; /* told to finish: no new work */
    bool is_ended;  /* told to end: nobody sends to it any more */
};

static struct partition_now now(void)
{
    struct timespec wall, mono;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (struct partition_now){
        .wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
        .mono_ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
    };
}

/* ---- the partition's ports ---------------------------------------------------------------------------------- */

static bool port_run(void *context, struct commit_job *job)
{
    struct actor *self = context;
    if (job->step == COMMIT_APPEND && job->unit->length <= INLINE_BYTES_MAX) {
        commit_writer_run(job);
        return true;
    }
    commit_writer_give(job->step == COMMIT_APPEND ? self->append_writer : self->apply_writer, job);
    return false;
}

static void port_to_router(void *context, const struct box *box)
{
    struct actor *self = context;
    bool sent = mailbox_send(self->router, box);
    CHECK(sent);
}

static bool port_to_reader(void *context, const struct box *box)
{
    struct actor *self = context;
    return mailbox_send(self->reader, box);
}

static bool port_to_peer(void *context, uint32_t peer, const struct box *box)
{
    struct actor *self = context;
    return mailbox_send(self->peers[peer], box);
}

static bool port_to_bank(void *context, const struct box *box)
{
    struct actor *self = context;
    return mailbox_send(self->bank, box);
}

static void port_say(void *context, bool is_error, const char *text)
{
    (void)context;
    if (is_error)
        zsys_error("%s", text);
    else
        zsys_warning("%s", text);
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

/* What the publisher asks for is answered from what is at hand, a bounded piece; whether it takes the answer is its own affair. */
static void answer_publisher(struct actor *self, const struct box *box)
{
    struct box answer = {.kind = box->kind, .number = self->options.partition};
    if (self->publisher == NULL)
        self->publisher = mailbox_connect(self->options.context, "publisher", UINT32_MAX);
    if (self->stores.ledger == NULL)
        return; /* it could not be recovered: there is nothing to publish */
    uint32_t first = box->value;
    if (box->kind == BOX_JOURNAL)
        answer.pointer = self->stores.journal;
    else if (first <= ledger_account_count(self->stores.ledger))
        answer.pointer = requests_names(self->stores.ledger, &first);
    if (!mailbox_send(self->publisher, &answer) && box->kind == BOX_NAMES)
        free(answer.pointer);
}

static void receive(struct actor *self, const struct box *box)
{
    if (box->kind == BOX_JOURNAL || box->kind == BOX_NAMES)
        answer_publisher(self, box);
    else
        partition_receive(self->partition, box, now());
}

/* Takes what is in the mailbox, up to the size of a commit. */
static void read_mail(struct actor *self)
{
    struct box box;
    for (int i = 0; i < ROUND_BOXES_MAX && partition_reads_mail(self->partition); i++) {
        if (!mailbox_receive(self->inbox, &box))
            return;
        receive(self, &box);
    }
}

static void take_done(struct actor *self, zactor_t *writer)
{
    struct commit_job *job = commit_writer_take(writer);
    if (job)
        partition_job_done(self->partition, job, now());
}

/* One turn: what the writers have done, what has come, what is next. wait_ms: the most to wait for any of it; -1: for ever. */
static void turn(struct actor *self, long wait_ms)
{
    zmq_pollitem_t items[] = {
        {.socket = self->inbox, .events = partition_reads_mail(self->partition) ? ZMQ_POLLIN : 0},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->append_writer), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->apply_writer), .events = ZMQ_POLLIN},
    };
    zmq_poll(items, 4, wait_ms);
    take_done(self, self->append_writer);
    take_done(self, self->apply_writer);
    partition_work(self->partition, now());
    read_mail(self);
    partition_commit(self->partition, now());
}

static long wait_ms(const struct actor *self, int64_t mono_ms)
{
    int64_t due_ms = partition_due_ms(self->partition);
    if (partition_can_go_on(self->partition) || due_ms <= mono_ms)
        return 0;
    return due_ms == INT64_MAX ? -1 : (long)(due_ms - mono_ms);
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

static void run(struct actor *self)
{
    while (!told_to_end(self)) {
        struct partition_now start = now();
        partition_timer(self->partition, start);
        turn(self, wait_ms(self, start.mono_ms));
    }
}

/* ---- end ---------------------------------------------------------------------------------------------------------- */

static bool has_mail(struct actor *self)
{
    zmq_pollitem_t item = {.socket = self->inbox, .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, 0) > 0;
}

static void finish(struct actor *self)
{
    while (partition_finish(self->partition, has_mail(self), now()))
        turn(self, partition_is_busy(self->partition) ? FINISH_WAIT_MS : 0);
    zactor_destroy(&self->append_writer);
    zactor_destroy(&self->apply_writer);
    partition_abandon(self->partition); /* a peer has finished before it could answer */
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
    while (mailbox_receive(self->inbox, &box)) {
        if (box.kind != BOX_JOURNAL && box.kind != BOX_NAMES) /* the publisher has ended */
            partition_receive(self->partition, &box, now());
    }
}

/* ---- recovery ------------------------------------------------------------------------------------------------------- */

static enum err source_open_journal(void *context, struct journal **out)
{
    struct actor *self = context;
    return datadir_journal(self->options.datadir, self->options.partition, out, &self->error);
}

static enum err source_open_state(void *context, struct state **out)
{
    struct actor *self = context;
    return datadir_state(self->options.datadir, self->options.partition, out, &self->error);
}

static enum err source_drop_state(void *context)
{
    struct actor *self = context;
    return datadir_drop_state(self->options.datadir, self->options.partition, &self->error);
}

static struct ledger *source_make_ledger(void *context, const struct ledger_ports *ports)
{
    struct actor *self = context;
    const struct datadir_meta *meta = datadir_meta(self->options.datadir);
    struct ledger_config config = ledger_config_default();
    config.partition = self->options.partition;
    config.partitions = self->options.partitions;
    config.hash_key = meta->hash_key;
    config.base_currency = meta->base_currency;
    config.id_retention_us = meta->id_retention_seconds * 1000000;
    config.remittances = self->options.remittances;
    return ledger_new(&config, ports, &self->mem);
}

static void source_rebuilds(void *context, enum err why)
{
    const struct actor *self = context;
    zsys_warning("partition %u: the state store cannot be used (%s); it is built anew",
                 self->options.partition, err_text(why));
}

static enum err recover(struct actor *self)
{
    const struct recovery_source source = {
        .context = self,
        .open_journal = source_open_journal,
        .open_state = source_open_state,
        .drop_state = source_drop_state,
        .make_ledger = source_make_ledger,
        .rebuilds = source_rebuilds,
    };
    enum err err = recovery_open(&self->stores, &source);
    const struct journal_fault *fault = &self->stores.fault;
    if (err != ERR_OK && fault->what)
        snprintf(self->error.text, sizeof self->error.text, "The journal is damaged at position %llu: %s.",
                 (unsigned long long)fault->position, fault->what);
    if (err != ERR_OK)
        zsys_error("partition %u cannot be recovered: %s. %s", self->options.partition, err_text(err),
                   self->error.text);
    return err;
}

/* ---- the actor -------------------------------------------------------------------------------------------------------- */

static void open_all(struct actor *self)
{
    void *context = self->options.context;
    const struct partition_ports ports = {
        .context = self,
        .run = port_run,
        .to_router = port_to_router,
        .to_reader = port_to_reader,
        .to_peer = port_to_peer,
        .to_bank = self->options.has_banks ? port_to_bank : NULL,
        .say = port_say,
    };
    self->router = mailbox_connect(context, "router", UINT32_MAX);
    self->reader = mailbox_connect(context, "reader", self->options.partition);
    if (self->options.has_banks)
        self->bank = mailbox_connect(context, "bank", UINT32_MAX);
    for (uint32_t peer = 0; peer < self->options.partitions; peer++) {
        if (peer != self->options.partition)
            self->peers[peer] = mailbox_connect(context, "ledger", peer);
    }
    self->append_writer = commit_writer_new();
    self->apply_writer = commit_writer_new();
    self->mem = memory_pages();
    self->partition = partition_new(self->options.partition, self->options.partitions, &ports, &self->mem);
}

static void close_all(struct actor *self)
{
    partition_destroy(&self->partition);
    recovery_close(&self->stores);
    for (uint32_t peer = 0; peer < self->options.partitions; peer++) {
        if (self->peers[peer])
            zmq_close(self->peers[peer]);
    }
    if (self->publisher)
        zmq_close(self->publisher);
    if (self->bank)
        zmq_close(self->bank);
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
    open_all(self);
    zsock_signal(pipe, 0);
    if (recover(self) == ERR_OK)
        partition_begin(self->partition, &self->stores, now());
    else
        partition_fail(self->partition);
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
