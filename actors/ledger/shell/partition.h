/* One partition at work: everything that a ledger actor decides, around the ledger core of its partition.
 *
 *     boxes ─► decode ─► core ─► take a unit ─► append its facts ─► run its effects ─► …
 *
 * No socket, no thread, no clock: what comes in is a call with the time, what goes out leaves through ports. So a
 * ledger actor drives it with real mailboxes, threads and clocks, and a simulator with its own, in one thread.
 *
 * How it is driven:
 *
 *     partition_new                          starting: nothing is accepted yet
 *     partition_begin | partition_fail       the stores are recovered, or cannot be
 *     turns, as long as it lives:
 *         partition_timer                    when partition_due_ms has come, or sooner
 *         partition_job_done                 for each job that `run` did not carry out at once
 *         partition_work                     what was received before goes first
 *         partition_receive                  while partition_reads_mail, and there is mail
 *         partition_commit                   all that was decided is one commit
 *     partition_finish, between turns        the clean end: until it returns false
 *     partition_abandon, partition_destroy   an end of any kind; then the stores may be closed
 *
 * What is promised:
 * - Nothing leaves before it is durable: an answer, a message to a peer, a call to a bank, a read for the reader. Each waits for
 *   the commit that holds what it tells.
 * - Every request that is received is handed to the router once, answered.
 * - When an append may or may not have reached the disk, all that is in hand is answered UNKNOWN, the partition says
 *   PARTITION_STOPPED, and from then on it only answers BUSY; the journal on disk is the truth at the next start.
 * - When the state store cannot be read, so that a repeat may have been taken for new, nothing decided since leaves: it
 *   stops in the same way.
 * - Calls that have no final report are told again, a page in a turn: at the beginning, and when the bank adapter asks.
 * - When there is no room, it keeps the unit, answers what comes BUSY, and tries again each second.
 *
 * Ports may not call back into the partition. */
#ifndef TELLER_LEDGER_SHELL_PARTITION_H
#define TELLER_LEDGER_SHELL_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/mem.h"
#include "actors/ledger/ledger.h"
#include "actors/ledger/shell/commit_job.h"
#include "actors/ledger/shell/recovery.h"
#include "broker/wire/request.h"

struct partition;

struct partition_ports {
    void *context;
    /* Begins a job. true: it was carried out at once, and the job has its outcome. false: partition_job_done will tell.
     * At most one job of each step is under way. The job stays where it is until then. */
    bool (*run)(void *context, struct commit_job *job);
    /* BOX_ANSWERED and BOX_STATE. The router outlives its partitions. */
    void (*to_router)(void *context, const struct box *box);
    /* BOX_READ and BOX_NAMES. false: nobody is there any more, and the box's pointer stays the caller's. */
    bool (*to_reader)(void *context, const struct box *box);
    /* BOX_PEER, for the mailbox of partition `peer`. false: as above; a resend will bring it. */
    bool (*to_peer)(void *context, uint32_t peer, const struct box *box);
    /* BOX_CALLS. false: as above; what is asked for is told again. NULL: this node has no banks. */
    bool (*to_bank)(void *context, const struct box *box);
    /* A line for the operator, without an end of line. */
    void (*say)(void *context, bool is_error, const char *text);
};

struct partition_now {
    int64_t wall_us; /* since 1970-01-01 UTC; may go back */
    int64_t mono_ms; /* never goes back */
};

/* Ports and mem are copied. mem is that of the cores: messages between partitions are made of it. */
struct partition *partition_new(uint32_t partition, uint32_t partitions, const struct partition_ports *ports,
                                const struct mem *mem);
/* Abandons it first. Frees nothing of the stores. */
void partition_destroy(struct partition **self_p);

/* After recovery: resends, looks at the space, says PARTITION_SERVING or PARTITION_FULL. `stores` stays the caller's, and
 * stays in place until the partition is destroyed. */
void partition_begin(struct partition *self, const struct recovered *stores, struct partition_now now);
/* Recovery failed: says PARTITION_STOPPED; whatever comes is answered BUSY. */
void partition_fail(struct partition *self);

/* false: there is enough in hand, the mail has to wait. */
bool partition_reads_mail(const struct partition *self);
/* Takes over BOX_REQUESTS, BOX_PEER, BOX_REPORTS, or BOX_CALLS that asks for all calls. */
void partition_receive(struct partition *self, const struct box *box, struct partition_now now);
/* A job has its outcome. */
void partition_job_done(struct partition *self, struct commit_job *job, struct partition_now now);
/* Goes on with what was received and not yet decided. */
void partition_work(struct partition *self, struct partition_now now);
/* Sends what was decided on its way, when there is a place for it. Ends a turn. */
void partition_commit(struct partition *self, struct partition_now now);
/* true: the next turn has something to do at once. */
bool partition_can_go_on(const struct partition *self);

/* Once a second: what a peer has not answered is sent again, a quiet partition writes its checkpoint, and what found
 * no room is tried again. Calls before the time do nothing. */
void partition_timer(struct partition *self, struct partition_now now);
/* When the timer is due, in mono_ms; INT64_MAX: not any more. */
int64_t partition_due_ms(const struct partition *self);

/* One step of a clean end, between turns and in place of partition_timer: what is in hand is decided, answered and
 * checkpointed, so that the next start replays nothing. true: one more turn is needed. has_mail: there is something
 * to receive. */
bool partition_finish(struct partition *self, bool has_mail, struct partition_now now);

/* Gives up all that is in hand: it is answered, UNKNOWN where it had been begun and BUSY where not, and messages to peers are
 * freed. It is stopped then, without a word to the router. A job that is under way counts as given back: whoever has it
 * must not touch it any more, nor tell its outcome. */
void partition_abandon(struct partition *self);

/* A job is under way. */
bool partition_is_busy(const struct partition *self);
/* It only answers BUSY. */
bool partition_is_stopped(const struct partition *self);
enum partition_state partition_state(const struct partition *self);
/* To look in; NULL when there is none. */
const struct ledger *partition_ledger(const struct partition *self);

#endif
