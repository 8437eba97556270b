/* What clients ask for: mixes drawn from a seed. Each seed turns features on and off and draws its own rates (swarm
 * testing: Groce et al., ISSTA 2012), because a rare combination is found sooner when most of the rest is off.
 *
 * A workload makes one operation after another; it knows of the ledger only what it was answered.
 */
#ifndef TELLER_SIM_WORKLOAD_H
#define TELLER_SIM_WORKLOAD_H

#include "sim/operation.h"
#include "sim/random.h"

/* Features; each is a bit in a mask. */
enum feature {
    FEATURE_DEPOSITS, /* beyond those that fund accounts */
    FEATURE_WITHDRAWALS,
    FEATURE_LOCAL,    /* transfers within a partition */
    FEATURE_CROSSING, /* between partitions, both ways */
    FEATURE_HOT,      /* a few accounts take most of it */
    FEATURE_BATCHES,
    FEATURE_GROUPS,    /* atomic ones, within and between partitions */
    FEATURE_REPEATS,   /* a command of earlier is asked again */
    FEATURE_CONFLICTS, /* an id of earlier with another payload */
    FEATURE_OVERDRAWS, /* amounts above what is there; N + 1 withdrawals of a balance */
    FEATURE_CEILINGS,
    FEATURE_FREEZES, /* and unfreezes */
    FEATURE_CLOSES,  /* and new accounts, and changes */
    FEATURE_DEADLINES,
    FEATURE_MISTAKES, /* unknown accounts, other currencies, the same account twice, wrong partition, bad fields */
    FEATURE_READS,     /* balances, of the past too, accounts, transfers, lists */
    FEATURE_HISTORIES, /* pages of statements, with cursors, before and after */
    FEATURE_STRINGS,   /* memos and references, long and strange ones */
    FEATURE_HOLDS, /* opened, captured in part and whole, released; captures that race with their expiry */
    FEATURE_PROPOSALS, /* manual deposits and withdrawals, decided by others, twice, by the same, and too late */
    FEATURE_FX,        /* accounts that keep a book value, and rates in items */
    FEATURE_EXCHANGE, /* rates and terms, quotes, and exchanges that use them: late, twice, by others */
    FEATURE_COUNT
};

#define FEATURES_ALL ((1u << FEATURE_COUNT) - 1u)

/* What a seed is about, besides its mix: rates that belong together, so that a deep state is reached often enough. */
enum theme {
    THEME_NONE,
    THEME_GROUPS, /* nearly all are groups between partitions, and many go wrong */
    THEME_CROWD,  /* one partition has so many accounts that they take several chunks of a checkpoint */
    THEME_FLOOD,  /* one account comes to the limit of what is counted */
    THEME_COUNT
};

/* "groups"; static storage. */
const char *feature_name(enum feature feature);

struct workload_config {
    uint64_t seed;
    uint32_t partitions;
    uint32_t features; /* mask of those that may be drawn */
    bool draw;         /* true: the seed turns off some of them; false: all in the mask are on */
    enum theme theme;
    /* The most groups in one batch, 0: any number. Those that end in CONFLICT are not remembered: where more of them than a
     * link's window stand in front, what is behind them is BUSY however often it is asked. */
    uint32_t groups;
    int64_t start_us; /* true time, which is what a correct clock shows */
};

struct workload;

struct workload *workload_new(const struct workload_config *config);
void workload_destroy(struct workload **self_p);

/* The features that are on. */
uint32_t workload_features(const struct workload *self);

/* The next operation; the caller's from now on. The first ones open and fund accounts. now_us: true time, as start_us. */
struct operation *workload_next(struct workload *self, int64_t now_us);

/* The population is still being opened. */
bool workload_is_opening(const struct workload *self);

/* true: another operation is wanted at that time, which may be very soon. */
bool workload_is_pressing(const struct workload *self, int64_t *at_us);

/* What became of one of its operations: the final answer. Before the caller frees it. */
void workload_answered(struct workload *self, const struct operation *operation, const struct answer *answer);

#endif
