/* A journal in memory, for tests and the simulator: the same contract and the same hashes as on disk.
 *
 * An append is at once durable. Failures are planned: the nth append from now answers something else.
 * Deterministic; one thread; it needs nothing but malloc. Closing forgets everything.
 */
#ifndef TELLER_STORE_JOURNAL_MEMORY_H
#define TELLER_STORE_JOURNAL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "store/journal.h"

struct journal_memory_options {
    uint32_t partition;
    uint64_t limit_bytes; /* JOURNAL_FULL above it; 0: none */
    bool unknown_is_kept; /* whether a commit that answers JOURNAL_UNKNOWN is there after a restart */
};

enum err journal_memory_new(const struct journal_memory_options *options, struct journal **out) MUST_USE;

/* The nth append from now (1: the next one) answers `outcome`, which is not JOURNAL_OK. One plan at a
 * time: a new one replaces it, and 0 takes it back. */
void journal_memory_fail(struct journal *journal, uint32_t nth, enum journal_outcome outcome);

/* As if closed and opened again: appends work again after JOURNAL_UNKNOWN or JOURNAL_FENCED. */
void journal_memory_restart(struct journal *journal);

/* Changes the room. */
void journal_memory_limit(struct journal *journal, uint64_t limit_bytes);

/* The stored bytes of the commit that holds `position`, header included, to damage them. NULL: there is
 * none. */
uint8_t *journal_memory_bytes(struct journal *journal, uint64_t position, size_t *size);

#endif
