#include <string.h>

#include "actors/base/text.h"
#include "adapters/obie/inside.h"

static bool is_made_of(const char *text, size_t length, const char *extra)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_plain && (c == '\0' || strchr(extra, c) == NULL))
            return false;
    }
    return length > 0;
}

bool obie_account_read(const char *text, struct obie_account *out)
{
    *out = (struct obie_account){0};
    if (strlen(text) > BANK_PARTY_MAX || !text_is_clean(str_from(text)))
        return false;
    const char *first = strchr(text, ':'), *second = first != NULL ? strchr(first + 1, ':') : NULL;
    if (second == NULL)
        return false;
    size_t scheme = (size_t)(first - text), identification = (size_t)(second - first - 1),
           name = strlen(second + 1);
    if (scheme > OBIE_SCHEME_MAX || !is_made_of(text, scheme, "._-") ||
        !is_made_of(first + 1, identification, "._- /+@") || name == 0 || name > OBIE_NAME_MAX)
        return false;
    memcpy(out->scheme, text, scheme);
    memcpy(out->identification, first + 1, identification);
    memcpy(out->name, second + 1, name);
    return true;
}

bool obie_payer_read(const char *text, char consent[RAIL_ID_MAX + 1], struct obie_account *out)
{
    const char *at = strchr(text, '@');
    size_t length = at != NULL ? (size_t)(at - text) : 0;
    if (length == 0 || length > RAIL_ID_MAX || !is_made_of(text, length, "-_.:~") ||
        !obie_account_read(at + 1, out))
        return false;
    memcpy(consent, text, length);
    consent[length] = '\0';
    return true;
}
