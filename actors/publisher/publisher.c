/* Life, cursors and when they are stored, operations, looking in. */
#include "actors/publisher/core.h"

enum { CHANGES_MAX = PUBLISHER_LETTERS_MAX + 1 };

struct publisher_options publisher_options_default(uint32_t partitions)
{
    return (struct publisher_options){
        .partitions = partitions,
        .retry_ms = 5000,
        .retry_max_ms = 600000,
        .tries_max = 10,
        .message_max = 256,
        .save_ms = 100,
        .heartbeat_ms = 5000,
        .unwritable_ms = 60000,
    };
}

/* ---- life --------------------------------------------------------------------------------------------------- */

struct publisher *publisher_new(const struct publisher_options *options, const struct publisher_ports *ports,
                                const struct mem *mem)
{
    CHECK(options->partitions >= 1 && options->partitions <= PUBLISHER_PARTITIONS_MAX);
    CHECK(options->retry_ms >= 1 && options->tries_max >= 1 && options->message_max >= 1);
    struct publisher *self = mem_alloc(mem, sizeof *self);
    struct publisher_letter *letters = mem_alloc(mem, PUBLISHER_LETTERS_MAX * sizeof *letters);
    struct publisher_change *changes = mem_alloc(mem, CHANGES_MAX * sizeof *changes);
    if (self == NULL || letters == NULL || changes == NULL) {
        mem_free(mem, changes, CHANGES_MAX * sizeof *changes);
        mem_free(mem, letters, PUBLISHER_LETTERS_MAX * sizeof *letters);
        mem_free(mem, self, sizeof *self);
        return NULL;
    }
    self->mem = *mem;
    self->options = *options;
    if (self->options.retry_max_ms < self->options.retry_ms)
        self->options.retry_max_ms = self->options.retry_ms;
    self->ports = *ports;
    self->letters = letters;
    self->changes = changes;
    self->save_due_ms = INT64_MAX;
    return self;
}

void publisher_destroy(struct publisher **self_p)
{
    struct publisher *self = *self_p;
    if (self == NULL)
        return;
    struct mem mem = self->mem;
    mem_free(&mem, self->changes, CHANGES_MAX * sizeof *self->changes);
    mem_free(&mem, self->letters, PUBLISHER_LETTERS_MAX * sizeof *self->letters);
    mem_free(&mem, self, sizeof *self);
    *self_p = NULL;
}

void core_copy_text(char *out, size_t capacity, struct str text)
{
    size_t length = text.length < capacity ? text.length : capacity - 1;
    if (length > 0)
        memcpy(out, text.data, length);
    memset(out + length, 0, capacity - length);
}

struct webhook *core_webhook(struct publisher *self, struct str name)
{
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        struct webhook *webhook = &self->webhooks[i];
        if (webhook->is_taken && str_equal(str_from(webhook->subscriber.name), name))
            return webhook;
    }
    return NULL;
}

static struct webhook *free_webhook(struct publisher *self)
{
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        if (!self->webhooks[i].is_taken)
            return &self->webhooks[i];
    }
    return NULL;
}

static void take_webhook(struct webhook *webhook, const struct publisher_subscriber *subscriber,
                         const struct publisher_cursors *cursors)
{
    *webhook = (struct webhook){
        .is_taken = true,
        .subscriber = *subscriber,
        .cursors = *cursors,
        .state = subscriber->is_stopped ? WEBHOOK_STOPPED : WEBHOOK_IDLE,
    };
}

bool publisher_load_subscriber(struct publisher *self, const struct publisher_subscriber *subscriber,
                               const struct publisher_cursors *cursors)
{
    struct webhook *webhook = free_webhook(self);
    if (webhook == NULL || core_webhook(self, str_from(subscriber->name)) != NULL)
        return false;
    take_webhook(webhook, subscriber, cursors);
    return true;
}

/* ---- the ends of journals --------------------------------------------------------------------------------- */

static bool set_back(struct publisher_cursors *cursors, uint32_t partition, uint64_t end)
{
    if (cursors->at[partition] <= end)
        return false;
    cursors->at[partition] = end;
    return true;
}

void publisher_set_end(struct publisher *self, uint32_t partition, uint64_t end)
{
    CHECK(partition < self->options.partitions && end >= 1);
    bool is_first = self->ends[partition] == 0;
    if (end > self->ends[partition])
        self->ends[partition] = end;
    if (!is_first)
        return;
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        struct webhook *webhook = &self->webhooks[i];
        if (!webhook->is_taken || !set_back(&webhook->cursors, partition, end))
            continue;
        MARK("a cursor beyond the end of its journal");
        webhook->is_dirty = true;
        self->ports.say(self->ports.context, true,
                        "its cursor is beyond the end of a journal and is set back to it",
                        webhook->subscriber.name);
    }
}

enum publisher_look core_find(struct publisher *self, struct publisher_cursors *cursors, uint32_t *turn,
                              uint32_t *found, uint64_t *next)
{
    for (uint32_t i = 0; i < self->options.partitions; i++) {
        uint32_t partition = *turn;
        *turn = (*turn + 1) % self->options.partitions;
        if (self->ends[partition] == 0)
            continue;
        if (cursors->at[partition] == 0)
            cursors->at[partition] = 1;
        uint64_t position = cursors->at[partition];
        enum publisher_look look = self->ports.look(self->ports.context, partition, &position, next);
        if (*next > self->ends[partition])
            self->ends[partition] = *next;
        bool is_event = look == LOOK_EVENT || look == LOOK_ALARM;
        cursors->at[partition] = is_event ? position : *next;
        if (is_event) {
            *found = partition;
            return look;
        }
    }
    return LOOK_END;
}

/* ---- storing ------------------------------------------------------------------------------------------------ */

enum err core_store(struct publisher *self, const struct publisher_change *changes, size_t count)
{
    enum err err = self->ports.store(self->ports.context, changes, count);
    if (err != ERR_OK && !self->store_fails)
        self->ports.say(self->ports.context, true, "cannot be stored: after a restart it gets events again",
                        changes[0].subscriber != NULL ? changes[0].subscriber->name
                                                      : changes[0].letter->name);
    self->store_fails = err != ERR_OK;
    return err;
}

void core_dirty(struct publisher *self, struct webhook *webhook, struct publisher_now now)
{
    webhook->is_dirty = true;
    if (self->save_due_ms == INT64_MAX)
        self->save_due_ms = now.mono_ms + self->options.save_ms;
}

enum err publisher_save(struct publisher *self)
{
    struct publisher_change changes[PUBLISHER_SUBSCRIBERS_MAX];
    size_t count = 0;
    self->save_due_ms = INT64_MAX;
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        const struct webhook *webhook = &self->webhooks[i];
        if (webhook->is_taken && webhook->is_dirty)
            changes[count++] = (struct publisher_change){
                .kind = CHANGE_CURSORS, .subscriber = &webhook->subscriber, .cursors = &webhook->cursors};
    }
    enum err err = count == 0 ? ERR_OK : core_store(self, changes, count);
    for (uint32_t i = 0; err == ERR_OK && i < PUBLISHER_SUBSCRIBERS_MAX; i++)
        self->webhooks[i].is_dirty = false;
    return err;
}

/* ---- work ----------------------------------------------------------------------------------------------------- */

bool publisher_work(struct publisher *self, struct publisher_now now)
{
    bool was_busy = false;
    self->is_hungry = false;
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        if (self->webhooks[i].is_taken && webhook_step(self, &self->webhooks[i], now))
            was_busy = true;
    }
    for (uint32_t i = 0; i < PUBLISHER_PEERS_MAX; i++) {
        if (self->peers[i].is_taken && stream_step(self, &self->peers[i], now))
            was_busy = true;
    }
    if (self->save_due_ms <= now.mono_ms && publisher_save(self) != ERR_OK)
        self->save_due_ms = now.mono_ms + 10 * self->options.save_ms;
    return was_busy;
}

int64_t publisher_due_ms(const struct publisher *self)
{
    int64_t due_ms = self->save_due_ms;
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        int64_t at = webhook_due_ms(&self->webhooks[i]);
        due_ms = at < due_ms ? at : due_ms;
    }
    for (uint32_t i = 0; i < PUBLISHER_PEERS_MAX; i++) {
        int64_t at = stream_due_ms(&self->peers[i]);
        due_ms = at < due_ms ? at : due_ms;
    }
    return due_ms;
}

bool publisher_is_hungry(const struct publisher *self)
{
    return self->is_hungry;
}

/* ---- operations ----------------------------------------------------------------------------------------------- */

static bool is_elsewhere(const struct publisher_subscriber *a, const struct publisher_subscriber *b)
{
    return !str_equal(str_from(a->url), str_from(b->url)) || a->secret_length != b->secret_length ||
           memcmp(a->secret, b->secret, a->secret_length) != 0;
}

static enum code change(struct publisher *self, struct webhook *webhook,
                        const struct publisher_subscriber *subscriber)
{
    const struct publisher_change stored = {.kind = CHANGE_SUBSCRIBER, .subscriber = subscriber};
    if (core_store(self, &stored, 1) != ERR_OK)
        return CODE_BUSY;
    if (is_elsewhere(&webhook->subscriber, subscriber))
        webhook_moved(webhook);
    webhook->subscriber = *subscriber;
    if (webhook->state == WEBHOOK_STOPPED) {
        MARK("a subscriber that had stopped is added again");
        webhook->state = WEBHOOK_IDLE;
    }
    return CODE_OK;
}

enum code publisher_add(struct publisher *self, const struct publisher_subscriber *subscriber,
                        const struct publisher_cursors *cursors)
{
    struct webhook *webhook = core_webhook(self, str_from(subscriber->name));
    if (webhook != NULL)
        return change(self, webhook, subscriber);
    webhook = free_webhook(self);
    if (webhook == NULL)
        return CODE_BUSY;
    const struct publisher_change stored[] = {
        {.kind = CHANGE_SUBSCRIBER, .subscriber = subscriber},
        {.kind = CHANGE_CURSORS, .subscriber = subscriber, .cursors = cursors},
    };
    if (core_store(self, stored, 2) != ERR_OK)
        return CODE_BUSY;
    take_webhook(webhook, subscriber, cursors);
    return CODE_OK;
}

enum code publisher_remove(struct publisher *self, struct str name)
{
    struct webhook *webhook = core_webhook(self, name);
    if (webhook == NULL)
        return CODE_NOT_FOUND;
    size_t count = letter_changes(self, webhook);
    self->changes[count++] =
        (struct publisher_change){.kind = CHANGE_SUBSCRIBER_GONE, .subscriber = &webhook->subscriber};
    if (core_store(self, self->changes, count) != ERR_OK)
        return CODE_BUSY;
    letter_forget_all(self, webhook);
    if (webhook->token != 0 || webhook->letter_token != 0)
        MARK("a subscriber is removed while a post to it is under way");
    *webhook = (struct webhook){0};
    return CODE_OK;
}

/* ---- looking in ------------------------------------------------------------------------------------------------- */

/* Of the partitions whose end is known. */
static uint64_t lag_of(const struct publisher *self, const struct publisher_cursors *cursors)
{
    uint64_t words = 0;
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        uint64_t at = cursors->at[p] == 0 ? 1 : cursors->at[p];
        if (self->ends[p] > at)
            words += self->ends[p] - at;
    }
    return (words + 7) / 8;
}

static void view_webhook(const struct publisher *self, const struct webhook *webhook,
                         struct publisher_view *out)
{
    static const char *const STATES[] = {[WEBHOOK_IDLE] = "idle",
                                         [WEBHOOK_IN_FLIGHT] = "in_flight",
                                         [WEBHOOK_WAITING] = "waiting",
                                         [WEBHOOK_STOPPED] = "stopped"};
    *out = (struct publisher_view){
        .name = webhook->subscriber.name,
        .url = webhook->subscriber.url,
        .state = STATES[webhook->state],
        .error = webhook->error,
        .lag = lag_of(self, &webhook->cursors),
        .failures = webhook->failures,
        .delivered = webhook->delivered,
        .dead_letters = webhook->letter_count,
        .next_try_ms = webhook->state == WEBHOOK_WAITING ? webhook->due_ms : -1,
        .is_for_alarms = webhook->subscriber.is_for_alarms,
    };
}

bool publisher_view_at(const struct publisher *self, uint32_t index, struct publisher_view *out)
{
    for (uint32_t i = 0; i < PUBLISHER_SUBSCRIBERS_MAX; i++) {
        if (self->webhooks[i].is_taken && index-- == 0) {
            view_webhook(self, &self->webhooks[i], out);
            return true;
        }
    }
    for (uint32_t i = 0; i < PUBLISHER_PEERS_MAX; i++) {
        const struct publisher_peer *peer = &self->peers[i];
        if (peer->is_taken && index-- == 0) {
            *out = (struct publisher_view){.name = peer->name,
                                           .url = "",
                                           .state = "stream",
                                           .error = "",
                                           .lag = lag_of(self, &peer->cursors),
                                           .delivered = peer->delivered,
                                           .next_try_ms = -1,
                                           .is_stream = true};
            return true;
        }
    }
    return false;
}
