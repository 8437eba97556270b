/* State machines as tables: which state may follow which.
 *
 * A machine is constant data: names and, for each state, the set of states that may come next, a bit each. The owner of
 * a state changes it through machine_move only, so a move that is not in the table stops the process at the
 * place where it was made. Draw the diagram above the table; test decisions and bytes from outside with
 * machine_allows first. */
#ifndef TELLER_BASE_MACHINE_H
#define TELLER_BASE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum { MACHINE_STATES_MAX = 32 };

struct machine {
    const char *name;
    uint8_t state_count;            /* 1 .. MACHINE_STATES_MAX */
    const char *const *state_names; /* by state */
    const uint32_t *next;           /* by state: bit n is set when state n may follow */
};

#define MACHINE_TO(state) (UINT32_C(1) << (state))

/* false too for states that the machine does not have. */
bool machine_allows(const struct machine *machine, uint8_t from, uint8_t to);

/* CHECKs that the move is allowed; the message names machine and states. */
void machine_move(const struct machine *machine, uint8_t *state, uint8_t to);

/* CHECKs the range. */
const char *machine_state_name(const struct machine *machine, uint8_t state);

#endif
