/* The parser's top: settings, "each", and one statement after the other. */
#include "sim/script/parse.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/script/parser.h"

enum { BLOCK_BYTES = 4096, TIMES_MAX = 2000, NUMBER_MAX = 24 };

/* ---- memory ----------------------------------------------------------------------------------- */

struct script_block {
    struct script_block *next;
    _Alignas(16) char bytes[];
};

void *script_alloc(struct script *self, size_t bytes)
{
    struct script_block *block = calloc(1, sizeof *block + bytes);
    CHECK(block);
    block->next = self->blocks;
    self->blocks = block;
    return block->bytes;
}

const char *script_text(struct script *self, const char *text, size_t length)
{
    char *copy = script_alloc(self, length + 1);
    memcpy(copy, text, length);
    return copy;
}

static void statements_release(struct statement *first)
{
    for (struct statement *statement = first; statement; statement = statement->next) {
        statements_release(statement->inner);
        operation_free(&statement->operation);
    }
}

void script_release(struct script **self_p)
{
    struct script *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    statements_release(self->first);
    tokens_release(&self->tokens);
    for (struct script_block *block = self->blocks; block;) {
        struct script_block *next = block->next;
        free(block);
        block = next;
    }
    free(self);
}

/* ---- settings --------------------------------------------------------------------------------- */

static int64_t read_between(struct parser *self, int64_t least, int64_t most)
{
    int64_t number = parser_number(self, "a number");
    if (number < least || number > most)
        parser_fail(self, "expected %lld to %lld", (long long)least, (long long)most);
    return number;
}

static bool is_power_of_two(int64_t number)
{
    return (number & (number - 1)) == 0;
}

static void read_settings(struct parser *self)
{
    struct world_config *config = &self->script->config;
    while (!parser_at_end(self)) {
        if (parser_take(self, "ids-in-memory")) {
            config->ids_in_memory = (uint32_t)read_between(self, 16, 1 << 20);
            if (!is_power_of_two(config->ids_in_memory))
                parser_fail(self, "ids-in-memory is a power of two");
        } else if (parser_take(self, "link-window")) {
            config->link_window = (uint32_t)read_between(self, 1, 1 << 20);
        } else if (parser_take(self, "checkpoint-words")) {
            config->checkpoint_words = (uint64_t)read_between(self, 1, INT64_C(1) << 30);
        } else if (parser_take(self, "map")) {
            config->map_bytes = (uint64_t)read_between(self, 1, 1024) << 20;
            parser_need(self, "MiB");
        } else if (parser_take(self, "preallocate")) {
            config->preallocate_bytes = (uint64_t)read_between(self, 1, 1024) << 20;
            parser_need(self, "MiB");
        } else if (parser_take(self, "latency")) {
            config->latency_us = parser_duration_us(self);
        } else if (parser_take(self, "commit")) {
            config->commit_us = parser_duration_us(self);
        } else if (parser_take(self, "restart")) {
            config->restart_us = parser_duration_us(self);
        } else if (parser_take(self, "patience")) {
            config->patience_us = parser_duration_us(self);
        } else {
            parser_fail(self, "there is no setting \"%s\"", parser_peek(self)->text);
        }
    }
}

/* "1..40" into the numbers; "1..": they have no end. false: no such word. */
static bool read_range(struct parser *self, const char *word, struct dimension *out)
{
    char *end;
    long first = strtol(word, &end, 10);
    if (end == word || strncmp(end, "..", 2) != 0)
        return false;
    if (end[2] == '\0') {
        if (first != 1)
            parser_fail(self, "a range without an end begins with 1");
        out->count = 0;
        return true;
    }
    long last = strtol(end + 2, &end, 10);
    if (*end != '\0' || last < first || last - first >= SCRIPT_VALUES_MAX) {
        parser_fail(self, "\"%s\" is no range, or too long", word);
        return true;
    }
    for (long value = first; value <= last && out->count < SCRIPT_VALUES_MAX; value++) {
        char text[NUMBER_MAX];
        int length = snprintf(text, sizeof text, "%ld", value);
        out->values[out->count++] = script_text(self->script, text, (size_t)length);
    }
    return true;
}

static void bind(struct parser *self, const char *name, const char *value)
{
    if (self->binding_count == BINDINGS_MAX)
        parser_fail(self, "too many loops inside each other");
    else
        self->bindings[self->binding_count++] = (struct binding){name, value};
}

/* "each step 1..40", "each how kill power". */
static void read_each(struct parser *self)
{
    struct script *script = self->script;
    size_t number = script->dimension_count;
    if (number == SCRIPT_DIMENSIONS_MAX || (number > 0 && script->dimensions[number - 1].count == 0)) {
        parser_fail(self, "too many \"each\", or one behind a range without an end");
        return;
    }
    struct dimension *out = &script->dimensions[script->dimension_count++];
    *out = (struct dimension){.name = parser_name(self, "a name")};
    bool is_open = false;
    while (!parser_at_end(self) && !is_open) {
        const char *word = parser_word(self, "a value");
        if (!read_range(self, word, out) && out->count < SCRIPT_VALUES_MAX)
            out->values[out->count++] = word;
        is_open = out->count == 0;
    }
    if (out->count == 0 && !is_open)
        parser_fail(self, "expected the values that it goes over");
    uint64_t choice = number < self->choice_count ? self->choice[number] : 0;
    char text[NUMBER_MAX];
    snprintf(text, sizeof text, "%llu", (unsigned long long)choice + 1);
    bind(self, out->name,
         is_open ? script_text(script, text, strlen(text)) : out->values[choice < out->count ? choice : 0]);
}

/* true: the word is a setting. */
static bool read_setting(struct parser *self, const char *word)
{
    struct world_config *config = &self->script->config;
    if (strcmp(word, "each") == 0) {
        read_each(self);
        return true;
    }
    bool is_early = strcmp(word, "partitions") == 0 || strcmp(word, "clients") == 0 ||
                    strcmp(word, "seed") == 0 || strcmp(word, "settings") == 0;
    if (is_early && self->has_begun)
        parser_fail(self, "\"%s\" stands before the first command", word);
    if (strcmp(word, "partitions") == 0)
        config->partitions = (uint32_t)read_between(self, 1, WORLD_PARTITIONS_MAX);
    else if (strcmp(word, "clients") == 0)
        config->clients = (uint32_t)read_between(self, 1, WORLD_CLIENTS_MAX);
    else if (strcmp(word, "seed") == 0)
        config->seed = (uint64_t)read_between(self, 1, INT64_MAX);
    else if (strcmp(word, "settings") == 0)
        read_settings(self);
    else if (strcmp(word, "each-failure") == 0)
        self->script->is_each_failure = true;
    else
        return false;
    return true;
}

/* ---- statements ------------------------------------------------------------------------------- */

static struct statement *read_wait(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_WAIT);
    if (parser_take(self, "all")) {
        out->kind = STATEMENT_WAIT_ALL;
        return out;
    }
    if (parser_take(self, "up")) {
        out->kind = STATEMENT_WAIT_UP;
        out->partition = parser_take(self, "all") ? WORLD_ANY : parser_partition(self);
        return out;
    }
    const struct call_name *name = parser_call(self);
    if (name) {
        out->call = name->call;
        out->row = name->row;
        out->name = name->name;
    }
    out->pattern = (struct pattern){.is_given = true, .code = CODE_OK};
    if (parser_take(self, "=>"))
        parse_pattern(self, &out->pattern);
    return out;
}

static struct statement *read_more(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_MORE);
    const struct call_name *name = parser_call(self);
    if (!name)
        return out;
    if (name->statement->operation->kind != OPERATION_HISTORY)
        parser_fail(self, "\"%s\" is no history", name->name);
    out->operation = operation_copy(name->statement->operation);
    out->call = name->call;
    out->mark_after = name->statement->mark_after;
    out->mark_before = name->statement->mark_before;
    return out;
}

static struct statement *read_mark(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_MARK);
    const char *name = parser_name(self, "a name for the mark");
    if (self->script->mark_count == SCRIPT_MARKS_MAX)
        parser_fail(self, "too many marks");
    else
        self->marks[self->script->mark_count] = name;
    out->mark = self->has_failed ? NO_MARK : self->script->mark_count++;
    return out;
}

static struct statement *read_simple(struct parser *self, const char *word);

/* What needs nobody to wait for it. */
static struct statement *read_after(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_AFTER);
    out->time_us = parser_duration_us(self);
    out->inner = read_simple(self, parser_word(self, "a statement"));
    if (out->inner && (out->inner->kind == STATEMENT_ASK
                           ? !out->inner->is_begun
                           : out->inner->kind != STATEMENT_FAULT && out->inner->kind != STATEMENT_MEND &&
                                 out->inner->kind != STATEMENT_LIE && out->inner->kind != STATEMENT_MARK))
        parser_fail(self, "only begin, fault, lie, mark and mend can come later");
    return out;
}

static struct statement *read_run(struct parser *self)
{
    struct statement *out = statement_new(self, STATEMENT_RUN);
    out->time_us = parser_duration_us(self);
    return out;
}

/* A statement by its first word; NULL: a failure, or it is only for the parser. */
static struct statement *read_simple(struct parser *self, const char *word)
{
    bool is_begun = strcmp(word, "begin") == 0;
    if (is_begun)
        word = parser_word(self, "a command");
    if (self->has_failed)
        return NULL;
    struct statement *ask = parse_ask(self, word, is_begun);
    if (ask || self->has_failed)
        return ask;
    if (is_begun)
        parser_fail(self, "\"%s\" cannot be begun", word);
    else if (strcmp(word, "after") == 0)
        return read_after(self);
    else if (strcmp(word, "fault") == 0)
        return parse_fault(self);
    else if (strcmp(word, "lie") == 0)
        return parse_lie(self);
    else if (strcmp(word, "run") == 0)
        return read_run(self);
    else if (strcmp(word, "wait") == 0)
        return read_wait(self);
    else if (strcmp(word, "more") == 0)
        return read_more(self);
    else if (strcmp(word, "mark") == 0)
        return read_mark(self);
    else if (strcmp(word, "mend") == 0)
        return statement_new(self, STATEMENT_MEND);
    else if (strcmp(word, "settle") == 0)
        return statement_new(self, STATEMENT_SETTLE);
    else if (strcmp(word, "expect") == 0)
        return parse_expect(self);
    else
        parser_fail(self, "there is no statement \"%s\"", word);
    return NULL;
}

static void read_unopened(struct parser *self)
{
    const char *name = parser_name(self, "a name for the account");
    currency_index currency = parser_currency(self);
    uint32_t partition = WIRE_PARTITION_ANY;
    if (parser_take(self, "in"))
        partition = parser_partition(self);
    parser_account_declare(self, name, currency, partition);
}

static struct statement **read_statements(struct parser *self, struct statement **link, bool is_inside);

/* "times 10 { … }": $n is 1, 2, 3 … inside. */
static struct statement **read_times(struct parser *self, struct statement **link)
{
    int64_t times = parser_number(self, "how many times");
    if (times < 1 || times > TIMES_MAX)
        parser_fail(self, "1 to %d times", TIMES_MAX);
    parser_need_open(self);
    size_t begin = self->at;
    for (int64_t n = 1; n <= times && !self->has_failed; n++) {
        char text[NUMBER_MAX];
        int length = snprintf(text, sizeof text, "%lld", (long long)n);
        self->at = begin;
        bind(self, "n", script_text(self->script, text, (size_t)length));
        link = read_statements(self, link, true);
        if (!self->has_failed)
            self->binding_count--;
    }
    return link;
}

/* Reads one statement, or several, into the list. */
static struct statement **read_statement(struct parser *self, struct statement **link)
{
    unsigned line = parser_peek(self)->line;
    const char *word = parser_word(self, "a statement");
    if (self->has_failed || read_setting(self, word)) {
        parser_end(self);
        return link;
    }
    self->has_begun = true;
    if (strcmp(word, "times") == 0)
        return read_times(self, link);
    if (strcmp(word, "unopened") == 0) {
        read_unopened(self);
    } else if (strcmp(word, "expect") == 0 && parser_take(self, "breach")) {
        self->script->breach = parser_word(self, "an invariant as in I2");
    } else {
        struct statement *statement = read_simple(self, word);
        if (statement) {
            statement->line = line;
            *link = statement;
            link = &statement->next;
        }
    }
    parser_end(self);
    return link;
}

static struct statement **read_statements(struct parser *self, struct statement **link, bool is_inside)
{
    while (!self->has_failed) {
        if (is_inside && parser_take_close(self))
            break;
        if (!is_inside && parser_peek(self)->kind == TOKEN_EOF)
            break;
        if (!is_inside && parser_peek(self)->kind == TOKEN_END)
            self->at++;
        else
            link = read_statement(self, link);
        if (!is_inside && parser_peek(self)->kind == TOKEN_CLOSE)
            parser_fail(self, "a \"}\" has no \"{\"");
    }
    return link;
}

/* The first line, when it is a comment. */
static const char *title_of(struct script *script, const char *source)
{
    if (*source != '#')
        return "";
    source += strspn(source, "# ");
    return script_text(script, source, strcspn(source, "\n"));
}

struct script *script_parse(const char *file, const char *source, const uint64_t *choice, size_t choice_count,
                            struct parse_error *error)
{
    struct parser *parser = calloc(1, sizeof *parser);
    struct script *script = calloc(1, sizeof *script);
    const char *what;
    CHECK(parser && script);
    script->file = file;
    script->source = source;
    script->config = world_config_default(2);
    script->title = title_of(script, source);
    parser->script = script;
    parser->error = error;
    parser->choice = choice;
    parser->choice_count = choice_count;
    if (!tokens_read(&parser->tokens, source, &error->line, &what)) {
        snprintf(error->what, sizeof error->what, "%s", what);
        parser->has_failed = true;
    } else {
        read_statements(parser, &script->first, false);
    }
    /* Words that stand in the script are the tokens': kept as long as the script. */
    bool has_failed = parser->has_failed;
    script->tokens = parser->tokens;
    free(parser);
    if (has_failed)
        script_release(&script);
    return script;
}
