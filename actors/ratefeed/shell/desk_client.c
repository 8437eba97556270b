#include "actors/ratefeed/shell/desk_client.h"

#include <zmq.h>

#include "broker/wire/desk.h"
#include "broker/wire/request.h"

/* The network being slow is told by the wait, not by a queue of rates that grows old. */
enum { HWM = 16 };

static const int none = 0, hwm = HWM;
static const int64_t second_us = 1000000;

bool desk_client_init(struct desk_client *self, void *context, const char *endpoint)
{
    *self = (struct desk_client){.socket = zmq_socket(context, ZMQ_DEALER)};
    return self->socket != NULL && zmq_setsockopt(self->socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
           zmq_setsockopt(self->socket, ZMQ_SNDHWM, &hwm, sizeof hwm) == 0 &&
           zmq_connect(self->socket, endpoint) == 0;
}

void desk_client_release(struct desk_client *self)
{
    if (self->socket != NULL)
        zmq_close(self->socket);
    mp_writer_release(&self->writer);
    *self = (struct desk_client){0};
}

static void write_frame(struct desk_client *self, const char *source)
{
    const struct published_rate *rate = &self->order.rate;
    const struct wire_header header = {
        .operation = OPERATION_RATE_SET, .request_id = ++self->request_id, .partition = WIRE_PARTITION_ANY};
    struct ledger_rate set = {
        .base = currency_find(rate->base, CURRENCY_CODE_LENGTH),
        .counter = currency_find(rate->counter, CURRENCY_CODE_LENGTH),
        .source_length = (uint8_t)strlen(source),
        .units = rate->units,
        .rate = rate->rate,
        .as_of_us = self->order.as_of_us,
        .age_limit_us = self->order.age_limit_s * second_us,
    };
    memcpy(set.source, source, set.source_length);
    mp_writer_reset(&self->writer);
    wire_header_write(&self->writer, &header);
    wire_rate_set_body_write(&self->writer, &set, (struct str){0});
}

void desk_client_send(struct desk_client *self, const struct ratefeed_order *order, const char *source,
                      int64_t mono_ms)
{
    self->order = *order;
    self->is_open = true;
    self->until_ms = mono_ms + DESK_WAIT_MS;
    write_frame(self, source);
    if (self->writer.failed ||
        zmq_send(self->socket, self->writer.data, self->writer.length, ZMQ_DONTWAIT) < 0)
        self->until_ms = mono_ms; /* as good as unanswered */
}

/* Answers to orders that were given up are passed over. */
static bool take_reply(struct desk_client *self, struct wire_reply *reply, zmq_msg_t *message)
{
    while (zmq_msg_recv(message, self->socket, ZMQ_DONTWAIT) >= 0) {
        if (wire_reply_read(zmq_msg_data(message), zmq_msg_size(message), reply) &&
            reply->request_id == self->request_id)
            return true;
    }
    return false;
}

enum desk_outcome desk_client_take(struct desk_client *self, int64_t mono_ms, enum code *code)
{
    struct wire_reply reply;
    zmq_msg_t message;
    enum desk_outcome outcome = DESK_NO_OUTCOME;
    if (!self->is_open)
        return DESK_NO_OUTCOME;
    zmq_msg_init(&message);
    if (take_reply(self, &reply, &message)) {
        *code = reply.code;
        outcome = reply.code == CODE_OK ? DESK_SET : DESK_REFUSED;
    } else if (mono_ms >= self->until_ms) {
        outcome = DESK_NO_ANSWER;
    }
    zmq_msg_close(&message);
    self->is_open = outcome == DESK_NO_OUTCOME;
    return outcome;
}
