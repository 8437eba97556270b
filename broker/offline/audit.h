/* The books of one partition, kept a second time from its raw facts: the checker that is written apart from the
 * ledger core. It shares with it the shape of facts (fact.h) and nothing that decides or evolves.
 *
 * Checked at every fact: the account was opened here and belongs here; both accounts have one currency; the amount
 * is one; both balances after it are those of these books; both previous positions are those accounts' last facts;
 * each kind stands between accounts of the right role; who pays or receives is active, has the money, keeps to
 * its limits; link numbers and groups follow (tally.h); what crosses partitions agrees with the other
 * side (bridge.h); proposals are decided by two persons and posted as approved (proposal_audit.h);
 * holds hold what they say, and end once (hold_audit.h); quotes follow from rates, serve one exchange, and are what it
 * posts (desk_audit.h); remittances move as their states may, and their money with them (remittance_audit.h). At every commit: sums of each
 * currency are zero, and the house remittance accounts hold what is between two steps. At the end: each id was answered once
 * (id_sort.h), and these books agree with those that the core replayed.
 *
 * Memory: 48 bytes an account.
 */
#ifndef TELLER_BROKER_OFFLINE_AUDIT_H
#define TELLER_BROKER_OFFLINE_AUDIT_H

#include "actors/ledger/ledger.h"
#include "broker/offline/bridge.h"
#include "broker/offline/desk_audit.h"
#include "broker/offline/fault.h"
#include "broker/offline/hold_audit.h"
#include "broker/offline/id_sort.h"
#include "broker/offline/proposal_audit.h"
#include "broker/offline/remittance_audit.h"
#include "broker/offline/tally.h"
#include "store/journal.h"

enum audit_role {
    AUDIT_CUSTOMER,
    AUDIT_CASH,
    AUDIT_TRANSIT,
    AUDIT_FX,
    AUDIT_SPREAD,
    AUDIT_RESIDUE,
    AUDIT_BANK,
    AUDIT_REMITTANCE,
    AUDIT_ROLE_COUNT
};

struct audit_account {
    int64_t balance, minimum, ceiling;
    uint64_t last;
    uint64_t id_hash;
    currency_index currency;
    uint8_t state; /* enum account_state */
    uint8_t role;  /* enum audit_role */
};

struct audit {
    uint32_t partition, partitions;
    struct tally tally;
    struct bridge *bridge;
    struct id_sort ids;
    struct proposal_audit proposals;
    struct hold_audit holds;
    struct desk_audit desk;
    struct remittance_audit remittances;
    currency_index base; /* of book values */
    struct audit_account *accounts;
    uint32_t count, capacity;
    __int128 sums[AUDIT_ROLE_COUNT][256]; /* of postings, by role and currency */
    uint64_t commits, facts, postings;
    uint64_t customers;
    uint64_t sequence, position; /* of the fact being checked */
    uint64_t end_position;       /* after the last commit */
    int64_t time_us;
};

/* base: the currency of book values. */
void audit_init(struct audit *self, uint32_t partition, uint32_t partitions, currency_index base,
                struct bridge *bridge);
void audit_release(struct audit *self);

enum err audit_commit(struct audit *self, const struct journal_commit *commit, struct fault *fault) MUST_USE;

/* After the last commit. */
enum err audit_ids(struct audit *self, int64_t retention_us, struct fault *fault) MUST_USE;
enum err audit_compare(const struct audit *self, const struct ledger *ledger, struct fault *fault) MUST_USE;

/* Over all partitions: what stands in transit accounts is what is open between them; half-done items belong to
 * groups that are open. */
enum err audit_transit(const struct audit *audits, uint32_t partitions, uint64_t *open,
                       struct fault *fault) MUST_USE;

#endif
