#include "actors/ledger/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGES_FROM = 256 * 1024, HUGE_FROM = 4 * 1024 * 1024, ALIGNMENT = 64 };

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void *pages_alloc(void *context, size_t bytes)
{
    (void)context;
    if (bytes >= PAGES_FROM) {
        void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED)
            return NULL;
        if (bytes >= HUGE_FROM)
            madvise(pages, bytes, MADV_HUGEPAGE);
        return pages;
    }
    void *memory = aligned_alloc(ALIGNMENT, rounded(bytes));
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

static void pages_free(void *context, void *pointer, size_t bytes)
{
    (void)context;
    if (!pointer)
        return;
    if (bytes >= PAGES_FROM)
        munmap(pointer, bytes);
    else
        free(pointer);
}

struct mem memory_pages(void)
{
    return (struct mem){NULL, pages_alloc, pages_free};
}
