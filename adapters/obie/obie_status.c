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

/* WAITS: another time it may do. STAYS: it will not. ASIDE: it will not either, but it is about the way it was asked for: where the
 * same POST was sent before, it does not say what became of that. */
enum nature { UNLISTED, WAITS, STAYS, ASIDE, WAITS_ASIDE };

static const struct {
    const char *text;
    enum nature nature;
} reasons[] = {
    {"AC01", STAYS},       /* account number */
    {"AC03", STAYS},       /* creditor's account number */
    {"AC04", STAYS},       /* closed account */
    {"AC06", STAYS},       /* blocked account */
    {"AC13", STAYS},       /* kind of debtor's account */
    {"AC14", STAYS},       /* kind of creditor's account */
    {"AG01", STAYS},       /* such transactions are forbidden on this account */
    {"AM02", STAYS},       /* amount is more than is allowed */
    {"AM04", WAITS},       /* balance */
    {"AM12", STAYS},       /* amount */
    {"AM14", WAITS},       /* more than was agreed with the customer for the time */
    {"AM21", WAITS},       /* limit */
    {"AM23", WAITS},       /* limit of the day */
    {"BE01", STAYS},       /* name and account do not fit */
    {"CNOR", STAYS},       /* creditor's bank is not registered */
    {"DNOR", STAYS},       /* debtor's bank is not registered */
    {"ED05", WAITS},       /* settlement failed */
    {"MD07", STAYS},       /* the customer has died */
    {"MS03", WAITS},       /* no reason is given */
    {"RC01", STAYS},       /* bank identifier */
    {"TM01", WAITS},       /* after the closing time */
    {"U002", STAYS},       /* a field is invalid */
    {"U004", STAYS},       /* … missing */
    {"U005", STAYS},       /* … not expected */
    {"U006", WAITS_ASIDE}, /* a header is invalid */
    {"U007", WAITS_ASIDE}, /* … missing */
    {"U008", ASIDE},       /* not what the consent says, or the key came with another body */
    {"U009", ASIDE},       /* the consent cannot be used */
    {"U010", STAYS},       /* no JSON */
    {"U011", ASIDE},       /* no such resource */
    {"U014", WAITS},       /* over the mandate's limits */
    {"U015", WAITS_ASIDE}, /* the signature is wrong */
    {"U018", WAITS_ASIDE}, /* … malformed */
    {"U019", WAITS_ASIDE}, /* … missing */
    {"U023", STAYS},       /* currency */
};

static enum nature nature_of(const char *reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i].text, reason) == 0)
            return reasons[i].nature;
    return UNLISTED;
}

bool obie_is_permanent(const char *reason, bool otherwise)
{
    enum nature nature = nature_of(reason);
    return nature == UNLISTED ? otherwise : nature == STAYS || nature == ASIDE;
}

bool obie_is_of_payment(const char *reason)
{
    enum nature nature = nature_of(reason);
    return nature == STAYS || nature == WAITS;
}
