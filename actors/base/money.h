/* Amounts: integers in the minor unit of a currency, checked arithmetic, never a float.
 *
 * An amount to move is 1 .. MONEY_MAX. A balance is a signed 64-bit integer: only house and transit
 * accounts, and accounts with an agreed overdraft (a minimum balance below zero), may be below zero.
 */
#ifndef TELLER_BASE_MONEY_H
#define TELLER_BASE_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/str.h"

/* The largest amount of one posting, in minor units: 10^17 (a thousand trillion won or dollars-and-cents
 * 10^15). Sums of fewer than 92 such amounts cannot overflow an int64_t; all sums are checked anyway. */
#define MONEY_MAX INT64_C(100000000000000000)

/* false: the sum or difference does not fit; *out is untouched. */
static inline bool money_add(int64_t a, int64_t b, int64_t *out)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool money_sub(int64_t a, int64_t b, int64_t *out)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference))
        return false;
    *out = difference;
    return true;
}

/* A currency is its index in the ISO 4217 table of currency.c. The index is stable only inside one
 * build: journals, wire and files carry the three letters. */
typedef uint8_t currency_index;

enum { CURRENCY_NONE = 0, CURRENCY_CODE_LENGTH = 3 };

struct currency {
    char code[4];     /* "KRW" */
    uint8_t exponent; /* digits after the point: KRW 0, USD 2, KWD 3 */
};

/* Number of entries; valid indices are 1 .. currency_count() - 1. */
size_t currency_count(void);

/* CHECKs that 0 < index < currency_count(). */
const struct currency *currency_at(currency_index index);

/* CURRENCY_NONE when the three letters are not an active ISO 4217 code (upper case only).
 * Constant time; on the hot path. */
currency_index currency_find(const char *code, size_t length);

/* "12.34" in a currency with two decimals is 1234. Digits, at most one point, at most `exponent` digits
 * after it; no sign, no exponent, no spaces, no leading or trailing point. "12" and "12.3" are fine too.
 * ERR_INVALID: not of that form; ERR_RANGE: more decimals than the currency has, or above INT64_MAX. */
enum err money_parse(struct str text, uint8_t exponent, int64_t *out) MUST_USE;

enum { MONEY_TEXT_MAX = 24 };

/* Writes e.g. "-1234.50" and a NUL; returns the length. */
size_t money_format(int64_t minor, uint8_t exponent, char out[MONEY_TEXT_MAX]);

#endif
