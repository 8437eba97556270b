#include "tests/scenario/counting_mem.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

enum { ALIGNMENT = 64 };

/* In front of each block: its size, in a line of its own. */
static void *counting_alloc(void *context, size_t bytes)
{
    struct counting_mem *self = context;
    uint64_t number = ++self->asked;
    if (self->fail_first != 0 && number >= self->fail_first && number < self->fail_first + self->fail_count) {
        self->failed++;
        return NULL;
    }
    size_t whole = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    uint8_t *block = aligned_alloc(ALIGNMENT, whole);
    CHECK(block);
    memset(block, 0, ALIGNMENT + bytes);
    memcpy(block, &bytes, sizeof bytes);
    self->live_blocks++;
    self->live_bytes += bytes;
    return block + ALIGNMENT;
}

static void counting_free(void *context, void *pointer, size_t bytes)
{
    struct counting_mem *self = context;
    size_t asked;
    if (!pointer)
        return;
    uint8_t *block = (uint8_t *)pointer - ALIGNMENT;
    memcpy(&asked, block, sizeof asked);
    CHECK(asked == bytes && self->live_blocks > 0);
    self->live_blocks--;
    self->live_bytes -= bytes;
    free(block);
}

struct mem counting_mem_port(struct counting_mem *self)
{
    return (struct mem){self, counting_alloc, counting_free};
}

void counting_mem_fail(struct counting_mem *self, uint64_t nth, uint64_t count)
{
    self->fail_first = nth == 0 ? 0 : self->asked + nth;
    self->fail_count = count;
}
