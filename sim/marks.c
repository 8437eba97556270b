#include "sim/marks.h"

#include <stdlib.h>
#include <string.h>

/* The shape of a mark, and nothing that counts here. */
#ifndef TELLER_MARKS
#define TELLER_MARKS
#endif
#include "actors/base/check.h"
#include "actors/base/mark.h"

/* The section's two ends, from the linker; both are NULL in a program without marks. */
extern struct mark __start_teller_marks[] __attribute__((weak));
extern struct mark __stop_teller_marks[] __attribute__((weak));

/* All marks, in order of text; those of one text stand together. */
struct marks {
    size_t place_count, count;
    struct mark **places;
    size_t *first; /* of the text with this number, in places; one more at the end */
};

static int by_text(const void *a, const void *b)
{
    return strcmp((*(struct mark *const *)a)->name, (*(struct mark *const *)b)->name);
}

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    CHECK(memory);
    return memory;
}

struct marks *marks_new(void)
{
    struct marks *self = room(1, sizeof *self);
    self->place_count = (size_t)(__stop_teller_marks - __start_teller_marks);
    self->places = room(self->place_count + 1, sizeof *self->places);
    self->first = room(self->place_count + 1, sizeof *self->first);
    for (size_t i = 0; i < self->place_count; i++)
        self->places[i] = &__start_teller_marks[i];
    qsort(self->places, self->place_count, sizeof *self->places, by_text);
    for (size_t i = 0; i < self->place_count; i++) {
        if (i == 0 || by_text(&self->places[i - 1], &self->places[i]) != 0)
            self->first[self->count++] = i;
    }
    self->first[self->count] = self->place_count;
    return self;
}

void marks_destroy(struct marks **self_p)
{
    struct marks *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    free(self->places);
    free(self->first);
    free(self);
}

size_t marks_count(const struct marks *self)
{
    return self->count;
}

const char *marks_text(const struct marks *self, size_t mark)
{
    CHECK(mark < self->count);
    return self->places[self->first[mark]]->name;
}

void marks_reset(const struct marks *self)
{
    for (size_t i = 0; i < self->place_count; i++)
        self->places[i]->hits = 0;
}

uint64_t marks_hits(const struct marks *self, size_t mark)
{
    CHECK(mark < self->count);
    uint64_t hits = 0;
    for (size_t i = self->first[mark]; i < self->first[mark + 1]; i++)
        hits += self->places[i]->hits;
    return hits;
}

void marks_add(const struct marks *self, uint64_t *hits)
{
    for (size_t mark = 0; mark < self->count; mark++)
        hits[mark] += marks_hits(self, mark);
}
