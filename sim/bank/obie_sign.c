/* Signatures of replies and events, the client's signatures, and who the client is. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/jose/jws.h"
#include "sim/bank/obie_inside.h"

enum { ASSERTION_MAX = 8192, BASIC_MAX = 1024 };

struct obie_signer {
    struct jws_key *own;
    struct jws_key *client; /* NULL: the client's signatures are not verified */
};

struct obie_signer *obie_signer_new(const struct virtual_bank_options *options)
{
    struct obie_signer *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->own = jws_key_private(options->signing_key_pem ? options->signing_key_pem : virtual_bank_test_key);
    if (options->client_key_pem)
        self->client = jws_key_public(options->client_key_pem);
    if (!self->own || (options->client_key_pem && !self->client))
        obie_signer_destroy(&self);
    return self;
}

void obie_signer_destroy(struct obie_signer **self_p)
{
    if (*self_p) {
        jws_key_destroy(&(*self_p)->own);
        jws_key_destroy(&(*self_p)->client);
    }
    free(*self_p);
    *self_p = NULL;
}

bool obie_signer_detached(const struct obie_signer *self, int64_t now_us, const char *body, size_t length,
                          char out[VIRTUAL_HEADER_TEXT_MAX + 1])
{
    struct jws_header header = {.key_id = "virtual-bank",
                                .issuer = "virtual-bank",
                                .trust_anchor = "openbanking.org.uk",
                                .issued_at_s = now_us / 1000000};
    return jws_sign(self->own, &header, body ? body : "", length, out);
}

char *obie_signer_jwt(const struct obie_signer *self, const char *payload, size_t length)
{
    size_t size = length * 2 + 2048;
    char *text = malloc(size);
    if (text && jws_token_sign(self->own, "virtual-bank", payload, length, text, size) > 0)
        return text;
    free(text);
    return NULL;
}

const char *obie_signer_check(const struct obie_signer *self, const struct virtual_request *request)
{
    const char *signature = virtual_request_header(request, "x-jws-signature");
    struct jws_header header;
    if (!self->client)
        return NULL;
    if (!signature)
        return "U019";
    const char *first = strchr(signature, '.');
    if (!first || first[1] != '.' || strchr(first + 2, '.'))
        return "U018";
    return jws_verify(self->client, signature, request->body, request->length, &header) ? NULL : "U015";
}

bool obie_signer_knows(const struct obie_signer *self, const struct virtual_request *request)
{
    char assertion[ASSERTION_MAX + 1];
    uint8_t payload[ASSERTION_MAX];
    size_t length;
    if (!virtual_form_field(request, "client_assertion", assertion, ASSERTION_MAX) || !*assertion)
        return false;
    return !self->client ||
           jws_token_verify(self->client, assertion, strlen(assertion), payload, sizeof payload, &length);
}

bool obie_signer_is_basic(const char *header, const char *client_id, const char *client_secret)
{
    unsigned char decoded[BASIC_MAX + 4];
    if (strncmp(header, "Basic ", 6) != 0 || strlen(header + 6) > BASIC_MAX || strlen(header + 6) % 4 != 0)
        return false;
    int length = EVP_DecodeBlock(decoded, (const unsigned char *)header + 6, (int)strlen(header + 6));
    if (length < 0)
        return false;
    decoded[length] = '\0';
    char *text = (char *)decoded, *colon = strchr(text, ':');
    if (!colon)
        return false;
    *colon = '\0';
    return (!client_id || strcmp(text, client_id) == 0) &&
           (!client_secret || strcmp(colon + 1, client_secret) == 0);
}
