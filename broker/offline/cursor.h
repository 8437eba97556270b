/* A journal's commits one after another, as a merge of several journals needs them: pulled, not pushed.
 *
 * The journal is walked in bursts, so every commit's hash and chain link has been verified. At the end of the
 * journal the cursor can be asked again: a process that serves may have written more.
 */
#ifndef TELLER_BROKER_OFFLINE_CURSOR_H
#define TELLER_BROKER_OFFLINE_CURSOR_H

#include "store/journal.h"

struct cursor {
    struct journal *journal;
    uint64_t next;  /* where the next burst begins */
    uint8_t *bytes; /* the burst: struct journal_commit, its facts, … */
    size_t length, capacity, at;
};

void cursor_init(struct cursor *self, struct journal *journal, uint64_t position);
void cursor_release(struct cursor *self);

/* The commit is valid until the next call. ERR_NOT_FOUND: the end, for now; ERR_CORRUPT, ERR_VERSION:
 * journal_find_fault says what and where. */
enum err cursor_next(struct cursor *self, struct journal_commit *out) MUST_USE;

#endif
