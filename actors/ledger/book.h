/* Book values: what the balance of a foreign-currency account cost, in the node's base currency.
 *
 * The book value is kept exactly, in whole minor units; the average rate is derived from it and only shown
 * (rate_between). A credit adds its value, amount × rate. A debit takes out its cost, book × amount / balance, half to even;
 * everything where the balance falls to zero or below, or was there. Each posting says in its trailer what it did
 * (struct fact_book), so evolve computes nothing. Only accounts with ACCOUNT_HAS_BOOK have any of it.
 *
 * Invariant: 0 <= book value <= LEDGER_BALANCE_MAX. A credit that would pass it is refused when it is decided; what comes
 * back, or was promised room before, is added as far as it fits, because it cannot be refused any more.
 */
#ifndef TELLER_LEDGER_BOOK_H
#define TELLER_LEDGER_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

struct verdict;

/* The rate that a command gives, 0 where it gives none or its kind has none. */
static inline int64_t book_rate(const struct ledger_command *command)
{
    bool has_rate = command->kind >= COMMAND_TRANSFER && command->kind <= COMMAND_WITHDRAW;
    return has_rate ? command->rate : 0;
}

/* Puts a rate among the strings of a posting; it must stay where it is until the fact is written. 0: nothing. */
static inline void book_rate_put(struct fact_strings *strings, const int64_t *rate)
{
    if (__builtin_expect(*rate != 0, 0))
        strings->by_tag[FACT_TAG_RATE] = (struct str){(const char *)rate, sizeof *rate};
}

/* The rate in a trailer; 0: none. */
static inline int64_t book_rate_get(const struct fact_strings *strings)
{
    int64_t rate = 0;
    struct str text = strings->by_tag[FACT_TAG_RATE];
    if (__builtin_expect(text.length == sizeof rate, 0))
        memcpy(&rate, text.data, sizeof rate);
    return rate;
}

/* What a command's amount is worth in the base currency. false: it says nothing of it, or it does not fit; then *out is
 * LEDGER_BALANCE_MAX, else 0. */
bool book_worth(const struct ledger *self, const struct ledger_command *command, int64_t *out);

/* The part of a side's tests that is about the book value, CODE_OK for accounts without one. promised: value of the
 * credits that the same group has promised the account before. */
struct verdict book_check_debit(const struct ledger *self, uint32_t account,
                                const struct ledger_command *command);
struct verdict book_check_credit(const struct ledger *self, uint32_t account,
                                 const struct ledger_command *command, int64_t promised);

/* The trailer of a posting, with room for what its book tags point to. */
struct book_trailer {
    struct fact_strings strings;
    struct fact_book debit, credit;
};

/* Fills the trailer of a posting that is about to be written: `strings` (may be NULL), with the book tags that its accounts
 * need and no others. What the amount is worth is the `value` of a book tag that is among the strings already (a leg of
 * an exchange, or what comes back), else follows from the rate there; a debit with neither is worth its cost. */
void book_fill(const struct ledger *self, uint32_t debit, uint32_t credit, int64_t amount,
               const struct fact_strings *strings, struct book_trailer *out);

/* Turns the strings of a FACT_SENT into those of its FACT_RETURNED; *space holds what the book tag points to. */
void book_give_back(struct fact_strings *strings, struct fact_book *space);

/* Evolve: applies what the trailer of a posting says to one of its accounts, which keeps a book value and has not had the
 * fact yet. */
void book_apply(struct ledger *self, uint32_t account, bool is_debit, const uint8_t *trailer, size_t length);

/* Does a stored posting continue the book values? ERR_CORRUPT: no. */
enum err book_fits(const struct ledger *self, uint64_t position, const struct fact_posting *fact,
                   const uint8_t *trailer, size_t length) MUST_USE;

/* What is wrong with the book value of an account, in words; NULL: nothing. */
const char *book_broken(const struct ledger *self, uint32_t account);

#endif
