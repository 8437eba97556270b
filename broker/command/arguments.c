#include "broker/command/arguments.h"

#include <string.h>

#include "actors/base/rate.h"
#include "broker/command/print.h"

bool argument_account(const struct session *session, const char *text, struct str *out)
{
    *out = str_from(text);
    if (text_is_account_id(*out))
        return true;
    session_usage(session, "'%s' is no account id: 1 to %d letters, digits and - _ . : @ /", text,
                  ACCOUNT_ID_MAX);
    return false;
}

bool argument_currency(const struct session *session, const char *text, currency_index *out)
{
    *out = currency_find(text, strlen(text));
    if (*out != CURRENCY_NONE)
        return true;
    session_usage(session, "'%s' is no currency; it looks like USD or KRW", text);
    return false;
}

bool argument_amount(const struct session *session, const char *what, const char *text,
                     currency_index currency, bool is_signed, int64_t *out)
{
    const char *why;
    if (amount_parse(str_from(text), currency, is_signed, out, &why))
        return true;
    session_usage(session, "%s '%s' %s: %s", what, text, currency_at(currency)->code, why);
    return false;
}

bool argument_rate(const struct session *session, const char *text, int64_t *out)
{
    *out = 0;
    if (text == NULL || rate_parse(str_from(text), out) == ERR_OK)
        return true;
    session_usage(
        session, "'%s' is no rate: like 1350.25, above 0, at most 100000000, with at most 10 decimals", text);
    return false;
}

bool argument_id(const struct session *session, const char *text, struct uuid *out)
{
    if (text == NULL) {
        *out = teller_id_new();
        return true;
    }
    if (uuid_parse(str_from(text), out) && !uuid_is_nil(out))
        return true;
    session_usage(session, "'%s' is no UUID", text);
    return false;
}

bool argument_time(const struct session *session, const char *what, const char *text, bool *has, int64_t *out)
{
    *has = text != NULL;
    if (text == NULL || time_parse(text, out))
        return true;
    session_usage(session, "%s '%s' is no time; it looks like 2026-11-20 or 2026-11-20T23:37:06Z", what,
                  text);
    return false;
}

struct str argument_text(const char *text)
{
    return text == NULL ? (struct str){0} : str_from(text);
}
