/* Checks on strings from outside. Each looks at every byte once and never reads past the length. */
#include "actors/base/text.h"

/* 0 for the characters of ids, 1 for all others. A table, because ids are checked for every transfer. */
static const uint8_t is_foreign[256] = {
    [0 ... ','] = 1, [';' ... '?'] = 1, ['[' ... '^'] = 1, ['`'] = 1, ['{' ... 255] = 1,
};

static bool is_id(struct str text, uint32_t length_max)
{
    unsigned foreign = 0;
    if (text.length == 0 || text.length > length_max)
        return false;
    for (uint32_t i = 0; i < text.length; i++)
        foreign |= is_foreign[(uint8_t)text.data[i]];
    return foreign == 0;
}

static bool begins_with(struct str text, struct str prefix)
{
    return text.length >= prefix.length && memcmp(text.data, prefix.data, prefix.length) == 0;
}

bool text_is_account_id(struct str id)
{
    return is_id(id, ACCOUNT_ID_MAX);
}

bool text_is_reserved_id(struct str id)
{
    return begins_with(id, STR_LITERAL("house:")) || begins_with(id, STR_LITERAL("transit:"));
}

bool text_is_product(struct str name)
{
    return is_id(name, PRODUCT_MAX);
}

enum { CODE_POINT_BAD = -1 };

/* How many bytes follow this first byte; -1: no character begins so. */
static int continuation_count(uint8_t first)
{
    if (first < 0x80)
        return 0;
    if (first >= 0xC2 && first <= 0xDF)
        return 1;
    if (first >= 0xE0 && first <= 0xEF)
        return 2;
    if (first >= 0xF0 && first <= 0xF4)
        return 3;
    return -1;
}

/* Reads the character at *at and moves *at past it. CODE_POINT_BAD: cut short, not in its shortest
 * form, a surrogate, or above U+10FFFF (RFC 3629). */
static int32_t next_code_point(struct str text, uint32_t *at)
{
    static const int32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    uint8_t first = (uint8_t)text.data[*at];
    int count = continuation_count(first);
    if (count < 0 || (uint32_t)count >= text.length - *at)
        return CODE_POINT_BAD;
    int32_t point = count == 0 ? first : first & (0x3F >> count);
    for (int i = 1; i <= count; i++) {
        uint8_t byte = (uint8_t)text.data[*at + (uint32_t)i];
        if ((byte & 0xC0) != 0x80)
            return CODE_POINT_BAD;
        point = point << 6 | (byte & 0x3F);
    }
    if (point < smallest[count] || (point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF)
        return CODE_POINT_BAD;
    *at += (uint32_t)count + 1;
    return point;
}

/* Characters that could forge a log line or turn the order of what a person reads. */
static bool is_deceptive(int32_t point)
{
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C ||
           (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

bool text_is_clean(struct str text)
{
    for (uint32_t at = 0; at < text.length;) {
        int32_t point = next_code_point(text, &at);
        if (point == CODE_POINT_BAD || is_deceptive(point))
            return false;
    }
    return true;
}
