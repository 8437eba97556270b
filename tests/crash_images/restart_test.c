/* Journals and state stores after a restart, on the simulator's disk: what failed before does not keep them shut, and
 * what they show stays. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "sim/disk/disk.h"
#include "sim/random.h"
#include "store/journal_lmdb.h"
#include "store/state_lmdb.h"

enum { SEEDS = 400, LENGTH_MAX = 20000, PATH_BYTES = 256 };

static char root[PATH_BYTES / 2];
static char path[PATH_BYTES];

static int make_root(void **state)
{
    (void)state;
    return disk_root_make(root, sizeof root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    disk_root_remove(root);
    return 0;
}

static struct disk *disk;

/* Ends the round, also one that a failed assertion has left. */
static int finish(void **state)
{
    (void)state;
    if (disk != NULL)
        disk_leave();
    disk_destroy(&disk);
    return 0;
}

static void begin(uint64_t seed)
{
    (void)finish(NULL);
    disk_root_remove(root);
    assert_int_equal(mkdir(root, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/store", root);
    disk = disk_new(root, seed);
    disk_enter(disk);
}

/* ---- journals --------------------------------------------------------------------------------- */

static enum err open_journal(struct journal **out, bool create)
{
    struct journal_lmdb_options options = journal_lmdb_options_default(path, 0);
    options.map_size_bytes = 16 << 20;
    options.preallocate_bytes = 1 << 20;
    options.create = create;
    return journal_lmdb_open(&options, out, NULL);
}

static enum journal_outcome append(struct journal *journal, size_t length)
{
    static uint8_t facts[LENGTH_MAX];
    struct journal_head head;
    assert_int_equal(journal_get_head(journal, &head), ERR_OK);
    memset(facts, (int)(head.sequence & 0xff), length);
    return journal_append(journal, &(struct journal_commit){.sequence = head.sequence + 1,
                                                            .epoch = 1,
                                                            .position = head.next_position,
                                                            .time_us = 1,
                                                            .fact_count = 1,
                                                            .facts = facts,
                                                            .length = length});
}

static enum err count_commit(void *context, const struct journal_commit *commit)
{
    *(uint64_t *)context = commit->sequence;
    return ERR_OK;
}

/* How many commits there are; all of them verify. */
static uint64_t commits_of(struct journal *journal)
{
    uint64_t count = 0;
    assert_int_equal(journal_walk(journal, 1, count_commit, &count), ERR_OK);
    return count;
}

/* The meta page is the one write with O_DSYNC, the second sync of a commit. LMDB then writes a page into its place that
 * has the tables of the failed commit under the number of an older one. */
static void a_journal_opens_after_its_meta_page_could_not_be_written(void **state)
{
    (void)state;
    static const enum disk_effect effects[] = {DISK_NOTHING, DISK_PART, DISK_ALL};
    static const size_t lengths[] = {8, 64, 5000, LENGTH_MAX};
    for (uint64_t round = 0; round < 120; round++) {
        begin(round);
        struct journal *journal = NULL;
        uint64_t before = 1 + round / 12;
        assert_int_equal(open_journal(&journal, true), ERR_OK);
        for (uint64_t i = 0; i < before; i++)
            assert_int_equal(append(journal, 64), JOURNAL_OK);
        disk_fail(disk, "",
                  &(struct disk_fault){
                      .calls = DISK_SYNC, .nth = 2, .count = 1, .code = EIO, .effect = effects[round % 3]});
        assert_int_equal(append(journal, lengths[round / 3 % 4]), JOURNAL_UNKNOWN);
        journal_close(&journal);
        disk_crash(disk, "", DISK_KILLED);
        assert_int_equal(open_journal(&journal, false), ERR_OK);
        uint64_t count = commits_of(journal);
        assert_in_range(count, before, before + 1);
        assert_int_equal(append(journal, 64), JOURNAL_OK);
        journal_close(&journal);
        disk_crash(disk, "", DISK_POWER);
        assert_int_equal(open_journal(&journal, false), ERR_OK);
        assert_int_equal(commits_of(journal), count + 1);
        journal_close(&journal);
    }
}

/* Killed in the middle of a commit; the next process acts on what it finds, which may be in the page cache only. */
static void what_a_journal_shows_after_a_restart_stays(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        begin(seed);
        struct sim_random random = sim_random_of(seed);
        struct journal *journal = NULL;
        uint64_t answered = 0;
        assert_int_equal(open_journal(&journal, true), ERR_OK);
        for (int life = 0; life < 4; life++) {
            disk_cut_after(disk, "", 1 + sim_random_below(&random, 12));
            if (sim_random_below(&random, 3) == 0)
                disk_fail(disk, "",
                          &(struct disk_fault){.calls = DISK_SYNC | DISK_WRITE,
                                               .nth = 1 + sim_random_below(&random, 12),
                                               .count = 1,
                                               .code = EIO,
                                               .effect = (enum disk_effect)sim_random_below(&random, 3)});
            enum journal_outcome outcome = JOURNAL_OK;
            while (!disk_is_cut(disk, "") && outcome == JOURNAL_OK) {
                outcome = append(journal, 8 + sim_random_below(&random, LENGTH_MAX / 8 - 1) * 8);
                answered += outcome == JOURNAL_OK && !disk_is_cut(disk, "");
            }
            journal_close(&journal);
            disk_crash(disk, "", DISK_KILLED);
            assert_int_equal(open_journal(&journal, false), ERR_OK);
            assert_in_range(commits_of(journal), answered, answered + 1);
            answered = commits_of(journal);
            journal_close(&journal);
            disk_crash(disk, "", DISK_POWER);
            assert_int_equal(open_journal(&journal, false), ERR_OK);
            assert_int_equal(commits_of(journal), answered);
        }
        journal_close(&journal);
    }
}

/* ---- state stores ----------------------------------------------------------------------------- */

static enum err open_state(struct state **out)
{
    struct state_lmdb_options options = state_lmdb_options_default(path);
    options.map_size_bytes = 16 << 20;
    return state_lmdb_open(&options, out);
}

/* Writes a number under each of some keys, all in one apply. */
static enum err apply(struct state *state, uint64_t number, size_t length)
{
    static uint8_t value[LENGTH_MAX];
    uint8_t keys[3] = {1, 2, (uint8_t)(3 + number % 8)};
    struct state_put puts[3];
    memcpy(value, &number, sizeof number);
    for (size_t i = 0; i < 3; i++)
        puts[i] = (struct state_put){.table = (enum state_table)i,
                                     .key = &keys[i],
                                     .key_length = 1,
                                     .value = value,
                                     .value_length = length};
    return state_apply(state, puts, 3);
}

static uint64_t number_of(struct state *state)
{
    static uint8_t value[LENGTH_MAX];
    uint64_t numbers[2] = {0, 0};
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t key = (uint8_t)(1 + i);
        size_t length = 0;
        enum err err = state_get(state, (enum state_table)i, &key, 1, value, sizeof value, &length);
        assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
        if (err == ERR_OK)
            memcpy(&numbers[i], value, sizeof numbers[i]);
    }
    assert_true(numbers[0] == numbers[1]);
    return numbers[0];
}

static void what_a_state_store_shows_after_a_restart_stays(void **context)
{
    (void)context;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        begin(seed);
        struct sim_random random = sim_random_of(seed);
        struct state *state = NULL;
        uint64_t answered = 0;
        assert_int_equal(open_state(&state), ERR_OK);
        for (int life = 0; life < 4; life++) {
            disk_cut_after(disk, "", 1 + sim_random_below(&random, 12));
            if (sim_random_below(&random, 3) == 0)
                disk_fail(disk, "",
                          &(struct disk_fault){.calls = DISK_SYNC | DISK_WRITE,
                                               .nth = 1 + sim_random_below(&random, 12),
                                               .count = 1,
                                               .code = EIO,
                                               .effect = (enum disk_effect)sim_random_below(&random, 3)});
            enum err err = ERR_OK;
            while (!disk_is_cut(disk, "") && err == ERR_OK) {
                err = apply(state, answered + 1, 8 + sim_random_below(&random, LENGTH_MAX - 8));
                answered += err == ERR_OK && !disk_is_cut(disk, "");
            }
            state_close(&state);
            disk_crash(disk, "", DISK_KILLED);
            assert_int_equal(open_state(&state), ERR_OK);
            assert_in_range(number_of(state), answered, answered + 1);
            answered = number_of(state);
            state_close(&state);
            disk_crash(disk, "", DISK_POWER);
            assert_int_equal(open_state(&state), ERR_OK);
            assert_true(number_of(state) == answered);
        }
        state_close(&state);
    }
}

/* Puts of few keys, long and short, many of them twice in one apply. */
static enum err apply_some(struct state *state, struct sim_random *random)
{
    static uint8_t value[LENGTH_MAX];
    uint8_t keys[8];
    struct state_put puts[8];
    for (size_t i = 0; i < 8; i++) {
        keys[i] = (uint8_t)(20 + sim_random_below(random, 6));
        puts[i] = (struct state_put){.table = STATE_RECORDS, .key = &keys[i], .key_length = 1};
        if (sim_random_below(random, 4) != 0) {
            puts[i].value = value;
            puts[i].value_length = sim_random_below(random, 12000);
        }
    }
    return state_apply(state, puts, 8);
}

/* LMDB does not write a page that was taken and given back in the same transaction, at the end of the file either. */
static void a_state_store_may_end_before_its_last_free_page(void **context)
{
    (void)context;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_random random = sim_random_of(seed);
        struct state *state = NULL;
        begin(seed);
        assert_int_equal(open_state(&state), ERR_OK);
        for (uint64_t i = 1; i <= 20; i++) {
            assert_int_equal(apply_some(state, &random), ERR_OK);
            assert_int_equal(apply(state, i, 100), ERR_OK);
            assert_int_equal(apply_some(state, &random), ERR_OK);
            state_close(&state);
            assert_int_equal(open_state(&state), ERR_OK);
            assert_true(number_of(state) == i);
        }
        state_close(&state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_journal_opens_after_its_meta_page_could_not_be_written, finish),
        cmocka_unit_test_teardown(what_a_journal_shows_after_a_restart_stays, finish),
        cmocka_unit_test_teardown(what_a_state_store_shows_after_a_restart_stays, finish),
        cmocka_unit_test_teardown(a_state_store_may_end_before_its_last_free_page, finish),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
