/* A state store in memory, for tests and the simulator. Deterministic; one thread; nothing but malloc.
 * Closing forgets everything. */
#ifndef TELLER_STORE_STATE_MEMORY_H
#define TELLER_STORE_STATE_MEMORY_H

#include <stdint.h>

#include "store/state.h"

/* NULL: no memory. */
struct state *state_memory_new(void);

/* Another one with the same values. It has no planned failure, and is not stopped. NULL: no memory. */
struct state *state_memory_copy(const struct state *state);

/* The nth apply from now (1: the next one) answers `err` and changes nothing: ERR_FULL, ERR_NO_MEMORY or
 * ERR_IO, and after ERR_IO every later one does too. 0 takes the plan back. */
void state_memory_fail(struct state *state, uint32_t nth, enum err err);

/* As if closed and opened again: applies work again after ERR_IO. */
void state_memory_restart(struct state *state);

/* As if its directory had been deleted: what a partition must survive. */
void state_memory_clear(struct state *state);

/* Damage, which walks and gets must notice. Flips a bit of the values of a table, counted from the first value's first bit;
 * it must be there. */
void state_memory_flip(struct state *state, enum state_table table, size_t bit);

/* The nth value of a table, from 0, is gone, as if its page were an older one. */
void state_memory_lose(struct state *state, enum state_table table, size_t nth);

#endif
