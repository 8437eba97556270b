#include "actors/ledger/checkpoint.h"

#include "actors/ledger/account_states.h"
#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"
#include "actors/ledger/quote.h"

enum {
    FIRST_BITMAP_WORDS = 4,
    CHUNK_BOUND = ACCOUNT_CHUNK * (56 + 8 + ACCOUNT_ID_MAX + OWNER_MAX + PRODUCT_MAX)
};

_Static_assert(sizeof(struct checkpoint_account) == 56, "CHUNK_BOUND counts on it");

enum { REPLAY_AHEAD_BYTES = 1024, HURRIED_SLICES = 64 };

static const char CHECKPOINT_KEY[] = "checkpoint";
static const char IDS_KEY[] = "ids";

bool checkpoint_ensure(struct ledger *self, enum checkpoint_kind kind, uint32_t chunks)
{
    struct checkpoint_chunks *set = &self->checkpoint.chunks[kind];
    size_t needed = (size_t)chunks / 64 + 1;
    if (needed <= set->words)
        return true;
    size_t wanted = set->words ? set->words * 2 : FIRST_BITMAP_WORDS;
    while (wanted < needed)
        wanted *= 2;
    uint64_t *dirty = core_alloc(self, wanted * sizeof *dirty);
    uint64_t *passing = core_alloc(self, wanted * sizeof *passing);
    if (!dirty || !passing) {
        core_free(self, dirty, wanted * sizeof *dirty);
        core_free(self, passing, wanted * sizeof *passing);
        return false;
    }
    if (set->words > 0) {
        memcpy(dirty, set->dirty, set->words * sizeof *dirty);
        memcpy(passing, set->passing, set->words * sizeof *passing);
    }
    core_free(self, set->dirty, set->words * sizeof *dirty);
    core_free(self, set->passing, set->words * sizeof *passing);
    set->dirty = dirty;
    set->passing = passing;
    set->words = wanted;
    return true;
}

void checkpoint_release(struct ledger *self)
{
    struct checkpoint *cp = &self->checkpoint;
    for (int kind = 0; kind < CHECKPOINT_CHUNKS_COUNT; kind++) {
        core_free(self, cp->chunks[kind].dirty, cp->chunks[kind].words * sizeof(uint64_t));
        core_free(self, cp->chunks[kind].passing, cp->chunks[kind].words * sizeof(uint64_t));
    }
    core_free(self, cp->record, cp->record_capacity);
}

/* ---- puts ----------------------------------------------------------------------------------------------- */

/* Values stand one behind another; put.value holds an offset until the unit is taken. */
static uint8_t *put_room(struct ledger *self, size_t bytes)
{
    struct unit_buffer *buffer = self->current;
    if (!core_grow(self, (void **)&buffer->put_bytes, &buffer->put_bytes_capacity,
                   buffer->put_bytes_length + bytes, 1))
        return NULL;
    return buffer->put_bytes + buffer->put_bytes_length;
}

static bool put_add(struct ledger *self, uint8_t table, const void *key, size_t key_length,
                    size_t value_length, bool is_delete)
{
    struct unit_buffer *buffer = self->current;
    struct ledger_unit *unit = &buffer->unit;
    if (!core_grow(self, (void **)&buffer->put_list, &buffer->put_capacity, unit->put_count + 1,
                   sizeof *buffer->put_list))
        return false;
    struct ledger_put *put = &buffer->put_list[unit->put_count++];
    *put = (struct ledger_put){.table = table, .key_length = (uint8_t)key_length};
    memcpy(put->key, key, key_length);
    put->value_offset = is_delete ? SIZE_MAX : buffer->put_bytes_length;
    put->value_length = value_length;
    buffer->put_bytes_length += value_length;
    return true;
}

/* Offsets become pointers: the buffer does not move any more. */
static void puts_settle(struct unit_buffer *buffer)
{
    for (size_t i = 0; i < buffer->unit.put_count; i++) {
        struct ledger_put *put = &buffer->put_list[i];
        put->value = put->value_offset == SIZE_MAX ? NULL : buffer->put_bytes + put->value_offset;
    }
}

/* ---- accounts --------------------------------------------------------------------------------------------- */

static uint8_t *text_write(uint8_t *at, struct str text)
{
    if (text.length > 0)
        memcpy(at, text.data, text.length);
    return at + text.length;
}

static uint8_t *account_write(const struct ledger *self, uint32_t index, uint8_t *at)
{
    const struct account *account = account_at(&self->accounts, index);
    const struct account_more *more = account_more_at(&self->accounts, index);
    struct str owner = names_at(&self->accounts.names, more->owner);
    struct str product = names_at(&self->accounts.names, more->product);
    struct checkpoint_account stored = {
        .index = index,
        .state = account->state,
        .id_length = account->id_length,
        .owner_length = (uint8_t)owner.length,
        .product_length = (uint8_t)product.length,
        .has_book = (account->flags & ACCOUNT_HAS_BOOK) != 0,
        .balance = account->balance,
        .minimum_balance = account->minimum_balance,
        .ceiling = account->ceiling,
        .opened_us = more->opened_us,
        .last_position = account->last_position,
    };
    memcpy(stored.currency, currency_at(account->currency)->code, CURRENCY_CODE_LENGTH);
    memcpy(at, &stored, sizeof stored);
    at += sizeof stored;
    char id[ACCOUNT_ID_MAX + 1];
    at = text_write(at, (struct str){id, account_id_copy(&self->accounts, index, id)});
    at = text_write(at, owner);
    at = text_write(at, product);
    if (!stored.has_book)
        return at;
    memcpy(at, account_book_at(&self->accounts, index), sizeof(int64_t));
    return at + sizeof(int64_t);
}

static uint8_t *accounts_store(const struct ledger *self, uint32_t chunk, uint8_t *at)
{
    uint32_t first = chunk * ACCOUNT_CHUNK;
    for (uint32_t i = first; i < first + ACCOUNT_CHUNK && i < self->accounts.count; i++) {
        if (account_at(&self->accounts, i)->id_length > 0)
            at = account_write(self, i, at);
    }
    return at;
}

static size_t accounts_bound(void)
{
    return CHUNK_BOUND;
}

static const struct chunk_kind {
    uint8_t table;
    size_t (*bound)(void);
    uint8_t *(*store)(const struct ledger *self, uint32_t chunk, uint8_t *at);
} CHUNK_KINDS[CHECKPOINT_CHUNKS_COUNT] = {
    [CHECKPOINT_CHUNKS_ACCOUNTS] = {CHECKPOINT_ACCOUNTS, accounts_bound, accounts_store},
    [CHECKPOINT_CHUNKS_HOLDS] = {CHECKPOINT_HOLDS, hold_chunk_bound, hold_chunk_store},
    [CHECKPOINT_CHUNKS_REMITTANCES] = {CHECKPOINT_REMITTANCES, remittance_chunk_bound,
                                       remittance_chunk_store},
};

static bool chunk_put(struct ledger *self, enum checkpoint_kind kind, uint32_t chunk)
{
    uint8_t key[4];
    const struct chunk_kind *as = &CHUNK_KINDS[kind];
    uint8_t *start = put_room(self, as->bound());
    if (!start) {
        MARK("no memory for a chunk");
        return false;
    }
    const uint8_t *end = as->store(self, chunk, start);
    checkpoint_big_endian(chunk, key);
    return put_add(self, as->table, key, sizeof key, (size_t)(end - start), false);
}

static enum err account_restore(struct ledger *self, const uint8_t **at, const uint8_t *end)
{
    struct checkpoint_account stored;
    if ((size_t)(end - *at) < sizeof stored)
        return ERR_CORRUPT;
    memcpy(&stored, *at, sizeof stored);
    *at += sizeof stored;
    size_t strings = (size_t)stored.id_length + stored.owner_length + stored.product_length;
    currency_index currency = currency_find(stored.currency, CURRENCY_CODE_LENGTH);
    if ((size_t)(end - *at) < strings || stored.owner_length > OWNER_MAX ||
        stored.product_length > PRODUCT_MAX || currency == CURRENCY_NONE || stored.state < ACCOUNT_ACTIVE ||
        stored.state > ACCOUNT_CLOSED || stored.index > self->accounts.count || stored.has_book > 1 ||
        (size_t)(end - *at) - strings < stored.has_book * sizeof(int64_t))
        return ERR_CORRUPT; /* chunks come in order: no account is missing before this one */
    struct str id = {(const char *)*at, stored.id_length};
    struct str owner = {id.data + id.length, stored.owner_length};
    struct str product = {owner.data + owner.length, stored.product_length};
    *at += strings;
    if (!text_is_account_id(id) || !posting_id_fits(self, id, currency))
        return ERR_CORRUPT;
    if (!account_ensure(&self->accounts, stored.index) ||
        !checkpoint_ensure(self, CHECKPOINT_CHUNKS_ACCOUNTS, stored.index / ACCOUNT_CHUNK + 1) ||
        (stored.has_book && !account_ensure_book(&self->accounts)))
        return ERR_NO_MEMORY;
    bool taken =
        stored.index < self->accounts.count && account_at(&self->accounts, stored.index)->id_length > 0;
    if (taken || account_find(&self->accounts, id, account_hash(&self->accounts, id)) != ACCOUNT_NONE) {
        MARK("a stored chunk of accounts does not fit the others");
        return ERR_CORRUPT;
    }
    struct account *account = evolve_open(self, stored.index, id, owner, product, currency);
    account->state = stored.state;
    account->balance = stored.balance;
    account->minimum_balance = stored.minimum_balance;
    account->ceiling = stored.ceiling;
    account->last_position = stored.last_position;
    account_more_at(&self->accounts, stored.index)->opened_us = stored.opened_us;
    if (stored.has_book) {
        account_keep_book(&self->accounts, stored.index);
        memcpy(account_book_at(&self->accounts, stored.index), *at, sizeof(int64_t));
        *at += sizeof(int64_t);
    }
    return ERR_OK;
}

/* ---- the small state ---------------------------------------------------------------------------------------- */

enum { SMALL_HEAD = 64 };

static bool record_build(struct ledger *self)
{
    struct checkpoint *cp = &self->checkpoint;
    size_t size = SMALL_HEAD + link_store_size(self) + group_store_size(self) + proposal_store_size(self) +
                  desk_store_size(&self->desk);
    if (!core_grow(self, (void **)&cp->record, &cp->record_capacity, size, 1)) {
        MARK("no memory for the small state");
        return false;
    }
    uint64_t head[SMALL_HEAD / 8] = {
        CHECKPOINT_VERSION,  self->position,      (uint64_t)self->now_us, self->next_account_number,
        self->posting_count, self->refusal_count, self->accounts.count,   0,
    };
    memcpy(cp->record, head, sizeof head);
    uint8_t *at = link_store(self, cp->record + SMALL_HEAD);
    at = group_store(self, at);
    at = proposal_store(self, at);
    at = desk_store(&self->desk, at);
    cp->record_length = (size_t)(at - cp->record);
    CHECK(cp->record_length == size);
    return true;
}

static enum err record_restore(struct ledger *self, const uint8_t *value, size_t length)
{
    uint64_t head[SMALL_HEAD / 8];
    if (length < sizeof head)
        return ERR_CORRUPT;
    memcpy(head, value, sizeof head);
    if (head[0] != CHECKPOINT_VERSION)
        return ERR_VERSION;
    const uint8_t *at = value + SMALL_HEAD, *end = value + length;
    self->checkpoint.restore_position = head[1];
    self->checkpoint.done_position = head[1];
    self->now_us = (int64_t)head[2];
    self->next_account_number = head[3];
    self->posting_count = head[4];
    self->refusal_count = head[5];
    enum err err = link_load(self, &at, end);
    if (err == ERR_OK)
        err = group_load(self, &at, end);
    if (err == ERR_OK)
        err = proposal_load(self, &at, end);
    if (err == ERR_OK)
        err = desk_load(&self->desk, &at, end);
    return err == ERR_OK && at != end ? ERR_CORRUPT : err;
}

/* ---- passes ------------------------------------------------------------------------------------------------- */

static bool any_dirty(const struct checkpoint *cp)
{
    for (int kind = 0; kind < CHECKPOINT_CHUNKS_COUNT; kind++) {
        for (size_t i = 0; i < cp->chunks[kind].words; i++) {
            if (cp->chunks[kind].dirty[i])
                return true;
        }
    }
    return false;
}

/* Moves the dirty chunks to those of the pass; returns their number. */
static size_t chunks_begin(struct checkpoint_chunks *set)
{
    size_t chunks = 0;
    for (size_t i = 0; i < set->words; i++) {
        set->passing[i] = set->dirty[i];
        set->dirty[i] = 0;
        chunks += (size_t)__builtin_popcountll(set->passing[i]);
    }
    set->at = 0;
    return chunks;
}

static bool pass_begin(struct ledger *self)
{
    struct checkpoint *cp = &self->checkpoint;
    if (!record_build(self))
        return false;
    size_t chunks = 0;
    for (int kind = 0; kind < CHECKPOINT_CHUNKS_COUNT; kind++)
        chunks += chunks_begin(&cp->chunks[kind]);
    cp->active = true;
    cp->quota = chunks / CHECKPOINT_SLICES + 1;
    cp->pass_position = self->position;
    return true;
}

static void pass_end(struct ledger *self)
{
    struct checkpoint *cp = &self->checkpoint;
    uint8_t *room = put_room(self, cp->record_length);
    if (!room)
        return;
    memcpy(room, cp->record, cp->record_length);
    if (!put_add(self, CHECKPOINT_RECORDS, CHECKPOINT_KEY, sizeof CHECKPOINT_KEY - 1, cp->record_length,
                 false))
        return;
    MARK("a pass of the checkpoint is complete");
    if (cp->pass_position != self->position)
        MARK("a pass of the checkpoint ends behind facts that it does not hold");
    cp->active = false;
    cp->done_position = cp->pass_position;
}

/* Puts chunks of one kind while there is a quota. true: none is left. */
static bool chunks_put(struct ledger *self, enum checkpoint_kind kind, size_t *quota)
{
    struct checkpoint_chunks *set = &self->checkpoint.chunks[kind];
    while (set->at < set->words) {
        if (set->passing[set->at] == 0) {
            set->at++;
            continue;
        }
        uint32_t low = (uint32_t)__builtin_ctzll(set->passing[set->at]);
        if (*quota == 0 || !chunk_put(self, kind, (uint32_t)set->at * 64 + low))
            return false;
        set->passing[set->at] &= set->passing[set->at] - 1;
        (*quota)--;
    }
    return true;
}

static void pass_slice(struct ledger *self, size_t quota)
{
    bool whole = true;
    for (int kind = 0; kind < CHECKPOINT_CHUNKS_COUNT && whole; kind++)
        whole = chunks_put(self, (enum checkpoint_kind)kind, &quota);
    if (whole)
        pass_end(self);
    else
        MARK("a pass of the checkpoint goes on in a later unit");
}

/* ---- id runs -------------------------------------------------------------------------------------------------- */

static bool ids_list_put(struct ledger *self)
{
    size_t size = id_table_store_size(&self->ids);
    uint8_t *room = put_room(self, size);
    if (!room)
        return false;
    id_table_store(&self->ids, room);
    return put_add(self, CHECKPOINT_RECORDS, IDS_KEY, sizeof IDS_KEY - 1, size, false);
}

static void run_delete(struct ledger *self, uint32_t run)
{
    uint8_t key[8];
    for (uint32_t slice = 0; slice < RUN_SLICES; slice++) {
        checkpoint_run_key(run, slice, key);
        if (!put_add(self, CHECKPOINT_IDS, key, sizeof key, 0, true))
            return; /* stays behind; it is in no list, so nobody reads it */
    }
}

/* Writes so many slices of the oldest sealed table, and drops a run that has had its time. */
static void ids_step(struct ledger *self, uint32_t slices)
{
    bool changed = false;
    uint8_t key[8];
    for (uint32_t i = 0; i < slices; i++) {
        uint32_t run, slice;
        size_t length;
        bool finished;
        uint8_t *room = put_room(self, id_table_slice_bound(&self->ids));
        if (!room || !id_table_flush(&self->ids, &run, &slice, room, &length, &finished))
            break;
        checkpoint_run_key(run, slice, key);
        bool added = put_add(self, CHECKPOINT_IDS, key, sizeof key, length, false);
        CHECK(added); /* the list of puts was grown before: see puts_ensure */
        self->current->runs_finished += finished;
        changed = changed || finished;
    }
    uint32_t expired;
    if (id_table_expire(&self->ids, self->now_us, &expired)) {
        run_delete(self, expired);
        changed = true;
    }
    if (changed)
        ids_list_put(self);
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

static bool puts_ensure(struct ledger *self, size_t more)
{
    struct unit_buffer *buffer = self->current;
    return core_grow(self, (void **)&buffer->put_list, &buffer->put_capacity, buffer->unit.put_count + more,
                     sizeof *buffer->put_list);
}

bool checkpoint_due(const struct ledger *self)
{
    const struct checkpoint *cp = &self->checkpoint;
    if (cp->hurried)
        return cp->active || any_dirty(cp) || self->position > cp->done_position;
    uint64_t words = self->position - cp->slice_position;
    return words > 0 && words >= self->config.checkpoint_words / CHECKPOINT_SLICES;
}

/* A pass keeps its pace however large the units are. */
static size_t slices_due(const struct ledger *self)
{
    const struct checkpoint *cp = &self->checkpoint;
    uint64_t slice = self->config.checkpoint_words / CHECKPOINT_SLICES + 1;
    uint64_t due = (self->position - cp->slice_position) / slice + 1;
    return cp->hurried && due < HURRIED_SLICES ? HURRIED_SLICES : (size_t)due;
}

/* How many id slices a step writes: a sealed table is on disk before the next one is half full. */
static uint32_t id_slices_due(const struct ledger *self)
{
    uint64_t words = self->position - self->checkpoint.slice_position;
    uint64_t facts = words / 8 + 1;
    uint64_t half = self->config.ids_in_memory / 2 + 1;
    uint64_t slices = facts * RUN_SLICES / half + 1;
    if (self->checkpoint.hurried || self->ids.sealed_count > 1)
        slices *= 2;
    return slices > RUN_SLICES ? RUN_SLICES : (uint32_t)slices;
}

void checkpoint_step(struct ledger *self)
{
    struct checkpoint *cp = &self->checkpoint;
    if (checkpoint_due(self) && puts_ensure(self, 2 * RUN_SLICES + 4)) {
        ids_step(self, id_slices_due(self));
        bool whole = self->position >= cp->restore_position; /* else recovery has only taken ids yet */
        bool due = cp->active || any_dirty(cp) || self->position > cp->done_position;
        if (due && whole && (cp->active || pass_begin(self)))
            pass_slice(self, cp->quota * slices_due(self));
        cp->slice_position = self->position;
        if (cp->hurried && !cp->active) {
            MARK("a hurried checkpoint is complete");
            cp->hurried = false;
        }
    }
    puts_settle(self->current);
}

bool ledger_checkpoint_hurry(struct ledger *self)
{
    struct checkpoint *cp = &self->checkpoint;
    bool left = cp->active || any_dirty(cp) || self->position > cp->done_position;
    cp->hurried = left;
    return left;
}

/* ---- recovery --------------------------------------------------------------------------------------------------- */

static bool key_is(const uint8_t *key, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(key, name, length) == 0;
}

static uint32_t key_number(const uint8_t *key)
{
    return (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
}

enum err ledger_restore(struct ledger *self, uint8_t table, const uint8_t *key, size_t key_length,
                        const uint8_t *value, size_t value_length)
{
    enum err err = ERR_OK;
    if (table == CHECKPOINT_RECORDS && key_is(key, key_length, CHECKPOINT_KEY))
        return record_restore(self, value, value_length);
    if (table == CHECKPOINT_RECORDS && key_is(key, key_length, IDS_KEY))
        return self->config.ids_in_memory == 0 ? ERR_OK : id_table_load(&self->ids, value, value_length);
    if (table == CHECKPOINT_IDS && key_length == 8)
        return id_table_load_slice(&self->ids, key_number(key), value, value_length);
    if (table == CHECKPOINT_HOLDS && key_length == 4)
        return hold_chunk_load(self, value, value_length);
    if (table == CHECKPOINT_REMITTANCES && key_length == 4)
        return remittance_chunk_load(self, value, value_length);
    if (table != CHECKPOINT_ACCOUNTS || key_length != 4)
        return ERR_CORRUPT;
    for (const uint8_t *at = value, *end = value + value_length; at < end && err == ERR_OK;)
        err = account_restore(self, &at, end);
    return err;
}

uint64_t ledger_replay_from(struct ledger *self)
{
    uint64_t ids = id_table_replay_from(&self->ids);
    uint64_t state = self->checkpoint.restore_position;
    if (ids < state)
        MARK("a replay begins before the checkpoint, for ids");
    if (state > FACT_FIRST)
        MARK("a start finds a checkpoint");
    self->position = ids < state ? ids : state;
    self->checkpoint.slice_position = self->position;
    return self->position;
}

/* Accounts of facts before the checkpoint are there too: they came with its chunks. */
static bool account_is_there(const struct ledger *self, uint32_t index)
{
    return index < self->accounts.count && account_at(&self->accounts, index)->id_length > 0;
}

/* A posting to or from transit moves a link: its numbers are there to be moved, and there is memory. */
static enum err posting_link_fits(struct ledger *self, const struct fact_posting *fact)
{
    if (fact->head.kind < FACT_SENT || fact->head.kind > FACT_RETURNED)
        return ERR_OK;
    uint32_t transit = fact->head.kind == FACT_SENT ? fact->credit : fact->debit;
    if (!(account_at(&self->accounts, transit)->flags & ACCOUNT_IS_TRANSIT))
        return ERR_CORRUPT;
    uint32_t peer = evolve_transit_peer(self, transit);
    const struct link *link = &self->links[peer];
    if (fact->head.kind == FACT_RETURNED)
        return link->resolved + 1 < link->next ? ERR_OK : ERR_CORRUPT;
    if (fact->head.detail & FACT_FLAG_GROUP)
        return ERR_OK;
    bool room =
        fact->head.kind == FACT_SENT ? link_ensure_step(self, peer) : link_ensure_answer(self, peer, 1);
    return room ? ERR_OK : ERR_NO_MEMORY;
}

/* A fact from disk fits the state: then evolve cannot fail. */
static enum err posting_fits(struct ledger *self, uint64_t position, const uint8_t *bytes, size_t size)
{
    struct fact_posting fact;
    memcpy(&fact, bytes, sizeof fact);
    if (!account_is_there(self, fact.debit) || !account_is_there(self, fact.credit) ||
        fact.debit == fact.credit || fact.amount < 1 || fact.amount > MONEY_MAX)
        return ERR_CORRUPT;
    const struct account *debit = account_at(&self->accounts, fact.debit);
    const struct account *credit = account_at(&self->accounts, fact.credit);
    int64_t after;
    if (position < self->checkpoint.restore_position) {
        if (position > debit->last_position || position > credit->last_position)
            return ERR_CORRUPT; /* the chunks hold everything before it */
        return id_table_ensure(&self->ids, 1) ? ERR_OK : ERR_NO_MEMORY;
    }
    if (position > debit->last_position &&
        (!money_sub(debit->balance, fact.amount, &after) || after != fact.debit_balance ||
         fact_position48_get(fact.debit_previous) != debit->last_position))
        return ERR_CORRUPT;
    if (position > credit->last_position &&
        (!money_add(credit->balance, fact.amount, &after) || after != fact.credit_balance ||
         fact_position48_get(fact.credit_previous) != credit->last_position))
        return ERR_CORRUPT;
    enum err err = posting_link_fits(self, &fact);
    if (err == ERR_OK && (size > sizeof fact || ((debit->flags | credit->flags) & ACCOUNT_HAS_BOOK)))
        err = book_fits(self, position, &fact, bytes + fact_posting_size(bytes[0]),
                        size - fact_posting_size(bytes[0]));
    return err == ERR_OK && !id_table_ensure(&self->ids, 1) ? ERR_NO_MEMORY : err;
}

/* Accounts are opened one after another; one that a chunk has brought already is the same one. */
static enum err opened_fits(struct ledger *self, const struct fact_account *fact, const struct str *text)
{
    struct str id = text[FACT_TAG_ACCOUNT];
    currency_index currency = currency_find(fact->currency, CURRENCY_CODE_LENGTH);
    if (!text_is_account_id(id) || !posting_id_fits(self, id, currency) ||
        fact->account > self->accounts.count)
        return ERR_CORRUPT;
    uint32_t known = account_find(&self->accounts, id, account_hash(&self->accounts, id));
    if (account_is_there(self, fact->account) ? known != fact->account : known != ACCOUNT_NONE)
        return ERR_CORRUPT;
    bool room = account_ensure(&self->accounts, fact->account) &&
                checkpoint_ensure(self, CHECKPOINT_CHUNKS_ACCOUNTS, fact->account / ACCOUNT_CHUNK + 1) &&
                id_table_ensure(&self->ids, 1) && (!fact->has_book || account_ensure_book(&self->accounts));
    return room ? ERR_OK : ERR_NO_MEMORY;
}

/* An account fact that is still to be applied leads to a state that may follow. */
static bool state_may_follow(const struct ledger *self, uint64_t position, const struct fact_account *fact)
{
    const struct account *account = account_at(&self->accounts, fact->account);
    uint8_t after = account_state_after(fact->head.kind, account->state);
    if (position <= account->last_position)
        return true;
    return position >= self->checkpoint.restore_position &&
           (fact->head.kind == FACT_ACCOUNT_CHANGED ||
            machine_allows(&ACCOUNT_STATES, account->state, after));
}

static enum err account_fits(struct ledger *self, uint64_t position, const uint8_t *bytes, size_t size)
{
    struct fact_account fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return ERR_CORRUPT;
    const struct str *text = strings.by_tag;
    if (currency_find(fact.currency, CURRENCY_CODE_LENGTH) == CURRENCY_NONE)
        return ERR_CORRUPT;
    if (fact.head.kind == FACT_ACCOUNT_OPENED)
        return opened_fits(self, &fact, text);
    if (!account_is_there(self, fact.account) || !state_may_follow(self, position, &fact))
        return ERR_CORRUPT;
    bool room = account_ensure_names(&self->accounts);
    return room ? ERR_OK : ERR_NO_MEMORY;
}

/* What evolve will look for is there: the oldest open request, or, of a time before the state, the FACT_SENT. */
static bool settled_is_there(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_settled fact;
    uint8_t sent[CORE_FACT_MAX];
    memcpy(&fact, bytes, sizeof fact);
    const struct link *link = &self->links[fact.peer];
    if (position >= self->checkpoint.restore_position)
        return link->resolved + 1 < link->next &&
               link_request_at(link, link->resolved + 1)->position == fact.sent_position;
    return !id_table_takes(&self->ids, position) ||
           (core_fact_read(self, fact.sent_position, sent, sizeof sent) > 0 && sent[0] == FACT_SENT);
}

/* Link numbers a fact will move are there to be moved. */
static enum err link_fits(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_link fact;
    memcpy(&fact, bytes, sizeof fact); /* fact_settled has its peer at the same place */
    if (fact.peer >= self->config.partitions)
        return ERR_CORRUPT;
    const struct link *link = &self->links[fact.peer];
    if (fact.head.kind == FACT_SETTLED && !settled_is_there(self, position, bytes))
        return ERR_CORRUPT;
    if (position < self->checkpoint.restore_position)
        return id_table_ensure(&self->ids, 1) ? ERR_OK : ERR_NO_MEMORY;
    if (fact.head.kind == FACT_PRUNED && (fact.through < link->pruned || fact.through > link->processed))
        return ERR_CORRUPT;
    if (fact.head.kind == FACT_BOUNCED && !link_ensure_answer(self, fact.peer, 1))
        return ERR_NO_MEMORY;
    return id_table_ensure(&self->ids, 1) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err fact_fits(struct ledger *self, uint64_t position, const uint8_t *fact, size_t size)
{
    if (!proposal_lets_follow(self, position, fact))
        return ERR_CORRUPT;
    if (fact_is_posting(fact[0])) {
        enum err err = posting_fits(self, position, fact, size);
        if (err == ERR_OK && fact_is_remittance(fact[0]))
            return remittance_fits(self, position, fact);
        return err == ERR_OK && fact[0] == FACT_HOLD_CAPTURED ? hold_fits(self, position, fact) : err;
    }
    if (fact_is_hold(fact[0]))
        return hold_fits(self, position, fact);
    if (fact_is_remittance(fact[0]))
        return remittance_fits(self, position, fact);
    if (proposal_is_fact(fact[0]))
        return proposal_fits(self, position, fact);
    if (fact[0] >= FACT_ACCOUNT_OPENED && fact[0] <= FACT_ACCOUNT_CLOSED)
        return account_fits(self, position, fact, size);
    if (fact[0] == FACT_SETTLED || fact[0] == FACT_BOUNCED || fact[0] == FACT_PRUNED)
        return link_fits(self, position, fact);
    if (fact_is_desk(fact[0]))
        return position < self->checkpoint.restore_position ? ERR_OK
                                                            : desk_fact_fits(&self->desk, fact, size);
    if (fact[0] == FACT_QUOTED || fact[0] == FACT_QUOTE_USED) {
        enum err err = quote_fact_fits(self, position, fact);
        return err == ERR_OK && !id_table_ensure(&self->ids, 1) ? ERR_NO_MEMORY : err;
    }
    if (fact_is_group(fact[0]) && position >= self->checkpoint.restore_position) {
        enum err err = group_fits(self, fact, size);
        if (err != ERR_OK)
            return err;
    }
    return id_table_ensure(&self->ids, 1) ? ERR_OK : ERR_NO_MEMORY;
}

/* Asks for the memory that a fact further on will touch; returns how far the next one is. */
static size_t replay_prefetch(const struct ledger *self, const uint8_t *fact, size_t length)
{
    struct fact_posting posting;
    if (length < sizeof posting)
        return length;
    memcpy(&posting, fact, sizeof posting);
    if (fact_is_posting(posting.head.kind)) {
        struct uuid id = posting.id;
        if (posting.debit < self->accounts.count)
            __builtin_prefetch(account_at(&self->accounts, posting.debit), 1);
        if (posting.credit < self->accounts.count)
            __builtin_prefetch(account_at(&self->accounts, posting.credit), 1);
        id_table_prefetch(&self->ids, hash_uuid(&id, self->config.hash_key));
    }
    return posting.head.words == 0 ? length : (size_t)posting.head.words * FACT_WORD;
}

enum err ledger_replay(struct ledger *self, uint64_t position, int64_t time_us, const uint8_t *facts,
                       size_t length)
{
    /* The first commit may begin before the position where replay has to begin. */
    uint64_t skip = position < self->position ? self->position - position : 0;
    if (skip > 0)
        MARK("a replay begins inside a commit");
    if (position > self->position || skip * FACT_WORD > length)
        return ERR_CORRUPT;
    self->fact_us = time_us;
    if (time_us > self->now_us)
        self->now_us = time_us;
    size_t ahead = skip * FACT_WORD;
    for (size_t at = ahead; at < length;) {
        size_t size;
        while (ahead < length && ahead < at + REPLAY_AHEAD_BYTES)
            ahead += replay_prefetch(self, facts + ahead, length - ahead);
        uint64_t here = position + at / FACT_WORD;
        enum err err = fact_check(facts + at, length - at, &size);
        if (err == ERR_OK)
            err = fact_fits(self, here, facts + at, size);
        if (err != ERR_OK)
            return err;
        ledger_evolve(self, here, facts + at, size);
        at += size;
        self->position = here + size / FACT_WORD;
    }
    return ERR_OK;
}

enum err ledger_recovered(struct ledger *self)
{
    if (self->position < self->checkpoint.restore_position) {
        MARK("the journal ends before the checkpoint");
        return ERR_CORRUPT; /* the journal ends before the checkpoint */
    }
    enum err err = hold_rebuild(self);
    if (err == ERR_OK)
        err = remittance_rebuild(self);
    if (err != ERR_OK)
        return err;
    if (core_broken(self) || !group_reserve_all(self))
        return ERR_CORRUPT;
    self->recovering = false;
    self->checkpoint.restore_position = FACT_FIRST;
    self->ids.restore_position = 0;
    return ERR_OK;
}
