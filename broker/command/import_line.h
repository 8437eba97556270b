/* A record of a file as a command, or what is wrong with it. */
#ifndef TELLER_COMMAND_IMPORT_LINE_H
#define TELLER_COMMAND_IMPORT_LINE_H

#include "broker/command/import_source.h"
#include "clients/c/teller.h"

enum import_kind {
    IMPORT_ITEM,
    IMPORT_ACCOUNT,
    IMPORT_GROUP, /* JSON: its items are to be read one by one */
};

struct import_line {
    enum import_kind kind;
    struct teller_account_command account;
    struct teller_item item;
    struct uuid group; /* GROUP: its id. ITEM of a CSV file: which group it belongs to; nil: none */
    enum code code;    /* CODE_OK, or why it is refused before it is sent */
    enum field field;
    const char *message; /* static storage; NULL: what the code says */
};

/* Makes ids for records that have none: a UUID of version 8 from the file's digest, the line's number and the number of the item
 * in its group, so that the same line of the same file has the same id whenever it is imported. */
struct import_ids;
struct import_ids *import_ids_new(const uint8_t digest[32]); /* NULL: no memory */
void import_ids_destroy(struct import_ids **self_p);

struct import_context {
    struct import_ids *ids;
    currency_index currency; /* of records that name none; CURRENCY_NONE: they have to */
    /* The currency of an account, for amounts of account.change; CURRENCY_NONE: there is no such account. */
    currency_index (*currency_of)(void *owner, struct str account);
    void *owner;
};

/* item: its number in a group of JSON, from 1; 0 for a line of its own. Strings are the record's. */
void import_line_read(const struct import_context *context, const struct import_record *record, uint32_t item,
                      struct import_line *out);

#endif
