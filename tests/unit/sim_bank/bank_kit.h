/* A virtual bank in a test: requests in a line, and what came back. */
#ifndef TELLER_TESTS_BANK_KIT_H
#define TELLER_TESTS_BANK_KIT_H

#include <jansson.h>

#include "sim/bank/inside.h"

/* 2026-11-21 08:30:00 UTC, which is 17:30 in Korea. */
#define KIT_NOW_US INT64_C(1795249800000000)

struct kit {
    struct virtual_bank *bank;
    int64_t now_us;
    char kftc_token[160], obie_token[160]; /* "Bearer …" */
    const char *key;                       /* x-idempotency-key of the next request; NULL: one of its own */
    const char *token;                     /* of the next requests; NULL: the rail's */
    const char *signature, *content_type;
    uint64_t keys;
    struct virtual_reply reply;
    json_t *body; /* of the reply; NULL: no JSON */
};

void kit_open(struct kit *self, const struct virtual_bank_options *options);
void kit_close(struct kit *self); /* the books balance, or the test fails */

/* Paths that begin with /v2.0 go with KFTC's token, others with OBIE's. body NULL: a GET. Returns the status. */
int kit_ask(struct kit *self, const char *path, const char *body);
/* With single quotes for double ones. */
int kit_askf(struct kit *self, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The text at a path of the reply, as "Data.Status" or "res_list.0.bank_rsp_code"; "" where there is none. */
const char *kit_text(const struct kit *self, const char *path);
void kit_rules(struct kit *self, const char *json); /* single quotes, too */

int64_t kit_balance(const struct kit *self, const char *account);
uint64_t kit_entries(const struct kit *self);

/* Whole bodies; what they return is static. id: the last 9 characters of bank_tran_id. */
const char *kit_withdraw(const char *id, const char *fintech_use_num, const char *amount);
const char *kit_deposit(const char *id, const char *payee, const char *amount); /* payee: fields of JSON */
const char *kit_result(const char *type, const char *id, const char *date, const char *amount);
const char *kit_consent(const char *payee, const char *amount, const char *currency);
const char *kit_payment(const char *consent, const char *payee, const char *amount, const char *currency);
const char *kit_vrp(const char *consent, const char *payer, const char *amount, const char *currency);

#define KIT_PAYER "111111111111111111111111"
#define KIT_OURS "cntr:1101230000678"

#endif
