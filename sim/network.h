/* The network: bytes from one address to another, late, and not always, once and in order.
 *
 * Without a fault a pair's messages keep their order and all arrive. Faults are rules for a while: see fault.h. */
#ifndef TELLER_SIM_NETWORK_H
#define TELLER_SIM_NETWORK_H

#include "sim/events.h"
#include "sim/fault.h"
#include "sim/random.h"

/* Addresses: partitions 0 .. 63, WORLD_BROKER, and clients from here on. */
enum { NETWORK_CLIENT = 2000 };

struct packet {
    uint32_t from, to;
    uint64_t tag; /* the sender's */
    size_t length;
    uint8_t bytes[];
};

struct network;

struct network_config {
    uint64_t seed;
    struct events *events;
    const int64_t *now_us;
    int64_t latency_us; /* in the middle */
    /* A packet arrives; it is freed afterwards. */
    void (*deliver)(void *context, const struct packet *packet);
    void *context;
};

struct network *network_new(const struct network_config *config);
void network_destroy(struct network **self_p);

/* A packet to be filled and sent. CHECKs for memory. */
struct packet *network_packet(uint32_t from, uint32_t to, uint64_t tag, size_t length);
/* Takes the packet over. */
void network_send(struct network *self, struct packet *packet);

/* A fault of the network's family begins. */
void network_fault(struct network *self, const struct fault *fault);
/* All faults end; what is held back is on its way. */
void network_mend(struct network *self);

struct network_counts {
    uint64_t sent, lost, repeated, overtaken, held;
};
const struct network_counts *network_counts(const struct network *self);

#endif
