#include "actors/ledger/shell/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES_FROM = 2 * 1024 * 1024, HUGE_PAGE = 2 * 1024 * 1024, HUGE_FROM = HUGE_PAGE, ALIGNMENT = 64 };

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Large areas begin at a huge page: maps more than needed and gives back what stands over. */
static void *pages_map(size_t bytes)
{
    size_t extra = bytes >= HUGE_FROM ? HUGE_PAGE : 0;
    uint8_t *pages = mmap(NULL, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    if (extra == 0)
        return pages;
    size_t before = (HUGE_PAGE - (uintptr_t)pages % HUGE_PAGE) % HUGE_PAGE;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = (bytes + page - 1) / page * page;
    if (before > 0)
        munmap(pages, before);
    if (extra > before)
        munmap(pages + before + whole, extra - before);
    madvise(pages + before, whole, MADV_HUGEPAGE);
    return pages + before;
}

static void *pages_alloc(void *context, size_t bytes)
{
    (void)context;
    if (bytes >= PAGES_FROM)
        return pages_map(bytes);
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
