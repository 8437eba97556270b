/* The documents of a source of rates, made from the ECB's history (eurofxref-hist.csv), and made wrong by rule.
 *
 * The Eximbank's are worked out from it: what a currency is worth in won by way of the euro, to two decimals; ttb and tts
 * one percent below and above; JPY and IDR per 100; CNY under the name CNH; a row of KRW. */
#ifndef TELLER_SIM_SOURCE_DOCUMENT_H
#define TELLER_SIM_SOURCE_DOCUMENT_H

#include "adapters/rates/rate_sheet.h"
#include "sim/source/rule.h"

enum { DAYS_OF_90 = 90 };

struct documents {
    struct rate_sheet sheet; /* newest day first, as the ECB's file is */
    char *csv, *daily;       /* as they are on disk; daily may be NULL */
    size_t csv_length, daily_length;
};

/* daily: a file that is served as it is while nothing is wrong with it and today is not set; may be NULL. why, of 160 bytes, tells
 * of an error. */
enum err documents_load(struct documents *self, const char *csv, const char *daily, char why[160]) MUST_USE;
void documents_release(struct documents *self);

int32_t documents_newest_day(const struct documents *self);

/* The ECB's XML of the newest `days` days (calendar; 0: one publishing day; INT32_MAX: all) up to `today`. The caller frees
 * it. */
char *document_ecb(const struct documents *self, int32_t today, int32_t days, const struct rule *rule,
                   size_t *length);

/* The Eximbank's JSON of a day; none if that is no publishing day, or after today. The caller frees it. */
char *document_koreaexim(const struct documents *self, int32_t today, int32_t date, const struct rule *rule,
                         size_t *length);

#endif
