/* Invariants: what bank.h promises, as far as the state shows it. */
#include "actors/bank/core.h"

struct seen {
    uint32_t jobs, due, told, out;
    uint32_t in_calls[BANK_BANKS_MAX], in_inquiries[BANK_BANKS_MAX], in_tokens[BANK_BANKS_MAX];
    uint32_t calls_open[BANK_BANKS_MAX], inquiries_open[BANK_BANKS_MAX];
};

static void check_row(const struct job *job)
{
    uint8_t phase = job->rail.phase;
    bool is_paying = phase == RAIL_PAY && (job->state == JOB_OUT || job->rail.sent_us != 0);
    CHECK(!is_paying || job->is_row);
    CHECK(!(phase == RAIL_INQUIRE && job->state == JOB_OUT) || job->is_row);
    CHECK(!job->is_end_put || (job->state == JOB_DONE && job->is_row));
    CHECK((job->outcome != 0) == (job->state == JOB_DONE));
}

static void check_job(const struct bank *self, const struct job *job, struct seen *seen)
{
    const struct rail_job *rail = &job->rail;
    CHECK(slots_at(&self->jobs, job->slot) == job);
    struct call_key key = call_key_of(&rail->call);
    CHECK(job_find(self, &key) == job);
    CHECK(rail->phase >= RAIL_PREPARE && rail->phase <= RAIL_INQUIRE && rail->serial < self->next_serial);
    CHECK(job->is_in_due == (job->state == JOB_WAITING || job->state == JOB_DONE));
    CHECK(!job->is_in_due || self->dues[job->due_at].slot == job->slot);
    CHECK(job->bank != SLOT_NONE || job->state == JOB_DONE || job->state == JOB_STRANDED);
    check_row(job);
    seen->jobs++;
    seen->due += job->is_in_due;
    seen->told += job->is_in_tell;
    seen->out += job->state == JOB_OUT;
    if (job->bank == SLOT_NONE || job->state == JOB_DONE)
        return;
    bool is_inquiry = rail->phase == RAIL_INQUIRE;
    seen->calls_open[job->bank] += !is_inquiry;
    seen->inquiries_open[job->bank] += is_inquiry;
    seen->in_calls[job->bank] += job->state == JOB_QUEUED && !is_inquiry;
    seen->in_inquiries[job->bank] += job->state == JOB_QUEUED && is_inquiry;
    seen->in_tokens[job->bank] += job->state == JOB_TOKEN;
}

static void check_place(const struct bank *self, uint32_t index, const struct seen *seen)
{
    const struct place *place = &self->banks[index];
    uint32_t in_flight = 0, calls = 0, inquiries = 0, tokens = 0, waiting = 0;
    bool has_probe = false;
    for (uint32_t i = 0; i < self->flight_count; i++) {
        const struct flight *flight = &self->flights[i];
        if (flight->number == 0 || flight->bank != index)
            continue;
        in_flight++;
        tokens += flight->job == SLOT_NONE;
        inquiries += flight->is_inquiry;
        calls += flight->job != SLOT_NONE && !flight->is_inquiry;
        has_probe |= flight->number == place->probe;
        CHECK(flight->job == SLOT_NONE || job_at(self, flight->job)->state == JOB_OUT);
    }
    CHECK(in_flight == place->in_flight && in_flight <= place->limits.parallel);
    CHECK(calls == place->calls_out && inquiries == place->inquiries_out);
    CHECK(has_probe == (place->circuit == BANK_CIRCUIT_HALF_OPEN));
    for (uint32_t i = 0; i < RAIL_TOKENS_MAX; i++) {
        waiting += place->tokens[i].waiting.count;
        tokens -= place->tokens[i].is_out;
    }
    CHECK(tokens == 0 && waiting == seen->in_tokens[index]);
    CHECK(place->calls.count == seen->in_calls[index] && place->inquiries.count == seen->in_inquiries[index]);
    CHECK(place->calls_open == seen->calls_open[index]);
    CHECK(place->inquiries_open == seen->inquiries_open[index]);
}

void bank_check(const struct bank *self)
{
    struct seen seen = {0};
    uint64_t last = 0;
    uint32_t flights = 0;
    for (uint32_t slot = self->serials.first; slot != SLOT_NONE;) {
        const struct job *job = job_at(self, slot);
        CHECK(job->rail.serial > last);
        last = job->rail.serial;
        check_job(self, job, &seen);
        slot = job->links[LINK_SERIAL].next;
    }
    for (uint32_t i = 0; i < self->flight_count; i++)
        flights += self->flights[i].number != 0 && self->flights[i].job != SLOT_NONE;
    CHECK(seen.jobs == self->jobs.count && seen.jobs == self->by_call.count &&
          seen.jobs == self->by_id.count);
    CHECK(seen.due == self->due_count && due_in_order(self) && seen.told == self->tells.count);
    CHECK(seen.out == flights && self->kept.count == self->kept_by_call.count);
    CHECK(self->events.count == self->events_by_key.count && self->next_serial <= self->serial_end);
    for (uint32_t i = 0; i < self->bank_count; i++)
        check_place(self, i, &seen);
}
