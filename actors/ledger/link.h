/* A link: the two directions between this partition and one other.
 *
 * As a source, a partition numbers its requests to the peer 1, 2, 3 … and keeps each until its answer has
 * been processed. As a target, it processes requests strictly in order, once each (`processed` is the
 * high-water mark), and keeps each answer until the peer says that it has it. All four numbers and
 * both queues follow from journaled facts, so both sides come back from a restart knowing what is open;
 * what is sent again does nothing twice. That is all that the network between partitions has
 * to be forgiven: loss, repetition, reordering.
 *
 *     fact (source)                     fact (target)
 *     FACT_SENT, GROUP_STARTED,         FACT_RECEIVED or FACT_BOUNCED, GROUP_PREPARED,
 *     GROUP_DECIDED   next += 1         GROUP_CLOSED      processed += 1
 *     FACT_SETTLED, FACT_RETURNED,      FACT_PRUNED       pruned = through
 *     GROUP_VOTED, GROUP_DONE
 *                     resolved += 1
 */
#ifndef TELLER_LEDGER_LINK_H
#define TELLER_LEDGER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/text.h"
#include "actors/base/uuid.h"
#include "actors/ledger/fact.h"

struct ledger;
struct ledger_command;
struct ledger_ticket;
struct ledger_peer_message;
struct unit_buffer;

enum link_kind {
    LINK_CREDIT = 1,  /* credit an account: the second half of a transfer */
    LINK_PREPARE = 2, /* reserve your part of a group */
    LINK_DECIDE = 3,  /* carry it out, or let it go */
};

/* An item as it stands in messages between partitions and in facts of groups, followed by its numbers (rate, where it
 * gives one; EXCHANGE_OUT: value; EXCHANGE_IN: value, spread, residue), its strings (from, to, memo, reference) and zeros
 * to a whole word. */
struct FACT_PACKED link_item {
    uint16_t words; /* length with strings, in 8-byte words */
    uint8_t kind;   /* enum ledger_command_kind */
    uint8_t from_length;
    uint8_t to_length;
    uint8_t memo_length;
    uint8_t reference_length;
    uint8_t numbers; /* int64_t each */
    char currency[3];
    uint8_t zero2[5];
    int64_t amount;
    struct uuid id;
};

enum {
    LINK_ITEM_NUMBERS = 3,
    LINK_ITEM_MAX = sizeof(struct link_item) + LINK_ITEM_NUMBERS * sizeof(int64_t) + OWNER_MAX +
                    ACCOUNT_ID_MAX + MEMO_MAX + REFERENCE_MAX + FACT_WORD
};

/* out has LINK_ITEM_MAX bytes. Returns how many it takes. */
size_t link_item_write(const struct ledger_command *command, uint8_t *out);
/* Reads one item at the head of `length` bytes; the command borrows its strings. 0: malformed. */
size_t link_item_read(const uint8_t *bytes, size_t length, struct ledger_command *out);

/* A request in a message: this head, then by kind: CREDIT one item; PREPARE a whole FACT_GROUP_STARTED;
 * DECIDE nothing. */
struct FACT_PACKED link_request_head {
    uint8_t kind; /* enum link_kind */
    uint8_t code; /* DECIDE: CODE_OK to carry it out */
    uint16_t zero;
    uint32_t length; /* with this head, a multiple of 8 */
    struct uuid id;
};

/* An answer in a message, then `length` bytes of group rows. */
struct FACT_PACKED link_answer {
    int64_t
        value; /* CREDIT: the balance after it. In memory for DECIDE: position of the fact with the rows */
    uint8_t kind;
    uint8_t code;
    uint8_t field;
    uint8_t item;
    uint32_t length;
};

/* What the source keeps of a request. */
struct link_request {
    uint64_t position;            /* of the fact that made it */
    struct uuid id;               /* of the transfer or the group */
    struct ledger_ticket *ticket; /* who waits; NULL after a restart */
    uint32_t row;
    uint32_t account; /* CREDIT: the debited account */
    uint8_t kind;
    uint8_t code;        /* DECIDE */
    uint8_t has_waiters; /* more tickets wait: ledger.waiters */
};

struct ring {
    uint8_t *slots;
    size_t capacity; /* a power of two; 0 at first */
};

struct link {
    uint64_t next;                   /* sequence of the next request to the peer, from 1 */
    uint64_t resolved;               /* all requests up to here are answered */
    uint64_t processed;              /* of the peer's requests */
    uint64_t pruned;                 /* the peer has the answers up to here */
    struct ring requests;            /* struct link_request, (resolved, next) */
    struct ring answers;             /* struct link_answer, (pruned, processed] */
    uint64_t answered;               /* answers up to here have been put into messages; not journaled */
    struct ledger_peer_message *out; /* being filled */
    size_t usual_bytes;              /* of a message, lately */
};

struct waiter {
    struct waiter *next;
    uint32_t peer;
    uint64_t sequence;
    struct ledger_ticket *ticket;
    uint32_t row;
};

static inline struct link_request *link_request_at(const struct link *link, uint64_t sequence)
{
    return (struct link_request *)(void *)link->requests.slots + (sequence & (link->requests.capacity - 1));
}

static inline struct link_answer *link_answer_at(const struct link *link, uint64_t sequence)
{
    return (struct link_answer *)(void *)link->answers.slots + (sequence & (link->answers.capacity - 1));
}

void link_release_all(struct ledger *self);

/* Room for `more` requests to the peer, and for bytes of message. false: no memory, or the window is full. */
bool link_ensure_request(struct ledger *self, uint32_t peer, uint32_t more);
/* The same for the next step of what is already on its way: a full window must not stop it, because
 * the window empties in order and the step may be what its oldest request waits for. */
bool link_ensure_step(struct ledger *self, uint32_t peer);
bool link_ensure_answer(struct ledger *self, uint32_t peer, uint32_t more);

/* Decides the debit of a transfer whose credit is another partition's. */
void link_post(struct ledger *self, uint32_t peer, uint32_t debit, const struct ledger_command *command,
               struct ledger_ticket *ticket, uint32_t row);

/* Puts a request that a fact has just made into the peer's message. false: no memory (it is sent with
 * the next resend). */
bool link_send(struct ledger *self, uint32_t peer, uint8_t kind, uint8_t code, const struct uuid *id,
               const uint8_t *payload, size_t length);

/* Called by evolve. */
void link_push_request(struct ledger *self, uint32_t peer, uint64_t position, const struct uuid *id,
                       uint8_t kind, uint8_t code, uint32_t account);
void link_pop_request(struct ledger *self, uint32_t peer);
void link_push_answer(struct ledger *self, uint32_t peer, const struct link_answer *answer);
void link_prune(struct ledger *self, uint32_t peer, uint64_t through);

/* Another ticket waits for an open request. false: no memory. */
bool link_wait(struct ledger *self, uint32_t peer, uint64_t sequence, struct ledger_ticket *ticket,
               uint32_t row);
/* The sequence of the open request that the fact at `position` made; 0: it is not open. */
uint64_t link_find(const struct ledger *self, uint32_t peer, uint64_t position);

/* Moves the messages into the unit that is being taken. */
void link_collect(struct ledger *self, struct unit_buffer *buffer);
bool link_has_messages(const struct ledger *self);

/* true: the account has paid into a transfer whose outcome is open. */
bool link_account_is_open(const struct ledger *self, uint32_t account);

size_t link_store_size(const struct ledger *self);
uint8_t *link_store(const struct ledger *self, uint8_t *at);
enum err link_load(struct ledger *self, const uint8_t **at, const uint8_t *end);
/* The promise that does not hold, in words; NULL: all do. */
const char *link_broken(const struct ledger *self);

#endif
