#include "sim/events/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

void shelf_release(struct shelf *self)
{
    free(self->letters);
}

static struct shelf_subscriber *find(struct shelf *self, const char *name)
{
    for (size_t i = 0; i < SHELF_SUBSCRIBERS_MAX; i++) {
        if (self->subscribers[i].is_taken && strcmp(self->subscribers[i].subscriber.name, name) == 0)
            return &self->subscribers[i];
    }
    return NULL;
}

const struct shelf_subscriber *shelf_find(const struct shelf *self, const char *name)
{
    return find((struct shelf *)self, name);
}

static struct shelf_subscriber *find_or_take(struct shelf *self, const char *name)
{
    struct shelf_subscriber *place = find(self, name);
    for (size_t i = 0; place == NULL && i < SHELF_SUBSCRIBERS_MAX; i++) {
        if (!self->subscribers[i].is_taken)
            place = &self->subscribers[i];
    }
    CHECK(place != NULL);
    place->is_taken = true;
    return place;
}

static size_t letter_index(const struct shelf *self, uint64_t id)
{
    size_t index = 0;
    while (index < self->letter_count && self->letters[index].id < id)
        index++;
    return index;
}

static void keep_letter(struct shelf *self, const struct publisher_letter *letter)
{
    size_t index = letter_index(self, letter->id);
    if (index == self->letter_count || self->letters[index].id != letter->id) {
        if (self->letter_count == self->letter_capacity) {
            self->letter_capacity = self->letter_capacity == 0 ? 64 : 2 * self->letter_capacity;
            self->letters = reallocarray(self->letters, self->letter_capacity, sizeof *self->letters);
            CHECK(self->letters != NULL);
        }
        memmove(self->letters + index + 1, self->letters + index,
                (self->letter_count++ - index) * sizeof *self->letters);
    }
    self->letters[index] = *letter;
    if (letter->id > self->last_letter_id)
        self->last_letter_id = letter->id;
}

static void drop_letter(struct shelf *self, uint64_t id)
{
    size_t index = letter_index(self, id);
    if (index < self->letter_count && self->letters[index].id == id)
        memmove(self->letters + index, self->letters + index + 1,
                (--self->letter_count - index) * sizeof *self->letters);
}

static void keep(struct shelf *self, const struct publisher_change *change)
{
    switch (change->kind) {
    case CHANGE_SUBSCRIBER:
        find_or_take(self, change->subscriber->name)->subscriber = *change->subscriber;
        return;
    case CHANGE_CURSORS:
        CHECK(find(self, change->subscriber->name) != NULL);
        find(self, change->subscriber->name)->cursors = *change->cursors;
        return;
    case CHANGE_SUBSCRIBER_GONE:
        CHECK(find(self, change->subscriber->name) != NULL);
        *find(self, change->subscriber->name) = (struct shelf_subscriber){0};
        return;
    case CHANGE_LETTER:
        keep_letter(self, change->letter);
        return;
    case CHANGE_LETTER_GONE:
        drop_letter(self, change->letter->id);
        return;
    }
    CHECK_UNREACHABLE();
}

enum err shelf_store(struct shelf *self, const struct publisher_change *changes, size_t count,
                     enum shelf_fault fault, bool *is_kept)
{
    *is_kept = !self->is_broken && (fault == SHELF_FINE || fault == SHELF_KEPT);
    for (size_t i = 0; *is_kept && i < count; i++)
        keep(self, &changes[i]);
    if (self->is_broken)
        return ERR_IO;
    self->is_broken = fault == SHELF_LOST || fault == SHELF_KEPT;
    if (self->is_broken)
        return ERR_IO;
    return fault == SHELF_FULL ? ERR_FULL : ERR_OK;
}

bool shelf_open(struct shelf *self, struct publisher *publisher)
{
    self->is_broken = false;
    publisher_load_letter_id(publisher, self->last_letter_id);
    for (size_t i = 0; i < SHELF_SUBSCRIBERS_MAX; i++) {
        const struct shelf_subscriber *stored = &self->subscribers[i];
        if (stored->is_taken && !publisher_load_subscriber(publisher, &stored->subscriber, &stored->cursors))
            return false;
    }
    for (size_t i = 0; i < self->letter_count; i++) {
        if (!publisher_load_letter(publisher, &self->letters[i]))
            return false;
    }
    return true;
}
