/* What clients send: money, groups, batches, commands on accounts, pages of histories, and all of that again. */
#include "actors/base/check.h"
#include "sim/script/parser.h"

enum { ITEMS_MAX = 128, DEADLINE_STEP_US = 1000 };

/* An item while it is read. */
struct item {
    struct ledger_command command;
    const char *name;
    struct ledger_command items[LEDGER_GROUP_MAX];
    const char *item_names[LEDGER_GROUP_MAX];
};

struct statement *statement_new(struct parser *self, enum statement_kind kind)
{
    struct statement *statement = script_alloc(self->script, sizeof *statement);
    statement->kind = kind;
    statement->line = parser_peek(self)->line;
    statement->call = statement->same_as = NO_CALL;
    statement->mark = statement->mark_after = statement->mark_before = NO_MARK;
    return statement;
}

/* ---- items ------------------------------------------------------------------------------------ */

static bool is_currency(struct parser *self)
{
    const struct token *token = parser_peek(self);
    return token->kind == TOKEN_WORD && currency_find(token->text, strlen(token->text)) != CURRENCY_NONE;
}

/* memo, reference, rate and currency of an item, in any order. */
static bool item_option(struct parser *self, struct ledger_command *out)
{
    if (parser_take(self, "memo"))
        out->memo = str_from(parser_word(self, "a memo"));
    else if (parser_take(self, "reference"))
        out->reference = str_from(parser_word(self, "a reference"));
    else if (out->kind <= COMMAND_WITHDRAW && parser_take(self, "rate"))
        out->rate = parser_rate(self);
    else if (!self->has_failed && is_currency(self))
        out->currency = parser_currency(self);
    else
        return false;
    return true;
}

static bool kind_of(const char *word, uint8_t *out)
{
    static const char *const words[] = {"",     "transfer", "deposit", "withdraw", "group",
                                        "hold", "capture",  "release", "exchange"};
    for (*out = COMMAND_TRANSFER; *out <= COMMAND_EXCHANGE; (*out)++) {
        if (strcmp(words[*out], word) == 0)
            return true;
    }
    return false;
}

/* Behind its kind: "NAME payer -> shop 300", "NAME shop 300". */
static void read_posting(struct parser *self, uint8_t kind, struct ledger_command *out, const char **name)
{
    currency_index currency = CURRENCY_NONE;
    *out = (struct ledger_command){.kind = kind};
    *name = parser_name(self, "a name for it");
    out->id = parser_id(*name);
    if (kind != COMMAND_DEPOSIT)
        out->from = parser_account(self, &currency);
    if (kind == COMMAND_TRANSFER)
        parser_need(self, "->");
    if (kind != COMMAND_WITHDRAW)
        out->to = parser_account(self, &currency);
    out->amount = parser_number(self, "an amount");
    while (item_option(self, out)) {
    }
    if (out->currency == CURRENCY_NONE)
        out->currency = currency;
}

/* "NAME payer 300 until 30s": so long after the world began. */
static void read_hold(struct parser *self, struct ledger_command *out, const char **name)
{
    currency_index currency = CURRENCY_NONE;
    *out = (struct ledger_command){.kind = COMMAND_HOLD};
    *name = parser_name(self, "a name for the hold");
    out->id = parser_id(*name);
    out->from = parser_account(self, &currency);
    out->amount = parser_number(self, "an amount");
    if (parser_take(self, "until"))
        out->expires_us = WORLD_EPOCH_US + parser_duration_us(self);
    while (item_option(self, out)) {
    }
    if (out->currency == CURRENCY_NONE)
        out->currency = currency;
}

/* "capture NAME HOLD 100 keep", "capture NAME HOLD", "release NAME HOLD". */
static void read_hold_end(struct parser *self, uint8_t kind, struct ledger_command *out, const char **name)
{
    *name = parser_name(self, "a name for it");
    const struct call_name *hold = parser_call(self);
    if (!hold || !hold->item)
        return;
    *out = (struct ledger_command){
        .kind = kind, .id = parser_id(*name), .from = hold->item->from, .of = hold->item->id};
    if (kind == COMMAND_CAPTURE) {
        out->currency = hold->item->currency;
        (void)parser_try_number(self, &out->amount);
        out->flags = parser_take(self, "keep") ? COMMAND_KEEPS_REST : 0;
    }
    while (item_option(self, out)) {
    }
}

/* "NAME QUOTE -> account": as the quote says, from the account that asked for it. */
static void read_exchange(struct parser *self, struct ledger_command *out, const char **name)
{
    currency_index currency = CURRENCY_NONE;
    *name = parser_name(self, "a name for the exchange");
    const struct call_name *quote = parser_call(self);
    if (!quote)
        return;
    const struct operation *asked = quote->statement->operation;
    if (asked->kind != OPERATION_QUOTE)
        parser_fail(self, "\"%s\" is no quote", quote->name);
    parser_need(self, "->");
    *out = (struct ledger_command){.kind = COMMAND_EXCHANGE,
                                   .currency = CURRENCY_NONE,
                                   .id = parser_id(*name),
                                   .from = asked->quote.account,
                                   .of = asked->quote.id};
    out->to = parser_account(self, &currency);
    while (parser_is(self, "memo") || parser_is(self, "reference"))
        item_option(self, out);
}

/* "NAME { transfer …; deposit … }". */
static void read_group(struct parser *self, struct item *out)
{
    out->command = (struct ledger_command){.kind = COMMAND_GROUP, .items = out->items};
    out->name = parser_name(self, "a name for the group");
    out->command.id = parser_id(out->name);
    parser_need_open(self);
    while (!parser_take_close(self)) {
        uint8_t kind;
        const char *word = parser_word(self, "transfer, deposit or withdraw");
        uint16_t i = out->command.group_count;
        if (i == LEDGER_GROUP_MAX || !kind_of(word, &kind) || kind >= COMMAND_GROUP) {
            parser_fail(self, "\"%s\" cannot be in a group, or it is full", word);
            return;
        }
        read_posting(self, kind, &out->items[i], &out->item_names[i]);
        parser_end(self);
        out->command.group_count++;
    }
}

static void read_item(struct parser *self, uint8_t kind, struct item *out)
{
    if (kind == COMMAND_GROUP)
        read_group(self, out);
    else if (kind == COMMAND_HOLD)
        read_hold(self, &out->command, &out->name);
    else if (kind == COMMAND_EXCHANGE)
        read_exchange(self, &out->command, &out->name);
    else if (kind > COMMAND_HOLD)
        read_hold_end(self, kind, &out->command, &out->name);
    else
        read_posting(self, kind, &out->command, &out->name);
}

/* Names an item and those inside it, from a row on; returns the row behind it. */
static int name_item(struct parser *self, const struct statement *statement, const struct item *item,
                     const struct ledger_command *command, int row)
{
    struct call_name name = {.name = item->name,
                             .call = statement->call,
                             .row = row++,
                             .statement = statement,
                             .item = command,
                             .rows = command->group_count + UINT32_C(1)};
    parser_call_name(self, &name);
    for (uint16_t i = 0; i < command->group_count; i++) {
        name.name = item->item_names[i];
        name.row = row++;
        name.item = &command->items[i];
        name.rows = 1;
        parser_call_name(self, &name);
    }
    return row;
}

static void fill_commands(struct parser *self, struct statement *statement, const struct item *items,
                          size_t count)
{
    int row = 0;
    struct operation *operation = statement->operation;
    struct ledger_command *commands = operation_commands(operation, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        operation_command_copy(operation, &items[i].command, &commands[i]);
        row = name_item(self, statement, &items[i], &commands[i], row);
    }
    operation_seal(operation);
}

static void read_money(struct parser *self, struct statement *statement, uint8_t kind)
{
    static const enum wire_operation kinds[] = {OPERATION_BATCH,    OPERATION_TRANSFER, OPERATION_DEPOSIT,
                                                OPERATION_WITHDRAW, OPERATION_BATCH,    OPERATION_BATCH,
                                                OPERATION_BATCH,    OPERATION_BATCH,    OPERATION_BATCH};
    struct item *item = script_alloc(self->script, sizeof *item);
    statement->operation = operation_new(kinds[kind]);
    read_item(self, kind, item);
    statement->name = item->name;
    fill_commands(self, statement, item, 1);
}

static void read_batch(struct parser *self, struct statement *statement)
{
    struct item *items = script_alloc(self->script, ITEMS_MAX * sizeof *items);
    size_t count = 0;
    statement->operation = operation_new(OPERATION_BATCH);
    statement->name = parser_name(self, "a name for the batch");
    statement->row = ROW_MESSAGE;
    parser_need_open(self);
    while (!parser_take_close(self)) {
        uint8_t kind;
        const char *word = parser_word(self, "an item of a batch");
        if (count == ITEMS_MAX || !kind_of(word, &kind)) {
            parser_fail(self, "\"%s\" cannot be in a batch, or it is full", word);
            return;
        }
        read_item(self, kind, &items[count++]);
        parser_end(self);
    }
    fill_commands(self, statement, items, count);
    parser_call_name(self, &(struct call_name){.name = statement->name,
                                               .call = statement->call,
                                               .row = ROW_MESSAGE,
                                               .statement = statement,
                                               .rows = statement->operation->row_count});
}

/* ---- accounts --------------------------------------------------------------------------------- */

static int64_t read_ceiling(struct parser *self)
{
    return parser_take(self, "none") ? INT64_MAX : parser_number(self, "a ceiling");
}

static bool account_option(struct parser *self, struct operation *operation)
{
    struct ledger_account_command *out = &operation->account;
    if (parser_take(self, "minimum")) {
        out->minimum_balance = parser_number(self, "a minimum balance");
        out->sets |= ACCOUNT_SETS_MINIMUM;
    } else if (parser_take(self, "ceiling")) {
        out->ceiling = read_ceiling(self);
        out->sets |= ACCOUNT_SETS_CEILING;
    } else if (parser_take(self, "owner")) {
        out->owner = operation_text(operation, str_from(parser_word(self, "an owner")));
        out->sets |= ACCOUNT_SETS_OWNER;
    } else if (parser_take(self, "product")) {
        out->product = operation_text(operation, str_from(parser_word(self, "a product")));
        out->sets |= ACCOUNT_SETS_PRODUCT;
    } else if (parser_take(self, "memo")) {
        out->memo = operation_text(operation, str_from(parser_word(self, "a memo")));
    } else if (out->kind == ACCOUNT_OPEN && parser_take(self, "fx")) {
        out->has_book = true;
    } else if (out->kind == ACCOUNT_OPEN && parser_take(self, "id")) {
        out->id = parser_id(parser_word(self, "a transaction's name"));
    } else {
        return false;
    }
    return true;
}

void statement_name(struct parser *self, const struct statement *statement)
{
    parser_call_name(self, &(struct call_name){.name = statement->name,
                                               .call = statement->call,
                                               .row = ROW_MESSAGE,
                                               .statement = statement,
                                               .rows = statement->operation->row_count});
}

/* "NAME KRW in 0 …": a name, and for "account" the command that opens it. */
static const char *read_declaration(struct parser *self, currency_index *currency)
{
    const char *name = parser_name(self, "a name for the account");
    uint32_t partition = WIRE_PARTITION_ANY;
    *currency = parser_currency(self);
    if (parser_take(self, "in"))
        partition = parser_partition(self);
    parser_account_declare(self, name, *currency, partition);
    return name;
}

static void read_account(struct parser *self, struct statement *statement)
{
    currency_index currency = CURRENCY_NONE;
    struct operation *operation = statement->operation = operation_new(OPERATION_ACCOUNT_OPEN);
    statement->name = read_declaration(self, &currency);
    if (self->has_failed)
        return;
    operation->account = (struct ledger_account_command){
        .kind = ACCOUNT_OPEN,
        .account = operation_text(operation, parser_account_find(self, statement->name)->id),
        .owner = operation_text(operation, STR_LITERAL("owner")),
        .currency = currency,
        .ceiling = INT64_MAX};
    while (account_option(self, operation)) {
    }
    statement_name(self, statement);
}

/* "freeze shop", "freeze f1 shop". */
static void read_account_step(struct parser *self, struct statement *statement, enum wire_operation kind)
{
    static const enum ledger_account_kind kinds[] = {ACCOUNT_CHANGE, ACCOUNT_FREEZE, ACCOUNT_UNFREEZE,
                                                     ACCOUNT_CLOSE};
    currency_index currency = CURRENCY_NONE;
    struct operation *operation = statement->operation = operation_new(kind);
    operation->account.kind = kinds[kind - OPERATION_ACCOUNT_CHANGE];
    operation->account.ceiling = INT64_MAX;
    if (self->tokens.all[self->at + 1].kind == TOKEN_WORD &&
        parser_account_find(self, self->tokens.all[self->at + 1].text))
        statement->name = parser_name(self, "a name for it");
    operation->account.account = operation_text(operation, parser_account(self, &currency));
    while (account_option(self, operation)) {
    }
    if (statement->name)
        statement_name(self, statement);
}

/* ---- histories -------------------------------------------------------------------------------- */

static void read_history(struct parser *self, struct statement *statement)
{
    currency_index currency = CURRENCY_NONE;
    struct operation *operation = statement->operation = operation_new(OPERATION_HISTORY);
    statement->name = parser_name(self, "a name for what is read");
    operation->history.account = operation_text(operation, parser_account(self, &currency));
    operation->history.limit = WIRE_HISTORY_LIMIT;
    while (!parser_at_end(self)) {
        if (parser_take(self, "limit")) {
            int64_t limit = parser_number(self, "a number of entries");
            if (limit < 1 || limit > OPERATION_PAGE_MAX)
                parser_fail(self, "a page has 1 to %d entries", OPERATION_PAGE_MAX);
            operation->history.limit = (uint32_t)limit;
        } else if (parser_take(self, "after")) {
            statement->mark_after = parser_mark(self);
        } else if (parser_take(self, "before")) {
            statement->mark_before = parser_mark(self);
        } else {
            break;
        }
    }
    statement_name(self, statement);
}

/* ---- again ------------------------------------------------------------------------------------ */

static bool posting_change(struct parser *self, struct operation *operation, struct ledger_command *out)
{
    currency_index currency = CURRENCY_NONE;
    if (parser_take(self, "amount"))
        out->amount = parser_number(self, "an amount");
    else if (parser_take(self, "from"))
        out->from = operation_text(operation, parser_account(self, &currency));
    else if (parser_take(self, "to"))
        out->to = operation_text(operation, parser_account(self, &currency));
    else if (parser_take(self, "memo"))
        out->memo = operation_text(operation, str_from(parser_word(self, "a memo")));
    else if (parser_take(self, "reference"))
        out->reference = operation_text(operation, str_from(parser_word(self, "a reference")));
    else if (out->kind <= COMMAND_WITHDRAW && parser_take(self, "rate"))
        out->rate = parser_rate(self);
    else if (is_currency(self))
        out->currency = parser_currency(self);
    else
        return false;
    return true;
}

/* The first posting of an operation; NULL: it has none. */
static struct ledger_command *first_posting(struct operation *operation)
{
    if (operation->count == 0)
        return NULL;
    struct ledger_command *first = operation->commands;
    return first->group_count > 0 ? (struct ledger_command *)(uintptr_t)first->items : first;
}

/* It has no rows, and can be sent again. */
static bool is_command(enum wire_operation kind)
{
    return (kind >= OPERATION_ACCOUNT_OPEN && kind <= OPERATION_ACCOUNT_CLOSE) ||
           (kind >= OPERATION_PROPOSAL_OPEN && kind <= OPERATION_PROPOSAL_REJECT) || kind == OPERATION_QUOTE;
}

static bool operation_change(struct parser *self, struct operation *operation, struct ledger_command *posting)
{
    if (posting)
        return posting_change(self, operation, posting);
    if (operation->kind >= OPERATION_ACCOUNT_OPEN && operation->kind <= OPERATION_ACCOUNT_CLOSE)
        return account_option(self, operation);
    return parse_desk_change(self, operation);
}

/* "repeat t1": the same again. "again t1 amount 301": the same id with another payload. */
static void read_again(struct parser *self, struct statement *statement, bool is_same)
{
    const struct call_name *name = parser_call(self);
    if (!name)
        return;
    const struct statement *first = name->statement;
    if (first->operation->row_count != name->rows || name->rows == 0) {
        if (!is_command(first->operation->kind))
            parser_fail(self, "\"%s\" is not sent by itself", name->name);
    }
    statement->operation = operation_copy(first->operation);
    statement->row = first->row;
    statement->same_as = is_same ? first->call : NO_CALL;
    bool has_changed = is_same;
    if (parser_take(self, "as"))
        statement->name = parser_name(self, "a name for it");
    struct ledger_command *posting = first_posting(statement->operation);
    while (!is_same && !parser_at_end(self) && operation_change(self, statement->operation, posting))
        has_changed = true;
    if (!has_changed)
        parser_fail(self, "expected what is to be different");
    if (statement->name)
        parser_call_name(self, &(struct call_name){.name = statement->name,
                                                   .call = statement->call,
                                                   .row = name->row,
                                                   .statement = statement,
                                                   .item = statement->operation->commands,
                                                   .rows = name->rows});
}

/* ---- together --------------------------------------------------------------------------------- */

static bool statement_option(struct parser *self, struct statement *statement)
{
    if (parser_take(self, "deadline")) {
        statement->deadline_us = parser_duration_us(self) / DEADLINE_STEP_US * DEADLINE_STEP_US;
    } else if (parser_take(self, "client")) {
        int64_t client = parser_number(self, "a client");
        if (client < 0 || client >= self->script->config.clients)
            parser_fail(self, "there is no client %lld", (long long)client);
        statement->client = (uint32_t)client;
    } else if (parser_take(self, "through")) {
        statement->operation->partition = parser_partition(self);
    } else if (parser_take(self, "=>")) {
        parse_pattern(self, &statement->pattern);
        return false;
    } else {
        return false;
    }
    return true;
}

/* true: it was one of them. */
static bool read_ask(struct parser *self, struct statement *statement, const char *word)
{
    uint8_t kind;
    if (kind_of(word, &kind))
        read_money(self, statement, kind);
    else if (strcmp(word, "batch") == 0)
        read_batch(self, statement);
    else if (strcmp(word, "account") == 0)
        read_account(self, statement);
    else if (strcmp(word, "change") == 0)
        read_account_step(self, statement, OPERATION_ACCOUNT_CHANGE);
    else if (strcmp(word, "freeze") == 0)
        read_account_step(self, statement, OPERATION_ACCOUNT_FREEZE);
    else if (strcmp(word, "unfreeze") == 0)
        read_account_step(self, statement, OPERATION_ACCOUNT_UNFREEZE);
    else if (strcmp(word, "close") == 0)
        read_account_step(self, statement, OPERATION_ACCOUNT_CLOSE);
    else if (strcmp(word, "history") == 0)
        read_history(self, statement);
    else if (strcmp(word, "repeat") == 0 || strcmp(word, "again") == 0)
        read_again(self, statement, word[0] == 'r');
    else
        return parse_desk(self, statement, word);
    return true;
}

struct statement *parse_ask(struct parser *self, const char *word, bool is_begun)
{
    struct statement *statement = statement_new(self, STATEMENT_ASK);
    statement->call = self->script->call_count;
    statement->is_begun = is_begun;
    if (!read_ask(self, statement, word)) {
        operation_free(&statement->operation);
        return NULL;
    }
    self->script->call_count++;
    while (!self->has_failed && statement_option(self, statement)) {
    }
    if (!is_begun && !statement->pattern.is_given && statement->same_as == NO_CALL)
        statement->pattern = (struct pattern){.is_given = true, .code = CODE_OK};
    if (is_begun && statement->pattern.is_given)
        parser_fail(self, "what is begun has no answer yet");
    return statement;
}
