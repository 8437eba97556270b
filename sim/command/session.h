/* A session of the simulator: one command line carried out.
 */
#ifndef TELLER_SIM_COMMAND_SESSION_H
#define TELLER_SIM_COMMAND_SESSION_H

#include "sim/command/options.h"

/* Runs seeds, or traces, plans or shrinks one; prints to out, progress to standard error. `stop_fd`: as for pool_new.
 * Returns an enum exit_code: OK, or ERROR when something broke. */
int session_run(const struct sim_options *options, int stop_fd, FILE *out);

#endif
