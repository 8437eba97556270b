/* How the readers of this directory make a sheet: row by row, with the promises of rate_sheet.h kept here, once.
 *
 *     sheet_begin(&build, RATE_SHEET_ECB)
 *     sheet_day(&build, date), sheet_row(&build, …) …   false: it has failed, and says why; more calls change nothing
 *     return sheet_end(&build, out, why)
 */
#ifndef TELLER_RATES_SHEET_BUILD_H
#define TELLER_RATES_SHEET_BUILD_H

#include "adapters/rates/rate_sheet.h"

struct sheet_build {
    struct rate_sheet sheet;
    uint32_t capacity, day_count, day_begin; /* day_begin: the first row of the last day */
    int32_t date;
    uint8_t *days; /* a bit for each that was seen */
    enum err err;
    const char *why;
};

void sheet_begin(struct sheet_build *self, enum rate_sheet_kind kind);

/* Notes a failure; the first one stays. Returns false. */
bool sheet_fail(struct sheet_build *self, const char *why);

/* The same, where memory is what is missing. */
bool sheet_no_memory(struct sheet_build *self);

/* A new day; the one before has to have rows. */
bool sheet_day(struct sheet_build *self, int32_t date);

/* A row of the last day; its date is filled in. */
bool sheet_row(struct sheet_build *self, struct rate_row row);

/* Three capital letters into a code. */
bool sheet_currency(struct sheet_build *self, struct str text, char out[4]);

/* A rate as decimal text. */
bool sheet_rate(struct sheet_build *self, struct str text, int64_t *out);

/* Hands the sheet over, or what has failed. A sheet with a last day that has no rows, or with no day, has failed, too. */
enum err sheet_end(struct sheet_build *self, struct rate_sheet *out, const char **why) MUST_USE;

#endif
