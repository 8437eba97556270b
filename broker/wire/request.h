/* One request on its way through the node, and the boxes it travels in.
 *
 * The router reads a request's header, puts the request on a list for the partition it belongs to and hands the
 * whole list to that partition's actor as one inproc message that carries a pointer: a mailbox message
 * costs the same for one request or for two hundred. Actors answer the same way: they fill `reply` and hand
 * a list of answered requests to the router. Ownership moves with the pointer.
 *
 *     client ─ROUTER─► router ─PUSH "inproc://ledger-N"──► PULL  ledger actor N
 *                             ◄─PULL "inproc://router"──── PUSH  (and reader actors)
 *
 * The rate feed, the publisher and the bank adapter, where they run, are asked and answer in the same way ("inproc://ratefeed",
 * "inproc://publisher", "inproc://bank").
 *
 * An inproc message is a struct box by value.
 */
#ifndef TELLER_WIRE_REQUEST_H
#define TELLER_WIRE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "actors/base/code.h"
#include "actors/base/str.h"
#include "actors/base/uuid.h"
#include "broker/wire/msgpack.h"

enum {
    WIRE_VERSION = 1,
    WIRE_FRAME_MAX = 4 * 1024 * 1024,
    WIRE_CURSOR_MAX = 64,
    WIRE_PARTITION_ANY = UINT32_MAX
};

enum wire_operation {
    OPERATION_TRANSFER,
    OPERATION_DEPOSIT,
    OPERATION_WITHDRAW,
    OPERATION_HOLD,
    OPERATION_CAPTURE,
    OPERATION_RELEASE,
    OPERATION_BATCH,
    OPERATION_ACCOUNT_OPEN,
    OPERATION_ACCOUNT_CHANGE,
    OPERATION_ACCOUNT_FREEZE,
    OPERATION_ACCOUNT_UNFREEZE,
    OPERATION_ACCOUNT_CLOSE,
    OPERATION_ACCOUNT_SHOW,
    OPERATION_ACCOUNT_LIST,
    OPERATION_BALANCE,
    OPERATION_HISTORY,
    OPERATION_HISTORIES,
    OPERATION_TRANSFER_SHOW,
    OPERATION_HOLD_SHOW,
    OPERATION_HOLD_LIST,
    OPERATION_PROPOSAL_OPEN,
    OPERATION_PROPOSAL_APPROVE,
    OPERATION_PROPOSAL_REJECT,
    OPERATION_PROPOSAL_SHOW,
    OPERATION_PROPOSAL_LIST,
    OPERATION_EXCHANGE,
    OPERATION_QUOTE,
    OPERATION_QUOTE_SHOW,
    OPERATION_RATE_SET,
    OPERATION_PAIR_SET,
    OPERATION_RATE_DESK,
    OPERATION_REMITTANCE_OPEN,
    OPERATION_REMITTANCE_SHOW,
    OPERATION_REMITTANCE_LIST,
    OPERATION_REMITTANCE_RETRY,
    OPERATION_REMITTANCE_REFUND,
    OPERATION_REMITTANCE_CANCEL,
    OPERATION_REMITTANCE_RESOLVE,
    OPERATION_REMITTANCE_SETTLE,
    OPERATION_REMITTANCE_RETRY_BATCH,
    OPERATION_HEALTH,
    OPERATION_VERSION,
    OPERATION_STATUS,
    OPERATION_METRICS,
    /* services' operations stand together, behind all others: the rate feed's, … */
    OPERATION_RATE_LATEST,
    OPERATION_RATE_ASOF,
    OPERATION_RATE_RANGE,
    OPERATION_RATE_REVIEW,
    OPERATION_RATE_ACCEPT,
    OPERATION_RATE_REJECT,
    OPERATION_RATE_SOURCES,
    /* … the publisher's */
    OPERATION_SUBSCRIBER_ADD,
    OPERATION_SUBSCRIBER_REMOVE,
    OPERATION_SUBSCRIBER_LIST,
    OPERATION_DEADLETTER_LIST,
    OPERATION_DEADLETTER_RETRY,
    OPERATION_DEADLETTER_RESOLVE,
    /* … the bank adapter's */
    OPERATION_BANK_LIST,
    OPERATION_BANK_CALLS,
    OPERATION_COUNT
};

/* The decoded header of a request frame; body points into the frame. */
struct wire_header {
    enum wire_operation operation;
    uint64_t request_id;
    uint32_t partition;  /* WIRE_PARTITION_ANY: not given */
    int64_t deadline_us; /* 0: none */
    struct str body;     /* the msgpack bytes of the body and whatever follows it */
};

/* "account.open"; static storage. CHECKs the range. */
const char *wire_operation_name(enum wire_operation operation);

/* false: no operation of that name. */
bool wire_operation_find(struct str name, enum wire_operation *out);

/* Reads a request frame up to its body, of which only the presence is checked. false: *code and *field
 * say why (BAD_REQUEST, UNSUPPORTED, TOO_LARGE, WRONG_PARTITION), and out->request_id is the frame's where one can be found,
 * else 0, so that the error can be answered. */
bool wire_header_read(const uint8_t *frame, size_t length, struct wire_header *out, enum code *code,
                      enum field *field);

/* Writes a request frame's head; the caller writes one body value behind it. deadline_us is rounded down to
 * whole milliseconds; header->body is not used. */
void wire_header_write(struct mp_writer *w, const struct wire_header *header);

/* A deadline alone: milliseconds on the wire, microseconds here. Reading: false when it is of another type or does not
 * fit, and the reader is not moved. Writing: nil for none; MP_INT_MAX bytes at most. */
bool wire_deadline_read(struct mp_reader *r, int64_t *deadline_us);
uint8_t *wire_deadline_put(uint8_t *at, int64_t deadline_us);

/* Makes a message of what the writer holds and empties the writer. Small contents are copied and the
 * buffer stays with the writer; large ones change hands. false: no memory (also when the writer has
 * failed before), and message is not initialized. */
bool wire_message_init(zmq_msg_t *message, struct mp_writer *w);

struct request {
    struct request *next;
    struct wire_header header;
    zmq_msg_t frame;            /* the request frame; header.body points into it */
    zmq_msg_t reply;            /* the whole reply frame, set by who answers */
    enum code code;             /* of the reply: for counters */
    uint32_t partition;         /* whose mailbox it was put into: see `number` of a box */
    struct uuid transaction_id; /* of a single transfer, deposit or withdrawal, for its answer */
    unsigned kinds;             /* of commands in it, a bit for each: for counters */
    /* the router's own: */
    zmq_msg_t identity;
    bool has_delimiter;
    int64_t arrived_us; /* monotonic */
    void *join;         /* the part of a split request belongs to this */
    uint32_t join_part;
};

enum box_kind {
    BOX_REQUESTS, /* list: struct request *, linked by next: to an actor */
    BOX_ANSWERED, /* list: struct request *, to the router */
    BOX_PEER,     /* pointer: struct ledger_peer_message *, from another partition's actor */
    BOX_STATE, /* to the router: partition or service `number` is now in state `value` (enum partition_state) */
    BOX_READ, /* pointer: struct read_job *, to a reader */
    /* pointer: struct read_names *, to a reader. From the publisher to a ledger: `value`: the first name it wants; back:
     * `number`: the partition; NULL: there is none. */
    BOX_NAMES,
    BOX_JOURNAL, /* from the publisher to a ledger: nothing; back: pointer: struct journal *, of partition `number` */
    BOX_CALLS, /* pointer: struct bank_mail *, from a ledger to the bank adapter. Back: nothing: tell all again (base/bank_mail.h) */
    BOX_REPORTS,  /* pointer: struct bank_reports *, from the bank adapter to a ledger */
    BOX_CALLBACK, /* pointer: struct callback_post *, from the gateway to the bank actor, and back */
};

enum partition_state { PARTITION_STARTING, PARTITION_SERVING, PARTITION_FULL, PARTITION_STOPPED };

/* number, of BOX_REQUESTS and BOX_STATE: the partition, or LEDGER_PARTITIONS_MAX + enum route_service (broker/route.h).
 * The router does not look at it in BOX_ANSWERED: a request knows whose mailbox it was put into. */
struct box {
    enum box_kind kind;
    uint32_t number;
    uint32_t value;
    void *pointer;
};

#endif
