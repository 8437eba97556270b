/* The publisher's process. Each call of a port may be its last: then what it does still runs here, and reaches nobody. */
#include <inttypes.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/events/world.h"

enum { LOOK_MS = 20, BOOT_MS = 1000000, RESTART_MOST_US = 10 * SECOND };

struct publisher_now process_now(const struct events_world *self)
{
    return (struct publisher_now){.mono_ms = BOOT_MS + self->stage.now_us / MS,
                                  .wall_us = WORLD_EPOCH_US + self->stage.now_us + self->wall_us};
}

bool process_is_ready(const struct events_world *self)
{
    return self->publisher != NULL && self->paused_until_us <= self->stage.now_us;
}

/* ---- ports ---------------------------------------------------------------------------------------------- */

/* true: the process dies in this call. */
static bool dies_now(struct events_world *self)
{
    if (self->calls_left > 0 && --self->calls_left == 0)
        self->is_dead = true;
    return self->is_dead;
}

static enum publisher_look port_look(void *context, uint32_t partition, uint64_t *position, uint64_t *next)
{
    struct events_world *self = context;
    uint64_t from = *position;
    enum publisher_look look = journals_look(&self->journals, partition, position, next);
    self->looks++;
    self->has_moved = self->has_moved || (look == LOOK_END && *next > from);
    return look;
}

static bool port_post(void *context, const struct publisher_post *post)
{
    struct events_world *self = context;
    bool was_dead = self->is_dead, is_dying = dies_now(self);
    if (was_dead || (is_dying && sim_random_chance(&self->process, 500000)))
        return false;
    bool is_taken = self->refusing_until_us <= self->stage.now_us;
    self->has_moved = self->has_moved || !is_taken;
    watch_post(&self->watch, process_now(self).mono_ms, post, is_taken);
    stage_mix(&self->stage, post->position << 1 | is_taken);
    stage_note(&self->stage,
               "post %" PRIu64 " to %s: partition %" PRIu32 " position %" PRIu64 ", after %" PRIu32
               " tries%s",
               post->token, post->subscriber->name, post->partition, post->position, post->tries,
               is_taken ? "" : ", not now");
    if (is_taken)
        outside_post(self, post);
    return is_taken;
}

static enum publisher_sent peer_takes(struct events_world *self, const struct peer *peer)
{
    if (peer == NULL || peer->is_gone)
        return SENT_GONE;
    return peer->full_until_us > self->stage.now_us ? SENT_FULL : SENT_DONE;
}

static enum publisher_sent port_send(void *context, const struct publisher_peer *sent_to, uint32_t partition,
                                     uint64_t from, uint64_t to)
{
    struct events_world *self = context;
    struct peer *peer = outside_peer(self, sent_to);
    if (dies_now(self))
        return SENT_FULL;
    enum publisher_sent sent = peer_takes(self, peer);
    watch_send(&self->watch, process_now(self).mono_ms, sent_to, partition, from, to, sent);
    stage_mix(&self->stage, to << 2 | sent);
    stage_note(&self->stage, "send to %s: partition %" PRIu32 " from %" PRIu64 " to %" PRIu64 "%s",
               sent_to->name, partition, from, to,
               sent == SENT_DONE   ? ""
               : sent == SENT_FULL ? ", full"
                                   : ", gone");
    if (sent == SENT_DONE)
        peer->cursors.at[partition] = to;
    return sent;
}

static enum publisher_sent port_beat(void *context, const struct publisher_peer *sent_to)
{
    struct events_world *self = context;
    if (dies_now(self))
        return SENT_FULL;
    enum publisher_sent sent = peer_takes(self, outside_peer(self, sent_to));
    watch_beat(&self->watch, process_now(self).mono_ms, sent_to, sent);
    stage_mix(&self->stage, sent);
    return sent;
}

static enum shelf_fault draw_fault(struct events_world *self, bool is_dying)
{
    if (is_dying)
        return sim_random_chance(&self->disk, 500000) ? SHELF_KEPT : SHELF_LOST;
    if (self->fails_next) {
        self->fails_next = false;
        return sim_random_chance(&self->disk, 500000) ? SHELF_KEPT : SHELF_LOST;
    }
    return self->full_until_us > self->stage.now_us ? SHELF_FULL : SHELF_FINE;
}

static enum err port_store(void *context, const struct publisher_change *changes, size_t count)
{
    struct events_world *self = context;
    bool is_kept, was_dead = self->is_dead;
    if (was_dead)
        return ERR_IO;
    enum err err = shelf_store(&self->shelf, changes, count, draw_fault(self, dies_now(self)), &is_kept);
    watch_store(&self->watch, process_now(self), changes, count, err, is_kept);
    stage_mix(&self->stage, count << 8 | (uint64_t)changes[0].kind << 4 | err);
    stage_note(&self->stage, "store %zu changes of kind %d: %s", count, (int)changes[0].kind, err_text(err));
    return err;
}

static void port_say(void *context, bool is_warning, const char *what, const char *subject)
{
    struct events_world *self = context;
    stage_note(&self->stage, "%s %s: %s", is_warning ? "says" : "tells", subject, what);
}

/* ---- life ----------------------------------------------------------------------------------------------- */

static void process_turns(void *context, void *pointer, uint64_t number);

void process_wake(struct events_world *self, int64_t delay_us)
{
    int64_t paused_us = self->paused_until_us - self->stage.now_us;
    if (self->publisher != NULL)
        stage_after(&self->stage, delay_us > paused_us ? delay_us : paused_us, process_turns, self, NULL,
                    ++self->turn);
}

static void open_journal(void *context, void *pointer, uint64_t number)
{
    struct events_world *self = context;
    (void)pointer;
    if (self->publisher == NULL || number / JOURNALS_MAX != self->life)
        return;
    uint32_t partition = (uint32_t)(number % JOURNALS_MAX);
    publisher_set_end(self->publisher, partition, journals_end(&self->journals, partition));
    process_wake(self, 0);
}

static void start_later(void *context, void *pointer, uint64_t number)
{
    (void)pointer;
    (void)number;
    process_start(context);
}

void process_start(struct events_world *self)
{
    const struct publisher_ports ports = {self,      port_look,  port_post, port_send,
                                          port_beat, port_store, port_say};
    self->memory = (struct counting_mem){0};
    const struct mem mem = counting_mem_port(&self->memory);
    self->publisher = publisher_new(&self->options, &ports, &mem);
    CHECK(self->publisher != NULL);
    self->memory_bytes = self->memory.live_bytes;
    self->is_dead = false;
    self->calls_left = 0;
    self->paused_until_us = 0;
    self->life++;
    if (!shelf_open(&self->shelf, self->publisher))
        stage_breach(&self->stage, "E4", "what is stored is not taken by a new publisher");
    watch_restart(&self->watch, process_now(self).mono_ms);
    stage_note(&self->stage, "the publisher begins: life %" PRIu64, self->life);
    for (uint32_t p = 0; p < self->journals.partitions; p++)
        stage_after(&self->stage, sim_random_between(&self->process, 0, 2 * SECOND), open_journal, self, NULL,
                    self->life * JOURNALS_MAX + p);
    process_wake(self, 0);
}

static void end_life(struct events_world *self)
{
    if (self->memory.live_bytes != self->memory_bytes || self->memory.peak_bytes != self->memory_bytes)
        stage_breach(&self->stage, "E6", "the publisher's memory has grown");
    watch_ended(&self->watch, process_now(self).mono_ms);
    publisher_destroy(&self->publisher);
    if (self->memory.live_bytes != 0)
        stage_breach(&self->stage, "E6", "the publisher has not given back its memory");
    stage_after(&self->stage, sim_random_between(&self->process, 10 * MS, RESTART_MOST_US), start_later, self,
                NULL, 0);
}

bool process_lives(struct events_world *self)
{
    if (!self->is_dead)
        return true;
    self->deaths++;
    stage_mix(&self->stage, self->deaths);
    stage_note(&self->stage, "the publisher dies");
    end_life(self);
    return false;
}

void process_stop(struct events_world *self)
{
    bool is_saved = publisher_save(self->publisher) == ERR_OK;
    stage_note(&self->stage, "the publisher ends%s", is_saved ? "" : ", and cursors are not stored");
    self->is_dead = false;
    end_life(self);
}

/* What one call may look at: each subscriber finds one event, each stream one message. */
static void check_looks(struct events_world *self)
{
    uint32_t partitions = self->journals.partitions;
    uint32_t most = WATCH_HOOKS * partitions + WATCH_PEERS * (partitions + self->options.message_max);
    if (self->looks > most)
        stage_breach(&self->stage, "E6",
                     "one call of the publisher has looked into journals %" PRIu32 " times", self->looks);
}

static void process_turns(void *context, void *pointer, uint64_t number)
{
    struct events_world *self = context;
    (void)pointer;
    if (number != self->turn || self->publisher == NULL)
        return;
    if (!process_is_ready(self)) {
        process_wake(self, 0);
        return;
    }
    self->looks = 0;
    self->has_moved = false;
    struct publisher_now now = process_now(self);
    bool was_busy = publisher_work(self->publisher, now);
    if (!process_lives(self))
        return;
    check_looks(self);
    if (was_busy) {
        process_wake(self, sim_random_between(&self->process, 20, 200));
        return;
    }
    int64_t due_ms = publisher_due_ms(self->publisher);
    if (publisher_is_hungry(self->publisher) && self->has_moved && due_ms > now.mono_ms + LOOK_MS)
        due_ms = now.mono_ms + LOOK_MS;
    if (due_ms != INT64_MAX)
        process_wake(self, due_ms > now.mono_ms ? (due_ms - now.mono_ms) * MS : 50);
}
