/* The ECB's CSV, line by line. It has no quotes, and so none are read. */
#include "adapters/rates/ecb_csv.h"

#include "adapters/rates/sheet_build.h"

struct reading {
    struct sheet_build build;
    struct str rest; /* of the file */
    char currencies[RATE_SHEET_CURRENCIES_MAX][4];
    uint32_t count;
};

/* The next line without its end. false: there is none, or it has no end. */
static bool next_line(struct reading *self, struct str *line)
{
    if (self->rest.length == 0)
        return false;
    const char *end = memchr(self->rest.data, '\n', self->rest.length);
    if (end == NULL)
        return sheet_fail(&self->build, "a line without its end");
    *line = (struct str){self->rest.data, (uint32_t)(end - self->rest.data)};
    self->rest = (struct str){end + 1, self->rest.length - line->length - 1};
    if (line->length > 0 && line->data[line->length - 1] == '\r')
        line->length--;
    if (line->length > 0 && line->data[line->length - 1] == ',')
        line->length--;
    return true;
}

/* Cuts the next cell off a line; is_last: nothing is left behind it. */
static struct str next_cell(struct str *line, bool *is_last)
{
    const char *comma = line->length > 0 ? memchr(line->data, ',', line->length) : NULL;
    struct str cell = *line;
    *is_last = comma == NULL;
    if (comma != NULL) {
        cell.length = (uint32_t)(comma - line->data);
        *line = (struct str){comma + 1, line->length - cell.length - 1};
    }
    return cell;
}

static bool read_head(struct reading *self)
{
    struct str line = {0};
    bool is_last;
    if (!next_line(self, &line) || !str_equal(next_cell(&line, &is_last), STR_LITERAL("Date")))
        return sheet_fail(&self->build, "the first line does not begin with Date");
    while (!is_last) {
        if (self->count == RATE_SHEET_CURRENCIES_MAX)
            return sheet_fail(&self->build, "too many currencies");
        char *code = self->currencies[self->count];
        if (!sheet_currency(&self->build, next_cell(&line, &is_last), code))
            return false;
        for (uint32_t i = 0; i < self->count; i++) {
            if (memcmp(self->currencies[i], code, 4) == 0)
                return sheet_fail(&self->build, "a currency stands there twice");
        }
        self->count++;
    }
    return true;
}

static bool read_cell(struct reading *self, const char *currency, struct str cell)
{
    struct rate_row row = {.base = "EUR", .units = 1};
    if (cell.length == 0 || str_equal(cell, STR_LITERAL("N/A")))
        return true;
    memcpy(row.counter, currency, sizeof row.counter);
    return sheet_rate(&self->build, cell, &row.rate) && sheet_row(&self->build, row);
}

static bool read_day(struct reading *self, struct str line)
{
    bool is_last;
    int32_t date;
    if (!rate_date_parse(next_cell(&line, &is_last), &date))
        return sheet_fail(&self->build, "a date that is not one");
    if (!sheet_day(&self->build, date))
        return false;
    for (uint32_t i = 0; i < self->count; i++) {
        if (is_last)
            return sheet_fail(&self->build, "a line with fewer cells than the first");
        if (!read_cell(self, self->currencies[i], next_cell(&line, &is_last)))
            return false;
    }
    return is_last || sheet_fail(&self->build, "a line with more cells than the first");
}

enum err ecb_csv_read(const char *data, size_t length, struct rate_sheet *out, const char **why)
{
    struct reading self = {0};
    struct str line = {0};
    sheet_begin(&self.build, RATE_SHEET_ECB);
    if (length > RATE_SHEET_BYTES_MAX) {
        sheet_fail(&self.build, "the document is too long");
    } else {
        self.rest = (struct str){data, (uint32_t)length};
        bool good = read_head(&self);
        while (good && next_line(&self, &line))
            good = read_day(&self, line);
    }
    return sheet_end(&self.build, out, why);
}
