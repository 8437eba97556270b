/* One remittance, with the trouble that it is told and no other: for tests that go through all kinds of it.
 *
 * The bank's rules are those of sim/bank/rule.h. Everything is watched as in a run; what breaks is in the result. */
#ifndef TELLER_SIM_REMITTANCES_CASE_H
#define TELLER_SIM_REMITTANCES_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/run.h"

struct remittance_case {
    uint32_t bank;     /* 0: KFTC, 1: OBIE */
    const char *rules; /* JSON */
    bool operator_refunds;
    bool has_callbacks;
    int64_t no_deposit_s;    /* the account takes nothing for so long; 0: it does */
    int64_t no_withdrawal_s; /* … gives nothing */
    int64_t
        asked_s; /* after the world's beginning, which is half an hour before midnight in Korea; above 0 */
    int64_t length_s; /* of the whole */
};

struct remittance_case_result {
    struct breach breach;                   /* invariant NULL: all is well */
    uint8_t state;                          /* enum remittance_state, at the end */
    bool is_alarmed;                        /* … */
    uint32_t calls, pulls, pushes, refunds; /* really paid */
    uint32_t alarms;
    int64_t ended_s; /* when it came into its last state, after it was asked for */
};

/* trace: NULL: none. */
void remittance_case_run(const struct remittance_case *what, FILE *trace, struct remittance_case_result *out);

#endif
