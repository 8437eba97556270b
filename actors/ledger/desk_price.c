#include "actors/ledger/desk_price.h"

#include <string.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"

/* ---- the way ---------------------------------------------------------------------------------------------- */

/* The rates that lead from `from` and those that lead to `to`, by the currency on the other side: NULL, or the rate of the
 * pair itself, else that of the pair turned round. */
struct neighbours {
    const struct ledger_rate *of_from[256], *of_to[256];
};

static void neighbour_note(const struct ledger_rate **slot, const struct ledger_rate *rate, bool is_itself)
{
    if (is_itself || !*slot)
        *slot = rate;
}

static void neighbours_fill(const struct desk *desk, currency_index from, currency_index to,
                            struct neighbours *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < desk->rate_count; i++) {
        const struct ledger_rate *rate = &desk->rates[i];
        if (rate->base == from)
            neighbour_note(&out->of_from[rate->counter], rate, true);
        if (rate->counter == from)
            neighbour_note(&out->of_from[rate->base], rate, false);
        if (rate->counter == to)
            neighbour_note(&out->of_to[rate->base], rate, true);
        if (rate->base == to)
            neighbour_note(&out->of_to[rate->counter], rate, false);
    }
}

static int64_t older_of(const struct ledger_rate *a, const struct ledger_rate *b)
{
    return a->as_of_us < b->as_of_us ? a->as_of_us : b->as_of_us;
}

/* The third currency whose older rate is youngest, of equals the first by code: indices are in that order. */
static currency_index third_find(const struct neighbours *known)
{
    currency_index best = CURRENCY_NONE;
    int64_t best_us = 0;
    for (unsigned i = 1; i < currency_count(); i++) {
        if (!known->of_from[i] || !known->of_to[i])
            continue;
        int64_t older_us = older_of(known->of_from[i], known->of_to[i]);
        if (best == CURRENCY_NONE || older_us > best_us) {
            best = (currency_index)i;
            best_us = older_us;
        }
    }
    return best;
}

bool ledger_rate_is_stale(const struct ledger_rate *rate, int64_t now_us)
{
    int64_t end_us;
    return money_add(rate->as_of_us, rate->age_limit_us, &end_us) && now_us > end_us;
}

/* A rate says: units × base = rate × 10^-10 × counter. */
static void leg_set(struct desk_way *way, int leg, const struct ledger_rate *rate, currency_index from)
{
    uint64_t counter = (uint64_t)rate->rate, base = (uint64_t)RATE_ONE * rate->units;
    way->above[leg] = rate->base == from ? counter : base;
    way->below[leg] = rate->base == from ? base : counter;
}

enum code desk_way_find(const struct desk *desk, currency_index from, currency_index to, int64_t now_us,
                        struct desk_way *out)
{
    struct neighbours known;
    neighbours_fill(desk, from, to, &known);
    *out = (struct desk_way){.from = from, .to = to, .above = {1, 1}, .below = {1, 1}};
    const struct ledger_rate *first = known.of_from[to], *second = NULL;
    if (!first) {
        currency_index third = third_find(&known);
        if (third == CURRENCY_NONE)
            return CODE_RATE_NOT_FOUND;
        MARK("a way leads over a third currency");
        first = known.of_from[third];
        second = known.of_to[third];
        leg_set(out, 1, second, third);
    }
    leg_set(out, 0, first, from);
    return ledger_rate_is_stale(first, now_us) || (second && ledger_rate_is_stale(second, now_us))
               ? CODE_RATE_STALE
               : CODE_OK;
}

/* ---- products ----------------------------------------------------------------------------------------------- */

enum { FACTORS_MAX = DESK_LEGS_MAX + 3 };

/* A fraction on its way to one division. */
struct fraction {
    uint64_t above[FACTORS_MAX], below[FACTORS_MAX];
    int above_count, below_count;
};

static uint64_t common_factor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void put_above(struct fraction *f, uint64_t factor)
{
    f->above[f->above_count++] = factor;
}

static void put_below(struct fraction *f, uint64_t factor)
{
    f->below[f->below_count++] = factor;
}

/* What stands above the line and below it too goes out: the products are as small as they can be. */
static void reduce(struct fraction *f)
{
    for (int i = 0; i < f->above_count; i++) {
        for (int j = 0; j < f->below_count && f->above[i] > 1; j++) {
            uint64_t common = common_factor(f->above[i], f->below[j]);
            f->above[i] /= common;
            f->below[j] /= common;
        }
    }
}

static bool product(const uint64_t *factors, int count, unsigned __int128 *out)
{
    *out = 1;
    for (int i = 0; i < count; i++) {
        if (__builtin_mul_overflow(*out, (unsigned __int128)factors[i], out))
            return false;
    }
    return true;
}

static bool divide(struct fraction *f, enum rounding rounding, int64_t *out)
{
    unsigned __int128 numerator, denominator;
    reduce(f);
    if (!product(f->above, f->above_count, &numerator) || !product(f->below, f->below_count, &denominator)) {
        MARK("a product of rates does not fit 128 bits");
        return false;
    }
    return rate_divide(numerator, denominator, rounding, out);
}

static uint64_t power_of_ten(uint8_t exponent)
{
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* number × mid, from minor units to minor units. */
static struct fraction times_mid(const struct desk_way *way, uint64_t number)
{
    struct fraction f = {.above = {number, way->above[0], way->above[1]},
                         .below = {way->below[0], way->below[1]},
                         .above_count = 3,
                         .below_count = 2};
    put_above(&f, power_of_ten(currency_at(way->to)->exponent));
    put_below(&f, power_of_ten(currency_at(way->from)->exponent));
    return f;
}

/* number / mid. */
static struct fraction over_mid(const struct desk_way *way, uint64_t number)
{
    struct desk_way back = {
        way->to, way->from, {way->below[0], way->below[1]}, {way->above[0], way->above[1]}};
    return times_mid(&back, number);
}

bool desk_way_value(const struct desk_way *way, int64_t amount, enum rounding rounding, int64_t *out)
{
    struct fraction f = times_mid(way, (uint64_t)amount);
    return divide(&f, rounding, out);
}

/* ---- a quote ------------------------------------------------------------------------------------------------ */

/* ⌊amount × mid × ppm / 10^6⌋. false: it does not fit. */
static bool part_of_mid(const struct desk_way *way, int64_t amount, uint32_t ppm, int64_t *out)
{
    struct fraction f = times_mid(way, (uint64_t)amount);
    *out = 0;
    if (ppm == 0)
        return true;
    put_above(&f, ppm);
    f.below[f.below_count++] = DESK_PPM;
    return divide(&f, ROUND_DOWN, out);
}

/* In major units, 10^-10: without the exponents of the currencies. */
static bool shown(const struct desk_way *way, uint32_t ppm, int64_t *out)
{
    struct fraction f = {.above = {(uint64_t)RATE_ONE, way->above[0], way->above[1], ppm},
                         .below = {way->below[0], way->below[1], DESK_PPM},
                         .above_count = 4,
                         .below_count = 3};
    return divide(&f, ROUND_DOWN, out);
}

/* The amount that was not asked for. */
static bool other_amount(const struct desk_way *way, uint32_t kept_ppm, uint8_t side, int64_t amount,
                         struct desk_price *out)
{
    if (side == QUOTE_SELL) {
        out->sell_amount = amount;
        return part_of_mid(way, amount, kept_ppm, &out->buy_amount);
    }
    struct fraction f = over_mid(way, (uint64_t)amount);
    put_above(&f, DESK_PPM);
    put_below(&f, kept_ppm);
    out->buy_amount = amount;
    return divide(&f, ROUND_UP, &out->sell_amount);
}

enum code desk_price_of(const struct desk_way *way, uint32_t spread_ppm, uint8_t side, int64_t amount,
                        struct desk_price *out)
{
    uint32_t kept_ppm = DESK_PPM - spread_ppm;
    int64_t whole;
    *out = (struct desk_price){0};
    if (!other_amount(way, kept_ppm, side, amount, out) || out->sell_amount > MONEY_MAX)
        return CODE_INVALID_FIELD;
    if (!desk_way_value(way, out->sell_amount, ROUND_DOWN, &whole) || whole > MONEY_MAX ||
        !part_of_mid(way, out->sell_amount, spread_ppm, &out->spread) || !shown(way, DESK_PPM, &out->mid) ||
        !shown(way, kept_ppm, &out->rate))
        return CODE_INVALID_FIELD;
    if (out->buy_amount == 0)
        return CODE_AMOUNT_TOO_SMALL;
    out->residue = whole - out->buy_amount - out->spread;
    CHECK(out->residue >= 0);
    return CODE_OK;
}
