/* The inside of the bank that does not exist: one struct, and what its files offer each other.
 *
 * A request goes through virtual_bank_handle (virtual_bank.c):
 *
 *     kftc_asks, obie_asks     which operation is it, about whom: struct virtual_ask, as far as it can be told
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
    char id[VIRTUAL_ID_MAX + 1];     /* the client's: bank_tran_id, idempotency key; of a GET, the resource */
    char account[VIRTUAL_ACCOUNT_MAX + 1]; /* the customer's */
};

/* ---- accounts --------------------------------------------------------------------------------------- */

/* What stands in the way of moving money. */
enum virtual_no {
    VIRTUAL_FINE,
    VIRTUAL_NO_ACCOUNT,     /* KFTC 412 */
    VIRTUAL_CLOSED,         /* 415 */
    VIRTUAL_NO_FUNDS,       /* 454 */
    VIRTUAL_OVER_LIMIT,     /* 453: of one payment */
    VIRTUAL_OVER_DAY,       /* 455: of a day */
    VIRTUAL_OVER_CLIENT,    /* 456: of all that is pulled by this client in a day */
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
    char code[8];          /* KFTC: bank_rsp_code; OBIE: reason of RJCT (ISO 20022, four letters) */
    uint32_t payer, payee; /* accounts */
    uint32_t customer;     /* that of them which is not the client's */
    int64_t amount;
    char currency[4];
    int64_t created_us, changed_us; /* changed: last status */
    int64_t next_us;                /* when its status changes; INT64_MAX: never more */
    uint32_t looks;                 /* PENDING: looks at it that still find it so; 0: time alone ends it */
    json_t *data;                   /* OBIE: Initiation and Instruction of its request; NULL */
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

    uint64_t *entries; /* numbers of payments that moved, in order */
    int64_t *entry_times;
    uint64_t entry_count, entry_capacity;

    uint64_t *heap; /* payments whose status changes, by next_us and number */
    size_t heap_count, heap_capacity;

    struct bank_rules *rules;
    struct virtual_webhooks *webhooks; /* webhooks.c */
    struct kftc_server *kftc;          /* tokens, ids of the day */
    struct obie_server *obie;          /* tokens, consents, keys, how it signs */

    uint64_t requests; /* since the beginning, /admin aside */
    uint64_t by_operation[VIRTUAL_OPERATIONS];

    struct admin_server *admin; /* the log of what was asked */

    /* of the request in hand */
    struct virtual_ask ask;
    struct bank_rule rule;
    int64_t hold_us; /* virtual_bank_handle adds it to the reply's delay_us: a callback is to come first */
    char *reply_body;
    char header_text[VIRTUAL_HEADERS_MAX][VIRTUAL_HEADER_TEXT_MAX + 1];
};

/* ---- virtual_bank.c */

/* The account of that name; it comes into being with the opening balance. UINT32_MAX: no memory, or the name is too long or empty. */
uint32_t virtual_account_of(struct virtual_bank *self, const char *name, const char *currency);
/* UINT32_MAX: there is none. */
uint32_t virtual_account_find(const struct virtual_bank *self, const char *name);

/* A new payment: id, consent, operation, parties, amount, currency are the caller's to set in *wanted; number, reference (where empty), times
 * and status are set here. VIRTUAL_FINE: it is accepted, and *out is it; with no settling time its money has moved. Anything else: nothing has
 * changed but *out, when is_kept: a payment that is REJECTED, with code of *wanted. *out NULL with VIRTUAL_FINE: no memory. The rule in hand is obeyed where it is "processing". */
enum virtual_no virtual_payment_make(struct virtual_bank *self, int64_t now_us,
                                     const struct virtual_payment *wanted, bool is_kept,
                                     struct virtual_payment **out);
/* NULL: there is none. */
struct virtual_payment *virtual_payment_find(const struct virtual_bank *self, const char *reference);
/* number: from 1. NULL: there is none. */
struct virtual_payment *virtual_payment_at(const struct virtual_bank *self, uint64_t number);

/* Payments whose time has come change their status; webhooks.c is told. */
void virtual_bank_advance(struct virtual_bank *self, int64_t now_us);

/* true: each currency's balances sum up to its openings, and no account holds more than its open payments say. */
bool virtual_bank_books(const struct virtual_bank *self);

/* 32 hexadecimal digits in the form of a UUID, from the bank's ids. */
void virtual_bank_uuid(struct virtual_bank *self, char out[37]);

/* A text of at most `limit` bytes, copied with its NUL. false: it is NULL or longer; out is empty. */
bool virtual_copy(char *out, size_t limit, const char *text);

/* ---- replies: virtual_reply.c */

/* The body is the bank's until the next call; takes the reference. NULL: 500. */
void virtual_reply_json(struct virtual_bank *self, struct virtual_reply *reply, int status, json_t *body);
void virtual_reply_text(struct virtual_bank *self, struct virtual_reply *reply, int status, const char *type,
                        const char *body, size_t length);
/* Copied; a name that is there already is replaced. What does not fit is left out. */
void virtual_reply_header(struct virtual_bank *self, struct virtual_reply *reply, const char *name,
                          const char *value);
/* NULL: there is none. Names in any case. */
const char *virtual_request_header(const struct virtual_request *request, const char *name);
/* "2026-11-21T08:30:00.123+00:00" */
void virtual_time_text(int64_t now_us, char out[40]);
/* "20261121173000123" in KST: 8, 14 or 17 digits of it. */
void virtual_kst_text(int64_t now_us, size_t digits, char out[18]);

/* ---- the servers */

struct kftc_server *kftc_server_new(void);
void kftc_server_destroy(struct kftc_server **self_p);
/* What the request is; false: no path of this rail. Reads it, and changes nothing. */
bool kftc_asks(const struct virtual_request *request, struct virtual_ask *out);
void kftc_serve(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                struct virtual_reply *reply);
/* The reply to a token that is refused. */
void kftc_refuse_token(struct virtual_bank *self, int64_t now_us, struct virtual_reply *reply);

/* NULL: no memory, or a key that cannot be read. */
struct obie_server *obie_server_new(const struct virtual_bank_options *options);
void obie_server_destroy(struct obie_server **self_p);
bool obie_asks(const struct virtual_request *request, struct virtual_ask *out);
void obie_serve(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                struct virtual_reply *reply);
void obie_refuse_token(struct virtual_bank *self, struct virtual_reply *reply);
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
