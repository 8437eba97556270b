/* What is remembered of jobs that are done and acked: enough to say the same again, and never to pay again. */
#include "actors/bank/core.h"

#define PAUSE_US (INT64_C(3600) * SECOND_US)

static struct kept *kept_at(const struct bank *self, uint32_t slot)
{
    return slots_at(&self->kept, slot);
}

static bool is_kept(const struct kept *kept, const struct call_key *key)
{
    return uuid_equal(&kept->remittance, &key->remittance) && kept->number == key->number &&
           kept->partition == key->partition;
}

static uint32_t kept_slot(const struct bank *self, const struct call_key *key)
{
    uint64_t hash = call_hash(self, key);
    uint32_t at = 0, slot;
    while ((slot = index_next(&self->kept_by_call, hash, &at)) != SLOT_NONE) {
        if (is_kept(kept_at(self, slot), key))
            break;
    }
    return slot;
}

struct kept *kept_find(const struct bank *self, const struct call_key *key)
{
    uint32_t slot = kept_slot(self, key);
    return slot == SLOT_NONE ? NULL : kept_at(self, slot);
}

/* It has work for the next unit. */
static void enlist(struct bank *self, uint32_t slot)
{
    struct kept *kept = kept_at(self, slot);
    if (kept->is_listed)
        return;
    kept->is_listed = true;
    kept->next = SLOT_NONE;
    if (self->kept_last != SLOT_NONE)
        kept_at(self, self->kept_last)->next = slot;
    else
        self->kept_first = slot;
    self->kept_last = slot;
}

static bool ensure(struct bank *self)
{
    return slots_ensure(&self->kept) && index_ensure(&self->kept_by_call, self->kept.count + 1);
}

static uint32_t add(struct bank *self, const struct kept *kept)
{
    struct call_key key = call_key_kept(kept);
    uint32_t slot = slots_take(&self->kept);
    *kept_at(self, slot) = *kept;
    index_put(&self->kept_by_call, call_hash(self, &key), slot);
    sweep_add(&self->kept_sweep, kept->forget_us);
    return slot;
}

bool kept_from_job(struct bank *self, struct job *job)
{
    if (!ensure(self))
        return false;
    struct kept kept = {
        .remittance = job->rail.call.remittance,
        .number = job->rail.call.number,
        .partition = job->rail.call.partition,
        .forget_us = self->now_us + BANK_KEEP_US,
        .print = call_print(&job->rail.call),
        .outcome = job->outcome,
        .is_permanent = job->is_permanent,
        .is_put = true,
    };
    bank_copy_text(kept.reference, sizeof kept.reference, job->rail.resource);
    job_free(self, job);
    enlist(self, add(self, &kept));
    return true;
}

enum err kept_restore(struct bank *self, const struct kept *kept)
{
    if (!ensure(self))
        return ERR_NO_MEMORY;
    (void)add(self, kept);
    return ERR_OK;
}

/* A ledger that was set back may go another way from there, and call something else by a number that is taken. */
void kept_tell(struct bank *self, struct kept *kept, const struct bank_call *call)
{
    MARK("a call that is done and acked is told again");
    struct call_key key = call_key_kept(kept);
    kept->is_told = true;
    kept->is_disputed = kept->print != 0 && kept->print != call_print(call);
    enlist(self, kept_slot(self, &key));
}

void kept_sweep(struct bank *self)
{
    uint32_t to;
    if (!sweep_begin(&self->kept_sweep, &self->kept, self->now_us, &to))
        return;
    for (uint32_t slot = self->kept_sweep.at; slot < to; slot++) {
        struct kept *kept = kept_at(self, slot);
        if (kept->outcome == 0)
            continue; /* free */
        if (kept->forget_us <= self->now_us) {
            kept->is_forgotten = true;
            enlist(self, slot);
        } else if (kept->forget_us < self->kept_sweep.first_us) {
            self->kept_sweep.first_us = kept->forget_us;
        }
    }
    sweep_end(&self->kept_sweep, &self->kept, to, self->now_us, PAUSE_US);
}

/* ---- units ------------------------------------------------------------------------------------------------ */

static void put_row(struct bank *self, const struct kept *kept)
{
    uint8_t key[ROW_JOB_KEY];
    struct call_key call = call_key_kept(kept);
    row_job_key(&call, key);
    struct bank_put *put = unit_put(self, BANK_TABLE_JOBS, key, sizeof key);
    if (!kept->is_forgotten)
        unit_value_end(self, put, row_kept_pack(kept, unit_value(self)));
}

static void report(struct bank *self, const struct kept *kept)
{
    struct bank_report *out = unit_report(self);
    *out = (struct bank_report){
        .remittance = kept->remittance,
        .number = kept->number,
        .partition = kept->partition,
        .outcome = kept->outcome,
        .is_permanent = kept->is_permanent,
    };
    if (kept->is_disputed) {
        MARK("another call comes under the number of one that is done");
        out->outcome = BANK_UNKNOWN;
        out->is_permanent = false;
        bank_copy_text(out->reason, sizeof out->reason,
                       "another call was carried out under this number: an operator has to settle it");
        return;
    }
    if (kept->outcome == BANK_FAILED)
        bank_copy_text(out->reason, sizeof out->reason, "failed, as was told before");
    bank_copy_text(out->reference, sizeof out->reference, kept->reference);
}

/* Older calls are not known any more: none of them is begun again. */
static void know_from(struct bank *self, int64_t done_us)
{
    if (done_us < self->born_us)
        return;
    self->born_us = done_us + 1;
    self->is_born_put = true;
}

static void forget(struct bank *self, uint32_t slot)
{
    struct kept *kept = kept_at(self, slot);
    struct call_key key = call_key_kept(kept);
    know_from(self, kept->forget_us - BANK_KEEP_US);
    index_remove(&self->kept_by_call, call_hash(self, &key), slot);
    kept->outcome = 0;
    slots_free(&self->kept, slot);
}

void kept_fill_unit(struct bank *self)
{
    for (uint32_t i = 0; i < UNIT_KEPT_MAX && self->kept_first != SLOT_NONE; i++) {
        uint32_t slot = self->kept_first;
        struct kept *kept = kept_at(self, slot);
        self->kept_first = kept->next;
        if (self->kept_first == SLOT_NONE)
            self->kept_last = SLOT_NONE;
        kept->is_listed = false;
        if (kept->is_told)
            report(self, kept);
        kept->is_told = false;
        if (kept->is_put || kept->is_forgotten)
            put_row(self, kept);
        kept->is_put = false;
        if (kept->is_forgotten)
            forget(self, slot);
    }
}
