/* Decide: what a bank has said of a call; and the calls, to be told again. */
#include "actors/ledger/remittance.h"

enum { CALLS_AGAIN_MAX = 256 };

static void text_copy(char *out, struct str text)
{
    if (text.length > 0)
        memcpy(out, text.data, text.length);
    out[text.length] = '\0';
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static uint8_t bank_step_of(uint8_t step)
{
    if (step == REMITTANCE_STEP_PULL)
        return BANK_PULL;
    return step == REMITTANCE_STEP_PUSH ? BANK_PUSH : BANK_REFUND;
}

void remittance_call_add(struct ledger *self, const struct remittance_case *on)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    const struct str *texts = on->requested.strings.by_tag;
    struct unit_buffer *buffer = self->current;
    struct bank_call *out = &buffer->call_list[buffer->unit.call_count++];
    *out = (struct bank_call){
        .remittance = remittance->id,
        .number = remittance->call,
        .partition = self->config.partition,
        .step = bank_step_of(remittance->step),
        .currency = account_at(&self->accounts, remittance->account)->currency,
        .amount = remittance->amount,
        .called_us = remittance->called_us,
        .requested_us = remittance->requested_us,
    };
    text_copy(out->bank, texts[FACT_TAG_BANK]);
    text_copy(out->payer, texts[FACT_TAG_PAYER]);
    text_copy(out->payee, texts[FACT_TAG_PAYEE]);
    text_copy(out->memo, texts[FACT_TAG_MEMO]);
}

/* false: no memory, or the request cannot be read. */
static bool call_again(struct ledger *self, uint32_t slot)
{
    struct remittance_case on;
    remittance_case_init(&on, slot);
    uint64_t requested = remittance_at(&self->remittances, slot)->requested;
    if (!remittance_effects_ensure(self) || remittance_read(self, requested, &on.requested) != CODE_OK)
        return false;
    remittance_call_add(self, &on);
    return true;
}

bool ledger_bank_calls_again(struct ledger *self, int64_t now_us, uint32_t *slot)
{
    core_set_now(self, now_us);
    for (int calls = 0; *slot < self->remittances.count && calls < CALLS_AGAIN_MAX; ++*slot) {
        if (!remittance_is_at_bank(remittance_at(&self->remittances, *slot)->state))
            continue;
        if (!call_again(self, *slot)) {
            MARK("no memory to tell a bank of a call again: it is told the next time");
            return true;
        }
        calls++;
    }
    return *slot < self->remittances.count;
}

/* ---- what is known already -------------------------------------------------------------------------------- */

/* What the newest call has come to, of a remittance in this state; of one at a bank, as a newer call shows: it has failed. */
static uint8_t outcome_in(uint8_t state, uint8_t step)
{
    bool pulled = state == REMITTANCE_PULLED || !remittance_step_calls(step);
    bool paid = state == REMITTANCE_COMPLETED || state == REMITTANCE_REFUNDED;
    return pulled || paid ? BANK_SUCCEEDED : BANK_FAILED;
}

/* What an older call than the newest has come to; 0: its facts cannot be read. */
static uint8_t outcome_before(struct ledger *self, uint64_t position, uint32_t number)
{
    struct remittance_fact fact;
    while (position != 0) {
        if (remittance_read(self, position, &fact) != CODE_OK)
            return 0;
        if (fact.part.call <= number)
            return outcome_in(fact.part.state, fact.part.step);
        position = fact.part.previous;
    }
    return BANK_FAILED;
}

/* A call that was never made cannot have succeeded. */
static uint8_t outcome_known(struct ledger *self, uint64_t last_position, uint32_t call, uint8_t state,
                             uint8_t step, uint32_t number)
{
    if (number < call)
        return outcome_before(self, last_position, number);
    return number == call ? outcome_in(state, step) : BANK_FAILED;
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

static struct remittance_try try_of(const struct remittance *remittance)
{
    return (struct remittance_try){remittance->step, remittance->tries, remittance->rounds};
}

static bool take_unknown(struct ledger *self, struct remittance_case *on)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    uint8_t unknown = (uint8_t)remittance_state_of(remittance->step, REMITTANCE_PHASE_UNKNOWN);
    if (remittance->state == unknown) {
        MARK("a bank's answer is still not known");
        return true;
    }
    struct remittance_move move = {.kind = FACT_REMITTANCE_MOVED, .state = unknown, .at = try_of(remittance)};
    return remittance_write(self, on, &move);
}

/* The house accounts can take what was pulled. */
static bool house_counts(struct ledger *self, const struct remittance *remittance)
{
    static const enum house_kind kinds[] = {HOUSE_KIND_BANK, HOUSE_KIND_REMITTANCE};
    currency_index currency = account_at(&self->accounts, remittance->account)->currency;
    bool counts = true;
    for (size_t i = 0; i < 2 && counts; i++) {
        uint32_t house = posting_house_of(self, kinds[i], currency);
        counts =
            house != ACCOUNT_NONE && posting_check_house(self, house, remittance->amount).code == CODE_OK;
    }
    return counts;
}

static bool take_success(struct ledger *self, struct remittance_case *on)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    bool pulled = remittance->step == REMITTANCE_STEP_PULL;
    struct remittance_move move = {
        .kind = pulled ? FACT_REMITTANCE_PULLED : FACT_REMITTANCE_PAID,
        .state = (uint8_t)remittance_state_of(remittance->step, REMITTANCE_PHASE_DONE),
        .at = try_of(remittance),
        .due_us = pulled ? self->now_us : 0,
    };
    if ((pulled && !house_counts(self, remittance)) || !remittance_write(self, on, &move))
        return false;
    remittance_carry_on(self, on);
    return true;
}

bool remittance_take(struct ledger *self, struct remittance_case *on, uint8_t outcome, bool is_permanent)
{
    if (outcome == BANK_SUCCEEDED)
        return take_success(self, on);
    if (outcome == BANK_UNKNOWN)
        return take_unknown(self, on);
    struct remittance_try at = try_of(remittance_at(&self->remittances, on->slot));
    return remittance_refused(self, on, at, is_permanent, CODE_OK);
}

/* The bank takes its no back, and nothing has been built on it. */
static bool success_is_late(const struct remittance *remittance, const struct bank_report *report)
{
    return report->outcome == BANK_SUCCEEDED && report->number == remittance->call &&
           remittance_step_calls(remittance->step);
}

/* Whether the contradiction about this call stands in the trail. false: a fact cannot be read. */
static bool find_contradiction(struct ledger *self, uint64_t position, uint32_t number, bool *is_noted)
{
    struct remittance_fact fact;
    *is_noted = false;
    while (position != 0 && !*is_noted) {
        if (remittance_read(self, position, &fact) != CODE_OK)
            return false;
        *is_noted = fact.kind == FACT_REMITTANCE_NOTED && fact.part.about == (uint16_t)number;
        position = fact.part.previous;
    }
    return true;
}

static bool contradict_open(struct ledger *self, struct remittance_case *on, uint32_t number)
{
    const struct remittance *remittance = remittance_at(&self->remittances, on->slot);
    bool is_noted = false;
    if ((remittance->flags & FACT_REMITTANCE_CONTRADICTED) &&
        !find_contradiction(self, remittance->last_position, number, &is_noted))
        return false;
    if (is_noted)
        return true;
    MARK("a bank contradicts itself about a remittance that is open");
    return remittance_contradict(self, on, number);
}

/* false: no memory, nothing has changed; so for all that follow. */
static bool report_open(struct ledger *self, uint32_t slot, const struct bank_report *report)
{
    const struct remittance *remittance = remittance_at(&self->remittances, slot);
    struct remittance_case on;
    remittance_case_init(&on, slot);
    on.words.reason = str_from(report->reason);
    on.words.bank_reference = str_from(report->reference);
    if (report->number == remittance->call && remittance_is_at_bank(remittance->state))
        return remittance_take(self, &on, report->outcome, report->is_permanent);
    uint8_t known = outcome_known(self, remittance->last_position, remittance->call, remittance->state,
                                  remittance->step, report->number);
    if (known == 0)
        return false;
    if (report->outcome == known || report->outcome == BANK_UNKNOWN) {
        MARK("a bank's report comes again, or late");
        return true;
    }
    if (success_is_late(remittance, report)) {
        MARK("a bank takes its no back");
        return remittance_take(self, &on, BANK_SUCCEEDED, false);
    }
    return contradict_open(self, &on, report->number);
}

/* ---- of one that has ended --------------------------------------------------------------------------------- */

static bool contradict_ended(struct ledger *self, const struct ledger_remittance_view *view,
                             const struct remittance_fact *newest, const struct bank_report *report)
{
    struct remittance_words words = {.reason = str_from(report->reason),
                                     .bank_reference = str_from(report->reference)};
    struct fact_remittance fact = {
        .head = {.kind = FACT_REMITTANCE_NOTED},
        .account = view->account_index,
        .id = view->id,
        .amount = view->amount,
        .part = newest->part,
    };
    fact.part.previous = newest->position;
    fact.part.about = (uint16_t)report->number;
    fact.part.flags =
        (uint8_t)((newest->part.flags & ~FACT_REMITTANCE_OF_FACT) | FACT_REMITTANCE_CONTRADICTED);
    if (!id_table_ensure(&self->ids, 1) || !remittance_append(self, &fact, sizeof fact, &words, NULL))
        return false;
    MARK("a bank contradicts itself about a remittance that has ended");
    remittance_alarm_add(self, &(struct ledger_alarm){.remittance = view->id,
                                                      .since_us = view->requested_us,
                                                      .state = view->state,
                                                      .is_contradiction = true});
    return true;
}

static bool report_ended(struct ledger *self, const struct bank_report *report)
{
    struct remittance_fact newest;
    struct ledger_remittance_view view;
    uint64_t position = ledger_transaction_find(self, &report->remittance);
    enum code code = position == 0 ? CODE_REMITTANCE_NOT_FOUND : remittance_read(self, position, &newest);
    if (code == CODE_REMITTANCE_NOT_FOUND) {
        MARK("a bank reports of a remittance that nobody knows");
        return true;
    }
    if (code != CODE_OK || remittance_view(self, position, &view) != CODE_OK)
        return false;
    uint8_t known =
        outcome_known(self, position, newest.part.call, newest.part.state, newest.part.step, report->number);
    if (known == 0)
        return false;
    bool is_noted = report->outcome == known || report->outcome == BANK_UNKNOWN;
    if (!is_noted && (newest.part.flags & FACT_REMITTANCE_CONTRADICTED) &&
        !find_contradiction(self, position, report->number, &is_noted))
        return false;
    return is_noted || contradict_ended(self, &view, &newest, report);
}

void ledger_bank_report(struct ledger *self, int64_t now_us, const struct bank_report *report)
{
    core_set_now(self, now_us);
    if (!remittance_effects_ensure(self)) {
        MARK("no memory for an answer to a bank's report");
        return;
    }
    uint32_t slot = remittance_find(&self->remittances, &report->remittance);
    if (slot != REMITTANCE_NONE ? !report_open(self, slot, report) : !report_ended(self, report)) {
        MARK("no memory for a bank's report: it comes again");
        return;
    }
    struct unit_buffer *buffer = self->current;
    buffer->ack_list[buffer->unit.ack_count++] =
        (struct bank_ack){report->remittance, report->number, report->partition, report->outcome};
}
