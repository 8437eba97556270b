/* Inside this folder: calls, each one message on its way with all its attempts, and the socket they share.
 *
 *               call_start
 *     FREE ───► QUEUED ──sent──► SENT ──answer──► FREE
 *                 ▲ ▲             │ │
 *                 │ └─no answer───┘ └─"ask again"─► PAUSED
 *                 └──────────────────pause is over────┘
 *
 * QUEUED waits for a connection. The socket has ZMQ_IMMEDIATE: it takes a message only when a server is there, so
 * "nothing was sent" is a fact and not a guess. A request id is the number of the call's slot and a running number:
 * an answer finds its call without a search, and an answer of a call that has ended finds none.
 */
#ifndef TELLER_CLIENT_H
#define TELLER_CLIENT_H

#include <zmq.h>

#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"
#include "clients/c/teller.h"

enum {
    PARTS_MAX = TELLER_PARTITIONS_MAX + 8, /* messages of one batch */
    SLOTS_SPARE = PARTS_MAX + 2, /* beyond the window: for a batch's parts and for calls that wait */
    SLOT_BITS = 16,
    SLOT_NONE = UINT32_MAX,
};

enum call_state { CALL_FREE, CALL_QUEUED, CALL_SENT, CALL_PAUSED };

enum take { TAKE_FINAL, TAKE_AGAIN, TAKE_MALFORMED };

struct call;

/* What is done with a call's answers. */
struct call_type {
    /* AGAIN is not allowed when is_last. */
    enum take (*take)(struct teller *self, struct call *call, const struct wire_reply *reply, bool is_last);
    /* The call has ended and is no longer in flight: ERR_OK after a FINAL answer. */
    void (*end)(struct teller *self, const struct call *call, enum err err);
};

struct call {
    uint64_t request_id;
    int64_t due_us; /* when its state changes by itself */
    const struct call_type *type;
    void *owner;
    uint32_t part; /* the owner's */
    uint32_t next; /* in the queue, or in the list of free slots */
    uint32_t attempts;
    enum call_state state;
    bool may_have_happened; /* an attempt was sent of which nothing definite is known */
    zmq_msg_t frame;
};

struct shipment;

struct teller {
    struct teller_options options;
    char *endpoint;
    void *context;
    bool owns_context;
    void *socket;
    int64_t quiet_since_us; /* the socket was made, or something came in */
    uint32_t partitions;    /* 0: not known */

    struct call *calls;
    uint32_t call_count; /* slots */
    uint32_t free_slot;
    uint32_t in_flight;
    uint32_t queue_head, queue_tail;
    uint64_t sequence;
    int64_t next_due_us; /* no call is due earlier */
    uint64_t ended;      /* calls */
    size_t completed;    /* callbacks called */

    struct mp_writer writer; /* of the request being made */
    zmq_msg_t reply;         /* the last one: answers borrow from it */
    struct ledger_row *rows; /* scratch for answers to batches */
    size_t row_capacity;
    struct shipment *free_shipments, *held;
    struct teller_batch *batch; /* for groups that are posted alone */
    uint64_t random[4];
    uint64_t id_ms, id_high, id_low;
    uint32_t id_uses;
};

int64_t client_now_us(void); /* monotonic */

/* A slot with a request id. NULL: none is free. */
struct call *call_new(struct teller *self, const struct call_type *type, void *owner, uint32_t part);

/* Sends what call->frame holds, which the caller has initialized, or queues it. */
void call_start(struct teller *self, struct call *call);

/* Gives back a slot that was not started; frame is not initialized. */
void call_abandon(struct teller *self, struct call *call);

/* The code to report: BUSY and DEADLINE_EXCEEDED say that nothing happened, which holds for one attempt only. */
enum code call_settled_code(const struct call *call, enum code code);

static inline bool code_is_open(enum code code)
{
    return code == CODE_BUSY || code == CODE_UNKNOWN;
}

/* Receives and handles at most one reply; false: there was none. */
bool client_receive(struct teller *self);

/* Handles what is due, and waits for the socket until end_us (-1: without end) or until something is due. */
void client_wait(struct teller *self, int64_t end_us);

/* ---- requests that wait (requests.c) ---------------------------------------------------------- */

/* Writes the head of a request into self->writer, or returns NULL; the caller writes the body behind it. */
struct waiting {
    struct call *call;
    enum err err;
    bool is_done;
    bool moves; /* BUSY after a lost attempt is UNKNOWN */
    struct wire_reply reply;
};

void waiting_begin(struct teller *self, struct waiting *w, enum wire_operation operation, uint32_t partition,
                   int64_t deadline_us);
/* Of any partition, without a deadline. */
void waiting_begin_anywhere(struct teller *self, struct waiting *w, enum wire_operation operation);
/* Sends what the writer holds, and waits for the reply. */
enum err waiting_end(struct teller *self, struct waiting *w);
/* The same, and reads the answer. ERR_OK: there is one, perhaps a refusal. */
enum err waiting_answer(struct teller *self, struct waiting *w, struct teller_answer *answer);
/* The same; *body receives that of an OK answer. */
enum err waiting_body(struct teller *self, struct waiting *w, struct str *body, struct teller_answer *answer);

/* code, field and message of a reply. false: malformed. */
bool client_answer_read(const struct wire_reply *reply, struct teller_answer *answer);
void client_answer_set(struct teller_answer *answer, enum code code, enum field field, struct str message);
/* What the reader of a body returns that is not of its form: then nothing is known. ERR_INVALID. */
enum err client_answer_malformed(struct teller_answer *answer);

/* ---- batches (batch.c) ------------------------------------------------------------------------ */

struct ledger_command client_command(const struct teller_item *item);
struct teller_row client_row(const struct ledger_row *row);
void shipments_release(struct teller *self);

/* A call of another kind (accounts) as a shipment without rows: NULL: no memory. */
struct shipment *shipment_new(struct teller *self, uint32_t rows, teller_done *done, void *context);
void shipment_free(struct teller *self, struct shipment *shipment);
void shipment_end(struct teller *self, const struct call *call, enum err err);
struct teller_answer *shipment_answer(struct shipment *shipment);

/* ---- ids (ids.c) ------------------------------------------------------------------------------ */

void ids_seed(struct teller *self);

/* 64 random bits of the client's generator. */
uint64_t ids_random(struct teller *self);

#endif
