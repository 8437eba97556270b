/* The world: clients, a broker, the partitions of a node and their disks, a network between them, and one clock.
 *
 * One thread; all that happens is an event in a queue, in the order of (virtual time, number). The partitions run the
 * production code: actors/ledger and its shell's partition and reader, broker/wire, the broker's route and join, store/
 * and LMDB, on a model of a disk. The world replaces what a machine gives: threads, sockets, clocks, the
 * disk, and people who send money.
 *
 *     client ──frames──► network ──► broker (route, split) ──► partition ⇄ partition
 *            ◄──frames── network ◄── broker (join)         ◄── partition, its reader
 *                                                              │ jobs
 *                                                              ▼
 *                                                   journal, state (LMDB on sim/disk)
 *
 * Everything is watched by the oracle (sim/check/oracle.h) and by checks of the world's own: no acknowledged commit is ever
 * missing after a restart, the cores' own invariants hold, memory and queues are bounded, and when faults have
 * ended everything is answered within a bound. The first breach stops the world. A failed CHECK in production code ends the process, as it
 * does in production: who runs worlds runs them in child processes.
 *
 * Times: microseconds since the world began. Wall clocks show WORLD_EPOCH_US more, and what clock faults add.
 */
#ifndef TELLER_SIM_WORLD_H
#define TELLER_SIM_WORLD_H

#include <stdio.h>

#include "sim/check/oracle.h"
#include "sim/fault.h"
#include "sim/operation.h"

/* 2024-01-01T00:00:00Z. */
#define WORLD_EPOCH_US INT64_C(1704067200000000)

enum { WORLD_PARTITIONS_MAX = 8, WORLD_CLIENTS_MAX = 32 };

struct world_config {
    uint64_t seed;
    uint32_t partitions; /* 1 .. WORLD_PARTITIONS_MAX */
    uint32_t clients;    /* 1 .. WORLD_CLIENTS_MAX */
    const char *root;    /* an empty scratch directory; the world leaves it empty again */
    /* of the cores; small ones bring rare branches near. 0: a good default */
    uint32_t ids_in_memory; /* a power of two */
    uint32_t link_window;
    uint64_t checkpoint_words;
    int64_t id_retention_us;
    uint64_t preallocate_bytes; /* of the journal; 0: none */
    uint64_t map_bytes;         /* of journal and state each */
    /* of the world */
    int64_t latency_us;         /* of the network, one way, in the middle */
    int64_t commit_us;          /* of a commit, in the middle */
    int64_t restart_us;         /* from death to the begin of recovery, in the middle */
    int64_t patience_us;        /* how long a client waits before it sends again */
    uint32_t rehearsal_commits; /* between two rehearsals of a restart */
    bool no_checks;             /* the oracle is not asked: to measure its share */
    FILE *trace;                /* every event as a line, from trace_from_us on; NULL: none */
    int64_t trace_from_us;
};

/* Middle values, faultless. */
struct world_config world_config_default(uint32_t partitions);

struct disk;
struct counting_mem;
struct world;

struct world *world_new(const struct world_config *config);
void world_destroy(struct world **self_p);

int64_t world_now(const struct world *self);

/* Runs events until the time (which it then is) or the first breach. */
void world_run(struct world *self, int64_t until_us);

/* Runs until *done, or for at most so long. Returns *done. */
bool world_run_until(struct world *self, const bool *done, int64_t at_most_us);

/* All faults end, everyone is restarted; runs until everything is answered and nothing is on its way (a breach of
 * I10 when that takes longer than a bound), then compares everything: books, cores, replays from the journal alone. */
void world_settle(struct world *self);

/* NULL: none so far. */
const struct breach *world_breach(const struct world *self);
void world_set_breach(struct world *self, const struct breach *breach);

/* ---- clients -------------------------------------------------------------------------------------- */

/* A client sends the operation, and sends it again until the answer is final; the world frees it after `done`, which may be
 * NULL, has seen the answer. A workload's operations and a script's go through here. */
typedef void operation_done_fn(void *context, const struct operation *operation, const struct answer *answer);
void world_submit(struct world *self, uint32_t client, struct operation *operation, operation_done_fn *done,
                  void *context);

/* Submitted and not finally answered. */
uint32_t world_open_operations(const struct world *self);

/* Calls back at a time. */
typedef void world_timer_fn(void *context, struct world *self);
void world_at(struct world *self, int64_t at_us, world_timer_fn *call, void *context);

/* ---- faults --------------------------------------------------------------------------------------- */

/* Injects a fault now, or at fault->at_us when that is later. */
void world_fault(struct world *self, const struct fault *fault);

/* All faults end: clocks go right, cuts are mended, disks have room and do not fail. What is down is restarted. */
void world_mend(struct world *self);

/* ---- looking in (for scripts) --------------------------------------------------------------------- */

/* NULL while the partition is down. */
const struct ledger *world_ledger(const struct world *self, uint32_t partition);
bool world_is_up(const struct world *self, uint32_t partition);

/* The disk of all, and the memory of a partition's core: to make single calls fail. */
struct disk *world_disk(struct world *self);
struct counting_mem *world_memory(struct world *self, uint32_t partition);

struct world_counts {
    uint64_t events, messages, lost, repeated;
    uint64_t operations, attempts, answers, commands;   /* commands: items, account commands and reads */
    uint64_t commits, restarts, recoveries_cut, images; /* images: crash images that were recovered from */
    uint64_t faults[FAULT_KIND_COUNT];
    uint64_t disk_calls;
    uint64_t codes[CODE_COUNT]; /* answers, final or not: each row, or the message that has none */
};
void world_counts(const struct world *self, struct world_counts *out);
void world_oracle_counts(const struct world *self, struct oracle_counts *out);

/* Everything that has happened, in 64 bits: equal for equal runs. */
uint64_t world_digest(const struct world *self);

/* A line in the trace, with the time in front. */
void world_note(struct world *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
