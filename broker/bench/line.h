/* A connection that sends and takes whole frames: no retries, so that every refusal is seen. */
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

#endif
