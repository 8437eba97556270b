#include "actors/publisher/shell/signature.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

enum { HASH_BYTES = 32 };

static bool sign(EVP_MAC_CTX *context, const uint8_t *secret, size_t secret_length, const char *time,
                 const uint8_t *body, size_t length, uint8_t out[HASH_BYTES])
{
    char digest[] = "SHA256";
    size_t got = 0;
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                     OSSL_PARAM_construct_end()};
    return EVP_MAC_init(context, secret, secret_length, parameters) == 1 &&
           EVP_MAC_update(context, (const uint8_t *)time, strlen(time)) == 1 &&
           EVP_MAC_update(context, body, length) == 1 && EVP_MAC_final(context, out, &got, HASH_BYTES) == 1 &&
           got == HASH_BYTES;
}

bool signature_write(const uint8_t *secret, size_t secret_length, int64_t timestamp_s, const uint8_t *body,
                     size_t length, char out[SIGNATURE_TEXT_MAX])
{
    char time[32];
    uint8_t hash[HASH_BYTES];
    snprintf(time, sizeof time, "%" PRId64 ".", timestamp_s);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    bool is_signed = context != NULL && sign(context, secret, secret_length, time, body, length, hash);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    if (!is_signed)
        return false;
    memcpy(out, "v1=", 4);
    for (size_t i = 0; i < HASH_BYTES; i++)
        snprintf(out + 3 + 2 * i, 3, "%02x", hash[i]);
    return true;
}
