/* The accounts of all partitions, replayed from their journals by the ledger cores. Nothing is decided and nothing
 * written; transaction ids are not kept. */
#ifndef TELLER_BROKER_OFFLINE_BOOKS_H
#define TELLER_BROKER_OFFLINE_BOOKS_H

#include <stdbool.h>

#include "actors/ledger/ledger.h"
#include "actors/ledger/shell/digest.h"
#include "broker/offline/fault.h"
#include "store/datadir.h"
#include "store/journal.h"

struct books {
    uint32_t partitions;
    struct mem mem;
    struct ledger *ledgers[LEDGER_PARTITIONS_MAX];
};

/* By currency. */
struct books_total {
    bool is_used; /* there is an account */
    __int128 customers, house, transit;
};

/* false: no memory. */
bool books_init(struct books *self, const struct datadir_meta *meta);
void books_release(struct books *self);

enum err books_commit(struct books *self, uint32_t partition, const struct journal_commit *commit,
                      struct fault *fault) MUST_USE;
/* After the last commit. */
enum err books_close(struct books *self, struct fault *fault) MUST_USE;

struct digest books_digest(const struct books *self, uint32_t partition);
/* Adds one partition's accounts; returns how many customers have one. */
uint64_t books_total(const struct books *self, uint32_t partition, struct books_total totals[256]);
/* false: there is no such account. */
bool books_find(const struct books *self, struct str id, struct ledger_account_view *view);

#endif
