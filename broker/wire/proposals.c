/* Bodies of proposal.* and their replies. */
#include "broker/wire/proposals.h"

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "broker/wire/fields.h"

static const struct str kind_names[] = {
    [COMMAND_DEPOSIT] = {"deposit", 7},
    [COMMAND_WITHDRAW] = {"withdraw", 8},
};

static const struct str state_names[] = {
    [PROPOSAL_PROPOSED] = {"PROPOSED", 8},
    [PROPOSAL_APPROVED] = {"APPROVED", 8},
    [PROPOSAL_REJECTED] = {"REJECTED", 8},
    [PROPOSAL_EXPIRED] = {"EXPIRED", 7},
};

static bool take_kind(struct mp_reader *r, uint8_t *out)
{
    return wire_take_word(r, kind_names, COMMAND_DEPOSIT, COMMAND_WITHDRAW, out);
}

static bool take_optional_time(struct mp_reader *r, int64_t *out)
{
    *out = 0;
    return mp_read_nil(r) || (mp_read_int(r, out) && *out > 0);
}

/* ---- proposal.open ------------------------------------------------------------------------------ */

enum {
    OPEN_TRANSACTION_ID,
    OPEN_KIND,
    OPEN_ACCOUNT,
    OPEN_AMOUNT,
    OPEN_CURRENCY,
    OPEN_RATE,
    OPEN_REASON,
    OPEN_OPERATOR,
    OPEN_EXPIRES,
    OPEN_KEY_COUNT
};

static const struct wire_key open_keys[OPEN_KEY_COUNT] = {
    [OPEN_TRANSACTION_ID] = {{"transaction_id", 14}, FIELD_TRANSACTION_ID},
    [OPEN_KIND] = {{"kind", 4}, FIELD_KIND},
    [OPEN_ACCOUNT] = {{"account", 7}, FIELD_ACCOUNT},
    [OPEN_AMOUNT] = {{"amount", 6}, FIELD_AMOUNT},
    [OPEN_CURRENCY] = {{"currency", 8}, FIELD_CURRENCY},
    [OPEN_RATE] = {{"rate", 4}, FIELD_RATE},
    [OPEN_REASON] = {{"reason", 6}, FIELD_REASON},
    [OPEN_OPERATOR] = {{"operator", 8}, FIELD_OPERATOR},
    [OPEN_EXPIRES] = {{"expires", 7}, FIELD_EXPIRES},
};

static void open_values(struct wire_values *v, struct ledger_proposal_command *out)
{
    enum code currency = wire_take_currency(&v->at[OPEN_CURRENCY], &out->currency);
    if (!wire_take_uuid(&v->at[OPEN_TRANSACTION_ID], &out->id))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID);
    if (!take_kind(&v->at[OPEN_KIND], &out->kind))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_KIND);
    if (!wire_take_client_account(&v->at[OPEN_ACCOUNT], &out->account))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    if (!wire_take_amount(&v->at[OPEN_AMOUNT], out->currency, &out->amount))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_AMOUNT);
    if (currency == CODE_INVALID_FIELD)
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_CURRENCY);
    if (!wire_take_optional_rate(&v->at[OPEN_RATE], &out->rate))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_RATE);
    if (!wire_take_required_text(&v->at[OPEN_REASON], MEMO_MAX, &out->reason))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_REASON);
    if (!wire_take_required_text(&v->at[OPEN_OPERATOR], OWNER_MAX, &out->operator_name))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_OPERATOR);
    if (!take_optional_time(&v->at[OPEN_EXPIRES], &out->expires_us))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_EXPIRES);
    if (currency == CODE_UNKNOWN_CURRENCY)
        wire_values_fault(v, CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY);
}

enum code wire_proposal_read(const struct wire_header *header, struct ledger_proposal_command *out,
                             enum field *field)
{
    struct wire_values values;
    *out = (struct ledger_proposal_command){0};
    enum code code = wire_body_values(header, open_keys, OPEN_KEY_COUNT, &values, field);
    if (code != CODE_OK)
        return code;
    open_values(&values, out);
    *field = values.field;
    return values.code;
}

void wire_proposal_body_write(struct mp_writer *w, const struct ledger_proposal_command *command)
{
    CHECK(command->kind == COMMAND_DEPOSIT || command->kind == COMMAND_WITHDRAW);
    mp_write_map(w, OPEN_KEY_COUNT);
    mp_write_text(w, "transaction_id");
    mp_write_bin(w, command->id.bytes, sizeof command->id.bytes);
    mp_write_text(w, "kind");
    mp_write_str(w, kind_names[command->kind]);
    mp_write_text(w, "account");
    mp_write_str(w, command->account);
    mp_write_text(w, "amount");
    mp_write_int(w, command->amount);
    mp_write_text(w, "currency");
    mp_write_text(w, currency_at(command->currency)->code);
    mp_write_text(w, "rate");
    char rate[RATE_TEXT_MAX];
    wire_write_optional(
        w, (struct str){rate, command->rate > 0 ? (uint32_t)rate_format(command->rate, rate) : 0});
    mp_write_text(w, "reason");
    mp_write_str(w, command->reason);
    mp_write_text(w, "operator");
    mp_write_str(w, command->operator_name);
    mp_write_text(w, "expires");
    if (command->expires_us == 0)
        mp_write_nil(w);
    else
        mp_write_int(w, command->expires_us);
}

/* ---- the other requests --------------------------------------------------------------------------- */

enum { STEP_ACCOUNT, STEP_PROPOSAL, STEP_OPERATOR, STEP_REASON, STEP_KEY_COUNT };

static const struct wire_key step_keys[STEP_KEY_COUNT] = {
    [STEP_ACCOUNT] = {{"account", 7}, FIELD_ACCOUNT},
    [STEP_PROPOSAL] = {{"proposal", 8}, FIELD_PROPOSAL},
    [STEP_OPERATOR] = {{"operator", 8}, FIELD_OPERATOR},
    [STEP_REASON] = {{"reason", 6}, FIELD_REASON},
};

enum code wire_decision_read(const struct wire_header *header, struct ledger_decision_command *out,
                             enum field *field)
{
    struct wire_values v;
    CHECK(header->operation == OPERATION_PROPOSAL_APPROVE || header->operation == OPERATION_PROPOSAL_REJECT);
    *out = (struct ledger_decision_command){.approves = header->operation == OPERATION_PROPOSAL_APPROVE};
    enum code code = wire_body_values(header, step_keys, STEP_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    if (!wire_take_client_account(&v.at[STEP_ACCOUNT], &out->account))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    if (!wire_take_uuid(&v.at[STEP_PROPOSAL], &out->proposal))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_PROPOSAL);
    if (!wire_take_required_text(&v.at[STEP_OPERATOR], OWNER_MAX, &out->operator_name))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_OPERATOR);
    if (!wire_take_text(&v.at[STEP_REASON], MEMO_MAX, &out->reason))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_REASON);
    *field = v.field;
    return v.code;
}

void wire_decision_body_write(struct mp_writer *w, const struct ledger_decision_command *command)
{
    mp_write_map(w, STEP_KEY_COUNT);
    mp_write_text(w, "account");
    mp_write_str(w, command->account);
    mp_write_text(w, "proposal");
    mp_write_bin(w, command->proposal.bytes, sizeof command->proposal.bytes);
    mp_write_text(w, "operator");
    mp_write_str(w, command->operator_name);
    mp_write_text(w, "reason");
    wire_write_optional(w, command->reason);
}

enum code wire_proposal_show_read(const struct wire_header *header, struct str *account,
                                  struct uuid *proposal, enum field *field)
{
    return wire_member_read(header, FIELD_PROPOSAL, account, proposal, field);
}

void wire_proposal_show_body_write(struct mp_writer *w, struct str account, const struct uuid *proposal)
{
    wire_member_body_write(w, account, FIELD_PROPOSAL, proposal);
}

enum { LIST_LIMIT, LIST_CURSOR, LIST_KEY_COUNT };

enum code wire_proposals_read(const struct wire_header *header, struct wire_proposals_query *out,
                              enum field *field)
{
    static const struct wire_key keys[LIST_KEY_COUNT] = {
        [LIST_LIMIT] = {{"limit", 5}, FIELD_LIMIT},
        [LIST_CURSOR] = {{"cursor", 6}, FIELD_CURSOR},
    };
    struct wire_values v;
    enum code code = wire_body_values(header, keys, LIST_KEY_COUNT, &v, field);
    if (code != CODE_OK)
        return code;
    *out = (struct wire_proposals_query){0};
    wire_page_query_values(&v, LIST_LIMIT, WIRE_PROPOSALS_LIMIT, LEDGER_PAGE_MAX, &out->limit, &out->cursor);
    *field = v.field;
    return v.code;
}

void wire_proposals_body_write(struct mp_writer *w, const struct wire_proposals_query *query)
{
    mp_write_map(w, LIST_KEY_COUNT);
    wire_page_query_write(w, query->limit, query->cursor);
}

/* ---- replies ---------------------------------------------------------------------------------- */

enum {
    VIEW_PROPOSAL,
    VIEW_ACCOUNT,
    VIEW_KIND,
    VIEW_STATE,
    VIEW_AMOUNT,
    VIEW_CURRENCY,
    VIEW_RATE,
    VIEW_REASON,
    VIEW_OPERATOR,
    VIEW_EXPIRES,
    VIEW_DECIDED_BY,
    VIEW_DECIDED_REASON,
    VIEW_BALANCE,
    VIEW_KEY_COUNT
};

static const struct wire_key view_keys[VIEW_KEY_COUNT] = {
    [VIEW_PROPOSAL] = {{"proposal", 8}, FIELD_NONE},
    [VIEW_ACCOUNT] = {{"account", 7}, FIELD_NONE},
    [VIEW_KIND] = {{"kind", 4}, FIELD_NONE},
    [VIEW_STATE] = {{"state", 5}, FIELD_NONE},
    [VIEW_AMOUNT] = {{"amount", 6}, FIELD_NONE},
    [VIEW_CURRENCY] = {{"currency", 8}, FIELD_NONE},
    [VIEW_RATE] = {{"rate", 4}, FIELD_NONE},
    [VIEW_REASON] = {{"reason", 6}, FIELD_NONE},
    [VIEW_OPERATOR] = {{"operator", 8}, FIELD_NONE},
    [VIEW_EXPIRES] = {{"expires", 7}, FIELD_NONE},
    [VIEW_DECIDED_BY] = {{"decided_by", 10}, FIELD_NONE},
    [VIEW_DECIDED_REASON] = {{"decided_reason", 14}, FIELD_NONE},
    [VIEW_BALANCE] = {{"balance", 7}, FIELD_NONE},
};

enum {
    VIEW_MAX = VIEW_KEY_COUNT * 32 + ACCOUNT_ID_MAX + 2 * MEMO_MAX + 2 * OWNER_MAX + RATE_TEXT_MAX,
};

static void write_view(struct mp_writer *w, const struct ledger_proposal_view *view)
{
    CHECK(view->state >= PROPOSAL_PROPOSED && view->state <= PROPOSAL_EXPIRED);
    CHECK(view->kind == COMMAND_DEPOSIT || view->kind == COMMAND_WITHDRAW);
    if (!mp_reserve(w, VIEW_MAX))
        return;
    uint8_t *at = mp_put_map(mp_tail(w), VIEW_KEY_COUNT);
    at = wire_put_uuid(WIRE_PUT_WORD(at, "proposal"), &view->id);
    at = mp_put_str(WIRE_PUT_WORD(at, "account"), (struct str){view->account, view->account_length});
    at = mp_put_str(WIRE_PUT_WORD(at, "kind"), kind_names[view->kind]);
    at = mp_put_str(WIRE_PUT_WORD(at, "state"), state_names[view->state]);
    at = mp_put_int(WIRE_PUT_WORD(at, "amount"), view->amount);
    at = wire_put_currency(WIRE_PUT_WORD(at, "currency"), view->currency);
    at = wire_put_optional_rate(WIRE_PUT_WORD(at, "rate"), view->rate);
    at = mp_put_str(WIRE_PUT_WORD(at, "reason"), (struct str){view->reason, view->reason_length});
    at = mp_put_str(WIRE_PUT_WORD(at, "operator"), (struct str){view->proposer, view->proposer_length});
    at = mp_put_int(WIRE_PUT_WORD(at, "expires"), view->expires_us);
    at =
        wire_put_optional(WIRE_PUT_WORD(at, "decided_by"), (struct str){view->decider, view->decider_length});
    at = wire_put_optional(WIRE_PUT_WORD(at, "decided_reason"),
                           (struct str){view->decided_reason, view->decided_reason_length});
    at = WIRE_PUT_WORD(at, "balance");
    mp_advance(w, view->state == PROPOSAL_APPROVED ? mp_put_int(at, view->balance) : mp_put_nil(at));
}

void wire_proposal_write(struct mp_writer *w, uint64_t request_id, const struct ledger_proposal_view *view)
{
    wire_reply_begin(w, request_id, CODE_OK);
    write_view(w, view);
}

void wire_proposals_write(struct mp_writer *w, uint64_t request_id, const struct ledger_proposal_view *views,
                          size_t count, struct str cursor)
{
    wire_reply_begin(w, request_id, CODE_OK);
    wire_page_begin(w, "proposals", count);
    for (size_t i = 0; i < count; i++)
        write_view(w, &views[i]);
    wire_page_end(w, cursor);
}

/* ---- reading replies ------------------------------------------------------------------------------ */

static bool view_of(struct wire_values *v, struct ledger_proposal_view *out)
{
    *out = (struct ledger_proposal_view){0};
    return wire_take_uuid(&v->at[VIEW_PROPOSAL], &out->id) &&
           wire_take_copy(&v->at[VIEW_ACCOUNT], ACCOUNT_ID_MAX, out->account, &out->account_length) &&
           take_kind(&v->at[VIEW_KIND], &out->kind) &&
           wire_take_word(&v->at[VIEW_STATE], state_names, PROPOSAL_PROPOSED, PROPOSAL_EXPIRED,
                          &out->state) &&
           mp_read_int(&v->at[VIEW_AMOUNT], &out->amount) &&
           wire_take_currency(&v->at[VIEW_CURRENCY], &out->currency) == CODE_OK &&
           wire_take_optional_rate(&v->at[VIEW_RATE], &out->rate) &&
           wire_take_copy(&v->at[VIEW_REASON], MEMO_MAX, out->reason, &out->reason_length) &&
           wire_take_copy(&v->at[VIEW_OPERATOR], OWNER_MAX, out->proposer, &out->proposer_length) &&
           mp_read_int(&v->at[VIEW_EXPIRES], &out->expires_us) &&
           wire_take_copy(&v->at[VIEW_DECIDED_BY], OWNER_MAX, out->decider, &out->decider_length) &&
           wire_take_copy(&v->at[VIEW_DECIDED_REASON], MEMO_MAX, out->decided_reason,
                          &out->decided_reason_length) &&
           (mp_read_nil(&v->at[VIEW_BALANCE]) || mp_read_int(&v->at[VIEW_BALANCE], &out->balance));
}

bool wire_proposal_reply_read(const struct wire_reply *reply, struct ledger_proposal_view *out)
{
    struct wire_values values;
    return wire_reply_values(reply, view_keys, VIEW_KEY_COUNT, &values) && view_of(&values, out);
}

bool wire_proposals_reply_read(const struct wire_reply *reply, struct ledger_proposal_view *views,
                               size_t capacity, size_t *count, struct str *cursor)
{
    struct mp_reader things;
    size_t there;
    if (!wire_page_read(reply, "proposals", capacity, &things, &there, cursor))
        return false;
    for (size_t i = 0; i < there; i++) {
        struct wire_values values;
        if (!wire_values_read(&things, WIRE_PAGE_DEPTH, view_keys, VIEW_KEY_COUNT, &values) ||
            !view_of(&values, &views[i]))
            return false;
    }
    *count = there;
    return true;
}
