/* Bodies of hold.show and hold.list, and their replies. */
#include "broker/wire/holds.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/base/check.h"
#include "broker/wire/fields.h"

/* ---- requests ----------------------------------------------------------------------------------- */

enum code wire_hold_show_read(const struct wire_header *header, struct str *account, struct uuid *hold,
                              enum field *field)
{
    return wire_member_read(header, FIELD_HOLD, account, hold, field);
}

void wire_hold_show_body_write(struct mp_writer *w, struct str account, const struct uuid *hold)
{
    wire_member_body_write(w, account, FIELD_HOLD, hold);
}

enum { LIST_ACCOUNT, LIST_LIMIT, LIST_CURSOR, LIST_KEY_COUNT };

enum code wire_holds_read(const struct wire_header *header, struct wire_holds_query *out, enum field *field)
{
    static const struct wire_key keys[LIST_KEY_COUNT] = {
        [LIST_ACCOUNT] = {{"account", 7}, FIELD_ACCOUNT},
        [LIST_LIMIT] = {{"limit", 5}, FIELD_LIMIT},
        [LIST_CURSOR] = {{"cursor", 6}, FIELD_CURSOR},
    };
    struct wire_values v;
    *out = (struct wire_holds_query){0};
    enum code code = wire_body_values(header, keys, LIST_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    if (!wire_take_account(&v.at[LIST_ACCOUNT], &out->account))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    wire_page_query_values(&v, LIST_LIMIT, WIRE_HOLDS_LIMIT, LEDGER_PAGE_MAX, &out->limit, &out->cursor);
    *field = v.field;
    return v.code;
}

void wire_holds_body_write(struct mp_writer *w, const struct wire_holds_query *query)
{
    mp_write_map(w, LIST_KEY_COUNT);
    mp_write_text(w, "account");
    mp_write_str(w, query->account);
    wire_page_query_write(w, query->limit, query->cursor);
}

/* ---- cursors: "SLOT:POSITION" ------------------------------------------------------------------------ */

/* A decimal number up to `end`; moves *at behind its digits. */
static bool take_number(struct str text, uint32_t *at, uint64_t max, uint64_t *out)
{
    uint32_t start = *at;
    *out = 0;
    for (; *at < text.length && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
        if (*out > max / 10)
            return false;
        *out = *out * 10 + (uint64_t)(text.data[*at] - '0');
    }
    return *at > start && *out <= max;
}

bool wire_hold_cursor_read(struct str cursor, struct ledger_hold_place *out)
{
    uint32_t at = 0;
    uint64_t slot, opened;
    *out = (struct ledger_hold_place){0};
    if (cursor.length == 0)
        return true;
    if (!take_number(cursor, &at, UINT32_MAX - 1, &slot) || at == cursor.length || cursor.data[at++] != ':' ||
        !take_number(cursor, &at, UINT64_MAX / 16, &opened) || at != cursor.length || opened == 0)
        return false;
    *out = (struct ledger_hold_place){(uint32_t)slot, opened};
    return true;
}

struct str wire_hold_cursor(const struct ledger_hold_place *place, char *out)
{
    int length = snprintf(out, WIRE_CURSOR_MAX, "%u:%" PRIu64, place->slot, place->opened);
    return (struct str){out, (uint32_t)length};
}

/* ---- replies ------------------------------------------------------------------------------------------ */

static const struct {
    struct str name;
    enum code ended;
} states[] = {
    {{"OPEN", 4}, CODE_OK},
    {{"CAPTURED", 8}, CODE_HOLD_CAPTURED},
    {{"RELEASED", 8}, CODE_HOLD_RELEASED},
    {{"EXPIRED", 7}, CODE_HOLD_EXPIRED},
};

enum { STATES = sizeof states / sizeof *states };

enum {
    VIEW_HOLD,
    VIEW_ACCOUNT,
    VIEW_CURRENCY,
    VIEW_STATE,
    VIEW_AMOUNT,
    VIEW_HELD,
    VIEW_OPENED,
    VIEW_EXPIRES,
    VIEW_MEMO,
    VIEW_REFERENCE,
    VIEW_KEY_COUNT
};

static const struct wire_key view_keys[VIEW_KEY_COUNT] = {
    [VIEW_HOLD] = {{"hold", 4}, FIELD_NONE},         [VIEW_ACCOUNT] = {{"account", 7}, FIELD_NONE},
    [VIEW_CURRENCY] = {{"currency", 8}, FIELD_NONE}, [VIEW_STATE] = {{"state", 5}, FIELD_NONE},
    [VIEW_AMOUNT] = {{"amount", 6}, FIELD_NONE},     [VIEW_HELD] = {{"held", 4}, FIELD_NONE},
    [VIEW_OPENED] = {{"opened", 6}, FIELD_NONE},     [VIEW_EXPIRES] = {{"expires", 7}, FIELD_NONE},
    [VIEW_MEMO] = {{"memo", 4}, FIELD_NONE},         [VIEW_REFERENCE] = {{"reference", 9}, FIELD_NONE},
};

enum { VIEW_MAX = VIEW_KEY_COUNT * 24 + ACCOUNT_ID_MAX + MEMO_MAX + REFERENCE_MAX };

static void write_view(struct mp_writer *w, struct str account, currency_index currency,
                       const struct ledger_hold_view *view)
{
    int state = 0;
    while (state < STATES && states[state].ended != view->ended)
        state++;
    CHECK(state < STATES);
    if (!mp_reserve(w, VIEW_MAX))
        return;
    uint8_t *at = mp_put_map(mp_tail(w), VIEW_KEY_COUNT);
    at = wire_put_uuid(WIRE_PUT_WORD(at, "hold"), &view->id);
    at = mp_put_str(WIRE_PUT_WORD(at, "account"), account);
    at = wire_put_currency(WIRE_PUT_WORD(at, "currency"), currency);
    at = mp_put_str(WIRE_PUT_WORD(at, "state"), states[state].name);
    at = mp_put_int(WIRE_PUT_WORD(at, "amount"), view->amount);
    at = mp_put_int(WIRE_PUT_WORD(at, "held"), view->held);
    at = mp_put_int(WIRE_PUT_WORD(at, "opened"), view->opened_us);
    at = WIRE_PUT_WORD(at, "expires");
    at = view->expires_us == 0 ? mp_put_nil(at) : mp_put_int(at, view->expires_us);
    at = wire_put_optional(WIRE_PUT_WORD(at, "memo"), (struct str){view->memo, view->memo_length});
    mp_advance(w, wire_put_optional(WIRE_PUT_WORD(at, "reference"),
                                    (struct str){view->reference, view->reference_length}));
}

void wire_hold_write(struct mp_writer *w, uint64_t request_id, const struct wire_hold *hold)
{
    wire_reply_begin(w, request_id, CODE_OK);
    write_view(w, hold->account, hold->currency, &hold->view);
}

void wire_holds_write(struct mp_writer *w, uint64_t request_id, struct str account, currency_index currency,
                      const struct ledger_hold_view *views, size_t count, struct str cursor)
{
    wire_reply_begin(w, request_id, CODE_OK);
    wire_page_begin(w, "holds", count);
    for (size_t i = 0; i < count; i++)
        write_view(w, account, currency, &views[i]);
    wire_page_end(w, cursor);
}

/* ---- reading replies ---------------------------------------------------------------------------------- */

static bool take_state(struct mp_reader *r, enum code *ended)
{
    struct str name;
    if (!mp_read_str(r, &name))
        return false;
    for (int i = 0; i < STATES; i++) {
        if (str_equal(name, states[i].name)) {
            *ended = states[i].ended;
            return true;
        }
    }
    return false;
}

static bool hold_of(struct wire_values *v, struct wire_hold *out)
{
    struct ledger_hold_view *view = &out->view;
    *out = (struct wire_hold){0};
    return wire_take_uuid(&v->at[VIEW_HOLD], &view->id) &&
           wire_take_account(&v->at[VIEW_ACCOUNT], &out->account) &&
           wire_take_currency(&v->at[VIEW_CURRENCY], &out->currency) == CODE_OK &&
           take_state(&v->at[VIEW_STATE], &view->ended) && mp_read_int(&v->at[VIEW_AMOUNT], &view->amount) &&
           mp_read_int(&v->at[VIEW_HELD], &view->held) &&
           mp_read_int(&v->at[VIEW_OPENED], &view->opened_us) &&
           (mp_read_nil(&v->at[VIEW_EXPIRES]) || mp_read_int(&v->at[VIEW_EXPIRES], &view->expires_us)) &&
           wire_take_copy(&v->at[VIEW_MEMO], MEMO_MAX, view->memo, &view->memo_length) &&
           wire_take_copy(&v->at[VIEW_REFERENCE], REFERENCE_MAX, view->reference, &view->reference_length);
}

bool wire_hold_reply_read(const struct wire_reply *reply, struct wire_hold *out)
{
    struct wire_values values;
    return wire_reply_values(reply, view_keys, VIEW_KEY_COUNT, &values) && hold_of(&values, out);
}

bool wire_holds_reply_read(const struct wire_reply *reply, struct wire_hold *holds, size_t capacity,
                           size_t *count, struct str *cursor)
{
    struct mp_reader things;
    size_t there;
    if (!wire_page_read(reply, "holds", capacity, &things, &there, cursor))
        return false;
    for (size_t i = 0; i < there; i++) {
        struct wire_values values;
        if (!wire_values_read(&things, WIRE_PAGE_DEPTH, view_keys, VIEW_KEY_COUNT, &values) ||
            !hold_of(&values, &holds[i]))
            return false;
    }
    *count = there;
    return true;
}
