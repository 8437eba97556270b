/* The source of rates as a server on loopback: documents, rules, and a log of what was asked. A thread for each connection, so
 * that one that does not answer holds up nobody. README.md tells what it serves. */
#ifndef TELLER_SIM_SOURCE_SERVER_H
#define TELLER_SIM_SOURCE_SERVER_H

#include <stdint.h>

#include "sim/source/document.h"
#include "sim/source/rule.h"

struct source_server_options {
    uint16_t port;                 /* 0: a free one */
    const char *certificate, *key; /* PEM; NULL: http */
    int32_t today;                 /* the newest day to serve; -1: whatever there is */
};

struct source_server;

/* documents and rules stay the caller's, and have to outlive it. NULL: it cannot listen. */
struct source_server *source_server_new(const struct source_server_options *options,
                                        const struct documents *documents, struct rules *rules);
/* Ends calls that are under way. */
void source_server_destroy(struct source_server **self_p);

uint16_t source_server_port(const struct source_server *self);

#endif
