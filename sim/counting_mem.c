#include "sim/counting_mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "actors/base/check.h"

enum { ALIGNMENT = 64, LARGE = 1 << 16 };

/* Large blocks come as pages that are zero already: a core reserves far more than a test touches. */
static uint8_t *block_new(size_t bytes)
{
    if (bytes >= LARGE) {
        void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(pages != MAP_FAILED);
        return pages;
    }
    uint8_t *block = aligned_alloc(ALIGNMENT, bytes);
    CHECK(block);
    return memset(block, 0, bytes);
}

static void block_free(uint8_t *block, size_t bytes)
{
    if (bytes < LARGE)
        free(block);
    else
        CHECK(munmap(block, bytes) == 0);
}

static size_t block_size(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
}

/* In front of each block: its size, in a line of its own. */
static void *counting_alloc(void *context, size_t bytes)
{
    struct counting_mem *self = context;
    uint64_t number = ++self->asked;
    if (self->fail_first != 0 && number >= self->fail_first && number - self->fail_first < self->fail_count) {
        self->failed++;
        return NULL;
    }
    uint8_t *block = block_new(block_size(bytes));
    memcpy(block, &bytes, sizeof bytes);
    self->live_blocks++;
    self->live_bytes += bytes;
    if (self->live_bytes > self->peak_bytes)
        self->peak_bytes = self->live_bytes;
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
    block_free(block, block_size(bytes));
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
