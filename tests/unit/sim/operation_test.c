/* What an operation writes, the node's decoders read back; what the node answers, the reader of answers takes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/items.h"
#include "broker/wire/rows.h"
#include "sim/operation.h"

static const struct uuid id_1 = {"0123456789abcde1"}, id_2 = {"0123456789abcde2"};

/* ---- requests ------------------------------------------------------------------------------------ */

/* The written frame, read up to its body. */
static struct wire_header written(const struct operation *op, struct mp_writer *w)
{
    struct wire_header header;
    enum code code;
    enum field field;
    operation_write(op, 77, w);
    assert_false(w->failed);
    assert_true(wire_header_read(w->data, w->length, &header, &code, &field));
    assert_int_equal(header.operation, op->kind);
    assert_int_equal(header.request_id, 77);
    assert_int_equal(header.partition, op->partition);
    assert_int_equal(header.deadline_us, op->deadline_us);
    return header;
}

static void assert_str(struct str a, struct str b)
{
    assert_true(str_equal(a, b));
}

static void assert_command(const struct ledger_command *a, const struct ledger_command *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->currency, b->currency);
    assert_true(a->amount == b->amount);
    assert_int_equal(a->group_count, b->group_count);
    assert_true(uuid_equal(&a->id, &b->id));
    assert_str(a->from, b->from);
    assert_str(a->to, b->to);
    assert_str(a->memo, b->memo);
    assert_str(a->reference, b->reference);
    for (uint32_t i = 0; i < a->group_count; i++)
        assert_command(&a->items[i], &b->items[i]);
}

static struct ledger_command sample(uint8_t kind)
{
    return (struct ledger_command){
        .kind = kind,
        .currency = currency_find("USD", 3),
        .amount = 1234,
        .deadline_us = 9000000,
        .id = id_1,
        .from = kind == COMMAND_DEPOSIT ? (struct str){0} : STR_LITERAL("a1"),
        .to = kind == COMMAND_WITHDRAW ? (struct str){0} : STR_LITERAL("b2"),
        .memo = STR_LITERAL("memo"),
        .reference = STR_LITERAL("reference"),
    };
}

static struct operation *single(enum wire_operation kind, uint8_t command)
{
    struct operation *op = operation_new(kind);
    *operation_commands(op, 1) = sample(command);
    operation_seal(op);
    return op;
}

/* A transfer, a group of two, a deposit. */
static struct operation *batch(void)
{
    struct operation *op = operation_new(OPERATION_BATCH);
    struct ledger_command *commands = operation_commands(op, 3);
    struct ledger_command *items = operation_alloc(op, 2 * sizeof *items);
    items[0] = sample(COMMAND_TRANSFER);
    items[1] = sample(COMMAND_WITHDRAW);
    commands[0] = sample(COMMAND_TRANSFER);
    commands[1] =
        (struct ledger_command){.kind = COMMAND_GROUP, .id = id_2, .group_count = 2, .items = items};
    commands[2] = sample(COMMAND_DEPOSIT);
    operation_seal(op);
    return op;
}

static void assert_money_read_back(struct operation *op)
{
    struct mp_writer w = {0};
    struct wire_items items = {0};
    enum field field;
    op->partition = 3;
    op->deadline_us = 5000;
    struct wire_header header = written(op, &w);
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    assert_int_equal(items.count, op->count);
    assert_int_equal(items.row_count, op->row_count);
    for (uint32_t i = 0; i < op->count; i++) {
        assert_int_equal(items.commands[i].code, CODE_OK);
        assert_command(&items.commands[i], &op->commands[i]);
    }
    wire_items_release(&items);
    mp_writer_release(&w);
    operation_free(&op);
    assert_null(op);
}

static void money_is_read_back(void **state)
{
    (void)state;
    assert_money_read_back(single(OPERATION_TRANSFER, COMMAND_TRANSFER));
    assert_money_read_back(single(OPERATION_DEPOSIT, COMMAND_DEPOSIT));
    assert_money_read_back(single(OPERATION_WITHDRAW, COMMAND_WITHDRAW));
    assert_money_read_back(batch());
}

static void a_copy_writes_the_same_and_lives_alone(void **state)
{
    (void)state;
    struct mp_writer a = {0}, b = {0};
    struct operation *op = batch();
    op->number = 12;
    struct operation *copy = operation_copy(op);
    operation_write(op, 1, &a);
    operation_free(&op);
    operation_write(copy, 1, &b);
    assert_int_equal(copy->number, 0);
    assert_int_equal(copy->row_count, 5);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    mp_writer_release(&a);
    mp_writer_release(&b);
    operation_free(&copy);
}

static void commands_on_accounts_are_read_back(void **state)
{
    (void)state;
    for (int kind = ACCOUNT_OPEN; kind <= ACCOUNT_CLOSE; kind++) {
        struct mp_writer w = {0};
        struct ledger_account_command read;
        enum field field;
        struct operation *op = operation_new((enum wire_operation)(OPERATION_ACCOUNT_OPEN + kind));
        op->account = (struct ledger_account_command){.kind = (enum ledger_account_kind)kind,
                                                      .account = STR_LITERAL("a1"),
                                                      .owner = STR_LITERAL("ann"),
                                                      .product = STR_LITERAL("wallet"),
                                                      .memo = STR_LITERAL("m"),
                                                      .minimum_balance = -5,
                                                      .ceiling = 100};
        if (kind == ACCOUNT_OPEN) {
            op->account.id = id_1;
            op->account.currency = currency_find("KRW", 3);
        }
        if (kind == ACCOUNT_CHANGE)
            op->account.sets = ACCOUNT_SETS_OWNER | ACCOUNT_SETS_CEILING | ACCOUNT_SETS_MINIMUM;
        struct wire_header header = written(op, &w);
        assert_int_equal(wire_account_read(&header, &read, &field), CODE_OK);
        assert_int_equal(read.kind, kind);
        assert_str(read.account, op->account.account);
        assert_str(read.memo, op->account.memo);
        assert_true(uuid_equal(&read.id, &op->account.id));
        if (kind <= ACCOUNT_CHANGE) {
            assert_str(read.owner, op->account.owner);
            assert_true(read.minimum_balance == -5 && read.ceiling == 100);
        }
        mp_writer_release(&w);
        operation_free(&op);
    }
}

static void reads_are_read_back(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct wire_balance_query balance;
    struct wire_history_query history;
    struct wire_list_query list;
    struct str shown;
    struct uuid id;
    enum field field;
    struct operation *op = operation_new(OPERATION_BALANCE);
    op->balance = (struct wire_balance_query){STR_LITERAL("a1"), true, 5};
    struct wire_header header = written(op, &w);
    assert_int_equal(wire_balance_read(&header, &balance, &field), CODE_OK);
    assert_true(balance.has_at && balance.at_us == 5);
    assert_str(balance.account, op->balance.account);
    operation_free(&op);

    op = operation_new(OPERATION_HISTORY);
    op->history = (struct wire_history_query){.has_before = true,
                                              .limit = 7,
                                              .account = STR_LITERAL("a1"),
                                              .cursor = STR_LITERAL("0:9"),
                                              .before_us = 8};
    mp_writer_reset(&w);
    header = written(op, &w);
    assert_int_equal(wire_history_read(&header, &history, &field), CODE_OK);
    assert_true(history.limit == 7 && history.has_before && !history.has_after && history.before_us == 8);
    assert_str(history.cursor, op->history.cursor);
    operation_free(&op);

    op = operation_new(OPERATION_ACCOUNT_LIST);
    op->list = (struct wire_list_query){STR_LITERAL("ann"), 9, {0}};
    mp_writer_reset(&w);
    header = written(op, &w);
    assert_int_equal(wire_list_read(&header, &list, &field), CODE_OK);
    assert_true(list.limit == 9 && list.cursor.length == 0);
    operation_free(&op);

    op = operation_new(OPERATION_ACCOUNT_SHOW);
    op->shown = STR_LITERAL("a1");
    mp_writer_reset(&w);
    header = written(op, &w);
    assert_int_equal(wire_account_show_read(&header, &shown, &field), CODE_OK);
    assert_str(shown, op->shown);
    operation_free(&op);

    op = operation_new(OPERATION_TRANSFER_SHOW);
    op->transaction = id_2;
    mp_writer_reset(&w);
    header = written(op, &w);
    assert_int_equal(wire_transfer_show_read(&header, &id, &field), CODE_OK);
    assert_true(uuid_equal(&id, &id_2));
    operation_free(&op);

    op = operation_new(OPERATION_HEALTH);
    mp_writer_reset(&w);
    header = written(op, &w);
    assert_int_equal(wire_nothing_read(&header, &field), CODE_OK);
    operation_free(&op);
    mp_writer_release(&w);
}

/* ---- answers ------------------------------------------------------------------------------------- */

struct fixture {
    struct mp_writer w;
    struct answer_reader *reader;
    struct answer answer;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.reader = answer_reader_new()};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mp_writer_release(&f->w);
    answer_reader_destroy(&f->reader);
    return 0;
}

/* Reads what is in the writer, and empties it. */
static bool read_answer(struct fixture *f, const struct operation *op)
{
    bool read = answer_read(f->reader, op, f->w.data, f->w.length, &f->answer);
    mp_writer_reset(&f->w);
    return read;
}

static void a_single_is_answered_by_a_row(void **state)
{
    struct fixture *f = *state;
    struct operation *op = single(OPERATION_TRANSFER, COMMAND_TRANSFER);
    struct ledger_row good = {.has = ROW_HAS_FROM | ROW_HAS_TO, .from_balance = 700, .to_balance = 1300};
    struct ledger_row bad = {.code = CODE_INSUFFICIENT_FUNDS, .field = FIELD_FROM_ACCOUNT};
    char line[200];
    wire_row_write_single(&f->w, 5, &id_1, &good);
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.row_count, 1);
    assert_true(f->answer.rows->from_balance == 700 && f->answer.rows->to_balance == 1300);
    assert_true(answer_is_final(op, &f->answer));
    assert_string_equal(answer_say(op, &f->answer, line, sizeof line), "OK 700 1300");
    wire_row_write_single(&f->w, 5, &id_1, &bad);
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.row_count, 1);
    assert_int_equal(f->answer.code, CODE_INSUFFICIENT_FUNDS);
    assert_int_equal(f->answer.field, FIELD_FROM_ACCOUNT);
    operation_free(&op);
}

static void a_single_refused_at_the_door_has_no_row(void **state)
{
    struct fixture *f = *state;
    struct operation *op = single(OPERATION_TRANSFER, COMMAND_TRANSFER);
    wire_error_write(&f->w, 5, CODE_BUSY, FIELD_NONE, NULL);
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.row_count, 0);
    assert_int_equal(f->answer.code, CODE_BUSY);
    assert_false(answer_is_final(op, &f->answer));
    operation_free(&op);
}

static void an_answer_to_another_id_is_refused(void **state)
{
    struct fixture *f = *state;
    struct operation *op = single(OPERATION_TRANSFER, COMMAND_TRANSFER);
    struct ledger_row row = {.has = ROW_HAS_FROM, .from_balance = 700};
    wire_row_write_single(&f->w, 5, &id_2, &row);
    assert_false(read_answer(f, op));
    operation_free(&op);
}

static void rows_stand_where_their_items_do(void **state)
{
    struct fixture *f = *state;
    struct operation *op = batch();
    const struct ledger_row rows[] = {
        {.has = ROW_HAS_FROM | ROW_HAS_TO, .from_balance = 1, .to_balance = 2},
        {.group_count = 2, .code = CODE_ACCOUNT_FROZEN, .field = FIELD_TO_ACCOUNT},
        {.code = CODE_GROUP_REFUSED},
        {.code = CODE_ACCOUNT_FROZEN, .field = FIELD_TO_ACCOUNT},
        {.has = ROW_HAS_TO, .to_balance = 9},
    };
    wire_rows_write(&f->w, 5, rows, 5);
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.row_count, 5);
    assert_int_equal(f->answer.rows[1].group_count, 2);
    assert_int_equal(f->answer.rows[2].code, CODE_GROUP_REFUSED);
    assert_true(f->answer.rows[4].to_balance == 9);
    assert_true(answer_is_final(op, &f->answer));
    operation_free(&op);
}

static void a_group_without_rows_of_its_items_gives_them_its_code(void **state)
{
    struct fixture *f = *state;
    struct operation *op = batch();
    const struct ledger_row rows[] = {
        {.has = ROW_HAS_FROM | ROW_HAS_TO, .from_balance = 1, .to_balance = 2},
        {.code = CODE_BUSY},
        {.has = ROW_HAS_TO, .to_balance = 9},
    };
    wire_rows_write(&f->w, 5, rows, 3);
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.row_count, 5);
    assert_int_equal(f->answer.rows[1].group_count, 0);
    assert_int_equal(f->answer.rows[3].code, CODE_BUSY);
    assert_true(f->answer.rows[4].to_balance == 9);
    assert_false(answer_is_final(op, &f->answer));
    operation_free(&op);
}

static void too_few_or_too_many_rows_are_refused(void **state)
{
    struct fixture *f = *state;
    struct operation *op = batch();
    const struct ledger_row rows[6] = {{.code = CODE_BUSY}, {.code = CODE_BUSY}, {.code = CODE_BUSY},
                                       {.code = CODE_BUSY}, {.code = CODE_BUSY}, {.code = CODE_BUSY}};
    for (size_t count = 0; count <= 6; count++) {
        wire_rows_write(&f->w, 5, rows, count);
        assert_true(read_answer(f, op) == (count == 3));
    }
    operation_free(&op);
}

static void a_batch_refused_as_a_whole_has_no_rows(void **state)
{
    struct fixture *f = *state;
    struct operation *op = batch();
    wire_error_write(&f->w, 5, CODE_INVALID_FIELD, FIELD_ITEMS, NULL);
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.row_count, 0);
    assert_int_equal(f->answer.field, FIELD_ITEMS);
    assert_true(answer_is_final(op, &f->answer));
    operation_free(&op);
}

static void bodies_of_reads_are_taken_in(void **state)
{
    struct fixture *f = *state;
    struct ledger_account_view view = {
        .state = ACCOUNT_ACTIVE, .currency = currency_find("KRW", 3), .id = "a1", .owner = "ann"};
    view.id_length = 2;
    view.owner_length = 3;
    view.balance = 40;
    view.ceiling = INT64_MAX;
    struct operation *op = operation_new(OPERATION_ACCOUNT_SHOW);
    wire_account_write(&f->w, 5, &view);
    assert_true(read_answer(f, op));
    assert_string_equal(f->answer.view.id, "a1");
    assert_true(f->answer.view.balance == 40);
    operation_free(&op);

    op = operation_new(OPERATION_ACCOUNT_LIST);
    op->list.limit = 1;
    wire_list_write(&f->w, 5, &view, 1, STR_LITERAL("1:4"));
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.count, 1);
    assert_str(f->answer.cursor, STR_LITERAL("1:4"));
    operation_free(&op);

    const struct wire_history_entry entry = {.kind = ENTRY_DEPOSIT,
                                             .direction = DIRECTION_IN,
                                             .id = id_1,
                                             .amount = 7,
                                             .balance = 8,
                                             .position = 9};
    op = operation_new(OPERATION_HISTORY);
    op->history.limit = 2;
    wire_history_write(&f->w, 5, &entry, 1, (struct str){0});
    assert_true(read_answer(f, op));
    assert_true(f->answer.count == 1 && f->answer.entries->balance == 8);
    operation_free(&op);

    op = operation_new(OPERATION_BALANCE);
    wire_error_write(&f->w, 6, CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT, NULL);
    assert_true(read_answer(f, op));
    assert_int_equal(f->answer.code, CODE_ACCOUNT_NOT_FOUND);
    assert_int_equal(f->answer.field, FIELD_ACCOUNT);
    operation_free(&op);
}

static void a_reply_cut_short_anywhere_is_refused(void **state)
{
    struct fixture *f = *state;
    struct operation *op = single(OPERATION_TRANSFER, COMMAND_TRANSFER);
    struct ledger_row row = {.has = ROW_HAS_FROM, .from_balance = 700};
    uint64_t request_id;
    wire_row_write_single(&f->w, 5, &id_1, &row);
    assert_true(answer_request_id(f->w.data, f->w.length, &request_id));
    assert_int_equal(request_id, 5);
    for (size_t length = 0; length < f->w.length; length++)
        assert_false(answer_read(f->reader, op, f->w.data, length, &f->answer));
    operation_free(&op);
}

/* ---- lines --------------------------------------------------------------------------------------- */

static void a_line_tells_what_is_asked(void **state)
{
    (void)state;
    char line[200];
    struct operation *op = single(OPERATION_TRANSFER, COMMAND_TRANSFER);
    op->number = 12;
    op->partition = 1;
    op->commands->deadline_us = 0;
    assert_string_equal(operation_say(op, line, sizeof line), "#12 transfer 30313233 a1 → b2 1234 USD @1");
    operation_free(&op);
}

static void a_long_line_is_cut_between_characters(void **state)
{
    (void)state;
    char line[200];
    struct operation *op = batch();
    size_t whole = strlen(operation_say(op, line, sizeof line));
    for (size_t capacity = 8; capacity <= whole; capacity++) {
        operation_say(op, line, capacity);
        size_t length = strlen(line);
        assert_true(length < capacity && length >= 3);
        assert_memory_equal(line + length - 3, "…", 3);
        assert_true(text_is_clean((struct str){line, (uint32_t)length}));
    }
    operation_free(&op);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_is_read_back),
        cmocka_unit_test(a_copy_writes_the_same_and_lives_alone),
        cmocka_unit_test(commands_on_accounts_are_read_back),
        cmocka_unit_test(reads_are_read_back),
        WITH_FIXTURE(a_single_is_answered_by_a_row),
        WITH_FIXTURE(a_single_refused_at_the_door_has_no_row),
        WITH_FIXTURE(an_answer_to_another_id_is_refused),
        WITH_FIXTURE(rows_stand_where_their_items_do),
        WITH_FIXTURE(a_group_without_rows_of_its_items_gives_them_its_code),
        WITH_FIXTURE(too_few_or_too_many_rows_are_refused),
        WITH_FIXTURE(a_batch_refused_as_a_whole_has_no_rows),
        WITH_FIXTURE(bodies_of_reads_are_taken_in),
        WITH_FIXTURE(a_reply_cut_short_anywhere_is_refused),
        cmocka_unit_test(a_line_tells_what_is_asked),
        cmocka_unit_test(a_long_line_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
