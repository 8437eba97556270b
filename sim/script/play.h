/* Plays a script in a world of its own. */
#ifndef TELLER_SIM_SCRIPT_PLAY_H
#define TELLER_SIM_SCRIPT_PLAY_H

#include "sim/script/statement.h"

/* What goes wrong besides the script, from its first statement on. */
struct play_failure {
    enum play_failing { FAILING_NOTHING, FAILING_DISK, FAILING_MEMORY, FAILING_HEAP } failing;
    unsigned calls; /* FAILING_DISK: mask of enum disk_call */
    uint64_t nth;   /* of all calls or allocations of that kind; 1: the first */
    bool for_good;  /* all after it too, until a restart or the end of all faults */
};

struct play_config {
    const char *root; /* an empty scratch directory */
    FILE *trace;      /* NULL: none */
    struct play_failure failure;
};

struct play_result {
    bool has_failed;
    unsigned line; /* 0: at no line */
    char what[500];
    uint64_t failures; /* crashes at a call, failed calls and failed allocations before the script's end */
    uint64_t events;
};

/* A failed CHECK ends the process. */
void script_play(const struct script *script, const struct play_config *config, struct play_result *out);

#endif
