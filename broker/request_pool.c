/* A free list over one zeroed block. Requests that were used last are used again first: they are in the
 * processor's cache. */
#include "broker/request_pool.h"

#include <stdlib.h>

#include "actors/base/check.h"

bool request_pool_init(struct request_pool *self, size_t capacity)
{
    *self = (struct request_pool){.capacity = capacity};
    self->requests = calloc(capacity, sizeof *self->requests);
    return self->requests != NULL;
}

/* Closing a message that was sent, or closed before, is refused by ZeroMQ and does no harm. */
static void close_messages(struct request *request)
{
    zmq_msg_close(&request->frame);
    zmq_msg_close(&request->reply);
    zmq_msg_close(&request->identity);
}

void request_pool_release(struct request_pool *self)
{
    for (size_t i = 0; i < self->touched; i++)
        close_messages(&self->requests[i]);
    free(self->requests);
    *self = (struct request_pool){0};
}

struct request *request_pool_take(struct request_pool *self)
{
    struct request *request = self->free;
    if (request != NULL)
        self->free = request->next;
    else if (self->touched < self->capacity)
        request = &self->requests[self->touched++];
    else
        return NULL;
    self->taken++;
    request->next = NULL;
    request->code = CODE_OK;
    request->has_delimiter = false;
    request->join = NULL;
    zmq_msg_init(&request->frame);
    zmq_msg_init(&request->reply);
    zmq_msg_init(&request->identity);
    return request;
}

void request_pool_give(struct request_pool *self, struct request *request)
{
    CHECK(self->taken > 0);
    close_messages(request);
    self->taken--;
    request->next = self->free;
    self->free = request;
}
