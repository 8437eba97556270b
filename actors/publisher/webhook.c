/* Deliveries to webhooks: the state machine of publisher.h. */
#include "actors/publisher/core.h"

/* 5,000, 10,000, 20,000 …: after so many tries. */
static int64_t delay_ms(const struct publisher *self, uint32_t tries, int64_t retry_after_ms)
{
    int64_t delay = self->options.retry_ms;
    for (uint32_t i = 1; i < tries && delay < self->options.retry_max_ms; i++)
        delay *= 2;
    if (retry_after_ms > delay) {
        MARK("a subscriber asks to be left alone for longer");
        delay = retry_after_ms;
    }
    return delay < self->options.retry_max_ms ? delay : self->options.retry_max_ms;
}

static bool post(struct publisher *self, struct webhook *webhook)
{
    const struct publisher_post event = {
        .token = self->last_token + 1,
        .subscriber = &webhook->subscriber,
        .partition = webhook->partition,
        .position = webhook->position,
        .tries = webhook->tries,
    };
    if (!self->ports.post(self->ports.context, &event))
        return false;
    webhook->token = ++self->last_token;
    webhook->state = WEBHOOK_IN_FLIGHT;
    return true;
}

/* true: a letter is on its way. */
static bool post_letter(struct publisher *self, struct webhook *webhook)
{
    const struct publisher_letter *letter = letter_wanted(self, webhook);
    if (letter == NULL)
        return false;
    const struct publisher_post event = {
        .token = self->last_token + 1,
        .subscriber = &webhook->subscriber,
        .partition = letter->partition,
        .position = letter->position,
        .tries = letter->tries,
    };
    if (!self->ports.post(self->ports.context, &event))
        return false;
    webhook->letter_token = ++self->last_token;
    webhook->letter_id = letter->id;
    return true;
}

/* Passed over at once; and in words of the journal, before the cursors are stored: a restart passes over no more than that again. */
enum { PASSES_MAX = 512, PASSED_MAX = 1 << 20 };

/* The next event that it wants. LOOK_END: nowhere now. LOOK_LATER: there may be one behind others that were passed over. */
static enum publisher_look find_wanted(struct publisher *self, struct webhook *webhook,
                                       struct publisher_now now)
{
    for (int i = 0; i < PASSES_MAX; i++) {
        enum publisher_look look =
            core_find(self, &webhook->cursors, &webhook->turn, &webhook->partition, &webhook->next);
        if (look != LOOK_EVENT || !webhook->subscriber.is_for_alarms)
            return look;
        uint64_t *at = &webhook->cursors.at[webhook->partition];
        webhook->passed += webhook->next - *at;
        *at = webhook->next;
        if (webhook->passed < PASSED_MAX)
            continue;
        MARK("much that is no alarm is passed over");
        webhook->passed = 0;
        core_dirty(self, webhook, now);
    }
    return LOOK_LATER;
}

static bool take_event(struct publisher *self, struct webhook *webhook, struct publisher_now now)
{
    enum publisher_look look = find_wanted(self, webhook, now);
    if (look == LOOK_END || look == LOOK_LATER) {
        self->is_hungry = true;
        return look == LOOK_LATER;
    }
    webhook->position = webhook->cursors.at[webhook->partition];
    webhook->tries = 0;
    if (post(self, webhook))
        return true;
    MARK("an event cannot be posted now");
    self->is_hungry = true; /* it is found again */
    return false;
}

static bool try_again(struct publisher *self, struct webhook *webhook, struct publisher_now now)
{
    if (webhook->due_ms > now.mono_ms)
        return false;
    if (post(self, webhook))
        return true;
    webhook->due_ms = now.mono_ms + self->options.save_ms;
    return false;
}

bool webhook_step(struct publisher *self, struct webhook *webhook, struct publisher_now now)
{
    if (webhook->letter_token != 0)
        return false; /* one post at a time */
    switch (webhook->state) {
    case WEBHOOK_IDLE:
        return post_letter(self, webhook) || take_event(self, webhook, now);
    case WEBHOOK_WAITING:
        return post_letter(self, webhook) || try_again(self, webhook, now);
    case WEBHOOK_IN_FLIGHT:
    case WEBHOOK_STOPPED:
        return false;
    }
    CHECK_UNREACHABLE();
}

int64_t webhook_due_ms(const struct webhook *webhook)
{
    bool waits = webhook->is_taken && webhook->state == WEBHOOK_WAITING && webhook->letter_token == 0;
    return waits ? webhook->due_ms : INT64_MAX;
}

/* The event in hand is taken in hand anew: the tries were those of another place, and so was its wish to be left alone. */
void webhook_moved(struct webhook *webhook)
{
    if (webhook->state == WEBHOOK_WAITING)
        webhook->state = WEBHOOK_IDLE;
    webhook->has_moved = webhook->token != 0 || webhook->letter_token != 0;
}

/* ---- outcomes ----------------------------------------------------------------------------------------------- */

static void stop(struct publisher *self, struct webhook *webhook)
{
    webhook->state = WEBHOOK_STOPPED;
    struct publisher_subscriber stopped = webhook->subscriber;
    stopped.is_stopped = true;
    const struct publisher_change change = {.kind = CHANGE_SUBSCRIBER, .subscriber = &stopped};
    if (core_store(self, &change, 1) == ERR_OK) /* else it is asked again after a restart */
        webhook->subscriber.is_stopped = true;
    self->ports.say(self->ports.context, true, "wants no more events (410): stopped until it is added again",
                    webhook->subscriber.name);
}

static void note_failure(struct webhook *webhook, const char *error)
{
    webhook->failures++;
    core_copy_text(webhook->error, sizeof webhook->error, str_from(error != NULL ? error : "refused"));
}

static void event_failed(struct publisher *self, struct webhook *webhook, int64_t retry_after_ms,
                         struct publisher_now now)
{
    webhook->tries++;
    if (webhook->tries >= self->options.tries_max && letter_write(self, webhook, now)) {
        self->ports.say(self->ports.context, true, "has not taken an event: it is a dead letter now",
                        webhook->subscriber.name);
        webhook->state = WEBHOOK_IDLE;
        return;
    }
    webhook->state = WEBHOOK_WAITING;
    webhook->due_ms = now.mono_ms + delay_ms(self, webhook->tries, retry_after_ms);
}

static void event_posted(struct publisher *self, struct webhook *webhook, enum publisher_outcome outcome,
                         int64_t retry_after_ms, struct publisher_now now)
{
    webhook->token = 0;
    switch (outcome) {
    case POSTED_TAKEN:
        webhook->delivered++;
        webhook->error[0] = '\0';
        webhook->cursors.at[webhook->partition] = webhook->next;
        webhook->state = WEBHOOK_IDLE;
        core_dirty(self, webhook, now);
        return;
    case POSTED_FAILED:
        event_failed(self, webhook, retry_after_ms, now);
        return;
    case POSTED_STOP:
        stop(self, webhook);
        return;
    }
    CHECK_UNREACHABLE();
}

static void letter_posted(struct publisher *self, struct webhook *webhook, enum publisher_outcome outcome,
                          const char *error)
{
    struct publisher_letter *letter = letter_find(self, webhook->letter_id);
    webhook->letter_token = 0;
    webhook->letter_id = 0;
    if (letter == NULL) {
        MARK("a letter is resolved while it is tried again");
    } else if (outcome == POSTED_TAKEN) {
        webhook->delivered++;
        if (letter_drop(self, letter) != ERR_OK)
            letter->is_wanted = false; /* it stays in the list until an operator resolves it */
    } else {
        letter_failed(self, letter, error);
    }
    if (outcome == POSTED_STOP)
        stop(self, webhook);
}

/* What was under way when it moved was not taken: it is posted again, to where it is now. */
static void let_go(struct webhook *webhook)
{
    MARK("a subscriber's former place refuses what was under way");
    if (webhook->token != 0)
        webhook->state = WEBHOOK_IDLE;
    webhook->token = 0;
    webhook->letter_token = 0;
    webhook->letter_id = 0;
}

void publisher_posted(struct publisher *self, uint64_t token, enum publisher_outcome outcome,
                      const char *error, int64_t retry_after_ms, struct publisher_now now)
{
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        struct webhook *webhook = &self->webhooks[i];
        if (!webhook->is_taken || (webhook->token != token && webhook->letter_token != token))
            continue;
        bool was_moved = webhook->has_moved;
        webhook->has_moved = false;
        if (was_moved && outcome != POSTED_TAKEN) {
            let_go(webhook);
            return;
        }
        if (outcome != POSTED_TAKEN)
            note_failure(webhook, error);
        if (webhook->token == token)
            event_posted(self, webhook, outcome, retry_after_ms, now);
        else
            letter_posted(self, webhook, outcome, error);
        return;
    }
    MARK("an outcome for a subscriber that was removed");
}
