/* The statuses of a payment, and the reasons of a refusal (ISO 20022 external codes). docs/BANKS.md has the same tables, for people. */
#include <string.h>

#include "adapters/obie/inside.h"

static const struct {
    const char *text;
    enum obie_meaning meaning;
} statuses[] = {
    {"RCVD", OBIE_OPEN},     /* received */
    {"PDNG", OBIE_OPEN},     /* pending */
    {"ACTC", OBIE_OPEN},     /* technically valid */
    {"PATC", OBIE_OPEN},     /* some of those who have to agree have */
    {"ACCP", OBIE_OPEN},     /* the customer's profile was checked */
    {"ACFC", OBIE_OPEN},     /* funds were checked */
    {"ACSP", OBIE_OPEN},     /* in process */
    {"ACWC", OBIE_OPEN},     /* with a change */
    {"ACSC", OBIE_DEBITED},  /* settled on the debtor's side */
    {"ACWP", OBIE_OPEN},     /* at the creditor's bank, not posted */
    {"ACCC", OBIE_CREDITED}, /* settled on the creditor's account */
    {"BLCK", OBIE_OPEN},     /* blocked: not the creditor's, and not given back */
    {"RJCT", OBIE_REFUSED},  {"CANC", OBIE_REFUSED},
};

enum obie_meaning obie_status(const char *status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(statuses[i].text, status) == 0)
            return statuses[i].meaning;
    return OBIE_STRANGE;
}

enum { WAITS = 1, STAYS = 2 }; /* another time it may do; it will not */

static const struct {
    const char *text;
    int nature;
} reasons[] = {
    {"AC01", STAYS}, /* account number */
    {"AC03", STAYS}, /* creditor's account number */
    {"AC04", STAYS}, /* closed account */
    {"AC06", STAYS}, /* blocked account */
    {"AC13", STAYS}, /* kind of debtor's account */
    {"AC14", STAYS}, /* kind of creditor's account */
    {"AG01", STAYS}, /* such transactions are forbidden on this account */
    {"AM02", STAYS}, /* amount is more than is allowed */
    {"AM04", WAITS}, /* balance */
    {"AM12", STAYS}, /* amount */
    {"AM14", WAITS}, /* more than was agreed with the customer for the time */
    {"AM21", WAITS}, /* limit */
    {"AM23", WAITS}, /* limit of the day */
    {"BE01", STAYS}, /* name and account do not fit */
    {"CNOR", STAYS}, /* creditor's bank is not registered */
    {"DNOR", STAYS}, /* debtor's bank is not registered */
    {"ED05", WAITS}, /* settlement failed */
    {"MD07", STAYS}, /* the customer has died */
    {"MS03", WAITS}, /* no reason is given */
    {"RC01", STAYS}, /* bank identifier */
    {"TM01", WAITS}, /* after the closing time */
};

static int nature_of(const char *reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i].text, reason) == 0)
            return reasons[i].nature;
    return 0;
}

bool obie_is_permanent(const char *reason)
{
    return nature_of(reason) == STAYS;
}

bool obie_is_of_payment(const char *reason)
{
    return nature_of(reason) != 0;
}
