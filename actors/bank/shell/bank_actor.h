/* The bank adapter: a thread around its core (bank.h) and store, with a mailbox, a clock, and a way to the banks.
 *
 * Its inbox is "inproc://bank": BOX_REQUESTS from the router, answered at once; BOX_CALLS from ledgers, at "inproc://ledger-N" of
 * which it leaves BOX_REPORTS; BOX_CALLBACK from the gateway (callback_post.h). Each ledger is asked for all its calls
 * at the start and every 30 seconds, so that nothing that was lost on the way stays lost.
 *
 * Banks are reached through a port that whoever puts the node together brings, so that actors need to know no adapter. When its store
 * fails it says PARTITION_STOPPED to the router, sends nothing more and answers BUSY. Remittances then wait, and money moves here
 * all the same. */
#ifndef TELLER_BANK_ACTOR_H
#define TELLER_BANK_ACTOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/bank/bank.h"
#include "store/outbox.h"

/* Valid during the call of done. */
typedef void bank_port_done(void *context, uint64_t request, const struct rail_reply *reply);

/* All calls are made by the adapter's thread. */
struct bank_port {
    void *context;
    /* Nothing of the request is kept by reference. ERR_OK promises one call of done, from run or destroy; else it was not sent. */
    enum err (*start)(void *context, const struct bank_request *request, bank_port_done *done,
                      void *done_context);
    /* Until a reply has come, wake_fd is readable, or timeout_ms have passed. */
    void (*run)(void *context, int wake_fd, int timeout_ms);
    uint32_t (*count)(void *context);
    void (*destroy)(void *context);
};

struct bank_actor_options {
    void *context;         /* of all inproc sockets */
    uint32_t number;       /* of the mailbox: see struct box */
    uint32_t partitions;   /* whose ledgers call */
    struct outbox *outbox; /* belongs to the actor from then on */
    const struct bank_config *banks;
    uint32_t bank_count;
    uint64_t hash_key;     /* of the data: secret */
    struct bank_port port; /* destroyed with the actor */
};

/* NULL: *why says why (static storage); store and port are closed then too. The options are copied. */
zactor_t *bank_actor_new(const struct bank_actor_options *options, const char **why);

/* It and the ledgers send to each other, so it is ended in two steps: after bank_actor_finish it sends nothing more and only takes what
 * comes; when the ledgers have ended, zactor_destroy. Does not return before it has finished. */
void bank_actor_finish(zactor_t *actor);

#endif
