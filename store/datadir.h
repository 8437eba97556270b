/* A node's data directory.
 *
 *     DIR/meta.json        what was fixed at init
 *     DIR/lock             held by the serving process
 *     DIR/p000/journal     the journal of partition 0 (LMDB); the truth
 *     DIR/p000/state       its state store (LMDB); rebuilt from the journal when it is deleted
 *     DIR/p001 …
 *     DIR/rates            what sources of rates have published (LMDB); made when it is first needed
 *     DIR/bank             what was sent to banks and what came of it (LMDB); made when it is first needed
 *     DIR/publisher        subscribers, their cursors and dead letters (LMDB); made at the first start
 *
 * meta.json is written last, so a directory without it was never finished. Everything is synced before
 * init returns. Directories are 0700, files 0600.
 *
 * Each failure comes with a sentence for the operator: what is wrong, and what to do about it.
 */
#ifndef TELLER_STORE_DATADIR_H
#define TELLER_STORE_DATADIR_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/money.h"
#include "store/journal.h"
#include "store/outbox.h"
#include "store/rates.h"
#include "store/state.h"

enum {
    DATADIR_FORMAT_VERSION = 2,
    DATADIR_PARTITIONS_MAX = 64,
    DATADIR_NODE_ID_LENGTH = 32, /* hexadecimal digits */
};

/* The longest id retention: 100 years. */
#define DATADIR_RETENTION_SECONDS_MAX INT64_C(3153600000)

struct datadir_error {
    char text[512]; /* "" where nothing is wrong */
};

struct datadir_config {
    uint32_t partitions;          /* 1 .. DATADIR_PARTITIONS_MAX */
    int64_t id_retention_seconds; /* 1 .. DATADIR_RETENTION_SECONDS_MAX */
    currency_index base_currency; /* of book values; CURRENCY_NONE: KRW */
};

/* What meta.json says. */
struct datadir_meta {
    uint32_t partitions;
    int64_t id_retention_seconds;
    currency_index base_currency;             /* of book values */
    uint64_t hash_key;                        /* random; secret: clients must not know it */
    int64_t created_us;                       /* since 1970-01-01 UTC */
    char node_id[DATADIR_NODE_ID_LENGTH + 1]; /* random */
};

/* Makes a data directory; its parent exists. ERR_EXISTS: something is there that is not an empty
 * directory; ERR_INVALID: the configuration. */
enum err datadir_init(const char *path, const struct datadir_config *config,
                      struct datadir_error *error) MUST_USE;

/* The same for restore: every value is given, the random ones too, and the journals are not made:
 * journal_lmdb_copy to datadir_journal_path does that, and then datadir_init_finish writes meta.json. */
enum err datadir_init_begin(const char *path, const struct datadir_meta *meta,
                            struct datadir_error *error) MUST_USE;
enum err datadir_init_finish(const char *path, const struct datadir_meta *meta,
                             struct datadir_error *error) MUST_USE;

enum datadir_mode {
    DATADIR_SERVING, /* one process, which may write; ERR_LOCKED when another one serves */
    DATADIR_READING, /* beside a serving process, or without one */
};

struct datadir;

/* ERR_NOT_FOUND: no data directory; ERR_VERSION: of another format; ERR_CORRUPT: meta.json is damaged;
 * ERR_LOCKED. */
enum err datadir_open(const char *path, enum datadir_mode mode, struct datadir **out,
                      struct datadir_error *error) MUST_USE;

/* Gives up the lock. Close journals and states first. */
void datadir_close(struct datadir **self_p);

const struct datadir_meta *datadir_meta(const struct datadir *self);

/* Sizes for the opens that follow, e.g. where address space is limited. 0: as it was. */
void datadir_set_map_sizes(struct datadir *self, uint64_t journal_bytes, uint64_t state_bytes);

/* DIR/p000/journal. false: it does not fit. */
bool datadir_journal_path(const char *path, uint32_t partition, char *out, size_t capacity);

/* The stores of the services beside the ledgers. */
enum datadir_store { DATADIR_PUBLISHER, DATADIR_RATES, DATADIR_BANK, DATADIR_STORE_COUNT };

/* "rates": the name of its directory. */
const char *datadir_store_name(enum datadir_store store);
/* DIR/rates. false: it does not fit. */
bool datadir_store_path(const char *path, enum datadir_store store, char *out, size_t capacity);
/* Address space of one. */
uint64_t datadir_store_map_bytes(enum datadir_store store);

/* Opens a partition's journal, for writing when serving. A journal that is not there is an error: it is never
 * made anew. */
enum err datadir_journal(struct datadir *self, uint32_t partition, struct journal **out,
                         struct datadir_error *error) MUST_USE;

/* Opens a partition's state store, for writing when serving; then it is made when it is absent. */
enum err datadir_state(struct datadir *self, uint32_t partition, struct state **out,
                       struct datadir_error *error) MUST_USE;

/* Opens the store of published rates, which is made when it is absent. Serving only. */
enum err datadir_rates(struct datadir *self, struct rates **out, struct datadir_error *error) MUST_USE;

/* Opens the publisher's store, which is made when it is absent. Serving only. */
enum err datadir_publisher(struct datadir *self, struct state **out, struct datadir_error *error) MUST_USE;

/* Opens the bank adapter's store, which is made when it is absent. Serving only. */
enum err datadir_outbox(struct datadir *self, struct outbox **out, struct datadir_error *error) MUST_USE;

/* Deletes a partition's state store (it is not open), so that the next start rebuilds it. Serving only. */
enum err datadir_drop_state(struct datadir *self, uint32_t partition, struct datadir_error *error) MUST_USE;

#endif
