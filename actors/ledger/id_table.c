#include "actors/ledger/id_table.h"

#include <string.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"

/* Slots beyond the capacity, for clusters at the end of the table: a table is ordered, so it cannot wrap.
 * With at most half of the slots used a cluster of this length does not happen by chance, and the
 * hash is keyed; if one should reach the end, the table is sealed early. */
enum {
    FIRST_CAPACITY = 1024,
    SLACK = 512,
    FILTER_BITS_PER_ID = 28,
    FILTER_PROBES = 8,
    FIRST_GENERATION_RUNS = 128,
    GENERATION_RUNS = 384,
};

static size_t memory_bytes(uint32_t capacity)
{
    return ((size_t)capacity + SLACK) * sizeof(struct id_slot);
}

/* The slots of a table that has been written, used again: clearing them is cheaper than fresh pages. */
static struct id_slot *spare_take(struct id_table *self, uint32_t capacity)
{
    struct id_slot *slots = self->spare.slots;
    if (!slots || self->spare.capacity != capacity)
        return NULL;
    self->spare.slots = NULL;
    MARK("the slots of a written id table are used again");
    memset(slots, 0, memory_bytes(capacity));
    return slots;
}

static bool memory_init(struct id_table *self, struct id_memory *memory, uint32_t capacity)
{
    memory->slots = spare_take(self, capacity);
    if (!memory->slots)
        memory->slots = mem_alloc(self->mem, memory_bytes(capacity));
    memory->capacity = capacity;
    memory->count = 0;
    memory->shift = 64 - (uint32_t)__builtin_ctz(capacity);
    return memory->slots != NULL;
}

static void memory_release(struct id_table *self, struct id_memory *memory)
{
    if (memory->slots)
        mem_free(self->mem, memory->slots, memory_bytes(memory->capacity));
    memory->slots = NULL;
}

bool id_table_init(struct id_table *self, const struct mem *mem, uint64_t key, uint32_t limit,
                   int64_t retention_us)
{
    *self = (struct id_table){.mem = mem, .key = key, .limit = limit, .retention_us = retention_us};
    self->next_run = 1;
    self->active.first_position = 1;
    self->runs = mem_alloc(mem, ID_RUNS_MAX * sizeof *self->runs);
    return self->runs && memory_init(self, &self->active, FIRST_CAPACITY);
}

static size_t filter_bytes(const struct id_filter *filter)
{
    return filter->block_count * 64;
}

void id_table_release(struct id_table *self)
{
    memory_release(self, &self->active);
    for (uint32_t i = 0; i < self->sealed_count; i++)
        memory_release(self, &self->sealed[i]);
    id_table_settle(self, self->written_count);
    memory_release(self, &self->spare);
    for (uint32_t i = 0; i < self->filter_count; i++)
        mem_free(self->mem, self->filters[i].blocks, filter_bytes(&self->filters[i]));
    mem_free(self->mem, self->runs, ID_RUNS_MAX * sizeof *self->runs);
}

/* ---- memory tables ------------------------------------------------------------------------------ */

/* Puts into an ordered table that has room. false: the cluster has reached the end of the slack. */
static bool memory_put(struct id_memory *memory, uint64_t hash, uint64_t position)
{
    struct id_slot *slot = memory->slots + (hash >> memory->shift);
    const struct id_slot *end = memory->slots + memory->capacity + SLACK - 1;
    /* Of one hash, the newer positions stand in front of the older ones. */
    while (slot->position != 0 && (slot->hash < hash || (slot->hash == hash && slot->position > position)))
        slot++;
    if (slot->hash == hash && slot->position == position)
        return true;
    struct id_slot carried = {hash, position};
    while (slot->position != 0) {
        if (slot == end)
            return false;
        struct id_slot displaced = *slot;
        *slot = carried;
        carried = displaced;
        slot++;
    }
    *slot = carried;
    memory->count++;
    return slot < end;
}

static bool memory_find(const struct id_memory *memory, uint64_t hash, const struct id_lookup *lookup)
{
    const struct id_slot *slot = memory->slots + (hash >> memory->shift);
    while (slot->position != 0 && slot->hash < hash)
        slot++;
    for (; slot->position != 0 && slot->hash == hash; slot++) {
        if (lookup->match(lookup->match_context, slot->position))
            return true;
    }
    return false;
}

static bool memory_has(const struct id_memory *memory, uint64_t hash)
{
    const struct id_slot *slot = memory->slots + (hash >> memory->shift);
    while (slot->position != 0 && slot->hash < hash)
        slot++;
    return slot->position != 0 && slot->hash == hash;
}

/* ---- filters ------------------------------------------------------------------------------------ */

/* Eight bits in one 64-byte block; the bits come from the hash multiplied once more. */
static inline uint64_t filter_bits(uint64_t hash)
{
    return hash * UINT64_C(0x9E3779B97F4A7C15);
}

/* The block of a hash: the hash scaled down, so that hashes in order meet blocks in order. */
static inline uint64_t *filter_block(const struct id_filter *filter, uint64_t hash)
{
    return filter->blocks + (uint64_t)((unsigned __int128)hash * filter->block_count >> 64) * 8;
}

static void filter_add(struct id_filter *filter, uint64_t hash)
{
    uint64_t *block = filter_block(filter, hash);
    uint64_t bits = filter_bits(hash);
    for (int word = 0; word < FILTER_PROBES; word++, bits >>= 6)
        block[word] |= UINT64_C(1) << (bits & 63);
}

static bool filter_has(const struct id_filter *filter, uint64_t hash)
{
    const uint64_t *block = filter_block(filter, hash);
    uint64_t bits = filter_bits(hash), missing = 0;
    for (int word = 0; word < FILTER_PROBES; word++, bits >>= 6)
        missing |= ~block[word] & (UINT64_C(1) << (bits & 63));
    return missing == 0;
}

/* The generation of a table that begins now: the newest one, if it has room for one more, else a new one. The table
 * becomes a run later; its ids go into the filter as they are put. */
static bool filter_begin_table(struct id_table *self)
{
    if (self->filter_count > 0) {
        struct id_filter *last = &self->filters[self->filter_count - 1];
        if (last->runs < last->runs_max) {
            last->runs++;
            return true;
        }
    }
    if (self->filter_count == ID_GENERATIONS_MAX) {
        MARK("all generations of id filters are in use");
        return false;
    }
    uint32_t runs = self->filter_count == 0 ? FIRST_GENERATION_RUNS : GENERATION_RUNS;
    uint64_t blocks = (uint64_t)runs * self->limit * FILTER_BITS_PER_ID / 512 + 1;
    uint64_t *memory = mem_alloc(self->mem, blocks * 64);
    if (!memory) {
        MARK("no memory for an id filter");
        return false;
    }
    if (self->filter_count > 0)
        MARK("a further generation of id filters begins");
    self->filters[self->filter_count++] =
        (struct id_filter){.blocks = memory,
                           .block_count = blocks,
                           .runs = 1,
                           .runs_max = runs,
                           .first_run = self->run_count + self->sealed_count};
    return true;
}

/* A table of full size is behind a filter; smaller ones are looked into directly. */
static bool is_full_size(const struct id_table *self, const struct id_memory *memory)
{
    return memory->capacity / 2 >= self->limit;
}

/* ---- the active table ------------------------------------------------------------------------- */

/* The active table has reached its full size: from now on its ids are in a filter too. */
static bool active_filter(struct id_table *self)
{
    if (!filter_begin_table(self))
        return false;
    MARK("an id table has reached its full size");
    self->is_filtered = true;
    struct id_filter *filter = &self->filters[self->filter_count - 1];
    for (size_t i = 0; i < (size_t)self->active.capacity + SLACK; i++) {
        if (self->active.slots[i].position != 0)
            filter_add(filter, self->active.slots[i].hash);
    }
    return true;
}

/* Both tables are in order of hash, so this reads and writes from front to back. */
static bool memory_double(struct id_table *self)
{
    struct id_memory bigger = self->active;
    if (!memory_init(self, &bigger, self->active.capacity * 2)) {
        MARK("no memory for a bigger id table");
        return false;
    }
    size_t slots = (size_t)self->active.capacity + SLACK;
    for (size_t i = 0; i < slots; i++) {
        const struct id_slot *slot = &self->active.slots[i];
        if (slot->position != 0 && !memory_put(&bigger, slot->hash, slot->position)) {
            memory_release(self, &bigger);
            return false;
        }
    }
    memory_release(self, &self->active);
    self->active = bigger;
    return !is_full_size(self, &self->active) || active_filter(self);
}

static bool seal(struct id_table *self)
{
    if (self->sealed_count == ID_SEALED_MAX || self->next_run == UINT32_MAX) {
        MARK("too many sealed id tables wait to be written");
        return false;
    }
    struct id_memory fresh = {0};
    if (!memory_init(self, &fresh, self->active.capacity)) {
        MARK("no memory for the id table after a full one");
        return false;
    }
    self->sealed[self->sealed_count++] = self->active;
    if (!filter_begin_table(self)) {
        self->sealed_count--;
        memory_release(self, &fresh);
        return false;
    }
    MARK("an id table is sealed");
    fresh.first_position = 0; /* set by the first put */
    self->active = fresh;
    return true;
}

bool id_table_ensure(struct id_table *self, uint32_t more)
{
    if (self->limit == 0)
        return true;
    CHECK(more <= FIRST_CAPACITY / 2);
    struct id_memory *active = &self->active;
    if (active->count + more <= active->capacity / 2)
        return true;
    if (!is_full_size(self, active))
        return memory_double(self);
    if (!self->is_filtered && !active_filter(self))
        return false;
    return seal(self);
}

void id_table_put(struct id_table *self, uint64_t hash, uint64_t position, int64_t now_us)
{
    if (!id_table_takes(self, position)) {
        MARK("an id in a replay that a stored run holds already");
        return;
    }
    if (self->active.first_position == 0)
        self->active.first_position = position;
    self->active.newest_us = now_us;
    bool room = memory_put(&self->active, hash, position);
    CHECK(room);
    if (self->is_filtered)
        filter_add(&self->filters[self->filter_count - 1], hash);
}

void id_table_move(struct id_table *self, uint64_t hash, uint64_t old, uint64_t position, int64_t now_us)
{
    if (!id_table_takes(self, position))
        return;
    struct id_slot *slot = self->active.slots + (hash >> self->active.shift);
    while (slot->position != 0 && slot->hash < hash)
        slot++;
    for (; slot->position != 0 && slot->hash == hash; slot++) {
        if (slot->position == old) {
            slot->position = position;
            return;
        }
    }
    MARK("the answer for an id moves from an older table into the newest");
    id_table_put(self, hash, position, now_us);
}

void id_table_prefetch(const struct id_table *self, uint64_t hash)
{
    __builtin_prefetch(self->active.slots + (hash >> self->active.shift), 1);
    for (uint32_t i = 0; i < self->filter_count; i++)
        __builtin_prefetch(filter_block(&self->filters[i], hash), 1);
}

/* ---- looking ------------------------------------------------------------------------------------ */

bool id_table_may_have(const struct id_table *self, uint64_t hash)
{
    for (uint32_t i = 0; i < self->filter_count; i++) {
        if (__builtin_expect(filter_has(&self->filters[i], hash), 0))
            return true;
    }
    return !self->is_filtered && memory_has(&self->active, hash);
}

struct run_match {
    const struct id_lookup *lookup;
    bool found;
};

static bool run_match(void *context, uint64_t position)
{
    struct run_match *match = context;
    match->found = match->lookup->match(match->lookup->match_context, position);
    return match->found;
}

static bool filter_search(const struct id_table *self, const struct id_filter *filter, uint64_t hash,
                          const struct id_lookup *lookup)
{
    struct run_match match = {lookup, false};
    for (uint32_t i = filter->first_run + filter->runs; i-- > filter->first_run && !match.found;) {
        if (i < self->run_count && !self->runs[i].dropped)
            lookup->run_find(lookup->run_context, self->runs[i].number, hash, run_match, &match);
    }
    return match.found;
}

bool id_table_find(const struct id_table *self, uint64_t hash, const struct id_lookup *lookup)
{
    if (memory_find(&self->active, hash, lookup)) {
        MARK("an id is found in the active table");
        return true;
    }
    for (uint32_t i = self->sealed_count; i-- > 0;) {
        if (memory_find(&self->sealed[i], hash, lookup)) {
            MARK("an id is found in a sealed table");
            return true;
        }
    }
    for (uint32_t i = self->written_count; i-- > 0;) {
        if (memory_find(&self->written[i], hash, lookup)) {
            MARK("an id is found in a table whose last slices are on their way to disk");
            return true;
        }
    }
    for (uint32_t i = self->filter_count; i-- > 0;) {
        if (!filter_has(&self->filters[i], hash))
            continue;
        if (filter_search(self, &self->filters[i], hash, lookup)) {
            MARK("an id is found in a stored run");
            return true;
        }
        MARK("a filter sends a search to stored runs in vain");
    }
    return false;
}

uint64_t id_table_replay_from(const struct id_table *self)
{
    if (self->limit == 0)
        return UINT64_MAX;
    uint64_t first = self->sealed_count > 0 ? self->sealed[0].first_position : self->active.first_position;
    CHECK(first != 0);
    return first;
}

size_t id_table_memory_count(const struct id_table *self)
{
    size_t count = self->active.count;
    for (uint32_t i = 0; i < self->sealed_count; i++)
        count += self->sealed[i].count;
    return count;
}

/* ---- writing runs --------------------------------------------------------------------------------- */

size_t id_table_slice_bound(const struct id_table *self)
{
    /* A slice of a keyed hash holds count / 256 entries give or take; four times that never happens. */
    uint32_t most = self->sealed_count > 0 ? self->sealed[0].count : 0;
    return ((size_t)most / RUN_SLICES * 4 + 4096) * RUN_ENTRY;
}

static void entry_write(uint8_t *out, const struct id_slot *slot)
{
    memcpy(out, &slot->hash, 8);
    memcpy(out + 8, &slot->position, 6);
}

/* The oldest sealed table has become a run. */
static void flush_finish(struct id_table *self)
{
    MARK("the last slice of an id table is written");
    struct id_memory *done = &self->sealed[0];
    uint64_t end = self->sealed_count > 1 ? self->sealed[1].first_position : self->active.first_position;
    CHECK(self->run_count < ID_RUNS_MAX);
    self->runs[self->run_count++] = (struct id_run){
        .number = self->next_run++,
        .count = done->count,
        .end_position = end,
        .newest_us = done->newest_us,
    };
    self->stored_count += done->count;
    self->written[self->written_count++] = *done;
    self->sealed_count--;
    memmove(&self->sealed[0], &self->sealed[1], self->sealed_count * sizeof self->sealed[0]);
    self->flush_slice = 0;
    self->flush_slot = 0;
}

bool id_table_flush(struct id_table *self, uint32_t *run, uint32_t *slice, uint8_t *out, size_t *length,
                    bool *finished)
{
    if (self->sealed_count == 0 || self->run_count == ID_RUNS_MAX || self->written_count == ID_WRITTEN_MAX)
        return false;
    /* The next table must have begun: its first fact is where a restart looks for ids again. */
    if (self->sealed_count == 1 && self->active.first_position == 0) {
        MARK("a sealed id table waits for the next one to begin");
        return false;
    }
    struct id_memory *from = &self->sealed[0];
    size_t at = 0, bound = id_table_slice_bound(self);
    size_t slots = (size_t)from->capacity + SLACK;
    size_t i = self->flush_slot;
    /* A cluster may reach into the next slice's slots, so the hash decides, not the slot. */
    for (; i < slots; i++) {
        const struct id_slot *slot = &from->slots[i];
        if (slot->position == 0) {
            if (i < from->capacity && (i * RUN_SLICES / from->capacity) > self->flush_slice)
                break;
            continue;
        }
        if (slot->hash >> 56 > self->flush_slice)
            break;
        CHECK(at + RUN_ENTRY <= bound);
        entry_write(out + at, slot);
        at += RUN_ENTRY;
    }
    *run = self->next_run;
    *slice = self->flush_slice;
    *length = at;
    self->flush_slot = (uint32_t)i;
    *finished = ++self->flush_slice == RUN_SLICES;
    if (*finished)
        flush_finish(self);
    return true;
}

static void memory_spare(struct id_table *self, struct id_memory *memory)
{
    if (self->spare.slots) {
        MARK("two written id tables at once: only one is kept for use again");
        memory_release(self, memory);
        return;
    }
    self->spare = *memory;
    memory->slots = NULL;
}

void id_table_settle(struct id_table *self, uint32_t runs)
{
    CHECK(runs <= self->written_count);
    for (uint32_t i = 0; i < runs; i++)
        memory_spare(self, &self->written[i]);
    self->written_count -= runs;
    memmove(&self->written[0], &self->written[runs], self->written_count * sizeof self->written[0]);
}

/* All runs of the oldest generation are dropped: it makes room in the lists. */
static void generation_drop(struct id_table *self)
{
    MARK("a whole generation of id runs is dropped");
    struct id_filter *oldest = &self->filters[0];
    uint32_t runs = oldest->runs;
    CHECK(self->run_first == runs && oldest->first_run == 0);
    mem_free(self->mem, oldest->blocks, filter_bytes(oldest));
    self->filter_count--;
    memmove(&self->filters[0], &self->filters[1], self->filter_count * sizeof self->filters[0]);
    for (uint32_t i = 0; i < self->filter_count; i++)
        self->filters[i].first_run -= runs;
    self->run_count -= runs;
    self->run_first = 0;
    memmove(&self->runs[0], &self->runs[runs], self->run_count * sizeof self->runs[0]);
}

bool id_table_expire(struct id_table *self, int64_t now_us, uint32_t *run)
{
    if (self->run_first == self->run_count)
        return false;
    struct id_run *oldest = &self->runs[self->run_first];
    if (oldest->newest_us >= now_us - self->retention_us)
        return false;
    MARK("a stored id run has outlived the retention time");
    oldest->dropped = true;
    *run = oldest->number;
    self->stored_count -= oldest->count;
    self->run_first++;
    if (self->filters[0].runs == self->filters[0].runs_max && self->run_first == self->filters[0].runs)
        generation_drop(self);
    return true;
}

/* ---- the list of runs ------------------------------------------------------------------------------ */

enum { LIST_HEAD = 16, LIST_ENTRY = 24 };

static uint32_t live_runs(const struct id_table *self)
{
    return self->run_count - self->run_first;
}

size_t id_table_store_size(const struct id_table *self)
{
    return LIST_HEAD + (size_t)live_runs(self) * LIST_ENTRY;
}

void id_table_store(const struct id_table *self, uint8_t *out)
{
    uint32_t runs = live_runs(self);
    uint64_t replay = id_table_replay_from(self);
    memcpy(out, &runs, 4);
    memcpy(out + 4, &self->next_run, 4);
    memcpy(out + 8, &replay, 8);
    out += LIST_HEAD;
    for (uint32_t i = self->run_first; i < self->run_count; i++, out += LIST_ENTRY) {
        memcpy(out, &self->runs[i].number, 4);
        memcpy(out + 4, &self->runs[i].count, 4);
        memcpy(out + 8, &self->runs[i].end_position, 8);
        memcpy(out + 16, &self->runs[i].newest_us, 8);
    }
}

/* The list comes before the slices, so that the filters of its runs are there to be filled. */
enum err id_table_load(struct id_table *self, const uint8_t *bytes, size_t length)
{
    uint32_t runs;
    if (length < LIST_HEAD)
        return ERR_CORRUPT;
    memcpy(&runs, bytes, 4);
    if (runs > ID_RUNS_MAX || length != LIST_HEAD + (size_t)runs * LIST_ENTRY)
        return ERR_CORRUPT;
    memcpy(&self->next_run, bytes + 4, 4);
    memcpy(&self->restore_position, bytes + 8, 8);
    self->active.first_position = self->restore_position;
    const uint8_t *at = bytes + LIST_HEAD;
    for (uint32_t i = 0; i < runs; i++, at += LIST_ENTRY) {
        if (!filter_begin_table(self))
            return ERR_NO_MEMORY;
        struct id_run *run = &self->runs[self->run_count++];
        memcpy(&run->number, at, 4);
        memcpy(&run->count, at + 4, 4);
        memcpy(&run->end_position, at + 8, 8);
        memcpy(&run->newest_us, at + 16, 8);
        self->stored_count += run->count;
    }
    return ERR_OK;
}

static struct id_filter *filter_of_run(struct id_table *self, uint32_t number)
{
    for (uint32_t i = 0; i < self->filter_count; i++) {
        struct id_filter *filter = &self->filters[i];
        for (uint32_t run = filter->first_run;
             run < filter->first_run + filter->runs && run < self->run_count; run++) {
            if (self->runs[run].number == number)
                return filter;
        }
    }
    return NULL;
}

enum err id_table_load_slice(struct id_table *self, uint32_t run, const uint8_t *bytes, size_t length)
{
    if (length % RUN_ENTRY != 0)
        return ERR_CORRUPT;
    struct id_filter *filter = filter_of_run(self, run);
    if (!filter)
        MARK("a slice of an id run that is in no list is passed over");
    for (size_t at = 0; filter && at < length; at += RUN_ENTRY) {
        uint64_t hash;
        memcpy(&hash, bytes + at, 8);
        filter_add(filter, hash);
    }
    return ERR_OK;
}
