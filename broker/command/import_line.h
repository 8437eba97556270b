/* A record of a file as a command, or what is wrong with it. */
#ifndef TELLER_COMMAND_IMPORT_LINE_H
#define TELLER_COMMAND_IMPORT_LINE_H

#include "broker/command/import_source.h"
#include "clients/c/teller.h"

struct import_line {
    bool is_open; /* account.open; else an item */
    struct teller_account_command open;
    struct teller_item item;
    enum code code; /* CODE_OK, or why it is refused before it is sent */
    enum field field;
    const char *message; /* static storage; NULL: what the code says */
};

/* Makes ids for records that have none: a UUID of version 8 from the file's digest and the line's number, so that the same
 * line of the same file has the same id whenever it is imported. */
struct import_ids;
struct import_ids *import_ids_new(const uint8_t digest[32]); /* NULL: no memory */
void import_ids_destroy(struct import_ids **self_p);

/* currency: for records that name none; CURRENCY_NONE: they have to. Strings are the record's. */
void import_line_read(const struct import_record *record, currency_index currency, struct import_ids *ids,
                      struct import_line *out);

#endif
