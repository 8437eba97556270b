/* The accounts that table tests speak of, the same in each of two partitions. */
#ifndef TELLER_TESTS_TABLE_CAST_H
#define TELLER_TESTS_TABLE_CAST_H

#include "tests/scenario/world.h"

enum role {
    NOBODY,  /* no account named: the other side is the house */
    RICH,    /* 10,000 won */
    POOR,    /* 0 won */
    FROZEN,  /* 1,000 won, frozen */
    CLOSED,  /* closed */
    DOLLARS, /* 1,000 cents */
    CAPPED,  /* 100 won, ceiling 500 */
    OWING,   /* 0 won, minimum balance -200 */
    KEEPING, /* 150 won, minimum balance 100 */
    BRIMFUL, /* as many yen as an account may hold */
    YEN,     /* 0 yen, minimum balance -1,000 */
    MISSING, /* an id that is not open */
    ROLES
};

enum { CAST_PARTITIONS = 2, CAST_FIRST_FREE_ID = 1000000 };

struct cast {
    struct runner *runner;
    char ids[CAST_PARTITIONS][ROLES][WORLD_ID_MAX];
    int64_t balances[CAST_PARTITIONS][ROLES]; /* as of the last cast_note */
};

void cast_open(struct cast *cast);
/* The same, and `told` hears of every unit: see struct runner_config. */
void cast_open_told(struct cast *cast,
                    void (*told)(void *context, uint32_t partition, const struct ledger_unit *unit),
                    void *context);
void cast_close(struct cast *cast);

/* NULL for NOBODY. */
const char *cast_id(const struct cast *cast, uint32_t partition, enum role role);
int64_t cast_balance(const struct cast *cast, uint32_t partition, enum role role);

/* Remembers all balances; cast_changed tells how many accounts are no longer at them. */
void cast_note(struct cast *cast);
int cast_changed(const struct cast *cast);

#endif
