/* Events: what subscribers are told of a fact. docs/EVENTS.md is for those who read them.
 *
 * A fact that a customer could see in a history is an event; what links, groups, quotes and proposals keep for themselves is
 * none. Kinds of facts that this program does not know are none either: they are passed over by their length.
 *
 * Nothing is trusted that the bytes say: a fact may come from a file that was not verified. */
#ifndef TELLER_PUBLISHER_EVENT_H
#define TELLER_PUBLISHER_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/money.h"
#include "actors/base/str.h"
#include "actors/base/uuid.h"

/* What a posting did to the book value of one of its accounts. */
struct event_book {
    bool is_there;
    int64_t value, cost, book_value;
};

/* Strings point into the fact's bytes, or are those of the names. An empty string and a nil id are none. */
struct event {
    uint32_t partition;
    uint64_t position;
    int64_t time_us;
    const char *kind; /* a word of history; static storage */
    struct uuid transaction_id;
    struct str
        account; /* of what is about one account: opened … closed, holds, remittances that move no money */
    struct str from_account, to_account; /* of a posting */
    bool has_from_balance, has_to_balance;
    int64_t from_balance, to_balance;
    bool has_amount;
    int64_t amount;
    currency_index currency;
    struct str memo, reference;
    /* where they say something */
    struct str owner, product;
    bool has_limits; /* opened, changed */
    int64_t minimum_balance, ceiling;
    struct uuid hold;
    struct uuid exchange; /* whose posting it is */
    bool has_pending;
    int64_t pending;
    bool has_kept; /* captured */
    int64_t released, kept;
    int64_t expires_us; /* 0: none */
    int64_t rate;       /* 0: none */
    struct event_book from_book, to_book;
    uint8_t code; /* enum code: returned: why; remittances: why a deposit or a withdrawal was refused */
    /* remittances: state is NULL elsewhere */
    const char *state, *step; /* static storage */
    struct str bank, payer, payee, reason, operator_name, bank_reference;
    uint8_t tries, rounds;
    uint32_t call; /* number of the newest call to the bank; 0: none yet */
    bool is_alarmed, is_contradicted;
    bool is_alarm; /* by this an alarm is raised or over, or the bank is said to have contradicted itself */
};

/* Names and currencies of a partition's accounts. false: not known (yet). */
struct event_names {
    void *context;
    bool (*find)(void *context, uint32_t account, struct str *name, currency_index *currency);
};

enum event_result {
    EVENT_READ,
    EVENT_NONE,    /* a fact that is no event */
    EVENT_UNNAMED, /* it is about an account that `names` does not know: *account says which */
    EVENT_SHORT, /* the bytes end before the fact does: *size says how long it is, 0 where not even that is there */
    EVENT_CORRUPT, /* not a fact */
};

/* Reads the fact at the head of `length` bytes. *size: its length in bytes, also of one that is no event. The caller fills in
 * partition, position and time. */
enum event_result event_read(const uint8_t *bytes, size_t length, const struct event_names *names,
                             struct event *out, size_t *size, uint32_t *account);

/* Whether the fact is an event, without reading it whole: READ, NONE, SHORT or CORRUPT. */
enum event_result event_peek(const uint8_t *bytes, size_t length, size_t *size);

/* The account that a FACT_ACCOUNT_OPENED opens. false: it is another fact. */
bool event_opened(const uint8_t *bytes, size_t size, uint32_t *account, struct str *name,
                  currency_index *currency);

#endif
