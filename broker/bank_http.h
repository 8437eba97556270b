/* The bank adapter's way to its banks: its port (actors/bank/shell/bank_actor.h) on the HTTP client. */
#ifndef TELLER_BROKER_BANK_HTTP_H
#define TELLER_BROKER_BANK_HTTP_H

#include "actors/bank/shell/bank_actor.h"
#include "broker/bank_config.h"

/* context NULL: no memory. The configuration is read, and stays the caller's. */
struct bank_port bank_http_new(const struct banks_config *config);

/* Connections that it may have open at once. */
uint32_t bank_http_connections(const struct banks_config *config);

#endif
