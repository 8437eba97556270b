/* Inside this folder: a script as it was read, ready to be played. README.md is the manual of the language.
 *
 * Everything stands in the script's memory, except operations, which are prototypes: what is played is a copy of them.
 */
#ifndef TELLER_SIM_SCRIPT_STATEMENT_H
#define TELLER_SIM_SCRIPT_STATEMENT_H

#include "sim/script/tokens.h"
#include "sim/world.h"

enum { SCRIPT_DIMENSIONS_MAX = 4, SCRIPT_VALUES_MAX = 512, SCRIPT_MARKS_MAX = 32 };

/* "=> OK 700 1300": what an answer has to be. */
struct pattern {
    bool is_given, is_any;
    bool is_none; /* there is no answer yet */
    enum code code;
    enum field field; /* NONE: any */
    unsigned balance_count;
    struct wanted {
        bool is_any;
        int64_t value;
    } balances[2];
};

/* A line of a history that is expected. */
struct entry_pattern {
    enum wire_entry_kind kind;
    bool has_amount, has_balance, has_gain;
    int64_t amount; /* below zero: paid */
    int64_t balance;
    int64_t gain; /* of a debit of an account with a book value */
};

enum counter {
    COUNTER_TOTAL, /* of customers' balances, in a currency */
    COUNTER_OPEN,
    COUNTER_LINKS,
    COUNTER_GROUPS,
    COUNTER_RESTARTS,
    COUNTER_RETRIES,
    COUNTER_LOST,
    COUNTER_REPEATED,
    COUNTER_FAILED, /* calls to disks, and allocations, that were made to fail */
    COUNTER_FINAL,  /* final answers to money with a code, rows of batches and groups each */
    COUNTER_SEEN,   /* answers with a code, final or not */
    COUNTER_COUNT
};

enum comparison { EQUAL, AT_LEAST, AT_MOST };

enum statement_kind {
    STATEMENT_ASK,
    STATEMENT_MORE, /* the next page of a history */
    STATEMENT_WAIT,
    STATEMENT_WAIT_ALL,
    STATEMENT_WAIT_UP,
    STATEMENT_RUN,
    STATEMENT_AFTER,
    STATEMENT_MARK,
    STATEMENT_FAULT,
    STATEMENT_LIE,
    STATEMENT_MEND,
    STATEMENT_SETTLE,
    STATEMENT_EXPECT_ANSWER,
    STATEMENT_EXPECT_BALANCE,
    STATEMENT_EXPECT_ENTRIES, /* of the pages that were read */
    STATEMENT_EXPECT_HISTORY, /* all of it, read now */
    STATEMENT_EXPECT_ACCOUNT,
    STATEMENT_EXPECT_ACCOUNTS,
    STATEMENT_EXPECT_STATUS,
    STATEMENT_EXPECT_UP,
    STATEMENT_EXPECT_COUNT,
    STATEMENT_EXPECT_SAME,
};

enum { ROW_MESSAGE = -1, NO_CALL = -1, NO_MARK = -1 };

struct statement {
    struct statement *next;
    enum statement_kind kind;
    unsigned line;
    struct operation *operation; /* of ASK and of expectations that read; NULL: none */
    uint32_t client;
    int64_t deadline_us; /* from the moment of sending; 0: none */
    bool is_begun;       /* nobody waits for its answer */
    int call, row;       /* where the answer is kept */
    int same_as;         /* a call that must have been answered the same, where it was answered; or NO_CALL */
    const char *name;
    struct pattern pattern;
    int mark, mark_after, mark_before;
    /* RUN, AFTER */
    int64_t time_us;
    struct statement *inner;
    /* FAULT, LIE, UP */
    struct fault fault;
    uint64_t times;
    uint32_t partition;
    bool is_up;
    /* EXPECT_BALANCE, _ACCOUNT */
    bool has_balance, has_pending, has_available, has_minimum, has_ceiling, has_book;
    int64_t balance, pending, available, minimum, ceiling, book;
    enum account_state state; /* 0: any */
    /* EXPECT_ENTRIES, _HISTORY */
    struct entry_pattern *entries;
    size_t entry_count;
    /* EXPECT_ACCOUNTS */
    struct str *ids;
    size_t id_count;
    /* EXPECT_STATUS */
    bool is_missing;
    enum wire_transfer_status status;
    /* EXPECT_COUNT */
    enum counter counter;
    enum comparison comparison;
    int64_t count;
    currency_index currency;
    enum code code;
};

/* One "each": the values it goes over. */
struct dimension {
    const char *name;
    const char *values[SCRIPT_VALUES_MAX];
    size_t count; /* 0: 1, 2, 3 … until no fault comes any more */
};

struct script {
    const char *file, *source; /* the caller's */
    const char *title;         /* the first comment; "" when there is none */
    struct world_config config;
    struct statement *first;
    int call_count, mark_count;
    const char *breach;   /* the invariant that must be broken; NULL: none */
    bool is_each_failure; /* it is also played with each call and allocation failing */
    struct dimension dimensions[SCRIPT_DIMENSIONS_MAX];
    size_t dimension_count;
    struct tokens tokens; /* words of statements stand there */
    struct script_block *blocks;
};

/* Zeroed memory that lasts as long as the script. */
void *script_alloc(struct script *self, size_t bytes);
const char *script_text(struct script *self, const char *text, size_t length);

#endif
