/* The oracle: what should have happened, worked out apart from the engine.
 *
 * It sees what clients send, every commit in the moment in which it is durable, and every answer. It shares with
 * the engine the format of facts and the types of commands, and nothing else: no function of actors/ledger is called.
 *
 * The facts are witnesses of order, not of right: for each fact the oracle works out by itself, from docs/WIRE.md and
 * its own plain books, whether that was the right decision at that point, and what every balance is after it.
 *
 *   I1  postings of a currency sum to zero at every commit, money in transit included
 *   I2  nothing acknowledged is missing; nothing refused is applied; UNKNOWN ends in one outcome
 *   I3  an id is applied once; another payload is CONFLICT; every answer to an id is the same
 *   I4  reservations of open groups sum to pending; each ends once; available never below the limit
 *   I5  its books are the core's, and the core's digest that of its books
 *   I7  positions and chains of accounts have no gap, times never go back
 *   I8  every answer, of reads and histories too, is one that a serial execution in the order of facts could have given,
 *       between the sending of the request and the receiving of the answer
 */
#ifndef TELLER_SIM_CHECK_ORACLE_H
#define TELLER_SIM_CHECK_ORACLE_H

#include "sim/operation.h"
#include "store/journal.h"

struct oracle;

struct oracle_config {
    uint32_t partitions;
    int64_t id_retention_us;
    currency_index base_currency; /* of book values */
    /* The latest time that the clock of a partition has ever shown; NULL: nobody knows. The context is the breaches'. */
    int64_t (*clock_us)(void *context, uint32_t partition);
};

/* What is wrong. The first one counts; the oracle goes on as well as it can. */
struct breach {
    const char *invariant; /* "I3"; static storage */
    uint64_t operation;    /* its number; 0: none */
    uint32_t partition;    /* UINT32_MAX: none */
    char text[400];
};

typedef void breach_fn(void *context, const struct breach *breach);

struct oracle *oracle_new(const struct oracle_config *config, breach_fn *breach, void *context);
void oracle_destroy(struct oracle **self_p);

/* All times are true time: the world's clock. That of a partition is in its commits. */

/* An operation is about to be sent for the first time. It is kept by reference until oracle_forget. */
void oracle_sent(struct oracle *self, int64_t now_us, const struct operation *operation);

/* A commit has become durable: all commits of a partition, once each, in order. Those that nobody was told of (their outcome was
 * unknown, and a restart has found them) too. */
void oracle_commit(struct oracle *self, int64_t now_us, uint32_t partition,
                   const struct journal_commit *commit);

/* The partition has been started again, and all that it found has been told. */
void oracle_restarted(struct oracle *self, uint32_t partition);

/* A reply has come, to an attempt that was sent at sent_us. May come several times for one operation. */
void oracle_answer(struct oracle *self, int64_t sent_us, int64_t now_us, const struct operation *operation,
                   const struct answer *answer);

/* No reply to it is looked at any more. The operation may be freed. What it asked for may still happen. */
void oracle_forget(struct oracle *self, const struct operation *operation);

/* The core of a partition, as it has evolved from exactly the commits that the oracle was told of. */
void oracle_compare(struct oracle *self, uint32_t partition, const struct ledger *ledger);

/* All faults have ended and all is answered: nothing may be on its way, reserved or open any more. */
void oracle_settled(struct oracle *self);

/* The books' digest, over all partitions: equal for equal histories. */
uint64_t oracle_digest(const struct oracle *self);

struct oracle_counts {
    uint64_t commits, facts, commands, refusals, answers, reads_checked, repeats, conflicts, crossings,
        groups;
};
void oracle_counts(const struct oracle *self, struct oracle_counts *out);

#endif
