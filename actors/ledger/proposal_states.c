#include "actors/ledger/proposal_states.h"

#include "actors/base/check.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

static const char *const NAMES[] = {"none", "PROPOSED", "APPROVED", "REJECTED", "EXPIRED"};

static const uint32_t NEXT[] = {
    [0] = MACHINE_TO(PROPOSAL_PROPOSED),
    [PROPOSAL_PROPOSED] =
        MACHINE_TO(PROPOSAL_APPROVED) | MACHINE_TO(PROPOSAL_REJECTED) | MACHINE_TO(PROPOSAL_EXPIRED),
    [PROPOSAL_APPROVED] = 0,
    [PROPOSAL_REJECTED] = 0,
    [PROPOSAL_EXPIRED] = 0,
};

const struct machine PROPOSAL_STATES = {"proposal", 5, NAMES, NEXT};

uint8_t proposal_state_after(uint8_t fact_kind)
{
    static const uint8_t states[] = {PROPOSAL_PROPOSED, PROPOSAL_APPROVED, PROPOSAL_REJECTED,
                                     PROPOSAL_EXPIRED};
    CHECK(fact_kind >= FACT_PROPOSED && fact_kind <= FACT_PROPOSAL_EXPIRED);
    return states[fact_kind - FACT_PROPOSED];
}

enum code proposal_state_code(uint8_t state)
{
    switch ((enum proposal_state)state) {
    case PROPOSAL_PROPOSED:
        return CODE_OK;
    case PROPOSAL_APPROVED:
        return CODE_PROPOSAL_APPROVED;
    case PROPOSAL_REJECTED:
        return CODE_PROPOSAL_REJECTED;
    case PROPOSAL_EXPIRED:
        return CODE_PROPOSAL_EXPIRED;
    }
    CHECK_UNREACHABLE();
}
