#include "actors/publisher/shell/publisher_requests.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "actors/base/check.h"
#include "actors/ledger/shell/requests.h"
#include "broker/wire/accounts.h"
#include "broker/wire/figures.h"
#include "broker/wire/subscribers.h"

_Static_assert((int)WIRE_SUBSCRIBER_NAME_MAX == (int)PUBLISHER_NAME_MAX &&
                   (int)WIRE_URL_MAX == (int)PUBLISHER_URL_MAX &&
                   (int)WIRE_SECRET_MAX == (int)PUBLISHER_SECRET_MAX,
               "what is let in can be kept");

struct work {
    struct publisher_requests *requests;
    struct publisher *publisher;
    const struct wire_header *header;
    struct publisher_now now;
    enum field field;
};

/* The writer is at the body of the reply, which is nil. */
static void begin(struct work *work)
{
    wire_reply_begin(&work->requests->writer, work->header->request_id, CODE_OK);
}

static enum code answer_nil(struct work *work, enum code code)
{
    if (code != CODE_OK)
        return code;
    begin(work);
    mp_write_nil(&work->requests->writer);
    return CODE_OK;
}

__attribute__((format(printf, 2, 3))) static void say(struct work *work, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    work->requests->say(work->requests->context, text);
}

/* ---- subscribers ------------------------------------------------------------------------------------------------ */

static struct wire_subscriber wire_of(const struct work *work, const struct publisher_view *view)
{
    return (struct wire_subscriber){
        .name = str_from(view->name),
        .url = str_from(view->url),
        .state = str_from(view->state),
        .error = str_from(view->error),
        .only = str_from(view->is_for_alarms ? "alarms" : ""),
        .lag = view->lag,
        .failures = view->failures,
        .delivered = view->delivered,
        .dead_letters = view->dead_letters,
        .has_next_try = view->next_try_ms >= 0,
        .next_try_us = work->now.wall_us + (view->next_try_ms - work->now.mono_ms) * 1000,
    };
}

static enum code answer_subscriber(struct work *work, const char *name)
{
    struct publisher_view view;
    for (uint32_t i = 0; publisher_view_at(work->publisher, i, &view); i++) {
        if (view.is_stream || strcmp(view.name, name) != 0)
            continue;
        struct wire_subscriber subscriber = wire_of(work, &view);
        begin(work);
        wire_subscriber_write(&work->requests->writer, &subscriber);
        return CODE_OK;
    }
    return CODE_NOT_FOUND;
}

static enum code add(struct work *work)
{
    struct wire_subscriber_command command;
    struct publisher_subscriber subscriber = {.is_stopped = false};
    struct publisher_cursors cursors = {{0}};
    enum code code = wire_subscriber_read(work->header, &command, &work->field);
    if (code != CODE_OK)
        return code;
    if (!command.is_from_start && !work->requests->ends(work->requests->context, &cursors))
        return CODE_BUSY;
    memcpy(subscriber.name, command.name.data, command.name.length);
    memcpy(subscriber.url, command.url.data, command.url.length);
    memcpy(subscriber.secret, command.secret.data, command.secret.length);
    subscriber.secret_length = command.secret.length;
    subscriber.is_for_alarms = command.is_for_alarms;
    code = publisher_add(work->publisher, &subscriber, &cursors);
    return code == CODE_OK ? answer_subscriber(work, subscriber.name) : code;
}

static enum code remove_one(struct work *work)
{
    struct str name;
    enum code code = wire_subscriber_name_read(work->header, &name, &work->field);
    if (code == CODE_OK)
        code = publisher_remove(work->publisher, name);
    if (code == CODE_NOT_FOUND)
        work->field = FIELD_NAME;
    return answer_nil(work, code);
}

static enum code write_list(struct work *work)
{
    struct publisher_view view;
    uint32_t count = 0;
    while (publisher_view_at(work->publisher, count, &view))
        count++;
    begin(work);
    wire_subscribers_begin(&work->requests->writer, count);
    for (uint32_t i = 0; i < count; i++) {
        publisher_view_at(work->publisher, i, &view);
        struct wire_subscriber subscriber = wire_of(work, &view);
        wire_subscriber_write(&work->requests->writer, &subscriber);
    }
    return CODE_OK;
}

static enum code list(struct work *work)
{
    enum code code = wire_nothing_read(work->header, &work->field);
    return code == CODE_OK ? write_list(work) : code;
}

/* The publisher's part of metrics: see wire/figures.h. */
static enum code write_figures(struct work *work)
{
    struct mp_writer *w = &work->requests->writer;
    struct publisher_view view;
    uint32_t count = 0;
    while (publisher_view_at(work->publisher, count, &view))
        count++;
    begin(work);
    mp_write_map(w, 1);
    mp_write_text(w, "subscribers");
    mp_write_array(w, count);
    for (uint32_t i = 0; i < count; i++) {
        publisher_view_at(work->publisher, i, &view);
        mp_write_map(w, 6);
        mp_write_text(w, "name");
        mp_write_text(w, view.name);
        mp_write_text(w, "kind");
        mp_write_text(w, view.is_stream ? "stream" : "webhook");
        wire_figure_write(w, "lag", view.lag);
        wire_figure_write(w, "delivered", view.delivered);
        wire_figure_write(w, "failures", view.failures);
        wire_figure_write(w, "dead_letters", view.dead_letters);
    }
    return CODE_OK;
}

/* ---- dead letters ------------------------------------------------------------------------------------------------- */

static enum code list_letters(struct work *work)
{
    struct wire_letters_query query;
    struct mp_writer *w = &work->requests->writer;
    uint32_t count = 0;
    enum code code = wire_letters_read(work->header, &query, &work->field);
    if (code != CODE_OK)
        return code;
    const struct publisher_letter *letter = publisher_letter_after(work->publisher, query.after, query.name);
    for (const struct publisher_letter *l = letter; l != NULL && count < query.limit; count++)
        l = publisher_letter_after(work->publisher, l->id, query.name);
    begin(work);
    wire_letters_begin(w, count);
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        wire_letter_write(w, &(struct wire_letter){.id = letter->id,
                                                   .name = str_from(letter->name),
                                                   .partition = letter->partition,
                                                   .position = letter->position,
                                                   .time_us = letter->time_us,
                                                   .tries = letter->tries,
                                                   .is_wanted = letter->is_wanted,
                                                   .error = str_from(letter->error)});
        last = letter->id;
        letter = publisher_letter_after(work->publisher, last, query.name);
    }
    wire_letters_end(w, letter != NULL ? last : 0);
    return CODE_OK;
}

static enum code retry(struct work *work)
{
    struct wire_letter_command command;
    enum code code = wire_letter_read(work->header, &command, &work->field);
    if (code != CODE_OK)
        return code;
    code = publisher_letter_retry(work->publisher, command.id);
    if (code == CODE_NOT_FOUND)
        work->field = FIELD_ID;
    if (code == CODE_OK)
        say(work, "dead letter %" PRIu64 " is tried again: %.*s", command.id,
            (int)command.operator_name.length, command.operator_name.data);
    return answer_nil(work, code);
}

static enum code resolve(struct work *work)
{
    struct wire_letter_command command;
    struct publisher_letter letter;
    enum code code = wire_letter_read(work->header, &command, &work->field);
    if (code != CODE_OK)
        return code;
    code = publisher_letter_resolve(work->publisher, command.id, &letter);
    if (code == CODE_NOT_FOUND)
        work->field = FIELD_ID;
    if (code == CODE_OK)
        say(work,
            "dead letter %" PRIu64 " (subscriber %s, partition %" PRIu32 ", position %" PRIu64
            ") is resolved: %.*s: %.*s",
            command.id, letter.name, letter.partition, letter.position, (int)command.operator_name.length,
            command.operator_name.data, (int)command.reason.length, command.reason.data);
    return answer_nil(work, code);
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static enum code answer(struct work *work)
{
    enum wire_operation operation = work->header->operation;
    if (operation == OPERATION_SUBSCRIBER_ADD)
        return add(work);
    if (operation == OPERATION_SUBSCRIBER_REMOVE)
        return remove_one(work);
    if (operation == OPERATION_SUBSCRIBER_LIST)
        return list(work);
    if (operation == OPERATION_DEADLETTER_LIST)
        return list_letters(work);
    if (operation == OPERATION_DEADLETTER_RETRY)
        return retry(work);
    if (operation == OPERATION_DEADLETTER_RESOLVE)
        return resolve(work);
    if (operation == OPERATION_METRICS)
        return write_figures(work);
    return CODE_UNSUPPORTED;
}

void publisher_request_work(struct publisher_requests *self, struct request *request,
                            struct publisher_now now)
{
    struct work work = {.requests = self,
                        .publisher = self->publisher,
                        .header = &request->header,
                        .now = now,
                        .field = FIELD_NONE};
    mp_writer_reset(&self->writer);
    enum code code = answer(&work);
    if (code != CODE_OK) {
        mp_writer_reset(&self->writer);
        wire_error_write(&self->writer, request->header.request_id, code, work.field, NULL);
    }
    request_reply(request, &self->writer, code);
}
