#include "adapters/jose/base64url.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_write(const uint8_t *bytes, size_t length, char *out)
{
    size_t written = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6;) {
            count -= 6;
            out[written++] = letters[bits >> count & 63];
        }
    }
    if (count > 0)
        out[written++] = letters[bits << (6 - count) & 63];
    out[written] = '\0';
    return written;
}

/* -1: no letter of it. */
static int value_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    if (letter == '-')
        return 62;
    return letter == '_' ? 63 : -1;
}

bool base64url_read(const char *text, size_t length, uint8_t *out, size_t size, size_t *out_length)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t read = 0;
    if (length % 4 == 1)
        return false;
    for (size_t i = 0; i < length; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        if (read == size)
            return false;
        count -= 8;
        out[read++] = (uint8_t)(bits >> count);
    }
    if ((bits & ((1u << count) - 1)) != 0)
        return false;
    *out_length = read;
    return true;
}
