/* The inside of a seed of remittances.
 *
 *     remittances_run.c   the run: what is drawn, faults, the end
 *     node.c              the ledger: commits, its lives and deaths
 *     stores.c            its journal and state store, and how it comes back from them
 *     adapter.c           the bank adapter: rows, requests, reports
 *     banks.c             the banks, and the ways to them and back
 *     people.c            clients and operators
 *     others.c            who else keeps the ledger busy
 *     watch.c             what must never be
 *     differ.c            what two ledgers do not have in common
 *     case.c              one remittance with the trouble that it is told: for tests
 */
#ifndef TELLER_SIM_REMITTANCES_WORLD_H
#define TELLER_SIM_REMITTANCES_WORLD_H

#include "actors/bank/bank.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"
#include "actors/ledger/remittance_states.h"
#include "actors/ledger/shell/recovery.h"
#include "sim/bank/virtual_bank.h"
#include "sim/counting_mem.h"
#include "sim/remittances/watch.h"
#include "sim/stage.h"

#define REMIT_SECOND_US INT64_C(1000000)
#define REMIT_MINUTE_US (60 * REMIT_SECOND_US)

/* 2026-11-20T14:30:00Z: half an hour before midnight in Korea. */
#define REMIT_BEFORE_MIDNIGHT_US INT64_C(1795185000000000)

enum { REMIT_ACCOUNTS = 8, REMIT_BANKS = 2 };

/* What the ledger comes back from. They outlive the process's lives. */
struct ledger_stores {
    struct journal *journal;
    struct state *state;
    struct sim_random random;
    struct recovery_ports ports; /* of the core that lives */
    uint64_t applied;            /* commits of the state store */
};

struct ledger_node {
    struct ledger *core;
    struct ledger_unit *unit;                      /* on its way to the journal */
    struct ledger_unit *durable[LEDGER_UNITS_MAX]; /* in order; on their way to the state store */
    size_t durable_count;
    bool is_applying;         /* the first of them */
    uint64_t position_before; /* a second ago */
    struct counting_mem memory;
    uint64_t life;
    bool is_turning; /* a commit or a timer is planned */
    int64_t timer_us;
    uint32_t *waiting; /* requests whose answers leave with the unit being filled */
    size_t waiting_count, waiting_room;
    uint32_t *leaving; /* … with the one on its way */
    size_t leaving_count, leaving_room;
};

/* A row of the adapter's store. */
struct row {
    uint8_t table, key_length;
    uint8_t key[BANK_ROW_KEY_MAX];
    size_t length;
    uint8_t value[BANK_ROW_MAX];
    bool is_there;
};

struct adapter_node {
    struct bank *core;
    struct bank_unit *unit;
    struct counting_mem memory;
    struct mem mem;
    uint64_t life;
    bool is_turning;
    int64_t timer_us;
    struct row *rows;
    size_t row_count, row_room;
};

struct remittances_world {
    struct stage stage;
    struct sim_random people, network, bank, process, disk, endings;
    int64_t wall_us;   /* of the world's beginning */
    int64_t jump_us;   /* what the node's clock is off */
    int64_t jumped_us; /* when it was last set, by the stage's clock */
    bool is_up;        /* the process: ledger and adapter */
    bool is_calm;      /* faults have ended */
    struct ledger_stores stores;
    struct ledger_node ledger;
    struct adapter_node adapter;
    struct virtual_bank *banks[REMIT_BANKS];
    struct posted *posted;    /* callbacks that the adapter has not answered yet */
    void *rails[REMIT_BANKS]; /* what the rails have opened: they outlive the process's lives */
    bool post_planned[REMIT_BANKS];
    uint64_t entries_seen[REMIT_BANKS];
    int64_t
        later_us[REMIT_BANKS]; /* nothing is asked before, by the stage's clock, as the adapter was told */
    struct watch watch;
    uint32_t most;   /* remittances of this seed */
    uint32_t others; /* accounts that are busy with something else */
    int64_t every_us;
    uint32_t trouble_ppm;
    bool has_callbacks;
    struct ledger_config config; /* of the ledger */
    bool has_quiet;              /* a quiet second brings a checkpoint to its end */
    uint64_t deaths, requests, posts, acts, calls_told;
};

/* The parts of a world that are the same for a run and for a case, and their end. wall_us is set. */
void remittances_begin(struct remittances_world *self, const struct run_config *config);
void remittances_release(struct remittances_world *self);

/* ---- remittances_run.c ------------------------------------------------------------------------------- */

/* What the node's clock shows, and what the banks' clocks do. */
int64_t remit_node_us(const struct remittances_world *self);
int64_t remit_true_us(const struct remittances_world *self);
bool remit_has(const struct remittances_world *self, enum fault_family family);
/* The adapter alone dies now, and starts again a little later. */
void remit_adapter_dies(struct remittances_world *self);
/* A message between two of them: how long it takes; -1: it is lost. */
int64_t remit_way_us(struct remittances_world *self, int64_t least_us, int64_t most_us);

/* ---- node.c ------------------------------------------------------------------------------------------- */

void node_start(struct remittances_world *self);
void node_die(struct remittances_world *self);
/* The core was called: a commit follows. */
void node_touched(struct remittances_world *self);
/* The answer to `known` leaves with the current unit. */
void node_answers(struct remittances_world *self, uint32_t known);
void node_release(struct remittances_world *self);

/* ---- stores.c ----------------------------------------------------------------------------------------- */

void stores_open(struct remittances_world *self);
void stores_release(struct remittances_world *self);

/* What a unit says is in the journal from now on. */
void stores_append(struct remittances_world *self, const struct ledger_unit *unit);
/* Its puts are in the state store. ERR_FULL: nothing has changed, and it may be tried again. */
enum err stores_apply(struct remittances_world *self, const struct ledger_unit *unit) MUST_USE;

/* A core that has come back, from the state and the journal's tail, or where the state is lost from the journal alone. It is
 * compared with one from the journal alone. NULL: a breach. */
struct ledger *stores_recover(struct remittances_world *self, struct counting_mem *memory);

/* A core beside the one that lives, with stores of its own behind the journal. It stays in place until it is released. */
struct twin {
    struct ledger *core; /* NULL: a breach */
    struct state *state;
    struct counting_mem memory;
    struct recovery_ports ports;
};
/* From the journal alone. */
void twin_of_journal(struct remittances_world *self, struct twin *twin);
void twin_release(struct twin *twin);

/* ---- adapter.c ----------------------------------------------------------------------------------------- */

void adapter_start(struct remittances_world *self);
void adapter_die(struct remittances_world *self);
void adapter_touched(struct remittances_world *self);
void adapter_release(struct remittances_world *self);

/* ---- banks.c ------------------------------------------------------------------------------------------- */

extern const char *const REMIT_BANK_NAMES[REMIT_BANKS];
void banks_open(struct remittances_world *self);
void banks_release(struct remittances_world *self);
/* Draws new rules for both; none where faults have ended. */
void banks_rules(struct remittances_world *self);
void banks_ask(struct remittances_world *self, const struct bank_request *request);
void banks_answer_callback(struct remittances_world *self, const struct bank_callback_answer *answer);
/* The adapter has died: who waits for its answer hears none. */
void banks_callbacks_die(struct remittances_world *self);
struct bank_config banks_config(struct remittances_world *self, uint32_t bank);
/* Looks at what was really paid, and plans the next post. */
void banks_look(struct remittances_world *self, uint32_t bank);

/* ---- people.c ------------------------------------------------------------------------------------------ */

/* Makes one up, and asks for it. Returns its place among the known. */
uint32_t people_make(struct remittances_world *self, uint32_t account, bool operator_refunds);
/* Lets an account take and give what it has, or (blocks) take nothing more, or give nothing. */
void people_account(struct remittances_world *self, uint32_t account, bool blocks_deposits,
                    bool blocks_withdrawals);
void people_begin(struct remittances_world *self);
/* Asks again for what was never answered. */
void people_ask(struct remittances_world *self, uint32_t known);
void people_open_accounts(struct remittances_world *self);
/* Nothing is frozen any more, and each list is worked once. */
void people_settle(struct remittances_world *self);

/* ---- others.c ------------------------------------------------------------------------------------------ */

/* Opens their accounts, behind those of people_open_accounts. */
void others_begin(struct remittances_world *self);

#endif
