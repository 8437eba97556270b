/* What tests of the readers share: expectations of a sheet, and files of real rates. */
#ifndef TELLER_TESTS_SHEETS_H
#define TELLER_TESTS_SHEETS_H

#include "adapters/rates/rate_sheet.h"

/* A reader with what it needs besides the document filled in. */
typedef enum err sheet_reader(const char *data, size_t length, struct rate_sheet *out, const char **why);

/* Each row as "2026-11-20 EUR/USD 1 1.0556" or, with what else was published, "… 945.12 935.66 954.57"; "-" where one of
 * these two is missing. Rows are joined by newlines. The caller frees it. */
char *sheet_text(const struct rate_sheet *sheet);

/* The document is read and gives these rows. */
void assert_sheet(sheet_reader *read, const char *document, const char *expected);
/* It is refused with this phrase, and nothing of it remains. */
void assert_refused(sheet_reader *read, const char *document, const char *why);
/* Each shorter piece of it, down to nothing, is refused. */
void assert_cuts_refused(sheet_reader *read, const char *document);
/* Any of its bytes changed to some others: either refused, with nothing left, or a whole sheet that keeps the promises. */
void assert_changes_safe(sheet_reader *read, const char *document);

/* The promises of rate_sheet.h. */
void assert_promises(const struct rate_sheet *sheet);

/* A file of TELLER_TEST_DATA, unpacked where its name has a ':' with the name inside. NULL: it is not there; says so. The caller
 * frees it. */
char *real_file(const char *name, size_t *length);

#endif
