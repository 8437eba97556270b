/* Life, recovery, time, and units. */
#include "actors/bank/core.h"

#define STAGGER_US INT64_C(10000)
#define GAP_MAX_US (10 * SECOND_US)

static const char ANOTHER_BANK[] = "it was sent to another bank, which had this name: bring back its "
                                   "settings, or an operator has to settle it";

struct bank_limits bank_limits_default(void)
{
    return (struct bank_limits){
        .parallel = 64,
        .timeout_ms = 30000,
        .ask_timeout_ms = 10000,
        .inquiry_first_us = SECOND_US,
        .inquiry_max_us = 600 * SECOND_US,
        .grace_us = 60 * SECOND_US,
        .circuit_failures = 5,
        .circuit_first_us = 5 * SECOND_US,
        .circuit_max_us = 60 * SECOND_US,
    };
}

/* Whole characters only. */
void bank_copy_text(char *out, size_t capacity, const char *text)
{
    size_t length = strlen(text);
    if (length >= capacity) {
        length = capacity - 1;
        while (length > 0 && ((uint8_t)text[length] & 0xC0) == 0x80)
            length--;
    }
    memset(out, 0, capacity);
    memcpy(out, text, length);
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static void place_init(struct place *place, const struct bank_config *config)
{
    const struct bank_limits *limits = &config->limits;
    CHECK(strlen(config->name) >= 1 && strlen(config->name) <= BANK_NAME_MAX);
    CHECK(limits->parallel >= 1 && limits->parallel <= 1024 && limits->circuit_failures >= 1);
    CHECK(limits->inquiry_first_us >= 1 && limits->circuit_first_us >= 1);
    CHECK(config->rail->token_count <= RAIL_TOKENS_MAX);
    bank_copy_text(place->name, sizeof place->name, config->name);
    place->rail = config->rail;
    place->own = config->own;
    place->limits = *limits;
    list_init(&place->calls);
    list_init(&place->inquiries);
    for (uint32_t i = 0; i < RAIL_TOKENS_MAX; i++)
        list_init(&place->tokens[i].waiting);
}

static bool flights_init(struct bank *self)
{
    for (uint32_t i = 0; i < self->bank_count; i++)
        self->flight_count += self->banks[i].limits.parallel;
    if (self->flight_count == 0 || self->banks == NULL)
        return true;
    self->flights = mem_alloc(&self->mem, self->flight_count * sizeof *self->flights);
    self->free_flights = mem_alloc(&self->mem, self->flight_count * sizeof *self->free_flights);
    if (self->flights == NULL || self->free_flights == NULL)
        return false;
    for (uint32_t i = 0; i < self->flight_count; i++)
        self->free_flights[self->free_flight_count++] = self->flight_count - 1 - i;
    return true;
}

static bool tables_init(struct bank *self)
{
    struct mem *mem = &self->mem;
    index_init(&self->by_call, mem);
    index_init(&self->by_id, mem);
    index_init(&self->by_resource, mem);
    index_init(&self->kept_by_call, mem);
    index_init(&self->events_by_key, mem);
    self->unit = mem_alloc(mem, sizeof *self->unit);
    self->answers = mem_alloc(mem, CORE_ANSWERS_MAX * sizeof *self->answers);
    return self->unit != NULL && self->answers != NULL &&
           slots_init(&self->jobs, mem, sizeof(struct job), BANK_JOBS_MAX) &&
           slots_init(&self->kept, mem, sizeof(struct kept), CORE_KEPT_MAX) &&
           slots_init(&self->events, mem, sizeof(struct event), CORE_EVENTS_MAX);
}

struct bank *bank_new(const struct bank_config *configs, uint32_t count, uint64_t hash_key,
                      const struct mem *mem)
{
    CHECK(count <= BANK_BANKS_MAX);
    struct bank *self = mem_alloc(mem, sizeof *self);
    if (self == NULL)
        return NULL;
    self->mem = *mem;
    self->bank_count = count;
    self->hash_key = hash_key;
    self->kept_first = self->kept_last = SLOT_NONE;
    self->event_first = self->event_last = SLOT_NONE;
    self->kept_sweep = self->event_sweep = (struct sweep){.due_us = INT64_MAX, .first_us = INT64_MAX};
    self->next_serial = self->serial_end = 1;
    list_init(&self->serials);
    list_init(&self->tells);
    self->banks = count > 0 ? mem_alloc(mem, count * sizeof *self->banks) : NULL;
    bool is_good = count == 0 || self->banks != NULL;
    for (uint32_t i = 0; is_good && i < count; i++)
        place_init(&self->banks[i], &configs[i]);
    if (!is_good || !flights_init(self) || !tables_init(self))
        bank_destroy(&self);
    return self;
}

void bank_destroy(struct bank **self_p)
{
    struct bank *self = *self_p;
    if (self == NULL)
        return;
    struct mem mem = self->mem;
    slots_release(&self->jobs);
    slots_release(&self->kept);
    slots_release(&self->events);
    index_release(&self->by_call);
    index_release(&self->by_id);
    index_release(&self->by_resource);
    index_release(&self->kept_by_call);
    index_release(&self->events_by_key);
    mem_free(&mem, self->dues, self->due_capacity * sizeof *self->dues);
    mem_free(&mem, self->answers, CORE_ANSWERS_MAX * sizeof *self->answers);
    mem_free(&mem, self->unit, sizeof *self->unit);
    mem_free(&mem, self->free_flights, self->flight_count * sizeof *self->free_flights);
    mem_free(&mem, self->flights, self->flight_count * sizeof *self->flights);
    mem_free(&mem, self->banks, self->bank_count * sizeof *self->banks);
    mem_free(&mem, self, sizeof *self);
    *self_p = NULL;
}

/* ---- recovery --------------------------------------------------------------------------------------------- */

static void restore_state(struct bank *self, struct job *job, const struct row *row)
{
    job->is_row = true;
    job->outcome = row->outcome;
    job->is_permanent = row->is_permanent;
    job_reason(job, row->reason);
    if (row->outcome != 0) {
        machine_move(&job_machine, &job->state, JOB_DONE);
        job->is_end_put = true;
        if (job->bank != SLOT_NONE)
            job_ended(self, job);
    } else {
        machine_move(&job_machine, &job->state, job->bank != SLOT_NONE ? JOB_WAITING : JOB_STRANDED);
    }
}

static bool is_known(const struct place *place, const struct rail_job *job)
{
    return place->rail->knows == NULL || place->rail->knows(place->own, job);
}

/* A job that was sent, or may have been, is never sent again: it is asked about. */
static enum err restore_job(struct bank *self, struct row *row)
{
    if (row->outcome == 0 && row->rail.phase == RAIL_PREPARE)
        return ERR_CORRUPT;
    if (row->outcome == 0) {
        row->rail.phase = RAIL_INQUIRE;
        row->rail.stage = 0;
    }
    uint32_t bank = core_bank_index(self, row->rail.call.bank);
    bool is_anothers = row->outcome == 0 && bank != SLOT_NONE && !is_known(&self->banks[bank], &row->rail);
    if (is_anothers) {
        MARK("a job was sent to a bank that is another one now");
        bank_copy_text(row->reason, sizeof row->reason, ANOTHER_BANK);
        bank = SLOT_NONE;
    }
    struct job *job = job_new(self, &row->rail, bank);
    if (job == NULL)
        return ERR_NO_MEMORY;
    restore_state(self, job, row);
    if (row->rail.serial >= self->next_serial)
        self->next_serial = row->rail.serial + 1;
    return ERR_OK;
}

static enum err restore_event(struct bank *self, const uint8_t *key, size_t key_length, uint64_t until_us)
{
    uint64_t words[2];
    if (key_length != sizeof words)
        return ERR_CORRUPT;
    memcpy(words, key, sizeof words);
    return event_restore(self, words, (int64_t)until_us);
}

static bool key_is(const char *name, const uint8_t *key, size_t key_length)
{
    return str_equal(str_from(name), (struct str){(const char *)key, (uint32_t)key_length});
}

/* Three numbers: the end of the serials that may have been given, when the store was made, and when it was copied. */
static enum err restore_number(struct bank *self, const uint8_t *key, size_t key_length, uint64_t end)
{
    if (end >= UINT64_MAX / 2)
        return ERR_CORRUPT;
    if (key_is(CORE_BORN_KEY, key, key_length)) {
        self->born_us = (int64_t)end;
        return ERR_OK;
    }
    if (key_is(CORE_COPIED_KEY, key, key_length)) {
        self->copied_us = (int64_t)end;
        return ERR_OK;
    }
    if (!key_is(CORE_SERIAL_KEY, key, key_length))
        return ERR_CORRUPT;
    self->serial_end = end;
    if (end > self->next_serial)
        self->next_serial = end;
    return ERR_OK;
}

enum err bank_restore(struct bank *self, uint8_t table, const uint8_t *key, size_t key_length,
                      const uint8_t *value, size_t value_length)
{
    CHECK(!self->is_recovered);
    struct row row;
    uint64_t number;
    enum err err;
    if (table == BANK_TABLE_JOBS) {
        err = row_job_unpack(key, key_length, value, value_length, &row);
        if (err != ERR_OK)
            return err;
        return row.kind == ROW_KEPT ? kept_restore(self, &row.kept) : restore_job(self, &row);
    }
    err = row_number_unpack(value, value_length, &number);
    if (err != ERR_OK)
        return err;
    if (table == BANK_TABLE_EVENTS)
        return restore_event(self, key, key_length, number);
    return table == BANK_TABLE_SERIALS ? restore_number(self, key, key_length, number) : ERR_CORRUPT;
}

void bank_copied_put(int64_t copied_us, struct bank_put *out, uint8_t value[BANK_COPIED_BYTES])
{
    *out = (struct bank_put){
        .table = BANK_TABLE_SERIALS,
        .key_length = sizeof CORE_COPIED_KEY - 1,
        .value = value,
        .value_length = row_number_pack((uint64_t)copied_us, value),
    };
    memcpy(out->key, CORE_COPIED_KEY, out->key_length);
}

/* A new store, or one in the place of one that was lost: which serials that had given nobody knows, but not those of a time to come,
 * as no adapter gives so many a second. */
static void be_born(struct bank *self)
{
    const int64_t us_per_serial = 1000;
    if (self->born_us == 0) {
        self->born_us = self->now_us > 0 ? self->now_us : 1;
        self->is_born_put = true;
    }
    int64_t since_us = self->born_us > self->copied_us ? self->born_us : self->copied_us;
    uint64_t serial = (uint64_t)(since_us / us_per_serial);
    if (self->next_serial < serial)
        self->next_serial = serial;
}

/* Its rail counts from when it was sent. To a rail that never sends again that is only the day by which it asks. */
static bool may_be_sent_again(const struct bank *self, const struct job *job)
{
    return job->bank != SLOT_NONE && job->state != JOB_DONE && job->rail.sent_us != 0 &&
           self->banks[job->bank].rail->repeatable_us > 0;
}

/* It was sent at a time that is still to come: how long ago that is nobody knows, so it is not sent again; unless it is so little that the margin of
 * repeatable_us has room for it. */
static void be_old(struct bank *self, struct job *job)
{
    if (!may_be_sent_again(self, job) || job->rail.sent_us <= self->now_us + RAIL_CLOCK_MARGIN_US)
        return;
    MARK("the clock was set back while the bank adapter was away");
    job->rail.sent_us = self->now_us - self->banks[job->bank].rail->repeatable_us;
    job->is_changed = true;
}

/* A store that is empty may have been lost: serials go on behind all that a bank may have seen, unless there was more than one a millisecond.
 *
 * Jobs are asked about one by one, a hundred a second of a bank, so that thousands do not ask at once. */
enum err bank_recovered(struct bank *self, int64_t now_us)
{
    CHECK(!self->is_recovered);
    self->is_recovered = true;
    self->now_us = now_us;
    be_born(self);
    if (self->serial_end < self->next_serial)
        self->serial_end = self->next_serial;
    jobs_sort(self);
    int64_t waits_us[BANK_BANKS_MAX] = {0};
    for (uint32_t slot = self->serials.first; slot != SLOT_NONE;) {
        struct job *job = job_at(self, slot);
        slot = job->links[LINK_SERIAL].next;
        be_old(self, job);
        if (job->state == JOB_DONE) {
            job_tell(self, job);
            due_put(self, job, now_us + CORE_RETELL_US);
        } else if (job->state == JOB_WAITING) {
            int64_t *wait_us = &waits_us[job->bank];
            due_put(self, job, now_us + *wait_us);
            if (*wait_us < self->banks[job->bank].limits.inquiry_max_us)
                *wait_us += STAGGER_US;
        }
    }
    return ERR_OK;
}

/* ---- time --------------------------------------------------------------------------------------------------- */

static void shift_place(struct place *place, int64_t by_us)
{
    place->later_us += by_us;
    place->rate_us += by_us;
    place->retry_us += by_us;
    for (uint32_t i = 0; i < place->rail->token_count; i++) {
        struct token *token = &place->tokens[i];
        token->token.until_us += by_us;
        token->renew_us += by_us;
        token->retry_us += by_us;
    }
}

/* It is as old as it was. */
static void shift_sent(struct bank *self, int64_t by_us)
{
    for (uint32_t slot = self->serials.first; slot != SLOT_NONE;) {
        struct job *job = job_at(self, slot);
        slot = job->links[LINK_SERIAL].next;
        if (may_be_sent_again(self, job)) {
            job->rail.sent_us += by_us;
            job->is_changed = true;
        }
    }
}

static void shift(struct bank *self, int64_t by_us)
{
    MARK("the clock of the bank adapter is set back");
    due_shift(self, by_us);
    shift_sent(self, by_us);
    for (uint32_t i = 0; i < self->bank_count; i++)
        shift_place(&self->banks[i], by_us);
}

void core_now(struct bank *self, int64_t now_us)
{
    int64_t passed_us = now_us - self->now_us;
    if (passed_us < -SECOND_US)
        shift(self, passed_us);
    if (passed_us > 0)
        self->seen_us += passed_us < GAP_MAX_US ? passed_us : GAP_MAX_US;
    self->now_us = now_us;
}

void bank_timer(struct bank *self, int64_t now_us)
{
    CHECK(self->is_recovered);
    core_now(self, now_us);
    for (int i = 0; i < CORE_WORK_MAX; i++) {
        struct job *job = due_pop(self);
        if (job == NULL)
            break;
        if (job->state == JOB_DONE) {
            MARK("a report that was not acked is told again");
            job_tell(self, job);
            due_put(self, job, self->now_us + CORE_RETELL_US);
        } else {
            queue_push(self, job);
        }
    }
    kept_sweep(self);
    events_sweep(self);
}

/* While something is asked about, time has to be seen to pass. */
static int64_t tick_us(const struct bank *self)
{
    for (uint32_t i = 0; i < self->bank_count; i++) {
        if (self->banks[i].inquiries_open > 0)
            return self->now_us + GAP_MAX_US;
    }
    return INT64_MAX;
}

int64_t bank_due_us(const struct bank *self)
{
    const int64_t times_us[] = {
        self->due_count > 0 ? self->dues[0].us : INT64_MAX,
        queue_due_us(self),
        self->kept_sweep.due_us,
        self->event_sweep.due_us,
        tick_us(self),
    };
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < sizeof times_us / sizeof times_us[0]; i++) {
        if (times_us[i] < due_us)
            due_us = times_us[i];
    }
    return due_us;
}

/* ---- units --------------------------------------------------------------------------------------------------- */

struct bank_put *unit_put(struct bank *self, uint8_t table, const void *key, size_t key_length)
{
    struct unit_room *room = self->unit;
    CHECK(room->put_count < UNIT_PUTS_MAX && key_length <= BANK_ROW_KEY_MAX);
    struct bank_put *put = &room->puts[room->put_count++];
    *put = (struct bank_put){.table = table, .key_length = (uint8_t)key_length};
    memcpy(put->key, key, key_length);
    return put;
}

uint8_t *unit_value(struct bank *self)
{
    return self->unit->values + self->unit->value_length;
}

void unit_value_end(struct bank *self, struct bank_put *put, size_t length)
{
    put->value = unit_value(self);
    put->value_length = length;
    self->unit->value_length += length;
    CHECK(self->unit->value_length <= UNIT_VALUES_BYTES);
}

struct bank_report *unit_report(struct bank *self)
{
    CHECK(self->unit->report_count < UNIT_REPORTS_MAX);
    return &self->unit->reports[self->unit->report_count++];
}

static void put_number(struct bank *self, const char *key, uint64_t number)
{
    struct bank_put *put = unit_put(self, BANK_TABLE_SERIALS, key, strlen(key));
    unit_value_end(self, put, row_number_pack(number, unit_value(self)));
}

/* After the jobs and the kept ones: what is forgotten in this unit moves born_us. */
static void numbers_fill_unit(struct bank *self)
{
    if (self->is_born_put)
        put_number(self, CORE_BORN_KEY, (uint64_t)self->born_us);
    if (self->is_serial_put)
        put_number(self, CORE_SERIAL_KEY, self->serial_end);
    self->is_born_put = self->is_serial_put = false;
}

struct bank_unit *bank_take(struct bank *self)
{
    struct unit_room *room = self->unit;
    CHECK(self->is_recovered && !room->is_taken);
    room->put_count = room->report_count = room->answer_count = 0;
    room->request_count = room->value_length = 0;
    jobs_fill_unit(self);
    kept_fill_unit(self);
    numbers_fill_unit(self);
    events_fill_unit(self);
    queue_fill_unit(self);
    if (room->put_count + room->report_count + room->answer_count + room->request_count == 0)
        return NULL;
    room->is_taken = true;
    room->unit = (struct bank_unit){
        .puts = room->puts,
        .put_count = room->put_count,
        .requests = room->requests,
        .request_count = room->request_count,
        .reports = room->reports,
        .report_count = room->report_count,
        .answers = room->answers,
        .answer_count = room->answer_count,
    };
    return &room->unit;
}

void bank_release(struct bank *self, struct bank_unit *unit)
{
    CHECK(unit == &self->unit->unit && self->unit->is_taken);
    self->unit->is_taken = false;
}
