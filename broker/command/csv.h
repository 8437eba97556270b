/* CSV of RFC 4180, read tolerantly: CRLF or LF, a byte order mark, "," or ";" between fields, quoted fields with doubled
 * quotes and line ends inside; empty lines are passed over. */
#ifndef TELLER_COMMAND_CSV_H
#define TELLER_COMMAND_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "actors/base/str.h"

enum { CSV_FIELDS_MAX = 64, CSV_RECORD_MAX = 65536 };

/* A cursor over a whole file in memory. */
struct csv {
    const char *bytes;
    size_t length;
    size_t at;     /* where the next record begins */
    uint64_t line; /* its line number, from 1 */
    char separator;
    uint64_t record_line; /* where the current record began */
    struct str fields[CSV_FIELDS_MAX];
    size_t field_count;
    uint64_t quoted;              /* a bit for each field that stood in quotes */
    char scratch[CSV_RECORD_MAX]; /* fields without their quotes */
};

enum csv_result { CSV_RECORD, CSV_END, CSV_MALFORMED };

/* Passes a byte order mark, and guesses the separator from the first line. */
void csv_init(struct csv *self, const char *bytes, size_t length);

/* Reads one record into fields, which last until the next call. MALFORMED: *why says why (static storage); the record has been
 * passed, to the end of its line. */
enum csv_result csv_next(struct csv *self, const char **why);

/* Writes one field, quoted where that is needed, and then end. A cell that a spreadsheet would take for a formula
 * is quoted too, and otherwise unchanged. */
void csv_write(FILE *out, struct str field, char end);

#endif
