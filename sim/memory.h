/* Memory for cores: counts what is out, checks that what comes back has the size that was asked for, and fails planned
 * allocations. */
#ifndef TELLER_SIM_MEMORY_H
#define TELLER_SIM_MEMORY_H

#include <stdint.h>

#include "actors/base/mem.h"

struct sim_memory {
    uint64_t live_blocks, live_bytes, peak_bytes;
    uint64_t asked;      /* allocations asked for, failed ones included */
    uint64_t fail_first; /* of `asked`: this one fails, 0: none does … */
    uint64_t fail_last;  /* … and all to this one */
    uint64_t failed;
};

/* The port; self must stay where it is. */
struct mem sim_memory_port(struct sim_memory *self);

/* The nth allocation from now (1: the next) fails, and `more` after it. */
void sim_memory_fail(struct sim_memory *self, uint64_t nth, uint64_t more);

#endif
