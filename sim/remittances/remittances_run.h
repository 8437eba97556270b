/* A seed of remittances: a ledger core, the bank adapter's core with its rails, and banks that do wrong.
 *
 *     clients ─► ledger ──calls──► adapter ──HTTP──► banks (sim/bank): refuse, are silent, pay and do not say so, …
 *     operators    ▲ ◄──reports──    │  ▲ ◄─────────   │
 *                  journal         outbox └─callbacks──┘   early, late, twice, lost, forged
 *
 * Ledger, adapter and rails are the server's own code. What is between them is the world's: commits that take their time and are lost or
 * kept when the process dies, messages that are lost or come twice, connections that break. Each remittance has an amount of its own, so
 * what a bank has really paid can be told from its books. After every commit and every payment the watch (watch.h) looks at all of
 * it. Half of the seeds begin half an hour before midnight in Korea.
 *
 * Families of faults: process (deaths of both, or of the adapter alone), network (between all of them), time (jumps of the node's
 * wall clock), clients (repeats, other payloads, operators in a hurry, frozen and closed accounts), disk (commits and rows that take long). What banks
 * do wrong is on where network is. */
#ifndef TELLER_SIM_REMITTANCES_RUN_H
#define TELLER_SIM_REMITTANCES_RUN_H

#include "sim/run.h"

void remittances_run(const struct run_config *config, struct run_result *out);

#endif
