/* Connections whose reply waits: for a while, or until the client goes. They are taken out of the server's loop, so they hold up nobody; a thread
 * of its own puts them back. */
#ifndef TELLER_SIM_BANK_WAITING_H
#define TELLER_SIM_BANK_WAITING_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct waiting;

struct waiting *waiting_new(void);
/* After waiting_stop. */
void waiting_destroy(struct waiting **self_p);

/* From the handler of the connection, which returns MHD_YES then, and is called again once it is over. delay_us INT64_MAX: until the client goes. false:
 * the server is about to end, or there is no memory; it does not wait. */
bool waiting_suspend(struct waiting *self, struct MHD_Connection *connection, int64_t delay_us);

/* All are put back, and none waits any more: before MHD_stop_daemon. */
void waiting_stop(struct waiting *self);

#endif
