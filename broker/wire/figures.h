/* metrics on the wire: its request, and the pieces that every part of its answer is made of.
 *
 * The answer is a map of sections. The router writes its own, each partition and service that it asks writes one map, and
 * the router puts them side by side (broker/join.c). A figure is a key with a number; lists are arrays of maps whose words tell
 * what the numbers beside them are of. The text form is made of this one: broker/metrics_text.c has a row for each figure.
 *
 * What services write as the body of their answer:
 *
 *     rate feed   {"sources": [{"source", "age_us": since it was last read with success, nil: never; "failures": in a row;
 *                 "waiting": rates that wait for an operator}, …]}, and of all sources "fetches", "fetches_failed", "accepted",
 *                 "to_review", "waiting", "desk_set", "desk_failed"
 *     publisher   {"subscribers": [{"name", "kind": "webhook" or "stream", "lag", "delivered", "failures", "dead_letters"}, …]};
 *                 a name comes once of each kind
 *     bank        {"banks": [{"bank", "rail", "circuit_open": 0 or 1, "queued", "in_flight", "unknown", "errors": in a row,
 *                 "succeeded", "failed", "requests", "callbacks"}, …]}
 */
#ifndef TELLER_WIRE_FIGURES_H
#define TELLER_WIRE_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/figures.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"

/* The body is nil, or {"format": "text"}. */
enum code wire_metrics_read(const struct wire_header *header, bool *is_text, enum field *field);

/* The client's side: the body behind wire_header_write. */
void wire_metrics_body_write(struct mp_writer *w, bool is_text);

/* A key and its number. */
void wire_figure_write(struct mp_writer *w, const char *name, uint64_t value);

/* The pairs of a histogram's map, so that a caller may put others beside them:
 * "count", "sum", "max", "p50", "p90", "p99", and "buckets": [bound, count, …] without the empty ones; the last bound may be nil:
 * there is none. */
enum { WIRE_HISTOGRAM_PAIRS = 7 };
void wire_histogram_pairs_write(struct mp_writer *w, const struct figures_histogram *histogram);

/* A key and a histogram's map. */
void wire_histogram_write(struct mp_writer *w, const char *name, const struct figures_histogram *histogram);

#endif
