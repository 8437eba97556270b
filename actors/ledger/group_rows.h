/* The answer of an atomic group as rows of a ticket: one for the group and one for each item; of an exchange one for all. */
#ifndef TELLER_LEDGER_GROUP_ROWS_H
#define TELLER_LEDGER_GROUP_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/group.h"
#include "actors/ledger/group_legs.h"
#include "actors/ledger/ledger.h"

/* Rows of a refused group: the culprit has its code, the others say that they went with it. */
void group_rows_refused(struct group_refusal refusal, uint32_t count, struct group_row *rows);

/* true: the command's answer is one row, that of an exchange. */
bool group_rows_folded(const struct ledger_command *command);

/* Fills the rows of a ticket from `row` on: count + 1, or one where folded. */
void group_rows_answer(struct ledger *self, struct ledger_ticket *ticket, uint32_t row, enum code code,
                       enum field field, const struct group_row *rows, uint32_t count, bool folded);

#endif
