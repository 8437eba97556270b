/* Facts of remittances read back: views, trails and lists. */
#include "actors/ledger/remittance.h"

static void text_copy(char *out, struct str text)
{
    if (text.length > 0)
        memcpy(out, text.data, text.length);
    out[text.length] = '\0';
}

enum code remittance_read(struct ledger *self, uint64_t position, struct remittance_fact *out)
{
    struct fact_remittance fact;
    struct fact_remittance_posting posting;
    size_t size = core_fact_read_at(self, position, out->bytes, sizeof out->bytes, &out->time_us);
    if (size == 0) {
        MARK("a fact of a remittance cannot be read");
        return CODE_UNKNOWN;
    }
    if (!fact_is_remittance(out->bytes[0]))
        return CODE_REMITTANCE_NOT_FOUND;
    size_t fixed = fact_fixed_size(out->bytes[0]);
    if (size < fixed || fact_strings_read(out->bytes + fixed, size - fixed, &out->strings) != ERR_OK)
        return CODE_UNKNOWN;
    out->position = position;
    out->kind = out->bytes[0];
    if (fact_is_posting(out->kind)) {
        memcpy(&posting, out->bytes, sizeof posting);
        out->account = ACCOUNT_NONE;
        out->amount = posting.posting.amount;
        out->id = posting.posting.id;
        out->part = posting.part;
    } else {
        memcpy(&fact, out->bytes, sizeof fact);
        out->account = fact.account;
        out->amount = fact.amount;
        out->id = fact.id;
        out->part = fact.part;
    }
    return CODE_OK;
}

/* ---- views --------------------------------------------------------------------------------------------- */

static void view_state(const struct remittance_fact *fact, struct ledger_remittance_view *view)
{
    view->last_position = fact->position;
    view->state = fact->part.state;
    view->step = fact->part.step;
    view->tries = fact->part.tries;
    view->rounds = fact->part.rounds;
    view->flags = (uint8_t)(fact->part.flags & ~FACT_REMITTANCE_OF_FACT);
    view->code = fact->part.code;
    view->calls = fact->part.call;
    view->due_us = fact->part.due_us;
}

static void view_words(const struct remittance_fact *fact, struct ledger_remittance_view *view)
{
    view->since_us = fact->time_us;
    text_copy(view->reason, fact->strings.by_tag[FACT_TAG_REASON]);
    text_copy(view->bank_reference, fact->strings.by_tag[FACT_TAG_BANK_REFERENCE]);
}

static void view_request(const struct ledger *self, const struct remittance_fact *fact,
                         struct ledger_remittance_view *view)
{
    const struct str *texts = fact->strings.by_tag;
    view->id = fact->id;
    view->position = fact->position;
    view->account_index = fact->account;
    view->currency = account_at(&self->accounts, fact->account)->currency;
    view->amount = fact->amount;
    view->requested_us = fact->time_us;
    account_id_copy(&self->accounts, fact->account, view->account);
    text_copy(view->bank, texts[FACT_TAG_BANK]);
    text_copy(view->payer, texts[FACT_TAG_PAYER]);
    text_copy(view->payee, texts[FACT_TAG_PAYEE]);
    text_copy(view->memo, texts[FACT_TAG_MEMO]);
    text_copy(view->reference, texts[FACT_TAG_REFERENCE]);
}

enum code remittance_view(struct ledger *self, uint64_t last_position, struct ledger_remittance_view *view)
{
    struct remittance_fact fact;
    *view = (struct ledger_remittance_view){0};
    enum code code = remittance_read(self, last_position, &fact);
    if (code != CODE_OK)
        return code;
    view_state(&fact, view);
    /* A note is no move: since when it stands there, and why, says the fact before. */
    while (code == CODE_OK && fact.kind == FACT_REMITTANCE_NOTED)
        code = remittance_read(self, fact.part.previous, &fact);
    if (code != CODE_OK)
        return CODE_UNKNOWN;
    view_words(&fact, view);
    if (fact.kind != FACT_REMITTANCE_REQUESTED)
        code = remittance_read(self, fact.part.requested, &fact);
    if (code != CODE_OK || fact.kind != FACT_REMITTANCE_REQUESTED || fact.account >= self->accounts.count)
        return CODE_UNKNOWN;
    view_request(self, &fact, view);
    return CODE_OK;
}

/* ---- trails -------------------------------------------------------------------------------------------- */

static void entry_fill(const struct remittance_fact *fact, struct ledger_remittance_entry *out)
{
    *out = (struct ledger_remittance_entry){
        .position = fact->position,
        .at_us = fact->time_us,
        .kind = fact->kind,
        .state = fact->part.state,
        .step = fact->part.step,
        .tries = fact->part.tries,
        .rounds = fact->part.rounds,
        .flags = fact->part.flags,
        .code = fact->part.code,
        .call = fact->part.about != 0 ? fact->part.about : fact->part.call,
    };
    text_copy(out->reason, fact->strings.by_tag[FACT_TAG_REASON]);
    text_copy(out->operator_name, fact->strings.by_tag[FACT_TAG_OPERATOR]);
    text_copy(out->bank_reference, fact->strings.by_tag[FACT_TAG_BANK_REFERENCE]);
}

size_t ledger_remittance_trail(struct ledger *self, uint64_t last_position,
                               struct ledger_remittance_entry *entries, size_t limit)
{
    struct remittance_fact fact;
    size_t count = 0;
    for (uint64_t at = last_position; at != 0 && count < limit && count < LEDGER_REMITTANCE_TRAIL_MAX;) {
        if (remittance_read(self, at, &fact) != CODE_OK)
            return 0;
        entry_fill(&fact, &entries[count++]);
        at = fact.part.previous;
    }
    return count;
}

/* ---- lists --------------------------------------------------------------------------------------------- */

size_t ledger_remittance_list(struct ledger *self, int64_t now_us, enum remittance_list list, uint64_t after,
                              struct ledger_remittance_view *views, size_t limit)
{
    size_t count = 0;
    core_set_now(self, now_us);
    uint32_t slot = self->remittances.oldest - 1;
    for (; slot != REMITTANCE_NONE && count < limit; slot = remittance_after(&self->remittances, slot)) {
        const struct remittance *at = remittance_at(&self->remittances, slot);
        bool is_on = remittance_lists(at->state, at->step, at->flags) >> list & 1;
        if (is_on && at->requested > after &&
            remittance_view(self, at->last_position, &views[count]) == CODE_OK)
            count++;
    }
    return count;
}

bool ledger_remittance_next(const struct ledger *self, uint32_t from, struct ledger_open_remittance *out)
{
    uint32_t slot = from;
    while (slot < self->remittances.count && remittance_at(&self->remittances, slot)->state == 0)
        slot++;
    if (slot >= self->remittances.count)
        return false;
    const struct remittance *at = remittance_at(&self->remittances, slot);
    *out = (struct ledger_open_remittance){
        .id = at->id,
        .requested = at->requested,
        .last_position = at->last_position,
        .amount = at->amount,
        .due_us = at->due_us,
        .alarm_us = at->alarm_us,
        .requested_us = at->requested_us,
        .called_us = at->called_us,
        .account = at->account,
        .slot = slot,
        .call = at->call,
        .state = at->state,
        .step = at->step,
        .tries = at->tries,
        .rounds = at->rounds,
        .flags = at->flags,
        .code = at->code,
    };
    return true;
}
