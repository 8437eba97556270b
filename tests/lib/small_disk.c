/* Preloaded into a program, gives it a disk that is as small as the test wants:
 *
 *     LD_PRELOAD=libsmall_disk.so SMALL_DISK_ROOM=FILE
 *
 * The file is a knob (knob.h): by how many bytes files may still grow. Growth is by fallocate and by writes beyond the
 * end. As on a real file system, a write that fits in part is cut short at a page, and the next one finds no room.
 * Only what LMDB and teller call is here; writes within a file always succeed. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/lib/knob.h"

enum { PAGE_BYTES = 4096 };

static _Atomic int64_t *room;

__attribute__((constructor)) static void begin(void)
{
    room = knob_open("SMALL_DISK_ROOM");
}

/* Takes up to `bytes` of the room, and at least `least`. Returns how many, 0 when there is less than that. */
static int64_t take(int64_t bytes, int64_t least)
{
    int64_t left = atomic_load(room), taken;
    do {
        taken = bytes <= left ? bytes : left;
        if (taken < least || taken <= 0)
            return 0;
    } while (!atomic_compare_exchange_weak(room, &left, left - taken));
    return taken;
}

/* How many of the `length` bytes at `offset` may be written; 0: none. */
static size_t writable(int fd, size_t length, off_t offset)
{
    struct stat status;
    if (!room || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return length;
    int64_t growth = offset + (off_t)length - status.st_size;
    if (growth <= 0)
        return length;
    int64_t within = (int64_t)length - growth;
    int64_t taken = take(growth, 1);
    if (taken == growth)
        return length;
    int64_t whole = (taken + (within > 0 ? within : 0)) / PAGE_BYTES * PAGE_BYTES;
    return (size_t)whole;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    size_t fits = writable(fd, length, offset);
    if (fits == 0 && length > 0) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, bytes, fits, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(fd, bytes, length, offset);
}

/* LMDB writes a run of pages so. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    size_t length = 0;
    if (!real)
        real = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    size_t fits = offset < 0 ? length : writable(fd, length, offset);
    if (fits == length)
        return real(fd, parts, count);
    ssize_t done = 0;
    for (int i = 0; i < count && (size_t)done < fits; i++) {
        size_t left = fits - (size_t)done;
        struct iovec part = {parts[i].iov_base, parts[i].iov_len < left ? parts[i].iov_len : left};
        ssize_t written = real(fd, &part, 1);
        if (written < 0)
            return done > 0 ? done : written;
        done += written;
    }
    if (done == 0)
        errno = ENOSPC;
    return done > 0 ? done : -1;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    static int (*real)(int, int, off64_t, off64_t);
    struct stat status;
    if (!real)
        real = (int (*)(int, int, off64_t, off64_t))dlsym(RTLD_NEXT, "fallocate64");
    if (room && fstat(fd, &status) == 0 && offset + length > status.st_size) {
        int64_t growth = offset + length - status.st_size;
        if (take(growth, growth) != growth) {
            errno = ENOSPC;
            return -1;
        }
    }
    return real(fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return fallocate64(fd, mode, offset, length);
}

int fstatvfs64(int fd, struct statvfs64 *out)
{
    static int (*real)(int, struct statvfs64 *);
    if (!real)
        real = (int (*)(int, struct statvfs64 *))dlsym(RTLD_NEXT, "fstatvfs64");
    int result = real(fd, out);
    if (result == 0 && room) {
        int64_t left = atomic_load(room);
        uint64_t blocks = left > 0 ? (uint64_t)left / out->f_frsize : 0;
        out->f_bavail = blocks < out->f_bavail ? blocks : out->f_bavail;
        out->f_bfree = out->f_bavail;
    }
    return result;
}

int fstatvfs(int fd, struct statvfs *out)
{
    return fstatvfs64(fd, (struct statvfs64 *)out);
}
