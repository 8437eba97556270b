/* Replies of money operations: what the node writes, the client reads; and what the client refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/rows.h"
#include "tests/unit/wire/notation.h"

static void assert_rows_equal(const struct ledger_row *a, const struct ledger_row *b)
{
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->field, b->field);
    assert_int_equal(a->has, b->has);
    assert_int_equal(a->group_count, b->group_count);
    assert_true(a->from_balance == b->from_balance && a->to_balance == b->to_balance);
}

static const struct ledger_row samples[] = {
    {.has = ROW_HAS_FROM | ROW_HAS_TO, .from_balance = 100, .to_balance = INT64_MAX},
    {.has = ROW_HAS_TO, .to_balance = 0},
    {.has = ROW_HAS_FROM, .from_balance = INT64_MIN},
    {.code = CODE_INSUFFICIENT_FUNDS, .field = FIELD_FROM_ACCOUNT},
    {.code = CODE_BUSY},
    {.group_count = 2},
    {.has = ROW_HAS_FROM | ROW_HAS_TO, .from_balance = 5, .to_balance = -40},
    {.has = ROW_HAS_TO, .to_balance = 1},
    {.code = CODE_INVALID_FIELD, .field = FIELD_AMOUNT, .group_count = 2},
    {.code = CODE_INVALID_FIELD, .field = FIELD_AMOUNT},
    {.code = CODE_GROUP_REFUSED},
    {.code = CODE_TOO_LARGE, .field = FIELD_ITEMS}, /* a group whose items were not taken */
    {.has = 0},
};

enum { SAMPLE_COUNT = sizeof samples / sizeof samples[0] };

static void the_rows_of_a_batch_are_read_back(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct wire_reply reply;
    struct ledger_row rows[SAMPLE_COUNT];
    size_t count;
    wire_rows_write(&w, 42, samples, SAMPLE_COUNT);
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_int_equal(reply.request_id, 42);
    assert_int_equal(reply.code, CODE_OK);
    assert_true(wire_rows_read(&reply, rows, SAMPLE_COUNT, &count));
    assert_int_equal(count, SAMPLE_COUNT);
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        assert_rows_equal(&rows[i], &samples[i]);
    assert_false(wire_rows_read(&reply, rows, SAMPLE_COUNT - 1, &count));
    mp_writer_release(&w);
}

static void a_reply_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct ledger_row rows[SAMPLE_COUNT];
    size_t count;
    wire_rows_write(&w, 42, samples, SAMPLE_COUNT);
    for (size_t length = 0; length < w.length; length++) {
        struct message cut = message_copy(w.data, length);
        struct wire_reply reply;
        assert_false(wire_reply_read(cut.bytes, cut.length, &reply) &&
                     wire_rows_read(&reply, rows, SAMPLE_COUNT, &count));
        message_free(&cut);
    }
    mp_writer_release(&w);
}

static void a_single_reply_is_read_back_for_every_code(void **state)
{
    (void)state;
    for (uint8_t code = CODE_OK; code < CODE_COUNT; code++) {
        struct mp_writer w = {0};
        struct wire_reply reply;
        struct ledger_row row;
        struct ledger_row in = {.code = code,
                                .field = code % 2 == 0 ? FIELD_NONE : FIELD_TO_ACCOUNT,
                                .has = code % 4,
                                .from_balance = code % 2 == 1 ? -70000 : 0,
                                .to_balance = code % 4 >= 2 ? 5 : 0};
        struct uuid id;
        struct str message;
        wire_row_write_single(&w, 42, &notation_id, &in);
        assert_true(wire_reply_read(w.data, w.length, &reply));
        assert_int_equal(reply.code, code);
        assert_true(wire_row_read_single(&reply, &id, &row, &message));
        assert_true(uuid_equal(&id, &notation_id));
        assert_rows_equal(&row, &in);
        assert_int_equal(message.length == 0, code == CODE_OK);
        mp_writer_release(&w);
    }
}

/* The words of a status: UNKNOWN must not read as a failure. */
static void an_unknown_outcome_is_not_called_failed(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct ledger_row row = {.code = CODE_UNKNOWN};
    wire_row_write_single(&w, 42, &notation_id, &row);
    assert_non_null(memmem(w.data, w.length, "\xa7unknown", 8));
    assert_null(memmem(w.data, w.length, "failed", 6));
    mp_writer_release(&w);
}

static void an_error_is_read_back_for_every_code_and_field(void **state)
{
    (void)state;
    for (enum code code = CODE_BAD_REQUEST; code < CODE_COUNT; code++) {
        for (enum field field = FIELD_NONE; field < FIELD_COUNT; field++) {
            struct mp_writer w = {0};
            struct wire_reply reply;
            enum field read;
            struct str message;
            struct uuid id;
            struct ledger_row row;
            wire_error_write(&w, UINT64_MAX, code, field, field == FIELD_LIMIT ? "so it is" : NULL);
            assert_true(wire_reply_read(w.data, w.length, &reply));
            assert_true(reply.request_id == UINT64_MAX);
            assert_int_equal(reply.code, code);
            assert_true(wire_error_read(&reply, &read, &message));
            assert_int_equal(read, field);
            assert_true(
                str_equal(message, str_from(field == FIELD_LIMIT ? "so it is" : wire_code_message(code))));
            assert_true(wire_row_read_single(&reply, &id, &row, NULL));
            assert_true(uuid_is_nil(&id));
            mp_writer_release(&w);
        }
    }
}

static const char *const bad_replies[] = {
    "",
    "nil",
    "[]",
    "[1 7 \"OK\"]",
    "[1 7 \"OK\" nil nil]",
    "[2 7 \"OK\" []]",
    "[1 -7 \"OK\" []]",
    "[1 7 \"FINE\" []]",
    "[1 7 \"\" []]",
    "[1 7 $a4 $4f4b0000 []]",
    "[1 7 5 []]",
    "[1 7 \"OK\" nil]",
    "[1 7 \"OK\" {}]",
    "[1 7 \"OK\" [[]]]",
    "[1 7 \"OK\" [5]]",
    "[1 7 \"OK\" [[\"OK\"]]]",
    "[1 7 \"OK\" [[\"OK\" 5]]]",
    "[1 7 \"OK\" [[\"OK\" 5 \"x\"]]]",
    "[1 7 \"OK\" [[\"OK\" 5 5 5]]]",
    "[1 7 \"OK\" [[\"OK\" nil []]]]",
    "[1 7 \"OK\" [[\"BUSY\"]]]",
    "[1 7 \"OK\" [[\"BUSY\" \"colour\"]]]",
    "[1 7 \"OK\" [[\"BUSY\" nil 5]]]",
    "[1 7 \"OK\" [[\"OK\" nil [[\"OK\" nil [[\"OK\" 5 5]]]]]]]",
    "[1 7 \"OK\" $ddff000000]",
    "[1 7 \"OK\" [[\"OK\" nil $ddff000000]]]",
};

static void replies_that_the_node_never_writes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_replies / sizeof bad_replies[0]; i++) {
        struct message message = notation_read(bad_replies[i]);
        struct wire_reply reply;
        struct ledger_row rows[8];
        size_t count;
        bool good =
            wire_reply_read(message.bytes, message.length, &reply) && wire_rows_read(&reply, rows, 8, &count);
        if (good)
            print_error("row: %s\n", bad_replies[i]);
        assert_false(good);
        message_free(&message);
    }
}

static void every_word_is_found(void **state)
{
    (void)state;
    enum code code;
    enum field field;
    for (enum code i = CODE_OK; i < CODE_COUNT; i++) {
        assert_true(wire_code_find(str_from(code_name(i)), &code) && code == i);
        assert_non_null(wire_code_message(i));
    }
    for (enum field i = FIELD_NONE + 1; i < FIELD_COUNT; i++)
        assert_true(wire_field_find(str_from(field_name(i)), &field) && field == i);
    assert_true(wire_field_find((struct str){0}, &field) && field == FIELD_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_of_a_batch_are_read_back),
        cmocka_unit_test(a_reply_cut_short_anywhere_is_refused),
        cmocka_unit_test(a_single_reply_is_read_back_for_every_code),
        cmocka_unit_test(an_unknown_outcome_is_not_called_failed),
        cmocka_unit_test(an_error_is_read_back_for_every_code_and_field),
        cmocka_unit_test(replies_that_the_node_never_writes_are_refused),
        cmocka_unit_test(every_word_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
