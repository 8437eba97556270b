/* The rail of KFTC: what it asks, and what replies mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/kftc/kftc.h"

#include "tests/unit/adapters/rail_world.h"

#define PAYER "123456789012345678901234"
#define PAYEE "210987654321098765432109"
#define ACCOUNT "097:1101230000678:\xed\x99\x8d\xea\xb8\xb8\xeb\x8f\x99"
#define ID "T991234560U000000100"
#define SECRET "a-secret-of-the-client"
#define GOOD_SETTINGS                                                                             \
    "client_id", "client-1", "client_secret", SECRET, "institution", "T991234560", "account_num", \
        "1101230000001", "account_name", "Teller"

static const char *const settings[] = {GOOD_SETTINGS, NULL};
static const char *const without_check[] = {GOOD_SETTINGS, "payee_check", "off", NULL};

/* A world with a call of this step, standing in this phase. */
static struct rail_world *world(enum bank_step step, const char *payee, enum rail_phase phase)
{
    static struct rail_world self;
    rail_world_open(&self, &RAIL_KFTC, settings);
    rail_world_call(&self, step, "KRW", PAYER, payee);
    rail_world_at(&self, phase);
    return &self;
}

/* ---- settings, names --------------------------------------------------------------------------------- */

static void a_wrong_setting_is_named_and_never_shown(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    static const char *const strange[] = {GOOD_SETTINGS, "colour", "blue", NULL};
    static const char *const twice[] = {GOOD_SETTINGS, "client_id", "client-2", NULL};
    static const char *const neither[] = {GOOD_SETTINGS, "payee_check", "no", NULL};
    static const char *const cut[] = {"client_id", "c", "client_secret", "s", "institution", "T99", NULL};
    static const char *const split[] = {"client_id", "a\r\nb: c", NULL};
    assert_settings_refused(&RAIL_KFTC, none, "setting client_id is missing");
    assert_settings_refused(&RAIL_KFTC, strange, "setting colour is not known to this rail");
    assert_settings_refused(&RAIL_KFTC, twice, "setting client_id is there twice");
    assert_settings_refused(&RAIL_KFTC, neither,
                            "setting payee_check has characters, or a value, that it may not have");
    assert_settings_refused(&RAIL_KFTC, cut, "setting institution is too short or too long");
    assert_settings_refused(&RAIL_KFTC, split,
                            "setting client_id has characters, or a value, that it may not have");
}

static void a_url_is_http_or_https_without_a_slash_at_its_end(void **state)
{
    static const char *const urls[] = {"", "ftp://a", "https://", "https://a/", "https://a b", "a"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char why[160];
        struct rail_settings wrong = {"kb", urls[i], NULL, 0};
        assert_null(RAIL_KFTC.open(&wrong, why));
        assert_string_equal(why, "setting url is no http or https URL without a slash at its end");
    }
}

static void the_id_is_the_institution_u_and_the_serial_to_base_36(void **state)
{
    static const struct {
        uint64_t serial;
        const char *id;
    } rows[] = {{1, "T991234560U000000001"},
                {35, "T991234560U00000000Z"},
                {1296, ID},
                {UINT64_C(101559956668415), "T991234560UZZZZZZZZZ"}};
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        self->job.serial = rows[i].serial;
        assert_true(RAIL_KFTC.name_job(self->own, &self->job, self->now_us, &self->verdict));
        assert_string_equal(self->job.id, rows[i].id);
        assert_string_equal(self->job.date, "20261121");
    }
    rail_world_close(self);
}

static void a_job_is_known_by_its_institution_and_its_parties(void **state)
{
    static const char *const others[] = {
        "client_id",   "c", "client_secret", "s",      "institution", "T991234561",
        "account_num", "1", "account_name",  "Teller", NULL};
    struct rail_world other;
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
    struct rail_job job = self->job;
    assert_true(RAIL_KFTC.knows(self->own, &job));
    strcpy(job.id, "0000000000100-0123456789abcdef"); /* of the other rail */
    assert_false(RAIL_KFTC.knows(self->own, &job));
    job = self->job;
    strcpy(job.call.payee, "UK.OBIE.IBAN:GB76LOYD30949301273801:Bob");
    assert_false(RAIL_KFTC.knows(self->own, &job));
    rail_world_open(&other, &RAIL_KFTC, others);
    assert_false(RAIL_KFTC.knows(other.own, &self->job));
    rail_world_close(&other);
    rail_world_close(self);
}

static void the_day_is_koreas(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    self->now_us = INT64_C(1795273199) * 1000000; /* 23:59:59 in Seoul */
    assert_true(RAIL_KFTC.name_job(self->own, &self->job, self->now_us, &self->verdict));
    assert_string_equal(self->job.date, "20261121");
    self->now_us += 1000000;
    assert_true(RAIL_KFTC.name_job(self->own, &self->job, self->now_us, &self->verdict));
    assert_string_equal(self->job.date, "20261122");
    rail_world_close(self);
}

static void a_call_that_cannot_be_of_this_rail_is_refused_for_good(void **state)
{
    static const char *const payer = "the payer is no fintech_use_num";
    static const char *const payee = "the payee is no fintech_use_num and no BBB:ACCOUNT:HOLDER";
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    assert_call_refused(self, "USD", 1, PAYER, PAYEE, "this bank moves won only");
    assert_call_refused(self, "KRW", INT64_C(1000000000000), PAYER, PAYEE,
                        "the amount is more than this bank moves at once");
    assert_call_refused(self, "KRW", 1, "12345678901234567890123", PAYEE, payer);
    assert_call_refused(self, "KRW", 1, "12345678901234567890123x", PAYEE, payer);
    assert_call_refused(self, "KRW", 1, ACCOUNT, PAYEE, payer);
    assert_call_refused(self, "KRW", 1, PAYER, "97:123:A", payee);
    assert_call_refused(self, "KRW", 1, PAYER, "097:12345678901234567:A", payee);
    assert_call_refused(self, "KRW", 1, PAYER, "097::A", payee);
    assert_call_refused(self, "KRW", 1, PAYER, "097:1x3:A", payee);
    assert_call_refused(self, "KRW", 1, PAYER, "097:123:", payee);
    assert_call_refused(self, "KRW", 1, PAYER, "097:123", payee);
    assert_call_refused(self, "KRW", 1, PAYER, "097:123:A\nB", payee);
    assert_call_refused(self, "KRW", 1, PAYER, "", payee);
    rail_world_close(self);
}

static void only_a_push_has_something_to_prepare_and_only_where_it_is_switched_on(void **state)
{
    (void)state;
    struct rail_world self;
    rail_world_open(&self, &RAIL_KFTC, settings);
    rail_world_call(&self, BANK_PULL, "KRW", PAYER, PAYEE);
    assert_int_equal(self.job.phase, RAIL_PAY);
    rail_world_call(&self, BANK_REFUND, "KRW", PAYER, PAYEE);
    assert_int_equal(self.job.phase, RAIL_PAY);
    rail_world_call(&self, BANK_PUSH, "KRW", PAYER, PAYEE);
    assert_int_equal(self.job.phase, RAIL_PREPARE);
    rail_world_close(&self);
    rail_world_open(&self, &RAIL_KFTC, without_check);
    rail_world_call(&self, BANK_PUSH, "KRW", PAYER, PAYEE);
    assert_int_equal(self.job.phase, RAIL_PAY);
    rail_world_close(&self);
}

/* ---- requests ---------------------------------------------------------------------------------------- */

#define HEADERS "Authorization: Bearer TOKEN\nContent-Type: application/json; charset=UTF-8\n"
#define OURS "\"cntr_account_type\":\"N\",\"cntr_account_num\":\"1101230000001\","
#define CLIENT                                                                     \
    "\"req_client_name\":\"Teller\",\"req_client_fintech_use_num\":\"" PAYER "\"," \
    "\"req_client_num\":\"10111213141516171819\","
#define HOLDER "\xed\x99\x8d\xea\xb8\xb8\xeb\x8f\x99"

static void a_pull_is_a_withdrawal(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    assert_request(self,
                   "POST https://bank.example/v2.0/transfer/withdraw/fin_num\n" HEADERS
                   "{\"bank_tran_id\":\"" ID "\"," OURS "\"dps_print_content\":\"Rent\","
                   "\"fintech_use_num\":\"" PAYER "\",\"wd_print_content\":\"Rent\",\"tran_amt\":\"12345\","
                   "\"tran_dtime\":\"20261121120000\"," CLIENT "\"transfer_purpose\":\"RC\"}");
    rail_world_close(self);
}

static void a_pull_for_an_account_says_who_receives_in_the_end(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, ACCOUNT, RAIL_PAY);
    assert_request(self,
                   "POST https://bank.example/v2.0/transfer/withdraw/fin_num\n" HEADERS
                   "{\"bank_tran_id\":\"" ID "\"," OURS "\"dps_print_content\":\"Rent\","
                   "\"fintech_use_num\":\"" PAYER "\",\"wd_print_content\":\"Rent\",\"tran_amt\":\"12345\","
                   "\"tran_dtime\":\"20261121120000\"," CLIENT
                   "\"transfer_purpose\":\"TR\",\"recv_client_name\":\"" HOLDER
                   "\",\"recv_client_bank_code\":\"097\",\"recv_client_account_num\":\"1101230000678\"}");
    rail_world_close(self);
}

#define DEPOSIT_HEAD                                                                                         \
    "{" OURS "\"wd_pass_phrase\":\"NONE\",\"wd_print_content\":\"Rent\",\"name_check_option\":\"on\","       \
    "\"tran_dtime\":\"20261121120000\",\"req_cnt\":\"1\",\"req_list\":[{\"tran_no\":\"1\",\"bank_tran_id\":" \
    "\"" ID "\","
#define DEPOSIT_TAIL \
    "\"print_content\":\"Rent\",\"tran_amt\":\"12345\"," CLIENT "\"transfer_purpose\":\"TR\"}]}"

static void a_push_is_a_deposit_by_number_or_by_account(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_PAY);
    assert_request(self, "POST https://bank.example/v2.0/transfer/deposit/fin_num\n" HEADERS DEPOSIT_HEAD
                         "\"fintech_use_num\":\"" PAYEE "\"," DEPOSIT_TAIL);
    rail_world_close(self);
    self = world(BANK_PUSH, ACCOUNT, RAIL_PAY);
    assert_request(
        self, "POST https://bank.example/v2.0/transfer/deposit/acnt_num\n" HEADERS DEPOSIT_HEAD
              "\"bank_code_std\":\"097\",\"account_num\":\"1101230000678\",\"account_holder_name\":\"" HOLDER
              "\"," DEPOSIT_TAIL);
    rail_world_close(self);
}

static void a_refund_is_a_deposit_to_the_payer(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_REFUND, ACCOUNT, RAIL_PAY);
    assert_request(self, "POST https://bank.example/v2.0/transfer/deposit/fin_num\n" HEADERS DEPOSIT_HEAD
                         "\"fintech_use_num\":\"" PAYER "\"," DEPOSIT_TAIL);
    rail_world_close(self);
}

static void a_look_at_the_payee_has_an_id_of_its_own(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, ACCOUNT, RAIL_PREPARE);
    assert_request(
        self, "POST https://bank.example/v2.0/inquiry/receive\n" HEADERS
              "{\"bank_tran_id\":\"T991234560UZ4MO00100\"," OURS "\"bank_code_std\":\"097\","
              "\"account_num\":\"1101230000678\",\"print_content\":\"Rent\",\"tran_amt\":\"12345\"," CLIENT
              "\"transfer_purpose\":\"TR\"}");
    rail_world_close(self);
}

static void an_inquiry_names_the_payment_its_day_and_its_kind(void **state)
{
    static const char *const kinds[] = {"1", "2", "2"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        char expected[1024];
        struct rail_world *self = world((enum bank_step)(BANK_PULL + i), PAYEE, RAIL_INQUIRE);
        snprintf(expected, sizeof expected,
                 "POST https://bank.example/v2.0/transfer/result\n" HEADERS
                 "{\"check_type\":\"%s\",\"tran_dtime\":\"20261121120000\",\"req_cnt\":\"1\",\"req_list\":[{"
                 "\"tran_no\":\"1\",\"org_bank_tran_id\":\"" ID "\",\"org_bank_tran_date\":\"20261121\","
                 "\"org_tran_amt\":\"12345\"}]}",
                 kinds[i]);
        assert_request(self, expected);
        rail_world_close(self);
    }
}

static void a_memo_is_cut_to_the_columns_of_a_statement(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    strcpy(self->job.call.memo, HOLDER HOLDER HOLDER "a" HOLDER);
    char *text = rail_world_ask(self);
    assert_non_null(strstr(text, "\"wd_print_content\":\"" HOLDER HOLDER HOLDER "a\""));
    free(text);
    strcpy(self->job.call.memo, "\"quoted\" \\ and more than twenty");
    text = rail_world_ask(self);
    assert_non_null(strstr(text, "\"wd_print_content\":\"\\\"quoted\\\" \\\\ and more \""));
    free(text);
    self->job.call.memo[0] = '\0';
    text = rail_world_ask(self);
    assert_non_null(strstr(text, "\"wd_print_content\":\"Teller\""));
    free(text);
    rail_world_close(self);
}

static void a_users_token_is_for_pulls_only(void **state)
{
    static const char *const with_token[] = {GOOD_SETTINGS, "user_token", "USERS", NULL};
    (void)state;
    struct rail_world self;
    rail_world_open(&self, &RAIL_KFTC, with_token);
    rail_world_call(&self, BANK_PULL, "KRW", PAYER, PAYEE);
    assert_int_equal(RAIL_KFTC.token_of(self.own, &self.job), -1);
    char *text = rail_world_ask(&self);
    assert_non_null(strstr(text, "Authorization: Bearer USERS\n"));
    free(text);
    RAIL_KFTC.ask(self.own, &self.job, "", self.now_us, &self.request); /* none may be said either way */
    assert_string_equal(self.request.headers[0], "Authorization: Bearer USERS");
    rail_world_at(&self, RAIL_INQUIRE);
    assert_int_equal(RAIL_KFTC.token_of(self.own, &self.job), 0);
    rail_world_close(&self);
}

/* ---- codes ------------------------------------------------------------------------------------------- */

#define DETAILS(bank_code, id, amount)                                                        \
    "\"bank_tran_id\":\"" id "\",\"bank_tran_date\":\"20261121\",\"bank_code_tran\":\"097\"," \
    "\"bank_rsp_code\":\"" bank_code "\",\"bank_rsp_message\":\"words\",\"tran_amt\":\"" amount "\""
#define HEAD(code)                                                                                \
    "\"api_tran_id\":\"api-1\",\"api_tran_dtm\":\"20261121120000123\",\"rsp_code\":\"" code "\"," \
    "\"rsp_message\":\"centre\""
#define FLAT(code, bank_code) "{" HEAD(code) "," DETAILS(bank_code, ID, "12345") "}"
#define LISTED(code, bank_code)                                                                  \
    "{" HEAD(code) ",\"res_cnt\":\"1\",\"res_list\":[{\"tran_no\":\"1\"," DETAILS(bank_code, ID, \
                                                                                  "12345") "}]}"

/* A reply with these codes, in the form that the request's is. */
static void answer_codes(struct rail_world *self, const char *code, const char *bank_code)
{
    bool is_flat =
        self->job.phase == RAIL_PREPARE || (self->job.phase == RAIL_PAY && self->job.call.step == BANK_PULL);
    char body[1024];
    snprintf(body, sizeof body, is_flat ? FLAT("%s", "%s") : LISTED("%s", "%s"), code, bank_code);
    rail_world_answer(self, 200, body);
}

static void every_code_means_what_its_table_says(void **state)
{
    static const struct {
        const char *code, *bank_code, *payment, *inquiry;
    } rows[] = {
        {"A0000", "000", "SUCCEEDED", "SUCCEEDED"},
        {"A0001", "000", "UNKNOWN", "UNKNOWN"},
        {"A0003", "000", "UNKNOWN", "UNKNOWN"},
        {"A0007", "000", "UNKNOWN", "UNKNOWN"},
        {"A0008", "000", "UNKNOWN", "UNKNOWN"},
        {"A0016", "000", "UNKNOWN", "UNKNOWN"},
        {"A0017", "000", "UNKNOWN", "UNKNOWN"},
        {"A0326", "000", "UNKNOWN", "UNKNOWN"},
        {"A0004", "", "UNKNOWN", "UNKNOWN"},
        {"A9999", "000", "UNKNOWN", "UNKNOWN"},
        {"A0002", "000", "UNKNOWN",
         "SUCCEEDED"}, /* a payment's codes contradict; at an inquiry the item counts */
        {"A0009", "000", "UNKNOWN", "SUCCEEDED"},
        {"A0002", "454", "FAILED", "FAILED"},
        {"A0009", "412", "FAILED for good", "FAILED for good"},
        {"A0312", "", "FAILED for good", "UNKNOWN"},
        {"A0319", "", "FAILED for good", "UNKNOWN"},
        {"O0002", "", "NO_TOKEN", "NO_TOKEN"},
        {"O0003", "", "NO_TOKEN", "NO_TOKEN"},
        {"O0001", "", "UNKNOWN", "UNKNOWN"},
        {"A0000", "400", "UNKNOWN", "UNKNOWN"},
        {"A0000", "412", "FAILED for good", "FAILED for good"},
        {"A0000", "415", "FAILED for good", "FAILED for good"},
        {"A0000", "416", "FAILED for good", "FAILED for good"},
        {"A0000", "419", "FAILED for good", "FAILED for good"},
        {"A0000", "420", "FAILED for good", "FAILED for good"},
        {"A0000", "453", "FAILED", "FAILED"},
        {"A0000", "454", "FAILED", "FAILED"},
        {"A0000", "455", "FAILED", "FAILED"},
        {"A0000", "456", "FAILED", "FAILED"},
        {"A0000", "815", "FAILED for good", "FAILED for good"},
        {"A0000", "701", "UNKNOWN", "GO_ON"},
        {"A0000", "803", "UNKNOWN", "UNKNOWN"},
        {"A0000", "804", "UNKNOWN", "UNKNOWN"},
        {"A0000", "819", "UNKNOWN", "UNKNOWN"},
        {"A0000", "822", "UNKNOWN", "UNKNOWN"},
        {"A0000", "410", "UNKNOWN", "UNKNOWN"},
        {"A0000", "411", "FAILED", "FAILED"},
        {"A0000", "499", "FAILED", "FAILED"},
        {"A0000", "500", "UNKNOWN", "UNKNOWN"},
        {"A0000", "4a1", "UNKNOWN", "UNKNOWN"},
        {"A0000", "0000", "UNKNOWN", "UNKNOWN"},
        {"A0000", "", "UNKNOWN", "UNKNOWN"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int step = BANK_PULL; step <= BANK_REFUND; step++) {
            struct rail_world *self = world((enum bank_step)step, PAYEE, RAIL_PAY);
            answer_codes(self, rows[i].code, rows[i].bank_code);
            assert_verdict(self, rows[i].payment);
            rail_world_close(self);
            self = world((enum bank_step)step, PAYEE, RAIL_INQUIRE);
            answer_codes(self, rows[i].code, rows[i].bank_code);
            assert_verdict(self, rows[i].inquiry);
            rail_world_close(self);
        }
    }
}

static void a_refusal_carries_the_code_and_the_banks_words(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    answer_codes(self, "A0002", "454");
    assert_string_equal(self->verdict.reason, "454 words");
    answer_codes(self, "A0312", "");
    assert_string_equal(self->verdict.reason, "A0312 centre");
    rail_world_close(self);
}

static void a_success_gives_the_banks_reference(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    answer_codes(self, "A0000", "000");
    assert_string_equal(self->job.resource, "api-1");
    rail_world_close(self);
    self = world(BANK_PULL, PAYEE, RAIL_INQUIRE);
    answer_codes(self, "A0000", "000");
    assert_string_equal(self->job.resource, ID); /* an inquiry's api_tran_id is its own */
    rail_world_close(self);
}

static void a_reply_about_another_payment_or_amount_decides_nothing(void **state)
{
#define ONE(code, id, amount) \
    "{" HEAD("A0000") ",\"res_list\":[{\"tran_no\":\"1\"," DETAILS(code, id, amount) "}]}"
    static const char *const bodies[] = {
        ONE("000", "T991234560U000000101", "12345"),
        ONE("000", ID, "12346"),
        ONE("000", ID, "012345"),
        ONE("000", ID, "12345.0"),
        ONE("000", ID, ""),
        ONE("454", "T991234560U000000101", "12345"),
        ONE("412", ID, "1"),
        ONE("701", "T991234560U000000101", "12345"),
        "{" HEAD("A0000") ",\"res_list\":[{\"bank_rsp_code\":\"000\"}]}",
        "{" HEAD("A0000") ",\"res_list\":[{\"bank_rsp_code\":\"000\",\"bank_tran_id\":\"" ID
                          "\",\"tran_amt\":12345}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (enum rail_phase phase = RAIL_PAY; phase <= RAIL_INQUIRE; phase++) {
            struct rail_world *self = world(BANK_PUSH, PAYEE, phase);
            rail_world_answer(self, 200, bodies[i]);
            assert_verdict(self, "UNKNOWN trouble");
            assert_string_equal(self->job.resource, "");
            rail_world_close(self);
        }
    }
}

static void a_refusal_of_another_payment_by_the_centre_decides_nothing(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    rail_world_answer(self, 200, "{" HEAD("A0312") "," DETAILS("", "T991234560U000000101", "12345") "}");
    assert_verdict(self, "UNKNOWN trouble");
    rail_world_at(self, RAIL_PAY);
    rail_world_answer(self, 200, "{" HEAD("A0312") ",\"bank_tran_id\":\"\"}");
    assert_verdict(self, "FAILED for good");
    rail_world_close(self);
}

static void a_list_of_none_or_of_two_decides_nothing(void **state)
{
#define ITEM "{\"tran_no\":\"1\"," DETAILS("000", ID, "12345") "}"
    static const char *const bodies[] = {
        "{" HEAD("A0000") "}",
        "{" HEAD("A0000") ",\"res_list\":[]}",
        "{" HEAD("A0000") ",\"res_list\":{}}",
        "{" HEAD("A0000") ",\"res_list\":[" ITEM "," ITEM "]}",
        "{" HEAD("A0000") ",\"res_list\":[\"000\"]}",
        FLAT("A0000", "000"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (enum rail_phase phase = RAIL_PAY; phase <= RAIL_INQUIRE; phase++) {
            struct rail_world *self = world(BANK_PUSH, PAYEE, phase);
            rail_world_answer(self, 200, bodies[i]);
            assert_verdict(self, "UNKNOWN");
            rail_world_close(self);
        }
    }
}

/* ---- what is no answer -------------------------------------------------------------------------------- */

static void no_answer_is_unknown_and_what_never_left_is_asked_later(void **state)
{
    static const struct {
        enum rail_phase phase;
        long status;
        const char *verdict;
    } rows[] = {
        {RAIL_PREPARE, 500, "UNKNOWN trouble"},
        {RAIL_PAY, 500, "UNKNOWN trouble"},
        {RAIL_INQUIRE, 502, "UNKNOWN trouble"},
        {RAIL_PREPARE, 503, "LATER trouble"},
        {RAIL_PAY, 503, "UNKNOWN trouble"},
        {RAIL_INQUIRE, 503, "LATER trouble"},
        {RAIL_PREPARE, 429, "LATER"},
        {RAIL_PAY, 429, "LATER"},
        {RAIL_INQUIRE, 429, "LATER"},
        {RAIL_PREPARE, 401, "NO_TOKEN"},
        {RAIL_PAY, 401, "NO_TOKEN"},
        {RAIL_INQUIRE, 401, "NO_TOKEN"},
        {RAIL_PREPARE, 400, "UNKNOWN trouble"},
        {RAIL_PAY, 404, "UNKNOWN trouble"},
        {RAIL_INQUIRE, 302, "UNKNOWN trouble"},
        {RAIL_PAY, 204, "UNKNOWN trouble"},
        {RAIL_PAY, 0, "UNKNOWN trouble"},
        {RAIL_PAY, -1, "UNKNOWN trouble"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(BANK_PUSH, PAYEE, rows[i].phase);
        rail_world_answer(self, rows[i].status, LISTED("A0000", "000"));
        assert_verdict(self, rows[i].verdict);
        rail_world_arrival(self, RAIL_LOST);
        assert_verdict(self, "UNKNOWN trouble");
        rail_world_arrival(self, RAIL_NOT_SENT);
        assert_verdict(self, "LATER trouble");
        rail_world_close(self);
    }
}

static void retry_after_is_passed_on(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_PAY);
    struct rail_reply reply = {RAIL_ARRIVED, 429, "", 0, 17, NULL};
    RAIL_KFTC.answer(self->own, &self->job, &reply, self->now_us, &self->verdict);
    assert_int_equal(self->verdict.retry_after_s, 17);
    rail_world_close(self);
}

static void a_body_that_is_not_understood_is_unknown(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "\"A0000\"",
        "<html>A0000</html>",
        "{",
        "{}",
        "{\"rsp_code\":null}",
        "{\"rsp_code\":0}",
        "{\"rsp_code\":\"\"}",
        "{\"rsp_code\":\"A0000000000\"}",
        "{\"rsp_code\":\"A 000\"}",
        "{\"rsp_code\":\"A0000\",\"rsp_code\":\"A0000\"}",
        "{\"rsp_code\":\"A0000\\u0000\"}",
        "{\"rsp_code\":\"A0000\xff\"}",
        "{\"rsp_code\":\"A0000\"} trailing",
        "{\"a\":1e999999}",
        "{\"a\":99999999999999999999999999}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (enum rail_phase phase = RAIL_PREPARE; phase <= RAIL_INQUIRE; phase++) {
            struct rail_world *self = world(BANK_PUSH, PAYEE, phase);
            rail_world_answer(self, 200, bodies[i]);
            assert_verdict(self, "UNKNOWN trouble");
            rail_world_close(self);
        }
    }
}

static void a_body_that_is_too_deep_or_too_long_is_unknown(void **state)
{
    enum { LENGTH = RAIL_REPLY_MAX + 1 };
    (void)state;
    char *body = malloc(LENGTH + 1);
    assert_non_null(body);
    memset(body, '[', LENGTH);
    body[LENGTH] = '\0';
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_PAY);
    rail_world_answer_bytes(self, 200, body, LENGTH, NULL);
    assert_verdict(self, "UNKNOWN trouble");
    rail_world_answer_bytes(self, 200, body, LENGTH - 1, NULL);
    assert_verdict(self, "UNKNOWN trouble");
    rail_world_close(self);
    free(body);
}

static bool item_is_ours(const char *body)
{
    return strstr(body, "\"" ID "\"") != NULL && strstr(body, "\"12345\"") != NULL &&
           strstr(body, "\"000\"") != NULL;
}

static bool payment_is_ours(const char *body)
{
    return item_is_ours(body) && strstr(body, "\"A0000\"") != NULL;
}

static void a_body_with_any_byte_changed_never_succeeds_by_mistake(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    assert_bodies_safe(self, 200, FLAT("A0000", "000"), payment_is_ours);
    rail_world_close(self);
    self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
    assert_bodies_safe(self, 200, LISTED("A0000", "000"), item_is_ours);
    rail_world_close(self);
}

/* ---- inquiries, payees -------------------------------------------------------------------------------- */

static void dates_asked(struct rail_world *self, char out[64])
{
    out[0] = '\0';
    do {
        char *text = rail_world_ask(self);
        strncat(out, strstr(text, "org_bank_tran_date\":\"") + 21, 8);
        strcat(out, " ");
        free(text);
        answer_codes(self, "A0000", "701");
    } while (self->verdict.result == RAIL_GO_ON);
    assert_verdict(self, "NOT_FOUND");
    assert_int_equal(self->job.stage, 0);
}

static void near_midnight_the_other_day_is_asked_and_always_the_one_before(void **state)
{
    static const struct {
        int64_t after_noon_s;
        const char *dates;
    } rows[] = {
        {0, "20261121 20261120 "},
        {11 * 3600 - 1, "20261121 20261120 "},
        {11 * 3600, "20261121 20261122 20261120 "},
        {12 * 3600 - 1, "20261121 20261122 20261120 "},
        {12 * 3600, "20261122 20261121 "},
        {13 * 3600 - 1, "20261122 20261121 "},
        {13 * 3600 + 1, "20261122 20261121 "},
    };
    char dates[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
        self->job.sent_us = RAIL_NOON_US + rows[i].after_noon_s * 1000000;
        self->job.date[0] = '\0';
        dates_asked(self, dates);
        assert_string_equal(dates, rows[i].dates);
        rail_world_close(self);
    }
}

/* A request may stand still before it leaves, and our clock may have been behind. */
static void the_day_after_is_asked_as_well_once_it_comes(void **state)
{
    static const struct {
        int64_t asked_after_s; /* after the payment, at noon */
        const char *dates;
    } rows[] = {
        {11 * 3600 - 1, "20261121 20261120 "},
        {11 * 3600, "20261121 20261120 20261122 "},
        {13 * 3600, "20261121 20261120 20261122 "},
        {9 * 86400, "20261121 20261120 20261122 "},
    };
    char dates[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
        self->now_us += rows[i].asked_after_s * 1000000;
        dates_asked(self, dates);
        assert_string_equal(dates, rows[i].dates);
        rail_world_close(self);
    }
}

static void no_day_is_left_out_when_midnight_comes_between_two_of_them(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
    answer_codes(self, "A0000", "701");
    assert_verdict(self, "GO_ON");
    self->now_us += INT64_C(13) * 3600 * 1000000;
    char *text = rail_world_ask(self);
    assert_non_null(strstr(text, "\"org_bank_tran_date\":\"20261120\""));
    free(text);
    answer_codes(self, "A0000", "701");
    assert_verdict(self, "GO_ON");
    text = rail_world_ask(self);
    assert_non_null(strstr(text, "\"org_bank_tran_date\":\"20261122\""));
    free(text);
    rail_world_close(self);
}

static void the_day_that_it_was_named_on_is_asked_as_well(void **state)
{
    char dates[64];
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
    self->job.sent_us = RAIL_NOON_US + INT64_C(3) * 86400 * 1000000;
    dates_asked(self, dates);
    assert_string_equal(dates, "20261124 20261123 20261121 ");
    rail_world_close(self);
}

static void what_the_other_day_says_counts(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
    self->job.sent_us = RAIL_NOON_US + INT64_C(12) * 3600 * 1000000;
    answer_codes(self, "A0000", "701");
    assert_verdict(self, "GO_ON");
    answer_codes(self, "A0000", "000");
    assert_verdict(self, "SUCCEEDED");
    rail_world_close(self);
}

static void an_unknown_answer_begins_the_days_anew(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
    self->job.sent_us = RAIL_NOON_US + INT64_C(12) * 3600 * 1000000;
    answer_codes(self, "A0000", "701");
    answer_codes(self, "A0001", "");
    assert_verdict(self, "UNKNOWN");
    assert_int_equal(self->job.stage, 0);
    rail_world_close(self);
}

static void not_found_may_stand_above_the_list(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PUSH, PAYEE, RAIL_INQUIRE);
    rail_world_answer(self, 200, "{" HEAD("A0002") ",\"bank_rsp_code\":\"701\"}");
    assert_verdict(self, "GO_ON");
    rail_world_answer(self, 200, "{" HEAD("A0002") ",\"bank_rsp_code\":\"701\"}");
    assert_verdict(self, "NOT_FOUND");
    rail_world_close(self);
}

static void a_payee_is_compared_by_name_before_anything_is_paid(void **state)
{
#define LOOK(name) "{" HEAD("A0000") ",\"bank_rsp_code\":\"000\"" name "}"
    static const struct {
        const char *payee, *body, *verdict;
    } rows[] = {
        {ACCOUNT, LOOK(",\"account_holder_name\":\"" HOLDER "\""), "GO_ON"},
        {ACCOUNT, LOOK(",\"account_holder_name\":\" " HOLDER "  \""), "GO_ON"},
        {ACCOUNT, LOOK(",\"account_holder_name\":\"" HOLDER "a\""), "FAILED for good"},
        {ACCOUNT, LOOK(",\"account_holder_name\":\"  \""), "FAILED for good"},
        {ACCOUNT, LOOK(""), "UNKNOWN trouble"},
        {PAYEE, LOOK(""), "GO_ON"},
        {PAYEE, LOOK(",\"account_holder_name\":\"anybody\""), "GO_ON"},
        {PAYEE, FLAT("A0002", "412"), "FAILED for good"},
        {PAYEE, FLAT("A0002", "454"), "FAILED"},
        {PAYEE, FLAT("A0002", "000"), "UNKNOWN"},
        {PAYEE, FLAT("A0001", "000"), "UNKNOWN"},
        {PAYEE, FLAT("A0000", "701"), "UNKNOWN"},
        {PAYEE, FLAT("A0312", ""), "FAILED for good"},
        {PAYEE, FLAT("O0002", ""), "NO_TOKEN"},
        {PAYEE, "{" HEAD("A0000") "}", "UNKNOWN"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rail_world *self = world(BANK_PUSH, rows[i].payee, RAIL_PREPARE);
        rail_world_answer(self, 200, rows[i].body);
        assert_verdict(self, rows[i].verdict);
        assert_int_equal(self->job.phase, self->verdict.result == RAIL_GO_ON ? RAIL_PAY : RAIL_PREPARE);
        rail_world_close(self);
    }
}

/* ---- words, tokens ------------------------------------------------------------------------------------ */

static void a_banks_words_are_made_clean_and_cut(void **state)
{
    char body[2048], long_words[1024] = "";
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    snprintf(body, sizeof body, "{\"rsp_code\":\"A0312\",\"rsp_message\":\"%s\"}",
             "a\\nb\\u202ec\\u0007d\\u2028e");
    rail_world_answer(self, 200, body);
    assert_string_equal(self->verdict.reason, "A0312 a b c d e");
    for (int i = 0; i < 40; i++)
        strcat(long_words, HOLDER);
    snprintf(body, sizeof body, "{\"rsp_code\":\"A0312\",\"rsp_message\":\"%s\"}", long_words);
    rail_world_answer(self, 200, body);
    assert_int_equal(strlen(self->verdict.reason), 6 + 134 / 3 * 3);
    rail_world_close(self);
}

static void what_may_be_a_secret_is_never_in_a_reason(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    rail_world_answer(self, 200,
                      "{\"rsp_code\":\"A0312\",\"rsp_message\":\"Bearer eyJhbGciOiJQUzI1NiJ9.abcdef no " PAYER
                      "\"}");
    assert_string_equal(self->verdict.reason, "A0312 Bearer *** no ***");
    rail_world_close(self);
}

static bool token(struct rail_world *self, long status, const char *body, struct rail_token *out,
                  char why[160])
{
    struct rail_reply reply = {RAIL_ARRIVED, status, body, strlen(body), -1, NULL};
    return RAIL_KFTC.token_answer(self->own, 0, &reply, self->now_us, out, why);
}

static void a_token_is_asked_for_with_a_form(void **state)
{
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    RAIL_KFTC.token_ask(self->own, 0, self->now_us, &self->request);
    assert_string_equal(self->request.url, "https://bank.example/oauth/2.0/token");
    assert_string_equal(self->request.body, "client_id=client-1&client_secret=" SECRET
                                            "&scope=oob&grant_type=client_credentials");
    rail_world_close(self);
}

static void a_token_ends_a_little_before_its_time(void **state)
{
    static const struct {
        const char *life;
        int64_t used_s;
    } rows[] = {{"3600", 3570}, {"\"3600\"", 3570},   {"100", 75},
                {"1", 1},       {"7776000", 7775970}, {"99999999", 7775970}};
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256], why[160];
        struct rail_token out;
        snprintf(body, sizeof body,
                 "{\"access_token\":\"abc.DEF-1\",\"token_type\":\"Bearer\",\"expires_in\":%s}",
                 rows[i].life);
        assert_true(token(self, 200, body, &out, why));
        assert_string_equal(out.text, "abc.DEF-1");
        assert_int_equal(out.until_us, self->now_us + rows[i].used_s * 1000000);
    }
    rail_world_close(self);
}

static void a_token_that_cannot_be_used_is_refused_without_its_words(void **state)
{
    static const char *const unusable = "a reply without a token that can be used";
    static const struct {
        long status;
        const char *body, *why;
    } rows[] = {
        {200, "{\"rsp_code\":\"O0001\",\"rsp_message\":\"" SECRET "\"}", "O0001"},
        {401, "{\"rsp_code\":\"O0001\"}", "HTTP 401 O0001"},
        {500, "<html>", "HTTP 500"},
        {200, "nonsense", "a reply that is not understood"},
        {200, "{}", unusable},
        {200, "{\"access_token\":\"a\"}", unusable},
        {200, "{\"access_token\":\"a\",\"expires_in\":0}", unusable},
        {200, "{\"access_token\":\"a\",\"expires_in\":-5}", unusable},
        {200, "{\"access_token\":\"a\",\"expires_in\":1.5}", unusable},
        {200, "{\"access_token\":\"a b\",\"expires_in\":60}", unusable},
        {200, "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":60}", unusable},
        {200, "{\"access_token\":\"\",\"expires_in\":60}", unusable},
        {200, "{\"access_token\":\"a\",\"token_type\":\"mac\",\"expires_in\":60}", unusable},
    };
    (void)state;
    struct rail_world *self = world(BANK_PULL, PAYEE, RAIL_PAY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[160];
        struct rail_token out;
        assert_false(token(self, rows[i].status, rows[i].body, &out, why));
        assert_string_equal(why, rows[i].why);
        assert_string_equal(out.text, "");
    }
    rail_world_close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_setting_is_named_and_never_shown),
        cmocka_unit_test(a_url_is_http_or_https_without_a_slash_at_its_end),
        cmocka_unit_test(the_id_is_the_institution_u_and_the_serial_to_base_36),
        cmocka_unit_test(a_job_is_known_by_its_institution_and_its_parties),
        cmocka_unit_test(the_day_is_koreas),
        cmocka_unit_test(a_call_that_cannot_be_of_this_rail_is_refused_for_good),
        cmocka_unit_test(only_a_push_has_something_to_prepare_and_only_where_it_is_switched_on),
        cmocka_unit_test(a_pull_is_a_withdrawal),
        cmocka_unit_test(a_pull_for_an_account_says_who_receives_in_the_end),
        cmocka_unit_test(a_push_is_a_deposit_by_number_or_by_account),
        cmocka_unit_test(a_refund_is_a_deposit_to_the_payer),
        cmocka_unit_test(a_look_at_the_payee_has_an_id_of_its_own),
        cmocka_unit_test(an_inquiry_names_the_payment_its_day_and_its_kind),
        cmocka_unit_test(a_memo_is_cut_to_the_columns_of_a_statement),
        cmocka_unit_test(a_users_token_is_for_pulls_only),
        cmocka_unit_test(every_code_means_what_its_table_says),
        cmocka_unit_test(a_refusal_carries_the_code_and_the_banks_words),
        cmocka_unit_test(a_success_gives_the_banks_reference),
        cmocka_unit_test(a_reply_about_another_payment_or_amount_decides_nothing),
        cmocka_unit_test(a_refusal_of_another_payment_by_the_centre_decides_nothing),
        cmocka_unit_test(a_list_of_none_or_of_two_decides_nothing),
        cmocka_unit_test(no_answer_is_unknown_and_what_never_left_is_asked_later),
        cmocka_unit_test(retry_after_is_passed_on),
        cmocka_unit_test(a_body_that_is_not_understood_is_unknown),
        cmocka_unit_test(a_body_that_is_too_deep_or_too_long_is_unknown),
        cmocka_unit_test(a_body_with_any_byte_changed_never_succeeds_by_mistake),
        cmocka_unit_test(near_midnight_the_other_day_is_asked_and_always_the_one_before),
        cmocka_unit_test(the_day_after_is_asked_as_well_once_it_comes),
        cmocka_unit_test(no_day_is_left_out_when_midnight_comes_between_two_of_them),
        cmocka_unit_test(the_day_that_it_was_named_on_is_asked_as_well),
        cmocka_unit_test(what_the_other_day_says_counts),
        cmocka_unit_test(an_unknown_answer_begins_the_days_anew),
        cmocka_unit_test(not_found_may_stand_above_the_list),
        cmocka_unit_test(a_payee_is_compared_by_name_before_anything_is_paid),
        cmocka_unit_test(a_banks_words_are_made_clean_and_cut),
        cmocka_unit_test(what_may_be_a_secret_is_never_in_a_reason),
        cmocka_unit_test(a_token_is_asked_for_with_a_form),
        cmocka_unit_test(a_token_ends_a_little_before_its_time),
        cmocka_unit_test(a_token_that_cannot_be_used_is_refused_without_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
