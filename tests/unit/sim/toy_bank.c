/* See toy_bank.h. Ids are kept in an open table of a fixed size. */
#include "tests/unit/sim/toy_bank.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"

enum { ACCOUNTS_MAX = 4096, IDS_MAX = 1 << 18, ROWS_MAX = 40000 };

struct known_id {
    struct uuid id;
    struct ledger_row row;
    struct ledger_account_view *account; /* of a hold */
    int64_t held, expires_us;
};

struct toy_bank {
    struct ledger_account_view accounts[ACCOUNTS_MAX];
    uint32_t account_count;
    struct known_id ids[IDS_MAX];
    struct ledger_row rows[ROWS_MAX];
    struct answer answer;
};

struct toy_bank *toy_bank_new(void)
{
    struct toy_bank *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    return self;
}

void toy_bank_free(struct toy_bank *self)
{
    free(self);
}

static struct ledger_account_view *find(struct toy_bank *self, struct str id)
{
    for (uint32_t i = 0; i < self->account_count; i++) {
        if (str_equal(id, (struct str){self->accounts[i].id, self->accounts[i].id_length}))
            return &self->accounts[i];
    }
    return NULL;
}

static struct known_id *find_id(struct toy_bank *self, const struct uuid *id)
{
    uint64_t at;
    memcpy(&at, id->bytes, sizeof at);
    while (!uuid_is_nil(&self->ids[at % IDS_MAX].id) && !uuid_equal(&self->ids[at % IDS_MAX].id, id))
        at++;
    return &self->ids[at % IDS_MAX];
}

static struct ledger_row refused(enum code code, enum field field)
{
    return (struct ledger_row){.code = (uint8_t)code, .field = (uint8_t)field};
}

static enum code side(const struct ledger_account_view *account, const struct ledger_command *c)
{
    if (account == NULL)
        return CODE_ACCOUNT_NOT_FOUND;
    if (account->currency != c->currency)
        return CODE_CURRENCY_MISMATCH;
    if (account->state != ACCOUNT_ACTIVE)
        return account->state == ACCOUNT_CLOSED ? CODE_ACCOUNT_CLOSED : CODE_ACCOUNT_FROZEN;
    return CODE_OK;
}

static struct ledger_row move(struct toy_bank *self, const struct ledger_command *c)
{
    struct ledger_account_view *from = find(self, c->from), *to = find(self, c->to);
    struct ledger_row row = {0};
    enum code code = c->kind == COMMAND_DEPOSIT ? CODE_OK : side(from, c);
    if (code == CODE_OK && from != NULL && c->amount > from->balance - from->pending - from->minimum_balance)
        code = CODE_INSUFFICIENT_FUNDS;
    if (code != CODE_OK)
        return refused(code, FIELD_FROM_ACCOUNT);
    code = c->kind == COMMAND_WITHDRAW ? CODE_OK : side(to, c);
    if (code == CODE_OK && to != NULL && to->ceiling != INT64_MAX && c->amount > to->ceiling - to->balance)
        code = CODE_CEILING_EXCEEDED;
    if (code != CODE_OK)
        return refused(code, FIELD_TO_ACCOUNT);
    if (from != NULL) {
        row.has |= ROW_HAS_FROM;
        row.from_balance = from->balance -= c->amount;
    }
    if (to != NULL) {
        row.has |= ROW_HAS_TO;
        row.to_balance = to->balance += c->amount;
    }
    return row;
}

static struct ledger_row hold_open(struct toy_bank *self, const struct ledger_command *c,
                                   struct known_id *known)
{
    struct ledger_account_view *from = find(self, c->from);
    enum code code = side(from, c);
    if (code == CODE_OK && c->amount > from->balance - from->pending - from->minimum_balance)
        code = CODE_INSUFFICIENT_FUNDS;
    if (code != CODE_OK)
        return refused(code, FIELD_FROM_ACCOUNT);
    known->account = from;
    known->held = c->amount;
    known->expires_us = c->expires_us;
    from->pending += c->amount;
    return (struct ledger_row){.has = ROW_HAS_FROM, .from_balance = from->balance};
}

static void hold_sinks(struct known_id *hold, int64_t amount)
{
    hold->held -= amount;
    hold->account->pending -= amount;
}

static struct ledger_row hold_end(struct toy_bank *self, const struct ledger_command *c, int64_t now_us)
{
    struct known_id *hold = find_id(self, &c->of);
    struct ledger_account_view *from = find(self, c->from);
    if (hold->account == NULL || hold->account != from)
        return refused(CODE_HOLD_NOT_FOUND, FIELD_HOLD);
    if (hold->expires_us != 0 && hold->expires_us <= now_us)
        hold_sinks(hold, hold->held);
    if (hold->held == 0)
        return refused(CODE_HOLD_EXPIRED, FIELD_HOLD);
    int64_t amount = c->kind == COMMAND_RELEASE ? 0 : c->amount == 0 ? hold->held : c->amount;
    enum code code = c->kind == COMMAND_RELEASE ? CODE_OK : side(from, c);
    if (code == CODE_OK && amount > hold->held)
        return refused(CODE_HOLD_EXCEEDED, FIELD_AMOUNT);
    if (code != CODE_OK)
        return refused(code, FIELD_FROM_ACCOUNT);
    hold_sinks(hold, c->flags & COMMAND_KEEPS_REST ? amount : hold->held);
    from->balance -= amount;
    return (struct ledger_row){.has = ROW_HAS_FROM, .from_balance = from->balance};
}

static bool is_amount(const struct ledger_command *c)
{
    bool may_be_none = c->kind == COMMAND_CAPTURE || c->kind == COMMAND_RELEASE;
    return c->amount <= MONEY_MAX && c->amount >= (may_be_none ? 0 : 1);
}

static struct ledger_row carry_out(struct toy_bank *self, const struct ledger_command *c,
                                   struct known_id *known, int64_t now_us)
{
    if (c->kind == COMMAND_HOLD)
        return hold_open(self, c, known);
    if (c->kind == COMMAND_CAPTURE || c->kind == COMMAND_RELEASE)
        return hold_end(self, c, now_us);
    return move(self, c);
}

static struct ledger_row decide(struct toy_bank *self, const struct ledger_command *c, int64_t now_us)
{
    struct known_id *known = find_id(self, &c->id);
    if (uuid_is_nil(&c->id) || !is_amount(c))
        return refused(CODE_INVALID_FIELD, FIELD_AMOUNT);
    if (c->from.length > 0 && str_equal(c->from, c->to))
        return refused(CODE_SAME_ACCOUNT, FIELD_TO_ACCOUNT);
    if (!uuid_is_nil(&known->id))
        return known->row;
    if (c->deadline_us != 0 && c->deadline_us < now_us)
        return refused(CODE_DEADLINE_EXCEEDED, FIELD_NONE);
    known->id = c->id;
    known->row = carry_out(self, c, known, now_us);
    return known->row;
}

static void post(struct toy_bank *self, const struct operation *operation, int64_t now_us)
{
    struct ledger_row *row = self->rows;
    CHECK(operation->row_count <= ROWS_MAX);
    for (uint32_t i = 0; i < operation->count; i++) {
        const struct ledger_command *c = &operation->commands[i];
        if (c->kind != COMMAND_GROUP) {
            *row++ = decide(self, c, now_us);
            continue;
        }
        *row++ = (struct ledger_row){.group_count = c->group_count};
        for (uint32_t j = 0; j < c->group_count; j++)
            *row++ = decide(self, &c->items[j], now_us);
    }
    self->answer.rows = self->rows;
    self->answer.row_count = operation->row_count;
    self->answer.code = operation->count == 0 ? CODE_INVALID_FIELD : CODE_OK;
}

static void open_account(struct toy_bank *self, const struct ledger_account_command *c)
{
    struct ledger_account_view *view = &self->accounts[self->account_count];
    if (find(self, c->account) != NULL) {
        self->answer.view = *find(self, c->account);
        return;
    }
    CHECK(self->account_count++ < ACCOUNTS_MAX);
    *view = (struct ledger_account_view){.state = ACCOUNT_ACTIVE,
                                         .currency = c->currency,
                                         .minimum_balance = c->minimum_balance,
                                         .ceiling = c->ceiling};
    view->id_length = (uint8_t)c->account.length;
    if (c->account.length == 0)
        view->id_length = (uint8_t)snprintf(view->id, sizeof view->id, "T%u", self->account_count);
    else
        memcpy(view->id, c->account.data, c->account.length);
    self->answer.view = *view;
}

static void step_account(struct toy_bank *self, const struct ledger_account_command *c)
{
    struct ledger_account_view *view = find(self, c->account);
    if (view == NULL || view->state == ACCOUNT_CLOSED)
        self->answer.code = view == NULL ? CODE_ACCOUNT_NOT_FOUND : CODE_ACCOUNT_CLOSED;
    else if (c->kind == ACCOUNT_CLOSE && view->balance != 0)
        self->answer.code = CODE_NOT_EMPTY;
    else if (c->kind == ACCOUNT_CLOSE)
        view->state = ACCOUNT_CLOSED;
    else if (c->kind == ACCOUNT_FREEZE || c->kind == ACCOUNT_UNFREEZE)
        view->state = c->kind == ACCOUNT_FREEZE ? ACCOUNT_FROZEN : ACCOUNT_ACTIVE;
    if (self->answer.code == CODE_OK && c->sets & ACCOUNT_SETS_MINIMUM)
        view->minimum_balance = c->minimum_balance;
    if (self->answer.code == CODE_OK && c->sets & ACCOUNT_SETS_CEILING)
        view->ceiling = c->ceiling;
    if (self->answer.code == CODE_OK)
        self->answer.view = *view;
}

const struct answer *toy_bank_answer(struct toy_bank *self, const struct operation *operation, int64_t now_us)
{
    self->answer = (struct answer){0};
    if (operation->kind <= OPERATION_BATCH)
        post(self, operation, now_us);
    else if (operation->kind == OPERATION_ACCOUNT_OPEN)
        open_account(self, &operation->account);
    else if (operation->kind <= OPERATION_ACCOUNT_CLOSE)
        step_account(self, &operation->account);
    else if (operation->kind == OPERATION_HISTORY)
        self->answer.cursor = STR_LITERAL("0:12");
    else if (operation->kind == OPERATION_ACCOUNT_SHOW)
        self->answer.code = CODE_ACCOUNT_NOT_FOUND;
    return &self->answer;
}
