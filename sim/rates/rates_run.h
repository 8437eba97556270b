/* A seed of the rate feed: the feed with its store, between a source that does wrong and a desk that does not always answer.
 *
 *     source ──sheets──► feed ──orders──► desk
 *       late, cut, stale,  │ ▲            busy, answers lost, told twice
 *       impossible, absent │ └── operators, right and wrong
 *                        store: is full, fails in the middle
 *
 * The days of a source are a random walk, drawn before the run. A simulated hour of the configuration is a month here, because
 * sources are asked a few times a day; --stop and times in reports are of this world. Families of faults: process (deaths,
 * between store and desk too), disk (stores that fail), network (sources and the desk), time (jumps of the wall clock),
 * clients (operators who accept what is wrong). */
#ifndef TELLER_SIM_RATES_RUN_H
#define TELLER_SIM_RATES_RUN_H

#include "sim/run.h"

void rates_run(const struct run_config *config, struct run_result *out);

#endif
