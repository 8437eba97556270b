/* Remittances, judged a second time from the raw facts of one partition, apart from the ledger core.
 *
 * A remittance is requested in a free slot. Each later fact names its request, the fact before it, and the same id, account and
 * amount; its state may follow the state before (remittance_states.h), and belongs to the step it says. Money moves by postings
 * alone, each from where the money is to where its state says that it is then: so it is paid once, and nothing is paid that was
 * refunded. A call to the bank has the next number and begins with the state that waits for it, when no other may be open. A
 * step is tried again out of a wait, in a new round out of a failure list, and anew when an operator says so. What an operator did
 * names him. An alarm ends with the remittance, a contradiction never. One that has ended may still be noted to be
 * contradicted. At each commit the house remittance account of a currency holds what is in clearing; at the end the open
 * ones are those that the core replayed.
 */
#ifndef TELLER_BROKER_OFFLINE_REMITTANCE_AUDIT_H
#define TELLER_BROKER_OFFLINE_REMITTANCE_AUDIT_H

#include "actors/base/money.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

struct audit_remittance {
    struct uuid id;
    uint64_t requested, last; /* positions of its first and its newest fact */
    int64_t amount;
    uint32_t account;
    currency_index currency;
    uint8_t money;                    /* enum remittance_money: by its postings */
    struct fact_remittance_part part; /* of its newest fact; state 0: the slot is free */
};

/* All zero is a valid empty one. */
struct remittance_audit {
    struct audit_remittance *slots;
    uint32_t count, capacity;
    __int128 clearing[256]; /* by currency: what is between two steps */
};

void remittance_audit_release(struct remittance_audit *self);

/* For every fact about a remittance, in order. accounts: how many have been opened; currency: of the account that the
 * fact names, or of the one that it debits. ERR_CORRUPT: *what says why it cannot be (static storage). */
enum err remittance_audit_fact(struct remittance_audit *self, uint64_t position, uint32_t accounts,
                               currency_index currency, const uint8_t *fact, size_t size,
                               const char **what) MUST_USE;

/* How many have not ended. */
uint32_t remittance_audit_open(const struct remittance_audit *self);

/* NULL: the open ones are the core's; else what differs. */
const char *remittance_audit_compare(const struct remittance_audit *self, const struct ledger *ledger);

#endif
