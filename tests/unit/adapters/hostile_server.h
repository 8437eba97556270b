/* A small HTTP server on loopback that does as the path says, for tests of clients. A thread for each connection; none of
 * them sleeps: what never answers waits for the client to go.
 *
 *     /ok            200 "hello"
 *     /echo          200 and the request as it came
 *     /status/429    that status and an empty body
 *     /retry/17      503 with Retry-After: 17 (anything may stand there)
 *     /signed/abc    200 with X-Jws-Signature: abc
 *     /bye           200, then the end, which the reply has not told
 *     /silent        nothing, ever
 *     /half          a part of the body, then nothing
 *     /cut           a part of the body, then the end
 *     /chunks        a chunk, then the end without the last one
 *     /bad-chunk     a chunk whose length is none
 *     /hang-up       the end, without an answer
 *     /endless       a body without an end
 *     /long/9        a body of so many bytes
 *     /headers       header lines without an end
 *     /header        a header line without an end
 *     /interim       interim replies without an end
 *     /garbage       no HTTP
 *     /empty         an answer of no bytes and the status 204
 *     /redirect      302 to /ok
 *     /gate/5        answers when five requests stand there */
#ifndef TELLER_TESTS_HOSTILE_SERVER_H
#define TELLER_TESTS_HOSTILE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

enum hostile_tls {
    HOSTILE_PLAIN,
    HOSTILE_TLS,            /* a certificate for localhost and 127.0.0.1, signed by itself */
    HOSTILE_TLS_OTHER_HOST, /* a certificate for another host */
    HOSTILE_TLS_OLD,        /* speaks TLS 1.1 at most */
};

struct hostile_server;

/* Aborts where it cannot start. */
struct hostile_server *hostile_server_new(enum hostile_tls tls);
/* Ends its connections. */
void hostile_server_destroy(struct hostile_server **self_p);

uint16_t hostile_server_port(const struct hostile_server *self);
/* The certificate as a PEM file; NULL for HOSTILE_PLAIN. */
const char *hostile_server_certificate(const struct hostile_server *self);
/* On which connection the last request came (the first: 0); requests that were read whole, and the most that stood in /gate at once. */
uint32_t hostile_server_last_connection(struct hostile_server *self);
uint32_t hostile_server_requests(struct hostile_server *self);
uint32_t hostile_server_gate_peak(struct hostile_server *self);

#endif
