/* The inside of a seed of the rate feed.
 *
 *     rates_run.c   the run: what is drawn, faults, operators, the end
 *     process.c     the feed's process: fetches, the desk, its lives and deaths
 *     source.c      a source, and what is wrong with its sheets
 *     failing.c     a store of rates that fails when it is told to
 */
#ifndef TELLER_SIM_RATES_WORLD_H
#define TELLER_SIM_RATES_WORLD_H

#include "actors/ratefeed/shell/feed_service.h"
#include "sim/counting_mem.h"
#include "sim/rates/model.h"
#include "sim/stage.h"

#define RATES_SECOND_US INT64_C(1000000)
#define RATES_DAY_US (86400 * RATES_SECOND_US)

enum { SHEET_ROWS_MAX = 256, HISTORY_DAYS = 60 };

enum failing { FAILING_NO, FAILING_FULL, FAILING_LOST, FAILING_KEPT };

struct failing_rates;
struct failing_rates *failing_new(void);
void failing_destroy(struct failing_rates **self_p);
struct rates *failing_rates(struct failing_rates *self);
/* What becomes of the next commit. */
void failing_set(struct failing_rates *self, enum failing failing);
/* The process begins anew. true: the failed store before it was carried out. */
bool failing_reopen(struct failing_rates *self);

struct sheet {
    struct published_rate rows[SHEET_ROWS_MAX];
    size_t count;
    bool is_failed;
    int64_t retry_after_s;
};

/* What the desk should be told of a pair. */
struct desk_pair {
    struct published_rate has; /* at the desk */
    bool is_there;
    bool is_wanted; /* it has to be told something */
    uint32_t failures;
    int64_t due_us; /* by the wall's clock */
};

struct rates_world {
    struct stage stage;
    struct sim_random source, desk, disk, process, operators;
    struct ratefeed_source_config config;
    int64_t length_us, wall_us; /* wall_us: what the wall's clock is off */
    uint32_t jumps;

    struct failing_rates *store;
    struct feed_service service;
    struct counting_mem memory;
    uint64_t memory_bytes;
    bool is_up, dies_soon;
    uint64_t life, turn;

    struct model model;
    struct published_rate truth[MODEL_PAIRS][MODEL_DAYS];
    uint32_t publish_s; /* second of the day when its rates come */
    int64_t outage_until_us;

    /* when the source should be asked; by the wall's clock */
    int64_t fetch_due_us;
    uint32_t fetch_failures, fetch_jumps;
    bool is_fetching;

    struct ratefeed_order order;   /* the open one */
    bool has_order, is_order_void; /* void: all was forgotten since, and is told again */
    uint64_t orders;
    struct desk_pair desk_pairs[MODEL_PAIRS];

    bool is_calm;
    uint64_t acts, deaths, sheets, wrong_rows, decisions;
    int64_t death_every_us, act_every_us;
};

int64_t feed_wall_us(const struct rates_world *self);

/* ---- process.c */

void feed_start(struct rates_world *self);
void feed_die(struct rates_world *self);
void feed_wake(struct rates_world *self, int64_t delay_us);
/* A pair's latest may be another one: the desk is to be told, and it should be right. */
void feed_note_latest(struct rates_world *self, const struct model *before);

/* ---- rates_run.c */

/* An operator looks at what waits, now. */
void operator_looks(void *context, void *pointer, uint64_t number);

/* ---- source.c */

void source_begin(struct rates_world *self);
/* The newest day that is published. */
int32_t source_newest(const struct rates_world *self);
void source_draw(struct rates_world *self, struct sheet *out);
bool source_is_true(const struct rates_world *self, const struct published_rate *rate);

#endif
