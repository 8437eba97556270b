/* The ledger actor: a thread around one partition (partition.h), with mailboxes, clocks, commit writers and the data
 * directory.
 *
 * Its inbox is "inproc://ledger-N": BOX_REQUESTS from the router, BOX_PEER from other ledgers. It answers to
 * "inproc://router", asks its reader at "inproc://reader-N" to walk histories, and tells the router each change of its
 * state (BOX_STATE). The publisher may ask for the journal (BOX_JOURNAL) and for names of accounts (BOX_NAMES), and is answered at
 * "inproc://publisher". Where the node has banks, it calls them through their adapter at "inproc://bank" (base/bank_mail.h). A mailbox is worked in rounds: all that a round decides is one commit. */
#ifndef TELLER_LEDGER_SHELL_LEDGER_ACTOR_H
#define TELLER_LEDGER_SHELL_LEDGER_ACTOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/ledger.h"

struct datadir;

struct ledger_actor_options {
    void *context; /* of all inproc sockets */
    struct datadir *datadir;
    uint32_t partition, partitions;
    bool has_banks; /* the bank adapter runs */
    struct ledger_remittance_terms remittances;
};

/* NULL: the endpoint is taken. The options are copied. Recovery goes on in the background: the actor says
 * PARTITION_SERVING when it is done, or PARTITION_STOPPED when it cannot be. */
zactor_t *ledger_actor_new(const struct ledger_actor_options *options);

/* Ledgers send to each other, so they are ended in two steps: tell all to finish (what is in hand is decided,
 * answered and checkpointed), wait until all have, then zactor_destroy each. */
void ledger_actor_finish(zactor_t *actor);
void ledger_actor_finished(zactor_t *actor);

#endif
