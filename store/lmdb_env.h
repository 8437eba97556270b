/* Opening an LMDB environment by the rules that keep it safe, for journals and for stores of named tables.
 *
 * No flag that weakens a commit is ever set. Files are 0600, directories 0700; after creation the
 * directory and its parent are synced. Dead readers are cleared. The file's first pages are tested before
 * LMDB reads them, and the file must hold every page in use, or a read would kill the process; where there are named
 * tables, every page of their trees is tested. Read transactions are not tied to threads (MDB_NOTLS).
 *
 * What a process before this one left in the page cache is made durable first: a commit that is acted upon must not
 * be lost with the power.
 *
 * One process opens an environment once, and never carries it across a fork.
 */
#ifndef TELLER_STORE_LMDB_ENV_H
#define TELLER_STORE_LMDB_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "store/journal.h"

struct lmdb_env_options {
    const char *path; /* a directory */
    uint64_t map_size_bytes;
    uint32_t databases; /* named tables; 0: only the main one is used */
    bool read_only;
    bool journal; /* of the shape that lmdb_shape.h describes */
    bool create;  /* make what is absent; otherwise ERR_NOT_FOUND */
};

/* ERR_CORRUPT, ERR_VERSION: *what says why, a static phrase. */
enum err lmdb_env_open(const struct lmdb_env_options *options, MDB_env **out, const char **what) MUST_USE;

/* Copies an environment as its last commit left it, to a new directory; on disk when it returns. A process may write it meanwhile, and is held
 * up for a moment only. Bytes are copied as they are: whoever needs to know what they are worth opens the copy and reads it. ERR_NOT_FOUND:
 * there is none; ERR_EXISTS: the directory is. After an error an unfinished copy may remain. */
enum err lmdb_env_copy(const char *from, uint64_t map_size_bytes, const char *to, const char **what) MUST_USE;

/* Translates an LMDB or errno code. */
enum err lmdb_env_err(int code) MUST_USE;

/* true: the failed call ran out of room or memory before anything was written. */
bool lmdb_env_is_full(int code);

/* Makes the file long enough for `bytes` more than is in use. false: there is no room for them. LMDB takes a write that
 * was cut short for an I/O error, so a full disk has to show before it writes beyond the file's end. */
bool lmdb_env_make_room(MDB_env *env, uint64_t bytes);

/* Commits. ERR_FULL: there was no room, nothing was committed, and the environment is fit for use: the
 * same may be tried again. ERR_IO: the commit may or may not be on disk, and this environment must not
 * be written again (LMDB 0.9 would let the next commit succeed after a sync has failed). */
enum err lmdb_env_commit(MDB_env *env, MDB_txn *txn) MUST_USE;

/* Bytes of pages in use, whatever the length of the file. */
uint64_t lmdb_env_used_bytes(MDB_env *env);

/* Room in use and at the most: bounded by the map and by the file system. */
enum err lmdb_env_space(MDB_env *env, struct journal_space *out) MUST_USE;

#endif
