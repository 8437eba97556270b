#include "broker/command/bank_statement.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/text.h"
#include "broker/command/csv.h"
#include "broker/command/print.h"
#include "broker/options.h"

enum { NAME_MAX_BYTES = 256 };

/* ---- rows ----------------------------------------------------------------------------------------- */

static char none[1] = "";

static char *keep(struct str text)
{
    return text.length == 0 ? none : strndup(text.data, text.length);
}

static void let_go(const char *text)
{
    if (text != none)
        free((void *)(uintptr_t)text);
}

bool row_list_add(struct row_list *self, const struct reconcile_row *row, struct str reference, struct str id)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 1024 : 2 * self->capacity;
        struct reconcile_row *rows = reallocarray(self->rows, capacity, sizeof *rows);
        if (rows == NULL)
            return false;
        self->rows = rows;
        self->capacity = capacity;
    }
    struct reconcile_row *added = &self->rows[self->count];
    *added = *row;
    added->reference = keep(reference);
    added->id = keep(id);
    if (added->reference != NULL && added->id != NULL) {
        self->count++;
        return true;
    }
    if (added->reference != NULL)
        let_go(added->reference);
    if (added->id != NULL)
        let_go(added->id);
    return false;
}

void row_list_release(struct row_list *self)
{
    for (size_t i = 0; i < self->count; i++) {
        let_go(self->rows[i].reference);
        let_go(self->rows[i].id);
    }
    free(self->rows);
    *self = (struct row_list){0};
}

/* ---- values --------------------------------------------------------------------------------------- */

enum column {
    COLUMN_NUMBER,
    COLUMN_TIME,
    COLUMN_DIRECTION,
    COLUMN_AMOUNT,
    COLUMN_CURRENCY,
    COLUMN_REFERENCE,
    COLUMN_ID,
    COLUMNS
};

static const struct {
    const char *name;
    bool is_required;
} columns[COLUMNS] = {
    [COLUMN_NUMBER] = {"number", false},
    [COLUMN_TIME] = {"time", true},
    [COLUMN_DIRECTION] = {"direction", true},
    [COLUMN_AMOUNT] = {"amount", true},
    [COLUMN_CURRENCY] = {"currency", true},
    [COLUMN_REFERENCE] = {"reference", false},
    [COLUMN_ID] = {"id", false},
};

struct reading {
    struct row_list *out;
    char *why;
    const char *unit; /* "line", "entry" */
    uint64_t place;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct reading *self, const char *format, ...)
{
    va_list arguments;
    int length = self->place == 0 ? 0
                                  : snprintf(self->why, BANK_STATEMENT_WHY_MAX, "%s %llu: ", self->unit,
                                             (unsigned long long)self->place);
    va_start(arguments, format);
    vsnprintf(self->why + length, BANK_STATEMENT_WHY_MAX - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

static bool read_number(struct reading *self, struct str text, uint64_t *out)
{
    char copy[24];
    *out = self->place;
    if (text.length == 0)
        return true;
    snprintf(copy, sizeof copy, "%.*s", (int)text.length, text.data);
    return text.length < sizeof copy && options_number(copy, out) ? true
                                                                  : refuse(self, "'number' is no number");
}

static bool read_time(struct reading *self, struct str text, int64_t *out)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)text.length, text.data);
    return text.length < sizeof copy && time_parse(copy, out)
               ? true
               : refuse(self, "'time' does not look like 2026-11-21T10:00:00Z");
}

static bool read_money(struct reading *self, const struct str values[COLUMNS], struct reconcile_row *out)
{
    const char *why = "";
    struct str currency = values[COLUMN_CURRENCY];
    out->currency = currency_find(currency.data, currency.length);
    if (out->currency == CURRENCY_NONE)
        return refuse(self, "'currency' is no currency");
    if (!amount_parse(values[COLUMN_AMOUNT], out->currency, false, &out->amount, &why))
        return refuse(self, "'amount': %s", why);
    return out->amount > 0 ? true : refuse(self, "'amount' is not above zero");
}

static bool is_name(struct str text)
{
    return text.length <= NAME_MAX_BYTES && text_is_clean(text);
}

static bool add_row(struct reading *self, const struct str values[COLUMNS])
{
    struct reconcile_row row = {.is_inside = true};
    struct str direction = values[COLUMN_DIRECTION];
    row.is_in = str_equal(direction, STR_LITERAL("in"));
    if (!row.is_in && !str_equal(direction, STR_LITERAL("out")))
        return refuse(self, "'direction' is neither in nor out");
    if (!read_number(self, values[COLUMN_NUMBER], &row.number) ||
        !read_time(self, values[COLUMN_TIME], &row.time_us) || !read_money(self, values, &row))
        return false;
    if (!is_name(values[COLUMN_REFERENCE]) || !is_name(values[COLUMN_ID]))
        return refuse(self, "'reference' or 'id' is too long, or no clean text");
    if (values[COLUMN_REFERENCE].length == 0 && values[COLUMN_ID].length == 0)
        return refuse(self, "there is neither 'reference' nor 'id'");
    return row_list_add(self->out, &row, values[COLUMN_REFERENCE], values[COLUMN_ID])
               ? true
               : refuse(self, "no memory");
}

/* ---- CSV ------------------------------------------------------------------------------------------ */

/* Which field each column is; SIZE_MAX: none. */
static bool read_head(struct reading *self, const struct csv *csv, size_t places[COLUMNS])
{
    for (int c = 0; c < COLUMNS; c++) {
        places[c] = SIZE_MAX;
        for (size_t i = 0; i < csv->field_count; i++) {
            if (!str_equal(csv->fields[i], str_from(columns[c].name)))
                continue;
            if (places[c] != SIZE_MAX)
                return refuse(self, "two columns are called '%s'", columns[c].name);
            places[c] = i;
        }
        if (places[c] == SIZE_MAX && columns[c].is_required)
            return refuse(self, "there is no column '%s'", columns[c].name);
    }
    return true;
}

static bool read_csv_rows(struct reading *self, struct csv *csv)
{
    size_t places[COLUMNS];
    const char *why = NULL;
    enum csv_result result = csv_next(csv, &why);
    self->place = csv->record_line;
    if (result != CSV_RECORD)
        return refuse(self, "%s", result == CSV_END ? "there is nothing in it" : why);
    if (!read_head(self, csv, places))
        return false;
    size_t width = csv->field_count;
    while ((result = csv_next(csv, &why)) == CSV_RECORD) {
        struct str values[COLUMNS] = {{0}};
        self->place = csv->record_line;
        if (csv->field_count != width)
            return refuse(self, "it has %zu fields, not %zu", csv->field_count, width);
        for (int c = 0; c < COLUMNS; c++) {
            if (places[c] != SIZE_MAX)
                values[c] = csv->fields[places[c]];
        }
        if (!add_row(self, values))
            return false;
    }
    self->place = csv->record_line;
    return result == CSV_END ? true : refuse(self, "%s", why);
}

static bool read_csv(struct reading *self, const char *bytes, size_t length)
{
    struct csv *csv = malloc(sizeof *csv); /* it is large */
    if (csv == NULL)
        return refuse(self, "no memory");
    self->unit = "line";
    csv_init(csv, bytes, length);
    bool is_read = read_csv_rows(self, csv);
    free(csv);
    return is_read;
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static bool read_entry(struct reading *self, json_t *entry)
{
    struct str values[COLUMNS] = {{0}};
    char number[24];
    if (!json_is_object(entry))
        return refuse(self, "it is no object");
    for (int c = 0; c < COLUMNS; c++) {
        const json_t *value = json_object_get(entry, columns[c].name);
        bool is_absent = value == NULL || json_is_null(value);
        if (is_absent && columns[c].is_required)
            return refuse(self, "'%s' is missing", columns[c].name);
        if (is_absent)
            continue;
        if (c == COLUMN_NUMBER && json_is_integer(value) && json_integer_value(value) >= 0) {
            snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
            values[c] = str_from(number);
        } else if (json_is_string(value) && json_string_length(value) <= UINT32_MAX) {
            values[c] = (struct str){json_string_value(value), (uint32_t)json_string_length(value)};
        } else {
            return refuse(self, "'%s' has to be a text", columns[c].name);
        }
    }
    return add_row(self, values);
}

static bool read_entries(struct reading *self, const json_t *root, uint64_t *next)
{
    const json_t *entries = json_is_array(root) ? root : json_object_get(root, "entries");
    const json_t *after = json_object_get(root, "next");
    if (!json_is_array(entries))
        return refuse(self, "there is no list of 'entries'");
    if (after != NULL && !json_is_null(after) && (!json_is_integer(after) || json_integer_value(after) < 1))
        return refuse(self, "'next' has to be a number or null");
    *next = (uint64_t)json_integer_value(after);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        self->place = i + 1;
        if (!read_entry(self, json_array_get(entries, i)))
            return false;
    }
    return true;
}

static bool read_json(struct reading *self, const char *bytes, size_t length, uint64_t *next)
{
    json_error_t error;
    json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    self->unit = "entry";
    bool is_read = root != NULL ? read_entries(self, root, next)
                                : refuse(self, "no JSON: line %d: %.100s", error.line, error.text);
    json_decref(root);
    return is_read;
}

bool bank_statement_read(const char *bytes, size_t length, struct row_list *out, uint64_t *next,
                         char why[BANK_STATEMENT_WHY_MAX])
{
    struct reading self = {.out = out, .why = why};
    size_t at = 0;
    *next = 0;
    while (at < length && memchr(" \t\r\n", bytes[at], 4) != NULL)
        at++;
    bool is_json = at < length && (bytes[at] == '{' || bytes[at] == '[');
    return is_json ? read_json(&self, bytes, length, next) : read_csv(&self, bytes, length);
}
