/* A short life of two partitions, as good bytes to be damaged: transfers both ways, refusals, groups, account
 * commands, and at the end some that are still on their way.
 */
#ifndef TELLER_TESTS_FUZZ_HISTORY_H
#define TELLER_TESTS_FUZZ_HISTORY_H

#include "actors/ledger/ledger.h"
#include "store/journal.h"

enum {
    HISTORY_PARTITIONS = 2,
    HISTORY_COMMITS_MAX = 128,
    HISTORY_BYTES_MAX = 65536,
    HISTORY_PUTS_MAX = 768,
};

/* The commits of one partition; their facts stand one behind another in `bytes`. */
struct history_journal {
    size_t count, length;
    struct journal_commit commits[HISTORY_COMMITS_MAX];
    uint8_t bytes[HISTORY_BYTES_MAX];
};

/* One row of a state store; key and value stand in `bytes` of its store. */
struct history_put {
    uint8_t table;
    uint8_t key_length;
    size_t key, value, value_length;
};

/* A checkpoint. */
struct history_state {
    size_t count, length;
    struct history_put puts[HISTORY_PUTS_MAX];
    uint8_t bytes[HISTORY_BYTES_MAX];
};

struct history {
    struct history_journal journals[HISTORY_PARTITIONS];
};

/* Made once. */
const struct history *history_get(void);

/* The configuration of its cores. */
struct ledger_config history_config(uint32_t partition);

/* A copy whose commits point into its own bytes. */
void history_copy(const struct history_journal *from, struct history_journal *to);

/* What a core that has replayed the first `commits` of a journal would have written, in the order in which recovery
 * reads it. Made once for each. */
const struct history_state *history_state_get(uint32_t partition, size_t commits);

/* Ports over such bytes. The context is a struct history_ports; state may be NULL. */
struct history_ports {
    const struct history_journal *journal;
    const struct history_state *state;
};

struct ledger_ports history_ports_of(struct history_ports *context);

/* Memory for a core that reads damaged bytes: no more than a bound, everything comes back. */
struct history_mem {
    size_t live, limit;
};

struct mem history_mem_port(struct history_mem *self);

#endif
