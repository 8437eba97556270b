/* What all commands that talk to a server have in common: where it is, how long to wait, how to say what went wrong. */
#ifndef TELLER_COMMAND_SESSION_H
#define TELLER_COMMAND_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/options.h"
#include "clients/c/teller.h"

/* Exit codes of these commands, beyond enum exit_code. */
enum {
    EXIT_REFUSED = EXIT_CODE_ERROR,  /* the server said no; the code has been printed */
    EXIT_NO_SERVER = EXIT_CODE_DATA, /* nothing was sent */
    EXIT_UNKNOWN = 4, /* it was sent, and what came of it is not known: ask again with the same id */
};

#define SESSION_EXIT_CODES \
    "Exit codes: 0 done, 1 refused (the code is printed), 2 usage, 3 no server, 4 outcome not known."

struct session {
    const char *name; /* of the command, for messages */
    const char *connect;
    int64_t timeout_ms;
    uint32_t attempts;
    bool json;
    struct teller *client;
};

enum { SESSION_OPTIONS = 3 };

/* The rows --connect, --timeout and --json for a command's table; fills in the defaults. */
void session_options(struct session *self, const char *name, struct option_row rows[SESSION_OPTIONS]);

/* EXIT_CODE_OK, or an exit code after saying why. */
int session_open(struct session *self);
void session_close(struct session *self);

/* EXIT_CODE_OK when there is an answer and it is OK; else says what is wrong, as JSON too if asked for, and returns
 * the exit code. answer may be NULL when err is not ERR_OK.
 * id: of the transaction, for asking again; may be NULL. */
int session_check(const struct session *self, enum err err, const struct teller_answer *answer,
                  const struct uuid *id);

/* There is an answer, but not one of this protocol, so that nothing is known: says so, and returns the exit code. */
int session_malformed(const struct session *self);

/* Prints "teller NAME: …" and a line end to stderr; returns EXIT_CODE_USAGE. */
int session_usage(const struct session *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
