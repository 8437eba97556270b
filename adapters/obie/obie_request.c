/* The requests, by the published schemas: required fields, and what we have to say. Bodies are made of the job and the settings alone:
 * the same bytes each time. */
#include <stdio.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/money.h"
#include "adapters/obie/inside.h"
#include "adapters/rails/request_write.h"

#define API "/open-banking/v4.0/pisp"

/* ---- bodies ----------------------------------------------------------------------------------------- */

static void write_account(struct rail_request *out, const char *key, const struct obie_account *account)
{
    request_open(out, key, '{');
    request_text(out, "SchemeName", account->scheme);
    request_text(out, "Identification", account->identification);
    request_text(out, "Name", account->name);
    request_close(out, '}');
}

static void write_risk(struct rail_request *out)
{
    request_open(out, "Risk", '{');
    request_text(out, "PaymentContextCode", "TransferToThirdParty");
    request_close(out, '}');
}

/* What names the payment, and how much it is. */
static void write_instruction(struct rail_request *out, const struct rail_job *job)
{
    char amount[OBIE_AMOUNT_TEXT], end_to_end[2 * sizeof job->call.remittance.bytes + 1];
    for (size_t i = 0; i < sizeof job->call.remittance.bytes; i++)
        snprintf(end_to_end + 2 * i, 3, "%02x", job->call.remittance.bytes[i]);
    obie_amount(job, amount);
    request_text(out, "InstructionIdentification", job->id);
    request_text(out, "EndToEndIdentification", end_to_end);
    request_open(out, "InstructedAmount", '{');
    request_text(out, "Amount", amount);
    request_text(out, "Currency", currency_at(job->call.currency)->code);
    request_close(out, '}');
}

static void write_memo(struct rail_request *out, const struct rail_job *job)
{
    if (job->call.memo[0] == '\0')
        return;
    request_open(out, "RemittanceInformation", '{');
    request_open(out, "Unstructured", '[');
    request_text(out, NULL, job->call.memo);
    request_close(out, ']');
    request_close(out, '}');
}

static void write_vrp(const struct obie *self, const struct rail_job *job, struct rail_request *out)
{
    struct obie_account payer;
    char consent[RAIL_ID_MAX + 1];
    CHECK(obie_payer_read(job->call.payer, consent, &payer));
    request_open(out, NULL, '{');
    request_open(out, "Data", '{');
    request_text(out, "ConsentId", job->consent);
    request_text(out, "PSUAuthenticationMethod", "UK.OBIE.SCANotRequired");
    request_text(out, "PSUInteractionType", "OffSession");
    request_text(out, "VRPType", self->vrp_type);
    request_open(out, "Initiation", '{');
    write_account(out, "DebtorAccount", &payer);
    write_account(out, "CreditorAccount", &self->account);
    request_close(out, '}');
    request_open(out, "Instruction", '{');
    write_instruction(out, job);
    write_account(out, "CreditorAccount", &self->account);
    write_memo(out, job);
    request_close(out, '}');
    request_close(out, '}');
    write_risk(out);
    request_close(out, '}');
}

/* The consent's body, and the payment's: the bank compares their initiations. consent: NULL: it is the consent's own. */
static void write_payment(const struct obie *self, const struct rail_job *job, const char *consent,
                          struct rail_request *out)
{
    struct obie_account payee;
    char mandate[RAIL_ID_MAX + 1];
    bool is_read = job->call.step == BANK_REFUND ? obie_payer_read(job->call.payer, mandate, &payee)
                                                 : obie_account_read(job->call.payee, &payee);
    CHECK(is_read);
    request_open(out, NULL, '{');
    request_open(out, "Data", '{');
    if (consent != NULL)
        request_text(out, "ConsentId", consent);
    request_open(out, "Initiation", '{');
    write_instruction(out, job);
    write_account(out, "DebtorAccount", &self->account);
    write_account(out, "CreditorAccount", &payee);
    write_memo(out, job);
    request_close(out, '}');
    request_close(out, '}');
    write_risk(out);
    request_close(out, '}');
}

/* ---- headers ---------------------------------------------------------------------------------------- */

/* Another one for each request of each job: of the remittance, the serial, and where the job stands. */
static void write_interaction(struct rail_request *out, const struct rail_job *job)
{
    struct uuid id = job->call.remittance;
    char text[UUID_TEXT_LENGTH + 1];
    for (size_t i = 0; i < 8; i++)
        id.bytes[8 + i] ^= (uint8_t)(job->serial >> 8 * i);
    id.bytes[0] ^= job->phase;
    id.bytes[1] ^= job->stage;
    for (size_t i = 0; i < 4; i++)
        id.bytes[2 + i] ^= (uint8_t)(job->inquiries >> 8 * i);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | 0x80); /* RFC 9562: version 8, of our own making */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80);
    uuid_format(&id, text);
    request_header(out, "x-fapi-interaction-id", text);
}

static void begin(const struct obie *self, const struct rail_job *job, const char *method, const char *path,
                  const char *id, const char *token, struct rail_request *out)
{
    request_begin(out, method, self->base_url, path, id);
    request_bearer(out, token);
    request_header(out, "Accept", "application/json");
    write_interaction(out, job);
    if (self->financial_id[0] != '\0')
        request_header(out, "x-fapi-financial-id", self->financial_id);
}

/* The library fails where there is no memory; a payment without a signature is never sent. */
static void finish_post(const struct obie *self, const char *key, int64_t now_us, struct rail_request *out)
{
    char signature[JWS_TEXT_MAX + 1];
    struct jws_header header = {.issued_at_s = now_us / 1000000};
    snprintf(header.key_id, sizeof header.key_id, "%s", self->key_id);
    snprintf(header.issuer, sizeof header.issuer, "%s", self->issuer);
    snprintf(header.trust_anchor, sizeof header.trust_anchor, "%s", self->trust_anchor);
    CHECK(jws_sign(self->signing_key, &header, out->body, out->length, signature));
    request_header(out, "Content-Type", "application/json");
    request_header(out, "x-idempotency-key", key);
    request_header(out, "x-jws-signature", signature);
}

/* ---- requests --------------------------------------------------------------------------------------- */

static void post_consent(const struct obie *self, const struct rail_job *job, const char *token,
                         int64_t now_us, struct rail_request *out)
{
    char key[RAIL_ID_MAX + 4];
    snprintf(key, sizeof key, "c-%s", job->id);
    begin(self, job, "POST", API "/domestic-payment-consents", NULL, token, out);
    write_payment(self, job, NULL, out);
    finish_post(self, key, now_us, out);
}

static void post_payment(const struct obie *self, const struct rail_job *job, const char *token,
                         int64_t now_us, struct rail_request *out)
{
    bool is_pull = job->call.step == BANK_PULL;
    begin(self, job, "POST", is_pull ? API "/domestic-vrps" : API "/domestic-payments", NULL, token, out);
    if (is_pull)
        write_vrp(self, job, out);
    else
        write_payment(self, job, job->consent, out);
    finish_post(self, job->id, now_us, out);
}

static void get(const struct obie *self, const struct rail_job *job, const char *what, const char *id,
                const char *token, struct rail_request *out)
{
    begin(self, job, "GET", what, id, token, out);
}

static void inquire(const struct obie *self, const struct rail_job *job, const char *token, int64_t now_us,
                    struct rail_request *out)
{
    bool is_pull = job->call.step == BANK_PULL;
    if (job->resource[0] != '\0')
        get(self, job, is_pull ? API "/domestic-vrps" : API "/domestic-payments", job->resource, token, out);
    else if (obie_posts_again(job, now_us))
        post_payment(self, job, token, now_us, out);
    else
        get(self, job, is_pull ? API "/domestic-vrp-consents" : API "/domestic-payment-consents",
            job->consent, token, out);
}

void obie_ask(void *own, const struct rail_job *job, const char *token, int64_t now_us,
              struct rail_request *out)
{
    const struct obie *self = own;
    token = token != NULL ? token : "";
    if (job->phase == RAIL_INQUIRE)
        inquire(self, job, token, now_us, out);
    else if (job->phase == RAIL_PAY)
        post_payment(self, job, token, now_us, out);
    else if (job->stage == OBIE_PREPARE_CREATE)
        post_consent(self, job, token, now_us, out);
    else
        get(self, job, API "/domestic-payment-consents", job->consent, token, out);
}
