#include "actors/bank/shell/bank_actor.h"

#include <stdlib.h>
#include <time.h>

#include "actors/bank/shell/bank_service.h"
#include "actors/base/check.h"
#include "actors/base/handover.h"
#include "actors/ledger/shell/mailbox.h"
#include "actors/ledger/shell/memory.h"
#include "store/datadir.h"

enum {
    BURST = 256,          /* boxes in one turn */
    PIPE_MS = 50,         /* how long banks are waited for while the pipe is not */
    WAIT_MAX_MS = 1000,   /* so that a clock that was set is noticed */
    ASK_EVERY_MS = 30000, /* each ledger for all its calls */
};

static const char BANK_ACTOR_FINISH[] = "FINISH";

struct actor {
    struct bank_actor_options options;
    zsock_t *pipe;
    void *inbox, *router;
    void *gateway; /* NULL until it asks */
    void *ledgers[DATADIR_PARTITIONS_MAX];
    struct bank_service service;
    struct mem mem;
    int inbox_fd;
    int64_t ask_ms;    /* when the next ledger is asked */
    uint32_t ask_next; /* which one */
    bool stop_told;
    bool is_finishing; /* nothing is sent any more */
    bool is_ended;
};

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the service's ports -------------------------------------------------------------------------------- */

static void port_say(void *context, bool is_error, const char *text)
{
    (void)context;
    if (is_error)
        zsys_warning("%s", text);
    else
        zsys_notice("%s", text);
}

static void reply_done(void *context, uint64_t request, const struct rail_reply *reply)
{
    struct actor *self = context;
    if (!self->is_finishing)
        bank_service_reply(&self->service, request, reply, wall_us());
}

static enum err port_request(void *context, const struct bank_request *request)
{
    struct actor *self = context;
    const struct bank_port *port = &self->options.port;
    return port->start(port->context, request, reply_done, self);
}

static void port_reports(void *context, uint32_t partition, struct bank_reports *reports)
{
    struct actor *self = context;
    struct box box = {.kind = BOX_REPORTS, .number = partition, .pointer = reports};
    bool is_taken = partition < self->options.partitions && !self->is_finishing &&
                    mailbox_send(self->ledgers[partition], &box);
    if (!is_taken)
        free(reports);
}

static void port_answer(void *context, void *token, bool is_kept)
{
    struct actor *self = context;
    struct callback_post *post = token;
    struct box box = {.kind = BOX_CALLBACK, .number = self->options.number, .pointer = post};
    if (self->gateway == NULL)
        self->gateway = mailbox_connect(self->options.context, CALLBACK_GATEWAY_INBOX, UINT32_MAX);
    if (!self->is_ended) {
        post->is_kept = is_kept;
        (void)mailbox_send(self->gateway, &box);
    }
}

/* ---- mail ----------------------------------------------------------------------------------------------- */

static void work_requests(struct actor *self, struct request *list)
{
    struct box answered = {.kind = BOX_ANSWERED, .number = self->options.number, .pointer = list};
    for (struct request *request = list; request != NULL; request = request->next)
        bank_service_work(&self->service, request);
    bool sent = mailbox_send(self->router, &answered);
    CHECK(sent);
}

static void receive(struct actor *self, const struct box *box)
{
    struct callback_post *post = box->pointer;
    struct bank_mail *mail = box->pointer;
    if (box->kind == BOX_REQUESTS) {
        work_requests(self, box->pointer);
    } else if (box->kind == BOX_CALLBACK) {
        if (!self->is_finishing) /* else the gateway has ended, and its posts with it */
            bank_service_callback(&self->service, post->bank, &post->notice, post, wall_us());
    } else {
        CHECK(box->kind == BOX_CALLS);
        if (!self->is_finishing)
            bank_service_mail(&self->service, mail, wall_us());
        free(mail);
    }
}

/* true: there may be more. */
static bool read_inbox(struct actor *self)
{
    struct box box;
    int taken = 0;
    while (taken < BURST && mailbox_receive(self->inbox, &box)) {
        receive(self, &box);
        taken++;
    }
    return taken == BURST;
}

/* One after the other, each once in its time. */
static void ask_ledgers(struct actor *self)
{
    const struct box box = {.kind = BOX_CALLS, .number = self->options.number};
    int64_t now = mono_ms();
    if (now < self->ask_ms || self->service.is_stopped)
        return;
    (void)mailbox_send(self->ledgers[self->ask_next], &box);
    self->ask_next = (self->ask_next + 1) % self->options.partitions;
    self->ask_ms = now + ASK_EVERY_MS / self->options.partitions;
}

static void tell_stop(struct actor *self)
{
    if (!self->service.is_stopped || self->stop_told)
        return;
    struct box box = {.kind = BOX_STATE, .number = self->options.number, .value = PARTITION_STOPPED};
    self->stop_told = mailbox_send(self->router, &box);
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static int wait_ms(const struct actor *self)
{
    int64_t wait = WAIT_MAX_MS, now_us = wall_us();
    int64_t due_us = bank_service_due_us(&self->service), ask_ms = self->ask_ms - mono_ms();
    if (due_us <= now_us)
        return 0;
    if (due_us - now_us < wait * 1000)
        wait = (due_us - now_us) / 1000 + 1;
    if (ask_ms < wait)
        wait = ask_ms;
    return wait < 0 ? 0 : (int)wait;
}

static bool has_mail(const struct actor *self)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(self->inbox, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

static void read_pipe(struct actor *self)
{
    char *command = zstr_recv(self->pipe);
    self->is_ended = command == NULL || streq(command, "$TERM");
    self->is_finishing = true; /* there is no other command */
    zstr_free(&command);
}

/* The inbox' descriptor only tells that something has changed, so the inbox itself is looked at before each wait. */
static void wait_for_work(struct actor *self, int timeout_ms)
{
    const struct bank_port *port = &self->options.port;
    zmq_pollitem_t items[] = {
        {.socket = self->inbox, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
    };
    if (port->count(port->context) > 0) {
        int most = timeout_ms > PIPE_MS ? PIPE_MS : timeout_ms;
        port->run(port->context, self->inbox_fd, has_mail(self) ? 0 : most);
        timeout_ms = 0;
    }
    zmq_poll(items, 2, timeout_ms);
    if (items[1].revents & ZMQ_POLLIN)
        read_pipe(self);
}

static void run(struct actor *self)
{
    while (!self->is_finishing) {
        bool has_more = read_inbox(self);
        has_more = bank_service_turn(&self->service, wall_us()) || has_more;
        ask_ledgers(self);
        tell_stop(self);
        wait_for_work(self, has_more ? 0 : wait_ms(self));
    }
}

/* ---- life ----------------------------------------------------------------------------------------------- */

/* What is at a bank is asked about after the next start. */
static void finish(struct actor *self)
{
    const struct bank_port *port = &self->options.port;
    port->destroy(port->context);
    self->options.port.context = NULL;
    self->service.is_stopped = true;
    if (!self->is_ended)
        zsock_signal(self->pipe, 0);
    while (!self->is_ended) {
        zmq_pollitem_t items[] = {
            {.socket = self->inbox, .events = ZMQ_POLLIN},
            {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        };
        read_inbox(self);
        zmq_poll(items, 2, -1);
        if (items[1].revents & ZMQ_POLLIN)
            read_pipe(self);
    }
    while (read_inbox(self)) /* the ledgers have ended: this is all there will be */
        ;
}

static void close_sockets(struct actor *self)
{
    if (self->inbox != NULL)
        zmq_close(self->inbox);
    if (self->router != NULL)
        zmq_close(self->router);
    if (self->gateway != NULL)
        zmq_close(self->gateway);
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        if (self->ledgers[p] != NULL)
            zmq_close(self->ledgers[p]);
    }
}

static void release(struct actor *self)
{
    self->is_finishing = true;
    self->is_ended = true;
    if (self->options.port.context != NULL)
        self->options.port.destroy(self->options.port.context);
    bank_service_close(&self->service);
    outbox_close(&self->options.outbox);
    close_sockets(self);
    free(self);
}

static void bank_main(zsock_t *pipe, void *argument)
{
    struct actor *self = argument;
    void *context = self->options.context;
    handover_take(self);
    self->pipe = pipe;
    check_enter("bank adapter");
    self->router = mailbox_connect(context, "router", UINT32_MAX);
    for (uint32_t p = 0; p < self->options.partitions; p++)
        self->ledgers[p] = mailbox_connect(context, "ledger", p);
    self->ask_ms = mono_ms();
    zsock_signal(pipe, 0);
    run(self);
    finish(self);
    release(self);
}

/* NULL: all is open; else why not. */
static const char *open_all(struct actor *self)
{
    const struct bank_actor_options *options = &self->options;
    size_t size = sizeof self->inbox_fd;
    if (options->port.context == NULL)
        return "no memory";
    self->service = (struct bank_service){
        .ports = {self, port_request, port_reports, port_answer, port_say},
    };
    self->mem = memory_pages();
    enum err err = bank_service_open(&self->service, options->banks, options->bank_count, options->hash_key,
                                     options->outbox, &self->mem, wall_us());
    if (err != ERR_OK)
        return err_text(err);
    self->inbox = mailbox_bind(options->context, CALLBACK_BANK_INBOX, UINT32_MAX);
    if (self->inbox == NULL)
        return "its endpoint is taken";
    CHECK(zmq_getsockopt(self->inbox, ZMQ_FD, &self->inbox_fd, &size) == 0);
    return NULL;
}

zactor_t *bank_actor_new(const struct bank_actor_options *options, const char **why)
{
    struct actor *self = calloc(1, sizeof *self);
    CHECK(self);
    self->options = *options;
    *why = open_all(self);
    if (*why != NULL) {
        release(self);
        return NULL;
    }
    self->options.banks = NULL; /* the caller's */
    handover_give(self);
    zactor_t *actor = zactor_new(bank_main, self);
    if (actor == NULL) {
        *why = "no thread";
        release(self);
    }
    return actor;
}

void bank_actor_finish(zactor_t *actor)
{
    zstr_send(actor, BANK_ACTOR_FINISH);
    zsock_wait(actor);
}
