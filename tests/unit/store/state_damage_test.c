/* Damage to the file of a state store: what is read is what some commit left, as a whole, or it is ERR_CORRUPT.
 *
 * A small store is filled by several commits, with values of all sizes, replaced and deleted ones; the file is kept as it
 * was after each. Then it is damaged in every way that a table below can express, opened and read whole, and written on. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/lmdb_env.h"
#include "store/state_lmdb.h"
#include "store/state_memory.h"
#include "tests/unit/store/scratch.h"

enum {
    COMMITS = 14,
    PUTS = 8,
    KEYS = 40,
    VALUE_MAX = 9000,
    PAGE = 4096,
    HEAD_BYTES = 32, /* of each page, where more bits are flipped */
    HEAD_STRIDE_BITS = 7,
    STRIDE_BITS = 1601,
    PAIRS_STRIDE = 17,
    WRITE_ON = 7, /* one in so many that open is written on */
};

struct image {
    uint8_t *bytes;
    size_t length;
    uint64_t digest; /* of what it holds */
};

struct fixture {
    char path[SCRATCH_PATH_BYTES];
    char name[SCRATCH_PATH_BYTES + 8];
    struct image images[COMMITS]; /* after each commit */
    const struct image *last;
    bool alike; /* every commit puts values of one size under the same keys */
    size_t opened, refused, written;
};

/* ---- contents ----------------------------------------------------------------------------------- */

struct digest {
    uint64_t hash;
    enum state_table table;
};

static void digest_bytes(struct digest *self, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        self->hash = (self->hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    self->hash = (self->hash ^ length) * UINT64_C(0x100000001b3);
}

static enum err digest_row(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                           size_t value_length)
{
    struct digest *self = context;
    digest_bytes(self, (const uint8_t[]){(uint8_t)self->table}, 1);
    digest_bytes(self, key, key_length);
    digest_bytes(self, value, value_length);
    return ERR_OK;
}

static enum err read_all(struct state *state, uint64_t *digest)
{
    struct digest self = {UINT64_C(0xcbf29ce484222325), STATE_ACCOUNTS};
    enum err err = ERR_OK;
    for (int table = 0; table < STATE_TABLE_COUNT && err == ERR_OK; table++) {
        self.table = (enum state_table)table;
        err = state_walk(state, self.table, NULL, 0, digest_row, &self);
    }
    *digest = self.hash;
    return err;
}

/* The leaves of such a store differ in nothing but what the values say. */
static enum err apply_alike(struct state *state, uint32_t n)
{
    enum { LENGTH = 100 };
    uint8_t keys[PUTS][1], values[PUTS][LENGTH];
    struct state_put puts[PUTS];
    for (size_t i = 0; i < PUTS; i++) {
        keys[i][0] = (uint8_t)i;
        scratch_facts(n * PUTS + i, values[i], LENGTH);
        puts[i] =
            (struct state_put){(enum state_table)(i % STATE_TABLE_COUNT), keys[i], 1, values[i], LENGTH};
    }
    return state_apply(state, puts, PUTS);
}

/* Commit n is always the same puts. */
static enum err apply_nth(const struct fixture *f, struct state *state, uint32_t n)
{
    if (f->alike)
        return apply_alike(state, n);
    static const size_t lengths[] = {0, 1, 40, 300, 1900, 2100, 5000, VALUE_MAX};
    static uint8_t values[PUTS][VALUE_MAX];
    struct state_put puts[PUTS];
    uint8_t keys[PUTS][2];
    uint32_t random = n * 2654435761u;
    for (size_t i = 0; i < PUTS; i++) {
        random = random * 1664525 + 1013904223;
        size_t length = lengths[random >> 28 & 7];
        bool gone = (random >> 20 & 7) == 0;
        keys[i][0] = 'k';
        keys[i][1] = (uint8_t)(random >> 8) % KEYS;
        scratch_facts(random, values[i], length);
        puts[i] = (struct state_put){(enum state_table)(random % STATE_TABLE_COUNT), keys[i], 2,
                                     gone ? NULL : values[i], length};
    }
    return state_apply(state, puts, PUTS);
}

/* ---- files -------------------------------------------------------------------------------------- */

static enum err open_store(const struct fixture *f, struct state **out)
{
    struct state_lmdb_options options = state_lmdb_options_default(f->name);
    options.map_size_bytes = UINT64_C(4) << 20;
    return state_lmdb_open(&options, out);
}

static void file_name(const struct fixture *f, char out[SCRATCH_PATH_BYTES + 24])
{
    (void)snprintf(out, SCRATCH_PATH_BYTES + 24, "%s/data.mdb", f->name);
}

/* Without the zeros by which the file is longer than its pages in use. */
static struct image file_read(const struct fixture *f)
{
    char name[SCRATCH_PATH_BYTES + 24];
    struct image image = {malloc(1 << 22), 0, 0};
    file_name(f, name);
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    assert_non_null(image.bytes);
    image.length = fread(image.bytes, 1, 1 << 22, file);
    (void)fclose(file);
    while (image.length > 0 && image.bytes[image.length - 1] == 0)
        image.length--;
    image.length = (image.length + PAGE - 1) / PAGE * PAGE;
    return image;
}

static void file_write(const struct fixture *f, const uint8_t *bytes, size_t length)
{
    char name[SCRATCH_PATH_BYTES + 24];
    file_name(f, name);
    int file = open(name, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), (ssize_t)length);
    assert_int_equal(close(file), 0);
}

/* ---- judging ------------------------------------------------------------------------------------ */

static const struct image *commit_of(const struct fixture *f, uint64_t digest)
{
    for (size_t i = 0; i < COMMITS; i++) {
        if (f->images[i].digest == digest)
            return &f->images[i];
    }
    return NULL;
}

/* What it becomes with one more commit on top, on a store without damage. */
static uint64_t digest_after(struct fixture *f, const struct image *image)
{
    struct state *state = NULL;
    uint64_t digest;
    file_write(f, image->bytes, image->length);
    assert_int_equal(open_store(f, &state), ERR_OK);
    assert_int_equal(apply_nth(f, state, 1000), ERR_OK);
    assert_int_equal(read_all(state, &digest), ERR_OK);
    state_close(&state);
    return digest;
}

/* It may have been refused; if not, it is one commit's, and with another commit on top it is that, or it is refused. */
static void judge(struct fixture *f, bool writes_on)
{
    struct state *state = NULL;
    uint64_t digest, after = 0;
    enum err err = open_store(f, &state);
    if (err == ERR_OK)
        err = read_all(state, &digest);
    const struct image *commit = err == ERR_OK ? commit_of(f, digest) : NULL;
    assert_true(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    assert_true(err != ERR_OK || commit != NULL);
    f->opened += err == ERR_OK;
    f->refused += err != ERR_OK;
    enum err write_err = err == ERR_OK && writes_on ? apply_nth(f, state, 1000) : ERR_CLOSED;
    state_close(&state);
    if (write_err == ERR_OK) {
        err = open_store(f, &state);
        if (err == ERR_OK)
            err = read_all(state, &after);
        state_close(&state);
        assert_true(err == ERR_OK || err == ERR_CORRUPT);
        assert_true(err != ERR_OK || after == digest_after(f, commit));
        f->written++;
    }
}

/* ---- tests -------------------------------------------------------------------------------------- */

static int begin_with(void **state, bool alike)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct state *store = NULL;
    assert_non_null(f);
    f->alike = alike;
    scratch_make(f->path);
    (void)snprintf(f->name, sizeof f->name, "%s/state", f->path);
    assert_int_equal(open_store(f, &store), ERR_OK);
    for (uint32_t i = 0; i < COMMITS; i++) {
        uint64_t digest;
        assert_int_equal(apply_nth(f, store, i), ERR_OK);
        assert_int_equal(read_all(store, &digest), ERR_OK);
        f->images[i] = file_read(f);
        f->images[i].digest = digest;
    }
    state_close(&store);
    f->last = &f->images[COMMITS - 1];
    *state = f;
    return 0;
}

static int begin(void **state)
{
    return begin_with(state, false);
}

static int begin_alike(void **state)
{
    return begin_with(state, true);
}

static int finish(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COMMITS; i++)
        free(f->images[i].bytes);
    scratch_remove(f->path);
    free(f);
    return 0;
}

static void a_flipped_bit_anywhere_is_found_or_does_not_matter(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = malloc(f->last->length);
    assert_non_null(bytes);
    memcpy(bytes, f->last->bytes, f->last->length);
    for (size_t page = 0; page < f->last->length / PAGE; page++) {
        /* Another sample in each page. */
        for (size_t bit = page % HEAD_STRIDE_BITS; bit < PAGE * 8;
             bit += bit < (size_t)HEAD_BYTES * 8 ? HEAD_STRIDE_BITS : STRIDE_BITS) {
            uint8_t *byte = &bytes[page * PAGE + bit / 8];
            *byte ^= (uint8_t)(1 << bit % 8);
            file_write(f, bytes, f->last->length);
            judge(f, (page + bit) % WRITE_ON == 0);
            *byte ^= (uint8_t)(1 << bit % 8);
        }
    }
    free(bytes);
    assert_true(f->opened > 0 && f->refused > 0 && f->written > 0);
}

static void a_page_that_is_an_older_one_is_found_or_does_not_matter(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = malloc(f->last->length);
    assert_non_null(bytes);
    for (size_t n = 0; n + 1 < COMMITS; n++) {
        const struct image *older = &f->images[n];
        for (size_t page = 0; page < older->length / PAGE; page++) {
            memcpy(bytes, f->last->bytes, f->last->length);
            memcpy(bytes + page * PAGE, older->bytes + page * PAGE, PAGE);
            file_write(f, bytes, f->last->length);
            judge(f, true);
        }
    }
    free(bytes);
    assert_true(f->opened > 0 && f->refused > 0 && f->written > 0);
}

static void two_pages_of_an_older_commit_do_not_cover_up_for_each_other(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = malloc(f->last->length);
    assert_non_null(bytes);
    for (size_t n = COMMITS - 4; n + 1 < COMMITS; n++) {
        const struct image *older = &f->images[n];
        size_t pages = older->length / PAGE;
        for (size_t pair = 0; pair < pages * pages; pair += PAIRS_STRIDE) {
            memcpy(bytes, f->last->bytes, f->last->length);
            memcpy(bytes + pair % pages * PAGE, older->bytes + pair % pages * PAGE, PAGE);
            memcpy(bytes + pair / pages * PAGE, older->bytes + pair / pages * PAGE, PAGE);
            file_write(f, bytes, f->last->length);
            judge(f, pair % WRITE_ON == 0);
        }
    }
    free(bytes);
}

static void a_file_that_is_older_as_a_whole_is_fine(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 0; n < COMMITS; n++) {
        file_write(f, f->images[n].bytes, f->images[n].length);
        judge(f, true);
    }
    assert_int_equal(f->opened, COMMITS);
}

static void a_file_cut_short_is_found(void **state)
{
    struct fixture *f = *state;
    for (size_t length = 1; length < f->last->length; length += PAGE / 2) {
        size_t opened = f->opened;
        file_write(f, f->last->bytes, length);
        judge(f, false);
        assert_true(opened == 0 || f->opened > opened); /* but for free pages at its end */
    }
    assert_true(f->opened < f->refused / 4);
}

/* Deletes a value beside the store's back, in a commit that is sound to LMDB. */
static void delete_behind(const struct fixture *f, const char *table, const char *key)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_val name = {strlen(key), (void *)(uintptr_t)key};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_open(env, f->name, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
    assert_int_equal(mdb_del(txn, dbi, &name, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void a_value_that_is_missing_is_found(void **state)
{
    struct fixture *f = *state;
    struct state *store = NULL;
    uint64_t digest;
    const struct state_put put = {STATE_RECORDS, (const uint8_t *)"x", 1, (const uint8_t *)"1", 1};
    assert_int_equal(open_store(f, &store), ERR_OK);
    assert_int_equal(state_apply(store, &put, 1), ERR_OK);
    assert_int_equal(read_all(store, &digest), ERR_OK);
    state_close(&store);
    delete_behind(f, "records", "x");
    enum err err = open_store(f, &store);
    assert_int_equal(err == ERR_OK ? read_all(store, &digest) : err, ERR_CORRUPT);
    state_close(&store);
}

/* As the format before the sums was. */
static void a_store_without_sums_is_of_another_version(void **state)
{
    struct fixture *f = *state;
    struct state *store = NULL;
    delete_behind(f, NULL, "sums");
    assert_int_equal(open_store(f, &store), ERR_VERSION);
}

static void damage_in_memory_is_found(void **state)
{
    (void)state;
    struct state *store = state_memory_new();
    uint64_t digest;
    uint8_t byte;
    size_t length;
    const struct state_put puts[] = {{STATE_IDS, (const uint8_t *)"a", 1, (const uint8_t *)"1", 1},
                                     {STATE_IDS, (const uint8_t *)"b", 1, (const uint8_t *)"2", 1}};
    assert_int_equal(state_apply(store, puts, 2), ERR_OK);
    state_memory_flip(store, STATE_IDS, 9);
    assert_int_equal(state_get(store, STATE_IDS, (const uint8_t *)"a", 1, &byte, 1, &length), ERR_OK);
    assert_int_equal(state_get(store, STATE_IDS, (const uint8_t *)"b", 1, &byte, 1, &length), ERR_CORRUPT);
    assert_int_equal(read_all(store, &digest), ERR_CORRUPT);
    state_memory_flip(store, STATE_IDS, 9);
    assert_int_equal(read_all(store, &digest), ERR_OK);
    state_memory_lose(store, STATE_IDS, 0);
    assert_int_equal(read_all(store, &digest), ERR_CORRUPT);
    state_memory_clear(store);
    assert_int_equal(read_all(store, &digest), ERR_OK);
    state_close(&store);
}

#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    /* Thousands of files are opened, each with a sync. */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
    const struct CMUnitTest tests[] = {
        ON_FILES(a_flipped_bit_anywhere_is_found_or_does_not_matter),
        ON_FILES(a_page_that_is_an_older_one_is_found_or_does_not_matter),
        cmocka_unit_test_setup_teardown(a_page_that_is_an_older_one_is_found_or_does_not_matter, begin_alike,
                                        finish),
        ON_FILES(two_pages_of_an_older_commit_do_not_cover_up_for_each_other),
        ON_FILES(a_file_that_is_older_as_a_whole_is_fine),
        ON_FILES(a_file_cut_short_is_found),
        ON_FILES(a_value_that_is_missing_is_found),
        ON_FILES(a_store_without_sums_is_of_another_version),
        cmocka_unit_test(damage_in_memory_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
