/* Webhooks, dead letters, and what is stored. */
#include "sim/events/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

enum { LATE_MS = 250 };

enum fate { FATE_RECEIVED = 1, FATE_GIVEN_UP = 2 };

static const char order[] = "E1", once[] = "E2", tries[] = "E3", letters[] = "E4", bounds[] = "E6";

void watch_init(struct watch *self, struct stage *stage, const struct journals *journals,
                const struct publisher_options *options)
{
    *self = (struct watch){.stage = stage, .journals = journals, .options = *options};
}

void watch_release(struct watch *self)
{
    for (size_t h = 0; h < WATCH_HOOKS; h++) {
        for (size_t p = 0; p < JOURNALS_MAX; p++)
            free(self->hooks[h].fates[p]);
    }
    free(self->letters);
}

uint32_t watch_hook_of(const char *name)
{
    bool is_hook = strncmp(name, "hook", 4) == 0 && name[4] >= '0' && name[4] < '0' + WATCH_HOOKS && !name[5];
    return is_hook ? (uint32_t)(name[4] - '0') : UINT32_MAX;
}

/* ---- fates of events ------------------------------------------------------------------------------------ */

static uint8_t *fate_of(struct watch_hook *hook, uint32_t partition, uint64_t event)
{
    size_t count = hook->fate_count[partition];
    if (event >= count) {
        size_t wanted = event + 1 > 2 * count ? event + 64 : 2 * count;
        hook->fates[partition] = realloc(hook->fates[partition], wanted);
        CHECK(hook->fates[partition] != NULL);
        memset(hook->fates[partition] + count, 0, wanted - count);
        hook->fate_count[partition] = wanted;
    }
    return &hook->fates[partition][event];
}

static void new_span(struct watch_hook *hook)
{
    for (uint32_t p = 0; p < JOURNALS_MAX; p++) {
        if (hook->fate_count[p] > 0)
            memset(hook->fates[p], 0, hook->fate_count[p]);
    }
    hook->span++;
    hook->token = 0;
    hook->is_in_hand = false;
    hook->has_moved = false;
    hook->tries = 0;
    hook->unsaved_ms = -1;
}

void watch_received(struct watch *self, uint32_t index, uint32_t partition, uint64_t position)
{
    struct watch_hook *hook = &self->hooks[index];
    uint64_t event = journals_before(self->journals, partition, position);
    uint8_t *fate = fate_of(hook, partition, event);
    self->repeats += *fate & FATE_RECEIVED;
    *fate |= FATE_RECEIVED;
    for (uint64_t before = hook->live.start[partition]; before < event && before + 3 > event; before++) {
        if (*fate_of(hook, partition, before) == 0)
            stage_breach(self->stage, order,
                         "hook%" PRIu32 " receives event %" PRIu64 " of partition %" PRIu32
                         ", and not the one before it",
                         index, event, partition);
    }
}

/* ---- letters -------------------------------------------------------------------------------------------- */

static struct watch_letter *find_letter(struct watch *self, uint64_t id)
{
    for (size_t i = 0; i < self->letter_count; i++) {
        if (self->letters[i].id == id)
            return &self->letters[i];
    }
    return NULL;
}

static struct watch_letter *first_wanted(struct watch *self, uint32_t hook)
{
    for (size_t i = 0; i < self->letter_count; i++) {
        if (self->letters[i].is_live && self->letters[i].is_wanted && self->letters[i].hook == hook)
            return &self->letters[i];
    }
    return NULL;
}

static size_t live_letters(const struct watch *self, uint32_t hook)
{
    size_t count = 0;
    for (size_t i = 0; i < self->letter_count; i++)
        count += self->letters[i].is_live && (hook == UINT32_MAX || self->letters[i].hook == hook);
    return count;
}

uint64_t watch_some_letter(const struct watch *self, struct sim_random *random)
{
    size_t count = live_letters(self, UINT32_MAX);
    size_t wanted = (size_t)sim_random_below(random, count);
    for (size_t i = 0; i < self->letter_count; i++) {
        if (self->letters[i].is_live && wanted-- == 0)
            return self->letters[i].id;
    }
    return 0;
}

/* Those that nobody knows any more. */
static void forget_letters(struct watch *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->letter_count; i++) {
        if (self->letters[i].is_live || self->letters[i].is_kept)
            self->letters[count++] = self->letters[i];
    }
    self->letter_count = count;
}

static struct watch_letter *new_letter(struct watch *self, uint64_t id)
{
    if (self->letter_count == self->letter_capacity) {
        self->letter_capacity = self->letter_capacity == 0 ? 64 : 2 * self->letter_capacity;
        self->letters = reallocarray(self->letters, self->letter_capacity, sizeof *self->letters);
        CHECK(self->letters != NULL);
    }
    struct watch_letter *letter = &self->letters[self->letter_count++];
    *letter = (struct watch_letter){.id = id};
    return letter;
}

/* ---- what is stored ------------------------------------------------------------------------------------- */

/* The batch moves the cursor of the event in hand behind it. */
static const struct publisher_cursors *cursors_in(const struct publisher_change *changes, size_t count,
                                                  uint32_t hook)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].kind == CHANGE_CURSORS && watch_hook_of(changes[i].subscriber->name) == hook)
            return changes[i].cursors;
    }
    return NULL;
}

static void give_up(struct watch *self, struct watch_hook *hook, const struct publisher_letter *letter,
                    uint64_t wall_us)
{
    const struct place *place = journals_at(self->journals, letter->partition, letter->position);
    uint32_t index = (uint32_t)(hook - self->hooks);
    if (letter->id <= self->last_letter)
        stage_breach(self->stage, letters, "the id %" PRIu64 " of a letter was used before", letter->id);
    if (self->cause.kind != CAUSE_OUTCOME || self->cause.hook != index || self->cause.letter != 0 ||
        self->cause.outcome != POSTED_FAILED || !hook->is_in_hand || place == NULL || !place->is_event ||
        place->before != hook->event || letter->partition != hook->partition)
        stage_breach(self->stage, letters, "%s: letter %" PRIu64 " is not of the event in hand", letter->name,
                     letter->id);
    else if (hook->tries < self->options.tries_max || letter->tries != hook->tries)
        stage_breach(self->stage, tries,
                     "%s: event %" PRIu64 " is given up after %" PRIu32 " tries; the letter says %" PRIu32,
                     letter->name, hook->event, hook->tries, letter->tries);
    if (letter->error[0] == '\0' || letter->is_wanted || (uint64_t)letter->time_us != wall_us)
        stage_breach(self->stage, letters, "letter %" PRIu64 " has no error, or a wrong time", letter->id);
}

static void store_letter(struct watch *self, const struct publisher_change *changes, size_t count,
                         const struct publisher_letter *stored, uint64_t wall_us, bool is_ok, bool is_kept)
{
    uint32_t index = watch_hook_of(stored->name);
    struct watch_letter *letter = find_letter(self, stored->id);
    struct watch_hook *hook = &self->hooks[index];
    if (letter == NULL) {
        const struct publisher_cursors *cursors = cursors_in(changes, count, index);
        give_up(self, hook, stored, wall_us);
        if (cursors == NULL || journals_before(self->journals, stored->partition,
                                               cursors->at[stored->partition]) != hook->event + 1)
            stage_breach(self->stage, letters,
                         "letter %" PRIu64 " is stored without the cursor that passes its event, or another",
                         stored->id);
        if (!is_ok && !is_kept)
            return;
        letter = new_letter(self, stored->id);
        *letter = (struct watch_letter){
            .id = stored->id, .position = stored->position, .hook = index, .partition = stored->partition};
        letter->tries = stored->tries;
        self->letters_written++;
    }
    if (is_ok && !letter->is_live) {
        letter->is_live = true;
        hook->live.done[hook->partition] = hook->event + 1;
        *fate_of(hook, hook->partition, hook->event) |= FATE_GIVEN_UP;
        hook->is_in_hand = false;
        hook->tries = 0;
    }
    if (is_kept) {
        letter->is_kept = true;
        letter->is_kept_wanted = stored->is_wanted;
        letter->kept_tries = stored->tries;
        self->last_letter = stored->id > self->last_letter ? stored->id : self->last_letter;
    }
}

static void store_letter_gone(struct watch *self, uint64_t id, bool is_ok, bool is_kept)
{
    const struct cause *cause = &self->cause;
    struct watch_letter *letter = find_letter(self, id);
    if (letter == NULL) {
        stage_breach(self->stage, letters, "letter %" PRIu64 " is taken away, and was not there", id);
        return;
    }
    bool is_resolved = cause->kind == CAUSE_RESOLVE && cause->letter == id;
    bool is_taken = cause->kind == CAUSE_OUTCOME && cause->letter == id && cause->outcome == POSTED_TAKEN;
    bool is_removed = cause->kind == CAUSE_REMOVE && cause->hook == letter->hook;
    if (!is_resolved && !is_taken && !is_removed)
        stage_breach(self->stage, letters, "letter %" PRIu64 " is taken away, and nobody wanted that", id);
    letter->is_kept = letter->is_kept && !is_kept;
    if (is_ok && !is_removed)
        letter->is_live = false;
}

static void store_cursors(struct watch *self, const struct publisher_change *change, int64_t now_ms,
                          bool is_kept)
{
    uint32_t index = watch_hook_of(change->subscriber->name);
    struct watch_hook *hook = &self->hooks[index];
    bool is_new = self->cause.kind == CAUSE_ADD && self->cause.hook == index;
    bool is_all = true;
    for (uint32_t p = 0; p < self->journals->partitions; p++) {
        uint64_t done = journals_before(self->journals, p, change->cursors->at[p]);
        /* After a letter the event in hand is done, also where its commit does not count. */
        uint64_t most = hook->live.done[p];
        if (hook->is_in_hand && hook->partition == p && hook->tries >= self->options.tries_max)
            most = hook->event + 1;
        if (!is_new && done > most)
            stage_breach(self->stage, once,
                         "hook%" PRIu32 ": the stored cursor of partition %" PRIu32
                         " is behind event %" PRIu64 ", which was not delivered",
                         index, p, done - 1);
        if (!is_new && done < hook->kept.done[p])
            stage_breach(self->stage, once,
                         "hook%" PRIu32 ": the stored cursor of partition %" PRIu32 " goes back", index, p);
        is_all = is_all && done >= hook->live.done[p];
        if (is_kept)
            hook->kept.done[p] = done;
        if (is_kept && is_new)
            hook->kept.start[p] = done;
    }
    if (is_kept && is_all)
        hook->unsaved_ms = -1;
    else if (!is_kept && hook->unsaved_ms >= 0)
        hook->unsaved_ms = now_ms + 10 * self->options.save_ms;
}

static void store_subscriber(struct watch *self, const struct publisher_subscriber *subscriber, bool is_kept)
{
    uint32_t index = watch_hook_of(subscriber->name);
    const struct cause *cause = &self->cause;
    bool is_stop = cause->kind == CAUSE_OUTCOME && cause->outcome == POSTED_STOP;
    if (cause->hook != index || (cause->kind != CAUSE_ADD && !is_stop))
        stage_breach(self->stage, letters, "%s is stored, and nobody wanted that", subscriber->name);
    if (subscriber->is_stopped != is_stop)
        stage_breach(self->stage, letters, "%s is stored as %s", subscriber->name,
                     is_stop ? "going on, and wants no more" : "stopped, and was added");
    if (!is_kept)
        return;
    struct watch_side *kept = &self->hooks[index].kept;
    kept->exists = true;
    kept->is_stopped = subscriber->is_stopped;
    memcpy(kept->url, subscriber->url, sizeof kept->url);
}

static void check_orphans(struct watch *self)
{
    for (size_t i = 0; i < self->letter_count; i++) {
        if (self->letters[i].is_kept && !self->hooks[self->letters[i].hook].kept.exists)
            stage_breach(self->stage, letters, "letter %" PRIu64 " is stored without its subscriber",
                         self->letters[i].id);
    }
}

void watch_store(struct watch *self, struct publisher_now now, const struct publisher_change *changes,
                 size_t count, enum err err, bool is_kept)
{
    bool is_ok = err == ERR_OK;
    self->cause.has_failed = self->cause.has_failed || !is_ok;
    self->is_store_broken = self->is_store_broken || err == ERR_IO;
    for (size_t i = 0; i < count; i++) {
        const struct publisher_change *change = &changes[i];
        switch (change->kind) {
        case CHANGE_SUBSCRIBER:
            store_subscriber(self, change->subscriber, is_kept);
            break;
        case CHANGE_CURSORS:
            store_cursors(self, change, now.mono_ms, is_kept);
            break;
        case CHANGE_SUBSCRIBER_GONE:
            if (self->cause.kind != CAUSE_REMOVE)
                stage_breach(self->stage, letters, "a subscriber is removed, and nobody wanted that");
            if (is_kept)
                self->hooks[watch_hook_of(change->subscriber->name)].kept.exists = false;
            break;
        case CHANGE_LETTER:
            store_letter(self, changes, count, change->letter, (uint64_t)now.wall_us, is_ok, is_kept);
            break;
        case CHANGE_LETTER_GONE:
            store_letter_gone(self, change->letter->id, is_ok, is_kept);
            break;
        }
    }
    check_orphans(self);
}

/* ---- posts ---------------------------------------------------------------------------------------------- */

/* The documented times: 5,000 ms doubling, or what the subscriber asked for, up to the longest. */
static int64_t wait_ms(const struct watch *self, uint32_t failures, int64_t retry_after_ms)
{
    int64_t wait = self->options.retry_ms;
    while (--failures > 0 && wait < self->options.retry_max_ms)
        wait += wait;
    if (wait < retry_after_ms)
        wait = retry_after_ms;
    return wait > self->options.retry_max_ms ? self->options.retry_max_ms : wait;
}

static void check_event_post(struct watch *self, uint32_t index, int64_t now_ms,
                             const struct publisher_post *post, uint64_t event)
{
    struct watch_hook *hook = &self->hooks[index];
    uint64_t done = hook->live.done[post->partition];
    if (event != done)
        stage_breach(self->stage, event > done ? order : once,
                     "hook%" PRIu32 " is sent event %" PRIu64 " of partition %" PRIu32 " where %" PRIu64
                     " is next",
                     index, event, post->partition, done);
    if (post->tries != hook->tries)
        stage_breach(self->stage, tries,
                     "hook%" PRIu32 ": try %" PRIu32 " of event %" PRIu64 " says that there were %" PRIu32,
                     index, hook->tries, event, post->tries);
    if (!hook->is_in_hand)
        return;
    if (post->partition != hook->partition || event != hook->event)
        stage_breach(self->stage, order, "hook%" PRIu32 " is sent another event than the one in hand", index);
    int64_t latest_ms = hook->due_ms > hook->excused_ms ? hook->due_ms : hook->excused_ms;
    if (now_ms < hook->due_ms || now_ms > latest_ms + LATE_MS)
        stage_breach(self->stage, tries,
                     "hook%" PRIu32 ": event %" PRIu64 " is tried again %" PRId64 " ms too %s", index, event,
                     now_ms < hook->due_ms ? hook->due_ms - now_ms : now_ms - latest_ms,
                     now_ms < hook->due_ms ? "early" : "late");
}

void watch_post(struct watch *self, int64_t now_ms, const struct publisher_post *post, bool is_taken)
{
    uint32_t index = watch_hook_of(post->subscriber->name);
    struct watch_hook *hook = &self->hooks[index];
    const struct place *place = journals_at(self->journals, post->partition, post->position);
    if (!hook->live.exists || hook->live.is_stopped || strcmp(hook->live.url, post->subscriber->url) != 0)
        stage_breach(self->stage, order, "%s is sent something, and is gone, has stopped or has another url",
                     post->subscriber->name);
    if (hook->token != 0)
        stage_breach(self->stage, tries, "%s is sent two things at a time", post->subscriber->name);
    if (place == NULL || !place->is_event) {
        stage_breach(self->stage, order, "%s is sent what is no event", post->subscriber->name);
        return;
    }
    const struct watch_letter *letter = first_wanted(self, index);
    bool is_letter =
        letter != NULL && letter->partition == post->partition && letter->position == post->position;
    if (!is_letter)
        check_event_post(self, index, now_ms, post, place->before);
    else if (post->tries != letter->tries)
        stage_breach(self->stage, letters, "letter %" PRIu64 " is tried again with a wrong number of tries",
                     letter->id);
    if (!is_taken) {
        hook->excused_ms = now_ms + self->options.save_ms;
        return;
    }
    self->posts++;
    hook->token = post->token;
    hook->letter = is_letter ? letter->id : 0;
    if (!is_letter) {
        hook->partition = post->partition;
        hook->event = place->before;
    }
}

/* ---- outcomes ------------------------------------------------------------------------------------------- */

/* Until then something else was under way. */
static void excuse(struct watch_hook *hook, int64_t now_ms)
{
    hook->excused_ms = hook->excused_ms > now_ms ? hook->excused_ms : now_ms;
}

static void event_outcome(struct watch *self, struct watch_hook *hook, enum publisher_outcome outcome,
                          int64_t retry_after_ms, int64_t now_ms)
{
    hook->is_in_hand = outcome == POSTED_FAILED;
    if (outcome == POSTED_FAILED) {
        hook->due_ms = now_ms + wait_ms(self, ++hook->tries, retry_after_ms);
        return;
    }
    hook->tries = 0;
    if (outcome == POSTED_STOP)
        return;
    hook->live.done[hook->partition] = hook->event + 1;
    if (hook->unsaved_ms < 0)
        hook->unsaved_ms = now_ms;
}

void watch_outcome(struct watch *self, uint64_t token, enum publisher_outcome outcome, int64_t retry_after_ms,
                   int64_t now_ms)
{
    self->cause = (struct cause){.kind = CAUSE_NONE};
    for (uint32_t h = 0; h < WATCH_HOOKS; h++) {
        struct watch_hook *hook = &self->hooks[h];
        if (!hook->live.exists || hook->token != token)
            continue;
        hook->token = 0;
        bool counts = !hook->has_moved || outcome == POSTED_TAKEN;
        hook->has_moved = false;
        if (!counts) {
            excuse(hook, now_ms);
            continue;
        }
        self->cause = (struct cause){CAUSE_OUTCOME, h, hook->letter, outcome, false};
        if (hook->letter == 0)
            event_outcome(self, hook, outcome, retry_after_ms, now_ms);
        hook->live.is_stopped = hook->live.is_stopped || outcome == POSTED_STOP;
    }
}

void watch_outcome_end(struct watch *self, int64_t now_ms)
{
    const struct cause cause = self->cause;
    struct watch_hook *hook = &self->hooks[cause.hook];
    self->cause = (struct cause){.kind = CAUSE_NONE};
    if (cause.kind != CAUSE_OUTCOME)
        return;
    struct watch_letter *letter = find_letter(self, cause.letter);
    if (letter != NULL && letter->is_live) {
        letter->is_wanted = false;
        letter->tries += cause.outcome != POSTED_TAKEN;
        if (cause.outcome == POSTED_TAKEN && !cause.has_failed)
            stage_breach(self->stage, letters, "letter %" PRIu64 " was taken at a retry, and stays",
                         letter->id);
    }
    bool is_last = cause.letter == 0 && hook->is_in_hand && hook->tries >= self->options.tries_max;
    if (is_last && !cause.has_failed && live_letters(self, UINT32_MAX) < PUBLISHER_LETTERS_MAX)
        stage_breach(self->stage, tries,
                     "hook%" PRIu32 ": event %" PRIu64 " is not given up after %" PRIu32 " tries", cause.hook,
                     hook->event, hook->tries);
    if (hook->live.is_stopped)
        hook->is_in_hand = false;
    if (hook->live.is_stopped)
        hook->tries = 0;
    excuse(hook, now_ms);
    forget_letters(self);
}

/* ---- operations ----------------------------------------------------------------------------------------- */

void watch_begin(struct watch *self, enum cause_kind kind, uint32_t hook, uint64_t letter)
{
    self->cause = (struct cause){.kind = kind, .hook = hook, .letter = letter};
}

/* BUSY is for a store that failed; the test has the only other reason. */
static void check_code(struct watch *self, enum code code, bool is_there, const char *what)
{
    enum code right = !is_there ? CODE_NOT_FOUND : self->cause.has_failed ? CODE_BUSY : CODE_OK;
    if (code != right)
        stage_breach(self->stage, letters, "%s is answered with %s, not %s", what, code_name(code),
                     code_name(right));
}

/* The event in hand is tried as if for the first time; a refusal of what is under way counts for nothing. */
static void move(struct watch_hook *hook)
{
    hook->is_in_hand = false;
    hook->tries = 0;
    hook->has_moved = hook->token != 0;
}

void watch_added(struct watch *self, const struct publisher_subscriber *subscriber,
                 const struct publisher_cursors *cursors, enum code code)
{
    struct watch_hook *hook = &self->hooks[self->cause.hook];
    check_code(self, code, true, "adding a subscriber");
    if (code == CODE_OK) {
        if (!hook->live.exists)
            new_span(hook);
        for (uint32_t p = 0; p < self->journals->partitions && !hook->live.exists; p++)
            hook->live.start[p] = hook->live.done[p] = journals_before(self->journals, p, cursors->at[p]);
        if (hook->live.exists && strcmp(hook->live.url, subscriber->url) != 0)
            move(hook);
        hook->live.exists = true;
        hook->live.is_stopped = false;
        memcpy(hook->live.url, subscriber->url, sizeof hook->live.url);
    }
    self->cause.kind = CAUSE_NONE;
}

void watch_removed(struct watch *self, enum code code)
{
    uint32_t index = self->cause.hook;
    struct watch_hook *hook = &self->hooks[index];
    check_code(self, code, hook->live.exists, "removing a subscriber");
    for (size_t i = 0; i < self->letter_count; i++) {
        struct watch_letter *letter = &self->letters[i];
        if (letter->hook != index)
            continue;
        if (code == CODE_OK)
            letter->is_live = false;
        else if (letter->is_live && !letter->is_kept && !self->is_store_broken)
            stage_breach(self->stage, letters,
                         "a subscriber could not be removed, but its letter %" PRIu64 " is gone", letter->id);
    }
    if (code == CODE_OK) {
        hook->live.exists = false;
        new_span(hook);
    }
    forget_letters(self);
    self->cause.kind = CAUSE_NONE;
}

void watch_retried(struct watch *self, enum code code)
{
    struct watch_letter *letter = find_letter(self, self->cause.letter);
    check_code(self, code, letter != NULL && letter->is_live, "the retry of a letter");
    if (letter != NULL && code == CODE_OK)
        letter->is_wanted = true;
    self->cause.kind = CAUSE_NONE;
}

void watch_resolved(struct watch *self, enum code code)
{
    const struct watch_letter *letter = find_letter(self, self->cause.letter);
    bool was_there = letter != NULL && (letter->is_live || code == CODE_OK);
    check_code(self, code, was_there, "resolving a letter");
    if (letter != NULL && letter->is_live && code == CODE_OK)
        stage_breach(self->stage, letters, "letter %" PRIu64 " is resolved, and still stored", letter->id);
    forget_letters(self);
    self->cause.kind = CAUSE_NONE;
}

/* ---- the process ---------------------------------------------------------------------------------------- */

void watch_excuse(struct watch *self, int64_t now_ms)
{
    for (uint32_t h = 0; h < WATCH_HOOKS; h++) {
        struct watch_hook *hook = &self->hooks[h];
        hook->excused_ms = now_ms;
        hook->unsaved_ms = hook->unsaved_ms >= 0 ? now_ms : -1;
    }
    for (uint32_t i = 0; i < WATCH_PEERS; i++)
        self->peers[i].heard_ms = now_ms;
}

void watch_ended(struct watch *self, int64_t now_ms)
{
    for (uint32_t h = 0; h < WATCH_HOOKS; h++) {
        const struct watch_hook *hook = &self->hooks[h];
        int64_t unsaved_ms = hook->live.exists && hook->unsaved_ms >= 0 ? now_ms - hook->unsaved_ms : 0;
        if (unsaved_ms > self->options.save_ms + LATE_MS && !self->is_store_broken)
            stage_breach(self->stage, once, "hook%" PRIu32 ": what it took was not stored for %" PRId64 " ms",
                         h, unsaved_ms);
    }
}

void watch_restart(struct watch *self, int64_t now_ms)
{
    for (uint32_t h = 0; h < WATCH_HOOKS; h++) {
        struct watch_hook *hook = &self->hooks[h];
        if (hook->kept.exists && !hook->live.exists)
            new_span(hook);
        hook->live = hook->kept;
        hook->token = 0;
        hook->is_in_hand = false;
        hook->has_moved = false;
        hook->tries = 0;
        hook->unsaved_ms = -1;
        for (uint32_t p = 0; p < self->journals->partitions && hook->live.exists; p++) {
            for (uint64_t e = hook->live.done[p]; e < hook->fate_count[p]; e++)
                hook->fates[p][e] &= (uint8_t)~FATE_GIVEN_UP;
        }
    }
    for (size_t i = 0; i < self->letter_count; i++) {
        struct watch_letter *letter = &self->letters[i];
        letter->is_live = letter->is_kept;
        letter->is_wanted = letter->is_kept_wanted;
        letter->tries = letter->kept_tries;
        struct watch_hook *hook = &self->hooks[letter->hook];
        if (letter->is_live)
            *fate_of(hook, letter->partition,
                     journals_before(self->journals, letter->partition, letter->position)) |= FATE_GIVEN_UP;
    }
    forget_letters(self);
    memset(self->peers, 0, sizeof self->peers);
    self->cause = (struct cause){.kind = CAUSE_NONE};
    self->is_store_broken = false;
    watch_excuse(self, now_ms);
}

static void compare_letters(struct watch *self, const struct publisher *publisher)
{
    uint64_t after = 0;
    size_t count = 0;
    const struct publisher_letter *shown;
    while ((shown = publisher_letter_after(publisher, after, (struct str){"", 0})) != NULL) {
        const struct watch_letter *letter = find_letter(self, shown->id);
        after = shown->id;
        count++;
        if (letter == NULL || !letter->is_live || letter->is_wanted != shown->is_wanted ||
            letter->tries != shown->tries || letter->position != shown->position)
            stage_breach(self->stage, letters, "letter %" PRIu64 " is not as it should be", shown->id);
    }
    if (count != live_letters(self, UINT32_MAX))
        stage_breach(self->stage, letters, "there are %zu letters, not %zu", count,
                     live_letters(self, UINT32_MAX));
}

void watch_compare(struct watch *self, const struct publisher *publisher)
{
    struct publisher_view view;
    uint32_t seen = 0, streams = 0, right = 0;
    for (uint32_t i = 0; publisher_view_at(publisher, i, &view); i++) {
        uint32_t index = watch_hook_of(view.name);
        streams += view.is_stream;
        if (view.is_stream || index == UINT32_MAX)
            continue;
        const struct watch_hook *hook = &self->hooks[index];
        seen++;
        if (!hook->live.exists || strcmp(hook->live.url, view.url) != 0 ||
            hook->live.is_stopped != (strcmp(view.state, "stopped") == 0) ||
            view.dead_letters != live_letters(self, index))
            stage_breach(self->stage, letters, "%s is shown as %s with %" PRIu32 " letters", view.name,
                         view.state, view.dead_letters);
    }
    for (uint32_t h = 0; h < WATCH_HOOKS; h++)
        right += self->hooks[h].live.exists;
    if (seen != right)
        stage_breach(self->stage, letters, "%" PRIu32 " subscribers are shown, not %" PRIu32, seen, right);
    right = 0;
    for (uint32_t i = 0; i < WATCH_PEERS; i++)
        right += self->peers[i].is_taken;
    if (streams != right)
        stage_breach(self->stage, "E5", "%" PRIu32 " streams are shown, not %" PRIu32, streams, right);
    compare_letters(self, publisher);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static bool has_all(const struct watch *self, const uint64_t *done)
{
    for (uint32_t p = 0; p < self->journals->partitions; p++) {
        if (done[p] < self->journals->lines[p].events)
            return false;
    }
    return true;
}

bool watch_is_settled(const struct watch *self)
{
    for (uint32_t h = 0; h < WATCH_HOOKS; h++) {
        const struct watch_hook *hook = &self->hooks[h];
        if (!hook->live.exists || hook->live.is_stopped)
            continue;
        if (!has_all(self, hook->live.done) || hook->unsaved_ms >= 0 ||
            first_wanted((struct watch *)self, h) != NULL)
            return false;
    }
    for (uint32_t i = 0; i < WATCH_PEERS; i++) {
        if (self->peers[i].is_taken && !has_all(self, self->peers[i].done))
            return false;
    }
    return true;
}

void watch_end(struct watch *self)
{
    if (!watch_is_settled(self))
        stage_breach(self->stage, bounds, "faults have ended, and not everybody has everything");
    for (uint32_t h = 0; h < WATCH_HOOKS; h++) {
        struct watch_hook *hook = &self->hooks[h];
        for (uint32_t p = 0; p < self->journals->partitions && hook->live.exists; p++) {
            for (uint64_t e = hook->live.start[p]; e < hook->live.done[p]; e++) {
                if (*fate_of(hook, p, e) == 0)
                    stage_breach(self->stage, order,
                                 "hook%" PRIu32 " never received event %" PRIu64 " of partition %" PRIu32, h,
                                 e, p);
            }
        }
    }
}
