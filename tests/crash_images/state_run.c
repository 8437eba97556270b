/* State stores: a crash leaves what some number of the applies gave, all that were answered among them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/state_lmdb.h"
#include "tests/crash_images/run.h"

enum { KEYS = 24, PUTS_MAX = 8, VALUE_MAX = 12 * 1024 };

/* What a key holds: a value is made from its number. */
struct value {
    bool present;
    uint64_t number, length;
};

struct contents {
    struct value values[STATE_TABLE_COUNT][KEYS];
};

/* The applies that were tried until a restart. What was there before it is among them. */
struct life {
    struct contents after[RUN_CHANGES_MAX + 1]; /* so many applies */
    uint64_t count;
};

struct state_run {
    uint64_t map_bytes;
    struct life lives[RUN_RESTARTS_MAX + 1];
    unsigned restarts;
    uint8_t bytes[PUTS_MAX][VALUE_MAX];
    uint8_t expected[VALUE_MAX];
};

static struct state_lmdb_options options_of(const struct state_run *run, const char *root, char path[])
{
    (void)snprintf(path, RUN_PATH_BYTES, "%s/state", root);
    struct state_lmdb_options options = state_lmdb_options_default(path);
    options.map_size_bytes = run->map_bytes;
    return options;
}

/* ---- recording -------------------------------------------------------------------------------- */

struct batch {
    struct state_put puts[PUTS_MAX];
    uint8_t keys[PUTS_MAX];
    size_t count;
};

/* Draws an apply, and what is there after it. */
static void draw(struct state_run *run, struct sim_random *random, struct batch *batch,
                 struct contents *after)
{
    static const uint64_t lengths[] = {1, 40, 900, 5000, VALUE_MAX};
    batch->count = 1 + sim_random_below(random, PUTS_MAX);
    for (size_t i = 0; i < batch->count; i++) {
        enum state_table table = (enum state_table)sim_random_below(random, STATE_TABLE_COUNT);
        uint8_t key = batch->keys[i] = (uint8_t)sim_random_below(random, KEYS);
        struct value *value = &after->values[table][key];
        *value = (struct value){.present = sim_random_below(random, 4) != 0,
                                .number = sim_random_next(random),
                                .length = sim_random_below(random, lengths[sim_random_below(random, 5)] + 1)};
        run_fill(value->number, run->bytes[i], value->length);
        batch->puts[i] = (struct state_put){.table = table,
                                            .key = &batch->keys[i],
                                            .key_length = 1,
                                            .value = value->present ? run->bytes[i] : NULL,
                                            .value_length = value->present ? value->length : 0};
    }
}

static enum err visit(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                      size_t length);

struct walk {
    struct state_run *run;
    const struct contents *expected;
    enum state_table table;
    unsigned found;
    bool differs;
};

static bool equals(struct state_run *run, struct state *state, const struct contents *expected)
{
    for (int table = 0; table < STATE_TABLE_COUNT; table++) {
        struct walk walk = {.run = run, .expected = expected, .table = (enum state_table)table};
        unsigned present = 0;
        for (int i = 0; i < KEYS; i++)
            present += expected->values[table][i].present;
        if (state_walk(state, walk.table, NULL, 0, visit, &walk) != ERR_OK || walk.differs ||
            walk.found != present)
            return false;
    }
    return true;
}

/* After an unknown outcome the store is opened again, as after a restart of the process; what it then shows counts as
 * answered. */
static bool reopen(struct disk *disk, struct state_run *run, const char *root, struct state **state)
{
    char path[RUN_PATH_BYTES];
    struct state_lmdb_options options = options_of(run, root, path);
    state_close(state);
    disk_crash(disk, "", DISK_KILLED);
    if (run->restarts == RUN_RESTARTS_MAX || state_lmdb_open(&options, state) != ERR_OK)
        return false;
    struct life *life = &run->lives[run->restarts + 1];
    *life = run->lives[run->restarts++];
    if (!equals(run, *state, &life->after[life->count]))
        life->count--;
    disk_record_note(disk, run_note(run->restarts, life->count));
    return true;
}

static void apply_all(struct disk *disk, struct state_run *run, const char *root, struct state **state,
                      struct sim_random *random)
{
    uint64_t wanted = 4 + sim_random_below(random, RUN_CHANGES_MAX - 8);
    while (run->lives[run->restarts].count < wanted) {
        struct batch batch;
        struct life *life = &run->lives[run->restarts];
        struct contents *after = &life->after[life->count + 1];
        *after = life->after[life->count];
        draw(run, random, &batch, after);
        life->count++;
        enum err err = state_apply(*state, batch.puts, batch.count);
        if (err == ERR_OK) {
            disk_record_note(disk, run_note(run->restarts, life->count));
        } else if (err == ERR_FULL || err == ERR_NO_MEMORY) {
            life->count--;
            wanted--;
        } else if (!reopen(disk, run, root, state)) {
            return;
        }
    }
}

static void *record(struct disk *disk, const char *root, uint64_t seed)
{
    static const uint64_t maps[] = {128 << 10, 512 << 10, 16 << 20};
    struct state_run *run = calloc(1, sizeof *run);
    struct sim_random random = sim_random_split(seed, "state");
    struct state *state = NULL;
    char path[RUN_PATH_BYTES];
    if (run == NULL)
        return NULL;
    run->map_bytes = maps[sim_random_below(&random, 3)];
    struct state_lmdb_options options = options_of(run, root, path);
    if (state_lmdb_open(&options, &state) == ERR_OK) {
        disk_record_note(disk, run_note(0, 0));
        run_arm_faults(disk, &random);
        apply_all(disk, run, root, &state, &random);
    }
    state_close(&state);
    return run;
}

/* ---- checking --------------------------------------------------------------------------------- */

static enum err visit(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                      size_t length)
{
    struct walk *walk = context;
    walk->found++;
    if (key_length != 1 || key[0] >= KEYS) {
        walk->differs = true;
        return ERR_OK;
    }
    const struct value *expected = &walk->expected->values[walk->table][key[0]];
    run_fill(expected->number, walk->run->expected, expected->length);
    walk->differs = walk->differs || !expected->present || expected->length != length ||
                    memcmp(value, walk->run->expected, length) != 0;
    return walk->differs ? ERR_CLOSED : ERR_OK;
}

static const char *check_going_on(struct state_run *run, struct state *state, const struct contents *before,
                                  uint64_t hash)
{
    struct sim_random random = sim_random_of(hash);
    struct contents after = *before;
    struct batch batch;
    draw(run, &random, &batch, &after);
    enum err err = state_apply(state, batch.puts, batch.count);
    if (err == ERR_FULL)
        return NULL;
    if (err != ERR_OK)
        return "nothing can be applied";
    return equals(run, state, &after) ? NULL : "what was applied cannot be read";
}

static const char *check(void *context, const char *root, const struct disk_image *image)
{
    struct state_run *run = context;
    struct state *state = NULL;
    char path[RUN_PATH_BYTES];
    struct state_lmdb_options options = options_of(run, root, path);
    options.create = image->note == 0;
    enum err err = state_lmdb_open(&options, &state);
    /* One whose making was interrupted is dropped at the start, and built anew. */
    if (err != ERR_OK)
        return image->note == 0 && err == ERR_CORRUPT ? NULL : err_text(err);
    const struct life *life = &run->lives[run_restarts(image->note)];
    uint64_t answered = run_answered(image->note);
    const struct contents *found = NULL;
    for (uint64_t i = answered; i <= answered + 1 && i <= life->count && found == NULL; i++)
        if (equals(run, state, &life->after[i]))
            found = &life->after[i];
    const char *wrong = "it holds what no number of applies gave";
    if (found != NULL)
        wrong = check_going_on(run, state, found, image->hash);
    state_close(&state);
    return wrong;
}

const struct run_kind STATE_RUN = {.name = "state store", .record = record, .check = check, .destroy = free};
