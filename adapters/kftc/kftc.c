#include "adapters/kftc/kftc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/date.h"
#include "actors/base/money.h"
#include "actors/base/text.h"
#include "adapters/kftc/inside.h"
#include "adapters/rails/reply_read.h"
#include "adapters/rails/request_write.h"
#include "adapters/rails/setting.h"

enum { KOREA_S = 9 * 3600 };
#define MIDNIGHT_US (INT64_C(3600) * 1000000) /* so near to midnight the bank's day may be the other one */
#define DAY_US (24 * MIDNIGHT_US)

#define PLACE(field) offsetof(struct kftc, field)

static const struct setting table[] = {
    {"client_id", SETTING_WORD, 1, 128, true, "", PLACE(client_id)},
    {"client_secret", SETTING_WORD, 1, 256, true, "", PLACE(client_secret)},
    {"institution", SETTING_CODE, KFTC_INSTITUTION, KFTC_INSTITUTION, true, "", PLACE(institution)},
    {"account_num", SETTING_CODE, 1, KFTC_ACCOUNT_MAX, true, "", PLACE(account_num)},
    {"account_name", SETTING_TEXT, 1, KFTC_NAME_MAX, true, "", PLACE(account_name)},
    {"user_token", SETTING_WORD, 1, REPLY_TOKEN_MAX, false, "", PLACE(user_token)},
    {"pass_phrase", SETTING_WORD, 1, 128, false, "NONE", PLACE(pass_phrase)},
    {"name_check", SETTING_SWITCH, 2, 3, false, "on", PLACE(name_check)},
    {"payee_check", SETTING_SWITCH, 2, 3, false, "on", PLACE(payee_check)},
    {"callback_secret", SETTING_WORD, 16, 256, false, "", SETTING_NOWHERE},
};

static void *kftc_open(const struct rail_settings *settings, char *why)
{
    struct kftc *self = calloc(1, sizeof *self);
    if (self == NULL) {
        snprintf(why, SETTING_WHY, "no memory");
        return NULL;
    }
    if (!settings_read(settings, table, sizeof table / sizeof *table, self, why)) {
        free(self);
        return NULL;
    }
    self->base_url = settings->base_url;
    self->checks_payee = strcmp(self->payee_check, "on") == 0;
    return self;
}

/* Secrets stand in the settings, which the caller wipes: here are pointers to them only. */
static void kftc_close(void *own)
{
    struct kftc *self = own;
    if (self == NULL)
        return;
    *self = (struct kftc){0};
    free(self);
}

/* ---- parties, days ---------------------------------------------------------------------------------- */

static bool is_digits(const char *text, size_t length)
{
    return strspn(text, "0123456789") >= length;
}

static bool read_account(const char *text, struct kftc_party *out)
{
    const char *account = text + 4, *colon = strlen(text) > 4 ? strchr(account, ':') : NULL;
    size_t length = colon != NULL ? (size_t)(colon - account) : 0,
           name = colon != NULL ? strlen(colon + 1) : 0;
    if (!is_digits(text, 3) || text[3] != ':' || length == 0 || length > KFTC_ACCOUNT_MAX ||
        !is_digits(account, length) || name == 0 || name > KFTC_NAME_MAX || !text_is_clean(str_from(text)))
        return false;
    memcpy(out->bank, text, 3);
    memcpy(out->account, account, length);
    memcpy(out->holder, colon + 1, name);
    return true;
}

bool kftc_party_read(const char *text, bool may_be_account, struct kftc_party *out)
{
    *out = (struct kftc_party){0};
    if (strlen(text) == KFTC_FINTECH && is_digits(text, KFTC_FINTECH)) {
        out->is_fintech = true;
        memcpy(out->fintech_use_num, text, KFTC_FINTECH);
        return true;
    }
    return may_be_account && read_account(text, out);
}

static void write_day(int32_t day, char out[9])
{
    char text[DATE_TEXT_MAX];
    date_format(day, text);
    memcpy(out, text, 4);
    memcpy(out + 4, text + 5, 2);
    memcpy(out + 6, text + 8, 3);
}

void kftc_date(int64_t time_us, char out[9])
{
    write_day(date_of_time(time_us, KOREA_S), out);
}

void kftc_time(int64_t time_us, char out[15])
{
    int64_t second = (time_us / 1000000 + KOREA_S) % 86400;
    kftc_date(time_us, out);
    snprintf(out + 8, 7, "%02u%02u%02u", (unsigned)(second / 3600) % 24, (unsigned)(second / 60 % 60),
             (unsigned)(second % 60));
}

static void add_date(const char *date, char out[KFTC_DATES_MAX][9], uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(out[i], date) == 0)
            return;
    memcpy(out[(*count)++], date, 9);
}

uint32_t kftc_dates(const struct rail_job *job, int64_t now_us, char out[KFTC_DATES_MAX][9])
{
    char sent[9], date[9];
    uint32_t count = 0;
    int64_t sent_us = job->sent_us != 0 ? job->sent_us : job->call.called_us;
    kftc_date(sent_us, sent);
    add_date(sent, out, &count);
    kftc_date(sent_us + MIDNIGHT_US, date);
    add_date(date, out, &count);
    kftc_date(sent_us - DAY_US, date);
    add_date(date, out, &count);
    if (job->date[0] != '\0')
        add_date(job->date, out, &count);
    kftc_date(now_us + MIDNIGHT_US, date);
    if (strcmp(date, sent) > 0 && count < KFTC_DATES_MAX) {
        kftc_date(sent_us + DAY_US, date);
        add_date(date, out, &count);
    }
    return count;
}

/* ---- jobs ------------------------------------------------------------------------------------------- */

static bool refuse(struct rail_verdict *verdict, const char *why)
{
    verdict_set(verdict, RAIL_FAILED, "%s", why);
    verdict->is_permanent = true;
    return false;
}

static void write_serial(uint64_t serial, char out[KFTC_SERIAL_DIGITS])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int i = KFTC_SERIAL_DIGITS - 1; i >= 0; i--, serial /= 36)
        out[i] = digits[serial % 36];
}

static bool kftc_name_job(void *own, struct rail_job *job, int64_t now_us, struct rail_verdict *verdict)
{
    const struct kftc *self = own;
    struct kftc_party party;
    int64_t most = 1;
    for (int i = 0; i < KFTC_AMOUNT_DIGITS; i++)
        most *= 10;
    if (strcmp(currency_at(job->call.currency)->code, "KRW") != 0)
        return refuse(verdict, "this bank moves won only");
    if (job->call.amount >= most)
        return refuse(verdict, "the amount is more than this bank moves at once");
    if (!kftc_party_read(job->call.payer, false, &party))
        return refuse(verdict, "the payer is no fintech_use_num");
    if (!kftc_party_read(job->call.payee, true, &party))
        return refuse(verdict, "the payee is no fintech_use_num and no BBB:ACCOUNT:HOLDER");
    if (!text_is_clean(str_from(job->call.memo)))
        return refuse(verdict, "the memo cannot be printed");
    memcpy(job->id, self->institution, KFTC_INSTITUTION);
    job->id[KFTC_INSTITUTION] = 'U';
    write_serial(job->serial, job->id + KFTC_INSTITUTION + 1);
    job->id[KFTC_TRAN_ID] = '\0';
    kftc_date(now_us, job->date);
    job->phase = job->call.step == BANK_PUSH && self->checks_payee ? RAIL_PREPARE : RAIL_PAY;
    job->stage = 0;
    return true;
}

static bool kftc_knows(void *own, const struct rail_job *job)
{
    const struct kftc *self = own;
    struct kftc_party party;
    return strlen(job->id) == KFTC_TRAN_ID && memcmp(job->id, self->institution, KFTC_INSTITUTION) == 0 &&
           job->id[KFTC_INSTITUTION] == 'U' && kftc_party_read(job->call.payer, false, &party) &&
           kftc_party_read(job->call.payee, true, &party);
}

/* ---- tokens ----------------------------------------------------------------------------------------- */

/* A payer's account may need a token of its owner: then it is in the settings, and teller does not renew it. */
static int kftc_token_of(void *own, const struct rail_job *job)
{
    const struct kftc *self = own;
    return job->phase == RAIL_PAY && job->call.step == BANK_PULL && self->user_token[0] != '\0' ? -1 : 0;
}

static void kftc_token_ask(void *own, uint32_t token, int64_t now_us, struct rail_request *out)
{
    const struct kftc *self = own;
    (void)token, (void)now_us;
    request_begin(out, "POST", self->base_url, "/oauth/2.0/token", NULL);
    request_header(out, "Content-Type", "application/x-www-form-urlencoded; charset=UTF-8");
    request_form(out, "client_id", self->client_id);
    request_form(out, "client_secret", self->client_secret);
    request_form(out, "scope", "oob");
    request_form(out, "grant_type", "client_credentials");
}

static bool kftc_token_answer(void *own, uint32_t token, const struct rail_reply *reply, int64_t now_us,
                              struct rail_token *out, char *why)
{
    (void)own, (void)token;
    return reply_token(reply, "rsp_code", now_us, out, why);
}

const struct rail RAIL_KFTC = {
    .name = "kftc",
    .token_count = 1,
    .repeatable_us = 0,
    .open = kftc_open,
    .close = kftc_close,
    .name_job = kftc_name_job,
    .knows = kftc_knows,
    .token_of = kftc_token_of,
    .token_ask = kftc_token_ask,
    .token_answer = kftc_token_answer,
    .ask = kftc_ask,
    .answer = kftc_answer,
    .callback = NULL,
};
