/* Runs of seeds, each in a child process: a failed CHECK, a crash or an endless loop in production code ends the child, and
 * is an outcome like any other.
 *
 * A child writes its result as plain structs into a pipe when it is done; what it says on standard error goes to a file
 * that is read afterwards. Children die with their parent. Scratch directories are made before and
 * removed after each child by the parent, however the child ended.
 */
#ifndef TELLER_SIM_COMMAND_POOL_H
#define TELLER_SIM_COMMAND_POOL_H

#include "sim/marks.h"
#include "sim/run.h"

enum { OUTCOME_TEXT_MAX = 4000 };

enum ending {
    ENDED_FINE,
    ENDED_BROKEN,  /* a breach; result tells it */
    ENDED_DIED,    /* by a signal or an exit code; said tells why */
    ENDED_HANGING, /* did not end within its bound of real time, and was killed */
};

struct outcome {
    uint64_t tag; /* the job's */
    struct run_config config;
    enum ending ending;
    /* All zero unless FINE or BROKEN. */
    struct run_result result;
    const uint64_t *hits; /* of marks, marks_count() numbers, valid until the next pool_wait; NULL: none */
    int64_t cpu_us;
    int status;                  /* of waitpid */
    char invariant[24];          /* "I3"; "crash", "hang" */
    char said[OUTCOME_TEXT_MAX]; /* what the child said on standard error */
    char why[500];               /* one sentence */
};

struct job {
    uint64_t tag;
    struct run_config config; /* what it points to must last until the outcome; root is the pool's to set */
    int64_t bound_us;         /* of real time; 0: a generous one by the simulated time */
};

struct pool;

/* `stop_fd` becomes readable when everything is to stop, e.g. a signalfd; -1: nothing does. `marks` may be NULL. */
struct pool *pool_new(uint32_t size, const struct marks *marks, int stop_fd);
/* Kills what still runs, and removes all scratch directories. */
void pool_destroy(struct pool **self_p);

bool pool_is_full(const struct pool *self);
uint32_t pool_running(const struct pool *self);

/* CHECKs that the pool is not full. */
void pool_start(struct pool *self, const struct job *job);

enum pool_event {
    POOL_DONE,   /* *out has an outcome */
    POOL_TICK,   /* nothing ended within the time */
    POOL_STOPPED /* stop_fd is readable; it stays so */
};
enum pool_event pool_wait(struct pool *self, int timeout_ms, struct outcome *out);

/* Kills what runs; there will be no outcome of it. */
void pool_cancel(struct pool *self);

/* The clock of bounds and reports: monotonic real time. */
int64_t pool_real_us(void);

#endif
