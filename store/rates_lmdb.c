/* The rates store on LMDB: an environment of its own with one named table.
 *
 * A write transaction lives from begin to commit, within one rates_apply. A read transaction lives only inside one
 * seek; between them it is reset and pins nothing. */
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "store/lmdb_env.h"
#include "store/lmdb_writer.h"
#include "store/rates_table.h"

enum { GROWTH_BYTES = 256 * 1024, GROWTH_BYTES_PER_PUT = 128 };

static const char TABLE_NAME[] = "rates";

struct rates_lmdb {
    struct rates base;
    struct lmdb_writer writer;
    MDB_dbi table;
    MDB_txn *writing, *reading;
    MDB_cursor *cursor; /* of reading */
    bool read_only;
};

static struct rates_lmdb *self_of(struct rates *rates)
{
    return (struct rates_lmdb *)rates;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static enum err end(struct rates_lmdb *self, int code)
{
    MDB_txn *txn = self->writing;
    self->writing = NULL;
    return lmdb_writer_end(&self->writer, txn, code);
}

static enum err lmdb_begin(struct rates *rates, size_t count)
{
    struct rates_lmdb *self = self_of(rates);
    CHECK(self->writing == NULL && !self->read_only);
    return lmdb_writer_begin(&self->writer, GROWTH_BYTES + count * GROWTH_BYTES_PER_PUT, &self->writing);
}

static enum err lmdb_put(struct rates *rates, const struct rates_record *record)
{
    struct rates_lmdb *self = self_of(rates);
    MDB_val key = {record->key_length, (void *)(uintptr_t)record->key};
    MDB_val value = {record->value_length, (void *)(uintptr_t)record->value};
    int code = record->value_length > 0 ? mdb_put(self->writing, self->table, &key, &value, 0)
                                        : mdb_del(self->writing, self->table, &key, NULL);
    return code == MDB_SUCCESS || code == MDB_NOTFOUND ? ERR_OK : end(self, code);
}

static enum err lmdb_commit(struct rates *rates)
{
    return end(self_of(rates), MDB_SUCCESS);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static int begin_reading(struct rates_lmdb *self)
{
    if (self->reading == NULL) {
        int code = mdb_txn_begin(self->writer.env, NULL, MDB_RDONLY, &self->reading);
        return code == MDB_SUCCESS ? mdb_cursor_open(self->reading, self->table, &self->cursor) : code;
    }
    int code = mdb_txn_renew(self->reading);
    return code == MDB_SUCCESS ? mdb_cursor_renew(self->reading, self->cursor) : code;
}

static int move(struct rates_lmdb *self, MDB_val wanted, enum rates_direction direction, MDB_val *key,
                MDB_val *value)
{
    *key = wanted;
    int code = mdb_cursor_get(self->cursor, key, value, MDB_SET_RANGE);
    if (direction == RATES_AT_OR_AFTER)
        return code;
    if (code == MDB_NOTFOUND)
        return mdb_cursor_get(self->cursor, key, value, MDB_LAST);
    if (code != MDB_SUCCESS ||
        (key->mv_size == wanted.mv_size && memcmp(key->mv_data, wanted.mv_data, wanted.mv_size) == 0))
        return code;
    return mdb_cursor_get(self->cursor, key, value, MDB_PREV);
}

static enum err copy(const MDB_val *key, const MDB_val *value, struct rates_record *out)
{
    if (key->mv_size > RATES_KEY_MAX || value->mv_size > RATES_VALUE_MAX)
        return ERR_CORRUPT;
    out->key_length = key->mv_size;
    memcpy(out->key, key->mv_data, key->mv_size);
    out->value_length = value->mv_size;
    memcpy(out->value, value->mv_data, value->mv_size);
    return ERR_OK;
}

static enum err lmdb_seek(struct rates *rates, const uint8_t *key, size_t key_length,
                          enum rates_direction direction, struct rates_record *out)
{
    struct rates_lmdb *self = self_of(rates);
    MDB_val found, value;
    int code = begin_reading(self);
    if (code == MDB_SUCCESS)
        code = move(self, (MDB_val){key_length, (void *)(uintptr_t)key}, direction, &found, &value);
    enum err err = code == MDB_SUCCESS ? copy(&found, &value, out) : lmdb_env_err(code);
    if (self->reading != NULL)
        mdb_txn_reset(self->reading);
    return err;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static void lmdb_close(struct rates *rates)
{
    struct rates_lmdb *self = self_of(rates);
    if (self->cursor != NULL)
        mdb_cursor_close(self->cursor);
    if (self->reading != NULL)
        mdb_txn_abort(self->reading);
    if (self->writer.env != NULL)
        mdb_env_close(self->writer.env);
    free(self);
}

static const struct rates_methods METHODS = {
    .begin = lmdb_begin,
    .put = lmdb_put,
    .commit = lmdb_commit,
    .seek = lmdb_seek,
    .close = lmdb_close,
};

static enum err open_table(struct rates_lmdb *self)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->writer.env, NULL, self->read_only ? MDB_RDONLY : 0, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    code = mdb_dbi_open(txn, TABLE_NAME, self->read_only ? 0 : MDB_CREATE, &self->table);
    if (code == MDB_SUCCESS)
        return lmdb_env_err(mdb_txn_commit(txn)); /* keeps what was opened */
    mdb_txn_abort(txn);
    return lmdb_env_err(code);
}

static enum err open_in(const char *path, uint64_t map_size_bytes, bool read_only, struct rates **out)
{
    struct rates_lmdb *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->base.methods = &METHODS;
    self->read_only = read_only;
    enum err err = lmdb_writer_open(&self->writer, path, map_size_bytes, read_only);
    if (err == ERR_OK)
        err = open_table(self);
    if (err != ERR_OK) {
        lmdb_close(&self->base);
        return err;
    }
    *out = &self->base;
    return ERR_OK;
}

enum err rates_open(const char *path, uint64_t map_size_bytes, struct rates **out)
{
    return open_in(path, map_size_bytes, false, out);
}

enum err rates_open_to_read(const char *path, uint64_t map_size_bytes, struct rates **out)
{
    return open_in(path, map_size_bytes, true, out);
}
