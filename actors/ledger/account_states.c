#include "actors/ledger/account_states.h"

#include "actors/base/check.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

static const char *const NAMES[] = {"none", "ACTIVE", "FROZEN", "CLOSED"};

static const uint32_t NEXT[] = {
    [0] = MACHINE_TO(ACCOUNT_ACTIVE),
    [ACCOUNT_ACTIVE] = MACHINE_TO(ACCOUNT_FROZEN) | MACHINE_TO(ACCOUNT_CLOSED),
    [ACCOUNT_FROZEN] = MACHINE_TO(ACCOUNT_ACTIVE) | MACHINE_TO(ACCOUNT_CLOSED),
    [ACCOUNT_CLOSED] = 0,
};

const struct machine ACCOUNT_STATES = {"account", 4, NAMES, NEXT};

uint8_t account_state_after(uint8_t fact_kind, uint8_t state)
{
    if (fact_kind == FACT_ACCOUNT_CHANGED)
        return state;
    if (fact_kind == FACT_ACCOUNT_FROZEN)
        return ACCOUNT_FROZEN;
    if (fact_kind == FACT_ACCOUNT_CLOSED)
        return ACCOUNT_CLOSED;
    CHECK(fact_kind == FACT_ACCOUNT_OPENED || fact_kind == FACT_ACCOUNT_UNFROZEN);
    return ACCOUNT_ACTIVE;
}
