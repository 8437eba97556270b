#include "broker/offline/proposal_audit.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void proposal_audit_release(struct proposal_audit *self)
{
    free(self->open);
    *self = (struct proposal_audit){0};
}

static enum err wrong(const char **what, const char *why)
{
    *what = why;
    return ERR_CORRUPT;
}

/* The index of an open proposal, or count. */
static uint32_t find(const struct proposal_audit *self, const struct uuid *id)
{
    uint32_t i = 0;
    while (i < self->count && memcmp(&self->open[i].opened.id, id, sizeof *id) != 0)
        i++;
    return i;
}

static enum err open_one(struct proposal_audit *self, uint64_t position, const struct fact_proposal *fact,
                         uint64_t operator_hash, const char **what)
{
    struct uuid id = fact->id;
    if (find(self, &id) < self->count)
        return wrong(what, "a proposal was opened that is open");
    if (self->count == LEDGER_PROPOSALS_MAX)
        return wrong(what, "more proposals are open than may be");
    if (self->count == self->capacity) {
        uint32_t wanted = self->capacity == 0 ? 16 : self->capacity * 2;
        struct audit_proposal *bigger = realloc(self->open, wanted * sizeof *bigger);
        if (bigger == NULL)
            return ERR_NO_MEMORY;
        self->open = bigger;
        self->capacity = wanted;
    }
    self->open[self->count++] = (struct audit_proposal){*fact, position, operator_hash};
    return ERR_OK;
}

static bool is_same(const struct fact_proposal *opened, const struct fact_proposal *ended)
{
    return opened->account == ended->account && opened->amount == ended->amount &&
           opened->rate == ended->rate && opened->expires_us == ended->expires_us;
}

static enum err end_one(struct proposal_audit *self, int64_t time_us, const struct fact_proposal *fact,
                        uint64_t operator_hash, const char **what)
{
    struct uuid id = fact->id;
    uint32_t at = find(self, &id);
    if (at == self->count || self->open[at].position != fact->proposed)
        return wrong(what, "a proposal ended that is not open");
    const struct audit_proposal ended = self->open[at];
    if (!is_same(&ended.opened, fact))
        return wrong(what, "a proposal ended otherwise than it was opened");
    if (fact->head.kind != FACT_PROPOSAL_EXPIRED && time_us >= fact->expires_us)
        return wrong(what, "a proposal was decided that had expired");
    if (fact->head.kind == FACT_PROPOSAL_APPROVED && operator_hash == ended.proposer_hash)
        return wrong(what, "an operator approved what he had proposed himself");
    memmove(&self->open[at], &self->open[at + 1], (--self->count - at) * sizeof self->open[0]);
    if (fact->head.kind == FACT_PROPOSAL_APPROVED) {
        self->awaits = true;
        self->approved = *fact;
        self->approved_kind = ended.opened.head.detail == COMMAND_DEPOSIT ? FACT_DEPOSIT : FACT_WITHDRAWAL;
    }
    return ERR_OK;
}

static bool is_awaited(const struct proposal_audit *self, const struct fact_posting *fact)
{
    bool deposits = fact->head.kind == FACT_DEPOSIT;
    return fact->head.kind == self->approved_kind && fact->amount == self->approved.amount &&
           (deposits ? fact->credit : fact->debit) == self->approved.account &&
           (deposits ? fact->credit_balance : fact->debit_balance) == self->approved.balance &&
           memcmp(&fact->id, &self->approved.id, sizeof fact->id) == 0;
}

/* What follows an approval, and nothing else, was proposed. */
static enum err check_posting(struct proposal_audit *self, const uint8_t *bytes, const char **what)
{
    struct fact_posting fact = {0};
    bool moves = bytes[0] == FACT_DEPOSIT || bytes[0] == FACT_WITHDRAWAL;
    if (moves)
        memcpy(&fact, bytes, sizeof fact);
    bool was_proposed = moves && (fact.head.detail & FACT_FLAG_PROPOSED);
    if (was_proposed != self->awaits)
        return wrong(what, was_proposed ? "a posting says that it was proposed, and nobody approved it"
                                        : "an approval is not followed by its posting");
    if (was_proposed && !is_awaited(self, &fact))
        return wrong(what, "a posting is not the one that was approved");
    self->awaits = false;
    return ERR_OK;
}

enum err proposal_audit_fact(struct proposal_audit *self, uint64_t position, int64_t time_us,
                             uint32_t accounts, const uint8_t *bytes, size_t size, const char **what)
{
    struct fact_proposal fact;
    struct fact_strings strings;
    enum err err = check_posting(self, bytes, what);
    if (err != ERR_OK || bytes[0] < FACT_PROPOSED || bytes[0] > FACT_PROPOSAL_EXPIRED)
        return err;
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return wrong(what, "the strings of a fact are malformed");
    if (fact.account >= accounts)
        return wrong(what, "a proposal is of an account that was never opened");
    struct str name = strings.by_tag[FACT_TAG_OPERATOR];
    uint64_t operator_hash = name.length == 0 ? 0 : XXH3_64bits(name.data, name.length);
    return fact.head.kind == FACT_PROPOSED ? open_one(self, position, &fact, operator_hash, what)
                                           : end_one(self, time_us, &fact, operator_hash, what);
}

const char *proposal_audit_compare(const struct proposal_audit *self, const struct ledger *ledger)
{
    struct ledger_open_proposal open;
    uint64_t after = 0;
    uint32_t i = 0;
    for (; ledger_proposal_next(ledger, after, &open); after = open.position, i++) {
        if (i == self->count || self->open[i].position != open.position ||
            self->open[i].opened.account != open.account ||
            self->open[i].opened.expires_us != open.expires_us ||
            memcmp(&self->open[i].opened.id, &open.id, sizeof open.id) != 0)
            return "the core's open proposals and the checker's differ";
    }
    if (i != self->count)
        return "the core has fewer open proposals than were opened";
    return self->awaits ? "an approval is not followed by its posting" : NULL;
}
