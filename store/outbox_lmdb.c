/* The outbox on LMDB: an environment of its own with one named table.
 *
 * Key 0 (one byte) holds the sums; every other key begins with its table, which is not 0. Each value begins with its seal. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "actors/base/check.h"
#include "store/lmdb_env.h"
#include "store/lmdb_shape.h"
#include "store/outbox.h"

enum { SEAL_BYTES = 8, GROWTH_BYTES = 256 * 1024, GROWTH_BYTES_PER_PUT = 8 * 4096, SNAPSHOT_TRIES = 100 };
enum { FORMAT = 1 };

static const char TABLE_NAME[] = "outbox";

/* As it is stored. */
struct sums {
    uint32_t format, zero;
    uint64_t count;
    uint64_t sum;         /* of all seals, modulo 2^64 */
    uint64_t transaction; /* that wrote it: an older page shows */
    uint64_t hash;        /* of what stands before it */
};

_Static_assert(sizeof(struct sums) == 40, "stored as it is");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored as it is");

struct outbox_lmdb {
    struct outbox base;
    MDB_env *env;
    MDB_dbi table;
    bool stopped; /* a commit failed in a way that leaves its outcome unknown */
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

static uint64_t seal_in(const MDB_val *stored)
{
    uint64_t seal;
    memcpy(&seal, stored->mv_data, sizeof seal);
    return seal;
}

static uint64_t sums_hash(const struct sums *sums)
{
    return XXH3_64bits(sums, offsetof(struct sums, hash));
}

static MDB_val sums_key(void)
{
    static const uint8_t KEY = 0;
    return (MDB_val){sizeof KEY, (void *)(uintptr_t)&KEY};
}

/* As of transaction `last`, the newest that is committed. */
static enum err sums_read(struct outbox_lmdb *self, MDB_txn *txn, size_t last, struct sums *out)
{
    MDB_val key = sums_key(), value;
    int code = mdb_get(txn, self->table, &key, &value);
    if (code != MDB_SUCCESS)
        return code == MDB_NOTFOUND ? ERR_CORRUPT : lmdb_env_err(code);
    if (value.mv_size != sizeof *out)
        return ERR_CORRUPT;
    memcpy(out, value.mv_data, sizeof *out);
    if (out->hash != sums_hash(out))
        return ERR_CORRUPT;
    if (out->format != FORMAT)
        return ERR_VERSION;
    return out->transaction == last ? ERR_OK : ERR_CORRUPT;
}

static int sums_write(struct outbox_lmdb *self, MDB_txn *txn, struct sums *sums)
{
    sums->format = FORMAT;
    sums->transaction = mdb_txn_id(txn);
    sums->hash = sums_hash(sums);
    MDB_val key = sums_key(), value = {sizeof *sums, sums};
    return mdb_put(txn, self->table, &key, &value, 0);
}

/* ---- applying --------------------------------------------------------------------------------------------- */

/* Takes the value under a key, if there is one, out of the sums. */
static int leave_sums(struct outbox_lmdb *self, MDB_txn *txn, MDB_val *key, struct sums *sums)
{
    MDB_val stored;
    int code = mdb_get(txn, self->table, key, &stored);
    if (code != MDB_SUCCESS)
        return code;
    if (stored.mv_size < SEAL_BYTES || sums->count == 0)
        return MDB_CORRUPTED;
    sums->count--;
    sums->sum -= seal_in(&stored);
    return MDB_SUCCESS;
}

static int apply_one(struct outbox_lmdb *self, MDB_txn *txn, const struct outbox_put *put, struct sums *sums)
{
    uint8_t bytes[1 + OUTBOX_KEY_MAX];
    CHECK(put->table != 0 && put->key_length >= 1 && put->key_length <= OUTBOX_KEY_MAX);
    CHECK(put->value_length <= OUTBOX_VALUE_MAX);
    bytes[0] = put->table;
    memcpy(bytes + 1, put->key, put->key_length);
    MDB_val key = {1 + put->key_length, bytes};
    int code = leave_sums(self, txn, &key, sums);
    bool is_there = code == MDB_SUCCESS;
    if (!is_there && code != MDB_NOTFOUND)
        return code;
    if (put->value == NULL)
        return is_there ? mdb_del(txn, self->table, &key, NULL) : MDB_SUCCESS;
    uint64_t seal = seal_of(&key, put->value, put->value_length);
    MDB_val stored = {SEAL_BYTES + put->value_length, NULL};
    code = mdb_put(txn, self->table, &key, &stored, MDB_RESERVE);
    if (code != MDB_SUCCESS)
        return code;
    memcpy(stored.mv_data, &seal, sizeof seal);
    if (put->value_length > 0)
        memcpy((uint8_t *)stored.mv_data + SEAL_BYTES, put->value, put->value_length);
    sums->count++;
    sums->sum += seal;
    return MDB_SUCCESS;
}

static int apply_all(struct outbox_lmdb *self, MDB_txn *txn, const struct outbox_put *puts, size_t count)
{
    struct sums sums;
    int code = sums_read(self, txn, mdb_txn_id(txn) - 1, &sums) == ERR_OK ? MDB_SUCCESS : MDB_CORRUPTED;
    for (size_t i = 0; i < count && code == MDB_SUCCESS; i++)
        code = apply_one(self, txn, &puts[i], &sums);
    return code == MDB_SUCCESS ? sums_write(self, txn, &sums) : code;
}

static enum err stop(struct outbox_lmdb *self)
{
    self->stopped = true;
    return ERR_IO;
}

static enum err lmdb_apply(struct outbox *outbox, const struct outbox_put *puts, size_t count)
{
    struct outbox_lmdb *self = self_of(outbox);
    if (self->stopped)
        return ERR_IO;
    if (count == 0)
        return ERR_OK;
    if (!lmdb_env_make_room(self->env, GROWTH_BYTES + count * GROWTH_BYTES_PER_PUT))
        return ERR_FULL;
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->env, NULL, 0, &txn);
    if (code == MDB_SUCCESS) {
        code = apply_all(self, txn, puts, count);
        if (code != MDB_SUCCESS)
            mdb_txn_abort(txn);
    }
    if (code != MDB_SUCCESS)
        return lmdb_env_is_full(code) ? lmdb_env_err(code) : stop(self);
    enum err err = lmdb_env_commit(self->env, txn);
    return err == ERR_IO ? stop(self) : err;
}

/* ---- scanning --------------------------------------------------------------------------------------------- */

static enum err show(const MDB_val *key, const MDB_val *stored, struct sums *seen, outbox_visit *visit,
                     void *context)
{
    const uint8_t *bytes = key->mv_data;
    if (key->mv_size < 2 || key->mv_size > 1 + OUTBOX_KEY_MAX || stored->mv_size < SEAL_BYTES ||
        stored->mv_size > SEAL_BYTES + OUTBOX_VALUE_MAX)
        return ERR_CORRUPT;
    const uint8_t *value = (const uint8_t *)stored->mv_data + SEAL_BYTES;
    size_t length = stored->mv_size - SEAL_BYTES;
    uint64_t seal = seal_in(stored);
    if (seal != seal_of(key, value, length))
        return ERR_CORRUPT;
    seen->count++;
    seen->sum += seal;
    return visit(context, bytes[0], bytes + 1, key->mv_size - 1, value, length);
}

static enum err scan_cursor(MDB_cursor *cursor, struct sums *seen, outbox_visit *visit, void *context)
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
    struct sums sums, seen = {0};
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int code = mdb_txn_begin(self->env, NULL, MDB_RDONLY, &txn);
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
    if (err == ERR_OK && (seen.count != sums.count || seen.sum != sums.sum))
        err = ERR_CORRUPT;
    return err;
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static void lmdb_close(struct outbox *outbox)
{
    struct outbox_lmdb *self = self_of(outbox);
    if (self->env != NULL)
        mdb_env_close(self->env);
    free(self);
}

static const struct outbox_methods METHODS = {.apply = lmdb_apply, .scan = lmdb_scan, .close = lmdb_close};

/* Tests every page before LMDB follows one. */
static enum err check_pages(struct outbox_lmdb *self)
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

/* A new table gets its sums in the commit that makes it. */
static enum err open_table(struct outbox_lmdb *self)
{
    MDB_txn *txn = NULL;
    struct sums sums = {0};
    int code = mdb_txn_begin(self->env, NULL, 0, &txn);
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
        return lmdb_env_commit(self->env, txn);
    mdb_txn_abort(txn);
    return lmdb_env_err(code);
}

enum err outbox_open(const char *path, uint64_t map_size_bytes, struct outbox **out)
{
    struct outbox_lmdb *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->base.methods = &METHODS;
    const char *what = NULL;
    enum err err = lmdb_env_open(
        &(struct lmdb_env_options){
            .path = path, .map_size_bytes = map_size_bytes, .databases = 1, .create = true},
        &self->env, &what);
    if (err == ERR_OK)
        err = check_pages(self);
    if (err == ERR_OK)
        err = open_table(self);
    if (err != ERR_OK) {
        lmdb_close(&self->base);
        return err;
    }
    *out = &self->base;
    return ERR_OK;
}
