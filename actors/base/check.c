/* What happens when a CHECK fails: say where, who, and what came before; then abort.
 *
 * Each thread has its own name and its own ring of notes, so nothing here is shared and nothing locks.
 * The report is written line by line to standard error before abort(), so it survives the core dump
 * being off. */
#include "actors/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 31, NOTE_COUNT = 16 };

struct note {
    const char *what;
    uint64_t a;
    uint64_t b;
};

struct notes {
    char name[NAME_MAX_LENGTH + 1];
    uint64_t total; /* the next note goes to total % NOTE_COUNT */
    struct note ring[NOTE_COUNT];
};

static _Thread_local struct notes notes;

void check_enter(const char *name)
{
    size_t length = strnlen(name, NAME_MAX_LENGTH);
    memset(&notes, 0, sizeof notes);
    memcpy(notes.name, name, length);
}

void check_note(const char *what, uint64_t a, uint64_t b)
{
    notes.ring[notes.total % NOTE_COUNT] = (struct note){what, a, b};
    notes.total++;
}

void check_failed(const char *file, int line, const char *expression)
{
    uint64_t first = notes.total > NOTE_COUNT ? notes.total - NOTE_COUNT : 0;
    fprintf(stderr, "CHECK failed: %s:%d: %s\n", file, line, expression);
    fprintf(stderr, "  actor: %s\n", notes.name[0] ? notes.name : "(none)");
    for (uint64_t i = first; i < notes.total; i++) {
        const struct note *note = &notes.ring[i % NOTE_COUNT];
        fprintf(stderr, "  message %" PRIu64 ": %s %" PRIu64 " %" PRIu64 "\n", i + 1, note->what, note->a,
                note->b);
    }
    abort();
}
