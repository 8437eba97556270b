/* The configured banks, as the gateway asks them: is a callback good, and what is it about? Rails have their own form of events (rail->callback);
 * the generic one works for each bank that has a callback_secret (adapters/callback). */
#ifndef TELLER_BROKER_GATEWAY_CALLBACKS_H
#define TELLER_BROKER_GATEWAY_CALLBACKS_H

#include "broker/bank_config.h"
#include "broker/gateway.h"

/* Opens an instance of each rail for the gateway's thread. The configuration has to outlive it. context NULL: why says why. */
struct gateway_banks gateway_callbacks_new(const struct banks_config *config, char why[BANKS_WHY_MAX]);

#endif
