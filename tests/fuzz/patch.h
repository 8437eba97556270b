/* Damage to bytes that were good: what is left of an input is read as patches of PATCH_SIZE bytes,
 *
 *     0  what to do (enum patch_kind, modulo their number)   2  where, 16 bits; in steps of 2 bytes where there are
 *     1  a small number                                         more than 65,535
 *                                                            4  a value, 32 bits
 *
 * each applied to the bytes in turn. A patch that passes the end is cut short.
 */
#ifndef TELLER_TESTS_FUZZ_PATCH_H
#define TELLER_TESTS_FUZZ_PATCH_H

#include "tests/fuzz/input.h"

enum { PATCH_SIZE = 8, PATCHES_MAX = 16 };

enum patch_kind {
    PATCH_FLIP,  /* the bits of the small number, or the lowest */
    PATCH_BYTE,  /* becomes the small number */
    PATCH_SHORT, /* 16, 32 or 64 bits become the value, the last with its sign */
    PATCH_WORD,
    PATCH_LONG,
    PATCH_ADD,    /* to 64 bits, with its sign */
    PATCH_EDGE,   /* 64 bits become one of the ends of a range */
    PATCH_COPY,   /* so many words come from another place: the value says where */
    PATCH_EDGE32, /* 32 bits become one of the ends of a range */
    PATCH_KIND_COUNT
};

/* Applies what is left of the input. */
void patch_apply(struct input *input, uint8_t *bytes, size_t length);

#endif
