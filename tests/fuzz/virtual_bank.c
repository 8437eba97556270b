/* Fuzz target: requests to the virtual bank, in a row.
 *
 * The input is a list of records that end with byte 0x1e: a letter that says what is asked, and its body. "g" to "j" are GETs of the id that
 * the body is, or of the newest payment or consent where it is empty; "R" sets rules, "T" lets so many seconds pass as the body has bytes.
 *
 * Whatever comes in: a reply has a status of HTTP and, where nothing was done wrong by rule, a body of JSON or none; the books balance; no id of
 * the client is paid twice on a day. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/bank/inside.h"
#include "tests/fuzz/input.h"

#define NOW_US INT64_C(1795249800000000)

enum { RECORDS_MAX = 24, END = 0x1e };

static const struct {
    char letter;
    const char *path;
    bool is_form;
} asked[] = {
    {'a', "/oauth/2.0/token", true},
    {'b', "/v2.0/inquiry/receive", false},
    {'c', "/v2.0/transfer/withdraw/fin_num", false},
    {'d', "/v2.0/transfer/deposit/fin_num", false},
    {'e', "/v2.0/transfer/deposit/acnt_num", false},
    {'f', "/v2.0/transfer/result", false},
    {'g', "/domestic-vrp-consents/", false},
    {'h', "/domestic-vrps/", false},
    {'i', "/domestic-payment-consents/", false},
    {'j', "/domestic-payments/", false},
    {'k', "/domestic-vrp-consents", false},
    {'l', "/domestic-vrps", false},
    {'m', "/domestic-payment-consents", false},
    {'n', "/domestic-payments", false},
    {'o', "/token", true},
};

struct teller {
    struct virtual_bank *bank;
    int64_t now_us;
    char newest[65]; /* id of a consent or a payment */
};

static void remember(struct teller *self, const struct virtual_reply *reply)
{
    static const char *const names[] = {"DomesticVRPId", "DomesticPaymentId", "ConsentId"};
    json_t *body = reply->length > 0 ? json_loadb(reply->body, reply->length, 0, NULL) : NULL;
    CHECK(reply->length == 0 || reply->rule || body);
    const json_t *data = json_object_get(body, "Data");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *id = json_string_value(json_object_get(data, names[i]));
        if (id && virtual_copy(self->newest, 64, id))
            break;
    }
    json_decref(body);
}

/* The newest consent's id stands where the body has "@". */
static size_t write_body(const struct teller *self, const uint8_t *data, size_t size, char *out, size_t most)
{
    size_t length = 0;
    for (size_t i = 0; i < size && length + 65 < most; i++) {
        if (data[i] == '@')
            length += (size_t)snprintf(out + length, 65, "%s", self->newest);
        else
            out[length++] = (char)data[i];
    }
    out[length] = '\0';
    return length;
}

static void ask(struct teller *self, size_t place, const uint8_t *data, size_t size)
{
    static char body[32768], path[512];
    char token[VIRTUAL_TOKEN_MAX + 16] = "Bearer ", key[16];
    bool is_kftc = asked[place].path[1] == 'v', is_get = strchr("ghij", asked[place].letter) != NULL;
    virtual_token_make(self->bank, self->now_us, is_kftc ? "oob" : "payments", token + 7);
    snprintf(key, sizeof key, "k%zu", size % 4);
    size_t length = write_body(self, data, size, body, sizeof body);
    snprintf(path, sizeof path, "%s%.400s", asked[place].path, !is_get ? "" : length ? body : self->newest);
    const struct virtual_header headers[] = {
        {"Authorization", token}, {"Content-Type", "application/json"}, {"x-idempotency-key", key}};
    struct virtual_request request = {.method = is_get ? "GET" : "POST",
                                      .path = path,
                                      .headers = headers,
                                      .header_count = asked[place].is_form ? 0 : 3,
                                      .body = is_get ? NULL : body,
                                      .length = is_get ? 0 : length};
    struct virtual_reply reply;
    virtual_bank_handle(self->bank, self->now_us, &request, &reply);
    CHECK(reply.status >= 200 && reply.status < 600 && reply.header_count <= VIRTUAL_HEADERS_MAX);
    remember(self, &reply);
}

static void work(struct teller *self, uint8_t letter, const uint8_t *data, size_t size)
{
    char why[160];
    if (letter == 'R')
        (void)!virtual_bank_rules(self->bank, (const char *)data, size, why);
    if (letter == 'T')
        self->now_us += (int64_t)size * 1000000;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        if (asked[i].letter == letter)
            ask(self, i, data, size);
    }
}

static void check_entries(const struct virtual_bank *bank)
{
    struct virtual_entry one, other;
    CHECK(virtual_bank_books(bank));
    for (uint64_t a = 1; virtual_bank_entry(bank, a, &one); a++) {
        for (uint64_t b = a + 1; virtual_bank_entry(bank, b, &other); b++) {
            bool is_kftc = strcmp(one.rail, "kftc") == 0 && strcmp(other.rail, "kftc") == 0;
            CHECK(!is_kftc || strcmp(one.id, other.id) != 0);
            CHECK(strcmp(one.reference, other.reference) != 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct virtual_bank_options options = virtual_bank_options_default();
    options.settle_us = size % 2 ? 3000000 : 0;
    options.opening_balance = 100000;
    struct teller self = {.bank = virtual_bank_new(&options), .now_us = NOW_US};
    CHECK(self.bank);
    for (int i = 0; i < RECORDS_MAX && size > 0; i++) {
        const uint8_t *end = memchr(data, END, size);
        size_t length = end ? (size_t)(end - data) : size;
        if (length > 0)
            work(&self, data[0], data + 1, length - 1);
        length += end != NULL;
        data += length;
        size -= length;
    }
    check_entries(self.bank);
    virtual_bank_destroy(&self.bank);
    return 0;
}
