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
    char home[200]; /* a scratch directory: the caller's */
    bool is_done, has_failed;
    uint64_t turns;           /* that were begun */
    uint64_t failures;        /* calls and allocations that were made to fail */
    uint64_t bad_turns;       /* that failed */
    char where[200];          /* "step=4 how=kill": the turn that runs */
    char what[CASE_WHAT_MAX]; /* of the first that failed */
    struct failure_place {
        unsigned kind;
        uint32_t partition;
        bool for_good;
        uint64_t nth;
    } place; /* with each failure: of the turn that runs */
};

bool case_read(struct case_file *self, const char *path, char *what, size_t capacity);
void case_release(struct case_file *self);
/* Its first comment; the caller frees it. */
char *case_title(const struct case_file *self);

/* Plays every turn, each in a world of its own; ends with the first that fails. */
void case_play(const struct case_file *self, FILE *trace, struct case_state *state);

/* Plays the script once for each failure: each call to a disk, each allocation, once and for good; of those of a kind the first
 * one and from there `every` nth one (1: all). Begins behind state->place (all zero: from the start), and goes on after a turn that fails. */
void case_play_each_failure(const struct case_file *self, uint64_t every, FILE *trace,
                            struct case_state *state);

/* It has "each-failure" in it. */
bool case_is_each_failure(const struct case_file *self);

/* Inside: one turn in a scratch directory of its own. SIGALRM ends a turn that does not end. */
void case_turn(const struct case_file *self, const struct script *script, const struct play_config *config,
               struct case_state *state, struct play_result *result);
struct script *case_parse(const struct case_file *self, const uint64_t *choice, size_t count,
                          struct case_state *state);

#endif
