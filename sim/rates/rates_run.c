/* The run: what a seed is drawn out into, faults, operators, and the end. */
#include "sim/rates/rates_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/rates/world.h"

enum { HOURS_A_MONTH = 720, SETTLE_DAYS = 6 };

#define HOUR_US (3600 * RATES_SECOND_US)

/* Load and faults end here, in this world's time. */
static int64_t stop_us(const struct rates_world *self)
{
    int64_t stop = self->stage.config->stop_us;
    return stop > 0 && stop < self->length_us ? stop : self->length_us;
}

/* ---- faults --------------------------------------------------------------------------------------------- */

static void jump(struct rates_world *self)
{
    static const int64_t farthest_us[] = {10 * RATES_SECOND_US, HOUR_US, 30 * HOUR_US};
    int64_t far_us = farthest_us[sim_random_below(&self->process, 3)];
    self->wall_us =
        sim_random_chance(&self->process, 400000) ? 0 : sim_random_between(&self->process, -far_us, far_us);
    self->jumps++;
    stage_note(&self->stage, "the wall's clock is off by %.3f s", (double)self->wall_us / 1e6);
    feed_wake(self, sim_random_between(&self->process, 0, 5 * RATES_SECOND_US));
}

static void fault_comes(void *context, void *pointer, uint64_t number)
{
    struct rates_world *self = context;
    (void)pointer;
    (void)number;
    if (self->stage.now_us >= stop_us(self))
        return;
    stage_after(&self->stage, sim_random_between(&self->process, 0, 2 * self->death_every_us), fault_comes,
                self, NULL, 0);
    uint64_t kind = sim_random_below(&self->process, 8);
    if (kind < 2 && stage_has(&self->stage, FAMILY_TIME))
        jump(self);
    else if (kind < 4 && stage_has(&self->stage, FAMILY_DISK))
        failing_set(self->store, (enum failing)(1 + sim_random_below(&self->disk, 3)));
    else if (kind < 6 && stage_has(&self->stage, FAMILY_PROCESS))
        self->dies_soon = true; /* with the next thing that is stored: the desk has not heard of it */
    else if (stage_has(&self->stage, FAMILY_PROCESS) && self->is_up)
        feed_die(self);
}

/* ---- operators ------------------------------------------------------------------------------------------ */

static enum code right_code(const struct model_waiting *waiting, bool is_accepted)
{
    if (waiting == NULL)
        return CODE_RATE_NOT_FOUND;
    return is_accepted && !model_can_be(&waiting->rate) ? CODE_INVALID_FIELD : CODE_OK;
}

/* As the service does for rate.accept and rate.reject. */
static void decide(struct rates_world *self, uint64_t id, bool is_accepted)
{
    static struct model before; /* a copy: too large for a stack */
    struct published_rate rate;
    struct ratefeed_put puts[2];
    struct str operator= STR_LITERAL("alice");
    enum code right = right_code(model_find(&self->model, id), is_accepted);
    enum code code = is_accepted ? ratefeed_accept(self->service.feed, id, operator, & rate, puts)
                                 : ratefeed_reject(self->service.feed, id, operator, & rate, puts);
    stage_note(&self->stage, "rate %" PRIu64 " is %s: %s", id, is_accepted ? "accepted" : "rejected",
               code_name(code));
    stage_mix(&self->stage, id << 8 | code);
    if (code != right)
        stage_breach(&self->stage, "R2", "the word on rate %" PRIu64 " is answered with %s, not %s", id,
                     code_name(code), code_name(right));
    if (code != CODE_OK || right != CODE_OK)
        return;
    const struct rates_put stored[2] = {{.kind = RATES_PUT_REMOVE_WAITING,
                                         .id = puts[1].id,
                                         .source = self->config.name,
                                         .rate = puts[1].rate},
                                        {.kind = is_accepted ? RATES_PUT_HISTORY : RATES_PUT_REJECTED,
                                         .source = self->config.name,
                                         .rate = puts[0].rate}};
    self->decisions++;
    before = self->model;
    enum err err = rates_apply(failing_rates(self->store), stored, 2);
    if (err == ERR_OK || failing_reopen(self->store))
        model_decide(&self->model, id, is_accepted, "alice");
    if (err == ERR_OK)
        feed_note_latest(self, &before);
    if (err != ERR_OK || self->dies_soon)
        feed_die(self);
}

static const struct model_waiting *some_waiting(struct rates_world *self)
{
    const struct model *model = &self->model;
    if (model->waiting_count == 0)
        return NULL;
    return &model->waiting[sim_random_below(&self->operators, model->waiting_count)];
}

/* Nobody accepts what is not yet, nor rejects what is true: nothing could mend that. */
static void act(struct rates_world *self)
{
    const struct model_waiting *waiting = some_waiting(self);
    if (waiting == NULL || sim_random_chance(&self->operators, 100000)) {
        decide(self, self->model.next_id + sim_random_below(&self->operators, 3), true);
        return;
    }
    bool is_true = source_is_true(self, &waiting->rate);
    bool errs = stage_has(&self->stage, FAMILY_CLIENTS) && sim_random_chance(&self->operators, 150000);
    bool is_accepted = is_true || (errs && waiting->rate.date <= source_newest(self));
    if (is_true && waiting->rate.date > source_newest(self))
        return;
    decide(self, waiting->id, is_accepted);
}

void operator_looks(void *context, void *pointer, uint64_t number)
{
    struct rates_world *self = context;
    uint64_t limit = self->stage.config->operation_limit;
    (void)pointer;
    (void)number;
    if (self->is_calm || !self->is_up || (limit > 0 && self->acts >= limit))
        return;
    self->acts++;
    model_compare(&self->model, &self->stage, failing_rates(self->store), self->config.name);
    act(self);
    feed_wake(self, 0);
}

static void operator_acts(void *context, void *pointer, uint64_t number)
{
    struct rates_world *self = context;
    if (self->is_calm)
        return;
    stage_after(&self->stage, sim_random_between(&self->operators, 0, 2 * self->act_every_us), operator_acts,
                self, NULL, 0);
    operator_looks(self, pointer, number);
}

/* Each hour all that waits is looked at, and what is true is accepted. */
static void diligent_acts(void *context, void *pointer, uint64_t number)
{
    struct rates_world *self = context;
    (void)pointer;
    (void)number;
    stage_after(&self->stage, HOUR_US, diligent_acts, self, NULL, 0);
    while (self->is_up && self->model.waiting_count > 0 && !self->stage.is_broken) {
        const struct model_waiting *waiting = &self->model.waiting[0];
        decide(self, waiting->id, source_is_true(self, &waiting->rate));
    }
    feed_wake(self, 0);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static void check_end(struct rates_world *self)
{
    int32_t newest = source_newest(self);
    for (uint32_t p = 0; p < self->model.pair_count; p++) {
        const struct published_rate *latest = model_latest(&self->model, p);
        const struct desk_pair *desk = &self->desk_pairs[p];
        if (latest == NULL || latest->date < newest - 1 || !source_is_true(self, latest))
            stage_breach(&self->stage, "R5",
                         "%s/%s: faults have ended, and the latest is of day %" PRId32 " at %" PRId64
                         "; %" PRId32 " is published",
                         self->model.pairs[p].name.base, self->model.pairs[p].name.counter,
                         latest != NULL ? latest->date : 0, latest != NULL ? latest->rate : 0, newest);
        else if (!desk->is_there || !model_same(&desk->has, latest))
            stage_breach(&self->stage, "R5", "%s/%s: the desk has not the latest", latest->base,
                         latest->counter);
    }
}

static void settle(struct rates_world *self)
{
    self->is_calm = true;
    self->dies_soon = false;
    failing_set(self->store, FAILING_NO);
    self->wall_us = 0;
    self->jumps++;
    stage_note(&self->stage, "faults end");
    feed_wake(self, 0);
    stage_run(&self->stage, self->stage.now_us + HOUR_US);
    diligent_acts(self, NULL, 0);
    stage_run(&self->stage, self->stage.now_us + SETTLE_DAYS * RATES_DAY_US);
    if (self->stage.is_broken)
        return;
    check_end(self);
    model_compare(&self->model, &self->stage, failing_rates(self->store), self->config.name);
}

/* ---- the run -------------------------------------------------------------------------------------------- */

static int compare_minutes(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void draw_schedule(struct rates_world *self, struct sim_random *random)
{
    struct schedule *schedule = &self->config.schedule;
    static const int32_t offsets_s[] = {0, 3600, -18000, 32400, 50400};
    static const uint32_t every_s[] = {3600, 14400, 86400};
    schedule->offset_s = offsets_s[sim_random_below(random, sizeof offsets_s / sizeof *offsets_s)];
    if (sim_random_chance(random, 250000)) {
        schedule->every_s = every_s[sim_random_below(random, 3)];
        return;
    }
    schedule->weekdays_only = sim_random_chance(random, 600000);
    schedule->time_count = (uint32_t)sim_random_between(random, 1, 3);
    for (uint32_t i = 0; i < schedule->time_count; i++)
        schedule->minutes[i] = (uint32_t)(480 * i + sim_random_below(random, 480));
    qsort(schedule->minutes, schedule->time_count, sizeof *schedule->minutes, compare_minutes);
}

static void begin(struct rates_world *self, const struct run_config *config)
{
    struct sim_random random = sim_random_split(config->seed, "rate feed");
    stage_init(&self->stage, config);
    self->source = sim_random_split(config->seed, "source");
    self->desk = sim_random_split(config->seed, "desk");
    self->disk = sim_random_split(config->seed, "rates store");
    self->process = sim_random_split(config->seed, "process");
    self->operators = sim_random_split(config->seed, "operators");
    int64_t most_us = (MODEL_DAYS - HISTORY_DAYS - 40) * RATES_DAY_US;
    self->length_us =
        config->length_us < most_us / HOURS_A_MONTH ? config->length_us * HOURS_A_MONTH : most_us;
    self->config = (struct ratefeed_source_config){.name = "source", .spike_ppm = 100000, .desk_all = true};
    self->config.age_limit_s = (uint32_t)sim_random_between(&random, 1, 5) * 86400;
    draw_schedule(self, &random);
    const struct schedule *schedule = &self->config.schedule;
    self->publish_s = schedule->every_s > 0 ? 43200 : schedule->minutes[0] * 60;
    self->death_every_us = sim_random_between(&random, HOUR_US, 200 * HOUR_US);
    self->act_every_us = sim_random_between(&random, HOUR_US, 48 * HOUR_US);
    self->store = failing_new();
    source_begin(self);
    feed_start(self);
    stage_after(&self->stage, self->death_every_us, fault_comes, self, NULL, 0);
    stage_after(&self->stage, self->act_every_us, operator_acts, self, NULL, 0);
}

void rates_run(const struct run_config *config, struct run_result *out)
{
    struct rates_world *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    memset(out, 0, sizeof *out);
    begin(self, config);
    stage_run(&self->stage, stop_us(self));
    if (!self->stage.is_broken)
        settle(self);
    stage_result(&self->stage, out);
    out->partitions = 1;
    out->clients = self->model.pair_count;
    out->world.operations = self->acts;
    out->world.attempts = self->sheets;
    out->world.messages = self->orders + self->sheets;
    out->world.restarts = self->life - 1;
    if (self->is_up)
        feed_service_close(&self->service);
    stage_release(&self->stage);
    failing_destroy(&self->store);
    free(self);
}
