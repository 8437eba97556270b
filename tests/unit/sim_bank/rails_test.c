/* Our rails and the virtual bank understand each other: whole jobs, with good replies and with lost ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/kftc/kftc.h"
#include "adapters/obie/obie.h"
#include "tests/unit/sim_bank/bank_kit.h"

#define KFTC_PAYEE "004:777:KIM"
#define OBIE_PAYER "mandate-1@UK.OBIE.IBAN:PAYER:Payer"
#define OBIE_PAYEE "UK.OBIE.IBAN:PAYEE:Payee"
#define OPENING INT64_C(1000000000000)

enum { ROUNDS_MAX = 500 };

struct way {
    const struct rail *rail;
    void *own;
    struct virtual_bank *bank;
    struct rail_token token;
    int64_t now_us;
    struct rail_verdict verdict;
    int lost; /* replies that are still to be lost, in phase PAY */
    uint32_t requests;
};

static const struct rail_setting kftc_settings[] = {
    {"client_id", "a"},        {"client_secret", "b"},     {"institution", "T991234560"},
    {"account_num", "110123"}, {"account_name", "Teller"},
};

static struct rail_setting obie_settings[] = {
    {"client_id", "a"}, {"client_secret", "b"}, {"issuer", "teller"},
    {"key_id", "k"},    {"signing_key", NULL},  {"account", "UK.OBIE.IBAN:OURS:Teller"},
    {"bank_key", NULL},
};

static void way_open(struct way *self, const struct rail *rail, const struct virtual_bank_options *options)
{
    char why[160] = "";
    obie_settings[4].value = virtual_bank_test_key;
    obie_settings[6].value = virtual_bank_test_public_key;
    bool is_kftc = rail == &RAIL_KFTC;
    struct rail_settings settings = {.bank = "bank",
                                     .base_url = "http://bank.example",
                                     .list = is_kftc ? kftc_settings : obie_settings,
                                     .count = is_kftc ? sizeof kftc_settings / sizeof *kftc_settings
                                                      : sizeof obie_settings / sizeof *obie_settings};
    *self = (struct way){.rail = rail, .now_us = KIT_NOW_US, .bank = virtual_bank_new(options)};
    assert_non_null(self->bank);
    uint32_t payee = virtual_account_of(self->bank, "004:777", "KRW"); /* whose holder is known */
    assert_true(virtual_copy(self->bank->accounts[payee].holder, VIRTUAL_NAME_MAX, "KIM"));
    self->own = rail->open(&settings, why);
    assert_string_equal(why, "");
    assert_non_null(self->own);
}

static void way_close(struct way *self)
{
    assert_true(virtual_bank_books(self->bank));
    self->rail->close(self->own);
    virtual_bank_destroy(&self->bank);
}

/* To the bank and back. */
static void deliver(struct way *self, const struct rail_request *asked, bool is_lost, struct rail_reply *out)
{
    static struct virtual_reply reply;
    static char names[RAIL_HEADERS_MAX][64];
    struct virtual_header headers[RAIL_HEADERS_MAX];
    for (size_t i = 0; i < asked->header_count; i++) {
        size_t length = strcspn(asked->headers[i], ":");
        snprintf(names[i], sizeof names[i], "%.*s", (int)length, asked->headers[i]);
        headers[i] = (struct virtual_header){names[i], asked->headers[i] + length + 2};
    }
    struct virtual_request request = {.method = asked->method,
                                      .path = asked->url + strlen("http://bank.example"),
                                      .headers = headers,
                                      .header_count = asked->header_count,
                                      .body = asked->body,
                                      .length = asked->length};
    self->requests++;
    virtual_bank_handle(self->bank, self->now_us, &request, &reply);
    *out = (struct rail_reply){.arrival = RAIL_LOST, .retry_after_s = -1};
    if (is_lost || reply.delivery != VIRTUAL_ANSWER)
        return;
    out->arrival = RAIL_ARRIVED;
    out->status = reply.status;
    out->body = reply.body ? reply.body : "";
    out->length = reply.length;
    for (size_t i = 0; i < reply.header_count; i++) {
        if (strcmp(reply.headers[i].name, "x-jws-signature") == 0)
            out->signature = reply.headers[i].value;
    }
}

static void renew_token(struct way *self)
{
    static struct rail_request asked;
    struct rail_reply reply;
    char why[160] = "";
    for (int i = 0; i < ROUNDS_MAX; i++) {
        self->rail->token_ask(self->own, 0, self->now_us, &asked);
        deliver(self, &asked, false, &reply);
        if (reply.arrival == RAIL_ARRIVED &&
            self->rail->token_answer(self->own, 0, &reply, self->now_us, &self->token, why))
            return;
        self->now_us += 1000000;
    }
    fail_msg("%s", why);
}

/* The job's next request and what it means; as the adapter's core does it. */
static void step(struct way *self, struct rail_job *job)
{
    static struct rail_request asked;
    struct rail_reply reply;
    bool is_pay = job->phase == RAIL_PAY;
    if (self->rail->token_of(self->own, job) == 0 && self->token.text[0] == '\0')
        renew_token(self);
    if (is_pay)
        job->sent_us = self->now_us;
    self->rail->ask(self->own, job, self->token.text, self->now_us, &asked);
    bool is_lost = is_pay && self->lost > 0;
    self->lost -= is_lost;
    deliver(self, &asked, is_lost, &reply);
    self->rail->answer(self->own, job, &reply, self->now_us, &self->verdict);
    if (self->verdict.result == RAIL_NO_TOKEN)
        self->token.text[0] = '\0';
    else if (self->verdict.result == RAIL_UNKNOWN && job->phase == RAIL_PAY) {
        job->phase = RAIL_INQUIRE;
        job->stage = 0;
    } else if (job->phase == RAIL_INQUIRE)
        job->inquiries++;
    self->now_us += 1000000;
}

/* Until it is decided. */
static enum rail_result run(struct way *self, struct rail_job *job)
{
    struct rail_verdict verdict;
    if (!self->rail->name_job(self->own, job, self->now_us, &verdict))
        fail_msg("%s", verdict.reason);
    for (int i = 0; i < ROUNDS_MAX; i++) {
        step(self, job);
        enum rail_result result = self->verdict.result;
        if (result == RAIL_SUCCEEDED || result == RAIL_FAILED || result == RAIL_NOT_FOUND)
            return result;
    }
    fail_msg("%s", self->verdict.reason);
    return RAIL_UNKNOWN;
}

static struct rail_job job_of(const struct way *self, enum bank_step step_, uint64_t serial)
{
    bool is_kftc = self->rail == &RAIL_KFTC;
    struct rail_job job = {.serial = serial};
    job.call =
        (struct bank_call){.number = 1, .step = (uint8_t)step_, .amount = 12345, .called_us = self->now_us};
    job.call.remittance.bytes[0] = (uint8_t)serial;
    job.call.currency = currency_find(is_kftc ? "KRW" : "GBP", 3);
    strcpy(job.call.payer, is_kftc ? KIT_PAYER : OBIE_PAYER);
    strcpy(job.call.payee, is_kftc ? KFTC_PAYEE : OBIE_PAYEE);
    strcpy(job.call.memo, "rent");
    return job;
}

static const struct rail *const rails[] = {&RAIL_KFTC, &RAIL_OBIE};
static const enum bank_step steps[] = {BANK_PULL, BANK_PUSH, BANK_REFUND};

static void expect_balances(const struct way *self, int64_t payer_less, int64_t payee_more)
{
    bool is_kftc = self->rail == &RAIL_KFTC;
    int64_t payer = 0, payee = OPENING;
    assert_true(virtual_bank_account(self->bank, is_kftc ? KIT_PAYER : "UK.OBIE.IBAN:PAYER", &payer));
    (void)virtual_bank_account(self->bank, is_kftc ? "004:777" : "UK.OBIE.IBAN:PAYEE", &payee);
    assert_int_equal(payer, OPENING - payer_less);
    assert_int_equal(payee, OPENING + payee_more);
}

static void a_pull_a_push_and_a_refund_are_done(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        for (int settles = 0; settles < 2; settles++) {
            struct virtual_bank_options options = virtual_bank_options_default();
            struct way way;
            options.settle_us = settles * 5000000;
            options.client_key_pem = virtual_bank_test_public_key;
            way_open(&way, rails[r], &options);
            for (size_t s = 0; s < 3; s++) {
                struct rail_job job = job_of(&way, steps[s], s + 1);
                struct virtual_entry entry;
                assert_int_equal(run(&way, &job), RAIL_SUCCEEDED);
                assert_true(virtual_bank_entry(way.bank, s + 1, &entry));
                assert_string_equal(entry.reference, job.resource);
                assert_string_equal(entry.id, job.id);
                assert_int_equal(entry.amount, 12345);
                assert_int_equal(entry.is_in, s == 0);
                expect_balances(&way, s == 2 ? 0 : 12345, s == 0 ? 0 : 12345);
            }
            way_close(&way);
        }
    }
}

static void a_payment_whose_reply_is_lost_is_found_and_is_made_once(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct virtual_bank_options options = virtual_bank_options_default();
        struct virtual_entry entry;
        struct way way;
        way_open(&way, rails[r], &options);
        for (size_t s = 0; s < 3; s++) {
            struct rail_job job = job_of(&way, steps[s], s + 1);
            way.lost = 1;
            assert_int_equal(run(&way, &job), RAIL_SUCCEEDED);
            assert_true(virtual_bank_entry(way.bank, s + 1, &entry));
            assert_false(virtual_bank_entry(way.bank, s + 2, &entry));
        }
        way_close(&way);
    }
}

static void what_a_rule_does_ends_as_the_bank_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        enum rail_result kftc, obie;
        uint64_t kftc_entries, obie_entries;
    } rows[] = {
        {"{'step':'pull','do':'refused','count':1}", RAIL_FAILED, RAIL_FAILED, 0, 0},
        {"{'step':'pull','do':'timeout','when':'before','count':1}", RAIL_NOT_FOUND, RAIL_SUCCEEDED, 0, 1},
        {"{'step':'pull','do':'timeout','when':'after','count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'status','status':500,'when':'before','count':1}", RAIL_NOT_FOUND,
         RAIL_SUCCEEDED, 0, 1},
        {"{'step':'pull','do':'status','status':502,'when':'after','count':1}", RAIL_SUCCEEDED,
         RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'garbage','when':'after','count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'half','when':'after','count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'error_body','when':'after','count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'html','when':'after','count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'wrong_amount','count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'processing','inquiries':3,'count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'processing','seconds':7,'count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'pull','do':'token_refused','count':1}", RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
        {"{'step':'inquiry','do':'garbage','count':2},{'step':'pull','do':'timeout','when':'after','count':"
         "1}",
         RAIL_SUCCEEDED, RAIL_SUCCEEDED, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t r = 0; r < 2; r++) {
            struct virtual_bank_options options = virtual_bank_options_default();
            struct kit kit = {.bank = NULL};
            struct way way;
            char rules[512];
            way_open(&way, rails[r], &options);
            kit.bank = way.bank;
            snprintf(rules, sizeof rules, "[%s]", rows[i].rule);
            kit_rules(&kit, rules);
            struct rail_job job = job_of(&way, BANK_PULL, 1);
            assert_int_equal(run(&way, &job), r == 0 ? rows[i].kftc : rows[i].obie);
            assert_int_equal(kit_entries(&kit), r == 0 ? rows[i].kftc_entries : rows[i].obie_entries);
            way_close(&way);
        }
    }
}

static uint64_t entries_of(const struct virtual_bank *bank, const char *id)
{
    struct virtual_entry entry;
    uint64_t count = 0;
    for (uint64_t number = 1; virtual_bank_entry(bank, number, &entry); number++)
        count += strcmp(entry.id, id) == 0;
    return count;
}

/* A no for good where nothing moved, a yes where it moved once; "not found" is only said of what never was. */
static void whatever_goes_wrong_a_job_ends_as_the_ledger_has_it(void **state)
{
    (void)state;
    static const char rules[] = "[{'do':'timeout','when':'before','probability':'0.05','count':6},"
                                "{'do':'timeout','when':'after','probability':'0.1','count':6},"
                                "{'do':'hangup','when':'after','probability':'0.05','count':6},"
                                "{'do':'cut','when':'after','probability':'0.05','count':6},"
                                "{'do':'status','status':502,'when':'after','probability':'0.1','count':6},"
                                "{'do':'status','status':503,'probability':'0.1','count':6},{'do':'busy','"
                                "probability':'0.05','count':6},"
                                "{'do':'half','when':'after','probability':'0.05','count':6},"
                                "{'do':'garbage','when':'after','probability':'0.05','count':6},"
                                "{'do':'empty','when':'after','probability':'0.05','count':6},"
                                "{'do':'html','probability':'0.05','count':6},{'do':'error_body','when':'"
                                "after','probability':'0.1','count':6},"
                                "{'do':'token_refused','probability':'0.05','count':6},"
                                "{'step':'pull','do':'refused','probability':'0.1','count':6},"
                                "{'step':'push','do':'refused','probability':'0.1','count':6},"
                                "{'do':'processing','inquiries':2,'probability':'0.2','count':9},"
                                "{'do':'wrong_amount','probability':'0.1','count':6},{'do':'wrong_currency','"
                                "probability':'0.1','count':6},"
                                "{'do':'duplicate_id','probability':'0.1','count':6}]";
    uint64_t ends[2] = {0, 0};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        for (size_t r = 0; r < 2; r++) {
            struct virtual_bank_options options = virtual_bank_options_default();
            struct kit kit = {.bank = NULL};
            struct way way;
            options.seed = seed;
            options.settle_us = (int64_t)(seed % 3) * 3000000;
            way_open(&way, rails[r], &options);
            renew_token(&way);
            kit.bank = way.bank;
            kit_rules(&kit, rules);
            for (uint64_t serial = 1; serial <= 6; serial++) {
                struct rail_job job = job_of(&way, steps[serial % 3], serial);
                enum rail_result result = run(&way, &job);
                ends[result == RAIL_SUCCEEDED]++;
                if (entries_of(way.bank, job.id) != (result == RAIL_SUCCEEDED ? 1 : 0))
                    fail_msg("seed %llu, %s, serial %llu: %s", (unsigned long long)seed, rails[r]->name,
                             (unsigned long long)serial, way.verdict.reason);
            }
            way_close(&way);
        }
    }
    assert_true(ends[0] > 50 && ends[1] > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pull_a_push_and_a_refund_are_done),
        cmocka_unit_test(a_payment_whose_reply_is_lost_is_found_and_is_made_once),
        cmocka_unit_test(whatever_goes_wrong_a_job_ends_as_the_ledger_has_it),
        cmocka_unit_test(what_a_rule_does_ends_as_the_bank_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
