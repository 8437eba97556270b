#include "broker/command/answer.h"

#include <inttypes.h>

/* ---- JSON ------------------------------------------------------------------------------------- */

static bool members_json(struct mp_reader *r, struct emit *json, uint32_t count, bool has_names)
{
    for (uint32_t i = 0; i < count; i++) {
        char text[64];
        struct str name;
        if (has_names) {
            if (!mp_read_str(r, &name))
                return false;
            snprintf(text, sizeof text, "%.*s", (int)name.length, name.data);
        }
        if (!answer_json(r, json, has_names ? text : NULL))
            return false;
    }
    emit_end(json);
    return true;
}

static bool id_json(struct mp_reader *r, struct emit *json, const char *name)
{
    struct str bytes;
    struct uuid id;
    if (!mp_read_bin(r, &bytes) || bytes.length != sizeof id.bytes)
        return false;
    memcpy(id.bytes, bytes.data, sizeof id.bytes);
    emit_uuid(json, name, &id);
    return true;
}

bool answer_json(struct mp_reader *r, struct emit *json, const char *name)
{
    uint64_t number;
    int64_t negative;
    uint32_t count;
    struct str text;
    bool flag;
    if (mp_read_nil(r))
        emit_null(json, name);
    else if (mp_read_bool(r, &flag))
        emit_bool(json, name, flag);
    else if (mp_read_uint(r, &number))
        emit_unsigned(json, name, number);
    else if (mp_read_int(r, &negative))
        emit_number(json, name, negative);
    else if (mp_read_str(r, &text))
        emit_str(json, name, text);
    else if (mp_read_map(r, &count)) {
        emit_object_in(json, name);
        return members_json(r, json, count, true);
    } else if (mp_read_array(r, &count)) {
        emit_array(json, name);
        return members_json(r, json, count, false);
    } else
        return id_json(r, json, name) || mp_skip(r, 0);
    return true;
}

/* ---- tables ----------------------------------------------------------------------------------- */

bool answer_find(const struct mp_reader *r, const char *key, struct mp_reader *value)
{
    struct mp_reader at = *r;
    uint32_t count;
    struct str name;
    if (!mp_read_map(&at, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_read_str(&at, &name))
            return false;
        if (str_equal(name, str_from(key))) {
            *value = at;
            return true;
        }
        if (!mp_skip(&at, MP_DEPTH_MAX))
            return false;
    }
    return false;
}

static void print_cell(const struct answer_column *column, const char *text)
{
    if (column->width == 0)
        printf("%s", text);
    else
        printf("%*s  ", column->width, text);
}

static void print_value(const struct answer_column *column, struct mp_reader value)
{
    char cell[1024] = "-";
    uint64_t number;
    struct str text;
    if (mp_read_uint(&value, &number)) {
        if (column->is_time)
            snprintf(cell, sizeof cell, "%s", time_text((int64_t)number));
        else
            snprintf(cell, sizeof cell, "%" PRIu64, number);
    } else if (mp_read_str(&value, &text)) {
        snprintf(cell, sizeof cell, "%.*s", (int)text.length, text.data);
    }
    print_cell(column, cell);
}

bool answer_table(struct mp_reader *r, const struct answer_column *columns, size_t count)
{
    uint32_t rows;
    if (!mp_read_array(r, &rows))
        return false;
    for (size_t c = 0; c < count; c++)
        print_cell(&columns[c], columns[c].title);
    printf("\n");
    for (uint32_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < count; c++) {
            struct mp_reader value;
            if (!answer_find(r, columns[c].key, &value))
                return false;
            print_value(&columns[c], value);
        }
        printf("\n");
        if (!mp_skip(r, MP_DEPTH_MAX))
            return false;
    }
    return true;
}

bool answer_list(struct str body, bool is_json, const char *key, const struct answer_column *columns,
                 size_t count)
{
    struct mp_reader check = mp_reader_of(body.data, body.length);
    struct mp_reader r = check, rows, cursor;
    struct str text;
    if (!mp_skip(&check, MP_DEPTH_MAX) || !answer_find(&r, key, &rows))
        return false;
    if (is_json) {
        struct emit json = emit_to(stdout);
        bool is_read = answer_json(&r, &json, NULL);
        emit_line(&json);
        return is_read;
    }
    if (!answer_table(&rows, columns, count))
        return false;
    if (answer_find(&r, "cursor", &cursor) && mp_read_str(&cursor, &text))
        printf("There are more: --cursor %.*s\n", (int)text.length, text.data);
    return true;
}
