/* A case's turns: one for each choice of values of its "each" lines, the last line's values changing fastest. */
#include "sim/script/case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "sim/disk/disk.h"
#include "sim/script/parse.h"

enum { SOURCE_MAX = 1 << 20, ROOT_MAX = 220, BOUND_SECONDS = 120 };

bool case_read(struct case_file *self, const char *path, char *what, size_t capacity)
{
    FILE *file = fopen(path, "re");
    *self = (struct case_file){0};
    snprintf(self->path, sizeof self->path, "%s", path);
    if (!file) {
        snprintf(what, capacity, "%s: %s", path, strerror(errno));
        return false;
    }
    self->source = calloc(1, SOURCE_MAX);
    CHECK(self->source);
    size_t length = fread(self->source, 1, SOURCE_MAX - 1, file);
    self->source[length] = '\0';
    bool is_read = !ferror(file) && length < SOURCE_MAX - 1 && strlen(self->source) == length;
    fclose(file);
    if (!is_read)
        snprintf(what, capacity, "%s: no text, or more than a mebibyte of it", path);
    return is_read;
}

void case_release(struct case_file *self)
{
    free(self->source);
    self->source = NULL;
}

char *case_title(const struct case_file *self)
{
    const char *at = self->source;
    if (*at != '#')
        return strdup("");
    at += strspn(at, "# ");
    return strndup(at, strcspn(at, "\n"));
}

static void fail(struct case_state *state, const struct case_file *self, unsigned line, const char *what)
{
    const char *name = strrchr(self->path, '/') ? strrchr(self->path, '/') + 1 : self->path;
    state->bad_turns++;
    if (state->has_failed)
        return;
    state->has_failed = true;
    snprintf(state->what, sizeof state->what, "%.120s:%u: %.450s%s%.100s%s", name, line, what,
             state->where[0] ? " (" : "", state->where, state->where[0] ? ")" : "");
}

struct script *case_parse(const struct case_file *self, const uint64_t *choice, size_t count,
                          struct case_state *state)
{
    struct parse_error error = {0};
    struct script *script = script_parse(self->path, self->source, choice, count, &error);
    if (!script)
        fail(state, self, error.line, error.what);
    return script;
}

/* "step=4 how=kill". */
static void say_where(const struct script *script, const uint64_t *choice, struct case_state *state)
{
    size_t used = 0;
    state->where[0] = '\0';
    for (size_t i = 0; i < script->dimension_count && used < sizeof state->where; i++) {
        const struct dimension *dimension = &script->dimensions[i];
        const char *between = i > 0 ? " " : "";
        int length = dimension->count > 0
                         ? snprintf(state->where + used, sizeof state->where - used, "%s%s=%s", between,
                                    dimension->name, dimension->values[choice[i]])
                         : snprintf(state->where + used, sizeof state->where - used, "%s%s=%llu", between,
                                    dimension->name, (unsigned long long)choice[i] + 1);
        used += (size_t)length;
    }
}

/* The next choice; false: that was the last. A range without an end goes on while faults come. */
static bool next_choice(const struct script *script, uint64_t *choice, uint64_t failures)
{
    for (size_t i = script->dimension_count; i > 0; i--) {
        const struct dimension *dimension = &script->dimensions[i - 1];
        choice[i - 1]++;
        if (dimension->count > 0 ? choice[i - 1] < dimension->count : failures > 0)
            return true;
        choice[i - 1] = 0;
    }
    return false;
}

void case_turn(const struct case_file *self, const struct script *script, const struct play_config *config,
               struct case_state *state, struct play_result *result)
{
    char root[ROOT_MAX];
    struct play_config there = *config;
    int length = snprintf(root, sizeof root, "%s/turn", state->home);
    CHECK(length < ROOT_MAX);
    disk_root_remove(root); /* of a turn that died */
    CHECK(mkdir(root, 0700) == 0);
    there.root = root;
    if (config->trace)
        fprintf(config->trace, "==== %s %s\n", self->path, state->where);
    state->turns++;
    alarm(BOUND_SECONDS); /* a turn that does not end ends the process */
    script_play(script, &there, result);
    disk_root_remove(root);
    state->failures += result->failures;
    if (result->has_failed)
        fail(state, self, result->line, result->what);
}

void case_play(const struct case_file *self, FILE *trace, struct case_state *state)
{
    uint64_t choice[SCRIPT_DIMENSIONS_MAX] = {0};
    for (bool is_over = false; !is_over && !state->has_failed;) {
        struct play_result result;
        struct script *script = case_parse(self, choice, SCRIPT_DIMENSIONS_MAX, state);
        if (!script)
            return;
        say_where(script, choice, state);
        case_turn(self, script, &(struct play_config){.trace = trace}, state, &result);
        is_over = !next_choice(script, choice, result.failures) || state->turns >= CASE_TURNS_MAX;
        script_release(&script);
    }
}
