/* Quotes and exchanges, judged a second time from the raw facts, apart from the ledger core.
 *
 * A quote is what the rates and terms known to its partition make of it. It is used once at most, by one exchange, and not
 * when it had surely expired. An exchange's postings are those of a quote that it used: what is sold leaves the account that
 * the quote is for, what is bought arrives, and spread and residue follow at once. An exchange that is answered has both legs or none.
 *
 * A commit's time is that of its first fact, so a decision may be a little later, never earlier. What had expired, or was stale,
 * at the commit's time was so when it was decided; the other way round nothing is said.
 *
 * Prices are computed by the core's own arithmetic (desk_price.h, tested against exact fractions): what is apart from the core here is
 * which rates were known, and what became of the promise. Owners are not looked at.
 *
 * Memory: of the quotes that are open, and of the exchanges that have begun.
 */
#ifndef TELLER_BROKER_OFFLINE_DESK_AUDIT_H
#define TELLER_BROKER_OFFLINE_DESK_AUDIT_H

#include "actors/ledger/desk.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

/* A quote, open or used. */
struct audit_promise {
    struct audit_promise *next;
    struct uuid key; /* the quote's id; once it is used, the exchange's */
    struct fact_quote quote;
    uint64_t position; /* of the FACT_QUOTED */
    uint32_t partition;
    bool has_begun, has_paid, has_received;
};

/* By key; a key may stand in it more than once. All zero is a valid empty one. */
struct audit_promises {
    struct audit_promise **buckets;
    size_t count, capacity; /* capacity: 0 or a power of two */
};

void audit_promises_release(struct audit_promises *self);

/* Of one partition. All zero is a valid empty one. */
struct desk_audit {
    struct desk desk;
    struct audit_promises open;
    int64_t spread, residue; /* that have to follow an EXCHANGE_IN; 0: none */
    uint32_t house_account;  /* they come from */
    struct uuid leg;         /* their id */
};

void desk_audit_release(struct desk_audit *self);

/* Where a fact stands. */
struct desk_audit_place {
    uint32_t partition;
    uint64_t position;
    int64_t time_us;
    currency_index base;    /* of book values */
    currency_index account; /* QUOTED, postings: of the (debited) account; CURRENCY_NONE: there is none */
};

/* For every fact of the journal, in order. used: quotes in use, of all partitions together; a group's facts come in the order
 * of a timeline. ERR_CORRUPT: *what says why it cannot be (static storage). */
enum err desk_audit_fact(struct desk_audit *self, struct audit_promises *used,
                         const struct desk_audit_place *place, const uint8_t *fact, size_t size,
                         const char **what) MUST_USE;

/* After the last fact of a commit. NULL: fine; else what is missing. */
const char *desk_audit_commit(const struct desk_audit *self);

/* Walks the exchanges that have moved money and were not answered: NULL is before the first and behind the last. */
const struct audit_promise *desk_audit_half_next(const struct audit_promises *used,
                                                 const struct audit_promise *last);

#endif
