/* Published rates and their sources: the bodies of rate.* and their replies. The rules for bodies are those of accounts.h. */
#ifndef TELLER_WIRE_RATES_H
#define TELLER_WIRE_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/published_rate.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_RATES_LIMIT = 100, WIRE_RATES_MAX = 1000 };

/* ---- requests: CODE_OK, or why not with *field. Strings stay in the frame. ------------------------ */

/* rate.latest: base and counter may be empty. rate.asof: `to` is the date. rate.range: from is the cursor's day where there
 * is a cursor. */
struct wire_rate_query {
    struct str source;
    char base[CURRENCY_CODE_LENGTH + 1], counter[CURRENCY_CODE_LENGTH + 1];
    int32_t from, to;
    uint32_t limit;
};
enum code wire_rate_latest_read(const struct wire_header *header, struct wire_rate_query *out,
                                enum field *field);
enum code wire_rate_asof_read(const struct wire_header *header, struct wire_rate_query *out,
                              enum field *field);
enum code wire_rate_range_read(const struct wire_header *header, struct wire_rate_query *out,
                               enum field *field);

/* rate.accept, rate.reject */
struct wire_rate_decision {
    uint64_t id;
    struct str operator_name;
};
enum code wire_rate_decision_read(const struct wire_header *header, struct wire_rate_decision *out,
                                  enum field *field);

/* ---- replies: behind wire_reply_begin ------------------------------------------------------------- */

/* why NULL: a rate; else one that waits, with its id. */
void wire_rate_write(struct mp_writer *w, const char *source, const struct published_rate *rate, uint64_t id,
                     const char *why);
/* {"rates": [ …: the caller writes count rates. A range ends with its cursor; next: the day that follows, -1: none. */
void wire_rates_begin(struct mp_writer *w, uint32_t count, bool has_cursor);
void wire_rates_cursor_write(struct mp_writer *w, int32_t next);

struct wire_rate_source {
    const char *source, *state, *error;                /* error "": nil */
    int64_t last_try_us, last_success_us, next_try_us; /* 0: nil */
    uint32_t failures;
};
void wire_rate_sources_begin(struct mp_writer *w, uint32_t count);
void wire_rate_source_write(struct mp_writer *w, const struct wire_rate_source *source);

/* ---- the client's side: bodies behind wire_header_write -------------------------------------------- */

/* Empty strings are left out. date: "2026-11-21"; with to: a range from date. */
struct wire_rate_body {
    struct str source, base, counter, date, to, cursor;
    uint32_t limit;
};
void wire_rate_latest_body_write(struct mp_writer *w, const struct wire_rate_body *body);
void wire_rate_asof_body_write(struct mp_writer *w, const struct wire_rate_body *body);
void wire_rate_range_body_write(struct mp_writer *w, const struct wire_rate_body *body);
void wire_rate_decision_body_write(struct mp_writer *w, const struct wire_rate_decision *decision);

#endif
