/* Fuzz target: the file of a state store, damaged.
 *
 *     byte 0: bit 0 to read only, bit 1 to apply afterwards, bit 2 to cut the file
 *     bytes 1, 2: with bit 2, where, in units of 64 bytes; then patches
 *
 * Opening and walking answers an error, or gives rows in order; nothing ends the process. (What the rows say is
 * sealed by the core: core_restore.) */
#include <stdlib.h>

#include "actors/base/check.h"
#include "store/state_lmdb.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/patch.h"

enum { ROWS = 120, VALUE_MAX = 9000, KEY_MAX = 64, CUT_UNIT = 64, READ_ONLY = 1, APPLY = 2, CUT = 4 };

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
static const uint8_t *good_file(size_t *size)
{
    static uint8_t *bytes;
    static size_t length;
    if (bytes == NULL) {
        struct state *state = NULL;
        struct state_lmdb_options options = options_of(memory_lmdb("state", "", 0));
        options.create = true;
        enum err err = state_lmdb_open(&options, &state);
        for (uint32_t i = 0; i < ROWS && err == ERR_OK; i++)
            err = put(state, i % 5 == 0 ? STATE_ACCOUNTS : STATE_IDS, i,
                      i % 23 == 7 ? VALUE_MAX : i * 7 % 300 + 1);
        if (err == ERR_OK)
            err = put(state, STATE_RECORDS, 1, 100);
        for (uint32_t i = 0; i < ROWS && err == ERR_OK; i += 9)
            err = put(state, STATE_IDS, i, 0);
        CHECK(err == ERR_OK);
        state_close(&state);
        bytes = memory_lmdb_read("state", &length);
    }
    *size = length;
    return bytes;
}

struct visit {
    uint64_t count, sum;
    size_t key_length;
    uint8_t key[KEY_MAX];
};

/* Every byte is touched: a value that lies outside the file shows here. */
static enum err check_row(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                          size_t value_length)
{
    struct visit *visit = context;
    CHECK(key_length >= 1 && key_length <= KEY_MAX);
    size_t common = key_length < visit->key_length ? key_length : visit->key_length;
    int order = memcmp(key, visit->key, common);
    CHECK(visit->count == 0 || order > 0 || (order == 0 && key_length > visit->key_length));
    for (size_t i = 0; i < value_length; i++)
        visit->sum += value[i];
    visit->key_length = key_length;
    memcpy(visit->key, key, key_length);
    visit->count++;
    return ERR_OK;
}

static bool is_answer(enum err err)
{
    return err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_NOT_FOUND;
}

static uint64_t walk_all(struct state *state)
{
    uint64_t sum = 0;
    for (int table = 0; table < STATE_TABLE_COUNT; table++) {
        struct visit visit = {0};
        enum err err = state_walk(state, (enum state_table)table, NULL, 0, check_row, &visit);
        CHECK(is_answer(err));
        sum += visit.sum + visit.count;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t good_sum;
    struct input input = {data, size};
    uint8_t flags = input_byte(&input);
    size_t length, cut = flags & CUT ? input_number(&input, 2) * CUT_UNIT : SIZE_MAX;
    const uint8_t *good = good_file(&length);
    uint8_t *bytes = malloc(length);
    CHECK(bytes != NULL);
    memcpy(bytes, good, length);
    patch_apply(&input, bytes, length);
    bool same = memcmp(bytes, good, length) == 0 && cut >= length;
    struct state_lmdb_options options = options_of(memory_lmdb("state", bytes, cut < length ? cut : length));
    free(bytes);
    options.read_only = flags & READ_ONLY;
    struct state *state = NULL;
    enum err err = state_lmdb_open(&options, &state);
    CHECK(is_answer(err) && (!same || err == ERR_OK));
    if (err == ERR_OK) {
        uint64_t sum = walk_all(state);
        CHECK(!same || good_sum == 0 || sum == good_sum);
        good_sum = same ? sum : good_sum;
        if ((flags & APPLY) && !options.read_only && put(state, STATE_IDS, 11, 500) == ERR_OK)
            walk_all(state);
    }
    state_close(&state);
    return 0;
}
