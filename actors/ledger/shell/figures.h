/* What a partition counts of its own work since it started, and how it tells: its part of `metrics`.
 *
 * Owned by the partition; nothing here is durable, nothing is decided by it. */
#ifndef TELLER_LEDGER_FIGURES_H
#define TELLER_LEDGER_FIGURES_H

#include "actors/base/figures.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "store/journal.h"

/* Commands by kind. A batch whose items are of several kinds counts as a whole under kind 0. */
enum { FIGURES_MIXED = 0, FIGURES_KINDS = COMMAND_EXCHANGE + 1 };

struct partition_figures {
    uint64_t
        commands[FIGURES_KINDS]
                [CODE_COUNT]; /* rows that were answered, by code; a group is a row, and so are its items */
    uint64_t commits, facts;
    uint64_t resends;       /* quiet seconds after which peers were sent everything unanswered again */
    int64_t last_commit_us; /* wall clock; 0: none yet */
    struct figures_histogram append_us, append_bytes, apply_us; /* one record a commit */
};

/* Counts the rows of a ticket that is complete. kinds: of its commands, a bit for each. */
void partition_figures_rows(struct partition_figures *self, unsigned kinds, const struct ledger_row *rows,
                            uint32_t count);

/* The numbers of a partition as status and metrics tell them, as a map's head and its pairs; the caller writes `more` pairs
 * behind them. space: all zero when it is not known. */
void partition_numbers_write(struct mp_writer *w, uint32_t more, uint32_t partition,
                             const struct ledger_stats *stats, const struct journal_space *space,
                             int64_t now_us);

/* The body of the partition's part of metrics. */
void partition_figures_write(const struct partition_figures *self, struct mp_writer *w, uint32_t partition,
                             const struct ledger *ledger, const struct journal_space *space, int64_t now_us);

#endif
