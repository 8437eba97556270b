/* An HTTP client for actors: any number of calls at once, none of them waited for.
 *
 *     http_client_start(…)          a call is on its way
 *     http_client_run(client, 10)   waits for something to happen, at most so long; outcomes are told to `done`
 *
 * On libcurl's multi interface. What is promised of every call:
 * - `done` is called once, from http_client_run or http_client_destroy, never from http_client_start.
 * - It ends within its time: connecting and whole have limits, and so has the length of the reply.
 * - https only, unless the client allows http (tests, loopback); no redirects; peer and host verified; TLS 1.2 or newer; no
 *   proxy and no netrc from the environment.
 * - A reply of any status is HTTP_REPLY. What the status means is the caller's. A reply that tells its length, or comes in
 *   chunks, is whole; one that does neither ends where its connection ends, and may have been cut.
 * - A body arrives at most once, also where the connection breaks, unless the request allows more. A connection that is open from
 *   before may be dead, and the library then tries again with a new one: but it is handed each byte of such a body once, and
 *   cannot go back. Without a body there is nothing to hold back: such a request takes a new connection.
 * - HTTP_NOT_SENT and HTTP_TLS mean that no byte of the request has left.
 *
 * One thread for each client. `done` may start calls; it may not run or destroy the client. Nothing of a request is kept by
 * reference after http_client_start.
 *
 * libcurl has something to prepare once for the whole process: the program calls http_global_init before its threads begin
 * and http_global_release after they have ended. */
#ifndef TELLER_HTTP_CLIENT_H
#define TELLER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"

struct http_client;

struct http_client_options {
    bool allows_http;            /* http:// too: for loopback and tests */
    const char *ca_file;         /* NULL: the system's */
    uint32_t calls_max;          /* at once; more are refused with ERR_FULL */
    uint32_t calls_per_host_max; /* further ones wait, within their time */
    uint32_t kept_max;           /* connections that are kept, those in use among them; 0: 32 */
};
struct http_client_options http_client_options_default(void);

enum http_result {
    HTTP_REPLY,     /* status and body are the server's */
    HTTP_TIMEOUT,   /* it may have been carried out */
    HTTP_NO_ANSWER, /* the connection broke: it may have been carried out */
    HTTP_NOT_SENT,  /* could not connect, or not in time: nobody has seen it */
    HTTP_TLS,       /* not to be trusted: nobody has seen it */
    HTTP_TOO_LARGE, /* the reply was longer than allowed */
    HTTP_ABANDONED, /* http_client_destroy */
};

struct http_outcome {
    enum http_result result;
    long status;      /* HTTP_REPLY */
    const char *body; /* HTTP_REPLY: length bytes and a NUL; valid during the call of `done` */
    size_t length;
    int64_t retry_after_s; /* of the header where it is a number; -1: none */
    const char *header;    /* value of the header that was asked for; NULL: it did not come. As body */
    const char *error;     /* else: in words, without secrets; static or valid during the call */
};

typedef void http_done(void *context, const struct http_outcome *outcome);

struct http_request {
    const char *method;         /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;            /* without a user and a password in it */
    const char *const *headers; /* "Name: value" …, NULL at the end; may be NULL */
    const void *body;           /* may be NULL */
    size_t length;
    uint32_t connect_timeout_ms; /* 0: 3,000 */
    uint32_t timeout_ms;         /* whole; 0: 10,000 */
    size_t reply_max;            /* bytes of the body; 0: 1 MiB. Headers may have 64 KiB */
    bool is_repeatable;          /* it may arrive twice; a GET always may */
    const char *reply_header;    /* name of one that is wanted of the reply; static storage; may be NULL */
};

/* ERR_NO_MEMORY. From here on SIGPIPE is ignored: a peer that closes is an outcome, not a signal. */
enum err http_global_init(void) MUST_USE;
void http_global_release(void);

/* NULL: no memory. */
struct http_client *http_client_new(const struct http_client_options *options);
/* Calls that are under way end as HTTP_ABANDONED. */
void http_client_destroy(struct http_client **self_p);

/* ERR_FULL: calls_max are under way. ERR_INVALID: the method, the URL or a header cannot be, or it is http where that is not
 * allowed. ERR_CLOSED: the client is being destroyed. ERR_NO_MEMORY. Then `done` is not called. */
enum err http_client_start(struct http_client *self, const struct http_request *request, http_done *done,
                           void *context) MUST_USE;

/* Waits until a call has ended, `wake_fd` is readable (-1: none), or timeout_ms (0 or more) have passed, and tells outcomes. */
void http_client_run(struct http_client *self, int wake_fd, int timeout_ms);

/* Calls under way. */
uint32_t http_client_count(const struct http_client *self);

#endif
