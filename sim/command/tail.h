/* The last part of what a child process writes, kept in memory that it shares with its parent: it is there also when the
 * child crashes, and a long trace costs no disk.
 */
#ifndef TELLER_SIM_COMMAND_TAIL_H
#define TELLER_SIM_COMMAND_TAIL_H

#include <stdio.h>

struct tail;

struct tail *tail_new(void);
void tail_destroy(struct tail **self_p);

/* Where to write: each line at once. It lasts as long as the tail. */
FILE *tail_file(struct tail *self);

/* The last `lines` whole lines. The caller frees the text. */
char *tail_text(const struct tail *self, unsigned lines);

#endif
