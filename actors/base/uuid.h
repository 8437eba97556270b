/* A transaction id: 16 opaque bytes, written as an RFC 9562 UUID. Any version is accepted. */
#ifndef TELLER_BASE_UUID_H
#define TELLER_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "actors/base/str.h"

enum { UUID_TEXT_LENGTH = 36 };

struct uuid {
    uint8_t bytes[16];
};

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The nil UUID (all zero) means "absent" and is refused as a transaction id. */
static inline bool uuid_is_nil(const struct uuid *u)
{
    static const struct uuid nil;
    return uuid_equal(u, &nil);
}

/* Parses 8-4-4-4-12 hexadecimal digits, either case. false: text is not of that form; *out is untouched. */
bool uuid_parse(struct str text, struct uuid *out);

/* Writes 36 lower-case characters and a NUL. */
void uuid_format(const struct uuid *u, char out[UUID_TEXT_LENGTH + 1]);

#endif
