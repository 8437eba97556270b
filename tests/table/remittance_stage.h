/* A cast, and what leaves for its banks: for tests of remittances. */
#ifndef TELLER_TESTS_TABLE_REMITTANCE_STAGE_H
#define TELLER_TESTS_TABLE_REMITTANCE_STAGE_H

#include "tests/table/cast.h"

/* What left with the units of partition 0. */
struct heard {
    size_t calls, acks, alarms;
    struct bank_call call; /* the last */
    struct bank_ack ack;
    struct ledger_alarm alarm;
};

struct stage {
    struct cast cast;
    struct heard heard;
};

void stage_open(struct stage *stage);
void stage_close(struct stage *stage);

/* Of partition 0, as all that follow. */
struct ledger *stage_core(struct stage *stage);
int64_t stage_now(const struct stage *stage);

/* Until nothing is on its way; then all invariants hold. */
void stage_settle(struct stage *stage);

/* Time goes by, and what is due is done. */
void stage_advance(struct stage *stage, int64_t us);

#endif
