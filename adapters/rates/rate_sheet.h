/* What a published sheet of rates says, whoever published it: one shape for all readers of this directory.
 *
 * A row says what `units` of the base currency are worth in the counter currency, as published: nothing is turned round,
 * nothing is divided. The ECB's "USD 1.0556" is base EUR, counter USD, units 1; the Eximbank's "JPY(100) 945.12" is base JPY,
 * counter KRW, units 100. Rates are those of actors/base/rate.h.
 *
 * What every reader promises:
 * - All or nothing: an error leaves an empty sheet and a phrase that tells why. A cut, doubled or damaged document never
 *   gives a part of its rows.
 * - A rate is above zero and exact; a date is one of the calendar; no pair stands twice in a day and no day twice in a sheet.
 * - Rows stand in the order of the document. Whether a rate is plausible, fresh, crossed or new is not asked here.
 * - Currencies are three capital letters. They need not be of ISO 4217 any more: a history has retired ones.
 *
 * Memory is from malloc and bounded by the limits below. */
#ifndef TELLER_RATE_SHEET_H
#define TELLER_RATE_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/str.h"

enum {
    RATE_SHEET_BYTES_MAX = 32 << 20, /* of a document; the ECB's whole history has 9 million */
    RATE_SHEET_DAYS_MAX = 16384,
    RATE_SHEET_CURRENCIES_MAX = 64, /* of one day */
    RATE_SHEET_UNITS_MAX = 10000,
    RATE_DATE_TEXT = 11, /* "2026-11-21" and a NUL */
};

enum rate_sheet_kind {
    RATE_SHEET_NONE, /* an empty sheet */
    RATE_SHEET_ECB,
    RATE_SHEET_KOREAEXIM,
};

struct rate_row {
    int32_t date; /* of the rate: days since 1970-01-01 */
    char base[4], counter[4];
    uint32_t units;    /* of base: 1 to 10,000 */
    int64_t rate;      /* counter for `units` of base, 10^-10: the middle rate */
    int64_t buy, sell; /* at which the publisher buys and sells base, likewise; 0: not published */
};

struct rate_sheet {
    enum rate_sheet_kind kind;
    uint32_t count;
    struct rate_row *rows;
};

/* Frees the rows and leaves an empty sheet. */
void rate_sheet_release(struct rate_sheet *self);

/* "2026-11-21" of 1970 to 2199. false: not a day of the calendar; *out is untouched. */
bool rate_date_parse(struct str text, int32_t *out);
/* days: of those years. */
void rate_date_format(int32_t days, char out[RATE_DATE_TEXT]);
/* For the Eximbank's searchdate: 20261121. */
uint32_t rate_date_number(int32_t days);
/* Of a time in microseconds since 1970, at an offset from UTC: a source's day begins where its publisher is. */
int32_t rate_date_of_time(int64_t time_us, int32_t offset_s);

#endif
