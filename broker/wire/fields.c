/* Indexing of maps, and the values that several bodies have. */
#include "broker/wire/fields.h"

#include "actors/base/check.h"

static const uint8_t nil_byte = 0xc0;

void wire_values_init(struct wire_values *values)
{
    for (size_t i = 0; i < WIRE_KEYS_MAX; i++)
        values->at[i] = (struct mp_reader){&nil_byte, &nil_byte + 1};
    values->given = 0;
    values->code = CODE_OK;
    values->field = FIELD_NONE;
}

void wire_values_fault(struct wire_values *values, enum code code, enum field field)
{
    if (values->code == CODE_OK) {
        values->code = code;
        values->field = field;
    }
}

/* The index of a key, or key_count. */
static size_t find_key(struct str name, const struct wire_key *keys, size_t key_count)
{
    size_t i = 0;
    while (i < key_count && !str_equal(keys[i].name, name))
        i++;
    return i;
}

/* Passes one key and finds its index; a key that is no string is unknown. false: malformed. */
static bool read_key(struct mp_reader *r, unsigned depth, const struct wire_key *keys, size_t key_count,
                     size_t *index)
{
    struct str name;
    *index = key_count;
    if (!mp_read_str(r, &name))
        return mp_skip(r, depth);
    *index = find_key(name, keys, key_count);
    return true;
}

bool wire_values_read(struct mp_reader *r, unsigned depth, const struct wire_key *keys, size_t key_count,
                      struct wire_values *out)
{
    uint32_t pairs;
    CHECK(key_count <= WIRE_KEYS_MAX);
    wire_values_init(out);
    if (!mp_read_map(r, &pairs))
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        size_t key;
        if (!read_key(r, depth, keys, key_count, &key))
            return false;
        struct mp_reader value = *r;
        if (!mp_skip(r, depth))
            return false;
        value.end = r->at;
        if (key == key_count) {
            wire_values_fault(out, CODE_BAD_REQUEST, FIELD_NONE);
        } else if (out->given >> key & 1) {
            wire_values_fault(out, CODE_BAD_REQUEST, keys[key].field);
        } else {
            out->given |= UINT32_C(1) << key;
            out->at[key] = value;
        }
    }
    return true;
}

enum { BODY_LEVEL = 2 }; /* the frame's array, the body's map */

enum code wire_body_values(const struct wire_header *header, const struct wire_key *keys, size_t key_count,
                           struct wire_values *out, enum field *field)
{
    struct mp_reader r = wire_body_reader(header);
    *field = FIELD_BODY;
    if (!wire_values_read(&r, MP_DEPTH_MAX - BODY_LEVEL, keys, key_count, out) || !mp_at_end(&r))
        return CODE_BAD_REQUEST;
    *field = out->field;
    return out->code;
}

enum { MEMBER_ACCOUNT, MEMBER_ID, MEMBER_KEY_COUNT };

enum code wire_member_read(const struct wire_header *header, enum field member, struct str *account,
                           struct uuid *id, enum field *field)
{
    const struct wire_key keys[MEMBER_KEY_COUNT] = {
        [MEMBER_ACCOUNT] = {STR_LITERAL("account"), FIELD_ACCOUNT},
        [MEMBER_ID] = {str_from(field_name(member)), member},
    };
    struct wire_values v;
    enum code code = wire_body_values(header, keys, MEMBER_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    if (!wire_take_account(&v.at[MEMBER_ACCOUNT], account))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    if (!wire_take_uuid(&v.at[MEMBER_ID], id))
        wire_values_fault(&v, CODE_INVALID_FIELD, member);
    *field = v.field;
    return v.code;
}

void wire_member_body_write(struct mp_writer *w, struct str account, enum field member, const struct uuid *id)
{
    mp_write_map(w, MEMBER_KEY_COUNT);
    mp_write_text(w, "account");
    mp_write_str(w, account);
    mp_write_str(w, str_from(field_name(member)));
    mp_write_bin(w, id->bytes, sizeof id->bytes);
}

void wire_page_query_values(struct wire_values *values, size_t key, uint32_t normal, uint32_t most,
                            uint32_t *limit, struct str *cursor)
{
    if (!wire_take_limit(&values->at[key], normal, most, limit))
        wire_values_fault(values, CODE_INVALID_FIELD, FIELD_LIMIT);
    if (!wire_take_cursor(&values->at[key + 1], cursor))
        wire_values_fault(values, CODE_INVALID_FIELD, FIELD_CURSOR);
}

void wire_page_query_write(struct mp_writer *w, uint32_t limit, struct str cursor)
{
    mp_write_text(w, "limit");
    mp_write_uint(w, limit);
    mp_write_text(w, "cursor");
    wire_write_optional(w, cursor);
}

enum { PAGE_THINGS, PAGE_CURSOR, PAGE_KEY_COUNT };

void wire_page_begin(struct mp_writer *w, const char *name, size_t count)
{
    mp_write_map(w, PAGE_KEY_COUNT);
    mp_write_text(w, name);
    mp_write_array(w, (uint32_t)count);
}

void wire_page_end(struct mp_writer *w, struct str cursor)
{
    mp_write_text(w, "cursor");
    wire_write_optional(w, cursor);
}

bool wire_page_read(const struct wire_reply *reply, const char *name, size_t capacity,
                    struct mp_reader *things, size_t *count, struct str *cursor)
{
    const struct wire_key keys[PAGE_KEY_COUNT] = {
        [PAGE_THINGS] = {str_from(name), FIELD_NONE},
        [PAGE_CURSOR] = {STR_LITERAL("cursor"), FIELD_NONE},
    };
    struct wire_values page;
    uint32_t there;
    if (!wire_reply_values(reply, keys, PAGE_KEY_COUNT, &page) ||
        !wire_take_string(&page.at[PAGE_CURSOR], cursor) || !mp_read_array(&page.at[PAGE_THINGS], &there) ||
        there > capacity)
        return false;
    *things = page.at[PAGE_THINGS];
    *count = there;
    return true;
}

bool wire_reply_values(const struct wire_reply *reply, const struct wire_key *keys, size_t key_count,
                       struct wire_values *out)
{
    struct mp_reader r = mp_reader_of(reply->body.data, reply->body.length);
    return wire_values_read(&r, MP_DEPTH_MAX - BODY_LEVEL, keys, key_count, out) && mp_at_end(&r);
}

bool wire_take_uuid_other(struct mp_reader *r, struct uuid *out)
{
    struct mp_reader next = *r;
    struct str bytes;
    struct uuid id;
    if (!mp_read_bin(&next, &bytes) && !mp_read_str(&next, &bytes))
        return false;
    if (bytes.length == sizeof id.bytes)
        memcpy(id.bytes, bytes.data, sizeof id.bytes);
    else if (!uuid_parse(bytes, &id))
        return false;
    if (uuid_is_nil(&id))
        return false;
    *out = id;
    *r = next;
    return true;
}

enum code wire_take_currency_other(struct mp_reader *r, currency_index *out)
{
    struct mp_reader next = *r;
    struct str code;
    *out = CURRENCY_NONE;
    if (!mp_read_str(&next, &code) || code.length != CURRENCY_CODE_LENGTH)
        return CODE_INVALID_FIELD;
    for (uint32_t i = 0; i < code.length; i++) {
        if (code.data[i] < 'A' || code.data[i] > 'Z')
            return CODE_INVALID_FIELD;
    }
    *out = currency_find(code.data, code.length);
    if (*out == CURRENCY_NONE)
        return CODE_UNKNOWN_CURRENCY;
    *r = next;
    return CODE_OK;
}

bool wire_take_text_given(struct mp_reader *r, uint32_t max, struct str *out)
{
    struct mp_reader next = *r;
    struct str text;
    if (!mp_read_str(&next, &text) || text.length > max || !text_is_clean(text))
        return false;
    *out = text;
    *r = next;
    return true;
}

bool wire_take_required_text(struct mp_reader *r, uint32_t max, struct str *out)
{
    return wire_take_text_given(r, max, out) && out->length > 0;
}

bool wire_take_client_account(struct mp_reader *r, struct str *out)
{
    struct mp_reader next = *r;
    if (!wire_take_account(&next, out) || text_is_reserved_id(*out))
        return false;
    *r = next;
    return true;
}

static bool amount_in(struct mp_reader *r, currency_index currency, int64_t *out)
{
    struct str text;
    if (!mp_read_str(r, &text))
        return mp_read_int(r, out) && *out >= 1 && *out <= MONEY_MAX;
    if (currency == CURRENCY_NONE)
        return money_parse(text, 0, out) != ERR_INVALID;
    return money_parse(text, currency_at(currency)->exponent, out) == ERR_OK && *out >= 1 &&
           *out <= MONEY_MAX;
}

bool wire_take_amount(struct mp_reader *r, currency_index currency, int64_t *out)
{
    struct mp_reader next = *r;
    if (!amount_in(&next, currency, out))
        return false;
    *r = next;
    return true;
}

bool wire_word_find(struct str word, const struct str *names, uint8_t first, uint8_t last, uint8_t *out)
{
    for (*out = first; *out <= last; ++*out) {
        if (str_equal(word, names[*out]))
            return true;
    }
    return false;
}

bool wire_take_word(struct mp_reader *r, const struct str *names, uint8_t first, uint8_t last, uint8_t *out)
{
    struct mp_reader next = *r;
    struct str word;
    if (!mp_read_str(&next, &word) || !wire_word_find(word, names, first, last, out))
        return false;
    *r = next;
    return true;
}

bool wire_take_cursor(struct mp_reader *r, struct str *out)
{
    struct mp_reader next = *r;
    struct str text = {0};
    if (!mp_read_nil(&next) && (!mp_read_str(&next, &text) || text.length == 0 ||
                                text.length > WIRE_CURSOR_MAX || !text_is_clean(text)))
        return false;
    *out = text;
    *r = next;
    return true;
}

bool wire_take_limit(struct mp_reader *r, uint32_t normal, uint32_t max, uint32_t *out)
{
    struct mp_reader next = *r;
    uint64_t limit = normal;
    if (!mp_read_nil(&next) && (!mp_read_uint(&next, &limit) || limit < 1 || limit > max))
        return false;
    *out = (uint32_t)limit;
    *r = next;
    return true;
}

bool wire_take_string(struct mp_reader *r, struct str *out)
{
    *out = (struct str){0};
    return mp_read_nil(r) || mp_read_str(r, out);
}

bool wire_take_copy(struct mp_reader *r, uint8_t max, char *out, uint8_t *length)
{
    struct mp_reader next = *r;
    struct str text;
    if (!wire_take_string(&next, &text) || text.length > max)
        return false;
    if (text.length > 0)
        memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    *length = (uint8_t)text.length;
    *r = next;
    return true;
}

bool wire_take_optional_uuid(struct mp_reader *r, struct uuid *out)
{
    *out = (struct uuid){0};
    return mp_read_nil(r) || wire_take_uuid(r, out);
}

bool wire_take_optional_rate(struct mp_reader *r, int64_t *out)
{
    const uint8_t *start = r->at;
    struct str text;
    *out = 0;
    if (mp_read_nil(r) || (mp_read_str(r, &text) && rate_parse(text, out) == ERR_OK))
        return true;
    r->at = start;
    return false;
}

uint8_t *wire_put_optional_rate(uint8_t *at, int64_t rate)
{
    char text[RATE_TEXT_MAX];
    return wire_put_optional(at, (struct str){text, rate > 0 ? (uint32_t)rate_format(rate, text) : 0});
}
