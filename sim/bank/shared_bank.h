/* The virtual bank among threads: one lock, and the clock that it lives by, which never goes back. */
#ifndef TELLER_SIM_BANK_SHARED_BANK_H
#define TELLER_SIM_BANK_SHARED_BANK_H

#include <pthread.h>
#include <stdint.h>

#include "sim/bank/virtual_bank.h"

struct shared_bank {
    pthread_mutex_t lock; /* of all that follows */
    struct virtual_bank *bank;
    int64_t now_us;
};

/* Takes the bank. */
void shared_bank_init(struct shared_bank *self, struct virtual_bank *bank);
void shared_bank_release(struct shared_bank *self);

/* Locks it, and tells the time. */
int64_t shared_bank_enter(struct shared_bank *self);
void shared_bank_leave(struct shared_bank *self);

#endif
