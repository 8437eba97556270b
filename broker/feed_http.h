/* The rate feed's way to its sources: its port (actors/ratefeed/shell/ratefeed_actor.h) on the HTTP client and the readers of
 * published rates. Keys are in the URLs that are asked for, and in no message. */
#ifndef TELLER_BROKER_FEED_HTTP_H
#define TELLER_BROKER_FEED_HTTP_H

#include "actors/ratefeed/shell/ratefeed_actor.h"
#include "broker/feed_config.h"

/* The configuration is the port's from then on. context NULL: no memory; the configuration is destroyed then too. */
struct ratefeed_port feed_http_new(struct feed_config *config);

#endif
