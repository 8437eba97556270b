/* Remittances, inside the core: what its files offer each other. remittance_states.h has the picture.
 *
 *     remittance.c        decide: requesting one, and what operators do
 *     remittance_bank.c   decide: what a bank has said; the calls to it
 *     remittance_step.c   decide: the next step, the next try, giving up; and how one move is written
 *     remittance_evolve.c facts applied, tested and stored
 *     remittance_view.c   facts read back: views, trails, lists
 *     remittance_table.c  the open ones
 *
 * Each move is one fact, and a move of money is a posting that says it too. What has to be known of an open remittance to decide is
 * in its slot; texts are read from its FACT_REMITTANCE_REQUESTED when they are needed. Its id is in the id table from there on and
 * always leads to its newest fact, from which the others are found backwards. As a remittance may be open for longer than ids are
 * remembered, the table is asked too where an id must be new.
 *
 * States that need nobody (REQUESTED, PULLED, DEPOSITED, WITHDRAWN) are left in the call that leads to them. Only where there is no
 * memory for the next fact they are seen from outside; they are due at once, and so go on by themselves.
 */
#ifndef TELLER_LEDGER_REMITTANCE_H
#define TELLER_LEDGER_REMITTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/core.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"
#include "actors/ledger/remittance_table.h"

/* ---- remittance_view.c: facts read back ------------------------------------------------------------ */

struct remittance_fact {
    uint64_t position;
    int64_t time_us;  /* of its commit */
    uint8_t kind;     /* enum fact_kind */
    uint32_t account; /* REQUESTED, MOVED, NOTED */
    int64_t amount;
    struct uuid id;
    struct fact_remittance_part part;
    struct fact_strings strings; /* they point into bytes */
    uint8_t bytes[CORE_FACT_MAX];
};

/* CODE_REMITTANCE_NOT_FOUND: the fact is about something else. CODE_UNKNOWN: it cannot be read. */
enum code remittance_read(struct ledger *self, uint64_t position, struct remittance_fact *out);

/* What the newest fact of a remittance says, and what it was requested with. Codes as above. */
enum code remittance_view(struct ledger *self, uint64_t last_position, struct ledger_remittance_view *view);

/* ---- remittance_step.c ------------------------------------------------------------------------------- */

/* In what way a remittance stands at a step. */
enum remittance_phase {
    REMITTANCE_PHASE_CALLED, /* steps at a bank only; so the next */
    REMITTANCE_PHASE_UNKNOWN,
    REMITTANCE_PHASE_WAITING,
    REMITTANCE_PHASE_LISTED,
    REMITTANCE_PHASE_DONE,
    REMITTANCE_PHASES
};

enum remittance_state remittance_state_of(uint8_t step, enum remittance_phase phase);

/* A bank does it. */
static inline bool remittance_step_calls(uint8_t step)
{
    return step != REMITTANCE_STEP_DEPOSIT && step != REMITTANCE_STEP_WITHDRAWAL;
}

/* A try of a step: which one of which round. */
struct remittance_try {
    uint8_t step, tries, rounds;
};

/* A move to be written. */
struct remittance_move {
    uint8_t kind;  /* enum fact_kind */
    uint8_t state; /* enum remittance_state */
    struct remittance_try at;
    uint8_t code;   /* enum code */
    uint8_t flags;  /* enum fact_remittance_flag: to be set beside those that it has, with an alarm */
    bool calls;     /* the next call to the bank begins with it */
    uint16_t about; /* as in the fact */
    int64_t due_us;
};

/* Somebody's words, for the fact that they lead to. */
struct remittance_words {
    struct str reason, operator_name, bank_reference; /* operator_name: empty: nobody did it */
};

/* A decision about one open remittance. */
struct remittance_case {
    uint32_t slot;
    bool is_read;                     /* `requested` is */
    struct remittance_words words;    /* of the next fact; those behind it have none */
    struct remittance_fact requested; /* read when it is needed first */
};

static inline void remittance_case_init(struct remittance_case *self, uint32_t slot)
{
    self->slot = slot;
    self->is_read = false;
    self->words = (struct remittance_words){0};
}

/* Room for what one call may add to a unit beside its facts. */
bool remittance_effects_ensure(struct ledger *self);

/* Writes a fact of `fixed` bytes, its length apart; requested: whose texts a posting repeats, or NULL. Room for ids has been ensured. */
bool remittance_append(struct ledger *self, const void *fact, size_t fixed,
                       const struct remittance_words *words, const struct remittance_fact *requested);
/* There is room. */
void remittance_alarm_add(struct ledger *self, const struct ledger_alarm *alarm);

/* Writes a move. false: no memory, or the request cannot be read; the remittance has not changed. So for all that follow. */
bool remittance_write(struct ledger *self, struct remittance_case *on, const struct remittance_move *move);

/* Begins a try: a call, or a posting, which may be refused at once. */
bool remittance_begin(struct ledger *self, struct remittance_case *on, struct remittance_try at);

/* The try has failed. */
bool remittance_refused(struct ledger *self, struct remittance_case *on, struct remittance_try at,
                        bool is_permanent, enum code code);

/* The flag, with an alarm, where it stands. */
bool remittance_note(struct ledger *self, struct remittance_case *on, uint8_t flag);

/* What the bank has said of a call cannot be: noted, with an alarm, and nothing goes on by itself any more. */
bool remittance_contradict(struct ledger *self, struct remittance_case *on, uint32_t number);

/* Leaves states that need nobody, as far as there is memory. */
void remittance_carry_on(struct ledger *self, struct remittance_case *on);

/* The try that follows by itself: of the next step, the next of this round, or the first of the next round. */
struct remittance_try remittance_next_try(const struct remittance *remittance);

/* What a posting of this amount between the account and clearing would be answered. */
struct verdict remittance_check_posting(struct ledger *self, const struct remittance *remittance,
                                        bool to_account);

/* ---- remittance_bank.c ------------------------------------------------------------------------------- */

/* Takes what is said of the newest call. */
bool remittance_take(struct ledger *self, struct remittance_case *on, uint8_t outcome, bool is_permanent);

/* The call of a slot into the unit; there is room. */
void remittance_call_add(struct ledger *self, const struct remittance_case *on);

/* ---- remittance_evolve.c ----------------------------------------------------------------------------- */

/* Memory for one in this slot, and for its deadlines. */
bool remittance_room(struct ledger *self, uint32_t slot);

#endif
