#include "broker/offline/hold_audit.h"

#include <stdlib.h>

#include "actors/base/money.h"

static enum err wrong(const char **what, const char *why)
{
    *what = why;
    return ERR_CORRUPT;
}

void hold_audit_release(struct hold_audit *self)
{
    free(self->slots);
    *self = (struct hold_audit){0};
}

static enum err grow(struct hold_audit *self)
{
    if (self->count < self->capacity)
        return ERR_OK;
    uint32_t wider = self->capacity > 0 ? self->capacity * 2 : 256;
    struct audit_hold *slots = realloc(self->slots, wider * sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    self->slots = slots;
    self->capacity = wider;
    return ERR_OK;
}

static enum err open_hold(struct hold_audit *self, uint64_t position, int64_t time_us,
                          const struct fact_hold *fact, const char **what)
{
    if (fact->slot > self->count || (fact->slot < self->count && self->slots[fact->slot].held > 0))
        return wrong(what, "a hold opens in a slot that is not free");
    if (fact->amount < 1 || fact->amount > MONEY_MAX || !uuid_equal(&fact->id, &fact->hold))
        return wrong(what, "a hold opens with an amount or an id that cannot be");
    if (fact->expires_us < 0 || (fact->expires_us != 0 && fact->expires_us <= time_us))
        return wrong(what, "a hold opens behind its time");
    if (fact->slot == self->count) {
        enum err err = grow(self);
        if (err != ERR_OK)
            return err;
        self->count++;
    }
    self->slots[fact->slot] = (struct audit_hold){.id = fact->id,
                                                  .opened = position,
                                                  .held = fact->amount,
                                                  .expires_us = fact->expires_us,
                                                  .account = fact->account};
    return ERR_OK;
}

/* The hold that a step names; NULL: it is not open, or is another. */
static struct audit_hold *find(struct hold_audit *self, uint32_t slot, uint64_t opened, const struct uuid *id,
                               uint32_t account)
{
    struct audit_hold *hold = slot < self->count ? &self->slots[slot] : NULL;
    bool same = hold && hold->held > 0 && hold->opened == opened && hold->account == account &&
                uuid_equal(&hold->id, id);
    return same ? hold : NULL;
}

/* A commit has the time of its first fact, so what is decided before a hold's time is committed before it. */
static bool is_late(const struct audit_hold *hold, int64_t time_us)
{
    return hold->expires_us != 0 && hold->expires_us <= time_us;
}

static enum err capture(struct hold_audit *self, int64_t time_us, const struct fact_capture *fact,
                        const char **what)
{
    int64_t taken;
    struct audit_hold *hold = find(self, fact->slot, fact->opened, &fact->hold, fact->posting.debit);
    if (hold == NULL)
        return wrong(what, "a capture from a hold that is not open");
    if (is_late(hold, time_us))
        return wrong(what, "a hold is captured behind its time");
    if (fact->released < 0 || fact->kept < 0 || !money_add(fact->posting.amount, fact->released, &taken) ||
        !money_add(taken, fact->kept, &taken) || taken != hold->held)
        return wrong(what, "a capture takes another sum than is held");
    if (fact->kept > 0 && (fact->released > 0 || !(fact->flags & FACT_CAPTURE_KEEPS_REST)))
        return wrong(what, "a capture keeps a rest that it was not asked to");
    hold->held = fact->kept;
    return ERR_OK;
}

static enum err end(struct hold_audit *self, int64_t time_us, const struct fact_hold *fact, const char **what)
{
    struct audit_hold *hold = find(self, fact->slot, fact->opened, &fact->hold, fact->account);
    if (hold == NULL || hold->held != fact->amount)
        return wrong(what, "a hold ends that is not open, or with another sum than is held");
    if (fact->head.kind == FACT_HOLD_EXPIRED && (hold->expires_us == 0 || !uuid_is_nil(&fact->id)))
        return wrong(what, "a hold expires that has no time");
    if (fact->head.kind == FACT_HOLD_RELEASED && is_late(hold, time_us))
        return wrong(what, "a hold is released behind its time");
    hold->held = 0;
    return ERR_OK;
}

enum err hold_audit_fact(struct hold_audit *self, uint64_t position, int64_t time_us, const uint8_t *bytes,
                         const char **what)
{
    struct fact_hold fact;
    struct fact_capture captured;
    if (bytes[0] == FACT_HOLD_CAPTURED) {
        memcpy(&captured, bytes, sizeof captured);
        return capture(self, time_us, &captured, what);
    }
    memcpy(&fact, bytes, sizeof fact);
    return bytes[0] == FACT_HOLD_OPENED ? open_hold(self, position, time_us, &fact, what)
                                        : end(self, time_us, &fact, what);
}

const char *hold_audit_compare(const struct hold_audit *self, const struct ledger *ledger)
{
    struct ledger_open_hold open;
    uint32_t from = 0;
    for (uint32_t slot = 0; slot < self->count; slot++) {
        const struct audit_hold *hold = &self->slots[slot];
        if (hold->held == 0)
            continue;
        if (!ledger_hold_next(ledger, from, &open) || open.slot != slot || open.held != hold->held ||
            open.account != hold->account || open.opened != hold->opened ||
            open.expires_us != hold->expires_us || !uuid_equal(&open.id, &hold->id))
            return "an open hold is not as the ledger has it";
        from = slot + 1;
    }
    return ledger_hold_next(ledger, from, &open) ? "the ledger has an open hold that no fact opened" : NULL;
}
