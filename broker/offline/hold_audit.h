/* Holds, judged a second time from the raw facts of one partition, apart from the ledger core.
 *
 * A hold opens in a free slot and ends exactly once. Each step names its opening, its account and its id, and takes out of
 * it just what is there: what is captured, let go and kept is what was held. Only a hold with a time expires, and from
 * that time on it is neither captured nor released. At the end
 * the open ones are those that the core replayed.
 */
#ifndef TELLER_BROKER_OFFLINE_HOLD_AUDIT_H
#define TELLER_BROKER_OFFLINE_HOLD_AUDIT_H

#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

struct audit_hold {
    struct uuid id;
    uint64_t opened;
    int64_t held; /* 0: the slot is free */
    int64_t expires_us;
    uint32_t account;
};

/* All zero is a valid empty one. */
struct hold_audit {
    struct audit_hold *slots;
    uint32_t count, capacity;
};

void hold_audit_release(struct hold_audit *self);

/* For every fact about a hold, in order. ERR_CORRUPT: *what says why it cannot be (static storage). */
enum err hold_audit_fact(struct hold_audit *self, uint64_t position, int64_t time_us, const uint8_t *fact,
                         const char **what) MUST_USE;

/* NULL: the open ones are the core's; else what differs. */
const char *hold_audit_compare(const struct hold_audit *self, const struct ledger *ledger);

#endif
