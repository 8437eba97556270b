/* One file in memory, with a path, for code that opens files. */
#ifndef TELLER_TESTS_FUZZ_MEMORY_FILE_H
#define TELLER_TESTS_FUZZ_MEMORY_FILE_H

#include "tests/fuzz/input.h"

/* The file now holds these bytes. Returns its path. */
const char *memory_file(const void *bytes, size_t size);

/* NAME/data.mdb, in a directory in memory that is removed when the process ends, now holds these bytes; a lock left by
 * the run before is gone. Returns the path of NAME. */
const char *memory_lmdb(const char *name, const void *bytes, size_t size);

/* What NAME/data.mdb holds; to free(). */
uint8_t *memory_lmdb_read(const char *name, size_t *size);

#endif
