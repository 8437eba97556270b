/* Sockets and boxes that the shells of actors share. */
#ifndef TELLER_LEDGER_MAILBOX_H
#define TELLER_LEDGER_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/wire/request.h"

/* A PULL bound to "inproc://NAME-NUMBER", or a PUSH connected to it (or to "inproc://NAME" when number is
 * UINT32_MAX); no high-water marks: what may be in a mailbox is bounded by who puts it there. NULL: the endpoint is taken. */
void *mailbox_bind(void *context, const char *name, uint32_t number);
void *mailbox_connect(void *context, const char *name, uint32_t number);

/* false: nobody is there any more, and the box's pointer stays the caller's. Never waits. */
bool mailbox_send(void *socket, const struct box *box);
/* false: the box is empty. */
bool mailbox_receive(void *socket, struct box *box);

#endif
