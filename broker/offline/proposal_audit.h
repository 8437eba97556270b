/* Proposals, judged a second time from the raw facts of one partition, apart from the ledger core.
 *
 * A proposal opens once and ends at most once; what ends it names its opening and says the same of it. Another
 * operator than the one who proposed approves, and before it expires. An approval is followed at once by just its posting;
 * no posting says that it was proposed without one. At the end the open ones are those that the core replayed.
 */
#ifndef TELLER_BROKER_OFFLINE_PROPOSAL_AUDIT_H
#define TELLER_BROKER_OFFLINE_PROPOSAL_AUDIT_H

#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

struct audit_proposal {
    struct fact_proposal opened;
    uint64_t position;
    uint64_t proposer_hash;
};

/* All zero is a valid empty one. */
struct proposal_audit {
    struct audit_proposal *open;
    uint32_t count, capacity;
    bool awaits; /* the posting of `approved` */
    struct fact_proposal approved;
    uint8_t approved_kind; /* enum fact_kind of the posting */
};

void proposal_audit_release(struct proposal_audit *self);

/* For every fact of the journal, in order, before anything else is made of it. accounts: how many have been opened.
 * ERR_CORRUPT: *what says why it cannot be (static storage). */
enum err proposal_audit_fact(struct proposal_audit *self, uint64_t position, int64_t time_us,
                             uint32_t accounts, const uint8_t *fact, size_t size, const char **what) MUST_USE;

/* NULL: the open ones are the core's; else what differs. */
const char *proposal_audit_compare(const struct proposal_audit *self, const struct ledger *ledger);

#endif
