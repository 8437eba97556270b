/* Stored accounts, holds and remittances against replayed ones. A state store may be older than the journal, or, beside a process that
 * serves, newer than what was replayed: each account, and each slot of holds or remittances, is compared when both have the same last
 * position. */
#ifndef TELLER_BROKER_OFFLINE_STATE_CHECK_H
#define TELLER_BROKER_OFFLINE_STATE_CHECK_H

#include "actors/ledger/ledger.h"
#include "broker/offline/fault.h"
#include "store/datadir.h"

struct state_check {
    uint64_t compared; /* accounts and slots that could be */
    uint64_t other;    /* stored at another moment */
};

/* path: of the data directory, for advice. A store that is not there is fine. */
enum err state_check_run(struct datadir *datadir, const char *path, uint32_t partition,
                         struct journal *journal, const struct ledger *ledger, struct state_check *out,
                         struct fault *fault) MUST_USE;

#endif
