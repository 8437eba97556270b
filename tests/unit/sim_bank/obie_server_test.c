/* OBIE's side of the virtual bank: mandates, consents and payments, what each request is answered, and what it moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/date.h"
#include "adapters/jose/jws.h"
#include "sim/bank/obie_inside.h"
#include "tests/unit/sim_bank/bank_kit.h"

#define VRP_CONSENTS "/domestic-vrp-consents"
#define VRPS "/domestic-vrps"
#define CONSENTS "/domestic-payment-consents"
#define PAYMENTS "/domestic-payments"
#define OPENING INT64_C(1000000000000)
#define DAY_US (INT64_C(86400) * 1000000)

static int setup(void **state)
{
    static struct kit kit;
    kit_open(&kit, NULL);
    *state = &kit;
    return 0;
}

static int teardown(void **state)
{
    kit_close(*state);
    return 0;
}

static void expect_error(struct kit *kit, int status, const char *code, const char *path)
{
    assert_int_equal(status, 400);
    assert_string_equal(kit_text(kit, "Errors.0.ErrorCode"), code);
    assert_string_equal(kit_text(kit, "Errors.0.Path"), path);
}

/* A consent for a payment to "PAYEE"; its id is static. */
static const char *make_consent(struct kit *kit, const char *amount)
{
    static char id[65];
    assert_int_equal(kit_ask(kit, CONSENTS, kit_consent("PAYEE", amount, "GBP")), 201);
    snprintf(id, sizeof id, "%s", kit_text(kit, "Data.ConsentId"));
    return id;
}

static int get(struct kit *kit, const char *collection, const char *id)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", collection, id);
    return kit_ask(kit, path, NULL);
}

static const char *header(const struct kit *kit, const char *name)
{
    for (size_t i = 0; i < kit->reply.header_count; i++) {
        if (strcmp(kit->reply.headers[i].name, name) == 0)
            return kit->reply.headers[i].value;
    }
    return "";
}

static void a_mandate_that_is_named_for_the_first_time_pays(void **state)
{
    struct kit *kit = *state;
    struct virtual_entry entry;
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("mandate-1", "PAYER", "12.30", "GBP")), 201);
    assert_string_equal(kit_text(kit, "Data.Status"), "ACCC");
    assert_string_equal(kit_text(kit, "Data.ConsentId"), "mandate-1");
    assert_string_equal(kit_text(kit, "Data.Instruction.InstructedAmount.Amount"), "12.30");
    assert_int_equal(kit_balance(kit, "UK.OBIE.IBAN:PAYER"), OPENING - 1230);
    assert_int_equal(kit_balance(kit, "UK.OBIE.IBAN:OURS"), OPENING + 1230);
    assert_true(virtual_bank_entry(kit->bank, 1, &entry));
    assert_true(entry.is_in);
    assert_string_equal(entry.rail, "obie");
    assert_string_equal(entry.reference, kit_text(kit, "Data.DomesticVRPId"));
    assert_string_equal(entry.account, "UK.OBIE.IBAN:PAYER");
    assert_string_equal(entry.currency, "GBP");
    assert_int_equal(get(kit, VRP_CONSENTS, "mandate-1"), 200);
    assert_string_equal(kit_text(kit, "Data.Status"), "AUTH");
    expect_error(kit, kit_ask(kit, VRPS, kit_vrp("mandate-1", "OTHER", "1.00", "GBP")), "U008",
                 "Data.Initiation");
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("mandate-1", "PAYER", "1.00", "GBP")), 201);
}

static void a_consent_is_used_by_one_payment(void **state)
{
    struct kit *kit = *state;
    const char *id = make_consent(kit, "5.00");
    assert_string_equal(kit_text(kit, "Data.Status"), "AUTH");
    assert_int_equal(kit_ask(kit, PAYMENTS, kit_payment(id, "PAYEE", "5.00", "GBP")), 201);
    assert_string_equal(kit_text(kit, "Data.Status"), "ACCC");
    assert_int_equal(kit_balance(kit, "UK.OBIE.IBAN:PAYEE"), OPENING + 500);
    assert_int_equal(kit_balance(kit, "UK.OBIE.IBAN:OURS"), OPENING - 500);
    assert_int_equal(get(kit, CONSENTS, id), 200);
    assert_string_equal(kit_text(kit, "Data.Status"), "COND");
    expect_error(kit, kit_ask(kit, PAYMENTS, kit_payment(id, "PAYEE", "5.00", "GBP")), "U009",
                 "Data.ConsentId");
    assert_int_equal(kit_entries(kit), 1);
}

static void a_payment_is_what_its_consent_says(void **state)
{
    struct kit *kit = *state;
    const char *id = make_consent(kit, "5.00");
    expect_error(kit, kit_ask(kit, PAYMENTS, kit_payment(id, "PAYEE", "5.01", "GBP")), "U008",
                 "Data.Initiation");
    expect_error(kit, kit_ask(kit, PAYMENTS, kit_payment(id, "OTHER", "5.00", "GBP")), "U008",
                 "Data.Initiation");
    expect_error(kit, kit_ask(kit, PAYMENTS, kit_payment("none", "PAYEE", "5.00", "GBP")), "U011",
                 "Data.ConsentId");
    assert_int_equal(kit_entries(kit), 0);
}

static void a_key_that_comes_again_pays_once_and_tells_the_present_status(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    struct kit kit;
    char first[65];
    options.settle_us = 4000000;
    kit_open(&kit, &options);
    const char *body = kit_vrp("mandate-1", "PAYER", "1.00", "GBP");
    static const struct {
        int64_t after_us;
        const char *status;
    } rows[] = {{0, "RCVD"}, {1000000, "ACSP"}, {2000000, "ACSC"}, {4000000, "ACCC"}, {DAY_US - 1, "ACCC"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit.now_us = KIT_NOW_US + rows[i].after_us;
        snprintf(kit.obie_token, sizeof kit.obie_token, "Bearer ");
        virtual_token_make(kit.bank, kit.now_us, "payments", kit.obie_token + 7);
        kit.key = "k";
        assert_int_equal(kit_ask(&kit, VRPS, body), 201);
        assert_string_equal(kit_text(&kit, "Data.Status"), rows[i].status);
        if (i == 0)
            snprintf(first, sizeof first, "%s", kit_text(&kit, "Data.DomesticVRPId"));
        assert_string_equal(kit_text(&kit, "Data.DomesticVRPId"), first);
        assert_int_equal(kit_entries(&kit), rows[i].after_us >= 2000000 ? 1 : 0);
    }
    kit.key = "k";
    expect_error(&kit, kit_ask(&kit, VRPS, kit_vrp("mandate-1", "PAYER", "1.01", "GBP")), "U008",
                 "x-idempotency-key");
    kit.now_us++;
    kit.key = "k"; /* a day is over: it is another payment */
    assert_int_equal(kit_ask(&kit, VRPS, body), 201);
    assert_string_not_equal(kit_text(&kit, "Data.DomesticVRPId"), first);
    kit_close(&kit);
}

static void a_key_that_comes_again_makes_one_consent(void **state)
{
    struct kit *kit = *state;
    char first[65];
    kit->key = "k";
    assert_int_equal(kit_ask(kit, CONSENTS, kit_consent("PAYEE", "1.00", "GBP")), 201);
    snprintf(first, sizeof first, "%s", kit_text(kit, "Data.ConsentId"));
    kit->key = "k";
    assert_int_equal(kit_ask(kit, CONSENTS, kit_consent("PAYEE", "1.00", "GBP")), 201);
    assert_string_equal(kit_text(kit, "Data.ConsentId"), first);
}

static void money_moves_when_the_debtor_is_debited(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    struct kit kit;
    char id[65];
    options.settle_us = 4000000;
    kit_open(&kit, &options);
    kit_ask(&kit, VRPS, kit_vrp("mandate-1", "PAYER", "1.00", "GBP"));
    snprintf(id, sizeof id, "%s", kit_text(&kit, "Data.DomesticVRPId"));
    static const char *const statuses[] = {"RCVD", "ACSP", "ACSC", "ACSC", "ACCC", "ACCC"};
    for (int i = 0; i < 6; i++) {
        kit.now_us = KIT_NOW_US + i * 1000000;
        assert_int_equal(get(&kit, VRPS, id), 200);
        assert_string_equal(kit_text(&kit, "Data.Status"), statuses[i]);
        assert_int_equal(kit_balance(&kit, "UK.OBIE.IBAN:PAYER"), OPENING - (i >= 2 ? 100 : 0));
        assert_true(virtual_bank_books(kit.bank));
    }
    assert_string_equal(kit_text(&kit, "Data.StatusUpdateDateTime"), "2026-11-21T08:30:04.000+00:00");
    kit_close(&kit);
}

static void what_the_account_objects_to_is_rejected_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *what, *code;
    } rows[] = {{"poor", "AM04"},  {"closed", "AC04"}, {"missing", "AC01"},
                {"limit", "AM02"}, {"day", "AM21"},    {"currency", "AM03"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit kit;
        kit_open(&kit, NULL);
        bool is_other = strcmp(rows[i].what, "currency") == 0;
        uint32_t place = virtual_account_of(kit.bank, "UK.OBIE.IBAN:PAYER", is_other ? "EUR" : "GBP");
        struct virtual_account *account = &kit.bank->accounts[place];
        account->is_closed = strcmp(rows[i].what, "closed") == 0;
        account->is_missing = strcmp(rows[i].what, "missing") == 0;
        account->limit = strcmp(rows[i].what, "limit") == 0 ? 99 : 0;
        account->day_limit = strcmp(rows[i].what, "day") == 0 ? 99 : 0;
        if (strcmp(rows[i].what, "poor") == 0)
            virtual_bank_account_set(kit.bank, "UK.OBIE.IBAN:PAYER", "GBP", 99, 0);
        assert_int_equal(kit_ask(&kit, VRPS, kit_vrp("mandate-1", "PAYER", "1.00", "GBP")), 201);
        assert_string_equal(kit_text(&kit, "Data.Status"), "RJCT");
        assert_string_equal(kit_text(&kit, "Data.StatusReason.0.StatusReasonCode"), rows[i].code);
        assert_int_equal(kit_entries(&kit), 0);
        kit_close(&kit);
    }
}

/* The value at a path of a good body is another, or is gone. */
static int ask_with(struct kit *kit, const char *path, const char *body, const char *place, json_t *value)
{
    char name[64];
    json_t *object = json_loads(body, 0, NULL), *at = object;
    for (size_t length; place[length = strcspn(place, ".")] == '.'; place += length + 1) {
        snprintf(name, sizeof name, "%.*s", (int)length, place);
        at = json_object_get(at, name);
    }
    if (value)
        json_object_set_new(at, place, value);
    else
        json_object_del(at, place);
    char *text = json_dumps(object, 0);
    int status = kit_ask(kit, path, text);
    free(text);
    json_decref(object);
    return status;
}

static void a_malformed_body_moves_nothing_and_its_place_is_named(void **state)
{
    struct kit *kit = *state;
    static const char *const needed[] = {"Data",
                                         "Risk",
                                         "Data.ConsentId",
                                         "Data.VRPType",
                                         "Data.Initiation",
                                         "Data.Instruction",
                                         "Data.Instruction.InstructedAmount",
                                         "Data.Instruction.InstructedAmount.Amount",
                                         "Data.Instruction.InstructedAmount.Currency",
                                         "Data.Instruction.CreditorAccount",
                                         "Data.Instruction.CreditorAccount.SchemeName",
                                         "Data.Instruction.EndToEndIdentification"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const char *body = kit_vrp("mandate-1", "PAYER", "1.00", "GBP");
        expect_error(kit, ask_with(kit, VRPS, body, needed[i], NULL), "U004", needed[i]);
        expect_error(kit, ask_with(kit, VRPS, body, needed[i], json_integer(1)), "U002", needed[i]);
    }
    static const struct {
        const char *path, *body, *place, *code, *wrong;
    } unexpected[] = {
        {PAYMENTS, "payment", "Extra", "U005", ""},
        {PAYMENTS, "payment", "Data.Extra", "U005", "Data"},
        {PAYMENTS, "payment", "Data.Initiation.Extra", "U005", "Data.Initiation"},
        {CONSENTS, "consent", "Data.Initiation.CreditorAccount.Extra", "U005",
         "Data.Initiation.CreditorAccount"},
    };
    for (size_t i = 0; i < sizeof unexpected / sizeof *unexpected; i++) {
        const char *body = strcmp(unexpected[i].body, "payment") == 0
                               ? kit_payment("c", "PAYEE", "1.00", "GBP")
                               : kit_consent("PAYEE", "1.00", "GBP");
        int status = ask_with(kit, unexpected[i].path, body, unexpected[i].place, json_string("x"));
        expect_error(kit, status, unexpected[i].code, unexpected[i].wrong);
    }
    expect_error(kit, kit_ask(kit, VRPS, "{"), "U010", "");
    expect_error(kit, kit_ask(kit, VRPS, "[]"), "U010", "");
    assert_int_equal(kit->bank->payment_count, 0);
}

static void amounts_are_strict(void **state)
{
    struct kit *kit = *state;
    static const char path[] = "Data.Instruction.InstructedAmount.Amount";
    static const char *const bad[] = {"",      "0",    "0.00", "-1.00",   "1.",    ".5",   "1,00",
                                      "1.001", "1e2",  " 1",   "1 ",      "+1.00", "00.0", "12345678901234",
                                      "1.0.0", "0x10", "NaN",  "1.123456"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = ask_with(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"), path, json_string(bad[i]));
        expect_error(kit, status, "U002", path);
    }
    int status = ask_with(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"), path,
                          json_stringn("1\0"
                                       "2",
                                       3));
    expect_error(kit, status, "U010", "");
    expect_error(kit, kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "XQZ")), "U023",
                 "Data.Instruction.InstructedAmount.Currency");
    static const struct {
        const char *amount, *currency;
        int64_t minor;
    } good[] = {
        {"1", "GBP", 100}, {"0.01", "GBP", 1}, {"1.5", "EUR", 150}, {"1", "JPY", 1}, {"1.234", "KWD", 1234}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct virtual_entry entry;
        char payer[8], payee[256];
        snprintf(payer, sizeof payer, "P%zu", i);
        json_t *body = json_loads(kit_vrp(payer, payer, good[i].amount, good[i].currency), 0, NULL);
        json_t *instruction = json_object_get(json_object_get(body, "Data"), "Instruction");
        snprintf(payee, sizeof payee, "OURS-%s", good[i].currency);
        json_object_set_new(json_object_get(instruction, "CreditorAccount"), "Identification",
                            json_string(payee));
        char *text = json_dumps(body, 0);
        assert_int_equal(kit_ask(kit, VRPS, text), 201);
        assert_true(virtual_bank_entry(kit->bank, i + 1, &entry));
        assert_int_equal(entry.amount, good[i].minor);
        free(text);
        json_decref(body);
    }
}

static void a_mandate_has_limits(void **state)
{
    struct kit *kit = *state;
    char id[65];
    kit_askf(
        kit, VRP_CONSENTS, "%s",
        "{'Data':{'ControlParameters':{'MaximumIndividualAmount':{'Amount':'10.00','Currency':'GBP'},"
        "'PeriodicLimits':[{'PeriodType':'Day','PeriodAlignment':'Calendar','Amount':'15.00','Currency':'GBP'"
        "},"
        "{'PeriodType':'Month','PeriodAlignment':'Consent','Amount':'20.00','Currency':'GBP'}],"
        "'VRPType':['UK.OBIE.VRPType.Other'],'PSUAuthenticationMethods':['UK.OBIE.SCA']},"
        "'Initiation':{'DebtorAccount':{'SchemeName':'UK.OBIE.IBAN','Identification':'PAYER','Name':'Payer'},"
        "'CreditorAccount':{'SchemeName':'UK.OBIE.IBAN','Identification':'OURS','Name':'Teller'}}},'Risk':{}"
        "}");
    assert_int_equal(kit->reply.status, 201);
    snprintf(id, sizeof id, "%s", kit_text(kit, "Data.ConsentId"));
    static const struct {
        const char *amount, *currency;
        int64_t day;
        bool is_good;
    } rows[] = {
        {"10.01", "GBP", 0, false}, {"10.00", "GBP", 0, true}, {"5.01", "GBP", 0, false},
        {"5.00", "GBP", 0, true},   {"0.01", "GBP", 0, false}, {"5.01", "GBP", 1, false},
        {"5.00", "EUR", 1, false},  {"5.00", "GBP", 1, true},  {"0.01", "GBP", 29, false},
        {"9.00", "GBP", 30, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit->now_us = KIT_NOW_US + rows[i].day * DAY_US;
        snprintf(kit->obie_token, sizeof kit->obie_token, "Bearer ");
        virtual_token_make(kit->bank, kit->now_us, "payments", kit->obie_token + 7);
        int status = kit_ask(kit, VRPS, kit_vrp(id, "PAYER", rows[i].amount, rows[i].currency));
        if (rows[i].is_good)
            assert_int_equal(status, 201);
        else
            expect_error(kit, status, "U014", "Data.Instruction.InstructedAmount");
    }
}

static const char *limits_body(const char *type, const char *alignment, const char *amount)
{
    static char body[1024];
    snprintf(
        body, sizeof body,
        "{'Data':{'ControlParameters':{'MaximumIndividualAmount':{'Amount':'100.00','Currency':'GBP'},"
        "'PeriodicLimits':[{'PeriodType':'%s','PeriodAlignment':'%s','Amount':'%s','Currency':'GBP'}],"
        "'VRPType':['UK.OBIE.VRPType.Other'],'PSUAuthenticationMethods':['UK.OBIE.SCA']},'Initiation':{}},"
        "'Risk':{}}",
        type, alignment, amount);
    for (char *at = body; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    return body;
}

static int64_t at_day(const char *date)
{
    int32_t day;
    assert_true(date_parse(str_from(date), &day));
    return day * DAY_US;
}

static void a_limit_is_of_its_period(void **state)
{
    (void)state;
    static const struct {
        const char *type, *alignment, *paid, *last,
            *next; /* made on 2026-01-15; last day of the period; the next one's first */
    } rows[] = {
        {"Day", "Calendar", "2026-11-21", "2026-11-21", "2026-11-22"},
        {"Week", "Calendar", "2026-11-16", "2026-11-22", "2026-11-23"},
        {"Week", "Consent", "2026-01-22", "2026-01-28", "2026-01-29"},
        {"Fortnight", "Consent", "2026-01-15", "2026-01-28", "2026-01-29"},
        {"Month", "Calendar", "2026-02-01", "2026-02-28", "2026-03-01"},
        {"Month", "Consent", "2026-02-15", "2026-03-14", "2026-03-15"},
        {"Half-year", "Calendar", "2026-01-01", "2026-06-30", "2026-07-01"},
        {"Half-year", "Consent", "2026-01-15", "2026-07-14", "2026-07-15"},
        {"Year", "Calendar", "2026-01-15", "2026-12-31", "2027-01-01"},
        {"Year", "Consent", "2026-01-15", "2027-01-14", "2027-01-15"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct obie_period periods[OBIE_PERIODS_MAX] = {{0, 0}};
        json_t *body = json_loads(limits_body(rows[i].type, rows[i].alignment, "10.00"), 0, NULL);
        const json_t *data = json_object_get(body, "Data");
        int64_t made_us = at_day("2026-01-15");
        obie_limit_count(data, periods, made_us, at_day(rows[i].paid), 600);
        assert_true(obie_limit_allows(data, periods, made_us, at_day(rows[i].paid), "GBP", 400));
        assert_false(
            obie_limit_allows(data, periods, made_us, at_day(rows[i].last) + DAY_US - 1, "GBP", 401));
        assert_true(obie_limit_allows(data, periods, made_us, at_day(rows[i].next), "GBP", 1000));
        json_decref(body);
    }
}

static void a_mandate_that_is_malformed_is_not_made(void **state)
{
    struct kit *kit = *state;
    static const char base[] = "Data.ControlParameters.PeriodicLimits";
    char path[128];
    static const struct {
        const char *type, *alignment, *amount, *wrong;
    } rows[] = {{"Hour", "Calendar", "1.00", ".PeriodType"},
                {"Day", "Moon", "1.00", ".PeriodAlignment"},
                {"Day", "Consent", "0.00", ".Amount"},
                {"Day", "Consent", "1.001", ".Amount"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = kit_ask(kit, VRP_CONSENTS, limits_body(rows[i].type, rows[i].alignment, rows[i].amount));
        snprintf(path, sizeof path, "%s%s", base, rows[i].wrong);
        expect_error(kit, status, "U002", path);
    }
    static const char *const needed[] = {
        "Data.ControlParameters", "Data.ControlParameters.MaximumIndividualAmount",
        "Data.ControlParameters.PeriodicLimits", "Data.ControlParameters.VRPType",
        "Data.ControlParameters.PSUAuthenticationMethods"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const char *body = limits_body("Day", "Calendar", "1.00");
        expect_error(kit, ask_with(kit, VRP_CONSENTS, body, needed[i], NULL), "U004", needed[i]);
        expect_error(kit, ask_with(kit, VRP_CONSENTS, body, needed[i], json_string("x")), "U002", needed[i]);
    }
    assert_int_equal(kit_ask(kit, VRP_CONSENTS, limits_body("Day", "Calendar", "1.00")), 201);
}

static void accounts_that_are_not_told_have_names_of_their_own(void **state)
{
    struct kit *kit = *state;
    char id[65];
    assert_int_equal(
        ask_with(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"), "Data.Initiation.DebtorAccount", NULL),
        201);
    assert_int_equal(kit_balance(kit, "mandate:m"), OPENING - 100);
    assert_int_equal(
        ask_with(kit, CONSENTS, kit_consent("PAYEE", "2.00", "GBP"), "Data.Initiation.DebtorAccount", NULL),
        201);
    snprintf(id, sizeof id, "%s", kit_text(kit, "Data.ConsentId"));
    assert_int_equal(ask_with(kit, PAYMENTS, kit_payment(id, "PAYEE", "2.00", "GBP"),
                              "Data.Initiation.DebtorAccount", NULL),
                     201);
    assert_int_equal(kit_balance(kit, "client:GBP"), OPENING - 200);
}

static void a_client_may_say_who_it_is_by_a_signed_assertion(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    struct jws_key *key = jws_key_private(virtual_bank_test_key);
    char assertion[2048], body[4096];
    struct kit kit;
    options.client_key_pem = virtual_bank_test_public_key;
    kit_open(&kit, &options);
    assert_true(jws_token_sign(key, "k", "{}", 2, assertion, sizeof assertion) > 0);
    for (int i = 0; i < 3; i++) {
        snprintf(body, sizeof body,
                 "grant_type=client_credentials&client_assertion_type=jwt&client_assertion=%s",
                 i == 2 ? "" : assertion);
        assert_int_equal(kit_ask(&kit, "/token", body), i == 0 ? 200 : 401);
        assertion[strlen(assertion) - 5] ^= 1;
    }
    jws_key_destroy(&key);
    kit_close(&kit);
}

static void events_are_signed(void **state)
{
    struct kit *kit = *state;
    struct jws_key *key = jws_key_public(virtual_bank_test_public_key);
    uint8_t payload[64];
    size_t length;
    char *text = obie_jwt(kit->bank, "{\"a\":1}", 7);
    assert_non_null(text);
    assert_true(jws_token_verify(key, text, strlen(text), payload, sizeof payload, &length));
    assert_int_equal(length, 7);
    free(text);
    jws_key_destroy(&key);
}

static void what_is_not_there_is_an_error(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), 201);
    char vrp[65];
    snprintf(vrp, sizeof vrp, "%s", kit_text(kit, "Data.DomesticVRPId"));
    expect_error(kit, get(kit, VRPS, "x"), "U011", "");
    expect_error(kit, get(kit, PAYMENTS, vrp), "U011", "");
    expect_error(kit, get(kit, CONSENTS, "x"), "U011", "");
    assert_int_equal(get(kit, VRPS, vrp), 200);
    assert_int_equal(kit_ask(kit, "/nothing", "{}"), 404);
    assert_int_equal(kit_ask(kit, VRPS, NULL), 405);
    assert_int_equal(get(kit, "/open-banking/v4.0/pisp" VRPS, vrp), 200);
}

static void headers_are_checked_and_given(void **state)
{
    struct kit *kit = *state;
    static const char *const keys[] = {"", " k", "k ", "12345678901234567890123456789012345678901", "k\tk"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        kit->key = keys[i];
        expect_error(kit, kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), "U006",
                     "x-idempotency-key");
    }
    kit->content_type = "text/plain";
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), 415);
    kit->content_type = NULL;
    kit->token = "Bearer x";
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), 401);
    kit->token = kit->kftc_token;
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), 401);
    kit->token = NULL;
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), 201);
    assert_string_equal(header(kit, "x-fapi-interaction-id"), "93bac548-d2de-4546-b106-880a5018460d");
}

static void replies_are_signed(void **state)
{
    struct kit *kit = *state;
    struct jws_header said;
    struct jws_key *key = jws_key_public(virtual_bank_test_public_key);
    assert_non_null(key);
    kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"));
    assert_true(jws_verify(key, header(kit, "x-jws-signature"), kit->reply.body, kit->reply.length, &said));
    assert_int_equal(said.issued_at_s, KIT_NOW_US / 1000000);
    kit_ask(kit, VRPS, "{}");
    assert_true(jws_verify(key, header(kit, "x-jws-signature"), kit->reply.body, kit->reply.length, &said));
    jws_key_destroy(&key);
}

static void signatures_of_the_client_are_verified_where_its_key_is_known(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    struct jws_key *key = jws_key_private(virtual_bank_test_key);
    struct jws_header said = {"k", "i", "openbanking.org.uk", KIT_NOW_US / 1000000};
    char signature[JWS_TEXT_MAX + 1], other[JWS_TEXT_MAX + 1];
    struct kit kit;
    options.client_key_pem = virtual_bank_test_public_key;
    kit_open(&kit, &options);
    const char *body = kit_vrp("m", "PAYER", "1.00", "GBP");
    assert_true(jws_sign(key, &said, body, strlen(body), signature));
    assert_true(jws_sign(key, &said, "{}", 2, other));
    const char *const signatures[] = {NULL, "x", "a.b.c", other, signature};
    static const char *const codes[] = {"U019", "U018", "U018", "U015", ""};
    for (size_t i = 0; i < 5; i++) {
        kit.signature = signatures[i];
        assert_int_equal(kit_ask(&kit, VRPS, body), *codes[i] ? 400 : 201);
        assert_string_equal(kit_text(&kit, "Errors.0.ErrorCode"), codes[i]);
    }
    assert_int_equal(kit_entries(&kit), 1);
    jws_key_destroy(&key);
    kit_close(&kit);
}

static void a_token_is_given_to_the_client(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    struct kit kit;
    options.client_id = "a";
    options.client_secret = "b c";
    kit_open(&kit, &options);
    static const struct {
        const char *body, *authorization;
        int status;
    } rows[] = {
        {"grant_type=client_credentials&client_id=a&client_secret=b+c", "", 200},
        {"grant_type=client_credentials&scope=openid+payments", "Basic YTpiIGM=", 200},
        {"grant_type=client_credentials", "Basic YTpj", 401},
        {"grant_type=client_credentials", "Basic !", 401},
        {"grant_type=client_credentials&client_id=a&client_secret=b", "", 401},
        {"grant_type=client_credentials&client_id=a&client_secret=b+c&scope=accounts", "", 400},
        {"grant_type=password&client_id=a&client_secret=b+c", "", 400},
        {"", "", 401},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit.token = rows[i].authorization;
        kit.content_type = "application/x-www-form-urlencoded";
        assert_int_equal(kit_ask(&kit, "/token", rows[i].body), rows[i].status);
        assert_int_equal(*kit_text(&kit, "access_token") != '\0', rows[i].status == 200);
    }
    kit_close(&kit);
}

/* ---- rules ----------------------------------------------------------------------------------------------- */

static void what_a_rule_refuses_moves_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        int status;
        const char *payment, *error;
    } rows[] = {
        {"[{'step':'pull','do':'refused','count':1}]", 201, "RJCT", ""},
        {"[{'step':'pull','do':'refused','code':'AC04','count':1}]", 201, "RJCT", ""},
        {"[{'step':'pull','do':'refused','code':'U014','count':1}]", 400, "", "U014"},
        {"[{'step':'pull','do':'token_refused','count':1}]", 401, "", ""},
        {"[{'step':'pull','do':'status','status':503,'when':'before','count':1}]", 503, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit kit;
        kit_open(&kit, NULL);
        kit_rules(&kit, rows[i].rules);
        assert_int_equal(kit_ask(&kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), rows[i].status);
        assert_string_equal(kit_text(&kit, "Data.Status"), rows[i].payment);
        assert_string_equal(kit_text(&kit, "Errors.0.ErrorCode"), rows[i].error);
        assert_int_equal(kit_entries(&kit), 0);
        kit_close(&kit);
    }
}

static void a_payment_in_process_is_pending_until_it_is_looked_at_so_often(void **state)
{
    struct kit *kit = *state;
    char id[65];
    kit_rules(kit, "[{'step':'pull','do':'processing','inquiries':1,'count':1}]");
    assert_int_equal(kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP")), 201);
    assert_string_equal(kit_text(kit, "Data.Status"), "PDNG");
    snprintf(id, sizeof id, "%s", kit_text(kit, "Data.DomesticVRPId"));
    get(kit, VRPS, id);
    assert_string_equal(kit_text(kit, "Data.Status"), "PDNG");
    assert_int_equal(kit_entries(kit), 0);
    get(kit, VRPS, id);
    assert_string_equal(kit_text(kit, "Data.Status"), "ACCC");
    assert_int_equal(kit_entries(kit), 1);
}

static void a_consent_may_wait_or_be_rejected_by_a_rule(void **state)
{
    struct kit *kit = *state;
    static const char *const statuses[] = {"AWAU", "RJCT"};
    for (size_t i = 0; i < 2; i++) {
        char rules[128];
        snprintf(rules, sizeof rules, "[{'step':'consent','do':'refused','code':'%s','count':1}]",
                 statuses[i]);
        kit_rules(kit, rules);
        const char *id = make_consent(kit, "5.00");
        assert_string_equal(kit_text(kit, "Data.Status"), statuses[i]);
        expect_error(kit, kit_ask(kit, PAYMENTS, kit_payment(id, "PAYEE", "5.00", "GBP")), "U009",
                     "Data.ConsentId");
    }
}

static void a_consent_in_process_is_authorised_after_its_looks(void **state)
{
    struct kit *kit = *state;
    kit_rules(kit, "[{'step':'consent','do':'processing','inquiries':1,'count':1}]");
    const char *id = make_consent(kit, "5.00");
    assert_string_equal(kit_text(kit, "Data.Status"), "AWAU");
    get(kit, CONSENTS, id);
    assert_string_equal(kit_text(kit, "Data.Status"), "AWAU");
    expect_error(kit, kit_ask(kit, PAYMENTS, kit_payment(id, "PAYEE", "5.00", "GBP")), "U009",
                 "Data.ConsentId");
    get(kit, CONSENTS, id);
    assert_string_equal(kit_text(kit, "Data.Status"), "AUTH");
    assert_int_equal(kit_ask(kit, PAYMENTS, kit_payment(id, "PAYEE", "5.00", "GBP")), 201);
}

static void a_payment_in_process_may_have_any_status_that_is_not_final(void **state)
{
    struct kit *kit = *state;
    static const char *const words[] = {"ACTC", "PATC", "ACCP", "ACFC", "ACWC", "ACWP", "BLCK"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char rules[128];
        snprintf(rules, sizeof rules, "[{'step':'pull','do':'processing','code':'%s','seconds':2,'count':1}]",
                 words[i]);
        kit_rules(kit, rules);
        kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"));
        assert_string_equal(kit_text(kit, "Data.Status"), words[i]);
        char id[65];
        snprintf(id, sizeof id, "%s", kit_text(kit, "Data.DomesticVRPId"));
        kit->now_us += 2000000;
        get(kit, VRPS, id);
        assert_string_equal(kit_text(kit, "Data.Status"), "ACCC");
    }
}

static void an_inquiry_says_what_a_rule_wants_and_changes_nothing(void **state)
{
    struct kit *kit = *state;
    char id[65];
    kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"));
    snprintf(id, sizeof id, "%s", kit_text(kit, "Data.DomesticVRPId"));
    kit_rules(kit,
              "[{'step':'inquiry','do':'refused','count':1},"
              "{'step':'inquiry','do':'processing','count':1},"
              "{'step':'inquiry','do':'processing','code':'BLCK','count':1},"
              "{'step':'consent','do':'refused','count':1},{'step':'consent','do':'refused','count':1}]");
    expect_error(kit, get(kit, VRPS, id), "U011", "");
    get(kit, VRPS, id);
    assert_string_equal(kit_text(kit, "Data.Status"), "PDNG");
    get(kit, VRPS, id);
    assert_string_equal(kit_text(kit, "Data.Status"), "BLCK");
    get(kit, VRPS, id);
    assert_string_equal(kit_text(kit, "Data.Status"), "ACCC");
    expect_error(kit, get(kit, VRP_CONSENTS, "m"), "U011", "");
    expect_error(kit, kit_ask(kit, CONSENTS, kit_consent("PAYEE", "1.00", "GBP")), "U002", "Data");
}

static void a_lying_reply_changes_nothing_of_what_is_true(void **state)
{
    struct kit *kit = *state;
    char first[65];
    kit_rules(kit, "[{'step':'pull','do':'wrong_amount','difference':5,'count':1},"
                   "{'step':'pull','do':'wrong_currency','currency':'USD','count':1},"
                   "{'step':'pull','do':'duplicate_id','count':1}]");
    kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"));
    assert_string_equal(kit_text(kit, "Data.Instruction.InstructedAmount.Amount"), "1.05");
    kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"));
    assert_string_equal(kit_text(kit, "Data.Instruction.InstructedAmount.Currency"), "USD");
    snprintf(first, sizeof first, "%s", kit_text(kit, "Data.DomesticVRPId"));
    kit_ask(kit, VRPS, kit_vrp("m", "PAYER", "1.00", "GBP"));
    assert_string_equal(kit_text(kit, "Data.DomesticVRPId"), first);
    assert_int_equal(kit_entries(kit), 3);
    assert_int_equal(kit_balance(kit, "UK.OBIE.IBAN:PAYER"), OPENING - 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mandate_that_is_named_for_the_first_time_pays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_consent_is_used_by_one_payment, setup, teardown),
        cmocka_unit_test_setup_teardown(a_payment_is_what_its_consent_says, setup, teardown),
        cmocka_unit_test(a_key_that_comes_again_pays_once_and_tells_the_present_status),
        cmocka_unit_test_setup_teardown(a_key_that_comes_again_makes_one_consent, setup, teardown),
        cmocka_unit_test(money_moves_when_the_debtor_is_debited),
        cmocka_unit_test(what_the_account_objects_to_is_rejected_with_its_reason),
        cmocka_unit_test_setup_teardown(a_malformed_body_moves_nothing_and_its_place_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(amounts_are_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mandate_has_limits, setup, teardown),
        cmocka_unit_test(a_limit_is_of_its_period),
        cmocka_unit_test_setup_teardown(a_mandate_that_is_malformed_is_not_made, setup, teardown),
        cmocka_unit_test_setup_teardown(accounts_that_are_not_told_have_names_of_their_own, setup, teardown),
        cmocka_unit_test(a_client_may_say_who_it_is_by_a_signed_assertion),
        cmocka_unit_test_setup_teardown(events_are_signed, setup, teardown),
        cmocka_unit_test_setup_teardown(an_inquiry_says_what_a_rule_wants_and_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_are_checked_and_given, setup, teardown),
        cmocka_unit_test_setup_teardown(replies_are_signed, setup, teardown),
        cmocka_unit_test(signatures_of_the_client_are_verified_where_its_key_is_known),
        cmocka_unit_test(a_token_is_given_to_the_client),
        cmocka_unit_test(what_a_rule_refuses_moves_nothing),
        cmocka_unit_test_setup_teardown(a_payment_in_process_is_pending_until_it_is_looked_at_so_often, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_consent_may_wait_or_be_rejected_by_a_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(a_consent_in_process_is_authorised_after_its_looks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_payment_in_process_may_have_any_status_that_is_not_final, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_lying_reply_changes_nothing_of_what_is_true, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
