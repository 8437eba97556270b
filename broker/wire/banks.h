/* What the bank adapter tells: the bodies of bank.list and bank.calls and their replies. The rules for bodies are those of
 * accounts.h. */
#ifndef TELLER_WIRE_BANKS_H
#define TELLER_WIRE_BANKS_H

#include <stddef.h>
#include <stdint.h>

#include "actors/bank/bank.h"
#include "actors/base/code.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"

enum { WIRE_BANK_CALLS_LIMIT = 100, WIRE_BANK_CALLS_MAX = 1000 };

/* Static storage; CHECK the range: "half_open", "ASKING", "push". */
const char *wire_bank_circuit_name(enum bank_circuit circuit);
const char *wire_bank_job_state_name(uint8_t state);
const char *wire_bank_step_name(uint8_t step);

/* ---- requests: CODE_OK, or why not with *field. Strings stay in the frame. ------------------------ */

struct wire_bank_calls_query {
    struct str bank; /* empty: of all */
    uint32_t limit;
    uint64_t after; /* the cursor: calls with a higher serial */
};
enum code wire_bank_calls_read(const struct wire_header *header, struct wire_bank_calls_query *out,
                               enum field *field);

/* ---- replies: heads and rows; the caller writes count rows; calls end with wire_bank_calls_end ------- */

void wire_banks_begin(struct mp_writer *w, uint32_t count);
void wire_bank_write(struct mp_writer *w, const struct bank_view *view);

void wire_bank_calls_begin(struct mp_writer *w, uint32_t count);
void wire_bank_call_write(struct mp_writer *w, const struct bank_job_view *view);
/* next: the serial after which the next page begins; 0: this was the last. */
void wire_bank_calls_end(struct mp_writer *w, uint64_t next);

/* ---- the client's side: the body behind wire_header_write ------------------------------------------- */

void wire_bank_calls_body_write(struct mp_writer *w, struct str bank, uint32_t limit, struct str cursor);

#endif
