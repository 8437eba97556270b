/* Bodies of hold.show and hold.list: what is refused, with which code and field; cursors; round trips of bodies and
 * replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/holds.h"
#include "tests/unit/wire/body_rows.h"
#include "tests/unit/wire/notation.h"

enum { HOLDS = 3 };

static const struct body_row rows[] = {
    {"hold.show", "{\"account\" \"a\" \"hold\" id}", CODE_OK, FIELD_NONE},
    {"hold.show", "{\"account\" \"a\" \"hold\" id} nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"hold.show", "[\"a\" id]", CODE_BAD_REQUEST, FIELD_BODY},
    {"hold.show", "{\"account\" \"a\" \"hold\" id \"memo\" \"m\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"hold.show", "{\"account\" \"a\" \"hold\" id \"hold\" id}", CODE_BAD_REQUEST, FIELD_HOLD},
    {"hold.show", "{}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"hold.show", "{\"account\" 5 \"hold\" id}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"hold.show", "{\"account\" \"a b\" \"hold\" id}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"hold.show", "{\"account\" \"a\"}", CODE_INVALID_FIELD, FIELD_HOLD},
    {"hold.show", "{\"account\" \"a\" \"hold\" 5}", CODE_INVALID_FIELD, FIELD_HOLD},
    {"hold.show", "{\"account\" \"a\" \"hold\" #0011}", CODE_INVALID_FIELD, FIELD_HOLD},
    {"hold.list", "{\"account\" \"a\"}", CODE_OK, FIELD_NONE},
    {"hold.list", "{\"account\" \"a\" \"limit\" nil \"cursor\" nil}", CODE_OK, FIELD_NONE},
    {"hold.list", "{\"account\" \"a\" \"limit\" 1000 \"cursor\" \"0:5\"}", CODE_OK, FIELD_NONE},
    {"hold.list", "{}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"hold.list", "{\"account\" \"a\" \"limit\" 0}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"hold.list", "{\"account\" \"a\" \"limit\" 1001}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"hold.list", "{\"account\" \"a\" \"cursor\" 5}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"hold.list", "{\"account\" \"a\" \"hold\" id}", CODE_BAD_REQUEST, FIELD_NONE},
};

enum { ROWS = sizeof rows / sizeof *rows };

static enum code read_body(const struct wire_header *header, enum field *field)
{
    struct wire_holds_query query;
    struct str account;
    struct uuid id;
    return header->operation == OPERATION_HOLD_SHOW ? wire_hold_show_read(header, &account, &id, field)
                                                    : wire_holds_read(header, &query, field);
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
    struct mp_writer w = {0};
    struct str account;
    struct uuid id;
    enum field field;
    (void)state;
    wire_hold_show_body_write(&w, (struct str)STR_LITERAL("a"), &notation_id);
    struct wire_header header = body_sent(OPERATION_HOLD_SHOW, &w);
    assert_int_equal(wire_hold_show_read(&header, &account, &id, &field), CODE_OK);
    assert_true(str_equal(account, (struct str)STR_LITERAL("a")) && uuid_equal(&id, &notation_id));
    const struct wire_holds_query queries[] = {
        {.account = STR_LITERAL("a"), .limit = 1},
        {.account = STR_LITERAL("b"), .limit = LEDGER_PAGE_MAX, .cursor = STR_LITERAL("3:99")},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct wire_holds_query out;
        mp_writer_reset(&w);
        wire_holds_body_write(&w, &queries[i]);
        header = body_sent(OPERATION_HOLD_LIST, &w);
        assert_int_equal(wire_holds_read(&header, &out, &field), CODE_OK);
        assert_true(str_equal(out.account, queries[i].account) && out.limit == queries[i].limit &&
                    str_equal(out.cursor, queries[i].cursor));
    }
    mp_writer_release(&w);
}

/* ---- cursors --------------------------------------------------------------------------------------- */

static void a_cursor_is_read_as_it_was_written(void **state)
{
    static const struct ledger_hold_place places[] = {{0, 1}, {7, 123456}, {UINT32_MAX - 1, UINT64_MAX / 16}};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char text[WIRE_CURSOR_MAX];
        struct ledger_hold_place out;
        assert_true(wire_hold_cursor_read(wire_hold_cursor(&places[i], text), &out));
        assert_true(out.slot == places[i].slot && out.opened == places[i].opened);
    }
}

static void a_cursor_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"5",
                                      ":",
                                      "5:",
                                      ":5",
                                      "5:0",
                                      "5:6 ",
                                      "5 :6",
                                      "-1:6",
                                      "5:6:7",
                                      "x:6",
                                      "4294967295:6",
                                      "99999999999999999999:6",
                                      "5:1152921504606846976",
                                      "5:99999999999999999999"};
    struct ledger_hold_place out;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (wire_hold_cursor_read(str_from(bad[i]), &out))
            print_error("cursor: %s\n", bad[i]);
        assert_false(wire_hold_cursor_read(str_from(bad[i]), &out));
    }
    assert_true(wire_hold_cursor_read((struct str){0}, &out));
    assert_true(out.slot == 0 && out.opened == 0);
}

/* ---- replies ------------------------------------------------------------------------------------------ */

static const struct ledger_hold_view views[HOLDS] = {
    {.id = {{1}},
     .ended = CODE_OK,
     .amount = 50,
     .held = 30,
     .opened_us = 7,
     .expires_us = 99,
     .memo_length = 1,
     .memo = "m"},
    {.id = {{2}}, .ended = CODE_HOLD_CAPTURED, .amount = MONEY_MAX, .opened_us = 7},
    {.id = {{3}},
     .ended = CODE_HOLD_EXPIRED,
     .amount = 1,
     .opened_us = 7,
     .expires_us = 8,
     .reference_length = 3,
     .reference = "ref"},
};

static void is_same(const struct wire_hold *hold, const struct ledger_hold_view *view)
{
    assert_true(str_equal(hold->account, (struct str)STR_LITERAL("a")));
    assert_int_equal(hold->currency, currency_find("USD", 3));
    assert_true(uuid_equal(&hold->view.id, &view->id) && hold->view.ended == view->ended);
    assert_true(hold->view.amount == view->amount && hold->view.held == view->held);
    assert_true(hold->view.opened_us == view->opened_us && hold->view.expires_us == view->expires_us);
    assert_string_equal(hold->view.memo, view->memo);
    assert_string_equal(hold->view.reference, view->reference);
}

static void replies_are_read_back(void **state)
{
    struct mp_writer w = {0};
    struct wire_reply reply;
    (void)state;
    for (size_t i = 0; i < HOLDS; i++) {
        struct wire_hold out, in = {STR_LITERAL("a"), currency_find("USD", 3), views[i]};
        mp_writer_reset(&w);
        wire_hold_write(&w, 7, &in);
        assert_true(wire_reply_read(w.data, w.length, &reply) && reply.request_id == 7);
        assert_true(wire_hold_reply_read(&reply, &out));
        is_same(&out, &views[i]);
    }
    mp_writer_release(&w);
}

static void pages_are_read_back_up_to_the_capacity(void **state)
{
    struct mp_writer w = {0};
    struct wire_reply reply;
    struct wire_hold holds[HOLDS];
    struct str cursor;
    size_t count;
    (void)state;
    wire_holds_write(&w, 7, (struct str)STR_LITERAL("a"), currency_find("USD", 3), views, HOLDS,
                     (struct str)STR_LITERAL("3:99"));
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_false(wire_holds_reply_read(&reply, holds, HOLDS - 1, &count, &cursor));
    assert_true(wire_holds_reply_read(&reply, holds, HOLDS, &count, &cursor));
    assert_int_equal(count, HOLDS);
    assert_true(str_equal(cursor, (struct str)STR_LITERAL("3:99")));
    for (size_t i = 0; i < HOLDS; i++)
        is_same(&holds[i], &views[i]);
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_judged_as_the_table_says),
        cmocka_unit_test(a_body_cut_short_anywhere_is_refused),
        cmocka_unit_test(requests_are_read_back),
        cmocka_unit_test(a_cursor_is_read_as_it_was_written),
        cmocka_unit_test(a_cursor_that_is_none_is_refused),
        cmocka_unit_test(replies_are_read_back),
        cmocka_unit_test(pages_are_read_back_up_to_the_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
