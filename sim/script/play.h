/* Plays a script in a world of its own. */
#ifndef TELLER_SIM_SCRIPT_PLAY_H
#define TELLER_SIM_SCRIPT_PLAY_H

#include "sim/script/statement.h"

/* What goes wrong besides the script, from its first statement on. */
enum play_failing {
    FAILING_NOTHING,
    FAILING_DISK,   /* a call of a partition to its disk answers EIO */
    FAILING_MEMORY, /* an allocation of a partition's core */
    FAILING_HEAP    /* an allocation of any other code that runs for a partition, LMDB's too */
};

struct play_failure {
    enum play_failing failing;
    unsigned calls;     /* FAILING_DISK: mask of enum disk_call */
    uint32_t partition; /* of disk and memory */
    uint64_t nth;       /* 1: the first */
    bool for_good;      /* all after it too: disk calls until a restart, allocations until all faults end */
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
};

/* A failed CHECK ends the process. */
void script_play(const struct script *script, const struct play_config *config, struct play_result *out);

#endif
