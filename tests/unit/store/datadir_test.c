/* The data directory: made once, opened by one server, refused with a sentence when it is not right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/datadir.h"
#include "store/journal_lmdb.h"
#include "tests/unit/store/scratch.h"

struct fixture {
    char path[SCRATCH_PATH_BYTES];
    char name[SCRATCH_PATH_BYTES + 8]; /* of the data directory */
    struct datadir_error error;
};

static const struct datadir_config CONFIG = {.partitions = 2, .id_retention_seconds = 86400};

static int begin_empty(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_make(f->path);
    (void)snprintf(f->name, sizeof f->name, "%s/data", f->path);
    *state = f;
    return 0;
}

static int begin(void **state)
{
    (void)begin_empty(state);
    struct fixture *f = *state;
    assert_int_equal(datadir_init(f->name, &CONFIG, &f->error), ERR_OK);
    return 0;
}

static int finish(void **state)
{
    struct fixture *f = *state;
    scratch_remove(f->path);
    free(f);
    return 0;
}

static struct datadir *open_or_fail(struct fixture *f, enum datadir_mode mode)
{
    struct datadir *data = NULL;
    enum err err = datadir_open(f->name, mode, &data, &f->error);
    if (err != ERR_OK)
        fail_msg("%s", f->error.text);
    datadir_set_map_sizes(data, UINT64_C(1) << 28, UINT64_C(1) << 28);
    return data;
}

static void expect_refused(struct fixture *f, enum err expected)
{
    struct datadir *data = NULL;
    assert_int_equal(datadir_open(f->name, DATADIR_SERVING, &data, &f->error), expected);
    assert_null(data);
    assert_true(strlen(f->error.text) > 20);
}

static void path_in(const struct fixture *f, const char *name, char *out, size_t capacity)
{
    assert_true((size_t)snprintf(out, capacity, "%s/%s", f->name, name) < capacity);
}

static void write_meta(struct fixture *f, const char *text)
{
    char name[SCRATCH_PATH_BYTES + 64];
    path_in(f, "meta.json", name, sizeof name);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void init_keeps_its_configuration_and_draws_random_values(void **state)
{
    struct fixture *f = *state;
    struct datadir *data = open_or_fail(f, DATADIR_SERVING);
    struct datadir_meta first = *datadir_meta(data);
    datadir_close(&data);
    assert_int_equal(first.partitions, 2);
    assert_int_equal(first.id_retention_seconds, 86400);
    assert_true(first.created_us > 0);
    assert_int_equal(strlen(first.node_id), DATADIR_NODE_ID_LENGTH);
    (void)snprintf(f->name, sizeof f->name, "%s/more", f->path);
    assert_int_equal(datadir_init(f->name, &CONFIG, &f->error), ERR_OK);
    data = open_or_fail(f, DATADIR_SERVING);
    assert_true(datadir_meta(data)->hash_key != first.hash_key);
    assert_string_not_equal(datadir_meta(data)->node_id, first.node_id);
    datadir_close(&data);
}

static void init_refuses_a_directory_that_is_not_empty(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(datadir_init(f->name, &CONFIG, &f->error), ERR_EXISTS);
    assert_true(strlen(f->error.text) > 20);
}

static void init_takes_an_empty_directory_and_makes_it_private(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    assert_int_equal(mkdir(f->name, 0755), 0);
    assert_int_equal(datadir_init(f->name, &CONFIG, &f->error), ERR_OK);
    assert_int_equal(stat(f->name, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    struct datadir *data = open_or_fail(f, DATADIR_SERVING);
    datadir_close(&data);
}

static void init_refuses_a_configuration_out_of_range(void **state)
{
    struct fixture *f = *state;
    const struct datadir_config configs[] = {
        {0, 1, 0}, {DATADIR_PARTITIONS_MAX + 1, 1, 0}, {1, 0, 0}, {1, DATADIR_RETENTION_SECONDS_MAX + 1, 0}};
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        assert_int_equal(datadir_init(f->name, &configs[i], &f->error), ERR_INVALID);
        assert_true(strlen(f->error.text) > 20);
        assert_int_not_equal(access(f->name, F_OK), 0);
    }
}

static void a_directory_without_meta_is_not_found(void **state)
{
    struct fixture *f = *state;
    expect_refused(f, ERR_NOT_FOUND);
    assert_int_equal(mkdir(f->name, 0700), 0);
    expect_refused(f, ERR_NOT_FOUND);
}

#define GOOD                                                                                           \
    "\"partitions\": 2, \"id_retention_seconds\": 60, \"base_currency\": \"KRW\", \"created_us\": 1, " \
    "\"hash_key\": "                                                                                   \
    "\"00112233445566ff\""
#define NODE "\"node_id\": \"00112233445566778899aabbccddeeff\""

static void meta_that_is_not_right_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        enum err expected;
    } rows[] = {
        {"{\"format\": 2, " GOOD ", " NODE "}", ERR_OK},
        {"{\"format\": 3, \"new\": true}", ERR_VERSION},
        {"", ERR_CORRUPT},
        {"[]", ERR_CORRUPT},
        {"{\"format\": 2, " GOOD ", " NODE, ERR_CORRUPT},
        {"{\"format\": 2, " GOOD ", " NODE "} x", ERR_CORRUPT},
        {"{" GOOD ", " NODE "}", ERR_CORRUPT},
        {"{\"format\": \"1\", " GOOD ", " NODE "}", ERR_CORRUPT},
        {"{\"format\": 0, " GOOD ", " NODE "}", ERR_CORRUPT},
        {"{\"format\": 2, \"format\": 2, " GOOD ", " NODE "}", ERR_CORRUPT},
        {"{\"format\": 2, " GOOD "}", ERR_CORRUPT},
        {"{\"format\": 2, " NODE "}", ERR_CORRUPT},
        {"{\"format\": 2, \"more\": 1, " GOOD ", " NODE "}", ERR_CORRUPT},
        {"{\"format\": 2, " GOOD ", \"node_id\": \"0011\"}", ERR_CORRUPT},
        {"{\"format\": 2, " GOOD ", \"node_id\": \"00112233445566778899aabbccddeefg\"}", ERR_CORRUPT},
        {"{\"format\": 2, " GOOD ", \"node_id\": 7}", ERR_CORRUPT},
        {"{\"format\": 2, \"partitions\": 0, \"id_retention_seconds\": 60, \"base_currency\": \"KRW\", "
         "\"created_us\": 1, "
         "\"hash_key\": \"00112233445566ff\", " NODE "}",
         ERR_CORRUPT},
        {"{\"format\": 2, \"partitions\": 65, \"id_retention_seconds\": 60, \"base_currency\": \"KRW\", "
         "\"created_us\": 1, "
         "\"hash_key\": \"00112233445566ff\", " NODE "}",
         ERR_CORRUPT},
        {"{\"format\": 2, \"partitions\": 2.0, \"id_retention_seconds\": 60, \"base_currency\": \"KRW\", "
         "\"created_us\": 1, "
         "\"hash_key\": \"00112233445566ff\", " NODE "}",
         ERR_CORRUPT},
        {"{\"format\": 2, \"partitions\": 2, \"id_retention_seconds\": -1, \"base_currency\": \"KRW\", "
         "\"created_us\": 1, "
         "\"hash_key\": \"00112233445566ff\", " NODE "}",
         ERR_CORRUPT},
        {"{\"format\": 2, \"partitions\": 2, \"id_retention_seconds\": 60, \"base_currency\": \"KRW\", "
         "\"created_us\": 1, "
         "\"hash_key\": \"0x11223344556677\", " NODE "}",
         ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_meta(f, rows[i].text);
        if (rows[i].expected == ERR_OK) {
            struct datadir *data = open_or_fail(f, DATADIR_SERVING);
            assert_true(datadir_meta(data)->hash_key == UINT64_C(0x00112233445566ff));
            datadir_close(&data);
        } else {
            expect_refused(f, rows[i].expected);
        }
    }
}

/* Holds the lock until a byte or the end of `release` arrives; writes a byte to `held` first. */
static int hold_in_child(struct fixture *f, int held, int release)
{
    struct datadir *data = NULL;
    char byte;
    if (datadir_open(f->name, DATADIR_SERVING, &data, &f->error) != ERR_OK || write(held, "h", 1) != 1)
        return 1;
    (void)!read(release, &byte, 1);
    datadir_close(&data);
    return 0;
}

static void a_second_server_is_locked_out_and_a_reader_is_not(void **state)
{
    struct fixture *f = *state;
    int held[2], release[2];
    char byte;
    int status = 0;
    assert_int_equal(pipe(held), 0);
    assert_int_equal(pipe(release), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(release[1]);
        _exit(hold_in_child(f, held[1], release[0]));
    }
    assert_int_equal(read(held[0], &byte, 1), 1);
    expect_refused(f, ERR_LOCKED);
    struct datadir *data = open_or_fail(f, DATADIR_READING);
    datadir_close(&data);
    assert_int_equal(write(release[1], "r", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    data = open_or_fail(f, DATADIR_SERVING);
    datadir_close(&data);
    for (int i = 0; i < 2; i++) {
        (void)close(held[i]);
        (void)close(release[i]);
    }
}

static void partitions_have_journals_and_states_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct datadir *data = open_or_fail(f, DATADIR_SERVING);
    for (uint32_t p = 0; p < 2; p++) {
        struct journal *journal = NULL;
        struct state *store = NULL;
        struct journal_head head;
        assert_int_equal(datadir_journal(data, p, &journal, &f->error), ERR_OK);
        assert_int_equal(datadir_state(data, p, &store, &f->error), ERR_OK);
        assert_int_equal(journal_get_head(journal, &head), ERR_OK);
        assert_int_equal(head.sequence, 0);
        assert_int_equal(scratch_append(journal, 64), JOURNAL_OK);
        state_close(&store);
        journal_close(&journal);
    }
    datadir_close(&data);
}

static void a_missing_journal_is_an_error_and_a_missing_state_is_made(void **state)
{
    struct fixture *f = *state;
    char name[SCRATCH_PATH_BYTES + 64];
    struct journal *journal = NULL;
    struct state *store = NULL;
    struct datadir *data = open_or_fail(f, DATADIR_SERVING);
    path_in(f, "p001/journal/data.mdb", name, sizeof name);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(datadir_journal(data, 1, &journal, &f->error), ERR_NOT_FOUND);
    assert_true(strlen(f->error.text) > 20);
    assert_int_equal(datadir_state(data, 1, &store, &f->error), ERR_OK);
    state_close(&store);
    assert_int_equal(datadir_drop_state(data, 1, &f->error), ERR_OK);
    assert_int_equal(datadir_drop_state(data, 1, &f->error), ERR_OK);
    path_in(f, "p001/state", name, sizeof name);
    assert_int_not_equal(access(name, F_OK), 0);
    datadir_close(&data);
}

static void a_damaged_journal_is_refused_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    char name[SCRATCH_PATH_BYTES + 64];
    struct journal *journal = NULL;
    struct datadir *data = open_or_fail(f, DATADIR_SERVING);
    path_in(f, "p000/journal/data.mdb", name, sizeof name);
    assert_int_equal(truncate(name, 3000), 0);
    assert_int_equal(datadir_journal(data, 0, &journal, &f->error), ERR_CORRUPT);
    assert_true(strlen(f->error.text) > 20);
    datadir_close(&data);
}

static void a_restored_directory_has_the_identity_and_the_commits_of_the_first(void **state)
{
    struct fixture *f = *state;
    char copy[SCRATCH_PATH_BYTES + 8];
    char name[SCRATCH_PATH_BYTES + 64];
    struct datadir *data = open_or_fail(f, DATADIR_SERVING);
    struct datadir_meta meta = *datadir_meta(data);
    (void)snprintf(copy, sizeof copy, "%s/copy", f->path);
    assert_int_equal(datadir_init_begin(copy, &meta, &f->error), ERR_OK);
    for (uint32_t p = 0; p < 2; p++) {
        struct journal *journal = NULL;
        assert_int_equal(datadir_journal(data, p, &journal, &f->error), ERR_OK);
        assert_int_equal(scratch_append(journal, 64), JOURNAL_OK);
        assert_true(datadir_journal_path(copy, p, name, sizeof name));
        struct journal_lmdb_copy_options options = {.end_position = UINT64_MAX, .to_directory = name};
        assert_int_equal(journal_lmdb_copy(journal, p, &options), ERR_OK);
        journal_close(&journal);
    }
    assert_int_equal(datadir_init_finish(copy, &meta, &f->error), ERR_OK);
    datadir_close(&data);
    memcpy(f->name, copy, sizeof copy);
    data = open_or_fail(f, DATADIR_SERVING);
    assert_memory_equal(datadir_meta(data)->node_id, meta.node_id, sizeof meta.node_id);
    assert_true(datadir_meta(data)->hash_key == meta.hash_key);
    datadir_close(&data);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, finish)
#define TEST_EMPTY(test) cmocka_unit_test_setup_teardown(test, begin_empty, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(init_keeps_its_configuration_and_draws_random_values),
        TEST(init_refuses_a_directory_that_is_not_empty),
        TEST_EMPTY(init_takes_an_empty_directory_and_makes_it_private),
        TEST_EMPTY(init_refuses_a_configuration_out_of_range),
        TEST_EMPTY(a_directory_without_meta_is_not_found),
        TEST(meta_that_is_not_right_is_refused),
        TEST(a_second_server_is_locked_out_and_a_reader_is_not),
        TEST(partitions_have_journals_and_states_of_their_own),
        TEST(a_missing_journal_is_an_error_and_a_missing_state_is_made),
        TEST(a_damaged_journal_is_refused_with_a_sentence),
        TEST(a_restored_directory_has_the_identity_and_the_commits_of_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
