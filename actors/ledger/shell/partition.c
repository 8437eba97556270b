/* Two lanes and what waits beside them.
 *
 * A unit that has been taken goes through two lanes: its facts are appended to the journal, then its effects run, then
 * its puts are applied to the state store, while the next unit is appended. Each lane has one job at a time.
 *
 *     take ──► APPEND ──durable: effects──► queue ──► APPLY ──► release
 *               ▲  │ no room: again                    ▲  │ no room: again
 *               └──┘ each second                       └──┘ each second
 *
 * Invariants. Effects run in unit_durable, and in `commit` when nothing waits for the disk; nowhere else. `appending` is
 * the unit in the append lane, `held` what was answered while it was filled. Once it is stopped the core is only
 * looked at, and no job begins. */
#include "actors/ledger/shell/partition.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/bank_mail.h"
#include "actors/base/check.h"
#include "actors/base/date.h"
#include "actors/base/mark.h"
#include "actors/ledger/remittance_states.h"
#include "actors/ledger/shell/read_job.h"
#include "actors/ledger/shell/requests.h"

enum {
    ROUND_BYTES_MAX = 4 * 1024 * 1024, /* of facts in one commit */
    TICK_MS = 1000,
    SPACE_EVERY_BYTES_MAX = 32 * 1024 * 1024, /* of appended facts; less where there is little room */
    SPACE_CHECKS = 64,
    FULL_PERCENT = 85,
    WARN_PERCENT = 70,
    LINE_SIZE = 200, /* of a line for the operator */
};

#define NO_SLOT UINT32_MAX /* no call is to be told again */

enum lane_state { LANE_IDLE, LANE_BUSY, LANE_NO_ROOM };

struct lane {
    enum lane_state state;
    struct commit_job job;
    int64_t retry_ms; /* NO_ROOM: when to try again */
};

/* What was answered while a unit was filled leaves with it. */
struct held {
    struct request_list answered;
    struct read_job *reads;
};

struct partition {
    uint32_t partition;
    struct partition_ports ports;
    struct mem mem;
    struct partition_now now; /* of the call that is under way */
    const struct recovered *stores;
    struct ledger *ledger;
    struct journal *journal;
    struct state *state;
    uint64_t sequence; /* of the last commit that is known to be durable */
    uint64_t epoch;
    struct lane append, apply;
    struct ledger_unit *appending;
    struct held held;                              /* of the unit in the append lane */
    struct ledger_unit *durable[LEDGER_UNITS_MAX]; /* wait to be applied, the oldest first */
    size_t durable_count;
    struct requests requests; /* decoding, and what waits for the next commit */
    struct request *todo;     /* received and not yet worked */
    uint32_t names_sent;
    uint32_t calls_slot; /* of the remittances, from where calls are told again; NO_SLOT */
    uint64_t appended_bytes, space_checked_bytes;
    uint64_t space_every_bytes; /* how much may be appended before the next look at the space */
    int64_t next_tick_ms;
    uint64_t position_before; /* at the last tick: to see whether it is quiet */
    enum partition_state state_said;
    bool is_warned;
    bool is_stopped; /* the store cannot be trusted any more */
};

static void say(const struct partition *self, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct partition *self, bool is_error, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->ports.say(self->ports.context, is_error, text);
}

static void say_state(struct partition *self, enum partition_state state)
{
    if (self->state_said == state)
        return;
    self->state_said = state;
    struct box box = {.kind = BOX_STATE, .number = self->partition, .value = (uint32_t)state};
    self->ports.to_router(self->ports.context, &box);
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static void send_answered(struct partition *self, struct request_list *list)
{
    if (!list->first)
        return;
    struct box box = {.kind = BOX_ANSWERED, .number = self->partition, .pointer = list->first};
    self->ports.to_router(self->ports.context, &box);
    request_list_init(list);
}

/* false: there is no memory for it, and the reader does not know all accounts yet. */
static bool send_names(struct partition *self)
{
    struct read_names *names;
    while ((names = requests_names(self->ledger, &self->names_sent)) != NULL) {
        struct box box = {.kind = BOX_NAMES, .pointer = names};
        if (!self->ports.to_reader(self->ports.context, &box))
            free(names);
    }
    return self->names_sent == ledger_account_count(self->ledger);
}

/* Without a reader that knows all names they join what is answered: a read that was not made has changed nothing. */
static void send_reads(struct partition *self, struct held *held)
{
    struct box box = {.kind = BOX_READ, .pointer = held->reads};
    bool knows_names = send_names(self);
    if (!held->reads)
        return;
    if (knows_names && self->ports.to_reader(self->ports.context, &box))
        held->reads = NULL;
    else
        requests_refuse_reads(&self->requests, &held->answered, &held->reads, CODE_BUSY);
}

static void send_messages(struct partition *self, const struct ledger_unit *unit)
{
    for (size_t i = 0; i < unit->message_count; i++) {
        struct ledger_peer_message *message = unit->messages[i];
        struct box box = {.kind = BOX_PEER, .pointer = message};
        if (!self->ports.to_peer(self->ports.context, message->to, &box)) {
            MARK("a message for a partition that has ended");
            ledger_peer_message_free(&self->mem, &message); /* a resend will bring it */
        }
    }
}

static struct bank_mail *mail_new(uint32_t partition, const struct ledger_unit *unit)
{
    size_t calls_size = unit->call_count * sizeof *unit->calls;
    size_t acks_size = unit->ack_count * sizeof *unit->acks;
    struct bank_mail *mail = malloc(sizeof *mail + calls_size + acks_size);
    if (!mail)
        return NULL;
    uint8_t *calls = (uint8_t *)(mail + 1), *acks = calls + calls_size;
    if (calls_size > 0)
        memcpy(calls, unit->calls, calls_size);
    if (acks_size > 0)
        memcpy(acks, unit->acks, acks_size);
    *mail = (struct bank_mail){.partition = partition,
                               .call_count = unit->call_count,
                               .ack_count = unit->ack_count,
                               .calls = (const struct bank_call *)(const void *)calls,
                               .acks = (const struct bank_ack *)(const void *)acks};
    return mail;
}

/* What is lost here the bank adapter asks for. */
static void send_calls(struct partition *self, const struct ledger_unit *unit)
{
    if (!self->ports.to_bank || unit->call_count + unit->ack_count == 0)
        return;
    struct box box = {.kind = BOX_CALLS, .number = self->partition};
    box.pointer = mail_new(self->partition, unit);
    if (box.pointer && !self->ports.to_bank(self->ports.context, &box)) {
        MARK("calls for a bank adapter that has ended");
        free(box.pointer);
    }
}

static void say_alarm(struct partition *self, const struct ledger_alarm *alarm)
{
    char id[UUID_TEXT_LENGTH + 1], day[DATE_TEXT_MAX];
    int64_t minute = alarm->since_us % DATE_DAY_US / 60000000;
    uuid_format(&alarm->remittance, id);
    date_format(date_of_time(alarm->since_us, 0), day);
    const char *what = alarm->is_contradiction ? "ALARM: its bank has said what cannot be; see its trail"
                       : alarm->is_over        ? "the alarm is over"
                                               : "ALARM: unfinished for too long";
    say(self, !alarm->is_over, "remittance %s, requested %s %02d:%02d UTC, is %s: %s", id, day,
        (int)(minute / 60), (int)(minute % 60), machine_state_name(&REMITTANCE_STATES, alarm->state), what);
}

static void held_load(struct partition *self)
{
    request_list_move(&self->held.answered, &self->requests.answered);
    self->held.reads = self->requests.reads;
    self->requests.reads = NULL;
    self->requests.reads_end = &self->requests.reads;
}

/* Everything that waited for this unit leaves; without a unit, what needed no facts. */
static void run_effects(struct partition *self, struct ledger_unit *unit)
{
    struct request_list *answered = &self->held.answered;
    if (unit) {
        send_messages(self, unit);
        send_calls(self, unit);
    }
    for (size_t i = 0; unit && i < unit->alarm_count; i++)
        say_alarm(self, &unit->alarms[i]);
    while (unit && unit->tickets) {
        struct ledger_ticket *ticket = unit->tickets;
        unit->tickets = ticket->next;
        request_list_add(answered, requests_answer_ticket(&self->requests, ticket));
        ledger_ticket_free(self->ledger, &ticket);
    }
    send_reads(self, &self->held);
    send_answered(self, answered);
}

/* ---- stopping ------------------------------------------------------------------------------------------------ */

static void answer_all(struct partition *self, struct request *list, enum code code)
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

static void answer_todo(struct partition *self, enum code code)
{
    struct request *list = self->todo;
    self->todo = NULL;
    answer_all(self, list, code);
}

static void answer_tickets(struct partition *self, struct ledger_ticket *list, enum code code)
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

static void answer_held(struct partition *self, enum code code)
{
    requests_unanswer(&self->requests, &self->held.answered, &self->held.reads, code);
    send_answered(self, &self->held.answered);
}

/* The effects of the unit in the append lane must not run any more. Its facts may still be on their way. */
static void effects_drop(struct partition *self)
{
    struct ledger_unit *unit = self->appending;
    self->appending = NULL;
    if (!unit)
        return;
    MARK("a unit is given up: its requests are answered UNKNOWN");
    answer_tickets(self, unit->tickets, CODE_UNKNOWN);
    unit->tickets = NULL;
    for (size_t i = 0; i < unit->message_count; i++)
        ledger_peer_message_free(&self->mem, &unit->messages[i]);
    unit->message_count = 0;
}

void partition_abandon(struct partition *self)
{
    if (self->is_stopped)
        return;
    self->is_stopped = true;
    effects_drop(self);
    answer_held(self, CODE_UNKNOWN);
    held_load(self);
    answer_held(self, CODE_UNKNOWN);
    if (self->ledger)
        answer_tickets(self, ledger_abandon(self->ledger), CODE_UNKNOWN);
    answer_todo(self, CODE_BUSY); /* never begun */
}

/* What is in hand may or may not be on disk: nobody is told anything else. */
static void stop(struct partition *self, const char *why)
{
    MARK("a partition stops by itself");
    say(self, true, "partition %u stops: %s", self->partition, why);
    partition_abandon(self);
    say_state(self, PARTITION_STOPPED);
}

/* ---- room ---------------------------------------------------------------------------------------------------- */

/* Nothing can become durable until there is room again. */
static bool is_stuck(const struct partition *self)
{
    return self->append.state == LANE_NO_ROOM ||
           (self->apply.state == LANE_NO_ROOM && self->durable_count == LEDGER_UNITS_MAX);
}

/* A guard before the disk is really full: what is on its way can still be finished. */
static void check_space(struct partition *self)
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
        say(self, false, "partition %u: the journal takes %llu %% of its space", self->partition,
            (unsigned long long)percent);
    if (percent >= WARN_PERCENT)
        MARK("the journal takes much of its space");
    if (percent >= FULL_PERCENT)
        MARK("the journal has too little room for new money");
    self->is_warned = percent >= WARN_PERCENT;
    ledger_refuse_new(self->ledger, percent >= FULL_PERCENT);
    bool has_room =
        percent < FULL_PERCENT && self->append.state != LANE_NO_ROOM && self->apply.state != LANE_NO_ROOM;
    say_state(self, has_room ? PARTITION_SERVING : PARTITION_FULL);
}

static void lane_no_room(struct partition *self, struct lane *lane)
{
    say_state(self, PARTITION_FULL);
    lane->state = LANE_NO_ROOM;
    lane->retry_ms = self->now.mono_ms + TICK_MS;
}

/* ---- the lanes ------------------------------------------------------------------------------------------------- */

static void durable_release(struct partition *self)
{
    ledger_release(self->ledger, self->durable[0]);
    self->durable_count--;
    memmove(&self->durable[0], &self->durable[1], self->durable_count * sizeof self->durable[0]);
}

static void apply_done(struct partition *self);

/* The state store follows behind: the facts that it reflects are durable. */
static void apply_next(struct partition *self)
{
    while (self->durable_count > 0 && self->apply.state == LANE_IDLE) {
        struct ledger_unit *unit = self->durable[0];
        if (unit->put_count == 0) {
            durable_release(self);
            continue;
        }
        self->apply.job = (struct commit_job){.step = COMMIT_APPLY, .state = self->state, .unit = unit};
        self->apply.state = LANE_BUSY;
        if (self->ports.run(self->ports.context, &self->apply.job))
            apply_done(self);
    }
}

static void apply_done(struct partition *self)
{
    enum err err = self->apply.job.err;
    self->apply.state = LANE_IDLE;
    if (self->is_stopped)
        return;
    if (err == ERR_FULL || err == ERR_NO_MEMORY) {
        MARK("the state store has no room");
        lane_no_room(self, &self->apply);
    } else if (err == ERR_OK) {
        figures_record(&self->requests.figures.apply_us, self->apply.job.took_us);
        durable_release(self);
        apply_next(self);
    } else {
        MARK("the state store has failed");
        stop(self, "the state store failed");
    }
}

/* The unit's facts are durable, or it has none, and so are all facts before them: only now may anybody be told. */
static void unit_durable(struct partition *self, struct ledger_unit *unit)
{
    run_effects(self, unit);
    self->durable[self->durable_count++] = unit;
    apply_next(self);
}

static void note_commit(struct partition *self, const struct ledger_unit *unit)
{
    struct partition_figures *figures = &self->requests.figures;
    figures->commits++;
    figures->facts += unit->fact_count;
    figures->last_commit_us = self->now.wall_us;
    figures_record(&figures->append_us, self->append.job.took_us);
    figures_record(&figures->append_bytes, unit->length);
}

static void append_durable(struct partition *self)
{
    struct ledger_unit *unit = self->appending;
    self->appending = NULL;
    self->sequence++;
    self->appended_bytes += unit->length;
    note_commit(self, unit);
    unit_durable(self, unit);
    if (!self->is_stopped && (self->appended_bytes - self->space_checked_bytes >= self->space_every_bytes ||
                              self->state_said == PARTITION_FULL))
        check_space(self);
}

static void append_done(struct partition *self)
{
    self->append.state = LANE_IDLE;
    if (self->is_stopped)
        return;
    switch (self->append.job.outcome) {
    case JOURNAL_OK:
        append_durable(self);
        return;
    case JOURNAL_FULL:
        MARK("the journal has no room for a commit");
        lane_no_room(self, &self->append);
        return;
    case JOURNAL_FENCED:
        MARK("another owner has taken over the journal");
        stop(self, "another owner has taken over");
        return;
    case JOURNAL_UNKNOWN:
        MARK("nobody knows whether a commit is on disk");
        stop(self, "a commit failed");
        return;
    }
    CHECK_UNREACHABLE();
}

static void append_submit(struct partition *self)
{
    self->append.state = LANE_BUSY;
    if (self->ports.run(self->ports.context, &self->append.job))
        append_done(self);
}

void partition_job_done(struct partition *self, struct commit_job *job, struct partition_now now)
{
    bool is_append = job == &self->append.job;
    struct lane *lane = is_append ? &self->append : &self->apply;
    CHECK(job == &lane->job && lane->state == LANE_BUSY);
    if (self->is_stopped)
        MARK("a job ends after its partition has stopped");
    self->now = now;
    if (is_append)
        append_done(self);
    else
        apply_done(self);
}

/* Takes what was decided since the last commit, when there is a place for it. */
static void commit(struct partition *self)
{
    if (self->durable_count == LEDGER_UNITS_MAX)
        MARK("the state store is so far behind that nothing is appended");
    if (self->append.state != LANE_IDLE || self->is_stopped || self->durable_count == LEDGER_UNITS_MAX)
        return;
    if (self->stores->ports.state_err != ERR_OK) {
        MARK("what was decided beside an unreadable state store is given up");
        stop(self, "the state store cannot be read"); /* the next start builds it anew */
        return;
    }
    if (self->stores->ports.journal_err != ERR_OK) {
        MARK("what was decided beside an unreadable journal is given up");
        stop(self, "the journal cannot be read");
        return;
    }
    struct ledger_unit *unit = ledger_take(self->ledger);
    held_load(self);
    if (!unit) {
        run_effects(self, NULL);
        return;
    }
    if (unit->length == 0) {
        MARK("a unit without facts leaves beside the journal");
        unit_durable(self, unit);
        return;
    }
    self->appending = unit;
    self->append.job = (struct commit_job){
        .step = COMMIT_APPEND,
        .journal = self->journal,
        .unit = unit,
        .sequence = self->sequence + 1,
        .epoch = self->epoch,
    };
    append_submit(self);
}

void partition_commit(struct partition *self, struct partition_now now)
{
    self->now = now;
    commit(self);
    if (is_stuck(self)) {
        MARK("what waits is answered BUSY: there is no room");
        answer_todo(self, CODE_BUSY);
    }
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static bool has_room(const struct partition *self)
{
    return ledger_pending_bytes(self->ledger) < ROUND_BYTES_MAX;
}

static void work_todo(struct partition *self)
{
    while (self->todo && has_room(self)) {
        struct request *request = self->todo;
        self->todo = request->next;
        request->next = NULL;
        requests_work(&self->requests, self->ledger, request, self->now.wall_us);
    }
}

/* One page in a turn. */
static void tell_calls_again(struct partition *self)
{
    if (self->calls_slot == NO_SLOT || !has_room(self))
        return;
    if (!ledger_bank_calls_again(self->ledger, self->now.wall_us, &self->calls_slot))
        self->calls_slot = NO_SLOT;
}

void partition_work(struct partition *self, struct partition_now now)
{
    self->now = now;
    if (self->is_stopped)
        return;
    work_todo(self);
    tell_calls_again(self);
}

bool partition_reads_mail(const struct partition *self)
{
    if (self->is_stopped || is_stuck(self))
        return true; /* to be answered BUSY */
    return self->ledger && !self->todo && has_room(self);
}

bool partition_can_go_on(const struct partition *self)
{
    return self->ledger && !self->is_stopped && self->append.state == LANE_IDLE &&
           self->durable_count < LEDGER_UNITS_MAX &&
           (self->todo || self->calls_slot != NO_SLOT || ledger_has_work(self->ledger));
}

static void todo_append(struct partition *self, struct request *list)
{
    struct request **end = &self->todo;
    while (*end)
        end = &(*end)->next;
    *end = list;
}

static void receive_message(struct partition *self, struct ledger_peer_message *message, bool is_refused)
{
    if (is_refused) {
        MARK("a peer's message reaches a partition that takes none");
    } else {
        check_note("peer message", message->from, message->request_count);
        ledger_peer(self->ledger, self->now.wall_us, message);
    }
    ledger_peer_message_free(&self->mem, &message);
}

/* What is not taken is reported again. */
static void receive_reports(struct partition *self, struct bank_reports *reports, bool is_refused)
{
    for (size_t i = 0; !is_refused && i < reports->count; i++) {
        check_note("bank report", reports->reports[i].number, reports->reports[i].outcome);
        ledger_bank_report(self->ledger, self->now.wall_us, &reports->reports[i]);
    }
    free(reports);
}

void partition_receive(struct partition *self, const struct box *box, struct partition_now now)
{
    bool is_refused = self->is_stopped || is_stuck(self);
    self->now = now;
    if (box->kind == BOX_PEER) {
        receive_message(self, box->pointer, is_refused);
        return;
    }
    if (box->kind == BOX_REPORTS) {
        receive_reports(self, box->pointer, is_refused);
        return;
    }
    if (box->kind == BOX_CALLS) {
        self->calls_slot = 0;
        return;
    }
    CHECK(box->kind == BOX_REQUESTS);
    if (is_refused) {
        MARK("requests reach a partition that takes none");
        answer_all(self, box->pointer, CODE_BUSY);
        return;
    }
    todo_append(self, box->pointer);
    work_todo(self);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static void tick(struct partition *self)
{
    struct ledger_stats stats;
    ledger_stats(self->ledger, &stats);
    bool quiet = stats.position == self->position_before;
    if (stats.links_open > 0 && quiet) {
        MARK("a quiet second: open requests are sent again");
        self->requests.figures.resends++;
        ledger_resend(self->ledger);
    }
    if (quiet)
        ledger_checkpoint_hurry(self->ledger);
    self->position_before = stats.position;
    check_space(self);
}

static bool is_due(const struct partition *self, const struct lane *lane)
{
    return !self->is_stopped && lane->state == LANE_NO_ROOM && self->now.mono_ms >= lane->retry_ms;
}

/* When a hold or a proposal is due, in mono_ms. */
static int64_t expiry_due_ms(const struct partition *self)
{
    int64_t due_us = ledger_due_us(self->ledger);
    if (due_us == INT64_MAX)
        return INT64_MAX;
    int64_t left_us = due_us - self->now.wall_us;
    return left_us <= 0 ? self->now.mono_ms + 1 : self->now.mono_ms + (left_us - 1) / 1000 + 1;
}

void partition_timer(struct partition *self, struct partition_now now)
{
    self->now = now;
    if (!self->ledger || self->is_stopped)
        return;
    if (ledger_due_us(self->ledger) <= now.wall_us) {
        MARK("something is due, and nobody has called");
        ledger_expire(self->ledger, now.wall_us);
    }
    if (now.mono_ms >= self->next_tick_ms) {
        self->next_tick_ms = now.mono_ms + TICK_MS;
        tick(self);
    }
    if (is_due(self, &self->apply)) {
        MARK("the state store is tried again for room");
        self->apply.state = LANE_IDLE;
        apply_next(self);
    }
    if (is_due(self, &self->append)) {
        MARK("the journal is tried again for room");
        append_submit(self);
    }
}

int64_t partition_due_ms(const struct partition *self)
{
    const struct lane *lanes[] = {&self->append, &self->apply};
    int64_t due_ms = self->next_tick_ms;
    if (!self->ledger || self->is_stopped)
        return INT64_MAX;
    int64_t expiry_ms = expiry_due_ms(self);
    if (expiry_ms < due_ms)
        due_ms = expiry_ms;
    for (size_t i = 0; i < 2; i++) {
        if (lanes[i]->state == LANE_NO_ROOM && lanes[i]->retry_ms < due_ms)
            due_ms = lanes[i]->retry_ms;
    }
    return due_ms;
}

/* ---- begin and end ----------------------------------------------------------------------------------------------- */

struct partition *partition_new(uint32_t partition, uint32_t partitions, const struct partition_ports *ports,
                                const struct mem *mem)
{
    struct partition *self = calloc(1, sizeof *self);
    CHECK(self);
    self->partition = partition;
    self->ports = *ports;
    self->mem = *mem;
    self->state_said = PARTITION_STARTING;
    self->calls_slot = NO_SLOT;
    request_list_init(&self->held.answered);
    requests_init(&self->requests, partition, partitions);
    return self;
}

void partition_begin(struct partition *self, const struct recovered *stores, struct partition_now now)
{
    self->now = now;
    self->stores = stores;
    self->ledger = stores->ledger;
    self->journal = stores->journal;
    self->state = stores->state;
    self->sequence = stores->head.sequence;
    self->epoch = stores->head.epoch + 1;
    self->requests.journal = stores->journal;
    self->next_tick_ms = now.mono_ms + TICK_MS;
    ledger_resend(self->ledger);
    if (self->ports.to_bank)
        self->calls_slot = 0;
    check_space(self);
    if (self->state_said == PARTITION_STARTING)
        say_state(self, PARTITION_SERVING);
}

void partition_fail(struct partition *self)
{
    self->is_stopped = true;
    say_state(self, PARTITION_STOPPED);
}

bool partition_finish(struct partition *self, bool has_mail, struct partition_now now)
{
    self->now = now;
    if (partition_is_busy(self))
        return true;
    if (self->append.state == LANE_NO_ROOM && !self->is_stopped)
        stop(self, "there is no room and it was told to end");
    if (self->apply.state == LANE_NO_ROOM)
        partition_abandon(self); /* a checkpoint that found no room: a restart replays more, that is all */
    return !self->is_stopped && (self->todo || has_mail || ledger_checkpoint_hurry(self->ledger));
}

void partition_destroy(struct partition **self_p)
{
    struct partition *self = *self_p;
    if (!self)
        return;
    partition_abandon(self);
    requests_release(&self->requests);
    free(self);
    *self_p = NULL;
}

bool partition_is_busy(const struct partition *self)
{
    return self->append.state == LANE_BUSY || self->apply.state == LANE_BUSY;
}

bool partition_is_stopped(const struct partition *self)
{
    return self->is_stopped;
}

enum partition_state partition_state(const struct partition *self)
{
    return self->state_said;
}

const struct ledger *partition_ledger(const struct partition *self)
{
    return self->ledger;
}
