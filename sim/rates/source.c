/* A source: its days are a random walk. What is wrong with a sheet is drawn when it is asked for. */
#include <string.h>

#include "actors/base/check.h"
#include "sim/rates/world.h"

static const char *const pairs[MODEL_PAIRS][2] = {
    {"EUR", "USD"}, {"EUR", "JPY"}, {"EUR", "CZK"}, {"EUR", "GBP"}, {"EUR", "HUF"}};

/* A fifth of a percent around the rate. */
static struct published_rate rate_of(const struct rates_world *self, uint32_t pair, int32_t date,
                                     int64_t rate, uint32_t units, bool has_sides)
{
    struct published_rate out = {.date = date, .units = units, .rate = rate};
    const struct published_rate *name = &self->model.pairs[pair].name;
    memcpy(out.base, name->base, sizeof out.base);
    memcpy(out.counter, name->counter, sizeof out.counter);
    out.buy = has_sides ? rate - rate / 500 : 0;
    out.sell = has_sides ? rate + rate / 500 : 0;
    return out;
}

void source_begin(struct rates_world *self)
{
    struct model *model = &self->model;
    bool has_sides = sim_random_chance(&self->source, 500000);
    model->pair_count = (uint32_t)sim_random_between(&self->source, 1, MODEL_PAIRS);
    model->first_day = (int32_t)(WORLD_EPOCH_US / RATES_DAY_US) - HISTORY_DAYS;
    model->next_id = 1;
    for (uint32_t p = 0; p < model->pair_count; p++) {
        struct model_pair *pair = &model->pairs[p];
        int64_t rate = sim_random_between(&self->source, INT64_C(500000000), INT64_C(40000000000));
        uint32_t units = sim_random_chance(&self->source, 200000) ? 100 : 1;
        memcpy(pair->name.base, pairs[p][0], CURRENCY_CODE_LENGTH + 1);
        memcpy(pair->name.counter, pairs[p][1], CURRENCY_CODE_LENGTH + 1);
        pair->latest = -1;
        for (int32_t day = 0; day < MODEL_DAYS; day++) {
            rate += sim_random_between(&self->source, -rate / 200, rate / 200);
            self->truth[p][day] = rate_of(self, p, model->first_day + day, rate, units, has_sides);
        }
    }
}

bool source_is_true(const struct rates_world *self, const struct published_rate *rate)
{
    uint32_t pair = model_pair_of(&self->model, rate);
    int32_t day = rate->date - self->model.first_day;
    return pair < MODEL_PAIRS && day >= 0 && day < MODEL_DAYS && model_same(rate, &self->truth[pair][day]);
}

/* By true time, and not by what the feed's clock shows. */
static bool is_business_day(const struct rates_world *self, int32_t day)
{
    return !self->config.schedule.weekdays_only || (day + 3) % 7 < 5;
}

int32_t source_newest(const struct rates_world *self)
{
    int64_t true_us = WORLD_EPOCH_US + self->stage.now_us - self->publish_s * RATES_SECOND_US;
    int32_t day = model_day(true_us, self->config.schedule.offset_s);
    while (!is_business_day(self, day))
        day--;
    return day;
}

/* ---- wrong rows ----------------------------------------------------------------------------------------- */

/* Only what the rules can see is wrong: so not a first rate, and another value only of a day that is known. */
static bool spoil(struct rates_world *self, struct published_rate *row)
{
    struct sim_random *random = &self->source;
    uint32_t pair = model_pair_of(&self->model, row);
    const struct published_rate *last = model_latest(&self->model, pair);
    bool is_known = self->model.pairs[pair].has[row->date - self->model.first_day];
    if (last == NULL)
        return false;
    switch (sim_random_below(random, 8)) {
    case 0:
        row->rate = sim_random_chance(random, 500000) ? row->rate * 1000 : row->rate / 1000;
        row->buy = row->sell = 0;
        return row->date >= last->date;
    case 1:
        row->buy = row->rate + row->rate / 100;
        return true;
    case 2:
        row->buy = 0;
        row->sell = row->rate - row->rate / 100;
        return true;
    case 3:
        row->rate = 0;
        return true;
    case 4:
        row->rate = -row->rate;
        return true;
    case 5:
        row->units = row->units == 1 ? 100 : 1;
        if (sim_random_chance(random, 500000))
            row->rate = row->units == 100 ? row->rate * 100 : row->rate / 100;
        row->buy = row->sell = 0;
        return true;
    case 6:
        row->rate += 1 + row->rate / 1000;
        row->buy = row->sell = 0;
        return is_known;
    default:
        row->rate += 1;
        return is_known;
    }
}

static void add_row(struct rates_world *self, struct sheet *out, struct published_rate row)
{
    CHECK(out->count < SHEET_ROWS_MAX);
    row.taken_us = feed_wall_us(self);
    out->rows[out->count++] = row;
}

/* One of the day that has been published, and again with another value in the same sheet. */
static void add_again(struct rates_world *self, struct sheet *out, struct published_rate row)
{
    row.rate += 1 + row.rate / 2000;
    row.buy = row.sell = 0;
    self->wrong_rows++;
    add_row(self, out, row);
}

static void add_day(struct rates_world *self, struct sheet *out, int32_t date, bool is_wrong,
                    uint32_t missing)
{
    struct sim_random *random = &self->source;
    for (uint32_t p = 0; p < self->model.pair_count; p++) {
        struct published_rate row = self->truth[p][date - self->model.first_day], spoiled = row;
        if (p == missing)
            continue;
        if (is_wrong && sim_random_chance(random, 300000) && spoil(self, &spoiled)) {
            self->wrong_rows++;
            row = spoiled;
        }
        add_row(self, out, row);
        if (is_wrong && sim_random_chance(random, 50000) && source_is_true(self, &row))
            add_again(self, out, row);
    }
}

/* A day that has not come yet, by any clock. */
static void add_future(struct rates_world *self, struct sheet *out, int32_t newest)
{
    int32_t today = model_day(feed_wall_us(self), self->config.schedule.offset_s);
    int32_t date = (newest > today ? newest : today) + 1 + (int32_t)sim_random_below(&self->source, 10);
    self->wrong_rows++;
    add_row(self, out, self->truth[0][date - self->model.first_day]);
}

void source_draw(struct rates_world *self, struct sheet *out)
{
    struct sim_random *random = &self->source;
    bool is_bad = !self->is_calm && stage_has(&self->stage, FAMILY_NETWORK);
    *out = (struct sheet){.retry_after_s = -1};
    uint64_t kind = is_bad ? sim_random_below(random, 12) : 11;
    int32_t newest = source_newest(self);
    int32_t window = (int32_t)sim_random_between(random, 1, 12);
    uint32_t missing = MODEL_PAIRS;
    if (is_bad && self->outage_until_us <= self->stage.now_us && sim_random_chance(random, 10000))
        self->outage_until_us = self->stage.now_us + sim_random_between(random, 1, 5) * RATES_DAY_US;
    if (is_bad && self->outage_until_us > self->stage.now_us)
        kind = 0;
    if (kind < 3) { /* timeout, cut, garbage: to the feed they are the same */
        out->is_failed = true;
        out->retry_after_s = sim_random_chance(random, 300000) ? sim_random_between(random, 0, 100000) : -1;
        return;
    }
    if (kind == 3) /* stale */
        newest -= (int32_t)sim_random_between(random, 1, 8);
    if (kind == 4)
        missing = (uint32_t)sim_random_below(random, self->model.pair_count);
    if (self->life == 1 && self->sheets == 0)
        window = HISTORY_DAYS / 2;
    for (int32_t date = newest - window + 1; date <= newest; date++) {
        bool is_gap = is_bad && date < newest && sim_random_chance(random, 50000);
        if (is_business_day(self, date) && !is_gap)
            add_day(self, out, date, kind >= 5 && kind < 8, missing);
    }
    if (kind == 8)
        add_future(self, out, newest);
}
