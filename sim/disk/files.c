/* Files of the disk model: contents, and the log of what is not durable. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "sim/disk/model.h"

void *disk_grow_array(void *array, size_t *capacity, size_t count, size_t item)
{
    if (count < *capacity)
        return array;
    size_t more = *capacity > 0 ? *capacity * 2 : 16;
    while (more <= count)
        more *= 2;
    void *grown = realloc(array, more * item);
    CHECK(grown != NULL);
    *capacity = more;
    return grown;
}

/* ---- the real file ---------------------------------------------------------------------------- */

static void put(struct file *file, const uint8_t *bytes, uint64_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t written = __real_pwrite(file->fd, bytes, length, (off_t)offset);
        CHECK(written > 0);
        bytes += written;
        offset += (uint64_t)written;
        length -= (uint64_t)written;
    }
    if (offset > file->size)
        file->size = offset;
}

static void get(const struct file *file, uint8_t *out, uint64_t length, uint64_t offset)
{
    ssize_t got = length > 0 ? __real_pread(file->fd, out, length, (off_t)offset) : 0;
    CHECK(got == (ssize_t)length);
}

static void set_size(struct file *file, uint64_t size)
{
    if (size == file->size)
        return;
    CHECK(__real_ftruncate(file->fd, (off_t)size) == 0);
    file->size = size;
}

/* ---- the log ---------------------------------------------------------------------------------- */

void file_release(struct file *file)
{
    if (file->fd >= 0)
        (void)__real_close(file->fd);
    file->fd = -1;
    free(file->changes);
    free(file->bytes);
    free(file->past);
    file->changes = NULL;
    file->bytes = NULL;
    file->past = NULL;
    file->change_count = file->change_capacity = file->used = file->capacity = 0;
}

static uint8_t *room(struct file *file, uint64_t length, size_t *at)
{
    file->bytes = disk_grow_array(file->bytes, &file->capacity, file->used + length, 1);
    *at = file->used;
    file->used += length;
    return file->bytes + *at;
}

/* Notes a change that is about to happen, with the bytes it takes away. */
static struct change *note(struct file *file, uint64_t offset, uint64_t length, uint64_t new_size)
{
    struct change change = {.offset = offset, .length = length, .old_size = file->size, .new_size = new_size};
    uint64_t end = length > 0 ? offset + length : file->size;
    if (end > file->size)
        end = file->size;
    if (end > offset) {
        change.old_length = end - offset;
        get(file, room(file, change.old_length, &change.old_at), change.old_length, offset);
    }
    file->changes = disk_grow_array(file->changes, &file->change_capacity, file->change_count, sizeof change);
    file->changes[file->change_count] = change;
    return &file->changes[file->change_count++];
}

/* Nothing is kept of a log in which all is durable. */
static void trim(struct file *file)
{
    if (file->cut || file_undurable(file) > 0)
        return;
    file->change_count = 0;
    file->used = 0;
}

void file_write(struct file *file, const void *bytes, uint64_t length, uint64_t offset, bool durable)
{
    bool logged = !durable || file->cut || file->change_count > 0;
    if (length == 0)
        return;
    if (logged) {
        uint64_t end = offset + length;
        struct change *change = note(file, offset, length, end > file->size ? end : file->size);
        change->durable = durable;
        memcpy(room(file, length, &change->new_at), bytes, length);
    }
    put(file, bytes, length, offset);
}

void file_resize(struct file *file, uint64_t size)
{
    if (size == file->size)
        return;
    (void)note(file, size < file->size ? size : file->size, 0, size);
    set_size(file, size);
}

void file_sync(struct file *file)
{
    if (file->cut)
        return;
    for (size_t i = 0; i < file->change_count; i++)
        if (!file->changes[i].doomed)
            file->changes[i].durable = true;
    trim(file);
}

void file_sync_some(struct file *file, bool doom)
{
    if (file->cut)
        return;
    for (size_t i = 0; i < file->change_count; i++) {
        struct change *change = &file->changes[i];
        if (!change->doomed && change->fate == FATE_WHOLE)
            change->durable = true;
        else if (!change->durable && doom)
            change->doomed = true;
    }
    trim(file);
}

void file_forgive(struct file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        file->changes[i].doomed = false;
}

size_t file_undurable(const struct file *file)
{
    size_t count = 0;
    for (size_t i = 0; i < file->change_count; i++)
        count += !file->changes[i].durable;
    return count;
}

void file_cut(struct file *file)
{
    if (file->cut)
        return;
    file->cut = true;
    file->cut_count = file->change_count;
}

void file_truncate_log(struct file *file, size_t count)
{
    CHECK(count <= file->change_count);
    file->change_count = count;
    if (count == 0)
        file->used = 0;
}

void file_remember_page(struct file *file, uint64_t page)
{
    uint64_t offset = page * DISK_PAGE;
    if (offset + DISK_PAGE > file->size)
        return;
    if (file->past == NULL)
        file->past = calloc(PAST_PAGES, sizeof *file->past);
    CHECK(file->past != NULL);
    struct past_page *past = &file->past[file->past_next++ % PAST_PAGES];
    past->page = page;
    past->used = true;
    get(file, past->bytes, DISK_PAGE, offset);
}

/* ---- images ----------------------------------------------------------------------------------- */

void file_undo(struct file *file, size_t count)
{
    for (size_t i = file->change_count; i > count; i--) {
        const struct change *change = &file->changes[i - 1];
        set_size(file, change->old_size);
        put(file, file->bytes + change->old_at, change->old_length, change->offset);
    }
}

/* Which sectors of a torn write are there: up to a point, from a point on, all but some, or any. */
static bool keeps_sector(uint64_t tear, uint64_t sector, uint64_t sectors)
{
    uint64_t point = (tear >> 8) % (sectors + 1);
    struct sim_random chance = sim_random_of(tear ^ sector * UINT64_C(0x9E3779B97F4A7C15));
    switch (tear & 3) {
    case 0:
        return sector < point;
    case 1:
        return sector >= point;
    case 2:
        return sim_random_below(&chance, 8) != 0;
    default:
        return sim_random_below(&chance, 2) != 0;
    }
}

static void redo_torn(struct file *file, const struct change *change)
{
    if (change->length == 0)
        return;
    uint64_t first = change->offset / DISK_SECTOR;
    uint64_t end = change->offset + change->length;
    uint64_t sectors = (end - 1) / DISK_SECTOR + 1 - first;
    for (uint64_t i = 0; i < sectors; i++) {
        uint64_t from = (first + i) * DISK_SECTOR;
        uint64_t to = from + DISK_SECTOR;
        from = from < change->offset ? change->offset : from;
        to = to > end ? end : to;
        if (keeps_sector(change->tear, i, sectors))
            put(file, file->bytes + change->new_at + (from - change->offset), to - from, from);
    }
    /* The file may have its new length without the bytes. */
    if ((change->tear & 4) != 0 && change->new_size > file->size)
        set_size(file, change->new_size);
}

void file_redo(struct file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        enum fate fate = change->durable ? FATE_WHOLE : change->fate;
        if (fate == FATE_TORN)
            redo_torn(file, change);
        else if (fate == FATE_WHOLE && change->length == 0)
            set_size(file, change->new_size);
        else if (fate == FATE_WHOLE)
            put(file, file->bytes + change->new_at, change->length, change->offset);
    }
}

void disk_draw_fates(struct sim_random *random, struct file *file)
{
    /* All, none, or each by itself; a quarter of those torn. */
    uint64_t mood = sim_random_below(random, 8);
    for (size_t i = 0; i < file->change_count; i++) {
        struct change *change = &file->changes[i];
        change->tear = sim_random_next(random);
        if (mood == 0 || mood == 1)
            change->fate = mood == 0 ? FATE_ABSENT : FATE_WHOLE;
        else if (sim_random_below(random, 4) == 0)
            change->fate = FATE_TORN;
        else
            change->fate = sim_random_below(random, 2) == 0 ? FATE_ABSENT : FATE_WHOLE;
    }
}
