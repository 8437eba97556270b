/* The less frequent forms of msgpack, skipping, and the growing buffer. */
#include "broker/wire/msgpack.h"

#include <stdlib.h>

/* ---- reading ---------------------------------------------------------------------------------- */

/* A big-endian number of 0, 1, 2, 4 or 8 bytes. */
static inline uint64_t load_be(const uint8_t *at, size_t width)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (width) {
    case 0:
        return 0;
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return be16toh(two);
    case 4:
        memcpy(&four, at, sizeof four);
        return be32toh(four);
    default:
        memcpy(&eight, at, sizeof eight);
        return be64toh(eight);
    }
}

/* An integer of any form: its 64 bits, and whether they are to be read as a negative number. */
static inline bool read_integer(struct mp_reader *r, uint64_t *bits, bool *negative)
{
    if (mp_at_end(r))
        return false;
    uint8_t head = *r->at;
    if (head < 0x80 || head >= 0xe0) {
        *bits = (uint64_t)(int64_t)(int8_t)head;
        *negative = head >= 0xe0;
        r->at++;
        return true;
    }
    if (head < 0xcc || head > 0xd3)
        return false;
    size_t width = (size_t)1 << ((head - 0xcc) & 3);
    if (mp_left(r) - 1 < width)
        return false;
    unsigned unused = 64 - 8 * (unsigned)width;
    uint64_t value = load_be(r->at + 1, width);
    if (head >= 0xd0)
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    *negative = head >= 0xd0 && value >> 63 != 0;
    *bits = value;
    r->at += 1 + width;
    return true;
}

bool mp_read_uint_wide(struct mp_reader *r, uint64_t *out)
{
    struct mp_reader next = *r;
    uint64_t bits;
    bool negative;
    if (!read_integer(&next, &bits, &negative) || negative)
        return false;
    *r = next;
    *out = bits;
    return true;
}

bool mp_read_int_wide(struct mp_reader *r, int64_t *out)
{
    struct mp_reader next = *r;
    uint64_t bits;
    bool negative;
    if (!read_integer(&next, &bits, &negative) || (!negative && bits > INT64_MAX))
        return false;
    *r = next;
    *out = (int64_t)bits;
    return true;
}

/* A head byte `head`, then a length of `width` bytes, then as many bytes. */
static bool read_bytes(struct mp_reader *r, size_t width, struct str *out)
{
    if (mp_left(r) - 1 < width)
        return false;
    uint64_t length = load_be(r->at + 1, width);
    if (mp_left(r) - 1 - width < length)
        return false;
    *out = (struct str){(const char *)r->at + 1 + width, (uint32_t)length};
    r->at += 1 + width + length;
    return true;
}

bool mp_read_str_wide(struct mp_reader *r, struct str *out)
{
    if (mp_at_end(r) || *r->at < 0xd9 || *r->at > 0xdb)
        return false;
    return read_bytes(r, (size_t)1 << (*r->at - 0xd9), out);
}

bool mp_read_bin_wide(struct mp_reader *r, struct str *out)
{
    if (mp_at_end(r) || *r->at < 0xc4 || *r->at > 0xc6)
        return false;
    return read_bytes(r, (size_t)1 << (*r->at - 0xc4), out);
}

/* The wide heads of arrays (first 0xdc) and maps (first 0xde); `least` is the fewest bytes of an element. */
static bool read_count(struct mp_reader *r, uint8_t first, size_t least, uint32_t *count)
{
    if (mp_at_end(r) || (*r->at != first && *r->at != first + 1))
        return false;
    size_t width = *r->at == first ? 2 : 4;
    if (mp_left(r) - 1 < width)
        return false;
    uint64_t n = load_be(r->at + 1, width);
    if ((mp_left(r) - 1 - width) / least < n)
        return false;
    *count = (uint32_t)n;
    r->at += 1 + width;
    return true;
}

bool mp_read_array_wide(struct mp_reader *r, uint32_t *count)
{
    return read_count(r, 0xdc, 1, count);
}

bool mp_read_map_wide(struct mp_reader *r, uint32_t *count)
{
    return read_count(r, 0xde, 2, count);
}

/* What follows a head byte of 0xc0 to 0xdf that is no array or map: so many bytes, or a length of so many bytes
 * and then `extra` bytes and the length itself. */
struct form {
    uint8_t fixed;
    uint8_t length_width;
    uint8_t extra;
    bool valid;
};

static const struct form forms[0x1c] = {
    [0x00] = {.valid = true},                    /* nil */
    [0x02] = {.valid = true},                    /* false */
    [0x03] = {.valid = true},                    /* true */
    [0x04] = {.length_width = 1, .valid = true}, /* bin */
    [0x05] = {.length_width = 2, .valid = true},
    [0x06] = {.length_width = 4, .valid = true},
    [0x07] = {.length_width = 1, .extra = 1, .valid = true}, /* ext */
    [0x08] = {.length_width = 2, .extra = 1, .valid = true},
    [0x09] = {.length_width = 4, .extra = 1, .valid = true},
    [0x0a] = {.fixed = 4, .valid = true}, /* floats */
    [0x0b] = {.fixed = 8, .valid = true},
    [0x0c] = {.fixed = 1, .valid = true}, /* uint */
    [0x0d] = {.fixed = 2, .valid = true},
    [0x0e] = {.fixed = 4, .valid = true},
    [0x0f] = {.fixed = 8, .valid = true},
    [0x10] = {.fixed = 1, .valid = true}, /* int */
    [0x11] = {.fixed = 2, .valid = true},
    [0x12] = {.fixed = 4, .valid = true},
    [0x13] = {.fixed = 8, .valid = true},
    [0x14] = {.fixed = 2, .valid = true}, /* fixext */
    [0x15] = {.fixed = 3, .valid = true},
    [0x16] = {.fixed = 5, .valid = true},
    [0x17] = {.fixed = 9, .valid = true},
    [0x18] = {.fixed = 17, .valid = true},
    [0x19] = {.length_width = 1, .valid = true}, /* str */
    [0x1a] = {.length_width = 2, .valid = true},
    [0x1b] = {.length_width = 4, .valid = true},
};

/* Passes a value that is neither an array nor a map. */
static bool skip_scalar(struct mp_reader *r)
{
    uint8_t head = *r->at++;
    if (head < 0x80 || head >= 0xe0)
        return true;
    uint64_t length;
    if (head >= 0xa0 && head < 0xc0) {
        length = head & 0x1f;
    } else {
        struct form form = forms[head - 0xc0];
        if (!form.valid || mp_left(r) < form.length_width)
            return false;
        length = form.fixed + form.extra + load_be(r->at, form.length_width);
        r->at += form.length_width;
    }
    if (mp_left(r) < length)
        return false;
    r->at += length;
    return true;
}

static bool is_container(uint8_t head)
{
    return (head >= 0x80 && head <= 0x9f) || (head >= 0xdc && head <= 0xdf);
}

bool mp_skip(struct mp_reader *r, unsigned depth)
{
    uint64_t open[MP_DEPTH_MAX + 1]; /* values still to pass, by level */
    unsigned level = 0;
    open[0] = 1;
    if (depth > MP_DEPTH_MAX)
        depth = MP_DEPTH_MAX;
    for (;;) {
        while (open[level] == 0) {
            if (level == 0)
                return true;
            level--;
        }
        open[level]--;
        if (mp_at_end(r))
            return false;
        if (!is_container(*r->at)) {
            if (!skip_scalar(r))
                return false;
            continue;
        }
        uint32_t count;
        uint64_t pairs = 1;
        if (level == depth)
            return false;
        if (!mp_read_array(r, &count)) {
            if (!mp_read_map(r, &count))
                return false;
            pairs = 2;
        }
        open[++level] = count * pairs;
    }
}

/* ---- writing ---------------------------------------------------------------------------------- */

enum { WRITER_FIRST_CAPACITY = 256 };

void mp_writer_release(struct mp_writer *w)
{
    free(w->data);
    *w = (struct mp_writer){0};
}

bool mp_writer_grow(struct mp_writer *w, size_t bytes)
{
    size_t needed;
    size_t capacity = w->capacity > 0 ? w->capacity : WRITER_FIRST_CAPACITY;
    if (w->failed)
        return false;
    w->failed = true;
    if (__builtin_add_overflow(w->length, bytes, &needed))
        return false;
    while (capacity < needed) {
        if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
            return false;
    }
    uint8_t *data = realloc(w->data, capacity);
    if (data == NULL)
        return false;
    w->data = data;
    w->capacity = capacity;
    w->failed = false;
    return true;
}

void mp_write_nil(struct mp_writer *w)
{
    if (mp_reserve(w, 1))
        mp_advance(w, mp_put_nil(mp_tail(w)));
}

void mp_write_bool(struct mp_writer *w, bool value)
{
    if (mp_reserve(w, 1))
        mp_advance(w, mp_put_bool(mp_tail(w), value));
}

void mp_write_uint(struct mp_writer *w, uint64_t value)
{
    if (mp_reserve(w, MP_INT_MAX))
        mp_advance(w, mp_put_uint(mp_tail(w), value));
}

void mp_write_int(struct mp_writer *w, int64_t value)
{
    if (mp_reserve(w, MP_INT_MAX))
        mp_advance(w, mp_put_int(mp_tail(w), value));
}

void mp_write_str(struct mp_writer *w, struct str text)
{
    if (mp_reserve(w, MP_HEAD_MAX + (size_t)text.length))
        mp_advance(w, mp_put_str(mp_tail(w), text));
}

void mp_write_text(struct mp_writer *w, const char *text)
{
    mp_write_str(w, str_from(text));
}

void mp_write_bin(struct mp_writer *w, const void *bytes, uint8_t length)
{
    if (mp_reserve(w, MP_HEAD_MAX + (size_t)length))
        mp_advance(w, mp_put_bin8(mp_tail(w), bytes, length));
}

void mp_write_array(struct mp_writer *w, uint32_t count)
{
    if (mp_reserve(w, MP_HEAD_MAX))
        mp_advance(w, mp_put_array(mp_tail(w), count));
}

void mp_write_map(struct mp_writer *w, uint32_t count)
{
    if (mp_reserve(w, MP_HEAD_MAX))
        mp_advance(w, mp_put_map(mp_tail(w), count));
}

void mp_write_raw(struct mp_writer *w, const void *bytes, size_t length)
{
    if (length == 0 || !mp_reserve(w, length))
        return;
    memcpy(mp_tail(w), bytes, length);
    w->length += length;
}
