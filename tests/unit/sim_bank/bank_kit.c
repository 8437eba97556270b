#include "tests/unit/sim_bank/bank_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void take_token(struct kit *self, const char *path, const char *body, char out[160])
{
    self->content_type = "application/x-www-form-urlencoded";
    assert_int_equal(kit_ask(self, path, body), 200);
    self->content_type = NULL;
    snprintf(out, 160, "Bearer %s", kit_text(self, "access_token"));
}

void kit_open(struct kit *self, const struct virtual_bank_options *options)
{
    struct virtual_bank_options plain = virtual_bank_options_default();
    *self = (struct kit){.now_us = KIT_NOW_US};
    self->bank = virtual_bank_new(options ? options : &plain);
    assert_non_null(self->bank);
    take_token(self, "/oauth/2.0/token",
               "client_id=a&client_secret=b%20c&scope=oob&grant_type=client_credentials", self->kftc_token);
    take_token(self, "/token", "grant_type=client_credentials&scope=payments&client_id=a&client_secret=b%20c",
               self->obie_token);
}

void kit_close(struct kit *self)
{
    assert_true(virtual_bank_books(self->bank));
    json_decref(self->body);
    virtual_bank_destroy(&self->bank);
    assert_null(self->bank);
}

int kit_ask(struct kit *self, const char *path, const char *body)
{
    char key[32];
    bool is_kftc = strncmp(path, "/v2.0", 5) == 0;
    snprintf(key, sizeof key, "key-%llu", (unsigned long long)++self->keys);
    struct virtual_header headers[5] = {
        {"authorization", self->token ? self->token
                          : is_kftc   ? self->kftc_token
                                      : self->obie_token},
        {"Content-Type", self->content_type ? self->content_type : "application/json; charset=utf-8"},
        {"x-fapi-interaction-id", "93bac548-d2de-4546-b106-880a5018460d"},
        {"x-idempotency-key", self->key ? self->key : key},
        {"x-jws-signature", self->signature}};
    struct virtual_request request = {.method = body ? "POST" : "GET",
                                      .path = path,
                                      .headers = headers,
                                      .header_count = self->signature ? 5 : 4,
                                      .body = body,
                                      .length = body ? strlen(body) : 0};
    virtual_bank_handle(self->bank, self->now_us, &request, &self->reply);
    json_decref(self->body);
    self->body = self->reply.length > 0 ? json_loadb(self->reply.body, self->reply.length, 0, NULL) : NULL;
    self->key = NULL;
    return self->reply.status;
}

static void requote(char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            *text = '"';
    }
}

int kit_askf(struct kit *self, const char *path, const char *format, ...)
{
    static char body[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(body, sizeof body, format, arguments);
    va_end(arguments);
    requote(body);
    return kit_ask(self, path, body);
}

const char *kit_text(const struct kit *self, const char *path)
{
    char name[64];
    const json_t *at = self->body;
    while (at && *path) {
        size_t length = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(name)) : json_object_get(at, name);
        path += length + (path[length] == '.');
    }
    return json_is_string(at) ? json_string_value(at) : "";
}

void kit_rules(struct kit *self, const char *json)
{
    char text[4096], why[160] = "";
    snprintf(text, sizeof text, "%s", json);
    requote(text);
    if (virtual_bank_rules(self->bank, text, strlen(text), why) != ERR_OK)
        fail_msg("%s", why);
}

int64_t kit_balance(const struct kit *self, const char *account)
{
    int64_t balance = -1;
    (void)virtual_bank_account(self->bank, account, &balance);
    return balance;
}

uint64_t kit_entries(const struct kit *self)
{
    struct virtual_entry entry;
    uint64_t count = 0;
    while (virtual_bank_entry(self->bank, count + 1, &entry))
        count++;
    return count;
}

/* ---- bodies ------------------------------------------------------------------------------------------- */

static const char *write_body(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *write_body(const char *format, ...)
{
    static char bodies[4][4096];
    static size_t next;
    char *body = bodies[next++ % 4];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(body, sizeof bodies[0], format, arguments);
    va_end(arguments);
    requote(body);
    return body;
}

const char *kit_withdraw(const char *id, const char *fintech_use_num, const char *amount)
{
    return write_body(
        "{'bank_tran_id':'T991234560U%s','cntr_account_type':'N','cntr_account_num':'1101230000678',"
        "'dps_print_content':'teller','fintech_use_num':'%s','wd_print_content':'rent','tran_amt':'%s',"
        "'tran_dtime':'20261121173000','req_client_name':'TELLER','req_client_fintech_use_num':'%s',"
        "'req_client_num':'0123456789ABCDEF0123','transfer_purpose':'TR','recv_client_name':'KIM',"
        "'recv_client_bank_code':'004','recv_client_account_num':'777'}",
        id, fintech_use_num, amount, fintech_use_num);
}

const char *kit_deposit(const char *id, const char *payee, const char *amount)
{
    return write_body(
        "{'cntr_account_type':'N','cntr_account_num':'1101230000678','wd_pass_phrase':'NONE',"
        "'wd_print_content':'teller','name_check_option':'on','tran_dtime':'20261121173000','req_cnt':'1',"
        "'req_list':[{'tran_no':'1','bank_tran_id':'T991234560U%s',%s,'print_content':'teller',"
        "'tran_amt':'%s','req_client_name':'TELLER','req_client_num':'A1','transfer_purpose':'TR'}]}",
        id, payee, amount);
}

const char *kit_result(const char *type, const char *id, const char *date, const char *amount)
{
    return write_body(
        "{'check_type':'%s','tran_dtime':'20261121173000','req_cnt':'1','req_list':[{'tran_no':'1',"
        "'org_bank_tran_id':'T991234560U%s','org_bank_tran_date':'%s','org_tran_amt':'%s'}]}",
        type, id, date, amount);
}

#define OURS "{'SchemeName':'UK.OBIE.IBAN','Identification':'OURS','Name':'Teller'}"

static void write_initiation(char out[1024], const char *payee, const char *amount, const char *currency)
{
    snprintf(out, 1024,
             "'Initiation':{'InstructionIdentification':'i-1','EndToEndIdentification':'e-1',"
             "'InstructedAmount':{'Amount':'%s','Currency':'%s'},'DebtorAccount':" OURS
             ",'CreditorAccount':{'SchemeName':'UK.OBIE.IBAN','Identification':'%s','Name':'Payee'}}",
             amount, currency, payee);
}

const char *kit_consent(const char *payee, const char *amount, const char *currency)
{
    char initiation[1024];
    write_initiation(initiation, payee, amount, currency);
    return write_body("{'Data':{%s},'Risk':{}}", initiation);
}

const char *kit_payment(const char *consent, const char *payee, const char *amount, const char *currency)
{
    char initiation[1024];
    write_initiation(initiation, payee, amount, currency);
    return write_body("{'Data':{'ConsentId':'%s',%s},'Risk':{}}", consent, initiation);
}

const char *kit_vrp(const char *consent, const char *payer, const char *amount, const char *currency)
{
    return write_body(
        "{'Data':{'ConsentId':'%s','PSUAuthenticationMethod':'UK.OBIE.SCANotRequired',"
        "'VRPType':'UK.OBIE.VRPType.Other','Initiation':{'DebtorAccount':{'SchemeName':'UK.OBIE.IBAN',"
        "'Identification':'%s','Name':'Payer'},'CreditorAccount':" OURS "},"
        "'Instruction':{'InstructionIdentification':'i-1','EndToEndIdentification':'e-1',"
        "'InstructedAmount':{'Amount':'%s','Currency':'%s'},'CreditorAccount':" OURS "}},'Risk':{}}",
        consent, payer, amount, currency);
}
