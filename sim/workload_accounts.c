/* The workload's accounts: the first population, what is believed of each, and the commands on them.
 *
 * A slot is free, or holds an account from the moment in which it is asked for until it is closed. At least half of the first
 * population is always left open.
 */
#include <stdio.h>

#include "actors/base/check.h"
#include "sim/workload_inside.h"

enum { POPULATION_LOW = 4, POPULATION_HIGH = 40, OWNERS = 5, CROWD_LOW = 310, CROWD_HIGH = 420 };

/* ---- the population ------------------------------------------------------------------------------ */

static void draw_units(struct workload *self)
{
    static const char *const codes[] = {"KRW", "USD", "JPY", "BHD"};
    enum { CODES = sizeof codes / sizeof *codes };
    uint32_t first = workload_below(self, CODES);
    uint32_t step = workload_one_in(self, 2) ? 1 : 3; /* either way round: no currency twice */
    self->unit_count = 1 + workload_below(self, WORKLOAD_CURRENCIES);
    if (workload_has(self, FEATURE_EXCHANGE) && self->unit_count == 1)
        self->unit_count = 2;
    while (self->unit_count > 1 && 2 * self->unit_count * self->config.partitions > POPULATION_HIGH)
        self->unit_count--;
    for (uint32_t i = 0; i < self->unit_count; i++) {
        struct workload_unit *unit = &self->units[i];
        unit->currency = currency_find(codes[(first + i * step) % CODES], CURRENCY_CODE_LENGTH);
        CHECK(unit->currency != CURRENCY_NONE);
        unit->scale = sim_random_between(&self->random, 1000, 1000000);
        for (uint8_t digit = 0; digit < currency_at(unit->currency)->exponent; digit++)
            unit->scale *= 10;
        if (self->is_rich)
            unit->scale = MONEY_MAX / 8 + (int64_t)sim_random_below(&self->random, MONEY_MAX / 8);
    }
}

/* An id that nobody has had, of the partition. */
static void draw_id(struct workload *self, uint32_t partition, struct known_account *account)
{
    static const char letters[] = "-_.:@/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    bool is_long = workload_has(self, FEATURE_STRINGS) && workload_one_in(self, 4);
    self->names_made++;
    do {
        int length = snprintf(account->id, sizeof account->id, "a%llu%c",
                              (unsigned long long)self->names_made, letters[workload_below(self, 6)]);
        uint32_t wanted = is_long ? ACCOUNT_ID_MAX : (uint32_t)length + 1 + workload_below(self, 6);
        for (account->id_length = (uint32_t)length; account->id_length < wanted; account->id_length++)
            account->id[account->id_length] = letters[workload_below(self, sizeof letters - 1)];
        account->id[wanted] = '\0';
    } while (partition != WIRE_PARTITION_ANY && workload_partition(self, known_id(account)) != partition);
    account->partition = workload_partition(self, known_id(account));
}

static void draw_limits(struct workload *self, struct known_account *account)
{
    int64_t scale = workload_scale(self, account->currency);
    account->minimum_balance = 0;
    account->ceiling = INT64_MAX;
    if (workload_one_in(self, 3))
        account->minimum_balance = -(int64_t)sim_random_below(&self->random, (uint64_t)scale / 2);
    else if (workload_one_in(self, 8))
        account->minimum_balance = (int64_t)sim_random_below(&self->random, (uint64_t)scale / 100 + 1);
    if (workload_has(self, FEATURE_CEILINGS) && workload_one_in(self, 3))
        account->ceiling = 2 * scale + (int64_t)sim_random_below(&self->random, 2 * (uint64_t)scale);
}

static currency_index base_currency(void)
{
    return currency_find("KRW", CURRENCY_CODE_LENGTH);
}

/* A new account for a slot. Where teller is to assign the id, the slot gets it with the answer. */
static void draw_account(struct workload *self, struct known_account *account,
                         const struct workload_unit *unit, uint32_t partition, bool is_assigned)
{
    *account = (struct known_account){.partition = partition, .currency = unit->currency};
    account->owner = workload_below(self, OWNERS);
    account->has_book =
        workload_has(self, FEATURE_FX) && unit->currency != base_currency() && workload_one_in(self, 3);
    if (!is_assigned)
        draw_id(self, partition, account);
    if (is_assigned || workload_one_in(self, 2))
        account->opened = workload_id(self);
    draw_limits(self, account);
}

/* More accounts, in one partition: those in front stay the ones that have money first. */
static void crowd(struct workload *self)
{
    uint32_t partition = workload_below(self, self->config.partitions);
    uint32_t last = (uint32_t)sim_random_between(&self->random, CROWD_LOW, CROWD_HIGH);
    for (uint32_t i = self->population; i < last; i++) {
        const struct workload_unit *unit = &self->units[workload_below(self, self->unit_count)];
        draw_account(self, &self->accounts[i], unit, partition, false);
        self->accounts[i].wants_funds = workload_one_in(self, 16);
    }
    self->population = self->account_count = last;
}

/* Two accounts at least of each currency in each partition have ids of their own and are known from the start. */
void workload_populate(struct workload *self)
{
    draw_units(self);
    uint32_t round = self->unit_count * self->config.partitions;
    uint32_t population = (uint32_t)sim_random_between(&self->random, POPULATION_LOW, POPULATION_HIGH);
    uint32_t hot = 1 + workload_below(self, 3);
    self->population = population > 2 * round ? population : 2 * round;
    for (uint32_t i = 0; i < self->population; i++) {
        const struct workload_unit *unit = &self->units[i % self->unit_count];
        uint32_t partition = i / self->unit_count % self->config.partitions;
        bool is_assigned = i >= 2 * round && workload_one_in(self, 4);
        draw_account(self, &self->accounts[i], unit, partition, is_assigned);
        /* So that owners have accounts in several currencies. */
        if (workload_has(self, FEATURE_EXCHANGE))
            self->accounts[i].owner = i / self->unit_count % OWNERS;
        self->accounts[i].is_hot = i / self->unit_count < hot;
        self->accounts[i].wants_funds = true;
    }
    self->account_count = self->population;
    if (self->config.theme == THEME_CROWD)
        crowd(self);
}

/* ---- looking for one ------------------------------------------------------------------------------- */

struct str known_id(const struct known_account *account)
{
    return (struct str){account->id, account->id_length};
}

struct known_account *workload_find(struct workload *self, struct str id)
{
    for (uint32_t i = 0; i < self->account_count && id.length > 0; i++) {
        struct known_account *account = &self->accounts[i];
        if (account->state != KNOWN_NOT && str_equal(known_id(account), id))
            return account;
    }
    return NULL;
}

int64_t known_available(const struct known_account *account)
{
    return account->balance - account->held - account->minimum_balance;
}

int64_t known_room(const struct known_account *account)
{
    return account->ceiling == INT64_MAX ? INT64_MAX : account->ceiling - account->balance - account->coming;
}

int64_t workload_scale(const struct workload *self, currency_index currency)
{
    for (uint32_t i = 0; i < self->unit_count; i++) {
        if (self->units[i].currency == currency)
            return self->units[i].scale;
    }
    CHECK_UNREACHABLE();
}

static bool is_wished(const struct known_account *account, const struct wish *wish, bool frozen)
{
    bool state = account->state == KNOWN_ASKED || account->state == KNOWN_OPEN ||
                 (frozen && account->state == KNOWN_FROZEN) ||
                 (wish->any_state && account->state != KNOWN_NOT);
    return state && account->id_length > 0 &&
           account != wish->not &&(wish->in == WIRE_PARTITION_ANY || account->partition == wish->in) &&
           (wish->not_in == WIRE_PARTITION_ANY || account->partition != wish->not_in) &&
           (wish->currency == CURRENCY_NONE || account->currency == wish->currency) &&
           (wish->available == 0 || known_available(account) >= wish->available) &&
           (wish->room == 0 || known_room(account) >= wish->room);
}

struct known_account *workload_pick(struct workload *self, const struct wish *wish)
{
    struct known_account *found[WORKLOAD_ACCOUNTS_MAX], *hot[WORKLOAD_ACCOUNTS_MAX];
    uint32_t found_count = 0, hot_count = 0;
    bool frozen = !self->is_careful && workload_one_in(self, 50);
    for (uint32_t i = 0; i < self->account_count; i++) {
        struct known_account *account = &self->accounts[i];
        if (!is_wished(account, wish, frozen))
            continue;
        found[found_count++] = account;
        if (account->is_hot)
            hot[hot_count++] = account;
    }
    if (hot_count > 0 && workload_chance(self, self->hot_per_million))
        return hot[workload_below(self, hot_count)];
    return found_count > 0 ? found[workload_below(self, found_count)] : NULL;
}

struct str workload_unknown(struct workload *self, struct operation *operation)
{
    struct known_account nobody = {0};
    draw_id(self, WIRE_PARTITION_ANY, &nobody);
    return operation_text(operation, known_id(&nobody));
}

static const struct wish anyone = {.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY, .any_state = true};

/* ---- opening --------------------------------------------------------------------------------------- */

static struct operation *open_operation(struct workload *self, const struct known_account *account)
{
    static const char *const products[] = {"", "wallet", "savings", "a.b-c_d:e@f/g:1"};
    char owner[OWNER_MAX];
    struct operation *op = operation_new(OPERATION_ACCOUNT_OPEN);
    int length = snprintf(owner, sizeof owner, "owner-%u", account->owner);
    op->account = (struct ledger_account_command){
        .kind = ACCOUNT_OPEN,
        .id = account->opened,
        .account = operation_text(op, known_id(account)),
        .owner = operation_text(op, (struct str){owner, (uint32_t)length}),
        .product = operation_text(op, str_from(products[workload_below(self, 4)])),
        .memo = workload_note(self, op, MEMO_MAX),
        .currency = account->currency,
        .has_book = account->has_book,
        .minimum_balance = account->minimum_balance,
        .ceiling = account->ceiling,
    };
    if (workload_chance(self, self->strings_per_million / 4))
        op->account.owner = workload_text(self, op, OWNER_MAX);
    op->partition = workload_right_header(self, account->partition);
    return op;
}

static struct operation *open_account(struct workload *self, struct known_account *account)
{
    struct operation *op = open_operation(self, account);
    account->state = KNOWN_ASKED;
    workload_remember(self, operation_copy(op));
    return op;
}

struct operation *workload_open_next(struct workload *self)
{
    return open_account(self, &self->accounts[self->opening++]);
}

/* A slot that is free, or a new one. NULL: enough accounts. */
static struct known_account *free_slot(struct workload *self)
{
    uint32_t most = self->population + self->population / 2;
    for (uint32_t i = 0; i < self->account_count; i++) {
        if (self->accounts[i].state == KNOWN_NOT)
            return &self->accounts[i];
    }
    return self->account_count < most && most < WORKLOAD_ACCOUNTS_MAX ? &self->accounts[self->account_count++]
                                                                      : NULL;
}

static struct operation *open_new(struct workload *self)
{
    struct known_account *account = free_slot(self);
    if (account == NULL)
        return NULL;
    const struct workload_unit *unit = &self->units[workload_below(self, self->unit_count)];
    uint32_t partition = workload_below(self, self->config.partitions);
    draw_account(self, account, unit, partition, workload_one_in(self, 3));
    account->wants_funds = workload_one_in(self, 2);
    return open_account(self, account);
}

/* What is different breaks the transaction id where there is one, else the account's own id. */
static void change_opening(struct workload *self, struct operation *op)
{
    struct ledger_account_command *c = &op->account;
    switch (workload_below(self, 4)) {
    case 0:
        c->owner = operation_text(op, STR_LITERAL("somebody-else"));
        return;
    case 1:
        c->ceiling = c->ceiling == INT64_MAX ? MONEY_MAX : c->ceiling + 1;
        return;
    case 2:
        c->product = operation_text(op, STR_LITERAL("changed"));
        return;
    default:
        c->minimum_balance -= 1;
        return;
    }
}

struct operation *workload_open_again(struct workload *self)
{
    uint32_t repeats = self->trouble[FEATURE_REPEATS], conflicts = self->trouble[FEATURE_CONFLICTS];
    for (uint32_t tries = 0; tries < 50 && self->memory_count > 0; tries++) {
        const struct operation *earlier = self->memory[workload_below(self, self->memory_count)];
        if (earlier->kind != OPERATION_ACCOUNT_OPEN)
            continue;
        struct operation *op = operation_copy(earlier);
        if (workload_below(self, repeats + conflicts) < conflicts)
            change_opening(self, op);
        return op;
    }
    return NULL;
}

/* ---- commands on accounts -------------------------------------------------------------------------- */

/* The kinds of operations are in the order of the kinds of commands. */
static struct operation *command_on(struct workload *self, enum ledger_account_kind kind, struct str id)
{
    struct operation *op = operation_new((enum wire_operation)(OPERATION_ACCOUNT_OPEN + (int)kind));
    op->account = (struct ledger_account_command){
        .kind = kind,
        .account = operation_text(op, id),
        .memo = workload_note(self, op, MEMO_MAX),
        .ceiling = INT64_MAX,
    };
    op->partition = workload_header(self, workload_partition(self, id));
    if (workload_chance(self, self->deadlines_per_million / 4))
        op->deadline_us = workload_deadline(self);
    return op;
}

static struct known_account *in_state(struct workload *self, enum known_state state)
{
    uint32_t start = workload_below(self, self->account_count);
    for (uint32_t i = 0; i < self->account_count; i++) {
        struct known_account *account = &self->accounts[(start + i) % self->account_count];
        if (account->state == state && account->id_length > 0)
            return account;
    }
    return NULL;
}

static uint32_t count_state(const struct workload *self, enum known_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->account_count; i++)
        count += self->accounts[i].state == state;
    return count;
}

struct operation *workload_freeze(struct workload *self)
{
    struct known_account *frozen = in_state(self, KNOWN_FROZEN);
    bool is_enough = count_state(self, KNOWN_FROZEN) * 6 >= self->population;
    if (frozen != NULL && (is_enough || workload_chance(self, 600000)))
        return command_on(self, ACCOUNT_UNFREEZE, known_id(frozen));
    struct known_account *account =
        workload_pick(self, &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY});
    return account != NULL ? command_on(self, ACCOUNT_FREEZE, known_id(account)) : NULL;
}

/* Changes one thing or several. */
static struct operation *change(struct workload *self)
{
    struct known_account *account =
        workload_pick(self, &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY});
    if (account == NULL)
        return NULL;
    struct operation *op = command_on(self, ACCOUNT_CHANGE, known_id(account));
    struct known_account limits = *account;
    draw_limits(self, &limits);
    op->account.sets = 1 + workload_below(self, 15);
    if (!workload_has(self, FEATURE_CEILINGS))
        op->account.sets &= ~(unsigned)ACCOUNT_SETS_CEILING;
    op->account.owner = operation_text(op, STR_LITERAL("new-owner"));
    op->account.product = operation_text(op, STR_LITERAL("new"));
    op->account.minimum_balance = limits.minimum_balance;
    op->account.ceiling = limits.ceiling;
    return op;
}

/* ---- closing what is still moving ------------------------------------------------------------------ */

/* Soon, on all scales: from before the message has arrived until after everything is over. */
static void chase(struct workload *self, const struct known_account *account)
{
    uint32_t times = 1 + workload_below(self, 4);
    for (; times > 0 && self->chase_count < WORKLOAD_CHASES; times--) {
        struct chase *next = &self->chases[self->chase_count++];
        memcpy(next->account, account->id, sizeof account->id);
        next->at_us =
            self->now_us + (int64_t)sim_random_below(&self->random, 64u << workload_below(self, 15));
    }
}

static uint32_t chase_first(const struct workload *self)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < self->chase_count; i++) {
        if (self->chases[i].at_us < self->chases[first].at_us)
            first = i;
    }
    return first;
}

bool workload_is_pressing(const struct workload *self, int64_t *at_us)
{
    *at_us = workload_hold_race_at(self);
    if (workload_proposal_race_at(self) < *at_us)
        *at_us = workload_proposal_race_at(self);
    if (self->chase_count > 0 && self->chases[chase_first(self)].at_us < *at_us)
        *at_us = self->chases[chase_first(self)].at_us;
    return *at_us != INT64_MAX;
}

struct operation *workload_chase(struct workload *self)
{
    uint32_t first = chase_first(self);
    if (self->chase_count == 0 || self->chases[first].at_us > self->now_us)
        return NULL;
    struct operation *op = command_on(self, ACCOUNT_CLOSE, str_from(self->chases[first].account));
    self->chases[first] = self->chases[--self->chase_count];
    return op;
}

/* Closes an account that seems empty; else begins to empty one. */
static struct operation *retire(struct workload *self)
{
    struct known_account *account = in_state(self, KNOWN_RETIRING);
    uint32_t left = count_state(self, KNOWN_OPEN) + count_state(self, KNOWN_ASKED);
    if (account == NULL && left > self->population / 2 + 1) {
        account = workload_pick(self, &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY});
        if (account != NULL && (account->is_hot || account->minimum_balance > 0))
            return NULL;
        if (account != NULL && account->state == KNOWN_OPEN)
            account->state = KNOWN_RETIRING;
    }
    if (account == NULL)
        return NULL;
    bool is_rash = workload_one_in(self, 20);
    if (account->balance > 0 && !is_rash) {
        struct operation *drain = workload_drain(self, account);
        if (drain != NULL && workload_one_in(self, 2))
            chase(self, account);
        if (drain != NULL)
            return drain;
        account->state = KNOWN_OPEN; /* there is no way to empty it */
        return NULL;
    }
    if (account->balance < 0 && !is_rash) {
        account->state = KNOWN_OPEN;
        account->wants_funds = true;
        return NULL;
    }
    struct operation *last = workload_one_in(self, 2) ? workload_send_to(self, account) : NULL;
    if (last == NULL)
        return command_on(self, ACCOUNT_CLOSE, known_id(account));
    chase(self, account);
    return last;
}

struct operation *workload_turnover(struct workload *self)
{
    switch (workload_below(self, 5)) {
    case 0:
        return open_new(self);
    case 1:
        return change(self);
    default:
        return retire(self);
    }
}

static struct str mistaken_id(struct workload *self, struct operation *scratch)
{
    if (self->closed_count > 0 && workload_one_in(self, 2))
        return str_from(self->closed[workload_below(self, self->closed_count)]);
    return workload_one_in(self, 3) ? STR_LITERAL("house:cash:USD:0") : workload_unknown(self, scratch);
}

static struct operation *mistaken_opening(struct workload *self)
{
    struct known_account account = {0};
    draw_account(self, &account, &self->units[0], 0, false);
    struct operation *op = open_operation(self, &account);
    struct known_account *other = workload_pick(self, &anyone);
    switch (workload_below(self, 4)) {
    case 0: /* somebody has this one */
        if (other != NULL)
            op->account.account = operation_text(op, known_id(other));
        break;
    case 1:
        op->account.ceiling = op->account.minimum_balance - 1;
        break;
    case 2:
        op->account.account = STR_LITERAL("transit:USD:0");
        break;
    default:
        op->account.owner = workload_text(self, op, OWNER_MAX + 1);
        break;
    }
    return op;
}

struct operation *workload_account_mistake(struct workload *self)
{
    if (workload_one_in(self, 3))
        return mistaken_opening(self);
    struct operation *scratch = operation_new(OPERATION_VERSION);
    enum ledger_account_kind kind = (enum ledger_account_kind)(ACCOUNT_CHANGE + (int)workload_below(self, 4));
    struct operation *op = command_on(self, kind, mistaken_id(self, scratch));
    if (kind == ACCOUNT_CHANGE) {
        op->account.sets = ACCOUNT_SETS_MINIMUM | ACCOUNT_SETS_CEILING;
        op->account.minimum_balance = workload_one_in(self, 2) ? 1 : -1;
        op->account.ceiling = 0;
    }
    operation_free(&scratch);
    return op;
}

/* ---- answers ---------------------------------------------------------------------------------------- */

static enum known_state state_of(const struct known_account *account, uint8_t state)
{
    if (state == ACCOUNT_FROZEN)
        return KNOWN_FROZEN;
    return account->state == KNOWN_RETIRING ? KNOWN_RETIRING : KNOWN_OPEN;
}

static void forget_closed(struct workload *self, struct known_account *account)
{
    uint32_t at =
        self->closed_count < WORKLOAD_CLOSED ? self->closed_count++ : workload_below(self, WORKLOAD_CLOSED);
    memcpy(self->closed[at], account->id, sizeof account->id);
    if (self->burst == account)
        self->burst = NULL;
    *account = (struct known_account){.state = KNOWN_NOT};
}

static void hear(struct workload *self, struct known_account *account, const struct ledger_account_view *view)
{
    if (view->state == ACCOUNT_CLOSED) {
        forget_closed(self, account);
        return;
    }
    account->state = state_of(account, view->state);
    account->balance = view->balance;
    account->held = view->pending;
    account->coming = 0;
    account->minimum_balance = view->minimum_balance;
    account->ceiling = view->ceiling;
}

void workload_hear_view(struct workload *self, const struct ledger_account_view *view)
{
    struct known_account *account = workload_find(self, (struct str){view->id, view->id_length});
    if (account != NULL)
        hear(self, account, view);
}

/* The slot of an account that is still without an id. */
static struct known_account *find_opening(struct workload *self, const struct uuid *id)
{
    for (uint32_t i = 0; i < self->account_count && !uuid_is_nil(id); i++) {
        struct known_account *account = &self->accounts[i];
        if (account->state == KNOWN_ASKED && account->id_length == 0 && uuid_equal(&account->opened, id))
            return account;
    }
    return NULL;
}

static void hear_opened(struct workload *self, struct known_account *account,
                        const struct ledger_account_view *view)
{
    CHECK(view->id_length <= ACCOUNT_ID_MAX);
    memcpy(account->id, view->id, sizeof account->id);
    account->id_length = view->id_length;
    account->partition = workload_partition(self, known_id(account));
    hear(self, account, view);
}

static void hear_refused(struct workload *self, const struct ledger_account_command *command, enum code code)
{
    struct known_account *account = command->account.length > 0 ? workload_find(self, command->account)
                                                                : find_opening(self, &command->id);
    if (account == NULL)
        return;
    if (code == CODE_ACCOUNT_CLOSED)
        forget_closed(self, account);
    else if (code == CODE_NOT_EMPTY && account->balance == 0)
        account->state = KNOWN_OPEN; /* something is on its way to it */
}

void workload_hear_account(struct workload *self, const struct operation *operation,
                           const struct answer *answer)
{
    if (answer->code != CODE_OK) {
        hear_refused(self, &operation->account, answer->code);
        return;
    }
    struct known_account *opening = find_opening(self, &operation->account.id);
    if (opening != NULL && operation->kind == OPERATION_ACCOUNT_OPEN)
        hear_opened(self, opening, &answer->view);
    else
        workload_hear_view(self, &answer->view);
}
