/* One request of a client: what a workload or a script makes, a client sends as often as it must, and the checkers
 * look at; and one answer to it.
 *
 * Everything an operation points to stands in its own arena, and is freed with it.
 */
#ifndef TELLER_SIM_OPERATION_H
#define TELLER_SIM_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/accounts.h"
#include "broker/wire/desk.h"
#include "broker/wire/history.h"
#include "broker/wire/proposals.h"
#include "broker/wire/request.h"

enum { OPERATION_PAGE_MAX = 100 }; /* the longest page that the simulator asks for */

struct arena;

struct operation {
    uint64_t number;          /* 1, 2, 3 … in the order in which they were made; 0: not submitted yet */
    uint32_t client;          /* who sends it */
    enum wire_operation kind; /* tells which of the following say what is asked */
    uint32_t partition;       /* named in the header, or WIRE_PARTITION_ANY: the broker finds out */
    int64_t deadline_us;      /* of the header, wall time; 0: none */

    struct ledger_command *commands; /* TRANSFER, DEPOSIT, WITHDRAW: one; BATCH: count */
    uint32_t count;
    uint32_t row_count;                      /* rows of its answer: items, and the items of groups */
    struct ledger_account_command account;   /* ACCOUNT_OPEN … ACCOUNT_CLOSE */
    struct str shown;                        /* ACCOUNT_SHOW: the account */
    struct uuid transaction;                 /* TRANSFER_SHOW */
    struct wire_balance_query balance;       /* BALANCE */
    struct wire_history_query history;       /* HISTORY */
    struct wire_list_query list;             /* ACCOUNT_LIST */
    struct ledger_proposal_command proposal; /* PROPOSAL_OPEN */
    struct ledger_decision_command decision; /* PROPOSAL_APPROVE, _REJECT; _SHOW: its account and proposal */
    struct ledger_quote_command quote;       /* QUOTE; _SHOW: its account and id */
    struct ledger_rate rate;                 /* RATE_SET */
    struct ledger_pair pair;                 /* PAIR_SET */
    struct str operator_name;                /* RATE_SET, PAIR_SET; may be empty */
    struct wire_proposals_query proposals;   /* PROPOSAL_LIST */

    struct arena *arena;
    void *user; /* the maker's */
};

/* A decoded reply. Strings and arrays stand in the reader's memory: valid until the next is read. */
struct answer {
    enum code code;
    enum field field;
    /* Money: as many rows as the operation has, each in its item's place. A group that came back without the rows of
     * its items has group_count 0, and they are filled with its code. A message that was refused as a whole has no rows:
     * code and field say why. The answer to a single is a row where it names the transaction. */
    struct ledger_row *rows;
    uint32_t row_count;
    struct ledger_account_view view; /* ACCOUNT_*, where OK */
    struct ledger_account_view *views;
    struct wire_balance balance;
    struct wire_history_entry *entries;
    struct ledger_proposal_view proposal; /* PROPOSAL_*, where OK */
    struct ledger_proposal_view *proposals;
    struct ledger_quote_view quote; /* QUOTE, QUOTE_SHOW, where OK */
    size_t count;                   /* of entries, of views, or of proposals */
    struct str cursor;
    struct wire_transfer transfer;
};

/* An operation with nothing in it, for any partition. CHECKs for memory, as everything here. HISTORIES are not asked. */
struct operation *operation_new(enum wire_operation kind);
void operation_free(struct operation **self_p);

/* Zeroed memory, and a copy of a string, that live as long as the operation. */
void *operation_alloc(struct operation *self, size_t bytes);
struct str operation_text(struct operation *self, struct str text);

/* Room for count commands; fill them, then operation_seal counts the rows. Commands' strings must be the operation's. */
struct ledger_command *operation_commands(struct operation *self, uint32_t count);
void operation_seal(struct operation *self);

/* Copies one command, its strings and a group's items into the operation's memory. */
void operation_command_copy(struct operation *self, const struct ledger_command *from,
                            struct ledger_command *to);

/* An independent copy, not submitted yet, e.g. to ask the same again. */
struct operation *operation_copy(const struct operation *self);

/* Writes the request frame, as a client library would. */
void operation_write(const struct operation *self, uint64_t request_id, struct mp_writer *w);

/* Scratch memory for answers. */
struct answer_reader;
struct answer_reader *answer_reader_new(void);
void answer_reader_destroy(struct answer_reader **self_p);

/* The request id of a reply frame. false: malformed. */
bool answer_request_id(const uint8_t *frame, size_t length, uint64_t *request_id);

/* Decodes the reply to an operation. false: it is not what docs/WIRE.md promises. */
bool answer_read(struct answer_reader *reader, const struct operation *operation, const uint8_t *frame,
                 size_t length, struct answer *out);

/* true: nothing of it needs to be asked again. BUSY and UNKNOWN, of the message or of a row, are not final. */
bool answer_is_final(const struct operation *operation, const struct answer *answer);

/* One line for a timeline, amounts in minor units: "#12 transfer 7f31a0c2 a1 → b2 300 KRW"; "OK 700 1300". What does not
 * fit is cut off with "…". Return out. */
const char *operation_say(const struct operation *self, char *out, size_t capacity);
const char *answer_say(const struct operation *operation, const struct answer *answer, char *out,
                       size_t capacity);

#endif
