/* The publisher's way out: its port to HTTP (actors/publisher/shell/publisher_actor.h) on the HTTP client. */
#ifndef TELLER_BROKER_WEBHOOK_HTTP_H
#define TELLER_BROKER_WEBHOOK_HTTP_H

#include <stdbool.h>

#include "actors/publisher/shell/publisher_actor.h"

/* allows_http: http:// too, not only https://. context NULL: no memory. */
struct publisher_http webhook_http_new(bool allows_http);

#endif
