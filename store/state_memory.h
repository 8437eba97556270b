/* A state store in memory, for tests and the simulator. Deterministic; one thread; nothing but malloc.
 * Closing forgets everything. */
#ifndef TELLER_STORE_STATE_MEMORY_H
#define TELLER_STORE_STATE_MEMORY_H

#include <stdint.h>

#include "store/state.h"

/* NULL: no memory. */
struct state *state_memory_new(void);

/* The nth apply from now (1: the next one) answers `err` and changes nothing: ERR_FULL, ERR_NO_MEMORY or
 * ERR_IO, and after ERR_IO every later one does too. 0 takes the plan back. */
void state_memory_fail(struct state *state, uint32_t nth, enum err err);

/* As if closed and opened again: applies work again after ERR_IO. */
void state_memory_restart(struct state *state);

/* As if its directory had been deleted: what a partition must survive. */
void state_memory_clear(struct state *state);

#endif
