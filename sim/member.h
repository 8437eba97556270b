/* One partition of the node in the world: the production partition and reader, their stores on the simulated disk, and
 * what a machine does to them: threads take their time, clocks go wrong, processes die and come back.
 *
 *     DOWN ──start──► UP ──die──► DOWN      (a recovery that fails stays DOWN, and is tried again)
 *
 * Its two lanes and its reader are events: a job is begun when the partition gives it, and is carried out, on the disk,
 * when its event comes. Events of an earlier life do nothing. */
#ifndef TELLER_SIM_MEMBER_H
#define TELLER_SIM_MEMBER_H

#include "actors/ledger/ledger.h"
#include "broker/wire/request.h"
#include "sim/counting_mem.h"
#include "sim/disk/disk.h"
#include "sim/events.h"
#include "sim/fault.h"
#include "sim/network.h"
#include "store/journal.h"

struct member;

/* What it tells the world. */
struct member_hooks {
    void *context;
    /* Requests that are answered, or that are lost because it died. The list is the hook's. */
    void (*answered)(void *context, uint32_t partition, struct request *list, bool is_lost);
    void (*state)(void *context, uint32_t partition, enum partition_state state);
    void (*send)(void *context, struct packet *packet); /* to a peer */
    /* A commit is durable: each once, in order. */
    void (*durable)(void *context, uint32_t partition, const struct journal_commit *commit);
    /* It is recovered; everything durable has been told. */
    void (*recovered)(void *context, uint32_t partition, const struct ledger *ledger);
    /* Its disk has been cut in the middle of a call: it has to die before anything else happens. */
    void (*cut)(void *context, uint32_t partition);
    /* It has stopped by itself: somebody has to start it again. */
    void (*stopped)(void *context, uint32_t partition);
    void (*breach)(void *context, uint32_t partition, const char *invariant, const char *text);
    void (*note)(void *context, uint32_t partition, const char *text);
};

struct member_config {
    uint32_t partition, partitions;
    uint64_t seed;
    struct ledger_config ledger;
    const char *root; /* of the disk */
    uint64_t map_bytes, preallocate_bytes;
    int64_t commit_us; /* in the middle */
    struct disk *disk;
    struct events *events;
    const int64_t *now_us;
};

struct member *member_new(const struct member_config *config, const struct member_hooks *hooks);
/* It is down. CHECKs that no memory of its cores is out. */
void member_destroy(struct member **self_p);

/* "p003/", on the disk. */
const char *member_scope(const struct member *self);

/* Recovers. false: it could not, and is down. relapse: the recovery is to be cut at its nth call to the disk; 0: not. */
bool member_start(struct member *self, uint64_t relapse);
/* Ends its life, whatever it was doing; its files are closed. */
void member_die(struct member *self);
bool member_is_up(const struct member *self);
/* It is up, and only answers BUSY. */
bool member_is_stopped(const struct member *self);

/* false: it is down or full, and the box stays the caller's. Requests only. */
bool member_receive(struct member *self, const struct box *box);
/* A packet from a peer; dropped when it is down or full. */
void member_packet(struct member *self, const struct packet *packet);

/* Faults on it that need no disk: PAUSE, MEMORY, SLOW_DISK, clocks, MAILBOX (of peers). */
void member_fault(struct member *self, const struct fault *fault);
/* A fault has damaged its state store, so that it may be built anew. */
void member_state_damaged(struct member *self);
void member_mend(struct member *self);

/* NULL when it is down. */
const struct ledger *member_ledger(const struct member *self);
int64_t member_wall_us(const struct member *self);
/* The latest that its partition has ever been told. */
int64_t member_latest_wall_us(const struct member *self);
/* Of its cores; the same in every life. */
struct counting_mem *member_memory(struct member *self);

/* Nothing to do and nothing under way. */
bool member_is_idle(const struct member *self);

/* Builds a second core from the stores as they are, as if it had died just now. The stores stay as they are. NULL: it is
 * down or has stopped, or the stores do not do (and a breach). Give it back with member_replay_end before anything else. */
const struct ledger *member_rehearse(struct member *self);

/* Builds a second core from the journal alone, without a state store. NULL, and a breach, when it cannot. Give it back with
 * member_replay_end before anything else. */
const struct ledger *member_replay(struct member *self);
void member_replay_end(struct member *self);

struct member_counts {
    uint64_t commits, starts, failed_starts, turns;
    uint64_t memory_peak_bytes, mailbox_peak;
};
const struct member_counts *member_counts(const struct member *self);

#endif
