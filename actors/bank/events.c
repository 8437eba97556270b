/* Callbacks, each once: an event that was seen is kept until its time is over, and its answer waits until its row is durable.
 *
 * Events are known by 128 bits of hash. Should two ever have the same, the later is taken for seen: the job is asked about in its time all
 * the same. */
#include "actors/bank/core.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define PAUSE_US (10 * SECOND_US)

/* ---- sweeps ------------------------------------------------------------------------------------------------ */

void sweep_add(struct sweep *sweep, int64_t end_us)
{
    if (sweep->at > 0) {
        if (end_us < sweep->first_us)
            sweep->first_us = end_us;
    } else if (end_us < sweep->due_us) {
        sweep->due_us = end_us;
    }
}

bool sweep_begin(const struct sweep *sweep, const struct slots *slots, int64_t now_us, uint32_t *to)
{
    if (now_us < sweep->due_us)
        return false;
    uint32_t left = slots->end - sweep->at;
    *to = sweep->at + (left < CORE_WORK_MAX ? left : CORE_WORK_MAX);
    return true;
}

void sweep_end(struct sweep *sweep, const struct slots *slots, uint32_t to, int64_t now_us, int64_t pause_us)
{
    sweep->at = to;
    if (to < slots->end)
        return;
    int64_t next_us = sweep->first_us;
    if (next_us < now_us + pause_us)
        next_us = now_us + pause_us;
    *sweep = (struct sweep){.due_us = next_us, .first_us = INT64_MAX};
}

/* ---- what was seen ----------------------------------------------------------------------------------------- */

static struct event *event_at(const struct bank *self, uint32_t slot)
{
    return slots_at(&self->events, slot);
}

static void event_key(const char *bank, const char *event, uint64_t key[2])
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(event, strlen(event), XXH3_64bits(bank, strlen(bank)));
    key[0] = hash.low64;
    key[1] = hash.high64;
}

static struct event *event_find(const struct bank *self, const uint64_t key[2])
{
    uint32_t at = 0, slot;
    while ((slot = index_next(&self->events_by_key, key[0], &at)) != SLOT_NONE) {
        struct event *event = event_at(self, slot);
        if (event->key[0] == key[0] && event->key[1] == key[1])
            return event;
    }
    return NULL;
}

/* SLOT_NONE: no memory, or too many. */
static uint32_t event_new(struct bank *self, const uint64_t key[2], int64_t until_us)
{
    if (!slots_ensure(&self->events) || !index_ensure(&self->events_by_key, self->events.count + 1))
        return SLOT_NONE;
    uint32_t slot = slots_take(&self->events);
    *event_at(self, slot) = (struct event){.key = {key[0], key[1]}, .until_us = until_us, .next = SLOT_NONE};
    index_put(&self->events_by_key, key[0], slot);
    sweep_add(&self->event_sweep, until_us);
    return slot;
}

enum err event_restore(struct bank *self, const uint64_t key[2], int64_t until_us)
{
    return event_new(self, key, until_us) != SLOT_NONE ? ERR_OK : ERR_NO_MEMORY;
}

static bool is_free(const struct event *event)
{
    return event->key[0] == 0 && event->key[1] == 0;
}

static void enlist(struct bank *self, uint32_t slot)
{
    struct event *event = event_at(self, slot);
    event->is_forgotten = true;
    event->next = SLOT_NONE;
    if (self->event_last != SLOT_NONE)
        event_at(self, self->event_last)->next = slot;
    else
        self->event_first = slot;
    self->event_last = slot;
}

void events_sweep(struct bank *self)
{
    uint32_t to;
    if (!sweep_begin(&self->event_sweep, &self->events, self->now_us, &to))
        return;
    for (uint32_t slot = self->event_sweep.at; slot < to; slot++) {
        const struct event *event = event_at(self, slot);
        if (is_free(event) || event->is_forgotten)
            continue;
        if (event->until_us < self->now_us && !event->is_new)
            enlist(self, slot);
        else if (event->until_us < self->event_sweep.first_us)
            self->event_sweep.first_us = event->until_us;
    }
    sweep_end(&self->event_sweep, &self->events, to, self->now_us, PAUSE_US);
}

/* ---- callbacks ----------------------------------------------------------------------------------------------- */

static void answer(struct bank *self, void *token, bool is_kept, uint32_t event)
{
    CHECK(self->answer_count < CORE_ANSWERS_MAX);
    uint32_t at = (self->answer_first + self->answer_count++) % CORE_ANSWERS_MAX;
    self->answers[at] = (struct answer){.token = token, .event = event, .is_kept = is_kept};
}

static void hurry_all(struct bank *self, const struct index *index, uint32_t bank, const char *name,
                      size_t offset)
{
    uint64_t hash = name_hash(self, bank, name);
    uint32_t at = 0, slot;
    if (name[0] == '\0')
        return;
    while ((slot = index_next(index, hash, &at)) != SLOT_NONE) {
        struct job *job = job_at(self, slot);
        if (job->bank == bank && core_text_equal((const char *)&job->rail + offset, name))
            inquiry_hurry(self, job);
    }
}

void bank_callback(struct bank *self, int64_t now_us, const char *bank, const struct rail_notice *notice,
                   void *token)
{
    CHECK(self->is_recovered);
    core_now(self, now_us);
    uint32_t place = core_bank_index(self, bank);
    if (place == SLOT_NONE) {
        answer(self, token, false, SLOT_NONE);
        return;
    }
    self->banks[place].callbacks++;
    uint64_t key[2];
    event_key(bank, notice->event, key);
    if (event_find(self, key) != NULL) {
        MARK("an event that was seen before");
        answer(self, token, true, SLOT_NONE);
        return;
    }
    uint32_t slot = event_new(self, key, notice->until_us);
    if (slot == SLOT_NONE) {
        MARK("no room for an event: it will come again");
        answer(self, token, false, SLOT_NONE);
        return;
    }
    event_at(self, slot)->is_new = true;
    answer(self, token, true, slot);
    hurry_all(self, &self->by_id, place, notice->id, offsetof(struct rail_job, id));
    hurry_all(self, &self->by_resource, place, notice->resource, offsetof(struct rail_job, resource));
}

/* ---- units ------------------------------------------------------------------------------------------------ */

static void fill_answers(struct bank *self)
{
    struct unit_room *room = self->unit;
    while (self->answer_count > 0 && room->answer_count < UNIT_ANSWERS_MAX) {
        const struct answer *next = &self->answers[self->answer_first];
        room->answers[room->answer_count++] =
            (struct bank_callback_answer){.token = next->token, .is_kept = next->is_kept};
        if (next->event != SLOT_NONE) {
            struct event *event = event_at(self, next->event);
            struct bank_put *put = unit_put(self, BANK_TABLE_EVENTS, event->key, ROW_EVENT_KEY);
            unit_value_end(self, put, row_number_pack((uint64_t)event->until_us, unit_value(self)));
            event->is_new = false;
        }
        self->answer_first = (self->answer_first + 1) % CORE_ANSWERS_MAX;
        self->answer_count--;
    }
}

void events_fill_unit(struct bank *self)
{
    fill_answers(self);
    for (uint32_t i = 0; i < UNIT_EVENTS_MAX && self->event_first != SLOT_NONE; i++) {
        uint32_t slot = self->event_first;
        struct event *event = event_at(self, slot);
        self->event_first = event->next;
        if (self->event_first == SLOT_NONE)
            self->event_last = SLOT_NONE;
        (void)unit_put(self, BANK_TABLE_EVENTS, event->key, ROW_EVENT_KEY);
        index_remove(&self->events_by_key, event->key[0], slot);
        *event = (struct event){0};
        slots_free(&self->events, slot);
    }
}
