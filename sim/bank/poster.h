/* Posts the virtual bank's webhooks: a thread with an HTTP client of many calls at once, none of which holds up the server. It also sees to it that payments
 * become final in time, when nobody asks about them. */
#ifndef TELLER_SIM_BANK_POSTER_H
#define TELLER_SIM_BANK_POSTER_H

#include "sim/bank/shared_bank.h"

struct poster;

/* ca_file: of those who are posted to by https; NULL: the system's. NULL: no memory. */
struct poster *poster_new(struct shared_bank *shared, const char *ca_file);
/* Posts under way are given up. */
void poster_destroy(struct poster **self_p);

/* Something may be due earlier than it was: whoever has worked on the bank calls it before shared_bank_leave. */
void poster_look(struct poster *self);

#endif
