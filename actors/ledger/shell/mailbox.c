#include "actors/ledger/shell/mailbox.h"

#include <stdio.h>

#include "actors/base/check.h"
#include "actors/base/handover.h"

static void endpoint_text(char *out, size_t capacity, const char *name, uint32_t number)
{
    if (number == UINT32_MAX)
        snprintf(out, capacity, "inproc://%s", name);
    else
        snprintf(out, capacity, "inproc://%s-%u", name, number);
}

static void *socket_new(void *context, int type)
{
    int none = 0;
    void *socket = zmq_socket(context, type);
    CHECK(socket);
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none) == 0);
    return socket;
}

void *mailbox_bind(void *context, const char *name, uint32_t number)
{
    char endpoint[64];
    void *socket = socket_new(context, ZMQ_PULL);
    endpoint_text(endpoint, sizeof endpoint, name, number);
    if (zmq_bind(socket, endpoint) == 0)
        return socket;
    zmq_close(socket);
    return NULL;
}

void *mailbox_connect(void *context, const char *name, uint32_t number)
{
    char endpoint[64];
    void *socket = socket_new(context, ZMQ_PUSH);
    endpoint_text(endpoint, sizeof endpoint, name, number);
    CHECK(zmq_connect(socket, endpoint) == 0);
    return socket;
}

bool mailbox_send(void *socket, const struct box *box)
{
    if (box->pointer)
        handover_give(box->pointer);
    return zmq_send(socket, box, sizeof *box, ZMQ_DONTWAIT) == (int)sizeof *box;
}

bool mailbox_receive(void *socket, struct box *box)
{
    if (zmq_recv(socket, box, sizeof *box, ZMQ_DONTWAIT) != (int)sizeof *box)
        return false;
    if (box->pointer)
        handover_take(box->pointer);
    return true;
}
