/* Making names in directories durable. */
#ifndef TELLER_STORE_DURABLE_H
#define TELLER_STORE_DURABLE_H

#include <stddef.h>

#include "actors/base/err.h"

/* Syncs a directory, so that the names in it survive a crash. */
enum err durable_sync_directory(const char *path) MUST_USE;

/* Syncs the directory that holds `path`. */
enum err durable_sync_parent(const char *path) MUST_USE;

/* Replaces DIRECTORY/NAME with `length` bytes, mode 0600: a temporary file, sync, rename, sync of the
 * directory. After a crash the old file or the new one is there, whole. */
enum err durable_write_file(const char *directory, const char *name, const void *bytes,
                            size_t length) MUST_USE;

#endif
