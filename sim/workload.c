/* Swarm-tested mixes of what clients ask for.
 *
 * First the population is opened and funded. Then each operation is drawn by weights: money first of all, some commands on accounts, some
 * reads. What is meant to go wrong has rates of its own, `trouble`, which together are a share of all commands that the
 * seed draws too: 6 to 36 %. So most commands succeed, and deep states are reached.
 *
 * Everything is drawn from the seed, and steered by the answers and the time alone.
 */
#include "sim/workload.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/workload_inside.h"

enum { MILLION = 1000000, MILLISECOND_US = 1000, SECOND_US = 1000000 };

static const char *const feature_names[FEATURE_COUNT] = {
    [FEATURE_DEPOSITS] = "deposits",
    [FEATURE_WITHDRAWALS] = "withdrawals",
    [FEATURE_LOCAL] = "local",
    [FEATURE_CROSSING] = "crossing",
    [FEATURE_HOT] = "hot",
    [FEATURE_BATCHES] = "batches",
    [FEATURE_GROUPS] = "groups",
    [FEATURE_REPEATS] = "repeats",
    [FEATURE_CONFLICTS] = "conflicts",
    [FEATURE_OVERDRAWS] = "overdraws",
    [FEATURE_CEILINGS] = "ceilings",
    [FEATURE_FREEZES] = "freezes",
    [FEATURE_CLOSES] = "closes",
    [FEATURE_DEADLINES] = "deadlines",
    [FEATURE_MISTAKES] = "mistakes",
    [FEATURE_READS] = "reads",
    [FEATURE_HISTORIES] = "histories",
    [FEATURE_STRINGS] = "strings",
    [FEATURE_HOLDS] = "holds",
    [FEATURE_PROPOSALS] = "proposals",
    [FEATURE_FX] = "fx",
    [FEATURE_EXCHANGE] = "exchange",
};

const char *feature_name(enum feature feature)
{
    CHECK((unsigned)feature < FEATURE_COUNT);
    return feature_names[feature];
}

/* ---- the mix ----------------------------------------------------------------------------------- */

static uint32_t bit(enum feature feature)
{
    return 1u << feature;
}

static void draw_features(struct workload *self)
{
    const uint32_t moving =
        bit(FEATURE_DEPOSITS) | bit(FEATURE_WITHDRAWALS) | bit(FEATURE_LOCAL) | bit(FEATURE_CROSSING);
    const uint32_t desk =
        bit(FEATURE_HOLDS) | bit(FEATURE_PROPOSALS) | bit(FEATURE_FX) | bit(FEATURE_EXCHANGE);
    uint32_t allowed = self->config.features & FEATURES_ALL;
    uint32_t kept = 0;
    if (self->config.partitions < 2)
        allowed &= ~bit(FEATURE_CROSSING);
    if (self->config.theme == THEME_FLOOD && self->config.draw)
        allowed &= ~desk; /* it comes to its limits only when nothing thins it */
    for (enum feature f = 0; f < FEATURE_COUNT; f++)
        kept |= workload_chance(self, MILLION * 6 / 10) ? bit(f) : 0;
    if (!self->config.draw || workload_one_in(self, 8))
        kept = FEATURES_ALL;
    if (self->config.theme == THEME_GROUPS)
        kept |= bit(FEATURE_GROUPS) | bit(FEATURE_CROSSING) | bit(FEATURE_OVERDRAWS);
    self->features = allowed & kept;
    /* Without money that moves, the rest shows little. */
    if ((self->features & moving) == 0)
        self->features |= allowed & moving;
}

/* The features that make commands fail share what the seed allows for it. */
static void draw_trouble(struct workload *self)
{
    static const enum feature sharing[] = {FEATURE_CONFLICTS, FEATURE_OVERDRAWS, FEATURE_CEILINGS,
                                           FEATURE_DEADLINES, FEATURE_MISTAKES};
    enum { SHARING = sizeof sharing / sizeof *sharing };
    uint32_t parts[SHARING], sum = 0;
    uint32_t budget = 60000 + workload_below(self, 300000);
    for (uint32_t i = 0; i < SHARING; i++) {
        /* Deadlines that are near, and pass by themselves, come on top. */
        parts[i] = 1 + workload_below(self, sharing[i] == FEATURE_DEADLINES ? 2 : 8);
        sum += parts[i];
    }
    for (uint32_t i = 0; i < SHARING; i++) {
        uint32_t rate = budget * parts[i] / sum;
        self->trouble[sharing[i]] = workload_has(self, sharing[i]) ? rate : 0;
    }
    uint32_t repeats = 10000 + workload_below(self, 140000);
    self->trouble[FEATURE_REPEATS] = workload_has(self, FEATURE_REPEATS) ? repeats : 0;
}

static void draw_weights(struct workload *self)
{
    static const struct {
        enum feature feature;
        uint32_t low, high;
    } ranges[] = {
        {FEATURE_DEPOSITS, 1, 10},  {FEATURE_WITHDRAWALS, 1, 10}, {FEATURE_LOCAL, 1, 20},
        {FEATURE_CROSSING, 1, 20},  {FEATURE_FREEZES, 5, 40},     {FEATURE_CLOSES, 5, 60},
        {FEATURE_READS, 10, 400},   {FEATURE_HISTORIES, 10, 200}, {FEATURE_HOLDS, 1, 30},
        {FEATURE_PROPOSALS, 5, 80}, {FEATURE_EXCHANGE, 20, 200},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        uint32_t weight = (uint32_t)sim_random_between(&self->random, ranges[i].low, ranges[i].high);
        self->weight[ranges[i].feature] = workload_has(self, ranges[i].feature) ? weight : 0;
    }
}

static void draw_rates(struct workload *self)
{
    uint32_t batches = 50000 + workload_below(self, 650000);
    uint32_t groups = 20000 + workload_below(self, 200000);
    uint32_t hot = 500000 + workload_below(self, 450000);
    uint32_t strings = 50000 + workload_below(self, 750000);
    uint32_t deadlines = 20000 + workload_below(self, 500000);
    self->any_per_million = 50000 + workload_below(self, 450000);
    self->batches_per_million = workload_has(self, FEATURE_BATCHES) ? batches : 0;
    self->groups_per_million = workload_has(self, FEATURE_GROUPS) ? groups : 0;
    self->hot_per_million = workload_has(self, FEATURE_HOT) ? hot : 0;
    self->strings_per_million = workload_has(self, FEATURE_STRINGS) ? strings : 0;
    self->deadlines_per_million = workload_has(self, FEATURE_DEADLINES) ? deadlines : 0;
    self->is_rich = workload_one_in(self, 8);
    if (self->config.theme == THEME_GROUPS && workload_has(self, FEATURE_GROUPS))
        self->groups_per_million = 700000;
}

struct workload *workload_new(const struct workload_config *config)
{
    struct workload *self = calloc(1, sizeof *self);
    CHECK(self != NULL && config->partitions >= 1 && config->partitions <= LEDGER_PARTITIONS_MAX);
    self->config = *config;
    self->random = sim_random_split(config->seed, "workload");
    draw_features(self);
    draw_trouble(self);
    draw_weights(self);
    draw_rates(self);
    workload_populate(self);
    return self;
}

void workload_destroy(struct workload **self_p)
{
    struct workload *self = *self_p;
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < self->memory_count; i++)
        operation_free(&self->memory[i]);
    for (uint32_t i = 0; i < self->cursor_count; i++)
        operation_free(&self->cursors[i]);
    free(self);
    *self_p = NULL;
}

uint32_t workload_features(const struct workload *self)
{
    return self->features;
}

/* ---- values ------------------------------------------------------------------------------------ */

static void put_big_endian(uint8_t *out, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        out[i] = (uint8_t)value;
}

/* SplitMix64 maps states to numbers one to one, so the first halves of no two ids of a seed are equal. */
struct uuid workload_id(struct workload *self)
{
    struct uuid id;
    struct sim_random first = sim_random_of(self->config.seed + self->ids_made);
    struct sim_random second = sim_random_of(~self->config.seed);
    self->ids_made++;
    put_big_endian(id.bytes, sim_random_next(&first));
    second.state ^= self->ids_made;
    put_big_endian(id.bytes + 8, sim_random_next(&second));
    return id;
}

/* teller's own ids end in a colon and the partition's number. */
static uint32_t reserved_partition(struct str id, uint32_t partitions)
{
    uint64_t number = 0;
    uint32_t at = id.length;
    while (at > 0 && id.data[at - 1] != ':')
        at--;
    for (; at < id.length; at++)
        number = number * 10 + (uint64_t)(id.data[at] - '0');
    return (uint32_t)(number % partitions);
}

uint32_t workload_partition(const struct workload *self, struct str id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    if (text_is_reserved_id(id))
        return reserved_partition(id, self->config.partitions);
    for (uint32_t i = 0; i < id.length; i++)
        hash = (hash ^ (uint8_t)id.data[i]) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return (uint32_t)(hash % self->config.partitions);
}

uint32_t workload_header(struct workload *self, uint32_t partition)
{
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES] / 8))
        return workload_below(self, self->config.partitions + 1);
    return workload_right_header(self, partition);
}

uint32_t workload_right_header(struct workload *self, uint32_t partition)
{
    return workload_chance(self, self->any_per_million) ? WIRE_PARTITION_ANY : partition;
}

int64_t workload_past(struct workload *self)
{
    int64_t ago_us = MILLISECOND_US + (int64_t)sim_random_below(&self->random, 10 * SECOND_US);
    int64_t at_us = (self->now_us - ago_us) / MILLISECOND_US * MILLISECOND_US;
    return at_us > 0 ? at_us : MILLISECOND_US;
}

int64_t workload_deadline(struct workload *self)
{
    int64_t ahead_us = 3600 * (int64_t)SECOND_US;
    if (workload_one_in(self, 6))
        ahead_us = 5 * MILLISECOND_US + (int64_t)sim_random_below(&self->random, 8 * SECOND_US);
    return (self->now_us + ahead_us) / MILLISECOND_US * MILLISECOND_US;
}

struct str workload_text(struct workload *self, struct operation *operation, uint32_t length)
{
    static const struct str pieces[] = {{"a", 1},      {"\u00e9", 2}, {"\ud55c", 3},    {"\U0001f4b6", 4},
                                        {"z", 1},      {" ", 1},      {"'", 1},         {"\\", 1},
                                        {"\u0645", 2}, {"\u20a9", 3}, {"%", 1},         {"\"", 1},
                                        {"\u00a0", 2}, {"\ufffd", 3}, {"\U00010000", 4}};
    char *out = operation_alloc(operation, length);
    uint32_t used = 0;
    while (used < length) {
        struct str piece = pieces[workload_below(self, sizeof pieces / sizeof *pieces)];
        if (piece.length > length - used)
            piece = pieces[0];
        memcpy(out + used, piece.data, piece.length);
        used += piece.length;
    }
    return (struct str){out, length};
}

struct str workload_note(struct workload *self, struct operation *operation, uint32_t max)
{
    if (!workload_chance(self, self->strings_per_million))
        return (struct str){0};
    uint32_t length = workload_one_in(self, 3) ? max : 1 + workload_below(self, max);
    return workload_text(self, operation, length);
}

void workload_remember(struct workload *self, struct operation *copy)
{
    uint32_t at = self->memory_count;
    if (at < WORKLOAD_MEMORY) {
        self->memory_count++;
    } else {
        /* Any one makes room, so that old ones stay for long. */
        at = workload_below(self, WORKLOAD_MEMORY);
        operation_free(&self->memory[at]);
    }
    self->memory[at] = copy;
    self->memory_newest = at;
}

/* ---- the next ---------------------------------------------------------------------------------- */

enum { MONEY_WEIGHT = 400 };

static struct operation *draw(struct workload *self)
{
    uint32_t total = MONEY_WEIGHT + self->weight[FEATURE_FREEZES] + self->weight[FEATURE_CLOSES] +
                     self->weight[FEATURE_READS] + self->weight[FEATURE_HISTORIES] +
                     self->weight[FEATURE_PROPOSALS] + self->weight[FEATURE_EXCHANGE];
    uint32_t at = workload_below(self, total);
    if (at < self->weight[FEATURE_PROPOSALS])
        return workload_proposal(self);
    at -= self->weight[FEATURE_PROPOSALS];
    if (at < self->weight[FEATURE_EXCHANGE])
        return workload_desk(self);
    at -= self->weight[FEATURE_EXCHANGE];
    if (at < self->weight[FEATURE_FREEZES])
        return workload_freeze(self);
    at -= self->weight[FEATURE_FREEZES];
    if (at < self->weight[FEATURE_CLOSES])
        return workload_turnover(self);
    at -= self->weight[FEATURE_CLOSES];
    if (at < self->weight[FEATURE_READS])
        return workload_read(self);
    at -= self->weight[FEATURE_READS];
    if (at < self->weight[FEATURE_HISTORIES])
        return workload_history(self);
    if (workload_chance(self, (self->trouble[FEATURE_REPEATS] + self->trouble[FEATURE_CONFLICTS]) / 5))
        return workload_open_again(self);
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES] / 10))
        return workload_account_mistake(self);
    return workload_money(self);
}

struct operation *workload_next(struct workload *self, int64_t now_us)
{
    self->now_us = now_us;
    struct operation *pressing = workload_chase(self);
    if (pressing == NULL)
        pressing = workload_hold_race(self);
    if (pressing == NULL)
        pressing = workload_proposal_race(self);
    if (pressing != NULL)
        return pressing;
    if (self->opening < self->population)
        return workload_open_next(self);
    if (self->config.theme == THEME_FLOOD && workload_one_in(self, 10)) {
        struct operation *flood = workload_flood(self);
        if (flood != NULL)
            return flood;
    }
    /* Accounts whose ids are told later are funded later, between others. */
    struct operation *next = workload_one_in(self, 50) ? NULL : workload_fund(self);
    for (int tries = 0; next == NULL && tries < 20; tries++)
        next = draw(self);
    return next != NULL ? next : workload_money(self);
}

bool workload_is_opening(const struct workload *self)
{
    return self->opening < self->population;
}

void workload_answered(struct workload *self, const struct operation *operation, const struct answer *answer)
{
    if (operation->kind <= OPERATION_BATCH)
        workload_hear_rows(self, operation, answer);
    else if (operation->kind <= OPERATION_ACCOUNT_CLOSE)
        workload_hear_account(self, operation, answer);
    else if (operation->kind >= OPERATION_PROPOSAL_OPEN && operation->kind <= OPERATION_PROPOSAL_LIST)
        workload_hear_proposal(self, operation, answer);
    else if (operation->kind >= OPERATION_QUOTE && operation->kind <= OPERATION_RATE_DESK)
        workload_hear_desk(self, operation, answer);
    else if (answer->code == CODE_OK)
        workload_hear_page(self, operation, answer);
}
