/* The inside of the oracle: its books, and what its files offer each other.
 *
 *     pool.c       memory, tables
 *     asks.c       what clients have sent, by transaction id; what is wrong with it by itself
 *     books.c      accounts, their versions and histories; ids and who answers for them
 *     facts.c      reading facts; the shape of commits
 *     decide.c     the rules of docs/WIRE.md for one decision at a point in the order of facts
 *     transfers.c  postings, refusals, and transfers between partitions
 *     holds.c      holds: what is set aside, and how each ends
 *     worth.c      book values of foreign-currency accounts
 *     desk.c       rates, quotes, and the exchanges that use them
 *     proposals.c  manual deposits and withdrawals, by two persons
 *     groups.c     reservations, votes, decisions
 *     accounts.c   account facts, and answers to account commands
 *     answers.c    answers to money
 *     reads.c      balances, histories, transfers, lists
 *     compare.c    the core against the books; the end; digests
 *     oracle.c     life, breaches, who is called for what
 *
 * Steps. A partition counts its decisions: 1, 2, 3 … A step is what nobody can look into: one fact, or all that carries
 * out a group. What an account looks like after a step is a version. Commits say which steps are durable since when, so
 * what a reader may have seen is a range of steps (struct window).
 */
#ifndef TELLER_SIM_CHECK_INSIDE_H
#define TELLER_SIM_CHECK_INSIDE_H

#include "actors/ledger/fact.h"
#include "actors/ledger/group.h"
#include "actors/ledger/link.h"
#include "sim/check/oracle.h"
#include "sim/check/pool.h"

enum { NOBODY = UINT32_MAX };

/* Balances stay inside ±4 × 10^18. */
#define BALANCE_LIMIT INT64_C(4000000000000000000)

struct verdict {
    enum code code;
    enum field field;
    uint8_t item; /* of a group */
};

/* ---- what was sent ---------------------------------------------------------------------------- */

/* One payload of one id, however often it was sent. */
struct ask {
    struct ask *next;     /* of this id, newest first */
    uint64_t number;      /* of the first operation that sent it */
    uint64_t reach;       /* partitions that may decide it, a bit each */
    uint32_t home;        /* the partition that should */
    uint8_t kind;         /* enum ledger_command_kind */
    uint8_t flags;        /* CAPTURE: COMMAND_KEEPS_REST */
    struct verdict fault; /* what is wrong with it by itself */
    int64_t latest_us;    /* the latest deadline that it was sent with; INT64_MAX: it was sent without */
    currency_index currency;
    uint16_t item_count;
    int64_t amount;
    int64_t expires_us; /* HOLD */
    int64_t rate;       /* TRANSFER, DEPOSIT, WITHDRAW; 0: none */
    struct uuid id;
    struct uuid of; /* CAPTURE, RELEASE: the hold */
    struct str from, to, memo, reference;
    struct ask *items;              /* of a group, an array */
    struct ask *legs;               /* EXCHANGE: the group that carries it out; NULL: it was not begun */
    const struct ask *origin;       /* of such a group: the exchange */
    struct str owner;               /* EXCHANGE_IN: that the receiver must have */
    int64_t value, spread, residue; /* legs: as quoted; value 0: not known */
};

struct account_ask {
    struct node node;
    struct account_ask *next_payload;
    uint64_t number, reach;
    struct ledger_account_command command; /* its strings are the oracle's */
};

/* When and how often a request was sent. */
struct sent {
    uint64_t number;   /* of the first operation that sent it */
    uint64_t reach;    /* partitions that may decide it, a bit each */
    int64_t latest_us; /* the latest deadline; INT64_MAX: it was sent without */
};

/* A payload of proposal.open, and of a step on a proposal; their strings are the oracle's. */
struct proposal_ask {
    struct proposal_ask *next; /* of this id */
    struct sent sent;
    struct ledger_proposal_command command;
};

struct decision_ask {
    struct decision_ask *next; /* on this proposal */
    struct sent sent;
    struct ledger_decision_command command;
};

struct quote_ask {
    struct quote_ask *next; /* of this id */
    uint64_t number, reach;
    int64_t latest_us;
    struct ledger_quote_command command;
};

/* rate.set or pair.set. */
struct desk_ask {
    struct desk_ask *next;
    uint64_t reach;
    bool is_pair;
    struct ledger_rate rate;
    struct ledger_pair pair;
    struct str operator_name;
};

/* ---- ids -------------------------------------------------------------------------------------- */

enum record_kind { RECORD_SINGLE, RECORD_ITEM, RECORD_GROUP, RECORD_ACCOUNT, RECORD_PROPOSAL, RECORD_QUOTE };
enum record_state { RECORD_PENDING, RECORD_OK, RECORD_REFUSED, RECORD_FORGOTTEN };

/* What a partition has decided for an id. */
struct record {
    struct record *next; /* of this id, newest first */
    uint32_t partition;
    enum record_kind kind;
    enum record_state state;
    struct verdict verdict;
    uint8_t command;               /* enum ledger_command_kind */
    uint8_t has;                   /* balances that are set */
    const struct ask *ask;         /* NULL: one of the candidates */
    const struct ask **candidates; /* a refusal does not tell the payload: those that it fits */
    size_t candidate_count;
    const struct account_ask *account_ask;
    struct account *account; /* opened */
    int64_t from_balance, to_balance;
    int64_t amount;            /* CAPTURE, RELEASE: what was taken or let go, whatever the payload says */
    currency_index currency;   /* … of the account */
    struct group_row *rows;    /* of a group */
    const struct hold *hold;   /* that it opened: its id is kept as long as it is open */
    uint64_t begun, ended;     /* steps; ended 0: not yet */
    int64_t begun_us, time_us; /* of the first fact, and of the one that transfer.show tells of */
    int64_t kept_us;           /* of the last fact that put the id */
};

struct group;

/* An open group keeps the ids of its items. */
struct keeper {
    struct keeper *next;
    struct group *group;
};

/* What is set aside of an account, or was. */
struct hold {
    struct hold *next; /* of this id, in another partition or of another time */
    struct hold *next_of_book;
    struct uuid id;
    uint32_t partition;
    struct account *account;
    int64_t held;
    int64_t expires_us; /* 0: never */
    uint64_t opened;    /* position */
    enum code end;      /* CODE_OK: it is open */
    int64_t ended_us;
    struct record *record; /* of its opening */
};

/* A deposit or withdrawal that one operator has proposed. */
struct proposal {
    struct proposal *next; /* of this id, in another partition or of another time */
    uint32_t partition;
    struct account *account;
    struct ask posting; /* what is to be carried out */
    struct str proposer, decider, decided_reason;
    int64_t expires_us;
    uint64_t position;
    uint64_t opened, ended; /* steps; ended 0: it is open */
    uint8_t state;          /* enum proposal_state */
    int64_t ended_us;
    int64_t balance; /* APPROVED: after the posting, as the approval says */
    struct record *record;
};

/* A promise of so much of one currency for so much of another. */
struct quote {
    struct quote *next; /* of this id, in another partition or of another time */
    uint32_t partition;
    struct fact_quote fact;
    struct account *account;
    currency_index sell, buy;
    uint64_t position;
    uint64_t opened, used; /* steps; used 0: not yet */
    struct uuid used_by;
    struct record *record;
};

/* A rate or terms that a partition has heard of. */
struct desk_note {
    struct desk_note *next; /* the one before */
    uint64_t step;
    bool is_pair;
    struct ledger_rate rate;
    struct ledger_pair pair;
};

struct known {
    struct node node;
    struct uuid id;
    struct ask *asks;
    struct proposal_ask *proposal_asks;
    struct decision_ask *decision_asks;
    struct proposal *proposals; /* newest first */
    struct quote_ask *quote_asks;
    struct quote *quotes; /* newest first */
    struct record *records;
    struct keeper *keepers;
    struct hold *holds; /* newest first */
};

/* ---- accounts --------------------------------------------------------------------------------- */

struct attributes {
    struct str owner, product;
    int64_t minimum_balance, ceiling;
    uint8_t state; /* enum account_state */
};

struct version {
    uint64_t step;
    int64_t balance, pending, book;
    const struct attributes *attributes;
    uint32_t entries;  /* of the history, so far */
    bool is_expecting; /* a group has reserved a credit */
    bool is_paying;    /* money is on its way to another partition */
};

struct entry {
    uint64_t position;
    int64_t time_us, amount, balance;
    struct uuid id;
    struct uuid hold;   /* nil: it is about none */
    int64_t pending;    /* after it, where it is about a hold */
    int64_t expires_us; /* of the hold, but for captures */
    struct str counterparty, memo, reference;
    enum wire_entry_kind kind;
    enum wire_direction direction;
};

enum account_role { ROLE_CUSTOMER, ROLE_HOUSE, ROLE_TRANSIT };

struct account {
    struct node node;
    struct str id;
    uint32_t partition, index;
    enum account_role role;
    currency_index currency;
    int64_t opened_us;
    uint64_t last_position;
    int64_t balance, pending;
    int64_t held; /* by open holds: what is pending besides is reserved by groups */
    bool has_book;
    int64_t book; /* what the balance cost, in the base currency */
    __int128 incoming, incoming_value;
    uint32_t expected, paying; /* reserved credits; open crossing transfers */
    const struct attributes *attributes;
    const struct account_ask *opener; /* NULL: teller itself */
    struct version *versions;
    size_t version_count, version_capacity;
    struct entry *entries;
    size_t entry_count, entry_capacity;
};

/* ---- groups and links ------------------------------------------------------------------------- */

/* A group's time in one partition. */
struct stay {
    uint64_t begun, ended; /* steps; 0: not yet */
    bool is_reserved;
};

struct group {
    struct group *next;
    struct uuid id;
    const struct ask *ask;
    uint32_t coordinator;
    uint64_t asked, voted, agreed, done; /* partitions, a bit each */
    bool is_decided;
    struct verdict verdict;
    struct group_row rows[LEDGER_GROUP_MAX];
    struct record *record;
    struct stay *stays; /* by partition */
};

/* A request of one partition to another: what was asked, and, once the target has decided, the answer. */
struct errand {
    uint8_t kind; /* enum link_kind */
    bool is_answered;
    struct verdict verdict;
    enum code decision; /* LINK_DECIDE: carry it out, or let it go */
    uint64_t position;  /* of the fact that made it */
    struct account *payer;
    struct record *record;
    const struct ask *ask;
    struct group *group;
    int64_t balance;        /* of the credited account */
    struct fact_book taken; /* CREDIT: from the payer's book value */
    struct group_row *rows;
};

struct flow {
    struct errand *requests; /* [0] has the sequence base */
    size_t capacity;
    uint64_t base;        /* at most first: what stands before first is over */
    uint64_t first, next; /* sequences: open ones are first .. next - 1 */
    uint64_t processed;   /* by the target */
    uint64_t pruned;
};

/* ---- partitions ------------------------------------------------------------------------------- */

struct commit_point {
    int64_t now_us;
    int64_t time_us; /* that it says itself */
    uint64_t step;   /* the last one in it */
};

/* Carrying out a group: its postings come in one go. */
struct carry {
    const struct ask *ask; /* NULL: nothing is being carried out */
    struct group *group;   /* NULL: all in this partition */
    uint32_t next_item;
    const struct ask *extras; /* the leg whose spread and residue are still to be posted */
    int64_t spread, residue;
    struct group_row rows[LEDGER_GROUP_MAX];
};

enum desk_house_kind { HOUSE_FX, HOUSE_SPREAD, HOUSE_RESIDUE };

struct book {
    uint32_t partition;
    struct account **accounts; /* by index */
    size_t count, capacity;
    struct account *house[256];
    struct account *desk_house[3][256]; /* by enum desk_house_kind */
    struct account **transit;           /* by partition * 256 + currency */
    struct commit_point *commits;
    size_t commit_count, commit_capacity;
    uint64_t step;
    uint64_t sequence, epoch, position;
    bool is_restarted; /* since its last commit */
    int64_t time_us;   /* of the commit that is being read */
    uint64_t history;  /* digest of all commits */
    uint64_t postings, refusals, groups_open, holds_open, proposals_open;
    struct desk_note *desk; /* newest first */
    uint64_t quotes;
    struct hold *holds;          /* all there were, the newest first */
    struct proposal **proposals; /* in the order in which they were opened */
    size_t proposal_count, proposal_capacity;
    const struct proposal *approved; /* its posting has to come next; NULL: none has */
    struct carry carry;
};

enum cursor_kind { CURSOR_ACCOUNTS, CURSOR_HISTORY, CURSOR_PROPOSALS };

struct cursor {
    struct node node;
    struct str text;
    enum cursor_kind kind;
    uint32_t partition;
    const struct account *account; /* of a history */
    size_t next;                   /* history: goes on below so many entries; list: with this index */
};

struct oracle {
    struct oracle_config config;
    breach_fn *breach;
    void *context;
    struct pool pool;
    struct table ids, accounts, account_asks, cursors;
    struct book *books;
    struct flow *flows;   /* from * partitions + to */
    struct group *groups; /* open ones */
    struct desk_ask *desk_asks;
    struct oracle_counts counts;
};

/* A fact that is being looked at. */
struct sight {
    struct book *book;
    const uint8_t *bytes;
    size_t size;
    uint64_t position;
    const uint8_t *rest; /* of the commit, behind this fact */
    size_t rest_length;
};

struct window {
    uint64_t from, to; /* the state after step `from`, or a later one to the state after step `to` */
    int64_t time_us;   /* a time that had come for the partition when it began */
};

/* ---- oracle.c --------------------------------------------------------------------------------- */

void breach_say(struct oracle *self, const char *invariant, uint64_t operation, uint32_t partition,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "7f3a…" of an id; the buffer is the caller's. */
enum { ID_TEXT = 40 };
const char *id_text(const struct uuid *id, char out[ID_TEXT]);
const char *field_text(enum field field);

/* ---- asks.c ----------------------------------------------------------------------------------- */

/* docs/WIRE.md, "Partitions". */
uint32_t partition_of(const struct oracle *self, struct str account);

struct known *known_find(const struct oracle *self, const struct uuid *id);
struct known *known_of(struct oracle *self, const struct uuid *id);

void asks_note(struct oracle *self, const struct operation *operation);
/* What is wrong with a command by itself: CODE_OK, or the code and field of its answer. */
struct verdict ask_fault(const struct operation *operation, const struct ledger_command *command);
bool account_command_is_sound(const struct ledger_account_command *command, currency_index base_currency);
/* The ask with this payload; NULL: it was never sent. */
const struct ask *ask_find(const struct oracle *self, const struct ledger_command *command);
bool ask_is(const struct ask *ask, const struct ledger_command *command);
const struct account_ask *account_ask_first(const struct oracle *self, enum ledger_account_kind kind,
                                            struct str account, const struct uuid *id, struct str owner);
const struct account_ask *account_ask_next(const struct account_ask *ask);
bool account_ask_same(const struct ledger_account_command *a, const struct ledger_account_command *b);
/* The account that decides where a command belongs. */
struct str command_party(const struct ledger_command *command);

/* The earlier of two deadlines, 0 being none: an item has the message's, too. */
static inline int64_t deadline_of(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The deadline has passed for certain: a clock has shown what has come. */
bool deadline_may_be_past(const struct oracle *self, uint32_t partition, int64_t deadline_us);

/* It is that time by a clock that has been shown; 0: never. */
static inline bool moment_may_have_come(const struct oracle *self, uint32_t partition, int64_t at_us)
{
    return at_us != 0 && deadline_may_be_past(self, partition, at_us - 1);
}

/* What is decided in the commit that is being read is decided at its time, or later. */
static inline bool ask_is_late(const struct ask *ask, int64_t time_us)
{
    return ask->latest_us < time_us;
}

static inline bool ask_reaches(const struct ask *ask, uint32_t partition)
{
    return ask->reach >> partition & 1;
}

/* ---- books.c ---------------------------------------------------------------------------------- */

struct account *account_named(const struct oracle *self, struct str id);
/* The account if it is open in this partition. */
struct account *account_here(const struct oracle *self, const struct book *book, struct str id);
struct account *book_account(const struct book *book, uint32_t index);

struct account *account_add(struct oracle *self, struct book *book, struct str id, currency_index currency,
                            const struct attributes *attributes, uint64_t position);
/* What the account looks like now is a version. */
void account_version(struct book *book, struct account *account);
/* One more line of the account's history; balance is set. */
void account_entry(struct account *account, const struct entry *entry);

struct window window_of(const struct oracle *self, uint32_t partition, int64_t sent_us);
/* Versions first .. last of the account may have been seen; false: only that there was none. */
bool versions_in(const struct account *account, struct window window, size_t *first, size_t *last);
/* The account may not have been there yet. */
bool is_absent_in(const struct account *account, struct window window);

struct record *record_add(struct oracle *self, struct book *book, struct known *known, enum record_kind kind);
/* Final, or forgotten. */
void record_end(struct book *book, struct record *record, enum record_state state, struct verdict verdict);
/* The record that still answers for an id here, now; NULL: none. */
struct record *record_here(const struct oracle *self, const struct book *book, const struct known *known);
bool record_is_expired(const struct oracle *self, const struct record *record);
/* An open group of this partition keeps the id. */
bool is_held(const struct known *known, uint32_t partition);
/* … or kept it in this window. */
bool is_held_in(const struct known *known, uint32_t partition, struct window window);

struct flow *flow_of(const struct oracle *self, uint32_t from, uint32_t to);
struct errand *flow_push(struct oracle *self, uint32_t from, uint32_t to, enum link_kind kind,
                         uint64_t position);
/* The oldest request that the target has not answered; NULL: there is none. */
struct errand *flow_unanswered(const struct oracle *self, uint32_t from, uint32_t to);
/* The oldest request that is open, if the target has answered it. */
struct errand *flow_answered(const struct oracle *self, uint32_t from, uint32_t to);
void flow_pop(struct oracle *self, uint32_t from, uint32_t to);

/* ---- facts.c ---------------------------------------------------------------------------------- */

/* Takes the next fact of a commit. false: it is malformed. */
bool fact_next(const uint8_t *bytes, size_t length, size_t *size);
bool trailer_read(const uint8_t *bytes, size_t length, struct fact_strings *out);
/* The items of a STARTED or PREPARED fact are those of the group. */
bool items_are(const uint8_t *bytes, size_t length, const struct ask *group);

/* ---- decide.c --------------------------------------------------------------------------------- */

/* The paying side; promised: what earlier items of the same group pay from it. */
struct verdict decide_pay(const struct oracle *self, const struct book *book, struct str account,
                          currency_index currency, int64_t amount, __int128 promised);
struct verdict account_is_usable(const struct account *account, currency_index currency, enum field field);
struct verdict decide_receive(const struct oracle *self, const struct book *book, struct str account,
                              currency_index currency, int64_t amount, __int128 promised);
/* A single command. CODE_OK for one whose receiver is elsewhere says that its payer may pay. */
struct verdict decide_single(const struct oracle *self, const struct book *book, const struct ask *ask);
/* The sides of a group's items that are this partition's. */
struct verdict decide_group(const struct oracle *self, const struct book *book, const struct ask *group);
/* The ids of a group's items must be new here. */
struct verdict decide_ids(const struct oracle *self, const struct book *book, const struct ask *group);
/* The partition has had the id, however long ago: ids are remembered for the retention time at the least. */
bool decide_may_conflict(const struct book *book, const struct known *known);
bool house_counts(const struct account *house, __int128 amount);
bool verdict_same(struct verdict a, struct verdict b);

/* ---- transfers.c ------------------------------------------------------------------------------ */

/* A posting with its strings and accounts. */
struct posting {
    struct fact_posting fact;
    struct fact_strings strings;
    struct account *debit, *credit;
    uint32_t capture_flags; /* enum fact_capture_flag */
};

/* The fact goes on where the account's chain ends, which it now does. */
void chain_goes_on(struct oracle *self, const struct sight *sight, struct account *account,
                   uint64_t previous);
void transfers_posting(struct oracle *self, const struct sight *sight);
void transfers_refused(struct oracle *self, const struct sight *sight);
void transfers_settled(struct oracle *self, const struct sight *sight);
void transfers_link(struct oracle *self, const struct sight *sight);

/* false: it names accounts that are not there. */
bool posting_read(const struct book *book, const uint8_t *bytes, size_t size, struct posting *out);
/* The posting is this partition's part of what was asked. */
bool posting_is(const struct oracle *self, const struct book *book, const struct posting *posting,
                const struct ask *ask);
void id_must_be_new(struct oracle *self, const struct book *book, const struct known *known,
                    uint64_t operation);

/* ---- holds.c ---------------------------------------------------------------------------------- */

void holds_fact(struct oracle *self, const struct sight *sight);
/* Nothing is under way: no hold is open whose time has long come. */
void holds_settled(struct oracle *self, const struct book *book);
/* A capture is about to be applied as a posting: it takes from the hold. */
void holds_captured(struct oracle *self, const struct sight *sight, const struct posting *posting,
                    const struct ask *ask);
/* The hold of that id here: the open one, or the newest that has ended; NULL: there never was one. */
struct hold *hold_here(const struct oracle *self, const struct book *book, const struct uuid *id);
/* What a capture takes: what it says, or all that is held. */
int64_t capture_amount(const struct oracle *self, const struct book *book, const struct ask *ask);
/* Opening, capturing or releasing. */
struct verdict holds_decide(const struct oracle *self, const struct book *book, const struct ask *ask);
/* A refusal that is as right as what holds_decide says: the moment is not known to the microsecond, and ids are remembered for
 * the retention time at the least. */
bool holds_may_say(const struct oracle *self, const struct book *book, const struct ask *ask,
                   struct verdict said);

/* ---- desk.c ----------------------------------------------------------------------------------- */

void desk_note(struct oracle *self, const struct operation *operation);
void desk_fact(struct oracle *self, const struct sight *sight);
/* An exchange before its quote is used; OK: it is to be carried out as a group. */
struct verdict desk_decide(const struct oracle *self, const struct book *book, const struct ask *ask);
bool desk_may_say(const struct oracle *self, const struct book *book, const struct ask *ask,
                  struct verdict said);
/* The group that an ask is carried out as: itself, or the legs of an exchange that has used its quote; NULL: none. */
const struct ask *desk_group(struct oracle *self, const struct book *book, const struct ask *ask);
void desk_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                 const struct answer *answer);

static inline bool is_leg(const struct ask *ask)
{
    return ask->kind == COMMAND_EXCHANGE_OUT || ask->kind == COMMAND_EXCHANGE_IN;
}

/* ---- proposals.c ------------------------------------------------------------------------------ */

void proposals_note(struct oracle *self, const struct operation *operation);
void proposals_fact(struct oracle *self, const struct sight *sight);
/* The posting of an approval is about to be applied. false: nothing was approved. */
bool proposals_posting(struct oracle *self, const struct sight *sight, const struct posting *posting);
/* Something else comes: no approval may be without its posting. */
void proposals_interrupt(struct oracle *self, struct book *book);
void proposals_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                      const struct answer *answer);

/* ---- worth.c ---------------------------------------------------------------------------------- */

/* What book values add to the tests of a side; accounts without one, or that are not there, are fine. */
struct verdict worth_decide_pay(const struct oracle *self, const struct account *account,
                                const struct ask *ask);
/* promised: what earlier items of the same group bring to it, in the base currency. */
struct verdict worth_decide_receive(const struct oracle *self, const struct account *account,
                                    const struct ask *ask, __int128 promised);
/* An ask's amount in the base currency; 0: it does not say. */
__int128 worth_of(const struct oracle *self, const struct ask *ask);

/* What is known of a posting's worth: a value, else a rate, else (0) nothing. */
struct worth_given {
    bool has_value;
    int64_t value, rate;
};
/* Before the balances change: book values after it, and whether the posting says the same. */
void worth_posting(struct oracle *self, const struct sight *sight, const struct posting *posting,
                   struct worth_given given);
struct fact_book worth_taken(const struct posting *posting);
int64_t worth_rate(const struct fact_strings *strings);

/* ---- groups.c --------------------------------------------------------------------------------- */

/* A posting of a group is about to be applied: the item that it carries out, or NULL; and it has been applied. */
const struct ask *groups_posting(struct oracle *self, const struct sight *sight,
                                 const struct posting *posting);
/* A spread or residue is about to be applied. */
void groups_extra(struct oracle *self, const struct sight *sight, const struct posting *posting);
void groups_posted(struct oracle *self, const struct sight *sight, const struct posting *posting);
void groups_fact(struct oracle *self, const struct sight *sight);
/* Something else comes: nothing may be half carried out. */
void groups_interrupt(struct oracle *self, struct book *book);

/* ---- accounts.c ------------------------------------------------------------------------------- */

void accounts_fact(struct oracle *self, const struct sight *sight);
void accounts_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                     const struct answer *answer);
/* A view as a version of the account. */
bool view_is(const struct account *account, const struct version *version,
             const struct ledger_account_view *view);
/* "a7f (KRW): balance 3, …" for reports of what was answered. */
enum { VIEW_TEXT = 160 };
const char *view_text(const struct ledger_account_view *view, char out[VIEW_TEXT]);

/* ---- answers.c -------------------------------------------------------------------------------- */

void answers_money(struct oracle *self, int64_t sent_us, const struct operation *operation,
                   const struct answer *answer);
/* Any answer may be this one. */
static inline bool code_is_open(enum code code)
{
    return code == CODE_BUSY || code == CODE_UNKNOWN;
}

/* ---- reads.c ---------------------------------------------------------------------------------- */

struct cursor *cursor_find(const struct oracle *self, struct str text, enum cursor_kind kind,
                           const struct account *account);
/* A cursor goes on where its page ended. */
void cursor_note(struct oracle *self, struct str text, enum cursor_kind kind, uint32_t partition,
                 const struct account *account, size_t next);

void reads_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                  const struct answer *answer);

#endif
