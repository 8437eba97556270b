/* Memory for cores: an allocator they are given, so that a limit, a count or a planned failure can stand
 * behind it. Alignment is 64 bytes. */
#ifndef TELLER_BASE_MEM_H
#define TELLER_BASE_MEM_H

#include <stddef.h>

struct mem {
    void *context;
    /* Zeroed memory, 64-byte aligned, or NULL. */
    void *(*alloc)(void *context, size_t bytes);
    /* bytes is what was asked for. pointer may be NULL. */
    void (*free)(void *context, void *pointer, size_t bytes);
};

static inline void *mem_alloc(const struct mem *mem, size_t bytes)
{
    return mem->alloc(mem->context, bytes);
}

static inline void mem_free(const struct mem *mem, void *pointer, size_t bytes)
{
    mem->free(mem->context, pointer, bytes);
}

#endif
