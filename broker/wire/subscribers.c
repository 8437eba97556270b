/* Bodies of subscriber.* and deadletter.* and their replies. */
#include "broker/wire/subscribers.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/wire/fields.h"

/* ---- values ------------------------------------------------------------------------------------- */

static bool take_name(struct mp_reader *r, struct str *out)
{
    return wire_take_account(r, out) && out->length <= WIRE_SUBSCRIBER_NAME_MAX;
}

static bool take_required(struct mp_reader *r, uint32_t max, struct str *out)
{
    return wire_take_text(r, max, out) && out->length > 0;
}

/* A user or a password before the host: the URL is shown to whoever looks, and the HTTP client refuses it. */
static bool has_user(struct str host)
{
    for (uint32_t i = 0; i < host.length && memchr("/?#", host.data[i], 3) == NULL; i++) {
        if (host.data[i] == '@')
            return true;
    }
    return false;
}

/* http or https, without a user, and nothing in it that could end a header or a line of a log. */
static bool take_url(struct mp_reader *r, struct str *out)
{
    if (!mp_read_str(r, out) || out->length > WIRE_URL_MAX)
        return false;
    for (uint32_t i = 0; i < out->length; i++) {
        if (out->data[i] <= ' ' || out->data[i] > '~')
            return false;
    }
    bool is_https = out->length > 8 && memcmp(out->data, "https://", 8) == 0;
    if (!is_https && (out->length <= 7 || memcmp(out->data, "http://", 7) != 0))
        return false;
    uint32_t scheme = is_https ? 8 : 7;
    return !has_user((struct str){out->data + scheme, out->length - scheme});
}

static bool take_secret(struct mp_reader *r, struct str *out)
{
    return mp_read_str(r, out) && out->length >= WIRE_SECRET_MIN && out->length <= WIRE_SECRET_MAX;
}

static bool take_from(struct mp_reader *r, bool *is_start)
{
    struct str word;
    *is_start = false;
    if (mp_read_nil(r))
        return true;
    if (!mp_read_str(r, &word))
        return false;
    *is_start = str_equal(word, STR_LITERAL("start"));
    return *is_start || str_equal(word, STR_LITERAL("now"));
}

static bool take_only(struct mp_reader *r, bool *is_for_alarms)
{
    struct str word;
    *is_for_alarms = !mp_read_nil(r);
    return !*is_for_alarms || (mp_read_str(r, &word) && str_equal(word, STR_LITERAL("alarms")));
}

/* A cursor of letters is the id of the last one shown, in decimal. */
static bool take_after(struct mp_reader *r, uint64_t *out)
{
    struct str text;
    *out = 0;
    if (!wire_take_cursor(r, &text) || text.length > 19)
        return false;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

/* ---- requests ----------------------------------------------------------------------------------- */

enum { ADD_NAME, ADD_URL, ADD_SECRET, ADD_FROM, ADD_ONLY, ADD_KEY_COUNT };

static const struct wire_key add_keys[ADD_KEY_COUNT] = {
    [ADD_NAME] = {{"name", 4}, FIELD_NAME},       [ADD_URL] = {{"url", 3}, FIELD_URL},
    [ADD_SECRET] = {{"secret", 6}, FIELD_SECRET}, [ADD_FROM] = {{"from", 4}, FIELD_CURSOR},
    [ADD_ONLY] = {{"only", 4}, FIELD_ONLY},
};

enum code wire_subscriber_read(const struct wire_header *header, struct wire_subscriber_command *out,
                               enum field *field)
{
    struct wire_values v;
    *out = (struct wire_subscriber_command){.is_from_start = false};
    enum code code = wire_body_values(header, add_keys, ADD_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    if (!take_name(&v.at[ADD_NAME], &out->name))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_NAME);
    if (!take_url(&v.at[ADD_URL], &out->url))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_URL);
    if (!take_secret(&v.at[ADD_SECRET], &out->secret))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_SECRET);
    if (!take_from(&v.at[ADD_FROM], &out->is_from_start))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_CURSOR);
    if (!take_only(&v.at[ADD_ONLY], &out->is_for_alarms))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_ONLY);
    *field = v.field;
    return v.code;
}

enum code wire_subscriber_name_read(const struct wire_header *header, struct str *name, enum field *field)
{
    struct wire_values v;
    enum code code = wire_body_values(header, add_keys, 1, &v, field);
    if (code == CODE_OK && !take_name(&v.at[ADD_NAME], name))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_NAME);
    if (code != CODE_OK)
        return code;
    *field = v.field;
    return v.code;
}

enum { LIST_NAME, LIST_LIMIT, LIST_CURSOR, LIST_KEY_COUNT };

enum code wire_letters_read(const struct wire_header *header, struct wire_letters_query *out,
                            enum field *field)
{
    static const struct wire_key keys[LIST_KEY_COUNT] = {
        [LIST_NAME] = {{"name", 4}, FIELD_NAME},
        [LIST_LIMIT] = {{"limit", 5}, FIELD_LIMIT},
        [LIST_CURSOR] = {{"cursor", 6}, FIELD_CURSOR},
    };
    struct wire_values v;
    *out = (struct wire_letters_query){.after = 0};
    enum code code = wire_body_values(header, keys, LIST_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    if (!mp_is_nil(&v.at[LIST_NAME]) && !take_name(&v.at[LIST_NAME], &out->name))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_NAME);
    if (!wire_take_limit(&v.at[LIST_LIMIT], WIRE_LETTERS_LIMIT, WIRE_LETTERS_MAX, &out->limit))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_LIMIT);
    if (!take_after(&v.at[LIST_CURSOR], &out->after))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_CURSOR);
    *field = v.field;
    return v.code;
}

enum { LETTER_ID, LETTER_OPERATOR, LETTER_REASON, LETTER_KEY_COUNT };

enum code wire_letter_read(const struct wire_header *header, struct wire_letter_command *out,
                           enum field *field)
{
    static const struct wire_key keys[LETTER_KEY_COUNT] = {
        [LETTER_ID] = {{"id", 2}, FIELD_ID},
        [LETTER_OPERATOR] = {{"operator", 8}, FIELD_OPERATOR},
        [LETTER_REASON] = {{"reason", 6}, FIELD_REASON},
    };
    struct wire_values v;
    bool is_resolve = header->operation == OPERATION_DEADLETTER_RESOLVE;
    *out = (struct wire_letter_command){.id = 0};
    enum code code = wire_body_values(header, keys, is_resolve ? LETTER_KEY_COUNT : LETTER_REASON, &v, field);
    if (code != CODE_OK)
        return code;
    if (!mp_read_uint(&v.at[LETTER_ID], &out->id) || out->id == 0)
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_ID);
    if (!take_required(&v.at[LETTER_OPERATOR], OWNER_MAX, &out->operator_name))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_OPERATOR);
    if (is_resolve && !take_required(&v.at[LETTER_REASON], MEMO_MAX, &out->reason))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_REASON);
    *field = v.field;
    return v.code;
}

/* ---- replies ------------------------------------------------------------------------------------ */

static void write_named(struct mp_writer *w, const char *name, struct str text)
{
    mp_write_text(w, name);
    wire_write_optional(w, text);
}

static void write_count(struct mp_writer *w, const char *name, uint64_t value)
{
    mp_write_text(w, name);
    mp_write_uint(w, value);
}

void wire_subscriber_write(struct mp_writer *w, const struct wire_subscriber *subscriber)
{
    mp_write_map(w, 10);
    write_named(w, "name", subscriber->name);
    write_named(w, "url", subscriber->url);
    write_named(w, "state", subscriber->state);
    write_count(w, "lag", subscriber->lag);
    write_count(w, "delivered", subscriber->delivered);
    write_count(w, "failures", subscriber->failures);
    write_count(w, "dead_letters", subscriber->dead_letters);
    mp_write_text(w, "next_try");
    if (subscriber->has_next_try)
        mp_write_int(w, subscriber->next_try_us);
    else
        mp_write_nil(w);
    write_named(w, "error", subscriber->error);
    write_named(w, "only", subscriber->only);
}

void wire_subscribers_begin(struct mp_writer *w, uint32_t count)
{
    mp_write_map(w, 1);
    mp_write_text(w, "subscribers");
    mp_write_array(w, count);
}

void wire_letters_begin(struct mp_writer *w, uint32_t count)
{
    mp_write_map(w, 2);
    mp_write_text(w, "letters");
    mp_write_array(w, count);
}

void wire_letter_write(struct mp_writer *w, const struct wire_letter *letter)
{
    mp_write_map(w, 8);
    write_count(w, "id", letter->id);
    write_named(w, "name", letter->name);
    write_count(w, "partition", letter->partition);
    write_count(w, "position", letter->position);
    mp_write_text(w, "time");
    mp_write_int(w, letter->time_us);
    write_count(w, "tries", letter->tries);
    mp_write_text(w, "state");
    mp_write_text(w, letter->is_wanted ? "retrying" : "dead");
    write_named(w, "error", letter->error);
}

void wire_letters_end(struct mp_writer *w, uint64_t next)
{
    char text[24];
    mp_write_text(w, "cursor");
    snprintf(text, sizeof text, "%" PRIu64, next);
    if (next != 0)
        mp_write_text(w, text);
    else
        mp_write_nil(w);
}

/* ---- the client's side ---------------------------------------------------------------------------- */

void wire_subscriber_body_write(struct mp_writer *w, const struct wire_subscriber_command *command)
{
    mp_write_map(w, command->is_for_alarms ? 5 : 4);
    write_named(w, "name", command->name);
    write_named(w, "url", command->url);
    write_named(w, "secret", command->secret);
    mp_write_text(w, "from");
    mp_write_text(w, command->is_from_start ? "start" : "now");
    if (!command->is_for_alarms)
        return;
    mp_write_text(w, "only");
    mp_write_text(w, "alarms");
}

void wire_subscriber_name_body_write(struct mp_writer *w, struct str name)
{
    mp_write_map(w, 1);
    write_named(w, "name", name);
}

void wire_letters_body_write(struct mp_writer *w, struct str name, uint32_t limit, struct str cursor)
{
    mp_write_map(w, 3);
    write_named(w, "name", name);
    write_count(w, "limit", limit);
    write_named(w, "cursor", cursor);
}

void wire_letter_body_write(struct mp_writer *w, const struct wire_letter_command *command)
{
    mp_write_map(w, command->reason.length > 0 ? 3 : 2);
    write_count(w, "id", command->id);
    write_named(w, "operator", command->operator_name);
    if (command->reason.length > 0)
        write_named(w, "reason", command->reason);
}
