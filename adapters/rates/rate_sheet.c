/* Sheets of rates, how they are built, and days of the calendar. */
#include "adapters/rates/rate_sheet.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/date.h"
#include "actors/base/rate.h"
#include "adapters/rates/sheet_build.h"

_Static_assert((int)RATE_DATE_TEXT == (int)DATE_TEXT_MAX, "one form of dates");

enum { ROWS_FIRST = 64 };

/* ---- days -------------------------------------------------------------------------------------------- */

bool rate_date_parse(struct str text, int32_t *out)
{
    return date_parse(text, out);
}

void rate_date_format(int32_t days, char out[RATE_DATE_TEXT])
{
    date_format(days, out);
}

uint32_t rate_date_number(int32_t days)
{
    char text[DATE_TEXT_MAX];
    uint32_t number = 0;
    date_format(days, text);
    for (const char *at = text; *at != '\0'; at++)
        number = *at == '-' ? number : number * 10 + (uint32_t)(*at - '0');
    return number;
}

int32_t rate_date_of_time(int64_t time_us, int32_t offset_s)
{
    int32_t days = date_of_time(time_us, offset_s);
    return days < 0 ? 0 : days > DATE_DAYS_MAX ? DATE_DAYS_MAX : days;
}

/* ---- the sheet --------------------------------------------------------------------------------------- */

void rate_sheet_release(struct rate_sheet *self)
{
    free(self->rows);
    *self = (struct rate_sheet){0};
}

void sheet_begin(struct sheet_build *self, enum rate_sheet_kind kind)
{
    *self = (struct sheet_build){.sheet.kind = kind, .date = -1};
    self->days = calloc(DATE_DAYS_MAX / 8 + 1, 1);
    if (self->days == NULL)
        sheet_no_memory(self);
}

bool sheet_fail(struct sheet_build *self, const char *why)
{
    if (self->err == ERR_OK) {
        self->err = ERR_INVALID;
        self->why = why;
    }
    return false;
}

bool sheet_no_memory(struct sheet_build *self)
{
    if (self->err == ERR_OK) {
        self->err = ERR_NO_MEMORY;
        self->why = "no memory";
    }
    return false;
}

static bool end_day(struct sheet_build *self)
{
    if (self->day_count > 0 && self->sheet.count == self->day_begin)
        return sheet_fail(self, "a day without a rate");
    return self->err == ERR_OK;
}

bool sheet_day(struct sheet_build *self, int32_t date)
{
    CHECK(date >= 0 && date <= DATE_DAYS_MAX);
    if (self->err != ERR_OK || !end_day(self))
        return false;
    uint8_t bit = (uint8_t)(1u << (date % 8));
    if ((self->days[date / 8] & bit) != 0)
        return sheet_fail(self, "a day stands there twice");
    if (self->day_count == RATE_SHEET_DAYS_MAX)
        return sheet_fail(self, "too many days");
    self->days[date / 8] |= bit;
    self->day_count++;
    self->day_begin = self->sheet.count;
    self->date = date;
    return true;
}

static bool make_room(struct sheet_build *self)
{
    if (self->sheet.count < self->capacity)
        return true;
    uint32_t capacity = self->capacity > 0 ? 2 * self->capacity : ROWS_FIRST;
    struct rate_row *rows = realloc(self->sheet.rows, capacity * sizeof *rows);
    if (rows == NULL)
        return sheet_no_memory(self);
    self->sheet.rows = rows;
    self->capacity = capacity;
    return true;
}

bool sheet_row(struct sheet_build *self, struct rate_row row)
{
    if (self->err != ERR_OK)
        return false;
    CHECK(self->day_count > 0 && row.units >= 1 && row.rate > 0 && row.buy >= 0 && row.sell >= 0);
    if (memcmp(row.base, row.counter, sizeof row.base) == 0)
        return sheet_fail(self, "a currency against itself");
    for (uint32_t i = self->day_begin; i < self->sheet.count; i++) {
        const struct rate_row *other = &self->sheet.rows[i];
        if (memcmp(row.base, other->base, sizeof row.base) == 0 &&
            memcmp(row.counter, other->counter, sizeof row.counter) == 0)
            return sheet_fail(self, "a currency stands there twice");
    }
    if (self->sheet.count - self->day_begin == RATE_SHEET_CURRENCIES_MAX)
        return sheet_fail(self, "too many currencies");
    if (!make_room(self))
        return false;
    row.date = self->date;
    self->sheet.rows[self->sheet.count++] = row;
    return true;
}

bool sheet_currency(struct sheet_build *self, struct str text, char out[4])
{
    bool good = text.length == 3;
    for (uint32_t i = 0; good && i < 3; i++)
        good = text.data[i] >= 'A' && text.data[i] <= 'Z';
    if (!good)
        return sheet_fail(self, "a currency that is not three capital letters");
    memcpy(out, text.data, 3);
    out[3] = '\0';
    return true;
}

bool sheet_rate(struct sheet_build *self, struct str text, int64_t *out)
{
    switch ((int)rate_parse(text, out)) {
    case ERR_OK:
        return true;
    case ERR_RANGE:
        return sheet_fail(self, "a rate of zero, too high or with too many decimals");
    default:
        return sheet_fail(self, "a rate that is not a number above zero");
    }
}

enum err sheet_end(struct sheet_build *self, struct rate_sheet *out, const char **why)
{
    if (self->err == ERR_OK && end_day(self) && self->day_count == 0)
        sheet_fail(self, "no day with rates");
    free(self->days);
    if (self->err == ERR_OK) {
        *out = self->sheet;
        return ERR_OK;
    }
    free(self->sheet.rows);
    *out = (struct rate_sheet){0};
    *why = self->why;
    return self->err;
}
