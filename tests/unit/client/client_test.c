/* One request at a time: every operation, every way in which an answer can fail to come, and what is
 * then known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/c/teller.h"
#include "tests/unit/client/fake_server.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct world {
    struct fake_server *server;
    struct teller *client;
    char endpoint[48];
    struct fake_seen seen[FAKE_SEEN_MAX];
    size_t seen_count;
};

static struct world world;

/* Long enough for a slow machine where an answer comes; where none comes, each attempt takes all of it. */
enum { PATIENT_MS = 30000, SILENCE_MS = 400 };

static struct teller_options quick_options(const char *endpoint)
{
    struct teller_options options = teller_options_default();
    options.endpoint = endpoint;
    options.timeout_ms = PATIENT_MS;
    options.connect_timeout_ms = PATIENT_MS;
    options.pause_ms = 1;
    options.retries = 3;
    return options;
}

static void begin(const enum fake_action *script, size_t count)
{
    world.server = fake_server_new(2, script, count, world.endpoint);
    struct teller_options options = quick_options(world.endpoint);
    for (size_t i = 0; i < count; i++) {
        if (script[i] == FAKE_IGNORE)
            options.timeout_ms = SILENCE_MS;
    }
    world.client = teller_new(&options);
    assert_non_null(world.client);
}

static void end(void)
{
    teller_destroy(&world.client);
    world.seen_count = fake_server_destroy(&world.server, world.seen);
}

static struct teller_item transfer_of(int64_t amount)
{
    return (struct teller_item){.kind = TELLER_TRANSFER,
                                .id = teller_id_new(),
                                .from = STR_LITERAL("alice"),
                                .to = STR_LITERAL("bob"),
                                .amount = amount,
                                .currency = currency_find("USD", 3)};
}

/* ---- what a script of faults comes to --------------------------------------------------------- */

struct fault_case {
    const char *name;
    enum fake_action script[6];
    size_t count;
    enum err err;
    enum code code;
    size_t attempts; /* messages the server saw */
};

static const struct fault_case fault_cases[] = {
    {"answered at once", {FAKE_ANSWER}, 1, ERR_OK, CODE_OK, 1},
    {"the first answer is lost", {FAKE_IGNORE}, 1, ERR_OK, CODE_OK, 2},
    {"three answers are lost", {FAKE_IGNORE, FAKE_IGNORE, FAKE_IGNORE}, 3, ERR_OK, CODE_OK, 4},
    {"all answers are lost",
     {FAKE_IGNORE, FAKE_IGNORE, FAKE_IGNORE, FAKE_IGNORE},
     4,
     ERR_TIMEOUT,
     CODE_UNKNOWN,
     4},
    {"busy, then free", {FAKE_BUSY, FAKE_BUSY}, 2, ERR_OK, CODE_OK, 3},
    {"always busy: nothing happened", {FAKE_BUSY, FAKE_BUSY, FAKE_BUSY, FAKE_BUSY}, 4, ERR_OK, CODE_BUSY, 4},
    {"busy after a lost answer: it may have happened",
     {FAKE_IGNORE, FAKE_BUSY, FAKE_BUSY, FAKE_BUSY},
     4,
     ERR_OK,
     CODE_UNKNOWN,
     4},
    {"unknown, then known", {FAKE_UNKNOWN}, 1, ERR_OK, CODE_OK, 2},
    {"unknown to the end",
     {FAKE_UNKNOWN, FAKE_UNKNOWN, FAKE_UNKNOWN, FAKE_UNKNOWN},
     4,
     ERR_OK,
     CODE_UNKNOWN,
     4},
    {"busy after unknown is unknown",
     {FAKE_UNKNOWN, FAKE_BUSY, FAKE_BUSY, FAKE_BUSY},
     4,
     ERR_OK,
     CODE_UNKNOWN,
     4},
    {"refused is final", {FAKE_REFUSE}, 1, ERR_OK, CODE_INVALID_FIELD, 1},
    {"refused after a lost answer is final", {FAKE_IGNORE, FAKE_REFUSE}, 2, ERR_OK, CODE_INVALID_FIELD, 2},
    {"a body that is none", {FAKE_GARBAGE}, 1, ERR_INVALID, CODE_UNKNOWN, 1},
    {"answers to other requests are passed over", {FAKE_WRONG_ID}, 1, ERR_OK, CODE_OK, 1},
    {"noise is passed over", {FAKE_NOISE}, 1, ERR_OK, CODE_OK, 1},
    {"an answer that comes twice", {FAKE_TWICE}, 1, ERR_OK, CODE_OK, 1},
};

static void each_fault_comes_to_what_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fault_cases); i++) {
        const struct fault_case *c = &fault_cases[i];
        struct teller_item item = transfer_of(7);
        struct teller_row row;
        struct teller_answer answer;
        print_message("  %s\n", c->name);
        begin(c->script, c->count);
        enum err err = teller_post(world.client, &item, &row, &answer);
        assert_int_equal(teller_in_flight(world.client), 0);
        end();
        assert_int_equal(err, c->err);
        assert_int_equal(answer.code, c->code);
        assert_int_equal(row.code, c->code);
        assert_int_equal(world.seen_count, c->attempts);
        for (size_t j = 1; j < world.seen_count; j++)
            assert_int_equal(world.seen[j].request_id, world.seen[0].request_id);
        if (c->code == CODE_OK) {
            assert_int_equal(row.from_balance, 7);
            assert_int_equal(row.to_balance, 14);
        }
    }
}

static void silence_brings_a_new_connection(void **state)
{
    (void)state;
    const enum fake_action script[] = {FAKE_IGNORE};
    struct teller_item item = transfer_of(7);
    struct teller_row row;
    struct teller_answer answer;
    begin(script, COUNT(script));
    assert_int_equal(teller_post(world.client, &item, &row, &answer), ERR_OK);
    end();
    assert_int_not_equal(world.seen[0].identity, world.seen[1].identity);
}

static void no_server_is_told_from_a_lost_answer(void **state)
{
    (void)state;
    struct teller_options options = quick_options("tcp://127.0.0.1:1");
    options.connect_timeout_ms = 30;
    struct teller *client = teller_new(&options);
    struct teller_item item = transfer_of(7);
    struct teller_row row;
    struct teller_answer answer;
    assert_int_equal(teller_post(client, &item, &row, &answer), ERR_CLOSED);
    assert_int_equal(teller_in_flight(client), 0);
    teller_destroy(&client);
}

static void an_endpoint_that_is_none_is_refused(void **state)
{
    (void)state;
    struct teller_options options = quick_options("here");
    assert_null(teller_new(&options));
}

/* ---- operations ------------------------------------------------------------------------------- */

static void every_kind_of_item_has_its_operation(void **state)
{
    (void)state;
    struct teller_row row;
    struct teller_answer answer;
    begin(NULL, 0);
    struct teller_item item = transfer_of(5);
    assert_int_equal(teller_post(world.client, &item, &row, &answer), ERR_OK);
    assert_true(row.has_from && row.has_to);
    item.kind = TELLER_DEPOSIT;
    item.from = (struct str){0};
    assert_int_equal(teller_post(world.client, &item, &row, &answer), ERR_OK);
    assert_true(!row.has_from && row.has_to && row.to_balance == 10);
    item.kind = TELLER_WITHDRAW;
    item.from = STR_LITERAL("alice");
    item.to = (struct str){0};
    assert_int_equal(teller_post(world.client, &item, &row, &answer), ERR_OK);
    assert_true(row.has_from && !row.has_to && row.from_balance == 5);
    end();
    const enum wire_operation operations[] = {OPERATION_TRANSFER, OPERATION_DEPOSIT, OPERATION_WITHDRAW};
    for (size_t i = 0; i < COUNT(operations); i++)
        assert_int_equal(world.seen[i].operation, operations[i]);
}

static void a_refused_item_names_its_field(void **state)
{
    (void)state;
    struct teller_item item = transfer_of(0);
    struct teller_row row;
    struct teller_answer answer;
    begin(NULL, 0);
    assert_int_equal(teller_post(world.client, &item, &row, &answer), ERR_OK);
    end();
    assert_int_equal(answer.code, CODE_INVALID_FIELD);
    assert_int_equal(answer.field, FIELD_AMOUNT);
    assert_true(answer.message[0] != '\0');
}

static void a_group_can_be_posted_alone(void **state)
{
    (void)state;
    const struct teller_item items[] = {transfer_of(1), transfer_of(2)};
    struct teller_item group = {.kind = TELLER_GROUP, .id = teller_id_new(), .item_count = 2, .items = items};
    struct teller_row row;
    struct teller_answer answer;
    begin(NULL, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(teller_post(world.client, &group, &row, &answer), ERR_OK);
        assert_int_equal(answer.code, CODE_OK);
        assert_int_equal(row.group_count, 2);
    }
    end();
}

static void an_account_without_id_is_opened_under_an_id(void **state)
{
    (void)state;
    const enum fake_action script[] = {FAKE_IGNORE};
    struct teller_account account;
    struct teller_answer answer;
    struct teller_account_command command = {.kind = TELLER_ACCOUNT_OPEN,
                                             .owner = STR_LITERAL("ann"),
                                             .currency = currency_find("USD", 3),
                                             .ceiling = TELLER_CEILING_NONE};
    begin(script, COUNT(script));
    assert_int_equal(teller_account(world.client, &command, &account, &answer), ERR_OK);
    end();
    assert_string_equal(account.account, "assigned");
    assert_string_equal(account.owner, "ann");
    assert_int_equal(account.available, 950);
    assert_int_equal(account.ceiling, TELLER_CEILING_NONE);
    assert_int_equal(world.seen_count, 2);
    assert_false(uuid_is_nil(&world.seen[1].first_id));
}

static void accounts_are_shown_changed_and_listed(void **state)
{
    (void)state;
    struct teller_account accounts[10];
    struct teller_answer answer;
    size_t count;
    struct str cursor;
    const struct teller_list_query query = {.limit = COUNT(accounts)};
    begin(NULL, 0);
    for (enum teller_account_kind kind = TELLER_ACCOUNT_CHANGE; kind <= TELLER_ACCOUNT_CLOSE; kind++) {
        struct teller_account_command command = {.kind = kind, .account = STR_LITERAL("alice")};
        assert_int_equal(teller_account(world.client, &command, accounts, &answer), ERR_OK);
        assert_int_equal(answer.code, CODE_OK);
        assert_string_equal(accounts[0].account, "alice");
    }
    assert_int_equal(teller_account_show(world.client, STR_LITERAL("bob"), accounts, &answer), ERR_OK);
    assert_string_equal(accounts[0].account, "bob");
    assert_int_equal(teller_account_list(world.client, &query, accounts, &count, &cursor, &answer), ERR_OK);
    assert_int_equal(count, 1);
    assert_string_equal(accounts[0].account, "listed");
    assert_true(str_equal(cursor, STR_LITERAL("next")));
    end();
}

static void proposals_are_opened_decided_shown_and_listed(void **state)
{
    (void)state;
    struct teller_proposal proposals[10];
    struct teller_answer answer;
    size_t count;
    struct str cursor;
    const struct teller_proposal_command command = {.kind = TELLER_DEPOSIT,
                                                    .currency = currency_find("USD", 3),
                                                    .id = teller_id_new(),
                                                    .account = STR_LITERAL("alice"),
                                                    .amount = 5,
                                                    .reason = STR_LITERAL("counted"),
                                                    .operator_name = STR_LITERAL("ann")};
    struct teller_decision decision = {
        .account = command.account, .proposal = command.id, .operator_name = STR_LITERAL("bob")};
    begin(NULL, 0);
    assert_int_equal(teller_propose(world.client, &command, proposals, &answer), ERR_OK);
    assert_true(proposals[0].kind == TELLER_DEPOSIT && proposals[0].state == TELLER_PROPOSED);
    assert_string_equal(proposals[0].proposed_by, "ann");
    assert_string_equal(proposals[0].decided_by, "");
    for (int approves = 0; approves < 2; approves++) {
        decision.approves = approves;
        assert_int_equal(teller_decide(world.client, &decision, proposals, &answer), ERR_OK);
        assert_int_equal(proposals[0].state, approves ? TELLER_APPROVED : TELLER_REJECTED);
        assert_int_equal(proposals[0].balance, approves ? 105 : 0);
        assert_string_equal(proposals[0].decided_by, "bob");
    }
    assert_int_equal(teller_proposal_show(world.client, command.account, &command.id, proposals, &answer),
                     ERR_OK);
    assert_true(uuid_equal(&proposals[0].id, &command.id));
    assert_int_equal(
        teller_proposal_list(world.client, 10, (struct str){0}, proposals, &count, &cursor, &answer), ERR_OK);
    assert_int_equal(count, 1);
    assert_true(proposals[0].kind == TELLER_WITHDRAW && proposals[0].amount == 7);
    assert_true(str_equal(cursor, STR_LITERAL("next")));
    end();
}

static void a_decision_that_may_have_been_taken_is_not_called_busy(void **state)
{
    (void)state;
    const enum fake_action script[] = {FAKE_IGNORE, FAKE_BUSY, FAKE_BUSY, FAKE_BUSY,
                                       FAKE_BUSY,   FAKE_BUSY, FAKE_BUSY, FAKE_BUSY};
    struct teller_proposal proposal;
    struct teller_answer answer;
    const struct teller_decision decision = {.approves = true,
                                             .account = STR_LITERAL("alice"),
                                             .proposal = teller_id_new(),
                                             .operator_name = STR_LITERAL("bob")};
    begin(script, COUNT(script));
    assert_int_equal(teller_decide(world.client, &decision, &proposal, &answer), ERR_OK);
    assert_int_equal(answer.code, CODE_UNKNOWN);
    end();
}

static void note_page(void *context, size_t query, const struct teller_answer *answer,
                      const struct teller_entry *entries, size_t count, struct str cursor)
{
    size_t *calls = context;
    assert_int_equal(query, (*calls)++);
    assert_int_equal(cursor.length, 0);
    assert_int_equal(answer->code, query == 1 ? CODE_ACCOUNT_NOT_FOUND : CODE_OK);
    assert_int_equal(count, query == 1 ? 0 : 1);
    assert_true(query == 1 || entries[0].amount == 5);
}

static void money_is_read_back(void **state)
{
    (void)state;
    struct teller_balance balance;
    struct teller_entry entries[4];
    struct teller_transfer transfer;
    struct teller_answer answer;
    struct str cursor;
    size_t count, calls = 0;
    struct uuid id = teller_id_new();
    const struct teller_history_query queries[] = {{.account = STR_LITERAL("alice"), .limit = 4},
                                                   {.account = STR_LITERAL("-"), .limit = 1},
                                                   {.account = STR_LITERAL("bob"), .limit = 1}};
    begin(NULL, 0);
    assert_int_equal(teller_balance(world.client, STR_LITERAL("alice"), -1, &balance, &answer), ERR_OK);
    assert_true(!balance.is_past && balance.available == 900);
    assert_int_equal(teller_balance(world.client, STR_LITERAL("alice"), 5, &balance, &answer), ERR_OK);
    assert_true(balance.is_past);
    assert_int_equal(teller_history(world.client, queries, entries, &count, &cursor, &answer), ERR_OK);
    assert_int_equal(count, 1);
    assert_string_equal(teller_entry_kind_name(entries[0].kind), "sent");
    assert_true(str_equal(entries[0].memo, STR_LITERAL("rent")) && str_equal(cursor, STR_LITERAL("more")));
    assert_int_equal(teller_histories(world.client, queries, 3, note_page, &calls, &answer), ERR_OK);
    assert_int_equal(calls, 3);
    assert_int_equal(teller_transfer_show(world.client, &id, &transfer, &answer), ERR_OK);
    assert_true(uuid_equal(&transfer.id, &id) && transfer.status == TELLER_FAILED);
    end();
}

static void the_node_tells_about_itself(void **state)
{
    (void)state;
    struct teller_version version;
    struct teller_health health;
    struct teller_answer answer;
    struct str body;
    begin(NULL, 0);
    assert_int_equal(teller_partitions(world.client), 0);
    assert_int_equal(teller_version(world.client, &version, &answer), ERR_OK);
    assert_true(str_equal(version.version, STR_LITERAL("9.9")));
    assert_int_equal(teller_partitions(world.client), 2);
    assert_int_equal(teller_health(world.client, &health, &answer), ERR_OK);
    assert_true(!health.is_ok && health.partitions == 2 && health.states[1] == TELLER_FULL);
    assert_int_equal(teller_status(world.client, &body, &answer), ERR_OK);
    assert_int_equal(body.length, 1);
    assert_int_equal(teller_metrics(world.client, false, &body, &answer), ERR_OK);
    assert_int_equal(body.length, 1);
    assert_int_equal(teller_metrics(world.client, true, &body, &answer), ERR_OK);
    assert_true(str_equal(body, STR_LITERAL("text")));
    end();
}

static void any_operation_is_asked_by_its_name(void **state)
{
    (void)state;
    struct teller_answer answer;
    struct str body = {0};
    const struct str nil = {"\xc0", 1};
    begin(NULL, 0);
    assert_int_equal(
        teller_ask(world.client, STR_LITERAL("remittance.list"), TELLER_ANY_PARTITION, nil, &body, &answer),
        ERR_OK);
    assert_int_equal(answer.code, CODE_OK);
    assert_int_equal(body.length, 1); /* what the server answers to all it has no answer for */
    assert_int_equal(
        teller_ask(world.client, STR_LITERAL("remittance.forget"), TELLER_ANY_PARTITION, nil, &body, &answer),
        ERR_INVALID);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_comes_to_what_is_known),
        cmocka_unit_test(silence_brings_a_new_connection),
        cmocka_unit_test(no_server_is_told_from_a_lost_answer),
        cmocka_unit_test(an_endpoint_that_is_none_is_refused),
        cmocka_unit_test(every_kind_of_item_has_its_operation),
        cmocka_unit_test(a_refused_item_names_its_field),
        cmocka_unit_test(a_group_can_be_posted_alone),
        cmocka_unit_test(an_account_without_id_is_opened_under_an_id),
        cmocka_unit_test(accounts_are_shown_changed_and_listed),
        cmocka_unit_test(proposals_are_opened_decided_shown_and_listed),
        cmocka_unit_test(a_decision_that_may_have_been_taken_is_not_called_busy),
        cmocka_unit_test(money_is_read_back),
        cmocka_unit_test(the_node_tells_about_itself),
        cmocka_unit_test(any_operation_is_asked_by_its_name),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
