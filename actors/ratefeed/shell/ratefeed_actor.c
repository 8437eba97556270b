#include "actors/ratefeed/shell/ratefeed_actor.h"

#include <stdlib.h>
#include <time.h>

#include "actors/base/check.h"
#include "actors/base/date.h"
#include "actors/base/handover.h"
#include "actors/ledger/shell/mailbox.h"
#include "actors/ledger/shell/memory.h"
#include "actors/ratefeed/shell/desk_client.h"
#include "actors/ratefeed/shell/feed_service.h"

enum {
    BURST = 64,         /* boxes in one turn */
    CALLS_MS = 10,      /* how long sources are waited for while sockets are not */
    WAIT_MAX_MS = 5000, /* so that a clock that was set is noticed */
};

struct actor {
    struct ratefeed_actor_options options;
    zsock_t *pipe;
    void *inbox, *router;
    struct feed_service service;
    struct desk_client desk;
    struct mem mem;
    bool desk_refuses; /* it has been said */
    bool stop_told;
    bool is_closing; /* outcomes count no more */
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

static void say(void *context, bool is_error, const char *text)
{
    (void)context;
    if (is_error)
        zsys_warning("%s", text);
    else
        zsys_notice("%s", text);
}

/* ---- sources -------------------------------------------------------------------------------------------- */

static void sheet_done(void *context, uint32_t source, const struct ratefeed_sheet *sheet)
{
    struct actor *self = context;
    struct feed_taken taken;
    if (self->is_closing)
        return;
    const char *name = ratefeed_source(self->service.feed, source)->name;
    if (sheet->error != NULL) {
        ratefeed_failed(self->service.feed, source, sheet->error, sheet->retry_after_s, wall_us());
        zsys_warning("rate source %s: %s", name, sheet->error);
        return;
    }
    enum err err = feed_service_sheet(&self->service, source, sheet->rows, sheet->count, wall_us(), &taken);
    if (err != ERR_OK)
        zsys_error("rate source %s: a sheet could not be kept: %s", name, err_text(err));
    else if (taken.accepted + taken.history + taken.to_review > 0)
        zsys_info("rate source %s: %u rates accepted, %u of older days kept, %u wait for an operator", name,
                  taken.accepted, taken.history, taken.to_review);
}

/* A source that is asked by day is asked for the day that it should have by now. */
static int32_t date_to_ask(const struct ratefeed_source_config *config, int64_t now_us)
{
    int32_t expected = schedule_expected_date(&config->schedule, now_us);
    return expected != INT32_MIN ? expected : date_of_time(now_us, config->schedule.offset_s);
}

static void start_fetches(struct actor *self)
{
    uint32_t source;
    int64_t now_us = wall_us();
    struct ratefeed *feed = self->service.feed;
    const struct ratefeed_port *port = &self->options.port;
    while (ratefeed_next_fetch(feed, now_us, &source)) {
        int32_t date = date_to_ask(ratefeed_source(feed, source), now_us);
        enum err err = port->start(port->context, source, date, now_us, sheet_done, self);
        if (err != ERR_OK)
            ratefeed_failed(feed, source, err_text(err), -1, now_us);
    }
}

/* ---- the desk ------------------------------------------------------------------------------------------- */

static void finish_order(struct actor *self)
{
    enum code code = CODE_OK;
    enum desk_outcome outcome = desk_client_take(&self->desk, mono_ms(), &code);
    if (outcome == DESK_NO_OUTCOME)
        return;
    ratefeed_desk_done(self->service.feed, &self->desk.order, outcome == DESK_SET, wall_us());
    bool is_refused = outcome == DESK_REFUSED && code != CODE_BUSY && code != CODE_UNKNOWN;
    if (is_refused && !self->desk_refuses)
        zsys_error("the desk refuses %s/%s: %s", self->desk.order.rate.base, self->desk.order.rate.counter,
                   code_name(code));
    self->desk_refuses = is_refused;
}

static void tell_desk(struct actor *self)
{
    struct ratefeed_order order;
    finish_order(self);
    if (self->desk.is_open || !ratefeed_next_order(self->service.feed, wall_us(), &order))
        return;
    desk_client_send(&self->desk, &order, ratefeed_source(self->service.feed, order.source)->name, mono_ms());
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static void work_requests(struct actor *self, struct request *list)
{
    struct box answered = {.kind = BOX_ANSWERED, .number = self->options.number, .pointer = list};
    for (struct request *request = list; request != NULL; request = request->next)
        feed_service_work(&self->service, request, wall_us());
    bool sent = mailbox_send(self->router, &answered);
    CHECK(sent);
}

static bool read_inbox(struct actor *self)
{
    struct box box;
    int taken = 0;
    while (taken < BURST && mailbox_receive(self->inbox, &box)) {
        CHECK(box.kind == BOX_REQUESTS);
        work_requests(self, box.pointer);
        taken++;
    }
    return taken == BURST;
}

static void tell_stop(struct actor *self)
{
    if (!self->service.is_stopped || self->stop_told)
        return;
    struct box box = {.kind = BOX_STATE, .number = self->options.number, .value = PARTITION_STOPPED};
    self->stop_told = mailbox_send(self->router, &box);
}

static int wait_ms(const struct actor *self)
{
    int64_t wait = WAIT_MAX_MS, now_us = wall_us();
    if (self->service.is_stopped)
        return WAIT_MAX_MS;
    int64_t due_us = ratefeed_due_us(self->service.feed);
    if (due_us <= now_us && !self->desk.is_open)
        return 0;
    if (due_us > now_us && due_us - now_us < wait * 1000)
        wait = (due_us - now_us) / 1000 + 1;
    if (self->desk.is_open && self->desk.until_ms - mono_ms() < wait)
        wait = self->desk.until_ms - mono_ms();
    return wait < 0 ? 0 : (int)wait;
}

/* true: the actor is to end. */
static bool wait_for_work(struct actor *self, int timeout_ms)
{
    const struct ratefeed_port *port = &self->options.port;
    zmq_pollitem_t items[] = {
        {.socket = self->inbox, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
        {.socket = self->desk.socket, .events = ZMQ_POLLIN},
    };
    if (port->count(port->context) > 0) {
        port->run(port->context, timeout_ms > CALLS_MS ? CALLS_MS : timeout_ms);
        timeout_ms = 0;
    }
    zmq_poll(items, 3, timeout_ms);
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
        bool has_more = read_inbox(self);
        if (!self->service.is_stopped) {
            start_fetches(self);
            tell_desk(self);
        }
        tell_stop(self);
        is_ended = wait_for_work(self, has_more ? 0 : wait_ms(self));
    }
}

/* ---- life ----------------------------------------------------------------------------------------------- */

static void release(struct actor *self)
{
    self->is_closing = true;
    if (self->options.port.context != NULL)
        self->options.port.destroy(self->options.port.context);
    desk_client_release(&self->desk);
    feed_service_close(&self->service);
    rates_close(&self->options.rates);
    if (self->inbox != NULL)
        zmq_close(self->inbox);
    if (self->router != NULL)
        zmq_close(self->router);
    free(self);
}

static void ratefeed_main(zsock_t *pipe, void *argument)
{
    struct actor *self = argument;
    handover_take(self);
    self->pipe = pipe;
    check_enter("rate feed");
    self->router = mailbox_connect(self->options.context, "router", UINT32_MAX);
    zsock_signal(pipe, 0);
    ratefeed_begin(self->service.feed, wall_us());
    run(self);
    release(self);
}

/* NULL: all is open; else why not. */
static const char *open_all(struct actor *self)
{
    const struct ratefeed_actor_options *options = &self->options;
    if (options->port.context == NULL)
        return "no memory";
    self->service = (struct feed_service){.context = self, .say = say};
    self->mem = memory_pages();
    enum err err = feed_service_open(&self->service, options->sources, options->source_count, options->rates,
                                     &self->mem);
    if (err != ERR_OK)
        return err_text(err);
    self->inbox = mailbox_bind(options->context, "ratefeed", UINT32_MAX);
    if (self->inbox == NULL)
        return "its endpoint is taken";
    if (!desk_client_init(&self->desk, options->context, options->endpoint))
        return "it cannot connect to the desk";
    return NULL;
}

zactor_t *ratefeed_actor_new(const struct ratefeed_actor_options *options, const char **why)
{
    struct actor *self = calloc(1, sizeof *self);
    CHECK(self);
    self->options = *options;
    *why = open_all(self);
    if (*why != NULL) {
        release(self);
        return NULL;
    }
    self->options.sources = NULL; /* the caller's */
    self->options.endpoint = NULL;
    handover_give(self);
    zactor_t *actor = zactor_new(ratefeed_main, self);
    if (actor == NULL) {
        *why = "no thread";
        release(self);
    }
    return actor;
}
