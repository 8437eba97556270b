/* KFTC open banking 2.0, the bank's side.
 *
 * HTTP says nothing here: every answer is 200, and rsp_code and bank_rsp_code tell. The codes, as they are used here:
 *
 *     O0001 O0002 O0003   token: the client is unknown; the token is missing, wrong or old; the scope is another one
 *     A0000               done; with bank_rsp_code 000
 *     A0001               not known yet: ask (rule "processing")
 *     A0002               the bank has said no: bank_rsp_code. A0009: of a deposit, bank_rsp_code of its item
 *     A0004               the message is malformed: no JSON, a field is missing, of another type, too long, not of its form
 *     A0312 A0319         no such fintech_use_num; no such contract account
 *     A0326               the bank_tran_id was used on this day (KST): nothing is done
 *     412 415             no such account; it is closed
 *     453 454             balance, what other transfers hold taken off; balance
 *     455 456             over the limit of one transfer; over a day's
 *     815                 the payee is called otherwise
 *     701                 inquiry: there is no such transfer
 *     400                 not known yet
 *
 * Looks at a payee are not held against the ids of the day: they move nothing.
 *
 * A transfer that the bank has refused by a bank_rsp_code is remembered with it: an inquiry says the same. One that was refused by rsp_code
 * is not, and neither is one that a rule refuses with a code that means "not known". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/date.h"
#include "sim/bank/inside.h"

enum { TRAN_ID_LENGTH = 20, DAY_ID_MAX = 8 + 1 + TRAN_ID_LENGTH, INQUIRIES_MAX = 25 };

/* A bank_tran_id of a day. */
struct day_id {
    char key[DAY_ID_MAX + 1];
    uint64_t payment;
};

struct kftc_server {
    struct day_id *ids;
    size_t count, capacity;
    struct text_index by_key;
};

static const char *key_of(const void *owner, uint32_t number)
{
    return ((const struct kftc_server *)owner)->ids[number].key;
}

struct kftc_server *kftc_server_new(void)
{
    struct kftc_server *self = calloc(1, sizeof *self);
    if (self)
        text_index_init(&self->by_key, key_of);
    return self;
}

void kftc_server_destroy(struct kftc_server **self_p)
{
    if (*self_p) {
        text_index_release(&(*self_p)->by_key);
        free((*self_p)->ids);
    }
    free(*self_p);
    *self_p = NULL;
}

static struct virtual_payment *find_id(const struct virtual_bank *bank, const char *date, const char *id)
{
    char key[DAY_ID_MAX + 1];
    snprintf(key, sizeof key, "%s:%s", date, id);
    int64_t found = text_index_find(&bank->kftc->by_key, bank->kftc, key);
    return found == TEXT_INDEX_NONE ? NULL : virtual_payment_at(bank, bank->kftc->ids[found].payment);
}

/* false: no memory. */
static bool keep_id(struct kftc_server *self, const char *date, const char *id, uint64_t payment)
{
    if (self->count == self->capacity) {
        size_t wider = self->capacity ? self->capacity * 2 : 64;
        struct day_id *moved = realloc(self->ids, wider * sizeof *moved);
        if (!moved)
            return false;
        self->ids = moved;
        self->capacity = wider;
    }
    struct day_id *kept = &self->ids[self->count];
    snprintf(kept->key, sizeof kept->key, "%s:%s", date, id);
    kept->payment = payment;
    if (!text_index_put(&self->by_key, self, (uint32_t)self->count))
        return false;
    self->count++;
    return true;
}

/* ---- answers ---------------------------------------------------------------------------------------- */

static const struct {
    const char *code, *message;
} messages[] = {
    {"A0000", ""},
    {"A0001", "The result is not known yet"},
    {"A0002", "Refused by the bank"},
    {"A0004", "Malformed message"},
    {"A0009", "See the items"},
    {"A0312", "No such fintech_use_num"},
    {"A0319", "No such contract account"},
    {"A0326", "The bank_tran_id was used before"},
    {"O0001", "Unknown client"},
    {"O0002", "The access token is refused"},
    {"O0003", "Unknown scope"},
    {"000", ""},
    {"400", "The result is not known yet"},
    {"412", "No such account"},
    {"415", "The account is closed"},
    {"453", "Insufficient balance: some is held"},
    {"454", "Insufficient balance"},
    {"455", "Over the limit of one transfer"},
    {"456", "Over the limit of a day"},
    {"701", "No such transfer"},
    {"815", "The account holder's name does not match"},
};

static const char *message_of(const char *code)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (strcmp(messages[i].code, code) == 0)
            return messages[i].message;
    }
    return "Refused";
}

/* What every answer begins with. detail NULL: the code's own words. */
static json_t *answer_new(struct virtual_bank *bank, int64_t now_us, const char *reference, const char *code,
                          const char *detail)
{
    char api_tran_id[VIRTUAL_ID_MAX + 1], time[18];
    if (reference)
        snprintf(api_tran_id, sizeof api_tran_id, "%s", reference);
    else
        virtual_bank_uuid(bank, api_tran_id);
    virtual_kst_text(now_us, 17, time);
    return json_pack("{ssssssss}", "api_tran_id", api_tran_id, "api_tran_dtm", time, "rsp_code", code,
                     "rsp_message", detail ? detail : message_of(code));
}

static void answer(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply, const char *code,
                   const char *detail)
{
    virtual_reply_json(bank, reply, 200, answer_new(bank, now_us, NULL, code, detail));
}

void kftc_refuse_token(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply)
{
    (void)now_us;
    virtual_reply_json(bank, reply, 200,
                       json_pack("{ssss}", "rsp_code", "O0002", "rsp_message", message_of("O0002")));
}

/* ---- fields ------------------------------------------------------------------------------------------ */

enum form { FORM_TEXT, FORM_DIGITS, FORM_WORD, FORM_TRAN_ID, FORM_AMOUNT, FORM_TIME, FORM_DATE, FORM_ONE_OF };

struct field {
    const char *name;
    enum form form;
    size_t min, max;    /* bytes; min 0: it may be left out, or be empty */
    const char *one_of; /* "|N|C|" */
};

static bool is_all(const char *text, size_t length, bool takes_letters)
{
    for (size_t i = 0; i < length; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        bool is_letter = (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= 'a' && text[i] <= 'z');
        if (!is_digit && !(takes_letters && is_letter))
            return false;
    }
    return true;
}

static bool is_date(const char *text)
{
    char iso[11];
    int32_t day;
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
    return date_parse(str_from(iso), &day);
}

static bool has_form(const struct field *field, const char *text, size_t length)
{
    char wrapped[16];
    switch (field->form) {
    case FORM_TEXT:
        return true;
    case FORM_WORD:
        return is_all(text, length, true);
    case FORM_DIGITS:
        return is_all(text, length, false);
    case FORM_AMOUNT:
        return is_all(text, length, false) && strspn(text, "0") < length;
    case FORM_TRAN_ID:
        return is_all(text, length, true) && text[10] == 'U';
    case FORM_DATE:
        return is_all(text, length, false) && is_date(text);
    case FORM_TIME:
        return is_all(text, length, false) && is_date(text) && strncmp(text + 8, "24", 2) < 0 &&
               text[10] < '6' && text[12] < '6';
    case FORM_ONE_OF:
        snprintf(wrapped, sizeof wrapped, "|%s|", text);
        return strstr(field->one_of, wrapped) != NULL;
    }
    return false;
}

/* NULL: all fields are good; else the name of the first that is not. */
static const char *check_fields(const json_t *body, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(body, fields[i].name);
        if (!value && fields[i].min == 0)
            continue;
        const char *text = json_string_value(value);
        size_t length = json_string_length(value);
        if (!text || strlen(text) != length || length > fields[i].max || length < fields[i].min)
            return fields[i].name;
        if (length > 0 && !has_form(&fields[i], text, length))
            return fields[i].name;
    }
    return NULL;
}

#define CHECK_FIELDS(body, fields) check_fields(body, fields, sizeof(fields) / sizeof *(fields))

static const char *text_at(const json_t *body, const char *name)
{
    const char *text = json_string_value(json_object_get(body, name));
    return text ? text : "";
}

/* AH(20) and the like count characters: three bytes at most are one here. */
#define CONTRACT_FIELDS                                \
    {"cntr_account_type", FORM_ONE_OF, 1, 1, "|N|C|"}, \
    {                                                  \
        "cntr_account_num", FORM_WORD, 1, 16, NULL     \
    }
#define CLIENT_FIELDS                                                                               \
    {"req_client_name", FORM_TEXT, 1, 60, NULL}, {"req_client_bank_code", FORM_DIGITS, 0, 3, NULL}, \
        {"req_client_account_num", FORM_WORD, 0, 16, NULL},                                         \
        {"req_client_fintech_use_num", FORM_DIGITS, 0, 24, NULL},                                   \
        {"req_client_num", FORM_WORD, 1, 20, NULL},                                                 \
    {                                                                                               \
        "transfer_purpose", FORM_ONE_OF, 2, 2, "|TR|ST|RC|"                                         \
    }

static const struct field withdraw_fields[] = {
    {"bank_tran_id", FORM_TRAN_ID, TRAN_ID_LENGTH, TRAN_ID_LENGTH, NULL},
    CONTRACT_FIELDS,
    {"dps_print_content", FORM_TEXT, 1, 60, NULL},
    {"fintech_use_num", FORM_DIGITS, 24, 24, NULL},
    {"wd_print_content", FORM_TEXT, 0, 60, NULL},
    {"tran_amt", FORM_AMOUNT, 1, 12, NULL},
    {"tran_dtime", FORM_TIME, 14, 14, NULL},
    CLIENT_FIELDS,
    {"recv_client_name", FORM_TEXT, 0, 60, NULL},
    {"recv_client_bank_code", FORM_DIGITS, 0, 3, NULL},
    {"recv_client_account_num", FORM_WORD, 0, 16, NULL},
};

static const struct field deposit_fields[] = {
    CONTRACT_FIELDS,
    {"wd_pass_phrase", FORM_TEXT, 1, 128, NULL},
    {"wd_print_content", FORM_TEXT, 1, 60, NULL},
    {"name_check_option", FORM_ONE_OF, 0, 3, "|on|off|"},
    {"tran_dtime", FORM_TIME, 14, 14, NULL},
    {"req_cnt", FORM_ONE_OF, 1, 1, "|1|"},
};

static const struct field deposit_item_fields[] = {
    {"tran_no", FORM_DIGITS, 1, 5, NULL},
    {"bank_tran_id", FORM_TRAN_ID, TRAN_ID_LENGTH, TRAN_ID_LENGTH, NULL},
    {"print_content", FORM_TEXT, 1, 60, NULL},
    {"tran_amt", FORM_AMOUNT, 1, 12, NULL},
    CLIENT_FIELDS,
};

static const struct field receive_fields[] = {
    {"bank_tran_id", FORM_TRAN_ID, TRAN_ID_LENGTH, TRAN_ID_LENGTH, NULL},
    CONTRACT_FIELDS,
    {"print_content", FORM_TEXT, 0, 60, NULL},
    {"tran_amt", FORM_AMOUNT, 1, 12, NULL},
    {"tran_dtime", FORM_TIME, 0, 14, NULL},
    CLIENT_FIELDS,
};

/* One of the two that name a payee. */
static const struct field by_number_fields[] = {{"fintech_use_num", FORM_DIGITS, 24, 24, NULL}};
static const struct field by_account_fields[] = {
    {"bank_code_std", FORM_DIGITS, 3, 3, NULL},
    {"account_num", FORM_WORD, 1, 16, NULL},
    {"account_holder_name", FORM_TEXT, 0, 60, NULL},
};

static const struct field result_fields[] = {
    {"check_type", FORM_ONE_OF, 1, 1, "|1|2|"},
    {"tran_dtime", FORM_TIME, 14, 14, NULL},
    {"req_cnt", FORM_AMOUNT, 1, 2, NULL},
};

static const struct field result_item_fields[] = {
    {"tran_no", FORM_DIGITS, 1, 5, NULL},
    {"org_bank_tran_id", FORM_TRAN_ID, TRAN_ID_LENGTH, TRAN_ID_LENGTH, NULL},
    {"org_bank_tran_date", FORM_DATE, 8, 8, NULL},
    {"org_tran_amt", FORM_AMOUNT, 1, 12, NULL},
};

/* The client's customer has an account, or a fintech_use_num, and not both; a deposit need not say. */
static const char *check_client(const json_t *body, bool is_needed)
{
    bool has_number = *text_at(body, "req_client_fintech_use_num");
    bool has_account = *text_at(body, "req_client_bank_code") && *text_at(body, "req_client_account_num");
    bool is_good = is_needed ? has_number != has_account : !has_number || !has_account;
    return is_good ? NULL : "req_client_fintech_use_num";
}

static bool is_by_number(const json_t *payee)
{
    return json_object_get(payee, "fintech_use_num") != NULL;
}

static const char *check_payee(const json_t *payee)
{
    return is_by_number(payee) ? CHECK_FIELDS(payee, by_number_fields)
                               : CHECK_FIELDS(payee, by_account_fields);
}

/* Its name among our accounts; the fields are good. */
static void payee_name(const json_t *payee, char out[VIRTUAL_ACCOUNT_MAX + 1])
{
    if (is_by_number(payee))
        snprintf(out, VIRTUAL_ACCOUNT_MAX + 1, "%s", text_at(payee, "fintech_use_num"));
    else
        snprintf(out, VIRTUAL_ACCOUNT_MAX + 1, "%.3s:%.16s", text_at(payee, "bank_code_std"),
                 text_at(payee, "account_num"));
}

void kftc_asks(const json_t *body, struct virtual_ask *ask)
{
    const json_t *item = body;
    if (ask->operation == VIRTUAL_KFTC_DEPOSIT || ask->operation == VIRTUAL_KFTC_RESULT)
        item = json_array_get(json_object_get(body, "req_list"), 0);
    const char *id =
        text_at(item, ask->operation == VIRTUAL_KFTC_RESULT ? "org_bank_tran_id" : "bank_tran_id");
    (void)virtual_copy(ask->id, VIRTUAL_ID_MAX, id);
    if (ask->operation != VIRTUAL_KFTC_RESULT && (is_by_number(item) || json_object_get(item, "account_num")))
        payee_name(item, ask->account);
}

/* ---- transfers ---------------------------------------------------------------------------------------- */

static const char *code_of(enum virtual_no no)
{
    switch (no) {
    case VIRTUAL_FINE:
        return "000";
    case VIRTUAL_NO_ACCOUNT:
    case VIRTUAL_OTHER_CURRENCY:
        return "412";
    case VIRTUAL_CLOSED:
        return "415";
    case VIRTUAL_HELD:
        return "453";
    case VIRTUAL_NO_FUNDS:
        return "454";
    case VIRTUAL_OVER_LIMIT:
        return "455";
    case VIRTUAL_OVER_DAY:
    case VIRTUAL_OVER_CLIENT:
        return "456";
    case VIRTUAL_OTHER_NAME:
        return "815";
    }
    return "412";
}

static bool is_rsp_code(const char *code)
{
    return *code == 'A' || *code == 'O';
}

/* bank_rsp_codes that leave open what has become of it. */
static bool is_open_code(const char *code)
{
    return strlen(code) == 3 && strstr("|400|803|804|819|822|", code) != NULL;
}

/* A transfer that is asked for. */
struct transfer {
    bool is_in;
    uint32_t ours, theirs;
    const json_t *item; /* with bank_tran_id, tran_amt and the payee */
    const char *id;
    int64_t amount;
};

/* What the reply says of it. */
struct outcome {
    const char *rsp_code, *bank_rsp_code;  /* bank_rsp_code NULL: it never came to the bank */
    const struct virtual_payment *payment; /* NULL: it is not kept */
};

static enum virtual_no name_check(struct virtual_bank *bank, const struct transfer *transfer)
{
    struct virtual_account *theirs = &bank->accounts[transfer->theirs];
    const char *name = text_at(transfer->item, "account_holder_name");
    bool is_checked = strcmp(text_at(bank->body, "name_check_option"), "off") != 0;
    if (!*theirs->holder)
        (void)virtual_copy(theirs->holder, VIRTUAL_NAME_MAX, name);
    return is_checked && *name && strcmp(name, theirs->holder) != 0 ? VIRTUAL_OTHER_NAME : VIRTUAL_FINE;
}

/* Whose accounts are missing is told by rsp_code, where it is not an account number. NULL: they are there. */
static const char *missing_code(const struct virtual_bank *bank, const struct transfer *transfer)
{
    if (bank->accounts[transfer->ours].is_missing)
        return "A0319";
    if (bank->accounts[transfer->theirs].is_missing && is_by_number(transfer->item))
        return "A0312";
    return NULL;
}

static struct virtual_payment *make(struct virtual_bank *bank, int64_t now_us,
                                    const struct transfer *transfer, const char *code)
{
    struct virtual_payment wanted = {.rail = VIRTUAL_KFTC,
                                     .operation = bank->ask.operation,
                                     .is_in = transfer->is_in,
                                     .is_doomed = strcmp(code, "000") != 0,
                                     .payer = transfer->is_in ? transfer->theirs : transfer->ours,
                                     .payee = transfer->is_in ? transfer->ours : transfer->theirs,
                                     .customer = transfer->theirs,
                                     .amount = transfer->amount};
    strcpy(wanted.currency, "KRW");
    (void)virtual_copy(wanted.code, sizeof wanted.code - 1, code);
    (void)virtual_copy(wanted.id, VIRTUAL_ID_MAX, transfer->id);
    char date[18];
    virtual_kst_text(now_us, 8, date);
    if (!keep_id(bank->kftc, date, transfer->id, bank->payment_count + 1))
        return NULL;
    struct virtual_payment *payment = virtual_payment_make(bank, now_us, &wanted);
    if (!payment)
        bank->kftc->ids[bank->kftc->count - 1].payment = 0;
    return payment;
}

/* What a rule has the bank say. */
static struct outcome refuse(struct virtual_bank *bank, int64_t now_us, const struct transfer *transfer)
{
    const char *code = *bank->rule.code ? bank->rule.code : transfer->is_in ? "454" : "412";
    if (is_rsp_code(code))
        return (struct outcome){code, NULL, NULL};
    const struct virtual_payment *kept = is_open_code(code) ? NULL : make(bank, now_us, transfer, code);
    return (struct outcome){transfer->is_in ? "A0002" : "A0009", code, kept};
}

static struct outcome pay(struct virtual_bank *bank, int64_t now_us, const struct transfer *transfer)
{
    char date[18];
    virtual_kst_text(now_us, 8, date);
    if (find_id(bank, date, transfer->id))
        return (struct outcome){"A0326", NULL, NULL};
    const char *missing = missing_code(bank, transfer);
    if (missing)
        return (struct outcome){missing, NULL, NULL};
    if (bank->rule.action == BANK_DO_REFUSE)
        return refuse(bank, now_us, transfer);
    struct virtual_payment asked = {
        .rail = VIRTUAL_KFTC, .is_in = transfer->is_in, .amount = transfer->amount};
    asked.payer = transfer->is_in ? transfer->theirs : transfer->ours;
    asked.payee = transfer->is_in ? transfer->ours : transfer->theirs;
    strcpy(asked.currency, "KRW");
    enum virtual_no no = virtual_payment_try(bank, now_us, &asked);
    if (no == VIRTUAL_FINE && !transfer->is_in)
        no = name_check(bank, transfer);
    const struct virtual_payment *payment = make(bank, now_us, transfer, code_of(no));
    if (!payment)
        return (struct outcome){"A0003", NULL, NULL};
    if (payment->status == VIRTUAL_PENDING) {
        const char *code = *bank->rule.code ? bank->rule.code : "A0001";
        bool is_rsp = is_rsp_code(code);
        return (struct outcome){is_rsp            ? code
                                : transfer->is_in ? "A0002"
                                                  : "A0009",
                                is_rsp ? "400" : code, payment};
    }
    return (struct outcome){no == VIRTUAL_FINE ? "A0000"
                            : transfer->is_in  ? "A0002"
                                               : "A0009",
                            payment->code, payment};
}

/* The payment whose ids a reply has: the one before, where a rule says so. */
static const struct virtual_payment *told(const struct virtual_bank *bank,
                                          const struct virtual_payment *payment)
{
    const struct virtual_payment *before =
        bank->rule.action == BANK_DO_DUPLICATE ? virtual_payment_at(bank, payment->number - 1) : NULL;
    return before ? before : payment;
}

static void amount_text(const struct virtual_bank *bank, int64_t amount, char out[24])
{
    int64_t more = bank->rule.action == BANK_DO_AMOUNT ? bank->rule.difference : 0;
    snprintf(out, 24, "%" PRId64, amount + more);
}

/* What the bank has to say of a transfer, into `out`. */
static void set_bank_fields(const struct virtual_bank *bank, json_t *out, const char *id, const char *date,
                            const char *bank_rsp_code, int64_t amount)
{
    char text[24];
    amount_text(bank, amount, text);
    json_object_set_new(out, "bank_tran_id", json_string(id));
    json_object_set_new(out, "bank_tran_date", json_string(date));
    json_object_set_new(out, "bank_code_tran", json_string("097"));
    json_object_set_new(out, "bank_rsp_code", json_string(bank_rsp_code));
    json_object_set_new(out, "bank_rsp_message", json_string(message_of(bank_rsp_code)));
    json_object_set_new(out, "tran_amt", json_string(text));
    if (bank->rule.action == BANK_DO_CURRENCY)
        json_object_set_new(out, "currency", json_string(bank->rule.currency));
}

/* "…9012" of an account number. */
static void set_masked(json_t *out, const char *name, const char *number)
{
    char text[24];
    size_t length = strlen(number), shown = length < 4 ? length : 4;
    snprintf(text, sizeof text, "****%s", number + length - shown);
    json_object_set_new(out, name, json_string(text));
}

static void set_bank(json_t *out, const char *prefix, const char *account)
{
    char name[40];
    snprintf(name, sizeof name, "%sbank_code_std", prefix);
    json_object_set_new(out, name, json_string("097"));
    snprintf(name, sizeof name, "%sbank_code_sub", prefix);
    json_object_set_new(out, name, json_string("0970001"));
    snprintf(name, sizeof name, "%sbank_name", prefix);
    json_object_set_new(out, name, json_string("Virtual Bank"));
    snprintf(name, sizeof name, "%saccount_num_masked", prefix);
    set_masked(out, name, account);
}

static json_t *outcome_fields(const struct virtual_bank *bank, int64_t now_us,
                              const struct transfer *transfer, const struct outcome *outcome, json_t *out)
{
    char today[18];
    virtual_kst_text(now_us, 8, today);
    const struct virtual_payment *payment = outcome->payment ? told(bank, outcome->payment) : NULL;
    set_bank_fields(bank, out, payment ? payment->id : transfer->id, payment ? payment->date : today,
                    outcome->bank_rsp_code ? outcome->bank_rsp_code : "", transfer->amount);
    return out;
}

static const char *outcome_reference(const struct virtual_bank *bank, const struct outcome *outcome)
{
    return outcome->payment ? told(bank, outcome->payment)->reference : NULL;
}

/* ---- operations -------------------------------------------------------------------------------------- */

static uint32_t contract_account(struct virtual_bank *bank, const json_t *body)
{
    char name[VIRTUAL_ACCOUNT_MAX + 1];
    snprintf(name, sizeof name, "cntr:%.16s", text_at(body, "cntr_account_num"));
    return virtual_account_of(bank, name, "KRW");
}

/* false: no memory. The fields are good. */
static bool transfer_of(struct virtual_bank *bank, const json_t *item, bool is_in, struct transfer *out)
{
    char name[VIRTUAL_ACCOUNT_MAX + 1];
    payee_name(item, name);
    *out = (struct transfer){.is_in = is_in,
                             .theirs = virtual_account_of(bank, name, "KRW"),
                             .item = item,
                             .id = text_at(item, "bank_tran_id"),
                             .amount = strtoll(text_at(item, "tran_amt"), NULL, 10)};
    out->ours = contract_account(bank, bank->body);
    return out->theirs != UINT32_MAX && out->ours != UINT32_MAX;
}

/* Whoever the money is for in the end: so an account and its holder are known before he is paid. */
static void meet_receiver(struct virtual_bank *bank, const json_t *body)
{
    char name[VIRTUAL_ACCOUNT_MAX + 1];
    const char *code = text_at(body, "recv_client_bank_code"),
               *number = text_at(body, "recv_client_account_num");
    if (strlen(code) != 3 || !*number)
        return;
    snprintf(name, sizeof name, "%.3s:%.16s", code, number);
    uint32_t account = virtual_account_of(bank, name, "KRW");
    if (account != UINT32_MAX && !*bank->accounts[account].holder)
        (void)virtual_copy(bank->accounts[account].holder, VIRTUAL_NAME_MAX,
                           text_at(body, "recv_client_name"));
}

/* What the payer's day still allows. */
static void set_limit_left(const struct virtual_bank *bank, int64_t now_us, json_t *out, uint32_t account)
{
    const struct virtual_account *payer = &bank->accounts[account];
    int64_t left = INT64_C(999999999999);
    if (payer->day_limit > 0)
        left = payer->day_limit - virtual_account_taken(payer, VIRTUAL_KFTC, now_us);
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, left > 0 ? left : 0);
    json_object_set_new(out, "wd_limit_remain_amt", json_string(text));
}

static void withdraw(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply)
{
    const json_t *body = bank->body;
    const char *wrong = CHECK_FIELDS(body, withdraw_fields);
    if (!wrong)
        wrong = check_client(body, true);
    struct transfer transfer;
    if (wrong || !transfer_of(bank, body, true, &transfer)) {
        answer(bank, now_us, reply, wrong ? "A0004" : "A0003", wrong);
        return;
    }
    meet_receiver(bank, body);
    struct outcome outcome = pay(bank, now_us, &transfer);
    json_t *out = answer_new(bank, now_us, outcome_reference(bank, &outcome), outcome.rsp_code, NULL);
    if (outcome.bank_rsp_code) {
        set_bank(out, "dps_", text_at(body, "cntr_account_num"));
        json_object_set_new(out, "dps_print_content", json_string(text_at(body, "dps_print_content")));
        json_object_set_new(out, "dps_account_holder_name", json_string("TELLER"));
        json_object_set_new(out, "fintech_use_num", json_string(text_at(body, "fintech_use_num")));
        set_bank(out, "", text_at(body, "fintech_use_num"));
        json_object_set_new(out, "print_content", json_string(text_at(body, "wd_print_content")));
        json_object_set_new(out, "account_holder_name", json_string(bank->accounts[transfer.theirs].holder));
        outcome_fields(bank, now_us, &transfer, &outcome, out);
        set_limit_left(bank, now_us, out, transfer.theirs);
    }
    virtual_reply_json(bank, reply, 200, out);
}

static const char *check_deposit(const json_t *body, const json_t *item)
{
    const char *wrong = CHECK_FIELDS(body, deposit_fields);
    if (!wrong && json_array_size(json_object_get(body, "req_list")) != 1)
        wrong = "req_list";
    if (!wrong)
        wrong = CHECK_FIELDS(item, deposit_item_fields);
    if (!wrong)
        wrong = check_payee(item);
    return wrong ? wrong : check_client(item, false);
}

/* fin_num wants a number and acnt_num an account with its holder. */
static const char *check_payee_kind(const struct virtual_bank *bank, const json_t *item)
{
    bool wants_number = strstr(bank->ask.path, "fin_num") != NULL;
    if (wants_number != is_by_number(item))
        return wants_number ? "fintech_use_num" : "bank_code_std";
    return wants_number || *text_at(item, "account_holder_name") ? NULL : "account_holder_name";
}

static void deposit(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply)
{
    const json_t *body = bank->body, *item = json_array_get(json_object_get(body, "req_list"), 0);
    const char *wrong = check_deposit(body, item);
    if (!wrong)
        wrong = check_payee_kind(bank, item);
    struct transfer transfer;
    if (wrong || !transfer_of(bank, item, false, &transfer)) {
        answer(bank, now_us, reply, wrong ? "A0004" : "A0003", wrong);
        return;
    }
    struct outcome outcome = pay(bank, now_us, &transfer);
    json_t *out = answer_new(bank, now_us, outcome_reference(bank, &outcome), outcome.rsp_code, NULL);
    if (outcome.bank_rsp_code) {
        const struct virtual_account *theirs = &bank->accounts[transfer.theirs];
        set_bank(out, "wd_", text_at(body, "cntr_account_num"));
        json_object_set_new(out, "wd_print_content", json_string(text_at(body, "wd_print_content")));
        json_object_set_new(out, "wd_account_holder_name", json_string("TELLER"));
        json_object_set_new(out, "res_cnt", json_string("1"));
        json_t *result = json_object();
        json_object_set_new(result, "tran_no", json_string(text_at(item, "tran_no")));
        outcome_fields(bank, now_us, &transfer, &outcome, result);
        set_bank(result, "", strchr(theirs->name, ':') ? strchr(theirs->name, ':') + 1 : theirs->name);
        if (is_by_number(item))
            json_object_set_new(result, "fintech_use_num", json_string(theirs->name));
        json_object_set_new(result, "print_content", json_string(text_at(item, "print_content")));
        json_object_set_new(result, "account_holder_name", json_string(theirs->holder));
        json_object_set_new(out, "res_list", json_pack("[o]", result));
    }
    virtual_reply_json(bank, reply, 200, out);
}

/* Who is the receiver, and can he receive? */
static void receive(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply)
{
    const json_t *body = bank->body;
    const char *wrong = CHECK_FIELDS(body, receive_fields);
    if (!wrong)
        wrong = check_payee(body);
    if (!wrong)
        wrong = check_client(body, false);
    struct transfer transfer;
    if (wrong || !transfer_of(bank, body, false, &transfer)) {
        answer(bank, now_us, reply, wrong ? "A0004" : "A0003", wrong);
        return;
    }
    const struct virtual_account *theirs = &bank->accounts[transfer.theirs];
    const char *code = theirs->is_missing ? "412" : theirs->is_closed ? "415" : "000";
    if (bank->rule.action == BANK_DO_REFUSE)
        code = *bank->rule.code ? bank->rule.code : "412";
    struct outcome outcome = {strcmp(code, "000") == 0 ? "A0000" : "A0002", code, NULL};
    if (is_rsp_code(code))
        outcome = (struct outcome){code, NULL, NULL};
    json_t *out = answer_new(bank, now_us, NULL, outcome.rsp_code, NULL);
    if (outcome.bank_rsp_code) {
        set_bank(out, "", strchr(theirs->name, ':') ? strchr(theirs->name, ':') + 1 : theirs->name);
        if (is_by_number(body))
            json_object_set_new(out, "fintech_use_num", json_string(theirs->name));
        json_object_set_new(out, "print_content", json_string(text_at(body, "print_content")));
        json_object_set_new(out, "account_holder_name", json_string(theirs->holder));
        outcome_fields(bank, now_us, &transfer, &outcome, out);
    }
    virtual_reply_json(bank, reply, 200, out);
}

/* What an inquiry says of one transfer. */
static const char *result_code(struct virtual_bank *bank, int64_t now_us, const json_t *item, bool is_in,
                               struct virtual_payment **payment_p)
{
    const char *rule_code = bank->rule.code;
    struct virtual_payment *payment =
        find_id(bank, text_at(item, "org_bank_tran_date"), text_at(item, "org_bank_tran_id"));
    *payment_p = payment && payment->is_in == is_in ? payment : NULL;
    if (bank->rule.action == BANK_DO_REFUSE)
        return *rule_code ? rule_code : "701";
    if (bank->rule.action == BANK_DO_PROCESSING)
        return *rule_code ? rule_code : "400";
    if (!*payment_p)
        return "701";
    virtual_payment_look(bank, now_us, payment);
    bool is_open = payment->status != VIRTUAL_CREDITED && payment->status != VIRTUAL_REJECTED;
    bool is_same = payment->amount == strtoll(text_at(item, "org_tran_amt"), NULL, 10);
    return is_open || !is_same ? "400" : payment->code;
}

static json_t *result_item(struct virtual_bank *bank, int64_t now_us, const json_t *item, bool is_in)
{
    struct virtual_payment *payment;
    const char *code = result_code(bank, now_us, item, is_in, &payment);
    const struct virtual_payment *shown = payment ? told(bank, payment) : NULL;
    json_t *out = json_object();
    json_object_set_new(out, "tran_no", json_string(text_at(item, "tran_no")));
    set_bank_fields(bank, out, shown ? shown->id : text_at(item, "org_bank_tran_id"),
                    text_at(item, "org_bank_tran_date"), code,
                    payment ? payment->amount : strtoll(text_at(item, "org_tran_amt"), NULL, 10));
    return out;
}

static const char *check_result(const json_t *body)
{
    const char *wrong = CHECK_FIELDS(body, result_fields);
    const json_t *list = json_object_get(body, "req_list");
    size_t count = json_array_size(list);
    if (!wrong &&
        (count == 0 || count > INQUIRIES_MAX || count != (size_t)strtoul(text_at(body, "req_cnt"), NULL, 10)))
        wrong = "req_cnt";
    for (size_t i = 0; !wrong && i < count; i++)
        wrong = CHECK_FIELDS(json_array_get(list, i), result_item_fields);
    return wrong;
}

static void result(struct virtual_bank *bank, int64_t now_us, struct virtual_reply *reply)
{
    const char *wrong = check_result(bank->body);
    if (wrong) {
        answer(bank, now_us, reply, "A0004", wrong);
        return;
    }
    if (bank->rule.action == BANK_DO_REFUSE && is_rsp_code(bank->rule.code)) {
        answer(bank, now_us, reply, bank->rule.code, NULL);
        return;
    }
    const json_t *list = json_object_get(bank->body, "req_list");
    bool is_in = strcmp(text_at(bank->body, "check_type"), "1") == 0;
    json_t *out = answer_new(bank, now_us, NULL, "A0000", NULL), *results = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append_new(results, result_item(bank, now_us, json_array_get(list, i), is_in));
    json_object_set_new(out, "res_cnt", json_string(text_at(bank->body, "req_cnt")));
    json_object_set_new(out, "res_list", results);
    virtual_reply_json(bank, reply, 200, out);
}

/* ---- tokens ------------------------------------------------------------------------------------------ */

static bool is_client(const struct virtual_bank *bank, const struct virtual_request *request)
{
    char id[256], secret[256];
    bool has_both = virtual_form_field(request, "client_id", id, sizeof id - 1) &&
                    virtual_form_field(request, "client_secret", secret, sizeof secret - 1);
    return has_both && *id && *secret &&
           (!bank->options.client_id || strcmp(id, bank->options.client_id) == 0) &&
           (!bank->options.client_secret || strcmp(secret, bank->options.client_secret) == 0);
}

/* Scope oob by client_credentials; transfer by a user's authorization code, of which any is good. */
static const char *token_code(const struct virtual_bank *bank, const struct virtual_request *request,
                              const char *grant, const char *scope)
{
    char user_code[256];
    if (!is_client(bank, request) || bank->rule.action == BANK_DO_REFUSE)
        return *bank->rule.code ? bank->rule.code : "O0001";
    if (strcmp(grant, "client_credentials") == 0 && strcmp(scope, "oob") == 0)
        return NULL;
    bool has_code = virtual_form_field(request, "code", user_code, sizeof user_code - 1) && *user_code;
    return strcmp(grant, "authorization_code") == 0 && has_code ? NULL : "O0003";
}

static void token(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                  struct virtual_reply *reply)
{
    char grant[32], scope[32];
    (void)virtual_form_field(request, "grant_type", grant, sizeof grant - 1);
    (void)virtual_form_field(request, "scope", scope, sizeof scope - 1);
    const char *wrong = token_code(bank, request, grant, scope);
    if (wrong) {
        virtual_reply_json(bank, reply, 200,
                           json_pack("{ssss}", "rsp_code", wrong, "rsp_message", message_of(wrong)));
        return;
    }
    char text[VIRTUAL_TOKEN_MAX + 1];
    const char *kind = strcmp(grant, "authorization_code") == 0 ? "transfer" : "oob";
    virtual_token_make(bank, now_us, kind, text);
    virtual_reply_json(bank, reply, 200,
                       json_pack("{sssssIssss}", "access_token", text, "token_type", "Bearer", "expires_in",
                                 (json_int_t)(bank->options.token_life_us / 1000000), "scope", kind,
                                 "client_use_code", "T991234560"));
}

/* Withdrawals are the user's to allow: a token of scope transfer, which a user may also have got elsewhere ("user…"). The client's own is taken
 * too, as here every fintech_use_num has consented. */
static bool has_token(const struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request)
{
    const char *header = virtual_request_header(request, "Authorization");
    if (virtual_token_is_good(bank, now_us, request, "oob"))
        return true;
    if (bank->ask.operation != VIRTUAL_KFTC_WITHDRAW)
        return false;
    return virtual_token_is_good(bank, now_us, request, "transfer") ||
           (header && strncmp(header, "Bearer user", 11) == 0);
}

void kftc_serve(struct virtual_bank *bank, int64_t now_us, const struct virtual_request *request,
                struct virtual_reply *reply)
{
    enum virtual_operation operation = bank->ask.operation;
    if (operation == VIRTUAL_KFTC_TOKEN)
        token(bank, now_us, request, reply);
    else if (!has_token(bank, now_us, request))
        kftc_refuse_token(bank, now_us, reply);
    else if (!json_is_object(bank->body))
        answer(bank, now_us, reply, "A0004", "JSON");
    else if (operation == VIRTUAL_KFTC_WITHDRAW)
        withdraw(bank, now_us, reply);
    else if (operation == VIRTUAL_KFTC_DEPOSIT)
        deposit(bank, now_us, reply);
    else if (operation == VIRTUAL_KFTC_RECEIVE)
        receive(bank, now_us, reply);
    else
        result(bank, now_us, reply);
}
