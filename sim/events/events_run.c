/* The run: what a seed is drawn out into, journals that grow, faults, operators, and the end. */
#include "sim/events/events_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/events/world.h"

enum { SETTLE_S = 120, POST_MOST_MS = 60 };

/* ---- journals grow -------------------------------------------------------------------------------------- */

static void facts_come(void *context, void *pointer, uint64_t number)
{
    struct events_world *self = context;
    struct sim_random *random = &self->facts;
    (void)pointer;
    (void)number;
    if (self->stage.now_us >= stage_stop_us(&self->stage))
        return;
    uint32_t partition = (uint32_t)sim_random_below(random, self->journals.partitions);
    uint64_t count = sim_random_chance(random, 50000) ? sim_random_below(random, 100) : 1;
    bool is_dull = sim_random_chance(random, 100000); /* a run of facts that are no events */
    for (uint64_t i = 0; i <= count; i++)
        journals_append(&self->journals, partition, 1 + (uint32_t)sim_random_below(random, 30),
                        !is_dull && sim_random_chance(random, 700000));
    stage_after(&self->stage, sim_random_between(random, 0, 2 * self->fact_every_us), facts_come, self, NULL,
                0);
    /* Somebody hungry looks every 20 ms. */
    if (process_is_ready(self))
        process_wake(self, sim_random_between(random, 0, 20 * MS));
}

/* ---- faults --------------------------------------------------------------------------------------------- */

static void show_journal(void *context, void *pointer, uint64_t number)
{
    struct events_world *self = context;
    (void)pointer;
    self->journals.lines[number].is_hidden = false;
    process_wake(self, 0);
}

static void stop_it(struct events_world *self)
{
    switch (sim_random_below(&self->process, 5)) {
    case 0:
        process_stop(self);
        return;
    case 1:
        self->is_dead = true;
        (void)process_lives(self);
        return;
    case 2:
        self->paused_until_us = self->stage.now_us + sim_random_between(&self->process, SECOND, 60 * SECOND);
        watch_excuse(&self->watch,
                     process_now(self).mono_ms + (self->paused_until_us - self->stage.now_us) / MS);
        stage_note(&self->stage, "the publisher stands still until %.3f s",
                   (double)self->paused_until_us / SECOND);
        process_wake(self, 0);
        return;
    default:
        self->calls_left = 1 + (uint32_t)sim_random_below(&self->process, 12);
        return;
    }
}

static void fail_it(struct events_world *self)
{
    struct sim_random *random = &self->disk;
    int64_t until_us = self->stage.now_us + sim_random_between(random, SECOND, 60 * SECOND);
    uint32_t partition = (uint32_t)sim_random_below(random, self->journals.partitions);
    switch (sim_random_below(random, 4)) {
    case 0:
        self->full_until_us = until_us;
        return;
    case 1:
        self->fails_next = true;
        return;
    case 2:
        self->refusing_until_us = self->stage.now_us + sim_random_between(random, MS, 5 * SECOND);
        return;
    default:
        self->journals.lines[partition].is_hidden = true;
        stage_after(&self->stage, until_us - self->stage.now_us, show_journal, self, NULL, partition);
        return;
    }
}

static void fault_comes(void *context, void *pointer, uint64_t number)
{
    struct events_world *self = context;
    (void)pointer;
    (void)number;
    if (self->stage.now_us >= stage_stop_us(&self->stage))
        return;
    stage_after(&self->stage, sim_random_between(&self->process, 0, 2 * self->death_every_us), fault_comes,
                self, NULL, 0);
    uint64_t kind = sim_random_below(&self->process, 8);
    if (kind == 0 && stage_has(&self->stage, FAMILY_TIME)) {
        self->wall_us += sim_random_between(&self->process, -3600, 3600) * SECOND;
        stage_note(&self->stage, "the wall's clock jumps");
    } else if (kind < 4 && stage_has(&self->stage, FAMILY_DISK)) {
        fail_it(self);
    } else if (kind >= 4 && stage_has(&self->stage, FAMILY_PROCESS) && process_is_ready(self)) {
        stop_it(self);
    }
}

/* ---- operators ------------------------------------------------------------------------------------------ */

static void add(struct events_world *self, uint32_t index, bool is_from_start)
{
    struct publisher_subscriber subscriber = {.secret_length = PUBLISHER_SECRET_MIN};
    struct publisher_cursors cursors = {{0}};
    snprintf(subscriber.name, sizeof subscriber.name, "hook%" PRIu32, index);
    snprintf(subscriber.url, sizeof subscriber.url, "https://hook%" PRIu32 ".test/%" PRIu32, index,
             ++self->hooks[index].version);
    for (uint32_t p = 0; p < self->journals.partitions && !is_from_start; p++)
        cursors.at[p] = journals_end(&self->journals, p);
    watch_begin(&self->watch, CAUSE_ADD, index, 0);
    enum code code = publisher_add(self->publisher, &subscriber, &cursors);
    stage_note(&self->stage, "%s is added with %s: %s", subscriber.name, subscriber.url, code_name(code));
    if (process_lives(self))
        watch_added(&self->watch, &subscriber, &cursors, code);
}

static void remove_one(struct events_world *self, uint32_t index)
{
    char name[WATCH_NAME];
    snprintf(name, sizeof name, "hook%" PRIu32 "", index % WATCH_HOOKS);
    watch_begin(&self->watch, CAUSE_REMOVE, index, 0);
    enum code code = publisher_remove(self->publisher, str_from(name));
    stage_note(&self->stage, "%s is removed: %s", name, code_name(code));
    if (process_lives(self))
        watch_removed(&self->watch, code);
}

static void retry(struct events_world *self, uint64_t id)
{
    watch_begin(&self->watch, CAUSE_RETRY, 0, id);
    enum code code = publisher_letter_retry(self->publisher, id);
    stage_note(&self->stage, "letter %" PRIu64 " is to be tried again: %s", id, code_name(code));
    if (process_lives(self))
        watch_retried(&self->watch, code);
}

static void resolve(struct events_world *self, uint64_t id)
{
    struct publisher_letter resolved;
    watch_begin(&self->watch, CAUSE_RESOLVE, 0, id);
    enum code code = publisher_letter_resolve(self->publisher, id, &resolved);
    stage_note(&self->stage, "letter %" PRIu64 " is resolved: %s", id, code_name(code));
    if (process_lives(self))
        watch_resolved(&self->watch, code);
}

static void act(struct events_world *self)
{
    struct sim_random *random = &self->operators;
    uint32_t index = (uint32_t)sim_random_below(random, self->hook_count);
    uint64_t kind = sim_random_below(random, 16);
    bool is_from_start = sim_random_chance(random, 500000);
    uint64_t letter = sim_random_chance(random, 900000) ? watch_some_letter(&self->watch, random)
                                                        : sim_random_below(random, 30);
    if (kind < 5 || !stage_has(&self->stage, FAMILY_CLIENTS))
        add(self, index, is_from_start);
    else if (kind == 5)
        remove_one(self, index);
    else if (kind < 12)
        retry(self, letter);
    else if (kind < 14)
        resolve(self, letter);
    else
        watch_compare(&self->watch, self->publisher);
}

static void operator_acts(void *context, void *pointer, uint64_t number)
{
    struct events_world *self = context;
    uint64_t limit = self->stage.config->operation_limit;
    (void)pointer;
    (void)number;
    if (self->stage.now_us >= stage_stop_us(&self->stage) || (limit > 0 && self->acts >= limit))
        return;
    stage_after(&self->stage, sim_random_between(&self->operators, 0, 2 * self->act_every_us), operator_acts,
                self, NULL, 0);
    if (!process_is_ready(self))
        return;
    self->acts++;
    act(self);
    process_wake(self, 0);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

/* Faults end; what has stopped is wanted again, and each letter is tried again. */
static void calm(struct events_world *self)
{
    self->is_calm = true;
    self->fails_next = false;
    self->full_until_us = self->refusing_until_us = 0;
    self->calls_left = 0;
    for (uint32_t p = 0; p < self->journals.partitions; p++)
        self->journals.lines[p].is_hidden = false;
    for (uint32_t i = 0; i < self->peer_count; i++)
        self->peers[i].full_until_us = 0;
    stage_note(&self->stage, "faults end");
    if (self->publisher != NULL && self->shelf.is_broken)
        process_stop(self);
    stage_run(&self->stage, self->stage.now_us + SETTLE_S * SECOND); /* it is up, and not paused */
    if (self->stage.is_broken)
        return;
    for (uint32_t h = 0; h < self->hook_count; h++) {
        if (self->watch.hooks[h].live.is_stopped && self->watch.hooks[h].live.exists)
            add(self, h, false);
    }
    for (size_t i = self->watch.letter_count; i > 0; i--)
        retry(self, self->watch.letters[i - 1].id);
    process_wake(self, 0);
}

static uint64_t backlog(const struct events_world *self)
{
    uint64_t events = self->watch.letter_count;
    for (uint32_t p = 0; p < self->journals.partitions; p++)
        events += self->journals.lines[p].events;
    return events;
}

static void settle(struct events_world *self)
{
    calm(self);
    int64_t bound_us = self->stage.now_us + (self->options.retry_max_ms + SETTLE_S * MS) * MS +
                       (int64_t)backlog(self) * POST_MOST_MS * MS;
    while (!self->stage.is_broken && !watch_is_settled(&self->watch) && self->stage.now_us < bound_us)
        stage_run(&self->stage, self->stage.now_us + SECOND);
    if (self->stage.is_broken)
        return;
    watch_compare(&self->watch, self->publisher);
    watch_end(&self->watch);
}

/* ---- the run -------------------------------------------------------------------------------------------- */

static uint32_t between(struct sim_random *random, uint32_t low, uint32_t high)
{
    return (uint32_t)sim_random_between(random, low, high);
}

/* Half of the seeds have what is documented; the others have less of everything, so that the last try is soon. */
static struct publisher_options draw_options(struct sim_random *random, uint32_t partitions)
{
    struct publisher_options options = publisher_options_default(partitions);
    if (sim_random_chance(random, 400000))
        return options;
    options.retry_ms = sim_random_between(random, 100, 5000);
    options.retry_max_ms = options.retry_ms * sim_random_between(random, 1, 50);
    options.tries_max = between(random, 1, 5);
    options.message_max = between(random, 1, 16);
    options.save_ms = sim_random_between(random, 10, 1000);
    options.heartbeat_ms = sim_random_between(random, 1000, 5000);
    options.unwritable_ms = sim_random_between(random, 5000, 60000);
    return options;
}

static void begin(struct events_world *self, const struct run_config *config)
{
    struct sim_random random = sim_random_split(config->seed, "publisher");
    uint32_t partitions = between(&random, 1, JOURNALS_MAX);
    stage_init(&self->stage, config);
    journals_init(&self->journals, partitions);
    self->options = draw_options(&random, partitions);
    watch_init(&self->watch, &self->stage, &self->journals, &self->options);
    self->facts = sim_random_split(config->seed, "facts");
    self->subscribers = sim_random_split(config->seed, "subscribers");
    self->disk = sim_random_split(config->seed, "shelf");
    self->process = sim_random_split(config->seed, "process");
    self->operators = sim_random_split(config->seed, "operators");
    self->streams = sim_random_split(config->seed, "streams");
    self->hook_count = between(&random, 1, WATCH_HOOKS);
    self->peer_count = between(&random, 0, WATCH_PEERS);
    self->fact_every_us = sim_random_between(&random, 500 * MS, 20 * SECOND);
    self->death_every_us = sim_random_between(&random, 20 * SECOND, 900 * SECOND);
    self->act_every_us = sim_random_between(&random, 2 * SECOND, 60 * SECOND);
    process_start(self);
    outside_begin(self);
    stage_after(&self->stage, 0, facts_come, self, NULL, 0);
    stage_after(&self->stage, 0, operator_acts, self, NULL, 0);
    stage_after(&self->stage, self->death_every_us, fault_comes, self, NULL, 0);
}

void events_run(const struct run_config *config, struct run_result *out)
{
    struct events_world *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    memset(out, 0, sizeof *out);
    begin(self, config);
    stage_run(&self->stage, stage_stop_us(&self->stage));
    if (!self->stage.is_broken)
        settle(self);
    stage_result(&self->stage, out);
    out->partitions = self->journals.partitions;
    out->clients = self->hook_count + self->peer_count;
    out->world.operations = self->acts;
    out->world.attempts = self->watch.posts;
    out->world.messages = self->watch.posts + self->watch.sends;
    out->world.repeated = self->watch.repeats;
    out->world.restarts = self->life - 1;
    publisher_destroy(&self->publisher);
    stage_release(&self->stage);
    journals_release(&self->journals);
    shelf_release(&self->shelf);
    watch_release(&self->watch);
    free(self);
}
