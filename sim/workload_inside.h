/* Inside the workload: what its files share. The workload's beliefs about accounts come from answers and from what it has asked for
 * itself; they only steer what is drawn, and nothing is checked with them.
 */
#ifndef TELLER_SIM_WORKLOAD_INSIDE_H
#define TELLER_SIM_WORKLOAD_INSIDE_H

#include "sim/workload.h"

enum {
    WORKLOAD_ACCOUNTS_MAX = 800, /* more than 2 accounts for each of 64 partitions and of 3 currencies */
    WORKLOAD_CURRENCIES = 3,
    WORKLOAD_CLOSED = 16,    /* closed accounts that are remembered */
    WORKLOAD_MEMORY = 256,   /* commands, and account commands, that may be asked again */
    WORKLOAD_CURSORS = 16,   /* pages that may be gone on from */
    WORKLOAD_BURST_MAX = 24, /* withdrawals in a row from one account */
    WORKLOAD_MOMENTS = 32,   /* times of entries of histories */
    WORKLOAD_CHASES = 16,    /* closings that are to come soon */
    WORKLOAD_HOLDS = 128,    /* holds that may be captured or released */
    WORKLOAD_QUOTES = 64,    /* quotes that may be used */
    WORKLOAD_PROPOSALS = 64, /* proposals that may be decided */
};

enum known_state {
    KNOWN_NOT,   /* a free slot, or an account that is still to be opened */
    KNOWN_ASKED, /* not answered yet; without an id where teller assigns one */
    KNOWN_OPEN,
    KNOWN_FROZEN,
    KNOWN_RETIRING, /* to be drained and closed */
};

struct known_account {
    char id[ACCOUNT_ID_MAX + 1];
    uint32_t id_length;
    uint32_t partition;
    enum known_state state;
    bool is_hot;
    bool has_book;
    bool wants_funds; /* not funded yet */
    currency_index currency;
    uint32_t owner;     /* number of its owner */
    struct uuid opened; /* transaction id of its opening, or nil */
    int64_t balance;    /* as believed */
    int64_t held;       /* by holds, as believed */
    int64_t coming;     /* credits asked for, not answered yet */
    int64_t minimum_balance;
    int64_t ceiling;
};

/* Something has happened to an account at exactly this time. */
struct known_moment {
    char account[ACCOUNT_ID_MAX + 1];
    int64_t time_us;
};

/* An account is to be closed at this time, or a little later: something may be on its way from it or to it. */
struct chase {
    char account[ACCOUNT_ID_MAX + 1];
    int64_t at_us;
};

/* A hold that was asked for, open or not. */
struct known_hold {
    struct uuid id; /* nil: a free place */
    char account[ACCOUNT_ID_MAX + 1];
    currency_index currency;
    int64_t held; /* as believed */
    int64_t expires_us;
};

/* A proposal that was asked for, open or not. */
struct known_proposal {
    struct uuid id;
    char account[ACCOUNT_ID_MAX + 1];
    uint32_t by; /* number of the operator who proposes */
    bool is_open;
    int64_t expires_us; /* 0: a day from then */
};

/* A quote that was given, used or not. */
struct known_quote {
    struct uuid id;
    char account[ACCOUNT_ID_MAX + 1];
    currency_index buy;
    bool is_open;
    int64_t expires_us;
};

struct workload_unit {
    currency_index currency;
    int64_t scale; /* an ordinary balance */
};

struct workload {
    struct workload_config config;
    uint32_t features;
    struct sim_random random;
    int64_t now_us; /* of the operation that is being made */
    uint64_t ids_made, names_made;
    bool is_rich; /* balances near the limits */
    bool
        is_careful; /* nothing is drawn that might go wrong by the way: for groups, which a single item spoils */

    struct workload_unit units[WORKLOAD_CURRENCIES];
    uint32_t unit_count;
    struct known_account accounts[WORKLOAD_ACCOUNTS_MAX];
    uint32_t account_count;   /* slots in use */
    uint32_t opening;         /* accounts of the first population that have been asked for */
    uint32_t population;      /* of the beginning */
    uint32_t hot_per_million; /* so often one of the hot accounts is taken */

    uint32_t weight[FEATURE_COUNT];  /* of the features that are drawn one against another; 0: off */
    uint32_t trouble[FEATURE_COUNT]; /* per million commands: those that are meant to go wrong, and repeats */
    uint32_t batches_per_million;    /* of money messages */
    uint32_t groups_per_million;     /* of items of a batch, or of money messages without batches */
    uint32_t strings_per_million, deadlines_per_million, any_per_million;

    struct operation *memory[WORKLOAD_MEMORY]; /* batches of one command, and openings */
    uint32_t memory_count, memory_newest;

    struct known_account *burst; /* not NULL: the account from which all is taken */
    uint32_t burst_left;
    int64_t burst_amount;

    char closed[WORKLOAD_CLOSED][ACCOUNT_ID_MAX + 1];
    uint32_t closed_count;

    struct operation *cursors[WORKLOAD_CURSORS]; /* histories and lists, set to go on */
    uint32_t cursor_count;

    struct known_moment moments[WORKLOAD_MOMENTS];
    uint32_t moment_count;

    struct chase chases[WORKLOAD_CHASES];
    uint32_t chase_count;

    struct known_hold holds[WORKLOAD_HOLDS];
    uint32_t hold_count;
    struct known_proposal proposals[WORKLOAD_PROPOSALS];
    uint32_t proposal_count;
    struct known_quote quotes[WORKLOAD_QUOTES];
    uint32_t quote_count;
    uint32_t desk_sets;   /* rates and terms that were set: they come first */
    uint32_t groups_left; /* of the batch that is being made */
    bool is_in_group;     /* the item that is being made is one of a group's: it is no step of a hold */
};

/* ---- chance (workload.c) ----------------------------------------------------------------------- */

static inline bool workload_has(const struct workload *self, enum feature feature)
{
    return self->features >> feature & 1u;
}

static inline uint32_t workload_below(struct workload *self, uint32_t bound)
{
    return (uint32_t)sim_random_below(&self->random, bound);
}

static inline bool workload_chance(struct workload *self, uint32_t per_million)
{
    return sim_random_chance(&self->random, per_million);
}

/* true so often as one in n. */
static inline bool workload_one_in(struct workload *self, uint32_t n)
{
    return workload_below(self, n) == 0;
}

/* A transaction id that has not been before. */
struct uuid workload_id(struct workload *self);

/* The partition of an account id, as a client works it out: docs/WIRE.md has the algorithm. */
uint32_t workload_partition(const struct workload *self, struct str id);

/* The header's partition where the operation belongs to one; the first is sometimes wrong. */
uint32_t workload_header(struct workload *self, uint32_t partition);
uint32_t workload_right_header(struct workload *self, uint32_t partition);

/* Whole milliseconds. The first: near or far. The second: has been. */
int64_t workload_deadline(struct workload *self);
int64_t workload_past(struct workload *self);

/* Clean text of exactly `length` bytes, with characters of one to four bytes. */
struct str workload_text(struct workload *self, struct operation *operation, uint32_t length);

/* An optional text: mostly none. */
struct str workload_note(struct workload *self, struct operation *operation, uint32_t max);

/* Remembers a copy of it, so that it may be asked again. */
void workload_remember(struct workload *self, struct operation *copy);

/* ---- accounts (workload_accounts.c) -------------------------------------------------------------- */

/* Draws currencies and the first population; nothing is opened yet. */
void workload_populate(struct workload *self);

/* What an account must be like to be picked. */
struct wish {
    uint32_t in, not_in;               /* partitions, or WIRE_PARTITION_ANY */
    currency_index currency;           /* CURRENCY_NONE: any */
    const struct known_account * not ; /* or NULL */
    int64_t available, room;           /* at least; 0: does not matter */
    bool any_state;                    /* frozen and retiring ones too */
};

/* An account with an id that is like that; NULL: none. Frozen ones come seldom, retiring ones never. */
struct known_account *workload_pick(struct workload *self, const struct wish *wish);

struct str known_id(const struct known_account *account);
struct known_account *workload_find(struct workload *self, struct str id);
int64_t known_available(const struct known_account *account);
int64_t known_room(const struct known_account *account);
int64_t workload_scale(const struct workload *self, currency_index currency);

/* An id that no account has. */
struct str workload_unknown(struct workload *self, struct operation *operation);

struct operation *workload_open_next(struct workload *self); /* of the first population */
struct operation *workload_freeze(struct workload *self);    /* or unfreeze */
struct operation *workload_turnover(struct workload *self);  /* opens, changes, drains, closes */
struct operation *
workload_open_again(struct workload *self); /* a repeat or conflict; NULL: nothing to repeat */
struct operation *workload_account_mistake(struct workload *self);

/* A closing that is due; NULL: none. */
struct operation *workload_chase(struct workload *self);

void workload_hear_account(struct workload *self, const struct operation *operation,
                           const struct answer *answer);
void workload_hear_view(struct workload *self, const struct ledger_account_view *view);

/* ---- money (workload_money.c) -------------------------------------------------------------------- */

/* A deposit for an account that has not been funded; NULL: all are. */
struct operation *workload_fund(struct workload *self);

/* A single or a batch; never NULL. */
struct operation *workload_money(struct workload *self);

/* Takes all that is believed to be on it; NULL: no feature allows it. */
struct operation *workload_drain(struct workload *self, struct known_account *account);

/* Brings the account a little from another partition, alone or in a group; NULL: no feature allows it. */
struct operation *workload_send_to(struct workload *self, struct known_account *account);

/* As much as can be moved at once, to or from the one account that is flooded; NULL: it is not there. */
struct operation *workload_flood(struct workload *self);

void workload_hear_rows(struct workload *self, const struct operation *operation,
                        const struct answer *answer);

/* ---- items (workload_items.c) --------------------------------------------------------------------- */

/* One item, an ordinary one or one that is meant to go wrong, that belongs to `home`, or to any partition. false: there is
 * no account for it. */
bool workload_item(struct workload *self, struct operation *operation, uint32_t home,
                   struct ledger_command *out);
bool workload_group(struct workload *self, struct operation *operation, uint32_t home,
                    struct ledger_command *out);

struct ledger_command workload_deposit(struct workload *self, struct known_account *to, int64_t amount);
struct ledger_command workload_withdrawal(struct workload *self, struct known_account *from, int64_t amount);
struct ledger_command workload_transfer(struct workload *self, struct known_account *from,
                                        struct known_account *to, int64_t amount);

/* A hold is opened, captured or released: ordinarily one that should succeed, sometimes one that races with its expiry or has
 * ended. false: there is nobody to hold from. */
bool workload_hold(struct workload *self, uint32_t home, struct ledger_command *out);

/* What an item says of the worth of money that such an account gets: ordinarily a rate where it keeps a book value; 0: none. */
int64_t workload_rate(struct workload *self, const struct known_account *to);

/* Where an item belongs; the owner of a group is that of its first item. */
uint32_t workload_owner(const struct workload *self, const struct ledger_command *command);

/* A hold that is about to expire is to be captured just then; NULL: none. When the next one is due; INT64_MAX: none. */
struct operation *workload_hold_race(struct workload *self);
int64_t workload_hold_race_at(const struct workload *self);

/* ---- proposals (workload_proposals.c) ------------------------------------------------------------ */

/* NULL: there is nothing to propose or to decide. */
struct operation *workload_proposal(struct workload *self);
/* As with holds. */
struct operation *workload_proposal_race(struct workload *self);
int64_t workload_proposal_race_at(const struct workload *self);
void workload_hear_proposal(struct workload *self, const struct operation *operation,
                            const struct answer *answer);

/* ---- the FX desk (workload_desk.c) ---------------------------------------------------------------- */

/* NULL: there is nothing to ask of it. */
struct operation *workload_desk(struct workload *self);
void workload_hear_desk(struct workload *self, const struct operation *operation,
                        const struct answer *answer);

/* ---- reads (workload_reads.c) --------------------------------------------------------------------- */

/* NULL: there is nothing to read. */
struct operation *workload_read(struct workload *self);
struct operation *workload_history(struct workload *self);
/* A page that goes on from an earlier one; NULL: there is none of that kind. */
struct operation *workload_go_on(struct workload *self, enum wire_operation kind);
void workload_hear_page(struct workload *self, const struct operation *operation,
                        const struct answer *answer);

#endif
