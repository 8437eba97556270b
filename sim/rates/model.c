#include "sim/rates/model.h"

#include <inttypes.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

/* ---- times ---------------------------------------------------------------------------------------------- */

int32_t model_day(int64_t wall_us, int32_t offset_s)
{
    return (int32_t)((wall_us + offset_s * SECOND_US) / DAY_US);
}

/* 1970-01-01 was a Thursday. */
static bool is_weekend(int32_t day)
{
    return (day + 3) % 7 >= 5;
}

/* The moments of a week around a time are looked at one by one. */
static int64_t moment(const struct schedule *schedule, int64_t wall_us, bool is_next)
{
    int64_t found_us = is_next ? INT64_MAX : INT64_MIN;
    int32_t today = model_day(wall_us, schedule->offset_s);
    for (int32_t day = today - 5; day <= today + 5; day++) {
        for (uint32_t i = 0; i < schedule->time_count; i++) {
            int64_t at_us =
                day * DAY_US + (schedule->minutes[i] * INT64_C(60) - schedule->offset_s) * SECOND_US;
            if (schedule->weekdays_only && is_weekend(day))
                continue;
            if (is_next && at_us > wall_us && at_us < found_us)
                found_us = at_us;
            if (!is_next && at_us <= wall_us && at_us > found_us)
                found_us = at_us;
        }
    }
    return found_us;
}

int64_t model_next_us(const struct schedule *schedule, int64_t wall_us)
{
    return schedule->every_s > 0 ? wall_us + schedule->every_s * SECOND_US : moment(schedule, wall_us, true);
}

int32_t model_expected_day(const struct schedule *schedule, int64_t wall_us)
{
    if (schedule->every_s > 0)
        return INT32_MIN;
    return model_day(moment(schedule, wall_us, false), schedule->offset_s);
}

/* ---- rates ---------------------------------------------------------------------------------------------- */

bool model_same(const struct published_rate *a, const struct published_rate *b)
{
    return a->date == b->date && a->units == b->units && a->rate == b->rate && a->buy == b->buy &&
           a->sell == b->sell;
}

bool model_can_be(const struct published_rate *rate)
{
    const int64_t values[] = {rate->rate, rate->buy, rate->sell};
    for (size_t i = 0; i < 3; i++) {
        if (values[i] < 0 || values[i] > RATE_MAX)
            return false;
    }
    return rate->rate != 0 && rate->units >= 1 && rate->units <= 10000;
}

uint32_t model_pair_of(const struct model *self, const struct published_rate *rate)
{
    uint32_t pair = 0;
    while (pair < self->pair_count && (strcmp(self->pairs[pair].name.base, rate->base) != 0 ||
                                       strcmp(self->pairs[pair].name.counter, rate->counter) != 0))
        pair++;
    return pair < self->pair_count ? pair : MODEL_PAIRS;
}

const struct published_rate *model_latest(const struct model *self, uint32_t pair)
{
    const struct model_pair *of = &self->pairs[pair];
    return of->latest < 0 ? NULL : &of->days[of->latest];
}

static bool is_far(int64_t rate, int64_t last, uint32_t ppm)
{
    __int128 distance = rate > last ? (__int128)rate - last : (__int128)last - rate;
    return distance * 1000000 > (__int128)last * ppm;
}

static enum model_fate judge(const struct model *self, const struct ratefeed_source_config *config,
                             const struct published_rate *row, uint32_t index, bool is_first, int32_t today)
{
    const struct model_pair *pair = &self->pairs[index];
    const struct published_rate *last = model_latest(self, index);
    int32_t day = row->date - self->first_day;
    if (!model_can_be(row) || row->date > today)
        return MODEL_WAITS;
    if (row->buy > row->rate || (row->sell != 0 && row->sell < row->rate))
        return MODEL_WAITS;
    if (pair->has[day])
        return model_same(row, &pair->days[day]) ? MODEL_NOTHING : MODEL_WAITS;
    if (last == NULL)
        return MODEL_ACCEPTED;
    if (row->units != last->units)
        return MODEL_WAITS;
    if (row->date < last->date)
        return MODEL_HISTORY;
    return !is_first && is_far(row->rate, last->rate, config->spike_ppm) ? MODEL_WAITS : MODEL_ACCEPTED;
}

static void keep(struct model *self, uint32_t pair, const struct published_rate *rate, bool is_latest)
{
    int32_t day = rate->date - self->first_day;
    self->pairs[pair].days[day] = *rate;
    self->pairs[pair].has[day] = true;
    if (is_latest)
        self->pairs[pair].latest = day;
}

static bool is_known(const struct model *self, const struct published_rate *row, uint32_t pair)
{
    if (self->pairs[pair].has_rejected && model_same(&self->pairs[pair].rejected, row))
        return true;
    for (uint32_t i = 0; i < self->waiting_count; i++) {
        if (self->waiting[i].pair == pair && model_same(&self->waiting[i].rate, row))
            return true;
    }
    return false;
}

static enum model_fate take(struct model *self, const struct ratefeed_source_config *config,
                            const struct published_rate *row, uint32_t pair, bool is_first, int32_t today)
{
    enum model_fate fate = judge(self, config, row, pair, is_first, today);
    if (fate == MODEL_WAITS && is_known(self, row, pair))
        return MODEL_KNOWN;
    if (fate == MODEL_WAITS) {
        CHECK(self->waiting_count < MODEL_WAITING);
        self->waiting[self->waiting_count++] = (struct model_waiting){self->next_id++, pair, *row};
    } else if (fate == MODEL_ACCEPTED || fate == MODEL_HISTORY) {
        keep(self, pair, row, fate == MODEL_ACCEPTED);
    }
    return fate;
}

struct model_counts model_sheet(struct model *self, const struct ratefeed_source_config *config,
                                const struct published_rate *rows, size_t count, int64_t wall_us)
{
    struct model_counts counts = {0};
    bool is_first[MODEL_PAIRS];
    int32_t today = model_day(wall_us, config->schedule.offset_s);
    for (uint32_t p = 0; p < self->pair_count; p++)
        is_first[p] = self->pairs[p].latest < 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t pair = model_pair_of(self, &rows[i]);
        int32_t day = rows[i].date - self->first_day;
        CHECK(pair < MODEL_PAIRS && day >= 0 && day < MODEL_DAYS);
        enum model_fate fate = take(self, config, &rows[i], pair, is_first[pair], today);
        counts.accepted += fate == MODEL_ACCEPTED;
        counts.history += fate == MODEL_HISTORY;
        counts.to_review += fate == MODEL_WAITS;
        counts.unchanged += fate == MODEL_NOTHING || fate == MODEL_KNOWN;
    }
    return counts;
}

const struct model_waiting *model_find(const struct model *self, uint64_t id)
{
    for (uint32_t i = 0; i < self->waiting_count; i++) {
        if (self->waiting[i].id == id)
            return &self->waiting[i];
    }
    return NULL;
}

void model_decide(struct model *self, uint64_t id, bool is_accepted, const char *operator)
{
    const struct model_waiting *found = model_find(self, id);
    CHECK(found != NULL);
    struct model_waiting waiting = *found;
    uint32_t at = (uint32_t)(found - self->waiting);
    memmove(&self->waiting[at], &self->waiting[at + 1], (--self->waiting_count - at) * sizeof waiting);
    const struct published_rate *last = model_latest(self, waiting.pair);
    memcpy(waiting.rate.accepted_by, operator, strlen(operator) + 1);
    if (is_accepted)
        keep(self, waiting.pair, &waiting.rate, last == NULL || waiting.rate.date >= last->date);
    else
        self->pairs[waiting.pair].rejected = waiting.rate;
    self->pairs[waiting.pair].has_rejected |= !is_accepted;
}

/* ---- the store ------------------------------------------------------------------------------------------ */

static bool is_equal(const struct published_rate *a, const struct published_rate *b)
{
    return model_same(a, b) && strcmp(a->base, b->base) == 0 && strcmp(a->counter, b->counter) == 0 &&
           a->taken_us == b->taken_us && strcmp(a->accepted_by, b->accepted_by) == 0;
}

/* As of each day: what was accepted for it, or else for the last day before it. */
static void compare_days(const struct model *self, struct stage *stage, struct rates *rates,
                         const char *source, uint32_t index)
{
    const struct model_pair *pair = &self->pairs[index];
    const struct published_rate *right = NULL;
    for (int32_t day = 0; day < MODEL_DAYS; day++) {
        struct published_rate stored;
        right = pair->has[day] ? &pair->days[day] : right;
        enum err err =
            rates_as_of(rates, source, pair->name.base, pair->name.counter, self->first_day + day, &stored);
        if (err != (right == NULL ? ERR_NOT_FOUND : ERR_OK) || (right != NULL && !is_equal(&stored, right)))
            stage_breach(stage, "R2",
                         "%s %s/%s as of day %" PRId32 ": %s, day %" PRId32 " at %" PRId64
                         ", where the model has day %" PRId32 " at %" PRId64,
                         source, pair->name.base, pair->name.counter, self->first_day + day, err_text(err),
                         err == ERR_OK ? stored.date : 0, err == ERR_OK ? stored.rate : 0,
                         right != NULL ? right->date : 0, right != NULL ? right->rate : 0);
    }
}

static void compare_latest(const struct model *self, struct stage *stage, struct rates *rates,
                           const char *source)
{
    struct published_rate stored = {0};
    uint32_t seen = 0, right = 0;
    while (rates_next_pair(rates, source, &stored) == ERR_OK) {
        uint32_t pair = model_pair_of(self, &stored);
        seen++;
        if (pair == MODEL_PAIRS || model_latest(self, pair) == NULL ||
            !is_equal(model_latest(self, pair), &stored))
            stage_breach(stage, "R2", "%s: the latest of %s/%s is of day %" PRId32 " at %" PRId64, source,
                         stored.base, stored.counter, stored.date, stored.rate);
    }
    for (uint32_t p = 0; p < self->pair_count; p++)
        right += self->pairs[p].latest >= 0;
    if (seen != right)
        stage_breach(stage, "R2", "%s has rates of %" PRIu32 " pairs, not %" PRIu32, source, seen, right);
}

static void compare_waiting(const struct model *self, struct stage *stage, struct rates *rates)
{
    struct rates_waiting stored;
    uint32_t seen = 0;
    for (uint64_t id = 0; rates_next_waiting(rates, id, &stored) == ERR_OK; id = stored.id + 1) {
        const struct model_waiting *waiting = model_find(self, stored.id);
        seen++;
        if (waiting == NULL || !is_equal(&waiting->rate, &stored.rate) || stored.why[0] == '\0')
            stage_breach(stage, "R2",
                         "%" PRIu64 " waits, and should not: %s/%s of day %" PRId32 " at %" PRId64, stored.id,
                         stored.rate.base, stored.rate.counter, stored.rate.date, stored.rate.rate);
    }
    if (seen != self->waiting_count)
        stage_breach(stage, "R2", "%" PRIu32 " rates wait, not %" PRIu32, seen, self->waiting_count);
}

void model_compare(const struct model *self, struct stage *stage, struct rates *rates, const char *source)
{
    for (uint32_t p = 0; p < self->pair_count; p++)
        compare_days(self, stage, rates, source, p);
    compare_latest(self, stage, rates, source);
    compare_waiting(self, stage, rates);
}
