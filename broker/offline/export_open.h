/* What is open where an export ends: learned from all commits before the first line is written.
 *
 * A hold's line stands where the hold was opened and says what is left of it at the end; and an open remittance may keep the
 * export from being made. Steps of holds are judged on the way (hold_audit.h).
 */
#ifndef TELLER_BROKER_OFFLINE_EXPORT_OPEN_H
#define TELLER_BROKER_OFFLINE_EXPORT_OPEN_H

#include "broker/offline/fault.h"
#include "broker/offline/hold_audit.h"
#include "store/journal.h"

/* All zero is a valid empty one. */
struct export_open {
    struct hold_audit holds[LEDGER_PARTITIONS_MAX];
    int64_t proposals, remittances; /* of all partitions */
};

void export_open_release(struct export_open *self);

/* For every commit of a partition, in order. */
enum err export_open_commit(struct export_open *self, uint32_t partition, const struct journal_commit *commit,
                            struct fault *fault) MUST_USE;

/* What is left of the hold that the fact at this position has opened; 0: it has ended. */
int64_t export_open_held(const struct export_open *self, uint32_t partition, uint64_t position,
                         const struct fact_hold *opened);

#endif
