/* What OBIE's bodies must look like: fields that have to be there, their types and lengths, and, where the schema is closed, no others. */
#include <stdio.h>
#include <string.h>

#include "actors/base/money.h"
#include "sim/bank/obie_inside.h"

struct obie_wrong obie_wrong_of(const char *code, const char *path, const char *message)
{
    struct obie_wrong wrong = {.message = message};
    (void)virtual_copy(wrong.code, 4, code);
    (void)virtual_copy(wrong.path, OBIE_WRONG_PATH_MAX, path);
    return wrong;
}

static bool is_wrong(struct obie_wrong *wrong, const char *code, const char *base, const char *name,
                     const char *message)
{
    char path[OBIE_WRONG_PATH_MAX + 1];
    snprintf(path, sizeof path, "%s%s%s", base, *base && *name ? "." : "", name);
    *wrong = obie_wrong_of(code, path, message);
    return false;
}

/* An object; where it may be left out, NULL is fine. */
static bool is_object(const json_t *parent, const char *base, const char *name, bool is_needed,
                      struct obie_wrong *wrong)
{
    const json_t *value = json_object_get(parent, name);
    if (!value)
        return !is_needed || is_wrong(wrong, "U004", base, name, "It is missing");
    return json_is_object(value) || is_wrong(wrong, "U002", base, name, "It is no object");
}

/* Characters of UTF-8. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((uint8_t)*text & 0xC0) != 0x80;
    return count;
}

static bool is_text(const json_t *parent, const char *base, const char *name, size_t most, bool is_needed,
                    struct obie_wrong *wrong)
{
    const json_t *value = json_object_get(parent, name);
    if (!value)
        return !is_needed || is_wrong(wrong, "U004", base, name, "It is missing");
    const char *text = json_string_value(value);
    if (!text || strlen(text) != json_string_length(value))
        return is_wrong(wrong, "U002", base, name, "It is no text");
    size_t length = characters(text);
    return (length >= 1 && length <= most) || is_wrong(wrong, "U002", base, name, "It is empty or too long");
}

/* Nothing but these names, which stand between bars. */
static bool is_closed(const json_t *object, const char *base, const char *names, struct obie_wrong *wrong)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        char barred[64];
        size_t length = (size_t)snprintf(barred, sizeof barred, "|%s|", name);
        if (length >= sizeof barred || strchr(name, '|') || !strstr(names, barred))
            return is_wrong(wrong, "U005", base, "", "It has a field that does not belong there");
    }
    return true;
}

static bool is_account(const json_t *parent, const char *base, const char *name, bool is_needed,
                       size_t name_most, bool needs_name, struct obie_wrong *wrong)
{
    char path[OBIE_WRONG_PATH_MAX + 1];
    snprintf(path, sizeof path, "%s.%s", base, name);
    if (!is_object(parent, base, name, is_needed, wrong))
        return false;
    const json_t *account = json_object_get(parent, name);
    return !account || (is_text(account, path, "SchemeName", 64, true, wrong) &&
                        is_text(account, path, "Identification", 256, true, wrong) &&
                        is_text(account, path, "Name", name_most, needs_name, wrong) &&
                        is_text(account, path, "SecondaryIdentification", 34, false, wrong) &&
                        is_closed(account, path,
                                  "|SchemeName|Identification|Name|SecondaryIdentification|Proxy|", wrong));
}

/* ---- amounts ----------------------------------------------------------------------------------------- */

/* 1 to 13 digits, and 1 to 5 behind a point. */
static bool is_number(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    if (whole < 1 || whole > 13)
        return false;
    if (!text[whole])
        return true;
    size_t part = strspn(text + whole + 1, "0123456789");
    return text[whole] == '.' && part >= 1 && part <= 5 && !text[whole + 1 + part];
}

bool obie_form_amount(const json_t *amount, char currency[4], int64_t *minor)
{
    const char *text = json_string_value(json_object_get(amount, "Amount"));
    const char *code = json_string_value(json_object_get(amount, "Currency"));
    currency_index index = code ? currency_find(code, strlen(code)) : CURRENCY_NONE;
    if (!text || strlen(text) != json_string_length(json_object_get(amount, "Amount")) || !is_number(text) ||
        index == CURRENCY_NONE)
        return false;
    int64_t value;
    if (money_parse(str_from(text), currency_at(index)->exponent, &value) != ERR_OK || value <= 0)
        return false;
    strcpy(currency, currency_at(index)->code);
    *minor = value;
    return true;
}

static bool is_amount(const json_t *parent, const char *base, const char *name, struct obie_wrong *wrong)
{
    char path[OBIE_WRONG_PATH_MAX + 1], currency[4];
    int64_t minor;
    snprintf(path, sizeof path, "%s.%s", base, name);
    if (!is_object(parent, base, name, true, wrong))
        return false;
    const json_t *amount = json_object_get(parent, name);
    if (!is_text(amount, path, "Amount", 19, true, wrong) ||
        !is_text(amount, path, "Currency", 3, true, wrong) ||
        !is_closed(amount, path, "|Amount|Currency|", wrong))
        return false;
    const char *code = json_string_value(json_object_get(amount, "Currency"));
    if (currency_find(code, strlen(code)) == CURRENCY_NONE)
        return is_wrong(wrong, "U023", path, "Currency", "There is no such currency");
    return obie_form_amount(amount, currency, &minor) ||
           is_wrong(wrong, "U002", path, "Amount", "It is no amount above 0 of that currency");
}

/* ---- mandates ----------------------------------------------------------------------------------------- */

static bool is_list(const json_t *parent, const char *base, const char *name, size_t most,
                    struct obie_wrong *wrong)
{
    const json_t *list = json_object_get(parent, name);
    if (!list)
        return is_wrong(wrong, "U004", base, name, "It is missing");
    size_t count = json_array_size(list);
    return (json_is_array(list) && count >= 1 && count <= most) ||
           is_wrong(wrong, "U002", base, name, "It is no list, or too short or long");
}

static bool is_one_of(const json_t *parent, const char *base, const char *name, const char *words,
                      struct obie_wrong *wrong)
{
    char barred[24];
    if (!is_text(parent, base, name, 16, true, wrong))
        return false;
    const char *text = json_string_value(json_object_get(parent, name));
    size_t length = (size_t)snprintf(barred, sizeof barred, "|%s|", text);
    return (length < sizeof barred && strstr(words, barred)) ||
           is_wrong(wrong, "U002", base, name, "It is none of the words that it can be");
}

static bool is_limits(const json_t *limits, struct obie_wrong *wrong)
{
    static const char base[] = "Data.ControlParameters.PeriodicLimits";
    for (size_t i = 0; i < json_array_size(limits); i++) {
        const json_t *limit = json_array_get(limits, i);
        char currency[4];
        int64_t minor;
        if (!is_one_of(limit, base, "PeriodType", "|Day|Week|Fortnight|Month|Half-year|Year|", wrong) ||
            !is_one_of(limit, base, "PeriodAlignment", "|Consent|Calendar|", wrong))
            return false;
        if (!obie_form_amount(limit, currency, &minor))
            return is_wrong(wrong, "U002", base, "Amount", "It is no amount above 0 of a currency");
    }
    return true;
}

static bool is_whole(const json_t *body, struct obie_wrong *wrong)
{
    return is_object(body, "", "Data", true, wrong) && is_object(body, "", "Risk", true, wrong) &&
           is_closed(body, "", "|Data|Risk|", wrong) &&
           is_object(json_object_get(body, "Data"), "Data", "Initiation", true, wrong);
}

bool obie_form_vrp_consent(const json_t *body, struct obie_wrong *wrong)
{
    static const char base[] = "Data.ControlParameters";
    if (!is_whole(body, wrong))
        return false;
    const json_t *data = json_object_get(body, "Data"), *initiation = json_object_get(data, "Initiation");
    if (!is_object(data, "Data", "ControlParameters", true, wrong))
        return false;
    const json_t *parameters = json_object_get(data, "ControlParameters");
    return is_amount(parameters, base, "MaximumIndividualAmount", wrong) &&
           is_list(parameters, base, "PeriodicLimits", OBIE_PERIODS_MAX, wrong) &&
           is_limits(json_object_get(parameters, "PeriodicLimits"), wrong) &&
           is_list(parameters, base, "VRPType", 16, wrong) &&
           is_list(parameters, base, "PSUAuthenticationMethods", 16, wrong) &&
           is_text(parameters, base, "ValidFromDateTime", 40, false, wrong) &&
           is_text(parameters, base, "ValidToDateTime", 40, false, wrong) &&
           is_account(initiation, "Data.Initiation", "DebtorAccount", false, 70, true, wrong) &&
           is_account(initiation, "Data.Initiation", "CreditorAccount", false, 70, true, wrong);
}

bool obie_form_vrp(const json_t *body, struct obie_wrong *wrong)
{
    static const char base[] = "Data.Instruction";
    if (!is_whole(body, wrong))
        return false;
    const json_t *data = json_object_get(body, "Data"), *initiation = json_object_get(data, "Initiation");
    if (!is_text(data, "Data", "ConsentId", VIRTUAL_ID_MAX, true, wrong) ||
        !is_text(data, "Data", "PSUAuthenticationMethod", 64, true, wrong) ||
        !is_text(data, "Data", "VRPType", 64, true, wrong) ||
        !is_object(data, "Data", "Instruction", true, wrong))
        return false;
    const json_t *instruction = json_object_get(data, "Instruction");
    return is_account(initiation, "Data.Initiation", "DebtorAccount", false, 70, true, wrong) &&
           is_account(initiation, "Data.Initiation", "CreditorAccount", false, 70, true, wrong) &&
           is_text(instruction, base, "InstructionIdentification", 35, true, wrong) &&
           is_text(instruction, base, "EndToEndIdentification", 35, true, wrong) &&
           is_amount(instruction, base, "InstructedAmount", wrong) &&
           is_account(instruction, base, "CreditorAccount", true, 70, true, wrong);
}

json_t *obie_form_mandate(void)
{
    return json_pack("{s{s{ssss}s[{ssssssss}]s[s]s[s]}s{}}", "ControlParameters", "MaximumIndividualAmount",
                     "Amount", "9999999999999", "Currency", "GBP", "PeriodicLimits", "PeriodType", "Day",
                     "PeriodAlignment", "Calendar", "Amount", "9999999999999", "Currency", "GBP", "VRPType",
                     "UK.OBIE.VRPType.Other", "PSUAuthenticationMethods", "UK.OBIE.SCA", "Initiation");
}

/* ---- payments ------------------------------------------------------------------------------------------ */

static bool is_initiation(const json_t *initiation, struct obie_wrong *wrong)
{
    static const char base[] = "Data.Initiation";
    return is_text(initiation, base, "InstructionIdentification", 35, true, wrong) &&
           is_text(initiation, base, "EndToEndIdentification", 35, true, wrong) &&
           is_amount(initiation, base, "InstructedAmount", wrong) &&
           is_account(initiation, base, "DebtorAccount", false, 350, false, wrong) &&
           is_account(initiation, base, "CreditorAccount", true, 350, true, wrong) &&
           is_closed(initiation, base,
                     "|InstructionIdentification|EndToEndIdentification|LocalInstrument|InstructedAmount|"
                     "DebtorAccount|CreditorAgent|CreditorAccount|CreditorPostalAddress|UltimateCreditor|"
                     "UltimateDebtor|RegulatoryReporting|RemittanceInformation|SupplementaryData|",
                     wrong);
}

bool obie_form_consent(const json_t *body, struct obie_wrong *wrong)
{
    if (!is_whole(body, wrong))
        return false;
    const json_t *data = json_object_get(body, "Data");
    return is_closed(data, "Data", "|ReadRefundAccount|Initiation|Authorisation|SCASupportData|", wrong) &&
           is_initiation(json_object_get(data, "Initiation"), wrong);
}

bool obie_form_payment(const json_t *body, struct obie_wrong *wrong)
{
    if (!is_whole(body, wrong))
        return false;
    const json_t *data = json_object_get(body, "Data");
    return is_text(data, "Data", "ConsentId", VIRTUAL_ID_MAX, true, wrong) &&
           is_closed(data, "Data", "|ConsentId|Initiation|", wrong) &&
           is_initiation(json_object_get(data, "Initiation"), wrong);
}
