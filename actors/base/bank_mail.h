/* What travels between the ledgers' actors and the bank adapter's: bank calls, acks and reports, many at a time.
 *
 *     ledger N ── BOX_CALLS: struct bank_mail ──────► "inproc://bank"       after the commit that holds what they follow from
 *     ledger N ◄─ BOX_REPORTS: struct bank_reports ── "inproc://ledger-N"   after the adapter has stored what they say
 *     ledger N ◄─ BOX_CALLS: nothing ──────────────── …                     tell all calls again
 *
 * Each is one block of malloc's, and whoever takes the box frees it. All may be lost: see base/bank_call.h. */
#ifndef TELLER_BASE_BANK_MAIL_H
#define TELLER_BASE_BANK_MAIL_H

#include <stddef.h>

#include "actors/base/bank_call.h"

struct bank_mail {
    uint32_t partition; /* that sends it */
    size_t call_count, ack_count;
    const struct bank_call *calls; /* in this block */
    const struct bank_ack *acks;   /* … */
};

struct bank_reports {
    size_t count;
    struct bank_report reports[];
};

#endif
