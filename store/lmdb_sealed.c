/* Seals in front of values, and hashed records. */
#include "store/lmdb_sealed.h"

#include <string.h>

#include "store/lmdb_env.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored as it is");

enum err lmdb_sealed_split(MDB_val *stored, uint64_t *seal)
{
    if (stored->mv_size < LMDB_SEAL_BYTES)
        return ERR_CORRUPT;
    memcpy(seal, stored->mv_data, LMDB_SEAL_BYTES);
    *stored = (MDB_val){stored->mv_size - LMDB_SEAL_BYTES, (uint8_t *)stored->mv_data + LMDB_SEAL_BYTES};
    return ERR_OK;
}

/* Takes the value under a key, if there is one, out of the sum. */
static int leave_sum(MDB_txn *txn, MDB_dbi table, MDB_val *key, struct state_sum *sum)
{
    MDB_val stored;
    uint64_t seal;
    int code = mdb_get(txn, table, key, &stored);
    if (code != MDB_SUCCESS)
        return code;
    if (lmdb_sealed_split(&stored, &seal) != ERR_OK || sum->count == 0)
        return MDB_CORRUPTED;
    state_sum_remove(sum, seal);
    return MDB_SUCCESS;
}

int lmdb_sealed_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, uint64_t seal, const uint8_t *value,
                    size_t length, struct state_sum *sum)
{
    int code = leave_sum(txn, table, key, sum);
    bool is_there = code == MDB_SUCCESS;
    if (!is_there && code != MDB_NOTFOUND)
        return code;
    if (value == NULL)
        return is_there ? mdb_del(txn, table, key, NULL) : MDB_SUCCESS;
    MDB_val stored = {LMDB_SEAL_BYTES + length, NULL};
    code = mdb_put(txn, table, key, &stored, MDB_RESERVE);
    if (code != MDB_SUCCESS)
        return code;
    memcpy(stored.mv_data, &seal, LMDB_SEAL_BYTES);
    if (length > 0)
        memcpy((uint8_t *)stored.mv_data + LMDB_SEAL_BYTES, value, length);
    state_sum_add(sum, seal);
    return MDB_SUCCESS;
}

enum { HASH_BYTES = sizeof(uint64_t) };

static uint64_t record_hash(const void *record, size_t size)
{
    return XXH3_64bits(record, size - HASH_BYTES);
}

enum err lmdb_sealed_record_read(MDB_txn *txn, MDB_dbi table, MDB_val key, void *out, size_t size)
{
    MDB_val value = {0, NULL};
    uint64_t hash;
    int code = mdb_get(txn, table, &key, &value);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    if (value.mv_size != size)
        return ERR_CORRUPT;
    memcpy(out, value.mv_data, size);
    memcpy(&hash, (const uint8_t *)out + size - HASH_BYTES, HASH_BYTES);
    return hash == record_hash(out, size) ? ERR_OK : ERR_CORRUPT;
}

int lmdb_sealed_record_write(MDB_txn *txn, MDB_dbi table, MDB_val key, void *record, size_t size)
{
    uint64_t hash = record_hash(record, size);
    memcpy((uint8_t *)record + size - HASH_BYTES, &hash, HASH_BYTES);
    MDB_val value = {size, record};
    return mdb_put(txn, table, &key, &value, 0);
}
