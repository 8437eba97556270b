/* A sheet as a reader gives it (adapters/rates), as rows for the feed (actors/ratefeed): in order of days, with the time they were
 * taken. */
#ifndef TELLER_BROKER_RATE_ROWS_H
#define TELLER_BROKER_RATE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/published_rate.h"
#include "adapters/rates/rate_sheet.h"

/* NULL: no memory. To be freed. An empty sheet gives a pointer too. */
struct published_rate *rate_rows_new(const struct rate_sheet *sheet, int64_t taken_us);

#endif
