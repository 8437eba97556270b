/* Requests as values: their memory, their frames, and a line about each for people.
 *
 * An arena is a list of zeroed blocks; the operation itself stands in the first one, so that freeing the blocks frees
 * all of it.
 */
#include "sim/operation.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/items.h"
#include "sim/line.h"

/* ---- memory ----------------------------------------------------------------------------------- */

enum { ARENA_BLOCK = 1024, ARENA_ALIGN = 16 };

struct arena {
    struct arena *next;
    size_t used, capacity;
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
};

static struct arena *arena_block(size_t bytes, struct arena *next)
{
    size_t capacity = bytes > ARENA_BLOCK ? bytes : ARENA_BLOCK;
    struct arena *block = calloc(1, sizeof *block + capacity);
    CHECK(block != NULL);
    block->next = next;
    block->capacity = capacity;
    return block;
}

static void *arena_take(struct arena **arena_p, size_t bytes)
{
    size_t rounded = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if ((*arena_p)->capacity - (*arena_p)->used < rounded)
        *arena_p = arena_block(rounded, *arena_p);
    void *at = (*arena_p)->bytes + (*arena_p)->used;
    (*arena_p)->used += rounded;
    return at;
}

struct operation *operation_new(enum wire_operation kind)
{
    CHECK((unsigned)kind < OPERATION_COUNT && kind != OPERATION_HISTORIES);
    struct arena *arena = arena_block(0, NULL);
    struct operation *self = arena_take(&arena, sizeof *self);
    *self = (struct operation){.kind = kind, .partition = WIRE_PARTITION_ANY, .arena = arena};
    return self;
}

void operation_free(struct operation **self_p)
{
    struct arena *block = *self_p != NULL ? (*self_p)->arena : NULL;
    while (block != NULL) {
        struct arena *next = block->next;
        free(block);
        block = next;
    }
    *self_p = NULL;
}

void *operation_alloc(struct operation *self, size_t bytes)
{
    return arena_take(&self->arena, bytes);
}

struct str operation_text(struct operation *self, struct str text)
{
    if (text.length == 0)
        return (struct str){0};
    char *copy = operation_alloc(self, text.length);
    memcpy(copy, text.data, text.length);
    return (struct str){copy, text.length};
}

struct ledger_command *operation_commands(struct operation *self, uint32_t count)
{
    CHECK(self->kind <= OPERATION_BATCH && (self->kind == OPERATION_BATCH || count == 1));
    self->commands = operation_alloc(self, count * sizeof *self->commands);
    self->count = count;
    return self->commands;
}

void operation_seal(struct operation *self)
{
    self->row_count = self->count;
    for (uint32_t i = 0; i < self->count; i++)
        self->row_count += self->commands[i].group_count;
}

/* ---- copies ----------------------------------------------------------------------------------- */

static struct ledger_command *copy_commands(struct operation *to, const struct ledger_command *from,
                                            uint32_t count)
{
    struct ledger_command *commands = operation_alloc(to, count * sizeof *commands);
    for (uint32_t i = 0; i < count; i++)
        operation_command_copy(to, &from[i], &commands[i]);
    return commands;
}

void operation_command_copy(struct operation *self, const struct ledger_command *from,
                            struct ledger_command *to)
{
    *to = *from;
    to->from = operation_text(self, from->from);
    to->to = operation_text(self, from->to);
    to->memo = operation_text(self, from->memo);
    to->reference = operation_text(self, from->reference);
    if (from->kind == COMMAND_GROUP)
        to->items = from->group_count > 0 ? copy_commands(self, from->items, from->group_count) : NULL;
}

static void copy_proposal(struct operation *to, const struct operation *from)
{
    to->proposal.account = operation_text(to, from->proposal.account);
    to->proposal.reason = operation_text(to, from->proposal.reason);
    to->proposal.operator_name = operation_text(to, from->proposal.operator_name);
    to->decision.account = operation_text(to, from->decision.account);
    to->decision.reason = operation_text(to, from->decision.reason);
    to->decision.operator_name = operation_text(to, from->decision.operator_name);
    to->proposals.cursor = operation_text(to, from->proposals.cursor);
}

struct operation *operation_copy(const struct operation *self)
{
    struct operation *copy = operation_new(self->kind);
    struct arena *arena = copy->arena;
    *copy = *self;
    copy->arena = arena;
    copy->number = 0;
    copy->user = NULL;
    copy->commands = self->count > 0 ? copy_commands(copy, self->commands, self->count) : NULL;
    copy->account.account = operation_text(copy, self->account.account);
    copy->account.owner = operation_text(copy, self->account.owner);
    copy->account.product = operation_text(copy, self->account.product);
    copy->account.memo = operation_text(copy, self->account.memo);
    copy->shown = operation_text(copy, self->shown);
    copy->balance.account = operation_text(copy, self->balance.account);
    copy->history.account = operation_text(copy, self->history.account);
    copy->history.cursor = operation_text(copy, self->history.cursor);
    copy->list.owner = operation_text(copy, self->list.owner);
    copy->list.cursor = operation_text(copy, self->list.cursor);
    copy_proposal(copy, self);
    copy->quote.account = operation_text(copy, self->quote.account);
    copy->operator_name = operation_text(copy, self->operator_name);
    return copy;
}

/* ---- the frame -------------------------------------------------------------------------------- */

static void write_batch(const struct operation *self, struct mp_writer *w)
{
    mp_write_array(w, self->count);
    for (uint32_t i = 0; i < self->count; i++)
        wire_item_write(w, &self->commands[i]);
}

static void write_body(const struct operation *self, struct mp_writer *w)
{
    switch (self->kind) {
    case OPERATION_TRANSFER:
    case OPERATION_DEPOSIT:
    case OPERATION_WITHDRAW:
    case OPERATION_HOLD:
    case OPERATION_CAPTURE:
    case OPERATION_RELEASE:
        wire_item_write(w, self->commands);
        return;
    case OPERATION_BATCH:
        write_batch(self, w);
        return;
    case OPERATION_ACCOUNT_OPEN:
    case OPERATION_ACCOUNT_CHANGE:
    case OPERATION_ACCOUNT_FREEZE:
    case OPERATION_ACCOUNT_UNFREEZE:
    case OPERATION_ACCOUNT_CLOSE:
        wire_account_body_write(w, &self->account);
        return;
    case OPERATION_ACCOUNT_SHOW:
        wire_account_show_body_write(w, self->shown);
        return;
    case OPERATION_ACCOUNT_LIST:
        wire_list_body_write(w, &self->list);
        return;
    case OPERATION_BALANCE:
        wire_balance_body_write(w, &self->balance);
        return;
    case OPERATION_HISTORY:
        wire_history_body_write(w, &self->history);
        return;
    case OPERATION_TRANSFER_SHOW:
        wire_transfer_show_body_write(w, &self->transaction);
        return;
    case OPERATION_QUOTE:
        wire_quote_body_write(w, &self->quote);
        return;
    case OPERATION_QUOTE_SHOW:
        wire_quote_show_body_write(w, self->quote.account, &self->quote.id);
        return;
    case OPERATION_RATE_SET:
        wire_rate_set_body_write(w, &self->rate, self->operator_name);
        return;
    case OPERATION_PAIR_SET:
        wire_pair_set_body_write(w, &self->pair, self->operator_name);
        return;
    case OPERATION_PROPOSAL_OPEN:
        wire_proposal_body_write(w, &self->proposal);
        return;
    case OPERATION_PROPOSAL_APPROVE:
    case OPERATION_PROPOSAL_REJECT:
        wire_decision_body_write(w, &self->decision);
        return;
    case OPERATION_PROPOSAL_SHOW:
        wire_proposal_show_body_write(w, self->decision.account, &self->decision.proposal);
        return;
    case OPERATION_PROPOSAL_LIST:
        wire_proposals_body_write(w, &self->proposals);
        return;
    case OPERATION_HEALTH:
    case OPERATION_VERSION:
    case OPERATION_STATUS:
        mp_write_nil(w);
        return;
    case OPERATION_HOLD_SHOW:
    case OPERATION_HOLD_LIST:
    case OPERATION_EXCHANGE:
    case OPERATION_RATE_DESK:
    case OPERATION_HISTORIES:
    case OPERATION_METRICS:
    case OPERATION_RATE_LATEST:
    case OPERATION_RATE_ASOF:
    case OPERATION_RATE_RANGE:
    case OPERATION_RATE_REVIEW:
    case OPERATION_RATE_ACCEPT:
    case OPERATION_RATE_REJECT:
    case OPERATION_RATE_SOURCES:
    case OPERATION_SUBSCRIBER_ADD:
    case OPERATION_SUBSCRIBER_REMOVE:
    case OPERATION_SUBSCRIBER_LIST:
    case OPERATION_DEADLETTER_LIST:
    case OPERATION_DEADLETTER_RETRY:
    case OPERATION_REMITTANCE_OPEN:
    case OPERATION_REMITTANCE_SHOW:
    case OPERATION_REMITTANCE_LIST:
    case OPERATION_REMITTANCE_RETRY:
    case OPERATION_REMITTANCE_REFUND:
    case OPERATION_REMITTANCE_CANCEL:
    case OPERATION_REMITTANCE_RESOLVE:
    case OPERATION_REMITTANCE_SETTLE:
    case OPERATION_REMITTANCE_RETRY_BATCH:
    case OPERATION_DEADLETTER_RESOLVE:
    case OPERATION_BANK_LIST:
    case OPERATION_BANK_CALLS:
    case OPERATION_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

void operation_write(const struct operation *self, uint64_t request_id, struct mp_writer *w)
{
    struct wire_header header = {.operation = self->kind,
                                 .request_id = request_id,
                                 .partition = self->partition,
                                 .deadline_us = self->deadline_us};
    wire_header_write(w, &header);
    write_body(self, w);
}

/* ---- a line for people ------------------------------------------------------------------------ */

static void say_command(struct line *line, const struct ledger_command *c)
{
    static const char *const kinds[] = {"command", "transfer", "deposit", "withdraw", "group",
                                        "hold",    "capture",  "release", "exchange"};
    line_add(line, "%s ", kinds[c->kind <= COMMAND_EXCHANGE ? c->kind : 0]);
    line_id(line, &c->id);
    if (c->kind == COMMAND_GROUP) {
        line_add(line, " {");
        for (uint32_t i = 0; i < c->group_count; i++) {
            line_add(line, i > 0 ? "; " : "");
            say_command(line, &c->items[i]);
        }
        line_add(line, "}");
        return;
    }
    line_add(line, " ");
    line_str(line, c->from);
    line_add(line, c->from.length > 0 ? " → " : "→ ");
    line_str(line, c->to);
    line_add(line, "%s%lld %s", c->to.length > 0 ? " " : "", (long long)c->amount,
             c->currency != CURRENCY_NONE ? currency_at(c->currency)->code : "?");
    if (c->deadline_us != 0)
        line_add(line, " by %lld", (long long)c->deadline_us);
}

static void say_commands(struct line *line, const struct operation *self)
{
    if (self->kind == OPERATION_BATCH)
        line_add(line, "batch of %u: ", self->count);
    for (uint32_t i = 0; i < self->count; i++) {
        line_add(line, i > 0 ? "; " : "");
        say_command(line, &self->commands[i]);
    }
}

static void say_account(struct line *line, const struct ledger_account_command *c)
{
    unsigned sets = c->kind == ACCOUNT_OPEN ? UINT32_MAX : c->sets;
    line_add(line, " ");
    line_str(line, c->account.length > 0 ? c->account : STR_LITERAL("(any)"));
    if (c->kind == ACCOUNT_OPEN && c->currency != CURRENCY_NONE)
        line_add(line, " %s", currency_at(c->currency)->code);
    if (c->kind == ACCOUNT_OPEN && !uuid_is_nil(&c->id)) {
        line_add(line, " ");
        line_id(line, &c->id);
    }
    if (sets & ACCOUNT_SETS_OWNER && c->owner.length > 0) {
        line_add(line, " owner ");
        line_str(line, c->owner);
    }
    if (sets & ACCOUNT_SETS_MINIMUM)
        line_add(line, " minimum %lld", (long long)c->minimum_balance);
    if (sets & ACCOUNT_SETS_CEILING && c->ceiling != INT64_MAX)
        line_add(line, " ceiling %lld", (long long)c->ceiling);
}

static void say_history(struct line *line, const struct wire_history_query *query)
{
    line_add(line, " ");
    line_str(line, query->account);
    line_add(line, " limit %u", query->limit);
    if (query->has_after)
        line_add(line, " after %lld", (long long)query->after_us);
    if (query->has_before)
        line_add(line, " before %lld", (long long)query->before_us);
    if (query->cursor.length > 0)
        line_add(line, " from a cursor");
}

static void say_proposal(struct line *line, const struct operation *self)
{
    const struct ledger_proposal_command *c = &self->proposal;
    line_add(line, " ");
    line_id(line, self->kind == OPERATION_PROPOSAL_OPEN ? &c->id : &self->decision.proposal);
    line_add(line, " ");
    line_str(line, self->kind == OPERATION_PROPOSAL_OPEN ? c->account : self->decision.account);
    if (self->kind == OPERATION_PROPOSAL_OPEN) {
        line_add(line, " %s %lld %s by ", c->kind == COMMAND_DEPOSIT ? "deposit" : "withdraw",
                 (long long)c->amount, c->currency != CURRENCY_NONE ? currency_at(c->currency)->code : "?");
        line_str(line, c->operator_name);
        if (c->expires_us != 0)
            line_add(line, " expires %lld", (long long)c->expires_us);
    } else if (self->kind != OPERATION_PROPOSAL_SHOW) {
        line_add(line, " by ");
        line_str(line, self->decision.operator_name);
    }
}

static const char *code_of(currency_index currency)
{
    return currency != CURRENCY_NONE ? currency_at(currency)->code : "?";
}

static void say_desk(struct line *line, const struct operation *self)
{
    const struct ledger_quote_command *c = &self->quote;
    if (self->kind == OPERATION_RATE_SET) {
        line_add(line, " %s %s %lld per %u as of %lld", code_of(self->rate.base), code_of(self->rate.counter),
                 (long long)self->rate.rate, self->rate.units, (long long)self->rate.as_of_us);
        return;
    }
    if (self->kind == OPERATION_PAIR_SET) {
        line_add(line, " %s %s spread %u ppm", code_of(self->pair.one), code_of(self->pair.other),
                 self->pair.spread_ppm);
        return;
    }
    line_add(line, " ");
    line_id(line, &c->id);
    line_add(line, " ");
    line_str(line, c->account);
    if (self->kind == OPERATION_QUOTE)
        line_add(line, " %s → %s, %s %lld", code_of(c->sell), code_of(c->buy),
                 c->side == QUOTE_SELL ? "sell" : "buy", (long long)c->amount);
}

/* What is asked of operations that move no money. */
static void say_read(struct line *line, const struct operation *self)
{
    line_add(line, "%s", wire_operation_name(self->kind));
    if (self->kind >= OPERATION_ACCOUNT_OPEN && self->kind <= OPERATION_ACCOUNT_CLOSE)
        say_account(line, &self->account);
    if (self->kind == OPERATION_ACCOUNT_SHOW) {
        line_add(line, " ");
        line_str(line, self->shown);
    }
    if (self->kind == OPERATION_ACCOUNT_LIST)
        line_add(line, " limit %u%s", self->list.limit, self->list.cursor.length > 0 ? " from a cursor" : "");
    if (self->kind == OPERATION_BALANCE) {
        line_add(line, " ");
        line_str(line, self->balance.account);
        if (self->balance.has_at)
            line_add(line, " at %lld", (long long)self->balance.at_us);
    }
    if (self->kind >= OPERATION_PROPOSAL_OPEN && self->kind <= OPERATION_PROPOSAL_SHOW)
        say_proposal(line, self);
    if (self->kind >= OPERATION_QUOTE && self->kind <= OPERATION_PAIR_SET)
        say_desk(line, self);
    if (self->kind == OPERATION_HISTORY)
        say_history(line, &self->history);
    if (self->kind == OPERATION_TRANSFER_SHOW) {
        line_add(line, " ");
        line_id(line, &self->transaction);
    }
}

const char *operation_say(const struct operation *self, char *out, size_t capacity)
{
    struct line line = line_of(out, capacity);
    line_add(&line, "#%llu ", (unsigned long long)self->number);
    if (self->kind <= OPERATION_BATCH)
        say_commands(&line, self);
    else
        say_read(&line, self);
    if (self->partition != WIRE_PARTITION_ANY)
        line_add(&line, " @%u", self->partition);
    if (self->deadline_us != 0)
        line_add(&line, " by %lld", (long long)self->deadline_us);
    return out;
}
