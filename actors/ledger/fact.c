#include "actors/ledger/fact.h"

#include <string.h>

#include "actors/base/bank_call.h"
#include "actors/base/code.h"
#include "actors/base/rate.h"
#include "actors/base/text.h"
#include "actors/ledger/group.h"
#include "actors/ledger/proposal.h"
#include "actors/ledger/remittance.h"

/* What decoders let through, and so the most that facts hold. */
static const uint8_t LENGTH_MAX[FACT_TAG_COUNT] = {
    [FACT_TAG_REMOTE] = ACCOUNT_ID_MAX,
    [FACT_TAG_MEMO] = MEMO_MAX,
    [FACT_TAG_REFERENCE] = REFERENCE_MAX,
    [FACT_TAG_ACCOUNT] = ACCOUNT_ID_MAX,
    [FACT_TAG_OWNER] = OWNER_MAX,
    [FACT_TAG_PRODUCT] = PRODUCT_MAX,
    [FACT_TAG_RATE] = sizeof(int64_t),
    [FACT_TAG_BOOK_DEBIT] = sizeof(struct fact_book),
    [FACT_TAG_BOOK_CREDIT] = sizeof(struct fact_book),
    [FACT_TAG_OPERATOR] = OWNER_MAX,
    [FACT_TAG_SOURCE] = PRODUCT_MAX,
    [FACT_TAG_FIELD] = 1,
    [FACT_TAG_BANK] = BANK_NAME_MAX,
    [FACT_TAG_PAYER] = BANK_PARTY_MAX,
    [FACT_TAG_PAYEE] = BANK_PARTY_MAX,
    [FACT_TAG_REASON] = BANK_REASON_MAX,
    [FACT_TAG_BANK_REFERENCE] = BANK_REFERENCE_MAX,
};

enum err fact_strings_read(const uint8_t *bytes, size_t length, struct fact_strings *out)
{
    *out = (struct fact_strings){0};
    size_t at = 0;
    while (at < length && bytes[at] != FACT_TAG_END) {
        uint8_t tag = bytes[at];
        if (tag >= FACT_TAG_COUNT || out->by_tag[tag].data || at + 2 > length ||
            at + 2 + bytes[at + 1] > length || bytes[at + 1] > LENGTH_MAX[tag])
            return ERR_CORRUPT;
        out->by_tag[tag] = (struct str){(const char *)bytes + at + 2, bytes[at + 1]};
        at += 2u + bytes[at + 1];
    }
    return length - at < FACT_WORD ? ERR_OK : ERR_CORRUPT;
}

_Static_assert(FACT_TAG_COUNT == 18, "tags_end looks at each of them");

/* The tags that may be present end before this. Most trailers have one of the first three, and nobody waits for a loop over
 * the others. */
static int tags_end(const struct str *text)
{
    const uint32_t others = text[4].length | text[5].length | text[6].length | text[7].length |
                            text[8].length | text[9].length | text[10].length | text[11].length |
                            text[12].length | text[13].length | text[14].length | text[15].length |
                            text[16].length | text[17].length;
    return others == 0 ? FACT_TAG_REFERENCE + 1 : FACT_TAG_COUNT;
}

size_t fact_strings_size(const struct fact_strings *strings)
{
    size_t size = 0;
    const int end = tags_end(strings->by_tag);
    for (int tag = 1; tag < end; tag++) {
        if (strings->by_tag[tag].length > 0)
            size += 2 + strings->by_tag[tag].length;
    }
    return (size + FACT_WORD - 1) / FACT_WORD * FACT_WORD;
}

size_t fact_strings_write(const struct fact_strings *strings, uint8_t *out)
{
    size_t at = 0;
    const int end = tags_end(strings->by_tag);
    for (int tag = 1; tag < end; tag++) {
        struct str text = strings->by_tag[tag];
        if (text.length == 0)
            continue;
        out[at++] = (uint8_t)tag;
        out[at++] = (uint8_t)text.length;
        memcpy(out + at, text.data, text.length);
        at += text.length;
    }
    size_t size = (at + FACT_WORD - 1) / FACT_WORD * FACT_WORD;
    memset(out + at, 0, size - at);
    return size;
}

size_t fact_fixed_size(uint8_t kind)
{
    switch ((enum fact_kind)kind) {
    case FACT_TRANSFER:
    case FACT_DEPOSIT:
    case FACT_WITHDRAWAL:
    case FACT_SENT:
    case FACT_RECEIVED:
    case FACT_RETURNED:
    case FACT_EXCHANGE_OUT:
    case FACT_EXCHANGE_IN:
    case FACT_EXCHANGE_SPREAD:
    case FACT_EXCHANGE_RESIDUE:
        return sizeof(struct fact_posting);
    case FACT_SETTLED:
        return sizeof(struct fact_settled);
    case FACT_REFUSED:
        return sizeof(struct fact_refused);
    case FACT_BOUNCED:
    case FACT_PRUNED:
        return sizeof(struct fact_link);
    case FACT_ACCOUNT_OPENED:
    case FACT_ACCOUNT_CHANGED:
    case FACT_ACCOUNT_FROZEN:
    case FACT_ACCOUNT_UNFROZEN:
    case FACT_ACCOUNT_CLOSED:
        return sizeof(struct fact_account);
    case FACT_GROUP_STARTED:
    case FACT_GROUP_PREPARED:
    case FACT_GROUP_VOTED:
    case FACT_GROUP_DECIDED:
    case FACT_GROUP_CLOSED:
    case FACT_GROUP_DONE:
    case FACT_GROUP_ANSWERED:
        return sizeof(struct fact_group);
    case FACT_RATE_SET:
        return sizeof(struct fact_rate);
    case FACT_PAIR_SET:
        return sizeof(struct fact_pair);
    case FACT_QUOTED:
        return sizeof(struct fact_quote);
    case FACT_QUOTE_USED:
        return sizeof(struct fact_quote_used);
    case FACT_HOLD_OPENED:
    case FACT_HOLD_RELEASED:
    case FACT_HOLD_EXPIRED:
        return sizeof(struct fact_hold);
    case FACT_HOLD_CAPTURED:
        return sizeof(struct fact_capture);
    case FACT_PROPOSED:
    case FACT_PROPOSAL_APPROVED:
    case FACT_PROPOSAL_REJECTED:
    case FACT_PROPOSAL_EXPIRED:
        return sizeof(struct fact_proposal);
    case FACT_REMITTANCE_REQUESTED:
    case FACT_REMITTANCE_MOVED:
    case FACT_REMITTANCE_NOTED:
        return sizeof(struct fact_remittance);
    case FACT_REMITTANCE_PULLED:
    case FACT_REMITTANCE_DEPOSITED:
    case FACT_REMITTANCE_WITHDRAWN:
    case FACT_REMITTANCE_PAID:
    case FACT_REMITTANCE_RETURNED:
        return sizeof(struct fact_remittance_posting);
    case FACT_KIND_COUNT:
        break;
    }
    return 0;
}

_Static_assert(sizeof(struct fact_remittance) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_remittance_posting) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_settled) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_refused) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_link) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_account) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_group) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_book) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_quote_used) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_quote) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_pair) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_rate) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_proposal) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_capture) % FACT_WORD == 0, "whole words");
_Static_assert(sizeof(struct fact_hold) % FACT_WORD == 0, "whole words");

/* Kinds that move an account's money, and with it a book value. */
static bool moves_money(uint8_t kind)
{
    return fact_is_posting(kind) || kind == FACT_HOLD_CAPTURED;
}

static bool is_absent_or(struct str text, size_t length)
{
    return !text.data || text.length == length;
}

/* What is no text: numbers have their length, stand where they may, and a rate is one. */
static bool numbers_fit(uint8_t kind, const struct fact_strings *strings)
{
    const struct str *tags = strings->by_tag;
    struct str rate = tags[FACT_TAG_RATE], field = tags[FACT_TAG_FIELD];
    if (!is_absent_or(rate, sizeof(int64_t)) || !is_absent_or(field, 1) ||
        !is_absent_or(tags[FACT_TAG_BOOK_DEBIT], sizeof(struct fact_book)) ||
        !is_absent_or(tags[FACT_TAG_BOOK_CREDIT], sizeof(struct fact_book)))
        return false;
    if (!moves_money(kind))
        return !rate.data && !field.data && !tags[FACT_TAG_BOOK_DEBIT].data &&
               !tags[FACT_TAG_BOOK_CREDIT].data;
    int64_t number = 1;
    if (rate.data)
        memcpy(&number, rate.data, sizeof number);
    return number >= 1 && number <= RATE_MAX &&
           (!field.data || (kind == FACT_RETURNED && (uint8_t)field.data[0] < FIELD_COUNT));
}

static bool account_fits(const uint8_t *bytes)
{
    struct fact_account fact;
    memcpy(&fact, bytes, sizeof fact);
    return fact.has_book <= (fact.head.kind == FACT_ACCOUNT_OPENED ? 1 : 0);
}

enum err fact_check(const uint8_t *bytes, size_t length, size_t *size)
{
    struct fact_head head;
    if (length < FACT_WORD)
        return ERR_CORRUPT;
    memcpy(&head, bytes, sizeof head);
    size_t fixed = fact_fixed_size(head.kind);
    size_t whole = (size_t)head.words * FACT_WORD;
    if (fixed == 0 || whole < fixed || whole > length || head.detail >= CODE_COUNT)
        return ERR_CORRUPT;
    *size = whole;
    if (fact_is_group(head.kind))
        return group_fact_check(bytes, whole);
    if (proposal_is_fact(head.kind))
        return proposal_fact_check(bytes, whole);
    if (fact_is_remittance(head.kind))
        return remittance_fact_check(bytes, whole);
    if (head.kind >= FACT_ACCOUNT_OPENED && head.kind <= FACT_ACCOUNT_CLOSED && !account_fits(bytes))
        return ERR_CORRUPT;
    if (whole == fixed)
        return ERR_OK;
    if (!fact_is_posting(head.kind) && !fact_is_hold(head.kind) &&
        (head.kind < FACT_ACCOUNT_OPENED || head.kind > FACT_ACCOUNT_CLOSED) && !fact_is_desk(head.kind))
        return ERR_CORRUPT;
    struct fact_strings strings;
    enum err err = fact_strings_read(bytes + fixed, whole - fixed, &strings);
    return err == ERR_OK && !numbers_fit(head.kind, &strings) ? ERR_CORRUPT : err;
}
