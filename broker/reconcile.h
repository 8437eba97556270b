/* Reconciliation: what a bank says it has done for us, against what our ledger says it did. Pure: rows in, differences out.
 *
 * A row of the ledger is a posting on house:bank (a remittance was pulled, or paid) and carries the bank's reference. A row of the bank
 * carries its reference and our id. They are one payment when the ledger's reference is the bank's reference, or the bank's id of ours.
 *
 * A payment is at the bank first and in the ledger a little later. So rows a little outside of the period are given too: they may be the other half of
 * one inside, and are not reported by themselves (is_inside).
 */
#ifndef TELLER_BROKER_RECONCILE_H
#define TELLER_BROKER_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/money.h"

struct reconcile_row {
    uint64_t number; /* bank: of the statement's line or entry; ledger: position */
    uint32_t partition;
    currency_index currency;
    bool is_in; /* to our account at the bank */
    bool is_inside;
    int64_t time_us;
    int64_t amount;        /* minor units */
    const char *reference; /* the bank's; "": none */
    const char *id;        /* bank: ours, as the bank knows it; ledger: the remittance */
};

/* A call that the bank adapter still asks about. */
struct reconcile_call {
    const char *id, *reference; /* "": none */
};

enum reconcile_kind {
    RECONCILE_MISSING_AT_BANK,
    RECONCILE_MISSING_IN_LEDGER,
    RECONCILE_AMOUNT_DIFFERS,
    RECONCILE_CURRENCY_DIFFERS, /* then amounts are not compared */
    RECONCILE_DIRECTION_DIFFERS,
    RECONCILE_DUPLICATE_AT_BANK,   /* the same id of ours, or the same reference, as an earlier row */
    RECONCILE_DUPLICATE_IN_LEDGER, /* the same reference as an earlier row */
    RECONCILE_IN_FLIGHT,           /* the bank has it; our remittance does not know yet, and asks */
    RECONCILE_KINDS
};

/* "MISSING_AT_BANK" …; static storage. */
const char *reconcile_kind_name(enum reconcile_kind kind);

struct reconcile_difference {
    enum reconcile_kind kind;
    const struct reconcile_row *bank, *ledger; /* NULL: there is none on that side */
};

struct reconcile_input {
    const struct reconcile_row *bank, *ledger;
    const struct reconcile_call *calls;
    size_t bank_count, ledger_count, call_count;
};

struct reconcile_result {
    struct reconcile_difference *differences; /* by kind, then as their rows came */
    size_t count;
    size_t by_kind[RECONCILE_KINDS];
    size_t matched; /* pairs of which one row at least is inside */
};

/* ERR_NO_MEMORY. The result points into the input; release it either way. */
enum err reconcile(const struct reconcile_input *input, struct reconcile_result *out) MUST_USE;
void reconcile_release(struct reconcile_result *self);

/* What went in and out by the rows of one side that are inside, in one currency. false: there are no such rows. ERR_RANGE is a CHECK away: sums of
 * rows that fit are kept in 128 bits. */
struct reconcile_sum {
    size_t in_count, out_count;
    __int128 in, out;
};
bool reconcile_sum(const struct reconcile_row *rows, size_t count, currency_index currency,
                   struct reconcile_sum *out);

#endif
