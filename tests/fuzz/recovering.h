/* A core that comes back from bytes that may be damaged. */
#ifndef TELLER_TESTS_FUZZ_RECOVERING_H
#define TELLER_TESTS_FUZZ_RECOVERING_H

#include <stdbool.h>

#include "tests/fuzz/history.h"

/* Recovers as the shell does, and returns what that answered. CHECKs: it is an answer that recovery may give; after
 * ERR_OK every invariant holds and, if asked (works), the core does its work; all memory comes back. state: NULL for none. */
enum err recovering_run(uint32_t partition, const struct history_journal *journal,
                        const struct history_state *state, bool works) MUST_USE;

#endif
