#include "broker/offline/id_sort.h"

#include <stdlib.h>
#include <string.h>

enum { READ_AHEAD = 1024, FIRST_CAPACITY = 1024 };

/* One run while runs are merged. */
struct run {
    uint64_t next, end; /* in the file */
    size_t at, count;
    struct id_sort_entry *entries;
};

void id_sort_init(struct id_sort *self, size_t memory_bytes)
{
    size_t limit = memory_bytes / sizeof(struct id_sort_entry);
    *self = (struct id_sort){.limit = limit < 2 ? 2 : limit};
}

void id_sort_release(struct id_sort *self)
{
    if (self->file != NULL)
        (void)fclose(self->file);
    free(self->entries);
    free(self->run_ends);
    *self = (struct id_sort){0};
}

static int compare(const void *a, const void *b)
{
    const struct id_sort_entry *x = a, *y = b;
    int order = memcmp(&x->id, &y->id, sizeof x->id);
    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

static enum err spill(struct id_sort *self)
{
    qsort(self->entries, self->count, sizeof *self->entries, compare);
    if (self->file == NULL)
        self->file = tmpfile();
    uint64_t *ends = realloc(self->run_ends, (self->run_count + 1) * sizeof *ends);
    if (ends == NULL)
        return ERR_NO_MEMORY;
    self->run_ends = ends;
    if (self->file == NULL ||
        fwrite(self->entries, sizeof *self->entries, self->count, self->file) != self->count)
        return ERR_IO;
    uint64_t before = self->run_count == 0 ? 0 : ends[self->run_count - 1];
    ends[self->run_count++] = before + self->count;
    self->count = 0;
    return ERR_OK;
}

enum err id_sort_add(struct id_sort *self, const struct uuid *id, uint64_t position, int64_t time_us)
{
    if (self->count == self->limit) {
        enum err err = spill(self);
        if (err != ERR_OK)
            return err;
    }
    if (self->count == self->capacity) {
        size_t wanted = self->capacity == 0 ? FIRST_CAPACITY : self->capacity * 2;
        wanted = wanted > self->limit ? self->limit : wanted;
        struct id_sort_entry *bigger = realloc(self->entries, wanted * sizeof *bigger);
        if (bigger == NULL)
            return ERR_NO_MEMORY;
        self->entries = bigger;
        self->capacity = wanted;
    }
    self->entries[self->count++] = (struct id_sort_entry){*id, position, time_us};
    return ERR_OK;
}

/* ---- merging ---------------------------------------------------------------------------------- */

static enum err run_fill(struct id_sort *self, struct run *run)
{
    uint64_t left = run->end - run->next;
    size_t count = left < READ_AHEAD ? (size_t)left : READ_AHEAD;
    long offset = (long)(run->next * sizeof *run->entries);
    if (fseek(self->file, offset, SEEK_SET) != 0 ||
        fread(run->entries, sizeof *run->entries, count, self->file) != count)
        return ERR_IO;
    run->next += count;
    run->at = 0;
    run->count = count;
    return ERR_OK;
}

static bool run_less(const struct run *a, const struct run *b)
{
    return compare(&a->entries[a->at], &b->entries[b->at]) < 0;
}

static void sift_down(struct run **heap, size_t count, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && run_less(heap[child + 1], heap[child]))
            child++;
        if (!run_less(heap[child], heap[at]))
            return;
        struct run *moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

static bool is_repeat(const struct id_sort_entry *a, const struct id_sort_entry *b, int64_t retention_us)
{
    return uuid_equal(&a->id, &b->id) && b->time_us - a->time_us <= retention_us;
}

static enum err merge(struct id_sort *self, struct run **heap, size_t count, int64_t retention_us,
                      struct id_sort_entry *first, struct id_sort_entry *second)
{
    bool any = false;
    for (size_t i = count; i-- > 0;)
        sift_down(heap, count, i);
    while (count > 0) {
        struct run *run = heap[0];
        *second = run->entries[run->at++];
        if (any && is_repeat(first, second, retention_us))
            return ERR_CORRUPT;
        *first = *second;
        any = true;
        if (run->at == run->count && run->next < run->end && run_fill(self, run) != ERR_OK)
            return ERR_IO;
        if (run->at == run->count)
            heap[0] = heap[--count];
        sift_down(heap, count, 0);
    }
    return ERR_OK;
}

static enum err check_runs(struct id_sort *self, int64_t retention_us, struct id_sort_entry *first,
                           struct id_sort_entry *second)
{
    struct run *runs = calloc(self->run_count, sizeof *runs);
    struct run **heap = calloc(self->run_count, sizeof *heap);
    struct id_sort_entry *entries = calloc(self->run_count * READ_AHEAD, sizeof *entries);
    enum err err = runs != NULL && heap != NULL && entries != NULL ? ERR_OK : ERR_NO_MEMORY;
    for (size_t i = 0; i < self->run_count && err == ERR_OK; i++) {
        runs[i] = (struct run){.next = i == 0 ? 0 : self->run_ends[i - 1],
                               .end = self->run_ends[i],
                               .entries = entries + i * READ_AHEAD};
        heap[i] = &runs[i];
        err = run_fill(self, &runs[i]);
    }
    if (err == ERR_OK)
        err = merge(self, heap, self->run_count, retention_us, first, second);
    free(entries);
    free(heap);
    free(runs);
    return err;
}

enum err id_sort_check(struct id_sort *self, int64_t retention_us, struct id_sort_entry *first,
                       struct id_sort_entry *second)
{
    if (self->file != NULL) {
        enum err err = self->count > 0 ? spill(self) : ERR_OK;
        free(self->entries);
        self->entries = NULL;
        self->capacity = 0;
        return err == ERR_OK ? check_runs(self, retention_us, first, second) : err;
    }
    if (self->count > 0)
        qsort(self->entries, self->count, sizeof *self->entries, compare);
    for (size_t i = 1; i < self->count; i++) {
        *first = self->entries[i - 1];
        *second = self->entries[i];
        if (is_repeat(first, second, retention_us))
            return ERR_CORRUPT;
    }
    return ERR_OK;
}
