#include "sim/memory.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

enum { ALIGNMENT = 64 };

static void *take(void *context, size_t bytes)
{
    struct sim_memory *self = context;
    self->asked++;
    if (self->asked >= self->fail_first && self->asked <= self->fail_last) {
        self->failed++;
        return NULL;
    }
    void *pointer = NULL;
    if (posix_memalign(&pointer, ALIGNMENT, bytes ? bytes : 1) != 0)
        return NULL;
    memset(pointer, 0, bytes);
    self->live_blocks++;
    self->live_bytes += bytes;
    if (self->live_bytes > self->peak_bytes)
        self->peak_bytes = self->live_bytes;
    return pointer;
}

static void give(void *context, void *pointer, size_t bytes)
{
    struct sim_memory *self = context;
    if (!pointer)
        return;
    CHECK(self->live_blocks > 0 && self->live_bytes >= bytes);
    self->live_blocks--;
    self->live_bytes -= bytes;
    free(pointer);
}

struct mem sim_memory_port(struct sim_memory *self)
{
    return (struct mem){self, take, give};
}

void sim_memory_fail(struct sim_memory *self, uint64_t nth, uint64_t more)
{
    self->fail_first = self->asked + nth;
    self->fail_last = self->fail_first + more;
}
