/* A strict, direct msgpack reader and writer: no object tree, no allocation for reading.
 *
 * Reading. A reader is a cursor over borrowed bytes. Each mp_read_… either reads one value of its type, moves
 * on and returns true, or leaves the reader where it was and returns false: the value is of another
 * type, does not fit, or the bytes end. The caller that wants to go on then calls mp_skip, which tells the
 * two apart: it passes any well-formed value and fails for bytes that are cut short, nested too deep or
 * not msgpack. Counts are compared with the remaining bytes before anything is looped over, so that
 * a five-byte message cannot ask for gigabytes. Strings stay where they are and are not checked for UTF-8.
 *
 * Writing. A writer owns a buffer that doubles. A failed allocation is remembered (`failed`), later
 * writes do nothing: check once, at the end. The mp_put_… functions write behind a pointer for which
 * mp_reserve has made room; the mp_write_… functions reserve by themselves. All emit the smallest form.
 */
#ifndef TELLER_WIRE_MSGPACK_H
#define TELLER_WIRE_MSGPACK_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "actors/base/str.h"

enum { MP_DEPTH_MAX = 6 }; /* arrays and maps inside each other, the frame's own array included */

/* ---- reading ---------------------------------------------------------------------------------- */

struct mp_reader {
    const uint8_t *at, *end;
};

static inline struct mp_reader mp_reader_of(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    return (struct mp_reader){at, at + length};
}

static inline size_t mp_left(const struct mp_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* true when everything has been read. */
static inline bool mp_at_end(const struct mp_reader *r)
{
    return r->at == r->end;
}

/* The forms that the inline readers do not handle. Not for callers. */
bool mp_read_uint_wide(struct mp_reader *r, uint64_t *out);
bool mp_read_int_wide(struct mp_reader *r, int64_t *out);
bool mp_read_str_wide(struct mp_reader *r, struct str *out);
bool mp_read_bin_wide(struct mp_reader *r, struct str *out);
bool mp_read_array_wide(struct mp_reader *r, uint32_t *count);
bool mp_read_map_wide(struct mp_reader *r, uint32_t *count);

/* Passes one whole value, which may nest `depth` levels (0: no array or map). false: malformed; the reader is
 * then somewhere inside and of no more use. */
bool mp_skip(struct mp_reader *r, unsigned depth);

/* true when the next byte is nil; does not move. */
static inline bool mp_is_nil(const struct mp_reader *r)
{
    return r->at < r->end && *r->at == 0xc0;
}

static inline bool mp_read_nil(struct mp_reader *r)
{
    if (!mp_is_nil(r))
        return false;
    r->at++;
    return true;
}

static inline bool mp_read_bool(struct mp_reader *r, bool *out)
{
    if (mp_left(r) == 0 || (*r->at & 0xfe) != 0xc2)
        return false;
    *out = *r->at++ == 0xc3;
    return true;
}

/* The unsigned forms with a head, without a branch on their width: amounts are of all widths, at random. */
static inline bool mp_read_unsigned(struct mp_reader *r, uint64_t *out)
{
    uint64_t bytes;
    if (mp_left(r) < 1 + sizeof bytes || (*r->at & 0xfc) != 0xcc)
        return false;
    unsigned bits = 8u << (*r->at & 3);
    memcpy(&bytes, r->at + 1, sizeof bytes);
    *out = be64toh(bytes) >> (64 - bits);
    r->at += 1 + bits / 8;
    return true;
}

/* Any integer form whose value is not negative. */
static inline bool mp_read_uint(struct mp_reader *r, uint64_t *out)
{
    if (r->at < r->end && *r->at < 0x80) {
        *out = *r->at++;
        return true;
    }
    return mp_read_unsigned(r, out) || mp_read_uint_wide(r, out);
}

/* Any integer form whose value fits. */
static inline bool mp_read_int(struct mp_reader *r, int64_t *out)
{
    const uint8_t *start = r->at;
    uint64_t value;
    if (r->at < r->end && *r->at < 0x80) {
        *out = *r->at++;
        return true;
    }
    if (mp_read_unsigned(r, &value) && value <= INT64_MAX) {
        *out = (int64_t)value;
        return true;
    }
    r->at = start;
    return mp_read_int_wide(r, out);
}

static inline bool mp_read_str(struct mp_reader *r, struct str *out)
{
    if (r->at < r->end && (*r->at & 0xe0) == 0xa0) {
        uint32_t length = *r->at & 0x1fu;
        if (mp_left(r) - 1 < length)
            return false;
        *out = (struct str){(const char *)r->at + 1, length};
        r->at += 1 + length;
        return true;
    }
    return mp_read_str_wide(r, out);
}

static inline bool mp_read_bin(struct mp_reader *r, struct str *out)
{
    if (mp_left(r) >= 2 && r->at[0] == 0xc4) {
        uint32_t length = r->at[1];
        if (mp_left(r) - 2 < length)
            return false;
        *out = (struct str){(const char *)r->at + 2, length};
        r->at += 2 + length;
        return true;
    }
    return mp_read_bin_wide(r, out);
}

/* The head of an array. Its count is at most the number of remaining bytes. */
static inline bool mp_read_array(struct mp_reader *r, uint32_t *count)
{
    if (r->at < r->end && (*r->at & 0xf0) == 0x90) {
        uint32_t n = *r->at & 0x0fu;
        if (mp_left(r) - 1 < n)
            return false;
        *count = n;
        r->at++;
        return true;
    }
    return mp_read_array_wide(r, count);
}

/* The head of a map: count pairs, at most half the number of remaining bytes. */
static inline bool mp_read_map(struct mp_reader *r, uint32_t *count)
{
    if (r->at < r->end && (*r->at & 0xf0) == 0x80) {
        uint32_t n = *r->at & 0x0fu;
        if ((mp_left(r) - 1) / 2 < n)
            return false;
        *count = n;
        r->at++;
        return true;
    }
    return mp_read_map_wide(r, count);
}

/* ---- writing ---------------------------------------------------------------------------------- */

struct mp_writer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool failed; /* memory ran out: what is in data is incomplete */
};

/* All zero is a valid empty writer too. */
static inline void mp_writer_init(struct mp_writer *w)
{
    *w = (struct mp_writer){0};
}

void mp_writer_release(struct mp_writer *w);

/* Empties the writer and keeps its buffer. */
static inline void mp_writer_reset(struct mp_writer *w)
{
    w->length = 0;
    w->failed = false;
}

bool mp_writer_grow(struct mp_writer *w, size_t bytes);

/* Makes room for `bytes` more at data + length. false: no memory. */
static inline bool mp_reserve(struct mp_writer *w, size_t bytes)
{
    if (__builtin_expect(w->capacity - w->length >= bytes, 1))
        return !w->failed;
    return mp_writer_grow(w, bytes);
}

enum { MP_INT_MAX = 9, MP_HEAD_MAX = 5 }; /* most bytes of a number; of a head */

static inline uint8_t *mp_put_u16(uint8_t *at, uint8_t head, uint16_t value)
{
    value = htobe16(value);
    *at = head;
    memcpy(at + 1, &value, sizeof value);
    return at + 3;
}

static inline uint8_t *mp_put_u32(uint8_t *at, uint8_t head, uint32_t value)
{
    value = htobe32(value);
    *at = head;
    memcpy(at + 1, &value, sizeof value);
    return at + 5;
}

static inline uint8_t *mp_put_u64(uint8_t *at, uint8_t head, uint64_t value)
{
    value = htobe64(value);
    *at = head;
    memcpy(at + 1, &value, sizeof value);
    return at + 9;
}

static inline uint8_t *mp_put_uint(uint8_t *at, uint64_t value)
{
    if (value < 0x80) {
        *at = (uint8_t)value;
        return at + 1;
    }
    if (value <= UINT8_MAX) {
        at[0] = 0xcc;
        at[1] = (uint8_t)value;
        return at + 2;
    }
    if (value <= UINT16_MAX)
        return mp_put_u16(at, 0xcd, (uint16_t)value);
    if (value <= UINT32_MAX)
        return mp_put_u32(at, 0xce, (uint32_t)value);
    return mp_put_u64(at, 0xcf, value);
}

static inline uint8_t *mp_put_int(uint8_t *at, int64_t value)
{
    if (value >= 0)
        return mp_put_uint(at, (uint64_t)value);
    if (value >= -32) {
        *at = (uint8_t)value;
        return at + 1;
    }
    if (value >= INT8_MIN) {
        at[0] = 0xd0;
        at[1] = (uint8_t)value;
        return at + 2;
    }
    if (value >= INT16_MIN)
        return mp_put_u16(at, 0xd1, (uint16_t)value);
    if (value >= INT32_MIN)
        return mp_put_u32(at, 0xd2, (uint32_t)value);
    return mp_put_u64(at, 0xd3, (uint64_t)value);
}

static inline uint8_t *mp_put_nil(uint8_t *at)
{
    *at = 0xc0;
    return at + 1;
}

static inline uint8_t *mp_put_bool(uint8_t *at, bool value)
{
    *at = value ? 0xc3 : 0xc2;
    return at + 1;
}

/* length + MP_HEAD_MAX bytes at most. */
static inline uint8_t *mp_put_str(uint8_t *at, struct str text)
{
    if (text.length < 32) {
        *at++ = (uint8_t)(0xa0 | text.length);
    } else if (text.length <= UINT8_MAX) {
        at[0] = 0xd9;
        at[1] = (uint8_t)text.length;
        at += 2;
    } else if (text.length <= UINT16_MAX) {
        at = mp_put_u16(at, 0xda, (uint16_t)text.length);
    } else {
        at = mp_put_u32(at, 0xdb, text.length);
    }
    if (text.length > 0)
        memcpy(at, text.data, text.length);
    return at + text.length;
}

/* length is at most 255: ids. length + 2 bytes. */
static inline uint8_t *mp_put_bin8(uint8_t *at, const void *bytes, uint8_t length)
{
    at[0] = 0xc4;
    at[1] = length;
    memcpy(at + 2, bytes, length);
    return at + 2 + length;
}

static inline uint8_t *mp_put_array(uint8_t *at, uint32_t count)
{
    if (count < 16) {
        *at = (uint8_t)(0x90 | count);
        return at + 1;
    }
    if (count <= UINT16_MAX)
        return mp_put_u16(at, 0xdc, (uint16_t)count);
    return mp_put_u32(at, 0xdd, count);
}

static inline uint8_t *mp_put_map(uint8_t *at, uint32_t count)
{
    if (count < 16) {
        *at = (uint8_t)(0x80 | count);
        return at + 1;
    }
    if (count <= UINT16_MAX)
        return mp_put_u16(at, 0xde, (uint16_t)count);
    return mp_put_u32(at, 0xdf, count);
}

/* The place to put to, after mp_reserve; and how to end. */
static inline uint8_t *mp_tail(const struct mp_writer *w)
{
    return w->data + w->length;
}

static inline void mp_advance(struct mp_writer *w, const uint8_t *end)
{
    w->length = (size_t)(end - w->data);
}

void mp_write_nil(struct mp_writer *w);
void mp_write_bool(struct mp_writer *w, bool value);
void mp_write_uint(struct mp_writer *w, uint64_t value);
void mp_write_int(struct mp_writer *w, int64_t value);
void mp_write_str(struct mp_writer *w, struct str text);
void mp_write_text(struct mp_writer *w, const char *text); /* NUL-terminated */
void mp_write_bin(struct mp_writer *w, const void *bytes, uint8_t length);
void mp_write_array(struct mp_writer *w, uint32_t count);
void mp_write_map(struct mp_writer *w, uint32_t count);
void mp_write_raw(struct mp_writer *w, const void *bytes, size_t length); /* msgpack already */

#endif
