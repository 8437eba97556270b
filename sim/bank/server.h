/* The virtual bank as an HTTP(S) server on loopback: libmicrohttpd with a small pool of threads, each of which serves many connections, around the one
 * bank and its lock. A reply that waits or never comes waits outside of them (waiting.h), webhooks leave from a thread of their own (poster.h). README.md
 * tells what it serves. */
#ifndef TELLER_SIM_BANK_SERVER_H
#define TELLER_SIM_BANK_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/bank/virtual_bank.h"

enum bank_log { BANK_LOG_NONE, BANK_LOG_TEXT, BANK_LOG_JSON };

struct bank_server_options {
    uint16_t port;                 /* 0: a free one */
    const char *certificate, *key; /* PEM; NULL: http */
    const char *ca_file;           /* of those who get webhooks by https; NULL: the system's */
    const char *rules;             /* JSON; NULL: none */
    enum bank_log log;             /* to stderr: what went wrong, by rule or with a status of 400 or more */
    struct virtual_bank_options bank; /* base_url is the server's own */
};

struct bank_server;

/* NULL: why, of 160 bytes, tells. http_global_init has been called. */
struct bank_server *bank_server_new(const struct bank_server_options *options, char why[160]);
/* Ends what is under way. */
void bank_server_destroy(struct bank_server **self_p);

uint16_t bank_server_port(const struct bank_server *self);
const char *bank_server_url(const struct bank_server *self);

#endif
