/* A case once for each failure. A kind of failure is over when a turn has ended without one: then there was no nth call. */
#include <stdlib.h>

#include "sim/disk/disk.h"
#include "sim/script/case.h"
#include "sim/script/parse.h"

static const struct kind {
    const char *word;
    enum play_failing failing;
    unsigned calls;
} kinds[] = {
    {"write", FAILING_DISK, DISK_WRITE},
    {"sync", FAILING_DISK, DISK_SYNC},
    {"grow", FAILING_DISK, DISK_GROW},
    {"open", FAILING_DISK, DISK_OPEN},
    {"read", FAILING_DISK, DISK_READ},
    {"name", FAILING_DISK, DISK_NAME},
    {"allocation of the core", FAILING_MEMORY, 0},
    {"allocation", FAILING_HEAP, 0},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

bool case_is_each_failure(const struct case_file *self)
{
    struct parse_error error;
    struct script *script = script_parse(self->path, self->source, NULL, 0, &error);
    bool is_marked = script && script->is_each_failure;
    script_release(&script);
    return is_marked;
}

static void say_where(const struct failure_place *place, char *out, size_t capacity)
{
    const struct kind *kind = &kinds[place->kind];
    char whose[40] = "";
    if (kind->failing != FAILING_HEAP)
        snprintf(whose, sizeof whose, " of partition %u", place->partition);
    snprintf(out, capacity, "%s %llu%s fails%s", kind->word, (unsigned long long)place->nth, whose,
             place->for_good ? " for good" : "");
}

/* What comes when there is no further nth call; false: nothing. */
static bool next_place(struct failure_place *place, uint32_t partitions)
{
    place->nth = 0;
    place->for_good = !place->for_good;
    if (place->for_good)
        return true;
    place->partition++;
    if (kinds[place->kind].failing != FAILING_HEAP && place->partition < partitions)
        return true;
    place->partition = 0;
    return ++place->kind < KINDS;
}

void case_play_each_failure(const struct case_file *self, uint64_t every, FILE *trace,
                            struct case_state *state)
{
    struct failure_place *place = &state->place;
    struct script *script = case_parse(self, NULL, 0, state);
    bool has_more = script != NULL;
    while (has_more && state->turns < CASE_TURNS_MAX) {
        struct play_result result;
        place->nth += place->nth == 0 ? 1 : every;
        say_where(place, state->where, sizeof state->where);
        const struct play_config config = {.trace = trace,
                                           .failure = {.failing = kinds[place->kind].failing,
                                                       .calls = kinds[place->kind].calls,
                                                       .partition = place->partition,
                                                       .nth = place->nth,
                                                       .for_good = place->for_good}};
        case_turn(self, script, &config, state, &result);
        if (result.failures == 0)
            has_more = next_place(place, script->config.partitions);
    }
    script_release(&script);
}
