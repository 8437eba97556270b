/* Looks for a shorter run that breaks in the same way: less time, fewer families of faults, fewer features, fewer faults
 * (ddmin: Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, IEEE TSE 2002), fewer requests.
 */
#ifndef TELLER_SIM_COMMAND_SHRINK_H
#define TELLER_SIM_COMMAND_SHRINK_H

#include "sim/command/pool.h"

struct shrink_config {
    struct pool *pool; /* idle */
    int64_t until_us;  /* real time after which no try begins */
    FILE *progress;    /* NULL: none */
};

struct shrunk {
    struct outcome outcome; /* of the shortest run; its config is the run */
    uint32_t *dropped;      /* config.dropped points here */
    uint64_t tries;
    bool is_finished; /* false: the time was over, or somebody stopped it */
};

/* `broken` is the outcome of the run to begin with. */
struct shrunk shrink(const struct shrink_config *config, const struct outcome *broken);
void shrunk_release(struct shrunk *self);

#endif
