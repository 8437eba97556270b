/* The contract of state.h, over both kinds of store. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/state_lmdb.h"
#include "store/state_memory.h"
#include "tests/unit/store/scratch.h"

struct fixture {
    char path[SCRATCH_PATH_BYTES];
    char name[SCRATCH_PATH_BYTES + 8];
    struct state *state;
};

static struct state *open_lmdb(const struct fixture *f, uint64_t map_size_bytes)
{
    struct state *state = NULL;
    struct state_lmdb_options options = state_lmdb_options_default(f->name);
    options.map_size_bytes = map_size_bytes;
    assert_int_equal(state_lmdb_open(&options, &state), ERR_OK);
    return state;
}

static struct fixture *fixture_new(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_make(f->path);
    (void)snprintf(f->name, sizeof f->name, "%s/state", f->path);
    *state = f;
    return f;
}

static int begin_memory(void **state)
{
    struct fixture *f = fixture_new(state);
    f->state = state_memory_new();
    assert_non_null(f->state);
    return 0;
}

static int begin_lmdb(void **state)
{
    struct fixture *f = fixture_new(state);
    f->state = open_lmdb(f, UINT64_C(1) << 28);
    return 0;
}

static int finish(void **state)
{
    struct fixture *f = *state;
    state_close(&f->state);
    scratch_remove(f->path);
    free(f);
    return 0;
}

static struct state_put put(enum state_table table, const char *key, const char *value)
{
    return (struct state_put){table, (const uint8_t *)key, strlen(key), (const uint8_t *)value,
                              value != NULL ? strlen(value) : 0};
}

/* What get answers, as text: the value, or NULL. */
static const char *value_of(struct state *state, enum state_table table, const char *key)
{
    static char text[64];
    size_t length = 0;
    enum err err =
        state_get(state, table, (const uint8_t *)key, strlen(key), (uint8_t *)text, sizeof text - 1, &length);
    if (err == ERR_NOT_FOUND)
        return NULL;
    assert_int_equal(err, ERR_OK);
    text[length] = '\0';
    return text;
}

static enum err append_key(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                           size_t value_length)
{
    char *text = context;
    strncat(text, (const char *)key, key_length);
    strcat(text, "=");
    strncat(text, (const char *)value, value_length);
    strcat(text, " ");
    return strlen(text) > 100 ? ERR_CLOSED : ERR_OK;
}

static const char *walk_text(struct state *state, enum state_table table, const char *prefix)
{
    static char text[256];
    text[0] = '\0';
    assert_int_equal(state_walk(state, table, (const uint8_t *)prefix, strlen(prefix), append_key, text),
                     ERR_OK);
    return text;
}

static void apply(struct state *state, struct state_put one)
{
    assert_int_equal(state_apply(state, &one, 1), ERR_OK);
}

static void get_gives_the_last_put(void **state)
{
    struct fixture *f = *state;
    const struct state_put puts[] = {
        put(STATE_RECORDS, "a", "1"),
        put(STATE_RECORDS, "a", "2"),
        put(STATE_RECORDS, "b", ""),
    };
    assert_int_equal(state_apply(f->state, puts, 3), ERR_OK);
    assert_string_equal(value_of(f->state, STATE_RECORDS, "a"), "2");
    assert_string_equal(value_of(f->state, STATE_RECORDS, "b"), "");
}

static void tables_are_apart(void **state)
{
    struct fixture *f = *state;
    apply(f->state, put(STATE_IDS, "a", "1"));
    assert_null(value_of(f->state, STATE_ACCOUNTS, "a"));
    assert_null(value_of(f->state, STATE_RECORDS, "a"));
}

static void a_delete_removes_and_an_absent_key_is_fine(void **state)
{
    struct fixture *f = *state;
    apply(f->state, put(STATE_IDS, "a", "1"));
    apply(f->state, put(STATE_IDS, "a", NULL));
    apply(f->state, put(STATE_IDS, "a", NULL));
    assert_null(value_of(f->state, STATE_IDS, "a"));
}

static void walk_visits_a_prefix_in_byte_order(void **state)
{
    struct fixture *f = *state;
    const char *const keys[] = {"b", "ab", "a", "c", "abc", "b\xff", "aa"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        apply(f->state, put(STATE_IDS, keys[i], "v"));
    assert_string_equal(walk_text(f->state, STATE_IDS, "a"), "a=v aa=v ab=v abc=v ");
    assert_string_equal(walk_text(f->state, STATE_IDS, "ab"), "ab=v abc=v ");
    assert_string_equal(walk_text(f->state, STATE_IDS, "x"), "");
    assert_string_equal(walk_text(f->state, STATE_IDS, ""), "a=v aa=v ab=v abc=v b=v b\xff=v c=v ");
}

static void walk_hands_through_the_visitors_error(void **state)
{
    struct fixture *f = *state;
    char text[256] = "................................................................................"
                     "....................";
    apply(f->state, put(STATE_IDS, "a", "1"));
    assert_int_equal(state_walk(f->state, STATE_IDS, NULL, 0, append_key, text), ERR_CLOSED);
}

static void a_value_of_megabytes_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    enum { LENGTH = 4 << 20 };
    uint8_t *value = malloc(LENGTH);
    uint8_t *out = malloc(LENGTH);
    size_t length = 0;
    assert_non_null(value);
    assert_non_null(out);
    scratch_facts(1, value, LENGTH);
    apply(f->state, (struct state_put){STATE_IDS, (const uint8_t *)"k", 1, value, LENGTH});
    assert_int_equal(state_get(f->state, STATE_IDS, (const uint8_t *)"k", 1, out, LENGTH - 1, &length),
                     ERR_RANGE);
    assert_int_equal(length, LENGTH);
    assert_int_equal(state_get(f->state, STATE_IDS, (const uint8_t *)"k", 1, out, LENGTH, &length), ERR_OK);
    assert_memory_equal(out, value, LENGTH);
    free(value);
    free(out);
}

/* A model of 40 keys under random puts and deletes, several in one apply. */
static void random_applies_agree_with_a_model(void **state)
{
    struct fixture *f = *state;
    enum { KEYS = 40, ROUNDS = 60, PUTS = 5 };
    int model[KEYS] = {0};
    uint32_t random = 1;
    for (int round = 1; round <= ROUNDS; round++) {
        uint8_t keys[PUTS][2];
        uint8_t values[PUTS];
        struct state_put puts[PUTS];
        for (int i = 0; i < PUTS; i++) {
            random = random * 1664525 + 1013904223;
            uint8_t key = (uint8_t)(random >> 24) % KEYS;
            bool gone = (random >> 16 & 3) == 0;
            keys[i][0] = 'k';
            keys[i][1] = key;
            values[i] = (uint8_t)round;
            puts[i] = (struct state_put){STATE_ACCOUNTS, keys[i], 2, gone ? NULL : &values[i], 1};
            model[key] = gone ? 0 : round;
        }
        assert_int_equal(state_apply(f->state, puts, PUTS), ERR_OK);
    }
    for (uint8_t key = 0; key < KEYS; key++) {
        uint8_t out = 0;
        size_t length;
        enum err err = state_get(f->state, STATE_ACCOUNTS, (uint8_t[]){'k', key}, 2, &out, 1, &length);
        assert_int_equal(err, model[key] == 0 ? ERR_NOT_FOUND : ERR_OK);
        assert_int_equal(out, model[key]);
    }
}

static void what_is_applied_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    apply(f->state, put(STATE_IDS, "a", "1"));
    state_close(&f->state);
    f->state = open_lmdb(f, UINT64_C(1) << 28);
    assert_string_equal(value_of(f->state, STATE_IDS, "a"), "1");
}

static void a_full_map_changes_nothing_and_the_store_stays_usable(void **state)
{
    struct fixture *f = *state;
    static uint8_t large[400 << 10];
    state_close(&f->state);
    f->state = open_lmdb(f, 256 << 10);
    struct state_put puts[] = {
        put(STATE_IDS, "a", "1"),
        {STATE_IDS, (const uint8_t *)"b", 1, large, sizeof large},
    };
    assert_int_equal(state_apply(f->state, puts, 2), ERR_FULL);
    assert_null(value_of(f->state, STATE_IDS, "a"));
    apply(f->state, put(STATE_IDS, "c", "3"));
    assert_string_equal(value_of(f->state, STATE_IDS, "c"), "3");
}

/* Bytes of the file that it is in. */
static rlim_t file_bytes(const struct fixture *f)
{
    char name[SCRATCH_PATH_BYTES + 24];
    struct stat status;
    (void)snprintf(name, sizeof name, "%s/data.mdb", f->name);
    assert_int_equal(stat(name, &status), 0);
    return (rlim_t)status.st_size;
}

/* The limit of a file's size stands for a full disk: the last write that fits in part is cut short there. */
static void a_write_that_is_cut_short_for_want_of_room_is_full_and_not_broken(void **state)
{
    struct fixture *f = *state;
    static uint8_t large[400 << 10];
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    apply(f->state, put(STATE_IDS, "a", "1"));
    struct rlimit tight = {file_bytes(f) + 100000, before.rlim_max};
    const struct state_put puts[] = {put(STATE_IDS, "a", "2"),
                                     {STATE_IDS, (const uint8_t *)"b", 1, large, sizeof large}};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum err full = state_apply(f->state, puts, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(full, ERR_FULL);
    assert_string_equal(value_of(f->state, STATE_IDS, "a"), "1");
    assert_int_equal(state_apply(f->state, puts, 2), ERR_OK);
    assert_string_equal(value_of(f->state, STATE_IDS, "a"), "2");
    signal(SIGXFSZ, handler);
}

static void a_store_that_is_absent_is_not_found_by_a_reader(void **state)
{
    struct fixture *f = *state;
    char name[SCRATCH_PATH_BYTES + 8];
    struct state *other = NULL;
    (void)snprintf(name, sizeof name, "%s/none", f->path);
    struct state_lmdb_options options = state_lmdb_options_default(name);
    options.read_only = true;
    assert_int_equal(state_lmdb_open(&options, &other), ERR_NOT_FOUND);
}

static enum err walk_nothing(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                             size_t value_length)
{
    size_t *sum = context;
    for (size_t i = 0; i < key_length; i++)
        *sum += key[i];
    for (size_t i = 0; i < value_length; i++)
        *sum += value[i];
    return ERR_OK;
}

/* Opens the damaged store and walks it: an error, or rows, and no signal. */
static bool is_opened(const char *path)
{
    struct state_lmdb_options options = state_lmdb_options_default(path);
    struct state *store = NULL;
    size_t sum = 0;
    options.map_size_bytes = 1 << 20;
    options.create = false;
    enum err err = state_lmdb_open(&options, &store);
    assert_true(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    bool opened = err == ERR_OK;
    for (int table = 0; table < STATE_TABLE_COUNT && err == ERR_OK; table++)
        err = state_walk(store, (enum state_table)table, NULL, 0, walk_nothing, &sum);
    assert_true(!opened || err == ERR_OK || err == ERR_CORRUPT);
    state_close(&store);
    return opened;
}

/* LMDB trusts its pages: it would follow a damaged number out of the file, and end the process. */
static void a_damaged_page_is_found_before_it_is_followed(void **state)
{
    enum { PAGE = 4096, STRIDE = 2 };
    struct fixture *f = *state;
    static uint8_t large[3 * PAGE];
    char name[SCRATCH_PATH_BYTES + 32];
    const struct state_put big = {STATE_ACCOUNTS, (const uint8_t *)"b", 1, large, sizeof large};
    apply(f->state, big);
    for (char key = 'a'; key < 'z'; key++)
        apply(f->state, (struct state_put){STATE_IDS, (const uint8_t *)&key, 1, large, 500});
    state_close(&f->state);
    (void)snprintf(name, sizeof name, "%s/data.mdb", f->name);
    int file = open(name, O_RDWR | O_CLOEXEC);
    off_t end = lseek(file, 0, SEEK_END);
    size_t found = 0;
    assert_true(file >= 0 && end > 8 * PAGE && is_opened(f->name));
    for (off_t page = 2 * PAGE; page < end; page += PAGE) {
        for (off_t at = page; at < page + 48; at += STRIDE) {
            uint8_t was[2], now[2];
            assert_int_equal(pread(file, was, sizeof was, at), sizeof was);
            now[0] = (uint8_t)(was[0] ^ 0xff);
            now[1] = (uint8_t)(was[1] ^ 0x55);
            assert_int_equal(pwrite(file, now, sizeof now, at), sizeof now);
            found += !is_opened(f->name);
            assert_int_equal(pwrite(file, was, sizeof was, at), sizeof was);
        }
    }
    assert_true(found > 0 && is_opened(f->name));
    (void)close(file);
}

static void planned_failures_change_nothing(void **state)
{
    struct fixture *f = *state;
    const struct state_put one = put(STATE_IDS, "a", "1");
    state_memory_fail(f->state, 1, ERR_FULL);
    assert_int_equal(state_apply(f->state, &one, 1), ERR_FULL);
    assert_null(value_of(f->state, STATE_IDS, "a"));
    state_memory_fail(f->state, 1, ERR_IO);
    assert_int_equal(state_apply(f->state, &one, 1), ERR_IO);
    assert_int_equal(state_apply(f->state, &one, 1), ERR_IO);
    state_memory_restart(f->state);
    apply(f->state, one);
    assert_string_equal(value_of(f->state, STATE_IDS, "a"), "1");
    state_memory_clear(f->state);
    assert_null(value_of(f->state, STATE_IDS, "a"));
}

static void a_copy_has_what_was_there_and_goes_its_own_way(void **state)
{
    struct fixture *f = *state;
    const struct state_put other = put(STATE_IDS, "a", "2");
    apply(f->state, put(STATE_IDS, "a", "1"));
    apply(f->state, put(STATE_REMITTANCES, "b", ""));
    state_memory_fail(f->state, 1, ERR_IO);
    struct state *copy = state_memory_copy(f->state);
    assert_non_null(copy);
    assert_int_equal(state_apply(copy, &other, 1), ERR_OK);
    apply(copy, put(STATE_REMITTANCES, "c", "3"));
    assert_string_equal(value_of(copy, STATE_IDS, "a"), "2");
    assert_string_equal(value_of(copy, STATE_REMITTANCES, "b"), "");
    assert_string_equal(value_of(f->state, STATE_IDS, "a"), "1");
    assert_null(value_of(f->state, STATE_REMITTANCES, "c"));
    state_close(&copy);
}

static void a_copy_of_what_is_damaged_is_damaged(void **state)
{
    struct fixture *f = *state;
    size_t sum = 0;
    apply(f->state, put(STATE_IDS, "a", "1"));
    apply(f->state, put(STATE_HOLDS, "b", "2"));
    state_memory_flip(f->state, STATE_IDS, 3);
    state_memory_lose(f->state, STATE_HOLDS, 0);
    struct state *copy = state_memory_copy(f->state);
    assert_non_null(copy);
    assert_int_equal(state_walk(copy, STATE_IDS, NULL, 0, walk_nothing, &sum), ERR_CORRUPT);
    assert_int_equal(state_walk(copy, STATE_HOLDS, NULL, 0, walk_nothing, &sum), ERR_CORRUPT);
    state_close(&copy);
}

#define BOTH(test)                                         \
    {#test " (memory)", test, begin_memory, finish, NULL}, \
    {                                                      \
#test " (lmdb)", test, begin_lmdb, finish, NULL    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(get_gives_the_last_put),
        BOTH(tables_are_apart),
        BOTH(a_delete_removes_and_an_absent_key_is_fine),
        BOTH(walk_visits_a_prefix_in_byte_order),
        BOTH(walk_hands_through_the_visitors_error),
        BOTH(a_value_of_megabytes_comes_back_whole),
        BOTH(random_applies_agree_with_a_model),
        cmocka_unit_test_setup_teardown(what_is_applied_is_there_after_opening_again, begin_lmdb, finish),
        cmocka_unit_test_setup_teardown(a_full_map_changes_nothing_and_the_store_stays_usable, begin_lmdb,
                                        finish),
        cmocka_unit_test_setup_teardown(a_write_that_is_cut_short_for_want_of_room_is_full_and_not_broken,
                                        begin_lmdb, finish),
        cmocka_unit_test_setup_teardown(a_store_that_is_absent_is_not_found_by_a_reader, begin_lmdb, finish),
        cmocka_unit_test_setup_teardown(a_damaged_page_is_found_before_it_is_followed, begin_lmdb, finish),
        cmocka_unit_test_setup_teardown(planned_failures_change_nothing, begin_memory, finish),
        cmocka_unit_test_setup_teardown(a_copy_has_what_was_there_and_goes_its_own_way, begin_memory, finish),
        cmocka_unit_test_setup_teardown(a_copy_of_what_is_damaged_is_damaged, begin_memory, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
