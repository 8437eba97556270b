/* What tests of rails share: a rail that is open, a job of it, and replies to its requests. */
#ifndef TELLER_TESTS_RAIL_WORLD_H
#define TELLER_TESTS_RAIL_WORLD_H

#include "actors/bank/rail.h"

/* 2026-11-21 03:00:00 UTC, noon in Korea. */
#define RAIL_NOON_US INT64_C(1795230000000000)

struct rail_world {
    const struct rail *rail;
    void *own;
    int64_t now_us;
    struct rail_job job;
    struct rail_request request;
    struct rail_verdict verdict;
};

/* list: pairs of key and value, NULL at the end. */
void rail_world_open(struct rail_world *self, const struct rail *rail, const char *const *list);
void rail_world_close(struct rail_world *self);

/* Settings are refused with these words. */
void assert_settings_refused(const struct rail *rail, const char *const *list, const char *why);

/* A call of 12,345 minor units under serial 1296, named by the rail. */
void rail_world_call(struct rail_world *self, enum bank_step step, const char *currency, const char *payer,
                     const char *payee);
/* … which is refused for good with these words. */
void assert_call_refused(struct rail_world *self, const char *currency, int64_t amount, const char *payer,
                         const char *payee, const char *reason);

/* To PAY or INQUIRE, sent now. */
void rail_world_at(struct rail_world *self, enum rail_phase phase);

/* "METHOD URL", headers and body, each a line. The x-jws-signature's value is left out. The caller frees it. */
char *rail_world_ask(struct rail_world *self);
void assert_request(struct rail_world *self, const char *expected);

/* The reply's body stands in a block of exactly its size and a NUL. */
void rail_world_answer(struct rail_world *self, long status, const char *body);
void rail_world_answer_bytes(struct rail_world *self, long status, const char *body, size_t length,
                             const char *signature);
void rail_world_arrival(struct rail_world *self, enum rail_arrival arrival);

/* "SUCCEEDED", "FAILED", "FAILED for good", "UNKNOWN", "UNKNOWN trouble", "GO_ON", … */
const char *verdict_text(const struct rail_verdict *verdict);
void assert_verdict(const struct rail_world *self, const char *expected);
/* The promises of a verdict, whatever came: a clean reason of its length, a result of its enum, strings of the job in their bounds. */
void assert_verdict_whole(const struct rail_world *self);

/* Every cut of the body, and every byte of it changed to some others: never SUCCEEDED, unless `still_good` says that the body is. */
void assert_bodies_safe(struct rail_world *self, long status, const char *body,
                        bool (*still_good)(const char *body));

#endif
