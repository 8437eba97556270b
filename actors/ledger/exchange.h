/* An exchange: a quote is used, then both legs are carried out or neither.
 *
 *     COMMAND_EXCHANGE ─► FACT_QUOTE_USED, and a group of two items that is made here (group.h):
 *         0  COMMAND_EXCHANGE_OUT   from_account → house:fx:SELL
 *         1  COMMAND_EXCHANGE_IN    house:fx:BUY → to_account, house:spread:BUY, house:residue:BUY
 *
 * The group's id is the exchange's transaction id, its fingerprint that of the exchange's own payload. The ids of the items follow
 * from it (fact_exchange_leg), so a group that is begun again has the same, and a posting tells its exchange. The group may be
 * local or cross partitions; it answers one row.
 *
 * A quote is used by the attempt, not by its success. An attempt that ended BUSY is not remembered, but the FACT_QUOTE_USED
 * names its id: the same exchange may go on, another may not.
 */
#ifndef TELLER_LEDGER_EXCHANGE_H
#define TELLER_LEDGER_EXCHANGE_H

#include "actors/ledger/core.h"
#include "actors/ledger/group.h"

enum { EXCHANGE_LEGS = 2, EXCHANGE_POSTINGS_MAX = 3 /* of one leg */ };

static inline bool exchange_is_leg(const struct ledger_command *item)
{
    return item->kind == COMMAND_EXCHANGE_OUT || item->kind == COMMAND_EXCHANGE_IN;
}

/* Decides an exchange whose paying account is here: CODE_OK: it has begun, and the row is filled or waits. Else nothing
 * happened, and the refusal is the caller's to keep. */
struct verdict exchange_decide(struct ledger *self, const struct ledger_command *command, uint32_t from,
                               struct ledger_ticket *ticket, uint32_t row);

/* ---- a leg within its group; called by group.c and group_legs.c --------------------------------- */

/* The house accounts that a leg of this partition posts to are open. false: no memory. */
bool exchange_leg_ensure(struct ledger *self, const struct ledger_command *item);

/* What leaves or reaches the house FX account. */
int64_t exchange_leg_through(const struct ledger_command *item);

/* Adds to the verdict on the receiving account of an EXCHANGE_IN: its owner, behind its state and before its limits. */
struct verdict exchange_check_owner(const struct ledger *self, const struct ledger_command *item,
                                    uint32_t account, struct verdict verdict);

/* Adds to the verdict on the paying account of an EXCHANGE_OUT: one that keeps a book value needs the amount's. */
struct verdict exchange_check_payer(const struct ledger *self, const struct ledger_command *item,
                                    uint32_t account, struct verdict verdict);

/* The house accounts beside the FX account can be counted after the leg. */
bool exchange_leg_counts(const struct ledger *self, const struct ledger_command *item);

/* Posts a leg of this partition; memory has been ensured. */
void exchange_leg_post(struct ledger *self, const struct ledger_command *item, struct group_row *row);

#endif
