/* The reader of one partition: walks the journal for statements, so that the ledger does not have to wait.
 * Its inbox is "inproc://reader-N"; it takes BOX_READ (struct read_job) and BOX_NAMES (struct read_names) and hands
 * answered requests to the router.
 *
 * The journal belongs to the ledger actor and comes with the jobs: end the reader before the ledger. */
#ifndef TELLER_LEDGER_SHELL_READER_ACTOR_H
#define TELLER_LEDGER_SHELL_READER_ACTOR_H

#include <czmq.h>
#include <stdint.h>

struct datadir;

struct reader_actor_options {
    void *context; /* of all inproc sockets */
    struct datadir *datadir;
    uint32_t partition, partitions;
};

/* NULL: the endpoint is taken. The options are copied. */
zactor_t *reader_actor_new(const struct reader_actor_options *options);

#endif
