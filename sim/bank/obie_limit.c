/* A mandate's limits: for one payment, and for periods of the calendar or from the day on which it was made. Days are UTC. */
#include <stdlib.h>
#include <string.h>

#include "actors/base/date.h"
#include "actors/base/money.h"
#include "sim/bank/obie_inside.h"

struct day {
    int64_t number; /* since 1970 */
    int64_t month;  /* since year 0 */
    int64_t of_month;
};

static struct day day_of(int64_t time_us)
{
    const int64_t last = (int64_t)DATE_DAYS_MAX * DATE_DAY_US;
    char text[DATE_TEXT_MAX];
    int32_t number = date_of_time(time_us < 0 ? 0 : time_us > last ? last : time_us, 0);
    date_format(number, text);
    int64_t year = strtol(text, NULL, 10), month = strtol(text + 5, NULL, 10);
    return (struct day){number, year * 12 + month - 1, strtol(text + 8, NULL, 10)};
}

static int64_t period_of(const json_t *limit, int64_t made_us, int64_t now_us)
{
    const char *type = json_string_value(json_object_get(limit, "PeriodType"));
    const char *alignment = json_string_value(json_object_get(limit, "PeriodAlignment"));
    struct day now = day_of(now_us);
    int64_t day = now.number + 3, month = now.month; /* 1970-01-01 was a Thursday */
    if (strcmp(alignment, "Consent") == 0) {
        struct day made = day_of(made_us);
        day = now.number - made.number;
        month = now.month - made.month - (now.of_month < made.of_month);
    }
    if (strcmp(type, "Day") == 0)
        return day;
    if (strcmp(type, "Week") == 0)
        return day / 7;
    if (strcmp(type, "Fortnight") == 0)
        return day / 14;
    if (strcmp(type, "Month") == 0)
        return month;
    return strcmp(type, "Half-year") == 0 ? month / 6 : month / 12;
}

static const json_t *limits_of(const json_t *data)
{
    return json_object_get(json_object_get(data, "ControlParameters"), "PeriodicLimits");
}

/* Within a limit that is written as an amount: of the same currency, and not more. */
static bool is_within(const json_t *limit, const char *currency, int64_t amount)
{
    char code[4];
    int64_t most;
    return obie_form_amount(limit, code, &most) && strcmp(code, currency) == 0 && amount <= most;
}

/* Times of one form compare as texts, where they are UTC; only their first 19 characters are looked at. */
static bool is_in_time(const json_t *data, int64_t now_us)
{
    const json_t *parameters = json_object_get(data, "ControlParameters");
    const char *from = json_string_value(json_object_get(parameters, "ValidFromDateTime"));
    const char *to = json_string_value(json_object_get(parameters, "ValidToDateTime"));
    char now[40];
    virtual_time_text(now_us, now);
    return (!from || strncmp(from, now, 19) <= 0) && (!to || strncmp(now, to, 19) <= 0);
}

bool obie_limit_allows(const json_t *data, const struct obie_period periods[OBIE_PERIODS_MAX],
                       int64_t made_us, int64_t now_us, const char *currency, int64_t amount)
{
    if (!data)
        return true;
    const json_t *parameters = json_object_get(data, "ControlParameters"), *limits = limits_of(data);
    if (!is_in_time(data, now_us) ||
        !is_within(json_object_get(parameters, "MaximumIndividualAmount"), currency, amount))
        return false;
    for (size_t i = 0; i < json_array_size(limits) && i < OBIE_PERIODS_MAX; i++) {
        const json_t *limit = json_array_get(limits, i);
        bool is_now = periods[i].number == period_of(limit, made_us, now_us);
        int64_t sum;
        if (!money_add(is_now ? periods[i].sum : 0, amount, &sum) || !is_within(limit, currency, sum))
            return false;
    }
    return true;
}

void obie_limit_count(const json_t *data, struct obie_period periods[OBIE_PERIODS_MAX], int64_t made_us,
                      int64_t now_us, int64_t amount)
{
    const json_t *limits = limits_of(data);
    for (size_t i = 0; i < json_array_size(limits) && i < OBIE_PERIODS_MAX; i++) {
        int64_t number = period_of(json_array_get(limits, i), made_us, now_us);
        if (periods[i].number != number)
            periods[i] = (struct obie_period){number, 0};
        if (!money_add(periods[i].sum, amount, &periods[i].sum))
            periods[i].sum = INT64_MAX;
    }
}
