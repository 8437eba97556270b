/* Fuzz target: the Eximbank's rates as JSON.
 *
 * Whatever comes in: nothing and a phrase, or a sheet that keeps the promises of rate_sheet.h, of the day asked for. It is
 * written again and read back the same. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "adapters/rates/koreaexim.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/sheet.h"

enum { DATE = 20777, ROW_MAX = 4 * RATE_TEXT_MAX + 128 };

/* With commas between thousands. */
static const char *written(int64_t rate, char out[2 * RATE_TEXT_MAX])
{
    char plain[RATE_TEXT_MAX] = "0";
    if (rate > 0)
        rate_format(rate, plain);
    size_t whole = strcspn(plain, "."), length = 0;
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            out[length++] = ',';
        out[length++] = plain[i];
    }
    memcpy(out + length, plain + whole, strlen(plain + whole) + 1);
    return out;
}

static size_t write_row(const struct rate_row *row, char out[ROW_MAX])
{
    char rate[2 * RATE_TEXT_MAX], buy[2 * RATE_TEXT_MAX], sell[2 * RATE_TEXT_MAX];
    return (size_t)sprintf(
        out, ",{\"result\":1,\"cur_unit\":\"%s(%u)\",\"deal_bas_r\":\"%s\",\"ttb\":\"%s\",\"tts\":\"%s\"}",
        row->base, row->units, written(row->rate, rate), written(row->buy, buy), written(row->sell, sell));
}

static void check_again(const struct rate_sheet *sheet)
{
    char text[RATE_SHEET_CURRENCIES_MAX * ROW_MAX + 4];
    struct rate_sheet again;
    const char *why;
    size_t length = 0;
    for (uint32_t i = 0; i < sheet->count; i++)
        length += write_row(&sheet->rows[i], text + length);
    text[0] = '[';
    text[length++] = ']';
    enum err err = koreaexim_read(text, length, DATE, &again, &why);
    CHECK(err == ERR_OK && again.count == sheet->count);
    for (uint32_t i = 0; i < sheet->count; i++)
        CHECK(rate_row_equal(&sheet->rows[i], &again.rows[i]));
    rate_sheet_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rate_sheet sheet;
    const char *why = NULL;
    enum err err = koreaexim_read((const char *)data, size, DATE, &sheet, &why);
    sheet_check(&sheet, err, why, RATE_SHEET_KOREAEXIM);
    for (uint32_t i = 0; i < sheet.count; i++)
        CHECK(sheet.rows[i].date == DATE && memcmp(sheet.rows[i].counter, "KRW", 4) == 0);
    if (sheet.count > 0)
        check_again(&sheet);
    rate_sheet_release(&sheet);
    return 0;
}
