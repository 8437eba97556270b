#include "actors/bank/shell/bank_service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/shell/requests.h"
#include "broker/wire/accounts.h"
#include "broker/wire/banks.h"
#include "broker/wire/figures.h"
#include "store/datadir.h"

enum { UNITS_OF_A_TURN = 8, MASKED_DIGITS = 6 };

#define RETRY_US INT64_C(1000000)
#define STALE_US INT64_C(10000000)

__attribute__((format(printf, 3, 4))) static void say(struct bank_service *self, bool is_error,
                                                      const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->ports.say(self->ports.context, is_error, text);
}

/* ---- what the log may hold ------------------------------------------------------------------------------ */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Digits, and hyphens between them: the length of the run, and how many digits are in it. */
static size_t run_of_digits(const char *text, size_t *digits)
{
    size_t length = 0;
    *digits = 0;
    while (is_digit(text[length]) || (text[length] == '-' && length > 0 && is_digit(text[length + 1])))
        *digits += is_digit(text[length++]);
    return length;
}

void bank_mask(const char *text, char *out, size_t capacity)
{
    size_t at = 0;
    while (*text != '\0' && at + 1 < capacity) {
        size_t digits, length = run_of_digits(text, &digits);
        if (length == 0)
            length = 1;
        if (digits >= MASKED_DIGITS)
            at += (size_t)snprintf(out + at, capacity - at, "%.2s...%.2s", text, text + length - 2);
        else
            at += (size_t)snprintf(out + at, capacity - at, "%.*s", (int)length, text);
        text += length;
    }
    out[at < capacity ? at : capacity - 1] = '\0';
}

/* Forgets those that others have taken the place of: then one is said once more. */
static bool was_said(struct bank_service *self, const struct bank_report *report)
{
    uint64_t words[2];
    memcpy(words, report->remittance.bytes, sizeof words);
    uint64_t print = (words[0] ^ words[1] ^ ((uint64_t)report->number << 8 | report->outcome)) *
                     UINT64_C(0x9e3779b97f4a7c15);
    uint64_t *place = &self->said[print >> 32 & (BANK_SAID_MAX - 1)];
    bool is_known = *place == print;
    *place = print;
    return is_known;
}

static void say_report(struct bank_service *self, const struct bank_report *report)
{
    char id[UUID_TEXT_LENGTH + 1], reason[BANK_REASON_MAX + 1];
    if (report->outcome == BANK_SUCCEEDED || was_said(self, report))
        return;
    uuid_format(&report->remittance, id);
    bank_mask(report->reason, reason, sizeof reason);
    say(self, false, "remittance %s: bank call %" PRIu32 " %s%s: %s", id, report->number,
        report->outcome == BANK_UNKNOWN ? "is not known to have been carried out; it is asked about"
                                        : "has failed",
        report->is_permanent ? " for good" : "", reason);
}

static void say_circuits(struct bank_service *self)
{
    for (uint32_t b = 0; b < bank_count(self->bank); b++) {
        struct bank_view view;
        bank_show(self->bank, b, &view);
        bool was_closed = self->circuits[b] == BANK_CIRCUIT_CLOSED;
        bool is_closed = view.circuit == BANK_CIRCUIT_CLOSED;
        self->circuits[b] = (uint8_t)view.circuit;
        if (was_closed && !is_closed)
            say(self, true, "bank %s is in trouble, %" PRIu32 " times in a row: it is left alone for a while",
                view.name, view.errors);
        if (!was_closed && is_closed)
            say(self, false, "bank %s works again", view.name);
    }
}

/* ---- loading -------------------------------------------------------------------------------------------- */

static enum err load_row(void *context, uint8_t table, const uint8_t *key, size_t key_length,
                         const uint8_t *value, size_t value_length)
{
    return bank_restore(context, table, key, key_length, value, value_length);
}

enum err bank_service_open(struct bank_service *self, const struct bank_config *configs, uint32_t count,
                           uint64_t hash_key, struct outbox *outbox, const struct mem *mem, int64_t now_us)
{
    self->outbox = outbox;
    self->bank = bank_new(configs, count, hash_key, mem);
    if (self->bank == NULL)
        return ERR_NO_MEMORY;
    enum err err = outbox_scan(outbox, load_row, self->bank);
    return err == ERR_OK ? bank_recovered(self->bank, now_us) : err;
}

/* ---- callbacks ------------------------------------------------------------------------------------------ */

static void answer_callback(struct bank_service *self, void *token, bool is_kept)
{
    uint32_t at = 0;
    while (at < self->lent_count && self->lent[at] != token)
        at++;
    CHECK(at < self->lent_count);
    self->lent[at] = self->lent[--self->lent_count];
    self->ports.answer(self->ports.context, token, is_kept);
}

/* They will come again. */
static void answer_all_callbacks(struct bank_service *self)
{
    while (self->lent_count > 0)
        answer_callback(self, self->lent[0], false);
}

void bank_service_callback(struct bank_service *self, const char *bank, const struct rail_notice *notice,
                           void *token, int64_t now_us)
{
    CHECK(self->lent_count < CALLBACK_POSTS_MAX);
    self->lent[self->lent_count++] = token;
    if (self->is_stopped)
        answer_callback(self, token, false);
    else
        bank_callback(self->bank, now_us, bank, notice, token);
}

void bank_service_close(struct bank_service *self)
{
    answer_all_callbacks(self);
    if (self->unit != NULL)
        bank_release(self->bank, self->unit);
    self->unit = NULL;
    bank_destroy(&self->bank);
    mp_writer_release(&self->writer);
}

/* ---- what comes in -------------------------------------------------------------------------------------- */

void bank_service_mail(struct bank_service *self, const struct bank_mail *mail, int64_t now_us)
{
    if (self->is_stopped)
        return;
    for (size_t i = 0; i < mail->call_count; i++)
        bank_call(self->bank, now_us, &mail->calls[i]);
    for (size_t i = 0; i < mail->ack_count; i++)
        bank_acked(self->bank, now_us, &mail->acks[i]);
}

void bank_service_reply(struct bank_service *self, uint64_t request, const struct rail_reply *reply,
                        int64_t now_us)
{
    if (!self->is_stopped)
        bank_reply(self->bank, now_us, request, reply);
}

/* ---- units ---------------------------------------------------------------------------------------------- */

static void send_reports(struct bank_service *self, const struct bank_unit *unit, size_t first)
{
    uint32_t partition = unit->reports[first].partition;
    size_t count = unit->report_count - first, sent = 0;
    struct bank_reports *reports = malloc(sizeof *reports + count * sizeof *reports->reports);
    if (reports == NULL) {
        MARK("no memory for reports: they are told again");
        return;
    }
    for (size_t i = first; i < unit->report_count; i++) {
        if (unit->reports[i].partition == partition)
            reports->reports[sent++] = unit->reports[i];
    }
    reports->count = sent;
    self->ports.reports(self->ports.context, partition, reports);
}

/* Those of each partition in one box. */
static void tell_reports(struct bank_service *self, const struct bank_unit *unit)
{
    uint64_t told = 0;
    for (size_t i = 0; i < unit->report_count; i++) {
        uint64_t bit = UINT64_C(1) << unit->reports[i].partition % DATADIR_PARTITIONS_MAX;
        say_report(self, &unit->reports[i]);
        if ((told & bit) == 0)
            send_reports(self, unit, i);
        told |= bit;
    }
}

/* What waited for room was written for then: the day and the token in it, and how long its bank takes it for an earlier one. It does not
 * leave, and is written anew. */
static bool is_stale(const struct bank_service *self, int64_t now_us)
{
    return now_us < self->taken_us || now_us - self->taken_us > STALE_US;
}

static void run_effects(struct bank_service *self, const struct bank_unit *unit, int64_t now_us)
{
    bool is_late = is_stale(self, now_us);
    for (size_t i = 0; i < unit->request_count; i++) {
        static const struct rail_reply unsent = {.arrival = RAIL_NOT_SENT, .body = "", .retry_after_s = -1};
        if (is_late)
            MARK("a request that waited for room in the store is written anew");
        if (is_late || self->ports.request(self->ports.context, unit->requests[i]) != ERR_OK)
            bank_reply(self->bank, now_us, unit->requests[i]->number, &unsent);
    }
    tell_reports(self, unit);
    for (size_t i = 0; i < unit->answer_count; i++)
        answer_callback(self, unit->answers[i].token, unit->answers[i].is_kept);
}

static void stop(struct bank_service *self, enum err err)
{
    MARK("the bank adapter's store has failed");
    self->is_stopped = true;
    say(self, true, "the bank adapter stops: its store failed: %s", err_text(err));
    answer_all_callbacks(self);
}

static enum err apply(struct bank_service *self, const struct bank_unit *unit)
{
    struct outbox_put *puts = malloc((unit->put_count + 1) * sizeof *puts);
    if (puts == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < unit->put_count; i++) {
        const struct bank_put *put = &unit->puts[i];
        puts[i] = (struct outbox_put){put->table, put->key, put->key_length, put->value, put->value_length};
    }
    enum err err = outbox_apply(self->outbox, puts, unit->put_count);
    free(puts);
    return err;
}

/* false: the unit waits for room, or never leaves. */
static bool store_unit(struct bank_service *self, int64_t now_us)
{
    const struct bank_unit *unit = self->unit;
    bool was_waiting = self->retry_us != 0;
    enum err err = unit->put_count > 0 ? apply(self, unit) : ERR_OK;
    if (err != ERR_OK && err != ERR_FULL && err != ERR_NO_MEMORY) {
        stop(self, err);
        return false;
    }
    if (err != ERR_OK && !was_waiting)
        say(self, true, "the bank adapter waits: its store has no room: %s", err_text(err));
    if (err == ERR_OK && was_waiting)
        say(self, false, "the bank adapter goes on: its store has room again");
    self->retry_us = err != ERR_OK ? now_us + RETRY_US : 0;
    return err == ERR_OK;
}

bool bank_service_turn(struct bank_service *self, int64_t now_us)
{
    if (self->is_stopped)
        return false;
    if (self->unit != NULL && now_us < self->retry_us && self->retry_us - now_us <= RETRY_US)
        return false;
    bank_timer(self->bank, now_us);
    for (int i = 0; i < UNITS_OF_A_TURN; i++) {
        if (self->unit == NULL) {
            self->unit = bank_take(self->bank);
            self->taken_us = now_us;
        }
        if (self->unit == NULL)
            break;
        if (!store_unit(self, now_us))
            return false;
        run_effects(self, self->unit, now_us);
        bank_release(self->bank, self->unit);
        self->unit = NULL;
        if (i + 1 == UNITS_OF_A_TURN)
            return true;
    }
    say_circuits(self);
    return false;
}

int64_t bank_service_due_us(const struct bank_service *self)
{
    if (self->is_stopped)
        return INT64_MAX;
    return self->unit != NULL ? self->retry_us : bank_due_us(self->bank);
}

/* ---- operations ----------------------------------------------------------------------------------------- */

struct work {
    struct bank_service *service;
    const struct wire_header *header;
    enum field field;
};

static struct mp_writer *begin(struct work *work)
{
    struct mp_writer *w = &work->service->writer;
    wire_reply_begin(w, work->header->request_id, CODE_OK);
    return w;
}

static enum code list(struct work *work)
{
    const struct bank *bank = work->service->bank;
    enum code code = wire_nothing_read(work->header, &work->field);
    if (code != CODE_OK)
        return code;
    struct mp_writer *w = begin(work);
    wire_banks_begin(w, bank_count(bank));
    for (uint32_t b = 0; b < bank_count(bank); b++) {
        struct bank_view view;
        bank_show(bank, b, &view);
        wire_bank_write(w, &view);
    }
    return CODE_OK;
}

static enum code calls(struct work *work)
{
    struct wire_bank_calls_query query;
    enum code code = wire_bank_calls_read(work->header, &query, &work->field);
    if (code != CODE_OK)
        return code;
    struct bank_job_view *views = malloc(query.limit * sizeof *views);
    if (views == NULL)
        return CODE_BUSY;
    size_t count = bank_jobs(work->service->bank, query.bank, query.after, views, query.limit);
    struct mp_writer *w = begin(work);
    wire_bank_calls_begin(w, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        wire_bank_call_write(w, &views[i]);
    wire_bank_calls_end(w, count == query.limit ? views[count - 1].serial : 0);
    free(views);
    return CODE_OK;
}

/* The bank adapter's part of metrics: see wire/figures.h. */
static enum code write_figures(struct work *work)
{
    const struct bank *bank = work->service->bank;
    struct mp_writer *w = begin(work);
    mp_write_map(w, 1);
    mp_write_text(w, "banks");
    mp_write_array(w, bank_count(bank));
    for (uint32_t b = 0; b < bank_count(bank); b++) {
        struct bank_view view;
        bank_show(bank, b, &view);
        mp_write_map(w, 11);
        mp_write_text(w, "bank");
        mp_write_text(w, view.name);
        mp_write_text(w, "rail");
        mp_write_text(w, view.rail);
        wire_figure_write(w, "circuit_open", view.circuit != BANK_CIRCUIT_CLOSED);
        wire_figure_write(w, "queued", view.queued);
        wire_figure_write(w, "in_flight", view.in_flight);
        wire_figure_write(w, "unknown", view.unknown);
        wire_figure_write(w, "errors", view.errors);
        wire_figure_write(w, "succeeded", view.succeeded);
        wire_figure_write(w, "failed", view.failed);
        wire_figure_write(w, "requests", view.requests);
        wire_figure_write(w, "callbacks", view.callbacks);
    }
    return CODE_OK;
}

static enum code answer(struct work *work)
{
    enum wire_operation operation = work->header->operation;
    if (work->service->is_stopped)
        return CODE_BUSY;
    if (operation == OPERATION_BANK_LIST)
        return list(work);
    if (operation == OPERATION_BANK_CALLS)
        return calls(work);
    if (operation == OPERATION_METRICS)
        return write_figures(work);
    return CODE_UNSUPPORTED;
}

void bank_service_work(struct bank_service *self, struct request *request)
{
    struct work work = {.service = self, .header = &request->header, .field = FIELD_NONE};
    mp_writer_reset(&self->writer);
    enum code code = answer(&work);
    if (code != CODE_OK) {
        mp_writer_reset(&self->writer);
        wire_error_write(&self->writer, request->header.request_id, code, work.field, NULL);
    }
    request_reply(request, &self->writer, code);
}
