/* What replies mean.
 *
 * A payment is done where rsp_code is A0000 and bank_rsp_code is 000, and the id and the amount are ours. It is refused where a code of
 * the table says so. Everything else is unknown, and asked about. An inquiry is judged by its item: the codes around it are the inquiry's own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/base/mark.h"
#include "adapters/kftc/inside.h"
#include "adapters/rails/reply_read.h"

enum { CODE_MAX = 8, MESSAGE_MAX = 400 };

/* The codes of a reply, and where its details stand: in itself, or in its one item. */
struct codes {
    const char *api, *api_words, *bank, *bank_words; /* bank: NULL: none */
    const json_t *item;                              /* NULL: none */
};

static const char *words(const json_t *object, const char *key)
{
    const char *text = reply_text(object, key, MESSAGE_MAX);
    return text != NULL ? text : "";
}

static bool read_codes(const json_t *reply, bool has_list, struct codes *out)
{
    const json_t *list = json_object_get(reply, "res_list");
    *out = (struct codes){.api = reply_id(reply, "rsp_code", CODE_MAX),
                          .api_words = words(reply, "rsp_message")};
    out->item = !has_list ? reply : json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
    if (out->item != NULL) {
        out->bank = reply_id(out->item, "bank_rsp_code", CODE_MAX);
        out->bank_words = words(out->item, "bank_rsp_message");
    }
    return out->api != NULL;
}

/* true: the item's id and, where it has to be there, its amount are those of the job. */
static bool is_ours(const struct rail_job *job, const json_t *item, bool with_amount)
{
    char amount[24];
    const char *id = reply_text(item, "bank_tran_id", KFTC_TRAN_ID);
    const char *told = reply_text(item, "tran_amt", 20);
    snprintf(amount, sizeof amount, "%" PRId64, job->call.amount);
    return id != NULL && strcmp(id, job->id) == 0 &&
           (told != NULL ? strcmp(told, amount) == 0 : !with_amount);
}

/* true: it says whose it is, and that is not ours. What is refused early may not say. */
static bool is_anothers(const struct rail_job *job, const json_t *item)
{
    const json_t *id = json_object_get(item, "bank_tran_id");
    if (!json_is_string(id))
        return id != NULL && !json_is_null(id);
    return json_string_length(id) > 0 && strcmp(json_string_value(id), job->id) != 0;
}

/* ---- verdicts --------------------------------------------------------------------------------------- */

static void refuse(struct rail_verdict *out, enum kftc_meaning meaning, const char *code, const char *why)
{
    verdict_set(out, RAIL_FAILED, "%s %s", code, why);
    out->is_permanent = meaning == KFTC_REFUSED_FOR_GOOD;
}

/* Its day as the bank has it, by which it is asked about; its id there. */
static void keep_reference(struct rail_job *job, const json_t *reply, const json_t *item)
{
    const char *date = reply_text(item, "bank_tran_date", 8);
    const char *api_id = reply_id(reply, "api_tran_id", KFTC_API_ID_MAX);
    if (date != NULL && strlen(date) == 8 && strspn(date, "0123456789") == 8)
        memcpy(job->date, date, 9);
    if (job->resource[0] == '\0' && job->phase == RAIL_PAY && api_id != NULL)
        memcpy(job->resource, api_id, strlen(api_id) + 1);
}

static void succeed(struct rail_job *job, struct rail_verdict *out)
{
    if (job->resource[0] == '\0')
        memcpy(job->resource, job->id, KFTC_TRAN_ID + 1);
    verdict_set(out, RAIL_SUCCEEDED, "%s", "");
}

/* By the bank's code. */
static void judge(struct rail_job *job, const json_t *reply, const struct codes *codes, bool is_done,
                  struct rail_verdict *out)
{
    enum kftc_meaning meaning = codes->bank != NULL ? kftc_bank_meaning(codes->bank) : KFTC_UNDECIDED;
    bool is_refused = meaning == KFTC_REFUSED || meaning == KFTC_REFUSED_FOR_GOOD;
    verdict_set(out, RAIL_UNKNOWN, "%s %s %s", codes->api, codes->bank != NULL ? codes->bank : "",
                codes->bank != NULL && codes->bank[0] != '\0' ? codes->bank_words : codes->api_words);
    if ((meaning == KFTC_DONE || is_refused) && !is_ours(job, codes->item, meaning == KFTC_DONE)) {
        MARK("a kftc reply is about another payment, or another amount");
        verdict_trouble(out, "%s: the reply's id or amount is not ours", codes->bank);
        return;
    }
    if (is_refused)
        refuse(out, meaning, codes->bank, codes->bank_words);
    if (meaning != KFTC_DONE)
        return;
    keep_reference(job, reply, codes->item);
    if (is_done)
        succeed(job, out);
}

/* ---- phases ----------------------------------------------------------------------------------------- */

static void answer_payment(struct rail_job *job, const json_t *reply, struct rail_verdict *out)
{
    struct codes codes;
    if (!read_codes(reply, job->call.step != BANK_PULL, &codes)) {
        verdict_trouble(out, "a reply without rsp_code");
        return;
    }
    enum kftc_meaning meaning = kftc_api_meaning(codes.api);
    if (meaning == KFTC_BAD_TOKEN)
        verdict_set(out, RAIL_NO_TOKEN, "%s %s", codes.api, codes.api_words);
    else if (is_anothers(job, codes.item))
        verdict_trouble(out, "%s: the reply's id is not ours", codes.api);
    else if (meaning == KFTC_REFUSED || meaning == KFTC_REFUSED_FOR_GOOD)
        refuse(out, meaning, codes.api, codes.api_words);
    else if (meaning == KFTC_DONE || meaning == KFTC_DEEPER)
        judge(job, reply, &codes, meaning == KFTC_DONE, out);
    else
        verdict_set(out, RAIL_UNKNOWN, "%s %s", codes.api, codes.api_words);
}

/* Not found by this day: by the next one. Only when no day has it, it is not found. */
static void next_date(struct rail_job *job, int64_t now_us, struct rail_verdict *out)
{
    char dates[KFTC_DATES_MAX][9];
    if (job->stage + 1u < kftc_dates(job, now_us, dates)) {
        MARK("a kftc inquiry asks by the other day");
        job->stage++;
        verdict_set(out, RAIL_GO_ON, "701");
        return;
    }
    job->stage = 0;
    verdict_set(out, RAIL_NOT_FOUND, "701: the bank knows nothing of it");
}

/* Without an item there is no id that could be another. */
static void not_found(struct rail_job *job, const struct codes *codes, int64_t now_us,
                      struct rail_verdict *out)
{
    if (is_anothers(job, codes->item)) {
        MARK("a kftc bank does not find what was not asked for");
        verdict_trouble(out, "701: the reply's id is not ours");
        return;
    }
    next_date(job, now_us, out);
}

static void answer_inquiry(struct rail_job *job, const json_t *reply, int64_t now_us,
                           struct rail_verdict *out)
{
    struct codes codes;
    if (!read_codes(reply, true, &codes)) {
        verdict_trouble(out, "a reply without rsp_code");
        return;
    }
    enum kftc_meaning meaning = kftc_api_meaning(codes.api);
    const char *bank = codes.bank != NULL ? codes.bank : words(reply, "bank_rsp_code");
    if (meaning == KFTC_BAD_TOKEN)
        verdict_set(out, RAIL_NO_TOKEN, "%s %s", codes.api, codes.api_words);
    else if (meaning != KFTC_DONE && meaning != KFTC_DEEPER)
        verdict_set(out, RAIL_UNKNOWN, "%s %s", codes.api, codes.api_words);
    else if (kftc_bank_meaning(bank) == KFTC_NOT_FOUND)
        not_found(job, &codes, now_us, out);
    else if (codes.bank != NULL)
        judge(job, reply, &codes, true, out);
    else
        verdict_set(out, RAIL_UNKNOWN, "%s: an inquiry without its item", codes.api);
    if (out->result == RAIL_UNKNOWN)
        job->stage = 0;
}

static const char *trimmed(const char *text, size_t *length)
{
    text += strspn(text, " ");
    *length = strlen(text);
    while (*length > 0 && text[*length - 1] == ' ')
        (*length)--;
    return text;
}

static bool is_same_name(const char *a, const char *b)
{
    size_t a_length, b_length;
    a = trimmed(a, &a_length);
    b = trimmed(b, &b_length);
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

static void compare_name(struct rail_job *job, const json_t *reply, struct rail_verdict *out)
{
    struct kftc_party payee;
    const char *name = reply_text(reply, "account_holder_name", MESSAGE_MAX);
    kftc_party_read(job->call.payee, true, &payee);
    if (!payee.is_fintech && name == NULL) {
        verdict_trouble(out, "a reply without the holder's name");
        return;
    }
    if (!payee.is_fintech && !is_same_name(name, payee.holder)) {
        verdict_set(out, RAIL_FAILED, "the payee's account has another holder");
        out->is_permanent = true;
        return;
    }
    job->phase = RAIL_PAY;
    job->stage = 0;
    verdict_set(out, RAIL_GO_ON, "%s", "");
}

static void answer_payee(struct rail_job *job, const json_t *reply, struct rail_verdict *out)
{
    struct codes codes;
    if (!read_codes(reply, false, &codes)) {
        verdict_trouble(out, "a reply without rsp_code");
        return;
    }
    enum kftc_meaning meaning = kftc_api_meaning(codes.api);
    if (meaning == KFTC_BAD_TOKEN) {
        verdict_set(out, RAIL_NO_TOKEN, "%s %s", codes.api, codes.api_words);
        return;
    }
    const char *code = codes.api, *why = codes.api_words;
    bool is_bank = (meaning == KFTC_DONE || meaning == KFTC_DEEPER) && codes.bank != NULL;
    bool is_done = meaning == KFTC_DONE;
    if (is_bank) {
        code = codes.bank;
        why = codes.bank_words;
        meaning = kftc_bank_meaning(code);
    }
    if (meaning == KFTC_DONE && is_bank && is_done)
        compare_name(job, reply, out);
    else if (meaning == KFTC_REFUSED || meaning == KFTC_REFUSED_FOR_GOOD)
        refuse(out, meaning, code, why);
    else
        verdict_set(out, RAIL_UNKNOWN, "%s %s", code, why);
}

void kftc_answer(void *own, struct rail_job *job, const struct rail_reply *reply, int64_t now_us,
                 struct rail_verdict *out)
{
    (void)own;
    if (reply_is_none(job, reply, out))
        return;
    if (reply->status == 401) {
        verdict_set(out, RAIL_NO_TOKEN, "HTTP 401");
        return;
    }
    json_t *object = reply->status == 200 ? reply_object(reply) : NULL;
    if (reply->status != 200)
        verdict_trouble(out, "HTTP %ld", reply->status);
    else if (object == NULL)
        verdict_trouble(out, "a reply that is not understood");
    else if (job->phase == RAIL_PREPARE)
        answer_payee(job, object, out);
    else if (job->phase == RAIL_PAY)
        answer_payment(job, object, out);
    else
        answer_inquiry(job, object, now_us, out);
    json_decref(object);
}
