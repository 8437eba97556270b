/* KFTC's side of the virtual bank: what each request is answered, and what it moves. */
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
#define DEPOSIT_ACCOUNT "/v2.0/transfer/deposit/acnt_num"
#define RECEIVE "/v2.0/inquiry/receive"
#define RESULT "/v2.0/transfer/result"
#define OPENING INT64_C(1000000000000)
#define PAYEE "'bank_code_std':'004','account_num':'777','account_holder_name':'KIM'"
#define NUMBER_PAYEE "'fintech_use_num':'222222222222222222222222'"

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

static void expect(const struct kit *kit, const char *rsp_code, const char *path, const char *bank_rsp_code)
{
    assert_int_equal(kit->reply.status, 200);
    assert_string_equal(kit_text(kit, "rsp_code"), rsp_code);
    assert_string_equal(kit_text(kit, path), bank_rsp_code);
}

static void a_withdrawal_moves_money_from_the_payer_to_us(void **state)
{
    struct kit *kit = *state;
    struct virtual_entry entry;
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "10000"));
    expect(kit, "A0000", "bank_rsp_code", "000");
    assert_string_equal(kit_text(kit, "tran_amt"), "10000");
    assert_string_equal(kit_text(kit, "bank_tran_id"), "T991234560U000000001");
    assert_string_equal(kit_text(kit, "bank_tran_date"), "20261121");
    assert_string_equal(kit_text(kit, "api_tran_dtm"), "20261121173000000");
    assert_int_equal(kit_balance(kit, KIT_PAYER), OPENING - 10000);
    assert_int_equal(kit_balance(kit, KIT_OURS), OPENING + 10000);
    assert_true(virtual_bank_entry(kit->bank, 1, &entry));
    assert_true(entry.is_in);
    assert_string_equal(entry.rail, "kftc");
    assert_string_equal(entry.id, "T991234560U000000001");
    assert_string_equal(entry.account, KIT_PAYER);
    assert_int_equal(entry.amount, 10000);
    assert_string_equal(entry.currency, "KRW");
}

static void a_deposit_moves_money_from_us_to_the_payee(void **state)
{
    struct kit *kit = *state;
    kit_ask(kit, DEPOSIT_ACCOUNT, kit_deposit("000000001", PAYEE, "500"));
    expect(kit, "A0000", "res_list.0.bank_rsp_code", "000");
    assert_int_equal(kit_balance(kit, "004:777"), OPENING + 500);
    kit_ask(kit, DEPOSIT, kit_deposit("000000002", NUMBER_PAYEE, "7"));
    expect(kit, "A0000", "res_list.0.bank_rsp_code", "000");
    assert_int_equal(kit_balance(kit, "222222222222222222222222"), OPENING + 7);
    assert_int_equal(kit_balance(kit, KIT_OURS), OPENING - 507);
    assert_int_equal(kit_entries(kit), 2);
}

static void an_id_pays_once_a_day(void **state)
{
    struct kit *kit = *state;
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "10000"));
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "10000"));
    expect(kit, "A0326", "bank_rsp_code", "");
    kit_ask(kit, DEPOSIT, kit_deposit("000000001", NUMBER_PAYEE, "7"));
    expect(kit, "A0326", "res_list.0.bank_rsp_code", "");
    assert_int_equal(kit_entries(kit), 1);
    kit->now_us += INT64_C(6) * 3600 * 1000000 + INT64_C(29) * 60 * 1000000; /* 23:59 in Korea */
    snprintf(kit->kftc_token, sizeof kit->kftc_token, "Bearer user");
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "10000"));
    expect(kit, "A0326", "bank_rsp_code", "");
    kit->now_us += INT64_C(60) * 1000000;
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "10000"));
    expect(kit, "A0000", "bank_tran_date", "20261122");
    assert_int_equal(kit_entries(kit), 2);
}

static void an_inquiry_tells_what_became_of_a_transfer(void **state)
{
    struct kit *kit = *state;
    virtual_bank_account_set(kit->bank, KIT_PAYER, "KRW", 100, 0);
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    kit_ask(kit, WITHDRAW, kit_withdraw("000000002", KIT_PAYER, "100"));
    expect(kit, "A0002", "bank_rsp_code", "454");
    static const struct {
        const char *type, *id, *date, *amount, *code;
    } rows[] = {
        {"1", "000000001", "20261121", "100", "000"}, {"1", "000000002", "20261121", "100", "454"},
        {"1", "000000003", "20261121", "100", "701"}, {"1", "000000001", "20261122", "100", "701"},
        {"2", "000000001", "20261121", "100", "701"}, {"1", "000000001", "20261121", "101", "400"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit_ask(kit, RESULT, kit_result(rows[i].type, rows[i].id, rows[i].date, rows[i].amount));
        expect(kit, "A0000", "res_list.0.bank_rsp_code", rows[i].code);
    }
}

static struct virtual_account *account(struct kit *kit, const char *name)
{
    uint32_t place = virtual_account_of(kit->bank, name, "KRW");
    return &kit->bank->accounts[place];
}

static void prepare(struct kit *kit, const char *what)
{
    virtual_account_of(kit->bank, KIT_OURS, "KRW");
    struct virtual_account *payer = account(kit, KIT_PAYER);
    if (strcmp(what, "missing") == 0)
        payer->is_missing = true;
    else if (strcmp(what, "closed") == 0)
        payer->is_closed = true;
    else if (strcmp(what, "limit") == 0)
        payer->limit = 99;
    else if (strcmp(what, "day") == 0)
        payer->day_limit = 99;
    else if (strcmp(what, "client day") == 0)
        account(kit, KIT_OURS)->day_limit = 99;
    else if (strcmp(what, "poor") == 0)
        virtual_bank_account_set(kit->bank, KIT_PAYER, "KRW", 99, 0);
    else if (strcmp(what, "ours missing") == 0)
        account(kit, KIT_OURS)->is_missing = true;
}

static void a_withdrawal_is_refused_with_the_code_of_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *what, *rsp_code, *bank_rsp_code;
    } rows[] = {
        {"nothing", "A0000", "000"}, {"missing", "A0312", ""},      {"closed", "A0002", "415"},
        {"limit", "A0002", "455"},   {"day", "A0002", "456"},       {"client day", "A0002", "456"},
        {"poor", "A0002", "454"},    {"ours missing", "A0319", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit kit;
        kit_open(&kit, NULL);
        prepare(&kit, rows[i].what);
        kit_ask(&kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
        expect(&kit, rows[i].rsp_code, "bank_rsp_code", rows[i].bank_rsp_code);
        assert_int_equal(kit_entries(&kit), i == 0 ? 1 : 0);
        kit_close(&kit);
    }
}

static void a_payee_is_looked_at_before_he_is_paid(void **state)
{
    struct kit *kit = *state;
    static const char body[] =
        "{'bank_tran_id':'T991234560UZ00000001','cntr_account_type':'N','cntr_account_num':'1101230000678',"
        "'bank_code_std':'004','account_num':'777','print_content':'x','tran_amt':'100','req_client_name':'T'"
        ","
        "'req_client_num':'A1','transfer_purpose':'TR'}";
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    kit_askf(kit, RECEIVE, body);
    expect(kit, "A0000", "bank_rsp_code", "000");
    assert_string_equal(kit_text(kit, "account_holder_name"), "KIM");
    account(kit, "004:777")->is_closed = true;
    kit_askf(kit, RECEIVE, body);
    expect(kit, "A0002", "bank_rsp_code", "415");
    kit_ask(kit, DEPOSIT_ACCOUNT, kit_deposit("000000002", PAYEE, "100"));
    expect(kit, "A0009", "res_list.0.bank_rsp_code", "415");
    account(kit, "004:777")->is_closed = false;
    account(kit, "004:777")->is_missing = true;
    kit_askf(kit, RECEIVE, body);
    expect(kit, "A0002", "bank_rsp_code", "412");
    kit_ask(kit, DEPOSIT_ACCOUNT, kit_deposit("000000003", PAYEE, "100"));
    expect(kit, "A0009", "res_list.0.bank_rsp_code", "412");
    account(kit, "004:777")->is_missing = false;
    kit_ask(kit, DEPOSIT_ACCOUNT,
            kit_deposit("000000004", "'bank_code_std':'004','account_num':'777','account_holder_name':'LEE'",
                        "100"));
    expect(kit, "A0009", "res_list.0.bank_rsp_code", "815");
    assert_int_equal(kit_entries(kit), 1);
}

/* One field of a good body is another, or is gone (NULL). */
static void ask_with(struct kit *kit, const char *path, const char *body, const char *field, json_t *value)
{
    json_t *object = json_loads(body, 0, NULL);
    json_t *item = json_array_get(json_object_get(object, "req_list"), 0);
    json_t *target = item && json_object_get(item, field) ? item : object;
    if (value)
        json_object_set_new(target, field, value);
    else
        json_object_del(target, field);
    char *text = json_dumps(object, 0);
    kit_ask(kit, path, text);
    free(text);
    json_decref(object);
}

static void a_malformed_message_moves_nothing_and_names_its_field(void **state)
{
    struct kit *kit = *state;
    static const struct {
        const char *field, *text; /* text NULL: the field is gone */
    } rows[] = {
        {"bank_tran_id", NULL},
        {"bank_tran_id", "T991234560X000000001"},
        {"bank_tran_id", "U1"},
        {"tran_amt", NULL},
        {"tran_amt", "0"},
        {"tran_amt", "000"},
        {"tran_amt", "-1"},
        {"tran_amt", "1.0"},
        {"tran_amt", "1000000000000"},
        {"tran_amt", ""},
        {"fintech_use_num", "1234"},
        {"fintech_use_num", NULL},
        {"tran_dtime", "2026112117"},
        {"tran_dtime", "20261321173000"},
        {"tran_dtime", "20261121240000"},
        {"cntr_account_type", "X"},
        {"cntr_account_num", ""},
        {"transfer_purpose", "XX"},
        {"transfer_purpose", NULL},
        {"req_client_name", NULL},
        {"req_client_num", "a b"},
        {"dps_print_content", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_with(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"), rows[i].field,
                 rows[i].text ? json_string(rows[i].text) : NULL);
        expect(kit, "A0004", "rsp_message", rows[i].field);
        ask_with(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"), rows[i].field,
                 json_integer(100));
        expect(kit, "A0004", "rsp_message", rows[i].field);
    }
    static const char *const of_deposits[] = {"req_cnt",       "wd_pass_phrase", "tran_no",
                                              "print_content", "bank_tran_id",   "tran_amt"};
    for (size_t i = 0; i < sizeof of_deposits / sizeof *of_deposits; i++) {
        ask_with(kit, DEPOSIT, kit_deposit("000000001", NUMBER_PAYEE, "100"), of_deposits[i], NULL);
        expect(kit, "A0004", "rsp_message", of_deposits[i]);
    }
    ask_with(kit, DEPOSIT, kit_deposit("000000001", NUMBER_PAYEE, "100"), "req_list", json_array());
    expect(kit, "A0004", "rsp_message", "req_list");
    kit_ask(kit, DEPOSIT, kit_deposit("000000001", PAYEE, "100"));
    expect(kit, "A0004", "rsp_message", "fintech_use_num");
    kit_ask(kit, RESULT, kit_result("3", "000000001", "20261121", "100"));
    expect(kit, "A0004", "rsp_message", "check_type");
    kit_ask(kit, RESULT, kit_result("1", "000000001", "20261131", "100"));
    expect(kit, "A0004", "rsp_message", "org_bank_tran_date");
    kit_ask(kit, WITHDRAW, "{\"bank_tran_id\":");
    expect(kit, "A0004", "rsp_message", "JSON");
    kit_ask(kit, WITHDRAW, "[]");
    expect(kit, "A0004", "rsp_message", "JSON");
    assert_int_equal(kit->bank->payment_count, 0);
}

static void an_inquiry_has_at_most_25_items(void **state)
{
    struct kit *kit = *state;
    for (int count = 25; count <= 26; count++) {
        json_t *body = json_loads(kit_result("1", "000000001", "20261121", "1"), 0, NULL);
        json_t *list = json_object_get(body, "req_list");
        for (int i = 1; i < count; i++)
            json_array_append(list, json_array_get(list, 0));
        json_object_set_new(body, "req_cnt", json_sprintf("%d", count));
        char *text = json_dumps(body, 0);
        kit_ask(kit, RESULT, text);
        assert_string_equal(kit_text(kit, "rsp_code"), count == 25 ? "A0000" : "A0004");
        assert_int_equal(json_array_size(json_object_get(kit->body, "res_list")), count == 25 ? 25 : 0);
        free(text);
        json_decref(body);
    }
}

static void a_token_is_for_its_scope_and_its_time(void **state)
{
    struct kit *kit = *state;
    static const char *const bad[] = {"Bearer x", "oob", "", "Bearer oob.1.0000000000000000", "Bearer user"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kit->token = bad[i];
        kit_ask(kit, RESULT, kit_result("1", "000000001", "20261121", "1"));
        expect(kit, "O0002", "bank_rsp_code", "");
    }
    kit->token = kit->obie_token;
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "1"));
    expect(kit, "O0002", "bank_rsp_code", "");
    kit->token = NULL;
    kit->now_us += virtual_bank_options_default().token_life_us;
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "1"));
    expect(kit, "O0002", "bank_rsp_code", "");
    kit->now_us--;
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "1"));
    expect(kit, "A0000", "bank_rsp_code", "000");
}

static void a_token_is_given_to_the_client_for_a_scope(void **state)
{
    (void)state;
    struct virtual_bank_options options = virtual_bank_options_default();
    struct kit kit;
    options.client_id = "a";
    options.client_secret = "b c";
    kit_open(&kit, &options);
    static const struct {
        const char *body, *code;
    } rows[] = {
        {"client_id=a&client_secret=b+c&scope=oob&grant_type=client_credentials", ""},
        {"client_id=a&client_secret=b%20c&grant_type=authorization_code&code=1", ""},
        {"client_id=b&client_secret=b+c&scope=oob&grant_type=client_credentials", "O0001"},
        {"client_id=a&client_secret=c&scope=oob&grant_type=client_credentials", "O0001"},
        {"client_id=a&scope=oob&grant_type=client_credentials", "O0001"},
        {"client_id=a&client_secret=b+c&scope=transfer&grant_type=client_credentials", "O0003"},
        {"client_id=a&client_secret=b+c&grant_type=authorization_code", "O0003"},
        {"{}", "O0001"},
        {"", "O0001"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(kit_ask(&kit, "/oauth/2.0/token", rows[i].body), 200);
        assert_string_equal(kit_text(&kit, "rsp_code"), rows[i].code);
        assert_int_equal(*kit_text(&kit, "access_token") != '\0', !*rows[i].code);
    }
    kit_close(&kit);
}

/* ---- rules --------------------------------------------------------------------------------------------- */

static void what_a_rule_refuses_is_refused_for_good_or_forgotten(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *rsp_code, *bank_rsp_code, *asked;
    } rows[] = {
        {"[{'step':'pull','do':'refused','count':1}]", "A0002", "454", "454"},
        {"[{'step':'pull','do':'refused','code':'415','count':1}]", "A0002", "415", "415"},
        {"[{'step':'pull','do':'refused','code':'A0001','count':1}]", "A0001", "", "701"},
        {"[{'step':'pull','do':'refused','code':'803','count':1}]", "A0002", "803", "701"},
        {"[{'step':'pull','do':'token_refused','count':1}]", "O0002", "", "701"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit kit;
        kit_open(&kit, NULL);
        kit_rules(&kit, rows[i].rules);
        kit_ask(&kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
        expect(&kit, rows[i].rsp_code, "bank_rsp_code", rows[i].bank_rsp_code);
        kit_ask(&kit, RESULT, kit_result("1", "000000001", "20261121", "100"));
        expect(&kit, "A0000", "res_list.0.bank_rsp_code", rows[i].asked);
        assert_int_equal(kit_entries(&kit), 0);
        kit_close(&kit);
    }
}

static void a_transfer_in_process_is_done_after_its_inquiries(void **state)
{
    struct kit *kit = *state;
    kit_rules(kit, "[{'step':'pull','do':'processing','inquiries':2,'count':1}]");
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    expect(kit, "A0001", "bank_rsp_code", "400");
    assert_int_equal(kit_entries(kit), 0);
    for (int i = 0; i < 2; i++) {
        kit_ask(kit, RESULT, kit_result("1", "000000001", "20261121", "100"));
        expect(kit, "A0000", "res_list.0.bank_rsp_code", "400");
    }
    kit_ask(kit, RESULT, kit_result("1", "000000001", "20261121", "100"));
    expect(kit, "A0000", "res_list.0.bank_rsp_code", "000");
    assert_int_equal(kit_entries(kit), 1);
}

static void a_transfer_in_process_holds_its_money(void **state)
{
    struct kit *kit = *state;
    virtual_bank_account_set(kit->bank, KIT_PAYER, "KRW", 150, 0);
    kit_rules(kit, "[{'step':'pull','do':'processing','seconds':10,'count':1}]");
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    kit_ask(kit, WITHDRAW, kit_withdraw("000000002", KIT_PAYER, "100"));
    expect(kit, "A0002", "bank_rsp_code", "453");
    assert_int_equal(virtual_bank_due_us(kit->bank), kit->now_us + 10000000);
    kit->now_us += 10000000;
    kit_ask(kit, RESULT, kit_result("1", "000000001", "20261121", "100"));
    expect(kit, "A0000", "res_list.0.bank_rsp_code", "000");
    assert_int_equal(kit_balance(kit, KIT_PAYER), 50);
}

static void an_inquiry_says_what_a_rule_wants_and_changes_nothing(void **state)
{
    struct kit *kit = *state;
    static const struct {
        const char *rule, *rsp_code, *bank_rsp_code;
    } rows[] = {{"{'step':'inquiry','do':'refused','count':1}", "A0000", "701"},
                {"{'step':'inquiry','do':'refused','code':'412','count':1}", "A0000", "412"},
                {"{'step':'inquiry','do':'refused','code':'A0007','count':1}", "A0007", ""},
                {"{'step':'inquiry','do':'processing','count':1}", "A0000", "400"},
                {"{'step':'inquiry','do':'processing','code':'804','count':1}", "A0000", "804"}};
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char rules[128];
        snprintf(rules, sizeof rules, "[%s]", rows[i].rule);
        kit_rules(kit, rules);
        kit_ask(kit, RESULT, kit_result("1", "000000001", "20261121", "100"));
        expect(kit, rows[i].rsp_code, "res_list.0.bank_rsp_code", rows[i].bank_rsp_code);
        kit_ask(kit, RESULT, kit_result("1", "000000001", "20261121", "100"));
        expect(kit, "A0000", "res_list.0.bank_rsp_code", "000");
    }
}

static void a_lying_reply_changes_nothing_of_what_is_true(void **state)
{
    struct kit *kit = *state;
    struct virtual_entry entry;
    kit_ask(kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100"));
    kit_rules(kit, "[{'step':'pull','do':'wrong_amount','difference':5,'count':1},"
                   "{'step':'pull','do':'duplicate_id','count':1}]");
    kit_ask(kit, WITHDRAW, kit_withdraw("000000002", KIT_PAYER, "100"));
    assert_string_equal(kit_text(kit, "tran_amt"), "105");
    kit_ask(kit, WITHDRAW, kit_withdraw("000000003", KIT_PAYER, "100"));
    assert_string_equal(kit_text(kit, "bank_tran_id"), "T991234560U000000002");
    assert_true(virtual_bank_entry(kit->bank, 3, &entry));
    assert_string_equal(entry.id, "T991234560U000000003");
    assert_int_equal(entry.amount, 100);
}

static void what_was_worked_on_is_true_whatever_becomes_of_the_reply(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        uint64_t entries;
        enum virtual_delivery delivery;
        int status;
    } rows[] = {
        {"[{'step':'pull','do':'timeout','when':'before'}]", 0, VIRTUAL_SILENCE, 200},
        {"[{'step':'pull','do':'timeout','when':'after'}]", 1, VIRTUAL_SILENCE, 200},
        {"[{'step':'pull','do':'hangup','when':'after'}]", 1, VIRTUAL_HANGUP, 200},
        {"[{'step':'pull','do':'status','status':503,'when':'before'}]", 0, VIRTUAL_ANSWER, 503},
        {"[{'step':'pull','do':'status','status':500,'when':'after'}]", 1, VIRTUAL_ANSWER, 500},
        {"[{'step':'pull','do':'garbage','when':'after'}]", 1, VIRTUAL_ANSWER, 200},
        {"[{'step':'pull','do':'busy'}]", 0, VIRTUAL_ANSWER, 429},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit kit;
        kit_open(&kit, NULL);
        kit_rules(&kit, rows[i].rules);
        assert_int_equal(kit_ask(&kit, WITHDRAW, kit_withdraw("000000001", KIT_PAYER, "100")),
                         rows[i].status);
        assert_int_equal(kit.reply.delivery, rows[i].delivery);
        assert_int_equal(kit_entries(&kit), rows[i].entries);
        kit_close(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_withdrawal_moves_money_from_the_payer_to_us, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deposit_moves_money_from_us_to_the_payee, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_pays_once_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(an_inquiry_tells_what_became_of_a_transfer, setup, teardown),
        cmocka_unit_test(a_withdrawal_is_refused_with_the_code_of_its_reason),
        cmocka_unit_test_setup_teardown(a_payee_is_looked_at_before_he_is_paid, setup, teardown),
        cmocka_unit_test_setup_teardown(a_malformed_message_moves_nothing_and_names_its_field, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_inquiry_has_at_most_25_items, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_is_for_its_scope_and_its_time, setup, teardown),
        cmocka_unit_test(a_token_is_given_to_the_client_for_a_scope),
        cmocka_unit_test(what_a_rule_refuses_is_refused_for_good_or_forgotten),
        cmocka_unit_test_setup_teardown(a_transfer_in_process_is_done_after_its_inquiries, setup, teardown),
        cmocka_unit_test_setup_teardown(a_transfer_in_process_holds_its_money, setup, teardown),
        cmocka_unit_test_setup_teardown(an_inquiry_says_what_a_rule_wants_and_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_lying_reply_changes_nothing_of_what_is_true, setup, teardown),
        cmocka_unit_test(what_was_worked_on_is_true_whatever_becomes_of_the_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
