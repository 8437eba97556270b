/* What the rate feed has promised, worked out apart from it: docs and the headers of actors/ratefeed are all that it knows.
 *
 *   R1  nothing suspicious becomes a pair's latest, or reaches the desk, without an operator
 *   R2  what is stored is what should be: each day's rate, the latest, what waits (and no id comes twice)
 *   R3  sources are asked at the times of their schedules, and after a failure 30 s later, doubling up to 30 minutes
 *   R4  the desk is told the latest of its pairs, once; and again 1 s after a failure, doubling up to 64 s
 *   R5  when faults have ended, each good rate is the latest, and the desk has it; memory is bounded
 */
#ifndef TELLER_SIM_RATES_MODEL_H
#define TELLER_SIM_RATES_MODEL_H

#include "actors/ratefeed/ratefeed.h"
#include "sim/stage.h"
#include "store/rates.h"

enum { MODEL_PAIRS = 5, MODEL_DAYS = 200, MODEL_WAITING = 1024 };

struct model_pair {
    struct published_rate name; /* its currencies */
    struct published_rate days[MODEL_DAYS];
    bool has[MODEL_DAYS];
    int32_t latest; /* index of a day; -1: none */
    struct published_rate rejected;
    bool has_rejected;
};

struct model_waiting {
    uint64_t id;
    uint32_t pair;
    struct published_rate rate;
};

/* One source: copied as a whole, where a store may not be carried out. */
struct model {
    int32_t first_day; /* of index 0 */
    uint32_t pair_count, waiting_count;
    uint64_t next_id;
    struct model_pair pairs[MODEL_PAIRS];
    struct model_waiting waiting[MODEL_WAITING];
};

enum model_fate { MODEL_NOTHING, MODEL_ACCEPTED, MODEL_HISTORY, MODEL_WAITS, MODEL_KNOWN };

struct model_counts {
    uint32_t accepted, history, unchanged, to_review;
};

/* A sheet, judged row after row. */
struct model_counts model_sheet(struct model *self, const struct ratefeed_source_config *config,
                                const struct published_rate *rows, size_t count, int64_t wall_us);

const struct model_waiting *model_find(const struct model *self, uint64_t id);
/* An operator's word; the id waits. */
void model_decide(struct model *self, uint64_t id, bool is_accepted, const char *operator);

const struct published_rate *model_latest(const struct model *self, uint32_t pair);
/* MODEL_PAIRS: none. */
uint32_t model_pair_of(const struct model *self, const struct published_rate *rate);
bool model_same(const struct published_rate *a, const struct published_rate *b);
/* Values that a rate can have. */
bool model_can_be(const struct published_rate *rate);

/* The store against the model, all of it, with as-of questions for every day. */
void model_compare(const struct model *self, struct stage *stage, struct rates *rates, const char *source);

/* The first moment of a schedule after a time, and the day that should be known by then; INT32_MIN: no such day. */
int64_t model_next_us(const struct schedule *schedule, int64_t wall_us);
int32_t model_expected_day(const struct schedule *schedule, int64_t wall_us);
int32_t model_day(int64_t wall_us, int32_t offset_s);

#endif
