/* Scratch directories for the store's tests, and commits to fill a journal with. */
#ifndef TELLER_TESTS_UNIT_STORE_SCRATCH_H
#define TELLER_TESTS_UNIT_STORE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "store/journal.h"

enum { SCRATCH_PATH_BYTES = 256, SCRATCH_PARTITION = 3 };

/* Makes a fresh directory under TMPDIR (or /tmp); removed with everything in it by scratch_remove. */
void scratch_make(char path[SCRATCH_PATH_BYTES]);
void scratch_remove(const char *path);

/* The bytes of a test commit: they depend on its sequence only. */
void scratch_facts(uint64_t sequence, uint8_t *out, size_t length);

/* Appends the next commit: `length` bytes of facts, at time sequence * 1000, epoch 1. */
enum journal_outcome scratch_append(struct journal *journal, size_t length);

#endif
