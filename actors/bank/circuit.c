/* A bank in trouble is left alone for a while, then tried out with one request.
 *
 *              failures in a row            time is over, a request leaves
 *     CLOSED ──────────────────────► OPEN ─────────────────────────────────► HALF OPEN
 *        ▲                            ▲                                      │    │
 *        │                            └────── it failed: twice as long ──────┘    │
 *        └─────────────────────────────────── it was answered ────────────────────┘
 *
 * Replies to requests that left before it opened change nothing: the one that was let go decides. */
#include "actors/bank/core.h"

bool circuit_allows(const struct place *place, int64_t now_us)
{
    switch (place->circuit) {
    case BANK_CIRCUIT_CLOSED:
        return true;
    case BANK_CIRCUIT_OPEN:
        return now_us >= place->retry_us;
    case BANK_CIRCUIT_HALF_OPEN:
        return false;
    }
    CHECK_UNREACHABLE();
}

void circuit_started(struct place *place, uint64_t request)
{
    if (place->circuit != BANK_CIRCUIT_OPEN)
        return;
    MARK("an open circuit is tried out");
    place->circuit = BANK_CIRCUIT_HALF_OPEN;
    place->probe = request;
}

void circuit_good(struct place *place, uint64_t request)
{
    if (place->circuit == BANK_CIRCUIT_OPEN ||
        (place->circuit == BANK_CIRCUIT_HALF_OPEN && request != place->probe)) {
        MARK("a late answer while the circuit is open");
        return;
    }
    place->circuit = BANK_CIRCUIT_CLOSED;
    place->errors = 0;
    place->openings = 0;
    place->probe = 0;
    place->retry_us = 0;
}

static void open_circuit(struct place *place, int64_t now_us)
{
    const struct bank_limits *limits = &place->limits;
    int64_t wait_us = limits->circuit_first_us;
    for (uint32_t i = 0; i < place->openings && wait_us < limits->circuit_max_us; i++)
        wait_us *= 2;
    if (wait_us > limits->circuit_max_us)
        wait_us = limits->circuit_max_us;
    place->circuit = BANK_CIRCUIT_OPEN;
    place->probe = 0;
    place->retry_us = now_us + wait_us;
    place->openings++;
}

void circuit_trouble(struct place *place, uint64_t request, int64_t now_us)
{
    if (place->errors < UINT32_MAX)
        place->errors++;
    if (place->circuit == BANK_CIRCUIT_CLOSED && place->errors >= place->limits.circuit_failures) {
        MARK("a circuit opens");
        open_circuit(place, now_us);
    } else if (place->circuit == BANK_CIRCUIT_HALF_OPEN && request == place->probe) {
        MARK("a circuit opens again");
        open_circuit(place, now_us);
    }
}
