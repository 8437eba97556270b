/* Who pays whom: account ids, written once, grouped by the partition that owns them; and pairs drawn from them.
 *
 * Ids are "a0000001", "a0000002", …: the same for every run over the same node.
 */
#ifndef TELLER_BENCH_WORKLOAD_H
#define TELLER_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/str.h"

struct workload_options {
    uint32_t accounts;   /* at least two for each partition */
    uint32_t partitions; /* of the node */
    double cross_share;  /* 0 .. 1 of the transfers go to another partition; exactly so */
    double zipf; /* 0: uniform; else the account of rank k is drawn with weight k^-zipf, as payer and payee */
    bool hot_one; /* all transfers go to one account */
};

struct workload;

/* NULL: no memory, or a partition would have fewer than two accounts. */
struct workload *workload_new(const struct workload_options *options);
void workload_destroy(struct workload **self_p);

struct workload_pair {
    struct str from, to; /* different accounts */
};

/* Draws pairs whose payer is in `partition`. The ids are on their way into the cache. */
void workload_draw(struct workload *self, uint32_t partition, struct workload_pair *pairs, uint32_t count);

/* One account of the partition, drawn as a payer is. */
struct str workload_account(struct workload *self, uint32_t partition);

/* All accounts of a partition in order: at < workload_count. */
uint32_t workload_count(const struct workload *self, uint32_t partition);
struct str workload_at(const struct workload *self, uint32_t partition, uint32_t at);

#endif
