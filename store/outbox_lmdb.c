/* The outbox on LMDB: an environment of its own with one named table.
 *
 * Key 0 (one byte) holds the sums; every other key begins with its table, which is not 0. Each value begins with its seal. */
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "store/lmdb_env.h"
#include "store/lmdb_sealed.h"
#include "store/lmdb_writer.h"
#include "store/outbox.h"

enum { FORMAT = 1 };

static const char TABLE_NAME[] = "outbox";

/* As it is stored. */
struct sums {
    uint32_t format, zero;
    struct state_sum values; /* all that are in the table */
    uint64_t transaction;    /* that wrote it: an older page shows */
    uint64_t hash;           /* of what stands before it */
};

_Static_assert(sizeof(struct sums) == 40, "stored as it is");

struct outbox_lmdb {
    struct outbox base;
    struct lmdb_writer writer;
    MDB_dbi table;
    bool read_only;
};

static struct outbox_lmdb *self_of(struct outbox *outbox)
{
    return (struct outbox_lmdb *)outbox;
}

/* ---- seals and sums --------------------------------------------------------------------------------------- */

static uint64_t seal_of(const MDB_val *key, const uint8_t *value, size_t length)
{
    return XXH3_64bits_withSeed(value, length, XXH3_64bits(key->mv_data, key->mv_size));
}

static MDB_val sums_key(void)
{
    static const uint8_t KEY = 0;
    return (MDB_val){sizeof KEY, (void *)(uintptr_t)&KEY};
}

/* As of transaction `last`, the newest that is committed. */
static enum err sums_read(struct outbox_lmdb *self, MDB_txn *txn, size_t last, struct sums *out)
{
    enum err err = lmdb_sealed_record_read(txn, self->table, sums_key(), out, sizeof *out);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_CORRUPT : err; /* the table was made with one */
    if (out->format != FORMAT)
        return ERR_VERSION;
    return out->transaction == last ? ERR_OK : ERR_CORRUPT;
}

static int sums_write(struct outbox_lmdb *self, MDB_txn *txn, struct sums *sums)
{
    sums->format = FORMAT;
    sums->transaction = mdb_txn_id(txn);
    return lmdb_sealed_record_write(txn, self->table, sums_key(), sums, sizeof *sums);
}

/* ---- applying --------------------------------------------------------------------------------------------- */

static int apply_one(struct outbox_lmdb *self, MDB_txn *txn, const struct outbox_put *put, struct sums *sums)
{
    uint8_t bytes[1 + OUTBOX_KEY_MAX];
    CHECK(put->table != 0 && put->key_length >= 1 && put->key_length <= OUTBOX_KEY_MAX);
    CHECK(put->value_length <= OUTBOX_VALUE_MAX);
    bytes[0] = put->table;
    memcpy(bytes + 1, put->key, put->key_length);
    MDB_val key = {1 + put->key_length, bytes};
    uint64_t seal = put->value == NULL ? 0 : seal_of(&key, put->value, put->value_length);
    return lmdb_sealed_put(txn, self->table, &key, seal, put->value, put->value_length, &sums->values);
}

static int apply_all(struct outbox_lmdb *self, MDB_txn *txn, const struct outbox_put *puts, size_t count)
{
    struct sums sums;
    int code = sums_read(self, txn, mdb_txn_id(txn) - 1, &sums) == ERR_OK ? MDB_SUCCESS : MDB_CORRUPTED;
    for (size_t i = 0; i < count && code == MDB_SUCCESS; i++)
        code = apply_one(self, txn, &puts[i], &sums);
    return code == MDB_SUCCESS ? sums_write(self, txn, &sums) : code;
}

static enum err lmdb_apply(struct outbox *outbox, const struct outbox_put *puts, size_t count)
{
    struct outbox_lmdb *self = self_of(outbox);
    CHECK(!self->read_only);
    MDB_txn *txn = NULL;
    if (count == 0)
        return self->writer.stopped ? ERR_IO : ERR_OK;
    enum err err = lmdb_writer_begin(&self->writer, lmdb_writer_growth_bytes(count), &txn);
    return err == ERR_OK ? lmdb_writer_end(&self->writer, txn, apply_all(self, txn, puts, count)) : err;
}

/* ---- scanning --------------------------------------------------------------------------------------------- */

static enum err show(const MDB_val *key, MDB_val *stored, struct state_sum *seen, outbox_visit *visit,
                     void *context)
{
    const uint8_t *bytes = key->mv_data;
    uint64_t seal;
    if (key->mv_size < 2 || key->mv_size > 1 + OUTBOX_KEY_MAX || lmdb_sealed_split(stored, &seal) != ERR_OK ||
        stored->mv_size > OUTBOX_VALUE_MAX)
        return ERR_CORRUPT;
    if (seal != seal_of(key, stored->mv_data, stored->mv_size))
        return ERR_CORRUPT;
    state_sum_add(seen, seal);
    return visit(context, bytes[0], bytes + 1, key->mv_size - 1, stored->mv_data, stored->mv_size);
}

static enum err scan_cursor(MDB_cursor *cursor, struct state_sum *seen, outbox_visit *visit, void *context)
{
    MDB_val key, stored;
    int code = mdb_cursor_get(cursor, &key, &stored, MDB_FIRST);
    while (code == MDB_SUCCESS) {
        bool is_sums = key.mv_size == 1 && *(const uint8_t *)key.mv_data == 0;
        enum err err = is_sums ? ERR_OK : show(&key, &stored, seen, visit, context);
        if (err != ERR_OK)
            return err;
        code = mdb_cursor_get(cursor, &key, &stored, MDB_NEXT);
    }
    return code == MDB_NOTFOUND ? ERR_OK : lmdb_env_err(code);
}

static enum err lmdb_scan(struct outbox *outbox, outbox_visit *visit, void *context)
{
    struct outbox_lmdb *self = self_of(outbox);
    struct sums sums;
    struct state_sum seen = {0};
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int code = mdb_txn_begin(self->writer.env, NULL, MDB_RDONLY, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    enum err err = sums_read(self, txn, mdb_txn_id(txn), &sums);
    if (err == ERR_OK)
        err = lmdb_env_err(mdb_cursor_open(txn, self->table, &cursor));
    if (err == ERR_OK) {
        err = scan_cursor(cursor, &seen, visit, context);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    if (err == ERR_OK && !state_sum_equals(&seen, &sums.values))
        err = ERR_CORRUPT;
    return err;
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static void lmdb_close(struct outbox *outbox)
{
    struct outbox_lmdb *self = self_of(outbox);
    if (self->writer.env != NULL)
        mdb_env_close(self->writer.env);
    free(self);
}

static const struct outbox_methods METHODS = {.apply = lmdb_apply, .scan = lmdb_scan, .close = lmdb_close};

/* A new table gets its sums in the commit that makes it. */
static enum err open_table(struct outbox_lmdb *self)
{
    MDB_txn *txn = NULL;
    struct sums sums = {0};
    int code = mdb_txn_begin(self->writer.env, NULL, 0, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    code = mdb_dbi_open(txn, TABLE_NAME, 0, &self->table);
    if (code == MDB_SUCCESS) {
        enum err err = sums_read(self, txn, mdb_txn_id(txn) - 1, &sums);
        if (err == ERR_OK)
            return lmdb_env_err(mdb_txn_commit(txn)); /* keeps what was opened */
        mdb_txn_abort(txn);
        return err;
    }
    if (code == MDB_NOTFOUND)
        code = mdb_dbi_open(txn, TABLE_NAME, MDB_CREATE, &self->table);
    if (code == MDB_SUCCESS)
        code = sums_write(self, txn, &sums);
    if (code == MDB_SUCCESS)
        return lmdb_env_commit(self->writer.env, txn);
    mdb_txn_abort(txn);
    return lmdb_env_err(code);
}

static enum err find_table(struct outbox_lmdb *self)
{
    MDB_txn *txn = NULL;
    struct sums sums;
    int code = mdb_txn_begin(self->writer.env, NULL, MDB_RDONLY, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    enum err err = lmdb_env_err(mdb_dbi_open(txn, TABLE_NAME, 0, &self->table));
    if (err == ERR_OK)
        err = sums_read(self, txn, mdb_txn_id(txn), &sums);
    if (err == ERR_OK)
        return lmdb_env_err(mdb_txn_commit(txn)); /* keeps what was opened */
    mdb_txn_abort(txn);
    return err;
}

static enum err open_in(const char *path, uint64_t map_size_bytes, bool read_only, struct outbox **out)
{
    struct outbox_lmdb *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->base.methods = &METHODS;
    self->read_only = read_only;
    enum err err = lmdb_writer_open(&self->writer, path, map_size_bytes, read_only);
    if (err == ERR_OK)
        err = read_only ? find_table(self) : open_table(self);
    if (err != ERR_OK) {
        lmdb_close(&self->base);
        return err;
    }
    *out = &self->base;
    return ERR_OK;
}

enum err outbox_open(const char *path, uint64_t map_size_bytes, struct outbox **out)
{
    return open_in(path, map_size_bytes, false, out);
}

enum err outbox_open_to_read(const char *path, uint64_t map_size_bytes, struct outbox **out)
{
    return open_in(path, map_size_bytes, true, out);
}
