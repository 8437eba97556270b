/* Decide: how a remittance goes on: the next step, the next try, the next round, giving up; and how one move is written. */
#include "actors/ledger/remittance.h"

enum { IDS_OF_ONE = 1, DEADLINES_OF_ONE = 2 };

enum remittance_state remittance_state_of(uint8_t step, enum remittance_phase phase)
{
    static const enum remittance_state states[][REMITTANCE_PHASES] = {
        [REMITTANCE_STEP_PULL] = {REMITTANCE_PULLING, REMITTANCE_PULL_UNKNOWN, REMITTANCE_PULL_WAITING,
                                  REMITTANCE_PULL_FAILED, REMITTANCE_PULLED},
        [REMITTANCE_STEP_DEPOSIT] = {0, 0, REMITTANCE_DEPOSIT_WAITING, REMITTANCE_DEPOSIT_FAILED,
                                     REMITTANCE_DEPOSITED},
        [REMITTANCE_STEP_WITHDRAWAL] = {0, 0, REMITTANCE_WITHDRAWAL_WAITING, REMITTANCE_WITHDRAWAL_FAILED,
                                        REMITTANCE_WITHDRAWN},
        [REMITTANCE_STEP_PUSH] = {REMITTANCE_PUSHING, REMITTANCE_PUSH_UNKNOWN, REMITTANCE_PUSH_WAITING,
                                  REMITTANCE_PUSH_FAILED, REMITTANCE_COMPLETED},
        [REMITTANCE_STEP_REFUND] = {REMITTANCE_REFUNDING, REMITTANCE_REFUND_UNKNOWN,
                                    REMITTANCE_REFUND_WAITING, REMITTANCE_REFUND_FAILED, REMITTANCE_REFUNDED},
    };
    CHECK(step >= REMITTANCE_STEP_PULL && step <= REMITTANCE_STEP_REFUND);
    enum remittance_state state = states[step][phase];
    CHECK(state != 0);
    return state;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

bool remittance_effects_ensure(struct ledger *self)
{
    struct unit_buffer *buffer = self->current;
    const struct ledger_unit *unit = &buffer->unit;
    return core_grow(self, (void **)&buffer->call_list, &buffer->call_capacity, unit->call_count + 1,
                     sizeof *buffer->call_list) &&
           core_grow(self, (void **)&buffer->ack_list, &buffer->ack_capacity, unit->ack_count + 1,
                     sizeof *buffer->ack_list) &&
           core_grow(self, (void **)&buffer->alarm_list, &buffer->alarm_capacity, unit->alarm_count + 1,
                     sizeof *buffer->alarm_list);
}

/* How it was requested. false: that cannot be read. */
static bool request_read(struct ledger *self, struct remittance_case *on)
{
    uint64_t requested = remittance_at(&self->remittances, on->slot)->requested;
    if (!on->is_read)
        on->is_read = remittance_read(self, requested, &on->requested) == CODE_OK;
    return on->is_read;
}

static struct fact_remittance_part part_of(const struct remittance *remittance, uint32_t slot,
                                           const struct remittance_move *move, bool by_operator)
{
    bool ends = remittance_has_ended(move->state);
    unsigned flags = remittance->flags | move->flags;
    if (by_operator)
        flags |= FACT_REMITTANCE_BY_OPERATOR;
    if (ends && (remittance->flags & FACT_REMITTANCE_ALARMED)) {
        flags &= ~(unsigned)FACT_REMITTANCE_ALARMED;
        flags |= FACT_REMITTANCE_ALARM_OVER;
    }
    return (struct fact_remittance_part){
        .requested = remittance->requested,
        .previous = remittance->last_position,
        .due_us = move->due_us,
        .alarm_us = ends || (flags & FACT_REMITTANCE_ALARMED) ? 0 : remittance->alarm_us,
        .slot = slot,
        .call = remittance->call + move->calls,
        .state = move->state,
        .step = move->at.step,
        .tries = move->at.tries,
        .rounds = move->at.rounds,
        .flags = (uint8_t)flags,
        .code = move->code,
        .about = move->about,
    };
}

bool remittance_append(struct ledger *self, const void *fact, size_t fixed,
                       const struct remittance_words *words, const struct remittance_fact *requested)
{
    static const enum fact_tag said[] = {FACT_TAG_BANK, FACT_TAG_MEMO, FACT_TAG_REFERENCE};
    struct fact_strings strings = {0};
    strings.by_tag[FACT_TAG_REASON] = words->reason;
    strings.by_tag[FACT_TAG_OPERATOR] = words->operator_name;
    strings.by_tag[FACT_TAG_BANK_REFERENCE] = words->bank_reference;
    for (size_t i = 0; requested && i < sizeof said / sizeof *said; i++)
        strings.by_tag[said[i]] = requested->strings.by_tag[said[i]];
    size_t size = fixed + fact_strings_size(&strings);
    uint8_t *room = core_fact_room(self, size);
    if (!room) {
        MARK("no memory for a fact of a remittance");
        return false;
    }
    struct fact_head head;
    memcpy(room, fact, fixed);
    memcpy(&head, fact, sizeof head);
    head.words = (uint16_t)(size / FACT_WORD);
    memcpy(room, &head, sizeof head);
    fact_strings_write(&strings, room + fixed);
    core_fact_commit(self, size);
    return true;
}

static bool write_plain(struct ledger *self, const struct remittance_case *on,
                        const struct remittance_move *move)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    struct fact_remittance fact = {
        .head = {.kind = move->kind},
        .account = remittance->account,
        .id = remittance->id,
        .amount = remittance->amount,
        .part = part_of(remittance, on->slot, move, on->words.operator_name.length > 0),
    };
    return remittance_append(self, &fact, sizeof fact, &on->words, NULL);
}

/* The two accounts of a posting of this kind. false: no memory for one of ours. */
static bool sides_of(struct ledger *self, uint8_t kind, uint32_t account, uint32_t *debit, uint32_t *credit)
{
    currency_index currency = account_at(&self->accounts, account)->currency;
    bool outside = kind == FACT_REMITTANCE_PULLED || kind == FACT_REMITTANCE_PAID;
    uint32_t clearing = posting_house_of(self, HOUSE_KIND_REMITTANCE, currency);
    uint32_t other = outside ? posting_house_of(self, HOUSE_KIND_BANK, currency) : account;
    bool comes = kind == FACT_REMITTANCE_PULLED || kind == FACT_REMITTANCE_WITHDRAWN;
    *debit = comes ? other : clearing;
    *credit = comes ? clearing : other;
    return clearing != ACCOUNT_NONE && other != ACCOUNT_NONE;
}

static bool write_posting(struct ledger *self, struct remittance_case *on, const struct remittance_move *move)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    uint32_t debit, credit;
    if (!request_read(self, on) || !sides_of(self, move->kind, remittance->account, &debit, &credit))
        return false;
    const struct account *from = account_at(&self->accounts, debit);
    const struct account *to = account_at(&self->accounts, credit);
    struct fact_remittance_posting fact = {
        .posting =
            {
                .head = {.kind = move->kind},
                .debit = debit,
                .credit = credit,
                .debit_previous = fact_position48_make(from->last_position),
                .credit_previous = fact_position48_make(to->last_position),
                .amount = remittance->amount,
                .debit_balance = from->balance - remittance->amount,
                .credit_balance = to->balance + remittance->amount,
                .id = remittance->id,
            },
        .part = part_of(remittance, on->slot, move, on->words.operator_name.length > 0),
    };
    return remittance_append(self, &fact, sizeof fact, &on->words, &on->requested);
}

void remittance_alarm_add(struct ledger *self, const struct ledger_alarm *alarm)
{
    struct unit_buffer *buffer = self->current;
    buffer->alarm_list[buffer->unit.alarm_count++] = *alarm;
}

bool remittance_write(struct ledger *self, struct remittance_case *on, const struct remittance_move *move)
{
    const struct remittance before = *remittance_at(&self->remittances, on->slot);
    bool room = id_table_ensure(&self->ids, IDS_OF_ONE) && remittance_effects_ensure(self) &&
                deadlines_ensure(&self->deadlines, self->deadlines.count + DEADLINES_OF_ONE);
    if (!room || (move->calls && !request_read(self, on))) {
        MARK("no memory for a step of a remittance");
        return false;
    }
    bool done = fact_is_posting(move->kind) ? write_posting(self, on, move) : write_plain(self, on, move);
    if (!done)
        return false;
    on->words = (struct remittance_words){0};
    if (move->calls)
        remittance_call_add(self, on);
    struct ledger_alarm alarm = {
        .remittance = before.id, .since_us = before.requested_us, .state = move->state};
    alarm.is_over = remittance_has_ended(move->state) && (before.flags & FACT_REMITTANCE_ALARMED);
    alarm.is_contradiction = move->flags & FACT_REMITTANCE_CONTRADICTED;
    if (alarm.is_over || move->flags != 0)
        remittance_alarm_add(self, &alarm);
    return true;
}

/* ---- tries --------------------------------------------------------------------------------------------- */

static bool call(struct ledger *self, struct remittance_case *on, struct remittance_try at, enum code code)
{
    struct remittance_move move = {
        .kind = FACT_REMITTANCE_MOVED,
        .state = (uint8_t)remittance_state_of(at.step, REMITTANCE_PHASE_CALLED),
        .at = at,
        .code = (uint8_t)code,
        .calls = true,
    };
    return remittance_write(self, on, &move);
}

static bool is_contradicted(const struct ledger *self, const struct remittance_case *on)
{
    return remittance_at(&self->remittances, on->slot)->flags & FACT_REMITTANCE_CONTRADICTED;
}

/* The step will not be tried any more. */
static bool give_up(struct ledger *self, struct remittance_case *on, struct remittance_try at, enum code code)
{
    bool by_operator = remittance_at(&self->remittances, on->slot)->flags & FACT_REMITTANCE_OPERATOR_REFUNDS;
    bool returns = at.step == REMITTANCE_STEP_DEPOSIT || at.step == REMITTANCE_STEP_PUSH;
    if (returns && !by_operator) {
        MARK("a remittance goes back to its payer");
        return call(self, on, (struct remittance_try){REMITTANCE_STEP_REFUND, 1, 0}, code);
    }
    struct remittance_move move = {
        .kind = FACT_REMITTANCE_MOVED,
        .state = at.step == REMITTANCE_STEP_PULL ? REMITTANCE_FAILED : REMITTANCE_DEAD_LETTER,
        .at = at,
        .code = (uint8_t)code,
    };
    return remittance_write(self, on, &move);
}

/* On the step's list, without a time to go on. */
static bool list(struct ledger *self, struct remittance_case *on, struct remittance_try at, enum code code)
{
    struct remittance_move move = {
        .kind = FACT_REMITTANCE_MOVED,
        .state = (uint8_t)remittance_state_of(at.step, REMITTANCE_PHASE_LISTED),
        .at = at,
        .code = (uint8_t)code,
    };
    return remittance_write(self, on, &move);
}

bool remittance_refused(struct ledger *self, struct remittance_case *on, struct remittance_try at,
                        bool is_permanent, enum code code)
{
    if (is_contradicted(self, on)) {
        MARK("what a bank contradicts itself about is not tried again by itself, nor sent back");
        return list(self, on, at, code);
    }
    const struct ledger_remittance_terms *terms = &self->config.remittances;
    bool waits = at.tries < terms->tries;
    if (is_permanent || (!waits && at.rounds >= terms->rounds))
        return give_up(self, on, at, code);
    int64_t pause_us = waits ? terms->retry_us : terms->round_us;
    enum remittance_phase phase = waits ? REMITTANCE_PHASE_WAITING : REMITTANCE_PHASE_LISTED;
    struct remittance_move move = {
        .kind = FACT_REMITTANCE_MOVED,
        .state = (uint8_t)remittance_state_of(at.step, phase),
        .at = at,
        .code = (uint8_t)code,
        .due_us = waits || pause_us > 0 ? self->now_us + pause_us : 0,
    };
    return remittance_write(self, on, &move);
}

struct verdict remittance_check_posting(struct ledger *self, const struct remittance *remittance,
                                        bool to_account)
{
    const struct account *account = account_at(&self->accounts, remittance->account);
    struct verdict verdict = {CODE_BUSY, FIELD_NONE};
    uint32_t clearing = posting_house_of(self, HOUSE_KIND_REMITTANCE, account->currency);
    if (clearing == ACCOUNT_NONE)
        return verdict;
    if (to_account)
        verdict = posting_check_credit(account, account->currency, remittance->amount,
                                       posting_incoming(self, remittance->account));
    else
        verdict = posting_check_debit(account, account->currency, remittance->amount, 0);
    if (verdict.code == CODE_OK && !to_account)
        verdict = posting_check_house(self, clearing, remittance->amount);
    if (verdict.code != CODE_OK)
        verdict.field = FIELD_ACCOUNT; /* a remittance names but one */
    return verdict;
}

static bool try_posting(struct ledger *self, struct remittance_case *on, struct remittance_try at)
{
    bool deposits = at.step == REMITTANCE_STEP_DEPOSIT;
    struct verdict verdict =
        remittance_check_posting(self, remittance_at(&self->remittances, on->slot), deposits);
    if (verdict.code == CODE_BUSY)
        return false;
    if (verdict.code != CODE_OK)
        return remittance_refused(self, on, at, verdict.code == CODE_ACCOUNT_CLOSED, verdict.code);
    struct remittance_move move = {
        .kind = deposits ? FACT_REMITTANCE_DEPOSITED : FACT_REMITTANCE_WITHDRAWN,
        .state = (uint8_t)remittance_state_of(at.step, REMITTANCE_PHASE_DONE),
        .at = at,
        .due_us = self->now_us,
    };
    return remittance_write(self, on, &move);
}

bool remittance_begin(struct ledger *self, struct remittance_case *on, struct remittance_try at)
{
    return remittance_step_calls(at.step) ? call(self, on, at, CODE_OK) : try_posting(self, on, at);
}

/* ---- going on ------------------------------------------------------------------------------------------ */

/* The step that follows a state which needs nobody; 0: it is another. */
static uint8_t step_after(uint8_t state)
{
    static const uint8_t steps[REMITTANCE_STATE_COUNT] = {
        [REMITTANCE_REQUESTED] = REMITTANCE_STEP_PULL,
        [REMITTANCE_PULLED] = REMITTANCE_STEP_DEPOSIT,
        [REMITTANCE_DEPOSITED] = REMITTANCE_STEP_WITHDRAWAL,
        [REMITTANCE_WITHDRAWN] = REMITTANCE_STEP_PUSH,
    };
    return steps[state];
}

void remittance_carry_on(struct ledger *self, struct remittance_case *on)
{
    uint8_t step;
    do {
        step = step_after(remittance_at(&self->remittances, on->slot)->state);
    } while (step != 0 && remittance_begin(self, on, (struct remittance_try){step, 1, 0}));
    if (step != 0)
        MARK("a remittance stays for a moment in a state that needs nobody");
}

struct remittance_try remittance_next_try(const struct remittance *remittance)
{
    uint8_t step = step_after(remittance->state);
    if (step != 0) {
        MARK("a remittance goes on from a state that needs nobody");
        return (struct remittance_try){step, 1, 0};
    }
    if (remittance_is_listed(remittance->state))
        return (struct remittance_try){remittance->step, 1, (uint8_t)(remittance->rounds + 1)};
    return (struct remittance_try){remittance->step, (uint8_t)(remittance->tries + 1), remittance->rounds};
}

bool remittance_due(struct ledger *self, uint32_t slot)
{
    struct remittance_case on;
    remittance_case_init(&on, slot);
    if (!remittance_begin(self, &on, remittance_next_try(remittance_at(&self->remittances, slot))))
        return false;
    remittance_carry_on(self, &on);
    return true;
}

static bool note(struct ledger *self, struct remittance_case *on, uint8_t flag, int64_t due_us,
                 uint16_t about)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    struct remittance_move move = {
        .kind = FACT_REMITTANCE_NOTED,
        .state = remittance->state,
        .at = {remittance->step, remittance->tries, remittance->rounds},
        .code = remittance->code,
        .due_us = due_us,
        .flags = flag,
        .about = about,
    };
    return remittance_write(self, on, &move);
}

bool remittance_note(struct ledger *self, struct remittance_case *on, uint8_t flag)
{
    return note(self, on, flag, remittance_at(&self->remittances, on->slot)->due_us, 0);
}

/* What waits for its next try is listed: there an operator has all that he may need to do. */
bool remittance_contradict(struct ledger *self, struct remittance_case *on, uint32_t number)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    const struct remittance_words words = on->words;
    struct remittance_try at = {remittance->step, remittance->tries, remittance->rounds};
    bool waits = remittance->state == remittance_state_of(at.step, REMITTANCE_PHASE_WAITING);
    if (waits && !list(self, on, at, (enum code)remittance->code))
        return false;
    on->words = words;
    int64_t due_us = step_after(remittance->state) != 0 ? remittance->due_us : 0;
    return note(self, on, FACT_REMITTANCE_CONTRADICTED, due_us, (uint16_t)number);
}

bool remittance_alarm(struct ledger *self, uint32_t slot)
{
    struct remittance_case on;
    remittance_case_init(&on, slot);
    return remittance_note(self, &on, FACT_REMITTANCE_ALARMED);
}
