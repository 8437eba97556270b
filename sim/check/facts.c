/* Reading facts. The shapes are those of actors/ledger/fact.h, group.h and link.h; the code is the oracle's own. */
#include "sim/check/inside.h"

static size_t fixed_size(uint8_t kind)
{
    static const uint8_t sizes[FACT_KIND_COUNT] = {
        [FACT_TRANSFER] = sizeof(struct fact_posting),
        [FACT_DEPOSIT] = sizeof(struct fact_posting),
        [FACT_WITHDRAWAL] = sizeof(struct fact_posting),
        [FACT_SENT] = sizeof(struct fact_posting),
        [FACT_RECEIVED] = sizeof(struct fact_posting),
        [FACT_RETURNED] = sizeof(struct fact_posting),
        [FACT_SETTLED] = sizeof(struct fact_settled),
        [FACT_REFUSED] = sizeof(struct fact_refused),
        [FACT_BOUNCED] = sizeof(struct fact_link),
        [FACT_PRUNED] = sizeof(struct fact_link),
        [FACT_ACCOUNT_OPENED] = sizeof(struct fact_account),
        [FACT_ACCOUNT_CHANGED] = sizeof(struct fact_account),
        [FACT_ACCOUNT_FROZEN] = sizeof(struct fact_account),
        [FACT_ACCOUNT_UNFROZEN] = sizeof(struct fact_account),
        [FACT_ACCOUNT_CLOSED] = sizeof(struct fact_account),
        [FACT_GROUP_STARTED] = sizeof(struct fact_group),
        [FACT_GROUP_PREPARED] = sizeof(struct fact_group),
        [FACT_GROUP_VOTED] = sizeof(struct fact_group),
        [FACT_GROUP_DECIDED] = sizeof(struct fact_group),
        [FACT_GROUP_CLOSED] = sizeof(struct fact_group),
        [FACT_GROUP_DONE] = sizeof(struct fact_group),
        [FACT_GROUP_ANSWERED] = sizeof(struct fact_group),
        [FACT_PROPOSED] = sizeof(struct fact_proposal),
        [FACT_PROPOSAL_APPROVED] = sizeof(struct fact_proposal),
        [FACT_PROPOSAL_REJECTED] = sizeof(struct fact_proposal),
        [FACT_PROPOSAL_EXPIRED] = sizeof(struct fact_proposal),
        [FACT_RATE_SET] = sizeof(struct fact_rate),
        [FACT_PAIR_SET] = sizeof(struct fact_pair),
        [FACT_QUOTED] = sizeof(struct fact_quote),
        [FACT_QUOTE_USED] = sizeof(struct fact_quote_used),
        [FACT_EXCHANGE_OUT] = sizeof(struct fact_posting),
        [FACT_EXCHANGE_IN] = sizeof(struct fact_posting),
        [FACT_EXCHANGE_SPREAD] = sizeof(struct fact_posting),
        [FACT_EXCHANGE_RESIDUE] = sizeof(struct fact_posting),
        [FACT_HOLD_OPENED] = sizeof(struct fact_hold),
        [FACT_HOLD_CAPTURED] = sizeof(struct fact_capture),
        [FACT_HOLD_RELEASED] = sizeof(struct fact_hold),
        [FACT_HOLD_EXPIRED] = sizeof(struct fact_hold),
    };
    return kind < FACT_KIND_COUNT ? sizes[kind] : 0;
}

static bool has_trailer(uint8_t kind)
{
    return fact_is_posting(kind) || fact_is_desk(kind) ||
           (kind >= FACT_PROPOSED && kind <= FACT_PROPOSAL_EXPIRED) ||
           (kind >= FACT_ACCOUNT_OPENED && kind <= FACT_ACCOUNT_CLOSED) ||
           (kind >= FACT_HOLD_OPENED && kind <= FACT_HOLD_EXPIRED);
}

static bool is_group(uint8_t kind)
{
    return kind >= FACT_GROUP_STARTED && kind <= FACT_GROUP_ANSWERED;
}

/* Items are looked at where they are compared; rows have one length. */
static bool tail_is_whole(const uint8_t *bytes, size_t size)
{
    struct fact_group head;
    memcpy(&head, bytes, sizeof head);
    if (head.head.kind == FACT_GROUP_STARTED || head.head.kind == FACT_GROUP_PREPARED)
        return head.count <= LEDGER_GROUP_MAX;
    return head.count <= LEDGER_GROUP_MAX && size - sizeof head == head.count * sizeof(struct group_row);
}

bool fact_next(const uint8_t *bytes, size_t length, size_t *size)
{
    struct fact_head head;
    struct fact_strings strings;
    if (length < FACT_WORD)
        return false;
    memcpy(&head, bytes, sizeof head);
    size_t fixed = fixed_size(head.kind);
    *size = (size_t)head.words * FACT_WORD;
    if (fixed == 0 || *size < fixed || *size > length || head.detail >= CODE_COUNT)
        return false;
    if (is_group(head.kind))
        return tail_is_whole(bytes, *size);
    if (has_trailer(head.kind))
        return trailer_read(bytes + fixed, *size - fixed, &strings);
    return *size == fixed;
}

bool trailer_read(const uint8_t *bytes, size_t length, struct fact_strings *out)
{
    const uint8_t *at = bytes, *end = bytes + length;
    *out = (struct fact_strings){0};
    while (at < end && *at != FACT_TAG_END) {
        if (end - at < 2 || *at >= FACT_TAG_COUNT || out->by_tag[*at].length > 0 || end - at < 2 + at[1])
            return false;
        out->by_tag[*at] = (struct str){(const char *)at + 2, at[1]};
        at += 2 + at[1];
    }
    return end - at < FACT_WORD;
}

static bool text_is(const uint8_t **at, uint8_t length, struct str expected)
{
    bool same = str_equal((struct str){(const char *)*at, length}, expected);
    *at += length;
    return same;
}

static bool item_is(const uint8_t *bytes, size_t length, struct ask *ask, size_t *size)
{
    struct link_item item;
    if (length < sizeof item)
        return false;
    memcpy(&item, bytes, sizeof item);
    *size = (size_t)item.words * FACT_WORD;
    int64_t expected[3] = {ask->rate}, said[3] = {0};
    size_t count = ask->rate != 0 ? 1 : 0;
    if (is_leg(ask)) {
        expected[0] = ask->value;
        expected[1] = ask->spread;
        expected[2] = ask->residue;
        count = ask->kind == COMMAND_EXCHANGE_OUT ? 1 : 3;
        if (uuid_is_nil(&ask->id))
            ask->id = item.id; /* teller's choice */
    }
    size_t numbers = count * sizeof *said;
    if (item.numbers != count || *size < sizeof item + numbers || *size > length)
        return false;
    memcpy(said, bytes + sizeof item, numbers);
    size_t strings = numbers + item.from_length + item.to_length + item.memo_length + item.reference_length;
    if (*size > length || *size < sizeof item + strings || *size >= sizeof item + strings + FACT_WORD)
        return false;
    const uint8_t *at = bytes + sizeof item + numbers;
    return item.kind == ask->kind && memcmp(said, expected, numbers) == 0 && item.amount == ask->amount &&
           memcmp(item.id.bytes, ask->id.bytes, sizeof ask->id.bytes) == 0 &&
           memcmp(item.currency, currency_at(ask->currency)->code, sizeof item.currency) == 0 &&
           text_is(&at, item.from_length, ask->kind == COMMAND_EXCHANGE_IN ? ask->owner : ask->from) &&
           text_is(&at, item.to_length, ask->to) && text_is(&at, item.memo_length, ask->memo) &&
           text_is(&at, item.reference_length, ask->reference);
}

bool items_are(const uint8_t *bytes, size_t length, const struct ask *group)
{
    for (uint32_t i = 0; i < group->item_count; i++) {
        size_t size = 0;
        if (!item_is(bytes, length, &group->items[i], &size))
            return false;
        bytes += size;
        length -= size;
    }
    return length == 0;
}
