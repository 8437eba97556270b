/* A seed of the publisher: its core, between journals that grow and subscribers that do wrong.
 *
 *     journals ──look──► publisher ──post──► webhooks: refuse, answer late or never, are down for hours, are gone
 *      (events/journals.h)   │     ──send──► streams: stop reading, vanish, come back with another cursor
 *                          store ──► shelf: is full, fails in the middle
 *                            ▲
 *           operators, and whoever kills the process between any two calls of its ports
 *
 * All is watched (events/watch.h). Families of faults: process (deaths at any call, pauses), disk (stores that fail, journals
 * that cannot be read for a while), network (what subscribers do), time (jumps of the wall clock), clients (what operators do
 * beside adding subscribers). */
#ifndef TELLER_SIM_EVENTS_RUN_H
#define TELLER_SIM_EVENTS_RUN_H

#include "sim/run.h"

void events_run(const struct run_config *config, struct run_result *out);

#endif
