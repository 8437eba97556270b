#include "adapters/callback/callback.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include "actors/base/mark.h"
#include "actors/base/text.h"

enum { HASH_BYTES = 32, TIMESTAMP_DIGITS_MAX = 11 };

static bool hash(EVP_MAC_CTX *context, const char *secret, const char *timestamp, const char *body,
                 size_t length, uint8_t out[HASH_BYTES])
{
    char digest[] = "SHA256";
    size_t got = 0;
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                     OSSL_PARAM_construct_end()};
    return EVP_MAC_init(context, (const uint8_t *)secret, strlen(secret), parameters) == 1 &&
           EVP_MAC_update(context, (const uint8_t *)timestamp, strlen(timestamp)) == 1 &&
           EVP_MAC_update(context, (const uint8_t *)".", 1) == 1 &&
           EVP_MAC_update(context, (const uint8_t *)body, length) == 1 &&
           EVP_MAC_final(context, out, &got, HASH_BYTES) == 1 && got == HASH_BYTES;
}

bool callback_sign(const char *secret, const char *timestamp, const char *body, size_t length,
                   char out[CALLBACK_SIGNATURE_TEXT])
{
    uint8_t bytes[HASH_BYTES];
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    bool is_signed = context != NULL && hash(context, secret, timestamp, body, length, bytes);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    if (!is_signed)
        return false;
    memcpy(out, "v1=", 4);
    for (size_t i = 0; i < HASH_BYTES; i++)
        snprintf(out + 3 + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static bool is_signed_so(const char *secret, const struct rail_post *post)
{
    char expected[CALLBACK_SIGNATURE_TEXT];
    if (secret == NULL || secret[0] == '\0' || post->timestamp == NULL || post->signature == NULL ||
        strlen(post->signature) != CALLBACK_SIGNATURE_TEXT - 1 ||
        !callback_sign(secret, post->timestamp, post->body, post->length, expected))
        return false;
    return CRYPTO_memcmp(expected, post->signature, CALLBACK_SIGNATURE_TEXT) == 0;
}

/* -1: not a time. */
static int64_t seconds_of(const char *text)
{
    int64_t seconds = 0;
    size_t length = strlen(text);
    if (length == 0 || length > TIMESTAMP_DIGITS_MAX || strspn(text, "0123456789") != length)
        return -1;
    for (size_t i = 0; i < length; i++)
        seconds = seconds * 10 + (text[i] - '0');
    return seconds;
}

/* false: it is there, and cannot be. */
static bool read_field(const json_t *object, const char *key, char *out, size_t max)
{
    const json_t *value = json_object_get(object, key);
    struct str text = {json_string_value(value), (uint32_t)json_string_length(value)};
    out[0] = '\0';
    if (value == NULL || json_is_null(value))
        return true;
    if (!json_is_string(value) || text.length > max || !text_is_clean(text))
        return false;
    memcpy(out, text.data, text.length + 1);
    return true;
}

static bool read_body(const struct rail_post *post, struct rail_notice *out)
{
    json_t *object = json_loadb(post->body, post->length, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(object) && read_field(object, "event", out->event, RAIL_EVENT_ID_MAX) &&
                read_field(object, "id", out->id, RAIL_ID_MAX) &&
                read_field(object, "resource", out->resource, RAIL_ID_MAX);
    json_decref(object);
    if (out->id[0] != '\0')
        out->resource[0] = '\0'; /* ours names it for certain */
    return good && out->event[0] != '\0' && (out->id[0] != '\0' || out->resource[0] != '\0');
}

enum rail_post_result callback_read(const char *secret, const struct rail_post *post, int64_t now_us,
                                    struct rail_notice *out)
{
    *out = (struct rail_notice){0};
    if (post->length > RAIL_REPLY_MAX)
        return RAIL_POST_BROKEN;
    if (!is_signed_so(secret, post)) {
        MARK("a generic callback is forged");
        return RAIL_POST_FORGED;
    }
    int64_t at_s = seconds_of(post->timestamp), now_s = now_us / 1000000;
    if (at_s < 0)
        return RAIL_POST_BROKEN;
    if (at_s < now_s - CALLBACK_WINDOW_S || at_s > now_s + CALLBACK_WINDOW_S) {
        MARK("a generic callback is too old");
        return RAIL_POST_TOO_OLD;
    }
    if (!read_body(post, out)) {
        *out = (struct rail_notice){0};
        return RAIL_POST_BROKEN;
    }
    out->until_us = (at_s + CALLBACK_WINDOW_S + 1) * 1000000;
    return RAIL_POST_TAKEN;
}
