/* UUIDs as text (RFC 9562, section 4): 8-4-4-4-12 hexadecimal digits. */
#include "actors/base/uuid.h"

static bool is_dash_position(unsigned i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

/* -1: not a hexadecimal digit. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uuid_parse(struct str text, struct uuid *out)
{
    struct uuid parsed;
    unsigned filled = 0;
    if (text.length != UUID_TEXT_LENGTH)
        return false;
    for (unsigned i = 0; i < UUID_TEXT_LENGTH;) {
        if (is_dash_position(i)) {
            if (text.data[i] != '-')
                return false;
            i++;
            continue;
        }
        int high = hex_value(text.data[i]);
        int low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[filled++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *out = parsed;
    return true;
}

void uuid_format(const struct uuid *u, char out[UUID_TEXT_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned at = 0;
    for (unsigned i = 0; i < sizeof u->bytes; i++) {
        if (is_dash_position(at))
            out[at++] = '-';
        out[at++] = digits[u->bytes[i] >> 4];
        out[at++] = digits[u->bytes[i] & 15];
    }
    out[at] = '\0';
}
