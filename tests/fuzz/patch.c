#include "tests/fuzz/patch.h"

enum { WORD = 8 };

static const uint64_t EDGES[] = {
    0,         1,          UINT8_MAX,  UINT16_MAX,    INT32_MAX,      UINT32_MAX,
    INT64_MAX, UINT64_MAX, 1ull << 63, 1ull << 62,    (1ull << 32),   100000000000000000ull,
    64,        4096,       1ull << 48, INT64_MAX - 1, UINT64_MAX - 1, 4000000000000000000ull,
};

static void put(uint8_t *bytes, size_t length, size_t at, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count && at + i < length; i++)
        bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *bytes, size_t length, size_t at)
{
    uint64_t value = 0;
    for (size_t i = 0; i < WORD && at + i < length; i++)
        value |= (uint64_t)bytes[at + i] << (8 * i);
    return value;
}

static void patch_one(uint8_t *bytes, size_t length, struct input *input)
{
    enum patch_kind kind = (enum patch_kind)(input_byte(input) % PATCH_KIND_COUNT);
    uint8_t small = input_byte(input);
    size_t at = input_number(input, 2) * (length > UINT16_MAX ? 2 : 1) % length;
    uint32_t value = (uint32_t)input_number(input, 4);
    uint64_t wide = (uint64_t)(int64_t)(int32_t)value;
    uint64_t edge = EDGES[small % (sizeof EDGES / sizeof EDGES[0])];
    size_t from = value % length, count = (size_t)(small + 1) * WORD;
    switch (kind) {
    case PATCH_FLIP:
        bytes[at] ^= small != 0 ? small : 1;
        return;
    case PATCH_BYTE:
        bytes[at] = small;
        return;
    case PATCH_SHORT:
        put(bytes, length, at, value, 2);
        return;
    case PATCH_WORD:
        put(bytes, length, at, value, 4);
        return;
    case PATCH_LONG:
        put(bytes, length, at, wide, WORD);
        return;
    case PATCH_ADD:
        put(bytes, length, at, get(bytes, length, at) + wide, WORD);
        return;
    case PATCH_EDGE:
        put(bytes, length, at, edge, WORD);
        return;
    case PATCH_COPY:
        count = count < length - at ? count : length - at;
        memmove(bytes + at, bytes + from, count < length - from ? count : length - from);
        return;
    case PATCH_EDGE32:
        put(bytes, length, at, edge, 4);
        return;
    case PATCH_KIND_COUNT:
        break;
    }
}

void patch_apply(struct input *input, uint8_t *bytes, size_t length)
{
    for (int i = 0; i < PATCHES_MAX && input->left > 0 && length > 0; i++)
        patch_one(bytes, length, input);
}
