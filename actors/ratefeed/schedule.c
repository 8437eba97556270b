#include "actors/ratefeed/schedule.h"

#include "actors/base/check.h"
#include "actors/base/date.h"

enum { DAYS_AHEAD = 4, FRIDAY = 4 };

static const int64_t second_us = 1000000, minute_us = 60000000;

static bool is_day(const struct schedule *self, int32_t date)
{
    return !self->weekdays_only || date_weekday(date) <= FRIDAY;
}

static int64_t moment_us(const struct schedule *self, int32_t date, uint32_t minute)
{
    return date * DATE_DAY_US + minute * minute_us - self->offset_s * second_us;
}

/* Two days of a weekend and one more are the longest gap between days. */
int64_t schedule_next_us(const struct schedule *self, int64_t now_us)
{
    if (self->every_s > 0)
        return now_us + self->every_s * second_us;
    int32_t today = date_of_time(now_us, self->offset_s);
    for (int32_t date = today; date < today + DAYS_AHEAD; date++) {
        for (uint32_t i = 0; i < self->time_count && is_day(self, date); i++) {
            int64_t at_us = moment_us(self, date, self->minutes[i]);
            if (at_us > now_us)
                return at_us;
        }
    }
    CHECK_UNREACHABLE();
}

int64_t schedule_last_us(const struct schedule *self, int64_t now_us)
{
    if (self->every_s > 0)
        return now_us;
    int32_t today = date_of_time(now_us, self->offset_s);
    for (int32_t date = today; date > today - DAYS_AHEAD; date--) {
        for (uint32_t i = self->time_count; i > 0 && is_day(self, date); i--) {
            int64_t at_us = moment_us(self, date, self->minutes[i - 1]);
            if (at_us <= now_us)
                return at_us;
        }
    }
    CHECK_UNREACHABLE();
}

int32_t schedule_expected_date(const struct schedule *self, int64_t now_us)
{
    if (self->every_s > 0)
        return INT32_MIN;
    return date_of_time(schedule_last_us(self, now_us), self->offset_s);
}
