/* teller for C programs: one client object talks to one broker over ZeroMQ (docs/WIRE.md).
 *
 *     struct teller_options options = teller_options_default();
 *     struct teller *client = teller_new(&options);
 *     struct teller_item item = {.kind = TELLER_TRANSFER, .id = teller_id_new(), .from = …, .to = …,
 *                                .amount = 1250, .currency = currency_find("USD", 3)};
 *     struct teller_row row;
 *     struct teller_answer answer;
 *     if (teller_post(client, &item, &row, &answer) == ERR_OK && answer.code == CODE_OK)
 *         … row.from_balance …
 *     teller_destroy(&client);
 *
 * Two results, never mixed. The enum err of a call tells whether there is an answer; the answer's code tells what
 * was decided.
 *
 *     ERR_OK         there is an answer: look at its code
 *     ERR_CLOSED     no server could be reached and nothing was sent: nothing happened
 *     ERR_TIMEOUT    it was sent, and no answer came in all attempts: the outcome is not known.
 *                    Ask again with the same id, now or in an hour: the answer is then the first one
 *     ERR_INVALID    the answer is not what the protocol describes: the outcome is not known
 *     ERR_RANGE      larger than a message may be; nothing was sent
 *     ERR_FULL       too many messages are in flight; nothing was sent: poll first
 *     ERR_NO_MEMORY  nothing was sent
 *
 * Retries. A request that is not answered in time, or is answered BUSY or UNKNOWN, is sent again, the same bytes with the
 * same ids, after a pause that doubles. When nothing at all came in meanwhile, the connection is made anew. An id moves
 * money at most once, so asking again is always safe. A row that has a definite answer keeps it. BUSY and
 * DEADLINE_EXCEEDED mean "nothing happened" only while no earlier attempt may have happened; after one, the
 * code is UNKNOWN.
 *
 * Threads. A client is not thread-safe: one client for each thread. Different clients share nothing but what
 * the caller gives them (options.context).
 *
 * Strings in answers are borrowed from the last reply: they last until the next call on the same client, other
 * than the functions that do not talk to the server.
 */
#ifndef TELLER_H
#define TELLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/err.h"
#include "actors/base/money.h"
#include "actors/base/str.h"
#include "actors/base/text.h"
#include "actors/base/uuid.h"

enum {
    TELLER_BATCH_MAX = 16384, /* rows of a batch: items, groups, and items of groups */
    TELLER_GROUP_MAX = 64,    /* items of a group */
    TELLER_PAGE_MAX = 1000,   /* accounts or history entries of a page; queries of teller_histories */
    TELLER_PARTITIONS_MAX = 64,
    TELLER_WINDOW_MAX = 32768,
    TELLER_MESSAGE_MAX = 127, /* bytes of an answer's message */
};

#define TELLER_ENDPOINT_DEFAULT "tcp://127.0.0.1:7700"

/* ---- a client --------------------------------------------------------------------------------- */

struct teller;

struct teller_options {
    const char *endpoint;
    int64_t connect_timeout_ms; /* how long a first message waits for a connection (2,000) */
    int64_t timeout_ms;         /* how long one attempt waits for its answer (5,000) */
    int64_t pause_ms;           /* before the second attempt; doubles up to 1 s (20) */
    uint32_t retries;           /* attempts after the first (5) */
    uint32_t window;            /* messages in flight, 1 .. TELLER_WINDOW_MAX (64) */
    void *context;              /* a ZeroMQ context to use; NULL: one of its own */
};

struct teller_options teller_options_default(void);

/* Talks to nobody yet. options and its endpoint are copied. NULL: no memory, or the endpoint is not one (errno EINVAL). */
struct teller *teller_new(const struct teller_options *options);

/* Requests in flight are given up; their callbacks are not called. */
void teller_destroy(struct teller **self_p);

/* What was decided on one request. */
struct teller_answer {
    enum code code;
    enum field field;
    char message[TELLER_MESSAGE_MAX + 1]; /* a sentence for people; "" when code is CODE_OK */
};

/* ---- ids -------------------------------------------------------------------------------------- */

/* A new UUID of version 7: ordered by time, which is the faster kind for the ledger. Aborts only if the system has no
 * random numbers. Not of a client: any thread. */
struct uuid teller_id_new(void);

/* A new UUID of version 4: nothing but random. */
struct uuid teller_id_new_random(void);

/* Another UUID of version 7, from a generator of the client: no system call, a few nanoseconds, strictly
 * ascending. Unique as the others are. */
struct uuid teller_id_next(struct teller *self);

/* ---- money ------------------------------------------------------------------------------------ */

enum teller_kind {
    TELLER_TRANSFER = 1,
    TELLER_DEPOSIT = 2,
    TELLER_WITHDRAW = 3,
    TELLER_GROUP = 4,
    TELLER_HOLD = 5,    /* sets money of `from` aside; id is the hold's from now on */
    TELLER_CAPTURE = 6, /* pays out of a hold */
    TELLER_RELEASE = 7, /* lets all that is held go */
    TELLER_EXCHANGE = 8 /* both legs at a quote's amounts */
};

struct teller_item {
    enum teller_kind kind;
    currency_index currency; /* currency_find("USD", 3); RELEASE: not looked at */
    uint16_t item_count;     /* GROUP */
    bool keeps_rest;         /* CAPTURE: what is not captured stays held */
    int64_t amount;          /* minor units: 1250 is 12.50 dollars. CAPTURE: 0: all that is held */
    int64_t deadline_us;     /* since 1970; 0: none. Counted in whole milliseconds */
    int64_t expires_us;      /* HOLD: since 1970; 0: never */
    struct uuid id;          /* keep it until the outcome is known */
    struct uuid hold;        /* CAPTURE, RELEASE */
    struct str from;         /* all but DEPOSIT */
    struct str to;           /* TRANSFER, DEPOSIT, EXCHANGE */
    struct str memo;         /* may be empty, as may be the next */
    struct str reference;
    const struct teller_item *items; /* GROUP: all or none; no groups inside */
    int64_t
        rate; /* TRANSFER, DEPOSIT, WITHDRAW: base currency for one unit, 10^-10 (actors/base/rate.h); 0: none */
    struct uuid quote; /* EXCHANGE: the quote says both amounts; amount and currency are not used */
};

/* The answer to one item. A group has a row for itself and then one for each of its items. */
struct teller_row {
    uint8_t code;  /* enum code */
    uint8_t field; /* enum field */
    uint8_t has_from, has_to;
    uint16_t group_count; /* of a group's own row: how many rows of items follow it */
    int64_t from_balance; /* after the posting, minor units, where has_from */
    int64_t to_balance;
};

/* One item, and its outcome. For a group, row is the group's own. */
enum err teller_post(struct teller *self, const struct teller_item *item, struct teller_row *row,
                     struct teller_answer *answer) MUST_USE;

/* ---- batches ---------------------------------------------------------------------------------- */

/* Items that travel together. Once the client knows the number of partitions (teller_version), a batch is kept as one message for each
 * partition that pays, the fast way through the broker; before that, as one message. Items of one message are carried
 * out in order. Between messages there is no order: an item that spends what another one of the same batch brings is sure to
 * come after it only when both pay from the same partition.
 *
 * Building allocates nothing for each item, and sending hands the bytes over without a copy. */
struct teller_batch;

/* NULL: no memory. Destroy it before its client. */
struct teller_batch *teller_batch_new(struct teller *client);
void teller_batch_destroy(struct teller_batch **self_p);

/* Writes the item into the batch; nothing of it is referred to afterwards. ERR_RANGE: the batch has
 * TELLER_BATCH_MAX rows, or strings are far above their limits; the batch is as it was. ERR_NO_MEMORY: the batch must be cleared. */
enum err teller_batch_add(struct teller_batch *self, const struct teller_item *item) MUST_USE;

/* Rows of the answer so far. */
uint32_t teller_batch_rows(const struct teller_batch *self);

/* For all items that have no earlier deadline of their own; 0: none. Set it before sending; kept until cleared. */
void teller_batch_set_deadline(struct teller_batch *self, int64_t deadline_us);

void teller_batch_clear(struct teller_batch *self);

struct teller_result {
    enum err err;                /* of the message, or of the first part that failed */
    struct teller_answer answer; /* why a message as a whole was refused; else CODE_OK */
    const struct teller_row
        *rows; /* in the order of the items, whatever err is: rows without an answer are UNKNOWN if they
                                      may have happened, else BUSY */
    uint32_t row_count;
};

/* Sends the batch and waits for all of its rows. The batch is empty afterwards. The rows last until the next call on the client.
 * An empty batch is ERR_RANGE. */
enum err teller_batch_send(struct teller_batch *self, struct teller_result *result) MUST_USE;

/* ---- many in flight --------------------------------------------------------------------------- */

/* Called from inside teller_poll, or from any call that waits for an answer. The result lasts for the
 * call. It may submit; it must not poll, wait or destroy. */
typedef void teller_done(void *context, const struct teller_result *result);

/* Sends the batch, empties it and returns. ERR_FULL: options.window messages are in flight; the batch is
 * as it was. (A batch of several messages may go above the window.) */
enum err teller_submit(struct teller_batch *batch, teller_done *done, void *context) MUST_USE;

/* One item as a message of its own; no group. */
enum err teller_submit_item(struct teller *self, const struct teller_item *item, teller_done *done,
                            void *context) MUST_USE;

/* Waits until at least one callback has been called, at most timeout_ms (0: looks only; -1: without end), and calls
 * those that are due. Returns how many. 0 at once when nothing is in flight. */
size_t teller_poll(struct teller *self, int64_t timeout_ms);

/* Polls until nothing is in flight. Bounded by the attempts of each request. */
void teller_drain(struct teller *self);

/* Messages in flight. */
uint32_t teller_in_flight(const struct teller *self);

/* ---- accounts --------------------------------------------------------------------------------- */

enum teller_account_kind {
    TELLER_ACCOUNT_OPEN,
    TELLER_ACCOUNT_CHANGE,
    TELLER_ACCOUNT_FREEZE,
    TELLER_ACCOUNT_UNFREEZE,
    TELLER_ACCOUNT_CLOSE
};

enum {
    TELLER_SETS_OWNER = 1,
    TELLER_SETS_PRODUCT = 2,
    TELLER_SETS_MINIMUM_BALANCE = 4,
    TELLER_SETS_CEILING = 8,
};

#define TELLER_CEILING_NONE INT64_MAX

struct teller_account_command {
    enum teller_account_kind kind;
    unsigned sets;           /* CHANGE: what of the following to change */
    currency_index currency; /* OPEN */
    struct uuid id;          /* OPEN: nil: a new one is made, so that asking again opens no second account */
    struct str account;      /* OPEN: empty: teller assigns one */
    struct str owner;
    struct str product; /* may be empty */
    struct str memo;    /* may be empty */
    int64_t minimum_balance;
    int64_t ceiling; /* TELLER_CEILING_NONE */
    bool fx;         /* OPEN: it keeps a book value in the node's base currency */
};

enum teller_account_state { TELLER_ACTIVE = 1, TELLER_FROZEN = 2, TELLER_CLOSED = 3 };

struct teller_account {
    char account[ACCOUNT_ID_MAX + 1];
    char owner[OWNER_MAX + 1];
    char product[PRODUCT_MAX + 1];
    enum teller_account_state state;
    currency_index currency;
    int64_t balance, pending, available, minimum_balance;
    int64_t ceiling; /* TELLER_CEILING_NONE */
    int64_t opened_us;
    currency_index base;  /* of the book value; CURRENCY_NONE: it keeps none */
    int64_t book_value;   /* what the balance cost, minor units of base */
    int64_t average_rate; /* base for one unit, 10^-10; 0: none to show */
};

/* out is set when answer->code is CODE_OK; so in all that follow. */
enum err teller_account(struct teller *self, const struct teller_account_command *command,
                        struct teller_account *out, struct teller_answer *answer) MUST_USE;
enum err teller_account_show(struct teller *self, struct str account, struct teller_account *out,
                             struct teller_answer *answer) MUST_USE;

/* The same as teller_account, without waiting. The result has an answer and no rows. */
enum err teller_submit_account(struct teller *self, const struct teller_account_command *command,
                               teller_done *done, void *context) MUST_USE;

struct teller_list_query {
    struct str owner;  /* empty: all */
    uint32_t limit;    /* 1 .. TELLER_PAGE_MAX */
    struct str cursor; /* empty: from the start */
};

/* accounts has room for query->limit. *cursor is empty when this was the last page; a page may be shorter than its limit. */
enum err teller_account_list(struct teller *self, const struct teller_list_query *query,
                             struct teller_account *accounts, size_t *count, struct str *cursor,
                             struct teller_answer *answer) MUST_USE;

/* ---- holds ------------------------------------------------------------------------------------ */

enum teller_hold_state { TELLER_HOLD_OPEN, TELLER_HOLD_CAPTURED, TELLER_HOLD_RELEASED, TELLER_HOLD_EXPIRED };

struct teller_hold {
    struct uuid id; /* the transaction id that opened it */
    enum teller_hold_state state;
    currency_index currency;
    int64_t amount; /* as opened */
    int64_t held;   /* 0: it has ended */
    int64_t opened_us;
    int64_t expires_us; /* 0: never */
    char account[ACCOUNT_ID_MAX + 1];
    char memo[MEMO_MAX + 1];
    char reference[REFERENCE_MAX + 1];
};

/* Open or ended. */
enum err teller_hold_show(struct teller *self, struct str account, const struct uuid *hold,
                          struct teller_hold *out, struct teller_answer *answer) MUST_USE;

struct teller_holds_query {
    struct str account;
    uint32_t limit;    /* 1 .. TELLER_PAGE_MAX */
    struct str cursor; /* empty: from the oldest */
};

/* The open ones, in order of opening. holds has room for query->limit. *cursor is empty when this was the last page. */
enum err teller_hold_list(struct teller *self, const struct teller_holds_query *query,
                          struct teller_hold *holds, size_t *count, struct str *cursor,
                          struct teller_answer *answer) MUST_USE;

/* ---- manual deposits and withdrawals ---------------------------------------------------------- */

/* One operator proposes, another approves or rejects; nothing moves before an approval. */
struct teller_proposal_command {
    enum teller_kind kind; /* TELLER_DEPOSIT or TELLER_WITHDRAW */
    currency_index currency;
    struct uuid id; /* the proposal's, and later the posting's; keep it until the outcome is known */
    struct str account;
    int64_t amount;           /* minor units */
    int64_t rate;             /* base currency for one unit, 10^-10 (actors/base/rate.h); 0: none */
    int64_t expires_us;       /* since 1970; 0: a day from now */
    struct str reason;        /* the memo of the posting */
    struct str operator_name; /* who proposes */
};

struct teller_decision {
    bool approves; /* else it rejects */
    struct str account;
    struct uuid proposal;
    struct str operator_name; /* who decides */
    struct str reason;        /* may be empty */
};

enum teller_proposal_state {
    TELLER_PROPOSED = 1,
    TELLER_APPROVED = 2,
    TELLER_REJECTED = 3,
    TELLER_EXPIRED = 4
};

struct teller_proposal {
    struct uuid id;
    enum teller_kind kind;
    enum teller_proposal_state state;
    currency_index currency;
    int64_t amount;
    int64_t rate; /* 0: none */
    int64_t expires_us;
    int64_t balance; /* TELLER_APPROVED: the account's, after the posting */
    char account[ACCOUNT_ID_MAX + 1];
    char reason[MEMO_MAX + 1];
    char proposed_by[OWNER_MAX + 1];
    char decided_by[OWNER_MAX + 1]; /* empty: nobody has decided */
    char decided_reason[MEMO_MAX + 1];
};

enum err teller_propose(struct teller *self, const struct teller_proposal_command *command,
                        struct teller_proposal *out, struct teller_answer *answer) MUST_USE;

/* Approves and posts, or rejects. Where the posting is refused, the answer has its code and the proposal stays open. */
enum err teller_decide(struct teller *self, const struct teller_decision *decision,
                       struct teller_proposal *out, struct teller_answer *answer) MUST_USE;

enum err teller_proposal_show(struct teller *self, struct str account, const struct uuid *proposal,
                              struct teller_proposal *out, struct teller_answer *answer) MUST_USE;

/* The open ones. proposals has room for limit, 1 .. TELLER_PAGE_MAX; from and cursor as in teller_account_list. */
enum err teller_proposal_list(struct teller *self, uint32_t limit, struct str from,
                              struct teller_proposal *proposals, size_t *count, struct str *cursor,
                              struct teller_answer *answer) MUST_USE;

/* ---- the FX desk ------------------------------------------------------------------------------ */

/* A quote is a promise: so much of one currency for so much of another, for some seconds. A TELLER_EXCHANGE uses it. */
enum teller_quote_side { TELLER_SELL = 1, TELLER_BUY = 2 };
enum teller_quote_state { TELLER_QUOTE_OPEN, TELLER_QUOTE_USED, TELLER_QUOTE_EXPIRED };

struct teller_quote_command {
    struct uuid id;              /* the quote's; the same again gives the same quote */
    struct str account;          /* that would pay */
    currency_index sell, buy;    /* what it would give, and what it would get */
    enum teller_quote_side side; /* which of the two the amount is of */
    int64_t amount;              /* minor units */
};

struct teller_quote {
    struct uuid id;
    enum teller_quote_state state;
    enum teller_quote_side side;
    currency_index sell, buy;
    char account[ACCOUNT_ID_MAX + 1];
    int64_t sell_amount, buy_amount;
    int64_t rate, mid; /* buy per sell, 10^-10 (actors/base/rate.h): with and without the spread, to show */
    int64_t spread, residue; /* minor units of buy */
    int64_t expires_us;
};

enum err teller_quote(struct teller *self, const struct teller_quote_command *command,
                      struct teller_quote *out, struct teller_answer *answer) MUST_USE;
enum err teller_quote_show(struct teller *self, struct str account, const struct uuid *quote,
                           struct teller_quote *out, struct teller_answer *answer) MUST_USE;

enum { TELLER_RATES_MAX = 512, TELLER_PAIRS_MAX = 512 };

struct teller_rate {
    currency_index base, counter;
    int64_t rate;   /* of counter for `units` of base, 10^-10 */
    uint32_t units; /* 1 .. 10,000 */
    int64_t as_of_us, age_limit_us;
    char source[PRODUCT_MAX + 1]; /* "": not said */
    bool is_stale;                /* of an answer */
};

struct teller_pair {
    currency_index base, counter; /* in any order */
    uint32_t spread_ppm;
    int64_t valid_us;
};

/* In all partitions. Where the answer is not OK, some may have it: repeat; the same again changes nothing. operator_name may be
 * empty. */
enum err teller_rate_set(struct teller *self, const struct teller_rate *rate, struct str operator_name,
                         struct teller_answer *answer) MUST_USE;
enum err teller_pair_set(struct teller *self, const struct teller_pair *pair, struct str operator_name,
                         struct teller_answer *answer) MUST_USE;

/* What quotes are made of. rates has room for TELLER_RATES_MAX, pairs for TELLER_PAIRS_MAX. */
enum err teller_desk(struct teller *self, struct teller_rate *rates, size_t *rate_count,
                     struct teller_pair *pairs, size_t *pair_count, struct teller_answer *answer) MUST_USE;

/* ---- reading ---------------------------------------------------------------------------------- */

struct teller_balance {
    struct str account;
    currency_index currency;
    bool is_past; /* as of a past time: pending and available are not known */
    int64_t balance, pending, available;
    int64_t at_us;
};

/* at_us: as of that time; below zero: now. */
enum err teller_balance(struct teller *self, struct str account, int64_t at_us, struct teller_balance *out,
                        struct teller_answer *answer) MUST_USE;

enum teller_entry_kind {
    TELLER_ENTRY_TRANSFER,
    TELLER_ENTRY_DEPOSIT,
    TELLER_ENTRY_WITHDRAWAL,
    TELLER_ENTRY_SENT,     /* to an account of another partition */
    TELLER_ENTRY_RECEIVED, /* from one */
    TELLER_ENTRY_RETURNED, /* what the other side refused */
    TELLER_ENTRY_OPENED,
    TELLER_ENTRY_CHANGED,
    TELLER_ENTRY_FROZEN,
    TELLER_ENTRY_UNFROZEN,
    TELLER_ENTRY_CLOSED,
    TELLER_ENTRY_HOLD_OPENED,   /* amount: what is held; no money moved */
    TELLER_ENTRY_CAPTURED,      /* paid out of a hold */
    TELLER_ENTRY_HOLD_RELEASED, /* amount: what was let go, as in the next */
    TELLER_ENTRY_HOLD_EXPIRED,
    TELLER_ENTRY_EXCHANGE_OUT,      /* sold: to the house */
    TELLER_ENTRY_EXCHANGE_IN,       /* bought: from the house */
    TELLER_ENTRY_EXCHANGE_SPREAD,   /* of house accounts: what teller has earned */
    TELLER_ENTRY_EXCHANGE_RESIDUE,  /* … and what rounding left */
    TELLER_ENTRY_REMITTANCE_PULLED, /* of house accounts: come in at a bank */
    TELLER_ENTRY_REMITTANCE_DEPOSITED,
    TELLER_ENTRY_REMITTANCE_WITHDRAWN,
    TELLER_ENTRY_REMITTANCE_PAID,     /* of house accounts: gone out at a bank */
    TELLER_ENTRY_REMITTANCE_RETURNED, /* to the account: an operator has ended it so */
};

/* "transfer", "withdrawal" …; static storage. */
const char *teller_entry_kind_name(enum teller_entry_kind kind);

enum teller_direction { TELLER_NO_DIRECTION, TELLER_IN, TELLER_OUT };

struct teller_entry {
    enum teller_entry_kind kind;
    enum teller_direction direction;
    int64_t time_us;
    struct uuid id; /* nil: none */
    int64_t amount;
    int64_t balance; /* after it */
    uint64_t position;
    struct str counterparty, memo, reference; /* may be empty */
    int64_t rate;                             /* base currency for one unit, 10^-10; 0: none was given */
    bool has_book;                            /* the others are set: of an account that keeps a book value */
    int64_t value, cost;  /* minor units of the base currency; the gain of a debit is value - cost */
    int64_t book_value;   /* after it */
    int64_t average_rate; /* after it; 0: none to show */
    struct uuid hold;     /* nil: it is about none */
    int64_t pending;      /* with a hold: the account's, after it */
    int64_t expires_us;   /* of the hold; 0: never */
    struct str bank, bank_reference; /* of a remittance; may be empty */
    struct uuid exchange;            /* nil: it is of none. The entry's own id is that of one leg */
};

struct teller_history_query {
    struct str account;
    uint32_t limit;    /* 1 .. TELLER_PAGE_MAX */
    struct str cursor; /* empty: from the newest */
    bool has_before, has_after;
    int64_t before_us; /* entries before it */
    int64_t after_us;  /* entries at or after it */
};

/* Newest first. entries has room for query->limit. */
enum err teller_history(struct teller *self, const struct teller_history_query *query,
                        struct teller_entry *entries, size_t *count, struct str *cursor,
                        struct teller_answer *answer) MUST_USE;

/* Called for each query in order; entries, and strings in them, last for the call. */
typedef void teller_page(void *context, size_t query, const struct teller_answer *answer,
                         const struct teller_entry *entries, size_t count, struct str cursor);

/* Many histories in one message. */
enum err teller_histories(struct teller *self, const struct teller_history_query *queries, size_t count,
                          teller_page *page, void *context, struct teller_answer *answer) MUST_USE;

enum teller_transfer_status { TELLER_SUCCESS, TELLER_FAILED, TELLER_PENDING };

/* A transfer's kind beside those of enum teller_kind. */
enum { TELLER_SHOWN_REMITTANCE = 11 };

/* What became of a transaction id. */
struct teller_transfer {
    struct uuid id;
    enum teller_transfer_status status;
    enum code code;
    uint8_t kind;            /* enum teller_kind, TELLER_SHOWN_REMITTANCE; 0: not known */
    currency_index currency; /* CURRENCY_NONE: not known */
    int64_t amount;          /* 0: not known */
    int64_t time_us;
    struct str from, to, memo, reference; /* empty: none, or not known */
};

enum err teller_transfer_show(struct teller *self, const struct uuid *id, struct teller_transfer *out,
                              struct teller_answer *answer) MUST_USE;

/* ---- published rates ---------------------------------------------------------------------------- */

/* What is not asked for stays empty: latest takes source, and perhaps base and counter; asof also date; range date, to, limit
 * (1 to TELLER_PAGE_MAX) and the cursor of the page before. Dates are "2026-11-21". */
struct teller_rate_query {
    struct str source, base, counter, date, to, cursor;
    uint32_t limit;
};

/* All give the msgpack of the reply's body (docs/WIRE.md, Rates). */
enum err teller_rate_latest(struct teller *self, const struct teller_rate_query *asked, struct str *body,
                            struct teller_answer *answer) MUST_USE;
enum err teller_rate_asof(struct teller *self, const struct teller_rate_query *asked, struct str *body,
                          struct teller_answer *answer) MUST_USE;
enum err teller_rate_range(struct teller *self, const struct teller_rate_query *asked, struct str *body,
                           struct teller_answer *answer) MUST_USE;
enum err teller_rate_review(struct teller *self, struct str *body, struct teller_answer *answer) MUST_USE;
enum err teller_rate_sources(struct teller *self, struct str *body, struct teller_answer *answer) MUST_USE;
/* Ends the wait of a rate: accepted or rejected. Asking again after it was decided is RATE_NOT_FOUND. */
enum err teller_rate_decide(struct teller *self, uint64_t id, bool accepts, struct str operator_name,
                            struct str *body, struct teller_answer *answer) MUST_USE;

/* ---- subscribers to events: docs/EVENTS.md ------------------------------------------------------ */

struct teller_subscriber {
    struct str name, url, secret;
    bool is_from_start; /* false: only what happens from now on */
    bool is_for_alarms; /* it gets alarms of remittances and their ends, and nothing else */
};

/* Adds a webhook, or changes the url, the secret and which events of the one of that name. */
enum err teller_subscriber_add(struct teller *self, const struct teller_subscriber *subscriber,
                               struct teller_answer *answer) MUST_USE;
enum err teller_subscriber_remove(struct teller *self, struct str name,
                                  struct teller_answer *answer) MUST_USE;

/* Lists, as the msgpack of the reply's body. name empty: of all subscribers. */
enum err teller_subscriber_list(struct teller *self, struct str *body, struct teller_answer *answer) MUST_USE;
enum err teller_letter_list(struct teller *self, struct str name, uint32_t limit, struct str cursor,
                            struct str *body, struct teller_answer *answer) MUST_USE;

enum err teller_letter_retry(struct teller *self, uint64_t id, struct str operator_name,
                             struct teller_answer *answer) MUST_USE;
enum err teller_letter_resolve(struct teller *self, uint64_t id, struct str operator_name, struct str reason,
                               struct teller_answer *answer) MUST_USE;

/* ---- any operation ------------------------------------------------------------------------------ */

#define TELLER_ANY_PARTITION UINT32_MAX

/* By its name and its body as one msgpack value (docs/WIRE.md): for operations that have no function here, such as those on
 * remittances and banks. body receives that of an OK answer. ERR_INVALID: no operation of that name, or an answer that is
 * not of the protocol. */
enum err teller_ask(struct teller *self, struct str operation, uint32_t partition, struct str request,
                    struct str *body, struct teller_answer *answer) MUST_USE;

/* ---- the node --------------------------------------------------------------------------------- */

struct teller_version {
    struct str name, version;
    uint32_t protocol;
    uint32_t partitions;
};

/* Also teaches the client the number of partitions; batches built from then on are grouped. */
enum err teller_version(struct teller *self, struct teller_version *out,
                        struct teller_answer *answer) MUST_USE;

/* As learned by teller_version; 0: not known. */
uint32_t teller_partitions(const struct teller *self);

/* The partition of an account id; partitions is not 0. */
uint32_t teller_partition_of(struct str account, uint32_t partitions);

enum teller_partition_state { TELLER_STARTING, TELLER_SERVING, TELLER_FULL, TELLER_STOPPED };

struct teller_health {
    bool is_ok;
    uint32_t partitions;
    enum teller_partition_state states[TELLER_PARTITIONS_MAX];
};

enum err teller_health(struct teller *self, struct teller_health *out, struct teller_answer *answer) MUST_USE;

/* Counters, as the msgpack of the reply's body. */
enum err teller_status(struct teller *self, struct str *body, struct teller_answer *answer) MUST_USE;

/* Figures since the node started. is_text: in Prometheus' text format; else as the msgpack of the reply's body. */
enum err teller_metrics(struct teller *self, bool is_text, struct str *body,
                        struct teller_answer *answer) MUST_USE;

#endif
