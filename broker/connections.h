/* How many connections came, went and failed at a socket: its monitor's events, counted.
 *
 * Events wait in memory until they are counted, so whoever waits for the socket waits for the monitor too. One thread owns
 * both.
 */
#ifndef TELLER_BROKER_CONNECTIONS_H
#define TELLER_BROKER_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct connections {
    void *watched, *monitor; /* NULL: none */
    uint64_t opened;
    uint64_t closed; /* by either side: ended, broken, or for a frame that is too large */
    uint64_t failed; /* handshakes; such a connection was opened and is closed as well */
};

/* number: tells monitors of one process apart. false: zmq_errno says why. */
bool connections_watch(struct connections *self, void *context, void *socket, int64_t number);
/* Before the socket is closed. */
void connections_release(struct connections *self);

/* Counts what has happened, up to a bound. */
void connections_count(struct connections *self);

#endif
