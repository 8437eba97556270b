/* A tape: what an oracle would be told of a random run of real cores, recorded, to be played to an oracle as it was or
 * tampered with.
 *
 * The run is the runner's (tests/scenario/runner.h): several partitions, a network that loses, repeats and reorders, and
 * crashes; commands of tests/property/workload.h, account commands and reads of every kind, repeats at the end.
 */
#ifndef TELLER_TESTS_SIM_TAPE_H
#define TELLER_TESTS_SIM_TAPE_H

#include "sim/check/oracle.h"

enum tape_kind { TAPE_SENT, TAPE_COMMIT, TAPE_ANSWER };

struct tape_event {
    enum tape_kind kind;
    int64_t at_us, sent_us;
    uint32_t partition;
    struct operation *operation; /* SENT, ANSWER */
    struct answer answer;        /* its arrays and strings are the operation's */
    struct journal_commit commit;
};

struct tape;

struct tape *tape_record(uint64_t seed, uint32_t commands);
/* … of holds, proposals, book values, rates, quotes and exchanges, with crashes, without reads. */
struct tape *tape_record_products(uint64_t seed, uint32_t commands);
void tape_destroy(struct tape **self_p);

uint32_t tape_partitions(const struct tape *self);
size_t tape_length(const struct tape *self);
const struct tape_event *tape_at(const struct tape *self, size_t index);
/* The core at the end. */
const struct ledger *tape_ledger(const struct tape *self, uint32_t partition);

/* What a listener found: how many breaches, and the first. */
struct tape_verdict {
    uint32_t count;
    struct breach first;
};

/* Is shown every event before the oracle is, as a copy that it may change: commits of up to TAPE_COMMIT_MAX bytes have
 * facts of their own, answers have rows and entries of their own. Returns how often the oracle is told of it. *early: the
 * index of a later event that it is told of before. */
enum { TAPE_COMMIT_MAX = 1 << 16 };
typedef unsigned tape_tamper_fn(void *context, const struct tape *tape, size_t index,
                                struct tape_event *event, size_t *early);

/* Plays all of it, then settles and compares the cores, if asked. tamper may be NULL. */
struct tape_verdict tape_play(const struct tape *self, tape_tamper_fn *tamper, void *context, bool to_the_end,
                              uint64_t *digest, struct oracle_counts *counts);

#endif
