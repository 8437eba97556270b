/* A thread that waits for the disk, so that the ledger does not. A ledger has two: one appends units to the journal, the
 * other applies the puts of units that are durable to the state store. A writer decides nothing; each job's outcome goes back
 * to the ledger actor.
 *
 * Small units are not worth the way to another thread and back: commit_writer_run does the same in place. */
#ifndef TELLER_LEDGER_COMMIT_WRITER_H
#define TELLER_LEDGER_COMMIT_WRITER_H

#include <czmq.h>

#include "actors/base/err.h"
#include "actors/ledger/ledger.h"
#include "store/journal.h"
#include "store/state.h"

enum commit_step { COMMIT_APPEND, COMMIT_APPLY };

/* One step of one unit. Belongs to whoever has it: the ledger gives it away and gets it back. */
struct commit_job {
    enum commit_step step;
    struct journal *journal;
    struct state *state;
    struct ledger_unit *unit;
    uint64_t sequence, epoch;
    enum journal_outcome outcome; /* of COMMIT_APPEND */
    enum err err;                 /* of COMMIT_APPLY */
};

/* Carries out the job's step in the calling thread. */
void commit_writer_run(struct commit_job *job);

/* An actor whose pipe takes jobs and gives them back, done, in order. */
zactor_t *commit_writer_new(void);
void commit_writer_give(zactor_t *writer, struct commit_job *job);
/* NULL: none is done yet. */
struct commit_job *commit_writer_take(zactor_t *writer);

#endif
