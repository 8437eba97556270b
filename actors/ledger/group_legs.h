/* The legs of an atomic group: what each of its items asks of this partition's accounts.
 *
 * Inside a group, items are judged in order; what an account has promised to earlier items counts, what
 * it would receive from them does not. So the verdict does not depend on which partition an account
 * is in.
 */
#ifndef TELLER_LEDGER_GROUP_LEGS_H
#define TELLER_LEDGER_GROUP_LEGS_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"

enum { GROUP_LEGS_MAX = LEDGER_GROUP_MAX * 2 };

/* Part of one item that this partition carries out. */
struct group_leg {
    uint8_t item;
    bool is_credit;
    uint32_t account; /* ACCOUNT_NONE: it is not there */
    int64_t amount;
    int64_t through;          /* what moves through own_side: for an EXCHANGE_IN more than the amount */
    const uint32_t *own_side; /* see group_legs.c */
};

/* Why a group is refused, and the item that caused it. */
struct group_refusal {
    enum code code;
    enum field field;
    uint8_t item;
};

/* The partitions of an item's two sides. Money comes from the house, or goes to it, where the account is. */
uint32_t group_from_home(const struct ledger *self, const struct ledger_command *item);
uint32_t group_to_home(const struct ledger *self, const struct ledger_command *item);

/* The legs that are this partition's, in order of items, paying before receiving. Returns how many. */
uint32_t group_legs(const struct ledger *self, const struct ledger_command *items, uint32_t count,
                    struct group_leg *legs);

/* CODE_OK, or the first leg that cannot be. */
struct group_refusal group_legs_check(const struct ledger *self, const struct ledger_command *items,
                                      const struct group_leg *legs, uint32_t n);

#endif
