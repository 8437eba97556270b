/* The runner: the ledger cores of several partitions in virtual time, over a network and stores in memory.
 *
 * One thread, deterministic: everything follows from the configuration, the seed and the calls. It does
 * what a shell does, in steps that can be interleaved in any order and cut by a crash between any two:
 *
 *     take ─► append to the journal ─► apply the puts to the state store ─► run the effects, release
 *
 * Messages between partitions wait in the network until they are delivered. The network may lose them, repeat
 * them and change their order, as asked. A client's request waits in the runner until its ticket comes
 * back; when its partition crashes before, it is lost, and a client would have to ask again.
 *
 *     runner_post(r, 0, commands, count) … runner_settle(r) … request->rows
 *
 * What cannot be (an append refused, recovery failed) is a CHECK: the test stops there. After every step,
 * if asked, all invariants are checked: each core's own, sums of money per partition, and that what
 * stands in transit is what is on its way.
 */
#ifndef TELLER_TESTS_SCENARIO_RUNNER_H
#define TELLER_TESTS_SCENARIO_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/ledger/ledger.h"
#include "sim/counting_mem.h"

enum { RUNNER_PARTITIONS_MAX = 8 };

struct runner_config {
    uint32_t partitions;
    uint64_t seed;
    struct ledger_config ledger; /* partition and partitions are set by the runner */
    bool check_each_step;
    unsigned lose_percent, repeat_percent, reorder_percent; /* of messages between partitions */
    /* Told of every unit whose effects are run: for calls to banks, acks and alarms. NULL: nobody is. */
    void (*told)(void *context, uint32_t partition, const struct ledger_unit *unit);
    void *told_context;
};

/* One partition, the default configuration with a tight checkpoint, a faultless network, checks on. */
struct runner_config runner_config_default(uint32_t partitions);

struct runner;
struct journal;

/* What a client waits for. */
struct runner_request {
    struct runner_request *next;
    uint32_t partition;
    bool done;
    bool lost; /* its partition crashed before it was answered */
    uint32_t row_count;
    struct ledger_row rows[];
};

/* How a partition comes back. */
enum runner_state {
    RUNNER_STATE_KEPT,    /* as the store left it */
    RUNNER_STATE_DELETED, /* journal only */
    RUNNER_STATE_STALE,   /* as of the last runner_snapshot; the same as deleted without one */
};

struct runner *runner_new(const struct runner_config *config);
/* CHECKs that nothing leaks. */
void runner_destroy(struct runner **self_p);

uint32_t runner_partitions(const struct runner *self);
struct ledger *runner_ledger(struct runner *self, uint32_t partition);
struct journal *runner_journal(struct runner *self, uint32_t partition);
struct counting_mem *runner_mem(struct runner *self);
int64_t runner_now(const struct runner *self);
void runner_advance(struct runner *self, int64_t us);
/* A number of the runner's own sequence, 0 .. bound - 1. */
uint32_t runner_random(struct runner *self, uint32_t bound);

/* Hands commands to a partition. The request stays the runner's until runner_destroy; all answers appear in
 * it. NULL: no memory for a ticket (only with planned failures). */
struct runner_request *runner_post(struct runner *self, uint32_t partition,
                                   const struct ledger_command *commands, size_t count);

/* At once: decided, and made durable by the next steps. */
struct ledger_account_answer runner_account(struct runner *self,
                                            const struct ledger_account_command *command);

/* One step, chosen by the seed: a take, an append, an apply, a release or a delivery. false: there is nothing to
 * do. */
bool runner_step(struct runner *self);

/* Steps until nothing is on its way and every live request is answered, resending on a timer as a shell
 * does. CHECKs that this comes to an end. */
void runner_settle(struct runner *self);

/* settle, then post, then settle: the rows of commands run to completion. Valid until the next call. */
const struct ledger_row *runner_run(struct runner *self, uint32_t partition,
                                    const struct ledger_command *commands, size_t count);

/* ledger_resend on all. */
void runner_resend(struct runner *self);

/* Remembers a partition's state store for RUNNER_STATE_STALE. */
void runner_snapshot(struct runner *self, uint32_t partition);

/* The partition's core is lost, with every unit that has not been appended and every effect that was not run;
 * then it comes back from its stores, and all resend. */
void runner_crash(struct runner *self, uint32_t partition, enum runner_state state);

/* Builds a second core from copies of the stores and CHECKs that it agrees with the live one: accounts,
 * digest, links, groups, position, and the fact that answers for each of these ids. All facts of the
 * partition must be in its journal (nothing taken or waiting): see runner_flush. */
void runner_compare(struct runner *self, uint32_t partition, enum runner_state state, const struct uuid *ids,
                    size_t id_count);

/* Builds a second core as runner_compare does, and drops it again: what recovery answered. For planned
 * failures of memory. */
enum err runner_recover(struct runner *self, uint32_t partition, enum runner_state state) MUST_USE;

/* Takes, appends, applies and releases all that a partition has. */
void runner_flush(struct runner *self, uint32_t partition);

/* All invariants. */
void runner_check(struct runner *self);

#endif
