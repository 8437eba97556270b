/* PS256 by OpenSSL's EVP; headers by jansson. A header is read strictly: the algorithm is PS256, nothing is critical but what is
 * checked here, and a payload that is not base64url ("b64") is not taken. */
#include "adapters/jose/jws.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/text.h"
#include "adapters/jose/base64url.h"

#define CLAIM(name) "http://openbanking.org.uk/" name

enum {
    SIGNATURE_MAX = JWS_KEY_BITS_MAX / 8,
    HEADER_MAX = 3072, /* bytes of its JSON, of others */
    CHUNK = 3 * 256,   /* bytes that are encoded at a time: whole groups of three */
};

struct jws_key {
    EVP_PKEY *key;
};

/* ---- keys ------------------------------------------------------------------------------------------- */

/* OpenSSL would ask the terminal. */
static int no_password(char *out, int size, int is_writing, void *context)
{
    (void)out, (void)size, (void)is_writing, (void)context;
    return 0;
}

static struct jws_key *keep(EVP_PKEY *key)
{
    bool good = key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                EVP_PKEY_get_bits(key) >= JWS_KEY_BITS_MIN && EVP_PKEY_get_bits(key) <= JWS_KEY_BITS_MAX;
    struct jws_key *self = good ? malloc(sizeof *self) : NULL;
    if (self == NULL) {
        EVP_PKEY_free(key);
        return NULL;
    }
    self->key = key;
    return self;
}

struct jws_key *jws_key_private(const char *pem)
{
    BIO *bytes = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bytes != NULL ? PEM_read_bio_PrivateKey(bytes, NULL, no_password, NULL) : NULL;
    BIO_free(bytes);
    return keep(key);
}

struct jws_key *jws_key_public(const char *pem)
{
    BIO *bytes = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bytes != NULL ? PEM_read_bio_PUBKEY(bytes, NULL, no_password, NULL) : NULL;
    BIO_free(bytes);
    return keep(key);
}

void jws_key_destroy(struct jws_key **self_p)
{
    struct jws_key *self = *self_p;
    if (self == NULL)
        return;
    EVP_PKEY_free(self->key);
    free(self);
    *self_p = NULL;
}

/* ---- PS256 ------------------------------------------------------------------------------------------ */

static bool use_ps256(EVP_PKEY_CTX *context)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

/* What is signed: the header's text, a point, and the payload as base64url. */
static bool update(EVP_MD_CTX *context, const char *header, size_t header_length, const uint8_t *payload,
                   size_t length)
{
    char text[BASE64URL_LENGTH(CHUNK) + 1];
    bool good =
        EVP_DigestUpdate(context, header, header_length) == 1 && EVP_DigestUpdate(context, ".", 1) == 1;
    for (size_t at = 0; good && at < length; at += CHUNK) {
        size_t part = length - at < CHUNK ? length - at : CHUNK;
        good = EVP_DigestUpdate(context, text, base64url_write(payload + at, part, text)) == 1;
    }
    return good;
}

static bool sign(const struct jws_key *key, const char *header, const void *payload, size_t length,
                 char out[BASE64URL_LENGTH(SIGNATURE_MAX) + 1])
{
    uint8_t signature[SIGNATURE_MAX];
    size_t signature_length = sizeof signature;
    EVP_PKEY_CTX *parameters = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL &&
                EVP_DigestSignInit(context, &parameters, EVP_sha256(), NULL, key->key) == 1 &&
                use_ps256(parameters) && update(context, header, strlen(header), payload, length) &&
                EVP_DigestSignFinal(context, signature, &signature_length) == 1;
    EVP_MD_CTX_free(context);
    if (good)
        base64url_write(signature, signature_length, out);
    return good;
}

static bool verify(const struct jws_key *key, const char *header, size_t header_length, const void *payload,
                   size_t length, const char *text, size_t text_length)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t signature_length;
    EVP_PKEY_CTX *parameters = NULL;
    if (!base64url_read(text, text_length, signature, sizeof signature, &signature_length))
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL &&
                EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), NULL, key->key) == 1 &&
                use_ps256(parameters) && update(context, header, header_length, payload, length) &&
                EVP_DigestVerifyFinal(context, signature, signature_length) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* ---- headers ---------------------------------------------------------------------------------------- */

static bool read_name(const json_t *header, const char *key, char out[JWS_NAME_MAX + 1])
{
    const json_t *value = json_object_get(header, key);
    struct str text = {json_string_value(value), (uint32_t)json_string_length(value)};
    if (!json_is_string(value) || text.length == 0 || text.length > JWS_NAME_MAX || !text_is_clean(text))
        return false;
    memcpy(out, text.data, text.length + 1);
    return true;
}

static bool names(const json_t *list, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        count += text != NULL && strcmp(text, name) == 0;
    }
    return count == 1;
}

/* All three, once each, and no other. */
static bool read_critical(const json_t *header, struct jws_header *out)
{
    const json_t *critical = json_object_get(header, "crit");
    const json_t *issued_at = json_object_get(header, CLAIM("iat"));
    if (json_array_size(critical) != 3 || !names(critical, CLAIM("iat")) || !names(critical, CLAIM("iss")) ||
        !names(critical, CLAIM("tan")) || !json_is_integer(issued_at) || json_integer_value(issued_at) < 0)
        return false;
    out->issued_at_s = json_integer_value(issued_at);
    return read_name(header, CLAIM("iss"), out->issuer) && read_name(header, CLAIM("tan"), out->trust_anchor);
}

static bool is_ps256(const json_t *header)
{
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    return algorithm != NULL && strcmp(algorithm, "PS256") == 0 && json_object_get(header, "b64") == NULL;
}

/* A token's header may have critical claims too: then they are the same three. */
static bool read_header(const char *text, size_t length, bool is_token, struct jws_header *out)
{
    char bytes[HEADER_MAX];
    size_t size;
    if (!base64url_read(text, length, (uint8_t *)bytes, sizeof bytes, &size))
        return false;
    json_t *header = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(header) && is_ps256(header) && read_name(header, "kid", out->key_id);
    if (good && (!is_token || json_object_get(header, "crit") != NULL))
        good = read_critical(header, out);
    json_decref(header);
    return good;
}

/* ---- detached --------------------------------------------------------------------------------------- */

/* NULL: no memory. */
static char *write_header(const struct jws_header *header)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:[s, s, s], s:I, s:s, s:s}", "alg", "PS256", "kid",
                               header->key_id, "typ", "JOSE", "cty", "application/json", "crit", CLAIM("iat"),
                               CLAIM("iss"), CLAIM("tan"), CLAIM("iat"), (json_int_t)header->issued_at_s,
                               CLAIM("iss"), header->issuer, CLAIM("tan"), header->trust_anchor);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

bool jws_sign(const struct jws_key *key, const struct jws_header *header, const void *payload, size_t length,
              char out[JWS_TEXT_MAX + 1])
{
    char signature[BASE64URL_LENGTH(SIGNATURE_MAX) + 1];
    char *json = write_header(header);
    size_t json_length = json != NULL ? strlen(json) : 0;
    bool good = json != NULL && BASE64URL_LENGTH(json_length) <= JWS_TEXT_MAX;
    size_t header_length = good ? base64url_write((const uint8_t *)json, json_length, out) : 0;
    free(json);
    if (!good || !sign(key, out, payload, length, signature) ||
        header_length + 2 + strlen(signature) > JWS_TEXT_MAX)
        return false;
    memcpy(out + header_length, "..", 2);
    memcpy(out + header_length + 2, signature, strlen(signature) + 1);
    return true;
}

bool jws_verify(const struct jws_key *key, const char *text, const void *payload, size_t length,
                struct jws_header *out)
{
    const char *end = strstr(text, "..");
    *out = (struct jws_header){0};
    return end != NULL && read_header(text, (size_t)(end - text), false, out) &&
           verify(key, text, (size_t)(end - text), payload, length, end + 2, strlen(end + 2));
}

/* ---- tokens ----------------------------------------------------------------------------------------- */

size_t jws_token_sign(const struct jws_key *key, const char *key_id, const void *payload, size_t length,
                      char *out, size_t size)
{
    char signature[BASE64URL_LENGTH(SIGNATURE_MAX) + 1], header[BASE64URL_LENGTH(HEADER_MAX) + 1];
    json_t *object = json_pack("{s:s, s:s, s:s}", "alg", "PS256", "kid", key_id, "typ", "JWT");
    char *json = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    bool good = json != NULL && strlen(json) <= HEADER_MAX;
    size_t header_length = good ? base64url_write((const uint8_t *)json, strlen(json), header) : 0;
    free(json);
    if (!good || !sign(key, header, payload, length, signature) ||
        header_length + BASE64URL_LENGTH(length) + strlen(signature) + 3 > size)
        return 0;
    memcpy(out, header, header_length);
    out[header_length] = '.';
    size_t at = header_length + 1 + base64url_write(payload, length, out + header_length + 1);
    out[at++] = '.';
    memcpy(out + at, signature, strlen(signature) + 1);
    return at + strlen(signature);
}

bool jws_token_verify(const struct jws_key *key, const char *text, size_t length, uint8_t *payload,
                      size_t size, size_t *payload_length)
{
    struct jws_header header;
    const char *first = memchr(text, '.', length);
    const char *second = first != NULL ? memchr(first + 1, '.', length - (size_t)(first + 1 - text)) : NULL;
    if (second == NULL || !read_header(text, (size_t)(first - text), true, &header) ||
        !base64url_read(first + 1, (size_t)(second - first - 1), payload, size, payload_length))
        return false;
    return verify(key, text, (size_t)(first - text), payload, *payload_length, second + 1,
                  length - (size_t)(second + 1 - text));
}
