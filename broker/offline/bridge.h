/* What partitions have asked of each other, matched one by one: the check that no money is made or lost between
 * partitions, written apart from the ledger core.
 *
 * The timeline shows a request before it is processed, and an answer before it is taken. So for each pair the
 * open requests stand in one queue, the answers not yet taken in another, and each step is compared with the
 * front or the end of a queue: same id, amount, currency, accounts and texts; the answer that was given is the one
 * that was taken. What is left at the end is what is on its way.
 *
 * Memory: of what is open at one moment.
 */
#ifndef TELLER_BROKER_OFFLINE_BRIDGE_H
#define TELLER_BROKER_OFFLINE_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/money.h"
#include "actors/base/uuid.h"
#include "actors/ledger/ledger.h"
#include "actors/ledger/link.h"
#include "broker/offline/desk_audit.h"

enum { BRIDGE_LEG_BUCKETS = 4096 };

/* A request as its source's journal has it; at its target, what of it the target's fact repeats. */
struct bridge_request {
    uint8_t kind; /* enum link_kind */
    uint8_t code; /* DECIDE */
    currency_index currency;
    uint32_t debit;    /* account at the source */
    uint64_t position; /* at the source */
    int64_t amount;
    uint64_t texts; /* hash of both account ids, memo and reference */
    struct uuid id;
};

struct bridge_answer {
    uint8_t code;
    int64_t value; /* CREDIT: the balance after it */
};

struct bridge_queue {
    uint8_t *slots;
    size_t size, count, first, capacity; /* capacity: 0 or a power of two */
};

struct bridge_link {
    struct bridge_queue requests; /* made, not resolved */
    struct bridge_queue answers;  /* processed, not resolved: of the oldest requests */
};

/* Half of an item of a group: paid by one partition, not yet received by the other, or the other way round. */
struct bridge_leg {
    struct bridge_leg *next;
    struct uuid id;
    uint32_t from, to;
    currency_index currency;
    bool is_sent;
    int64_t amount;
};

struct bridge {
    uint32_t partitions;
    struct bridge_link *links; /* source * partitions + target */
    struct bridge_leg *legs[BRIDGE_LEG_BUCKETS];
    size_t leg_count;
    struct audit_promises exchanges; /* quotes in use; desk_audit.h keeps them */
};

/* false: no memory. */
bool bridge_init(struct bridge *self, uint32_t partitions);
void bridge_release(struct bridge *self);

/* Each step: ERR_CORRUPT with *what (static storage), or ERR_NO_MEMORY. */
enum err bridge_made(struct bridge *self, uint32_t source, uint32_t target,
                     const struct bridge_request *request) MUST_USE;

/* The target has processed the next request of the source. bounced: its fact tells nothing but the kind. */
enum err bridge_processed(struct bridge *self, uint32_t source, uint32_t target,
                          const struct bridge_request *seen, bool bounced, const struct bridge_answer *answer,
                          const char **what) MUST_USE;

/* The source has taken the oldest answer. `seen` is what its fact says of the request and of the answer; where
 * it does not say, the value is that of the request: see bridge_oldest. */
enum err bridge_resolved(struct bridge *self, uint32_t source, uint32_t target,
                         const struct bridge_request *seen, const struct bridge_answer *answer,
                         const char **what) MUST_USE;

/* The request that the next answer is for; NULL: none is open. */
const struct bridge_request *bridge_oldest(const struct bridge *self, uint32_t source, uint32_t target);
const struct bridge_answer *bridge_oldest_answer(const struct bridge *self, uint32_t source, uint32_t target);

/* One side of an item of a group across partitions. */
enum err bridge_leg(struct bridge *self, const struct bridge_leg *leg, const char **what) MUST_USE;

/* What is open: transfers whose credit is not made (nor given back), and the sum by currency of what stands in
 * transit accounts for them and for half-done groups. */
uint64_t bridge_in_transit(const struct bridge *self, __int128 sums[256]);

#endif
