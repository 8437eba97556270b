/* base64url and signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "adapters/jose/base64url.h"
#include "adapters/jose/jws.h"

#include "tests/lib/keys/keys.h"

#define BODY "{\"Data\":{\"Status\":\"ACCC\"}}"

static struct jws_key *client_key, *client_public, *bank_public;

static const struct jws_header header = {.key_id = "key-1",
                                         .issuer = "0014H00001lFE7d/ours",
                                         .trust_anchor = "openbanking.org.uk",
                                         .issued_at_s = 1795230000};

static int set_up(void **state)
{
    char pem[TEST_KEY_MAX];
    (void)state;
    client_key = jws_key_private(test_key("client.pem", pem));
    client_public = jws_key_public(test_key("client.pub.pem", pem));
    bank_public = jws_key_public(test_key("bank.pub.pem", pem));
    return client_key == NULL || client_public == NULL || bank_public == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    jws_key_destroy(&client_key);
    jws_key_destroy(&client_public);
    jws_key_destroy(&bank_public);
    return 0;
}

/* ---- base64url ---------------------------------------------------------------------------------------- */

static void base64url_is_written_as_in_the_rfc(void **state)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},      {"foo", "Zm9v"},
                {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"\xfb\xff", "-_8"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16];
        uint8_t bytes[16];
        size_t length = strlen(rows[i].bytes), read;
        assert_int_equal(base64url_write((const uint8_t *)rows[i].bytes, length, text),
                         BASE64URL_LENGTH(length));
        assert_string_equal(text, rows[i].text);
        assert_true(base64url_read(text, strlen(text), bytes, sizeof bytes, &read));
        assert_int_equal(read, length);
        assert_memory_equal(bytes, rows[i].bytes, length);
    }
}

static void base64url_has_one_text_for_each_run_of_bytes(void **state)
{
    static const char *const wrong[] = {"Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm 9v", "Zm9v\n", "Zm9vZ"};
    uint8_t bytes[16];
    size_t length;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(base64url_read(wrong[i], strlen(wrong[i]), bytes, sizeof bytes, &length));
    assert_false(base64url_read("Zm9v", 4, bytes, 2, &length));
    assert_true(base64url_read("Zm9v", 4, bytes, 3, &length));
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static void what_is_no_rsa_key_is_refused(void **state)
{
    static const char locked[] =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIBpjBABg==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    static const char curve[] =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
        "-----END PUBLIC KEY-----\n";
    char pem[TEST_KEY_MAX];
    (void)state;
    assert_null(jws_key_private(""));
    assert_null(jws_key_private("nonsense"));
    assert_null(jws_key_private(locked));
    assert_null(jws_key_private(test_key("client.pub.pem", pem)));
    assert_null(jws_key_public(test_key("client.pem", pem)));
    assert_null(jws_key_public(curve));
}

/* ---- detached ----------------------------------------------------------------------------------------- */

static void a_detached_signature_says_who_signed_and_when(void **state)
{
    char text[JWS_TEXT_MAX + 1];
    struct jws_header read;
    (void)state;
    assert_true(jws_sign(client_key, &header, BODY, strlen(BODY), text));
    assert_non_null(strstr(text, ".."));
    assert_true(jws_verify(client_public, text, BODY, strlen(BODY), &read));
    assert_memory_equal(&read, &header, sizeof read);
}

static void a_body_of_any_length_is_signed(void **state)
{
    static char body[70000];
    char text[JWS_TEXT_MAX + 1];
    struct jws_header read;
    (void)state;
    memset(body, 'a', sizeof body);
    for (size_t length = 0; length < sizeof body; length = length * 3 + 767) {
        assert_true(jws_sign(client_key, &header, body, length, text));
        assert_true(jws_verify(client_public, text, body, length, &read));
        assert_false(jws_verify(client_public, text, body, length + 1, &read));
    }
}

static void another_key_did_not_sign_it(void **state)
{
    char text[JWS_TEXT_MAX + 1];
    struct jws_header read;
    (void)state;
    assert_true(jws_sign(client_key, &header, BODY, strlen(BODY), text));
    assert_false(jws_verify(bank_public, text, BODY, strlen(BODY), &read));
}

static void any_byte_changed_is_seen(void **state)
{
    char text[JWS_TEXT_MAX + 1], body[] = BODY;
    struct jws_header read;
    (void)state;
    assert_true(jws_sign(client_key, &header, BODY, strlen(BODY), text));
    for (size_t i = 0; i < strlen(body); i++) {
        body[i] ^= 1;
        assert_false(jws_verify(client_public, text, body, strlen(BODY), &read));
        body[i] ^= 1;
    }
    for (size_t i = 0; text[i] != '\0'; i++) {
        char before = text[i];
        text[i] = before == 'A' ? 'B' : 'A';
        assert_false(jws_verify(client_public, text, BODY, strlen(BODY), &read));
        text[i] = '\0';
        assert_false(jws_verify(client_public, text, BODY, strlen(BODY), &read));
        text[i] = before;
    }
    assert_true(jws_verify(client_public, text, BODY, strlen(BODY), &read));
}

static void a_header_that_is_too_long_is_not_signed(void **state)
{
    struct jws_header wide = header;
    char text[JWS_TEXT_MAX + 1];
    (void)state;
    memset(wide.key_id, 'k', JWS_NAME_MAX);
    memset(wide.issuer, 'i', JWS_NAME_MAX);
    memset(wide.trust_anchor, 't', JWS_NAME_MAX);
    assert_false(jws_sign(client_key, &wide, BODY, strlen(BODY), text));
}

/* ---- headers that others make ------------------------------------------------------------------------- */

#define OB "http://openbanking.org.uk/"
#define CRIT "\"crit\":[\"" OB "iat\",\"" OB "iss\",\"" OB "tan\"]"
#define CLAIMS "\"" OB "iat\":5,\"" OB "iss\":\"i\",\"" OB "tan\":\"t\""

/* A signature over any header, made without the library under test. */
static void sign_with(const char *json, char out[4096])
{
    char pem[TEST_KEY_MAX], body[BASE64URL_LENGTH(sizeof BODY) + 1];
    uint8_t bytes[512];
    size_t length = sizeof bytes;
    EVP_PKEY_CTX *parameters;
    test_key("client.pem", pem);
    BIO *file = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, &parameters, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 32), 1);
    size_t at = base64url_write((const uint8_t *)json, strlen(json), out);
    base64url_write((const uint8_t *)BODY, strlen(BODY), body);
    snprintf(out + at, 4096 - at, ".%s", body);
    assert_int_equal(EVP_DigestSign(context, bytes, &length, (const uint8_t *)out, strlen(out)), 1);
    memcpy(out + at, "..", 2);
    base64url_write(bytes, length, out + at + 2);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(file);
}

static bool header_is_taken(const char *json)
{
    char text[4096];
    struct jws_header read;
    sign_with(json, text);
    return jws_verify(client_public, text, BODY, strlen(BODY), &read);
}

static void only_ps256_with_the_three_critical_claims_is_taken(void **state)
{
    static const struct {
        const char *json;
        bool is_taken;
    } rows[] = {
        {"{\"alg\":\"PS256\",\"kid\":\"k\"," CRIT "," CLAIMS "}", true},
        {"{" CRIT "," CLAIMS
         ",\"kid\":\"k\",\"typ\":\"JOSE\",\"cty\":\"application/json\",\"alg\":\"PS256\"}",
         true},
        {"{\"alg\":\"none\",\"kid\":\"k\"," CRIT "," CLAIMS "}", false},
        {"{\"alg\":\"RS256\",\"kid\":\"k\"," CRIT "," CLAIMS "}", false},
        {"{\"alg\":\"HS256\",\"kid\":\"k\"," CRIT "," CLAIMS "}", false},
        {"{\"alg\":\"PS256\",\"alg\":\"PS256\",\"kid\":\"k\"," CRIT "," CLAIMS "}", false},
        {"{\"alg\":\"PS256\"," CRIT "," CLAIMS "}", false},
        {"{\"alg\":\"PS256\",\"kid\":\"\"," CRIT "," CLAIMS "}", false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\"," CLAIMS "}", false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\",\"b64\":false," CRIT "," CLAIMS "}", false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\",\"crit\":[\"" OB "iat\",\"" OB "iss\"]," CLAIMS "}", false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\",\"crit\":[\"" OB "iat\",\"" OB "iat\",\"" OB "tan\"]," CLAIMS "}",
         false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\",\"crit\":[\"b64\",\"" OB "iat\",\"" OB "iss\",\"" OB
         "tan\"]," CLAIMS "}",
         false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\"," CRIT ",\"" OB "iat\":\"5\",\"" OB "iss\":\"i\",\"" OB
         "tan\":\"t\"}",
         false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\"," CRIT ",\"" OB "iat\":-5,\"" OB "iss\":\"i\",\"" OB
         "tan\":\"t\"}",
         false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\"," CRIT ",\"" OB "iat\":5,\"" OB "tan\":\"t\"}", false},
        {"{\"alg\":\"PS256\",\"kid\":\"k\"," CRIT ",\"" OB "iat\":5,\"" OB "iss\":\"i\"}", false},
        {"[]", false},
        {"", false},
        {"nonsense", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (header_is_taken(rows[i].json) != rows[i].is_taken)
            fail_msg("%s", rows[i].json);
}

static void a_text_that_is_no_signature_is_refused(void **state)
{
    static const char *const texts[] = {"",      ".",     "..",      "...",       "a..b",
                                        "e30..", "..e30", "e30.e30", "\xff..\xff"};
    struct jws_header read;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(jws_verify(client_public, texts[i], BODY, strlen(BODY), &read));
}

/* ---- tokens ------------------------------------------------------------------------------------------- */

static void a_token_carries_its_payload(void **state)
{
    char text[4096];
    uint8_t payload[256];
    size_t read, length = jws_token_sign(client_key, "key-1", BODY, strlen(BODY), text, sizeof text);
    (void)state;
    assert_int_equal(length, strlen(text));
    assert_true(jws_token_verify(client_public, text, length, payload, sizeof payload, &read));
    assert_int_equal(read, strlen(BODY));
    assert_memory_equal(payload, BODY, read);
    assert_false(jws_token_verify(bank_public, text, length, payload, sizeof payload, &read));
    assert_false(jws_token_verify(client_public, text, length, payload, strlen(BODY) - 1, &read));
}

static void a_token_that_does_not_fit_is_not_written(void **state)
{
    char text[4096];
    (void)state;
    size_t length = jws_token_sign(client_key, "key-1", BODY, strlen(BODY), text, sizeof text);
    assert_int_equal(jws_token_sign(client_key, "key-1", BODY, strlen(BODY), text, length + 1), length);
    assert_int_equal(jws_token_sign(client_key, "key-1", BODY, strlen(BODY), text, length), 0);
}

static void any_byte_of_a_token_changed_is_seen(void **state)
{
    char text[4096];
    uint8_t payload[256];
    size_t read, length = jws_token_sign(client_key, "key-1", BODY, strlen(BODY), text, sizeof text);
    (void)state;
    for (size_t i = 0; i < length; i++) {
        char before = text[i];
        text[i] = before == 'A' ? 'B' : 'A';
        assert_false(jws_token_verify(client_public, text, length, payload, sizeof payload, &read));
        text[i] = before;
        assert_false(jws_token_verify(client_public, text, i, payload, sizeof payload, &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_is_written_as_in_the_rfc),
        cmocka_unit_test(base64url_has_one_text_for_each_run_of_bytes),
        cmocka_unit_test(what_is_no_rsa_key_is_refused),
        cmocka_unit_test(a_detached_signature_says_who_signed_and_when),
        cmocka_unit_test(a_body_of_any_length_is_signed),
        cmocka_unit_test(another_key_did_not_sign_it),
        cmocka_unit_test(any_byte_changed_is_seen),
        cmocka_unit_test(a_header_that_is_too_long_is_not_signed),
        cmocka_unit_test(only_ps256_with_the_three_critical_claims_is_taken),
        cmocka_unit_test(a_text_that_is_no_signature_is_refused),
        cmocka_unit_test(a_token_carries_its_payload),
        cmocka_unit_test(a_token_that_does_not_fit_is_not_written),
        cmocka_unit_test(any_byte_of_a_token_changed_is_seen),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
