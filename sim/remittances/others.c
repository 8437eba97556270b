/* Others, who keep the ledger busy beside remittances: their accounts stand in chunks of their own, so that a pass of the checkpoint is not done
 * with one unit, and the ids of their deposits fill tables. Nobody waits for their answers. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum { DEPOSITS_MOST = 30, EVERY_MOST_US = 60000000, NAME_ROOM = 24 };

static struct str account_of(uint32_t other, char out[NAME_ROOM])
{
    snprintf(out, NAME_ROOM, "other-%" PRIu32, other);
    return str_from(out);
}

static void deposit(struct remittances_world *self)
{
    struct sim_random *random = &self->stores.random;
    char account[NAME_ROOM];
    struct ledger_command command = {
        .kind = COMMAND_DEPOSIT,
        .currency = currency_find("KRW", CURRENCY_CODE_LENGTH),
        .amount = sim_random_between(random, 1, 1000),
        .to = account_of((uint32_t)sim_random_below(random, self->others), account),
    };
    for (size_t i = 0; i < sizeof command.id.bytes; i++)
        command.id.bytes[i] = (uint8_t)sim_random_next(random);
    struct ledger_ticket *ticket = ledger_ticket_new(self->ledger.core, 1, NULL);
    CHECK(ticket != NULL);
    ledger_post(self->ledger.core, remit_node_us(self), ticket, &command, 1);
}

static void busy(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    struct sim_random *random = &self->stores.random;
    (void)pointer;
    (void)number;
    if (self->is_calm)
        return;
    uint64_t deposits = 1 + sim_random_below(random, DEPOSITS_MOST);
    for (uint64_t i = 0; self->ledger.core != NULL && i < deposits; i++)
        deposit(self);
    node_touched(self);
    stage_after(&self->stage, sim_random_between(random, 1, EVERY_MOST_US), busy, self, NULL, 0);
}

void others_begin(struct remittances_world *self)
{
    char account[NAME_ROOM];
    for (uint32_t other = 0; other < self->others; other++) {
        struct ledger_account_answer answer;
        const struct ledger_account_command command = {
            .kind = ACCOUNT_OPEN,
            .account = account_of(other, account),
            .owner = STR_LITERAL("other"),
            .currency = currency_find("KRW", CURRENCY_CODE_LENGTH),
            .ceiling = INT64_MAX,
        };
        ledger_account(self->ledger.core, remit_node_us(self), &command, &answer);
        CHECK(answer.code == CODE_OK);
    }
    if (self->others > 0)
        stage_after(&self->stage, REMIT_SECOND_US, busy, self, NULL, 0);
}
