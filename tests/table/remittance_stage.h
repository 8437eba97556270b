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

enum { STAGE_AMOUNT = 300 };

/* A request of STAGE_AMOUNT for the account of this role; ids are numbers, as in the world. */
struct ledger_remit_command stage_remit_of(const struct stage *stage, uint64_t id, enum role role);
struct ledger_remittance_answer stage_remit(struct stage *stage, const struct ledger_remit_command *command);

/* What a bank says, with a reason where it is no success, and a reference "B<number>". */
struct bank_report stage_report_of(uint64_t id, uint32_t number, uint8_t outcome);
void stage_report(struct stage *stage, const struct bank_report *report);
void stage_reports(struct stage *stage, uint64_t id, uint32_t number, uint8_t outcome);

struct ledger_remittance_answer stage_show(struct stage *stage, uint64_t id, enum role role);

/* That an answer is this one; that a remittance stands so. */
void stage_expect(struct ledger_remittance_answer answer, enum code code, enum field field);
void stage_stands(struct stage *stage, uint64_t id, enum role role, uint8_t state);
const char *stage_state_name(uint8_t state);

/* The balance of a house account, 0 where there is none. */
int64_t stage_house(struct stage *stage, const char *id);

#endif
