/* The open proposals of a partition: evolve, and the part of the small state that is theirs. */
#include "actors/base/rate.h"
#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"
#include "actors/ledger/proposal_states.h"

/* ---- slots ------------------------------------------------------------------------------------------------- */

static struct proposal *slot_at(const struct ledger *self, uint16_t slot)
{
    return &self->proposals.slots[slot - 1];
}

static uint16_t *bucket_of(struct ledger *self, const struct uuid *id)
{
    return &self->proposals.buckets[hash_uuid(id, self->config.hash_key) % PROPOSAL_BUCKETS];
}

static uint16_t slot_find(const struct ledger *self, const struct uuid *id)
{
    uint16_t slot = self->proposals.buckets[hash_uuid(id, self->config.hash_key) % PROPOSAL_BUCKETS];
    while (slot != PROPOSAL_NONE && !uuid_equal(&slot_at(self, slot)->id, id))
        slot = slot_at(self, slot)->chain;
    return slot;
}

void proposal_table_init(struct ledger *self)
{
    self->proposals.due_us = INT64_MAX;
}

void proposal_table_release(struct ledger *self)
{
    struct proposal_table *table = &self->proposals;
    core_free(self, table->slots, table->capacity * sizeof *table->slots);
}

const struct proposal *proposal_find(const struct ledger *self, const struct uuid *id)
{
    uint16_t slot = self->proposals.count > 0 ? slot_find(self, id) : PROPOSAL_NONE;
    return slot == PROPOSAL_NONE ? NULL : slot_at(self, slot);
}

bool proposal_is_open(const struct ledger *self, const struct uuid *id)
{
    return proposal_find(self, id) != NULL;
}

bool proposal_ensure(struct ledger *self)
{
    struct proposal_table *table = &self->proposals;
    if (table->count >= LEDGER_PROPOSALS_MAX) {
        MARK("as many proposals are open as may be");
        return false;
    }
    return table->free != PROPOSAL_NONE ||
           core_grow(self, (void **)&table->slots, &table->capacity, table->used + 1, sizeof *table->slots);
}

static uint16_t slot_take(struct proposal_table *table)
{
    uint16_t slot = table->free;
    if (slot == PROPOSAL_NONE) {
        CHECK(table->used < table->capacity && table->used < LEDGER_PROPOSALS_MAX);
        return (uint16_t)++table->used;
    }
    MARK("the place of a proposal that has ended is used again");
    table->free = table->slots[slot - 1].next;
    return slot;
}

static void insert(struct ledger *self, const struct ledger_open_proposal *opened)
{
    struct proposal_table *table = &self->proposals;
    uint16_t slot = slot_take(table), *bucket = bucket_of(self, &opened->id);
    struct proposal *proposal = slot_at(self, slot);
    *proposal = (struct proposal){
        .id = opened->id,
        .proposed = opened->position,
        .expires_us = opened->expires_us,
        .account = opened->account,
        .previous = table->last,
        .chain = *bucket,
    };
    machine_move(&PROPOSAL_STATES, &proposal->state, PROPOSAL_PROPOSED);
    *bucket = slot;
    *(table->last != PROPOSAL_NONE ? &slot_at(self, table->last)->next : &table->first) = slot;
    table->last = slot;
    table->count++;
    if (opened->expires_us < table->due_us)
        table->due_us = opened->expires_us;
}

/* The earliest that is due; of several, the one that was opened first. NULL: none is open. */
const struct proposal *proposal_earliest(const struct ledger *self)
{
    const struct proposal *earliest = NULL;
    for (uint16_t slot = self->proposals.first; slot != PROPOSAL_NONE; slot = slot_at(self, slot)->next) {
        const struct proposal *proposal = slot_at(self, slot);
        if (!earliest || proposal->expires_us < earliest->expires_us)
            earliest = proposal;
    }
    return earliest;
}

static void end(struct ledger *self, uint16_t slot, uint8_t state)
{
    struct proposal_table *table = &self->proposals;
    struct proposal *proposal = slot_at(self, slot);
    uint16_t *link = bucket_of(self, &proposal->id);
    machine_move(&PROPOSAL_STATES, &proposal->state, state);
    while (*link != slot)
        link = &slot_at(self, *link)->chain;
    *link = proposal->chain;
    *(proposal->previous != PROPOSAL_NONE ? &slot_at(self, proposal->previous)->next : &table->first) =
        proposal->next;
    *(proposal->next != PROPOSAL_NONE ? &slot_at(self, proposal->next)->previous : &table->last) =
        proposal->previous;
    bool was_earliest = proposal->expires_us == table->due_us;
    *proposal = (struct proposal){.next = table->free};
    table->free = slot;
    table->count--;
    if (was_earliest) {
        const struct proposal *earliest = proposal_earliest(self);
        table->due_us = earliest ? earliest->expires_us : INT64_MAX;
    }
}

bool ledger_proposal_next(const struct ledger *self, uint64_t after, struct ledger_open_proposal *out)
{
    uint16_t slot = self->proposals.first;
    while (slot != PROPOSAL_NONE && slot_at(self, slot)->proposed <= after)
        slot = slot_at(self, slot)->next;
    if (slot == PROPOSAL_NONE)
        return false;
    const struct proposal *proposal = slot_at(self, slot);
    *out = (struct ledger_open_proposal){
        .id = proposal->id,
        .position = proposal->proposed,
        .expires_us = proposal->expires_us,
        .account = proposal->account,
    };
    return true;
}

/* ---- evolve -------------------------------------------------------------------------------------------------- */

static void evolve_ended(struct ledger *self, uint64_t position, const struct fact_proposal *fact)
{
    uint64_t hash = hash_uuid(&fact->id, self->config.hash_key);
    id_table_move(&self->ids, hash, fact->proposed, position, self->fact_us);
    if (position < self->checkpoint.restore_position) {
        MARK("the end of a proposal is replayed for its id only");
        return;
    }
    uint16_t slot = slot_find(self, &fact->id);
    CHECK(slot != PROPOSAL_NONE && slot_at(self, slot)->proposed == fact->proposed);
    end(self, slot, proposal_state_after(fact->head.kind));
    if (fact->head.kind != FACT_PROPOSAL_APPROVED)
        return;
    struct proposal_table *table = &self->proposals;
    table->awaited = FACT_PROPOSAL_APPROVED;
    table->awaited_account = fact->account;
    table->awaited_amount = fact->amount;
    table->awaited_balance = fact->balance;
    table->awaited_id = fact->id;
}

void proposal_evolve(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_proposal fact;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.head.kind != FACT_PROPOSED) {
        evolve_ended(self, position, &fact);
        return;
    }
    id_table_put(&self->ids, hash_uuid(&fact.id, self->config.hash_key), position, self->fact_us);
    if (position < self->checkpoint.restore_position) {
        MARK("a proposal is replayed for its id only");
        return;
    }
    insert(self, &(struct ledger_open_proposal){fact.id, position, fact.expires_us, fact.account});
}

void proposal_note_posting(struct ledger *self, uint64_t position)
{
    if (position >= self->checkpoint.restore_position)
        self->proposals.awaited = 0;
}

/* ---- stored facts ----------------------------------------------------------------------------------------------- */

static bool numbers_are_good(const struct fact_proposal *fact)
{
    bool opens = fact->head.kind == FACT_PROPOSED;
    uint8_t kind = fact->head.detail;
    return (opens ? kind == COMMAND_DEPOSIT || kind == COMMAND_WITHDRAW : kind == CODE_OK) &&
           (opens ? fact->proposed == 0 : fact->proposed >= FACT_FIRST) && fact->amount >= 1 &&
           fact->amount <= MONEY_MAX && fact->rate >= 0 && fact->rate <= RATE_MAX && fact->expires_us > 0 &&
           (fact->head.kind == FACT_PROPOSAL_APPROVED || fact->balance == 0) && !uuid_is_nil(&fact->id);
}

/* Who proposes says why; whoever decides has a name, and time has none. */
enum err proposal_fact_check(const uint8_t *bytes, size_t size)
{
    struct fact_proposal fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    enum err err = fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings);
    if (err != ERR_OK)
        return err;
    bool has_operator = strings.by_tag[FACT_TAG_OPERATOR].length > 0;
    bool has_reason = strings.by_tag[FACT_TAG_MEMO].length > 0;
    for (int tag = 0; tag < FACT_TAG_COUNT; tag++) {
        if (tag != FACT_TAG_OPERATOR && tag != FACT_TAG_MEMO && strings.by_tag[tag].data)
            return ERR_CORRUPT;
    }
    bool named = has_operator == (fact.head.kind != FACT_PROPOSAL_EXPIRED);
    bool reasoned = fact.head.kind == FACT_PROPOSED ? has_reason : has_operator || !has_reason;
    return named && reasoned && numbers_are_good(&fact) ? ERR_OK : ERR_CORRUPT;
}

enum err proposal_fits(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_proposal fact;
    memcpy(&fact, bytes, sizeof fact);
    if (!id_table_ensure(&self->ids, 1))
        return ERR_NO_MEMORY;
    if (position < self->checkpoint.restore_position)
        return ERR_OK;
    const struct proposal *open = proposal_find(self, &fact.id);
    if (fact.head.kind != FACT_PROPOSED)
        return open && open->proposed == fact.proposed && open->account == fact.account ? ERR_OK
                                                                                        : ERR_CORRUPT;
    if (open || self->proposals.count >= LEDGER_PROPOSALS_MAX || fact.account >= self->accounts.count)
        return ERR_CORRUPT;
    return proposal_ensure(self) ? ERR_OK : ERR_NO_MEMORY;
}

static bool is_awaited(const struct proposal_table *table, const struct fact_posting *fact)
{
    bool deposits = fact->head.kind == FACT_DEPOSIT;
    return (deposits ? fact->credit : fact->debit) == table->awaited_account &&
           (deposits ? fact->credit_balance : fact->debit_balance) == table->awaited_balance &&
           fact->amount == table->awaited_amount && uuid_equal(&fact->id, &table->awaited_id);
}

bool proposal_lets_follow(const struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    bool flagged =
        (bytes[0] == FACT_DEPOSIT || bytes[0] == FACT_WITHDRAWAL) && (bytes[1] & FACT_FLAG_PROPOSED);
    if (position < self->checkpoint.restore_position)
        return true;
    if (!flagged)
        return self->proposals.awaited == 0;
    struct fact_posting fact;
    memcpy(&fact, bytes, sizeof fact);
    return self->proposals.awaited != 0 && is_awaited(&self->proposals, &fact);
}

/* What is wrong with one open proposal; NULL: nothing. */
static const char *slot_broken(const struct ledger *self, uint16_t slot)
{
    const struct proposal *proposal = slot_at(self, slot);
    if (proposal->state != PROPOSAL_PROPOSED || slot_find(self, &proposal->id) != slot)
        return "an open proposal is found by its id";
    if (proposal->account >= self->accounts.count ||
        account_at(&self->accounts, proposal->account)->id_length == 0)
        return "the account of a proposal is there";
    if (proposal->proposed < FACT_FIRST || proposal->proposed >= self->position)
        return "the opening of a proposal is in the journal";
    if (proposal->previous != PROPOSAL_NONE &&
        slot_at(self, proposal->previous)->proposed >= proposal->proposed)
        return "open proposals stand in order of opening";
    if (proposal->expires_us < self->proposals.due_us)
        return "the earliest end of a proposal is known";
    return NULL;
}

const char *proposal_broken(const struct ledger *self)
{
    const struct proposal_table *table = &self->proposals;
    const char *broken = NULL;
    uint32_t count = 0;
    uint16_t before = PROPOSAL_NONE;
    for (uint16_t slot = table->first; slot != PROPOSAL_NONE && !broken; slot = slot_at(self, slot)->next) {
        broken = ++count > LEDGER_PROPOSALS_MAX || slot_at(self, slot)->previous != before
                     ? "open proposals are a list"
                     : slot_broken(self, slot);
        before = slot;
    }
    if (!broken && (count != table->count || table->last != before))
        broken = "open proposals are counted";
    return !broken && table->awaited != 0 ? "an approval is followed by its posting" : broken;
}

/* ---- the small state ---------------------------------------------------------------------------------------------- */

struct FACT_PACKED stored_proposal {
    struct uuid id;
    uint64_t proposed;
    int64_t expires_us;
    uint32_t account;
    uint32_t zero;
};

size_t proposal_store_size(const struct ledger *self)
{
    return sizeof self->proposals.count + self->proposals.count * sizeof(struct stored_proposal);
}

uint8_t *proposal_store(const struct ledger *self, uint8_t *at)
{
    memcpy(at, &self->proposals.count, sizeof self->proposals.count);
    at += sizeof self->proposals.count;
    for (uint16_t slot = self->proposals.first; slot != PROPOSAL_NONE; slot = slot_at(self, slot)->next) {
        const struct proposal *proposal = slot_at(self, slot);
        struct stored_proposal stored = {
            .id = proposal->id,
            .proposed = proposal->proposed,
            .expires_us = proposal->expires_us,
            .account = proposal->account,
        };
        memcpy(at, &stored, sizeof stored);
        at += sizeof stored;
    }
    return at;
}

static enum err one_load(struct ledger *self, const struct stored_proposal *stored)
{
    const struct proposal_table *table = &self->proposals;
    uint64_t before = table->last == PROPOSAL_NONE ? 0 : slot_at(self, table->last)->proposed;
    if (stored->proposed <= before || stored->proposed >= self->checkpoint.restore_position ||
        stored->expires_us <= 0 || uuid_is_nil(&stored->id) || proposal_is_open(self, &stored->id))
        return ERR_CORRUPT; /* that the account is there is tested when all are */
    if (!proposal_ensure(self))
        return ERR_NO_MEMORY;
    insert(self,
           &(struct ledger_open_proposal){stored->id, stored->proposed, stored->expires_us, stored->account});
    return ERR_OK;
}

enum err proposal_load(struct ledger *self, const uint8_t **at, const uint8_t *limit)
{
    uint32_t count;
    if ((size_t)(limit - *at) < sizeof count)
        return ERR_CORRUPT;
    memcpy(&count, *at, sizeof count);
    *at += sizeof count;
    if (count > LEDGER_PROPOSALS_MAX || (size_t)(limit - *at) < count * sizeof(struct stored_proposal))
        return ERR_CORRUPT;
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        struct stored_proposal stored;
        memcpy(&stored, *at, sizeof stored);
        *at += sizeof stored;
        err = one_load(self, &stored);
    }
    return err;
}
