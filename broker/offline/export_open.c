#include "broker/offline/export_open.h"

#include "actors/ledger/remittance_states.h"

void export_open_release(struct export_open *self)
{
    for (uint32_t p = 0; p < LEDGER_PARTITIONS_MAX; p++)
        hold_audit_release(&self->holds[p]);
}

/* A note may still come when a remittance has ended, and ends nothing. */
static bool ends_remittance(const uint8_t *bytes)
{
    struct fact_remittance_posting posting;
    struct fact_remittance fact;
    if (bytes[0] == FACT_REMITTANCE_NOTED)
        return false;
    if (fact_is_posting(bytes[0])) {
        memcpy(&posting, bytes, sizeof posting);
        return remittance_has_ended(posting.part.state);
    }
    memcpy(&fact, bytes, sizeof fact);
    return remittance_has_ended(fact.part.state);
}

static enum err take_fact(struct export_open *self, uint32_t partition, uint64_t position, int64_t time_us,
                          const uint8_t *bytes, const char **what)
{
    uint8_t kind = bytes[0];
    self->proposals += kind == FACT_PROPOSED;
    self->proposals -= kind > FACT_PROPOSED && kind <= FACT_PROPOSAL_EXPIRED;
    if (fact_is_hold(kind))
        return hold_audit_fact(&self->holds[partition], position, time_us, bytes, what);
    if (fact_is_remittance(kind)) {
        self->remittances += kind == FACT_REMITTANCE_REQUESTED;
        self->remittances -= ends_remittance(bytes);
    }
    *what = "more has ended than was begun";
    return self->proposals < 0 || self->remittances < 0 ? ERR_CORRUPT : ERR_OK;
}

enum err export_open_commit(struct export_open *self, uint32_t partition, const struct journal_commit *commit,
                            struct fault *fault)
{
    enum err err = ERR_OK;
    const char *what = "this fact is malformed";
    size_t at = 0, size = 0;
    for (; at < commit->length && err == ERR_OK; at += err == ERR_OK ? size : 0) {
        err = fact_check(commit->facts + at, commit->length - at, &size);
        if (err == ERR_OK)
            err = take_fact(self, partition, commit->position + at / FACT_WORD, commit->time_us,
                            commit->facts + at, &what);
    }
    if (err == ERR_CORRUPT)
        return fault_at(fault, partition, commit->position + at / FACT_WORD, commit->sequence, "%s", what);
    return fault_stop(fault, err, "reading a journal");
}

int64_t export_open_held(const struct export_open *self, uint32_t partition, uint64_t position,
                         const struct fact_hold *opened)
{
    const struct hold_audit *holds = &self->holds[partition];
    const struct audit_hold *hold = opened->slot < holds->count ? &holds->slots[opened->slot] : NULL;
    return hold != NULL && hold->opened == position ? hold->held : 0;
}
