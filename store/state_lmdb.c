/* The state store on LMDB.
 *
 * Stored values are sealed (store/lmdb_sealed.h).
 *
 * The sums of all tables stand in one record of the main table, in the very page that has the roots of the tables:
 * every commit writes that page. The record has a hash of its own, and the number of the transaction that wrote it,
 * which is the last one or the page is an older one. What a walk has read must give the sum in the record; so of any mix
 * of pages that LMDB may be shown, either a table is as one commit left it, or it is ERR_CORRUPT. A store that is as an
 * older commit left it, as a whole, is fine: the journal is replayed from where it says.
 *
 * Invariant: after each commit, sums.tables[t] is the count and sum of the seals of all values in table t. */
#include "store/state_lmdb.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "store/lmdb_env.h"
#include "store/lmdb_sealed.h"
#include "store/lmdb_writer.h"

static const char *const TABLE_NAMES[STATE_TABLE_COUNT] = {
    [STATE_ACCOUNTS] = "accounts",       [STATE_IDS] = "ids",
    [STATE_RECORDS] = "records",         [STATE_HOLDS] = "holds",
    [STATE_REMITTANCES] = "remittances",
};

enum { KEY_MAX = 64, FORMAT = 4 };

/* As it is stored. */
struct sums {
    uint64_t format;
    uint64_t transaction; /* LMDB's, that wrote it */
    struct state_sum tables[STATE_TABLE_COUNT];
    uint64_t hash; /* of all before it */
};

_Static_assert(sizeof(struct sums) == (3 + 2 * STATE_TABLE_COUNT) * sizeof(uint64_t), "stored as it is");

struct state_lmdb {
    struct state base;
    struct lmdb_writer writer;
    MDB_dbi main;
    MDB_dbi tables[STATE_TABLE_COUNT];
    bool read_only;
};

static struct state_lmdb *self_of(struct state *state)
{
    return (struct state_lmdb *)state;
}

static MDB_val value_of(const uint8_t *bytes, size_t length)
{
    return (MDB_val){length, (void *)(uintptr_t)bytes};
}

/* ---- the sums ------------------------------------------------------------------------------------------- */

static MDB_val sums_key(void)
{
    static const char NAME[] = "sums";
    return value_of((const uint8_t *)NAME, sizeof NAME - 1);
}

/* As of transaction `last`, the newest that is committed. ERR_VERSION: an older format, or a newer one. */
static enum err sums_read(struct state_lmdb *self, MDB_txn *txn, size_t last, struct sums *out)
{
    enum err err = lmdb_sealed_record_read(txn, self->main, sums_key(), out, sizeof *out);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_VERSION : err; /* before format 2 there was none */
    if (out->format != FORMAT)
        return ERR_VERSION;
    return out->transaction == last ? ERR_OK : ERR_CORRUPT;
}

static int sums_write(struct state_lmdb *self, MDB_txn *txn, struct sums *sums)
{
    sums->format = FORMAT;
    sums->transaction = mdb_txn_id(txn);
    return lmdb_sealed_record_write(txn, self->main, sums_key(), sums, sizeof *sums);
}

/* ---- applying ------------------------------------------------------------------------------------------- */

static int apply_one(struct state_lmdb *self, MDB_txn *txn, const struct state_put *put,
                     struct state_sum *sum)
{
    CHECK(put->table < STATE_TABLE_COUNT && put->key_length >= 1 && put->key_length <= KEY_MAX);
    MDB_val key = value_of(put->key, put->key_length);
    uint64_t seal = 0;
    if (put->value != NULL)
        seal = state_seal(put->table, put->key, put->key_length, put->value, put->value_length);
    return lmdb_sealed_put(txn, self->tables[put->table], &key, seal, put->value, put->value_length, sum);
}

static int apply_all(struct state_lmdb *self, MDB_txn *txn, const struct state_put *puts, size_t count)
{
    struct sums sums;
    int code = sums_read(self, txn, mdb_txn_id(txn) - 1, &sums) == ERR_OK ? MDB_SUCCESS : MDB_CORRUPTED;
    for (size_t i = 0; i < count && code == MDB_SUCCESS; i++)
        code = apply_one(self, txn, &puts[i], &sums.tables[puts[i].table]);
    return code == MDB_SUCCESS ? sums_write(self, txn, &sums) : code;
}

static uint64_t growth_bytes(const struct state_put *puts, size_t count)
{
    uint64_t bytes = lmdb_writer_growth_bytes(count);
    for (size_t i = 0; i < count; i++)
        bytes += puts[i].value_length;
    return bytes;
}

static enum err lmdb_apply(struct state *state, const struct state_put *puts, size_t count)
{
    struct state_lmdb *self = self_of(state);
    CHECK(!self->read_only);
    MDB_txn *txn = NULL;
    enum err err = lmdb_writer_begin(&self->writer, growth_bytes(puts, count), &txn);
    return err == ERR_OK ? lmdb_writer_end(&self->writer, txn, apply_all(self, txn, puts, count)) : err;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

/* Tests the seal of a stored value, and leaves the value alone in *stored. */
static enum err unseal(enum state_table table, const MDB_val *key, MDB_val *stored, uint64_t *seal)
{
    if (lmdb_sealed_split(stored, seal) != ERR_OK)
        return ERR_CORRUPT;
    return *seal == state_seal(table, key->mv_data, key->mv_size, stored->mv_data, stored->mv_size)
               ? ERR_OK
               : ERR_CORRUPT;
}

static enum err lmdb_get(struct state *state, enum state_table table, const uint8_t *key, size_t key_length,
                         uint8_t *out, size_t capacity, size_t *length)
{
    struct state_lmdb *self = self_of(state);
    CHECK(table < STATE_TABLE_COUNT && key_length >= 1 && key_length <= KEY_MAX);
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->writer.env, NULL, MDB_RDONLY, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    MDB_val k = value_of(key, key_length);
    MDB_val value = {0, NULL};
    uint64_t seal;
    enum err err = lmdb_env_err(mdb_get(txn, self->tables[table], &k, &value));
    if (err == ERR_OK)
        err = unseal(table, &k, &value, &seal);
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

static enum err walk_cursor(MDB_cursor *cursor, enum state_table table, const uint8_t *prefix,
                            size_t prefix_length,
                            enum err (*visit)(void *context, const uint8_t *key, size_t key_length,
                                              const uint8_t *value, size_t value_length),
                            void *context, struct state_sum *seen)
{
    MDB_val key = value_of(prefix, prefix_length);
    MDB_val value;
    uint64_t seal;
    int code = mdb_cursor_get(cursor, &key, &value, prefix_length > 0 ? MDB_SET_RANGE : MDB_FIRST);
    while (code == MDB_SUCCESS && key.mv_size >= prefix_length &&
           (prefix_length == 0 || memcmp(key.mv_data, prefix, prefix_length) == 0)) {
        enum err err = unseal(table, &key, &value, &seal);
        if (err == ERR_OK)
            err = visit(context, key.mv_data, key.mv_size, value.mv_data, value.mv_size);
        if (err != ERR_OK)
            return err;
        state_sum_add(seen, seal);
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return code == MDB_NOTFOUND ? ERR_OK : lmdb_env_err(code);
}

/* Whether these are all values of the table. */
static enum err test_sum(struct state_lmdb *self, MDB_txn *txn, enum state_table table,
                         const struct state_sum *seen)
{
    struct sums sums;
    enum err err = sums_read(self, txn, mdb_txn_id(txn), &sums);
    if (err == ERR_OK && !state_sum_equals(&sums.tables[table], seen))
        err = ERR_CORRUPT;
    return err;
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
    struct state_sum seen = {0, 0};
    int code = mdb_txn_begin(self->writer.env, NULL, MDB_RDONLY, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    enum err err = lmdb_env_err(mdb_cursor_open(txn, self->tables[table], &cursor));
    if (err == ERR_OK) {
        err = walk_cursor(cursor, table, prefix, prefix_length, visit, context, &seen);
        mdb_cursor_close(cursor);
    }
    if (err == ERR_OK && prefix_length == 0)
        err = test_sum(self, txn, table, &seen);
    mdb_txn_abort(txn);
    return err;
}

static void lmdb_close(struct state **state_p)
{
    struct state_lmdb *self = self_of(*state_p);
    if (self->writer.env != NULL)
        mdb_env_close(self->writer.env);
    free(self);
    *state_p = NULL;
}

static const struct state_methods METHODS = {
    .apply = lmdb_apply,
    .get = lmdb_get,
    .walk = lmdb_walk,
    .close = lmdb_close,
};

/* ---- opening -------------------------------------------------------------------------------------------- */

static int open_tables(struct state_lmdb *self, MDB_txn *txn, unsigned flags)
{
    int code = MDB_SUCCESS;
    for (int i = 0; i < STATE_TABLE_COUNT && code == MDB_SUCCESS; i++)
        code = mdb_dbi_open(txn, TABLE_NAMES[i], flags, &self->tables[i]);
    return code;
}

/* Tables and sums in one commit. Does nothing where there is one already. */
static enum err make_tables(struct state_lmdb *self)
{
    struct sums sums = {0};
    MDB_stat stat;
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->writer.env, NULL, 0, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    code = mdb_dbi_open(txn, NULL, 0, &self->main);
    if (code == MDB_SUCCESS)
        code = mdb_stat(txn, self->main, &stat);
    bool is_made = code == MDB_SUCCESS && stat.ms_entries > 0;
    if (code == MDB_SUCCESS && !is_made)
        code = open_tables(self, txn, MDB_CREATE);
    if (code == MDB_SUCCESS && !is_made)
        code = sums_write(self, txn, &sums);
    if (code == MDB_SUCCESS && !is_made)
        return lmdb_env_err(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return lmdb_env_err(code);
}

static enum err find_tables(struct state_lmdb *self)
{
    struct sums sums;
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(self->writer.env, NULL, MDB_RDONLY, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    enum err err = lmdb_env_err(mdb_dbi_open(txn, NULL, 0, &self->main));
    if (err == ERR_OK)
        err = sums_read(self, txn, mdb_txn_id(txn), &sums);
    if (err == ERR_OK)
        err = lmdb_env_err(open_tables(self, txn, 0));
    if (err == ERR_OK)
        return lmdb_env_err(mdb_txn_commit(txn)); /* keeps what was opened */
    mdb_txn_abort(txn);
    return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
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
        &self->writer.env, &what);
    if (err == ERR_OK && !options->read_only)
        err = make_tables(self);
    if (err == ERR_OK)
        err = find_tables(self);
    if (err != ERR_OK) {
        lmdb_close(&state);
        return err;
    }
    *out = state;
    return ERR_OK;
}
