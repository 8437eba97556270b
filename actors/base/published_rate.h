/* A rate as a source published it: nothing turned round, nothing divided. The feed decides on it, the store keeps it, the
 * wire shows it. */
#ifndef TELLER_BASE_PUBLISHED_RATE_H
#define TELLER_BASE_PUBLISHED_RATE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "actors/base/money.h"
#include "actors/base/text.h"

/* `units` of base are worth `rate` of counter (actors/base/rate.h). Currencies are three capital letters: a history has
 * some that are not of ISO 4217 any more. */
struct published_rate {
    char base[CURRENCY_CODE_LENGTH + 1], counter[CURRENCY_CODE_LENGTH + 1];
    int32_t date;                    /* days since 1970-01-01, where the publisher is */
    uint32_t units;                  /* 1 .. 10,000 */
    int64_t rate;                    /* above 0 */
    int64_t buy, sell;               /* at which the publisher buys and sells base; 0: not published */
    int64_t taken_us;                /* when it was fetched */
    char accepted_by[OWNER_MAX + 1]; /* the operator; "": nobody had to */
};

static inline bool published_rate_same_pair(const struct published_rate *a, const struct published_rate *b)
{
    return memcmp(a->base, b->base, CURRENCY_CODE_LENGTH) == 0 &&
           memcmp(a->counter, b->counter, CURRENCY_CODE_LENGTH) == 0;
}

static inline bool published_rate_same_values(const struct published_rate *a, const struct published_rate *b)
{
    return a->units == b->units && a->rate == b->rate && a->buy == b->buy && a->sell == b->sell;
}

#endif
