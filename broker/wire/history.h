/* Reading: balance, history, histories, transfer.show: their bodies and replies. The rules for bodies are
 * those of accounts.h.
 */
#ifndef TELLER_WIRE_HISTORY_H
#define TELLER_WIRE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/money.h"
#include "actors/base/uuid.h"
#include "broker/wire/accounts.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_HISTORY_LIMIT = 20, WIRE_HISTORY_MAX = 1000, WIRE_HISTORIES_MAX = 1000 };

/* ---- requests --------------------------------------------------------------------------------- */

struct wire_balance_query {
    struct str account;
    bool has_at;
    int64_t at_us;
};

enum code wire_balance_read(const struct wire_header *header, struct wire_balance_query *out,
                            enum field *field);

struct wire_history_query {
    uint8_t code;  /* enum code: in histories, why this one is refused */
    uint8_t field; /* enum field */
    bool has_before, has_after;
    uint32_t limit; /* 1 .. WIRE_HISTORY_MAX */
    struct str account;
    struct str cursor; /* as in wire_list_query */
    int64_t before_us; /* entries before it */
    int64_t after_us;  /* entries at or after it */
};

enum code wire_history_read(const struct wire_header *header, struct wire_history_query *out,
                            enum field *field);

/* Up to WIRE_HISTORIES_MAX queries into out. A fault of one is in its code and field; CODE_OK then too. */
enum code wire_histories_read(const struct wire_header *header, struct wire_history_query *out, size_t *count,
                              enum field *field);

enum code wire_transfer_show_read(const struct wire_header *header, struct uuid *id, enum field *field);

/* ---- replies ---------------------------------------------------------------------------------- */

struct wire_balance {
    struct str account;
    currency_index currency;
    bool is_past; /* asked with `at`: pending and available are not known */
    int64_t balance, pending, available;
    int64_t at_us;
};

/* Words on the wire: "transfer", "deposit", "withdrawal", … in this order. */
enum wire_entry_kind {
    ENTRY_TRANSFER,
    ENTRY_DEPOSIT,
    ENTRY_WITHDRAWAL,
    ENTRY_SENT,
    ENTRY_RECEIVED,
    ENTRY_RETURNED,
    ENTRY_OPENED,
    ENTRY_CHANGED,
    ENTRY_FROZEN,
    ENTRY_UNFROZEN,
    ENTRY_CLOSED,
    ENTRY_HOLD_OPENED,
    ENTRY_CAPTURED,
    ENTRY_HOLD_RELEASED,
    ENTRY_HOLD_EXPIRED,
    ENTRY_EXCHANGE_OUT,
    ENTRY_EXCHANGE_IN,
    ENTRY_EXCHANGE_SPREAD,
    ENTRY_EXCHANGE_RESIDUE,
    ENTRY_REMITTANCE_PULLED,
    ENTRY_REMITTANCE_DEPOSITED,
    ENTRY_REMITTANCE_WITHDRAWN,
    ENTRY_REMITTANCE_PAID,
    ENTRY_REMITTANCE_RETURNED,
    ENTRY_KIND_COUNT
};

/* The word on the wire; static storage. */
const char *wire_entry_name(enum wire_entry_kind kind);

enum wire_direction { DIRECTION_NONE, DIRECTION_IN, DIRECTION_OUT };

/* One line of a statement. Strings are borrowed; empty ones are nil on the wire. */
struct wire_history_entry {
    enum wire_entry_kind kind;
    enum wire_direction direction;
    int64_t time_us;
    struct uuid id;  /* nil: none */
    int64_t amount;  /* 0 where no money moved */
    int64_t balance; /* after it */
    uint64_t position;
    struct str counterparty;
    struct str memo;
    struct str reference;
    int64_t rate; /* 0: none was given */
    bool
        has_book; /* of an account with a book value: the others are set, in minor units of the base currency */
    int64_t value, cost;
    int64_t book_value;              /* after it */
    int64_t average_rate;            /* after it; 0: none to show */
    struct uuid hold;                /* nil: it is about none */
    int64_t pending;                 /* of the account, after it; known where there is a hold */
    int64_t expires_us;              /* of the hold; 0: never */
    struct str bank, bank_reference; /* of a remittance */
    struct uuid exchange;            /* whose posting it is; nil: of none */
};

/* Beside those of enum ledger_command_kind: what a transaction id may have asked for. */
enum { WIRE_KIND_REMITTANCE = 11 };

/* What became of a transaction id. */
enum wire_transfer_status { TRANSFER_SUCCESS, TRANSFER_FAILED, TRANSFER_PENDING };

struct wire_transfer {
    struct uuid id;
    enum wire_transfer_status status;
    enum code code;
    uint8_t kind;            /* enum ledger_command_kind, WIRE_KIND_REMITTANCE */
    currency_index currency; /* CURRENCY_NONE: not known (a refusal keeps the id and the code only) */
    int64_t amount;          /* 0: not known */
    int64_t time_us;
    struct str from, to, memo, reference; /* empty: none or not known */
};

void wire_balance_write(struct mp_writer *w, uint64_t request_id, const struct wire_balance *balance);

/* cursor empty: this was the last page. */
void wire_history_write(struct mp_writer *w, uint64_t request_id, const struct wire_history_entry *entries,
                        size_t count, struct str cursor);

/* histories: begin, then count rows, each by one of the two. */
void wire_histories_begin(struct mp_writer *w, uint64_t request_id, size_t count);
void wire_histories_page_write(struct mp_writer *w, const struct wire_history_entry *entries, size_t count,
                               struct str cursor);
void wire_histories_error_write(struct mp_writer *w, enum code code, enum field field);

void wire_transfer_write(struct mp_writer *w, uint64_t request_id, const struct wire_transfer *transfer);

/* ---- the client's side ------------------------------------------------------------------------ */

void wire_balance_body_write(struct mp_writer *w, const struct wire_balance_query *query);
void wire_history_body_write(struct mp_writer *w, const struct wire_history_query *query);
void wire_transfer_show_body_write(struct mp_writer *w, const struct uuid *id);

/* Each reads the body of an OK reply. Strings stay in the frame. false: malformed or above capacity. */
bool wire_balance_reply_read(const struct wire_reply *reply, struct wire_balance *out);
bool wire_history_reply_read(const struct wire_reply *reply, struct wire_history_entry *entries,
                             size_t capacity, size_t *count, struct str *cursor);
bool wire_transfer_reply_read(const struct wire_reply *reply, struct wire_transfer *out);

/* Rows of a histories reply, one by one: reader from wire_histories_reply_begin, count rows. A row is like a
 * reply of its own: code and body for wire_history_reply_read or wire_error_read. */
bool wire_histories_reply_begin(const struct wire_reply *reply, struct mp_reader *rows, uint32_t *count);
bool wire_histories_reply_next(struct mp_reader *rows, struct wire_reply *row);

#endif
