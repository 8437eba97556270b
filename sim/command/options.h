/* What the simulator's command line asks for, and the command line that asks for a given run again. */
#ifndef TELLER_SIM_COMMAND_OPTIONS_H
#define TELLER_SIM_COMMAND_OPTIONS_H

#include "broker/options.h"
#include "sim/run.h"

struct sim_options {
    const char
        *program; /* how it was called, "build/release/sim/teller-sim": for commands that are printed */
    uint64_t seed, seed_count; /* seed_count 0: endless */
    uint64_t jobs;
    int64_t minutes_us;       /* real time; 0: no limit */
    struct run_config config; /* of every seed; seed, root and trace are not set */
    uint32_t *only;           /* planned faults that are carried out; NULL: all but the dropped ones */
    size_t only_count;
    uint32_t *dropped;               /* config.dropped points here */
    bool events, rates, remittances; /* the run's kind, as it is said */
    bool until_failure, shrink, trace, plan, digest, json, quiet;
};

/* argv[0] is the program's name in messages. Says what is wrong, or the help, as options_read does. */
enum options_result sim_options_read(struct sim_options *self, int argc, char **argv);
void sim_options_release(struct sim_options *self);

/* The configuration of one seed. With --only it names all other faults of the seed's plan as dropped; *dropped is
 * then to be freed, and otherwise NULL. */
struct run_config sim_options_config(const struct sim_options *self, uint64_t seed, uint32_t **dropped);

/* The one command that replays a run, without a line's end. The caller frees it. */
char *sim_replay_command(const char *program, const struct run_config *config);

#endif
