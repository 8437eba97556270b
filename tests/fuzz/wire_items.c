/* Fuzz target: a request frame as it comes from the network, its head and its items, and the router's split.
 * Beyond not crashing: a command that the decoder lets through keeps every promise that the ledger relies on,
 * and splitting agrees with decoding about what is well-formed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/items.h"
#include "broker/wire/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTITIONS = 3 };

static uint32_t partition_by_length(struct str account, uint32_t partitions)
{
    CHECK(text_is_account_id(account));
    return account.length % partitions;
}

static void check_text(struct str text, uint32_t max)
{
    CHECK(text.length <= max && text_is_clean(text));
}

static void check_party(struct str account, bool wanted)
{
    CHECK(wanted ? text_is_account_id(account) && !text_is_reserved_id(account) : account.length == 0);
}

static void check_command(const struct ledger_command *c)
{
    CHECK(c->kind >= COMMAND_TRANSFER && c->kind <= COMMAND_EXCHANGE);
    CHECK(c->deadline_us >= 0 && c->code < CODE_COUNT && c->field < FIELD_COUNT);
    if (c->code != CODE_OK)
        return;
    CHECK(!uuid_is_nil(&c->id));
    if (c->kind == COMMAND_GROUP) {
        CHECK(c->group_count >= 1 && c->group_count <= LEDGER_GROUP_MAX);
        return;
    }
    check_party(c->from, c->kind != COMMAND_DEPOSIT);
    bool holds = c->kind >= COMMAND_HOLD && c->kind <= COMMAND_RELEASE;
    bool plain = c->kind != COMMAND_RELEASE && c->kind != COMMAND_EXCHANGE;
    check_party(c->to, c->kind != COMMAND_WITHDRAW && !holds);
    CHECK(c->kind != COMMAND_TRANSFER || !str_equal(c->from, c->to));
    CHECK(c->amount >= (plain && c->kind != COMMAND_CAPTURE) && c->amount <= MONEY_MAX);
    CHECK(plain ? c->currency != CURRENCY_NONE && c->currency < currency_count()
                : c->amount == 0 && c->currency == CURRENCY_NONE);
    CHECK(c->kind != COMMAND_HOLD || c->expires_us >= 0);
    CHECK((c->kind != COMMAND_CAPTURE && c->kind != COMMAND_RELEASE) || !uuid_is_nil(&c->of));
    check_text(c->memo, MEMO_MAX);
    check_text(c->reference, REFERENCE_MAX);
}

static void check_items(const struct wire_items *items)
{
    uint32_t row_count = 0;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct ledger_command *c = &items->commands[i];
        check_command(c);
        row_count += 1u + c->group_count;
        for (uint32_t k = 0; k < c->group_count; k++) {
            CHECK(c->items[k].kind <= COMMAND_WITHDRAW || c->items[k].code != CODE_OK);
            check_command(&c->items[k]);
        }
    }
    CHECK(row_count == items->row_count && row_count <= LEDGER_BATCH_MAX);
}

static void check_split(const struct wire_header *header, enum code code, uint32_t count)
{
    struct wire_split split = {0};
    enum field field;
    enum code split_code = wire_items_split(&split, header, PARTITIONS, partition_by_length, &field);
    CHECK(code != CODE_OK || (split_code == CODE_OK && split.count == count));
    if (split_code == CODE_OK) {
        struct mp_writer w = {0};
        for (uint32_t p = 0; p < PARTITIONS; p++)
            wire_split_write(&split, header, p, &w);
        mp_writer_release(&w);
    }
    wire_split_release(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_header header;
    struct wire_items items = {0};
    enum code code;
    enum field field;
    if (!wire_header_read(data, size, &header, &code, &field) || header.operation > OPERATION_BATCH)
        return 0;
    code = wire_items_read(&items, &header, &field);
    if (code == CODE_OK)
        check_items(&items);
    if (header.operation == OPERATION_BATCH)
        check_split(&header, code, items.count);
    else
        wire_partition_of(&header, PARTITIONS, partition_by_length);
    wire_items_release(&items);
    return 0;
}
