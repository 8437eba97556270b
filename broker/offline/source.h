/* A data directory opened to read, beside a process that serves it or without one. */
#ifndef TELLER_BROKER_OFFLINE_SOURCE_H
#define TELLER_BROKER_OFFLINE_SOURCE_H

#include "actors/ledger/ledger.h"
#include "broker/offline/fault.h"
#include "store/datadir.h"
#include "store/journal.h"

struct source {
    const char *path;
    struct datadir *datadir;
    uint32_t partitions;
    struct journal *journals[LEDGER_PARTITIONS_MAX];
};

/* ERR_CORRUPT: a journal is damaged, and the fault says where; other errors: it cannot be opened, and the fault's
 * `what` is the sentence that says why. Release in either case. */
enum err source_open(struct source *self, const char *path, struct fault *fault) MUST_USE;
void source_release(struct source *self);

/* Words of facts in all journals, now. */
uint64_t source_words(const struct source *self);

/* The exit code that an error ends with: damaged is EXIT_CODE_ERROR, could not be read EXIT_CODE_DATA. */
int source_exit_code(enum err err);

#endif
