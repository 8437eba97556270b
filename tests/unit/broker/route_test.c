/* Where requests go: a row a case. Expected partitions are computed apart, by FNV-1a 64 as docs/WIRE.md has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "actors/ledger/ledger.h"
#include "broker/route.h"

enum { PARTITIONS = 4 };

static struct mp_writer writer;
static struct wire_split split;

static int release(void **state)
{
    (void)state;
    mp_writer_release(&writer);
    wire_split_release(&split);
    return 0;
}

/* Writes {key: value} or, without a key, nil, and routes it. */
static struct route route_map(enum wire_operation operation, uint32_t partition, const char *key,
                              const char *value, struct router_turn *turn)
{
    struct wire_header header = {.operation = operation, .partition = partition};
    mp_writer_reset(&writer);
    if (key == NULL) {
        mp_write_nil(&writer);
    } else {
        mp_write_map(&writer, 1);
        mp_write_text(&writer, key);
        mp_write_text(&writer, value);
    }
    header.body = (struct str){(const char *)writer.data, (uint32_t)writer.length};
    return route_of(&header, PARTITIONS, &split, turn);
}

static uint32_t expected_partition(const char *id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *id != '\0'; id++)
        hash = (hash ^ (uint8_t)*id) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return (uint32_t)(hash % PARTITIONS);
}

static void test_one_account_decides(void **state)
{
    static const struct {
        enum wire_operation operation;
        const char *key;
    } rows[] = {
        {OPERATION_TRANSFER, "from_account"},     {OPERATION_DEPOSIT, "to_account"},
        {OPERATION_WITHDRAW, "from_account"},     {OPERATION_ACCOUNT_OPEN, "account"},
        {OPERATION_ACCOUNT_CHANGE, "account"},    {OPERATION_ACCOUNT_FREEZE, "account"},
        {OPERATION_ACCOUNT_UNFREEZE, "account"},  {OPERATION_ACCOUNT_CLOSE, "account"},
        {OPERATION_ACCOUNT_SHOW, "account"},      {OPERATION_BALANCE, "account"},
        {OPERATION_HISTORY, "account"},           {OPERATION_PROPOSAL_OPEN, "account"},
        {OPERATION_PROPOSAL_APPROVE, "account"},  {OPERATION_PROPOSAL_REJECT, "account"},
        {OPERATION_PROPOSAL_SHOW, "account"},     {OPERATION_EXCHANGE, "from_account"},
        {OPERATION_QUOTE, "from_account"},        {OPERATION_QUOTE_SHOW, "account"},
        {OPERATION_REMITTANCE_OPEN, "account"},   {OPERATION_REMITTANCE_SHOW, "account"},
        {OPERATION_REMITTANCE_RETRY, "account"},  {OPERATION_REMITTANCE_REFUND, "account"},
        {OPERATION_REMITTANCE_CANCEL, "account"}, {OPERATION_REMITTANCE_RESOLVE, "account"},
        {OPERATION_REMITTANCE_SETTLE, "account"},
    };
    static const char *const accounts[] = {"alice", "bob", "carol", "KR-0001", "a@b/c:d.e_f"};
    (void)state;
    struct router_turn turn = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t a = 0; a < sizeof accounts / sizeof *accounts; a++) {
            struct route route =
                route_map(rows[i].operation, WIRE_PARTITION_ANY, rows[i].key, accounts[a], &turn);
            assert_int_equal(route.kind, ROUTE_ONE);
            assert_int_equal(route.partition, expected_partition(accounts[a]));
        }
    }
}

static void test_the_headers_partition_wins(void **state)
{
    static const struct {
        enum wire_operation operation;
        uint32_t partition;
        enum route_kind kind;
    } rows[] = {
        {OPERATION_BALANCE, 0, ROUTE_ONE},         {OPERATION_BALANCE, 3, ROUTE_ONE},
        {OPERATION_BALANCE, 4, ROUTE_REFUSED},     {OPERATION_BATCH, 2, ROUTE_ONE},
        {OPERATION_BATCH, 1000000, ROUTE_REFUSED}, {OPERATION_TRANSFER_SHOW, 1, ROUTE_ONE},
        {OPERATION_ACCOUNT_LIST, 1, ROUTE_ONE},    {OPERATION_STATUS, 1, ROUTE_ALL},
        {OPERATION_HEALTH, 1, ROUTE_SELF},         {OPERATION_VERSION, 1, ROUTE_SELF},
        {OPERATION_HEALTH, 9, ROUTE_REFUSED},      {OPERATION_METRICS, 1, ROUTE_METRICS},
    };
    (void)state;
    struct router_turn turn = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct route route = route_map(rows[i].operation, rows[i].partition, NULL, NULL, &turn);
        assert_int_equal(route.kind, rows[i].kind);
        if (route.kind == ROUTE_ONE)
            assert_int_equal(route.partition, rows[i].partition);
        if (route.kind == ROUTE_REFUSED) {
            assert_int_equal(route.code, CODE_WRONG_PARTITION);
            assert_int_equal(route.field, FIELD_PARTITION);
        }
    }
}

static void test_a_list_goes_where_its_cursor_says(void **state)
{
    static const struct {
        const char *cursor;
        enum route_kind kind;
        uint32_t partition;
    } rows[] = {
        {"0:5", ROUTE_ONE, 0},
        {"3:5", ROUTE_ONE, 3},
        {"2:", ROUTE_ONE, 2},
        {"4:5", ROUTE_REFUSED, 0},
        {":5", ROUTE_REFUSED, 0},
        {"3", ROUTE_REFUSED, 0},
        {"x:5", ROUTE_REFUSED, 0},
        {"-1:5", ROUTE_REFUSED, 0},
        {"4294967296:5", ROUTE_REFUSED, 0},
        {"18446744073709551616:5", ROUTE_REFUSED, 0},
    };
    (void)state;
    struct router_turn turn = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct route route =
            route_map(OPERATION_ACCOUNT_LIST, WIRE_PARTITION_ANY, "cursor", rows[i].cursor, &turn);
        assert_int_equal(route.kind, rows[i].kind);
        if (route.kind == ROUTE_ONE)
            assert_int_equal(route.partition, rows[i].partition);
        else
            assert_int_equal(route.field, FIELD_CURSOR);
        struct route remittances =
            route_map(OPERATION_REMITTANCE_LIST, WIRE_PARTITION_ANY, "cursor", rows[i].cursor, &turn);
        assert_int_equal(remittances.kind, route.kind);
        assert_int_equal(remittances.partition, route.partition);
        struct route proposals =
            route_map(OPERATION_PROPOSAL_LIST, WIRE_PARTITION_ANY, "cursor", rows[i].cursor, &turn);
        assert_int_equal(proposals.kind, route.kind);
        assert_int_equal(proposals.partition, route.partition);
    }
    struct route first = route_map(OPERATION_ACCOUNT_LIST, WIRE_PARTITION_ANY, "owner", "ann", &turn);
    assert_int_equal(first.kind, ROUTE_ONE);
    assert_int_equal(first.partition, 0);
}

/* account.open without an account; with or without a transaction id. */
static struct route route_open(const char *transaction_id, struct router_turn *turn)
{
    struct wire_header header = {.operation = OPERATION_ACCOUNT_OPEN, .partition = WIRE_PARTITION_ANY};
    mp_writer_reset(&writer);
    mp_write_map(&writer, transaction_id == NULL ? 2 : 3);
    mp_write_text(&writer, "owner");
    mp_write_text(&writer, "ann");
    mp_write_text(&writer, "currency");
    mp_write_text(&writer, "KRW");
    if (transaction_id != NULL) {
        mp_write_text(&writer, "transaction_id");
        mp_write_text(&writer, transaction_id);
    }
    header.body = (struct str){(const char *)writer.data, (uint32_t)writer.length};
    return route_of(&header, PARTITIONS, &split, turn);
}

static void test_accounts_without_an_id_are_dealt_in_turn(void **state)
{
    (void)state;
    struct router_turn turn = {0};
    for (uint32_t i = 0; i < 3 * PARTITIONS; i++) {
        struct route route = route_open(NULL, &turn);
        assert_int_equal(route.kind, ROUTE_ONE);
        assert_int_equal(route.partition, i % PARTITIONS);
    }
}

static void test_a_retry_of_an_opening_meets_the_first_try(void **state)
{
    (void)state;
    struct router_turn turn = {0};
    unsigned used = 0;
    for (unsigned i = 0; i < 64; i++) {
        char id[64];
        snprintf(id, sizeof id, "0192f000-0000-7000-8000-0000000000%02x", i);
        struct route first = route_open(id, &turn);
        turn.next++;
        struct route again = route_open(id, &turn);
        assert_int_equal(first.kind, ROUTE_ONE);
        assert_int_equal(first.partition, again.partition);
        used |= 1u << first.partition;
    }
    assert_int_equal(used, (1u << PARTITIONS) - 1);
}

static void test_bodies_that_cannot_be_read_go_to_a_decoder(void **state)
{
    static const enum wire_operation operations[] = {OPERATION_TRANSFER, OPERATION_BALANCE,
                                                     OPERATION_ACCOUNT_OPEN, OPERATION_ACCOUNT_LIST};
    (void)state;
    struct router_turn turn = {0};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        struct wire_header header = {
            .operation = operations[i], .partition = WIRE_PARTITION_ANY, .body = STR_LITERAL("\xc1")};
        struct route route = route_of(&header, PARTITIONS, &split, &turn);
        assert_int_equal(route.kind, ROUTE_ONE);
        assert_true(route.partition < PARTITIONS);
    }
}

static void test_what_needs_every_partition_asks_every_partition(void **state)
{
    (void)state;
    struct router_turn turn = {0};
    assert_int_equal(
        route_map(OPERATION_TRANSFER_SHOW, WIRE_PARTITION_ANY, "transaction_id", "x", &turn).kind, ROUTE_ALL);
    assert_int_equal(route_map(OPERATION_STATUS, WIRE_PARTITION_ANY, NULL, NULL, &turn).kind, ROUTE_ALL);
    assert_int_equal(route_map(OPERATION_RATE_SET, WIRE_PARTITION_ANY, "base", "USD", &turn).kind, ROUTE_ALL);
    assert_int_equal(route_map(OPERATION_PAIR_SET, WIRE_PARTITION_ANY, "base", "USD", &turn).kind, ROUTE_ALL);
    assert_int_equal(route_map(OPERATION_RATE_SET, 1, "base", "USD", &turn).kind, ROUTE_ONE);
    struct route wrong = route_map(OPERATION_STATUS, WIRE_PARTITION_ANY, "x", "y", &turn);
    assert_int_equal(wrong.kind, ROUTE_REFUSED);
}

static void test_services_are_asked_whatever_the_headers_partition(void **state)
{
    static const struct {
        enum wire_operation operation;
        enum route_service service;
    } rows[] = {
        {OPERATION_RATE_LATEST, SERVICE_RATEFEED},
        {OPERATION_RATE_ASOF, SERVICE_RATEFEED},
        {OPERATION_RATE_RANGE, SERVICE_RATEFEED},
        {OPERATION_RATE_REVIEW, SERVICE_RATEFEED},
        {OPERATION_RATE_ACCEPT, SERVICE_RATEFEED},
        {OPERATION_RATE_REJECT, SERVICE_RATEFEED},
        {OPERATION_RATE_SOURCES, SERVICE_RATEFEED},
        {OPERATION_SUBSCRIBER_ADD, SERVICE_PUBLISHER},
        {OPERATION_SUBSCRIBER_REMOVE, SERVICE_PUBLISHER},
        {OPERATION_SUBSCRIBER_LIST, SERVICE_PUBLISHER},
        {OPERATION_DEADLETTER_LIST, SERVICE_PUBLISHER},
        {OPERATION_DEADLETTER_RETRY, SERVICE_PUBLISHER},
        {OPERATION_DEADLETTER_RESOLVE, SERVICE_PUBLISHER},
        {OPERATION_BANK_LIST, SERVICE_BANK},
        {OPERATION_BANK_CALLS, SERVICE_BANK},
    };
    static const uint32_t partitions[] = {WIRE_PARTITION_ANY, 0, PARTITIONS - 1};
    (void)state;
    struct router_turn turn = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t p = 0; p < sizeof partitions / sizeof *partitions; p++) {
            struct route route = route_map(rows[i].operation, partitions[p], "account", "alice", &turn);
            assert_int_equal(route.kind, ROUTE_SERVICE);
            assert_int_equal(route.service, rows[i].service);
        }
        struct route route = route_map(rows[i].operation, PARTITIONS, NULL, NULL, &turn);
        assert_int_equal(route.kind, ROUTE_REFUSED);
        assert_int_equal(route.code, CODE_WRONG_PARTITION);
    }
}

static void test_what_changes_remittances_needs_banks(void **state)
{
    (void)state;
    struct router_turn turn = {0};
    for (enum wire_operation operation = 0; operation < OPERATION_COUNT; operation++) {
        bool needs = operation >= OPERATION_REMITTANCE_OPEN &&
                     operation <= OPERATION_REMITTANCE_RETRY_BATCH &&
                     operation != OPERATION_REMITTANCE_SHOW && operation != OPERATION_REMITTANCE_LIST &&
                     operation != OPERATION_REMITTANCE_SETTLE;
        assert_int_equal(route_map(operation, WIRE_PARTITION_ANY, NULL, NULL, &turn).needs_bank, needs);
        assert_int_equal(route_map(operation, 1, NULL, NULL, &turn).needs_bank, needs);
    }
    assert_int_equal(route_map(OPERATION_REMITTANCE_RETRY_BATCH, WIRE_PARTITION_ANY, NULL, NULL, &turn).kind,
                     ROUTE_ALL);
    assert_int_equal(route_map(OPERATION_REMITTANCE_RETRY_BATCH, 1, NULL, NULL, &turn).kind, ROUTE_ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_account_decides),
        cmocka_unit_test(test_the_headers_partition_wins),
        cmocka_unit_test(test_a_list_goes_where_its_cursor_says),
        cmocka_unit_test(test_accounts_without_an_id_are_dealt_in_turn),
        cmocka_unit_test(test_a_retry_of_an_opening_meets_the_first_try),
        cmocka_unit_test(test_bodies_that_cannot_be_read_go_to_a_decoder),
        cmocka_unit_test(test_what_needs_every_partition_asks_every_partition),
        cmocka_unit_test(test_services_are_asked_whatever_the_headers_partition),
        cmocka_unit_test(test_what_changes_remittances_needs_banks),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
