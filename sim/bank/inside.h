/* The inside of the bank that does not exist: one struct, and what its files offer each other.
 *
 * A request goes through virtual_bank_handle (virtual_http.c):
 *
 *     route, kftc_asks, obie_asks     which operation is it, about whom: struct virtual_ask, as far as it can be told
 *     bank_rules_ask           what is to be done wrong with it (rule.h). One that forestalls: bank_rule_spoil makes the reply, nothing is worked on
 *     kftc_serve, obie_serve   work, and obey self->rule where it is about what the bank says (refused, processing, wrong_amount …)
 *     bank_rule_spoil          how the reply comes
 *
 * Names of accounts: KFTC: a fintech_use_num, or "BBB:ACCOUNT" (bank code, account number); ours "cntr:ACCOUNT". OBIE: "SCHEME:IDENTIFICATION",
 * or "mandate:CONSENTID" where a mandate never told its account. Accounts, mandates and fintech_use_nums come into being when they are
 * first named.
 *
 * Money: a payment moves its amount between two accounts of one currency, once, in virtual_payment_move. Until then a payment that is accepted
 * holds it at its payer. So the sum of all balances is the sum of all openings, always (virtual_bank_books). */
#ifndef TELLER_SIM_BANK_INSIDE_H
#define TELLER_SIM_BANK_INSIDE_H

#include <jansson.h>

#include "sim/bank/rule.h"
#include "sim/bank/text_index.h"
#include "sim/bank/virtual_bank.h"
#include "sim/random.h"

enum {
    VIRTUAL_ID_MAX = 64,
    VIRTUAL_ACCOUNT_MAX = 128,
    VIRTUAL_NAME_MAX = 140,
    VIRTUAL_PATH_MAX = 255,
    VIRTUAL_HEADERS_MAX = 8,
    VIRTUAL_HEADER_TEXT_MAX = 1600,
    VIRTUAL_BODY_MAX = 64 * 1024, /* of a request: a longer one is answered 413 */
};

#define VIRTUAL_SECOND_US INT64_C(1000000)

/* ---- what is asked ---------------------------------------------------------------------------------- */

enum virtual_rail { VIRTUAL_KFTC, VIRTUAL_OBIE };

/* By the words that rules and reports use: virtual_operation_word. */
enum virtual_operation {
    VIRTUAL_OTHER,               /* "other": a path that neither rail has */
    VIRTUAL_KFTC_TOKEN,          /* "kftc-token" */
    VIRTUAL_KFTC_RECEIVE,        /* "kftc-receive": inquiry/receive */
    VIRTUAL_KFTC_WITHDRAW,       /* "kftc-withdraw" */
    VIRTUAL_KFTC_DEPOSIT,        /* "kftc-deposit": fin_num and acnt_num */
    VIRTUAL_KFTC_RESULT,         /* "kftc-result" */
    VIRTUAL_OBIE_TOKEN,          /* "obie-token" */
    VIRTUAL_OBIE_VRP_CONSENT,    /* "obie-vrp-consent": POST */
    VIRTUAL_OBIE_VRP_CONSENT_OF, /* "obie-vrp-consent-of": GET, here and below */
    VIRTUAL_OBIE_VRP,            /* "obie-vrp" */
    VIRTUAL_OBIE_VRP_OF,         /* "obie-vrp-of" */
    VIRTUAL_OBIE_CONSENT,        /* "obie-consent" */
    VIRTUAL_OBIE_CONSENT_OF,     /* "obie-consent-of" */
    VIRTUAL_OBIE_PAYMENT,        /* "obie-payment" */
    VIRTUAL_OBIE_PAYMENT_OF,     /* "obie-payment-of" */
    VIRTUAL_OPERATIONS,
};

const char *virtual_operation_word(enum virtual_operation operation);

/* What it is to rules; BANK_ASK_ANY: of no rail. */
enum bank_ask_step virtual_operation_step(enum virtual_operation operation);

/* A request, as far as it could be told before working on it; texts are empty where it was not. */
struct virtual_ask {
    enum virtual_operation operation;
    enum virtual_rail rail;
    char path[VIRTUAL_PATH_MAX + 1]; /* without its query, and without the prefix that OBIE's servers have */
    char resource[VIRTUAL_ID_MAX + 1];     /* of a GET: its last part */
    char id[VIRTUAL_ID_MAX + 1];           /* the client's: bank_tran_id, idempotency key */
    char account[VIRTUAL_ACCOUNT_MAX + 1]; /* the customer's */
};

/* ---- accounts --------------------------------------------------------------------------------------- */

/* What stands in the way of moving money. */
enum virtual_no {
    VIRTUAL_FINE,
    VIRTUAL_NO_ACCOUNT,  /* KFTC 412 */
    VIRTUAL_CLOSED,      /* 415 */
    VIRTUAL_HELD,        /* 453: it would do, if other payments held less */
    VIRTUAL_NO_FUNDS,    /* 454 */
    VIRTUAL_OVER_LIMIT,  /* 455: of one payment */
    VIRTUAL_OVER_DAY,    /* 456: of a day */
    VIRTUAL_OVER_CLIENT, /* 456: of all that is pulled by this client in a day: the day_limit of its account */
    VIRTUAL_OTHER_CURRENCY, /* the account is kept in another one */
    VIRTUAL_OTHER_NAME,     /* 815: the holder is called otherwise */
};

struct virtual_account {
    char name[VIRTUAL_ACCOUNT_MAX + 1];
    char holder[VIRTUAL_NAME_MAX + 1]; /* empty: never told */
    char currency[4];
    bool is_missing, is_closed; /* by /admin: the bank denies it, or says that it is closed */
    int64_t balance, held, opening;
    int64_t limit, day_limit; /* 0: none; UTC days of KST for KFTC's, of UTC for OBIE's */
    int64_t day, day_sum;     /* taken on that day */
};

/* ---- payments --------------------------------------------------------------------------------------- */

/*  RECEIVED ─► ACCEPTED ─► DEBITED ─► CREDITED      money moves on the way to DEBITED
 *      │  └─► PENDING ─┘
 *      └────────┴─► REJECTED                        KFTC's payments are CREDITED or REJECTED, or PENDING by a rule */
enum virtual_status {
    VIRTUAL_RECEIVED, /* RCVD */
    VIRTUAL_PENDING,  /* PDNG */
    VIRTUAL_ACCEPTED, /* ACSP */
    VIRTUAL_DEBITED,  /* ACSC */
    VIRTUAL_CREDITED, /* ACCC: final */
    VIRTUAL_REJECTED, /* RJCT: final */
};

struct virtual_payment {
    uint64_t number; /* from 1, in order of creation */
    enum virtual_rail rail;
    enum virtual_operation operation; /* that made it */
    enum virtual_status status;
    bool is_in, is_moved;
    char reference[VIRTUAL_ID_MAX + 1]; /* KFTC: api_tran_id; OBIE: DomesticVRPId, DomesticPaymentId */
    char id[VIRTUAL_ID_MAX + 1];        /* bank_tran_id, idempotency key */
    char consent[VIRTUAL_ID_MAX + 1];   /* OBIE */
    char date[9];                       /* YYYYMMDD, KST: KFTC's bank_tran_date */
    char code
        [8]; /* KFTC: bank_rsp_code; OBIE: reason of RJCT (ISO 20022, four letters), the word of a PENDING one */
    uint32_t payer, payee; /* accounts */
    uint32_t customer;     /* that of them which is not the client's */
    int64_t amount;
    char currency[4];
    int64_t created_us, changed_us; /* changed: last status */
    int64_t next_us;                /* when its status changes; INT64_MAX: never more */
    uint32_t looks; /* PENDING: looks at it that still find it so; UINT32_MAX: time alone ends it */
    bool is_doomed; /* it will be REJECTED: nothing is held for it */
    json_t *data;   /* OBIE: Initiation and Instruction of its request; NULL */
};

struct virtual_due {
    int64_t at_us;
    uint64_t number; /* of the payment */
};

struct virtual_entry_of {
    uint64_t payment;
    int64_t at_us;
};

/* ---- the bank --------------------------------------------------------------------------------------- */

struct admin_server;
struct virtual_webhooks;
struct kftc_server;
struct obie_server;

struct virtual_bank {
    struct virtual_bank_options options; /* strings are ours */
    struct sim_random ids;

    struct virtual_account *accounts;
    uint32_t account_count, account_capacity;
    struct text_index accounts_by_name;

    struct virtual_payment **payments; /* by number - 1 */
    uint64_t payment_count, payment_capacity;
    struct text_index payments_by_reference;

    struct virtual_entry_of *entries; /* payments that moved, in order */
    uint64_t entry_count, entry_capacity;

    struct virtual_due
        *heap; /* payments whose status changes, soonest first; may hold times that are not so any more */
    size_t heap_count, heap_capacity;

    struct bank_rules *rules;
    struct virtual_webhooks *webhooks; /* webhooks.c */
    struct kftc_server *kftc;          /* tokens, ids of the day */
    struct obie_server *obie;          /* tokens, consents, keys, how it signs */

    uint64_t requests; /* since the beginning, /admin aside */
    uint64_t by_operation[VIRTUAL_OPERATIONS];

    char obie_client[VIRTUAL_NAME_MAX +
                     1];        /* who got OBIE's last token: for whom events are; empty: not told */
    struct admin_server *admin; /* the log of what was asked */

    /* of the request in hand */
    struct virtual_ask ask;
    struct bank_rule rule;
    int64_t hold_us; /* virtual_bank_handle adds it to the reply's delay_us: a callback is to come first */
    json_t *body;    /* NULL: there is none, or it is no JSON */
    char *reply_body;
    char header_text[VIRTUAL_HEADERS_MAX][VIRTUAL_HEADER_TEXT_MAX + 1];
};

/* ---- virtual_bank.c */

/* The account of that name; it comes into being with the opening balance. UINT32_MAX: no memory, or the name is too long or empty. */
uint32_t virtual_account_of(struct virtual_bank *self, const char *name, const char *currency);
/* UINT32_MAX: there is none. */
uint32_t virtual_account_find(const struct virtual_bank *self, const char *name);

/* What the account has been asked to pay, or the client's has taken in, on the rail's day of that time. */
int64_t virtual_account_taken(const struct virtual_account *account, enum virtual_rail rail, int64_t now_us);

/* Whether the payment could be made now; changes nothing. */
enum virtual_no virtual_payment_try(const struct virtual_bank *self, int64_t now_us,
                                    const struct virtual_payment *wanted);

/* A new payment. Of *wanted the caller sets rail, operation, is_in, id, consent, reference, payer, payee, amount, currency, data (taken over in any
 * case), and, for one that is_doomed, code. It is not asked whether it could be made. With no settling time it is CREDITED or REJECTED when this
 * returns, unless the rule in hand is "processing". NULL: no memory. */
struct virtual_payment *virtual_payment_make(struct virtual_bank *self, int64_t now_us,
                                             const struct virtual_payment *wanted);
/* NULL: there is none. */
struct virtual_payment *virtual_payment_find(const struct virtual_bank *self, const char *reference);
/* number: from 1. NULL: there is none. */
struct virtual_payment *virtual_payment_at(const struct virtual_bank *self, uint64_t number);

/* Somebody asks about it: a PENDING one may end by it. */
void virtual_payment_look(struct virtual_bank *self, int64_t now_us, struct virtual_payment *payment);

/* Payments whose time has come change their status; webhooks.c is told. */
void virtual_bank_advance(struct virtual_bank *self, int64_t now_us);

/* true: each currency's balances sum up to its openings, each account is as its entries say, and holds what its open payments say. */
bool virtual_bank_books(const struct virtual_bank *self);

/* 32 hexadecimal digits in the form of a UUID, from the bank's ids. */
void virtual_bank_uuid(struct virtual_bank *self, char out[37]);

/* The time after a delay; the last there is, where there is none. */
int64_t virtual_later(int64_t at_us, int64_t delay_us);

/* FNV-1a, from where it stands; it begins with VIRTUAL_DIGEST. */
#define VIRTUAL_DIGEST UINT64_C(14695981039346656037)
void virtual_mix(uint64_t *digest, const void *data, size_t length);

/* A text of at most `limit` bytes, copied with its NUL. false: it is NULL or longer; out is empty. */
bool virtual_copy(char *out, size_t limit, const char *text);

/* ---- virtual_http.c */

/* The body is the bank's until the next call; takes the reference. NULL: 500. */
void virtual_reply_json(struct virtual_bank *self, struct virtual_reply *reply, int status, json_t *body);
void virtual_reply_text(struct virtual_bank *self, struct virtual_reply *reply, int status, const char *type,
                        const char *body, size_t length);
/* Copied; a name that is there already is replaced. What does not fit is left out. */
void virtual_reply_header(struct virtual_bank *self, struct virtual_reply *reply, const char *name,
                          const char *value);
/* No body. */
void virtual_reply_empty(struct virtual_bank *self, struct virtual_reply *reply, int status);
/* NULL: there is none. Names in any case. */
const char *virtual_request_header(const struct virtual_request *request, const char *name);
/* "2026-11-21T08:30:00.123+00:00" */
void virtual_time_text(int64_t now_us, char out[40]);
/* "20261121173000123" in KST: 8, 14 or 17 digits of it, and a NUL. */
void virtual_kst_text(int64_t now_us, size_t digits, char *out);

/* Tokens say by themselves what they are for and until when; nothing is kept of them. scope: of letters. */
enum { VIRTUAL_TOKEN_MAX = 96 };
void virtual_token_make(const struct virtual_bank *self, int64_t now_us, const char *scope,
                        char out[VIRTUAL_TOKEN_MAX + 1]);
/* The request's bearer token is one of ours, for that scope, and has not ended. */
bool virtual_token_is_good(const struct virtual_bank *self, int64_t now_us,
                           const struct virtual_request *request, const char *scope);
/* A field of a body that is form-encoded. false: it is not there, or longer than `limit`. */
bool virtual_form_field(const struct virtual_request *request, const char *name, char *out, size_t limit);

/* ---- the servers */

struct kftc_server *kftc_server_new(void); /* NULL: no memory */
void kftc_server_destroy(struct kftc_server **self_p);
/* Who and what it is about; body NULL: no JSON. */
void kftc_asks(const json_t *body, struct virtual_ask *ask);
void kftc_serve(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                struct virtual_reply *reply);
/* The reply to a token that is refused. */
void kftc_refuse_token(struct virtual_bank *self, int64_t now_us, struct virtual_reply *reply);

/* NULL: no memory, or a key that cannot be read. */
struct obie_server *obie_server_new(const struct virtual_bank_options *options);
void obie_server_destroy(struct obie_server **self_p);
void obie_asks(const struct virtual_request *request, const json_t *body, struct virtual_ask *ask);
void obie_serve(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                struct virtual_reply *reply);
void obie_refuse_token(struct virtual_bank *self, struct virtual_reply *reply);
/* x-fapi-interaction-id, which every reply has. */
void obie_echo(struct virtual_bank *self, const struct virtual_request *request, struct virtual_reply *reply);
/* What is true of consents and keys, for the digest. */
uint64_t obie_server_digest(const struct virtual_bank *self);
/* "ACSC" … */
const char *obie_status_word(enum virtual_status status);

/* A compact JWS (PS256, kid in its header) of a JSON payload with the bank's key, for event notifications; the caller frees it. NULL: no memory. */
char *obie_jwt(struct virtual_bank *self, const char *payload, size_t length);

/* ---- admin_server.c: paths under /admin/ */

/* NULL: no memory. */
struct admin_server *admin_server_new(void);
void admin_server_destroy(struct admin_server **self_p);
/* virtual_bank_handle calls it last, for every request but those under /admin/: for the log. */
void admin_note(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                const struct virtual_reply *reply);
void admin_serve(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                 struct virtual_reply *reply);

/* ---- webhooks.c; virtual_bank_post and virtual_bank_posted are there too */

/* NULL: no memory. */
struct virtual_webhooks *virtual_webhooks_new(uint64_t seed);
void virtual_webhooks_destroy(struct virtual_webhooks **self_p);
/* A payment has been made, and before its request is answered: the rule of its callbacks is drawn now (bank_rules_tell). */
void virtual_webhook_made(struct virtual_bank *self, int64_t now_us, const struct virtual_payment *payment);
/* Its status has become DEBITED, CREDITED or REJECTED: whom it may concern is told. */
void virtual_webhook_changed(struct virtual_bank *self, int64_t now_us,
                             const struct virtual_payment *payment);
/* When one is to be posted; INT64_MAX: never. */
int64_t virtual_webhooks_due_us(const struct virtual_bank *self);
/* Another place for them: notify_url or callback_url of the options, which are strings that free takes. text NULL: none. false: no memory. */
bool virtual_webhooks_url(const char **url, const char *text);

struct virtual_webhook_figures {
    uint64_t waiting, delivered, repeated, dropped; /* posts: repeated is of events, dropped for good */
};
struct virtual_webhook_figures virtual_webhooks_figures(const struct virtual_bank *self);

/* What is true of webhooks, for the digest. */
uint64_t virtual_webhooks_digest(const struct virtual_bank *self);

#endif
