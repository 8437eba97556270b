/* The stream's socket: frames of docs/EVENTS.md in and out. Never waits. */
#ifndef TELLER_PUBLISHER_STREAM_SOCKET_H
#define TELLER_PUBLISHER_STREAM_SOCKET_H

#include "actors/publisher/publisher.h"
#include "broker/wire/msgpack.h"

enum { STREAM_VERSION = 1, STREAM_ENDPOINT_MAX = 256 };

enum stream_kind { STREAM_SUBSCRIBE, STREAM_CREDIT, STREAM_UNSUBSCRIBE, STREAM_WRONG };

struct stream_message {
    enum stream_kind kind;
    uint8_t id[PUBLISHER_PEER_ID_MAX];
    uint32_t id_length;
    enum code code;    /* WRONG: why */
    const char *field; /* WRONG: what; NULL: not known */
    char name[PUBLISHER_NAME_MAX + 1];
    struct publisher_cursors cursors;
    uint64_t is_now; /* a bit for each partition: from now on */
    uint32_t credit;
};

/* A ROUTER bound to the endpoint; *bound receives the real one. NULL: see zmq_errno. */
void *stream_socket_new(void *context, const char *endpoint, char bound[STREAM_ENDPOINT_MAX]);

/* false: nothing has come. A message that is malformed is WRONG. */
bool stream_receive(void *socket, uint32_t partitions, struct stream_message *out);

/* Reads a frame alone: what stream_receive does with it. */
void stream_message_read(const uint8_t *frame, size_t length, uint32_t partitions,
                         struct stream_message *out);

/* Sends what the writer holds to a peer. */
enum publisher_sent stream_send(void *socket, const uint8_t *id, uint32_t id_length,
                                const struct mp_writer *w);

/* Messages to peers. */
void stream_write_subscribed(struct mp_writer *w, const struct publisher_cursors *cursors,
                             uint32_t partitions);
void stream_write_heartbeat(struct mp_writer *w, const struct publisher_cursors *cursors,
                            uint32_t partitions);
void stream_write_error(struct mp_writer *w, enum code code, const char *field, const char *message);
/* ["events", partition, next, [ … ; the caller writes events and then sets their count. */
size_t stream_begin_events(struct mp_writer *w, uint32_t partition, uint64_t next);
void stream_end_events(struct mp_writer *w, size_t begin, uint32_t count);

#endif
