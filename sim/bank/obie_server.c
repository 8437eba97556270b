/* OBIE Read/Write 4.0, the bank's side: mandates (VRP), consents and payments. obie_inside.h has its other files.
 *
 * Consents are authorised at once, where no rule has them wait (processing) or rejected (refused, code RJCT): the payer of this bank says yes to everything. A mandate that nobody made is one all the same when it is
 * first named. A payment's consent is COND when it has been used; a mandate stays AUTH.
 *
 * Errors are OBErrorResponse1 with the codes of OBExternalStatusReason1Code:
 *
 *     U002 U004 U005    a field is invalid, missing, not expected; U006 U007 a header
 *     U008              not what the consent says; also: the idempotency key came before with another body
 *     U009 U011         the consent is not in a state to be used; no such resource
 *     U010              the body is no JSON
 *     U014              a mandate's limits
 *     U015 U018 U019    the signature is wrong, malformed, missing
 *     U023              a currency that is none
 *     401, 404, 405, 415 have no body
 *
 * What the account's keeper objects to (balance, limits, a closed account) is not an error: the payment is made, and rejected (RJCT with a reason). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/money.h"
#include "sim/bank/obie_inside.h"

#define KEY_LIFE_US (INT64_C(86400) * 1000000)

enum { KEY_MAX = 40, KEY_TEXT_MAX = KEY_MAX + 4 };

struct consent {
    char id[VIRTUAL_ID_MAX + 1];
    char status[5];
    bool is_vrp;
    int64_t made_us, changed_us;
    int64_t wait_us;  /* AWAU by a rule: it is authorised then; INT64_MAX: never, but by looks */
    uint32_t looks;   /* … after so many; UINT32_MAX: by time alone */
    uint64_t payment; /* COND: made by it */
    char account[VIRTUAL_ACCOUNT_MAX + 1]; /* VRP: the payer's; empty: not told yet */
    json_t *data;                          /* of its request; NULL: a mandate that nobody made */
    json_t *risk;
    struct obie_period periods[OBIE_PERIODS_MAX];
};

/* An idempotency key; what it made is a payment's number or a consent's place + 1; 0: nothing came of it. */
struct key {
    char text[KEY_TEXT_MAX + 1]; /* the operation and the key */
    uint64_t hash, made;
    size_t length;
    int64_t at_us;
};

struct obie_server {
    struct consent *consents;
    size_t consent_count, consent_capacity;
    struct text_index consents_by_id;
    struct key *keys;
    size_t key_count, key_capacity;
    struct text_index keys_by_text;
    struct obie_signer *signer;
};

/* ---- life -------------------------------------------------------------------------------------------- */

static const char *consent_id(const void *owner, uint32_t number)
{
    return ((const struct obie_server *)owner)->consents[number].id;
}

static const char *key_text(const void *owner, uint32_t number)
{
    return ((const struct obie_server *)owner)->keys[number].text;
}

struct obie_server *obie_server_new(const struct virtual_bank_options *options)
{
    struct obie_server *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    text_index_init(&self->consents_by_id, consent_id);
    text_index_init(&self->keys_by_text, key_text);
    self->signer = obie_signer_new(options);
    if (!self->signer)
        obie_server_destroy(&self);
    return self;
}

void obie_server_destroy(struct obie_server **self_p)
{
    struct obie_server *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    for (size_t i = 0; i < self->consent_count; i++) {
        json_decref(self->consents[i].data);
        json_decref(self->consents[i].risk);
    }
    text_index_release(&self->consents_by_id);
    text_index_release(&self->keys_by_text);
    obie_signer_destroy(&self->signer);
    free(self->consents);
    free(self->keys);
    free(self);
}

char *obie_jwt(struct virtual_bank *bank, const char *payload, size_t length)
{
    return obie_signer_jwt(bank->obie->signer, payload, length);
}

static bool make_room(void **list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wider = *capacity ? *capacity * 2 : 64;
    void *moved = realloc(*list, wider * size);
    if (!moved)
        return false;
    *list = moved;
    *capacity = wider;
    return true;
}

/* NULL: no memory. data and risk are taken over in any case. */
static struct consent *consent_new(struct virtual_bank *bank, int64_t now_us, const char *id, bool is_vrp,
                                   json_t *data, json_t *risk)
{
    struct obie_server *self = bank->obie;
    struct consent consent = {
        .is_vrp = is_vrp, .made_us = now_us, .changed_us = now_us, .data = data, .risk = risk};
    strcpy(consent.status, "AUTH");
    (void)virtual_copy(consent.id, VIRTUAL_ID_MAX, id);
    if (make_room((void **)&self->consents, self->consent_count, &self->consent_capacity, sizeof consent)) {
        self->consents[self->consent_count] = consent;
        if (text_index_put(&self->consents_by_id, self, (uint32_t)self->consent_count))
            return &self->consents[self->consent_count++];
    }
    json_decref(data);
    json_decref(risk);
    return NULL;
}

static struct consent *consent_find(const struct virtual_bank *bank, const char *id, bool is_vrp)
{
    int64_t found = text_index_find(&bank->obie->consents_by_id, bank->obie, id);
    struct consent *consent = found == TEXT_INDEX_NONE ? NULL : &bank->obie->consents[found];
    return consent && consent->is_vrp == is_vrp ? consent : NULL;
}

/* A mandate comes into being when it is named. NULL: no memory, or the id is a consent's of another kind. */
static struct consent *mandate_of(struct virtual_bank *bank, int64_t now_us, const char *id)
{
    int64_t found = text_index_find(&bank->obie->consents_by_id, bank->obie, id);
    if (found == TEXT_INDEX_NONE)
        return consent_new(bank, now_us, id, true, NULL, NULL);
    return consent_find(bank, id, true);
}

uint64_t obie_server_digest(const struct virtual_bank *bank)
{
    const struct obie_server *self = bank->obie;
    uint64_t digest = VIRTUAL_DIGEST;
    for (size_t i = 0; i < self->consent_count; i++) {
        const struct consent *consent = &self->consents[i];
        virtual_mix(&digest, consent->id, strlen(consent->id));
        virtual_mix(&digest, consent->status, strlen(consent->status));
        virtual_mix(&digest, consent->account, strlen(consent->account));
        virtual_mix(&digest, consent->periods, sizeof consent->periods);
    }
    for (size_t i = 0; i < self->key_count; i++)
        virtual_mix(&digest, &self->keys[i].made, sizeof self->keys[i].made);
    return digest;
}

/* ---- replies ------------------------------------------------------------------------------------------ */

const char *obie_status_word(enum virtual_status status)
{
    switch (status) {
    case VIRTUAL_RECEIVED:
        return "RCVD";
    case VIRTUAL_PENDING:
        return "PDNG";
    case VIRTUAL_ACCEPTED:
        return "ACSP";
    case VIRTUAL_DEBITED:
        return "ACSC";
    case VIRTUAL_CREDITED:
        return "ACCC";
    case VIRTUAL_REJECTED:
        return "RJCT";
    }
    return "RCVD";
}

static void reply_signed(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply, int status,
                         json_t *body)
{
    virtual_reply_json(bank, reply, status, body);
    char signature[VIRTUAL_HEADER_TEXT_MAX + 1];
    if (obie_signer_detached(bank->obie->signer, now_us, reply->body, reply->length, signature))
        virtual_reply_header(bank, reply, "x-jws-signature", signature);
}

static void reply_error(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply,
                        const struct obie_wrong *wrong)
{
    char id[37];
    virtual_bank_uuid(bank, id);
    json_t *error = json_pack("{ssss}", "ErrorCode", wrong->code, "Message", wrong->message);
    if (*wrong->path)
        json_object_set_new(error, "Path", json_string(wrong->path));
    reply_signed(bank, now_us, reply, 400,
                 json_pack("{sssssss[o]}", "Id", id, "Code", "400 BadRequest", "Message",
                           "The request is refused", "Errors", error));
}

static void reply_no(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply, const char *code,
                     const char *path, const char *message)
{
    struct obie_wrong wrong = obie_wrong_of(code, path, message);
    reply_error(bank, now_us, reply, &wrong);
}

void obie_refuse_token(struct virtual_bank *bank, struct virtual_reply *reply)
{
    virtual_reply_empty(bank, reply, 401);
    virtual_reply_header(bank, reply, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
}

static void set_self(const struct virtual_bank *bank, json_t *body, const char *path, const char *id)
{
    char url[1024];
    snprintf(url, sizeof url, "%s%s%s", bank->options.base_url, path, id);
    json_object_set_new(body, "Links", json_pack("{ss}", "Self", url));
    json_object_set_new(body, "Meta", json_object());
}

static void set_time(json_t *data, const char *name, int64_t time_us)
{
    char text[40];
    virtual_time_text(time_us, text);
    json_object_set_new(data, name, json_string(text));
}

static void set_reason(json_t *data, const char *code)
{
    json_object_set_new(data, "StatusReason",
                        json_pack("[{ssss}]", "StatusReasonCode", code, "StatusReasonDescription",
                                  "The bank has refused it"));
}

static void reply_consent(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply, int status,
                          const struct consent *consent)
{
    json_t *data = consent->data ? json_deep_copy(consent->data) : obie_form_mandate();
    json_object_set_new(data, "ConsentId", json_string(consent->id));
    json_object_set_new(data, "Status", json_string(consent->status));
    set_time(data, "CreationDateTime", consent->made_us);
    set_time(data, "StatusUpdateDateTime", consent->changed_us);
    json_t *body = json_pack("{so}", "Data", data);
    json_object_set_new(body, "Risk", consent->risk ? json_deep_copy(consent->risk) : json_object());
    set_self(bank, body, consent->is_vrp ? "/domestic-vrp-consents/" : "/domestic-payment-consents/",
             consent->id);
    reply_signed(bank, now_us, reply, status, body);
}

/* What a rule has the reply say of the amount. */
static void set_lies(const struct virtual_bank *bank, const struct virtual_payment *payment, json_t *amount)
{
    const struct currency *currency =
        currency_at(currency_find(payment->currency, strlen(payment->currency)));
    char text[MONEY_TEXT_MAX];
    int64_t told;
    if (bank->rule.action == BANK_DO_AMOUNT && money_add(payment->amount, bank->rule.difference, &told)) {
        money_format(told, currency->exponent, text);
        json_object_set_new(amount, "Amount", json_string(text));
    }
    if (bank->rule.action == BANK_DO_CURRENCY)
        json_object_set_new(amount, "Currency", json_string(bank->rule.currency));
}

/* A rule may have another word than PDNG for what is not final. */
static const char *told_status(const struct virtual_bank *bank, const struct virtual_payment *payment)
{
    bool is_look = virtual_operation_step(bank->ask.operation) == BANK_ASK_INQUIRY;
    if (is_look && bank->rule.action == BANK_DO_PROCESSING)
        return *bank->rule.code ? bank->rule.code : "PDNG";
    if (payment->status == VIRTUAL_PENDING && *payment->code)
        return payment->code;
    return obie_status_word(payment->status);
}

static void reply_payment(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply, int status,
                          const struct virtual_payment *payment)
{
    bool is_vrp = payment->operation == VIRTUAL_OBIE_VRP;
    const struct virtual_payment *before =
        bank->rule.action == BANK_DO_DUPLICATE ? virtual_payment_at(bank, payment->number - 1) : NULL;
    const char *id = before ? before->reference : payment->reference;
    json_t *data = json_pack("{ssssss}", is_vrp ? "DomesticVRPId" : "DomesticPaymentId", id, "ConsentId",
                             payment->consent, "Status", told_status(bank, payment));
    set_time(data, "CreationDateTime", payment->created_us);
    set_time(data, "StatusUpdateDateTime", payment->changed_us);
    if (payment->status == VIRTUAL_REJECTED)
        set_reason(data, payment->code);
    json_t *initiation = json_deep_copy(json_object_get(payment->data, "Initiation"));
    json_t *instruction = json_deep_copy(json_object_get(payment->data, "Instruction"));
    set_lies(bank, payment, json_object_get(is_vrp ? instruction : initiation, "InstructedAmount"));
    json_object_set_new(data, "Initiation", initiation);
    json_t *body = json_pack("{so}", "Data", data);
    if (is_vrp) {
        json_object_set_new(data, "Instruction", instruction);
        json_object_set(body, "Risk", json_object_get(payment->data, "Risk"));
    }
    set_self(bank, body, is_vrp ? "/domestic-vrps/" : "/domestic-payments/", id);
    reply_signed(bank, now_us, reply, status, body);
}

/* ---- idempotency --------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct virtual_request *request)
{
    uint64_t hash = VIRTUAL_DIGEST;
    virtual_mix(&hash, request->body, request->length);
    return hash;
}

static void key_name(const struct virtual_bank *bank, char out[KEY_TEXT_MAX + 1])
{
    snprintf(out, KEY_TEXT_MAX + 1, "%u:%.40s", (unsigned)bank->ask.operation, bank->ask.id);
}

/* NULL: the key has made nothing within 24 hours. */
static const struct key *key_find(const struct virtual_bank *bank, int64_t now_us)
{
    char text[KEY_TEXT_MAX + 1];
    key_name(bank, text);
    int64_t found = text_index_find(&bank->obie->keys_by_text, bank->obie, text);
    const struct key *key = found == TEXT_INDEX_NONE ? NULL : &bank->obie->keys[found];
    return key && key->made > 0 && now_us - key->at_us < KEY_LIFE_US ? key : NULL;
}

/* false: no memory; asked for before anything is made. */
static bool key_keep(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                     uint64_t made)
{
    struct obie_server *self = bank->obie;
    if (!make_room((void **)&self->keys, self->key_count, &self->key_capacity, sizeof *self->keys))
        return false;
    struct key *key = &self->keys[self->key_count];
    *key = (struct key){.hash = hash_of(request), .length = request->length, .made = made, .at_us = now_us};
    key_name(bank, key->text);
    if (!text_index_put(&self->keys_by_text, self, (uint32_t)self->key_count))
        return false;
    self->key_count++;
    return true;
}

/* true: it was answered as a repeat. */
static bool serve_repeat(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                         struct virtual_reply *reply)
{
    const struct key *key = key_find(bank, now_us);
    if (!key)
        return false;
    bool is_consent = virtual_operation_step(bank->ask.operation) == BANK_ASK_CONSENT;
    if (key->hash != hash_of(request) || key->length != request->length)
        reply_no(bank, now_us, reply, "U008", "x-idempotency-key", "The key came before with another body");
    else if (is_consent)
        reply_consent(bank, now_us, reply, 201, &bank->obie->consents[key->made - 1]);
    else
        reply_payment(bank, now_us, reply, 201, virtual_payment_at(bank, key->made));
    return true;
}

/* ---- consents ------------------------------------------------------------------------------------------- */

static const char *data_text(const json_t *body, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(body, "Data"), name));
    return text ? text : "";
}

/* "SCHEME:IDENTIFICATION" of an account of the body; empty: there is none. false: too long. */
static bool account_name(const json_t *account, char out[VIRTUAL_ACCOUNT_MAX + 1])
{
    const char *scheme = json_string_value(json_object_get(account, "SchemeName"));
    const char *number = json_string_value(json_object_get(account, "Identification"));
    out[0] = '\0';
    if (!scheme || !number)
        return true;
    return snprintf(out, VIRTUAL_ACCOUNT_MAX + 1, "%s:%s", scheme, number) <= VIRTUAL_ACCOUNT_MAX;
}

/* A consent that waits to be authorised, by a rule, may have been by now. */
static void look_at(int64_t now_us, struct consent *consent)
{
    if (strcmp(consent->status, "AWAU") != 0)
        return;
    if (now_us < consent->wait_us && consent->looks > 0) {
        consent->looks -= consent->looks < UINT32_MAX;
        return;
    }
    strcpy(consent->status, "AUTH");
    consent->changed_us = now_us;
}

static void make_wait(const struct bank_rule *rule, int64_t now_us, struct consent *consent)
{
    strcpy(consent->status, "AWAU");
    consent->looks = UINT32_MAX;
    consent->wait_us = INT64_MAX;
    if (rule->action != BANK_DO_PROCESSING)
        return;
    if (rule->inquiries > 0 || rule->seconds <= 0)
        consent->looks = rule->inquiries;
    if (rule->seconds > 0)
        consent->wait_us = virtual_later(now_us, rule->seconds * VIRTUAL_SECOND_US);
}

/* A rule's no, as an error; false: it is no error but a rejected payment. */
static bool refused_code(const struct virtual_bank *bank, const char *otherwise, char out[5])
{
    const char *code = *bank->rule.code ? bank->rule.code : otherwise;
    return virtual_copy(out, 4, code) && out[0] == 'U' && out[1] >= '0' && out[1] <= '9';
}

static void post_consent(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                         struct virtual_reply *reply)
{
    bool is_vrp = bank->ask.operation == VIRTUAL_OBIE_VRP_CONSENT;
    struct obie_wrong wrong;
    bool is_good = is_vrp ? obie_form_vrp_consent(bank->body, &wrong) : obie_form_consent(bank->body, &wrong);
    if (!is_good) {
        reply_error(bank, now_us, reply, &wrong);
        return;
    }
    const char *status = bank->rule.action == BANK_DO_REFUSE ? bank->rule.code : "AUTH";
    char code[5], id[37];
    if (strcmp(status, "AUTH") != 0 && strcmp(status, "AWAU") != 0 && strcmp(status, "RJCT") != 0) {
        bool is_code = refused_code(bank, "U002", code);
        reply_no(bank, now_us, reply, is_code ? code : "U002", "Data", "Refused");
        return;
    }
    virtual_bank_uuid(bank, id);
    const json_t *data = json_object_get(bank->body, "Data");
    struct consent *consent = consent_new(bank, now_us, id, is_vrp, json_deep_copy(data),
                                          json_deep_copy(json_object_get(bank->body, "Risk")));
    if (!consent || !key_keep(bank, now_us, request, bank->obie->consent_count)) {
        virtual_reply_empty(bank, reply, 500);
        return;
    }
    strcpy(consent->status, status);
    if (bank->rule.action == BANK_DO_PROCESSING || strcmp(status, "AWAU") == 0)
        make_wait(&bank->rule, now_us, consent);
    if (is_vrp)
        (void)account_name(json_object_get(json_object_get(data, "Initiation"), "DebtorAccount"),
                           consent->account);
    reply_consent(bank, now_us, reply, 201, consent);
}

static void get_consent(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply)
{
    bool is_vrp = bank->ask.operation == VIRTUAL_OBIE_VRP_CONSENT_OF;
    struct consent *consent =
        is_vrp ? mandate_of(bank, now_us, bank->ask.resource) : consent_find(bank, bank->ask.resource, false);
    char code[5];
    if (consent)
        look_at(now_us, consent);
    if (bank->rule.action == BANK_DO_REFUSE && refused_code(bank, "U011", code))
        reply_no(bank, now_us, reply, code, "", "Refused");
    else if (!consent)
        reply_no(bank, now_us, reply, "U011", "", "No such consent");
    else
        reply_consent(bank, now_us, reply, 200, consent);
}

/* ---- payments -------------------------------------------------------------------------------------------- */

static const char *reason_of(enum virtual_no no)
{
    switch (no) {
    case VIRTUAL_FINE:
        return "";
    case VIRTUAL_NO_ACCOUNT:
        return "AC01";
    case VIRTUAL_CLOSED:
        return "AC04";
    case VIRTUAL_HELD:
    case VIRTUAL_NO_FUNDS:
        return "AM04";
    case VIRTUAL_OVER_LIMIT:
        return "AM02";
    case VIRTUAL_OVER_DAY:
    case VIRTUAL_OVER_CLIENT:
        return "AM21";
    case VIRTUAL_OTHER_CURRENCY:
        return "AM03";
    case VIRTUAL_OTHER_NAME:
        return "BE01";
    }
    return "NARR";
}

/* A payment that is asked for. */
struct order {
    struct consent *consent;
    char payer[VIRTUAL_ACCOUNT_MAX + 1], payee[VIRTUAL_ACCOUNT_MAX + 1];
    char currency[4];
    int64_t amount;
};

/* What the body says against its mandate. */
static bool vrp_order(struct virtual_bank *bank, int64_t now_us, struct order *out, struct obie_wrong *wrong)
{
    const json_t *data = json_object_get(bank->body, "Data"),
                 *initiation = json_object_get(data, "Initiation");
    const json_t *instruction = json_object_get(data, "Instruction");
    char debtor[VIRTUAL_ACCOUNT_MAX + 1];
    struct consent *consent = out->consent = mandate_of(bank, now_us, data_text(bank->body, "ConsentId"));
    *wrong = obie_wrong_of("U008", "Data.Initiation", "Not what the consent says");
    if (!consent || !account_name(json_object_get(initiation, "DebtorAccount"), debtor) ||
        !account_name(json_object_get(instruction, "CreditorAccount"), out->payee))
        return false;
    if (strcmp(consent->status, "AUTH") != 0) {
        *wrong = obie_wrong_of("U009", "Data.ConsentId", "The consent cannot be used");
        return false;
    }
    if (consent->data && !json_equal(json_object_get(consent->data, "Initiation"), initiation))
        return false;
    if (*debtor && *consent->account && strcmp(debtor, consent->account) != 0)
        return false;
    if (*debtor)
        strcpy(consent->account, debtor);
    if (*consent->account)
        strcpy(out->payer, consent->account);
    else
        snprintf(out->payer, sizeof out->payer, "mandate:%s", consent->id);
    (void)obie_form_amount(json_object_get(instruction, "InstructedAmount"), out->currency, &out->amount);
    *wrong = obie_wrong_of("U014", "Data.Instruction.InstructedAmount", "Over a limit of the consent");
    return obie_limit_allows(consent->data, consent->periods, consent->made_us, now_us, out->currency,
                             out->amount);
}

static bool push_order(struct virtual_bank *bank, struct order *out, struct obie_wrong *wrong)
{
    const json_t *data = json_object_get(bank->body, "Data"),
                 *initiation = json_object_get(data, "Initiation");
    struct consent *consent = out->consent = consent_find(bank, data_text(bank->body, "ConsentId"), false);
    *wrong = obie_wrong_of("U011", "Data.ConsentId", "No such consent");
    if (!consent)
        return false;
    *wrong = obie_wrong_of("U009", "Data.ConsentId", "The consent cannot be used");
    if (strcmp(consent->status, "AUTH") != 0)
        return false;
    *wrong = obie_wrong_of("U008", "Data.Initiation", "Not what the consent says");
    if (!json_equal(json_object_get(consent->data, "Initiation"), initiation) ||
        !json_equal(consent->risk, json_object_get(bank->body, "Risk")))
        return false;
    *wrong = obie_wrong_of("U021", "Data.Initiation", "An account's name is too long");
    if (!account_name(json_object_get(initiation, "CreditorAccount"), out->payee) ||
        !account_name(json_object_get(initiation, "DebtorAccount"), out->payer))
        return false;
    (void)obie_form_amount(json_object_get(initiation, "InstructedAmount"), out->currency, &out->amount);
    if (!*out->payer)
        snprintf(out->payer, sizeof out->payer, "client:%s", out->currency);
    return true;
}

/* What a rule or the accounts have against it; empty: nothing. */
static const char *doom_of(const struct virtual_bank *bank, int64_t now_us,
                           const struct virtual_payment *wanted)
{
    if (bank->rule.action == BANK_DO_REFUSE && strlen(bank->rule.code) == 4)
        return bank->rule.code;
    if (bank->rule.action == BANK_DO_REFUSE)
        return wanted->is_in ? "AM04" : "AC01";
    return reason_of(virtual_payment_try(bank, now_us, wanted));
}

/* NULL: no memory. */
static const struct virtual_payment *pay(struct virtual_bank *bank, int64_t now_us, struct order *order)
{
    const json_t *data = json_object_get(bank->body, "Data");
    bool is_in = bank->ask.operation == VIRTUAL_OBIE_VRP;
    struct virtual_payment wanted = {.rail = VIRTUAL_OBIE,
                                     .operation = bank->ask.operation,
                                     .is_in = is_in,
                                     .payer = virtual_account_of(bank, order->payer, order->currency),
                                     .payee = virtual_account_of(bank, order->payee, order->currency),
                                     .amount = order->amount};
    if (wanted.payer == UINT32_MAX || wanted.payee == UINT32_MAX)
        return NULL;
    wanted.customer = is_in ? wanted.payer : wanted.payee;
    strcpy(wanted.currency, order->currency);
    strcpy(wanted.id, bank->ask.id);
    strcpy(wanted.consent, order->consent->id);
    (void)virtual_copy(wanted.code, sizeof wanted.code - 1, doom_of(bank, now_us, &wanted));
    wanted.is_doomed = *wanted.code != '\0';
    if (!wanted.is_doomed && bank->rule.action == BANK_DO_PROCESSING && strlen(bank->rule.code) == 4)
        strcpy(wanted.code, bank->rule.code);
    wanted.data =
        json_pack("{sOsO?sO}", "Initiation", json_object_get(data, "Initiation"), "Instruction",
                  json_object_get(data, "Instruction"), "Risk", json_object_get(bank->body, "Risk"));
    return wanted.data ? virtual_payment_make(bank, now_us, &wanted) : NULL;
}

static void use_consent(int64_t now_us, const struct order *order, const struct virtual_payment *payment)
{
    struct consent *consent = order->consent;
    if (consent->is_vrp) {
        if (!payment->is_doomed)
            obie_limit_count(consent->data, consent->periods, consent->made_us, now_us, order->amount);
        return;
    }
    strcpy(consent->status, "COND");
    consent->changed_us = now_us;
    consent->payment = payment->number;
}

static void post_payment(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                         struct virtual_reply *reply)
{
    bool is_vrp = bank->ask.operation == VIRTUAL_OBIE_VRP;
    struct obie_wrong wrong;
    struct order order = {.consent = NULL};
    bool is_good = is_vrp ? obie_form_vrp(bank->body, &wrong) : obie_form_payment(bank->body, &wrong);
    if (is_good)
        is_good = is_vrp ? vrp_order(bank, now_us, &order, &wrong) : push_order(bank, &order, &wrong);
    char code[5];
    if (is_good && bank->rule.action == BANK_DO_REFUSE && refused_code(bank, "", code)) {
        wrong = obie_wrong_of(code, "", "Refused");
        is_good = false;
    }
    if (!is_good) {
        reply_error(bank, now_us, reply, &wrong);
        return;
    }
    bool is_kept = key_keep(bank, now_us, request, bank->payment_count + 1);
    const struct virtual_payment *payment = is_kept ? pay(bank, now_us, &order) : NULL;
    if (!payment) {
        if (is_kept)
            bank->obie->keys[bank->obie->key_count - 1].made = 0;
        virtual_reply_empty(bank, reply, 500);
        return;
    }
    use_consent(now_us, &order, payment);
    reply_payment(bank, now_us, reply, 201, payment);
}

static void get_payment(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply)
{
    enum virtual_operation made =
        bank->ask.operation == VIRTUAL_OBIE_VRP_OF ? VIRTUAL_OBIE_VRP : VIRTUAL_OBIE_PAYMENT;
    struct virtual_payment *payment = virtual_payment_find(bank, bank->ask.resource);
    char code[5];
    if (bank->rule.action == BANK_DO_REFUSE && refused_code(bank, "U011", code)) {
        reply_no(bank, now_us, reply, code, "", "Refused");
        return;
    }
    if (!payment || payment->operation != made) {
        reply_no(bank, now_us, reply, "U011", "", "No such payment");
        return;
    }
    virtual_payment_look(bank, now_us, payment);
    reply_payment(bank, now_us, reply, 200, payment);
}

/* ---- tokens ------------------------------------------------------------------------------------------------ */

/* By form, by Basic, or by an assertion that the client has signed. */
static bool is_client(const struct virtual_bank *bank, const struct virtual_request *request)
{
    char id[256], secret[256], kind[128];
    const char *basic = virtual_request_header(request, "Authorization");
    if (virtual_form_field(request, "client_assertion_type", kind, sizeof kind - 1))
        return obie_signer_knows(bank->obie->signer, request);
    if (!bank->options.client_id && !bank->options.client_secret)
        return true;
    if (basic && strncmp(basic, "Basic ", 6) == 0)
        return obie_signer_is_basic(basic, bank->options.client_id, bank->options.client_secret);
    (void)virtual_form_field(request, "client_id", id, sizeof id - 1);
    (void)virtual_form_field(request, "client_secret", secret, sizeof secret - 1);
    return (!bank->options.client_id || strcmp(id, bank->options.client_id) == 0) &&
           (!bank->options.client_secret || strcmp(secret, bank->options.client_secret) == 0);
}

static void token(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                  struct virtual_reply *reply)
{
    char grant[64], scope[128], text[VIRTUAL_TOKEN_MAX + 1];
    (void)virtual_form_field(request, "grant_type", grant, sizeof grant - 1);
    bool has_scope = virtual_form_field(request, "scope", scope, sizeof scope - 1);
    const char *error = NULL;
    if (!is_client(bank, request) || bank->rule.action == BANK_DO_REFUSE)
        error = "invalid_client";
    else if (strcmp(grant, "client_credentials") != 0)
        error = "unsupported_grant_type";
    else if (has_scope && !strstr(scope, "payments"))
        error = "invalid_scope";
    if (error) {
        virtual_reply_json(bank, reply, strcmp(error, "invalid_client") == 0 ? 401 : 400,
                           json_pack("{ss}", "error", error));
        return;
    }
    (void)virtual_form_field(request, "client_id", bank->obie_client, VIRTUAL_NAME_MAX);
    virtual_token_make(bank, now_us, "payments", text);
    virtual_reply_json(bank, reply, 200,
                       json_pack("{sssssIss}", "access_token", text, "token_type", "Bearer", "expires_in",
                                 (json_int_t)(bank->options.token_life_us / 1000000), "scope", "payments"));
}

/* ---- a request --------------------------------------------------------------------------------------------- */

void obie_asks(const struct virtual_request *request, const json_t *body, struct virtual_ask *ask)
{
    const json_t *data = json_object_get(body, "Data"), *initiation = json_object_get(data, "Initiation");
    const char *key = virtual_request_header(request, "x-idempotency-key");
    bool is_vrp = ask->operation == VIRTUAL_OBIE_VRP || ask->operation == VIRTUAL_OBIE_VRP_CONSENT;
    if (key)
        (void)virtual_copy(ask->id, VIRTUAL_ID_MAX, key);
    if (!account_name(json_object_get(initiation, is_vrp ? "DebtorAccount" : "CreditorAccount"),
                      ask->account))
        ask->account[0] = '\0';
    if (is_vrp && !*ask->account && *data_text(body, "ConsentId"))
        snprintf(ask->account, sizeof ask->account, "mandate:%.64s", data_text(body, "ConsentId"));
}

static bool is_key(const char *key)
{
    size_t length = key ? strlen(key) : 0;
    if (length == 0 || length > KEY_MAX || key[0] == ' ' || key[length - 1] == ' ')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (key[i] < ' ' || key[i] > '~')
            return false;
    }
    return true;
}

/* What its headers lack; false: it was answered. */
static bool check_post(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                       struct virtual_reply *reply)
{
    const char *key = virtual_request_header(request, "x-idempotency-key");
    const char *type = virtual_request_header(request, "Content-Type");
    const char *code = obie_signer_check(bank->obie->signer, request);
    if (!type || strncmp(type, "application/json", 16) != 0)
        virtual_reply_empty(bank, reply, 415);
    else if (!is_key(key))
        reply_no(bank, now_us, reply, key ? "U006" : "U007", "x-idempotency-key", "1 to 40 characters");
    else if (code)
        reply_no(bank, now_us, reply, code, "x-jws-signature", "The signature is refused");
    else if (!json_is_object(bank->body))
        reply_no(bank, now_us, reply, "U010", "", "The body is no JSON object");
    else
        return true;
    return false;
}

static void post(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                 struct virtual_reply *reply)
{
    if (!check_post(bank, now_us, request, reply) || serve_repeat(bank, now_us, request, reply))
        return;
    if (virtual_operation_step(bank->ask.operation) == BANK_ASK_CONSENT)
        post_consent(bank, now_us, request, reply);
    else
        post_payment(bank, now_us, request, reply);
}

void obie_echo(struct virtual_bank *bank, const struct virtual_request *request, struct virtual_reply *reply)
{
    const char *given = virtual_request_header(request, "x-fapi-interaction-id");
    char made[37];
    if (!given)
        virtual_bank_uuid(bank, made);
    virtual_reply_header(bank, reply, "x-fapi-interaction-id", given ? given : made);
}

void obie_serve(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                struct virtual_reply *reply)
{
    enum virtual_operation operation = bank->ask.operation;
    if (operation == VIRTUAL_OBIE_TOKEN) {
        token(bank, now_us, request, reply);
        return;
    }
    if (!virtual_token_is_good(bank, now_us, request, "payments"))
        obie_refuse_token(bank, reply);
    else if (strcmp(request->method, "POST") == 0)
        post(bank, now_us, request, reply);
    else if (virtual_operation_step(operation) == BANK_ASK_CONSENT)
        get_consent(bank, now_us, reply);
    else
        get_payment(bank, now_us, reply);
}
