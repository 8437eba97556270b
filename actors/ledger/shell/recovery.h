/* Bringing a ledger core back from its stores: state first, then the journal's tail.
 *
 * The journal is the truth. A state store that cannot be used is dropped and built anew from the whole journal, unless
 * it is the journal that is damaged. */
#ifndef TELLER_LEDGER_RECOVERY_H
#define TELLER_LEDGER_RECOVERY_H

#include "actors/base/err.h"
#include "actors/ledger/ledger.h"
#include "store/journal.h"
#include "store/state.h"

/* Ports of a core that reads facts from this journal and id runs from this state. Both outlive the core. */
struct recovery_ports {
    struct journal *journal;
    struct state *state;
    /* Of the last run of ids that could not be read: ERR_CORRUPT, or no memory to read it. The core took the id for a new
     * one, so nothing that it has decided since may be committed or told. */
    enum err state_err;
    enum err journal_err; /* the same of facts that could not be read */
};
struct ledger_ports recovery_ports(struct recovery_ports *context);

/* Where the stores and the core come from. */
struct recovery_source {
    void *context;
    enum err (*open_journal)(void *context, struct journal **out);
    enum err (*open_state)(void *context, struct state **out); /* an empty one when there is none */
    enum err (*drop_state)(void *context);                     /* it is closed */
    /* An empty core with these ports. NULL: no memory. */
    struct ledger *(*make_ledger)(void *context, const struct ledger_ports *ports);
    /* The state store cannot be used and will be built anew. */
    void (*rebuilds)(void *context, enum err why);
};

/* A partition's stores and the core that was brought back from them. Stays in place: the core points into it. */
struct recovered {
    struct journal *journal;
    struct state *state;
    struct ledger *ledger;
    struct journal_head head;   /* as of the start */
    struct journal_fault fault; /* after an error: what is wrong with the journal, if it is the journal */
    struct recovery_ports ports;
};

/* Opens the stores and recovers. Closed with recovery_close after an error too. ERR_CORRUPT, ERR_VERSION: of the journal. */
enum err recovery_open(struct recovered *self, const struct recovery_source *source) MUST_USE;
/* Destroys the core and closes the stores. Whoever reads the journal has ended. */
void recovery_close(struct recovered *self);

/* Reads the state store and replays the journal from where the state says. state may be NULL: the whole journal is
 * replayed. On long replays the state store is written on the way. ERR_CORRUPT, ERR_VERSION: the state cannot be
 * used (drop it and try again with a new core), or, without a state, the journal cannot. */
enum err recovery_run(struct ledger *ledger, struct journal *journal, struct state *state) MUST_USE;

/* Applies a unit's puts. */
enum err recovery_apply(struct state *state, const struct ledger_unit *unit) MUST_USE;

#endif
