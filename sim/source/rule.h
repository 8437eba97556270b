/* Rules: what a source of rates does wrong, and when.
 *
 *     [{"path": "daily", "do": "spike", "factor": "10", "currency": "USD", "after": 1, "count": 2, "probability": "0.5"}]
 *
 * The first rule whose path is a part of the request's path, that has let `after` requests pass and has some of its `count` left, and
 * for which the dice fall, is applied. README.md has the list. Chance comes from a seed: the same requests in the same order meet
 * the same trouble. */
#ifndef TELLER_SIM_SOURCE_RULE_H
#define TELLER_SIM_SOURCE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"

enum rule_action {
    RULE_NONE,
    /* how it is served */
    RULE_TIMEOUT,  /* no answer until the client goes */
    RULE_SLOW,     /* `bytes` of the body at a time, a pause of `pause_ms` between them */
    RULE_CUT,      /* the connection ends in mid-body, after `bytes` (0: half of it) */
    RULE_STATUS,   /* `status` with an empty body; `retry_after`, where given, as a header */
    RULE_REDIRECT, /* 302 to the same path with "?followed" */
    RULE_EMPTY,    /* 200 and no body */
    RULE_GARBAGE,  /* 200 and bytes that mean nothing */
    RULE_LONG,     /* the document, and spaces behind it: `bytes` in all */
    /* what is served */
    RULE_DOCTYPE,   /* XML: with a DOCTYPE and entities that grow */
    RULE_STALE,     /* as of `days` days ago */
    RULE_OLDER,     /* as of the publishing day before */
    RULE_ZERO,      /* `currency` is zero */
    RULE_NEGATIVE,  /* `currency` is below zero */
    RULE_SPIKE,     /* `currency` × `factor` */
    RULE_CROSSED,   /* Eximbank: ttb and tts of `currency` change places */
    RULE_MISSING,   /* `currency` is not there */
    RULE_DUPLICATE, /* XML: the newest day twice; Eximbank: `currency` twice */
    RULE_PER_100,   /* `currency` is 100 times as much, without saying so */
    RULE_COMMA,     /* `currency` has a comma for its decimals */
    RULE_NO_RATES,  /* Eximbank: [] as on a holiday */
    RULE_NULL,      /* Eximbank: null */
    RULE_RESULT,    /* Eximbank: `result` 2, 3 or 4 */
};

enum { RULE_PATH_MAX = 64 };

struct rule {
    enum rule_action action;
    char path[RULE_PATH_MAX]; /* "": any */
    uint64_t after, count;
    int64_t probability; /* of RATE_ONE */
    int64_t factor;      /* of RATE_ONE */
    char currency[4];
    uint32_t status, bytes, pause_ms, days, result;
    int64_t retry_after_s; /* -1: none */
};

struct rules;

struct rules *rules_new(uint64_t seed);
void rules_destroy(struct rules **self_p);

/* Replaces all of them. ERR_INVALID: nothing has changed; why, of 160 bytes, tells. Safe from any thread, as is rules_match. */
enum err rules_set(struct rules *self, const char *text, size_t length, char why[160]) MUST_USE;

/* What is to be done with a request; RULE_NONE: nothing. */
struct rule rules_match(struct rules *self, const char *path);

const char *rule_action_name(enum rule_action action);

#endif
