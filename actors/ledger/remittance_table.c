#include "actors/ledger/remittance_table.h"

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/hash.h"
#include "actors/ledger/remittance_states.h"

enum { FIRST_BUCKETS = 256, WORD_BITS = 64 };

void remittance_table_init(struct remittance_table *self, const struct mem *mem, uint64_t hash_key)
{
    *self = (struct remittance_table){.mem = mem, .hash_key = hash_key};
}

void remittance_table_release(struct remittance_table *self)
{
    for (size_t i = 0; i < REMITTANCE_SEGMENTS && self->segments[i]; i++)
        mem_free(self->mem, self->segments[i], REMITTANCE_SEGMENT * sizeof *self->segments[i]);
    mem_free(self->mem, self->buckets, self->bucket_count * sizeof *self->buckets);
}

/* ---- index ------------------------------------------------------------------------------------------ */

static uint32_t *bucket_of(const struct remittance_table *self, const struct uuid *id)
{
    return &self->buckets[hash_uuid(id, self->hash_key) & (self->bucket_count - 1)];
}

uint32_t remittance_find(const struct remittance_table *self, const struct uuid *id)
{
    uint32_t slot = self->oldest != 0 ? *bucket_of(self, id) : 0;
    while (slot != 0 && !uuid_equal(&remittance_at(self, slot - 1)->id, id))
        slot = remittance_at(self, slot - 1)->chain;
    return slot - 1;
}

static void chain_join(struct remittance_table *self, uint32_t slot)
{
    struct remittance *remittance = remittance_at(self, slot);
    uint32_t *bucket = bucket_of(self, &remittance->id);
    remittance->chain = *bucket;
    *bucket = slot + 1;
}

static void chain_leave(struct remittance_table *self, uint32_t slot)
{
    const struct remittance *remittance = remittance_at(self, slot);
    uint32_t *link = bucket_of(self, &remittance->id);
    while (*link != slot + 1) {
        CHECK(*link != 0);
        link = &remittance_at(self, *link - 1)->chain;
    }
    *link = remittance->chain;
}

/* There are never fewer buckets than open remittances. */
static bool buckets_ensure(struct remittance_table *self)
{
    uint32_t now = self->bucket_count, wanted = now ? now * 2 : FIRST_BUCKETS;
    if (self->open_count < now)
        return true;
    uint32_t *buckets = mem_alloc(self->mem, wanted * sizeof *buckets);
    if (!buckets) {
        MARK("no memory for a bigger index of remittances");
        return false;
    }
    mem_free(self->mem, self->buckets, now * sizeof *self->buckets);
    self->buckets = buckets;
    self->bucket_count = wanted;
    uint32_t slot = self->oldest - 1;
    for (; slot != REMITTANCE_NONE; slot = remittance_after(self, slot))
        chain_join(self, slot);
    return true;
}

/* ---- slots ------------------------------------------------------------------------------------------ */

bool remittance_ensure(struct remittance_table *self, uint32_t slot)
{
    CHECK(slot <= self->count && slot < LEDGER_REMITTANCES_MAX);
    struct remittance **segment = &self->segments[slot / REMITTANCE_SEGMENT];
    if (!*segment)
        *segment = mem_alloc(self->mem, REMITTANCE_SEGMENT * sizeof **segment);
    if (!*segment) {
        MARK("no memory for a segment of remittances");
        return false;
    }
    return buckets_ensure(self);
}

uint32_t remittance_free_slot(const struct remittance_table *self)
{
    uint32_t word = 0;
    while (word < REMITTANCE_USED_WORDS && self->used[word] == UINT64_MAX)
        word++;
    if (word == REMITTANCE_USED_WORDS)
        return REMITTANCE_NONE;
    return word * WORD_BITS + (uint32_t)__builtin_ctzll(~self->used[word]);
}

struct remittance *remittance_fill(struct remittance_table *self, uint32_t slot, const struct uuid *id,
                                   uint64_t requested)
{
    struct remittance *remittance = remittance_at(self, slot);
    CHECK(remittance->state == 0);
    remittance->id = *id;
    remittance->requested = requested;
    if (slot >= self->count)
        self->count = slot + 1;
    self->used[slot / WORD_BITS] |= UINT64_C(1) << (slot % WORD_BITS);
    self->open_count++;
    return remittance;
}

void remittance_free(struct remittance_table *self, uint32_t slot)
{
    struct remittance *remittance = remittance_at(self, slot);
    *remittance = (struct remittance){.last_position = remittance->last_position};
    self->used[slot / WORD_BITS] &= ~(UINT64_C(1) << (slot % WORD_BITS));
    self->open_count--;
}

/* ---- lists ------------------------------------------------------------------------------------------ */

static uint32_t bit(enum remittance_list list)
{
    return UINT32_C(1) << list;
}

uint32_t remittance_lists(uint8_t state, uint8_t step, uint8_t flags)
{
    static const enum remittance_list by_step[] = {
        [REMITTANCE_STEP_PULL] = REMITTANCE_LIST_PULL,
        [REMITTANCE_STEP_DEPOSIT] = REMITTANCE_LIST_DEPOSIT,
        [REMITTANCE_STEP_WITHDRAWAL] = REMITTANCE_LIST_WITHDRAWAL,
        [REMITTANCE_STEP_PUSH] = REMITTANCE_LIST_PUSH,
        [REMITTANCE_STEP_REFUND] = REMITTANCE_LIST_REFUND,
    };
    uint32_t lists = bit(REMITTANCE_LIST_OPEN);
    if (remittance_is_listed(state)) {
        bool dead = state == REMITTANCE_DEAD_LETTER;
        lists |= bit(REMITTANCE_LIST_FAILED) | bit(dead ? REMITTANCE_LIST_DEAD : by_step[step]);
    }
    if (state == REMITTANCE_PULL_UNKNOWN || state == REMITTANCE_PUSH_UNKNOWN ||
        state == REMITTANCE_REFUND_UNKNOWN)
        lists |= bit(REMITTANCE_LIST_UNKNOWN);
    if (flags & (FACT_REMITTANCE_ALARMED | FACT_REMITTANCE_CONTRADICTED))
        lists |= bit(REMITTANCE_LIST_ALARMED);
    return lists;
}

void remittance_count(struct remittance_table *self, uint32_t before, uint32_t after)
{
    for (uint32_t left = before & ~after; left != 0; left &= left - 1)
        self->counts[__builtin_ctz(left)]--;
    for (uint32_t joined = after & ~before; joined != 0; joined &= joined - 1)
        self->counts[__builtin_ctz(joined)]++;
}

static uint32_t lists_of(const struct remittance *remittance)
{
    return remittance_lists(remittance->state, remittance->step, remittance->flags);
}

/* ---- the ring --------------------------------------------------------------------------------------- */

static void ring_join(struct remittance_table *self, uint32_t slot)
{
    struct remittance *remittance = remittance_at(self, slot);
    remittance->older = slot;
    remittance->newer = slot;
    if (self->oldest == 0) {
        self->oldest = slot + 1;
        return;
    }
    struct remittance *oldest = remittance_at(self, self->oldest - 1);
    remittance->newer = self->oldest - 1;
    remittance->older = oldest->older;
    remittance_at(self, oldest->older)->newer = slot;
    oldest->older = slot;
}

static void ring_leave(struct remittance_table *self, uint32_t slot)
{
    const struct remittance *remittance = remittance_at(self, slot);
    if (self->oldest == slot + 1)
        self->oldest = remittance->newer == slot ? 0 : remittance->newer + 1;
    remittance_at(self, remittance->newer)->older = remittance->older;
    remittance_at(self, remittance->older)->newer = remittance->newer;
}

void remittance_table_join(struct remittance_table *self, uint32_t slot)
{
    chain_join(self, slot);
    ring_join(self, slot);
    remittance_count(self, 0, lists_of(remittance_at(self, slot)));
}

void remittance_table_leave(struct remittance_table *self, uint32_t slot)
{
    remittance_count(self, lists_of(remittance_at(self, slot)), 0);
    chain_leave(self, slot);
    ring_leave(self, slot);
}

/* ---- invariants ------------------------------------------------------------------------------------- */

const char *remittance_table_broken(const struct remittance_table *self)
{
    uint32_t counts[REMITTANCE_LIST_COUNT] = {0}, open = 0, seen = 0;
    uint64_t before = 0;
    for (uint32_t slot = 0; slot < self->count; slot++) {
        bool used = self->used[slot / WORD_BITS] >> (slot % WORD_BITS) & 1;
        open += used;
        if (used != (remittance_at(self, slot)->state != 0))
            return "a slot of remittances is used or free";
    }
    for (uint32_t slot = self->oldest - 1; slot != REMITTANCE_NONE; slot = remittance_after(self, slot)) {
        const struct remittance *remittance = remittance_at(self, slot);
        if (remittance->state == 0 || remittance->requested <= before || ++seen > open)
            return "open remittances stand in order of their requests";
        before = remittance->requested;
        if (remittance_find(self, &remittance->id) != slot)
            return "a remittance is found by its id";
        for (uint32_t lists = lists_of(remittance); lists != 0; lists &= lists - 1)
            counts[__builtin_ctz(lists)]++;
    }
    if (seen != open || open != self->open_count)
        return "every open remittance stands in the ring";
    for (int list = 0; list < REMITTANCE_LIST_COUNT; list++) {
        if (counts[list] != self->counts[list])
            return "the remittances of a list are counted";
    }
    return NULL;
}
