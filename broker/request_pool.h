/* Where requests come from: one block of memory for as many as the router can ever have, and a free list.
 *
 * The block is taken at the start and never grows, so no request can fail for want of memory; pages
 * that were never used are not resident. One thread takes and gives back: the router. Others use requests in between.
 */
#ifndef TELLER_BROKER_REQUEST_POOL_H
#define TELLER_BROKER_REQUEST_POOL_H

#include <stddef.h>

#include "broker/wire/request.h"

struct request_pool {
    struct request *requests;
    struct request *free;
    size_t capacity;
    size_t touched; /* requests[touched …] were never taken */
    size_t taken;   /* now out */
};

/* false: no memory. */
bool request_pool_init(struct request_pool *self, size_t capacity);

/* Gives all messages of all requests back, also of those that are still out: nobody may use them any more. */
void request_pool_release(struct request_pool *self);

/* A request with three empty messages and the rest zero; NULL when all are out. */
struct request *request_pool_take(struct request_pool *self);

/* Closes the request's messages. */
void request_pool_give(struct request_pool *self, struct request *request);

#endif
