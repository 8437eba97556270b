/* The calls of the program that the linker leads here (--wrap in CMakeLists.txt). A call that has nothing to do with
 * the current disk goes on to the system as it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "sim/disk/model.h"

static _Thread_local struct disk *current;

struct disk *disk_current(void)
{
    return current;
}

void disk_enter(struct disk *self)
{
    CHECK(current == NULL && self != NULL);
    current = self;
}

void disk_leave(void)
{
    CHECK(current != NULL);
    current = NULL;
}

/* ---- descriptors ------------------------------------------------------------------------------ */

/* A descriptor of the disk; NULL: not one, or its file is gone for good. */
static struct handle *handle_of(int fd)
{
    if (current == NULL || fd < 0 || fd >= current->handle_count)
        return NULL;
    struct handle *handle = &current->handles[fd];
    return handle->is_directory || (handle->file != NULL && handle->file->fd >= 0) ? handle : NULL;
}

static struct handle *file_of(int fd)
{
    struct handle *handle = handle_of(fd);
    return handle != NULL && !handle->is_directory ? handle : NULL;
}

static struct handle *make_handle(int fd)
{
    if (fd >= current->handle_count) {
        int count = fd + 64;
        struct handle *grown = realloc(current->handles, (size_t)count * sizeof *grown);
        CHECK(grown != NULL);
        memset(grown + current->handle_count, 0, (size_t)(count - current->handle_count) * sizeof *grown);
        current->handles = grown;
        current->handle_count = count;
    }
    current->handles[fd] = (struct handle){0};
    return &current->handles[fd];
}

/* Below the current disk's root, and no lock file of LMDB's. */
static const char *below(const char *path)
{
    const char *rest = current != NULL ? disk_below(current, path) : NULL;
    const char *name = rest != NULL ? strrchr(rest, '/') : NULL;
    name = name != NULL ? name + 1 : rest;
    return rest != NULL && strcmp(name, "lock.mdb") == 0 ? NULL : rest;
}

static int fail_with(int code)
{
    errno = code;
    return -1;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static int open_file(const char *path, const char *rest, int flags, unsigned mode)
{
    struct file *file = disk_find(current, rest);
    bool creates = file == NULL && (flags & O_CREAT) != 0;
    struct verdict verdict = disk_judge(current, rest, DISK_OPEN | (creates ? DISK_NAME : 0U));
    if (verdict.cut == CUT_BEFORE || verdict.cut == CUT_DURING)
        disk_cut_now(current, verdict.cut_scope);
    if (verdict.fails)
        return fail_with(verdict.code);
    int fd = -1;
    int failed = 0;
    if (creates)
        failed = names_create(current, rest, flags & ~O_TRUNC, mode, &fd);
    else if ((fd = __real_open(path, flags & ~O_TRUNC, mode)) < 0)
        failed = errno;
    if (verdict.cut == CUT_AFTER)
        disk_cut_now(current, verdict.cut_scope);
    if (failed != 0)
        return fail_with(failed);
    file = disk_find(current, rest);
    if (file != NULL && (flags & O_TRUNC) != 0 && file->size > 0) {
        file_resize(file, 0);
        record_file(current, RECORD_RESIZE, file, 0, NULL, 0, false);
    }
    struct handle *handle = make_handle(fd);
    handle->file = file;
    handle->dsync = (flags & O_DSYNC) != 0;
    handle->append = (flags & O_APPEND) != 0;
    return fd;
}

static int open_directory(const char *path, const char *rest, int flags)
{
    struct verdict verdict = disk_judge(current, rest, DISK_OPEN);
    if (verdict.fails)
        return fail_with(verdict.code);
    int fd = __real_open(path, flags);
    if (fd < 0)
        return -1;
    struct handle *handle = make_handle(fd);
    handle->is_directory = true;
    (void)snprintf(handle->path, sizeof handle->path, "%s", rest);
    size_t length = strlen(handle->path);
    if (length > 0 && handle->path[length - 1] == '/')
        handle->path[length - 1] = '\0';
    return fd;
}

static int open_any(const char *path, int flags, unsigned mode)
{
    const char *rest = below(path);
    if (rest == NULL) {
        int fd = __real_open(path, flags, mode);
        if (current != NULL && fd >= 0 && fd < current->handle_count)
            current->handles[fd] = (struct handle){0};
        return fd;
    }
    int fd =
        (flags & O_DIRECTORY) != 0 ? open_directory(path, rest, flags) : open_file(path, rest, flags, mode);
    int code = errno;
    disk_note_call(current, DISK_OPEN, rest, (uint64_t)flags, fd < 0 ? (uint64_t)code : 0, NULL, 0);
    errno = code;
    return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(rest, unsigned) : 0;
    va_end(rest);
    return open_any(path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(rest, unsigned) : 0;
    va_end(rest);
    return open_any(path, flags, mode);
}

int __wrap___open_2(const char *path, int flags)
{
    return open_any(path, flags, 0);
}

int __wrap___open64_2(const char *path, int flags)
{
    return open_any(path, flags, 0);
}

int __wrap_close(int fd)
{
    if (current != NULL && fd >= 0 && fd < current->handle_count)
        current->handles[fd] = (struct handle){0};
    return __real_close(fd);
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* How much of a write gets done when only a part does: whole sectors, not all of them; 0: it has one only. */
static uint64_t part_of(uint64_t length)
{
    uint64_t sectors = (length + DISK_SECTOR - 1) / DISK_SECTOR;
    return sectors < 2 ? 0 : (1 + sim_random_below(&current->random, sectors - 1)) * DISK_SECTOR;
}

/* How much of a write there is room for. */
static uint64_t room_for(const struct file *file, uint64_t offset, uint64_t length)
{
    uint64_t paged = (file->size + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE;
    uint64_t most =
        offset + length <= paged ? UINT64_MAX : paged + disk_free_bytes(current) / DISK_PAGE * DISK_PAGE;
    if (offset + length <= most)
        return length;
    return most > offset ? most - offset : 0;
}

static void write_cut(struct file *file, const uint8_t *bytes, uint64_t length, uint64_t offset, bool durable,
                      const struct verdict *verdict)
{
    if (verdict->cut == CUT_DURING) {
        uint64_t part = part_of(length);
        /* One sector is not torn; one with O_DSYNC may be written and not yet durable. */
        file_write(file, bytes, part == 0 && durable ? length : part, offset, false);
    }
    if (verdict->cut == CUT_BEFORE || verdict->cut == CUT_DURING)
        disk_cut_now(current, verdict->cut_scope);
    file_write(file, bytes, length, offset, durable);
    record_file(current, RECORD_WRITE, file, offset, bytes, length, durable);
    if (verdict->cut == CUT_AFTER)
        disk_cut_now(current, verdict->cut_scope);
}

static void remember(struct file *file, uint64_t offset, uint64_t length)
{
    uint64_t pages = (length + DISK_PAGE - 1) / DISK_PAGE;
    if (sim_random_below(&current->random, 4) == 0)
        file_remember_page(file, offset / DISK_PAGE + sim_random_below(&current->random, pages));
}

static ssize_t write_file(struct handle *handle, const uint8_t *bytes, uint64_t length, uint64_t offset)
{
    struct file *file = handle->file;
    struct verdict verdict = disk_judge(current, file->path, DISK_WRITE | (handle->dsync ? DISK_SYNC : 0U));
    bool durable = handle->dsync && !verdict.lies;
    uint64_t done = length;
    int code = verdict.fails ? verdict.code : 0;
    if (verdict.fails && verdict.effect == DISK_NOTHING) {
        done = 0;
    } else if (verdict.fails && verdict.effect == DISK_PART) {
        uint64_t part = part_of(length);
        code = part > 0 ? 0 : code;
        done = part > 0 || !handle->dsync ? part : length;
        durable = false;
    }
    uint64_t room = room_for(file, offset, length);
    if (done > room) {
        done = room;
        current->counts.full++;
        code = room == 0 ? ENOSPC : code;
    }
    if (done > 0)
        remember(file, offset, done);
    write_cut(file, bytes, done, offset, durable, &verdict);
    disk_note_call(current, DISK_WRITE, file->path, offset, (uint64_t)code << 32 | done, bytes, length);
    return code != 0 ? fail_with(code) : (ssize_t)done;
}

static uint64_t position_of(const struct handle *handle, int fd)
{
    return handle->append ? handle->file->size : (uint64_t)lseek(fd, 0, SEEK_CUR);
}

static ssize_t write_on(struct handle *handle, int fd, const uint8_t *bytes, uint64_t length)
{
    uint64_t offset = position_of(handle, fd);
    ssize_t done = write_file(handle, bytes, length, offset);
    if (done > 0)
        (void)lseek(fd, (off_t)offset + done, SEEK_SET);
    return done;
}

static size_t gather(const struct iovec *parts, int count)
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    current->gathered = disk_grow_array(current->gathered, &current->gathered_capacity, length, 1);
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        memcpy(current->gathered + at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    return length;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    struct handle *handle = file_of(fd);
    return handle == NULL ? __real_write(fd, bytes, length) : write_on(handle, fd, bytes, length);
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    struct handle *handle = file_of(fd);
    if (handle == NULL)
        return __real_writev(fd, parts, count);
    size_t length = gather(parts, count);
    return write_on(handle, fd, current->gathered, length);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    struct handle *handle = file_of(fd);
    return handle == NULL ? __real_pwrite(fd, bytes, length, offset)
                          : write_file(handle, bytes, length, (uint64_t)offset);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t length, off_t offset)
{
    return __wrap_pwrite(fd, bytes, length, offset);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct handle *handle = file_of(fd);
    if (handle == NULL)
        return __real_pwritev(fd, parts, count, offset);
    size_t length = gather(parts, count);
    return write_file(handle, current->gathered, length, (uint64_t)offset);
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
    return __wrap_pwritev(fd, parts, count, offset);
}

/* ---- growing ---------------------------------------------------------------------------------- */

/* 0, or errno. */
static int resize_file(struct file *file, uint64_t size)
{
    struct verdict verdict = disk_judge(current, file->path, DISK_GROW);
    int code = verdict.fails ? verdict.code : 0;
    uint64_t to = size;
    if (verdict.fails && verdict.effect == DISK_NOTHING)
        to = file->size;
    else if (verdict.fails && verdict.effect == DISK_PART)
        to = (file->size + size) / 2;
    if (room_for(file, 0, to) < to) {
        to = file->size;
        code = code != 0 ? code : ENOSPC;
        current->counts.full++;
    }
    if (verdict.cut == CUT_BEFORE || verdict.cut == CUT_DURING)
        disk_cut_now(current, verdict.cut_scope);
    file_resize(file, to);
    record_file(current, RECORD_RESIZE, file, to, NULL, 0, false);
    if (verdict.cut == CUT_AFTER)
        disk_cut_now(current, verdict.cut_scope);
    disk_note_call(current, DISK_GROW, file->path, size, (uint64_t)code, NULL, 0);
    return code;
}

static int grow_file(struct file *file, uint64_t end)
{
    return resize_file(file, end > file->size ? end : file->size);
}

int __wrap_ftruncate(int fd, off_t length)
{
    struct handle *handle = file_of(fd);
    if (handle == NULL)
        return __real_ftruncate(fd, length);
    int code = resize_file(handle->file, (uint64_t)length);
    return code == 0 ? 0 : fail_with(code);
}

int __wrap_ftruncate64(int fd, off_t length)
{
    return __wrap_ftruncate(fd, length);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
    struct handle *handle = file_of(fd);
    if (handle == NULL)
        return __real_fallocate(fd, mode, offset, length);
    if (mode != 0)
        return fail_with(EOPNOTSUPP);
    int code = grow_file(handle->file, (uint64_t)offset + (uint64_t)length);
    return code == 0 ? 0 : fail_with(code);
}

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t length)
{
    return __wrap_fallocate(fd, mode, offset, length);
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t length)
{
    struct handle *handle = file_of(fd);
    if (handle == NULL)
        return __real_posix_fallocate(fd, offset, length);
    return grow_file(handle->file, (uint64_t)offset + (uint64_t)length);
}

int __wrap_posix_fallocate64(int fd, off_t offset, off_t length)
{
    return __wrap_posix_fallocate(fd, offset, length);
}

/* ---- syncing ---------------------------------------------------------------------------------- */

/* Makes some of the changes durable; `doom`: no later sync makes the others so. */
static void sync_part(struct file *file, bool doom)
{
    disk_draw_fates(&current->random, file);
    file_sync_some(file, doom);
}

static void sync_failing(struct file *file, enum disk_effect effect)
{
    if (effect == DISK_ALL) {
        file_sync(file);
        record_file(current, RECORD_SYNC, file, 0, NULL, 0, true);
        return;
    }
    if (effect == DISK_PART) {
        sync_part(file, true);
    } else {
        for (size_t i = 0; i < file->change_count; i++)
            file->changes[i].fate = FATE_ABSENT;
        file_sync_some(file, true);
    }
    record_file(current, RECORD_SYNC_FAILED, file, 0, NULL, 0, false);
}

static void sync_file(struct file *file, const struct verdict *verdict)
{
    if (verdict->cut == CUT_DURING)
        sync_part(file, false);
    if (verdict->cut == CUT_BEFORE || verdict->cut == CUT_DURING)
        disk_cut_now(current, verdict->cut_scope);
    if (verdict->fails) {
        sync_failing(file, verdict->effect);
    } else if (!verdict->lies) {
        file_sync(file);
        record_file(current, RECORD_SYNC, file, 0, NULL, 0, true);
    }
    if (verdict->cut == CUT_AFTER)
        disk_cut_now(current, verdict->cut_scope);
}

static void sync_directory(const char *path, const struct verdict *verdict)
{
    if (verdict->cut == CUT_BEFORE || verdict->cut == CUT_DURING)
        disk_cut_now(current, verdict->cut_scope);
    if (!verdict->lies && (!verdict->fails || verdict->effect == DISK_ALL))
        names_sync(current, path);
    if (verdict->cut == CUT_AFTER)
        disk_cut_now(current, verdict->cut_scope);
}

static int sync_any(struct handle *handle)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s", handle->is_directory ? handle->path : handle->file->path);
    struct verdict verdict = disk_judge(current, path, DISK_SYNC);
    if (handle->is_directory)
        sync_directory(path, &verdict);
    else
        sync_file(handle->file, &verdict);
    int code = verdict.fails ? verdict.code : 0;
    disk_note_call(current, DISK_SYNC, path, 0, (uint64_t)code, NULL, 0);
    return code == 0 ? 0 : fail_with(code);
}

int __wrap_fsync(int fd)
{
    struct handle *handle = handle_of(fd);
    return handle == NULL ? __real_fsync(fd) : sync_any(handle);
}

int __wrap_fdatasync(int fd)
{
    struct handle *handle = handle_of(fd);
    return handle == NULL ? __real_fdatasync(fd) : sync_any(handle);
}

/* ---- reading and asking ----------------------------------------------------------------------- */

/* true: the read fails. */
static bool read_fails(int fd)
{
    struct handle *handle = file_of(fd);
    if (handle == NULL)
        return false;
    struct verdict verdict = disk_judge(current, handle->file->path, DISK_READ);
    disk_note_call(current, DISK_READ, handle->file->path, 0, verdict.fails ? (uint64_t)verdict.code : 0,
                   NULL, 0);
    errno = verdict.fails ? verdict.code : errno;
    return verdict.fails;
}

ssize_t __wrap_read(int fd, void *out, size_t length)
{
    return read_fails(fd) ? -1 : __real_read(fd, out, length);
}

ssize_t __wrap___read_chk(int fd, void *out, size_t length, size_t capacity)
{
    CHECK(length <= capacity);
    return __wrap_read(fd, out, length);
}

ssize_t __wrap_pread(int fd, void *out, size_t length, off_t offset)
{
    return read_fails(fd) ? -1 : __real_pread(fd, out, length, offset);
}

ssize_t __wrap_pread64(int fd, void *out, size_t length, off_t offset)
{
    return __wrap_pread(fd, out, length, offset);
}

ssize_t __wrap___pread_chk(int fd, void *out, size_t length, off_t offset, size_t capacity)
{
    CHECK(length <= capacity);
    return __wrap_pread(fd, out, length, offset);
}

ssize_t __wrap___pread64_chk(int fd, void *out, size_t length, off_t offset, size_t capacity)
{
    CHECK(length <= capacity);
    return __wrap_pread(fd, out, length, offset);
}

int __wrap_fstat(int fd, struct stat *status)
{
    struct handle *handle = file_of(fd);
    int result = __real_fstat(fd, status);
    if (result == 0 && handle != NULL)
        status->st_blocks = (blkcnt_t)((handle->file->size + DISK_PAGE - 1) / DISK_PAGE * (DISK_PAGE / 512));
    return result;
}

static void tell_room(struct statvfs *out)
{
    out->f_frsize = out->f_bsize = DISK_PAGE;
    out->f_bavail = out->f_bfree = disk_free_bytes(current) / DISK_PAGE;
    out->f_blocks = current->capacity_bytes != 0 ? current->capacity_bytes / DISK_PAGE : out->f_bavail;
}

int __wrap_fstatvfs(int fd, struct statvfs *out)
{
    int result = __real_fstatvfs(fd, out);
    if (result == 0 && handle_of(fd) != NULL)
        tell_room(out);
    return result;
}

int __wrap_statvfs(const char *path, struct statvfs *out)
{
    int result = __real_statvfs(path, out);
    if (result == 0 && below(path) != NULL)
        tell_room(out);
    return result;
}

/* ---- names ------------------------------------------------------------------------------------ */

enum name_call { CALL_MKDIR, CALL_RENAME, CALL_UNLINK, CALL_RMDIR, CALL_REMOVE };

static int do_name(enum name_call call, const char *path, const char *to, unsigned mode)
{
    switch (call) {
    case CALL_MKDIR:
        return names_mkdir(current, path, mode);
    case CALL_RENAME:
        return names_rename(current, path, to);
    case CALL_UNLINK:
        return names_unlink(current, path);
    case CALL_RMDIR:
        return names_rmdir(current, path);
    case CALL_REMOVE:
        break;
    }
    int failed = names_unlink(current, path);
    return failed == EISDIR ? names_rmdir(current, path) : failed;
}

static int change_name(enum name_call call, const char *path, const char *to, unsigned mode)
{
    struct verdict verdict = disk_judge(current, path, DISK_NAME);
    if (verdict.cut == CUT_BEFORE || verdict.cut == CUT_DURING)
        disk_cut_now(current, verdict.cut_scope);
    int code = verdict.fails ? verdict.code : do_name(call, path, to, mode);
    if (verdict.cut == CUT_AFTER)
        disk_cut_now(current, verdict.cut_scope);
    disk_note_call(current, DISK_NAME, path, (uint64_t)call, (uint64_t)code, to, to != NULL ? strlen(to) : 0);
    return code == 0 ? 0 : fail_with(code);
}

int __wrap_mkdir(const char *path, unsigned mode)
{
    const char *rest = below(path);
    return rest == NULL ? __real_mkdir(path, mode) : change_name(CALL_MKDIR, rest, NULL, mode);
}

int __wrap_rename(const char *from, const char *to)
{
    const char *rest = below(from);
    const char *target = below(to);
    if (rest == NULL || target == NULL)
        return __real_rename(from, to);
    return change_name(CALL_RENAME, rest, target, 0);
}

int __wrap_unlink(const char *path)
{
    const char *rest = below(path);
    return rest == NULL ? __real_unlink(path) : change_name(CALL_UNLINK, rest, NULL, 0);
}

int __wrap_rmdir(const char *path)
{
    const char *rest = below(path);
    return rest == NULL ? __real_rmdir(path) : change_name(CALL_RMDIR, rest, NULL, 0);
}

int __wrap_remove(const char *path)
{
    const char *rest = below(path);
    return rest == NULL ? __real_remove(path) : change_name(CALL_REMOVE, rest, NULL, 0);
}
