/* Write transactions of an environment, for stores that are written by one thread.
 *
 * Invariant: after a transaction whose outcome is not known none is begun. LMDB 0.9 would let the next commit succeed
 * after a sync has failed.
 */
#ifndef TELLER_STORE_LMDB_WRITER_H
#define TELLER_STORE_LMDB_WRITER_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/base/err.h"

struct lmdb_writer {
    MDB_env *env; /* the store closes it */
    bool stopped;
};

/* Opens the environment of a service's store, which has one table with a name; to write, it is made where there is none. Errors as of
 * lmdb_env_open. */
enum err lmdb_writer_open(struct lmdb_writer *self, const char *path, uint64_t map_size_bytes,
                          bool read_only) MUST_USE;

/* What a commit of `count` puts may add to the file, at the most and without their values: the pages of the tree that
 * lead to each and that a split makes, and LMDB's list of free pages. */
uint64_t lmdb_writer_growth_bytes(size_t count);

/* `growth_bytes`: what the commit may add to the file. ERR_FULL, ERR_NO_MEMORY: nothing was written, and it may be
 * tried again. ERR_IO: the writer has stopped. */
enum err lmdb_writer_begin(struct lmdb_writer *self, uint64_t growth_bytes, MDB_txn **txn) MUST_USE;

/* Ends a transaction by the code of its last call: commits on MDB_SUCCESS, and aborts on any other. ERR_OK: it is
 * durable. Errors as of lmdb_writer_begin. */
enum err lmdb_writer_end(struct lmdb_writer *self, MDB_txn *txn, int code) MUST_USE;

#endif
