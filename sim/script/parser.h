/* Inside this folder: what the parts of the parser share. The first mistake counts: after it every reading gives
 * something harmless, until the parser sees that it has failed. */
#ifndef TELLER_SIM_SCRIPT_PARSER_H
#define TELLER_SIM_SCRIPT_PARSER_H

#include "sim/script/parse.h"
#include "sim/script/tokens.h"

enum { BINDINGS_MAX = 8, NAMES_MAX = 1024, WORD_MAX = 200 };

struct binding {
    const char *name, *value;
};

/* An account: its name in the script, and its id. */
struct account_name {
    const char *name;
    struct str id;
    currency_index currency;
};

/* What can be asked for by its name: a command, or an item inside one. */
struct call_name {
    const char *name;
    int call, row;
    const struct statement *statement; /* that sends it */
    const struct ledger_command *item; /* NULL: no money */
    uint32_t rows;                     /* that belong to it */
};

struct parser {
    struct script *script;
    struct tokens tokens;
    size_t at;
    struct parse_error *error;
    bool has_failed;
    const uint64_t *choice;
    size_t choice_count;
    bool has_begun; /* settings are over */
    struct binding bindings[BINDINGS_MAX];
    size_t binding_count;
    struct account_name accounts[NAMES_MAX];
    size_t account_count;
    struct call_name calls[NAMES_MAX];
    size_t call_count;
    const char *marks[SCRIPT_MARKS_MAX];
};

void parser_fail(struct parser *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- words ------------------------------------------------------------------------------------ */

const struct token *parser_peek(const struct parser *self);
bool parser_at_end(const struct parser *self); /* of the statement */
bool parser_is(struct parser *self, const char *word);
bool parser_take(struct parser *self, const char *word); /* when it is the next */
bool parser_take_open(struct parser *self);
void parser_need_open(struct parser *self);
/* Passes statements' ends; true: the next is '}', and it is taken. */
bool parser_take_close(struct parser *self);
void parser_need(struct parser *self, const char *word);
void parser_end(struct parser *self); /* nothing may follow in this statement */

/* The next word, with $names replaced; what: for "expected …". */
const char *parser_word(struct parser *self, const char *what);
const char *parser_name(struct parser *self, const char *what); /* letters, digits, and . _ - ' : @ / */
int64_t parser_number(struct parser *self, const char *what);
bool parser_try_number(struct parser *self, int64_t *out); /* when the next is one */
int64_t parser_duration_us(struct parser *self);           /* "250ms" */
int64_t parser_rate(struct parser *self);                  /* "1350.25" */
currency_index parser_currency(struct parser *self);
bool parser_code(struct parser *self, enum code *out); /* when the next is one */
uint32_t parser_partition(struct parser *self);

/* ---- names ------------------------------------------------------------------------------------ */

struct account_name *parser_account_find(struct parser *self, const char *name);
/* Of a declared account, or an id that has a ':' in it. */
struct str parser_account(struct parser *self, currency_index *currency);
void parser_account_declare(struct parser *self, const char *name, currency_index currency,
                            uint32_t partition);
struct uuid parser_id(const char *name);

const struct call_name *parser_call(struct parser *self); /* never NULL without a failure */
void parser_call_name(struct parser *self, const struct call_name *name);
int parser_mark(struct parser *self);

/* ---- statements ------------------------------------------------------------------------------- */

struct statement *statement_new(struct parser *self, enum statement_kind kind);
/* A message that has no rows can be asked for by the statement's name. */
void statement_name(struct parser *self, const struct statement *statement);

/* A command or a page of a history. NULL: `word` begins no such statement. */
struct statement *parse_ask(struct parser *self, const char *word, bool is_begun);
/* Proposals, rates, pairs and quotes. false: `word` begins none of them. */
bool parse_desk(struct parser *self, struct statement *statement, const char *word);
/* "again": what is to be different of a proposal or a quote; false: it is neither, or the next word is no such thing. */
bool parse_desk_change(struct parser *self, struct operation *operation);
struct statement *parse_fault(struct parser *self);
struct statement *parse_lie(struct parser *self);
struct statement *parse_expect(struct parser *self);
void parse_pattern(struct parser *self, struct pattern *out);
void parse_entries(struct parser *self, struct statement *out);

#endif
