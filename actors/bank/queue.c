/* Who is next at a bank: calls and inquiries in turn, as many at once as it may have, no faster than its rate, not before "later".
 *
 * Two queues. While both have jobs they take turns, and inquiries have at most half of the places. A job that goes on stands in front of
 * those that have not begun. The rate is kept by a time for the next request, from which one may be early by TOLERANCE_US: timers are
 * not exact, and a rate is a promise about seconds. */
#include "actors/bank/core.h"

enum { TOLERANCE_US = 10000, LATER_MAX_S = 3600, LATER_FIRST_S = 1, LATER_LAST_S = 60 };

/* ---- queues --------------------------------------------------------------------------------------------- */

static struct list *queue_of(struct bank *self, const struct job *job)
{
    struct place *place = &self->banks[job->bank];
    return job->rail.phase == RAIL_INQUIRE ? &place->inquiries : &place->calls;
}

/* A new job is QUEUED already. */
static void queued(struct job *job)
{
    if (job->state != JOB_QUEUED)
        machine_move(&job_machine, &job->state, JOB_QUEUED);
}

void queue_push(struct bank *self, struct job *job)
{
    queued(job);
    list_append(self, queue_of(self, job), LINK_TURN, job);
}

void queue_push_front(struct bank *self, struct job *job)
{
    queued(job);
    list_prepend(self, queue_of(self, job), LINK_TURN, job);
}

/* Half of the places, for inquiries while calls wait; one at least. */
static uint32_t inquiry_places(const struct place *place)
{
    return place->limits.parallel > 1 ? place->limits.parallel / 2 : 1;
}

/* The one that tries out a circuit should be an inquiry: it moves no money. */
static struct list *next_queue(struct place *place)
{
    if (place->inquiries.count == 0)
        return place->calls.count > 0 ? &place->calls : NULL;
    if (place->calls.count == 0 || place->circuit == BANK_CIRCUIT_OPEN)
        return &place->inquiries;
    if (place->was_inquiry || place->inquiries_out >= inquiry_places(place)) {
        MARK("calls and inquiries take turns at a bank");
        return &place->calls;
    }
    return &place->inquiries;
}

/* ---- limits --------------------------------------------------------------------------------------------- */

/* From when on something may be sent; INT64_MAX: not before a reply. */
static int64_t open_us(const struct place *place)
{
    if (place->in_flight >= place->limits.parallel || place->circuit == BANK_CIRCUIT_HALF_OPEN)
        return INT64_MAX;
    int64_t from_us = place->later_us;
    if (place->circuit == BANK_CIRCUIT_OPEN && place->retry_us > from_us)
        from_us = place->retry_us;
    if (place->limits.rate_per_s > 0 && place->rate_us - TOLERANCE_US > from_us)
        from_us = place->rate_us - TOLERANCE_US;
    return from_us;
}

bool queue_may_start(const struct bank *self, const struct place *place)
{
    return self->unit->request_count < UNIT_REQUESTS_MAX && self->now_us >= open_us(place) &&
           circuit_allows(place, self->now_us);
}

static void count_rate(struct place *place, int64_t now_us)
{
    uint32_t rate = place->limits.rate_per_s;
    if (rate == 0)
        return;
    if (place->rate_us < now_us)
        place->rate_us = now_us;
    place->rate_us += (SECOND_US + rate - 1) / rate;
}

/* A bank that does not say when, or says "at once", is given longer each time. */
void queue_later(struct bank *self, struct place *place, int64_t retry_after_s)
{
    bool is_news = self->now_us >= place->later_us;
    int64_t wait_s = retry_after_s < LATER_MAX_S ? retry_after_s : LATER_MAX_S;
    if (wait_s <= 0) {
        wait_s = LATER_FIRST_S;
        for (uint32_t i = 0; i < place->laters && wait_s < LATER_LAST_S; i++)
            wait_s *= 2;
        wait_s = wait_s < LATER_LAST_S ? wait_s : LATER_LAST_S;
    }
    place->laters += is_news;
    if (self->now_us + wait_s * SECOND_US > place->later_us)
        place->later_us = self->now_us + wait_s * SECOND_US;
}

int64_t queue_due_us(const struct bank *self)
{
    int64_t due_us = INT64_MAX;
    for (uint32_t i = 0; i < self->bank_count; i++) {
        const struct place *place = &self->banks[i];
        int64_t from_us = open_us(place);
        int64_t work_us = place->calls.count + place->inquiries.count > 0 ? INT64_MIN : token_due_us(place);
        if (from_us < work_us)
            from_us = work_us;
        if (from_us < due_us)
            due_us = from_us;
    }
    return due_us;
}

/* ---- requests ------------------------------------------------------------------------------------------- */

struct bank_request *queue_request(struct bank *self, struct place *place, struct job *job, uint32_t token,
                                   struct flight **out)
{
    struct unit_room *room = self->unit;
    CHECK(self->free_flight_count > 0 && room->request_count < UNIT_REQUESTS_MAX);
    uint32_t at = self->free_flights[--self->free_flight_count];
    struct flight *flight = &self->flights[at];
    *flight = (struct flight){
        .number = ++self->last_request * self->flight_count + at,
        .bank = (uint32_t)(place - self->banks),
        .job = job != NULL ? job->slot : SLOT_NONE,
        .token = token,
        .is_inquiry = job != NULL && job->rail.phase == RAIL_INQUIRE,
    };
    *out = flight;
    struct bank_request *request = &room->request_room[room->request_count];
    room->requests[room->request_count++] = request;
    request->http.method = "";
    request->http.header_count = request->http.length = 0;
    request->http.url[0] = request->http.body[0] = '\0';
    request->number = flight->number;
    request->bank = flight->bank;
    request->timeout_ms = place->limits.ask_timeout_ms;
    request->is_repeatable = true;
    place->in_flight++;
    place->inquiries_out += flight->is_inquiry;
    place->calls_out += job != NULL && !flight->is_inquiry;
    place->requests++;
    count_rate(place, self->now_us);
    circuit_started(place, flight->number);
    return request;
}

void queue_landed(struct bank *self, struct flight *flight)
{
    struct place *place = &self->banks[flight->bank];
    place->in_flight--;
    place->inquiries_out -= flight->is_inquiry;
    place->calls_out -= flight->job != SLOT_NONE && !flight->is_inquiry;
    flight->number = 0;
    self->free_flights[self->free_flight_count++] = (uint32_t)(flight - self->flights);
}

static void put_row(struct bank *self, struct job *job)
{
    uint8_t key[ROW_JOB_KEY];
    struct call_key call = call_key_of(&job->rail.call);
    row_job_key(&call, key);
    struct bank_put *put = unit_put(self, BANK_TABLE_JOBS, key, sizeof key);
    unit_value_end(self, put, row_job_pack(job, unit_value(self)));
    job->is_row = true;
    job->is_changed = false;
}

/* What has to be durable before the request of a job leaves. */
static void prepare_row(struct bank *self, struct job *job)
{
    struct rail_job *rail = &job->rail;
    if (rail->phase == RAIL_PAY) {
        rail->sent_us = self->now_us;
        job->is_changed = true;
    }
    if (rail->phase == RAIL_INQUIRE && job->steps == 0) {
        rail->inquiries++;
        job->asked_us = self->seen_us;
    }
    if (rail->phase != RAIL_PREPARE && (job->is_changed || !job->is_row))
        put_row(self, job);
}

/* A rail may send again, instead of asking, what its bank takes for the first. */
static bool moves_money(const struct place *place, const struct job *job, const struct rail_request *http)
{
    return job->rail.phase == RAIL_PAY ||
           (job->rail.phase == RAIL_INQUIRE && place->rail->repeatable_us > 0 &&
            !core_text_equal(http->method, "GET"));
}

static void start(struct bank *self, struct place *place, struct job *job)
{
    struct flight *flight;
    const char *token = "";
    prepare_row(self, job);
    job->steps++;
    job->is_started = true;
    machine_move(&job_machine, &job->state, JOB_OUT);
    struct bank_request *request = queue_request(self, place, job, 0, &flight);
    if (job->token != CORE_NO_TOKEN)
        token = place->tokens[job->token].token.text;
    place->rail->ask(place->own, &job->rail, token, self->now_us, &request->http);
    flight->is_money = moves_money(place, job, &request->http);
    request->is_repeatable = !flight->is_money;
    if (flight->is_money)
        request->timeout_ms = place->limits.timeout_ms;
}

/* false: it waits for its token. */
static bool use_token(struct bank *self, struct place *place, struct job *job)
{
    int token = place->rail->token_of(place->own, &job->rail);
    job->token = token < 0 ? CORE_NO_TOKEN : (uint8_t)token;
    if (token < 0)
        return true;
    CHECK((uint32_t)token < place->rail->token_count);
    struct token *used = &place->tokens[token];
    if (!token_is_good(place, (uint32_t)token, self->now_us)) {
        token_wait(self, place, (uint32_t)token, job);
        return false;
    }
    used->is_wanted = self->now_us >= used->renew_us;
    job->token_number = used->number;
    return true;
}

static void fill_from(struct bank *self, struct place *place)
{
    while (queue_may_start(self, place)) {
        struct list *queue = next_queue(place);
        if (queue == NULL)
            break;
        struct job *job = job_at(self, queue->first);
        list_remove(self, queue, LINK_TURN, job);
        if (use_token(self, place, job)) {
            place->was_inquiry = job->rail.phase == RAIL_INQUIRE;
            start(self, place, job);
        }
        token_fill_unit(self, place);
    }
}

void queue_fill_unit(struct bank *self)
{
    for (uint32_t i = 0; i < self->bank_count; i++) {
        struct place *place = &self->banks[(self->turn + i) % self->bank_count];
        token_fill_unit(self, place);
        fill_from(self, place);
    }
    if (self->bank_count > 0)
        self->turn = (self->turn + 1) % self->bank_count;
}
