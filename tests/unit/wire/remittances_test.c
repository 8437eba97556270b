/* Bodies of remittance.*: what is refused, with which code and field; and round trips of bodies and replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/bank_call.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"
#include "broker/wire/remittances.h"
#include "tests/unit/wire/body_rows.h"
#include "tests/unit/wire/notation.h"

#define TEXT_32 "0123456789abcdef0123456789abcdef"
#define TEXT_128 TEXT_32 TEXT_32 TEXT_32 TEXT_32
#define ASKED "\"transaction_id\" id \"account\" \"a\" \"amount\" 5 \"currency\" \"KRW\" "
#define GOOD ASKED "\"bank\" \"kftc\" \"payer\" \"p\" \"payee\" \"q\""
#define STEP "\"account\" \"a\" \"remittance\" id \"operator\" \"ann\""

static const struct body_row rows[] = {
    /* remittance.open */
    {"remittance.open", "{" GOOD "}", CODE_OK, FIELD_NONE},
    {"remittance.open", "{" GOOD " \"refund\" \"operator\" \"memo\" \"m\" \"reference\" \"r\"}", CODE_OK,
     FIELD_NONE},
    {"remittance.open", "{" GOOD " \"refund\" \"rail\"}", CODE_OK, FIELD_NONE},
    {"remittance.open", "{" GOOD " \"refund\" nil \"memo\" nil \"reference\" nil}", CODE_OK, FIELD_NONE},
    {"remittance.open", "{" ASKED "\"bank\" \"" TEXT_32 "\" \"payer\" \"" TEXT_128 "\" \"payee\" \"q\"}",
     CODE_OK, FIELD_NONE},
    {"remittance.open", "{" GOOD "} nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"remittance.open", "[id]", CODE_BAD_REQUEST, FIELD_BODY},
    {"remittance.open", "{" GOOD " \"rate\" \"1\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"remittance.open", "{" GOOD " \"payee\" \"q\"}", CODE_BAD_REQUEST, FIELD_PAYEE},
    {"remittance.open", "{" GOOD " \"refund\" \"both\"}", CODE_INVALID_FIELD, FIELD_REFUND},
    {"remittance.open", "{" GOOD " \"refund\" 1}", CODE_INVALID_FIELD, FIELD_REFUND},
    {"remittance.open", "{" GOOD " \"memo\" 1}", CODE_INVALID_FIELD, FIELD_MEMO},
    {"remittance.open", "{" GOOD " \"reference\" \"" TEXT_32 TEXT_32 "1\"}", CODE_INVALID_FIELD,
     FIELD_REFERENCE},
    {"remittance.open", "{}", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"remittance.open", "{\"transaction_id\" id}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"remittance.open", "{\"transaction_id\" id \"account\" \"house:remittance:KRW:0\"}", CODE_INVALID_FIELD,
     FIELD_ACCOUNT},
    {"remittance.open", "{\"transaction_id\" id \"account\" \"a\" \"amount\" 0}", CODE_INVALID_FIELD,
     FIELD_AMOUNT},
    {"remittance.open", "{\"transaction_id\" id \"account\" \"a\" \"amount\" \"1.5\" \"currency\" \"KRW\"}",
     CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"remittance.open", "{\"transaction_id\" id \"account\" \"a\" \"amount\" 5 \"currency\" \"krw\"}",
     CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"remittance.open", "{" ASKED "}", CODE_INVALID_FIELD, FIELD_BANK},
    {"remittance.open", "{" ASKED "\"bank\" \"\"}", CODE_INVALID_FIELD, FIELD_BANK},
    {"remittance.open", "{" ASKED "\"bank\" \"" TEXT_32 "1\"}", CODE_INVALID_FIELD, FIELD_BANK},
    {"remittance.open", "{" ASKED "\"bank\" \"a b\"}", CODE_INVALID_FIELD, FIELD_BANK},
    {"remittance.open", "{" ASKED "\"bank\" \"kftc\"}", CODE_INVALID_FIELD, FIELD_PAYER},
    {"remittance.open", "{" ASKED "\"bank\" \"kftc\" \"payer\" \"" TEXT_128 "1\"}", CODE_INVALID_FIELD,
     FIELD_PAYER},
    {"remittance.open", "{" ASKED "\"bank\" \"kftc\" \"payer\" \"p\"}", CODE_INVALID_FIELD, FIELD_PAYEE},
    {"remittance.open", "{" ASKED "\"bank\" \"kftc\" \"payer\" \"p\" \"payee\" \"\"}", CODE_INVALID_FIELD,
     FIELD_PAYEE},
    {"remittance.open",
     "{\"transaction_id\" id \"account\" \"a\" \"amount\" 5 \"currency\" \"ZZZ\" \"bank\" \"kftc\" "
     "\"payer\" \"p\" \"payee\" \"q\"}",
     CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY},
    /* what operators do */
    {"remittance.retry", "{" STEP "}", CODE_OK, FIELD_NONE},
    {"remittance.retry", "{" STEP " \"reason\" \"again\"}", CODE_OK, FIELD_NONE},
    {"remittance.retry", "{" STEP " \"money\" \"stays\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"remittance.retry", "{}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"remittance.retry", "{\"account\" \"house:bank:KRW:0\"}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"remittance.retry", "{\"account\" \"a\"}", CODE_INVALID_FIELD, FIELD_REMITTANCE},
    {"remittance.retry", "{\"account\" \"a\" \"remittance\" id}", CODE_INVALID_FIELD, FIELD_OPERATOR},
    {"remittance.refund", "{" STEP " \"reason\" \"asked\"}", CODE_OK, FIELD_NONE},
    {"remittance.refund", "{" STEP "}", CODE_INVALID_FIELD, FIELD_REASON},
    {"remittance.cancel", "{" STEP " \"reason\" \"asked\"}", CODE_OK, FIELD_NONE},
    {"remittance.cancel", "{" STEP " \"reason\" nil}", CODE_INVALID_FIELD, FIELD_REASON},
    {"remittance.cancel", "{" STEP " \"reason\" \"" TEXT_128 TEXT_32 "\"}", CODE_INVALID_FIELD, FIELD_REASON},
    {"remittance.resolve", "{" STEP " \"reason\" \"r\" \"money\" \"bank\"}", CODE_OK, FIELD_NONE},
    {"remittance.resolve", "{" STEP " \"reason\" \"r\" \"money\" \"account\"}", CODE_OK, FIELD_NONE},
    {"remittance.resolve", "{" STEP " \"reason\" \"r\" \"money\" \"stays\"}", CODE_OK, FIELD_NONE},
    {"remittance.resolve", "{" STEP " \"reason\" \"r\"}", CODE_INVALID_FIELD, FIELD_MONEY},
    {"remittance.resolve", "{" STEP " \"reason\" \"r\" \"money\" \"mine\"}", CODE_INVALID_FIELD, FIELD_MONEY},
    {"remittance.resolve", "{" STEP " \"reason\" \"r\" \"money\" \"bank\" \"outcome\" \"failed\"}",
     CODE_BAD_REQUEST, FIELD_NONE},
    {"remittance.settle", "{" STEP " \"reason\" \"r\" \"outcome\" \"succeeded\" \"call\" 1}", CODE_OK,
     FIELD_NONE},
    {"remittance.settle", "{" STEP " \"reason\" \"r\" \"outcome\" \"failed\" \"call\" 4294967295}", CODE_OK,
     FIELD_NONE},
    {"remittance.settle", "{" STEP " \"reason\" \"r\" \"outcome\" \"unknown\" \"call\" 1}",
     CODE_INVALID_FIELD, FIELD_OUTCOME},
    {"remittance.settle", "{" STEP " \"outcome\" \"failed\" \"call\" 1}", CODE_INVALID_FIELD, FIELD_REASON},
    {"remittance.settle", "{" STEP " \"reason\" \"r\" \"outcome\" \"failed\"}", CODE_INVALID_FIELD,
     FIELD_CALL},
    {"remittance.settle", "{" STEP " \"reason\" \"r\" \"outcome\" \"failed\" \"call\" 0}", CODE_INVALID_FIELD,
     FIELD_CALL},
    {"remittance.settle", "{" STEP " \"reason\" \"r\" \"outcome\" \"failed\" \"call\" 4294967296}",
     CODE_INVALID_FIELD, FIELD_CALL},
    {"remittance.settle", "{" STEP " \"reason\" \"r\" \"outcome\" \"failed\" \"call\" \"1\"}",
     CODE_INVALID_FIELD, FIELD_CALL},
    /* remittance.show, remittance.list, remittance.retry_batch */
    {"remittance.show", "{\"account\" \"a\" \"remittance\" id}", CODE_OK, FIELD_NONE},
    {"remittance.show", "{\"remittance\" id}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"remittance.show", "{\"account\" \"a\" \"remittance\" 5}", CODE_INVALID_FIELD, FIELD_REMITTANCE},
    {"remittance.show", "{" STEP "}", CODE_BAD_REQUEST, FIELD_NONE},
    {"remittance.list", "{}", CODE_OK, FIELD_NONE},
    {"remittance.list", "{\"list\" \"alarmed\" \"limit\" 1000 \"cursor\" \"0:5\"}", CODE_OK, FIELD_NONE},
    {"remittance.list", "{\"list\" \"ended\"}", CODE_INVALID_FIELD, FIELD_LIST},
    {"remittance.list", "{\"list\" 0}", CODE_INVALID_FIELD, FIELD_LIST},
    {"remittance.list", "{\"limit\" 1001}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"remittance.list", "{\"cursor\" 5}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"remittance.retry_batch", "{}", CODE_OK, FIELD_NONE},
    {"remittance.retry_batch", "{\"list\" \"refund\" \"limit\" 1}", CODE_OK, FIELD_NONE},
    {"remittance.retry_batch", "{\"list\" \"open\"}", CODE_INVALID_FIELD, FIELD_LIST},
    {"remittance.retry_batch", "{\"list\" \"dead\"}", CODE_INVALID_FIELD, FIELD_LIST},
    {"remittance.retry_batch", "{\"limit\" 0}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"remittance.retry_batch", "{\"cursor\" \"0:5\"}", CODE_BAD_REQUEST, FIELD_NONE},
};

enum { ROWS = sizeof rows / sizeof *rows };

static enum code read_body(const struct wire_header *header, enum field *field)
{
    struct ledger_remit_command command;
    struct ledger_remittance_command act;
    struct wire_remittances_query query;
    struct str account;
    struct uuid id;
    if (header->operation == OPERATION_REMITTANCE_OPEN)
        return wire_remit_read(header, &command, field);
    if (header->operation == OPERATION_REMITTANCE_SHOW)
        return wire_remittance_show_read(header, &account, &id, field);
    if (header->operation == OPERATION_REMITTANCE_LIST)
        return wire_remittances_read(header, &query, field);
    if (header->operation == OPERATION_REMITTANCE_RETRY_BATCH)
        return wire_remittance_batch_read(header, &query, field);
    return wire_remittance_act_read(header, &act, field);
}

static void bodies_are_judged_as_the_table_says(void **state)
{
    (void)state;
    body_rows_judge(rows, ROWS, read_body);
}

static void a_body_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    body_rows_cut(rows, ROWS, read_body);
}

static void a_request_is_read_back(void **state)
{
    const struct ledger_remit_command in = {
        .currency = currency_find("KRW", 3),
        .operator_refunds = true,
        .id = notation_id,
        .account = STR_LITERAL("a"),
        .amount = MONEY_MAX,
        .bank = STR_LITERAL("kftc"),
        .payer = STR_LITERAL("p"),
        .payee = STR_LITERAL("q"),
        .memo = STR_LITERAL("m"),
        .reference = STR_LITERAL("r"),
    };
    struct ledger_remit_command out;
    struct mp_writer w = {0};
    enum field field;
    (void)state;
    wire_remit_body_write(&w, &in);
    struct wire_header header = body_sent(OPERATION_REMITTANCE_OPEN, &w);
    assert_int_equal(wire_remit_read(&header, &out, &field), CODE_OK);
    assert_true(out.currency == in.currency && out.operator_refunds && out.amount == in.amount);
    assert_true(uuid_equal(&out.id, &in.id) && str_equal(out.account, in.account) &&
                str_equal(out.bank, in.bank) && str_equal(out.payer, in.payer) &&
                str_equal(out.payee, in.payee) && str_equal(out.memo, in.memo) &&
                str_equal(out.reference, in.reference));
    mp_writer_release(&w);
}

static void what_operators_do_is_read_back(void **state)
{
    struct mp_writer w = {0};
    enum field field;
    (void)state;
    for (unsigned action = REMITTANCE_RETRY; action <= REMITTANCE_SETTLE; action++) {
        struct ledger_remittance_command out,
            in = {.action = (uint8_t)action,
                  .money = action == REMITTANCE_RESOLVE ? REMITTANCE_MONEY_TO_BANK : 0,
                  .outcome = action == REMITTANCE_SETTLE ? BANK_FAILED : 0,
                  .call = action == REMITTANCE_SETTLE ? 7 : 0,
                  .account = STR_LITERAL("a"),
                  .remittance = notation_id,
                  .operator_name = STR_LITERAL("ann"),
                  .reason = STR_LITERAL("why")};
        mp_writer_reset(&w);
        wire_remittance_act_body_write(&w, &in);
        struct wire_header header = body_sent(wire_remittance_operation((enum remittance_action)action), &w);
        assert_int_equal(wire_remittance_act_read(&header, &out, &field), CODE_OK);
        assert_true(out.action == in.action && out.money == in.money && out.outcome == in.outcome &&
                    out.call == in.call);
        assert_true(uuid_equal(&out.remittance, &in.remittance) && str_equal(out.account, in.account) &&
                    str_equal(out.operator_name, in.operator_name) && str_equal(out.reason, in.reason));
    }
    mp_writer_release(&w);
}

static void queries_are_read_back(void **state)
{
    struct mp_writer w = {0};
    enum field field;
    (void)state;
    for (int list = 0; list < REMITTANCE_LIST_COUNT; list++) {
        struct wire_remittances_query out,
            in = {.list = (enum remittance_list)list, .limit = 5, .cursor = STR_LITERAL("0:7")};
        mp_writer_reset(&w);
        wire_remittances_body_write(&w, &in);
        struct wire_header header = body_sent(OPERATION_REMITTANCE_LIST, &w);
        assert_int_equal(wire_remittances_read(&header, &out, &field), CODE_OK);
        assert_true(out.list == in.list && out.limit == 5 && str_equal(out.cursor, in.cursor));
        mp_writer_reset(&w);
        wire_remittance_batch_body_write(&w, &in);
        header = body_sent(OPERATION_REMITTANCE_RETRY_BATCH, &w);
        bool is_failure_list = list >= REMITTANCE_LIST_FAILED && list <= REMITTANCE_LIST_REFUND;
        assert_int_equal(wire_remittance_batch_read(&header, &out, &field),
                         is_failure_list ? CODE_OK : CODE_INVALID_FIELD);
    }
    mp_writer_release(&w);
}

/* ---- replies ---------------------------------------------------------------------------------- */

static struct ledger_remittance_view full_view(uint8_t remittance_state)
{
    struct ledger_remittance_view view = {
        .id = notation_id,
        .state = remittance_state,
        .step = REMITTANCE_STEP_PUSH,
        .tries = 3,
        .rounds = 255,
        .flags = FACT_REMITTANCE_OPERATOR_REFUNDS | FACT_REMITTANCE_ALARMED | FACT_REMITTANCE_CONTRADICTED,
        .currency = currency_find("KRW", 3),
        .code = CODE_ACCOUNT_FROZEN,
        .calls = UINT32_MAX,
        .amount = MONEY_MAX,
        .requested_us = 1,
        .since_us = 2,
        .due_us = 3,
    };
    memset(view.account, 'a', ACCOUNT_ID_MAX);
    memset(view.bank, 'b', BANK_NAME_MAX);
    memset(view.payer, 'c', BANK_PARTY_MAX);
    memset(view.payee, 'd', BANK_PARTY_MAX);
    memset(view.memo, 'e', MEMO_MAX);
    memset(view.reference, 'f', REFERENCE_MAX);
    memset(view.reason, 'g', BANK_REASON_MAX);
    memset(view.bank_reference, 'h', BANK_REFERENCE_MAX);
    return view;
}

static struct ledger_remittance_view bare_view(void)
{
    return (struct ledger_remittance_view){.id = notation_id,
                                           .state = REMITTANCE_PULLING,
                                           .step = REMITTANCE_STEP_PULL,
                                           .currency = currency_find("KRW", 3),
                                           .amount = 5,
                                           .account = "a",
                                           .bank = "b",
                                           .payer = "p",
                                           .payee = "q"};
}

static void views_are_same(const struct ledger_remittance_view *a, const struct ledger_remittance_view *b)
{
    assert_true(uuid_equal(&a->id, &b->id));
    assert_true(a->state == b->state && a->step == b->step && a->tries == b->tries &&
                a->rounds == b->rounds && a->flags == b->flags && a->currency == b->currency);
    assert_true(a->code == b->code && a->calls == b->calls && a->amount == b->amount &&
                a->requested_us == b->requested_us && a->since_us == b->since_us && a->due_us == b->due_us);
    assert_string_equal(a->account, b->account);
    assert_string_equal(a->bank, b->bank);
    assert_string_equal(a->payer, b->payer);
    assert_string_equal(a->payee, b->payee);
    assert_string_equal(a->memo, b->memo);
    assert_string_equal(a->reference, b->reference);
    assert_string_equal(a->reason, b->reason);
    assert_string_equal(a->bank_reference, b->bank_reference);
}

static void a_view_in_every_state_is_read_back(void **state)
{
    struct mp_writer w = {0};
    struct wire_reply reply;
    (void)state;
    for (uint8_t s = REMITTANCE_REQUESTED; s < REMITTANCE_STATE_COUNT; s++) {
        struct ledger_remittance_view out, in = full_view(s);
        mp_writer_reset(&w);
        wire_remittance_write(&w, 7, &in);
        assert_true(wire_reply_read(w.data, w.length, &reply) && wire_remittance_reply_read(&reply, &out));
        views_are_same(&in, &out);
    }
    struct ledger_remittance_view out, in = bare_view();
    mp_writer_reset(&w);
    wire_remittance_write(&w, 7, &in);
    assert_true(wire_reply_read(w.data, w.length, &reply) && wire_remittance_reply_read(&reply, &out));
    views_are_same(&in, &out);
    mp_writer_release(&w);
}

static void the_names_of_states_are_the_ledgers(void **state)
{
    (void)state;
    for (uint8_t s = REMITTANCE_REQUESTED; s < REMITTANCE_STATE_COUNT; s++)
        assert_string_equal(wire_remittance_state_name(s), machine_state_name(&REMITTANCE_STATES, s));
    for (uint8_t s = REMITTANCE_STEP_PULL; s <= REMITTANCE_STEP_REFUND; s++)
        assert_string_equal(wire_remittance_step_name(s), remittance_step_name(s));
}

static void lists_are_found_by_their_names(void **state)
{
    (void)state;
    for (int list = 0; list < REMITTANCE_LIST_COUNT; list++) {
        enum remittance_list found;
        assert_true(wire_remittance_list_find(str_from(wire_remittance_list_name((enum remittance_list)list)),
                                              &found));
        assert_int_equal(found, list);
    }
    enum remittance_list found;
    assert_false(wire_remittance_list_find(STR_LITERAL("ended"), &found));
}

static void a_trail_is_read_back_oldest_first(void **state)
{
    enum { COUNT = FACT_REMITTANCE_RETURNED - FACT_REMITTANCE_REQUESTED + 1 };
    struct ledger_remittance_entry in[COUNT], out[COUNT];
    struct ledger_remittance_view view = full_view(REMITTANCE_DEAD_LETTER), view_out;
    struct mp_writer w = {0};
    struct wire_reply reply;
    size_t count;
    (void)state;
    for (uint8_t i = 0; i < COUNT; i++) {
        in[i] = (struct ledger_remittance_entry){.at_us = i + 1,
                                                 .kind = (uint8_t)(FACT_REMITTANCE_REQUESTED + i),
                                                 .state = (uint8_t)(REMITTANCE_PULLING + i),
                                                 .step = REMITTANCE_STEP_REFUND,
                                                 .tries = i,
                                                 .rounds = 1,
                                                 .flags = i % 2 ? FACT_REMITTANCE_ALARMED : 0,
                                                 .code = i % 2 ? CODE_CEILING_EXCEEDED : CODE_OK,
                                                 .call = i};
        memset(in[i].reason, 'r', i % 2 ? BANK_REASON_MAX : 0);
        memset(in[i].operator_name, 'o', i % 2 ? OWNER_MAX : 0);
        memset(in[i].bank_reference, 'b', i % 2 ? BANK_REFERENCE_MAX : 0);
    }
    wire_remittance_trail_write(&w, 7, &view, in, COUNT);
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_true(wire_remittance_trail_reply_read(&reply, &view_out, out, COUNT, &count));
    views_are_same(&view, &view_out);
    assert_int_equal(count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const struct ledger_remittance_entry *a = &in[COUNT - 1 - i], *b = &out[i];
        assert_true(a->at_us == b->at_us && a->kind == b->kind && a->state == b->state &&
                    a->step == b->step && a->tries == b->tries && a->rounds == b->rounds &&
                    a->flags == b->flags && a->code == b->code && a->call == b->call);
        assert_string_equal(a->reason, b->reason);
        assert_string_equal(a->operator_name, b->operator_name);
        assert_string_equal(a->bank_reference, b->bank_reference);
    }
    assert_false(wire_remittance_trail_reply_read(&reply, &view_out, out, COUNT - 1, &count)); /* no room */
    assert_true(wire_remittance_reply_read(&reply, &view_out)); /* a trail is passed over */
    mp_writer_release(&w);
}

static void pages_are_read_back(void **state)
{
    struct ledger_remittance_view views[2] = {full_view(REMITTANCE_PUSH_FAILED), bare_view()}, out[2];
    struct mp_writer w = {0};
    struct wire_reply reply;
    struct str cursor;
    size_t count;
    uint32_t retried;
    (void)state;
    wire_remittances_write(&w, 7, views, 2, STR_LITERAL("0:9"));
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_true(wire_remittances_reply_read(&reply, out, 2, &count, &cursor));
    assert_int_equal(count, 2);
    assert_true(str_equal(cursor, STR_LITERAL("0:9")));
    for (size_t i = 0; i < 2; i++)
        views_are_same(&out[i], &views[i]);
    assert_false(wire_remittances_reply_read(&reply, out, 1, &count, &cursor)); /* no room */
    mp_writer_reset(&w);
    wire_remittance_batch_write(&w, 7, 1000);
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_true(wire_remittance_batch_reply_read(&reply, &retried));
    assert_int_equal(retried, 1000);
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_judged_as_the_table_says),
        cmocka_unit_test(a_body_cut_short_anywhere_is_refused),
        cmocka_unit_test(a_request_is_read_back),
        cmocka_unit_test(what_operators_do_is_read_back),
        cmocka_unit_test(queries_are_read_back),
        cmocka_unit_test(a_view_in_every_state_is_read_back),
        cmocka_unit_test(the_names_of_states_are_the_ledgers),
        cmocka_unit_test(lists_are_found_by_their_names),
        cmocka_unit_test(a_trail_is_read_back_oldest_first),
        cmocka_unit_test(pages_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
