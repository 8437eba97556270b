/* The arithmetic of the FX desk: which way leads from one currency to another, and what a quote says.
 *
 * Pure numbers. A mid rate is never a number by itself but a fraction: products of published rates above and below the line,
 * kept as lists of 64-bit factors. An amount is multiplied by it in one step: common factors are taken out, the
 * products are 128 bits wide and checked, and one division rounds once.
 *
 * For a quote, with x = sell amount × mid, unrounded, in minor units of buy, and s the spread (0 .. 0.5):
 *
 *     side sell   buy = ⌊x (1 − s)⌋
 *     side buy    sell = ⌈buy / (mid (1 − s))⌉, so that buy <= x (1 − s), and buy <= ⌊x (1 − s)⌋, buy being whole
 *     spread  = ⌊x s⌋
 *     residue = ⌊x⌋ − buy − spread
 *
 * The residue is not below zero: ⌊x (1 − s)⌋ + ⌊x s⌋ <= ⌊x (1 − s) + x s⌋ = ⌊x⌋. So buy + spread + residue = ⌊x⌋, exactly.
 */
#ifndef TELLER_LEDGER_DESK_PRICE_H
#define TELLER_LEDGER_DESK_PRICE_H

#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/money.h"
#include "actors/base/rate.h"
#include "actors/ledger/desk.h"

enum { DESK_LEGS_MAX = 2, DESK_PPM = 1000000 };

/* A mid rate: major units of `to` for one major unit of `from` are the product of above[] over that of below[]. */
struct desk_way {
    currency_index from, to;
    uint64_t above[DESK_LEGS_MAX], below[DESK_LEGS_MAX];
};

struct desk_price {
    int64_t sell_amount, buy_amount;
    int64_t spread, residue;
    int64_t mid, rate; /* major units, 10^-10, rounded down; to show */
};

/* The way between two different currencies as docs/WIRE.md ("Mid rates") finds it. CODE_OK; CODE_RATE_NOT_FOUND; CODE_RATE_STALE:
 * one of its rates is older than its limit at now_us. */
enum code desk_way_find(const struct desk *desk, currency_index from, currency_index to, int64_t now_us,
                        struct desk_way *out);

/* What `amount` (1 .. MONEY_MAX × 40) minor units of from are worth, in minor units of to. false: it does not fit. */
bool desk_way_value(const struct desk_way *way, int64_t amount, enum rounding rounding, int64_t *out);

/* The amounts of a quote; spread_ppm 0 .. 500,000; amount 1 .. MONEY_MAX, of the currency that side says (enum quote_side).
 * CODE_OK; CODE_AMOUNT_TOO_SMALL: nothing for something; CODE_INVALID_FIELD: an amount above MONEY_MAX, or a product or a
 * rate that does not fit. */
enum code desk_price_of(const struct desk_way *way, uint32_t spread_ppm, uint8_t side, int64_t amount,
                        struct desk_price *out);

#endif
