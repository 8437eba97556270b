/* Fuzz target: the file of a state store, damaged.
 *
 *     byte 0: bit 0 to read only, bit 1 to apply afterwards, bit 2 to cut the file
 *     bytes 1, 2: with bit 2, where, in units of 64 bytes; then patches
 *
 * Opening and walking answers an error, or gives, in order, the rows of one of the commits; nothing ends the process. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "store/state_lmdb.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/patch.h"

enum {
    ROWS = 120,
    VALUE_MAX = 9000,
    KEY_MAX = 64,
    CUT_UNIT = 64,
    READ_ONLY = 1,
    APPLY = 2,
    CUT = 4,
    SUMS_MAX = 2 * ROWS
};

#define MAP_BYTES (UINT64_C(4) << 20)

static struct state_lmdb_options options_of(const char *path)
{
    struct state_lmdb_options options = state_lmdb_options_default(path);
    options.map_size_bytes = MAP_BYTES;
    options.create = false;
    return options;
}

static enum err put(struct state *state, enum state_table table, uint32_t number, size_t length)
{
    static uint8_t value[VALUE_MAX];
    uint8_t key[4] = {0, 0, (uint8_t)(number >> 8), (uint8_t)number};
    const struct state_put one = {table, key, sizeof key, length > 0 ? value : NULL, length};
    memset(value, (int)number, sizeof value);
    return state_apply(state, &one, 1);
}

/* Several levels in one table; values of all sizes; pages that were freed again. */
struct visit {
    uint64_t count, sum;
    size_t key_length;
    uint8_t key[KEY_MAX];
};

/* FNV-1a, of 64 bits. */
static uint64_t hash(uint64_t hash, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Every byte is touched: a value that lies outside the file shows here. */
static enum err check_row(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                          size_t value_length)
{
    struct visit *visit = context;
    CHECK(key_length >= 1 && key_length <= KEY_MAX);
    size_t common = key_length < visit->key_length ? key_length : visit->key_length;
    int order = memcmp(key, visit->key, common);
    CHECK(visit->count == 0 || order > 0 || (order == 0 && key_length > visit->key_length));
    visit->sum = hash(hash(visit->sum, key, key_length), value, value_length);
    visit->key_length = key_length;
    memcpy(visit->key, key, key_length);
    visit->count++;
    return ERR_OK;
}

static bool is_answer(enum err err)
{
    return err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_NOT_FOUND;
}

/* *sum: of all tables, when every walk was fine. */
static bool walk_all(struct state *state, uint64_t *sum)
{
    bool fine = true;
    *sum = 0;
    for (int table = 0; table < STATE_TABLE_COUNT; table++) {
        struct visit visit = {.sum = (uint64_t)table + *sum};
        enum err err = state_walk(state, (enum state_table)table, NULL, 0, check_row, &visit);
        CHECK(is_answer(err));
        fine = fine && err == ERR_OK;
        *sum = visit.sum;
    }
    return fine;
}

struct good {
    uint8_t *bytes;
    size_t length;
    uint64_t sums[SUMS_MAX]; /* after each commit */
    size_t sum_count;
};

static void put_good(struct good *good, struct state *state, enum state_table table, uint32_t number,
                     size_t length)
{
    CHECK(put(state, table, number, length) == ERR_OK && good->sum_count < SUMS_MAX);
    CHECK(walk_all(state, &good->sums[good->sum_count++]));
}

/* Several levels in one table; values of all sizes; pages that were freed again. */
static const struct good *good_get(void)
{
    static struct good good;
    if (good.bytes != NULL)
        return &good;
    struct state *state = NULL;
    struct state_lmdb_options options = options_of(memory_lmdb("state", "", 0));
    options.create = true;
    enum err err = state_lmdb_open(&options, &state);
    CHECK(err == ERR_OK);
    for (uint32_t i = 0; i < ROWS; i++)
        put_good(&good, state, i % 5 == 0 ? STATE_ACCOUNTS : STATE_IDS, i,
                 i % 23 == 7 ? VALUE_MAX : i * 7 % 300 + 1);
    put_good(&good, state, STATE_RECORDS, 1, 100);
    for (uint32_t i = 1; i < ROWS; i += 9)
        put_good(&good, state, STATE_IDS, i, 0);
    state_close(&state);
    good.bytes = memory_lmdb_read("state", &good.length);
    return &good;
}

static bool is_written(const struct good *good, uint64_t sum)
{
    size_t i = 0;
    while (i < good->sum_count && good->sums[i] != sum)
        i++;
    return i < good->sum_count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    const struct good *good = good_get();
    uint8_t flags = input_byte(&input);
    size_t cut = flags & CUT ? input_number(&input, 2) * CUT_UNIT : SIZE_MAX;
    uint8_t *bytes = malloc(good->length);
    CHECK(bytes != NULL);
    memcpy(bytes, good->bytes, good->length);
    patch_apply(&input, bytes, good->length);
    bool same = memcmp(bytes, good->bytes, good->length) == 0 && cut >= good->length;
    struct state_lmdb_options options =
        options_of(memory_lmdb("state", bytes, cut < good->length ? cut : good->length));
    free(bytes);
    options.read_only = flags & READ_ONLY;
    struct state *state = NULL;
    uint64_t sum;
    enum err err = state_lmdb_open(&options, &state);
    CHECK(is_answer(err) && (!same || err == ERR_OK));
    if (err == ERR_OK) {
        bool fine = walk_all(state, &sum);
        CHECK(fine ? is_written(good, sum) : !same);
        if (fine && (flags & APPLY) && !options.read_only && put(state, STATE_IDS, 11, 500) == ERR_OK)
            walk_all(state, &sum);
    }
    state_close(&state);
    return 0;
}
