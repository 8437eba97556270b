/* What the files of this rail share. */
#ifndef TELLER_OBIE_INSIDE_H
#define TELLER_OBIE_INSIDE_H

#include "actors/bank/rail.h"
#include "adapters/jose/jws.h"

enum {
    OBIE_PAYMENT_ID_MAX = 40,
    OBIE_SCHEME_MAX = 40,
    OBIE_NAME_MAX = 70,
    OBIE_AMOUNT_TEXT = 24,
    OBIE_SERIAL_DIGITS = 13, /* a uint64_t to base 36 */
    OBIE_EVENT_WINDOW_S = 300,
};

#define OBIE_REPEATABLE_US (INT64_C(23) * 3600 * 1000000)
#define OBIE_AMOUNT_MAX INT64_C(999999999999999) /* 13 digits and two decimals */

/* Stages. */
enum {
    OBIE_PREPARE_CREATE = 0,
    OBIE_PREPARE_WAIT = 1, /* the consent is not authorised yet */
    OBIE_INQUIRE_PAYMENT = 0,
    OBIE_INQUIRE_CONSENT = 1, /* the POST was refused: does the consent know of a payment? */
};

struct obie_account {
    char scheme[OBIE_SCHEME_MAX + 1], identification[BANK_PARTY_MAX + 1], name[OBIE_NAME_MAX + 1];
};

struct obie {
    const char *base_url, *bank;
    /* settings, of the caller */
    const char *client_id, *client_secret, *issuer, *key_id, *signing_pem, *financial_id, *account_text,
        *bank_pem, *audience, *bank_issuer, *trust_anchor, *vrp_type;
    struct obie_account account;
    struct jws_key *signing_key,
        *bank_key; /* bank_key: NULL: replies and events are not verified, and no event is taken */
};

/* false: not of that form. */
bool obie_account_read(const char *text, struct obie_account *out);
bool obie_payer_read(const char *text, char consent[RAIL_ID_MAX + 1], struct obie_account *out);

/* "12.34" */
void obie_amount(const struct rail_job *job, char out[OBIE_AMOUNT_TEXT]);

/* What INQUIRE asks for without the payment's id: the same POST, for as long as the bank takes it for the first. */
bool obie_posts_again(const struct rail_job *job, int64_t now_us);

enum obie_meaning {
    OBIE_OPEN,     /* not final */
    OBIE_DEBITED,  /* ACSC: has left the debtor's account */
    OBIE_CREDITED, /* ACCC: is on the creditor's account */
    OBIE_REFUSED,  /* RJCT, CANC */
    OBIE_STRANGE,  /* no status of the specification */
};

enum obie_meaning obie_status(const char *status);
/* A refusal's reason: another try would fail as well; `otherwise` for one that is not in the table. */
bool obie_is_permanent(const char *reason, bool otherwise);
/* It is in the table, and about the payment itself, not about the way it was asked for. */
bool obie_is_of_payment(const char *reason);

void obie_ask(void *own, const struct rail_job *job, const char *token, int64_t now_us,
              struct rail_request *out);
void obie_answer(void *own, struct rail_job *job, const struct rail_reply *reply, int64_t now_us,
                 struct rail_verdict *out);
enum rail_post_result obie_callback(void *own, const struct rail_post *post, int64_t now_us,
                                    struct rail_notice *out);

#endif
