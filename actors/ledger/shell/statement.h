/* Reading facts for people: the entries of a statement, what became of a transaction, a balance of the past.
 *
 * Everything is found by walking back from an account's last fact. The reader brings the facts (a journal
 * reader) and the names of accounts (a directory of its own), so that reading touches nothing of the ledger's.
 */
#ifndef TELLER_LEDGER_STATEMENT_H
#define TELLER_LEDGER_STATEMENT_H

#include "actors/base/bank_call.h"
#include "actors/base/err.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/history.h"
#include "store/journal.h"

/* Names and currencies of a partition's accounts by index: neither ever changes. */
struct directory {
    char *bytes; /* length of the id, currency_index, id, … */
    size_t length, capacity;
    uint32_t *offsets;
    uint32_t count, offset_capacity;
};

/* Names first .. first + count - 1, as `bytes` holds them; first is the directory's count. */
enum err directory_add(struct directory *self, uint32_t first, uint32_t count, const char *bytes,
                       size_t length) MUST_USE;
/* Empty, CURRENCY_NONE: not known. */
currency_index directory_currency_at(const struct directory *self, uint32_t index);
struct str directory_at(const struct directory *self, uint32_t index);
void directory_release(struct directory *self);

enum {
    STATEMENT_FACT_MAX = 32 * 1024,
    STATEMENT_ENTRY_TEXT = 2 * ACCOUNT_ID_MAX + MEMO_MAX + REFERENCE_MAX + BANK_NAME_MAX + BANK_REFERENCE_MAX
};

/* Where facts come from: begun readers only. */
struct statement_source {
    struct journal_reader *reader;
    const struct directory *directory;
    currency_index base; /* of book values */
};

/* An entry with room for its strings. */
struct statement_entry {
    struct wire_history_entry entry;
    uint64_t previous; /* the account's fact before this one; 0: none */
    bool has_balance;  /* the fact itself says what the balance is after it */
    char text[STATEMENT_ENTRY_TEXT];
};

/* Reads the entry of `account` at `position`. ERR_INVALID: the fact there is not one of this account. */
enum err statement_entry_read(const struct statement_source *source, uint32_t account, uint64_t position,
                              struct statement_entry *out) MUST_USE;

/* A transaction as transfer.show tells it. Strings stand in text. */
struct statement_transfer {
    struct wire_transfer transfer;
    char text[STATEMENT_ENTRY_TEXT];
};
/* id: the one that was asked for; a fact that ends a hold answers for two. */
enum err statement_transfer_read(const struct statement_source *source, uint64_t position,
                                 const struct uuid *id, struct statement_transfer *out) MUST_USE;

#endif
