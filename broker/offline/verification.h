/* Proving a data directory: everything that verify checks, for verify itself and for restore. */
#ifndef TELLER_BROKER_OFFLINE_VERIFICATION_H
#define TELLER_BROKER_OFFLINE_VERIFICATION_H

#include "broker/offline/audit.h"
#include "broker/offline/books.h"
#include "broker/offline/source.h"
#include "broker/offline/state_check.h"

struct verification {
    struct bridge bridge;
    struct audit audits[LEDGER_PARTITIONS_MAX];
    struct books books;
    struct digest digests[LEDGER_PARTITIONS_MAX];
    struct digest digest; /* of the node */
    struct books_total totals[256];
    struct state_check states[LEDGER_PARTITIONS_MAX];
    uint8_t hashes[LEDGER_PARTITIONS_MAX][JOURNAL_HASH_SIZE]; /* of the last commit checked */
    uint64_t in_transit;                                      /* transfers on their way */
    uint64_t words;
};

/* Checks it all, with a progress bar. NULL: no memory. */
struct verification *verification_new(const struct source *source);
enum err verification_run(struct verification *self, struct source *source, struct fault *fault) MUST_USE;
void verification_destroy(struct verification **self_p, const struct source *source);

#endif
