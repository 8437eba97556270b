/* The lines of a file to import, CSV or JSON lines, as values by column. */
#ifndef TELLER_COMMAND_IMPORT_SOURCE_H
#define TELLER_COMMAND_IMPORT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/str.h"

enum import_column {
    COLUMN_OP,
    COLUMN_TRANSACTION_ID,
    COLUMN_ACCOUNT,
    COLUMN_FROM_ACCOUNT,
    COLUMN_TO_ACCOUNT,
    COLUMN_OWNER,
    COLUMN_CURRENCY,
    COLUMN_AMOUNT,
    COLUMN_MINIMUM_BALANCE,
    COLUMN_CEILING,
    COLUMN_PRODUCT,
    COLUMN_MEMO,
    COLUMN_REFERENCE,
    COLUMN_RATE,
    COLUMN_FX,      /* "true": open with a book value */
    COLUMN_EXPIRES, /* of a hold: microseconds, or as RFC 3339 has it */
    COLUMN_GROUP,   /* CSV: lines next to each other with the same UUID are one group */
    COLUMN_COUNT
};

enum import_format { IMPORT_CSV, IMPORT_JSONL };

struct import_record {
    uint64_t line;
    size_t start, end;               /* its bytes in the file */
    const char *malformed;           /* why nothing can be read of it; else NULL */
    struct str values[COLUMN_COUNT]; /* empty: nothing is there. They last until the next record is read */
    uint32_t given;                  /* a bit for each column that is there, perhaps empty */
    size_t item_count;               /* JSON: how many items a group has */
};

struct import_source;

/* Maps the file. NULL: *why says why; static storage, or the text of errno. */
struct import_source *import_source_open(const char *path, enum import_format format, const char **why);
void import_source_close(struct import_source **self_p);

/* SHA-256 of the whole file: 32 bytes. */
const uint8_t *import_source_digest(const struct import_source *self);
size_t import_source_length(const struct import_source *self);
const char *import_source_bytes(const struct import_source *self);

/* Goes on behind a record that was read before. false: there is no such place. */
bool import_source_seek(struct import_source *self, size_t offset, uint64_t line);

/* Where the next record is looked for. */
void import_source_tell(const struct import_source *self, size_t *offset, uint64_t *line);

/* false: the file has ended. */
bool import_source_next(struct import_source *self, struct import_record *out);

/* One item of the group that the last record is. Its values last until the next item is read. */
void import_source_item(struct import_source *self, size_t number, struct import_record *out);

#endif
