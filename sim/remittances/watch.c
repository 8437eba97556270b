#include "sim/remittances/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum { STATES_MOST = 32 };

/* A fact's time is that of its commit's first one, which may wait so long for the two stores. */
#define COMMIT_TIME_US (3 * REMIT_SECOND_US)

/* A process may be away when an alarm is due, and again when it should write it. */
#define ALARM_LATE_US REMIT_MINUTE_US

/* Where the money is, told by postings. */
enum place { OUTSIDE, CLEARING, ACCOUNT, GONE };

/* What a posting is, and the states that it may lead to. */
struct move {
    enum place from, to;
    uint32_t states;
};

#define STATE(name) (UINT32_C(1) << REMITTANCE_##name)

static const struct move MOVES[] = {
    [FACT_REMITTANCE_PULLED - FACT_REMITTANCE_PULLED] = {OUTSIDE, CLEARING, STATE(PULLED)},
    [FACT_REMITTANCE_DEPOSITED - FACT_REMITTANCE_PULLED] = {CLEARING, ACCOUNT, STATE(DEPOSITED)},
    [FACT_REMITTANCE_WITHDRAWN - FACT_REMITTANCE_PULLED] = {ACCOUNT, CLEARING, STATE(WITHDRAWN)},
    [FACT_REMITTANCE_PAID -
        FACT_REMITTANCE_PULLED] = {CLEARING, GONE, STATE(COMPLETED) | STATE(REFUNDED) | STATE(RESOLVED)},
    [FACT_REMITTANCE_RETURNED -
        FACT_REMITTANCE_PULLED] = {CLEARING, ACCOUNT, STATE(CANCELLED) | STATE(RESOLVED)},
};

/* States with the money in a place. */
static const uint32_t STATES_AT[] = {
    [OUTSIDE] = STATE(REQUESTED) | STATE(PULLING) | STATE(PULL_UNKNOWN) | STATE(PULL_WAITING) |
                STATE(PULL_FAILED) | STATE(FAILED) | STATE(CANCELLED) | STATE(RESOLVED),
    [CLEARING] = STATE(PULLED) | STATE(DEPOSIT_WAITING) | STATE(DEPOSIT_FAILED) | STATE(WITHDRAWN) |
                 STATE(PUSHING) | STATE(PUSH_UNKNOWN) | STATE(PUSH_WAITING) | STATE(PUSH_FAILED) |
                 STATE(REFUNDING) | STATE(REFUND_UNKNOWN) | STATE(REFUND_WAITING) | STATE(REFUND_FAILED) |
                 STATE(DEAD_LETTER),
    [ACCOUNT] = STATE(DEPOSITED) | STATE(WITHDRAWAL_WAITING) | STATE(WITHDRAWAL_FAILED) | STATE(DEAD_LETTER) |
                STATE(CANCELLED) | STATE(RESOLVED),
    [GONE] = STATE(COMPLETED) | STATE(REFUNDED) | STATE(RESOLVED),
};

static const uint32_t CALLING = STATE(PULLING) | STATE(PUSHING) | STATE(REFUNDING);
static const uint32_t WAITING = STATE(PULL_WAITING) | STATE(DEPOSIT_WAITING) | STATE(WITHDRAWAL_WAITING) |
                                STATE(PUSH_WAITING) | STATE(REFUND_WAITING);
static const uint32_t ENDS =
    STATE(COMPLETED) | STATE(REFUNDED) | STATE(FAILED) | STATE(CANCELLED) | STATE(RESOLVED);

static bool is_in(uint8_t state, uint32_t states)
{
    return state < STATES_MOST && (states >> state & 1);
}

static const char *name_of(uint8_t state)
{
    return state < REMITTANCE_STATE_COUNT ? REMITTANCE_STATES.state_names[state] : "?";
}

/* ---- what is known -------------------------------------------------------------------------------------------- */

struct known *remit_watch_add(struct watch *self)
{
    if (self->count == self->room) {
        self->room = self->room == 0 ? 64 : 2 * self->room;
        self->known = realloc(self->known, self->room * sizeof *self->known);
        CHECK(self->known != NULL);
    }
    self->known[self->count] = (struct known){0};
    return &self->known[self->count++];
}

struct known *remit_watch_find(struct watch *self, const struct uuid *id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (uuid_equal(&self->known[i].id, id))
            return &self->known[i];
    }
    return NULL;
}

void remit_watch_release(struct watch *self)
{
    free(self->known);
}

void remit_watch_answered(struct remittances_world *self, uint32_t index)
{
    struct known *known = &self->watch.known[index];
    if (!known->is_there)
        stage_breach(&self->stage, "W7", "remittance %" PRIu32 " is answered before it is durable", index);
    known->is_answered = true;
}

/* ---- the banks' books -------------------------------------------------------------------------------------------- */

void remit_watch_entry(struct remittances_world *self, uint32_t bank, const struct virtual_entry *entry)
{
    uint64_t index = (uint64_t)entry->amount / 1000 - 1;
    stage_note(&self->stage, "%s has really moved %" PRId64 " %s %s", REMIT_BANK_NAMES[bank], entry->amount,
               entry->is_in ? "from" : "to", entry->account);
    stage_mix(&self->stage, (uint64_t)entry->amount << 1 | entry->is_in);
    if (entry->amount % 1000 != 0 || index >= self->watch.count) {
        stage_breach(&self->stage, "W1", "a bank has moved %" PRId64 ", which nobody has asked for",
                     entry->amount);
        return;
    }
    struct known *known = &self->watch.known[index];
    bool is_refund = !entry->is_in && strstr(known->payer, entry->account) != NULL;
    known->pulls += entry->is_in;
    known->refunds += is_refund;
    known->pushes += !entry->is_in && !is_refund;
    if (known->bank != bank || known->pulls != 1 || known->pushes + known->refunds > 1)
        stage_breach(&self->stage, "W1",
                     "%" PRId64 ": %" PRIu32 " pulls, %" PRIu32 " pushes, %" PRIu32
                     " refunds at the bank; it is %s here",
                     known->amount, known->pulls, known->pushes, known->refunds, name_of(known->state));
}

/* ---- facts ------------------------------------------------------------------------------------------------------- */

static void check_call(struct remittances_world *self, const struct known *known,
                       const struct fact_remittance_part *part)
{
    bool calls = is_in(part->state, CALLING) && part->state != known->state;
    if (part->call != known->call + (calls ? 1u : 0u))
        stage_breach(&self->stage, "W4", "%" PRId64 ": call %" PRIu32 " follows call %" PRIu32 " with %s",
                     known->amount, part->call, known->call, name_of(part->state));
    if (part->state == REMITTANCE_REFUNDING && known->pushes > 0)
        stage_breach(&self->stage, "W4", "%" PRId64 " is refunded although its bank has paid", known->amount);
    if (part->state == REMITTANCE_REFUNDING && known->state == REMITTANCE_PUSH_UNKNOWN &&
        (part->flags & FACT_REMITTANCE_BY_OPERATOR) != 0)
        stage_breach(&self->stage, "W4", "%" PRId64 " is refunded while its push is unknown", known->amount);
    if (part->state == REMITTANCE_REFUNDING && known->step != REMITTANCE_STEP_REFUND &&
        known->operator_refunds && (part->flags & FACT_REMITTANCE_BY_OPERATOR) == 0)
        stage_breach(&self->stage, "W4", "%" PRId64 ": a refund that is an operator's begins by itself",
                     known->amount);
}

/* Tries count on from one to the next, and begin anew with a step, a round, or an operator. */
static bool counts_on(const struct known *known, const struct fact_remittance_part *part, bool by_hand)
{
    bool is_first = part->tries == 1 && part->rounds == 0;
    if (known->state == REMITTANCE_REQUESTED || part->step != known->step || (by_hand && is_first))
        return is_first;
    if (part->rounds != known->rounds)
        return part->tries == 1 && part->rounds == known->rounds + 1;
    return part->tries == known->tries || (is_in(known->state, WAITING) && part->tries == known->tries + 1);
}

/* A posting is not given up before its tries are used up, but where its account is closed. */
static bool gives_up_early(const struct remittances_world *self, const struct known *known,
                           const struct fact_remittance_part *part)
{
    const uint32_t postings = STATE(PULLED) | STATE(DEPOSIT_WAITING) | STATE(DEPOSIT_FAILED) |
                              STATE(DEPOSITED) | STATE(WITHDRAWAL_WAITING) | STATE(WITHDRAWAL_FAILED);
    if (!is_in(known->state, postings) || !is_in(part->state, STATE(REFUNDING) | STATE(DEAD_LETTER)))
        return false;
    return part->code != CODE_ACCOUNT_CLOSED && (known->rounds < self->config.remittances.rounds ||
                                                 known->tries + 1u < self->config.remittances.tries);
}

/* A commit has the time of its first fact: where the clock is set on while it is open, those behind say less than has passed. */
static bool is_in_time(const struct remittances_world *self)
{
    return self->stage.now_us - self->jumped_us > COMMIT_TIME_US;
}

static void check_tries(struct remittances_world *self, const struct known *known, int64_t time_us,
                        const struct fact_remittance_part *part)
{
    bool by_hand = (part->flags & FACT_REMITTANCE_BY_OPERATOR) != 0;
    bool goes_on = is_in(known->state, WAITING) && part->state != known->state &&
                   !is_in(part->state, STATE(PULLED) | STATE(COMPLETED) | STATE(REFUNDED));
    if (part->tries > self->config.remittances.tries || part->rounds > self->config.remittances.rounds)
        stage_breach(&self->stage, "W5", "%" PRId64 ": try %d of round %d", known->amount, part->tries,
                     part->rounds);
    if (known->is_there && !counts_on(known, part, by_hand))
        stage_breach(&self->stage, "W5", "%" PRId64 ": try %d of round %d in %s, after try %d of round %d",
                     known->amount, part->tries, part->rounds, name_of(part->state), known->tries,
                     known->rounds);
    if (!by_hand && gives_up_early(self, known, part))
        stage_breach(&self->stage, "W5", "%" PRId64 ": %s is given up at try %d of round %d", known->amount,
                     name_of(known->state), known->tries, known->rounds);
    if (!by_hand && known->state == REMITTANCE_DEAD_LETTER && part->state != REMITTANCE_DEAD_LETTER)
        stage_breach(&self->stage, "W5", "%" PRId64 ": a dead letter goes on by itself", known->amount);
    if (goes_on && !by_hand && is_in_time(self) &&
        time_us - known->since_us < self->config.remittances.retry_us - COMMIT_TIME_US)
        stage_breach(&self->stage, "W5", "%" PRId64 ": %s goes on to %s after %" PRId64 " ms", known->amount,
                     name_of(known->state), name_of(part->state), (time_us - known->since_us) / 1000);
}

static void check_alarm(struct remittances_world *self, struct known *known, int64_t time_us,
                        const struct fact_remittance_part *part)
{
    bool was = (known->flags & FACT_REMITTANCE_ALARMED) != 0,
         is = (part->flags & FACT_REMITTANCE_ALARMED) != 0;
    if (!was && is) {
        known->alarms++;
        self->watch.raised++;
        if (is_in_time(self) &&
            time_us < known->requested_us + self->config.remittances.alarm_us - COMMIT_TIME_US)
            stage_breach(&self->stage, "W6", "%" PRId64 ": an alarm comes too early", known->amount);
    }
    self->watch.over += was && !is;
    if (known->is_there && known->alarms == 0 && self->config.remittances.alarm_us > 0 &&
        time_us > known->requested_us + self->config.remittances.alarm_us + ALARM_LATE_US &&
        known->asked_us > self->jumped_us)
        stage_breach(&self->stage, "W6", "%" PRId64 ": no alarm has come", known->amount);
    if (known->alarms > 1)
        stage_breach(&self->stage, "W6", "%" PRId64 ": an alarm is raised twice", known->amount);
    if (is == is_in(part->state, ENDS) && is)
        stage_breach(&self->stage, "W6", "%" PRId64 " has ended, and its alarm has not", known->amount);
    if (was && !is && !is_in(part->state, ENDS))
        stage_breach(&self->stage, "W6", "%" PRId64 ": an alarm ends before the remittance does",
                     known->amount);
}

static void take_part(struct remittances_world *self, const struct uuid *id, int64_t amount, int64_t time_us,
                      uint64_t position, uint8_t kind, const struct fact_remittance_part *part)
{
    struct known *known = remit_watch_find(&self->watch, id);
    if (known == NULL || !known->is_asked || known->amount != amount) {
        stage_breach(&self->stage, "W7", "a remittance of %" PRId64 " that nobody has asked for", amount);
        return;
    }
    stage_note(&self->stage, "%" PRId64 ": %s%s (try %d, round %d, call %" PRIu32 ")", amount,
               kind == FACT_REMITTANCE_NOTED ? "noted in " : "", name_of(part->state), part->tries,
               part->rounds, part->call);
    stage_mix(&self->stage, (uint64_t)amount << 8 | part->state);
    if ((kind == FACT_REMITTANCE_REQUESTED) == known->is_there ||
        is_in(known->state, ENDS & ~STATE(FAILED)) ||
        (is_in(known->state, ENDS) && kind != FACT_REMITTANCE_NOTED)) {
        if (kind != FACT_REMITTANCE_NOTED)
            stage_breach(&self->stage, "W3", "%" PRId64 ": %s follows %s", amount, name_of(part->state),
                         name_of(known->state));
    }
    if (kind == FACT_REMITTANCE_REQUESTED) {
        known->is_there = true;
        known->requested = position;
        known->requested_us = time_us;
        known->asked_us = self->stage.now_us;
        known->money = OUTSIDE;
    } else if (part->requested != known->requested || part->previous != known->last) {
        stage_breach(&self->stage, "W3", "%" PRId64 ": its trail has a gap", amount);
    }
    if (kind >= FACT_REMITTANCE_PULLED) {
        const struct move *move = &MOVES[kind - FACT_REMITTANCE_PULLED];
        if (known->money != move->from || !is_in(part->state, move->states))
            stage_breach(&self->stage, "W3", "%" PRId64 ": a posting of kind %d in %s, from place %d", amount,
                         kind, name_of(part->state), known->money);
        known->money = (uint8_t)move->to;
    }
    if (kind == FACT_REMITTANCE_NOTED && part->flags == known->flags)
        stage_breach(&self->stage, "W6", "%" PRId64 ": what is known already is noted again", amount);
    if (!is_in(part->state, STATES_AT[known->money]))
        stage_breach(&self->stage, "W3", "%" PRId64 " is %s, and its money at place %d", amount,
                     name_of(part->state), known->money);
    if (kind != FACT_REMITTANCE_REQUESTED) {
        check_call(self, known, part);
        check_tries(self, known, time_us, part);
    }
    check_alarm(self, known, time_us, part);
    if (part->state != known->state)
        known->since_us = time_us;
    known->state = part->state;
    known->step = part->step;
    known->tries = part->tries;
    known->rounds = part->rounds;
    known->flags = part->flags;
    known->call = part->call;
    known->last = position;
    if ((part->flags & FACT_REMITTANCE_CONTRADICTED) != 0)
        stage_breach(&self->stage, "W1", "%" PRId64 ": no bank here contradicts itself", amount);
}

static void take_closed(struct remittances_world *self, const uint8_t *bytes)
{
    struct fact_account fact;
    memcpy(&fact, bytes, sizeof fact);
    for (size_t i = 0; i < self->watch.count; i++) {
        const struct known *known = &self->watch.known[i];
        if (known->is_there && !is_in(known->state, ENDS) && known->index == fact.account)
            stage_breach(&self->stage, "W11", "an account is closed, and %" PRId64 " is %s", known->amount,
                         name_of(known->state));
    }
}

void remit_watch_alarms(struct remittances_world *self, const struct ledger_alarm *alarms, size_t count)
{
    uint32_t raised = 0, over = 0;
    for (size_t i = 0; i < count; i++) {
        raised += !alarms[i].is_over && !alarms[i].is_contradiction;
        over += alarms[i].is_over;
        if (remit_watch_find(&self->watch, &alarms[i].remittance) == NULL)
            stage_breach(&self->stage, "W6", "an alarm for a remittance that nobody has asked for");
    }
    if (raised != self->watch.raised || over != self->watch.over)
        stage_breach(&self->stage, "W6",
                     "a commit raises %" PRIu32 " alarms and ends %" PRIu32 "; told are %" PRIu32
                     " and %" PRIu32,
                     self->watch.raised, self->watch.over, raised, over);
}

void remit_watch_commit(struct remittances_world *self, int64_t time_us, uint64_t position,
                        const uint8_t *facts, size_t length)
{
    size_t size;
    self->watch.raised = self->watch.over = 0;
    for (size_t at = 0; at < length; at += size) {
        struct fact_remittance fact;
        struct fact_remittance_posting posting;
        enum err err = fact_check(facts + at, length - at, &size);
        if (err != ERR_OK) {
            stage_breach(&self->stage, "W3", "a fact of kind %d is malformed", facts[at]);
            return;
        }
        if (facts[at] == FACT_ACCOUNT_CLOSED)
            take_closed(self, facts + at);
        if (!fact_is_remittance(facts[at]))
            continue;
        uint64_t here = position + at / FACT_WORD;
        if (!fact_is_posting(facts[at])) {
            memcpy(&fact, facts + at, sizeof fact);
            take_part(self, &fact.id, fact.amount, time_us, here, facts[at], &fact.part);
            struct known *known = remit_watch_find(&self->watch, &fact.id);
            if (known != NULL)
                known->index = fact.account;
            continue;
        }
        memcpy(&posting, facts + at, sizeof posting);
        take_part(self, &posting.posting.id, posting.posting.amount, time_us, here, facts[at], &posting.part);
    }
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static bool agrees(const struct known *known)
{
    uint32_t pulls = known->pulls, pushes = known->pushes, refunds = known->refunds;
    switch ((enum remittance_state)known->state) {
    case REMITTANCE_COMPLETED:
        return pulls == 1 && pushes == 1 && refunds == 0;
    case REMITTANCE_REFUNDED:
        return pulls == 1 && pushes == 0 && refunds == 1;
    case REMITTANCE_FAILED:
        return pulls == 0 && pushes == 0 && refunds == 0;
    case REMITTANCE_CANCELLED:
    case REMITTANCE_RESOLVED:
        return pulls == (known->money == ACCOUNT) && pushes == 0 && refunds == 0;
    case REMITTANCE_REQUESTED:
    case REMITTANCE_PULLING:
    case REMITTANCE_PULL_UNKNOWN:
    case REMITTANCE_PULL_WAITING:
    case REMITTANCE_PULL_FAILED:
    case REMITTANCE_PULLED:
    case REMITTANCE_DEPOSIT_WAITING:
    case REMITTANCE_DEPOSIT_FAILED:
    case REMITTANCE_DEPOSITED:
    case REMITTANCE_WITHDRAWAL_WAITING:
    case REMITTANCE_WITHDRAWAL_FAILED:
    case REMITTANCE_WITHDRAWN:
    case REMITTANCE_PUSHING:
    case REMITTANCE_PUSH_UNKNOWN:
    case REMITTANCE_PUSH_WAITING:
    case REMITTANCE_PUSH_FAILED:
    case REMITTANCE_REFUNDING:
    case REMITTANCE_REFUND_UNKNOWN:
    case REMITTANCE_REFUND_WAITING:
    case REMITTANCE_REFUND_FAILED:
    case REMITTANCE_DEAD_LETTER:
    case REMITTANCE_STATE_COUNT:
        break;
    }
    return false;
}

static void check_books(struct remittances_world *self, const struct ledger *core)
{
    static const char *const currencies[REMIT_BANKS] = {"KRW", "GBP"};
    for (uint32_t bank = 0; bank < REMIT_BANKS; bank++) {
        struct ledger_account_view house, clearing;
        int64_t has = 0;
        bool is_there = false;
        char id[32];
        for (size_t i = 0; i < self->watch.count; i++) {
            const struct known *known = &self->watch.known[i];
            if (known->bank == bank)
                has += known->amount * ((int64_t)known->pulls - known->pushes - known->refunds);
            is_there = is_there || (known->bank == bank && known->pulls > 0);
        }
        if (!is_there)
            continue;
        snprintf(id, sizeof id, "house:bank:%s:0", currencies[bank]);
        enum code code = ledger_account_show(core, str_from(id), &house);
        snprintf(id, sizeof id, "house:remittance:%s:0", currencies[bank]);
        if (code == CODE_OK)
            code = ledger_account_show(core, str_from(id), &clearing);
        if (code != CODE_OK || house.balance != -has || clearing.balance != 0)
            stage_breach(&self->stage, "W8",
                         "%s: the bank has %" PRId64 " of ours, our books %" PRId64 ", and %" PRId64
                         " between two steps",
                         currencies[bank], has, code == CODE_OK ? -house.balance : 0,
                         code == CODE_OK ? clearing.balance : 0);
    }
}

static void check_same(struct remittances_world *self, struct ledger *built, const struct known *known)
{
    struct ledger_remittance_answer a, b;
    char account[16];
    snprintf(account, sizeof account, "acct-%" PRIu32, known->account);
    ledger_remittance_show(self->ledger.core, remit_node_us(self), str_from(account), &known->id, &a);
    ledger_remittance_show(built, remit_node_us(self), str_from(account), &known->id, &b);
    if (a.code != CODE_OK || b.code != CODE_OK || a.view.state != known->state ||
        b.view.state != known->state || a.view.last_position != b.view.last_position ||
        a.view.since_us != b.view.since_us || strcmp(a.view.reason, b.view.reason) != 0 ||
        strcmp(a.view.payee, b.view.payee) != 0)
        stage_breach(&self->stage, "W10", "%" PRId64 " is %s here and %s when it is built from the journal",
                     known->amount, a.code == CODE_OK ? name_of(a.view.state) : code_name(a.code),
                     b.code == CODE_OK ? name_of(b.view.state) : code_name(b.code));
}

void remit_watch_end(struct remittances_world *self)
{
    struct twin built;
    for (size_t i = 0; i < self->watch.count; i++) {
        const struct known *known = &self->watch.known[i];
        if (known->is_answered && known->is_there && !is_in(known->state, ENDS))
            stage_breach(&self->stage, "W9", "%" PRId64 " is still %s, call %" PRIu32, known->amount,
                         name_of(known->state), known->call);
        else if (known->is_there && !agrees(known))
            stage_breach(&self->stage, "W2",
                         "%" PRId64 " is %s; its bank has made %" PRIu32 " pulls, %" PRIu32
                         " pushes, %" PRIu32 " refunds",
                         known->amount, name_of(known->state), known->pulls, known->pushes, known->refunds);
        else if (!known->is_there && known->pulls + known->pushes + known->refunds > 0)
            stage_breach(&self->stage, "W7", "%" PRId64 " was paid and never written", known->amount);
    }
    ledger_check(self->ledger.core);
    check_books(self, self->ledger.core);
    twin_of_journal(self, &built);
    for (size_t i = 0; i < self->watch.count && !self->stage.is_broken; i++) {
        if (self->watch.known[i].is_there)
            check_same(self, built.core, &self->watch.known[i]);
    }
    if (built.core != NULL)
        check_books(self, built.core);
    twin_release(&built);
}
