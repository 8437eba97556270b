/* Fuzz target: callbacks. Byte 0: 0 an event notification as it stands, 1 the claims of one, which is signed well, 2 the body of a generic callback,
 * signed well, 3 one whose time and signature are the first two lines of the rest (mod 4).
 *
 * Whatever comes in: a notice that names a payment and may be shown, or nothing at all. What is not signed is not taken. */
#include <stdlib.h>

#include "adapters/callback/callback.h"
#include "adapters/jose/jws.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/rail_open.h"

#define SECRET "a secret of sixteen and more"
#define NOW_TEXT "1795230000"

static void check_notice(enum rail_post_result result, const struct rail_notice *notice)
{
    static const struct rail_notice nothing;
    rail_fuzz_text(notice->event, RAIL_EVENT_ID_MAX);
    rail_fuzz_text(notice->id, RAIL_ID_MAX);
    rail_fuzz_text(notice->resource, RAIL_ID_MAX);
    CHECK(result >= RAIL_POST_TAKEN && result <= RAIL_POST_BROKEN);
    if (result != RAIL_POST_TAKEN) {
        CHECK(memcmp(notice, &nothing, sizeof nothing) == 0);
        return;
    }
    CHECK(notice->event[0] != '\0' && (notice->id[0] != '\0' || notice->resource[0] != '\0'));
    CHECK(notice->until_us > RAIL_FUZZ_NOW_US &&
          notice->until_us <= RAIL_FUZZ_NOW_US + 601 * INT64_C(1000000));
}

static void take_event(const char *body, size_t length)
{
    struct rail_notice notice;
    struct rail_post post = {"application/jwt", NULL, NULL, body, length};
    check_notice(RAIL_OBIE.callback(rail_fuzz_open(1), &post, RAIL_FUZZ_NOW_US, &notice), &notice);
}

static void take_claims(const char *body, size_t length)
{
    static struct jws_key *bank;
    static char text[200000];
    char pem[TEST_KEY_MAX];
    if (bank == NULL)
        bank = jws_key_private(test_key("bank.pem", pem));
    size_t signed_length = jws_token_sign(bank, "b", body, length, text, sizeof text);
    CHECK(signed_length > 0);
    take_event(text, signed_length);
}

static void take_generic(const char *body, size_t length)
{
    char signature[CALLBACK_SIGNATURE_TEXT];
    struct rail_notice notice;
    CHECK(callback_sign(SECRET, NOW_TEXT, body, length, signature));
    struct rail_post post = {NULL, NOW_TEXT, signature, body, length};
    check_notice(callback_read(SECRET, &post, RAIL_FUZZ_NOW_US, &notice), &notice);
}

static void take_lines(char *body, size_t length)
{
    struct rail_notice notice;
    char *end = body + length, *signature = body + strcspn(body, "\n");
    if (signature < end)
        *signature++ = '\0';
    char *rest = signature + strcspn(signature, "\n");
    if (rest < end)
        *rest++ = '\0';
    struct rail_post post = {NULL, body, signature, rest, (size_t)(end - rest)};
    check_notice(callback_read(SECRET, &post, RAIL_FUZZ_NOW_US, &notice), &notice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t how = input_byte(&input);
    char *body = malloc(input.left + 1);
    CHECK(body != NULL);
    if (input.left > 0)
        memcpy(body, input.at, input.left);
    body[input.left] = '\0';
    switch (how % 4) {
    case 0:
        take_event(body, input.left);
        break;
    case 1:
        take_claims(body, input.left);
        break;
    case 2:
        take_generic(body, input.left);
        break;
    default:
        take_lines(body, input.left);
    }
    free(body);
    return 0;
}
