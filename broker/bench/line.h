/* A connection that sends and takes whole frames, for load: no retries, so that every refusal is seen.
 *
 * On the hot path it allocates what libzmq needs for a message and nothing else.
 */
#ifndef TELLER_BENCH_LINE_H
#define TELLER_BENCH_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

struct line;

/* Talks to nobody yet. NULL: no memory, or the endpoint is not one (errno). */
struct line *line_new(const char *endpoint);
void line_destroy(struct line **self_p);

/* Sends what the writer holds and empties it. false: no memory, or the connection's queue is full. */
bool line_send(struct line *self, struct mp_writer *w);

enum line_result { LINE_REPLY, LINE_NOTHING, LINE_MALFORMED };

/* The next reply; its body lasts until the next call. timeout_us 0: only looks. */
enum line_result line_receive(struct line *self, int64_t timeout_us, struct wire_reply *reply);

/* One request with a nil body, and its reply. false: none came within timeout_us, or it is malformed. */
bool line_ask(struct line *self, enum wire_operation operation, int64_t timeout_us, struct wire_reply *reply);

int64_t line_now_ns(void); /* monotonic */

#endif
