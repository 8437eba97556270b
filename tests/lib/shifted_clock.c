/* Preloaded into a program, shifts the time of day that it sees: LD_PRELOAD=libshifted_clock.so SHIFTED_CLOCK=FILE
 *
 * The file is a knob (knob.h): microseconds to add to the real time, and it may jump while the program runs. Clocks that
 * measure how much time has passed are left alone, as they are when somebody sets the clock. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include "tests/lib/knob.h"

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

static _Atomic int64_t *shift_us;

__attribute__((constructor)) static void begin(void)
{
    shift_us = knob_open("SHIFTED_CLOCK");
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (result != 0 || clock != CLOCK_REALTIME || !shift_us)
        return result;
    int64_t us = (int64_t)out->tv_sec * US_PER_S + out->tv_nsec / NS_PER_US + atomic_load(shift_us);
    out->tv_sec = (time_t)(us / US_PER_S);
    out->tv_nsec = (long)(us % US_PER_S) * NS_PER_US + out->tv_nsec % NS_PER_US;
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / NS_PER_US};
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
