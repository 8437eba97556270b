/* Words, numbers and names of a script. */
#include "sim/script/parser.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <xxhash.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"

void parser_fail(struct parser *self, const char *format, ...)
{
    va_list arguments;
    if (self->has_failed)
        return;
    self->has_failed = true;
    self->error->line = parser_peek(self)->line;
    va_start(arguments, format);
    vsnprintf(self->error->what, sizeof self->error->what, format, arguments);
    va_end(arguments);
}

/* ---- words ------------------------------------------------------------------------------------ */

const struct token *parser_peek(const struct parser *self)
{
    return &self->tokens.all[self->at];
}

static void advance(struct parser *self)
{
    if (self->at + 1 < self->tokens.count)
        self->at++;
}

bool parser_at_end(const struct parser *self)
{
    enum token_kind kind = parser_peek(self)->kind;
    return kind == TOKEN_END || kind == TOKEN_EOF || kind == TOKEN_CLOSE || self->has_failed;
}

bool parser_take_open(struct parser *self)
{
    if (self->has_failed || parser_peek(self)->kind != TOKEN_OPEN)
        return false;
    advance(self);
    return true;
}

void parser_need_open(struct parser *self)
{
    if (!parser_take_open(self))
        parser_fail(self, "expected \"{\", found \"%s\"", parser_peek(self)->text);
}

bool parser_take_close(struct parser *self)
{
    while (!self->has_failed && parser_peek(self)->kind == TOKEN_END)
        advance(self);
    if (self->has_failed)
        return true;
    if (parser_peek(self)->kind == TOKEN_EOF) {
        parser_fail(self, "a \"{\" has no \"}\"");
        return true;
    }
    if (parser_peek(self)->kind != TOKEN_CLOSE)
        return false;
    advance(self);
    return true;
}

void parser_end(struct parser *self)
{
    if (!parser_at_end(self))
        parser_fail(self, "\"%s\" does not belong here", parser_peek(self)->text);
}

static const char *binding_find(const struct parser *self, const char *name, size_t length)
{
    for (size_t i = self->binding_count; i > 0; i--) {
        const struct binding *binding = &self->bindings[i - 1];
        if (strlen(binding->name) == length && memcmp(binding->name, name, length) == 0)
            return binding->value;
    }
    return NULL;
}

/* Replaces each $name. */
static const char *resolve(struct parser *self, const char *text)
{
    char out[WORD_MAX];
    size_t used = 0;
    if (!strchr(text, '$'))
        return text;
    while (*text) {
        size_t length = 1;
        const char *value = text;
        if (*text == '$') {
            size_t name_length = 0;
            while (islower((unsigned char)text[1 + name_length]))
                name_length++;
            value = binding_find(self, text + 1, name_length);
            if (!value) {
                parser_fail(self, "nothing is called \"%.*s\" here", (int)name_length + 1, text);
                return "";
            }
            text += name_length;
            length = strlen(value);
        }
        if (used + length >= sizeof out) {
            parser_fail(self, "a word is too long");
            return "";
        }
        memcpy(out + used, value, length);
        used += length;
        text++;
    }
    return script_text(self->script, out, used);
}

bool parser_is(struct parser *self, const char *word)
{
    const struct token *token = parser_peek(self);
    return !self->has_failed && token->kind == TOKEN_WORD && strcmp(resolve(self, token->text), word) == 0;
}

bool parser_take(struct parser *self, const char *word)
{
    if (!parser_is(self, word))
        return false;
    advance(self);
    return true;
}

void parser_need(struct parser *self, const char *word)
{
    if (!parser_take(self, word))
        parser_fail(self, "expected \"%s\", found \"%s\"", word, parser_peek(self)->text);
}

const char *parser_word(struct parser *self, const char *what)
{
    const struct token *token = parser_peek(self);
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_TEXT)
        parser_fail(self, "expected %s, found \"%s\"", what, token->text);
    if (self->has_failed)
        return "";
    const char *word = resolve(self, token->text);
    advance(self);
    return word;
}

const char *parser_name(struct parser *self, const char *what)
{
    size_t at = self->at;
    const char *word = parser_word(self, what);
    size_t good = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-':@/");
    if (!self->has_failed && word[good] != '\0') {
        self->at = at;
        parser_fail(self, "expected %s, found \"%s\"", what, word);
    }
    return script_text(self->script, word, strlen(word));
}

static bool read_number(const char *text, int64_t *out, const char **end)
{
    char *stop;
    bool is_number = isdigit((unsigned char)text[*text == '-' || *text == '+']);
    *out = strtoll(text, &stop, 10);
    *end = stop;
    return is_number;
}

bool parser_try_number(struct parser *self, int64_t *out)
{
    const struct token *token = parser_peek(self);
    const char *end;
    if (self->has_failed || token->kind != TOKEN_WORD ||
        !read_number(resolve(self, token->text), out, &end) || *end != '\0')
        return false;
    advance(self);
    return true;
}

int64_t parser_number(struct parser *self, const char *what)
{
    int64_t out = 0;
    if (!parser_try_number(self, &out))
        parser_fail(self, "expected %s, found \"%s\"", what, parser_peek(self)->text);
    return out;
}

int64_t parser_duration_us(struct parser *self)
{
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"us", 1},
                 {"ms", 1000},
                 {"s", 1000000},
                 {"m", 60 * 1000000},
                 {"h", 3600 * INT64_C(1000000)},
                 {"d", 86400 * INT64_C(1000000)}};
    const char *end;
    int64_t number = 0;
    size_t at = self->at;
    const char *word = parser_word(self, "a time as in 250ms");
    if (!self->has_failed && read_number(word, &number, &end) && number >= 0 && number < 1000000) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            if (strcmp(units[i].unit, end) == 0)
                return number * units[i].us;
        }
    }
    self->at = at;
    parser_fail(self, "expected a time as in 100us, 250ms, 5s, 2m, 1h or 1d, found \"%s\"", word);
    return 0;
}

int64_t parser_rate(struct parser *self)
{
    int64_t rate = RATE_ONE;
    size_t at = self->at;
    const char *word = parser_word(self, "a rate as in 1350.25");
    if (!self->has_failed && rate_parse(str_from(word), &rate) != ERR_OK) {
        self->at = at;
        parser_fail(self, "expected a rate as in 1350.25, found \"%s\"", word);
    }
    return rate;
}

currency_index parser_currency(struct parser *self)
{
    size_t at = self->at;
    const char *word = parser_word(self, "a currency");
    currency_index currency = currency_find(word, strlen(word));
    self->at = currency == CURRENCY_NONE && !self->has_failed ? at : self->at;
    if (currency == CURRENCY_NONE)
        parser_fail(self, "expected a currency, found \"%s\"", word);
    return currency;
}

bool parser_code(struct parser *self, enum code *out)
{
    const char *text = parser_peek(self)->kind == TOKEN_WORD ? resolve(self, parser_peek(self)->text) : "";
    for (enum code code = 0; code < CODE_COUNT && !self->has_failed; code++) {
        if (strcmp(code_name(code), text) == 0) {
            *out = code;
            advance(self);
            return true;
        }
    }
    return false;
}

uint32_t parser_partition(struct parser *self)
{
    int64_t number = parser_number(self, "a partition");
    if (number >= 0 && number < self->script->config.partitions)
        return (uint32_t)number;
    parser_fail(self, "there is no partition %lld", (long long)number);
    return 0;
}

/* ---- names ------------------------------------------------------------------------------------ */

struct account_name *parser_account_find(struct parser *self, const char *name)
{
    for (size_t i = 0; i < self->account_count; i++) {
        if (strcmp(self->accounts[i].name, name) == 0)
            return &self->accounts[i];
    }
    return NULL;
}

struct str parser_account(struct parser *self, currency_index *currency)
{
    size_t at = self->at;
    const char *name = parser_name(self, "an account");
    const struct account_name *account = parser_account_find(self, name);
    if (account) {
        *currency = *currency == CURRENCY_NONE ? account->currency : *currency;
        return account->id;
    }
    if (strchr(name, ':'))
        return str_from(name);
    self->at = self->has_failed ? self->at : at;
    parser_fail(self, "no account is called \"%s\"", name);
    return (struct str){0};
}

void parser_account_declare(struct parser *self, const char *name, currency_index currency,
                            uint32_t partition)
{
    char id[WORD_MAX];
    struct account_name *account = &self->accounts[self->account_count];
    if (self->has_failed || parser_account_find(self, name))
        return;
    if (self->account_count == NAMES_MAX || strlen(name) > ACCOUNT_ID_MAX - 5) {
        parser_fail(self, "too many accounts, or too long a name");
        return;
    }
    snprintf(id, sizeof id, "%s", name);
    for (unsigned i = 2; partition != WIRE_PARTITION_ANY &&
                         ledger_partition_of(str_from(id), self->script->config.partitions) != partition;
         i++)
        snprintf(id, sizeof id, "%s.%u", name, i);
    *account = (struct account_name){
        .name = name, .id = str_from(script_text(self->script, id, strlen(id))), .currency = currency};
    self->account_count++;
}

struct uuid parser_id(const char *name)
{
    struct uuid id;
    XXH128_hash_t hash = XXH3_128bits(name, strlen(name));
    memcpy(id.bytes, &hash, sizeof id.bytes);
    return id;
}

const struct call_name *parser_call(struct parser *self)
{
    size_t at = self->at;
    const char *name = parser_name(self, "the name of a command");
    for (size_t i = self->call_count; i > 0; i--) {
        if (strcmp(self->calls[i - 1].name, name) == 0)
            return &self->calls[i - 1];
    }
    self->at = self->has_failed ? self->at : at;
    parser_fail(self, "no command is called \"%s\"", name);
    return NULL;
}

void parser_call_name(struct parser *self, const struct call_name *name)
{
    for (size_t i = 0; i < self->call_count; i++) {
        if (strcmp(self->calls[i].name, name->name) == 0)
            parser_fail(self, "two commands are called \"%s\"", name->name);
    }
    if (self->call_count == NAMES_MAX)
        parser_fail(self, "too many commands");
    if (!self->has_failed)
        self->calls[self->call_count++] = *name;
}

int parser_mark(struct parser *self)
{
    const char *name = parser_name(self, "the name of a mark");
    for (int i = 0; i < self->script->mark_count; i++) {
        if (strcmp(self->marks[i], name) == 0)
            return i;
    }
    parser_fail(self, "no mark is called \"%s\"", name);
    return NO_MARK;
}
