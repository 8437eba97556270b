/* The states of a proposal.
 *
 *                        another operator approves
 *     none ──► PROPOSED ───────────────────────────► APPROVED   (and its posting, in the same commit)
 *                 │ │      any operator rejects
 *                 │ └──────────────────────────────► REJECTED
 *                 │        its time has come
 *                 └────────────────────────────────► EXPIRED
 */
#ifndef TELLER_LEDGER_PROPOSAL_STATES_H
#define TELLER_LEDGER_PROPOSAL_STATES_H

#include "actors/base/code.h"
#include "actors/base/machine.h"

extern const struct machine PROPOSAL_STATES; /* states: 0, none, and enum proposal_state */

/* The state that a proposal fact (FACT_PROPOSED to FACT_PROPOSAL_EXPIRED) leads to. */
uint8_t proposal_state_after(uint8_t fact_kind);

/* What is answered to a step on a proposal that has ended so. CODE_OK: it is open. */
enum code proposal_state_code(uint8_t state);

#endif
