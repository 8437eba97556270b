/* The ledger core: the accounts of one partition and everything that changes in step with them.
 *
 * Pure: no clock, no socket, no thread, no file, no random source. Time comes with each call, memory
 * from `mem`, stored facts and ids through `ports`. The same journal always gives the same state.
 *
 * How a shell drives it:
 *
 *     ledger_post / ledger_account / ledger_peer …   decide and evolve, any number of times
 *     unit = ledger_take()                           facts to make durable, and the effects that wait
 *     append the facts to the journal                JOURNAL_OK, else never release the effects
 *     run the unit's effects                         answers, messages to peers
 *     ledger_release(unit)
 *
 * One unit may be in the store's hands while the next one is filled (at most LEDGER_UNITS_MAX are
 * taken and not released). State runs ahead of the disk by those units; nothing that was
 * computed from it leaves before its unit is durable.
 *
 * Two kinds of change only: decide (reads) appends facts; ledger_evolve applies one fact and cannot fail.
 * Recovery, replay and audit feed stored facts to the same ledger_evolve.
 */
#ifndef TELLER_LEDGER_LEDGER_H
#define TELLER_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/bank_call.h"
#include "actors/base/code.h"
#include "actors/base/err.h"
#include "actors/base/mem.h"
#include "actors/base/money.h"
#include "actors/base/str.h"
#include "actors/base/text.h"
#include "actors/base/uuid.h"

enum {
    LEDGER_PARTITIONS_MAX = 64,
    LEDGER_BATCH_MAX = 16384, /* rows of one ticket: items, and the items of groups */
    LEDGER_GROUP_MAX = 64,    /* items of one atomic group */
    LEDGER_UNITS_MAX = 2,
    LEDGER_PAGE_MAX = 1000, /* accounts of one list page */
};

struct ledger;

/* ---- what it is given ------------------------------------------------------------------------- */

/* How remittances are retried and watched. */
struct ledger_remittance_terms {
    uint32_t tries;   /* of a step in a round, 1 .. 255; so the rounds, from 0 */
    int64_t retry_us; /* between them */
    uint32_t rounds;  /* of the retry batch, after the first; 0: none */
    int64_t round_us; /* from a failure list into the next round; 0: only when the batch is asked for */
    int64_t alarm_us; /* a remittance that is unfinished after so long raises an alarm; 0: none does */
};

struct ledger_config {
    uint32_t partition;           /* 0 .. partitions - 1 */
    uint32_t partitions;          /* 1 .. LEDGER_PARTITIONS_MAX, fixed for the life of the data */
    uint64_t hash_key;            /* secret seed of the hash tables: chosen at init, not known to clients */
    int64_t id_retention_us;      /* how long a transaction id is remembered, at the least */
    uint32_t ids_in_memory;       /* ids of one in-memory table before it is sealed; a power of two */
    uint32_t link_window;         /* open requests to one peer before new ones are answered BUSY */
    uint64_t checkpoint_words;    /* a checkpoint pass is spread over so many words of facts */
    currency_index base_currency; /* of book values; the same in all partitions, for the life of the data */
    struct ledger_remittance_terms remittances;
};

/* Good defaults; partition 0 of 1, hash_key 0, won; remittances: 3 tries 10 s apart, 3 rounds 10 minutes apart, an alarm after 10
 * minutes. */
struct ledger_config ledger_config_default(void);

struct ledger_ports {
    void *context;
    /* Copies the durable fact at `position` (whole, trailer included) into out: its length in bytes, or
     * 0 when it cannot be read: the core then takes it for absent, so the shell must let out nothing that was decided
     * since, and give the core up. The core asks only for positions that it got from its own facts, and
     * finds those in units not yet released itself. */
    size_t (*fact_read)(void *context, uint64_t position, uint8_t *out, size_t capacity, int64_t *time_us);
    /* Looks for an id hash in one stored run (see checkpoint.h): calls match for each entry with that hash,
     * until match returns true. */
    void (*run_find)(void *context, uint32_t run, uint64_t hash,
                     bool (*match)(void *match_context, uint64_t position), void *match_context);
};

/* NULL: no memory. ports and mem are copied. */
struct ledger *ledger_new(const struct ledger_config *config, const struct ledger_ports *ports,
                          const struct mem *mem);
/* Frees everything, tickets without an answer too. The tickets and messages of a unit that is still taken
 * are the shell's to free before. */
void ledger_destroy(struct ledger **self_p);

/* The partition that owns an account id: FNV-1a 64 of its bytes, mixed, modulo partitions; reserved ids
 * ("house:…:N", "transit:…:N") name their partition. docs/WIRE.md has the algorithm: clients use it. */
uint32_t ledger_partition_of(struct str account_id, uint32_t partitions);

/* ---- money ------------------------------------------------------------------------------------ */

enum ledger_command_kind {
    COMMAND_TRANSFER = 1,
    COMMAND_DEPOSIT = 2,
    COMMAND_WITHDRAW = 3,
    COMMAND_GROUP = 4,
    COMMAND_HOLD = 5,
    COMMAND_CAPTURE = 6,
    COMMAND_RELEASE = 7,
    COMMAND_EXCHANGE = 8,
    /* the legs of an exchange, in groups that the core makes itself; a decoder never gives them */
    COMMAND_EXCHANGE_OUT = 9,
    COMMAND_EXCHANGE_IN = 10,
};

enum { COMMAND_KEEPS_REST = 1 };

/* One decoded item. Strings are borrowed for the duration of ledger_post. The decoder has checked every
 * field by itself (lengths, charset, 1 <= amount <= MONEY_MAX, currency known, id not nil, from != to);
 * where it found a fault it sets code and field, and the core only copies them into the row. */
struct ledger_command {
    uint8_t kind;            /* enum ledger_command_kind */
    uint8_t code;            /* enum code: CODE_OK, or why the decoder refuses it */
    uint8_t field;           /* enum field */
    currency_index currency; /* CURRENCY_NONE: RELEASE, EXCHANGE */
    uint16_t group_count;    /* GROUP: number of items */
    uint8_t flags;           /* CAPTURE: COMMAND_KEEPS_REST */
    int64_t amount;          /* minor units; CAPTURE: 0: all that is held; RELEASE, EXCHANGE: 0 */
    int64_t deadline_us;     /* 0: none */
    struct uuid id;
    struct str from; /* all but DEPOSIT, GROUP, EXCHANGE_IN; EXCHANGE_IN: the owner that `to` must have */
    struct str to;   /* TRANSFER, DEPOSIT, EXCHANGE, EXCHANGE_IN */
    struct str memo;
    struct str reference;
    union {
        const struct ledger_command *items; /* GROUP, not nested; EXCHANGE: the core's own use */
        int64_t rate; /* TRANSFER, DEPOSIT, WITHDRAW: base currency per unit (base/rate.h); 0: none */
        int64_t
            value; /* EXCHANGE_OUT, EXCHANGE_IN: of the amount, minor units of the base currency; 0: not known */
        int64_t expires_us; /* HOLD: 0: never */
    };
    union {
        struct uuid of; /* CAPTURE, RELEASE: the hold; EXCHANGE: the quote */
        struct {
            int64_t spread, residue; /* EXCHANGE_IN: what else leaves the house FX account, minor units */
        };
    };
};

/* The account that an item debits; empty: none. */
static inline struct str ledger_payer(const struct ledger_command *item)
{
    return item->kind == COMMAND_EXCHANGE_IN ? (struct str){0} : item->from;
}

enum { ROW_HAS_FROM = 1, ROW_HAS_TO = 2 };

/* The answer to one command. A group takes one row for itself, with group_count, and then one for
 * each of its items. */
struct ledger_row {
    uint8_t code;  /* enum code */
    uint8_t field; /* enum field, FIELD_NONE unless the code is about one */
    uint8_t has;   /* which balances are set */
    uint8_t zero;
    uint16_t group_count;
    uint16_t zero2;
    int64_t from_balance; /* after the posting, minor units */
    int64_t to_balance;
};

/* A request on its way: rows are filled as their outcomes become known; when the last is, the ticket
 * becomes an effect of the current unit. Owned by the core from ledger_ticket_new until it appears in a
 * unit, then by the shell, which gives it back with ledger_ticket_free. */
struct ledger_ticket {
    struct ledger_ticket *next;     /* in a unit's list; before that, the core's */
    struct ledger_ticket *previous; /* the core's */
    void *user;                     /* the shell's */
    uint32_t row_count;
    uint32_t open_count; /* rows without an outcome */
    struct ledger_row rows[];
};

/* NULL: no memory (answer BUSY). row_count: 1 .. LEDGER_BATCH_MAX. */
struct ledger_ticket *ledger_ticket_new(struct ledger *self, uint32_t row_count, void *user);
void ledger_ticket_free(struct ledger *self, struct ledger_ticket **ticket_p);

/* Decides commands in order and fills their rows, beginning with row 0; the ticket has exactly the rows
 * that the commands take. now_us: microseconds since 1970-01-01 UTC; a time before the last commit's counts
 * as that time. */
void ledger_post(struct ledger *self, int64_t now_us, struct ledger_ticket *ticket,
                 const struct ledger_command *commands, size_t count);

/* All tickets that have no outcome yet or whose outcome has not left, as a list: for a shell that must stop and
 * answers them UNKNOWN. After this the core takes no more calls but ledger_ticket_free and ledger_destroy. */
struct ledger_ticket *ledger_abandon(struct ledger *self);

/* true: new transfers, deposits and withdrawals are answered BUSY (free space is low). What is on
 * its way is still finished, and the same id still gets the same answer. */
void ledger_refuse_new(struct ledger *self, bool refuse);

/* ---- accounts --------------------------------------------------------------------------------- */

enum account_state { ACCOUNT_ACTIVE = 1, ACCOUNT_FROZEN = 2, ACCOUNT_CLOSED = 3 };

/* A copy of all that is known of one account. */
struct ledger_account_view {
    uint32_t index; /* in its partition */
    uint8_t state;  /* enum account_state */
    currency_index currency;
    uint8_t id_length, owner_length, product_length;
    char id[ACCOUNT_ID_MAX + 1]; /* NUL-terminated, as are the others */
    char owner[OWNER_MAX + 1];
    char product[PRODUCT_MAX + 1];
    int64_t balance;
    int64_t pending; /* sum of open holds */
    int64_t minimum_balance;
    int64_t ceiling; /* INT64_MAX: none */
    int64_t opened_us;
    uint64_t last_position; /* of the account's last fact: where its history begins, walking back */
    currency_index base;    /* of the book value; CURRENCY_NONE: it keeps none */
    int64_t book_value;     /* what the balance cost, minor units of base */
};

enum ledger_account_kind { ACCOUNT_OPEN, ACCOUNT_CHANGE, ACCOUNT_FREEZE, ACCOUNT_UNFREEZE, ACCOUNT_CLOSE };

enum { ACCOUNT_SETS_OWNER = 1, ACCOUNT_SETS_PRODUCT = 2, ACCOUNT_SETS_MINIMUM = 4, ACCOUNT_SETS_CEILING = 8 };

struct ledger_account_command {
    enum ledger_account_kind kind;
    unsigned sets;      /* CHANGE: which of the following to change */
    struct uuid id;     /* transaction id, or nil: an OPEN with an id is idempotent by it */
    struct str account; /* OPEN: empty = assign one */
    struct str owner;   /* OPEN: 1 .. OWNER_MAX */
    struct str product; /* may be empty */
    struct str memo;    /* kept in the account's history */
    currency_index currency;
    bool has_book;           /* OPEN: it keeps a book value; the currency is not the base currency */
    int64_t minimum_balance; /* below zero: an agreed overdraft */
    int64_t ceiling;         /* INT64_MAX: none; >= 0 and >= minimum_balance */
};

struct ledger_account_answer {
    enum code code;
    enum field field;
    struct ledger_account_view view; /* when code is CODE_OK */
};

/* Opens, changes, freezes, unfreezes or closes. Repeating a change that is already so is CODE_OK and
 * writes nothing. Fields have been checked by the decoder as for ledger_command. */
void ledger_account(struct ledger *self, int64_t now_us, const struct ledger_account_command *command,
                    struct ledger_account_answer *answer);

/* CODE_OK, CODE_ACCOUNT_NOT_FOUND or CODE_WRONG_PARTITION. The view shows evolved state: let it leave
 * with the current unit only. */
enum code ledger_account_show(const struct ledger *self, struct str account_id,
                              struct ledger_account_view *view);

/* Accounts in order of opening, index > after (UINT32_MAX: from the start); of one owner if owner is
 * not empty. Reserved accounts are listed only when owner is "teller". Returns how many were written to views. */
size_t ledger_account_list(const struct ledger *self, struct str owner, uint32_t after,
                           struct ledger_account_view *views, size_t limit);

/* Indices run from 0 to this, own accounts included. */
uint32_t ledger_account_count(const struct ledger *self);

/* By index: false when there is none. Used by readers of facts to name accounts. */
bool ledger_account_at(const struct ledger *self, uint32_t index, struct ledger_account_view *view);

/* Position of the fact that answers for a transaction id (a posting, FACT_SETTLED, FACT_RETURNED,
 * FACT_REFUSED or FACT_GROUP_…); 0: this partition does not know it. */
uint64_t ledger_transaction_find(struct ledger *self, const struct uuid *id);

/* ---- manual deposits and withdrawals ----------------------------------------------------------- */

enum { LEDGER_PROPOSALS_MAX = 4096 }; /* open ones of a partition; beyond that, BUSY */

enum proposal_state {
    PROPOSAL_PROPOSED = 1,
    PROPOSAL_APPROVED = 2,
    PROPOSAL_REJECTED = 3,
    PROPOSAL_EXPIRED = 4,
};

/* Strings are borrowed for the call; fields have been checked by the decoder as for ledger_command. */
struct ledger_proposal_command {
    uint8_t kind; /* COMMAND_DEPOSIT or COMMAND_WITHDRAW */
    currency_index currency;
    struct uuid id; /* transaction id: the proposal's, and later the posting's */
    struct str account;
    int64_t amount;           /* minor units */
    int64_t rate;             /* as of struct ledger_command; 0: none */
    int64_t expires_us;       /* 0: a day from now */
    struct str reason;        /* 1 .. MEMO_MAX; the memo of the posting */
    struct str operator_name; /* 1 .. OWNER_MAX: who proposes */
};

struct ledger_decision_command {
    bool approves; /* false: rejects */
    struct str account;
    struct uuid proposal;
    struct str operator_name; /* who decides */
    struct str reason;        /* may be empty */
};

/* A copy of all that is known of one proposal. Texts are NUL-terminated. */
struct ledger_proposal_view {
    struct uuid id;
    uint64_t position; /* of its FACT_PROPOSED */
    uint32_t account_index;
    uint8_t kind;  /* COMMAND_DEPOSIT or COMMAND_WITHDRAW */
    uint8_t state; /* enum proposal_state */
    currency_index currency;
    uint8_t account_length, reason_length, proposer_length, decider_length, decided_reason_length;
    char account[ACCOUNT_ID_MAX + 1];
    char reason[MEMO_MAX + 1];
    char proposer[OWNER_MAX + 1];
    char decider[OWNER_MAX + 1]; /* empty: nobody has decided */
    char decided_reason[MEMO_MAX + 1];
    int64_t amount;
    int64_t rate; /* 0: none */
    int64_t expires_us;
    int64_t balance; /* APPROVED: the account's, after the posting; else 0 */
};

struct ledger_proposal_answer {
    enum code code;
    enum field field;
    struct ledger_proposal_view view; /* when code is CODE_OK */
};

/* Opens a proposal; nothing moves. The same id with the same payload gives the proposal as it is now. A repeat that leaves
 * expires out says nothing about it. Let the answer leave with the current unit; so for the three that follow. */
void ledger_propose(struct ledger *self, int64_t now_us, const struct ledger_proposal_command *command,
                    struct ledger_proposal_answer *answer);

/* Approves, and posts in the same unit, or rejects. Where the posting is refused, the answer is its code and the proposal
 * stays open. The same step again by the same operator is CODE_OK and writes nothing. */
void ledger_proposal_decide(struct ledger *self, int64_t now_us,
                            const struct ledger_decision_command *command,
                            struct ledger_proposal_answer *answer);

/* Open, or ended and still remembered. */
void ledger_proposal_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *id,
                          struct ledger_proposal_answer *answer);

/* The open ones that were proposed behind position `after` (0: all), in order. Returns how many were written to views;
 * fewer than limit: there are no more. */
size_t ledger_proposal_list(struct ledger *self, int64_t now_us, uint64_t after,
                            struct ledger_proposal_view *views, size_t limit);

/* What memory holds of an open proposal. */
struct ledger_open_proposal {
    struct uuid id;
    uint64_t position; /* of its FACT_PROPOSED */
    int64_t expires_us;
    uint32_t account;
};

/* The first open one that was proposed behind position `after`. false: none. */
bool ledger_proposal_next(const struct ledger *self, uint64_t after, struct ledger_open_proposal *out);

/* ---- the FX desk ------------------------------------------------------------------------------- */

enum {
    LEDGER_RATES_MAX = 512, /* that a partition knows; beyond them BUSY */
    LEDGER_PAIRS_MAX = 512,
    LEDGER_RATE_UNITS_MAX = 10000,
    LEDGER_SPREAD_PPM_MAX = 500000,
};

/* units × base are worth rate × 10^-10 of counter, in major units (base/rate.h). */
struct ledger_rate {
    currency_index base, counter; /* two */
    uint8_t source_length;        /* 0: not said */
    char source[PRODUCT_MAX + 1];
    uint32_t units;       /* 1 .. LEDGER_RATE_UNITS_MAX */
    int64_t rate;         /* 1 .. RATE_MAX */
    int64_t as_of_us;     /* what time it is of */
    int64_t age_limit_us; /* above 0; after as_of_us + this it is stale */
};

/* Terms of a pair of two currencies, in either order. */
struct ledger_pair {
    currency_index one, other;
    uint32_t spread_ppm; /* of the mid rate, 0 .. LEDGER_SPREAD_PPM_MAX */
    int64_t valid_us;    /* above 0: how long a quote is good for */
};

/* How far a rate's time may be ahead: clocks differ. One from further ahead would keep every later rate away, and would never be
 * stale. */
#define LEDGER_RATE_AHEAD_MAX_US (INT64_C(24) * 3600 * 1000000)

/* Decoders have checked the values. CODE_OK: it is known from now on, or an equal or a newer rate is; CODE_BUSY;
 * CODE_INVALID_FIELD: as_of_us is too far ahead. They work while new money is refused, too. operator_name may be empty. */
enum code ledger_rate_set(struct ledger *self, int64_t now_us, const struct ledger_rate *rate,
                          struct str operator_name);
enum code ledger_pair_set(struct ledger *self, int64_t now_us, const struct ledger_pair *pair,
                          struct str operator_name);

/* What quotes are made of, in order of being heard of first; returns how many. */
size_t ledger_rates(const struct ledger *self, const struct ledger_rate **out);
size_t ledger_pairs(const struct ledger *self, const struct ledger_pair **out);

bool ledger_rate_is_stale(const struct ledger_rate *rate, int64_t now_us);

enum quote_side { QUOTE_SELL = 1, QUOTE_BUY = 2 }; /* journaled */

enum quote_state { QUOTE_OPEN, QUOTE_USED, QUOTE_EXPIRED };

struct ledger_quote_command {
    struct uuid id;
    struct str account;       /* that would pay */
    currency_index sell, buy; /* what it would give, and what it would get */
    uint8_t side;             /* enum quote_side: which of the two the amount is of */
    int64_t amount;           /* minor units, 1 .. MONEY_MAX */
};

struct ledger_quote_view {
    struct uuid id;
    uint8_t state; /* enum quote_state */
    uint8_t side;  /* enum quote_side */
    currency_index sell, buy;
    uint8_t account_length;
    char account[ACCOUNT_ID_MAX + 1]; /* NUL-terminated */
    int64_t sell_amount, buy_amount;  /* minor units */
    int64_t rate, mid;                /* buy per sell, 10^-10; to show */
    int64_t spread, residue;          /* minor units of buy */
    int64_t expires_us;               /* from then on it is expired */
};

struct ledger_quote_answer {
    enum code code;
    enum field field;
    struct ledger_quote_view view; /* when code is CODE_OK */
};

/* Makes a quote, or gives the one that its id has been used for already. Refusals are not kept. */
void ledger_quote(struct ledger *self, int64_t now_us, const struct ledger_quote_command *command,
                  struct ledger_quote_answer *answer);

/* CODE_OK, CODE_WRONG_PARTITION, CODE_ACCOUNT_NOT_FOUND or CODE_QUOTE_NOT_FOUND. It shows evolved state: let it leave with
 * the current unit only. */
void ledger_quote_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *quote,
                       struct ledger_quote_answer *answer);

/* ---- holds -------------------------------------------------------------------------------------- */

/* A copy of all that is known of one hold. Texts are NUL-terminated. */
struct ledger_hold_view {
    struct uuid id;
    enum code ended; /* CODE_OK: it is open; CODE_HOLD_CAPTURED, _RELEASED, _EXPIRED */
    uint32_t slot;   /* with `opened`, its place in a list */
    uint64_t opened; /* position of its FACT_HOLD_OPENED */
    int64_t amount;  /* as opened */
    int64_t held;    /* 0: it has ended */
    int64_t opened_us;
    int64_t expires_us; /* 0: never */
    uint8_t memo_length, reference_length;
    char memo[MEMO_MAX + 1];
    char reference[REFERENCE_MAX + 1];
};

/* Open, or ended and still remembered. CODE_OK; CODE_ACCOUNT_NOT_FOUND or CODE_WRONG_PARTITION; CODE_HOLD_NOT_FOUND;
 * CODE_UNKNOWN: it cannot be read. Let the answer leave with the current unit; so for the next. */
enum code ledger_hold_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *id,
                           struct ledger_hold_view *view);

/* A place in an account's list: behind the hold that was shown last. opened 0: the start. */
struct ledger_hold_place {
    uint32_t slot;
    uint64_t opened;
};

/* The open holds of an account, in order of opening. Fewer than limit: there are no more. Codes as above. */
enum code ledger_hold_list(struct ledger *self, int64_t now_us, struct str account,
                           const struct ledger_hold_place *after, struct ledger_hold_view *views,
                           size_t limit, size_t *count);

/* What memory has of a hold. */
struct ledger_open_hold {
    struct uuid id;
    uint64_t opened, last_position;
    int64_t held, expires_us, opened_us;
    uint32_t account, slot;
};

/* What stands in a slot; held is 0 where it is free. false: the slot was never used. */
bool ledger_hold_at(const struct ledger *self, uint32_t slot, struct ledger_open_hold *out);

/* The first open hold in slot `from` or behind it. false: none. */
bool ledger_hold_next(const struct ledger *self, uint32_t from, struct ledger_open_hold *out);

/* ---- remittances -------------------------------------------------------------------------------- */

/* See remittance_states.h. A remittance belongs to the partition of its account. What a bank is to do leaves with a unit (calls); what
 * came of it comes as a report. */

enum { LEDGER_REMITTANCES_MAX = 65536 }; /* open ones of a partition; beyond that, BUSY */
enum { LEDGER_REMITTANCE_TRAIL_MAX = 256 };

/* Strings are borrowed for the call; fields have been checked by the decoder as for ledger_command. */
struct ledger_remit_command {
    currency_index currency;
    bool
        operator_refunds; /* false: what cannot be pushed goes back by the rail; true: to an operator, as a dead letter */
    struct uuid id;     /* transaction id: the remittance's, and its postings' */
    struct str account; /* ours, where the money is deposited and withdrawn; it keeps no book value */
    int64_t amount;     /* minor units */
    struct str bank;    /* 1 .. BANK_NAME_MAX */
    struct str payer;   /* 1 .. BANK_PARTY_MAX: whose account is pulled from */
    struct str payee;   /* 1 .. BANK_PARTY_MAX */
    struct str memo;    /* may be empty, as may the next */
    struct str reference;
};

/* A copy of all that is known of one remittance. Texts are NUL-terminated. */
struct ledger_remittance_view {
    struct uuid id;
    uint64_t position;      /* of its FACT_REMITTANCE_REQUESTED */
    uint64_t last_position; /* of its newest fact */
    int64_t amount;
    int64_t requested_us;
    int64_t since_us; /* in this state */
    int64_t due_us;   /* of the next step by itself; 0: none */
    uint32_t account_index;
    enum code code; /* why a deposit or a withdrawal was refused last; CODE_OK: it was not */
    uint32_t calls; /* to the bank, so far */
    uint8_t state;  /* enum remittance_state */
    uint8_t step;   /* enum remittance_step */
    uint8_t tries, rounds;
    uint8_t flags; /* enum fact_remittance_flag */
    currency_index currency;
    char account[ACCOUNT_ID_MAX + 1];
    char bank[BANK_NAME_MAX + 1];
    char payer[BANK_PARTY_MAX + 1];
    char payee[BANK_PARTY_MAX + 1];
    char memo[MEMO_MAX + 1];
    char reference[REFERENCE_MAX + 1];
    char reason[BANK_REASON_MAX + 1];            /* of its newest fact */
    char bank_reference[BANK_REFERENCE_MAX + 1]; /* of its newest fact */
};

struct ledger_remittance_answer {
    enum code code;
    enum field field;
    struct ledger_remittance_view view; /* when code is CODE_OK */
};

/* Requests one. Nothing has moved yet: the pull is a call of this unit. The same id with the same payload gives the remittance
 * as it is now; with another, CODE_CONFLICT. Refusals are not kept. Let the answer leave with the current unit; so for all
 * that follow. */
void ledger_remit(struct ledger *self, int64_t now_us, const struct ledger_remit_command *command,
                  struct ledger_remittance_answer *answer);

/* Open, or ended and still remembered. CODE_REMITTANCE_NOT_FOUND (remittance). */
void ledger_remittance_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *id,
                            struct ledger_remittance_answer *answer);

/* One step of its trail: a state, since when, and why. */
struct ledger_remittance_entry {
    uint64_t position;
    int64_t at_us;
    uint8_t kind; /* enum fact_kind */
    uint8_t state, step, tries, rounds, flags;
    enum code code;
    uint32_t call;
    char reason[BANK_REASON_MAX + 1];
    char operator_name[OWNER_MAX + 1]; /* empty: nobody did it */
    char bank_reference[BANK_REFERENCE_MAX + 1];
};

/* The trail that ends with `last_position` of a view, newest first; returns how many were written, LEDGER_REMITTANCE_TRAIL_MAX at
 * the most. 0: a fact cannot be read. */
size_t ledger_remittance_trail(struct ledger *self, uint64_t last_position,
                               struct ledger_remittance_entry *entries, size_t limit);

enum remittance_list {
    REMITTANCE_LIST_OPEN,   /* all that have not ended */
    REMITTANCE_LIST_FAILED, /* all failure lists, and dead letters */
    REMITTANCE_LIST_PULL,   /* failure lists by step */
    REMITTANCE_LIST_DEPOSIT,
    REMITTANCE_LIST_WITHDRAWAL,
    REMITTANCE_LIST_PUSH,
    REMITTANCE_LIST_REFUND,
    REMITTANCE_LIST_DEAD,    /* dead letters */
    REMITTANCE_LIST_UNKNOWN, /* the bank's answer is not known */
    REMITTANCE_LIST_ALARMED, /* an alarm stands, or the bank has contradicted itself */
    REMITTANCE_LIST_COUNT
};

/* The open ones of a list that were requested behind position `after` (0: all), in order. Returns how many were written to
 * views; fewer than limit: there are no more. */
size_t ledger_remittance_list(struct ledger *self, int64_t now_us, enum remittance_list list, uint64_t after,
                              struct ledger_remittance_view *views, size_t limit);

enum remittance_action {
    REMITTANCE_RETRY, /* from _WAITING, _FAILED or DEAD_LETTER: tries and rounds begin anew, at once */
    REMITTANCE_REFUND, /* back to the payer by the rail: from DEPOSIT_ and PUSH_ _WAITING or _FAILED, or DEAD_LETTER at these */
    REMITTANCE_CANCEL, /* from PULL_, WITHDRAWAL_ and PUSH_ _WAITING or _FAILED, DEAD_LETTER at the last two: ends; what was pulled is, or
                           goes back, in the account */
    REMITTANCE_RESOLVE, /* from _FAILED or DEAD_LETTER: ends; `money` says where it went */
    REMITTANCE_SETTLE,  /* from _UNKNOWN: what the bank says when it is asked by telephone; as a report */
};

/* RESOLVE, of what is CLEARING; anything else is MONEY_STAYS. */
enum remittance_disposal { REMITTANCE_MONEY_STAYS, REMITTANCE_MONEY_TO_ACCOUNT, REMITTANCE_MONEY_TO_BANK };

struct ledger_remittance_command {
    uint8_t action;  /* enum remittance_action */
    uint8_t money;   /* enum remittance_disposal */
    uint8_t outcome; /* SETTLE: BANK_SUCCEEDED or BANK_FAILED (then permanent) */
    uint32_t call;   /* SETTLE: of the newest call, and only where it still is this one */
    struct str account;
    struct uuid remittance;
    struct str operator_name; /* 1 .. OWNER_MAX */
    struct str reason;        /* 1 .. BANK_REASON_MAX; may be empty with RETRY */
};

/* CODE_REMITTANCE_NOT_FOUND, CODE_REMITTANCE_ENDED, CODE_REMITTANCE_IN_BANK, CODE_REMITTANCE_NOT_HERE (all: remittance; the last also:
 * call, where the newest is another), CODE_INVALID_FIELD (money), CODE_BUSY, or the posting's code (account): nothing has changed. */
void ledger_remittance_act(struct ledger *self, int64_t now_us,
                           const struct ledger_remittance_command *command,
                           struct ledger_remittance_answer *answer);

/* The retry batch: begins the next round, now, of at most `limit` on the list (one of the five failure lists, or FAILED: all of
 * them) that have rounds left, in order of their requests. Returns how many. */
uint32_t ledger_remittance_batch(struct ledger *self, int64_t now_us, enum remittance_list list,
                                 uint32_t limit);

/* What a bank has said. An ack leaves with the current unit, but where there is no memory: then nothing has changed, and the
 * adapter reports again. */
void ledger_bank_report(struct ledger *self, int64_t now_us, const struct bank_report *report);

/* Puts the calls that have no final report into the current unit again, a bounded number, of remittances in slots from *slot on, and
 * moves *slot behind them. false: that was all. true: there are more from *slot on; where it has not moved, there is no memory now. */
bool ledger_bank_calls_again(struct ledger *self, int64_t now_us, uint32_t *slot);

/* What memory has of an open remittance. */
struct ledger_open_remittance {
    struct uuid id;
    uint64_t requested, last_position;
    int64_t amount, due_us, alarm_us;
    int64_t requested_us, called_us; /* called_us: of the newest call; 0: none yet */
    uint32_t account, slot, call;
    uint8_t state, step, tries, rounds, flags;
    uint8_t code; /* enum code */
};

/* The first open one in slot `from` or behind it. false: none. */
bool ledger_remittance_next(const struct ledger *self, uint32_t from, struct ledger_open_remittance *out);

/* Ends what is due by now, holds and proposals, and goes on with remittances, a bounded number a call. All calls that bring the time do this first; a
 * shell calls it when ledger_due_us has come and nobody else calls. */
void ledger_expire(struct ledger *self, int64_t now_us);

/* When something is due next; INT64_MAX: nothing. */
int64_t ledger_due_us(const struct ledger *self);

/* ---- other partitions ------------------------------------------------------------------------- */

/* Everything one partition tells another in one commit: requests (credits to make, group steps) in
 * order of their sequence, and answers to the other's requests, in order too. Both sides keep what
 * the other has not confirmed, so a message may be lost, repeated or reordered without harm. */
struct ledger_peer_message {
    uint32_t from, to;
    uint64_t request_first;    /* sequence of the first request */
    uint64_t answered_through; /* the sender has processed all answers up to this request of its own */
    uint64_t answer_first;     /* sequence (of the receiver's requests) of the first answer */
    uint32_t request_count, answer_count;
    size_t request_length, answer_length; /* bytes; see link.h */
    size_t capacity;
    uint8_t *bytes; /* requests, then answers */
};

/* Processes a message. Malformed bytes are a CHECK: peers are ourselves. */
void ledger_peer(struct ledger *self, int64_t now_us, const struct ledger_peer_message *message);

/* Puts everything that is still unconfirmed into the current unit again: after a restart, and when a
 * network between partitions may have lost something. */
void ledger_resend(struct ledger *self);

/* mem: as the sender's core was given it. Messages need no core, so one that has ended can still be relieved of them. */
void ledger_peer_message_free(const struct mem *mem, struct ledger_peer_message **message_p);

/* ---- units ------------------------------------------------------------------------------------ */

/* Rows for the state store; table numbers are enum state_table of store/state.h. */
struct ledger_put {
    uint8_t table;
    uint8_t key_length;
    uint8_t key[30];
    const uint8_t *value; /* NULL: delete */
    size_t value_offset;  /* the core's */
    size_t value_length;
};

/* For the log: a remittance is unfinished for too long, or that is over, or its bank has contradicted itself. */
struct ledger_alarm {
    struct uuid remittance;
    int64_t since_us; /* requested */
    uint8_t state;    /* enum remittance_state */
    bool is_over;
    bool is_contradiction;
};

struct ledger_unit {
    uint64_t position; /* of the first fact */
    int64_t time_us;
    uint32_t fact_count;
    size_t length; /* bytes of facts; 0: nothing to make durable */
    const uint8_t *facts;
    struct ledger_ticket *tickets; /* complete, in order of completion */
    struct ledger_peer_message **messages;
    size_t message_count;
    /* For the bank adapter, and for the log. The core's until the unit is released. */
    const struct bank_call *calls;
    const struct bank_ack *acks;
    const struct ledger_alarm *alarms;
    size_t call_count, ack_count, alarm_count;
    /* To apply to the state store after the facts are durable, all in one. */
    const struct ledger_put *puts;
    size_t put_count;
};

/* Bytes of facts waiting in the current unit: the shell bounds a commit by it. */
size_t ledger_pending_bytes(const struct ledger *self);

/* true when ledger_take would return something worth committing or sending. */
bool ledger_has_work(const struct ledger *self);

/* Ends the current unit and hands it over; NULL when there is nothing, or LEDGER_UNITS_MAX are out. */
struct ledger_unit *ledger_take(struct ledger *self);

/* The facts are durable, the puts are applied (from now on the core looks for their ids in the state
 * store), and the effects have been taken over by the shell (tickets and messages are not freed here).
 * Units are released in the order they were taken. */
void ledger_release(struct ledger *self, struct ledger_unit *unit);

/* Makes every later unit carry more checkpoint work, until the pass is complete: for a quiet moment or a
 * shutdown. false: nothing is left to write. */
bool ledger_checkpoint_hurry(struct ledger *self);

/* ---- recovery --------------------------------------------------------------------------------- */

/* Order: all records, then account chunks and id slices, then ledger_replay_from(), then every
 * stored commit from that position on, then ledger_recovered(). */
enum err ledger_restore(struct ledger *self, uint8_t table, const uint8_t *key, size_t key_length,
                        const uint8_t *value, size_t value_length) MUST_USE;

/* Where replay has to begin; FACT_FIRST without a checkpoint. */
uint64_t ledger_replay_from(struct ledger *self);

/* Applies one stored commit (facts checked with fact_check first). ERR_CORRUPT: it does not continue the
 * state (a gap, an account index or a balance that cannot be). */
enum err ledger_replay(struct ledger *self, uint64_t position, int64_t time_us, const uint8_t *facts,
                       size_t length) MUST_USE;

/* Between commits of a long replay, ledger_take may give a unit with puts only: apply them and release
 * it, so that memory stays bounded.
 *
 * Ends recovery. ERR_CORRUPT: an invariant does not hold. */
enum err ledger_recovered(struct ledger *self) MUST_USE;

/* Position of the next fact. */
uint64_t ledger_position(const struct ledger *self);

/* ---- looking in ------------------------------------------------------------------------------- */

struct ledger_stats {
    uint64_t accounts; /* reserved ones not counted */
    uint64_t postings; /* since the journal began */
    uint64_t refusals;
    uint64_t ids_active, ids_stored; /* ids in memory tables; in stored runs */
    uint64_t links_open;             /* transfers on their way to a peer */
    uint64_t groups_open;
    uint64_t proposals_open;
    uint64_t remittances_open, remittances_listed, remittances_unknown, remittances_alarmed;
    int64_t remittances_oldest_us; /* when the oldest open one was requested; 0: none is open */
    uint64_t rates;                /* that the FX desk knows now */
    uint64_t quotes;               /* given since the journal began */
    uint64_t holds_open;
    int64_t holds_oldest_us; /* when the oldest of them was opened; 0: none is open */
    uint64_t position;
    uint64_t checkpoint_position; /* a restart would replay from here */
    uint64_t memory_bytes;        /* taken from mem */
};

void ledger_stats(const struct ledger *self, struct ledger_stats *out);

/* Sum of balances by currency; house and transit accounts included, so every sum is 0. transit receives
 * the transit accounts' part. */
struct ledger_total {
    int64_t sum, transit, house, customers;
};
void ledger_total(const struct ledger *self, currency_index currency, struct ledger_total *out);

/* Checks every invariant this partition can see by itself; a broken one is a CHECK. Costs O(accounts). */
void ledger_check(const struct ledger *self);

#endif
