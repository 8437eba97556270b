/* What a node needs of its process, looked at before anything is opened. A library that runs out of threads or descriptors
 * in the middle of its start waits for ever, or aborts; so it is told beforehand, in a sentence. */
#ifndef TELLER_BROKER_PROCESS_LIMITS_H
#define TELLER_BROKER_PROCESS_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raises the soft limit of descriptors to the hard one, since each client connection takes one, and tests whether there are
 * enough for a node of so many partitions and connections to banks, and whether its threads can be started. false: `why` says what is missing. */
bool process_limits_prepare(uint32_t partitions, uint32_t connections, char *why, size_t capacity);

#endif
