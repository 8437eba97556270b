#include "actors/publisher/shell/stream_socket.h"

#include <errno.h>
#include <zmq.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/base/text.h"

enum {
    MESSAGE_BYTES_MAX = 16 * 1024,
    HANDSHAKE_MS = 3000,
    HEARTBEAT_MS = 5000,
    HEARTBEAT_TTL_MS = 15000,
    LINGER_MS = 500,
    BACKLOG = 64,
    RECEIVE_HWM = 64,
    SEND_HWM = 16, /* messages of a peer that wait in memory */
};

static void set_option(void *socket, int option, int value)
{
    CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

void *stream_socket_new(void *context, const char *endpoint, char bound[STREAM_ENDPOINT_MAX])
{
    int64_t bytes_max = MESSAGE_BYTES_MAX;
    size_t length = STREAM_ENDPOINT_MAX;
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    if (socket == NULL)
        return NULL;
    set_option(socket, ZMQ_ROUTER_MANDATORY, 1);
    set_option(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    set_option(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    set_option(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS);
    set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TTL_MS);
    set_option(socket, ZMQ_LINGER, LINGER_MS);
    set_option(socket, ZMQ_BACKLOG, BACKLOG);
    set_option(socket, ZMQ_RCVHWM, RECEIVE_HWM);
    set_option(socket, ZMQ_SNDHWM, SEND_HWM);
    CHECK(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) == 0);
    if (zmq_bind(socket, endpoint) == 0 && zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &length) == 0)
        return socket;
    int failed = zmq_errno();
    zmq_close(socket);
    errno = failed;
    return NULL;
}

/* ---- in ------------------------------------------------------------------------------------------------------- */

static void wrong(struct stream_message *out, enum code code, const char *field)
{
    out->kind = STREAM_WRONG;
    out->code = code;
    out->field = field;
}

static bool read_credit(struct mp_reader *r, uint32_t *out)
{
    uint64_t credit;
    if (!mp_read_uint(r, &credit) || credit > PUBLISHER_CREDIT_MAX)
        return false;
    *out = (uint32_t)credit;
    return true;
}

/* nil: from now on; else one for each partition, nil or a position; 0 is the start. */
static bool read_cursors(struct mp_reader *r, uint32_t partitions, struct stream_message *out)
{
    uint32_t count;
    if (mp_read_nil(r)) {
        out->is_now = UINT64_MAX;
        return true;
    }
    if (!mp_read_array(r, &count) || count != partitions)
        return false;
    for (uint32_t p = 0; p < partitions; p++) {
        if (mp_read_nil(r))
            out->is_now |= UINT64_C(1) << p;
        else if (!mp_read_uint(r, &out->cursors.at[p]) || out->cursors.at[p] > INT64_MAX)
            return false;
        else if (out->cursors.at[p] == 0)
            out->cursors.at[p] = 1;
    }
    return true;
}

static void read_subscribe(struct mp_reader *r, uint32_t partitions, struct stream_message *out)
{
    uint64_t version;
    struct str name;
    if (!mp_read_uint(r, &version))
        wrong(out, CODE_BAD_REQUEST, "version");
    else if (version != STREAM_VERSION)
        wrong(out, CODE_UNSUPPORTED, "version");
    else if (!mp_read_str(r, &name) || name.length > PUBLISHER_NAME_MAX || !text_is_account_id(name))
        wrong(out, CODE_INVALID_FIELD, "name");
    else if (!read_cursors(r, partitions, out))
        wrong(out, CODE_INVALID_FIELD, "cursor");
    else if (!read_credit(r, &out->credit))
        wrong(out, CODE_INVALID_FIELD, "credit");
    else {
        memcpy(out->name, name.data, name.length);
        out->kind = STREAM_SUBSCRIBE;
    }
}

void stream_message_read(const uint8_t *frame, size_t length, uint32_t partitions, struct stream_message *out)
{
    struct mp_reader r = mp_reader_of(frame, length);
    struct mp_reader whole = r;
    uint32_t count;
    struct str word;
    wrong(out, CODE_BAD_REQUEST, NULL);
    out->is_now = 0;
    out->cursors = (struct publisher_cursors){0};
    memset(out->name, 0, sizeof out->name);
    if (!mp_skip(&whole, MP_DEPTH_MAX) || !mp_at_end(&whole) || !mp_read_array(&r, &count) ||
        !mp_read_str(&r, &word))
        return;
    if (str_equal(word, STR_LITERAL("subscribe")) && count == 5)
        read_subscribe(&r, partitions, out);
    else if (str_equal(word, STR_LITERAL("credit")) && count == 2)
        out->kind = read_credit(&r, &out->credit) ? STREAM_CREDIT : STREAM_WRONG;
    else if (str_equal(word, STR_LITERAL("unsubscribe")) && count == 1)
        out->kind = STREAM_UNSUBSCRIBE;
}

/* Passes the frames behind; their number does not matter, their memory is ZeroMQ's already. */
static void pass_frames(void *socket, bool more)
{
    zmq_msg_t surplus;
    zmq_msg_init(&surplus);
    while (more && zmq_msg_recv(&surplus, socket, ZMQ_DONTWAIT) >= 0)
        more = zmq_msg_more(&surplus);
    zmq_msg_close(&surplus);
}

bool stream_receive(void *socket, uint32_t partitions, struct stream_message *out)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    bool is_there = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0;
    if (is_there) {
        out->id_length = (uint32_t)zmq_msg_size(&frame);
        CHECK(out->id_length <= sizeof out->id);
        memcpy(out->id, zmq_msg_data(&frame), out->id_length);
        if (!zmq_msg_more(&frame) || zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            wrong(out, CODE_BAD_REQUEST, NULL);
        } else if (zmq_msg_more(&frame)) {
            MARK("a message to the stream has more than one frame");
            pass_frames(socket, true);
            wrong(out, CODE_BAD_REQUEST, NULL);
        } else {
            stream_message_read(zmq_msg_data(&frame), zmq_msg_size(&frame), partitions, out);
        }
    }
    zmq_msg_close(&frame);
    return is_there;
}

/* ---- out ------------------------------------------------------------------------------------------------------ */

enum publisher_sent stream_send(void *socket, const uint8_t *id, uint32_t id_length,
                                const struct mp_writer *w)
{
    if (w->failed)
        return SENT_FULL;
    if (zmq_send(socket, id, id_length, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return zmq_errno() == EAGAIN ? SENT_FULL : SENT_GONE;
    /* Once the identity is taken, ZeroMQ takes the rest too. */
    return zmq_send(socket, w->data, w->length, ZMQ_DONTWAIT) >= 0 ? SENT_DONE : SENT_GONE;
}

static void write_cursors(struct mp_writer *w, const struct publisher_cursors *cursors, uint32_t partitions)
{
    mp_write_array(w, partitions);
    for (uint32_t p = 0; p < partitions; p++)
        mp_write_uint(w, cursors->at[p]);
}

void stream_write_subscribed(struct mp_writer *w, const struct publisher_cursors *cursors,
                             uint32_t partitions)
{
    mp_writer_reset(w);
    mp_write_array(w, 3);
    mp_write_text(w, "subscribed");
    mp_write_uint(w, STREAM_VERSION);
    write_cursors(w, cursors, partitions);
}

void stream_write_heartbeat(struct mp_writer *w, const struct publisher_cursors *cursors, uint32_t partitions)
{
    mp_writer_reset(w);
    mp_write_array(w, 2);
    mp_write_text(w, "heartbeat");
    write_cursors(w, cursors, partitions);
}

void stream_write_error(struct mp_writer *w, enum code code, const char *field, const char *message)
{
    mp_writer_reset(w);
    mp_write_array(w, 4);
    mp_write_text(w, "error");
    mp_write_text(w, code_name(code));
    if (field != NULL)
        mp_write_text(w, field);
    else
        mp_write_nil(w);
    mp_write_text(w, message);
}

size_t stream_begin_events(struct mp_writer *w, uint32_t partition, uint64_t next)
{
    uint8_t head[5];
    mp_writer_reset(w);
    mp_write_array(w, 4);
    mp_write_text(w, "events");
    mp_write_uint(w, partition);
    mp_write_uint(w, next);
    mp_put_u32(head, 0xdd, 0);
    size_t begin = w->length;
    mp_write_raw(w, head, sizeof head);
    return begin;
}

void stream_end_events(struct mp_writer *w, size_t begin, uint32_t count)
{
    if (!w->failed)
        mp_put_u32(w->data + begin, 0xdd, count);
}
