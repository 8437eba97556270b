/* What only a journal on disk can go through: opening again, other processes, damage, a full map, copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/journal_lmdb.h"
#include "store/journal_memory.h"
#include "tests/unit/store/scratch.h"

enum { MIB = 1 << 20 };

struct fixture {
    char path[SCRATCH_PATH_BYTES];
    char name[SCRATCH_PATH_BYTES + 16]; /* of the journal */
    char file[SCRATCH_PATH_BYTES + 32]; /* its data file */
    struct journal *journal;
};

static struct journal_lmdb_options options_of(const struct fixture *f)
{
    struct journal_lmdb_options options = journal_lmdb_options_default(f->name, SCRATCH_PARTITION);
    options.map_size_bytes = 256 * MIB;
    options.preallocate_bytes = 0;
    return options;
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_make(f->path);
    (void)snprintf(f->name, sizeof f->name, "%s/journal", f->path);
    (void)snprintf(f->file, sizeof f->file, "%s/data.mdb", f->name);
    struct journal_lmdb_options options = options_of(f);
    options.create = true;
    assert_int_equal(journal_lmdb_open(&options, &f->journal, NULL), ERR_OK);
    *state = f;
    return 0;
}

static int finish(void **state)
{
    struct fixture *f = *state;
    journal_close(&f->journal);
    scratch_remove(f->path);
    free(f);
    return 0;
}

static enum err open_again(struct fixture *f, const struct journal_lmdb_options *options)
{
    journal_close(&f->journal);
    return journal_lmdb_open(options, &f->journal, NULL);
}

static void append_many(struct journal *journal, int count, size_t length)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(scratch_append(journal, length), JOURNAL_OK);
}

static enum err count_commit(void *context, const struct journal_commit *commit)
{
    (void)commit;
    ++*(uint64_t *)context;
    return ERR_OK;
}

static uint64_t count_of(struct journal *journal)
{
    uint64_t count = 0;
    assert_int_equal(journal_walk(journal, 1, count_commit, &count), ERR_OK);
    return count;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static void a_journal_opened_again_goes_on(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    struct journal_head before, after;
    append_many(f->journal, 5, 800);
    assert_int_equal(journal_get_head(f->journal, &before), ERR_OK);
    assert_int_equal(open_again(f, &options), ERR_OK);
    assert_int_equal(journal_get_head(f->journal, &after), ERR_OK);
    assert_memory_equal(&before, &after, sizeof before);
    append_many(f->journal, 5, 800);
    assert_int_equal(count_of(f->journal), 10);
}

static void a_missing_journal_is_not_made_anew(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    append_many(f->journal, 1, 8);
    journal_close(&f->journal);
    assert_int_equal(unlink(f->file), 0);
    assert_int_equal(journal_lmdb_open(&options, &f->journal, NULL), ERR_NOT_FOUND);
    assert_int_not_equal(access(f->file, F_OK), 0);
}

static void an_empty_or_shortened_file_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    append_many(f->journal, 3, 20000);
    journal_close(&f->journal);
    const off_t lengths[] = {40000, 8192, 5000, 100, 0};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct journal_fault fault = {0};
        assert_int_equal(truncate(f->file, lengths[i]), 0);
        assert_int_equal(journal_lmdb_open(&options, &f->journal, &fault), ERR_CORRUPT);
        assert_non_null(fault.what);
    }
}

static void a_journal_of_another_partition_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    append_many(f->journal, 1, 8);
    options.partition = SCRATCH_PARTITION + 1;
    assert_int_equal(open_again(f, &options), ERR_CORRUPT);
}

static void files_are_for_their_owner_only(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    assert_int_equal(stat(f->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(f->name, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void the_file_grows_ahead_of_the_writer(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    struct stat first, second;
    options.preallocate_bytes = 8 * MIB;
    assert_int_equal(open_again(f, &options), ERR_OK);
    append_many(f->journal, 1, 8);
    assert_int_equal(stat(f->file, &first), 0);
    assert_true(first.st_size >= 8 * MIB);
    append_many(f->journal, 50, 65536);
    assert_int_equal(stat(f->file, &second), 0);
    assert_int_equal(first.st_size, second.st_size);
    append_many(f->journal, 100, 65536);
    assert_int_equal(open_again(f, &options), ERR_OK);
    assert_int_equal(count_of(f->journal), 151);
}

/* ---- no room, other writers ------------------------------------------------------------------- */

static void a_full_map_writes_nothing_and_a_larger_map_takes_the_same_append(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    struct journal_head before, after;
    enum journal_outcome outcome;
    options.map_size_bytes = 2 * MIB;
    assert_int_equal(open_again(f, &options), ERR_OK);
    while ((outcome = scratch_append(f->journal, 100000)) == JOURNAL_OK)
        assert_int_equal(journal_get_head(f->journal, &before), ERR_OK);
    assert_int_equal(outcome, JOURNAL_FULL);
    assert_int_equal(scratch_append(f->journal, 100000), JOURNAL_FULL);
    assert_int_equal(journal_get_head(f->journal, &after), ERR_OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(scratch_append(f->journal, 8), JOURNAL_OK);
    options.map_size_bytes = 4 * MIB;
    assert_int_equal(open_again(f, &options), ERR_OK);
    assert_int_equal(scratch_append(f->journal, 100000), JOURNAL_OK);
    assert_int_equal(count_of(f->journal), before.sequence + 2);
}

/* Runs `work` in a child, which opens the journal for itself; it exits 0 when all went well. */
static int in_child(struct fixture *f, int (*work)(const struct fixture *f))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(work(f));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* No CHECK, assert or cmocka in children: they would unwind into the parent's test. */
static int append_one_in_child(const struct fixture *f)
{
    struct journal_lmdb_options options = options_of(f);
    struct journal *journal = NULL;
    struct journal_head head;
    const uint8_t facts[8] = {0};
    if (journal_lmdb_open(&options, &journal, NULL) != ERR_OK || journal_get_head(journal, &head) != ERR_OK)
        return 1;
    const struct journal_commit commit = {.sequence = head.sequence + 1,
                                          .epoch = head.epoch + 1,
                                          .position = head.next_position,
                                          .time_us = head.time_us,
                                          .fact_count = 1,
                                          .facts = facts,
                                          .length = sizeof facts};
    enum journal_outcome outcome = journal_append(journal, &commit);
    journal_close(&journal);
    return outcome == JOURNAL_OK ? 0 : 2;
}

/* The child is forked before the parent opens: LMDB's environments do not cross a fork. */
static void an_append_after_another_writers_is_fenced(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    int go[2];
    append_many(f->journal, 1, 8);
    journal_close(&f->journal);
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte;
        _exit(read(go[0], &byte, 1) == 1 ? append_one_in_child(f) : 3);
    }
    int status = 0;
    assert_int_equal(journal_lmdb_open(&options, &f->journal, NULL), ERR_OK);
    assert_int_equal(write(go[1], "g", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    const uint8_t facts[8] = {0};
    const struct journal_commit commit = {.sequence = 2,
                                          .epoch = 1,
                                          .position = 2,
                                          .time_us = 1000,
                                          .fact_count = 1,
                                          .facts = facts,
                                          .length = sizeof facts};
    assert_int_equal(journal_append(f->journal, &commit), JOURNAL_FENCED);
    assert_int_equal(journal_append(f->journal, &commit), JOURNAL_FENCED);
    assert_int_equal(count_of(f->journal), 2);
    (void)close(go[0]);
    (void)close(go[1]);
}

/* ---- readers in other processes --------------------------------------------------------------- */

/* Walks the journal over and over; whole chains only, never shorter than before. Ends when the journal
 * has 200 commits. */
static int read_in_child(const struct fixture *f)
{
    struct journal_lmdb_options options = options_of(f);
    struct journal *journal = NULL;
    options.read_only = true;
    if (journal_lmdb_open(&options, &journal, NULL) != ERR_OK)
        return 1;
    uint64_t last = 0;
    while (last < 200) {
        uint64_t count = 0;
        if (journal_walk(journal, 1, count_commit, &count) != ERR_OK || count < last)
            return 2;
        last = count;
    }
    journal_close(&journal);
    return 0;
}

static void another_process_reads_while_this_one_writes(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    journal_close(&f->journal);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(read_in_child(f));
    assert_int_equal(journal_lmdb_open(&options, &f->journal, NULL), ERR_OK);
    for (size_t i = 0; i < 200; i++)
        assert_int_equal(scratch_append(f->journal, 8 * (1 + i * i % 900)), JOURNAL_OK);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- damage ----------------------------------------------------------------------------------- */

static uint8_t *read_all(const char *name, size_t *size)
{
    struct stat status;
    int file = open(name, O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(fstat(file, &status), 0);
    uint8_t *bytes = malloc((size_t)status.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(file, bytes, (size_t)status.st_size), status.st_size);
    (void)close(file);
    *size = (size_t)status.st_size;
    return bytes;
}

static void flip(const char *name, size_t offset, uint8_t mask)
{
    uint8_t byte;
    int file = open(name, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, (off_t)offset), 1);
    byte ^= mask;
    assert_int_equal(pwrite(file, &byte, 1, (off_t)offset), 1);
    (void)close(file);
}

/* 0: opened and walked without a fault; 1: a fault was found; anything else: a crash or a wrong error. */
static int verify(const struct fixture *f)
{
    struct journal_lmdb_options options = options_of(f);
    struct journal *journal = NULL;
    struct journal_fault fault = {0};
    uint64_t count = 0;
    options.read_only = true;
    enum err err = journal_lmdb_open(&options, &journal, &fault);
    if (err == ERR_OK) {
        err = journal_walk(journal, 1, count_commit, &count);
        journal_find_fault(journal, &fault);
        journal_close(&journal);
    }
    if (err == ERR_OK)
        return 0;
    return (err == ERR_CORRUPT || err == ERR_VERSION) && fault.what != NULL ? 1 : 2;
}

static size_t find_magic(const uint8_t *bytes, size_t size, size_t from)
{
    while (from + 4 <= size && memcmp(bytes + from, "TLRJ", 4) != 0)
        from++;
    assert_true(from + 4 <= size);
    return from;
}

/* Every byte of the header and of the facts of one commit, stored on pages of its own. */
static void a_flipped_byte_of_a_commit_is_found(void **state)
{
    struct fixture *f = *state;
    enum { LENGTH = 6000, HEADER = 128 };
    size_t size;
    append_many(f->journal, 3, LENGTH);
    journal_close(&f->journal);
    uint8_t *bytes = read_all(f->file, &size);
    size_t first = find_magic(bytes, size, 0);
    size_t second = find_magic(bytes, size, first + 4);
    free(bytes);
    assert_int_equal(verify(f), 0);
    for (size_t i = 0; i < HEADER + LENGTH; i += i < HEADER ? 1 : 37) {
        flip(f->file, second + i, 0x10);
        assert_int_equal(verify(f), 1);
        flip(f->file, second + i, 0x10);
    }
    assert_int_equal(verify(f), 0);
}

static void a_fault_says_where(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    struct journal_fault fault;
    size_t size;
    uint64_t count = 0;
    append_many(f->journal, 4, 6000);
    journal_close(&f->journal);
    uint8_t *bytes = read_all(f->file, &size);
    size_t second = find_magic(bytes, size, find_magic(bytes, size, 0) + 4);
    free(bytes);
    flip(f->file, second + 1000, 1);
    assert_int_equal(journal_lmdb_open(&options, &f->journal, NULL), ERR_OK);
    assert_int_equal(journal_walk(f->journal, 1, count_commit, &count), ERR_CORRUPT);
    journal_find_fault(f->journal, &fault);
    assert_int_equal(count, 1);
    assert_int_equal(fault.position, 1 + 6000 / 8);
    assert_int_equal(fault.sequence, 2);
    assert_non_null(fault.what);
}

/* The link of the first commit visited is tested too: a walk from the third finds that the hash kept in the
 * second is another one. */
static void walk_tests_the_link_to_the_commit_before_the_first(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    size_t size;
    uint64_t count = 0;
    append_many(f->journal, 4, 6000);
    journal_close(&f->journal);
    uint8_t *bytes = read_all(f->file, &size);
    size_t second = find_magic(bytes, size, find_magic(bytes, size, 0) + 4);
    free(bytes);
    flip(f->file, second + 96, 1);
    assert_int_equal(journal_lmdb_open(&options, &f->journal, NULL), ERR_OK);
    assert_int_equal(journal_walk(f->journal, 1 + 2 * 6000 / 8, count_commit, &count), ERR_CORRUPT);
    assert_int_equal(count, 0);
}

static void a_damaged_last_commit_is_found_at_open(void **state)
{
    struct fixture *f = *state;
    struct journal_lmdb_options options = options_of(f);
    size_t size;
    append_many(f->journal, 1, 6000);
    journal_close(&f->journal);
    uint8_t *bytes = read_all(f->file, &size);
    flip(f->file, find_magic(bytes, size, 0) + 3000, 1);
    free(bytes);
    struct journal_fault fault = {0};
    assert_int_equal(journal_lmdb_open(&options, &f->journal, &fault), ERR_CORRUPT);
    assert_int_equal(fault.position, 1);
    assert_non_null(fault.what);
}

/* LMDB keeps two meta pages and opens the one with the higher number. A flipped bit in either number would
 * take the last commit away without a trace. */
static void a_flipped_bit_of_a_transaction_number_is_found(void **state)
{
    struct fixture *f = *state;
    enum { AT = 144, BITS = 64, PAGE = 4096 };
    for (int extra = 0; extra < 2; extra++) {
        struct journal_lmdb_options options = options_of(f);
        assert_int_equal(open_again(f, &options), ERR_OK);
        append_many(f->journal, 5, 64);
        journal_close(&f->journal);
        for (size_t page = 0; page < 2; page++) {
            for (size_t bit = 0; bit < BITS; bit++) {
                flip(f->file, page * PAGE + AT + bit / 8, (uint8_t)(1 << bit % 8));
                assert_int_equal(verify(f), 1);
                flip(f->file, page * PAGE + AT + bit / 8, (uint8_t)(1 << bit % 8));
            }
        }
    }
}

/* The parts of the file that LMDB itself follows are tested more closely than the commits, which have a
 * test of their own. */
static size_t stride(const uint8_t *page, size_t offset)
{
    enum { META_OR_TREE = 0x0b, FLAGS_AT = 10, DENSE = 72 };
    return (page[FLAGS_AT] & META_OR_TREE) != 0 && offset < DENSE ? 1 : 61;
}

/* Whatever byte is flipped, the process goes on. Bytes that nothing reads (free pages, the rest of a page)
 * may go unnoticed. */
static int flip_anywhere_in_child(const struct fixture *f)
{
    enum { PAGE = 4096 };
    size_t size;
    uint32_t random = 12345;
    uint8_t *bytes = read_all(f->file, &size);
    for (size_t page = 0; page < size; page += PAGE) {
        for (size_t offset = 0; offset < PAGE; offset += stride(bytes + page, offset)) {
            random = random * 1664525 + 1013904223;
            uint8_t mask = (uint8_t)(1 << (random >> 29));
            flip(f->file, page + offset, mask);
            int found = verify(f);
            flip(f->file, page + offset, mask);
            if (found > 1)
                return 11;
        }
    }
    free(bytes);
    return verify(f) == 0 ? 0 : 12;
}

static void no_flipped_byte_of_the_file_ends_the_process(void **state)
{
    struct fixture *f = *state;
    append_many(f->journal, 25, 200);
    append_many(f->journal, 3, 5000);
    append_many(f->journal, 10, 64);
    journal_close(&f->journal);
    assert_int_equal(in_child(f, flip_anywhere_in_child), 0);
}

/* ---- copies ----------------------------------------------------------------------------------- */

struct progress {
    uint64_t calls, last, end;
};

static void note_progress(void *context, uint64_t position, uint64_t end_position)
{
    struct progress *progress = context;
    progress->calls++;
    progress->last = position;
    progress->end = end_position;
}

static enum err copy_to(struct fixture *f, struct journal *from, const char *name, uint64_t end,
                        struct journal **copy)
{
    static char path[SCRATCH_PATH_BYTES + 32];
    struct progress progress = {0};
    (void)snprintf(path, sizeof path, "%s/%s", f->path, name);
    struct journal_lmdb_copy_options options = {
        .end_position = end, .to_directory = path, .progress = note_progress, .context = &progress};
    enum err err = journal_lmdb_copy(from, SCRATCH_PARTITION, &options);
    if (err != ERR_OK)
        return err;
    assert_true(progress.calls == 0 || progress.last == progress.end);
    struct journal_lmdb_options open = options_of(f);
    open.path = path;
    return journal_lmdb_open(&open, copy, NULL);
}

static void a_copy_has_the_same_hashes_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct journal *copy = NULL;
    struct journal_head a, b;
    append_many(f->journal, 20, 3000);
    assert_int_equal(copy_to(f, f->journal, "copy", UINT64_MAX, &copy), ERR_OK);
    assert_int_equal(journal_get_head(f->journal, &a), ERR_OK);
    assert_int_equal(journal_get_head(copy, &b), ERR_OK);
    assert_memory_equal(&a, &b, sizeof a);
    append_many(copy, 1, 8);
    assert_int_equal(count_of(copy), 21);
    journal_close(&copy);
}

static void a_copy_ends_where_it_is_told(void **state)
{
    struct fixture *f = *state;
    struct journal *copy = NULL;
    append_many(f->journal, 20, 800);
    assert_int_equal(copy_to(f, f->journal, "copy", 1 + 7 * 100, &copy), ERR_OK);
    assert_int_equal(count_of(copy), 7);
    journal_close(&copy);
    assert_int_equal(copy_to(f, f->journal, "none", 1, &copy), ERR_OK);
    assert_int_equal(count_of(copy), 0);
    journal_close(&copy);
}

static void a_copy_does_not_overwrite_a_journal(void **state)
{
    struct fixture *f = *state;
    struct journal *copy = NULL;
    append_many(f->journal, 2, 8);
    assert_int_equal(copy_to(f, f->journal, "copy", UINT64_MAX, &copy), ERR_OK);
    journal_close(&copy);
    assert_int_equal(copy_to(f, f->journal, "copy", UINT64_MAX, &copy), ERR_EXISTS);
}

static void damage_stops_a_copy(void **state)
{
    struct fixture *f = *state;
    struct journal *memory = NULL;
    struct journal *copy = NULL;
    size_t size;
    struct journal_memory_options options = {.partition = SCRATCH_PARTITION};
    assert_int_equal(journal_memory_new(&options, &memory), ERR_OK);
    append_many(memory, 3, 80);
    journal_memory_bytes(memory, 12, &size)[150] ^= 1;
    assert_int_equal(copy_to(f, memory, "copy", UINT64_MAX, &copy), ERR_CORRUPT);
    journal_close(&memory);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_opened_again_goes_on),
        TEST(a_missing_journal_is_not_made_anew),
        TEST(an_empty_or_shortened_file_is_corrupt),
        TEST(a_journal_of_another_partition_is_corrupt),
        TEST(files_are_for_their_owner_only),
        TEST(the_file_grows_ahead_of_the_writer),
        TEST(a_full_map_writes_nothing_and_a_larger_map_takes_the_same_append),
        TEST(an_append_after_another_writers_is_fenced),
        TEST(another_process_reads_while_this_one_writes),
        TEST(a_flipped_byte_of_a_commit_is_found),
        TEST(a_fault_says_where),
        TEST(walk_tests_the_link_to_the_commit_before_the_first),
        TEST(a_damaged_last_commit_is_found_at_open),
        TEST(a_flipped_bit_of_a_transaction_number_is_found),
        TEST(no_flipped_byte_of_the_file_ends_the_process),
        TEST(a_copy_has_the_same_hashes_and_goes_on),
        TEST(a_copy_ends_where_it_is_told),
        TEST(a_copy_does_not_overwrite_a_journal),
        TEST(damage_stops_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
