/* What a ledger asks of a bank, and what came of it: the language between the ledgers and the bank adapter.
 *
 *     ledger ── bank_call ──► bank adapter      after the commit that holds the fact it follows from
 *     ledger ◄─ bank_report ─ bank adapter      a command like any other
 *     ledger ── bank_ack ───► bank adapter      after the commit that holds what the report said
 *
 * A call is one try to move money once. The remittance's id and the call's number name it for all time: the adapter makes of
 * it at most one payment at the bank, however often it is told. A next try is a next number, and there is none before the last
 * is known to have failed. All three may be lost, repeated, or come late: each side tells again what the other has not answered.
 */
#ifndef TELLER_BASE_BANK_CALL_H
#define TELLER_BASE_BANK_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/money.h"
#include "actors/base/text.h"
#include "actors/base/uuid.h"

enum {
    BANK_NAME_MAX = 32,      /* of a configured bank: characters of an account id */
    BANK_PARTY_MAX = 128,    /* payer or payee, in the form of the bank's rail */
    BANK_REASON_MAX = 140,   /* why not, in the bank's words made clean, or in ours */
    BANK_REFERENCE_MAX = 64, /* by which the bank knows a payment */
};

/* Journaled: only append. */
enum bank_step {
    BANK_PULL = 1,   /* from the payer's account at the bank to ours */
    BANK_PUSH = 2,   /* from ours to the payee's */
    BANK_REFUND = 3, /* from ours back to the payer's */
};

/* A call is known by remittance, number and partition: a transaction id is a partition's own, and two may have the same. */
struct bank_call {
    struct uuid remittance;
    uint32_t number;    /* of the remittance's calls, from 1 */
    uint32_t partition; /* that asks */
    uint8_t step;       /* enum bank_step */
    currency_index currency;
    int64_t amount;       /* minor units, above 0 */
    int64_t called_us;    /* time of the commit it follows from */
    int64_t requested_us; /* time of the commit that began its remittance */
    /* NUL-terminated */
    char bank[BANK_NAME_MAX + 1];
    char payer[BANK_PARTY_MAX + 1];
    char payee[BANK_PARTY_MAX + 1];
    char memo[MEMO_MAX + 1]; /* what the parties may read on their statements */
};

/* Journaled: only append. */
enum bank_outcome {
    BANK_SUCCEEDED = 1, /* the bank has said so, for good */
    BANK_FAILED =
        2, /* the bank has said so, for good; or nothing was ever sent: no money moves by this call */
    BANK_UNKNOWN = 3, /* it may move, or have moved: the adapter goes on asking, and reports again */
};

struct bank_report {
    struct uuid remittance;
    uint32_t number;                        /* of the call */
    uint32_t partition;                     /* that asked */
    uint8_t outcome;                        /* enum bank_outcome */
    bool is_permanent;                      /* FAILED: another try would fail as well */
    char reason[BANK_REASON_MAX + 1];       /* FAILED, UNKNOWN; clean text */
    char reference[BANK_REFERENCE_MAX + 1]; /* the bank's, where it has given one */
};

/* The report's outcome is durable at the ledger, or is of no use to it: it need not be told again. */
struct bank_ack {
    struct uuid remittance;
    uint32_t number;
    uint32_t partition;
    uint8_t outcome; /* enum bank_outcome: of the report */
};

#endif
