/* What was expected, against what there is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/line.h"
#include "sim/script/playing.h"

enum { SAID_MAX = 200 };

/* ---- answers ---------------------------------------------------------------------------------- */

struct seen {
    enum code code;
    enum field field;
    unsigned balance_count;
    int64_t balances[2];
};

/* What an approval and a quote say besides their code. */
static void add_desk(struct seen *seen, const struct told *told)
{
    if (told->answer.code != CODE_OK)
        return;
    if (told->kind == OPERATION_PROPOSAL_APPROVE)
        seen->balances[seen->balance_count++] = told->answer.proposal.balance;
    if (told->kind == OPERATION_QUOTE) {
        seen->balances[seen->balance_count++] = told->answer.quote.sell_amount;
        seen->balances[seen->balance_count++] = told->answer.quote.buy_amount;
    }
}

/* Of a row, or of the message where it has none. */
static struct seen seen_of(const struct told *told, int row)
{
    struct seen seen = {.code = told->answer.code, .field = told->answer.field};
    if (row == ROW_MESSAGE || (uint32_t)row >= told->answer.row_count) {
        add_desk(&seen, told);
        return seen;
    }
    const struct ledger_row *there = &told->rows[row];
    seen.code = there->code;
    seen.field = there->field;
    if (there->has & ROW_HAS_FROM)
        seen.balances[seen.balance_count++] = there->from_balance;
    if (there->has & ROW_HAS_TO)
        seen.balances[seen.balance_count++] = there->to_balance;
    return seen;
}

static void say_seen(struct line *line, const struct seen *seen)
{
    line_add(line, "%s", code_name(seen->code));
    if (seen->field != FIELD_NONE)
        line_add(line, " %s", field_name(seen->field));
    for (unsigned i = 0; i < seen->balance_count; i++)
        line_add(line, " %" PRId64, seen->balances[i]);
}

static void say_pattern(struct line *line, const struct pattern *pattern)
{
    line_add(line, "%s", pattern->is_none ? "no answer" : code_name(pattern->code));
    if (pattern->field != FIELD_NONE)
        line_add(line, " %s", field_name(pattern->field));
    for (unsigned i = 0; i < pattern->balance_count; i++) {
        if (pattern->balances[i].is_any)
            line_add(line, " *");
        else
            line_add(line, " %" PRId64, pattern->balances[i].value);
    }
}

static bool is_match(const struct pattern *pattern, const struct seen *seen)
{
    if (pattern->code != seen->code || (pattern->field != FIELD_NONE && pattern->field != seen->field))
        return false;
    if (pattern->balance_count > 0 && pattern->balance_count != seen->balance_count)
        return false;
    for (unsigned i = 0; i < pattern->balance_count; i++) {
        if (!pattern->balances[i].is_any && pattern->balances[i].value != seen->balances[i])
            return false;
    }
    return true;
}

void play_check_answer(struct play *self, const struct statement *at, const struct told *told)
{
    char expected[SAID_MAX], found[SAID_MAX];
    const struct pattern *pattern = &at->pattern;
    struct seen seen = seen_of(told, at->row);
    if (!pattern->is_given || pattern->is_any)
        return;
    if (told->is_done ? !pattern->is_none && is_match(pattern, &seen) : pattern->is_none)
        return;
    struct line line = line_of(expected, sizeof expected);
    say_pattern(&line, pattern);
    line = line_of(found, sizeof found);
    if (told->is_done)
        say_seen(&line, &seen);
    else
        line_add(&line, "no answer");
    play_fail(self, at, "expected %s, found %s", expected, found);
}

void play_check_same(struct play *self, const struct statement *at, const struct told *told,
                     const struct told *as)
{
    if (!as->is_done || !told->is_done)
        return;
    bool is_same = told->answer.code == as->answer.code && told->answer.row_count == as->answer.row_count;
    for (uint32_t i = 0; is_same && i < told->answer.row_count; i++)
        is_same = memcmp(&told->rows[i], &as->rows[i], sizeof told->rows[i]) == 0;
    if (!is_same)
        play_fail(self, at, "the same was asked, and the answers are not the same (%s and %s)",
                  code_name(as->answer.code), code_name(told->answer.code));
}

/* ---- what is read ------------------------------------------------------------------------------- */

static void same_number(struct play *self, const struct statement *at, const char *what, bool is_asked,
                        int64_t expected, int64_t found)
{
    if (is_asked && expected != found)
        play_fail(self, at, "expected %s %" PRId64 ", found %" PRId64, what, expected, found);
}

/* true: the answer's code is the expected one, and it is OK. */
static bool is_ok(struct play *self, const struct statement *at, const struct told *told)
{
    if (told->answer.code != at->code)
        play_fail(self, at, "expected %s, found %s", code_name(at->code), code_name(told->answer.code));
    return !self->result->has_failed && at->code == CODE_OK;
}

static void expect_balance(struct play *self, const struct statement *at)
{
    const struct told *told = play_read(self, at);
    if (!told || !is_ok(self, at, told))
        return;
    same_number(self, at, "a balance of", at->has_balance, at->balance, told->answer.balance.balance);
    same_number(self, at, "pending", at->has_pending, at->pending, told->answer.balance.pending);
    same_number(self, at, "available", at->has_available, at->available, told->answer.balance.available);
}

static void expect_account(struct play *self, const struct statement *at)
{
    static const char *const states[] = {"", "active", "frozen", "closed"};
    const struct told *told = play_read(self, at);
    if (!told || !is_ok(self, at, told))
        return;
    const struct ledger_account_view *view = &told->answer.view;
    if (at->state != 0 && view->state != at->state)
        play_fail(self, at, "expected %s, found %s", states[at->state], states[view->state]);
    same_number(self, at, "a balance of", at->has_balance, at->balance, view->balance);
    same_number(self, at, "pending", at->has_pending, at->pending, view->pending);
    same_number(self, at, "available", at->has_available, at->available,
                view->balance - view->pending - view->minimum_balance);
    same_number(self, at, "a minimum of", at->has_minimum, at->minimum, view->minimum_balance);
    same_number(self, at, "a ceiling of", at->has_ceiling, at->ceiling, view->ceiling);
    if (at->has_book && view->base == CURRENCY_NONE)
        play_fail(self, at, "it keeps no book value");
    same_number(self, at, "a book value of", at->has_book, at->book, view->book_value);
}

static void expect_accounts(struct play *self, const struct statement *at)
{
    struct told *told = play_read(self, at);
    while (told && play_read_on(self, at, told)) {
    }
    if (!told || play_is_over(self))
        return;
    same_number(self, at, "a number of accounts of", true, (int64_t)at->id_count, (int64_t)told->view_count);
    for (size_t i = 0; i < at->id_count; i++) {
        size_t times = 0;
        for (size_t j = 0; j < told->view_count; j++)
            times += str_equal(at->ids[i], str_from(told->views[j].id));
        if (times != 1)
            play_fail(self, at, "%.*s is listed %zu times", (int)at->ids[i].length, at->ids[i].data, times);
    }
}

static void expect_status(struct play *self, const struct statement *at)
{
    static const char *const words[] = {"success", "failed", "pending"};
    const struct told *told = play_read(self, at);
    if (!told)
        return;
    if (at->is_missing || told->answer.code != CODE_OK) {
        if (!at->is_missing || told->answer.code != CODE_NOT_FOUND)
            play_fail(self, at, "expected %s, found %s", at->is_missing ? "NOT_FOUND" : words[at->status],
                      code_name(told->answer.code));
        return;
    }
    const struct wire_transfer *transfer = &told->answer.transfer;
    if (transfer->status != at->status)
        play_fail(self, at, "expected %s, found %s", words[at->status], words[transfer->status]);
    if (at->status == TRANSFER_FAILED && transfer->code != at->code)
        play_fail(self, at, "expected %s, found %s", code_name(at->code), code_name(transfer->code));
}

/* ---- histories ---------------------------------------------------------------------------------- */

static int64_t entry_amount(const struct wire_history_entry *entry)
{
    return entry->direction == DIRECTION_OUT ? -entry->amount : entry->amount;
}

static bool has_gain(const struct wire_history_entry *found)
{
    return found->has_book && found->direction == DIRECTION_OUT;
}

static bool is_entry(const struct entry_pattern *expected, const struct wire_history_entry *found)
{
    bool is_gain = has_gain(found) && found->value - found->cost == expected->gain;
    return expected->kind == found->kind &&
           (!expected->has_amount || expected->amount == entry_amount(found)) &&
           (!expected->has_balance || expected->balance == found->balance) &&
           (!expected->has_gain || is_gain);
}

static void compare_entry(struct play *self, const struct statement *at, size_t i,
                          const struct wire_history_entry *found)
{
    const struct entry_pattern *expected = &at->entries[i];
    if (is_entry(expected, found))
        return;
    char wanted[SAID_MAX], gain[SAID_MAX] = "";
    struct line line = line_of(wanted, sizeof wanted);
    line_add(&line, "%s", wire_entry_name(expected->kind));
    if (expected->has_amount)
        line_add(&line, " %+" PRId64, expected->amount);
    if (expected->has_balance)
        line_add(&line, " %" PRId64, expected->balance);
    if (expected->has_gain)
        line_add(&line, " gain %" PRId64, expected->gain);
    line = line_of(gain, sizeof gain);
    if (has_gain(found))
        line_add(&line, " gain %" PRId64, found->value - found->cost);
    play_fail(self, at, "entry %zu: expected %s, found %s %+" PRId64 " %" PRId64 "%s", i + 1, wanted,
              wire_entry_name(found->kind), entry_amount(found), found->balance, gain);
}

static void compare_entries(struct play *self, const struct statement *at, const struct told *told)
{
    if (told->answer.code != CODE_OK)
        play_fail(self, at, "expected a history, found %s", code_name(told->answer.code));
    for (size_t i = 0; i < at->entry_count && i < told->entry_count; i++)
        compare_entry(self, at, i, &told->entries[i]);
    same_number(self, at, "a number of entries of", true, (int64_t)at->entry_count,
                (int64_t)told->entry_count);
}

static void expect_history(struct play *self, const struct statement *at)
{
    struct told *told = play_read(self, at);
    while (told && play_read_on(self, at, told)) {
    }
    if (told && !play_is_over(self))
        compare_entries(self, at, told);
}

static void expect_entries(struct play *self, const struct statement *at)
{
    struct told *told = self->calls[at->call];
    if (!told->is_begun)
        play_fail(self, at, "it has not been read");
    else if (play_wait(self, at, &told->is_done))
        compare_entries(self, at, told);
}

/* ---- the world ---------------------------------------------------------------------------------- */

/* Sums over all partitions; what is down counts as nothing. */
static int64_t sum(const struct play *self, const struct statement *at)
{
    int64_t out = 0;
    for (uint32_t p = 0; p < self->script->config.partitions; p++) {
        const struct ledger *ledger = world_ledger(self->world, p);
        struct ledger_stats stats;
        struct ledger_total total;
        if (!ledger)
            continue;
        ledger_stats(ledger, &stats);
        if (at->counter == COUNTER_TOTAL) {
            ledger_total(ledger, at->currency, &total);
            out += total.customers;
        } else {
            out += (int64_t)(at->counter == COUNTER_LINKS ? stats.links_open : stats.groups_open);
        }
    }
    return out;
}

static int64_t counted(const struct play *self, const struct statement *at)
{
    struct world_counts counts;
    world_counts(self->world, &counts);
    switch (at->counter) {
    case COUNTER_TOTAL:
    case COUNTER_LINKS:
    case COUNTER_GROUPS:
        return sum(self, at);
    case COUNTER_OPEN:
        return world_open_operations(self->world);
    case COUNTER_RESTARTS:
        return (int64_t)counts.restarts;
    case COUNTER_RETRIES:
        return (int64_t)(counts.attempts - counts.operations);
    case COUNTER_LOST:
        return (int64_t)counts.lost;
    case COUNTER_REPEATED:
        return (int64_t)counts.repeated;
    case COUNTER_FAILED:
        return (int64_t)play_failures(self);
    case COUNTER_FINAL:
        return (int64_t)self->finals[at->code];
    case COUNTER_SEEN:
        return (int64_t)counts.codes[at->code];
    case COUNTER_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

static void expect_count(struct play *self, const struct statement *at)
{
    static const char *const words[] = {"", "at least ", "at most "};
    int64_t found = counted(self, at);
    bool is_right = at->comparison == EQUAL      ? found == at->count
                    : at->comparison == AT_LEAST ? found >= at->count
                                                 : found <= at->count;
    if (!is_right)
        play_fail(self, at, "expected %s%" PRId64 ", found %" PRId64, words[at->comparison], at->count,
                  found);
}

void play_expect(struct play *self, const struct statement *statement)
{
    if (statement->kind == STATEMENT_EXPECT_ANSWER)
        play_check_answer(self, statement, self->calls[statement->call]);
    else if (statement->kind == STATEMENT_EXPECT_BALANCE)
        expect_balance(self, statement);
    else if (statement->kind == STATEMENT_EXPECT_ENTRIES)
        expect_entries(self, statement);
    else if (statement->kind == STATEMENT_EXPECT_HISTORY)
        expect_history(self, statement);
    else if (statement->kind == STATEMENT_EXPECT_ACCOUNT)
        expect_account(self, statement);
    else if (statement->kind == STATEMENT_EXPECT_ACCOUNTS)
        expect_accounts(self, statement);
    else if (statement->kind == STATEMENT_EXPECT_STATUS)
        expect_status(self, statement);
    else if (statement->kind == STATEMENT_EXPECT_COUNT)
        expect_count(self, statement);
    else if (statement->kind == STATEMENT_EXPECT_SAME)
        play_check_same(self, statement, self->calls[statement->call], self->calls[statement->same_as]);
    else if (world_is_up(self->world, statement->partition) != statement->is_up)
        play_fail(self, statement, "partition %u is %s", statement->partition,
                  statement->is_up ? "down" : "up");
}
