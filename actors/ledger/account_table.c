#include "actors/ledger/account_table.h"

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/hash.h"

enum { FIRST_SLOTS = 1024 };

bool account_table_init(struct account_table *self, const struct mem *mem, uint64_t hash_key)
{
    *self = (struct account_table){.mem = mem, .hash_key = hash_key, .slot_mask = FIRST_SLOTS - 1};
    names_init(&self->names, mem, hash_key);
    self->slots = mem_alloc(mem, FIRST_SLOTS * sizeof *self->slots);
    return self->slots != NULL;
}

void account_table_release(struct account_table *self)
{
    for (size_t i = 0; i < self->segment_capacity && self->segments[i]; i++) {
        mem_free(self->mem, self->segments[i], ACCOUNT_SEGMENT * sizeof(struct account));
        mem_free(self->mem, self->more_segments[i], ACCOUNT_SEGMENT * sizeof(struct account_more));
    }
    mem_free(self->mem, self->segments, self->segment_capacity * sizeof *self->segments);
    mem_free(self->mem, self->more_segments, self->segment_capacity * sizeof *self->more_segments);
    if (self->slots)
        mem_free(self->mem, self->slots, (self->slot_mask + 1u) * sizeof *self->slots);
    mem_free(self->mem, self->owners, self->owner_capacity * sizeof *self->owners);
    mem_free(self->mem, self->books, self->book_capacity * sizeof *self->books);
    names_release(&self->names);
}

uint32_t account_hash(const struct account_table *self, struct str id)
{
    return (uint32_t)hash_bytes(id.data, id.length, self->hash_key);
}

bool account_long_id_is(const struct account_table *self, uint32_t index, struct str id)
{
    struct str rest = names_at(&self->names, account_more_at(self, index)->id_rest);
    return memcmp(account_at(self, index)->id, id.data, ACCOUNT_ID_INLINE) == 0 &&
           memcmp(rest.data, id.data + ACCOUNT_ID_INLINE, id.length - ACCOUNT_ID_INLINE) == 0;
}

uint32_t account_id_copy(const struct account_table *self, uint32_t index, char *out)
{
    const struct account *account = account_at(self, index);
    uint32_t inlined = account->id_length < ACCOUNT_ID_INLINE ? account->id_length : ACCOUNT_ID_INLINE;
    memcpy(out, account->id, inlined);
    if (account->id_length > ACCOUNT_ID_INLINE) {
        struct str rest = names_at(&self->names, account_more_at(self, index)->id_rest);
        memcpy(out + ACCOUNT_ID_INLINE, rest.data, rest.length);
    }
    out[account->id_length] = '\0';
    return account->id_length;
}

uint32_t account_find(const struct account_table *self, struct str id, uint32_t hash)
{
    for (uint32_t i = hash & self->slot_mask;; i = (i + 1) & self->slot_mask) {
        const struct account_slot *slot = &self->slots[i];
        if (slot->index_plus_1 == 0)
            return ACCOUNT_NONE;
        if (slot->hash == hash && account_id_is(self, slot->index_plus_1 - 1, id))
            return slot->index_plus_1 - 1;
    }
}

static void slot_place(struct account_slot *slots, uint32_t mask, uint32_t hash, uint32_t index)
{
    uint32_t i = hash & mask;
    while (slots[i].index_plus_1 != 0)
        i = (i + 1) & mask;
    slots[i] = (struct account_slot){hash, index + 1};
}

static bool slots_ensure(struct account_table *self)
{
    uint64_t slots_now = (uint64_t)self->slot_mask + 1;
    if ((uint64_t)(self->count + 1) * 10 <= slots_now * 7)
        return true;
    if (slots_now > UINT32_MAX / 2)
        return false;
    uint32_t mask = (uint32_t)(slots_now * 2 - 1);
    struct account_slot *slots = mem_alloc(self->mem, (size_t)slots_now * 2 * sizeof *slots);
    if (!slots) {
        MARK("no memory for a bigger index of accounts");
        return false;
    }
    for (uint64_t i = 0; i < slots_now; i++) {
        if (self->slots[i].index_plus_1 != 0)
            slot_place(slots, mask, self->slots[i].hash, self->slots[i].index_plus_1 - 1);
    }
    mem_free(self->mem, self->slots, slots_now * sizeof *self->slots);
    self->slots = slots;
    self->slot_mask = mask;
    return true;
}

static bool segment_pointers_grow(struct account_table *self, size_t wanted)
{
    struct account **segments = mem_alloc(self->mem, wanted * sizeof *segments);
    struct account_more **more = mem_alloc(self->mem, wanted * sizeof *more);
    if (!segments || !more) {
        mem_free(self->mem, segments, wanted * sizeof *segments);
        mem_free(self->mem, more, wanted * sizeof *more);
        return false;
    }
    if (self->segment_capacity > 0) {
        memcpy(segments, self->segments, self->segment_capacity * sizeof *segments);
        memcpy(more, self->more_segments, self->segment_capacity * sizeof *more);
    }
    mem_free(self->mem, self->segments, self->segment_capacity * sizeof *segments);
    mem_free(self->mem, self->more_segments, self->segment_capacity * sizeof *more);
    self->segments = segments;
    self->more_segments = more;
    self->segment_capacity = wanted;
    return true;
}

/* Segments exist for every index up to this one. */
static bool segment_ensure(struct account_table *self, uint32_t index)
{
    size_t number = index / ACCOUNT_SEGMENT;
    if (number >= ACCOUNT_SEGMENTS_MAX)
        return false;
    while (number >= self->segment_capacity) {
        if (!segment_pointers_grow(self, self->segment_capacity ? self->segment_capacity * 2 : 16))
            return false;
    }
    for (size_t i = number + 1; i-- > 0 && !self->segments[i];) {
        struct account *segment = mem_alloc(self->mem, ACCOUNT_SEGMENT * sizeof *segment);
        struct account_more *more = mem_alloc(self->mem, ACCOUNT_SEGMENT * sizeof *more);
        if (!segment || !more) {
            MARK("no memory for a segment of accounts");
            mem_free(self->mem, segment, ACCOUNT_SEGMENT * sizeof *segment);
            mem_free(self->mem, more, ACCOUNT_SEGMENT * sizeof *more);
            return false;
        }
        self->segments[i] = segment;
        self->more_segments[i] = more;
    }
    return true;
}

static bool owners_ensure(struct account_table *self, size_t needed)
{
    if (needed <= self->owner_capacity)
        return true;
    size_t wanted = self->owner_capacity ? self->owner_capacity : 256;
    while (wanted < needed)
        wanted *= 2;
    struct account_owner *owners = mem_alloc(self->mem, wanted * sizeof *owners);
    if (!owners)
        return false;
    if (self->owner_capacity > 0)
        memcpy(owners, self->owners, self->owner_capacity * sizeof *owners);
    for (size_t i = self->owner_capacity; i < wanted; i++)
        owners[i] = (struct account_owner){ACCOUNT_NONE, ACCOUNT_NONE};
    mem_free(self->mem, self->owners, self->owner_capacity * sizeof *self->owners);
    self->owners = owners;
    self->owner_capacity = wanted;
    return true;
}

bool account_ensure_names(struct account_table *self)
{
    return names_ensure(&self->names, 3) && owners_ensure(self, self->names.count + 3);
}

bool account_ensure(struct account_table *self, uint32_t index)
{
    return slots_ensure(self) && segment_ensure(self, index) && account_ensure_names(self);
}

bool account_ensure_book(struct account_table *self)
{
    if (self->book_count < self->book_capacity)
        return true;
    size_t wanted = self->book_capacity ? self->book_capacity * 2 : 64;
    int64_t *books = mem_alloc(self->mem, wanted * sizeof *books);
    if (!books) {
        MARK("no memory for book values");
        return false;
    }
    if (self->book_count > 0)
        memcpy(books, self->books, self->book_count * sizeof *books);
    mem_free(self->mem, self->books, self->book_capacity * sizeof *self->books);
    self->books = books;
    self->book_capacity = wanted;
    return true;
}

void account_keep_book(struct account_table *self, uint32_t index)
{
    CHECK(self->book_count < self->book_capacity);
    account_more_at(self, index)->book = (uint32_t)self->book_count;
    self->books[self->book_count++] = 0;
    account_at(self, index)->flags |= ACCOUNT_HAS_BOOK;
}

/* Chains are kept in order of index, so that a page of a list can go on after an index. */
static void owner_join(struct account_table *self, uint32_t index, uint32_t owner)
{
    struct account_owner *list = &self->owners[owner];
    struct account_more *more = account_more_at(self, index);
    uint32_t before = list->last;
    if (before != ACCOUNT_NONE && before > index) {
        before = ACCOUNT_NONE;
        MARK("an owner is given an account that is older than the last");
        for (uint32_t i = list->first; i < index; i = account_more_at(self, i)->owner_next)
            before = i;
    }
    uint32_t after = before == ACCOUNT_NONE ? list->first : account_more_at(self, before)->owner_next;
    more->owner = owner;
    more->owner_next = after;
    if (before == ACCOUNT_NONE)
        list->first = index;
    else
        account_more_at(self, before)->owner_next = index;
    if (after == ACCOUNT_NONE)
        list->last = index;
}

static void owner_leave(struct account_table *self, uint32_t index)
{
    struct account_more *more = account_more_at(self, index);
    struct account_owner *list = &self->owners[more->owner];
    uint32_t before = ACCOUNT_NONE;
    for (uint32_t i = list->first; i != index; i = account_more_at(self, i)->owner_next)
        before = i;
    if (before == ACCOUNT_NONE)
        list->first = more->owner_next;
    else
        account_more_at(self, before)->owner_next = more->owner_next;
    if (list->last == index)
        list->last = before;
}

struct account *account_insert(struct account_table *self, uint32_t index, struct str id, struct str owner,
                               struct str product)
{
    CHECK(id.length >= 1 && id.length <= ACCOUNT_ID_MAX);
    struct account *account = account_at(self, index);
    CHECK(account->id_length == 0);
    struct account_more *more = account_more_at(self, index);
    uint32_t inlined = id.length < ACCOUNT_ID_INLINE ? id.length : ACCOUNT_ID_INLINE;
    account->id_length = (uint8_t)id.length;
    memcpy(account->id, id.data, inlined);
    more->id_rest = NAME_NONE;
    if (id.length > ACCOUNT_ID_INLINE)
        more->id_rest = names_intern(
            &self->names, (struct str){id.data + ACCOUNT_ID_INLINE, id.length - ACCOUNT_ID_INLINE});
    more->product = names_intern(&self->names, product);
    owner_join(self, index, names_intern(&self->names, owner));
    slot_place(self->slots, self->slot_mask, account_hash(self, id), index);
    if (index >= self->count)
        self->count = index + 1;
    return account;
}

void account_set_owner(struct account_table *self, uint32_t index, struct str owner)
{
    uint32_t name = names_intern(&self->names, owner);
    if (name == account_more_at(self, index)->owner)
        return;
    owner_leave(self, index);
    owner_join(self, index, name);
}

void account_set_product(struct account_table *self, uint32_t index, struct str product)
{
    account_more_at(self, index)->product = names_intern(&self->names, product);
}

uint32_t account_owner_first(const struct account_table *self, struct str owner)
{
    uint32_t name = names_find(&self->names, owner);
    if (name == NAME_NONE || name >= self->owner_capacity)
        return ACCOUNT_NONE;
    return self->owners[name].first;
}
