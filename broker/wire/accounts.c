/* Bodies of account.* and their replies. */
#include "broker/wire/accounts.h"

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "broker/wire/fields.h"

/* ---- requests --------------------------------------------------------------------------------- */

enum account_key {
    KEY_ACCOUNT,
    KEY_OWNER,
    KEY_CURRENCY,
    KEY_PRODUCT,
    KEY_MINIMUM_BALANCE,
    KEY_CEILING,
    KEY_FX,
    KEY_TRANSACTION_ID,
    KEY_MEMO,
    KEY_COUNT
};

static const struct wire_key account_keys[KEY_COUNT] = {
    [KEY_ACCOUNT] = {{"account", 7}, FIELD_ACCOUNT},
    [KEY_OWNER] = {{"owner", 5}, FIELD_OWNER},
    [KEY_CURRENCY] = {{"currency", 8}, FIELD_CURRENCY},
    [KEY_PRODUCT] = {{"product", 7}, FIELD_PRODUCT},
    [KEY_MINIMUM_BALANCE] = {{"minimum_balance", 15}, FIELD_MINIMUM_BALANCE},
    [KEY_CEILING] = {{"ceiling", 7}, FIELD_CEILING},
    [KEY_FX] = {{"fx", 2}, FIELD_FX},
    [KEY_TRANSACTION_ID] = {{"transaction_id", 14}, FIELD_TRANSACTION_ID},
    [KEY_MEMO] = {{"memo", 4}, FIELD_MEMO},
};

#define KEY(name) (1u << KEY_##name)

/* Which keys each kind of command has. */
static const unsigned keys_of[] = {
    [ACCOUNT_OPEN] = (1u << KEY_COUNT) - 1,
    [ACCOUNT_CHANGE] =
        KEY(ACCOUNT) | KEY(OWNER) | KEY(PRODUCT) | KEY(MINIMUM_BALANCE) | KEY(CEILING) | KEY(MEMO),
    [ACCOUNT_FREEZE] = KEY(ACCOUNT) | KEY(MEMO),
    [ACCOUNT_UNFREEZE] = KEY(ACCOUNT) | KEY(MEMO),
    [ACCOUNT_CLOSE] = KEY(ACCOUNT) | KEY(MEMO),
};

static bool take_account(struct mp_reader *r, bool optional, struct str *out)
{
    if (optional && mp_read_nil(r))
        return true;
    return wire_take_client_account(r, out);
}

static bool take_owner(struct mp_reader *r, bool required, struct str *out)
{
    bool is_nil = mp_is_nil(r);
    return wire_take_text(r, OWNER_MAX, out) && (out->length > 0 || (is_nil && !required));
}

static bool take_product(struct mp_reader *r, struct str *out)
{
    return wire_take_string(r, out) && (out->length == 0 || text_is_product(*out));
}

static bool take_minimum(struct mp_reader *r, int64_t *out)
{
    *out = 0;
    return mp_read_nil(r) || (mp_read_int(r, out) && *out >= -MONEY_MAX && *out <= MONEY_MAX);
}

/* least: the minimum balance, where it is given with it. */
static bool take_ceiling(struct mp_reader *r, int64_t least, int64_t *out)
{
    *out = INT64_MAX;
    return mp_read_nil(r) || (mp_read_int(r, out) && *out >= 0 && *out >= least);
}

/* Which values a change sets: those that are given; a ceiling of nil is one, and takes the ceiling away. */
static unsigned sets_of(const struct wire_values *v)
{
    return (mp_is_nil(&v->at[KEY_OWNER]) ? 0 : (unsigned)ACCOUNT_SETS_OWNER) |
           (mp_is_nil(&v->at[KEY_PRODUCT]) ? 0 : (unsigned)ACCOUNT_SETS_PRODUCT) |
           (mp_is_nil(&v->at[KEY_MINIMUM_BALANCE]) ? 0 : (unsigned)ACCOUNT_SETS_MINIMUM) |
           (v->given & KEY(CEILING) ? (unsigned)ACCOUNT_SETS_CEILING : 0);
}

static void read_values(struct wire_values *v, struct ledger_account_command *out)
{
    bool is_open = out->kind == ACCOUNT_OPEN;
    bool has_minimum = is_open || !mp_is_nil(&v->at[KEY_MINIMUM_BALANCE]);
    enum code currency = CODE_OK;
    out->sets = out->kind == ACCOUNT_CHANGE ? sets_of(v) : 0;
    if (!take_account(&v->at[KEY_ACCOUNT], is_open, &out->account))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    if (!take_owner(&v->at[KEY_OWNER], is_open, &out->owner))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_OWNER);
    if (is_open)
        currency = wire_take_currency(&v->at[KEY_CURRENCY], &out->currency);
    if (currency == CODE_INVALID_FIELD)
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_CURRENCY);
    if (!take_product(&v->at[KEY_PRODUCT], &out->product))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_PRODUCT);
    if (!take_minimum(&v->at[KEY_MINIMUM_BALANCE], &out->minimum_balance))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_MINIMUM_BALANCE);
    if (!take_ceiling(&v->at[KEY_CEILING], has_minimum ? out->minimum_balance : 0, &out->ceiling))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_CEILING);
    if (!mp_read_nil(&v->at[KEY_FX]) && !mp_read_bool(&v->at[KEY_FX], &out->has_book))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_FX);
    if (!wire_take_optional_uuid(&v->at[KEY_TRANSACTION_ID], &out->id))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID);
    if (!wire_take_text(&v->at[KEY_MEMO], MEMO_MAX, &out->memo))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_MEMO);
    if (currency == CODE_UNKNOWN_CURRENCY)
        wire_values_fault(v, CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY);
}

static enum ledger_account_kind kind_of(enum wire_operation operation)
{
    CHECK(operation >= OPERATION_ACCOUNT_OPEN && operation <= OPERATION_ACCOUNT_CLOSE);
    return (enum ledger_account_kind)(operation - OPERATION_ACCOUNT_OPEN);
}

_Static_assert(OPERATION_ACCOUNT_CLOSE - OPERATION_ACCOUNT_OPEN == (int)ACCOUNT_CLOSE - (int)ACCOUNT_OPEN,
               "the operations are in the order of the kinds");

enum code wire_account_read(const struct wire_header *header, struct ledger_account_command *out,
                            enum field *field)
{
    struct wire_values values;
    *out = (struct ledger_account_command){.kind = kind_of(header->operation), .ceiling = INT64_MAX};
    enum code code = wire_body_values(header, account_keys, KEY_COUNT, &values, field);
    if (code != CODE_OK)
        return code;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!(keys_of[out->kind] >> i & 1) && !mp_is_nil(&values.at[i]))
            wire_values_fault(&values, CODE_BAD_REQUEST, account_keys[i].field);
    }
    read_values(&values, out);
    *field = values.field;
    return values.code;
}

enum code wire_account_show_read(const struct wire_header *header, struct str *account, enum field *field)
{
    struct wire_values values;
    enum code code = wire_body_values(header, account_keys, 1, &values, field);
    if (code != CODE_OK || wire_take_account(&values.at[KEY_ACCOUNT], account))
        return code;
    *field = FIELD_ACCOUNT;
    return CODE_INVALID_FIELD;
}

enum { LIST_OWNER, LIST_LIMIT, LIST_CURSOR, LIST_KEY_COUNT };

enum code wire_list_read(const struct wire_header *header, struct wire_list_query *out, enum field *field)
{
    static const struct wire_key keys[LIST_KEY_COUNT] = {
        [LIST_OWNER] = {{"owner", 5}, FIELD_OWNER},
        [LIST_LIMIT] = {{"limit", 5}, FIELD_LIMIT},
        [LIST_CURSOR] = {{"cursor", 6}, FIELD_CURSOR},
    };
    struct wire_values v;
    enum code code = wire_body_values(header, keys, LIST_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    *out = (struct wire_list_query){0};
    if (!take_owner(&v.at[LIST_OWNER], false, &out->owner))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_OWNER);
    wire_page_query_values(&v, LIST_LIMIT, WIRE_LIST_LIMIT, LEDGER_PAGE_MAX, &out->limit, &out->cursor);
    *field = v.field;
    return v.code;
}

enum code wire_nothing_read(const struct wire_header *header, enum field *field)
{
    struct mp_reader r = wire_body_reader(header);
    bool good = mp_read_nil(&r) && mp_at_end(&r);
    *field = good ? FIELD_NONE : FIELD_BODY;
    return good ? CODE_OK : CODE_BAD_REQUEST;
}

/* ---- replies ---------------------------------------------------------------------------------- */

static const struct str state_names[] = {
    [ACCOUNT_ACTIVE] = {"ACTIVE", 6},
    [ACCOUNT_FROZEN] = {"FROZEN", 6},
    [ACCOUNT_CLOSED] = {"CLOSED", 6},
};

/* As far as 64 bits go: teller's own accounts may have the lowest of all minimum balances. */
static int64_t subtract(int64_t a, int64_t b)
{
    int64_t difference;
    if (money_sub(a, b, &difference))
        return difference;
    return b < 0 ? INT64_MAX : INT64_MIN;
}

enum {
    VIEW_KEYS = 11,
    BOOK_KEYS = 3,
    VIEW_MAX = (VIEW_KEYS + BOOK_KEYS) * 16 + ACCOUNT_ID_MAX + OWNER_MAX + PRODUCT_MAX + 128
};

/* 0: there is none to show. */
static int64_t average_rate(const struct ledger_account_view *view)
{
    return view->balance <= 0 ? 0
                              : rate_between(view->balance, currency_at(view->currency)->exponent,
                                             view->book_value, currency_at(view->base)->exponent);
}

static uint8_t *put_book(uint8_t *at, const struct ledger_account_view *view)
{
    at = wire_put_currency(WIRE_PUT_WORD(at, "base"), view->base);
    at = mp_put_int(WIRE_PUT_WORD(at, "book_value"), view->book_value);
    return wire_put_optional_rate(WIRE_PUT_WORD(at, "average_rate"), average_rate(view));
}

static void write_view(struct mp_writer *w, const struct ledger_account_view *view)
{
    CHECK(view->state >= ACCOUNT_ACTIVE && view->state <= ACCOUNT_CLOSED);
    if (!mp_reserve(w, VIEW_MAX))
        return;
    int64_t available = subtract(subtract(view->balance, view->pending), view->minimum_balance);
    bool has_book = view->base != CURRENCY_NONE;
    uint8_t *at = mp_put_map(mp_tail(w), VIEW_KEYS + (has_book ? (uint32_t)BOOK_KEYS : 0));
    at = mp_put_str(WIRE_PUT_WORD(at, "account"), (struct str){view->id, view->id_length});
    at = mp_put_str(WIRE_PUT_WORD(at, "owner"), (struct str){view->owner, view->owner_length});
    at = wire_put_currency(WIRE_PUT_WORD(at, "currency"), view->currency);
    at = wire_put_optional(WIRE_PUT_WORD(at, "product"), (struct str){view->product, view->product_length});
    at = mp_put_str(WIRE_PUT_WORD(at, "state"), state_names[view->state]);
    at = mp_put_int(WIRE_PUT_WORD(at, "balance"), view->balance);
    at = mp_put_int(WIRE_PUT_WORD(at, "pending"), view->pending);
    at = mp_put_int(WIRE_PUT_WORD(at, "available"), available);
    at = mp_put_int(WIRE_PUT_WORD(at, "minimum_balance"), view->minimum_balance);
    at = WIRE_PUT_WORD(at, "ceiling");
    at = view->ceiling == INT64_MAX ? mp_put_nil(at) : mp_put_int(at, view->ceiling);
    at = mp_put_int(WIRE_PUT_WORD(at, "opened"), view->opened_us);
    mp_advance(w, has_book ? put_book(at, view) : at);
}

void wire_account_write(struct mp_writer *w, uint64_t request_id, const struct ledger_account_view *view)
{
    wire_reply_begin(w, request_id, CODE_OK);
    write_view(w, view);
}

void wire_list_write(struct mp_writer *w, uint64_t request_id, const struct ledger_account_view *views,
                     size_t count, struct str cursor)
{
    wire_reply_begin(w, request_id, CODE_OK);
    wire_page_begin(w, "accounts", count);
    for (size_t i = 0; i < count; i++)
        write_view(w, &views[i]);
    wire_page_end(w, cursor);
}

/* ---- the client's side ------------------------------------------------------------------------ */

static bool has_key(const struct ledger_account_command *c, enum account_key key)
{
    unsigned sets = c->kind == ACCOUNT_OPEN ? UINT32_MAX : c->sets;
    switch (key) {
    case KEY_ACCOUNT:
        return c->account.length > 0;
    case KEY_OWNER:
        return sets & ACCOUNT_SETS_OWNER;
    case KEY_CURRENCY:
        return c->kind == ACCOUNT_OPEN && c->currency != CURRENCY_NONE;
    case KEY_PRODUCT:
        return sets & ACCOUNT_SETS_PRODUCT;
    case KEY_MINIMUM_BALANCE:
        return sets & ACCOUNT_SETS_MINIMUM;
    case KEY_CEILING:
        return sets & ACCOUNT_SETS_CEILING;
    case KEY_FX:
        return c->kind == ACCOUNT_OPEN && c->has_book;
    case KEY_TRANSACTION_ID:
        return c->kind == ACCOUNT_OPEN && !uuid_is_nil(&c->id);
    case KEY_MEMO:
        return c->memo.length > 0;
    case KEY_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

static void write_value(struct mp_writer *w, const struct ledger_account_command *c, enum account_key key)
{
    switch (key) {
    case KEY_ACCOUNT:
        mp_write_str(w, c->account);
        return;
    case KEY_OWNER:
        mp_write_str(w, c->owner);
        return;
    case KEY_CURRENCY:
        mp_write_text(w, currency_at(c->currency)->code);
        return;
    case KEY_PRODUCT:
        mp_write_str(w, c->product);
        return;
    case KEY_MINIMUM_BALANCE:
        mp_write_int(w, c->minimum_balance);
        return;
    case KEY_CEILING:
        if (c->ceiling == INT64_MAX)
            mp_write_nil(w);
        else
            mp_write_int(w, c->ceiling);
        return;
    case KEY_FX:
        mp_write_bool(w, c->has_book);
        return;
    case KEY_TRANSACTION_ID:
        mp_write_bin(w, c->id.bytes, sizeof c->id.bytes);
        return;
    case KEY_MEMO:
        mp_write_str(w, c->memo);
        return;
    case KEY_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

void wire_account_body_write(struct mp_writer *w, const struct ledger_account_command *command)
{
    uint32_t count = 0;
    for (enum account_key key = KEY_ACCOUNT; key < KEY_COUNT; key++)
        count += has_key(command, key);
    mp_write_map(w, count);
    for (enum account_key key = KEY_ACCOUNT; key < KEY_COUNT; key++) {
        if (has_key(command, key)) {
            mp_write_str(w, account_keys[key].name);
            write_value(w, command, key);
        }
    }
}

void wire_account_show_body_write(struct mp_writer *w, struct str account)
{
    mp_write_map(w, 1);
    mp_write_text(w, "account");
    mp_write_str(w, account);
}

void wire_list_body_write(struct mp_writer *w, const struct wire_list_query *query)
{
    mp_write_map(w, LIST_KEY_COUNT);
    mp_write_text(w, "owner");
    wire_write_optional(w, query->owner);
    wire_page_query_write(w, query->limit, query->cursor);
}

enum {
    VIEW_ACCOUNT,
    VIEW_OWNER,
    VIEW_CURRENCY,
    VIEW_PRODUCT,
    VIEW_STATE,
    VIEW_BALANCE,
    VIEW_PENDING,
    VIEW_MINIMUM_BALANCE,
    VIEW_CEILING,
    VIEW_OPENED,
    VIEW_BASE,
    VIEW_BOOK_VALUE,
    VIEW_KEY_COUNT
};

/* `available` and `average_rate` follow from the others. */
static const struct wire_key view_keys[VIEW_KEY_COUNT] = {
    [VIEW_ACCOUNT] = {{"account", 7}, FIELD_NONE},
    [VIEW_OWNER] = {{"owner", 5}, FIELD_NONE},
    [VIEW_CURRENCY] = {{"currency", 8}, FIELD_NONE},
    [VIEW_PRODUCT] = {{"product", 7}, FIELD_NONE},
    [VIEW_STATE] = {{"state", 5}, FIELD_NONE},
    [VIEW_BALANCE] = {{"balance", 7}, FIELD_NONE},
    [VIEW_PENDING] = {{"pending", 7}, FIELD_NONE},
    [VIEW_MINIMUM_BALANCE] = {{"minimum_balance", 15}, FIELD_NONE},
    [VIEW_CEILING] = {{"ceiling", 7}, FIELD_NONE},
    [VIEW_OPENED] = {{"opened", 6}, FIELD_NONE},
    [VIEW_BASE] = {{"base", 4}, FIELD_NONE},
    [VIEW_BOOK_VALUE] = {{"book_value", 10}, FIELD_NONE},
};

static bool read_book(struct wire_values *v, struct ledger_account_view *out)
{
    return mp_read_nil(&v->at[VIEW_BASE]) ||
           (wire_take_currency(&v->at[VIEW_BASE], &out->base) == CODE_OK &&
            mp_read_int(&v->at[VIEW_BOOK_VALUE], &out->book_value) && out->book_value >= 0);
}

static bool view_of(struct wire_values *v, struct ledger_account_view *out)
{
    *out = (struct ledger_account_view){.ceiling = INT64_MAX};
    return wire_take_copy(&v->at[VIEW_ACCOUNT], ACCOUNT_ID_MAX, out->id, &out->id_length) &&
           wire_take_copy(&v->at[VIEW_OWNER], OWNER_MAX, out->owner, &out->owner_length) &&
           wire_take_currency(&v->at[VIEW_CURRENCY], &out->currency) == CODE_OK &&
           wire_take_copy(&v->at[VIEW_PRODUCT], PRODUCT_MAX, out->product, &out->product_length) &&
           wire_take_word(&v->at[VIEW_STATE], state_names, ACCOUNT_ACTIVE, ACCOUNT_CLOSED, &out->state) &&
           mp_read_int(&v->at[VIEW_BALANCE], &out->balance) &&
           mp_read_int(&v->at[VIEW_PENDING], &out->pending) &&
           mp_read_int(&v->at[VIEW_MINIMUM_BALANCE], &out->minimum_balance) &&
           (mp_read_nil(&v->at[VIEW_CEILING]) || mp_read_int(&v->at[VIEW_CEILING], &out->ceiling)) &&
           mp_read_int(&v->at[VIEW_OPENED], &out->opened_us) && read_book(v, out);
}

bool wire_account_reply_read(const struct wire_reply *reply, struct ledger_account_view *out)
{
    struct wire_values values;
    return wire_reply_values(reply, view_keys, VIEW_KEY_COUNT, &values) && view_of(&values, out);
}

bool wire_list_reply_read(const struct wire_reply *reply, struct ledger_account_view *views, size_t capacity,
                          size_t *count, struct str *cursor)
{
    struct mp_reader things;
    size_t there;
    if (!wire_page_read(reply, "accounts", capacity, &things, &there, cursor))
        return false;
    for (size_t i = 0; i < there; i++) {
        struct wire_values values;
        if (!wire_values_read(&things, WIRE_PAGE_DEPTH, view_keys, VIEW_KEY_COUNT, &values) ||
            !view_of(&values, &views[i]))
            return false;
    }
    *count = there;
    return true;
}
