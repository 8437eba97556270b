/* Inside this folder: a file with a case, and all the turns that it stands for. */
#ifndef TELLER_SIM_SCRIPT_CASE_H
#define TELLER_SIM_SCRIPT_CASE_H

#include "sim/script/play.h"

enum { CASE_WHAT_MAX = 700, CASE_TURNS_MAX = 100000 };

struct case_file {
    char path[512];
    char *source;
};

/* What is known of a case so far; in memory that a child shares with its parent, so that it lasts when the child dies. */
struct case_state {
    bool is_done, has_failed;
    uint64_t turns;    /* that were begun */
    uint64_t failures; /* calls and allocations that were made to fail */
    uint64_t events;
    char where[200]; /* "step=4 how=kill" in the turn that runs */
    char what[CASE_WHAT_MAX];
    /* with each failure */
    unsigned kind;
    uint64_t nth;
    uint64_t turns_failed;
};

bool case_read(struct case_file *self, const char *path, char *what, size_t capacity);
void case_release(struct case_file *self);
/* Its first comment; the caller frees it. */
char *case_title(const struct case_file *self);

/* Plays every turn, each in a world of its own; ends with the first that fails. */
void case_play(const struct case_file *self, FILE *trace, struct case_state *state);

/* Plays the script of its first turn once without and then once with each failure: every call to a disk and every allocation, once and
 * for good. Begins where state says, and goes on after a failure. */
void case_play_each_failure(const struct case_file *self, struct case_state *state);
bool case_is_each_failure(const struct case_file *self);

#endif
