#include "actors/ratefeed/shell/feed_service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/date.h"
#include "actors/base/mark.h"
#include "actors/ledger/shell/requests.h"
#include "broker/wire/accounts.h"
#include "broker/wire/figures.h"
#include "broker/wire/rates.h"

_Static_assert((int)RATEFEED_NAME_MAX == (int)RATES_SOURCE_MAX, "names of sources can be kept");

__attribute__((format(printf, 3, 4))) static void say(struct feed_service *self, bool is_error,
                                                      const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->say(self->context, is_error, text);
}

/* ---- loading -------------------------------------------------------------------------------------------- */

static enum err load_source(struct feed_service *self, uint32_t source)
{
    const char *name = ratefeed_source(self->feed, source)->name;
    struct published_rate latest = {0}, rejected;
    enum err err;
    while ((err = rates_next_pair(self->rates, name, &latest)) == ERR_OK) {
        if (!ratefeed_load_latest(self->feed, source, &latest))
            return ERR_RANGE;
        err = rates_rejected(self->rates, name, latest.base, latest.counter, &rejected);
        if (err == ERR_OK && !ratefeed_load_rejected(self->feed, source, &rejected))
            return ERR_RANGE;
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err load_waiting(struct feed_service *self)
{
    struct rates_waiting waiting;
    enum err err;
    for (uint64_t id = 0; (err = rates_next_waiting(self->rates, id, &waiting)) == ERR_OK;
         id = waiting.id + 1) {
        uint32_t source = ratefeed_find(self->feed, str_from(waiting.source));
        if (!ratefeed_load_waiting(self->feed, waiting.id, source, &waiting.rate))
            return ERR_RANGE;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err load(struct feed_service *self)
{
    uint64_t next = 1;
    enum err err = rates_next_id(self->rates, &next);
    ratefeed_load_next_id(self->feed, next);
    for (uint32_t s = 0; s < ratefeed_count(self->feed) && err == ERR_OK; s++)
        err = load_source(self, s);
    return err == ERR_OK ? load_waiting(self) : err;
}

enum err feed_service_open(struct feed_service *self, const struct ratefeed_source_config *configs,
                           uint32_t count, struct rates *rates, const struct mem *mem)
{
    self->rates = rates;
    self->feed = ratefeed_new(configs, count, mem);
    return self->feed == NULL ? ERR_NO_MEMORY : load(self);
}

void feed_service_close(struct feed_service *self)
{
    ratefeed_destroy(&self->feed);
    mp_writer_release(&self->writer);
}

/* ---- storing -------------------------------------------------------------------------------------------- */

static struct rates_put put_of(const struct feed_service *self, const struct ratefeed_put *put)
{
    static const enum rates_put_kind kinds[] = {
        [RATEFEED_PUT_HISTORY] = RATES_PUT_HISTORY,
        [RATEFEED_PUT_WAITING] = RATES_PUT_WAITING,
        [RATEFEED_PUT_REMOVE_WAITING] = RATES_PUT_REMOVE_WAITING,
        [RATEFEED_PUT_REJECTED] = RATES_PUT_REJECTED,
    };
    bool is_known = put->source < ratefeed_count(self->feed);
    return (struct rates_put){
        .kind = kinds[put->kind],
        .id = put->id,
        .source = is_known ? ratefeed_source(self->feed, put->source)->name : NULL,
        .why = put->why,
        .rate = put->rate,
    };
}

/* What was not stored never was: the core is as the store is. */
static enum err store(struct feed_service *self, const struct rates_put *puts, size_t count)
{
    enum err err = rates_apply(self->rates, puts, count);
    if (err == ERR_OK)
        return ERR_OK;
    if (err == ERR_FULL || err == ERR_NO_MEMORY) {
        ratefeed_forget(self->feed);
        enum err loaded = load(self);
        if (loaded == ERR_OK)
            return err;
        err = loaded;
    }
    self->is_stopped = true;
    say(self, true, "the rate feed stops: its store failed: %s", err_text(err));
    return err;
}

/* ---- sheets --------------------------------------------------------------------------------------------- */

/* What this sheet has brought for a row's day already: rows are in order of days. */
static bool find_in_sheet(const struct rates_put *puts, size_t count, const struct published_rate *row,
                          struct published_rate *out)
{
    while (count-- > 0 && puts[count].rate->date == row->date) {
        if (puts[count].kind != RATES_PUT_HISTORY || !published_rate_same_pair(puts[count].rate, row))
            continue;
        MARK("a sheet has a day twice");
        *out = *puts[count].rate;
        return true;
    }
    return false;
}

/* The puts of all rows. ERR_CORRUPT, ERR_IO: what is known of a day cannot be read. */
static enum err gather(struct feed_service *self, const char *name, const struct published_rate *rows,
                       size_t count, struct rates_put *puts, size_t *put_count)
{
    for (size_t i = 0; i < count; i++) {
        struct published_rate same_day;
        struct ratefeed_put put;
        enum err err = rates_find(self->rates, name, rows[i].base, rows[i].counter, rows[i].date, &same_day);
        if (err == ERR_NOT_FOUND && find_in_sheet(puts, *put_count, &rows[i], &same_day))
            err = ERR_OK;
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        if (!ratefeed_row(self->feed, &rows[i], err == ERR_OK ? &same_day : NULL, &put))
            continue;
        if (put.kind == RATEFEED_PUT_WAITING)
            say(self, true, "rate %" PRIu64 " waits for an operator: %s %s/%s: %s", put.id, name,
                rows[i].base, rows[i].counter, put.why);
        puts[(*put_count)++] = put_of(self, &put);
    }
    return ERR_OK;
}

static struct feed_taken difference(const struct ratefeed_figures *before,
                                    const struct ratefeed_figures *after)
{
    return (struct feed_taken){
        .accepted = (uint32_t)(after->accepted - before->accepted),
        .history = (uint32_t)(after->history - before->history),
        .unchanged = (uint32_t)(after->unchanged - before->unchanged),
        .to_review = (uint32_t)(after->to_review - before->to_review),
    };
}

enum err feed_service_sheet(struct feed_service *self, uint32_t source, const struct published_rate *rows,
                            size_t count, int64_t now_us, struct feed_taken *taken)
{
    const struct ratefeed_figures before = ratefeed_figures(self->feed);
    struct rates_put *puts = malloc((count + 1) * sizeof *puts);
    size_t put_count = 0;
    enum err err = puts == NULL ? ERR_NO_MEMORY : ERR_OK;
    ratefeed_sheet_begin(self->feed, source, now_us);
    if (err == ERR_OK)
        err = gather(self, ratefeed_source(self->feed, source)->name, rows, count, puts, &put_count);
    if (err == ERR_OK)
        err = store(self, puts, put_count);
    else if (puts != NULL)
        self->is_stopped = true;
    free(puts);
    const struct ratefeed_figures after = ratefeed_figures(self->feed);
    *taken = difference(&before, &after);
    if (err == ERR_OK)
        ratefeed_sheet_end(self->feed, now_us);
    else if (ratefeed_source_figures(self->feed, source).state == RATEFEED_FETCHING)
        ratefeed_failed(self->feed, source, err_text(err), -1, now_us);
    return err;
}

/* ---- operations ----------------------------------------------------------------------------------------- */

struct work {
    struct feed_service *service;
    const struct wire_header *header;
    int64_t now_us;
    enum field field;
};

static struct mp_writer *begin(struct work *work)
{
    struct mp_writer *w = &work->service->writer;
    wire_reply_begin(w, work->header->request_id, CODE_OK);
    return w;
}

/* A read of the store that fails stops nothing; it is not told as an answer. */
static enum code code_of(struct work *work, enum err err)
{
    if (err == ERR_OK)
        return CODE_OK;
    if (err == ERR_NOT_FOUND)
        return CODE_RATE_NOT_FOUND;
    say(work->service, true, "the rates store cannot be read: %s", err_text(err));
    return CODE_BUSY;
}

static void source_text(struct str source, char out[RATES_SOURCE_MAX + 1])
{
    memcpy(out, source.data, source.length);
    out[source.length] = '\0';
}

static bool is_asked_for(const struct wire_rate_query *query, const struct published_rate *rate)
{
    return (query->base[0] == '\0' || memcmp(query->base, rate->base, CURRENCY_CODE_LENGTH) == 0) &&
           (query->counter[0] == '\0' || memcmp(query->counter, rate->counter, CURRENCY_CODE_LENGTH) == 0);
}

/* Writes those that are asked for, or only counts them: w NULL. */
static enum err walk_latest(struct work *work, const struct wire_rate_query *query, const char *source,
                            struct mp_writer *w, uint32_t *count)
{
    struct published_rate rate = {0};
    enum err err;
    while ((err = rates_next_pair(work->service->rates, source, &rate)) == ERR_OK) {
        if (!is_asked_for(query, &rate))
            continue;
        if (w != NULL)
            wire_rate_write(w, source, &rate, 0, NULL);
        else
            (*count)++;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum code latest(struct work *work)
{
    struct wire_rate_query query;
    char source[RATES_SOURCE_MAX + 1];
    uint32_t count = 0;
    enum code code = wire_rate_latest_read(work->header, &query, &work->field);
    if (code != CODE_OK)
        return code;
    source_text(query.source, source);
    enum err err = walk_latest(work, &query, source, NULL, &count);
    if (err != ERR_OK)
        return code_of(work, err);
    struct mp_writer *w = begin(work);
    wire_rates_begin(w, count, false);
    return code_of(work, walk_latest(work, &query, source, w, &count));
}

static enum code as_of(struct work *work)
{
    struct wire_rate_query query;
    struct published_rate rate;
    char source[RATES_SOURCE_MAX + 1];
    enum code code = wire_rate_asof_read(work->header, &query, &work->field);
    if (code != CODE_OK)
        return code;
    source_text(query.source, source);
    code =
        code_of(work, rates_as_of(work->service->rates, source, query.base, query.counter, query.to, &rate));
    if (code == CODE_OK)
        wire_rate_write(begin(work), source, &rate, 0, NULL);
    return code;
}

/* The next rate of a range at or after `from`. */
static enum err next_in(struct work *work, const struct wire_rate_query *query, const char *source,
                        int32_t from, struct published_rate *out)
{
    enum err err = rates_from(work->service->rates, source, query->base, query->counter, from, out);
    return err == ERR_OK && out->date > query->to ? ERR_NOT_FOUND : err;
}

static enum code range(struct work *work)
{
    struct wire_rate_query query;
    struct published_rate rate;
    char source[RATES_SOURCE_MAX + 1];
    uint32_t count = 0;
    enum err err;
    enum code code = wire_rate_range_read(work->header, &query, &work->field);
    if (code != CODE_OK)
        return code;
    source_text(query.source, source);
    for (int32_t at = query.from;
         (err = next_in(work, &query, source, at, &rate)) == ERR_OK && count < query.limit;
         at = rate.date + 1)
        count++;
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return code_of(work, err);
    struct mp_writer *w = begin(work);
    int32_t at = query.from;
    wire_rates_begin(w, count, true);
    for (uint32_t i = 0; i < count; i++, at = rate.date + 1) {
        if (next_in(work, &query, source, at, &rate) != ERR_OK)
            return code_of(work, ERR_CORRUPT);
        wire_rate_write(w, source, &rate, 0, NULL);
    }
    err = next_in(work, &query, source, at, &rate);
    wire_rates_cursor_write(w, err == ERR_OK ? rate.date : -1);
    return CODE_OK;
}

static enum code review(struct work *work)
{
    struct rates_waiting waiting;
    enum code code = wire_nothing_read(work->header, &work->field);
    if (code != CODE_OK)
        return code;
    uint32_t count = (uint32_t)ratefeed_figures(work->service->feed).waiting;
    struct mp_writer *w = begin(work);
    wire_rates_begin(w, count, false);
    uint64_t id = 0;
    for (uint32_t i = 0; i < count; i++, id = waiting.id + 1) {
        enum err err = rates_next_waiting(work->service->rates, id, &waiting);
        if (err != ERR_OK)
            return code_of(work, err == ERR_NOT_FOUND ? ERR_CORRUPT : err);
        wire_rate_write(w, waiting.source, &waiting.rate, waiting.id, waiting.why);
    }
    return CODE_OK;
}

/* puts[1] takes it off the list; puts[0] is for a source that is configured only. */
static enum code store_decision(struct work *work, const struct ratefeed_put puts[2])
{
    struct rates_put stored[2] = {put_of(work->service, &puts[1]), put_of(work->service, &puts[0])};
    size_t count = stored[1].source == NULL ? 1 : 2;
    enum err err = store(work->service, stored, count);
    if (err == ERR_OK)
        return CODE_OK;
    return work->service->is_stopped ? CODE_UNKNOWN : CODE_BUSY;
}

static enum code decide(struct work *work, bool accepts)
{
    struct wire_rate_decision decision;
    struct rates_waiting waiting;
    struct published_rate rate;
    struct ratefeed_put puts[2];
    struct ratefeed *feed = work->service->feed;
    enum code code = wire_rate_decision_read(work->header, &decision, &work->field);
    if (code != CODE_OK)
        return code;
    enum err err = rates_next_waiting(work->service->rates, decision.id, &waiting);
    if (err != ERR_OK || waiting.id != decision.id) {
        work->field = FIELD_ID;
        return code_of(work, err == ERR_OK ? ERR_NOT_FOUND : err);
    }
    code = accepts ? ratefeed_accept(feed, decision.id, decision.operator_name, &rate, puts)
                   : ratefeed_reject(feed, decision.id, decision.operator_name, &rate, puts);
    work->field = code == CODE_INVALID_FIELD ? FIELD_RATE : FIELD_NONE;
    if (code == CODE_OK)
        code = store_decision(work, puts);
    if (code != CODE_OK)
        return code;
    say(work->service, false, "rate %" PRIu64 " (%s %s/%s) is %s by %s", decision.id, waiting.source,
        rate.base, rate.counter, accepts ? "accepted" : "rejected", rate.accepted_by);
    if (!accepts)
        rate.accepted_by[0] = '\0';
    wire_rate_write(begin(work), waiting.source, &rate, 0, NULL);
    return CODE_OK;
}

static enum code sources(struct work *work)
{
    const struct ratefeed *feed = work->service->feed;
    enum code code = wire_nothing_read(work->header, &work->field);
    if (code != CODE_OK)
        return code;
    struct mp_writer *w = begin(work);
    wire_rate_sources_begin(w, ratefeed_count(feed));
    for (uint32_t s = 0; s < ratefeed_count(feed); s++) {
        const struct ratefeed_source_figures figures = ratefeed_source_figures(feed, s);
        wire_rate_source_write(w, &(struct wire_rate_source){.source = ratefeed_source(feed, s)->name,
                                                             .state = ratefeed_state_name(figures.state),
                                                             .error = figures.note,
                                                             .last_try_us = figures.last_try_us,
                                                             .last_success_us = figures.last_success_us,
                                                             .next_try_us = figures.next_try_us,
                                                             .failures = figures.failures});
    }
    return CODE_OK;
}

/* The feed's part of metrics: see wire/figures.h. */
static enum code write_figures(struct work *work)
{
    const struct ratefeed *feed = work->service->feed;
    const struct ratefeed_figures all = ratefeed_figures(feed);
    struct mp_writer *w = begin(work);
    mp_write_map(w, 8);
    wire_figure_write(w, "fetches", all.fetches);
    wire_figure_write(w, "fetches_failed", all.failures);
    wire_figure_write(w, "accepted", all.accepted + all.history);
    wire_figure_write(w, "to_review", all.to_review);
    wire_figure_write(w, "waiting", all.waiting);
    wire_figure_write(w, "desk_set", all.desk_set);
    wire_figure_write(w, "desk_failed", all.desk_failed);
    mp_write_text(w, "sources");
    mp_write_array(w, ratefeed_count(feed));
    for (uint32_t s = 0; s < ratefeed_count(feed); s++) {
        const struct ratefeed_source_figures figures = ratefeed_source_figures(feed, s);
        int64_t age_us = work->now_us - figures.last_success_us;
        mp_write_map(w, 4);
        mp_write_text(w, "source");
        mp_write_text(w, ratefeed_source(feed, s)->name);
        mp_write_text(w, "age_us");
        if (figures.last_success_us == 0)
            mp_write_nil(w);
        else
            mp_write_uint(w, age_us > 0 ? (uint64_t)age_us : 0);
        wire_figure_write(w, "failures", figures.failures);
        wire_figure_write(w, "waiting", figures.waiting);
    }
    return CODE_OK;
}

static enum code answer(struct work *work)
{
    enum wire_operation operation = work->header->operation;
    if (work->service->is_stopped)
        return CODE_BUSY;
    if (operation == OPERATION_RATE_LATEST)
        return latest(work);
    if (operation == OPERATION_RATE_ASOF)
        return as_of(work);
    if (operation == OPERATION_RATE_RANGE)
        return range(work);
    if (operation == OPERATION_RATE_REVIEW)
        return review(work);
    if (operation == OPERATION_RATE_ACCEPT || operation == OPERATION_RATE_REJECT)
        return decide(work, operation == OPERATION_RATE_ACCEPT);
    if (operation == OPERATION_RATE_SOURCES)
        return sources(work);
    if (operation == OPERATION_METRICS)
        return write_figures(work);
    return CODE_UNSUPPORTED;
}

void feed_service_work(struct feed_service *self, struct request *request, int64_t now_us)
{
    struct work work = {.service = self, .header = &request->header, .now_us = now_us, .field = FIELD_NONE};
    mp_writer_reset(&self->writer);
    enum code code = answer(&work);
    if (code != CODE_OK) {
        mp_writer_reset(&self->writer);
        wire_error_write(&self->writer, request->header.request_id, code, work.field, NULL);
    }
    request_reply(request, &self->writer, code);
}
