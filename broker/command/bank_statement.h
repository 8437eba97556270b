/* A bank's statement as rows for reconciliation (broker/reconcile.h): CSV or JSON, told apart by the first character.
 *
 *     number,time,direction,amount,currency,account,reference,id         in any order; others are passed over
 *     {"entries": [{"number": 1, "time": "2026-11-21T10:00:00Z", "direction": "in", "amount": "12.50", "currency": "GBP",
 *                   "reference": "…", "id": "…"}, …], "next": 200 or null}         or the array alone
 *
 * direction: "in" is to our account at the bank. amount: a text with the currency's decimals, above zero; never a JSON number, which may have been
 * a float on its way. reference: the bank's; id: ours; one of both at the least. number may be missing: then it is the line, or the entry's place.
 */
#ifndef TELLER_COMMAND_BANK_STATEMENT_H
#define TELLER_COMMAND_BANK_STATEMENT_H

#include "broker/reconcile.h"

enum { BANK_STATEMENT_WHY_MAX = 200 };

/* Rows and their texts, of either side. */
struct row_list {
    struct reconcile_row *rows;
    size_t count, capacity;
};

/* Copies the texts; "" for none. false: no memory. */
bool row_list_add(struct row_list *self, const struct reconcile_row *row, struct str reference,
                  struct str id);
void row_list_release(struct row_list *self);

/* Adds the rows of a statement; is_inside is true in all. *next: where the next page begins, 0: this was the last.
 * false: why says where and what is wrong. */
bool bank_statement_read(const char *bytes, size_t length, struct row_list *out, uint64_t *next,
                         char why[BANK_STATEMENT_WHY_MAX]);

#endif
