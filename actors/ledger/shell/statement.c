#include "actors/ledger/shell/statement.h"

#include <stdlib.h>

#include "actors/base/rate.h"
#include "actors/ledger/book.h"

#include "actors/ledger/proposal_states.h"
#include "actors/ledger/remittance_states.h"

/* ---- the directory -------------------------------------------------------------------------------------- */

static bool grow(void **pointer, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 1024;
    while (wanted < needed)
        wanted *= 2;
    void *bigger = realloc(*pointer, wanted * size);
    if (!bigger)
        return false;
    *pointer = bigger;
    *capacity = wanted;
    return true;
}

enum err directory_add(struct directory *self, uint32_t first, uint32_t count, const char *bytes,
                       size_t length)
{
    size_t offsets = self->offset_capacity;
    if (first != self->count || self->length + length > UINT32_MAX)
        return ERR_RANGE;
    bool room = grow((void **)&self->bytes, &self->capacity, self->length + length, 1) &&
                grow((void **)&self->offsets, &offsets, (size_t)self->count + count, sizeof *self->offsets);
    self->offset_capacity = (uint32_t)offsets;
    if (!room)
        return ERR_NO_MEMORY;
    memcpy(self->bytes + self->length, bytes, length);
    for (uint32_t i = 0; i < count; i++) {
        self->offsets[self->count++] = (uint32_t)self->length;
        self->length += 2u + (unsigned char)self->bytes[self->length];
    }
    return ERR_OK;
}

struct str directory_at(const struct directory *self, uint32_t index)
{
    if (index >= self->count)
        return (struct str){0};
    const char *at = self->bytes + self->offsets[index];
    return (struct str){at + 2, (unsigned char)at[0]};
}

currency_index directory_currency_at(const struct directory *self, uint32_t index)
{
    return index < self->count ? (currency_index)self->bytes[self->offsets[index] + 1] : CURRENCY_NONE;
}

void directory_release(struct directory *self)
{
    free(self->bytes);
    free(self->offsets);
    *self = (struct directory){0};
}

/* ---- facts ------------------------------------------------------------------------------------------------ */

/* Most facts are short; the few long ones are fetched again. */
static enum err fact_fetch(const struct statement_source *source, uint64_t position, uint8_t *fact,
                           size_t *size, int64_t *time_us)
{
    enum { USUALLY = 320 };
    size_t length;
    enum err err = journal_reader_fetch(source->reader, position, fact, USUALLY, &length, time_us);
    if (err != ERR_OK)
        return err;
    struct fact_head head;
    if (length < FACT_WORD)
        return ERR_CORRUPT;
    memcpy(&head, fact, sizeof head);
    size_t whole = (size_t)head.words * FACT_WORD;
    if (whole > STATEMENT_FACT_MAX)
        return ERR_CORRUPT;
    if (whole > length) {
        err = journal_reader_fetch(source->reader, position, fact, whole, &length, time_us);
        if (err != ERR_OK)
            return err;
    }
    return fact_check(fact, length, size);
}

/* Copies a string into an entry's own room. */
static struct str keep(char **at, struct str text)
{
    struct str kept = {*at, text.length};
    if (text.length > 0)
        memcpy(*at, text.data, text.length);
    *at += text.length;
    return kept;
}

static const enum wire_entry_kind KINDS[FACT_KIND_COUNT] = {
    [FACT_TRANSFER] = ENTRY_TRANSFER,
    [FACT_DEPOSIT] = ENTRY_DEPOSIT,
    [FACT_WITHDRAWAL] = ENTRY_WITHDRAWAL,
    [FACT_SENT] = ENTRY_SENT,
    [FACT_RECEIVED] = ENTRY_RECEIVED,
    [FACT_RETURNED] = ENTRY_RETURNED,
    [FACT_ACCOUNT_OPENED] = ENTRY_OPENED,
    [FACT_ACCOUNT_CHANGED] = ENTRY_CHANGED,
    [FACT_ACCOUNT_FROZEN] = ENTRY_FROZEN,
    [FACT_ACCOUNT_UNFROZEN] = ENTRY_UNFROZEN,
    [FACT_ACCOUNT_CLOSED] = ENTRY_CLOSED,
    [FACT_HOLD_OPENED] = ENTRY_HOLD_OPENED,
    [FACT_HOLD_CAPTURED] = ENTRY_CAPTURED,
    [FACT_HOLD_RELEASED] = ENTRY_HOLD_RELEASED,
    [FACT_HOLD_EXPIRED] = ENTRY_HOLD_EXPIRED,
    [FACT_EXCHANGE_OUT] = ENTRY_EXCHANGE_OUT,
    [FACT_EXCHANGE_IN] = ENTRY_EXCHANGE_IN,
    [FACT_EXCHANGE_SPREAD] = ENTRY_EXCHANGE_SPREAD,
    [FACT_EXCHANGE_RESIDUE] = ENTRY_EXCHANGE_RESIDUE,
    [FACT_REMITTANCE_PULLED] = ENTRY_REMITTANCE_PULLED,
    [FACT_REMITTANCE_DEPOSITED] = ENTRY_REMITTANCE_DEPOSITED,
    [FACT_REMITTANCE_WITHDRAWN] = ENTRY_REMITTANCE_WITHDRAWN,
    [FACT_REMITTANCE_PAID] = ENTRY_REMITTANCE_PAID,
    [FACT_REMITTANCE_RETURNED] = ENTRY_REMITTANCE_RETURNED,
};

/* What the posting did to the book value of the account that is read. */
static void book_entry(const struct statement_source *source, uint32_t account,
                       const struct fact_strings *strings, struct wire_history_entry *entry)
{
    struct fact_book book;
    bool is_out = entry->direction == DIRECTION_OUT;
    struct str text = strings->by_tag[is_out ? FACT_TAG_BOOK_DEBIT : FACT_TAG_BOOK_CREDIT];
    currency_index currency = directory_currency_at(source->directory, account);
    entry->rate = book_rate_get(strings);
    if (text.length != sizeof book || currency == CURRENCY_NONE)
        return;
    memcpy(&book, text.data, sizeof book);
    entry->has_book = true;
    entry->value = book.value;
    entry->cost = book.cost;
    entry->book_value = book.book;
    if (entry->balance > 0 && book.book >= 0)
        entry->average_rate = rate_between(entry->balance, currency_at(currency)->exponent, book.book,
                                           currency_at(source->base)->exponent);
}

static void capture_entry(const uint8_t *bytes, struct wire_history_entry *entry)
{
    struct fact_capture fact;
    memcpy(&fact, bytes, sizeof fact);
    entry->hold = fact.hold;
    entry->pending = fact.pending;
}

static enum err posting_entry(const struct statement_source *source, uint32_t account, const uint8_t *bytes,
                              size_t size, struct statement_entry *out)
{
    struct fact_posting fact;
    struct fact_strings strings;
    struct wire_history_entry *entry = &out->entry;
    char *text = out->text;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.debit != account && fact.credit != account)
        return ERR_INVALID;
    size_t fixed = fact_posting_size(bytes[0]);
    if (fact_strings_read(bytes + fixed, size - fixed, &strings) != ERR_OK)
        return ERR_CORRUPT;
    bool out_going = fact.debit == account;
    struct str other = strings.by_tag[FACT_TAG_REMOTE];
    if (other.length == 0)
        other = directory_at(source->directory, out_going ? fact.credit : fact.debit);
    entry->id = fact.id;
    entry->exchange = fact_exchange_leg(bytes[0], &fact.id);
    entry->amount = fact.amount;
    entry->direction = out_going ? DIRECTION_OUT : DIRECTION_IN;
    entry->balance = out_going ? fact.debit_balance : fact.credit_balance;
    out->has_balance = true;
    entry->counterparty = keep(&text, other);
    entry->memo = keep(&text, strings.by_tag[FACT_TAG_MEMO]);
    entry->reference = keep(&text, strings.by_tag[FACT_TAG_REFERENCE]);
    entry->bank = keep(&text, strings.by_tag[FACT_TAG_BANK]);
    entry->bank_reference = keep(&text, strings.by_tag[FACT_TAG_BANK_REFERENCE]);
    book_entry(source, account, &strings, entry);
    out->previous = fact_position48_get(out_going ? fact.debit_previous : fact.credit_previous);
    if (bytes[0] == FACT_HOLD_CAPTURED && out_going)
        capture_entry(bytes, entry);
    return ERR_OK;
}

/* A step of a hold: the balance stays, pending changes. */
static enum err hold_entry(uint32_t account, const uint8_t *bytes, size_t size, struct statement_entry *out)
{
    struct fact_hold fact;
    struct fact_strings strings;
    struct wire_history_entry *entry = &out->entry;
    char *text = out->text;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.account != account)
        return ERR_INVALID;
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return ERR_CORRUPT;
    entry->id = fact.id;
    entry->amount = fact.amount;
    entry->balance = fact.balance;
    out->has_balance = true;
    entry->hold = fact.hold;
    entry->pending = fact.pending;
    entry->expires_us = fact.expires_us;
    entry->memo = keep(&text, strings.by_tag[FACT_TAG_MEMO]);
    entry->reference = keep(&text, strings.by_tag[FACT_TAG_REFERENCE]);
    out->previous = fact.previous;
    return ERR_OK;
}

/* An account fact moves nothing: the balance is that after the fact before it. */
static enum err account_entry(uint32_t account, const uint8_t *bytes, size_t size,
                              struct statement_entry *out)
{
    struct fact_account fact;
    struct fact_strings strings;
    char *text = out->text;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.account != account)
        return ERR_INVALID;
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return ERR_CORRUPT;
    out->entry.id = fact.id;
    out->entry.memo = keep(&text, strings.by_tag[FACT_TAG_MEMO]);
    out->previous = fact.previous;
    return ERR_OK;
}

static enum err entry_at(const struct statement_source *source, uint32_t account, uint64_t position,
                         struct statement_entry *out)
{
    uint8_t bytes[STATEMENT_FACT_MAX];
    size_t size;
    int64_t time_us;
    enum err err = fact_fetch(source, position, bytes, &size, &time_us);
    if (err != ERR_OK)
        return err;
    out->entry =
        (struct wire_history_entry){.kind = KINDS[bytes[0]], .time_us = time_us, .position = position};
    out->previous = 0;
    out->has_balance = false;
    if (fact_is_posting(bytes[0]))
        return posting_entry(source, account, bytes, size, out);
    if (bytes[0] >= FACT_ACCOUNT_OPENED && bytes[0] <= FACT_ACCOUNT_CLOSED)
        return account_entry(account, bytes, size, out);
    if (fact_is_hold(bytes[0]))
        return hold_entry(account, bytes, size, out);
    return ERR_INVALID;
}

enum err statement_entry_read(const struct statement_source *source, uint32_t account, uint64_t position,
                              struct statement_entry *out)
{
    struct statement_entry before = {.previous = 0};
    enum err err = entry_at(source, account, position, out);
    bool known = err == ERR_OK && out->has_balance;
    uint64_t at = out->previous;
    while (err == ERR_OK && !known && at != 0) {
        err = entry_at(source, account, at, &before);
        known = err == ERR_OK && before.has_balance;
        if (known)
            out->entry.balance = before.entry.balance;
        at = before.previous;
    }
    return err;
}

/* ---- transactions ------------------------------------------------------------------------------------------- */

static void transfer_of_posting(const struct statement_source *source, const struct fact_posting *fact,
                                const struct fact_strings *strings, struct statement_transfer *out)
{
    struct wire_transfer *transfer = &out->transfer;
    char *text = out->text;
    struct str remote = strings->by_tag[FACT_TAG_REMOTE];
    struct str from = directory_at(source->directory, fact->debit);
    struct str to = directory_at(source->directory, fact->credit);
    transfer->currency = directory_currency_at(source->directory, fact->debit);
    transfer->kind = COMMAND_TRANSFER;
    if (fact->head.kind == FACT_DEPOSIT) {
        transfer->kind = COMMAND_DEPOSIT;
        from = (struct str){0};
    } else if (fact->head.kind == FACT_WITHDRAWAL) {
        transfer->kind = COMMAND_WITHDRAW;
        to = (struct str){0};
    } else if (fact->head.kind == FACT_HOLD_CAPTURED) {
        transfer->kind = COMMAND_CAPTURE;
        to = (struct str){0};
    } else if (fact->head.kind == FACT_SENT) {
        to = remote;
    } else if (fact->head.kind == FACT_RETURNED) {
        from = to;
        to = remote;
    } else if (fact->head.kind >= FACT_EXCHANGE_OUT) { /* one leg: between the account and the house */
        transfer->kind = COMMAND_EXCHANGE;
    }
    transfer->id = fact->id;
    transfer->amount = fact->amount;
    transfer->from = keep(&text, from);
    transfer->to = keep(&text, to);
    transfer->memo = keep(&text, strings->by_tag[FACT_TAG_MEMO]);
    transfer->reference = keep(&text, strings->by_tag[FACT_TAG_REFERENCE]);
}

static enum err transfer_posting(const struct statement_source *source, const uint8_t *bytes, size_t size,
                                 struct statement_transfer *out)
{
    struct fact_posting fact;
    struct fact_strings strings;
    size_t fixed = fact_posting_size(bytes[0]);
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + fixed, size - fixed, &strings) != ERR_OK)
        return ERR_CORRUPT;
    transfer_of_posting(source, &fact, &strings, out);
    if (fact.head.kind == FACT_RETURNED) {
        out->transfer.status = TRANSFER_FAILED;
        out->transfer.code = fact.head.detail;
    } else if (fact.head.kind == FACT_SENT && !(fact.head.detail & FACT_FLAG_GROUP)) {
        out->transfer.status = TRANSFER_PENDING;
    }
    return ERR_OK;
}

/* The transfer itself stands in the FACT_SENT that was settled. */
static enum err transfer_settled(const struct statement_source *source, const uint8_t *bytes,
                                 struct statement_transfer *out)
{
    struct fact_settled settled;
    uint8_t sent[STATEMENT_FACT_MAX];
    size_t size;
    memcpy(&settled, bytes, sizeof settled);
    enum err err = fact_fetch(source, settled.sent_position, sent, &size, &out->transfer.time_us);
    if (err == ERR_OK)
        err = transfer_posting(source, sent, size, out);
    out->transfer.status = TRANSFER_SUCCESS;
    return err;
}

/* From a fact about a proposal, of `size` bytes: the deposit or withdrawal that it is, or was to be. */
static enum err transfer_proposal(const struct statement_source *source, const uint8_t *bytes, size_t size,
                                  struct statement_transfer *out)
{
    struct fact_proposal newest, opened;
    struct fact_strings strings;
    uint8_t opening[STATEMENT_FACT_MAX];
    int64_t opened_us;
    memcpy(&newest, bytes, sizeof newest);
    if (newest.head.kind != FACT_PROPOSED) {
        enum err err = fact_fetch(source, newest.proposed, opening, &size, &opened_us);
        if (err != ERR_OK || opening[0] != FACT_PROPOSED)
            return err == ERR_OK ? ERR_CORRUPT : err;
        bytes = opening;
    }
    memcpy(&opened, bytes, sizeof opened);
    if (fact_strings_read(bytes + sizeof opened, size - sizeof opened, &strings) != ERR_OK)
        return ERR_CORRUPT;
    struct wire_transfer *transfer = &out->transfer;
    char *text = out->text;
    struct str account = keep(&text, directory_at(source->directory, newest.account));
    *(opened.head.detail == COMMAND_DEPOSIT ? &transfer->to : &transfer->from) = account;
    transfer->id = newest.id;
    transfer->kind = opened.head.detail;
    transfer->amount = newest.amount;
    transfer->currency = directory_currency_at(source->directory, newest.account);
    transfer->memo = keep(&text, strings.by_tag[FACT_TAG_MEMO]);
    uint8_t state = proposal_state_after(newest.head.kind);
    transfer->status = state == PROPOSAL_PROPOSED   ? TRANSFER_PENDING
                       : state == PROPOSAL_APPROVED ? TRANSFER_SUCCESS
                                                    : TRANSFER_FAILED;
    if (transfer->status == TRANSFER_FAILED)
        transfer->code = proposal_state_code(state);
    return ERR_OK;
}

/* An end that is not the one that was asked for is a failure; which one, remittance.show tells. */
static void remittance_status(uint8_t state, uint8_t code, struct wire_transfer *transfer)
{
    transfer->status = !remittance_has_ended(state)    ? TRANSFER_PENDING
                       : state == REMITTANCE_COMPLETED ? TRANSFER_SUCCESS
                                                       : TRANSFER_FAILED;
    if (transfer->status == TRANSFER_FAILED)
        transfer->code = code != CODE_OK && code < CODE_COUNT ? (enum code)code : CODE_REMITTANCE_ENDED;
}

static struct fact_remittance_part remittance_part(const uint8_t *bytes)
{
    struct fact_remittance_posting posting;
    struct fact_remittance fact;
    if (fact_is_posting(bytes[0])) {
        memcpy(&posting, bytes, sizeof posting);
        return posting.part;
    }
    memcpy(&fact, bytes, sizeof fact);
    return fact.part;
}

/* From a fact about a remittance, of `size` bytes: what was requested stands in its first. */
static enum err transfer_remittance(const struct statement_source *source, const uint8_t *bytes, size_t size,
                                    struct statement_transfer *out)
{
    struct fact_remittance requested;
    struct fact_strings strings;
    uint8_t opening[STATEMENT_FACT_MAX];
    int64_t requested_us;
    struct fact_remittance_part part = remittance_part(bytes);
    if (part.requested != 0) {
        enum err err = fact_fetch(source, part.requested, opening, &size, &requested_us);
        if (err != ERR_OK || opening[0] != FACT_REMITTANCE_REQUESTED)
            return err == ERR_OK ? ERR_CORRUPT : err;
        bytes = opening;
    }
    memcpy(&requested, bytes, sizeof requested);
    if (fact_strings_read(bytes + sizeof requested, size - sizeof requested, &strings) != ERR_OK)
        return ERR_CORRUPT;
    struct wire_transfer *transfer = &out->transfer;
    char *text = out->text;
    transfer->from = transfer->to = keep(&text, directory_at(source->directory, requested.account));
    transfer->id = requested.id;
    transfer->kind = WIRE_KIND_REMITTANCE;
    transfer->amount = requested.amount;
    transfer->currency = directory_currency_at(source->directory, requested.account);
    transfer->memo = keep(&text, strings.by_tag[FACT_TAG_MEMO]);
    transfer->reference = keep(&text, strings.by_tag[FACT_TAG_REFERENCE]);
    remittance_status(part.state, part.code, transfer);
    return ERR_OK;
}

/* A hold or a release, from its fact. */
static enum err transfer_hold_step(const struct statement_source *source, const uint8_t *bytes, size_t size,
                                   struct statement_transfer *out)
{
    struct fact_hold fact;
    struct fact_strings strings;
    char *text = out->text;
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return ERR_CORRUPT;
    out->transfer.id = fact.id;
    out->transfer.kind = fact.head.kind == FACT_HOLD_OPENED ? COMMAND_HOLD : COMMAND_RELEASE;
    out->transfer.amount = fact.amount;
    out->transfer.currency = directory_currency_at(source->directory, fact.account);
    out->transfer.from = keep(&text, directory_at(source->directory, fact.account));
    out->transfer.memo = keep(&text, strings.by_tag[FACT_TAG_MEMO]);
    out->transfer.reference = keep(&text, strings.by_tag[FACT_TAG_REFERENCE]);
    return ERR_OK;
}

/* A fact that ends a hold answers for the hold's id too: that one was opened elsewhere. */
static enum err transfer_hold(const struct statement_source *source, const uint8_t *bytes, size_t size,
                              const struct uuid *id, struct statement_transfer *out)
{
    struct fact_capture capture = {0};
    struct fact_hold step = {0};
    uint8_t opening[STATEMENT_FACT_MAX];
    bool captures = bytes[0] == FACT_HOLD_CAPTURED;
    if (captures)
        memcpy(&capture, bytes, sizeof capture);
    else
        memcpy(&step, bytes, sizeof step);
    if (captures && uuid_equal(&capture.posting.id, id))
        return transfer_posting(source, bytes, size, out);
    if (!captures && uuid_equal(&step.id, id))
        return transfer_hold_step(source, bytes, size, out);
    enum err err =
        fact_fetch(source, captures ? capture.opened : step.opened, opening, &size, &out->transfer.time_us);
    if (err == ERR_OK && opening[0] != FACT_HOLD_OPENED)
        err = ERR_CORRUPT;
    return err == ERR_OK ? transfer_hold_step(source, opening, size, out) : err;
}

enum err statement_transfer_read(const struct statement_source *source, uint64_t position,
                                 const struct uuid *id, struct statement_transfer *out)
{
    uint8_t bytes[STATEMENT_FACT_MAX];
    size_t size;
    out->transfer = (struct wire_transfer){0};
    enum err err = fact_fetch(source, position, bytes, &size, &out->transfer.time_us);
    if (err != ERR_OK)
        return err;
    if (fact_is_hold(bytes[0]))
        return transfer_hold(source, bytes, size, id, out);
    if (fact_is_remittance(bytes[0]))
        return transfer_remittance(source, bytes, size, out);
    if (fact_is_posting(bytes[0]))
        return transfer_posting(source, bytes, size, out);
    if (bytes[0] == FACT_SETTLED)
        return transfer_settled(source, bytes, out);
    if (bytes[0] == FACT_REFUSED) {
        struct fact_refused fact;
        memcpy(&fact, bytes, sizeof fact);
        out->transfer.id = fact.id;
        out->transfer.status = TRANSFER_FAILED;
        out->transfer.code = fact.head.detail;
        out->transfer.kind = fact.command;
        return ERR_OK;
    }
    if (bytes[0] >= FACT_PROPOSED && bytes[0] <= FACT_PROPOSAL_EXPIRED)
        return transfer_proposal(source, bytes, size, out);
    if (bytes[0] == FACT_GROUP_STARTED || bytes[0] == FACT_GROUP_ANSWERED) {
        struct fact_group fact;
        memcpy(&fact, bytes, sizeof fact);
        out->transfer.id = fact.id;
        out->transfer.kind = fact.is_exchange ? COMMAND_EXCHANGE : COMMAND_GROUP;
        out->transfer.code = fact.head.detail;
        out->transfer.status = bytes[0] == FACT_GROUP_STARTED ? TRANSFER_PENDING
                               : fact.head.detail == CODE_OK  ? TRANSFER_SUCCESS
                                                              : TRANSFER_FAILED;
        return ERR_OK;
    }
    return ERR_INVALID;
}
