/* The states of an account.
 *
 *              freeze
 *     ACTIVE ─────────► FROZEN
 *      ▲ │  ◄─────────   │
 *      │ │   unfreeze    │
 * open │ └──► CLOSED ◄───┘ close (only at zero, with nothing held or on its way)
 *      │
 *    none
 */
#ifndef TELLER_LEDGER_ACCOUNT_STATES_H
#define TELLER_LEDGER_ACCOUNT_STATES_H

#include "actors/base/machine.h"

extern const struct machine ACCOUNT_STATES; /* states: 0, none, and enum account_state */

/* The state that an account fact (FACT_ACCOUNT_OPENED to FACT_ACCOUNT_CLOSED) leads to from `state`. */
uint8_t account_state_after(uint8_t fact_kind, uint8_t state);

#endif
