/* The bank adapter: rows that take their time to be durable, requests and reports behind them, its lives and deaths. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum { ROWS_LEAST_US = 200, ROWS_MOST_US = 4000, ROWS_SLOW_US = 600000, DIES_PPM = 20000 };

/* ---- rows -------------------------------------------------------------------------------------------------- */

static struct row *row_of(struct adapter_node *node, const struct bank_put *put)
{
    for (size_t i = 0; i < node->row_count; i++) {
        struct row *row = &node->rows[i];
        if (row->table == put->table && row->key_length == put->key_length &&
            memcmp(row->key, put->key, put->key_length) == 0)
            return row;
    }
    if (node->row_count == node->row_room) {
        node->row_room = node->row_room == 0 ? 64 : 2 * node->row_room;
        node->rows = realloc(node->rows, node->row_room * sizeof *node->rows);
        CHECK(node->rows != NULL);
    }
    struct row *row = &node->rows[node->row_count++];
    *row = (struct row){.table = put->table, .key_length = put->key_length};
    memcpy(row->key, put->key, put->key_length);
    return row;
}

static void apply(struct adapter_node *node, const struct bank_unit *unit)
{
    for (size_t i = 0; i < unit->put_count; i++) {
        const struct bank_put *put = &unit->puts[i];
        struct row *row = row_of(node, put);
        row->is_there = put->value != NULL;
        if (row->is_there) {
            CHECK(put->value_length <= BANK_ROW_MAX);
            memcpy(row->value, put->value, put->value_length);
            row->length = put->value_length;
        }
    }
}

/* ---- effects ------------------------------------------------------------------------------------------------ */

static void report_comes(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    const struct bank_report *report = pointer;
    (void)number;
    if (self->ledger.core != NULL && !self->stage.is_broken) {
        ledger_bank_report(self->ledger.core, remit_node_us(self), report);
        node_touched(self);
    }
    free(pointer);
}

static void send_report(struct remittances_world *self, const struct bank_report *report)
{
    static const char *const outcomes[] = {"nothing", "SUCCEEDED", "FAILED", "UNKNOWN"};
    for (int copies = remit_has(self, FAMILY_NETWORK) && sim_random_chance(&self->network, 10000) ? 2 : 1;
         copies > 0; copies--) {
        int64_t way_us = remit_way_us(self, 10, 2000);
        if (way_us < 0)
            continue;
        struct bank_report *copy = malloc(sizeof *copy);
        CHECK(copy != NULL);
        *copy = *report;
        stage_after(&self->stage, way_us, report_comes, self, copy, 0);
    }
    stage_note(&self->stage, "the adapter reports call %" PRIu32 ": %s %s %s", report->number,
               outcomes[report->outcome], report->is_permanent ? "for good" : "", report->reason);
}

static void take(struct remittances_world *self);

static void is_durable(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    struct bank_unit *unit = self->adapter.unit;
    (void)pointer;
    if (life != self->adapter.life || unit == NULL)
        return;
    apply(&self->adapter, unit);
    if (unit->report_count > 0 && remit_has(self, FAMILY_PROCESS) &&
        sim_random_chance(&self->endings, DIES_PPM)) {
        remit_adapter_dies(self); /* between its rows and what waits for them */
        return;
    }
    for (size_t i = 0; i < unit->request_count; i++)
        banks_ask(self, unit->requests[i]);
    for (size_t i = 0; i < unit->report_count; i++)
        send_report(self, &unit->reports[i]);
    for (size_t i = 0; i < unit->answer_count; i++)
        banks_answer_callback(self, &unit->answers[i]);
    self->adapter.unit = NULL;
    bank_release(self->adapter.core, unit);
    take(self);
}

static void timer(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    (void)pointer;
    if (life != self->adapter.life || self->adapter.core == NULL)
        return;
    self->adapter.timer_us = INT64_MAX;
    bank_timer(self->adapter.core, remit_node_us(self));
    adapter_touched(self);
}

static void plan_timer(struct remittances_world *self)
{
    int64_t due_us = bank_due_us(self->adapter.core);
    int64_t wait_us = due_us == INT64_MAX ? REMIT_MINUTE_US : due_us - remit_node_us(self);
    wait_us = wait_us < 1000 ? 1000 : wait_us > REMIT_MINUTE_US ? REMIT_MINUTE_US : wait_us;
    if (self->stage.now_us + wait_us >= self->adapter.timer_us)
        return;
    self->adapter.timer_us = self->stage.now_us + wait_us;
    stage_after(&self->stage, wait_us, timer, self, NULL, self->adapter.life);
}

static void take(struct remittances_world *self)
{
    struct adapter_node *node = &self->adapter;
    plan_timer(self);
    if (node->unit != NULL)
        return;
    node->unit = bank_take(node->core);
    if (node->unit == NULL)
        return;
    for (size_t i = 0; i < node->unit->request_count; i++) {
        uint32_t bank = node->unit->requests[i]->bank;
        if (self->stage.now_us < self->later_us[bank])
            stage_breach(&self->stage, "W12", "%s is asked %" PRId64 " ms before the time that it has said",
                         REMIT_BANK_NAMES[bank], (self->later_us[bank] - self->stage.now_us) / 1000);
    }
    bool is_slow = remit_has(self, FAMILY_DISK) && sim_random_chance(&self->disk, 20000);
    int64_t wait_us = sim_random_between(&self->disk, ROWS_LEAST_US, is_slow ? ROWS_SLOW_US : ROWS_MOST_US);
    stage_after(&self->stage, node->unit->put_count == 0 ? 1 : wait_us, is_durable, self, NULL, node->life);
}

static void turn(void *context, void *pointer, uint64_t life)
{
    struct remittances_world *self = context;
    (void)pointer;
    if (life != self->adapter.life || self->adapter.core == NULL)
        return;
    self->adapter.is_turning = false;
    take(self);
}

void adapter_touched(struct remittances_world *self)
{
    if (self->adapter.is_turning || self->adapter.core == NULL)
        return;
    self->adapter.is_turning = true;
    stage_after(&self->stage, sim_random_between(&self->disk, 1, 300), turn, self, NULL, self->adapter.life);
}

/* ---- lives -------------------------------------------------------------------------------------------------- */

void adapter_start(struct remittances_world *self)
{
    struct adapter_node *node = &self->adapter;
    struct bank_config configs[REMIT_BANKS];
    for (uint32_t bank = 0; bank < REMIT_BANKS; bank++)
        configs[bank] = banks_config(self, bank);
    node->memory = (struct counting_mem){0};
    node->mem = counting_mem_port(&node->memory);
    node->core = bank_new(configs, REMIT_BANKS, self->stage.config->seed, &node->mem);
    CHECK(node->core != NULL);
    for (size_t i = 0; i < node->row_count; i++) {
        const struct row *row = &node->rows[i];
        if (!row->is_there)
            continue;
        enum err err =
            bank_restore(node->core, row->table, row->key, row->key_length, row->value, row->length);
        if (err != ERR_OK)
            stage_breach(&self->stage, "rows", "a row cannot be restored: %s", err_text(err));
    }
    enum err err = bank_recovered(node->core, remit_node_us(self));
    if (err != ERR_OK)
        stage_breach(&self->stage, "rows", "the rows do not agree: %s", err_text(err));
    bank_check(node->core);
    node->life++;
    node->timer_us = INT64_MAX;
    node->is_turning = false;
    memset(self->later_us, 0, sizeof self->later_us); /* it has not kept that */
    adapter_touched(self);
}

void adapter_die(struct remittances_world *self)
{
    struct adapter_node *node = &self->adapter;
    if (node->core == NULL)
        return;
    if (node->unit != NULL && sim_random_chance(&self->disk, 500000))
        apply(node, node->unit); /* the rows are there, and nothing that waited for them has left */
    node->unit = NULL;
    bank_destroy(&node->core);
    banks_callbacks_die(self);
    if (node->memory.live_blocks != 0)
        stage_breach(&self->stage, "memory", "an adapter that has ended keeps %" PRIu64 " bytes",
                     node->memory.live_bytes);
}

void adapter_release(struct remittances_world *self)
{
    if (self->adapter.core != NULL)
        bank_destroy(&self->adapter.core);
    banks_callbacks_die(self);
    free(self->adapter.rows);
}
