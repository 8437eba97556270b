/* A router between a test's clients and the test itself, which plays the ledger actors.
 *
 * Everything happens in the test's thread in the order it is written, so no test waits for time. A
 * receive that would wait longer than five seconds fails the test.
 */
#ifndef TELLER_TEST_ROUTER_WORLD_H
#define TELLER_TEST_ROUTER_WORLD_H

#include "broker/router.h"
#include "broker/wire/items.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/rows.h"

enum { WORLD_PARTITIONS = 2 };

struct world {
    void *context;
    zactor_t *router;
    char endpoint[ROUTER_ENDPOINT_MAX];
    void *ledgers[WORLD_PARTITIONS]; /* the actors' mailboxes */
    void *services[SERVICE_COUNT];   /* mailboxes of those that the options name */
    void *answers;                   /* to the router */
    void *client;                    /* a DEALER */
    struct mp_writer writer;
    zmq_msg_t frame; /* the last reply frame that a client received */
};

/* The defaults with a free port and two partitions. */
struct router_options world_options(void);

/* Starts; all partitions are serving. */
void world_start(struct world *self, const struct router_options *options);
/* Ends what is left. */
void world_stop(struct world *self);

/* A new client socket of ZMQ_DEALER or ZMQ_REQ, connected. */
void *world_client(struct world *self, int type);

/* number: a partition's, or LEDGER_PARTITIONS_MAX + a service. */
void world_set_state(struct world *self, uint32_t number, enum partition_state state);

/* The next list of requests in a partition's mailbox. */
struct request *world_take(struct world *self, uint32_t partition);
struct request *world_take_service(struct world *self, enum route_service service);
/* true when the mailbox holds nothing after the router has answered a health request. */
bool world_is_idle(struct world *self, uint32_t partition);

/* Answer one request: with what is in the writer; with OK and a number as body; with an error. */
void world_answer(struct world *self, struct request *request);
void world_answer_number(struct world *self, struct request *request, uint64_t number);
void world_answer_error(struct world *self, struct request *request, enum code code);

/* Begins a request frame in the writer; the caller writes the body and calls world_send. */
void world_begin(struct world *self, enum wire_operation operation, uint64_t request_id, uint32_t partition);
void world_send(struct world *self, void *socket);
/* A frame as it is, with ZMQ_SNDMORE or 0. */
void world_send_bytes(void *socket, const void *bytes, size_t length, int flags);

/* The next reply; its body stays in self->frame. */
struct wire_reply world_receive(struct world *self, void *socket);
/* Receives an error and checks all of it. */
void world_expect_error(struct world *self, void *socket, uint64_t request_id, enum code code,
                        enum field field);
/* Receives OK and a number. */
void world_expect_number(struct world *self, void *socket, uint64_t request_id, uint64_t number);

/* A balance request of an account (routed by it), for tests that only want some request. */
void world_send_balance(struct world *self, void *socket, uint64_t request_id, const char *account);

/* An account id of a partition; number tells ids apart. Valid until the next call with the same slot. */
const char *world_account(uint32_t partition, unsigned number);

#endif
