/* The dead letters: events that nobody took, in order of their ids. What is in memory is what is stored. */
#include "actors/publisher/core.h"

/* The first letter with an id >= id. */
static uint32_t index_of(const struct publisher *self, uint64_t id)
{
    uint32_t low = 0, high = self->letter_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (self->letters[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct publisher_letter *letter_find(struct publisher *self, uint64_t id)
{
    uint32_t index = index_of(self, id);
    bool is_there = index < self->letter_count && self->letters[index].id == id;
    return is_there ? &self->letters[index] : NULL;
}

const struct publisher_letter *publisher_letter_after(const struct publisher *self, uint64_t after,
                                                      struct str name)
{
    if (after == UINT64_MAX)
        return NULL;
    for (uint32_t i = index_of(self, after + 1); i < self->letter_count; i++) {
        if (name.length == 0 || str_equal(str_from(self->letters[i].name), name))
            return &self->letters[i];
    }
    return NULL;
}

struct publisher_letter *letter_wanted(struct publisher *self, const struct webhook *webhook)
{
    if (webhook->letter_count == 0)
        return NULL;
    for (uint32_t i = 0; i < self->letter_count; i++) {
        struct publisher_letter *letter = &self->letters[i];
        if (letter->is_wanted && str_equal(str_from(letter->name), str_from(webhook->subscriber.name)))
            return letter;
    }
    return NULL;
}

static void put(struct publisher *self, const struct publisher_letter *letter)
{
    self->letters[self->letter_count++] = *letter;
    if (letter->id > self->last_letter_id)
        self->last_letter_id = letter->id;
}

bool letter_write(struct publisher *self, struct webhook *webhook, struct publisher_now now)
{
    if (self->letter_count == PUBLISHER_LETTERS_MAX) {
        MARK("the dead letters are full");
        return false;
    }
    struct publisher_letter letter = {
        .id = self->last_letter_id + 1,
        .partition = webhook->partition,
        .position = webhook->position,
        .time_us = now.wall_us,
        .tries = webhook->tries,
    };
    memcpy(letter.name, webhook->subscriber.name, sizeof letter.name);
    memcpy(letter.error, webhook->error, sizeof letter.error);
    struct publisher_cursors cursors = webhook->cursors;
    cursors.at[webhook->partition] = webhook->next;
    const struct publisher_change changes[] = {
        {.kind = CHANGE_LETTER, .letter = &letter},
        {.kind = CHANGE_CURSORS, .subscriber = &webhook->subscriber, .cursors = &cursors},
    };
    if (core_store(self, changes, 2) != ERR_OK)
        return false;
    put(self, &letter);
    webhook->cursors = cursors;
    webhook->is_dirty = false;
    webhook->letter_count++;
    return true;
}

void letter_failed(struct publisher *self, struct publisher_letter *letter, const char *error)
{
    letter->is_wanted = false;
    letter->tries++;
    core_copy_text(letter->error, sizeof letter->error, str_from(error != NULL ? error : "refused"));
    const struct publisher_change change = {.kind = CHANGE_LETTER, .letter = letter};
    if (core_store(self, &change, 1) != ERR_OK)
        MARK("what became of a letter's retry is not stored"); /* after a restart it is tried once more */
}

static void take_out(struct publisher *self, struct publisher_letter *letter)
{
    struct webhook *webhook = core_webhook(self, str_from(letter->name));
    if (webhook != NULL)
        webhook->letter_count--;
    self->letter_count--;
    size_t behind = (size_t)(&self->letters[self->letter_count] - letter);
    memmove(letter, letter + 1, behind * sizeof *letter);
}

enum err letter_drop(struct publisher *self, struct publisher_letter *letter)
{
    const struct publisher_change change = {.kind = CHANGE_LETTER_GONE, .letter = letter};
    enum err err = core_store(self, &change, 1);
    if (err == ERR_OK)
        take_out(self, letter);
    return err;
}

size_t letter_changes(struct publisher *self, const struct webhook *webhook)
{
    size_t count = 0;
    for (uint32_t i = 0; i < self->letter_count && count < webhook->letter_count; i++) {
        if (str_equal(str_from(self->letters[i].name), str_from(webhook->subscriber.name)))
            self->changes[count++] =
                (struct publisher_change){.kind = CHANGE_LETTER_GONE, .letter = &self->letters[i]};
    }
    CHECK(count == webhook->letter_count);
    return count;
}

void letter_forget_all(struct publisher *self, struct webhook *webhook)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->letter_count; i++) {
        if (!str_equal(str_from(self->letters[i].name), str_from(webhook->subscriber.name)))
            self->letters[count++] = self->letters[i];
    }
    self->letter_count = count;
    webhook->letter_count = 0;
}

bool publisher_load_letter(struct publisher *self, const struct publisher_letter *letter)
{
    struct webhook *webhook = core_webhook(self, str_from(letter->name));
    bool is_next = self->letter_count == 0 || self->letters[self->letter_count - 1].id < letter->id;
    if (webhook == NULL || !is_next || self->letter_count == PUBLISHER_LETTERS_MAX ||
        letter->partition >= self->options.partitions)
        return false;
    put(self, letter);
    webhook->letter_count++;
    return true;
}

void publisher_load_letter_id(struct publisher *self, uint64_t id)
{
    if (id > self->last_letter_id)
        self->last_letter_id = id;
}

uint64_t publisher_letter_id(const struct publisher *self)
{
    return self->last_letter_id;
}

enum code publisher_letter_retry(struct publisher *self, uint64_t id)
{
    struct publisher_letter *letter = letter_find(self, id);
    if (letter == NULL)
        return CODE_NOT_FOUND;
    struct publisher_letter wanted = *letter;
    wanted.is_wanted = true;
    const struct publisher_change change = {.kind = CHANGE_LETTER, .letter = &wanted};
    if (core_store(self, &change, 1) != ERR_OK)
        return CODE_BUSY;
    letter->is_wanted = true;
    return CODE_OK;
}

enum code publisher_letter_resolve(struct publisher *self, uint64_t id, struct publisher_letter *resolved)
{
    struct publisher_letter *letter = letter_find(self, id);
    if (letter == NULL)
        return CODE_NOT_FOUND;
    *resolved = *letter;
    return letter_drop(self, letter) == ERR_OK ? CODE_OK : CODE_BUSY;
}
