/* Fuzz target: a file to import, as CSV and as JSON lines.
 *
 * Records go forward through the file and come to its end; whoever goes on behind a record, as a resumed import does, reads
 * the same; a line that is let through keeps the promises that the client library relies on; and a CSV field that is
 * written again is read as it was. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "broker/command/csv.h"
#include "broker/command/import_line.h"
#include "broker/command/import_source.h"
#include "tests/fuzz/memory_file.h"

enum { LINES_CHECKED_MAX = 64 };

static currency_index any_currency(void *owner, struct str account)
{
    (void)owner;
    return account.length % 3 == 0 ? CURRENCY_NONE : currency_find("USD", CURRENCY_CODE_LENGTH);
}

static void check_account(const struct teller_account_command *command)
{
    CHECK(text_is_account_id(command->account));
    CHECK(command->kind != TELLER_ACCOUNT_OPEN ||
          (command->currency != CURRENCY_NONE && !uuid_is_nil(&command->id) && command->owner.length > 0));
}

static void check_item(const struct teller_item *item)
{
    CHECK(item->kind == TELLER_DEPOSIT || text_is_account_id(item->from));
    CHECK(item->kind == TELLER_WITHDRAW || item->kind == TELLER_HOLD || text_is_account_id(item->to));
    CHECK(item->expires_us >= 0 && (item->kind == TELLER_HOLD || item->expires_us == 0));
    CHECK(!uuid_is_nil(&item->id) && item->currency != CURRENCY_NONE);
    CHECK(item->amount >= 1 && item->amount <= MONEY_MAX);
    CHECK(item->memo.length <= MEMO_MAX && text_is_clean(item->memo));
    CHECK(item->reference.length <= REFERENCE_MAX && text_is_clean(item->reference));
}

static void check_line(const struct import_line *line)
{
    CHECK(line->code < CODE_COUNT && line->field < FIELD_COUNT);
    if (line->code != CODE_OK)
        return;
    if (line->kind == IMPORT_ACCOUNT)
        check_account(&line->account);
    else if (line->kind == IMPORT_ITEM)
        check_item(&line->item);
    else
        CHECK(!uuid_is_nil(&line->group));
}

static void check_record(const struct import_context *context, struct import_source *source,
                         const struct import_record *record)
{
    struct import_line line, item;
    import_line_read(context, record, 0, &line);
    check_line(&line);
    if (line.code != CODE_OK || line.kind != IMPORT_GROUP)
        return;
    CHECK(record->item_count >= 1 && record->item_count <= TELLER_GROUP_MAX);
    for (size_t i = 0; i < record->item_count; i++) {
        struct import_record part = *record;
        memset(part.values, 0, sizeof part.values);
        part.given = 0;
        import_source_item(source, i, &part);
        import_line_read(context, &part, (uint32_t)i + 1, &item);
        check_line(&item);
        CHECK(item.code != CODE_OK || item.kind != IMPORT_GROUP);
        CHECK(item.code != CODE_OK || item.kind != IMPORT_ITEM || item.item.kind != TELLER_HOLD);
    }
}

/* Where a second reader that begins behind a record finds the next one, and what it is. */
static void check_resume(struct import_source *second, size_t offset, uint64_t line,
                         const struct import_record *expected)
{
    struct import_record found;
    CHECK(import_source_seek(second, offset, line) && import_source_next(second, &found));
    CHECK(found.start == expected->start && found.end == expected->end && found.line == expected->line &&
          found.given == expected->given && (found.malformed == NULL) == (expected->malformed == NULL));
    for (int column = 0; column < COLUMN_COUNT; column++)
        CHECK(str_equal(found.values[column], expected->values[column]));
}

static void check_file(const char *path, size_t size, enum import_format format)
{
    const char *why = NULL;
    struct import_record record;
    struct import_source *source = import_source_open(path, format, &why);
    struct import_source *second = source != NULL ? import_source_open(path, format, &why) : NULL;
    CHECK((source != NULL && second != NULL) || why != NULL);
    if (source == NULL)
        return;
    struct import_context context = {.ids = import_ids_new(import_source_digest(source)),
                                     .currency_of = any_currency};
    CHECK(context.ids != NULL && import_source_length(source) == size);
    size_t offset;
    uint64_t line, count = 0;
    for (import_source_tell(source, &offset, &line); import_source_next(source, &record); count++) {
        CHECK(record.start >= offset && record.end > record.start && record.end <= size);
        CHECK(record.line >= line);
        if (count < LINES_CHECKED_MAX) {
            check_resume(second, offset, line, &record);
            check_record(&context, source, &record);
        }
        uint64_t before = line;
        import_source_tell(source, &offset, &line);
        CHECK(offset == record.end && (line > before || offset == size));
    }
    import_ids_destroy(&context.ids);
    import_source_close(&second);
    import_source_close(&source);
}

/* Every field of the file as a CSV field of its own: written, and read again. */
static void check_written(const char *bytes, size_t size)
{
    static struct csv csv, again;
    const char *why;
    csv_init(&csv, bytes, size);
    while (csv_next(&csv, &why) == CSV_RECORD) {
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);
        CHECK(out != NULL);
        fputs("first,",
              out); /* a line that is empty is passed over; a separator is known from the first line */
        for (size_t i = 0; i < csv.field_count && i + 1 < CSV_FIELDS_MAX; i++)
            csv_write(out, csv.fields[i], i + 1 < csv.field_count && i + 2 < CSV_FIELDS_MAX ? ',' : '\n');
        CHECK(fclose(out) == 0);
        csv_init(&again, text, length);
        again.separator = ',';
        CHECK(csv_next(&again, &why) == CSV_RECORD && again.field_count >= 2);
        for (size_t i = 0; i + 1 < again.field_count; i++)
            CHECK(str_equal(again.fields[i + 1], csv.fields[i]));
        CHECK(csv_next(&again, &why) == CSV_END);
        free(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = memory_file(data, size);
    check_file(path, size, IMPORT_CSV);
    check_file(path, size, IMPORT_JSONL);
    check_written((const char *)data, size);
    return 0;
}
