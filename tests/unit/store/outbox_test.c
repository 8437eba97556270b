/* The contract of outbox.h, over both kinds of store; and what only the one on disk promises. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/outbox.h"
#include "tests/unit/store/scratch.h"

#define MAP_BYTES (UINT64_C(1) << 28)

enum { SHOWN_MAX = 4096 };

struct fixture {
    char path[SCRATCH_PATH_BYTES];
    char name[SCRATCH_PATH_BYTES + 8];
    struct outbox *outbox;
    char shown[SHOWN_MAX]; /* "1 key=value;" for each row */
    size_t count;
    enum err visit_err;
};

static int begin_memory(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_make(f->path);
    (void)snprintf(f->name, sizeof f->name, "%s/bank", f->path);
    f->outbox = outbox_memory_new();
    *state = f;
    return f->outbox == NULL;
}

static int begin_lmdb(void **state)
{
    begin_memory(state);
    struct fixture *f = *state;
    outbox_close(&f->outbox);
    return outbox_open(f->name, MAP_BYTES, &f->outbox) != ERR_OK;
}

static int finish(void **state)
{
    struct fixture *f = *state;
    outbox_close(&f->outbox);
    scratch_remove(f->path);
    free(f);
    return 0;
}

static struct outbox_put put_of(uint8_t table, const char *key, const char *value)
{
    return (struct outbox_put){
        .table = table,
        .key = (const uint8_t *)key,
        .key_length = strlen(key),
        .value = (const uint8_t *)value,
        .value_length = value != NULL ? strlen(value) : 0,
    };
}

static void keep(struct fixture *f, uint8_t table, const char *key, const char *value)
{
    struct outbox_put put = put_of(table, key, value);
    assert_int_equal(outbox_apply(f->outbox, &put, 1), ERR_OK);
}

static enum err note(void *context, uint8_t table, const uint8_t *key, size_t key_length,
                     const uint8_t *value, size_t value_length)
{
    struct fixture *f = context;
    char row[160];
    f->count++;
    if (f->count <= 16) {
        (void)snprintf(row, sizeof row, "%u %.*s=%.*s;", table, (int)key_length, (const char *)key,
                       (int)value_length, (const char *)value);
        strcat(f->shown, row);
    }
    return f->visit_err;
}

static const char *shown(struct fixture *f)
{
    f->shown[0] = '\0';
    f->count = 0;
    assert_int_equal(outbox_scan(f->outbox, note, f), ERR_OK);
    return f->shown;
}

static void rows_come_back_by_table_and_key(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(shown(f), "");
    keep(f, 2, "b", "4");
    keep(f, 1, "b", "2");
    keep(f, 1, "ab", "1");
    keep(f, 2, "a", "");
    assert_string_equal(shown(f), "1 ab=1;1 b=2;2 a=;2 b=4;");
}

static void a_row_is_replaced_and_deleted_in_its_own_table_only(void **state)
{
    struct fixture *f = *state;
    keep(f, 1, "a", "1");
    keep(f, 2, "a", "2");
    keep(f, 1, "a", "one");
    assert_string_equal(shown(f), "1 a=one;2 a=2;");
    keep(f, 1, "a", NULL);
    keep(f, 1, "absent", NULL);
    assert_string_equal(shown(f), "2 a=2;");
}

static void the_last_put_of_a_row_counts(void **state)
{
    struct fixture *f = *state;
    struct outbox_put puts[] = {
        put_of(1, "a", "1"), put_of(1, "a", NULL),      put_of(1, "b", "2"),
        put_of(1, "b", "3"), put_of(1, "nothing", "4"), put_of(1, "nothing", NULL),
    };
    assert_int_equal(outbox_apply(f->outbox, puts, 6), ERR_OK);
    assert_string_equal(shown(f), "1 b=3;");
    assert_int_equal(outbox_apply(f->outbox, NULL, 0), ERR_OK);
}

static void keys_and_values_may_be_as_long_as_is_said(void **state)
{
    struct fixture *f = *state;
    uint8_t key[OUTBOX_KEY_MAX], value[OUTBOX_VALUE_MAX];
    memset(key, 0, sizeof key);
    memset(value, 0xff, sizeof value);
    struct outbox_put put = {255, key, sizeof key, value, sizeof value};
    assert_int_equal(outbox_apply(f->outbox, &put, 1), ERR_OK);
    (void)shown(f);
    assert_int_equal(f->count, 1);
}

static void a_scan_ends_with_the_error_of_who_looks(void **state)
{
    struct fixture *f = *state;
    keep(f, 1, "a", "1");
    keep(f, 1, "b", "2");
    f->visit_err = ERR_NO_MEMORY;
    assert_int_equal(outbox_scan(f->outbox, note, f), ERR_NO_MEMORY);
    assert_int_equal(f->count, 1);
}

static void what_was_put_is_there_after_it_is_opened_again(void **state)
{
    struct fixture *f = *state;
    keep(f, 1, "a", "1");
    for (int i = 0; i < 3; i++) {
        outbox_close(&f->outbox);
        assert_int_equal(outbox_open(f->name, MAP_BYTES, &f->outbox), ERR_OK);
        assert_string_equal(shown(f), "1 a=1;");
    }
    keep(f, 1, "b", "2");
    assert_string_equal(shown(f), "1 a=1;1 b=2;");
}

/* Changes the one place in the file where a text stands. */
static void spoil(const char *directory, const char *text)
{
    char path[SCRATCH_PATH_BYTES + 32];
    char bytes[1 << 17];
    (void)snprintf(path, sizeof path, "%s/data.mdb", directory);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    ssize_t length = pread(file, bytes, sizeof bytes, 0);
    assert_true(length > 0);
    for (char *at = bytes; (at = memmem(at, (size_t)(bytes + length - at), text, strlen(text))) != NULL; at++)
        assert_int_equal(pwrite(file, "X", 1, at - bytes), 1);
    (void)close(file);
}

static void a_damaged_row_is_never_shown(void **state)
{
    struct fixture *f = *state;
    keep(f, 1, "a", "somebody");
    outbox_close(&f->outbox);
    spoil(f->name, "somebody");
    assert_int_equal(outbox_open(f->name, MAP_BYTES, &f->outbox), ERR_OK);
    f->count = 0;
    assert_int_equal(outbox_scan(f->outbox, note, f), ERR_CORRUPT);
    assert_int_equal(f->count, 0);
}

static void a_row_under_another_key_is_never_shown(void **state)
{
    struct fixture *f = *state;
    keep(f, 1, "somebody", "1");
    outbox_close(&f->outbox);
    spoil(f->name, "somebody");
    assert_int_equal(outbox_open(f->name, MAP_BYTES, &f->outbox), ERR_OK);
    assert_int_equal(outbox_scan(f->outbox, note, f), ERR_CORRUPT);
    assert_int_equal(f->count, 0);
}

static void a_map_without_room_writes_nothing(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 2000 };
    char(*keys)[12] = calloc(COUNT, sizeof *keys);
    char value[1000];
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    struct outbox_put *puts = calloc(COUNT, sizeof *puts);
    outbox_close(&f->outbox);
    assert_int_equal(outbox_open(f->name, 1 << 20, &f->outbox), ERR_OK);
    keep(f, 1, "a", "1");
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%d", i);
        puts[i] = put_of(2, keys[i], value);
    }
    assert_int_equal(outbox_apply(f->outbox, puts, COUNT), ERR_FULL);
    assert_string_equal(shown(f), "1 a=1;");
    keep(f, 1, "b", "2");
    assert_string_equal(shown(f), "1 a=1;1 b=2;");
    free(keys);
    free(puts);
}

#define BOTH(name)                                               \
    cmocka_unit_test_setup_teardown(name, begin_memory, finish), \
        cmocka_unit_test_setup_teardown(name, begin_lmdb, finish)
#define ON_DISK(name) cmocka_unit_test_setup_teardown(name, begin_lmdb, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(rows_come_back_by_table_and_key),
        BOTH(a_row_is_replaced_and_deleted_in_its_own_table_only),
        BOTH(the_last_put_of_a_row_counts),
        BOTH(keys_and_values_may_be_as_long_as_is_said),
        BOTH(a_scan_ends_with_the_error_of_who_looks),
        ON_DISK(what_was_put_is_there_after_it_is_opened_again),
        ON_DISK(a_damaged_row_is_never_shown),
        ON_DISK(a_row_under_another_key_is_never_shown),
        ON_DISK(a_map_without_room_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
