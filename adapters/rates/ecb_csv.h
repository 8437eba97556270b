/* The European Central Bank's reference rates as CSV: eurofxref-hist.csv.
 *
 *     Date,USD,JPY,…,
 *     2026-04-13,1.1684,186.75,N/A,…,
 *
 * The first line names the currencies, retired ones among them; "N/A" and an empty cell are no rate. Each line may end with
 * one comma more, and with CR LF. The base is EUR. */
#ifndef TELLER_RATES_ECB_CSV_H
#define TELLER_RATES_ECB_CSV_H

#include "adapters/rates/rate_sheet.h"

/* ERR_INVALID, also for a line without its end, a day without a rate, a file without a day, or a limit passed; ERR_NO_MEMORY.
 * *why is then a static phrase. A file that was cut exactly behind a line cannot be told from a shorter one: whoever
 * fetches it has to see to that. *out: any content is overwritten; to be released by the caller. */
enum err ecb_csv_read(const char *data, size_t length, struct rate_sheet *out, const char **why) MUST_USE;

#endif
