/* The rail of OBIE: what it asks, what replies mean, and which events it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/jose/jws.h"
#include "adapters/obie/obie.h"

#include "tests/lib/keys/keys.h"
#include "tests/unit/adapters/rail_world.h"

#define MANDATE "vrp-1"
#define PAYER_ACCOUNT "UK.OBIE.SortCodeAccountNumber:11280001234567:Ada Payer"
#define PAYER MANDATE "@" PAYER_ACCOUNT
#define PAYEE "UK.OBIE.IBAN:GB76LOYD30949301273801:Bob: Payee"
#define OURS "UK.OBIE.SortCodeAccountNumber:08080021325698:Teller Ltd"
#define ID "0000000000100-ebfe61f74f3db509"
#define END_TO_END "101112131415161718191a1b1c1d1e1f"

static char client_pem[TEST_KEY_MAX], bank_pem[TEST_KEY_MAX];
static struct jws_key *client_public, *bank_key;

#define GOOD_SETTINGS                                                                                \
    "client_id", "client-1", "client_secret", "a-secret", "issuer", "0014H/ours", "key_id", "key-1", \
        "signing_key", client_pem, "account", OURS
#define WITH_BANK GOOD_SETTINGS, "bank_key", bank_pem

static const char *const settings[] = {GOOD_SETTINGS, NULL};
static const char *const with_bank[] = {WITH_BANK, NULL};

static int set_up(void **state)
{
    char pem[TEST_KEY_MAX];
    (void)state;
    test_key("client.pem", client_pem);
    test_key("bank.pub.pem", bank_pem);
    client_public = jws_key_public(test_key("client.pub.pem", pem));
    bank_key = jws_key_private(test_key("bank.pem", pem));
    return client_public == NULL || bank_key == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    jws_key_destroy(&client_public);
    jws_key_destroy(&bank_key);
    return 0;
}

/* A world with a call of this step, standing in this phase; a push has its consent from PAY on. */
static struct rail_world *world_with(const char *const *list, enum bank_step step, enum rail_phase phase)
{
    static struct rail_world self;
    rail_world_open(&self, &RAIL_OBIE, list);
    rail_world_call(&self, step, "GBP", PAYER, PAYEE);
    rail_world_at(&self, phase);
    if (step != BANK_PULL && phase != RAIL_PREPARE)
        strcpy(self.job.consent, "consent-1");
    return &self;
}

static struct rail_world *world(enum bank_step step, enum rail_phase phase)
{
    return world_with(settings, step, phase);
}

/* ---- settings, names --------------------------------------------------------------------------------- */

static void a_wrong_setting_is_named_and_never_shown(void **state)
{
    const char *const no_key[] = {"client_id", "c", "client_secret", "s",        "issuer",  "i",
                                  "key_id",    "k", "signing_key",   "nonsense", "account", OURS,
                                  NULL};
    const char *const public_key[] = {"client_id", "c", "client_secret", "s",      "issuer",  "i",
                                      "key_id",    "k", "signing_key",   bank_pem, "account", OURS,
                                      NULL};
    const char *const no_account[] = {"client_id", "c", "client_secret", "s",        "issuer",  "i",
                                      "key_id",    "k", "signing_key",   client_pem, "account", "A:B",
                                      NULL};
    const char *const no_bank_key[] = {GOOD_SETTINGS, "bank_key", "nonsense", NULL};
    const char *const split[] = {GOOD_SETTINGS, "financial_id", "a\nb", NULL};
    (void)state;
    assert_settings_refused(&RAIL_OBIE, no_key,
                            "setting signing_key is no RSA key of 2,048 to 4,096 bits in PEM");
    assert_settings_refused(&RAIL_OBIE, public_key,
                            "setting signing_key is no RSA key of 2,048 to 4,096 bits in PEM");
    assert_settings_refused(&RAIL_OBIE, no_account, "setting account is no SCHEME:IDENTIFICATION:NAME");
    assert_settings_refused(&RAIL_OBIE, no_bank_key,
                            "setting bank_key is no RSA key of 2,048 to 4,096 bits in PEM");
    assert_settings_refused(&RAIL_OBIE, split,
                            "setting financial_id has characters, or a value, that it may not have");
}

static void a_call_that_cannot_be_of_this_rail_is_refused_for_good(void **state)
{
    static const char *const payer = "the payer is no CONSENTID@SCHEME:IDENTIFICATION:NAME";
    static const char *const payee = "the payee is no SCHEME:IDENTIFICATION:NAME";
    (void)state;
    struct rail_world *self = world(BANK_PULL, RAIL_PAY);
    assert_call_refused(self, "KRW", 1, PAYER, PAYEE, "this bank moves currencies with two decimals only");
    assert_call_refused(self, "KWD", 1, PAYER, PAYEE, "this bank moves currencies with two decimals only");
    assert_call_refused(self, "GBP", INT64_C(1000000000000000), PAYER, PAYEE,
                        "the amount is more than this bank can be asked for");
    assert_call_refused(self, "GBP", 1, PAYER_ACCOUNT, PAYEE, payer);
    assert_call_refused(self, "GBP", 1, "@" PAYER_ACCOUNT, PAYEE, payer);
    assert_call_refused(self, "GBP", 1, "a/b@" PAYER_ACCOUNT, PAYEE, payer);
    assert_call_refused(self, "GBP", 1, MANDATE "@A:B", PAYEE, payer);
    assert_call_refused(self, "GBP", 1, PAYER, "", payee);
    assert_call_refused(self, "GBP", 1, PAYER, "A", payee);
    assert_call_refused(self, "GBP", 1, PAYER, "A:B", payee);
    assert_call_refused(self, "GBP", 1, PAYER, "A::C", payee);
    assert_call_refused(self, "GBP", 1, PAYER, "A:B:", payee);
    assert_call_refused(self, "GBP", 1, PAYER, ":B:C", payee);
    assert_call_refused(self, "GBP", 1, PAYER, "A\"x:B:C", payee);
    assert_call_refused(self, "GBP", 1, PAYER, "A:B:C\n", payee);
    rail_world_close(self);
}

static void the_key_is_of_serial_bank_remittance_and_call_and_fits(void **state)
{
    char first[RAIL_ID_MAX + 1];
    (void)state;
    struct rail_world *self = world(BANK_PULL, RAIL_PAY);
    assert_string_equal(self->job.id, ID);
    assert_true(strlen(self->job.id) <= 35);
    strcpy(first, self->job.id);
    self->job.call.number = 2;
    assert_true(RAIL_OBIE.name_job(self->own, &self->job, self->now_us, &self->verdict));
    assert_string_not_equal(self->job.id, first);
    self->job.call.number = 1;
    self->job.serial = UINT64_MAX;
    assert_true(RAIL_OBIE.name_job(self->own, &self->job, self->now_us, &self->verdict));
    assert_memory_equal(self->job.id, "3w5e11264sgsf-", 14);
    rail_world_close(self);
}

static void a_pull_has_its_mandate_and_nothing_to_prepare(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, RAIL_PAY);
    rail_world_call(self, BANK_PULL, "GBP", PAYER, PAYEE);
    assert_int_equal(self->job.phase, RAIL_PAY);
    assert_string_equal(self->job.consent, MANDATE);
    rail_world_call(self, BANK_PUSH, "GBP", PAYER, PAYEE);
    assert_int_equal(self->job.phase, RAIL_PREPARE);
    assert_string_equal(self->job.consent, "");
    rail_world_close(self);
}

/* ---- requests ---------------------------------------------------------------------------------------- */

#define API "https://bank.example/open-banking/v4.0/pisp/"
#define HEADERS(interaction)                  \
    "\nAuthorization: Bearer TOKEN\nAccept: " \
    "application/json\nx-fapi-interaction-id: " interaction "\n"
#define SIGNED(key) "Content-Type: application/json\nx-idempotency-key: " key "\nx-jws-signature: \n"
#define ACCOUNT(scheme, number, name) \
    "{\"SchemeName\":\"" scheme "\",\"Identification\":\"" number "\",\"Name\":\"" name "\"}"
#define OUR_ACCOUNT ACCOUNT("UK.OBIE.SortCodeAccountNumber", "08080021325698", "Teller Ltd")
#define PAYERS_ACCOUNT ACCOUNT("UK.OBIE.SortCodeAccountNumber", "11280001234567", "Ada Payer")
#define PAYEES_ACCOUNT ACCOUNT("UK.OBIE.IBAN", "GB76LOYD30949301273801", "Bob: Payee")
#define INSTRUCTION                                                                           \
    "\"InstructionIdentification\":\"" ID "\",\"EndToEndIdentification\":\"" END_TO_END "\"," \
    "\"InstructedAmount\":{\"Amount\":\"123.45\",\"Currency\":\"GBP\"}"
#define MEMO "\"RemittanceInformation\":{\"Unstructured\":[\"Rent\"]}"
#define RISK "\"Risk\":{\"PaymentContextCode\":\"TransferToThirdParty\"}"
#define INITIATION(payee)                                                                                   \
    "\"Initiation\":{" INSTRUCTION ",\"DebtorAccount\":" OUR_ACCOUNT ",\"CreditorAccount\":" payee "," MEMO \
    "}"

static void a_pull_is_a_payment_under_the_mandate(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, RAIL_PAY);
    assert_request(
        self,
        "POST " API "domestic-vrps" HEADERS("12111213-1415-8617-881c-1a1b1c1d1e1f") SIGNED(
            ID) "{\"Data\":{\"ConsentId\":\"" MANDATE
                "\",\"PSUAuthenticationMethod\":\"UK.OBIE.SCANotRequired\","
                "\"PSUInteractionType\":\"OffSession\",\"VRPType\":\"UK.OBIE.VRPType.Other\",\"Initiation\":{"
                "\"DebtorAccount\":" PAYERS_ACCOUNT ",\"CreditorAccount\":" OUR_ACCOUNT
                "},\"Instruction\":{" INSTRUCTION ",\"CreditorAccount\":" OUR_ACCOUNT "," MEMO "}}," RISK
                "}");
    rail_world_close(self);
}

static void a_push_asks_for_a_consent_first_with_a_key_of_its_own(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_PREPARE);
    assert_request(self,
                   "POST " API "domestic-payment-consents" HEADERS("11111213-1415-8617-881c-1a1b1c1d1e1f")
                       SIGNED("c-" ID) "{\"Data\":{" INITIATION(PAYEES_ACCOUNT) "}," RISK "}");
    self->job.stage = 1;
    strcpy(self->job.consent, "a:b~c");
    assert_request(self, "GET " API
                         "domestic-payment-consents/a%3Ab~c" HEADERS("11101213-1415-8617-881c-1a1b1c1d1e1f"));
    rail_world_close(self);
}

static void then_the_payment_has_the_consents_initiation(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_PAY);
    assert_request(self, "POST " API "domestic-payments" HEADERS("12111213-1415-8617-881c-1a1b1c1d1e1f")
                             SIGNED(ID) "{\"Data\":{\"ConsentId\":\"consent-1\"," INITIATION(
                                 PAYEES_ACCOUNT) "}," RISK "}");
    rail_world_close(self);
}

static void a_refund_goes_to_the_account_of_the_mandate(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_REFUND, RAIL_PAY);
    assert_request(self, "POST " API "domestic-payments" HEADERS("12111213-1415-8617-881c-1a1b1c1d1e1f")
                             SIGNED(ID) "{\"Data\":{\"ConsentId\":\"consent-1\"," INITIATION(
                                 PAYERS_ACCOUNT) "}," RISK "}");
    rail_world_close(self);
}

static void first_line_is(struct rail_world *self, const char *expected)
{
    char *text = rail_world_ask(self);
    text[strcspn(text, "\n")] = '\0';
    assert_string_equal(text, expected);
    free(text);
}

static void an_inquiry_gets_the_payment_or_sends_the_post_again_or_gets_the_consent(void **state)
{
    static const int64_t hour_us = INT64_C(3600) * 1000000;
    static const struct {
        enum bank_step step;
        const char *resource;
        int64_t after_us;
        uint8_t stage;
        const char *line;
    } rows[] = {
        {BANK_PULL, "pay-1", 0, 0, "GET " API "domestic-vrps/pay-1"},
        {BANK_PUSH, "pay-1", 48 * INT64_C(3600000000), 0, "GET " API "domestic-payments/pay-1"},
        {BANK_REFUND, "pay-1", 0, 1, "GET " API "domestic-payments/pay-1"},
        {BANK_PULL, "", 0, 0, "POST " API "domestic-vrps"},
        {BANK_PUSH, "", 23 * INT64_C(3600000000) - 1, 0, "POST " API "domestic-payments"},
        {BANK_PUSH, "", 23 * INT64_C(3600000000), 0, "GET " API "domestic-payment-consents/consent-1"},
        {BANK_PUSH, "", 0, 1, "GET " API "domestic-payment-consents/consent-1"},
        {BANK_PULL, "", 24 * INT64_C(3600000000), 0, "GET " API "domestic-vrp-consents/vrp-1"},
    };
    (void)state;
    assert_int_equal(RAIL_OBIE.repeatable_us, 23 * hour_us);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(rows[i].step, RAIL_INQUIRE);
        strcpy(self->job.resource, rows[i].resource);
        self->job.stage = rows[i].stage;
        self->now_us = self->job.sent_us + rows[i].after_us;
        first_line_is(self, rows[i].line);
        rail_world_close(self);
    }
}

static void the_body_is_the_same_each_time(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_PAY);
    free(rail_world_ask(self));
    char *before = strdup(self->request.body);
    rail_world_at(self, RAIL_INQUIRE);
    self->now_us += INT64_C(7200) * 1000000;
    self->job.inquiries = 9;
    free(rail_world_ask(self));
    assert_string_equal(self->request.body, before);
    free(before);
    rail_world_close(self);
}

static const char *header_of(const struct rail_world *self, const char *name)
{
    for (size_t i = 0; i < self->request.header_count; i++)
        if (strncmp(self->request.headers[i], name, strlen(name)) == 0)
            return self->request.headers[i] + strlen(name);
    return NULL;
}

static void every_post_is_signed_by_us_and_no_get_is(void **state)
{
    struct jws_header header;
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_PREPARE);
    free(rail_world_ask(self));
    assert_true(jws_verify(client_public, header_of(self, "x-jws-signature: "), self->request.body,
                           self->request.length, &header));
    assert_string_equal(header.key_id, "key-1");
    assert_string_equal(header.issuer, "0014H/ours");
    assert_string_equal(header.trust_anchor, "openbanking.org.uk");
    assert_int_equal(header.issued_at_s, self->now_us / 1000000);
    rail_world_at(self, RAIL_INQUIRE);
    strcpy(self->job.resource, "pay-1");
    free(rail_world_ask(self));
    assert_null(header_of(self, "x-jws-signature: "));
    rail_world_close(self);
}

static void amounts_are_written_from_integers(void **state)
{
    static const struct {
        int64_t amount;
        const char *text;
    } rows[] = {{1, "\"0.01\""},
                {10, "\"0.10\""},
                {100, "\"1.00\""},
                {INT64_C(999999999999999), "\"9999999999999.99\""}};
    (void)state;
    struct rail_world *self = world(BANK_PULL, RAIL_PAY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        self->job.call.amount = rows[i].amount;
        free(rail_world_ask(self));
        assert_non_null(strstr(self->request.body, rows[i].text));
    }
    rail_world_close(self);
}

static void the_longest_call_fits_into_a_request(void **state)
{
    char payer[BANK_PARTY_MAX + 1], payee[BANK_PARTY_MAX + 1];
    const char *const list[] = {GOOD_SETTINGS, "financial_id", "0015800001041RHAAY", NULL};
    (void)state;
    memset(payee, '"', sizeof payee);
    memcpy(payee, "UK.OBIE.IBAN:GB76LOYD30949301273801GB76LOYD30949301273801", 57);
    payee[57] = ':';
    payee[BANK_PARTY_MAX] = '\0';
    memset(payer, '\\', sizeof payer);
    memcpy(payer, "1234567890123456789012345678901234567890@UK.OBIE.IBAN:GB76LOYD:", 63);
    payer[BANK_PARTY_MAX] = '\0';
    struct rail_world *self = world_with(list, BANK_PULL, RAIL_PAY);
    rail_world_call(self, BANK_PULL, "GBP", payer, payee);
    memset(self->job.call.memo, '"', MEMO_MAX);
    free(rail_world_ask(self));
    rail_world_call(self, BANK_PUSH, "GBP", payer, payee);
    memset(self->job.call.memo, '"', MEMO_MAX);
    free(rail_world_ask(self));
    rail_world_close(self);
}

/* ---- replies ----------------------------------------------------------------------------------------- */

#define TIMES                                                                                               \
    "\"CreationDateTime\":\"2026-11-21T03:00:00+00:00\",\"StatusUpdateDateTime\":\"2026-11-21T03:00:00+00:" \
    "00\""
#define PAYMENT_OF(consent, status, instruction, reason)                                            \
    "{\"Data\":{\"DomesticPaymentId\":\"pay-1\",\"ConsentId\":\"" consent "\",\"Status\":\"" status \
    "\"," TIMES reason ",\"Initiation\":{" instruction "}},\"Links\":{\"Self\":\"x\"},\"Meta\":{}}"
#define VRP_OF(consent, status, instruction, reason)                                            \
    "{\"Data\":{\"DomesticVRPId\":\"pay-1\",\"ConsentId\":\"" consent "\",\"Status\":\"" status \
    "\"," TIMES reason ",\"Initiation\":{},\"Instruction\":{" instruction                       \
    "}},\"Risk\":{},\"Links\":{\"Self\":\"x\"},\"Meta\":{}}"
#define PAYMENT(status) PAYMENT_OF("consent-1", status, INSTRUCTION, "")
#define VRP(status) VRP_OF(MANDATE, status, INSTRUCTION, "")
#define CONSENT(id, status)                                                                                \
    "{\"Data\":{\"ConsentId\":\"" id "\",\"Status\":\"" status "\"," TIMES ",\"Initiation\":{" INSTRUCTION \
    "}}," RISK ",\"Links\":{\"Self\":\"x\"},\"Meta\":{}}"
#define REASON(code) \
    ",\"StatusReason\":[{\"StatusReasonCode\":\"" code "\",\"StatusReasonDescription\":\"words\"}]"
#define ERROR(code)                                                                                  \
    "{\"Id\":\"1\",\"Code\":\"400 BadRequest\",\"Message\":\"m\",\"Errors\":[{\"ErrorCode\":\"" code \
    "\",\"Message\":\"words\"}]}"

static void every_status_means_what_its_table_says(void **state)
{
    static const struct {
        const char *status, *pull, *push;
    } rows[] = {
        {"RCVD", "UNKNOWN", "UNKNOWN"}, {"PDNG", "UNKNOWN", "UNKNOWN"},   {"ACTC", "UNKNOWN", "UNKNOWN"},
        {"PATC", "UNKNOWN", "UNKNOWN"}, {"ACCP", "UNKNOWN", "UNKNOWN"},   {"ACFC", "UNKNOWN", "UNKNOWN"},
        {"ACSP", "UNKNOWN", "UNKNOWN"}, {"ACWC", "UNKNOWN", "UNKNOWN"},   {"ACWP", "UNKNOWN", "UNKNOWN"},
        {"BLCK", "UNKNOWN", "UNKNOWN"}, {"ACSC", "UNKNOWN", "SUCCEEDED"}, {"ACCC", "SUCCEEDED", "SUCCEEDED"},
        {"RJCT", "FAILED", "FAILED"},   {"CANC", "FAILED", "FAILED"},     {"COND", "UNKNOWN", "UNKNOWN"},
        {"ZZZZ", "UNKNOWN", "UNKNOWN"}, {"accc", "UNKNOWN", "UNKNOWN"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int step = BANK_PULL; step <= BANK_REFUND; step++) {
            for (enum rail_phase phase = RAIL_PAY; phase <= RAIL_INQUIRE; phase++) {
                char body[2048];
                struct rail_world *self = world((enum bank_step)step, phase);
                snprintf(body, sizeof body, step == BANK_PULL ? VRP("%s") : PAYMENT("%s"), rows[i].status);
                rail_world_answer(self, phase == RAIL_PAY ? 201 : 200, body);
                assert_verdict(self, step == BANK_PULL ? rows[i].pull : rows[i].push);
                assert_string_equal(self->job.resource, "pay-1");
                rail_world_close(self);
            }
        }
    }
}

static void a_rejections_reason_says_whether_it_will_stay(void **state)
{
    static const struct {
        const char *reason, *verdict;
    } rows[] = {
        {"AC04", "FAILED for good"}, {"AC01", "FAILED for good"}, {"AM02", "FAILED for good"},
        {"AM04", "FAILED"},          {"AM14", "FAILED"},          {"MS03", "FAILED"},
        {"TM01", "FAILED"},          {"ZZ99", "FAILED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[2048], expected[64];
        struct rail_world *self = world(BANK_PUSH, RAIL_PAY);
        snprintf(body, sizeof body, PAYMENT_OF("consent-1", "RJCT", INSTRUCTION, REASON("%s")),
                 rows[i].reason);
        rail_world_answer(self, 201, body);
        assert_verdict(self, rows[i].verdict);
        snprintf(expected, sizeof expected, "RJCT %s words", rows[i].reason);
        assert_string_equal(self->verdict.reason, expected);
        rail_world_close(self);
    }
}

static void a_reply_about_another_payment_amount_or_currency_decides_nothing(void **state)
{
#define OTHER(id, amount, currency)                                                     \
    "\"InstructionIdentification\":\"" id "\",\"InstructedAmount\":{\"Amount\":" amount \
    ",\"Currency\":\"" currency "\"}"
#define BODY(instruction) PAYMENT_OF("consent-1", "ACCC", instruction, "")
    static const char *const bodies[] = {
        BODY(OTHER(ID, "\"123.46\"", "GBP")),
        BODY(OTHER(ID, "\"12345\"", "GBP")),
        BODY(OTHER(ID, "123.45", "GBP")),
        BODY(OTHER(ID, "\"-123.45\"", "GBP")),
        BODY(OTHER(ID, "\"123.450\"", "GBP")),
        BODY(OTHER(ID, "\"123.45\"", "EUR")),
        BODY(OTHER(ID, "\"123.45\"", "gbp")),
        BODY(OTHER("another", "\"123.45\"", "GBP")),
        BODY("\"InstructionIdentification\":\"" ID "\""),
        BODY(""),
        PAYMENT_OF("consent-2", "ACCC", INSTRUCTION, ""),
        PAYMENT_OF("consent-2", "RJCT", INSTRUCTION, ""),
        BODY("\"InstructionIdentification\":\"" ID "\",\"InstructedAmount\":\"123.45\""),
        VRP("ACCC"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (enum rail_phase phase = RAIL_PAY; phase <= RAIL_INQUIRE; phase++) {
            struct rail_world *self = world(BANK_PUSH, phase);
            rail_world_answer(self, 200, bodies[i]);
            assert_verdict(self, "UNKNOWN trouble");
            assert_string_equal(self->job.resource, "");
            rail_world_close(self);
        }
    }
}

static void the_amount_may_be_written_with_less_zeros(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_PAY);
    self->job.call.amount = 12300;
    rail_world_answer(self, 201, BODY(OTHER(ID, "\"123\"", "GBP")));
    assert_verdict(self, "SUCCEEDED");
    rail_world_close(self);
}

static void an_inquiry_that_tells_of_another_id_decides_nothing_and_the_id_is_asked_for_anew(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_INQUIRE);
    strcpy(self->job.resource, "pay-2");
    rail_world_answer(self, 200, PAYMENT("ACCC"));
    assert_verdict(self, "UNKNOWN trouble");
    assert_string_equal(self->job.resource, "");
    rail_world_close(self);
}

static void a_consent_goes_on_when_it_is_authorised(void **state)
{
    static const struct {
        uint8_t stage;
        const char *body, *verdict;
        enum rail_phase phase;
        uint8_t stage_after;
    } rows[] = {
        {0, CONSENT("c-1", "AUTH"), "GO_ON", RAIL_PAY, 0},
        {0, CONSENT("c-1", "AWAU"), "GO_ON", RAIL_PREPARE, 1},
        {1, CONSENT("c-1", "AWAU"), "UNKNOWN", RAIL_PREPARE, 1},
        {1, CONSENT("c-1", "AUTH"), "GO_ON", RAIL_PAY, 0},
        {1, CONSENT("c-2", "AUTH"), "UNKNOWN trouble", RAIL_PREPARE, 1},
        {0, CONSENT("c-1", "RJCT"), "FAILED for good", RAIL_PREPARE, 0},
        {0, CONSENT("c-1", "COND"), "FAILED", RAIL_PREPARE, 0},
        {0, CONSENT("c-1", "WHAT"), "UNKNOWN trouble", RAIL_PREPARE, 0},
        {0, CONSENT("c 1", "AUTH"), "UNKNOWN trouble", RAIL_PREPARE, 0},
        {0, CONSENT("", "AUTH"), "UNKNOWN trouble", RAIL_PREPARE, 0},
        {0, "{\"Data\":{\"ConsentId\":\"c-1\",\"Status\":\"AUTH\"}}", "UNKNOWN trouble", RAIL_PREPARE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(BANK_PUSH, RAIL_PREPARE);
        self->job.stage = rows[i].stage;
        strcpy(self->job.consent, rows[i].stage > 0 ? "c-1" : "");
        rail_world_answer(self, 201, rows[i].body);
        assert_verdict(self, rows[i].verdict);
        assert_int_equal(self->job.phase, rows[i].phase);
        assert_int_equal(self->job.stage, rows[i].stage_after);
        assert_true(self->verdict.result != RAIL_GO_ON || strcmp(self->job.consent, "c-1") == 0);
        rail_world_close(self);
    }
}

static void an_id_that_is_longer_than_we_keep_is_not_taken(void **state)
{
    char body[1024];
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_PREPARE);
    snprintf(body, sizeof body, CONSENT("%065d", "AUTH"), 1);
    rail_world_answer(self, 201, body);
    assert_verdict(self, "UNKNOWN trouble");
    snprintf(body, sizeof body, CONSENT("%064d", "AUTH"), 1);
    rail_world_answer(self, 201, body);
    assert_verdict(self, "GO_ON");
    rail_world_close(self);
}

static void where_the_payments_id_was_lost_the_consent_tells_whether_there_is_one(void **state)
{
    static const struct {
        enum bank_step step;
        const char *body, *verdict;
    } rows[] = {
        {BANK_PUSH, CONSENT("consent-1", "AUTH"), "NOT_FOUND"},
        {BANK_PUSH, CONSENT("consent-1", "COND"), "UNKNOWN"},
        {BANK_PUSH, CONSENT("consent-1", "AWAU"), "UNKNOWN"},
        {BANK_PUSH, CONSENT("consent-1", "RJCT"), "FAILED for good"},
        {BANK_PUSH, CONSENT("consent-2", "AUTH"), "UNKNOWN trouble"},
        {BANK_PULL, CONSENT(MANDATE, "AUTH"), "UNKNOWN"},
        {BANK_PULL, CONSENT(MANDATE, "RJCT"), "UNKNOWN"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(rows[i].step, RAIL_INQUIRE);
        self->job.stage = 1;
        rail_world_answer(self, 200, rows[i].body);
        assert_verdict(self, rows[i].verdict);
        assert_int_equal(self->job.stage, 0);
        rail_world_close(self);
    }
}

static void a_post_that_is_sent_again_is_answered_with_a_payment_or_decides_nothing(void **state)
{
    static const char *const bodies[] = {CONSENT("consent-1", "RJCT"), CONSENT("consent-1", "AUTH")};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct rail_world *self = world(BANK_PUSH, RAIL_INQUIRE);
        rail_world_answer(self, 201, bodies[i]);
        assert_verdict(self, "UNKNOWN trouble");
        rail_world_close(self);
    }
}

static void a_job_is_known_by_its_id_its_parties_and_its_consent(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, RAIL_INQUIRE);
    struct rail_job job = self->job;
    assert_true(RAIL_OBIE.knows(self->own, &job));
    strcpy(job.id, "T991234560U000000100"); /* of the other rail */
    assert_false(RAIL_OBIE.knows(self->own, &job));
    job = self->job;
    strcpy(job.call.payer, "123456789012345678901234");
    assert_false(RAIL_OBIE.knows(self->own, &job));
    job = self->job;
    job.consent[0] = '\0';
    assert_false(RAIL_OBIE.knows(self->own, &job));
    job = self->job;
    job.call.number++;
    assert_false(RAIL_OBIE.knows(self->own, &job));
    rail_world_close(self);
}

static void a_refusal_is_final_only_where_it_cannot_hide_a_payment(void **state)
{
    static const struct {
        long status;
        const char *body, *prepare, *pay, *pull_again, *push_again, *get;
    } rows[] = {
        {400, ERROR("U002"), "FAILED for good", "FAILED for good", "FAILED for good", "FAILED for good",
         "UNKNOWN"},
        {400, ERROR("U014"), "FAILED", "FAILED", "FAILED", "FAILED", "UNKNOWN"},
        {400, ERROR("AM04"), "FAILED", "FAILED", "FAILED", "FAILED", "UNKNOWN"},
        {400, ERROR("AC04"), "FAILED for good", "FAILED for good", "FAILED for good", "FAILED for good",
         "UNKNOWN"},
        {400, ERROR("U008"), "FAILED for good", "FAILED for good", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {400, ERROR("U009"), "FAILED for good", "FAILED for good", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {400, ERROR("U015"), "FAILED", "FAILED", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {400, ERROR("Z999"), "FAILED for good", "FAILED for good", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {403, ERROR("Z999"), "FAILED", "FAILED", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {408, ERROR("AM04"), "FAILED", "UNKNOWN", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {409, ERROR("U002"), "FAILED for good", "UNKNOWN", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {425, ERROR("U014"), "FAILED", "UNKNOWN", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {499, ERROR("Z999"), "FAILED", "UNKNOWN", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {400, "{}", "FAILED for good", "UNKNOWN", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {404, "", "FAILED", "UNKNOWN", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {405, "<html>", "FAILED", "UNKNOWN", "UNKNOWN", "GO_ON", "UNKNOWN"},
        {401, "", "NO_TOKEN", "NO_TOKEN", "NO_TOKEN", "NO_TOKEN", "NO_TOKEN"},
        {429, "", "LATER", "LATER", "LATER", "LATER", "LATER"},
        {503, "", "LATER trouble", "UNKNOWN trouble", "LATER trouble", "LATER trouble", "LATER trouble"},
        {500, "", "UNKNOWN trouble", "UNKNOWN trouble", "UNKNOWN trouble", "UNKNOWN trouble",
         "UNKNOWN trouble"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(BANK_PUSH, RAIL_PREPARE);
        rail_world_answer(self, rows[i].status, rows[i].body);
        assert_verdict(self, rows[i].prepare);
        rail_world_at(self, RAIL_PAY);
        rail_world_answer(self, rows[i].status, rows[i].body);
        assert_verdict(self, rows[i].pay);
        rail_world_at(self, RAIL_INQUIRE);
        rail_world_answer(self, rows[i].status, rows[i].body);
        assert_verdict(self, rows[i].push_again);
        assert_int_equal(self->job.stage, self->verdict.result == RAIL_GO_ON ? 1 : 0);
        rail_world_at(self, RAIL_INQUIRE);
        strcpy(self->job.resource, "pay-1");
        rail_world_answer(self, rows[i].status, rows[i].body);
        assert_verdict(self, rows[i].get);
        rail_world_close(self);
        self = world(BANK_PULL, RAIL_INQUIRE);
        rail_world_answer(self, rows[i].status, rows[i].body);
        assert_verdict(self, rows[i].pull_again);
        rail_world_close(self);
    }
}

static void a_lost_reply_is_unknown_and_what_never_left_is_asked_later(void **state)
{
    (void)state;
    for (enum rail_phase phase = RAIL_PREPARE; phase <= RAIL_INQUIRE; phase++) {
        struct rail_world *self = world(BANK_PUSH, phase);
        rail_world_arrival(self, RAIL_LOST);
        assert_verdict(self, "UNKNOWN trouble");
        rail_world_arrival(self, RAIL_NOT_SENT);
        assert_verdict(self, "LATER trouble");
        rail_world_close(self);
    }
}

static void a_body_that_is_not_understood_is_unknown(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "<html>ACCC</html>",
        "{}",
        "{\"Data\":null}",
        "{\"Data\":[]}",
        "{\"Data\":\"ACCC\"}",
        "{\"Data\":{}}",
        "{\"Data\":{\"DomesticPaymentId\":7,\"Status\":\"ACCC\"}}",
        "{\"Data\":{\"DomesticPaymentId\":\"a b\",\"Status\":\"ACCC\"}}",
        "{\"Data\":{\"DomesticPaymentId\":\"../../x\",\"Status\":\"ACCC\"}}",
        "{\"Data\":{\"DomesticPaymentId\":\"12345678901234567890123456789012345678901\",\"Status\":\"ACCC\"}"
        "}",
        "{\"Data\":{},\"Data\":{}}",
        "{\"Data\":{\"Status\":\"ACCC\"}} x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (enum rail_phase phase = RAIL_PREPARE; phase <= RAIL_INQUIRE; phase++) {
            struct rail_world *self = world(BANK_PUSH, phase);
            rail_world_answer(self, 200, bodies[i]);
            assert_verdict(self, "UNKNOWN trouble");
            rail_world_close(self);
        }
    }
}

static bool payment_is_ours(const char *body)
{
    return strstr(body, "\"" ID "\"") != NULL && strstr(body, "\"123.45\"") != NULL &&
           strstr(body, "\"GBP\"") != NULL &&
           (strstr(body, "\"ACCC\"") != NULL || strstr(body, "\"ACSC\"") != NULL) &&
           strstr(body, "\"consent-1\"") != NULL;
}

static void a_body_with_any_byte_changed_never_succeeds_by_mistake(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, RAIL_PAY);
    assert_bodies_safe(self, 201, PAYMENT("ACCC"), payment_is_ours);
    rail_world_at(self, RAIL_INQUIRE);
    assert_bodies_safe(self, 200, PAYMENT("ACSC"), payment_is_ours);
    rail_world_close(self);
}

static void a_signature_that_is_given_has_to_be_the_banks(void **state)
{
    char signature[JWS_TEXT_MAX + 1];
    const char *body = PAYMENT("ACCC");
    struct jws_header header = {
        .key_id = "b", .issuer = "bank", .trust_anchor = "t", .issued_at_s = RAIL_NOON_US / 1000000};
    (void)state;
    assert_true(jws_sign(bank_key, &header, body, strlen(body), signature));
    struct rail_world *self = world_with(with_bank, BANK_PUSH, RAIL_PAY);
    rail_world_answer_bytes(self, 201, body, strlen(body), signature);
    assert_verdict(self, "SUCCEEDED");
    rail_world_answer_bytes(self, 201, body, strlen(body), NULL);
    assert_verdict(self, "SUCCEEDED");
    signature[strlen(signature) - 5] ^= 1;
    rail_world_answer_bytes(self, 201, body, strlen(body), signature);
    assert_verdict(self, "UNKNOWN trouble");
    rail_world_answer_bytes(self, 201, body, strlen(body), "");
    assert_verdict(self, "UNKNOWN trouble");
    header.issued_at_s += 301;
    assert_true(jws_sign(bank_key, &header, body, strlen(body), signature));
    rail_world_answer_bytes(self, 201, body, strlen(body), signature);
    assert_verdict(self, "UNKNOWN trouble");
    rail_world_close(self);
    self = world(BANK_PUSH, RAIL_PAY); /* without the bank's key nothing is verified */
    rail_world_answer_bytes(self, 201, body, strlen(body), "nonsense");
    assert_verdict(self, "SUCCEEDED");
    rail_world_close(self);
}

/* ---- tokens ------------------------------------------------------------------------------------------- */

static void a_token_is_asked_for_with_a_form(void **state)
{
    struct rail_token out;
    char why[160];
    (void)state;
    struct rail_world *self = world(BANK_PULL, RAIL_PAY);
    RAIL_OBIE.token_ask(self->own, 0, self->now_us, &self->request);
    assert_string_equal(self->request.url, "https://bank.example/token");
    assert_string_equal(
        self->request.body,
        "grant_type=client_credentials&scope=payments&client_id=client-1&client_secret=a-secret");
    struct rail_reply reply = {RAIL_ARRIVED, 400, "{\"error\":\"invalid_client\"}", 26, -1, NULL};
    assert_false(RAIL_OBIE.token_answer(self->own, 0, &reply, self->now_us, &out, why));
    assert_string_equal(why, "HTTP 400 invalid_client");
    rail_world_close(self);
}

/* ---- events ------------------------------------------------------------------------------------------- */

#define RESOURCE_UPDATE(rid)                                                                                 \
    "\"events\":{\"urn:uk:org:openbanking:events:resource-update\":{\"subject\":{\"subject_type\":"          \
    "\"http://openbanking.org.uk/rid_http://openbanking.org.uk/rty\",\"http://openbanking.org.uk/rid\":" rid \
    ","                                                                                                      \
    "\"http://openbanking.org.uk/rty\":\"domestic-payment\",\"http://openbanking.org.uk/"                    \
    "rlk\":[{\"version\":"                                                                                   \
    "\"v4.0\",\"link\":\"https://bank.example/x\"}]}}}"
#define CLAIMS(iss, iat, jti, aud)                                  \
    "{\"iss\":" iss ",\"iat\":" iat ",\"jti\":" jti ",\"aud\":" aud \
    ",\"sub\":\"https://bank.example/x\",\"txn\":\"t\","            \
    "\"toe\":1795229000," RESOURCE_UPDATE("\"pay-1\"") "}"
#define EVENT(iat) CLAIMS("\"https://bank.example/\"", iat, "\"jti-1\"", "\"client-1\"")

static const char *const post_names[] = {
    [RAIL_POST_TAKEN] = "taken",
    [RAIL_POST_FORGED] = "forged",
    [RAIL_POST_TOO_OLD] = "too old",
    [RAIL_POST_BROKEN] = "broken",
};

static const char *post(struct rail_world *self, const char *type, const char *text, size_t length,
                        struct rail_notice *out)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    copy[length] = '\0';
    struct rail_post event = {type, NULL, NULL, copy, length};
    enum rail_post_result result = RAIL_OBIE.callback(self->own, &event, self->now_us, out);
    free(copy);
    return post_names[result];
}

/* An event of the bank's, signed well. */
static const char *post_claims(struct rail_world *self, const char *claims, struct rail_notice *out)
{
    char text[4096];
    size_t length = jws_token_sign(bank_key, "b", claims, strlen(claims), text, sizeof text);
    assert_true(length > 0);
    return post(self, "application/jwt", text, length, out);
}

static void a_good_event_names_the_payment(void **state)
{
    struct rail_notice notice;
    (void)state;
    struct rail_world *self = world_with(with_bank, BANK_PUSH, RAIL_PAY);
    assert_string_equal(post_claims(self, EVENT("1795230000"), &notice), "taken");
    assert_string_equal(notice.event, "jti-1");
    assert_string_equal(notice.resource, "pay-1");
    assert_string_equal(notice.id, "");
    assert_int_equal(notice.until_us, INT64_C(1795230301) * 1000000);
    assert_string_equal(
        post_claims(self, CLAIMS("\"i\"", "1795230000", "\"j\"", "[\"x\",\"client-1\"]"), &notice), "taken");
    rail_world_close(self);
}

static void an_events_window_is_300_seconds_either_way(void **state)
{
    struct rail_notice notice;
    (void)state;
    struct rail_world *self = world_with(with_bank, BANK_PUSH, RAIL_PAY);
    assert_string_equal(post_claims(self, EVENT("1795229700"), &notice), "taken");
    assert_string_equal(post_claims(self, EVENT("1795230300"), &notice), "taken");
    assert_string_equal(post_claims(self, EVENT("1795229699"), &notice), "too old");
    assert_string_equal(post_claims(self, EVENT("1795230301"), &notice), "too old");
    assert_string_equal(post_claims(self, EVENT("-1"), &notice), "too old");
    assert_string_equal(notice.event, "");
    rail_world_close(self);
}

static void an_event_for_others_or_of_others_is_forged(void **state)
{
    const char *const strict[] = {WITH_BANK,  "bank_issuer", "https://bank.example/",
                                  "audience", "ours",        NULL};
    struct rail_notice notice;
    (void)state;
    struct rail_world *self = world_with(strict, BANK_PUSH, RAIL_PAY);
#define BY(iss, aud) CLAIMS(iss, "1795230000", "\"j\"", aud)
    assert_string_equal(post_claims(self, BY("\"https://bank.example/\"", "\"ours\""), &notice), "taken");
    assert_string_equal(post_claims(self, BY("\"https://other.example/\"", "\"ours\""), &notice), "forged");
    assert_string_equal(post_claims(self, BY("\"https://bank.example/\"", "\"client-1\""), &notice),
                        "forged");
    assert_string_equal(post_claims(self, BY("\"https://bank.example/\"", "[]"), &notice), "forged");
    assert_string_equal(post_claims(self, BY("\"https://bank.example/\"", "null"), &notice), "forged");
    assert_string_equal(post_claims(self, BY("7", "\"ours\""), &notice), "broken");
    rail_world_close(self);
}

static void an_event_that_is_not_signed_by_the_bank_is_forged(void **state)
{
    char text[4096];
    struct rail_notice notice;
    (void)state;
    struct rail_world *self = world_with(with_bank, BANK_PUSH, RAIL_PAY);
    struct jws_key *ours = jws_key_private(client_pem);
    size_t length =
        jws_token_sign(ours, "b", EVENT("1795230000"), strlen(EVENT("1795230000")), text, sizeof text);
    assert_string_equal(post(self, "application/jwt", text, length, &notice), "forged");
    jws_key_destroy(&ours);
    static const char *const texts[] = {"", ".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "\xff\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(post(self, "application/jwt", texts[i], strlen(texts[i]), &notice), "forged");
    rail_world_close(self);
    self = world(BANK_PUSH, RAIL_PAY); /* without the bank's key no event is taken */
    assert_string_equal(post_claims(self, EVENT("1795230000"), &notice), "forged");
    rail_world_close(self);
}

static void an_event_with_any_byte_changed_is_forged(void **state)
{
    char text[4096];
    struct rail_notice notice;
    (void)state;
    struct rail_world *self = world_with(with_bank, BANK_PUSH, RAIL_PAY);
    size_t length =
        jws_token_sign(bank_key, "b", EVENT("1795230000"), strlen(EVENT("1795230000")), text, sizeof text);
    for (size_t i = 0; i < length; i++) {
        char before = text[i];
        text[i] = before == 'A' ? 'B' : 'A';
        assert_string_equal(post(self, "application/jwt", text, length, &notice), "forged");
        text[i] = before;
    }
    memcpy(text + length, "\r\n", 2);
    assert_string_equal(post(self, "application/jwt; charset=utf-8", text, length + 2, &notice), "taken");
    assert_string_equal(post(self, "application/json", text, length, &notice), "broken");
    assert_string_equal(post(self, NULL, text, length, &notice), "broken");
    rail_world_close(self);
}

static void an_event_that_names_nothing_is_broken(void **state)
{
    static const char *const claims[] = {
        "",
        "[]",
        "{}",
        "nonsense",
        CLAIMS("\"i\"", "\"1795230000\"", "\"j\"", "\"client-1\""),
        CLAIMS("\"i\"", "1795230000.5", "\"j\"", "\"client-1\""),
        CLAIMS("\"i\"", "1795230000", "\"\"", "\"client-1\""),
        CLAIMS("\"i\"", "1795230000", "7", "\"client-1\""),
        CLAIMS("\"i\"", "1795230000", "\"a\\nb\"", "\"client-1\""),
        "{\"iss\":\"i\",\"iat\":1795230000,\"jti\":\"j\",\"aud\":\"client-1\"}",
        "{\"iss\":\"i\",\"iat\":1795230000,\"jti\":\"j\",\"aud\":\"client-1\",\"events\":{}}",
        "{\"iss\":\"i\",\"iat\":1795230000,\"jti\":\"j\",\"aud\":\"client-1\"," RESOURCE_UPDATE(
            "\"a b\"") "}",
        "{\"iss\":\"i\",\"iat\":1795230000,\"jti\":\"j\",\"aud\":\"client-1\"," RESOURCE_UPDATE("7") "}",
        "{\"iss\":\"i\",\"iat\":1795230000,\"jti\":\"j\",\"aud\":\"client-1\",\"toe\":\"x\"," RESOURCE_UPDATE(
            "\"p\"") "}",
        "{\"iss\":\"i\",\"iss\":\"i\",\"iat\":1795230000,\"jti\":\"j\",\"aud\":\"client-1\"," RESOURCE_UPDATE(
            "\"p\"") "}",
    };
    struct rail_notice notice;
    (void)state;
    struct rail_world *self = world_with(with_bank, BANK_PUSH, RAIL_PAY);
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        if (strcmp(post_claims(self, claims[i], &notice), "broken") != 0)
            fail_msg("%s", claims[i]);
        assert_string_equal(notice.event, "");
    }
    rail_world_close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_setting_is_named_and_never_shown),
        cmocka_unit_test(a_call_that_cannot_be_of_this_rail_is_refused_for_good),
        cmocka_unit_test(the_key_is_of_serial_bank_remittance_and_call_and_fits),
        cmocka_unit_test(a_pull_has_its_mandate_and_nothing_to_prepare),
        cmocka_unit_test(a_pull_is_a_payment_under_the_mandate),
        cmocka_unit_test(a_push_asks_for_a_consent_first_with_a_key_of_its_own),
        cmocka_unit_test(then_the_payment_has_the_consents_initiation),
        cmocka_unit_test(a_refund_goes_to_the_account_of_the_mandate),
        cmocka_unit_test(an_inquiry_gets_the_payment_or_sends_the_post_again_or_gets_the_consent),
        cmocka_unit_test(the_body_is_the_same_each_time),
        cmocka_unit_test(every_post_is_signed_by_us_and_no_get_is),
        cmocka_unit_test(amounts_are_written_from_integers),
        cmocka_unit_test(the_longest_call_fits_into_a_request),
        cmocka_unit_test(every_status_means_what_its_table_says),
        cmocka_unit_test(a_rejections_reason_says_whether_it_will_stay),
        cmocka_unit_test(a_reply_about_another_payment_amount_or_currency_decides_nothing),
        cmocka_unit_test(the_amount_may_be_written_with_less_zeros),
        cmocka_unit_test(an_inquiry_that_tells_of_another_id_decides_nothing_and_the_id_is_asked_for_anew),
        cmocka_unit_test(a_consent_goes_on_when_it_is_authorised),
        cmocka_unit_test(an_id_that_is_longer_than_we_keep_is_not_taken),
        cmocka_unit_test(where_the_payments_id_was_lost_the_consent_tells_whether_there_is_one),
        cmocka_unit_test(a_post_that_is_sent_again_is_answered_with_a_payment_or_decides_nothing),
        cmocka_unit_test(a_job_is_known_by_its_id_its_parties_and_its_consent),
        cmocka_unit_test(a_refusal_is_final_only_where_it_cannot_hide_a_payment),
        cmocka_unit_test(a_lost_reply_is_unknown_and_what_never_left_is_asked_later),
        cmocka_unit_test(a_body_that_is_not_understood_is_unknown),
        cmocka_unit_test(a_body_with_any_byte_changed_never_succeeds_by_mistake),
        cmocka_unit_test(a_signature_that_is_given_has_to_be_the_banks),
        cmocka_unit_test(a_token_is_asked_for_with_a_form),
        cmocka_unit_test(a_good_event_names_the_payment),
        cmocka_unit_test(an_events_window_is_300_seconds_either_way),
        cmocka_unit_test(an_event_for_others_or_of_others_is_forged),
        cmocka_unit_test(an_event_that_is_not_signed_by_the_bank_is_forged),
        cmocka_unit_test(an_event_with_any_byte_changed_is_forged),
        cmocka_unit_test(an_event_that_names_nothing_is_broken),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
