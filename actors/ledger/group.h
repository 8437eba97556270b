/* Atomic groups as facts and messages hold them.
 *
 *     coordinator: STARTED ─ask every other partition─► VOTED … ─► DECIDED ─tell them─► DONE … ─► ANSWERED
 *     participant: PREPARED or BOUNCED ──────────────────────────► (postings) CLOSED
 *
 * From STARTED or PREPARED to the decision, each partition holds back what its part needs: the amounts to pay
 * are pending, the room to receive is reserved. So the decision to carry it out cannot fail anywhere.
 * A group whose accounts are all in one partition needs only its postings and ANSWERED.
 */
#ifndef TELLER_LEDGER_GROUP_H
#define TELLER_LEDGER_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/fact.h"

/* One row of a group's answer, in DONE, CLOSED and ANSWERED facts. */
struct FACT_PACKED group_row {
    uint8_t code;
    uint8_t field;
    uint8_t has; /* ROW_HAS_FROM, ROW_HAS_TO */
    uint8_t item;
    uint8_t zero[4];
    int64_t from_balance;
    int64_t to_balance;
};

/* The part of fact_check that knows groups: counts and lengths agree. */
enum err group_fact_check(const uint8_t *fact, size_t size) MUST_USE;

#endif
