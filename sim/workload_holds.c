/* Holds: opened on what is believed to be available, then captured, in part or whole, released, or left to expire. What has
 * been asked for is remembered, ended or not, so that some are captured again, or just at the moment when they expire. */
#include "actors/base/check.h"
#include "sim/workload_inside.h"

enum { MILLISECOND_US = 1000, SECOND_US = 1000000 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* Near, so that it passes soon, or far, or never. */
static int64_t draw_expiry(struct workload *self)
{
    uint32_t way = workload_below(self, 8);
    if (way < 3)
        return 0;
    if (way == 3)
        return self->now_us + 3600 * (int64_t)SECOND_US;
    int64_t ahead_us = MILLISECOND_US + (int64_t)sim_random_below(&self->random, 60 * (int64_t)SECOND_US);
    return self->now_us + ahead_us;
}

static void hold_note(struct workload *self, const struct ledger_command *command)
{
    uint32_t at =
        self->hold_count < WORKLOAD_HOLDS ? self->hold_count++ : workload_below(self, WORKLOAD_HOLDS);
    struct known_hold *hold = &self->holds[at];
    *hold = (struct known_hold){.id = command->id,
                                .currency = command->currency,
                                .held = command->amount,
                                .expires_us = command->expires_us};
    memcpy(hold->account, command->from.data, command->from.length);
}

static bool draw_open(struct workload *self, uint32_t home, struct ledger_command *out)
{
    struct known_account *from =
        workload_pick(self, &(struct wish){.in = home, .not_in = WIRE_PARTITION_ANY, .available = 1});
    if (from == NULL)
        return false;
    int64_t most = least(known_available(from), MONEY_MAX);
    *out = (struct ledger_command){.kind = COMMAND_HOLD,
                                   .id = workload_id(self),
                                   .currency = from->currency,
                                   .from = known_id(from),
                                   .expires_us = draw_expiry(self)};
    out->amount = 1 + (int64_t)sim_random_below(&self->random, (uint64_t)most >> workload_below(self, 6));
    from->held += out->amount;
    hold_note(self, out);
    return true;
}

/* ---- the end of one ----------------------------------------------------------------------------- */

static struct ledger_command step_of(struct workload *self, struct known_hold *hold,
                                     enum ledger_command_kind kind)
{
    struct ledger_command c = {.kind = (uint8_t)kind,
                               .id = workload_id(self),
                               .currency = kind == COMMAND_CAPTURE ? hold->currency : CURRENCY_NONE,
                               .from = str_from(hold->account),
                               .of = hold->id};
    return c;
}

static void draw_capture_amount(struct workload *self, struct known_hold *hold, struct ledger_command *c)
{
    uint32_t way = workload_below(self, 16);
    if (way < 5 || hold->held < 2) {
        hold->held = 0;
        return; /* all of it */
    }
    if (way == 5)
        c->amount = least(hold->held + 1 + workload_below(self, 10), MONEY_MAX);
    else
        c->amount = 1 + (int64_t)sim_random_below(&self->random, (uint64_t)hold->held);
    if (workload_one_in(self, 2)) {
        c->flags = COMMAND_KEEPS_REST;
        hold->held -= least(c->amount, hold->held);
    } else {
        hold->held = 0;
    }
}

/* One that is believed to be open, or any. NULL: none here. */
static struct known_hold *pick_hold(struct workload *self, uint32_t home, bool is_open)
{
    for (int tries = 0; tries < 12 && self->hold_count > 0; tries++) {
        struct known_hold *hold = &self->holds[workload_below(self, self->hold_count)];
        if (home != WIRE_PARTITION_ANY && workload_partition(self, str_from(hold->account)) != home)
            continue;
        if (!is_open || (hold->held > 0 && (hold->expires_us == 0 || hold->expires_us > self->now_us)))
            return hold;
    }
    return NULL;
}

/* What is wrong with it: another account, another currency, a hold that never was. */
static void spoil(struct workload *self, uint32_t home, struct ledger_command *c)
{
    struct known_account *other =
        workload_pick(self, &(struct wish){.in = home, .not_in = WIRE_PARTITION_ANY, .any_state = true});
    uint32_t way = workload_below(self, 4);
    if (way == 0 && other != NULL)
        c->from = known_id(other);
    else if (way == 1)
        c->of = workload_id(self);
    else if (way == 2 && c->kind == COMMAND_CAPTURE)
        c->currency = self->units[workload_below(self, self->unit_count)].currency;
    else if (way == 3)
        c->of = (struct uuid){0};
}

static bool draw_end(struct workload *self, uint32_t home, struct ledger_command *out)
{
    struct known_hold *hold = pick_hold(self, home, !workload_one_in(self, 8));
    if (hold == NULL)
        return false;
    bool releases = workload_one_in(self, 4);
    *out = step_of(self, hold, releases ? COMMAND_RELEASE : COMMAND_CAPTURE);
    if (releases)
        hold->held = 0;
    else
        draw_capture_amount(self, hold, out);
    if (workload_has(self, FEATURE_MISTAKES) && workload_one_in(self, 10))
        spoil(self, home, out);
    return true;
}

bool workload_hold(struct workload *self, uint32_t home, struct ledger_command *out)
{
    bool opens = self->hold_count == 0 || workload_one_in(self, 2);
    return opens ? draw_open(self, home, out) : draw_end(self, home, out) || draw_open(self, home, out);
}

/* ---- races -------------------------------------------------------------------------------------- */

/* Some of those that expire: a little before, at the moment, or a little after. */
static int64_t race_at(const struct known_hold *hold)
{
    bool is_raced = hold->held > 0 && hold->expires_us != 0 && hold->id.bytes[15] % 4 == 0;
    return is_raced ? hold->expires_us - MILLISECOND_US + hold->id.bytes[14] % 4 * (MILLISECOND_US / 2)
                    : INT64_MAX;
}

static const struct known_hold *race_next(const struct workload *self)
{
    const struct known_hold *next = NULL;
    for (uint32_t i = 0; i < self->hold_count; i++) {
        const struct known_hold *hold = &self->holds[i];
        if (race_at(hold) != INT64_MAX && (next == NULL || race_at(hold) < race_at(next)))
            next = hold;
    }
    return next;
}

int64_t workload_hold_race_at(const struct workload *self)
{
    const struct known_hold *next = race_next(self);
    return next != NULL ? race_at(next) : INT64_MAX;
}

struct operation *workload_hold_race(struct workload *self)
{
    struct known_hold *hold = (struct known_hold *)race_next(self);
    if (hold == NULL || race_at(hold) > self->now_us)
        return NULL;
    struct operation *op = operation_new(OPERATION_BATCH);
    struct ledger_command *c = operation_commands(op, 1);
    *c = step_of(self, hold, workload_one_in(self, 4) ? COMMAND_RELEASE : COMMAND_CAPTURE);
    c->from = operation_text(op, c->from);
    operation_seal(op);
    op->partition = workload_right_header(self, workload_partition(self, c->from));
    hold->held = 0;
    return op;
}
