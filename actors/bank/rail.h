/* A rail: one bank protocol, behind the interface that the bank adapter's core drives.
 *
 * A rail is a codec. It says which HTTP request comes next for a job and what a reply means; it keeps nothing between calls but what
 * it opened, knows no clock, socket or file, and allocates nothing but in `open`. What has to outlive the process stands in the job, which the
 * core stores before anything is sent.
 *
 *     adding a rail: a folder in adapters/ with one `const struct rail`, its line in broker/bank_config.c; docs/RAILS.md goes through it
 *
 * A job is one bank_call on its way, in one of three phases:
 *
 *     PREPARE  requests that move no money (a consent, a look at the payee): they may be sent again
 *     PAY      the one request that moves money: sent once. Its job is durable before it leaves
 *     INQUIRE  what happened? For as long as the answer is not final
 *
 * The core asks `ask` for the next request of the job's phase, and tells `answer` what came back. The verdict says where the job stands.
 * From PAY on only a bank's explicit word is SUCCEEDED or FAILED: anything that is not understood is UNKNOWN.
 */
#ifndef TELLER_BANK_RAIL_H
#define TELLER_BANK_RAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/bank_call.h"
#include "actors/base/err.h"

enum {
    RAIL_URL_MAX = 512,
    RAIL_HEADER_MAX = 1600, /* "Name: value": a signature is long */
    RAIL_HEADERS_MAX = 12,
    RAIL_BODY_MAX = 8192,
    RAIL_REPLY_MAX = 64 * 1024, /* of a body; longer ones are no replies */
    RAIL_ID_MAX = 64,
    RAIL_TOKEN_MAX = 2048,
    RAIL_TOKENS_MAX = 2, /* of one bank: a rail may need one for each of two scopes */
    RAIL_EVENT_ID_MAX = 128,
};

/* How this node is known to one bank. Strings are NUL-terminated, and outlive what `open` makes of them. Which are needed is the
 * rail's; docs/BANKS.md lists them. */
struct rail_setting {
    const char *key;   /* "client_id" … */
    const char *value; /* secrets come out of files; the caller wipes them */
};

struct rail_settings {
    const char *bank;     /* its name here */
    const char *base_url; /* without a slash at the end */
    const struct rail_setting *list;
    size_t count;
};

#define RAIL_CLOCK_MARGIN_US \
    (INT64_C(3600) * 1000000) /* as much a clock may be set back while nobody sees it */

enum rail_phase { RAIL_PREPARE = 1, RAIL_PAY = 2, RAIL_INQUIRE = 3 }; /* stored */

/* Stored as it is, so whatever a later request needs is in it. */
struct rail_job {
    struct bank_call call;
    uint64_t serial;    /* of this bank's jobs, never given twice: what ids are made of */
    int64_t sent_us;    /* when PAY was first let go; 0: not yet */
    uint32_t inquiries; /* so far */
    uint8_t phase;      /* enum rail_phase */
    uint8_t stage;      /* the rail's own, within the phase; 0 at its beginning */
    uint8_t zero[2];
    /* NUL-terminated; empty: not known (yet) */
    char id[RAIL_ID_MAX + 1];       /* ours: bank_tran_id, idempotency key; set by `name` */
    char consent[RAIL_ID_MAX + 1];  /* what PREPARE got */
    char resource[RAIL_ID_MAX + 1]; /* the bank's id of the payment: its reference, and where to ask */
    char date[9];                   /* YYYYMMDD, the day by which the bank knows it */
    char extra[RAIL_ID_MAX + 1];    /* the rail's own */
};

struct rail_token {
    char text[RAIL_TOKEN_MAX + 1]; /* empty: none */
    int64_t until_us;              /* not used after it */
};

struct rail_request {
    const char *method; /* static storage */
    size_t header_count, length;
    char url[RAIL_URL_MAX + 1];
    char headers[RAIL_HEADERS_MAX][RAIL_HEADER_MAX + 1];
    char body[RAIL_BODY_MAX + 1]; /* NUL-terminated; length 0: none */
};

/* What came back. Nothing may: then result says why, and there is no status. */
enum rail_arrival {
    RAIL_ARRIVED,  /* a status and a body, whole */
    RAIL_NOT_SENT, /* it was never sent: the connection was refused, or the circuit is open */
    RAIL_LOST, /* timeout, a broken connection, a body that is cut or too long: the bank may have worked on it */
};

struct rail_reply {
    enum rail_arrival arrival;
    long status;
    const char *body; /* length bytes and a NUL */
    size_t length;
    int64_t retry_after_s; /* -1: not said */
    const char *signature; /* the x-jws-signature header; NULL: none */
};

enum rail_result {
    RAIL_GO_ON,     /* this phase has its next request: the job's stage or phase has been moved on */
    RAIL_SUCCEEDED, /* for good. job.resource is the reference where there is one */
    RAIL_FAILED,    /* for good: no money moves by this job */
    RAIL_UNKNOWN,   /* ask again later: no answer, one that is not understood, or one that is not final */
    RAIL_NOT_FOUND, /* INQUIRE: the bank knows nothing of it. FAILED once the grace time is over: the core's to say */
    RAIL_NO_TOKEN, /* the token was refused before anything was worked on: renew it and ask the same again */
    RAIL_LATER, /* refused before anything was worked on (429, maintenance): the same again after retry_after_s */
};

struct rail_verdict {
    enum rail_result result;
    bool is_permanent;                /* FAILED: another try would fail as well */
    bool is_trouble;                  /* the bank is in trouble (5xx, broken body): counts for its circuit */
    int64_t retry_after_s;            /* LATER; -1: not said */
    char reason[BANK_REASON_MAX + 1]; /* clean text (base/text.h): the bank's code and words, or ours */
};

/* A callback as it came. */
struct rail_post {
    const char *content_type;
    const char *timestamp,
        *signature;   /* of the generic callback: headers Teller-Timestamp, Teller-Signature; NULL: none */
    const char *body; /* length bytes and a NUL */
    size_t length;
};

enum rail_post_result {
    RAIL_POST_TAKEN,   /* the notice is good */
    RAIL_POST_FORGED,  /* no signature, a wrong one, not for us, not of this bank */
    RAIL_POST_TOO_OLD, /* its time is outside the window of 300 s either way */
    RAIL_POST_BROKEN,  /* not what this rail's callbacks look like */
};

/* What a callback is about. It never decides: the job is asked about at once, that is all. */
struct rail_notice {
    char event[RAIL_EVENT_ID_MAX + 1]; /* jti or nonce: one that was seen before changes nothing */
    char resource[RAIL_ID_MAX + 1];    /* of the payment at the bank; empty: see id */
    char id[RAIL_ID_MAX + 1];          /* ours; empty: see resource */
    int64_t until_us;                  /* the event may be forgotten after it: it would be too old */
};

/* All functions are called by one thread at a time. `own` is what open has made. */
struct rail {
    const char *name;     /* "kftc" */
    uint32_t token_count; /* 0 .. RAIL_TOKENS_MAX */
    /* The PAY request may be sent again within this time, as the bank takes it for the first; RAIL_CLOCK_MARGIN_US less than the bank promises; 0: never. */
    int64_t repeatable_us;

    /* NULL: why, of 160 bytes, says which setting is wrong, never its value. */
    void *(*open)(const struct rail_settings *settings, char *why);
    void (*close)(void *own); /* wipes secrets */

    /* false: the payer, payee, amount, currency or memo of the call cannot be of this rail; verdict is FAILED and permanent. Else the job's id
     * (and date) are set from its serial and the time, its phase to PREPARE, or to PAY where there is nothing to prepare, and its stage to 0. */
    bool (*name_job)(void *own, struct rail_job *job, int64_t now_us, struct rail_verdict *verdict);

    /* A job that was sent before a restart: is it as name_job makes it, with these settings? false: the bank of this name was another one then,
     * by its rail, or by our number there. The one of now knows nothing of the job, and is never asked. NULL: each is. */
    bool (*knows)(void *own, const struct rail_job *job);

    /* The token (0 .. token_count - 1) that the next request needs; -1: none. */
    int (*token_of)(void *own, const struct rail_job *job);
    void (*token_ask)(void *own, uint32_t token, int64_t now_us, struct rail_request *out);
    /* false: refused, or not understood: why, of 160 bytes, without secrets. */
    bool (*token_answer)(void *own, uint32_t token, const struct rail_reply *reply, int64_t now_us,
                         struct rail_token *out, char *why);

    /* The next request of the job. token: of token_of; NULL or empty where it needs none. */
    void (*ask)(void *own, const struct rail_job *job, const char *token, int64_t now_us,
                struct rail_request *out);
    /* What its reply means; may move job.stage, phase, consent, resource, date, extra. */
    void (*answer)(void *own, struct rail_job *job, const struct rail_reply *reply, int64_t now_us,
                   struct rail_verdict *out);

    /* NULL: the bank sends no callbacks of its own; the generic one works for every rail (adapters/callback). */
    enum rail_post_result (*callback)(void *own, const struct rail_post *post, int64_t now_us,
                                      struct rail_notice *out);
};

#endif
