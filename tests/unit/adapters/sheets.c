/* Expectations of a sheet, and files of real rates. */
#include "tests/unit/adapters/sheets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/rate.h"

enum { ROW_TEXT_MAX = 160, REAL_FILE_MAX = 16 << 20 };

static const char *optional(int64_t rate, char out[RATE_TEXT_MAX])
{
    if (rate == 0)
        return "-";
    rate_format(rate, out);
    return out;
}

static size_t row_text(const struct rate_row *row, char out[ROW_TEXT_MAX])
{
    char date[RATE_DATE_TEXT], rate[RATE_TEXT_MAX], buy[RATE_TEXT_MAX], sell[RATE_TEXT_MAX];
    rate_date_format(row->date, date);
    rate_format(row->rate, rate);
    int length =
        snprintf(out, ROW_TEXT_MAX, "%s %s/%s %u %s", date, row->base, row->counter, row->units, rate);
    if (row->buy != 0 || row->sell != 0)
        length += snprintf(out + length, ROW_TEXT_MAX - (size_t)length, " %s %s", optional(row->buy, buy),
                           optional(row->sell, sell));
    return (size_t)length;
}

char *sheet_text(const struct rate_sheet *sheet)
{
    char *text = calloc(sheet->count + 1, ROW_TEXT_MAX);
    size_t length = 0;
    assert_non_null(text);
    for (uint32_t i = 0; i < sheet->count; i++) {
        if (i > 0)
            text[length++] = '\n';
        length += row_text(&sheet->rows[i], text + length);
    }
    return text;
}

void assert_promises(const struct rate_sheet *sheet)
{
    assert_true(sheet->kind != RATE_SHEET_NONE);
    for (uint32_t i = 0; i < sheet->count; i++) {
        const struct rate_row *row = &sheet->rows[i];
        assert_true(row->rate > 0 && row->rate <= RATE_MAX && row->buy >= 0 && row->sell >= 0);
        assert_true(row->units >= 1 && row->units <= RATE_SHEET_UNITS_MAX);
        assert_int_equal(strlen(row->base), 3);
        assert_int_equal(strlen(row->counter), 3);
        for (uint32_t j = i; j-- > 0 && sheet->rows[j].date == row->date;)
            assert_true(strcmp(sheet->rows[j].base, row->base) != 0 ||
                        strcmp(sheet->rows[j].counter, row->counter) != 0);
    }
}

void assert_sheet(sheet_reader *read, const char *document, const char *expected)
{
    struct rate_sheet sheet;
    const char *why = NULL;
    if (read(document, strlen(document), &sheet, &why) != ERR_OK)
        fail_msg("refused: %s", why);
    char *text = sheet_text(&sheet);
    assert_string_equal(text, expected);
    assert_promises(&sheet);
    free(text);
    rate_sheet_release(&sheet);
    assert_null(sheet.rows);
}

static void assert_nothing(const struct rate_sheet *sheet)
{
    assert_int_equal(sheet->kind, RATE_SHEET_NONE);
    assert_int_equal(sheet->count, 0);
    assert_null(sheet->rows);
}

void assert_refused(sheet_reader *read, const char *document, const char *why)
{
    struct rate_sheet sheet;
    const char *told = NULL;
    enum err err = read(document, strlen(document), &sheet, &told);
    assert_int_equal(err, ERR_INVALID);
    assert_nothing(&sheet);
    assert_string_equal(told, why);
}

/* In a piece of memory of just its size, so that a sanitizer sees a step too far. */
static enum err read_piece(sheet_reader *read, const char *data, size_t length, struct rate_sheet *sheet)
{
    const char *why = NULL;
    char *piece = malloc(length > 0 ? length : 1);
    assert_non_null(piece);
    memcpy(piece, data, length);
    enum err err = read(piece, length, sheet, &why);
    assert_true(err == ERR_OK || why != NULL);
    free(piece);
    return err;
}

void assert_cuts_refused(sheet_reader *read, const char *document)
{
    struct rate_sheet sheet;
    for (size_t length = strlen(document); length-- > 0;) {
        assert_int_equal(read_piece(read, document, length, &sheet), ERR_INVALID);
        assert_nothing(&sheet);
    }
}

void assert_changes_safe(sheet_reader *read, const char *document)
{
    static const char others[] = {'\0', '0', '-', ',', '.', '<', '"', '\'', '&', '\n', 'A', '\xff'};
    size_t length = strlen(document);
    char *copy = strdup(document);
    struct rate_sheet sheet;
    assert_non_null(copy);
    for (size_t i = 0; i < length; i++) {
        for (size_t k = 0; k < sizeof others; k++) {
            copy[i] = others[k];
            if (read_piece(read, copy, length, &sheet) == ERR_OK)
                assert_promises(&sheet);
            else
                assert_nothing(&sheet);
            rate_sheet_release(&sheet);
        }
        copy[i] = document[i];
    }
    free(copy);
}

/* ---- real files -------------------------------------------------------------------------------------- */

static FILE *open_real(const char *directory, const char *name, bool *is_pipe)
{
    const char *inside = strchr(name, ':');
    char text[1024];
    int archive = inside != NULL ? (int)(inside - name) : (int)strlen(name);
    snprintf(text, sizeof text, "%s/%.*s", directory, archive, name);
    FILE *file = fopen(text, "rb");
    *is_pipe = file != NULL && inside != NULL;
    if (!*is_pipe)
        return file;
    fclose(file);
    snprintf(text, sizeof text,
             "/usr/bin/python3 -c 'import sys, zipfile; "
             "sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' '%s/%.*s' '%s'",
             directory, archive, name, inside + 1);
    return popen(text, "r");
}

char *real_file(const char *name, size_t *length)
{
    const char *directory = getenv("TELLER_TEST_DATA");
    bool is_pipe;
    FILE *file = directory != NULL ? open_real(directory, name, &is_pipe) : NULL;
    if (file == NULL) {
        print_message("skipped: %s is absent (name its directory in TELLER_TEST_DATA)\n", name);
        return NULL;
    }
    char *data = malloc(REAL_FILE_MAX);
    assert_non_null(data);
    *length = fread(data, 1, REAL_FILE_MAX - 1, file);
    data[*length] = '\0';
    assert_int_equal(is_pipe ? pclose(file) : fclose(file), 0);
    return data;
}
