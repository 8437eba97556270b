/* Days of the calendar, counted from 1970-01-01 (Gregorian, UTC or any fixed offset from it). */
#ifndef TELLER_BASE_DATE_H
#define TELLER_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/str.h"

enum {
    DATE_TEXT_MAX = 11,    /* "2026-11-21" and a NUL */
    DATE_DAYS_MAX = 84005, /* 2199-12-31 */
};

#define DATE_DAY_US INT64_C(86400000000)

/* "2026-11-21" of 1970 to 2199. false: not a day of the calendar; *out is untouched. */
bool date_parse(struct str text, int32_t *out);

/* days: 0 .. DATE_DAYS_MAX. */
void date_format(int32_t days, char out[DATE_TEXT_MAX]);

/* The day of a time in microseconds since 1970, where clocks are `offset_s` seconds ahead of UTC. */
int32_t date_of_time(int64_t time_us, int32_t offset_s);

/* 0: Monday … 6: Sunday. */
unsigned date_weekday(int32_t days);

#endif
