#include "sim/disk/heap.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/disk/model.h"

static _Thread_local struct {
    uint64_t until; /* so many more succeed; this and what follows are for when a plan is there */
    bool is_planned, is_for_good;
    uint64_t failed;
    unsigned pauses;
} heap;

/* In this file malloc is the linker's again. */
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *pointer, size_t bytes);
void *__wrap_reallocarray(void *pointer, size_t count, size_t bytes);

void heap_fail(uint64_t nth, bool for_good)
{
    heap.is_planned = nth > 0;
    heap.until = nth;
    heap.is_for_good = for_good;
}

void heap_pause(void)
{
    heap.pauses++;
}

void heap_resume(void)
{
    heap.pauses--;
}

uint64_t heap_failed(void)
{
    return heap.failed;
}

static bool fails(void)
{
    if (!heap.is_planned || heap.pauses > 0 || disk_current() == NULL)
        return false;
    if (heap.until > 1) {
        heap.until--;
        return false;
    }
    heap.is_planned = heap.is_for_good;
    heap.failed++;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : calloc(count, bytes);
}

void *__wrap_realloc(void *pointer, size_t bytes)
{
    return fails() ? NULL : realloc(pointer, bytes);
}

void *__wrap_reallocarray(void *pointer, size_t count, size_t bytes)
{
    return fails() ? NULL : reallocarray(pointer, count, bytes);
}
