/* What replies mean.
 *
 * A payment is what its status says, where the reply is about our payment: its consent, our instruction's id, the amount and the currency. A
 * refusal at the first POST needs an error that the specification has. Where the payment's id was lost, a refusal of the POST that is sent again is the
 * payment's only by a reason that is about the payment; else the consent is looked at. */
#include <string.h>

#include "actors/base/mark.h"
#include "actors/base/money.h"
#include "adapters/obie/inside.h"
#include "adapters/rails/reply_read.h"

enum { REASON_MAX = 40, WORDS_MAX = 500 };

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* ---- what a reply is about -------------------------------------------------------------------------- */

static bool is_amount(const struct rail_job *job, const json_t *parent)
{
    const json_t *told = json_object_get(parent, "InstructedAmount");
    const char *amount = reply_text(told, "Amount", 20), *currency = reply_text(told, "Currency", 3);
    int64_t minor;
    return amount != NULL && currency != NULL &&
           strcmp(currency, currency_at(job->call.currency)->code) == 0 &&
           money_parse(str_from(amount), 2, &minor) == ERR_OK && minor == job->call.amount;
}

static bool is_instruction(const struct rail_job *job, const json_t *parent)
{
    const char *id = reply_text(parent, "InstructionIdentification", RAIL_ID_MAX);
    return id != NULL && strcmp(id, job->id) == 0 && is_amount(job, parent);
}

static bool is_consent(const struct rail_job *job, const json_t *data)
{
    const char *id = reply_text(data, "ConsentId", RAIL_ID_MAX);
    return id != NULL && strcmp(id, job->consent) == 0;
}

/* ---- refusals --------------------------------------------------------------------------------------- */

/* The first error of an OBErrorResponse; "" where there is none. In 4.0 the list is Errors, with ErrorCode and Message. */
static const char *error_of(const json_t *reply, const char **why)
{
    const json_t *error = json_array_get(json_object_get(reply, "Errors"), 0);
    const char *code = reply_id(error, "ErrorCode", REASON_MAX);
    *why = or_empty(reply_text(error, "Message", WORDS_MAX));
    return or_empty(code);
}

static const char *reason_of(const json_t *data, const char **why)
{
    const json_t *reason = json_array_get(json_object_get(data, "StatusReason"), 0);
    *why = or_empty(reply_text(reason, "StatusReasonDescription", WORDS_MAX));
    return or_empty(reply_id(reason, "StatusReasonCode", REASON_MAX));
}

static void refuse(struct rail_verdict *out, const char *what, const char *code, const char *why,
                   bool is_permanent)
{
    verdict_set(out, RAIL_FAILED, "%s %s %s", what, code, why);
    out->is_permanent = is_permanent;
}

/* The payment's id may be what is wrong: then asking by it never ends. The POST, which is sent again, tells it anew. */
static void forget_id(struct rail_job *job, int64_t now_us)
{
    if (job->phase != RAIL_INQUIRE || job->resource[0] == '\0' || !obie_posts_again(job, now_us))
        return;
    MARK("an obie payment's id is asked for anew");
    job->resource[0] = '\0';
}

/* Not of the payment: somebody on the way gave up waiting for it, or an earlier one of the same key is still worked on. */
static bool is_of_the_way(long status)
{
    return status == 408 || status == 409 || status == 425 || status == 499;
}

/* A 4xx. What is wrong with the request stays wrong; a balance does not. */
static void answer_error(struct rail_job *job, const struct rail_reply *reply, const json_t *object,
                         int64_t now_us, struct rail_verdict *out)
{
    const char *why, *code = error_of(object, &why);
    bool is_permanent = obie_is_permanent(code, reply->status == 400);
    bool is_asking = job->phase == RAIL_INQUIRE;
    if (job->phase == RAIL_PREPARE ||
        (job->phase == RAIL_PAY && code[0] != '\0' && !is_of_the_way(reply->status))) {
        verdict_set(out, RAIL_FAILED, "HTTP %ld %s %s", reply->status, code, why);
        out->is_permanent = is_permanent;
        return;
    }
    verdict_set(out, RAIL_UNKNOWN, "HTTP %ld %s %s", reply->status, code, why);
    if (is_asking && job->resource[0] != '\0') {
        if (code[0] != '\0')
            forget_id(job, now_us);
        return;
    }
    if (!is_asking || !obie_posts_again(job, now_us))
        return;
    if (obie_is_of_payment(code) && !is_of_the_way(reply->status)) {
        refuse(out, "refused:", code, why, is_permanent);
        return;
    }
    MARK("an obie payment is refused when it is sent again: the consent is looked at");
    if (job->call.step != BANK_PULL) {
        job->stage = OBIE_INQUIRE_CONSENT;
        out->result = RAIL_GO_ON;
    }
}

/* ---- consents --------------------------------------------------------------------------------------- */

static void refuse_consent(const json_t *data, struct rail_verdict *out)
{
    const char *why, *code = reason_of(data, &why);
    refuse(out, "consent RJCT", code, why, obie_is_permanent(code, true));
}

static void answer_preparing(struct rail_job *job, const json_t *data, struct rail_verdict *out)
{
    const char *id = reply_id(data, "ConsentId", RAIL_ID_MAX);
    const char *status = or_empty(reply_text(data, "Status", 8));
    bool is_first = job->stage == OBIE_PREPARE_CREATE;
    if (id == NULL || (!is_first && strcmp(id, job->consent) != 0) ||
        !is_instruction(job, json_object_get(data, "Initiation"))) {
        verdict_trouble(out, "a consent that is not the one we asked for");
        return;
    }
    if (strcmp(status, "RJCT") == 0) {
        refuse_consent(data, out);
        return;
    }
    verdict_set(out, RAIL_GO_ON, "consent %s", status);
    memcpy(job->consent, id, strlen(id) + 1);
    if (strcmp(status, "AUTH") == 0) {
        job->phase = RAIL_PAY;
        job->stage = 0;
    } else if (strcmp(status, "AWAU") == 0) {
        MARK("an obie consent waits for its authorisation");
        out->result = is_first ? RAIL_GO_ON : RAIL_UNKNOWN;
        job->stage = OBIE_PREPARE_WAIT;
    } else if (strcmp(status, "COND") == 0) {
        refuse(out, "consent COND", "", "it was used before", false);
    } else {
        verdict_trouble(out, "consent %s: no such status", status);
    }
}

/* The payment's id was lost: has the consent been used? A mandate is never used up, so it tells nothing. */
static void answer_lost(struct rail_job *job, const json_t *data, struct rail_verdict *out)
{
    const char *status = or_empty(reply_text(data, "Status", 8));
    job->stage = OBIE_INQUIRE_PAYMENT;
    if (!is_consent(job, data))
        verdict_trouble(out, "a consent that is not ours");
    else if (job->call.step == BANK_PULL)
        verdict_set(out, RAIL_UNKNOWN, "the payment's id was lost: the bank has to be asked by other means");
    else if (strcmp(status, "AUTH") == 0)
        verdict_set(out, RAIL_NOT_FOUND, "consent AUTH: no payment was made under it");
    else if (strcmp(status, "RJCT") == 0)
        refuse_consent(data, out);
    else
        verdict_set(out, RAIL_UNKNOWN, "consent %s", status);
}

/* ---- payments --------------------------------------------------------------------------------------- */

static void judge(struct rail_job *job, const json_t *data, const char *status, struct rail_verdict *out)
{
    const char *why, *code = reason_of(data, &why);
    enum obie_meaning meaning = obie_status(status);
    bool is_done = meaning == OBIE_CREDITED || (meaning == OBIE_DEBITED && job->call.step != BANK_PULL);
    if (meaning == OBIE_REFUSED)
        refuse(out, status, code, why, obie_is_permanent(code, false));
    else
        verdict_set(out, is_done ? RAIL_SUCCEEDED : RAIL_UNKNOWN, "%s %s %s", status, code, why);
    if (is_done)
        out->reason[0] = '\0';
}

static void answer_payment(struct rail_job *job, const json_t *data, int64_t now_us, struct rail_verdict *out)
{
    bool is_pull = job->call.step == BANK_PULL;
    const char *id = reply_id(data, is_pull ? "DomesticVRPId" : "DomesticPaymentId", OBIE_PAYMENT_ID_MAX);
    const char *status = reply_text(data, "Status", 8);
    if (id == NULL || status == NULL) {
        verdict_trouble(out, "a payment without an id or a status");
        return;
    }
    if (!is_consent(job, data) || (job->resource[0] != '\0' && strcmp(id, job->resource) != 0) ||
        !is_instruction(job, json_object_get(data, is_pull ? "Instruction" : "Initiation"))) {
        MARK("an obie reply is about another payment, or another amount");
        verdict_trouble(out, "the reply's id, amount or currency is not ours");
        forget_id(job, now_us);
        return;
    }
    memcpy(job->resource, id, strlen(id) + 1);
    judge(job, data, status, out);
}

/* ---- all -------------------------------------------------------------------------------------------- */

static void answer_object(struct rail_job *job, const struct rail_reply *reply, const json_t *object,
                          int64_t now_us, struct rail_verdict *out)
{
    const json_t *data = json_object_get(object, "Data");
    bool is_payment =
        json_object_get(data, "DomesticVRPId") != NULL || json_object_get(data, "DomesticPaymentId") != NULL;
    if (reply->status >= 400)
        answer_error(job, reply, object, now_us, out);
    else if (!json_is_object(data) || (reply->status != 200 && reply->status != 201))
        verdict_trouble(out, "HTTP %ld: a reply that is not understood", reply->status);
    else if (job->phase == RAIL_PREPARE)
        answer_preparing(job, data, out);
    else if (job->phase == RAIL_INQUIRE && job->resource[0] == '\0' && !is_payment &&
             !obie_posts_again(job, now_us))
        answer_lost(job, data, out);
    else
        answer_payment(job, data, now_us, out);
}

static bool is_signed_well(const struct obie *self, const struct rail_reply *reply, int64_t now_us)
{
    struct jws_header header;
    if (self->bank_key == NULL || reply->signature == NULL)
        return true;
    return jws_verify(self->bank_key, reply->signature, reply->body, reply->length, &header) &&
           header.issued_at_s <= now_us / 1000000 + OBIE_EVENT_WINDOW_S;
}

void obie_answer(void *own, struct rail_job *job, const struct rail_reply *reply, int64_t now_us,
                 struct rail_verdict *out)
{
    const struct obie *self = own;
    if (reply_is_none(job, reply, out))
        return;
    if (reply->status == 401) {
        verdict_set(out, RAIL_NO_TOKEN, "HTTP 401");
        return;
    }
    if (!is_signed_well(self, reply, now_us)) {
        MARK("an obie reply has a bad signature");
        verdict_trouble(out, "the reply's signature is wrong");
        return;
    }
    json_t *object = reply_object(reply);
    if (object != NULL || reply->status >= 400)
        answer_object(job, reply, object, now_us, out);
    else
        verdict_trouble(out, "a reply that is not understood");
    json_decref(object);
}
