/* When a source is asked: at times of day in a fixed offset from UTC, or every so many seconds.
 *
 * A fixed offset has no summer time: "16:30" of a source is the same moment all year, and no hour comes twice or is
 * missing. Pure functions of the schedule and the time. */
#ifndef TELLER_RATEFEED_SCHEDULE_H
#define TELLER_RATEFEED_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum { SCHEDULE_TIMES_MAX = 24, SCHEDULE_EVERY_MAX_S = 604800, SCHEDULE_OFFSET_MAX_S = 14 * 3600 };

struct schedule {
    int32_t offset_s;                     /* east of UTC is positive; |offset_s| <= SCHEDULE_OFFSET_MAX_S */
    uint32_t every_s;                     /* 0: at times of day */
    uint32_t time_count;                  /* 1 .. SCHEDULE_TIMES_MAX where every_s is 0 */
    uint32_t minutes[SCHEDULE_TIMES_MAX]; /* of the day, 0 .. 1439, ascending */
    bool weekdays_only;                   /* Monday to Friday where the publisher is; for times of day */
};

/* The first moment after now. */
int64_t schedule_next_us(const struct schedule *self, int64_t now_us);

/* The last moment at or before now; with every_s: now itself. */
int64_t schedule_last_us(const struct schedule *self, int64_t now_us);

/* The day whose rates the newest sheet should have by now: that of the last moment. With every_s there is no such
 * expectation: INT32_MIN. */
int32_t schedule_expected_date(const struct schedule *self, int64_t now_us);

#endif
