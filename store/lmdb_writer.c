/* Write transactions: room is made before, and an unknown outcome stops the writer. */
#include "store/lmdb_writer.h"

#include "store/lmdb_env.h"

enum { GROWTH_BYTES = 256 * 1024, GROWTH_BYTES_PER_PUT = 8 * 4096 };

enum err lmdb_writer_open(struct lmdb_writer *self, const char *path, uint64_t map_size_bytes, bool read_only)
{
    const struct lmdb_env_options options = {.path = path,
                                             .map_size_bytes = map_size_bytes,
                                             .databases = 1,
                                             .read_only = read_only,
                                             .create = !read_only};
    const char *what = NULL;
    return lmdb_env_open(&options, &self->env, &what);
}

uint64_t lmdb_writer_growth_bytes(size_t count)
{
    return GROWTH_BYTES + (uint64_t)count * GROWTH_BYTES_PER_PUT;
}

static enum err stop(struct lmdb_writer *self)
{
    self->stopped = true;
    return ERR_IO;
}

static enum err fail(struct lmdb_writer *self, int code)
{
    return lmdb_env_is_full(code) ? lmdb_env_err(code) : stop(self);
}

enum err lmdb_writer_begin(struct lmdb_writer *self, uint64_t growth_bytes, MDB_txn **txn)
{
    if (self->stopped)
        return ERR_IO;
    if (!lmdb_env_make_room(self->env, growth_bytes))
        return ERR_FULL;
    int code = mdb_txn_begin(self->env, NULL, 0, txn);
    return code == MDB_SUCCESS ? ERR_OK : fail(self, code);
}

enum err lmdb_writer_end(struct lmdb_writer *self, MDB_txn *txn, int code)
{
    if (code != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return fail(self, code);
    }
    enum err err = lmdb_env_commit(self->env, txn);
    return err == ERR_IO ? stop(self) : err;
}
