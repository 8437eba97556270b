/* Looking in. */
#include "actors/bank/core.h"

uint32_t bank_count(const struct bank *self)
{
    return self->bank_count;
}

static int64_t token_until_us(const struct place *place)
{
    int64_t until_us = 0;
    for (uint32_t i = 0; i < place->rail->token_count; i++) {
        const struct rail_token *token = &place->tokens[i].token;
        if (token->text[0] != '\0' && (until_us == 0 || token->until_us < until_us))
            until_us = token->until_us;
    }
    return until_us;
}

static int64_t retry_us(const struct bank *self, const struct place *place)
{
    int64_t until_us = place->circuit == BANK_CIRCUIT_OPEN ? place->retry_us : 0;
    if (place->later_us > self->now_us && place->later_us > until_us)
        until_us = place->later_us;
    return until_us;
}

void bank_show(const struct bank *self, uint32_t bank, struct bank_view *out)
{
    CHECK(bank < self->bank_count);
    const struct place *place = &self->banks[bank];
    *out = (struct bank_view){
        .name = place->name,
        .rail = place->rail->name,
        .circuit = place->circuit,
        .queued = place->calls_open - place->calls_out,
        .in_flight = place->in_flight,
        .unknown = place->inquiries_open,
        .errors = place->errors,
        .succeeded = place->succeeded,
        .failed = place->failed,
        .requests = place->requests,
        .callbacks = place->callbacks,
        .token_until_us = token_until_us(place),
        .retry_us = retry_us(self, place),
    };
}

static enum bank_job_state shown_state(const struct job *job)
{
    if (job->state == JOB_DONE)
        return BANK_JOB_DONE;
    switch ((enum rail_phase)job->rail.phase) {
    case RAIL_PAY:
        if (job->rail.sent_us != 0)
            return BANK_JOB_SENT;
        return job->is_started ? BANK_JOB_PREPARING : BANK_JOB_QUEUED;
    case RAIL_PREPARE:
        return job->is_started ? BANK_JOB_PREPARING : BANK_JOB_QUEUED;
    case RAIL_INQUIRE:
        return BANK_JOB_ASKING;
    }
    CHECK_UNREACHABLE();
}

size_t bank_jobs(const struct bank *self, struct str bank, uint64_t after, struct bank_job_view *views,
                 size_t limit)
{
    size_t count = 0;
    for (uint32_t slot = self->serials.first; slot != SLOT_NONE && count < limit;) {
        const struct job *job = job_at(self, slot);
        slot = job->links[LINK_SERIAL].next;
        if (job->rail.serial <= after || (bank.length > 0 && !str_equal(bank, str_from(job->rail.call.bank))))
            continue;
        struct bank_job_view *view = &views[count++];
        *view = (struct bank_job_view){
            .serial = job->rail.serial,
            .state = (uint8_t)shown_state(job),
            .job = job->rail,
            .next_us = job->is_in_due ? job->due_us : 0,
        };
        bank_copy_text(view->reason, sizeof view->reason, job->reason);
    }
    return count;
}
