/* Items: ordinary ones, those that are meant to go wrong, and groups of both.
 *
 * An ordinary item is drawn so that it should succeed by what is believed of its accounts, and its debit is believed to
 * have happened at once. Trouble is then laid upon it: one of the features that make commands fail takes it and
 * changes it.
 */
#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "sim/workload_inside.h"

enum { GROUP_USUAL = 8 };

/* ---- plain commands -------------------------------------------------------------------------------- */

static struct ledger_command command_of(struct workload *self, enum ledger_command_kind kind,
                                        currency_index currency, int64_t amount)
{
    return (struct ledger_command){
        .kind = (uint8_t)kind, .currency = currency, .amount = amount, .id = workload_id(self)};
}

/* Matters only where there is a limit to it. */
static void expect_credit(struct known_account *to, int64_t amount)
{
    if (to->ceiling != INT64_MAX)
        to->coming += amount;
}

int64_t workload_rate(struct workload *self, const struct known_account *to)
{
    enum { WHOLE_MOST = 3000 };
    bool wanted = workload_has(self, FEATURE_FX) && (to->has_book || workload_one_in(self, 8));
    if (!wanted || (to->has_book && !self->is_careful && workload_one_in(self, 32)))
        return 0;
    int64_t rate = 1 + (int64_t)sim_random_below(&self->random, (uint64_t)WHOLE_MOST * RATE_ONE);
    if (!self->is_careful && workload_one_in(self, 64))
        return RATE_MAX; /* what it makes of most amounts does not fit */
    return workload_one_in(self, 4) ? rate % RATE_ONE + 1 : rate;
}

struct ledger_command workload_deposit(struct workload *self, struct known_account *to, int64_t amount)
{
    struct ledger_command c = command_of(self, COMMAND_DEPOSIT, to->currency, amount);
    c.to = known_id(to);
    c.rate = workload_rate(self, to);
    expect_credit(to, amount);
    return c;
}

struct ledger_command workload_withdrawal(struct workload *self, struct known_account *from, int64_t amount)
{
    struct ledger_command c = command_of(self, COMMAND_WITHDRAW, from->currency, amount);
    c.from = known_id(from);
    c.rate = workload_one_in(self, 2) ? workload_rate(self, from) : 0;
    from->balance -= amount;
    return c;
}

struct ledger_command workload_transfer(struct workload *self, struct known_account *from,
                                        struct known_account *to, int64_t amount)
{
    struct ledger_command c = command_of(self, COMMAND_TRANSFER, from->currency, amount);
    c.from = known_id(from);
    c.to = known_id(to);
    c.rate = workload_rate(self, to);
    from->balance -= amount;
    expect_credit(to, amount);
    return c;
}

uint32_t workload_owner(const struct workload *self, const struct ledger_command *command)
{
    const struct ledger_command *c = command;
    if (c->kind == COMMAND_GROUP)
        c = c->items;
    return workload_partition(self, c->kind == COMMAND_DEPOSIT ? c->to : c->from);
}

/* 1 .. most, small ones far more often. */
static int64_t draw_amount(struct workload *self, int64_t most)
{
    int64_t limit = most < MONEY_MAX ? most : MONEY_MAX;
    uint32_t way = workload_below(self, 32);
    if (way == 0)
        return limit;
    if (way == 1)
        return 1;
    return 1 + (int64_t)sim_random_below(&self->random, (uint64_t)limit >> (3 + workload_below(self, 6)));
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool draw_deposit(struct workload *self, uint32_t home, struct ledger_command *out)
{
    struct known_account *to =
        workload_pick(self, &(struct wish){.in = home, .not_in = WIRE_PARTITION_ANY, .room = 1});
    if (to == NULL)
        return false;
    /* Deposits keep the accounts filled, and do not fill them without end. */
    int64_t scale = workload_scale(self, to->currency);
    int64_t most = to->balance > 4 * scale ? scale / 64 + 1 : scale / 2 + 1;
    *out = workload_deposit(self, to, draw_amount(self, least(most, known_room(to))));
    return true;
}

static struct known_account *pick_payer(struct workload *self, uint32_t home)
{
    return workload_pick(self, &(struct wish){.in = home, .not_in = WIRE_PARTITION_ANY, .available = 1});
}

static bool draw_withdrawal(struct workload *self, uint32_t home, struct ledger_command *out)
{
    struct known_account *from = pick_payer(self, home);
    if (from == NULL)
        return false;
    *out = workload_withdrawal(self, from, draw_amount(self, known_available(from)));
    return true;
}

static bool draw_transfer(struct workload *self, uint32_t home, bool is_crossing, struct ledger_command *out)
{
    struct known_account *from = pick_payer(self, home);
    if (from == NULL)
        return false;
    struct wish wish = {.in = WIRE_PARTITION_ANY,
                        .not_in = WIRE_PARTITION_ANY,
                        .currency = from->currency,
                        .not = from,
                        .room = 1};
    *(is_crossing ? &wish.not_in : &wish.in) = from->partition;
    struct known_account *to = workload_pick(self, &wish);
    if (to == NULL)
        return false;
    int64_t amount = draw_amount(self, least(known_available(from), known_room(to)));
    *out = workload_transfer(self, from, to, amount);
    return true;
}

/* By the weights of those that are on, and that leave `debits` a payer. */
static bool draw_kind(struct workload *self, bool debits, uint32_t home, struct ledger_command *out)
{
    uint32_t deposits = debits ? 0 : self->weight[FEATURE_DEPOSITS];
    uint32_t withdrawals = self->weight[FEATURE_WITHDRAWALS];
    uint32_t local = self->weight[FEATURE_LOCAL];
    uint32_t crossing = self->weight[FEATURE_CROSSING];
    uint32_t holds = self->is_careful ? 0 : self->weight[FEATURE_HOLDS]; /* groups have none */
    uint32_t at = workload_below(self, deposits + withdrawals + local + crossing + holds);
    if (at < holds)
        return workload_hold(self, home, out);
    at -= holds;
    if (at < deposits)
        return draw_deposit(self, home, out);
    at -= deposits;
    if (at < withdrawals)
        return draw_withdrawal(self, home, out);
    at -= withdrawals;
    if (at < local)
        return draw_transfer(self, home, false, out);
    return crossing > 0 && draw_transfer(self, home, true, out);
}

/* ---- bursts: N + 1 withdrawals of one balance -------------------------------------------------------- */

static void begin_burst(struct workload *self, uint32_t home)
{
    struct known_account *from = pick_payer(self, home);
    uint32_t n = 1 + workload_below(self, WORKLOAD_BURST_MAX - 1);
    if (from == NULL || known_available(from) < n)
        return;
    self->burst = from;
    self->burst_left = n + 1;
    self->burst_amount = least(known_available(from) / n, MONEY_MAX);
}

/* The next of a burst, with a kind that takes money. false: no such kind is on, or nobody could take it. */
static bool draw_burst(struct workload *self, uint32_t home, struct ledger_command *out)
{
    struct known_account *from = self->burst;
    if (home != WIRE_PARTITION_ANY && home != from->partition)
        return false;
    bool is_last = --self->burst_left == 0;
    if (is_last)
        self->burst = NULL;
    if (workload_has(self, FEATURE_WITHDRAWALS)) {
        *out = workload_withdrawal(self, from, self->burst_amount);
        return true;
    }
    struct wish wish = {.in = WIRE_PARTITION_ANY,
                        .not_in = WIRE_PARTITION_ANY,
                        .currency = from->currency,
                        .not = from,
                        .room = self->burst_amount};
    bool is_local = workload_has(self, FEATURE_LOCAL);
    struct known_account *to = NULL;
    if (is_local || workload_has(self, FEATURE_CROSSING)) {
        *(is_local ? &wish.in : &wish.not_in) = from->partition;
        to = workload_pick(self, &wish);
    }
    if (to != NULL)
        *out = workload_transfer(self, from, to, self->burst_amount);
    return to != NULL;
}

/* An item that should succeed. */
static bool draw_plain(struct workload *self, struct operation *op, uint32_t home, struct ledger_command *out)
{
    bool is_drawn = self->burst != NULL && !self->is_careful && draw_burst(self, home, out);
    for (int tries = 0; !is_drawn && tries < 6; tries++)
        is_drawn = draw_kind(self, false, home, out);
    /* Nobody has money, or nothing that moves money is on: someone gets some. */
    if (!is_drawn && !draw_deposit(self, home, out))
        return false;
    out->from = operation_text(op, out->from);
    out->to = operation_text(op, out->to);
    out->memo = workload_note(self, op, MEMO_MAX);
    out->reference = workload_note(self, op, REFERENCE_MAX);
    if (workload_chance(self, self->deadlines_per_million / (self->is_careful ? 64 : 2)))
        out->deadline_us = workload_deadline(self);
    return true;
}

/* ---- trouble ----------------------------------------------------------------------------------------- */

/* The trouble of the next item; FEATURE_COUNT: none. */
static enum feature draw_trouble(struct workload *self)
{
    uint32_t at = workload_below(self, 1000000);
    for (enum feature f = 0; f < FEATURE_COUNT; f++) {
        if (at < self->trouble[f])
            return f;
        at -= self->trouble[f];
    }
    return FEATURE_COUNT;
}

/* A command of earlier: whole, or one item out of a group. NULL: none. */
static const struct ledger_command *recall(struct workload *self, bool may_be_group)
{
    for (uint32_t tries = 0; tries < 20 && self->memory_count > 0; tries++) {
        const struct operation *earlier = self->memory[workload_below(self, self->memory_count)];
        if (earlier->kind != OPERATION_BATCH)
            continue;
        const struct ledger_command *c = earlier->commands;
        if (c->kind == COMMAND_GROUP && c->group_count > 0 && (!may_be_group || workload_one_in(self, 3)))
            c = &c->items[workload_below(self, c->group_count)];
        if (self->is_in_group && c->kind >= COMMAND_HOLD)
            continue;
        if (may_be_group || c->kind != COMMAND_GROUP)
            return c;
    }
    return NULL;
}

/* The receiver instead of the sender, and the other way round. */
static void turn_kind(struct ledger_command *c)
{
    if (c->kind == COMMAND_DEPOSIT) {
        c->kind = COMMAND_WITHDRAW;
        c->from = c->to;
        c->to = (struct str){0};
    } else {
        c->kind = COMMAND_DEPOSIT;
        c->to = c->from;
        c->from = (struct str){0};
    }
}

/* Another account in the same currency, for the side that does not decide where the item belongs. */
static void change_account(struct workload *self, struct operation *op, struct ledger_command *c)
{
    struct known_account *other = workload_pick(
        self,
        &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY, .currency = c->currency});
    if (other == NULL || c->kind != COMMAND_TRANSFER || str_equal(known_id(other), c->from) ||
        str_equal(known_id(other), c->to))
        c->amount += c->amount < MONEY_MAX ? 1 : -1;
    else
        c->to = operation_text(op, known_id(other));
}

static void change_hold(struct workload *self, struct ledger_command *c)
{
    if (c->kind == COMMAND_HOLD)
        c->expires_us = c->expires_us == 0 ? self->now_us + 60000000 : c->expires_us + 1;
    else if (c->kind == COMMAND_CAPTURE)
        c->flags ^= COMMAND_KEEPS_REST;
    else
        c->of = workload_id(self);
}

/* One thing of its payload becomes another. */
static void change_payload(struct workload *self, struct operation *op, struct ledger_command *c)
{
    if (c->kind == COMMAND_RELEASE || (c->kind >= COMMAND_HOLD && workload_one_in(self, 2))) {
        change_hold(self, c);
        return;
    }
    switch (workload_below(self, 5)) {
    case 0:
        if (c->kind <= COMMAND_WITHDRAW)
            turn_kind(c);
        return;
    case 1:
        change_account(self, op, c);
        return;
    case 2:
        c->memo = str_equal(c->memo, STR_LITERAL("x")) ? STR_LITERAL("y") : STR_LITERAL("x");
        return;
    case 3:
        c->reference = str_equal(c->reference, STR_LITERAL("x")) ? STR_LITERAL("y") : STR_LITERAL("x");
        return;
    default:
        c->amount += c->amount < MONEY_MAX ? 1 : -1;
        return;
    }
}

/* A group with the same id: with one item changed, or one fewer. */
static void change_group(struct workload *self, struct operation *op, struct ledger_command *group)
{
    struct ledger_command *items = operation_alloc(op, group->group_count * sizeof *items);
    memcpy(items, group->items, group->group_count * sizeof *items);
    if (group->group_count > 1 && workload_one_in(self, 2))
        group->group_count--;
    else
        change_payload(self, op, &items[workload_below(self, group->group_count)]);
    group->items = items;
}

/* Something asked earlier takes the item's place, if it belongs to the same partition. */
static void ask_again(struct workload *self, struct operation *op, uint32_t home, bool is_conflict,
                      bool may_be_group, struct ledger_command *c)
{
    const struct ledger_command *earlier = recall(self, may_be_group);
    struct ledger_command again;
    if (earlier == NULL)
        return;
    operation_command_copy(op, earlier, &again);
    if (is_conflict && again.kind == COMMAND_GROUP)
        change_group(self, op, &again);
    else if (is_conflict)
        change_payload(self, op, &again);
    if (home == WIRE_PARTITION_ANY || workload_owner(self, &again) == home)
        *c = again;
}

/* The id of something of another kind, perhaps: an opening, a group, an item. The newest is often still under way. */
static void take_id(struct workload *self, struct uuid *id)
{
    if (self->memory_count == 0)
        return;
    uint32_t at = workload_one_in(self, 2) ? self->memory_newest : workload_below(self, self->memory_count);
    const struct operation *earlier = self->memory[at];
    struct uuid taken = earlier->account.id;
    if (earlier->kind == OPERATION_BATCH) {
        const struct ledger_command *c = earlier->commands;
        bool is_item = c->kind == COMMAND_GROUP && c->group_count > 0 && workload_one_in(self, 2);
        taken = is_item ? c->items[workload_below(self, c->group_count)].id : c->id;
    } else if (earlier->kind == OPERATION_PROPOSAL_OPEN) {
        taken = earlier->proposal.id;
    }
    if (!uuid_is_nil(&taken))
        *id = taken;
}

static void overdraw(struct workload *self, struct ledger_command *c)
{
    struct known_account *from = workload_find(self, c->from);
    if (from == NULL || c->kind == COMMAND_RELEASE)
        return;
    int64_t available = known_available(from);
    int64_t more = 1 + (int64_t)sim_random_below(&self->random, (uint64_t)workload_scale(self, c->currency));
    if (workload_one_in(self, 4))
        begin_burst(self, from->partition);
    if (available >= 0 && available + more + c->amount <= MONEY_MAX) {
        from->balance += c->amount; /* nothing will be taken */
        c->amount += available + more;
    }
}

/* More than there is room for; turns the item into a deposit where its own receiver has no ceiling. */
static void pass_ceiling(struct workload *self, struct operation *op, uint32_t home, struct ledger_command *c)
{
    for (int tries = 0; tries < 8; tries++) {
        struct known_account *to =
            workload_pick(self, &(struct wish){.in = home, .not_in = WIRE_PARTITION_ANY, .room = 1});
        if (to == NULL || to->ceiling == INT64_MAX || known_room(to) >= MONEY_MAX - 100)
            continue;
        int64_t amount = known_room(to) + 1 + workload_below(self, 100);
        struct known_account *from = workload_find(self, c->from);
        if (from != NULL)
            from->balance += c->amount;
        *c = workload_deposit(self, to, amount);
        c->to = operation_text(op, c->to);
        return;
    }
}

static void mistake_amount(struct workload *self, struct ledger_command *c)
{
    static const int64_t wrong[] = {0, -1, MONEY_MAX + 1, INT64_MAX, INT64_MIN};
    c->amount = wrong[workload_below(self, sizeof wrong / sizeof *wrong)];
}

static void mistake_text(struct workload *self, struct operation *op, struct ledger_command *c)
{
    static const struct str wrong[] = {{"a\nb", 3}, {"\xc0\xaf", 2}, {"\xe2\x80\xae", 3}, {"\0", 1}};
    if (workload_one_in(self, 2))
        c->memo = workload_text(self, op, MEMO_MAX + 1);
    else
        c->reference = wrong[workload_below(self, sizeof wrong / sizeof *wrong)];
}

/* An account that must not be named, is not there, or is there no more. */
static struct str wrong_account(struct workload *self, struct operation *op)
{
    uint32_t way = workload_below(self, 8);
    if (way == 0)
        return STR_LITERAL("house:cash:USD:0");
    if (way == 1)
        return STR_LITERAL("no account");
    if (way < 4 && self->closed_count > 0)
        return operation_text(op, str_from(self->closed[workload_below(self, self->closed_count)]));
    return workload_unknown(self, op);
}

static void mistake_account(struct workload *self, struct operation *op, struct ledger_command *c)
{
    struct str *side = c->kind == COMMAND_DEPOSIT ? &c->to : &c->from;
    if (c->kind == COMMAND_TRANSFER && workload_one_in(self, 2))
        side = &c->to;
    *side = wrong_account(self, op);
}

/* A currency that is not the accounts', which is another one of ours, or one that nobody has. */
static void mistake_currency(struct workload *self, struct ledger_command *c)
{
    currency_index wrong = self->units[workload_below(self, self->unit_count)].currency;
    c->currency = wrong != c->currency ? wrong : currency_find("CHF", CURRENCY_CODE_LENGTH);
}

static void mistake(struct workload *self, struct operation *op, struct ledger_command *c)
{
    switch (workload_below(self, 9)) {
    case 0:
        c->id = (struct uuid){0};
        return;
    case 1:
        mistake_amount(self, c);
        return;
    case 2:
        mistake_text(self, op, c);
        return;
    case 3:
    case 4:
        mistake_currency(self, c);
        return;
    case 5:
        if (c->kind == COMMAND_TRANSFER)
            c->to = c->from;
        else
            mistake_account(self, op, c);
        return;
    default:
        mistake_account(self, op, c);
        return;
    }
}

static void lay_upon(struct workload *self, struct operation *op, uint32_t home, enum feature trouble,
                     bool may_be_group, struct ledger_command *c)
{
    if (trouble == FEATURE_CONFLICTS && workload_one_in(self, 3))
        take_id(self, &c->id);
    else if (trouble == FEATURE_REPEATS || trouble == FEATURE_CONFLICTS)
        ask_again(self, op, home, trouble == FEATURE_CONFLICTS, may_be_group, c);
    else if (trouble == FEATURE_OVERDRAWS)
        overdraw(self, c);
    else if (trouble == FEATURE_CEILINGS)
        pass_ceiling(self, op, home, c);
    else if (trouble == FEATURE_DEADLINES)
        c->deadline_us = workload_past(self);
    else if (trouble == FEATURE_MISTAKES)
        mistake(self, op, c);
}

/* ---- what is asked for -------------------------------------------------------------------------------- */

bool workload_item(struct workload *self, struct operation *operation, uint32_t home,
                   struct ledger_command *out)
{
    enum feature trouble = draw_trouble(self);
    if (!draw_plain(self, operation, home, out))
        return false;
    lay_upon(self, operation, home, trouble, operation->kind == OPERATION_BATCH && self->groups_left > 0,
             out);
    return true;
}

static uint32_t group_size(struct workload *self)
{
    if (workload_one_in(self, 40))
        return LEDGER_GROUP_MAX - workload_below(self, 3);
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES] / 40))
        return workload_one_in(self, 2) ? 0 : LEDGER_GROUP_MAX + 1;
    return 1 + workload_below(self, GROUP_USUAL);
}

/* Items that should all succeed: the first belongs to `home`, the others too, or anywhere. */
static bool draw_items(struct workload *self, struct operation *op, uint32_t home, bool is_spread,
                       struct ledger_command *items, uint32_t count)
{
    uint32_t where = home;
    bool is_drawn = true;
    self->is_careful = true;
    for (uint32_t i = 0; i < count && is_drawn; i++) {
        is_drawn = draw_plain(self, op, where, &items[i]);
        if (is_drawn && i == 0)
            where = is_spread ? WIRE_PARTITION_ANY : workload_owner(self, &items[0]);
    }
    self->is_careful = false;
    return is_drawn;
}

bool workload_group(struct workload *self, struct operation *operation, uint32_t home,
                    struct ledger_command *out)
{
    enum feature trouble = draw_trouble(self);
    uint32_t count = group_size(self);
    struct ledger_command *items = operation_alloc(operation, (count + 1) * sizeof *items);
    bool is_spread = workload_has(self, FEATURE_CROSSING) &&
                     (self->config.theme == THEME_GROUPS || workload_one_in(self, 2));
    if (!draw_items(self, operation, home, is_spread, items, count))
        return false;
    /* A group fails as a whole: half as often as others, so that it does not fail more than it succeeds. */
    if (count > 0 && workload_one_in(self, 2)) {
        uint32_t at = workload_below(self, count);
        if (self->config.theme == THEME_GROUPS && workload_one_in(self, 2))
            trouble = FEATURE_OVERDRAWS;
        self->is_in_group = true;
        lay_upon(self, operation, at == 0 ? home : WIRE_PARTITION_ANY, trouble, false, &items[at]);
        self->is_in_group = false;
    }
    *out = (struct ledger_command){
        .kind = COMMAND_GROUP, .id = workload_id(self), .group_count = (uint16_t)count, .items = items};
    if (trouble == FEATURE_CONFLICTS && workload_one_in(self, 3))
        take_id(self, &out->id);
    return true;
}
