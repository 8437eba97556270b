/* Faults of a script: the words of sim/fault.h, each with what it needs. */
#include <stdlib.h>

#include "sim/script/parser.h"

/* What a kind of fault takes. */
enum part {
    PART_TARGET = 1 << 0, /* a partition, or all */
    PART_WAY = 1 << 1,    /* from -> to */
    PART_AT = 1 << 2,     /* at 4th call */
    PART_FOR = 1 << 3,    /* for 3s */
    PART_BY = 1 << 4,     /* by 1h */
    PART_COUNT = 1 << 5,  /* a number */
    PART_PERCENT = 1 << 6,
    PART_MORE = 1 << 7, /* and 3 more */
    PART_GOOD = 1 << 8, /* for good */
    PART_OPTIONAL = PART_MORE | PART_GOOD,
};

static unsigned parts_of(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_KILL:
    case FAULT_POWER:
        return PART_TARGET | PART_AT;
    case FAULT_STATE_LOST:
    case FAULT_STATE_FLIP:
    case FAULT_STATE_STALE:
        return PART_TARGET;
    case FAULT_RELAPSE:
        return PART_TARGET | PART_COUNT;
    case FAULT_PAUSE:
    case FAULT_NO_SPACE:
    case FAULT_CLOCK_FREEZE:
        return PART_TARGET | PART_FOR;
    case FAULT_MEMORY:
        return PART_TARGET | PART_AT | PART_MORE;
    case FAULT_MAILBOX:
    case FAULT_SLOW_DISK:
        return PART_TARGET | PART_COUNT | PART_FOR;
    case FAULT_WRITE_ERROR:
    case FAULT_SYNC_ERROR:
    case FAULT_WRITTEN_ERROR:
        return PART_TARGET | PART_AT | PART_GOOD;
    case FAULT_CAPACITY:
        return PART_COUNT | PART_FOR;
    case FAULT_LOSE:
    case FAULT_REPEAT:
    case FAULT_REORDER:
        return PART_WAY | PART_PERCENT | PART_FOR;
    case FAULT_DELAY:
        return PART_WAY | PART_BY | PART_FOR;
    case FAULT_CUT:
    case FAULT_CLOG:
        return PART_WAY | PART_FOR;
    case FAULT_CLOCK_FORWARD:
    case FAULT_CLOCK_BACK:
        return PART_TARGET | PART_BY;
    case FAULT_STORM:
        return PART_COUNT;
    case FAULT_KIND_COUNT:
        break;
    }
    return 0;
}

static uint32_t read_address(struct parser *self, bool is_way)
{
    if (parser_take(self, "all"))
        return WORLD_ANY;
    if (is_way && parser_take(self, "broker"))
        return WORLD_BROKER;
    if (is_way && parser_take(self, "clients"))
        return WORLD_CLIENTS;
    return parser_partition(self);
}

/* "4th call", or "call 4". */
static int64_t read_ordinal(struct parser *self)
{
    char *end;
    if (parser_take(self, "call") || parser_take(self, "allocation")) {
        int64_t number = parser_number(self, "a number");
        if (number < 1)
            parser_fail(self, "the first is call 1");
        return number;
    }
    const char *word = parser_word(self, "a number as in 4th");
    long long number = strtoll(word, &end, 10);
    bool has_end =
        strcmp(end, "st") == 0 || strcmp(end, "nd") == 0 || strcmp(end, "rd") == 0 || strcmp(end, "th") == 0;
    if (number < 1 || !has_end)
        parser_fail(self, "expected a number as in 1st or 4th, found \"%s\"", word);
    if (!parser_take(self, "call"))
        parser_need(self, "allocation");
    return number;
}

/* "20%", in a million. */
static int64_t read_percent(struct parser *self)
{
    char *end;
    const char *word = parser_word(self, "a share as in 20%");
    long long number = strtoll(word, &end, 10);
    if (number < 1 || number > 100 || strcmp(end, "%") != 0)
        parser_fail(self, "expected a share as in 20%%, found \"%s\"", word);
    return number * 10000;
}

/* One part that the kind may have; returns it, 0: none that comes next. */
static unsigned read_part(struct parser *self, unsigned parts, struct fault *out)
{
    if (parts & PART_AT && parser_take(self, "at")) {
        out->amount = read_ordinal(self);
        return PART_AT;
    }
    if (parser_is(self, "for") && parts & (PART_FOR | PART_GOOD)) {
        parser_take(self, "for");
        if (parts & PART_GOOD) {
            parser_need(self, "good");
            out->length_us = 1;
            return PART_GOOD;
        }
        out->length_us = parser_duration_us(self);
        return PART_FOR;
    }
    if (parts & PART_BY && parser_take(self, "by")) {
        out->amount = parser_duration_us(self);
        return PART_BY;
    }
    if (parts & PART_MORE && parser_take(self, "and")) {
        out->length_us = parser_number(self, "a number");
        parser_need(self, "more");
        return PART_MORE;
    }
    if (parts & PART_COUNT && !parser_at_end(self)) {
        out->amount = parser_number(self, "a number");
        if (!parser_take(self, "times") && !parser_take(self, "KiB"))
            parser_take(self, "requests");
        return PART_COUNT;
    }
    if (parts & PART_PERCENT && !parser_at_end(self)) {
        out->amount = read_percent(self);
        return PART_PERCENT;
    }
    return 0;
}

static const char *part_words(unsigned missing)
{
    return missing & PART_COUNT     ? "a number"
           : missing & PART_PERCENT ? "a share as in 20%"
           : missing & PART_BY      ? "by and a time"
           : missing & PART_AT      ? "at 1st call"
                                    : "for and a time";
}

struct statement *parse_fault(struct parser *self)
{
    struct statement *statement = statement_new(self, STATEMENT_FAULT);
    struct fault *fault = &statement->fault;
    size_t at = self->at;
    const char *word = parser_word(self, "a kind of fault");
    *fault = (struct fault){.target = WORLD_ANY, .peer = WORLD_ANY};
    if (!fault_find(word, &fault->kind)) {
        self->at = at;
        parser_fail(self, "there is no fault \"%s\"", word);
        return statement;
    }
    unsigned parts = parts_of(fault->kind);
    if (parts & (PART_TARGET | PART_WAY))
        fault->target = read_address(self, parts & PART_WAY);
    if (parts & PART_WAY) {
        parser_need(self, "->");
        fault->peer = read_address(self, true);
    }
    parts &= ~(unsigned)(PART_TARGET | PART_WAY);
    for (unsigned part; !self->has_failed && (part = read_part(self, parts, fault)) != 0;)
        parts &= ~part;
    bool is_crash = fault->kind == FAULT_KILL || fault->kind == FAULT_POWER;
    parts &= ~(unsigned)(PART_OPTIONAL | (is_crash ? PART_AT : 0));
    if (parts != 0)
        parser_fail(self, "%s needs: %s", word, part_words(parts));
    return statement;
}

/* "lie 0 for 3 syncs". */
struct statement *parse_lie(struct parser *self)
{
    struct statement *statement = statement_new(self, STATEMENT_LIE);
    statement->partition = parser_partition(self);
    parser_need(self, "for");
    statement->times = (uint64_t)parser_number(self, "a number");
    parser_need(self, "syncs");
    return statement;
}
