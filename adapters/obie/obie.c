#include "adapters/obie/obie.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/money.h"
#include "actors/base/text.h"
#include "adapters/obie/inside.h"
#include "adapters/rails/reply_read.h"
#include "adapters/rails/request_write.h"
#include "adapters/rails/setting.h"

enum { PEM_MAX = 16384, NAME_MAX = 200 };

#define PLACE(field) offsetof(struct obie, field)

static const struct setting table[] = {
    {"client_id", SETTING_WORD, 1, 128, true, "", PLACE(client_id)},
    {"client_secret", SETTING_WORD, 1, 256, true, "", PLACE(client_secret)},
    {"issuer", SETTING_TEXT, 1, NAME_MAX, true, "", PLACE(issuer)},
    {"key_id", SETTING_WORD, 1, NAME_MAX, true, "", PLACE(key_id)},
    {"signing_key", SETTING_PEM, 1, PEM_MAX, true, "", PLACE(signing_pem)},
    {"account", SETTING_TEXT, 1, BANK_PARTY_MAX, true, "", PLACE(account_text)},
    {"financial_id", SETTING_WORD, 1, 128, false, "", PLACE(financial_id)},
    {"bank_key", SETTING_PEM, 1, PEM_MAX, false, "", PLACE(bank_pem)},
    {"bank_issuer", SETTING_TEXT, 1, NAME_MAX, false, "", PLACE(bank_issuer)},
    {"audience", SETTING_TEXT, 1, NAME_MAX, false, "", PLACE(audience)},
    {"trust_anchor", SETTING_WORD, 1, NAME_MAX, false, "openbanking.org.uk", PLACE(trust_anchor)},
    {"vrp_type", SETTING_WORD, 1, 64, false, "UK.OBIE.VRPType.Other", PLACE(vrp_type)},
    {"callback_secret", SETTING_WORD, 16, 256, false, "", SETTING_NOWHERE},
};

/* Secrets stand in the settings, which the caller wipes, and in keys, which are wiped here. */
static void obie_close(void *own)
{
    struct obie *self = own;
    if (self == NULL)
        return;
    jws_key_destroy(&self->signing_key);
    jws_key_destroy(&self->bank_key);
    *self = (struct obie){0};
    free(self);
}

/* A signature's header has to fit into an HTTP header with the longest of keys. */
static bool read_keys(struct obie *self, char *why)
{
    static const char *const bad = "setting %s is no RSA key of 2,048 to 4,096 bits in PEM";
    char signature[JWS_TEXT_MAX + 1];
    struct jws_header header = {.issued_at_s = INT32_MAX};
    self->signing_key = jws_key_private(self->signing_pem);
    if (self->signing_key == NULL)
        return snprintf(why, SETTING_WHY, bad, "signing_key") < 0;
    self->bank_key = self->bank_pem[0] != '\0' ? jws_key_public(self->bank_pem) : NULL;
    if (self->bank_pem[0] != '\0' && self->bank_key == NULL)
        return snprintf(why, SETTING_WHY, bad, "bank_key") < 0;
    snprintf(header.key_id, sizeof header.key_id, "%s", self->key_id);
    snprintf(header.issuer, sizeof header.issuer, "%s", self->issuer);
    snprintf(header.trust_anchor, sizeof header.trust_anchor, "%s", self->trust_anchor);
    if (!jws_sign(self->signing_key, &header, "", 0, signature))
        return snprintf(why, SETTING_WHY, "setting signing_key cannot sign: issuer or key_id is too long") <
               0;
    return true;
}

static bool read_all(struct obie *self, const struct rail_settings *settings, char *why)
{
    if (!settings_read(settings, table, sizeof table / sizeof *table, self, why))
        return false;
    self->base_url = settings->base_url;
    self->bank = settings->bank;
    if (self->audience[0] == '\0')
        self->audience = self->client_id;
    if (!obie_account_read(self->account_text, &self->account))
        return snprintf(why, SETTING_WHY, "setting account is no SCHEME:IDENTIFICATION:NAME") < 0;
    return read_keys(self, why);
}

static void *obie_open(const struct rail_settings *settings, char *why)
{
    struct obie *self = calloc(1, sizeof *self);
    if (self == NULL)
        snprintf(why, SETTING_WHY, "no memory");
    else if (!read_all(self, settings, why)) {
        obie_close(self);
        self = NULL;
    }
    return self;
}

/* ---- jobs ------------------------------------------------------------------------------------------- */

static bool refuse(struct rail_verdict *verdict, const char *why)
{
    verdict_set(verdict, RAIL_FAILED, "%s", why);
    verdict->is_permanent = true;
    return false;
}

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Two banks of ours may be one there, and a store may be lost: so the key is not of the serial alone. */
static void write_id(const struct obie *self, struct rail_job *job)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t number[4];
    uint64_t serial = job->serial, hash = mix(UINT64_C(14695981039346656037), self->bank, strlen(self->bank));
    for (int i = 0; i < 4; i++)
        number[i] = (uint8_t)(job->call.number >> 8 * i);
    hash = mix(hash, job->call.remittance.bytes, sizeof job->call.remittance.bytes);
    hash = mix(hash, number, sizeof number);
    for (int i = OBIE_SERIAL_DIGITS - 1; i >= 0; i--, serial /= 36)
        job->id[i] = digits[serial % 36];
    snprintf(job->id + OBIE_SERIAL_DIGITS, sizeof job->id - OBIE_SERIAL_DIGITS, "-%016llx",
             (unsigned long long)hash);
}

static bool obie_name_job(void *own, struct rail_job *job, int64_t now_us, struct rail_verdict *verdict)
{
    const struct obie *self = own;
    struct obie_account account;
    char consent[RAIL_ID_MAX + 1];
    (void)now_us;
    if (currency_at(job->call.currency)->exponent != 2)
        return refuse(verdict, "this bank moves currencies with two decimals only");
    if (job->call.amount > OBIE_AMOUNT_MAX)
        return refuse(verdict, "the amount is more than this bank can be asked for");
    if (!obie_payer_read(job->call.payer, consent, &account))
        return refuse(verdict, "the payer is no CONSENTID@SCHEME:IDENTIFICATION:NAME");
    if (!obie_account_read(job->call.payee, &account))
        return refuse(verdict, "the payee is no SCHEME:IDENTIFICATION:NAME");
    if (!text_is_clean(str_from(job->call.memo)))
        return refuse(verdict, "the memo cannot be printed");
    write_id(self, job);
    job->phase = job->call.step == BANK_PULL ? RAIL_PAY : RAIL_PREPARE;
    job->stage = 0;
    if (job->call.step == BANK_PULL)
        memcpy(job->consent, consent, sizeof consent);
    return true;
}

static bool obie_knows(void *own, const struct rail_job *job)
{
    const struct obie *self = own;
    struct rail_job named = *job;
    struct obie_account account;
    char consent[RAIL_ID_MAX + 1];
    write_id(self, &named);
    return strcmp(named.id, job->id) == 0 && job->consent[0] != '\0' &&
           obie_payer_read(job->call.payer, consent, &account) &&
           obie_account_read(job->call.payee, &account);
}

void obie_amount(const struct rail_job *job, char out[OBIE_AMOUNT_TEXT])
{
    snprintf(out, OBIE_AMOUNT_TEXT, "%lld.%02d", (long long)(job->call.amount / 100),
             (int)(job->call.amount % 100));
}

bool obie_posts_again(const struct rail_job *job, int64_t now_us)
{
    return job->stage == OBIE_INQUIRE_PAYMENT && now_us - job->sent_us < OBIE_REPEATABLE_US;
}

/* ---- tokens ----------------------------------------------------------------------------------------- */

static int obie_token_of(void *own, const struct rail_job *job)
{
    (void)own, (void)job;
    return 0;
}

static void obie_token_ask(void *own, uint32_t token, int64_t now_us, struct rail_request *out)
{
    const struct obie *self = own;
    (void)token, (void)now_us;
    request_begin(out, "POST", self->base_url, "/token", NULL);
    request_header(out, "Content-Type", "application/x-www-form-urlencoded");
    request_header(out, "Accept", "application/json");
    request_form(out, "grant_type", "client_credentials");
    request_form(out, "scope", "payments");
    request_form(out, "client_id", self->client_id);
    request_form(out, "client_secret", self->client_secret);
}

static bool obie_token_answer(void *own, uint32_t token, const struct rail_reply *reply, int64_t now_us,
                              struct rail_token *out, char *why)
{
    (void)own, (void)token;
    return reply_token(reply, "error", now_us, out, why);
}

const struct rail RAIL_OBIE = {
    .name = "obie",
    .token_count = 1,
    .repeatable_us = OBIE_REPEATABLE_US,
    .open = obie_open,
    .close = obie_close,
    .name_job = obie_name_job,
    .knows = obie_knows,
    .token_of = obie_token_of,
    .token_ask = obie_token_ask,
    .token_answer = obie_token_answer,
    .ask = obie_ask,
    .answer = obie_answer,
    .callback = obie_callback,
};
