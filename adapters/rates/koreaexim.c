/* The Eximbank's JSON, by jansson, and its numbers with thousands commas. */
#include "adapters/rates/koreaexim.h"

#include <jansson.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "adapters/rates/sheet_build.h"

enum { BYTES_MAX = 1 << 20, NUMBER_MAX = 32 };

static bool read_result(struct sheet_build *build, const json_t *row)
{
    const json_t *result = json_object_get(row, "result");
    if (!json_is_integer(result))
        return sheet_fail(build, "a row without a result");
    switch (json_integer_value(result)) {
    case 1:
        return true;
    case 2:
        return sheet_fail(build, "result 2: the data code is refused");
    case 3:
        return sheet_fail(build, "result 3: the key is refused");
    case 4:
        return sheet_fail(build, "result 4: the calls of the day are used up");
    default:
        return sheet_fail(build, "a result that is not known");
    }
}

static bool read_text(struct sheet_build *build, const json_t *row, const char *name, struct str *out)
{
    const json_t *value = json_object_get(row, name);
    if (!json_is_string(value))
        return sheet_fail(build, "a row without a text for its currency or its rates");
    *out = (struct str){json_string_value(value), (uint32_t)json_string_length(value)};
    return true;
}

/* "JPY(100)": the currency and how many of it. */
static bool read_unit(struct sheet_build *build, struct str text, struct rate_row *row)
{
    struct str code = {text.data, text.length < 3 ? text.length : 3};
    if (!sheet_currency(build, code, row->base))
        return false;
    row->units = 1;
    if (text.length == 3)
        return true;
    bool good =
        text.length >= 6 && text.data[3] == '(' && text.data[text.length - 1] == ')' && text.data[4] != '0';
    uint32_t units = 0;
    for (uint32_t i = 4; good && i < text.length - 1; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9' && units <= RATE_SHEET_UNITS_MAX;
        units = units * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (!good || units > RATE_SHEET_UNITS_MAX)
        return sheet_fail(build, "a unit that is none");
    row->units = units;
    return true;
}

/* Takes the thousands commas out: each is behind one to three digits, of which the first is no zero, and in front of just
 * three. A comma for the decimals ("1350,25") is thereby refused. */
static bool take_commas_out(struct str text, char out[NUMBER_MAX], uint32_t *length)
{
    uint32_t digits = 0, commas = 0, at = 0;
    for (; at < text.length && at < NUMBER_MAX && text.data[at] != '.'; at++) {
        if (text.data[at] != ',') {
            out[(*length)++] = text.data[at];
            digits++;
            continue;
        }
        if (digits == 0 || digits > 3 || (commas > 0 && digits != 3) || out[0] == '0')
            return false;
        commas++;
        digits = 0;
    }
    if (commas > 0 && digits != 3)
        return false;
    for (; at < text.length && at < NUMBER_MAX; at++)
        out[(*length)++] = text.data[at];
    return at == text.length;
}

static bool is_zero(struct str text)
{
    bool good = text.length > 0 && text.data[0] == '0';
    for (uint32_t i = 1; good && i < text.length; i++)
        good = text.data[i] == '0' || (i == 1 && text.data[i] == '.' && text.length > 2);
    return good;
}

static bool read_rate(struct sheet_build *build, const json_t *row, const char *name, bool may_be_zero,
                      int64_t *out)
{
    char number[NUMBER_MAX];
    uint32_t length = 0;
    struct str text = {0};
    if (!read_text(build, row, name, &text))
        return false;
    if (may_be_zero && is_zero(text)) {
        *out = 0;
        return true;
    }
    if (!take_commas_out(text, number, &length))
        return sheet_fail(build, "a rate with a comma where none belongs, or too long");
    return sheet_rate(build, (struct str){number, length}, out);
}

static bool read_row(struct sheet_build *build, const json_t *object)
{
    struct rate_row row = {.counter = "KRW"};
    struct str unit = {0};
    if (!read_result(build, object) || !read_text(build, object, "cur_unit", &unit))
        return false;
    if (str_equal(unit, STR_LITERAL("KRW")))
        return true;
    return read_unit(build, unit, &row) && read_rate(build, object, "deal_bas_r", false, &row.rate) &&
           read_rate(build, object, "ttb", true, &row.buy) &&
           read_rate(build, object, "tts", true, &row.sell) && sheet_row(build, row);
}

static enum err read_rows(const json_t *rows, int32_t date, struct rate_sheet *out, const char **why)
{
    struct sheet_build build;
    sheet_begin(&build, RATE_SHEET_KOREAEXIM);
    bool good = sheet_day(&build, date);
    for (size_t i = 0; good && i < json_array_size(rows); i++)
        good = read_row(&build, json_array_get(rows, i));
    return sheet_end(&build, out, why);
}

enum err koreaexim_read(const char *data, size_t length, int32_t date, struct rate_sheet *out,
                        const char **why)
{
    json_error_t error;
    enum err err = ERR_INVALID;
    *out = (struct rate_sheet){0};
    *why = "the document is too long";
    if (length > BYTES_MAX)
        return err;
    json_t *rows = json_loadb(data, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json_is_null(rows) || (json_is_array(rows) && json_array_size(rows) == 0)) {
        out->kind = RATE_SHEET_KOREAEXIM;
        err = ERR_OK;
    } else if (json_is_array(rows)) {
        err = read_rows(rows, date, out, why);
    } else {
        *why = "not an array of JSON";
    }
    json_decref(rows);
    return err;
}
