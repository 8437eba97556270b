/* A thread that waits for the disk, so that the ledger does not. A ledger has two: one appends units to the journal, the
 * other applies the puts of units that are durable to the state store. A writer decides nothing; each job's outcome goes back
 * to the ledger actor. */
#ifndef TELLER_LEDGER_COMMIT_WRITER_H
#define TELLER_LEDGER_COMMIT_WRITER_H

#include <czmq.h>

#include "actors/ledger/shell/commit_job.h"

/* An actor whose pipe takes jobs and gives them back, done, in order. */
zactor_t *commit_writer_new(void);
/* Carries out a job in the calling thread, and says how long it took. */
void commit_writer_run(struct commit_job *job);

void commit_writer_give(zactor_t *writer, struct commit_job *job);
/* NULL: none is done yet. */
struct commit_job *commit_writer_take(zactor_t *writer);

#endif
