/* Rows as they are stored: a version, then fields, little-endian; texts with a byte of length in front. Keys are big-endian, so that their
 * order is that of what they say. */
#include "actors/bank/core.h"

enum { ROW_VERSION = 2 };

/* ---- writing ------------------------------------------------------------------------------------------------ */

static void put_number(uint8_t **at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *(*at)++ = (uint8_t)(number >> (8 * i));
}

static void put_text(uint8_t **at, const char *text)
{
    size_t length = strlen(text);
    CHECK(length <= UINT8_MAX);
    *(*at)++ = (uint8_t)length;
    memcpy(*at, text, length);
    *at += length;
}

void row_job_key(const struct call_key *call, uint8_t key[ROW_JOB_KEY])
{
    memcpy(key, call->remittance.bytes, sizeof call->remittance.bytes);
    for (int i = 0; i < 4; i++) {
        key[16 + i] = (uint8_t)(call->number >> (24 - 8 * i));
        key[20 + i] = (uint8_t)(call->partition >> (24 - 8 * i));
    }
}

static void put_call(uint8_t **at, const struct bank_call *call)
{
    put_number(at, call->step, 1);
    put_number(at, call->currency, 1);
    put_number(at, (uint64_t)call->amount, 8);
    put_number(at, (uint64_t)call->called_us, 8);
    put_text(at, call->bank);
    put_text(at, call->payer);
    put_text(at, call->payee);
    put_text(at, call->memo);
}

size_t row_job_pack(const struct job *job, uint8_t out[ROW_JOB_MAX])
{
    const struct rail_job *rail = &job->rail;
    uint8_t *at = out;
    put_number(&at, ROW_VERSION, 1);
    put_number(&at, ROW_JOB, 1);
    put_call(&at, &rail->call);
    put_number(&at, rail->serial, 8);
    put_number(&at, (uint64_t)rail->sent_us, 8);
    put_number(&at, rail->inquiries, 4);
    put_number(&at, rail->phase, 1);
    put_number(&at, rail->stage, 1);
    put_text(&at, rail->id);
    put_text(&at, rail->consent);
    put_text(&at, rail->resource);
    put_text(&at, rail->date);
    put_text(&at, rail->extra);
    put_number(&at, job->outcome, 1);
    put_number(&at, job->is_permanent, 1);
    put_text(&at, job->reason);
    CHECK(at <= out + ROW_JOB_MAX);
    return (size_t)(at - out);
}

size_t row_kept_pack(const struct kept *kept, uint8_t out[ROW_KEPT_MAX])
{
    uint8_t *at = out;
    put_number(&at, ROW_VERSION, 1);
    put_number(&at, ROW_KEPT, 1);
    put_number(&at, (uint64_t)kept->forget_us, 8);
    put_number(&at, kept->outcome, 1);
    put_number(&at, kept->is_permanent, 1);
    put_text(&at, kept->reference);
    if (kept->print != 0)
        put_number(&at, kept->print, 8);
    CHECK(at <= out + ROW_KEPT_MAX);
    return (size_t)(at - out);
}

size_t row_number_pack(uint64_t number, uint8_t out[ROW_EVENT_BYTES])
{
    uint8_t *at = out;
    put_number(&at, ROW_VERSION, 1);
    put_number(&at, number, 8);
    return (size_t)(at - out);
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

/* What is left of a row that is being read; at is NULL once it was not as it has to be. */
struct rest {
    const uint8_t *at, *end;
};

static uint64_t take_number(struct rest *rest, size_t bytes)
{
    uint64_t number = 0;
    if (rest->at == NULL || (size_t)(rest->end - rest->at) < bytes) {
        rest->at = NULL;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)rest->at[i] << (8 * i);
    rest->at += bytes;
    return number;
}

/* out is zero. */
static void take_text(struct rest *rest, char *out, size_t max)
{
    size_t length = (size_t)take_number(rest, 1);
    if (rest->at == NULL)
        return;
    if (length > max || (size_t)(rest->end - rest->at) < length) {
        rest->at = NULL;
        return;
    }
    for (size_t i = 0; i < length; i++) {
        out[i] = (char)rest->at[i];
        if (out[i] == '\0') {
            rest->at = NULL;
            return;
        }
    }
    rest->at += length;
}

static bool take_bool(struct rest *rest)
{
    uint64_t number = take_number(rest, 1);
    if (number > 1)
        rest->at = NULL;
    return number == 1;
}

static void take_call(struct rest *rest, struct bank_call *call)
{
    call->step = (uint8_t)take_number(rest, 1);
    call->currency = (currency_index)take_number(rest, 1);
    call->amount = (int64_t)take_number(rest, 8);
    call->called_us = (int64_t)take_number(rest, 8);
    take_text(rest, call->bank, BANK_NAME_MAX);
    take_text(rest, call->payer, BANK_PARTY_MAX);
    take_text(rest, call->payee, BANK_PARTY_MAX);
    take_text(rest, call->memo, MEMO_MAX);
}

static void take_job(struct rest *rest, struct row *out)
{
    struct rail_job *rail = &out->rail;
    take_call(rest, &rail->call);
    rail->serial = take_number(rest, 8);
    rail->sent_us = (int64_t)take_number(rest, 8);
    rail->inquiries = (uint32_t)take_number(rest, 4);
    rail->phase = (uint8_t)take_number(rest, 1);
    rail->stage = (uint8_t)take_number(rest, 1);
    take_text(rest, rail->id, RAIL_ID_MAX);
    take_text(rest, rail->consent, RAIL_ID_MAX);
    take_text(rest, rail->resource, RAIL_ID_MAX);
    take_text(rest, rail->date, sizeof rail->date - 1);
    take_text(rest, rail->extra, RAIL_ID_MAX);
    out->outcome = (uint8_t)take_number(rest, 1);
    out->is_permanent = take_bool(rest);
    take_text(rest, out->reason, BANK_REASON_MAX);
    if (rail->phase < RAIL_PREPARE || rail->phase > RAIL_INQUIRE || out->outcome > BANK_FAILED ||
        rail->call.step < BANK_PULL || rail->call.step > BANK_REFUND || rail->serial == 0)
        rest->at = NULL;
}

static void take_kept(struct rest *rest, struct kept *kept)
{
    kept->forget_us = (int64_t)take_number(rest, 8);
    kept->outcome = (uint8_t)take_number(rest, 1);
    kept->is_permanent = take_bool(rest);
    take_text(rest, kept->reference, BANK_REFERENCE_MAX);
    bool has_print = rest->at != NULL && rest->at < rest->end;
    if (has_print)
        kept->print = take_number(rest, 8);
    if ((kept->outcome != BANK_SUCCEEDED && kept->outcome != BANK_FAILED) || (has_print && kept->print == 0))
        rest->at = NULL;
}

static uint32_t number_at(const uint8_t *key)
{
    return (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
}

static struct call_key take_key(const uint8_t *key)
{
    struct call_key call = {.number = number_at(key + 16), .partition = number_at(key + 20)};
    memcpy(call.remittance.bytes, key, sizeof call.remittance.bytes);
    return call;
}

enum err row_job_unpack(const uint8_t *key, size_t key_length, const uint8_t *value, size_t value_length,
                        struct row *out)
{
    struct rest rest = {value, value + value_length};
    if (key_length != ROW_JOB_KEY || take_number(&rest, 1) != ROW_VERSION)
        return ERR_CORRUPT;
    const struct call_key call = take_key(key);
    *out = (struct row){0};
    switch (take_number(&rest, 1)) {
    case ROW_JOB:
        out->kind = ROW_JOB;
        out->rail.call.remittance = call.remittance;
        out->rail.call.number = call.number;
        out->rail.call.partition = call.partition;
        take_job(&rest, out);
        break;
    case ROW_KEPT:
        out->kind = ROW_KEPT;
        out->kept.remittance = call.remittance;
        out->kept.number = call.number;
        out->kept.partition = call.partition;
        take_kept(&rest, &out->kept);
        break;
    default:
        return ERR_CORRUPT;
    }
    return rest.at == rest.end ? ERR_OK : ERR_CORRUPT;
}

enum err row_number_unpack(const uint8_t *value, size_t length, uint64_t *out)
{
    struct rest rest = {value, value + length};
    bool is_ours = take_number(&rest, 1) == ROW_VERSION;
    *out = take_number(&rest, 8);
    return is_ours && rest.at == rest.end ? ERR_OK : ERR_CORRUPT;
}
