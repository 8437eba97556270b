/* Items into commands. The common item, an array with good values, is read straight through; whatever that
 * way does not take is read again from its start by the general way, which finds out what is wrong. */
#include "broker/wire/items.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "broker/wire/fields.h"
#include "broker/wire/item_index.h"

/* ---- the values of an item -------------------------------------------------------------------- */

static void fault(struct ledger_command *c, enum code code, enum field field)
{
    if (c->code == CODE_OK) {
        c->code = (uint8_t)code;
        c->field = (uint8_t)field;
    }
}

/* An account that clients may move money of: teller's own are not theirs to name. */
static inline bool take_party(struct mp_reader *r, struct str *out)
{
    const uint8_t *start = r->at;
    if (!wire_take_account(r, out))
        return false;
    if ((out->data[0] != 'h' && out->data[0] != 't') || !text_is_reserved_id(*out))
        return true;
    r->at = start;
    return false;
}

static inline bool is_amount(int64_t amount)
{
    return amount >= 1 && amount <= MONEY_MAX;
}

static inline bool take_amount(struct mp_reader *r, int64_t *out)
{
    const uint8_t *start = r->at;
    if (mp_read_int(r, out) && is_amount(*out))
        return true;
    r->at = start;
    return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

static inline bool take_deadline(struct mp_reader *r, int64_t *deadline_us)
{
    int64_t own;
    if (mp_read_nil(r))
        return true;
    if (!wire_deadline_read(r, &own))
        return false;
    *deadline_us = earlier(*deadline_us, own);
    return true;
}

static inline bool is_same_account(const struct ledger_command *c)
{
    return (c->kind == COMMAND_TRANSFER || c->kind == COMMAND_EXCHANGE) && str_equal(c->from, c->to);
}

/* Every member by itself: clearing the whole struct at once costs more than all the rest. */
static inline void blank(struct ledger_command *c, uint8_t kind, int64_t deadline_us)
{
    c->kind = kind;
    c->code = CODE_OK;
    c->field = FIELD_NONE;
    c->currency = CURRENCY_NONE;
    c->group_count = 0;
    c->flags = 0;
    c->amount = 0;
    c->deadline_us = deadline_us;
    c->id = (struct uuid){0};
    c->from = c->to = c->memo = c->reference = (struct str){0};
    c->items = NULL;
    c->of = (struct uuid){0};
}

/* ---- the fast way: an array of good values ---------------------------------------------------- */

enum { FAST_LEAST = 6, FAST_MOST = 11, FAST_PLAIN = 10 };

static inline bool is_hold_step(uint8_t kind)
{
    return kind == COMMAND_CAPTURE || kind == COMMAND_RELEASE;
}

/* nil, or a time. */
static bool take_expires(struct mp_reader *r, int64_t *out)
{
    return mp_read_nil(r) || (mp_read_int(r, out) && *out > 0);
}

/* nil, or what becomes of the rest of a capture. */
static bool take_rest(struct mp_reader *r, uint8_t *flags)
{
    struct str text;
    if (mp_read_nil(r))
        return true;
    if (!mp_read_str(r, &text))
        return false;
    bool keeps = str_equal(text, STR_LITERAL("keep"));
    *flags = keeps ? COMMAND_KEEPS_REST : 0;
    return keeps || str_equal(text, STR_LITERAL("release"));
}

/* A hold, capture or release: r stands before its parties, count values in all. */
static bool read_fast_hold(struct mp_reader *r, uint32_t count, struct ledger_command *c)
{
    bool is_release = c->kind == COMMAND_RELEASE;
    if (!take_party(r, &c->from) || !mp_read_nil(r))
        return false;
    if (is_release ? !mp_read_nil(r) || !mp_read_nil(r)
                   : !((c->kind == COMMAND_CAPTURE && mp_read_nil(r)) || take_amount(r, &c->amount)) ||
                         wire_take_currency(r, &c->currency) != CODE_OK)
        return false;
    if ((count > 6 && !wire_take_text(r, MEMO_MAX, &c->memo)) ||
        (count > 7 && !wire_take_text(r, REFERENCE_MAX, &c->reference)) ||
        (count > 8 && !take_deadline(r, &c->deadline_us)))
        return false;
    if (c->kind == COMMAND_HOLD)
        return count <= 10 && (count < 10 || take_expires(r, &c->expires_us));
    return count >= 10 && wire_take_uuid(r, &c->of) &&
           (count < 11 || (!is_release && take_rest(r, &c->flags)));
}

/* true: *c is complete and good, and r stands behind the item. false: nothing is said about *c or r. */
static inline bool read_fast(struct mp_reader *r, uint8_t wanted, struct ledger_command *c)
{
    if (mp_left(r) < FAST_LEAST + 1)
        return false;
    uint32_t count = r->at[0] - 0x90u;
    c->kind = r->at[1];
    if (count < FAST_LEAST || count > FAST_MOST || (wanted != 0 && c->kind != wanted))
        return false;
    if (__builtin_expect(c->kind < COMMAND_TRANSFER || c->kind > COMMAND_WITHDRAW || count > FAST_PLAIN, 0)) {
        r->at += 2;
        return c->kind >= COMMAND_HOLD && c->kind <= COMMAND_RELEASE && wire_take_uuid(r, &c->id) &&
               read_fast_hold(r, count, c);
    }
    r->at += 2;
    if (!wire_take_uuid(r, &c->id) ||
        !(c->kind == COMMAND_DEPOSIT ? mp_read_nil(r) : take_party(r, &c->from)) ||
        !(c->kind == COMMAND_WITHDRAW ? mp_read_nil(r) : take_party(r, &c->to)) ||
        !take_amount(r, &c->amount) || wire_take_currency(r, &c->currency) != CODE_OK)
        return false;
    if ((count > 6 && !wire_take_text(r, MEMO_MAX, &c->memo)) ||
        (count > 7 && !wire_take_text(r, REFERENCE_MAX, &c->reference)) ||
        (count > 8 && !take_deadline(r, &c->deadline_us)) ||
        (count > 9 && !wire_take_optional_rate(r, &c->rate)))
        return false;
    return !is_same_account(c);
}

/* ---- the general way -------------------------------------------------------------------------- */

static void read_parties(struct wire_values *v, struct ledger_command *c)
{
    if (c->kind == COMMAND_DEPOSIT ? !mp_is_nil(&v->at[ITEM_FROM_ACCOUNT])
                                   : !take_party(&v->at[ITEM_FROM_ACCOUNT], &c->from))
        fault(c, CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT);
    bool has_to = c->kind == COMMAND_TRANSFER || c->kind == COMMAND_DEPOSIT || c->kind == COMMAND_EXCHANGE;
    if (!has_to ? !mp_is_nil(&v->at[ITEM_TO_ACCOUNT]) : !take_party(&v->at[ITEM_TO_ACCOUNT], &c->to))
        fault(c, CODE_INVALID_FIELD, FIELD_TO_ACCOUNT);
}

/* A decimal amount. What an unknown currency allows is not known: then only its form is checked. */
static bool parse_amount(struct str text, currency_index currency, int64_t *out)
{
    if (currency == CURRENCY_NONE)
        return money_parse(text, 0, out) != ERR_INVALID;
    return money_parse(text, currency_at(currency)->exponent, out) == ERR_OK && is_amount(*out);
}

/* A release and an exchange have neither; a capture's amount may be left out. */
static enum code read_no_money(struct wire_values *v, struct ledger_command *c)
{
    if (!mp_is_nil(&v->at[ITEM_AMOUNT]))
        fault(c, CODE_INVALID_FIELD, FIELD_AMOUNT);
    if (!mp_is_nil(&v->at[ITEM_CURRENCY]))
        fault(c, CODE_INVALID_FIELD, FIELD_CURRENCY);
    return CODE_OK;
}

/* Amount before currency, although a decimal amount needs the currency to be read. */
static enum code read_money(struct wire_values *v, struct ledger_command *c)
{
    struct str text;
    if (c->kind == COMMAND_RELEASE || c->kind == COMMAND_EXCHANGE)
        return read_no_money(v, c);
    enum code code = wire_take_currency(&v->at[ITEM_CURRENCY], &c->currency);
    bool all = c->kind == COMMAND_CAPTURE && mp_is_nil(&v->at[ITEM_AMOUNT]);
    bool good = all                                       ? true
                : mp_read_str(&v->at[ITEM_AMOUNT], &text) ? parse_amount(text, c->currency, &c->amount)
                                                          : take_amount(&v->at[ITEM_AMOUNT], &c->amount);
    if (!good)
        fault(c, CODE_INVALID_FIELD, FIELD_AMOUNT);
    if (code == CODE_INVALID_FIELD)
        fault(c, CODE_INVALID_FIELD, FIELD_CURRENCY);
    return code;
}

static void read_own_values(struct wire_values *v, struct ledger_command *c)
{
    if (c->kind == COMMAND_HOLD) {
        if (!take_expires(&v->at[ITEM_EXPIRES], &c->expires_us))
            fault(c, CODE_INVALID_FIELD, FIELD_EXPIRES);
    } else if (is_hold_step(c->kind)) {
        if (!wire_take_uuid(&v->at[ITEM_HOLD], &c->of))
            fault(c, CODE_INVALID_FIELD, FIELD_HOLD);
        if (!take_rest(&v->at[ITEM_REST], &c->flags))
            fault(c, CODE_INVALID_FIELD, FIELD_REST);
    } else if (c->kind == COMMAND_EXCHANGE) {
        if (!wire_take_uuid(&v->at[ITEM_QUOTE], &c->of))
            fault(c, CODE_INVALID_FIELD, FIELD_QUOTE);
    } else if (!wire_take_optional_rate(&v->at[ITEM_RATE], &c->rate)) {
        fault(c, CODE_INVALID_FIELD, FIELD_RATE);
    }
}

static void read_values(struct wire_values *v, struct ledger_command *c)
{
    if (!wire_take_uuid(&v->at[ITEM_TRANSACTION_ID], &c->id))
        fault(c, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID);
    read_parties(v, c);
    enum code currency = read_money(v, c);
    if (!wire_take_text(&v->at[ITEM_MEMO], MEMO_MAX, &c->memo))
        fault(c, CODE_INVALID_FIELD, FIELD_MEMO);
    if (!wire_take_text(&v->at[ITEM_REFERENCE], REFERENCE_MAX, &c->reference))
        fault(c, CODE_INVALID_FIELD, FIELD_REFERENCE);
    if (!take_deadline(&v->at[ITEM_DEADLINE], &c->deadline_us))
        fault(c, CODE_INVALID_FIELD, FIELD_DEADLINE);
    read_own_values(v, c);
    if (currency == CODE_UNKNOWN_CURRENCY)
        fault(c, CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY);
    if (is_same_account(c))
        fault(c, CODE_SAME_ACCOUNT, FIELD_TO_ACCOUNT);
}

/* An item whose kind cannot be used: its id is still worth having, for the answer. */
static void refuse_kind(struct wire_values *v, struct ledger_command *c)
{
    fault(c, CODE_INVALID_FIELD, FIELD_KIND);
    if (!wire_take_uuid(&v->at[ITEM_TRANSACTION_ID], &c->id))
        c->id = (struct uuid){0};
}

/* An indexed item that is no group. wanted: the kind of a single operation's item, else 0. */
static void read_general(struct wire_values *v, uint8_t kind, uint8_t wanted, int64_t deadline_us,
                         struct ledger_command *c)
{
    blank(c, wanted != 0 ? wanted : COMMAND_TRANSFER, deadline_us);
    fault(c, v->code, v->field);
    if (kind == 0 || kind == COMMAND_GROUP || (wanted != 0 && kind != wanted)) {
        refuse_kind(v, c);
        return;
    }
    c->kind = kind;
    read_values(v, c);
}

/* true: read the fast way. */
static bool try_fast(struct mp_reader *r, uint8_t wanted, int64_t deadline_us, struct ledger_command *c)
{
    struct mp_reader fast = *r;
    blank(c, COMMAND_TRANSFER, deadline_us);
    if (!read_fast(&fast, wanted, c))
        return false;
    r->at = fast.at;
    return true;
}

/* The item of a single operation, or one inside a group. false: malformed. */
static bool read_plain(struct mp_reader *r, unsigned level, uint8_t wanted, int64_t deadline_us,
                       struct ledger_command *c)
{
    struct wire_values values;
    uint8_t kind;
    if (try_fast(r, wanted, deadline_us, c))
        return true;
    if (!item_index(r, level, wanted, &values, &kind))
        return false;
    read_general(&values, kind, wanted, deadline_us, c);
    return true;
}

/* ---- the arrays ------------------------------------------------------------------------------- */

static bool grow(struct ledger_command **array, uint32_t *capacity, uint32_t needed)
{
    if (needed <= *capacity)
        return true;
    uint32_t wider = *capacity > 0 ? *capacity : 16;
    while (wider < needed)
        wider *= 2;
    struct ledger_command *moved = realloc(*array, wider * sizeof **array);
    if (moved == NULL)
        return false;
    *array = moved;
    *capacity = wider;
    return true;
}

void wire_items_release(struct wire_items *self)
{
    free(self->commands);
    free(self->group_items);
    *self = (struct wire_items){0};
}

/* ---- groups ----------------------------------------------------------------------------------- */

/* A kind that may not stand in a group: this comes before whatever else is wrong with its values. */
static void refuse_in_group(struct ledger_command *item)
{
    if (item->code == CODE_BAD_REQUEST)
        return;
    item->code = CODE_INVALID_FIELD;
    item->field = FIELD_KIND;
}

/* One decoding on its way. */
struct decoding {
    struct wire_items *items;
    int64_t deadline_us;
    enum code code; /* why the message is refused */
    enum field field;
};

static bool refuse(struct decoding *d, enum code code, enum field field)
{
    d->code = code;
    d->field = field;
    return false;
}

/* The items of a group, whose array r stands before. Its deadline is the earliest of theirs. */
static bool read_group_items(struct decoding *d, struct mp_reader *r, struct ledger_command *group)
{
    struct wire_items *items = d->items;
    uint32_t count;
    if (!mp_read_array(r, &count) || count == 0) {
        fault(group, CODE_INVALID_FIELD, FIELD_ITEMS);
        return true;
    }
    if (count > LEDGER_GROUP_MAX) {
        fault(group, CODE_TOO_LARGE, FIELD_ITEMS);
        return true;
    }
    if (!grow(&items->group_items, &items->group_capacity, items->group_used + count))
        return refuse(d, CODE_BUSY, FIELD_NONE);
    for (uint32_t i = 0; i < count; i++) {
        struct ledger_command *item = &items->group_items[items->group_used + i];
        if (!read_plain(r, ITEM_LEVEL_GROUP, 0, d->deadline_us, item))
            return refuse(d, CODE_BAD_REQUEST, FIELD_BODY);
        if (item->kind > COMMAND_WITHDRAW)
            refuse_in_group(item);
        group->deadline_us = earlier(group->deadline_us, item->deadline_us);
    }
    group->group_count = (uint16_t)count;
    items->group_used += count;
    items->row_count += count;
    return true;
}

static bool read_group(struct decoding *d, struct wire_values *v, struct ledger_command *c)
{
    blank(c, COMMAND_GROUP, d->deadline_us);
    fault(c, v->code, v->field);
    if (!wire_take_uuid(&v->at[ITEM_TRANSACTION_ID], &c->id))
        fault(c, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID);
    return v->code != CODE_OK || read_group_items(d, &v->at[ITEM_ITEMS], c);
}

/* Groups are next to each other in group_items, which may have moved while it grew. */
static void link_groups(struct wire_items *items)
{
    const struct ledger_command *next = items->group_items;
    if (items->group_used == 0)
        return;
    for (uint32_t i = 0; i < items->count; i++) {
        if (items->commands[i].group_count > 0) {
            items->commands[i].items = next;
            next += items->commands[i].group_count;
        }
    }
}

/* ---- bodies ----------------------------------------------------------------------------------- */

/* An item of a batch that the fast way did not take: it may be a group. */
static bool read_any(struct decoding *d, struct mp_reader *r, struct ledger_command *c)
{
    struct wire_values values;
    uint8_t kind;
    if (!item_index(r, ITEM_LEVEL_BATCH, 0, &values, &kind))
        return refuse(d, CODE_BAD_REQUEST, FIELD_BODY);
    if (kind == COMMAND_GROUP)
        return read_group(d, &values, c);
    read_general(&values, kind, 0, d->deadline_us, c);
    return true;
}

static bool read_batch(struct decoding *d, struct mp_reader *r)
{
    struct wire_items *items = d->items;
    uint32_t count;
    if (!mp_read_array(r, &count))
        return refuse(d, CODE_BAD_REQUEST, FIELD_BODY);
    if (count > LEDGER_BATCH_MAX)
        return refuse(d, CODE_TOO_LARGE, FIELD_ITEMS);
    if (!grow(&items->commands, &items->capacity, count))
        return refuse(d, CODE_BUSY, FIELD_NONE);
    items->row_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct ledger_command *c = &items->commands[i];
        if (!try_fast(r, 0, d->deadline_us, c) && !read_any(d, r, c))
            return false;
        if (items->row_count > LEDGER_BATCH_MAX)
            return refuse(d, CODE_TOO_LARGE, FIELD_ITEMS);
    }
    items->count = count;
    link_groups(items);
    return true;
}

static bool read_single(struct decoding *d, struct mp_reader *r, uint8_t wanted)
{
    struct mp_reader peek = *r;
    uint32_t count;
    if (!mp_read_array(&peek, &count) && !mp_read_map(&peek, &count))
        return refuse(d, CODE_BAD_REQUEST, FIELD_BODY);
    if (!grow(&d->items->commands, &d->items->capacity, 1))
        return refuse(d, CODE_BUSY, FIELD_NONE);
    if (!read_plain(r, ITEM_LEVEL_SINGLE, wanted, d->deadline_us, d->items->commands))
        return refuse(d, CODE_BAD_REQUEST, FIELD_BODY);
    d->items->count = d->items->row_count = 1;
    return true;
}

/* The kind of a single operation's item; 0 for a batch. */
static uint8_t wanted_kind(enum wire_operation operation)
{
    if (operation == OPERATION_TRANSFER)
        return COMMAND_TRANSFER;
    if (operation == OPERATION_DEPOSIT)
        return COMMAND_DEPOSIT;
    if (operation == OPERATION_WITHDRAW)
        return COMMAND_WITHDRAW;
    if (operation == OPERATION_HOLD)
        return COMMAND_HOLD;
    if (operation == OPERATION_CAPTURE)
        return COMMAND_CAPTURE;
    if (operation == OPERATION_RELEASE)
        return COMMAND_RELEASE;
    if (operation == OPERATION_EXCHANGE)
        return COMMAND_EXCHANGE;
    CHECK(operation == OPERATION_BATCH);
    return 0;
}

enum code wire_items_read(struct wire_items *self, const struct wire_header *header, enum field *field)
{
    struct mp_reader r = wire_body_reader(header);
    struct decoding d = {.items = self, .deadline_us = header->deadline_us};
    uint8_t wanted = wanted_kind(header->operation);
    self->count = self->row_count = self->group_used = 0;
    if ((wanted == 0 ? read_batch(&d, &r) : read_single(&d, &r, wanted)) && !mp_at_end(&r))
        refuse(&d, CODE_BAD_REQUEST, FIELD_BODY);
    if (d.code == CODE_OK && self->count == 0)
        refuse(&d, CODE_INVALID_FIELD, FIELD_ITEMS);
    if (d.code != CODE_OK)
        self->count = self->row_count = 0;
    *field = d.field;
    return d.code;
}

/* ---- the client's side ------------------------------------------------------------------------ */

/* How many values there are up to the last that is not nil. */
static uint32_t value_count(const struct ledger_command *c)
{
    if (c->kind == COMMAND_CAPTURE && c->flags & COMMAND_KEEPS_REST)
        return ITEM_PLACE_REST + 1;
    if (is_hold_step(c->kind) || c->kind == COMMAND_EXCHANGE || c->rate != 0) /* or expires_us */
        return ITEM_PLACE_OWN + 1;
    if (c->deadline_us > 0)
        return ITEM_DEADLINE + 1;
    if (c->reference.length > 0)
        return ITEM_REFERENCE + 1;
    return c->memo.length > 0 ? ITEM_MEMO + 1 : ITEM_CURRENCY + 1;
}

enum { GROUP_VALUES = 3, UUID_SIZE = sizeof(struct uuid), ITEM_HEADS = 160 };

static void write_group(struct mp_writer *w, const struct ledger_command *c)
{
    if (!mp_reserve(w, ITEM_HEADS))
        return;
    uint8_t *at = mp_put_array(mp_tail(w), GROUP_VALUES);
    at = mp_put_uint(at, c->kind);
    at = mp_put_bin8(at, c->id.bytes, UUID_SIZE);
    mp_advance(w, mp_put_array(at, c->group_count));
    for (uint32_t i = 0; i < c->group_count; i++)
        wire_item_write(w, &c->items[i]);
}

static uint8_t *put_own_value(uint8_t *at, const struct ledger_command *c)
{
    char rate[RATE_TEXT_MAX];
    if (c->kind == COMMAND_HOLD)
        return mp_put_int(at, c->expires_us);
    if (is_hold_step(c->kind) || c->kind == COMMAND_EXCHANGE)
        return mp_put_bin8(at, c->of.bytes, UUID_SIZE);
    return mp_put_str(at, (struct str){rate, (uint32_t)rate_format(c->rate, rate)});
}

void wire_item_write(struct mp_writer *w, const struct ledger_command *c)
{
    if (c->kind == COMMAND_GROUP) {
        write_group(w, c);
        return;
    }
    size_t strings = (size_t)c->from.length + c->to.length + c->memo.length + c->reference.length;
    if (!mp_reserve(w, ITEM_HEADS + strings))
        return;
    uint32_t count = value_count(c);
    uint8_t *at = mp_put_array(mp_tail(w), count);
    at = mp_put_uint(at, c->kind);
    at = mp_put_bin8(at, c->id.bytes, UUID_SIZE);
    at = wire_put_optional(at, c->from);
    at = wire_put_optional(at, c->to);
    at = c->amount == 0 ? mp_put_nil(at) : mp_put_int(at, c->amount);
    at = c->currency == CURRENCY_NONE ? mp_put_nil(at) : wire_put_currency(at, c->currency);
    if (count > ITEM_MEMO)
        at = wire_put_optional(at, c->memo);
    if (count > ITEM_REFERENCE)
        at = wire_put_optional(at, c->reference);
    if (count > ITEM_DEADLINE)
        at = c->deadline_us == 0 ? mp_put_nil(at) : wire_deadline_put(at, c->deadline_us);
    if (count > ITEM_PLACE_OWN)
        at = put_own_value(at, c);
    if (count > ITEM_PLACE_REST)
        at = mp_put_str(at, STR_LITERAL("keep"));
    mp_advance(w, at);
}
