/* Evolve: remittances; what is asked of stored facts; and what a recovery makes of the slots. */
#include "actors/ledger/hash.h"
#include "actors/ledger/remittance.h"

enum { DEADLINES_OF_ONE = 2 };

void remittance_init(struct ledger *self)
{
    remittance_table_init(&self->remittances, &self->counted, self->config.hash_key);
}

void remittance_deadline_moved(struct ledger *self, const struct deadline *entry, uint32_t index)
{
    struct remittance *remittance = remittance_at(&self->remittances, entry->slot);
    *(entry->owner == DEADLINE_ALARM ? &remittance->alarm_deadline : &remittance->due_deadline) = index;
}

bool remittance_room(struct ledger *self, uint32_t slot)
{
    return remittance_ensure(&self->remittances, slot) &&
           deadlines_ensure(&self->deadlines, self->deadlines.count + DEADLINES_OF_ONE) &&
           checkpoint_ensure(self, CHECKPOINT_CHUNKS_REMITTANCES, slot / REMITTANCE_CHUNK + 1);
}

bool remittance_uses_account(const struct ledger *self, uint32_t account)
{
    uint32_t slot = self->remittances.oldest - 1;
    while (slot != REMITTANCE_NONE && remittance_at(&self->remittances, slot)->account != account)
        slot = remittance_after(&self->remittances, slot);
    return slot != REMITTANCE_NONE;
}

/* ---- evolve -------------------------------------------------------------------------------------------- */

/* What evolve needs of a fact, posting or not. */
struct step {
    struct uuid id;
    uint32_t account;
    int64_t amount;
    uint8_t kind;
    struct fact_remittance_part part;
};

static struct step step_of(const uint8_t *bytes)
{
    struct fact_remittance_posting posting;
    struct fact_remittance plain;
    if (!fact_is_posting(bytes[0])) {
        memcpy(&plain, bytes, sizeof plain);
        return (struct step){plain.id, plain.account, plain.amount, bytes[0], plain.part};
    }
    memcpy(&posting, bytes, sizeof posting);
    bool pays = bytes[0] == FACT_REMITTANCE_WITHDRAWN;
    bool outside = bytes[0] == FACT_REMITTANCE_PULLED || bytes[0] == FACT_REMITTANCE_PAID;
    uint32_t account = pays ? posting.posting.debit : posting.posting.credit;
    return (struct step){posting.posting.id, outside ? ACCOUNT_NONE : account, posting.posting.amount,
                         bytes[0], posting.part};
}

/* A word of the bank about one that has ended: its slot may be another's by now. */
static bool has_no_slot(const struct step *step)
{
    return step->kind == FACT_REMITTANCE_NOTED && remittance_has_ended(step->part.state);
}

/* false: the slot is as after this fact, or later, already. */
static bool slot_takes(struct ledger *self, uint32_t slot, uint64_t position)
{
    if (position < self->checkpoint.restore_position)
        return false;
    if (position <= remittance_at(&self->remittances, slot)->last_position) {
        MARK("a replay passes over a step of a remittance that its slot has already");
        return false;
    }
    remittance_at(&self->remittances, slot)->last_position = position;
    checkpoint_dirty_chunk(self, CHECKPOINT_CHUNKS_REMITTANCES, slot / REMITTANCE_CHUNK);
    return true;
}

static void deadline_put(struct ledger *self, uint32_t slot, enum deadline_owner owner, int64_t due_us)
{
    if (due_us != 0)
        deadlines_put(&self->deadlines,
                      &(struct deadline){due_us, remittance_at(&self->remittances, slot)->requested,
                                         (uint32_t)owner, slot});
}

static void due_set(struct ledger *self, uint32_t slot, int64_t due_us)
{
    struct remittance *remittance = remittance_at(&self->remittances, slot);
    if (remittance->due_us == due_us)
        return;
    if (remittance->due_us != 0)
        deadlines_remove(&self->deadlines, remittance->due_deadline);
    remittance->due_us = due_us;
    deadline_put(self, slot, DEADLINE_REMITTANCE, due_us);
}

static void alarm_set(struct ledger *self, uint32_t slot, int64_t alarm_us)
{
    struct remittance *remittance = remittance_at(&self->remittances, slot);
    if (remittance->alarm_us == alarm_us)
        return;
    if (remittance->alarm_us != 0)
        deadlines_remove(&self->deadlines, remittance->alarm_deadline);
    remittance->alarm_us = alarm_us;
    deadline_put(self, slot, DEADLINE_ALARM, alarm_us);
}

static void part_copy(struct ledger *self, struct remittance *remittance,
                      const struct fact_remittance_part *part)
{
    if (part->state != remittance->state)
        machine_move(&REMITTANCE_STATES, &remittance->state, part->state);
    if (part->call != remittance->call)
        remittance->called_us = self->fact_us;
    remittance->call = part->call;
    remittance->step = part->step;
    remittance->tries = part->tries;
    remittance->rounds = part->rounds;
    remittance->flags = (uint8_t)(part->flags & ~FACT_REMITTANCE_OF_FACT);
    remittance->code = part->code;
}

/* Everything that is derived from a slot. */
static void slot_join(struct ledger *self, uint32_t slot)
{
    const struct remittance *remittance = remittance_at(&self->remittances, slot);
    remittance_table_join(&self->remittances, slot);
    deadline_put(self, slot, DEADLINE_REMITTANCE, remittance->due_us);
    deadline_put(self, slot, DEADLINE_ALARM, remittance->alarm_us);
}

static void slot_open(struct ledger *self, uint64_t position, const struct step *step)
{
    uint32_t slot = step->part.slot;
    struct remittance *remittance = remittance_fill(&self->remittances, slot, &step->id, position);
    remittance->account = step->account;
    remittance->amount = step->amount;
    remittance->requested_us = self->fact_us;
    remittance->due_us = step->part.due_us;
    remittance->alarm_us = step->part.alarm_us;
    part_copy(self, remittance, &step->part);
    if (!self->recovering)
        slot_join(self, slot);
}

static uint32_t lists_of(const struct remittance *remittance)
{
    return remittance_lists(remittance->state, remittance->step, remittance->flags);
}

static void slot_step(struct ledger *self, const struct step *step)
{
    uint32_t slot = step->part.slot;
    struct remittance *remittance = remittance_at(&self->remittances, slot);
    bool ends = remittance_has_ended(step->part.state);
    if (self->recovering) {
        remittance->due_us = step->part.due_us;
        remittance->alarm_us = step->part.alarm_us;
    } else {
        due_set(self, slot, step->part.due_us);
        alarm_set(self, slot, step->part.alarm_us);
    }
    if (ends && !self->recovering)
        remittance_table_leave(&self->remittances, slot);
    uint32_t before = lists_of(remittance);
    part_copy(self, remittance, &step->part);
    if (ends)
        remittance_free(&self->remittances, slot);
    else if (!self->recovering)
        remittance_count(&self->remittances, before, lists_of(remittance));
}

static void evolve_step(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct step step = step_of(bytes);
    uint64_t hash = hash_uuid(&step.id, self->config.hash_key);
    bool opens = step.kind == FACT_REMITTANCE_REQUESTED;
    if (opens)
        id_table_put(&self->ids, hash, position, self->fact_us);
    else
        id_table_move(&self->ids, hash, step.part.previous, position, self->fact_us);
    if (has_no_slot(&step) || !slot_takes(self, step.part.slot, position))
        return;
    if (opens)
        slot_open(self, position, &step);
    else
        slot_step(self, &step);
}

void remittance_evolve(struct ledger *self, uint64_t position, const uint8_t *fact)
{
    evolve_step(self, position, fact);
}

void remittance_note_posting(struct ledger *self, uint64_t position, const uint8_t *fact)
{
    evolve_step(self, position, fact);
}

/* ---- the form of facts ----------------------------------------------------------------------------------- */

/* The states that a fact of this kind may say. */
static uint32_t states_of(uint8_t kind)
{
    const uint32_t posted = MACHINE_TO(REMITTANCE_PULLED) | MACHINE_TO(REMITTANCE_DEPOSITED) |
                            MACHINE_TO(REMITTANCE_WITHDRAWN) | MACHINE_TO(REMITTANCE_COMPLETED) |
                            MACHINE_TO(REMITTANCE_REFUNDED);
    const uint32_t all = MACHINE_TO(REMITTANCE_STATE_COUNT) - 2; /* there is no state 0 */
    if (kind == FACT_REMITTANCE_REQUESTED)
        return MACHINE_TO(REMITTANCE_REQUESTED);
    if (kind == FACT_REMITTANCE_MOVED)
        return all & ~posted & ~MACHINE_TO(REMITTANCE_REQUESTED);
    if (kind == FACT_REMITTANCE_PULLED)
        return MACHINE_TO(REMITTANCE_PULLED);
    if (kind == FACT_REMITTANCE_DEPOSITED)
        return MACHINE_TO(REMITTANCE_DEPOSITED);
    if (kind == FACT_REMITTANCE_WITHDRAWN)
        return MACHINE_TO(REMITTANCE_WITHDRAWN);
    if (kind == FACT_REMITTANCE_PAID)
        return MACHINE_TO(REMITTANCE_COMPLETED) | MACHINE_TO(REMITTANCE_REFUNDED) |
               MACHINE_TO(REMITTANCE_RESOLVED);
    if (kind == FACT_REMITTANCE_RETURNED)
        return MACHINE_TO(REMITTANCE_CANCELLED) | MACHINE_TO(REMITTANCE_RESOLVED);
    return all;
}

/* The steps at which a remittance may be in a state. */
static uint32_t steps_of(uint8_t state)
{
    const uint32_t any = 0x3e;
    if (state == REMITTANCE_DEAD_LETTER)
        return any & ~MACHINE_TO(REMITTANCE_STEP_PULL);
    if (state == REMITTANCE_REQUESTED || state == REMITTANCE_FAILED)
        return MACHINE_TO(REMITTANCE_STEP_PULL);
    for (uint8_t step = REMITTANCE_STEP_PULL; step <= REMITTANCE_STEP_REFUND; step++) {
        int phase = remittance_step_calls(step) ? REMITTANCE_PHASE_CALLED : REMITTANCE_PHASE_WAITING;
        for (; phase < REMITTANCE_PHASES; phase++) {
            if (remittance_state_of(step, (enum remittance_phase)phase) == (enum remittance_state)state)
                return MACHINE_TO(step);
        }
    }
    return any;
}

/* The ledger goes on by itself from here. */
static bool may_be_due(uint8_t state, uint8_t step)
{
    const uint32_t fleeting = MACHINE_TO(REMITTANCE_REQUESTED) | MACHINE_TO(REMITTANCE_PULLED) |
                              MACHINE_TO(REMITTANCE_DEPOSITED) | MACHINE_TO(REMITTANCE_WITHDRAWN);
    return (fleeting & MACHINE_TO(state)) != 0 ||
           remittance_state_of(step, REMITTANCE_PHASE_WAITING) == (enum remittance_state)state ||
           remittance_state_of(step, REMITTANCE_PHASE_LISTED) == (enum remittance_state)state;
}

static bool tags_fit(const struct step *step, const struct fact_strings *strings)
{
    const uint32_t words = 1u << FACT_TAG_REASON | 1u << FACT_TAG_OPERATOR | 1u << FACT_TAG_BANK_REFERENCE;
    const uint32_t texts = 1u << FACT_TAG_BANK | 1u << FACT_TAG_MEMO | 1u << FACT_TAG_REFERENCE;
    const uint32_t parties = 1u << FACT_TAG_PAYER | 1u << FACT_TAG_PAYEE;
    bool opens = step->kind == FACT_REMITTANCE_REQUESTED, posts = fact_is_posting(step->kind);
    uint32_t allowed = opens ? texts | parties : posts ? words | texts : words;
    uint32_t present = 0;
    for (int tag = 1; tag < FACT_TAG_COUNT; tag++) {
        if (strings->by_tag[tag].data)
            present |= 1u << tag;
    }
    const uint32_t needed = opens ? parties | 1u << FACT_TAG_BANK : posts ? 1u << FACT_TAG_BANK : 0;
    bool named = present & 1u << FACT_TAG_OPERATOR;
    bool by_operator = step->part.flags & FACT_REMITTANCE_BY_OPERATOR;
    return (present & ~allowed) == 0 && (present & needed) == needed && named == by_operator;
}

static bool part_is_good(const struct step *step)
{
    const struct fact_remittance_part *part = &step->part;
    bool opens = step->kind == FACT_REMITTANCE_REQUESTED;
    if (part->state >= REMITTANCE_STATE_COUNT || !(states_of(step->kind) & MACHINE_TO(part->state)) ||
        part->step > REMITTANCE_STEP_REFUND || !(steps_of(part->state) & MACHINE_TO(part->step)))
        return false;
    if (remittance_has_ended(part->state) &&
        (part->due_us != 0 || part->alarm_us != 0 || (part->flags & FACT_REMITTANCE_ALARMED)))
        return false;
    if ((part->flags & FACT_REMITTANCE_ALARM_OVER) &&
        (!remittance_has_ended(part->state) || step->kind == FACT_REMITTANCE_NOTED))
        return false;
    if (opens ? part->requested != 0 || part->previous != 0 || part->call != 0
              : part->requested < FACT_FIRST || part->previous < part->requested)
        return false;
    if (part->due_us < 0 || (part->due_us > 0 && !may_be_due(part->state, part->step)))
        return false;
    return part->alarm_us >= 0 && part->slot < LEDGER_REMITTANCES_MAX &&
           part->flags <= (FACT_REMITTANCE_OPERATOR_REFUNDS | FACT_REMITTANCE_ALARMED |
                           FACT_REMITTANCE_CONTRADICTED | FACT_REMITTANCE_OF_FACT) &&
           part->code < CODE_COUNT &&
           (part->about == 0 ||
            (step->kind == FACT_REMITTANCE_NOTED && (part->flags & FACT_REMITTANCE_CONTRADICTED)));
}

enum err remittance_fact_check(const uint8_t *bytes, size_t size)
{
    struct fact_strings strings;
    struct step step = step_of(bytes);
    size_t fixed = fact_fixed_size(bytes[0]);
    enum err err = fact_strings_read(bytes + fixed, size - fixed, &strings);
    if (err != ERR_OK)
        return err;
    bool good = bytes[1] == 0 && step.amount >= 1 && step.amount <= MONEY_MAX && !uuid_is_nil(&step.id) &&
                part_is_good(&step) && tags_fit(&step, &strings);
    return good ? ERR_OK : ERR_CORRUPT;
}

/* ---- stored facts ---------------------------------------------------------------------------------------- */

/* An account that a remittance may be of is there. */
static bool account_is_there(const struct ledger *self, uint32_t index)
{
    return index < self->accounts.count && account_at(&self->accounts, index)->id_length > 0 &&
           !(account_at(&self->accounts, index)->flags & (ACCOUNT_IS_HOUSE | ACCOUNT_HAS_BOOK));
}

static enum err opening_fits(struct ledger *self, uint64_t position, const struct step *step)
{
    uint32_t slot = step->part.slot;
    const struct remittance_table *table = &self->remittances;
    if (!account_is_there(self, step->account) || slot > table->count)
        return ERR_CORRUPT;
    if (slot < table->count && position > remittance_at(table, slot)->last_position &&
        remittance_at(table, slot)->state != 0)
        return ERR_CORRUPT;
    return remittance_room(self, slot) ? ERR_OK : ERR_NO_MEMORY;
}

/* The fact continues what its slot holds. */
static bool step_fits(const struct remittance *remittance, const struct step *step)
{
    const struct fact_remittance_part *part = &step->part;
    bool is_same = part->requested == remittance->requested && part->previous == remittance->last_position &&
                   uuid_equal(&step->id, &remittance->id) && step->amount == remittance->amount &&
                   (step->account == remittance->account || step->account == ACCOUNT_NONE);
    if (!is_same || remittance->state == 0)
        return false;
    if (step->kind == FACT_REMITTANCE_NOTED)
        return part->state == remittance->state && part->step == remittance->step &&
               part->call == remittance->call;
    bool calls = remittance_step_calls(part->step) &&
                 remittance_state_of(part->step, REMITTANCE_PHASE_CALLED) == part->state;
    return machine_allows(&REMITTANCE_STATES, remittance->state, part->state) &&
           part->call == remittance->call + calls;
}

/* A posting stands between the house accounts of the currency, and the remittance's account. */
static bool sides_fit(const struct ledger *self, const uint8_t *bytes, uint32_t account)
{
    struct fact_posting posting;
    memcpy(&posting, bytes, sizeof posting);
    currency_index currency = account_at(&self->accounts, account)->currency;
    uint32_t clearing = self->houses[HOUSE_KIND_REMITTANCE][currency];
    uint32_t bank = self->houses[HOUSE_KIND_BANK][currency];
    if (bytes[0] == FACT_REMITTANCE_PULLED)
        return posting.debit == bank && posting.credit == clearing;
    if (bytes[0] == FACT_REMITTANCE_PAID)
        return posting.debit == clearing && posting.credit == bank;
    return (bytes[0] == FACT_REMITTANCE_WITHDRAWN ? posting.credit : posting.debit) == clearing;
}

enum err remittance_fits(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct step step = step_of(bytes);
    if (!id_table_ensure(&self->ids, 1))
        return ERR_NO_MEMORY;
    if (step.kind != FACT_REMITTANCE_REQUESTED && step.part.previous >= position)
        return ERR_CORRUPT;
    if (position < self->checkpoint.restore_position || has_no_slot(&step))
        return ERR_OK;
    if (step.kind == FACT_REMITTANCE_REQUESTED)
        return opening_fits(self, position, &step);
    if (step.part.slot >= self->remittances.count)
        return ERR_CORRUPT;
    const struct remittance *remittance = remittance_at(&self->remittances, step.part.slot);
    if (position <= remittance->last_position)
        return ERR_OK;
    bool fits = step_fits(remittance, &step) &&
                (!fact_is_posting(bytes[0]) || sides_fit(self, bytes, remittance->account));
    return fits ? ERR_OK : ERR_CORRUPT;
}

/* ---- what is derived ------------------------------------------------------------------------------------- */

static void unmoved(void *context, const struct deadline *entry, uint32_t index)
{
    (void)context, (void)entry, (void)index;
}

static bool slot_rejoin(struct ledger *self, uint32_t slot)
{
    const struct remittance *remittance = remittance_at(&self->remittances, slot);
    if (!account_is_there(self, remittance->account) ||
        remittance_find(&self->remittances, &remittance->id) != REMITTANCE_NONE) {
        MARK("a remittance comes back without its account, or twice");
        return false;
    }
    slot_join(self, slot);
    return true;
}

/* A heap by position gives them in order of their requests. */
static enum err rejoin_all(struct ledger *self, struct deadlines *order)
{
    for (uint32_t slot = 0; slot < self->remittances.count; slot++) {
        const struct remittance *remittance = remittance_at(&self->remittances, slot);
        if (remittance->state != 0)
            deadlines_put(
                order, &(struct deadline){(int64_t)remittance->requested, slot, DEADLINE_REMITTANCE, slot});
    }
    for (; deadlines_first(order); deadlines_remove(order, 0)) {
        if (!slot_rejoin(self, deadlines_first(order)->slot))
            return ERR_CORRUPT;
    }
    return ERR_OK;
}

enum err remittance_rebuild(struct ledger *self)
{
    struct deadlines order;
    size_t open = self->remittances.open_count;
    if (open == 0)
        return ERR_OK;
    MARK("open remittances come back from a restart");
    deadlines_init(&order, &self->counted, unmoved, NULL);
    bool room = deadlines_ensure(&order, open) &&
                deadlines_ensure(&self->deadlines, self->deadlines.count + open * DEADLINES_OF_ONE);
    enum err err = room ? rejoin_all(self, &order) : ERR_NO_MEMORY;
    deadlines_release(&order);
    return err;
}

/* ---- invariants ------------------------------------------------------------------------------------------ */

static bool deadline_is_there(const struct ledger *self, uint32_t slot, enum deadline_owner owner,
                              int64_t due_us, uint32_t index)
{
    const struct deadline *entry = &self->deadlines.heap[index];
    return due_us == 0 || (index < self->deadlines.count && entry->slot == slot &&
                           entry->owner == (uint32_t)owner && entry->due_us == due_us);
}

static const char *slot_broken(const struct ledger *self, uint32_t slot)
{
    const struct remittance *at = remittance_at(&self->remittances, slot);
    if (at->last_position >= self->position)
        return "a slot of remittances knows its last fact";
    if (at->state == 0)
        return NULL;
    if (at->requested < FACT_FIRST || at->requested > at->last_position ||
        !account_is_there(self, at->account))
        return "a remittance was requested before it went on, for an account";
    if (account_at(&self->accounts, at->account)->state == ACCOUNT_CLOSED)
        return "an account with an open remittance is not closed";
    if (!deadline_is_there(self, slot, DEADLINE_REMITTANCE, at->due_us, at->due_deadline) ||
        !deadline_is_there(self, slot, DEADLINE_ALARM, at->alarm_us, at->alarm_deadline))
        return "a remittance stands among the deadlines";
    return NULL;
}

/* What is between two steps stands in clearing. */
static const char *clearing_broken(const struct ledger *self)
{
    __int128 sums[256] = {0};
    for (uint32_t slot = 0; slot < self->remittances.count; slot++) {
        const struct remittance *at = remittance_at(&self->remittances, slot);
        if (at->state != 0 && remittance_money(at->state, at->step) == REMITTANCE_MONEY_CLEARING)
            sums[account_at(&self->accounts, at->account)->currency] += at->amount;
    }
    for (size_t currency = 0; currency < 256; currency++) {
        uint32_t house = self->houses[HOUSE_KIND_REMITTANCE][currency];
        int64_t balance = house == ACCOUNT_NONE ? 0 : account_at(&self->accounts, house)->balance;
        if (balance != sums[currency])
            return "the remittance account holds what remittances have between two steps";
    }
    return NULL;
}

const char *remittance_broken(const struct ledger *self)
{
    uint32_t due = 0;
    const char *broken = remittance_table_broken(&self->remittances);
    for (uint32_t slot = 0; slot < self->remittances.count && !broken; slot++) {
        const struct remittance *at = remittance_at(&self->remittances, slot);
        due += (uint32_t)(at->due_us != 0) + (uint32_t)(at->alarm_us != 0);
        broken = slot_broken(self, slot);
    }
    for (uint32_t i = 0; i < self->deadlines.count; i++)
        due -= self->deadlines.heap[i].owner != DEADLINE_HOLD;
    if (!broken && due != 0)
        broken = "every remittance that is due has its deadlines";
    return broken ? broken : clearing_broken(self);
}

/* ---- the state store ------------------------------------------------------------------------------------- */

size_t remittance_chunk_bound(void)
{
    return REMITTANCE_CHUNK * sizeof(struct checkpoint_remittance);
}

uint8_t *remittance_chunk_store(const struct ledger *self, uint32_t chunk, uint8_t *at)
{
    uint32_t first = chunk * REMITTANCE_CHUNK;
    for (uint32_t slot = first; slot < first + REMITTANCE_CHUNK && slot < self->remittances.count; slot++) {
        const struct remittance *from = remittance_at(&self->remittances, slot);
        struct checkpoint_remittance stored = {
            .id = from->id,
            .requested = from->requested,
            .last_position = from->last_position,
            .amount = from->amount,
            .due_us = from->due_us,
            .alarm_us = from->alarm_us,
            .requested_us = from->requested_us,
            .called_us = from->called_us,
            .account = from->account,
            .slot = slot,
            .call = from->call,
            .state = from->state,
            .step = from->step,
            .tries = from->tries,
            .rounds = from->rounds,
            .flags = from->flags,
            .code = from->code,
        };
        memcpy(at, &stored, sizeof stored);
        at += sizeof stored;
    }
    return at;
}

static bool stored_is_good(const struct checkpoint_remittance *stored)
{
    if (stored->state == 0)
        return stored->requested == 0;
    return stored->state < REMITTANCE_COMPLETED && stored->step <= REMITTANCE_STEP_REFUND &&
           (steps_of(stored->state) & MACHINE_TO(stored->step)) && stored->amount >= 1 &&
           stored->amount <= MONEY_MAX && stored->due_us >= 0 && stored->alarm_us >= 0 &&
           (stored->due_us == 0 || may_be_due(stored->state, stored->step)) &&
           stored->requested >= FACT_FIRST && stored->requested <= stored->last_position &&
           stored->code < CODE_COUNT && !uuid_is_nil(&stored->id) &&
           !(stored->flags & FACT_REMITTANCE_OF_FACT);
}

/* Chunks come in order, and slots are used from the lowest on, so that none is missing before this one. Its account may
 * come with a later fact: remittance_rebuild looks for it. */
static enum err slot_load(struct ledger *self, const struct checkpoint_remittance *stored)
{
    if (stored->slot != self->remittances.count || stored->slot >= LEDGER_REMITTANCES_MAX ||
        !stored_is_good(stored))
        return ERR_CORRUPT;
    if (!remittance_room(self, stored->slot))
        return ERR_NO_MEMORY;
    struct uuid id = stored->id;
    struct remittance *to = remittance_fill(&self->remittances, stored->slot, &id, stored->requested);
    to->last_position = stored->last_position;
    to->amount = stored->amount;
    to->due_us = stored->due_us;
    to->alarm_us = stored->alarm_us;
    to->requested_us = stored->requested_us;
    to->called_us = stored->called_us;
    to->account = stored->account;
    to->call = stored->call;
    to->state = stored->state;
    to->step = stored->step;
    to->tries = stored->tries;
    to->rounds = stored->rounds;
    to->flags = stored->flags;
    to->code = stored->code;
    if (stored->state == 0)
        remittance_free(&self->remittances, stored->slot);
    return ERR_OK;
}

enum err remittance_chunk_load(struct ledger *self, const uint8_t *value, size_t length)
{
    enum err err = length % sizeof(struct checkpoint_remittance) == 0 ? ERR_OK : ERR_CORRUPT;
    for (size_t at = 0; at < length && err == ERR_OK; at += sizeof(struct checkpoint_remittance)) {
        struct checkpoint_remittance stored;
        memcpy(&stored, value + at, sizeof stored);
        err = slot_load(self, &stored);
    }
    return err;
}
