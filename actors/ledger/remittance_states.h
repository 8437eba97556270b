/* The states of a remittance: money from a payer's bank account to ours, and on to a payee's.
 *
 *   REQUESTED ─► PULLING ─► PULLED ─► DEPOSITED ─► WITHDRAWN ─► PUSHING ─► COMPLETED
 *                  bank      posting    posting      posting       bank
 *
 * Each step (pull, deposit, withdrawal, push, refund) can be in trouble in the same ways:
 *
 *   at a bank      ─ING ──────► _UNKNOWN     the bank's answer is lost or is not final: it is asked what happened, for as long
 *                     ▲            │         as it takes; nothing is sent a second time
 *                     │            ▼
 *   refused        _WAITING ◄── refused      this try has failed for good: the next is due a little later, as a new call
 *                     │ no tries left
 *                     ▼
 *   listed         _FAILED                   on the step's failure list: the retry batch, or an operator, begins a new round
 *                     │ no rounds left, or a refusal that will stay
 *                     ▼
 *   given up       pull: FAILED (nothing has moved) · deposit and push: REFUNDING, or DEAD_LETTER where the
 *                  policy says operator · withdrawal and refund: DEAD_LETTER
 *
 *   ends           COMPLETED   the payee has the money
 *                  REFUNDED    the payer has it again, by the rail
 *                  FAILED      the pull never happened
 *                  CANCELLED   by an operator, where nothing was at a bank: nothing moved, or the money is in the account
 *                  RESOLVED    by an operator, with a reason, from a list
 *
 * Once the bank has contradicted itself, what is _WAITING or would be goes to _FAILED, and stays there until an operator acts.
 *
 * Where the money is follows from the state (remittance_money). While it is CLEARING it stands in the house remittance account, so
 * that account's balance is the sum of the amounts of the remittances in such states: an invariant.
 */
#ifndef TELLER_LEDGER_REMITTANCE_STATES_H
#define TELLER_LEDGER_REMITTANCE_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/machine.h"

/* Journaled: only append. */
enum remittance_state {
    REMITTANCE_REQUESTED = 1,
    REMITTANCE_PULLING = 2,
    REMITTANCE_PULL_UNKNOWN = 3,
    REMITTANCE_PULL_WAITING = 4,
    REMITTANCE_PULL_FAILED = 5,
    REMITTANCE_PULLED = 6,
    REMITTANCE_DEPOSIT_WAITING = 7,
    REMITTANCE_DEPOSIT_FAILED = 8,
    REMITTANCE_DEPOSITED = 9,
    REMITTANCE_WITHDRAWAL_WAITING = 10,
    REMITTANCE_WITHDRAWAL_FAILED = 11,
    REMITTANCE_WITHDRAWN = 12,
    REMITTANCE_PUSHING = 13,
    REMITTANCE_PUSH_UNKNOWN = 14,
    REMITTANCE_PUSH_WAITING = 15,
    REMITTANCE_PUSH_FAILED = 16,
    REMITTANCE_REFUNDING = 17,
    REMITTANCE_REFUND_UNKNOWN = 18,
    REMITTANCE_REFUND_WAITING = 19,
    REMITTANCE_REFUND_FAILED = 20,
    REMITTANCE_DEAD_LETTER = 21,
    /* ends */
    REMITTANCE_COMPLETED = 22,
    REMITTANCE_REFUNDED = 23,
    REMITTANCE_FAILED = 24,
    REMITTANCE_CANCELLED = 25,
    REMITTANCE_RESOLVED = 26,
    REMITTANCE_STATE_COUNT
};

/* Journaled: only append. */
enum remittance_step {
    REMITTANCE_STEP_PULL = 1,
    REMITTANCE_STEP_DEPOSIT = 2,
    REMITTANCE_STEP_WITHDRAWAL = 3,
    REMITTANCE_STEP_PUSH = 4,
    REMITTANCE_STEP_REFUND = 5,
};

enum remittance_money {
    REMITTANCE_MONEY_OUTSIDE, /* at the payer's bank, or at the payee's, or on its way between: not in our books */
    REMITTANCE_MONEY_CLEARING, /* in the house remittance account */
    REMITTANCE_MONEY_ACCOUNT,  /* in the remittance's account */
};

extern const struct machine REMITTANCE_STATES; /* states: 0, none, and enum remittance_state */

/* step: where a dead letter stands; nothing else needs it. An end is never CLEARING: a cancelled one is ACCOUNT, unless it was
 * at the pull, and a resolved one wherever its operator has said. Both are told as OUTSIDE. */
enum remittance_money remittance_money(uint8_t state, uint8_t step);

/* A bank has a call of it, or may have. */
bool remittance_is_at_bank(uint8_t state);
/* … and its answer is not known. What is not known has been sent, and is not sent anew. */
bool remittance_is_unknown(uint8_t state);
/* On a failure list, or a dead letter. */
bool remittance_is_listed(uint8_t state);
bool remittance_has_ended(uint8_t state);

/* "pull", "deposit", "withdrawal", "push", "refund" */
const char *remittance_step_name(uint8_t step);

#endif
