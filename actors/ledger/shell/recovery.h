/* Bringing a ledger core back from its stores: state first, then the journal's tail. */
#ifndef TELLER_LEDGER_RECOVERY_H
#define TELLER_LEDGER_RECOVERY_H

#include "actors/base/err.h"
#include "actors/ledger/ledger.h"
#include "store/journal.h"
#include "store/state.h"

/* Reads the state store and replays the journal from where the state says. state may be NULL: the whole journal is
 * replayed. On long replays the state store is written on the way. ERR_CORRUPT, ERR_VERSION: the state cannot be
 * used (drop it and try again with a new core), or, without a state, the journal cannot. */
enum err recovery_run(struct ledger *ledger, struct journal *journal, struct state *state) MUST_USE;

/* Ports of a core that reads facts from this journal and id runs from this state. Both outlive the core. */
struct recovery_ports {
    struct journal *journal;
    struct state *state;
};
struct ledger_ports recovery_ports(struct recovery_ports *context);

/* Applies a unit's puts. */
enum err recovery_apply(struct state *state, const struct ledger_unit *unit) MUST_USE;

#endif
