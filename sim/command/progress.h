/* How far a session is: one line that is written over on a terminal, a line now and then elsewhere.
 */
#ifndef TELLER_SIM_COMMAND_PROGRESS_H
#define TELLER_SIM_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out; /* NULL: nothing is shown */
    bool is_terminal;
    bool is_shown; /* a line stands on the terminal, and nothing behind it */
    int64_t began_us, last_us;
};

struct totals;

void progress_init(struct progress *self, FILE *out);

/* Shows how far it is, if it is time to. all: seeds to do, 0: no end. */
void progress_show(struct progress *self, const struct totals *totals, uint64_t all);

/* Clears the line, so that something else can be printed. */
void progress_clear(struct progress *self);

#endif
