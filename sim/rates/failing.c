/* In front of a store in memory: a commit that fails before it, or behind it. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/rates/world.h"
#include "store/rates_table.h"

struct failing_rates {
    struct rates base;
    struct rates *inner;
    enum failing next;
    bool is_broken, was_kept;
};

static struct failing_rates *self_of(struct rates *rates)
{
    return (struct failing_rates *)rates;
}

static enum err failing_begin(struct rates *rates, size_t count)
{
    struct failing_rates *self = self_of(rates);
    return self->is_broken ? ERR_IO : self->inner->methods->begin(self->inner, count);
}

static enum err failing_put(struct rates *rates, const struct rates_record *record)
{
    struct failing_rates *self = self_of(rates);
    return self->inner->methods->put(self->inner, record);
}

static enum err failing_commit(struct rates *rates)
{
    struct failing_rates *self = self_of(rates);
    enum failing failing = self->next;
    self->next = FAILING_NO;
    if (failing == FAILING_FULL)
        return ERR_FULL;
    self->is_broken = failing != FAILING_NO;
    self->was_kept = failing == FAILING_KEPT;
    if (failing == FAILING_LOST)
        return ERR_IO;
    enum err err = self->inner->methods->commit(self->inner);
    return failing == FAILING_KEPT ? ERR_IO : err;
}

static enum err failing_seek(struct rates *rates, const uint8_t *key, size_t key_length,
                             enum rates_direction direction, struct rates_record *out)
{
    struct failing_rates *self = self_of(rates);
    return self->inner->methods->seek(self->inner, key, key_length, direction, out);
}

static void failing_close(struct rates *rates)
{
    (void)rates;
}

static const struct rates_methods METHODS = {
    .begin = failing_begin,
    .put = failing_put,
    .commit = failing_commit,
    .seek = failing_seek,
    .close = failing_close,
};

struct failing_rates *failing_new(void)
{
    struct failing_rates *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->base.methods = &METHODS;
    self->inner = rates_memory_new();
    CHECK(self->inner != NULL);
    return self;
}

void failing_destroy(struct failing_rates **self_p)
{
    rates_close(&(*self_p)->inner);
    free(*self_p);
    *self_p = NULL;
}

struct rates *failing_rates(struct failing_rates *self)
{
    return &self->base;
}

void failing_set(struct failing_rates *self, enum failing failing)
{
    self->next = failing;
}

bool failing_reopen(struct failing_rates *self)
{
    bool was_kept = self->was_kept;
    self->is_broken = self->was_kept = false;
    return was_kept;
}
