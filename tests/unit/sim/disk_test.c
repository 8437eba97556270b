/* The simulator's disk keeps what it promises to keep, and loses what it may lose. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/disk/disk.h"
#include "store/durable.h"
#include "store/journal_lmdb.h"

enum {
    SEEDS = 64,
    MANY_SEEDS = 256,
    PATH_BYTES = 512,
    PAGES_2 = 2 * DISK_PAGE,
    PAGES_3 = 3 * DISK_PAGE,
    PAGES_4 = 4 * DISK_PAGE
};

static char root[128];

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

/* Removes what one round left. */
static struct disk *fresh(struct disk **disk, uint64_t seed)
{
    disk_destroy(disk);
    disk_root_remove(root);
    assert_int_equal(mkdir(root, 0700), 0);
    *disk = disk_new(root, seed);
    return *disk;
}

static const char *path_of(const char *name)
{
    static char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static int open_new(const char *name)
{
    int file = open(path_of(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(durable_sync_directory(root), ERR_OK);
    return file;
}

static void write_at(int file, uint8_t byte, size_t length, uint64_t offset)
{
    uint8_t bytes[PAGES_4];
    memset(bytes, byte, length);
    assert_int_equal(pwrite(file, bytes, length, (off_t)offset), length);
}

/* Reads a whole file as it is for the system. */
static size_t read_all(const char *name, uint8_t *out, size_t capacity)
{
    int file = open(path_of(name), O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return SIZE_MAX;
    ssize_t got = pread(file, out, capacity, 0);
    (void)close(file);
    return got < 0 ? SIZE_MAX : (size_t)got;
}

static bool is_all(const uint8_t *bytes, size_t length, uint8_t byte)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != byte)
            return false;
    return true;
}

static void a_synced_write_survives_power_loss(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[DISK_PAGE];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int file = open_new("a");
        write_at(file, 7, DISK_PAGE, 0);
        assert_int_equal(fdatasync(file), 0);
        (void)close(file);
        disk_leave();
        disk_crash(disk, "", DISK_POWER);
        assert_int_equal(read_all("a", bytes, sizeof bytes), DISK_PAGE);
        assert_true(is_all(bytes, DISK_PAGE, 7));
    }
    disk_destroy(&disk);
}

static void an_unsynced_write_is_whole_absent_or_torn_at_sectors(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[PAGES_2];
    unsigned whole = 0;
    unsigned absent = 0;
    unsigned torn = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int file = open_new("a");
        write_at(file, 1, sizeof bytes, 0);
        assert_int_equal(fsync(file), 0);
        write_at(file, 2, sizeof bytes, 0);
        (void)close(file);
        disk_leave();
        disk_crash(disk, "", DISK_POWER);
        assert_int_equal(read_all("a", bytes, sizeof bytes), sizeof bytes);
        for (size_t at = 0; at < sizeof bytes; at += DISK_SECTOR)
            assert_true(is_all(bytes + at, DISK_SECTOR, 1) || is_all(bytes + at, DISK_SECTOR, 2));
        bool old = is_all(bytes, sizeof bytes, 1);
        bool new = is_all(bytes, sizeof bytes, 2);
        absent += old;
        whole += new;
        torn += !old && !new;
    }
    assert_true(whole > 0 && absent > 0 && torn > 0);
    disk_destroy(&disk);
}

static void a_killed_process_leaves_its_writes(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[DISK_PAGE];
    disk_enter(fresh(&disk, 1));
    int file = open_new("a");
    write_at(file, 7, DISK_PAGE, 0);
    (void)close(file);
    disk_leave();
    disk_crash(disk, "", DISK_KILLED);
    assert_int_equal(read_all("a", bytes, sizeof bytes), DISK_PAGE);
    assert_true(is_all(bytes, DISK_PAGE, 7));
    disk_destroy(&disk);
}

static void after_a_kill_the_writes_may_still_be_lost(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[DISK_PAGE];
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int file = open_new("a");
        write_at(file, 7, DISK_PAGE, 0);
        (void)close(file);
        disk_leave();
        disk_crash(disk, "", DISK_KILLED);
        disk_crash(disk, "", DISK_POWER);
        lost += read_all("a", bytes, sizeof bytes) == 0;
    }
    assert_true(lost > 0);
    disk_destroy(&disk);
}

static void a_write_with_dsync_is_durable_and_makes_no_other_so(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[PAGES_2];
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int file = open_new("a");
        write_at(file, 1, sizeof bytes, 0);
        assert_int_equal(fsync(file), 0);
        int synced = open(path_of("a"), O_RDWR | O_DSYNC | O_CLOEXEC);
        write_at(file, 2, DISK_PAGE, 0);
        write_at(synced, 3, DISK_PAGE, DISK_PAGE);
        (void)close(file);
        (void)close(synced);
        disk_leave();
        disk_crash(disk, "", DISK_POWER);
        assert_int_equal(read_all("a", bytes, sizeof bytes), sizeof bytes);
        assert_true(is_all(bytes + DISK_PAGE, DISK_PAGE, 3));
        lost += is_all(bytes, DISK_PAGE, 1);
    }
    assert_true(lost > 0);
    disk_destroy(&disk);
}

static void a_name_may_be_lost_until_its_directory_is_synced(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[8];
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int synced = open_new("synced");
        int unsynced = open(path_of("unsynced"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        (void)close(synced);
        (void)close(unsynced);
        disk_leave();
        disk_crash(disk, "", DISK_POWER);
        assert_int_equal(read_all("synced", bytes, sizeof bytes), 0);
        lost += read_all("unsynced", bytes, sizeof bytes) == SIZE_MAX;
    }
    assert_in_range(lost, 1, SEEDS - 1);
    disk_destroy(&disk);
}

static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[64];
    unsigned olds = 0;
    unsigned news = 0;
    for (uint64_t seed = 0; seed < MANY_SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        assert_int_equal(durable_write_file(root, "meta", "old", 3), ERR_OK);
        disk_cut_after(disk, "", 1 + seed % 6);
        enum err err = durable_write_file(root, "meta", "new text", 8);
        bool cut = disk_is_cut(disk, "");
        disk_leave();
        disk_crash(disk, "", seed % 2 == 0 ? DISK_POWER : DISK_KILLED);
        size_t length = read_all("meta", bytes, sizeof bytes);
        bool old = length == 3 && memcmp(bytes, "old", 3) == 0;
        bool new = length == 8 && memcmp(bytes, "new text", 8) == 0;
        assert_true(old || new);
        assert_true(cut || (err == ERR_OK && new));
        olds += old;
        news += new;
    }
    assert_true(olds > 0 && news > 0);
    disk_destroy(&disk);
}

static void what_follows_a_cut_is_lost(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[PAGES_4];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int file = open_new("a");
        write_at(file, 1, DISK_PAGE, 0);
        disk_cut_after(disk, "", 2);
        write_at(file, 2, DISK_PAGE, DISK_PAGE);
        assert_false(disk_is_cut(disk, ""));
        write_at(file, 3, DISK_PAGE, PAGES_2);
        assert_true(disk_is_cut(disk, ""));
        write_at(file, 4, DISK_PAGE, 0);
        write_at(file, 4, DISK_PAGE, PAGES_3);
        assert_int_equal(fsync(file), 0);
        assert_int_equal(read_all("a", bytes, sizeof bytes), sizeof bytes);
        (void)close(file);
        disk_leave();
        disk_crash(disk, "", DISK_KILLED);
        size_t length = read_all("a", bytes, sizeof bytes);
        assert_in_range(length, PAGES_2, PAGES_3);
        assert_true(is_all(bytes, DISK_PAGE, 1) && is_all(bytes + DISK_PAGE, DISK_PAGE, 2));
        assert_true(is_all(bytes + PAGES_2, length - PAGES_2, 3));
    }
    disk_destroy(&disk);
}

static void a_cut_of_one_scope_leaves_the_others(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[DISK_PAGE];
    disk_enter(fresh(&disk, 5));
    assert_int_equal(mkdir(path_of("p000"), 0700), 0);
    assert_int_equal(mkdir(path_of("p001"), 0700), 0);
    int one = open_new("p000/a");
    int other = open_new("p001/a");
    disk_cut_after(disk, "p000/", 1);
    write_at(other, 2, DISK_PAGE, 0);
    assert_false(disk_is_cut(disk, "p000/"));
    assert_int_equal(fsync(one), 0);
    assert_true(disk_is_cut(disk, "p000/"));
    assert_false(disk_is_cut(disk, "p001/"));
    write_at(one, 2, DISK_PAGE, 0);
    (void)close(one);
    disk_leave();
    disk_crash(disk, "p000/", DISK_KILLED);
    assert_int_equal(read_all("p000/a", bytes, sizeof bytes), 0);
    assert_int_equal(read_all("p001/a", bytes, sizeof bytes), DISK_PAGE);
    disk_enter(disk);
    (void)close(other);
    disk_leave();
    disk_destroy(&disk);
}

static void the_nth_call_fails_with_its_effect(void **state)
{
    (void)state;
    static const struct {
        enum disk_effect effect;
        uint64_t length;
    } rows[] = {{DISK_NOTHING, 0}, {DISK_ALL, DISK_SECTOR}, {DISK_PART, 0}};
    struct disk *disk = NULL;
    uint8_t bytes[DISK_PAGE] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        disk_enter(fresh(&disk, 1));
        int file = open_new("a");
        disk_fail(disk, "",
                  &(struct disk_fault){
                      .calls = DISK_WRITE, .nth = 2, .count = 1, .code = EIO, .effect = rows[i].effect});
        assert_int_equal(pwrite(file, bytes, 0, 0), 0);
        assert_int_equal(pwrite(file, bytes, DISK_SECTOR, 0), -1);
        assert_int_equal(errno, EIO);
        assert_int_equal(lseek(file, 0, SEEK_END), rows[i].length);
        assert_int_equal(pwrite(file, bytes, DISK_SECTOR, 0), DISK_SECTOR);
        assert_int_equal(disk_counts(disk)->failed[0], 1);
        (void)close(file);
        disk_leave();
    }
    disk_destroy(&disk);
}

static void a_call_may_fail_for_good_until_repaired(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    disk_enter(fresh(&disk, 1));
    int file = open_new("a");
    disk_fail(disk, "", &(struct disk_fault){.calls = DISK_SYNC, .nth = 1, .code = ENOSPC});
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fdatasync(file), -1);
        assert_int_equal(errno, ENOSPC);
    }
    disk_repair(disk, "");
    assert_int_equal(fdatasync(file), 0);
    (void)close(file);
    disk_leave();
    disk_destroy(&disk);
}

static void a_sync_after_a_failed_one_does_not_help(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[DISK_PAGE];
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int file = open_new("a");
        write_at(file, 7, DISK_PAGE, 0);
        disk_fail(disk, "", &(struct disk_fault){.calls = DISK_SYNC, .nth = 1, .count = 1, .code = EIO});
        assert_int_equal(fdatasync(file), -1);
        assert_int_equal(fdatasync(file), 0);
        (void)close(file);
        disk_leave();
        disk_crash(disk, "", DISK_POWER);
        lost += read_all("a", bytes, sizeof bytes) == 0;
    }
    assert_true(lost > 0);
    disk_destroy(&disk);
}

static void a_lying_sync_keeps_nothing(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[DISK_PAGE];
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        disk_enter(fresh(&disk, seed));
        int file = open_new("a");
        write_at(file, 7, DISK_PAGE, 0);
        disk_lie(disk, "", 1);
        assert_int_equal(fdatasync(file), 0);
        (void)close(file);
        disk_leave();
        assert_int_equal(disk_counts(disk)->lies, 1);
        disk_crash(disk, "", DISK_POWER);
        lost += read_all("a", bytes, sizeof bytes) == 0;
    }
    assert_true(lost > 0);
    disk_destroy(&disk);
}

static void a_full_disk_takes_what_fits(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[PAGES_4] = {1};
    struct iovec parts[2] = {{bytes, PAGES_2}, {bytes, PAGES_2}};
    struct statvfs system;
    disk_enter(fresh(&disk, 1));
    disk_capacity(disk, PAGES_3);
    int file = open_new("a");
    assert_int_equal(fstatvfs(file, &system), 0);
    assert_int_equal(system.f_bavail * system.f_frsize, PAGES_3);
    assert_int_equal(fallocate(file, 0, 0, PAGES_4), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(writev(file, parts, 2), PAGES_3);
    assert_int_equal(write(file, bytes, 1), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(pwrite(file, bytes, DISK_PAGE, 0), DISK_PAGE);
    disk_capacity(disk, PAGES_4);
    assert_int_equal(write(file, bytes, DISK_PAGE), DISK_PAGE);
    assert_int_equal(statvfs(root, &system), 0);
    assert_int_equal(system.f_bavail, 0);
    (void)close(file);
    disk_leave();
    disk_destroy(&disk);
}

static void one_bit_flips(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    struct disk_damage damage;
    uint8_t bytes[DISK_PAGE];
    disk_enter(fresh(&disk, 1));
    int file = open_new("a");
    assert_false(disk_flip(disk, "", &damage));
    write_at(file, 7, DISK_PAGE, 0);
    (void)close(file);
    disk_leave();
    assert_true(disk_flip(disk, "", &damage));
    assert_string_equal(damage.path, "a");
    assert_int_equal(read_all("a", bytes, sizeof bytes), DISK_PAGE);
    bytes[damage.bit / 8] ^= (uint8_t)(1U << damage.bit % 8);
    assert_true(is_all(bytes, DISK_PAGE, 7));
    disk_destroy(&disk);
}

static void a_page_goes_back_to_what_it_held(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    struct disk_damage damage;
    uint8_t bytes[DISK_PAGE];
    disk_enter(fresh(&disk, 1));
    int file = open_new("a");
    for (uint8_t i = 1; i <= 32; i++)
        write_at(file, i, DISK_PAGE, 0);
    (void)close(file);
    disk_leave();
    assert_true(disk_stale(disk, "", &damage));
    assert_int_equal(read_all("a", bytes, sizeof bytes), DISK_PAGE);
    assert_in_range(bytes[0], 1, 31);
    assert_true(is_all(bytes, DISK_PAGE, bytes[0]));
    disk_destroy(&disk);
}

static void a_lost_file_is_gone(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    uint8_t bytes[8];
    disk_enter(fresh(&disk, 1));
    (void)close(open_new("a"));
    disk_leave();
    assert_false(disk_lose(disk, "b"));
    assert_true(disk_lose(disk, "a"));
    disk_crash(disk, "", DISK_POWER);
    assert_int_equal(read_all("a", bytes, sizeof bytes), SIZE_MAX);
    disk_destroy(&disk);
}

/* Fills a journal with what depends on the seed only, until a sync fails; the digest of the calls. */
static uint64_t digest_of_a_run(struct disk **disk, uint64_t seed)
{
    disk_enter(fresh(disk, seed));
    struct journal_lmdb_options options = journal_lmdb_options_default(path_of("journal"), 0);
    struct journal *journal = NULL;
    options.create = true;
    options.map_size_bytes = 1 << 20;
    options.preallocate_bytes = 1 << 16;
    assert_int_equal(journal_lmdb_open(&options, &journal, NULL), ERR_OK);
    uint8_t facts[2000];
    memset(facts, (uint8_t)seed, sizeof facts);
    struct journal_head head;
    disk_fail(*disk, "",
              &(struct disk_fault){.calls = DISK_SYNC, .nth = 40, .code = EIO, .effect = DISK_PART});
    enum journal_outcome outcome = JOURNAL_OK;
    for (int i = 0; i < 30 && outcome == JOURNAL_OK; i++) {
        assert_int_equal(journal_get_head(journal, &head), ERR_OK);
        outcome = journal_append(journal, &(struct journal_commit){.sequence = head.sequence + 1,
                                                                   .epoch = 1,
                                                                   .position = head.next_position,
                                                                   .time_us = i,
                                                                   .fact_count = 1,
                                                                   .facts = facts,
                                                                   .length = 40 + 8 * (seed % 7)});
    }
    assert_int_equal(outcome, JOURNAL_UNKNOWN);
    journal_close(&journal);
    disk_leave();
    disk_crash(*disk, "", DISK_POWER);
    return disk_digest(*disk);
}

static void the_same_seed_gives_the_same_calls(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    for (uint64_t seed = 0; seed < 4; seed++) {
        uint64_t first = digest_of_a_run(&disk, seed);
        assert_true(digest_of_a_run(&disk, seed) == first);
        assert_true(digest_of_a_run(&disk, seed + 100) != first);
    }
    disk_destroy(&disk);
}

static void calls_of_the_store_reach_the_disk(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    (void)digest_of_a_run(&disk, 1);
    const struct disk_counts *counts = disk_counts(disk);
    assert_true(counts->writes > 30 && counts->syncs >= 20 && counts->grows > 0 && counts->names > 0);
    assert_true(counts->failed[1] + counts->failed[0] > 0 && counts->power_losses == 1);
    disk_destroy(&disk);
}

static void without_a_disk_calls_pass_through(void **state)
{
    (void)state;
    struct disk *disk = NULL;
    (void)fresh(&disk, 1);
    disk_fail(disk, "", &(struct disk_fault){.calls = DISK_WRITE | DISK_OPEN, .nth = 1, .code = EIO});
    int file = open(path_of("a"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(file, "a", 1), 1);
    (void)close(file);
    assert_int_equal(disk_counts(disk)->writes, 0);
    disk_destroy(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_synced_write_survives_power_loss),
        cmocka_unit_test(an_unsynced_write_is_whole_absent_or_torn_at_sectors),
        cmocka_unit_test(a_killed_process_leaves_its_writes),
        cmocka_unit_test(after_a_kill_the_writes_may_still_be_lost),
        cmocka_unit_test(a_write_with_dsync_is_durable_and_makes_no_other_so),
        cmocka_unit_test(a_name_may_be_lost_until_its_directory_is_synced),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        cmocka_unit_test(what_follows_a_cut_is_lost),
        cmocka_unit_test(a_cut_of_one_scope_leaves_the_others),
        cmocka_unit_test(the_nth_call_fails_with_its_effect),
        cmocka_unit_test(a_call_may_fail_for_good_until_repaired),
        cmocka_unit_test(a_sync_after_a_failed_one_does_not_help),
        cmocka_unit_test(a_lying_sync_keeps_nothing),
        cmocka_unit_test(a_full_disk_takes_what_fits),
        cmocka_unit_test(one_bit_flips),
        cmocka_unit_test(a_page_goes_back_to_what_it_held),
        cmocka_unit_test(a_lost_file_is_gone),
        cmocka_unit_test(the_same_seed_gives_the_same_calls),
        cmocka_unit_test(calls_of_the_store_reach_the_disk),
        cmocka_unit_test(without_a_disk_calls_pass_through),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
