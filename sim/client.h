/* The clients of the world: each sends its operations, and sends them again with the same ids when no answer comes, or
 * when the answer is not the last word. Never gives up. */
#ifndef TELLER_SIM_CLIENT_H
#define TELLER_SIM_CLIENT_H

#include "sim/events.h"
#include "sim/network.h"
#include "sim/operation.h"
#include "sim/world.h"

struct clients;

struct clients_config {
    uint64_t seed;
    uint32_t clients;
    int64_t patience_us; /* until it sends again; doubles, to sixteen times as long */
    struct events *events;
    const int64_t *now_us;
    void (*send)(void *context, struct packet *packet);
    /* Before the first sending, for every readable answer, and when no answer is looked at any more. */
    void (*sent)(void *context, const struct operation *operation);
    void (*answered)(void *context, int64_t sent_us, const struct operation *operation,
                     const struct answer *answer, bool is_final);
    void (*ended)(void *context, const struct operation *operation);
    /* A reply that docs/WIRE.md does not allow. */
    void (*malformed)(void *context, const struct operation *operation);
    void *context;
};

struct clients *clients_new(const struct clients_config *config);
void clients_destroy(struct clients **self_p);

/* Takes the operation over. */
void clients_submit(struct clients *self, uint32_t client, struct operation *operation,
                    operation_done_fn *done, void *context);
void clients_receive(struct clients *self, const struct packet *packet);

/* Everything that has no answer is sent again, so many times. */
void clients_storm(struct clients *self, uint64_t times);

uint32_t clients_open(const struct clients *self);
uint64_t clients_attempts(const struct clients *self);
uint64_t clients_answers(const struct clients *self);

/* The oldest open operation; NULL: there is none. For reports. */
const struct operation *clients_oldest(const struct clients *self);

#endif
