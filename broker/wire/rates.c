/* Bodies of rate.* and their replies. */
#include "broker/wire/rates.h"

#include "actors/base/date.h"
#include "actors/base/rate.h"
#include "broker/wire/fields.h"

/* ---- values --------------------------------------------------------------------------------------- */

/* Three capital letters: a history has currencies that are not of ISO 4217 any more. */
static bool take_code(struct mp_reader *r, char out[CURRENCY_CODE_LENGTH + 1])
{
    struct mp_reader next = *r;
    struct str code;
    if (!mp_read_str(&next, &code) || code.length != CURRENCY_CODE_LENGTH)
        return false;
    for (uint32_t i = 0; i < code.length; i++) {
        if (code.data[i] < 'A' || code.data[i] > 'Z')
            return false;
        out[i] = code.data[i];
    }
    out[CURRENCY_CODE_LENGTH] = '\0';
    *r = next;
    return true;
}

static bool take_source(struct mp_reader *r, struct str *out)
{
    return mp_read_str(r, out) && text_is_product(*out);
}

static bool take_date(struct mp_reader *r, int32_t *out)
{
    struct str text;
    return mp_read_str(r, &text) && date_parse(text, out);
}

/* ---- requests ------------------------------------------------------------------------------------- */

enum { KEY_SOURCE, KEY_BASE, KEY_COUNTER, LATEST_KEY_COUNT };

/* The keys that all queries begin with. */
#define PAIR_KEYS                                                                         \
    [KEY_SOURCE] = {{"source", 6}, FIELD_SOURCE}, [KEY_BASE] = {{"base", 4}, FIELD_BASE}, \
    [KEY_COUNTER] = {{"counter", 7}, FIELD_COUNTER}

static void take_pair(struct wire_values *v, bool is_optional, struct wire_rate_query *out)
{
    if (!take_source(&v->at[KEY_SOURCE], &out->source))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_SOURCE);
    if (!(is_optional && mp_is_nil(&v->at[KEY_BASE])) && !take_code(&v->at[KEY_BASE], out->base))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_BASE);
    if (!(is_optional && mp_is_nil(&v->at[KEY_COUNTER])) && !take_code(&v->at[KEY_COUNTER], out->counter))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_COUNTER);
}

enum code wire_rate_latest_read(const struct wire_header *header, struct wire_rate_query *out,
                                enum field *field)
{
    static const struct wire_key keys[LATEST_KEY_COUNT] = {PAIR_KEYS};
    struct wire_values v;
    *out = (struct wire_rate_query){.limit = WIRE_RATES_MAX};
    enum code code = wire_body_values(header, keys, LATEST_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    take_pair(&v, true, out);
    *field = v.field;
    return v.code;
}

enum { ASOF_DATE = LATEST_KEY_COUNT, ASOF_KEY_COUNT };

enum code wire_rate_asof_read(const struct wire_header *header, struct wire_rate_query *out,
                              enum field *field)
{
    static const struct wire_key keys[ASOF_KEY_COUNT] = {PAIR_KEYS, [ASOF_DATE] = {{"date", 4}, FIELD_DATE}};
    struct wire_values v;
    *out = (struct wire_rate_query){.limit = 1};
    enum code code = wire_body_values(header, keys, ASOF_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    take_pair(&v, false, out);
    if (!take_date(&v.at[ASOF_DATE], &out->to))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_DATE);
    *field = v.field;
    return v.code;
}

enum { RANGE_FROM = LATEST_KEY_COUNT, RANGE_TO, RANGE_LIMIT, RANGE_CURSOR, RANGE_KEY_COUNT };

/* A cursor is the day with which the next page begins. */
enum code wire_rate_range_read(const struct wire_header *header, struct wire_rate_query *out,
                               enum field *field)
{
    static const struct wire_key keys[RANGE_KEY_COUNT] = {
        PAIR_KEYS,
        [RANGE_FROM] = {{"from", 4}, FIELD_DATE},
        [RANGE_TO] = {{"to", 2}, FIELD_DATE},
        [RANGE_LIMIT] = {{"limit", 5}, FIELD_LIMIT},
        [RANGE_CURSOR] = {{"cursor", 6}, FIELD_CURSOR},
    };
    struct wire_values v;
    struct str cursor;
    *out = (struct wire_rate_query){.limit = 0};
    enum code code = wire_body_values(header, keys, RANGE_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    take_pair(&v, false, out);
    if (!take_date(&v.at[RANGE_FROM], &out->from) || !take_date(&v.at[RANGE_TO], &out->to))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_DATE);
    if (!wire_take_limit(&v.at[RANGE_LIMIT], WIRE_RATES_LIMIT, WIRE_RATES_MAX, &out->limit))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_LIMIT);
    if (!wire_take_cursor(&v.at[RANGE_CURSOR], &cursor) ||
        (cursor.length > 0 && !date_parse(cursor, &out->from)))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_CURSOR);
    *field = v.field;
    return v.code;
}

enum { DECISION_ID, DECISION_OPERATOR, DECISION_KEY_COUNT };

enum code wire_rate_decision_read(const struct wire_header *header, struct wire_rate_decision *out,
                                  enum field *field)
{
    static const struct wire_key keys[DECISION_KEY_COUNT] = {
        [DECISION_ID] = {{"id", 2}, FIELD_ID},
        [DECISION_OPERATOR] = {{"operator", 8}, FIELD_OPERATOR},
    };
    struct wire_values v;
    *out = (struct wire_rate_decision){.id = 0};
    enum code code = wire_body_values(header, keys, DECISION_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    if (!mp_read_uint(&v.at[DECISION_ID], &out->id))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_ID);
    if (!wire_take_text(&v.at[DECISION_OPERATOR], OWNER_MAX, &out->operator_name) ||
        out->operator_name.length == 0)
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_OPERATOR);
    *field = v.field;
    return v.code;
}

/* ---- replies -------------------------------------------------------------------------------------- */

static void write_rate_text(struct mp_writer *w, const char *key, int64_t rate)
{
    char text[RATE_TEXT_MAX];
    mp_write_text(w, key);
    if (rate <= 0) {
        mp_write_nil(w);
        return;
    }
    size_t length = rate_format(rate, text);
    mp_write_str(w, (struct str){text, (uint32_t)length});
}

static void write_date(struct mp_writer *w, int32_t date)
{
    char text[DATE_TEXT_MAX];
    date_format(date, text);
    mp_write_text(w, text);
}

static void write_time(struct mp_writer *w, const char *key, int64_t time_us)
{
    mp_write_text(w, key);
    if (time_us == 0)
        mp_write_nil(w);
    else
        mp_write_int(w, time_us);
}

enum { RATE_KEYS = 10 };

void wire_rate_write(struct mp_writer *w, const char *source, const struct published_rate *rate, uint64_t id,
                     const char *why)
{
    mp_write_map(w, why != NULL ? RATE_KEYS + 2 : RATE_KEYS);
    mp_write_text(w, "source");
    mp_write_text(w, source);
    mp_write_text(w, "base");
    mp_write_text(w, rate->base);
    mp_write_text(w, "counter");
    mp_write_text(w, rate->counter);
    mp_write_text(w, "date");
    write_date(w, rate->date);
    write_rate_text(w, "rate", rate->rate);
    mp_write_text(w, "units");
    mp_write_uint(w, rate->units);
    write_rate_text(w, "buy", rate->buy);
    write_rate_text(w, "sell", rate->sell);
    mp_write_text(w, "taken");
    mp_write_int(w, rate->taken_us);
    mp_write_text(w, "accepted_by");
    wire_write_optional(w, str_from(rate->accepted_by));
    if (why == NULL)
        return;
    mp_write_text(w, "id");
    mp_write_uint(w, id);
    mp_write_text(w, "why");
    mp_write_text(w, why);
}

void wire_rates_begin(struct mp_writer *w, uint32_t count, bool has_cursor)
{
    mp_write_map(w, has_cursor ? 2 : 1);
    mp_write_text(w, "rates");
    mp_write_array(w, count);
}

void wire_rates_cursor_write(struct mp_writer *w, int32_t next)
{
    mp_write_text(w, "cursor");
    if (next < 0)
        mp_write_nil(w);
    else
        write_date(w, next);
}

void wire_rate_sources_begin(struct mp_writer *w, uint32_t count)
{
    mp_write_map(w, 1);
    mp_write_text(w, "sources");
    mp_write_array(w, count);
}

void wire_rate_source_write(struct mp_writer *w, const struct wire_rate_source *source)
{
    mp_write_map(w, 7);
    mp_write_text(w, "source");
    mp_write_text(w, source->source);
    mp_write_text(w, "state");
    mp_write_text(w, source->state);
    write_time(w, "last_try", source->last_try_us);
    write_time(w, "last_success", source->last_success_us);
    write_time(w, "next_try", source->next_try_us);
    mp_write_text(w, "failures");
    mp_write_uint(w, source->failures);
    mp_write_text(w, "error");
    wire_write_optional(w, str_from(source->error));
}

/* ---- the client's side ---------------------------------------------------------------------------- */

static void write_optional(struct mp_writer *w, const char *key, struct str value)
{
    mp_write_text(w, key);
    wire_write_optional(w, value);
}

static void write_pair(struct mp_writer *w, uint32_t count, const struct wire_rate_body *body)
{
    mp_write_map(w, count);
    write_optional(w, "source", body->source);
    write_optional(w, "base", body->base);
    write_optional(w, "counter", body->counter);
}

void wire_rate_latest_body_write(struct mp_writer *w, const struct wire_rate_body *body)
{
    write_pair(w, LATEST_KEY_COUNT, body);
}

void wire_rate_asof_body_write(struct mp_writer *w, const struct wire_rate_body *body)
{
    write_pair(w, ASOF_KEY_COUNT, body);
    write_optional(w, "date", body->date);
}

void wire_rate_range_body_write(struct mp_writer *w, const struct wire_rate_body *body)
{
    write_pair(w, RANGE_KEY_COUNT, body);
    write_optional(w, "from", body->date);
    write_optional(w, "to", body->to);
    mp_write_text(w, "limit");
    mp_write_uint(w, body->limit);
    write_optional(w, "cursor", body->cursor);
}

void wire_rate_decision_body_write(struct mp_writer *w, const struct wire_rate_decision *decision)
{
    mp_write_map(w, DECISION_KEY_COUNT);
    mp_write_text(w, "id");
    mp_write_uint(w, decision->id);
    mp_write_text(w, "operator");
    mp_write_str(w, decision->operator_name);
}
