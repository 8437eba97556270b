#include "actors/base/date.h"

#include "actors/base/check.h"

enum { DAYS_TO_1970 = 719468, ERA_DAYS = 146097, FIRST_YEAR = 1970, LAST_YEAR = 2199, THURSDAY = 3 };

struct civil {
    int year, month, day;
};

/* A year begins in March here, so that a leap day is its last. An era has 400 years. */
static int32_t days_of(struct civil c)
{
    int year = c.month <= 2 ? c.year - 1 : c.year;
    int era = year / 400, in_era = year % 400;
    int in_year = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;
    return era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - DAYS_TO_1970;
}

static struct civil civil_of(int32_t days)
{
    int shifted = days + DAYS_TO_1970;
    int era = shifted / ERA_DAYS, in_era = shifted % ERA_DAYS;
    int year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int in_year = in_era - (365 * year + year / 4 - year / 100);
    int month = (5 * in_year + 2) / 153;
    struct civil c = {.day = in_year - (153 * month + 2) / 5 + 1,
                      .month = month < 10 ? month + 3 : month - 9};
    c.year = year + era * 400 + (c.month <= 2);
    return c;
}

static bool read_digits(const char *at, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *out = *out * 10 + (at[i] - '0');
    }
    return true;
}

bool date_parse(struct str text, int32_t *out)
{
    struct civil c;
    if (text.length != DATE_TEXT_MAX - 1 || text.data[4] != '-' || text.data[7] != '-' ||
        !read_digits(text.data, 4, &c.year) || !read_digits(text.data + 5, 2, &c.month) ||
        !read_digits(text.data + 8, 2, &c.day) || c.year < FIRST_YEAR || c.year > LAST_YEAR || c.month < 1 ||
        c.month > 12 || c.day < 1 || c.day > 31)
        return false;
    int32_t days = days_of(c);
    struct civil same = civil_of(days);
    if (same.month != c.month || same.day != c.day)
        return false;
    *out = days;
    return true;
}

static void put_digits(char *at, int count, int value)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void date_format(int32_t days, char out[DATE_TEXT_MAX])
{
    CHECK(days >= 0 && days <= DATE_DAYS_MAX);
    struct civil c = civil_of(days);
    put_digits(out, 4, c.year);
    out[4] = out[7] = '-';
    put_digits(out + 5, 2, c.month);
    put_digits(out + 8, 2, c.day);
    out[DATE_TEXT_MAX - 1] = '\0';
}

int32_t date_of_time(int64_t time_us, int32_t offset_s)
{
    int64_t local_us = time_us + (int64_t)offset_s * 1000000;
    int64_t days = local_us / DATE_DAY_US;
    return (int32_t)(local_us % DATE_DAY_US < 0 ? days - 1 : days);
}

unsigned date_weekday(int32_t days)
{
    int in_week = (days + THURSDAY) % 7;
    return (unsigned)(in_week < 0 ? in_week + 7 : in_week);
}
