/* The bank adapter's core: calls of ledgers become payments at banks, once each.
 *
 * Pure: no clock, socket, thread or file. Time comes with each call, memory from `mem`; rails are codecs that it is given. How a
 * shell drives it:
 *
 *     bank_call / bank_reply / bank_callback / bank_acked / bank_timer     any number of times
 *     unit = bank_take()                       rows to make durable, and the effects that wait for them
 *     outbox_apply(unit->puts)                 ERR_OK, else never run the effects: stop
 *     run the unit's effects                   requests to banks, reports to ledgers, answers to callbacks
 *     bank_release(unit)
 *
 * Promises:
 * - The request that moves money is sent at most once for a call, or again only where the rail says that the bank takes the second for the
 *   first (repeatable_us). Before it leaves, the job is durable in phase PAY. After a restart a job in PAY or INQUIRE is asked about.
 * - A call that is told again changes nothing; one that is done gets its report again. Done jobs are remembered for
 *   BANK_KEEP_US after their ack, so that a ledger that was set back by a restore cannot pay again. Nor does it hear of one payment what became
 *   of another: where it calls something else by the name of what is done, it is told UNKNOWN, for an operator.
 * - A call from before the store was made is never sent: a store that is lost may have sent it. Nor is one that is older than a job that was
 *   forgotten: it may be that one. It is reported UNKNOWN, for an operator.
 * - In a store that is a copy, made by a backup or restored from one, a call that the store does not know is sent only if its remittance was
 *   requested after that. The node that was copied went on: it may have sent this call, and those that the copied ledger makes next, too. They are
 *   reported UNKNOWN, for an operator. What the store knows is asked about, or told again. Serials go on behind those of that node.
 * - A report SUCCEEDED or FAILED is final, told until it is acked, and never followed by the other, also not after a restart: its row is put
 *   with it.
 * - Per bank: at most `parallel` requests at once, a rate, a circuit that opens after failures in a row and is tried out with one request,
 *   Retry-After kept. Banks do not hold each other up.
 * - Memory is bounded by BANK_JOBS_MAX; beyond that, calls are left where they are: ledgers tell them again. A done job that is remembered
 *   takes some 130 bytes. Where there is no memory for it, its ack is left, and its report told again.
 *
 * The inside is core.h, which tells of its files.
 */
#ifndef TELLER_BANK_BANK_H
#define TELLER_BANK_BANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/bank/rail.h"
#include "actors/base/err.h"
#include "actors/base/mem.h"
#include "actors/base/str.h"

enum {
    BANK_BANKS_MAX = 16,
    BANK_JOBS_MAX = 262144, /* not done, or done and not acked */
    BANK_ROW_KEY_MAX = 64,
    BANK_ROW_MAX = 2048,
};

#define BANK_KEEP_US (INT64_C(35) * 86400 * 1000000)

struct bank_limits {
    uint32_t parallel;        /* requests at once; 1 .. 1,024 */
    uint32_t rate_per_s;      /* requests started; 0: any */
    uint32_t timeout_ms;      /* whole, of a request that moves money */
    uint32_t ask_timeout_ms;  /* … of all others */
    int64_t inquiry_first_us; /* then twice as long each time */
    int64_t inquiry_max_us;
    int64_t grace_us; /* after the reply to what was sent, or its loss: until then NOT_FOUND means nothing */
    uint32_t circuit_failures; /* in a row, that open it */
    int64_t circuit_first_us;  /* until it is tried out; then twice as long each time */
    int64_t circuit_max_us;
};

/* 64, any, 30 s, 10 s; 1 s to 10 minutes; grace 60 s; 5, 5 s to 60 s. */
struct bank_limits bank_limits_default(void);

struct bank_config {
    const char *name; /* 1 .. BANK_NAME_MAX */
    const struct rail *rail;
    void *own; /* what rail->open gave; the caller closes it after bank_destroy */
    struct bank_limits limits;
};

struct bank;

/* NULL: no memory. Configs are copied. hash_key: secret seed of the tables that are keyed by what clients choose. */
struct bank *bank_new(const struct bank_config *configs, uint32_t count, uint64_t hash_key,
                      const struct mem *mem);
void bank_destroy(struct bank **self_p);

/* ---- recovery: each row that was stored, then bank_recovered --------------------------------------- */

enum bank_table { BANK_TABLE_JOBS = 1, BANK_TABLE_EVENTS = 2, BANK_TABLE_SERIALS = 3 };

/* ERR_CORRUPT: not a row of ours. A job of a bank that is not configured any more, or that is another one by
 * now (rail->knows), waits for it to come back. */
enum err bank_restore(struct bank *self, uint8_t table, const uint8_t *key, size_t key_length,
                      const uint8_t *value, size_t value_length) MUST_USE;
enum err bank_recovered(struct bank *self, int64_t now_us) MUST_USE;

/* ---- what comes in --------------------------------------------------------------------------------- */

void bank_call(struct bank *self, int64_t now_us, const struct bank_call *call);
void bank_acked(struct bank *self, int64_t now_us, const struct bank_ack *ack);

/* The reply to a request of a unit, by its number. */
void bank_reply(struct bank *self, int64_t now_us, uint64_t request, const struct rail_reply *reply);

/* A callback whose signature is good. token: the shell's; its answer is an effect of a later unit. */
void bank_callback(struct bank *self, int64_t now_us, const char *bank, const struct rail_notice *notice,
                   void *token);

/* Inquiries that are due, circuits, reports that were not acked, rows to forget. */
void bank_timer(struct bank *self, int64_t now_us);
/* When the timer is due; INT64_MAX: never. By the clock of the last call: a shell that sleeps looks at a clock that was set back at least each
 * second. */
int64_t bank_due_us(const struct bank *self);

/* ---- what goes out --------------------------------------------------------------------------------- */

struct bank_put {
    uint8_t table; /* enum bank_table */
    uint8_t key_length;
    uint8_t key[BANK_ROW_KEY_MAX];
    const uint8_t *value; /* NULL: delete */
    size_t value_length;
};

struct bank_request {
    uint64_t number;
    uint32_t bank; /* its place among the configs */
    uint32_t timeout_ms;
    /* It may arrive twice without harm, so a transport may send it again by itself. Never one that moves money, even where the bank takes the
     * second for the first: an answer to the second ("refused before anything was worked on") says nothing of the first. */
    bool is_repeatable;
    struct rail_request http;
};

struct bank_callback_answer {
    void *token;
    bool is_kept; /* it is durable, or was seen before; false: no such bank or no memory: let it come again */
};

struct bank_unit {
    const struct bank_put *puts;
    size_t put_count;
    struct bank_request *const *requests;
    size_t request_count;
    const struct bank_report *reports;
    size_t report_count;
    const struct bank_callback_answer *answers;
    size_t answer_count;
};

/* NULL: nothing. One unit at a time: release it before the next. It is of a bounded size: take until there is nothing. Requests and what they
 * point to are good until the release. */
struct bank_unit *bank_take(struct bank *self);
void bank_release(struct bank *self, struct bank_unit *unit);

/* ---- backup and restore ------------------------------------------------------------------------------ */

enum { BANK_COPIED_BYTES = 9 };

/* The row that says of a store that it is a copy of that time, with its ledgers; out->value is `value`. Whoever copies puts it before the copy is
 * served. The time is behind all that the copied ledgers have journaled. */
void bank_copied_put(int64_t copied_us, struct bank_put *out, uint8_t value[BANK_COPIED_BYTES]);

/* ---- looking in ------------------------------------------------------------------------------------ */

enum bank_circuit { BANK_CIRCUIT_CLOSED, BANK_CIRCUIT_OPEN, BANK_CIRCUIT_HALF_OPEN };

struct bank_view {
    const char *name, *rail; /* static for the life of the core */
    enum bank_circuit circuit;
    uint32_t queued, in_flight, unknown;
    uint32_t errors;              /* in a row */
    uint64_t succeeded, failed;   /* calls, since the start */
    uint64_t requests, callbacks; /* … */
    int64_t token_until_us;       /* of the one that ends first; 0: there is none */
    int64_t retry_us;             /* when an open circuit, or a bank that said later, is tried again; 0 */
};

uint32_t bank_count(const struct bank *self);
void bank_show(const struct bank *self, uint32_t bank, struct bank_view *out);

enum bank_job_state { BANK_JOB_QUEUED, BANK_JOB_PREPARING, BANK_JOB_SENT, BANK_JOB_ASKING, BANK_JOB_DONE };

struct bank_job_view {
    uint64_t serial;
    int64_t next_us;
    struct rail_job job;
    uint8_t state; /* enum bank_job_state */
    char reason[BANK_REASON_MAX + 1];
};

/* Jobs without a final answer, or of it unacked, with a serial above `after`, in order; of one bank where it is not empty. */
size_t bank_jobs(const struct bank *self, struct str bank, uint64_t after, struct bank_job_view *views,
                 size_t limit);

/* Checks every invariant; a broken one is a CHECK. */
void bank_check(const struct bank *self);

#endif
