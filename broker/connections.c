#include "broker/connections.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
    COUNT_MAX = 256, /* events at once */
    FAILED = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
             ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
    EVENTS = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | FAILED,
};

/* Without a limit on either side: the thread that tells of an event must never wait for the one that counts. */
bool connections_watch(struct connections *self, void *context, void *socket, int64_t number)
{
    char endpoint[64];
    int unlimited = 0;
    snprintf(endpoint, sizeof endpoint, "inproc://connections-%" PRId64, number);
    if (zmq_socket_monitor(socket, endpoint, EVENTS) != 0)
        return false;
    self->watched = socket;
    self->monitor = zmq_socket(context, ZMQ_PAIR);
    return self->monitor != NULL &&
           zmq_setsockopt(self->monitor, ZMQ_RCVHWM, &unlimited, sizeof unlimited) == 0 &&
           zmq_connect(self->monitor, endpoint) == 0;
}

void connections_release(struct connections *self)
{
    if (self->watched != NULL)
        zmq_socket_monitor(self->watched, NULL, 0);
    if (self->monitor != NULL)
        zmq_close(self->monitor);
    *self = (struct connections){0};
}

/* An event's number, then the address, which nobody needs. */
static bool take_event(void *monitor, uint16_t *event)
{
    uint8_t bytes[6];
    char address[1];
    if (zmq_recv(monitor, bytes, sizeof bytes, ZMQ_DONTWAIT) < (int)sizeof *event)
        return false;
    memcpy(event, bytes, sizeof *event);
    zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
    return true;
}

void connections_count(struct connections *self)
{
    uint16_t event;
    for (int i = 0; i < COUNT_MAX && take_event(self->monitor, &event); i++) {
        self->opened += event == ZMQ_EVENT_ACCEPTED;
        self->closed += event == ZMQ_EVENT_DISCONNECTED;
        self->failed += (event & FAILED) != 0;
    }
}
