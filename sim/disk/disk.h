/* A disk for the simulator: deterministic, fast, and as unreliable as the caller wants it.
 *
 * The production store and the real LMDB run on it unchanged: a program that links sim_disk has the calls
 * that reach a disk (open, pwrite, fdatasync, rename …) led through this model by the linker. They reach the
 * model while a disk is current in the calling thread (disk_enter) and for files below its root; every other call
 * passes through untouched.
 *
 * LMDB reads through a memory map, so the files are real ones, below the root, best on a file system in
 * memory; a write reaches them at once. Beside them the model keeps every write that no sync has made
 * durable, with the bytes that it replaced. Real syncs are never carried out.
 *
 * What the model knows
 *
 *   write        is in the page cache at once: reads see it, and it survives the death of the process
 *   fsync        makes the writes and the length of that file durable; of a directory: the names in it
 *   O_DSYNC      (LMDB's meta page) makes that one write durable, and no other
 *   failed sync  what it should have made durable never becomes so by a later sync of the same process, unless it
 *                is written again; a process that comes after (disk_crash) may sync it
 *   power loss   any subset of the writes that are not durable is there, each whole, or absent, or torn at the
 *                borders of sectors of 512 bytes; names are lost from the newest back
 *   lock.mdb     LMDB's lock file means nothing after a restart and is not modelled
 *   capacity     each file takes its length, rounded up to pages; fallocate takes room but no memory
 *
 * A scope is a prefix of paths below the root: "p000/" is one partition, "" the whole disk. Faults are armed for a
 * scope; a call on a file counts for every armed scope that it lies in.
 *
 * All choices come from the seed and from the calls made so far, so that the same program on the same
 * seed sees the same disk. One thread uses a disk. Whoever opens a file with a disk current does every later call on
 * it, close included, with that disk current.
 */
#ifndef TELLER_SIM_DISK_DISK_H
#define TELLER_SIM_DISK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_SECTOR = 512, DISK_PAGE = 4096 };

struct disk;

/* `root` is a directory; files already there count as durable. It stays when the disk is destroyed. */
struct disk *disk_new(const char *root, uint64_t seed);
void disk_destroy(struct disk **self_p);

/* Makes a directory of a random name for a root on a file system in memory: below /dev/shm, else below
 * TMPDIR. `out` receives its path. */
bool disk_root_make(char *out, size_t capacity);
/* Removes a root and what a disk has set aside beside it (ROOT.aside). No disk stands on it any more. */
void disk_root_remove(const char *root);

/* Makes the disk current in this thread, until disk_leave. They do not nest. */
void disk_enter(struct disk *self);
void disk_leave(void);

/* ---- crashes ---------------------------------------------------------------------------------- */

enum disk_crash {
    DISK_KILLED, /* the process died: every write before the cut is there */
    DISK_POWER,  /* the machine died: what was not durable at the cut may be there in part */
};

/* Cuts the scope at its `nth` change from now (a write, sync, grow or name; 1: the next): before that call, in the middle of it, or after its
 * effect and before its answer, as the seed says. From then on calls on files of the scope still answer
 * as if nothing had happened, and are lost; treat the process as dead as soon as the store's call has
 * returned. A second call replaces the first; 0 disarms. */
void disk_cut_after(struct disk *self, const char *scope, uint64_t nth);

/* The cut has happened, and disk_crash has not been called yet. */
bool disk_is_cut(const struct disk *self, const char *scope);

/* The files of the scope, all of them closed, become what a crash at the cut leaves; at this moment, when there was no
 * cut. Cuts, faults and lies armed for the scope or for parts of it end. After DISK_KILLED, what was not durable is
 * still not durable; after DISK_POWER all that is there is. */
void disk_crash(struct disk *self, const char *scope, enum disk_crash kind);

/* ---- faults ----------------------------------------------------------------------------------- */

/* Kinds of calls, for masks. */
enum disk_call {
    DISK_WRITE = 1 << 0, /* write, pwrite, writev, pwritev */
    DISK_SYNC = 1 << 1,  /* fsync, fdatasync, and writes with O_DSYNC */
    DISK_GROW = 1 << 2,  /* fallocate, posix_fallocate, ftruncate */
    DISK_OPEN = 1 << 3,  /* open of a file or directory */
    DISK_READ = 1 << 4,  /* read, pread; not reads through a memory map */
    DISK_NAME = 1 << 5,  /* mkdir, rename, unlink, rmdir, remove */
    DISK_CALLS = 6
};

/* What a failing write, sync or grow does before it answers with the error. Others do nothing. */
enum disk_effect {
    DISK_NOTHING, /* none of it is done */
    DISK_PART, /* the seed says how much. A write answers with the bytes written when there are any; the next
                     write then fails */
    DISK_ALL,  /* all of it is done, and yet the call answers with the error */
};

enum { DISK_FOR_GOOD = 0 };

struct disk_fault {
    unsigned calls;          /* mask of enum disk_call */
    uint64_t nth;            /* the first call to fail, from now; 1: the next */
    uint64_t count;          /* how many fail in a row; DISK_FOR_GOOD: all after it */
    int code;                /* errno: EIO, ENOSPC, EINTR … */
    enum disk_effect effect; /* of a failing call */
};

/* Several faults may be armed at once. disk_repair ends those of the scope and of its parts, and lies. */
void disk_fail(struct disk *self, const char *scope, const struct disk_fault *fault);
void disk_repair(struct disk *self, const char *scope);

/* The next `count` syncs of the scope (DISK_FOR_GOOD: all) answer OK and make nothing durable; writes with O_DSYNC
 * count as syncs. */
void disk_lie(struct disk *self, const char *scope, uint64_t count);

/* Room for all files together; statvfs answers follow from it, and calls that need more fail with ENOSPC, after
 * writing what fits. 0: endless. */
void disk_capacity(struct disk *self, uint64_t bytes);
/* What all files take now. */
uint64_t disk_used_bytes(const struct disk *self);

/* ---- damage, to files that are closed --------------------------------------------------------- */

/* What was damaged, for the report of a run. `path` is below the root. */
struct disk_damage {
    char path[256];
    uint64_t page; /* number of the page in the file */
    uint32_t bit;  /* of the page, for disk_flip */
};

/* Flips one bit in a page of a file of the scope that has been written. false: there is none. */
bool disk_flip(struct disk *self, const char *scope, struct disk_damage *out);

/* A page goes back to what it held before one of the recent writes. false: no page has two contents. */
bool disk_stale(struct disk *self, const char *scope, struct disk_damage *out);

/* A file, or a directory with all below it, is gone for good. false: there is none. `path` is below the root. */
bool disk_lose(struct disk *self, const char *path);

/* ---- what happened ---------------------------------------------------------------------------- */

struct disk_counts {
    uint64_t writes, syncs, grows, opens, reads, names;
    uint64_t bytes_written;
    uint64_t failed[DISK_CALLS]; /* calls made to fail, by the bit number of their kind */
    uint64_t full;               /* calls that found no room */
    uint64_t lies, cuts, flips, stales, losses;
    uint64_t kills, power_losses;      /* crash images made */
    uint64_t writes_lost, writes_torn; /* by power losses */
};

const struct disk_counts *disk_counts(const struct disk *self);

/* A digest of every call so far, its place, length and outcome: equal for equal runs. Not of the bytes: LMDB leaves
 * addresses in parts of pages that it does not use. */
uint64_t disk_digest(const struct disk *self);

/* ---- every crash image of a recorded run ------------------------------------------------------ */

/* From here on every call that changes files is kept, until the disk is destroyed. Only at once after disk_new,
 * on an empty root. While it records there are no cuts and no power losses: a kill between two calls is all. */
void disk_record(struct disk *self);

/* A number that goes into the record between calls: what the program knows to be durable, e.g. commits that were
 * answered. */
void disk_record_note(struct disk *self, uint64_t note);

/* Crash images of a record, one after the other, in a directory of their own. At every call, before it, in the middle of
 * it and after it: all subsets of the writes that are not durable while they are few, seeded ones when they are
 * many, whole and torn.
 *
 *     struct disk_images *images = disk_images_new(recorded, directory, seed, 40);
 *     while (disk_images_next(images, &image)) {
 *         disk_enter(disk_images_disk(images));
 *         … open the files below `directory`, check, write, close …
 *         disk_leave();
 *     }
 *
 * What is done to an image with the images' disk current is undone by the next call. */
struct disk_image {
    uint64_t call;       /* how many recorded calls had begun */
    uint64_t note;       /* the last note before that */
    uint64_t hash;       /* of names, lengths and bytes: equal for equal images */
    unsigned undurable;  /* writes that were not durable */
    unsigned kept, torn; /* of those: there as a whole, torn */
};

struct disk_images;

/* `per_call`: the most images of one moment. `directory` is an empty directory; `recorded` outlives the images. */
struct disk_images *disk_images_new(const struct disk *recorded, const char *directory, uint64_t seed,
                                    unsigned per_call);
bool disk_images_next(struct disk_images *self, struct disk_image *out);
struct disk *disk_images_disk(struct disk_images *self);
void disk_images_destroy(struct disk_images **self_p);

#endif
