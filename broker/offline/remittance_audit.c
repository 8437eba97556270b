#include "broker/offline/remittance_audit.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/bank_call.h"
#include "actors/ledger/remittance_states.h"

enum { LASTING_FLAGS = FACT_REMITTANCE_OPERATOR_REFUNDS | FACT_REMITTANCE_CONTRADICTED };

static enum err wrong(const char **what, const char *why)
{
    *what = why;
    return ERR_CORRUPT;
}

void remittance_audit_release(struct remittance_audit *self)
{
    free(self->slots);
    *self = (struct remittance_audit){0};
}

/* ---- what states say ---------------------------------------------------------------------------- */

/* Any step: 0. */
static const uint8_t STEP_OF[REMITTANCE_STATE_COUNT] = {
    [REMITTANCE_REQUESTED] = REMITTANCE_STEP_PULL,
    [REMITTANCE_PULLING] = REMITTANCE_STEP_PULL,
    [REMITTANCE_PULL_UNKNOWN] = REMITTANCE_STEP_PULL,
    [REMITTANCE_PULL_WAITING] = REMITTANCE_STEP_PULL,
    [REMITTANCE_PULL_FAILED] = REMITTANCE_STEP_PULL,
    [REMITTANCE_PULLED] = REMITTANCE_STEP_PULL,
    [REMITTANCE_DEPOSIT_WAITING] = REMITTANCE_STEP_DEPOSIT,
    [REMITTANCE_DEPOSIT_FAILED] = REMITTANCE_STEP_DEPOSIT,
    [REMITTANCE_DEPOSITED] = REMITTANCE_STEP_DEPOSIT,
    [REMITTANCE_WITHDRAWAL_WAITING] = REMITTANCE_STEP_WITHDRAWAL,
    [REMITTANCE_WITHDRAWAL_FAILED] = REMITTANCE_STEP_WITHDRAWAL,
    [REMITTANCE_WITHDRAWN] = REMITTANCE_STEP_WITHDRAWAL,
    [REMITTANCE_PUSHING] = REMITTANCE_STEP_PUSH,
    [REMITTANCE_PUSH_UNKNOWN] = REMITTANCE_STEP_PUSH,
    [REMITTANCE_PUSH_WAITING] = REMITTANCE_STEP_PUSH,
    [REMITTANCE_PUSH_FAILED] = REMITTANCE_STEP_PUSH,
    [REMITTANCE_REFUNDING] = REMITTANCE_STEP_REFUND,
    [REMITTANCE_REFUND_UNKNOWN] = REMITTANCE_STEP_REFUND,
    [REMITTANCE_REFUND_WAITING] = REMITTANCE_STEP_REFUND,
    [REMITTANCE_REFUND_FAILED] = REMITTANCE_STEP_REFUND,
    [REMITTANCE_COMPLETED] = REMITTANCE_STEP_PUSH,
    [REMITTANCE_REFUNDED] = REMITTANCE_STEP_REFUND,
    [REMITTANCE_FAILED] = REMITTANCE_STEP_PULL,
};

static uint32_t set_of(uint8_t state)
{
    return MACHINE_TO(state);
}

static bool is_call(uint8_t state)
{
    return state == REMITTANCE_PULLING || state == REMITTANCE_PUSHING || state == REMITTANCE_REFUNDING;
}

static bool is_wait(uint8_t state)
{
    return state == REMITTANCE_PULL_WAITING || state == REMITTANCE_DEPOSIT_WAITING ||
           state == REMITTANCE_WITHDRAWAL_WAITING || state == REMITTANCE_PUSH_WAITING ||
           state == REMITTANCE_REFUND_WAITING;
}

/* The states that a fact of each kind may lead to. */
static uint32_t states_of(uint8_t kind)
{
    const uint32_t paid = set_of(REMITTANCE_COMPLETED) | set_of(REMITTANCE_REFUNDED);
    const uint32_t moved =
        set_of(REMITTANCE_PULLED) | set_of(REMITTANCE_DEPOSITED) | set_of(REMITTANCE_WITHDRAWN);
    if (kind == FACT_REMITTANCE_PULLED)
        return set_of(REMITTANCE_PULLED);
    if (kind == FACT_REMITTANCE_DEPOSITED)
        return set_of(REMITTANCE_DEPOSITED);
    if (kind == FACT_REMITTANCE_WITHDRAWN)
        return set_of(REMITTANCE_WITHDRAWN);
    if (kind == FACT_REMITTANCE_PAID)
        return paid | set_of(REMITTANCE_RESOLVED);
    if (kind == FACT_REMITTANCE_RETURNED)
        return set_of(REMITTANCE_CANCELLED) | set_of(REMITTANCE_RESOLVED);
    return ~(paid | moved | set_of(REMITTANCE_REQUESTED));
}

/* Where the money comes from, and where it is then. */
static bool moves_money(uint8_t kind, uint8_t *from, uint8_t *to)
{
    *from = kind == FACT_REMITTANCE_PULLED      ? REMITTANCE_MONEY_OUTSIDE
            : kind == FACT_REMITTANCE_WITHDRAWN ? REMITTANCE_MONEY_ACCOUNT
                                                : REMITTANCE_MONEY_CLEARING;
    *to = kind == FACT_REMITTANCE_PAID                                          ? REMITTANCE_MONEY_OUTSIDE
          : kind == FACT_REMITTANCE_PULLED || kind == FACT_REMITTANCE_WITHDRAWN ? REMITTANCE_MONEY_CLEARING
                                                                                : REMITTANCE_MONEY_ACCOUNT;
    return fact_is_posting(kind);
}

/* ---- one fact ------------------------------------------------------------------------------------- */

struct step {
    uint8_t kind;
    uint64_t position;
    struct uuid id;
    uint32_t account;
    currency_index currency;
    int64_t amount;
    struct fact_remittance_part part;
    struct fact_strings strings;
};

static bool step_read(const uint8_t *bytes, size_t size, struct step *out)
{
    struct fact_remittance_posting posting;
    struct fact_remittance fact;
    size_t fixed = fact_is_posting(bytes[0]) ? sizeof posting : sizeof fact;
    out->kind = bytes[0];
    if (fact_is_posting(bytes[0])) {
        memcpy(&posting, bytes, sizeof posting);
        bool pays = bytes[0] == FACT_REMITTANCE_WITHDRAWN;
        out->id = posting.posting.id;
        out->account = pays ? posting.posting.debit : posting.posting.credit;
        out->amount = posting.posting.amount;
        out->part = posting.part;
    } else {
        memcpy(&fact, bytes, sizeof fact);
        out->id = fact.id;
        out->account = fact.account;
        out->amount = fact.amount;
        out->part = fact.part;
    }
    return fact_strings_read(bytes + fixed, size - fixed, &out->strings) == ERR_OK;
}

/* Where both sides are teller's own, the account is not said. */
static bool says_account(uint8_t kind)
{
    return kind != FACT_REMITTANCE_PULLED && kind != FACT_REMITTANCE_PAID;
}

static enum err grow(struct remittance_audit *self)
{
    if (self->count < self->capacity)
        return ERR_OK;
    uint32_t wider = self->capacity > 0 ? self->capacity * 2 : 64;
    struct audit_remittance *slots = realloc(self->slots, wider * sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    self->slots = slots;
    self->capacity = wider;
    return ERR_OK;
}

static bool is_a_beginning(const struct step *step)
{
    const struct fact_remittance_part *part = &step->part;
    return part->state == REMITTANCE_REQUESTED && part->step == REMITTANCE_STEP_PULL &&
           part->requested == 0 && part->previous == 0 && part->call == 0 && part->tries == 0 &&
           part->rounds == 0 && part->code == 0 && (part->flags & ~FACT_REMITTANCE_OPERATOR_REFUNDS) == 0;
}

static enum err request(struct remittance_audit *self, const struct step *step, uint32_t accounts,
                        const char **what)
{
    const struct str *texts = step->strings.by_tag;
    uint32_t slot = step->part.slot;
    if (slot >= LEDGER_REMITTANCES_MAX || slot > self->count ||
        (slot < self->count && self->slots[slot].part.state != 0))
        return wrong(what, "a remittance begins in a slot that is not free");
    if (!is_a_beginning(step))
        return wrong(what, "a remittance does not begin at its beginning");
    if (step->account >= accounts || step->amount < 1 || step->amount > MONEY_MAX || uuid_is_nil(&step->id))
        return wrong(what, "a remittance begins with an account, an amount or an id that cannot be");
    if (texts[FACT_TAG_BANK].length == 0 || texts[FACT_TAG_PAYER].length == 0 ||
        texts[FACT_TAG_PAYEE].length == 0)
        return wrong(what, "a remittance begins without a bank or a party");
    if (slot == self->count) {
        enum err err = grow(self);
        if (err != ERR_OK)
            return err;
        self->count++;
    }
    self->slots[slot] = (struct audit_remittance){.id = step->id,
                                                  .requested = step->position,
                                                  .last = step->position,
                                                  .amount = step->amount,
                                                  .account = step->account,
                                                  .currency = step->currency,
                                                  .money = REMITTANCE_MONEY_OUTSIDE,
                                                  .part = step->part};
    return ERR_OK;
}

/* The bank has said of one that has ended what cannot be. Its other facts are not kept here. */
static enum err note_ended(const struct step *step, const char **what)
{
    const struct fact_remittance_part *part = &step->part;
    if (step->kind != FACT_REMITTANCE_NOTED || !remittance_has_ended(part->state) ||
        !(part->flags & FACT_REMITTANCE_CONTRADICTED) || part->requested == 0 ||
        part->requested >= part->previous || part->previous >= step->position)
        return wrong(what, "a step of a remittance that is not open");
    return ERR_OK;
}

/* ---- the rules of a move ---------------------------------------------------------------------------- */

static const char *judge_state(const struct audit_remittance *on, const struct step *step)
{
    uint8_t before = on->part.state, after = step->part.state;
    if (after < REMITTANCE_REQUESTED || after >= REMITTANCE_STATE_COUNT)
        return "a remittance is in a state that there is not";
    if (step->kind == FACT_REMITTANCE_NOTED)
        return before == after ? NULL : "a note moves a remittance";
    if (!(states_of(step->kind) & set_of(after)))
        return "a fact about a remittance leads to a state of another kind";
    if (!machine_allows(&REMITTANCE_STATES, before, after))
        return "a remittance moves to a state that may not follow";
    if (STEP_OF[after] != 0 && STEP_OF[after] != step->part.step)
        return "a remittance is in a state of another step";
    if (before == REMITTANCE_DEAD_LETTER && !remittance_has_ended(after) &&
        step->part.step != on->part.step && step->part.step != REMITTANCE_STEP_REFUND)
        return "a dead letter goes on at another step";
    return NULL;
}

/* The numbers of the try: as they were; the next out of a wait; the first of a next round out of a list; or anew, at
 * another step, or as an operator says. */
static const char *judge_tries(const struct audit_remittance *on, const struct step *step)
{
    const struct fact_remittance_part *was = &on->part, *is = &step->part;
    bool by_operator = (is->flags & FACT_REMITTANCE_BY_OPERATOR) != 0;
    bool is_anew = is->tries == 1 && is->rounds == 0;
    bool is_same = is->tries == was->tries && is->rounds == was->rounds && is->step == was->step;
    if (step->kind == FACT_REMITTANCE_NOTED)
        return is_same ? NULL : "a note counts a try of a remittance";
    if (by_operator && (is_anew || is_same))
        return NULL;
    if (is->step != was->step)
        return is_anew ? NULL : "a step of a remittance does not begin with its first try";
    if (was->state == REMITTANCE_REQUESTED)
        return is_anew ? NULL : "a remittance does not begin with its first try";
    if (is_wait(was->state) && is->rounds == was->rounds && is->tries == was->tries + 1)
        return NULL;
    if (remittance_is_listed(was->state) && was->state != REMITTANCE_DEAD_LETTER &&
        is->rounds == was->rounds + 1 && is->tries == 1)
        return NULL;
    if (is_same && !is_call(is->state))
        return NULL;
    return "the tries of a remittance are not what they can be";
}

/* At most one call is open: the next begins with its own state, out of one in which the last has failed, or which ends it so. */
static const char *judge_call(const struct audit_remittance *on, const struct step *step)
{
    bool begins = step->kind == FACT_REMITTANCE_MOVED && is_call(step->part.state);
    if (step->part.call != on->part.call + begins)
        return "a call to a bank has another number than the next";
    return NULL;
}

static const char *judge_flags(const struct audit_remittance *on, const struct step *step)
{
    uint8_t was = on->part.flags, is = step->part.flags;
    bool ends = remittance_has_ended(step->part.state);
    bool named = step->strings.by_tag[FACT_TAG_OPERATOR].length > 0;
    if ((was & LASTING_FLAGS & ~is) != 0 || ((is ^ was) & FACT_REMITTANCE_OPERATOR_REFUNDS) != 0)
        return "a remittance has lost what it was marked with";
    if ((was & FACT_REMITTANCE_ALARMED) && !ends && !(is & FACT_REMITTANCE_ALARMED))
        return "an alarm ends before its remittance";
    if (ends && ((is & FACT_REMITTANCE_ALARMED) || step->part.due_us != 0 || step->part.alarm_us != 0))
        return "a remittance has ended and still waits for something";
    if ((ends && (was & FACT_REMITTANCE_ALARMED)) != ((is & FACT_REMITTANCE_ALARM_OVER) != 0))
        return "the end of a remittance does not say that its alarm is over, or says it of none";
    if (named != ((is & FACT_REMITTANCE_BY_OPERATOR) != 0))
        return "an operator's step on a remittance does not name him, or somebody is named without one";
    return NULL;
}

/* Moves the money, and says whether it is where the state says. A cancelled or resolved one's is anywhere but in clearing. */
static const char *judge_money(struct remittance_audit *self, struct audit_remittance *on,
                               const struct step *step)
{
    uint8_t from, to;
    if (moves_money(step->kind, &from, &to)) {
        if (on->money != from)
            return "money of a remittance moves from where it is not";
        on->money = to;
        self->clearing[on->currency] += to == REMITTANCE_MONEY_CLEARING ? on->amount : 0;
        self->clearing[on->currency] -= from == REMITTANCE_MONEY_CLEARING ? on->amount : 0;
    }
    bool ends_anywhere = step->part.state == REMITTANCE_CANCELLED || step->part.state == REMITTANCE_RESOLVED;
    bool is_right = ends_anywhere ? on->money != REMITTANCE_MONEY_CLEARING
                                  : on->money == remittance_money(step->part.state, step->part.step);
    return is_right ? NULL : "the money of a remittance is not where its state says";
}

static const char *judge(struct remittance_audit *self, struct audit_remittance *on, const struct step *step)
{
    if (step->part.step < REMITTANCE_STEP_PULL || step->part.step > REMITTANCE_STEP_REFUND)
        return "a remittance is at a step that there is not";
    const char *why = judge_state(on, step);
    if (why == NULL)
        why = judge_tries(on, step);
    if (why == NULL)
        why = judge_call(on, step);
    if (why == NULL)
        why = judge_flags(on, step);
    return why != NULL ? why : judge_money(self, on, step);
}

static enum err go_on(struct remittance_audit *self, const struct step *step, const char **what)
{
    uint32_t slot = step->part.slot;
    struct audit_remittance *on = slot < self->count ? &self->slots[slot] : NULL;
    if (on == NULL || on->part.state == 0 || !uuid_equal(&on->id, &step->id) ||
        on->requested != step->part.requested)
        return note_ended(step, what);
    if (on->last != step->part.previous)
        return wrong(what, "the trail of a remittance has a gap");
    if (on->amount != step->amount || (says_account(step->kind) && on->account != step->account) ||
        on->currency != step->currency)
        return wrong(what, "a step of a remittance is of another account or amount");
    const char *why = judge(self, on, step);
    if (why != NULL)
        return wrong(what, why);
    on->last = step->position;
    on->part = step->part;
    if (remittance_has_ended(step->part.state))
        on->part.state = 0;
    return ERR_OK;
}

enum err remittance_audit_fact(struct remittance_audit *self, uint64_t position, uint32_t accounts,
                               currency_index currency, const uint8_t *fact, size_t size, const char **what)
{
    struct step step = {.position = position, .currency = currency};
    if (!step_read(fact, size, &step))
        return wrong(what, "the strings of a fact are malformed");
    return step.kind == FACT_REMITTANCE_REQUESTED ? request(self, &step, accounts, what)
                                                  : go_on(self, &step, what);
}

/* ---- the end ---------------------------------------------------------------------------------------- */

static bool is_same(const struct audit_remittance *on, const struct ledger_open_remittance *open)
{
    const uint8_t kept = (uint8_t)~FACT_REMITTANCE_OF_FACT;
    return uuid_equal(&on->id, &open->id) && on->requested == open->requested &&
           on->last == open->last_position && on->amount == open->amount && on->account == open->account &&
           on->part.call == open->call && on->part.state == open->state && on->part.step == open->step &&
           on->part.tries == open->tries && on->part.rounds == open->rounds &&
           (on->part.flags & kept) == (open->flags & kept) && on->part.due_us == open->due_us &&
           on->part.alarm_us == open->alarm_us && on->part.code == open->code;
}

uint32_t remittance_audit_open(const struct remittance_audit *self)
{
    uint32_t open = 0;
    for (uint32_t slot = 0; slot < self->count; slot++)
        open += self->slots[slot].part.state != 0;
    return open;
}

const char *remittance_audit_compare(const struct remittance_audit *self, const struct ledger *ledger)
{
    struct ledger_open_remittance open;
    uint32_t from = 0;
    for (uint32_t slot = 0; slot < self->count; slot++) {
        if (self->slots[slot].part.state == 0)
            continue;
        if (!ledger_remittance_next(ledger, from, &open) || open.slot != slot ||
            !is_same(&self->slots[slot], &open))
            return "an open remittance is not as the ledger has it";
        from = slot + 1;
    }
    return ledger_remittance_next(ledger, from, &open)
               ? "the ledger has an open remittance that no fact began"
               : NULL;
}
