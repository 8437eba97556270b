/* Quotes as facts: found by their id, read back from the journal. See desk.h. */
#ifndef TELLER_LEDGER_QUOTE_H
#define TELLER_LEDGER_QUOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

/* A quote that has been read back. */
struct quote {
    uint64_t position; /* of its FACT_QUOTED */
    bool is_used;
    struct uuid used_by; /* the exchange */
    struct fact_quote fact;
};

/* false: this partition knows no quote of this id (any more). */
bool quote_read(struct ledger *self, const struct uuid *id, struct quote *out);

/* FACT_QUOTED and FACT_QUOTE_USED from disk. ERR_CORRUPT: numbers that cannot be. */
enum err quote_fact_fits(const struct ledger *self, uint64_t position, const uint8_t *fact) MUST_USE;

#endif
