/* Messages that move money: singles and batches, and what their answers tell of balances. */
#include "sim/workload_inside.h"

enum { BATCH_USUAL = 50, BATCH_LONG = 400, REMEMBERED_OF_BATCH = 4 };

/* Balances stay below it. */
#define FLOOD_LIMIT INT64_C(4000000000000000000)

/* ---- messages ---------------------------------------------------------------------------------------- */

/* Copies a command to where it may be asked again from. */
static void remember(struct workload *self, const struct ledger_command *command)
{
    if (command->kind == COMMAND_GROUP &&
        (command->group_count == 0 || command->group_count > LEDGER_GROUP_MAX))
        return;
    struct operation *copy = operation_new(OPERATION_BATCH);
    operation_command_copy(copy, command, operation_commands(copy, 1));
    workload_remember(self, copy);
}

static void remember_some(struct workload *self, const struct operation *op)
{
    uint32_t most = op->count < REMEMBERED_OF_BATCH ? op->count : REMEMBERED_OF_BATCH;
    for (uint32_t i = 0; i < most; i++)
        remember(self, &op->commands[workload_below(self, op->count)]);
}

static enum wire_operation operation_of(uint8_t kind)
{
    if (kind >= COMMAND_HOLD)
        return OPERATION_BATCH; /* of one */
    if (kind == COMMAND_DEPOSIT)
        return OPERATION_DEPOSIT;
    return kind == COMMAND_WITHDRAW ? OPERATION_WITHDRAW : OPERATION_TRANSFER;
}

/* The header's deadline, besides those of items. */
static void set_deadline(struct workload *self, struct operation *op)
{
    if (workload_chance(self, self->deadlines_per_million / 4))
        op->deadline_us = workload_deadline(self);
    else if (workload_chance(self, self->trouble[FEATURE_DEADLINES] / 8))
        op->deadline_us = workload_past(self);
}

/* A single around a command whose strings are the operation's already. */
static struct operation *single_end(struct workload *self, struct operation *op,
                                    const struct ledger_command *c)
{
    op->kind = operation_of(c->kind);
    *operation_commands(op, 1) = *c;
    operation_seal(op);
    op->partition = workload_header(self, workload_owner(self, c));
    remember_some(self, op);
    return op;
}

/* Someone gets a little, frozen or not: what is always possible. */
static void draw_last_resort(struct workload *self, struct operation *op, struct ledger_command *out)
{
    struct known_account *to = workload_pick(
        self, &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY, .any_state = true});
    *out = workload_deposit(self, to, 1);
    out->to = operation_text(op, out->to);
}

static struct operation *draw_single(struct workload *self)
{
    struct operation *op = operation_new(OPERATION_TRANSFER);
    struct ledger_command c;
    if (!workload_item(self, op, WIRE_PARTITION_ANY, &c))
        draw_last_resort(self, op, &c);
    set_deadline(self, op);
    return single_end(self, op, &c);
}

static uint32_t batch_size(struct workload *self)
{
    if (!workload_has(self, FEATURE_BATCHES))
        return 1;
    if (workload_one_in(self, 60))
        return BATCH_USUAL + workload_below(self, BATCH_LONG - BATCH_USUAL + 1);
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES] / 50))
        return 0;
    return 1 + workload_below(self, workload_one_in(self, 4) ? BATCH_USUAL : 8);
}

/* Either all items belong to one partition, which the header names, or to any, and the broker splits the batch. */
static struct operation *draw_batch(struct workload *self, uint32_t groups_per_million)
{
    struct operation *op = operation_new(OPERATION_BATCH);
    uint32_t wanted = batch_size(self);
    uint32_t any = workload_right_header(self, 0);
    uint32_t home = any == WIRE_PARTITION_ANY ? any : workload_below(self, self->config.partitions);
    struct ledger_command *commands = operation_commands(op, wanted);
    uint32_t used = 0;
    self->groups_left = self->config.groups > 0 ? self->config.groups : UINT32_MAX;
    while (used < wanted) {
        /* The same command twice in one message. */
        bool is_twice = used > 0 && workload_chance(self, self->trouble[FEATURE_REPEATS] / 8);
        bool is_group = workload_chance(self, groups_per_million) && self->groups_left > 0;
        if (is_twice)
            commands[used] = commands[workload_below(self, used)];
        else if (!(is_group ? workload_group(self, op, home, &commands[used])
                            : workload_item(self, op, home, &commands[used])))
            break;
        if (commands[used].kind != COMMAND_GROUP || self->groups_left > 0)
            self->groups_left -= commands[used++].kind == COMMAND_GROUP;
    }
    if (used == 0 && wanted > 0) {
        draw_last_resort(self, op, commands);
        home = workload_owner(self, commands);
        used = 1;
    }
    op->count = used;
    operation_seal(op);
    op->partition = home;
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES] / 16))
        op->partition = workload_below(self, self->config.partitions + 1);
    set_deadline(self, op);
    remember_some(self, op);
    return op;
}

struct operation *workload_money(struct workload *self)
{
    if (workload_chance(self, self->batches_per_million))
        return draw_batch(self, self->groups_per_million);
    /* Groups travel in batches; without batches they travel alone. */
    if (!workload_has(self, FEATURE_BATCHES) && workload_chance(self, self->groups_per_million))
        return draw_batch(self, 1000000);
    return draw_single(self);
}

/* ---- what keeps accounts alive ----------------------------------------------------------------------- */

struct operation *workload_fund(struct workload *self)
{
    for (uint32_t i = 0; i < self->account_count; i++) {
        struct known_account *account = &self->accounts[i];
        if (!account->wants_funds || account->state == KNOWN_NOT || account->id_length == 0)
            continue;
        struct operation *op = operation_new(OPERATION_DEPOSIT);
        int64_t scale = workload_scale(self, account->currency);
        int64_t amount = scale / 2 + 1 + (int64_t)sim_random_below(&self->random, (uint64_t)scale / 2);
        account->wants_funds = false;
        struct ledger_command c = workload_deposit(self, account, amount);
        c.to = operation_text(op, c.to);
        return single_end(self, op, &c);
    }
    return NULL;
}

struct operation *workload_drain(struct workload *self, struct known_account *account)
{
    int64_t amount = account->balance < MONEY_MAX ? account->balance : MONEY_MAX;
    struct wish wish = {.in = WIRE_PARTITION_ANY,
                        .not_in = WIRE_PARTITION_ANY,
                        .currency = account->currency,
                        .not = account,
                        .room = amount};
    struct ledger_command c;
    bool crosses = workload_has(self, FEATURE_CROSSING) && workload_one_in(self, 2);
    if (workload_has(self, FEATURE_WITHDRAWALS) && !crosses) {
        c = workload_withdrawal(self, account, amount);
    } else {
        bool is_local = workload_has(self, FEATURE_LOCAL) && !crosses;
        if (!is_local && !workload_has(self, FEATURE_CROSSING))
            return NULL;
        *(is_local ? &wish.in : &wish.not_in) = account->partition;
        struct known_account *to = workload_pick(self, &wish);
        if (to == NULL)
            return NULL;
        c = workload_transfer(self, account, to, amount);
    }
    struct operation *op = operation_new(OPERATION_TRANSFER);
    c.from = operation_text(op, c.from);
    c.to = operation_text(op, c.to);
    return single_end(self, op, &c);
}

struct operation *workload_send_to(struct workload *self, struct known_account *account)
{
    struct wish wish = {.in = WIRE_PARTITION_ANY,
                        .not_in = account->partition,
                        .currency = account->currency,
                        .not = account,
                        .available = 1};
    struct known_account *from = workload_has(self, FEATURE_CROSSING) ? workload_pick(self, &wish) : NULL;
    if (from == NULL)
        return NULL;
    struct operation *op = operation_new(OPERATION_TRANSFER);
    struct ledger_command c = workload_transfer(self, from, account, 1);
    c.from = operation_text(op, c.from);
    c.to = operation_text(op, c.to);
    if (!workload_has(self, FEATURE_GROUPS))
        return single_end(self, op, &c);
    struct ledger_command *items = operation_alloc(op, sizeof *items);
    items[0] = c;
    op->kind = OPERATION_BATCH;
    *operation_commands(op, 1) = (struct ledger_command){
        .kind = COMMAND_GROUP, .id = workload_id(self), .group_count = 1, .items = items};
    operation_seal(op);
    op->partition = workload_right_header(self, from->partition);
    remember_some(self, op);
    return op;
}

/* The second account has no ceiling either, and is in another partition where there is one. */
static bool flood_accounts(struct workload *self, struct known_account **to, struct known_account **other)
{
    *to = *other = NULL;
    for (uint32_t i = 0; i < self->account_count; i++) {
        struct known_account *account = &self->accounts[i];
        if (account->state != KNOWN_OPEN || account->ceiling != INT64_MAX || account->id_length == 0)
            continue;
        if (*to == NULL)
            *to = account;
        else if (account->currency == (*to)->currency &&
                 (*other == NULL || account->partition != (*to)->partition))
            *other = account;
    }
    return *to != NULL;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t flood_amount(struct workload *self, const struct known_account *to)
{
    int64_t room = FLOOD_LIMIT > to->balance ? FLOOD_LIMIT - to->balance : 0;
    if (room >= MONEY_MAX || workload_one_in(self, 3))
        return MONEY_MAX;
    return room + workload_below(self, 2) > 0 ? room + workload_below(self, 2) : 1;
}

struct operation *workload_flood(struct workload *self)
{
    struct known_account *to, *other;
    if (!flood_accounts(self, &to, &other))
        return NULL;
    struct operation *op = operation_new(OPERATION_TRANSFER);
    struct ledger_command c;
    if (other != NULL && known_available(other) > MONEY_MAX / 2 && workload_one_in(self, 2))
        c = workload_transfer(self, other, to, least(known_available(other), MONEY_MAX));
    else if (other != NULL && workload_has(self, FEATURE_CROSSING) && known_available(to) >= MONEY_MAX &&
             workload_one_in(self, 8))
        c = workload_transfer(self, to, other, MONEY_MAX);
    else
        c = workload_deposit(self, to, flood_amount(self, to));
    if (c.amount > MONEY_MAX)
        c.amount = MONEY_MAX;
    c.from = operation_text(op, c.from);
    c.to = operation_text(op, c.to);
    return single_end(self, op, &c);
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static void hear_credit(struct known_account *to, int64_t balance, int64_t amount)
{
    to->balance = balance;
    to->coming = to->coming > amount ? to->coming - amount : 0;
}

static void hear_ok(struct workload *self, const struct ledger_command *c, const struct ledger_row *row)
{
    struct known_account *from = workload_find(self, c->from);
    struct known_account *to = workload_find(self, c->to);
    if (from != NULL && row->has & ROW_HAS_FROM)
        from->balance = row->from_balance;
    if (from != NULL && c->kind == COMMAND_CAPTURE)
        from->held = from->held > c->amount ? from->held - c->amount : 0;
    if (to != NULL && row->has & ROW_HAS_TO)
        hear_credit(to, row->to_balance, c->amount);
}

/* Beliefs that a refusal has shown to be wrong. */
static void hear_refused(struct workload *self, const struct ledger_command *c, const struct ledger_row *row)
{
    struct known_account *account = workload_find(self, row->field == FIELD_FROM_ACCOUNT ? c->from : c->to);
    struct known_account *to = workload_find(self, c->to);
    if (c->amount < 1 || c->amount > MONEY_MAX)
        return;
    if (to != NULL)
        hear_credit(to, to->balance, c->amount);
    if (account == NULL)
        return;
    if (row->code == CODE_INSUFFICIENT_FUNDS && row->field == FIELD_FROM_ACCOUNT &&
        c->amount <= known_available(account) + c->amount / 2)
        account->balance = account->minimum_balance;
    if (row->code == CODE_ACCOUNT_FROZEN && account->state != KNOWN_RETIRING)
        account->state = KNOWN_FROZEN;
    if (row->code == CODE_ACCOUNT_NOT_FOUND && c->kind == COMMAND_DEPOSIT)
        account->wants_funds = account->state == KNOWN_OPEN;
}

static void hear_row(struct workload *self, const struct ledger_command *c, const struct ledger_row *row)
{
    if (row->code == CODE_OK)
        hear_ok(self, c, row);
    else
        hear_refused(self, c, row);
}

void workload_hear_rows(struct workload *self, const struct operation *operation, const struct answer *answer)
{
    const struct ledger_row *row = answer->rows;
    if (answer->row_count != operation->row_count)
        return;
    for (uint32_t i = 0; i < operation->count; i++) {
        const struct ledger_command *c = &operation->commands[i];
        hear_row(self, c, row++);
        for (uint32_t j = 0; j < c->group_count; j++)
            hear_row(self, &c->items[j], row++);
    }
}
