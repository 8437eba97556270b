/* What a reply does to its job. docs of the phases and verdicts: rail.h.
 *
 * A reply that did not arrive is not shown to the rail: NOT_SENT means that nothing was sent, LOST that nobody knows. */
#include "actors/bank/core.h"

/* The same request again, as soon as it may be. */
static void again(struct bank *self, struct job *job)
{
    queue_push_front(self, job);
}

/* Nothing was worked on: the same again after 1 s, 2 s, and then no more. */
static void try_again(struct bank *self, struct job *job, const char *reason)
{
    job_reason(job, reason);
    if (++job->tries >= CORE_TRIES_MAX) {
        MARK("a call ends after three tries, nothing was sent");
        job_finish(self, job, BANK_FAILED, false, job->reason);
        return;
    }
    job->steps = 0;
    inquiry_after(self, job, self->now_us + job->tries * SECOND_US);
}

/* Nobody knows: the ledger hears it once, and the job is asked about. */
static void unknown(struct bank *self, struct job *job, const char *reason)
{
    job_reason(job, reason);
    if (!job->is_unknown)
        job_tell(self, job);
    job->is_unknown = true;
    inquiry_next(self, job);
}

/* false: it was refused too often. */
static bool renew(struct bank *self, struct place *place, struct job *job)
{
    token_refused(place, job);
    if (++job->token_tries > CORE_TOKEN_TRIES_MAX) {
        MARK("a bank refuses one token after the other");
        return false;
    }
    again(self, job);
    return true;
}

static void later(struct bank *self, struct place *place, struct job *job, int64_t retry_after_s)
{
    MARK("a bank says later");
    queue_later(self, place, retry_after_s);
    again(self, job);
}

static void go_on(struct bank *self, struct job *job)
{
    job->tries = 0;
    job->token_tries = 0;
    again(self, job);
}

static void prepare_answered(struct bank *self, struct place *place, struct job *job,
                             const struct rail_verdict *verdict)
{
    switch (verdict->result) {
    case RAIL_GO_ON:
        if (job->steps >= CORE_STEPS_MAX)
            break;
        if (job->rail.phase != RAIL_PREPARE)
            job->steps = 0;
        go_on(self, job);
        return;
    case RAIL_FAILED:
        job_finish(self, job, BANK_FAILED, verdict->is_permanent, verdict->reason);
        return;
    case RAIL_NO_TOKEN:
        if (!renew(self, place, job))
            job_finish(self, job, BANK_FAILED, false, verdict->reason);
        return;
    case RAIL_LATER:
        later(self, place, job, verdict->retry_after_s);
        return;
    case RAIL_SUCCEEDED:
    case RAIL_UNKNOWN:
    case RAIL_NOT_FOUND:
        break;
    }
    try_again(self, job, verdict->reason);
}

/* Refused before anything was worked on: the same may be sent again. */
static bool is_not_worked_on(const struct rail_verdict *verdict, enum rail_arrival arrival)
{
    return arrival == RAIL_NOT_SENT || verdict->result == RAIL_NO_TOKEN || verdict->result == RAIL_LATER;
}

static void pay_refused(struct bank *self, struct place *place, struct job *job,
                        const struct rail_verdict *verdict, enum rail_arrival arrival)
{
    job->rail.sent_us = 0;
    job->is_changed = true;
    if (arrival == RAIL_NOT_SENT)
        try_again(self, job, verdict->reason);
    else if (verdict->result == RAIL_LATER)
        later(self, place, job, verdict->retry_after_s);
    else if (!renew(self, place, job))
        job_finish(self, job, BANK_FAILED, false, verdict->reason);
}

static void pay_answered(struct bank *self, struct job *job, const struct rail_verdict *verdict)
{
    job->steps = 0;
    switch (verdict->result) {
    case RAIL_SUCCEEDED:
        job_finish(self, job, BANK_SUCCEEDED, false, "");
        return;
    case RAIL_FAILED:
        job_finish(self, job, BANK_FAILED, verdict->is_permanent, verdict->reason);
        return;
    case RAIL_GO_ON:
        go_on(self, job);
        return;
    case RAIL_UNKNOWN:
    case RAIL_NOT_FOUND:
    case RAIL_NO_TOKEN:
    case RAIL_LATER:
        break;
    }
    unknown(self, job, verdict->reason);
}

static void inquiry_answered(struct bank *self, struct place *place, struct job *job,
                             const struct rail_verdict *verdict)
{
    switch (verdict->result) {
    case RAIL_SUCCEEDED:
        job_finish(self, job, BANK_SUCCEEDED, false, "");
        return;
    case RAIL_FAILED:
        job_finish(self, job, BANK_FAILED, verdict->is_permanent, verdict->reason);
        return;
    case RAIL_GO_ON:
        if (job->steps >= CORE_STEPS_MAX)
            break;
        go_on(self, job);
        return;
    case RAIL_NO_TOKEN:
        if (!renew(self, place, job))
            break;
        return;
    case RAIL_LATER:
        later(self, place, job, verdict->retry_after_s);
        return;
    case RAIL_NOT_FOUND:
        if (!inquiry_grace_is_over(self, job))
            break;
        MARK("a bank does not know a payment, long after it was sent");
        job_finish(self, job, BANK_FAILED, false, "not executed: the bank does not know it");
        return;
    case RAIL_UNKNOWN:
        break;
    }
    unknown(self, job, verdict->reason);
}

/* ---- the reply ------------------------------------------------------------------------------------------ */

/* Once the request that moves money has left, no other does: whatever the rail says, the job is asked about. */
static void keep_phase(struct bank *self, struct job *job, const struct rail_job *before, bool is_same_again)
{
    struct rail_job *rail = &job->rail;
    if (is_same_again) {
        rail->phase = before->phase;
        rail->stage = before->stage;
    } else if (before->phase != RAIL_PREPARE && rail->phase != RAIL_INQUIRE) {
        rail->phase = RAIL_INQUIRE;
        rail->stage = 0;
    }
    if (before->phase == RAIL_PREPARE && rail->phase == RAIL_INQUIRE)
        job->grace_from_us = self->seen_us;
    if (memcmp(before, rail, sizeof *rail) != 0)
        job->is_changed = true;
    job_renamed(self, job, before->resource);
    job_counted(self, job, before->phase);
}

static void ask_rail(struct bank *self, struct place *place, struct job *job, const struct rail_reply *reply,
                     struct rail_verdict *verdict)
{
    if (reply->arrival == RAIL_ARRIVED) {
        place->rail->answer(place->own, &job->rail, reply, self->now_us, verdict);
    } else {
        verdict->result = RAIL_UNKNOWN;
        verdict->is_trouble = true;
        bank_copy_text(verdict->reason, sizeof verdict->reason,
                       reply->arrival == RAIL_NOT_SENT ? "the bank could not be reached" : "no answer");
    }
}

void answer_job(struct bank *self, struct place *place, struct job *job, uint64_t request,
                const struct rail_reply *reply)
{
    struct rail_verdict verdict = {.result = RAIL_UNKNOWN, .retry_after_s = -1};
    struct rail_job before;
    memcpy(&before, &job->rail, sizeof before);
    ask_rail(self, place, job, reply, &verdict);
    if (verdict.is_trouble)
        circuit_trouble(place, request, self->now_us);
    else
        circuit_good(place, request);
    if (verdict.result != RAIL_LATER)
        place->laters = 0;
    bool is_refused = is_not_worked_on(&verdict, reply->arrival);
    bool is_same_again = is_refused || (before.phase == RAIL_PREPARE && verdict.result != RAIL_GO_ON);
    keep_phase(self, job, &before, is_same_again);
    if (before.phase == RAIL_PREPARE)
        prepare_answered(self, place, job, &verdict);
    else if (before.phase == RAIL_INQUIRE)
        inquiry_answered(self, place, job, &verdict);
    else if (is_refused)
        pay_refused(self, place, job, &verdict, reply->arrival);
    else
        pay_answered(self, job, &verdict);
}

void bank_reply(struct bank *self, int64_t now_us, uint64_t request, const struct rail_reply *reply)
{
    CHECK(self->is_recovered);
    core_now(self, now_us);
    uint32_t at = self->flight_count > 0 ? (uint32_t)(request % self->flight_count) : 0;
    if (self->flight_count == 0 || request == 0 || self->flights[at].number != request) {
        MARK("a reply that nobody waits for");
        return;
    }
    struct flight flight = self->flights[at];
    struct place *place = &self->banks[flight.bank];
    queue_landed(self, &self->flights[at]);
    if (flight.is_money)
        job_at(self, flight.job)->grace_from_us = self->seen_us;
    if (flight.job == SLOT_NONE)
        token_answered(self, place, flight.token, request, reply);
    else
        answer_job(self, place, job_at(self, flight.job), request, reply);
}
