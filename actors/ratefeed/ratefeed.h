/* The rate feed's core: when each source is asked, what becomes of the rates that it gives, what the desk is told.
 *
 *                   schedule_begin                    time
 *     IDLE ──────────────────────────► WAITING ─────────────────► FETCHING
 *                                         ▲                        │    │
 *                                         │        sheet_end       │    │ failed, or the sheet is not today's yet
 *                                         └────────────────────────┘    ▼
 *                                                        time      BACKING_OFF
 *                                         FETCHING ◄────────────────────┘
 *
 * Pure: no clock, socket or file. Each call takes the time (microseconds since 1970). What has to be stored is handed to the caller
 * as puts; the caller stores them before it acts on anything else here, and after a store that failed it has the core forget
 * and loads it again. So the core's state never runs ahead of what is durable, as far as anyone can see.
 *
 * A pair's `latest` is the accepted rate with the newest day; the desk gets it, and nothing older. Rates that wait
 * for an operator have ids that are never given twice.
 *
 * Back-off: after a failure 30 s, doubling up to 30 minutes; a source that names a time to come back gets at least
 * that, up to a day, also where the schedule has a time before it. For anything else the next time of the schedule is not
 * missed. A sheet whose newest day is older than the schedule promises (a holiday, or published late) is no failure, and is
 * asked for again after 30 minutes. */
#ifndef TELLER_RATEFEED_RATEFEED_H
#define TELLER_RATEFEED_RATEFEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/mem.h"
#include "actors/base/published_rate.h"
#include "actors/ratefeed/schedule.h"

enum {
    RATEFEED_SOURCES_MAX = 16,
    RATEFEED_NAME_MAX = PRODUCT_MAX,
    RATEFEED_PAIRS_MAX = 128,    /* of one source */
    RATEFEED_WAITING_MAX = 1024, /* rates that wait for an operator, of all sources */
    RATEFEED_NOTE_MAX = 160,
};

struct ratefeed_pair_name {
    char base[CURRENCY_CODE_LENGTH + 1], counter[CURRENCY_CODE_LENGTH + 1];
};

struct ratefeed_source_config {
    char name[RATEFEED_NAME_MAX + 1];
    struct schedule schedule;
    uint32_t spike_ppm;   /* 1 .. 1,000,000,000 */
    uint32_t age_limit_s; /* of rates at the desk */
    bool desk_all;        /* the desk gets every pair of two active currencies; else these */
    uint32_t desk_count;
    struct ratefeed_pair_name desk[RATEFEED_PAIRS_MAX];
};

enum ratefeed_state { RATEFEED_IDLE, RATEFEED_WAITING, RATEFEED_FETCHING, RATEFEED_BACKING_OFF };

/* What has to be stored. `rate` and `why` are valid as long as what they came from. */
enum ratefeed_put_kind {
    RATEFEED_PUT_HISTORY,
    RATEFEED_PUT_WAITING,
    RATEFEED_PUT_REMOVE_WAITING,
    RATEFEED_PUT_REJECTED
};

struct ratefeed_put {
    enum ratefeed_put_kind kind;
    uint32_t source;
    uint64_t id; /* of WAITING and REMOVE_WAITING */
    const char *why;
    const struct published_rate *rate;
};

/* A rate for the desk. */
struct ratefeed_order {
    uint32_t source;
    struct published_rate rate;
    int64_t as_of_us;
    uint32_t age_limit_s;
};

struct ratefeed_source_figures {
    enum ratefeed_state state;
    int64_t last_try_us, last_success_us, next_try_us; /* 0: never, none */
    uint32_t failures;                                 /* in a row */
    int32_t newest_date;                               /* INT32_MIN: nothing was ever accepted */
    uint32_t waiting;                                  /* rates that wait for an operator */
    const char *note;                                  /* "": all is well */
};

/* Since the start. */
struct ratefeed_figures {
    uint64_t fetches, failures, accepted, history, unchanged, to_review, desk_set, desk_failed;
    uint64_t waiting; /* for an operator, now */
};

struct ratefeed;

/* NULL: no memory. configs are copied; names differ. */
struct ratefeed *ratefeed_new(const struct ratefeed_source_config *configs, uint32_t count,
                              const struct mem *mem);
void ratefeed_destroy(struct ratefeed **self_p);

/* ---- what the store knows, told before anything else ---------------------------------------------------- */

/* Forgets all rates and what waits; sources stay in their states. */
void ratefeed_forget(struct ratefeed *self);

/* The newest accepted rate of a pair. false: too many pairs. */
bool ratefeed_load_latest(struct ratefeed *self, uint32_t source, const struct published_rate *rate);
/* After the pair's latest. A rate that has been rejected is not taken up again. */
bool ratefeed_load_rejected(struct ratefeed *self, uint32_t source, const struct published_rate *rate);
/* source: RATEFEED_SOURCES_MAX for one that is not configured any more. false: too many. */
bool ratefeed_load_waiting(struct ratefeed *self, uint64_t id, uint32_t source,
                           const struct published_rate *rate);
void ratefeed_load_next_id(struct ratefeed *self, uint64_t id);

/* ---- fetching ------------------------------------------------------------------------------------------- */

/* Plans the first fetch of each source: at once where a day is missing, else by the schedule. */
void ratefeed_begin(struct ratefeed *self, int64_t now_us);

/* When to look again: the earliest of what is planned. */
int64_t ratefeed_due_us(const struct ratefeed *self);

/* A source whose time has come: it is FETCHING now. false: none. */
bool ratefeed_next_fetch(struct ratefeed *self, int64_t now_us, uint32_t *source);

/* The fetch gave no sheet. error: in words, without secrets. retry_after_s: -1, or when the source wants to be asked again. */
void ratefeed_failed(struct ratefeed *self, uint32_t source, const char *error, int64_t retry_after_s,
                     int64_t now_us);

/* ---- a sheet -------------------------------------------------------------------------------------------- */

/* sheet_begin, a call of row for each row in order of days, and sheet_end. For a source that is not FETCHING too: an
 * import. */
void ratefeed_sheet_begin(struct ratefeed *self, uint32_t source, int64_t now_us);

/* same_day: what is accepted for the row's day, in the store or earlier in this sheet; or NULL. true: *put has to be stored; its
 * rate is `row`. */
bool ratefeed_row(struct ratefeed *self, const struct published_rate *row,
                  const struct published_rate *same_day, struct ratefeed_put *put);

void ratefeed_sheet_end(struct ratefeed *self, int64_t now_us);

/* ---- the operator --------------------------------------------------------------------------------------- */

/* puts receives two. *rate: as accepted or rejected, with the operator's name; the puts point to it. CODE_OK, RATE_NOT_FOUND, or
 * INVALID_FIELD: the values cannot be, or its source is not configured; then only rejecting helps. */
enum code ratefeed_accept(struct ratefeed *self, uint64_t id, struct str operator,
                          struct published_rate * rate, struct ratefeed_put puts[2]);
enum code ratefeed_reject(struct ratefeed *self, uint64_t id, struct str operator,
                          struct published_rate * rate, struct ratefeed_put puts[2]);

/* ---- the desk ------------------------------------------------------------------------------------------- */

/* A rate that the desk should be told now. false: none. Each order is answered by ratefeed_desk_done, before which its pair is
 * not ordered again. */
bool ratefeed_next_order(struct ratefeed *self, int64_t now_us, struct ratefeed_order *out);
/* is_set: all partitions have it. Otherwise it is ordered again after 1 s, doubling up to 64 s. */
void ratefeed_desk_done(struct ratefeed *self, const struct ratefeed_order *order, bool is_set,
                        int64_t now_us);

/* ---- looking -------------------------------------------------------------------------------------------- */

uint32_t ratefeed_count(const struct ratefeed *self);
const struct ratefeed_source_config *ratefeed_source(const struct ratefeed *self, uint32_t source);
/* RATEFEED_SOURCES_MAX: none of that name. */
uint32_t ratefeed_find(const struct ratefeed *self, struct str name);
struct ratefeed_source_figures ratefeed_source_figures(const struct ratefeed *self, uint32_t source);
struct ratefeed_figures ratefeed_figures(const struct ratefeed *self);
/* "waiting" */
const char *ratefeed_state_name(enum ratefeed_state state);

#endif
