/* Joining replies. Rows, bodies and counters are copied as raw msgpack; nothing is decoded but heads. */
#include "broker/join.h"

#include <stdbool.h>

#include "actors/base/check.h"
#include "broker/wire/rows.h"

static struct str frame_of(const struct request *part)
{
    zmq_msg_t *reply = (zmq_msg_t *)&part->reply; /* ZeroMQ reads, but its argument is not const */
    return (struct str){zmq_msg_data(reply), (uint32_t)zmq_msg_size(reply)};
}

static enum code write_failure(const struct join *self, struct mp_writer *w)
{
    mp_writer_reset(w);
    wire_error_write(w, self->origin->header.request_id, CODE_UNKNOWN, FIELD_NONE, NULL);
    return CODE_UNKNOWN;
}

/* ---- batch, histories ------------------------------------------------------------------------- */

static enum code write_rows(const struct join *self, struct mp_writer *w)
{
    struct str frames[LEDGER_PARTITIONS_MAX] = {0};
    for (uint32_t p = 0; p < LEDGER_PARTITIONS_MAX; p++) {
        if (self->parts[p] != NULL)
            frames[p] = frame_of(self->parts[p]);
    }
    if (!wire_split_join(&self->split, &self->origin->header, frames, w) && !w->failed)
        return write_failure(self, w);
    return CODE_OK;
}

/* ---- transfer.show ---------------------------------------------------------------------------- */

/* An answer beats a refusal, and any refusal beats NOT_FOUND: a partition that could not look may hold it. */
static int weight(enum code code)
{
    return code == CODE_OK ? 2 : code != CODE_NOT_FOUND;
}

static enum code write_found(const struct join *self, struct mp_writer *w)
{
    const struct request *best = NULL;
    struct wire_reply best_reply = {0};
    for (uint32_t p = 0; p < LEDGER_PARTITIONS_MAX; p++) {
        struct wire_reply reply;
        if (self->parts[p] == NULL)
            continue;
        struct str frame = frame_of(self->parts[p]);
        if (!wire_reply_read((const uint8_t *)frame.data, frame.length, &reply))
            return write_failure(self, w);
        if (best == NULL || weight(reply.code) > weight(best_reply.code)) {
            best = self->parts[p];
            best_reply = reply;
        }
    }
    CHECK(best != NULL);
    struct str frame = frame_of(best);
    mp_write_raw(w, frame.data, frame.length);
    return best_reply.code;
}

/* ---- status ----------------------------------------------------------------------------------- */

static void write_counter(struct mp_writer *w, const char *name, uint64_t value)
{
    mp_write_text(w, name);
    mp_write_uint(w, value);
}

static void write_partition(const struct request *part, uint32_t partition, struct mp_writer *w)
{
    struct wire_reply reply;
    struct str frame = part == NULL ? (struct str){0} : frame_of(part);
    bool is_read = wire_reply_read((const uint8_t *)frame.data, frame.length, &reply);
    if (is_read && reply.code == CODE_OK) {
        mp_write_raw(w, reply.body.data, reply.body.length);
        return;
    }
    mp_write_map(w, 2);
    write_counter(w, "partition", partition);
    mp_write_text(w, "code");
    mp_write_text(w, code_name(is_read ? reply.code : CODE_UNKNOWN));
}

static enum code write_status(const struct join *self, const struct join_node *node, struct mp_writer *w)
{
    wire_reply_begin(w, self->origin->header.request_id, CODE_OK);
    mp_write_map(w, 3);
    mp_write_text(w, "partitions");
    mp_write_array(w, node->partitions);
    for (uint32_t p = 0; p < node->partitions; p++)
        write_partition(self->parts[p], p, w);
    write_counter(w, "uptime_us", (uint64_t)node->uptime_us);
    mp_write_text(w, "router");
    mp_write_map(w, 5);
    write_counter(w, "requests", node->counters.requests);
    write_counter(w, "replies", node->counters.replies);
    write_counter(w, "busy", node->counters.busy);
    write_counter(w, "dropped", node->counters.dropped);
    write_counter(w, "bad", node->counters.bad);
    return CODE_OK;
}

enum code join_write(const struct join *self, const struct join_node *node, struct mp_writer *w)
{
    CHECK(self->open_count == 0);
    mp_writer_reset(w);
    if (self->origin->header.operation == OPERATION_TRANSFER_SHOW)
        return write_found(self, w);
    if (self->origin->header.operation == OPERATION_STATUS)
        return write_status(self, node, w);
    return write_rows(self, w);
}
