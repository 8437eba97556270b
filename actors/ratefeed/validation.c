#include "actors/ratefeed/validation.h"

#include "actors/base/rate.h"

enum { UNITS_MAX = 10000, MILLION = 1000000 };

static struct verdict waits(const char *why)
{
    return (struct verdict){VERDICT_WAITS, why};
}

bool validation_is_possible(const struct published_rate *row)
{
    return row->rate > 0 && row->rate <= RATE_MAX && row->buy >= 0 && row->buy <= RATE_MAX &&
           row->sell >= 0 && row->sell <= RATE_MAX && row->units >= 1 && row->units <= UNITS_MAX;
}

/* NULL: not crossed. */
static const char *crossed(const struct published_rate *row)
{
    if (row->buy > 0 && row->sell > 0 && row->buy > row->sell)
        return "crossed: it is bought for more than it is sold";
    if (row->buy > row->rate)
        return "crossed: it is bought for more than the middle rate";
    if (row->sell > 0 && row->sell < row->rate)
        return "crossed: it is sold for less than the middle rate";
    return NULL;
}

/* |row - last| / last > limit, exactly. */
static bool is_spike(const struct published_rate *row, const struct published_rate *last, uint32_t spike_ppm)
{
    int64_t distance = row->rate > last->rate ? row->rate - last->rate : last->rate - row->rate;
    return (unsigned __int128)distance * MILLION > (unsigned __int128)last->rate * spike_ppm;
}

static struct verdict against_last(const struct published_rate *row, const struct known *known)
{
    const struct published_rate *last = known->latest;
    if (last == NULL)
        return (struct verdict){VERDICT_ACCEPTED, NULL};
    if (row->units != last->units)
        return waits("other units than before");
    if (row->date < last->date)
        return (struct verdict){VERDICT_HISTORY, NULL};
    if (!known->is_first_sheet && is_spike(row, last, known->spike_ppm))
        return waits("spike: too far from the last accepted rate");
    return (struct verdict){VERDICT_ACCEPTED, NULL};
}

struct verdict validation_verdict(const struct published_rate *row, const struct known *known)
{
    if (!validation_is_possible(row))
        return waits("a value that cannot be");
    if (row->date > known->today)
        return waits("a day that has not come yet");
    const char *why = crossed(row);
    if (why != NULL)
        return waits(why);
    if (known->same_day == NULL)
        return against_last(row, known);
    if (published_rate_same_values(row, known->same_day))
        return (struct verdict){VERDICT_NOTHING, NULL};
    return waits("the day is known with other values");
}
