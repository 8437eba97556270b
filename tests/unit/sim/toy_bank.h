/* A bank of a page: answers the operations of a workload at once, near enough to the real one for a workload to go on.
 * It knows accounts, limits, freezes, ids and deadlines, decides every item at once and keeps no history.
 */
#ifndef TELLER_TESTS_UNIT_SIM_TOY_BANK_H
#define TELLER_TESTS_UNIT_SIM_TOY_BANK_H

#include "sim/operation.h"

struct toy_bank;

struct toy_bank *toy_bank_new(void);
void toy_bank_free(struct toy_bank *self);

/* The answer; valid until the next. */
const struct answer *toy_bank_answer(struct toy_bank *self, const struct operation *operation,
                                     int64_t now_us);

#endif
