/* Memory for cores in tests and in the simulator: counts what is out, checks that what comes back has the size that was asked
 * for, and fails a planned allocation. */
#ifndef TELLER_SIM_COUNTING_MEM_H
#define TELLER_SIM_COUNTING_MEM_H

#include <stdint.h>

#include "actors/base/mem.h"

struct counting_mem {
    uint64_t live_blocks, live_bytes, peak_bytes;
    uint64_t asked;      /* allocations asked for, failed ones included */
    uint64_t fail_first; /* of `asked`: from this one on … 0: none fails */
    uint64_t fail_count; /* … so many fail */
    uint64_t failed;
};

/* The port; context is the counting_mem, which must stay where it is. */
struct mem counting_mem_port(struct counting_mem *self);

/* The nth allocation from now (1: the next) and the count - 1 after it fail. 0, 0: none does. */
void counting_mem_fail(struct counting_mem *self, uint64_t nth, uint64_t count);

#endif
