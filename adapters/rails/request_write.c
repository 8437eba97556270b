#include "adapters/rails/request_write.h"

#include <stdio.h>
#include <string.h>

#include "actors/base/check.h"

static const char hexadecimal[] = "0123456789ABCDEF";

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

/* RFC 3986, section 2.1. Returns the length. */
static size_t percent(const char *text, char *out, size_t size)
{
    size_t length = 0;
    for (; *text != '\0'; text++) {
        CHECK(length + 4 <= size);
        if (is_unreserved(*text)) {
            out[length++] = *text;
            continue;
        }
        out[length++] = '%';
        out[length++] = hexadecimal[(uint8_t)*text >> 4];
        out[length++] = hexadecimal[(uint8_t)*text & 15];
    }
    out[length] = '\0';
    return length;
}

void request_begin(struct rail_request *out, const char *method, const char *base, const char *path,
                   const char *id)
{
    char encoded[3 * RAIL_ID_MAX + 4] = "";
    if (id != NULL)
        percent(id, encoded, sizeof encoded);
    out->method = method;
    out->header_count = out->length = 0;
    out->body[0] = '\0';
    int length = snprintf(out->url, sizeof out->url, "%s%s%s%s", base, path, id != NULL ? "/" : "", encoded);
    CHECK(length > 0 && (size_t)length < sizeof out->url);
}

void request_header(struct rail_request *out, const char *name, const char *value)
{
    CHECK(out->header_count < RAIL_HEADERS_MAX);
    char *header = out->headers[out->header_count++];
    int length = snprintf(header, RAIL_HEADER_MAX + 1, "%s: %s", name, value);
    CHECK(length > 0 && length <= RAIL_HEADER_MAX);
}

void request_bearer(struct rail_request *out, const char *token)
{
    CHECK(out->header_count < RAIL_HEADERS_MAX);
    char *header = out->headers[out->header_count++];
    int length = snprintf(header, RAIL_HEADER_MAX + 1, "Authorization: Bearer %s", token);
    CHECK(length > 0 && length <= RAIL_HEADER_MAX);
}

static void put(struct rail_request *out, const char *bytes, size_t length)
{
    CHECK(length <= RAIL_BODY_MAX - out->length);
    memcpy(out->body + out->length, bytes, length);
    out->length += length;
    out->body[out->length] = '\0';
}

static void put_char(struct rail_request *out, char c)
{
    put(out, &c, 1);
}

void request_form(struct rail_request *out, const char *name, const char *value)
{
    if (out->length > 0)
        put_char(out, '&');
    put(out, name, strlen(name));
    put_char(out, '=');
    CHECK(3 * strlen(value) < RAIL_BODY_MAX - out->length);
    out->length += percent(value, out->body + out->length, RAIL_BODY_MAX + 1 - out->length);
}

/* A comma where something stands before. */
static void separate(struct rail_request *out, const char *key)
{
    if (out->length > 0 && strchr("{[:", out->body[out->length - 1]) == NULL)
        put_char(out, ',');
    if (key == NULL)
        return;
    put_char(out, '"');
    put(out, key, strlen(key));
    put(out, "\":", 2);
}

void request_open(struct rail_request *out, const char *key, char bracket)
{
    separate(out, key);
    put_char(out, bracket);
}

void request_close(struct rail_request *out, char bracket)
{
    put_char(out, bracket);
}

void request_str(struct rail_request *out, const char *key, struct str text)
{
    separate(out, key);
    put_char(out, '"');
    for (uint32_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        CHECK((uint8_t)c >= 0x20); /* clean text */
        if (c == '"' || c == '\\')
            put_char(out, '\\');
        put_char(out, c);
    }
    put_char(out, '"');
}

void request_text(struct rail_request *out, const char *key, const char *text)
{
    request_str(out, key, str_from(text));
}
