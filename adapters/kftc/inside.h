/* What the files of this rail share. */
#ifndef TELLER_KFTC_INSIDE_H
#define TELLER_KFTC_INSIDE_H

#include "actors/bank/rail.h"

enum {
    KFTC_SERIAL_DIGITS = 9, /* of bank_tran_id, to base 36 */
    KFTC_TRAN_ID = 20,
    KFTC_INSTITUTION = 10,
    KFTC_FINTECH = 24,
    KFTC_AMOUNT_DIGITS = 12,
    KFTC_ACCOUNT_MAX = 16,
    KFTC_NAME_MAX = 60,  /* bytes of a holder's name */
    KFTC_PRINT_MAX = 20, /* columns on a statement; a character outside ASCII takes two */
    KFTC_API_ID_MAX = 40,
    KFTC_DATES_MAX = 4, /* by which an inquiry asks */
};

struct kftc {
    const char *base_url;
    /* settings, of the caller */
    const char *client_id, *client_secret, *institution, *account_num, *account_name, *user_token,
        *pass_phrase, *name_check, *payee_check;
    bool checks_payee;
};

/* A payer or payee. */
struct kftc_party {
    bool is_fintech; /* fintech_use_num; else bank, account, holder */
    char fintech_use_num[KFTC_FINTECH + 1];
    char bank[4], account[KFTC_ACCOUNT_MAX + 1], holder[KFTC_NAME_MAX + 1];
};

/* false: not of that form. */
bool kftc_party_read(const char *text, bool may_be_account, struct kftc_party *out);

/* YYYYMMDD and YYYYMMDDhhmmss of Korea. */
void kftc_date(int64_t time_us, char out[9]);
void kftc_time(int64_t time_us, char out[15]);

/* The days by which the bank may know the payment, the likeliest first; returns how many, 1 .. KFTC_DATES_MAX. An inquiry's stage counts
 * through them. Not our day alone: a clock may have been wrong by hours, and what was let go before midnight may have stood still before it
 * left. Asked by the wrong day only, a bank finds nothing, and the money would move again. The day after is asked once it has come; it
 * is the last, so that a stage means the same day before and after that. */
uint32_t kftc_dates(const struct rail_job *job, int64_t now_us, char out[KFTC_DATES_MAX][9]);

/* What a code says of a payment. */
enum kftc_meaning {
    KFTC_DONE,             /* A0000, 000 */
    KFTC_DEEPER,           /* the bank's code, or the item's, decides */
    KFTC_UNDECIDED,        /* it may have been done: ask */
    KFTC_REFUSED,          /* not done; another try may do */
    KFTC_REFUSED_FOR_GOOD, /* not done; another try would fail as well */
    KFTC_BAD_TOKEN,        /* nothing was looked at */
    KFTC_NOT_FOUND,        /* at an inquiry: nothing is known of it */
};

/* Codes that are in no table are KFTC_UNDECIDED, but for the bank's 411 .. 499, which are refusals. */
enum kftc_meaning kftc_api_meaning(const char *rsp_code);
enum kftc_meaning kftc_bank_meaning(const char *bank_rsp_code);

void kftc_ask(void *own, const struct rail_job *job, const char *token, int64_t now_us,
              struct rail_request *out);
void kftc_answer(void *own, struct rail_job *job, const struct rail_reply *reply, int64_t now_us,
                 struct rail_verdict *out);

#endif
