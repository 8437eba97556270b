/* Joining replies. Rows, bodies and counters are copied as raw msgpack; nothing is decoded but heads. */
#include "broker/join.h"

#include <stdbool.h>

#include "actors/base/check.h"
#include "broker/metrics_text.h"
#include "broker/wire/figures.h"
#include "broker/wire/remittances.h"
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

/* ---- rate.set, pair.set, remittance.retry_batch -------------------------------------------------- */

/* What every partition agrees to; else the first refusal. *retried: the sum of what retry batches count. */
static enum code write_agreed(const struct join *self, struct mp_writer *w, uint32_t *retried)
{
    const struct request *one = NULL;
    enum code code = CODE_OK;
    for (uint32_t p = 0; p < LEDGER_PARTITIONS_MAX && code == CODE_OK; p++) {
        struct wire_reply reply;
        uint32_t count = 0;
        if (self->parts[p] == NULL)
            continue;
        struct str frame = frame_of(self->parts[p]);
        if (!wire_reply_read((const uint8_t *)frame.data, frame.length, &reply) ||
            (retried != NULL && reply.code == CODE_OK && !wire_remittance_batch_reply_read(&reply, &count)))
            return write_failure(self, w);
        one = self->parts[p];
        code = reply.code;
        if (retried != NULL)
            *retried += count;
    }
    CHECK(one != NULL);
    struct str frame = frame_of(one);
    mp_write_raw(w, frame.data, frame.length);
    return code;
}

static enum code write_retried(const struct join *self, struct mp_writer *w)
{
    uint32_t retried = 0;
    enum code code = write_agreed(self, w, &retried);
    if (code == CODE_OK) {
        mp_writer_reset(w);
        wire_remittance_batch_write(w, self->origin->header.request_id, retried);
    }
    return code;
}

/* ---- status ----------------------------------------------------------------------------------- */

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
    wire_figure_write(w, "partition", partition);
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
    wire_figure_write(w, "uptime_us", (uint64_t)node->uptime_us);
    mp_write_text(w, "router");
    mp_write_map(w, 5);
    wire_figure_write(w, "requests", node->counters.requests);
    wire_figure_write(w, "replies", node->counters.replies);
    wire_figure_write(w, "busy", node->counters.busy);
    wire_figure_write(w, "dropped", node->counters.dropped);
    wire_figure_write(w, "bad", node->counters.bad);
    return CODE_OK;
}

/* ---- metrics ---------------------------------------------------------------------------------- */

/* Services that did not answer are left out: the router's queues tell whether they run. */
static bool service_part(const struct join *self, enum route_service service, struct wire_reply *reply)
{
    const struct request *part = self->parts[LEDGER_PARTITIONS_MAX + service];
    if (part == NULL)
        return false;
    struct str frame = frame_of(part);
    return wire_reply_read((const uint8_t *)frame.data, frame.length, reply) && reply->code == CODE_OK;
}

static void write_services(const struct join *self, struct mp_writer *w)
{
    static const char *const names[SERVICE_COUNT] = {
        [SERVICE_RATEFEED] = "ratefeed",
        [SERVICE_PUBLISHER] = "publisher",
        [SERVICE_BANK] = "bank",
    };
    struct wire_reply reply;
    for (int s = 0; s < SERVICE_COUNT; s++) {
        mp_write_text(w, names[s]);
        if (service_part(self, (enum route_service)s, &reply))
            mp_write_raw(w, reply.body.data, reply.body.length);
        else
            mp_write_nil(w);
    }
}

static void write_sections(const struct join *self, const struct join_node *node, struct mp_writer *w)
{
    mp_write_map(w, 3 + SERVICE_COUNT);
    mp_write_text(w, "partitions");
    mp_write_array(w, node->partitions);
    for (uint32_t p = 0; p < node->partitions; p++)
        write_partition(self->parts[p], p, w);
    wire_figure_write(w, "uptime_us", (uint64_t)node->uptime_us);
    mp_write_text(w, "router");
    router_figures_write(node->figures, &node->counters, w);
    write_services(self, w);
}

static enum code write_metrics(const struct join *self, const struct join_node *node, struct mp_writer *w)
{
    const struct wire_header *header = &self->origin->header;
    struct mp_writer sections = {0}, text = {0};
    bool is_text;
    enum field field;
    enum code code = wire_metrics_read(header, &is_text, &field);
    CHECK(code == CODE_OK); /* else it would not have been routed */
    write_sections(self, node, &sections);
    if (is_text && !sections.failed)
        metrics_text_write((struct str){(const char *)sections.data, (uint32_t)sections.length}, &text);
    wire_reply_begin(w, header->request_id, CODE_OK);
    if (is_text)
        mp_write_str(w, (struct str){(const char *)text.data, (uint32_t)text.length});
    else
        mp_write_raw(w, sections.data, sections.length);
    w->failed = w->failed || sections.failed || text.failed;
    mp_writer_release(&sections);
    mp_writer_release(&text);
    return CODE_OK;
}

enum code join_write(const struct join *self, const struct join_node *node, struct mp_writer *w)
{
    CHECK(self->open_count == 0);
    mp_writer_reset(w);
    if (self->origin->header.operation == OPERATION_TRANSFER_SHOW)
        return write_found(self, w);
    if (self->origin->header.operation == OPERATION_RATE_SET ||
        self->origin->header.operation == OPERATION_PAIR_SET)
        return write_agreed(self, w, NULL);
    if (self->origin->header.operation == OPERATION_REMITTANCE_RETRY_BATCH)
        return write_retried(self, w);
    if (self->origin->header.operation == OPERATION_STATUS)
        return write_status(self, node, w);
    if (self->origin->header.operation == OPERATION_METRICS)
        return write_metrics(self, node, w);
    return write_rows(self, w);
}
