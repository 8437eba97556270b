/* What a seed is drawn out into. Each draw has a stream of its own, so that what a configuration takes away changes nothing
 * else. */
#include "sim/run.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/events/events_run.h"
#include "sim/random.h"
#include "sim/rates/rates_run.h"
#include "sim/remittances/remittances_run.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)

enum {
    FAULTS_LEAST = 20,
    REHEARSAL_COMMITS = 31,
    WINDOW_LEAST = 4,
    COMMANDS_AN_HOUR = 9000,
    COMMANDS_A_REQUEST = 3, /* about so many in the middle of all mixes */
    OPENING_HASTE = 8,      /* the population is opened so much faster than others ask */
    OPEN_MOST = 64,         /* requests of all clients without an answer; above that none sends a new one */
};

struct run_config run_config_default(uint64_t seed)
{
    return (struct run_config){
        .seed = seed, .length_us = HOUR_US, .families = FAMILIES_ALL, .features = FEATURES_ALL};
}

static uint32_t pick(struct sim_random *random, const uint32_t *from, size_t count)
{
    return from[sim_random_below(random, count)];
}

/* In turn, so that a few seeds in a row have them all. */
static enum theme draw_theme(const struct run_config *config)
{
    static const enum theme themes[] = {THEME_FLOOD,  THEME_NONE,  THEME_GROUPS, THEME_CROWD, THEME_NONE,
                                        THEME_GROUPS, THEME_FLOOD, THEME_NONE,   THEME_CROWD, THEME_GROUPS};
    return themes[config->seed % (sizeof themes / sizeof *themes)];
}

/* What is under way for long can be met by a crash; what a checkpoint takes long over, too. */
static void theme_apply(enum theme theme, struct sim_random *random, struct world_config *world)
{
    static const uint32_t latencies[] = {50000, 150000, 500000}, restarts[] = {50000, 500000, 5000000};
    static const uint32_t words[] = {1 << 18, 1 << 19, 1 << 20};
    if (theme == THEME_GROUPS) {
        world->partitions = sim_random_chance(random, 500000) ? 3 : 4;
        world->latency_us = pick(random, latencies, 3);
        world->restart_us = pick(random, restarts, 3);
        world->checkpoint_words = 64;
    } else if (theme == THEME_CROWD) {
        world->partitions = sim_random_chance(random, 500000) ? 1 : 2;
        world->checkpoint_words = pick(random, words, 3);
    }
}

static struct world_config draw_world(const struct run_config *config)
{
    static const uint32_t partitions[] = {1, 2, 2, 3, 3, 4}, clients[] = {1, 2, 4, 8, 16};
    static const uint32_t ids[] = {16, 64, 256, 1024}, windows[] = {WINDOW_LEAST, 16, 1024};
    static const uint32_t words[] = {64, 2048, 4096, 65536, 1 << 20};
    static const uint32_t latencies[] = {50, 300, 2000, 20000, 150000, 500000};
    static const uint32_t commits[] = {100, 400, 3000, 20000}, restarts[] = {50000, 500000, 5000000};
    static const uint32_t patiences[] = {200000, 2000000, 10000000};
    struct sim_random random = sim_random_split(config->seed, "world drawn");
    struct world_config world = world_config_default(pick(&random, partitions, 6));
    world.seed = config->seed;
    world.clients = pick(&random, clients, 5);
    world.ids_in_memory = pick(&random, ids, 4);
    world.link_window = pick(&random, windows, 3);
    world.checkpoint_words = pick(&random, words, 5);
    world.preallocate_bytes = sim_random_chance(&random, 300000) ? UINT64_C(1) << 20 : 0;
    world.latency_us = pick(&random, latencies, 6);
    world.commit_us = pick(&random, commits, 4);
    world.restart_us = pick(&random, restarts, 3);
    world.patience_us = pick(&random, patiences, 3);
    world.id_retention_us = sim_random_chance(&random, 200000) ? 1200 * SECOND_US : 0;
    theme_apply(draw_theme(config), &random, &world);
    world.root = config->root;
    world.rehearsal_commits = REHEARSAL_COMMITS;
    world.no_checks = config->no_checks;
    world.trace = config->trace;
    world.trace_from_us = config->trace_from_us;
    return world;
}

/* ---- faults ------------------------------------------------------------------------------------- */

static uint32_t fault_count(const struct run_config *config)
{
    if (config->fault_count > 0)
        return config->fault_count;
    static const uint32_t an_hour[] = {30, 30, 60, 150};
    struct sim_random random = sim_random_split(config->seed, "faults drawn");
    int64_t count = pick(&random, an_hour, 4) * config->length_us / HOUR_US;
    return count > FAULTS_LEAST ? (uint32_t)count : FAULTS_LEAST;
}

static bool is_dropped(const struct run_config *config, uint32_t number)
{
    for (size_t i = 0; i < config->dropped_count; i++) {
        if (config->dropped[i] == number)
            return true;
    }
    return false;
}

/* When load and faults end. */
static int64_t run_end(const struct run_config *config)
{
    return config->stop_us > 0 && config->stop_us < config->length_us ? config->stop_us : config->length_us;
}

/* Where ids are forgotten after minutes, a clock that jumps an hour would have a client's second attempt carried out again: that
 * is what a retention time means, and no oracle could tell it from a breach. */
static uint32_t families_of(const struct run_config *config, const struct world_config *world)
{
    return world->id_retention_us > 0 ? config->families & ~(1u << FAMILY_TIME) : config->families;
}

/* The worlds of services have no plan: their faults are drawn as they come. */
struct fault_plan run_plan(const struct run_config *config)
{
    if (config->kind != RUN_LEDGER)
        return (struct fault_plan){0};
    struct world_config world = draw_world(config);
    const struct fault_plan_config plan = {.seed = config->seed,
                                           .partitions = world.partitions,
                                           .families = families_of(config, &world),
                                           .length_us = config->length_us,
                                           .count = fault_count(config)};
    struct fault_plan out = fault_plan_draw(&plan);
    size_t kept = 0;
    for (size_t i = 0; i < out.count; i++) {
        if (out.faults[i].at_us <= run_end(config) && !is_dropped(config, out.faults[i].number))
            out.faults[kept++] = out.faults[i];
    }
    out.count = kept;
    return out;
}

/* ---- load --------------------------------------------------------------------------------------- */

/* Requests come in bursts with pauses between them: what is at the same time is what matters. */
struct load {
    const struct run_config *config;
    struct world *world;
    struct workload *workload;
    struct sim_random random;
    uint32_t clients;
    uint64_t submitted;
    bool is_pressing; /* an operation is planned that does not wait for the next burst */
    int64_t pause_us; /* between bursts, in the middle */
    uint32_t burst;   /* requests of a burst, at the most */
};

static void load_answered(void *context, const struct operation *operation, const struct answer *answer)
{
    struct load *load = context;
    workload_answered(load->workload, operation, answer);
}

static bool load_is_over(const struct load *load)
{
    return world_now(load->world) >= run_end(load->config) ||
           (load->config->operation_limit > 0 && load->submitted >= load->config->operation_limit);
}

static void load_presses(void *context, struct world *world);

static void load_one(struct load *load, struct world *world)
{
    int64_t at_us;
    struct operation *operation = workload_next(load->workload, WORLD_EPOCH_US + world_now(world));
    uint32_t client = (uint32_t)sim_random_below(&load->random, load->clients);
    world_submit(world, client, operation, load_answered, load);
    load->submitted++;
    if (load->is_pressing || !workload_is_pressing(load->workload, &at_us))
        return;
    load->is_pressing = true;
    world_at(world, at_us - WORLD_EPOCH_US, load_presses, load);
}

static void load_presses(void *context, struct world *world)
{
    struct load *load = context;
    load->is_pressing = false;
    if (!load_is_over(load))
        load_one(load, world);
}

static void load_comes(void *context, struct world *world)
{
    struct load *load = context;
    uint64_t count = 1 + sim_random_below(&load->random, load->burst);
    int64_t pause_us = workload_is_opening(load->workload) ? load->pause_us / OPENING_HASTE : load->pause_us;
    for (uint64_t i = 0; i < count && !load_is_over(load) && world_open_operations(world) < OPEN_MOST; i++)
        load_one(load, world);
    if (!load_is_over(load))
        world_at(world, world_now(world) + sim_random_between(&load->random, 1, 2 * pause_us), load_comes,
                 load);
}

static void load_begin(struct load *load, const struct world_config *world)
{
    static const uint32_t bursts[] = {1, 4, 16, 40};
    load->random = sim_random_split(load->config->seed, "load");
    load->clients = world->clients;
    load->burst = pick(&load->random, bursts, 4);
    if (draw_theme(load->config) == THEME_CROWD)
        load->burst = bursts[3];
    int64_t requests_an_hour = COMMANDS_AN_HOUR / COMMANDS_A_REQUEST;
    load->pause_us = HOUR_US / requests_an_hour * (load->burst + 1) / 2;
    world_at(load->world, 0, load_comes, load);
}

/* ---- the run ------------------------------------------------------------------------------------ */

static void result_fill(const struct world *world, const struct world_config *drawn, struct run_result *out)
{
    const struct breach *breach = world_breach(world);
    out->is_broken = breach != NULL;
    if (breach)
        out->breach = *breach;
    out->breach_us = out->simulated_us = world_now(world);
    out->digest = world_digest(world);
    out->partitions = drawn->partitions;
    out->clients = drawn->clients;
    world_counts(world, &out->world);
    world_oracle_counts(world, &out->oracle);
}

/* Descriptors that are open; -1: nobody can tell. */
static int descriptor_count(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return -1;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void check_descriptors(int before, struct run_result *out)
{
    int after = descriptor_count();
    if (after == before || out->is_broken)
        return;
    out->is_broken = true;
    out->breach = (struct breach){.invariant = "I10", .partition = UINT32_MAX};
    snprintf(out->breach.text, sizeof out->breach.text,
             "%d descriptors were open before the run, and %d after it", before, after);
}

static void run_ledger(const struct run_config *config, struct run_result *out)
{
    int descriptors = descriptor_count();
    struct world_config drawn = draw_world(config);
    struct fault_plan plan = run_plan(config);
    const struct workload_config asked = {.seed = config->seed,
                                          .partitions = drawn.partitions,
                                          .features = config->features,
                                          .draw = true,
                                          .theme = draw_theme(config),
                                          .groups =
                                              drawn.link_window > WINDOW_LEAST * 16 ? 0 : WINDOW_LEAST - 1,
                                          .start_us = WORLD_EPOCH_US};
    struct load load = {.config = config, .world = world_new(&drawn), .workload = workload_new(&asked)};
    memset(out, 0, sizeof *out);
    out->features = workload_features(load.workload);
    out->faults_planned = (uint32_t)plan.count;
    for (size_t i = 0; i < plan.count; i++)
        world_fault(load.world, &plan.faults[i]);
    load_begin(&load, &drawn);
    world_run(load.world, run_end(config));
    world_settle(load.world);
    result_fill(load.world, &drawn, out);
    world_destroy(&load.world);
    check_descriptors(descriptors, out);
    workload_destroy(&load.workload);
    fault_plan_release(&plan);
}

void run_seed(const struct run_config *config, struct run_result *out)
{
    switch (config->kind) {
    case RUN_LEDGER:
        run_ledger(config, out);
        return;
    case RUN_EVENTS:
        events_run(config, out);
        return;
    case RUN_RATES:
        rates_run(config, out);
        return;
    case RUN_REMITTANCES:
        remittances_run(config, out);
        return;
    }
    CHECK_UNREACHABLE();
}
