/* The feed's process: what its thread does, in virtual time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/rates/world.h"

enum { LATE_US = 6000000, ANSWER_MOST_US = 60000000, DESK_LATE_US = 65000000, LOOK_MOST_US = 60000000 };

int64_t feed_wall_us(const struct rates_world *self)
{
    return WORLD_EPOCH_US + self->stage.now_us + self->wall_us;
}

static void say(void *context, bool is_error, const char *text)
{
    struct rates_world *self = context;
    stage_note(&self->stage, "%s %s", is_error ? "warns:" : "says:", text);
}

/* ---- the latest ----------------------------------------------------------------------------------------- */

void feed_note_latest(struct rates_world *self, const struct model *before)
{
    for (uint32_t p = 0; p < self->model.pair_count; p++) {
        const struct published_rate *old = model_latest(before, p), *latest = model_latest(&self->model, p);
        struct desk_pair *desk = &self->desk_pairs[p];
        if (latest == NULL || (old != NULL && model_same(old, latest) && old->taken_us == latest->taken_us))
            continue;
        desk->is_wanted = true;
        desk->failures = 0;
        desk->due_us = 0;
        bool was_true = old == NULL || source_is_true(self, old);
        if (was_true && latest->accepted_by[0] == '\0' && !source_is_true(self, latest))
            stage_breach(&self->stage, "R1", "%s/%s of day %" PRId32 " at %" PRId64 " becomes the latest",
                         latest->base, latest->counter, latest->date, latest->rate);
    }
}

/* ---- fetching ------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void plan(struct rates_world *self, int64_t wait_s, int64_t at_least_s)
{
    int64_t wall_us = feed_wall_us(self);
    self->fetch_due_us = model_next_us(&self->config.schedule, wall_us);
    if (wait_s >= 0)
        self->fetch_due_us = earlier(self->fetch_due_us, wall_us + wait_s * RATES_SECOND_US);
    if (at_least_s > 0 && self->fetch_due_us < wall_us + at_least_s * RATES_SECOND_US)
        self->fetch_due_us = wall_us + at_least_s * RATES_SECOND_US;
    self->fetch_jumps = self->jumps;
    self->is_fetching = false;
}

static void plan_after_failure(struct rates_world *self, int64_t retry_after_s)
{
    int64_t wait_s = 30;
    for (uint32_t i = 0; i < self->fetch_failures && wait_s < 1800; i++)
        wait_s += wait_s;
    self->fetch_failures++;
    plan(self, wait_s < 1800 ? wait_s : 1800, retry_after_s < 86400 ? retry_after_s : 86400);
}

/* Nothing newer than the schedule promises, or than rates may be old. */
static void plan_after_sheet(struct rates_world *self, const struct sheet *sheet)
{
    int64_t wall_us = feed_wall_us(self);
    int32_t newest = sheet->count > 0 ? sheet->rows[sheet->count - 1].date : INT32_MIN;
    int32_t oldest =
        model_day(wall_us - self->config.age_limit_s * RATES_SECOND_US, self->config.schedule.offset_s);
    bool is_late = newest < oldest || newest < model_expected_day(&self->config.schedule, wall_us);
    self->fetch_failures = 0;
    plan(self, is_late ? 1800 : -1, 0);
}

/* The desk is to be told everything. */
static void want_all(struct rates_world *self)
{
    for (uint32_t p = 0; p < self->model.pair_count; p++)
        self->desk_pairs[p] = (struct desk_pair){.has = self->desk_pairs[p].has,
                                                 .is_there = self->desk_pairs[p].is_there,
                                                 .is_wanted = model_latest(&self->model, p) != NULL};
}

static void take_sheet(struct rates_world *self, const struct sheet *sheet)
{
    struct feed_taken taken;
    static struct model before; /* a copy: too large for a stack */
    before = self->model;
    const struct model_counts right =
        model_sheet(&self->model, &self->config, sheet->rows, sheet->count, feed_wall_us(self));
    enum err err =
        feed_service_sheet(&self->service, 0, sheet->rows, sheet->count, feed_wall_us(self), &taken);
    stage_note(&self->stage, "a sheet of %zu rows: %s", sheet->count, err_text(err));
    stage_mix(&self->stage, (uint64_t)taken.accepted << 32 | taken.to_review);
    self->sheets++;
    if (err != ERR_OK) {
        bool is_kept = self->service.is_stopped && failing_reopen(self->store);
        if (!is_kept)
            self->model = before;
        if (self->service.is_stopped) {
            feed_die(self);
            return;
        }
        plan_after_failure(self, -1);
        want_all(self);
        self->is_order_void = true;
        return;
    }
    if (taken.accepted != right.accepted || taken.history != right.history ||
        taken.unchanged != right.unchanged || taken.to_review != right.to_review)
        stage_breach(&self->stage, "R2",
                     "a sheet: %" PRIu32 " accepted, %" PRIu32 " of older days, %" PRIu32
                     " unchanged, %" PRIu32 " wait; it should be %" PRIu32 ", %" PRIu32 ", %" PRIu32
                     ", %" PRIu32,
                     taken.accepted, taken.history, taken.unchanged, taken.to_review, right.accepted,
                     right.history, right.unchanged, right.to_review);
    feed_note_latest(self, &before);
    plan_after_sheet(self, sheet);
    if (taken.to_review > 0) /* somebody looks at it soon */
        stage_after(&self->stage, sim_random_between(&self->operators, 0, LOOK_MOST_US), operator_looks, self,
                    NULL, 0);
    if (self->dies_soon)
        feed_die(self);
}

static void sheet_comes(void *context, void *pointer, uint64_t life)
{
    struct rates_world *self = context;
    struct sheet *sheet = pointer;
    if (self->is_up && life == self->life && sheet->is_failed) {
        stage_note(&self->stage, "the source fails; to be asked again after %" PRId64 " s",
                   sheet->retry_after_s);
        ratefeed_failed(self->service.feed, 0, "failed", sheet->retry_after_s, feed_wall_us(self));
        plan_after_failure(self, sheet->retry_after_s);
    } else if (self->is_up && life == self->life) {
        take_sheet(self, sheet);
    }
    free(sheet);
    feed_wake(self, 0);
}

static void check_fetch(struct rates_world *self)
{
    int64_t late_us = feed_wall_us(self) - self->fetch_due_us;
    stage_note(&self->stage, "the source is asked");
    stage_mix(&self->stage, 1);
    if (self->is_fetching)
        stage_breach(&self->stage, "R3", "a source is asked twice at a time");
    if (self->fetch_jumps == self->jumps && (late_us < 0 || late_us > LATE_US))
        stage_breach(
            &self->stage, "R3", "the source is asked %" PRId64 " ms too %s, after %" PRIu32 " failures",
            (late_us < 0 ? -late_us : late_us) / 1000, late_us < 0 ? "early" : "late", self->fetch_failures);
    self->is_fetching = true;
}

static void start_fetches(struct rates_world *self)
{
    uint32_t source;
    while (ratefeed_next_fetch(self->service.feed, feed_wall_us(self), &source)) {
        struct sheet *sheet = calloc(1, sizeof *sheet);
        CHECK(sheet != NULL);
        check_fetch(self);
        source_draw(self, sheet);
        stage_after(&self->stage, sim_random_between(&self->source, 50000, 30 * RATES_SECOND_US), sheet_comes,
                    self, sheet, self->life);
    }
}

/* ---- the desk ------------------------------------------------------------------------------------------- */

/* It answers; or is busy; or has it, and the answer is lost. */
static void desk_answers(void *context, void *pointer, uint64_t number)
{
    struct rates_world *self = context;
    (void)pointer;
    if (!self->is_up || !self->has_order || number != self->orders)
        return;
    const struct published_rate *rate = &self->order.rate, *latest;
    uint32_t pair = model_pair_of(&self->model, rate);
    struct desk_pair *desk = &self->desk_pairs[pair];
    bool is_bad = !self->is_calm && stage_has(&self->stage, FAMILY_NETWORK);
    uint64_t fate = is_bad ? sim_random_below(&self->desk, 4) : 3;
    bool is_set = fate >= 2, has_it = fate >= 1;
    latest = model_latest(&self->model, pair);
    if (has_it) {
        desk->has = *rate;
        desk->is_there = true;
    }
    stage_note(&self->stage, "the desk: %s/%s %s", rate->base, rate->counter,
               is_set ? "is set" : "is not set");
    ratefeed_desk_done(self->service.feed, &self->order, is_set, feed_wall_us(self));
    self->has_order = false;
    if (self->is_order_void) {
        feed_wake(self, 0);
        return;
    }
    desk->is_wanted =
        !is_set || latest == NULL || !model_same(rate, latest) || rate->taken_us != latest->taken_us;
    int64_t wait_s = INT64_C(1) << (desk->failures < 6 ? desk->failures : 6);
    desk->failures = is_set ? 0 : desk->failures + 1;
    desk->due_us = is_set ? 0 : feed_wall_us(self) + wait_s * RATES_SECOND_US;
    feed_wake(self, 0);
}

static void check_order(struct rates_world *self)
{
    const struct published_rate *rate = &self->order.rate;
    uint32_t pair = model_pair_of(&self->model, rate);
    const struct published_rate *latest = pair < MODEL_PAIRS ? model_latest(&self->model, pair) : NULL;
    int64_t day_end_us =
        (rate->date + INT64_C(1)) * RATES_DAY_US - self->config.schedule.offset_s * RATES_SECOND_US - 1;
    stage_note(&self->stage, "the desk is told %s/%s of day %" PRId32 " at %" PRId64, rate->base,
               rate->counter, rate->date, rate->rate);
    stage_mix(&self->stage, (uint64_t)rate->rate);
    if (latest == NULL || !model_same(latest, rate) || !model_can_be(rate))
        stage_breach(&self->stage, "R4", "the desk is told %s/%s of day %" PRId32 ", which is not the latest",
                     rate->base, rate->counter, rate->date);
    else if (!self->desk_pairs[pair].is_wanted)
        stage_breach(&self->stage, "R4", "the desk is told %s/%s again", rate->base, rate->counter);
    else if (feed_wall_us(self) < self->desk_pairs[pair].due_us && self->fetch_jumps == self->jumps)
        stage_breach(&self->stage, "R4", "the desk is told %s/%s again too early", rate->base, rate->counter);
    if (self->order.as_of_us != earlier(rate->taken_us, day_end_us))
        stage_breach(&self->stage, "R4", "%s/%s of day %" PRId32 " is told with a wrong time", rate->base,
                     rate->counter, rate->date);
}

/* There is nothing to tell: nobody has waited for long. */
static void check_no_order(struct rates_world *self)
{
    for (uint32_t p = 0; p < self->model.pair_count; p++) {
        const struct desk_pair *desk = &self->desk_pairs[p];
        if (desk->is_wanted && feed_wall_us(self) > desk->due_us + DESK_LATE_US)
            stage_breach(&self->stage, "R4", "the desk is not told %s/%s", self->model.pairs[p].name.base,
                         self->model.pairs[p].name.counter);
    }
}

static void tell_desk(struct rates_world *self)
{
    if (self->has_order)
        return;
    if (!ratefeed_next_order(self->service.feed, feed_wall_us(self), &self->order)) {
        check_no_order(self);
        return;
    }
    self->has_order = true;
    self->is_order_void = false;
    self->orders++;
    check_order(self);
    int64_t most_us = sim_random_chance(&self->desk, 800000) ? RATES_SECOND_US : ANSWER_MOST_US;
    stage_after(&self->stage, sim_random_between(&self->desk, 1000, most_us), desk_answers, self, NULL,
                self->orders);
}

/* ---- life ----------------------------------------------------------------------------------------------- */

static void process_turns(void *context, void *pointer, uint64_t number)
{
    struct rates_world *self = context;
    (void)pointer;
    if (number != self->turn || !self->is_up)
        return;
    start_fetches(self);
    tell_desk(self);
    int64_t wait_us = ratefeed_due_us(self->service.feed) - feed_wall_us(self);
    if (wait_us > 5 * RATES_DAY_US)
        wait_us = 5 * RATES_DAY_US;
    feed_wake(self, wait_us > 0 ? wait_us : self->has_order ? RATES_SECOND_US : 1000);
}

void feed_wake(struct rates_world *self, int64_t delay_us)
{
    if (self->is_up)
        stage_after(&self->stage, delay_us, process_turns, self, NULL, ++self->turn);
}

static void start_later(void *context, void *pointer, uint64_t number)
{
    (void)pointer;
    (void)number;
    feed_start(context);
}

void feed_start(struct rates_world *self)
{
    self->memory = (struct counting_mem){0};
    const struct mem mem = counting_mem_port(&self->memory);
    self->service = (struct feed_service){.context = self, .say = say};
    enum err err = feed_service_open(&self->service, &self->config, 1, failing_rates(self->store), &mem);
    if (err != ERR_OK)
        stage_breach(&self->stage, "R2", "the feed does not begin: %s", err_text(err));
    self->memory_bytes = self->memory.live_bytes;
    self->is_up = true;
    self->dies_soon = self->has_order = false;
    self->life++;
    stage_note(&self->stage, "the feed begins: life %" PRIu64, self->life);
    model_compare(&self->model, &self->stage, failing_rates(self->store), self->config.name);
    if (err != ERR_OK)
        return;
    ratefeed_begin(self->service.feed, feed_wall_us(self));
    int32_t newest = INT32_MIN;
    for (uint32_t p = 0; p < self->model.pair_count; p++) {
        const struct published_rate *latest = model_latest(&self->model, p);
        newest = latest != NULL && latest->date > newest ? latest->date : newest;
    }
    want_all(self);
    self->fetch_failures = 0;
    int32_t expected = model_expected_day(&self->config.schedule, feed_wall_us(self));
    plan(self, expected != INT32_MIN && newest >= expected ? -1 : 0, 0);
    feed_wake(self, 0);
}

void feed_die(struct rates_world *self)
{
    if (self->memory.live_bytes != self->memory_bytes || self->memory.peak_bytes != self->memory_bytes)
        stage_breach(&self->stage, "R5", "the feed's memory has grown");
    feed_service_close(&self->service);
    self->is_up = false;
    self->deaths++;
    stage_note(&self->stage, "the feed ends");
    stage_after(&self->stage, sim_random_between(&self->process, 10000, 600 * RATES_SECOND_US), start_later,
                self, NULL, 0);
}
