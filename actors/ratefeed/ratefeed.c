/* The rate feed's core.
 *
 * Invariants: a source's pairs are in order of their first appearance and never leave. At most one pair's order per source
 * and pair is open. next_try_us has a meaning in WAITING and BACKING_OFF only. `waiting` is dense. */
#include "actors/ratefeed/ratefeed.h"

#include "actors/base/check.h"
#include "actors/base/date.h"
#include "actors/base/machine.h"
#include "actors/base/mark.h"
#include "actors/base/rate.h"
#include "actors/ratefeed/validation.h"

enum {
    NO_DATE = INT32_MIN,
    BACK_OFF_FIRST_S = 30,
    BACK_OFF_MAX_S = 1800,
    RETRY_AFTER_MAX_S = 86400,
    DESK_MAX_S = 64
};

static const int64_t second_us = 1000000;

enum desk_state { DESK_NONE, DESK_DUE, DESK_ORDERED };

struct pair {
    struct published_rate latest;   /* date NO_DATE: nothing accepted yet */
    struct published_rate rejected; /* date NO_DATE: nothing */
    int32_t seen_date;              /* newest day on any sheet */
    uint32_t first_sheet;           /* the sheet that brought the first rate; 0: known from the store */
    enum desk_state desk;
    bool is_for_desk;
    uint32_t desk_tries; /* that failed, in a row */
    int64_t desk_at_us;
};

struct source {
    struct ratefeed_source_config config;
    uint8_t state; /* enum ratefeed_state */
    int64_t last_try_us, last_success_us, next_try_us;
    int64_t not_before_us; /* the source has asked for that; 0: it has not */
    uint32_t failures;
    int32_t newest_date;
    char note[RATEFEED_NOTE_MAX + 1];
    uint32_t pair_count;
    struct pair pairs[RATEFEED_PAIRS_MAX];
};

struct waiting {
    uint64_t id;
    uint32_t source;
    struct published_rate rate;
};

/* The sheet that is being read. */
struct sheet {
    uint32_t number, source;
    int64_t now_us;
    int32_t newest_date, last_date;
    int32_t newest_before; /* of all sheets before */
    bool is_full;          /* a row found no place */
};

struct ratefeed {
    struct mem mem;
    uint32_t count;
    uint64_t next_id;
    struct ratefeed_figures figures;
    struct sheet sheet;
    uint32_t waiting_count;
    struct waiting waiting[RATEFEED_WAITING_MAX];
    struct source sources[RATEFEED_SOURCES_MAX];
};

static const char *const state_names[] = {
    [RATEFEED_IDLE] = "idle",
    [RATEFEED_WAITING] = "waiting",
    [RATEFEED_FETCHING] = "fetching",
    [RATEFEED_BACKING_OFF] = "backing_off",
};

static const uint32_t state_next[] = {
    [RATEFEED_IDLE] = MACHINE_TO(RATEFEED_WAITING),
    [RATEFEED_WAITING] = MACHINE_TO(RATEFEED_FETCHING),
    [RATEFEED_FETCHING] = MACHINE_TO(RATEFEED_WAITING) | MACHINE_TO(RATEFEED_BACKING_OFF),
    [RATEFEED_BACKING_OFF] = MACHINE_TO(RATEFEED_FETCHING),
};

static const struct machine source_machine = {"rate source", 4, state_names, state_next};

/* ---- making --------------------------------------------------------------------------------------------- */

struct ratefeed *ratefeed_new(const struct ratefeed_source_config *configs, uint32_t count,
                              const struct mem *mem)
{
    CHECK(count <= RATEFEED_SOURCES_MAX);
    struct ratefeed *self = mem_alloc(mem, sizeof *self);
    if (self == NULL)
        return NULL;
    self->mem = *mem;
    self->count = count;
    self->next_id = 1;
    for (uint32_t s = 0; s < count; s++) {
        self->sources[s].config = configs[s];
        self->sources[s].newest_date = NO_DATE;
    }
    return self;
}

void ratefeed_destroy(struct ratefeed **self_p)
{
    struct ratefeed *self = *self_p;
    *self_p = NULL;
    if (self != NULL) {
        struct mem mem = self->mem;
        mem_free(&mem, self, sizeof *self);
    }
}

/* ---- pairs ---------------------------------------------------------------------------------------------- */

static bool is_active(const char *code)
{
    return currency_find(code, CURRENCY_CODE_LENGTH) != CURRENCY_NONE;
}

static bool is_for_desk(const struct ratefeed_source_config *config, const struct published_rate *rate)
{
    if (!is_active(rate->base) || !is_active(rate->counter))
        return false;
    for (uint32_t i = 0; i < config->desk_count; i++) {
        if (memcmp(config->desk[i].base, rate->base, CURRENCY_CODE_LENGTH) == 0 &&
            memcmp(config->desk[i].counter, rate->counter, CURRENCY_CODE_LENGTH) == 0)
            return true;
    }
    return config->desk_all;
}

static struct pair *find_pair(struct source *source, const struct published_rate *rate)
{
    for (uint32_t i = 0; i < source->pair_count; i++) {
        if (published_rate_same_pair(&source->pairs[i].latest, rate))
            return &source->pairs[i];
    }
    return NULL;
}

/* NULL: there are too many. */
static struct pair *take_pair(struct source *source, const struct published_rate *rate)
{
    struct pair *pair = find_pair(source, rate);
    if (pair != NULL || source->pair_count == RATEFEED_PAIRS_MAX)
        return pair;
    pair = &source->pairs[source->pair_count++];
    *pair = (struct pair){.seen_date = NO_DATE, .is_for_desk = is_for_desk(&source->config, rate)};
    memcpy(pair->latest.base, rate->base, CURRENCY_CODE_LENGTH);
    memcpy(pair->latest.counter, rate->counter, CURRENCY_CODE_LENGTH);
    pair->latest.date = pair->rejected.date = NO_DATE;
    return pair;
}

/* An order that is open is found out to be of an older rate when it is done. */
static void set_latest(struct source *source, struct pair *pair, const struct published_rate *rate)
{
    pair->latest = *rate;
    if (rate->date > source->newest_date)
        source->newest_date = rate->date;
    if (!pair->is_for_desk || pair->desk == DESK_ORDERED)
        return;
    pair->desk = DESK_DUE;
    pair->desk_tries = 0;
    pair->desk_at_us = 0;
}

/* ---- loading -------------------------------------------------------------------------------------------- */

void ratefeed_forget(struct ratefeed *self)
{
    self->waiting_count = 0;
    for (uint32_t s = 0; s < self->count; s++) {
        self->sources[s].pair_count = 0;
        self->sources[s].newest_date = NO_DATE;
    }
}

bool ratefeed_load_latest(struct ratefeed *self, uint32_t source, const struct published_rate *rate)
{
    CHECK(source < self->count);
    struct pair *pair = take_pair(&self->sources[source], rate);
    if (pair == NULL)
        return false;
    pair->seen_date = rate->date;
    set_latest(&self->sources[source], pair, rate);
    return true;
}

bool ratefeed_load_rejected(struct ratefeed *self, uint32_t source, const struct published_rate *rate)
{
    CHECK(source < self->count);
    struct pair *pair = take_pair(&self->sources[source], rate);
    if (pair != NULL)
        pair->rejected = *rate;
    return pair != NULL;
}

bool ratefeed_load_waiting(struct ratefeed *self, uint64_t id, uint32_t source,
                           const struct published_rate *rate)
{
    if (self->waiting_count == RATEFEED_WAITING_MAX)
        return false;
    self->waiting[self->waiting_count++] = (struct waiting){id, source, *rate};
    return true;
}

void ratefeed_load_next_id(struct ratefeed *self, uint64_t id)
{
    self->next_id = id;
}

/* ---- fetching ------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void ratefeed_begin(struct ratefeed *self, int64_t now_us)
{
    for (uint32_t s = 0; s < self->count; s++) {
        struct source *source = &self->sources[s];
        const struct schedule *schedule = &source->config.schedule;
        bool has_all =
            schedule->every_s == 0 && source->newest_date >= schedule_expected_date(schedule, now_us);
        machine_move(&source_machine, &source->state, RATEFEED_WAITING);
        source->next_try_us = has_all ? schedule_next_us(schedule, now_us) : now_us;
    }
}

static bool is_planned(const struct source *source)
{
    return source->state == RATEFEED_WAITING || source->state == RATEFEED_BACKING_OFF;
}

int64_t ratefeed_due_us(const struct ratefeed *self)
{
    int64_t due_us = INT64_MAX;
    for (uint32_t s = 0; s < self->count; s++) {
        const struct source *source = &self->sources[s];
        if (is_planned(source))
            due_us = earlier(due_us, source->next_try_us);
        for (uint32_t i = 0; i < source->pair_count; i++) {
            if (source->pairs[i].desk == DESK_DUE)
                due_us = earlier(due_us, source->pairs[i].desk_at_us);
        }
    }
    return due_us;
}

/* A clock that went back does not put off what the schedule says by that clock; what the source asked for may, by so much as it
 * can ask for. */
static int64_t latest_try_us(const struct source *source, int64_t now_us)
{
    int64_t schedule_us = schedule_next_us(&source->config.schedule, now_us);
    int64_t asked_us = earlier(source->not_before_us, now_us + RETRY_AFTER_MAX_S * second_us);
    return schedule_us > asked_us ? schedule_us : asked_us;
}

bool ratefeed_next_fetch(struct ratefeed *self, int64_t now_us, uint32_t *source)
{
    for (uint32_t s = 0; s < self->count; s++) {
        struct source *candidate = &self->sources[s];
        if (!is_planned(candidate))
            continue;
        candidate->next_try_us = earlier(candidate->next_try_us, latest_try_us(candidate, now_us));
        if (candidate->next_try_us > now_us)
            continue;
        machine_move(&source_machine, &candidate->state, RATEFEED_FETCHING);
        candidate->last_try_us = now_us;
        self->figures.fetches++;
        *source = s;
        return true;
    }
    return false;
}

static void note(struct source *source, const char *text)
{
    size_t length = strlen(text);
    if (length > RATEFEED_NOTE_MAX)
        length = RATEFEED_NOTE_MAX;
    memcpy(source->note, text, length);
    source->note[length] = '\0';
}

static void append(struct source *source, const char *text)
{
    size_t used = strlen(source->note), length = strlen(text);
    if (length > RATEFEED_NOTE_MAX - used)
        return;
    memcpy(source->note + used, text, length + 1);
}

static void back_off(struct source *source, int64_t wait_s, int64_t now_us)
{
    machine_move(&source_machine, &source->state, RATEFEED_BACKING_OFF);
    source->next_try_us =
        earlier(now_us + wait_s * second_us, schedule_next_us(&source->config.schedule, now_us));
}

void ratefeed_failed(struct ratefeed *self, uint32_t source, const char *error, int64_t retry_after_s,
                     int64_t now_us)
{
    CHECK(source < self->count);
    struct source *failed = &self->sources[source];
    int64_t wait_s = BACK_OFF_FIRST_S;
    for (uint32_t i = 0; i < failed->failures && wait_s < BACK_OFF_MAX_S; i++)
        wait_s *= 2;
    if (wait_s > BACK_OFF_MAX_S)
        wait_s = BACK_OFF_MAX_S;
    if (retry_after_s > RETRY_AFTER_MAX_S)
        retry_after_s = RETRY_AFTER_MAX_S;
    failed->failures += failed->failures < UINT32_MAX;
    self->figures.failures++;
    note(failed, error);
    back_off(failed, wait_s, now_us);
    failed->not_before_us = retry_after_s > 0 ? now_us + retry_after_s * second_us : 0;
    if (failed->next_try_us < failed->not_before_us)
        failed->next_try_us = failed->not_before_us;
}

/* ---- a sheet -------------------------------------------------------------------------------------------- */

static int32_t newest_seen(const struct source *source)
{
    int32_t newest = NO_DATE;
    for (uint32_t i = 0; i < source->pair_count; i++)
        newest = source->pairs[i].seen_date > newest ? source->pairs[i].seen_date : newest;
    return newest;
}

void ratefeed_sheet_begin(struct ratefeed *self, uint32_t source, int64_t now_us)
{
    CHECK(source < self->count);
    self->sheet = (struct sheet){
        .number = self->sheet.number + 1,
        .source = source,
        .now_us = now_us,
        .newest_date = NO_DATE,
        .last_date = NO_DATE,
        .newest_before = newest_seen(&self->sources[source]),
    };
}

static bool is_waiting(const struct ratefeed *self, const struct published_rate *row)
{
    for (uint32_t i = 0; i < self->waiting_count; i++) {
        const struct waiting *waiting = &self->waiting[i];
        if (waiting->source == self->sheet.source && waiting->rate.date == row->date &&
            published_rate_same_pair(&waiting->rate, row) && published_rate_same_values(&waiting->rate, row))
            return true;
    }
    return false;
}

/* It waits for an operator, unless it does already, or one has said no to it. */
static bool send_to_review(struct ratefeed *self, const struct pair *pair, const struct published_rate *row,
                           const char *why, struct ratefeed_put *put)
{
    if ((pair->rejected.date == row->date && published_rate_same_values(&pair->rejected, row)) ||
        is_waiting(self, row)) {
        MARK("a rate that waits, or was rejected, is published again");
        self->figures.unchanged++;
        return false;
    }
    if (self->waiting_count == RATEFEED_WAITING_MAX) {
        MARK("too many rates wait for an operator");
        self->sheet.is_full = true;
        return false;
    }
    self->waiting[self->waiting_count++] = (struct waiting){self->next_id, self->sheet.source, *row};
    self->figures.to_review++;
    *put = (struct ratefeed_put){RATEFEED_PUT_WAITING, self->sheet.source, self->next_id++, why, row};
    return true;
}

static struct verdict judge(const struct ratefeed *self, const struct pair *pair,
                            const struct published_rate *row, const struct published_rate *same_day)
{
    const struct ratefeed_source_config *config = &self->sources[self->sheet.source].config;
    const struct known known = {
        .latest = pair->latest.date == NO_DATE ? NULL : &pair->latest,
        .same_day = same_day,
        .is_first_sheet = pair->first_sheet == self->sheet.number,
        .today = date_of_time(self->sheet.now_us, config->schedule.offset_s),
        .spike_ppm = config->spike_ppm,
    };
    return validation_verdict(row, &known);
}

bool ratefeed_row(struct ratefeed *self, const struct published_rate *row,
                  const struct published_rate *same_day, struct ratefeed_put *put)
{
    struct sheet *sheet = &self->sheet;
    struct source *source = &self->sources[sheet->source];
    CHECK(row->date >= sheet->last_date);
    sheet->last_date = row->date;
    struct pair *pair = take_pair(source, row);
    if (pair == NULL) {
        sheet->is_full = true;
        return false;
    }
    const struct verdict verdict = judge(self, pair, row, same_day);
    *put = (struct ratefeed_put){.kind = RATEFEED_PUT_HISTORY, .source = sheet->source, .rate = row};
    pair->seen_date = row->date > pair->seen_date ? row->date : pair->seen_date;
    sheet->newest_date = row->date;
    switch (verdict.kind) {
    case VERDICT_NOTHING:
        self->figures.unchanged++;
        return false;
    case VERDICT_ACCEPTED:
        if (pair->latest.date == NO_DATE)
            pair->first_sheet = sheet->number;
        set_latest(source, pair, row);
        self->figures.accepted++;
        return true;
    case VERDICT_HISTORY:
        self->figures.history++;
        return true;
    case VERDICT_WAITS:
        return send_to_review(self, pair, row, verdict.why, put);
    }
    CHECK_UNREACHABLE();
}

/* Pairs that stood on the newest sheet so far and not on this one. */
static void note_missing(struct source *source, int32_t newest_before, int32_t newest)
{
    bool is_first = true;
    if (newest <= newest_before)
        return;
    for (uint32_t i = 0; i < source->pair_count; i++) {
        const struct pair *pair = &source->pairs[i];
        if (pair->seen_date != newest_before)
            continue;
        append(source, is_first ? "missing:" : "");
        append(source, " ");
        append(source, pair->latest.base);
        append(source, "/");
        append(source, pair->latest.counter);
        is_first = false;
    }
}

/* Older than the schedule promises; or, without times of day, older than its rates may be. */
static bool is_stale(const struct source *source, int32_t newest_date, int64_t now_us)
{
    const struct ratefeed_source_config *config = &source->config;
    int32_t oldest = date_of_time(now_us - config->age_limit_s * second_us, config->schedule.offset_s);
    return newest_date < schedule_expected_date(&config->schedule, now_us) || newest_date < oldest;
}

void ratefeed_sheet_end(struct ratefeed *self, int64_t now_us)
{
    struct source *source = &self->sources[self->sheet.source];
    bool is_late = is_stale(source, self->sheet.newest_date, now_us);
    source->note[0] = '\0';
    if (self->sheet.is_full)
        note(source, "too many pairs, or too many rates wait for an operator: some were not taken");
    else if (is_late)
        note(source, "stale: the newest day is older than expected");
    else
        note_missing(source, self->sheet.newest_before, self->sheet.newest_date);
    source->failures = 0;
    source->last_success_us = now_us;
    if (source->state != RATEFEED_FETCHING)
        return;
    source->not_before_us = 0;
    if (is_late) {
        back_off(source, BACK_OFF_MAX_S, now_us);
    } else {
        machine_move(&source_machine, &source->state, RATEFEED_WAITING);
        source->next_try_us = schedule_next_us(&source->config.schedule, now_us);
    }
}

/* ---- the operator --------------------------------------------------------------------------------------- */

static struct waiting *find_waiting(struct ratefeed *self, uint64_t id)
{
    for (uint32_t i = 0; i < self->waiting_count; i++) {
        if (self->waiting[i].id == id)
            return &self->waiting[i];
    }
    return NULL;
}

/* Takes it from the list; the puts for its end. */
static void end_waiting(struct ratefeed *self, struct waiting *waiting, struct str operator,
                        enum ratefeed_put_kind kind, struct published_rate *rate, struct ratefeed_put puts[2])
{
    CHECK(operator.length <= OWNER_MAX);
    *rate = waiting->rate;
    memcpy(rate->accepted_by, operator.data, operator.length);
    rate->accepted_by[operator.length] = '\0';
    puts[0] = (struct ratefeed_put){.kind = kind, .source = waiting->source, .rate = rate};
    puts[1] = (struct ratefeed_put){
        .kind = RATEFEED_PUT_REMOVE_WAITING, .source = waiting->source, .id = waiting->id, .rate = rate};
    *waiting = self->waiting[--self->waiting_count];
}

enum code ratefeed_accept(struct ratefeed *self, uint64_t id, struct str operator,
                          struct published_rate * rate, struct ratefeed_put puts[2])
{
    struct waiting *waiting = find_waiting(self, id);
    if (waiting == NULL)
        return CODE_RATE_NOT_FOUND;
    if (waiting->source >= self->count || !validation_is_possible(&waiting->rate))
        return CODE_INVALID_FIELD;
    struct source *source = &self->sources[waiting->source];
    struct pair *pair = take_pair(source, &waiting->rate);
    if (pair == NULL)
        return CODE_INVALID_FIELD;
    end_waiting(self, waiting, operator, RATEFEED_PUT_HISTORY, rate, puts);
    if (rate->date >= pair->latest.date)
        set_latest(source, pair, rate);
    return CODE_OK;
}

enum code ratefeed_reject(struct ratefeed *self, uint64_t id, struct str operator,
                          struct published_rate * rate, struct ratefeed_put puts[2])
{
    struct waiting *waiting = find_waiting(self, id);
    if (waiting == NULL)
        return CODE_RATE_NOT_FOUND;
    struct pair *pair =
        waiting->source < self->count ? find_pair(&self->sources[waiting->source], &waiting->rate) : NULL;
    end_waiting(self, waiting, operator, RATEFEED_PUT_REJECTED, rate, puts);
    if (pair != NULL)
        pair->rejected = *rate;
    return CODE_OK;
}

/* ---- the desk ------------------------------------------------------------------------------------------- */

/* A rate is of the moment it was taken, or of the end of its day where it was taken later than that: an old sheet does not look
 * fresh. */
static int64_t as_of_us(const struct published_rate *rate, int32_t offset_s)
{
    int64_t day_end_us = (rate->date + 1) * DATE_DAY_US - offset_s * second_us - 1;
    return earlier(rate->taken_us, day_end_us);
}

bool ratefeed_next_order(struct ratefeed *self, int64_t now_us, struct ratefeed_order *out)
{
    for (uint32_t s = 0; s < self->count; s++) {
        struct source *source = &self->sources[s];
        for (uint32_t i = 0; i < source->pair_count; i++) {
            struct pair *pair = &source->pairs[i];
            if (pair->desk != DESK_DUE || pair->desk_at_us > now_us)
                continue;
            pair->desk = DESK_ORDERED;
            *out = (struct ratefeed_order){
                .source = s,
                .rate = pair->latest,
                .as_of_us = as_of_us(&pair->latest, source->config.schedule.offset_s),
                .age_limit_s = source->config.age_limit_s,
            };
            return true;
        }
    }
    return false;
}

void ratefeed_desk_done(struct ratefeed *self, const struct ratefeed_order *order, bool is_set,
                        int64_t now_us)
{
    CHECK(order->source < self->count);
    struct pair *pair = find_pair(&self->sources[order->source], &order->rate);
    if (pair == NULL || pair->desk != DESK_ORDERED)
        return; /* the pairs were forgotten meanwhile */
    bool is_latest = order->rate.date == pair->latest.date && order->rate.taken_us == pair->latest.taken_us &&
                     published_rate_same_values(&order->rate, &pair->latest);
    self->figures.desk_set += is_set;
    self->figures.desk_failed += !is_set;
    if (is_set) {
        pair->desk = is_latest ? DESK_NONE : DESK_DUE;
        pair->desk_tries = 0;
        pair->desk_at_us = 0;
        return;
    }
    int64_t wait_s = DESK_MAX_S;
    if (pair->desk_tries < 6)
        wait_s = INT64_C(1) << pair->desk_tries++;
    pair->desk = DESK_DUE;
    pair->desk_at_us = now_us + wait_s * second_us;
}

/* ---- looking -------------------------------------------------------------------------------------------- */

uint32_t ratefeed_count(const struct ratefeed *self)
{
    return self->count;
}

const struct ratefeed_source_config *ratefeed_source(const struct ratefeed *self, uint32_t source)
{
    CHECK(source < self->count);
    return &self->sources[source].config;
}

uint32_t ratefeed_find(const struct ratefeed *self, struct str name)
{
    for (uint32_t s = 0; s < self->count; s++) {
        if (str_equal(str_from(self->sources[s].config.name), name))
            return s;
    }
    return RATEFEED_SOURCES_MAX;
}

struct ratefeed_source_figures ratefeed_source_figures(const struct ratefeed *self, uint32_t source)
{
    CHECK(source < self->count);
    const struct source *of = &self->sources[source];
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < self->waiting_count; i++)
        waiting += self->waiting[i].source == source;
    return (struct ratefeed_source_figures){
        .state = (enum ratefeed_state)of->state,
        .last_try_us = of->last_try_us,
        .last_success_us = of->last_success_us,
        .next_try_us = is_planned(of) ? of->next_try_us : 0,
        .failures = of->failures,
        .newest_date = of->newest_date,
        .waiting = waiting,
        .note = of->note,
    };
}

struct ratefeed_figures ratefeed_figures(const struct ratefeed *self)
{
    struct ratefeed_figures figures = self->figures;
    figures.waiting = self->waiting_count;
    return figures;
}

const char *ratefeed_state_name(enum ratefeed_state state)
{
    return machine_state_name(&source_machine, (uint8_t)state);
}
