#include "sim/events/journals.h"

#include <stdlib.h>

#include "actors/base/check.h"

void journals_init(struct journals *self, uint32_t partitions)
{
    CHECK(partitions >= 1 && partitions <= JOURNALS_MAX);
    *self = (struct journals){.partitions = partitions};
}

void journals_release(struct journals *self)
{
    for (uint32_t p = 0; p < self->partitions; p++)
        free(self->lines[p].places);
}

uint64_t journals_end(const struct journals *self, uint32_t partition)
{
    const struct journal_line *line = &self->lines[partition];
    return line->count == 0 ? 1 : line->places[line->count - 1].next;
}

void journals_append(struct journals *self, uint32_t partition, uint32_t words, bool is_event)
{
    struct journal_line *line = &self->lines[partition];
    uint64_t end = journals_end(self, partition);
    if (line->count == line->capacity) {
        line->capacity = line->capacity == 0 ? 256 : 2 * line->capacity;
        line->places = reallocarray(line->places, line->capacity, sizeof *line->places);
        CHECK(line->places != NULL);
    }
    line->places[line->count++] = (struct place){end, end + words, line->events, is_event};
    line->events += is_event;
}

/* The first place at or behind a position. */
static size_t index_of(const struct journal_line *line, uint64_t position)
{
    size_t low = 0, high = line->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (line->places[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t journals_before(const struct journals *self, uint32_t partition, uint64_t position)
{
    const struct journal_line *line = &self->lines[partition];
    size_t index = index_of(line, position);
    return index < line->count ? line->places[index].before : line->events;
}

const struct place *journals_at(const struct journals *self, uint32_t partition, uint64_t position)
{
    const struct journal_line *line = &self->lines[partition];
    size_t index = index_of(line, position);
    return index < line->count && line->places[index].position == position ? &line->places[index] : NULL;
}

enum publisher_look journals_look(const struct journals *self, uint32_t partition, uint64_t *position,
                                  uint64_t *next)
{
    const struct journal_line *line = &self->lines[partition];
    size_t index = index_of(line, *position);
    *next = *position;
    if (line->is_hidden)
        return LOOK_LATER;
    for (size_t looked = 0; index < line->count && looked < JOURNALS_LOOK_MOST; index++, looked++) {
        *next = line->places[index].next;
        if (line->places[index].is_event) {
            *position = line->places[index].position;
            return LOOK_EVENT;
        }
    }
    return LOOK_END;
}
