/* The run: what a seed is drawn out into, faults, and the end. */
#include "sim/remittances/remittances_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum { SETTLE_ROUNDS = 6, REMITTANCES_MOST = 300 };

int64_t remit_true_us(const struct remittances_world *self)
{
    return self->wall_us + self->stage.now_us;
}

int64_t remit_node_us(const struct remittances_world *self)
{
    return remit_true_us(self) + self->jump_us;
}

bool remit_has(const struct remittances_world *self, enum fault_family family)
{
    return !self->is_calm && stage_has(&self->stage, family);
}

int64_t remit_way_us(struct remittances_world *self, int64_t least_us, int64_t most_us)
{
    if (remit_has(self, FAMILY_NETWORK) && sim_random_chance(&self->network, self->trouble_ppm / 10))
        return -1;
    return sim_random_between(&self->network, least_us, most_us);
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

static void process_starts(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    (void)pointer;
    (void)number;
    if (self->ledger.core == NULL) {
        stage_note(&self->stage, "the process starts");
        node_start(self);
    }
    if (self->adapter.core == NULL)
        adapter_start(self);
}

void remit_adapter_dies(struct remittances_world *self)
{
    stage_note(&self->stage, "the adapter dies between its rows and what waits for them");
    self->deaths++;
    adapter_die(self);
    stage_after(&self->stage, sim_random_between(&self->endings, 10000, 20 * REMIT_SECOND_US), process_starts,
                self, NULL, 0);
}

static void process_dies(struct remittances_world *self)
{
    bool is_whole = sim_random_chance(&self->process, 700000);
    stage_note(&self->stage, is_whole ? "the process dies" : "the adapter dies");
    self->deaths++;
    adapter_die(self);
    if (is_whole)
        node_die(self);
    stage_after(&self->stage, sim_random_between(&self->process, 10000, 20 * REMIT_SECOND_US), process_starts,
                self, NULL, 0);
}

static void clock_jumps(struct remittances_world *self)
{
    /* In all, of the two ways, no more than RAIL_CLOCK_MARGIN_US. */
    static const int64_t farthest_us[] = {REMIT_SECOND_US, 10 * REMIT_SECOND_US, 30 * REMIT_MINUTE_US};
    int64_t far_us = farthest_us[sim_random_below(&self->process, 3)];
    self->jumped_us = self->stage.now_us;
    memset(self->later_us, 0, sizeof self->later_us);
    self->jump_us =
        sim_random_chance(&self->process, 500000) ? 0 : sim_random_between(&self->process, -far_us, far_us);
    stage_note(&self->stage, "the node's clock is off by %" PRId64 " ms", self->jump_us / 1000);
    if (self->ledger.core != NULL) {
        ledger_expire(self->ledger.core, remit_node_us(self));
        node_touched(self);
    }
    adapter_touched(self);
}

static void fault_comes(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    (void)pointer;
    (void)number;
    if (self->is_calm)
        return;
    stage_after(&self->stage, sim_random_between(&self->process, 1, 6 * REMIT_MINUTE_US), fault_comes, self,
                NULL, 0);
    uint64_t kind = sim_random_below(&self->process, 8);
    if (kind < 3 && remit_has(self, FAMILY_PROCESS) && self->adapter.core != NULL &&
        self->ledger.core != NULL)
        process_dies(self);
    else if (kind == 3 && remit_has(self, FAMILY_TIME))
        clock_jumps(self);
    else
        banks_rules(self);
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

static bool all_have_ended(const struct remittances_world *self)
{
    struct ledger_stats stats;
    ledger_stats(self->ledger.core, &stats);
    for (size_t i = 0; i < self->watch.count; i++) {
        if (!self->watch.known[i].is_answered)
            return false;
    }
    return stats.remittances_open == 0;
}

static void settle(struct remittances_world *self)
{
    self->is_calm = true;
    self->jump_us = 0;
    self->jumped_us = self->stage.now_us;
    memset(self->later_us, 0, sizeof self->later_us);
    stage_note(&self->stage, "faults end");
    banks_rules(self);
    process_starts(self, NULL, 0);
    adapter_touched(self);
    node_touched(self);
    for (int round = 0; round < SETTLE_ROUNDS && !self->stage.is_broken; round++) {
        people_settle(self);
        for (int minute = 0; minute < 60 && !self->stage.is_broken; minute++) {
            stage_run(&self->stage, self->stage.now_us + REMIT_MINUTE_US);
            if (!self->stage.is_broken && all_have_ended(self))
                break;
        }
        if (!self->stage.is_broken && all_have_ended(self))
            break;
    }
    stage_run(&self->stage, self->stage.now_us + REMIT_MINUTE_US);
    if (!self->stage.is_broken)
        remit_watch_end(self);
    if (!self->stage.is_broken)
        bank_check(self->adapter.core);
}

/* ---- the run ------------------------------------------------------------------------------------------------- */

void remittances_begin(struct remittances_world *self, const struct run_config *config)
{
    stage_init(&self->stage, config);
    self->people = sim_random_split(config->seed, "people");
    self->network = sim_random_split(config->seed, "network");
    self->bank = sim_random_split(config->seed, "bank");
    self->process = sim_random_split(config->seed, "process");
    self->disk = sim_random_split(config->seed, "disk");
    self->endings = sim_random_split(config->seed, "endings");
    self->config = ledger_config_default();
    stores_open(self);
}

void remittances_release(struct remittances_world *self)
{
    adapter_release(self);
    node_release(self);
    stores_release(self);
    banks_release(self);
    remit_watch_release(&self->watch);
    stage_release(&self->stage);
    free(self);
}

/* A checkpoint's pass takes one unit, or many; ids fill their tables, or never do. */
static void draw_stores(struct remittances_world *self)
{
    static const uint32_t words[] = {64, 1 << 16, 1 << 18, 1 << 19, 1 << 20}, ids[] = {16, 1024, 1 << 18};
    static const uint32_t others[] = {0, 300, 1000};
    struct sim_random *random = &self->stores.random;
    self->config.checkpoint_words = words[sim_random_below(random, sizeof words / sizeof *words)];
    self->config.ids_in_memory = ids[sim_random_below(random, sizeof ids / sizeof *ids)];
    self->others = others[sim_random_below(random, sizeof others / sizeof *others)];
    self->has_quiet = sim_random_chance(random, 500000);
}

static void begin(struct remittances_world *self, const struct run_config *config)
{
    struct sim_random random = sim_random_split(config->seed, "remittances");
    remittances_begin(self, config);
    self->wall_us =
        REMIT_BEFORE_MIDNIGHT_US + (sim_random_chance(&random, 500000) ? 0 : 8 * 60 * REMIT_MINUTE_US);
    self->most = (uint32_t)sim_random_between(&random, 20, REMITTANCES_MOST);
    self->every_us = config->length_us / (self->most + 1) + 1;
    self->trouble_ppm = (uint32_t)sim_random_between(&random, 0, 400000);
    self->has_callbacks = sim_random_chance(&random, 700000);
    if (sim_random_chance(&random, 300000))
        self->config.remittances.round_us = 0;
    draw_stores(self);
    banks_open(self);
    node_start(self);
    adapter_start(self);
    people_open_accounts(self);
    others_begin(self);
    people_begin(self);
    banks_rules(self);
    stage_after(&self->stage, REMIT_MINUTE_US, fault_comes, self, NULL, 0);
}

void remittances_run(const struct run_config *config, struct run_result *out)
{
    struct remittances_world *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    memset(out, 0, sizeof *out);
    begin(self, config);
    stage_run(&self->stage, stage_stop_us(&self->stage));
    if (!self->stage.is_broken)
        settle(self);
    stage_result(&self->stage, out);
    out->partitions = 1;
    out->clients = REMIT_ACCOUNTS;
    out->world.operations = self->watch.count + self->acts;
    out->world.attempts = self->requests;
    out->world.messages = self->calls_told + self->requests + self->posts;
    out->world.restarts = self->deaths;
    remittances_release(self);
}
