/* The contract of journal.h, over every kind of journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/journal_lmdb.h"
#include "store/journal_memory.h"
#include "tests/unit/store/scratch.h"

/* Lengths of the commits most tests begin with: inside a page, over several, just at an edge. */
static const size_t LENGTHS[] = {8, 64, 2000, 4096, 8, 100000, 16, 72};
enum { COMMITS = sizeof LENGTHS / sizeof LENGTHS[0], ROOM = 128 << 10 };

struct fixture {
    char path[SCRATCH_PATH_BYTES];
    struct journal *journal;
};

static struct journal *open_memory(const char *path)
{
    struct journal *journal = NULL;
    (void)path;
    assert_int_equal(
        journal_memory_new(&(struct journal_memory_options){.partition = SCRATCH_PARTITION}, &journal),
        ERR_OK);
    return journal;
}

static struct journal *open_lmdb(const char *path)
{
    char name[SCRATCH_PATH_BYTES + 16];
    struct journal *journal = NULL;
    (void)snprintf(name, sizeof name, "%s/journal", path);
    struct journal_lmdb_options options = journal_lmdb_options_default(name, SCRATCH_PARTITION);
    options.create = true;
    options.map_size_bytes = UINT64_C(1) << 30;
    options.preallocate_bytes = UINT64_C(1) << 20;
    assert_int_equal(journal_lmdb_open(&options, &journal, NULL), ERR_OK);
    return journal;
}

static int begin_kind(void **state, struct journal *(*open)(const char *path))
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_make(f->path);
    f->journal = open(f->path);
    *state = f;
    return 0;
}

static int begin_memory(void **state)
{
    return begin_kind(state, open_memory);
}

static int begin_lmdb(void **state)
{
    return begin_kind(state, open_lmdb);
}

static int finish(void **state)
{
    struct fixture *f = *state;
    journal_close(&f->journal);
    scratch_remove(f->path);
    free(f);
    return 0;
}

static void fill(struct journal *journal)
{
    for (size_t i = 0; i < COMMITS; i++)
        assert_int_equal(scratch_append(journal, LENGTHS[i]), JOURNAL_OK);
}

/* Position of the nth commit of fill(), from 0. */
static uint64_t position_of(size_t n)
{
    uint64_t position = 1;
    for (size_t i = 0; i < n; i++)
        position += LENGTHS[i] / 8;
    return position;
}

struct seen {
    uint64_t first, count, stop_after;
};

static enum err see(void *context, const struct journal_commit *commit)
{
    struct seen *seen = context;
    static uint8_t facts[ROOM];
    if (seen->count++ == 0)
        seen->first = commit->sequence;
    assert_int_equal(commit->sequence, seen->first + seen->count - 1);
    assert_int_equal(commit->position, position_of(commit->sequence - 1));
    assert_int_equal(commit->length, LENGTHS[commit->sequence - 1]);
    assert_int_equal(commit->time_us, commit->sequence * 1000);
    assert_int_equal(commit->epoch, 1);
    assert_int_equal(commit->fact_count, 1);
    scratch_facts(commit->sequence, facts, commit->length);
    assert_memory_equal(commit->facts, facts, commit->length);
    return seen->count == seen->stop_after ? ERR_CLOSED : ERR_OK;
}

static void an_empty_journal_has_nothing(void **state)
{
    struct fixture *f = *state;
    struct journal_head head;
    struct seen seen = {0};
    uint8_t out[8];
    size_t length;
    int64_t time_us;
    uint64_t position, end;
    assert_int_equal(journal_get_head(f->journal, &head), ERR_OK);
    assert_int_equal(head.sequence, 0);
    assert_int_equal(head.next_position, 1);
    assert_int_equal(journal_walk(f->journal, 1, see, &seen), ERR_OK);
    assert_int_equal(journal_walk(f->journal, 2, see, &seen), ERR_NOT_FOUND);
    assert_int_equal(journal_walk(f->journal, 0, see, &seen), ERR_NOT_FOUND);
    assert_int_equal(seen.count, 0);
    assert_int_equal(journal_fetch(f->journal, 1, out, sizeof out, &length, &time_us), ERR_NOT_FOUND);
    assert_int_equal(journal_find_time(f->journal, INT64_MAX, &position, &end), ERR_OK);
    assert_int_equal(position, 0);
    assert_int_equal(end, 1);
}

static void walk_hands_out_what_was_appended(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    fill(f->journal);
    assert_int_equal(journal_walk(f->journal, 1, see, &seen), ERR_OK);
    assert_int_equal(seen.count, COMMITS);
}

static void walk_begins_at_the_commit_that_holds_the_position(void **state)
{
    struct fixture *f = *state;
    fill(f->journal);
    for (size_t i = 0; i < COMMITS; i++) {
        struct seen first = {0};
        struct seen last = {0};
        assert_int_equal(journal_walk(f->journal, position_of(i), see, &first), ERR_OK);
        assert_int_equal(journal_walk(f->journal, position_of(i + 1) - 1, see, &last), ERR_OK);
        assert_int_equal(first.first, i + 1);
        assert_int_equal(last.first, i + 1);
        assert_int_equal(first.count, COMMITS - i);
    }
    struct seen none = {0};
    assert_int_equal(journal_walk(f->journal, position_of(COMMITS), see, &none), ERR_OK);
    assert_int_equal(journal_walk(f->journal, position_of(COMMITS) + 1, see, &none), ERR_NOT_FOUND);
    assert_int_equal(journal_walk(f->journal, 0, see, &none), ERR_NOT_FOUND);
    assert_int_equal(none.count, 0);
}

static void walk_stops_with_the_visitors_error(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.stop_after = 2};
    fill(f->journal);
    assert_int_equal(journal_walk(f->journal, 1, see, &seen), ERR_CLOSED);
    assert_int_equal(seen.count, 2);
}

/* Every position of the small commits and some of the large one, through one reader. */
static void a_reader_fetches_the_words_at_any_position(void **state)
{
    struct fixture *f = *state;
    static uint8_t expected[ROOM];
    static uint8_t out[ROOM];
    struct journal_reader *reader = NULL;
    fill(f->journal);
    assert_int_equal(journal_reader_new(f->journal, &reader), ERR_OK);
    for (size_t i = COMMITS; i-- > 0;) {
        scratch_facts(i + 1, expected, LENGTHS[i]);
        assert_int_equal(journal_reader_begin(reader), ERR_OK);
        for (uint64_t word = 0; word < LENGTHS[i] / 8; word += 1 + LENGTHS[i] / 800) {
            size_t length;
            int64_t time_us;
            enum err err =
                journal_reader_fetch(reader, position_of(i) + word, out, sizeof out, &length, &time_us);
            assert_int_equal(err, ERR_OK);
            assert_int_equal(length, LENGTHS[i] - word * 8);
            assert_int_equal(time_us, (i + 1) * 1000);
            assert_memory_equal(out, expected + word * 8, length);
        }
        journal_reader_end(reader);
    }
    journal_reader_close(&reader);
}

static void fetch_copies_no_more_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;
    uint8_t out[65] = {0};
    uint8_t expected[64];
    size_t length;
    int64_t time_us;
    fill(f->journal);
    scratch_facts(6, expected, sizeof expected);
    assert_int_equal(journal_fetch(f->journal, position_of(5), out, 64, &length, &time_us), ERR_OK);
    assert_int_equal(length, 64);
    assert_memory_equal(out, expected, 64);
    assert_int_equal(out[64], 0);
}

static void positions_outside_are_not_found(void **state)
{
    struct fixture *f = *state;
    const uint64_t outside[] = {0, position_of(COMMITS), position_of(COMMITS) + 1, UINT64_MAX};
    uint8_t out[8];
    size_t length;
    int64_t time_us;
    fill(f->journal);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_int_equal(journal_fetch(f->journal, outside[i], out, sizeof out, &length, &time_us),
                         ERR_NOT_FOUND);
}

static void a_reader_sees_its_snapshot_until_it_begins_again(void **state)
{
    struct fixture *f = *state;
    struct journal_reader *reader = NULL;
    uint8_t out[8];
    size_t length;
    int64_t time_us;
    assert_int_equal(journal_reader_new(f->journal, &reader), ERR_OK);
    assert_int_equal(journal_reader_begin(reader), ERR_OK);
    assert_int_equal(scratch_append(f->journal, 8), JOURNAL_OK);
    assert_int_equal(journal_reader_fetch(reader, 1, out, 8, &length, &time_us), ERR_NOT_FOUND);
    journal_reader_end(reader);
    assert_int_equal(journal_reader_begin(reader), ERR_OK);
    assert_int_equal(journal_reader_fetch(reader, 1, out, 8, &length, &time_us), ERR_OK);
    journal_reader_end(reader);
    journal_reader_close(&reader);
}

static void find_time_gives_the_last_commit_at_or_before(void **state)
{
    struct fixture *f = *state;
    fill(f->journal);
    for (int64_t time_us = 0; time_us <= (COMMITS + 2) * 1000; time_us += 250) {
        uint64_t position, end;
        int64_t n = time_us / 1000 < COMMITS ? time_us / 1000 : COMMITS;
        assert_int_equal(journal_find_time(f->journal, time_us, &position, &end), ERR_OK);
        assert_int_equal(position, n == 0 ? 0 : position_of((size_t)n - 1));
        assert_int_equal(end, position_of((size_t)n));
    }
}

static enum journal_outcome append_with(struct journal *journal, uint64_t epoch, int64_t time_us)
{
    struct journal_head head;
    const uint8_t facts[8] = {1};
    assert_int_equal(journal_get_head(journal, &head), ERR_OK);
    return journal_append(journal, &(struct journal_commit){.sequence = head.sequence + 1,
                                                            .epoch = epoch,
                                                            .position = head.next_position,
                                                            .time_us = time_us,
                                                            .fact_count = 1,
                                                            .facts = facts,
                                                            .length = sizeof facts});
}

static void find_time_gives_the_last_of_equal_times(void **state)
{
    struct fixture *f = *state;
    uint64_t position, end;
    for (int i = 0; i < 5; i++)
        assert_int_equal(append_with(f->journal, 1, i < 3 ? 70 : 80), JOURNAL_OK);
    assert_int_equal(journal_find_time(f->journal, 70, &position, &end), ERR_OK);
    assert_int_equal(position, 3);
    assert_int_equal(end, 4);
}

static void a_lower_epoch_is_fenced_for_good(void **state)
{
    struct fixture *f = *state;
    struct journal_head head;
    assert_int_equal(append_with(f->journal, 5, 1), JOURNAL_OK);
    assert_int_equal(append_with(f->journal, 7, 1), JOURNAL_OK);
    assert_int_equal(append_with(f->journal, 6, 1), JOURNAL_FENCED);
    assert_int_equal(append_with(f->journal, 7, 1), JOURNAL_FENCED);
    assert_int_equal(journal_get_head(f->journal, &head), ERR_OK);
    assert_int_equal(head.sequence, 2);
    assert_int_equal(head.epoch, 7);
}

static void space_grows_with_what_is_appended(void **state)
{
    struct fixture *f = *state;
    struct journal_space before, after;
    assert_int_equal(journal_get_space(f->journal, &before), ERR_OK);
    assert_int_equal(scratch_append(f->journal, 100000), JOURNAL_OK);
    assert_int_equal(journal_get_space(f->journal, &after), ERR_OK);
    assert_true(after.used_bytes >= before.used_bytes + 100000);
    assert_true(after.limit_bytes > after.used_bytes);
}

static void every_kind_gives_the_same_hashes(void **state)
{
    struct fixture *f = *state;
    struct journal *other = open_memory(NULL);
    struct journal_head a, b;
    fill(f->journal);
    fill(other);
    assert_int_equal(journal_get_head(f->journal, &a), ERR_OK);
    assert_int_equal(journal_get_head(other, &b), ERR_OK);
    assert_memory_equal(a.hash, b.hash, JOURNAL_HASH_SIZE);
    journal_close(&other);
}

/* ---- plans of the journal in memory ----------------------------------------------------------- */

static void a_planned_full_writes_nothing_and_the_same_append_works_next(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    journal_memory_fail(f->journal, 2, JOURNAL_FULL);
    assert_int_equal(scratch_append(f->journal, LENGTHS[0]), JOURNAL_OK);
    assert_int_equal(scratch_append(f->journal, LENGTHS[1]), JOURNAL_FULL);
    assert_int_equal(scratch_append(f->journal, LENGTHS[1]), JOURNAL_OK);
    assert_int_equal(journal_walk(f->journal, 1, see, &seen), ERR_OK);
    assert_int_equal(seen.count, 2);
}

static void a_planned_unknown_stops_appends_until_a_restart(void **state)
{
    (void)state;
    for (int kept = 0; kept <= 1; kept++) {
        struct journal *journal = NULL;
        struct journal_head head;
        struct journal_memory_options options = {.unknown_is_kept = kept == 1};
        assert_int_equal(journal_memory_new(&options, &journal), ERR_OK);
        journal_memory_fail(journal, 1, JOURNAL_UNKNOWN);
        assert_int_equal(scratch_append(journal, 8), JOURNAL_UNKNOWN);
        assert_int_equal(scratch_append(journal, 8), JOURNAL_UNKNOWN);
        journal_memory_restart(journal);
        assert_int_equal(journal_get_head(journal, &head), ERR_OK);
        assert_int_equal(head.sequence, kept);
        assert_int_equal(scratch_append(journal, 8), JOURNAL_OK);
        journal_close(&journal);
    }
}

static void every_flipped_byte_in_memory_is_found(void **state)
{
    struct fixture *f = *state;
    size_t size = 0;
    fill(f->journal);
    uint8_t *bytes = journal_memory_bytes(f->journal, position_of(1), &size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        struct seen seen = {0};
        struct journal_fault fault;
        bytes[i] ^= 0x20;
        enum err err = journal_walk(f->journal, 1, see, &seen);
        assert_true(err == ERR_CORRUPT || err == ERR_VERSION);
        journal_find_fault(f->journal, &fault);
        assert_int_equal(fault.position, position_of(1));
        assert_int_equal(fault.sequence, 2);
        assert_non_null(fault.what);
        bytes[i] ^= 0x20;
    }
}

#define BOTH(test)                                         \
    {#test " (memory)", test, begin_memory, finish, NULL}, \
    {                                                      \
#test " (lmdb)", test, begin_lmdb, finish, NULL    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_empty_journal_has_nothing),
        BOTH(walk_hands_out_what_was_appended),
        BOTH(walk_begins_at_the_commit_that_holds_the_position),
        BOTH(walk_stops_with_the_visitors_error),
        BOTH(a_reader_fetches_the_words_at_any_position),
        BOTH(fetch_copies_no_more_than_there_is_room_for),
        BOTH(positions_outside_are_not_found),
        cmocka_unit_test_setup_teardown(a_reader_sees_its_snapshot_until_it_begins_again, begin_lmdb, finish),
        BOTH(find_time_gives_the_last_commit_at_or_before),
        BOTH(find_time_gives_the_last_of_equal_times),
        BOTH(a_lower_epoch_is_fenced_for_good),
        BOTH(space_grows_with_what_is_appended),
        BOTH(every_kind_gives_the_same_hashes),
        cmocka_unit_test_setup_teardown(a_planned_full_writes_nothing_and_the_same_append_works_next,
                                        begin_memory, finish),
        cmocka_unit_test(a_planned_unknown_stops_appends_until_a_restart),
        cmocka_unit_test_setup_teardown(every_flipped_byte_in_memory_is_found, begin_memory, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
