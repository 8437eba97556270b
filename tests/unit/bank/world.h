/* A world for the bank adapter's core, in virtual time: a disk, requests on their way, what was told; and a toy rail that does as it is
 * told.
 *
 * The toy's requests are lines: "prepare ID", "pay ID", "ask ID", "token 0", where ID is "J" and the job's serial. Its replies are words:
 *
 *     go         on to the next request         token    the token was refused
 *     ok         SUCCEEDED                      later    LATER (retry_after_s of the reply)
 *     no, never  FAILED, and permanently        trouble  UNKNOWN, and the bank is in trouble
 *     what       UNKNOWN                        taken    PAY was taken: the resource is "R" and the serial; ask later
 *     gone       NOT_FOUND                      more     INQUIRE: one more request
 *     next       INQUIRE: its next stage, whose request is "ask ID next"
 *
 * and not of the bank: lost, refused (not sent). A token's reply: ok (good for an hour), or no. A payee "nobody" cannot be paid; a payee
 * "plain" needs no preparation. */
#ifndef TELLER_TESTS_UNIT_BANK_WORLD_H
#define TELLER_TESTS_UNIT_BANK_WORLD_H

#include "actors/bank/bank.h"
#include "sim/counting_mem.h"
#include "store/outbox.h"

#define SECOND INT64_C(1000000)

/* When a world's store is made, and the first serial that a core gives then; the toy's ids count from 1. */
#define WORLD_BORN_US (1000000 * SECOND)
#define WORLD_FIRST_SERIAL ((uint64_t)(WORLD_BORN_US / 1000))

enum { WORLD_OUT_MAX = 2048, WORLD_REPORTS_MAX = 8192, WORLD_ANSWERS_MAX = 256, WORLD_LINE = 64 };

struct world_request {
    uint64_t number;
    uint32_t bank;
    uint32_t timeout_ms;
    bool is_repeatable;
    struct uuid remittance; /* of its job; nil: for a token */
    uint32_t call;          /* its number */
    char line[WORLD_LINE];
};

struct world {
    struct counting_mem counting;
    struct mem mem;
    struct outbox *outbox;
    struct bank *bank;
    struct bank_config configs[2]; /* "toy", with a token; "free", without */
    uint32_t config_count;
    int64_t now_us;
    struct world_request out[WORLD_OUT_MAX]; /* on their way, oldest first */
    uint32_t out_count;
    struct bank_report reports[WORLD_REPORTS_MAX];
    uint32_t report_count;
    struct bank_callback_answer answers[WORLD_ANSWERS_MAX];
    uint32_t answer_count;
    uint32_t pays, asks, tokens; /* requests that left */
    uint32_t puts;
};

extern const struct rail toy_rail, free_rail;

void world_init(struct world *world);
void world_release(struct world *world);

/* A new core, of what is on the disk. What was on its way has no one who waits for it. */
void world_start(struct world *world);
void world_stop(struct world *world);
static inline void world_restart(struct world *world)
{
    world_stop(world);
    world_start(world);
}

/* Makes durable what has to be, and lets go what waits for it, until there is nothing. */
void world_run(struct world *world);
/* Time passes; the timer goes off each time that it is due. */
void world_wait(struct world *world, int64_t us);

struct bank_call world_call_of(uint32_t id, uint32_t number);
/* Call `number` of remittance `id`, at bank "toy"; then world_run. */
void world_call(struct world *world, uint32_t id, uint32_t number);
void world_call_at(struct world *world, const char *bank, const char *payee, uint32_t id);
void world_ack(struct world *world, uint32_t id, enum bank_outcome outcome);

/* Answers the oldest request of that line, which must be there; then world_run. */
void world_answer(struct world *world, const char *line, const char *word);
void world_answer_after(struct world *world, const char *line, const char *word, int64_t retry_after_s);
/* A reply for the core, of a word. */
struct rail_reply world_reply_of(const char *word);
/* An event about a payment; then world_run. true: it was kept. */
bool world_event(struct world *world, const char *event, const char *id, const char *resource);

/* How many on their way begin like that. */
uint32_t world_out(const struct world *world, const char *beginning);
/* How many reports of that outcome were told of call 1 of a remittance. */
uint32_t world_told(const struct world *world, uint32_t id, enum bank_outcome outcome);
/* The job of serial n answered from call to payment: "prepare", "pay" with `word`. */
void world_pay(struct world *world, uint32_t serial, const char *word);

#endif
