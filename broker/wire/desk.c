/* Bodies of the FX desk's operations and their replies. */
#include "broker/wire/desk.h"

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "broker/wire/fields.h"

#define SECOND_US INT64_C(1000000)

static const struct str side_names[] = {[QUOTE_SELL] = {"sell", 4}, [QUOTE_BUY] = {"buy", 3}};

static const struct str state_names[] = {
    [QUOTE_OPEN] = {"OPEN", 4}, [QUOTE_USED] = {"USED", 4}, [QUOTE_EXPIRED] = {"EXPIRED", 7}};

/* nil (the default), or least .. most. */
static bool take_number(struct mp_reader *r, int64_t normal, int64_t least, int64_t most, int64_t *out)
{
    *out = normal;
    if (mp_read_nil(r))
        return normal >= least;
    return mp_read_int(r, out) && *out >= least && *out <= most;
}

static bool take_rate(struct mp_reader *r, int64_t *out)
{
    struct str text;
    return mp_read_str(r, &text) && rate_parse(text, out) == ERR_OK;
}

/* Notes a currency that is malformed; one that is not known is noted by the caller, behind all other faults. */
static enum code take_currency(struct wire_values *v, size_t key, enum field field, currency_index *out)
{
    enum code code = wire_take_currency(&v->at[key], out);
    if (code == CODE_INVALID_FIELD)
        wire_values_fault(v, code, field);
    return code;
}

static void note_unknown(struct wire_values *v, enum code code, enum field field)
{
    if (code == CODE_UNKNOWN_CURRENCY)
        wire_values_fault(v, code, field);
}

static bool take_operator(struct mp_reader *r, struct str *out)
{
    return mp_is_nil(r) ? wire_take_text(r, OWNER_MAX, out)
                        : wire_take_text(r, OWNER_MAX, out) && out->length > 0;
}

static void write_currency(struct mp_writer *w, const char *key, currency_index currency)
{
    mp_write_text(w, key);
    mp_write_text(w, currency_at(currency)->code);
}

static void write_rate(struct mp_writer *w, const char *key, int64_t rate)
{
    char text[RATE_TEXT_MAX];
    mp_write_text(w, key);
    mp_write_str(w, (struct str){text, (uint32_t)rate_format(rate, text)});
}

static void write_number(struct mp_writer *w, const char *key, int64_t number)
{
    mp_write_text(w, key);
    mp_write_int(w, number);
}

static void write_operator(struct mp_writer *w, struct str operator_name)
{
    mp_write_text(w, "operator");
    wire_write_optional(w, operator_name);
}

/* ---- quote ------------------------------------------------------------------------------------ */

enum { QUOTE_TRANSACTION_ID, QUOTE_FROM, QUOTE_SELLS, QUOTE_BUYS, QUOTE_SIDE, QUOTE_AMOUNT, QUOTE_KEY_COUNT };

static const struct wire_key quote_keys[QUOTE_KEY_COUNT] = {
    [QUOTE_TRANSACTION_ID] = {{"transaction_id", 14}, FIELD_TRANSACTION_ID},
    [QUOTE_FROM] = {{"from_account", 12}, FIELD_FROM_ACCOUNT},
    [QUOTE_SELLS] = {{"sell", 4}, FIELD_SELL},
    [QUOTE_BUYS] = {{"buy", 3}, FIELD_BUY},
    [QUOTE_SIDE] = {{"side", 4}, FIELD_SIDE},
    [QUOTE_AMOUNT] = {{"amount", 6}, FIELD_AMOUNT},
};

static void quote_values(struct wire_values *v, struct ledger_quote_command *out)
{
    if (!wire_take_uuid(&v->at[QUOTE_TRANSACTION_ID], &out->id))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID);
    if (!wire_take_client_account(&v->at[QUOTE_FROM], &out->account))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT);
    enum code sell = take_currency(v, QUOTE_SELLS, FIELD_SELL, &out->sell);
    enum code buy = take_currency(v, QUOTE_BUYS, FIELD_BUY, &out->buy);
    if (!wire_take_word(&v->at[QUOTE_SIDE], side_names, QUOTE_SELL, QUOTE_BUY, &out->side))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_SIDE);
    currency_index of = out->side == QUOTE_BUY ? out->buy : out->sell;
    if (!wire_take_amount(&v->at[QUOTE_AMOUNT], of, &out->amount))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_AMOUNT);
    note_unknown(v, sell, FIELD_SELL);
    note_unknown(v, buy, FIELD_BUY);
}

enum code wire_quote_read(const struct wire_header *header, struct ledger_quote_command *out,
                          enum field *field)
{
    struct wire_values values;
    *out = (struct ledger_quote_command){0};
    enum code code = wire_body_values(header, quote_keys, QUOTE_KEY_COUNT, &values, field);
    if (code != CODE_OK)
        return code;
    quote_values(&values, out);
    *field = values.field;
    return values.code;
}

void wire_quote_body_write(struct mp_writer *w, const struct ledger_quote_command *command)
{
    CHECK(command->side == QUOTE_SELL || command->side == QUOTE_BUY);
    mp_write_map(w, QUOTE_KEY_COUNT);
    mp_write_text(w, "transaction_id");
    mp_write_bin(w, command->id.bytes, sizeof command->id.bytes);
    mp_write_text(w, "from_account");
    mp_write_str(w, command->account);
    write_currency(w, "sell", command->sell);
    write_currency(w, "buy", command->buy);
    mp_write_text(w, "side");
    mp_write_str(w, side_names[command->side]);
    write_number(w, "amount", command->amount);
}

enum code wire_quote_show_read(const struct wire_header *header, struct str *account, struct uuid *quote,
                               enum field *field)
{
    return wire_member_read(header, FIELD_QUOTE, account, quote, field);
}

void wire_quote_show_body_write(struct mp_writer *w, struct str account, const struct uuid *quote)
{
    wire_member_body_write(w, account, FIELD_QUOTE, quote);
}

/* ---- rate.set ----------------------------------------------------------------------------------- */

enum {
    RATE_BASE,
    RATE_COUNTER,
    RATE_RATE,
    RATE_UNITS,
    RATE_AS_OF,
    RATE_AGE_LIMIT,
    RATE_SOURCE,
    RATE_IS_STALE, /* of a reply only */
    RATE_OPERATOR = RATE_IS_STALE,
    RATE_KEY_COUNT
};

static const struct wire_key rate_keys[RATE_KEY_COUNT] = {
    [RATE_BASE] = {{"base", 4}, FIELD_BASE},       [RATE_COUNTER] = {{"counter", 7}, FIELD_COUNTER},
    [RATE_RATE] = {{"rate", 4}, FIELD_RATE},       [RATE_UNITS] = {{"units", 5}, FIELD_UNITS},
    [RATE_AS_OF] = {{"as_of", 5}, FIELD_TIME},     [RATE_AGE_LIMIT] = {{"age_limit", 9}, FIELD_AGE_LIMIT},
    [RATE_SOURCE] = {{"source", 6}, FIELD_SOURCE}, [RATE_OPERATOR] = {{"operator", 8}, FIELD_OPERATOR},
};

static bool take_source(struct mp_reader *r, struct ledger_rate *out)
{
    struct str source;
    if (!wire_take_string(r, &source) || (source.length > 0 && !text_is_product(source)))
        return false;
    if (source.length > 0)
        memcpy(out->source, source.data, source.length);
    out->source_length = (uint8_t)source.length;
    return true;
}

/* Two currencies: both known, and not the same. */
static void note_pair(struct wire_values *v, enum code base, enum code counter, bool same)
{
    note_unknown(v, base, FIELD_BASE);
    note_unknown(v, counter, FIELD_COUNTER);
    if (base == CODE_OK && same)
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_COUNTER);
}

static void rate_values(struct wire_values *v, struct ledger_rate *out)
{
    int64_t units, age_limit_s;
    enum code base = take_currency(v, RATE_BASE, FIELD_BASE, &out->base);
    enum code counter = take_currency(v, RATE_COUNTER, FIELD_COUNTER, &out->counter);
    if (!take_rate(&v->at[RATE_RATE], &out->rate))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_RATE);
    if (!take_number(&v->at[RATE_UNITS], 1, 1, LEDGER_RATE_UNITS_MAX, &units))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_UNITS);
    if (!take_number(&v->at[RATE_AS_OF], 0, 1, INT64_MAX, &out->as_of_us))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_TIME);
    if (!take_number(&v->at[RATE_AGE_LIMIT], 0, 1, WIRE_AGE_LIMIT_MAX_S, &age_limit_s))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_AGE_LIMIT);
    else
        out->age_limit_us = age_limit_s * SECOND_US;
    if (!take_source(&v->at[RATE_SOURCE], out))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_SOURCE);
    out->units = (uint32_t)units;
    note_pair(v, base, counter, out->base == out->counter);
}

enum code wire_rate_set_read(const struct wire_header *header, struct ledger_rate *out,
                             struct str *operator_name, enum field *field)
{
    struct wire_values values;
    *out = (struct ledger_rate){0};
    enum code code = wire_body_values(header, rate_keys, RATE_KEY_COUNT, &values, field);
    if (code != CODE_OK)
        return code;
    rate_values(&values, out);
    if (!take_operator(&values.at[RATE_OPERATOR], operator_name))
        wire_values_fault(&values, CODE_INVALID_FIELD, FIELD_OPERATOR);
    *field = values.field;
    return values.code;
}

/* All of a rate but its last value. */
static void write_rate_values(struct mp_writer *w, const struct ledger_rate *rate)
{
    mp_write_map(w, RATE_KEY_COUNT);
    write_currency(w, "base", rate->base);
    write_currency(w, "counter", rate->counter);
    write_rate(w, "rate", rate->rate);
    write_number(w, "units", rate->units);
    write_number(w, "as_of", rate->as_of_us);
    write_number(w, "age_limit", rate->age_limit_us / SECOND_US);
    mp_write_text(w, "source");
    wire_write_optional(w, (struct str){rate->source, rate->source_length});
}

void wire_rate_set_body_write(struct mp_writer *w, const struct ledger_rate *rate, struct str operator_name)
{
    write_rate_values(w, rate);
    write_operator(w, operator_name);
}

/* ---- pair.set ----------------------------------------------------------------------------------- */

enum { PAIR_BASE, PAIR_COUNTER, PAIR_SPREAD, PAIR_VALID, PAIR_OPERATOR, PAIR_KEY_COUNT };

static const struct wire_key pair_keys[PAIR_KEY_COUNT] = {
    [PAIR_BASE] = {{"base", 4}, FIELD_BASE},
    [PAIR_COUNTER] = {{"counter", 7}, FIELD_COUNTER},
    [PAIR_SPREAD] = {{"spread", 6}, FIELD_SPREAD},
    [PAIR_VALID] = {{"valid", 5}, FIELD_VALID},
    [PAIR_OPERATOR] = {{"operator", 8}, FIELD_OPERATOR},
};

static void pair_values(struct wire_values *v, struct ledger_pair *out)
{
    int64_t spread, valid_s;
    enum code base = take_currency(v, PAIR_BASE, FIELD_BASE, &out->one);
    enum code counter = take_currency(v, PAIR_COUNTER, FIELD_COUNTER, &out->other);
    if (!take_number(&v->at[PAIR_SPREAD], -1, 0, LEDGER_SPREAD_PPM_MAX, &spread))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_SPREAD);
    else
        out->spread_ppm = (uint32_t)spread;
    if (!take_number(&v->at[PAIR_VALID], 0, 1, WIRE_VALID_MAX_S, &valid_s))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_VALID);
    else
        out->valid_us = valid_s * SECOND_US;
    note_pair(v, base, counter, out->one == out->other);
}

enum code wire_pair_set_read(const struct wire_header *header, struct ledger_pair *out,
                             struct str *operator_name, enum field *field)
{
    struct wire_values values;
    *out = (struct ledger_pair){0};
    enum code code = wire_body_values(header, pair_keys, PAIR_KEY_COUNT, &values, field);
    if (code != CODE_OK)
        return code;
    pair_values(&values, out);
    if (!take_operator(&values.at[PAIR_OPERATOR], operator_name))
        wire_values_fault(&values, CODE_INVALID_FIELD, FIELD_OPERATOR);
    *field = values.field;
    return values.code;
}

static void write_pair_values(struct mp_writer *w, const struct ledger_pair *pair, uint32_t count)
{
    mp_write_map(w, count);
    write_currency(w, "base", pair->one);
    write_currency(w, "counter", pair->other);
    write_number(w, "spread", pair->spread_ppm);
    write_number(w, "valid", pair->valid_us / SECOND_US);
}

void wire_pair_set_body_write(struct mp_writer *w, const struct ledger_pair *pair, struct str operator_name)
{
    write_pair_values(w, pair, PAIR_KEY_COUNT);
    write_operator(w, operator_name);
}

/* ---- replies ---------------------------------------------------------------------------------- */

enum {
    VIEW_QUOTE,
    VIEW_ACCOUNT,
    VIEW_STATE,
    VIEW_SELL,
    VIEW_BUY,
    VIEW_SIDE,
    VIEW_SELL_AMOUNT,
    VIEW_BUY_AMOUNT,
    VIEW_RATE,
    VIEW_MID,
    VIEW_SPREAD,
    VIEW_RESIDUE,
    VIEW_EXPIRES,
    VIEW_KEY_COUNT
};

static const struct wire_key view_keys[VIEW_KEY_COUNT] = {
    [VIEW_QUOTE] = {{"quote", 5}, FIELD_NONE},
    [VIEW_ACCOUNT] = {{"account", 7}, FIELD_NONE},
    [VIEW_STATE] = {{"state", 5}, FIELD_NONE},
    [VIEW_SELL] = {{"sell", 4}, FIELD_NONE},
    [VIEW_BUY] = {{"buy", 3}, FIELD_NONE},
    [VIEW_SIDE] = {{"side", 4}, FIELD_NONE},
    [VIEW_SELL_AMOUNT] = {{"sell_amount", 11}, FIELD_NONE},
    [VIEW_BUY_AMOUNT] = {{"buy_amount", 10}, FIELD_NONE},
    [VIEW_RATE] = {{"rate", 4}, FIELD_NONE},
    [VIEW_MID] = {{"mid", 3}, FIELD_NONE},
    [VIEW_SPREAD] = {{"spread", 6}, FIELD_NONE},
    [VIEW_RESIDUE] = {{"residue", 7}, FIELD_NONE},
    [VIEW_EXPIRES] = {{"expires", 7}, FIELD_NONE},
};

void wire_quote_write(struct mp_writer *w, uint64_t request_id, const struct ledger_quote_view *view)
{
    CHECK(view->state <= QUOTE_EXPIRED && view->side >= QUOTE_SELL && view->side <= QUOTE_BUY);
    wire_reply_begin(w, request_id, CODE_OK);
    mp_write_map(w, VIEW_KEY_COUNT);
    mp_write_text(w, "quote");
    mp_write_bin(w, view->id.bytes, sizeof view->id.bytes);
    mp_write_text(w, "account");
    mp_write_str(w, (struct str){view->account, view->account_length});
    mp_write_text(w, "state");
    mp_write_str(w, state_names[view->state]);
    write_currency(w, "sell", view->sell);
    write_currency(w, "buy", view->buy);
    mp_write_text(w, "side");
    mp_write_str(w, side_names[view->side]);
    write_number(w, "sell_amount", view->sell_amount);
    write_number(w, "buy_amount", view->buy_amount);
    write_rate(w, "rate", view->rate);
    write_rate(w, "mid", view->mid);
    write_number(w, "spread", view->spread);
    write_number(w, "residue", view->residue);
    write_number(w, "expires", view->expires_us);
}

void wire_desk_write(struct mp_writer *w, uint64_t request_id, const struct ledger_rate *rates,
                     const bool *is_stale, size_t rate_count, const struct ledger_pair *pairs,
                     size_t pair_count)
{
    wire_reply_begin(w, request_id, CODE_OK);
    mp_write_map(w, 2);
    mp_write_text(w, "rates");
    mp_write_array(w, (uint32_t)rate_count);
    for (size_t i = 0; i < rate_count; i++) {
        write_rate_values(w, &rates[i]);
        mp_write_text(w, "is_stale");
        mp_write_bool(w, is_stale[i]);
    }
    mp_write_text(w, "pairs");
    mp_write_array(w, (uint32_t)pair_count);
    for (size_t i = 0; i < pair_count; i++)
        write_pair_values(w, &pairs[i], PAIR_OPERATOR);
}

/* ---- reading replies ------------------------------------------------------------------------------ */

/* A rate that is shown may be zero: "0" where it is smaller than can be shown. */
static bool take_shown_rate(struct mp_reader *r, int64_t *out)
{
    struct str text;
    *out = 0;
    if (!mp_read_str(r, &text))
        return false;
    return str_equal(text, STR_LITERAL("0")) || money_parse(text, RATE_DECIMALS, out) == ERR_OK;
}

bool wire_quote_reply_read(const struct wire_reply *reply, struct ledger_quote_view *out)
{
    struct wire_values v;
    struct str account;
    *out = (struct ledger_quote_view){0};
    if (!wire_reply_values(reply, view_keys, VIEW_KEY_COUNT, &v) ||
        !wire_take_account(&v.at[VIEW_ACCOUNT], &account))
        return false;
    memcpy(out->account, account.data, account.length);
    out->account_length = (uint8_t)account.length;
    return wire_take_uuid(&v.at[VIEW_QUOTE], &out->id) &&
           wire_take_word(&v.at[VIEW_STATE], state_names, QUOTE_OPEN, QUOTE_EXPIRED, &out->state) &&
           wire_take_currency(&v.at[VIEW_SELL], &out->sell) == CODE_OK &&
           wire_take_currency(&v.at[VIEW_BUY], &out->buy) == CODE_OK &&
           wire_take_word(&v.at[VIEW_SIDE], side_names, QUOTE_SELL, QUOTE_BUY, &out->side) &&
           mp_read_int(&v.at[VIEW_SELL_AMOUNT], &out->sell_amount) &&
           mp_read_int(&v.at[VIEW_BUY_AMOUNT], &out->buy_amount) &&
           take_shown_rate(&v.at[VIEW_RATE], &out->rate) && take_shown_rate(&v.at[VIEW_MID], &out->mid) &&
           mp_read_int(&v.at[VIEW_SPREAD], &out->spread) && mp_read_int(&v.at[VIEW_RESIDUE], &out->residue) &&
           mp_read_int(&v.at[VIEW_EXPIRES], &out->expires_us);
}

enum { ROW_DEPTH = 2 };

static bool read_rate(struct mp_reader *r, struct ledger_rate *out, bool *is_stale)
{
    struct wire_key keys[RATE_KEY_COUNT];
    struct wire_values v;
    memcpy(keys, rate_keys, sizeof keys);
    keys[RATE_IS_STALE] = (struct wire_key){{"is_stale", 8}, FIELD_NONE};
    *out = (struct ledger_rate){0};
    if (!wire_values_read(r, ROW_DEPTH, keys, RATE_KEY_COUNT, &v) ||
        !mp_read_bool(&v.at[RATE_IS_STALE], is_stale))
        return false;
    rate_values(&v, out);
    return v.code == CODE_OK;
}

static bool read_pair(struct mp_reader *r, struct ledger_pair *out)
{
    struct wire_values v;
    *out = (struct ledger_pair){0};
    if (!wire_values_read(r, ROW_DEPTH, pair_keys, PAIR_OPERATOR, &v))
        return false;
    pair_values(&v, out);
    return v.code == CODE_OK;
}

bool wire_desk_reply_read(const struct wire_reply *reply, struct wire_desk *out)
{
    static const struct wire_key keys[] = {{{"rates", 5}, FIELD_NONE}, {{"pairs", 5}, FIELD_NONE}};
    struct wire_values v;
    uint32_t count;
    out->rate_count = out->pair_count = 0;
    if (!wire_reply_values(reply, keys, 2, &v) || !mp_read_array(&v.at[0], &count) ||
        count > LEDGER_RATES_MAX)
        return false;
    for (; out->rate_count < count; out->rate_count++) {
        if (!read_rate(&v.at[0], &out->rates[out->rate_count], &out->is_stale[out->rate_count]))
            return false;
    }
    if (!mp_read_array(&v.at[1], &count) || count > LEDGER_PAIRS_MAX)
        return false;
    for (; out->pair_count < count; out->pair_count++) {
        if (!read_pair(&v.at[1], &out->pairs[out->pair_count]))
            return false;
    }
    return true;
}
