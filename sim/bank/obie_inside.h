/* What the files of OBIE's server offer each other: obie_form.c (bodies), obie_limit.c (a mandate's limits), obie_sign.c (signatures, clients). */
#ifndef TELLER_SIM_BANK_OBIE_INSIDE_H
#define TELLER_SIM_BANK_OBIE_INSIDE_H

#include "sim/bank/inside.h"

enum { OBIE_WRONG_PATH_MAX = 160, OBIE_PERIODS_MAX = 6 };

/* What is wrong with a request: one of an OBErrorResponse1's errors. */
struct obie_wrong {
    char code[5];
    char path[OBIE_WRONG_PATH_MAX + 1]; /* empty: of the whole */
    const char *message;                /* static */
};

struct obie_wrong obie_wrong_of(const char *code, const char *path, const char *message);

/* ---- obie_form.c: bodies, by the published schemas. false: *wrong says what. */

bool obie_form_vrp_consent(const json_t *body, struct obie_wrong *wrong);
bool obie_form_vrp(const json_t *body, struct obie_wrong *wrong);
bool obie_form_consent(const json_t *body, struct obie_wrong *wrong);
bool obie_form_payment(const json_t *body, struct obie_wrong *wrong);

/* {"Amount": "12.30", "Currency": "GBP"}. false: not of the form, 0, of a currency that is none, or with more decimals than it has. */
bool obie_form_amount(const json_t *amount, char currency[4], int64_t *minor);

/* Data of a mandate that nobody made: limits that nobody reaches. NULL: no memory. */
json_t *obie_form_mandate(void);

/* ---- obie_limit.c */

/* What was paid under a periodic limit, in its newest period. */
struct obie_period {
    int64_t number, sum;
};

/* A payment of the amount is within MaximumIndividualAmount and PeriodicLimits of the mandate's data, and its time; data NULL: always. */
bool obie_limit_allows(const json_t *data, const struct obie_period periods[OBIE_PERIODS_MAX],
                       int64_t made_us, int64_t now_us, const char *currency, int64_t amount);
/* It was paid. */
void obie_limit_count(const json_t *data, struct obie_period periods[OBIE_PERIODS_MAX], int64_t made_us,
                      int64_t now_us, int64_t amount);

/* ---- obie_sign.c */

struct obie_signer;
/* NULL: no memory, or a key that cannot be read. */
struct obie_signer *obie_signer_new(const struct virtual_bank_options *options);
void obie_signer_destroy(struct obie_signer **self_p);
/* x-jws-signature of a reply. false: it cannot be made. */
bool obie_signer_detached(const struct obie_signer *self, int64_t now_us, const char *body, size_t length,
                          char out[VIRTUAL_HEADER_TEXT_MAX + 1]);
/* The caller frees it; NULL: no memory. */
char *obie_signer_jwt(const struct obie_signer *self, const char *payload, size_t length);
/* NULL: the request is signed by the client, or signatures are not verified; else the code of what is wrong. */
const char *obie_signer_check(const struct obie_signer *self, const struct virtual_request *request);
/* The client says by a signed client_assertion who it is. */
bool obie_signer_knows(const struct obie_signer *self, const struct virtual_request *request);
/* "Basic …" of the two; NULL: any. */
bool obie_signer_is_basic(const char *header, const char *client_id, const char *client_secret);

#endif
