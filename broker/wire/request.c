/* Heads of request frames: reading them in the router, writing them in clients. */
#include "broker/wire/request.h"

#include <stdlib.h>

#include "actors/base/check.h"

/* ---- operations ------------------------------------------------------------------------------- */

static const struct str operation_names[OPERATION_COUNT] = {
    [OPERATION_TRANSFER] = {"transfer", 8},
    [OPERATION_DEPOSIT] = {"deposit", 7},
    [OPERATION_WITHDRAW] = {"withdraw", 8},
    [OPERATION_BATCH] = {"batch", 5},
    [OPERATION_ACCOUNT_OPEN] = {"account.open", 12},
    [OPERATION_ACCOUNT_CHANGE] = {"account.change", 14},
    [OPERATION_ACCOUNT_FREEZE] = {"account.freeze", 14},
    [OPERATION_ACCOUNT_UNFREEZE] = {"account.unfreeze", 16},
    [OPERATION_ACCOUNT_CLOSE] = {"account.close", 13},
    [OPERATION_ACCOUNT_SHOW] = {"account.show", 12},
    [OPERATION_ACCOUNT_LIST] = {"account.list", 12},
    [OPERATION_BALANCE] = {"balance", 7},
    [OPERATION_HISTORY] = {"history", 7},
    [OPERATION_HISTORIES] = {"histories", 9},
    [OPERATION_TRANSFER_SHOW] = {"transfer.show", 13},
    [OPERATION_HOLD] = {"hold", 4},
    [OPERATION_CAPTURE] = {"capture", 7},
    [OPERATION_RELEASE] = {"release", 7},
    [OPERATION_HOLD_SHOW] = {"hold.show", 9},
    [OPERATION_HOLD_LIST] = {"hold.list", 9},
    [OPERATION_PROPOSAL_OPEN] = {"proposal.open", 13},
    [OPERATION_PROPOSAL_APPROVE] = {"proposal.approve", 16},
    [OPERATION_PROPOSAL_REJECT] = {"proposal.reject", 15},
    [OPERATION_PROPOSAL_SHOW] = {"proposal.show", 13},
    [OPERATION_PROPOSAL_LIST] = {"proposal.list", 13},
    [OPERATION_EXCHANGE] = {"exchange", 8},
    [OPERATION_QUOTE] = {"quote", 5},
    [OPERATION_QUOTE_SHOW] = {"quote.show", 10},
    [OPERATION_RATE_SET] = {"rate.set", 8},
    [OPERATION_PAIR_SET] = {"pair.set", 8},
    [OPERATION_RATE_DESK] = {"rate.desk", 9},
    [OPERATION_REMITTANCE_OPEN] = {"remittance.open", 15},
    [OPERATION_REMITTANCE_SHOW] = {"remittance.show", 15},
    [OPERATION_REMITTANCE_LIST] = {"remittance.list", 15},
    [OPERATION_REMITTANCE_RETRY] = {"remittance.retry", 16},
    [OPERATION_REMITTANCE_REFUND] = {"remittance.refund", 17},
    [OPERATION_REMITTANCE_CANCEL] = {"remittance.cancel", 17},
    [OPERATION_REMITTANCE_RESOLVE] = {"remittance.resolve", 18},
    [OPERATION_REMITTANCE_SETTLE] = {"remittance.settle", 17},
    [OPERATION_REMITTANCE_RETRY_BATCH] = {"remittance.retry_batch", 22},
    [OPERATION_HEALTH] = {"health", 6},
    [OPERATION_VERSION] = {"version", 7},
    [OPERATION_STATUS] = {"status", 6},
    [OPERATION_METRICS] = {"metrics", 7},
    [OPERATION_RATE_LATEST] = {"rate.latest", 11},
    [OPERATION_RATE_ASOF] = {"rate.asof", 9},
    [OPERATION_RATE_RANGE] = {"rate.range", 10},
    [OPERATION_RATE_REVIEW] = {"rate.review", 11},
    [OPERATION_RATE_ACCEPT] = {"rate.accept", 11},
    [OPERATION_RATE_REJECT] = {"rate.reject", 11},
    [OPERATION_RATE_SOURCES] = {"rate.sources", 12},
    [OPERATION_SUBSCRIBER_ADD] = {"subscriber.add", 14},
    [OPERATION_SUBSCRIBER_REMOVE] = {"subscriber.remove", 17},
    [OPERATION_SUBSCRIBER_LIST] = {"subscriber.list", 15},
    [OPERATION_DEADLETTER_LIST] = {"deadletter.list", 15},
    [OPERATION_DEADLETTER_RETRY] = {"deadletter.retry", 16},
    [OPERATION_DEADLETTER_RESOLVE] = {"deadletter.resolve", 18},
    [OPERATION_BANK_LIST] = {"bank.list", 9},
    [OPERATION_BANK_CALLS] = {"bank.calls", 10},
};

const char *wire_operation_name(enum wire_operation operation)
{
    CHECK((unsigned)operation < OPERATION_COUNT);
    return operation_names[operation].data;
}

/* The few names of a length, so that a lookup compares only those. */
enum { SAME_LENGTH_MAX = 8, NAME_LENGTH_MAX = 22, NO_OPERATION = OPERATION_COUNT };

static const uint8_t operations_by_length[NAME_LENGTH_MAX + 1][SAME_LENGTH_MAX + 1] = {
    [0] = {NO_OPERATION},
    [1] = {NO_OPERATION},
    [2] = {NO_OPERATION},
    [3] = {NO_OPERATION},
    [4] = {OPERATION_HOLD, NO_OPERATION},
    [5] = {OPERATION_BATCH, OPERATION_QUOTE, NO_OPERATION},
    [6] = {OPERATION_HEALTH, OPERATION_STATUS, NO_OPERATION},
    [7] = {OPERATION_DEPOSIT, OPERATION_BALANCE, OPERATION_HISTORY, OPERATION_VERSION, OPERATION_METRICS,
           OPERATION_CAPTURE, OPERATION_RELEASE, NO_OPERATION},
    [8] = {OPERATION_TRANSFER, OPERATION_WITHDRAW, OPERATION_EXCHANGE, OPERATION_RATE_SET, OPERATION_PAIR_SET,
           NO_OPERATION},
    [9] = {OPERATION_HISTORIES, OPERATION_RATE_ASOF, OPERATION_HOLD_SHOW, OPERATION_HOLD_LIST,
           OPERATION_RATE_DESK, OPERATION_BANK_LIST, NO_OPERATION},
    [10] = {OPERATION_RATE_RANGE, OPERATION_QUOTE_SHOW, OPERATION_BANK_CALLS, NO_OPERATION},
    [11] = {OPERATION_RATE_LATEST, OPERATION_RATE_REVIEW, OPERATION_RATE_ACCEPT, OPERATION_RATE_REJECT,
            NO_OPERATION},
    [12] = {OPERATION_ACCOUNT_OPEN, OPERATION_ACCOUNT_SHOW, OPERATION_ACCOUNT_LIST, OPERATION_RATE_SOURCES,
            NO_OPERATION},
    [13] = {OPERATION_ACCOUNT_CLOSE, OPERATION_TRANSFER_SHOW, OPERATION_PROPOSAL_OPEN,
            OPERATION_PROPOSAL_SHOW, OPERATION_PROPOSAL_LIST, NO_OPERATION},
    [14] = {OPERATION_ACCOUNT_CHANGE, OPERATION_ACCOUNT_FREEZE, OPERATION_SUBSCRIBER_ADD, NO_OPERATION},
    [15] = {OPERATION_PROPOSAL_REJECT, OPERATION_SUBSCRIBER_LIST, OPERATION_DEADLETTER_LIST,
            OPERATION_REMITTANCE_OPEN, OPERATION_REMITTANCE_SHOW, OPERATION_REMITTANCE_LIST, NO_OPERATION},
    [16] = {OPERATION_ACCOUNT_UNFREEZE, OPERATION_PROPOSAL_APPROVE, OPERATION_DEADLETTER_RETRY,
            OPERATION_REMITTANCE_RETRY, NO_OPERATION},
    [17] = {OPERATION_SUBSCRIBER_REMOVE, OPERATION_REMITTANCE_REFUND, OPERATION_REMITTANCE_CANCEL,
            OPERATION_REMITTANCE_SETTLE, NO_OPERATION},
    [18] = {OPERATION_DEADLETTER_RESOLVE, OPERATION_REMITTANCE_RESOLVE, NO_OPERATION},
    [19] = {NO_OPERATION},
    [20] = {NO_OPERATION},
    [21] = {NO_OPERATION},
    [22] = {OPERATION_REMITTANCE_RETRY_BATCH, NO_OPERATION},
};

bool wire_operation_find(struct str name, enum wire_operation *out)
{
    if (name.length > NAME_LENGTH_MAX)
        return false;
    for (const uint8_t *at = operations_by_length[name.length]; *at != NO_OPERATION; at++) {
        if (memcmp(operation_names[*at].data, name.data, name.length) == 0) {
            *out = (enum wire_operation) * at;
            return true;
        }
    }
    return false;
}

/* ---- reading ---------------------------------------------------------------------------------- */

enum { FRAME_VALUES = 6, MICROSECONDS_PER_MILLISECOND = 1000 };

struct fault {
    enum code code;
    enum field field;
};

/* Notes a fault unless there is one already: the first is the answer. */
static void note(struct fault *fault, enum code code, enum field field)
{
    if (fault->code == CODE_OK)
        *fault = (struct fault){code, field};
}

/* A value of the head has the wrong type: passes it, so that what follows can still be read. */
static bool pass_wrong(struct mp_reader *r, struct fault *fault, enum field field)
{
    note(fault, CODE_BAD_REQUEST, field);
    return mp_skip(r, MP_DEPTH_MAX - 1);
}

static bool read_version(struct mp_reader *r, struct fault *fault)
{
    uint64_t version;
    if (!mp_read_uint(r, &version))
        return pass_wrong(r, fault, FIELD_VERSION);
    if (version != WIRE_VERSION)
        note(fault, CODE_UNSUPPORTED, FIELD_VERSION);
    return true;
}

static bool read_operation(struct mp_reader *r, struct wire_header *out, struct fault *fault)
{
    struct str name;
    if (!mp_read_str(r, &name))
        return pass_wrong(r, fault, FIELD_OPERATION);
    if (!wire_operation_find(name, &out->operation))
        note(fault, CODE_UNSUPPORTED, FIELD_OPERATION);
    return true;
}

static bool read_request_id(struct mp_reader *r, struct wire_header *out, struct fault *fault)
{
    return mp_read_uint(r, &out->request_id) || pass_wrong(r, fault, FIELD_REQUEST_ID);
}

static bool read_partition(struct mp_reader *r, struct wire_header *out, struct fault *fault)
{
    uint64_t partition;
    if (mp_read_nil(r))
        return true;
    if (!mp_read_uint(r, &partition))
        return pass_wrong(r, fault, FIELD_PARTITION);
    if (partition >= WIRE_PARTITION_ANY)
        note(fault, CODE_WRONG_PARTITION, FIELD_PARTITION);
    else
        out->partition = (uint32_t)partition;
    return true;
}

static bool read_deadline(struct mp_reader *r, struct wire_header *out, struct fault *fault)
{
    if (mp_read_nil(r))
        return true;
    if (!wire_deadline_read(r, &out->deadline_us))
        return pass_wrong(r, fault, FIELD_DEADLINE);
    return true;
}

/* The values one after the other, as far as they can be read. false: the bytes end, or are not msgpack. */
static bool read_values(struct mp_reader *r, uint32_t count, struct wire_header *out, struct fault *fault)
{
    return (count < 1 || read_version(r, fault)) && (count < 2 || read_operation(r, out, fault)) &&
           (count < 3 || read_request_id(r, out, fault)) && (count < 4 || read_partition(r, out, fault)) &&
           (count < 5 || read_deadline(r, out, fault));
}

bool wire_deadline_read(struct mp_reader *r, int64_t *deadline_us)
{
    struct mp_reader next = *r;
    uint64_t deadline_ms;
    if (!mp_read_uint(&next, &deadline_ms) || deadline_ms > INT64_MAX / MICROSECONDS_PER_MILLISECOND)
        return false;
    *r = next;
    *deadline_us = deadline_ms == 0 ? 1 : (int64_t)deadline_ms * MICROSECONDS_PER_MILLISECOND;
    return true;
}

bool wire_header_read(const uint8_t *frame, size_t length, struct wire_header *out, enum code *code,
                      enum field *field)
{
    struct mp_reader r = mp_reader_of(frame, length);
    struct fault fault = {CODE_OK, FIELD_NONE};
    uint32_t count = 0;
    *out = (struct wire_header){.partition = WIRE_PARTITION_ANY};
    if (length > WIRE_FRAME_MAX)
        note(&fault, CODE_TOO_LARGE, FIELD_NONE);
    if (!mp_read_array(&r, &count) || !read_values(&r, count, out, &fault) || count != FRAME_VALUES)
        note(&fault, CODE_BAD_REQUEST, FIELD_NONE);
    else if (mp_at_end(&r))
        note(&fault, CODE_BAD_REQUEST, FIELD_BODY);
    out->body = (struct str){(const char *)r.at, (uint32_t)mp_left(&r)};
    *code = fault.code;
    *field = fault.field;
    return fault.code == CODE_OK;
}

/* ---- writing ---------------------------------------------------------------------------------- */

void wire_header_write(struct mp_writer *w, const struct wire_header *header)
{
    CHECK((unsigned)header->operation < OPERATION_COUNT);
    if (!mp_reserve(w, 1 + 1 + 1 + NAME_LENGTH_MAX + 3 * MP_INT_MAX))
        return;
    uint8_t *at = mp_tail(w);
    at = mp_put_array(at, FRAME_VALUES);
    at = mp_put_uint(at, WIRE_VERSION);
    at = mp_put_str(at, operation_names[header->operation]);
    at = mp_put_uint(at, header->request_id);
    at = header->partition == WIRE_PARTITION_ANY ? mp_put_nil(at) : mp_put_uint(at, header->partition);
    at = wire_deadline_put(at, header->deadline_us);
    mp_advance(w, at);
}

uint8_t *wire_deadline_put(uint8_t *at, int64_t deadline_us)
{
    if (deadline_us <= 0)
        return mp_put_nil(at);
    return mp_put_uint(at, (uint64_t)deadline_us / MICROSECONDS_PER_MILLISECOND);
}

/* ---- messages --------------------------------------------------------------------------------- */

enum { COPY_MAX = 4096 };

static void free_buffer(void *data, void *hint)
{
    (void)hint;
    free(data);
}

bool wire_message_init(zmq_msg_t *message, struct mp_writer *w)
{
    bool done = false;
    if (!w->failed && w->length <= COPY_MAX) {
        done = zmq_msg_init_size(message, w->length) == 0;
        if (done && w->length > 0)
            memcpy(zmq_msg_data(message), w->data, w->length);
    } else if (!w->failed) {
        done = zmq_msg_init_data(message, w->data, w->length, free_buffer, NULL) == 0;
        if (done)
            mp_writer_init(w);
    }
    mp_writer_reset(w);
    return done;
}
