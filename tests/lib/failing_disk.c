/* Preloaded into a program, makes its calls to the disk fail: LD_PRELOAD=libfailing_disk.so with
 *
 *     FAILING_DISK_CALL   fdatasync, pwrite or fallocate
 *     FAILING_DISK_AT     the number of the first call that fails, from 1
 *     FAILING_DISK_COUNT  how many fail; left out: all from then on
 *     FAILING_DISK_ERRNO  EIO or ENOSPC
 *
 * The failing call does nothing. Calls are counted over all threads. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>

static atomic_long calls;

static bool fails(const char *call)
{
    const char *which = getenv("FAILING_DISK_CALL"), *at = getenv("FAILING_DISK_AT");
    const char *count = getenv("FAILING_DISK_COUNT"), *error = getenv("FAILING_DISK_ERRNO");
    if (!which || !at || strcmp(which, call) != 0)
        return false;
    long number = atomic_fetch_add(&calls, 1) + 1, first = atol(at);
    if (number < first || (count && number >= first + atol(count)))
        return false;
    errno = error && strcmp(error, "ENOSPC") == 0 ? ENOSPC : EIO;
    return true;
}

int fdatasync(int fd)
{
    static int (*real)(int);
    if (!real)
        real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return fails("fdatasync") ? -1 : real(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return fails("pwrite") ? -1 : real(fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(fd, bytes, length, offset);
}

/* LMDB writes a run of pages so. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real)
        real = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    return fails("pwrite") ? -1 : real(fd, parts, count);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    static int (*real)(int, int, off64_t, off64_t);
    if (!real)
        real = (int (*)(int, int, off64_t, off64_t))dlsym(RTLD_NEXT, "fallocate64");
    return fails("fallocate") ? -1 : real(fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return fallocate64(fd, mode, offset, length);
}
