/* Reply frames of money operations, and errors. */
#include "broker/wire/rows.h"

#include "actors/base/check.h"
#include "broker/wire/fields.h"
#include "broker/wire/request.h"

/* ---- words ------------------------------------------------------------------------------------ */

static const char *const messages[CODE_COUNT] = {
    [CODE_OK] = "done",
    [CODE_BAD_REQUEST] = "the message is not what the protocol describes",
    [CODE_UNSUPPORTED] = "this version or operation is not known here",
    [CODE_TOO_LARGE] = "the message, the batch or a group is above its limit",
    [CODE_BUSY] = "too busy to take this now; nothing happened, try again later",
    [CODE_UNKNOWN] = "the outcome is not known yet; ask again with the same transaction id",
    [CODE_DEADLINE_EXCEEDED] = "it could not be decided before its deadline; nothing moved",
    [CODE_WRONG_PARTITION] = "the account does not belong to the partition that was named",
    [CODE_INVALID_FIELD] = "the field is missing, of a wrong type, malformed or out of range",
    [CODE_UNKNOWN_CURRENCY] = "not an active currency of ISO 4217",
    [CODE_SAME_ACCOUNT] = "both accounts are the same",
    [CODE_CONFLICT] = "the transaction id was used before with another payload",
    [CODE_ACCOUNT_NOT_FOUND] = "there is no such account",
    [CODE_ACCOUNT_EXISTS] = "the account exists with other attributes",
    [CODE_CURRENCY_MISMATCH] = "the account is in another currency",
    [CODE_ACCOUNT_CLOSED] = "the account is closed",
    [CODE_ACCOUNT_FROZEN] = "the account is frozen",
    [CODE_INSUFFICIENT_FUNDS] = "the amount is more than the account has available",
    [CODE_CEILING_EXCEEDED] = "the account would hold more than it may",
    [CODE_BALANCE_OVERFLOW] = "the balance would be too large to count",
    [CODE_NOT_EMPTY] = "the account still holds money, or money is on its way",
    [CODE_NOT_FOUND] = "nothing is known by that id",
    [CODE_GROUP_REFUSED] = "another item of the same group was refused",
    [CODE_HOLD_NOT_FOUND] = "there is no such hold on this account",
    [CODE_HOLD_CAPTURED] = "the hold has ended: it was captured",
    [CODE_HOLD_RELEASED] = "the hold has ended: it was released",
    [CODE_HOLD_EXPIRED] = "the hold has ended: it expired",
    [CODE_HOLD_EXCEEDED] = "the amount is more than is held",
    [CODE_RATE_REQUIRED] = "the account keeps a book value: say at what rate the money comes in",
    [CODE_RATE_NOT_FOUND] = "no rate is known for this pair",
    [CODE_RATE_STALE] = "the newest rate of this pair is too old",
    [CODE_AMOUNT_TOO_SMALL] = "the other side of the exchange would be nothing",
    [CODE_QUOTE_NOT_FOUND] = "there is no such quote for this account",
    [CODE_QUOTE_EXPIRED] = "the quote has expired; ask for another",
    [CODE_QUOTE_USED] = "the quote has been used; ask for another",
    [CODE_WRONG_OWNER] = "the quote is for another account, or for another owner",
    [CODE_PROPOSAL_NOT_FOUND] = "there is no such proposal for this account",
    [CODE_PROPOSAL_APPROVED] = "the proposal has ended: it was approved",
    [CODE_PROPOSAL_REJECTED] = "the proposal has ended: it was rejected",
    [CODE_PROPOSAL_EXPIRED] = "the proposal has ended: it expired",
    [CODE_SAME_OPERATOR] = "a second person has to approve it",
    [CODE_REMITTANCE_NOT_FOUND] = "no remittance of that id on this account",
    [CODE_REMITTANCE_ENDED] = "the remittance has ended",
    [CODE_REMITTANCE_IN_BANK] = "a bank may be working on it: wait for its answer",
    [CODE_REMITTANCE_NOT_HERE] = "that does not fit the state of the remittance",
    [CODE_BANK_NOT_FOUND] = "no bank of that name is configured",
};

const char *wire_code_message(enum code code)
{
    CHECK((unsigned)code < CODE_COUNT);
    return messages[code];
}

bool wire_code_find(struct str name, enum code *out)
{
    for (enum code code = CODE_OK; code < CODE_COUNT; code++) {
        if (str_equal(name, str_from(code_name(code)))) {
            *out = code;
            return true;
        }
    }
    return false;
}

bool wire_field_find(struct str name, enum field *out)
{
    if (name.length == 0) {
        *out = FIELD_NONE;
        return true;
    }
    for (enum field field = FIELD_NONE + 1; field < FIELD_COUNT; field++) {
        if (str_equal(name, str_from(field_name(field)))) {
            *out = field;
            return true;
        }
    }
    return false;
}

/* ---- writing ---------------------------------------------------------------------------------- */

enum { REPLY_VALUES = 4, WORD_MAX = 40, MESSAGE_MAX = 100, ROW_MAX = 2 * WORD_MAX };

static uint8_t *put_text(uint8_t *at, const char *text)
{
    return mp_put_str(at, str_from(text));
}

static uint8_t *put_field(uint8_t *at, enum field field)
{
    return field == FIELD_NONE ? mp_put_nil(at) : put_text(at, field_name(field));
}

void wire_reply_begin(struct mp_writer *w, uint64_t request_id, enum code code)
{
    if (!mp_reserve(w, 2 + MP_INT_MAX + WORD_MAX))
        return;
    uint8_t *at = mp_put_array(mp_tail(w), REPLY_VALUES);
    at = mp_put_uint(at, WIRE_VERSION);
    at = mp_put_uint(at, request_id);
    mp_advance(w, put_text(at, code_name(code)));
}

static inline uint8_t *put_balance(uint8_t *at, bool has, int64_t balance)
{
    return has ? mp_put_int(at, balance) : mp_put_nil(at);
}

/* A row that is no group's. ROW_MAX bytes at most. */
static inline uint8_t *put_row(uint8_t *at, const struct ledger_row *row)
{
    static const uint8_t good[] = {0x93, 0xa2, 'O', 'K'};
    if (__builtin_expect(row->code == CODE_OK, 1)) {
        memcpy(at, good, sizeof good);
        at = put_balance(at + sizeof good, row->has & ROW_HAS_FROM, row->from_balance);
        return put_balance(at, row->has & ROW_HAS_TO, row->to_balance);
    }
    at = mp_put_array(at, 2);
    at = put_text(at, code_name(row->code));
    return put_field(at, row->field);
}

/* A group's own row up to its array of rows. */
static uint8_t *put_group_head(uint8_t *at, const struct ledger_row *row)
{
    at = mp_put_array(at, 3);
    at = put_text(at, code_name(row->code));
    at = put_field(at, row->field);
    return mp_put_array(at, row->group_count);
}

void wire_rows_write(struct mp_writer *w, uint64_t request_id, const struct ledger_row *rows,
                     size_t row_count)
{
    uint32_t count = 0;
    for (size_t i = 0; i < row_count; i += 1u + rows[i].group_count)
        count++;
    wire_reply_begin(w, request_id, CODE_OK);
    mp_write_array(w, count);
    /* The rows of a group stand behind its head, in the array and on the wire. */
    for (size_t i = 0; i < row_count; i++) {
        if (!mp_reserve(w, ROW_MAX))
            return;
        uint8_t *at = mp_tail(w);
        mp_advance(w, rows[i].group_count > 0 ? put_group_head(at, &rows[i]) : put_row(at, &rows[i]));
    }
}

/* UNKNOWN must never read as a failure: the money may have moved. */
static const char *status_of(enum code code)
{
    if (code == CODE_OK)
        return "success";
    return code == CODE_UNKNOWN ? "unknown" : "failed";
}

/* 7 keys of at most 14 characters, and their values. */
enum { SINGLE_MAX = 7 * (15 + WORD_MAX) + MESSAGE_MAX };

void wire_row_write_single(struct mp_writer *w, uint64_t request_id, const struct uuid *id,
                           const struct ledger_row *row)
{
    enum code code = row->code;
    bool has_from = row->has & ROW_HAS_FROM;
    bool has_to = row->has & ROW_HAS_TO;
    wire_reply_begin(w, request_id, code);
    if (!mp_reserve(w, SINGLE_MAX))
        return;
    uint8_t *at = mp_tail(w);
    at = mp_put_map(at, 3u + (row->field != FIELD_NONE) + has_from + has_to + (code != CODE_OK));
    at = WIRE_PUT_WORD(at, "transaction_id");
    at = wire_put_uuid(at, id);
    at = put_text(WIRE_PUT_WORD(at, "status"), status_of(code));
    at = put_text(WIRE_PUT_WORD(at, "code"), code_name(code));
    if (row->field != FIELD_NONE)
        at = put_text(WIRE_PUT_WORD(at, "field"), field_name(row->field));
    if (has_from)
        at = mp_put_int(WIRE_PUT_WORD(at, "from_balance"), row->from_balance);
    if (has_to)
        at = mp_put_int(WIRE_PUT_WORD(at, "to_balance"), row->to_balance);
    if (code != CODE_OK)
        at = put_text(WIRE_PUT_WORD(at, "message"), wire_code_message(code));
    mp_advance(w, at);
}

void wire_error_body_write(struct mp_writer *w, enum code code, enum field field, const char *message)
{
    struct str text = str_from(message != NULL ? message : wire_code_message(code));
    if (!mp_reserve(w, SINGLE_MAX + (size_t)text.length))
        return;
    uint8_t *at = mp_put_map(mp_tail(w), 2);
    at = put_field(WIRE_PUT_WORD(at, "field"), field);
    mp_advance(w, mp_put_str(WIRE_PUT_WORD(at, "message"), text));
}

void wire_error_write(struct mp_writer *w, uint64_t request_id, enum code code, enum field field,
                      const char *message)
{
    wire_reply_begin(w, request_id, code);
    wire_error_body_write(w, code, field, message);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static bool read_code(struct mp_reader *r, enum code *code)
{
    struct str name;
    if (!mp_read_str(r, &name))
        return false;
    if (name.length == 2 && memcmp(name.data, "OK", 2) == 0) {
        *code = CODE_OK;
        return true;
    }
    return wire_code_find(name, code);
}

static bool read_field(struct mp_reader *r, enum field *field)
{
    struct str name = {0};
    return (mp_read_nil(r) || mp_read_str(r, &name)) && wire_field_find(name, field);
}

bool wire_reply_read(const uint8_t *frame, size_t length, struct wire_reply *out)
{
    struct mp_reader r = mp_reader_of(frame, length);
    uint32_t count;
    uint64_t version;
    if (length > UINT32_MAX || !mp_read_array(&r, &count) || count != REPLY_VALUES ||
        !mp_read_uint(&r, &version) || version != WIRE_VERSION || !mp_read_uint(&r, &out->request_id) ||
        !read_code(&r, &out->code) || mp_at_end(&r))
        return false;
    out->body = (struct str){(const char *)r.at, (uint32_t)mp_left(&r)};
    return true;
}

static bool read_balance(struct mp_reader *r, uint8_t flag, struct ledger_row *row, int64_t *balance)
{
    if (mp_read_nil(r))
        return true;
    row->has |= flag;
    return mp_read_int(r, balance);
}

/* Moves only when both are there. */
static bool read_balances(struct mp_reader *r, struct ledger_row *row)
{
    const uint8_t *start = r->at;
    if (read_balance(r, ROW_HAS_FROM, row, &row->from_balance) &&
        read_balance(r, ROW_HAS_TO, row, &row->to_balance))
        return true;
    r->at = start;
    row->has = 0;
    return false;
}

static bool read_group_head(struct mp_reader *r, struct ledger_row *row, uint32_t *group_count)
{
    enum field field;
    if (!read_field(r, &field) || !mp_read_array(r, group_count))
        return false;
    row->field = (uint8_t)field;
    return *group_count > 0 && *group_count <= LEDGER_GROUP_MAX;
}

/* What follows the code of a row. *group_count: rows that stand in an array behind it, not read yet. */
static bool read_row(struct mp_reader *r, struct ledger_row *row, uint32_t *group_count)
{
    uint32_t values;
    enum code code;
    enum field field = FIELD_NONE;
    *row = (struct ledger_row){0};
    *group_count = 0;
    if (!mp_read_array(r, &values) || values < 2 || values > 3 || !read_code(r, &code))
        return false;
    row->code = (uint8_t)code;
    if (values == 3)
        return (code == CODE_OK && read_balances(r, row)) || read_group_head(r, row, group_count);
    if (code == CODE_OK || !read_field(r, &field))
        return false;
    row->field = (uint8_t)field;
    return true;
}

bool wire_rows_read(const struct wire_reply *reply, struct ledger_row *rows, size_t capacity,
                    size_t *row_count)
{
    struct mp_reader r = mp_reader_of(reply->body.data, reply->body.length);
    uint32_t count;
    uint32_t in_group = 0; /* rows of the current group still to come */
    size_t used = 0;
    if (!mp_read_array(&r, &count))
        return false;
    while (count > 0 || in_group > 0) {
        uint32_t group_count;
        if (used == capacity || !read_row(&r, &rows[used], &group_count))
            return false;
        rows[used++].group_count = (uint16_t)group_count;
        if (in_group == 0) {
            count--;
            in_group = group_count;
        } else if (group_count > 0) {
            return false;
        } else {
            in_group--;
        }
    }
    *row_count = used;
    return mp_at_end(&r);
}

enum { KEY_ID, KEY_FIELD, KEY_FROM_BALANCE, KEY_TO_BALANCE, KEY_MESSAGE, KEY_COUNT };

static const struct wire_key row_keys[KEY_COUNT] = {
    [KEY_ID] = {{"transaction_id", 14}, FIELD_TRANSACTION_ID},
    [KEY_FIELD] = {{"field", 5}, FIELD_NONE},
    [KEY_FROM_BALANCE] = {{"from_balance", 12}, FIELD_NONE},
    [KEY_TO_BALANCE] = {{"to_balance", 10}, FIELD_NONE},
    [KEY_MESSAGE] = {{"message", 7}, FIELD_NONE},
};

bool wire_row_read_single(const struct wire_reply *reply, struct uuid *id, struct ledger_row *row,
                          struct str *message)
{
    struct wire_values v;
    enum field field;
    struct str text;
    *row = (struct ledger_row){.code = (uint8_t)reply->code};
    *id = (struct uuid){0};
    if (!wire_reply_values(reply, row_keys, KEY_COUNT, &v) || !wire_take_optional_uuid(&v.at[KEY_ID], id) ||
        !read_field(&v.at[KEY_FIELD], &field) ||
        !read_balance(&v.at[KEY_FROM_BALANCE], ROW_HAS_FROM, row, &row->from_balance) ||
        !read_balance(&v.at[KEY_TO_BALANCE], ROW_HAS_TO, row, &row->to_balance) ||
        !wire_take_string(&v.at[KEY_MESSAGE], &text))
        return false;
    row->field = (uint8_t)field;
    if (message != NULL)
        *message = text;
    return true;
}

bool wire_error_read(const struct wire_reply *reply, enum field *field, struct str *message)
{
    struct uuid id;
    struct ledger_row row;
    if (!wire_row_read_single(reply, &id, &row, message))
        return false;
    *field = row.field;
    return true;
}
