/* The counted part of a run: it begins after the warm-up and ends when its time is over. */
#ifndef TELLER_BENCH_CLOCK_H
#define TELLER_BENCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline int64_t clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct run_clock {
    int64_t counted_from_ns;
    int64_t end_ns; /* INT64_MAX: no limit of time */
    int64_t elapsed_ns;
    bool is_counting, is_over;
};

static inline void run_clock_watch(struct run_clock *self, int64_t now_ns)
{
    if (self->is_over)
        return;
    if (!self->is_counting && now_ns >= self->counted_from_ns) {
        self->is_counting = true;
        self->counted_from_ns = now_ns;
    }
    if (now_ns >= self->end_ns) {
        self->is_over = true;
        self->is_counting = false;
        self->elapsed_ns = now_ns - self->counted_from_ns;
    }
}

/* duration_ns 0: no limit of time. */
static inline void run_clock_start(struct run_clock *self, int64_t warmup_ns, int64_t duration_ns)
{
    int64_t now_ns = clock_now_ns();
    *self = (struct run_clock){.counted_from_ns = now_ns + warmup_ns, .end_ns = INT64_MAX};
    if (duration_ns > 0)
        self->end_ns = self->counted_from_ns + duration_ns;
    run_clock_watch(self, now_ns);
}

/* When everything has been answered before the time was over. */
static inline int64_t run_clock_stop(struct run_clock *self)
{
    if (self->is_counting)
        self->elapsed_ns = clock_now_ns() - self->counted_from_ns;
    return self->elapsed_ns;
}

#endif
