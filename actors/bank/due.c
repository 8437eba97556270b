/* Jobs by the time that something is due for them: a binary heap, of one time in order of serials. */
#include "actors/bank/core.h"

bool due_ensure(struct bank *self, uint32_t count)
{
    if (count <= self->due_capacity)
        return true;
    uint32_t capacity = self->due_capacity > 0 ? self->due_capacity : 64;
    while (capacity < count)
        capacity *= 2;
    struct due *dues = mem_alloc(&self->mem, capacity * sizeof *dues);
    if (dues == NULL) {
        MARK("the bank adapter has no memory for what is due");
        return false;
    }
    if (self->due_count > 0)
        memcpy(dues, self->dues, self->due_count * sizeof *dues);
    mem_free(&self->mem, self->dues, self->due_capacity * sizeof *dues);
    self->dues = dues;
    self->due_capacity = capacity;
    return true;
}

static bool is_before(const struct due *a, const struct due *b)
{
    return a->us != b->us ? a->us < b->us : a->serial < b->serial;
}

static void set(struct bank *self, uint32_t at, struct due due)
{
    self->dues[at] = due;
    job_at(self, due.slot)->due_at = at;
}

static void rise(struct bank *self, uint32_t at, struct due due)
{
    while (at > 0 && is_before(&due, &self->dues[(at - 1) / 2])) {
        set(self, at, self->dues[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    set(self, at, due);
}

static void sink(struct bank *self, uint32_t at, struct due due)
{
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= self->due_count)
            break;
        if (child + 1 < self->due_count && is_before(&self->dues[child + 1], &self->dues[child]))
            child++;
        if (!is_before(&self->dues[child], &due))
            break;
        set(self, at, self->dues[child]);
        at = child;
    }
    set(self, at, due);
}

void due_put(struct bank *self, struct job *job, int64_t due_us)
{
    CHECK(!job->is_in_due && self->due_count < self->due_capacity);
    job->is_in_due = true;
    job->due_us = due_us;
    rise(self, self->due_count++, (struct due){due_us, job->rail.serial, job->slot});
}

void due_remove(struct bank *self, struct job *job)
{
    CHECK(job->is_in_due && self->dues[job->due_at].slot == job->slot);
    uint32_t at = job->due_at;
    job->is_in_due = false;
    struct due last = self->dues[--self->due_count];
    if (at == self->due_count)
        return;
    if (at > 0 && is_before(&last, &self->dues[(at - 1) / 2]))
        rise(self, at, last);
    else
        sink(self, at, last);
}

struct job *due_pop(struct bank *self)
{
    if (self->due_count == 0 || self->dues[0].us > self->now_us)
        return NULL;
    struct job *job = job_at(self, self->dues[0].slot);
    due_remove(self, job);
    return job;
}

bool due_in_order(const struct bank *self)
{
    for (uint32_t i = 1; i < self->due_count; i++) {
        if (is_before(&self->dues[i], &self->dues[(i - 1) / 2]))
            return false;
    }
    return true;
}

/* The order stays as it is. */
void due_shift(struct bank *self, int64_t by_us)
{
    for (uint32_t i = 0; i < self->due_count; i++) {
        self->dues[i].us += by_us;
        job_at(self, self->dues[i].slot)->due_us += by_us;
    }
}
