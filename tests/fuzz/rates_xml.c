/* Fuzz target: the ECB's rates as XML, and as CSV where byte 0 is odd; the rest is the document.
 *
 * Whatever comes in: nothing and a phrase, or a sheet that keeps the promises of rate_sheet.h. A sheet is written again as CSV,
 * day by day with one column for each row, and read back the same. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "adapters/rates/ecb.h"
#include "adapters/rates/ecb_csv.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/sheet.h"

enum { LINE_MAX_BYTES = RATE_SHEET_CURRENCIES_MAX * (RATE_TEXT_MAX + 4) + 64 };

/* One day of a sheet, as a file of its own. */
static size_t write_day(const struct rate_row *rows, uint32_t count, char *out)
{
    char date[RATE_DATE_TEXT], rate[RATE_TEXT_MAX];
    size_t length = (size_t)sprintf(out, "Date");
    for (uint32_t i = 0; i < count; i++)
        length += (size_t)sprintf(out + length, ",%s", rows[i].counter);
    rate_date_format(rows[0].date, date);
    length += (size_t)sprintf(out + length, ",\n%s", date);
    for (uint32_t i = 0; i < count; i++) {
        rate_format(rows[i].rate, rate);
        length += (size_t)sprintf(out + length, ",%s", rate);
    }
    return length + (size_t)sprintf(out + length, ",\n");
}

static void check_again(const struct rate_row *rows, uint32_t count)
{
    char text[2 * LINE_MAX_BYTES];
    struct rate_sheet again;
    const char *why;
    enum err err = ecb_csv_read(text, write_day(rows, count, text), &again, &why);
    CHECK(err == ERR_OK && again.count == count);
    for (uint32_t i = 0; i < count; i++)
        CHECK(rate_row_equal(&rows[i], &again.rows[i]));
    rate_sheet_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rate_sheet sheet;
    const char *why = NULL;
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    enum err err = (data[0] & 1) != 0 ? ecb_csv_read(text, size - 1, &sheet, &why)
                                      : ecb_read(text, size - 1, &sheet, &why);
    sheet_check(&sheet, err, why, RATE_SHEET_ECB);
    for (uint32_t i = 0, next; i < sheet.count; i = next) {
        for (next = i; next < sheet.count && sheet.rows[next].date == sheet.rows[i].date; next++)
            CHECK(memcmp(sheet.rows[next].base, "EUR", 4) == 0 && sheet.rows[next].units == 1 &&
                  sheet.rows[next].buy == 0 && sheet.rows[next].sell == 0);
        check_again(&sheet.rows[i], next - i);
    }
    rate_sheet_release(&sheet);
    return 0;
}
