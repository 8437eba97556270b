/* The ledger: commits that take their time, its lives and deaths, and the journal that outlives them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum {
    COMMIT_LEAST_US = 200,
    COMMIT_MOST_US = 5000,
    COMMIT_SLOW_US = 800000,
    RESEND_US = 30000000,
    LATE_PPM = 20000,
    LATE_MOST_US = 120000000
};

/* ---- the journal ------------------------------------------------------------------------------------------ */

static void *grown(void *pointer, size_t *room, size_t needed, size_t size)
{
    while (*room < needed)
        *room = *room == 0 ? 64 : 2 * *room;
    pointer = realloc(pointer, *room * size);
    CHECK(pointer != NULL);
    return pointer;
}

static void keep(struct journal_kept *journal, const struct ledger_unit *unit)
{
    if (unit->length == 0)
        return;
    journal->commits =
        grown(journal->commits, &journal->capacity, journal->count + 1, sizeof *journal->commits);
    journal->bytes = grown(journal->bytes, &journal->room, journal->length + unit->length, 1);
    memcpy(journal->bytes + journal->length, unit->facts, unit->length);
    journal->commits[journal->count++] = (struct kept){
        .position = unit->position, .time_us = unit->time_us, .at = journal->length, .length = unit->length};
    journal->length += unit->length;
}

static const struct kept *commit_with(const struct journal_kept *journal, uint64_t position)
{
    size_t low = 0, high = journal->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (journal->commits[middle].position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? NULL : &journal->commits[low - 1];
}

static size_t fact_read(void *context, uint64_t position, uint8_t *out, size_t capacity, int64_t *time_us)
{
    const struct remittances_world *self = context;
    const struct kept *commit = commit_with(&self->journal, position);
    size_t at, size;
    CHECK(commit != NULL);
    at = (position - commit->position) * FACT_WORD;
    CHECK(at < commit->length);
    const uint8_t *fact = self->journal.bytes + commit->at + at;
    enum err err = fact_check(fact, commit->length - at, &size);
    CHECK(err == ERR_OK && size <= capacity);
    memcpy(out, fact, size);
    *time_us = commit->time_us;
    return size;
}

static void run_find(void *context, uint32_t run, uint64_t hash,
                     bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    (void)context;
    (void)run;
    (void)hash;
    (void)match;
    (void)match_context;
    CHECK_UNREACHABLE(); /* no table of ids is ever full here */
}

struct ledger *node_rebuilt(struct remittances_world *self, struct counting_mem *memory)
{
    struct ledger_config config = ledger_config_default();
    const struct ledger_ports ports = {.context = self, .fact_read = fact_read, .run_find = run_find};
    const struct mem mem = counting_mem_port(memory);
    config.remittances = self->terms;
    struct ledger *core = ledger_new(&config, &ports, &mem);
    CHECK(core != NULL);
    uint64_t from = ledger_replay_from(core);
    CHECK(from == FACT_FIRST);
    for (size_t i = 0; i < self->journal.count; i++) {
        const struct kept *commit = &self->journal.commits[i];
        enum err err = ledger_replay(core, commit->position, commit->time_us,
                                     self->journal.bytes + commit->at, commit->length);
        if (err != ERR_OK)
            stage_breach(&self->stage, "W10", "the journal cannot be replayed: %s", err_text(err));
    }
    enum err err = ledger_recovered(core);
    if (err != ERR_OK)
        stage_breach(&self->stage, "W10", "what was replayed does not agree: %s", err_text(err));
    return core;
}

/* ---- turns ------------------------------------------------------------------------------------------------ */

static void take(struct remittances_world *self);

static void answers_leave(struct remittances_world *self)
{
    for (size_t i = 0; i < self->ledger.leaving_count; i++)
        remit_watch_answered(self, self->ledger.leaving[i]);
    self->ledger.leaving_count = 0;
}

struct told {
    struct bank_call call;
    struct bank_ack ack;
    bool is_ack;
};

static void told_comes(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    const struct told *told = pointer;
    (void)number;
    if (self->adapter.core != NULL && !self->stage.is_broken) {
        if (told->is_ack)
            bank_acked(self->adapter.core, remit_node_us(self), &told->ack);
        else
            bank_call(self->adapter.core, remit_node_us(self), &told->call);
        adapter_touched(self);
    }
    free(pointer);
}

/* To the adapter. Inside a process nothing is lost but with the process, nor late; the world is not so kind. */
static void tell(struct remittances_world *self, const struct told *told)
{
    int64_t way_us = remit_way_us(self, 10, 2000);
    if (way_us < 0)
        return;
    if (remit_has(self, FAMILY_NETWORK) && sim_random_chance(&self->network, LATE_PPM))
        way_us = sim_random_between(&self->network, REMIT_SECOND_US, LATE_MOST_US);
    struct told *copy = malloc(sizeof *copy);
    CHECK(copy != NULL);
    *copy = *told;
    self->calls_told += !told->is_ack;
    stage_after(&self->stage, way_us, told_comes, self, copy, 0);
}

static void run_effects(struct remittances_world *self, const struct ledger_unit *unit)
{
    for (size_t i = 0; i < unit->call_count; i++)
        tell(self, &(struct told){.call = unit->calls[i]});
    for (size_t i = 0; i < unit->ack_count; i++)
        tell(self, &(struct told){.ack = unit->acks[i], .is_ack = true});
    for (size_t i = 0; i < unit->alarm_count; i++) {
        stage_note(&self->stage, "alarm: %s %s", REMITTANCE_STATES.state_names[unit->alarms[i].state],
                   unit->alarms[i].is_over ? "is over" : "is late");
    }
    remit_watch_alarms(self, unit->alarms, unit->alarm_count);
}

static void is_durable(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    struct ledger_unit *unit = self->ledger.unit;
    (void)pointer;
    if (life != self->ledger.life || unit == NULL)
        return;
    keep(&self->journal, unit);
    remit_watch_commit(self, unit->time_us, unit->position, unit->facts, unit->length);
    run_effects(self, unit);
    answers_leave(self);
    self->ledger.unit = NULL;
    ledger_release(self->ledger.core, unit);
    take(self);
}

static void timer(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    (void)pointer;
    if (life != self->ledger.life || self->ledger.core == NULL)
        return;
    self->ledger.timer_us = INT64_MAX;
    ledger_expire(self->ledger.core, remit_node_us(self));
    node_touched(self);
}

static void plan_timer(struct remittances_world *self)
{
    int64_t due_us = ledger_due_us(self->ledger.core);
    int64_t wait_us = due_us == INT64_MAX ? INT64_MAX : due_us - remit_node_us(self);
    if (wait_us == INT64_MAX)
        return;
    wait_us = wait_us < 1000 ? 1000 : wait_us > REMIT_MINUTE_US ? REMIT_MINUTE_US : wait_us;
    if (self->stage.now_us + wait_us >= self->ledger.timer_us)
        return;
    self->ledger.timer_us = self->stage.now_us + wait_us;
    stage_after(&self->stage, wait_us, timer, self, NULL, self->ledger.life);
}

static void take(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    plan_timer(self);
    if (node->unit != NULL || !ledger_has_work(node->core))
        return;
    node->unit = ledger_take(node->core);
    if (node->unit == NULL)
        return;
    for (size_t i = 0; i < node->waiting_count; i++) {
        node->leaving =
            grown(node->leaving, &node->leaving_room, node->leaving_count + 1, sizeof *node->leaving);
        node->leaving[node->leaving_count++] = node->waiting[i];
    }
    node->waiting_count = 0;
    bool is_slow = remit_has(self, FAMILY_DISK) && sim_random_chance(&self->disk, 20000);
    stage_after(&self->stage,
                sim_random_between(&self->disk, COMMIT_LEAST_US, is_slow ? COMMIT_SLOW_US : COMMIT_MOST_US),
                is_durable, self, NULL, node->life);
}

static void turn(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    (void)pointer;
    if (life != self->ledger.life || self->ledger.core == NULL)
        return;
    self->ledger.is_turning = false;
    take(self);
}

void node_touched(struct remittances_world *self)
{
    if (self->ledger.is_turning || self->ledger.core == NULL)
        return;
    self->ledger.is_turning = true;
    stage_after(&self->stage, sim_random_between(&self->disk, 1, 300), turn, self, NULL, self->ledger.life);
}

void node_answers(struct remittances_world *self, uint32_t known)
{
    struct ledger_node *node = &self->ledger;
    node->waiting = grown(node->waiting, &node->waiting_room, node->waiting_count + 1, sizeof *node->waiting);
    node->waiting[node->waiting_count++] = known;
    node_touched(self);
}

/* ---- lives ------------------------------------------------------------------------------------------------ */

/* The adapter asks for all calls again, now and then: what was lost on the way is found so. */
static void again(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    uint32_t slot = 0;
    (void)pointer;
    if (life != self->ledger.life || self->ledger.core == NULL)
        return;
    do
        slot = ledger_bank_calls_again(self->ledger.core, remit_node_us(self), slot);
    while (slot != 0);
    node_touched(self);
    stage_after(&self->stage, RESEND_US, again, self, NULL, life);
}

void node_start(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    node->memory = (struct counting_mem){0};
    node->mem = counting_mem_port(&node->memory);
    node->core = node_rebuilt(self, &node->memory);
    node->life++;
    node->timer_us = INT64_MAX;
    node->is_turning = false;
    ledger_check(node->core);
    again(self, NULL, node->life);
    plan_timer(self);
}

void node_die(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    if (node->core == NULL)
        return;
    if (node->unit != NULL && sim_random_chance(&self->disk, 500000)) {
        keep(&self->journal, node->unit);
        remit_watch_commit(self, node->unit->time_us, node->unit->position, node->unit->facts,
                           node->unit->length);
    }
    node->unit = NULL;
    node->waiting_count = node->leaving_count = 0;
    ledger_destroy(&node->core);
    if (node->memory.live_blocks != 0)
        stage_breach(&self->stage, "memory", "a ledger that has ended keeps %" PRIu64 " bytes",
                     node->memory.live_bytes);
}

void node_release(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    if (node->core != NULL)
        ledger_destroy(&node->core);
    free(node->waiting);
    free(node->leaving);
    free(self->journal.commits);
    free(self->journal.bytes);
}
