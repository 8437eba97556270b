/* The ledger: commits that take their time, the state store behind them, its lives and deaths. As in the shell, two units are out at the
 * most: while the state store is so far behind, nothing is appended. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum {
    COMMIT_LEAST_US = 200,
    COMMIT_MOST_US = 5000,
    COMMIT_SLOW_US = 800000,
    STATE_AGAIN_US = 500000,
    SLOW_STATE_PPM = 50000,
    NO_MEMORY_PPM = 100000,
    RESEND_US = 30000000,
    LATE_PPM = 20000,
    LATE_MOST_US = 120000000
};

static void *grown(void *pointer, size_t *room, size_t needed, size_t size)
{
    while (*room < needed)
        *room = *room == 0 ? 64 : 2 * *room;
    pointer = realloc(pointer, *room * size);
    CHECK(pointer != NULL);
    return pointer;
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

/* Of others: nobody looks at their answers. */
static void tickets_free(struct ledger *core, struct ledger_unit *unit)
{
    while (unit->tickets != NULL) {
        struct ledger_ticket *ticket = unit->tickets;
        unit->tickets = ticket->next;
        ledger_ticket_free(core, &ticket);
    }
}

static void run_effects(struct remittances_world *self, struct ledger_unit *unit)
{
    tickets_free(self->ledger.core, unit);
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

/* ---- the state store follows behind ------------------------------------------------------------------------ */

static void apply_next(struct remittances_world *self);

static void durable_release(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    ledger_release(node->core, node->durable[0]);
    node->durable_count--;
    memmove(&node->durable[0], &node->durable[1], node->durable_count * sizeof node->durable[0]);
}

static void apply_comes(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    (void)pointer;
    if (life != self->ledger.life || self->ledger.core == NULL)
        return;
    if (stores_apply(self, self->ledger.durable[0]) != ERR_OK) {
        stage_after(&self->stage, STATE_AGAIN_US, apply_comes, self, NULL, life);
        return;
    }
    self->ledger.is_applying = false;
    durable_release(self);
    apply_next(self);
    take(self);
}

static void apply_next(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    struct sim_random *random = &self->stores.random;
    while (node->durable_count > 0 && !node->is_applying) {
        if (node->durable[0]->put_count == 0) {
            durable_release(self);
            continue;
        }
        bool is_slow = remit_has(self, FAMILY_DISK) && sim_random_chance(random, SLOW_STATE_PPM);
        node->is_applying = true;
        stage_after(&self->stage,
                    sim_random_between(random, COMMIT_LEAST_US, is_slow ? COMMIT_SLOW_US : COMMIT_MOST_US),
                    apply_comes, self, NULL, node->life);
    }
}

/* ---- commits ------------------------------------------------------------------------------------------------ */

/* What waited for the unit leaves. */
static void unit_leaves(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    struct ledger_unit *unit = node->unit;
    stores_append(self, unit);
    run_effects(self, unit);
    answers_leave(self);
    node->unit = NULL;
    node->durable[node->durable_count++] = unit;
    apply_next(self);
}

static void is_durable(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    (void)pointer;
    if (life != self->ledger.life || self->ledger.unit == NULL)
        return;
    unit_leaves(self);
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

/* Where memory is refused, a pass of the checkpoint goes on in a later unit. */
static struct ledger_unit *unit_of(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    struct sim_random *random = &self->stores.random;
    if (remit_has(self, FAMILY_DISK) && sim_random_chance(random, NO_MEMORY_PPM))
        counting_mem_fail(&node->memory, 1 + sim_random_below(random, 6), 1);
    struct ledger_unit *unit = ledger_take(node->core);
    counting_mem_fail(&node->memory, 0, 0);
    return unit;
}

static void take(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    plan_timer(self);
    while (node->unit == NULL && node->durable_count < LEDGER_UNITS_MAX && ledger_has_work(node->core)) {
        node->unit = unit_of(self);
        CHECK(node->unit != NULL);
        for (size_t i = 0; i < node->waiting_count; i++) {
            node->leaving =
                grown(node->leaving, &node->leaving_room, node->leaving_count + 1, sizeof *node->leaving);
            node->leaving[node->leaving_count++] = node->waiting[i];
        }
        node->waiting_count = 0;
        if (node->unit->length + node->unit->call_count + node->unit->ack_count == 0) {
            unit_leaves(self); /* a checkpoint's alone; not through the journal */
            continue;
        }
        bool is_slow = remit_has(self, FAMILY_DISK) && sim_random_chance(&self->disk, 20000);
        int64_t wait_us =
            sim_random_between(&self->disk, COMMIT_LEAST_US, is_slow ? COMMIT_SLOW_US : COMMIT_MOST_US);
        stage_after(&self->stage, wait_us, is_durable, self, NULL, node->life);
    }
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
    uint32_t slot = 0, before;
    (void)pointer;
    if (life != self->ledger.life || self->ledger.core == NULL)
        return;
    do
        before = slot;
    while (ledger_bank_calls_again(self->ledger.core, remit_node_us(self), &slot) && slot > before);
    node_touched(self);
    stage_after(&self->stage, RESEND_US, again, self, NULL, life);
}

static void tick(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    struct ledger_node *node = &self->ledger;
    struct ledger_stats stats;
    (void)pointer;
    if (life != node->life || node->core == NULL)
        return;
    ledger_stats(node->core, &stats);
    if (stats.position == node->position_before && ledger_checkpoint_hurry(node->core) && !node->is_turning)
        take(self);
    node->position_before = stats.position;
    stage_after(&self->stage, REMIT_SECOND_US, tick, self, NULL, life);
}

void node_start(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    node->memory = (struct counting_mem){0};
    node->core = stores_recover(self, &node->memory);
    if (node->core == NULL)
        return;
    node->life++;
    node->timer_us = INT64_MAX;
    node->is_turning = false;
    ledger_check(node->core);
    again(self, NULL, node->life);
    if (self->has_quiet)
        tick(self, NULL, node->life);
    plan_timer(self);
}

/* Of what is on its way to a store, all or nothing is there afterwards. */
void node_die(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    if (node->core == NULL)
        return;
    if (node->unit != NULL && sim_random_chance(&self->disk, 500000))
        stores_append(self, node->unit);
    if (node->is_applying && sim_random_chance(&self->stores.random, 500000)) {
        enum err err = stores_apply(self, node->durable[0]);
        if (err != ERR_OK)
            stage_note(&self->stage, "its last commit of the state is lost: %s", err_text(err));
    }
    if (node->unit != NULL)
        tickets_free(node->core, node->unit);
    node->unit = NULL;
    node->is_applying = false;
    node->durable_count = node->waiting_count = node->leaving_count = 0;
    ledger_destroy(&node->core);
    if (node->memory.live_blocks != 0)
        stage_breach(&self->stage, "memory", "a ledger that has ended keeps %" PRIu64 " bytes",
                     node->memory.live_bytes);
}

void node_release(struct remittances_world *self)
{
    struct ledger_node *node = &self->ledger;
    if (node->unit != NULL)
        tickets_free(node->core, node->unit);
    if (node->core != NULL)
        ledger_destroy(&node->core);
    free(node->waiting);
    free(node->leaving);
}
