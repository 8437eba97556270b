/* Bodies of bank.* and their replies. */
#include "broker/wire/banks.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/base/check.h"
#include "broker/wire/fields.h"

/* ---- words ---------------------------------------------------------------------------------------- */

const char *wire_bank_circuit_name(enum bank_circuit circuit)
{
    switch (circuit) {
    case BANK_CIRCUIT_CLOSED:
        return "closed";
    case BANK_CIRCUIT_OPEN:
        return "open";
    case BANK_CIRCUIT_HALF_OPEN:
        return "half_open";
    }
    CHECK_UNREACHABLE();
}

const char *wire_bank_job_state_name(uint8_t state)
{
    static const char *const names[] = {
        [BANK_JOB_QUEUED] = "QUEUED", [BANK_JOB_PREPARING] = "PREPARING", [BANK_JOB_SENT] = "SENT",
        [BANK_JOB_ASKING] = "ASKING", [BANK_JOB_DONE] = "DONE",
    };
    CHECK(state < sizeof names / sizeof *names);
    return names[state];
}

const char *wire_bank_step_name(uint8_t step)
{
    static const char *const names[] = {[BANK_PULL] = "pull", [BANK_PUSH] = "push", [BANK_REFUND] = "refund"};
    CHECK(step < sizeof names / sizeof *names && names[step] != NULL);
    return names[step];
}

/* ---- requests ------------------------------------------------------------------------------------- */

/* The serial of the last call shown, in decimal. */
static bool take_after(struct mp_reader *r, uint64_t *out)
{
    struct str text;
    *out = 0;
    if (!wire_take_cursor(r, &text) || text.length > 19)
        return false;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

enum { CALLS_BANK, CALLS_LIMIT, CALLS_CURSOR, CALLS_KEY_COUNT };

enum code wire_bank_calls_read(const struct wire_header *header, struct wire_bank_calls_query *out,
                               enum field *field)
{
    static const struct wire_key keys[CALLS_KEY_COUNT] = {
        [CALLS_BANK] = {{"bank", 4}, FIELD_BANK},
        [CALLS_LIMIT] = {{"limit", 5}, FIELD_LIMIT},
        [CALLS_CURSOR] = {{"cursor", 6}, FIELD_CURSOR},
    };
    struct wire_values v;
    *out = (struct wire_bank_calls_query){.after = 0};
    enum code code = wire_body_values(header, keys, CALLS_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    if (!mp_is_nil(&v.at[CALLS_BANK]) &&
        (!wire_take_account(&v.at[CALLS_BANK], &out->bank) || out->bank.length > BANK_NAME_MAX))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_BANK);
    if (!wire_take_limit(&v.at[CALLS_LIMIT], WIRE_BANK_CALLS_LIMIT, WIRE_BANK_CALLS_MAX, &out->limit))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_LIMIT);
    if (!take_after(&v.at[CALLS_CURSOR], &out->after))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_CURSOR);
    *field = v.field;
    return v.code;
}

/* ---- replies -------------------------------------------------------------------------------------- */

static void write_text(struct mp_writer *w, const char *name, const char *value)
{
    mp_write_text(w, name);
    wire_write_optional(w, str_from(value));
}

static void write_count(struct mp_writer *w, const char *name, uint64_t value)
{
    mp_write_text(w, name);
    mp_write_uint(w, value);
}

/* 0 and never: nil. */
static void write_time(struct mp_writer *w, const char *name, int64_t time_us)
{
    mp_write_text(w, name);
    if (time_us <= 0 || time_us == INT64_MAX)
        mp_write_nil(w);
    else
        mp_write_int(w, time_us);
}

void wire_banks_begin(struct mp_writer *w, uint32_t count)
{
    mp_write_map(w, 1);
    mp_write_text(w, "banks");
    mp_write_array(w, count);
}

void wire_bank_write(struct mp_writer *w, const struct bank_view *view)
{
    mp_write_map(w, 11);
    write_text(w, "bank", view->name);
    write_text(w, "rail", view->rail);
    write_text(w, "circuit", wire_bank_circuit_name(view->circuit));
    write_count(w, "queued", view->queued);
    write_count(w, "in_flight", view->in_flight);
    write_count(w, "unknown", view->unknown);
    write_count(w, "succeeded", view->succeeded);
    write_count(w, "failed", view->failed);
    write_count(w, "errors", view->errors);
    write_time(w, "token_until", view->token_until_us);
    write_time(w, "retry_at", view->retry_us);
}

void wire_bank_calls_begin(struct mp_writer *w, uint32_t count)
{
    mp_write_map(w, 2);
    mp_write_text(w, "calls");
    mp_write_array(w, count);
}

void wire_bank_call_write(struct mp_writer *w, const struct bank_job_view *view)
{
    const struct rail_job *job = &view->job;
    mp_write_map(w, 10);
    mp_write_text(w, "remittance");
    mp_write_bin(w, job->call.remittance.bytes, sizeof job->call.remittance.bytes);
    write_count(w, "number", job->call.number);
    write_text(w, "bank", job->call.bank);
    write_text(w, "step", wire_bank_step_name(job->call.step));
    write_text(w, "state", wire_bank_job_state_name(view->state));
    write_text(w, "id", job->id);
    write_text(w, "bank_reference", job->resource);
    write_count(w, "inquiries", job->inquiries);
    write_time(w, "next", view->next_us);
    write_text(w, "reason", view->reason);
}

void wire_bank_calls_end(struct mp_writer *w, uint64_t next)
{
    char text[24] = "";
    if (next != 0)
        snprintf(text, sizeof text, "%" PRIu64, next);
    write_text(w, "cursor", text);
}

/* ---- the client's side ------------------------------------------------------------------------------ */

void wire_bank_calls_body_write(struct mp_writer *w, struct str bank, uint32_t limit, struct str cursor)
{
    mp_write_map(w, 3);
    mp_write_text(w, "bank");
    wire_write_optional(w, bank);
    write_count(w, "limit", limit);
    mp_write_text(w, "cursor");
    wire_write_optional(w, cursor);
}
