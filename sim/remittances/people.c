/* Clients, who ask for remittances and ask again, and operators, who work lists, freeze accounts and are in a hurry. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum { ASK_AGAIN_US = 20000000, LIST_MOST = 64 };

static const struct str OPERATOR = {"olga", 4};

static struct str account_of(uint32_t account, char out[16])
{
    snprintf(out, 16, "acct-%" PRIu32, account);
    return str_from(out);
}

/* Accounts 0, 2, 4 … are won for KFTC, the others pounds for OBIE. */
static uint32_t bank_of(uint32_t account)
{
    return account % REMIT_BANKS;
}

static currency_index currency_of(uint32_t account)
{
    return bank_of(account) == 0 ? currency_find("KRW", 3) : currency_find("GBP", 3);
}

/* ---- accounts ------------------------------------------------------------------------------------------------ */

static enum code account_do(struct remittances_world *self, const struct ledger_account_command *command)
{
    struct ledger_account_answer answer;
    ledger_account(self->ledger.core, remit_node_us(self), command, &answer);
    node_touched(self);
    return answer.code;
}

void people_open_accounts(struct remittances_world *self)
{
    char id[16];
    for (uint32_t account = 0; account < REMIT_ACCOUNTS; account++) {
        struct ledger_account_command command = {
            .kind = ACCOUNT_OPEN,
            .account = account_of(account, id),
            .owner = STR_LITERAL("owner"),
            .currency = currency_of(account),
            /* the last two: nothing fits in; nothing goes out */
            .ceiling = account / 2 == REMIT_ACCOUNTS / 2 - 1 && account % 4 < 2 ? 10 : INT64_MAX,
        };
        enum code code = account_do(self, &command);
        CHECK(code == CODE_OK);
    }
}

void people_account(struct remittances_world *self, uint32_t account, bool blocks_deposits,
                    bool blocks_withdrawals)
{
    char id[16];
    const struct ledger_account_command command = {
        .kind = ACCOUNT_CHANGE,
        .account = account_of(account, id),
        .sets = ACCOUNT_SETS_MINIMUM | ACCOUNT_SETS_CEILING,
        .minimum_balance = blocks_withdrawals ? 1 : 0, /* what is withdrawn is all that was deposited */
        .ceiling = blocks_deposits ? 10 : INT64_MAX,
    };
    enum code code = account_do(self, &command);
    if (code != CODE_OK && code != CODE_ACCOUNT_CLOSED)
        stage_breach(&self->stage, "accounts", "%s cannot be changed: %s", id, code_name(code));
}

static void account_moves(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    char id[16];
    (void)pointer;
    (void)number;
    if (self->is_calm)
        return;
    stage_after(&self->stage, sim_random_between(&self->people, 1, 4 * REMIT_MINUTE_US), account_moves, self,
                NULL, 0);
    if (!remit_has(self, FAMILY_CLIENTS) || self->ledger.core == NULL)
        return;
    static const enum ledger_account_kind kinds[] = {ACCOUNT_FREEZE, ACCOUNT_UNFREEZE, ACCOUNT_UNFREEZE,
                                                     ACCOUNT_CLOSE, ACCOUNT_CHANGE};
    uint32_t account = (uint32_t)sim_random_below(&self->people, REMIT_ACCOUNTS);
    struct ledger_account_command command = {
        .kind = kinds[sim_random_below(&self->people, sizeof kinds / sizeof *kinds)],
        .account = account_of(account, id),
        .sets = ACCOUNT_SETS_MINIMUM | ACCOUNT_SETS_CEILING,
        .minimum_balance =
            (int64_t)sim_random_below(&self->people, 2), /* as much as is withdrawn never remains */
        .ceiling = sim_random_chance(&self->people, 200000) ? 10 : INT64_MAX,
    };
    if (command.kind == ACCOUNT_CLOSE && !sim_random_chance(&self->people, 100000))
        command.kind = ACCOUNT_UNFREEZE;
    enum code code = account_do(self, &command);
    stage_note(&self->stage, "account %s: %d: %s", id, (int)command.kind, code_name(code));
}

/* ---- clients ------------------------------------------------------------------------------------------------- */

static void check_same(struct remittances_world *self, const struct known *known,
                       const struct ledger_remittance_view *view)
{
    if (!uuid_equal(&view->id, &known->id) || view->amount != known->amount ||
        strcmp(view->payer, known->payer) != 0 || strcmp(view->payee, known->payee) != 0)
        stage_breach(&self->stage, "W7", "a request is answered with another remittance");
}

static void asks_again(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    (void)pointer;
    if (!self->watch.known[number].is_answered)
        people_ask(self, (uint32_t)number);
}

void people_ask(struct remittances_world *self, uint32_t index)
{
    struct known *known = &self->watch.known[index];
    struct ledger_remittance_answer answer;
    char id[16];
    stage_after(&self->stage, ASK_AGAIN_US, asks_again, self, NULL, index);
    if (self->ledger.core == NULL)
        return;
    bool is_other = known->is_answered && sim_random_chance(&self->people, 300000);
    const struct ledger_remit_command command = {
        .currency = currency_of(known->account),
        .operator_refunds = known->operator_refunds,
        .id = known->id,
        .account = account_of(known->account, id),
        .amount = known->amount + is_other,
        .bank = str_from(REMIT_BANK_NAMES[known->bank]),
        .payer = str_from(known->payer),
        .payee = str_from(known->payee),
        .memo = STR_LITERAL("rent"),
    };
    known->is_asked = true;
    ledger_remit(self->ledger.core, remit_node_us(self), &command, &answer);
    stage_mix(&self->stage, (uint64_t)index << 8 | answer.code);
    stage_note(&self->stage, "remittance %" PRIu32 " of %" PRId64 " by %s is asked for: %s", index,
               known->amount, REMIT_BANK_NAMES[known->bank], code_name(answer.code));
    if (is_other && answer.code == CODE_OK)
        stage_breach(&self->stage, "W7", "another payload under a known id is taken");
    if (known->is_there && known->is_answered && !is_other && answer.code != CODE_OK &&
        answer.code != CODE_BUSY)
        stage_breach(&self->stage, "W7", "a request that was answered OK is now %s", code_name(answer.code));
    if (answer.code == CODE_OK)
        check_same(self, known, &answer.view);
    if (answer.code == CODE_OK)
        node_answers(self, index);
    else if (answer.code == CODE_ACCOUNT_CLOSED)
        known->is_answered = true; /* for good, and nothing is there */
    node_touched(self);
}

uint32_t people_make(struct remittances_world *self, uint32_t account, bool operator_refunds)
{
    uint32_t index = (uint32_t)self->watch.count;
    struct known *known = remit_watch_add(&self->watch);
    for (int i = 0; i < 16; i++)
        known->id.bytes[i] = (uint8_t)sim_random_next(&self->people);
    known->account = account;
    known->bank = bank_of(account);
    known->amount = 1000 * ((int64_t)index + 1);
    known->operator_refunds = operator_refunds;
    if (known->bank == 0) {
        snprintf(known->payer, sizeof known->payer, "1%023" PRIu32, index);
        if (sim_random_chance(&self->people, 500000))
            snprintf(known->payee, sizeof known->payee, "2%023" PRIu32, index);
        else
            snprintf(known->payee, sizeof known->payee, "097:%010" PRIu32 ":Hong Gildong", index);
    } else {
        snprintf(known->payer, sizeof known->payer,
                 "mandate-%" PRIu32 "@UK.OBIE.SortCodeAccountNumber:11%012" PRIu32 ":Payer", index, index);
        snprintf(known->payee, sizeof known->payee, "UK.OBIE.SortCodeAccountNumber:22%012" PRIu32 ":Payee",
                 index);
    }
    people_ask(self, index);
    return index;
}

static void client_asks(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    uint64_t limit = self->stage.config->operation_limit;
    (void)pointer;
    (void)number;
    if (self->is_calm || self->watch.count >= self->most || (limit > 0 && self->watch.count >= limit))
        return;
    stage_after(&self->stage, sim_random_between(&self->people, 1, 2 * self->every_us), client_asks, self,
                NULL, 0);
    if (remit_has(self, FAMILY_CLIENTS) && self->watch.count > 0 &&
        sim_random_chance(&self->people, 100000)) {
        people_ask(self, (uint32_t)sim_random_below(&self->people, self->watch.count));
        return;
    }
    uint32_t account = (uint32_t)sim_random_below(&self->people, REMIT_ACCOUNTS);
    people_make(self, account, sim_random_chance(&self->people, 300000));
}

/* ---- operators ----------------------------------------------------------------------------------------------- */

static enum code act(struct remittances_world *self, const struct ledger_remittance_view *view,
                     enum remittance_action action, enum remittance_disposal money)
{
    struct ledger_remittance_answer answer;
    const struct ledger_remittance_command command = {
        .action = (uint8_t)action,
        .money = (uint8_t)money,
        .outcome = BANK_FAILED,
        .call = view->calls,
        .account = str_from(view->account),
        .remittance = view->id,
        .operator_name = OPERATOR,
        .reason = STR_LITERAL("so it is decided"),
    };
    ledger_remittance_act(self->ledger.core, remit_node_us(self), &command, &answer);
    stage_note(&self->stage, "olga: action %d on %s of %" PRId64 ": %s", (int)action,
               REMITTANCE_STATES.state_names[view->state], view->amount, code_name(answer.code));
    stage_mix(&self->stage, (uint64_t)action << 8 | answer.code);
    self->acts++;
    node_touched(self);
    return answer.code;
}

/* Nobody resolves what the world could not check, nor settles what only the bank knows. */
static void hurry(struct remittances_world *self)
{
    struct ledger_remittance_view views[LIST_MOST];
    size_t count = ledger_remittance_list(self->ledger.core, remit_node_us(self), REMITTANCE_LIST_OPEN, 0,
                                          views, LIST_MOST);
    if (count == 0)
        return;
    const struct ledger_remittance_view *view = &views[sim_random_below(&self->people, count)];
    static const enum remittance_action actions[] = {REMITTANCE_RETRY, REMITTANCE_REFUND, REMITTANCE_CANCEL};
    enum remittance_action action = actions[sim_random_below(&self->people, 3)];
    enum code code = act(self, view, action, REMITTANCE_MONEY_STAYS);
    if (code == CODE_OK && remittance_is_at_bank(view->state))
        stage_breach(&self->stage, "W4", "an operator may act on what is at a bank: %s",
                     REMITTANCE_STATES.state_names[view->state]);
}

static void operator_acts(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    (void)pointer;
    (void)number;
    if (self->is_calm)
        return;
    stage_after(&self->stage, sim_random_between(&self->people, 1, 3 * REMIT_MINUTE_US), operator_acts, self,
                NULL, 0);
    if (self->ledger.core == NULL)
        return;
    if (remit_has(self, FAMILY_CLIENTS))
        hurry(self);
    if (sim_random_chance(&self->people, 200000)) {
        uint32_t retried =
            ledger_remittance_batch(self->ledger.core, remit_node_us(self), REMITTANCE_LIST_FAILED, 100);
        stage_note(&self->stage, "the retry batch takes up %" PRIu32, retried);
        node_touched(self);
    }
}

void people_begin(struct remittances_world *self)
{
    stage_after(&self->stage, sim_random_between(&self->people, 1, self->every_us), client_asks, self, NULL,
                0);
    stage_after(&self->stage, sim_random_between(&self->people, 1, 3 * REMIT_MINUTE_US), operator_acts, self,
                NULL, 0);
    stage_after(&self->stage, sim_random_between(&self->people, 1, 4 * REMIT_MINUTE_US), account_moves, self,
                NULL, 0);
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

static void settle_one(struct remittances_world *self, const struct ledger_remittance_view *view)
{
    if (act(self, view, REMITTANCE_RETRY, REMITTANCE_MONEY_STAYS) != CODE_OK)
        return;
    struct ledger_remittance_answer now;
    ledger_remittance_show(self->ledger.core, remit_node_us(self), str_from(view->account), &view->id, &now);
    /* What cannot be helped: the account is closed */
    if (now.code != CODE_OK || now.view.state != REMITTANCE_DEAD_LETTER)
        return;
    if (act(self, &now.view, REMITTANCE_REFUND, REMITTANCE_MONEY_STAYS) != CODE_OK)
        act(self, &now.view, REMITTANCE_RESOLVE, REMITTANCE_MONEY_STAYS);
}

void people_settle(struct remittances_world *self)
{
    struct ledger_remittance_view views[LIST_MOST];
    char id[16];
    uint64_t after = 0;
    size_t count;
    for (uint32_t account = 0; account < REMIT_ACCOUNTS; account++) {
        struct ledger_account_command command = {.kind = ACCOUNT_UNFREEZE,
                                                 .account = account_of(account, id)};
        account_do(self, &command);
        people_account(self, account, false, false);
    }
    do {
        count = ledger_remittance_list(self->ledger.core, remit_node_us(self), REMITTANCE_LIST_FAILED, after,
                                       views, LIST_MOST);
        for (size_t i = 0; i < count; i++) {
            after = views[i].position;
            settle_one(self, &views[i]);
        }
    } while (count == LIST_MOST);
}
