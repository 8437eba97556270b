/* The virtual bank's accounts, payments, ledger and time, whatever the rail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sim_bank/bank_kit.h"

#define WITHDRAW "/v2.0/transfer/withdraw/fin_num"
#define DEPOSIT "/v2.0/transfer/deposit/fin_num"

static void an_account_comes_into_being_when_it_is_named(void **state)
{
    (void)state;
    struct kit kit;
    int64_t balance = 1;
    kit_open(&kit, NULL);
    assert_false(virtual_bank_account(kit.bank, "a", &balance));
    assert_int_equal(balance, 1);
    uint32_t a = virtual_account_of(kit.bank, "a", "KRW");
    assert_int_equal(virtual_account_of(kit.bank, "a", "GBP"), a);
    assert_true(virtual_bank_account(kit.bank, "a", &balance));
    assert_int_equal(balance, virtual_bank_options_default().opening_balance);
    char name[VIRTUAL_ACCOUNT_MAX + 2];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(virtual_account_of(kit.bank, name, "KRW"), UINT32_MAX);
    assert_int_equal(virtual_account_of(kit.bank, "", "KRW"), UINT32_MAX);
    assert_int_equal(virtual_account_of(kit.bank, "b", "WONS"), UINT32_MAX);
    kit_close(&kit);
}

static void thousands_of_accounts_are_told_apart(void **state)
{
    (void)state;
    struct kit kit;
    char name[16];
    kit_open(&kit, NULL);
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_int_equal(virtual_account_of(kit.bank, name, "KRW"), i);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_int_equal(virtual_account_find(kit.bank, name), i);
    }
    kit_close(&kit);
}

static void a_balance_that_is_set_keeps_the_books(void **state)
{
    (void)state;
    struct kit kit;
    kit_open(&kit, NULL);
    kit_ask(&kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    static const int64_t balances[] = {0, 1, -5, INT64_MAX, INT64_MIN, 7};
    for (size_t i = 0; i < sizeof balances / sizeof *balances; i++) {
        virtual_bank_account_set(kit.bank, KIT_PAYER, "KRW", balances[i], 0);
        assert_true(virtual_bank_books(kit.bank));
    }
    assert_int_equal(kit_balance(&kit, KIT_PAYER), 7);
    kit_close(&kit);
}

static void a_payee_who_would_have_too_much_is_not_paid(void **state)
{
    (void)state;
    struct kit kit;
    kit_open(&kit, NULL);
    virtual_bank_account_set(kit.bank, KIT_OURS, "KRW", INT64_MAX - 99, 0);
    kit_ask(&kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    assert_string_equal(kit_text(&kit, "bank_rsp_code"), "455");
    kit_ask(&kit, WITHDRAW, kit_withdraw("000000002", KIT_PAYER, "99"));
    assert_string_equal(kit_text(&kit, "bank_rsp_code"), "000");
    assert_int_equal(kit_balance(&kit, KIT_OURS), INT64_MAX);
    kit_close(&kit);
}

static void a_payment_that_cannot_be_settled_any_more_is_rejected(void **state)
{
    (void)state;
    struct kit kit;
    kit_open(&kit, NULL);
    kit_rules(&kit, "[{'step':'pull','do':'processing','seconds':1}]");
    kit_ask(&kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    virtual_bank_account_set(kit.bank, KIT_OURS, "KRW", INT64_MAX, 0);
    kit.now_us += 1000000;
    kit_ask(&kit, "/v2.0/transfer/result", kit_result("1", "000000001", "20261121", "100"));
    assert_string_equal(kit_text(&kit, "res_list.0.bank_rsp_code"), "455");
    assert_int_equal(kit_entries(&kit), 0);
    kit_close(&kit);
}

static void limits_of_a_day_begin_anew_with_the_next(void **state)
{
    (void)state;
    struct kit kit;
    kit_open(&kit, NULL);
    uint32_t payer = virtual_account_of(kit.bank, KIT_PAYER, "KRW");
    kit.bank->accounts[payer].day_limit = 150;
    kit_ask(&kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    assert_string_equal(kit_text(&kit, "wd_limit_remain_amt"), "50");
    kit_ask(&kit, WITHDRAW, kit_withdraw("000000002", KIT_PAYER, "51"));
    assert_string_equal(kit_text(&kit, "bank_rsp_code"), "456");
    kit.token = "Bearer user";
    kit.now_us += INT64_C(6) * 3600 * 1000000 + INT64_C(30) * 60 * 1000000; /* midnight in Korea */
    kit_ask(&kit, WITHDRAW, kit_withdraw("000000003", KIT_PAYER, "150"));
    assert_string_equal(kit_text(&kit, "bank_rsp_code"), "000");
    assert_string_equal(kit_text(&kit, "wd_limit_remain_amt"), "0");
    kit_close(&kit);
}

static void what_is_due_happens_at_its_time_however_late_it_is_looked_at(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    struct virtual_entry entry;
    struct kit kit;
    options.settle_us = 8000000;
    kit_open(&kit, &options);
    assert_int_equal(virtual_bank_due_us(kit.bank), INT64_MAX);
    for (int i = 0; i < 3; i++) {
        kit.now_us = KIT_NOW_US + (3 - i) * 100;
        kit_ask(&kit, "/domestic-vrps", kit_vrp("m", "PAYER", "1.00", "GBP"));
        kit.now_us = KIT_NOW_US;
    }
    assert_int_equal(virtual_bank_due_us(kit.bank), KIT_NOW_US + 2000100);
    virtual_bank_advance(kit.bank, KIT_NOW_US + INT64_C(3600) * 1000000);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(virtual_bank_entry(kit.bank, i, &entry));
        assert_int_equal(entry.at_us, KIT_NOW_US + 4000000 + (int64_t)i * 100);
    }
    assert_int_equal(virtual_bank_due_us(kit.bank), INT64_MAX);
    assert_int_equal(virtual_payment_at(kit.bank, 1)->changed_us, KIT_NOW_US + 8000300);
    kit_close(&kit);
}

/* What a client that is not always careful asks for. */
static uint64_t traffic(uint64_t seed, uint32_t requests, char *bytes, size_t size)
{
    struct virtual_bank_options options = virtual_bank_options_default();
    struct sim_random random = sim_random_of(seed + 1000);
    struct kit kit;
    size_t written = 0;
    options.seed = seed;
    options.settle_us = (int64_t)sim_random_below(&random, 2) * 3000000;
    options.opening_balance = 2000;
    kit_open(&kit, &options);
    kit_rules(&kit,
              "[{'do':'timeout','when':'after','probability':'0.05'},"
              "{'step':'pull','do':'processing','inquiries':2,'probability':'0.1'},"
              "{'step':'push','do':'processing','seconds':3,'probability':'0.1'},"
              "{'do':'refused','probability':'0.05'},{'do':'status','when':'before','probability':'0.05'}]");
    for (uint32_t i = 0; i < requests; i++) {
        char id[16], payer[32], amount[16], key[16];
        unsigned number = (unsigned)sim_random_below(&random, 40);
        snprintf(id, sizeof id, "%09u", number);
        snprintf(key, sizeof key, "k%u", number);
        snprintf(payer, sizeof payer, "%024u", number % 3);
        snprintf(amount, sizeof amount, "%u", number * 10 + 1);
        switch (sim_random_below(&random, 4)) {
        case 0:
            kit_ask(&kit, WITHDRAW, kit_withdraw(id, payer, amount));
            break;
        case 1:
            kit_ask(&kit, DEPOSIT, kit_deposit(id, "'fintech_use_num':'000000000000000000000001'", amount));
            break;
        case 2:
            kit_ask(&kit, "/v2.0/transfer/result", kit_result("1", id, "20261121", amount));
            break;
        default:
            kit.key = key;
            kit_ask(&kit, "/domestic-vrps",
                    kit_vrp(number % 2 ? "m" : "n", number % 2 ? "P" : "Q", amount, "GBP"));
            break;
        }
        for (size_t at = 0; at < kit.reply.length && written < size; at++)
            bytes[written++] = kit.reply.body[at];
        kit.now_us += (int64_t)sim_random_below(&random, 500000);
        assert_true(virtual_bank_books(kit.bank));
    }
    uint64_t digest = virtual_bank_digest(kit.bank);
    for (uint64_t a = 1; a <= kit_entries(&kit); a++) {
        struct virtual_entry one, other;
        assert_true(virtual_bank_entry(kit.bank, a, &one));
        for (uint64_t b = a + 1; virtual_bank_entry(kit.bank, b, &other); b++)
            assert_true(strcmp(one.rail, other.rail) != 0 || strcmp(one.id, other.id) != 0);
    }
    assert_true(kit_entries(&kit) > 10);
    kit_close(&kit);
    return digest;
}

static void the_same_seed_and_requests_give_the_same_bytes_and_pay_no_id_twice(void **state)
{
    (void)state;
    enum { SIZE = 1 << 19 };
    char *first = calloc(SIZE, 1), *second = calloc(SIZE, 1);
    assert_true(first && second);
    uint64_t last = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        memset(first, 0, SIZE);
        memset(second, 0, SIZE);
        uint64_t digest = traffic(seed, 250, first, SIZE);
        assert_true(digest == traffic(seed, 250, second, SIZE));
        assert_memory_equal(first, second, SIZE);
        assert_true(digest != last);
        last = digest;
    }
    free(first);
    free(second);
}

static void a_bank_needs_keys_that_are_keys(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    options.client_key_pem = "x";
    assert_null(virtual_bank_new(&options));
    options.client_key_pem = NULL;
    options.signing_key_pem = virtual_bank_test_public_key;
    assert_null(virtual_bank_new(&options));
}

static void what_is_too_long_or_nowhere_is_not_worked_on(void **state)
{
    (void)state;
    struct kit kit;
    char path[400];
    kit_open(&kit, NULL);
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_int_equal(kit_ask(&kit, path, NULL), 414);
    path[100] = '\0';
    assert_int_equal(kit_ask(&kit, path, NULL), 404);
    memcpy(path, "/domestic-vrps/", 15);
    assert_int_equal(kit_ask(&kit, path, NULL), 404);
    assert_int_equal(kit_ask(&kit, "", NULL), 404);
    char *body = malloc(VIRTUAL_BODY_MAX + 2);
    assert_non_null(body);
    memset(body, ' ', VIRTUAL_BODY_MAX + 1);
    body[VIRTUAL_BODY_MAX + 1] = '\0';
    assert_int_equal(kit_ask(&kit, WITHDRAW, body), 413);
    body[VIRTUAL_BODY_MAX] = '\0';
    assert_int_equal(kit_ask(&kit, WITHDRAW, body), 200);
    free(body);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_comes_into_being_when_it_is_named),
        cmocka_unit_test(thousands_of_accounts_are_told_apart),
        cmocka_unit_test(a_balance_that_is_set_keeps_the_books),
        cmocka_unit_test(a_payee_who_would_have_too_much_is_not_paid),
        cmocka_unit_test(a_payment_that_cannot_be_settled_any_more_is_rejected),
        cmocka_unit_test(limits_of_a_day_begin_anew_with_the_next),
        cmocka_unit_test(what_is_due_happens_at_its_time_however_late_it_is_looked_at),
        cmocka_unit_test(the_same_seed_and_requests_give_the_same_bytes_and_pay_no_id_twice),
        cmocka_unit_test(a_bank_needs_keys_that_are_keys),
        cmocka_unit_test(what_is_too_long_or_nowhere_is_not_worked_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
