/* Requests that several partitions answer: one reply, complete and in the client's order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/ledger/ledger.h"
#include "broker/wire/history.h"
#include "broker/wire/remittances.h"
#include "tests/unit/broker/router_world.h"

static int set_up(void **state)
{
    static struct world world;
    struct router_options options = world_options();
    world_start(&world, &options);
    *state = &world;
    return 0;
}

static int set_up_with_banks(void **state)
{
    static struct world world;
    struct router_options options = world_options();
    options.services[SERVICE_BANK] = true;
    world_start(&world, &options);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_stop(*state);
    return 0;
}

/* ---- batches ---------------------------------------------------------------------------------- */

/* A deposit; its amount tells it apart. */
static void write_deposit(struct world *w, uint32_t partition, int64_t amount)
{
    const struct ledger_command command = {
        .kind = COMMAND_DEPOSIT,
        .amount = amount,
        .currency = currency_find("KRW", 3),
        .id = {{(uint8_t)amount, 1}},
        .to = str_from(world_account(partition, 0)),
    };
    wire_item_write(&w->writer, &command);
}

/* A group of two deposits. */
static void write_group(struct world *w, uint32_t partition, int64_t amount)
{
    static char names[2][ACCOUNT_ID_MAX];
    struct ledger_command items[2] = {0};
    for (int i = 0; i < 2; i++) {
        snprintf(names[i], ACCOUNT_ID_MAX, "%s", world_account(partition, (unsigned)i));
        items[i] = (struct ledger_command){
            .kind = COMMAND_DEPOSIT,
            .amount = amount + i,
            .currency = currency_find("KRW", 3),
            .id = {{(uint8_t)amount, 2, (uint8_t)i}},
            .to = str_from(names[i]),
        };
    }
    const struct ledger_command group = {
        .kind = COMMAND_GROUP, .id = {{(uint8_t)amount, 3}}, .group_count = 2, .items = items};
    wire_item_write(&w->writer, &group);
}

static void set_row(struct ledger_row *row, const struct ledger_command *command)
{
    *row = (struct ledger_row){.has = ROW_HAS_TO, .to_balance = command->amount};
    if (command->kind == COMMAND_GROUP)
        *row = (struct ledger_row){.group_count = command->group_count};
}

/* Plays a ledger: each row's balance is its item's amount. */
static void answer_batch(struct world *w, uint32_t partition, size_t expected)
{
    struct wire_items items = {0};
    struct ledger_row rows[64];
    enum field field;
    size_t used = 0;
    struct request *request = world_take(w, partition);
    assert_int_equal(wire_items_read(&items, &request->header, &field), CODE_OK);
    assert_int_equal(items.count, expected);
    for (uint32_t i = 0; i < items.count; i++) {
        const struct ledger_command *command = &items.commands[i];
        assert_int_equal(command->code, CODE_OK);
        set_row(&rows[used++], command);
        for (uint16_t g = 0; g < command->group_count; g++)
            set_row(&rows[used++], &command->items[g]);
    }
    mp_writer_reset(&w->writer);
    wire_rows_write(&w->writer, request->header.request_id, rows, used);
    wire_items_release(&items);
    world_answer(w, request);
}

static void begin_batch(struct world *w, uint32_t count)
{
    world_begin(w, OPERATION_BATCH, 77, WIRE_PARTITION_ANY);
    mp_write_array(&w->writer, count);
}

static size_t receive_rows(struct world *w, struct ledger_row *rows, size_t capacity)
{
    size_t count;
    struct wire_reply reply = world_receive(w, w->client);
    assert_string_equal(code_name(reply.code), "OK");
    assert_int_equal(reply.request_id, 77);
    assert_true(wire_rows_read(&reply, rows, capacity, &count));
    return count;
}

static void test_rows_of_a_mixed_batch_come_in_the_clients_order(void **state)
{
    static const uint32_t partitions[] = {1, 0, 0, 1, 1, 0, 1};
    enum { COUNT = sizeof partitions / sizeof *partitions };
    struct world *w = *state;
    struct ledger_row rows[COUNT];
    begin_batch(w, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        write_deposit(w, partitions[i], i + 1);
    world_send(w, w->client);
    answer_batch(w, 1, 4);
    answer_batch(w, 0, 3);
    assert_int_equal(receive_rows(w, rows, COUNT), COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(rows[i].to_balance, i + 1);
}

static void test_groups_keep_their_rows_in_a_mixed_batch(void **state)
{
    struct world *w = *state;
    struct ledger_row rows[8];
    begin_batch(w, 3);
    write_deposit(w, 0, 10);
    write_group(w, 1, 20);
    write_deposit(w, 0, 30);
    world_send(w, w->client);
    answer_batch(w, 0, 2);
    answer_batch(w, 1, 1);
    assert_int_equal(receive_rows(w, rows, 8), 5);
    assert_int_equal(rows[0].to_balance, 10);
    assert_int_equal(rows[1].group_count, 2);
    assert_int_equal(rows[2].to_balance, 20);
    assert_int_equal(rows[3].to_balance, 21);
    assert_int_equal(rows[4].to_balance, 30);
}

static void test_a_batch_of_one_partition_is_handed_on_untouched(void **state)
{
    struct world *w = *state;
    struct ledger_row rows[2];
    begin_batch(w, 2);
    write_deposit(w, 1, 5);
    write_deposit(w, 1, 6);
    size_t length = w->writer.length;
    uint8_t *sent = malloc(length);
    memcpy(sent, w->writer.data, length);
    world_send(w, w->client);
    struct request *request = world_take(w, 1);
    assert_int_equal(zmq_msg_size(&request->frame), length);
    assert_memory_equal(zmq_msg_data(&request->frame), sent, length);
    free(sent);
    for (int i = 0; i < 2; i++)
        rows[i] = (struct ledger_row){.has = ROW_HAS_TO, .to_balance = 5 + i};
    mp_writer_reset(&w->writer);
    wire_rows_write(&w->writer, 77, rows, 2);
    world_answer(w, request);
    assert_int_equal(receive_rows(w, rows, 2), 2);
    assert_int_equal(rows[1].to_balance, 6);
}

static void test_a_part_that_is_refused_gives_its_code_to_its_rows(void **state)
{
    static const enum code codes[] = {CODE_BUSY, CODE_UNKNOWN};
    struct world *w = *state;
    struct ledger_row rows[8];
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        begin_batch(w, 3);
        write_deposit(w, 1, 1);
        write_deposit(w, 0, 2);
        write_group(w, 1, 3);
        world_send(w, w->client);
        answer_batch(w, 0, 1);
        world_answer_error(w, world_take(w, 1), codes[i]);
        size_t count = receive_rows(w, rows, 8);
        assert_true(count >= 3);
        assert_int_equal(rows[0].code, codes[i]);
        assert_int_equal(rows[1].code, CODE_OK);
        assert_int_equal(rows[2].code, codes[i]);
    }
}

static void test_a_batch_reaches_those_partitions_that_serve(void **state)
{
    struct world *w = *state;
    struct ledger_row rows[2];
    struct router_event event;
    world_set_state(w, 0, PARTITION_STOPPED);
    assert_true(router_next_event(w->router, -1, &event));
    begin_batch(w, 2);
    write_deposit(w, 0, 1);
    write_deposit(w, 1, 2);
    world_send(w, w->client);
    answer_batch(w, 1, 1);
    assert_int_equal(receive_rows(w, rows, 2), 2);
    assert_int_equal(rows[0].code, CODE_BUSY);
    assert_int_equal(rows[1].code, CODE_OK);
}

static void test_a_batch_of_stopped_partitions_is_answered_at_once(void **state)
{
    struct world *w = *state;
    struct ledger_row rows[2];
    struct router_event event;
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        world_set_state(w, p, PARTITION_STOPPED);
        assert_true(router_next_event(w->router, -1, &event));
    }
    begin_batch(w, 2);
    write_deposit(w, 0, 1);
    write_deposit(w, 1, 2);
    world_send(w, w->client);
    assert_int_equal(receive_rows(w, rows, 2), 2);
    assert_int_equal(rows[0].code, CODE_BUSY);
    assert_int_equal(rows[1].code, CODE_BUSY);
}

static void test_many_mixed_batches_at_once_each_get_their_own_rows(void **state)
{
    enum { BATCHES = 200 };
    struct world *w = *state;
    for (uint32_t i = 0; i < BATCHES; i++) {
        world_begin(w, OPERATION_BATCH, i, WIRE_PARTITION_ANY);
        mp_write_array(&w->writer, 2);
        write_deposit(w, i % 2, i + 1);
        write_deposit(w, 1 - i % 2, i + 1000);
        world_send(w, w->client);
    }
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        for (uint32_t taken = 0; taken < BATCHES;) {
            struct request *next = world_take(w, p);
            while (next != NULL) {
                struct request *request = next;
                uint64_t i = request->header.request_id;
                int64_t balance = i % 2 == p ? (int64_t)i + 1 : (int64_t)i + 1000;
                struct ledger_row row = {.has = ROW_HAS_TO, .to_balance = balance};
                next = request->next;
                mp_writer_reset(&w->writer);
                wire_rows_write(&w->writer, i, &row, 1);
                world_answer(w, request);
                taken++;
            }
        }
    }
    for (uint32_t i = 0; i < BATCHES; i++) {
        struct ledger_row rows[2];
        size_t count;
        struct wire_reply reply = world_receive(w, w->client);
        assert_true(wire_rows_read(&reply, rows, 2, &count));
        assert_int_equal(count, 2);
        assert_int_equal(rows[0].to_balance, reply.request_id + 1);
        assert_int_equal(rows[1].to_balance, reply.request_id + 1000);
    }
}

/* ---- reads ------------------------------------------------------------------------------------ */

static void test_histories_come_in_the_clients_order(void **state)
{
    static const uint32_t partitions[] = {1, 0, 1};
    struct world *w = *state;
    world_begin(w, OPERATION_HISTORIES, 5, WIRE_PARTITION_ANY);
    mp_write_array(&w->writer, 3);
    for (int i = 0; i < 3; i++) {
        struct wire_history_query query = {.account = str_from(world_account(partitions[i], 0)), .limit = 20};
        wire_history_body_write(&w->writer, &query);
    }
    world_send(w, w->client);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        struct request *request = world_take(w, p);
        mp_writer_reset(&w->writer);
        wire_histories_begin(&w->writer, 5, p == 0 ? 1 : 2);
        for (uint32_t i = 0; i < (p == 0 ? 1 : 2); i++)
            wire_histories_error_write(&w->writer, p == 0 ? CODE_BUSY : CODE_ACCOUNT_NOT_FOUND, FIELD_NONE);
        world_answer(w, request);
    }
    struct wire_reply reply = world_receive(w, w->client);
    struct mp_reader rows;
    uint32_t count;
    assert_true(wire_histories_reply_begin(&reply, &rows, &count));
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; i++) {
        struct wire_reply row;
        assert_true(wire_histories_reply_next(&rows, &row));
        assert_int_equal(row.code, partitions[i] == 0 ? CODE_BUSY : CODE_ACCOUNT_NOT_FOUND);
    }
}

static void test_a_transfer_is_looked_for_in_every_partition(void **state)
{
    static const struct {
        enum code answers[WORLD_PARTITIONS];
        enum code code;
    } rows[] = {
        {{CODE_NOT_FOUND, CODE_OK}, CODE_OK},
        {{CODE_OK, CODE_NOT_FOUND}, CODE_OK},
        {{CODE_OK, CODE_BUSY}, CODE_OK},
        {{CODE_NOT_FOUND, CODE_NOT_FOUND}, CODE_NOT_FOUND},
        {{CODE_NOT_FOUND, CODE_BUSY}, CODE_BUSY},
        {{CODE_UNKNOWN, CODE_NOT_FOUND}, CODE_UNKNOWN},
        {{CODE_INVALID_FIELD, CODE_INVALID_FIELD}, CODE_INVALID_FIELD},
    };
    static const struct uuid id = {{1, 2, 3}};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_begin(w, OPERATION_TRANSFER_SHOW, i, WIRE_PARTITION_ANY);
        wire_transfer_show_body_write(&w->writer, &id);
        world_send(w, w->client);
        for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
            struct request *request = world_take(w, p);
            struct uuid asked;
            enum field field;
            assert_int_equal(wire_transfer_show_read(&request->header, &asked, &field), CODE_OK);
            assert_true(uuid_equal(&asked, &id));
            if (rows[i].answers[p] == CODE_OK)
                world_answer_number(w, request, p);
            else
                world_answer_error(w, request, rows[i].answers[p]);
        }
        struct wire_reply reply = world_receive(w, w->client);
        assert_int_equal(reply.request_id, i);
        assert_string_equal(code_name(reply.code), code_name(rows[i].code));
    }
}

static void test_a_rate_is_set_where_every_partition_says_so(void **state)
{
    static const struct {
        enum code answers[WORLD_PARTITIONS];
        enum code code;
    } rows[] = {
        {{CODE_OK, CODE_OK}, CODE_OK},
        {{CODE_OK, CODE_BUSY}, CODE_BUSY},
        {{CODE_BUSY, CODE_OK}, CODE_BUSY},
        {{CODE_INVALID_FIELD, CODE_INVALID_FIELD}, CODE_INVALID_FIELD},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_begin(w, OPERATION_RATE_SET, i, WIRE_PARTITION_ANY);
        mp_write_nil(&w->writer);
        world_send(w, w->client);
        for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
            struct request *request = world_take(w, p);
            if (rows[i].answers[p] == CODE_OK)
                world_answer_number(w, request, p);
            else
                world_answer_error(w, request, rows[i].answers[p]);
        }
        struct wire_reply reply = world_receive(w, w->client);
        assert_int_equal(reply.request_id, i);
        assert_string_equal(code_name(reply.code), code_name(rows[i].code));
    }
}

static void test_a_retry_batch_counts_what_every_partition_has_begun_again(void **state)
{
    static const struct {
        enum code answers[WORLD_PARTITIONS];
        enum code code;
        uint32_t retried;
    } rows[] = {
        {{CODE_OK, CODE_OK}, CODE_OK, 1},
        {{CODE_OK, CODE_BUSY}, CODE_BUSY, 0},
        {{CODE_BUSY, CODE_OK}, CODE_BUSY, 0},
        {{CODE_INVALID_FIELD, CODE_INVALID_FIELD}, CODE_INVALID_FIELD, 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t retried = 0;
        world_begin(w, OPERATION_REMITTANCE_RETRY_BATCH, i, WIRE_PARTITION_ANY);
        mp_write_nil(&w->writer);
        world_send(w, w->client);
        for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
            struct request *request = world_take(w, p);
            mp_writer_reset(&w->writer);
            wire_remittance_batch_write(&w->writer, request->header.request_id, p);
            if (rows[i].answers[p] == CODE_OK)
                world_answer(w, request);
            else
                world_answer_error(w, request, rows[i].answers[p]);
        }
        struct wire_reply reply = world_receive(w, w->client);
        assert_int_equal(reply.request_id, i);
        assert_string_equal(code_name(reply.code), code_name(rows[i].code));
        if (reply.code == CODE_OK)
            assert_true(wire_remittance_batch_reply_read(&reply, &retried));
        assert_int_equal(retried, rows[i].retried);
    }
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_rows_of_a_mixed_batch_come_in_the_clients_order),
        WITH_WORLD(test_groups_keep_their_rows_in_a_mixed_batch),
        WITH_WORLD(test_a_batch_of_one_partition_is_handed_on_untouched),
        WITH_WORLD(test_a_part_that_is_refused_gives_its_code_to_its_rows),
        WITH_WORLD(test_a_batch_reaches_those_partitions_that_serve),
        WITH_WORLD(test_a_batch_of_stopped_partitions_is_answered_at_once),
        WITH_WORLD(test_many_mixed_batches_at_once_each_get_their_own_rows),
        WITH_WORLD(test_histories_come_in_the_clients_order),
        WITH_WORLD(test_a_transfer_is_looked_for_in_every_partition),
        WITH_WORLD(test_a_rate_is_set_where_every_partition_says_so),
        cmocka_unit_test_setup_teardown(test_a_retry_batch_counts_what_every_partition_has_begun_again,
                                        set_up_with_banks, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
