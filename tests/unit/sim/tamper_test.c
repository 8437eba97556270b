/* Everything that is tampered with is found, and called by its name: the first breach is of the invariant that the row
 * of the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "actors/ledger/fact.h"
#include "actors/ledger/group.h"
#include "actors/ledger/link.h"
#include "tests/unit/sim/tape.h"

enum { SEEDS = 40, COMMANDS = 60, PRODUCT_COMMANDS = 120, LEAST = 3 };

struct row;

/* One tampering under way. */
struct tampering {
    const struct row *row;
    uint32_t skip; /* pass so many places where it could be done */
    bool done;
};

/* Changes the event, or says how else it is told. Calls `here` at each place where it can be done. */
typedef unsigned change_fn(struct tampering *t, const struct tape *tape, size_t index,
                           struct tape_event *event, size_t *early);

struct row {
    const char *name;
    const char
        *expected; /* invariants, any of which; then, where it matters, ": " and what the breach says */
    change_fn *change;
    int which;     /* of facts: enum fact_kind; of reads: enum wire_operation */
    size_t offset; /* in the fact */
    int64_t add;
    bool to_the_end;
};

/* true: do it here. */
static bool here(struct tampering *t)
{
    if (t->done)
        return false;
    if (t->skip > 0) {
        t->skip--;
        return false;
    }
    t->done = true;
    return true;
}

/* ---- facts ------------------------------------------------------------------------------------ */

/* In `which`: not of a group; of a proposal. */
enum { ANY_FORM = 0, SINGLE = 1 << 20, APPROVED = 1 << 21 };

static uint8_t *bytes_of(struct tape_event *event)
{
    return (uint8_t *)event->commit.facts; /* the scratch copy */
}

static size_t size_of(const uint8_t *fact)
{
    struct fact_head head;
    memcpy(&head, fact, sizeof head);
    return (size_t)head.words * FACT_WORD;
}

static bool is_wanted(const uint8_t *fact, int which)
{
    bool grouped = fact_is_posting(fact[0]) && fact[0] != FACT_RETURNED && (fact[1] & FACT_FLAG_GROUP);
    bool proposed = fact_is_posting(fact[0]) && (fact[1] & FACT_FLAG_PROPOSED);
    return fact[0] == (which & 0xFF) && !((which & SINGLE) && grouped) && !((which & APPROVED) && !proposed);
}

/* A fact of the commit that is wanted, or NULL. */
static uint8_t *fact_here(struct tampering *t, struct tape_event *event)
{
    if (event->kind != TAPE_COMMIT)
        return NULL;
    for (size_t at = 0; at < event->commit.length; at += size_of(bytes_of(event) + at)) {
        uint8_t *fact = bytes_of(event) + at;
        if (is_wanted(fact, t->row->which) && size_of(fact) > t->row->offset && here(t))
            return fact;
    }
    return NULL;
}

/* Adds to 8 bytes of a fact. */
static unsigned number(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                       size_t *early)
{
    (void)tape, (void)index, (void)early;
    uint8_t *fact = fact_here(t, event);
    int64_t value;
    if (!fact)
        return 1;
    memcpy(&value, fact + t->row->offset, sizeof value);
    value += t->row->add;
    memcpy(fact + t->row->offset, &value, sizeof value);
    return 1;
}

/* Adds to one byte of a fact. */
static unsigned byte(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                     size_t *early)
{
    (void)tape, (void)index, (void)early;
    uint8_t *fact = fact_here(t, event);
    if (fact)
        fact[t->row->offset] = (uint8_t)(fact[t->row->offset] + t->row->add);
    return 1;
}

/* OK becomes a refusal, and a refusal OK. */
static unsigned outcome(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                        size_t *early)
{
    (void)tape, (void)index, (void)early;
    uint8_t *fact = fact_here(t, event);
    if (fact)
        fact[1] = fact[1] == CODE_OK ? CODE_INSUFFICIENT_FUNDS : CODE_OK;
    return 1;
}

/* A transfer is carried out once more, right behind the first time, with chains and balances as they should be. */
static unsigned again(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                      size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct fact_posting last;
    size_t at = 0;
    if (event->kind != TAPE_COMMIT)
        return 1;
    while (at + size_of(bytes_of(event) + at) < event->commit.length)
        at += size_of(bytes_of(event) + at);
    uint8_t *fact = bytes_of(event) + at;
    size_t size = size_of(fact);
    memcpy(&last, fact, sizeof last <= size ? sizeof last : size);
    if (!is_wanted(fact, FACT_DEPOSIT | SINGLE) || !here(t))
        return 1;
    memcpy(fact + size, fact, size);
    last.debit_previous = last.credit_previous =
        fact_position48_make(event->commit.position + at / FACT_WORD);
    last.debit_balance -= last.amount;
    last.credit_balance += last.amount;
    memcpy(fact + size, &last, sizeof last);
    event->commit.length += size;
    event->commit.fact_count++;
    return 1;
}

/* ---- commits ---------------------------------------------------------------------------------- */

static unsigned commit_drop(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    return event->kind == TAPE_COMMIT && here(t) ? 0 : 1;
}

static unsigned commit_double(struct tampering *t, const struct tape *tape, size_t index,
                              struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    return event->kind == TAPE_COMMIT && here(t) ? 2 : 1;
}

static unsigned commit_back(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (event->kind == TAPE_COMMIT && event->commit.sequence > 1 && here(t))
        event->commit.time_us = 1;
    return 1;
}

static unsigned commit_count(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (event->kind == TAPE_COMMIT && here(t))
        event->commit.fact_count++;
    return 1;
}

static unsigned commit_owner(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (event->kind == TAPE_COMMIT && event->commit.sequence > 1 && here(t))
        event->commit.epoch = 0;
    return 1;
}

/* The last fact of a commit is lost. */
static unsigned commit_cut(struct tampering *t, const struct tape *tape, size_t index,
                           struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (event->kind != TAPE_COMMIT || event->commit.fact_count < 2 || !here(t))
        return 1;
    size_t at = 0;
    while (at + size_of(bytes_of(event) + at) < event->commit.length)
        at += size_of(bytes_of(event) + at);
    event->commit.length = at;
    event->commit.fact_count--;
    return 1;
}

/* The last commit of a partition is not told. */
static unsigned commit_last(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)early;
    if (event->kind != TAPE_COMMIT)
        return 1;
    for (size_t i = index + 1; i < tape_length(tape); i++) {
        if (tape_at(tape, i)->kind == TAPE_COMMIT && tape_at(tape, i)->partition == event->partition)
            return 1;
    }
    return here(t) ? 0 : 1;
}

/* All ends while money is on its way, or a group is open. */
static unsigned end_here(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                         size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (t->done)
        return 0;
    (void)fact_here(t, event);
    return 1;
}

/* ---- answers to money ------------------------------------------------------------------------- */

/* The row of an answer to a single command with this code; NULL: it is none. */
static struct ledger_row *single_row(struct tape_event *event, bool is_ok)
{
    if (event->kind != TAPE_ANSWER || event->operation->kind >= OPERATION_BATCH ||
        event->answer.row_count != 1)
        return NULL;
    uint8_t code = event->answer.rows[0].code;
    bool definite = code == CODE_OK || (code >= CODE_ACCOUNT_NOT_FOUND && code <= CODE_BALANCE_OVERFLOW);
    return definite && (code == CODE_OK) == is_ok ? &event->answer.rows[0] : NULL;
}

static void row_set(struct ledger_row *row, enum code code, enum field field)
{
    *row = (struct ledger_row){.code = (uint8_t)code, .field = (uint8_t)field};
}

static unsigned row_balance(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct ledger_row *row = single_row(event, true);
    if (row && here(t)) {
        row->from_balance += t->row->add;
        row->to_balance += t->row->add;
    }
    return 1;
}

/* An OK answer says something else: `which` is the code, `offset` the field. */
static unsigned row_ok(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                       size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct ledger_row *row = single_row(event, true);
    const struct operation *operation = event->operation;
    bool late = t->row->which == CODE_DEADLINE_EXCEEDED && row && operation->commands[0].deadline_us != 0;
    if (row && !late && here(t))
        row_set(row, (enum code)t->row->which, (enum field)t->row->offset);
    return 1;
}

static unsigned row_refused(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct ledger_row *row = single_row(event, false);
    if (row && row->code != t->row->which && here(t))
        row_set(row, (enum code)t->row->which, (enum field)row->field);
    return 1;
}

static unsigned group_row(struct tampering *t, const struct tape *tape, size_t index,
                          struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (event->kind != TAPE_ANSWER || event->operation->kind != OPERATION_BATCH ||
        event->answer.rows[0].code != CODE_OK || !here(t))
        return 1;
    event->answer.rows[1].to_balance += t->row->add;
    event->answer.rows[1].from_balance += t->row->add;
    return 1;
}

/* An answer comes before the commit that holds its fact. */
static unsigned answer_early(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    if (event->kind != TAPE_COMMIT)
        return 1;
    for (size_t at = 0; at < event->commit.length && !t->done; at += size_of(bytes_of(event) + at)) {
        const uint8_t *fact = bytes_of(event) + at;
        for (size_t i = index + 1; is_wanted(fact, t->row->which) && i < tape_length(tape); i++) {
            struct tape_event later = *tape_at(tape, i);
            const struct ledger_row *row = single_row(&later, true);
            bool same = row && memcmp(fact + offsetof(struct fact_posting, id),
                                      later.operation->commands[0].id.bytes, sizeof(struct uuid)) == 0;
            if (same && here(t)) {
                *early = i;
                return 1;
            }
        }
    }
    return 1;
}

/* ---- reads ------------------------------------------------------------------------------------ */

static bool is_read(const struct tape_event *event, int kind)
{
    return event->kind == TAPE_ANSWER && (int)event->operation->kind == kind && event->answer.code == CODE_OK;
}

/* All accounts are there, and all commands are decided. */
static bool is_late(const struct tape *tape, size_t index)
{
    return index * 4 > tape_length(tape) * 3;
}

static unsigned balance(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                        size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, OPERATION_BALANCE) && here(t))
        event->answer.balance.balance += t->row->add;
    return 1;
}

static unsigned balance_pending(struct tampering *t, const struct tape *tape, size_t index,
                                struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, OPERATION_BALANCE) && !event->operation->balance.has_at && here(t))
        event->answer.balance.pending += t->row->add;
    return 1;
}

/* What was right earlier is told again. */
static unsigned balance_stale(struct tampering *t, const struct tape *tape, size_t index,
                              struct tape_event *event, size_t *early)
{
    (void)early;
    if (!is_read(event, OPERATION_BALANCE) || event->operation->balance.has_at)
        return 1;
    for (size_t i = 0; i < index; i++) {
        const struct tape_event *before = tape_at(tape, i);
        if (is_read(before, OPERATION_BALANCE) && !before->operation->balance.has_at &&
            str_equal(before->operation->balance.account, event->operation->balance.account) &&
            before->answer.balance.balance != event->answer.balance.balance && here(t)) {
            event->answer.balance = before->answer.balance;
            return 1;
        }
    }
    return 1;
}

static unsigned entry_missing(struct tampering *t, const struct tape *tape, size_t index,
                              struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct answer *answer = &event->answer;
    if (!is_read(event, OPERATION_HISTORY) || answer->count < 3 || !here(t))
        return 1;
    answer->count--;
    memmove(&answer->entries[1], &answer->entries[2], (answer->count - 1) * sizeof *answer->entries);
    return 1;
}

static unsigned entries_swapped(struct tampering *t, const struct tape *tape, size_t index,
                                struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct answer *answer = &event->answer;
    if (!is_read(event, OPERATION_HISTORY) || answer->count < 2 || !here(t))
        return 1;
    struct wire_history_entry first = answer->entries[0];
    answer->entries[0] = answer->entries[1];
    answer->entries[1] = first;
    return 1;
}

/* `which` says which value of the first entry is changed. */
static unsigned entry_value(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (!is_read(event, OPERATION_HISTORY) || event->answer.count == 0 || !here(t))
        return 1;
    struct wire_history_entry *entry = &event->answer.entries[0];
    entry->balance += t->row->which == 0;
    entry->time_us += t->row->which == 1;
    entry->memo = t->row->which == 2 ? STR_LITERAL("other") : entry->memo;
    entry->counterparty = t->row->which == 3 ? STR_LITERAL("other") : entry->counterparty;
    entry->position += t->row->which == 4;
    return 1;
}

static unsigned cursor_lost(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, OPERATION_HISTORY) && event->answer.cursor.length > 0 && here(t))
        event->answer.cursor = (struct str){0};
    return 1;
}

static unsigned show_status(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, OPERATION_TRANSFER_SHOW) && here(t))
        event->answer.transfer.status =
            event->answer.transfer.status == TRANSFER_SUCCESS ? TRANSFER_FAILED : TRANSFER_SUCCESS;
    return 1;
}

static unsigned show_lost(struct tampering *t, const struct tape *tape, size_t index,
                          struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    bool settled = is_read(event, OPERATION_TRANSFER_SHOW) && is_late(tape, index);
    if (settled && here(t)) {
        event->answer.code = CODE_NOT_FOUND;
        event->answer.field = FIELD_TRANSACTION_ID;
    }
    return 1;
}

static unsigned list_short(struct tampering *t, const struct tape *tape, size_t index,
                           struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, OPERATION_ACCOUNT_LIST) && event->answer.count > 1 && here(t))
        event->answer.count--;
    return 1;
}

static unsigned list_view(struct tampering *t, const struct tape *tape, size_t index,
                          struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, OPERATION_ACCOUNT_LIST) && event->answer.count > 0 && here(t))
        event->answer.views[0].balance += t->row->add;
    return 1;
}

/* The account in an answer; `which`: enum wire_operation. */
static unsigned view_state(struct tampering *t, const struct tape *tape, size_t index,
                           struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, t->row->which) && here(t))
        event->answer.view.state =
            event->answer.view.state == ACCOUNT_ACTIVE ? ACCOUNT_FROZEN : ACCOUNT_ACTIVE;
    return 1;
}

static unsigned account_lost(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    (void)early;
    bool there = is_read(event, t->row->which) && is_late(tape, index);
    if (there && here(t)) {
        event->answer.code = CODE_ACCOUNT_NOT_FOUND;
        event->answer.field = FIELD_ACCOUNT;
    }
    return 1;
}

static unsigned account_refused(struct tampering *t, const struct tape *tape, size_t index,
                                struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, t->row->which) && here(t)) {
        event->answer.code = (enum code)t->row->add;
        event->answer.field = FIELD_ACCOUNT;
    }
    return 1;
}

/* ---- products --------------------------------------------------------------------------------- */

/* The fact is lost, wherever it stands in its commit. */
static unsigned fact_lost(struct tampering *t, const struct tape *tape, size_t index,
                          struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    uint8_t *fact = fact_here(t, event);
    if (!fact)
        return 1;
    size_t size = size_of(fact);
    memmove(fact, fact + size, event->commit.length - size - (size_t)(fact - bytes_of(event)));
    event->commit.length -= size;
    event->commit.fact_count--;
    return event->commit.length > 0;
}

/* The last fact of a commit, where it is wanted; NULL: it is not. *position: where it stands. */
static uint8_t *last_here(struct tampering *t, struct tape_event *event, uint64_t *position)
{
    size_t at = 0;
    if (event->kind != TAPE_COMMIT)
        return NULL;
    while (at + size_of(bytes_of(event) + at) < event->commit.length)
        at += size_of(bytes_of(event) + at);
    *position = event->commit.position + at / FACT_WORD;
    return is_wanted(bytes_of(event) + at, t->row->which) && here(t) ? bytes_of(event) + at : NULL;
}

/* The same fact once more, right behind itself. */
static unsigned twice(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                      size_t *early)
{
    (void)tape, (void)index, (void)early;
    uint8_t *fact = fact_here(t, event);
    if (!fact)
        return 1;
    size_t size = size_of(fact);
    memmove(fact + size, fact, event->commit.length - (size_t)(fact - bytes_of(event)));
    event->commit.length += size;
    event->commit.fact_count++;
    return 1;
}

/* A hold expires right behind what opened or released it, its chain as it should be. */
static unsigned hold_expires(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    uint64_t position;
    struct fact_hold hold;
    const uint8_t *fact = last_here(t, event, &position);
    if (!fact)
        return 1;
    memcpy(&hold, fact, sizeof hold);
    hold.opened = hold.head.kind == FACT_HOLD_OPENED ? position : hold.opened;
    hold.pending -= hold.head.kind == FACT_HOLD_OPENED ? hold.amount : 0;
    hold.head = (struct fact_head){.kind = FACT_HOLD_EXPIRED, .words = sizeof hold / FACT_WORD};
    hold.previous = position;
    hold.id = (struct uuid){0};
    memcpy(bytes_of(event) + event->commit.length, &hold, sizeof hold);
    event->commit.length += sizeof hold;
    event->commit.fact_count++;
    return 1;
}

/* A capture that keeps the rest says that it let it go. */
static unsigned rest_released(struct tampering *t, const struct tape *tape, size_t index,
                              struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct fact_capture capture;
    if (event->kind != TAPE_COMMIT)
        return 1;
    for (size_t at = 0; at < event->commit.length; at += size_of(bytes_of(event) + at)) {
        uint8_t *fact = bytes_of(event) + at;
        if (!is_wanted(fact, FACT_HOLD_CAPTURED))
            continue;
        memcpy(&capture, fact, sizeof capture);
        if (capture.kept == 0 || !here(t))
            continue;
        capture.released = capture.kept;
        capture.kept = 0;
        memcpy(fact, &capture, sizeof capture);
    }
    return 1;
}

/* The entry of a trailer with this tag; NULL: there is none. */
static uint8_t *trailer_entry(uint8_t *fact, uint8_t tag)
{
    size_t size = size_of(fact);
    for (size_t at = fact_fixed_size(fact[0]); at + 2 <= size && fact[at] != FACT_TAG_END;
         at += 2u + fact[at + 1]) {
        if (fact[at] == tag)
            return fact + at + 2;
    }
    return NULL;
}

/* Adds to the first byte of the entry whose tag is `offset`; `add` >> 8 is where in it. */
static unsigned trailer(struct tampering *t, const struct tape *tape, size_t index, struct tape_event *event,
                        size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (event->kind != TAPE_COMMIT)
        return 1;
    for (size_t at = 0; at < event->commit.length; at += size_of(bytes_of(event) + at)) {
        uint8_t *fact = bytes_of(event) + at;
        uint8_t *entry = is_wanted(fact, t->row->which) ? trailer_entry(fact, (uint8_t)t->row->offset) : NULL;
        if (entry && here(t))
            entry[t->row->add >> 8] = (uint8_t)(entry[t->row->add >> 8] + (t->row->add & 0xFF));
    }
    return 1;
}

/* "ann" proposes, and "ben" decides: now both are one. */
static unsigned own_approval(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    uint8_t *fact = fact_here(t, event);
    uint8_t *entry = fact ? trailer_entry(fact, FACT_TAG_OPERATOR) : NULL;
    if (entry)
        memcpy(entry, "ann", 3);
    return 1;
}

/* What teller would have earned is promised to the customer. */
static unsigned spread_given(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct fact_quote fact;
    uint8_t *bytes = fact_here(t, event);
    if (!bytes)
        return 1;
    memcpy(&fact, bytes, sizeof fact);
    fact.buy_amount += fact.spread;
    fact.spread = 0;
    memcpy(bytes, &fact, sizeof fact);
    return 1;
}

/* Adds to 8 bytes of an answer at `offset`; `which`: enum wire_operation. */
static unsigned answer_number(struct tampering *t, const struct tape *tape, size_t index,
                              struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    int64_t value;
    if (!is_read(event, t->row->which) || !here(t))
        return 1;
    memcpy(&value, (uint8_t *)&event->answer + t->row->offset, sizeof value);
    value += t->row->add;
    memcpy((uint8_t *)&event->answer + t->row->offset, &value, sizeof value);
    return 1;
}

/* … to one byte. */
static unsigned answer_byte(struct tampering *t, const struct tape *tape, size_t index,
                            struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    if (is_read(event, t->row->which) && here(t))
        *((uint8_t *)&event->answer + t->row->offset) += (uint8_t)t->row->add;
    return 1;
}

/* The only row of a batch, by the kind of its command. */
static struct ledger_row *item_row(struct tape_event *event, int kind)
{
    bool is_single = event->kind == TAPE_ANSWER && event->operation->kind <= OPERATION_BATCH &&
                     event->answer.row_count == 1;
    return is_single && event->operation->commands[0].kind == kind ? &event->answer.rows[0] : NULL;
}

/* A balance in the answer to an item that was carried out; `which`: enum ledger_command_kind. */
static unsigned item_balance(struct tampering *t, const struct tape *tape, size_t index,
                             struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct ledger_row *row = item_row(event, t->row->which);
    if (row && row->code == CODE_OK && here(t))
        row->from_balance += t->row->add;
    return 1;
}

/* OK becomes the code `add`, about the field `offset`; any refusal becomes it too, where it is another. */
static unsigned item_code(struct tampering *t, const struct tape *tape, size_t index,
                          struct tape_event *event, size_t *early)
{
    (void)tape, (void)index, (void)early;
    struct ledger_row *row = item_row(event, t->row->which);
    if (row && row->code != t->row->add && (row->code == CODE_OK || t->row->add == CODE_OK) && here(t))
        row_set(row, (enum code)t->row->add, (enum field)t->row->offset);
    return 1;
}

/* ---- the table -------------------------------------------------------------------------------- */

#define POSTING(member) offsetof(struct fact_posting, member)
#define ACCOUNT(member) offsetof(struct fact_account, member)
#define GROUP_ITEM_AMOUNT (sizeof(struct fact_group) + offsetof(struct link_item, amount))
#define GROUP_ROW_HAS (sizeof(struct fact_group) + offsetof(struct group_row, has))

static const struct row ROWS[] = {
    /* postings */
    {"a transfer's amount", "I8", number, FACT_TRANSFER | SINGLE, POSTING(amount), 1, false},
    {"a transfer's debit balance", "I1", number, FACT_TRANSFER, POSTING(debit_balance), 1, false},
    {"a transfer's credit balance", "I1", number, FACT_TRANSFER, POSTING(credit_balance), -1, false},
    {"a transfer's chain", "I7", byte, FACT_TRANSFER, POSTING(debit_previous), 1, false},
    {"a deposit's chain", "I7", byte, FACT_DEPOSIT, POSTING(credit_previous), 1, false},
    {"a transfer's id", "I8", byte, FACT_TRANSFER | SINGLE, POSTING(id), 77, false},
    {"a deposit's amount", "I8", number, FACT_DEPOSIT | SINGLE, POSTING(amount), 100, false},
    {"a withdrawal's memo", "I8", byte, FACT_WITHDRAWAL, sizeof(struct fact_posting) + 3, 1, false},
    {"the same transfer twice", "I3", again, 0, 0, 0, false},
    {"a sent transfer's receiver", "I8", byte, FACT_SENT | SINGLE, sizeof(struct fact_posting) + 3, 1, false},
    {"a received amount", "I1", number, FACT_RECEIVED | SINGLE, POSTING(amount), 1, false},
    {"a returned amount", "I1", number, FACT_RETURNED, POSTING(amount), -1, false},
    {"why a transfer was returned", "I2", byte, FACT_RETURNED, 1, -1, false},
    /* outcomes */
    {"a settled balance", "I8", number, FACT_SETTLED, offsetof(struct fact_settled, remote_balance), 1,
     false},
    {"what was settled", "I3", number, FACT_SETTLED, offsetof(struct fact_settled, sent_position), 8, false},
    {"whose transfer was settled", "I3", byte, FACT_SETTLED, offsetof(struct fact_settled, peer), 9, false},
    {"why a command was refused", "I8", byte, FACT_REFUSED, 1, -1, false},
    {"what about it was refused", "I8", byte, FACT_REFUSED, offsetof(struct fact_refused, field), 1, false},
    {"which command was refused", "I8", byte, FACT_REFUSED, offsetof(struct fact_refused, id), 77, false},
    {"why a credit bounced", "I8", byte, FACT_BOUNCED, 1, 1, false},
    {"what bounced", "I3", number, FACT_BOUNCED, offsetof(struct fact_link, through), 1 << 17, false},
    {"answers dropped too soon", "I3", number, FACT_PRUNED, offsetof(struct fact_link, through), 1000, false},
    /* accounts */
    {"an opened account's ceiling", "I8", number, FACT_ACCOUNT_OPENED, ACCOUNT(ceiling), -1, false},
    {"an opened account's index", "I8", byte, FACT_ACCOUNT_OPENED, ACCOUNT(account), 1, false},
    {"a changed minimum", "I8", number, FACT_ACCOUNT_CHANGED, ACCOUNT(minimum_balance), -1, false},
    {"a changed account's chain", "I7", number, FACT_ACCOUNT_CHANGED, ACCOUNT(previous), 1, false},
    {"a freeze that is an unfreeze", "I8", byte, FACT_ACCOUNT_FROZEN, 0, 1, false},
    /* groups */
    {"an item of a group that begins", "I8", number, FACT_GROUP_STARTED, GROUP_ITEM_AMOUNT, 1, false},
    {"an item of a group that is prepared", "I8", number, FACT_GROUP_PREPARED, GROUP_ITEM_AMOUNT, 1, false},
    {"who coordinates a group", "I3", byte, FACT_GROUP_PREPARED, offsetof(struct fact_group, peer), 7, false},
    {"a vote", "I2", outcome, FACT_GROUP_VOTED, 0, 0, false},
    {"a decision", "I2", outcome, FACT_GROUP_DECIDED, 0, 0, false},
    {"what was done about a decision", "I2", outcome, FACT_GROUP_CLOSED, 0, 0, false},
    {"what a group's row tells", "I8", byte, FACT_GROUP_DONE, GROUP_ROW_HAS, 1, false},
    {"a group's answer", "I1 I2 I8", outcome, FACT_GROUP_ANSWERED, 0, 0, false},
    /* commits */
    {"a commit is lost", "I2 I3 I7 I8", commit_drop, 0, 0, 0, false},
    {"a commit comes twice", "I7", commit_double, 0, 0, 0, false},
    {"time goes back", "I7", commit_back, 0, 0, 0, false},
    {"a commit's number of facts", "I7", commit_count, 0, 0, 0, false},
    {"a commit of an earlier owner", "I7", commit_owner, 0, 0, 0, false},
    {"a fact is lost", "I1 I2 I3 I7 I8", commit_cut, 0, 0, 0, false},
    {"the core knows more than the journal", "I1 I2 I3 I5 I8", commit_last, 0, 0, 0, true},
    {"money is left on its way", "I2", end_here, FACT_SENT | SINGLE, 0, 0, true},
    {"a group is left open", "I2", end_here, FACT_GROUP_STARTED, 0, 0, true},
    /* answers to money */
    {"an answered balance", "I8", row_balance, 0, 0, 1, false},
    {"carried out, answered as refused", "I2", row_ok, CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT, 0, false},
    {"carried out, answered as a conflict", "I3", row_ok, CODE_CONFLICT, FIELD_TRANSACTION_ID, 0, false},
    {"late without a deadline", "I8", row_ok, CODE_DEADLINE_EXCEEDED, FIELD_NONE, 0, false},
    {"a wrong partition that is right", "I8", row_ok, CODE_WRONG_PARTITION, FIELD_FROM_ACCOUNT, 0, false},
    {"an invalid field that is valid", "I8", row_ok, CODE_INVALID_FIELD, FIELD_MEMO, 0, false},
    {"refused, answered as carried out", "I2", row_refused, CODE_OK, 0, 0, false},
    {"refused, answered with another refusal", "I3", row_refused, CODE_CEILING_EXCEEDED, 0, 0, false},
    {"a balance in a group's answer", "I8", group_row, 0, 0, 1, false},
    {"an answer before its commit", "I2", answer_early, FACT_DEPOSIT | SINGLE, 0, 0, false},
    {"an answer while money is on its way", "I2", answer_early, FACT_SENT | SINGLE, 0, 0, false},
    /* reads */
    {"a balance that was read", "I8", balance, 0, 0, 1, false},
    {"a pending sum that was read", "I8", balance_pending, 0, 0, 1, false},
    {"a stale balance", "I8", balance_stale, 0, 0, 0, false},
    {"an entry is missing", "I8", entry_missing, 0, 0, 0, false},
    {"entries in another order", "I8", entries_swapped, 0, 0, 0, false},
    {"an entry's balance", "I8", entry_value, 0, 0, 0, false},
    {"an entry's time", "I8", entry_value, 1, 0, 0, false},
    {"an entry's memo", "I8", entry_value, 2, 0, 0, false},
    {"an entry's counterparty", "I8", entry_value, 3, 0, 0, false},
    {"an entry's position", "I8", entry_value, 4, 0, 0, false},
    {"a page that does not go on", "I8", cursor_lost, 0, 0, 0, false},
    {"what became of a transfer", "I8", show_status, 0, 0, 0, false},
    {"a transfer that is not found", "I8", show_lost, 0, 0, 0, false},
    {"a list that ends too soon", "I8", list_short, 0, 0, 0, false},
    {"a balance in a list", "I8", list_view, 0, 0, 1, false},
    {"an account's state", "I8", view_state, OPERATION_ACCOUNT_SHOW, 0, 0, false},
    {"a frozen account's state", "I8", view_state, OPERATION_ACCOUNT_FREEZE, 0, 0, false},
    {"an opened account's state", "I8", view_state, OPERATION_ACCOUNT_OPEN, 0, 0, false},
    {"an account that is not found", "I8", account_lost, OPERATION_ACCOUNT_SHOW, 0, 0, false},
    {"a history that is not found", "I8", account_lost, OPERATION_HISTORY, 0, 0, false},
    {"an account that exists", "I8", account_refused, OPERATION_ACCOUNT_OPEN, 0, CODE_ACCOUNT_EXISTS, false},
    {"an account that is not empty", "I8", account_refused, OPERATION_ACCOUNT_CHANGE, 0, CODE_NOT_EMPTY,
     false},
};

#define HOLD(member) offsetof(struct fact_hold, member)
#define CAPTURE(member) offsetof(struct fact_capture, member)
#define PROPOSAL(member) offsetof(struct fact_proposal, member)
#define RATE(member) offsetof(struct fact_rate, member)
#define PAIR(member) offsetof(struct fact_pair, member)
#define QUOTE(member) offsetof(struct fact_quote, member)
#define USED(member) offsetof(struct fact_quote_used, member)
#define ANSWER(member) offsetof(struct answer, member)
#define IN_BOOK(member) ((int64_t)offsetof(struct fact_book, member) << 8 | 1)

/* Of tapes of products. */
static const struct row PRODUCT_ROWS[] = {
    /* holds */
    {"a hold's amount", "I8", number, FACT_HOLD_OPENED, HOLD(amount), 1, false},
    {"when a hold expires", "I8", number, FACT_HOLD_OPENED, HOLD(expires_us), 1, false},
    {"what is pending after a hold", "I4: pending on", number, FACT_HOLD_OPENED, HOLD(pending), 1, false},
    {"a balance after a hold", "I1", number, FACT_HOLD_OPENED, HOLD(balance), 1, false},
    {"a hold's chain", "I7", number, FACT_HOLD_OPENED, HOLD(previous), 1, false},
    {"a hold of another account", "I1 I7", byte, FACT_HOLD_OPENED, HOLD(account), 1, false},
    {"a hold's id", "I8", byte, FACT_HOLD_OPENED, HOLD(id), 77, false},
    {"a hold that is two", "I4", byte, FACT_HOLD_OPENED, HOLD(hold), 77, false},
    {"more is released than is held", "I4", number, FACT_HOLD_RELEASED, HOLD(amount), 1, false},
    {"what is pending after a release", "I4", number, FACT_HOLD_RELEASED, HOLD(pending), -1, false},
    {"another hold is released", "I8", byte, FACT_HOLD_RELEASED, HOLD(hold), 77, false},
    {"less expires than is held", "I4", number, FACT_HOLD_EXPIRED, HOLD(amount), -1, false},
    {"another hold expires", "I4", byte, FACT_HOLD_EXPIRED, HOLD(hold), 77, false},
    {"where a hold that expires was opened", "I4", number, FACT_HOLD_EXPIRED, HOLD(opened), 1, false},
    {"a hold expires too early", "I4: later", hold_expires, FACT_HOLD_OPENED, 0, 0, false},
    {"a hold ends twice", "I4: which is not open here", hold_expires, FACT_HOLD_RELEASED, 0, 0, false},
    {"a capture takes more than is held", "I8", number, FACT_HOLD_CAPTURED, POSTING(amount), 2000, false},
    {"a rest is released although it is kept", "I4: keeps 0 and releases", rest_released, FACT_HOLD_CAPTURED,
     0, 0, false},
    {"what a capture releases", "I4", number, FACT_HOLD_CAPTURED, CAPTURE(released), 1, false},
    {"what is pending after a capture", "I4: pending on", number, FACT_HOLD_CAPTURED, CAPTURE(pending), 1,
     false},
    {"a balance after a capture", "I1", number, FACT_HOLD_CAPTURED, POSTING(debit_balance), 1, false},
    {"where a captured hold was opened", "I4", number, FACT_HOLD_CAPTURED, CAPTURE(opened), 1, false},
    {"another hold is captured", "I4", byte, FACT_HOLD_CAPTURED, CAPTURE(hold), 77, false},
    {"how a capture was said", "I8", byte, FACT_HOLD_CAPTURED, CAPTURE(flags), 4, false},
    /* proposals */
    {"a proposal's amount", "I8", number, FACT_PROPOSED, PROPOSAL(amount), 1, false},
    {"a proposal's rate", "I8", number, FACT_PROPOSED, PROPOSAL(rate), 1, false},
    {"when a proposal expires", "I8", number, FACT_PROPOSED, PROPOSAL(expires_us), 1, false},
    {"who proposes", "I8", trailer, FACT_PROPOSED, FACT_TAG_OPERATOR, 1, false},
    {"why it is proposed", "I8", trailer, FACT_PROPOSED, FACT_TAG_MEMO, 1, false},
    {"a proposal is approved by its proposer", "I8: what the same operator has proposed", own_approval,
     FACT_PROPOSAL_APPROVED, 0, 0, false},
    {"who rejects", "I8", trailer, FACT_PROPOSAL_REJECTED, FACT_TAG_OPERATOR, 1, false},
    {"an approved amount", "I8", number, FACT_PROPOSAL_APPROVED, PROPOSAL(amount), 1, false},
    {"a balance after an approval", "I8", number, FACT_PROPOSAL_APPROVED, PROPOSAL(balance), 1, false},
    {"a deposit that is not as proposed", "I8: something else than was proposed", number,
     FACT_DEPOSIT | APPROVED, POSTING(amount), 1, false},
    {"a withdrawal that is not as proposed", "I8: something else than was proposed", number,
     FACT_WITHDRAWAL | APPROVED, POSTING(amount), 1, false},
    {"an approval without its posting", "I1: its posting does not follow", fact_lost, FACT_DEPOSIT | APPROVED,
     0, 0, false},
    {"a posting without its approval", "I3", fact_lost, FACT_PROPOSAL_APPROVED, 0, 0, false},
    {"a proposal is decided twice", "I3: not open here", twice, FACT_PROPOSAL_REJECTED, 0, 0, false},
    {"a rejection that is an expiry", "I8", byte, FACT_PROPOSAL_REJECTED, 0, 1, false},
    {"an expiry that is an approval", "I8", byte, FACT_PROPOSAL_EXPIRED, 0, -2, false},
    /* book values */
    {"what a deposit was worth", "I8", trailer, FACT_DEPOSIT, FACT_TAG_BOOK_CREDIT, IN_BOOK(value), false},
    {"what a deposit cost", "I8", trailer, FACT_DEPOSIT, FACT_TAG_BOOK_CREDIT, IN_BOOK(cost), false},
    {"a book value after a deposit", "I8: a book value of", trailer, FACT_DEPOSIT, FACT_TAG_BOOK_CREDIT,
     IN_BOOK(book), false},
    {"what a withdrawal was worth", "I8", trailer, FACT_WITHDRAWAL, FACT_TAG_BOOK_DEBIT, IN_BOOK(value),
     false},
    {"what a withdrawal cost", "I8: a book value of", trailer, FACT_WITHDRAWAL, FACT_TAG_BOOK_DEBIT,
     IN_BOOK(cost), false},
    {"a book value after a withdrawal", "I8", trailer, FACT_WITHDRAWAL, FACT_TAG_BOOK_DEBIT, IN_BOOK(book),
     false},
    {"a book value after a capture", "I8", trailer, FACT_HOLD_CAPTURED, FACT_TAG_BOOK_DEBIT, IN_BOOK(book),
     false},
    {"what sold money cost", "I8", trailer, FACT_EXCHANGE_OUT, FACT_TAG_BOOK_DEBIT, IN_BOOK(cost), false},
    {"what bought money cost", "I8", trailer, FACT_EXCHANGE_IN, FACT_TAG_BOOK_CREDIT, IN_BOOK(cost), false},
    {"the rate of a deposit", "I8", trailer, FACT_DEPOSIT, FACT_TAG_RATE, 1, false},
    /* the desk */
    {"a rate that is not as asked", "I8: that nobody has set so", number, FACT_RATE_SET, RATE(rate), 1,
     false},
    {"a rate's units", "I8", byte, FACT_RATE_SET, RATE(units), 99, false},
    {"what time a rate is of", "I8", number, FACT_RATE_SET, RATE(as_of_us), 1, false},
    {"when a rate is stale", "I8", number, FACT_RATE_SET, RATE(age_limit_us), 1, false},
    {"a rate's source", "I8", trailer, FACT_RATE_SET, FACT_TAG_SOURCE, 1, false},
    {"who set a rate", "I8", trailer, FACT_RATE_SET, FACT_TAG_OPERATOR, 1, false},
    {"a rate is set twice", "I8: a rate that is known", twice, FACT_RATE_SET, 0, 0, false},
    {"a spread that is not as asked", "I8", byte, FACT_PAIR_SET, PAIR(spread_ppm), 1, false},
    {"how long quotes are good for", "I8", number, FACT_PAIR_SET, PAIR(valid_us), 1, false},
    {"a quote's buy amount", "I8", number, FACT_QUOTED, QUOTE(buy_amount), 1, false},
    {"a quote's sell amount", "I8", number, FACT_QUOTED, QUOTE(sell_amount), -1, false},
    {"a quote's spread", "I8: another spread than its terms say", number, FACT_QUOTED, QUOTE(spread), -1,
     false},
    {"a spread that the customer gets", "I8", spread_given, FACT_QUOTED, 0, 0, false},
    {"a quote's residue", "I8: does not sum to what is sold", number, FACT_QUOTED, QUOTE(residue), 1, false},
    {"a quote's mid rate", "I8: another rate than there is", number, FACT_QUOTED, QUOTE(mid), 1, false},
    {"a quote's rate", "I8", number, FACT_QUOTED, QUOTE(rate), 1, false},
    {"what a quote sells is worth", "I8: another value in the base currency", number, FACT_QUOTED,
     QUOTE(sell_value), 1, false},
    {"what a quote buys is worth", "I8", number, FACT_QUOTED, QUOTE(buy_value), 1, false},
    {"a quote that is good for too short", "I8: longer or shorter than its terms say", number, FACT_QUOTED,
     QUOTE(expires_us), -60000000, false},
    {"a quote's other side", "I8", byte, FACT_QUOTED, QUOTE(side), 1, false},
    {"a quote for another account", "I7 I8", byte, FACT_QUOTED, QUOTE(account), 1, false},
    {"a quote is used twice", "I11: used already", twice, FACT_QUOTE_USED, 0, 0, false},
    {"another quote is used", "I11", byte, FACT_QUOTE_USED, USED(quote), 77, false},
    {"what uses a quote", "I11", byte, FACT_QUOTE_USED, USED(id), 77, false},
    {"where the quote that is used stands", "I11", number, FACT_QUOTE_USED, USED(quoted), 1, false},
    {"what an exchange takes", "I8", number, FACT_EXCHANGE_OUT, POSTING(amount), 1, false},
    {"what an exchange gives", "I8", number, FACT_EXCHANGE_IN, POSTING(amount), 1, false},
    {"an exchange's spread", "I11", number, FACT_EXCHANGE_SPREAD, POSTING(amount), -1, false},
    {"an exchange's residue", "I11", number, FACT_EXCHANGE_RESIDUE, POSTING(amount), 1, false},
    {"a residue that is missing", "I1: group", fact_lost, FACT_EXCHANGE_RESIDUE, 0, 0, false},
    {"a spread that is missing", "I1 I11", fact_lost, FACT_EXCHANGE_SPREAD, 0, 0, false},
    {"an exchange that gives nothing", "I3 I11", fact_lost, FACT_EXCHANGE_IN, 0, 0, false},
    {"an exchange is left open", "I2", end_here, FACT_GROUP_STARTED, 0, 0, true},
    {"the core knows more of products", "I1 I2 I3 I5 I8", commit_last, 0, 0, 0, true},
    /* answers */
    {"a balance after a hold that was answered", "I8", item_balance, COMMAND_HOLD, 0, 1, false},
    {"a balance after a capture that was answered", "I8", item_balance, COMMAND_CAPTURE, 0, 1, false},
    {"a balance after a release that was answered", "I8", item_balance, COMMAND_RELEASE, 0, 1, false},
    {"a balance after an exchange that was answered", "I8", item_balance, COMMAND_EXCHANGE, 0, 1, false},
    {"a hold that is there, answered as refused", "I2", item_code, COMMAND_HOLD, FIELD_FROM_ACCOUNT,
     CODE_INSUFFICIENT_FUNDS, false},
    {"a hold that was found, answered as none", "I2", item_code, COMMAND_CAPTURE, FIELD_HOLD,
     CODE_HOLD_NOT_FOUND, false},
    {"a capture that was refused, answered as carried out", "I2", item_code, COMMAND_CAPTURE, 0, CODE_OK,
     false},
    {"an exchange, answered as if its quote was used", "I2", item_code, COMMAND_EXCHANGE, FIELD_QUOTE,
     CODE_QUOTE_USED, false},
    {"an exchange that was refused, answered as carried out", "I2", item_code, COMMAND_EXCHANGE, 0, CODE_OK,
     false},
    {"a promise that was answered", "I8", answer_number, OPERATION_QUOTE, ANSWER(quote.buy_amount), 1, false},
    {"a price that was answered", "I8", answer_number, OPERATION_QUOTE, ANSWER(quote.sell_amount), 1, false},
    {"a spread that was answered", "I8", answer_number, OPERATION_QUOTE, ANSWER(quote.spread), 1, false},
    {"a quote's end that was answered", "I8", answer_number, OPERATION_QUOTE, ANSWER(quote.expires_us), 1,
     false},
    {"an open quote, answered as expired", "I8", answer_byte, OPERATION_QUOTE, ANSWER(quote.state),
     QUOTE_EXPIRED, false},
    {"a quote that is there, answered as refused", "I8", account_refused, OPERATION_QUOTE, 0,
     CODE_ACCOUNT_FROZEN, false},
    {"a proposal's amount that was answered", "I8", answer_number, OPERATION_PROPOSAL_OPEN,
     ANSWER(proposal.amount), 1, false},
    {"a proposal's state that was answered", "I8", answer_byte, OPERATION_PROPOSAL_OPEN,
     ANSWER(proposal.state), 1, false},
    {"a balance of an approval that was answered", "I8", answer_number, OPERATION_PROPOSAL_APPROVE,
     ANSWER(proposal.balance), 1, false},
    {"who approved, as answered", "I8", answer_byte, OPERATION_PROPOSAL_APPROVE, ANSWER(proposal.decider), 1,
     false},
    {"a rejection, answered as an approval", "I8", answer_byte, OPERATION_PROPOSAL_REJECT,
     ANSWER(proposal.state), -1, false},
};

enum {
    ROW_COUNT = sizeof ROWS / sizeof ROWS[0],
    PRODUCT_ROW_COUNT = sizeof PRODUCT_ROWS / sizeof PRODUCT_ROWS[0],
};

static unsigned tamper(void *context, const struct tape *tape, size_t index, struct tape_event *event,
                       size_t *early)
{
    struct tampering *t = context;
    return t->row->change(t, tape, index, event, early);
}

/* Whole words: I1 is not in I11. */
static bool is_expected(const struct row *row, const struct breach *breach)
{
    const char *text = strstr(row->expected, ": ");
    size_t length = strlen(breach->invariant);
    for (const char *at = strstr(row->expected, breach->invariant); at;
         at = strstr(at + 1, breach->invariant)) {
        if (at[length] == ' ' || at[length] == ':' || at[length] == '\0')
            return !text || strstr(breach->text, text + 2);
    }
    return false;
}

struct result {
    uint32_t done, found;
};

static void row_try(const struct tape *tape, uint64_t seed, const struct row *row, struct result *result)
{
    struct tampering t = {.row = row, .skip = (uint32_t)(seed % 5)};
    struct tape_verdict verdict = tape_play(tape, tamper, &t, row->to_the_end, NULL, NULL);
    if (!t.done)
        return;
    result->done++;
    if (verdict.count > 0 && is_expected(row, &verdict.first))
        result->found++;
    else
        fprintf(stderr, "seed %llu: %s: %s %s\n", (unsigned long long)seed, row->name,
                verdict.count > 0 ? verdict.first.invariant : "not found",
                verdict.count > 0 ? verdict.first.text : "");
}

typedef struct tape *record_fn(uint64_t seed, uint32_t commands);

static void rows_try(record_fn *record, uint32_t commands, const struct row *rows, struct result *results,
                     size_t count)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct tape *tape = record(seed, commands);
        for (size_t i = 0; i < count; i++)
            row_try(tape, seed, &rows[i], &results[i]);
        tape_destroy(&tape);
    }
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        bool good = results[i].done >= LEAST && results[i].found == results[i].done;
        failed += !good;
        if (!good)
            fprintf(stderr, "%s: done %u times, found %u times\n", rows[i].name, results[i].done,
                    results[i].found);
    }
    assert_int_equal(failed, 0);
}

static void what_is_tampered_with_is_found(void **state)
{
    (void)state;
    struct result results[ROW_COUNT] = {0};
    rows_try(tape_record, COMMANDS, ROWS, results, ROW_COUNT);
}

static void what_is_tampered_with_in_products_is_found(void **state)
{
    (void)state;
    struct result results[PRODUCT_ROW_COUNT] = {0};
    rows_try(tape_record_products, PRODUCT_COMMANDS, PRODUCT_ROWS, results, PRODUCT_ROW_COUNT);
}

static void equal_runs_have_equal_digests(void **state)
{
    (void)state;
    uint64_t digests[3];
    for (uint64_t i = 0; i < 3; i++) {
        struct tape *tape = tape_record(1 + i / 2, COMMANDS);
        (void)tape_play(tape, NULL, NULL, false, &digests[i], NULL);
        tape_destroy(&tape);
    }
    assert_true(digests[0] == digests[1]);
    assert_true(digests[0] != digests[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_tampered_with_is_found),
        cmocka_unit_test(what_is_tampered_with_in_products_is_found),
        cmocka_unit_test(equal_runs_have_equal_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
