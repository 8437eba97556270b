/* Facts: what the journal holds, and the only thing that changes a ledger's state (ledger_evolve).
 *
 * A journal is one stream of facts. Positions count 8-byte words from the start of the stream; the first
 * fact stands at FACT_FIRST, so that 0 can mean "none". Every fact begins with the same four bytes and is
 * a whole number of words long; facts never cross the end of a commit. All numbers are little-endian.
 * Facts are packed, so they are copied with memcpy, never accessed through a cast pointer.
 *
 * The stream is grouped into commits (store/journal.h). A commit carries the time of its facts.
 *
 * A posting is 64 bytes: both accounts, the amount, both balances after it, and for both accounts the
 * position of that account's previous fact. A statement walks back from the account's last fact; no
 * index is written. Strings that only some facts need follow in a trailer.
 */
#ifndef TELLER_LEDGER_FACT_H
#define TELLER_LEDGER_FACT_H

#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/base/str.h"
#include "actors/base/uuid.h"

enum { FACT_FIRST = 1, FACT_WORD = 8, FACT_FORMAT_VERSION = 1 };

/* Numbers are journaled: never renumber, only append. */
enum fact_kind {
    /* postings: struct fact_posting */
    FACT_TRANSFER = 1,   /* both accounts here */
    FACT_DEPOSIT = 2,    /* house cash account → account */
    FACT_WITHDRAWAL = 3, /* account → house cash account */
    FACT_SENT = 4,       /* account → transit; the credit is another partition's to decide (Try) */
    FACT_RECEIVED = 5,   /* transit → account: the credit of another partition's FACT_SENT (Confirm) */
    FACT_RETURNED = 6,   /* transit → account: the other partition refused (Cancel); code says why */
    /* outcomes */
    FACT_SETTLED = 7, /* struct fact_settled: the other partition has credited a FACT_SENT */
    FACT_REFUSED = 8, /* struct fact_refused: a command was refused; its answer is kept with its id */
    FACT_BOUNCED = 9, /* struct fact_link: a request of a peer was refused; code says why */
    FACT_PRUNED = 10, /* struct fact_link: the peer has all answers up to `through` */
    /* accounts: struct fact_account */
    FACT_ACCOUNT_OPENED = 11,
    FACT_ACCOUNT_CHANGED = 12,
    FACT_ACCOUNT_FROZEN = 13,
    FACT_ACCOUNT_UNFROZEN = 14,
    FACT_ACCOUNT_CLOSED = 15,
    /* atomic groups: struct fact_group */
    FACT_GROUP_STARTED = 16,  /* coordinator: items are known, own part reserved, others are asked */
    FACT_GROUP_PREPARED = 17, /* participant: its part is reserved */
    FACT_GROUP_VOTED = 18,    /* coordinator: one participant has answered */
    FACT_GROUP_DECIDED = 19,  /* coordinator: all or none */
    FACT_GROUP_CLOSED = 20,   /* participant: the decision is carried out */
    FACT_GROUP_DONE = 21,     /* coordinator: one participant has carried it out */
    FACT_GROUP_ANSWERED = 22, /* the rows of the answer, kept with the group's id */
    /* holds: struct fact_hold, but CAPTURED: struct fact_capture */
    FACT_HOLD_OPENED = 23,
    FACT_HOLD_CAPTURED = 24, /* account → house cash account */
    FACT_HOLD_RELEASED = 25,
    FACT_HOLD_EXPIRED = 26,
    /* manual deposits and withdrawals: struct fact_proposal */
    FACT_PROPOSED = 27,
    FACT_PROPOSAL_APPROVED = 28, /* then its FACT_DEPOSIT or FACT_WITHDRAWAL, with FACT_FLAG_PROPOSED */
    FACT_PROPOSAL_REJECTED = 29,
    FACT_PROPOSAL_EXPIRED = 30,
    /* the FX desk */
    FACT_RATE_SET = 31,   /* struct fact_rate */
    FACT_PAIR_SET = 32,   /* struct fact_pair */
    FACT_QUOTED = 33,     /* struct fact_quote */
    FACT_QUOTE_USED = 34, /* struct fact_quote_used */
    /* postings of an exchange */
    FACT_EXCHANGE_OUT = 35,     /* account → house FX account of its currency */
    FACT_EXCHANGE_IN = 36,      /* house FX account → account */
    FACT_EXCHANGE_SPREAD = 37,  /* house FX account → house spread account */
    FACT_EXCHANGE_RESIDUE = 38, /* house FX account → house residue account: what rounding left */
    /* remittances (remittance_states.h): struct fact_remittance */
    FACT_REMITTANCE_REQUESTED = 39,
    FACT_REMITTANCE_MOVED = 40, /* to another state, and no money by it */
    FACT_REMITTANCE_NOTED = 41, /* the state stays: an alarm, its end, a word of the bank that cannot be */
    /* … postings: struct fact_remittance_posting */
    FACT_REMITTANCE_PULLED = 42,    /* house bank account → house remittance account */
    FACT_REMITTANCE_DEPOSITED = 43, /* house remittance account → account */
    FACT_REMITTANCE_WITHDRAWN = 44, /* account → house remittance account */
    FACT_REMITTANCE_PAID =
        45, /* house remittance account → house bank account: pushed, refunded, or by hand */
    FACT_REMITTANCE_RETURNED = 46, /* house remittance account → account: an operator ends it so */
    FACT_KIND_COUNT
};

enum fact_flag {
    FACT_FLAG_GROUP = 1,    /* part of an atomic group: not a link request of its own */
    FACT_FLAG_PROPOSED = 2, /* by a proposal that was approved: its id is the proposal's, and leads there */
};

#define FACT_PACKED __attribute__((packed))

struct FACT_PACKED fact_head {
    uint8_t kind;   /* enum fact_kind */
    uint8_t detail; /* postings: enum fact_flag, but FACT_RETURNED: enum code; others: enum code */
    uint16_t words; /* length of the whole fact, trailer included, in 8-byte words */
};

struct FACT_PACKED fact_position48 {
    uint32_t low;
    uint16_t high;
};

static inline uint64_t fact_position48_get(struct fact_position48 p)
{
    return (uint64_t)p.high << 32 | p.low;
}

static inline struct fact_position48 fact_position48_make(uint64_t position)
{
    return (struct fact_position48){(uint32_t)position, (uint16_t)(position >> 32)};
}

struct FACT_PACKED fact_posting {
    struct fact_head head;
    uint32_t debit; /* account index in this partition */
    uint32_t credit;
    struct fact_position48 debit_previous;
    struct fact_position48 credit_previous;
    int64_t amount;        /* minor units, 1 .. MONEY_MAX */
    int64_t debit_balance; /* after this posting */
    int64_t credit_balance;
    struct uuid id;
    /* trailer: FACT_TAG_REMOTE (SENT, RECEIVED: the account at the other partition), MEMO, REFERENCE */
};

_Static_assert(sizeof(struct fact_posting) == 64, "a plain posting is one cache line");

/* The transfer's id stands in its FACT_SENT. */
struct FACT_PACKED fact_settled {
    struct fact_head head;
    uint32_t peer;          /* the link whose oldest open request this resolves */
    uint64_t sent_position; /* of the FACT_SENT */
    int64_t remote_balance; /* of the credited account, after the credit */
};

struct FACT_PACKED fact_refused {
    struct fact_head head; /* detail: enum code */
    uint8_t field;         /* enum field */
    uint8_t command;       /* enum ledger_command_kind */
    uint8_t zero[2];
    struct uuid id;
    uint64_t fingerprint[2]; /* of the command's payload: tells a repeat from a CONFLICT */
};

struct FACT_PACKED fact_link {
    struct fact_head head;
    uint32_t peer;
    uint64_t through; /* BOUNCED: enum link_kind << 16 | item of the group << 8 | enum field */
};

/* Account facts stand in the account's chain, as postings do. */
struct FACT_PACKED fact_account {
    struct fact_head head;
    uint32_t account;
    uint64_t previous; /* position of the account's previous fact */
    int64_t minimum_balance;
    int64_t ceiling; /* INT64_MAX: none */
    struct uuid id;  /* nil when the caller gave none */
    char currency[3];
    uint8_t has_book; /* OPENED: 1: it keeps a book value in the base currency */
    uint8_t zero[4];
    /* trailer: OPENED: ACCOUNT, OWNER, PRODUCT; CHANGED: OWNER, PRODUCT; all: MEMO */
};

struct FACT_PACKED fact_group {
    struct fact_head head; /* detail: enum code */
    uint16_t peer;         /* VOTED, DONE: the participant; PREPARED, CLOSED: the coordinator */
    uint8_t item;          /* VOTED, DECIDED: the index of the refused item */
    uint8_t field;         /* VOTED, DECIDED: enum field of the refused item */
    struct uuid id;        /* of the group */
    uint64_t fingerprint[2];
    uint32_t count;       /* STARTED, PREPARED: group_items; DONE, ANSWERED: group_rows */
    uint32_t is_exchange; /* STARTED, ANSWERED: 1: the two legs of an exchange; else 0 */
    /* then count packed items or rows: see group.h */
};

/* In the account's chain, as postings are. The hold's id is the transaction id that opened it. */
struct FACT_PACKED fact_hold {
    struct fact_head head;
    uint32_t account;
    uint64_t previous; /* position of the account's previous fact */
    uint64_t opened;   /* position of the FACT_HOLD_OPENED; OPENED itself: 0 */
    uint32_t slot;     /* of the hold table */
    uint32_t zero;
    int64_t amount;     /* OPENED: held; else what is let go */
    int64_t balance;    /* the account's: a hold does not change it */
    int64_t pending;    /* the account's, after it */
    int64_t expires_us; /* 0: never */
    struct uuid id;     /* transaction id; nil where it expired */
    struct uuid hold;   /* OPENED: the same as id */
    /* trailer: MEMO, REFERENCE */
};

enum fact_capture_flag {
    FACT_CAPTURE_KEEPS_REST = 1, /* asked for, whether or not there was a rest */
    FACT_CAPTURE_ALL = 2,        /* no amount was given */
};

/* Reads as a posting; debit is the account, credit the house. */
struct FACT_PACKED fact_capture {
    struct fact_posting posting;
    struct uuid hold;
    uint64_t opened; /* position of the FACT_HOLD_OPENED */
    uint32_t slot;
    uint32_t flags;   /* enum fact_capture_flag: how the command said it */
    int64_t released; /* let go beside what was captured */
    int64_t kept;     /* still held after it; 0: the hold has ended */
    int64_t pending;  /* the account's, after it */
    /* trailer: as a posting's */
};

/* Not in the account's chain: no money moves by it. The proposal's id is the transaction id that opened it. */
struct FACT_PACKED fact_proposal {
    struct fact_head head; /* detail: PROPOSED: enum ledger_command_kind, DEPOSIT or WITHDRAW */
    uint32_t account;
    uint64_t proposed; /* position of the FACT_PROPOSED; PROPOSED itself: 0 */
    int64_t amount;
    int64_t rate;       /* base currency's major units per major unit, 10^-10; 0: none */
    int64_t expires_us; /* always set */
    int64_t balance;    /* APPROVED: after the posting */
    struct uuid id;
    /* trailer: OPERATOR, MEMO (the reason) */
};

/* A rate that may be quoted by: 1 × units of base are worth rate × 10^-10 of counter, in major units. */
struct FACT_PACKED fact_rate {
    struct fact_head head;
    char base[3];
    uint8_t zero;
    char counter[3];
    uint8_t zero2;
    uint32_t units; /* as published: 1 or 100 */
    int64_t rate;
    int64_t as_of_us;     /* what time it is of */
    int64_t age_limit_us; /* after as_of_us + this it is stale */
    /* trailer: SOURCE, OPERATOR */
};

/* Terms of a pair, in either direction. */
struct FACT_PACKED fact_pair {
    struct fact_head head;
    char one[3];
    uint8_t zero;
    char other[3];
    uint8_t zero2;
    uint32_t spread_ppm; /* of the mid rate, in teller's favour */
    int64_t valid_us;    /* how long a quote is good for */
    /* trailer: OPERATOR */
};

/* A promise: so much of one currency for so much of another. It is read back from its position when it is used, and is in
 * no table. */
struct FACT_PACKED fact_quote {
    struct fact_head head;
    uint32_t account; /* that it was asked for: it pays */
    char sell[3];     /* what the customer gives: the account's currency */
    uint8_t side;     /* enum quote_side: which amount was asked for */
    char buy[3];      /* what the customer gets */
    uint8_t zero;
    int64_t sell_amount, buy_amount; /* minor units */
    int64_t spread;                  /* minor units of buy that teller earns */
    int64_t residue;                 /* minor units of buy that rounding left */
    int64_t mid, rate; /* buy per sell in major units, 10^-10: without and with the spread; to show */
    int64_t sell_value, buy_value; /* of both amounts in the base currency, minor units; 0: not known */
    int64_t expires_us;
    struct uuid id;
};

/* A quote is good for one exchange, whatever becomes of it. The quote's id leads here from now on. */
struct FACT_PACKED fact_quote_used {
    struct fact_head head;
    uint32_t zero;
    uint64_t quoted; /* position of the FACT_QUOTED */
    struct uuid quote;
    struct uuid id; /* of the exchange */
};

enum fact_remittance_flag {
    FACT_REMITTANCE_OPERATOR_REFUNDS =
        1,                       /* policy: what cannot be pushed goes to an operator, not back by the rail */
    FACT_REMITTANCE_ALARMED = 2, /* an alarm was raised and is not over */
    FACT_REMITTANCE_CONTRADICTED = 4, /* the bank has said what cannot be: see the trail */
    FACT_REMITTANCE_BY_OPERATOR = 8,  /* of this fact: somebody did it, whom the trailer names */
    FACT_REMITTANCE_ALARM_OVER = 16,  /* of this fact: an end, by which an alarm is over */
    FACT_REMITTANCE_OF_FACT = FACT_REMITTANCE_BY_OPERATOR | FACT_REMITTANCE_ALARM_OVER, /* the others last */
};

/* What stands in each fact of a remittance: all that changes of it, as it is after the fact. */
struct FACT_PACKED fact_remittance_part {
    uint64_t requested; /* position of its FACT_REMITTANCE_REQUESTED; that itself: 0 */
    uint64_t previous;  /* position of its fact before this; REQUESTED: 0 */
    int64_t
        due_us; /* when the ledger goes on by itself; 0: it waits for a bank, or for an operator, or has ended */
    int64_t alarm_us; /* when it has been unfinished for too long; 0: it has ended, or the alarm was raised */
    uint32_t slot;    /* of the remittance table */
    uint32_t call;    /* number of the newest call to the bank; 0: none yet */
    uint8_t state;    /* enum remittance_state */
    uint8_t step;     /* enum remittance_step */
    uint8_t tries;    /* of the step in this round, begun ones */
    uint8_t rounds;   /* of the retry batch, begun ones */
    uint8_t flags;    /* enum fact_remittance_flag */
    uint8_t code;     /* enum code: why a deposit or a withdrawal was refused */
    uint16_t
        about; /* NOTED, where it says a contradiction: the low bits of the number of the call that it is about; else 0 */
};

/* Not in the account's chain: no money moves by it. The remittance's id is the transaction id that requested it. */
struct FACT_PACKED fact_remittance {
    struct fact_head head;
    uint32_t account;
    struct uuid id;
    int64_t amount;
    struct fact_remittance_part part;
    /* trailer: REQUESTED: BANK, PAYER, PAYEE, MEMO, REFERENCE; others: REASON, OPERATOR, BANK_REFERENCE */
};

/* Reads as a posting; its id is the remittance's. */
struct FACT_PACKED fact_remittance_posting {
    struct fact_posting posting;
    struct fact_remittance_part part;
    /* trailer: as a posting's, and BANK, REASON, OPERATOR, BANK_REFERENCE */
};

/* What a posting did to the book value of one of its accounts: in the trailer, in minor units of the base currency. */
struct FACT_PACKED fact_book {
    int64_t value; /* what the amount was worth: cost of a credit, proceeds of a debit */
    int64_t cost;  /* by how much the book value rose or fell; a debit's gain is value - cost */
    int64_t book;  /* after it */
};

/* Trailer: tag, length, bytes, …; zero padding to a whole word. Absent strings have no entry. */
enum fact_tag {
    FACT_TAG_END = 0,
    FACT_TAG_REMOTE = 1,
    FACT_TAG_MEMO = 2,
    FACT_TAG_REFERENCE = 3,
    FACT_TAG_ACCOUNT = 4,
    FACT_TAG_OWNER = 5,
    FACT_TAG_PRODUCT = 6,
    FACT_TAG_RATE = 7,        /* int64_t: what the command said; see struct fact_proposal */
    FACT_TAG_BOOK_DEBIT = 8,  /* struct fact_book of the debited account */
    FACT_TAG_BOOK_CREDIT = 9, /* … of the credited account */
    FACT_TAG_OPERATOR = 10,   /* text, as an owner */
    FACT_TAG_SOURCE = 11,     /* text, as a product */
    FACT_TAG_FIELD = 12,      /* RETURNED: enum field of the refusal, one byte; absent: to_account */
    FACT_TAG_BANK = 13,       /* a bank's name; limits: base/bank_call.h */
    FACT_TAG_PAYER = 14,
    FACT_TAG_PAYEE = 15,
    FACT_TAG_REASON = 16, /* why a bank refuses, or an operator does something */
    FACT_TAG_BANK_REFERENCE = 17,
    FACT_TAG_COUNT
};

/* The strings of a trailer, by tag; length 0 where absent. */
struct fact_strings {
    struct str by_tag[FACT_TAG_COUNT];
};

/* Reads a trailer of `length` bytes. ERR_CORRUPT: a tag twice, an unknown tag, a string longer than its kind may
 * be (text.h), or an entry that passes the end. The strings point into `bytes`. */
enum err fact_strings_read(const uint8_t *bytes, size_t length, struct fact_strings *out) MUST_USE;

/* No trailer is longer: lengths are bytes. */
enum { FACT_TRAILER_MAX = (FACT_TAG_COUNT * (2 + UINT8_MAX) / FACT_WORD + 1) * FACT_WORD };

/* Bytes a trailer will take, padding included. */
size_t fact_strings_size(const struct fact_strings *strings);

/* Writes the trailer; out has fact_strings_size() bytes. Returns that size. */
size_t fact_strings_write(const struct fact_strings *strings, uint8_t *out);

/* Length in bytes of the fixed part of a kind, 0 for an unknown kind. */
size_t fact_fixed_size(uint8_t kind);

static inline int fact_is_posting(uint8_t kind)
{
    return (kind >= FACT_TRANSFER && kind <= FACT_RETURNED) || kind == FACT_HOLD_CAPTURED ||
           (kind >= FACT_EXCHANGE_OUT && kind <= FACT_EXCHANGE_RESIDUE) ||
           (kind >= FACT_REMITTANCE_PULLED && kind <= FACT_REMITTANCE_RETURNED);
}

/* The fixed part of a posting: its trailer follows. */
static inline size_t fact_posting_size(uint8_t kind)
{
    if (kind == FACT_HOLD_CAPTURED)
        return sizeof(struct fact_capture);
    return kind >= FACT_REMITTANCE_PULLED ? sizeof(struct fact_remittance_posting)
                                          : sizeof(struct fact_posting);
}

/* From the id of an exchange to that of the leg that a posting of this kind is of, and back: from a posting's id to that of its
 * exchange. Halves of the id are XORed with "exchange", the second one for the leg out, the first one for the leg in, so that ids that
 * count up do not meet. nil: the kind is no posting of an exchange. */
static inline struct uuid fact_exchange_leg(uint8_t kind, const struct uuid *id)
{
    struct uuid other = {{0}};
    if (kind < FACT_EXCHANGE_OUT || kind > FACT_EXCHANGE_RESIDUE)
        return other;
    other = *id;
    for (size_t i = 0; i < 8; i++)
        other.bytes[kind == FACT_EXCHANGE_OUT ? 8 + i : i] ^= (uint8_t) "exchange"[i];
    return other;
}

static inline int fact_is_remittance(uint8_t kind)
{
    return kind >= FACT_REMITTANCE_REQUESTED && kind <= FACT_REMITTANCE_RETURNED;
}

static inline int fact_is_hold(uint8_t kind)
{
    return kind >= FACT_HOLD_OPENED && kind <= FACT_HOLD_EXPIRED;
}

static inline int fact_is_group(uint8_t kind)
{
    return kind >= FACT_GROUP_STARTED && kind <= FACT_GROUP_ANSWERED;
}

/* The FX desk's tables: struct fact_rate, struct fact_pair. */
static inline int fact_is_desk(uint8_t kind)
{
    return kind == FACT_RATE_SET || kind == FACT_PAIR_SET;
}

/* Checks one fact at the head of `length` bytes: known kind, whole words, inside the bytes, trailer well
 * formed, group counts within the length. *size receives its length in bytes. Used on bytes read from
 * disk before evolve sees them. */
enum err fact_check(const uint8_t *bytes, size_t length, size_t *size) MUST_USE;

#endif
