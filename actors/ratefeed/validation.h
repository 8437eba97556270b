/* Whether a published rate is taken, waits for an operator, or says nothing new: one row against what is known.
 *
 * The first that applies is the verdict:
 *
 *     a value that cannot be (zero, negative, too large)            waits
 *     a day that has not come yet                                   waits
 *     crossed: buys dearer than the rate, or sells cheaper           waits
 *     the day is known with the same values                         nothing
 *     the day is known with other values                            waits
 *     nothing is known of the pair yet                              accepted
 *     other units than those of the last accepted rate              waits
 *     older than the last accepted rate                             history: kept, and never the latest
 *     further from the last accepted rate than the limit            waits
 *     else                                                          accepted
 *
 * A pair's first sheet may bring years of days. They are all accepted as they are: there is nothing to measure
 * them by. Pure. */
#ifndef TELLER_RATEFEED_VALIDATION_H
#define TELLER_RATEFEED_VALIDATION_H

#include "actors/base/published_rate.h"

enum verdict_kind {
    VERDICT_NOTHING,
    VERDICT_ACCEPTED, /* it is the pair's latest now */
    VERDICT_HISTORY,
    VERDICT_WAITS,
};

struct verdict {
    enum verdict_kind kind;
    const char *why; /* WAITS: in words, for the operator; static storage */
};

struct known {
    const struct published_rate *latest;   /* last accepted of the pair; NULL: none */
    const struct published_rate *same_day; /* accepted, of the row's day; NULL: none */
    bool is_first_sheet;                   /* nothing was known of the pair before this sheet */
    int32_t today;                         /* where the publisher is */
    uint32_t spike_ppm;                    /* the furthest a rate may be from the last */
};

/* Rate, buy, sell and units are within what a rate can be. */
bool validation_is_possible(const struct published_rate *row);

struct verdict validation_verdict(const struct published_rate *row, const struct known *known);

#endif
