/* What the programs of simulated servers share: the options that each has, texts out of files that options name, and a
 * life that ends with a signal. */
#ifndef TELLER_SIM_PROGRAM_H
#define TELLER_SIM_PROGRAM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/options.h"

enum { PROGRAM_TEXTS_MAX = 5, PROGRAM_TEXT_BYTES_MAX = 1 << 20 };

struct program {
    const char *name;                      /* "bank": messages begin with "teller bank: " */
    const char *certificate, *key, *rules; /* files */
    uint64_t port, seed;
    char *texts[PROGRAM_TEXTS_MAX]; /* what has been read */
};

/* Rows of a table of options, for a struct program. */
#define PROGRAM_OPTION_ROWS(self)                                                                  \
    {.name = "port",                                                                               \
     .out = &(self)->port,                                                                         \
     .value = "PORT",                                                                              \
     .type = OPTION_NUMBER,                                                                        \
     .maximum = 65535,                                                                             \
     .help = "where to listen on loopback (a free one)"},                                          \
        {.name = "certificate",                                                                    \
         .out = &(self)->certificate,                                                              \
         .value = "FILE",                                                                          \
         .type = OPTION_TEXT,                                                                      \
         .help = "PEM; with --key: https"},                                                        \
        {.name = "key", .out = &(self)->key, .value = "FILE", .type = OPTION_TEXT, .help = "PEM"}, \
        {.name = "seed",                                                                           \
         .out = &(self)->seed,                                                                     \
         .value = "N",                                                                             \
         .type = OPTION_NUMBER,                                                                    \
         .help = "of all that is left to chance (1)"},                                             \
    {                                                                                              \
        .name = "rules", .out = &(self)->rules, .value = "FILE", .type = OPTION_TEXT,              \
        .help = "what goes wrong, as JSON"                                                         \
    }

/* Says it on stderr. Returns EXIT_CODE_ERROR. */
int program_wrong(const struct program *self, const char *what, const char *why);

/* A file of at most PROGRAM_TEXT_BYTES_MAX bytes, with a NUL behind it; it lives until program_release. path NULL: *out
 * stays as it is. false: it has been said why not. */
bool program_read(struct program *self, const char *path, const char **out);

/* The certificate and its key: both, or neither. false: it has been said why not. */
bool program_read_tls(struct program *self, const char **certificate, const char **key);

/* Blocks the signals that end it. Call before threads are made, so that they are blocked in those, too. */
sigset_t program_block_signals(void);

/* Tells on stdout where it serves, and waits for one of them. */
void program_serve(const sigset_t *signals, unsigned port, const char *url);

void program_release(struct program *self);

#endif
