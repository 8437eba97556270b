/* Syncing directories and replacing files whole. */
#include "store/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static enum err from_errno(int code)
{
    if (code == ENOSPC || code == EDQUOT)
        return ERR_FULL;
    return code == ENOENT || code == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
}

enum err durable_sync_directory(const char *path)
{
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return from_errno(errno);
    int failed = fsync(file) != 0 ? errno : 0;
    (void)close(file);
    return failed != 0 ? from_errno(failed) : ERR_OK;
}

enum err durable_sync_parent(const char *path)
{
    char copy[PATH_BYTES];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return ERR_INVALID;
    return durable_sync_directory(dirname(copy));
}

static bool write_all(int file, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return true;
}

enum err durable_write_file(const char *directory, const char *name, const void *bytes, size_t length)
{
    char target[PATH_BYTES];
    char temporary[PATH_BYTES];
    if (snprintf(target, sizeof target, "%s/%s", directory, name) >= (int)sizeof target ||
        snprintf(temporary, sizeof temporary, "%s/%s.new", directory, name) >= (int)sizeof temporary)
        return ERR_INVALID;
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return from_errno(errno);
    int failed = write_all(file, bytes, length) && fsync(file) == 0 ? 0 : errno;
    if (close(file) != 0 && failed == 0)
        failed = errno;
    if (failed == 0 && rename(temporary, target) != 0)
        failed = errno;
    if (failed != 0) {
        (void)unlink(temporary);
        return from_errno(failed);
    }
    return durable_sync_directory(directory);
}
