/* Batches: grouping by partition, rows in order again, many in flight, and what is known of each row when
 * answers fail to come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "actors/ledger/ledger.h"
#include "clients/c/teller.h"
#include "tests/unit/client/fake_server.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Long enough for a slow machine where an answer comes; where none comes, each attempt takes all of it. */
enum { NAME_MAX = 16, PATIENT_MS = 30000, SILENCE_MS = 400 };

struct world {
    struct fake_server *server;
    struct teller *client;
    struct teller_batch *batch;
    char endpoint[48];
    struct fake_seen seen[FAKE_SEEN_MAX];
    size_t seen_count;
};

static struct world world;

/* partitions 0: the client is not told. */
static void begin(uint32_t partitions, uint32_t window, const enum fake_action *script, size_t count)
{
    struct teller_version version;
    struct teller_answer answer;
    world.server = fake_server_new(partitions, script, count, world.endpoint);
    struct teller_options options = teller_options_default();
    options.endpoint = world.endpoint;
    options.timeout_ms = options.connect_timeout_ms = PATIENT_MS;
    for (size_t i = 0; i < count; i++) {
        if (script[i] == FAKE_IGNORE)
            options.timeout_ms = SILENCE_MS;
    }
    options.pause_ms = 1;
    options.retries = 3;
    options.window = window;
    world.client = teller_new(&options);
    world.batch = teller_batch_new(world.client);
    if (partitions > 0)
        assert_int_equal(teller_version(world.client, &version, &answer), ERR_OK);
}

static void end(void)
{
    teller_batch_destroy(&world.batch);
    teller_destroy(&world.client);
    world.seen_count = fake_server_destroy(&world.server, world.seen);
}

static struct teller_item item_of(uint32_t number, char name[NAME_MAX])
{
    uint32_t length = (uint32_t)snprintf(name, NAME_MAX, "account-%u", number % 1000);
    return (struct teller_item){.kind = TELLER_TRANSFER,
                                .id = teller_id_next(world.client),
                                .from = {name, length},
                                .to = STR_LITERAL("bank"),
                                .amount = 1 + number,
                                .currency = currency_find("KRW", 3)};
}

static void fill(uint32_t count)
{
    char name[NAME_MAX];
    for (uint32_t i = 0; i < count; i++) {
        struct teller_item item = item_of(i, name);
        assert_int_equal(teller_batch_add(world.batch, &item), ERR_OK);
    }
}

static void check_rows(const struct teller_result *result, uint32_t count)
{
    assert_int_equal(result->row_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(result->rows[i].code, CODE_OK);
        assert_int_equal(result->rows[i].from_balance, 1 + i);
        assert_int_equal(result->rows[i].to_balance, 2 * (1 + i));
    }
}

/* ---- grouping --------------------------------------------------------------------------------- */

static void partitions_are_those_of_the_ledger(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",           "a",         "alice", "house:USD:7", "transit:USD:12:3",       "house",
        "h",          "housewife", "t:1",   "house:x",     "DE02120300000000202051", "transit:",
        "house:KRW:0"};
    for (size_t i = 0; i < COUNT(names); i++) {
        for (uint32_t partitions = 1; partitions <= TELLER_PARTITIONS_MAX; partitions++)
            assert_int_equal(teller_partition_of(str_from(names[i]), partitions),
                             ledger_partition_of(str_from(names[i]), partitions));
    }
}

static void a_batch_is_one_message_until_the_partitions_are_known(void **state)
{
    (void)state;
    struct teller_result result;
    begin(0, 8, NULL, 0);
    fill(100);
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
    check_rows(&result, 100);
    assert_int_equal(teller_batch_rows(world.batch), 0);
    end();
    assert_int_equal(world.seen_count, 1);
    assert_int_equal(world.seen[0].partition, WIRE_PARTITION_ANY);
}

static void a_batch_is_one_message_for_each_paying_partition(void **state)
{
    (void)state;
    static const uint32_t partitions[] = {1, 2, 3, 64};
    for (size_t i = 0; i < COUNT(partitions); i++) {
        struct teller_result result;
        begin(partitions[i], 8, NULL, 0);
        fill(8000);
        assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
        check_rows(&result, 8000);
        end();
        assert_int_equal(world.seen_count, 1 + partitions[i]);
        uint64_t named = 0;
        for (size_t j = 1; j < world.seen_count; j++)
            named |= UINT64_C(1) << world.seen[j].partition;
        assert_int_equal(named, UINT64_MAX >> (64 - partitions[i]));
    }
}

static void groups_keep_their_rows_together(void **state)
{
    (void)state;
    struct teller_result result;
    char names[3][NAME_MAX];
    begin(2, 8, NULL, 0);
    for (uint32_t i = 0; i < 300; i += 3) {
        const struct teller_item items[] = {item_of(i, names[0]), item_of(i + 1, names[1])};
        struct teller_item group = {
            .kind = TELLER_GROUP, .id = teller_id_new(), .item_count = 2, .items = items};
        struct teller_item single = item_of(i + 2, names[2]);
        assert_int_equal(teller_batch_add(world.batch, &group), ERR_OK);
        assert_int_equal(teller_batch_add(world.batch, &single), ERR_OK);
    }
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
    assert_int_equal(result.row_count, 400);
    for (uint32_t i = 0, row = 0; i < 300; i += 3, row += 4) {
        assert_int_equal(result.rows[row].group_count, 2);
        for (uint32_t j = 0; j < 3; j++)
            assert_int_equal(result.rows[row + 1 + j].from_balance, 1 + i + j);
    }
    end();
}

static void a_batch_has_its_limits(void **state)
{
    (void)state;
    static char memo[2000];
    struct teller_result result;
    char name[NAME_MAX];
    begin(2, 8, NULL, 0);
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_RANGE);
    fill(TELLER_BATCH_MAX);
    struct teller_item item = item_of(0, name);
    assert_int_equal(teller_batch_add(world.batch, &item), ERR_RANGE);
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
    check_rows(&result, TELLER_BATCH_MAX);
    memset(memo, 'm', sizeof memo);
    item.memo = (struct str){memo, sizeof memo};
    assert_int_equal(teller_batch_add(world.batch, &item), ERR_RANGE);
    end();
}

static void a_message_stays_below_its_limit_of_bytes(void **state)
{
    (void)state;
    static char memo[800];
    struct teller_result result;
    char name[NAME_MAX];
    begin(1, 8, NULL, 0);
    memset(memo, 'm', sizeof memo);
    for (uint32_t i = 0; i < 12000; i++) {
        struct teller_item item = item_of(i, name);
        item.memo = (struct str){memo, sizeof memo};
        assert_int_equal(teller_batch_add(world.batch, &item), ERR_OK);
    }
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
    assert_int_equal(result.row_count, 12000);
    for (uint32_t i = 0; i < 12000; i++) {
        assert_int_equal(result.rows[i].code, CODE_INVALID_FIELD);
        assert_int_equal(result.rows[i].field, FIELD_MEMO);
    }
    end();
    assert_true(world.seen_count > 2);
}

static void a_deadline_goes_with_every_message(void **state)
{
    (void)state;
    struct teller_result result;
    begin(2, 8, NULL, 0);
    fill(100);
    teller_batch_set_deadline(world.batch, INT64_C(4000000000000000));
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
    fill(100);
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
    end();
    for (size_t i = 1; i < world.seen_count; i++)
        assert_int_equal(world.seen[i].deadline_us, i <= 2 ? INT64_C(4000000000000000) : 0);
}

/* ---- faults: what is known of a row ----------------------------------------------------------- */

struct fault_case {
    const char *name;
    enum fake_action script[4];
    enum err err;
    enum code even, odd; /* codes of rows by their number */
};

static const struct fault_case fault_cases[] = {
    {"an answer is lost", {FAKE_IGNORE}, ERR_OK, CODE_OK, CODE_OK},
    {"some rows are busy at first", {FAKE_SOME_BUSY}, ERR_OK, CODE_OK, CODE_OK},
    {"some rows are unknown at first", {FAKE_SOME_UNKNOWN}, ERR_OK, CODE_OK, CODE_OK},
    {"some rows stay busy",
     {FAKE_SOME_BUSY, FAKE_SOME_BUSY, FAKE_SOME_BUSY, FAKE_SOME_BUSY},
     ERR_OK,
     CODE_OK,
     CODE_BUSY},
    {"busy rows after unknown ones are unknown",
     {FAKE_SOME_UNKNOWN, FAKE_SOME_BUSY, FAKE_SOME_BUSY, FAKE_SOME_BUSY},
     ERR_OK,
     CODE_OK,
     CODE_UNKNOWN},
    {"busy rows after a lost answer are unknown",
     {FAKE_IGNORE, FAKE_SOME_BUSY, FAKE_SOME_BUSY, FAKE_SOME_BUSY},
     ERR_OK,
     CODE_OK,
     CODE_UNKNOWN},
    {"a row that has its answer keeps it",
     {FAKE_SOME_UNKNOWN, FAKE_BUSY, FAKE_REFUSE},
     ERR_OK,
     CODE_OK,
     CODE_INVALID_FIELD},
    {"all answers are lost",
     {FAKE_IGNORE, FAKE_IGNORE, FAKE_IGNORE, FAKE_IGNORE},
     ERR_TIMEOUT,
     CODE_UNKNOWN,
     CODE_UNKNOWN},
    {"some rows are known, then silence",
     {FAKE_SOME_BUSY, FAKE_IGNORE, FAKE_IGNORE, FAKE_IGNORE},
     ERR_TIMEOUT,
     CODE_OK,
     CODE_UNKNOWN},
    {"always busy", {FAKE_BUSY, FAKE_BUSY, FAKE_BUSY, FAKE_BUSY}, ERR_OK, CODE_BUSY, CODE_BUSY},
    {"a body that is none", {FAKE_GARBAGE}, ERR_INVALID, CODE_UNKNOWN, CODE_UNKNOWN},
};

static void each_fault_leaves_what_is_known_of_each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fault_cases); i++) {
        const struct fault_case *c = &fault_cases[i];
        struct teller_result result;
        print_message("  %s\n", c->name);
        begin(0, 8, c->script, COUNT(c->script));
        fill(50);
        assert_int_equal(teller_batch_send(world.batch, &result), c->err);
        for (uint32_t row = 0; row < 50; row++) {
            assert_int_equal(result.rows[row].code, row % 2 == 0 ? c->even : c->odd);
            if (result.rows[row].code == CODE_OK)
                assert_int_equal(result.rows[row].from_balance, row + 1);
        }
        end();
    }
}

static void an_answer_once_given_is_not_replaced(void **state)
{
    (void)state;
    const enum fake_action script[] = {FAKE_SOME_UNKNOWN, FAKE_FRAUD};
    struct teller_result result;
    begin(0, 8, script, COUNT(script));
    fill(2);
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_OK);
    assert_int_equal(result.rows[0].from_balance, 1);
    assert_int_equal(result.rows[1].from_balance, -1);
    end();
}

static void without_a_server_nothing_happened(void **state)
{
    (void)state;
    struct teller_options options = teller_options_default();
    struct teller_result result;
    options.endpoint = "tcp://127.0.0.1:1";
    options.connect_timeout_ms = 20;
    world.client = teller_new(&options);
    world.batch = teller_batch_new(world.client);
    fill(10);
    assert_int_equal(teller_batch_send(world.batch, &result), ERR_CLOSED);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(result.rows[i].code, CODE_BUSY);
    teller_batch_destroy(&world.batch);
    teller_destroy(&world.client);
}

/* ---- many in flight --------------------------------------------------------------------------- */

struct tally {
    uint32_t done, ok, rows;
    uint32_t to_submit; /* by the callback */
};

static void count_result(void *context, const struct teller_result *result)
{
    struct tally *tally = context;
    tally->done++;
    for (uint32_t i = 0; i < result->row_count; i++)
        tally->ok += result->rows[i].code == CODE_OK;
    tally->rows += result->row_count;
    if (tally->to_submit > 0) {
        char name[NAME_MAX];
        struct teller_item item = item_of(tally->to_submit--, name);
        assert_int_equal(teller_submit_item(world.client, &item, count_result, tally), ERR_OK);
    }
}

static void the_window_bounds_what_is_in_flight(void **state)
{
    (void)state;
    struct tally tally = {0};
    char name[NAME_MAX];
    struct teller_item item;
    begin(2, 4, NULL, 0);
    for (uint32_t i = 0; i < 4; i++) {
        item = item_of(i, name);
        assert_int_equal(teller_submit_item(world.client, &item, count_result, &tally), ERR_OK);
    }
    assert_int_equal(teller_in_flight(world.client), 4);
    assert_int_equal(teller_submit_item(world.client, &item, count_result, &tally), ERR_FULL);
    fill(3);
    assert_int_equal(teller_submit(world.batch, count_result, &tally), ERR_FULL);
    assert_int_equal(teller_batch_rows(world.batch), 3);
    assert_true(teller_poll(world.client, -1) >= 1);
    assert_int_equal(teller_submit(world.batch, count_result, &tally), ERR_OK);
    teller_drain(world.client);
    assert_int_equal(tally.ok, 7);
    assert_int_equal(teller_poll(world.client, -1), 0);
    end();
}

static void callbacks_may_submit(void **state)
{
    (void)state;
    struct tally tally = {.to_submit = 500};
    char name[NAME_MAX];
    begin(2, 16, NULL, 0);
    for (uint32_t i = 0; i < 16; i++) {
        struct teller_item item = item_of(i, name);
        assert_int_equal(teller_submit_item(world.client, &item, count_result, &tally), ERR_OK);
    }
    teller_drain(world.client);
    assert_int_equal(tally.ok, 516);
    end();
}

static void what_is_in_flight_survives_a_new_connection(void **state)
{
    (void)state;
    enum fake_action script[17];
    struct tally tally = {0};
    char name[NAME_MAX];
    for (size_t i = 0; i < COUNT(script); i++)
        script[i] = FAKE_IGNORE;
    begin(0, 16, script, COUNT(script));
    for (uint32_t i = 0; i < 16; i++) {
        struct teller_item item = item_of(i, name);
        assert_int_equal(teller_submit_item(world.client, &item, count_result, &tally), ERR_OK);
    }
    teller_drain(world.client);
    assert_int_equal(tally.ok, 16);
    end();
    for (size_t i = 17; i < world.seen_count && i < 32; i++)
        assert_true(world.seen[i].request_id > world.seen[i - 1].request_id);
}

static void a_waiting_call_lets_others_finish(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct teller_answer answer;
    struct teller_balance balance;
    const enum fake_action script[] = {FAKE_HOLD};
    char name[NAME_MAX];
    begin(0, 4, script, COUNT(script));
    struct teller_item item = item_of(1, name);
    assert_int_equal(teller_submit_item(world.client, &item, count_result, &tally), ERR_OK);
    assert_int_equal(teller_balance(world.client, STR_LITERAL("alice"), -1, &balance, &answer), ERR_OK);
    teller_drain(world.client);
    assert_int_equal(tally.ok, 1);
    end();
}

static void accounts_open_many_at_a_time(void **state)
{
    (void)state;
    struct tally tally = {0};
    const enum fake_action script[] = {FAKE_BUSY, FAKE_IGNORE, FAKE_REFUSE};
    begin(0, 4, script, COUNT(script));
    for (uint32_t i = 0; i < 20; i++) {
        struct teller_account_command command = {.kind = TELLER_ACCOUNT_OPEN,
                                                 .owner = STR_LITERAL("ann"),
                                                 .currency = currency_find("KRW", 3),
                                                 .ceiling = TELLER_CEILING_NONE};
        while (teller_submit_account(world.client, &command, count_result, &tally) == ERR_FULL)
            teller_poll(world.client, -1);
    }
    teller_drain(world.client);
    assert_int_equal(tally.done, 20);
    end();
}

static void a_client_may_be_destroyed_with_requests_in_flight(void **state)
{
    (void)state;
    const enum fake_action script[] = {FAKE_IGNORE, FAKE_IGNORE, FAKE_IGNORE};
    struct tally tally = {0};
    begin(0, 4, script, COUNT(script));
    for (uint32_t i = 0; i < 3; i++) {
        fill(10);
        assert_int_equal(teller_submit(world.batch, count_result, &tally), ERR_OK);
    }
    end();
    assert_int_equal(tally.done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_those_of_the_ledger),
        cmocka_unit_test(a_batch_is_one_message_until_the_partitions_are_known),
        cmocka_unit_test(a_batch_is_one_message_for_each_paying_partition),
        cmocka_unit_test(groups_keep_their_rows_together),
        cmocka_unit_test(a_batch_has_its_limits),
        cmocka_unit_test(a_message_stays_below_its_limit_of_bytes),
        cmocka_unit_test(a_deadline_goes_with_every_message),
        cmocka_unit_test(each_fault_leaves_what_is_known_of_each_row),
        cmocka_unit_test(an_answer_once_given_is_not_replaced),
        cmocka_unit_test(without_a_server_nothing_happened),
        cmocka_unit_test(the_window_bounds_what_is_in_flight),
        cmocka_unit_test(callbacks_may_submit),
        cmocka_unit_test(what_is_in_flight_survives_a_new_connection),
        cmocka_unit_test(a_waiting_call_lets_others_finish),
        cmocka_unit_test(accounts_open_many_at_a_time),
        cmocka_unit_test(a_client_may_be_destroyed_with_requests_in_flight),
    };
    return cmocka_run_group_tests_name("client batches", tests, NULL, NULL);
}
