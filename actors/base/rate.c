/* Rates of exchange. Decimals are moved in the denominator, so that a product never needs more than its two factors. */
#include "actors/base/rate.h"

#include "actors/base/check.h"

/* No currency has more decimals. */
enum { EXPONENT_MAX = 4 };

_Static_assert((int)RATE_TEXT_MAX >= (int)MONEY_TEXT_MAX, "a rate is written as an amount with ten decimals");

enum err rate_parse(struct str text, int64_t *out)
{
    int64_t rate;
    enum err err = money_parse(text, RATE_DECIMALS, &rate);
    if (err != ERR_OK)
        return err;
    if (rate < 1 || rate > RATE_MAX)
        return ERR_RANGE;
    *out = rate;
    return ERR_OK;
}

size_t rate_format(int64_t rate, char out[RATE_TEXT_MAX])
{
    size_t length = money_format(rate, RATE_DECIMALS, out);
    while (out[length - 1] == '0')
        length--;
    if (out[length - 1] == '.')
        length--;
    out[length] = '\0';
    return length;
}

bool rate_divide(unsigned __int128 numerator, unsigned __int128 denominator, enum rounding rounding,
                 int64_t *out)
{
    CHECK(denominator > 0);
    unsigned __int128 quotient = numerator / denominator;
    unsigned __int128 rest = numerator % denominator;
    unsigned __int128 missing = denominator - rest; /* to the next whole one */
    bool up = false;
    switch (rounding) {
    case ROUND_DOWN:
        break;
    case ROUND_UP:
        up = rest > 0;
        break;
    case ROUND_HALF_EVEN:
        up = rest > missing || (rest == missing && (quotient & 1) != 0);
        break;
    }
    if (quotient > INT64_MAX || (quotient == INT64_MAX && up))
        return false;
    *out = (int64_t)quotient + (up ? 1 : 0);
    return true;
}

/* 10^(RATE_DECIMALS + from - to): what divides amount × rate. */
static unsigned __int128 scale(uint8_t from_exponent, uint8_t to_exponent)
{
    unsigned __int128 power = 1;
    CHECK(from_exponent <= EXPONENT_MAX && to_exponent <= EXPONENT_MAX);
    for (int i = 0; i < RATE_DECIMALS + from_exponent - to_exponent; i++)
        power *= 10;
    return power;
}

bool rate_value(int64_t amount, int64_t rate, uint32_t units, uint8_t from_exponent, uint8_t to_exponent,
                enum rounding rounding, int64_t *out)
{
    CHECK(amount >= 0 && amount <= MONEY_MAX * 40 && rate >= 1 && rate <= RATE_MAX && units >= 1 &&
          units <= 1000000);
    return rate_divide((unsigned __int128)amount * (unsigned __int128)rate,
                       scale(from_exponent, to_exponent) * units, rounding, out);
}

int64_t rate_between(int64_t amount, uint8_t amount_exponent, int64_t value, uint8_t value_exponent)
{
    int64_t rate;
    CHECK(amount >= 0 && value >= 0);
    if (amount == 0 ||
        !rate_divide((unsigned __int128)value * scale(amount_exponent, value_exponent),
                     (unsigned __int128)amount, ROUND_HALF_EVEN, &rate) ||
        rate > RATE_MAX)
        return 0;
    return rate;
}
