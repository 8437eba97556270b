/* Heads of requests: what is refused, with which code and field, and which request id is echoed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/wire/notation.h"

#include <stdio.h>

struct row {
    const char *text;
    enum code code;
    enum field field;
    uint64_t request_id;
};

static const struct row rows[] = {
    {"[1 \"health\" 7 nil nil nil]", CODE_OK, FIELD_NONE, 7},
    {"[1 \"batch\" 18446744073709551615 3 99 []]", CODE_OK, FIELD_NONE, UINT64_MAX},
    /* every width of an integer and of a string is the same */
    {"$dd00000006 $cf0000000000000001 $db00000006 $6865616c7468 $cd0007 $c0 $d30000000000000063 $c0", CODE_OK,
     FIELD_NONE, 7},
    {"$dc0006 $d001 $d9066865616c7468 $d10007 $c0 $d200000063 $c0", CODE_OK, FIELD_NONE, 7},
    /* the shape */
    {"", CODE_BAD_REQUEST, FIELD_NONE, 0},
    {"nil", CODE_BAD_REQUEST, FIELD_NONE, 0},
    {"{1 2}", CODE_BAD_REQUEST, FIELD_NONE, 0},
    {"[]", CODE_BAD_REQUEST, FIELD_NONE, 0},
    {"[1 \"health\" 7 nil nil]", CODE_BAD_REQUEST, FIELD_NONE, 7},
    {"[1 \"health\" 7 nil nil nil nil]", CODE_BAD_REQUEST, FIELD_NONE, 7},
    {"$ddff000000", CODE_BAD_REQUEST, FIELD_NONE, 0},
    {"$dfff000000", CODE_BAD_REQUEST, FIELD_NONE, 0},
    {"$c1", CODE_BAD_REQUEST, FIELD_NONE, 0},
    {"$96 $01 $a6 $6865616c7468 $07 $c0 $c0", CODE_BAD_REQUEST, FIELD_BODY, 7},
    /* version */
    {"[2 \"health\" 7 nil nil nil]", CODE_UNSUPPORTED, FIELD_VERSION, 7},
    {"[0 \"health\" 7 nil nil nil]", CODE_UNSUPPORTED, FIELD_VERSION, 7},
    {"[2 \"future\" 7 nil nil nil nil nil]", CODE_UNSUPPORTED, FIELD_VERSION, 7},
    {"[-1 \"health\" 7 nil nil nil]", CODE_BAD_REQUEST, FIELD_VERSION, 7},
    {"[\"1\" \"health\" 7 nil nil nil]", CODE_BAD_REQUEST, FIELD_VERSION, 7},
    {"[$cb3ff0000000000000 \"health\" 7 nil nil nil]", CODE_BAD_REQUEST, FIELD_VERSION, 7},
    {"[$d40100 \"health\" 7 nil nil nil]", CODE_BAD_REQUEST, FIELD_VERSION, 7},
    /* operation */
    {"[1 \"healthy\" 7 nil nil nil]", CODE_UNSUPPORTED, FIELD_OPERATION, 7},
    {"[1 \"\" 7 nil nil nil]", CODE_UNSUPPORTED, FIELD_OPERATION, 7},
    {"[1 \"Health\" 7 nil nil nil]", CODE_UNSUPPORTED, FIELD_OPERATION, 7},
    {"[1 \"a.name.longer.than.all.others\" 7 nil nil nil]", CODE_UNSUPPORTED, FIELD_OPERATION, 7},
    {"[1 #6865616c7468 7 nil nil nil]", CODE_BAD_REQUEST, FIELD_OPERATION, 7},
    {"[1 [[[[[1]]]]] 7 nil nil nil]", CODE_BAD_REQUEST, FIELD_OPERATION, 7},
    {"[1 [[[[[[1]]]]]] 7 nil nil nil]", CODE_BAD_REQUEST, FIELD_OPERATION, 0},
    /* request id */
    {"[1 \"health\" nil nil nil nil]", CODE_BAD_REQUEST, FIELD_REQUEST_ID, 0},
    {"[1 \"health\" -1 nil nil nil]", CODE_BAD_REQUEST, FIELD_REQUEST_ID, 0},
    {"[1 \"health\" \"7\" nil nil nil]", CODE_BAD_REQUEST, FIELD_REQUEST_ID, 0},
    {"[1 \"health\" $ca40e00000 nil nil nil]", CODE_BAD_REQUEST, FIELD_REQUEST_ID, 0},
    /* partition */
    {"[1 \"health\" 7 -1 nil nil]", CODE_BAD_REQUEST, FIELD_PARTITION, 7},
    {"[1 \"health\" 7 \"0\" nil nil]", CODE_BAD_REQUEST, FIELD_PARTITION, 7},
    {"[1 \"health\" 7 4294967295 nil nil]", CODE_WRONG_PARTITION, FIELD_PARTITION, 7},
    {"[1 \"health\" 7 18446744073709551615 nil nil]", CODE_WRONG_PARTITION, FIELD_PARTITION, 7},
    {"[1 \"health\" 7 4294967294 nil nil]", CODE_OK, FIELD_NONE, 7},
    /* deadline */
    {"[1 \"health\" 7 nil -1 nil]", CODE_BAD_REQUEST, FIELD_DEADLINE, 7},
    {"[1 \"health\" 7 nil \"soon\" nil]", CODE_BAD_REQUEST, FIELD_DEADLINE, 7},
    {"[1 \"health\" 7 nil 9223372036854775 nil]", CODE_OK, FIELD_NONE, 7},
    {"[1 \"health\" 7 nil 9223372036854776 nil]", CODE_BAD_REQUEST, FIELD_DEADLINE, 7},
    /* body */
    {"$96 $01 $a6 $6865616c7468 $07 $c0 $63", CODE_BAD_REQUEST, FIELD_BODY, 7},
    /* the first fault in order is the answer */
    {"[2 5 nil nil nil nil]", CODE_UNSUPPORTED, FIELD_VERSION, 0},
    {"[1 \"none\" 7 -1 -1 nil]", CODE_UNSUPPORTED, FIELD_OPERATION, 7},
};

static void heads_are_judged_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message message = notation_read(rows[i].text);
        struct wire_header header;
        enum code code;
        enum field field;
        bool good = wire_header_read(message.bytes, message.length, &header, &code, &field);
        if (code != rows[i].code || field != rows[i].field || header.request_id != rows[i].request_id)
            print_error("row: %s\n", rows[i].text);
        assert_int_equal(code, rows[i].code);
        assert_int_equal(field, rows[i].field);
        assert_true(header.request_id == rows[i].request_id);
        assert_int_equal(good, rows[i].code == CODE_OK);
        message_free(&message);
    }
}

static void a_head_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    struct message whole = notation_read("[1 \"transfer\" 1000 70000 5000000000 []]");
    for (size_t length = 0; length < whole.length; length++) {
        struct message cut = message_copy(whole.bytes, length);
        struct wire_header header;
        enum code code;
        enum field field;
        assert_false(wire_header_read(cut.bytes, cut.length, &header, &code, &field));
        assert_int_equal(code, CODE_BAD_REQUEST);
        message_free(&cut);
    }
    message_free(&whole);
}

static void a_written_head_is_read_back(void **state)
{
    (void)state;
    for (enum wire_operation operation = 0; operation < OPERATION_COUNT; operation++) {
        struct mp_writer w = {0};
        struct wire_header in = {.operation = operation,
                                 .request_id = UINT64_MAX - operation,
                                 .partition = operation % 2 == 0 ? operation : WIRE_PARTITION_ANY,
                                 .deadline_us = operation % 3 == 0 ? 0 : 1700000000123000};
        struct wire_header out;
        enum code code;
        enum field field;
        wire_header_write(&w, &in);
        mp_write_nil(&w);
        assert_true(wire_header_read(w.data, w.length, &out, &code, &field));
        assert_int_equal(out.operation, in.operation);
        assert_true(out.request_id == in.request_id);
        assert_int_equal(out.partition, in.partition);
        assert_true(out.deadline_us == in.deadline_us);
        assert_int_equal(out.body.length, 1);
        mp_writer_release(&w);
    }
}

static void operations_are_found_by_their_names(void **state)
{
    (void)state;
    for (enum wire_operation operation = 0; operation < OPERATION_COUNT; operation++) {
        enum wire_operation found;
        assert_true(wire_operation_find(str_from(wire_operation_name(operation)), &found));
        assert_int_equal(found, operation);
    }
}

static void a_deadline_of_zero_has_long_passed(void **state)
{
    (void)state;
    struct message message = notation_read("[1 \"health\" 7 nil 0 nil]");
    assert_true(message_header(&message).deadline_us == 1);
    message_free(&message);
}

static void a_frame_above_the_limit_is_too_large(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct wire_header header = {.operation = OPERATION_BATCH, .request_id = 7};
    enum code code;
    enum field field;
    wire_header_write(&w, &header);
    assert_true(mp_reserve(&w, WIRE_FRAME_MAX));
    memset(mp_tail(&w), 0xc0, WIRE_FRAME_MAX);
    w.length += WIRE_FRAME_MAX;
    assert_false(wire_header_read(w.data, w.length, &header, &code, &field));
    assert_int_equal(code, CODE_TOO_LARGE);
    assert_int_equal(header.request_id, 7);
    mp_writer_release(&w);
}

static void a_message_takes_what_the_writer_holds(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 4096, 4097, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct mp_writer w = {0};
        zmq_msg_t message;
        for (size_t n = 0; n < lengths[i]; n++)
            mp_write_uint(&w, n % 100);
        assert_true(wire_message_init(&message, &w));
        assert_int_equal(zmq_msg_size(&message), lengths[i]);
        for (size_t n = 0; n < lengths[i]; n++)
            assert_int_equal(((const uint8_t *)zmq_msg_data(&message))[n], n % 100);
        assert_int_equal(w.length, 0);
        zmq_msg_close(&message);
        mp_writer_release(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_judged_as_the_table_says),
        cmocka_unit_test(a_head_cut_short_anywhere_is_refused),
        cmocka_unit_test(a_written_head_is_read_back),
        cmocka_unit_test(operations_are_found_by_their_names),
        cmocka_unit_test(a_deadline_of_zero_has_long_passed),
        cmocka_unit_test(a_frame_above_the_limit_is_too_large),
        cmocka_unit_test(a_message_takes_what_the_writer_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
