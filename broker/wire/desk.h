/* The FX desk: the bodies of quote, quote.show, rate.set, pair.set and rate.desk, and their replies. The rules for bodies are
 * those of accounts.h. */
#ifndef TELLER_WIRE_DESK_H
#define TELLER_WIRE_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/ledger/ledger.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_AGE_LIMIT_MAX_S = 31536000, WIRE_VALID_MAX_S = 3600 };

/* ---- requests: CODE_OK, or why not with *field. Strings stay in the frame ----------------------- */

enum code wire_quote_read(const struct wire_header *header, struct ledger_quote_command *out,
                          enum field *field);

enum code wire_quote_show_read(const struct wire_header *header, struct str *account, struct uuid *quote,
                               enum field *field);

/* operator_name: empty where it is left out. */
enum code wire_rate_set_read(const struct wire_header *header, struct ledger_rate *out,
                             struct str *operator_name, enum field *field);
enum code wire_pair_set_read(const struct wire_header *header, struct ledger_pair *out,
                             struct str *operator_name, enum field *field);

/* ---- replies ---------------------------------------------------------------------------------- */

void wire_quote_write(struct mp_writer *w, uint64_t request_id, const struct ledger_quote_view *view);

/* is_stale: of each rate. */
void wire_desk_write(struct mp_writer *w, uint64_t request_id, const struct ledger_rate *rates,
                     const bool *is_stale, size_t rate_count, const struct ledger_pair *pairs,
                     size_t pair_count);

/* ---- the client's side: bodies behind wire_header_write, and reading of OK replies -------------- */

void wire_quote_body_write(struct mp_writer *w, const struct ledger_quote_command *command);
void wire_quote_show_body_write(struct mp_writer *w, struct str account, const struct uuid *quote);
void wire_rate_set_body_write(struct mp_writer *w, const struct ledger_rate *rate, struct str operator_name);
void wire_pair_set_body_write(struct mp_writer *w, const struct ledger_pair *pair, struct str operator_name);

/* false: malformed. */
bool wire_quote_reply_read(const struct wire_reply *reply, struct ledger_quote_view *out);

/* What a desk knows, as a client reads it. */
struct wire_desk {
    size_t rate_count, pair_count;
    struct ledger_rate rates[LEDGER_RATES_MAX];
    bool is_stale[LEDGER_RATES_MAX];
    struct ledger_pair pairs[LEDGER_PAIRS_MAX];
};

/* false: malformed, or more than there may be. */
bool wire_desk_reply_read(const struct wire_reply *reply, struct wire_desk *out);

#endif
