/* One step of one unit: what waits for the disk. */
#ifndef TELLER_LEDGER_SHELL_COMMIT_JOB_H
#define TELLER_LEDGER_SHELL_COMMIT_JOB_H

#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/ledger.h"
#include "store/journal.h"
#include "store/state.h"

enum commit_step {
    COMMIT_APPEND, /* the unit's facts to the journal */
    COMMIT_APPLY,  /* the unit's puts to the state store */
};

/* Plain data. Belongs to whoever has it: the partition gives it away and gets it back with its outcome. */
struct commit_job {
    enum commit_step step;
    struct journal *journal;
    struct state *state;
    struct ledger_unit *unit;
    uint64_t sequence, epoch;
    enum journal_outcome outcome; /* of COMMIT_APPEND */
    enum err err;                 /* of COMMIT_APPLY */
    uint64_t took_us;             /* by the clock of whoever carried it out; 0: nobody looked */
};

/* Carries out the step, in the calling thread. */
void commit_job_run(struct commit_job *job);

#endif
