/* A workload that is recorded, and the test of an image of it. One for each kind of store.
 *
 * The note of an image is 0 until the store has been made. Then it tells how many changes (commits of a journal, applies
 * of a state store) had been answered as durable, and how often the store had been opened again after a failure: what
 * failed before that must not come back. */
#ifndef TELLER_TESTS_CRASH_IMAGES_RUN_H
#define TELLER_TESTS_CRASH_IMAGES_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/disk/disk.h"
#include "sim/random.h"

enum { RUN_PATH_BYTES = 512, RUN_CHANGES_MAX = 48, RUN_RESTARTS_MAX = 3 };

static inline uint64_t run_note(uint64_t restarts, uint64_t answered)
{
    return restarts << 32 | (answered + 1);
}

static inline uint64_t run_restarts(uint64_t note)
{
    return note >> 32;
}

static inline uint64_t run_answered(uint64_t note)
{
    uint64_t low = note & UINT32_MAX;
    return low > 0 ? low - 1 : 0;
}

struct run_kind {
    const char *name;
    /* Does a workload on a fresh disk, which is current and records. The seed chooses its shape, and the faults. */
    void *(*record)(struct disk *disk, const char *root, uint64_t seed);
    /* Opens an image, its disk is current, and checks it. NULL: it is as it must be; otherwise what is wrong. */
    const char *(*check)(void *run, const char *root, const struct disk_image *image);
    void (*destroy)(void *run);
};

extern const struct run_kind JOURNAL_RUN;
extern const struct run_kind STATE_RUN;

/* Arms what half of all runs suffer: a call that fails, or a disk that gets full. */
void run_arm_faults(struct disk *disk, struct sim_random *random);
/* Fills bytes that depend on the number only. */
void run_fill(uint64_t number, uint8_t *out, uint64_t length);

#endif
