/* Reads: balances, accounts, transfers, lists and statements, of what is known and sometimes of what is not. */
#include "actors/base/check.h"
#include "sim/workload_inside.h"

static uint32_t draw_limit(struct workload *self)
{
    return 1 + workload_below(self, workload_one_in(self, 3) ? OPERATION_PAGE_MAX : 10);
}

/* Between a little before the start and now. */
static int64_t draw_time(struct workload *self)
{
    int64_t early_us = self->config.start_us - 1000000;
    int64_t span_us = self->now_us > early_us ? self->now_us - early_us : 0;
    /* Late times as often as early ones: there is more to see near now. */
    int64_t ago_us = (int64_t)sim_random_below(&self->random, (uint64_t)span_us >> workload_below(self, 12));
    return self->now_us - ago_us;
}

/* Now and then exactly when something has happened. */
static int64_t draw_moment(struct workload *self)
{
    if (self->moment_count > 0 && workload_one_in(self, 3))
        return self->moments[workload_below(self, self->moment_count)].time_us;
    return draw_time(self);
}

static void keep_moments(struct workload *self, const struct operation *operation,
                         const struct answer *answer)
{
    struct str account = operation->history.account;
    const struct wire_history_entry *entry = &answer->entries[workload_below(self, (uint32_t)answer->count)];
    uint32_t at =
        self->moment_count < WORKLOAD_MOMENTS ? self->moment_count++ : workload_below(self, WORKLOAD_MOMENTS);
    struct known_moment *moment = &self->moments[at];
    if (account.length > ACCOUNT_ID_MAX)
        account.length = ACCOUNT_ID_MAX;
    memcpy(moment->account, account.data, account.length);
    moment->account[account.length] = '\0';
    moment->time_us = entry->time_us;
}

/* Any account with an id, sometimes a closed one or one of teller's own. */
static bool draw_account(struct workload *self, struct operation *op, struct str *id)
{
    struct known_account *account = workload_pick(
        self, &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY, .any_state = true});
    if (account == NULL)
        return false;
    *id = operation_text(op, known_id(account));
    if (self->closed_count > 0 && workload_one_in(self, 10))
        *id = operation_text(op, str_from(self->closed[workload_below(self, self->closed_count)]));
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES]))
        *id = workload_unknown(self, op);
    op->partition = workload_header(self, workload_partition(self, *id));
    return true;
}

static struct operation *read_account(struct workload *self)
{
    struct operation *op = operation_new(OPERATION_ACCOUNT_SHOW);
    if (!draw_account(self, op, &op->shown))
        operation_free(&op);
    return op;
}

static struct operation *read_balance(struct workload *self)
{
    struct operation *op = operation_new(OPERATION_BALANCE);
    if (!draw_account(self, op, &op->balance.account)) {
        operation_free(&op);
        return NULL;
    }
    op->balance.has_at = workload_one_in(self, 2);
    op->balance.at_us = op->balance.has_at ? draw_moment(self) : 0;
    return op;
}

/* A command of earlier, an item of a group, or an id that nobody has used. */
static struct operation *read_transfer(struct workload *self)
{
    struct operation *op = operation_new(OPERATION_TRANSFER_SHOW);
    op->transaction = workload_id(self);
    if (self->memory_count == 0 || workload_one_in(self, 10))
        return op;
    const struct operation *earlier = self->memory[workload_below(self, self->memory_count)];
    if (earlier->kind != OPERATION_BATCH) {
        const struct uuid *id =
            earlier->kind == OPERATION_PROPOSAL_OPEN ? &earlier->proposal.id : &earlier->account.id;
        if (!uuid_is_nil(id))
            op->transaction = *id;
        return op;
    }
    const struct ledger_command *c = earlier->commands;
    bool is_item = c->group_count > 0 && workload_one_in(self, 2);
    const struct ledger_command *shown = is_item ? &c->items[workload_below(self, c->group_count)] : c;
    if (!uuid_is_nil(&shown->id))
        op->transaction = shown->id;
    if (workload_one_in(self, 3))
        op->partition = workload_right_header(self, workload_owner(self, shown));
    return op;
}

struct operation *workload_go_on(struct workload *self, enum wire_operation kind)
{
    uint32_t start = self->cursor_count > 0 ? workload_below(self, self->cursor_count) : 0;
    for (uint32_t i = 0; i < self->cursor_count; i++) {
        uint32_t at = (start + i) % self->cursor_count;
        struct operation *next = self->cursors[at];
        if (next->kind != kind)
            continue;
        self->cursors[at] = self->cursors[--self->cursor_count];
        return next;
    }
    return NULL;
}

static struct operation *read_list(struct workload *self)
{
    static const struct str owners[] = {{"", 0},          {"", 0},       {"owner-0", 7}, {"owner-1", 7},
                                        {"new-owner", 9}, {"teller", 6}, {"nobody", 6}};
    struct operation *op =
        workload_chance(self, 600000) ? workload_go_on(self, OPERATION_ACCOUNT_LIST) : NULL;
    if (op != NULL)
        return op;
    op = operation_new(OPERATION_ACCOUNT_LIST);
    op->list.owner = owners[workload_below(self, sizeof owners / sizeof *owners)];
    op->list.limit = draw_limit(self);
    return op;
}

struct operation *workload_read(struct workload *self)
{
    switch (workload_below(self, 8)) {
    case 0:
    case 1:
        return read_account(self);
    case 2:
    case 3:
        return read_transfer(self);
    case 4:
        return read_list(self);
    default:
        return read_balance(self);
    }
}

/* A history that ends or begins at one of its own entries. */
static struct operation *history_at(struct workload *self)
{
    const struct known_moment *moment = &self->moments[workload_below(self, self->moment_count)];
    struct operation *op = operation_new(OPERATION_HISTORY);
    op->history.account = operation_text(op, str_from(moment->account));
    op->history.limit = draw_limit(self);
    op->history.has_before = workload_one_in(self, 2);
    op->history.has_after = !op->history.has_before;
    *(op->history.has_before ? &op->history.before_us : &op->history.after_us) = moment->time_us;
    op->partition = workload_header(self, workload_partition(self, op->history.account));
    return op;
}

/* A cursor that no page has given. */
static struct operation *history_forged(struct workload *self)
{
    static const struct str cursors[] = {{"1", 1}, {"0:1", 3}, {"1:00", 4}, {"x", 1}, {"123456789012", 12}};
    struct operation *op = operation_new(OPERATION_HISTORY);
    if (!draw_account(self, op, &op->history.account)) {
        operation_free(&op);
        return NULL;
    }
    op->history.limit = draw_limit(self);
    op->history.cursor = cursors[workload_below(self, sizeof cursors / sizeof *cursors)];
    return op;
}

struct operation *workload_history(struct workload *self)
{
    struct operation *op = workload_chance(self, 500000) ? workload_go_on(self, OPERATION_HISTORY) : NULL;
    if (op != NULL)
        return op;
    if (self->moment_count > 0 && workload_one_in(self, 3))
        return history_at(self);
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES] / 2))
        return history_forged(self);
    op = operation_new(OPERATION_HISTORY);
    if (!draw_account(self, op, &op->history.account)) {
        operation_free(&op);
        return NULL;
    }
    op->history.limit = draw_limit(self);
    op->history.has_before = workload_one_in(self, 4);
    op->history.has_after = workload_one_in(self, 4);
    op->history.before_us = op->history.has_before ? draw_time(self) : 0;
    op->history.after_us = op->history.has_after ? draw_time(self) : 0;
    return op;
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static void keep_cursor(struct workload *self, const struct operation *operation, struct str cursor)
{
    struct operation *next = operation_copy(operation);
    *(operation->kind == OPERATION_HISTORY         ? &next->history.cursor
      : operation->kind == OPERATION_PROPOSAL_LIST ? &next->proposals.cursor
                                                   : &next->list.cursor) = operation_text(next, cursor);
    uint32_t at = self->cursor_count;
    if (at < WORKLOAD_CURSORS) {
        self->cursor_count++;
    } else {
        at = workload_below(self, WORKLOAD_CURSORS);
        operation_free(&self->cursors[at]);
    }
    self->cursors[at] = next;
}

void workload_hear_page(struct workload *self, const struct operation *operation, const struct answer *answer)
{
    if (answer->cursor.length > 0)
        keep_cursor(self, operation, answer->cursor);
    if (operation->kind == OPERATION_ACCOUNT_SHOW)
        workload_hear_view(self, &answer->view);
    if (operation->kind == OPERATION_HISTORY && answer->count > 0)
        keep_moments(self, operation, answer);
    for (size_t i = 0; operation->kind == OPERATION_ACCOUNT_LIST && i < answer->count; i++)
        workload_hear_view(self, &answer->views[i]);
}
