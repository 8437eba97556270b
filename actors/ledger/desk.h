/* The FX desk of one partition: the rates and the terms of pairs that quotes are made of.
 *
 * Both come as commands and are journaled (FACT_RATE_SET, FACT_PAIR_SET), so a quote follows from the journal alone. The
 * tables are small, of fixed size, and searched from end to end; beyond their limits a new pair is BUSY. They are part of the
 * small state of a checkpoint.
 *
 *     desk.c        the two tables: decide, evolve, store
 *     desk_price.c  arithmetic: the way from one currency to another, and the amounts of a quote
 *     quote.c       decide: quotes, and looking at them
 *     exchange.c    decide: an exchange, which uses a quote and moves money
 *
 * Invariants: a pair of currencies in one direction has one rate at most; a pair of currencies, whatever their order, has one
 * set of terms at most, with the first in the alphabet as `one`.
 */
#ifndef TELLER_LEDGER_DESK_H
#define TELLER_LEDGER_DESK_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

struct desk {
    uint32_t rate_count, pair_count;
    uint64_t quote_count; /* FACT_QUOTED since the journal began */
    struct ledger_rate rates[LEDGER_RATES_MAX];
    struct ledger_pair pairs[LEDGER_PAIRS_MAX];
};

/* The terms of a pair, in either order; NULL: none are known. */
const struct ledger_pair *desk_pair_find(const struct desk *self, currency_index one, currency_index other);

/* ERR_CORRUPT: a stored fact that cannot be: unknown currencies, numbers out of range, a full table. */
enum err desk_fact_fits(const struct desk *self, const uint8_t *fact, size_t size) MUST_USE;

/* FACT_RATE_SET and FACT_PAIR_SET into the tables. desk_fact_fits holds. */
void desk_evolve(struct desk *self, const uint8_t *fact, size_t size);

size_t desk_store_size(const struct desk *self);
uint8_t *desk_store(const struct desk *self, uint8_t *at);
enum err desk_load(struct desk *self, const uint8_t **at, const uint8_t *end) MUST_USE;

#endif
