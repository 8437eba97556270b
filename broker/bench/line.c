/* See line.h. Waiting is on the socket's descriptor, because zmq_poll counts in milliseconds. The descriptor tells of
 * changes only, so the socket is always asked once more before a wait. */
#include "broker/bench/line.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <zmq.h>

#include "actors/base/check.h"
#include "broker/bench/clock.h"

enum { NS_PER_US = 1000 };

struct line {
    void *context, *socket;
    int fd;
    zmq_msg_t reply;
};

static bool socket_open(struct line *self, const char *endpoint)
{
    int zero = 0;
    size_t size = sizeof self->fd;
    self->socket = zmq_socket(self->context, ZMQ_DEALER);
    if (self->socket == NULL)
        return false;
    CHECK(zmq_setsockopt(self->socket, ZMQ_LINGER, &zero, sizeof zero) == 0);
    CHECK(zmq_setsockopt(self->socket, ZMQ_SNDHWM, &zero, sizeof zero) == 0);
    CHECK(zmq_setsockopt(self->socket, ZMQ_RCVHWM, &zero, sizeof zero) == 0);
    CHECK(zmq_getsockopt(self->socket, ZMQ_FD, &self->fd, &size) == 0);
    return zmq_connect(self->socket, endpoint) == 0;
}

struct line *line_new(const char *endpoint)
{
    struct line *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    zmq_msg_init(&self->reply);
    self->context = zmq_ctx_new();
    if (self->context == NULL || !socket_open(self, endpoint)) {
        int why = errno;
        line_destroy(&self);
        errno = why;
    }
    return self;
}

void line_destroy(struct line **self_p)
{
    struct line *self = *self_p;
    if (self == NULL)
        return;
    *self_p = NULL;
    zmq_msg_close(&self->reply);
    if (self->socket != NULL)
        zmq_close(self->socket);
    if (self->context != NULL)
        zmq_ctx_term(self->context);
    free(self);
}

bool line_send(struct line *self, struct mp_writer *w)
{
    zmq_msg_t message;
    if (!wire_message_init(&message, w))
        return false;
    if (zmq_msg_send(&message, self->socket, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(&message);
    return false;
}

static bool take(struct line *self)
{
    return zmq_msg_recv(&self->reply, self->socket, ZMQ_DONTWAIT) >= 0;
}

static void wait_for_change(const struct line *self, int64_t timeout_us)
{
    struct pollfd item = {.fd = self->fd, .events = POLLIN};
    struct timespec timeout = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * NS_PER_US};
    ppoll(&item, 1, &timeout, NULL);
}

enum line_result line_receive(struct line *self, int64_t timeout_us, struct wire_reply *reply)
{
    int64_t end_ns = timeout_us > 0 ? clock_now_ns() + timeout_us * NS_PER_US : 0;
    while (!take(self)) {
        int64_t left_us = timeout_us > 0 ? (end_ns - clock_now_ns()) / NS_PER_US : 0;
        if (left_us <= 0)
            return LINE_NOTHING;
        wait_for_change(self, left_us);
    }
    bool is_good = !zmq_msg_more(&self->reply) &&
                   wire_reply_read(zmq_msg_data(&self->reply), zmq_msg_size(&self->reply), reply);
    return is_good ? LINE_REPLY : LINE_MALFORMED;
}
