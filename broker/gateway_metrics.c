/* A question's number tells what it asks: even for health, odd for figures. */
#include "broker/gateway_metrics.h"

#include "actors/base/check.h"
#include "broker/wire/figures.h"
#include "broker/wire/node.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { QUESTIONS_MAX = 1024, REPLY_MAX = 16 << 20 };

static bool set_options(void *socket)
{
    int none = 0, most = QUESTIONS_MAX;
    int64_t reply_max = REPLY_MAX;
    return zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
           zmq_setsockopt(socket, ZMQ_SNDHWM, &most, sizeof most) == 0 &&
           zmq_setsockopt(socket, ZMQ_RCVHWM, &most, sizeof most) == 0 &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &reply_max, sizeof reply_max) == 0;
}

bool gateway_metrics_init(struct gateway_metrics *self, void *context, const char *endpoint)
{
    *self = (struct gateway_metrics){.socket = zmq_socket(context, ZMQ_DEALER)};
    mp_writer_init(&self->writer);
    zmq_msg_init(&self->reply);
    return self->socket != NULL && set_options(self->socket) && zmq_connect(self->socket, endpoint) == 0;
}

void gateway_metrics_release(struct gateway_metrics *self)
{
    if (self->socket != NULL)
        zmq_close(self->socket);
    zmq_msg_close(&self->reply);
    mp_writer_release(&self->writer);
    *self = (struct gateway_metrics){0};
}

uint64_t gateway_metrics_ask(struct gateway_metrics *self, bool is_health)
{
    zmq_msg_t frame;
    self->last += (self->last % 2 == 0) == is_health ? 2 : 1;
    const struct wire_header header = {.operation = is_health ? OPERATION_HEALTH : OPERATION_METRICS,
                                       .request_id = self->last,
                                       .partition = WIRE_PARTITION_ANY};
    mp_writer_reset(&self->writer);
    wire_header_write(&self->writer, &header);
    if (is_health)
        mp_write_nil(&self->writer);
    else
        wire_metrics_body_write(&self->writer, true);
    if (!wire_message_init(&frame, &self->writer))
        return 0;
    if (zmq_msg_send(&frame, self->socket, ZMQ_DONTWAIT) >= 0)
        return self->last;
    zmq_msg_close(&frame);
    return 0;
}

static bool is_healthy(const struct wire_reply *reply)
{
    struct wire_health health;
    if (!wire_health_reply_read(reply, &health))
        return false;
    for (uint32_t i = 0; i < health.partitions; i++) {
        if (health.states[i] != PARTITION_SERVING)
            return false;
    }
    return true;
}

static bool read_reply(struct gateway_metrics *self, struct gateway_news *out)
{
    struct wire_reply reply;
    if (!wire_reply_read(zmq_msg_data(&self->reply), zmq_msg_size(&self->reply), &reply))
        return false;
    struct mp_reader r = mp_reader_of(reply.body.data, reply.body.length);
    bool is_health = reply.request_id % 2 == 0;
    *out = (struct gateway_news){.number = reply.request_id};
    if (reply.code == CODE_OK)
        out->is_good = is_health ? is_healthy(&reply) : mp_read_str(&r, &out->text) && mp_at_end(&r);
    return true;
}

bool gateway_metrics_next(struct gateway_metrics *self, struct gateway_news *out)
{
    while (zmq_msg_recv(&self->reply, self->socket, ZMQ_DONTWAIT) >= 0) {
        if (!zmq_msg_more(&self->reply) && read_reply(self, out))
            return true;
    }
    return false;
}
