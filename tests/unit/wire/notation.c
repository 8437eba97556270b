/* A reader of the notation by recursive descent. Mistakes in a test's text end the test program. */
#include "tests/unit/wire/notation.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"

const struct uuid notation_id = {
    {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};

static void skip_space(const char **at)
{
    while (**at == ' ')
        ++*at;
}

static size_t read_hex(const char **at, uint8_t *out, size_t capacity)
{
    size_t length = 0;
    while (isxdigit((unsigned char)**at)) {
        unsigned byte;
        CHECK(length < capacity && sscanf(*at, "%2x", &byte) == 1);
        out[length++] = (uint8_t)byte;
        *at += 2;
    }
    return length;
}

static void read_value(const char **at, struct mp_writer *w);

/* The values up to `close`: written to w, counted. */
static uint32_t read_values(const char **at, char close, struct mp_writer *w)
{
    uint32_t count = 0;
    for (skip_space(at); **at != close; skip_space(at)) {
        read_value(at, w);
        count++;
    }
    ++*at;
    return count;
}

static void read_container(const char **at, struct mp_writer *w)
{
    struct mp_writer inner = {0};
    bool is_map = *(*at)++ == '{';
    uint32_t count = read_values(at, is_map ? '}' : ']', &inner);
    if (is_map)
        mp_write_map(w, count / 2);
    else
        mp_write_array(w, count);
    mp_write_raw(w, inner.data, inner.length);
    mp_writer_release(&inner);
}

static void read_string(const char **at, struct mp_writer *w)
{
    const char *start = ++*at;
    *at = strchr(start, '"');
    CHECK(*at != NULL);
    mp_write_str(w, (struct str){start, (uint32_t)(*at - start)});
    ++*at;
}

static void read_bytes(const char **at, struct mp_writer *w)
{
    uint8_t bytes[256];
    bool is_bin = *(*at)++ == '#';
    size_t length = read_hex(at, bytes, sizeof bytes - 1);
    if (is_bin)
        mp_write_bin(w, bytes, (uint8_t)length);
    else
        mp_write_raw(w, bytes, length);
}

static void read_number(const char **at, struct mp_writer *w)
{
    char *end;
    if (**at == '-')
        mp_write_int(w, strtoll(*at, &end, 10));
    else
        mp_write_uint(w, strtoull(*at, &end, 10));
    CHECK(end != *at);
    *at = end;
}

static void read_value(const char **at, struct mp_writer *w)
{
    if (**at == '[' || **at == '{') {
        read_container(at, w);
    } else if (**at == '"') {
        read_string(at, w);
    } else if (**at == '#' || **at == '$') {
        read_bytes(at, w);
    } else if (strncmp(*at, "nil", 3) == 0) {
        mp_write_nil(w);
        *at += 3;
    } else if (strncmp(*at, "id", 2) == 0) {
        mp_write_bin(w, notation_id.bytes, sizeof notation_id.bytes);
        *at += 2;
    } else {
        read_number(at, w);
    }
}

struct message message_copy(const void *bytes, size_t length)
{
    struct message message = {malloc(length > 0 ? length : 1), length};
    CHECK(message.bytes != NULL);
    if (length > 0)
        memcpy(message.bytes, bytes, length);
    return message;
}

struct message notation_read(const char *text)
{
    struct mp_writer w = {0};
    read_values(&text, '\0', &w);
    CHECK(!w.failed);
    struct message message = message_copy(w.data, w.length);
    mp_writer_release(&w);
    return message;
}

void message_free(struct message *message)
{
    free(message->bytes);
    *message = (struct message){0};
}

struct wire_header message_header(const struct message *message)
{
    struct wire_header header;
    enum code code;
    enum field field;
    CHECK(wire_header_read(message->bytes, message->length, &header, &code, &field));
    return header;
}

struct message notation_request(const char *operation, const char *body)
{
    char text[4096];
    int length = snprintf(text, sizeof text, "[1 \"%s\" 7 nil nil %s]", operation, body);
    CHECK(length > 0 && (size_t)length < sizeof text);
    return notation_read(text);
}
