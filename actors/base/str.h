/* A borrowed run of bytes: pointer and length, not NUL-terminated, never owned. */
#ifndef TELLER_BASE_STR_H
#define TELLER_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data;
    uint32_t length;
};

#define STR_LITERAL(text) ((struct str){(text), sizeof(text) - 1})

static inline struct str str_from(const char *text)
{
    return (struct str){text, (uint32_t)strlen(text)};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

#endif
