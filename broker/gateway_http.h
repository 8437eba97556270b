/* Inside the gateway: a request's head, and answers. */
#ifndef TELLER_BROKER_GATEWAY_HTTP_H
#define TELLER_BROKER_GATEWAY_HTTP_H

#include <microhttpd.h>

#include "actors/base/bank_call.h"
#include "broker/gateway.h"

enum gateway_route { GATEWAY_METRICS, GATEWAY_HEALTH, GATEWAY_CALLBACK };

enum { GATEWAY_INTERACTION_MAX = 64, GATEWAY_TEXT_MAX = 160 };

struct gateway_head {
    enum gateway_route route;
    enum gateway_door door;                        /* of a callback */
    char bank[BANK_NAME_MAX + 1];                  /* the same; configured */
    size_t length;                                 /* of its body, or the most that it may have */
    const char *content_type;                      /* the connection's, as the two below */
    const char *timestamp, *signature;             /* NULL: none */
    char interaction[GATEWAY_INTERACTION_MAX + 1]; /* x-fapi-interaction-id: the request's, or a new one */
};

struct gateway_answer {
    unsigned status;
    const char *text;   /* static storage: why not. NULL: none */
    const void *body;   /* instead of text; copied. NULL: none */
    size_t length;      /* of the body */
    const char *type;   /* of the body; static storage */
    const char *detail; /* a header's name and value, static storage: Allow or Retry-After */
    const char *detail_value;
};

/* false: *answer tells what to say instead. */
bool gateway_head_read(struct MHD_Connection *connection, const char *method, const char *path,
                       const struct gateway_banks *banks, struct gateway_head *out,
                       struct gateway_answer *answer);

/* The answer to a callback that was verified, by what was said; status 0: it is good. */
struct gateway_answer gateway_answer_of(enum rail_post_result result);

enum MHD_Result gateway_answer_send(struct MHD_Connection *connection, const struct gateway_head *head,
                                    const struct gateway_answer *answer);

#endif
