/* Rates of exchange: integers, never a float.
 *
 * A rate says how many major units of one currency a major unit of another is worth, as a multiple of 10^-10: 1350.25
 * won for a dollar is 13,502,500,000,000. Published rates keep their unit (100 yen): `units` stands beside the rate and is
 * divided by at the end, once, so nothing is rounded twice. All products are 128 bits wide and checked.
 */
#ifndef TELLER_BASE_RATE_H
#define TELLER_BASE_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/money.h"
#include "actors/base/str.h"

enum { RATE_DECIMALS = 10, RATE_TEXT_MAX = 24 };

#define RATE_ONE INT64_C(10000000000)
#define RATE_MAX INT64_C(1000000000000000000) /* a hundred million to one */

enum rounding {
    ROUND_DOWN,      /* towards zero */
    ROUND_UP,        /* away from zero */
    ROUND_HALF_EVEN, /* to the nearest; a half to the even neighbour */
};

/* "1350.25": digits, at most one point with digits on both sides, at most RATE_DECIMALS of them after it. ERR_INVALID: not of
 * that form; ERR_RANGE: zero, above RATE_MAX, or more decimals. */
enum err rate_parse(struct str text, int64_t *out) MUST_USE;

/* Without trailing zeros: "1350.25", "1". Writes a NUL; returns the length. */
size_t rate_format(int64_t rate, char out[RATE_TEXT_MAX]);

/* numerator / denominator, both >= 0, denominator > 0. false: the quotient is above INT64_MAX; *out is untouched. */
bool rate_divide(unsigned __int128 numerator, unsigned __int128 denominator, enum rounding rounding,
                 int64_t *out);

/* What `amount` minor units are worth in another currency: amount × rate / units, moved from one currency's decimals to the
 * other's. amount 0 .. MONEY_MAX × 40, rate 1 .. RATE_MAX, units 1 .. 1,000,000. false: it does not fit; *out is untouched. */
bool rate_value(int64_t amount, int64_t rate, uint32_t units, uint8_t from_exponent, uint8_t to_exponent,
                enum rounding rounding, int64_t *out);

/* The rate at which `amount` minor units would be worth `value` minor units, half to even: an average rate, to show. 0
 * where amount is 0 or the rate is above RATE_MAX. */
int64_t rate_between(int64_t amount, uint8_t amount_exponent, int64_t value, uint8_t value_exponent);

#endif
