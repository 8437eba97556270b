/* The state store on LMDB. */
#include "store/state_lmdb.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "store/lmdb_env.h"
#include "store/lmdb_shape.h"

static const char *const TABLE_NAMES[STATE_TABLE_COUNT] = {
    [STATE_ACCOUNTS] = "accounts",
    [STATE_IDS] = "ids",
    [STATE_RECORDS] = "records",
};

enum { KEY_MAX = 64 };

struct state_lmdb {
    struct state base;
    MDB_env *env;
    MDB_dbi tables[STATE_TABLE_COUNT];
    bool read_only;
    bool stopped; /* a commit failed in a way that leaves its outcome unknown */
};

static struct state_lmdb *self_of(struct state *state)
{
    return (struct state_lmdb *)state;
}

static MDB_val value_of(const uint8_t *bytes, size_t length)
{
    return (MDB_val){length, (void *)(uintptr_t)bytes};
}

static int apply_one(struct state_lmdb *self, MDB_txn *txn, const struct state_put *put)
{
    CHECK(put->table < STATE_TABLE_COUNT && put->key_length >= 1 && put->key_length <= KEY_MAX);
    MDB_val key = value_of(put->key, put->key_length);
    MDB_dbi table = self->tables[put->table];
    if (put->value == NULL) {
        int code = mdb_del(txn, table, &key, NULL);
        return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
    }
    MDB_val value = value_of(put->value, put->value_length);
    return mdb_put(txn, table, &key, &value, 0);
}

static enum err stop(struct state_lmdb *self)
{
    self->stopped = true;
    return ERR_IO;
}

static enum err lmdb_apply(struct state *state, const struct state_put *puts, size_t count)
{
    struct state_lmdb *self = self_of(state);
    CHECK(!self->read_only);
    if (self->stopped)
        return ERR_IO;
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->env, NULL, 0, &txn);
    if (code == MDB_SUCCESS) {
        for (size_t i = 0; i < count && code == MDB_SUCCESS; i++)
            code = apply_one(self, txn, &puts[i]);
        if (code != MDB_SUCCESS)
            mdb_txn_abort(txn);
    }
    if (code != MDB_SUCCESS)
        return lmdb_env_is_full(code) ? lmdb_env_err(code) : stop(self);
    enum err err = lmdb_env_commit(self->env, txn);
    return err == ERR_IO ? stop(self) : err;
}

static enum err lmdb_get(struct state *state, enum state_table table, const uint8_t *key, size_t key_length,
                         uint8_t *out, size_t capacity, size_t *length)
{
    struct state_lmdb *self = self_of(state);
    CHECK(table < STATE_TABLE_COUNT && key_length >= 1 && key_length <= KEY_MAX);
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->env, NULL, MDB_RDONLY, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    MDB_val k = value_of(key, key_length);
    MDB_val value = {0, NULL};
    enum err err = lmdb_env_err(mdb_get(txn, self->tables[table], &k, &value));
    if (err == ERR_OK) {
        *length = value.mv_size;
        if (value.mv_size > capacity)
            err = ERR_RANGE;
        else if (value.mv_size > 0)
            memcpy(out, value.mv_data, value.mv_size);
    }
    mdb_txn_abort(txn);
    return err;
}

static enum err walk_cursor(MDB_cursor *cursor, const uint8_t *prefix, size_t prefix_length,
                            enum err (*visit)(void *context, const uint8_t *key, size_t key_length,
                                              const uint8_t *value, size_t value_length),
                            void *context)
{
    MDB_val key = value_of(prefix, prefix_length);
    MDB_val value;
    int code = mdb_cursor_get(cursor, &key, &value, prefix_length > 0 ? MDB_SET_RANGE : MDB_FIRST);
    while (code == MDB_SUCCESS && key.mv_size >= prefix_length &&
           (prefix_length == 0 || memcmp(key.mv_data, prefix, prefix_length) == 0)) {
        enum err err = visit(context, key.mv_data, key.mv_size, value.mv_data, value.mv_size);
        if (err != ERR_OK)
            return err;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return code == MDB_NOTFOUND ? ERR_OK : lmdb_env_err(code);
}

static enum err lmdb_walk(struct state *state, enum state_table table, const uint8_t *prefix,
                          size_t prefix_length,
                          enum err (*visit)(void *context, const uint8_t *key, size_t key_length,
                                            const uint8_t *value, size_t value_length),
                          void *context)
{
    struct state_lmdb *self = self_of(state);
    CHECK(table < STATE_TABLE_COUNT && prefix_length <= KEY_MAX);
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int code = mdb_txn_begin(self->env, NULL, MDB_RDONLY, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    enum err err = lmdb_env_err(mdb_cursor_open(txn, self->tables[table], &cursor));
    if (err == ERR_OK) {
        err = walk_cursor(cursor, prefix, prefix_length, visit, context);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return err;
}

static void lmdb_close(struct state **state_p)
{
    struct state_lmdb *self = self_of(*state_p);
    if (self->env != NULL)
        mdb_env_close(self->env);
    free(self);
    *state_p = NULL;
}

static const struct state_methods METHODS = {
    .apply = lmdb_apply,
    .get = lmdb_get,
    .walk = lmdb_walk,
    .close = lmdb_close,
};

static enum err open_tables(struct state_lmdb *self)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->env, NULL, self->read_only ? MDB_RDONLY : 0, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    for (int i = 0; i < STATE_TABLE_COUNT && code == MDB_SUCCESS; i++)
        code = mdb_dbi_open(txn, TABLE_NAMES[i], self->read_only ? 0 : MDB_CREATE, &self->tables[i]);
    if (code == MDB_SUCCESS)
        return lmdb_env_err(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? ERR_CORRUPT : lmdb_env_err(code);
}

enum { SNAPSHOT_TRIES = 100 };

/* Tests every page before LMDB follows one. A busy writer may replace the snapshot's meta page first: then another
 * snapshot is taken. */
static enum err check_pages(struct state_lmdb *self)
{
    int file = -1;
    const char *what;
    enum err err = lmdb_env_err(mdb_env_get_fd(self->env, &file));
    if (err != ERR_OK)
        return err;
    err = ERR_TIMEOUT;
    for (int i = 0; i < SNAPSHOT_TRIES && err == ERR_TIMEOUT; i++) {
        MDB_txn *txn = NULL;
        err = lmdb_env_err(mdb_txn_begin(self->env, NULL, MDB_RDONLY, &txn));
        if (err != ERR_OK)
            return err;
        err = lmdb_shape_check_named(file, mdb_txn_id(txn), &what);
        mdb_txn_abort(txn);
    }
    return err;
}

struct state_lmdb_options state_lmdb_options_default(const char *path)
{
    return (struct state_lmdb_options){
        .path = path,
        .map_size_bytes = STATE_LMDB_MAP_SIZE_BYTES,
        .create = true,
    };
}

enum err state_lmdb_open(const struct state_lmdb_options *options, struct state **out)
{
    struct state_lmdb *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->base.methods = &METHODS;
    self->read_only = options->read_only;
    struct state *state = &self->base;
    const char *what = NULL;
    enum err err = lmdb_env_open(
        &(struct lmdb_env_options){
            .path = options->path,
            .map_size_bytes = options->map_size_bytes,
            .databases = STATE_TABLE_COUNT,
            .read_only = options->read_only,
            .create = options->create && !options->read_only,
        },
        &self->env, &what);
    if (err == ERR_OK)
        err = check_pages(self);
    if (err == ERR_OK)
        err = open_tables(self);
    if (err != ERR_OK) {
        lmdb_close(&state);
        return err;
    }
    *out = state;
    return ERR_OK;
}
