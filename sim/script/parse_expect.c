/* What a script expects. */
#include "sim/script/parser.h"

enum { ENTRIES_MAX = 200 };

/* ---- answers ---------------------------------------------------------------------------------- */

static bool read_field(struct parser *self, enum field *out)
{
    for (enum field field = FIELD_TRANSACTION_ID; field < FIELD_COUNT; field++) {
        if (parser_take(self, field_name(field))) {
            *out = field;
            return true;
        }
    }
    return false;
}

void parse_pattern(struct parser *self, struct pattern *out)
{
    *out = (struct pattern){.is_given = true};
    if (parser_take(self, "any")) {
        out->is_any = true;
        return;
    }
    if (parser_take(self, "nothing")) {
        out->is_none = true;
        return;
    }
    if (!parser_code(self, &out->code)) {
        parser_fail(self, "expected a code, found \"%s\"", parser_peek(self)->text);
        return;
    }
    if (out->code != CODE_OK) {
        read_field(self, &out->field);
        return;
    }
    while (out->balance_count < 2) {
        struct wanted *wanted = &out->balances[out->balance_count];
        wanted->is_any = parser_take(self, "*");
        if (!wanted->is_any && !parser_try_number(self, &wanted->value))
            break;
        out->balance_count++;
    }
}

static struct statement *expect_answer(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_ANSWER);
    const struct call_name *name = parser_call(self);
    if (!name)
        return out;
    out->call = name->call;
    out->row = name->row;
    out->name = name->name;
    if (parser_peek(self)->kind == TOKEN_OPEN) {
        out->kind = STATEMENT_EXPECT_ENTRIES;
        parse_entries(self, out);
    } else {
        parse_pattern(self, &out->pattern);
    }
    return out;
}

/* ---- balances and accounts ---------------------------------------------------------------------- */

static bool money_option(struct parser *self, struct statement *out)
{
    if (parser_take(self, "pending")) {
        out->has_pending = true;
        out->pending = parser_number(self, "an amount");
    } else if (parser_take(self, "available")) {
        out->has_available = true;
        out->available = parser_number(self, "an amount");
    } else {
        return false;
    }
    return true;
}

static struct statement *expect_balance(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_BALANCE);
    currency_index currency = CURRENCY_NONE;
    out->operation = operation_new(OPERATION_BALANCE);
    out->operation->balance.account = operation_text(out->operation, parser_account(self, &currency));
    if (parser_code(self, &out->code))
        return out;
    out->has_balance = true;
    out->balance = parser_number(self, "a balance");
    while (!parser_at_end(self)) {
        if (parser_take(self, "at"))
            out->mark = parser_mark(self);
        else if (!money_option(self, out))
            break;
    }
    if (out->mark != NO_MARK && (out->has_pending || out->has_available))
        parser_fail(self, "a balance of the past has neither pending nor available");
    return out;
}

static bool account_part(struct parser *self, struct statement *out)
{
    static const char *const states[] = {"", "active", "frozen", "closed"};
    for (enum account_state state = ACCOUNT_ACTIVE; state <= ACCOUNT_CLOSED; state++) {
        if (parser_take(self, states[state])) {
            out->state = state;
            return true;
        }
    }
    if (parser_take(self, "balance")) {
        out->has_balance = true;
        out->balance = parser_number(self, "a balance");
    } else if (parser_take(self, "minimum")) {
        out->has_minimum = true;
        out->minimum = parser_number(self, "a minimum balance");
    } else if (parser_take(self, "ceiling")) {
        out->has_ceiling = true;
        out->ceiling = parser_take(self, "none") ? INT64_MAX : parser_number(self, "a ceiling");
    } else if (parser_take(self, "book")) {
        out->has_book = true;
        out->book = parser_number(self, "a book value");
    } else {
        return money_option(self, out);
    }
    return true;
}

static struct statement *expect_account(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_ACCOUNT);
    currency_index currency = CURRENCY_NONE;
    out->operation = operation_new(OPERATION_ACCOUNT_SHOW);
    out->operation->shown = operation_text(out->operation, parser_account(self, &currency));
    if (parser_code(self, &out->code))
        return out;
    while (!self->has_failed && account_part(self, out)) {
    }
    return out;
}

/* "expect accounts OWNER { payer; shop }": those of an owner, in any order. */
static struct statement *expect_accounts(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_ACCOUNTS);
    currency_index currency = CURRENCY_NONE;
    out->operation = operation_new(OPERATION_ACCOUNT_LIST);
    out->operation->list.owner = operation_text(out->operation, str_from(parser_word(self, "an owner")));
    out->operation->list.limit = 2; /* so that there are several pages */
    out->ids = script_alloc(self->script, ENTRIES_MAX * sizeof *out->ids);
    parser_need_open(self);
    while (!parser_take_close(self) && out->id_count < ENTRIES_MAX)
        out->ids[out->id_count++] = parser_account(self, &currency);
    return out;
}

/* ---- histories ---------------------------------------------------------------------------------- */

static void read_entry(struct parser *self, struct entry_pattern *out)
{
    for (out->kind = 0; out->kind < ENTRY_KIND_COUNT; out->kind++) {
        if (parser_take(self, wire_entry_name(out->kind)))
            break;
    }
    if (out->kind == ENTRY_KIND_COUNT)
        parser_fail(self, "expected a kind of entry, found \"%s\"", parser_peek(self)->text);
    out->has_amount = parser_try_number(self, &out->amount);
    out->has_balance = out->has_amount && parser_try_number(self, &out->balance);
    out->has_gain = parser_take(self, "gain");
    if (out->has_gain)
        out->gain = parser_number(self, "a gain");
    parser_end(self);
}

void parse_entries(struct parser *self, struct statement *out)
{
    out->entries = script_alloc(self->script, ENTRIES_MAX * sizeof *out->entries);
    parser_need_open(self);
    while (!parser_take_close(self) && out->entry_count < ENTRIES_MAX)
        read_entry(self, &out->entries[out->entry_count++]);
}

static struct statement *expect_history(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_HISTORY);
    currency_index currency = CURRENCY_NONE;
    struct wire_history_query *query;
    out->operation = operation_new(OPERATION_HISTORY);
    query = &out->operation->history;
    query->account = operation_text(out->operation, parser_account(self, &currency));
    query->limit = WIRE_HISTORY_LIMIT;
    while (!parser_at_end(self) && parser_peek(self)->kind != TOKEN_OPEN) {
        if (parser_take(self, "limit"))
            query->limit = (uint32_t)parser_number(self, "a number of entries");
        else if (parser_take(self, "after"))
            out->mark_after = parser_mark(self);
        else if (parser_take(self, "before"))
            out->mark_before = parser_mark(self);
        else
            break;
    }
    if (query->limit < 1 || query->limit > OPERATION_PAGE_MAX)
        parser_fail(self, "a page has 1 to %d entries", OPERATION_PAGE_MAX);
    parse_entries(self, out);
    return out;
}

/* ---- transactions and the world ------------------------------------------------------------------ */

static struct statement *expect_status(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_STATUS);
    const char *name = parser_name(self, "a transaction's name");
    out->operation = operation_new(OPERATION_TRANSFER_SHOW);
    out->operation->transaction = parser_id(name);
    if (parser_take(self, "missing"))
        out->is_missing = true;
    else if (parser_take(self, "success"))
        out->status = TRANSFER_SUCCESS;
    else if (parser_take(self, "failed"))
        out->status = TRANSFER_FAILED;
    else if (parser_take(self, "pending"))
        out->status = TRANSFER_PENDING;
    else
        parser_fail(self, "expected success, failed, pending or missing, found \"%s\"",
                    parser_peek(self)->text);
    out->code = CODE_OK;
    if (out->status == TRANSFER_FAILED && !parser_code(self, &out->code))
        parser_fail(self, "expected the code with which it failed, found \"%s\"", parser_peek(self)->text);
    return out;
}

static struct statement *expect_same(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_SAME);
    const struct call_name *one = parser_call(self), *other = parser_call(self);
    if (one && other) {
        out->call = one->call;
        out->same_as = other->call;
    }
    return out;
}

static bool find_counter(struct parser *self, enum counter *out)
{
    static const char *const words[COUNTER_COUNT] = {
        [COUNTER_TOTAL] = "total",   [COUNTER_OPEN] = "open",         [COUNTER_LINKS] = "links",
        [COUNTER_GROUPS] = "groups", [COUNTER_RESTARTS] = "restarts", [COUNTER_RETRIES] = "retries",
        [COUNTER_LOST] = "lost",     [COUNTER_REPEATED] = "repeated", [COUNTER_FAILED] = "failures",
        [COUNTER_FINAL] = "final",   [COUNTER_SEEN] = "seen"};
    for (*out = 0; *out < COUNTER_COUNT; (*out)++) {
        if (parser_take(self, words[*out]))
            return true;
    }
    return false;
}

/* NULL: the next word is no counter. "expect seen BUSY", "expect final OK 10", "expect restarts >= 1". */
static struct statement *expect_count(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_COUNT);
    if (!find_counter(self, &out->counter))
        return NULL;
    bool has_code = out->counter == COUNTER_FINAL || out->counter == COUNTER_SEEN;
    if (has_code && !parser_code(self, &out->code))
        parser_fail(self, "expected a code, found \"%s\"", parser_peek(self)->text);
    if (out->counter == COUNTER_TOTAL)
        out->currency = parser_currency(self);
    if (parser_at_end(self)) {
        out->comparison = AT_LEAST;
        out->count = 1;
        return out;
    }
    if (parser_take(self, ">="))
        out->comparison = AT_LEAST;
    else if (parser_take(self, "<="))
        out->comparison = AT_MOST;
    out->count = parser_number(self, "a number");
    return out;
}

static struct statement *expect_up(struct parser *self, bool is_up)
{
    struct statement *out = statement_new(self, STATEMENT_EXPECT_UP);
    out->is_up = is_up;
    out->partition = parser_partition(self);
    return out;
}

struct statement *parse_expect(struct parser *self)
{
    if (parser_take(self, "balance"))
        return expect_balance(self);
    if (parser_take(self, "account"))
        return expect_account(self);
    if (parser_take(self, "accounts"))
        return expect_accounts(self);
    if (parser_take(self, "history"))
        return expect_history(self);
    if (parser_take(self, "status"))
        return expect_status(self);
    if (parser_take(self, "same"))
        return expect_same(self);
    if (parser_is(self, "up") || parser_is(self, "down"))
        return expect_up(self, parser_word(self, "up or down")[0] == 'u');
    struct statement *count = expect_count(self);
    return count ? count : expect_answer(self);
}
