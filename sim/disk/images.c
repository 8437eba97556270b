/* The record of a run, and every crash image that it allows.
 *
 * The images have a disk of their own, on which the recorded calls are done again one by one. At each moment (before
 * a call, and in the middle of a write with O_DSYNC) that disk's own logs say what is not durable. An image is
 * made by undoing the logs and doing part of them again; the disk is cut, so that what the checker writes goes
 * into the logs behind the cut; then all of that is undone, and the next image is made in the same files. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "actors/base/check.h"
#include "sim/disk/model.h"

struct record_entry {
    enum record_kind kind;
    unsigned file;
    bool durable;
    uint64_t offset; /* of a write; the length of a resize; the number of a note */
    uint64_t length;
    size_t at; /* in the bytes: of a write; the two names */
};

struct record {
    struct record_entry *entries;
    size_t count, capacity;
    uint8_t *bytes;
    size_t used, bytes_capacity;
};

/* ---- recording -------------------------------------------------------------------------------- */

void disk_record(struct disk *self)
{
    CHECK(self->record == NULL && self->file_count == 0);
    self->record = calloc(1, sizeof *self->record);
    CHECK(self->record != NULL);
}

void record_destroy(struct record **self_p)
{
    if (*self_p == NULL)
        return;
    free((*self_p)->entries);
    free((*self_p)->bytes);
    free(*self_p);
    *self_p = NULL;
}

static size_t keep(struct record *record, const void *bytes, size_t length)
{
    size_t at = record->used;
    record->bytes = disk_grow_array(record->bytes, &record->bytes_capacity, at + length, 1);
    if (length > 0)
        memcpy(record->bytes + at, bytes, length);
    record->used += length;
    return at;
}

static void add(struct record *record, struct record_entry entry)
{
    record->entries =
        disk_grow_array(record->entries, &record->capacity, record->count, sizeof *record->entries);
    record->entries[record->count++] = entry;
}

void record_file(struct disk *self, enum record_kind kind, const struct file *file, uint64_t offset,
                 const void *bytes, uint64_t length, bool durable)
{
    if (self->record == NULL || (kind == RECORD_WRITE && length == 0))
        return;
    add(self->record, (struct record_entry){.kind = kind,
                                            .file = file->number,
                                            .durable = durable,
                                            .offset = offset,
                                            .length = length,
                                            .at = keep(self->record, bytes, length)});
}

void record_name(struct disk *self, enum record_kind kind, const char *path, const char *to)
{
    if (self->record == NULL)
        return;
    size_t at = keep(self->record, path, strlen(path) + 1);
    (void)keep(self->record, to, strlen(to) + 1);
    add(self->record, (struct record_entry){.kind = kind, .at = at});
}

void disk_record_note(struct disk *self, uint64_t note)
{
    CHECK(self->record != NULL);
    add(self->record, (struct record_entry){.kind = RECORD_NOTE, .offset = note});
}

/* ---- hashes of images ------------------------------------------------------------------------- */

/* The sum of a number for each page that is not zero: it can be kept up as pages change. */
struct pages {
    uint64_t *parts;
    size_t count;
    uint64_t sum;
};

enum { FEW_UNDURABLE = 4 };

struct disk_images {
    const struct record *record;
    struct disk *disk;
    struct sim_random random;
    unsigned per_call;
    size_t next; /* the entry before which the moment is */
    bool half;   /* the moment is in the middle of that entry */
    bool begun;  /* images of this moment are being made */
    bool out;    /* an image is out */
    bool over;
    uint64_t note, calls;
    unsigned tries, made;
    uint64_t *made_hashes;
    size_t file_count; /* before the checker made some */
    struct pages *pages;
    size_t pages_count;
};

static struct pages *pages_of(struct disk_images *self, const struct file *file)
{
    while (self->pages_count <= file->number) {
        struct pages *grown = realloc(self->pages, (self->pages_count + 1) * sizeof *grown);
        CHECK(grown != NULL);
        self->pages = grown;
        self->pages[self->pages_count++] = (struct pages){0};
    }
    return &self->pages[file->number];
}

static uint64_t part(const struct file *file, uint64_t page)
{
    static const uint8_t zeros[DISK_PAGE];
    uint8_t bytes[DISK_PAGE] = {0};
    ssize_t got = __real_pread(file->fd, bytes, sizeof bytes, (off_t)(page * DISK_PAGE));
    if (got <= 0 || memcmp(bytes, zeros, sizeof bytes) == 0)
        return 0;
    return XXH3_64bits_withSeed(bytes, sizeof bytes, page * UINT64_C(0x9E3779B97F4A7C15) + file->number);
}

static void hash_range(struct disk_images *self, const struct file *file, uint64_t offset, uint64_t length)
{
    struct pages *pages = pages_of(self, file);
    uint64_t end = (offset + length + DISK_PAGE - 1) / DISK_PAGE;
    if (end > pages->count) {
        uint64_t *grown = realloc(pages->parts, end * sizeof *grown);
        CHECK(grown != NULL);
        memset(grown + pages->count, 0, (end - pages->count) * sizeof *grown);
        pages->parts = grown;
        pages->count = end;
    }
    for (uint64_t page = offset / DISK_PAGE; page < end; page++) {
        uint64_t now = part(file, page);
        pages->sum += now - pages->parts[page];
        pages->parts[page] = now;
    }
}

static void hash_changes(struct disk_images *self, const struct file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        if (change->length > 0)
            hash_range(self, file, change->offset, change->length);
        else if (change->new_size < change->old_size)
            hash_range(self, file, change->new_size, change->old_size - change->new_size);
    }
}

static uint64_t image_hash(struct disk_images *self)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < self->disk->file_count; i++) {
        const struct file *file = self->disk->files[i];
        if (file->fd < 0 || file->aside != 0)
            continue;
        uint64_t all[3] = {XXH3_64bits(file->path, strlen(file->path)), file->size,
                           pages_of(self, file)->sum};
        hash ^= XXH3_64bits(all, sizeof all);
    }
    return hash;
}

/* ---- doing recorded calls again --------------------------------------------------------------- */

static struct file *file_of(struct disk_images *self, const struct record_entry *entry)
{
    CHECK(entry->file < self->disk->file_count);
    return self->disk->files[entry->file];
}

/* In the middle of a write with O_DSYNC it is not durable yet. */
static void do_write(struct disk_images *self, const struct record_entry *entry)
{
    struct file *file = file_of(self, entry);
    file_write(file, self->record->bytes + entry->at, entry->length, entry->offset, false);
    hash_range(self, file, entry->offset, entry->length);
}

static void do_failed_sync(struct file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        file->changes[i].fate = FATE_ABSENT;
    file_sync_some(file, true);
}

static int do_create(struct disk *disk, const char *path)
{
    int fd = -1;
    int failed = names_create(disk, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600, &fd);
    return failed == 0 ? __real_close(fd) : failed;
}

static void do_entry(struct disk_images *self, const struct record_entry *entry)
{
    struct disk *disk = self->disk;
    const char *path = (const char *)self->record->bytes + entry->at;
    switch (entry->kind) {
    case RECORD_WRITE:
        do_write(self, entry);
        return;
    case RECORD_RESIZE:
        file_resize(file_of(self, entry), entry->offset);
        return;
    case RECORD_SYNC:
        file_sync(file_of(self, entry));
        return;
    case RECORD_SYNC_FAILED:
        do_failed_sync(file_of(self, entry));
        return;
    case RECORD_CREATE:
        CHECK(do_create(disk, path) == 0);
        return;
    case RECORD_MKDIR:
        CHECK(names_mkdir(disk, path, 0700) == 0);
        return;
    case RECORD_RENAME:
        CHECK(names_rename(disk, path, path + strlen(path) + 1) == 0);
        return;
    case RECORD_UNLINK:
        CHECK(names_unlink(disk, path) == 0);
        return;
    case RECORD_RMDIR:
        CHECK(names_rmdir(disk, path) == 0);
        return;
    case RECORD_SYNC_NAMES:
        names_sync(disk, path);
        return;
    case RECORD_RESTART:
        for (size_t i = 0; i < disk->file_count; i++)
            if (scope_holds(path, disk->files[i]->path))
                file_forgive(disk->files[i]);
        return;
    case RECORD_NOTE:
        self->note = entry->offset;
        return;
    }
}

/* The last change, that of a write with O_DSYNC, is durable now. */
static void finish_half(struct file *file)
{
    CHECK(file->change_count > 0);
    file->changes[file->change_count - 1].durable = true;
    for (size_t i = 0; i + 1 < file->change_count; i++)
        file->changes[i].fate = FATE_ABSENT;
    file->changes[file->change_count - 1].fate = FATE_WHOLE;
    file_sync_some(file, false);
}

/* To the next moment. */
static void step(struct disk_images *self)
{
    const struct record *record = self->record;
    if (self->half) {
        finish_half(self->disk->files[record->entries[self->next].file]);
        self->half = false;
        self->next++;
    } else if (self->next < record->count) {
        const struct record_entry *entry = &record->entries[self->next];
        self->calls++;
        do_entry(self, entry);
        self->half = entry->kind == RECORD_WRITE && entry->durable;
        self->next += !self->half;
    } else {
        self->over = true;
    }
    while (!self->half && self->next < record->count && record->entries[self->next].kind == RECORD_NOTE)
        do_entry(self, &record->entries[self->next++]);
    self->begun = false;
}

/* ---- making images ---------------------------------------------------------------------------- */

/* Gives every change that is not durable a fate. false: there is nothing more to try at this moment. */
static bool choose(struct disk_images *self, unsigned undurable, bool tearable)
{
    unsigned number = self->tries++;
    struct disk *disk = self->disk;
    bool few = undurable <= FEW_UNDURABLE;
    unsigned subsets = few ? 1U << undurable : 2;
    unsigned bit = 0;
    if (number >= subsets && few && !tearable)
        return false;
    for (size_t i = 0; i < disk->names.count; i++)
        disk->names.changes[i].lost = false;
    if (number >= subsets)
        names_draw_lost(disk, &self->random, "");
    for (size_t i = 0; i < disk->file_count; i++) {
        struct file *file = disk->files[i];
        if (number >= subsets)
            disk_draw_fates(&self->random, file);
        for (size_t j = 0; j < file->change_count && number < subsets; j++)
            if (!file->changes[j].durable) {
                bool whole = few ? (number >> bit & 1) != 0 : number == 1;
                file->changes[j].fate = whole ? FATE_WHOLE : FATE_ABSENT;
                bit++;
            }
    }
    return true;
}

static void compose(struct disk_images *self)
{
    struct disk *disk = self->disk;
    for (size_t i = 0; i < disk->file_count; i++) {
        struct file *file = disk->files[i];
        if (file->fd < 0 || file->change_count == 0)
            continue;
        file_undo(file, 0);
        file_redo(file);
        hash_changes(self, file);
    }
}

/* All that was done, as the page cache has it. */
static void compose_whole(struct disk_images *self)
{
    for (size_t i = 0; i < self->disk->file_count; i++)
        for (size_t j = 0; j < self->disk->files[i]->change_count; j++)
            self->disk->files[i]->changes[j].fate = FATE_WHOLE;
    compose(self);
}

static void lose_names(struct disk *disk)
{
    for (size_t i = disk->names.count; i > 0; i--)
        if (disk->names.changes[i - 1].lost)
            names_undo(disk, &disk->names.changes[i - 1]);
}

static void find_names(struct disk *disk)
{
    for (size_t i = 0; i < disk->names.count; i++)
        if (disk->names.changes[i].lost) {
            names_redo(disk, &disk->names.changes[i]);
            disk->names.changes[i].lost = false;
        }
}

/* Undoes what the checker did. */
static void take_back(struct disk_images *self)
{
    struct disk *disk = self->disk;
    CHECK(disk_current() != disk);
    names_drop_after_cut(disk, "");
    while (disk->file_count > self->file_count) {
        file_release(disk->files[--disk->file_count]);
        free(disk->files[disk->file_count]);
    }
    for (size_t i = 0; i < disk->file_count; i++) {
        struct file *file = disk->files[i];
        file_undo(file, file->cut_count);
        file_truncate_log(file, file->cut_count);
        file->cut = false;
    }
    disk->cut_count = 0;
    find_names(disk);
    self->out = false;
}

static void count(const struct disk *disk, struct disk_image *out, bool *tearable)
{
    *tearable = disk->names.count > 0;
    for (size_t i = 0; i < disk->file_count; i++)
        for (size_t j = 0; j < disk->files[i]->change_count; j++) {
            const struct change *change = &disk->files[i]->changes[j];
            if (change->durable)
                continue;
            out->undurable++;
            out->kept += change->fate == FATE_WHOLE;
            out->torn += change->fate == FATE_TORN;
            *tearable = *tearable || change->length > DISK_SECTOR;
        }
}

static bool is_new(struct disk_images *self, uint64_t hash)
{
    for (unsigned i = 0; i < self->made; i++)
        if (self->made_hashes[i] == hash)
            return false;
    self->made_hashes[self->made++] = hash;
    return true;
}

/* One more image of this moment; false: no more. */
static bool make(struct disk_images *self, struct disk_image *out)
{
    while (self->made < self->per_call && self->tries < self->per_call * 2) {
        bool tearable = false;
        struct disk_image found = {.call = self->calls, .note = self->note};
        count(self->disk, &found, &tearable);
        if (!choose(self, found.undurable, tearable))
            return false;
        compose(self);
        lose_names(self->disk);
        found.hash = image_hash(self);
        if (!is_new(self, found.hash)) {
            find_names(self->disk);
            continue;
        }
        found.undurable = found.kept = found.torn = 0;
        count(self->disk, &found, &tearable);
        *out = found;
        self->out = true;
        self->file_count = self->disk->file_count;
        disk_cut_now(self->disk, "");
        return true;
    }
    return false;
}

bool disk_images_next(struct disk_images *self, struct disk_image *out)
{
    if (self->out)
        take_back(self);
    while (!self->over) {
        if (!self->begun) {
            self->begun = true;
            self->tries = self->made = 0;
        }
        if (make(self, out))
            return true;
        compose_whole(self);
        step(self);
    }
    return false;
}

struct disk *disk_images_disk(struct disk_images *self)
{
    return self->disk;
}

struct disk_images *disk_images_new(const struct disk *recorded, const char *directory, uint64_t seed,
                                    unsigned per_call)
{
    struct disk_images *self = calloc(1, sizeof *self);
    CHECK(self != NULL && recorded->record != NULL && per_call > 0);
    self->record = recorded->record;
    self->disk = disk_new(directory, seed);
    self->random = sim_random_split(seed, "images");
    self->per_call = per_call;
    self->made_hashes = calloc(per_call, sizeof *self->made_hashes);
    CHECK(self->made_hashes != NULL);
    while (self->next < self->record->count && self->record->entries[self->next].kind == RECORD_NOTE)
        do_entry(self, &self->record->entries[self->next++]);
    return self;
}

void disk_images_destroy(struct disk_images **self_p)
{
    struct disk_images *self = *self_p;
    if (self == NULL)
        return;
    if (self->out)
        take_back(self);
    for (size_t i = 0; i < self->pages_count; i++)
        free(self->pages[i].parts);
    disk_destroy(&self->disk);
    free(self->pages);
    free(self->made_hashes);
    free(self);
    *self_p = NULL;
}
