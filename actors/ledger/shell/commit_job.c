#include "actors/ledger/shell/commit_job.h"

#include "actors/ledger/shell/recovery.h"

void commit_job_run(struct commit_job *job)
{
    const struct ledger_unit *unit = job->unit;
    if (job->step == COMMIT_APPLY) {
        job->err = recovery_apply(job->state, unit);
        return;
    }
    const struct journal_commit commit = {
        .sequence = job->sequence,
        .epoch = job->epoch,
        .position = unit->position,
        .time_us = unit->time_us,
        .fact_count = unit->fact_count,
        .facts = unit->facts,
        .length = unit->length,
    };
    job->outcome = journal_append(job->journal, &commit);
}
