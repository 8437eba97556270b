/* Amounts as decimal text, to and from minor units, digit by digit. */
#include "actors/base/money.h"

#include "actors/base/check.h"

/* No currency has more decimals than four; a sign, 19 digits, a point and a NUL fit MONEY_TEXT_MAX. */
enum { MONEY_EXPONENT_MAX = 18 };

/* Appends one decimal digit; false: the value no longer fits. */
static bool push_digit(int64_t *value, int digit)
{
    int64_t scaled;
    return !__builtin_mul_overflow(*value, INT64_C(10), &scaled) && money_add(scaled, digit, value);
}

/* The form alone: digits, at most one point, and a digit on both sides of it. */
static bool is_decimal(struct str text, uint32_t *decimals)
{
    uint32_t point = text.length;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] == '.' && point == text.length)
            point = i;
        else if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    *decimals = point == text.length ? 0 : text.length - point - 1;
    return point > 0 && (point == text.length || *decimals > 0);
}

enum err money_parse(struct str text, uint8_t exponent, int64_t *out)
{
    int64_t value = 0;
    uint32_t decimals;
    if (!is_decimal(text, &decimals))
        return ERR_INVALID;
    if (decimals > exponent)
        return ERR_RANGE;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] != '.' && !push_digit(&value, text.data[i] - '0'))
            return ERR_RANGE;
    }
    for (uint32_t i = decimals; i < exponent; i++) {
        if (!push_digit(&value, 0))
            return ERR_RANGE;
    }
    *out = value;
    return ERR_OK;
}

size_t money_format(int64_t minor, uint8_t exponent, char out[MONEY_TEXT_MAX])
{
    /* Written from the last digit backwards. The magnitude is unsigned, so that INT64_MIN has one. */
    char reversed[MONEY_TEXT_MAX];
    uint64_t left = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    size_t length = 0;
    size_t digits = 0;
    CHECK(exponent <= MONEY_EXPONENT_MAX);
    do {
        if (digits == exponent && exponent > 0)
            reversed[length++] = '.';
        reversed[length++] = (char)('0' + left % 10);
        left /= 10;
        digits++;
    } while (left > 0 || digits <= exponent);
    if (minor < 0)
        reversed[length++] = '-';
    for (size_t i = 0; i < length; i++)
        out[i] = reversed[length - 1 - i];
    out[length] = '\0';
    return length;
}
