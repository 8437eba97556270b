/* The inside of the bank adapter's core: one struct, and what its files offer each other.
 *
 *     bank.c        life, recovery, time, units
 *     jobs.c        jobs by (remittance, number), serials, calls and acks
 *     kept.c        what is remembered of jobs that are done and acked
 *     queue.c       who is next at a bank: parallel, rate, later
 *     answer.c      what a reply does to its job
 *     circuit.c     a bank in trouble is left alone
 *     token.c       one token for all who wait for it
 *     inquiry.c     when a job is asked about
 *     events.c      callbacks, each once
 *     due.c         jobs by the time that something is due for them
 *     view.c        looking in
 *     check.c       invariants
 *     outbox_row.c  rows
 *     slots.c, index.c  memory
 *
 * A job on its way:
 *
 *                    its turn                   final answer
 *     (call) ─► QUEUED ─────────────► OUT ────────────────────► DONE ─► (acked: kept)
 *                 ▲  │                 │ go on, later
 *                 ├──┼─────────────────┤
 *                 │  └─► TOKEN ─► (QUEUED, or DONE)
 *                 │ due                │ try again, ask again
 *                 └──────── WAITING ◄──┘
 *
 * STRANDED: its bank is not configured (any more), or is another one by now, and it waits for a restart with it; or its call is older than what this
 * store knows, or its remittance than the copy that this store is, so a store that is lost may have sent it, and only an operator can end it. TOKEN:
 * it waits for a token.
 *
 * Rows: a unit's puts are durable before its effects are run. So a job's row goes with the request that moves money, and the row of its end
 * with the first report of it: whoever was told SUCCEEDED or FAILED will be told the same after any restart.
 *
 * Requests are made when a unit is taken, not before: they are large, and there are only so many of them.
 */
#ifndef TELLER_BANK_CORE_H
#define TELLER_BANK_CORE_H

#include <string.h>

#include "actors/bank/bank.h"
#include "actors/bank/index.h"
#include "actors/bank/slots.h"
#include "actors/base/check.h"
#include "actors/base/machine.h"
#include "actors/base/mark.h"

#define SECOND_US INT64_C(1000000)

/* Of BANK_TABLE_SERIALS. */
#define CORE_SERIAL_KEY "serial"
#define CORE_BORN_KEY "born"
#define CORE_COPIED_KEY "copied"

enum {
    CORE_EVENTS_MAX = 65536,
    CORE_KEPT_MAX = 1 << 26,
    CORE_ANSWERS_MAX = 4096, /* to callbacks, that wait for a unit */
    CORE_SERIAL_BLOCK = 4096,
    CORE_WORK_MAX = 1024, /* of one call of the timer */
    CORE_TRIES_MAX = 3,
    CORE_TOKEN_TRIES_MAX = 2,
    CORE_STEPS_MAX = 16, /* requests of a job in a row, without waiting */
    CORE_NO_TOKEN = 255,

    UNIT_REQUESTS_MAX = 128,
    UNIT_TELLS_MAX = 256,
    UNIT_KEPT_MAX = 256,
    UNIT_REPORTS_MAX = UNIT_TELLS_MAX + UNIT_KEPT_MAX,
    UNIT_EVENTS_MAX = 128,
    UNIT_ANSWERS_MAX = 128,
    UNIT_PUTS_MAX =
        UNIT_REQUESTS_MAX + UNIT_TELLS_MAX + UNIT_KEPT_MAX + UNIT_EVENTS_MAX + UNIT_ANSWERS_MAX + 3,
    UNIT_VALUES_BYTES = 512 * 1024,

    ROW_JOB_KEY = 24,
    ROW_EVENT_KEY = 16,
    ROW_JOB_MAX = 1152, /* a job with every text as long as can be */
    ROW_KEPT_MAX = 96,
    ROW_EVENT_BYTES = 9,
    ROW_SERIAL_BYTES = 9,
};

_Static_assert((UNIT_REQUESTS_MAX + UNIT_TELLS_MAX) * ROW_JOB_MAX + UNIT_KEPT_MAX * ROW_KEPT_MAX +
                       (UNIT_EVENTS_MAX + UNIT_ANSWERS_MAX) * ROW_EVENT_BYTES + 3 * ROW_SERIAL_BYTES <=
                   UNIT_VALUES_BYTES,
               "the rows of a unit have room");

#define CORE_RETELL_US (5 * SECOND_US)

/* ---- lists of jobs ------------------------------------------------------------------------------------ */

enum link { LINK_SERIAL, LINK_TURN, LINK_TELL, LINK_COUNT };

struct list {
    uint32_t first, last, count;
};

struct link_pair {
    uint32_t previous, next;
};

/* ---- jobs ------------------------------------------------------------------------------------------------ */

enum job_state {
    JOB_QUEUED,
    JOB_TOKEN,
    JOB_OUT,
    JOB_WAITING,
    JOB_DONE,
    JOB_STRANDED,
    JOB_STATE_COUNT,
};

struct job {
    struct rail_job rail;
    uint32_t slot;
    uint32_t bank; /* SLOT_NONE: not configured */
    uint8_t state; /* enum job_state */
    uint8_t outcome;
    uint8_t tries, token_tries, steps;
    uint8_t token;         /* of the last request; CORE_NO_TOKEN: none */
    uint64_t token_number; /* which one that was */
    bool is_permanent;
    bool is_row;     /* its row stands in the store, or in a unit */
    bool is_changed; /* it says more than its row */
    bool is_started; /* a request of it has left */
    bool is_hurried; /* a callback came while a request was out: ask at once */
    bool is_unknown; /* UNKNOWN was told */
    bool is_end_put; /* the row of its end stands */
    bool is_in_tell;
    bool is_in_due;
    uint32_t due_at; /* in the heap */
    int64_t due_us;
    int64_t grace_from_us; /* seen_us when what moves money was last on its way, or may have been */
    int64_t asked_us;      /* seen_us when the last inquiry began */
    struct link_pair links[LINK_COUNT];
    char reason[BANK_REASON_MAX + 1];
};

/* Of a job that is done and acked. */
struct kept {
    struct uuid remittance;
    uint32_t number;
    uint32_t partition; /* that asked */
    int64_t forget_us;
    uint64_t print; /* of what was called; 0: its row does not say */
    uint32_t next;  /* in the list of those with work */
    uint8_t outcome;
    bool is_permanent;
    bool is_put, is_told, is_forgotten; /* work: a row to put, a report to tell, a row to delete */
    bool is_listed;
    bool is_disputed; /* something else was called by its name, and hears that */
    char reference[BANK_REFERENCE_MAX + 1];
};

struct event {
    uint64_t key[2]; /* hash of the bank's name and the event */
    int64_t until_us;
    uint32_t next;
    bool is_new; /* its row is not put yet */
    bool is_forgotten;
};

struct answer {
    void *token;
    uint32_t event; /* whose row goes with it; SLOT_NONE */
    bool is_kept;
};

/* Goes round slots, some at a time, to find those whose time is over. */
struct sweep {
    uint32_t at;
    int64_t due_us;
    int64_t first_us; /* of those seen in this round */
};

/* ---- banks ------------------------------------------------------------------------------------------------ */

struct token {
    struct rail_token token;
    uint64_t number;     /* of this token; each new one has the next */
    int64_t renew_us;    /* ask for the next one from then on */
    int64_t retry_us;    /* not before */
    uint32_t failures;   /* in a row */
    bool is_out;         /* a request for it is on its way */
    bool is_wanted;      /* it was used, and its end comes near */
    struct list waiting; /* LINK_TURN */
};

struct place {
    char name[BANK_NAME_MAX + 1];
    const struct rail *rail;
    void *own;
    struct bank_limits limits;
    struct list calls, inquiries; /* LINK_TURN */
    bool was_inquiry;             /* the last one that was let go */
    uint32_t in_flight, inquiries_out, calls_out;
    uint32_t calls_open, inquiries_open; /* jobs without an end, by phase */
    int64_t later_us;                    /* nothing is sent before */
    uint32_t laters;                     /* in a row */
    int64_t rate_us;                     /* of the next request, by the rate */
    enum bank_circuit circuit;
    uint32_t errors, openings;
    int64_t retry_us;
    uint64_t probe; /* HALF_OPEN: the request that decides */
    uint64_t succeeded, failed, requests, callbacks;
    struct token tokens[RAIL_TOKENS_MAX];
};

struct flight {
    uint64_t number; /* 0: free */
    uint32_t bank;
    uint32_t job; /* SLOT_NONE: it is for a token */
    uint32_t token;
    bool is_inquiry;
    bool is_money; /* what it asks for moves money */
};

/* ---- the core ------------------------------------------------------------------------------------------------ */

struct due {
    int64_t us;
    uint64_t serial;
    uint32_t slot;
};

/* What a unit is made of. */
struct unit_room {
    struct bank_unit unit;
    bool is_taken;
    struct bank_put puts[UNIT_PUTS_MAX];
    struct bank_report reports[UNIT_REPORTS_MAX];
    struct bank_callback_answer answers[UNIT_ANSWERS_MAX];
    struct bank_request *requests[UNIT_REQUESTS_MAX];
    size_t put_count, report_count, answer_count, request_count, value_length;
    uint8_t values[UNIT_VALUES_BYTES];
    struct bank_request request_room[UNIT_REQUESTS_MAX];
};

struct bank {
    struct mem mem;
    struct place *banks;
    uint32_t bank_count;
    uint64_t hash_key;
    uint32_t turn; /* the bank that is looked at first */
    bool is_recovered;
    int64_t now_us;
    int64_t
        seen_us; /* time that has passed, of a jump of the clock a little only: what grace is counted in */

    struct slots jobs;
    struct index by_call, by_id, by_resource;
    struct list serials, tells;
    struct due *dues; /* a heap */
    uint32_t due_count, due_capacity;
    uint64_t next_serial, serial_end; /* numbers below the end may be given */
    bool is_serial_put;               /* the end is to be put */
    int64_t
        born_us; /* the store knows all calls from then on: when it was made, or the end of what it has forgotten */
    bool is_born_put;  /* that is to be put */
    int64_t copied_us; /* when it was copied, by a backup or a restore; 0: never */

    struct slots kept;
    struct index kept_by_call;
    uint32_t kept_first, kept_last; /* with work */
    struct sweep kept_sweep;

    struct slots events;
    struct index events_by_key;
    uint32_t event_first, event_last; /* rows to delete */
    struct sweep event_sweep;
    struct answer *answers; /* a ring */
    uint32_t answer_first, answer_count;

    struct flight *flights;
    uint32_t *free_flights; /* a stack */
    uint32_t flight_count, free_flight_count;
    uint64_t last_request;
    uint64_t last_token;

    struct unit_room *unit;
};

/* ---- bank.c */

/* The time of a call: where the clock was set back, everything that is due is set back with it. */
void core_now(struct bank *self, int64_t now_us);
/* A put of the unit that is being made; the value's room is filled by the caller. */
struct bank_put *unit_put(struct bank *self, uint8_t table, const void *key, size_t key_length);
uint8_t *unit_value(struct bank *self);
void unit_value_end(struct bank *self, struct bank_put *put, size_t length);
struct bank_report *unit_report(struct bank *self);

/* false: it had to be cut. */
void bank_copy_text(char *out, size_t capacity, const char *text);

static inline bool core_text_equal(const char *a, const char *b)
{
    return str_equal(str_from(a), str_from(b));
}

/* ---- jobs.c */

extern const struct machine job_machine;

static inline struct job *job_at(const struct bank *self, uint32_t slot)
{
    return slots_at(&self->jobs, slot);
}

void list_init(struct list *list);
void list_append(struct bank *self, struct list *list, enum link link, struct job *job);
void list_prepend(struct bank *self, struct list *list, enum link link, struct job *job);
void list_remove(struct bank *self, struct list *list, enum link link, struct job *job);

/* What a call is known by. */
struct call_key {
    struct uuid remittance;
    uint32_t number, partition;
};

static inline struct call_key call_key_of(const struct bank_call *call)
{
    return (struct call_key){call->remittance, call->number, call->partition};
}

static inline struct call_key call_key_kept(const struct kept *kept)
{
    return (struct call_key){kept->remittance, kept->number, kept->partition};
}

uint64_t call_hash(const struct bank *self, const struct call_key *key);
/* A name that a bank knows: ours (id) or its own (resource). */
uint64_t name_hash(const struct bank *self, uint32_t bank, const char *name);
/* Of all that says which money moves where; stored; never 0. */
uint64_t call_print(const struct bank_call *call);
/* NULL: none. */
struct job *job_find(const struct bank *self, const struct call_key *key);
/* NULL: no memory, or there are too many. Not in any list but that of serials, which it is put at the end of. */
struct job *job_new(struct bank *self, const struct rail_job *rail, uint32_t bank) MUST_USE;
void job_free(struct bank *self, struct job *job);
/* Its resource, which was `before`, may be another now. */
void job_renamed(struct bank *self, struct job *job, const char *before);
/* Its phase, which was `before`, may be another now. */
void job_counted(struct bank *self, struct job *job, uint8_t before);
void job_tell(struct bank *self, struct job *job);
/* The end. A job that is QUEUED, WAITING or TOKEN was taken out of its list before. */
void job_finish(struct bank *self, struct job *job, enum bank_outcome outcome, bool is_permanent,
                const char *reason);
/* It is no longer one without an end: for the bank's counts. */
void job_ended(struct bank *self, const struct job *job);
void job_reason(struct job *job, const char *reason);
/* SLOT_NONE: no such bank. */
uint32_t core_bank_index(const struct bank *self, const char *name);
/* Rows and reports of jobs, for the unit. */
void jobs_fill_unit(struct bank *self);
/* In order of serials: after recovery. */
void jobs_sort(struct bank *self);

/* ---- kept.c */

struct kept *kept_find(const struct bank *self, const struct call_key *key);
/* The job becomes a memory of itself, and is freed. false: no memory: nothing changed. */
bool kept_from_job(struct bank *self, struct job *job) MUST_USE;
enum err kept_restore(struct bank *self, const struct kept *kept) MUST_USE;
void kept_tell(struct bank *self, struct kept *kept, const struct bank_call *call);
void kept_sweep(struct bank *self);
void kept_fill_unit(struct bank *self);

/* ---- events.c */

enum err event_restore(struct bank *self, const uint64_t key[2], int64_t until_us) MUST_USE;
void events_sweep(struct bank *self);
void events_fill_unit(struct bank *self);

/* The next round of a sweep is due for something that ends at `end_us`. */
void sweep_add(struct sweep *sweep, int64_t end_us);
/* false: not due. Else *from .. *to are to be looked at now. */
bool sweep_begin(const struct sweep *sweep, const struct slots *slots, int64_t now_us, uint32_t *to);
/* After they were. pause_us: at least, between two rounds. */
void sweep_end(struct sweep *sweep, const struct slots *slots, uint32_t to, int64_t now_us, int64_t pause_us);

/* ---- queue.c */

void queue_push(struct bank *self, struct job *job);
/* In front of those that have not begun. */
void queue_push_front(struct bank *self, struct job *job);
/* Requests of all banks, for the unit. */
void queue_fill_unit(struct bank *self);
/* The bank said "later". */
void queue_later(struct bank *self, struct place *place, int64_t retry_after_s);
int64_t queue_due_us(const struct bank *self);
/* There is room in the unit, and the bank takes one more. */
bool queue_may_start(const struct bank *self, const struct place *place);
/* A request for a job, or for a token (job NULL), that is about to leave; its flight in *out. */
struct bank_request *queue_request(struct bank *self, struct place *place, struct job *job, uint32_t token,
                                   struct flight **out);
void queue_landed(struct bank *self, struct flight *flight);

/* ---- circuit.c */

bool circuit_allows(const struct place *place, int64_t now_us);
void circuit_started(struct place *place, uint64_t request);
void circuit_good(struct place *place, uint64_t request);
void circuit_trouble(struct place *place, uint64_t request, int64_t now_us);

/* ---- token.c */

bool token_is_good(const struct place *place, uint32_t token, int64_t now_us);
/* Asks for tokens that somebody waits for, or soon will. */
void token_fill_unit(struct bank *self, struct place *place);
void token_wait(struct bank *self, struct place *place, uint32_t token, struct job *job);
void token_answered(struct bank *self, struct place *place, uint32_t token, uint64_t request,
                    const struct rail_reply *reply);
/* The bank has refused the token that this job used. */
void token_refused(struct place *place, const struct job *job);
/* When there is one to ask for; INT64_MAX. */
int64_t token_due_us(const struct place *place);

/* ---- inquiry.c */

/* The job is asked about again when its time has come. */
void inquiry_next(struct bank *self, struct job *job);
void inquiry_after(struct bank *self, struct job *job, int64_t due_us);
/* It is asked about now, if it is waiting to be. */
void inquiry_hurry(struct bank *self, struct job *job);
bool inquiry_grace_is_over(const struct bank *self, const struct job *job);

/* ---- answer.c */

void answer_job(struct bank *self, struct place *place, struct job *job, uint64_t request,
                const struct rail_reply *reply);

/* ---- due.c */

bool due_ensure(struct bank *self, uint32_t count) MUST_USE;
void due_put(struct bank *self, struct job *job, int64_t due_us);
void due_remove(struct bank *self, struct job *job);
/* NULL: nothing is due. */
struct job *due_pop(struct bank *self);
bool due_in_order(const struct bank *self);
void due_shift(struct bank *self, int64_t by_us);

/* ---- outbox_row.c: versioned, little-endian; keys big-endian */

void row_job_key(const struct call_key *call, uint8_t key[ROW_JOB_KEY]);
size_t row_job_pack(const struct job *job, uint8_t out[ROW_JOB_MAX]);
size_t row_kept_pack(const struct kept *kept, uint8_t out[ROW_KEPT_MAX]);
size_t row_number_pack(uint64_t number, uint8_t out[ROW_EVENT_BYTES]);

enum row_kind { ROW_JOB = 1, ROW_KEPT = 2 }; /* stored */

/* What a row of BANK_TABLE_JOBS says: job, of which only rail, outcome, is_permanent and reason are set, or kept. */
struct row {
    enum row_kind kind;
    struct rail_job rail;
    uint8_t outcome; /* 0: none yet */
    bool is_permanent;
    char reason[BANK_REASON_MAX + 1];
    struct kept kept;
};
enum err row_job_unpack(const uint8_t *key, size_t key_length, const uint8_t *value, size_t value_length,
                        struct row *out) MUST_USE;
enum err row_number_unpack(const uint8_t *value, size_t length, uint64_t *out) MUST_USE;

#endif
