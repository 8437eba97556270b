/* When a job is asked about: after 1 s, 2, 4 … to the longest; at once when a callback came. */
#include "actors/bank/core.h"

void inquiry_after(struct bank *self, struct job *job, int64_t due_us)
{
    machine_move(&job_machine, &job->state, JOB_WAITING);
    due_put(self, job, due_us);
}

/* What an inquiry had found in its first stages may be otherwise by now. */
static void begin_anew(struct job *job)
{
    if (job->rail.stage != 0)
        job->is_changed = true;
    job->rail.stage = 0;
}

void inquiry_next(struct bank *self, struct job *job)
{
    CHECK(job->rail.phase == RAIL_INQUIRE);
    const struct bank_limits *limits = &self->banks[job->bank].limits;
    job->steps = 0;
    job->token_tries = 0;
    begin_anew(job);
    if (job->is_hurried) {
        MARK("a callback came while a request was out: it is asked at once");
        job->is_hurried = false;
        queue_push(self, job);
        return;
    }
    int64_t wait_us = limits->inquiry_first_us;
    for (uint32_t i = 0; i < job->rail.inquiries && wait_us < limits->inquiry_max_us; i++)
        wait_us *= 2;
    inquiry_after(self, job,
                  self->now_us + (wait_us < limits->inquiry_max_us ? wait_us : limits->inquiry_max_us));
}

void inquiry_hurry(struct bank *self, struct job *job)
{
    if (job->state == JOB_OUT) {
        MARK("a callback comes while a request is out");
        job->is_hurried = true;
    } else if (job->state == JOB_WAITING && job->rail.phase == RAIL_INQUIRE) {
        MARK("a callback comes while its job waits to be asked about");
        due_remove(self, job);
        queue_push(self, job);
    }
}

/* From the reply to what moves money, or its loss, or a restart: how long it was on its way nobody knows. In time that has been seen to
 * pass: a clock that is set on by an hour does not end it. Counted to the beginning of the inquiry: its first requests may have come too early, however late the last
 * of them is. */
bool inquiry_grace_is_over(const struct bank *self, const struct job *job)
{
    return job->asked_us - job->grace_from_us >= self->banks[job->bank].limits.grace_us;
}
