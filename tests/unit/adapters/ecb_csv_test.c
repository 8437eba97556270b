/* The ECB's history as CSV: what is read, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/rates/ecb_csv.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/base/rate.h"
#include "tests/unit/adapters/sheets.h"

#define TWO "Date,USD,JPY,\n"

static void cells_are_rates_or_none(void **state)
{
    (void)state;
    assert_sheet(
        ecb_csv_read,
        "Date,USD,CYP,ROL,TRL,\n2026-11-20,1.0556,N/A,,N/A,\n1999-01-04,1.1789,0.58231,13111,372274,\n",
        "2026-11-20 EUR/USD 1 1.0556\n1999-01-04 EUR/USD 1 1.1789\n1999-01-04 EUR/CYP 1 0.58231\n"
        "1999-01-04 EUR/ROL 1 13111\n1999-01-04 EUR/TRL 1 372274");
}

static void lines_may_end_without_a_comma_and_with_cr_lf(void **state)
{
    (void)state;
    assert_sheet(ecb_csv_read, "Date,USD,JPY\r\n2026-11-20,1.0,120.65\r\n",
                 "2026-11-20 EUR/USD 1 1\n2026-11-20 EUR/JPY 1 120.65");
}

static void a_cell_that_is_no_rate_is_refused(void **state)
{
    static const char *const range = "a rate of zero, too high or with too many decimals";
    static const char *const number = "a rate that is not a number above zero";
    (void)state;
    assert_refused(ecb_csv_read, TWO "2026-11-20,0,1,\n", range);
    assert_refused(ecb_csv_read, TWO "2026-11-20,1,0.000,\n", range);
    assert_refused(ecb_csv_read, TWO "2026-11-20,1,1000000000,\n", range);
    assert_refused(ecb_csv_read, TWO "2026-11-20,-1,1,\n", number);
    assert_refused(ecb_csv_read, TWO "2026-11-20,1 ,1,\n", number);
    assert_refused(ecb_csv_read, TWO "2026-11-20,n/a,1,\n", number);
    assert_refused(ecb_csv_read, TWO "2026-11-20,\"1\",1,\n", number);
}

static void a_line_with_too_few_or_too_many_cells_is_refused(void **state)
{
    (void)state;
    assert_refused(ecb_csv_read, TWO "2026-11-20,1,\n", "a line with fewer cells than the first");
    assert_refused(ecb_csv_read, TWO "2026-11-20\n", "a line with fewer cells than the first");
    assert_refused(ecb_csv_read, TWO "2026-11-20,1,2,3,\n", "a line with more cells than the first");
    assert_refused(ecb_csv_read, TWO "2026-11-20,1,740.86,2,\n", "a line with more cells than the first");
    assert_refused(ecb_csv_read, TWO "2026-11-20,1,2", "a line without its end");
    assert_refused(ecb_csv_read, TWO "\n", "a date that is not one");
}

static void a_day_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_refused(ecb_csv_read, TWO "2026-02-29,1,2,\n", "a date that is not one");
    assert_refused(ecb_csv_read, TWO "20 November 2026,1,2,\n", "a date that is not one");
    assert_refused(ecb_csv_read, TWO "2026-11-20,N/A,N/A,\n", "a day without a rate");
    assert_refused(ecb_csv_read, TWO "2026-11-20,1,2,\n2026-11-19,1,2,\n2026-11-20,1,2,\n",
                   "a day stands there twice");
    assert_refused(ecb_csv_read, TWO, "no day with rates");
}

static void a_first_line_that_is_none_is_refused(void **state)
{
    static const char *const why = "the first line does not begin with Date";
    (void)state;
    assert_refused(ecb_csv_read, "", why);
    assert_refused(ecb_csv_read, "Day,USD,\n2026-11-20,1,\n", why);
    assert_refused(ecb_csv_read, "2026-11-20,1,2,\n", why);
    assert_refused(ecb_csv_read, "Date,USD,JPY,USD,\n2026-11-20,1,2,1,\n", "a currency stands there twice");
    assert_refused(ecb_csv_read, "Date,USD,EUR,\n2026-11-20,1,2,\n", "a currency against itself");
    assert_refused(ecb_csv_read, "Date,USD,,JPY,\n2026-11-20,1,2,3,\n",
                   "a currency that is not three capital letters");
    assert_refused(ecb_csv_read, "Date,\n2026-11-20,\n", "a day without a rate");
    assert_refused(ecb_csv_read, "PK\x03\x04", "a line without its end");
}

static void columns_are_bounded(void **state)
{
    char text[4096];
    size_t length = (size_t)sprintf(text, "Date");
    (void)state;
    for (int i = 0; i < RATE_SHEET_CURRENCIES_MAX + 1; i++)
        length += (size_t)sprintf(text + length, ",X%c%c", 'A' + i / 26, 'A' + i % 26);
    sprintf(text + length, "\n");
    assert_refused(ecb_csv_read, text, "too many currencies");
}

static void a_cut_file_gives_whole_days_only(void **state)
{
    static const char document[] = TWO "2026-11-20,1.0556,120.65,\n2026-11-19,1.05,N/A,\n";
    (void)state;
    assert_changes_safe(ecb_csv_read, document);
    for (size_t length = 0; length < sizeof document - 1; length++) {
        struct rate_sheet sheet;
        const char *why;
        bool is_whole = length > sizeof TWO && document[length - 1] == '\n';
        assert_int_equal(ecb_csv_read(document, length, &sheet, &why), is_whole ? ERR_OK : ERR_INVALID);
        assert_int_equal(sheet.count, is_whole ? 2 : 0);
        rate_sheet_release(&sheet);
    }
}

/* A number without what does not count: "310.70" is "310.7". */
static void trim(char *text)
{
    size_t length = strlen(text);
    while (strchr(text, '.') != NULL && (text[length - 1] == '0' || text[length - 1] == '.')) {
        bool is_point = text[length - 1] == '.';
        text[--length] = '\0';
        if (is_point)
            return;
    }
}

static void the_real_history_is_read_cell_by_cell(void **state)
{
    size_t length;
    struct rate_sheet sheet;
    const char *why = "";
    char *data = real_file("ecb/eurofxref-hist.zip:eurofxref-hist.csv", &length);
    (void)state;
    if (data == NULL) {
        skip();
        return;
    }
    if (ecb_csv_read(data, length, &sheet, &why) != ERR_OK)
        fail_msg("%s", why);
    char *rest = data, *head = strsep(&rest, "\n"), date[RATE_DATE_TEXT], rate[RATE_TEXT_MAX];
    uint32_t seen = 0;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        char names[512], *name = names, *day = strsep(&line, ",");
        snprintf(names, sizeof names, "%s", head + sizeof "Date");
        for (char *cell; (cell = strsep(&line, ",")) != NULL && *cell != '\0';) {
            const char *currency = strsep(&name, ",");
            if (strcmp(cell, "N/A") == 0)
                continue;
            const struct rate_row *row = &sheet.rows[seen++];
            rate_date_format(row->date, date);
            rate_format(row->rate, rate);
            trim(cell);
            assert_string_equal(date, day);
            assert_string_equal(row->counter, currency);
            assert_string_equal(rate, cell);
        }
    }
    assert_int_equal(seen, sheet.count);
    assert_true(seen > 200000);
    free(data);
    rate_sheet_release(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_rates_or_none),
        cmocka_unit_test(lines_may_end_without_a_comma_and_with_cr_lf),
        cmocka_unit_test(a_cell_that_is_no_rate_is_refused),
        cmocka_unit_test(a_line_with_too_few_or_too_many_cells_is_refused),
        cmocka_unit_test(a_day_that_is_none_is_refused),
        cmocka_unit_test(a_first_line_that_is_none_is_refused),
        cmocka_unit_test(columns_are_bounded),
        cmocka_unit_test(a_cut_file_gives_whole_days_only),
        cmocka_unit_test(the_real_history_is_read_cell_by_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
