/* Opening, committing and measuring an LMDB environment. */
#include "store/lmdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/durable.h"
#include "store/lmdb_shape.h"

enum { READERS_MAX = 1022, STAT_BLOCK = 512, PATH_BYTES = 4096, SNAPSHOT_TRIES = 100 };

enum err lmdb_env_err(int code)
{
    switch (code) {
    case MDB_SUCCESS:
        return ERR_OK;
    case MDB_NOTFOUND:
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
        return ERR_CORRUPT;
    case MDB_VERSION_MISMATCH:
        return ERR_VERSION;
    case ENOMEM:
        return ERR_NO_MEMORY;
    default:
        return ERR_IO;
    }
}

bool lmdb_env_is_full(int code)
{
    enum err err = lmdb_env_err(code);
    return err == ERR_FULL || err == ERR_NO_MEMORY;
}

/* A commit in the page cache may be one whose process died, or stopped because a sync had failed. */
static enum err settle(int file, bool journal)
{
    if (fdatasync(file) != 0)
        return ERR_IO;
    return journal ? lmdb_shape_settle(file) : ERR_OK;
}

/* The data file has to be there and to begin well: LMDB would make a new one in the place of an empty
 * one, and trusts the page numbers of the others. */
static enum err check_data(const struct lmdb_env_options *options, bool *present, const char **what)
{
    char name[PATH_BYTES];
    if (snprintf(name, sizeof name, "%s/data.mdb", options->path) >= (int)sizeof name)
        return ERR_INVALID;
    int file = open(name, (options->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    *present = file >= 0;
    if (file < 0)
        return errno == ENOENT ? ERR_OK : lmdb_env_err(errno);
    struct stat status;
    enum err err = fstat(file, &status) == 0 ? ERR_OK : lmdb_env_err(errno);
    if (err == ERR_OK && status.st_size == 0 && options->create) {
        *present = false; /* its making was interrupted */
    } else if (err == ERR_OK) {
        err = options->read_only ? ERR_OK : settle(file, options->journal);
        if (err == ERR_OK)
            err = lmdb_shape_check_meta(file, what);
    }
    (void)close(file);
    return err;
}

static enum err prepare_directory(const struct lmdb_env_options *options, bool *created, const char **what)
{
    bool present = false;
    enum err err = check_data(options, &present, what);
    *created = !present;
    if (err != ERR_OK || present)
        return err;
    if (!options->create)
        return ERR_NOT_FOUND;
    if (mkdir(options->path, 0700) != 0 && errno != EEXIST)
        return lmdb_env_err(errno);
    return ERR_OK;
}

static enum err open_in(MDB_env *env, const struct lmdb_env_options *options, const char **what)
{
    unsigned flags = MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0);
    int code = mdb_env_set_mapsize(env, options->map_size_bytes);
    if (code == MDB_SUCCESS)
        code = mdb_env_set_maxreaders(env, READERS_MAX);
    if (code == MDB_SUCCESS && options->databases > 0)
        code = mdb_env_set_maxdbs(env, options->databases);
    if (code == MDB_SUCCESS)
        code = mdb_env_open(env, options->path, flags, 0600);
    int dead = 0;
    if (code == MDB_SUCCESS)
        code = mdb_reader_check(env, &dead);
    enum err err = lmdb_env_err(code);
    if (err == ERR_CORRUPT || err == ERR_VERSION)
        *what = "the data file does not begin as an LMDB file does";
    return err;
}

/* Tests every page before LMDB follows one. A busy writer may replace the snapshot's meta page first: then another
 * snapshot is taken. */
static enum err check_named(MDB_env *env, const char **what)
{
    int file = -1;
    enum err err = lmdb_env_err(mdb_env_get_fd(env, &file));
    if (err != ERR_OK)
        return err;
    err = ERR_TIMEOUT;
    for (int i = 0; i < SNAPSHOT_TRIES && err == ERR_TIMEOUT; i++) {
        MDB_txn *txn = NULL;
        err = lmdb_env_err(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
        if (err != ERR_OK)
            return err;
        err = lmdb_shape_check_named(file, mdb_txn_id(txn), what);
        mdb_txn_abort(txn);
    }
    return err;
}

enum err lmdb_env_open(const struct lmdb_env_options *options, MDB_env **out, const char **what)
{
    bool created = false;
    *what = NULL;
    enum err err = prepare_directory(options, &created, what);
    if (err != ERR_OK)
        return err;
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    err = open_in(env, options, what);
    if (err == ERR_OK && created) {
        err = durable_sync_directory(options->path);
        if (err == ERR_OK)
            err = durable_sync_parent(options->path);
    }
    if (err == ERR_OK && options->databases > 0)
        err = check_named(env, what);
    if (err != ERR_OK) {
        mdb_env_close(env);
        return err;
    }
    *out = env;
    return ERR_OK;
}

/* ---- copying -------------------------------------------------------------------------------------------- */

static enum err copy_to_file(MDB_env *env, const char *directory)
{
    char name[PATH_BYTES];
    if (snprintf(name, sizeof name, "%s/data.mdb", directory) >= (int)sizeof name)
        return ERR_INVALID;
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return lmdb_env_err(errno);
    enum err err = lmdb_env_err(mdb_env_copyfd2(env, file, 0));
    if (err == ERR_OK && fsync(file) != 0)
        err = ERR_IO;
    return close(file) != 0 && err == ERR_OK ? ERR_IO : err;
}

enum err lmdb_env_copy(const char *from, uint64_t map_size_bytes, const char *to, const char **what)
{
    const struct lmdb_env_options options = {
        .path = from, .map_size_bytes = map_size_bytes, .read_only = true};
    MDB_env *env = NULL;
    enum err err = lmdb_env_open(&options, &env, what);
    if (err != ERR_OK)
        return err;
    if (mkdir(to, 0700) != 0)
        err = errno == EEXIST ? ERR_EXISTS : lmdb_env_err(errno);
    if (err == ERR_OK)
        err = copy_to_file(env, to);
    mdb_env_close(env);
    if (err == ERR_OK)
        err = durable_sync_directory(to);
    return err == ERR_OK ? durable_sync_parent(to) : err;
}

/* ---- room ----------------------------------------------------------------------------------------------- */

bool lmdb_env_make_room(MDB_env *env, uint64_t bytes)
{
    int file = -1, failed;
    struct stat status;
    MDB_envinfo info;
    if (mdb_env_get_fd(env, &file) != MDB_SUCCESS || mdb_env_info(env, &info) != MDB_SUCCESS ||
        fstat(file, &status) != 0)
        return true; /* what is wrong shows in the write */
    uint64_t need = lmdb_env_used_bytes(env) + bytes, length = (uint64_t)status.st_size;
    if (need > info.me_mapsize)
        need = info.me_mapsize;
    if (need <= length)
        return true;
    do {
        failed = fallocate(file, 0, (off_t)length, (off_t)(need - length)) == 0 ? 0 : errno;
    } while (failed == EINTR);
    return failed == 0 || lmdb_env_err(failed) != ERR_FULL;
}

/* Whether a new transaction still sees the state of before the failed commit. */
static bool is_unchanged(MDB_env *env, size_t last_txnid)
{
    MDB_txn *txn = NULL;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != MDB_SUCCESS)
        return false;
    bool unchanged = mdb_txn_id(txn) == last_txnid;
    mdb_txn_abort(txn);
    return unchanged;
}

enum err lmdb_env_commit(MDB_env *env, MDB_txn *txn)
{
    size_t before = mdb_txn_id(txn) - 1;
    int code = mdb_txn_commit(txn);
    if (code == MDB_SUCCESS)
        return ERR_OK;
    return lmdb_env_is_full(code) && is_unchanged(env, before) ? ERR_FULL : ERR_IO;
}

uint64_t lmdb_env_used_bytes(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    (void)mdb_env_info(env, &info);
    (void)mdb_env_stat(env, &stat);
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

enum err lmdb_env_space(MDB_env *env, struct journal_space *out)
{
    int file = -1;
    struct stat status;
    struct statvfs system;
    MDB_envinfo info;
    int code = mdb_env_get_fd(env, &file);
    if (code == MDB_SUCCESS)
        code = mdb_env_info(env, &info);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    if (fstat(file, &status) != 0 || fstatvfs(file, &system) != 0)
        return lmdb_env_err(errno);
    uint64_t room = (uint64_t)status.st_blocks * STAT_BLOCK + (uint64_t)system.f_bavail * system.f_frsize;
    out->used_bytes = lmdb_env_used_bytes(env);
    out->limit_bytes = room < info.me_mapsize ? room : (uint64_t)info.me_mapsize;
    return ERR_OK;
}
