/* What sources of rates have published, kept day by day; and what waits for an operator.
 *
 *     H source | base counter day    a day's accepted rate        (day: 32 bits, big-endian)
 *     W id                           a rate that waits            (64 bits, big-endian)
 *     X source | base counter        the last rejected of a pair
 *     N                              the next id
 *
 * Byte order of keys is order of days. Each value carries a seal over its key and itself, so a damaged one is
 * ERR_CORRUPT and never a rate. Nothing here can be rebuilt from elsewhere: back it up with the rest.
 *
 * Two kinds behind one interface: on LMDB, and in memory for tests and the simulator. One thread. */
#ifndef TELLER_STORE_RATES_H
#define TELLER_STORE_RATES_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/published_rate.h"

enum { RATES_SOURCE_MAX = PRODUCT_MAX, RATES_WHY_MAX = 95, RATES_KEY_MAX = 64, RATES_VALUE_MAX = 512 };

#define RATES_MAP_SIZE_BYTES (UINT64_C(1) << 32)

enum rates_put_kind {
    RATES_PUT_HISTORY,        /* source, rate: replaces the day */
    RATES_PUT_WAITING,        /* id, source, rate, why; the next id becomes id + 1 */
    RATES_PUT_REMOVE_WAITING, /* id */
    RATES_PUT_REJECTED,       /* source, rate: replaces the pair's */
};

struct rates_put {
    enum rates_put_kind kind;
    uint64_t id;
    const char *source; /* 1 .. RATES_SOURCE_MAX bytes, without '|' */
    const char *why;    /* up to RATES_WHY_MAX bytes are kept */
    const struct published_rate *rate;
};

struct rates_waiting {
    uint64_t id;
    char source[RATES_SOURCE_MAX + 1];
    char why[RATES_WHY_MAX + 1];
    struct published_rate rate;
};

struct rates;

/* The directory is made when it is absent. ERR_CORRUPT, ERR_VERSION: not one of ours, or damaged. */
enum err rates_open(const char *path, uint64_t map_size_bytes, struct rates **out) MUST_USE;
/* To read what is there, beside a process that writes it or without one. ERR_NOT_FOUND: nothing is. */
enum err rates_open_to_read(const char *path, uint64_t map_size_bytes, struct rates **out) MUST_USE;
/* In memory. NULL: no memory. */
struct rates *rates_memory_new(void);
/* A NULL store is fine. */
void rates_close(struct rates **self_p);

/* All or none, durable when it returns, in order. ERR_FULL, ERR_NO_MEMORY: nothing was written. ERR_IO: unknown, and every later
 * apply answers ERR_IO too. */
enum err rates_apply(struct rates *self, const struct rates_put *puts, size_t count) MUST_USE;

/* A pair is given by two codes of three letters. All answer ERR_NOT_FOUND, or ERR_CORRUPT, or ERR_IO. */

/* The accepted rate of that very day; the newest of that day or before; the oldest of that day or after. */
enum err rates_find(struct rates *self, const char *source, const char *base, const char *counter,
                    int32_t date, struct published_rate *out) MUST_USE;
enum err rates_as_of(struct rates *self, const char *source, const char *base, const char *counter,
                     int32_t date, struct published_rate *out) MUST_USE;
enum err rates_from(struct rates *self, const char *source, const char *base, const char *counter,
                    int32_t date, struct published_rate *out) MUST_USE;

/* The newest accepted rate of the source's next pair, by codes, behind that in *rate; an empty base: of the first. */
enum err rates_next_pair(struct rates *self, const char *source, struct published_rate *rate) MUST_USE;

enum err rates_rejected(struct rates *self, const char *source, const char *base, const char *counter,
                        struct published_rate *out) MUST_USE;

/* What waits with the smallest id that is at least `id`. */
enum err rates_next_waiting(struct rates *self, uint64_t id, struct rates_waiting *out) MUST_USE;

/* 1 in a new store. No id is ever given twice. */
enum err rates_next_id(struct rates *self, uint64_t *out) MUST_USE;

/* Reads every row, and counts them. */
enum err rates_prove(struct rates *self, uint64_t *rows) MUST_USE;

#endif
