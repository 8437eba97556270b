#include "broker/offline/stores.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/bank/bank.h"
#include "actors/base/check.h"
#include "actors/ledger/shell/memory.h"
#include "store/lmdb_env.h"
#include "store/state_lmdb.h"

enum { PATH_CAPACITY = 4096 };

static const char *advice_of(enum datadir_store store)
{
    static const char *const advices[DATADIR_STORE_COUNT] = {
        [DATADIR_PUBLISHER] =
            "Put it back from another backup; or move it away, and add the subscribers again.",
        [DATADIR_RATES] = "Put it back from another backup; or move it away, and load the history again.",
        [DATADIR_BANK] =
            "Do not delete it: it knows what was sent to banks. Take another backup; docs/OPERATIONS.md "
            "tells how to go on without it.",
    };
    CHECK(store < DATADIR_STORE_COUNT);
    return advices[store];
}

static enum err path_of(const char *path, enum datadir_store store, char out[PATH_CAPACITY],
                        struct fault *fault)
{
    return datadir_store_path(path, store, out, PATH_CAPACITY)
               ? ERR_OK
               : fault_stop(fault, ERR_INVALID, "the path of a store");
}

/* Names the store. */
static enum err refuse(struct fault *fault, enum datadir_store store, enum err err, const char *doing)
{
    const char *what = err == ERR_NOT_FOUND ? "its file or its table is missing" : err_text(err);
    fault_of(fault, advice_of(store), "the %s store: %s: %s", datadir_store_name(store), doing, what);
    return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

/* ---- proving ---------------------------------------------------------------------------------- */

struct proof {
    uint64_t rows;
    uint64_t hash_key; /* of the data directory */
    struct bank *bank; /* what the adapter would have of the rows */
};

static enum err count_value(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                            size_t value_length)
{
    struct proof *proof = context;
    (void)key;
    (void)key_length;
    (void)value;
    (void)value_length;
    proof->rows++;
    return ERR_OK;
}

static enum err prove_publisher(const char *name, uint64_t map_bytes, struct proof *proof)
{
    struct state *state = NULL;
    struct state_lmdb_options options = state_lmdb_options_default(name);
    options.map_size_bytes = map_bytes;
    options.read_only = true;
    enum err err = state_lmdb_open(&options, &state);
    for (int table = 0; table < STATE_TABLE_COUNT && err == ERR_OK; table++)
        err = state_walk(state, (enum state_table)table, NULL, 0, count_value, proof);
    state_close(&state);
    return err;
}

static enum err prove_rates(const char *name, uint64_t map_bytes, struct proof *proof)
{
    struct rates *rates = NULL;
    enum err err = rates_open_to_read(name, map_bytes, &rates);
    if (err == ERR_OK)
        err = rates_prove(rates, &proof->rows);
    rates_close(&rates);
    return err;
}

static enum err prove_row(void *context, uint8_t table, const uint8_t *key, size_t key_length,
                          const uint8_t *value, size_t value_length)
{
    struct proof *proof = context;
    proof->rows++;
    return bank_restore(proof->bank, table, key, key_length, value, value_length);
}

static enum err prove_bank(const char *name, uint64_t map_bytes, struct proof *proof)
{
    const struct mem mem = memory_pages();
    struct outbox *outbox = NULL;
    enum err err = outbox_open_to_read(name, map_bytes, &outbox);
    if (err == ERR_OK) {
        proof->bank = bank_new(NULL, 0, proof->hash_key, &mem);
        err = proof->bank != NULL ? outbox_scan(outbox, prove_row, proof) : ERR_NO_MEMORY;
    }
    bank_destroy(&proof->bank);
    outbox_close(&outbox);
    return err;
}

static enum err prove(const char *path, const struct datadir_meta *meta, enum datadir_store store,
                      struct stores *out, struct fault *fault)
{
    static enum err (*const proofs[DATADIR_STORE_COUNT])(const char *, uint64_t, struct proof *) = {
        [DATADIR_PUBLISHER] = prove_publisher, [DATADIR_RATES] = prove_rates, [DATADIR_BANK] = prove_bank};
    char name[PATH_CAPACITY];
    struct proof proof = {.hash_key = meta->hash_key};
    enum err err = path_of(path, store, name, fault);
    if (err != ERR_OK)
        return err;
    out->is_there[store] = access(name, F_OK) == 0;
    if (!out->is_there[store])
        return ERR_OK;
    err = proofs[store](name, datadir_store_map_bytes(store), &proof);
    out->rows[store] = proof.rows;
    return err == ERR_OK ? ERR_OK : refuse(fault, store, err, "reading each row");
}

enum err stores_prove(const char *path, const struct datadir_meta *meta, struct stores *out,
                      struct fault *fault)
{
    enum err err = ERR_OK;
    *out = (struct stores){0};
    for (int store = 0; store < DATADIR_STORE_COUNT && err == ERR_OK; store++)
        err = prove(path, meta, (enum datadir_store)store, out, fault);
    return err;
}

/* ---- copying ---------------------------------------------------------------------------------- */

enum err stores_copy(const char *from, const char *to, enum datadir_store store, struct fault *fault)
{
    char source[PATH_CAPACITY], target[PATH_CAPACITY];
    const char *what;
    enum err err = path_of(from, store, source, fault);
    if (err == ERR_OK)
        err = path_of(to, store, target, fault);
    if (err != ERR_OK || access(source, F_OK) != 0)
        return err;
    err = lmdb_env_copy(source, datadir_store_map_bytes(store), target, &what);
    return err == ERR_OK ? ERR_OK : refuse(fault, store, err, "copying");
}

enum err stores_mark_copied(const char *path, int64_t copied_us, struct fault *fault)
{
    char name[PATH_CAPACITY];
    uint8_t value[BANK_COPIED_BYTES];
    struct bank_put put;
    struct outbox *outbox = NULL;
    enum err err = path_of(path, DATADIR_BANK, name, fault);
    if (err != ERR_OK)
        return err;
    bank_copied_put(copied_us, &put, value);
    const struct outbox_put row = {put.table, put.key, put.key_length, put.value, put.value_length};
    err = outbox_open(name, datadir_store_map_bytes(DATADIR_BANK), &outbox);
    if (err == ERR_OK)
        err = outbox_apply(outbox, &row, 1);
    outbox_close(&outbox);
    return err == ERR_OK ? ERR_OK : refuse(fault, DATADIR_BANK, err, "marking it as a copy");
}

/* ---- showing ---------------------------------------------------------------------------------- */

void stores_print(const struct stores *self)
{
    for (int store = 0; store < DATADIR_STORE_COUNT; store++) {
        if (self->is_there[store])
            printf("%s: %" PRIu64 " rows\n", datadir_store_name((enum datadir_store)store),
                   self->rows[store]);
    }
}

json_t *stores_json(const struct stores *self)
{
    json_t *json = json_object();
    for (int store = 0; store < DATADIR_STORE_COUNT; store++)
        json_object_set_new(json, datadir_store_name((enum datadir_store)store),
                            self->is_there[store] ? json_integer((json_int_t)self->rows[store])
                                                  : json_null());
    return json;
}
