/* The ledger's stores, in memory, and how it comes back from them, by the shell's own recovery. The state store is behind the journal by the
 * units whose puts were not applied; each of its commits is whole. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"
#include "store/journal_memory.h"
#include "store/state_memory.h"

enum {
    EPOCH = 1,
    STATE_LOST_PPM = 120000,
    STATE_FULL_PPM = 20000,
    NO_MEMORY_PPM = 300000,
    ALLOCATIONS_MOST = 60,
    REHEARSAL_COMMITS = 61 /* between two rehearsals of a restart */
};

void stores_open(struct remittances_world *self)
{
    const struct journal_memory_options options = {0};
    enum err err = journal_memory_new(&options, &self->stores.journal);
    self->stores.state = state_memory_new();
    self->stores.random = sim_random_split(self->stage.config->seed, "stores");
    CHECK(err == ERR_OK && self->stores.state != NULL);
}

void stores_release(struct remittances_world *self)
{
    state_close(&self->stores.state);
    journal_close(&self->stores.journal);
}

void stores_append(struct remittances_world *self, const struct ledger_unit *unit)
{
    struct journal_head head;
    remit_watch_commit(self, unit->time_us, unit->position, unit->facts, unit->length);
    if (unit->length == 0)
        return;
    enum err err = journal_get_head(self->stores.journal, &head);
    CHECK(err == ERR_OK);
    enum journal_outcome outcome =
        journal_append(self->stores.journal, &(struct journal_commit){.sequence = head.sequence + 1,
                                                                      .epoch = EPOCH,
                                                                      .position = unit->position,
                                                                      .time_us = unit->time_us,
                                                                      .fact_count = unit->fact_count,
                                                                      .facts = unit->facts,
                                                                      .length = unit->length});
    CHECK(outcome == JOURNAL_OK);
}

/* ---- two of them ------------------------------------------------------------------------------------------ */

static struct ledger *core_new(const struct remittances_world *self, struct counting_mem *memory,
                               struct recovery_ports *context)
{
    const struct ledger_ports ports = recovery_ports(context);
    const struct mem mem = counting_mem_port(memory);
    return ledger_new(&self->config, &ports, &mem);
}

/* With this state, which becomes the twin's. */
static void twin_new(struct remittances_world *self, struct twin *twin, struct state *state)
{
    CHECK(state != NULL);
    *twin = (struct twin){.state = state, .ports = {.journal = self->stores.journal, .state = state}};
    twin->core = core_new(self, &twin->memory, &twin->ports);
    CHECK(twin->core != NULL);
    enum err err = recovery_run(twin->core, self->stores.journal, state);
    if (err == ERR_OK) {
        ledger_check(twin->core);
        return;
    }
    stage_breach(&self->stage, "W10", "nothing comes back from the stores: %s", err_text(err));
    ledger_destroy(&twin->core);
}

/* It has a state of its own all the same: ids that are too many for memory go there. */
void twin_of_journal(struct remittances_world *self, struct twin *twin)
{
    twin_new(self, twin, state_memory_new());
}

void twin_release(struct twin *twin)
{
    ledger_destroy(&twin->core);
    state_close(&twin->state);
}

static void check_same(struct remittances_world *self, struct ledger *restored)
{
    struct twin built;
    char text[200];
    twin_of_journal(self, &built);
    if (built.core != NULL && remit_differ(&self->watch, restored, built.core, text, sizeof text))
        stage_breach(&self->stage, "W10", "back from the state and the journal's tail: %s", text);
    twin_release(&built);
}

/* What a death in this moment would come back as: deaths are too few to meet each moment that matters. */
static void rehearse(struct remittances_world *self)
{
    struct twin twin;
    twin_new(self, &twin, state_memory_copy(self->stores.state));
    if (twin.core != NULL)
        check_same(self, twin.core);
    twin_release(&twin);
}

/* ---- the state -------------------------------------------------------------------------------------------- */

enum err stores_apply(struct remittances_world *self, const struct ledger_unit *unit)
{
    struct ledger_stores *stores = &self->stores;
    if (remit_has(self, FAMILY_DISK) && sim_random_chance(&stores->random, STATE_FULL_PPM))
        state_memory_fail(stores->state, 1, ERR_FULL);
    enum err err = recovery_apply(stores->state, unit);
    if (err == ERR_OK && ++stores->applied % REHEARSAL_COMMITS == 0)
        rehearse(self);
    return err;
}

/* ---- restarts --------------------------------------------------------------------------------------------- */

static enum err recover_once(struct remittances_world *self, struct counting_mem *memory, struct ledger **out)
{
    struct ledger_stores *stores = &self->stores;
    stores->ports = (struct recovery_ports){.journal = stores->journal, .state = stores->state};
    *out = core_new(self, memory, &stores->ports);
    enum err err = *out == NULL ? ERR_NO_MEMORY : recovery_run(*out, stores->journal, stores->state);
    if (err != ERR_OK)
        ledger_destroy(out);
    return err;
}

struct ledger *stores_recover(struct remittances_world *self, struct counting_mem *memory)
{
    struct ledger_stores *stores = &self->stores;
    struct ledger *core;
    bool has_faults = remit_has(self, FAMILY_DISK);
    if (has_faults && sim_random_chance(&stores->random, STATE_LOST_PPM)) {
        stage_note(&self->stage, "the state store is lost");
        state_memory_clear(stores->state);
    }
    if (has_faults && sim_random_chance(&stores->random, NO_MEMORY_PPM))
        counting_mem_fail(memory, 1 + sim_random_below(&stores->random, ALLOCATIONS_MOST), 1);
    enum err err = recover_once(self, memory, &core);
    if (err == ERR_NO_MEMORY) {
        stage_note(&self->stage, "the ledger has no memory to come back, and tries again");
        err = recover_once(self, memory, &core);
    }
    counting_mem_fail(memory, 0, 0);
    if (err != ERR_OK)
        stage_breach(&self->stage, "W10", "the ledger cannot come back: %s", err_text(err));
    else
        check_same(self, core);
    return core;
}
