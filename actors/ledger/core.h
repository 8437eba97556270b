/* The inside of the ledger core: one struct, and what its files offer each other.
 *
 *     ledger.c        life, units (take, release), tickets, looking in
 *     account_table.c the accounts and their index by id and by owner
 *     id_table.c      transaction ids: memory tables, filters, stored runs
 *     posting.c       decide: transfer, deposit, withdraw, repeats
 *     names.c         the accounts' strings
 *     account.c       decide: open, change, freeze, unfreeze, close; account_states.c the moves allowed
 *     group.c         decide: atomic groups
 *     group_legs.c    what a group asks of the accounts here; group_rows.c its answer
 *     hold.c          decide: holds; hold_evolve.c, hold_repeat.c
 *     hold_table.c    the open ones
 *     deadlines.c     when they expire
 *     proposal.c      decide: manual deposits and withdrawals; proposal_states.c
 *     proposal_table.c the open ones
 *     remittance.c    decide: remittances; remittance.h has the others
 *     remittance_table.c the open ones
 *     book.c          what postings do to book values of foreign-currency accounts
 *     link.c          requests to and from other partitions
 *     desk.c          the FX desk: rates and terms of pairs; desk_price.c its arithmetic
 *     quote.c         decide: quotes
 *     exchange.c      decide: exchanges, and the legs of one within its group
 *     evolve.c        the only code that changes state, one fact at a time
 *     checkpoint.c    what is written to the state store, and read back
 *     fact.c          the shape of facts
 *
 * Evolve cannot fail. So whoever decides first makes sure of memory (the _ensure functions); when there is
 * none, the answer is BUSY and nothing has changed.
 */
#ifndef TELLER_LEDGER_CORE_H
#define TELLER_LEDGER_CORE_H

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/account_table.h"
#include "actors/ledger/book.h"
#include "actors/ledger/checkpoint.h"
#include "actors/ledger/deadlines.h"
#include "actors/ledger/desk.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/hold.h"
#include "actors/ledger/hold_table.h"
#include "actors/ledger/id_table.h"
#include "actors/ledger/ledger.h"
#include "actors/ledger/link.h"
#include "actors/ledger/proposal.h"
#include "actors/ledger/remittance_table.h"

struct unit_buffer {
    struct ledger_unit unit; /* first: a unit is released by its address */
    uint8_t *bytes;
    size_t capacity;
    struct ledger_put *put_list;
    size_t put_capacity;
    uint8_t *put_bytes; /* values of the puts */
    size_t put_bytes_capacity, put_bytes_length;
    struct ledger_ticket **tickets_end;
    struct ledger_peer_message *message_list[LEDGER_PARTITIONS_MAX];
    struct bank_call *call_list;
    struct bank_ack *ack_list;
    struct ledger_alarm *alarm_list;
    size_t call_capacity, ack_capacity, alarm_capacity;
    uint32_t runs_finished; /* runs of ids whose last slice is among the puts */
    bool taken;
};

/* A pass writes every chunk that was dirty when it began; see checkpoint.c. */
struct checkpoint_chunks {
    uint64_t *dirty;   /* one bit a chunk: changed since it was last put */
    uint64_t *passing; /* the chunks this pass has still to write */
    size_t words;      /* of each bitmap */
    size_t at;         /* next word of `passing` */
};

/* What is stored in chunks. */
enum checkpoint_kind {
    CHECKPOINT_CHUNKS_ACCOUNTS,
    CHECKPOINT_CHUNKS_HOLDS,
    CHECKPOINT_CHUNKS_REMITTANCES,
    CHECKPOINT_CHUNKS_COUNT
};

struct checkpoint {
    struct checkpoint_chunks chunks[CHECKPOINT_CHUNKS_COUNT];
    bool active;
    bool hurried;
    size_t quota;            /* chunks a slice */
    uint64_t pass_position;  /* replay would begin here once the pass is complete */
    uint64_t done_position;  /* … of the last complete pass */
    uint64_t slice_position; /* where the last slice was written */
    uint8_t *record;         /* small state as of pass_position */
    size_t record_length, record_capacity;
    uint64_t restore_position; /* during recovery: facts before it change nothing but ids */
};

struct group;

enum { LEDGER_HELD_SLOTS = 4096, LEDGER_GROUPS_OPEN_MAX = 256 };

/* House accounts beside that of cash, one of each for a currency. */
enum house_kind {
    HOUSE_KIND_FX,         /* "house:fx:USD:0": what exchanges have taken and given */
    HOUSE_KIND_SPREAD,     /* "house:spread:USD:0": what teller has earned by them */
    HOUSE_KIND_RESIDUE,    /* "house:residue:USD:0": what rounding left */
    HOUSE_KIND_BANK,       /* "house:bank:USD:0": what banks hold for us, with its sign turned */
    HOUSE_KIND_REMITTANCE, /* "house:remittance:USD:0": what remittances have between two steps */
    HOUSE_KINDS
};

struct ledger {
    struct ledger_config config;
    struct ledger_ports ports;
    struct mem mem;
    struct mem counted; /* mem, with memory_bytes kept: for the tables */
    size_t memory_bytes;

    struct account_table accounts;
    uint32_t house[256];               /* by currency: the cash account; ACCOUNT_NONE */
    uint32_t houses[HOUSE_KINDS][256]; /* the same, of other kinds */
    uint32_t *transit;                 /* by partition * 256 + currency */
    struct id_table ids;
    struct link links[LEDGER_PARTITIONS_MAX];
    struct waiter *waiters;             /* more tickets for requests in flight */
    struct ledger_ticket *open_tickets; /* not answered yet */
    struct group *groups;               /* open ones */
    struct group *group_spare;          /* for the next one */
    uint32_t group_count;
    uint16_t held_ids[LEDGER_HELD_SLOTS]; /* ids of items of open groups, counted by hash */
    struct proposal_table proposals;      /* open ones */
    struct hold_table holds;
    struct deadlines deadlines; /* of holds and remittances */

    uint64_t next_account_number; /* for assigned ids */
    uint64_t posting_count, refusal_count;

    int64_t now_us;    /* never falls */
    int64_t fact_us;   /* time of the facts being evolved */
    uint64_t position; /* of the next fact */
    bool refuse_new;
    bool recovering;

    struct checkpoint checkpoint;
    struct unit_buffer units[LEDGER_UNITS_MAX + 1];
    struct unit_buffer *current;
    struct unit_buffer *in_flight[LEDGER_UNITS_MAX];
    size_t in_flight_count;

    struct desk desk; /* last: they are large, and seldom looked at */
    struct remittance_table remittances;
};

/* true: the id table may have forgotten the id of an open hold, and whoever asks whether an id is new asks the hold table
 * too. */
static inline bool hold_outlives_ids(const struct ledger *self)
{
    return self->holds.oldest_us < self->now_us - self->config.id_retention_us;
}

/* Whose entry stands among the deadlines. */
enum deadline_owner { DEADLINE_HOLD = 1, DEADLINE_REMITTANCE = 2, DEADLINE_ALARM = 3 };

/* ---- ledger.c: memory, facts -------------------------------------------------------------------- */

void *core_alloc(struct ledger *self, size_t bytes);
void core_free(struct ledger *self, void *pointer, size_t bytes);
/* Doubles *pointer (capacity in elements of `size`) until it holds `needed`; contents kept. */
bool core_grow(struct ledger *self, void **pointer, size_t *capacity, size_t needed, size_t size);

/* The invariant of this partition that does not hold, in words; NULL: all do. Costs O(accounts). */
const char *core_broken(const struct ledger *self);

void core_set_now(struct ledger *self, int64_t now_us);

/* Room for one fact of `bytes` in the current unit: NULL when there is no memory. */
uint8_t *core_fact_room(struct ledger *self, size_t bytes);

/* The fact written to the room becomes part of the unit and is evolved. */
void core_fact_commit(struct ledger *self, size_t bytes);

/* Copies a fact: from the current unit, a unit in flight, or the journal, and tells the time of its commit. 0: not there. */
size_t core_fact_read_at(struct ledger *self, uint64_t position, uint8_t *out, size_t capacity,
                         int64_t *time_us);

static inline size_t core_fact_read(struct ledger *self, uint64_t position, uint8_t *out, size_t capacity)
{
    int64_t time_us;
    return core_fact_read_at(self, position, out, capacity, &time_us);
}

enum { CORE_FACT_MAX = 32 * 1024 }; /* the longest fact: a group's items */

/* Row outcome known: the ticket leaves with the current unit when it was the last. */
void core_row_done(struct ledger *self, struct ledger_ticket *ticket, uint32_t rows);

/* ---- posting.c -------------------------------------------------------------------------------- */

/* What decide says of one side of a posting. */
struct verdict {
    enum code code;
    enum field field;
};

/* Balances stay inside ±4 × 10^18, so that what has to come back always fits 64 bits. */
#define LEDGER_BALANCE_MAX INT64_C(4000000000000000000)

/* The account's currency and state. */
struct verdict posting_check_usable(const struct account *account, currency_index currency, enum field field);
/* promised: what the same account has already given (or been given) in the same group. */
struct verdict posting_check_debit(const struct account *account, currency_index currency, int64_t amount,
                                   int64_t promised);
struct verdict posting_check_credit(const struct account *account, currency_index currency, int64_t amount,
                                    int64_t promised);
struct verdict posting_check_house(const struct ledger *self, uint32_t index, int64_t amount);
int64_t posting_incoming(const struct ledger *self, uint32_t index);

/* Appends one posting fact of `kind` and evolves it. false: no memory for it with FACT_TRAILER_MAX of trailer, even where it
 * takes less. strings may be NULL. FACT_TAG_RATE among them says
 * what the amount is worth; or FACT_TAG_BOOK_DEBIT and _CREDIT hold a struct fact_book of which only `value` is set:
 * see book_fill. Plain accounts get no book tags, whatever is given. */
bool posting_append(struct ledger *self, enum fact_kind kind, uint8_t detail, uint32_t debit, uint32_t credit,
                    int64_t amount, const struct uuid *id, const struct fact_strings *strings);

/* The house cash account of a currency, opened if need be. ACCOUNT_NONE: no memory. */
uint32_t posting_house(struct ledger *self, currency_index currency);
uint32_t posting_house_of(struct ledger *self, enum house_kind house, currency_index currency);
uint32_t posting_transit(struct ledger *self, uint32_t peer, currency_index currency);
/* A stored id that is reserved is one that this partition would have given. */
bool posting_id_fits(const struct ledger *self, struct str id, currency_index currency);

void posting_fingerprint(const struct ledger *self, const struct ledger_command *command, uint64_t out[2]);

/* Looks for the answer already given to this id. true: the row is filled, or waits. */
bool posting_repeat(struct ledger *self, const struct ledger_command *command, uint64_t id_hash,
                    struct ledger_ticket *ticket, uint32_t row);

/* … given by the opening of a hold at this position. */
void posting_repeat_hold(struct ledger *self, const struct ledger_command *command, uint64_t opened,
                         struct ledger_ticket *ticket, uint32_t row);

static inline struct fact_strings posting_strings(struct str remote, struct str memo, struct str reference)
{
    return (struct fact_strings){
        .by_tag = {[FACT_TAG_REMOTE] = remote, [FACT_TAG_MEMO] = memo, [FACT_TAG_REFERENCE] = reference}};
}

/* ---- group.c ---------------------------------------------------------------------------------- */

void group_post(struct ledger *self, struct ledger_ticket *ticket, uint32_t row,
                const struct ledger_command *command);
/* The same for a group whose id is known to be new: of a GROUP, or of an EXCHANGE with its two legs as items, which takes
 * one row. */
void group_begin(struct ledger *self, struct ledger_ticket *ticket, uint32_t row,
                 const struct ledger_command *command);
/* true: this partition coordinates a group of this id that is not answered yet. */
bool group_is_open(const struct ledger *self, const struct uuid *id);
/* true: the id belongs to an item of a group that is still open. */
bool group_holds_id(const struct ledger *self, const struct uuid *id);
void group_repeat(struct ledger *self, const uint8_t *fact, const struct ledger_command *command,
                  struct ledger_ticket *ticket, uint32_t row);
/* Sum of credits that open groups have reserved room for; of what they are worth in the base currency. */
int64_t group_incoming(const struct ledger *self, uint32_t account);
int64_t group_incoming_value(const struct ledger *self, uint32_t account);
/* Sum of debits that they have reserved. */
int64_t group_pending(const struct ledger *self, uint32_t account);

void group_note_posting(struct ledger *self, const struct fact_posting *fact);
void group_evolve(struct ledger *self, uint64_t position, const uint8_t *fact, size_t size);
/* ERR_CORRUPT: a stored fact does not continue the state. ERR_NO_MEMORY: evolve would need more. */
enum err group_fits(struct ledger *self, const uint8_t *fact, size_t size) MUST_USE;
void group_destroy_all(struct ledger *self);
/* Restores reservations of open groups in the account table, after recovery. false: an account of one is not
 * there. */
bool group_reserve_all(struct ledger *self);
size_t group_store_size(const struct ledger *self);
uint8_t *group_store(const struct ledger *self, uint8_t *at);
enum err group_load(struct ledger *self, const uint8_t **at, const uint8_t *end);
/* The promise that does not hold, in words; NULL: all do. */
const char *group_broken(const struct ledger *self);

/* The answer where the id of a group, or of one of its items, is taken. */
void group_conflict(struct ledger *self, const struct ledger_command *command, struct ledger_ticket *ticket,
                    uint32_t row);

/* Steps that messages from peers bring; called by link.c. */
bool group_prepare(struct ledger *self, uint32_t peer, const uint8_t *bytes, size_t length);
bool group_decide(struct ledger *self, uint32_t peer, const struct uuid *id, enum code code);
void group_voted(struct ledger *self, uint32_t peer, const struct uuid *id, const struct link_answer *answer);
void group_done(struct ledger *self, uint32_t peer, const struct uuid *id, const uint8_t *rows,
                size_t length);

/* ---- remittance_evolve.c, remittance_step.c --------------------------------------------------- */

/* true: a remittance of this id is open. */
static inline bool remittance_is_open(const struct ledger *self, const struct uuid *id)
{
    return self->remittances.open_count > 0 && remittance_find(&self->remittances, id) != REMITTANCE_NONE;
}

/* true: one of this account is open. Costs O(open remittances). */
bool remittance_uses_account(const struct ledger *self, uint32_t account);

void remittance_init(struct ledger *self);
/* A deadline of a remittance now stands at `index`. */
void remittance_deadline_moved(struct ledger *self, const struct deadline *entry, uint32_t index);
void remittance_evolve(struct ledger *self, uint64_t position, const uint8_t *fact);
/* The part of a posting that is not every posting's. */
void remittance_note_posting(struct ledger *self, uint64_t position, const uint8_t *fact);
/* What fact_check asks of a fact of these kinds, `size` bytes in all. */
enum err remittance_fact_check(const uint8_t *fact, size_t size) MUST_USE;
/* ERR_CORRUPT: a stored fact does not continue the state. ERR_NO_MEMORY: evolve would need more. Of a posting: beside what is asked
 * of every posting. */
enum err remittance_fits(struct ledger *self, uint64_t position, const uint8_t *fact) MUST_USE;
/* After a recovery: makes what is derived. ERR_CORRUPT: the slots contradict each other or the accounts. */
enum err remittance_rebuild(struct ledger *self) MUST_USE;
/* The promise that does not hold, in words; NULL: all do. */
const char *remittance_broken(const struct ledger *self);
/* One chunk of slots for the state store: at most remittance_chunk_bound() bytes. Returns their end. */
size_t remittance_chunk_bound(void);
uint8_t *remittance_chunk_store(const struct ledger *self, uint32_t chunk, uint8_t *at);
enum err remittance_chunk_load(struct ledger *self, const uint8_t *value, size_t length) MUST_USE;
/* Its time has come: the next try or round, or the alarm. false: there is no memory, and nothing has changed. */
bool remittance_due(struct ledger *self, uint32_t slot);
bool remittance_alarm(struct ledger *self, uint32_t slot);

/* ---- link.c: a request of a peer is refused; its answer goes back. false: no memory. */
bool link_bounce(struct ledger *self, uint32_t peer, enum link_kind kind, struct verdict verdict,
                 uint8_t item);

/* ---- evolve.c --------------------------------------------------------------------------------- */

void ledger_evolve(struct ledger *self, uint64_t position, const uint8_t *fact, size_t size);

/* The other partition of a transit account. */
uint32_t evolve_transit_peer(const struct ledger *self, uint32_t transit);

/* Puts an account known from a fact or from the state store; memory has been ensured. */
struct account *evolve_open(struct ledger *self, uint32_t index, struct str id, struct str owner,
                            struct str product, currency_index currency);

/* ---- checkpoint.c ----------------------------------------------------------------------------- */

bool checkpoint_ensure(struct ledger *self, enum checkpoint_kind kind, uint32_t chunks);
void checkpoint_release(struct ledger *self);
/* Adds what is due to the current unit's puts. */
void checkpoint_step(struct ledger *self);
bool checkpoint_due(const struct ledger *self);

static inline void checkpoint_dirty_chunk(struct ledger *self, enum checkpoint_kind kind, uint32_t chunk)
{
    self->checkpoint.chunks[kind].dirty[chunk / 64] |= UINT64_C(1) << (chunk % 64);
}

static inline void checkpoint_dirty(struct ledger *self, uint32_t account)
{
    checkpoint_dirty_chunk(self, CHECKPOINT_CHUNKS_ACCOUNTS, account / ACCOUNT_CHUNK);
}

static inline void checkpoint_dirty_hold(struct ledger *self, uint32_t slot)
{
    checkpoint_dirty_chunk(self, CHECKPOINT_CHUNKS_HOLDS, slot / HOLD_CHUNK);
}

/* Adds one put; the value is copied. false: no memory (the step is tried again later). */
bool checkpoint_put(struct ledger *self, uint8_t table, const void *key, size_t key_length,
                    const uint8_t *value, size_t value_length);

#endif
