/* What operators and the FX desk send: proposals and what becomes of them, rates, terms of pairs, quotes. */
#include <string.h>

#include "actors/base/rate.h"
#include "sim/script/parser.h"

#define SECOND_US INT64_C(1000000)
#define RATE_AGE_US (24 * 3600 * SECOND_US)

/* ---- proposals -------------------------------------------------------------------------------- */

static struct str read_operator(struct parser *self, struct operation *operation)
{
    parser_need(self, "by");
    return operation_text(operation, str_from(parser_word(self, "an operator")));
}

/* "NAME deposit payer 300 by alice until 30s rate 1350.25". */
static void read_propose(struct parser *self, struct statement *statement)
{
    struct operation *operation = statement->operation = operation_new(OPERATION_PROPOSAL_OPEN);
    struct ledger_proposal_command *out = &operation->proposal;
    statement->name = parser_name(self, "a name for the proposal");
    bool is_deposit = parser_take(self, "deposit");
    if (!is_deposit)
        parser_need(self, "withdraw");
    *out = (struct ledger_proposal_command){.kind = is_deposit ? COMMAND_DEPOSIT : COMMAND_WITHDRAW,
                                            .currency = CURRENCY_NONE,
                                            .id = parser_id(statement->name),
                                            .reason = STR_LITERAL("by hand")};
    out->account = operation_text(operation, parser_account(self, &out->currency));
    out->amount = parser_number(self, "an amount");
    out->operator_name = read_operator(self, operation);
    while (!parser_at_end(self)) {
        if (parser_take(self, "until"))
            out->expires_us = WORLD_EPOCH_US + parser_duration_us(self);
        else if (parser_take(self, "rate"))
            out->rate = parser_rate(self);
        else
            break;
    }
    statement_name(self, statement);
}

/* "approve p1 by bob", "approve a1 p1 by bob". */
static void read_decision(struct parser *self, struct statement *statement, bool approves)
{
    struct operation *operation = statement->operation =
        operation_new(approves ? OPERATION_PROPOSAL_APPROVE : OPERATION_PROPOSAL_REJECT);
    const struct token *behind = parser_at_end(self) ? parser_peek(self) : &self->tokens.all[self->at + 1];
    if (behind->kind == TOKEN_WORD && strcmp(behind->text, "by") != 0)
        statement->name = parser_name(self, "a name for it");
    const struct call_name *proposal = parser_call(self);
    if (!proposal)
        return;
    const struct operation *asked = proposal->statement->operation;
    if (asked->kind != OPERATION_PROPOSAL_OPEN)
        parser_fail(self, "\"%s\" is no proposal", proposal->name);
    operation->decision = (struct ledger_decision_command){
        .approves = approves,
        .account = operation_text(operation, asked->proposal.account),
        .proposal = asked->proposal.id,
        .operator_name = read_operator(self, operation),
    };
    if (statement->name)
        statement_name(self, statement);
}

/* ---- the desk --------------------------------------------------------------------------------- */

/* "USD/KRW". */
static void read_pair_name(struct parser *self, currency_index *one, currency_index *other)
{
    size_t at = self->at;
    const char *word = parser_word(self, "two currencies as in USD/KRW");
    size_t length = strcspn(word, "/");
    *one = currency_find(word, length);
    *other =
        word[length] == '/' ? currency_find(word + length + 1, strlen(word + length + 1)) : CURRENCY_NONE;
    if (self->has_failed || (*one != CURRENCY_NONE && *other != CURRENCY_NONE && *one != *other))
        return;
    self->at = at;
    parser_fail(self, "expected two currencies as in USD/KRW, found \"%s\"", word);
}

static int64_t read_seconds_us(struct parser *self)
{
    size_t at = self->at;
    int64_t us = parser_duration_us(self);
    if (us > 0 && us % SECOND_US == 0)
        return us;
    self->at = self->has_failed ? self->at : at;
    parser_fail(self, "expected whole seconds, found \"%s\"", parser_peek(self)->text);
    return SECOND_US;
}

/* "USD/KRW 1350.25 age 10s": of the moment when it is sent. */
static void read_rate(struct parser *self, struct statement *statement)
{
    struct operation *operation = statement->operation = operation_new(OPERATION_RATE_SET);
    read_pair_name(self, &operation->rate.base, &operation->rate.counter);
    operation->rate.units = 1;
    operation->rate.rate = parser_rate(self);
    operation->rate.age_limit_us = parser_take(self, "age") ? read_seconds_us(self) : RATE_AGE_US;
}

/* "USD/KRW spread 2500 valid 30s". */
static void read_pair(struct parser *self, struct statement *statement)
{
    struct operation *operation = statement->operation = operation_new(OPERATION_PAIR_SET);
    read_pair_name(self, &operation->pair.one, &operation->pair.other);
    parser_need(self, "spread");
    int64_t spread = parser_number(self, "a spread in millionths");
    if (spread < 0 || spread > LEDGER_SPREAD_PPM_MAX)
        parser_fail(self, "a spread is 0 to %d millionths", LEDGER_SPREAD_PPM_MAX);
    operation->pair.spread_ppm = (uint32_t)spread;
    parser_need(self, "valid");
    operation->pair.valid_us = read_seconds_us(self);
}

/* "NAME won sell 100000 KRW USD", "NAME won buy 100 KRW USD". */
static void read_quote(struct parser *self, struct statement *statement)
{
    currency_index currency = CURRENCY_NONE;
    struct operation *operation = statement->operation = operation_new(OPERATION_QUOTE);
    struct ledger_quote_command *out = &operation->quote;
    statement->name = parser_name(self, "a name for the quote");
    out->id = parser_id(statement->name);
    out->account = operation_text(operation, parser_account(self, &currency));
    out->side = parser_take(self, "buy") ? QUOTE_BUY : QUOTE_SELL;
    if (out->side == QUOTE_SELL)
        parser_need(self, "sell");
    out->amount = parser_number(self, "an amount");
    out->sell = parser_currency(self);
    out->buy = parser_currency(self);
    statement_name(self, statement);
}

/* ---- together --------------------------------------------------------------------------------- */

bool parse_desk_change(struct parser *self, struct operation *operation)
{
    if (operation->kind != OPERATION_PROPOSAL_OPEN && operation->kind != OPERATION_QUOTE)
        return false;
    if (!parser_take(self, "amount"))
        return false;
    int64_t *amount =
        operation->kind == OPERATION_QUOTE ? &operation->quote.amount : &operation->proposal.amount;
    *amount = parser_number(self, "an amount");
    return true;
}

bool parse_desk(struct parser *self, struct statement *statement, const char *word)
{
    if (strcmp(word, "propose") == 0)
        read_propose(self, statement);
    else if (strcmp(word, "approve") == 0 || strcmp(word, "reject") == 0)
        read_decision(self, statement, word[0] == 'a');
    else if (strcmp(word, "rate") == 0)
        read_rate(self, statement);
    else if (strcmp(word, "pair") == 0)
        read_pair(self, statement);
    else if (strcmp(word, "quote") == 0)
        read_quote(self, statement);
    else
        return false;
    return true;
}
