/* Webhooks and stream peers, and what is wrong with them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/events/world.h"

enum { TIMEOUT_US = 10 * SECOND };

/* ---- webhooks ------------------------------------------------------------------------------------------- */

struct call {
    struct events_world *world;
    uint64_t life, token;
    uint32_t hook, span, partition;
    uint64_t position;
    bool is_taken; /* by the subscriber */
    enum publisher_outcome outcome;
    const char *error;
    int64_t retry_after_ms;
};

static const char *const mood_names[] = {"well", "shaky", "down", "gone"};

static void change_mood(struct events_world *self, struct hook *hook)
{
    static const enum mood moods[] = {MOOD_GOOD,  MOOD_GOOD,  MOOD_GOOD, MOOD_GOOD, MOOD_GOOD, MOOD_SHAKY,
                                      MOOD_SHAKY, MOOD_SHAKY, MOOD_DOWN, MOOD_DOWN, MOOD_DOWN, MOOD_GONE};
    static const int64_t longest_s[] = {600, 600, 7200, 60};
    hook->mood = moods[sim_random_below(&self->subscribers, sizeof moods / sizeof *moods)];
    int64_t most_us = longest_s[hook->mood] * SECOND;
    if (sim_random_chance(&self->subscribers, 700000))
        most_us /= 10;
    hook->until_us = self->stage.now_us + sim_random_between(&self->subscribers, SECOND, most_us);
    stage_note(&self->stage, "hook%td is %s until %.3f s", hook - self->hooks, mood_names[hook->mood],
               (double)hook->until_us / SECOND);
}

/* Answers after so long. */
static int64_t answer(struct call *call, bool is_taken, enum publisher_outcome outcome, const char *error,
                      int64_t delay_us)
{
    call->is_taken = is_taken;
    call->outcome = outcome;
    call->error = error;
    return delay_us;
}

static int64_t draw_shaky(struct events_world *self, struct call *call)
{
    struct sim_random *random = &self->subscribers;
    int64_t soon_us = sim_random_between(random, MS, 300 * MS);
    switch (sim_random_below(random, 8)) {
    case 0:
        return answer(call, false, POSTED_FAILED, "500", soon_us);
    case 1:
        call->retry_after_ms = sim_random_between(random, 0, 2 * self->options.retry_max_ms);
        return answer(call, false, POSTED_FAILED, "429", soon_us);
    case 2:
        return answer(call, false, POSTED_FAILED, "timeout", TIMEOUT_US);
    case 3:
        return answer(call, true, POSTED_FAILED, "timeout", TIMEOUT_US);
    case 4:
        return answer(call, true, POSTED_TAKEN, NULL, sim_random_between(random, SECOND, TIMEOUT_US - 1));
    default:
        return answer(call, true, POSTED_TAKEN, NULL, soon_us);
    }
}

static int64_t draw_answer(struct events_world *self, struct call *call)
{
    struct sim_random *random = &self->subscribers;
    struct hook *hook = &self->hooks[call->hook];
    int64_t soon_us = sim_random_between(random, MS, 50 * MS);
    if (self->is_calm || !stage_has(&self->stage, FAMILY_NETWORK))
        return answer(call, true, POSTED_TAKEN, NULL, soon_us);
    if (hook->until_us <= self->stage.now_us)
        change_mood(self, hook);
    switch (hook->mood) {
    case MOOD_GOOD:
        return answer(call, true, POSTED_TAKEN, NULL, soon_us);
    case MOOD_SHAKY:
        return draw_shaky(self, call);
    case MOOD_DOWN:
        return answer(call, false, POSTED_FAILED, "refused",
                      sim_random_chance(random, 700000) ? soon_us : TIMEOUT_US);
    case MOOD_GONE:
        return answer(call, false, POSTED_STOP, "410", soon_us);
    }
    CHECK_UNREACHABLE();
}

/* The outcome reaches the process that posted it, when it is there to hear it. */
static void call_ends(void *context, void *pointer, uint64_t number)
{
    struct call *call = pointer;
    struct events_world *self = context;
    (void)number;
    if (self->publisher == NULL || self->life != call->life) {
        free(call);
        return;
    }
    if (!process_is_ready(self)) {
        stage_after(&self->stage, self->paused_until_us - self->stage.now_us, call_ends, self, call, 0);
        return;
    }
    struct publisher_now now = process_now(self);
    stage_mix(&self->stage, call->token << 2 | call->outcome);
    stage_note(&self->stage, "post %" PRIu64 " ends: %s", call->token, call->error ? call->error : "200");
    watch_outcome(&self->watch, call->token, call->outcome, call->retry_after_ms, now.mono_ms);
    publisher_posted(self->publisher, call->token, call->outcome, call->error, call->retry_after_ms, now);
    free(call);
    if (!process_lives(self))
        return;
    watch_outcome_end(&self->watch, now.mono_ms);
    process_wake(self, 0);
}

static void call_arrives(void *context, void *pointer, uint64_t answer_us)
{
    struct call *call = pointer;
    struct events_world *self = context;
    if (call->is_taken && self->watch.hooks[call->hook].span == call->span)
        watch_received(&self->watch, call->hook, call->partition, call->position);
    stage_after(&self->stage, (int64_t)answer_us, call_ends, self, call, 0);
}

void outside_post(struct events_world *self, const struct publisher_post *post)
{
    struct call *call = calloc(1, sizeof *call);
    CHECK(call != NULL);
    *call = (struct call){.world = self,
                          .life = self->life,
                          .token = post->token,
                          .hook = watch_hook_of(post->subscriber->name),
                          .partition = post->partition,
                          .position = post->position,
                          .retry_after_ms = -1};
    call->span = self->watch.hooks[call->hook].span;
    int64_t answer_us = draw_answer(self, call);
    stage_after(&self->stage, answer_us / 2, call_arrives, self, call, (uint64_t)(answer_us - answer_us / 2));
}

/* ---- streams -------------------------------------------------------------------------------------------- */

struct peer *outside_peer(struct events_world *self, const struct publisher_peer *peer)
{
    for (uint32_t i = 0; i < self->peer_count; i++) {
        struct peer *known = &self->peers[i];
        if (strlen(known->id) == peer->id_length && memcmp(known->id, peer->id, peer->id_length) == 0)
            return known;
    }
    return NULL;
}

/* An older or a newer cursor than its own, now and then: peers lose what they have, or have it from elsewhere. */
static void draw_cursors(struct events_world *self, struct peer *peer)
{
    struct sim_random *random = &self->streams;
    for (uint32_t p = 0; p < self->journals.partitions; p++) {
        const struct journal_line *line = &self->journals.lines[p];
        if (line->count == 0 || !sim_random_chance(random, self->is_calm ? 0 : 200000))
            continue;
        peer->cursors.at[p] = sim_random_chance(random, 200000)
                                  ? journals_end(&self->journals, p)
                                  : line->places[sim_random_below(random, line->count)].position;
    }
}

static void subscribe(struct events_world *self, struct peer *peer, bool is_new)
{
    struct publisher_peer replaced;
    struct publisher_now now = process_now(self);
    uint32_t credit = (uint32_t)sim_random_below(&self->streams, 40);
    const char *name = peer->name;
    if (is_new)
        snprintf(peer->id, sizeof peer->id, "p%td.%" PRIu32, peer - self->peers, ++peer->incarnation % 1000);
    if (!self->is_calm && sim_random_chance(&self->streams, 100000))
        name = self->peers[sim_random_below(&self->streams, self->peer_count)].name;
    draw_cursors(self, peer);
    peer->is_gone = false;
    bool is_in = publisher_subscribe(self->publisher, str_from(peer->id), str_from(name), &peer->cursors,
                                     credit, &replaced, now);
    stage_note(&self->stage, "%s subscribes as %s with credit %" PRIu32, peer->id, name, credit);
    watch_subscribed(&self->watch, peer->id, name, &peer->cursors, credit, &replaced, is_in, now.mono_ms);
}

static void give_credit(struct events_world *self, struct peer *peer)
{
    static const uint32_t amounts[] = {0, 1, 1, 2, 3, 7, 20, 100, 256, 257, PUBLISHER_CREDIT_MAX};
    uint32_t credit = amounts[sim_random_below(&self->streams, sizeof amounts / sizeof *amounts)];
    if (self->is_calm)
        credit = 1000;
    bool is_in = publisher_credit(self->publisher, str_from(peer->id), credit);
    stage_note(&self->stage, "%s gives credit %" PRIu32, peer->id, credit);
    watch_credit(&self->watch, peer->id, credit, is_in);
}

static void leave(struct events_world *self, struct peer *peer)
{
    bool was_in = publisher_leave(self->publisher, str_from(peer->id));
    stage_note(&self->stage, "%s leaves", peer->id);
    watch_left(&self->watch, peer->id, was_in);
}

static void do_wrong(struct events_world *self, struct peer *peer)
{
    struct sim_random *random = &self->streams;
    switch (sim_random_below(random, 5)) {
    case 0:
        peer->is_gone = true;
        return;
    case 1:
        peer->full_until_us = self->stage.now_us + sim_random_between(random, SECOND, 120 * SECOND);
        return;
    case 2:
        leave(self, peer);
        return;
    case 3:
        subscribe(self, peer, false);
        return;
    default: /* the connection is another one, and the publisher has not noticed */
        subscribe(self, peer, true);
        return;
    }
}

static void peer_acts(void *context, void *pointer, uint64_t number)
{
    struct events_world *self = context;
    struct peer *peer = &self->peers[number];
    (void)pointer;
    int64_t most_us = self->is_calm ? SECOND : 10 * SECOND;
    stage_after(&self->stage, sim_random_between(&self->streams, 100 * MS, most_us), peer_acts, self, NULL,
                number);
    if (!process_is_ready(self))
        return;
    bool does_wrong = !self->is_calm && stage_has(&self->stage, FAMILY_NETWORK);
    if (!watch_has_stream(&self->watch, peer->id))
        subscribe(self, peer, true);
    else if (does_wrong && sim_random_chance(&self->streams, 60000))
        do_wrong(self, peer);
    else
        give_credit(self, peer);
    process_wake(self, 0);
}

void outside_begin(struct events_world *self)
{
    for (uint32_t i = 0; i < self->peer_count; i++) {
        struct peer *peer = &self->peers[i];
        snprintf(peer->name, sizeof peer->name, "peer%" PRIu32, i);
        snprintf(peer->id, sizeof peer->id, "p%" PRIu32 ".0", i);
        stage_after(&self->stage, sim_random_between(&self->streams, 0, 60 * SECOND), peer_acts, self, NULL,
                    i);
    }
}
