/* Bodies of balance, history, histories and transfer.show, and their replies. */
#include "broker/wire/history.h"

#include "actors/base/check.h"
#include "broker/wire/fields.h"

/* ---- requests --------------------------------------------------------------------------------- */

/* nil, or a time that is not negative. */
static bool take_time(struct mp_reader *r, bool *given, int64_t *out)
{
    *given = !mp_read_nil(r);
    return !*given || (mp_read_int(r, out) && *out >= 0);
}

enum { BALANCE_ACCOUNT, BALANCE_AT, BALANCE_KEY_COUNT };

enum code wire_balance_read(const struct wire_header *header, struct wire_balance_query *out,
                            enum field *field)
{
    static const struct wire_key keys[BALANCE_KEY_COUNT] = {
        [BALANCE_ACCOUNT] = {{"account", 7}, FIELD_ACCOUNT},
        [BALANCE_AT] = {{"at", 2}, FIELD_TIME},
    };
    struct wire_values v;
    enum code code = wire_body_values(header, keys, BALANCE_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    *out = (struct wire_balance_query){0};
    if (!wire_take_account(&v.at[BALANCE_ACCOUNT], &out->account))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    if (!take_time(&v.at[BALANCE_AT], &out->has_at, &out->at_us))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_TIME);
    *field = v.field;
    return v.code;
}

enum { HISTORY_ACCOUNT, HISTORY_LIMIT, HISTORY_CURSOR, HISTORY_BEFORE, HISTORY_AFTER, HISTORY_KEY_COUNT };

static const struct wire_key history_keys[HISTORY_KEY_COUNT] = {
    [HISTORY_ACCOUNT] = {{"account", 7}, FIELD_ACCOUNT}, [HISTORY_LIMIT] = {{"limit", 5}, FIELD_LIMIT},
    [HISTORY_CURSOR] = {{"cursor", 6}, FIELD_CURSOR},    [HISTORY_BEFORE] = {{"before", 6}, FIELD_TIME},
    [HISTORY_AFTER] = {{"after", 5}, FIELD_TIME},
};

static void read_query(struct wire_values *v, struct wire_history_query *out)
{
    *out = (struct wire_history_query){0};
    if (!wire_take_account(&v->at[HISTORY_ACCOUNT], &out->account))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    wire_page_query_values(v, HISTORY_LIMIT, WIRE_HISTORY_LIMIT, WIRE_HISTORY_MAX, &out->limit, &out->cursor);
    if (!take_time(&v->at[HISTORY_BEFORE], &out->has_before, &out->before_us) ||
        !take_time(&v->at[HISTORY_AFTER], &out->has_after, &out->after_us))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_TIME);
    out->code = (uint8_t)v->code;
    out->field = (uint8_t)v->field;
}

enum code wire_history_read(const struct wire_header *header, struct wire_history_query *out,
                            enum field *field)
{
    struct wire_values v;
    enum code code = wire_body_values(header, history_keys, HISTORY_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    read_query(&v, out);
    *field = v.field;
    return v.code;
}

enum { HISTORIES_LEVEL = 3 }; /* the frame's array, the body's array, a query's map */

/* One query of many. false: malformed. */
static bool read_one(struct mp_reader *r, struct wire_history_query *out)
{
    struct mp_reader map = *r;
    struct wire_values v;
    if (wire_values_read(&map, MP_DEPTH_MAX - HISTORIES_LEVEL, history_keys, HISTORY_KEY_COUNT, &v)) {
        *r = map;
    } else {
        if (!mp_skip(r, MP_DEPTH_MAX - HISTORIES_LEVEL + 1))
            return false;
        wire_values_init(&v);
        wire_values_fault(&v, CODE_BAD_REQUEST, FIELD_NONE);
    }
    read_query(&v, out);
    return true;
}

enum code wire_histories_read(const struct wire_header *header, struct wire_history_query *out, size_t *count,
                              enum field *field)
{
    struct mp_reader r = wire_body_reader(header);
    uint32_t queries;
    *field = FIELD_BODY;
    *count = 0;
    if (!mp_read_array(&r, &queries))
        return CODE_BAD_REQUEST;
    *field = FIELD_ITEMS;
    if (queries > WIRE_HISTORIES_MAX)
        return CODE_TOO_LARGE;
    for (uint32_t i = 0; i < queries; i++) {
        if (!read_one(&r, &out[i])) {
            *field = FIELD_BODY;
            return CODE_BAD_REQUEST;
        }
    }
    if (!mp_at_end(&r)) {
        *field = FIELD_BODY;
        return CODE_BAD_REQUEST;
    }
    if (queries == 0)
        return CODE_INVALID_FIELD;
    *field = FIELD_NONE;
    *count = queries;
    return CODE_OK;
}

enum code wire_transfer_show_read(const struct wire_header *header, struct uuid *id, enum field *field)
{
    static const struct wire_key key = {{"transaction_id", 14}, FIELD_TRANSACTION_ID};
    struct wire_values v;
    enum code code = wire_body_values(header, &key, 1, &v, field);
    if (code != CODE_OK || wire_take_uuid(&v.at[0], id))
        return code;
    *field = FIELD_TRANSACTION_ID;
    return CODE_INVALID_FIELD;
}

/* ---- words ------------------------------------------------------------------------------------ */

static const struct str entry_names[ENTRY_KIND_COUNT] = {
    [ENTRY_TRANSFER] = {"transfer", 8},
    [ENTRY_DEPOSIT] = {"deposit", 7},
    [ENTRY_WITHDRAWAL] = {"withdrawal", 10},
    [ENTRY_SENT] = {"sent", 4},
    [ENTRY_RECEIVED] = {"received", 8},
    [ENTRY_RETURNED] = {"returned", 8},
    [ENTRY_OPENED] = {"opened", 6},
    [ENTRY_CHANGED] = {"changed", 7},
    [ENTRY_FROZEN] = {"frozen", 6},
    [ENTRY_UNFROZEN] = {"unfrozen", 8},
    [ENTRY_CLOSED] = {"closed", 6},
    [ENTRY_HOLD_OPENED] = {"hold_opened", 11},
    [ENTRY_CAPTURED] = {"captured", 8},
    [ENTRY_HOLD_RELEASED] = {"hold_released", 13},
    [ENTRY_HOLD_EXPIRED] = {"hold_expired", 12},
    [ENTRY_EXCHANGE_OUT] = {"exchange_out", 12},
    [ENTRY_EXCHANGE_IN] = {"exchange_in", 11},
    [ENTRY_EXCHANGE_SPREAD] = {"exchange_spread", 15},
    [ENTRY_EXCHANGE_RESIDUE] = {"exchange_residue", 16},
    [ENTRY_REMITTANCE_PULLED] = {"remittance_pulled", 17},
    [ENTRY_REMITTANCE_DEPOSITED] = {"remittance_deposited", 20},
    [ENTRY_REMITTANCE_WITHDRAWN] = {"remittance_withdrawn", 20},
    [ENTRY_REMITTANCE_PAID] = {"remittance_paid", 15},
    [ENTRY_REMITTANCE_RETURNED] = {"remittance_returned", 19},
};

const char *wire_entry_name(enum wire_entry_kind kind)
{
    CHECK((unsigned)kind < ENTRY_KIND_COUNT);
    return entry_names[kind].data;
}

static const struct str direction_names[] = {
    [DIRECTION_NONE] = {NULL, 0},
    [DIRECTION_IN] = {"in", 2},
    [DIRECTION_OUT] = {"out", 3},
};

static const struct str status_names[] = {
    [TRANSFER_SUCCESS] = {"success", 7},
    [TRANSFER_FAILED] = {"failed", 6},
    [TRANSFER_PENDING] = {"pending", 7},
};

static const struct str kind_names[] = {
    [0] = {NULL, 0},
    [COMMAND_TRANSFER] = {"transfer", 8},
    [COMMAND_DEPOSIT] = {"deposit", 7},
    [COMMAND_WITHDRAW] = {"withdraw", 8},
    [COMMAND_GROUP] = {"group", 5},
    [COMMAND_HOLD] = {"hold", 4},
    [COMMAND_CAPTURE] = {"capture", 7},
    [COMMAND_RELEASE] = {"release", 7},
    [COMMAND_EXCHANGE] = {"exchange", 8},
    [WIRE_KIND_REMITTANCE] = {"remittance", 10},
};

#define NAME_COUNT(names) (sizeof(names) / sizeof(names)[0])

/* The number of a word, nil being an empty one; false: not one of them. */
static bool read_word(struct mp_reader *r, const struct str *names, size_t count, size_t *out)
{
    struct str name;
    if (!wire_take_string(r, &name))
        return false;
    for (*out = 0; *out < count; ++*out) {
        if (str_equal(name, names[*out]))
            return true;
    }
    return false;
}

/* ---- replies ---------------------------------------------------------------------------------- */

enum { WORD_SPACE = 32 }; /* enough for a key, and a number or a short word behind it */

void wire_balance_write(struct mp_writer *w, uint64_t request_id, const struct wire_balance *balance)
{
    wire_reply_begin(w, request_id, CODE_OK);
    if (!mp_reserve(w, 8 * WORD_SPACE + (size_t)balance->account.length))
        return;
    uint8_t *at = mp_put_map(mp_tail(w), balance->is_past ? 4 : 6);
    at = mp_put_str(WIRE_PUT_WORD(at, "account"), balance->account);
    at = wire_put_currency(WIRE_PUT_WORD(at, "currency"), balance->currency);
    at = mp_put_int(WIRE_PUT_WORD(at, "balance"), balance->balance);
    if (!balance->is_past) {
        at = mp_put_int(WIRE_PUT_WORD(at, "pending"), balance->pending);
        at = mp_put_int(WIRE_PUT_WORD(at, "available"), balance->available);
    }
    mp_advance(w, mp_put_int(WIRE_PUT_WORD(at, "at"), balance->at_us));
}

enum { ENTRY_KEYS_ALWAYS = 10, PAGE_DEPTH = 4 };

/* Keys that an entry has where they say something. */
static uint32_t more_keys(const struct wire_history_entry *entry)
{
    uint32_t count = (entry->rate > 0) + (uuid_is_nil(&entry->hold) ? 0u : 2u) + (entry->expires_us != 0) +
                     (entry->bank.length > 0) + (entry->bank_reference.length > 0) +
                     !uuid_is_nil(&entry->exchange);
    if (entry->has_book)
        count += 3u + (entry->direction == DIRECTION_OUT) + (entry->average_rate > 0);
    return count;
}

enum { MORE_SPACE = 12 * 2 * WORD_SPACE };

static uint8_t *put_more(uint8_t *at, const struct wire_history_entry *entry)
{
    if (entry->rate > 0)
        at = wire_put_optional_rate(WIRE_PUT_WORD(at, "rate"), entry->rate);
    if (!uuid_is_nil(&entry->hold)) {
        at = wire_put_uuid(WIRE_PUT_WORD(at, "hold"), &entry->hold);
        at = mp_put_int(WIRE_PUT_WORD(at, "pending"), entry->pending);
    }
    if (entry->expires_us != 0)
        at = mp_put_int(WIRE_PUT_WORD(at, "expires"), entry->expires_us);
    if (!uuid_is_nil(&entry->exchange))
        at = wire_put_uuid(WIRE_PUT_WORD(at, "exchange"), &entry->exchange);
    if (entry->bank.length > 0)
        at = mp_put_str(WIRE_PUT_WORD(at, "bank"), entry->bank);
    if (entry->bank_reference.length > 0)
        at = mp_put_str(WIRE_PUT_WORD(at, "bank_reference"), entry->bank_reference);
    if (!entry->has_book)
        return at;
    at = mp_put_int(WIRE_PUT_WORD(at, "value"), entry->value);
    at = mp_put_int(WIRE_PUT_WORD(at, "cost"), entry->cost);
    if (entry->direction == DIRECTION_OUT)
        at = mp_put_int(WIRE_PUT_WORD(at, "gain"), entry->value - entry->cost);
    at = mp_put_int(WIRE_PUT_WORD(at, "book_value"), entry->book_value);
    return entry->average_rate > 0
               ? wire_put_optional_rate(WIRE_PUT_WORD(at, "average_rate"), entry->average_rate)
               : at;
}

static void write_entry(struct mp_writer *w, const struct wire_history_entry *entry)
{
    size_t strings = (size_t)entry->counterparty.length + entry->memo.length + entry->reference.length +
                     entry->bank.length + entry->bank_reference.length;
    CHECK((unsigned)entry->kind < ENTRY_KIND_COUNT && (unsigned)entry->direction <= DIRECTION_OUT);
    if (!mp_reserve(w, ENTRY_KEYS_ALWAYS * WORD_SPACE + strings + MORE_SPACE))
        return;
    uint8_t *at = mp_put_map(mp_tail(w), ENTRY_KEYS_ALWAYS + more_keys(entry));
    at = mp_put_str(WIRE_PUT_WORD(at, "kind"), entry_names[entry->kind]);
    at = mp_put_int(WIRE_PUT_WORD(at, "time"), entry->time_us);
    at = wire_put_uuid(WIRE_PUT_WORD(at, "transaction_id"), &entry->id);
    at = mp_put_int(WIRE_PUT_WORD(at, "amount"), entry->amount);
    at = wire_put_optional(WIRE_PUT_WORD(at, "direction"), direction_names[entry->direction]);
    at = mp_put_int(WIRE_PUT_WORD(at, "balance"), entry->balance);
    at = wire_put_optional(WIRE_PUT_WORD(at, "counterparty"), entry->counterparty);
    at = wire_put_optional(WIRE_PUT_WORD(at, "memo"), entry->memo);
    at = wire_put_optional(WIRE_PUT_WORD(at, "reference"), entry->reference);
    at = mp_put_uint(WIRE_PUT_WORD(at, "position"), entry->position);
    mp_advance(w, put_more(at, entry));
}

static void write_page(struct mp_writer *w, const struct wire_history_entry *entries, size_t count,
                       struct str cursor)
{
    wire_page_begin(w, "entries", count);
    for (size_t i = 0; i < count; i++)
        write_entry(w, &entries[i]);
    wire_page_end(w, cursor);
}

void wire_history_write(struct mp_writer *w, uint64_t request_id, const struct wire_history_entry *entries,
                        size_t count, struct str cursor)
{
    wire_reply_begin(w, request_id, CODE_OK);
    write_page(w, entries, count, cursor);
}

void wire_histories_begin(struct mp_writer *w, uint64_t request_id, size_t count)
{
    wire_reply_begin(w, request_id, CODE_OK);
    mp_write_array(w, (uint32_t)count);
}

void wire_histories_page_write(struct mp_writer *w, const struct wire_history_entry *entries, size_t count,
                               struct str cursor)
{
    mp_write_array(w, 2);
    mp_write_text(w, code_name(CODE_OK));
    write_page(w, entries, count, cursor);
}

void wire_histories_error_write(struct mp_writer *w, enum code code, enum field field)
{
    mp_write_array(w, 2);
    mp_write_text(w, code_name(code));
    wire_error_body_write(w, code, field, NULL);
}

enum { TRANSFER_KEYS = 11 };

void wire_transfer_write(struct mp_writer *w, uint64_t request_id, const struct wire_transfer *transfer)
{
    size_t strings = (size_t)transfer->from.length + transfer->to.length + transfer->memo.length +
                     transfer->reference.length;
    CHECK((unsigned)transfer->status < NAME_COUNT(status_names));
    CHECK(transfer->kind < NAME_COUNT(kind_names));
    wire_reply_begin(w, request_id, CODE_OK);
    if (!mp_reserve(w, TRANSFER_KEYS * 2 * WORD_SPACE + strings))
        return;
    uint8_t *at = mp_put_map(mp_tail(w), TRANSFER_KEYS);
    at = wire_put_uuid(WIRE_PUT_WORD(at, "transaction_id"), &transfer->id);
    at = mp_put_str(WIRE_PUT_WORD(at, "status"), status_names[transfer->status]);
    at = mp_put_str(WIRE_PUT_WORD(at, "code"), str_from(code_name(transfer->code)));
    at = wire_put_optional(WIRE_PUT_WORD(at, "kind"), kind_names[transfer->kind]);
    at = wire_put_optional(WIRE_PUT_WORD(at, "from_account"), transfer->from);
    at = wire_put_optional(WIRE_PUT_WORD(at, "to_account"), transfer->to);
    at = WIRE_PUT_WORD(at, "amount");
    at = transfer->amount == 0 ? mp_put_nil(at) : mp_put_int(at, transfer->amount);
    at = WIRE_PUT_WORD(at, "currency");
    at = transfer->currency == CURRENCY_NONE ? mp_put_nil(at) : wire_put_currency(at, transfer->currency);
    at = wire_put_optional(WIRE_PUT_WORD(at, "memo"), transfer->memo);
    at = wire_put_optional(WIRE_PUT_WORD(at, "reference"), transfer->reference);
    mp_advance(w, mp_put_int(WIRE_PUT_WORD(at, "time"), transfer->time_us));
}

/* ---- the client's side: bodies ----------------------------------------------------------------- */

static void write_time(struct mp_writer *w, const char *key, bool given, int64_t time_us)
{
    if (given) {
        mp_write_text(w, key);
        mp_write_int(w, time_us);
    }
}

void wire_balance_body_write(struct mp_writer *w, const struct wire_balance_query *query)
{
    mp_write_map(w, 1u + query->has_at);
    mp_write_text(w, "account");
    mp_write_str(w, query->account);
    write_time(w, "at", query->has_at, query->at_us);
}

void wire_history_body_write(struct mp_writer *w, const struct wire_history_query *query)
{
    mp_write_map(w, 3u + query->has_before + query->has_after);
    mp_write_text(w, "account");
    mp_write_str(w, query->account);
    wire_page_query_write(w, query->limit, query->cursor);
    write_time(w, "before", query->has_before, query->before_us);
    write_time(w, "after", query->has_after, query->after_us);
}

void wire_transfer_show_body_write(struct mp_writer *w, const struct uuid *id)
{
    mp_write_map(w, 1);
    mp_write_text(w, "transaction_id");
    mp_write_bin(w, id->bytes, sizeof id->bytes);
}

/* ---- the client's side: replies ---------------------------------------------------------------- */

static bool take_optional_int(struct mp_reader *r, int64_t *out)
{
    *out = 0;
    return mp_read_nil(r) || mp_read_int(r, out);
}

enum {
    REPLY_ACCOUNT,
    REPLY_CURRENCY,
    REPLY_BALANCE,
    REPLY_PENDING,
    REPLY_AVAILABLE,
    REPLY_AT,
    REPLY_KEY_COUNT
};

bool wire_balance_reply_read(const struct wire_reply *reply, struct wire_balance *out)
{
    static const struct wire_key keys[REPLY_KEY_COUNT] = {
        [REPLY_ACCOUNT] = {{"account", 7}, FIELD_NONE},     [REPLY_CURRENCY] = {{"currency", 8}, FIELD_NONE},
        [REPLY_BALANCE] = {{"balance", 7}, FIELD_NONE},     [REPLY_PENDING] = {{"pending", 7}, FIELD_NONE},
        [REPLY_AVAILABLE] = {{"available", 9}, FIELD_NONE}, [REPLY_AT] = {{"at", 2}, FIELD_NONE},
    };
    struct wire_values v;
    *out = (struct wire_balance){0};
    if (!wire_reply_values(reply, keys, REPLY_KEY_COUNT, &v))
        return false;
    out->is_past = mp_is_nil(&v.at[REPLY_AVAILABLE]);
    return mp_read_str(&v.at[REPLY_ACCOUNT], &out->account) &&
           wire_take_currency(&v.at[REPLY_CURRENCY], &out->currency) == CODE_OK &&
           mp_read_int(&v.at[REPLY_BALANCE], &out->balance) &&
           take_optional_int(&v.at[REPLY_PENDING], &out->pending) &&
           take_optional_int(&v.at[REPLY_AVAILABLE], &out->available) &&
           mp_read_int(&v.at[REPLY_AT], &out->at_us);
}

enum {
    ENTRY_KEY_KIND,
    ENTRY_KEY_TIME,
    ENTRY_KEY_ID,
    ENTRY_KEY_AMOUNT,
    ENTRY_KEY_DIRECTION,
    ENTRY_KEY_BALANCE,
    ENTRY_KEY_COUNTERPARTY,
    ENTRY_KEY_MEMO,
    ENTRY_KEY_REFERENCE,
    ENTRY_KEY_POSITION,
    ENTRY_KEY_RATE,
    ENTRY_KEY_VALUE,
    ENTRY_KEY_COST,
    ENTRY_KEY_BOOK_VALUE,
    ENTRY_KEY_AVERAGE_RATE,
    ENTRY_KEY_HOLD,
    ENTRY_KEY_PENDING,
    ENTRY_KEY_EXPIRES,
    ENTRY_KEY_BANK,
    ENTRY_KEY_BANK_REFERENCE,
    ENTRY_KEY_EXCHANGE,
    ENTRY_KEY_COUNT
};

/* `gain` follows from the others. */
static const struct wire_key entry_keys[ENTRY_KEY_COUNT] = {
    [ENTRY_KEY_KIND] = {{"kind", 4}, FIELD_NONE},
    [ENTRY_KEY_TIME] = {{"time", 4}, FIELD_NONE},
    [ENTRY_KEY_ID] = {{"transaction_id", 14}, FIELD_NONE},
    [ENTRY_KEY_AMOUNT] = {{"amount", 6}, FIELD_NONE},
    [ENTRY_KEY_DIRECTION] = {{"direction", 9}, FIELD_NONE},
    [ENTRY_KEY_BALANCE] = {{"balance", 7}, FIELD_NONE},
    [ENTRY_KEY_COUNTERPARTY] = {{"counterparty", 12}, FIELD_NONE},
    [ENTRY_KEY_MEMO] = {{"memo", 4}, FIELD_NONE},
    [ENTRY_KEY_REFERENCE] = {{"reference", 9}, FIELD_NONE},
    [ENTRY_KEY_POSITION] = {{"position", 8}, FIELD_NONE},
    [ENTRY_KEY_RATE] = {{"rate", 4}, FIELD_NONE},
    [ENTRY_KEY_VALUE] = {{"value", 5}, FIELD_NONE},
    [ENTRY_KEY_COST] = {{"cost", 4}, FIELD_NONE},
    [ENTRY_KEY_BOOK_VALUE] = {{"book_value", 10}, FIELD_NONE},
    [ENTRY_KEY_AVERAGE_RATE] = {{"average_rate", 12}, FIELD_NONE},
    [ENTRY_KEY_HOLD] = {{"hold", 4}, FIELD_NONE},
    [ENTRY_KEY_PENDING] = {{"pending", 7}, FIELD_NONE},
    [ENTRY_KEY_EXPIRES] = {{"expires", 7}, FIELD_NONE},
    [ENTRY_KEY_BANK] = {{"bank", 4}, FIELD_NONE},
    [ENTRY_KEY_BANK_REFERENCE] = {{"bank_reference", 14}, FIELD_NONE},
    [ENTRY_KEY_EXCHANGE] = {{"exchange", 8}, FIELD_NONE},
};

static bool read_entry(struct mp_reader *r, struct wire_history_entry *out)
{
    struct wire_values v;
    size_t kind;
    size_t direction;
    *out = (struct wire_history_entry){0};
    if (!wire_values_read(r, 1, entry_keys, ENTRY_KEY_COUNT, &v) ||
        !read_word(&v.at[ENTRY_KEY_KIND], entry_names, ENTRY_KIND_COUNT, &kind) ||
        !read_word(&v.at[ENTRY_KEY_DIRECTION], direction_names, NAME_COUNT(direction_names), &direction))
        return false;
    out->kind = (enum wire_entry_kind)kind;
    out->direction = (enum wire_direction)direction;
    out->has_book = !mp_is_nil(&v.at[ENTRY_KEY_BOOK_VALUE]);
    return mp_read_int(&v.at[ENTRY_KEY_TIME], &out->time_us) &&
           wire_take_optional_uuid(&v.at[ENTRY_KEY_ID], &out->id) &&
           take_optional_int(&v.at[ENTRY_KEY_AMOUNT], &out->amount) &&
           mp_read_int(&v.at[ENTRY_KEY_BALANCE], &out->balance) &&
           wire_take_string(&v.at[ENTRY_KEY_COUNTERPARTY], &out->counterparty) &&
           wire_take_string(&v.at[ENTRY_KEY_MEMO], &out->memo) &&
           wire_take_string(&v.at[ENTRY_KEY_REFERENCE], &out->reference) &&
           mp_read_uint(&v.at[ENTRY_KEY_POSITION], &out->position) &&
           wire_take_optional_rate(&v.at[ENTRY_KEY_RATE], &out->rate) &&
           take_optional_int(&v.at[ENTRY_KEY_VALUE], &out->value) &&
           take_optional_int(&v.at[ENTRY_KEY_COST], &out->cost) &&
           take_optional_int(&v.at[ENTRY_KEY_BOOK_VALUE], &out->book_value) &&
           wire_take_optional_rate(&v.at[ENTRY_KEY_AVERAGE_RATE], &out->average_rate) &&
           wire_take_optional_uuid(&v.at[ENTRY_KEY_HOLD], &out->hold) &&
           take_optional_int(&v.at[ENTRY_KEY_PENDING], &out->pending) &&
           take_optional_int(&v.at[ENTRY_KEY_EXPIRES], &out->expires_us) &&
           wire_take_string(&v.at[ENTRY_KEY_BANK], &out->bank) &&
           wire_take_string(&v.at[ENTRY_KEY_BANK_REFERENCE], &out->bank_reference) &&
           wire_take_optional_uuid(&v.at[ENTRY_KEY_EXCHANGE], &out->exchange);
}

bool wire_history_reply_read(const struct wire_reply *reply, struct wire_history_entry *entries,
                             size_t capacity, size_t *count, struct str *cursor)
{
    struct mp_reader things;
    size_t there;
    if (!wire_page_read(reply, "entries", capacity, &things, &there, cursor))
        return false;
    for (size_t i = 0; i < there; i++) {
        if (!read_entry(&things, &entries[i]))
            return false;
    }
    *count = there;
    return true;
}

bool wire_histories_reply_begin(const struct wire_reply *reply, struct mp_reader *rows, uint32_t *count)
{
    *rows = mp_reader_of(reply->body.data, reply->body.length);
    return mp_read_array(rows, count);
}

bool wire_histories_reply_next(struct mp_reader *rows, struct wire_reply *row)
{
    uint32_t values;
    struct str code;
    *row = (struct wire_reply){0};
    if (!mp_read_array(rows, &values) || values != 2 || !mp_read_str(rows, &code) ||
        !wire_code_find(code, &row->code))
        return false;
    const uint8_t *start = rows->at;
    if (!mp_skip(rows, PAGE_DEPTH))
        return false;
    row->body = (struct str){(const char *)start, (uint32_t)(rows->at - start)};
    return true;
}

enum {
    SHOW_ID,
    SHOW_STATUS,
    SHOW_CODE,
    SHOW_KIND,
    SHOW_FROM,
    SHOW_TO,
    SHOW_AMOUNT,
    SHOW_CURRENCY,
    SHOW_MEMO,
    SHOW_REFERENCE,
    SHOW_TIME,
    SHOW_KEY_COUNT
};

static const struct wire_key show_keys[SHOW_KEY_COUNT] = {
    [SHOW_ID] = {{"transaction_id", 14}, FIELD_NONE}, [SHOW_STATUS] = {{"status", 6}, FIELD_NONE},
    [SHOW_CODE] = {{"code", 4}, FIELD_NONE},          [SHOW_KIND] = {{"kind", 4}, FIELD_NONE},
    [SHOW_FROM] = {{"from_account", 12}, FIELD_NONE}, [SHOW_TO] = {{"to_account", 10}, FIELD_NONE},
    [SHOW_AMOUNT] = {{"amount", 6}, FIELD_NONE},      [SHOW_CURRENCY] = {{"currency", 8}, FIELD_NONE},
    [SHOW_MEMO] = {{"memo", 4}, FIELD_NONE},          [SHOW_REFERENCE] = {{"reference", 9}, FIELD_NONE},
    [SHOW_TIME] = {{"time", 4}, FIELD_NONE},
};

static bool read_words(struct wire_values *v, struct wire_transfer *out)
{
    size_t status;
    size_t kind;
    struct str code;
    if (!read_word(&v->at[SHOW_STATUS], status_names, NAME_COUNT(status_names), &status) ||
        !read_word(&v->at[SHOW_KIND], kind_names, NAME_COUNT(kind_names), &kind) ||
        !mp_read_str(&v->at[SHOW_CODE], &code) || !wire_code_find(code, &out->code))
        return false;
    out->status = (enum wire_transfer_status)status;
    out->kind = (uint8_t)kind;
    return true;
}

bool wire_transfer_reply_read(const struct wire_reply *reply, struct wire_transfer *out)
{
    struct wire_values v;
    *out = (struct wire_transfer){0};
    return wire_reply_values(reply, show_keys, SHOW_KEY_COUNT, &v) && read_words(&v, out) &&
           wire_take_optional_uuid(&v.at[SHOW_ID], &out->id) &&
           wire_take_string(&v.at[SHOW_FROM], &out->from) && wire_take_string(&v.at[SHOW_TO], &out->to) &&
           take_optional_int(&v.at[SHOW_AMOUNT], &out->amount) &&
           (mp_read_nil(&v.at[SHOW_CURRENCY]) ||
            wire_take_currency(&v.at[SHOW_CURRENCY], &out->currency) == CODE_OK) &&
           wire_take_string(&v.at[SHOW_MEMO], &out->memo) &&
           wire_take_string(&v.at[SHOW_REFERENCE], &out->reference) &&
           take_optional_int(&v.at[SHOW_TIME], &out->time_us);
}
