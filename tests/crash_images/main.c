/* Every crash image of real workloads of the journal and the state store opens, and holds what it must.
 *
 *     crash_images_test [COUNT [SEED [lying]]]
 *
 * Round by round a workload runs on the simulator's disk and is recorded; then images of moments of it are opened
 * with the real store, until COUNT images have been checked. A failure prints the command that repeats its round.
 *
 * With "lying" no sync makes anything durable, and the test must find that: it proves that the alarm works. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/base/check.h"
#include "tests/crash_images/run.h"

enum { COUNT_DEFAULT = 50000, PER_CALL = 24, PER_ROUND = 1500 };

struct totals {
    uint64_t images, distinct, rounds, torn, partly;
    uint64_t *seen; /* a hash table of the images' hashes; 0: free */
    uint64_t room;
};

void run_fill(uint64_t number, uint8_t *out, uint64_t length)
{
    struct sim_random bytes = sim_random_of(number);
    for (uint64_t at = 0; at < length; at += 8) {
        uint64_t word = sim_random_next(&bytes);
        memcpy(out + at, &word, length - at < 8 ? length - at : 8);
    }
}

void run_arm_faults(struct disk *disk, struct sim_random *random)
{
    static const unsigned calls[] = {DISK_WRITE, DISK_SYNC, DISK_GROW, DISK_WRITE | DISK_SYNC};
    static const int codes[] = {EIO, ENOSPC};
    switch (sim_random_below(random, 6)) {
    case 0:
        disk_capacity(disk, (64 + sim_random_below(random, 512)) << 10);
        return;
    case 1:
    case 2:
        disk_fail(disk, "",
                  &(struct disk_fault){.calls = calls[sim_random_below(random, 4)],
                                       .nth = 1 + sim_random_below(random, 60),
                                       .count = 1,
                                       .code = codes[sim_random_below(random, 2)],
                                       .effect = (enum disk_effect)sim_random_below(random, 3)});
        return;
    default:
        return;
    }
}

/* ---- distinct images -------------------------------------------------------------------------- */

static bool insert(uint64_t *table, uint64_t room, uint64_t hash)
{
    for (uint64_t at = hash % room;; at = (at + 1) % room) {
        if (table[at] == hash)
            return false;
        if (table[at] == 0) {
            table[at] = hash;
            return true;
        }
    }
}

static void count_image(struct totals *totals, const struct disk_image *image)
{
    if (totals->distinct * 2 >= totals->room) {
        uint64_t room = totals->room > 0 ? totals->room * 2 : 1 << 16;
        uint64_t *table = calloc(room, sizeof *table);
        CHECK(table != NULL);
        for (uint64_t i = 0; i < totals->room; i++)
            if (totals->seen[i] != 0)
                (void)insert(table, room, totals->seen[i]);
        free(totals->seen);
        totals->seen = table;
        totals->room = room;
    }
    totals->images++;
    totals->distinct += insert(totals->seen, totals->room, image->hash | 1);
    totals->torn += image->torn > 0;
    totals->partly += image->kept < image->undurable;
}

/* ---- rounds ----------------------------------------------------------------------------------- */

struct places {
    char top[RUN_PATH_BYTES / 2];
    char recorded[RUN_PATH_BYTES];
    char images[RUN_PATH_BYTES];
};

static void empty(const char *path)
{
    disk_root_remove(path);
    CHECK(mkdir(path, 0700) == 0);
}

/* The images of a round are spread over all of it: as many of each moment as the round has room for. */
static unsigned share(const struct disk *disk)
{
    const struct disk_counts *counts = disk_counts(disk);
    uint64_t moments = 2 * (counts->writes + counts->syncs + counts->grows + counts->names) + 1;
    uint64_t each = PER_ROUND / moments;
    return each < 2 ? 2 : each > PER_CALL ? PER_CALL : (unsigned)each;
}

static bool round_of(const struct run_kind *kind, const struct places *places, uint64_t seed, uint64_t most,
                     bool lying, struct totals *totals)
{
    empty(places->recorded);
    empty(places->images);
    struct disk *disk = disk_new(places->recorded, seed);
    disk_record(disk);
    if (lying)
        disk_lie(disk, "", DISK_FOR_GOOD);
    disk_enter(disk);
    void *run = kind->record(disk, places->recorded, seed);
    disk_leave();
    CHECK(run != NULL);
    struct disk_images *images = disk_images_new(disk, places->images, seed, share(disk));
    struct disk_image image;
    const char *wrong = NULL;
    while (wrong == NULL && totals->images < most && disk_images_next(images, &image)) {
        disk_enter(disk_images_disk(images));
        wrong = kind->check(run, places->images, &image);
        disk_leave();
        count_image(totals, &image);
    }
    if (wrong != NULL)
        fprintf(stderr,
                "%s, seed %" PRIu64 ", call %" PRIu64 ", note %" PRIu64
                ", %u not durable, %u kept, %u torn: %s\n"
                "again: crash_images_test %d %" PRIu64 "\n",
                kind->name, seed, image.call, image.note, image.undurable, image.kept, image.torn, wrong,
                2 * PER_ROUND, seed);
    disk_images_destroy(&images);
    disk_destroy(&disk);
    kind->destroy(run);
    totals->rounds++;
    return wrong == NULL;
}

int main(int argc, char **argv)
{
    uint64_t most = argc > 1 ? strtoull(argv[1], NULL, 10) : COUNT_DEFAULT;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    bool lying = argc > 3 && strcmp(argv[3], "lying") == 0;
    struct totals totals = {0};
    struct places places;
    bool good = true;
    CHECK(disk_root_make(places.top, sizeof places.top));
    (void)snprintf(places.recorded, sizeof places.recorded, "%s/recorded", places.top);
    (void)snprintf(places.images, sizeof places.images, "%s/images", places.top);
    for (; good && totals.images < most; seed++) {
        good = round_of(&JOURNAL_RUN, &places, seed, most, lying, &totals);
        good = good && round_of(&STATE_RUN, &places, seed, most, lying, &totals);
    }
    printf("%" PRIu64 " crash images checked, %" PRIu64 " of them distinct, %" PRIu64
           " with torn writes, %" PRIu64 " with writes missing, of %" PRIu64 " workloads: %s\n",
           totals.images, totals.distinct, totals.torn, totals.partly, totals.rounds,
           good ? "all good" : "FAILED");
    disk_root_remove(places.top);
    free(totals.seen);
    return good != lying ? 0 : 1;
}
