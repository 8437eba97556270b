/* A bank that does not exist: accounts, payments, a ledger of what it really paid, and two published protocols to reach it by,
 * KFTC open banking 2.0 and OBIE Read/Write 4.0.
 *
 * Pure: no socket, thread, clock or file; time comes with each call and chance from a seed. So `teller bank` puts an HTTP server around it, and
 * the simulator a virtual network; both meet the very same bank.
 *
 * What a bank does wrong is a list of rules (rule.h): for which requests, when, how often, and what. The ledger (virtual_bank_entry) is what
 * is true: a payment that was made although its answer was lost is in it.
 *
 *     virtual_bank.c   accounts, payments, the ledger, life
 *     kftc_server.c    KFTC's requests; obie_server.c OBIE's; admin_server.c the simulator's own (/admin/…)
 *     rule.c           faults
 *     webhooks.c       OBIE's event notifications and the generic callback, with retries
 */
#ifndef TELLER_SIM_BANK_VIRTUAL_BANK_H
#define TELLER_SIM_BANK_VIRTUAL_BANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"

struct virtual_bank;

struct virtual_bank_options {
    uint64_t seed;
    const char *base_url;     /* ours: in links of replies */
    const char *notify_url;   /* where OBIE's event notifications go; NULL: nowhere */
    const char *callback_url; /* where the generic HMAC callback goes; NULL: nowhere */
    const char *callback_secret;
    const char *signing_key_pem; /* OBIE: PS256; NULL: virtual_bank_test_key */
    const char *client_key_pem;  /* public: OBIE: of x-jws-signature; NULL: signatures are not verified */
    const char *client_id, *client_secret; /* NULL: any */
    int64_t settle_us; /* OBIE's accepted payments become final after it; 0: at once, as KFTC's always do */
    int64_t opening_balance; /* of an account that is named for the first time, minor units */
    int64_t token_life_us;
};

/* PEM: what it signs with where options have no signing_key_pem. Everybody knows it. */
extern const char virtual_bank_test_key[], virtual_bank_test_public_key[];

struct virtual_bank_options virtual_bank_options_default(void);

/* NULL: no memory, or a key that cannot be read. Strings are copied. */
struct virtual_bank *virtual_bank_new(const struct virtual_bank_options *options);
void virtual_bank_destroy(struct virtual_bank **self_p);

/* ---- HTTP ----------------------------------------------------------------------------------------- */

struct virtual_header {
    const char *name, *value;
};

struct virtual_request {
    const char *method, *path; /* path with its query */
    const struct virtual_header *headers;
    size_t header_count;
    const char *body;
    size_t length;
};

/* How the reply reaches the client. */
enum virtual_delivery {
    VIRTUAL_ANSWER,  /* whole */
    VIRTUAL_SILENCE, /* never: the connection stays open until the client goes */
    VIRTUAL_HANGUP,  /* the connection is closed without a byte */
    VIRTUAL_CUT,     /* half of the body, then closed */
};

struct virtual_reply {
    enum virtual_delivery delivery;
    int64_t delay_us; /* before it */
    int status;
    struct virtual_header headers[8];
    size_t header_count;
    char *body; /* the bank's; valid until the next call */
    size_t length;
    const char *rule; /* what was done wrong, a word of rule.h; NULL: nothing */
};

/* Works one request: what it moves is moved when it returns, whatever becomes of the reply. */
void virtual_bank_handle(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                         struct virtual_reply *reply);

/* ---- webhooks ------------------------------------------------------------------------------------- */

struct virtual_post {
    uint64_t id;
    const char *url, *content_type;
    struct virtual_header headers[4];
    size_t header_count;
    const char *body;
    size_t length;
};

/* When a webhook is to be posted next, or a payment becomes final; INT64_MAX: never. */
int64_t virtual_bank_due_us(const struct virtual_bank *self);
/* The next one that is due by now; false: none. Valid until the next call. */
bool virtual_bank_post(struct virtual_bank *self, int64_t now_us, struct virtual_post *out);
/* What became of it: a status, or 0 for none. Anything but 2xx is posted again, later each time. */
void virtual_bank_posted(struct virtual_bank *self, int64_t now_us, uint64_t id, int status);

/* ---- faults --------------------------------------------------------------------------------------- */

/* Replaces all rules. ERR_INVALID: nothing has changed; why, of 160 bytes, tells. */
enum err virtual_bank_rules(struct virtual_bank *self, const char *json, size_t length,
                            char why[160]) MUST_USE;

/* ---- what is true ----------------------------------------------------------------------------------- */

struct virtual_entry {
    uint64_t number; /* from 1, in order */
    int64_t at_us;
    char rail[8];       /* "kftc", "obie" */
    char reference[65]; /* the bank's own id of the payment */
    char id[65];        /* the client's: bank_tran_id, idempotency key */
    char account[129];  /* the customer's, by its name (inside.h): payer of a pull, payee of a push */
    bool is_in;         /* to the client's account at this bank (a pull) */
    int64_t amount;
    char currency[4];
};

/* The entry of that number; false: there is none. Only money that really moved. */
bool virtual_bank_entry(const struct virtual_bank *self, uint64_t number, struct virtual_entry *out);

/* An account's balance and its limit for one payment (0: none). Nothing is set where the account would have had to begin with what does not fit. */
void virtual_bank_account_set(struct virtual_bank *self, const char *account, const char *currency,
                              int64_t balance, int64_t limit);
bool virtual_bank_account(const struct virtual_bank *self, const char *account, int64_t *balance);

/* A sum over everything that is true, for tests of determinism. */
uint64_t virtual_bank_digest(const struct virtual_bank *self);

#endif
