/* Cutting a batch up by partition and joining the answers: order and content stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/history.h"
#include "broker/wire/items.h"
#include "broker/wire/rows.h"
#include "broker/wire/split.h"
#include "tests/unit/wire/notation.h"

#include <stdio.h>

/* Accounts of these tests say where they belong: the number behind their letter. */
static uint32_t partition_by_digit(struct str account, uint32_t partitions)
{
    return (uint32_t)(account.data[account.length - 1] - '0') % partitions;
}

struct place {
    const char *operation;
    const char *body;
    uint32_t partition;
};

static const struct place places[] = {
    {"transfer", "[1 id \"a1\" \"b2\" 5 \"KRW\"]", 1},
    {"transfer", "{\"to_account\" \"b2\" \"from_account\" \"a1\"}", 1},
    {"deposit", "[2 id nil \"b2\" 5 \"KRW\"]", 2},
    {"deposit", "{\"to_account\" \"b2\"}", 2},
    {"withdraw", "{\"from_account\" \"b2\"}", 2},
    {"withdraw", "{\"from_account\" \"b 2\"}", WIRE_PARTITION_ANY},
    {"transfer", "[1]", WIRE_PARTITION_ANY},
    {"transfer", "nil", WIRE_PARTITION_ANY},
    {"transfer", "$ddff000000", WIRE_PARTITION_ANY},
    {"batch", "[[1 id \"a1\" \"b2\" 5 \"KRW\"]]", WIRE_PARTITION_ANY},
    {"account.open", "{\"owner\" \"ann\" \"account\" \"a3\"}", 3},
    {"account.open", "{\"owner\" \"ann\"}", WIRE_PARTITION_ANY},
    {"account.close", "{\"account\" \"a3\"}", 3},
    {"account.show", "{\"account\" \"a3\"}", 3},
    {"account.show", "{\"account\" 3}", WIRE_PARTITION_ANY},
    {"account.show", "$81a7", WIRE_PARTITION_ANY},
    {"balance", "{\"at\" 5 \"account\" \"a3\"}", 3},
    {"history", "{\"account\" \"a3\"}", 3},
    {"account.list", "{}", WIRE_PARTITION_ANY},
    {"transfer.show", "{\"transaction_id\" id}", WIRE_PARTITION_ANY},
    {"health", "nil", WIRE_PARTITION_ANY},
};

static void a_body_goes_where_its_account_belongs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct message message = notation_request(places[i].operation, places[i].body);
        struct wire_header header = message_header(&message);
        uint32_t partition = wire_partition_of(&header, 4, partition_by_digit);
        if (partition != places[i].partition)
            print_error("row: %s %s\n", places[i].operation, places[i].body);
        assert_int_equal(partition, places[i].partition);
        message_free(&message);
    }
}

static const char mixed[] = "[[1 id \"a0\" \"b0\" 1 \"KRW\"] [2 id nil \"b1\" 2 \"KRW\"] nil "
                            "[4 id [[1 id \"a1\" \"b0\" 3 \"KRW\"] [1 id \"a0\" \"b1\" 4 \"KRW\"]]] "
                            "{\"kind\" 3 \"from_account\" \"a3\" \"amount\" 5}]";

static void elements_go_to_their_partitions_in_order_and_unchanged(void **state)
{
    (void)state;
    struct message message = notation_request("batch", mixed);
    struct wire_header header = message_header(&message);
    struct wire_split split = {0};
    struct wire_items items = {0};
    struct mp_writer w = {0};
    enum field field;
    assert_int_equal(wire_items_split(&split, &header, 4, partition_by_digit, &field), CODE_OK);
    assert_int_equal(split.count, 5);
    assert_int_equal(split.part_count, 3);
    assert_int_equal(split.by_partition[0], 2);
    assert_int_equal(split.by_partition[1], 2);
    assert_int_equal(split.by_partition[3], 1);
    wire_split_write(&split, &header, 1, &w);
    struct message part = message_copy(w.data, w.length);
    struct wire_header part_header = message_header(&part);
    assert_int_equal(part_header.partition, 1);
    assert_true(part_header.request_id == header.request_id);
    assert_int_equal(wire_items_read(&items, &part_header, &field), CODE_OK);
    assert_int_equal(items.count, 2);
    assert_int_equal(items.row_count, 4);
    assert_true(items.commands[0].amount == 2 && items.commands[1].items[1].amount == 4);
    message_free(&part);
    message_free(&message);
    mp_writer_release(&w);
    wire_items_release(&items);
    wire_split_release(&split);
}

static void refusals_are_those_of_the_message_as_a_whole(void **state)
{
    (void)state;
    static const struct {
        const char *operation, *body;
        enum code code;
        enum field field;
    } rows[] = {
        {"batch", "nil", CODE_BAD_REQUEST, FIELD_BODY},
        {"batch", "[]", CODE_INVALID_FIELD, FIELD_ITEMS},
        {"batch", "[$81]", CODE_BAD_REQUEST, FIELD_BODY},
        {"batch", "[[1 id \"a0\" \"b0\" 1 \"KRW\"]] nil", CODE_BAD_REQUEST, FIELD_BODY},
        {"batch", "$ddff000000", CODE_BAD_REQUEST, FIELD_BODY},
        {"histories", "[]", CODE_INVALID_FIELD, FIELD_ITEMS},
        {"histories", "[{\"account\" $a5}]", CODE_BAD_REQUEST, FIELD_BODY},
        {"histories", "[[[[[[1]]]]]]", CODE_BAD_REQUEST, FIELD_BODY},
    };
    struct wire_split split = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "$9601 \"%s\" 7 nil nil %s", rows[i].operation, rows[i].body);
        struct message message = notation_read(text);
        struct wire_header header = message_header(&message);
        enum field field;
        assert_int_equal(wire_items_split(&split, &header, 4, partition_by_digit, &field), rows[i].code);
        assert_int_equal(field, rows[i].field);
        message_free(&message);
    }
    wire_split_release(&split);
}

/* The reply frame of one partition, kept in its writer. */
static struct str frame_of(const struct mp_writer *w)
{
    return (struct str){(const char *)w->data, (uint32_t)w->length};
}

static void answers_are_joined_in_the_order_of_the_request(void **state)
{
    (void)state;
    struct message message = notation_request("batch", mixed);
    struct wire_header header = message_header(&message);
    struct wire_split split = {0};
    struct mp_writer parts[4] = {0};
    struct mp_writer w = {0};
    struct str replies[4];
    struct wire_reply reply;
    struct ledger_row rows[16];
    size_t count;
    enum field field;
    const struct ledger_row zero[] = {{.has = ROW_HAS_FROM, .from_balance = 10}, {.code = CODE_BAD_REQUEST}};
    const struct ledger_row one[] = {{.has = ROW_HAS_TO, .to_balance = 20},
                                     {.group_count = 2},
                                     {.has = ROW_HAS_FROM, .from_balance = 30},
                                     {.has = ROW_HAS_FROM, .from_balance = 31}};
    assert_int_equal(wire_items_split(&split, &header, 4, partition_by_digit, &field), CODE_OK);
    wire_rows_write(&parts[0], 7, zero, 2);
    wire_rows_write(&parts[1], 7, one, 4);
    wire_error_write(&parts[3], 7, CODE_BUSY, FIELD_NONE, NULL);
    for (size_t p = 0; p < 4; p++)
        replies[p] = frame_of(&parts[p]);
    assert_true(wire_split_join(&split, &header, replies, &w));
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_int_equal(reply.request_id, 7);
    assert_true(wire_rows_read(&reply, rows, 16, &count));
    assert_int_equal(count, 7);
    assert_true(rows[0].from_balance == 10 && rows[1].to_balance == 20);
    assert_int_equal(rows[2].code, CODE_BAD_REQUEST);
    assert_int_equal(rows[3].group_count, 2);
    assert_true(rows[4].from_balance == 30 && rows[5].from_balance == 31);
    assert_int_equal(rows[6].code, CODE_BUSY);
    replies[1] = replies[0];
    replies[0].length--;
    mp_writer_reset(&w);
    assert_false(wire_split_join(&split, &header, replies, &w));
    for (size_t p = 0; p < 4; p++)
        mp_writer_release(&parts[p]);
    message_free(&message);
    mp_writer_release(&w);
    wire_split_release(&split);
}

static void histories_are_split_and_joined_too(void **state)
{
    (void)state;
    struct message message = notation_request(
        "histories", "[{\"account\" \"a1\"} nil {\"limit\" 5 \"account\" \"b1\"} {\"account\" \"a2\"}]");
    struct wire_header header = message_header(&message);
    struct wire_split split = {0};
    struct mp_writer parts[3] = {0};
    struct mp_writer w = {0};
    struct str replies[3];
    struct wire_reply reply, row;
    struct mp_reader rows;
    struct wire_history_entry entry;
    struct str cursor;
    uint32_t row_count;
    size_t count;
    enum field field;
    assert_int_equal(wire_items_split(&split, &header, 3, partition_by_digit, &field), CODE_OK);
    assert_int_equal(split.by_partition[1], 2);
    wire_histories_begin(&parts[0], 7, 1);
    wire_histories_error_write(&parts[0], CODE_BAD_REQUEST, FIELD_NONE);
    wire_histories_begin(&parts[1], 7, 2);
    wire_histories_page_write(&parts[1], NULL, 0, STR_LITERAL("first"));
    wire_histories_page_write(&parts[1], NULL, 0, STR_LITERAL("second"));
    wire_error_write(&parts[2], 7, CODE_BUSY, FIELD_NONE, NULL);
    for (size_t p = 0; p < 3; p++)
        replies[p] = frame_of(&parts[p]);
    assert_true(wire_split_join(&split, &header, replies, &w));
    assert_true(wire_reply_read(w.data, w.length, &reply));
    assert_true(wire_histories_reply_begin(&reply, &rows, &row_count));
    assert_int_equal(row_count, 4);
    assert_true(wire_histories_reply_next(&rows, &row));
    assert_true(wire_history_reply_read(&row, &entry, 1, &count, &cursor));
    assert_true(str_equal(cursor, STR_LITERAL("first")));
    assert_true(wire_histories_reply_next(&rows, &row) && row.code == CODE_BAD_REQUEST);
    assert_true(wire_histories_reply_next(&rows, &row));
    assert_true(wire_history_reply_read(&row, &entry, 1, &count, &cursor));
    assert_true(str_equal(cursor, STR_LITERAL("second")));
    assert_true(wire_histories_reply_next(&rows, &row) && row.code == CODE_BUSY);
    assert_true(wire_error_read(&row, &field, NULL));
    for (size_t p = 0; p < 3; p++)
        mp_writer_release(&parts[p]);
    message_free(&message);
    mp_writer_release(&w);
    wire_split_release(&split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_goes_where_its_account_belongs),
        cmocka_unit_test(elements_go_to_their_partitions_in_order_and_unchanged),
        cmocka_unit_test(refusals_are_those_of_the_message_as_a_whole),
        cmocka_unit_test(answers_are_joined_in_the_order_of_the_request),
        cmocka_unit_test(histories_are_split_and_joined_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
