#include "broker/router_figures.h"

#include <stdio.h>

#include "actors/base/check.h"
#include "broker/wire/figures.h"

void router_figures_enter(struct router_figures *self, uint32_t number, uint64_t bytes)
{
    struct router_queue *queue = &self->queues[number];
    figures_level_set(&queue->requests, queue->requests.now + 1);
    figures_level_set(&queue->bytes, queue->bytes.now + bytes);
    figures_level_set(&self->bytes, self->bytes.now + bytes);
}

void router_figures_leave(struct router_figures *self, uint32_t number, uint64_t bytes)
{
    struct router_queue *queue = &self->queues[number];
    CHECK(queue->requests.now > 0 && queue->bytes.now >= bytes);
    queue->requests.now--;
    queue->bytes.now -= bytes;
    self->bytes.now -= bytes;
}

static const char *name_of(size_t operation)
{
    return operation == OPERATION_COUNT ? "unreadable" : wire_operation_name((enum wire_operation)operation);
}

static void write_answers(const struct router_figures *self, struct mp_writer *w)
{
    enum { ALL = (OPERATION_COUNT + 1) * CODE_COUNT };
    uint32_t used = 0;
    for (size_t i = 0; i < ALL; i++)
        used += self->answers[i / CODE_COUNT][i % CODE_COUNT] > 0;
    mp_write_text(w, "answers");
    mp_write_array(w, used);
    for (size_t i = 0; i < ALL; i++) {
        uint64_t count = self->answers[i / CODE_COUNT][i % CODE_COUNT];
        if (count == 0)
            continue;
        mp_write_map(w, 3);
        mp_write_text(w, "operation");
        mp_write_text(w, name_of(i / CODE_COUNT));
        mp_write_text(w, "code");
        mp_write_text(w, code_name((enum code)(i % CODE_COUNT)));
        wire_figure_write(w, "count", count);
    }
}

static void write_times(const struct router_figures *self, struct mp_writer *w)
{
    uint32_t used = 0;
    for (size_t i = 0; i <= OPERATION_COUNT; i++)
        used += self->times_us[i].count > 0;
    mp_write_text(w, "times_us");
    mp_write_array(w, used);
    for (size_t i = 0; i <= OPERATION_COUNT; i++) {
        if (self->times_us[i].count == 0)
            continue;
        mp_write_map(w, 1 + WIRE_HISTOGRAM_PAIRS);
        mp_write_text(w, "operation");
        mp_write_text(w, name_of(i));
        wire_histogram_pairs_write(w, &self->times_us[i]);
    }
}

/* "ledger-0", "ratefeed": as their endpoints. */
static void write_queue_name(struct mp_writer *w, uint32_t number)
{
    static const char *const services[SERVICE_COUNT] = {
        [SERVICE_RATEFEED] = "ratefeed",
        [SERVICE_PUBLISHER] = "publisher",
        [SERVICE_BANK] = "bank",
    };
    char name[24];
    if (number < LEDGER_PARTITIONS_MAX)
        snprintf(name, sizeof name, "ledger-%u", number);
    else
        snprintf(name, sizeof name, "%s", services[number - LEDGER_PARTITIONS_MAX]);
    mp_write_text(w, "queue");
    mp_write_text(w, name);
}

static void write_queues(const struct router_figures *self, struct mp_writer *w)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < ROUTER_MAILBOXES_MAX; i++)
        used += self->queues[i].is_there;
    mp_write_text(w, "queues");
    mp_write_array(w, used);
    for (uint32_t i = 0; i < ROUTER_MAILBOXES_MAX; i++) {
        const struct router_queue *queue = &self->queues[i];
        if (!queue->is_there)
            continue;
        mp_write_map(w, 6);
        write_queue_name(w, i);
        wire_figure_write(w, "serving", queue->state == PARTITION_SERVING);
        wire_figure_write(w, "requests", queue->requests.now);
        wire_figure_write(w, "requests_highest", queue->requests.highest);
        wire_figure_write(w, "bytes", queue->bytes.now);
        wire_figure_write(w, "bytes_highest", queue->bytes.highest);
    }
}

void router_figures_write(const struct router_figures *self, const struct router_counters *counters,
                          struct mp_writer *w)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"requests", counters->requests},
        {"replies", counters->replies},
        {"busy", counters->busy},
        {"bad", counters->bad},
        {"dropped", counters->dropped},
        {"bytes", self->bytes.now},
        {"bytes_highest", self->bytes.highest},
        {"connections_opened", self->connections_opened},
        {"connections_closed", self->connections_closed},
        {"handshakes_failed", self->handshakes_failed},
    };
    uint32_t count = sizeof numbers / sizeof *numbers;
    mp_write_map(w, count + 3);
    for (uint32_t i = 0; i < count; i++)
        wire_figure_write(w, numbers[i].name, numbers[i].value);
    write_queues(self, w);
    write_answers(self, w);
    write_times(self, w);
}
