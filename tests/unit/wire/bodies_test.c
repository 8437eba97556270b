/* Bodies of account.* and of reading: what is refused, with which code and field; and round trips of the good ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/accounts.h"
#include "broker/wire/history.h"
#include "tests/unit/wire/body_rows.h"
#include "tests/unit/wire/notation.h"

#define TEXT_32 "0123456789abcdef0123456789abcdef"

static const struct body_row rows[] = {
    /* account.open */
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\"}", CODE_OK, FIELD_NONE},
    {"account.open",
     "{\"memo\" \"m\" \"transaction_id\" id \"ceiling\" 0 \"minimum_balance\" -5 \"product\" \"wallet\" "
     "\"currency\" "
     "\"KRW\" \"owner\" \"ann\" \"account\" \"a\"}",
     CODE_OK, FIELD_NONE},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"account\" nil \"ceiling\" nil}", CODE_OK,
     FIELD_NONE},
    {"account.open", "nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.open", "[\"ann\"]", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.open", "$ddff000000", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.open", "$dfff000000", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.open", "$81a56f776e6572", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\"} nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.open", "{\"owner\" [[[[[1]]]]] \"currency\" \"KRW\"}", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"colour\" 1}", CODE_BAD_REQUEST, FIELD_NONE},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" 5 1}", CODE_BAD_REQUEST, FIELD_NONE},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"owner\" \"ann\"}", CODE_BAD_REQUEST,
     FIELD_OWNER},
    {"account.open", "{\"account\" \"\" \"owner\" \"ann\" \"currency\" \"KRW\"}", CODE_INVALID_FIELD,
     FIELD_ACCOUNT},
    {"account.open", "{\"account\" 5 \"owner\" \"ann\" \"currency\" \"KRW\"}", CODE_INVALID_FIELD,
     FIELD_ACCOUNT},
    {"account.open", "{\"account\" \"" TEXT_32 "123\" \"owner\" \"ann\" \"currency\" \"KRW\"}",
     CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"account.open", "{\"account\" \"house:mine\" \"owner\" \"ann\" \"currency\" \"KRW\"}",
     CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"account.open", "{\"currency\" \"KRW\"}", CODE_INVALID_FIELD, FIELD_OWNER},
    {"account.open", "{\"owner\" \"\" \"currency\" \"KRW\"}", CODE_INVALID_FIELD, FIELD_OWNER},
    {"account.open", "{\"owner\" nil \"currency\" \"KRW\"}", CODE_INVALID_FIELD, FIELD_OWNER},
    {"account.open", "{\"owner\" \"" TEXT_32 TEXT_32 "\" \"currency\" \"KRW\"}", CODE_OK, FIELD_NONE},
    {"account.open", "{\"owner\" \"" TEXT_32 TEXT_32 "1\" \"currency\" \"KRW\"}", CODE_INVALID_FIELD,
     FIELD_OWNER},
    {"account.open", "{\"owner\" $a2610a \"currency\" \"KRW\"}", CODE_INVALID_FIELD, FIELD_OWNER},
    {"account.open", "{\"owner\" \"ann\"}", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"account.open", "{\"owner\" \"ann\" \"currency\" 5}", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"won\"}", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"ZZZ\"}", CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"ZZZ\" \"product\" 5}", CODE_INVALID_FIELD,
     FIELD_PRODUCT},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"product\" \"seventeen-letters\"}",
     CODE_INVALID_FIELD, FIELD_PRODUCT},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"product\" \"a b\"}", CODE_INVALID_FIELD,
     FIELD_PRODUCT},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"minimum_balance\" \"5\"}", CODE_INVALID_FIELD,
     FIELD_MINIMUM_BALANCE},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"minimum_balance\" -9223372036854775808}",
     CODE_INVALID_FIELD, FIELD_MINIMUM_BALANCE},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"minimum_balance\" $cb0000000000000000}",
     CODE_INVALID_FIELD, FIELD_MINIMUM_BALANCE},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"ceiling\" -1}", CODE_INVALID_FIELD,
     FIELD_CEILING},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"ceiling\" 4 \"minimum_balance\" 5}",
     CODE_INVALID_FIELD, FIELD_CEILING},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"ceiling\" 18446744073709551615}",
     CODE_INVALID_FIELD, FIELD_CEILING},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"transaction_id\" #00}", CODE_INVALID_FIELD,
     FIELD_TRANSACTION_ID},
    {"account.open", "{\"owner\" \"ann\" \"currency\" \"KRW\" \"memo\" 5}", CODE_INVALID_FIELD, FIELD_MEMO},
    {"account.open", "{\"memo\" 5 \"owner\" 5 \"currency\" \"ZZZ\"}", CODE_INVALID_FIELD, FIELD_OWNER},
    /* account.change, and the three that name an account only */
    {"account.change", "{\"account\" \"a\"}", CODE_OK, FIELD_NONE},
    {"account.change", "{\"account\" \"a\" \"owner\" \"bob\" \"ceiling\" nil \"memo\" \"m\"}", CODE_OK,
     FIELD_NONE},
    {"account.change", "{\"account\" \"a\" \"ceiling\" 4 \"minimum_balance\" 5}", CODE_INVALID_FIELD,
     FIELD_CEILING},
    {"account.change", "{\"owner\" \"bob\"}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"account.change", "{\"account\" \"a\" \"owner\" \"\"}", CODE_INVALID_FIELD, FIELD_OWNER},
    {"account.change", "{\"account\" \"a\" \"currency\" \"KRW\"}", CODE_BAD_REQUEST, FIELD_CURRENCY},
    {"account.change", "{\"account\" \"a\" \"transaction_id\" id}", CODE_BAD_REQUEST, FIELD_TRANSACTION_ID},
    {"account.freeze", "{\"account\" \"a\" \"memo\" \"m\"}", CODE_OK, FIELD_NONE},
    {"account.freeze", "{}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"account.freeze", "{\"account\" \"a\" \"owner\" \"bob\"}", CODE_BAD_REQUEST, FIELD_OWNER},
    {"account.unfreeze", "{\"account\" \"a\"}", CODE_OK, FIELD_NONE},
    {"account.unfreeze", "{\"account\" nil}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"account.close", "{\"account\" \"a\"}", CODE_OK, FIELD_NONE},
    {"account.close", "{\"account\" \"transit:1:KRW:0\"}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"account.close", "{\"account\" \"a\" \"ceiling\" 5}", CODE_BAD_REQUEST, FIELD_CEILING},
    /* account.show, account.list */
    {"account.show", "{\"account\" \"house:cash:KRW:0\"}", CODE_OK, FIELD_NONE},
    {"account.show", "{}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"account.show", "{\"account\" \"a\" \"memo\" \"m\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"account.list", "{}", CODE_OK, FIELD_NONE},
    {"account.list", "{\"owner\" \"ann\" \"limit\" 1000 \"cursor\" \"c\"}", CODE_OK, FIELD_NONE},
    {"account.list", "nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"account.list", "{\"owner\" 5}", CODE_INVALID_FIELD, FIELD_OWNER},
    {"account.list", "{\"limit\" 0}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"account.list", "{\"limit\" 1001}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"account.list", "{\"limit\" \"5\"}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"account.list", "{\"cursor\" \"\"}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"account.list", "{\"cursor\" \"" TEXT_32 TEXT_32 "1\"}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"account.list", "{\"cursor\" 5}", CODE_INVALID_FIELD, FIELD_CURSOR},
    /* reading */
    {"balance", "{\"account\" \"a\"}", CODE_OK, FIELD_NONE},
    {"balance", "{\"account\" \"a\" \"at\" 0}", CODE_OK, FIELD_NONE},
    {"balance", "{\"at\" 5}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"balance", "{\"account\" \"a\" \"at\" -1}", CODE_INVALID_FIELD, FIELD_TIME},
    {"balance", "{\"account\" \"a\" \"at\" \"now\"}", CODE_INVALID_FIELD, FIELD_TIME},
    {"balance", "{\"account\" \"a\" \"at\" 5 \"at\" 5}", CODE_BAD_REQUEST, FIELD_TIME},
    {"history", "{\"account\" \"a\"}", CODE_OK, FIELD_NONE},
    {"history", "{\"account\" \"a\" \"limit\" 1000 \"cursor\" \"c\" \"before\" 5 \"after\" 5}", CODE_OK,
     FIELD_NONE},
    {"history", "{}", CODE_INVALID_FIELD, FIELD_ACCOUNT},
    {"history", "{\"account\" \"a\" \"limit\" 1001}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"history", "{\"account\" \"a\" \"cursor\" 5}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"history", "{\"account\" \"a\" \"before\" -5}", CODE_INVALID_FIELD, FIELD_TIME},
    {"history", "{\"account\" \"a\" \"after\" \"x\"}", CODE_INVALID_FIELD, FIELD_TIME},
    {"history", "{\"account\" \"a\" \"colour\" 5}", CODE_BAD_REQUEST, FIELD_NONE},
    {"histories", "[{\"account\" \"a\"} {\"account\" \"b\"}]", CODE_OK, FIELD_NONE},
    {"histories", "[nil 5 {} {\"colour\" 1}]", CODE_OK, FIELD_NONE},
    {"histories", "[]", CODE_INVALID_FIELD, FIELD_ITEMS},
    {"histories", "{}", CODE_BAD_REQUEST, FIELD_BODY},
    {"histories", "[$81]", CODE_BAD_REQUEST, FIELD_BODY},
    {"histories", "[[[[[[1]]]]]]", CODE_BAD_REQUEST, FIELD_BODY},
    {"histories", "[{\"account\" \"a\"}] nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"transfer.show", "{\"transaction_id\" id}", CODE_OK, FIELD_NONE},
    {"transfer.show", "{}", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"transfer.show", "{\"transaction_id\" \"x\"}", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    /* the node */
    {"health", "nil", CODE_OK, FIELD_NONE},
    {"version", "nil nil", CODE_BAD_REQUEST, FIELD_BODY},
    {"status", "{}", CODE_BAD_REQUEST, FIELD_BODY},
};

enum { ROWS = sizeof rows / sizeof *rows };

/* Any body that is no batch of items, read by the reader of its operation. */
static enum code read_body(const struct wire_header *header, enum field *field)
{
    static struct wire_history_query queries[WIRE_HISTORIES_MAX];
    struct ledger_account_command command;
    struct wire_list_query list;
    struct wire_balance_query balance;
    struct str account;
    struct uuid id;
    size_t count;
    if (header->operation >= OPERATION_ACCOUNT_OPEN && header->operation <= OPERATION_ACCOUNT_CLOSE)
        return wire_account_read(header, &command, field);
    if (header->operation == OPERATION_ACCOUNT_SHOW)
        return wire_account_show_read(header, &account, field);
    if (header->operation == OPERATION_ACCOUNT_LIST)
        return wire_list_read(header, &list, field);
    if (header->operation == OPERATION_BALANCE)
        return wire_balance_read(header, &balance, field);
    if (header->operation == OPERATION_HISTORY)
        return wire_history_read(header, queries, field);
    if (header->operation == OPERATION_HISTORIES)
        return wire_histories_read(header, queries, &count, field);
    if (header->operation == OPERATION_TRANSFER_SHOW)
        return wire_transfer_show_read(header, &id, field);
    return wire_nothing_read(header, field);
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

static void each_of_several_histories_has_its_own_code(void **state)
{
    (void)state;
    static struct wire_history_query queries[WIRE_HISTORIES_MAX];
    struct message message = notation_request(
        "histories",
        "[{\"account\" \"a\" \"before\" 9} nil {\"account\" \"\"} {\"colour\" 1} {\"account\" \"b\"}]");
    static const struct body_row expected[] = {{"", "", CODE_OK, FIELD_NONE},
                                               {"", "", CODE_BAD_REQUEST, FIELD_NONE},
                                               {"", "", CODE_INVALID_FIELD, FIELD_ACCOUNT},
                                               {"", "", CODE_BAD_REQUEST, FIELD_NONE},
                                               {"", "", CODE_OK, FIELD_NONE}};
    struct wire_header header = message_header(&message);
    size_t count;
    enum field field;
    assert_int_equal(wire_histories_read(&header, queries, &count, &field), CODE_OK);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(queries[i].code, expected[i].code);
        assert_int_equal(queries[i].field, expected[i].field);
    }
    assert_true(queries[0].has_before && queries[0].before_us == 9 && !queries[0].has_after);
    assert_int_equal(queries[4].limit, WIRE_HISTORY_LIMIT);
    message_free(&message);
}

/* What a client wrote behind a head, as the node gets it. */
static struct wire_header sent(enum wire_operation operation, struct mp_writer *body, struct message *message)
{
    struct mp_writer w = {0};
    struct wire_header header = {.operation = operation, .partition = WIRE_PARTITION_ANY};
    wire_header_write(&w, &header);
    mp_write_raw(&w, body->data, body->length);
    *message = message_copy(w.data, w.length);
    mp_writer_release(&w);
    mp_writer_reset(body);
    return message_header(message);
}

static void account_commands_are_read_back(void **state)
{
    (void)state;
    const struct ledger_account_command commands[] = {
        {.kind = ACCOUNT_OPEN, .owner = STR_LITERAL("ann"), .ceiling = INT64_MAX},
        {.kind = ACCOUNT_OPEN,
         .account = STR_LITERAL("a"),
         .owner = STR_LITERAL("ann"),
         .product = STR_LITERAL("wallet"),
         .memo = STR_LITERAL("m"),
         .minimum_balance = -5,
         .ceiling = 70000,
         .id = notation_id},
        {.kind = ACCOUNT_CHANGE,
         .account = STR_LITERAL("a"),
         .sets = ACCOUNT_SETS_CEILING,
         .ceiling = INT64_MAX},
        {.kind = ACCOUNT_CHANGE,
         .account = STR_LITERAL("a"),
         .sets = ACCOUNT_SETS_OWNER | ACCOUNT_SETS_PRODUCT | ACCOUNT_SETS_MINIMUM,
         .owner = STR_LITERAL("bob"),
         .minimum_balance = 7,
         .ceiling = INT64_MAX},
        {.kind = ACCOUNT_FREEZE, .account = STR_LITERAL("a"), .memo = STR_LITERAL("m"), .ceiling = INT64_MAX},
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct ledger_account_command in = commands[i];
        struct ledger_account_command out;
        struct mp_writer w = {0};
        struct message message;
        enum field field;
        in.currency = in.kind == ACCOUNT_OPEN ? currency_find("KRW", 3) : CURRENCY_NONE;
        wire_account_body_write(&w, &in);
        struct wire_header header =
            sent((enum wire_operation)(OPERATION_ACCOUNT_OPEN + (int)in.kind), &w, &message);
        assert_int_equal(wire_account_read(&header, &out, &field), CODE_OK);
        assert_int_equal(out.kind, in.kind);
        assert_int_equal(out.sets, in.sets);
        assert_int_equal(out.currency, in.currency);
        assert_true(str_equal(out.account, in.account) && str_equal(out.owner, in.owner));
        assert_true(str_equal(out.product, in.product) && str_equal(out.memo, in.memo));
        assert_true(out.minimum_balance == in.minimum_balance && out.ceiling == in.ceiling);
        assert_true(uuid_equal(&out.id, &in.id));
        message_free(&message);
        mp_writer_release(&w);
    }
}

static void queries_are_read_back(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct message message;
    struct wire_header header;
    enum field field;

    struct wire_list_query list = {.owner = STR_LITERAL("ann"), .limit = 7, .cursor = STR_LITERAL("c")};
    struct wire_list_query list_out;
    wire_list_body_write(&w, &list);
    header = sent(OPERATION_ACCOUNT_LIST, &w, &message);
    assert_int_equal(wire_list_read(&header, &list_out, &field), CODE_OK);
    assert_true(str_equal(list_out.owner, list.owner) && str_equal(list_out.cursor, list.cursor));
    assert_int_equal(list_out.limit, 7);
    message_free(&message);

    struct wire_history_query history = {
        .account = STR_LITERAL("a"), .limit = 1000, .has_before = true, .before_us = 99, .has_after = true};
    struct wire_history_query history_out;
    wire_history_body_write(&w, &history);
    header = sent(OPERATION_HISTORY, &w, &message);
    assert_int_equal(wire_history_read(&header, &history_out, &field), CODE_OK);
    assert_true(str_equal(history_out.account, history.account));
    assert_true(history_out.has_before && history_out.before_us == 99);
    assert_true(history_out.has_after && history_out.after_us == 0);
    message_free(&message);

    struct wire_balance_query balance = {.account = STR_LITERAL("a"), .has_at = true, .at_us = 5};
    struct wire_balance_query balance_out;
    wire_balance_body_write(&w, &balance);
    header = sent(OPERATION_BALANCE, &w, &message);
    assert_int_equal(wire_balance_read(&header, &balance_out, &field), CODE_OK);
    assert_true(str_equal(balance_out.account, balance.account) && balance_out.has_at &&
                balance_out.at_us == 5);
    message_free(&message);

    struct uuid id;
    wire_transfer_show_body_write(&w, &notation_id);
    header = sent(OPERATION_TRANSFER_SHOW, &w, &message);
    assert_int_equal(wire_transfer_show_read(&header, &id, &field), CODE_OK);
    assert_true(uuid_equal(&id, &notation_id));
    message_free(&message);

    struct str account;
    wire_account_show_body_write(&w, STR_LITERAL("a"));
    header = sent(OPERATION_ACCOUNT_SHOW, &w, &message);
    assert_int_equal(wire_account_show_read(&header, &account, &field), CODE_OK);
    assert_true(str_equal(account, STR_LITERAL("a")));
    message_free(&message);
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_judged_as_the_table_says),
        cmocka_unit_test(a_body_cut_short_anywhere_is_refused),
        cmocka_unit_test(each_of_several_histories_has_its_own_code),
        cmocka_unit_test(account_commands_are_read_back),
        cmocka_unit_test(queries_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
