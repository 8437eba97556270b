/* The lines of an export: one command each, as JSON lines or CSV.
 *
 * Keys: op, transaction_id, account, from_account, to_account, owner, currency, amount, minimum_balance, ceiling,
 * product, memo, reference, rate, fx, expires, time. Values are those of docs/WIRE.md, with money as decimal text in major units and
 * expires and time as microseconds. What a command does not have is left out.
 *
 *     account.open      what is not there is the default
 *     account.change    owner, product, minimum_balance and ceiling are all given; no ceiling is null
 *     group             JSON: an array `items` of such lines, without time. CSV: its items, one line each, with the
 *                       group's id in the last column, `group`, and op the item's
 *     hold              one that is open at the end: transaction_id is its id, amount what is left of it. What was captured
 *                       from it is a withdraw each
 *     an exchange       a group of two: withdraw what was sold, deposit what was bought. An import repeats the
 *                       customers' balances and, by the rate, their book values; what stood in house:fx, house:spread
 *                       and house:residue stands in house:cash then
 *
 * Rates, terms of pairs and quotes are left out. In CSV a first line names the columns, and what is not there is empty; so is the ceiling of a change to none.
 */
#ifndef TELLER_BROKER_OFFLINE_EXPORT_LINE_H
#define TELLER_BROKER_OFFLINE_EXPORT_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "actors/base/money.h"
#include "actors/base/str.h"
#include "actors/base/uuid.h"

enum export_format { EXPORT_JSONL, EXPORT_CSV };

struct export_line {
    const char *op;
    struct uuid id; /* nil: none */
    struct str account, from, to, owner, product, memo, reference;
    currency_index currency; /* CURRENCY_NONE: none */
    int64_t amount;          /* 0: none */
    bool has_limits, is_change;
    int64_t minimum, ceiling; /* INT64_MAX: none */
    currency_index limits_currency;
    int64_t rate;       /* 0: none */
    bool fx;            /* opens an account with a book value */
    int64_t expires_us; /* of a hold; 0: never */
    int64_t time_us;
};

struct export_writer {
    FILE *file;
    enum export_format format;
    struct uuid group; /* nil: not inside one */
    size_t items;      /* of the group, so far */
};

void export_begin(struct export_writer *self);
void export_write(struct export_writer *self, const struct export_line *line);
void export_group_begin(struct export_writer *self, const struct uuid *id);
void export_group_end(struct export_writer *self, int64_t time_us);

#endif
