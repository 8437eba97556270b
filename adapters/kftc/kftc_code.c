/* The response codes. docs/BANKS.md has the same table, for people. */
#include <string.h>

#include "adapters/kftc/inside.h"

struct code {
    const char *text;
    enum kftc_meaning meaning;
};

/* rsp_code: of the open banking centre. */
static const struct code api_codes[] = {
    {"A0000", KFTC_DONE},
    {"A0001", KFTC_UNDECIDED},
    {"A0002", KFTC_DEEPER},
    {"A0003", KFTC_UNDECIDED},
    {"A0007", KFTC_UNDECIDED},
    {"A0008", KFTC_UNDECIDED},
    {"A0009", KFTC_DEEPER},
    {"A0016", KFTC_UNDECIDED},
    {"A0017", KFTC_UNDECIDED},
    {"A0312", KFTC_REFUSED_FOR_GOOD},
    {"A0319", KFTC_REFUSED_FOR_GOOD},
    {"A0326", KFTC_UNDECIDED},
    {"O0002", KFTC_BAD_TOKEN},
    {"O0003", KFTC_BAD_TOKEN},
};

/* bank_rsp_code: of the bank that takes part. */
static const struct code bank_codes[] = {
    {"000", KFTC_DONE},
    {"400", KFTC_UNDECIDED},
    {"412", KFTC_REFUSED_FOR_GOOD}, /* no such account */
    {"415", KFTC_REFUSED_FOR_GOOD}, /* closed */
    {"416", KFTC_REFUSED_FOR_GOOD}, /* an account that cannot be paid to */
    {"419", KFTC_REFUSED_FOR_GOOD}, /* reported lost or stolen */
    {"420", KFTC_REFUSED_FOR_GOOD}, /* stopped */
    {"453", KFTC_REFUSED},          /* balance */
    {"454", KFTC_REFUSED},
    {"455", KFTC_REFUSED}, /* limits */
    {"456", KFTC_REFUSED},
    {"701", KFTC_NOT_FOUND},
    {"803", KFTC_UNDECIDED},
    {"804", KFTC_UNDECIDED},
    {"815", KFTC_REFUSED_FOR_GOOD}, /* the holder's name is another */
    {"819", KFTC_UNDECIDED},
    {"822", KFTC_UNDECIDED},
};

static enum kftc_meaning find(const struct code *codes, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(codes[i].text, text) == 0)
            return codes[i].meaning;
    return KFTC_UNDECIDED;
}

enum kftc_meaning kftc_api_meaning(const char *rsp_code)
{
    return find(api_codes, sizeof api_codes / sizeof *api_codes, rsp_code);
}

static bool is_refusal(const char *code)
{
    return strlen(code) == 3 && code[0] == '4' && strspn(code, "0123456789") == 3 && strcmp(code, "411") >= 0;
}

enum kftc_meaning kftc_bank_meaning(const char *bank_rsp_code)
{
    enum kftc_meaning meaning = find(bank_codes, sizeof bank_codes / sizeof *bank_codes, bank_rsp_code);
    return meaning == KFTC_UNDECIDED && is_refusal(bank_rsp_code) ? KFTC_REFUSED : meaning;
}
