#include "actors/ledger/group_rows.h"

#include "actors/ledger/core.h"

void group_rows_refused(struct group_refusal refusal, uint32_t count, struct group_row *rows)
{
    for (uint32_t i = 0; i < count; i++) {
        bool culprit = i == refusal.item;
        rows[i] = (struct group_row){.code = culprit ? (uint8_t)refusal.code : CODE_GROUP_REFUSED,
                                     .field = culprit ? (uint8_t)refusal.field : FIELD_NONE,
                                     .item = (uint8_t)i};
    }
}

/* An exchange is told as one row: the balances of its two legs. */
static void answer_folded(struct ledger *self, struct ledger_ticket *ticket, uint32_t row, enum code code,
                          enum field field, const struct group_row *rows)
{
    ticket->rows[row] = (struct ledger_row){.code = (uint8_t)code, .field = (uint8_t)field};
    if (code == CODE_OK) {
        ticket->rows[row].has = rows[0].has | rows[1].has;
        ticket->rows[row].from_balance = rows[0].from_balance;
        ticket->rows[row].to_balance = rows[1].to_balance;
    }
    core_row_done(self, ticket, 1);
}

bool group_rows_folded(const struct ledger_command *command)
{
    return command->kind == COMMAND_EXCHANGE;
}

void group_rows_answer(struct ledger *self, struct ledger_ticket *ticket, uint32_t row, enum code code,
                       enum field field, const struct group_row *rows, uint32_t count, bool folded)
{
    if (folded) {
        answer_folded(self, ticket, row, code, field, rows);
        return;
    }
    ticket->rows[row] =
        (struct ledger_row){.code = (uint8_t)code, .field = (uint8_t)field, .group_count = (uint16_t)count};
    for (uint32_t i = 0; i < count; i++) {
        ticket->rows[row + 1 + i] = (struct ledger_row){
            .code = rows[i].code,
            .field = rows[i].field,
            .has = rows[i].has,
            .from_balance = rows[i].from_balance,
            .to_balance = rows[i].to_balance,
        };
    }
    core_row_done(self, ticket, count + 1);
}
