/* Bodies of proposal.*: what is refused, with which code and field; and round trips of bodies and replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/proposals.h"
#include "tests/unit/wire/body_rows.h"
#include "tests/unit/wire/notation.h"

#define TEXT_32 "0123456789abcdef0123456789abcdef"
#define GOOD                                                                                          \
    "\"transaction_id\" id \"kind\" \"deposit\" \"account\" \"a\" \"amount\" 5 \"currency\" \"USD\" " \
    "\"reason\" \"r\" \"operator\" \"ann\""

static const struct body_row rows[] = {
    /* proposal.open */
    {"proposal.open", "{" GOOD "}", CODE_OK, FIELD_NONE},
    {"proposal.open", "{" GOOD " \"rate\" \"1350.25\" \"expires\" 1}", CODE_OK, FIELD_NONE},
    {"proposal.open", "{" GOOD " \"rate\" nil \"expires\" nil}", CODE_OK, FIELD_NONE},
    {"proposal.open", "{" GOOD "} nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"proposal.open", "[id \"deposit\"]", CODE_BAD_REQUEST, FIELD_BODY},
    {"proposal.open", "{" GOOD " \"memo\" \"m\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"proposal.open", "{" GOOD " \"reason\" \"r\"}", CODE_BAD_REQUEST, FIELD_REASON},
    {"proposal.open", "{" GOOD " \"rate\" 1350}", CODE_INVALID_FIELD, FIELD_RATE},
    {"proposal.open", "{" GOOD " \"rate\" \"0\"}", CODE_INVALID_FIELD, FIELD_RATE},
    {"proposal.open", "{" GOOD " \"rate\" \"1.\"}", CODE_INVALID_FIELD, FIELD_RATE},
    {"proposal.open", "{" GOOD " \"rate\" \"100000001\"}", CODE_INVALID_FIELD, FIELD_RATE},
    {"proposal.open", "{" GOOD " \"expires\" 0}", CODE_INVALID_FIELD, FIELD_EXPIRES},
    {"proposal.open", "{" GOOD " \"expires\" \"tomorrow\"}", CODE_INVALID_FIELD, FIELD_EXPIRES},
    {"proposal.open", "{}", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"proposal.open", "{\"transaction_id\" id}", CODE_INVALID_FIELD, FIELD_KIND},
    {"proposal.open", "{\"transaction_id\" id \"kind\" \"transfer\"}", CODE_INVALID_FIELD, FIELD_KIND},
    {"proposal.open", "{\"transaction_id\" id \"kind\" 2}", CODE_INVALID_FIELD, FIELD_KIND},
    {"proposal.open", "{\"transaction_id\" id \"kind\" \"withdraw\"}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"proposal.open", "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"house:cash:USD:0\"}",
     CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"proposal.open", "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\"}", CODE_INVALID_FIELD,
     FIELD_AMOUNT},
    {"proposal.open", "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" 0}",
     CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"proposal.open",
     "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" \"1.234\" \"currency\" "
     "\"USD\"}",
     CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"proposal.open",
     "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" \"1.23\" \"currency\" "
     "\"USD\"}",
     CODE_INVALID_FIELD, FIELD_REASON},
    {"proposal.open",
     "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" 5 \"currency\" \"usd\"}",
     CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"proposal.open",
     "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" 5 \"currency\" \"USD\" "
     "\"reason\" \"\"}",
     CODE_INVALID_FIELD, FIELD_REASON},
    {"proposal.open",
     "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" 5 \"currency\" \"USD\" "
     "\"reason\" \"r\" \"operator\" \"" TEXT_32 TEXT_32 "1\"}",
     CODE_INVALID_FIELD, FIELD_OPERATOR},
    {"proposal.open",
     "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" 5 \"currency\" \"ZZZ\" "
     "\"reason\" \"r\"}",
     CODE_INVALID_FIELD, FIELD_OPERATOR},
    {"proposal.open",
     "{\"transaction_id\" id \"kind\" \"withdraw\" \"account\" \"a\" \"amount\" 5 \"currency\" \"ZZZ\" "
     "\"reason\" \"r\" \"operator\" \"ann\"}",
     CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY},
    /* proposal.approve, proposal.reject */
    {"proposal.approve", "{\"account\" \"a\" \"proposal\" id \"operator\" \"bob\"}", CODE_OK, FIELD_NONE},
    {"proposal.approve", "{\"account\" \"a\" \"proposal\" id \"operator\" \"bob\" \"reason\" \"seen\"}",
     CODE_OK, FIELD_NONE},
    {"proposal.reject", "{\"account\" \"a\" \"proposal\" id \"operator\" \"bob\" \"reason\" nil}", CODE_OK,
     FIELD_NONE},
    {"proposal.reject", "{}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"proposal.reject", "{\"account\" \"a\"}", CODE_INVALID_FIELD, FIELD_PROPOSAL},
    {"proposal.reject", "{\"account\" \"a\" \"proposal\" id}", CODE_INVALID_FIELD, FIELD_OPERATOR},
    {"proposal.approve", "{\"account\" \"a\" \"proposal\" id \"operator\" \"bob\" \"reason\" 5}",
     CODE_INVALID_FIELD, FIELD_REASON},
    {"proposal.approve", "{\"account\" \"a\" \"proposal\" id \"operator\" \"bob\" \"memo\" \"m\"}",
     CODE_BAD_REQUEST, FIELD_NONE},
    /* proposal.show, proposal.list */
    {"proposal.show", "{\"account\" \"a\" \"proposal\" id}", CODE_OK, FIELD_NONE},
    {"proposal.show", "{\"proposal\" id}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"proposal.show", "{\"account\" \"a\" \"proposal\" 5}", CODE_INVALID_FIELD, FIELD_PROPOSAL},
    {"proposal.show", "{\"account\" \"a\" \"proposal\" id \"operator\" \"bob\"}", CODE_BAD_REQUEST,
     FIELD_NONE},
    {"proposal.list", "{}", CODE_OK, FIELD_NONE},
    {"proposal.list", "{\"limit\" 1000 \"cursor\" \"0:5\"}", CODE_OK, FIELD_NONE},
    {"proposal.list", "{\"limit\" 1001}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"proposal.list", "{\"cursor\" 5}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"proposal.list", "{\"account\" \"a\"}", CODE_BAD_REQUEST, FIELD_NONE},
};

enum { ROWS = sizeof rows / sizeof *rows };

static enum code read_body(const struct wire_header *header, enum field *field)
{
    struct ledger_proposal_command command;
    struct ledger_decision_command decision;
    struct wire_proposals_query query;
    struct str account;
    struct uuid id;
    if (header->operation == OPERATION_PROPOSAL_OPEN)
        return wire_proposal_read(header, &command, field);
    if (header->operation == OPERATION_PROPOSAL_SHOW)
        return wire_proposal_show_read(header, &account, &id, field);
    if (header->operation == OPERATION_PROPOSAL_LIST)
        return wire_proposals_read(header, &query, field);
    return wire_decision_read(header, &decision, field);
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

static void requests_are_read_back(void **state)
{
    const struct ledger_proposal_command commands[] = {
        {.kind = COMMAND_DEPOSIT,
         .currency = currency_find("USD", 3),
         .id = notation_id,
         .account = STR_LITERAL("a"),
         .amount = 5,
         .rate = INT64_C(13502500000000),
         .expires_us = 99,
         .reason = STR_LITERAL("r"),
         .operator_name = STR_LITERAL("ann")},
        {.kind = COMMAND_WITHDRAW,
         .currency = currency_find("KRW", 3),
         .id = notation_id,
         .account = STR_LITERAL("b"),
         .amount = MONEY_MAX,
         .reason = STR_LITERAL("r"),
         .operator_name = STR_LITERAL("ann")},
    };
    struct mp_writer w = {0};
    enum field field;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct ledger_proposal_command *in = &commands[i];
        struct ledger_proposal_command out;
        mp_writer_reset(&w);
        wire_proposal_body_write(&w, in);
        struct wire_header header = body_sent(OPERATION_PROPOSAL_OPEN, &w);
        assert_int_equal(wire_proposal_read(&header, &out, &field), CODE_OK);
        assert_true(out.kind == in->kind && out.currency == in->currency && out.amount == in->amount &&
                    out.rate == in->rate && out.expires_us == in->expires_us);
        assert_true(uuid_equal(&out.id, &in->id) && str_equal(out.account, in->account) &&
                    str_equal(out.reason, in->reason) && str_equal(out.operator_name, in->operator_name));
    }
    for (int approves = 0; approves < 2; approves++) {
        struct ledger_decision_command out,
            in = {.account = STR_LITERAL("a"), .proposal = notation_id, .operator_name = STR_LITERAL("bob")};
        mp_writer_reset(&w);
        wire_decision_body_write(&w, &in);
        struct wire_header header =
            body_sent(approves ? OPERATION_PROPOSAL_APPROVE : OPERATION_PROPOSAL_REJECT, &w);
        assert_int_equal(wire_decision_read(&header, &out, &field), CODE_OK);
        assert_true(out.approves == approves && uuid_equal(&out.proposal, &notation_id));
        assert_true(str_equal(out.operator_name, in.operator_name) && out.reason.length == 0);
    }
    mp_writer_release(&w);
}

static const struct ledger_proposal_view open_view = {
    .kind = COMMAND_DEPOSIT,
    .state = PROPOSAL_PROPOSED,
    .account_length = 1,
    .reason_length = 6,
    .proposer_length = 3,
    .account = "a",
    .reason = "reason",
    .proposer = "ann",
    .amount = 5,
    .expires_us = 99,
};

static void views_are_same(const struct ledger_proposal_view *a, const struct ledger_proposal_view *b)
{
    assert_true(uuid_equal(&a->id, &b->id));
    assert_true(a->kind == b->kind && a->state == b->state && a->currency == b->currency);
    assert_true(a->amount == b->amount && a->rate == b->rate && a->expires_us == b->expires_us &&
                a->balance == b->balance);
    assert_string_equal(a->account, b->account);
    assert_string_equal(a->reason, b->reason);
    assert_string_equal(a->proposer, b->proposer);
    assert_string_equal(a->decider, b->decider);
    assert_string_equal(a->decided_reason, b->decided_reason);
}

static void replies_are_read_back(void **state)
{
    struct ledger_proposal_view views[2] = {open_view, open_view}, out[2];
    struct wire_reply reply;
    struct mp_writer w = {0};
    struct str cursor;
    size_t count;
    (void)state;
    views[0].id = views[1].id = notation_id;
    views[0].currency = views[1].currency = currency_find("USD", 3);
    views[1].state = PROPOSAL_APPROVED;
    views[1].kind = COMMAND_WITHDRAW;
    views[1].balance = -7;
    views[1].rate = INT64_C(13502500000000);
    views[1].decider_length = 3;
    views[1].decided_reason_length = 4;
    memcpy(views[1].decider, "bob", 4);
    memcpy(views[1].decided_reason, "seen", 5);
    for (size_t i = 0; i < 2; i++) {
        mp_writer_reset(&w);
        wire_proposal_write(&w, 7, &views[i]);
        assert_true(wire_reply_read(w.data, w.length, &reply) && wire_proposal_reply_read(&reply, &out[0]));
        views_are_same(&out[0], &views[i]);
    }
    mp_writer_reset(&w);
    wire_proposals_write(&w, 7, views, 2, STR_LITERAL("0:9"));
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_true(wire_proposals_reply_read(&reply, out, 2, &count, &cursor));
    assert_int_equal(count, 2);
    assert_true(str_equal(cursor, STR_LITERAL("0:9")));
    for (size_t i = 0; i < 2; i++)
        views_are_same(&out[i], &views[i]);
    assert_false(wire_proposals_reply_read(&reply, out, 1, &count, &cursor)); /* no room */
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_judged_as_the_table_says),
        cmocka_unit_test(a_body_cut_short_anywhere_is_refused),
        cmocka_unit_test(requests_are_read_back),
        cmocka_unit_test(replies_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
