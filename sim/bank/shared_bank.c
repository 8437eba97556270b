#include "sim/bank/shared_bank.h"

#include <time.h>

#include "actors/base/check.h"

enum { MICROS_PER_S = 1000000, NANOS_PER_MICRO = 1000 };

void shared_bank_init(struct shared_bank *self, struct virtual_bank *bank)
{
    *self = (struct shared_bank){.bank = bank};
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
}

void shared_bank_release(struct shared_bank *self)
{
    virtual_bank_destroy(&self->bank);
    pthread_mutex_destroy(&self->lock);
}

int64_t shared_bank_enter(struct shared_bank *self)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_REALTIME, &time) == 0);
    int64_t now_us = (int64_t)time.tv_sec * MICROS_PER_S + time.tv_nsec / NANOS_PER_MICRO;
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    if (now_us > self->now_us)
        self->now_us = now_us;
    return self->now_us;
}

void shared_bank_leave(struct shared_bank *self)
{
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
}
