#include "broker/command/csv.h"

#include <string.h>

static char guess_separator(const char *bytes, size_t length)
{
    size_t commas = 0, semicolons = 0;
    for (size_t i = 0; i < length && bytes[i] != '\n'; i++) {
        commas += bytes[i] == ',';
        semicolons += bytes[i] == ';';
    }
    return semicolons > commas ? ';' : ',';
}

void csv_init(struct csv *self, const char *bytes, size_t length)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t at = length >= 3 && memcmp(bytes, mark, 3) == 0 ? 3 : 0;
    self->bytes = bytes;
    self->length = length;
    self->at = at;
    self->line = 1;
    self->record_line = 1;
    self->field_count = 0;
    self->separator = guess_separator(bytes + at, length - at);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static bool at_line_end(const struct csv *self)
{
    return self->at == self->length || self->bytes[self->at] == '\n' ||
           (self->bytes[self->at] == '\r' &&
            (self->at + 1 == self->length || self->bytes[self->at + 1] == '\n'));
}

static void pass_line_end(struct csv *self)
{
    if (self->at < self->length && self->bytes[self->at] == '\r')
        self->at++;
    if (self->at < self->length && self->bytes[self->at] == '\n') {
        self->at++;
        self->line++;
    }
}

static enum csv_result malformed(struct csv *self, const char **why, const char *what)
{
    while (self->at < self->length && self->bytes[self->at] != '\n')
        self->at++;
    pass_line_end(self);
    *why = what;
    return CSV_MALFORMED;
}

/* Behind the opening quote; stops behind the closing one. false: there is none. */
static bool read_quoted(struct csv *self, size_t *used)
{
    for (; self->at < self->length; self->at++) {
        char c = self->bytes[self->at];
        if (c == '"') {
            self->at++;
            if (self->at == self->length || self->bytes[self->at] != '"')
                return true;
        }
        if (*used == CSV_RECORD_MAX)
            return false;
        self->line += c == '\n';
        self->scratch[(*used)++] = c;
    }
    return false;
}

static void read_plain(struct csv *self, struct str *field)
{
    size_t start = self->at;
    while (!at_line_end(self) && self->bytes[self->at] != self->separator)
        self->at++;
    *field = (struct str){self->bytes + start, (uint32_t)(self->at - start)};
}

/* NULL, or what is wrong. */
static const char *read_field(struct csv *self, size_t *used)
{
    struct str *field = &self->fields[self->field_count];
    if (self->field_count == CSV_FIELDS_MAX)
        return "too many fields";
    self->field_count++;
    if (self->at == self->length || self->bytes[self->at] != '"') {
        read_plain(self, field);
        return field->length > CSV_RECORD_MAX ? "a field is too long" : NULL;
    }
    size_t start = *used, resume = self->at, line = self->line;
    self->quoted |= UINT64_C(1) << (self->field_count - 1);
    self->at++;
    if (!read_quoted(self, used)) {
        self->at = resume; /* one quote must not swallow the rest of the file */
        self->line = line;
        return "a quote is not closed";
    }
    *field = (struct str){self->scratch + start, (uint32_t)(*used - start)};
    return at_line_end(self) || self->bytes[self->at] == self->separator ? NULL
                                                                         : "text behind a closing quote";
}

enum csv_result csv_next(struct csv *self, const char **why)
{
    size_t used = 0;
    while (self->at < self->length && at_line_end(self))
        pass_line_end(self);
    self->field_count = 0;
    self->quoted = 0;
    self->record_line = self->line;
    if (self->at == self->length)
        return CSV_END;
    for (;;) {
        const char *wrong = read_field(self, &used);
        if (wrong != NULL)
            return malformed(self, why, wrong);
        if (at_line_end(self))
            break;
        self->at++;
    }
    pass_line_end(self);
    return CSV_RECORD;
}

/* ---- writing ---------------------------------------------------------------------------------- */

void csv_write(FILE *out, struct str field, char end)
{
    bool needs_quotes = field.length > 0 && strchr("=+-@", field.data[0]) != NULL;
    for (uint32_t i = 0; i < field.length; i++)
        needs_quotes |= field.data[i] == '\0' || strchr(",;\"\r\n\t ", field.data[i]) != NULL;
    if (needs_quotes)
        fputc('"', out);
    for (uint32_t i = 0; i < field.length; i++) {
        if (field.data[i] == '"')
            fputc('"', out);
        fputc(field.data[i], out);
    }
    if (needs_quotes)
        fputc('"', out);
    fputc(end, out);
}
