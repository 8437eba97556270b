/* The promises of adapters/rates/rate_sheet.h, for targets that read rates. */
#ifndef TELLER_TESTS_FUZZ_SHEET_H
#define TELLER_TESTS_FUZZ_SHEET_H

#include <string.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "adapters/rates/rate_sheet.h"

static inline bool is_code(const char *code)
{
    return strlen(code) == 3 && strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static inline bool rate_row_equal(const struct rate_row *a, const struct rate_row *b)
{
    return a->date == b->date && strcmp(a->base, b->base) == 0 && strcmp(a->counter, b->counter) == 0 &&
           a->units == b->units && a->rate == b->rate && a->buy == b->buy && a->sell == b->sell;
}

static inline void row_check(const struct rate_row *row)
{
    char text[RATE_DATE_TEXT];
    int32_t date;
    rate_date_format(row->date, text);
    CHECK(rate_date_parse(str_from(text), &date) && date == row->date);
    CHECK(is_code(row->base) && is_code(row->counter) && strcmp(row->base, row->counter) != 0);
    CHECK(row->units >= 1 && row->units <= RATE_SHEET_UNITS_MAX && row->rate >= 1 && row->rate <= RATE_MAX);
    CHECK(row->buy >= 0 && row->buy <= RATE_MAX && row->sell >= 0 && row->sell <= RATE_MAX);
}

/* A whole sheet, or none and a phrase. */
static inline void sheet_check(const struct rate_sheet *sheet, enum err err, const char *why,
                               enum rate_sheet_kind kind)
{
    CHECK(err == ERR_OK || err == ERR_INVALID);
    CHECK(err == ERR_OK
              ? sheet->kind == kind
              : sheet->kind == RATE_SHEET_NONE && sheet->count == 0 && sheet->rows == NULL && why != NULL);
    for (uint32_t i = 0; i < sheet->count; i++) {
        const struct rate_row *row = &sheet->rows[i];
        row_check(row);
        bool same_day = true;
        for (uint32_t j = i; j-- > 0;) {
            const struct rate_row *other = &sheet->rows[j];
            same_day = same_day && other->date == row->date;
            CHECK(same_day == (other->date == row->date)); /* a day's rows stand together */
            CHECK(!same_day || strcmp(other->base, row->base) != 0 ||
                  strcmp(other->counter, row->counter) != 0);
        }
    }
}

#endif
