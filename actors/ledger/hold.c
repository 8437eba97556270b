/* Decide: opening, capturing, releasing and expiring holds; and looking at them. */
#include "actors/ledger/hold.h"

#include "actors/ledger/core.h"

static struct verdict verdict_of(enum code code, enum field field)
{
    return (struct verdict){code, field};
}

/* ---- facts -------------------------------------------------------------------------------------------- */

/* NULL: none. Trailers are rare, and most commands are spared the measuring. */
static const struct fact_strings *strings_of(const struct ledger_command *command, struct fact_strings *space)
{
    if (!command || command->memo.length + command->reference.length == 0)
        return NULL;
    *space = posting_strings((struct str){0}, command->memo, command->reference);
    return space;
}

static bool append(struct ledger *self, void *fact, size_t size, const struct fact_strings *strings)
{
    size_t trailer = strings ? fact_strings_size(strings) : 0;
    uint8_t *room = id_table_ensure(&self->ids, 2) ? core_fact_room(self, size + trailer) : NULL;
    if (!room) {
        MARK("no memory for a step of a hold");
        return false;
    }
    struct fact_head head;
    memcpy(&head, fact, sizeof head);
    head.words = (uint16_t)((size + trailer) / FACT_WORD);
    memcpy(fact, &head, sizeof head);
    memcpy(room, fact, size);
    if (trailer > 0)
        fact_strings_write(strings, room + size);
    core_fact_commit(self, size + trailer);
    return true;
}

/* Lets all go that an open hold holds. */
static bool append_end(struct ledger *self, enum fact_kind kind, uint32_t slot,
                       const struct ledger_command *command)
{
    const struct hold *hold = hold_at(&self->holds, slot);
    const struct account *account = account_at(&self->accounts, hold->account);
    struct fact_hold fact = {
        .head = {.kind = (uint8_t)kind},
        .account = hold->account,
        .previous = account->last_position,
        .opened = hold->opened,
        .slot = slot,
        .amount = hold->held,
        .balance = account->balance,
        .pending = account->pending - hold->held,
        .expires_us = hold->expires_us,
        .hold = hold->id,
    };
    struct fact_strings space;
    if (command)
        fact.id = command->id;
    return append(self, &fact, sizeof fact, strings_of(command, &space));
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static struct verdict decide_open(struct ledger *self, const struct ledger_command *command, uint32_t index)
{
    const struct account *account = account_at(&self->accounts, index);
    struct verdict verdict = posting_check_debit(account, command->currency, command->amount, 0);
    if (verdict.code != CODE_OK)
        return verdict;
    uint32_t slot = hold_free_slot(&self->holds);
    struct fact_hold fact = {
        .head = {.kind = FACT_HOLD_OPENED},
        .account = index,
        .previous = account->last_position,
        .slot = slot,
        .amount = command->amount,
        .balance = account->balance,
        .pending = account->pending + command->amount,
        .expires_us = command->expires_us,
        .id = command->id,
        .hold = command->id,
    };
    struct fact_strings space;
    bool done = hold_room(self, slot) && append(self, &fact, sizeof fact, strings_of(command, &space));
    return verdict_of(done ? CODE_OK : CODE_BUSY, FIELD_NONE);
}

/* ---- capture and release -------------------------------------------------------------------------------- */

static bool is_due(const struct ledger *self, const struct hold *hold)
{
    return hold->expires_us != 0 && hold->expires_us <= self->now_us;
}

/* The open hold that a capture or release names. */
static struct verdict find_open(struct ledger *self, const struct ledger_command *command, uint32_t index,
                                uint32_t *slot)
{
    uint64_t opened;
    *slot = hold_find(&self->holds, &command->of, hold_hash(&self->holds, &command->of));
    if (*slot == HOLD_NONE) {
        MARK("a step on a hold that has ended or never was");
        return verdict_of(hold_ending(self, index, &command->of, &opened), FIELD_HOLD);
    }
    const struct hold *hold = hold_at(&self->holds, *slot);
    if (hold->account != index) {
        MARK("a step on a hold of another account");
        return verdict_of(CODE_HOLD_NOT_FOUND, FIELD_HOLD);
    }
    if (is_due(self, hold)) {
        MARK("a step on a hold whose time has come, though nothing says so yet");
        return verdict_of(CODE_HOLD_EXPIRED, FIELD_HOLD);
    }
    return verdict_of(CODE_OK, FIELD_NONE);
}

static bool append_capture(struct ledger *self, const struct ledger_command *command, uint32_t slot,
                           uint32_t house, int64_t amount)
{
    const struct hold *hold = hold_at(&self->holds, slot);
    const struct account *from = account_at(&self->accounts, hold->account);
    const struct account *to = account_at(&self->accounts, house);
    bool keeps = command->flags & COMMAND_KEEPS_REST;
    struct fact_capture fact = {
        .posting =
            {
                .head = {.kind = FACT_HOLD_CAPTURED},
                .debit = hold->account,
                .credit = house,
                .debit_previous = fact_position48_make(from->last_position),
                .credit_previous = fact_position48_make(to->last_position),
                .amount = amount,
                .debit_balance = from->balance - amount,
                .credit_balance = to->balance + amount,
                .id = command->id,
            },
        .hold = hold->id,
        .opened = hold->opened,
        .slot = slot,
        .flags = (keeps ? FACT_CAPTURE_KEEPS_REST : 0u) | (command->amount == 0 ? FACT_CAPTURE_ALL : 0u),
        .released = keeps ? 0 : hold->held - amount,
        .kept = keeps ? hold->held - amount : 0,
        .pending = from->pending - (keeps ? amount : hold->held),
    };
    struct fact_strings space;
    struct book_trailer booked;
    const struct fact_strings *strings = strings_of(command, &space);
    if (from->flags & ACCOUNT_HAS_BOOK) {
        book_fill(self, hold->account, house, amount, strings, &booked);
        strings = &booked.strings;
    }
    return append(self, &fact, sizeof fact, strings);
}

static struct verdict decide_capture(struct ledger *self, const struct ledger_command *command,
                                     uint32_t index)
{
    uint32_t slot;
    const struct account *account = account_at(&self->accounts, index);
    struct verdict verdict = find_open(self, command, index, &slot);
    if (verdict.code == CODE_OK)
        verdict = posting_check_usable(account, command->currency, FIELD_FROM_ACCOUNT);
    if (verdict.code != CODE_OK)
        return verdict;
    int64_t held = hold_at(&self->holds, slot)->held;
    int64_t amount = command->amount ? command->amount : held;
    if (amount > held)
        return verdict_of(CODE_HOLD_EXCEEDED, FIELD_AMOUNT);
    verdict =
        posting_check_debit(account, command->currency, amount, -held); /* what is held is there for it */
    if (verdict.code != CODE_OK) {
        MARK("a capture is refused because the limit of its account has changed");
        return verdict;
    }
    uint32_t house = posting_house(self, command->currency);
    if (house == ACCOUNT_NONE)
        return verdict_of(CODE_BUSY, FIELD_NONE);
    verdict = posting_check_house(self, house, amount);
    if (verdict.code == CODE_OK && !append_capture(self, command, slot, house, amount))
        verdict.code = CODE_BUSY;
    return verdict;
}

static struct verdict decide_release(struct ledger *self, const struct ledger_command *command,
                                     uint32_t index)
{
    uint32_t slot;
    struct verdict verdict = find_open(self, command, index, &slot);
    if (verdict.code == CODE_OK && !append_end(self, FACT_HOLD_RELEASED, slot, command))
        verdict.code = CODE_BUSY;
    return verdict;
}

struct verdict hold_check_moment(const struct ledger *self, const struct ledger_command *command)
{
    if (command->kind != COMMAND_HOLD)
        return verdict_of(CODE_OK, FIELD_NONE);
    if (command->expires_us != 0 && command->expires_us <= self->now_us) {
        MARK("a hold would expire at once");
        return verdict_of(CODE_DEADLINE_EXCEEDED, FIELD_EXPIRES);
    }
    return verdict_of(self->refuse_new ? CODE_BUSY : CODE_OK, FIELD_NONE);
}

struct verdict hold_decide(struct ledger *self, const struct ledger_command *command, uint32_t account)
{
    if (command->kind == COMMAND_HOLD)
        return decide_open(self, command, account);
    if (command->kind == COMMAND_CAPTURE)
        return decide_capture(self, command, account);
    CHECK(command->kind == COMMAND_RELEASE);
    return decide_release(self, command, account);
}

/* ---- expiry --------------------------------------------------------------------------------------------- */

bool hold_expire(struct ledger *self, uint32_t slot)
{
    bool done = append_end(self, FACT_HOLD_EXPIRED, slot, NULL);
    if (!done)
        MARK("no memory for a hold to expire: it is tried again");
    return done;
}

/* ---- looking ---------------------------------------------------------------------------------------------- */

static uint8_t text_copy(char *out, struct str text)
{
    if (text.length > 0)
        memcpy(out, text.data, text.length);
    out[text.length] = '\0';
    return (uint8_t)text.length;
}

/* What the opening says of a hold. */
static enum code view_load(struct ledger *self, uint64_t opened, struct ledger_hold_view *view)
{
    uint8_t bytes[CORE_FACT_MAX];
    struct fact_hold fact;
    struct fact_strings strings;
    size_t size = core_fact_read_at(self, opened, bytes, sizeof bytes, &view->opened_us);
    if (size < sizeof fact || bytes[0] != FACT_HOLD_OPENED ||
        fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK) {
        MARK("the opening of a hold cannot be read");
        return CODE_UNKNOWN;
    }
    memcpy(&fact, bytes, sizeof fact);
    view->id = fact.id;
    view->opened = opened;
    view->amount = fact.amount;
    view->expires_us = fact.expires_us;
    view->memo_length = text_copy(view->memo, strings.by_tag[FACT_TAG_MEMO]);
    view->reference_length = text_copy(view->reference, strings.by_tag[FACT_TAG_REFERENCE]);
    return CODE_OK;
}

static enum code view_open(struct ledger *self, uint32_t slot, struct ledger_hold_view *view)
{
    const struct hold *hold = hold_at(&self->holds, slot);
    *view = (struct ledger_hold_view){.ended = CODE_OK, .slot = slot, .held = hold->held};
    if (is_due(self, hold)) {
        view->ended = CODE_HOLD_EXPIRED;
        view->held = 0;
    }
    return view_load(self, hold->opened, view);
}

static enum code account_of(const struct ledger *self, struct str id, uint32_t *index)
{
    bool ours = ledger_partition_of(id, self->config.partitions) == self->config.partition;
    *index = account_find(&self->accounts, id, account_hash(&self->accounts, id));
    if (*index != ACCOUNT_NONE)
        return CODE_OK;
    return ours ? CODE_ACCOUNT_NOT_FOUND : CODE_WRONG_PARTITION;
}

enum code ledger_hold_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *id,
                           struct ledger_hold_view *view)
{
    uint32_t index;
    uint64_t opened;
    core_set_now(self, now_us);
    enum code code = account_of(self, account, &index);
    if (code != CODE_OK)
        return code;
    uint32_t slot = hold_find(&self->holds, id, hold_hash(&self->holds, id));
    if (slot != HOLD_NONE) {
        bool own = hold_at(&self->holds, slot)->account == index;
        return own ? view_open(self, slot, view) : CODE_HOLD_NOT_FOUND;
    }
    enum code ended = hold_ending(self, index, id, &opened);
    if (ended == CODE_HOLD_NOT_FOUND)
        return ended;
    *view = (struct ledger_hold_view){.ended = ended, .slot = HOLD_NONE};
    return view_load(self, opened, view);
}

/* The first open hold of an account that was opened behind a position. The slot of the one that was shown last is tried
 * first: where it is still open, the list goes on from there without a search. */
static uint32_t list_from(const struct ledger *self, uint32_t index, const struct ledger_hold_place *after)
{
    uint32_t head = account_more_at(&self->accounts, index)->holds;
    if (head == 0 || after->opened == 0)
        return head - 1;
    if (after->slot < self->holds.count && hold_at(&self->holds, after->slot)->held > 0 &&
        hold_at(&self->holds, after->slot)->opened == after->opened &&
        hold_at(&self->holds, after->slot)->account == index)
        return hold_after(&self->holds, after->slot, head);
    uint32_t slot = head - 1;
    while (slot != HOLD_NONE && hold_at(&self->holds, slot)->opened <= after->opened)
        slot = hold_after(&self->holds, slot, head);
    return slot;
}

enum code ledger_hold_list(struct ledger *self, int64_t now_us, struct str account,
                           const struct ledger_hold_place *after, struct ledger_hold_view *views,
                           size_t limit, size_t *count)
{
    uint32_t index;
    *count = 0;
    core_set_now(self, now_us);
    enum code code = account_of(self, account, &index);
    if (code != CODE_OK)
        return code;
    uint32_t head = account_more_at(&self->accounts, index)->holds;
    uint32_t slot = list_from(self, index, after);
    while (slot != HOLD_NONE && *count < limit && code == CODE_OK) {
        code = view_open(self, slot, &views[*count]);
        if (views[*count].ended == CODE_OK)
            (*count)++;
        slot = hold_after(&self->holds, slot, head);
    }
    return code;
}

bool ledger_hold_at(const struct ledger *self, uint32_t slot, struct ledger_open_hold *out)
{
    if (slot >= self->holds.count)
        return false;
    const struct hold *hold = hold_at(&self->holds, slot);
    *out = (struct ledger_open_hold){.id = hold->id,
                                     .opened = hold->opened,
                                     .last_position = hold->last_position,
                                     .held = hold->held,
                                     .expires_us = hold->expires_us,
                                     .opened_us = hold_more_at(&self->holds, slot)->opened_us,
                                     .account = hold->account,
                                     .slot = slot};
    return true;
}

bool ledger_hold_next(const struct ledger *self, uint32_t from, struct ledger_open_hold *out)
{
    uint32_t slot = from;
    while (ledger_hold_at(self, slot, out) && out->held == 0)
        slot++;
    return slot < self->holds.count;
}
