/* Tests the pages of an LMDB 0.9 file before LMDB reads them.
 *
 * LMDB trusts its pages: a flipped bit in one can make it read outside the file and end the process. This
 * reads the trees of the main table and of the table of free pages with pread, and tests everything that
 * LMDB would follow: page numbers, kinds, bounds, node offsets, key order, and that no page is used twice
 * or used and free, and that neither meta page names a transaction that is not its own. It costs a read of the trees' own pages and of the first page of each large value, not
 * of the values.
 *
 * For files with 8-byte keys in native order in the main table and nothing else: journals. And for files whose main table
 * names tables of byte keys (1 .. 64 bytes) in byte order, and may hold small values beside them: state stores.
 */
#ifndef TELLER_STORE_LMDB_SHAPE_H
#define TELLER_STORE_LMDB_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/err.h"

/* Tests the meta pages, which mdb_env_open itself trusts, and the length of the file. ERR_CORRUPT,
 * ERR_VERSION: *what says why. */
enum err lmdb_shape_check_meta(int file, const char **what) MUST_USE;

/* Puts right what LMDB leaves when it cannot write the meta page of a commit: it writes it again with the number of an
 * older transaction, but with the tables of the failed one, and a file like that has two histories. A flipped bit
 * in the number of the last commit looks just the same. Either way all other pages of that commit are durable, and
 * either way it may be there; so its page gets the number of that commit, when its trees pass every test. Call
 * before LMDB opens the file, without another writer. ERR_OK, too, when there is nothing to put right, or nothing that
 * can be: the tests above and below tell. */
enum err lmdb_shape_settle(int file) MUST_USE;

/* Tests the tree as of transaction `txnid`. Beside a writer, the caller holds a read transaction with that
 * number, so that the tree's pages stay as they are. `from`: pages with
 * keys below it only are left out; 0: every page is tested. ERR_CORRUPT: *what says why, and *key is the last key
 * before the damage (0: none). ERR_TIMEOUT: a writer has already replaced that transaction's meta page; take
 * a new one. */
enum err lmdb_shape_check_tree(int file, uint64_t txnid, uint64_t from, uint64_t *key,
                               const char **what) MUST_USE;

/* The same for a file of named tables; every page is tested. Costs a read of the trees' pages, and of one sector
 * for each value that has pages of its own. */
enum err lmdb_shape_check_named(int file, uint64_t txnid, const char **what) MUST_USE;

#endif
