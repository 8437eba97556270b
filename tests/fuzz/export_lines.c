/* Fuzz target: lines of an export, imported again.
 *
 *     byte 0: bit 0 CSV, bits 1 to 3 the kind of line; then its fields: a length byte, and that many bytes
 *
 * What a journal can hold (clean text, valid ids) comes back from the file as it was, in both formats. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/command/import_line.h"
#include "broker/offline/export_line.h"
#include "tests/fuzz/memory_file.h"

enum { TEXT_MAX = 256, TEXTS = 6 };

static struct str take_text(struct input *input, uint32_t max)
{
    size_t length = input_byte(input);
    length = length < input->left ? length : input->left;
    length = length < max ? length : max;
    struct str text = {(const char *)input->at, (uint32_t)length};
    input->at += length;
    input->left -= length;
    return text_is_clean(text) ? text : (struct str){0};
}

static struct str take_id(struct input *input, const char *otherwise)
{
    struct str id = take_text(input, ACCOUNT_ID_MAX);
    return text_is_account_id(id) ? id : str_from(otherwise);
}

static currency_index dollars(void *owner, struct str account)
{
    (void)owner;
    (void)account;
    return currency_find("USD", CURRENCY_CODE_LENGTH);
}

static int64_t take_amount(struct input *input)
{
    return (int64_t)(input_number(input, 8) % (uint64_t)MONEY_MAX) + 1;
}

/* Kinds as the export writes them; strings that a kind has not are left out. */
enum line_kind {
    LINE_TRANSFER,
    LINE_DEPOSIT,
    LINE_WITHDRAW,
    LINE_OPEN,
    LINE_CHANGE,
    LINE_FREEZE,
    LINE_HOLD,
    LINE_KINDS
};

static bool is_money(enum line_kind kind)
{
    return kind <= LINE_WITHDRAW || kind == LINE_HOLD;
}

static const char *const OPS[LINE_KINDS] = {"transfer",       "deposit",        "withdraw", "account.open",
                                            "account.change", "account.freeze", "hold"};

static struct export_line line_make(struct input *input, enum line_kind kind)
{
    struct export_line line = {.op = OPS[kind], .time_us = 1700000000000000};
    memset(line.id.bytes, 7, sizeof line.id.bytes);
    line.id.bytes[3] = input_byte(input);
    line.memo = take_text(input, MEMO_MAX);
    if (is_money(kind)) {
        line.amount = take_amount(input);
        line.currency = (currency_index)(input_byte(input) % (currency_count() - 1) + 1);
        line.reference = take_text(input, REFERENCE_MAX);
        line.from = kind == LINE_DEPOSIT ? (struct str){0} : take_id(input, "from");
        line.to = kind == LINE_WITHDRAW || kind == LINE_HOLD ? (struct str){0} : take_id(input, "to");
        line.expires_us = kind == LINE_HOLD ? (int64_t)(input_number(input, 8) >> 1) : 0;
        return line;
    }
    line.account = take_id(input, "account");
    if (kind == LINE_FREEZE)
        return line;
    line.owner = take_text(input, OWNER_MAX);
    if (line.owner.length == 0)
        line.owner = STR_LITERAL("owner");
    line.product = take_text(input, PRODUCT_MAX);
    line.product = text_is_product(line.product) ? line.product : (struct str){0};
    line.has_limits = true;
    line.is_change = kind == LINE_CHANGE;
    line.limits_currency = dollars(NULL, line.account);
    line.currency = kind == LINE_OPEN ? line.limits_currency : CURRENCY_NONE;
    line.minimum = -(take_amount(input) - 1);
    line.ceiling = input_byte(input) & 1 ? INT64_MAX : take_amount(input);
    return line;
}

static void check_money(const struct export_line *line, const struct import_line *read)
{
    CHECK(read->kind == IMPORT_ITEM && uuid_equal(&read->item.id, &line->id));
    CHECK(str_equal(read->item.from, line->from) && str_equal(read->item.to, line->to));
    CHECK(read->item.expires_us == line->expires_us);
    CHECK(read->item.amount == line->amount && read->item.currency == line->currency);
    CHECK(str_equal(read->item.memo, line->memo) && str_equal(read->item.reference, line->reference));
}

static void check_account(const struct export_line *line, const struct import_line *read)
{
    const struct teller_account_command *account = &read->account;
    CHECK(read->kind == IMPORT_ACCOUNT && str_equal(account->account, line->account));
    CHECK(str_equal(account->memo, line->memo));
    if (!line->has_limits)
        return;
    CHECK(str_equal(account->owner, line->owner) && str_equal(account->product, line->product));
    CHECK(account->minimum_balance == line->minimum && account->ceiling == line->ceiling);
    CHECK(line->is_change || account->currency == line->currency);
    CHECK(!line->is_change || account->sets == (TELLER_SETS_OWNER | TELLER_SETS_PRODUCT |
                                                TELLER_SETS_CEILING | TELLER_SETS_MINIMUM_BALANCE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t flags = input_byte(&input);
    enum line_kind kind = (enum line_kind)((flags >> 1) % LINE_KINDS);
    struct export_line line = line_make(&input, kind);
    char *text = NULL;
    size_t length;
    struct export_writer writer = {.file = open_memstream(&text, &length),
                                   .format = flags & 1 ? EXPORT_CSV : EXPORT_JSONL};
    CHECK(writer.file != NULL);
    export_begin(&writer);
    export_write(&writer, &line);
    CHECK(fclose(writer.file) == 0);
    const char *why;
    struct import_source *source =
        import_source_open(memory_file(text, length), flags & 1 ? IMPORT_CSV : IMPORT_JSONL, &why);
    free(text);
    CHECK(source != NULL);
    struct import_context context = {.ids = import_ids_new(import_source_digest(source)),
                                     .currency_of = dollars};
    struct import_record record;
    struct import_line read;
    CHECK(context.ids != NULL && import_source_next(source, &record));
    import_line_read(&context, &record, 0, &read);
    CHECK(read.code == CODE_OK);
    if (is_money(kind))
        check_money(&line, &read);
    else
        check_account(&line, &read);
    CHECK(!import_source_next(source, &record));
    import_ids_destroy(&context.ids);
    import_source_close(&source);
    return 0;
}
