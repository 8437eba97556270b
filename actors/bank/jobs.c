/* Jobs by (remittance, number): calls make them, acks end them. */
#include "actors/bank/core.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static const char *const STATE_NAMES[JOB_STATE_COUNT] = {
    [JOB_QUEUED] = "QUEUED",   [JOB_TOKEN] = "TOKEN", [JOB_OUT] = "OUT",
    [JOB_WAITING] = "WAITING", [JOB_DONE] = "DONE",   [JOB_STRANDED] = "STRANDED",
};

static const uint32_t NEXT[JOB_STATE_COUNT] = {
    [JOB_QUEUED] = MACHINE_TO(JOB_TOKEN) | MACHINE_TO(JOB_OUT) | MACHINE_TO(JOB_WAITING) |
                   MACHINE_TO(JOB_DONE) | MACHINE_TO(JOB_STRANDED), /* the last three: as it is made */
    [JOB_TOKEN] = MACHINE_TO(JOB_QUEUED) | MACHINE_TO(JOB_DONE),
    [JOB_OUT] = MACHINE_TO(JOB_QUEUED) | MACHINE_TO(JOB_WAITING) | MACHINE_TO(JOB_DONE),
    [JOB_WAITING] = MACHINE_TO(JOB_QUEUED),
};

const struct machine job_machine = {"job at a bank", JOB_STATE_COUNT, STATE_NAMES, NEXT};

/* ---- lists ---------------------------------------------------------------------------------------------- */

void list_init(struct list *list)
{
    *list = (struct list){SLOT_NONE, SLOT_NONE, 0};
}

void list_append(struct bank *self, struct list *list, enum link link, struct job *job)
{
    job->links[link] = (struct link_pair){.previous = list->last, .next = SLOT_NONE};
    if (list->last != SLOT_NONE)
        job_at(self, list->last)->links[link].next = job->slot;
    else
        list->first = job->slot;
    list->last = job->slot;
    list->count++;
}

void list_prepend(struct bank *self, struct list *list, enum link link, struct job *job)
{
    job->links[link] = (struct link_pair){.previous = SLOT_NONE, .next = list->first};
    if (list->first != SLOT_NONE)
        job_at(self, list->first)->links[link].previous = job->slot;
    else
        list->last = job->slot;
    list->first = job->slot;
    list->count++;
}

void list_remove(struct bank *self, struct list *list, enum link link, struct job *job)
{
    struct link_pair pair = job->links[link];
    CHECK(list->count > 0);
    if (pair.previous != SLOT_NONE)
        job_at(self, pair.previous)->links[link].next = pair.next;
    else
        list->first = pair.next;
    if (pair.next != SLOT_NONE)
        job_at(self, pair.next)->links[link].previous = pair.previous;
    else
        list->last = pair.previous;
    list->count--;
}

/* Takes the smaller first serial of two chains; both end with SLOT_NONE. */
static uint32_t merge(struct bank *self, uint32_t a, uint32_t b)
{
    uint32_t first = SLOT_NONE, last = SLOT_NONE;
    while (a != SLOT_NONE || b != SLOT_NONE) {
        bool is_a = b == SLOT_NONE ||
                    (a != SLOT_NONE && job_at(self, a)->rail.serial <= job_at(self, b)->rail.serial);
        uint32_t *from = is_a ? &a : &b;
        if (last == SLOT_NONE)
            first = *from;
        else
            job_at(self, last)->links[LINK_SERIAL].next = *from;
        last = *from;
        *from = job_at(self, last)->links[LINK_SERIAL].next;
    }
    return first;
}

/* A merge sort from below: chains[i] is sorted and has 2^i jobs. */
void jobs_sort(struct bank *self)
{
    uint32_t chains[32];
    for (int i = 0; i < 32; i++)
        chains[i] = SLOT_NONE;
    for (uint32_t slot = self->serials.first, next; slot != SLOT_NONE; slot = next) {
        next = job_at(self, slot)->links[LINK_SERIAL].next;
        job_at(self, slot)->links[LINK_SERIAL].next = SLOT_NONE;
        int i = 0;
        for (; chains[i] != SLOT_NONE; i++) {
            slot = merge(self, chains[i], slot);
            chains[i] = SLOT_NONE;
        }
        chains[i] = slot;
    }
    uint32_t all = SLOT_NONE;
    for (int i = 0; i < 32; i++)
        all = merge(self, chains[i], all);
    list_init(&self->serials);
    for (uint32_t slot = all, next; slot != SLOT_NONE; slot = next) {
        next = job_at(self, slot)->links[LINK_SERIAL].next;
        list_append(self, &self->serials, LINK_SERIAL, job_at(self, slot));
    }
}

/* ---- the table ------------------------------------------------------------------------------------------ */

uint64_t call_hash(const struct bank *self, const struct call_key *key)
{
    return XXH3_64bits_withSeed(key->remittance.bytes, sizeof key->remittance.bytes,
                                self->hash_key + ((uint64_t)key->partition << 32 | key->number));
}

uint64_t call_print(const struct bank_call *call)
{
    const char *const texts[] = {call->bank, call->payer, call->payee};
    const uint8_t kind[] = {call->step, (uint8_t)call->currency};
    uint64_t print = XXH3_64bits_withSeed(kind, sizeof kind, (uint64_t)call->amount);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        print = XXH3_64bits_withSeed(texts[i], strlen(texts[i]), print);
    return print | 1;
}

uint64_t name_hash(const struct bank *self, uint32_t bank, const char *name)
{
    return XXH3_64bits_withSeed(name, strlen(name), self->hash_key + bank);
}

static bool is_of(const struct bank_call *call, const struct call_key *key)
{
    return uuid_equal(&call->remittance, &key->remittance) && call->number == key->number &&
           call->partition == key->partition;
}

struct job *job_find(const struct bank *self, const struct call_key *key)
{
    uint64_t hash = call_hash(self, key);
    uint32_t at = 0, slot;
    while ((slot = index_next(&self->by_call, hash, &at)) != SLOT_NONE) {
        struct job *job = job_at(self, slot);
        if (is_of(&job->rail.call, key))
            return job;
    }
    return NULL;
}

static uint32_t *open_count(struct bank *self, const struct job *job, uint8_t phase)
{
    struct place *place = &self->banks[job->bank];
    return phase == RAIL_INQUIRE ? &place->inquiries_open : &place->calls_open;
}

void job_counted(struct bank *self, struct job *job, uint8_t before)
{
    --*open_count(self, job, before);
    ++*open_count(self, job, job->rail.phase);
}

void job_ended(struct bank *self, const struct job *job)
{
    --*open_count(self, job, job->rail.phase);
}

struct job *job_new(struct bank *self, const struct rail_job *rail, uint32_t bank)
{
    uint32_t count = self->jobs.count + 1;
    if (!slots_ensure(&self->jobs) || !index_ensure(&self->by_call, count) ||
        !index_ensure(&self->by_id, count) || !index_ensure(&self->by_resource, count) ||
        !due_ensure(self, count))
        return NULL;
    uint32_t slot = slots_take(&self->jobs);
    struct job *job = job_at(self, slot);
    job->rail = *rail;
    job->slot = slot;
    job->bank = bank;
    job->state = JOB_QUEUED;
    job->token = CORE_NO_TOKEN;
    struct call_key key = call_key_of(&rail->call);
    index_put(&self->by_call, call_hash(self, &key), slot);
    index_put(&self->by_id, name_hash(self, bank, rail->id), slot);
    if (rail->resource[0] != '\0')
        index_put(&self->by_resource, name_hash(self, bank, rail->resource), slot);
    list_append(self, &self->serials, LINK_SERIAL, job);
    if (bank != SLOT_NONE)
        ++*open_count(self, job, rail->phase);
    return job;
}

void job_free(struct bank *self, struct job *job)
{
    const struct rail_job *rail = &job->rail;
    CHECK(job->state == JOB_DONE);
    if (job->is_in_due)
        due_remove(self, job);
    if (job->is_in_tell)
        list_remove(self, &self->tells, LINK_TELL, job);
    list_remove(self, &self->serials, LINK_SERIAL, job);
    struct call_key key = call_key_of(&rail->call);
    index_remove(&self->by_call, call_hash(self, &key), job->slot);
    index_remove(&self->by_id, name_hash(self, job->bank, rail->id), job->slot);
    if (rail->resource[0] != '\0')
        index_remove(&self->by_resource, name_hash(self, job->bank, rail->resource), job->slot);
    slots_free(&self->jobs, job->slot);
}

void job_renamed(struct bank *self, struct job *job, const char *before)
{
    const char *now = job->rail.resource;
    if (core_text_equal(before, now))
        return;
    if (before[0] != '\0')
        index_remove(&self->by_resource, name_hash(self, job->bank, before), job->slot);
    if (now[0] != '\0')
        index_put(&self->by_resource, name_hash(self, job->bank, now), job->slot);
}

void job_reason(struct job *job, const char *reason)
{
    bank_copy_text(job->reason, sizeof job->reason, reason);
}

void job_tell(struct bank *self, struct job *job)
{
    if (job->is_in_tell)
        return;
    job->is_in_tell = true;
    list_append(self, &self->tells, LINK_TELL, job);
}

void job_finish(struct bank *self, struct job *job, enum bank_outcome outcome, bool is_permanent,
                const char *reason)
{
    CHECK(outcome == BANK_SUCCEEDED || outcome == BANK_FAILED);
    machine_move(&job_machine, &job->state, JOB_DONE);
    job->outcome = (uint8_t)outcome;
    job->is_permanent = outcome == BANK_FAILED && is_permanent;
    job_reason(job, outcome == BANK_FAILED ? reason : "");
    if (job->bank != SLOT_NONE) {
        struct place *place = &self->banks[job->bank];
        job_ended(self, job);
        place->succeeded += outcome == BANK_SUCCEEDED;
        place->failed += outcome == BANK_FAILED;
    }
    job_tell(self, job);
    due_put(self, job, self->now_us + CORE_RETELL_US);
}

/* ---- calls ------------------------------------------------------------------------------------------------ */

uint32_t core_bank_index(const struct bank *self, const char *name)
{
    for (uint32_t i = 0; i < self->bank_count; i++) {
        if (core_text_equal(self->banks[i].name, name))
            return i;
    }
    return SLOT_NONE;
}

/* Serials come in blocks. The end of a block is put in a unit no later than the first request that may show one of its serials. */
static uint64_t next_serial(struct bank *self)
{
    if (self->next_serial == self->serial_end) {
        self->serial_end += CORE_SERIAL_BLOCK;
        self->is_serial_put = true;
    }
    return self->next_serial++;
}

/* Why a store that was lost may have sent it, under an id that nobody knows, or this one may have forgotten it; NULL: it is new. A ledger that was
 * not set back has told of every call before it was sent, so only calls from before what this store knows are in doubt. One that is a copy makes
 * calls anew, so all of a remittance that was there to be copied are. */
static const char *doubt(const struct bank *self, const struct bank_call *call)
{
    if (call->called_us < self->born_us)
        return "it may have been sent before the adapter's store was lost, or have been forgotten there: an "
               "operator has to settle it";
    if (call->requested_us < self->copied_us)
        return "it may have been sent after the backup was made: an operator has to settle it";
    return NULL;
}

static void strand(struct bank *self, const struct bank_call *call, const char *reason)
{
    const struct rail_job rail = {.call = *call, .phase = RAIL_INQUIRE, .serial = self->next_serial};
    struct job *job = job_new(self, &rail, SLOT_NONE);
    if (job == NULL) {
        MARK("a call from before the store is left where it is: no memory, or too many jobs");
        return;
    }
    (void)next_serial(self);
    MARK("a call may have been sent by a store that is lost");
    machine_move(&job_machine, &job->state, JOB_STRANDED);
    job->is_unknown = true;
    job_reason(job, reason);
    job_tell(self, job);
}

static void begin(struct bank *self, const struct bank_call *call)
{
    const char *reason = doubt(self, call);
    if (reason != NULL) {
        strand(self, call, reason);
        return;
    }
    uint32_t bank = core_bank_index(self, call->bank);
    struct rail_verdict verdict = {.reason = "there is no bank of that name"};
    struct rail_job rail = {.call = *call, .phase = RAIL_PREPARE, .serial = self->next_serial};
    bool is_good = bank != SLOT_NONE;
    if (is_good) {
        struct place *place = &self->banks[bank];
        is_good = place->rail->name_job(place->own, &rail, self->now_us, &verdict);
    }
    struct job *job = job_new(self, &rail, bank);
    if (job == NULL) {
        MARK("a call is left where it is: no memory, or too many jobs");
        return;
    }
    (void)next_serial(self);
    if (is_good) {
        queue_push(self, job);
        return;
    }
    MARK("a call that no bank can carry out");
    job_finish(self, job, BANK_FAILED, true, verdict.reason);
}

/* The ledger has not heard what was told, or does not know what there is to hear. */
static void tell_again(struct bank *self, struct job *job)
{
    if (job->state == JOB_DONE || job->is_unknown || job->rail.phase == RAIL_INQUIRE) {
        MARK("a call that was told again is reported again");
        job_tell(self, job);
    }
}

void bank_call(struct bank *self, int64_t now_us, const struct bank_call *call)
{
    CHECK(self->is_recovered);
    core_now(self, now_us);
    struct call_key key = call_key_of(call);
    struct job *job = job_find(self, &key);
    struct kept *kept = job != NULL ? NULL : kept_find(self, &key);
    if (job != NULL)
        tell_again(self, job);
    else if (kept != NULL)
        kept_tell(self, kept, call);
    else
        begin(self, call);
}

void bank_acked(struct bank *self, int64_t now_us, const struct bank_ack *ack)
{
    CHECK(self->is_recovered);
    core_now(self, now_us);
    struct job *job = job_find(self, &(struct call_key){ack->remittance, ack->number, ack->partition});
    if (job == NULL || job->state != JOB_DONE || job->outcome != ack->outcome || !job->is_end_put) {
        MARK("an ack of nothing that was told for good");
        return;
    }
    if (!kept_from_job(self, job))
        MARK("no memory for an ack: the report is told again");
}

/* ---- units ------------------------------------------------------------------------------------------------ */

static void put_end(struct bank *self, struct job *job)
{
    uint8_t key[ROW_JOB_KEY];
    struct call_key call = call_key_of(&job->rail.call);
    row_job_key(&call, key);
    struct bank_put *put = unit_put(self, BANK_TABLE_JOBS, key, sizeof key);
    job->is_end_put = true;
    job->is_row = true;
    unit_value_end(self, put, row_job_pack(job, unit_value(self)));
}

static void report(struct bank *self, struct job *job)
{
    bool is_done = job->state == JOB_DONE;
    struct bank_report *out = unit_report(self);
    *out = (struct bank_report){
        .remittance = job->rail.call.remittance,
        .number = job->rail.call.number,
        .partition = job->rail.call.partition,
        .outcome = is_done ? job->outcome : (uint8_t)BANK_UNKNOWN,
        .is_permanent = is_done && job->is_permanent,
    };
    bank_copy_text(out->reason, sizeof out->reason, job->reason);
    bank_copy_text(out->reference, sizeof out->reference, job->rail.resource);
}

void jobs_fill_unit(struct bank *self)
{
    for (uint32_t i = 0; i < UNIT_TELLS_MAX && self->tells.count > 0; i++) {
        struct job *job = job_at(self, self->tells.first);
        list_remove(self, &self->tells, LINK_TELL, job);
        job->is_in_tell = false;
        if (job->state == JOB_DONE && !job->is_end_put)
            put_end(self, job);
        report(self, job);
    }
}
