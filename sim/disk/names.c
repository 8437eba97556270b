/* Names of the disk model: making, renaming and removing files and directories so that each can be undone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "sim/disk/model.h"

static void aside_path(const struct disk *self, uint64_t number, char out[REAL_BYTES])
{
    (void)snprintf(out, REAL_BYTES, "%s/%llu", self->aside, (unsigned long long)number);
}

bool name_is_under(const char *path, const char *name)
{
    size_t length = strlen(name);
    return strncmp(path, name, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static void set_aside(struct disk *self, const char *path, uint64_t *number)
{
    char from[REAL_BYTES];
    char to[REAL_BYTES];
    *number = ++self->aside_count;
    disk_real_path(self, path, from);
    aside_path(self, *number, to);
    CHECK(__real_rename(from, to) == 0);
    for (size_t i = 0; i < self->file_count; i++)
        if (self->files[i]->aside == 0 && name_is_under(self->files[i]->path, path))
            self->files[i]->aside = *number;
}

static void fetch_back(struct disk *self, const char *path, uint64_t *number)
{
    char from[REAL_BYTES];
    char to[REAL_BYTES];
    aside_path(self, *number, from);
    disk_real_path(self, path, to);
    CHECK(__real_rename(from, to) == 0);
    for (size_t i = 0; i < self->file_count; i++)
        if (self->files[i]->aside == *number)
            self->files[i]->aside = 0;
    *number = 0;
}

static void move(struct disk *self, const char *from, const char *to)
{
    char real_from[REAL_BYTES];
    char real_to[REAL_BYTES];
    disk_real_path(self, from, real_from);
    disk_real_path(self, to, real_to);
    CHECK(__real_rename(real_from, real_to) == 0);
    size_t length = strlen(from);
    for (size_t i = 0; i < self->file_count; i++) {
        struct file *file = self->files[i];
        if (file->aside != 0 || !name_is_under(file->path, from))
            continue;
        char path[REAL_BYTES];
        (void)snprintf(path, sizeof path, "%s%s", to, file->path + length);
        CHECK(strlen(path) < PATH_BYTES);
        (void)memcpy(file->path, path, strlen(path) + 1);
    }
}

static struct name_change *note(struct disk *self, enum name_kind kind, const char *path, const char *to)
{
    struct names *names = &self->names;
    names->changes = disk_grow_array(names->changes, &names->capacity, names->count, sizeof *names->changes);
    struct name_change *change = &names->changes[names->count++];
    *change = (struct name_change){.kind = kind, .after_cut = disk_is_path_cut(self, path)};
    (void)snprintf(change->path, sizeof change->path, "%s", path);
    (void)snprintf(change->to, sizeof change->to, "%s", to);
    return change;
}

/* ---- doing ------------------------------------------------------------------------------------ */

int names_create(struct disk *self, const char *path, int flags, unsigned mode, int *fd)
{
    char real[REAL_BYTES];
    disk_real_path(self, path, real);
    *fd = __real_open(real, flags, mode);
    if (*fd < 0)
        return errno;
    (void)disk_add_file(self, path, 0);
    (void)note(self, NAME_CREATE, path, "");
    record_name(self, RECORD_CREATE, path, "");
    return 0;
}

int names_mkdir(struct disk *self, const char *path, unsigned mode)
{
    char real[REAL_BYTES];
    disk_real_path(self, path, real);
    if (__real_mkdir(real, mode) != 0)
        return errno;
    (void)note(self, NAME_MKDIR, path, "");
    record_name(self, RECORD_MKDIR, path, "");
    return 0;
}

static int kind_of(struct disk *self, const char *path, mode_t *kind)
{
    char real[REAL_BYTES];
    struct stat status;
    disk_real_path(self, path, real);
    if (lstat(real, &status) != 0)
        return errno;
    *kind = status.st_mode & S_IFMT;
    return 0;
}

int names_rename(struct disk *self, const char *from, const char *to)
{
    mode_t kind = 0;
    mode_t target = 0;
    int failed = kind_of(self, from, &kind);
    if (failed != 0)
        return failed;
    bool replaces = kind_of(self, to, &target) == 0;
    if (replaces && (S_ISDIR(kind) || S_ISDIR(target)))
        return S_ISDIR(target) ? EISDIR : ENOTDIR;
    struct name_change *change = note(self, NAME_RENAME, from, to);
    if (replaces)
        set_aside(self, to, &change->aside);
    move(self, from, to);
    record_name(self, RECORD_RENAME, from, to);
    return 0;
}

int names_unlink(struct disk *self, const char *path)
{
    mode_t kind = 0;
    int failed = kind_of(self, path, &kind);
    if (failed != 0 || S_ISDIR(kind))
        return failed != 0 ? failed : EISDIR;
    set_aside(self, path, &note(self, NAME_UNLINK, path, "")->aside);
    record_name(self, RECORD_UNLINK, path, "");
    return 0;
}

int names_rmdir(struct disk *self, const char *path)
{
    char real[REAL_BYTES];
    mode_t kind = 0;
    int failed = kind_of(self, path, &kind);
    if (failed != 0 || !S_ISDIR(kind))
        return failed != 0 ? failed : ENOTDIR;
    disk_real_path(self, path, real);
    if (__real_rmdir(real) != 0)
        return errno;
    CHECK(__real_mkdir(real, 0700) == 0);
    set_aside(self, path, &note(self, NAME_RMDIR, path, "")->aside);
    record_name(self, RECORD_RMDIR, path, "");
    return 0;
}

/* ---- forgetting ------------------------------------------------------------------------------- */

/* What lies aside goes for good; files without a name give up their descriptors. */
static void forget(struct disk *self, struct name_change *change)
{
    if (change->aside == 0)
        return;
    char path[REAL_BYTES];
    aside_path(self, change->aside, path);
    remove_tree(path);
    for (size_t i = 0; i < self->file_count; i++) {
        struct stat status;
        struct file *file = self->files[i];
        if (file->fd >= 0 && file->aside != 0 && __real_fstat(file->fd, &status) == 0 && status.st_nlink == 0)
            file_release(file);
    }
}

static void remove_change(struct names *names, size_t i)
{
    names->count--;
    memmove(&names->changes[i], &names->changes[i + 1], (names->count - i) * sizeof *names->changes);
}

static bool is_in(const char *path, const char *directory)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    return strlen(directory) == length && strncmp(path, directory, length) == 0;
}

void names_sync(struct disk *self, const char *directory)
{
    record_name(self, RECORD_SYNC_NAMES, directory, "");
    for (size_t i = 0; i < self->names.count;) {
        struct name_change *change = &self->names.changes[i];
        const char *path = change->kind == NAME_RENAME ? change->to : change->path;
        if (change->after_cut || disk_is_path_cut(self, path) || !is_in(path, directory)) {
            i++;
            continue;
        }
        forget(self, change);
        remove_change(&self->names, i);
    }
}

/* ---- undoing ---------------------------------------------------------------------------------- */

void names_undo(struct disk *self, struct name_change *change)
{
    switch (change->kind) {
    case NAME_CREATE:
    case NAME_MKDIR:
        set_aside(self, change->path, &change->aside);
        return;
    case NAME_RENAME:
        move(self, change->to, change->path);
        if (change->aside != 0)
            fetch_back(self, change->to, &change->aside);
        return;
    case NAME_UNLINK:
    case NAME_RMDIR:
        fetch_back(self, change->path, &change->aside);
        return;
    }
}

void names_redo(struct disk *self, struct name_change *change)
{
    mode_t kind = 0;
    switch (change->kind) {
    case NAME_CREATE:
    case NAME_MKDIR:
        fetch_back(self, change->path, &change->aside);
        return;
    case NAME_RENAME:
        if (kind_of(self, change->to, &kind) == 0)
            set_aside(self, change->to, &change->aside);
        move(self, change->path, change->to);
        return;
    case NAME_UNLINK:
    case NAME_RMDIR:
        set_aside(self, change->path, &change->aside);
        return;
    }
}

static bool concerns(const struct name_change *change, const char *scope)
{
    return scope_holds(scope, change->path);
}

void names_drop_after_cut(struct disk *self, const char *scope)
{
    for (size_t i = self->names.count; i > 0; i--) {
        struct name_change *change = &self->names.changes[i - 1];
        if (!change->after_cut || !concerns(change, scope))
            continue;
        names_undo(self, change);
        forget(self, change);
        remove_change(&self->names, i - 1);
    }
}

void names_settle(struct disk *self, const char *scope)
{
    for (size_t i = self->names.count; i > 0; i--) {
        struct name_change *change = &self->names.changes[i - 1];
        if (!concerns(change, scope))
            continue;
        if (change->lost)
            names_undo(self, change);
        forget(self, change);
        remove_change(&self->names, i - 1);
    }
}

/* A file system keeps the order of names, so the newest go first. A directory that is lost takes with it what it
 * holds. */
void names_draw_lost(struct disk *self, struct sim_random *random, const char *scope)
{
    bool losing = true;
    uint64_t keep_one_in = 1 + sim_random_below(random, 4);
    for (size_t i = self->names.count; i > 0; i--) {
        struct name_change *change = &self->names.changes[i - 1];
        if (!concerns(change, scope))
            continue;
        losing = losing && sim_random_below(random, 8) >= keep_one_in;
        change->lost = losing;
    }
}

void names_forget(struct disk *self, const char *path)
{
    for (size_t i = self->names.count; i > 0; i--) {
        struct name_change *change = &self->names.changes[i - 1];
        if (!name_is_under(change->path, path) && !name_is_under(change->to, path))
            continue;
        forget(self, change);
        remove_change(&self->names, i - 1);
    }
}
