/* The broker of the world: what broker/router.c does between sockets and mailboxes, with the broker's own route, split
 * and join, and with the network and the members in place of sockets and mailboxes.
 *
 * A request is in one place: on the list of all requests, and in a member's hands, in a join, or being answered. */
#ifndef TELLER_SIM_BROKER_H
#define TELLER_SIM_BROKER_H

#include "broker/wire/request.h"
#include "sim/network.h"

struct broker;

struct broker_config {
    uint32_t partitions;
    uint32_t mailbox_requests;                          /* that one partition may have without an answer */
    void (*send)(void *context, struct packet *packet); /* to a client */
    /* To a partition's mailbox; false: nobody is there. */
    bool (*give)(void *context, uint32_t partition, const struct box *box);
    void *context;
};

struct broker *broker_new(const struct broker_config *config);
/* No request may be in a member's hands. CHECKs that none is left. */
void broker_destroy(struct broker **self_p);

/* A frame from a client. */
void broker_receive(struct broker *self, const struct packet *packet);

/* A list of requests comes back from a partition; lost ones get no answer. */
void broker_answered(struct broker *self, uint32_t partition, struct request *list, bool is_lost);
void broker_state(struct broker *self, uint32_t partition, enum partition_state state);

/* Another bound for a partition's mailbox. */
void broker_mailbox(struct broker *self, uint32_t partition, uint32_t requests);

/* Requests without an answer. */
uint64_t broker_outstanding(const struct broker *self);

#endif
