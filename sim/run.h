/* One run: a seed drawn out into a world, a workload and a plan of faults, run, settled and checked.
 *
 * The seed alone decides everything that the configuration leaves open: partitions, clients, sizes, rates, features, faults.
 * What a configuration takes away (features, families, single faults, the time behind stop_us) leaves the rest as it
 * was, so that a failing run can be made shorter bit by bit.
 */
#ifndef TELLER_SIM_RUN_H
#define TELLER_SIM_RUN_H

#include <stdio.h>

#include "sim/check/oracle.h"
#include "sim/fault.h"
#include "sim/workload.h"
#include "sim/world.h"

/* Which world: the ledger's (world.h), the publisher's (events/), the rate feed's (rates/), that of remittances (remittances/). */
enum run_kind { RUN_LEDGER, RUN_EVENTS, RUN_RATES, RUN_REMITTANCES };

struct run_config {
    enum run_kind kind;
    uint64_t seed;
    int64_t length_us; /* simulated time with load and faults; settling comes behind it */
    int64_t stop_us;   /* load and faults end here, and are up to then those of length_us; 0: at length_us */
    uint32_t families; /* of faults, mask */
    uint32_t features; /* of the workload, mask */
    uint32_t fault_count;    /* about so many; 0: the seed draws 30 to 150 an hour, at least 20 */
    const uint32_t *dropped; /* numbers of planned faults to leave out */
    size_t dropped_count;
    uint64_t operation_limit; /* no more than so many; 0: no limit */
    const char *root;         /* an empty scratch directory */
    bool no_checks;
    FILE *trace;
    int64_t trace_from_us;
};

/* An hour, everything on. */
struct run_config run_config_default(uint64_t seed);

struct run_result {
    bool is_broken;
    struct breach breach; /* the first one */
    int64_t breach_us;    /* when */
    int64_t simulated_us;
    uint64_t digest;
    uint32_t partitions, clients, features;
    uint32_t faults_planned;
    struct world_counts world;
    struct oracle_counts oracle;
};

/* Runs. A CHECK that fails in production code aborts the process: run it in a child. */
void run_seed(const struct run_config *config, struct run_result *out);

/* The plan of faults that a run with this configuration would carry out: without the dropped ones, and those behind
 * stop_us. */
struct fault_plan run_plan(const struct run_config *config);

#endif
