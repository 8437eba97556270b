/* Fuzz target: facts as they stand in a journal.
 *
 *     byte 0: 255: the rest are facts; else it chooses a partition and a commit, and the rest are patches of the facts
 *     from there on
 *
 * What fact_check lets through is a whole number of words, inside the bytes, and safe to walk: strings read and
 * written again are the same, group items and rows fill it exactly. */
#include "actors/base/check.h"
#include "actors/base/code.h"
#include "actors/ledger/group.h"
#include "actors/ledger/link.h"
#include "tests/fuzz/history.h"
#include "tests/fuzz/patch.h"

enum { RAW = 255, WINDOW_MAX = 2048 };

static void check_strings(const uint8_t *bytes, size_t length)
{
    struct fact_strings strings, again;
    uint8_t written[FACT_TAG_COUNT * (2 + UINT8_MAX) + FACT_WORD];
    enum err err = fact_strings_read(bytes, length, &strings);
    CHECK(err == ERR_OK);
    for (int tag = 0; tag < FACT_TAG_COUNT; tag++) {
        const struct str *text = &strings.by_tag[tag];
        CHECK(text->length == 0 || ((const uint8_t *)text->data >= bytes &&
                                    (const uint8_t *)text->data + text->length <= bytes + length));
    }
    size_t size = fact_strings_write(&strings, written);
    CHECK(size == fact_strings_size(&strings) && size <= sizeof written && size % FACT_WORD == 0);
    err = fact_strings_read(written, size, &again);
    CHECK(err == ERR_OK);
    for (int tag = 0; tag < FACT_TAG_COUNT; tag++)
        CHECK(str_equal(strings.by_tag[tag], again.by_tag[tag]));
}

static void check_item(const struct ledger_command *item, const uint8_t *bytes, size_t size)
{
    uint8_t written[2048];
    CHECK(item->amount >= 1 && item->amount <= MONEY_MAX && item->currency != CURRENCY_NONE);
    CHECK(link_item_write(item, written) == size && size <= sizeof written);
    struct ledger_command again;
    CHECK(link_item_read(written, size, &again) == size);
    CHECK(str_equal(item->from, again.from) && str_equal(item->to, again.to) &&
          str_equal(item->memo, again.memo) && str_equal(item->reference, again.reference) &&
          item->kind == again.kind && item->amount == again.amount && item->currency == again.currency &&
          uuid_equal(&item->id, &again.id));
    CHECK(item->from.length == 0 || (const uint8_t *)item->from.data + item->from.length <= bytes + size);
}

static void check_group(const uint8_t *fact, size_t size)
{
    struct fact_group head;
    memcpy(&head, fact, sizeof head);
    size_t at = sizeof head;
    CHECK(head.count <= LEDGER_GROUP_MAX && head.peer < LEDGER_PARTITIONS_MAX);
    if (head.head.kind != FACT_GROUP_STARTED && head.head.kind != FACT_GROUP_PREPARED) {
        CHECK(size == at + head.count * sizeof(struct group_row));
        return;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        struct ledger_command item;
        size_t length = link_item_read(fact + at, size - at, &item);
        CHECK(length > 0);
        check_item(&item, fact + at, length);
        at += length;
    }
    CHECK(at == size);
}

static void check_facts(const uint8_t *bytes, size_t length)
{
    size_t size;
    for (size_t at = 0; at < length && fact_check(bytes + at, length - at, &size) == ERR_OK; at += size) {
        const uint8_t *fact = bytes + at;
        CHECK(size >= FACT_WORD && size % FACT_WORD == 0 && size <= length - at);
        CHECK(fact[0] >= FACT_TRANSFER && fact[0] < FACT_KIND_COUNT && fact[1] < CODE_COUNT);
        CHECK(size == (size_t)(fact[2] | fact[3] << 8) * FACT_WORD && size >= fact_fixed_size(fact[0]));
        bool has_trailer = (fact[0] >= FACT_ACCOUNT_OPENED && fact[0] <= FACT_ACCOUNT_CLOSED) ||
                           (fact[0] >= FACT_PROPOSED && fact[0] <= FACT_PROPOSAL_EXPIRED);
        if (fact_is_posting(fact[0]) || fact_is_desk(fact[0]) || fact_is_hold(fact[0]) ||
            fact_is_remittance(fact[0]) || has_trailer)
            check_strings(fact + fact_fixed_size(fact[0]), size - fact_fixed_size(fact[0]));
        else if (fact_is_group(fact[0]))
            check_group(fact, size);
        else
            CHECK(size == fact_fixed_size(fact[0]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t window[WINDOW_MAX];
    struct input input = {data, size};
    uint8_t first = input_byte(&input);
    struct fact_strings strings;
    if (first == RAW) {
        check_facts(input.at, input.left);
        if (fact_strings_read(input.at, input.left, &strings) == ERR_OK)
            check_strings(input.at, input.left);
        return 0;
    }
    const struct history_journal *journal = &history_get()->journals[first & 1];
    size_t from = (size_t)(journal->commits[(first >> 1) % journal->count].facts - journal->bytes);
    size_t length = journal->length - from < WINDOW_MAX ? journal->length - from : WINDOW_MAX;
    memcpy(window, journal->bytes + from, length);
    patch_apply(&input, window, length);
    check_facts(window, length);
    return 0;
}
