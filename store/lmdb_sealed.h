/* Sealed values in a table of LMDB's, and the record that holds their sums (store/state_seal.h says what for).
 *
 * A stored value is its seal, 8 bytes, and then the value: in front, because a put reads the seal of the value that it
 * replaces, and the first page of a large value is at hand anyway. The record is a struct of the store's; its last 8
 * bytes are a hash of all before them.
 */
#ifndef TELLER_STORE_LMDB_SEALED_H
#define TELLER_STORE_LMDB_SEALED_H

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "store/state_seal.h"

enum { LMDB_SEAL_BYTES = 8 };

/* Puts a value in the place of what is under the key, or deletes that (value NULL), and keeps the sum. LMDB's code;
 * MDB_CORRUPTED: what is there was not in the sum. */
int lmdb_sealed_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, uint64_t seal, const uint8_t *value,
                    size_t length, struct state_sum *sum) MUST_USE;

/* Takes the seal off a stored value; the caller compares it. ERR_CORRUPT: too short for one. */
enum err lmdb_sealed_split(MDB_val *stored, uint64_t *seal) MUST_USE;

/* ERR_NOT_FOUND: there is no record; ERR_CORRUPT: of another size, or its hash is wrong. */
enum err lmdb_sealed_record_read(MDB_txn *txn, MDB_dbi table, MDB_val key, void *out, size_t size) MUST_USE;

/* Sets the hash, too. LMDB's code. */
int lmdb_sealed_record_write(MDB_txn *txn, MDB_dbi table, MDB_val key, void *record, size_t size) MUST_USE;

#endif
