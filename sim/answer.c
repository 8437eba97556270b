/* Replies, as a client library reads them.
 *
 * The frame is copied first, so that the strings of an answer live as long as the reader's memory.
 */
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/rows.h"
#include "sim/line.h"
#include "sim/operation.h"

/* ---- scratch memory --------------------------------------------------------------------------- */

struct scratch {
    void *bytes;
    size_t capacity;
};

struct answer_reader {
    struct scratch frame, rows, page;
};

struct answer_reader *answer_reader_new(void)
{
    struct answer_reader *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    return self;
}

void answer_reader_destroy(struct answer_reader **self_p)
{
    struct answer_reader *self = *self_p;
    if (self == NULL)
        return;
    free(self->frame.bytes);
    free(self->rows.bytes);
    free(self->page.bytes);
    free(self);
    *self_p = NULL;
}

static void *room_for(struct scratch *scratch, size_t count, size_t size)
{
    size_t bytes = count * size;
    if (bytes > scratch->capacity || scratch->bytes == NULL) {
        free(scratch->bytes);
        scratch->capacity = bytes * 2 + 64;
        scratch->bytes = malloc(scratch->capacity);
        CHECK(scratch->bytes != NULL);
    }
    return scratch->bytes;
}

/* ---- money ------------------------------------------------------------------------------------ */

/* The status that goes with a code; NULL: the body has none, and is an error's. false: malformed. */
static bool read_status(const struct wire_reply *reply, struct str *status)
{
    struct mp_reader r = mp_reader_of(reply->body.data, reply->body.length);
    uint32_t count;
    *status = (struct str){0};
    if (!mp_read_map(&r, &count))
        return false;
    for (; count > 0; count--) {
        struct str key;
        if (!mp_read_str(&r, &key))
            return false;
        if (str_equal(key, STR_LITERAL("status")))
            return mp_read_str(&r, status) && status->length > 0;
        if (!mp_skip(&r, 1))
            return false;
    }
    return true;
}

static struct str status_of(enum code code)
{
    if (code == CODE_OK)
        return STR_LITERAL("success");
    return code == CODE_UNKNOWN ? STR_LITERAL("unknown") : STR_LITERAL("failed");
}

/* Balances come with OK only. */
static bool row_is_sound(const struct ledger_row *row)
{
    return row->code == CODE_OK ? row->field == FIELD_NONE : row->has == 0;
}

static bool read_single(struct answer_reader *reader, const struct operation *operation,
                        const struct wire_reply *reply, struct answer *out)
{
    struct uuid id;
    struct str status;
    out->rows = room_for(&reader->rows, 1, sizeof *out->rows);
    if (!read_status(reply, &status) || !wire_row_read_single(reply, &id, out->rows, NULL) ||
        !row_is_sound(out->rows))
        return false;
    out->field = out->rows->field;
    if (status.length == 0)
        return uuid_is_nil(&id) && reply->code != CODE_OK;
    out->row_count = 1;
    return str_equal(status, status_of(reply->code)) && uuid_equal(&id, &operation->commands->id);
}

/* Moves the rows that came to where the operation has their items. Returns false when they are not its rows. */
static bool place_rows(const struct operation *operation, const struct ledger_row *came, size_t came_count,
                       struct ledger_row *rows)
{
    size_t from = 0, to = 0;
    for (uint32_t i = 0; i < operation->count; i++) {
        uint32_t items = operation->commands[i].group_count;
        if (from == came_count)
            return false;
        struct ledger_row head = came[from++];
        if (head.group_count != 0 && (head.group_count != items || came_count - from < items))
            return false;
        /* Only a group that was refused may come without its items. */
        if (items > 0 && head.group_count == 0 && head.code == CODE_OK)
            return false;
        rows[to++] = head;
        for (uint32_t j = 0; j < items; j++)
            rows[to++] = head.group_count != 0 ? came[from++] : (struct ledger_row){.code = head.code};
    }
    return from == came_count;
}

static bool read_rows(struct answer_reader *reader, const struct operation *operation,
                      const struct wire_reply *reply, struct answer *out)
{
    uint32_t expected = operation->row_count;
    size_t came_count;
    struct ledger_row *came = room_for(&reader->rows, 2 * (size_t)expected, sizeof *came);
    struct ledger_row *rows = came + expected;
    if (!wire_rows_read(reply, came, expected, &came_count) || !place_rows(operation, came, came_count, rows))
        return false;
    for (uint32_t i = 0; i < expected; i++) {
        if (!row_is_sound(&rows[i]))
            return false;
    }
    out->rows = rows;
    out->row_count = expected;
    return true;
}

/* ---- the rest --------------------------------------------------------------------------------- */

static bool read_list(struct answer_reader *reader, const struct operation *operation,
                      const struct wire_reply *reply, struct answer *out)
{
    uint32_t limit = operation->list.limit;
    out->views = room_for(&reader->page, limit, sizeof *out->views);
    return wire_list_reply_read(reply, out->views, limit, &out->count, &out->cursor);
}

static bool read_history(struct answer_reader *reader, const struct operation *operation,
                         const struct wire_reply *reply, struct answer *out)
{
    uint32_t limit = operation->history.limit;
    out->entries = room_for(&reader->page, limit, sizeof *out->entries);
    return wire_history_reply_read(reply, out->entries, limit, &out->count, &out->cursor);
}

static bool read_proposals(struct answer_reader *reader, const struct operation *operation,
                           const struct wire_reply *reply, struct answer *out)
{
    uint32_t limit = operation->proposals.limit;
    out->proposals = room_for(&reader->page, limit, sizeof *out->proposals);
    return wire_proposals_reply_read(reply, out->proposals, limit, &out->count, &out->cursor);
}

/* The body of an OK reply. */
static bool read_body(struct answer_reader *reader, const struct operation *operation,
                      const struct wire_reply *reply, struct answer *out)
{
    switch (operation->kind) {
    case OPERATION_TRANSFER:
    case OPERATION_DEPOSIT:
    case OPERATION_WITHDRAW:
    case OPERATION_HOLD:
    case OPERATION_CAPTURE:
    case OPERATION_RELEASE:
        return read_single(reader, operation, reply, out);
    case OPERATION_BATCH:
        return read_rows(reader, operation, reply, out);
    case OPERATION_ACCOUNT_OPEN:
    case OPERATION_ACCOUNT_CHANGE:
    case OPERATION_ACCOUNT_FREEZE:
    case OPERATION_ACCOUNT_UNFREEZE:
    case OPERATION_ACCOUNT_CLOSE:
    case OPERATION_ACCOUNT_SHOW:
        return wire_account_reply_read(reply, &out->view);
    case OPERATION_ACCOUNT_LIST:
        return read_list(reader, operation, reply, out);
    case OPERATION_BALANCE:
        return wire_balance_reply_read(reply, &out->balance);
    case OPERATION_HISTORY:
        return read_history(reader, operation, reply, out);
    case OPERATION_TRANSFER_SHOW:
        return wire_transfer_reply_read(reply, &out->transfer);
    case OPERATION_QUOTE:
    case OPERATION_QUOTE_SHOW:
        return wire_quote_reply_read(reply, &out->quote);
    case OPERATION_RATE_SET:
    case OPERATION_PAIR_SET:
        return true;
    case OPERATION_PROPOSAL_OPEN:
    case OPERATION_PROPOSAL_APPROVE:
    case OPERATION_PROPOSAL_REJECT:
    case OPERATION_PROPOSAL_SHOW:
        return wire_proposal_reply_read(reply, &out->proposal);
    case OPERATION_PROPOSAL_LIST:
        return read_proposals(reader, operation, reply, out);
    case OPERATION_HEALTH:
    case OPERATION_VERSION:
    case OPERATION_STATUS:
        return true;
    case OPERATION_HOLD_SHOW:
    case OPERATION_HOLD_LIST:
    case OPERATION_EXCHANGE:
    case OPERATION_RATE_DESK:
    case OPERATION_HISTORIES:
    case OPERATION_METRICS:
    case OPERATION_RATE_LATEST:
    case OPERATION_RATE_ASOF:
    case OPERATION_RATE_RANGE:
    case OPERATION_RATE_REVIEW:
    case OPERATION_RATE_ACCEPT:
    case OPERATION_RATE_REJECT:
    case OPERATION_RATE_SOURCES:
    case OPERATION_SUBSCRIBER_ADD:
    case OPERATION_SUBSCRIBER_REMOVE:
    case OPERATION_SUBSCRIBER_LIST:
    case OPERATION_DEADLETTER_LIST:
    case OPERATION_DEADLETTER_RETRY:
    case OPERATION_REMITTANCE_OPEN:
    case OPERATION_REMITTANCE_SHOW:
    case OPERATION_REMITTANCE_LIST:
    case OPERATION_REMITTANCE_RETRY:
    case OPERATION_REMITTANCE_REFUND:
    case OPERATION_REMITTANCE_CANCEL:
    case OPERATION_REMITTANCE_RESOLVE:
    case OPERATION_REMITTANCE_SETTLE:
    case OPERATION_REMITTANCE_RETRY_BATCH:
    case OPERATION_DEADLETTER_RESOLVE:
    case OPERATION_BANK_LIST:
    case OPERATION_BANK_CALLS:
    case OPERATION_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

bool answer_request_id(const uint8_t *frame, size_t length, uint64_t *request_id)
{
    struct wire_reply reply;
    if (!wire_reply_read(frame, length, &reply))
        return false;
    *request_id = reply.request_id;
    return true;
}

bool answer_read(struct answer_reader *reader, const struct operation *operation, const uint8_t *frame,
                 size_t length, struct answer *out)
{
    struct wire_reply reply;
    uint8_t *copy = room_for(&reader->frame, length, 1);
    *out = (struct answer){0};
    if (length > 0)
        memcpy(copy, frame, length);
    if (!wire_reply_read(copy, length, &reply))
        return false;
    out->code = reply.code;
    if (reply.code == CODE_OK || operation->kind < OPERATION_BATCH)
        return read_body(reader, operation, &reply, out);
    return wire_error_read(&reply, &out->field, NULL);
}

static bool code_is_final(enum code code)
{
    return code != CODE_BUSY && code != CODE_UNKNOWN;
}

bool answer_is_final(const struct operation *operation, const struct answer *answer)
{
    (void)operation;
    if (!code_is_final(answer->code))
        return false;
    for (uint32_t i = 0; i < answer->row_count; i++) {
        if (!code_is_final(answer->rows[i].code))
            return false;
    }
    return true;
}

/* ---- a line for people ------------------------------------------------------------------------ */

static void say_code(struct line *line, enum code code, enum field field)
{
    line_add(line, "%s", code_name(code));
    if (field != FIELD_NONE)
        line_add(line, " %s", field_name(field));
}

static void say_row(struct line *line, const struct ledger_row *row)
{
    say_code(line, row->code, row->field);
    if (row->has & ROW_HAS_FROM)
        line_add(line, " %lld", (long long)row->from_balance);
    if (row->has & ROW_HAS_TO)
        line_add(line, " %lld", (long long)row->to_balance);
}

static void say_view(struct line *line, const struct ledger_account_view *view)
{
    line_add(line, " %s %s balance %lld pending %lld", view->id, currency_at(view->currency)->code,
             (long long)view->balance, (long long)view->pending);
    line_add(line, " minimum %lld", (long long)view->minimum_balance);
    if (view->ceiling != INT64_MAX)
        line_add(line, " ceiling %lld", (long long)view->ceiling);
    if (view->state != ACCOUNT_ACTIVE)
        line_add(line, view->state == ACCOUNT_FROZEN ? " frozen" : " closed");
}

static void say_balance(struct line *line, const struct wire_balance *balance)
{
    line_add(line, " %lld", (long long)balance->balance);
    if (!balance->is_past)
        line_add(line, " pending %lld available %lld", (long long)balance->pending,
                 (long long)balance->available);
    line_add(line, " at %lld", (long long)balance->at_us);
}

static void say_transfer(struct line *line, const struct wire_transfer *transfer)
{
    static const char *const status[] = {"success", "failed", "pending"};
    line_add(line, " %s %s ", status[transfer->status], code_name(transfer->code));
    line_str(line, transfer->from);
    line_add(line, " → ");
    line_str(line, transfer->to);
    line_add(line, " %lld", (long long)transfer->amount);
}

static void say_proposal(struct line *line, const struct ledger_proposal_view *view)
{
    static const char *const states[] = {[PROPOSAL_PROPOSED] = "open",
                                         [PROPOSAL_APPROVED] = "approved",
                                         [PROPOSAL_REJECTED] = "rejected",
                                         [PROPOSAL_EXPIRED] = "expired"};
    line_add(line, " %s", states[view->state]);
    if (view->state == PROPOSAL_APPROVED)
        line_add(line, " %lld", (long long)view->balance);
}

static void say_ok_body(struct line *line, const struct operation *operation, const struct answer *answer)
{
    if (operation->kind >= OPERATION_ACCOUNT_OPEN && operation->kind <= OPERATION_ACCOUNT_SHOW)
        say_view(line, &answer->view);
    if (operation->kind == OPERATION_BALANCE)
        say_balance(line, &answer->balance);
    if (operation->kind == OPERATION_HISTORY || operation->kind == OPERATION_ACCOUNT_LIST)
        line_add(line, " %zu %s%s", answer->count,
                 operation->kind == OPERATION_HISTORY ? "entries" : "accounts",
                 answer->cursor.length > 0 ? ", more to come" : "");
    if (operation->kind == OPERATION_TRANSFER_SHOW)
        say_transfer(line, &answer->transfer);
    if (operation->kind >= OPERATION_PROPOSAL_OPEN && operation->kind <= OPERATION_PROPOSAL_SHOW)
        say_proposal(line, &answer->proposal);
    if (operation->kind == OPERATION_QUOTE || operation->kind == OPERATION_QUOTE_SHOW)
        line_add(line, " %lld for %lld", (long long)answer->quote.buy_amount,
                 (long long)answer->quote.sell_amount);
    if (operation->kind == OPERATION_PROPOSAL_LIST)
        line_add(line, " %zu proposals%s", answer->count, answer->cursor.length > 0 ? ", more to come" : "");
}

const char *answer_say(const struct operation *operation, const struct answer *answer, char *out,
                       size_t capacity)
{
    struct line line = line_of(out, capacity);
    if (operation->kind < OPERATION_BATCH && answer->row_count == 1) {
        say_row(&line, answer->rows);
        return out;
    }
    say_code(&line, answer->code, answer->field);
    for (uint32_t i = 0; i < answer->row_count; i++) {
        line_add(&line, i == 0 ? ": " : "; ");
        say_row(&line, &answer->rows[i]);
    }
    if (answer->code == CODE_OK)
        say_ok_body(&line, operation, answer);
    return out;
}
