/* The generic callback: who may say what, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/callback/callback.h"

#define SECRET "a secret of sixteen and more"
#define NOW_S INT64_C(1795230000)
#define NOW_US (NOW_S * 1000000)
#define BODY \
    "{\"event\":\"nonce-1\",\"id\":\"T991234560U000000100\",\"resource\":\"api-1\",\"status\":\"done\"}"

static const char *result_text(enum rail_post_result result)
{
    static const char *const names[] = {
        [RAIL_POST_TAKEN] = "taken",
        [RAIL_POST_FORGED] = "forged",
        [RAIL_POST_TOO_OLD] = "too old",
        [RAIL_POST_BROKEN] = "broken",
    };
    return names[result];
}

/* A body, signed well at that time. */
static const char *take(const char *body, size_t length, int64_t at_s, struct rail_notice *out)
{
    char timestamp[32], signature[CALLBACK_SIGNATURE_TEXT];
    snprintf(timestamp, sizeof timestamp, "%lld", (long long)at_s);
    assert_true(callback_sign(SECRET, timestamp, body, length, signature));
    struct rail_post post = {"application/json", timestamp, signature, body, length};
    return result_text(callback_read(SECRET, &post, NOW_US, out));
}

static void the_signature_is_hmac_sha_256_of_time_and_body(void **state)
{
    char signature[CALLBACK_SIGNATURE_TEXT];
    (void)state;
    assert_true(callback_sign("key", "1", "{}", 2, signature));
    /* printf '1.{}' | openssl dgst -sha256 -hmac key */
    assert_string_equal(signature, "v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224");
}

static void a_good_callback_names_the_payment(void **state)
{
    struct rail_notice notice;
    (void)state;
    assert_string_equal(take(BODY, strlen(BODY), NOW_S, &notice), "taken");
    assert_string_equal(notice.event, "nonce-1");
    assert_string_equal(notice.id, "T991234560U000000100");
    assert_string_equal(notice.resource, ""); /* the id names it for certain */
    assert_int_equal(notice.until_us, (NOW_S + 301) * 1000000);
    assert_string_equal(take("{\"event\":\"n\",\"resource\":\"api-1\"}", 32, NOW_S, &notice), "taken");
    assert_string_equal(notice.resource, "api-1");
}

static void the_window_is_300_seconds_either_way(void **state)
{
    static const struct {
        int64_t after_s;
        const char *result;
    } rows[] = {{0, "taken"},      {300, "taken"},           {-300, "taken"},   {301, "too old"},
                {-301, "too old"}, {-1795230000, "too old"}, {86400, "too old"}};
    struct rail_notice notice;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(take(BODY, strlen(BODY), NOW_S + rows[i].after_s, &notice), rows[i].result);
}

static void what_is_not_signed_by_the_secret_is_forged(void **state)
{
    char good[CALLBACK_SIGNATURE_TEXT], other[CALLBACK_SIGNATURE_TEXT];
    struct rail_notice notice;
    (void)state;
    assert_true(callback_sign(SECRET, "1795230000", BODY, strlen(BODY), good));
    assert_true(callback_sign("another secret 16", "1795230000", BODY, strlen(BODY), other));
    const struct {
        const char *secret, *timestamp, *signature;
    } rows[] = {
        {SECRET, "1795230000", NULL},     {SECRET, NULL, good},
        {SECRET, "1795230000", ""},       {SECRET, "1795230000", other},
        {SECRET, "1795230001", good},     {"", "1795230000", good},
        {NULL, "1795230000", good},       {SECRET, "1795230000", "v1="},
        {SECRET, "1795230000", good + 3}, {"another secret 16", "1795230000", good},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_post post = {"application/json", rows[i].timestamp, rows[i].signature, BODY,
                                 strlen(BODY)};
        assert_string_equal(result_text(callback_read(rows[i].secret, &post, NOW_US, &notice)), "forged");
        assert_string_equal(notice.event, "");
    }
}

static void any_byte_changed_is_forged(void **state)
{
    char signature[CALLBACK_SIGNATURE_TEXT], body[] = BODY;
    struct rail_notice notice;
    (void)state;
    assert_true(callback_sign(SECRET, "1795230000", BODY, strlen(BODY), signature));
    struct rail_post post = {"application/json", "1795230000", signature, body, strlen(body)};
    for (size_t i = 0; i < strlen(BODY); i++) {
        body[i] ^= 1;
        assert_string_equal(result_text(callback_read(SECRET, &post, NOW_US, &notice)), "forged");
        body[i] ^= 1;
    }
    for (size_t i = 0; i < strlen(signature); i++) {
        signature[i] ^= 1;
        assert_string_equal(result_text(callback_read(SECRET, &post, NOW_US, &notice)), "forged");
        signature[i] ^= 1;
    }
    assert_string_equal(result_text(callback_read(SECRET, &post, NOW_US, &notice)), "taken");
}

static void a_time_that_is_none_is_broken(void **state)
{
    static const char *const times[] = {"", "now", "-5", "1795230000.0", " 1795230000", "123456789012"};
    struct rail_notice notice;
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char signature[CALLBACK_SIGNATURE_TEXT];
        assert_true(callback_sign(SECRET, times[i], BODY, strlen(BODY), signature));
        struct rail_post post = {"application/json", times[i], signature, BODY, strlen(BODY)};
        assert_string_equal(result_text(callback_read(SECRET, &post, NOW_US, &notice)), "broken");
    }
}

static void a_body_that_names_nothing_is_broken(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"event\":\"n\"}",
        "{\"id\":\"i\"}",
        "{\"event\":\"\",\"id\":\"i\"}",
        "{\"event\":7,\"id\":\"i\"}",
        "{\"event\":\"n\",\"id\":7}",
        "{\"event\":\"n\",\"id\":\"\"}",
        "{\"event\":\"n\",\"event\":\"n\",\"id\":\"i\"}",
        "{\"event\":\"n\\u0000\",\"id\":\"i\"}",
        "{\"event\":\"n\\n\",\"id\":\"i\"}",
        "{\"event\":\"n\\u202e\",\"id\":\"i\"}",
        "{\"event\":\"n\",\"id\":\"12345678901234567890123456789012345678901234567890123456789012345\"}",
        "{\"event\":\"n\",\"id\":\"i\"",
        "{\"event\":\"n\",\"id\":\"i\"} more",
    };
    struct rail_notice notice;
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_string_equal(take(bodies[i], strlen(bodies[i]), NOW_S, &notice), "broken");
        assert_string_equal(notice.event, "");
    }
}

static void a_body_that_is_too_long_is_not_looked_at(void **state)
{
    struct rail_notice notice;
    char *body = calloc(1, RAIL_REPLY_MAX + 2);
    (void)state;
    assert_non_null(body);
    assert_string_equal(take(body, RAIL_REPLY_MAX + 1, NOW_S, &notice), "broken");
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_is_hmac_sha_256_of_time_and_body),
        cmocka_unit_test(a_good_callback_names_the_payment),
        cmocka_unit_test(the_window_is_300_seconds_either_way),
        cmocka_unit_test(what_is_not_signed_by_the_secret_is_forged),
        cmocka_unit_test(any_byte_changed_is_forged),
        cmocka_unit_test(a_time_that_is_none_is_broken),
        cmocka_unit_test(a_body_that_names_nothing_is_broken),
        cmocka_unit_test(a_body_that_is_too_long_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
