/* Evolve: holds; and what a recovery asks of them and makes of them. */
#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"
#include "actors/ledger/hold.h"

static void moved(void *context, const struct deadline *entry, uint32_t index)
{
    struct ledger *self = context;
    if (entry->owner == DEADLINE_HOLD)
        hold_at(&self->holds, entry->slot)->deadline = index;
    else
        remittance_deadline_moved(self, entry, index);
}

void hold_init(struct ledger *self)
{
    hold_table_init(&self->holds, &self->counted, self->config.hash_key);
    deadlines_init(&self->deadlines, &self->counted, moved, self);
}

void hold_release_all(struct ledger *self)
{
    hold_table_release(&self->holds);
    deadlines_release(&self->deadlines);
}

bool hold_room(struct ledger *self, uint32_t slot)
{
    return hold_ensure(&self->holds, slot) &&
           deadlines_ensure(&self->deadlines, self->deadlines.count + 1u) &&
           checkpoint_ensure(self, CHECKPOINT_CHUNKS_HOLDS, slot / HOLD_CHUNK + 1);
}

/* ---- evolve --------------------------------------------------------------------------------------------- */

static void id_put(struct ledger *self, const struct uuid *id, uint64_t position)
{
    id_table_put(&self->ids, hash_uuid(id, self->config.hash_key), position, self->fact_us);
}

static void id_move(struct ledger *self, const struct uuid *id, uint64_t old, uint64_t position)
{
    id_table_move(&self->ids, hash_uuid(id, self->config.hash_key), old, position, self->fact_us);
}

/* During a recovery pending is not known; it is summed up at its end. */
static void pending_add(struct ledger *self, uint32_t account, int64_t amount)
{
    if (!self->recovering)
        account_at(&self->accounts, account)->pending += amount;
}

/* The fact stands in the account's chain. */
static void account_note(struct ledger *self, uint32_t index, uint64_t position)
{
    struct account *account = account_at(&self->accounts, index);
    if (position <= account->last_position) {
        MARK("a replay passes over a step of a hold that the account has already");
        return;
    }
    account->last_position = position;
    checkpoint_dirty(self, index);
}

/* false: the slot is as after this fact, or later, already. */
static bool slot_takes(struct ledger *self, uint32_t slot, uint64_t position)
{
    if (position < self->checkpoint.restore_position)
        return false;
    if (position <= hold_at(&self->holds, slot)->last_position) {
        MARK("a replay passes over a step of a hold that its slot has already");
        return false;
    }
    hold_at(&self->holds, slot)->last_position = position;
    checkpoint_dirty_hold(self, slot);
    return true;
}

static void slot_join(struct ledger *self, uint32_t slot)
{
    const struct hold *hold = hold_at(&self->holds, slot);
    hold_table_join(&self->holds, slot, &account_more_at(&self->accounts, hold->account)->holds);
    if (hold->expires_us != 0)
        deadlines_put(&self->deadlines,
                      &(struct deadline){hold->expires_us, hold->opened, DEADLINE_HOLD, slot});
}

static void slot_end(struct ledger *self, uint32_t slot)
{
    const struct hold *hold = hold_at(&self->holds, slot);
    if (!self->recovering) {
        if (hold->expires_us != 0)
            deadlines_remove(&self->deadlines, hold->deadline);
        hold_table_leave(&self->holds, slot, &account_more_at(&self->accounts, hold->account)->holds);
    }
    hold_free(&self->holds, slot);
}

static void evolve_opened(struct ledger *self, uint64_t position, const struct fact_hold *fact)
{
    struct uuid id = fact->id;
    id_put(self, &id, position);
    account_note(self, fact->account, position);
    if (!slot_takes(self, fact->slot, position))
        return;
    struct hold *hold = hold_fill(&self->holds, fact->slot, &id, position, fact->account);
    hold->held = fact->amount;
    hold->expires_us = fact->expires_us;
    hold_more_at(&self->holds, fact->slot)->opened_us = self->fact_us;
    if (!self->recovering)
        slot_join(self, fact->slot);
    pending_add(self, fact->account, fact->amount);
}

void hold_evolve(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_hold fact;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.head.kind == FACT_HOLD_OPENED) {
        evolve_opened(self, position, &fact);
        return;
    }
    struct uuid id = fact.id, hold = fact.hold;
    if (fact.head.kind == FACT_HOLD_RELEASED)
        id_put(self, &id, position);
    id_move(self, &hold, fact.opened, position);
    account_note(self, fact.account, position);
    if (!slot_takes(self, fact.slot, position))
        return;
    slot_end(self, fact.slot);
    pending_add(self, fact.account, -fact.amount);
}

void hold_note_capture(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_capture fact;
    memcpy(&fact, bytes, sizeof fact);
    struct uuid id = fact.posting.id, hold = fact.hold;
    id_put(self, &id, position);
    if (fact.kept == 0)
        id_move(self, &hold, fact.opened, position);
    if (!slot_takes(self, fact.slot, position))
        return;
    if (fact.kept == 0)
        slot_end(self, fact.slot);
    else
        hold_at(&self->holds, fact.slot)->held = fact.kept;
    pending_add(self, fact.posting.debit, -fact.posting.amount - fact.released);
}

/* ---- stored facts --------------------------------------------------------------------------------------- */

static bool account_is_there(const struct ledger *self, uint32_t index)
{
    return index < self->accounts.count && account_at(&self->accounts, index)->id_length > 0;
}

static bool amount_is_fit(int64_t amount)
{
    return amount >= 1 && amount <= MONEY_MAX;
}

/* The slot is free for an opening, or holds what the fact takes out of it. `taken`: in all, with what is kept. */
static bool slot_fits(const struct ledger *self, uint64_t position, uint32_t slot, uint64_t opened,
                      const struct uuid *id, uint32_t account, int64_t taken)
{
    if (slot >= self->holds.count)
        return false;
    const struct hold *hold = hold_at(&self->holds, slot);
    if (position <= hold->last_position)
        return true;
    return position >= self->checkpoint.restore_position && hold->held == taken && taken > 0 &&
           hold->opened == opened && hold->account == account && uuid_equal(&hold->id, id);
}

static bool opening_fits(const struct ledger *self, uint64_t position, const struct fact_hold *fact)
{
    if (fact->slot > self->holds.count || fact->expires_us < 0 || uuid_is_nil(&fact->id))
        return false;
    if (fact->slot == self->holds.count)
        return position >= self->checkpoint.restore_position;
    const struct hold *hold = hold_at(&self->holds, fact->slot);
    return position <= hold->last_position ||
           (position >= self->checkpoint.restore_position && hold->held == 0);
}

/* The account's chain goes on with this fact, or has it already. */
static bool chain_fits(const struct ledger *self, uint64_t position, uint32_t index, uint64_t previous)
{
    if (!account_is_there(self, index))
        return false;
    uint64_t last = account_at(&self->accounts, index)->last_position;
    return position <= last || (position >= self->checkpoint.restore_position && previous == last);
}

static bool capture_fits(const struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_capture fact;
    int64_t taken;
    memcpy(&fact, bytes, sizeof fact);
    return fact.posting.head.detail == 0 && fact.released >= 0 && fact.kept >= 0 &&
           money_add(fact.posting.amount, fact.released, &taken) && money_add(taken, fact.kept, &taken) &&
           slot_fits(self, position, fact.slot, fact.opened, &fact.hold, fact.posting.debit, taken);
}

static bool step_fits(const struct ledger *self, uint64_t position, const struct fact_hold *fact)
{
    if (!chain_fits(self, position, fact->account, fact->previous) || !amount_is_fit(fact->amount))
        return false;
    if (fact->head.kind == FACT_HOLD_OPENED)
        return opening_fits(self, position, fact);
    return slot_fits(self, position, fact->slot, fact->opened, &fact->hold, fact->account, fact->amount);
}

enum err hold_fits(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_hold fact;
    memcpy(&fact, bytes, sizeof fact);
    bool captures = fact.head.kind == FACT_HOLD_CAPTURED;
    if (captures ? !capture_fits(self, position, bytes) : !step_fits(self, position, &fact))
        return ERR_CORRUPT;
    bool room = id_table_ensure(&self->ids, 2);
    if (room && fact.head.kind == FACT_HOLD_OPENED)
        room = hold_room(self, fact.slot);
    return room ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- what is derived ------------------------------------------------------------------------------------ */

static void unmoved(void *context, const struct deadline *entry, uint32_t index)
{
    (void)context, (void)entry, (void)index;
}

/* A hold joins its account, which may be gone or have no room for it where slots were made up. */
static bool slot_rejoin(struct ledger *self, uint32_t slot)
{
    const struct hold *hold = hold_at(&self->holds, slot);
    if (!account_is_there(self, hold->account) ||
        hold_find(&self->holds, &hold->id, hold_hash(&self->holds, &hold->id)) != HOLD_NONE) {
        MARK("a hold comes back without its account, or twice");
        return false;
    }
    struct account *account = account_at(&self->accounts, hold->account);
    if (!money_add(account->pending, hold->held, &account->pending))
        return false;
    slot_join(self, slot);
    return true;
}

/* A heap by position gives them in order of opening. */
static enum err rejoin_all(struct ledger *self, struct deadlines *order)
{
    for (uint32_t slot = 0; slot < self->holds.count; slot++) {
        const struct hold *hold = hold_at(&self->holds, slot);
        if (hold->held > 0)
            deadlines_put(order, &(struct deadline){(int64_t)hold->opened, slot, DEADLINE_HOLD, slot});
    }
    for (; deadlines_first(order); deadlines_remove(order, 0)) {
        if (!slot_rejoin(self, deadlines_first(order)->slot))
            return ERR_CORRUPT;
    }
    return ERR_OK;
}

enum err hold_rebuild(struct ledger *self)
{
    struct deadlines order;
    if (self->holds.open_count == 0)
        return ERR_OK;
    MARK("open holds come back from a restart");
    deadlines_init(&order, &self->counted, unmoved, NULL);
    bool room = deadlines_ensure(&order, self->holds.open_count) &&
                deadlines_ensure(&self->deadlines, self->holds.open_count);
    enum err err = room ? rejoin_all(self, &order) : ERR_NO_MEMORY;
    deadlines_release(&order);
    return err;
}

/* ---- invariants ----------------------------------------------------------------------------------------- */

static const char *slot_broken(const struct ledger *self, uint32_t slot)
{
    const struct hold *hold = hold_at(&self->holds, slot);
    bool used = self->holds.used[slot / 64] >> (slot % 64) & 1;
    if (hold->last_position >= self->position || used != (hold->held > 0))
        return "a slot of holds is used or free, and knows its last fact";
    if (!used)
        return NULL;
    if (hold->opened < FACT_FIRST || hold->opened > hold->last_position)
        return "a hold was opened before it was changed";
    if (hold_find(&self->holds, &hold->id, hold_hash(&self->holds, &hold->id)) != slot)
        return "a hold is found by its id";
    if (hold->expires_us == 0)
        return NULL;
    if (hold->deadline >= self->deadlines.count || self->deadlines.heap[hold->deadline].slot != slot ||
        self->deadlines.heap[hold->deadline].owner != DEADLINE_HOLD ||
        self->deadlines.heap[hold->deadline].due_us != hold->expires_us)
        return "a hold that expires stands among the deadlines";
    return NULL;
}

/* What an account's ring sums to, beside what open groups have reserved, is what is pending. */
static const char *ring_broken(const struct ledger *self, uint32_t index, uint32_t *seen)
{
    uint32_t head = account_more_at(&self->accounts, index)->holds;
    int64_t sum = 0;
    uint64_t before = 0;
    for (uint32_t slot = head - 1; slot != HOLD_NONE; slot = hold_after(&self->holds, slot, head)) {
        const struct hold *hold = hold_at(&self->holds, slot);
        if (hold->held <= 0 || hold->account != index || hold->opened <= before)
            return "an account's open holds are its own, in order of opening";
        before = hold->opened;
        sum += hold->held;
        if (++*seen > self->holds.open_count)
            return "every open hold stands with one account";
    }
    int64_t pending = account_at(&self->accounts, index)->pending;
    if (pending != sum && pending - sum != group_pending(self, index))
        return "what is pending is held, or reserved by groups";
    return NULL;
}

const char *hold_broken(const struct ledger *self)
{
    uint32_t seen = 0, open = 0, due = 0;
    const char *broken = NULL;
    for (uint32_t slot = 0; slot < self->holds.count && !broken; slot++) {
        const struct hold *hold = hold_at(&self->holds, slot);
        open += hold->held > 0;
        due += hold->held > 0 && hold->expires_us != 0;
        broken = slot_broken(self, slot);
    }
    for (uint32_t i = 0; i < self->accounts.count && !broken; i++)
        broken = ring_broken(self, i, &seen);
    if (!broken && (seen != open || open != self->holds.open_count))
        broken = "every open hold stands with its account";
    for (uint32_t i = 0; i < self->deadlines.count; i++)
        due -= self->deadlines.heap[i].owner == DEADLINE_HOLD;
    if (!broken && (due != 0 || !deadlines_in_order(&self->deadlines)))
        broken = "every hold that expires has one deadline";
    return broken;
}

/* ---- the state store ------------------------------------------------------------------------------------ */

size_t hold_chunk_bound(void)
{
    return HOLD_CHUNK * sizeof(struct checkpoint_hold);
}

uint8_t *hold_chunk_store(const struct ledger *self, uint32_t chunk, uint8_t *at)
{
    uint32_t first = chunk * HOLD_CHUNK;
    for (uint32_t slot = first; slot < first + HOLD_CHUNK && slot < self->holds.count; slot++) {
        const struct hold *hold = hold_at(&self->holds, slot);
        struct checkpoint_hold stored = {
            .id = hold->id,
            .opened = hold->opened,
            .last_position = hold->last_position,
            .held = hold->held,
            .expires_us = hold->expires_us,
            .opened_us = hold_more_at(&self->holds, slot)->opened_us,
            .account = hold->account,
            .slot = slot,
        };
        memcpy(at, &stored, sizeof stored);
        at += sizeof stored;
    }
    return at;
}

/* Chunks come in order, and slots are used from the lowest on, so that none is missing before this one. Its account may
 * come with a later fact: hold_rebuild looks for it. */
static enum err slot_load(struct ledger *self, const struct checkpoint_hold *stored)
{
    if (stored->slot != self->holds.count || stored->held < 0 || stored->held > MONEY_MAX ||
        stored->expires_us < 0 || stored->opened > stored->last_position)
        return ERR_CORRUPT;
    if (!hold_room(self, stored->slot))
        return ERR_NO_MEMORY;
    struct hold *hold = hold_fill(&self->holds, stored->slot, &stored->id, stored->opened, stored->account);
    hold->last_position = stored->last_position;
    hold->held = stored->held;
    hold->expires_us = stored->expires_us;
    hold_more_at(&self->holds, stored->slot)->opened_us = stored->opened_us;
    if (stored->held == 0)
        hold_free(&self->holds, stored->slot);
    return ERR_OK;
}

enum err hold_chunk_load(struct ledger *self, const uint8_t *value, size_t length)
{
    enum err err = length % sizeof(struct checkpoint_hold) == 0 ? ERR_OK : ERR_CORRUPT;
    for (size_t at = 0; at < length && err == ERR_OK; at += sizeof(struct checkpoint_hold)) {
        struct checkpoint_hold stored;
        memcpy(&stored, value + at, sizeof stored);
        err = slot_load(self, &stored);
    }
    return err;
}
