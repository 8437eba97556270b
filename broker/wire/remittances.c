/* Bodies of remittance.* and their replies. A remittance has more keys than a body is indexed for at once, so its
 * reply is indexed twice. */
#include "broker/wire/remittances.h"

#include "actors/base/bank_call.h"
#include "actors/base/check.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"
#include "broker/wire/fields.h"

/* ---- words -------------------------------------------------------------------------------------- */

static const struct str state_names[REMITTANCE_STATE_COUNT] = {
    [REMITTANCE_REQUESTED] = STR_LITERAL("REQUESTED"),
    [REMITTANCE_PULLING] = STR_LITERAL("PULLING"),
    [REMITTANCE_PULL_UNKNOWN] = STR_LITERAL("PULL_UNKNOWN"),
    [REMITTANCE_PULL_WAITING] = STR_LITERAL("PULL_WAITING"),
    [REMITTANCE_PULL_FAILED] = STR_LITERAL("PULL_FAILED"),
    [REMITTANCE_PULLED] = STR_LITERAL("PULLED"),
    [REMITTANCE_DEPOSIT_WAITING] = STR_LITERAL("DEPOSIT_WAITING"),
    [REMITTANCE_DEPOSIT_FAILED] = STR_LITERAL("DEPOSIT_FAILED"),
    [REMITTANCE_DEPOSITED] = STR_LITERAL("DEPOSITED"),
    [REMITTANCE_WITHDRAWAL_WAITING] = STR_LITERAL("WITHDRAWAL_WAITING"),
    [REMITTANCE_WITHDRAWAL_FAILED] = STR_LITERAL("WITHDRAWAL_FAILED"),
    [REMITTANCE_WITHDRAWN] = STR_LITERAL("WITHDRAWN"),
    [REMITTANCE_PUSHING] = STR_LITERAL("PUSHING"),
    [REMITTANCE_PUSH_UNKNOWN] = STR_LITERAL("PUSH_UNKNOWN"),
    [REMITTANCE_PUSH_WAITING] = STR_LITERAL("PUSH_WAITING"),
    [REMITTANCE_PUSH_FAILED] = STR_LITERAL("PUSH_FAILED"),
    [REMITTANCE_REFUNDING] = STR_LITERAL("REFUNDING"),
    [REMITTANCE_REFUND_UNKNOWN] = STR_LITERAL("REFUND_UNKNOWN"),
    [REMITTANCE_REFUND_WAITING] = STR_LITERAL("REFUND_WAITING"),
    [REMITTANCE_REFUND_FAILED] = STR_LITERAL("REFUND_FAILED"),
    [REMITTANCE_DEAD_LETTER] = STR_LITERAL("DEAD_LETTER"),
    [REMITTANCE_COMPLETED] = STR_LITERAL("COMPLETED"),
    [REMITTANCE_REFUNDED] = STR_LITERAL("REFUNDED"),
    [REMITTANCE_FAILED] = STR_LITERAL("FAILED"),
    [REMITTANCE_CANCELLED] = STR_LITERAL("CANCELLED"),
    [REMITTANCE_RESOLVED] = STR_LITERAL("RESOLVED"),
};

static const struct str step_names[] = {
    [REMITTANCE_STEP_PULL] = STR_LITERAL("pull"),
    [REMITTANCE_STEP_DEPOSIT] = STR_LITERAL("deposit"),
    [REMITTANCE_STEP_WITHDRAWAL] = STR_LITERAL("withdrawal"),
    [REMITTANCE_STEP_PUSH] = STR_LITERAL("push"),
    [REMITTANCE_STEP_REFUND] = STR_LITERAL("refund"),
};

/* By fact kind, from the first one's on. */
static const struct str kind_names[] = {
    [FACT_REMITTANCE_REQUESTED - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("requested"),
    [FACT_REMITTANCE_MOVED - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("moved"),
    [FACT_REMITTANCE_NOTED - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("noted"),
    [FACT_REMITTANCE_PULLED - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("pulled"),
    [FACT_REMITTANCE_DEPOSITED - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("deposited"),
    [FACT_REMITTANCE_WITHDRAWN - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("withdrawn"),
    [FACT_REMITTANCE_PAID - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("paid"),
    [FACT_REMITTANCE_RETURNED - FACT_REMITTANCE_REQUESTED] = STR_LITERAL("returned"),
};

static const struct str list_names[REMITTANCE_LIST_COUNT] = {
    [REMITTANCE_LIST_OPEN] = STR_LITERAL("open"),
    [REMITTANCE_LIST_FAILED] = STR_LITERAL("failed"),
    [REMITTANCE_LIST_PULL] = STR_LITERAL("pull"),
    [REMITTANCE_LIST_DEPOSIT] = STR_LITERAL("deposit"),
    [REMITTANCE_LIST_WITHDRAWAL] = STR_LITERAL("withdrawal"),
    [REMITTANCE_LIST_PUSH] = STR_LITERAL("push"),
    [REMITTANCE_LIST_REFUND] = STR_LITERAL("refund"),
    [REMITTANCE_LIST_DEAD] = STR_LITERAL("dead"),
    [REMITTANCE_LIST_UNKNOWN] = STR_LITERAL("unknown"),
    [REMITTANCE_LIST_ALARMED] = STR_LITERAL("alarmed"),
};

static const struct str money_names[] = {
    [REMITTANCE_MONEY_STAYS] = STR_LITERAL("stays"),
    [REMITTANCE_MONEY_TO_ACCOUNT] = STR_LITERAL("account"),
    [REMITTANCE_MONEY_TO_BANK] = STR_LITERAL("bank"),
};

static const struct str outcome_names[] = {
    [BANK_SUCCEEDED] = STR_LITERAL("succeeded"),
    [BANK_FAILED] = STR_LITERAL("failed"),
};

static const struct str refund_names[] = {STR_LITERAL("rail"), STR_LITERAL("operator")};

const char *wire_remittance_state_name(uint8_t state)
{
    CHECK(state >= REMITTANCE_REQUESTED && state < REMITTANCE_STATE_COUNT);
    return state_names[state].data;
}

const char *wire_remittance_step_name(uint8_t step)
{
    CHECK(step >= REMITTANCE_STEP_PULL && step <= REMITTANCE_STEP_REFUND);
    return step_names[step].data;
}

const char *wire_remittance_kind_name(uint8_t kind)
{
    CHECK(fact_is_remittance(kind));
    return kind_names[kind - FACT_REMITTANCE_REQUESTED].data;
}

const char *wire_remittance_list_name(enum remittance_list list)
{
    CHECK((unsigned)list < REMITTANCE_LIST_COUNT);
    return list_names[list].data;
}

bool wire_remittance_list_find(struct str name, enum remittance_list *out)
{
    uint8_t list;
    if (!wire_word_find(name, list_names, 0, REMITTANCE_LIST_COUNT - 1, &list))
        return false;
    *out = (enum remittance_list)list;
    return true;
}

/* nil is the first of them. */
static bool take_optional_word(struct mp_reader *r, const struct str *names, uint8_t first, uint8_t last,
                               uint8_t *out)
{
    *out = first;
    return mp_read_nil(r) || wire_take_word(r, names, first, last, out);
}

/* ---- remittance.open ------------------------------------------------------------------------------ */

enum {
    OPEN_TRANSACTION_ID,
    OPEN_ACCOUNT,
    OPEN_AMOUNT,
    OPEN_CURRENCY,
    OPEN_BANK,
    OPEN_PAYER,
    OPEN_PAYEE,
    OPEN_REFUND,
    OPEN_MEMO,
    OPEN_REFERENCE,
    OPEN_KEY_COUNT
};

static const struct wire_key open_keys[OPEN_KEY_COUNT] = {
    [OPEN_TRANSACTION_ID] = {STR_LITERAL("transaction_id"), FIELD_TRANSACTION_ID},
    [OPEN_ACCOUNT] = {STR_LITERAL("account"), FIELD_ACCOUNT},
    [OPEN_AMOUNT] = {STR_LITERAL("amount"), FIELD_AMOUNT},
    [OPEN_CURRENCY] = {STR_LITERAL("currency"), FIELD_CURRENCY},
    [OPEN_BANK] = {STR_LITERAL("bank"), FIELD_BANK},
    [OPEN_PAYER] = {STR_LITERAL("payer"), FIELD_PAYER},
    [OPEN_PAYEE] = {STR_LITERAL("payee"), FIELD_PAYEE},
    [OPEN_REFUND] = {STR_LITERAL("refund"), FIELD_REFUND},
    [OPEN_MEMO] = {STR_LITERAL("memo"), FIELD_MEMO},
    [OPEN_REFERENCE] = {STR_LITERAL("reference"), FIELD_REFERENCE},
};

static bool take_bank(struct mp_reader *r, struct str *out)
{
    return wire_take_account(r, out) && out->length <= BANK_NAME_MAX;
}

static void open_parties(struct wire_values *v, struct ledger_remit_command *out)
{
    uint8_t refund;
    if (!take_bank(&v->at[OPEN_BANK], &out->bank))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_BANK);
    if (!wire_take_required_text(&v->at[OPEN_PAYER], BANK_PARTY_MAX, &out->payer))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_PAYER);
    if (!wire_take_required_text(&v->at[OPEN_PAYEE], BANK_PARTY_MAX, &out->payee))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_PAYEE);
    if (!take_optional_word(&v->at[OPEN_REFUND], refund_names, 0, 1, &refund))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_REFUND);
    out->operator_refunds = refund == 1;
}

static void open_values(struct wire_values *v, struct ledger_remit_command *out)
{
    enum code currency = wire_take_currency(&v->at[OPEN_CURRENCY], &out->currency);
    if (!wire_take_uuid(&v->at[OPEN_TRANSACTION_ID], &out->id))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID);
    if (!wire_take_client_account(&v->at[OPEN_ACCOUNT], &out->account))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    if (!wire_take_amount(&v->at[OPEN_AMOUNT], out->currency, &out->amount))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_AMOUNT);
    if (currency == CODE_INVALID_FIELD)
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_CURRENCY);
    open_parties(v, out);
    if (!wire_take_text(&v->at[OPEN_MEMO], MEMO_MAX, &out->memo))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_MEMO);
    if (!wire_take_text(&v->at[OPEN_REFERENCE], REFERENCE_MAX, &out->reference))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_REFERENCE);
    if (currency == CODE_UNKNOWN_CURRENCY)
        wire_values_fault(v, CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY);
}

enum code wire_remit_read(const struct wire_header *header, struct ledger_remit_command *out,
                          enum field *field)
{
    struct wire_values values;
    *out = (struct ledger_remit_command){0};
    enum code code = wire_body_values(header, open_keys, OPEN_KEY_COUNT, &values, field);
    if (code != CODE_OK)
        return code;
    open_values(&values, out);
    *field = values.field;
    return values.code;
}

void wire_remit_body_write(struct mp_writer *w, const struct ledger_remit_command *command)
{
    mp_write_map(w, OPEN_KEY_COUNT);
    mp_write_text(w, "transaction_id");
    mp_write_bin(w, command->id.bytes, sizeof command->id.bytes);
    mp_write_text(w, "account");
    mp_write_str(w, command->account);
    mp_write_text(w, "amount");
    mp_write_int(w, command->amount);
    mp_write_text(w, "currency");
    mp_write_text(w, currency_at(command->currency)->code);
    mp_write_text(w, "bank");
    mp_write_str(w, command->bank);
    mp_write_text(w, "payer");
    mp_write_str(w, command->payer);
    mp_write_text(w, "payee");
    mp_write_str(w, command->payee);
    mp_write_text(w, "refund");
    mp_write_str(w, refund_names[command->operator_refunds]);
    mp_write_text(w, "memo");
    wire_write_optional(w, command->memo);
    mp_write_text(w, "reference");
    wire_write_optional(w, command->reference);
}

/* ---- what operators do ---------------------------------------------------------------------------- */

enum { ACT_ACCOUNT, ACT_REMITTANCE, ACT_OPERATOR, ACT_REASON, ACT_OWN, ACT_CALL };

#define ACT_KEYS                                                      \
    [ACT_ACCOUNT] = {STR_LITERAL("account"), FIELD_ACCOUNT},          \
    [ACT_REMITTANCE] = {STR_LITERAL("remittance"), FIELD_REMITTANCE}, \
    [ACT_OPERATOR] = {STR_LITERAL("operator"), FIELD_OPERATOR},       \
    [ACT_REASON] = {STR_LITERAL("reason"), FIELD_REASON}

static const struct wire_key resolve_keys[] = {ACT_KEYS, [ACT_OWN] = {STR_LITERAL("money"), FIELD_MONEY}};
static const struct wire_key settle_keys[] = {ACT_KEYS, [ACT_OWN] = {STR_LITERAL("outcome"), FIELD_OUTCOME},
                                              [ACT_CALL] = {STR_LITERAL("call"), FIELD_CALL}};

_Static_assert(OPERATION_REMITTANCE_SETTLE - OPERATION_REMITTANCE_RETRY ==
                   (int)REMITTANCE_SETTLE - (int)REMITTANCE_RETRY,
               "actions in the order of their operations");

enum wire_operation wire_remittance_operation(enum remittance_action action)
{
    CHECK((unsigned)action <= REMITTANCE_SETTLE);
    return (enum wire_operation)(OPERATION_REMITTANCE_RETRY + (int)action);
}

/* Resolve has a value of its own and settle two; the others not even their keys. */
static size_t act_key_count(uint8_t action)
{
    if (action == REMITTANCE_SETTLE)
        return ACT_CALL + 1;
    return action == REMITTANCE_RESOLVE ? ACT_OWN + 1 : ACT_OWN;
}

/* Calls are counted from 1. */
static bool take_call(struct mp_reader *r, uint32_t *out)
{
    uint64_t number;
    bool is_good = mp_read_uint(r, &number) && number >= 1 && number <= UINT32_MAX;
    *out = is_good ? (uint32_t)number : 0;
    return is_good;
}

static void act_values(struct wire_values *v, struct ledger_remittance_command *out)
{
    if (!wire_take_client_account(&v->at[ACT_ACCOUNT], &out->account))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    if (!wire_take_uuid(&v->at[ACT_REMITTANCE], &out->remittance))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_REMITTANCE);
    if (out->action == REMITTANCE_RESOLVE &&
        !wire_take_word(&v->at[ACT_OWN], money_names, REMITTANCE_MONEY_STAYS, REMITTANCE_MONEY_TO_BANK,
                        &out->money))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_MONEY);
    if (out->action == REMITTANCE_SETTLE &&
        !wire_take_word(&v->at[ACT_OWN], outcome_names, BANK_SUCCEEDED, BANK_FAILED, &out->outcome))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_OUTCOME);
    if (out->action == REMITTANCE_SETTLE && !take_call(&v->at[ACT_CALL], &out->call))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_CALL);
    if (!wire_take_required_text(&v->at[ACT_OPERATOR], OWNER_MAX, &out->operator_name))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_OPERATOR);
    if (!wire_take_text(&v->at[ACT_REASON], BANK_REASON_MAX, &out->reason) ||
        (out->action != REMITTANCE_RETRY && out->reason.length == 0))
        wire_values_fault(v, CODE_INVALID_FIELD, FIELD_REASON);
}

enum code wire_remittance_act_read(const struct wire_header *header, struct ledger_remittance_command *out,
                                   enum field *field)
{
    struct wire_values v;
    CHECK(header->operation >= OPERATION_REMITTANCE_RETRY &&
          header->operation <= OPERATION_REMITTANCE_SETTLE);
    *out = (struct ledger_remittance_command){.action =
                                                  (uint8_t)(header->operation - OPERATION_REMITTANCE_RETRY)};
    const struct wire_key *keys = out->action == REMITTANCE_SETTLE ? settle_keys : resolve_keys;
    enum code code = wire_body_values(header, keys, act_key_count(out->action), &v, field);
    if (code != CODE_OK)
        return code;
    act_values(&v, out);
    *field = v.field;
    return v.code;
}

void wire_remittance_act_body_write(struct mp_writer *w, const struct ledger_remittance_command *command)
{
    mp_write_map(w, (uint32_t)act_key_count(command->action));
    mp_write_text(w, "account");
    mp_write_str(w, command->account);
    mp_write_text(w, "remittance");
    mp_write_bin(w, command->remittance.bytes, sizeof command->remittance.bytes);
    mp_write_text(w, "operator");
    mp_write_str(w, command->operator_name);
    mp_write_text(w, "reason");
    wire_write_optional(w, command->reason);
    if (command->action == REMITTANCE_RESOLVE) {
        CHECK(command->money <= REMITTANCE_MONEY_TO_BANK);
        mp_write_text(w, "money");
        mp_write_str(w, money_names[command->money]);
    }
    if (command->action == REMITTANCE_SETTLE) {
        CHECK(command->outcome == BANK_SUCCEEDED || command->outcome == BANK_FAILED);
        mp_write_text(w, "outcome");
        mp_write_str(w, outcome_names[command->outcome]);
        mp_write_text(w, "call");
        mp_write_uint(w, command->call);
    }
}

enum code wire_remittance_show_read(const struct wire_header *header, struct str *account,
                                    struct uuid *remittance, enum field *field)
{
    return wire_member_read(header, FIELD_REMITTANCE, account, remittance, field);
}

void wire_remittance_show_body_write(struct mp_writer *w, struct str account, const struct uuid *remittance)
{
    wire_member_body_write(w, account, FIELD_REMITTANCE, remittance);
}

/* ---- lists ---------------------------------------------------------------------------------------- */

enum { LIST_LIST, LIST_LIMIT, LIST_CURSOR, LIST_KEY_COUNT, BATCH_KEY_COUNT = LIST_CURSOR };

static const struct wire_key list_keys[LIST_KEY_COUNT] = {
    [LIST_LIST] = {STR_LITERAL("list"), FIELD_LIST},
    [LIST_LIMIT] = {STR_LITERAL("limit"), FIELD_LIMIT},
    [LIST_CURSOR] = {STR_LITERAL("cursor"), FIELD_CURSOR},
};

/* Of the lists from first to last; first where none is given. */
static enum code list_read(const struct wire_header *header, size_t key_count, enum remittance_list first,
                           enum remittance_list last, struct wire_remittances_query *out, enum field *field)
{
    struct wire_values v;
    uint8_t list;
    *out = (struct wire_remittances_query){0};
    enum code code = wire_body_values(header, list_keys, key_count, &v, field);
    if (code != CODE_OK)
        return code;
    if (!take_optional_word(&v.at[LIST_LIST], list_names, (uint8_t)first, (uint8_t)last, &list))
        wire_values_fault(&v, CODE_INVALID_FIELD, FIELD_LIST);
    wire_page_query_values(&v, LIST_LIMIT, WIRE_REMITTANCES_LIMIT, LEDGER_PAGE_MAX, &out->limit,
                           &out->cursor);
    out->list = (enum remittance_list)list;
    *field = v.field;
    return v.code;
}

enum code wire_remittances_read(const struct wire_header *header, struct wire_remittances_query *out,
                                enum field *field)
{
    return list_read(header, LIST_KEY_COUNT, REMITTANCE_LIST_OPEN, REMITTANCE_LIST_ALARMED, out, field);
}

enum code wire_remittance_batch_read(const struct wire_header *header, struct wire_remittances_query *out,
                                     enum field *field)
{
    return list_read(header, BATCH_KEY_COUNT, REMITTANCE_LIST_FAILED, REMITTANCE_LIST_REFUND, out, field);
}

static void write_list(struct mp_writer *w, const struct wire_remittances_query *query, uint32_t key_count)
{
    mp_write_map(w, key_count);
    mp_write_text(w, "list");
    mp_write_text(w, wire_remittance_list_name(query->list));
    mp_write_text(w, "limit");
    mp_write_uint(w, query->limit);
}

void wire_remittances_body_write(struct mp_writer *w, const struct wire_remittances_query *query)
{
    write_list(w, query, LIST_KEY_COUNT);
    mp_write_text(w, "cursor");
    wire_write_optional(w, query->cursor);
}

void wire_remittance_batch_body_write(struct mp_writer *w, const struct wire_remittances_query *query)
{
    write_list(w, query, BATCH_KEY_COUNT);
}

/* ---- replies ---------------------------------------------------------------------------------- */

/* What was asked for, … */
enum {
    ASKED_REMITTANCE,
    ASKED_ACCOUNT,
    ASKED_AMOUNT,
    ASKED_CURRENCY,
    ASKED_BANK,
    ASKED_PAYER,
    ASKED_PAYEE,
    ASKED_REFUND,
    ASKED_MEMO,
    ASKED_REFERENCE,
    ASKED_REQUESTED,
    ASKED_KEY_COUNT
};

static const struct wire_key asked_keys[ASKED_KEY_COUNT] = {
    [ASKED_REMITTANCE] = {STR_LITERAL("remittance"), FIELD_NONE},
    [ASKED_ACCOUNT] = {STR_LITERAL("account"), FIELD_NONE},
    [ASKED_AMOUNT] = {STR_LITERAL("amount"), FIELD_NONE},
    [ASKED_CURRENCY] = {STR_LITERAL("currency"), FIELD_NONE},
    [ASKED_BANK] = {STR_LITERAL("bank"), FIELD_NONE},
    [ASKED_PAYER] = {STR_LITERAL("payer"), FIELD_NONE},
    [ASKED_PAYEE] = {STR_LITERAL("payee"), FIELD_NONE},
    [ASKED_REFUND] = {STR_LITERAL("refund"), FIELD_NONE},
    [ASKED_MEMO] = {STR_LITERAL("memo"), FIELD_NONE},
    [ASKED_REFERENCE] = {STR_LITERAL("reference"), FIELD_NONE},
    [ASKED_REQUESTED] = {STR_LITERAL("requested"), FIELD_NONE},
};

/* … and what has become of it. */
enum {
    NOW_STATE,
    NOW_STEP,
    NOW_SINCE,
    NOW_DUE,
    NOW_TRIES,
    NOW_ROUNDS,
    NOW_CALLS,
    NOW_ALARMED,
    NOW_CONTRADICTED,
    NOW_CODE,
    NOW_REASON,
    NOW_BANK_REFERENCE,
    NOW_TRAIL,
    NOW_KEY_COUNT
};

static const struct wire_key now_keys[NOW_KEY_COUNT] = {
    [NOW_STATE] = {STR_LITERAL("state"), FIELD_NONE},
    [NOW_STEP] = {STR_LITERAL("step"), FIELD_NONE},
    [NOW_SINCE] = {STR_LITERAL("since"), FIELD_NONE},
    [NOW_DUE] = {STR_LITERAL("due"), FIELD_NONE},
    [NOW_TRIES] = {STR_LITERAL("tries"), FIELD_NONE},
    [NOW_ROUNDS] = {STR_LITERAL("rounds"), FIELD_NONE},
    [NOW_CALLS] = {STR_LITERAL("calls"), FIELD_NONE},
    [NOW_ALARMED] = {STR_LITERAL("alarmed"), FIELD_NONE},
    [NOW_CONTRADICTED] = {STR_LITERAL("contradicted"), FIELD_NONE},
    [NOW_CODE] = {STR_LITERAL("code"), FIELD_NONE},
    [NOW_REASON] = {STR_LITERAL("reason"), FIELD_NONE},
    [NOW_BANK_REFERENCE] = {STR_LITERAL("bank_reference"), FIELD_NONE},
    [NOW_TRAIL] = {STR_LITERAL("trail"), FIELD_NONE},
};

enum { VIEW_KEY_COUNT = ASKED_KEY_COUNT + NOW_KEY_COUNT - 1, VIEW_BASE_MAX = VIEW_KEY_COUNT * 40 };

enum {
    VIEW_MAX = VIEW_BASE_MAX + ACCOUNT_ID_MAX + BANK_NAME_MAX + 2 * BANK_PARTY_MAX + MEMO_MAX +
               REFERENCE_MAX + BANK_REASON_MAX + BANK_REFERENCE_MAX,
};

static uint8_t *put_text(uint8_t *at, const char *text)
{
    return wire_put_optional(at, str_from(text));
}

static uint8_t *put_code(uint8_t *at, enum code code)
{
    return code == CODE_OK ? mp_put_nil(at) : mp_put_str(at, str_from(code_name(code)));
}

static uint8_t *put_time(uint8_t *at, int64_t us)
{
    return us == 0 ? mp_put_nil(at) : mp_put_int(at, us);
}

static uint8_t *put_asked(uint8_t *at, const struct ledger_remittance_view *view)
{
    bool by_operator = (view->flags & FACT_REMITTANCE_OPERATOR_REFUNDS) != 0;
    at = wire_put_uuid(WIRE_PUT_WORD(at, "remittance"), &view->id);
    at = mp_put_str(WIRE_PUT_WORD(at, "account"), str_from(view->account));
    at = mp_put_int(WIRE_PUT_WORD(at, "amount"), view->amount);
    at = wire_put_currency(WIRE_PUT_WORD(at, "currency"), view->currency);
    at = mp_put_str(WIRE_PUT_WORD(at, "bank"), str_from(view->bank));
    at = mp_put_str(WIRE_PUT_WORD(at, "payer"), str_from(view->payer));
    at = mp_put_str(WIRE_PUT_WORD(at, "payee"), str_from(view->payee));
    at = mp_put_str(WIRE_PUT_WORD(at, "refund"), refund_names[by_operator]);
    at = put_text(WIRE_PUT_WORD(at, "memo"), view->memo);
    at = put_text(WIRE_PUT_WORD(at, "reference"), view->reference);
    return mp_put_int(WIRE_PUT_WORD(at, "requested"), view->requested_us);
}

/* has_trail: the caller writes it as the last value, behind its key. */
static void write_view(struct mp_writer *w, const struct ledger_remittance_view *view, bool has_trail)
{
    CHECK(view->state >= REMITTANCE_REQUESTED && view->state < REMITTANCE_STATE_COUNT);
    CHECK(view->step >= REMITTANCE_STEP_PULL && view->step <= REMITTANCE_STEP_REFUND);
    if (!mp_reserve(w, VIEW_MAX))
        return;
    uint8_t *at = put_asked(mp_put_map(mp_tail(w), VIEW_KEY_COUNT + has_trail), view);
    at = mp_put_str(WIRE_PUT_WORD(at, "state"), state_names[view->state]);
    at = mp_put_str(WIRE_PUT_WORD(at, "step"), step_names[view->step]);
    at = mp_put_int(WIRE_PUT_WORD(at, "since"), view->since_us);
    at = put_time(WIRE_PUT_WORD(at, "due"), view->due_us);
    at = mp_put_uint(WIRE_PUT_WORD(at, "tries"), view->tries);
    at = mp_put_uint(WIRE_PUT_WORD(at, "rounds"), view->rounds);
    at = mp_put_uint(WIRE_PUT_WORD(at, "calls"), view->calls);
    at = mp_put_bool(WIRE_PUT_WORD(at, "alarmed"), (view->flags & FACT_REMITTANCE_ALARMED) != 0);
    at = mp_put_bool(WIRE_PUT_WORD(at, "contradicted"), (view->flags & FACT_REMITTANCE_CONTRADICTED) != 0);
    at = put_code(WIRE_PUT_WORD(at, "code"), view->code);
    at = put_text(WIRE_PUT_WORD(at, "reason"), view->reason);
    mp_advance(w, put_text(WIRE_PUT_WORD(at, "bank_reference"), view->bank_reference));
    if (has_trail)
        mp_write_text(w, "trail");
}

enum {
    ENTRY_STATE,
    ENTRY_AT,
    ENTRY_KIND,
    ENTRY_STEP,
    ENTRY_TRIES,
    ENTRY_ROUNDS,
    ENTRY_CALL,
    ENTRY_CODE,
    ENTRY_REASON,
    ENTRY_OPERATOR,
    ENTRY_BANK_REFERENCE,
    ENTRY_ALARMED,
    ENTRY_CONTRADICTED,
    ENTRY_KEY_COUNT
};

static const struct wire_key entry_keys[ENTRY_KEY_COUNT] = {
    [ENTRY_STATE] = {STR_LITERAL("state"), FIELD_NONE},
    [ENTRY_AT] = {STR_LITERAL("at"), FIELD_NONE},
    [ENTRY_KIND] = {STR_LITERAL("kind"), FIELD_NONE},
    [ENTRY_STEP] = {STR_LITERAL("step"), FIELD_NONE},
    [ENTRY_TRIES] = {STR_LITERAL("tries"), FIELD_NONE},
    [ENTRY_ROUNDS] = {STR_LITERAL("rounds"), FIELD_NONE},
    [ENTRY_CALL] = {STR_LITERAL("call"), FIELD_NONE},
    [ENTRY_CODE] = {STR_LITERAL("code"), FIELD_NONE},
    [ENTRY_REASON] = {STR_LITERAL("reason"), FIELD_NONE},
    [ENTRY_OPERATOR] = {STR_LITERAL("operator"), FIELD_NONE},
    [ENTRY_BANK_REFERENCE] = {STR_LITERAL("bank_reference"), FIELD_NONE},
    [ENTRY_ALARMED] = {STR_LITERAL("alarmed"), FIELD_NONE},
    [ENTRY_CONTRADICTED] = {STR_LITERAL("contradicted"), FIELD_NONE},
};

enum { ENTRY_MAX = ENTRY_KEY_COUNT * 40 + BANK_REASON_MAX + OWNER_MAX + BANK_REFERENCE_MAX };

static void write_entry(struct mp_writer *w, const struct ledger_remittance_entry *entry)
{
    CHECK(fact_is_remittance(entry->kind));
    if (!mp_reserve(w, ENTRY_MAX))
        return;
    uint8_t *at = mp_put_map(mp_tail(w), ENTRY_KEY_COUNT);
    at = mp_put_str(WIRE_PUT_WORD(at, "state"), str_from(wire_remittance_state_name(entry->state)));
    at = mp_put_int(WIRE_PUT_WORD(at, "at"), entry->at_us);
    at = mp_put_str(WIRE_PUT_WORD(at, "kind"), kind_names[entry->kind - FACT_REMITTANCE_REQUESTED]);
    at = mp_put_str(WIRE_PUT_WORD(at, "step"), str_from(wire_remittance_step_name(entry->step)));
    at = mp_put_uint(WIRE_PUT_WORD(at, "tries"), entry->tries);
    at = mp_put_uint(WIRE_PUT_WORD(at, "rounds"), entry->rounds);
    at = mp_put_uint(WIRE_PUT_WORD(at, "call"), entry->call);
    at = put_code(WIRE_PUT_WORD(at, "code"), entry->code);
    at = put_text(WIRE_PUT_WORD(at, "reason"), entry->reason);
    at = put_text(WIRE_PUT_WORD(at, "operator"), entry->operator_name);
    at = put_text(WIRE_PUT_WORD(at, "bank_reference"), entry->bank_reference);
    at = mp_put_bool(WIRE_PUT_WORD(at, "alarmed"), (entry->flags & FACT_REMITTANCE_ALARMED) != 0);
    at = mp_put_bool(WIRE_PUT_WORD(at, "contradicted"), (entry->flags & FACT_REMITTANCE_CONTRADICTED) != 0);
    mp_advance(w, at);
}

void wire_remittance_write(struct mp_writer *w, uint64_t request_id,
                           const struct ledger_remittance_view *view)
{
    wire_reply_begin(w, request_id, CODE_OK);
    write_view(w, view, false);
}

void wire_remittance_trail_write(struct mp_writer *w, uint64_t request_id,
                                 const struct ledger_remittance_view *view,
                                 const struct ledger_remittance_entry *entries, size_t count)
{
    wire_reply_begin(w, request_id, CODE_OK);
    write_view(w, view, true);
    mp_write_array(w, (uint32_t)count);
    while (count > 0)
        write_entry(w, &entries[--count]);
}

void wire_remittances_write(struct mp_writer *w, uint64_t request_id,
                            const struct ledger_remittance_view *views, size_t count, struct str cursor)
{
    wire_reply_begin(w, request_id, CODE_OK);
    wire_page_begin(w, "remittances", count);
    for (size_t i = 0; i < count; i++)
        write_view(w, &views[i], false);
    wire_page_end(w, cursor);
}

void wire_remittance_batch_write(struct mp_writer *w, uint64_t request_id, uint32_t retried)
{
    wire_reply_begin(w, request_id, CODE_OK);
    mp_write_map(w, 1);
    mp_write_text(w, "retried");
    mp_write_uint(w, retried);
}

/* ---- reading replies ------------------------------------------------------------------------------ */

static bool copy_string(struct mp_reader *r, uint8_t max, char *out)
{
    uint8_t length;
    return wire_take_copy(r, max, out, &length);
}

static bool take_number(struct mp_reader *r, uint64_t max, uint64_t *out)
{
    return mp_read_uint(r, out) && *out <= max;
}

static bool take_small(struct mp_reader *r, uint8_t *out)
{
    uint64_t number;
    if (!take_number(r, UINT8_MAX, &number))
        return false;
    *out = (uint8_t)number;
    return true;
}

static bool take_count(struct mp_reader *r, uint32_t *out)
{
    uint64_t number;
    if (!take_number(r, UINT32_MAX, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool take_optional_time(struct mp_reader *r, int64_t *out)
{
    *out = 0;
    return mp_read_nil(r) || mp_read_int(r, out);
}

static bool take_code(struct mp_reader *r, enum code *out)
{
    struct str name;
    *out = CODE_OK;
    return mp_read_nil(r) || (mp_read_str(r, &name) && wire_code_find(name, out));
}

static bool take_flag(struct mp_reader *r, uint8_t flag, uint8_t *flags)
{
    bool is_set;
    if (!mp_read_bool(r, &is_set))
        return false;
    *flags = (uint8_t)(is_set ? *flags | flag : *flags);
    return true;
}

static bool asked_of(struct wire_values *v, struct ledger_remittance_view *out)
{
    uint8_t refund;
    if (!wire_take_word(&v->at[ASKED_REFUND], refund_names, 0, 1, &refund))
        return false;
    out->flags = refund == 1 ? FACT_REMITTANCE_OPERATOR_REFUNDS : 0;
    return wire_take_uuid(&v->at[ASKED_REMITTANCE], &out->id) &&
           copy_string(&v->at[ASKED_ACCOUNT], ACCOUNT_ID_MAX, out->account) &&
           mp_read_int(&v->at[ASKED_AMOUNT], &out->amount) &&
           wire_take_currency(&v->at[ASKED_CURRENCY], &out->currency) == CODE_OK &&
           copy_string(&v->at[ASKED_BANK], BANK_NAME_MAX, out->bank) &&
           copy_string(&v->at[ASKED_PAYER], BANK_PARTY_MAX, out->payer) &&
           copy_string(&v->at[ASKED_PAYEE], BANK_PARTY_MAX, out->payee) &&
           copy_string(&v->at[ASKED_MEMO], MEMO_MAX, out->memo) &&
           copy_string(&v->at[ASKED_REFERENCE], REFERENCE_MAX, out->reference) &&
           mp_read_int(&v->at[ASKED_REQUESTED], &out->requested_us);
}

static bool take_state(struct mp_reader *state, struct mp_reader *step, uint8_t *state_out, uint8_t *step_out)
{
    return wire_take_word(state, state_names, REMITTANCE_REQUESTED, REMITTANCE_STATE_COUNT - 1, state_out) &&
           wire_take_word(step, step_names, REMITTANCE_STEP_PULL, REMITTANCE_STEP_REFUND, step_out);
}

static bool now_of(struct wire_values *v, struct ledger_remittance_view *out)
{
    return take_state(&v->at[NOW_STATE], &v->at[NOW_STEP], &out->state, &out->step) &&
           mp_read_int(&v->at[NOW_SINCE], &out->since_us) &&
           take_optional_time(&v->at[NOW_DUE], &out->due_us) && take_small(&v->at[NOW_TRIES], &out->tries) &&
           take_small(&v->at[NOW_ROUNDS], &out->rounds) && take_count(&v->at[NOW_CALLS], &out->calls) &&
           take_flag(&v->at[NOW_ALARMED], FACT_REMITTANCE_ALARMED, &out->flags) &&
           take_flag(&v->at[NOW_CONTRADICTED], FACT_REMITTANCE_CONTRADICTED, &out->flags) &&
           take_code(&v->at[NOW_CODE], &out->code) &&
           copy_string(&v->at[NOW_REASON], BANK_REASON_MAX, out->reason) &&
           copy_string(&v->at[NOW_BANK_REFERENCE], BANK_REFERENCE_MAX, out->bank_reference);
}

enum { BODY_DEPTH = MP_DEPTH_MAX - 2, TRAIL_DEPTH = 2 };

/* Reads one and moves on. trail: where it stands; over a nil where there is none. */
static bool view_read(struct mp_reader *r, unsigned depth, struct ledger_remittance_view *out,
                      struct mp_reader *trail)
{
    struct wire_values values;
    struct mp_reader again = *r;
    *out = (struct ledger_remittance_view){0};
    if (!wire_values_read(&again, depth, asked_keys, ASKED_KEY_COUNT, &values) || !asked_of(&values, out) ||
        !wire_values_read(r, depth, now_keys, NOW_KEY_COUNT, &values) || !now_of(&values, out))
        return false;
    *trail = values.at[NOW_TRAIL];
    return true;
}

bool wire_remittance_reply_read(const struct wire_reply *reply, struct ledger_remittance_view *out)
{
    struct mp_reader trail, r = mp_reader_of(reply->body.data, reply->body.length);
    return view_read(&r, BODY_DEPTH, out, &trail) && mp_at_end(&r);
}

static bool entry_of(struct wire_values *v, struct ledger_remittance_entry *out)
{
    enum { LAST_KIND = sizeof kind_names / sizeof *kind_names - 1 };
    *out = (struct ledger_remittance_entry){0};
    if (!wire_take_word(&v->at[ENTRY_KIND], kind_names, 0, LAST_KIND, &out->kind))
        return false;
    out->kind = (uint8_t)(out->kind + FACT_REMITTANCE_REQUESTED);
    return take_state(&v->at[ENTRY_STATE], &v->at[ENTRY_STEP], &out->state, &out->step) &&
           mp_read_int(&v->at[ENTRY_AT], &out->at_us) && take_small(&v->at[ENTRY_TRIES], &out->tries) &&
           take_small(&v->at[ENTRY_ROUNDS], &out->rounds) && take_count(&v->at[ENTRY_CALL], &out->call) &&
           take_code(&v->at[ENTRY_CODE], &out->code) &&
           copy_string(&v->at[ENTRY_REASON], BANK_REASON_MAX, out->reason) &&
           copy_string(&v->at[ENTRY_OPERATOR], OWNER_MAX, out->operator_name) &&
           copy_string(&v->at[ENTRY_BANK_REFERENCE], BANK_REFERENCE_MAX, out->bank_reference) &&
           take_flag(&v->at[ENTRY_ALARMED], FACT_REMITTANCE_ALARMED, &out->flags) &&
           take_flag(&v->at[ENTRY_CONTRADICTED], FACT_REMITTANCE_CONTRADICTED, &out->flags);
}

bool wire_remittance_trail_reply_read(const struct wire_reply *reply, struct ledger_remittance_view *view,
                                      struct ledger_remittance_entry *entries, size_t capacity, size_t *count)
{
    struct mp_reader trail, r = mp_reader_of(reply->body.data, reply->body.length);
    uint32_t length;
    if (!view_read(&r, BODY_DEPTH, view, &trail) || !mp_at_end(&r) || !mp_read_array(&trail, &length) ||
        length > capacity)
        return false;
    for (uint32_t i = 0; i < length; i++) {
        struct wire_values values;
        if (!wire_values_read(&trail, TRAIL_DEPTH, entry_keys, ENTRY_KEY_COUNT, &values) ||
            !entry_of(&values, &entries[i]))
            return false;
    }
    *count = length;
    return true;
}

bool wire_remittances_reply_read(const struct wire_reply *reply, struct ledger_remittance_view *views,
                                 size_t capacity, size_t *count, struct str *cursor)
{
    struct mp_reader things, trail;
    size_t there;
    if (!wire_page_read(reply, "remittances", capacity, &things, &there, cursor))
        return false;
    for (size_t i = 0; i < there; i++) {
        if (!view_read(&things, WIRE_PAGE_DEPTH, &views[i], &trail))
            return false;
    }
    *count = there;
    return true;
}

bool wire_remittance_batch_reply_read(const struct wire_reply *reply, uint32_t *retried)
{
    static const struct wire_key keys[] = {{STR_LITERAL("retried"), FIELD_NONE}};
    struct wire_values values;
    return wire_reply_values(reply, keys, 1, &values) && take_count(&values.at[0], retried);
}
