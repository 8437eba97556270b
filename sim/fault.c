/* Faults: their words, and plans of them drawn from a seed.
 *
 * A plan is drawn as a swarm (Groce et al., ISSTA 2012): the seed turns some kinds off, and gives each of the others a
 * weight of its own, so that rare combinations come up undisturbed. Faults come spread over the whole time and in
 * bursts: several at nearly the same moment, on the same partition more often than not, so that a second one meets
 * what the first one has left half done. A burst's distances are drawn over all scales, from
 * microseconds to the length of a recovery.
 *
 * Invariants
 *   - Each kind has a stream of chance of its own, and what kinds share (bursts, weights) does not depend on the mask:
 *     taking a family out leaves the other faults as they were, their numbers too.
 *   - All families on: at least `count` faults.
 *   - The lengths of all faults that only hold the world back sum to at most HOLDING_PERCENT of the time: each kind
 *     has its part of that, and its lengths are scaled down when they exceed it. So there is room for progress.
 */
#include "sim/fault.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/line.h"
#include "sim/random.h"

enum {
    HOLDING_PERCENT = 40,
    ON_PER_MILLION = 600000,
    BURSTS_MAX = 64,
    STREAM_NAME_MAX = 40,
    LATE_PER_MILLION = 200000,
    LONG_PER_MILLION = 150000
};

#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* ---- the table of kinds --------------------------------------------------------------------------- */

/* What the amount of a kind counts. */
enum measure {
    MEASURE_NONE,
    MEASURE_CUT_CALL, /* the nth call, 0: at once */
    MEASURE_CALL,     /* the nth call */
    MEASURE_RECOVERIES,
    MEASURE_REQUESTS,
    MEASURE_FACTOR,
    MEASURE_KIB,
    MEASURE_MILLIONTHS,
    MEASURE_MICROSECONDS,
    MEASURE_TIMES,
};

/* What the length of a kind means. */
enum extent {
    EXTENT_NONE,
    EXTENT_TIME,      /* microseconds; the world goes on beside it */
    EXTENT_HOLDING,   /* microseconds in which part of the world stands still */
    EXTENT_FOR_GOOD,  /* 0: once; else until a restart */
    EXTENT_MORE_CALLS /* so many more fail */
};

struct kind {
    const char *word;
    enum fault_family family;
    enum measure measure;
    int64_t least, most;       /* of the amount, drawn over all scales */
    uint32_t zero_per_million; /* the amount is 0 instead */
    enum extent extent;
    int64_t longest; /* of the length */
    uint32_t weight; /* how often, beside the others */
};

static const struct kind kinds[FAULT_KIND_COUNT] = {
    [FAULT_KILL] = {"kill", FAMILY_PROCESS, MEASURE_CUT_CALL, 1, 40, 500000, EXTENT_NONE, 0, 6},
    [FAULT_POWER] = {"power", FAMILY_PROCESS, MEASURE_CUT_CALL, 1, 40, 300000, EXTENT_NONE, 0, 8},
    [FAULT_RELAPSE] = {"relapse", FAMILY_PROCESS, MEASURE_RECOVERIES, 1, 4, 0, EXTENT_NONE, 0, 3},
    [FAULT_PAUSE] = {"pause", FAMILY_PROCESS, MEASURE_NONE, 0, 0, 0, EXTENT_HOLDING, 2 * MINUTE, 4},
    [FAULT_MEMORY] = {"memory", FAMILY_PROCESS, MEASURE_CALL, 1, 200, 0, EXTENT_MORE_CALLS, 300, 6},
    [FAULT_MAILBOX] = {"mailbox", FAMILY_PROCESS, MEASURE_REQUESTS, 1, 8, 0, EXTENT_TIME, 5 * MINUTE, 3},
    [FAULT_SLOW_DISK] = {"slow-disk", FAMILY_DISK, MEASURE_FACTOR, 2, 200, 0, EXTENT_HOLDING, 2 * MINUTE, 3},
    [FAULT_WRITE_ERROR] = {"write-error", FAMILY_DISK, MEASURE_CALL, 1, 60, 0, EXTENT_FOR_GOOD, 1, 4},
    [FAULT_SYNC_ERROR] = {"sync-error", FAMILY_DISK, MEASURE_CALL, 1, 20, 0, EXTENT_FOR_GOOD, 1, 4},
    [FAULT_WRITTEN_ERROR] = {"written-error", FAMILY_DISK, MEASURE_CALL, 1, 60, 0, EXTENT_FOR_GOOD, 1, 4},
    [FAULT_NO_SPACE] = {"no-space", FAMILY_DISK, MEASURE_NONE, 0, 0, 0, EXTENT_HOLDING, MINUTE, 5},
    [FAULT_CAPACITY] = {"capacity", FAMILY_DISK, MEASURE_KIB, 1, 2000, 100000, EXTENT_HOLDING, 2 * MINUTE, 3},
    [FAULT_STATE_LOST] = {"state-lost", FAMILY_DISK, MEASURE_NONE, 0, 0, 0, EXTENT_NONE, 0, 2},
    [FAULT_STATE_FLIP] = {"state-flip", FAMILY_DISK, MEASURE_NONE, 0, 0, 0, EXTENT_NONE, 0, 2},
    [FAULT_STATE_STALE] = {"state-stale", FAMILY_DISK, MEASURE_NONE, 0, 0, 0, EXTENT_NONE, 0, 2},
    [FAULT_LOSE] = {"lose", FAMILY_NETWORK, MEASURE_MILLIONTHS, 1000, 400000, 0, EXTENT_TIME, 5 * MINUTE, 4},
    [FAULT_REPEAT] = {"repeat", FAMILY_NETWORK, MEASURE_MILLIONTHS, 1000, 500000, 0, EXTENT_TIME, 5 * MINUTE,
                      3},
    [FAULT_REORDER] = {"reorder", FAMILY_NETWORK, MEASURE_MILLIONTHS, 1000, 800000, 0, EXTENT_TIME,
                       5 * MINUTE, 3},
    [FAULT_DELAY] = {"delay", FAMILY_NETWORK, MEASURE_MICROSECONDS, MS, 5 * SECOND, 0, EXTENT_TIME,
                     5 * MINUTE, 3},
    [FAULT_CUT] = {"cut", FAMILY_NETWORK, MEASURE_NONE, 0, 0, 0, EXTENT_HOLDING, 2 * MINUTE, 5},
    [FAULT_CLOG] = {"clog", FAMILY_NETWORK, MEASURE_NONE, 0, 0, 0, EXTENT_HOLDING, 2 * MINUTE, 4},
    [FAULT_CLOCK_FORWARD] = {"clock-forward", FAMILY_TIME, MEASURE_MICROSECONDS, MS, 2 * HOUR, 0, EXTENT_NONE,
                             0, 3},
    [FAULT_CLOCK_BACK] = {"clock-back", FAMILY_TIME, MEASURE_MICROSECONDS, MS, 2 * HOUR, 0, EXTENT_NONE, 0,
                          3},
    [FAULT_CLOCK_FREEZE] = {"clock-freeze", FAMILY_TIME, MEASURE_NONE, 0, 0, 0, EXTENT_HOLDING, 5 * MINUTE,
                            2},
    [FAULT_STORM] = {"storm", FAMILY_CLIENTS, MEASURE_TIMES, 1, 5, 0, EXTENT_NONE, 0, 3},
};

static const char *const family_words[FAMILY_COUNT] = {
    [FAMILY_PROCESS] = "process", [FAMILY_DISK] = "disk",       [FAMILY_NETWORK] = "network",
    [FAMILY_TIME] = "time",       [FAMILY_CLIENTS] = "clients",
};

const char *fault_word(enum fault_kind kind)
{
    CHECK(kind < FAULT_KIND_COUNT);
    return kinds[kind].word;
}

bool fault_find(const char *word, enum fault_kind *out)
{
    for (enum fault_kind kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        if (strcmp(kinds[kind].word, word) == 0) {
            *out = kind;
            return true;
        }
    }
    return false;
}

enum fault_family fault_family_of(enum fault_kind kind)
{
    CHECK(kind < FAULT_KIND_COUNT);
    return kinds[kind].family;
}

const char *fault_family_word(enum fault_family family)
{
    CHECK(family < FAMILY_COUNT);
    return family_words[family];
}

bool fault_family_find(const char *word, enum fault_family *out)
{
    for (enum fault_family family = 0; family < FAMILY_COUNT; family++) {
        if (strcmp(family_words[family], word) == 0) {
            *out = family;
            return true;
        }
    }
    return false;
}

/* ---- one fault as a line -------------------------------------------------------------------------- */

static void add_duration(struct line *line, int64_t us)
{
    if (us < MS)
        line_add(line, "%" PRId64 " us", us);
    else if (us < SECOND)
        line_add(line, "%" PRId64 ".%03" PRId64 " ms", us / MS, us % MS);
    else
        line_add(line, "%" PRId64 ".%03" PRId64 " s", us / SECOND, us % SECOND / MS);
}

static void add_ordinal(struct line *line, int64_t number)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    int64_t last = number % 10;
    bool is_teen = number / 10 % 10 == 1;
    line_add(line, "%" PRId64 "%s", number, endings[is_teen || last < 0 || last > 3 ? 0 : last]);
}

static void add_place(struct line *line, uint32_t address, const char *everyone)
{
    if (address == WORLD_ANY)
        line_add(line, "%s", everyone);
    else if (address == WORLD_BROKER)
        line_add(line, "broker");
    else if (address == WORLD_CLIENTS)
        line_add(line, "clients");
    else
        line_add(line, "partition %" PRIu32, address);
}

static void add_whom(struct line *line, const struct fault *fault)
{
    switch (kinds[fault->kind].family) {
    case FAMILY_PROCESS:
    case FAMILY_DISK:
    case FAMILY_TIME:
        line_add(line, " ");
        add_place(line, fault->target, "all partitions");
        break;
    case FAMILY_NETWORK:
        line_add(line, " from ");
        add_place(line, fault->target, "anyone");
        line_add(line, " to ");
        add_place(line, fault->peer, "anyone");
        break;
    case FAMILY_CLIENTS:
    case FAMILY_COUNT:
        break;
    }
}

static void add_amount(struct line *line, const struct fault *fault)
{
    switch (kinds[fault->kind].measure) {
    case MEASURE_NONE:
        break;
    case MEASURE_CUT_CALL:
        if (fault->amount == 0) {
            line_add(line, ", at once");
            break;
        }
        /* fall through */
    case MEASURE_CALL:
        line_add(line, ", at its ");
        add_ordinal(line, fault->amount);
        line_add(line, " call");
        break;
    case MEASURE_RECOVERIES:
        line_add(line, ", in its next %" PRId64 " recoveries", fault->amount);
        break;
    case MEASURE_REQUESTS:
        line_add(line, ", room for %" PRId64 " requests", fault->amount);
        break;
    case MEASURE_FACTOR:
        line_add(line, ", %" PRId64 " times as slow", fault->amount);
        break;
    case MEASURE_KIB:
        line_add(line, ", room for %" PRId64 " KiB", fault->amount);
        break;
    case MEASURE_MILLIONTHS:
        line_add(line, ", %" PRId64 " of 1000000 messages", fault->amount);
        break;
    case MEASURE_MICROSECONDS:
        line_add(line, ", by ");
        add_duration(line, fault->amount);
        break;
    case MEASURE_TIMES:
        line_add(line, ", %" PRId64 " times", fault->amount);
        break;
    }
}

static void add_length(struct line *line, const struct fault *fault)
{
    switch (kinds[fault->kind].extent) {
    case EXTENT_NONE:
        break;
    case EXTENT_TIME:
    case EXTENT_HOLDING:
        line_add(line, ", for ");
        add_duration(line, fault->length_us);
        break;
    case EXTENT_FOR_GOOD:
        if (fault->length_us > 0)
            line_add(line, ", and all after it");
        break;
    case EXTENT_MORE_CALLS:
        if (fault->length_us > 0)
            line_add(line, ", and %" PRId64 " after it", fault->length_us);
        break;
    }
}

const char *fault_say(const struct fault *fault, char *out, size_t capacity)
{
    CHECK(fault->kind < FAULT_KIND_COUNT);
    struct line line = line_of(out, capacity);
    line_add(&line, "%" PRId64 ".%03" PRId64 " s  %s", fault->at_us / SECOND, fault->at_us % SECOND / MS,
             kinds[fault->kind].word);
    add_whom(&line, fault);
    add_amount(&line, fault);
    add_length(&line, fault);
    return out;
}

/* ---- drawing a plan ------------------------------------------------------------------------------- */

struct burst {
    int64_t at_us, width_us;
    uint32_t focus; /* the partition that is hit most */
};

/* What all kinds of a plan share. It depends on the seed, and not on the mask. */
struct frame {
    const struct fault_plan_config *config;
    uint32_t weights[FAULT_KIND_COUNT]; /* 0: off */
    uint64_t weight_sum;
    uint32_t holding_kinds; /* on, and holding the world back */
    uint32_t burst_per_million;
    uint32_t burst_count;
    struct burst bursts[BURSTS_MAX];
};

/* low .. high, every scale as likely as the others: 1 ≤ low ≤ high. */
static int64_t draw_scaled(struct sim_random *chance, int64_t low, int64_t high)
{
    uint32_t doublings = 1;
    while (doublings < 62 && low <= high >> doublings)
        doublings++;
    int64_t from = low << sim_random_below(chance, doublings);
    int64_t to = from > high / 2 ? high : 2 * from - 1;
    return sim_random_between(chance, from, to);
}

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct sim_random kind_stream(uint64_t seed, enum fault_kind kind)
{
    char name[STREAM_NAME_MAX];
    snprintf(name, sizeof name, "fault %s", kinds[kind].word);
    return sim_random_split(seed, name);
}

static void frame_draw_weights(struct frame *frame)
{
    struct sim_random chance = sim_random_split(frame->config->seed, "fault weights");
    uint32_t certain = (uint32_t)sim_random_below(&chance, FAULT_KIND_COUNT); /* a plan is never empty */
    for (uint32_t kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        uint32_t rate = (uint32_t)draw_scaled(&chance, 1, 10);
        bool is_on = sim_random_chance(&chance, ON_PER_MILLION) || kind == certain;
        frame->weights[kind] = is_on ? kinds[kind].weight * rate : 0;
        frame->weight_sum += frame->weights[kind];
        frame->holding_kinds += is_on && kinds[kind].extent == EXTENT_HOLDING;
    }
}

static void frame_draw_bursts(struct frame *frame)
{
    const struct fault_plan_config *config = frame->config;
    struct sim_random chance = sim_random_split(config->seed, "fault bursts");
    int64_t widest = config->length_us / 20 + 1;
    frame->burst_per_million = (uint32_t)sim_random_below(&chance, 900001);
    int64_t most = least_of(BURSTS_MAX, config->count / 3 + 1);
    frame->burst_count = (uint32_t)sim_random_between(&chance, 1, most);
    for (uint32_t i = 0; i < frame->burst_count; i++) {
        frame->bursts[i] = (struct burst){
            .at_us = sim_random_between(&chance, 0, config->length_us),
            .width_us = draw_scaled(&chance, 1, least_of(20 * SECOND, widest)),
            .focus = (uint32_t)sim_random_below(&chance, config->partitions),
        };
    }
}

static void draw_ends(const struct frame *frame, struct sim_random *chance, uint32_t focus,
                      struct fault *fault)
{
    uint32_t partitions = frame->config->partitions;
    uint32_t shape = (uint32_t)sim_random_below(chance, 10);
    uint32_t other = (uint32_t)sim_random_below(chance, partitions > 1 ? partitions - 1 : 1);
    bool is_back = sim_random_chance(chance, 500000);
    uint32_t from, to;
    if (partitions > 1 && shape < 5) {
        from = focus;
        to = (focus + 1 + other) % partitions;
    } else if (partitions > 1 && shape == 5) {
        from = focus;
        to = WORLD_ANY;
    } else if (shape == 6 && kinds[fault->kind].extent != EXTENT_HOLDING) {
        from = to = WORLD_ANY;
    } else {
        from = WORLD_CLIENTS;
        to = WORLD_BROKER;
    }
    fault->target = is_back ? to : from;
    fault->peer = is_back ? from : to;
}

static void draw_whom(const struct frame *frame, struct sim_random *chance, const struct burst *burst,
                      struct fault *fault)
{
    uint32_t anyone = (uint32_t)sim_random_below(chance, frame->config->partitions);
    bool is_at_focus = sim_random_chance(chance, 700000);
    uint32_t partition = burst != NULL && is_at_focus ? burst->focus : anyone;
    switch (kinds[fault->kind].family) {
    case FAMILY_NETWORK:
        draw_ends(frame, chance, partition, fault);
        break;
    case FAMILY_CLIENTS:
        fault->target = fault->peer = WORLD_ANY;
        break;
    case FAMILY_PROCESS:
    case FAMILY_DISK:
    case FAMILY_TIME:
    case FAMILY_COUNT:
        fault->target = sim_random_chance(chance, 200000) ? WORLD_ANY : partition;
        fault->peer = WORLD_ANY;
        break;
    }
}

static int64_t draw_length(const struct frame *frame, struct sim_random *chance, const struct kind *kind)
{
    switch (kind->extent) {
    case EXTENT_TIME:
    case EXTENT_HOLDING: {
        int64_t longest = least_of(kind->longest, frame->config->length_us / 10 + 1);
        int64_t scaled_us = draw_scaled(chance, least_of(MS, longest), longest);
        return sim_random_chance(chance, LONG_PER_MILLION) ? longest / 4 + scaled_us / 2 : scaled_us;
    }
    case EXTENT_FOR_GOOD:
        return sim_random_between(chance, 0, 1);
    case EXTENT_MORE_CALLS:
        return sim_random_chance(chance, 500000) ? 0 : draw_scaled(chance, 1, kind->longest);
    case EXTENT_NONE:
        break;
    }
    return 0;
}

/* What holds the world back at the end has to be got over without the restart that a later fault would bring. */
static int64_t draw_late(const struct frame *frame, struct sim_random *chance)
{
    int64_t length_us = frame->config->length_us;
    return length_us - draw_scaled(chance, 1, length_us / 120 + 1) + 1;
}

static struct fault draw_fault(const struct frame *frame, struct sim_random *chance, enum fault_kind kind)
{
    const struct kind *row = &kinds[kind];
    int64_t length_us = frame->config->length_us;
    struct fault fault = {.kind = kind};
    const struct burst *burst = NULL;
    if (sim_random_chance(chance, frame->burst_per_million)) {
        burst = &frame->bursts[sim_random_below(chance, frame->burst_count)];
        fault.at_us = (burst->at_us + draw_scaled(chance, 1, burst->width_us)) % (length_us + 1);
    } else {
        fault.at_us = sim_random_between(chance, 0, length_us);
    }
    if (row->extent == EXTENT_HOLDING && sim_random_chance(chance, LATE_PER_MILLION))
        fault.at_us = draw_late(frame, chance);
    draw_whom(frame, chance, burst, &fault);
    if (row->measure != MEASURE_NONE && !sim_random_chance(chance, row->zero_per_million))
        fault.amount = draw_scaled(chance, row->least, row->most);
    fault.length_us = draw_length(frame, chance, row);
    return fault;
}

/* Scales the lengths down to the kind's part of the time that may be held back. */
static void limit_holding(const struct frame *frame, struct fault *faults, size_t count)
{
    int64_t part = frame->config->length_us / 100 * HOLDING_PERCENT / frame->holding_kinds;
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += faults[i].length_us;
    for (size_t i = 0; i < count && sum > part; i++)
        faults[i].length_us = (int64_t)((__int128)faults[i].length_us * part / sum);
}

/* In order of time; what was drawn of one kind at one moment stays in its order by number. */
static int compare_faults(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static size_t kind_count(const struct frame *frame, uint32_t kind)
{
    uint64_t share = (uint64_t)frame->config->count * frame->weights[kind];
    return (size_t)((share + frame->weight_sum - 1) / frame->weight_sum);
}

static size_t keep_families(struct fault *faults, size_t count, uint32_t families)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (families >> kinds[faults[i].kind].family & 1)
            faults[kept++] = faults[i];
    }
    return kept;
}

struct fault_plan fault_plan_draw(const struct fault_plan_config *config)
{
    CHECK(config->partitions > 0 && config->length_us >= 0);
    struct frame frame = {.config = config};
    frame_draw_weights(&frame);
    frame_draw_bursts(&frame);
    struct fault_plan plan = {.faults =
                                  calloc((size_t)config->count + FAULT_KIND_COUNT, sizeof *plan.faults)};
    CHECK(plan.faults != NULL);
    for (uint32_t kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        struct sim_random chance = kind_stream(config->seed, kind);
        size_t of_kind = kind_count(&frame, kind);
        struct fault *first = plan.faults + plan.count;
        for (size_t i = 0; i < of_kind; i++) {
            first[i] = draw_fault(&frame, &chance, kind);
            first[i].number = (uint32_t)i;
        }
        if (of_kind > 0 && kinds[kind].extent == EXTENT_HOLDING)
            limit_holding(&frame, first, of_kind);
        plan.count += of_kind;
    }
    qsort(plan.faults, plan.count, sizeof *plan.faults, compare_faults);
    for (size_t i = 0; i < plan.count; i++)
        plan.faults[i].number = (uint32_t)i + 1;
    plan.count = keep_families(plan.faults, plan.count, config->families);
    return plan;
}

void fault_plan_release(struct fault_plan *self)
{
    free(self->faults);
    *self = (struct fault_plan){0};
}
