/* The requests, by the published field lists. Money is written as whole won, in a text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adapters/kftc/inside.h"
#include "adapters/rails/request_write.h"

/* As much of the text as a statement has columns. */
static struct str printable(const char *text)
{
    uint32_t columns = 0, at = 0;
    while (text[at] != '\0') {
        uint32_t end = at + 1;
        while (((uint8_t)text[end] & 0xC0) == 0x80)
            end++;
        columns += (uint8_t)text[at] < 0x80 ? 1 : 2;
        if (columns > KFTC_PRINT_MAX)
            break;
        at = end;
    }
    return (struct str){text, at};
}

static void print(struct rail_request *out, const char *key, const struct kftc *self,
                  const struct rail_job *job)
{
    request_str(out, key, printable(job->call.memo[0] != '\0' ? job->call.memo : self->account_name));
}

static void write_amount(struct rail_request *out, const char *key, const struct rail_job *job)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, job->call.amount);
    request_text(out, key, text);
}

/* The customer for whom we ask is the payer, in all steps. His number with us is made of the remittance: 20 capital letters and digits. */
static void write_client(struct rail_request *out, const struct kftc *self, const struct rail_job *job)
{
    char number[21];
    for (int i = 0; i < 10; i++)
        snprintf(number + 2 * i, 3, "%02X", job->call.remittance.bytes[i]);
    request_str(out, "req_client_name", printable(self->account_name));
    request_text(out, "req_client_fintech_use_num", job->call.payer);
    request_text(out, "req_client_num", number);
}

static void write_ours(struct rail_request *out, const struct kftc *self)
{
    request_text(out, "cntr_account_type", "N");
    request_text(out, "cntr_account_num", self->account_num);
}

static void write_now(struct rail_request *out, int64_t now_us)
{
    char time[15];
    kftc_time(now_us, time);
    request_text(out, "tran_dtime", time);
}

static void begin(const struct kftc *self, const char *path, const char *token, struct rail_request *out)
{
    request_begin(out, "POST", self->base_url, path, NULL);
    request_bearer(out, token);
    request_header(out, "Content-Type", "application/json; charset=UTF-8");
    request_open(out, NULL, '{');
}

/* ---- payee ------------------------------------------------------------------------------------------ */

static void write_payee(struct rail_request *out, const struct kftc_party *payee)
{
    if (payee->is_fintech) {
        request_text(out, "fintech_use_num", payee->fintech_use_num);
        return;
    }
    request_text(out, "bank_code_std", payee->bank);
    request_text(out, "account_num", payee->account);
}

/* A look at a payee is a transaction with an id of its own, another one each time: Z, the time of day in twentieths of a second, and the end
 * of the serial. A payment's id begins with Z after 35 × 36^8 payments. */
static void write_look_id(const struct rail_job *job, int64_t now_us, char out[KFTC_TRAN_ID + 1])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    uint64_t parts[2] = {job->serial, (uint64_t)(now_us / 50000) % (86400 * 20)};
    memcpy(out, job->id, KFTC_TRAN_ID + 1);
    char *at = out + KFTC_TRAN_ID;
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < 4; i++, parts[part] /= 36)
            *--at = digits[parts[part] % 36];
    *--at = 'Z';
}

static void ask_payee(const struct kftc *self, const struct rail_job *job, const char *token, int64_t now_us,
                      struct rail_request *out)
{
    char id[KFTC_TRAN_ID + 1];
    struct kftc_party payee;
    kftc_party_read(job->call.payee, true, &payee);
    write_look_id(job, now_us, id);
    begin(self, "/v2.0/inquiry/receive", token, out);
    request_text(out, "bank_tran_id", id);
    write_ours(out, self);
    write_payee(out, &payee);
    print(out, "print_content", self, job);
    write_amount(out, "tran_amt", job);
    write_client(out, self, job);
    request_text(out, "transfer_purpose", "TR");
    request_close(out, '}');
}

/* ---- payments --------------------------------------------------------------------------------------- */

static void ask_withdrawal(const struct kftc *self, const struct rail_job *job, const char *token,
                           int64_t now_us, struct rail_request *out)
{
    struct kftc_party payee;
    kftc_party_read(job->call.payee, true, &payee);
    begin(self, "/v2.0/transfer/withdraw/fin_num", token, out);
    request_text(out, "bank_tran_id", job->id);
    write_ours(out, self);
    print(out, "dps_print_content", self, job);
    request_text(out, "fintech_use_num", job->call.payer);
    print(out, "wd_print_content", self, job);
    write_amount(out, "tran_amt", job);
    write_now(out, now_us);
    write_client(out, self, job);
    /* With TR the bank wants to know who has the money in the end; money for a fintech_use_num is a charge of the account here. */
    request_text(out, "transfer_purpose", payee.is_fintech ? "RC" : "TR");
    if (!payee.is_fintech) {
        request_text(out, "recv_client_name", payee.holder);
        request_text(out, "recv_client_bank_code", payee.bank);
        request_text(out, "recv_client_account_num", payee.account);
    }
    request_close(out, '}');
}

static void ask_deposit(const struct kftc *self, const struct rail_job *job, const char *token,
                        int64_t now_us, struct rail_request *out)
{
    struct kftc_party payee;
    kftc_party_read(job->call.step == BANK_REFUND ? job->call.payer : job->call.payee, true, &payee);
    begin(self, payee.is_fintech ? "/v2.0/transfer/deposit/fin_num" : "/v2.0/transfer/deposit/acnt_num",
          token, out);
    write_ours(out, self);
    request_text(out, "wd_pass_phrase", self->pass_phrase);
    print(out, "wd_print_content", self, job);
    request_text(out, "name_check_option", self->name_check);
    write_now(out, now_us);
    request_text(out, "req_cnt", "1");
    request_open(out, "req_list", '[');
    request_open(out, NULL, '{');
    request_text(out, "tran_no", "1");
    request_text(out, "bank_tran_id", job->id);
    write_payee(out, &payee);
    if (!payee.is_fintech)
        request_text(out, "account_holder_name", payee.holder);
    print(out, "print_content", self, job);
    write_amount(out, "tran_amt", job);
    write_client(out, self, job);
    request_text(out, "transfer_purpose", "TR");
    request_close(out, '}');
    request_close(out, ']');
    request_close(out, '}');
}

/* ---- inquiry ---------------------------------------------------------------------------------------- */

static void ask_result(const struct kftc *self, const struct rail_job *job, const char *token, int64_t now_us,
                       struct rail_request *out)
{
    char dates[KFTC_DATES_MAX][9];
    uint32_t count = kftc_dates(job, now_us, dates);
    begin(self, "/v2.0/transfer/result", token, out);
    request_text(out, "check_type", job->call.step == BANK_PULL ? "1" : "2");
    write_now(out, now_us);
    request_text(out, "req_cnt", "1");
    request_open(out, "req_list", '[');
    request_open(out, NULL, '{');
    request_text(out, "tran_no", "1");
    request_text(out, "org_bank_tran_id", job->id);
    request_text(out, "org_bank_tran_date", dates[job->stage < count ? job->stage : 0]);
    write_amount(out, "org_tran_amt", job);
    request_close(out, '}');
    request_close(out, ']');
    request_close(out, '}');
}

void kftc_ask(void *own, const struct rail_job *job, const char *token, int64_t now_us,
              struct rail_request *out)
{
    const struct kftc *self = own;
    if (token == NULL || token[0] == '\0')
        token = self->user_token;
    if (job->phase == RAIL_PREPARE)
        ask_payee(self, job, token, now_us, out);
    else if (job->phase == RAIL_INQUIRE)
        ask_result(self, job, token, now_us, out);
    else if (job->call.step == BANK_PULL)
        ask_withdrawal(self, job, token, now_us, out);
    else
        ask_deposit(self, job, token, now_us, out);
}
