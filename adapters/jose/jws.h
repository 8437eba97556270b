/* Signatures of JSON as open banking uses them: JWS (RFC 7515) with PS256 (RSASSA-PSS, SHA-256, a salt of 32 bytes), and no other way.
 *
 * Two forms:
 *     detached   "header..signature", the payload is the body of the message. The header names the time, the issuer and the trust
 *                anchor under http://openbanking.org.uk/, and calls them critical (Read/Write Data API Profile, "Message Signing")
 *     token      "header.payload.signature", a JWT: an event notification
 *
 * Verifying takes any bytes. What a good signature says (when, who) is given to the caller to judge. Keys are RSA of 2,048 to 4,096 bits. */
#ifndef TELLER_JOSE_JWS_H
#define TELLER_JOSE_JWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JWS_NAME_MAX = 256,  /* of a key's id, an issuer, a trust anchor */
    JWS_TEXT_MAX = 1500, /* of a detached signature that is made here */
    JWS_KEY_BITS_MIN = 2048,
    JWS_KEY_BITS_MAX = 4096,
};

struct jws_key;

/* From PEM, without a password. NULL: no such key. jws_key_destroy wipes it. */
struct jws_key *jws_key_private(const char *pem);
struct jws_key *jws_key_public(const char *pem);
void jws_key_destroy(struct jws_key **self_p);

struct jws_header {
    char key_id[JWS_NAME_MAX + 1];
    char issuer[JWS_NAME_MAX + 1];
    char trust_anchor[JWS_NAME_MAX + 1];
    int64_t issued_at_s; /* since 1970 */
};

/* false: the library failed, or the header is too long for JWS_TEXT_MAX. The names are clean text. */
bool jws_sign(const struct jws_key *key, const struct jws_header *header, const void *payload, size_t length,
              char out[JWS_TEXT_MAX + 1]);

/* false: not of that form, or not signed so by that key. *out is what the header says. */
bool jws_verify(const struct jws_key *key, const char *text, const void *payload, size_t length,
                struct jws_header *out);

/* A token around a payload; returns its length, 0 where it does not fit into `size` with its NUL, or the library failed. */
size_t jws_token_sign(const struct jws_key *key, const char *key_id, const void *payload, size_t length,
                      char *out, size_t size);

/* false: not of that form, not signed so by that key, or a payload of more than `size` bytes. */
bool jws_token_verify(const struct jws_key *key, const char *text, size_t length, uint8_t *payload,
                      size_t size, size_t *payload_length);

#endif
